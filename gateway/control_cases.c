/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about cases: opened on attempts, noted upon, closed with a finding and an outcome. */
#include <stdio.h>
#include <string.h>

#include "gateway/cases.h"
#include "gateway/clock.h"
#include "gateway/control.h"

/* ---- shown ---------------------------------------------------------------------------------- */

static void add_attempt(void *arg, const struct attempt *a)
{
    json_array_append_new(arg, attempt_json(a));
}

static void add_id(void *arg, const struct attempt *a)
{
    json_array_append_new(arg, json_integer((json_int_t)a->id));
}

static void add_note(void *arg, const struct case_note *n)
{
    json_array_append_new(arg, json_pack("{s:I,s:s,s:s}", "time", (json_int_t)n->time.s, "by", n->by,
                                         "text", n->text));
}

static json_t *case_head(const struct case_file *c)
{
    json_t *o = json_pack("{s:I,s:s,s:s,s:I,s:s}", "id", (json_int_t)c->id, "user", c->user,
                          "state", c->closed.s ? "closed" : "open", "opened",
                          (json_int_t)c->opened.s, "opened_by", c->opened_by);

    if (c->closed.s)
        json_object_update_new(o, json_pack("{s:I,s:s,s:s,s:s}", "closed", (json_int_t)c->closed.s,
                                            "closed_by", c->closed_by, "finding", c->finding,
                                            "outcome", case_outcome_name(c->outcome)));
    return o;
}

static json_t *case_whole(struct engine *e, const struct case_file *c)
{
    json_t *o = case_head(c), *attempts = json_array(), *notes = json_array();

    store_each_gathered(e->store, c->id, add_attempt, attempts);
    store_each_note(e->store, c->id, add_note, notes);
    json_object_set_new(o, "attempts", attempts);
    json_object_set_new(o, "notes", notes);
    return o;
}

static struct reply show_case(struct engine *e, int64_t id, int status)
{
    static struct case_file c;

    if (store_get_case(e->store, id, &c) != STORE_OK)
        return reply_errorf(404, "unknown_case", "See portcullis case list.",
                            "There is no case %lld.", (long long)id);
    return (struct reply){status, case_whole(e, &c)};
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reply control_case(struct engine *e, struct request *q)
{
    return show_case(e, path_number(q), 200);
}

struct listing { struct item_list l; struct engine *e; };

static void add_case(void *arg, const struct case_file *c)
{
    struct listing *all = arg;
    json_t *o = case_head(c), *ids = json_array();

    store_each_gathered(all->e->store, c->id, add_id, ids);
    json_object_set_new(o, "attempts", ids);
    list_add(&all->l, o);
}

struct reply control_cases(struct engine *e, struct request *q)
{
    const char *state = query_get(q, "state");
    int closed = state ? strcmp(state, "closed") == 0 : -1;
    struct listing all = {.l.key = "id", .e = e};
    struct reply error;
    int64_t after = 0;

    if (!query_page(q, &all.l.limit, &after, &error))
        return error;
    if (state && !closed && strcmp(state, "open") != 0)
        return reply_error(400, "bad_query", "'state' is open or closed.", NULL);
    all.l.items = json_array();
    store_each_case(e->store, after, query_get(q, "user"), closed, all.l.limit + 1, add_case, &all);
    return list_reply(&all.l);
}

/* ---- gathering ------------------------------------------------------------------------------ */

struct gathering { int64_t id[CASE_GATHER_MAX]; size_t n; json_t *word_for_word; };

static void gather_one(struct engine *e, struct body *b, struct gathering *g, const json_t *v)
{
    struct attempt a;
    int64_t id = json_integer_value(v);

    if (!json_is_integer(v) || g->n == CASE_GATHER_MAX) {
        body_fail(b, reply_errorf(400, "bad_member", "More go into notes, one after the other.",
                                  "'attempts' holds numbers of attempts, at most %d at a time.",
                                  CASE_GATHER_MAX));
    } else if (store_get_attempt(e->store, id, &a) != STORE_OK) {
        body_fail(b, reply_errorf(404, "unknown_attempt", "See portcullis attempts list.",
                                  "There is no attempt %lld.", (long long)id));
    } else {
        g->id[g->n++] = id;
        json_array_append_new(g->word_for_word, attempt_json(&a));
    }
}

static void read_attempts(struct engine *e, struct body *b, bool needed, struct gathering *g)
{
    json_t *list = body_member(b, "attempts", JSON_ARRAY, needed), *v;
    size_t i;

    *g = (struct gathering){.word_for_word = json_array()};
    json_array_foreach(list, i, v)
        if (!b->failed)
            gather_one(e, b, g, v);
    if (!b->failed && needed && g->n == 0)
        body_fail(b, reply_error(400, "bad_member", "A case begins with an attempt.", NULL));
}

/* A note ("" = none) and attempts go into a case, in the open transaction. */
static void enter(struct engine *e, struct request *q, int64_t id, const char *text,
                  const struct gathering *g)
{
    static struct case_note n;

    n.time = clock_wall();
    snprintf(n.by, sizeof n.by, "%s", q->actor);
    snprintf(n.text, sizeof n.text, "%s", text);
    if (text[0])
        store_add_note(e->store, id, &n);
    for (size_t i = 0; i < g->n; i++)
        store_gather(e->store, id, g->id[i]);
}

/* The record, the commit, and the case as it is then. */
static struct reply finish(struct engine *e, struct request *q, const char *act, int64_t id,
                           json_t *detail, int status)
{
    char object[32];

    snprintf(object, sizeof object, "case-%lld", (long long)id);
    audit_act(e, q->actor, q->uid, act, object, detail);
    if (audit_commit(e) != STORE_OK)
        return reply_full();
    event_add(e, "act", "%s: %s %s", q->actor, act, object);
    return show_case(e, id, status);
}

/* ---- opening -------------------------------------------------------------------------------- */

static struct reply open_case(struct engine *e, struct request *q, const struct user *u,
                              const char *note, const struct gathering *g)
{
    static struct case_file c;

    c = (struct case_file){.opened = clock_wall()};
    snprintf(c.user, sizeof c.user, "%s", u->name);
    snprintf(c.opened_by, sizeof c.opened_by, "%s", q->actor);
    store_begin(e->store);
    c.id = store_add_case(e->store, &c);
    enter(e, q, c.id, note, g);
    return finish(e, q, "case.open", c.id,
                  json_pack("{s:s,s:s,s:O}", "user", u->name, "note", note, "attempts",
                            g->word_for_word), 201);
}

struct reply control_case_open(struct engine *e, struct request *q)
{
    struct gathering g = {0};
    struct user *u = NULL;
    struct body b;

    body_open(&b, q, false);
    const char *user = b.failed ? NULL : body_text(&b, "user", NAME_SIZE - 1, true);
    const char *note = b.failed ? NULL : body_text(&b, "note", CASE_TEXT - 1, false);
    if (user && !(u = user_by_name(e, user)))
        body_fail(&b, no_such_user(e, user));
    if (!b.failed)
        read_attempts(e, &b, true, &g);
    struct reply r = body_done(&b) ? open_case(e, q, u, note ? note : "", &g) : b.error;
    json_decref(g.word_for_word);
    body_close(&b);
    return r;
}

/* ---- going on ------------------------------------------------------------------------------- */

/* The open case of the path, or the refusal in b. */
static void find_open(struct engine *e, struct request *q, struct body *b, struct case_file *c)
{
    if (b->failed)
        return;
    if (store_get_case(e->store, path_number(q), c) != STORE_OK)
        body_fail(b, show_case(e, path_number(q), 200));
    else if (c->closed.s)
        body_fail(b, reply_errorf(409, "case_closed", "Open another one.", "Case %lld is closed.",
                                  (long long)c->id));
}

static struct reply note_case(struct engine *e, struct request *q, const struct case_file *c,
                              const char *text, const struct gathering *g)
{
    store_begin(e->store);
    enter(e, q, c->id, text, g);
    return finish(e, q, "case.note", c->id,
                  json_pack("{s:s,s:s,s:O}", "user", c->user, "note", text, "attempts",
                            g->word_for_word), 200);
}

struct reply control_case_note(struct engine *e, struct request *q)
{
    static struct case_file c;
    struct gathering g = {0};
    struct body b;

    body_open(&b, q, false);
    find_open(e, q, &b, &c);
    const char *text = b.failed ? NULL : body_text(&b, "text", CASE_TEXT - 1, true);
    if (!b.failed)
        read_attempts(e, &b, false, &g);
    struct reply r = body_done(&b) ? note_case(e, q, &c, text, &g) : b.error;
    json_decref(g.word_for_word);
    body_close(&b);
    return r;
}

static struct reply close_case(struct engine *e, struct request *q, struct case_file *c,
                               const char *finding)
{
    c->closed = clock_wall();
    snprintf(c->closed_by, sizeof c->closed_by, "%s", q->actor);
    snprintf(c->finding, sizeof c->finding, "%s", finding);
    store_begin(e->store);
    store_close_case(e->store, c);
    return finish(e, q, "case.close", c->id,
                  json_pack("{s:s,s:s,s:s}", "user", c->user, "finding", finding, "outcome",
                            case_outcome_name(c->outcome)), 200);
}

struct reply control_case_close(struct engine *e, struct request *q)
{
    static struct case_file c;
    struct body b;

    body_open(&b, q, false);
    find_open(e, q, &b, &c);
    const char *finding = b.failed ? NULL : body_text(&b, "finding", CASE_TEXT - 1, true);
    const char *outcome = b.failed ? NULL : body_text(&b, "outcome", 32, true);
    c.outcome = outcome ? case_outcome_parse(outcome) : OUTCOME_NONE;
    if (outcome && c.outcome == OUTCOME_NONE)
        body_fail(&b, reply_errorf(400, "unknown_outcome", case_outcomes(),
                                   "'%s' is none of the outcomes.", outcome));
    struct reply r = body_done(&b) ? close_case(e, q, &c, finding) : b.error;
    body_close(&b);
    return r;
}
