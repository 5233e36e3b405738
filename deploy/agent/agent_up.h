/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bringing the tunnel up, by the program that the person asked for. */
#ifndef AGENT_UP_H
#define AGENT_UP_H

#include <stdbool.h>

/* NULL, "wg-quick" or "nm". */
bool agent_up_known(const char *how);
/* Can wg-quick set name servers here? */
bool agent_up_resolves(void);
/* "wg-quick up NAME", or "nmcli connection import" of the file; an older tunnel of that name is
 * taken down first. False with a sentence in why. */
bool agent_up(const char *how, const char *interface, const char *conf, char why[160]);

#endif
