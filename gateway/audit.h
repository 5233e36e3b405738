/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log that cannot be altered unseen: records in files of one directory (policy/ledger.h has the
 * layout), a Merkle tree over them, checkpoints signed by a key that changes and is erased.
 *
 * Two of them: `audit` (what was done) and `attempts` (what was refused, a record a second).
 *
 * Durability of the first comes from the database: a record is written to its outbox in the
 * transaction of the act it tells of, and to the file when that transaction is committed. The
 * outbox forgets a record only after the file was fsynced; at start what the files lack is copied
 * from it, byte for byte. So an act and its record are there both or neither, and a checkpoint may
 * be signed as soon as the transaction holds: the same tree comes back after any crash.
 *
 * What is signed was read back from the files first.
 */
#ifndef GATEWAY_AUDIT_H
#define GATEWAY_AUDIT_H

#include "policy/ledger.h"

#define AUDIT_EPOCH_S (7 * 86400)        /* a signing key's life */
#define AUDIT_SEGMENT_BYTES (8u << 20)   /* a file of records is closed when it has these, or ... */

struct audit;   /* opaque */

/* How far the log was known to be whole and on disk. All zero: from the beginning. */
struct audit_mark { uint64_t seq; struct merkle_hash root; };

/* Opens or makes the log: directory `name` in dir, and beside it NAME.secret, which holds the
 * signing key and is for nobody else. The origin (a name for note.h) counts when it is made.
 * Reads on from the mark and cuts a torn tail (*cut bytes). 0; -1 and why: not readable, damaged,
 * shorter than the mark, or without its key (then it is not signed any more): the log goes on
 * behind what is there, and the damage is the caller's to alarm. */
int audit_open(struct audit **out, int dir, const char *name, const char *origin,
               const struct audit_mark *from, uint64_t *cut, char why[160]);
void audit_close(struct audit *a);       /* NULL-safe */
/* ... they are that old. 0, the value at first: never by age. */
void audit_segment_age(struct audit *a, int64_t seconds);

/* ---- writing -------------------------------------------------------------------------------- */

/* Makes the next record, as bytes that stay valid until the next call; it counts as pending.
 * record->number is set. Its texts must fit (record_fit). */
const uint8_t *audit_add(struct audit *a, struct record *record, size_t *n);
/* The transaction holds: into the files. 0, or -errno: kept, the next call tries again. */
int audit_write_pending(struct audit *a);
void audit_drop_pending(struct audit *a);     /* it does not */
void audit_forget_pending(struct audit *a);   /* not written, and nobody was promised it */
/* A record from the outbox at start: appended when it is the next, passed over when it is there.
 * 0, or -1: it does not follow; or another one stood in its place: that one and all behind it are
 * gone from the files then, and this one is there. */
int audit_replay(struct audit *a, const uint8_t *bytes, size_t n);
/* fsync, then a signed checkpoint of it all into its file. 0 or -errno; the mark only when 0. */
int audit_sync(struct audit *a, struct audit_mark *out);
uint64_t audit_last(const struct audit *a);   /* the number of the last record in the files */
/* -1 and why: the checkpoint on disk is of something else. To be asked once, after the replay. */
int audit_compare(struct audit *a, char why[160]);

/* ---- signing -------------------------------------------------------------------------------- */

/* A checkpoint of all that is in the files, signed; valid until the next call. NULL: there is no
 * key, or what was read back is not what was written. *n is its length. */
const char *audit_checkpoint(struct audit *a, struct checkpoint *at, size_t *n);
/* Seconds since 1970 when the signing key began. */
int64_t audit_key_began(const struct audit *a);
/* A new key, certified by the old one, which is erased. 0 or -errno: as it was. */
int audit_new_key(struct audit *a, int64_t now);
const struct note_key *audit_origin(const struct audit *a);
size_t audit_epochs(const struct audit *a);
uint64_t audit_last_handover(const struct audit *a);     /* the tree's size then */
/* The handovers as one JSON-free text (the file `keys`), malloc'd. NULL when it is not readable. */
char *audit_keys(struct audit *a, size_t *n);

/* ---- reading -------------------------------------------------------------------------------- */

/* Walks records with number > after until `each` returns false. The bytes are the record's. 0, or
 * -1: the files do not hold records all the way. */
int audit_read(struct audit *a, uint64_t after,
               bool (*each)(void *arg, const struct record *r, const uint8_t *bytes, size_t n),
               void *arg);
int audit_inclusion(struct audit *a, uint64_t number, uint64_t size, struct merkle_proof *out);
int audit_consistency(struct audit *a, uint64_t from, uint64_t size, struct merkle_proof *out);
/* The root of the first `size` records. 0 or -1. */
int audit_root_at(struct audit *a, uint64_t size, struct merkle_hash *out);
/* Files of records; what reads all of them stands still for 30 ms each. */
size_t audit_files(const struct audit *a);
/* Checks everything, as a stranger would. True when whole; a sentence either way. */
bool audit_verify(struct audit *a, uint64_t *records, char text[400]);

/* ---- retention ------------------------------------------------------------------------------ */

/* Through which record all are older than that and stand in files of their own; 0: none. */
uint64_t audit_old(const struct audit *a, int64_t before_us);
/* Removes the files of records up to this one; a record of type RECORD_REMOVED with that number
 * must be signed and on disk (audit_sync). */
void audit_remove(struct audit *a, uint64_t through);
/* Bytes that are free on its file system for us, and all that it has. 0 or -errno. */
int audit_space(const struct audit *a, uint64_t *available, uint64_t *whole);

#endif
