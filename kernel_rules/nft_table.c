/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The rules of the owned table, in the order in which a packet meets them. In nft's words:
 *
 *   forward:      iifname wg goto from_tunnel; oifname wg goto to_tunnel;
 *                 source or destination inside the tunnel networks: deny;
 *                 from the outside to an office, neither an answer nor DNAT: deny;
 *                 iifname != wg oifname != wg accept; drop
 *   from_tunnel:  clamp_mss; to the tunnel: deny;
 *                 ct mark in @live, established, from the connection's opener: stamp, accept;
 *                 source outside the tunnel networks: deny; related: judge_sender;
 *                 new or established: judge; deny
 *   to_tunnel:    clamp_mss; source inside the tunnel networks: deny; from the outside with an
 *                 address that lives elsewhere (the office's): deny; ct mark in @live, towards
 *                 the connection's opener: stamp, accept;
 *                 established: judge; new: deny; deny
 *   judge:        our mark bits = 0, mark = lease of the connection's opener, go by class;
 *                 without a lease: quarantine
 *   judge_sender: the same by the packet's own source: an ICMP error from a device belongs, to
 *                 conntrack, to whatever connection it names, and its grant may be another's
 *   flow_live:    jump flow_add; accept: in place of the accept behind @live, where gateway.conf asks
 *                 for a flowtable; flow_add: nft_flowtable.c
 *   input, output, nat: nft_gateway.c
 *
 * Every deny chain counts exactly, logs a limited sample and drops.
 *
 * Marks. The 30 low bits of meta mark and ct mark of tunnel traffic are ours. `judge` overwrites
 * meta mark whole (two registers cannot be combined before kernel 6.13), so a judged packet
 * loses two top bits that somebody else had set; one accepted by its ct mark keeps them.
 * A ct mark means: this connection is permitted under the grant of that number. It need not be
 * cleared when the grant ends, since a grant's number is never given to other rights (engine).
 * A mark that somebody else sets says nothing: the first packet of a connection is judged whatever
 * its mark, which is overwritten, and what is not permitted then never becomes established. (Root
 * may still mark a connection that was permitted once with somebody's grant that lives.)
 * A connection that a helper expected inherits its master's mark, so it is judged every time.
 *
 * Cost. The rules with @live are what nearly every packet meets, so as little as can be stands
 * before them. Out of the tunnel that need not be the question whether its source is spoofed: a
 * granted connection was opened by its device, so that its own packets (not the errors related to
 * it) in that direction have the device's address. A server may have any, so the way back asks.
 */
#include "kernel_rules/nft_parts.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#define DENIED_SNAPLEN 128u /* bytes of a denied packet: its headers */

const uint8_t families[2] = {4, 6};

struct rule in_main(const struct tabling *x, const char *chain)
{
    struct rule r;
    rule_open(&r, x->b, NFT_TABLE_NAME, chain);
    return r;
}

const struct ip_prefix *net_of(const struct tunnel *t, uint8_t family)
{
    const struct ip_prefix *p = family == 6 ? &t->net6 : &t->net4;
    return p->addr.family == family ? p : NULL;
}

/* ---- sets ---------------------------------------------------------------------------- */

/* Room for every address of the tunnel network. Elements that a transaction replaces or that
 * have expired count until they are collected, so sets of leases have twice the room. */
static uint32_t room(const struct ip_prefix *net4)
{
    const uint32_t bits = 32u - net4->len;
    if (bits < 10)
        return 1024;
    return bits > 18 ? 262144 : 1u << bits;
}

static void put_map(struct batch *b, const char *name, uint8_t family, bool timeout, uint32_t size)
{
    struct set_form f = {.family = family,
                         .key = family ? KEY_ADDR : KEY_MARK,
                         .value = family ? VALUE_MARK : VALUE_NONE,
                         .timeout = timeout,
                         .size = size};
    snprintf(f.name, sizeof f.name, "%s", name);
    put_set(b, &f);
}

void put_sets(struct batch *b, const struct dataplane *dp, char generation)
{
    const uint32_t size = room(&dp->tunnel.net4);
    put_map(b, "lease4", 4, true, 2 * size);
    put_map(b, "lease6", 6, true, 2 * size);
    put_map(b, "live", 0, true, 2 * size);
    put_map(b, "devices4", 4, false, size);
    put_map(b, "devices6", 6, false, size);
    const struct set_form classes = {
        .name = "classes", .key = KEY_MARK, .value = VALUE_VERDICT, .size = 2 * (CLASS_MAX + 1)};
    put_set(b, &classes);
    for (size_t i = 0; i < dp->n_classes; i++)
        put_class_sets(b, &dp->classes[i], generation);
}

/* ---- chains that end a packet -------------------------------------------------------- */

void counter_name(char out[40], const char *what, enum deny_reason r)
{
    snprintf(out, 40, "%s_%s", what, deny_reason_name(r));
    for (char *p = out; *p; p++)
        if (*p == '-')
            *p = '_';
}

static void put_deny(const struct tabling *x, enum deny_reason reason)
{
    char chain[40], denied[40], logged[40], prefix[16];
    struct rule r;

    counter_name(chain, "deny", reason);
    counter_name(denied, "denied", reason);
    counter_name(logged, "logged", reason);
    snprintf(prefix, sizeof prefix, LOG_PREFIX "%d", (int)reason);
    r = in_main(x, chain);
    count_in(&r, denied);
    rule_close(&r);
    if (x->t->log_rate > 0) {
        r = in_main(x, chain);
        limit_to(&r, x->t->log_rate);
        count_in(&r, logged);
        log_to(&r, prefix, x->t->nflog_group, DENIED_SNAPLEN);
        rule_close(&r);
    }
    r = in_main(x, chain);
    rule_drop(&r);
}

static void put_stamp(const struct tabling *x)
{
    struct rule r = in_main(x, "stamp");
    set_mark_bits(&r, MARK_STAMP);
    rule_accept(&r);
}

/* A related packet says nothing about under which grant the connection goes on. */
static void put_grant(const struct tabling *x)
{
    struct rule r = in_main(x, "grant");
    match_ct_state(&r, STATE_RELATED);
    rule_goto(&r, "stamp");
    r = in_main(x, "grant");
    set_ct_mark_from_mark(&r);
    rule_goto(&r, "stamp");
}

/* ---- judging ------------------------------------------------------------------------- */

static void put_judge(const struct tabling *x)
{
    struct rule r = in_main(x, "judge");
    set_mark_bits(&r, 0);
    rule_close(&r);
    for (size_t i = 0; i < 2; i++) {
        r = in_main(x, "judge");
        set_mark_from_opener(&r, families[i], lease_set_name(families[i] == 6 ? LEASE6 : LEASE4));
        rule_close(&r);
    }
    r = in_main(x, "judge");
    go_by_class(&r, "classes");
    rule_close(&r);
    r = in_main(x, "judge");
    rule_goto(&r, "quarantine");
}

static void put_judge_sender(const struct tabling *x)
{
    struct rule r = in_main(x, "judge_sender");
    set_mark_bits(&r, 0);
    rule_close(&r);
    for (size_t i = 0; i < 2; i++) {
        r = in_main(x, "judge_sender");
        set_mark_from_source(&r, families[i], lease_set_name(families[i] == 6 ? LEASE6 : LEASE4));
        rule_close(&r);
    }
    r = in_main(x, "judge_sender");
    go_by_class(&r, "classes");
    rule_close(&r);
    for (size_t i = 0; i < 2; i++) {
        r = in_main(x, "judge_sender");
        set_mark_from_source(&r, families[i], device_map(families[i]));
        rule_goto(&r, "class_0");
    }
    r = in_main(x, "judge_sender");
    rule_goto(&r, "deny_unknown_source");
}

/* Class 0 stamps without touching the ct mark: what it lets through is judged every time. */
static void put_quarantine(const struct tabling *x)
{
    struct rule r;
    for (size_t i = 0; i < 2; i++) {
        r = in_main(x, "quarantine");
        set_mark_from_opener(&r, families[i], device_map(families[i]));
        rule_goto(&r, "class_0");
    }
    r = in_main(x, "quarantine");
    rule_goto(&r, "deny_unknown_source");
}

/* ---- forward ------------------------------------------------------------------------- */

/* Without a network of that family the tunnel carries none of it. */
void put_spoof(const struct tabling *x, const char *chain, bool from_tunnel)
{
    for (size_t i = 0; i < 2; i++) {
        const uint8_t family = families[i];
        struct rule r = in_main(x, chain);
        if (net_of(x->t, family))
            match_source_net(&r, net_of(x->t, family), !from_tunnel);
        else
            match_family(&r, family);
        rule_goto(&r, "deny_spoofed");
    }
}

static void accept_live(const struct tabling *x, struct rule *r)
{
    match_ct_not_expected(r);
    match_ct_mark_in(r, "live");
    set_mark_bits(r, MARK_STAMP);
    if (x->t->flowtable)
        rule_goto(r, OFFLOAD_LIVE);
    else
        rule_accept(r);
}

/* What is in the second chain is nft_flowtable.c's affair, and so is when. */
static void put_offload(const struct tabling *x)
{
    if (!x->t->flowtable)
        return;
    struct rule r = in_main(x, OFFLOAD_LIVE);
    rule_jump(&r, OFFLOAD_CHAIN);
    r = in_main(x, OFFLOAD_LIVE);
    rule_accept(&r);
}

/* The segment size of the route, on SYNs both ways. */
static void put_clamp(const struct tabling *x, const char *chain)
{
    struct rule r = in_main(x, chain);
    match_tcp_syn(&r);
    clamp_mss(&r);
    rule_close(&r);
}

static void put_from_tunnel(const struct tabling *x)
{
    put_clamp(x, "from_tunnel");
    struct rule r = in_main(x, "from_tunnel");
    match_oif(&r, x->t->iface, true);
    rule_goto(&r, "deny_device_to_device");
    r = in_main(x, "from_tunnel");
    match_ct_opener(&r);
    match_ct_state(&r, STATE_ESTABLISHED);
    accept_live(x, &r);
    put_spoof(x, "from_tunnel", true);
    r = in_main(x, "from_tunnel");
    match_ct_state(&r, STATE_RELATED);
    rule_goto(&r, "judge_sender");
    r = in_main(x, "from_tunnel");
    match_ct_state(&r, STATE_ESTABLISHED | STATE_NEW);
    rule_goto(&r, "judge");
    r = in_main(x, "from_tunnel");
    rule_goto(&r, "deny_invalid");
}

static void put_to_tunnel(const struct tabling *x)
{
    struct rule r;
    put_clamp(x, "to_tunnel");
    put_spoof(x, "to_tunnel", false);
    if (x->t->outside[0]) {
        r = in_main(x, "to_tunnel");
        match_iif(&r, x->t->outside, true);
        match_no_way_back(&r);
        rule_goto(&r, "deny_spoofed");
    }
    r = in_main(x, "to_tunnel");
    match_ct_reply(&r);
    accept_live(x, &r);
    r = in_main(x, "to_tunnel");
    match_ct_state(&r, STATE_ESTABLISHED | STATE_RELATED);
    rule_goto(&r, "judge");
    r = in_main(x, "to_tunnel");
    match_ct_state(&r, STATE_NEW);
    rule_goto(&r, "deny_wrong_direction");
    r = in_main(x, "to_tunnel");
    rule_goto(&r, "deny_invalid");
}

/* Traffic that has nothing to do with the tunnel, except that it claims to come out of it, or is
 * meant for it and would leave by another interface (the tunnel is down: in clear, to the outside).
 */
static void put_past_tunnel(const struct tabling *x, const char *chain)
{
    for (size_t i = 0; i < 2; i++) {
        const struct ip_prefix *net = net_of(x->t, families[i]);
        if (!net)
            continue;
        struct rule r = in_main(x, chain);
        match_source_net(&r, net, true);
        rule_goto(&r, "deny_spoofed");
        r = in_main(x, chain);
        match_destination_net(&r, net);
        rule_goto(&r, "deny_wrong_direction");
    }
}

/* The daemon makes this box a router, which it may not have been. For who is outside it is none: into
 * the office goes what the office has asked for, and what somebody here has redirected. */
static void put_unasked(const struct tabling *x, const char *chain)
{
    for (uint32_t i = 0; x->t->outside[0] && i < x->t->n_office; i++) {
        struct rule r = in_main(x, chain);
        match_unasked(&r, x->t->outside, x->t->office[i].name);
        rule_goto(&r, "deny_wrong_direction");
    }
}

static void put_forward(const struct tabling *x)
{
    struct rule r = in_main(x, "forward");
    match_iif(&r, x->t->iface, true);
    rule_goto(&r, "from_tunnel");
    r = in_main(x, "forward");
    match_oif(&r, x->t->iface, true);
    rule_goto(&r, "to_tunnel");
    put_past_tunnel(x, "forward");
    put_unasked(x, "forward");
    r = in_main(x, "forward");
    match_iif(&r, x->t->iface, false);
    match_oif(&r, x->t->iface, false);
    rule_accept(&r);
    r = in_main(x, "forward");
    rule_drop(&r);
}

/* ---- all of it ----------------------------------------------------------------------- */

static void put_plain_chains(struct batch *b, const struct dataplane *dp)
{
    static const char *const names[] = {
        "from_tunnel",    "to_tunnel",     "judge",           "quarantine",
        "class_0",        "grant",         "stamp",           "input_tunnel",
        "input_enrolled", "input_service", "output_enrolled", "judge_sender",
        "knock",
    };
    char name[40];
    for (int i = 0; i < DENY_REASONS; i++) {
        counter_name(name, "denied", (enum deny_reason)i);
        put_counter(b, NFT_TABLE_NAME, name);
        counter_name(name, "logged", (enum deny_reason)i);
        put_counter(b, NFT_TABLE_NAME, name);
        counter_name(name, "deny", (enum deny_reason)i);
        put_chain(b, NFT_TABLE_NAME, name);
    }
    put_counter(b, NFT_TABLE_NAME, KNOCKS_SEEN);
    put_counter(b, NFT_TABLE_NAME, KNOCKS_LOGGED);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        put_chain(b, NFT_TABLE_NAME, names[i]);
    if (dp->tunnel.flowtable) {
        put_chain(b, NFT_TABLE_NAME, OFFLOAD_LIVE);
        put_chain(b, NFT_TABLE_NAME, OFFLOAD_CHAIN);
    }
    for (size_t i = 0; i < dp->n_classes; i++) {
        if (dp->classes[i].id == 0)
            continue;
        class_chain_name(name, dp->classes[i].id);
        put_chain(b, NFT_TABLE_NAME, name);
    }
}

static void put_plain_rules(const struct tabling *x, const struct dataplane *dp, char generation)
{
    for (int i = 0; i < DENY_REASONS; i++)
        put_deny(x, (enum deny_reason)i);
    put_stamp(x);
    put_grant(x);
    put_class_rules(x->b, quarantine_of(dp), generation);
    for (size_t i = 0; i < dp->n_classes; i++)
        if (dp->classes[i].id != 0)
            put_class_rules(x->b, &dp->classes[i], generation);
    put_judge(x);
    put_judge_sender(x);
    put_quarantine(x);
    put_offload(x);
    put_from_tunnel(x);
    put_to_tunnel(x);
    put_gateway_chains(x);
}

void put_chains_and_rules(struct batch *b, const struct dataplane *dp, char generation)
{
    const struct tabling x = {.b = b, .t = &dp->tunnel};

    put_plain_chains(b, dp);
    put_plain_rules(&x, dp, generation);
    put_base_chain(b, NFT_TABLE_NAME, "forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER,
                   NF_DROP);
    put_forward(&x);
    put_gateway_bases(&x);
}
