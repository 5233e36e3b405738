/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of verbs, and the way from message to verb to reply. */
#include "gateway/control.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/engine_console.h"
#include "gateway/engine_enrol.h"
#include "gateway/invites.h"
#include "gateway/log.h"
#include "gateway/passkeys.h"
#include "gateway/secrets.h"
#include "policy/utf8.h"

/* "*" in a path stands for one name. */
static const struct verb {
    enum control_method method;
    const char *path;
    enum right least;              /* of who may: RIGHT_NONE, were it left out, is nobody */
    control_verb *act;
} verbs[] = {
    {CONTROL_GET, "/v1/openapi", RIGHT_READ, control_openapi},
    {CONTROL_GET, "/v1/status", RIGHT_READ, control_status},
    {CONTROL_GET, "/v1/users", RIGHT_READ, control_users},
    {CONTROL_POST, "/v1/users", RIGHT_OPERATE, control_user_add},
    {CONTROL_GET, "/v1/users/*", RIGHT_READ, control_user},
    {CONTROL_PUT, "/v1/users/*/roles", RIGHT_OPERATE, control_user_roles},
    {CONTROL_POST, "/v1/users/*/revoke", RIGHT_OPERATE, control_user_revoke},
    {CONTROL_POST, "/v1/users/*/restore", RIGHT_OPERATE, control_user_restore},
    {CONTROL_POST, "/v1/users/*/compromised", RIGHT_OPERATE, control_user_compromised},
    {CONTROL_POST, "/v1/users/*/sign-in", RIGHT_OPERATE, control_user_sign_in},
    {CONTROL_POST, "/v1/users/*/sign-in-code", RIGHT_HELP, control_user_sign_in_code},
    {CONTROL_GET, "/v1/users/*/passkeys", RIGHT_READ, control_user_passkeys},
    {CONTROL_POST, "/v1/users/*/passkeys/remove", RIGHT_HELP, control_user_passkey_remove},
    {CONTROL_POST, "/v1/users/*/invite", RIGHT_HELP, control_invite},
    {CONTROL_GET, "/v1/invites", RIGHT_READ, control_invites},
    {CONTROL_POST, "/v1/invites/*/withdraw", RIGHT_HELP, control_invite_withdraw},
    {CONTROL_GET, "/v1/admins", RIGHT_READ, control_admins},
    {CONTROL_PUT, "/v1/admins/*", RIGHT_OWN, control_admin_put},
    {CONTROL_DELETE, "/v1/admins/*", RIGHT_OWN, control_admin_drop},
    {CONTROL_POST, "/v1/admins/*/link", RIGHT_OWN, control_admin_link},
    {CONTROL_GET, "/v1/session", RIGHT_READ, control_session},
    {CONTROL_POST, "/v1/session", RIGHT_SIGN_IN, control_session_begin},
    {CONTROL_POST, "/v1/session/set-up", RIGHT_SIGN_IN, control_session_set_up},
    {CONTROL_POST, "/v1/session/confirm", RIGHT_SIGN_IN, control_session_confirm},
    {CONTROL_POST, "/v1/session/passkey/begin", RIGHT_SIGN_IN, control_session_passkey_begin},
    {CONTROL_POST, "/v1/session/passkey/finish", RIGHT_SIGN_IN, control_session_passkey_finish},
    {CONTROL_GET, "/v1/session/passkeys", RIGHT_READ, control_session_passkeys},
    {CONTROL_POST, "/v1/session/passkeys/begin", RIGHT_READ, control_session_passkeys_begin},
    {CONTROL_POST, "/v1/session/passkeys/finish", RIGHT_READ, control_session_passkeys_finish},
    {CONTROL_POST, "/v1/session/passkeys/rename", RIGHT_READ, control_session_passkeys_rename},
    {CONTROL_POST, "/v1/session/passkeys/remove", RIGHT_READ, control_session_passkeys_remove},
    {CONTROL_DELETE, "/v1/session", RIGHT_READ, control_session_end},
    {CONTROL_GET, "/v1/sessions", RIGHT_READ, control_sessions},
    {CONTROL_POST, "/v1/sessions/*/end", RIGHT_READ, control_session_end_one},
    {CONTROL_GET, "/v1/devices", RIGHT_READ, control_devices},
    {CONTROL_POST, "/v1/devices", RIGHT_OPERATE, control_device_add},
    {CONTROL_GET, "/v1/devices/*", RIGHT_READ, control_device},
    {CONTROL_GET, "/v1/devices/*/config", RIGHT_READ, control_device_config},
    {CONTROL_PUT, "/v1/devices/*/user", RIGHT_OPERATE, control_device_assign},
    {CONTROL_POST, "/v1/devices/*/revoke", RIGHT_OPERATE, control_device_revoke},
    {CONTROL_POST, "/v1/devices/*/lost", RIGHT_OPERATE, control_device_lost},
    {CONTROL_POST, "/v1/devices/*/retire", RIGHT_OPERATE, control_device_retire},
    {CONTROL_POST, "/v1/devices/*/exceptions", RIGHT_OPERATE, control_device_exception},
    {CONTROL_POST, "/v1/devices/*/unlock", RIGHT_OPERATE, control_device_unlock},
    {CONTROL_POST, "/v1/devices/*/approve", RIGHT_OPERATE, control_device_approve},
    {CONTROL_GET, "/v1/cases", RIGHT_READ, control_cases},
    {CONTROL_POST, "/v1/cases", RIGHT_OPERATE, control_case_open},
    {CONTROL_GET, "/v1/cases/*", RIGHT_READ, control_case},
    {CONTROL_POST, "/v1/cases/*/notes", RIGHT_OPERATE, control_case_note},
    {CONTROL_POST, "/v1/cases/*/close", RIGHT_OPERATE, control_case_close},
    {CONTROL_GET, "/v1/respond", RIGHT_READ, control_respond},
    {CONTROL_POST, "/v1/respond/allow", RIGHT_OPERATE, control_respond_allow},
    {CONTROL_GET, "/v1/issuers", RIGHT_READ, control_issuers},
    {CONTROL_POST, "/v1/issuers", RIGHT_OWN, control_issuer_add},
    {CONTROL_POST, "/v1/issuers/*/revoke", RIGHT_OWN, control_issuer_revoke},
    {CONTROL_POST, "/v1/policy/check", RIGHT_READ, control_policy_check},
    {CONTROL_POST, "/v1/policy/diff", RIGHT_READ, control_policy_diff},
    {CONTROL_POST, "/v1/policy/apply", RIGHT_OPERATE, control_policy_apply},
    {CONTROL_POST, "/v1/policy/confirm", RIGHT_OPERATE, control_policy_confirm},
    {CONTROL_POST, "/v1/policy/rollback", RIGHT_OPERATE, control_policy_rollback},
    {CONTROL_GET, "/v1/policy", RIGHT_READ, control_policy_show},
    {CONTROL_GET, "/v1/explain", RIGHT_READ, control_explain},
    {CONTROL_GET, "/v1/who", RIGHT_READ, control_who},
    {CONTROL_GET, "/v1/attempts", RIGHT_READ, control_attempts},
    {CONTROL_GET, "/v1/attempts/*", RIGHT_READ, control_attempt},
    {CONTROL_GET, "/v1/attempts/*/packets", RIGHT_READ, control_attempt_packets},
    {CONTROL_GET, "/v1/events", RIGHT_READ, control_events},
    {CONTROL_GET, "/v1/history", RIGHT_READ, control_history},
    {CONTROL_GET, "/v1/audit", RIGHT_READ, control_audit},
    {CONTROL_GET, "/v1/audit/proof", RIGHT_READ, control_audit_proof},
    {CONTROL_GET, "/v1/audit/checkpoint", RIGHT_READ, control_audit_checkpoint},
    {CONTROL_POST, "/v1/audit/verify", RIGHT_READ, control_audit_verify},
    {CONTROL_POST, "/v1/audit/new-key", RIGHT_OWN, control_audit_new_key},
};
#define VERBS (sizeof verbs / sizeof verbs[0])

bool control_verb_at(size_t i, struct verb_said *out)
{
    if (i < VERBS)
        *out = (struct verb_said){verbs[i].method, verbs[i].path, verbs[i].least};
    return i < VERBS;
}

/* ---- replies -------------------------------------------------------------------------------- */

struct reply reply_error(int status, const char *code, const char *message, const char *hint)
{
    json_t *o = json_pack("{s:s,s:s}", "code", code, "message", message);

    if (!o)   /* a message that was cut within a character */
        o = json_pack("{s:s,s:s}", "code", code, "message", "This is not possible.");
    if (hint && hint[0])
        json_object_set_new(o, "hint", json_string(hint));
    return (struct reply){status, json_pack("{s:o}", "error", o)};
}

struct reply reply_errorf(int status, const char *code, const char *hint, const char *fmt, ...)
{
    char message[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return reply_error(status, code, message, hint);
}

struct reply reply_full(void)
{
    return reply_error(503, "store_unavailable", "The disk is full; nothing was changed.",
                       "Make room on the file system of the state directory.");
}

/* Status, what becomes of the session where there are any, JSON. */
static void put_reply(struct writer *w, size_t max, int status, const char *session,
                      const char *text)
{
    writer_init(w, max);
    put_u16(w, (uint16_t)status);
    if (session)
        put_text(w, session);
    put_blob(w, text, strlen(text));
}

void reply_write(struct writer *w, size_t max, const char *session, struct reply *r)
{
    static const char large[] = "{\"error\":{\"code\":\"too_large\",\"message\":\"The answer "
                                "is too large.\",\"hint\":\"Ask for less with limit=.\"}}";
    char *text = r->body ? json_dumps(r->body, JSON_COMPACT | JSON_PRESERVE_ORDER) : NULL;

    if (!text)
        fatal("a reply cannot be written (out of memory, or not UTF-8)");
    put_reply(w, max, r->status, session, text);
    if (w->failed) {
        writer_clear(w);
        put_reply(w, max, 413, session, large);
    }
    free(text);
    json_decref(r->body);
}

int reply_send(struct engine *e, struct channel *c, enum message_type type, uint32_t seq,
               size_t max, struct reply *r)
{
    struct writer w;

    (void)e;
    reply_write(&w, max, NULL, r);
    int rc = channel_send(c, type, seq, &w, -1);
    writer_clear(&w);
    return rc;
}

/* ---- paths ---------------------------------------------------------------------------------- */

/* Does the path fit the pattern? The part for "*" goes to name. */
static bool path_fits(const char *pattern, const char *path, char name[KID_SIZE])
{
    const char *star = strchr(pattern, '*');

    if (!star)
        return strcmp(pattern, path) == 0;
    size_t head = (size_t)(star - pattern);
    if (strncmp(pattern, path, head) != 0)
        return false;
    size_t n = strcspn(path + head, "/");
    if (n == 0 || n >= KID_SIZE || strcmp(star + 1, path + head + n) != 0)
        return false;
    memcpy(name, path + head, n);
    name[n] = '\0';
    return true;
}

static bool kid_characters(const char *s)
{
    return strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-") ==
           strlen(s);
}

static struct reply no_path(const struct request *q, bool other_method)
{
    if (other_method)
        return reply_errorf(405, "method_not_allowed", "See admin/CONTROL.md for the verbs.",
                            "%s does not take this method.", q->path);
    return reply_errorf(404, "unknown_path", "See admin/CONTROL.md for the paths.",
                        "There is nothing at %s.", q->path);
}

static bool may(const struct request *q, const struct verb *v)
{
    return v->least != RIGHT_NONE && q->right >= v->least;
}

static struct reply not_signed_in(void)
{
    return reply_error(401, "not_signed_in", "You are not signed in, or not any more.",
                       "Sign in to the console.");
}

static struct reply not_allowed(const struct request *q, const struct verb *v)
{
    if (q->right < RIGHT_READ)
        return not_signed_in();
    return reply_errorf(403, "forbidden", "portcullis admin list shows who may.",
                        "This is for %s and above, and you are %s.", right_name(v->least),
                        right_name(q->right));
}

static struct reply dispatch(struct engine *e, struct request *q)
{
    bool other = false;

    for (size_t i = 0; i < VERBS; i++) {
        q->name[0] = '\0';
        if (!path_fits(verbs[i].path, q->path, q->name))
            continue;
        if (verbs[i].method == q->method && kid_characters(q->name))
            return may(q, &verbs[i]) ? verbs[i].act(e, q) : not_allowed(q, &verbs[i]);
        other = true;
    }
    return q->right < RIGHT_READ ? not_signed_in() : no_path(q, other);
}

/* ---- queries -------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Percent-decodes n bytes of s. False: bad escape, control character, not UTF-8, too long. */
static bool decode(const char *s, size_t n, char *out, size_t size)
{
    size_t k = 0;

    for (size_t i = 0; i < n; i++) {
        char c = s[i];
        if (c == '%') {
            int high = i + 2 < n ? hex_digit(s[i + 1]) : -1;
            int low = i + 2 < n ? hex_digit(s[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        }
        if ((unsigned char)c < 0x20 || c == 0x7f || k + 1 >= size)
            return false;
        out[k++] = c;
    }
    out[k] = '\0';
    return utf8_valid((const uint8_t *)out, k);
}

static bool query_parse(const char *s, struct request *q)
{
    while (*s) {
        size_t n = strcspn(s, "&"), name = strcspn(s, "=");
        struct query_value *v = &q->query[q->n_query];
        if (q->n_query == QUERY_MAX || name == 0 || name >= n)
            return false;
        if (!decode(s, name, v->name, sizeof v->name) ||
            !decode(s + name + 1, n - name - 1, v->value, sizeof v->value) ||
            query_get(q, v->name))
            return false;
        q->n_query++;
        s += n + (s[n] == '&');
    }
    return true;
}

/* ---- the message ---------------------------------------------------------------------------- */

static bool printable_ascii(const char *s)
{
    while (*s > 0x20 && *s < 0x7f)
        s++;
    return *s == '\0';
}

/* Who gave no name is called by the verified uid; nobody is called by another's. */
static bool actor_sound(struct request *q)
{
    char by_uid[32];

    snprintf(by_uid, sizeof by_uid, "uid:%u", q->uid);
    if (q->actor[0] == '\0' || strcmp(q->actor, by_uid) == 0) {
        snprintf(q->actor, sizeof q->actor, "%s", by_uid);
        return true;
    }
    return strspn(q->actor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@-") ==
           strlen(q->actor);
}

/* Whoever calls himself by a uid must be that uid: the kernel says which one it is. */
static bool actor_poses(const struct request *q)
{
    char by_uid[32];

    snprintf(by_uid, sizeof by_uid, "uid:%u", q->uid);
    return strncmp(q->actor, "uid:", 4) == 0 && strcmp(q->actor, by_uid) != 0;
}

static struct reply answer(struct engine *e, struct request *q, const char *query)
{
    if (!printable_ascii(q->path))
        return reply_error(400, "bad_path", "The path holds characters that no path has.", NULL);
    if (!query_parse(query, q))
        return reply_error(400, "bad_query", "The part of the address behind '?' cannot be read.",
                           "It is name=value, divided by '&'.");
    return dispatch(e, q);
}

static const char *error_code(const struct reply *r)
{
    const char *code = json_string_value(json_object_get(json_object_get(r->body, "error"), "code"));

    return code ? code : "";
}

struct reply control_act(struct engine *e, struct request *q, const char *query)
{
    q->arrived_ns = clock_mono_ns();
    q->arrived_us = clock_wall_us();
    struct reply r = answer(e, q, query);
    if (r.status == 403 && strcmp(error_code(&r), "forbidden") == 0)
        attempts_admin(e, q);
    return r;
}

static struct reply poses(struct engine *e, const struct request *q)
{
    attempts_admin(e, q);
    return reply_error(403, "forbidden", "Who acts is called by another's uid.",
                       "Portcullis-Actor takes a name, or nothing.");
}

struct reply control_answer(struct engine *e, struct request *q, const char *query)
{
    q->right = RIGHT_OWN;
    if (actor_poses(q))
        return poses(e, q);
    if (!actor_sound(q))
        return reply_error(400, "bad_actor", "The name of who acts holds other characters than "
                           "letters, digits and ._@-", NULL);
    return control_act(e, q, query);
}

bool control_read(struct reader *r, unsigned method, struct request *q, char query[CONTROL_QUERY])
{
    q->method = (enum control_method)method;
    get_text(r, q->path, sizeof q->path);
    get_text(r, query, CONTROL_QUERY);
    q->body = get_blob(r, &q->body_len, CONTROL_BODY_MAX);
    return reader_done(r) && method >= CONTROL_GET && method <= CONTROL_DELETE;
}

int control_message(struct engine *e, const struct message *m)
{
    static struct request q;
    char query[CONTROL_QUERY];
    struct reader r;

    memset(&q, 0, sizeof q);
    reader_init(&r, m->body, m->len);
    unsigned method = get_u8(&r);
    q.uid = get_u32(&r);
    q.gid = get_u32(&r);
    get_text(&r, q.actor, 65);
    if (!control_read(&r, method, &q, query))
        return -1;
    q.seq = m->seq;
    struct reply reply = control_answer(e, &q, query);
    int rc = reply.status == 0 ? 0
                               : reply_send(e, e->peer[ROLE_API], MSG_CONTROL_REPLY, m->seq,
                                            CHANNEL_MESSAGE_MAX, &reply);
    control_after(e);
    return rc;
}
