/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The vocabulary of our rules: each match and each statement as the expressions of nf_tables
 * that mean it (linux/netfilter/nf_tables.h; `nft --debug=netlink` shows the same ones).
 */
#include "kernel_rules/nft_parts.h"

#include <arpa/inet.h>
#include <libnftnl/expr.h>
#include <netinet/in.h>
#include <string.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>

#define V4_SOURCE 12u /* offsets in the network header */
#define V4_DESTINATION 16u
#define V6_SOURCE 8u
#define V6_DESTINATION 24u
#define TCP_FLAGS 13u /* offset in the TCP header */
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCPOPT_MAXSEG 2u
#define UDP_HEADER 8u
#define HANDSHAKE 148u /* WireGuard's first message */

/* ---- loads and comparisons ----------------------------------------------------------- */

static void load_meta(struct rule *r, uint32_t key, uint32_t reg)
{
    struct nftnl_expr *e = rule_expr(r, "meta");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, reg);
}

static void load_payload(struct rule *r, uint32_t base, uint32_t offset, uint32_t len)
{
    struct nftnl_expr *e = rule_expr(r, "payload");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
    nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1);
}

#define NO_DIRECTION 0xff
static void load_ct(struct rule *r, uint32_t key, uint8_t direction, uint32_t reg)
{
    struct nftnl_expr *e = rule_expr(r, "ct");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, reg);
    if (direction != NO_DIRECTION)
        nftnl_expr_set_u8(e, NFTNL_EXPR_CT_DIR, direction);
}

static void compare(struct rule *r, uint32_t op, const void *value, uint32_t len)
{
    struct nftnl_expr *e = rule_expr(r, "cmp");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
    rule_bytes(r, e, NFTNL_EXPR_CMP_DATA, value, len);
}

static void compare_u8(struct rule *r, uint8_t value) { compare(r, NFT_CMP_EQ, &value, 1); }

/* register 1 = (register 1 & mask) ^ xor */
static void bitwise(struct rule *r, const void *mask, const void * xor, uint32_t len)
{
    struct nftnl_expr *e = rule_expr(r, "bitwise");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
    rule_bytes(r, e, NFTNL_EXPR_BITWISE_MASK, mask, len);
    rule_bytes(r, e, NFTNL_EXPR_BITWISE_XOR, xor, len);
}

static void mask_u32(struct rule *r, uint32_t mask)
{
    const uint32_t none = 0;
    bitwise(r, &mask, &none, sizeof mask);
}

static void look_up(struct rule *r, const char *set, bool value, uint32_t reg)
{
    struct nftnl_expr *e = rule_expr(r, "lookup");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, 0);
    rule_name(r, e, NFTNL_EXPR_LOOKUP_SET, set);
    if (value)
        nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG, reg);
}

static uint32_t addr_len(uint8_t family) { return family == 6 ? 16 : 4; }

/* ---- matches ------------------------------------------------------------------------- */

static void match_iface(struct rule *r, uint32_t key, const char *name, bool equal)
{
    char whole[IFACE_SIZE] = {0};
    strncpy(whole, name, sizeof whole - 1);
    load_meta(r, key, NFT_REG_1);
    compare(r, equal ? NFT_CMP_EQ : NFT_CMP_NEQ, whole, sizeof whole);
}

void match_iif(struct rule *r, const char *name, bool equal)
{
    match_iface(r, NFT_META_IIFNAME, name, equal);
}

void match_oif(struct rule *r, const char *name, bool equal)
{
    match_iface(r, NFT_META_OIFNAME, name, equal);
}

void match_family(struct rule *r, uint8_t family)
{
    load_meta(r, NFT_META_NFPROTO, NFT_REG_1);
    compare_u8(r, family == 6 ? NFPROTO_IPV6 : NFPROTO_IPV4);
}

static void prefix_mask(uint8_t mask[16], uint8_t len)
{
    memset(mask, 0, 16);
    for (unsigned i = 0; i < len; i++)
        mask[i / 8] = (uint8_t)(mask[i / 8] | 0x80u >> i % 8);
}

/* A prefix of whole bytes is compared without masking: one expression less for every packet. */
static void match_net(struct rule *r, uint32_t offset, const struct ip_prefix *p, bool inside)
{
    const bool whole = p->len % 8 == 0 && p->len > 0;
    const uint32_t len = whole ? p->len / 8u : addr_len(p->addr.family);
    const uint8_t none[16] = {0};
    uint8_t mask[16], net[16];

    prefix_mask(mask, p->len);
    for (uint32_t i = 0; i < 16; i++)
        net[i] = p->addr.b[i] & mask[i];
    match_family(r, p->addr.family);
    load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, offset, len);
    if (!whole)
        bitwise(r, mask, none, len);
    compare(r, inside ? NFT_CMP_EQ : NFT_CMP_NEQ, net, len);
}

void match_source_net(struct rule *r, const struct ip_prefix *p, bool inside)
{
    match_net(r, p->addr.family == 6 ? V6_SOURCE : V4_SOURCE, p, inside);
}

void match_destination_net(struct rule *r, const struct ip_prefix *p)
{
    match_net(r, p->addr.family == 6 ? V6_DESTINATION : V4_DESTINATION, p, true);
}

void match_no_way_back(struct rule *r)
{
    struct nftnl_expr *e = rule_expr(r, "fib");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF);
    nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_FLAGS,
                       NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT);
    nftnl_expr_set_u32(e, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
    compare_u8(r, 0);
}

void match_destination(struct rule *r, const struct ip_addr *a)
{
    const uint32_t len = addr_len(a->family);
    match_family(r, a->family);
    load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, len == 16 ? V6_DESTINATION : V4_DESTINATION, len);
    compare(r, NFT_CMP_EQ, a->b, len);
}

void match_l4proto(struct rule *r, uint8_t proto)
{
    load_meta(r, NFT_META_L4PROTO, NFT_REG_1);
    compare_u8(r, proto);
}

void match_dport(struct rule *r, uint16_t port)
{
    const uint16_t wire = htons(port);
    load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof wire);
    compare(r, NFT_CMP_EQ, &wire, sizeof wire);
}

/* struct message_handshake_initiation of drivers/net/wireguard/messages.h: 148 bytes, type 1 and
 * three zeros. The ports stand at 0 and 2 of the UDP header, the length at 4, the payload at 8. */
void match_handshake(struct rule *r, uint16_t port)
{
    const uint16_t port_and_length[2] = {htons(port), htons(UDP_HEADER + HANDSHAKE)};
    const uint8_t type[4] = {1};
    match_l4proto(r, IPPROTO_UDP);
    load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 2, sizeof port_and_length);
    compare(r, NFT_CMP_EQ, port_and_length, sizeof port_and_length);
    load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, UDP_HEADER, sizeof type);
    compare(r, NFT_CMP_EQ, type, sizeof type);
}

void match_icmp_type(struct rule *r, uint8_t type)
{
    load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
    compare_u8(r, type);
}

void match_tcp_syn(struct rule *r)
{
    const uint8_t mask = TCP_SYN | TCP_RST, none = 0;
    match_l4proto(r, IPPROTO_TCP);
    load_payload(r, NFT_PAYLOAD_TRANSPORT_HEADER, TCP_FLAGS, 1);
    bitwise(r, &mask, &none, 1);
    compare_u8(r, TCP_SYN);
}

void match_ct_state(struct rule *r, uint32_t bits)
{
    const uint32_t none = 0;
    load_ct(r, NFT_CT_STATE, NO_DIRECTION, NFT_REG_1);
    mask_u32(r, bits);
    compare(r, NFT_CMP_NEQ, &none, sizeof none);
}

static void match_ct_without(struct rule *r, uint32_t key, uint32_t bits)
{
    const uint32_t none = 0;
    load_ct(r, key, NO_DIRECTION, NFT_REG_1);
    mask_u32(r, bits);
    compare(r, NFT_CMP_EQ, &none, sizeof none);
}

void match_ct_not_expected(struct rule *r) { match_ct_without(r, NFT_CT_STATUS, IPS_EXPECTED); }

void match_unasked(struct rule *r, const char *from, const char *to)
{
    match_iif(r, from, true);
    match_oif(r, to, true);
    match_ct_without(r, NFT_CT_STATE, STATE_ESTABLISHED | STATE_RELATED);
    match_ct_without(r, NFT_CT_STATUS, IPS_DST_NAT);
}

void match_ct_opener(struct rule *r)
{
    load_ct(r, NFT_CT_DIRECTION, NO_DIRECTION, NFT_REG_1);
    compare_u8(r, IP_CT_DIR_ORIGINAL);
}

void match_ct_reply(struct rule *r)
{
    load_ct(r, NFT_CT_DIRECTION, NO_DIRECTION, NFT_REG_1);
    compare_u8(r, IP_CT_DIR_REPLY);
}

void match_ct_mark_in(struct rule *r, const char *set)
{
    load_ct(r, NFT_CT_MARK, NO_DIRECTION, NFT_REG_1);
    mask_u32(r, MARK_MASK);
    look_up(r, set, false, 0);
}

void match_mark(struct rule *r, uint32_t value)
{
    load_meta(r, NFT_META_MARK, NFT_REG_1);
    mask_u32(r, MARK_MASK);
    compare(r, NFT_CMP_EQ, &value, sizeof value);
}

/* The parts of a concatenation lie in consecutive registers of four bytes. */
void match_ct_target_in(struct rule *r, uint8_t family, bool port, const char *set)
{
    const bool v6 = family == 6;
    match_family(r, family);
    load_ct(r, v6 ? NFT_CT_SRC_IP6 : NFT_CT_SRC_IP, IP_CT_DIR_REPLY, NFT_REG_1);
    load_ct(r, NFT_CT_PROTOCOL, NO_DIRECTION, v6 ? NFT_REG_2 : NFT_REG32_01);
    if (port)
        load_ct(r, NFT_CT_PROTO_SRC, IP_CT_DIR_REPLY, v6 ? NFT_REG32_05 : NFT_REG32_02);
    look_up(r, set, false, 0);
}

/* ---- statements ---------------------------------------------------------------------- */

static void store_mark(struct rule *r)
{
    struct nftnl_expr *e = rule_expr(r, "meta");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, NFT_META_MARK);
    nftnl_expr_set_u32(e, NFTNL_EXPR_META_SREG, NFT_REG_1);
}

static void set_mark_from(struct rule *r, const char *map)
{
    look_up(r, map, true, NFT_REG_1);
    store_mark(r);
}

void set_mark_from_opener(struct rule *r, uint8_t family, const char *map)
{
    match_family(r, family);
    load_ct(r, family == 6 ? NFT_CT_SRC_IP6 : NFT_CT_SRC_IP, IP_CT_DIR_ORIGINAL, NFT_REG_1);
    set_mark_from(r, map);
}

void set_mark_from_source(struct rule *r, uint8_t family, const char *map)
{
    match_family(r, family);
    load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, family == 6 ? V6_SOURCE : V4_SOURCE,
                 addr_len(family));
    set_mark_from(r, map);
}

void set_mark_from_destination(struct rule *r, uint8_t family, const char *map)
{
    match_family(r, family);
    load_payload(r, NFT_PAYLOAD_NETWORK_HEADER, family == 6 ? V6_DESTINATION : V4_DESTINATION,
                 addr_len(family));
    set_mark_from(r, map);
}

void set_mark_bits(struct rule *r, uint32_t value)
{
    const uint32_t others = ~MARK_MASK;
    load_meta(r, NFT_META_MARK, NFT_REG_1);
    bitwise(r, &others, &value, sizeof value);
    store_mark(r);
}

void set_ct_mark_from_mark(struct rule *r)
{
    load_meta(r, NFT_META_MARK, NFT_REG_1);
    struct nftnl_expr *e = rule_expr(r, "ct");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, NFT_CT_MARK);
    nftnl_expr_set_u32(e, NFTNL_EXPR_CT_SREG, NFT_REG_1);
}

void go_by_class(struct rule *r, const char *vmap)
{
    load_meta(r, NFT_META_MARK, NFT_REG_1);
    mask_u32(r, CLASS_MAX);
    look_up(r, vmap, true, NFT_REG_VERDICT);
}

void count_in(struct rule *r, const char *counter)
{
    struct nftnl_expr *e = rule_expr(r, "objref");
    if (!e)
        return;
    nftnl_expr_set_u32(e, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
    rule_name(r, e, NFTNL_EXPR_OBJREF_IMM_NAME, counter);
}

void count_here(struct rule *r) { (void)rule_expr(r, "counter"); }

void limit_to(struct rule *r, uint32_t per_second)
{
    struct nftnl_expr *e = rule_expr(r, "limit");
    if (!e)
        return;
    nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_RATE, per_second);
    nftnl_expr_set_u64(e, NFTNL_EXPR_LIMIT_UNIT, 1);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_BURST, per_second * 2);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_TYPE, NFT_LIMIT_PKTS);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LIMIT_FLAGS, 0);
}

void log_to(struct rule *r, const char *prefix, uint16_t group, uint32_t bytes)
{
    struct nftnl_expr *e = rule_expr(r, "log");
    if (!e)
        return;
    rule_name(r, e, NFTNL_EXPR_LOG_PREFIX, prefix);
    nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_GROUP, group);
    nftnl_expr_set_u32(e, NFTNL_EXPR_LOG_SNAPLEN, bytes);
    nftnl_expr_set_u16(e, NFTNL_EXPR_LOG_QTHRESHOLD, 64);
}

static void load_route_mss(struct rule *r)
{
    struct nftnl_expr *e = rule_expr(r, "rt");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_RT_KEY, NFT_RT_TCPMSS);
        nftnl_expr_set_u32(e, NFTNL_EXPR_RT_DREG, NFT_REG_1);
    }
    e = rule_expr(r, "byteorder");
    if (e) {
        nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_DREG, NFT_REG_1);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_OP, NFT_BYTEORDER_HTON);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_LEN, 2);
        nftnl_expr_set_u32(e, NFTNL_EXPR_BYTEORDER_SIZE, 2);
    }
}

/* The kernel only ever lowers the option (net/netfilter/nft_exthdr.c). */
void clamp_mss(struct rule *r)
{
    load_route_mss(r);
    struct nftnl_expr *e = rule_expr(r, "exthdr");
    if (!e)
        return;
    nftnl_expr_set_u8(e, NFTNL_EXPR_EXTHDR_TYPE, TCPOPT_MAXSEG);
    nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OFFSET, 2);
    nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_LEN, 2);
    nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_OP, NFT_EXTHDR_OP_TCPOPT);
    nftnl_expr_set_u32(e, NFTNL_EXPR_EXTHDR_SREG, NFT_REG_1);
}

void offload_to(struct rule *r, const char *flowtable)
{
    struct nftnl_expr *e = rule_expr(r, "flow_offload");
    if (e)
        rule_name(r, e, NFTNL_EXPR_FLOW_TABLE_NAME, flowtable);
}

void masquerade(struct rule *r) { (void)rule_expr(r, "masq"); }
