/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard initiations as the capture role takes them from their NFLOG group, and which of them
 * the engine gets to see. Pure.
 *
 * Opening one costs two operations on the curve, about a tenth of a millisecond. So that a flood
 * costs a bounded share of one core, only those with a good first MAC are passed on, and of those
 * no more than KNOCK_RATE a second: about a twentieth of a core, enough for the handshakes of
 * 60,000 devices. Of those with a bad one, a sample shows where the scanners are. All are counted.
 */
#ifndef GATEWAY_CAPTURE_KNOCK_H
#define GATEWAY_CAPTURE_KNOCK_H

#include <stddef.h>

#include "gateway/handshake.h"
#include "gateway/wire.h"

#define KNOCK_RATE 500       /* a second with a good first MAC, to be opened */
#define KNOCK_BURST 250
#define SCANNER_RATE 8       /* a second with a bad one */
#define SCANNER_BURST 32

struct knock {
    int64_t time_us;         /* wall clock of the kernel's time stamp, or of reading; to CAPTURED_US_MAX */
    struct ip_addr source;
    uint16_t port;           /* of the source */
    bool good;               /* its first MAC; only then does the message travel with it */
    uint8_t message[HANDSHAKE_BYTES];
};
#define KNOCK_BATCH 32       /* MSG_KNOCKS carries at most this many */

/* MSG_KNOCK_COUNTS, since the last one: */
struct knock_counts {
    uint64_t bad_mac;
    uint64_t unread;         /* the 148 bytes are not where they should be, or not within
                              * NFT_KNOCK_BYTES */
    uint64_t limited;        /* a good first MAC, beyond KNOCK_RATE or what the engine takes */
    uint64_t lost;           /* in the kernel's queue, by gaps of the sequence numbers */
};

void put_knock(struct writer *w, const struct knock *k);
void get_knock(struct reader *r, struct knock *k);
void put_knock_counts(struct writer *w, const struct knock_counts *c);
void get_knock_counts(struct reader *r, struct knock_counts *c);

/* One nflog message body (LINKTYPE_NFLOG): 1 and *out (but for `good`); 0 it has not our prefix;
 * -1 unread. */
int knock_decode(const uint8_t *nflog, size_t len, struct knock *out);

struct knock_bucket { uint32_t left; int64_t at_ms; };
struct knock_sieve {
    struct handshake_gate gate;
    struct knock_bucket good, bad;
    struct knock_counts counts;
};
void knock_sieve_set(struct knock_sieve *s, const struct wg_key *public_key, int64_t now_ms);
/* Looks at the first MAC, counts, and says whether the engine gets it. now_ms: CLOCK_BOOTTIME. */
bool knock_sieve_pass(struct knock_sieve *s, struct knock *k, int64_t now_ms);

#endif
