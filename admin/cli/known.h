/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What was seen of each gateway's logs: as ssh remembers hosts. At its next visit a gateway must
 * show the same key, and a history that continues the one that was seen.
 *
 * One file, $XDG_STATE_HOME/portcullis/known_gateways (~/.local/state without it), JSON, 0600:
 * {ORIGIN: {"key": verifier key, "checkpoint": signed note, "seen": seconds}}.
 */
#ifndef ADMIN_CLI_KNOWN_H
#define ADMIN_CLI_KNOWN_H

#include "admin/cli/call.h"
#include "policy/keychain.h"

struct known {
    bool found;
    struct note_key key;
    struct checkpoint at;
    int64_t seen;
};

/* What is known of the log with this origin. False: the file is there and cannot be read (told). */
bool known_find(const char *origin, struct known *out);
/* Remembers, unless a later one of this key is known already. False: it cannot be written (told). */
bool known_keep(const char *origin, const char *key, const char *checkpoint);
bool known_forget(const char *origin);       /* False: it was not known, or cannot be written */
/* Where it is, for messages. */
const char *known_path(char out[512]);

/* ---- a visit -------------------------------------------------------------------------------- */

struct visit {
    const char *log;             /* "audit" or "attempts" */
    json_t *answer;              /* GET /v1/audit/checkpoint; NULL when there was none */
    struct note_key origin;
    struct checkpoint at;
    struct known before;
    bool refused;                /* what is shown is not what was seen, or not sound: told */
};
/* Asks the daemon for its newest checkpoint, checks it against what is known, and remembers it.
 * CLI_DONE, or what call() said, or CLI_REFUSED with ->refused. visit_end() in any case. */
enum cli_exit visit_begin(struct cli *c, struct visit *v, const char *log);
void visit_end(struct visit *v);

/* The filters of `audit show` and `export` as a query; from and to name the options with dates.
 * False: one of them is not of its form (told). */
bool audit_filters(const struct cli *c, struct target *t, const char *from, const char *to);

#endif
