/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a denied packet was: addresses, protocol, ports, reason. See capture.h. */
#include "gateway/capture_packet.h"

#include <netinet/in.h>
#include <string.h>

#include "gateway/capture_nflog.h"

#define IPV4_HEADER 20
#define IPV6_HEADER 40
#define EXTENSIONS_MAX 16   /* of one IPv6 packet that are walked */
#define OFFSET_MASK 0x1fff  /* RFC 791: fragment offset */
#define OFFSET6_MASK 0xfff8 /* RFC 8200 4.5 */
#define PROTO_HIP 139       /* RFC 7401 */
#define PROTO_SHIM6 140     /* RFC 5533 */

static uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }

static struct ip_addr address(uint8_t family, const uint8_t *b)
{
    struct ip_addr a = {.family = family};
    memcpy(a.b, b, family == 4 ? 4 : 16);
    return a;
}

/* Ports, or ICMP type and code, of the first fragment's upper header. */
static void take_ports(const uint8_t *p, size_t n, struct denied_packet *out, struct upper *u)
{
    *u = (struct upper){p, n};
    if ((out->proto == IPPROTO_ICMP || out->proto == IPPROTO_ICMPV6) && n >= 2) {
        out->sport = p[0];
        out->dport = p[1];
    } else if (has_ports(out->proto) && n >= 4) {
        out->sport = be16(p);
        out->dport = be16(p + 2);
    }
}

static int decode_v4(const uint8_t *p, size_t n, struct denied_packet *out, struct upper *u)
{
    if (n < IPV4_HEADER)
        return -1;
    size_t header = (size_t)(p[0] & 15) * 4;
    uint16_t total = be16(p + 2);
    if (header < IPV4_HEADER || total < header)
        return -1;
    out->length = total;
    out->proto = p[9];
    out->src = address(4, p + 12);
    out->dst = address(4, p + 16);
    if ((be16(p + 6) & OFFSET_MASK) == 0 && n > header)
        take_ports(p + header, n - header, out, u);
    return 0;
}

/* Length of the extension header at p, 0 when `proto` is none or it does not fit. */
static size_t extension_length(uint8_t proto, const uint8_t *p, size_t n)
{
    size_t length;
    if (n < 8)
        return 0;
    switch (proto) {
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_DSTOPTS:
    case IPPROTO_MH:
    case PROTO_HIP:
    case PROTO_SHIM6:
        length = ((size_t)p[1] + 1) * 8;
        break;
    case IPPROTO_FRAGMENT:
        length = 8;
        break;
    case IPPROTO_AH:
        length = ((size_t)p[1] + 2) * 4;
        break;
    default:
        return 0;
    }
    return length <= n ? length : 0;
}

static bool is_later_fragment(uint8_t proto, const uint8_t *p)
{
    return proto == IPPROTO_FRAGMENT && (be16(p + 2) & OFFSET6_MASK) != 0;
}

static int decode_v6(const uint8_t *p, size_t n, struct denied_packet *out, struct upper *u)
{
    if (n < IPV6_HEADER)
        return -1;
    size_t length = IPV6_HEADER + (size_t)be16(p + 4), at = IPV6_HEADER, step;
    out->length = length <= UINT16_MAX ? (uint16_t)length : UINT16_MAX;
    out->proto = p[6];
    out->src = address(6, p + 8);
    out->dst = address(6, p + 24);
    for (int i = 0; i < EXTENSIONS_MAX; i++) {
        step = extension_length(out->proto, p + at, n - at);
        if (step == 0)
            break;
        bool later = is_later_fragment(out->proto, p + at);
        out->proto = p[at];
        if (later)
            return 0;
        at += step;
    }
    take_ports(p + at, n - at, out, u);
    return 0;
}

int packet_decode(const uint8_t *p, size_t n, struct denied_packet *out, struct upper *u)
{
    *u = (struct upper){0};
    if (n == 0)
        return -1;
    switch (p[0] >> 4) {
    case 4:
        return decode_v4(p, n, out, u);
    case 6:
        return decode_v6(p, n, out, u);
    default:
        return -1;
    }
}

/* "pc:3": the rule's number behind our mark. */
static enum deny_reason reason_of(const struct nflog *m)
{
    const uint8_t *p = m->prefix;
    if (m->prefix_len != 4 || memcmp(p, LOG_PREFIX, 3) != 0 || p[3] < '0' || p[3] - '0' >= DENY_REASONS)
        return DENY_REASONS;
    return (enum deny_reason)(p[3] - '0');
}

int denied_decode(const uint8_t *nflog, size_t len, struct denied_packet *out)
{
    struct nflog m;
    struct upper u;
    *out = (struct denied_packet){.reason = DENY_REASONS};
    if (nflog_parse(nflog, len, &m) < 0)
        return -1;
    out->time_us = m.time_us;
    out->reason = reason_of(&m);
    return packet_decode(m.payload, m.payload_len, out, &u);
}

int64_t get_captured_us(struct reader *r)
{
    int64_t us = get_i64(r);
    if (us < 0 || us > CAPTURED_US_MAX)
        r->failed = true;
    return us;
}

void put_denied(struct writer *w, const struct denied_packet *p)
{
    put_i64(w, p->time_us);
    put_u8(w, (uint8_t)p->reason);
    put_addr(w, &p->src);
    put_addr(w, &p->dst);
    put_u8(w, p->proto);
    put_u16(w, p->sport);
    put_u16(w, p->dport);
    put_u16(w, p->length);
    put_u32(w, p->file);
}

void get_denied(struct reader *r, struct denied_packet *p)
{
    p->time_us = get_captured_us(r);
    p->reason = (enum deny_reason)get_u8(r);
    p->src = get_addr(r);
    p->dst = get_addr(r);
    p->proto = get_u8(r);
    p->sport = get_u16(r);
    p->dport = get_u16(r);
    p->length = get_u16(r);
    p->file = get_u32(r);
    if ((unsigned)p->reason > DENY_REASONS || p->src.family == 0 || p->src.family != p->dst.family)
        r->failed = true;
}
