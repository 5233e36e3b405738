/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records as the JSON of admin/CONTROL.md. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/acknowledge.h"
#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/leases.h"
#include "gateway/respond.h"
#include "policy/address.h"

#define RULES_SHOWN 24     /* of an answer; twice as many when they fail */

json_t *time_json(struct wall t) { return json_integer(t.s); }

static void set_time(json_t *o, const char *name, struct wall t)
{
    if (t.s != 0)
        json_object_set_new(o, name, time_json(t));
}

static void set_text(json_t *o, const char *name, const char *text)
{
    if (text && text[0])
        json_object_set_new(o, name, json_string(text));
}

static void set_addr(json_t *o, const char *name, const struct ip_addr *a)
{
    char text[ADDR_TEXT];

    if (a->family != 0)
        json_object_set_new(o, name, json_string(ip_print(a, text)));
}

static json_t *split_names(const char *names)
{
    json_t *list = json_array();

    while (names && *names) {
        size_t n = strcspn(names, ",");
        json_array_append_new(list, json_stringn(names, n));
        names += n + (names[n] == ',');
    }
    return list;
}

json_t *role_names_json(const struct policy *p, uint64_t roles)
{
    char names[ROLE_LIST_SIZE];

    return split_names(roles_text(p, roles, names));
}

/* ---- users ---------------------------------------------------------------------------------- */

const char *user_state_name(const struct user *u)
{
    if (u->state == USER_REVOKED)
        return "revoked";
    return user_over(u) ? "ended" : "active";
}

static json_t *devices_of(struct engine *e, uint32_t user)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->n_devs; i++)
        if (e->devs[i].state && e->devs[i].user == user)
            json_array_append_new(list, json_string(e->devs[i].name));
    return list;
}

json_t *user_json(struct engine *e, const struct user *u)
{
    json_t *o = json_pack("{s:s,s:s,s:s,s:o,s:I,s:o}", "name", u->name, "full_name",
                          u->full_name ? u->full_name : "", "state", user_state_name(u), "roles",
                          split_names(u->roles), "created", (json_int_t)u->created.s, "devices",
                          devices_of(e, u->id));

    set_text(o, "admin", right_name(u->admin.right));
    set_time(o, "end", u->end);
    set_time(o, "signed_in", u->signed_in);
    set_time(o, "compromised", u->compromised);
    json_object_set_new(o, "acknowledgement", acknowledge_json(e, u));
    if (u->state == USER_REVOKED)
        json_object_set_new(o, "revoked",
                            json_pack("{s:I,s:s,s:s}", "time", (json_int_t)u->revoked.s, "by",
                                      u->revoked_by ? u->revoked_by : "", "reason",
                                      u->revoked_reason ? u->revoked_reason : ""));
    return o;
}

/* ---- posture -------------------------------------------------------------------------------- */

static json_t *rule_json(const struct rule_result *r)
{
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:s}", "rule", r->rule, "expected", r->expected,
                          "received", r->received, "result", posture_result_name(r->result),
                          "code", code_id(r->code));

    set_time(o, "grace_until", r->grace_until);
    if (r->excepted)
        json_object_set_new(o, "excepted", json_true());
    if (r->code != CODE_NONE) {
        json_object_set_new(o, "sentence", json_string(code_sentence(r->code)));
        json_object_set_new(o, "fix", json_string(code_fix(r->code)));
    }
    return o;
}

void rules_add(json_t *list, const struct posture_report *r)
{
    for (size_t i = 0; i < r->n_rules; i++) {
        size_t n = json_array_size(list);
        if (n < RULES_SHOWN || (n < 2 * RULES_SHOWN && r->rules[i].code != CODE_NONE))
            json_array_append_new(list, rule_json(&r->rules[i]));
    }
}

static json_t *rules_json(const struct posture_report *r)
{
    json_t *list = json_array();

    rules_add(list, r);
    return list;
}

/* The worst of the blocks that decide() judged into e->reports. */
static const struct posture_report *worst_report(struct engine *e)
{
    const struct posture_report *worst = NULL;

    for (size_t i = 0; i < e->policy->n_postures; i++)
        if (e->reports[i].n_rules > 0 && (!worst || e->reports[i].result > worst->result))
            worst = &e->reports[i];
    return worst;
}

json_t *posture_json(struct engine *e, struct dev *d)
{
    struct evidence ev;
    struct decision x;

    if (store_get_evidence(e->store, d->k.index, &ev) != STORE_OK)
        return NULL;
    lease_judge(e, d, &x);

    const struct posture_report *r = worst_report(e);
    if (!r)
        return json_pack("{s:I,s:i,s:s}", "at", (json_int_t)ev.facts.at.s, "assurance",
                         ev.assurance, "result", "unjudged");
    return json_pack("{s:I,s:i,s:s,s:s,s:o}", "at", (json_int_t)ev.facts.at.s, "assurance",
                     ev.assurance, "result", posture_result_name(r->result), "code",
                     code_id(r->code), "rules", rules_json(r));
}

/* ---- devices -------------------------------------------------------------------------------- */

const char *dev_state_name(struct engine *e, const struct dev *d)
{
    switch (d->state) {
    case DEV_LOST:
        return "lost";
    case DEV_RETIRED:
        return "retired";
    case DEV_REVOKED:
        return "revoked";
    case DEV_ACTIVE:
        break;
    }
    if (dev_user(e, d)->state == USER_REVOKED)
        return "revoked";
    if (d->hold == HOLD_LOCK)
        return "locked";
    if (!d->approved)
        return "waiting";
    return lease_holds(d) ? "in" : "quarantine";
}

/* A lease that ended by itself has not been decided again yet. */
static enum decide_reason reason_of(const struct dev *d)
{
    return d->reason == DECIDE_GRANTED && !lease_holds(d) ? DECIDE_EVIDENCE_STALE : d->reason;
}

const char *dev_sentence(struct engine *e, const struct dev *d, enum refusal_code *code)
{
    static char said[300];
    const struct hold *h = d->reason == DECIDE_LOCKED || d->reason == DECIDE_HELD ? hold_of(e, d)
                                                                                  : NULL;

    *code = d->code;
    if (h) {
        const char *plain = decide_reason_sentence(d->reason);
        snprintf(said, sizeof said, "%.*s: %s.", (int)strlen(plain) - 1, plain,
                 pattern_sentence(h->pattern));
        return said;
    }
    return d->code != CODE_NONE ? code_sentence(d->code) : decide_reason_sentence(reason_of(d));
}

static json_t *lease_json(struct engine *e, const struct dev *d)
{
    return json_pack("{s:o,s:i,s:I,s:I}", "roles", role_names_json(e->policy, d->lease.roles),
                     "class", d->lease.class_id, "until", (json_int_t)d->lease.until.s, "granted",
                     (json_int_t)d->lease.granted.s);
}

static void set_peer(struct engine *e, json_t *o, const struct dev *d)
{
    const struct peer_state *p = d->enrolled ? kernel_peer(e, d->k.index) : NULL;
    char addr[ADDR_TEXT];

    json_object_set_new(o, "rx", json_integer(p ? (json_int_t)p->rx : 0));
    json_object_set_new(o, "tx", json_integer(p ? (json_int_t)p->tx : 0));
    if (!p)
        return;
    set_time(o, "last_handshake", (struct wall){p->handshake});
    if (p->endpoint.family != 0)
        json_object_set_new(o, "endpoint",
                            json_sprintf(p->endpoint.family == 6 ? "[%s]:%u" : "%s:%u",
                                         ip_print(&p->endpoint, addr), p->port));
}

json_t *dev_json(struct engine *e, struct dev *d, bool with_posture)
{
    char key[KEY_TEXT];
    enum refusal_code code;
    const char *sentence = dev_sentence(e, d, &code);
    json_t *o = json_pack("{s:s,s:s,s:I,s:s,s:s,s:s,s:s,s:s}", "name", d->name, "user",
                          dev_user(e, d)->name, "index", (json_int_t)d->k.index, "state",
                          dev_state_name(e, d), "own", d->corp ? "corp" : "byod",
                          "wireguard_key", wg_key_print(&d->k.key, key), "reason",
                          decide_reason_name(reason_of(d)), "sentence", sentence);

    set_addr(o, "address4", &d->k.addr4);
    set_addr(o, "address6", &d->k.addr6);
    set_text(o, "code", code_id(code));
    if (lease_holds(d))
        json_object_set_new(o, "lease", lease_json(e, d));
    if (hold_of(e, d))
        json_object_set_new(o, "hold", hold_json(e, hold_of(e, d)));
    set_peer(e, o, d);
    if (with_posture)
        json_object_set_new(o, "posture", posture_json(e, d));
    return o;
}
