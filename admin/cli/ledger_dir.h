/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log's directory as policy/ledger.h wants it read. Needs no daemon.
 */
#ifndef ADMIN_CLI_LEDGER_DIR_H
#define ADMIN_CLI_LEDGER_DIR_H

#include "policy/ledger.h"

/* Checks the log in a directory. One that a daemon writes at this moment may end in records that
 * are not signed yet: then it is looked at again, for two seconds at most. False with errno in
 * *err: there is no such directory. */
bool ledger_dir_verify(const char *path, const struct note_key *origin,
                       const struct checkpoint *known, struct ledger_report *out, int *err);

#endif
