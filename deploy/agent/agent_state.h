/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What became of the last report, for everybody on this machine: /run/portcullis-agent/state.json,
 * or below XDG_RUNTIME_DIR for who is not root. Change is noticed here, and told at the screen.
 */
#ifndef AGENT_STATE_H
#define AGENT_STATE_H

#include "deploy/agent/agent_hands.h"
#include "deploy/agent/agent_run.h"

#define AGENT_STATE_PATH 128
#define AGENT_UNREACHABLE_TELL 3    /* failures in a row before it is told */

enum agent_state { AGENT_STATE_NONE = 0, AGENT_STATE_IN, AGENT_STATE_QUARANTINE,
                   AGENT_STATE_UNREACHABLE };

struct agent_told { enum agent_state state; char code[16]; };

/* What to tell after a report, when it is not what was told last; *t is what was told then. False:
 * nothing. Being in is told only to who was told that they are not. */
bool agent_state_news(struct agent_told *t, const struct agent_report *r, unsigned failures,
                      char summary[AGENT_SUMMARY_TEXT], char body[AGENT_BODY_TEXT]);

/* Where it is written; false when there is no place. */
bool agent_state_path(char out[AGENT_STATE_PATH]);
/* Writes it, readable for all; a fault is not worth more than silence. */
void agent_state_write(const struct agent_options *o, const struct agent_report *r, int64_t now);

#endif
