/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Private to wireguard*.c and its tests: the back ends' table, and the builders and parsers that
 * work on bytes alone.
 */
#ifndef KERNEL_RULES_WIREGUARD_PARTS_H
#define KERNEL_RULES_WIREGUARD_PARTS_H

#include "kernel_rules/netlink.h"
#include "kernel_rules/wireguard.h"

#define WG_ASK_MAX 32                   /* more peers are looked for in all of them at once */
#define WG_CHUNK 256                    /* peers of one request: 40 KiB of netlink, 70 of text */
#define WG_REQUEST_SIZE 98304           /* holds any request built here */
#define WG_PEERS_MAX (1u << 20)
#define WG_REPLY_MAX (64u << 20)        /* UAPI reply: 100,000 peers are about 40 MiB */

enum wg_end { WG_EMPTY = 1, WG_REMOVE };   /* take a peer's allowed-ips, or the peer itself */

/* What a back end can do; n is at most WG_CHUNK. NULL key or port: left as it is. */
struct wg_ops {
    int (*read)(struct wg *w, struct wg_state *out);
    int (*set_device)(struct wg *w, const struct wg_key *private_key, const uint16_t *port);
    int (*put)(struct wg *w, const struct device *d, size_t n);
    int (*end)(struct wg *w, const struct wg_key *keys, size_t n, enum wg_end how);
    /* wg_count_peers() of at most WG_ASK_MAX; -EOPNOTSUPP: not to be had without reading all. */
    int (*count)(struct wg *w, const struct wg_key *keys, size_t n, uint32_t *there);
};
extern const struct wg_ops wg_genl_ops, wg_uapi_ops;

struct wg_preshared_keys { struct wg_preshared *v; size_t n; };   /* sorted by peer */
/* The key of a peer; all zero, which WireGuard takes for none, when it has none. */
const struct wg_key *wg_preshared_of(const struct wg_preshared_keys *keys,
                                     const struct wg_key *peer);

struct wg {
    char iface[IFACE_SIZE];
    const struct wg_ops *ops;
    struct nl *nl;                      /* genl only */
    uint16_t family;
    bool tells_apart;                   /* genl: this kernel has told of a peer that it was there */
    struct wg_preshared_keys preshared;
};

/* ---- collecting peers (wireguard_state.c) ---------------------------------------------- */

struct wg_collect {
    struct wg_state *state;
    size_t room;
    const struct wg_preshared_keys *preshared;   /* NULL: not compared */
};

/* A new peer at the end, zeroed but for its key; NULL when memory or WG_PEERS_MAX is reached. */
struct wg_peer *wg_collect_peer(struct wg_collect *c, const struct wg_key *key);
/* The peer added last, NULL when there is none. */
struct wg_peer *wg_collect_last(const struct wg_collect *c);
void wg_peer_allow(struct wg_peer *p, const struct ip_addr *a, uint8_t len);
void wg_collect_preshared(const struct wg_collect *c, struct wg_peer *p, const struct wg_key *key);
/* Sorts by key. -EBADMSG when a key comes twice. */
int wg_collect_finish(struct wg_collect *c);

/* ---- generic netlink (wireguard_genl.c) ------------------------------------------------- */

int wg_genl_open(struct wg *w);
struct nlmsghdr *wg_genl_build_get(void *buf, uint16_t family, const char *iface);
struct nlmsghdr *wg_genl_build_device(void *buf, uint16_t family, const char *iface,
                                      const struct wg_key *private_key, const uint16_t *port);
struct nlmsghdr *wg_genl_build_put(void *buf, uint16_t family, const char *iface,
                                   const struct device *d, size_t n,
                                   const struct wg_preshared_keys *keys);
struct nlmsghdr *wg_genl_build_end(void *buf, uint16_t family, const char *iface,
                                   const struct wg_key *keys, size_t n, enum wg_end how);
/* Changes nothing: refused with EINVAL when the peer is there. */
struct nlmsghdr *wg_genl_build_ask(void *buf, uint16_t family, const char *iface,
                                   const struct wg_key *key);
/* An nl_cb; arg is a struct wg_collect. */
int wg_genl_parse(const struct nlmsghdr *nlh, void *arg);

/* ---- UAPI (wireguard_uapi.c) ------------------------------------------------------------ */

/* Requests into text[WG_REQUEST_SIZE]; the length, or -EMSGSIZE. */
int wg_uapi_build_device(char *text, const struct wg_key *private_key, const uint16_t *port);
int wg_uapi_build_put(char *text, const struct device *d, size_t n,
                      const struct wg_preshared_keys *keys);
int wg_uapi_build_end(char *text, const struct wg_key *keys, size_t n, enum wg_end how);
/* The reply to a set: its errno and nothing else. */
int wg_uapi_parse_status(const char *text, size_t len);
/* How many of these keys are peers in a whole reply to a get: 0, or the errno= of the reply, or
 * -EBADMSG when it does not end as one does. */
int wg_uapi_count(const char *text, size_t len, const struct wg_key *keys, size_t n,
                  uint32_t *there);
/* -ENOENT, -ECONNREFUSED */
int wg_uapi_probe(const struct wg *w);

#endif
