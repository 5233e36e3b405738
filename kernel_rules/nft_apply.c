/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes. Whatever opens or closes something for a device is one transaction, `act`: leases,
 * devices, the rules of quarantine. New classes are made before it and old ones dropped after it,
 * in transactions of their own that no packet notices. In one with the rest they would be noticed:
 * the elements of a new interval set are found a little later than the commit that moves leases
 * onto it (about one packet in fifty was dropped wrongly while classes changed under a flood).
 *
 * A timeout cannot be changed in place before kernel 6.13, and an element may expire at any
 * moment. So a lease is always taken out by NEWSETELEM (no-op while it is there, puts it back
 * when it has expired) followed by DELSETELEM (which then cannot miss).
 */
#include "kernel_rules/nft_parts.h"

#include <errno.h>
#include <stdlib.h>

/* A device whose lease changes: what the kernel holds and what it shall hold. */
struct touched {
    uint32_t index;
    const struct device *device;
    const struct lease *old, *new; /* NULL: none */
};
struct work {
    struct batch prepare, act, tidy, undo;
    const struct dataplane *have;
    const struct changes *c;
    struct touched *t;
    size_t n;
    const struct device **puts; /* devices that this list puts, by index */
    size_t n_puts;
};

/* ---- which devices ------------------------------------------------------------------- */

static uint32_t lease_of_change(const struct change *c)
{
    switch (c->kind) {
    case CHANGE_LEASE_PUT:
    case CHANGE_LEASE_DROP:
        return c->u.lease.device;
    case CHANGE_DEVICE_DROP:
        return c->u.device.index;
    default:
        return 0;
    }
}

static int by_index(const void *a, const void *b)
{
    const struct touched *x = a, *y = b;
    return x->index < y->index ? -1 : x->index > y->index;
}

static struct touched *find_touched(const struct work *w, uint32_t index)
{
    const struct touched key = {.index = index};
    return bsearch(&key, w->t, w->n, sizeof *w->t, by_index);
}

static void collect(struct work *w)
{
    size_t n = 0;
    for (size_t i = 0; i < w->c->n; i++)
        if (lease_of_change(&w->c->v[i]) != 0)
            w->t[n++] = (struct touched){.index = lease_of_change(&w->c->v[i])};
    qsort(w->t, n, sizeof *w->t, by_index);
    for (size_t i = 0; i < n; i++)
        if (w->n == 0 || w->t[w->n - 1].index != w->t[i].index)
            w->t[w->n++] = w->t[i];
}

/* Drops win over puts, whatever the order of arrival (enum change_kind). */
static void note_lease(struct touched *t, const struct change *c)
{
    if (c->kind == CHANGE_LEASE_PUT)
        t->new = &c->u.lease;
}

static void note_drop(struct touched *t, const struct change *c)
{
    if (c->kind == CHANGE_LEASE_DROP || c->kind == CHANGE_DEVICE_DROP)
        t->new = NULL;
}

static void each_touched(struct work *w, void (*note)(struct touched *, const struct change *))
{
    for (size_t i = 0; i < w->c->n; i++) {
        uint32_t index = lease_of_change(&w->c->v[i]);
        if (index != 0)
            note(find_touched(w, index), &w->c->v[i]);
    }
}

static int put_by_index(const void *a, const void *b)
{
    const struct device *const *x = a, *const *y = b;
    return (*x)->index < (*y)->index ? -1 : (*x)->index > (*y)->index;
}

static void collect_puts(struct work *w)
{
    for (size_t i = 0; i < w->c->n; i++)
        if (w->c->v[i].kind == CHANGE_DEVICE_PUT)
            w->puts[w->n_puts++] = &w->c->v[i].u.device;
    qsort(w->puts, w->n_puts, sizeof *w->puts, put_by_index);
}

static const struct device *put_in_this_list(const struct work *w, uint32_t index)
{
    const struct device wanted = {.index = index}, *key = &wanted;
    const struct device **found = bsearch(&key, w->puts, w->n_puts, sizeof *w->puts, put_by_index);
    return found ? *found : NULL;
}

static int resolve(struct work *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct touched *t = &w->t[i];
        t->old = dataplane_lease(w->have, t->index);
        t->device = dataplane_device(w->have, t->index);
        if (!t->device)
            t->device = put_in_this_list(w, t->index);
        if (!t->device)
            return -EINVAL;
    }
    return 0;
}

static int find_work(struct work *w)
{
    w->t = calloc(w->c->n + 1, sizeof *w->t);
    w->puts = calloc(w->c->n + 1, sizeof *w->puts);
    if (!w->t || !w->puts)
        return -ENOMEM;
    collect(w);
    collect_puts(w);
    each_touched(w, note_lease);
    each_touched(w, note_drop);
    return resolve(w);
}

/* ---- leases -------------------------------------------------------------------------- */

static void write_leases(struct work *w, enum lease_set set, bool old, uint16_t type)
{
    struct element_writer out;
    elements_open(&out, &w->act, lease_set_name(set), type,
                  type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
    for (size_t i = 0; i < w->n; i++) {
        const struct touched *t = &w->t[i];
        const struct lease *l = old ? t->old : t->new;
        struct element e;
        if (!l || !lease_element(t->device, l, set, &e))
            continue;
        if (type == NFT_MSG_DELSETELEM) {
            e.has_mark = false;
            e.timeout_ms = 0;
        }
        elements_put(&out, &e);
    }
    elements_close(&out);
}

static void change_leases(struct work *w)
{
    for (int i = 0; i < LEASE_SETS; i++) {
        const enum lease_set set = (enum lease_set)i;
        write_leases(w, set, true, NFT_MSG_NEWSETELEM);
        write_leases(w, set, true, NFT_MSG_DELSETELEM);
        write_leases(w, set, false, NFT_MSG_NEWSETELEM);
    }
}

/* ---- devices ------------------------------------------------------------------------- */

static void change_devices(struct work *w, enum change_kind kind, uint8_t family)
{
    const bool put = kind == CHANGE_DEVICE_PUT;
    struct element_writer out;
    elements_open(&out, &w->act, device_map(family), put ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
                  put ? NLM_F_CREATE | NLM_F_EXCL : 0);
    for (size_t i = 0; i < w->c->n; i++) {
        const struct change *c = &w->c->v[i];
        struct element e;
        if (c->kind != kind)
            continue;
        const struct device *d = put ? &c->u.device : find_touched(w, c->u.device.index)->device;
        if (!device_element(d, family, &e))
            continue;
        e.has_mark = put;
        elements_put(&out, &e);
    }
    elements_close(&out);
}

/* ---- classes ------------------------------------------------------------------------- */

static void drop_class(struct batch *b, const struct access_class *c)
{
    char chain[16];
    struct element_writer out;
    const struct element e = element_of_mark(c->id);

    class_chain_name(chain, c->id);
    elements_open(&out, b, "classes", NFT_MSG_DELSETELEM, 0);
    elements_put(&out, &e);
    elements_close(&out);
    drop_rules(b, NFT_TABLE_NAME, chain);
    drop_chain(b, NFT_TABLE_NAME, chain);
    drop_class_sets(b, c, 'a');
}

static void put_class(struct work *w, const struct access_class *c)
{
    char chain[16];
    struct element_writer out;
    const struct element e = class_element(c->id);

    class_chain_name(chain, c->id);
    put_class_sets(&w->prepare, c, 'a');
    put_chain(&w->prepare, NFT_TABLE_NAME, chain);
    put_class_rules(&w->prepare, c, 'a');
    elements_open(&out, &w->prepare, "classes", NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL);
    elements_put(&out, &e);
    elements_close(&out);
    drop_class(&w->undo, c);
}

/* New sets beside the old, the chain's rules exchanged, the old sets dropped. */
static int replace_quarantine(struct work *w, struct nl *nl, const struct access_class *c)
{
    const struct access_class *old = quarantine_of(w->have);
    char now;
    int rc = quarantine_generation(nl, old, &now);
    if (rc < 0)
        return rc;
    const char next = now == 'a' ? 'b' : 'a';
    put_class_sets(&w->prepare, c, next);
    drop_class_sets(&w->undo, c, next);
    drop_rules(&w->act, NFT_TABLE_NAME, "class_0");
    put_class_rules(&w->act, c, next);
    drop_class_sets(&w->tidy, old, now);
    return 0;
}

static int put_classes(struct work *w, struct nl *nl)
{
    const struct access_class *quarantine = NULL;
    for (size_t i = 0; i < w->c->n; i++) {
        if (w->c->v[i].kind != CHANGE_CLASS_PUT)
            continue;
        if (w->c->v[i].u.class_.id == 0)
            quarantine = &w->c->v[i].u.class_;
        else
            put_class(w, &w->c->v[i].u.class_);
    }
    return quarantine ? replace_quarantine(w, nl, quarantine) : 0;
}

static int drop_classes(struct work *w)
{
    for (size_t i = 0; i < w->c->n; i++) {
        if (w->c->v[i].kind != CHANGE_CLASS_DROP)
            continue;
        const struct access_class *c = dataplane_class(w->have, w->c->v[i].u.class_.id);
        if (!c)
            return -EINVAL;
        drop_class(&w->tidy, c);
    }
    return 0;
}

/* ---- all of it ----------------------------------------------------------------------- */

static int write_changes(struct work *w, struct nl *nl)
{
    int rc = find_work(w);
    if (rc < 0)
        return rc;
    change_devices(w, CHANGE_DEVICE_PUT, 4);
    change_devices(w, CHANGE_DEVICE_PUT, 6);
    rc = put_classes(w, nl);
    if (rc < 0)
        return rc;
    change_leases(w);
    change_devices(w, CHANGE_DEVICE_DROP, 4);
    change_devices(w, CHANGE_DEVICE_DROP, 6);
    return drop_classes(w);
}

/* Without classes in the list the first and the last are empty, and no transaction. */
static int commit_changes(struct work *w, struct nl *nl)
{
    int rc = nft_batch_commit(&w->prepare, nl);
    if (rc < 0)
        return rc;
    rc = nft_batch_commit(&w->act, nl);
    if (rc < 0) {
        (void)nft_batch_commit(&w->undo, nl);
        return rc;
    }
    return nft_batch_commit(&w->tidy, nl);
}

int nft_apply(struct nft *n, const struct dataplane *have, const struct changes *c)
{
    struct work w = {.have = have, .c = c};
    struct batch *const all[] = {&w.prepare, &w.act, &w.tidy, &w.undo};
    for (size_t i = 0; i < 4; i++)
        nft_batch_open(all[i]);
    int rc = write_changes(&w, n->nl);
    if (rc == 0)
        rc = commit_changes(&w, n->nl);
    for (size_t i = 0; i < 4; i++)
        nft_batch_free(all[i]);
    free(w.t);
    free(w.puts);
    return rc == -EBUSY ? -EEXIST : rc;
}
