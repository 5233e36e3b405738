/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cases: attempts gathered against a person's name, what was found, and what came of it (MSC 4.5:
 * disciplinary action for abuse). A case says nothing to the rules: whom it concerns keeps or
 * loses access by roles, locks and revocation.
 *
 * Evidence: an attempt that is in a case is never given up, and the audit log keeps it word for
 * word as it was when it was gathered.
 */
#ifndef GATEWAY_CASES_H
#define GATEWAY_CASES_H

#include "gateway/store.h"

#define CASE_TEXT 2048             /* a finding or a note, with its NUL */
#define CASE_GATHER_MAX 32         /* attempts of one request, as wide as a body may be */

/* Stored: a number never changes its meaning. */
enum case_outcome {
    OUTCOME_NONE = 0,              /* the case is open */
    OUTCOME_NO_ACTION, OUTCOME_FALSE_ALARM, OUTCOME_TRAINING, OUTCOME_WARNING,
    OUTCOME_ACCESS_CHANGED, OUTCOME_SUSPENDED, OUTCOME_TERMINATED, OUTCOME_REFERRED,
    OUTCOMES
};
const char *case_outcome_name(enum case_outcome o);   /* "no-action"; "" for none */
/* The reverse; OUTCOME_NONE when there is none of that name. */
enum case_outcome case_outcome_parse(const char *name);
/* "no-action, false-alarm, ...": for hints. */
const char *case_outcomes(void);

struct case_file {
    int64_t id;
    char user[NAME_SIZE];
    struct wall opened, closed;    /* closed 0 = open */
    char opened_by[ACTOR_SIZE], closed_by[ACTOR_SIZE];
    char finding[CASE_TEXT];
    enum case_outcome outcome;
};
struct case_note { struct wall time; char by[ACTOR_SIZE], text[CASE_TEXT]; };

int64_t store_add_case(struct store *s, const struct case_file *c);    /* its id */
void store_close_case(struct store *s, const struct case_file *c);
enum store_result store_get_case(struct store *s, int64_t id, struct case_file *out);
/* Behind `after`; user NULL = any, closed -1 = any. */
void store_each_case(struct store *s, int64_t after, const char *user, int closed, int64_t limit,
                     void (*each)(void *arg, const struct case_file *c), void *arg);
void store_gather(struct store *s, int64_t id, int64_t attempt);       /* twice is once */
void store_each_gathered(struct store *s, int64_t id,
                         void (*each)(void *arg, const struct attempt *a), void *arg);
void store_each_case_of(struct store *s, int64_t attempt, void (*each)(void *arg, int64_t id),
                        void *arg);
void store_add_note(struct store *s, int64_t id, const struct case_note *n);
void store_each_note(struct store *s, int64_t id,
                     void (*each)(void *arg, const struct case_note *n), void *arg);

#endif
