/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the nftables data plane share among themselves; nft.h is their contract
 * to the outside. Builders write messages into a batch and know nothing of sockets, so that
 * nft_verify.c can build the same batch and compare it with what the kernel says it holds.
 */
#ifndef KERNEL_RULES_NFT_PARTS_H
#define KERNEL_RULES_NFT_PARTS_H

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <stdbool.h>

#include "kernel_rules/netlink.h"
#include "kernel_rules/nft.h"

/* Of the flowtable that gateway.conf may ask for (nft_flowtable.c). */
#define OFFLOAD_FLOWTABLE "fast"
#define OFFLOAD_LIVE "flow_live"
#define OFFLOAD_CHAIN "flow_add"

struct nftnl_rule;
struct nftnl_expr;

struct nft { struct nl *nl; };

/* ---- a batch: one transaction (nft_batch.c) ------------------------------------------- */

struct batch {
    uint8_t *buf;
    size_t len, size;
    struct nlmsghdr *last;       /* the message that will carry NLM_F_ACK */
    int err;                     /* first failure of a builder; nft_batch_commit() answers it */
    /* Shown every rule that is built, when set (nft_verify.c). 0 or a negative errno. */
    int (*watch_rule)(struct nftnl_rule *r, void *arg);
    void *watcher;
};

/* Builders below do nothing once b->err is set; only nft_batch_commit() need be checked. */
void nft_batch_open(struct batch *b);
/* Starts a message for NFPROTO_INET with room for MESSAGE_ROOM bytes of attributes; NULL when
 * memory is out. Ended by nft_batch_end(). */
#define MESSAGE_ROOM 131072u
struct nlmsghdr *nft_batch_begin(struct batch *b, uint16_t type, uint16_t flags);
void nft_batch_end(struct batch *b, struct nlmsghdr *nlh);
/* Sends it, answers the kernel's first error, and frees the batch either way. A batch that lost a
 * race with an expiring element (-ENOENT on kernels that look at the clock for every message) is
 * sent again, three times at most. An empty batch is no transaction: 0. */
int nft_batch_commit(struct batch *b, struct nl *nl);
void nft_batch_free(struct batch *b);

/* ---- rules (nft_rule.c) ---------------------------------------------------------------- */

/* A rule being built; ended by one of the rule_ functions that write it into the batch. */
struct rule {
    struct batch *b;
    const char *table, *chain;
    struct nftnl_rule *r;
};
void rule_open(struct rule *r, struct batch *b, const char *table, const char *chain);
void rule_close(struct rule *r);                       /* no verdict: the next rule follows */
void rule_accept(struct rule *r);
void rule_drop(struct rule *r);
void rule_goto(struct rule *r, const char *chain);
void rule_jump(struct rule *r, const char *chain);

/* For nft_expr.c: one more expression (NULL: memory, noted in the batch), and its attributes that
 * are copied. */
struct nftnl_expr *rule_expr(struct rule *r, const char *name);
void rule_bytes(struct rule *r, struct nftnl_expr *e, uint16_t attr, const void *p, uint32_t len);
void rule_name(struct rule *r, struct nftnl_expr *e, uint16_t attr, const char *name);

/* ---- expressions (nft_expr.c) ---------------------------------------------------------- */

/* Matches. Each reads into register 1 and ends the rule when it does not hold. */
void match_iif(struct rule *r, const char *name, bool equal);
void match_oif(struct rule *r, const char *name, bool equal);
void match_family(struct rule *r, uint8_t family);                    /* 4 or 6 */
void match_source_net(struct rule *r, const struct ip_prefix *p, bool inside);
void match_destination_net(struct rule *r, const struct ip_prefix *p);
/* An answer to the packet's source would not leave by the interface that it came from. */
void match_no_way_back(struct rule *r);
void match_destination(struct rule *r, const struct ip_addr *a);      /* family is implied */
void match_l4proto(struct rule *r, uint8_t proto);
void match_dport(struct rule *r, uint16_t port);                      /* after match_l4proto */
void match_handshake(struct rule *r, uint16_t port);     /* a WireGuard initiation to this port */
void match_icmp_type(struct rule *r, uint8_t type);                   /* after match_l4proto */
void match_tcp_syn(struct rule *r);                                   /* SYN without RST */
void match_ct_state(struct rule *r, uint32_t bits);                   /* any of NF_CT_STATE_BIT */
void match_ct_not_expected(struct rule *r);
/* From one interface to another, and neither an answer nor redirected to there on purpose (DNAT). */
void match_unasked(struct rule *r, const char *from, const char *to);
void match_ct_opener(struct rule *r);                    /* from who opened the connection */
void match_ct_reply(struct rule *r);
void match_ct_mark_in(struct rule *r, const char *set);
void match_mark(struct rule *r, uint32_t value);                      /* of our bits */
/* The connection's server (reply source) . protocol [. port] is in the set. */
void match_ct_target_in(struct rule *r, uint8_t family, bool port, const char *set);

/* Statements. The first three are matches too: without an entry in the map the rule ends. They
 * write the whole of meta mark. The opener is the source of the connection's first packet. */
void set_mark_from_opener(struct rule *r, uint8_t family, const char *map);
void set_mark_from_source(struct rule *r, uint8_t family, const char *map);
void set_mark_from_destination(struct rule *r, uint8_t family, const char *map);
void set_mark_bits(struct rule *r, uint32_t value);                   /* our bits; others stay */
void set_ct_mark_from_mark(struct rule *r);
void go_by_class(struct rule *r, const char *vmap);                   /* mark & CLASS_MAX */
void count_in(struct rule *r, const char *counter);
void count_here(struct rule *r);
void limit_to(struct rule *r, uint32_t per_second);
void log_to(struct rule *r, const char *prefix, uint16_t group, uint32_t bytes);
void clamp_mss(struct rule *r);
void masquerade(struct rule *r);
void offload_to(struct rule *r, const char *flowtable);   /* a match too: it ends where it cannot */

/* ---- tables, chains, counters, sets (nft_objects.c) ------------------------------------- */

void put_table(struct batch *b, const char *name, uint32_t flags);
void drop_table(struct batch *b, const char *name);
void put_chain(struct batch *b, const char *table, const char *name);
void put_base_chain(struct batch *b, const char *table, const char *name, const char *type,
                    uint32_t hook, int32_t priority, uint32_t policy);
void drop_chain(struct batch *b, const char *table, const char *name);
void drop_rules(struct batch *b, const char *table, const char *chain);
void put_counter(struct batch *b, const char *table, const char *name);

enum set_key { KEY_ADDR, KEY_MARK, KEY_ADDR_PROTO, KEY_ADDR_PROTO_PORT };
enum set_value { VALUE_NONE, VALUE_MARK, VALUE_VERDICT };
struct set_form {
    char name[24];
    uint8_t family;                  /* of addresses in the key; 0 for marks */
    enum set_key key;
    enum set_value value;
    bool timeout, ranges;
    uint32_t size;                   /* 0: unbounded */
};
void put_set(struct batch *b, const struct set_form *f);      /* all sets are of the main table */
void drop_set(struct batch *b, const char *name);

/* ---- elements (nft_elements.c) --------------------------------------------------------- */

#define KEY_MAX 24                   /* an IPv6 address, a protocol and a port, padded to 4 each */
struct element {
    uint8_t key[KEY_MAX], end[KEY_MAX];    /* end: the upper corner, where ranged is true */
    uint8_t len;
    bool ranged, has_mark;
    uint32_t mark;
    char chain[16];                  /* "" or the target of a goto */
    uint64_t timeout_ms;             /* 0 = none; when read: what is left */
};
struct element_writer {
    struct batch *b;
    const char *set;
    uint16_t type, flags;
    struct nlmsghdr *nlh;
    struct nlattr *list;
    const uint8_t *start;
};
/* type NFT_MSG_NEWSETELEM or DELSETELEM; flags NLM_F_CREATE, NLM_F_EXCL or 0. Cuts itself into as
 * many messages as a 16-bit attribute length demands. */
void elements_open(struct element_writer *w, struct batch *b, const char *set, uint16_t type,
                   uint16_t flags);
void elements_put(struct element_writer *w, const struct element *e);
void elements_close(struct element_writer *w);

struct element element_of_addr(const struct ip_addr *a);
struct element element_of_mark(uint32_t mark);
struct element element_of_permit(const struct permit *p);

/* What the maps of enrolled devices, the three sets of leases and the map of classes hold. False:
 * this device has no address of the family. */
enum lease_set { LEASE4, LEASE6, LIVE, LEASE_SETS };
const char *device_map(uint8_t family);
const char *lease_set_name(enum lease_set s);
bool device_element(const struct device *d, uint8_t family, struct element *out);
bool lease_element(const struct device *d, const struct lease *l, enum lease_set s,
                   struct element *out);
struct element class_element(uint16_t id);

/* Calls cb for every element of a set that has not expired. cb < 0 ends it. -EBADMSG when the
 * message is not of the form that we write; -ENOENT no such set. Restarts when interrupted, after
 * calling `restart` so that the caller forgets what it has gathered. */
typedef int element_cb(const struct element *e, void *arg);
int elements_read(struct nl *nl, const char *set, element_cb *cb, void (*restart)(void *arg),
                  void *arg);
/* One element by its key: 1 found (into *out), 0 not there. */
int element_get(struct nl *nl, const char *set, const struct element *key, struct element *out);
/* The parser alone: an NFT_MSG_NEWSETELEM message. */
int elements_parse(const struct nlmsghdr *nlh, element_cb *cb, void *arg);

/* ---- classes (nft_class.c) ------------------------------------------------------------- */

/* A class has one set for each kind of permit that it holds, and none that it does not. */
enum permit_kind { PORT_EXACT, PORT_RANGE, PROTO_EXACT, PROTO_RANGE, PERMIT_KINDS };
#define CLASS_SETS (2 * PERMIT_KINDS)
enum permit_kind permit_kind_of(const struct permit *p);
/* Which of the CLASS_SETS sets (bit 2 * kind + (family 6)) this class needs. */
uint32_t class_sets(const struct access_class *c);
/* "c7_x4"; class 0, whose sets are replaced beside the old ones, has a generation: "c0_x4_a". */
void class_set_name(char out[24], uint16_t id, unsigned which, char generation);
/* The reverse; false when the name is none of ours. */
bool class_set_parse(const char *name, uint16_t *id, unsigned *which, char *generation);
void class_chain_name(char out[16], uint16_t id);

void put_class_sets(struct batch *b, const struct access_class *c, char generation);
void put_class_rules(struct batch *b, const struct access_class *c, char generation);
void drop_class_sets(struct batch *b, const struct access_class *c, char generation);

/* ---- the tables (nft_table.c, nft_gateway.c, nft_guard.c) ------------------------------ */

/* Everything but elements. Base chains come last, so that the time in which a new chain is hooked
 * and its rules are not yet in force is as short as can be. */
void put_sets(struct batch *b, const struct dataplane *dp, char generation);
void put_chains_and_rules(struct batch *b, const struct dataplane *dp, char generation);
void put_guard_chains(struct batch *b);
void put_guard_rules(struct batch *b, const struct tunnel *t);
extern const char *const guard_chains[];     /* ends with NULL */

/* What the rules of the main table are written from. */
struct tabling { struct batch *b; const struct tunnel *t; };
struct rule in_main(const struct tabling *x, const char *chain);
extern const uint8_t families[2];
/* The tunnel's network of this family, NULL when it has none. */
const struct ip_prefix *net_of(const struct tunnel *t, uint8_t family);
void put_spoof(const struct tabling *x, const char *chain, bool from_tunnel);
void put_gateway_chains(const struct tabling *x);
void put_gateway_bases(const struct tabling *x);

/* Bits of NFT_CT_STATE: NF_CT_STATE_BIT() of linux/netfilter/nf_conntrack_common.h. */
enum { STATE_INVALID = 1, STATE_ESTABLISHED = 2, STATE_RELATED = 4, STATE_NEW = 8,
       STATE_UNTRACKED = 64 };

#define KNOCKS_SEEN "knocks"
#define KNOCKS_LOGGED "knocks_logged"
void counter_name(char out[40], const char *what, enum deny_reason r);  /* "denied_no-lease" */

/* What a class 0 that nobody has written looks like. */
extern const struct access_class empty_quarantine;
const struct access_class *quarantine_of(const struct dataplane *dp);

/* The guard as it should be? 0 yes, 1 no (what: the first difference). */
int guard_verify(struct nl *nl, const struct tunnel *t, char what[128]);

/* One announced message: 1 when somebody else touched one of our tables. `self`: our port id. */
int nft_event_is_foreign(const struct nlmsghdr *nlh, uint32_t self);
/* A datagram of them. */
int nft_events_parse(const uint8_t *buf, size_t len, uint32_t self);

/* ---- asking the kernel (nft_read.c) ------------------------------------------------------ */

/* A dump (or, without NLM_F_DUMP in flags, one object) of one table; restarted by the caller. */
int ask(struct nl *nl, uint16_t type, uint16_t flags, const char *table, const char *name,
        nl_cb *cb, void *arg);
/* Classes and their permits, into dp->classes (nft_read_classes.c). */
int read_classes(struct nl *nl, struct dataplane *out);
/* Which generation of class 0's sets is there: 'a', 'b', or 'a' when it has none. */
int quarantine_generation(struct nl *nl, const struct access_class *c, char *out);

#endif
