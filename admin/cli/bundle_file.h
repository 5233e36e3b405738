/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bundles and keys in files.
 */
#ifndef ADMIN_CLI_BUNDLE_FILE_H
#define ADMIN_CLI_BUNDLE_FILE_H

#include "admin/cli/cli.h"
#include "policy/bundle.h"

/* A JSON document of at most 256 MiB. NULL: it cannot be read, which is told. */
json_t *bundle_read(const char *path);
/* Into a new file, 0600. False: it is there already, or cannot be written; which is told. */
bool bundle_write(const char *path, const json_t *doc);
/* From an answer of GET /v1/audit/checkpoint, and records (taken over). */
json_t *bundle_make(const json_t *visit, json_t *records);
/* What --receipt asks for, from the answer of a revocation: CLI_DONE, also without --receipt. */
enum cli_exit receipt_write(const struct cli *c, const json_t *answer);
/* A verifier key, or the name of a file that holds one. False: neither, which is told. */
bool key_read(const char *key_or_file, struct note_key *out);

#endif
