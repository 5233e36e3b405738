/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs of the console about its sessions: signing in and out, and who is in. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/engine_console.h"
#include "gateway/secrets.h"
#include "policy/address.h"

struct reply no_console(void)
{
    return reply_error(409, "no_console", "There are no sessions at the control socket.",
                       "Who may connect to it may act.");
}

static struct reply no_session(void)
{
    return reply_error(404, "unknown_session", "There is no such session, or it has ended.", NULL);
}

/* ---- shown ----------------------------------------------------------------------------------- */

static json_t *session_json(struct engine *e, const struct session *s)
{
    const struct user *u = &e->users[s->user - 1];
    char from[ADDR_TEXT];

    return json_pack("{s:I,s:s,s:s,s:s,s:I,s:s,s:I,s:I}", "id", (json_int_t)s->id, "user", u->name,
                     "full_name", u->full_name ? u->full_name : "", "role",
                     right_name(s->as.right), "since", (json_int_t)s->began.s, "from",
                     ip_print(&s->peer, from), "idle_s", (json_int_t)(session_idle_left(s) / 1000),
                     "ends", (json_int_t)(clock_wall().s + session_life_left(s) / 1000));
}

json_t *sessions_json(struct engine *e)
{
    json_t *list = json_array();

    sessions_tick(e);
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (e->sessions[i].id)
            json_array_append_new(list, session_json(e, &e->sessions[i]));
    return list;
}

struct reply control_session(struct engine *e, struct request *q)
{
    struct session *s = session_by_id(e, q->session);

    return s ? (struct reply){200, session_json(e, s)} : no_console();
}

struct reply control_sessions(struct engine *e, struct request *q)
{
    (void)q;
    return (struct reply){200, json_pack("{s:o}", "items", sessions_json(e))};
}

/* ---- what is typed --------------------------------------------------------------------------- */

struct typed { char user[NAME_SIZE], first[TYPED_MAX + 1], second[TYPED_MAX + 1]; };

static void take(struct body *b, const char *name, char *out, size_t size)
{
    const char *s = body_text(b, name, size - 1, true);

    if (s)
        snprintf(out, size, "%s", s);
}

/* {user, FIRST, SECOND}; false: *no says why not. */
static bool read_typed(const struct request *q, const char *first, const char *second,
                       struct typed *t, struct reply *no)
{
    struct body b;

    body_open(&b, q, false);
    take(&b, "user", t->user, sizeof t->user);
    take(&b, first, t->first, sizeof t->first);
    take(&b, second, t->second, sizeof t->second);
    bool done = body_done(&b);
    *no = b.error;
    body_close(&b);
    return done;
}

/* The admin of that name; who has to choose new secrets may only do that. */
static struct user *admin_named(struct engine *e, const char *name, enum secrets_step step)
{
    struct user *u = user_by_name(e, name);

    if (!u || !(step == STEP_SIGN_IN ? admin_active(u) : admin_stands(u)))
        return NULL;
    return u;
}

static struct reply step(struct engine *e, struct request *q, enum secrets_step step,
                         const char *first, const char *second)
{
    static struct typed t;
    struct reply r;

    if (!q->console)
        return no_console();
    t = (struct typed){0};
    if (read_typed(q, first, second, &t, &r)) {
        struct place p = {.peer = q->peer, .name = t.user, .user = admin_named(e, t.user, step)};
        r = secrets_step(e, &p, step, t.first, t.second);
        if (r.status == 200 && step != STEP_CHOOSE) {
            console_enter(e, q, p.user, r.body);
            session_by_id(e, q->session)->proved_boot_ms = clock_boot_ms();
        }
    }
    sodium_memzero(&t, sizeof t);
    return r;
}

struct reply control_session_begin(struct engine *e, struct request *q)
{
    return step(e, q, STEP_SIGN_IN, "passphrase", "code");
}

struct reply control_session_set_up(struct engine *e, struct request *q)
{
    return step(e, q, STEP_CHOOSE, "code", "passphrase");
}

struct reply control_session_confirm(struct engine *e, struct request *q)
{
    return step(e, q, STEP_CONFIRM, "code", "totp");
}

/* ---- beginning and ending -------------------------------------------------------------------- */

/* A new token always: one that came with the request is of another session, which ends. */
void console_enter(struct engine *e, struct request *q, const struct user *u, json_t *answer)
{
    struct session *old = session_by_id(e, q->session);

    if (old)
        session_drop(old);
    struct session *s = session_new(e, u, &q->peer, q->new_session);
    q->session = s->id;
    json_object_del(answer, "signed_in");
    json_object_update_missing_new(answer, session_json(e, s));
}

static bool record_end(struct engine *e, const struct request *q, const struct session *s,
                       const char *act)
{
    char from[ADDR_TEXT];

    store_begin(e->store);
    audit_act(e, q->actor, q->uid, act, e->users[s->user - 1].name,
              json_pack("{s:s,s:I}", "from", ip_print(&q->peer, from), "session",
                        (json_int_t)s->id));
    return audit_commit(e) == STORE_OK;
}

struct reply control_session_end(struct engine *e, struct request *q)
{
    struct session *s = session_by_id(e, q->session);

    if (!s)
        return no_console();
    (void)record_end(e, q, s, "console.sign-out");   /* a full disk keeps nobody signed in */
    session_drop(s);
    snprintf(q->new_session, sizeof q->new_session, "-");
    return (struct reply){200, json_pack("{s:b}", "signed_out", true)};
}

/* One's own, or as an owner anybody's. */
struct reply control_session_end_one(struct engine *e, struct request *q)
{
    struct session *s = session_by_id(e, path_number(q));

    if (q->right != RIGHT_OWN && s && s->user != q->user)
        return reply_error(403, "forbidden", "This is the session of somebody else.",
                           "An owner may end it.");
    if (!s)
        return no_session();
    json_t *o = json_pack("{s:I,s:s,s:b}", "id", (json_int_t)s->id, "user",
                          e->users[s->user - 1].name, "ended", true);
    (void)record_end(e, q, s, "console.end");
    session_drop(s);
    return (struct reply){200, o};
}
