/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console's requests in the engine. The console role carries a token and no name: who asks, and
 * what they may, is looked up here, so that whoever takes the console role over is nobody.
 */
#ifndef GATEWAY_ENGINE_CONSOLE_H
#define GATEWAY_ENGINE_CONSOLE_H

#include "gateway/control.h"

/* ---- engine_console.c ------------------------------------------------------------------------ */

/* The same without a channel. q has method, path, body and peer; token "" = none. What the role is
 * to do with the browser's cookie is in q->new_session: "" nothing, "-" drop it, or a new token. */
struct reply console_answer(struct engine *e, struct request *q, const char *token,
                            const char *query);

/* ---- control_session.c ----------------------------------------------------------------------- */

/* This admin has proved who they are: a session, its token into q->new_session, its members into
 * the answer. */
void console_enter(struct engine *e, struct request *q, const struct user *u, json_t *answer);
json_t *sessions_json(struct engine *e);          /* all that hold now */
struct reply no_console(void);                    /* 409: at the control socket nobody signs in */

control_verb control_session, control_session_begin, control_session_set_up,
    control_session_confirm, control_session_end, control_sessions, control_session_end_one;

#endif
