/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sets of permits, as unions and differences of rectangles (addresses times ports), in one
 * canonical form: equal rights give equal arrays, however they were written.
 *
 * Per family and protocol the line of addresses is cut wherever a rectangle begins or ends. Over
 * one such piece the permitted ports are a plain list of intervals, and a difference is the
 * difference of two lists. Pieces side by side with the same interval grow together. The result
 * is disjoint.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

struct ports {
    uint16_t first, last;
};

/* Everything one difference needs, allocated once. */
struct sweep {
    struct permit *a, *b; /* sorted copies */
    size_t na, nb;
    struct permit *live_a, *live_b; /* over the piece at hand, by first port */
    size_t n_live_a, n_live_b;
    struct ip_addr *cuts;
    struct ports *left, *right, *now;
    struct permit *open, *next; /* rectangles that reach up to the piece at hand */
    size_t n_open;
    struct permits *out;
};

/* ---- the set ------------------------------------------------------------------------------ */

void permits_add(struct permits *s, struct permit p)
{
    if (s->n == s->room && !s->oom) {
        size_t room = s->room ? 2 * s->room : 16;
        struct permit *bigger = reallocarray(s->v, room, sizeof *s->v);

        s->oom = !bigger;
        if (bigger) {
            s->v = bigger;
            s->room = room;
        }
    }
    if (s->oom)
        return;
    struct permit *slot = &s->v[s->n++];
    memset(slot, 0, sizeof *slot); /* the padding too: equal arrays are equal bytes */
    slot->dst = p.dst;
    slot->proto = p.proto;
    slot->port_first = has_ports(p.proto) ? p.port_first : 0;
    slot->port_last = has_ports(p.proto) ? p.port_last : 0;
}

void permits_free(struct permits *s)
{
    free(s->v);
    *s = (struct permits){0};
}

static int ports_order(const struct permit *x, const struct permit *y)
{
    if (x->port_first != y->port_first)
        return x->port_first < y->port_first ? -1 : 1;
    return (x->port_last > y->port_last) - (x->port_last < y->port_last);
}

/* By family and protocol, then by address: the order in which the sweep meets them. */
static int sweep_order(const void *a, const void *b)
{
    const struct permit *x = a, *y = b;
    int c;

    if (x->dst.first.family != y->dst.first.family)
        return x->dst.first.family < y->dst.first.family ? -1 : 1;
    if (x->proto != y->proto)
        return x->proto < y->proto ? -1 : 1;
    c = ip_cmp(&x->dst.first, &y->dst.first);
    return c ? c : ports_order(x, y);
}

static int final_order(const void *a, const void *b)
{
    const struct permit *x = a, *y = b;
    int c = ip_cmp(&x->dst.first, &y->dst.first);

    if (c)
        return c;
    if (x->proto != y->proto)
        return x->proto < y->proto ? -1 : 1;
    return ports_order(x, y);
}

bool permits_equal(const struct permits *a, const struct permits *b)
{
    if (a->n != b->n)
        return false;
    for (size_t i = 0; i < a->n; i++)
        if (final_order(&a->v[i], &b->v[i]) != 0 ||
            ip_cmp(&a->v[i].dst.last, &b->v[i].dst.last) != 0)
            return false;
    return true;
}

/* ---- one piece ---------------------------------------------------------------------------- */

static size_t merged_ports(const struct permit *live, size_t n_live, struct ports *out)
{
    size_t n = 0;

    for (size_t i = 0; i < n_live; i++) {
        if (n > 0 && live[i].port_first <= out[n - 1].last + 1) {
            if (live[i].port_last > out[n - 1].last)
                out[n - 1].last = live[i].port_last;
        } else {
            out[n++] = (struct ports){live[i].port_first, live[i].port_last};
        }
    }
    return n;
}

/* left without right; both sorted and disjoint. */
static size_t ports_minus(const struct ports *left, size_t nl, const struct ports *right, size_t nr,
                          struct ports *out)
{
    size_t n = 0, r = 0;

    for (size_t l = 0; l < nl; l++) {
        unsigned from = left[l].first;

        while (r < nr && right[r].last < from)
            r++;
        for (size_t k = r; k < nr && right[k].first <= left[l].last; k++) {
            if (right[k].first > from)
                out[n++] = (struct ports){(uint16_t)from, (uint16_t)(right[k].first - 1)};
            from = right[k].last + 1u;
        }
        if (from <= left[l].last)
            out[n++] = (struct ports){(uint16_t)from, left[l].last};
    }
    return n;
}

/* Those that go on grow; those that do not are finished. */
static void grow_open(struct sweep *w, const struct permit *like, struct ip_range piece,
                      size_t n_now)
{
    size_t o = 0, n_next = 0;

    for (size_t i = 0; i < n_now; i++) {
        struct permit p = {piece, like->proto, w->now[i].first, w->now[i].last};

        while (o < w->n_open && ports_order(&w->open[o], &p) < 0)
            permits_add(w->out, w->open[o++]);
        if (o < w->n_open && ports_order(&w->open[o], &p) == 0)
            p.dst.first = w->open[o++].dst.first;
        w->next[n_next++] = p;
    }
    while (o < w->n_open)
        permits_add(w->out, w->open[o++]);
    struct permit *spare = w->open;
    w->open = w->next;
    w->next = spare;
    w->n_open = n_next;
}

/* ---- the line of addresses ---------------------------------------------------------------- */

static int cut_order(const void *a, const void *b) { return ip_cmp(a, b); }

static size_t add_cuts(struct ip_addr *cuts, size_t n, const struct permit *v, size_t n_v)
{
    for (size_t i = 0; i < n_v; i++) {
        struct ip_addr after = v[i].dst.last;

        cuts[n++] = v[i].dst.first;
        if (ip_next(&after))
            cuts[n++] = after;
    }
    return n;
}

static size_t find_cuts(struct sweep *w, const struct permit *a, size_t na, const struct permit *b,
                        size_t nb)
{
    size_t all = add_cuts(w->cuts, add_cuts(w->cuts, 0, a, na), b, nb), n = 0;

    qsort(w->cuts, all, sizeof *w->cuts, cut_order);
    for (size_t i = 0; i < all; i++)
        if (n == 0 || ip_cmp(&w->cuts[n - 1], &w->cuts[i]) != 0)
            w->cuts[n++] = w->cuts[i];
    return n;
}

static struct ip_addr ip_before(struct ip_addr a)
{
    for (size_t i = a.family == 4 ? 4 : 16; i-- > 0;)
        if (a.b[i]-- != 0)
            break;
    return a;
}

static struct ip_addr end_of_space(uint8_t family)
{
    struct ip_addr a = {.family = family};

    memset(a.b, 0xff, family == 4 ? 4 : 16);
    return a;
}

/* Drops what ended before `at`, takes in what begins there, keeps the order by port. */
static size_t update_live(struct permit *live, size_t n, const struct permit *v, size_t n_v,
                          size_t *taken, const struct ip_addr *at)
{
    size_t kept = 0;

    for (size_t i = 0; i < n; i++)
        if (ip_cmp(&live[i].dst.last, at) >= 0)
            live[kept++] = live[i];
    while (*taken < n_v && ip_cmp(&v[*taken].dst.first, at) <= 0) {
        size_t i = kept++;

        for (; i > 0 && ports_order(&live[i - 1], &v[*taken]) > 0; i--)
            live[i] = live[i - 1];
        live[i] = v[(*taken)++];
    }
    return kept;
}

static void sweep_group(struct sweep *w, const struct permit *a, size_t na, const struct permit *b,
                        size_t nb)
{
    size_t n_cuts = find_cuts(w, a, na, b, nb), taken_a = 0, taken_b = 0;

    w->n_live_a = w->n_live_b = w->n_open = 0;
    for (size_t i = 0; i < n_cuts; i++) {
        struct ip_range piece = {w->cuts[i], i + 1 < n_cuts ? ip_before(w->cuts[i + 1])
                                                            : end_of_space(a->dst.first.family)};
        size_t nl, nr, n_now;

        w->n_live_a = update_live(w->live_a, w->n_live_a, a, na, &taken_a, &piece.first);
        w->n_live_b = update_live(w->live_b, w->n_live_b, b, nb, &taken_b, &piece.first);
        nl = merged_ports(w->live_a, w->n_live_a, w->left);
        nr = merged_ports(w->live_b, w->n_live_b, w->right);
        n_now = ports_minus(w->left, nl, w->right, nr, w->now);
        grow_open(w, a, piece, n_now);
    }
    for (size_t i = 0; i < w->n_open; i++)
        permits_add(w->out, w->open[i]);
}

/* ---- the whole ---------------------------------------------------------------------------- */

static bool same_group(const struct permit *x, const struct permit *y)
{
    return x->proto == y->proto && x->dst.first.family == y->dst.first.family;
}

static bool before_group(const struct permit *x, const struct permit *y)
{
    if (x->dst.first.family != y->dst.first.family)
        return x->dst.first.family < y->dst.first.family;
    return x->proto < y->proto;
}

static void sweep_groups(struct sweep *w)
{
    size_t a = 0, b = 0;

    while (a < w->na) {
        size_t a_end = a + 1, b_end;

        while (a_end < w->na && same_group(&w->a[a], &w->a[a_end]))
            a_end++;
        while (b < w->nb && before_group(&w->b[b], &w->a[a]))
            b++;
        for (b_end = b; b_end < w->nb && same_group(&w->a[a], &w->b[b_end]);)
            b_end++;
        sweep_group(w, w->a + a, a_end - a, w->b + b, b_end - b);
        a = a_end;
        b = b_end;
    }
}

static struct permit *sorted_copy(const struct permits *s, size_t room)
{
    struct permit *v = calloc(room, sizeof *v);

    if (v && s && s->n > 0) {
        memcpy(v, s->v, s->n * sizeof *v);
        qsort(v, s->n, sizeof *v, sweep_order);
    }
    return v;
}

static bool sweep_start(struct sweep *w, const struct permits *a, const struct permits *b)
{
    size_t cap = a->n + (b ? b->n : 0) + 1;

    w->na = a->n;
    w->nb = b ? b->n : 0;
    w->a = sorted_copy(a, cap);
    w->b = sorted_copy(b, cap);
    w->live_a = calloc(cap, sizeof *w->live_a);
    w->live_b = calloc(cap, sizeof *w->live_b);
    w->cuts = calloc(2 * cap, sizeof *w->cuts);
    w->left = calloc(cap, sizeof *w->left);
    w->right = calloc(cap, sizeof *w->right);
    w->now = calloc(2 * cap, sizeof *w->now);
    w->open = calloc(2 * cap, sizeof *w->open);
    w->next = calloc(2 * cap, sizeof *w->next);
    return w->a && w->b && w->live_a && w->live_b && w->cuts && w->left && w->right && w->now &&
           w->open && w->next;
}

static void sweep_end(struct sweep *w)
{
    void *all[] = {w->a,    w->b,     w->live_a, w->live_b, w->cuts,
                   w->left, w->right, w->now,    w->open,   w->next};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
}

int permits_minus(const struct permits *a, const struct permits *b, struct permits *out)
{
    struct sweep w = {.out = out};
    bool ok;

    *out = (struct permits){0};
    ok = !a->oom && !(b && b->oom) && sweep_start(&w, a, b);
    if (ok)
        sweep_groups(&w);
    sweep_end(&w);
    if (!ok || out->oom) {
        permits_free(out);
        return -1;
    }
    if (out->n > 0)
        qsort(out->v, out->n, sizeof *out->v, final_order);
    return 0;
}
