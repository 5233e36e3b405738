/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A WireGuard interface behind one set of verbs, whichever back end drives it: opening, only what
 * differs, and requests cut into chunks.
 */
#include "kernel_rules/wireguard_parts.h"

#include "kernel_rules/link.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* The name becomes part of a socket's path: what an interface may be called, and no path in it. */
static bool iface_ok(const char *s)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_=+.-";
    size_t len = strlen(s);
    return len > 0 && len < IFACE_SIZE && strspn(s, allowed) == len && s[0] != '.';
}

static int open_kernel(struct wg *w)
{
    char kind[IFACE_SIZE];
    int rc = link_kind(w->iface, kind);
    if (rc < 0)
        return rc;
    if (strcmp(kind, "wireguard") != 0)
        return -ENODEV;
    w->ops = &wg_genl_ops;
    return wg_genl_open(w);
}

static int open_userspace(struct wg *w)
{
    w->ops = &wg_uapi_ops;
    return wg_uapi_probe(w);
}

int wg_open(struct wg **out, const char *iface, enum wg_backend backend)
{
    if (!iface_ok(iface) || (backend != WG_KERNEL && backend != WG_USERSPACE))
        return -EINVAL;
    struct wg *w = calloc(1, sizeof *w);
    if (!w)
        return -ENOMEM;
    memcpy(w->iface, iface, strlen(iface));
    int rc = backend == WG_KERNEL ? open_kernel(w) : open_userspace(w);
    if (rc < 0) {
        wg_close(w);
        return rc;
    }
    *out = w;
    return 0;
}

/* ---- preshared keys ------------------------------------------------------------------- */

static int by_peer(const void *a, const void *b)
{
    const struct wg_preshared *x = a, *y = b;
    return memcmp(&x->peer, &y->peer, sizeof x->peer);
}

static void forget_preshared(struct wg_preshared_keys *keys)
{
    if (keys->v)
        explicit_bzero(keys->v, keys->n * sizeof *keys->v);
    free(keys->v);
    *keys = (struct wg_preshared_keys){0};
}

int wg_use_preshared(struct wg *w, const struct wg_preshared *v, size_t n)
{
    struct wg_preshared *copy = n ? reallocarray(NULL, n, sizeof *copy) : NULL;
    if (n && !copy)
        return -ENOMEM;
    if (n) {
        memcpy(copy, v, n * sizeof *copy);
        qsort(copy, n, sizeof *copy, by_peer);
    }
    forget_preshared(&w->preshared);
    w->preshared = (struct wg_preshared_keys){copy, n};
    return 0;
}

const struct wg_key *wg_preshared_of(const struct wg_preshared_keys *keys,
                                     const struct wg_key *peer)
{
    static const struct wg_key none;
    const struct wg_preshared wanted = {.peer = *peer};
    const struct wg_preshared *found =
        keys->n ? bsearch(&wanted, keys->v, keys->n, sizeof *keys->v, by_peer) : NULL;
    return found ? &found->key : &none;
}

/* ---- the interface --------------------------------------------------------------------- */

void wg_close(struct wg *w)
{
    if (!w)
        return;
    nl_close(w->nl);
    forget_preshared(&w->preshared);
    free(w);
}

int wg_read(struct wg *w, struct wg_state *out) { return w->ops->read(w, out); }

int wg_set_device(struct wg *w, const struct wg_key *private_key, uint16_t port)
{
    struct wg_state now;
    struct wg_key public_key;
    int rc = w->ops->read(w, &now);
    if (rc < 0)
        return rc;
    if (crypto_scalarmult_curve25519_base(public_key.b, private_key->b) != 0)
        rc = -EINVAL;
    bool key_differs = memcmp(&public_key, &now.public_key, sizeof public_key) != 0;
    bool port_differs = now.listen_port != port, marked = now.fwmark != 0;
    wg_state_clear(&now);
    if (rc < 0 || (!key_differs && !port_differs && !marked))
        return rc;
    return w->ops->set_device(w, key_differs ? private_key : NULL, port_differs ? &port : NULL);
}

static int by_key(const void *key, const void *peer)
{
    return memcmp(key, &((const struct wg_peer *)peer)->key, sizeof(struct wg_key));
}

static int count_in_all(struct wg *w, const struct wg_key *keys, size_t n, uint32_t *there)
{
    struct wg_state s;
    int rc = w->ops->read(w, &s);
    if (rc < 0)
        return rc;
    *there = 0;
    for (size_t i = 0; i < n && s.n_peers > 0; i++)
        *there += bsearch(&keys[i], s.peers, s.n_peers, sizeof *s.peers, by_key) != NULL;
    wg_state_clear(&s);
    return 0;
}

int wg_count_peers(struct wg *w, const struct wg_key *keys, size_t n, uint32_t *there)
{
    int rc = n <= WG_ASK_MAX ? w->ops->count(w, keys, n, there) : -EOPNOTSUPP;
    return rc == -EOPNOTSUPP ? count_in_all(w, keys, n, there) : rc;
}

static size_t chunk(size_t n) { return n < WG_CHUNK ? n : WG_CHUNK; }

int wg_put_peers(struct wg *w, const struct device *d, size_t n)
{
    int rc = 0;
    for (size_t step; rc == 0 && n > 0; d += step, n -= step) {
        step = chunk(n);
        rc = w->ops->put(w, d, step);
    }
    return rc;
}

static int end_peers(struct wg *w, const struct wg_key *keys, size_t n, enum wg_end how)
{
    int rc = 0;
    for (size_t step; rc == 0 && n > 0; keys += step, n -= step) {
        step = chunk(n);
        rc = w->ops->end(w, keys, step, how);
    }
    return rc;
}

int wg_drop_peers(struct wg *w, const struct wg_key *keys, size_t n)
{
    int rc = end_peers(w, keys, n, WG_EMPTY);
    return rc < 0 ? rc : end_peers(w, keys, n, WG_REMOVE);
}
