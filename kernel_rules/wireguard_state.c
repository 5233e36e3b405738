/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state of a WireGuard interface as values: collected by either back end, compared with the
 * devices that should be there. No I/O.
 */
#include "kernel_rules/wireguard_parts.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* ---- collecting ----------------------------------------------------------------------- */

static int grow(struct wg_collect *c)
{
    size_t room = c->room ? c->room * 2 : 64;
    struct wg_peer *peers = reallocarray(c->state->peers, room, sizeof *peers);
    if (!peers)
        return -ENOMEM;
    c->state->peers = peers;
    c->room = room;
    return 0;
}

struct wg_peer *wg_collect_peer(struct wg_collect *c, const struct wg_key *key)
{
    struct wg_state *s = c->state;
    if (s->n_peers >= WG_PEERS_MAX || (s->n_peers == c->room && grow(c) < 0))
        return NULL;
    s->peers[s->n_peers] = (struct wg_peer){.key = *key};
    return &s->peers[s->n_peers++];
}

struct wg_peer *wg_collect_last(const struct wg_collect *c)
{
    return c->state->n_peers ? &c->state->peers[c->state->n_peers - 1] : NULL;
}

void wg_peer_allow(struct wg_peer *p, const struct ip_addr *a, uint8_t len)
{
    struct ip_addr *slot = a->family == 4 ? &p->addr4 : &p->addr6;
    if (slot->family == 0 && len == (a->family == 4 ? 32 : 128))
        *slot = *a;
    else
        p->other_allowed++;
}

void wg_collect_preshared(const struct wg_collect *c, struct wg_peer *p, const struct wg_key *key)
{
    if (c->preshared)
        p->other_preshared = sodium_memcmp(wg_preshared_of(c->preshared, &p->key), key,
                                           sizeof *key) != 0;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(&((const struct wg_peer *)a)->key, &((const struct wg_peer *)b)->key,
                  sizeof(struct wg_key));
}

int wg_collect_finish(struct wg_collect *c)
{
    struct wg_state *s = c->state;
    if (s->n_peers > 1)
        qsort(s->peers, s->n_peers, sizeof *s->peers, by_key);
    for (size_t i = 1; i < s->n_peers; i++)
        if (by_key(&s->peers[i - 1], &s->peers[i]) == 0)
            return -EBADMSG;
    return 0;
}

void wg_state_clear(struct wg_state *s)
{
    if (!s)
        return;
    free(s->peers);
    *s = (struct wg_state){0};
}

/* ---- the difference ------------------------------------------------------------------- */

static int by_device_key(const void *a, const void *b)
{
    const struct device *const *x = a, *const *y = b;
    return memcmp(&(*x)->key, &(*y)->key, sizeof(struct wg_key));
}

static const struct device **sorted_by_key(const struct device *want, size_t n)
{
    const struct device **v = reallocarray(NULL, n + 1, sizeof *v);
    if (!v)
        return NULL;
    for (size_t i = 0; i < n; i++)
        v[i] = &want[i];
    qsort(v, n, sizeof *v, by_device_key);
    return v;
}

static bool same_addr(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->family == b->family && (a->family == 0 || memcmp(a->b, b->b, sizeof a->b) == 0);
}

static bool peer_agrees(const struct wg_peer *p, const struct device *d)
{
    return p->other_allowed == 0 && !p->other_preshared && same_addr(&p->addr4, &d->addr4) &&
           same_addr(&p->addr6, &d->addr6);
}

/* Both sides sorted by key: one walk. The puts stay in the front part of the array. */
static void merge(const struct wg_state *have, size_t n, struct wg_diff *out)
{
    size_t i = 0, j = 0;
    while (i < have->n_peers || j < n) {
        const struct wg_peer *p = i < have->n_peers ? &have->peers[i] : NULL;
        const struct device *d = j < n ? out->put[j] : NULL;
        int order = !p ? 1 : !d ? -1 : memcmp(&p->key, &d->key, sizeof p->key);
        if (order < 0)
            out->drop[out->n_drop++] = p->key;
        else if (order > 0 || !peer_agrees(p, d))
            out->put[out->n_put++] = d;
        i += order <= 0;
        j += order >= 0;
    }
}

int wg_diff(const struct wg_state *have, const struct device *want, size_t n, struct wg_diff *out)
{
    *out = (struct wg_diff){0};
    out->put = sorted_by_key(want, n);
    out->drop = reallocarray(NULL, have->n_peers + 1, sizeof *out->drop);
    if (!out->put || !out->drop) {
        wg_diff_clear(out);
        return -ENOMEM;
    }
    merge(have, n, out);
    return 0;
}

void wg_diff_clear(struct wg_diff *d)
{
    if (!d)
        return;
    free(d->put);
    free(d->drop);
    *d = (struct wg_diff){0};
}
