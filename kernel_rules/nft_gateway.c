/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The owned table, continued: packets to and from the gateway itself, and what is no decision.
 *
 *   input:   from the tunnel: enrolled, to our tunnel address, portal, DNS, ping; else deny
 *            from elsewhere: source inside the tunnel networks: deny;
 *            a WireGuard initiation to our port: knock; else accept
 *   knock:   counts exactly, logs whole messages at a limited rate, accepts
 *   output:  to the tunnel: answers, to enrolled addresses, and ICMP; else deny
 *   nat:     masquerade of tunnel sources by the office interfaces that ask for it; not there when
 *            none does, as it costs every packet of the box something
 *
 * input and output serve the whole box, so their policy is accept and what is ours is dropped by
 * name; the guard holds input from the tunnel should the rules be missing.
 */
#include "kernel_rules/nft_parts.h"

#include <netinet/in.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>

#define DNS_PORT 53

static void put_input(const struct tabling *x)
{
    struct rule r = in_main(x, "input");
    match_iif(&r, x->t->iface, true);
    rule_goto(&r, "input_tunnel");
    for (size_t i = 0; i < 2; i++) {
        if (!net_of(x->t, families[i]))
            continue;
        r = in_main(x, "input");
        match_iif(&r, "lo", false);
        match_source_net(&r, net_of(x->t, families[i]), true);
        rule_goto(&r, "deny_spoofed");
    }
    r = in_main(x, "input");
    match_handshake(&r, x->t->listen_port);
    rule_goto(&r, "knock");
    r = in_main(x, "input");
    rule_accept(&r);
}

static void put_knock(const struct tabling *x)
{
    struct rule r = in_main(x, "knock");
    count_in(&r, KNOCKS_SEEN);
    rule_close(&r);
    r = in_main(x, "knock");
    limit_to(&r, NFT_KNOCK_RATE);
    count_in(&r, KNOCKS_LOGGED);
    log_to(&r, LOG_PREFIX_KNOCK, nft_knock_group(x->t), NFT_KNOCK_BYTES);
    rule_close(&r);
    r = in_main(x, "knock");
    rule_accept(&r);
}

static void put_input_tunnel(const struct tabling *x)
{
    struct rule r;
    put_spoof(x, "input_tunnel", true);
    for (size_t i = 0; i < 2; i++) {
        r = in_main(x, "input_tunnel");
        set_mark_from_source(&r, families[i], device_map(families[i]));
        rule_goto(&r, "input_enrolled");
    }
    r = in_main(x, "input_tunnel");
    rule_goto(&r, "deny_unknown_source");
}

static void put_input_enrolled(const struct tabling *x)
{
    struct rule r = in_main(x, "input_enrolled");
    match_ct_state(&r, STATE_INVALID | STATE_UNTRACKED);
    rule_goto(&r, "deny_invalid");
    for (size_t i = 0; i < 2; i++) {
        if (!net_of(x->t, families[i]))
            continue;
        r = in_main(x, "input_enrolled");
        match_destination(&r, &net_of(x->t, families[i])->addr);
        rule_goto(&r, "input_service");
    }
    r = in_main(x, "input_enrolled");
    rule_goto(&r, "deny_gateway_input");
}

static void put_port(const struct tabling *x, uint8_t proto, uint16_t port)
{
    struct rule r = in_main(x, "input_service");
    match_l4proto(&r, proto);
    match_dport(&r, port);
    rule_goto(&r, "stamp");
}

/* Echo requests, answers to the gateway's own pings, errors about connections of ours. */
static void put_icmp(const struct tabling *x, uint8_t proto, uint8_t echo_request)
{
    struct rule r = in_main(x, "input_service");
    match_l4proto(&r, proto);
    match_icmp_type(&r, echo_request);
    rule_goto(&r, "stamp");
    r = in_main(x, "input_service");
    match_l4proto(&r, proto);
    match_ct_reply(&r);
    match_ct_state(&r, STATE_ESTABLISHED);
    rule_goto(&r, "stamp");
    r = in_main(x, "input_service");
    match_l4proto(&r, proto);
    match_ct_state(&r, STATE_RELATED);
    rule_goto(&r, "stamp");
}

static void put_input_service(const struct tabling *x)
{
    put_port(x, IPPROTO_TCP, x->t->portal_port);
    if (x->t->portal_tls_port != 0)
        put_port(x, IPPROTO_TCP, x->t->portal_tls_port);
    put_port(x, IPPROTO_UDP, DNS_PORT);
    put_port(x, IPPROTO_TCP, DNS_PORT);
    put_icmp(x, IPPROTO_ICMP, ICMP_ECHO);
    put_icmp(x, IPPROTO_ICMPV6, ICMP6_ECHO_REQUEST);
    struct rule r = in_main(x, "input_service");
    rule_goto(&r, "deny_gateway_input");
}

/* No process of the gateway opens a connection to a device; answers end with the enrolment. */
static void put_output(const struct tabling *x)
{
    struct rule r = in_main(x, "output");
    match_oif(&r, x->t->iface, false);
    rule_accept(&r);
    r = in_main(x, "output");
    match_l4proto(&r, IPPROTO_ICMP);
    rule_accept(&r);
    r = in_main(x, "output");
    match_l4proto(&r, IPPROTO_ICMPV6);
    rule_accept(&r);
    for (size_t i = 0; i < 2; i++) {
        r = in_main(x, "output");
        set_mark_from_destination(&r, families[i], device_map(families[i]));
        rule_goto(&r, "output_enrolled");
    }
    r = in_main(x, "output");
    rule_goto(&r, "deny_wrong_direction");
}

static void put_output_enrolled(const struct tabling *x)
{
    struct rule r = in_main(x, "output_enrolled");
    match_ct_state(&r, STATE_ESTABLISHED | STATE_RELATED);
    rule_goto(&r, "stamp");
    r = in_main(x, "output_enrolled");
    rule_goto(&r, "deny_wrong_direction");
}

/* ---- what is not a decision ---------------------------------------------------------- */

static bool masquerades(const struct tunnel *t)
{
    for (uint32_t o = 0; o < t->n_office; o++)
        if (t->office[o].masquerade)
            return true;
    return false;
}

static void put_nat(const struct tabling *x)
{
    for (uint32_t o = 0; o < x->t->n_office; o++) {
        if (!x->t->office[o].masquerade)
            continue;
        for (size_t i = 0; i < 2; i++) {
            if (!net_of(x->t, families[i]))
                continue;
            struct rule r = in_main(x, "nat");
            match_source_net(&r, net_of(x->t, families[i]), true);
            match_oif(&r, x->t->office[o].name, true);
            masquerade(&r);
            rule_close(&r);
        }
    }
}

/* ---- all of it ----------------------------------------------------------------------- */

void put_gateway_chains(const struct tabling *x)
{
    put_knock(x);
    put_input_tunnel(x);
    put_input_enrolled(x);
    put_input_service(x);
    put_output_enrolled(x);
}

void put_gateway_bases(const struct tabling *x)
{
    put_base_chain(x->b, NFT_TABLE_NAME, "input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER,
                   NF_ACCEPT);
    put_input(x);
    put_base_chain(x->b, NFT_TABLE_NAME, "output", "filter", NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER,
                   NF_ACCEPT);
    put_output(x);
    if (!masquerades(x->t))
        return;
    put_base_chain(x->b, NFT_TABLE_NAME, "nat", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC,
                   NF_ACCEPT);
    put_nat(x);
}
