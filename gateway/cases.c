/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Cases: outcome codes, records to rows and rows to records. */
#include "gateway/cases.h"

#include <string.h>

#include "gateway/store_parts.h"

#define COL(q, i) sqlite3_column_int64(q, i)

static const char *const outcome_names[OUTCOMES] = {
    "", "no-action", "false-alarm", "training", "warning", "access-changed", "suspended",
    "terminated", "referred",
};

const char *case_outcome_name(enum case_outcome o) { return o < OUTCOMES ? outcome_names[o] : ""; }

enum case_outcome case_outcome_parse(const char *name)
{
    for (int o = OUTCOME_NONE + 1; o < OUTCOMES; o++)
        if (strcmp(outcome_names[o], name) == 0)
            return (enum case_outcome)o;
    return OUTCOME_NONE;
}

const char *case_outcomes(void)
{
    return "no-action, false-alarm, training, warning, access-changed, suspended, terminated or "
           "referred";
}

/* ---- rows ----------------------------------------------------------------------------------- */

int64_t store_add_case(struct store *s, const struct case_file *c)
{
    return store_run_id(s, store_bind(s, Q_CASE_ADD, "tit", c->user, c->opened.s, c->opened_by));
}

void store_close_case(struct store *s, const struct case_file *c)
{
    store_run(s, store_bind(s, Q_CASE_CLOSE, "ittii", c->closed.s, c->closed_by, c->finding,
                            I(c->outcome), c->id));
}

static void read_case(sqlite3_stmt *q, struct case_file *c)
{
    *c = (struct case_file){.id = store_number(q, 0, 1, INT64_MAX),
                            .opened = WALL(q, 2),
                            .closed = WALL(q, 4),
                            .outcome = (enum case_outcome)store_number(q, 7, 0, OUTCOMES - 1)};
    store_text(q, 1, c->user, sizeof c->user);
    store_text(q, 3, c->opened_by, sizeof c->opened_by);
    store_text(q, 5, c->closed_by, sizeof c->closed_by);
    store_text(q, 6, c->finding, sizeof c->finding);
}

enum store_result store_get_case(struct store *s, int64_t id, struct case_file *out)
{
    sqlite3_stmt *q = store_bind(s, Q_CASE_GET, "i", id);

    if (!store_row(s, q))
        return STORE_NONE;
    read_case(q, out);
    sqlite3_reset(q);
    return STORE_OK;
}

void store_each_case(struct store *s, int64_t after, const char *user, int closed, int64_t limit,
                     void (*each)(void *arg, const struct case_file *c), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_CASES, "itii", after, user, I(closed), limit);
    struct case_file c;

    while (store_row(s, q)) {
        read_case(q, &c);
        each(arg, &c);
    }
}

void store_gather(struct store *s, int64_t id, int64_t attempt)
{
    store_run(s, store_bind(s, Q_GATHER, "ii", id, attempt));
}

void store_each_gathered(struct store *s, int64_t id,
                         void (*each)(void *arg, const struct attempt *a), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_GATHERED, "i", id);
    struct attempt a;

    while (store_row(s, q))
        if (store_get_attempt(s, COL(q, 0), &a) == STORE_OK)
            each(arg, &a);
}

void store_each_case_of(struct store *s, int64_t attempt, void (*each)(void *arg, int64_t id),
                        void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_CASES_OF, "i", attempt);

    while (store_row(s, q))
        each(arg, COL(q, 0));
}

void store_add_note(struct store *s, int64_t id, const struct case_note *n)
{
    store_run(s, store_bind(s, Q_NOTE_ADD, "iitt", id, n->time.s, n->by, n->text));
}

void store_each_note(struct store *s, int64_t id,
                     void (*each)(void *arg, const struct case_note *n), void *arg)
{
    sqlite3_stmt *q = store_bind(s, Q_NOTES, "i", id);
    struct case_note n;

    while (store_row(s, q)) {
        n.time.s = store_number(q, 0, 0, STORE_TIME_MAX);
        store_text(q, 1, n.by, sizeof n.by);
        store_text(q, 2, n.text, sizeof n.text);
        each(arg, &n);
    }
}
