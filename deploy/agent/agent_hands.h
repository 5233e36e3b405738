/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Two processes: one speaks to the gateway and holds no capability; the other, the hands, looks at
 * the machine and speaks to the person at its screen, and reads nothing that came from the network
 * but two bounded texts to show.
 */
#ifndef AGENT_HANDS_H
#define AGENT_HANDS_H

#include <stdbool.h>

#include "deploy/agent/agent_facts.h"

#define AGENT_SUMMARY_TEXT 128
#define AGENT_BODY_TEXT 1024

struct agent_hands { int fd; };   /* -1: there are none, this process does it itself */

/* Forks them; this process gives up its capabilities for good. 0, or -1 with why. */
int agent_hands_start(struct agent_hands *h, char why[160]);

/* False when they have ended. */
bool agent_hands_alive(const struct agent_hands *h);

/* The facts of this machine. 0, or -1 with why. */
int agent_hands_facts(const struct agent_hands *h, int64_t now, struct agent_facts *out,
                      char why[160]);

/* Shows a text to the person at the screen, if there is one. Not waited for. */
void agent_hands_notify(const struct agent_hands *h, const char *summary, const char *body);

#endif
