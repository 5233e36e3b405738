/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The one decision: which roles does this device exercise now, and until when?
 *
 * Everything that grants, renews, narrows or ends a lease asks this function with the same
 * inputs; there is no second place that decides.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "policy/posture.h"

#define CLOCK_STEP_S 3600              /* further ahead of now: noted by a clock that was wrong */
#define LEASE_MAX_S 86400              /* no lease is longer, whatever the policy says */

struct subject {
    bool user_active;                  /* not revoked, not ended */
    bool device_active;                /* not revoked, lost or retired */
    bool locked;                       /* until an admin unlocks it (policy/patterns.h) */
    struct wall held_until;            /* no lease before; 0 = not held */
    bool approved;                     /* the device, by an admin or by not needing it */
    struct wall account_end;           /* 0 = none */
    struct wall signed_in;             /* last sign-in; 0 = never */
    bool compromised;                  /* has to choose new secrets before anything else */
    struct wall acknowledge_by;        /* then the policy must be signed; 0 = nothing is due */
    uint64_t roles;                    /* bit i = role i of the policy */
    bool has_evidence;                 /* facts below come from an accepted token */
    struct facts facts;
    uint8_t assurance;
    struct wall token_exp;             /* exp of that token */
};

/* Why there is no lease, or why a role is missing from it. 0 = everything asked for. */
enum decide_reason {
    DECIDE_GRANTED = 0,
    DECIDE_USER_ENDED, DECIDE_DEVICE_ENDED, DECIDE_NO_ROLE, DECIDE_NO_EVIDENCE,
    DECIDE_EVIDENCE_STALE, DECIDE_POSTURE, DECIDE_HOURS, DECIDE_SIGN_IN, DECIDE_NO_POLICY,
    DECIDE_CLOCK, DECIDE_LOCKED, DECIDE_HELD, DECIDE_APPROVAL, DECIDE_ACKNOWLEDGE,
    DECIDE_REASONS                             /* stored: new ones come last, before this */
};
const char *decide_reason_name(enum decide_reason r);      /* "no-evidence" */
const char *decide_reason_sentence(enum decide_reason r);  /* for the person */

struct role_decision {
    bool granted;
    enum decide_reason reason;         /* DECIDE_GRANTED when granted */
    enum refusal_code code;            /* of the worst rule, or PT311, PT603, PT901;
                                          CODE_NONE for reasons without one */
    struct wall until;                 /* when granted: end of this role in the lease */
    int posture;                       /* index of the posture block judged, -1 = none */
};

struct decision {
    uint64_t roles;                    /* exercised now; 0 = quarantine */
    struct wall until;                 /* end of the lease: min over the granted roles; 0 = none */
    struct wall renew_at;              /* ask again then: a lease may be extended, narrowed or
                                          granted without new evidence; 0 = nothing will change */
    enum decide_reason reason;         /* of the first role that was refused, or of all */
    enum refusal_code code;
    struct role_decision role[ROLES_MAX];
};

/* Lease = min(exp, now + posture lease, evidence end, sign-in end, acknowledge_by, hours end,
 * account end, grace ends, LEASE_MAX_S), per role; the lease of the device ends with the first of
 * its roles. Under a report_only posture the end of the evidence and of grace do not count.
 *
 * Reasons are looked for in this order: account, device, lock, hold, approval, roles, new secrets,
 * clock, posture block, evidence, token end, posture, hours, sign-in, acknowledgement. Pure;
 * reports[] receives the report of posture block i when it was judged, that is when a role of the
 * subject names it and there is evidence (n_postures entries, the others become POSTURE_UNJUDGED;
 * may be NULL). clock_synced false grants nothing (DECIDE_CLOCK). */
void decide(const struct policy *p, const struct subject *s, const struct posture_history *h,
            bool clock_synced, struct wall now, struct decision *out,
            struct posture_report *reports);

#endif
