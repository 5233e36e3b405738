/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Attributes of a log message, bounds checked one by one. */
#include "gateway/capture_nflog.h"

#include "gateway/capture.h"

#include <endian.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <string.h>

#define HEADER_LEN 4 /* family, version, group */
#define TLV_LEN 4    /* length (with these 4 bytes), type */
#define SECONDS_MAX ((uint64_t)CAPTURED_US_MAX / 1000000)

static uint32_t be32(const uint8_t *p)
{
    uint32_t v;
    memcpy(&v, p, sizeof v);
    return be32toh(v);
}

static uint64_t be64(const uint8_t *p)
{
    uint64_t v;
    memcpy(&v, p, sizeof v);
    return be64toh(v);
}

static int64_t time_of(const uint8_t *v)
{
    uint64_t s = be64(v), us = be64(v + 8);
    return s <= SECONDS_MAX && us < 1000000 ? (int64_t)(s * 1000000 + us) : 0;
}

static void take_attribute(uint16_t type, const uint8_t *v, size_t n, struct nflog *out)
{
    if (type == NFULA_PAYLOAD) {
        out->payload = v;
        out->payload_len = n;
    } else if (type == NFULA_PREFIX) {
        out->prefix = v;
        out->prefix_len = strnlen((const char *)v, n);
    } else if (type == NFULA_SEQ && n == 4) {
        out->has_seq = true;
        out->seq = be32(v);
    } else if (type == NFULA_TIMESTAMP && n == 16) {
        out->time_us = time_of(v);
    }
}

int nflog_parse(const uint8_t *msg, size_t len, struct nflog *out)
{
    *out = (struct nflog){0};
    if (len < HEADER_LEN)
        return -1;
    for (size_t at = HEADER_LEN; len - at >= TLV_LEN;) {
        uint16_t n, type;
        memcpy(&n, msg + at, sizeof n);
        memcpy(&type, msg + at + 2, sizeof type);
        if (n < TLV_LEN || n > len - at)
            return -1;
        take_attribute(type, msg + at + TLV_LEN, (size_t)n - TLV_LEN, out);
        size_t padded = ((size_t)n + 3) & ~(size_t)3;
        at += padded < len - at ? padded : len - at;
    }
    return 0;
}
