/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Destinations: read from a request, found in the policy, shown. */
#include "gateway/control_target.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct { const char *name; uint8_t n; } protos[] = {
    {"tcp", IPPROTO_TCP}, {"udp", IPPROTO_UDP}, {"icmp", IPPROTO_ICMP},
    {"icmpv6", IPPROTO_ICMPV6}, {"sctp", IPPROTO_SCTP}};
#define PROTOS (sizeof protos / sizeof protos[0])

static bool read_proto(const char *s, uint8_t *out)
{
    for (size_t i = 0; i < PROTOS; i++)
        if (strcmp(protos[i].name, s) == 0) {
            *out = protos[i].n;
            return true;
        }
    long n = strtol(s, NULL, 10);
    *out = (uint8_t)n;
    return s[0] && strspn(s, "0123456789") == strlen(s) && strlen(s) <= 3 && n <= 255;
}

static void show_target(struct target *t)
{
    char addr[ADDR_TEXT], proto[8];

    snprintf(proto, sizeof proto, "%u", t->proto);
    for (size_t i = 0; i < PROTOS; i++)
        if (protos[i].n == t->proto)
            snprintf(proto, sizeof proto, "%s", protos[i].name);
    ip_print(&t->dst, addr);
    if (!has_ports(t->proto))
        snprintf(t->shown, sizeof t->shown, "%s/%s", addr, proto);
    else if (t->dst.family == 6)
        snprintf(t->shown, sizeof t->shown, "[%s]:%u/%s", addr, t->port, proto);
    else
        snprintf(t->shown, sizeof t->shown, "%s:%u/%s", addr, t->port, proto);
}

static struct reply bad_target(struct engine *e, const char *to)
{
    char best[NAME_SIZE] = "", hint[NAME_SIZE + 32] = "";
    unsigned distance = UINT32_MAX;

    for (size_t i = 0; i < e->policy->n_resources; i++)
        nearest_name(to, e->policy->resources[i].name, best, &distance);
    if (best[0])
        snprintf(hint, sizeof hint, "Did you mean '%s'?", best);
    return reply_errorf(400, "unknown_destination", hint,
                        "'%s' is neither an address nor a resource of the policy.", to);
}

/* A resource stands for its first address and service. */
static bool resource_target(struct engine *e, const char *name, struct target *t)
{
    int i = policy_resource(e->policy, name);
    const struct resource *r = i >= 0 ? &e->policy->resources[i] : NULL;

    if (!r || r->n_entries == 0 || r->entries[0].n_ranges == 0 || r->entries[0].n_services == 0)
        return false;
    t->dst = r->entries[0].ranges[0].first;
    t->proto = r->entries[0].services[0].proto;
    t->port = r->entries[0].services[0].port_first;
    return true;
}

bool target_read(struct engine *e, const struct request *q, struct target *t, struct reply *error)
{
    const char *to = query_get(q, "to"), *proto = query_get(q, "proto");
    int64_t port = -1;

    *error = reply_error(400, "bad_query", "to=, port= and proto= say what is meant.",
                         "portcullis explain maria 10.20.0.9:5432/tcp");
    if (!to || !query_int(q, "port", 0, 65535, &port) || (proto && !read_proto(proto, &t->proto)))
        return false;
    if (!ip_parse(to, strlen(to), &t->dst)) {
        if (!resource_target(e, to, t)) {
            json_decref(error->body);
            *error = bad_target(e, to);
            return false;
        }
    } else if (!proto) {
        t->proto = IPPROTO_TCP;
    }
    if (proto)
        (void)read_proto(proto, &t->proto);
    if (t->proto == IPPROTO_ICMP && t->dst.family == 6)
        t->proto = IPPROTO_ICMPV6;                /* as in the policy, icmp is that of the address */
    if (port >= 0)
        t->port = (uint16_t)port;
    else if (has_ports(t->proto) && t->port == 0)
        return false;
    json_decref(error->body);
    show_target(t);
    t->resource = policy_resource_at(e->policy, 0, &t->dst, t->proto, t->port);
    return true;
}

int target_line(struct engine *e, size_t role, const struct target *t)
{
    const struct role *r = &e->policy->roles[role];
    int resource = policy_resource_at(e->policy, UINT64_C(1) << role, &t->dst, t->proto, t->port);

    for (size_t i = 0; i < r->n_reach; i++)
        if (r->reach[i] == resource)
            return r->reach_pos[i].line;
    return 0;
}
