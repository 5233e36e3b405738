/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about answers to attempts: what the policy says, what is held, and an admin's word. */
#include <string.h>

#include "gateway/control.h"
#include "gateway/respond.h"

/* ---- reading -------------------------------------------------------------------------------- */

static json_t *rule_json(enum pattern p, const struct pattern_rule *r)
{
    json_t *o = json_pack("{s:s,s:i,s:s,s:I,s:s}", "pattern", pattern_name(p), "count", r->count,
                          "unit", pattern_unit(p), "within_s", (json_int_t)r->within.s, "action",
                          pattern_action_name(r->action));

    if (r->action == ACTION_QUARANTINE)
        json_object_set_new(o, "time_s", json_integer(r->time.s));
    return o;
}

static json_t *rules_json(const struct respond *r)
{
    json_t *list = json_array();

    for (int p = 0; p < PATTERNS; p++)
        json_array_append_new(list, rule_json((enum pattern)p, &r->rule[p]));
    return list;
}

static json_t *holds_json(struct engine *e, bool withheld)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->n_holds; i++)
        if (e->holds[i].withheld == withheld)
            json_array_append_new(list, hold_json(e, &e->holds[i]));
    return list;
}

static json_t *respond_json(struct engine *e)
{
    uint32_t most, own = holds_own(e, &most);

    return json_pack("{s:o,s:{s:i,s:I,s:I},s:o,s:o}", "rules", rules_json(&e->policy->respond),
                     "share", "percent", e->policy->respond.percent, "most", (json_int_t)most,
                     "held", (json_int_t)own, "held", holds_json(e, false), "withheld",
                     holds_json(e, true));
}

struct reply control_respond(struct engine *e, struct request *q)
{
    (void)q;
    return (struct reply){200, respond_json(e)};
}

/* ---- an admin's word ------------------------------------------------------------------------ */

static struct reply not_held(const struct dev *d)
{
    return reply_errorf(409, "not_locked", "See portcullis respond show.",
                        "'%s' is neither locked nor held in quarantine.", d->name);
}

static struct reply unlock(struct engine *e, struct request *q, struct dev *d, const char *reason)
{
    if (!hold_of(e, d))
        return not_held(d);
    if (respond_unlock(e, d, q->actor, q->uid, reason) != STORE_OK)
        return reply_full();
    return (struct reply){200, dev_json(e, d, true)};
}

struct reply control_device_unlock(struct engine *e, struct request *q)
{
    struct dev *d = dev_by_name(e, q->name);
    struct body b;

    if (!d)
        return no_such_device(e, q->name);
    body_open(&b, q, false);
    const char *reason = b.failed ? NULL : body_text(&b, "reason", REASON_SIZE - 1, true);
    struct reply r = body_done(&b) ? unlock(e, q, d, reason) : b.error;
    body_close(&b);
    return r;
}

/* What is withheld of this device, or (NULL) of all. A full disk undoes nothing: what is in force
 * stays so, and is written later. */
static struct reply allow(struct engine *e, struct request *q, const struct dev *only,
                          const char *reason)
{
    size_t done = 0;

    for (size_t i = 0; i < e->n_holds; i++) {
        struct dev *d = dev_by_index(e, e->holds[i].device);
        if (!e->holds[i].withheld || (only && d != only))
            continue;
        (void)respond_allow(e, d, q->actor, q->uid, reason);
        done++;
    }
    if (done == 0)
        return reply_error(409, "nothing_withheld", "No answer is withheld.",
                           "See portcullis respond show.");
    return (struct reply){200, respond_json(e)};
}

struct reply control_respond_allow(struct engine *e, struct request *q)
{
    const struct dev *d = NULL;
    struct body b;

    body_open(&b, q, false);
    const char *reason = b.failed ? NULL : body_text(&b, "reason", REASON_SIZE - 1, true);
    const char *device = b.failed ? NULL : body_text(&b, "device", NAME_SIZE - 1, false);
    if (device && !(d = dev_by_name(e, device)))
        body_fail(&b, no_such_device(e, device));
    struct reply r = body_done(&b) ? allow(e, q, d, reason) : b.error;
    body_close(&b);
    return r;
}
