/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoints of a log: https://c2sp.org/tlog-checkpoint. The text of a signed note of three lines:
 * origin, size of the tree, base64 of its root.
 */
#ifndef POLICY_CHECKPOINT_H
#define POLICY_CHECKPOINT_H

#include "policy/merkle.h"
#include "policy/note.h"

#define CHECKPOINT_MAX 512       /* a signed one with its NUL */

struct checkpoint { char origin[NOTE_NAME_SIZE]; uint64_t size; struct merkle_hash root; };

/* The three lines, with a NUL; their length, 0 when there is no room. */
size_t checkpoint_print(const struct checkpoint *c, char *out, size_t size);
/* Reads the three lines at the start of n bytes: how long they are, 0 when they are none. */
size_t checkpoint_parse(const char *s, size_t n, struct checkpoint *out);

/* Signed by the key, whose name is the origin. The length. */
size_t checkpoint_sign(const struct checkpoint *c, const struct note_key *k,
                       const uint8_t secret[64], char out[CHECKPOINT_MAX]);
/* 0, or -1: not a checkpoint of that origin that this key and no other signed. */
int checkpoint_open(const char *note, size_t n, const struct note_key *k, struct checkpoint *out);

#endif
