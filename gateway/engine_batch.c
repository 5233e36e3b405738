/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A batch: one change of database, kernel and memory. What is told to the kernel is worked out
 * from memory and the pending entries at the moment of sending.
 */
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "policy/plan.h"

void batch_begin(struct engine *e, struct batch *b)
{
    memset(b, 0, sizeof *b);
    b->e = e;
    store_begin(e->store);
}

struct pending *batch_dev(struct batch *b, const struct dev *d)
{
    uint32_t index = d->k.index;

    /* Entries come in order of index when everybody is decided, one by one otherwise. */
    for (size_t i = b->n; i-- > 0;) {
        if (b->v[i].index == index)
            return &b->v[i];
        if (b->v[i].index < index && b->n > 64)
            break;
    }
    if (b->n == b->size) {
        b->size = b->size ? 2 * b->size : 8;
        b->v = reallocarray(b->v, b->size, sizeof *b->v);
        if (!b->v)
            fatal("out of memory");
    }
    b->v[b->n] = (struct pending){.index = index, .enrolled = d->enrolled, .lease = d->lease,
                                  .reason = d->reason, .code = d->code, .renew_at = d->renew_at};
    return &b->v[b->n++];
}

static void finish(struct batch *b)
{
    free(b->v);
    b->v = NULL;
    b->n = b->size = 0;
}

/* ---- classes -------------------------------------------------------------------------------- */

static struct class_entry *class_at(struct batch *b, uint16_t id)
{
    return id ? b->e->classes.v[id] : NULL;
}

/* Leases on each class once the batch holds; and back, when it does not. */
static void count_users(struct batch *b, bool back)
{
    for (size_t i = 0; i < b->n; i++) {
        const struct dev *d = dev_by_index(b->e, b->v[i].index);
        struct class_entry *before = class_at(b, d->lease.class_id);
        struct class_entry *after = class_at(b, b->v[i].lease.class_id);
        if (before)
            before->users += back ? 1u : -1u;
        if (after)
            after->users += back ? -1u : 1u;
    }
}

static void put_permits(struct writer *w, const struct access_class *c)
{
    for (size_t i = 0; i < c->n_permits; i++)
        put_permit(w, &c->permits[i]);
}

static void store_class(struct batch *b, const struct access_class *c)
{
    struct writer w;

    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_permits(&w, c);
    if (w.failed)
        fatal("access class %u is too large", c->id);
    store_put_class(b->e->store, c->id, w.v, w.n);
    store_set(b->e->store, "class_next", b->e->classes.next);
    writer_clear(&w);
}

/* Classes that the pending leases need and nobody knows yet; and, when asked, those to drop. */
static void store_classes(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct class_entry *c = class_at(b, b->v[i].lease.class_id);
        if (c && !c->known)
            store_class(b, &c->c);
    }
    for (unsigned id = 1; b->sweep && id <= CLASS_MAX; id++) {
        struct class_entry *c = b->e->classes.v[id];
        if (c && c->users == 0)
            store_drop_class(b->e->store, (uint16_t)id);
    }
}

/* ---- the kernel ----------------------------------------------------------------------------- */

static void tell_class(struct batch *b, struct kernel_changes *k, struct class_entry *c)
{
    struct change put = {.kind = CHANGE_CLASS_PUT};

    if (!c || c->known)
        return;
    put.u.class_ = c->c;
    kernel_add(b->e, k, &put);
    c->known = true;
}

static bool same_lease(const struct grant *a, const struct grant *b)
{
    return a->class_id == b->class_id && a->until.s == b->until.s &&
           a->end_boot_ms == b->end_boot_ms;
}

static void tell_lease(struct batch *b, struct kernel_changes *k, const struct dev *d,
                       const struct pending *p)
{
    struct change c = {.kind = CHANGE_LEASE_PUT,
                       .u.lease = {p->index, p->lease.class_id, grant_left_ms(&p->lease)}};

    if (p->lease.class_id != 0 && c.u.lease.left_ms > 0) {
        tell_class(b, k, class_at(b, p->lease.class_id));
        kernel_add(b->e, k, &c);
    } else if (d->enrolled && d->lease.class_id != 0) {
        c.kind = CHANGE_LEASE_DROP;
        kernel_add(b->e, k, &c);
    }
}

static void tell_device(struct batch *b, struct kernel_changes *k, const struct dev *d,
                        const struct pending *p)
{
    struct change c = {.kind = CHANGE_DEVICE_PUT, .u.device = d->k};

    if (!p->enrolled) {
        c.kind = CHANGE_DEVICE_DROP;
        if (d->enrolled)
            kernel_add(b->e, k, &c);
        return;
    }
    if (!d->enrolled)
        kernel_add(b->e, k, &c);
    if (!same_lease(&d->lease, &p->lease) || !d->enrolled)
        tell_lease(b, k, d, p);
}

static void tell_swept(struct batch *b, struct kernel_changes *k)
{
    for (unsigned id = 1; id <= CLASS_MAX; id++) {
        struct class_entry *c = b->e->classes.v[id];
        struct change drop = {.kind = CHANGE_CLASS_DROP, .u.class_.id = (uint16_t)id};
        if (!c || c->users > 0)
            continue;
        if (c->known)
            kernel_add(b->e, k, &drop);
        classes_forget(&b->e->classes, (uint16_t)id);
    }
}

static bool tell(struct batch *b, struct kernel_changes *k)
{
    kernel_begin(k);
    if (b->class0) {
        b->e->classes.v[0]->known = false;
        tell_class(b, k, b->e->classes.v[0]);
    }
    for (size_t i = 0; i < b->n; i++)
        tell_device(b, k, dev_by_index(b->e, b->v[i].index), &b->v[i]);
    if (b->sweep)
        tell_swept(b, k);
    return k->n > 0 || k->sent;
}

static void remember(struct batch *b)
{
    for (size_t i = 0; i < b->n; i++) {
        struct dev *d = dev_by_index(b->e, b->v[i].index);
        d->enrolled = b->v[i].enrolled;
        d->lease = b->v[i].lease;
        d->reason = b->v[i].reason;
        d->code = b->v[i].code;
        d->renew_at = b->v[i].renew_at;
    }
}

static void know_all(struct engine *e)
{
    for (unsigned id = 0; id <= CLASS_MAX; id++)
        if (e->classes.v[id])
            e->classes.v[id]->known = true;
}

/* The kernel's part, and memory's. A refused change means that the parent's state and ours
 * differ: then everything is sent. */
static void enforce(struct batch *b)
{
    struct kernel_changes k;
    int rc = 0;
    bool any = !b->offline && tell(b, &k);

    remember(b);
    if (b->offline)
        know_all(b->e);
    if (any)
        rc = kernel_commit(b->e, &k, false, &b->answer);
    if (rc == 0)
        return;
    alarm_raise(b->e, "the kernel refused a change (%s): sending it everything", kernel_error(rc));
    memset(&b->answer, 0, sizeof b->answer);
    rc = kernel_whole(b->e);
    if (rc < 0)
        fatal("the kernel cannot be brought to the state: %s", kernel_error(rc));
}

/* ---- the disk ------------------------------------------------------------------------------- */

static enum store_result record(struct batch *b)
{
    enum store_result r;

    if (b->before_disk)
        b->before_disk(b, b->arg);
    r = audit_commit(b->e);

    if (r == STORE_OK)
        b->durable_ns = clock_mono_ns();
    return r;
}

enum store_result batch_commit(struct batch *b, enum batch_order order)
{
    enum store_result r;

    count_users(b, false);
    store_classes(b);
    if (order == CUT_FIRST)
        enforce(b);
    r = record(b);
    if (order == DURABLE_FIRST && r == STORE_OK)
        enforce(b);
    else if (order == DURABLE_FIRST)
        count_users(b, true);
    finish(b);
    return r;
}
