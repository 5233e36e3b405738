/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The guard: a static, un-owned table that drops tunnel packets which the main table has not
 * stamped. It stays when the daemon and its owned table are gone.
 *
 *   scrub_*  (before the main table):  a stamp that is there already is taken off
 *   verify_* (after the main table):   a stamped packet passes; others of the tunnel are dropped,
 *                                      and so is what claims to come out of it, or would leave for
 *                                      it by another interface; and what opens a connection from
 *                                      outside into an office
 *
 * So a stamp counts only when it was set between the two, in the same hook: a mark that somebody
 * restores in prerouting, or that an earlier pass left behind, is worth nothing, also when the
 * main table is gone. What remains is a rule that root writes on purpose into those ten
 * priorities of the same hook; the guard cannot and does not defend against it.
 */
#include "kernel_rules/nft_parts.h"

#include <netinet/in.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#define BEFORE (NF_IP_PRI_FILTER - 10)
#define AFTER (NF_IP_PRI_FILTER + 10)

const char *const guard_chains[] = {"scrub_forward", "scrub_input", "verify_forward",
                                    "verify_input", NULL};

static struct rule in(struct batch *b, const char *chain)
{
    struct rule r;
    rule_open(&r, b, NFT_GUARD_NAME, chain);
    return r;
}

static void put_scrub(struct batch *b, const char *chain)
{
    struct rule r = in(b, chain);
    match_mark(&r, MARK_STAMP);
    set_mark_bits(&r, 0);
    rule_close(&r);
}

static void put_verify(struct batch *b, const char *chain)
{
    struct rule r = in(b, chain);
    match_mark(&r, MARK_STAMP);
    rule_accept(&r);
}

static void put_drop_from(struct batch *b, const char *chain, const char *iface)
{
    struct rule r = in(b, chain);
    match_iif(&r, iface, true);
    count_here(&r);
    rule_drop(&r);
}

static void put_drop_to(struct batch *b, const char *chain, const char *iface)
{
    struct rule r = in(b, chain);
    match_oif(&r, iface, true);
    count_here(&r);
    rule_drop(&r);
}

/* A tunnel address as source comes by the tunnel, or from this box, and from nowhere else. */
static void put_drop_claimed(struct batch *b, const char *chain, const struct tunnel *t)
{
    for (size_t i = 0; i < 2; i++) {
        const struct ip_prefix *net = net_of(t, families[i]);
        if (!net)
            continue;
        struct rule r = in(b, chain);
        match_iif(&r, "lo", false);
        match_source_net(&r, net, true);
        count_here(&r);
        rule_drop(&r);
    }
}

/* What is meant for the tunnel while that is down must not leave in clear. */
static void put_drop_strayed(struct batch *b, const char *chain, const struct tunnel *t)
{
    for (size_t i = 0; i < 2; i++) {
        const struct ip_prefix *net = net_of(t, families[i]);
        if (!net)
            continue;
        struct rule r = in(b, chain);
        match_destination_net(&r, net);
        count_here(&r);
        rule_drop(&r);
    }
}

/* Forwarding stays on when the daemon is gone. */
static void put_drop_unasked(struct batch *b, const char *chain, const struct tunnel *t)
{
    for (uint32_t i = 0; t->outside[0] && i < t->n_office; i++) {
        struct rule r = in(b, chain);
        match_unasked(&r, t->outside, t->office[i].name);
        count_here(&r);
        rule_drop(&r);
    }
}

void put_guard_chains(struct batch *b)
{
    static const struct {
        uint32_t hook;
        int32_t priority;
    } where[] = {
        {NF_INET_FORWARD, BEFORE},
        {NF_INET_LOCAL_IN, BEFORE},
        {NF_INET_FORWARD, AFTER},
        {NF_INET_LOCAL_IN, AFTER},
    };
    for (unsigned i = 0; guard_chains[i]; i++)
        put_base_chain(b, NFT_GUARD_NAME, guard_chains[i], "filter", where[i].hook,
                       where[i].priority, NF_ACCEPT);
}

void put_guard_rules(struct batch *b, const struct tunnel *t)
{
    put_scrub(b, "scrub_forward");
    put_scrub(b, "scrub_input");
    put_verify(b, "verify_forward");
    put_drop_from(b, "verify_forward", t->iface);
    put_drop_to(b, "verify_forward", t->iface);
    put_drop_claimed(b, "verify_forward", t);
    put_drop_strayed(b, "verify_forward", t);
    put_drop_unasked(b, "verify_forward", t);
    put_verify(b, "verify_input");
    put_drop_from(b, "verify_input", t->iface);
    put_drop_claimed(b, "verify_input", t);
}
