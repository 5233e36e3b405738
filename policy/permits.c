/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What roles and resources of a policy come to: permits, and the way back to a resource. */
#include <stdlib.h>

#include "policy/address.h"
#include "policy/lang.h"

static void permits_of_entry(struct permits *s, const struct resource_entry *e)
{
    for (size_t r = 0; r < e->n_ranges; r++)
        for (size_t v = 0; v < e->n_services; v++)
            permits_add(s,
                        (struct permit){e->ranges[r],
                                        proto_for(e->services[v].proto, e->ranges[r].first.family),
                                        e->services[v].port_first, e->services[v].port_last});
}

void permits_of_resource(struct permits *s, const struct resource *r)
{
    for (size_t i = 0; i < r->n_entries; i++)
        permits_of_entry(s, &r->entries[i]);
}

void permits_of_role(struct permits *s, const struct policy *p, size_t role)
{
    const struct role *r = &p->roles[role];

    for (size_t i = 0; i < r->n_reach; i++)
        permits_of_resource(s, &p->resources[r->reach[i]]);
}

void permits_of_remediation(struct permits *s, const struct policy *p)
{
    for (size_t i = 0; i < p->n_remediation; i++)
        permits_of_resource(s, &p->resources[p->remediation[i]]);
}

static bool has_role(uint64_t roles, size_t i) { return roles >> i & 1; }

int policy_permits(const struct policy *p, uint64_t roles, struct permit **out, size_t *n)
{
    struct permits all = {0}, merged;
    int rc;

    *out = NULL;
    *n = 0;
    permits_of_remediation(&all, p);
    for (size_t i = 0; i < p->n_roles; i++)
        if (has_role(roles, i))
            permits_of_role(&all, p, i);
    rc = permits_minus(&all, NULL, &merged);
    permits_free(&all);
    if (rc == 0) {
        *out = merged.v;
        *n = merged.n;
    }
    return rc;
}

/* ---- which resource is it? ---------------------------------------------------------------- */

static bool entry_has_address(const struct resource_entry *e, const struct ip_addr *dst)
{
    for (size_t i = 0; i < e->n_ranges; i++)
        if (ip_in_range(dst, &e->ranges[i]))
            return true;
    return false;
}

static bool entry_has(const struct resource_entry *e, const struct ip_addr *dst, uint8_t proto,
                      uint16_t port)
{
    if (!entry_has_address(e, dst))
        return false;
    for (size_t i = 0; i < e->n_services; i++) {
        const struct service *s = &e->services[i];

        if (proto_for(s->proto, dst->family) == proto &&
            (!has_ports(proto) || (port >= s->port_first && port <= s->port_last)))
            return true;
    }
    return false;
}

static bool resource_has(const struct resource *r, const struct ip_addr *dst, uint8_t proto,
                         uint16_t port)
{
    for (size_t i = 0; i < r->n_entries; i++)
        if (entry_has(&r->entries[i], dst, proto, port))
            return true;
    return false;
}

static int find_in(const struct policy *p, const uint16_t *list, size_t n,
                   const struct ip_addr *dst, uint8_t proto, uint16_t port)
{
    for (size_t i = 0; i < n; i++)
        if (resource_has(&p->resources[list[i]], dst, proto, port))
            return list[i];
    return -1;
}

int policy_resource_at(const struct policy *p, uint64_t roles, const struct ip_addr *dst,
                       uint8_t proto, uint16_t port)
{
    int found = -1;

    for (size_t i = 0; i < p->n_roles && found < 0; i++)
        if (has_role(roles, i))
            found = find_in(p, p->roles[i].reach, p->roles[i].n_reach, dst, proto, port);
    if (found < 0)
        found = find_in(p, p->remediation, p->n_remediation, dst, proto, port);
    for (size_t i = 0; i < p->n_resources && found < 0; i++)
        if (resource_has(&p->resources[i], dst, proto, port))
            found = (int)i;
    return found;
}
