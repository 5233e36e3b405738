/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Posture blocks and their judgement: three-valued rules over facts.
 *
 * A rule passes only when it is true. Unknown is PL719 unless the rule says `missing ok`; a
 * `when` that is unknown applies. The result of a device is the worst of its rules.
 */
#ifndef POLICY_POSTURE_H
#define POLICY_POSTURE_H

#include "policy/codes.h"
#include "policy/policy.h"

#define POSTURE_RULES_MAX 48     /* rules of one block */
#define OS_MIN_MAX 16            /* systems of one `os` line */
#define LITERALS_MAX 16          /* members of one `in { ... }` */
#define RULE_TEXT 128            /* a rule as canonical text, with its NUL */
#define SHOWN_TEXT 96            /* an expected or received value as text, with its NUL */

/* Worst last: the result of a block is the maximum of its rules. */
enum posture_result {
    POSTURE_UNJUDGED = 0,        /* = deny: nothing was judged */
    POSTURE_PASS, POSTURE_WARN, POSTURE_GRACE, POSTURE_QUARANTINE, POSTURE_DENY
};
const char *posture_result_name(enum posture_result r);
/* Do devices with this result hold a lease? pass, warn and grace do. */
bool posture_admits(enum posture_result r);

enum operator { OP_TRUE, OP_FALSE, OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE, OP_IN, OP_NOT_IN };

/* One comparison: [age(]fact[)] operator literal. OP_TRUE/OP_FALSE are `fact` and `not fact`. */
struct condition {
    enum fact_id fact;
    bool age;                             /* now - fact, for FACT_DATE; literal is a duration */
    enum operator op;
    int64_t n;                            /* integers, seconds of a duration or date, list count */
    char text[LITERALS_MAX][FACT_TEXT];   /* strings and versions; n_text of them */
    uint8_t n_text;
};

enum rule_action { RULE_QUARANTINE = 0, RULE_WARN, RULE_DENY };   /* what failing means */

struct posture_rule {
    struct condition require;
    struct condition when;  bool has_when;
    bool missing_ok;
    enum rule_action action;
    struct span grace;                    /* 0 = none */
    enum refusal_code code;               /* PL7xx that a failure carries */
    struct src_pos pos;
};

struct os_min { char family[FACT_TEXT]; char version[FACT_TEXT]; };

struct posture {
    char name[NAME_SIZE];
    struct span lease;                    /* longest lease, default 15 min */
    struct span evidence;                 /* oldest pst.at accepted, default 8 h */
    uint8_t assurance;                    /* 1..4 */
    bool report_only;                     /* judged and recorded; never takes a lease away */
    struct os_min os[OS_MIN_MAX];  uint8_t n_os;   /* not listed = PL701 deny; none = any */
    struct posture_rule rules[POSTURE_RULES_MAX];  uint8_t n_rules;
    struct src_pos pos;
};

int policy_posture(const struct policy *p, const char *name);    /* index or -1 */

/* When a rule of a device first failed (stored by the caller; not restarted by one pass: the
 * caller forgets it only after a day of passing), and exceptions with an end date. */
struct grace_state { char rule[RULE_TEXT]; struct wall since; };
struct exception { char rule[RULE_TEXT]; struct wall until; char reason[TEXT_SIZE]; };
struct posture_history {
    const struct grace_state *grace;  size_t n_grace;
    const struct exception *exceptions;  size_t n_exceptions;
};

struct rule_result {
    char rule[RULE_TEXT];         /* canonical text of the rule: also its key in the history */
    char expected[SHOWN_TEXT], received[SHOWN_TEXT];   /* "<= 30 days", "41 days" */
    enum posture_result result;
    enum refusal_code code;       /* CODE_NONE when it passed */
    struct wall grace_until;      /* 0 unless result is POSTURE_GRACE */
    bool excepted;
};

struct posture_report {
    enum posture_result result;   /* the worst, report_only already applied */
    enum posture_result judged;   /* the worst, as if report_only were off */
    enum refusal_code code;       /* of the worst rule */
    struct wall good_until;       /* when the result gets worse by itself: earliest of the ends of
                                     grace and exceptions, of the evidence, and of ages that a
                                     rule without grace forgives no longer; 0 = none */
    struct wall changes_at;       /* earliest time at which any rule may be judged otherwise with
                                     the same facts; never after good_until; 0 = none */
    struct rule_result rules[POSTURE_RULES_MAX + OS_MIN_MAX];
    size_t n_rules;
};

/* Canonical text of a rule: "require age(os.patch) <= 30d when os.family in { windows }": what is
 * asked, without what failing costs (grace, warn, deny), so that it stays the rule's key when that
 * is edited. One that is too long is cut and ends in "~" and a hash of the whole. */
void rule_print(const struct posture_rule *r, char out[RULE_TEXT]);

/* Judges one block. `assurance` is what the gateway computed for the token (0 = none).
 *
 * Before the rules come the assurance (PT601), the age of the evidence (PT311) and the system
 * (PL701 deny, PL702). An unknown family is an unlisted one (deny, PL719). A date more than a day
 * ahead of `now` is unknown. A rule whose `when` is false passes, and says so in `received`.
 * Ages: `<= 30d` still holds at exactly 30 days. An exception lifts failures of rules and of the
 * system's version; not of assurance, evidence or an unlisted system. With report_only no result
 * is worse than warn and good_until is 0. */
void posture_judge(const struct posture *p, const struct facts *f, uint8_t assurance,
                   const struct posture_history *h, struct wall now, struct posture_report *out);

#endif
