/* SPDX-License-Identifier: GPL-2.0-or-later */
/* RFC 6962 hashing, proofs made and proofs checked: see merkle.h. */
#include "policy/merkle.h"

#include <sodium.h>
#include <string.h>

bool merkle_same(const struct merkle_hash *a, const struct merkle_hash *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

static void hash_parts(uint8_t kind, const void *a, size_t an, const void *b, size_t bn,
                       struct merkle_hash *out)
{
    crypto_hash_sha256_state h;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, &kind, 1);
    crypto_hash_sha256_update(&h, a, an);
    crypto_hash_sha256_update(&h, b, bn);
    crypto_hash_sha256_final(&h, out->b);
}

void merkle_leaf(const void *data, size_t n, struct merkle_hash *out)
{
    hash_parts(0, data, n, "", 0, out);
}

void merkle_node(const struct merkle_hash *left, const struct merkle_hash *right,
                 struct merkle_hash *out)
{
    hash_parts(1, left->b, MERKLE_HASH, right->b, MERKLE_HASH, out);
}

static unsigned ones(uint64_t v)
{
    unsigned n = 0;

    for (unsigned bit = 0; bit < 64; bit++)
        n += (unsigned)(v >> bit & 1);
    return n;
}
static unsigned top_bit(uint64_t v) { return 63u - (unsigned)__builtin_clzll(v); }

/* The largest power of two smaller than n, which is 2 or more. */
static uint64_t split(uint64_t n) { return UINT64_C(1) << top_bit(n - 1); }

/* ---- growing -------------------------------------------------------------------------------- */

size_t merkle_append(struct merkle_tree *t, const struct merkle_hash *leaf,
                     struct merkle_hash made[MERKLE_LEVELS])
{
    size_t n = 1;
    unsigned peaks = ones(t->size);

    made[0] = *leaf;
    for (uint64_t size = t->size; size & 1; size >>= 1, n++)
        merkle_node(&t->peaks[--peaks], &made[n - 1], &made[n]);
    t->peaks[peaks] = made[n - 1];
    t->size++;
    return n;
}

static void fold(const struct merkle_hash *peaks, size_t n, struct merkle_hash *out)
{
    *out = peaks[n - 1];
    for (size_t i = n - 1; i-- > 0;)
        merkle_node(&peaks[i], out, out);
}

void merkle_root(const struct merkle_tree *t, struct merkle_hash *out)
{
    if (t->size == 0)
        crypto_hash_sha256(out->b, (const uint8_t *)"", 0);
    else
        fold(t->peaks, ones(t->size), out);
}

/* ---- what is stored ------------------------------------------------------------------------- */

uint64_t merkle_stored(uint64_t leaves) { return 2 * leaves - ones(leaves); }

uint64_t merkle_position(unsigned level, uint64_t index)
{
    uint64_t last_leaf = ((index + 1) << level) - 1;

    return merkle_stored(last_leaf) + level;
}

/* The peaks of leaves [from, to), where `from` is a multiple of the largest of them. */
static int read_peaks(uint64_t from, uint64_t to, merkle_read *read, void *arg,
                      struct merkle_hash peaks[MERKLE_LEVELS], size_t *n)
{
    for (*n = 0; from < to; (*n)++) {
        unsigned level = top_bit(to - from);
        if (read(arg, merkle_position(level, from >> level), &peaks[*n]) < 0)
            return -1;
        from += UINT64_C(1) << level;
    }
    return 0;
}

static int read_root(uint64_t from, uint64_t to, merkle_read *read, void *arg,
                     struct merkle_hash *out)
{
    struct merkle_hash peaks[MERKLE_LEVELS];
    size_t n;

    if (read_peaks(from, to, read, arg, peaks, &n) < 0)
        return -1;
    fold(peaks, n, out);
    return 0;
}

int merkle_load(struct merkle_tree *t, uint64_t size, merkle_read *read, void *arg)
{
    size_t n;

    t->size = size;
    return size > MERKLE_SIZE_MAX ? -1 : read_peaks(0, size, read, arg, t->peaks, &n);
}

/* ---- making proofs -------------------------------------------------------------------------- */

static void reverse(struct merkle_proof *p)
{
    for (size_t i = 0; i < p->n / 2; i++) {
        struct merkle_hash h = p->v[i];
        p->v[i] = p->v[p->n - 1 - i];
        p->v[p->n - 1 - i] = h;
    }
}

int merkle_inclusion(uint64_t index, uint64_t size, merkle_read *read, void *arg,
                     struct merkle_proof *out)
{
    uint64_t from = 0, to = size;

    out->n = 0;
    if (index >= size || size > MERKLE_SIZE_MAX)
        return -1;
    while (to - from > 1) {
        uint64_t middle = from + split(to - from);
        bool left = index < middle;
        if (read_root(left ? middle : from, left ? to : middle, read, arg, &out->v[out->n++]) < 0)
            return -1;
        *(left ? &to : &from) = middle;
    }
    reverse(out);
    return 0;
}

int merkle_consistency(uint64_t first, uint64_t size, merkle_read *read, void *arg,
                       struct merkle_proof *out)
{
    uint64_t from = 0, to = size;
    bool whole = true;           /* what is left to look at begins with the first leaf */

    out->n = 0;
    if (first > size || size > MERKLE_SIZE_MAX)
        return -1;
    if (first == 0 || first == size)
        return 0;
    while (to != first) {
        uint64_t middle = from + split(to - from);
        bool left = first <= middle;
        if (read_root(left ? middle : from, left ? to : middle, read, arg, &out->v[out->n++]) < 0)
            return -1;
        *(left ? &to : &from) = middle;
        whole = whole && left;
    }
    if (!whole && read_root(from, to, read, arg, &out->v[out->n++]) < 0)
        return -1;
    reverse(out);
    return 0;
}

/* ---- checking them -------------------------------------------------------------------------- */

bool merkle_included(const struct merkle_hash *leaf, uint64_t index, uint64_t size,
                     const struct merkle_hash *root, const struct merkle_proof *p)
{
    uint64_t fn = index, sn = size - 1;      /* the RFC's names */
    struct merkle_hash r = *leaf;

    if (index >= size || p->n > MERKLE_LEVELS)
        return false;
    for (size_t i = 0; i < p->n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            merkle_node(&p->v[i], &r, &r);
            for (; !(fn & 1) && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            merkle_node(&r, &p->v[i], &r);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && merkle_same(&r, root);
}

bool merkle_consistent(uint64_t from, const struct merkle_hash *from_root, uint64_t size,
                       const struct merkle_hash *root, const struct merkle_proof *p)
{
    uint64_t fn = from - 1, sn = size - 1;
    struct merkle_hash fr, sr;
    size_t i = 0;

    if (from == 0)
        return p->n == 0;
    if (from > size || p->n > MERKLE_LEVELS)
        return false;
    if (from == size)
        return p->n == 0 && merkle_same(from_root, root);
    for (; fn & 1; fn >>= 1)
        sn >>= 1;
    if (p->n == 0 && fn != 0)
        return false;
    fr = sr = fn == 0 ? *from_root : p->v[i++];
    for (; i < p->n; i++) {
        if (sn == 0)
            return false;
        if ((fn & 1) || fn == sn) {
            merkle_node(&p->v[i], &fr, &fr);
            merkle_node(&p->v[i], &sr, &sr);
            for (; !(fn & 1) && fn != 0; fn >>= 1)
                sn >>= 1;
        } else {
            merkle_node(&sr, &p->v[i], &sr);
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && merkle_same(&fr, from_root) && merkle_same(&sr, root);
}
