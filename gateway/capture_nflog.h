/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The attributes of one message of nfnetlink_log, as LINKTYPE_NFLOG holds them: a header of 4
 * bytes, then type, length, value in host order, each padded to 4 bytes (linux/netfilter/
 * nfnetlink_log.h). Pure.
 */
#ifndef GATEWAY_CAPTURE_NFLOG_H
#define GATEWAY_CAPTURE_NFLOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct nflog {
    const uint8_t *payload;
    size_t payload_len; /* the packet from its IP header on; or NULL */
    const uint8_t *prefix;
    size_t prefix_len; /* without its NUL; or NULL */
    bool has_seq;
    uint32_t seq;    /* of this group, from 0 */
    int64_t time_us; /* 0: the kernel took no time */
};

/* 0, or -1: attributes that do not fit. Pointers point into msg. */
int nflog_parse(const uint8_t *msg, size_t len, struct nflog *out);

#endif
