/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What apt and dnf print, counted. */
#ifndef AGENT_PENDING_H
#define AGENT_PENDING_H

#include <stdint.h>

/* Of `apt-get -s dist-upgrade`. */
void agent_pending_apt(const char *text, int64_t *all, int64_t *security);
/* Of `dnf check-update`. */
int64_t agent_pending_dnf(const char *text);

#endif
