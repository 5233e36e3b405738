/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who may hold a lease, with which rights, until when: the reference that fuzz_engine compares the
 * engine with. Plain arrays, no database, no file of the product: policies are a table written by
 * hand beside their texts, and a lease is worked out anew from everything each time it is asked.
 *
 * What it leaves open, because the engine may choose: when within its last two thirds a lease is
 * renewed. So it answers with two ends: never later than `until`, never earlier than `least`.
 */
#ifndef TESTS_FUZZ_ENGINE_MODEL_H
#define TESTS_FUZZ_ENGINE_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* ---- policies ------------------------------------------------------------------------------- */

/* What a probe may reach; NOWHERE is in no policy. */
enum place { DB = 1, WEB80 = 2, WEB443 = 4, WMS = 8, UPDATES = 16, NOWHERE = 32 };
#define WEB (WEB80 | WEB443)
#define MODEL_ROLES 3
static const char *const model_role_names[MODEL_ROLES] = {"filing", "warehouse", "audit"};

enum pending_rule { PENDING_UNASKED, PENDING_GRACE, PENDING_STRICT };
#define GRACE_S (3 * 86400)
#define GRACE_FORGOTTEN_S 86400

struct model_role {
    bool there, office_hours;     /* Mon-Fri 08:00-18:00 UTC */
    unsigned reach;
    int64_t lease, sign_in;       /* seconds; sign_in 0: not asked */
    enum pending_rule pending;
};
struct model_policy {
    unsigned remediation;
    struct model_role role[MODEL_ROLES];
    const char *text;
    int64_t acknowledge;          /* seconds; 0: nobody is asked */
};

#define RESOURCES "company \"Lab\"\n" \
    "resource db { 10.20.0.9 tcp 5432 }\nresource web { 10.20.0.10 tcp 80, 443 }\n" \
    "resource wms { 10.20.0.22 tcp 8081 }\nresource updates { 10.20.0.40 tcp 443 }\n"
#define BASELINE(lease) "posture baseline { lease " lease " evidence <= 8h assurance >= PA1\n" \
    " require fde.sys\n require pend.crit == 0 grace 3d\n}\n"

static const struct model_policy model_policies[] = {
    {UPDATES,
     {{true, false, DB | WEB, 900, 0, PENDING_GRACE}, {true, false, WMS, 900, 0, PENDING_GRACE}},
     RESOURCES "remediation { updates }\n" BASELINE("15m")
     "role filing { reach db, web posture baseline }\n"
     "role warehouse { reach wms posture baseline }\n", 0},
    {UPDATES,
     {{true, false, DB, 300, 0, PENDING_GRACE}, {true, false, WMS, 300, 0, PENDING_GRACE}},
     RESOURCES "remediation { updates }\n" BASELINE("5m")
     "role filing { reach db posture baseline }\n"
     "role warehouse { reach wms posture baseline }\n", 0},
    {UPDATES,
     {{true, false, DB | WEB, 900, 0, PENDING_GRACE}, {0},
      {true, false, WEB | WMS, 120, 0, PENDING_UNASKED}},
     RESOURCES "remediation { updates }\n" BASELINE("15m")
     "posture light { lease 2m evidence <= 8h assurance >= PA1 require fde.sys }\n"
     "role filing { reach db, web posture baseline }\n"
     "role audit { reach web, wms posture light }\n", 0},
    {UPDATES,
     {{true, false, DB | WEB, 900, 3600, PENDING_GRACE},
      {true, true, WMS, 600, 0, PENDING_STRICT}},
     RESOURCES "remediation { updates }\n" BASELINE("15m")
     "posture strict { lease 10m evidence <= 8h assurance >= PA1\n"
     " require fde.sys\n require pend.crit == 0\n}\n"
     "role filing { reach db, web posture baseline sign-in every 1h }\n"
     "role warehouse { reach wms posture strict hours Mon-Fri 08:00-18:00 UTC }\n", 0},
    {WEB,
     {{true, false, UPDATES | DB, 900, 0, PENDING_GRACE}, {true, false, 0, 900, 0, PENDING_GRACE}},
     RESOURCES "remediation { web }\n" BASELINE("15m")
     "role filing { reach db, updates posture baseline }\n"
     "role warehouse { posture baseline }\nacknowledge within 30m\n", 1800},
    {0, {{0}}, RESOURCES "role filing { reach nothing }\n", 0},    /* is refused */
};
#define MODEL_POLICIES ((int)(sizeof model_policies / sizeof model_policies[0]))
#define POLICY_REFUSED (MODEL_POLICIES - 1)

/* ---- state ---------------------------------------------------------------------------------- */

#define MODEL_USERS 3
#define MODEL_DEVICES 5

struct model_evidence {
    bool there, encrypted, pending;
    int64_t accepted, exp;                 /* wall */
    int64_t end_ms;                        /* boot */
};
struct model_user {
    bool there, active, active_disk;       /* they differ after a cut that a full disk refused */
    unsigned roles;
    int64_t end, signed_in;
    int64_t asked;                         /* to sign; 0 = is not */
    unsigned signed_roles;                 /* of the one policy that asks; 0 = never signed */
};
struct model_device {
    bool there, active, active_disk, key_good, key_good_disk;
    int user;
    uint32_t index;
    struct model_evidence ev, ev_disk;
    int64_t last_iat, grace_since, grace_passing;   /* 0 = none */
    /* how exact the comparison can be */
    int64_t blind_until;      /* the wall clock went back: until it is there again */
    int64_t lag_until;        /* it fell behind the other: what is the same by it may end sooner */
    bool loose;               /* decisions were due while the clock was not to be trusted */
    bool decided;             /* by this operation, anew */
};
struct model {
    int64_t wall, boot_ms;    /* seconds, milliseconds */
    bool synced, full, down;
    int policy, previous;     /* -1 = none */
    int64_t confirm_until, confirm_ms;
    struct model_user user[MODEL_USERS];
    struct model_device dev[MODEL_DEVICES];
    uint32_t devices;         /* enrolled ever */
};

/* What one device may have now. reach 0 = no lease. */
struct model_lease { unsigned reach; int64_t until, least; };

/* ---- the answer ----------------------------------------------------------------------------- */

static inline int64_t model_min(int64_t a, int64_t b) { return a < b ? a : b; }

static inline bool model_evidence_runs(const struct model *m, const struct model_evidence *ev)
{
    return ev->there && ev->exp > m->wall && ev->end_ms > m->boot_ms;
}

static inline bool model_user_may(const struct model *m, const struct model_user *u)
{
    return u->there && u->active && (u->end == 0 || u->end > m->wall);
}

/* ---- signing the policy: one of them asks for it, and its text depends on the roles ---------- */

static inline unsigned model_text(const struct model *m, const struct model_user *u)
{
    unsigned known = 0;

    for (unsigned i = 0; i < MODEL_ROLES; i++)
        known |= (unsigned)model_policies[m->policy].role[i].there << i;
    return model_policies[m->policy].acknowledge ? u->roles & known : 0;
}

/* When this person must have signed; 0 = nothing is due. */
static inline int64_t model_sign_by(const struct model *m, const struct model_user *u)
{
    return u->asked && model_text(m, u) ? u->asked + model_policies[m->policy].acknowledge : 0;
}

static inline void model_review(struct model *m, int user)
{
    struct model_user *u = &m->user[user];

    if (!u->there || !u->active)
        return;
    if (model_text(m, u) == 0 || model_text(m, u) == u->signed_roles)
        u->asked = 0;
    else if (u->asked == 0 || u->asked > m->wall)
        u->asked = m->wall;
}

static inline void model_review_all(struct model *m)
{
    for (int i = 0; i < MODEL_USERS; i++)
        model_review(m, i);
}

/* The end of the hours that are open now; 0 = they are not. 1970-01-01 was a Thursday. */
static inline int64_t model_hours_end(int64_t wall)
{
    int64_t day = wall / 86400, hour = wall % 86400 / 3600;

    return (day + 3) % 7 < 5 && hour >= 8 && hour < 18 ? day * 86400 + 18 * 3600 : 0;
}

/* A sign-in more than an hour ahead is none: the clock was wrong. */
static inline bool model_signed_in(const struct model *m, const struct model_user *u)
{
    return u->signed_in && u->signed_in <= m->wall + 3600;
}

/* When what speaks for this role ends; 0 = nothing speaks for it. */
static inline int64_t model_role_end(const struct model *m, const struct model_user *u,
                                     const struct model_device *d, const struct model_role *r)
{
    int64_t end = d->ev.exp, since = d->grace_since ? d->grace_since : m->wall;

    if (!r->there || !d->ev.encrypted || (d->ev.pending && r->pending == PENDING_STRICT))
        return 0;
    if (d->ev.pending && r->pending == PENDING_GRACE)
        end = model_min(end, since + GRACE_S);
    if (r->office_hours)
        end = model_min(end, model_hours_end(m->wall));
    if (r->sign_in)
        end = model_min(end, model_signed_in(m, u) ? u->signed_in + r->sign_in : 0);
    if (u->end)
        end = model_min(end, u->end);
    if (model_sign_by(m, u))
        end = model_min(end, model_sign_by(m, u));
    return end > m->wall ? end : 0;
}

static inline struct model_lease model_lease(const struct model *m, const struct model_device *d)
{
    const struct model_user *u = &m->user[d->user];
    struct model_lease out = {0, INT64_MAX, INT64_MAX};

    if (!d->there || !d->active || !model_user_may(m, u) || !model_evidence_runs(m, &d->ev))
        return out;
    for (int i = 0; i < MODEL_ROLES; i++) {
        const struct model_role *r = &model_policies[m->policy].role[i];
        int64_t end = u->roles >> i & 1 ? model_role_end(m, u, d, r) : 0;
        if (end == 0)
            continue;
        out.reach |= r->reach | 1u << 31;     /* a role that reaches nothing is a lease, too */
        out.until = model_min(out.until, model_min(end, m->wall + r->lease));
        out.least = model_min(out.least, model_min(end, m->wall + r->lease / 3 - 1));
    }
    return out;
}

static inline bool model_enrolled(const struct model *m, const struct model_device *d)
{
    return d->there && d->active && m->user[d->user].active;
}

/* ---- what decisions leave behind ------------------------------------------------------------ */

/* Grace begins with the first failure; a day of passing ends it. */
static inline void model_note_grace(const struct model *m, struct model_device *d, int role)
{
    const struct model_role *r = &model_policies[m->policy].role[role];

    if (!r->there || r->pending == PENDING_UNASKED)
        return;
    if (d->ev.pending) {
        d->grace_passing = 0;
        if (d->grace_since == 0 && r->pending == PENDING_GRACE)
            d->grace_since = m->wall;
    } else if (d->grace_since && d->grace_passing == 0) {
        d->grace_passing = m->wall;
    } else if (d->grace_since && m->wall - d->grace_passing > GRACE_FORGOTTEN_S) {
        d->grace_since = d->grace_passing = 0;
    }
}

static inline void model_decide(struct model *m, struct model_device *d)
{
    const struct model_user *u = &m->user[d->user];

    d->decided = true;
    d->blind_until = 0;
    if (m->synced)
        d->loose = false;
    if (!d->active || !model_user_may(m, u) || !model_evidence_runs(m, &d->ev))
        return;
    for (int i = 0; i < MODEL_ROLES; i++)
        if (u->roles >> i & 1)
            model_note_grace(m, d, i);
}

static inline void model_decide_user(struct model *m, int user)
{
    for (int i = 0; i < MODEL_DEVICES; i++)
        if (m->dev[i].there && m->dev[i].user == user)
            model_decide(m, &m->dev[i]);
}

static inline void model_decide_all(struct model *m)
{
    for (int i = 0; i < MODEL_USERS; i++)
        model_decide_user(m, i);
}

/* ---- policies in force ---------------------------------------------------------------------- */

static inline void model_apply(struct model *m, int policy, int64_t confirm_s)
{
    m->previous = m->policy;
    m->policy = policy;
    m->confirm_until = confirm_s ? m->wall + confirm_s : 0;
    m->confirm_ms = confirm_s ? m->boot_ms + confirm_s * 1000 : 0;
    model_review_all(m);
    model_decide_all(m);
}

/* Is the policy in force one that should have been confirmed? */
static inline bool model_over(const struct model *m)
{
    return m->confirm_ms && m->boot_ms >= m->confirm_ms;
}

/* ---- ends ----------------------------------------------------------------------------------- */

static inline void model_void(struct model_device *d, bool written)
{
    d->ev = (struct model_evidence){0};
    if (written)
        d->ev_disk = d->ev;
}

static inline void model_end_device(struct model *m, struct model_device *d, bool written)
{
    d->active = d->key_good = false;
    if (written)
        d->active_disk = d->key_good_disk = false;
    model_void(d, written);
    model_decide(m, d);
}

static inline void model_revoke_user(struct model *m, int user, bool written)
{
    m->user[user].active = false;
    if (written)
        m->user[user].active_disk = false;
    for (int i = 0; i < MODEL_DEVICES; i++)
        if (m->dev[i].there && m->dev[i].user == user && m->dev[i].active)
            model_void(&m->dev[i], written);
    model_decide_user(m, user);
}

/* Written again as it is; what was cut and could not be written then is written now. */
static inline void model_write_user(struct model *m, int user)
{
    struct model_user *u = &m->user[user];

    u->active_disk = u->active;
    for (int i = 0; i < MODEL_DEVICES && !u->active; i++)
        if (m->dev[i].there && m->dev[i].user == user)
            model_void(&m->dev[i], true);
    model_decide_user(m, user);
}

/* A person comes back with nothing: no sign-in, and no report of before. */
static inline void model_restore_user(struct model *m, int user)
{
    struct model_user *u = &m->user[user];

    u->signed_in = 0;
    model_write_user(m, user);
    u->active = u->active_disk = true;
    model_review(m, user);
}

/* After a boot nobody remembers how long ago it was: what is left is by the wall clock, and nothing
 * of what it says is yet to come. */
static inline void model_reboot_evidence(const struct model *m, struct model_evidence *ev)
{
    int64_t left = model_min(ev->exp - m->wall, ev->exp - ev->accepted);

    ev->end_ms = m->boot_ms + (ev->accepted > m->wall || left < 0 ? 0 : left * 1000);
}

/* What is not on disk is gone. */
static inline void model_restart(struct model *m, bool reboot)
{
    for (int i = 0; i < MODEL_USERS; i++)
        m->user[i].active = m->user[i].active_disk;
    for (int i = 0; i < MODEL_DEVICES; i++) {
        struct model_device *d = &m->dev[i];
        d->active = d->active_disk;
        d->key_good = d->key_good_disk;
        if (reboot)
            model_reboot_evidence(m, &d->ev_disk);
        d->ev = d->ev_disk;
    }
    if (m->confirm_until > m->wall) {
        m->confirm_ms = m->boot_ms + (m->confirm_until - m->wall) * 1000;
    } else if (m->confirm_until) {
        m->policy = m->previous;
        m->previous = -1;
        m->confirm_until = m->confirm_ms = 0;
    }
    model_review_all(m);
    model_decide_all(m);
}

#endif
