/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log record by record, against what was signed. */
#include "policy/ledger.h"

#include <stdlib.h>
#include <string.h>

void ledger_begin(struct ledger_check *c, const struct keychain *keys, const struct checkpoint *at,
                  const struct checkpoint *known, merkle_read *hashes, void *arg)
{
    *c = (struct ledger_check){.keys = keys, .known = known, .at = *at, .hashes = hashes,
                               .arg = arg, .epoch = 1};
}

static bool fail(struct ledger_check *c, enum ledger_fault fault, uint64_t where)
{
    if (c->fault == LEDGER_SOUND) {
        c->fault = fault;
        c->where = where;
    }
    return false;
}

/* Is the tree, at this size, what somebody signed at this size? */
static bool as_signed(struct ledger_check *c)
{
    struct merkle_hash root;

    merkle_root(&c->tree, &root);
    for (; c->epoch < c->keys->n && c->keys->v[c->epoch].size == c->tree.size; c->epoch++)
        if (!merkle_same(&root, &c->keys->v[c->epoch].root))
            return fail(c, c->odd ? LEDGER_RECORD : LEDGER_EPOCH, c->odd ? c->odd : c->tree.size);
    if (c->known && c->known->size == c->tree.size && !merkle_same(&root, &c->known->root))
        return fail(c, c->odd ? LEDGER_RECORD : LEDGER_KNOWN, c->odd ? c->odd : c->tree.size);
    return true;
}

/* Of the sizes at which a root was signed, most are passed without looking. */
static bool may_be_signed(const struct ledger_check *c)
{
    return (c->epoch < c->keys->n && c->keys->v[c->epoch].size == c->tree.size) ||
           (c->known && c->known->size == c->tree.size);
}

/* Appends a leaf, and compares what it completes with what is stored. */
static bool append(struct ledger_check *c, const struct merkle_hash *leaf)
{
    struct merkle_hash made[MERKLE_LEVELS], stored;
    uint64_t at = merkle_stored(c->tree.size);
    size_t n = merkle_append(&c->tree, leaf, made);

    for (size_t i = 0; i < n; i++) {
        if (c->hashes(c->arg, at + i, &stored) < 0)
            return fail(c, LEDGER_HASH, c->tree.size);
        if (!merkle_same(&stored, &made[i]) && c->odd == 0)
            c->odd = c->tree.size;
    }
    return !may_be_signed(c) || as_signed(c);
}

/* A log that was handed over or seen while it was empty. */
static bool begins(struct ledger_check *c)
{
    return c->tree.size > 0 || !may_be_signed(c) || as_signed(c);
}

bool ledger_absent(struct ledger_check *c)
{
    struct merkle_hash leaf;

    if (!begins(c))
        return false;
    if (c->hashes(c->arg, merkle_stored(c->tree.size), &leaf) < 0)
        return fail(c, LEDGER_HASH, c->tree.size + 1);
    return append(c, &leaf);
}

/* What a record of removal names: records 1 to this one. 0: nothing. */
static uint64_t removed_through(const struct record *r)
{
    size_t n = strlen(r->object);

    return n > 0 && n < 16 && strspn(r->object, "0123456789") == n ? strtoull(r->object, NULL, 10)
                                                                   : 0;
}

bool ledger_record(struct ledger_check *c, const uint8_t *p, size_t n)
{
    struct merkle_hash leaf;
    struct record r;

    if (!begins(c))
        return false;
    if (record_decode(p, n, &r) < 0)
        return fail(c, LEDGER_FORM, c->tree.size + 1);
    if (r.number != c->tree.size + 1)
        return fail(c, LEDGER_NUMBER, c->tree.size + 1);
    if (c->first == 0)
        c->first = r.number;
    if (r.type == RECORD_REMOVED && removed_through(&r) > c->removed)
        c->removed = removed_through(&r);
    merkle_leaf(p, n, &leaf);
    return append(c, &leaf);
}

enum ledger_fault ledger_end(struct ledger_check *c)
{
    struct merkle_hash root;

    if (!begins(c) || c->fault != LEDGER_SOUND)
        return c->fault;
    merkle_root(&c->tree, &root);
    if (c->tree.size < c->at.size || c->epoch < c->keys->n)
        fail(c, LEDGER_SHORT, c->tree.size);
    else if (c->known && c->known->size > c->tree.size)
        fail(c, LEDGER_SHORT, c->tree.size);
    else if (c->tree.size > c->at.size)
        fail(c, LEDGER_LONG, c->at.size + 1);
    else if (!merkle_same(&root, &c->at.root))
        fail(c, c->odd ? LEDGER_RECORD : LEDGER_ROOT, c->odd ? c->odd : c->tree.size);
    else if (c->odd)
        fail(c, LEDGER_HASH, c->odd);
    else if ((c->first ? c->first : c->tree.size + 1) > c->removed + 1)
        fail(c, LEDGER_GONE, c->removed + 1);
    return c->fault;
}
