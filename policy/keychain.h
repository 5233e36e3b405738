/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The keys of a log, one epoch after the other. An epoch's key hands over to the next in a signed
 * note and is erased: who steals today's key cannot sign what earlier epochs signed. The key of
 * epoch 0, the origin key, is all that a verifier must know.
 *
 * A handover is a checkpoint with more lines (c2sp.org/tlog-checkpoint calls them extensions):
 *
 *     origin, size, root       of the tree when the key changed
 *     "epoch " N               that begins: 1, 2 ...
 *     "time " SECONDS          since 1970, by the log's clock
 *     "key " VERIFIER KEY      of that epoch, with the same name
 *     "from " SIZE             of the tree at the handover before; 0 in the first
 *     "proof " BASE64          as often as needed: that the tree of that size is its beginning
 *
 * A checkpoint is valid only under the key in force for its size: from the handover that began
 * the epoch to the one that ended it.
 */
#ifndef POLICY_KEYCHAIN_H
#define POLICY_KEYCHAIN_H

#include "policy/checkpoint.h"

#define HANDOVER_MAX 4096        /* a signed one with its NUL */
#define EPOCHS_MAX 65536

struct handover {
    struct checkpoint at;
    uint64_t epoch, from;
    int64_t time;
    struct note_key next;
    struct merkle_proof proof;
};
/* Signed by the key that goes. The length, 0 when there is no room. */
size_t handover_sign(const struct handover *h, const struct note_key *k, const uint8_t secret[64],
                     char out[HANDOVER_MAX]);
/* 0, or -1: not a handover that this key and no other signed. */
int handover_open(const char *note, size_t n, const struct note_key *k, struct handover *out);

struct epoch {
    struct note_key key;
    struct merkle_hash root;     /* of the tree when it began */
    uint64_t size;
    int64_t time;                /* 0 for the first */
};
struct keychain { struct epoch *v; size_t n, room; };    /* v[i] is epoch i; owned */

/* 0, or -1 when memory is out. keychain_clear() is NULL-safe and zeroes. */
int keychain_begin(struct keychain *c, const struct note_key *origin);
void keychain_clear(struct keychain *c);
/* One handover more, signed by the newest key, its tree continuing the one before. 0 or -1. */
int keychain_add(struct keychain *c, const char *note, size_t n);
/* Handovers one behind the other, to the end of the text. 0, or -1 and the byte of the note that
 * does not follow. */
int keychain_read(struct keychain *c, const char *text, size_t n, size_t *at);
const struct epoch *keychain_last(const struct keychain *c);
/* A checkpoint signed by the key in force for its size. 0 or -1. */
int keychain_open(const struct keychain *c, const char *note, size_t n, struct checkpoint *out);

#endif
