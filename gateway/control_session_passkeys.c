/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs of the console about passkeys: signing in with one, and an admin's own. */
#include "gateway/clock.h"
#include "gateway/engine_console.h"
#include "gateway/passkeys.h"

/* ---- signing in ------------------------------------------------------------------------------ */

/* Who it will be is not asked: a passkey names its owner, and nobody learns who has one. */
static struct ceremony nobodys(struct engine *e, const struct request *q)
{
    struct ceremony c = passkey_at_console(e, q);

    c.place.user = NULL;
    return c;
}

struct reply control_session_passkey_begin(struct engine *e, struct request *q)
{
    struct ceremony c = nobodys(e, q);

    return q->console ? passkey_ask(e, &c) : no_console();
}

struct reply control_session_passkey_finish(struct engine *e, struct request *q)
{
    struct ceremony c = nobodys(e, q);

    if (!q->console)
        return no_console();
    struct reply r = passkey_sign_in(e, &c, q->body, q->body_len);
    if (r.status == 200)
        console_enter(e, q, c.place.user, r.body);
    return r;
}

/* ---- one's own ------------------------------------------------------------------------------- */

struct reply control_session_passkeys(struct engine *e, struct request *q)
{
    struct session *s = session_by_id(e, q->session);
    struct ceremony c = passkey_at_console(e, q);

    return s ? (struct reply){200, passkeys_own(e, &c, s->proved_boot_ms)} : no_console();
}

/* Changes ask for passphrase and code in this session, just now. True: *c is who and where. */
static bool may_change(struct engine *e, struct request *q, struct ceremony *c, struct reply *no)
{
    struct session *s = session_by_id(e, q->session);

    if (s && passkey_fresh(s->proved_boot_ms)) {
        *c = passkey_at_console(e, q);
        return true;
    }
    *no = s ? passkey_not_fresh() : no_console();
    return false;
}

struct reply control_session_passkeys_begin(struct engine *e, struct request *q)
{
    struct ceremony c;
    struct reply no;

    return may_change(e, q, &c, &no) ? passkey_ask_new(e, &c) : no;
}

struct reply control_session_passkeys_finish(struct engine *e, struct request *q)
{
    struct ceremony c;
    struct reply no;

    return may_change(e, q, &c, &no) ? passkey_add(e, &c, q->body, q->body_len) : no;
}

static struct reply change(struct engine *e, struct request *q, bool named)
{
    struct ceremony c;
    struct reply r;
    struct body b;

    if (!may_change(e, q, &c, &r))
        return r;
    body_open(&b, q, false);
    int64_t id = b.failed ? 0 : body_int(&b, "id", 1, INT64_MAX, 0);
    const char *name = named ? body_text(&b, "name", NAME_SIZE - 1, true) : NULL;
    if (!body_done(&b))
        r = b.error;
    else
        r = named ? passkey_rename(e, &c, id, name) : passkey_take_away(e, &c, id);
    body_close(&b);
    return r;
}

struct reply control_session_passkeys_rename(struct engine *e, struct request *q)
{
    return change(e, q, true);
}

struct reply control_session_passkeys_remove(struct engine *e, struct request *q)
{
    return change(e, q, false);
}
