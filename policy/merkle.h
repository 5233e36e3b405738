/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Merkle tree over a list that only grows: RFC 6962, section 2.1, the same as RFC 9162,
 * section 2.1 (SHA-256; a leaf is H(0x00 || data), a node H(0x01 || left || right)).
 *
 * A tree is held as its peaks, the roots of its complete subtrees from left to right. What proofs
 * need later is stored by the caller: merkle_append() says which hashes a leaf completes, in the
 * order in which they are to be appended to an array; merkle_stored() and merkle_position() say
 * where they stand (the layout of golang.org/x/mod/sumdb/tlog). So a root of any earlier size and
 * any proof cost some hundred reads, however long the list is.
 */
#ifndef POLICY_MERKLE_H
#define POLICY_MERKLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MERKLE_HASH 32
#define MERKLE_LEVELS 64
#define MERKLE_SIZE_MAX (UINT64_C(1) << 48)      /* leaves */

struct merkle_hash { uint8_t b[MERKLE_HASH]; };
struct merkle_tree { uint64_t size; struct merkle_hash peaks[MERKLE_LEVELS]; };   /* {0}: empty */
struct merkle_proof { size_t n; struct merkle_hash v[MERKLE_LEVELS]; };

bool merkle_same(const struct merkle_hash *a, const struct merkle_hash *b);
void merkle_leaf(const void *data, size_t n, struct merkle_hash *out);
void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *out);

/* Appends; made[0] is the leaf, made[1..] the nodes it completes, upwards. Their number. */
size_t merkle_append(struct merkle_tree *t, const struct merkle_hash *leaf,
                     struct merkle_hash made[MERKLE_LEVELS]);
/* Of the empty tree: the hash of nothing. */
void merkle_root(const struct merkle_tree *t, struct merkle_hash *out);

/* ---- the stored hashes ---------------------------------------------------------------------- */

uint64_t merkle_stored(uint64_t leaves);                       /* how many there are */
uint64_t merkle_position(unsigned level, uint64_t index);      /* of a complete subtree's root */
/* Reads the hash at a position. 0, or -1: that ends what was asked for, which then fails. */
typedef int merkle_read(void *arg, uint64_t position, struct merkle_hash *out);

/* The tree of the first `size` leaves. 0 or -1. */
int merkle_load(struct merkle_tree *t, uint64_t size, merkle_read *read, void *arg);
/* RFC 9162, 2.1.3.1: that leaf `index` is in the tree of `size` leaves. 0 or -1. */
int merkle_inclusion(uint64_t index, uint64_t size, merkle_read *read, void *arg,
                     struct merkle_proof *out);
/* RFC 9162, 2.1.4.1: that the tree of `from` leaves is the beginning of that of `size`. 0 or -1. */
int merkle_consistency(uint64_t from, uint64_t size, merkle_read *read, void *arg,
                       struct merkle_proof *out);

/* ---- checking proofs ------------------------------------------------------------------------ */

/* RFC 9162, 2.1.3.2. */
bool merkle_included(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                     const struct merkle_hash *root, const struct merkle_proof *p);
/* RFC 9162, 2.1.4.2; from = 0 is the beginning of everything, by an empty proof. */
bool merkle_consistent(uint64_t from, const struct merkle_hash *from_root, uint64_t size,
                       const struct merkle_hash *root, const struct merkle_proof *p);

#endif
