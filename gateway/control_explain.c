/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GET /v1/explain: why may or may not this person reach that address, in one sentence; what the
 * model says beside what the kernel holds.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "gateway/control_target.h"
#include "gateway/leases.h"

#define SENTENCE 640

struct finding {
    bool permitted, remediation;
    int role, line;                   /* that permits; -1 and 0 */
    int lacking;                      /* a role that would permit, which the person has not; -1 */
    enum decide_reason reason;        /* why a role that would permit is not exercised */
    enum refusal_code code;
};

/* ---- what the model says -------------------------------------------------------------------- */

static bool class_allows(struct engine *e, uint16_t id, const struct target *t)
{
    const struct class_entry *c = e->classes.v[id];

    return c && class_permits(&c->c, &t->dst, t->proto, t->port) == VERDICT_PERMIT;
}

static void find_role(struct engine *e, const struct dev *d, const struct target *t,
                      const struct decision *x, struct finding *f)
{
    uint64_t mine = dev_user(e, d)->role_mask, now = lease_holds(d) ? d->lease.roles : 0;

    for (size_t i = 0; i < e->policy->n_roles; i++) {
        int line = target_line(e, i, t);
        if (line == 0)
            continue;
        if (f->role < 0 && (now >> i & 1)) {
            f->role = (int)i;
            f->line = line;
        } else if (mine >> i & 1) {
            f->reason = x->role[i].reason;
            f->code = x->role[i].code;
        } else if (f->lacking < 0) {
            f->lacking = (int)i;
        }
    }
}

static void find(struct engine *e, struct dev *d, const struct target *t, struct finding *f)
{
    struct decision x;

    *f = (struct finding){.role = -1, .lacking = -1};
    lease_judge(e, d, &x);
    f->remediation = dev_should_enrol(e, d) && class_allows(e, 0, t);
    f->permitted = f->remediation ||
                   (dev_should_enrol(e, d) && lease_holds(d) &&
                    class_allows(e, d->lease.class_id, t));
    find_role(e, d, t, &x, f);
}

/* ---- words ---------------------------------------------------------------------------------- */

/* "10.20.0.9:5432/tcp (customs-db)", without the bracket when no resource has it. */
static const char *target_name(struct engine *e, const struct target *t, char out[160])
{
    const char *name = t->resource >= 0 ? e->policy->resources[t->resource].name : NULL;

    snprintf(out, 160, "%s%s%s%s", t->shown, name ? " (" : "", name ? name : "", name ? ")" : "");
    return out;
}

static void say_permitted(struct engine *e, const struct dev *d, const struct target *t,
                          const struct finding *f, char *out)
{
    const char *who = dev_user(e, d)->name;
    struct local_time at = local_time(NULL, d->lease.until);
    char what[160];

    target_name(e, t, what);
    if (f->role < 0)
        snprintf(out, SENTENCE, "%s may reach %s from %s: every enrolled device may "
                 "(remediation).", who, what, d->name);
    else
        snprintf(out, SENTENCE, "%s may reach %s from %s: role %s, policy.conf line %d, lease "
                 "until %02d:%02d UTC.", who, what, d->name,
                 e->policy->roles[f->role].name, f->line, at.hour, at.minute);
}

static void why_quarantine(struct engine *e, const struct dev *d, const struct finding *f,
                           char *out, size_t size)
{
    enum refusal_code code = f->code != CODE_NONE ? f->code : d->code;
    enum decide_reason reason = f->reason != DECIDE_GRANTED ? f->reason : d->reason;

    if (d->hold != HOLD_NONE)
        snprintf(out, size, "%s", dev_sentence(e, d, &code));
    else if (code != CODE_NONE)
        snprintf(out, size, "%s (%s)", code_sentence(code), code_id(code));
    else
        snprintf(out, size, "%s", decide_reason_sentence(reason));
}

static void say_denied(struct engine *e, const struct dev *d, const struct target *t,
                       const struct finding *f, char *out)
{
    const char *who = dev_user(e, d)->name;
    char why[300], what[160];
    size_t n = (size_t)snprintf(out, SENTENCE, "%s may not reach %s from %s: ", who,
                                target_name(e, t, what), d->name);

    if (n >= SENTENCE)
        return;
    why_quarantine(e, d, f, why, sizeof why);
    if (!dev_should_enrol(e, d))
        snprintf(out + n, SENTENCE - n, "%s is %s.", d->name, dev_state_name(e, d));
    else if (f->reason != DECIDE_GRANTED)
        snprintf(out + n, SENTENCE - n, "%s: %s", lease_holds(d) ? "the role that reaches it is "
                 "not open now" : d->hold == HOLD_LOCK ? "the device is locked"
                                                       : "the device is in quarantine", why);
    else if (f->lacking >= 0)
        snprintf(out + n, SENTENCE - n, "none of their roles reaches it (role %s does).",
                 e->policy->roles[f->lacking].name);
    else if (t->resource < 0)
        snprintf(out + n, SENTENCE - n, "it belongs to no resource of the policy.");
    else
        snprintf(out + n, SENTENCE - n, "no role reaches it.");
}

/* ---- what the kernel holds ------------------------------------------------------------------ */

static json_t *kernel_json(struct engine *e, const struct dev *d, const struct target *t,
                           bool permitted)
{
    struct inspect_answer a = {0};
    int rc = kernel_inspect(e, d->k.index, &t->dst, t->proto, t->port, &a);
    char detail[200];

    if (rc < 0 && rc != -ENOENT)
        return json_pack("{s:b,s:b,s:s}", "agrees", 0, "permitted", 0, "detail", kernel_error(rc));
    snprintf(detail, sizeof detail, "%s, %s%s, %u connection(s)",
             a.enrolled ? "enrolled" : "not enrolled", a.lease && a.live ? "lease" : "no lease",
             a.peer ? "" : ", no WireGuard peer", a.connections);
    return json_pack("{s:b,s:b,s:s,s:I}", "agrees", a.permitted == permitted, "permitted",
                     a.permitted, "detail", detail, "left_ms", (json_int_t)a.left_ms);
}

static const char *reason_name(const struct dev *d, const struct finding *f)
{
    enum decide_reason reason = f->reason != DECIDE_GRANTED ? f->reason : d->reason;

    if (f->permitted)
        return "permitted";
    return reason == DECIDE_GRANTED ? deny_reason_name(DENY_NOT_PERMITTED)
                                    : decide_reason_name(reason);
}

static json_t *explain_device(struct engine *e, struct dev *d, const struct target *t,
                              bool *permitted)
{
    struct finding f;
    char sentence[SENTENCE];

    find(e, d, t, &f);
    (f.permitted ? say_permitted : say_denied)(e, d, t, &f, sentence);
    json_t *o = json_pack("{s:s,s:s,s:b,s:s,s:s,s:o}", "device", d->name, "state",
                          dev_state_name(e, d), "permitted", f.permitted, "reason",
                          reason_name(d, &f), "sentence",
                          sentence, "kernel", kernel_json(e, d, t, f.permitted));
    if (f.role >= 0) {
        json_object_set_new(o, "role", json_string(e->policy->roles[f.role].name));
        json_object_set_new(o, "line", json_integer(f.line));
    }
    if (t->resource >= 0)
        json_object_set_new(o, "resource", json_string(e->policy->resources[t->resource].name));
    if (lease_holds(d))
        json_object_set_new(o, "lease_until", time_json(d->lease.until));
    *permitted = f.permitted;
    return o;
}

/* ---- the verb ------------------------------------------------------------------------------- */

static bool choose(struct engine *e, const struct request *q, struct user **u, struct dev **d,
                   struct reply *error)
{
    const char *user = query_get(q, "user"), *device = query_get(q, "device");

    *d = device ? dev_by_name(e, device) : NULL;
    if (device && !*d) {
        *error = no_such_device(e, device);
        return false;
    }
    *u = user ? user_by_name(e, user) : *d ? dev_user(e, *d) : NULL;
    if (!*u)
        *error = user ? no_such_user(e, user)
                      : reply_error(400, "bad_query", "user= says who is meant.", NULL);
    else if (*d && (*d)->user != (*u)->id)
        *error = reply_errorf(400, "bad_query", NULL, "'%s' is not a device of '%s'.", (*d)->name,
                              (*u)->name);
    else
        return true;
    return false;
}

/* The first device that may speaks for the person; else the first. */
struct reply control_explain(struct engine *e, struct request *q)
{
    struct user *u;
    struct dev *only;
    struct target t = {0};
    struct reply error;
    json_t *list;
    const char *sentence = NULL;
    bool any = false;

    if (!choose(e, q, &u, &only, &error) || !target_read(e, q, &t, &error))
        return error;
    list = json_array();
    for (size_t i = 0; i < e->n_devs; i++) {
        struct dev *d = &e->devs[i];
        bool permitted;
        if (!d->state || d->user != u->id || (only && d != only))
            continue;
        json_t *o = explain_device(e, d, &t, &permitted);
        if (!sentence || (permitted && !any))
            sentence = json_string_value(json_object_get(o, "sentence"));
        any = any || permitted;
        json_array_append_new(list, o);
    }
    char none[SENTENCE];
    snprintf(none, sizeof none, "%s may not reach %s: they have no device.", u->name, t.shown);
    return (struct reply){200, json_pack("{s:b,s:s,s:o}", "permitted", any, "sentence",
                                         sentence ? sentence : none, "devices", list)};
}
