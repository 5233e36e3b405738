/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit log: append-only records in one file, each with the hash of itself and the one before.
 *
 *   record  = u32 length of body, body, 32 bytes hash
 *   body    = u64 seq, i64 time (us), text actor, u32 uid, text act, text object, text detail
 *             (wire.h's fields: numbers little-endian, texts with their length)
 *   hash    = SHA-256(hash of the record before, or 32 zeros; length; body)
 *
 * Durability comes from the database: a record is written to its outbox in the transaction of the
 * act it tells of, and to the file when that transaction is committed. The outbox forgets a
 * record only after the file was fsynced; at start what the file lacks is copied from it. So an
 * act and its record are there both or neither, and the file may lose its tail without loss.
 */
#ifndef GATEWAY_AUDIT_H
#define GATEWAY_AUDIT_H

#include "gateway/wire.h"

#define AUDIT_DETAIL_MAX 65536
#define AUDIT_HASH 32

struct audit;   /* opaque */

struct audit_record {
    uint64_t seq;                /* 1.., without gaps */
    int64_t time_us;
    uint32_t uid;                /* of the peer that asked; (uint32_t)-1 = the engine itself */
    const char *actor, *act, *object, *detail;
    uint8_t hash[AUDIT_HASH];
};

/* How far the file was known to be whole and on disk. All zero: from the beginning. */
struct audit_mark { uint64_t seq, offset; uint8_t hash[AUDIT_HASH]; };

/* Opens or makes `file` in directory dir, reads on from the mark and cuts a torn tail (*cut
 * bytes). 0; -1 and why: not readable, or damaged or shorter than the mark: then the log goes on
 * behind what is there, and the damage is the caller's to alarm. */
int audit_open(struct audit **out, int dir, const char *file, const struct audit_mark *from,
               uint64_t *cut, char why[128]);
void audit_close(struct audit *a);

/* Makes the next record, as bytes that stay valid until the next call; it counts as pending.
 * record->seq and ->hash are set. */
const uint8_t *audit_add(struct audit *a, struct audit_record *record, size_t *n);
/* The transaction holds: into the file. 0, or -errno: kept, the next call tries again. */
int audit_write_pending(struct audit *a);
void audit_drop_pending(struct audit *a);     /* it does not */
/* A record from the outbox at start: appended when it is the next, passed over when it is there.
 * 0, or -1: it does not follow. */
int audit_replay(struct audit *a, const uint8_t *bytes, size_t n);
int audit_sync(struct audit *a, struct audit_mark *out);   /* fsync; 0 or -errno */

uint64_t audit_last(const struct audit *a);

/* Walks records with seq > after until `each` returns false. Texts are valid during the call.
 * 0, or -1: the file does not hold records all the way. */
int audit_read(struct audit *a, uint64_t after,
               bool (*each)(void *arg, const struct audit_record *r), void *arg);
/* Checks every record and the chain. True when whole; says what is wrong and where, else. */
bool audit_verify(struct audit *a, uint64_t *records, char text[160]);

#endif
