/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The judge of a posture block. What fails is softened in this order: an exception in force makes
 * it a warning; grace makes it wait; otherwise the rule's own action holds.
 */
#include <string.h>

#include "policy/posture_parts.h"

const char *posture_result_name(enum posture_result r)
{
    static const char *const name[] = {
        [POSTURE_UNJUDGED] = "unjudged", [POSTURE_PASS] = "pass",
        [POSTURE_WARN] = "warn",         [POSTURE_GRACE] = "grace",
        [POSTURE_QUARANTINE] = "quarantine", [POSTURE_DENY] = "deny",
    };

    return r <= POSTURE_DENY ? name[r] : "";
}

bool posture_admits(enum posture_result r)
{
    return r == POSTURE_PASS || r == POSTURE_WARN || r == POSTURE_GRACE;
}

int policy_posture(const struct policy *p, const char *name)
{
    for (size_t i = 0; i < p->n_postures; i++)
        if (strcmp(p->postures[i].name, name) == 0)
            return (int)i;
    return -1;
}

/* What the functions below share. */
struct judge {
    const struct posture *p;
    const struct facts *f;
    const struct posture_history *h;
    struct wall now;
    struct posture_report *out;
};

static void earliest(struct wall *t, struct wall candidate)
{
    if (candidate.s != 0 && (t->s == 0 || candidate.s < t->s))
        *t = candidate;
}

/* It gets worse then. */
static void ends_at(struct judge *j, struct wall t)
{
    earliest(&j->out->good_until, t);
    earliest(&j->out->changes_at, t);
}

static struct rule_result *result_new(struct judge *j)
{
    struct rule_result *r = &j->out->rules[j->out->n_rules++];

    memset(r, 0, sizeof *r);
    r->result = POSTURE_PASS;
    return r;
}

static void result_fail(struct rule_result *r, enum posture_result result, enum refusal_code code)
{
    r->result = result;
    r->code = code;
}

/* ---- exceptions and grace ---- */

/* The one that ends last, NULL when there is none. */
static const struct exception *exception_find(const struct judge *j, const char *rule)
{
    const struct exception *found = NULL;

    for (size_t i = 0; j->h && i < j->h->n_exceptions; i++) {
        const struct exception *e = &j->h->exceptions[i];

        if (strcmp(e->rule, rule) == 0 && (!found || e->until.s > found->until.s))
            found = e;
    }
    return found;
}

/* When it first failed: as recorded, or now. */
static struct wall failing_since(const struct judge *j, const char *rule)
{
    for (size_t i = 0; j->h && i < j->h->n_grace; i++)
        if (strcmp(j->h->grace[i].rule, rule) == 0)
            return j->h->grace[i].since;
    return j->now;
}

static void apply_grace(struct judge *j, struct rule_result *r, struct span grace)
{
    struct wall until = {failing_since(j, r->rule).s + grace.s};

    if (grace.s <= 0 || until.s <= j->now.s)
        return;
    r->result = POSTURE_GRACE;
    r->grace_until = until;
    ends_at(j, until);
}

static void soften(struct judge *j, struct rule_result *r, struct span grace)
{
    const struct exception *e = exception_find(j, r->rule);

    if (r->result == POSTURE_WARN)
        return;
    if (e && e->until.s > j->now.s) {
        r->result = POSTURE_WARN;
        r->excepted = true;
        ends_at(j, e->until);
        return;
    }
    if (e)
        r->code = PL720;
    apply_grace(j, r, grace);
}

/* ---- assurance, evidence and system ---- */

static void level_put(char *out, size_t size, const char *before, uint8_t level)
{
    struct shown o = shown_start(out, size);

    shown_put(&o, before);
    shown_number(&o, level);
}

static void judge_assurance(struct judge *j, uint8_t assurance)
{
    struct rule_result *r = result_new(j);

    level_put(r->rule, sizeof r->rule, "assurance >= PA", j->p->assurance);
    level_put(r->expected, sizeof r->expected, ">= PA", j->p->assurance);
    level_put(r->received, sizeof r->received, "PA", assurance);
    if (assurance < j->p->assurance || assurance == 0)
        result_fail(r, POSTURE_QUARANTINE, PT601);
}

static void judge_evidence(struct judge *j)
{
    struct rule_result *r = result_new(j);
    int64_t limit = j->p->evidence.s, age = j->now.s - j->f->at.s;
    bool known = j->f->at.s > 0;
    struct shown rule = shown_start(r->rule, sizeof r->rule),
                 expected = shown_start(r->expected, sizeof r->expected),
                 received = shown_start(r->received, sizeof r->received);

    shown_put(&rule, "evidence <= ");
    shown_duration(&rule, limit, false);
    shown_put(&expected, "<= ");
    shown_duration(&expected, limit, true);
    if (known)
        shown_age(&received, age, limit);
    else
        shown_put(&received, "unknown");
    if (!known || age > limit)
        result_fail(r, POSTURE_QUARANTINE, PT311);
    else
        ends_at(j, (struct wall){j->f->at.s + limit});
}

static const struct os_min *os_find(const struct posture *p, const char *family)
{
    for (unsigned i = 0; i < p->n_os && i < OS_MIN_MAX; i++)
        if (strcmp(p->os[i].family, family) == 0)
            return &p->os[i];
    return NULL;
}

static void os_put(struct shown *o, const struct os_min *m)
{
    shown_put(o, m->family);
    if (m->version[0] == '\0')
        return;
    shown_put(o, " >= ");
    shown_put(o, m->version);
}

static void os_list(const struct posture *p, struct shown *o)
{
    for (unsigned i = 0; i < p->n_os && i < OS_MIN_MAX; i++) {
        shown_put(o, i > 0 ? ", " : "");
        os_put(o, &p->os[i]);
    }
}

static void judge_unlisted(struct judge *j, struct rule_result *r, const struct fact *family)
{
    struct shown rule = shown_start(r->rule, sizeof r->rule),
                 expected = shown_start(r->expected, sizeof r->expected),
                 received = shown_start(r->received, sizeof r->received);

    shown_put(&rule, "os ");
    os_list(j->p, &rule);
    os_list(j->p, &expected);
    shown_put(&received, family->known ? family->text : "unknown");
    result_fail(r, POSTURE_DENY, family->known ? PL701 : PL719);
}

static void judge_os_version(struct judge *j, struct rule_result *r, const struct os_min *m)
{
    const struct fact *ver = &j->f->v[FACT_OS_VER];
    struct shown rule = shown_start(r->rule, sizeof r->rule),
                 expected = shown_start(r->expected, sizeof r->expected),
                 received = shown_start(r->received, sizeof r->received);

    shown_put(&rule, "os ");
    os_put(&rule, m);
    os_put(&expected, m);
    shown_put(&received, m->family);
    shown_put(&received, " ");
    shown_put(&received, ver->known ? ver->text : "of unknown version");
    if (m->version[0] == '\0' || (ver->known && version_cmp(ver->text, m->version) >= 0))
        return;
    result_fail(r, POSTURE_QUARANTINE, ver->known ? PL702 : PL719);
    soften(j, r, (struct span){0});
}

static void judge_os(struct judge *j)
{
    const struct fact *family = &j->f->v[FACT_OS_FAMILY];
    const struct os_min *m = family->known ? os_find(j->p, family->text) : NULL;

    if (j->p->n_os == 0)
        return;
    if (m)
        judge_os_version(j, result_new(j), m);
    else
        judge_unlisted(j, result_new(j), family);
}

/* ---- rules ---- */

static enum posture_result failing(enum rule_action a)
{
    switch (a) {
    case RULE_WARN:
        return POSTURE_WARN;
    case RULE_QUARANTINE:
        return POSTURE_QUARANTINE;
    case RULE_DENY:
        break;
    }
    return POSTURE_DENY;
}

static void judge_passing(struct judge *j, const struct posture_rule *rule)
{
    struct wall turns = condition_changes_at(&rule->require, j->f, j->now);

    if (rule->action == RULE_WARN || rule->grace.s > 0)
        earliest(&j->out->changes_at, turns);
    else
        ends_at(j, turns);
}

static void judge_failing(struct judge *j, const struct posture_rule *rule, struct rule_result *r,
                          enum truth truth)
{
    earliest(&j->out->changes_at, condition_changes_at(&rule->require, j->f, j->now));
    if (truth == TRUTH_UNKNOWN && rule->missing_ok)
        return;
    result_fail(r, failing(rule->action), truth == TRUTH_UNKNOWN ? PL719 : rule->code);
    soften(j, r, rule->grace);
}

static bool rule_applies(struct judge *j, const struct posture_rule *rule)
{
    if (!rule->has_when)
        return true;
    earliest(&j->out->changes_at, condition_changes_at(&rule->when, j->f, j->now));
    return condition_truth(&rule->when, j->f, j->now) != TRUTH_FALSE;
}

static void judge_rule(struct judge *j, const struct posture_rule *rule)
{
    struct rule_result *r = result_new(j);
    enum truth truth = condition_truth(&rule->require, j->f, j->now);

    rule_print(rule, r->rule);
    condition_expected(&rule->require, r->expected);
    if (!rule_applies(j, rule)) {
        memcpy(r->received, "does not apply", sizeof "does not apply");
        return;
    }
    condition_received(&rule->require, j->f, j->now, r->received);
    if (truth == TRUTH_TRUE)
        judge_passing(j, rule);
    else
        judge_failing(j, rule, r, truth);
}

/* ---- the whole ---- */

static void take_worst(struct posture_report *out)
{
    for (size_t i = 0; i < out->n_rules; i++)
        if (out->rules[i].result > out->judged) {
            out->judged = out->rules[i].result;
            out->code = out->rules[i].code;
        }
    out->result = out->judged;
}

void posture_judge(const struct posture *p, const struct facts *f, uint8_t assurance,
                   const struct posture_history *h, struct wall now, struct posture_report *out)
{
    struct judge j = {p, f, h, now, out};

    out->result = out->judged = POSTURE_UNJUDGED;
    out->code = CODE_NONE;
    out->good_until = out->changes_at = (struct wall){0};
    out->n_rules = 0;
    judge_assurance(&j, assurance);
    judge_evidence(&j);
    judge_os(&j);
    for (unsigned i = 0; i < p->n_rules && i < POSTURE_RULES_MAX; i++)
        judge_rule(&j, &p->rules[i]);
    take_worst(out);
    if (p->report_only) {
        out->good_until = (struct wall){0};
        if (out->result > POSTURE_WARN)
            out->result = POSTURE_WARN;
    }
}
