/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about the policy. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/log.h"

#define CONFIRM_MAX 86400

/* ---- diagnostics ---------------------------------------------------------------------------- */

static json_t *diag_json(const struct diag *d, const char *text, size_t len)
{
    char shown[1024];

    (void)diag_print(d, "policy", text, len, shown, sizeof shown);
    json_t *o = json_pack("{s:i,s:i,s:s,s:s*,s:s*}", "line", d->pos.line, "col", d->pos.col,
                          "severity", d->warning ? "warning" : "error", "text", d->text, "shown",
                          shown);
    if (o && d->hint[0])
        json_object_set_new(o, "hint", json_string(d->hint));
    /* Source that is not UTF-8 cannot be shown. */
    return o ? o : json_pack("{s:i,s:i,s:s,s:s}", "line", d->pos.line, "col", d->pos.col,
                             "severity", "error", "text", "not UTF-8");
}

static json_t *diags_json(const struct diags *d, const char *text, size_t len)
{
    json_t *list = json_array();

    for (size_t i = 0; i < d->n; i++)
        json_array_append_new(list, diag_json(&d->v[i], text, len));
    return list;
}

static size_t failed_tests(const struct policy *p, struct diags *d)
{
    return p ? policy_run_tests(p, d) : 0;
}

/* What check answers, and apply when it refuses. */
static json_t *checked(const char *text, size_t len, bool *ok)
{
    struct diags *d = calloc(1, sizeof *d);
    struct policy *p = d ? policy_load_untested(text, len, d) : NULL;

    if (!d)
        fatal("out of memory");
    size_t failed = failed_tests(p, d), tests = 0;
    for (size_t i = 0; p && i < p->n_tests; i++)
        tests += p->tests[i].n_cases;
    *ok = p && failed == 0;
    json_t *o = json_pack("{s:b,s:o,s:{s:I,s:I}}", "ok", *ok, "diagnostics",
                          diags_json(d, text, len), "tests", "passed",
                          (json_int_t)(tests > failed ? tests - failed : 0), "failed",
                          (json_int_t)failed);
    policy_free(p);
    free(d);
    return o;
}

/* ---- who may have a text judged ------------------------------------------------------------- */

static bool was_in_force(struct engine *e, const struct request *q)
{
    uint8_t sha256[crypto_hash_sha256_BYTES];
    struct policy_version v;

    crypto_hash_sha256(sha256, q->body, q->body_len);
    for (int64_t i = e->version.version; i > 0; i--)
        if (store_get_policy(e->store, i, &v, NULL, NULL) == STORE_OK &&
            memcmp(v.sha256, sha256, sizeof sha256) == 0)
            return true;
    return false;
}

/* A text can be made that takes minutes, for which everybody waits: it is for those who could put
 * it in force. Others read what those have put in force. */
static bool may_try(struct engine *e, const struct request *q, struct reply *no)
{
    if (q->right >= RIGHT_OPERATE || was_in_force(e, q))
        return true;
    *no = reply_error(403, "forbidden", "A policy that was not in force is tried by operators.",
                      "portcullis admin list shows who may.");
    return false;
}

struct reply control_policy_check(struct engine *e, struct request *q)
{
    struct reply no;
    bool ok;

    if (!may_try(e, q, &no))
        return no;
    return (struct reply){200, checked((const char *)q->body, q->body_len, &ok)};
}

static struct reply refused(const struct request *q)
{
    bool ok;
    json_t *o = checked((const char *)q->body, q->body_len, &ok);

    json_object_set_new(o, "error",
                        json_pack("{s:s,s:s,s:s}", "code", "policy_refused", "message",
                                  "The policy has errors or fails its own tests; the one in force "
                                  "stays.", "hint", "portcullis policy test FILE shows them."));
    return (struct reply){422, o};
}

typedef struct policy *policy_loader(const char *text, size_t len, struct diags *diags);

static struct policy *load_body(const struct request *q, policy_loader *load)
{
    struct diags *d = calloc(1, sizeof *d);
    struct policy *p = d ? load((const char *)q->body, q->body_len, d) : NULL;

    free(d);
    return p;
}

/* ---- diff, apply ---------------------------------------------------------------------------- */

static char *diff_text(const struct policy *from, const struct policy *to)
{
    char *text = policy_diff(from, to);

    if (!text)
        fatal("out of memory");
    return text;
}

struct reply control_policy_diff(struct engine *e, struct request *q)
{
    struct reply no;

    if (!may_try(e, q, &no))
        return no;
    struct policy *p = load_body(q, policy_load_untested);

    if (!p)
        return refused(q);
    char *text = diff_text(e->policy, p);
    json_t *o = json_pack("{s:s}", "text", text);
    free(text);
    policy_free(p);
    return (struct reply){200, o};
}

static json_t *version_json(const struct policy_version *v)
{
    char sha[65];

    sodium_bin2hex(sha, sizeof sha, v->sha256, sizeof v->sha256);
    return json_pack("{s:s,s:I}", "sha256", sha, "version", (json_int_t)v->version);
}

static struct reply applied(struct engine *e, const struct apply *a, const char *diff)
{
    struct reply r = {200, version_json(&e->version)};

    json_object_set_new(r.body, "applied", json_true());
    json_object_set_new(r.body, "changed_devices", json_integer((json_int_t)a->changed));
    json_object_set_new(r.body, "asked", json_integer((json_int_t)a->asked));
    json_object_set_new(r.body, "diff", json_string(diff));
    if (e->version.confirm_until.s)
        json_object_set_new(r.body, "confirm_until", time_json(e->version.confirm_until));
    return r;
}

static struct reply removes_many(const struct apply *a)
{
    char text[160];

    snprintf(text, sizeof text, "It would leave nothing to %zu of the %zu devices that are in; the "
             "policy in force stays.", a->lost, a->in);
    struct reply r = reply_error(409, "mass_removal", text,
                                 "portcullis policy diff shows it; apply --confirm-mass-removal "
                                 "(?mass_removal=1) does it.");
    json_object_set_new(r.body, "devices_in", json_integer((json_int_t)a->in));
    json_object_set_new(r.body, "devices_lost", json_integer((json_int_t)a->lost));
    return r;
}

struct reply control_policy_apply(struct engine *e, struct request *q)
{
    struct apply a = {.actor = q->actor, .uid = q->uid, .act = "policy.apply"};
    int64_t removal = 0;

    if (!query_int(q, "confirm", 1, CONFIRM_MAX, &a.confirm_s))
        return reply_error(400, "bad_query", "confirm is 1 to 86400 seconds.", NULL);
    if (!query_int(q, "mass_removal", 0, 1, &removal))
        return reply_error(400, "bad_query", "mass_removal is 1, or is not there.", NULL);
    if (e->version.confirm_until.s != 0)
        return reply_error(409, "unconfirmed", "The policy in force waits to be confirmed.",
                           "portcullis policy confirm, or rollback, comes first.");
    struct policy *p = load_body(q, policy_load);
    if (!p)
        return refused(q);
    a.removal_confirmed = removal == 1;
    char *diff = diff_text(e->policy, p);
    struct reply r;
    switch (policy_apply(e, p, (const char *)q->body, q->body_len, &a)) {
    case APPLY_DONE:
        r = applied(e, &a, diff);
        break;
    case APPLY_REMOVAL:
        r = removes_many(&a);
        break;
    case APPLY_FULL:
    default:
        r = reply_full();
    }
    free(diff);
    return r;
}

/* ---- confirm, rollback, show ---------------------------------------------------------------- */

struct reply control_policy_confirm(struct engine *e, struct request *q)
{
    struct batch b;

    if (e->version.confirm_until.s == 0)
        return reply_error(409, "nothing_to_confirm", "No policy waits to be confirmed.", NULL);
    batch_begin(e, &b);
    store_policy_in_force(e->store, e->version.version, (struct wall){0}, e->version.previous);
    audit_act(e, q->actor, q->uid, "policy.confirm", "",
              json_pack("{s:I}", "version", (json_int_t)e->version.version));
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK)
        return reply_full();
    e->version.confirm_until.s = 0;
    e->confirm_boot_ms = 0;
    event_add(e, "act", "%s confirmed policy version %lld", q->actor,
              (long long)e->version.version);
    return (struct reply){200, version_json(&e->version)};
}

struct reply control_policy_rollback(struct engine *e, struct request *q)
{
    if (e->version.previous == 0)
        return reply_error(409, "nothing_before", "There is no policy to go back to.", NULL);
    if (policy_roll_back(e, q->actor, q->uid, "policy.rollback") < 0)
        return reply_error(503, "rollback_failed", "The earlier policy could not be applied.",
                           "See the alarms in portcullis status.");
    return (struct reply){200, version_json(&e->version)};
}

struct reply control_policy_show(struct engine *e, struct request *q)
{
    struct policy_version v;
    int64_t version = 0;
    char *text = NULL;
    size_t len;

    if (!query_int(q, "version", 1, INT64_MAX, &version))
        return reply_error(400, "bad_query", "version is a number.", NULL);
    if (store_get_policy(e->store, version, &v, &text, &len) != STORE_OK)
        return reply_error(404, "unknown_version", "There is no such version of the policy.", NULL);
    json_t *o = version_json(&v);
    json_object_set_new(o, "applied_at", time_json(v.at));
    json_object_set_new(o, "applied_by", json_string(v.by));
    json_object_set_new(o, "text", json_stringn(text, len));
    free(text);
    return (struct reply){200, o};
}
