/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the audit_*.c files; nobody else's. */
#ifndef GATEWAY_AUDIT_PARTS_H
#define GATEWAY_AUDIT_PARTS_H

#include "gateway/audit.h"
#include "gateway/wire.h"

#define PENDING_MAX (64u << 20)

struct segment { uint64_t first; int64_t time_us; };   /* of its first record; 0 = none yet */

struct audit {
    char name[32];
    int base, dir, hashes, file;         /* file: the last segment's */
    uint64_t size;                       /* bytes of whole records in it */
    struct segment *segments;  size_t n_segments;
    int64_t segment_age_us;
    struct merkle_tree tree;             /* of what is in the files */

    struct writer pending;               /* frames and records, not in the files yet */
    size_t kept;                         /* bytes of it that are committed */
    uint64_t next, kept_next;            /* the next record's number, with and without the rest */
    struct writer record;                /* the bytes audit_add() gave last */

    struct { struct merkle_tree tree; uint64_t offset; } back;   /* of the last segment */
    struct checkpoint at;                /* signed last */
    char note[CHECKPOINT_MAX];
    size_t note_n;                       /* 0 = none */

    bool has_key;
    struct keychain keys;
    uint8_t secret[64];                  /* libsodium's form */
    int64_t key_began;
};

/* Seed and public key of an epoch, and the next one's while it is handed over. */
struct secret_file {
    char magic[8];
    int64_t began;
    uint8_t seed[32], next[32];          /* next all zero = none */
    uint8_t check[32];                   /* SHA-256 of what is before */
};

/* ---- audit_files.c -------------------------------------------------------------------------- */

/* All n bytes at an offset: 0, or -errno; for reading -EIO when the file ends before. */
int file_put(int fd, uint64_t offset, const void *p, size_t n);
int file_get(int fd, uint64_t offset, void *p, size_t n);
/* Puts a new file in its place, by a rename. `durable`: on disk before and after. 0 or -errno. */
int file_replace(int dir, const char *name, const void *p, size_t n, bool durable);
int segment_open(const struct audit *a, uint64_t first, int flags);      /* descriptor or -errno */
int segments_list(struct audit *a);                                      /* 0 or -errno */
int segments_add(struct audit *a, uint64_t first, int64_t time_us);      /* 0 or -ENOMEM */
int hashes_read(void *arg, uint64_t position, struct merkle_hash *out);  /* a merkle_read */
/* The record at an offset of a segment of `end` bytes into buf (RECORD_MAX): its length; 0 at the
 * end; -1: no whole record. */
long record_at(int fd, uint64_t offset, uint64_t end, uint8_t *buf);

/* ---- audit_key.c ---------------------------------------------------------------------------- */

/* Opens or makes the key and the chain. 0, or -1 and why: the log is not signed. */
int key_open(struct audit *a, const char *origin, char why[160]);
void key_close(struct audit *a);

/* ---- audit_open.c --------------------------------------------------------------------------- */

int segment_turn(struct audit *a);       /* begins a new one behind the last record; 0 or -errno */
/* Takes the records behind the first `size` out of the files again. 0 or -errno. */
int rewind_to(struct audit *a, uint64_t size);

/* ---- audit_sign.c --------------------------------------------------------------------------- */

/* Reads what is new since last time from the files. 0, or -EIO: it is not what was written. */
int read_back(struct audit *a);

#endif
