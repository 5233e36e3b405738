/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is a list of changes meaningful against this data plane? The parent asks before it writes
 * anything into the kernel, so nothing here trusts the engine that sent the list.
 *
 * Kinds are checked in the order in which they are applied: a lease may name a device and a class
 * that the same list puts, and a class may be dropped that the same list empties.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/plan_parts.h"

#define CHANGES_MAX (1u << 20)
#define PERMITS_MAX 65536u

struct check {
    const struct dataplane *dp;
    const struct changes *c;
    struct order o;
    size_t *at;
};

static enum plan_error bad(struct check *k, const struct change *c, enum plan_error e)
{
    if (e != PLAN_OK && k->at)
        *k->at = (size_t)(c - k->c->v);
    return e;
}

/* ---- devices ------------------------------------------------------------------------- */

static bool rest_is_zero(const struct ip_addr *a)
{
    for (size_t i = a->family == 6 ? 16 : a->family == 4 ? 4 : 0; i < 16; i++)
        if (a->b[i] != 0)
            return false;
    return true;
}

/* Inside the network, not the gateway, not the network's first address, not IPv4's last. */
static bool is_host_of(const struct ip_addr *a, const struct ip_prefix *net)
{
    const struct ip_range r = prefix_range(net);
    const bool small = net->len >= (a->family == 6 ? 127 : 31);
    if (a->family != net->addr.family || !rest_is_zero(a) || !ip_in_prefix(a, net) ||
        ip_cmp(a, &net->addr) == 0)
        return false;
    if (small)
        return true;
    return ip_cmp(a, &r.first) != 0 && (a->family == 6 || ip_cmp(a, &r.last) != 0);
}

static enum plan_error check_device(const struct check *k, const struct device *d)
{
    const struct tunnel *t = &k->dp->tunnel;
    if (d->index == 0 || d->index > DEVICE_MAX)
        return PLAN_DEVICE_INDEX;
    if (!is_host_of(&d->addr4, &t->net4))
        return PLAN_DEVICE_ADDRESS;
    if (d->addr6.family == 0)
        return rest_is_zero(&d->addr6) ? PLAN_OK : PLAN_DEVICE_ADDRESS;
    return is_host_of(&d->addr6, &t->net6) ? PLAN_OK : PLAN_DEVICE_ADDRESS;
}

/* What no two devices may share, as one comparable value each. */
static int by_addr4(const void *a, const void *b)
{
    const struct change *const *x = a, *const *y = b;
    return ip_cmp(&(*x)->u.device.addr4, &(*y)->u.device.addr4);
}

static int by_addr6(const void *a, const void *b)
{
    const struct change *const *x = a, *const *y = b;
    return ip_cmp(&(*x)->u.device.addr6, &(*y)->u.device.addr6);
}

static int by_key(const void *a, const void *b)
{
    const struct change *const *x = a, *const *y = b;
    return memcmp(&(*x)->u.device.key, &(*y)->u.device.key, sizeof(struct wg_key));
}

static bool has_addr6(const struct device *d) { return d->addr6.family != 0; }
static bool has_key(const struct device *d)
{
    static const struct wg_key none;
    return memcmp(&d->key, &none, sizeof none) != 0;
}
static bool always(const struct device *d) { return d->index != 0; }

struct trait {
    int (*compare)(const void *, const void *);
    bool (*has)(const struct device *);
};
static const struct trait traits[] = {{by_addr4, always}, {by_addr6, has_addr6}, {by_key, has_key}};

/* Sorts the puts by the trait; then neighbours, and each device that is there, are compared. */
static const struct change *shares_trait(const struct check *k, const struct trait *t,
                                         const struct change **puts, size_t n)
{
    qsort(puts, n, sizeof *puts, t->compare);
    for (size_t i = 1; i < n; i++)
        if (t->has(&puts[i]->u.device) && t->compare(&puts[i - 1], &puts[i]) == 0)
            return puts[i];
    for (size_t i = 0; i < k->dp->n_devices; i++) {
        const struct change there = {.kind = CHANGE_DEVICE_PUT, .u.device = k->dp->devices[i]};
        const struct change *key = &there;
        if (!t->has(&there.u.device))
            continue;
        const struct change **same = bsearch(&key, puts, n, sizeof *puts, t->compare);
        if (same)
            return *same;
    }
    return NULL;
}

static enum plan_error check_traits(struct check *k)
{
    const struct slice *s = &k->o.of[CHANGE_DEVICE_PUT];
    const struct change *shared = NULL;
    if (s->n == 0)
        return PLAN_OK;
    const struct change **puts = calloc(s->n, sizeof *puts);
    if (!puts)
        return PLAN_MEMORY;
    memcpy(puts, s->v, s->n * sizeof *puts);
    for (size_t i = 0; i < sizeof traits / sizeof traits[0] && !shared; i++)
        shared = shares_trait(k, &traits[i], puts, s->n);
    free(puts);
    return shared ? bad(k, shared, PLAN_DEVICE_DUPLICATE) : PLAN_OK;
}

static enum plan_error check_device_puts(struct check *k)
{
    const struct slice *s = &k->o.of[CHANGE_DEVICE_PUT];
    for (size_t i = 0; i < s->n; i++) {
        enum plan_error e = check_device(k, &s->v[i]->u.device);
        if (e == PLAN_OK && (dataplane_device(k->dp, change_id(s->v[i])) ||
                             (i > 0 && change_id(s->v[i - 1]) == change_id(s->v[i]))))
            e = PLAN_DEVICE_DUPLICATE;
        if (e != PLAN_OK)
            return bad(k, s->v[i], e);
    }
    return check_traits(k);
}

static bool device_known(const struct check *k, uint32_t index)
{
    return dataplane_device(k->dp, index) || slice_find(&k->o.of[CHANGE_DEVICE_PUT], index);
}

static enum plan_error check_device_drops(struct check *k)
{
    const struct slice *s = &k->o.of[CHANGE_DEVICE_DROP];
    for (size_t i = 0; i < s->n; i++)
        if (!dataplane_device(k->dp, change_id(s->v[i])) ||
            (i > 0 && change_id(s->v[i - 1]) == change_id(s->v[i])))
            return bad(k, s->v[i], PLAN_DEVICE_UNKNOWN);
    return PLAN_OK;
}

/* ---- classes ------------------------------------------------------------------------- */

static bool permit_is_good(const struct permit *p)
{
    const uint8_t f = p->dst.first.family;
    if ((f != 4 && f != 6) || p->dst.last.family != f || !rest_is_zero(&p->dst.first) ||
        !rest_is_zero(&p->dst.last) || ip_cmp(&p->dst.first, &p->dst.last) > 0)
        return false;
    if (p->proto == (f == 6 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
        return false;
    if (!has_ports(p->proto))
        return p->port_first == 0 && p->port_last == 0;
    return p->port_first <= p->port_last;
}

/* The order of policy_permits(): address, protocol, port; no two begin at the same corner. */
static bool permits_in_order(const struct permit *a, const struct permit *b)
{
    int c = ip_cmp(&a->dst.first, &b->dst.first);
    if (c == 0)
        c = a->proto - b->proto;
    if (c == 0)
        c = a->port_first - b->port_first;
    return c < 0;
}

static enum plan_error check_class(const struct access_class *c)
{
    if (c->id > CLASS_MAX)
        return PLAN_CLASS_ID;
    if (c->n_permits > PERMITS_MAX)
        return PLAN_TOO_MANY;
    for (size_t i = 0; i < c->n_permits; i++)
        if (!permit_is_good(&c->permits[i]) ||
            (i > 0 && !permits_in_order(&c->permits[i - 1], &c->permits[i])))
            return PLAN_CLASS_PERMIT;
    return PLAN_OK;
}

static enum plan_error check_class_puts(struct check *k)
{
    const struct slice *s = &k->o.of[CHANGE_CLASS_PUT];
    for (size_t i = 0; i < s->n; i++) {
        const struct access_class *c = &s->v[i]->u.class_;
        enum plan_error e = check_class(c);
        if (e == PLAN_OK && ((c->id != 0 && dataplane_class(k->dp, c->id)) ||
                             (i > 0 && change_id(s->v[i - 1]) == c->id)))
            e = PLAN_CLASS_EXISTS;
        if (e != PLAN_OK)
            return bad(k, s->v[i], e);
    }
    return PLAN_OK;
}

static enum plan_error check_class_drop(const struct check *k, const struct change *c, bool again)
{
    const uint16_t id = c->u.class_.id;
    if (id == 0 || id > CLASS_MAX)
        return PLAN_CLASS_ID;
    return again || !dataplane_class(k->dp, id) ? PLAN_CLASS_UNKNOWN : PLAN_OK;
}

/* The class that this device's lease has after the list; 0 = no lease. */
static uint16_t class_after(const struct check *k, uint32_t device, uint16_t now)
{
    if (slice_find(&k->o.of[CHANGE_LEASE_DROP], device) ||
        slice_find(&k->o.of[CHANGE_DEVICE_DROP], device))
        return 0;
    const struct change *put = slice_find(&k->o.of[CHANGE_LEASE_PUT], device);
    return put ? put->u.lease.class_id : now;
}

static enum plan_error check_unused(struct check *k, uint32_t device, uint16_t now)
{
    const uint16_t after = class_after(k, device, now);
    const struct change *drop = after ? slice_find(&k->o.of[CHANGE_CLASS_DROP], after) : NULL;
    return drop ? bad(k, drop, PLAN_CLASS_IN_USE) : PLAN_OK;
}

static enum plan_error check_class_drops(struct check *k)
{
    const struct slice *s = &k->o.of[CHANGE_CLASS_DROP], *puts = &k->o.of[CHANGE_LEASE_PUT];
    enum plan_error e = PLAN_OK;
    for (size_t i = 0; i < s->n && e == PLAN_OK; i++)
        e = bad(
            k, s->v[i],
            check_class_drop(k, s->v[i], i > 0 && change_id(s->v[i - 1]) == change_id(s->v[i])));
    for (size_t i = 0; s->n > 0 && i < k->dp->n_leases && e == PLAN_OK; i++)
        e = check_unused(k, k->dp->leases[i].device, k->dp->leases[i].class_id);
    for (size_t i = 0; s->n > 0 && i < puts->n && e == PLAN_OK; i++)
        e = check_unused(k, change_id(puts->v[i]), 0);
    return e;
}

/* ---- leases -------------------------------------------------------------------------- */

static enum plan_error check_lease(const struct check *k, const struct lease *l)
{
    if (!device_known(k, l->device))
        return PLAN_DEVICE_UNKNOWN;
    if (l->class_id == 0 || l->class_id > CLASS_MAX)
        return PLAN_CLASS_ID;
    if (!dataplane_class(k->dp, l->class_id) &&
        !slice_find(&k->o.of[CHANGE_CLASS_PUT], l->class_id))
        return PLAN_CLASS_UNKNOWN;
    return l->left_ms < 1 || l->left_ms > LEASE_MAX_MS ? PLAN_LEASE_TIME : PLAN_OK;
}

static enum plan_error check_leases(struct check *k)
{
    const struct slice *puts = &k->o.of[CHANGE_LEASE_PUT], *drops = &k->o.of[CHANGE_LEASE_DROP];
    enum plan_error e = PLAN_OK;
    for (size_t i = 0; i < puts->n && e == PLAN_OK; i++)
        e = bad(k, puts->v[i], check_lease(k, &puts->v[i]->u.lease));
    for (size_t i = 0; i < drops->n && e == PLAN_OK; i++)
        if (!device_known(k, change_id(drops->v[i])))
            e = bad(k, drops->v[i], PLAN_DEVICE_UNKNOWN);
    return e;
}

/* ---- all of it ----------------------------------------------------------------------- */

static enum plan_error check_all(struct check *k)
{
    static enum plan_error (*const steps[])(struct check *) = {
        check_device_puts, check_class_puts, check_leases, check_class_drops, check_device_drops,
    };
    enum plan_error e = PLAN_OK;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0] && e == PLAN_OK; i++)
        e = steps[i](k);
    return e;
}

enum plan_error plan_check(const struct dataplane *dp, const struct changes *c, size_t *at)
{
    struct check k = {.dp = dp, .c = c, .at = at};
    if (at)
        *at = 0;
    if (c->n > CHANGES_MAX)
        return PLAN_TOO_MANY;
    if (order_make(&k.o, c) < 0)
        return PLAN_MEMORY;
    enum plan_error e = check_all(&k);
    order_free(&k.o);
    return e;
}
