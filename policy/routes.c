/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device sends into its tunnel: ranges joined, then cut into prefixes. */
#include "policy/routes.h"

#include <stdlib.h>

#include "policy/address.h"

#define STEPS 32             /* IPv4 prefixes grow by a bit, those of IPv6 by four */

struct ranges { struct ip_range *v; size_t n; };

static uint8_t full_length(uint8_t family) { return family == 4 ? 32 : 128; }

static int range_order(const void *a, const void *b)
{
    const struct ip_range *x = a, *y = b;

    return ip_cmp(&x->first, &y->first);
}

static void add_own(struct ranges *s, const struct ip_prefix *net)
{
    if (net->addr.family)
        s->v[s->n++] = (struct ip_range){net->addr, net->addr};
}

static int collect(const struct policy *p, uint64_t roles, const struct tunnel *t,
                   struct ranges *s)
{
    struct permit *permits;
    size_t n;

    if (policy_permits(p, roles, &permits, &n) < 0)
        return -1;
    s->v = calloc(n + 2, sizeof *s->v);
    for (size_t i = 0; s->v && i < n; i++)
        s->v[s->n++] = permits[i].dst;
    free(permits);
    if (!s->v)
        return -1;
    add_own(s, &t->net4);
    add_own(s, &t->net6);
    qsort(s->v, s->n, sizeof *s->v, range_order);
    return 0;
}

/* Does b begin within a, or just behind it? */
static bool goes_on(const struct ip_range *a, const struct ip_range *b)
{
    struct ip_addr behind = a->last;

    if (a->first.family != b->first.family)
        return false;
    return !ip_next(&behind) || ip_cmp(&b->first, &behind) <= 0;
}

static void join(struct ranges *s)
{
    size_t n = 0;

    for (size_t i = 0; i < s->n; i++) {
        if (n == 0 || !goes_on(&s->v[n - 1], &s->v[i]))
            s->v[n++] = s->v[i];
        else if (ip_cmp(&s->v[i].last, &s->v[n - 1].last) > 0)
            s->v[n - 1].last = s->v[i].last;
    }
    s->n = n;
}

/* Until both ends are those of prefixes of this length. The order stays. */
static void widen(struct ranges *s, unsigned step)
{
    for (size_t i = 0; i < s->n; i++) {
        uint8_t full = full_length(s->v[i].first.family);
        uint8_t len = (uint8_t)(full - step * (full / STEPS));

        s->v[i].first = prefix_range(&(struct ip_prefix){s->v[i].first, len}).first;
        s->v[i].last = prefix_range(&(struct ip_prefix){s->v[i].last, len}).last;
    }
}

/* The largest prefix that begins where the range does and does not leave it. */
static struct ip_prefix head_of(const struct ip_range *r)
{
    struct ip_prefix head = {r->first, full_length(r->first.family)};

    while (head.len > 0) {
        struct ip_prefix larger = {r->first, (uint8_t)(head.len - 1)};
        struct ip_range all = prefix_range(&larger);
        if (ip_cmp(&all.first, &r->first) != 0 || ip_cmp(&all.last, &r->last) > 0)
            break;
        head = larger;
    }
    return head;
}

/* Their number, or more than ROUTES_MAX. */
static int cut(const struct ranges *s, struct ip_prefix out[ROUTES_MAX])
{
    int n = 0;

    for (size_t i = 0; i < s->n; i++) {
        struct ip_range rest = s->v[i];
        bool more = true;
        while (more) {
            if (n == ROUTES_MAX)
                return ROUTES_MAX + 1;
            out[n] = head_of(&rest);
            rest.first = prefix_range(&out[n++]).last;
            more = ip_cmp(&rest.first, &rest.last) < 0 && ip_next(&rest.first);
        }
    }
    return n;
}

static bool all_traffic(const struct policy *p, uint64_t roles)
{
    for (size_t i = 0; i < p->n_roles; i++)
        if ((roles >> i & 1) && p->roles[i].all_traffic)
            return true;
    return false;
}

int policy_routes(const struct policy *p, uint64_t roles, const struct tunnel *t,
                  struct ip_prefix out[ROUTES_MAX])
{
    struct ranges s = {0};
    int n = ROUTES_MAX + 1;

    if (all_traffic(p, roles)) {
        out[0] = (struct ip_prefix){.addr.family = 4};
        out[1] = (struct ip_prefix){.addr.family = 6};
        return 2;
    }
    if (collect(p, roles, t, &s) < 0)
        return -1;
    for (unsigned step = 0; n > ROUTES_MAX; step++) {   /* ends: whole families are two */
        widen(&s, step);
        join(&s);
        n = cut(&s, out);
    }
    free(s.v);
    return n;
}
