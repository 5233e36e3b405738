/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network NAME { ADDRS }  and  resource NAME { ADDRS SERVICES  more entries  sensitive } */
#include <string.h>

#include "policy/lang.h"

static bool add_range(struct parser *p, struct ip_range **v, size_t *n, struct ip_range r)
{
    if (*n >= RANGES_MAX)
        return parse_fail_at(p, &p->last, "", "more than %d addresses in one list", RANGES_MAX);
    if (!parse_grow(p, v, *n, sizeof **v))
        return false;
    (*v)[(*n)++] = r;
    return true;
}

static bool free_word(const char *name, const struct token *t, struct parser *p)
{
    if (!reserved_word(name))
        return true;
    return parse_fail_at(p, t, "choose another name", "'%s' is a word of the language", name);
}

/* ---- network ------------------------------------------------------------------------------ */

static bool network_head(struct parser *p, struct network *net)
{
    struct token t = p->tok;

    net->pos = t.pos;
    if (!parse_name(p, "a network", net->name) || !free_word(net->name, &t, p))
        return false;
    return (net->name[0] >= 'a' && net->name[0] <= 'z') ||
           parse_fail_at(p, &t, "", "the name of a network begins with a letter");
}

static void network_address(struct parser *p)
{
    struct network *net = &p->policy->networks[p->policy->n_networks - 1];
    struct ip_range r;

    if (parse_range(p, &r) && add_range(p, &net->ranges, &net->n_ranges, r))
        take_sign(p, ",");
}

void parse_network(struct parser *p)
{
    static const struct statement body[] = {{NULL, network_address}};
    struct policy *pol = p->policy;

    if (pol->n_networks >= NETWORKS_MAX) {
        parse_fail_at(p, &p->last, "", "more than %d networks", NETWORKS_MAX);
        return;
    }
    if (!parse_grow(p, &pol->networks, pol->n_networks, sizeof *pol->networks))
        return;
    if (network_head(p, &pol->networks[pol->n_networks++]))
        parse_block(p, "a network", body);
}

/* ---- resource: one entry ------------------------------------------------------------------ */

static bool entry_address(struct parser *p, struct resource_entry *e, size_t resource, size_t entry)
{
    struct ref r = {REF_NETWORK, resource, entry, e->n_networks, p->tok.pos, ""};
    struct ip_range range;

    if (looks_like_address(&p->tok) || p->tok.kind != TOK_WORD)
        return parse_range(p, &range) && add_range(p, &e->ranges, &e->n_ranges, range);
    if (!parse_name(p, "a network", r.name))
        return false;
    if (e->n_networks >= RANGES_MAX)
        return parse_fail_at(p, &p->last, "", "more than %d networks in one list", RANGES_MAX);
    if (!parse_grow(p, &e->networks, e->n_networks, sizeof *e->networks))
        return false;
    e->n_networks++;
    return parse_add_ref(p, r);
}

static bool entry_addresses(struct parser *p, struct resource_entry *e, size_t resource,
                            size_t entry)
{
    do
        if (!entry_address(p, e, resource, entry))
            return false;
    while (take_sign(p, ","));
    e->n_own = e->n_ranges;
    return true;
}

static bool add_service(struct parser *p, struct resource_entry *e, struct service s)
{
    if (e->n_services >= SERVICES_MAX)
        return parse_fail_at(p, &p->last, "", "more than %d services in one list", SERVICES_MAX);
    if (!parse_grow(p, &e->services, e->n_services, sizeof *e->services))
        return false;
    e->services[e->n_services++] = s;
    return true;
}

/* "80, 443, 8000-8010": a comma may also lead to the next service. */
static bool service_ports(struct parser *p, struct resource_entry *e, uint8_t proto, bool *more)
{
    do {
        struct service s = {.proto = proto};

        if (!parse_ports(p, &s.port_first, &s.port_last) || !add_service(p, e, s))
            return false;
        *more = take_sign(p, ",");
    } while (*more && !at_service(p));
    return true;
}

static bool entry_services(struct parser *p, struct resource_entry *e)
{
    bool more = true;

    while (more || at_service(p)) {
        uint8_t proto;

        more = false;
        if (!parse_protocol(p, &proto))
            return false;
        if (has_ports(proto)) {
            if (!service_ports(p, e, proto, &more))
                return false;
        } else if (!add_service(p, e, (struct service){proto, 0, 0})) {
            return false;
        } else {
            more = take_sign(p, ",");
        }
    }
    return true;
}

static struct resource *this_resource(struct parser *p)
{
    return &p->policy->resources[p->policy->n_resources - 1];
}

static void parse_entry(struct parser *p)
{
    struct resource *r = this_resource(p);
    size_t entry = r->n_entries;

    if (!parse_grow(p, &r->entries, entry, sizeof *r->entries))
        return;
    r->n_entries++;
    if (entry_addresses(p, &r->entries[entry], p->policy->n_resources - 1, entry))
        entry_services(p, &r->entries[entry]);
}

/* ---- resource ----------------------------------------------------------------------------- */

static void parse_sensitive(struct parser *p)
{
    parse_once(p, &this_resource(p)->sensitive, "sensitive");
}

static bool resource_head(struct parser *p, struct resource *r)
{
    struct token t = p->tok;

    r->pos = t.pos;
    return parse_name(p, "a resource", r->name) && free_word(r->name, &t, p);
}

void parse_resource(struct parser *p)
{
    static const struct statement body[] = {{"sensitive", parse_sensitive}, {NULL, parse_entry}};
    struct policy *pol = p->policy;

    if (pol->n_resources >= RESOURCES_MAX) {
        parse_fail_at(p, &p->last, "", "more than %d resources", RESOURCES_MAX);
        return;
    }
    if (!parse_grow(p, &pol->resources, pol->n_resources, sizeof *pol->resources))
        return;
    pol->n_resources++;
    if (resource_head(p, this_resource(p)))
        parse_block(p, "a resource", body);
}
