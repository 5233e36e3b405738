/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log in a directory, and the check that it is whole. The files:
 *
 *     origin               the verifier key of epoch 0 (note.h), a line
 *     keys                 a handover for each later epoch (keychain.h), one behind the other
 *     checkpoint           the newest signed checkpoint
 *     hashes               the tree's hashes (merkle.h), 32 bytes each; kept for ever
 *     records-<number>     records (record.h) from that number on, 20 digits; kept for a time
 *
 * The check reads by a callback and so needs no files: the daemon, the CLI and the tests have
 * each their own.
 */
#ifndef POLICY_LEDGER_H
#define POLICY_LEDGER_H

#include "policy/keychain.h"
#include "policy/record.h"

#define LEDGER_ORIGIN "origin"
#define LEDGER_KEYS "keys"
#define LEDGER_CHECKPOINT "checkpoint"
#define LEDGER_HASHES "hashes"
#define LEDGER_NAME_SIZE 32
#define LEDGER_KEYS_MAX (64u << 20)

/* "records-00000000000000000001"; and back: the number, 0 when it is no such name. */
char *ledger_segment_name(uint64_t first, char out[LEDGER_NAME_SIZE]);
uint64_t ledger_segment_first(const char *name);

/* ---- record by record ----------------------------------------------------------------------- */

enum ledger_fault {
    LEDGER_SOUND = 0,
    LEDGER_FORM,             /* a record is not of its form */
    LEDGER_NUMBER,           /* a record does not follow on the one before */
    LEDGER_RECORD,           /* a record is not the one that was signed */
    LEDGER_HASH,             /* the records are those signed, but `hashes` is not */
    LEDGER_SHORT,            /* there is less than was signed */
    LEDGER_LONG,             /* there is more than was signed */
    LEDGER_ROOT,             /* records and hashes agree, but something else was signed */
    LEDGER_EPOCH,            /* likewise, when a key handed over */
    LEDGER_KNOWN,            /* likewise, by a checkpoint that was seen earlier */
    LEDGER_GONE              /* records are missing whose removal is not on record */
};

struct ledger_check {
    const struct keychain *keys;
    const struct checkpoint *known;      /* seen earlier; NULL = none */
    struct checkpoint at;                /* what must come out */
    merkle_read *hashes;
    void *arg;
    struct merkle_tree tree;
    size_t epoch;                        /* the next handover to come to */
    uint64_t removed;                    /* records up to this number are on record as removed */
    uint64_t first;                      /* the first record that was there; 0 = none was */
    uint64_t odd;                        /* the first record that `hashes` has otherwise */
    enum ledger_fault fault;
    uint64_t where;                      /* the record of the fault */
};
void ledger_begin(struct ledger_check *c, const struct keychain *keys, const struct checkpoint *at,
                  const struct checkpoint *known, merkle_read *hashes, void *arg);
/* The next record is not there any more: its hash is. False: no need to go on. */
bool ledger_absent(struct ledger_check *c);
bool ledger_record(struct ledger_check *c, const uint8_t *p, size_t n);
/* The end of all records. */
enum ledger_fault ledger_end(struct ledger_check *c);

/* ---- a whole directory ---------------------------------------------------------------------- */

struct ledger_files {
    void *arg;
    /* Reads up to n bytes at an offset of a file; how many, less only at its end. -1: no file. */
    long (*read)(void *arg, const char *file, uint64_t offset, void *out, size_t n);
    /* The first number of the segment behind `after` (in order of number); 0 when there is none. */
    uint64_t (*segment)(void *arg, uint64_t after);
};
struct ledger_report {
    bool sound;
    bool unsigned_tail;                  /* all that is wrong: the end is not signed (yet) */
    struct note_key origin;
    struct checkpoint at;
    uint64_t records, first;             /* signed; the first that is still there */
    size_t epochs;
    char text[400];                      /* one sentence: what was checked, or is wrong where */
};
/* Checks everything. `origin` NULL: the key in the directory. `known` NULL, or a checkpoint that
 * the log must continue. `at` NULL: the directory's; else this one, and what is behind it is not
 * looked at. Returns report->sound; memory that runs out is not sound either. */
bool ledger_verify(const struct ledger_files *f, const struct note_key *origin,
                   const struct checkpoint *known, const struct checkpoint *at,
                   struct ledger_report *out);

#endif
