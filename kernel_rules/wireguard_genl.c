/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard in the kernel, by generic netlink. Source: linux/wireguard.h (its long comment is the
 * specification), linux/genetlink.h.
 */
#include "kernel_rules/wireguard_parts.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/time_types.h>
#include <linux/wireguard.h>

#define DUMP_TRIES 50          /* a dump that others interrupt is begun again this often */

/* ---- building ------------------------------------------------------------------------- */

static struct nlmsghdr *begin(void *buf, uint16_t type, uint8_t cmd, uint16_t flags)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    struct genlmsghdr *genl = mnl_nlmsg_put_extra_header(nlh, sizeof *genl);
    nlh->nlmsg_type = type;
    nlh->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
    genl->cmd = cmd;
    genl->version = 1;         /* of WireGuard (WG_GENL_VERSION) and of the controller alike */
    return nlh;
}

struct nlmsghdr *wg_genl_build_get(void *buf, uint16_t family, const char *iface)
{
    struct nlmsghdr *nlh = begin(buf, family, WG_CMD_GET_DEVICE, NLM_F_DUMP);
    mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, iface);
    return nlh;
}

static struct nlmsghdr *begin_set(void *buf, uint16_t family, const char *iface)
{
    struct nlmsghdr *nlh = begin(buf, family, WG_CMD_SET_DEVICE, NLM_F_ACK);
    mnl_attr_put_strz(nlh, WGDEVICE_A_IFNAME, iface);
    return nlh;
}

struct nlmsghdr *wg_genl_build_device(void *buf, uint16_t family, const char *iface,
                                      const struct wg_key *private_key, const uint16_t *port)
{
    struct nlmsghdr *nlh = begin_set(buf, family, iface);
    if (private_key)
        mnl_attr_put(nlh, WGDEVICE_A_PRIVATE_KEY, sizeof private_key->b, private_key->b);
    if (port)
        mnl_attr_put_u16(nlh, WGDEVICE_A_LISTEN_PORT, *port);
    mnl_attr_put_u32(nlh, WGDEVICE_A_FWMARK, 0);
    return nlh;
}

static void put_allowed(struct nlmsghdr *nlh, const struct ip_addr *a)
{
    if (a->family == 0)
        return;
    bool v4 = a->family == 4;
    struct nlattr *nest = mnl_attr_nest_start(nlh, 0);
    mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, v4 ? AF_INET : AF_INET6);
    mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, v4 ? 4 : 16, a->b);
    mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, v4 ? 32 : 128);
    mnl_attr_nest_end(nlh, nest);
}

static struct nlattr *begin_peer(struct nlmsghdr *nlh, const struct wg_key *key, uint32_t flags)
{
    struct nlattr *peer = mnl_attr_nest_start(nlh, 0);
    mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, sizeof key->b, key->b);
    mnl_attr_put_u32(nlh, WGPEER_A_FLAGS, flags);
    return peer;
}

static void put_device_peer(struct nlmsghdr *nlh, const struct device *d,
                            const struct wg_preshared_keys *keys)
{
    struct nlattr *peer = begin_peer(nlh, &d->key, WGPEER_F_REPLACE_ALLOWEDIPS);
    mnl_attr_put(nlh, WGPEER_A_PRESHARED_KEY, sizeof(struct wg_key),
                 wg_preshared_of(keys, &d->key));
    struct nlattr *allowed = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
    put_allowed(nlh, &d->addr4);
    put_allowed(nlh, &d->addr6);
    mnl_attr_nest_end(nlh, allowed);
    mnl_attr_nest_end(nlh, peer);
}

struct nlmsghdr *wg_genl_build_put(void *buf, uint16_t family, const char *iface,
                                   const struct device *d, size_t n,
                                   const struct wg_preshared_keys *keys)
{
    struct nlmsghdr *nlh = begin_set(buf, family, iface);
    struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
    for (size_t i = 0; i < n; i++)
        put_device_peer(nlh, &d[i], keys);
    mnl_attr_nest_end(nlh, peers);
    return nlh;
}

/* UPDATE_ONLY: a peer that is absent stays absent and is no error. */
struct nlmsghdr *wg_genl_build_end(void *buf, uint16_t family, const char *iface,
                                   const struct wg_key *keys, size_t n, enum wg_end how)
{
    uint32_t act = how == WG_REMOVE ? WGPEER_F_REMOVE_ME : WGPEER_F_REPLACE_ALLOWEDIPS;
    struct nlmsghdr *nlh = begin_set(buf, family, iface);
    struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
    for (size_t i = 0; i < n; i++)
        mnl_attr_nest_end(nlh, begin_peer(nlh, &keys[i], WGPEER_F_UPDATE_ONLY | act));
    mnl_attr_nest_end(nlh, peers);
    return nlh;
}

/* The kernel has no request for one peer. But it looks a peer up before it reads what is wanted of
 * it: with UPDATE_ONLY one that is absent is no error, and of one that is there an allowed-ip without
 * an address is refused (set_peer(), set_allowedip() of drivers/net/wireguard/netlink.c). */
struct nlmsghdr *wg_genl_build_ask(void *buf, uint16_t family, const char *iface,
                                   const struct wg_key *key)
{
    struct nlmsghdr *nlh = begin_set(buf, family, iface);
    struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
    struct nlattr *peer = begin_peer(nlh, key, WGPEER_F_UPDATE_ONLY);
    struct nlattr *allowed = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
    struct nlattr *one = mnl_attr_nest_start(nlh, 0);
    mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, AF_INET);
    mnl_attr_nest_end(nlh, one);
    mnl_attr_nest_end(nlh, allowed);
    mnl_attr_nest_end(nlh, peer);
    mnl_attr_nest_end(nlh, peers);
    return nlh;
}

/* ---- parsing -------------------------------------------------------------------------- */

/* Copies a value of exactly this size; 0 when the attribute is absent, which leaves *to alone. */
static int take(const struct nlattr *a, void *to, size_t size)
{
    if (!a)
        return 0;
    if (mnl_attr_get_payload_len(a) != size)
        return -EBADMSG;
    memcpy(to, mnl_attr_get_payload(a), size);
    return 0;
}

static int take_allowed(const struct nlattr *one, void *arg)
{
    const struct nlattr *tb[WGALLOWEDIP_A_MAX + 1];
    struct ip_addr a = {0};
    uint16_t family = 0;
    uint8_t len = 0;

    if (nl_nested(one, tb, WGALLOWEDIP_A_MAX) < 0 || !tb[WGALLOWEDIP_A_IPADDR] ||
        !tb[WGALLOWEDIP_A_CIDR_MASK] || take(tb[WGALLOWEDIP_A_FAMILY], &family, 2) < 0 ||
        take(tb[WGALLOWEDIP_A_CIDR_MASK], &len, 1) < 0)
        return -EBADMSG;
    if (family != AF_INET && family != AF_INET6)
        return -EBADMSG;
    a.family = family == AF_INET ? 4 : 6;
    size_t size = a.family == 4 ? 4 : 16;
    if (take(tb[WGALLOWEDIP_A_IPADDR], a.b, size) < 0 || len > size * 8)
        return -EBADMSG;
    wg_peer_allow(arg, &a, len);
    return 0;
}

static int take_endpoint(const struct nlattr *a, struct wg_peer *p)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    if (!a)
        return 0;
    if (take(a, &v4, sizeof v4) == 0 && v4.sin_family == AF_INET) {
        p->endpoint.family = 4;
        memcpy(p->endpoint.b, &v4.sin_addr, 4);
        p->endpoint_port = ntohs(v4.sin_port);
        return 0;
    }
    if (take(a, &v6, sizeof v6) == 0 && v6.sin6_family == AF_INET6) {
        p->endpoint.family = 6;
        memcpy(p->endpoint.b, &v6.sin6_addr, 16);
        p->endpoint_port = ntohs(v6.sin6_port);
        return 0;
    }
    return -EBADMSG;
}

static int take_counters(const struct nlattr **tb, struct wg_peer *p)
{
    struct __kernel_timespec seen = {0};
    if (take(tb[WGPEER_A_LAST_HANDSHAKE_TIME], &seen, sizeof seen) < 0 ||
        take(tb[WGPEER_A_RX_BYTES], &p->rx_bytes, 8) < 0 ||
        take(tb[WGPEER_A_TX_BYTES], &p->tx_bytes, 8) < 0)
        return -EBADMSG;
    if (seen.tv_sec != 0)
        p->last_handshake.s = seen.tv_sec;
    return 0;
}

/* The kernel names it once for each peer. */
static int take_preshared(const struct wg_collect *c, const struct nlattr *a, struct wg_peer *p)
{
    struct wg_key key;
    int rc = take(a, key.b, sizeof key.b);

    if (rc == 0 && a)
        wg_collect_preshared(c, p, &key);
    explicit_bzero(&key, sizeof key);
    return rc;
}

/* A peer that did not fit goes on in the next message under the same key, with allowed-ips only. */
static struct wg_peer *peer_of(struct wg_collect *c, const struct wg_key *key)
{
    struct wg_peer *last = wg_collect_last(c);
    if (last && memcmp(&last->key, key, sizeof *key) == 0)
        return last;
    return wg_collect_peer(c, key);
}

static int take_peer(const struct nlattr *one, void *arg)
{
    const struct nlattr *tb[WGPEER_A_MAX + 1];
    struct wg_key key;

    if (nl_nested(one, tb, WGPEER_A_MAX) < 0 || !tb[WGPEER_A_PUBLIC_KEY] ||
        take(tb[WGPEER_A_PUBLIC_KEY], key.b, sizeof key.b) < 0)
        return -EBADMSG;
    struct wg_peer *p = peer_of(arg, &key);
    if (!p)
        return -ENOMEM;
    if (take_endpoint(tb[WGPEER_A_ENDPOINT], p) < 0 || take_counters(tb, p) < 0 ||
        take_preshared(arg, tb[WGPEER_A_PRESHARED_KEY], p) < 0)
        return -EBADMSG;
    if (!tb[WGPEER_A_ALLOWEDIPS])
        return 0;
    int rc = nl_each(tb[WGPEER_A_ALLOWEDIPS], take_allowed, p);
    return rc == -EINVAL ? -EBADMSG : rc;
}

int wg_genl_parse(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[WGDEVICE_A_MAX + 1];
    struct wg_collect *c = arg;

    if (nl_attrs(nlh, sizeof(struct genlmsghdr), tb, WGDEVICE_A_MAX) < 0 ||
        take(tb[WGDEVICE_A_PUBLIC_KEY], c->state->public_key.b, sizeof(struct wg_key)) < 0 ||
        take(tb[WGDEVICE_A_LISTEN_PORT], &c->state->listen_port, 2) < 0)
        return -EBADMSG;
    if (tb[WGDEVICE_A_FWMARK] && take(tb[WGDEVICE_A_FWMARK], &c->state->fwmark, 4) < 0)
        return -EBADMSG;
    if (!tb[WGDEVICE_A_PEERS])
        return 0;
    int rc = nl_each(tb[WGDEVICE_A_PEERS], take_peer, c);
    return rc == -EINVAL ? -EBADMSG : rc;
}

static int take_family(const struct nlmsghdr *nlh, void *arg)
{
    const struct nlattr *tb[CTRL_ATTR_MAX + 1];
    if (nl_attrs(nlh, sizeof(struct genlmsghdr), tb, CTRL_ATTR_MAX) < 0 ||
        !tb[CTRL_ATTR_FAMILY_ID])
        return -EBADMSG;
    return take(tb[CTRL_ATTR_FAMILY_ID], arg, sizeof(uint16_t));
}

/* ---- talking -------------------------------------------------------------------------- */

int wg_genl_open(struct wg *w)
{
    char buf[256];
    int rc = nl_open(&w->nl, NETLINK_GENERIC);
    if (rc < 0)
        return rc;
    struct nlmsghdr *nlh = begin(buf, GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 0);
    mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
    rc = nl_request(w->nl, nlh, take_family, &w->family);
    return rc == 0 && w->family == 0 ? -ENOENT : rc;
}

static int read_once(struct wg *w, struct wg_state *out)
{
    char buf[256];
    struct wg_collect c = {.state = out, .preshared = &w->preshared};
    *out = (struct wg_state){0};
    int rc = nl_request(w->nl, wg_genl_build_get(buf, w->family, w->iface), wg_genl_parse, &c);
    if (rc == 0)
        rc = wg_collect_finish(&c);
    if (rc < 0)
        wg_state_clear(out);
    return rc;
}

static int genl_read(struct wg *w, struct wg_state *out)
{
    for (int i = 0; i < DUMP_TRIES; i++) {
        int rc = read_once(w, out);
        if (rc != -EINTR)
            return rc;
    }
    return -EAGAIN;
}

static int genl_set_device(struct wg *w, const struct wg_key *key, const uint16_t *port)
{
    char buf[256];
    int rc = nl_request(w->nl, wg_genl_build_device(buf, w->family, w->iface, key, port), NULL,
                        NULL);
    explicit_bzero(buf, sizeof buf);
    return rc;
}

static int genl_put(struct wg *w, const struct device *d, size_t n)
{
    void *buf = malloc(WG_REQUEST_SIZE);
    if (!buf)
        return -ENOMEM;
    int rc = nl_request(w->nl, wg_genl_build_put(buf, w->family, w->iface, d, n, &w->preshared),
                        NULL, NULL);
    explicit_bzero(buf, WG_REQUEST_SIZE);
    free(buf);
    return rc;
}

/* 0: the peer is absent; -EINVAL: it is there. */
static int ask(struct wg *w, const struct wg_key *key)
{
    char buf[256];
    return nl_request(w->nl, wg_genl_build_ask(buf, w->family, w->iface, key), NULL, NULL);
}

/* That an answer means "absent" is believed of a kernel that has told, of a peer about to be removed,
 * that it was there; and that one is there only after reading all. */
static int genl_count(struct wg *w, const struct wg_key *keys, size_t n, uint32_t *there)
{
    for (size_t i = 0; i < n; i++)
        if (!w->tells_apart || ask(w, &keys[i]) != 0)
            return -EOPNOTSUPP;
    *there = 0;
    return 0;
}

static int genl_end(struct wg *w, const struct wg_key *keys, size_t n, enum wg_end how)
{
    void *buf = malloc(WG_REQUEST_SIZE);
    if (!buf)
        return -ENOMEM;
    if (how == WG_REMOVE && !w->tells_apart && n <= WG_ASK_MAX)
        w->tells_apart = ask(w, &keys[0]) == -EINVAL;
    int rc =
        nl_request(w->nl, wg_genl_build_end(buf, w->family, w->iface, keys, n, how), NULL, NULL);
    free(buf);
    return rc;
}

const struct wg_ops wg_genl_ops = {
    .read = genl_read, .set_device = genl_set_device, .put = genl_put, .end = genl_end,
    .count = genl_count};
