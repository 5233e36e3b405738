/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reading the data plane back: from sets to devices, classes and leases in the model's own
 * structs and order.
 *
 * A lease lies in up to three sets, read one after another while time goes on. One that is in
 * some of them and missing in others is either about to end in all of them (ignored) or broken:
 * then it is reported with 1 ms left, which no wish agrees with, so that a diff renews it whole.
 */
#include "kernel_rules/nft_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

#define ENDING_MS 2000 /* what a lease may lose between the reading of two sets */

/* One element of a map or set of marks: the mark, what is left, and the address (if any). */
struct marked {
    uint32_t mark;
    int64_t left_ms;
    struct ip_addr addr;
};
struct list {
    struct marked *v;
    size_t n, size;
    uint8_t family;
};

static void list_restart(void *arg)
{
    struct list *l = arg;
    l->n = 0;
}

static int list_grow(struct list *l)
{
    size_t size = l->size ? 2 * l->size : 256;
    struct marked *v = reallocarray(l->v, size, sizeof *v);
    if (!v)
        return -ENOMEM;
    l->v = v;
    l->size = size;
    return 0;
}

/* family 0: the key is the mark. */
static int list_add(const struct element *e, void *arg)
{
    struct list *l = arg;
    const uint8_t len = l->family == 6 ? 16 : 4;
    struct marked m = {.left_ms = (int64_t)e->timeout_ms};
    if (e->len != len || e->ranged || e->has_mark != (l->family != 0))
        return -EBADMSG;
    if (l->n == l->size && list_grow(l) < 0)
        return -ENOMEM;
    if (l->family == 0) {
        memcpy(&m.mark, e->key, sizeof m.mark);
    } else {
        m.mark = e->mark;
        m.addr.family = l->family;
        memcpy(m.addr.b, e->key, len);
    }
    l->v[l->n++] = m;
    return 0;
}

static int by_mark(const void *a, const void *b)
{
    const struct marked *x = a, *y = b;
    return x->mark < y->mark ? -1 : x->mark > y->mark;
}

static int list_read(struct nl *nl, const char *set, uint8_t family, struct list *l)
{
    *l = (struct list){.family = family};
    int rc = elements_read(nl, set, list_add, list_restart, l);
    if (rc == 0 && l->n > 0)
        qsort(l->v, l->n, sizeof *l->v, by_mark);
    return rc;
}

/* ---- devices ------------------------------------------------------------------------- */

static bool twice(const struct list *l)
{
    for (size_t i = 1; i < l->n; i++)
        if (l->v[i].mark == l->v[i - 1].mark)
            return true;
    return false;
}

static int join_devices(const struct list *l4, const struct list *l6, struct dataplane *out)
{
    size_t a = 0, b = 0;
    out->devices = calloc(l4->n + l6->n + 1, sizeof *out->devices);
    if (!out->devices)
        return -ENOMEM;
    while (a < l4->n || b < l6->n) {
        const uint32_t m4 = a < l4->n ? l4->v[a].mark : UINT32_MAX;
        const uint32_t m6 = b < l6->n ? l6->v[b].mark : UINT32_MAX;
        const uint32_t mark = m4 < m6 ? m4 : m6;
        struct device *d = &out->devices[out->n_devices++];
        if (mark & ~MARK_MASK || mark_class(mark) != 0 || mark_device(mark) == 0)
            return -EBADMSG;
        d->index = mark_device(mark);
        if (m4 == mark)
            d->addr4 = l4->v[a++].addr;
        if (m6 == mark)
            d->addr6 = l6->v[b++].addr;
    }
    return 0;
}

static int read_devices(struct nl *nl, struct dataplane *out)
{
    struct list l4 = {0}, l6 = {0};
    int rc = list_read(nl, "devices4", 4, &l4);
    if (rc == 0)
        rc = list_read(nl, "devices6", 6, &l6);
    if (rc == 0)
        rc = twice(&l4) || twice(&l6) ? -EBADMSG : join_devices(&l4, &l6, out);
    free(l4.v);
    free(l6.v);
    return rc;
}

/* ---- leases -------------------------------------------------------------------------- */

static int64_t left_in(const struct list *l, uint32_t mark, const struct ip_addr *a)
{
    const struct marked key = {.mark = mark};
    const struct marked *m = l->n ? bsearch(&key, l->v, l->n, sizeof key, by_mark) : NULL;
    if (!m || (a && ip_cmp(&m->addr, a) != 0))
        return 0;
    return m->left_ms;
}

struct parts {
    int64_t least, most;
};

static void take_part(struct parts *p, int64_t left)
{
    if (left < p->least)
        p->least = left;
    if (left > p->most)
        p->most = left;
}

/* 1 appended, 0 ending, or -EBADMSG. */
static int add_lease(const struct list sets[LEASE_SETS], uint32_t mark, struct dataplane *out)
{
    const struct device *d = dataplane_device(out, mark_device(mark));
    struct parts p = {.least = INT64_MAX};
    if (mark & ~MARK_MASK || !d)
        return -EBADMSG;
    if (d->addr4.family)
        take_part(&p, left_in(&sets[LEASE4], mark, &d->addr4));
    if (d->addr6.family)
        take_part(&p, left_in(&sets[LEASE6], mark, &d->addr6));
    take_part(&p, left_in(&sets[LIVE], mark, NULL));
    if (p.least == 0 && p.most < ENDING_MS)
        return 0;
    if (out->n_leases > 0 && out->leases[out->n_leases - 1].device == d->index)
        return -EBADMSG;
    out->leases[out->n_leases++] = (struct lease){
        .device = d->index, .class_id = mark_class(mark), .left_ms = p.least ? p.least : 1};
    return 1;
}

/* The marks of all three sets, each once. */
static size_t all_marks(const struct list sets[LEASE_SETS], struct marked *out)
{
    size_t n = 0, m = 0;
    for (int s = 0; s < LEASE_SETS; s++)
        for (size_t i = 0; i < sets[s].n; i++)
            out[n++].mark = sets[s].v[i].mark;
    if (n > 0)
        qsort(out, n, sizeof *out, by_mark);
    for (size_t i = 0; i < n; i++)
        if (m == 0 || out[m - 1].mark != out[i].mark)
            out[m++].mark = out[i].mark;
    return m;
}

static int join_leases(const struct list sets[LEASE_SETS], struct dataplane *out)
{
    const size_t most = sets[LEASE4].n + sets[LEASE6].n + sets[LIVE].n + 1;
    struct marked *marks = calloc(most, sizeof *marks);
    int rc = -ENOMEM;
    out->leases = calloc(most, sizeof *out->leases);
    if (marks && out->leases) {
        const size_t n = all_marks(sets, marks);
        rc = 0;
        for (size_t i = 0; i < n && rc >= 0; i++)
            rc = add_lease(sets, marks[i].mark, out);
    }
    free(marks);
    return rc < 0 ? rc : 0;
}

static int read_leases(struct nl *nl, struct dataplane *out)
{
    struct list sets[LEASE_SETS] = {0};
    int rc = list_read(nl, "lease4", 4, &sets[LEASE4]);
    if (rc == 0)
        rc = list_read(nl, "lease6", 6, &sets[LEASE6]);
    if (rc == 0)
        rc = list_read(nl, "live", 0, &sets[LIVE]);
    if (rc == 0)
        rc = twice(&sets[LEASE4]) || twice(&sets[LEASE6]) ? -EBADMSG : join_leases(sets, out);
    for (int s = 0; s < LEASE_SETS; s++)
        free(sets[s].v);
    return rc;
}

/* ---- all of it ----------------------------------------------------------------------- */

int nft_snapshot(struct nft *n, struct dataplane *out)
{
    enum nft_presence is;
    memset(out, 0, sizeof *out);
    int rc = nft_owner(n, &is);
    if (rc == 0 && is == NFT_ABSENT)
        rc = -ENOENT;
    if (rc == 0)
        rc = read_classes(n->nl, out);
    if (rc == 0)
        rc = read_devices(n->nl, out);
    if (rc == 0)
        rc = read_leases(n->nl, out);
    if (rc < 0)
        dataplane_clear(out);
    return rc;
}
