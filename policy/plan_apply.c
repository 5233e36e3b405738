/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A checked list of changes applied to a model. All memory is taken first; from then on nothing
 * can fail, so that the model is either as before or as after. Arrays stay sorted: places are found
 * by halving, what is new is let in from the back, what goes is closed up from the front, and what
 * lies between is moved in one piece. One change among 100,000 is a few look-ups and a memmove().
 */
#include <stddef.h>
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

/* ---- sorted arrays ------------------------------------------------------------------- */

/* An array whose elements begin with the uint32_t by which they are sorted. */
struct sorted { char *v; size_t n, size; };

static uint32_t id_at(const struct sorted *s, size_t at)
{
    uint32_t id;
    memcpy(&id, s->v + at * s->size, sizeof id);
    return id;
}

/* Where in [lo, hi) this id is, or would be. */
static size_t place_of(const struct sorted *s, size_t lo, size_t hi, uint32_t id)
{
    while (lo < hi) {
        const size_t mid = lo + (hi - lo) / 2;
        if (id_at(s, mid) < id)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

static void move(struct sorted *s, size_t to, size_t from, size_t n)
{
    if (to != from)
        memmove(s->v + to * s->size, s->v + from * s->size, n * s->size);
}

/* Opens the place of one more id below `end`, for which and for others below it there are `room`
 * free elements behind: the caller goes from the greatest id to the least. Its place is returned,
 * and *end is behind what is left to the others. */
static size_t let_in(struct sorted *s, size_t *end, size_t room, uint32_t id)
{
    const size_t at = place_of(s, 0, *end, id);
    move(s, at + room, at, *end - at);
    *end = at;
    return at + room - 1;
}

/* Ids are left out from the least to the greatest: [0, kept) stays, [from, n) is yet to be seen. */
struct closing { struct sorted s; size_t kept, from; };

static void keep_until(struct closing *c, size_t at)
{
    move(&c->s, c->kept, c->from, at - c->from);
    c->kept += at - c->from;
    c->from = at;
}

static void leave_out(struct closing *c, uint32_t id)
{
    const size_t at = place_of(&c->s, c->from, c->s.n, id);
    if (at == c->s.n || id_at(&c->s, at) != id)
        return;
    keep_until(c, at);
    c->from++;
}

static size_t close_up(struct closing *c)
{
    keep_until(c, c->s.n);
    return c->kept;
}

/* ---- devices ------------------------------------------------------------------------- */

_Static_assert(offsetof(struct device, index) == 0, "struct sorted");
_Static_assert(offsetof(struct lease, device) == 0, "struct sorted");

static struct sorted devices_of(const struct dataplane *dp)
{
    return (struct sorted){(char *)dp->devices, dp->n_devices, sizeof *dp->devices};
}

static void put_devices(struct dataplane *dp, const struct slice *s)
{
    struct sorted v = devices_of(dp);
    size_t end = v.n;
    for (size_t i = s->n; i > 0; i--) {
        const struct device *d = &s->v[i - 1]->u.device;
        dp->devices[let_in(&v, &end, i, d->index)] = *d;
    }
    dp->n_devices += s->n;
}

static void drop_devices(struct dataplane *dp, const struct slice *s)
{
    struct closing c = {.s = devices_of(dp)};
    for (size_t i = 0; i < s->n; i++)
        leave_out(&c, change_id(s->v[i]));
    dp->n_devices = close_up(&c);
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

static struct sorted leases_of(const struct dataplane *dp)
{
    return (struct sorted){(char *)dp->leases, dp->n_leases, sizeof *dp->leases};
}

/* Of several puts of one device the last counts. */
static bool is_last_put(const struct slice *s, size_t i)
{
    return i + 1 == s->n || change_id(s->v[i + 1]) != change_id(s->v[i]);
}

/* Writes those of devices that hold a lease already; how many do not. */
static size_t renew_leases(struct dataplane *dp, const struct slice *s)
{
    size_t new = 0;
    for (size_t i = 0; i < s->n; i++) {
        if (!is_last_put(s, i))
            continue;
        const struct lease *there = dataplane_lease(dp, change_id(s->v[i]));
        if (there)
            dp->leases[there - dp->leases] = s->v[i]->u.lease;
        new += !there;
    }
    return new;
}

static void put_leases(struct dataplane *dp, const struct slice *s)
{
    struct sorted v = leases_of(dp);
    size_t end = v.n, left = renew_leases(dp, s);
    dp->n_leases += left;
    for (size_t i = s->n; left > 0 && i > 0; i--) {
        const struct lease *l = &s->v[i - 1]->u.lease;
        const size_t at = place_of(&v, 0, end, l->device);
        if (!is_last_put(s, i - 1) || (at < end && dp->leases[at].device == l->device))
            continue;
        dp->leases[let_in(&v, &end, left--, l->device)] = *l;
    }
}

/* Of two lists in the order of their ids, the one whose next comes first. */
static uint32_t next_of(const struct slice *a, size_t *i, const struct slice *b, size_t *k)
{
    if (*k == b->n || (*i < a->n && change_id(a->v[*i]) < change_id(b->v[*k])))
        return change_id(a->v[(*i)++]);
    return change_id(b->v[(*k)++]);
}

static void drop_leases(struct dataplane *dp, const struct slice *a, const struct slice *b)
{
    struct closing c = {.s = leases_of(dp)};
    for (size_t i = 0, k = 0; i < a->n || k < b->n;)
        leave_out(&c, next_of(a, &i, b, &k));
    dp->n_leases = close_up(&c);
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
