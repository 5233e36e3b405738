/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tunnel: what the engine says of it is checked for meaning once more, the guard comes before
 * the interface, the interface before anything that could use it.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/log.h"
#include "kernel_rules/link.h"

/* ---- is it sound? ------------------------------------------------------------------------------
 */

/* Characters that mean nothing to any file system, line protocol or rule: no '/', no space. */
static bool iface_sound(const char name[IFACE_SIZE])
{
    size_t len = strnlen(name, IFACE_SIZE);
    if (len == 0 || len >= IFACE_SIZE || name[0] == '.' || name[0] == '-')
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)name[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !strchr("_-.", c))
            return false;
    }
    return strcmp(name, "lo") != 0 && strcmp(name, "all") != 0 && strcmp(name, "default") != 0;
}

static bool net4_sound(const struct ip_prefix *n)
{
    return n->addr.family == 4 && n->len >= 8 && n->len <= 30 && n->addr.b[0] != 0 &&
           n->addr.b[0] != 127 && n->addr.b[0] < 224;
}

static bool net6_sound(const struct ip_prefix *n)
{
    if (n->addr.family == 0)
        return true;
    return n->addr.family == 6 && n->len >= 32 && n->len <= 126 && n->addr.b[0] != 0 &&
           n->addr.b[0] < 0xfe;
}

static bool ifaces_distinct(const struct tunnel *t)
{
    for (uint32_t i = 0; i < t->n_office; i++) {
        if (strcmp(t->office[i].name, t->iface) == 0)
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (strcmp(t->office[i].name, t->office[k].name) == 0)
                return false;
    }
    return strcmp(t->outside, t->iface) != 0;
}

static bool all_ifaces_sound(const struct tunnel *t)
{
    bool sound = iface_sound(t->iface) && (t->outside[0] == '\0' || iface_sound(t->outside));
    for (uint32_t i = 0; i < t->n_office; i++)
        sound = sound && iface_sound(t->office[i].name);
    return sound;
}

bool tunnel_sound(const struct tunnel *t, const char **why)
{
    *why = NULL;
    if (!all_ifaces_sound(t))
        *why = "an interface name";
    else if (!ifaces_distinct(t))
        *why = "two interfaces of one name";
    else if (t->listen_port == 0 || t->portal_port == 0 || t->portal_tls_port == t->portal_port)
        *why = "a port";
    else if (t->mtu < 1280 || t->mtu > 1500)
        *why = "the MTU";
    else if (!net4_sound(&t->net4) || !net6_sound(&t->net6))
        *why = "a tunnel network";
    else if (t->log_rate == 0 || t->log_rate > 1000000)
        *why = "the log rate";
    else if (t->nflog_group == 0 || t->nflog_group == UINT16_MAX)
        *why = "the log group";   /* the next one is for knocks */
    return *why == NULL;
}

/* ---- making it ------------------------------------------------------------------------ */

int tunnel_set_key(struct parent *p)
{
    struct wg_key key;
    if (files_private_key(p, &key) < 0)
        return -EACCES;
    (void)crypto_scalarmult_base(p->public_key.b, key.b);
    int rc = wg_set_device(p->wg, &key, p->tunnel.listen_port);
    sodium_munlock(&key, sizeof key); /* wipes it */
    if (rc < 0)
        log_warn("cannot give %s its key and port %u: %s", p->tunnel.iface, p->tunnel.listen_port,
                 strerror(-rc));
    return rc;
}

static int use_preshared(struct parent *p)
{
    struct wg_preshared *v;
    size_t n;
    if (files_preshared(p, &v, &n) < 0)
        return -EACCES;
    int rc = wg_use_preshared(p->wg, v, n);
    if (v)
        sodium_memzero(v, n * sizeof *v);
    free(v);
    return rc;
}

int tunnel_configure(struct parent *p)
{
    const char *iface = p->tunnel.iface;
    struct wg *fresh;
    int rc = wg_open(&fresh, iface, p->backend);
    if (rc < 0) {
        log_warn("cannot speak with the WireGuard interface %s: %s", iface, strerror(-rc));
        return rc;
    }
    if (p->wg)
        wg_close(p->wg);
    p->wg = fresh;
    rc = tunnel_set_key(p);
    if (rc == 0)
        rc = use_preshared(p);
    if (rc == 0 && (rc = link_configure(&p->tunnel)) < 0)
        log_warn("cannot set the addresses of %s: %s", iface, strerror(-rc));
    return rc;
}

/* An interface of that name that is no WireGuard is somebody else's. */
static int make_interface(struct parent *p)
{
    const char *iface = p->tunnel.iface;
    char kind[IFACE_SIZE] = "";
    int rc = link_add_wireguard(iface);
    if (rc == -EEXIST && link_kind(iface, kind) == 0 && strcmp(kind, "wireguard") == 0)
        rc = 0;
    p->backend = WG_KERNEL;
    if (rc == -EOPNOTSUPP || (rc == -EEXIST && strcmp(kind, "tun") == 0)) {
        p->backend = WG_USERSPACE;
        rc = wireguard_go_run(p);
    } else if (rc < 0) {
        log_warn("cannot make the interface %s: %s", iface,
                 rc == -EEXIST ? "there is one of another kind" : strerror(-rc));
    }
    return rc;
}

static int forward(const struct tunnel *t)
{
    int rc = link_set_forwarding(t->net6.addr.family == 6);
    if (rc < 0)
        log_warn("cannot switch on forwarding: %s", strerror(-rc));
    return rc;
}

static int install_guard(struct parent *p)
{
    int rc = nft_guard_install(p->nft, &p->tunnel);
    if (rc < 0)
        log_warn("cannot install the guard table: %s", strerror(-rc));
    return rc;
}

int tunnel_make(struct parent *p)
{
    int rc = install_guard(p);
    if (rc == 0)
        rc = make_interface(p);
    if (rc == 0)
        rc = tunnel_configure(p);
    if (rc == 0)
        rc = forward(&p->tunnel);
    if (rc == 0)
        log_info("the tunnel is %s, port %u, by %s", p->tunnel.iface, p->tunnel.listen_port,
                 p->backend == WG_KERNEL ? "the kernel" : "wireguard-go");
    return rc;
}

static void answer_tunnel(struct parent *p, struct writer *answer)
{
    put_raw(answer, p->public_key.b, sizeof p->public_key.b);
    put_u8(answer, (uint8_t)p->backend);
    p->phase = PHASE_TUNNEL;
}

/* A new engine finds the tunnel of the old one: it cannot be another, the file was read once. */
int request_tunnel(struct parent *p, struct reader *r, struct writer *answer)
{
    struct tunnel t;
    const char *why;
    get_tunnel(r, &t);
    if (!reader_done(r))
        return MALFORMED;
    if (!tunnel_sound(&t, &why)) {
        log_alarm("the engine asked for a tunnel that cannot be: %s", why);
        return -EINVAL;
    }
    if (p->wg && memcmp(&t, &p->tunnel, sizeof t) != 0)
        return -EINVAL;
    p->tunnel = p->wish.tunnel = t;
    int rc = p->wg ? 0 : tunnel_make(p);
    if (rc == 0) {
        answer_tunnel(p, answer);
    } else if (p->wg) {
        wg_close(p->wg);
        p->wg = NULL;
    }
    return rc;
}
