/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of changes, their order, and look-ups in a data plane. */
#include "policy/plan.h"

#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/plan_parts.h"

/* ---- lists --------------------------------------------------------------------------- */

int changes_add(struct changes *c, const struct change *one)
{
    if (c->n == c->size) {
        size_t size = c->size ? 2 * c->size : 8;
        struct change *v = reallocarray(c->v, size, sizeof *v);
        if (!v)
            return -1;
        c->v = v;
        c->size = size;
    }
    c->v[c->n++] = *one;
    return 0;
}

void changes_clear(struct changes *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].kind == CHANGE_CLASS_PUT)
            free(c->v[i].u.class_.permits);
    free(c->v);
    *c = (struct changes){0};
}

const char *plan_error_text(enum plan_error e)
{
    switch (e) {
    case PLAN_OK:
        return "no error";
    case PLAN_MEMORY:
        return "out of memory";
    case PLAN_DEVICE_INDEX:
        return "device index out of range";
    case PLAN_DEVICE_ADDRESS:
        return "device address is not one of the tunnel's";
    case PLAN_DEVICE_DUPLICATE:
        return "index, address or key belongs to another device";
    case PLAN_DEVICE_UNKNOWN:
        return "no such device";
    case PLAN_CLASS_ID:
        return "class id out of range";
    case PLAN_CLASS_EXISTS:
        return "class exists; classes are never edited in place";
    case PLAN_CLASS_UNKNOWN:
        return "no such class";
    case PLAN_CLASS_IN_USE:
        return "a lease is left on the class";
    case PLAN_CLASS_PERMIT:
        return "malformed or unsorted permits";
    case PLAN_LEASE_TIME:
        return "lease time out of range";
    case PLAN_TOO_MANY:
        return "too many changes or permits";
    }
    return "unknown error";
}

/* ---- order --------------------------------------------------------------------------- */

uint32_t change_id(const struct change *c)
{
    switch (c->kind) {
    case CHANGE_DEVICE_PUT:
    case CHANGE_DEVICE_DROP:
        return c->u.device.index;
    case CHANGE_LEASE_PUT:
    case CHANGE_LEASE_DROP:
        return c->u.lease.device;
    case CHANGE_CLASS_PUT:
    case CHANGE_CLASS_DROP:
        return c->u.class_.id;
    }
    return 0;
}

/* The pointers point into one array, so their own order is the order of arrival. */
static int by_kind_and_id(const void *a, const void *b)
{
    const struct change *x = *(const struct change *const *)a;
    const struct change *y = *(const struct change *const *)b;
    const uint32_t i = change_id(x), j = change_id(y);
    if (x->kind != y->kind)
        return x->kind < y->kind ? -1 : 1;
    if (i != j)
        return i < j ? -1 : 1;
    return x < y ? -1 : x > y;
}

int order_make(struct order *o, const struct changes *c)
{
    memset(o, 0, sizeof *o);
    o->all = calloc(c->n + 1, sizeof *o->all);
    if (!o->all)
        return -1;
    for (size_t i = 0; i < c->n; i++) {
        if (c->v[i].kind < CHANGE_DEVICE_PUT || c->v[i].kind > CHANGE_DEVICE_DROP) {
            order_free(o);
            return -1;
        }
        o->all[i] = &c->v[i];
        o->of[c->v[i].kind].n++;
    }
    qsort(o->all, c->n, sizeof *o->all, by_kind_and_id);
    const struct change **at = o->all;
    for (size_t k = 0; k < KINDS; k++) {
        o->of[k].v = at;
        at += o->of[k].n;
    }
    return 0;
}

void order_free(struct order *o)
{
    free(o->all);
    o->all = NULL;
}

const struct change *slice_find(const struct slice *s, uint32_t id)
{
    size_t lo = 0, hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (change_id(s->v[mid]) <= id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 && change_id(s->v[lo - 1]) == id ? s->v[lo - 1] : NULL;
}

/* ---- look-ups ------------------------------------------------------------------------ */

static int device_by_index(const void *a, const void *b)
{
    const struct device *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

static int lease_by_device(const void *a, const void *b)
{
    const struct lease *x = a, *y = b;
    return x->device < y->device ? -1 : x->device > y->device;
}

static int class_by_id(const void *a, const void *b)
{
    const struct access_class *x = a, *y = b;
    return x->id < y->id ? -1 : x->id > y->id;
}

const struct device *dataplane_device(const struct dataplane *dp, uint32_t index)
{
    const struct device key = {.index = index};
    return dp->n_devices ? bsearch(&key, dp->devices, dp->n_devices, sizeof key, device_by_index)
                         : NULL;
}

/* Devices are sorted by index, not by address: this one walks. */
const struct device *dataplane_device_at(const struct dataplane *dp, const struct ip_addr *a)
{
    for (size_t i = 0; i < dp->n_devices && a->family != 0; i++) {
        const struct device *d = &dp->devices[i];
        if (ip_cmp(a->family == 6 ? &d->addr6 : &d->addr4, a) == 0)
            return d;
    }
    return NULL;
}

const struct lease *dataplane_lease(const struct dataplane *dp, uint32_t device)
{
    const struct lease key = {.device = device};
    return dp->n_leases ? bsearch(&key, dp->leases, dp->n_leases, sizeof key, lease_by_device)
                        : NULL;
}

const struct access_class *dataplane_class(const struct dataplane *dp, uint16_t id)
{
    const struct access_class key = {.id = id};
    return dp->n_classes ? bsearch(&key, dp->classes, dp->n_classes, sizeof key, class_by_id)
                         : NULL;
}
