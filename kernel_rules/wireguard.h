/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A WireGuard interface: keys, peers and their state, by generic netlink (linux/wireguard.h) or
 * by the cross-platform UAPI socket (wireguard.com/xplatform) where the kernel has none.
 * Both back ends fill and take the same structs.
 */
#ifndef KERNEL_RULES_WIREGUARD_H
#define KERNEL_RULES_WIREGUARD_H

#include "policy/model.h"

struct wg;   /* opaque */

/* WG_KERNEL: the interface must exist. WG_USERSPACE: the socket /var/run/wireguard/<iface>.sock
 * must answer. -ENODEV, -ECONNREFUSED, -ENOENT. */
int wg_open(struct wg **out, const char *iface, enum wg_backend backend);
void wg_close(struct wg *w);

/* Private key and port, and no firewall mark; only what differs (setting the key recomputes every peer). */
int wg_set_device(struct wg *w, const struct wg_key *private_key, uint16_t port);

/* The key that a peer and the gateway share beside their own (wg(8), PresharedKey). A secret. */
struct wg_preshared { struct wg_key peer, key; };
/* From now on wg_put_peers() gives these keys to these peers, and none to any other; wg_read()
 * tells who has another one. Copied. 0 or -ENOMEM. */
int wg_use_preshared(struct wg *w, const struct wg_preshared *v, size_t n);

/* Adds or updates peers: allowed-ips replaced by addr4/32 and addr6/128. Uniqueness of addresses
 * is the caller's (an allowed-ip moves between peers silently). wireguard-go holds 65,536 peers and
 * answers -EINVAL to one more; the kernel holds 1,048,576. */
int wg_put_peers(struct wg *w, const struct device *d, size_t n);
/* Empties each peer's allowed-ips first, then removes it. Absent peers are no error. */
int wg_drop_peers(struct wg *w, const struct wg_key *keys, size_t n);

struct wg_peer {
    struct wg_key key;
    struct ip_addr addr4, addr6;       /* /32 and /128 allowed-ips; family 0 = none */
    uint32_t other_allowed;            /* allowed-ips beyond those two: not of our making */
    bool other_preshared;              /* a preshared key that is not of our making, or none */
    struct ip_addr endpoint;  uint16_t endpoint_port;   /* family 0 = none */
    struct wall last_handshake;        /* 0 = never */
    uint64_t rx_bytes, tx_bytes;
};
struct wg_state {
    struct wg_key public_key;
    uint16_t listen_port;
    uint32_t fwmark;                            /* of its own packets; ours have none */
    struct wg_peer *peers;  size_t n_peers;     /* sorted by key; owned */
};
int wg_read(struct wg *w, struct wg_state *out);
void wg_state_clear(struct wg_state *s);
/* How many of these peers the interface has now, asked of it and not remembered. Of a few, without
 * reading the others where that can be had. */
int wg_count_peers(struct wg *w, const struct wg_key *keys, size_t n, uint32_t *there);

/* Peers to put and to drop so that the interface holds exactly these devices.
 * put[]: pointers into want, drop[]: keys; both malloc'd. 0 or -ENOMEM. */
struct wg_diff { const struct device **put; size_t n_put; struct wg_key *drop; size_t n_drop; };
int wg_diff(const struct wg_state *have, const struct device *want, size_t n, struct wg_diff *out);
void wg_diff_clear(struct wg_diff *d);

/* The reply parser of the UAPI, on its own for tests and fuzzing: "key=value\n" lines ending with
 * an empty line. -EBADMSG on any byte that does not belong; else the errno= of the reply. */
struct wg_preshared_keys;   /* those of wg_use_preshared(); NULL = other_preshared stays false */
int wg_uapi_parse(const char *text, size_t len, const struct wg_preshared_keys *keys,
                  struct wg_state *out);

#endif
