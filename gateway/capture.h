/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A denied packet as the capture role decodes it: all that leaves that role.
 */
#ifndef GATEWAY_CAPTURE_H
#define GATEWAY_CAPTURE_H

#include "gateway/wire.h"

#define CAPTURED_US_MAX INT64_C(253402300799999999)  /* 9999-12-31: later is nowhere kept */

struct denied_packet {
    int64_t time_us;         /* wall clock of the kernel's time stamp, or of reading; 0 to
                                CAPTURED_US_MAX */
    enum deny_reason reason; /* from the log prefix; DENY_REASONS = prefix not ours */
    struct ip_addr src, dst;
    uint8_t proto;
    uint16_t sport, dport; /* 0 where there are none; ICMP: type and code */
    uint16_t length;       /* of the IP packet */
    uint32_t file;         /* number of the ring file that holds it; 0 = not kept */
};
/* MSG_DENIED carries at most this many. MSG_LOST tells how many more were lost since the last
 * MSG_LOST: in the kernel's queue (gaps of the sequence numbers) or here, while the engine was
 * too slow to take them, or because they could not be decoded. */
#define DENIED_BATCH 256

/* A time of a packet. Any other makes the reader fail: it comes from a process that has read what
 * strangers sent, and goes into the database. */
int64_t get_captured_us(struct reader *r);
void put_denied(struct writer *w, const struct denied_packet *p);
void get_denied(struct reader *r, struct denied_packet *p);

/* Decodes one nflog message body: TLVs as libpcap's LINKTYPE_NFLOG gives them. 0, or -1: not
 * decodable (counted, kept in the ring, not sent). Pure. */
int denied_decode(const uint8_t *nflog, size_t len, struct denied_packet *out);

#endif
