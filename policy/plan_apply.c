/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A checked list of changes applied to a model. All memory is taken first; from then on nothing
 * can fail, so that the model is either as before or as after. Arrays stay sorted: what is new
 * is merged in from the back, what goes is closed up, each in one pass.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/plan_parts.h"

/* ---- memory -------------------------------------------------------------------------- */

static void *grown(void *old, size_t n, size_t more, size_t each, bool *ok)
{
    if (more == 0)
        return old;
    void *v = reallocarray(old, n + more, each);
    if (!v)
        *ok = false;
    return v ? v : old;
}

static struct permit *copy_permits(const struct access_class *c, bool *ok)
{
    if (c->n_permits == 0)
        return NULL;
    struct permit *v = reallocarray(NULL, c->n_permits, sizeof *v);
    if (v)
        memcpy(v, c->permits, c->n_permits * sizeof *v);
    else
        *ok = false;
    return v;
}

/* Growing an array does not change what it holds, so a failure half way is no harm. */
static bool take_memory(struct dataplane *dp, const struct order *o, struct permit ***permits)
{
    const struct slice *put = &o->of[CHANGE_CLASS_PUT];
    bool ok = true;
    dp->devices =
        grown(dp->devices, dp->n_devices, o->of[CHANGE_DEVICE_PUT].n, sizeof *dp->devices, &ok);
    dp->leases =
        grown(dp->leases, dp->n_leases, o->of[CHANGE_LEASE_PUT].n, sizeof *dp->leases, &ok);
    dp->classes = grown(dp->classes, dp->n_classes, put->n, sizeof *dp->classes, &ok);
    *permits = calloc(put->n + 1, sizeof **permits);
    if (!*permits)
        return false;
    for (size_t i = 0; i < put->n; i++)
        (*permits)[i] = copy_permits(&put->v[i]->u.class_, &ok);
    return ok;
}

/* ---- devices ------------------------------------------------------------------------- */

static void put_devices(struct dataplane *dp, const struct slice *s)
{
    size_t from = dp->n_devices, to = dp->n_devices + s->n;
    for (size_t i = s->n; i > 0; i--) {
        const struct device *d = &s->v[i - 1]->u.device;
        while (from > 0 && dp->devices[from - 1].index > d->index)
            dp->devices[--to] = dp->devices[--from];
        dp->devices[--to] = *d;
    }
    dp->n_devices += s->n;
}

static void drop_devices(struct dataplane *dp, const struct slice *s)
{
    size_t kept = 0, next = 0;
    for (size_t i = 0; s->n > 0 && i < dp->n_devices; i++) {
        while (next < s->n && change_id(s->v[next]) < dp->devices[i].index)
            next++;
        if (next < s->n && change_id(s->v[next]) == dp->devices[i].index)
            continue;
        if (kept != i)
            dp->devices[kept] = dp->devices[i];
        kept++;
    }
    if (s->n > 0)
        dp->n_devices = kept;
}

/* ---- classes ------------------------------------------------------------------------- */

static void put_class(struct dataplane *dp, const struct change *c, struct permit *permits)
{
    const struct access_class new = {c->u.class_.id, permits, c->u.class_.n_permits};
    size_t i = dp->n_classes;
    while (i > 0 && dp->classes[i - 1].id > new.id)
        i--;
    if (i > 0 && dp->classes[i - 1].id == new.id) {
        free(dp->classes[i - 1].permits);
        dp->classes[i - 1] = new;
        return;
    }
    memmove(&dp->classes[i + 1], &dp->classes[i], (dp->n_classes - i) * sizeof new);
    dp->classes[i] = new;
    dp->n_classes++;
}

static void drop_classes(struct dataplane *dp, const struct slice *s)
{
    size_t kept = 0;
    for (size_t i = 0; s->n > 0 && i < dp->n_classes; i++) {
        if (slice_find(s, dp->classes[i].id))
            free(dp->classes[i].permits);
        else
            dp->classes[kept++] = dp->classes[i];
    }
    if (s->n > 0)
        dp->n_classes = kept;
}

/* ---- leases -------------------------------------------------------------------------- */

static void write_lease(struct dataplane *dp, const struct lease *l, size_t *held)
{
    const struct lease *there = dataplane_lease(dp, l->device);
    if (there)
        dp->leases[there - dp->leases] = *l;
    else
        dp->leases[(*held)++] = *l;
}

static int by_device(const void *a, const void *b)
{
    const struct lease *x = a, *y = b;
    return x->device < y->device ? -1 : x->device > y->device;
}

/* Those of devices that hold a lease already are changed in place; the others are collected
 * behind the sorted part (of each device the last), then sorted in. */
static void put_leases(struct dataplane *dp, const struct slice *s)
{
    size_t held = dp->n_leases;
    for (size_t i = 0; i < s->n; i++)
        if (i + 1 == s->n || change_id(s->v[i + 1]) != change_id(s->v[i]))
            write_lease(dp, &s->v[i]->u.lease, &held);
    if (held > dp->n_leases && (dp->n_leases == 0 || dp->leases[dp->n_leases - 1].device >=
                                                         dp->leases[dp->n_leases].device))
        qsort(dp->leases, held, sizeof *dp->leases, by_device);
    dp->n_leases = held;
}

static void drop_leases(struct dataplane *dp, const struct slice *a, const struct slice *b)
{
    size_t kept = 0;
    for (size_t i = 0; a->n + b->n > 0 && i < dp->n_leases; i++)
        if (!slice_find(a, dp->leases[i].device) && !slice_find(b, dp->leases[i].device))
            dp->leases[kept++] = dp->leases[i];
    if (a->n + b->n > 0)
        dp->n_leases = kept;
}

/* ---- all of it ----------------------------------------------------------------------- */

static void apply(struct dataplane *dp, const struct order *o, struct permit **permits)
{
    const struct slice *classes = &o->of[CHANGE_CLASS_PUT];
    put_devices(dp, &o->of[CHANGE_DEVICE_PUT]);
    for (size_t i = 0; i < classes->n; i++) {
        put_class(dp, classes->v[i], permits[i]);
        permits[i] = NULL;
    }
    put_leases(dp, &o->of[CHANGE_LEASE_PUT]);
    drop_leases(dp, &o->of[CHANGE_LEASE_DROP], &o->of[CHANGE_DEVICE_DROP]);
    drop_classes(dp, &o->of[CHANGE_CLASS_DROP]);
    drop_devices(dp, &o->of[CHANGE_DEVICE_DROP]);
}

enum plan_error plan_apply(struct dataplane *dp, const struct changes *c)
{
    struct permit **permits = NULL;
    struct order o;
    if (order_make(&o, c) < 0)
        return PLAN_MEMORY;
    const bool ok = take_memory(dp, &o, &permits);
    if (ok)
        apply(dp, &o, permits);
    for (size_t i = 0; permits && i < o.of[CHANGE_CLASS_PUT].n; i++)
        free(permits[i]);
    free(permits);
    order_free(&o);
    return ok ? PLAN_OK : PLAN_MEMORY;
}
