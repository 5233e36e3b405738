/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Protocols by name. The list is closed; `proto NUMBER` reaches the others. Numbers: IANA
 * "Protocol Numbers".
 */
#include <netinet/in.h>
#include <string.h>

#include "policy/lang.h"

static const struct {
    const char *name;
    uint8_t number;
} protocols[] = {
    {"tcp", 6},    {"udp", 17},  {"sctp", 132}, {"dccp", 33},  {"udplite", 136}, {"icmp", 1},
    {"igmp", 2},   {"ipip", 4},  {"ipv6", 41},  {"gre", 47},   {"esp", 50},      {"ah", 51},
    {"eigrp", 88}, {"ospf", 89}, {"pim", 103},  {"vrrp", 112}, {"l2tp", 115},
};

#define N_PROTOCOLS (sizeof protocols / sizeof protocols[0])

/* Of a protocol's name; 0 when there is none. "icmp" is ICMP. */
static uint8_t protocol_number(const char *s, size_t len)
{
    for (size_t i = 0; i < N_PROTOCOLS; i++)
        if (strlen(protocols[i].name) == len && memcmp(protocols[i].name, s, len) == 0)
            return protocols[i].number;
    return 0;
}

const char *protocol_name(uint8_t proto)
{
    for (size_t i = 0; i < N_PROTOCOLS; i++)
        if (protocols[i].number == proto)
            return protocols[i].name;
    return NULL;
}

/* Those written as a word of their own; the others follow `proto`. */
static bool stands_alone(uint8_t proto) { return has_ports(proto) || proto == IPPROTO_ICMP; }

bool at_service(const struct parser *p)
{
    return p->tok.kind == TOK_WORD &&
           (at_word(p, "proto") || stands_alone(protocol_number(p->tok.s, p->tok.len)));
}

/* Headers that only extend IPv6, and "no next header": no packet ends in them. */
static bool is_extension(int64_t n) { return n == 0 || n == 43 || n == 44 || n == 59 || n == 60; }

static bool parse_numbered(struct parser *p, uint8_t *proto)
{
    struct token t = p->tok;
    char shown[QUOTED];
    int64_t n = 0;

    if (t.kind != TOK_WORD)
        return parse_fail(p, "like 'proto gre' or 'proto 47'", "a protocol expected");
    *proto = protocol_number(t.s, t.len);
    if (!*proto && !number_read(t.s, t.len, &n))
        return parse_fail_at(p, &t, "give its number",
                             "'%s' is not a protocol that is known by name",
                             diag_quote(t.s, t.len, shown));
    if (!*proto && (n > 255 || is_extension(n)))
        return parse_fail_at(p, &t, "", "%lld is not the number of a protocol", (long long)n);
    if (!*proto)
        *proto = (uint8_t)n;
    if (*proto == IPPROTO_ICMP || *proto == IPPROTO_ICMPV6)
        return parse_fail_at(p, &t, "write 'icmp': ICMP for IPv4, ICMPv6 for IPv6",
                             "ICMP is not asked for by number");
    if (stands_alone(*proto))
        return parse_fail_at(p, &t, "", "this protocol has ports: write '%s 80'",
                             protocol_name(*proto));
    parse_advance(p);
    return true;
}

bool parse_protocol(struct parser *p, uint8_t *proto)
{
    if (take_word(p, "proto"))
        return parse_numbered(p, proto);
    if (!at_service(p))
        return parse_fail(p,
                          protocol_number(p->tok.s, p->tok.len)
                              ? "put 'proto' before it"
                              : "tcp PORTS, udp PORTS, icmp, or proto NAME",
                          "a service expected");
    *proto = protocol_number(p->tok.s, p->tok.len);
    parse_advance(p);
    return true;
}

uint8_t proto_for(uint8_t proto, uint8_t family)
{
    return proto == IPPROTO_ICMP && family == 6 ? IPPROTO_ICMPV6 : proto;
}

bool reserved_word(const char *s)
{
    return strcmp(s, "proto") == 0 || strcmp(s, "sensitive") == 0 || strcmp(s, "reach") == 0 ||
           protocol_number(s, strlen(s)) != 0;
}
