/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one place where leases come and go. Whatever happened (a token, an hour that struck, a new
 * policy, a revoked user), the answer is decide()'s, entered in a batch.
 */
#include "gateway/leases.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/acknowledge.h"
#include "gateway/clock.h"
#include "gateway/log.h"
#include "gateway/respond.h"
#include "gateway/visits.h"
#include "policy/plan.h"

#define GRACE_FORGET_S 86400       /* passing for so long, a rule may begin its grace anew */

/* What decide() is asked about one device: scratch of the single thread, too large for a stack. */
static struct asked {
    struct subject s;
    struct evidence ev;
    struct grace_row rows[HISTORY_MAX];
    struct grace_state grace[HISTORY_MAX];
    struct exception exceptions[HISTORY_MAX];
    struct posture_history h;
} asked;

/* ---- time ----------------------------------------------------------------------------------- */

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

int64_t grant_left_ms(const struct grant *g)
{
    int64_t left = g->until.s * 1000 - clock_wall_us() / 1000;

    left = smaller(left, (g->until.s - g->granted.s) * 1000);
    if (g->end_boot_ms)
        left = smaller(left, g->end_boot_ms - clock_boot_ms());
    left = smaller(left, LEASE_MAX_MS);
    return left > 0 ? left : 0;
}

bool lease_holds(const struct dev *d)
{
    return d->lease.class_id != 0 && grant_left_ms(&d->lease) > 0;
}

bool lease_clock(struct engine *e)
{
    bool good = engine_clock_good(e);

    if (!good && !e->clock_alarmed)
        alarm_raise(e, "the clock is not synchronised: no new leases until it is");
    e->clock_alarmed = !good;
    return good;
}

/* ---- asking --------------------------------------------------------------------------------- */

/* Without evidence there is nothing to be lenient about. */
static void load_history(struct engine *e, const struct dev *d)
{
    uint32_t device = d->k.index;

    asked.h = (struct posture_history){0};
    if (!asked.s.has_evidence)
        return;
    size_t n = store_get_grace(e->store, device, asked.rows, HISTORY_MAX);
    for (size_t i = 0; i < n; i++) {
        memcpy(asked.grace[i].rule, asked.rows[i].rule, sizeof asked.grace[i].rule);
        asked.grace[i].since = asked.rows[i].since;
    }
    asked.h.grace = asked.grace;
    asked.h.n_grace = n;
    asked.h.exceptions = asked.exceptions;
    asked.h.n_exceptions = store_get_exceptions(e->store, device, asked.exceptions, HISTORY_MAX);
}

static bool evidence_runs(const struct dev *d)
{
    return d->token_exp.s > clock_wall().s &&
           (d->token_end_boot_ms == 0 || d->token_end_boot_ms > clock_boot_ms());
}

/* The evidence to judge by: the fresh one, or the stored when it still counts. */
static bool load_evidence(struct engine *e, const struct dev *d, const struct evidence *fresh)
{
    if (fresh) {
        asked.ev = *fresh;
        return true;
    }
    if (!evidence_runs(d) || store_get_evidence(e->store, d->k.index, &asked.ev) != STORE_OK)
        return false;
    asked.ev.end_boot_ms = d->token_end_boot_ms;
    return true;
}

static void load_subject(struct engine *e, const struct dev *d, const struct evidence *fresh)
{
    const struct user *u = dev_user(e, d);

    memset(&asked.s, 0, sizeof asked.s);
    asked.s.user_active = u->state == USER_ACTIVE;
    asked.s.device_active = d->state == DEV_ACTIVE && d->addressed;
    asked.s.approved = d->approved;
    asked.s.locked = d->hold == HOLD_LOCK;
    asked.s.held_until = hold_until(e, d);
    asked.s.account_end = u->end;
    asked.s.signed_in = u->signed_in;
    asked.s.compromised = u->compromised.s != 0;
    asked.s.roles = u->role_mask;
    asked.s.acknowledge_by = acknowledge_by(e, u);
    asked.s.has_evidence = load_evidence(e, d, fresh);
    if (!asked.s.has_evidence)
        return;
    asked.s.facts = asked.ev.facts;
    asked.s.assurance = asked.ev.assurance;
    asked.s.token_exp = asked.ev.exp;
}

/* "No evidence" of a device that had some means that it is too old. */
static void name_stale(const struct dev *d, struct decision *out)
{
    if (out->reason != DECIDE_NO_EVIDENCE || d->token_exp.s == 0)
        return;
    out->reason = DECIDE_EVIDENCE_STALE;
    out->code = PT310;
}

static void ask(struct engine *e, const struct dev *d, const struct evidence *fresh, bool clock,
                struct decision *out)
{
    load_subject(e, d, fresh);
    load_history(e, d);
    decide(e->policy, &asked.s, &asked.h, clock, clock_wall(), out, e->reports);
    name_stale(d, out);
}

void lease_judge(struct engine *e, struct dev *d, struct decision *out)
{
    ask(e, d, NULL, engine_clock_good(e), out);
}

uint64_t lease_roles_left(struct engine *e, const struct dev *d)
{
    struct decision x;

    ask(e, d, NULL, true, &x);
    return d->lease.roles & x.roles;
}

/* ---- grace ---------------------------------------------------------------------------------- */

static struct grace_row *grace_of(const char *rule)
{
    for (size_t i = 0; i < asked.h.n_grace; i++)
        if (strcmp(asked.rows[i].rule, rule) == 0)
            return &asked.rows[i];
    return NULL;
}

static void note_failing(struct engine *e, uint32_t device, const struct rule_result *r,
                         struct grace_row *known)
{
    struct grace_row row = {.since = clock_wall()};

    if (known && known->passing.s == 0)
        return;
    if (known)
        row.since = known->since;
    memcpy(row.rule, r->rule, sizeof row.rule);
    store_put_grace(e->store, device, &row);
}

static void note_passing(struct engine *e, uint32_t device, struct grace_row *known)
{
    struct wall now = clock_wall();

    if (known->passing.s == 0) {
        known->passing = now;
        store_put_grace(e->store, device, known);
    } else if (now.s - known->passing.s > GRACE_FORGET_S) {
        store_drop_grace(e->store, device, known->rule);
    }
}

/* Grace begins with the first failure and goes on over single passes. */
static void note_grace(struct engine *e, uint32_t device)
{
    for (size_t p = 0; p < e->policy->n_postures; p++)
        for (size_t i = 0; i < e->reports[p].n_rules; i++) {
            const struct rule_result *r = &e->reports[p].rules[i];
            struct grace_row *known = grace_of(r->rule);
            if (r->result == POSTURE_GRACE || (known && r->code != CODE_NONE))
                note_failing(e, device, r, known);
            else if (known)
                note_passing(e, device, known);
        }
}

/* ---- deciding ------------------------------------------------------------------------------- */

/* Without a clock to grant by, what runs may go on as it is, or less; never more. */
static void only_narrow(const struct dev *d, struct decision *x)
{
    x->roles &= lease_holds(d) ? d->lease.roles : 0;
    if (x->until.s > d->lease.until.s)
        x->until = d->lease.until;
    if (x->reason == DECIDE_LOCKED || x->reason == DECIDE_HELD)
        return;   /* no clock would change that */
    x->reason = DECIDE_CLOCK;
    x->code = PT901;
}

static struct grant grant_of(struct engine *e, const struct dev *d, const struct decision *x)
{
    struct grant g = {.roles = x->roles, .granted = clock_wall(), .until = x->until};
    int id = classes_for(&e->classes, x->roles);

    if (id < 0)
        alarm_raise(e, "all %u access classes are in use: no lease for %s", CLASS_MAX, d->name);
    if (id <= 0)
        return (struct grant){0};
    if (id == d->lease.class_id && g.until.s == d->lease.until.s && lease_holds(d)) {
        g = d->lease;   /* nothing moved: nothing to tell */
        g.roles = x->roles;
        return g;
    }
    g.class_id = (uint16_t)id;
    g.end_boot_ms = clock_boot_ms() + (g.until.s - g.granted.s) * 1000;
    if (asked.ev.end_boot_ms)
        g.end_boot_ms = smaller(g.end_boot_ms, asked.ev.end_boot_ms);
    return g;
}

static json_t *grant_json(struct engine *e, const struct grant *g)
{
    if (g->class_id == 0)
        return json_pack("{s:s}", "state", "quarantine");
    return json_pack("{s:o,s:i,s:I}", "roles", role_names_json(e->policy, g->roles), "class",
                     g->class_id, "until", (json_int_t)g->until.s);
}

/* Now, or when the lease ran out: that is noticed up to a second later, or at the next start. */
static struct wall visit_end(const struct dev *d)
{
    struct wall now = clock_wall();

    return d->lease.class_id && d->lease.until.s < now.s ? d->lease.until : now;
}

static void tell_change(struct batch *b, const struct dev *d, const struct pending *p,
                        const char *cause)
{
    struct engine *e = b->e;
    char roles[ROLE_LIST_SIZE];

    roles_text(e->policy, p->lease.roles, roles);
    if (p->lease.class_id)
        store_begin_visit(e->store, d->k.index, d->user, roles, clock_wall());
    else
        store_end_visit(e->store, d->k.index, visit_end(d), p->reason);
    audit_act(e, "engine", ENGINE_UID, p->lease.class_id ? "lease.grant" : "lease.end", d->name,
              json_pack("{s:s,s:s,s:o,s:s}", "cause", cause, "user", dev_user(e, d)->name, "lease",
                        grant_json(e, &p->lease), "reason", decide_reason_name(p->reason)));
    if (p->lease.class_id)
        event_add(e, "lease", "%s (%s) is in as %s", d->name, dev_user(e, d)->name,
                  roles);
    else
        event_add(e, "lease", "%s (%s) is not in: %s", d->name, dev_user(e, d)->name,
                  decide_reason_sentence(p->reason));
}

static void store_grant(struct batch *b, const struct dev *d, const struct pending *p)
{
    char roles[ROLE_LIST_SIZE];

    if (p->lease.class_id)
        store_put_lease(b->e->store, d->k.index, &p->lease,
                        roles_text(b->e->policy, p->lease.roles, roles));
    else if (d->lease.class_id)
        store_drop_lease(b->e->store, d->k.index);
}

void lease_decide(struct batch *b, struct dev *d, const struct evidence *fresh, const char *cause)
{
    struct engine *e = b->e;
    bool clock = lease_clock(e);
    struct pending *p = batch_dev(b, d);
    struct decision x;

    ask(e, d, fresh, true, &x);
    if (!clock)
        only_narrow(d, &x);
    note_grace(e, d->k.index);
    p->enrolled = dev_should_enrol(e, d);
    p->reason = x.reason;
    p->code = x.code;
    p->renew_at = x.renew_at;
    p->lease = x.roles ? grant_of(e, d, &x) : (struct grant){0};
    if (p->lease.class_id != d->lease.class_id)
        tell_change(b, d, p, cause);
    store_grant(b, d, p);
}

void lease_record_end(struct batch *b, const struct dev *d, const char *cause)
{
    tell_change(b, d, batch_dev(b, d), cause);
}

size_t leases_decide_all(struct batch *b, const char *cause)
{
    struct engine *e = b->e;
    size_t changed = 0;

    for (size_t i = 0; i < e->n_devs; i++) {
        struct dev *d = &e->devs[i];
        if (!d->state)
            continue;
        lease_decide(b, d, NULL, cause);
        changed += batch_dev(b, d)->lease.class_id != d->lease.class_id;
    }
    return changed;
}

/* ---- the passing of time -------------------------------------------------------------------- */

/* The kernel has ended it by itself; what is left is to say so. */
static bool ended(const struct dev *d)
{
    return d->lease.class_id != 0 && grant_left_ms(&d->lease) == 0;
}

static bool due(const struct dev *d, struct wall now)
{
    return ended(d) || (d->renew_at.s != 0 && d->renew_at.s <= now.s);
}

void leases_tick(struct engine *e)
{
    struct wall now = clock_wall();
    struct batch b;
    bool begun = false;

    for (size_t i = 0; i < e->n_devs; i++) {
        struct dev *d = &e->devs[i];
        if (!d->state || !due(d, now))
            continue;
        if (!begun)
            batch_begin(e, &b);
        begun = true;
        lease_decide(&b, d, NULL, ended(d) ? "ended" : "due");
    }
    if (!begun)
        return;
    /* The kernel ends by itself what ends; the rest is grants. */
    bool full = batch_commit(&b, DURABLE_FIRST) != STORE_OK;
    if (full && !e->full_alarmed)
        alarm_raise(e, "the disk is full: leases end by themselves, and none is granted");
    e->full_alarmed = full;
}

/* ---- starting ------------------------------------------------------------------------------- */

/* After another boot only the wall clock knows, and one that is not set does not. */
static bool believable(struct engine *e, bool same_boot)
{
    return same_boot || engine_clock_good(e);
}

/* For good: what was not believed once is not in the database for the next start. */
static void drop_restored(struct engine *e, struct dev *d)
{
    store_end_visit(e->store, d->k.index, visit_end(d), DECIDE_EVIDENCE_STALE);
    d->lease = (struct grant){0};
    store_drop_lease(e->store, d->k.index);
}

void leases_restore(struct engine *e, bool same_boot)
{
    for (size_t i = 0; i < e->n_devs; i++) {
        struct dev *d = &e->devs[i];
        struct class_entry *c = d->state ? e->classes.v[d->lease.class_id] : NULL;
        bool holds = c && d->lease.class_id && lease_holds(d) &&
                     believable(e, same_boot) && dev_should_enrol(e, d);
        if (!d->state)
            continue;
        if (holds)
            c->users++;
        else if (d->lease.class_id)
            drop_restored(e, d);
        d->enrolled = dev_should_enrol(e, d);
    }
}
