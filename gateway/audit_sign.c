/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Checkpoints and proofs. What is signed is not what memory believes: the records since the last
 * checkpoint are read from the file again, hashed, and compared with the hashes on disk.
 */
#include "gateway/audit_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/log.h"

#define HAND 65536               /* bytes read at a time */

/* ---- reading back --------------------------------------------------------------------------- */

static int take_back(struct audit *a, struct merkle_tree *t, const uint8_t *p, size_t n)
{
    struct merkle_hash leaf, made[MERKLE_LEVELS], stored[MERKLE_LEVELS];
    uint64_t at = merkle_stored(t->size) * MERKLE_HASH;

    merkle_leaf(p, n, &leaf);
    size_t more = merkle_append(t, &leaf, made) * sizeof *made;
    return file_get(a->hashes, at, stored, more) == 0 && memcmp(stored, made, more) == 0 ? 0 : -EIO;
}

/* As many whole records as are in n bytes; how many bytes they are, or -EIO. */
static long take_all(struct audit *a, struct merkle_tree *t, const uint8_t *p, size_t n)
{
    size_t at = 0;

    while (n - at >= RECORD_FRAME) {
        uint32_t len = record_length(p + at);
        if (len > RECORD_MAX)
            return -EIO;
        if (n - at - RECORD_FRAME < len)
            break;
        if (take_back(a, t, p + at + RECORD_FRAME, len) < 0)
            return -EIO;
        at += RECORD_FRAME + len;
    }
    return (long)at;
}

int read_back(struct audit *a)
{
    uint64_t left = a->size - a->back.offset;
    size_t size = left < HAND ? (size_t)left : RECORD_MAX + RECORD_FRAME;
    uint8_t *buf = left > 0 ? malloc(size) : NULL;
    struct merkle_hash have, want;
    long taken = 1;

    if (left > 0 && !buf)
        fatal("out of memory");
    while (a->back.offset < a->size && taken > 0) {
        left = a->size - a->back.offset;
        size_t n = left < size ? (size_t)left : size;
        struct merkle_tree t = a->back.tree;
        taken = file_get(a->file, a->back.offset, buf, n) < 0 ? -EIO : take_all(a, &t, buf, n);
        if (taken > 0) {         /* a read that fails leaves all as it was: it is tried again */
            a->back.tree = t;
            a->back.offset += (uint64_t)taken;
        }
    }
    free(buf);
    merkle_root(&a->back.tree, &have);
    merkle_root(&a->tree, &want);
    return taken > 0 && a->back.tree.size == a->tree.size && merkle_same(&have, &want) ? 0 : -EIO;
}

/* ---- signing -------------------------------------------------------------------------------- */

const char *audit_checkpoint(struct audit *a, struct checkpoint *at, size_t *n)
{
    if (!a->has_key || read_back(a) < 0)
        return NULL;
    if (a->note_n == 0 || a->at.size != a->back.tree.size) {
        const struct note_key *key = &keychain_last(&a->keys)->key;
        memset(&a->at, 0, sizeof a->at);
        a->at.size = a->back.tree.size;
        memcpy(a->at.origin, key->name, sizeof a->at.origin);
        merkle_root(&a->back.tree, &a->at.root);
        a->note_n = checkpoint_sign(&a->at, key, a->secret, a->note);
    }
    *at = a->at;
    *n = a->note_n;
    return a->note_n > 0 ? a->note : NULL;
}

/* ---- proofs --------------------------------------------------------------------------------- */

int audit_root_at(struct audit *a, uint64_t size, struct merkle_hash *out)
{
    struct merkle_tree t;

    if (size > a->tree.size || merkle_load(&t, size, hashes_read, a) < 0)
        return -1;
    merkle_root(&t, out);
    return 0;
}

int audit_inclusion(struct audit *a, uint64_t number, uint64_t size, struct merkle_proof *out)
{
    if (number == 0 || size > a->tree.size)
        return -1;
    return merkle_inclusion(number - 1, size, hashes_read, a, out);
}

int audit_consistency(struct audit *a, uint64_t from, uint64_t size, struct merkle_proof *out)
{
    return size > a->tree.size ? -1 : merkle_consistency(from, size, hashes_read, a, out);
}

/* ---- the checkpoint of before --------------------------------------------------------------- */

int audit_compare(struct audit *a, char why[160])
{
    char note[CHECKPOINT_MAX] = "";
    struct checkpoint was;
    struct merkle_hash root;
    int fd = openat(a->dir, LEDGER_CHECKPOINT, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);

    if (fd < 0 && errno == ENOENT && a->tree.size == 0)
        return 0;
    ssize_t n = fd < 0 ? 0 : pread(fd, note, sizeof note - 1, 0);
    if (fd >= 0)
        close(fd);
    if (!a->has_key)
        return 0;
    if (n <= 0 || keychain_open(&a->keys, note, (size_t)n, &was) < 0)
        snprintf(why, 160, "its checkpoint is missing or damaged");
    else if (audit_root_at(a, was.size, &root) < 0)
        snprintf(why, 160, "it holds %llu records, and %llu were signed",
                 (unsigned long long)a->tree.size, (unsigned long long)was.size);
    else if (!merkle_same(&root, &was.root))
        snprintf(why, 160, "its records are not those that were signed");
    else
        return 0;
    return -1;
}
