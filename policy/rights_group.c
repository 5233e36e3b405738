/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Permits in the order in which a person would say them: the services of each range of
 * addresses, and together those ranges that have the same services.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

static int spoken_order(const void *a, const void *b)
{
    const struct permit *x = a, *y = b;
    int c = ip_cmp(&x->dst.first, &y->dst.first);

    c = c ? c : ip_cmp(&x->dst.last, &y->dst.last);
    c = c ? c : (x->proto > y->proto) - (x->proto < y->proto);
    return c ? c : (x->port_first > y->port_first) - (x->port_first < y->port_first);
}

static bool same_range(const struct ip_range *a, const struct ip_range *b)
{
    return ip_cmp(&a->first, &b->first) == 0 && ip_cmp(&a->last, &b->last) == 0;
}

int rights_group(struct permits *s, struct right_groups *g)
{
    *g = (struct right_groups){calloc(s->n + 1, sizeof *g->v), 0,
                               calloc(s->n + 1, sizeof *g->services)};
    if (!g->v || !g->services) {
        rights_group_free(g);
        return -1;
    }
    for (size_t i = 0; i < s->n; i++)
        if (s->v[i].proto == IPPROTO_ICMPV6)
            s->v[i].proto = IPPROTO_ICMP;
    qsort(s->v, s->n, sizeof *s->v, spoken_order);
    for (size_t i = 0; i < s->n; i++) {
        if (g->n == 0 || !same_range(&g->v[g->n - 1].range, &s->v[i].dst))
            g->v[g->n++] = (struct right_group){s->v[i].dst, i, 0, false};
        g->v[g->n - 1].count++;
        g->services[i] = (struct service){s->v[i].proto, s->v[i].port_first, s->v[i].port_last};
    }
    return 0;
}

void rights_group_free(struct right_groups *g)
{
    free(g->v);
    free(g->services);
    *g = (struct right_groups){0};
}

static bool same_services(const struct right_groups *g, size_t a, size_t b)
{
    if (g->v[a].count != g->v[b].count)
        return false;
    for (size_t i = 0; i < g->v[a].count; i++) {
        const struct service *x = &g->services[g->v[a].first + i];
        const struct service *y = &g->services[g->v[b].first + i];

        if (x->proto != y->proto || x->port_first != y->port_first || x->port_last != y->port_last)
            return false;
    }
    return true;
}

void out_group_addresses(struct out *o, struct right_groups *g, size_t i)
{
    bool first = true;

    for (size_t j = i; j < g->n; j++) {
        if (g->v[j].said || !same_services(g, i, j))
            continue;
        out_put(o, first ? "" : ", ");
        out_range(o, &g->v[j].range);
        g->v[j].said = true;
        first = false;
    }
}
