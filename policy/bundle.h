/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Records of a log with all that a stranger needs to check them, as one JSON document: what
 * `audit export` writes, and (with one record) a signed revocation receipt.
 *
 *     portcullis   "log bundle 1"
 *     origin       the verifier key of epoch 0 (note.h)
 *     keys         [handover...], each a signed note (keychain.h)
 *     checkpoint   a signed note (checkpoint.h)
 *     consistency  [base64 hash...], RFC 9162, 2.1.4: the checkpoint's tree continues that of the
 *                  last handover
 *     records      [{record: base64, proof: [base64 hash...]}...], in order of number; the proof is
 *                  RFC 9162, 2.1.3, of the record as a leaf in the checkpoint's tree
 *
 * Any subset of records will do: each is proved for itself.
 */
#ifndef POLICY_BUNDLE_H
#define POLICY_BUNDLE_H

#include <jansson.h>

#include "policy/keychain.h"
#include "policy/record.h"

#define BUNDLE_FORM "log bundle 1"

struct bundle_report {
    struct note_key origin;
    struct checkpoint at;
    size_t epochs, records;
    uint64_t first, last;        /* numbers of records; 0 when there are none */
    char text[300];              /* one sentence: what was checked, or what is wrong first */
};
/* Called for each record that holds; its texts are valid during the call. */
typedef void bundle_each(void *arg, const struct record *r, const uint8_t *bytes, size_t n);

/* True when all of it holds under `origin` (NULL: the key in the document). each may be NULL. */
bool bundle_check(const json_t *doc, const struct note_key *origin, bundle_each *each, void *arg,
                  struct bundle_report *out);
/* Hashes of a JSON array; false: it is not one of them. */
bool bundle_proof(const json_t *array, struct merkle_proof *out);
/* The handovers of a JSON array, from an origin. The caller clears the chain either way. */
bool bundle_keys(const json_t *array, const struct note_key *origin, struct keychain *out);

#endif
