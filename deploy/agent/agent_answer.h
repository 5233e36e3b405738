/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the gateway answered, as plain sentences. Everything in it came over the network: texts
 * are shown without control characters and within a line.
 */
#ifndef AGENT_ANSWER_H
#define AGENT_ANSWER_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct agent_verdict {
    bool in;                 /* a lease is held */
    int64_t lease_seconds;   /* what is left of it by the gateway's clock; 0 = none */
    bool error;              /* the gateway could not or would not judge ({"error": ...}) */
};

/* Anything that is not understood counts as not in. */
struct agent_verdict agent_answer_read(const json_t *answer);

/* "You are in until 14:32 (15 minutes).", or why not, and each rule that did not pass with what
 * was expected, what was received and how to fix it. `now` is used for the clock time only. */
void agent_answer_print(const json_t *answer, int64_t now, FILE *out);

/* Texts of the answer, fit to be shown; "" when there is none (answer may be NULL). */
#define AGENT_SHOWN 400
void agent_answer_code(const json_t *answer, char out[AGENT_SHOWN]);
/* The sentence and the help of the first rule that did not pass, or of the whole. */
void agent_answer_reason(const json_t *answer, char sentence[AGENT_SHOWN], char fix[AGENT_SHOWN]);
/* As a notification's body, which is markup: what could be a tag is shown as itself. Cut between
 * characters where it does not fit. */
void agent_answer_markup(const char *text, char *out, size_t size);
/* Whom to call, of /v1/me. */
void agent_answer_contact(const json_t *me, FILE *out);

#endif
