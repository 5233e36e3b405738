/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A record of a log, as bytes. These bytes are the leaf of the Merkle tree; in a file each record
 * stands behind a u32 with its length. Numbers are big-endian, a text is u32 length, UTF-8 bytes
 * without NUL, and one NUL that the length does not count.
 *
 *     u8 version (1), u8 type, u64 number (1.., without gaps: leaf number - 1), i64 time (us since
 *     1970 UTC), u32 uid, text actor, text act, text object, text detail (JSON)
 *
 * Strict: one record has one form, and nothing may follow.
 */
#ifndef POLICY_RECORD_H
#define POLICY_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RECORD_ACTOR_MAX 127     /* bytes of each text */
#define RECORD_ACT_MAX 63
#define RECORD_OBJECT_MAX 255
#define RECORD_DETAIL_MAX 65535
#define RECORD_BATCH_MAX (1u << 20)       /* the detail of RECORD_ATTEMPTS */
#define RECORD_MAX (RECORD_BATCH_MAX + 1024)
#define RECORD_FRAME 4           /* the length before a record in a file */

enum record_type {
    RECORD_ACT = 1,              /* who did what to what */
    RECORD_ATTEMPTS = 2,         /* a second's refused attempts, and the exact counts */
    RECORD_REMOVED = 3           /* records up to detail.through were removed by retention */
};

struct record {
    enum record_type type;
    uint64_t number;
    int64_t time_us;
    uint32_t uid;                /* of the peer that asked; UINT32_MAX = the engine itself */
    const char *actor, *act, *object, *detail;
};

/* Into out; the length, 0 when a text is too long or not UTF-8, or there is no room. */
size_t record_encode(const struct record *r, uint8_t *out, size_t size);
/* 0 or -1. The texts point into the bytes. */
int record_decode(const uint8_t *p, size_t n, struct record *out);

/* The u32 before a record. */
uint32_t record_length(const uint8_t frame[RECORD_FRAME]);
void record_frame(uint32_t length, uint8_t frame[RECORD_FRAME]);

/* Fits s for a text of at most `max` bytes, in place: what is not UTF-8 becomes '?', and what is
 * too much is cut between characters. Room for max + 1. */
void record_fit(char *s, size_t max);

#endif
