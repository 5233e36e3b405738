/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The data plane in nftables: the owned table `inet portcullis`, the static guard table
 * `inet portcullis_guard`, leases, classes, counters; and reading all of it back.
 *
 * The rules are in nft_table.c, in the order in which a packet meets them (design.md, "The data
 * plane"). Sources: linux/netfilter/nf_tables.h; libnftnl.
 */
#ifndef KERNEL_RULES_NFT_H
#define KERNEL_RULES_NFT_H

#include "policy/model.h"
#include "policy/plan.h"

struct nft;   /* opaque: the socket that owns the table */

#define NFT_TABLE_NAME "portcullis"
#define NFT_GUARD_NAME "portcullis_guard"

/* fd -1 opens a new socket; otherwise takes over that of a former owner (its table is kept). */
int nft_open(struct nft **out, int fd);
void nft_close(struct nft *n);       /* the owned table goes with the last copy of its socket */
int nft_fd(const struct nft *n);     /* to be dup'd and held by somebody else */

/* The guard alone, static and un-owned: drops forwarded and incoming tunnel packets that carry no
 * stamp. Replaced in one transaction without a gap; survives us. */
int nft_guard_install(struct nft *n, const struct tunnel *t);

/* Everything, from nothing, in one transaction: table, chains, sets, classes, devices, leases.
 * -EEXIST when a table of that name belongs to another owner (see nft_owner()). A table of our
 * own that is there is replaced in the same transaction. */
int nft_install(struct nft *n, const struct dataplane *wish);

/* Applies changes; leases, devices and quarantine in one transaction, new classes before it, old
 * ones after it. `have` is the state before them (for renewals and drops). When it fails nothing
 * has changed for any device (a class that nobody holds may be left: the next diff drops it).
 * -ENOENT/-EEXIST mean that kernel and `have` differ: snapshot, diff, repair. -ENOBUFS (from
 * every function that writes): the answer was lost, the outcome is unknown: snapshot. */
int nft_apply(struct nft *n, const struct dataplane *have, const struct changes *c);

enum nft_presence { NFT_ABSENT = 0, NFT_OURS, NFT_FOREIGN_OWNER, NFT_UNOWNED };
int nft_owner(struct nft *n, enum nft_presence *out);

/* Reads back tunnel-independent content (classes, devices without keys, leases with what is left)
 * into *out (dataplane_clear()). -EINTR never leaves here: interrupted dumps are restarted.
 * -ENOENT: no table. -EBADMSG: the content is not of our making. */
int nft_snapshot(struct nft *n, struct dataplane *out);

/* Chains, rules, sets and flags of both tables as they should be for this tunnel? 0 yes, 1 no;
 * what[] names the first difference. */
int nft_verify_static(struct nft *n, const struct dataplane *wish, char what[128]);

/* Does somebody's flowtable, in whatever table, cover one of our interfaces? Its connections pass
 * by every forward chain: alarm, and end connections by conntrack. 1 yes (what: which), 0 no. */
int nft_flowtable_over(struct nft *n, const struct tunnel *t, char what[128]);
/* Our own (tunnel.flowtable): there, over those of our interfaces that are there. Whoever calls
 * this ends the offloaded connections whose grant has ended (ct_end_offloaded()): no rule does.
 * 0; -EOPNOTSUPP or -ENOENT where the kernel has none. */
int nft_flowtable_keep(struct nft *n, const struct tunnel *t);
/* Takes it off: its connections go by the rules again. 0 or a negative errno. */
int nft_flowtable_drop(struct nft *n);

/* One device, for receipts and explain, asked by key (no dump). */
struct nft_device_state {
    bool enrolled4, enrolled6, lease4, lease6, live;
    uint32_t mark;               /* the grant that its address leads to; 0 = none */
    int64_t left_ms;
};
int nft_device_read(struct nft *n, const struct device *d, struct nft_device_state *out);

int nft_counts(struct nft *n, struct rule_counts *out);

/* WireGuard initiations that come from elsewhere than the tunnel, to the tunnel's port: logged to
 * a group of their own, the one behind that of denied packets, with their first
 * NFT_KNOCK_BYTES, at most NFT_KNOCK_RATE a second. Fragments are put together before. */
#define NFT_KNOCK_BYTES 512u
#define NFT_KNOCK_RATE 20000u
static inline uint16_t nft_knock_group(const struct tunnel *t)
{
    return (uint16_t)(t->nflog_group + 1);
}

/* ---- noticing others ---------------------------------------------------------------- */

struct nft_events;    /* a second socket, subscribed to NFNLGRP_NFTABLES */
int nft_events_open(struct nft_events **out);
void nft_events_close(struct nft_events *e);
int nft_events_fd(const struct nft_events *e);
/* Reads what is there without blocking. 1: somebody else touched one of our tables; 2: events were
 * lost (ENOBUFS) and none of those left is somebody's: compare; 0: nothing of ours. `n` is whose
 * acts are ours. */
int nft_events_read(struct nft_events *e, const struct nft *n);

#endif
