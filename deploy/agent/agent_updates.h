/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Updates that wait, on Debian and its kin: the installed packages of /var/lib/dpkg/status held
 * against the package lists that apt has fetched. Nothing is run and nothing is fetched.
 */
#ifndef AGENT_UPDATES_H
#define AGENT_UPDATES_H

#include <stdbool.h>
#include <stdint.h>

#define AGENT_LISTS_AGE (7 * 86400)   /* older lists say nothing about today */

/* all: installed packages of which a list has a newer version; security: those of them that the
 * security archive has. *from = the folder read. False when the lists are missing, compressed or
 * older than AGENT_LISTS_AGE. */
bool agent_updates_pending(const char *root, int64_t now, int64_t *all, int64_t *security,
                           const char **from);

/* Did apt fetch its lists within AGENT_LISTS_AGE? */
bool agent_updates_fresh(const char *root, int64_t now);

/* Is there a list of the security archive, compressed or not? */
bool agent_updates_security(const char *root);

/* Debian's order of versions (deb-version(7)): negative, 0, positive. */
int agent_deb_version_cmp(const char *a, const char *b);

#endif
