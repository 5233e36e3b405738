/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy file read, parsed and given its time zones, without a daemon.
 */
#ifndef ADMIN_CLI_POLICY_FILE_H
#define ADMIN_CLI_POLICY_FILE_H

#include "admin/cli/text_file.h"
#include "policy/policy.h"

struct policy_file {
    struct text_file file;
    struct policy *policy;       /* NULL when it has errors */
    struct diags diags;
};

/* Reads, parses, loads time zones. 0 = no errors; -1 after a complaint, or with errors in diags.
 * policy_file_close() in any case. */
int policy_file_load(struct policy_file *f, const char *name);
void policy_file_close(struct policy_file *f);
/* Prints the diagnostics kept, and how many there were. */
void policy_file_complain(const struct policy_file *f);

/* May this be the name of a zone below /usr/share/zoneinfo? No "..", no leading slash. */
bool zone_name_ok(const char *name);

#endif
