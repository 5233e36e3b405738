/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The one decision. Each reason to say no is a predicate; each reason to end is a bound. */
#include "policy/decide.h"

#include <string.h>

static const struct { const char *name, *sentence; } reasons[] = {
    [DECIDE_GRANTED] = {"granted", "Everything that was asked for is open."},
    [DECIDE_USER_ENDED] = {"user-ended", "The account is not active any more."},
    [DECIDE_DEVICE_ENDED] = {"device-ended", "This device was revoked, lost or retired."},
    [DECIDE_NO_ROLE] = {"no-role", "The account has no role in the policy in force."},
    [DECIDE_NO_EVIDENCE] = {"no-evidence", "The device has not reported its state yet."},
    [DECIDE_EVIDENCE_STALE] = {"evidence-stale", "The device's last report is too old."},
    [DECIDE_POSTURE] = {"posture", "The device does not meet the rules for its health."},
    [DECIDE_HOURS] = {"hours", "It is outside the working hours of the role."},
    [DECIDE_SIGN_IN] = {"sign-in", "The person has to sign in again."},
    [DECIDE_NO_POLICY] = {"no-policy", "No rules about device health exist for the role."},
    [DECIDE_CLOCK] = {"clock", "The gateway's clock is not set, so it grants nothing new."},
    [DECIDE_LOCKED] = {"locked", "This device is locked until an administrator unlocks it."},
    [DECIDE_HELD] = {"held", "This device is held in quarantine for a time."},
    [DECIDE_APPROVAL] = {"approval", "This device waits for an administrator's approval."},
    [DECIDE_ACKNOWLEDGE] = {"acknowledge", "The person has to read and sign the policy first."},
};
_Static_assert(sizeof reasons / sizeof reasons[0] == DECIDE_REASONS, "a reason without words");

const char *decide_reason_name(enum decide_reason r)
{
    return r < DECIDE_REASONS ? reasons[r].name : "";
}

const char *decide_reason_sentence(enum decide_reason r)
{
    return r < DECIDE_REASONS ? reasons[r].sentence : "";
}

/* What the functions below share. */
struct asking {
    const struct policy *p;
    const struct subject *s;
    const struct posture_history *h;
    struct wall now;
    struct decision *out;
    struct posture_report *reports;   /* of the caller, or NULL: then this one serves */
    struct posture_report own;
    int own_posture;                  /* which block it is about, -1 = none */
};

/* A time that comes, and comes first, takes the place of *t. */
static void sooner(struct asking *a, struct wall *t, struct wall candidate)
{
    if (candidate.s > a->now.s && (t->s == 0 || candidate.s < t->s))
        *t = candidate;
}

/* until may not lie behind `end`; when that is what ends it, the answer changes then. */
static void bound(struct asking *a, struct wall *until, struct wall end)
{
    sooner(a, &a->out->renew_at, end);
    if (end.s < until->s)
        *until = end;
}

/* ---- why nothing is granted, whatever the role ---- */

static bool account_over(const struct asking *a)
{
    return a->s->account_end.s != 0 && a->s->account_end.s <= a->now.s;
}

static bool held(const struct asking *a) { return a->s->held_until.s > a->now.s; }

static uint64_t known_roles(const struct asking *a)
{
    uint64_t all = a->p->n_roles >= ROLES_MAX ? UINT64_MAX : (UINT64_C(1) << a->p->n_roles) - 1;

    return a->s->roles & all;
}

static enum decide_reason whole_reason(const struct asking *a, bool clock_synced)
{
    if (!a->s->user_active || account_over(a))
        return DECIDE_USER_ENDED;
    if (!a->s->device_active)
        return DECIDE_DEVICE_ENDED;
    if (a->s->locked)
        return DECIDE_LOCKED;
    if (held(a))
        return DECIDE_HELD;
    if (!a->s->approved)
        return DECIDE_APPROVAL;
    if (known_roles(a) == 0)
        return DECIDE_NO_ROLE;
    if (a->s->compromised)
        return DECIDE_SIGN_IN;
    return clock_synced ? DECIDE_GRANTED : DECIDE_CLOCK;
}

/* ---- one role ---- */

/* Judged once for all roles that name it. */
static const struct posture_report *report_of(struct asking *a, int posture)
{
    struct posture_report *r = a->reports ? &a->reports[posture] : &a->own;

    if (a->reports ? r->result != POSTURE_UNJUDGED : a->own_posture == posture)
        return r;
    posture_judge(&a->p->postures[posture], &a->s->facts, a->s->assurance, a->h, a->now, r);
    a->own_posture = posture;
    sooner(a, &a->out->renew_at, r->changes_at);
    return r;
}

static enum decide_reason check_posture(struct asking *a, struct role_decision *d,
                                        struct wall *until)
{
    const struct posture_report *r;

    if (d->posture < 0 || (size_t)d->posture >= a->p->n_postures)
        return DECIDE_NO_POLICY;
    if (!a->s->has_evidence)
        return DECIDE_NO_EVIDENCE;
    r = report_of(a, d->posture);
    bound(a, until, a->s->token_exp);
    if (until->s <= a->now.s)
        return DECIDE_EVIDENCE_STALE;
    if (!posture_admits(r->result)) {
        d->code = r->code;
        return r->code == PT311 ? DECIDE_EVIDENCE_STALE : DECIDE_POSTURE;
    }
    if (r->good_until.s != 0)
        bound(a, until, r->good_until);
    return until->s > a->now.s ? DECIDE_GRANTED : DECIDE_EVIDENCE_STALE;
}

static enum decide_reason check_hours(struct asking *a, const struct hours *h, struct wall *until)
{
    struct wall same_until = {0};

    if (h->n_slots == 0)
        return DECIDE_GRANTED;
    if (!hours_open(h, a->now, &same_until)) {
        sooner(a, &a->out->renew_at, same_until);
        return DECIDE_HOURS;
    }
    bound(a, until, same_until);
    return until->s > a->now.s ? DECIDE_GRANTED : DECIDE_HOURS;
}

/* A sign-in of the future was noted by a clock that was wrong: it would hold until then and longer. */
static enum decide_reason check_sign_in(struct asking *a, struct span every, struct wall *until)
{
    if (every.s == 0)
        return DECIDE_GRANTED;
    if (a->s->signed_in.s == 0 || a->s->signed_in.s > a->now.s + CLOCK_STEP_S)
        return DECIDE_SIGN_IN;
    bound(a, until, (struct wall){a->s->signed_in.s + every.s});
    return until->s > a->now.s ? DECIDE_GRANTED : DECIDE_SIGN_IN;
}

static enum decide_reason check_acknowledgement(struct asking *a, struct wall *until)
{
    if (a->s->acknowledge_by.s == 0)
        return DECIDE_GRANTED;
    bound(a, until, a->s->acknowledge_by);
    return until->s > a->now.s ? DECIDE_GRANTED : DECIDE_ACKNOWLEDGE;
}

/* What the policy allows from now on. Asked again at two thirds of it, while it still runs. */
static void bound_by_lease(struct asking *a, struct span lease, struct wall *until)
{
    int64_t span = lease.s < LEASE_MAX_S ? lease.s : LEASE_MAX_S;

    if (a->now.s + span >= until->s)
        return;
    until->s = a->now.s + span;
    sooner(a, &a->out->renew_at, (struct wall){a->now.s + (span * 2 + 2) / 3});
}

static void decide_role(struct asking *a, const struct role *role, struct role_decision *d)
{
    struct wall until = {INT64_MAX};

    d->posture = role->posture;
    d->reason = check_posture(a, d, &until);
    if (d->reason == DECIDE_GRANTED)
        d->reason = check_hours(a, &role->hours, &until);
    if (d->reason == DECIDE_GRANTED)
        d->reason = check_sign_in(a, role->sign_in, &until);
    if (d->reason == DECIDE_GRANTED)
        d->reason = check_acknowledgement(a, &until);
    if (d->reason != DECIDE_GRANTED)
        return;
    if (a->s->account_end.s != 0)
        bound(a, &until, a->s->account_end);
    bound_by_lease(a, a->p->postures[role->posture].lease, &until);
    d->granted = until.s > a->now.s;
    d->until = d->granted ? until : (struct wall){0};
    d->reason = d->granted ? DECIDE_GRANTED : DECIDE_NO_POLICY;
}

/* The code that goes with a reason, where the rules have not given one. */
static enum refusal_code reason_code(enum decide_reason r)
{
    switch (r) {
    case DECIDE_EVIDENCE_STALE:
        return PT311;
    case DECIDE_NO_POLICY:
        return PT603;
    case DECIDE_CLOCK:
        return PT901;
    default:
        return CODE_NONE;
    }
}

/* ---- the whole ---- */

static void add_role(struct asking *a, size_t i)
{
    struct role_decision *d = &a->out->role[i];

    decide_role(a, &a->p->roles[i], d);
    if (d->granted) {
        a->out->roles |= UINT64_C(1) << i;
        sooner(a, &a->out->until, d->until);
        return;
    }
    if (d->code == CODE_NONE)
        d->code = reason_code(d->reason);
    if (a->out->reason == DECIDE_GRANTED) {
        a->out->reason = d->reason;
        a->out->code = d->code;
    }
}

static void decide_roles(struct asking *a)
{
    uint64_t asked = known_roles(a);

    for (size_t i = 0; i < a->p->n_roles && i < ROLES_MAX; i++)
        if (asked >> i & 1)
            add_role(a, i);
}

static void refuse_all(struct asking *a, enum decide_reason reason)
{
    uint64_t asked = known_roles(a);

    a->out->reason = reason;
    a->out->code = reason_code(reason);
    if (reason == DECIDE_HELD)
        sooner(a, &a->out->renew_at, a->s->held_until);
    for (size_t i = 0; i < a->p->n_roles && i < ROLES_MAX; i++)
        if (asked >> i & 1) {
            a->out->role[i].reason = reason;
            a->out->role[i].code = a->out->code;
        }
}

static void start(struct asking *a)
{
    memset(a->out, 0, sizeof *a->out);
    for (size_t i = 0; i < ROLES_MAX; i++) {
        a->out->role[i].reason = DECIDE_NO_ROLE;
        a->out->role[i].posture = -1;
    }
    for (size_t i = 0; a->reports && i < a->p->n_postures; i++) {
        a->reports[i].result = a->reports[i].judged = POSTURE_UNJUDGED;
        a->reports[i].n_rules = 0;
    }
}

void decide(const struct policy *p, const struct subject *s, const struct posture_history *h,
            bool clock_synced, struct wall now, struct decision *out,
            struct posture_report *reports)
{
    struct asking a = {.p = p, .s = s, .h = h, .now = now, .out = out, .reports = reports,
                       .own_posture = -1};
    enum decide_reason reason;

    start(&a);
    reason = whole_reason(&a, clock_synced);
    if (reason != DECIDE_GRANTED)
        refuse_all(&a, reason);
    else
        decide_roles(&a);
}
