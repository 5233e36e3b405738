/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Three-valued rules, grace, exceptions, and what is shown to the person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/posture_parts.h"

#define NOW INT64_C(1780000000)
#define DAY INT64_C(86400)

static struct posture_report report;

/* ---- building ---- */

static struct condition cond(enum fact_id fact, enum operator op, int64_t n)
{
    return (struct condition){.fact = fact, .op = op, .n = n};
}
static struct condition age(enum fact_id fact, enum operator op, int64_t n)
{
    return (struct condition){.fact = fact, .age = true, .op = op, .n = n};
}
static struct condition words(enum fact_id fact, enum operator op, const char *a, const char *b)
{
    struct condition c = {.fact = fact, .op = op, .n_text = b ? 2 : 1};

    strcpy(c.text[0], a);
    if (b)
        strcpy(c.text[1], b);
    return c;
}
static struct posture_rule rule_of(struct condition c)
{
    return (struct posture_rule){.require = c, .code = PL703};
}
static struct posture one_rule(struct posture_rule r)
{
    struct posture p = {.lease = {900}, .evidence = {8 * 3600}, .assurance = 1, .n_rules = 1};

    p.rules[0] = r;
    return p;
}

static void know(struct facts *f, enum fact_id id, int64_t n)
{
    f->v[id] = (struct fact){.known = true, .n = n};
}
static void know_text(struct facts *f, enum fact_id id, const char *text)
{
    f->v[id] = (struct fact){.known = true};
    strcpy(f->v[id].text, text);
}
static struct facts some_facts(void)
{
    struct facts f = {.at = {NOW}};

    know(&f, FACT_FDE_SYS, 1);
    know(&f, FACT_FW_ON, 0);
    know(&f, FACT_PEND_CRIT, 3);
    know(&f, FACT_OS_PATCH, NOW - 30 * DAY);
    know(&f, FACT_AV_DEFS_AT, NOW + DAY + 1);
    know_text(&f, FACT_OS_FAMILY, "debian");
    know_text(&f, FACT_OS_VER, "12.7");
    f.v[FACT_LIC_UNAUTH] = (struct fact){.known = true, .n = 2, .text = "winrar, teamviewer"};
    return f;
}

static const struct rule_result *last(void) { return &report.rules[report.n_rules - 1]; }

static void judge(const struct posture *p, const struct facts *f,
                  const struct posture_history *h, int64_t now)
{
    posture_judge(p, f, 1, h, (struct wall){now}, &report);
}

/* ---- truth ---- */

static void truths(void **state)
{
    const struct facts f = some_facts();
    const struct { const char *what; struct condition c; enum truth t; } cases[] = {
        {"bool true", cond(FACT_FDE_SYS, OP_TRUE, 0), TRUTH_TRUE},
        {"not of true", cond(FACT_FDE_SYS, OP_FALSE, 0), TRUTH_FALSE},
        {"bool false", cond(FACT_FW_ON, OP_TRUE, 0), TRUTH_FALSE},
        {"not of false", cond(FACT_FW_ON, OP_FALSE, 0), TRUTH_TRUE},
        {"unknown", cond(FACT_FDE_ALL, OP_TRUE, 0), TRUTH_UNKNOWN},
        {"not of unknown is unknown", cond(FACT_FDE_ALL, OP_FALSE, 0), TRUTH_UNKNOWN},
        {"bool == true", cond(FACT_FDE_SYS, OP_EQ, 1), TRUTH_TRUE},
        {"bool != true", cond(FACT_FDE_SYS, OP_NE, 1), TRUTH_FALSE},
        {"bool has no order", cond(FACT_FDE_SYS, OP_GE, 0), TRUTH_UNKNOWN},
        {"3 == 3", cond(FACT_PEND_CRIT, OP_EQ, 3), TRUTH_TRUE},
        {"3 == 0", cond(FACT_PEND_CRIT, OP_EQ, 0), TRUTH_FALSE},
        {"3 != 3", cond(FACT_PEND_CRIT, OP_NE, 3), TRUTH_FALSE},
        {"3 < 3", cond(FACT_PEND_CRIT, OP_LT, 3), TRUTH_FALSE},
        {"3 < 4", cond(FACT_PEND_CRIT, OP_LT, 4), TRUTH_TRUE},
        {"3 <= 3", cond(FACT_PEND_CRIT, OP_LE, 3), TRUTH_TRUE},
        {"3 <= 2", cond(FACT_PEND_CRIT, OP_LE, 2), TRUTH_FALSE},
        {"3 > 3", cond(FACT_PEND_CRIT, OP_GT, 3), TRUTH_FALSE},
        {"3 > 2", cond(FACT_PEND_CRIT, OP_GT, 2), TRUTH_TRUE},
        {"3 >= 3", cond(FACT_PEND_CRIT, OP_GE, 3), TRUTH_TRUE},
        {"3 >= 4", cond(FACT_PEND_CRIT, OP_GE, 4), TRUTH_FALSE},
        {"unknown < 4", cond(FACT_PEND_IMP, OP_LT, 4), TRUTH_UNKNOWN},
        {"number is no bool", cond(FACT_PEND_CRIT, OP_TRUE, 0), TRUTH_UNKNOWN},
        {"list counts", cond(FACT_LIC_UNAUTH, OP_EQ, 0), TRUTH_FALSE},
        {"age at the limit", age(FACT_OS_PATCH, OP_LE, 30 * DAY), TRUTH_TRUE},
        {"age a second over", age(FACT_OS_PATCH, OP_LE, 30 * DAY - 1), TRUTH_FALSE},
        {"age below the limit itself", age(FACT_OS_PATCH, OP_LT, 30 * DAY), TRUTH_FALSE},
        {"age of what is unknown", age(FACT_FDE_ALL, OP_LE, DAY), TRUTH_UNKNOWN},
        {"age of a number", age(FACT_PEND_CRIT, OP_LE, DAY), TRUTH_UNKNOWN},
        {"a date too far ahead", age(FACT_AV_DEFS_AT, OP_LE, DAY), TRUTH_UNKNOWN},
        {"date itself", cond(FACT_OS_PATCH, OP_GE, NOW - 30 * DAY), TRUTH_TRUE},
        {"date a second later", cond(FACT_OS_PATCH, OP_GE, NOW - 30 * DAY + 1), TRUTH_FALSE},
        {"word ==", words(FACT_OS_FAMILY, OP_EQ, "debian", NULL), TRUTH_TRUE},
        {"word in other case", words(FACT_OS_FAMILY, OP_EQ, "Debian", NULL), TRUTH_FALSE},
        {"word !=", words(FACT_OS_FAMILY, OP_NE, "debian", NULL), TRUTH_FALSE},
        {"words have no order", words(FACT_OS_FAMILY, OP_LT, "z", NULL), TRUTH_UNKNOWN},
        {"in", words(FACT_OS_FAMILY, OP_IN, "ubuntu", "debian"), TRUTH_TRUE},
        {"not among", words(FACT_OS_FAMILY, OP_IN, "ubuntu", "macos"), TRUTH_FALSE},
        {"not in", words(FACT_OS_FAMILY, OP_NOT_IN, "ubuntu", "macos"), TRUTH_TRUE},
        {"not in, but is", words(FACT_OS_FAMILY, OP_NOT_IN, "ubuntu", "debian"), TRUTH_FALSE},
        {"unknown in", words(FACT_AV_NAME, OP_IN, "a", "b"), TRUTH_UNKNOWN},
        {"unknown not in", words(FACT_AV_NAME, OP_NOT_IN, "a", "b"), TRUTH_UNKNOWN},
        {"version >=", words(FACT_OS_VER, OP_GE, "12.7", NULL), TRUTH_TRUE},
        {"version >= by number", words(FACT_OS_VER, OP_GE, "12.10", NULL), TRUTH_FALSE},
        {"version == with a zero", words(FACT_OS_VER, OP_EQ, "12.7.0", NULL), TRUTH_TRUE},
        {"version in", words(FACT_OS_VER, OP_IN, "11", "12.7.0"), TRUTH_TRUE},
        {"no literal", {.fact = FACT_OS_FAMILY, .op = OP_EQ}, TRUTH_UNKNOWN},
        {"in nothing", {.fact = FACT_OS_FAMILY, .op = OP_IN}, TRUTH_FALSE},
        {"no such fact", {.fact = FACT_COUNT, .op = OP_TRUE}, TRUTH_UNKNOWN},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (condition_truth(&cases[i].c, &f, (struct wall){NOW}) != cases[i].t)
            fail_msg("%s: not %d", cases[i].what, (int)cases[i].t);
}

/* ---- one rule: require x when x missing x action ---- */

static void rules(void **state)
{
    const struct facts f = some_facts();
    const struct condition yes = cond(FACT_FDE_SYS, OP_TRUE, 0), no = cond(FACT_FW_ON, OP_TRUE, 0),
                           none = cond(FACT_FDE_ALL, OP_TRUE, 0);
    const struct {
        const char *what;
        struct posture_rule r;
        enum posture_result result;
        enum refusal_code code;
    } cases[] = {
        {"true", {.require = yes, .code = PL708}, POSTURE_PASS, CODE_NONE},
        {"false", {.require = no, .code = PL709}, POSTURE_QUARANTINE, PL709},
        {"unknown", {.require = none, .code = PL708}, POSTURE_QUARANTINE, PL719},
        {"unknown, missing ok", {.require = none, .missing_ok = true}, POSTURE_PASS, CODE_NONE},
        {"false, missing ok", {.require = no, .missing_ok = true, .code = PL709},
         POSTURE_QUARANTINE, PL709},
        {"false, warn", {.require = no, .action = RULE_WARN, .code = PL709}, POSTURE_WARN, PL709},
        {"false, deny", {.require = no, .action = RULE_DENY, .code = PL709}, POSTURE_DENY, PL709},
        {"unknown, deny", {.require = none, .action = RULE_DENY}, POSTURE_DENY, PL719},
        {"when false", {.require = no, .when = no, .has_when = true, .code = PL709}, POSTURE_PASS,
         CODE_NONE},
        {"when true", {.require = no, .when = yes, .has_when = true, .code = PL709},
         POSTURE_QUARANTINE, PL709},
        {"when unknown applies", {.require = no, .when = none, .has_when = true, .code = PL709},
         POSTURE_QUARANTINE, PL709},
        {"when unknown, true", {.require = yes, .when = none, .has_when = true}, POSTURE_PASS,
         CODE_NONE},
        {"false in grace", {.require = no, .grace = {DAY}, .code = PL709}, POSTURE_GRACE, PL709},
        {"unknown in grace", {.require = none, .grace = {DAY}}, POSTURE_GRACE, PL719},
        {"deny waits for its grace", {.require = no, .action = RULE_DENY, .grace = {DAY},
         .code = PL709}, POSTURE_GRACE, PL709},
        {"warn needs no grace", {.require = no, .action = RULE_WARN, .grace = {DAY},
         .code = PL709}, POSTURE_WARN, PL709},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct posture p = one_rule(cases[i].r);

        judge(&p, &f, NULL, NOW);
        if (report.result != cases[i].result || report.code != cases[i].code)
            fail_msg("%s: %s %s", cases[i].what, posture_result_name(report.result),
                     code_id(report.code));
        assert_int_equal(report.judged, report.result);
        assert_int_equal(last()->result, cases[i].result);
    }
}

static void worst_rule_counts(void **state)
{
    const struct facts f = some_facts();
    struct posture p = one_rule(rule_of(cond(FACT_FDE_SYS, OP_TRUE, 0)));

    (void)state;
    p.n_rules = 4;
    p.rules[1] = (struct posture_rule){.require = cond(FACT_FW_ON, OP_TRUE, 0), .code = PL709,
                                       .action = RULE_WARN};
    p.rules[2] = (struct posture_rule){.require = cond(FACT_PEND_CRIT, OP_EQ, 0), .code = PL704};
    p.rules[3] = (struct posture_rule){.require = cond(FACT_LIC_UNAUTH, OP_EQ, 0), .code = PL716,
                                       .grace = {DAY}};
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.n_rules, 6); /* assurance, evidence and the four */
    assert_int_equal(report.result, POSTURE_QUARANTINE);
    assert_int_equal(report.code, PL704);
    assert_int_equal(report.rules[5].result, POSTURE_GRACE);
    p.rules[2].action = RULE_WARN;
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.result, POSTURE_GRACE);
    assert_int_equal(report.code, PL716);
    p.rules[3].grace.s = 0;
    p.rules[2].action = RULE_QUARANTINE;
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.code, PL704); /* the first of the worst */
}

/* Whatever PL code a rule carries, its failure carries it to the report and to the rule. */
static void every_rule_code_arrives(void **state)
{
    static const enum refusal_code codes[] = {
#define X(kind, number, name, sentence, fix) kind##number,
        REFUSALS(X)
#undef X
    };
    const struct facts f = some_facts();
    int n = 0;

    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++) {
        struct posture p = one_rule(rule_of(cond(FACT_FW_ON, OP_TRUE, 0)));

        if (code_id(codes[i])[1] != 'L')
            continue;
        p.rules[0].code = codes[i];
        judge(&p, &f, NULL, NOW);
        assert_int_equal(report.code, codes[i]);
        assert_int_equal(last()->code, codes[i]);
        n++;
    }
    assert_int_equal(n, 23);
}

static void blocks_have_names(void **state)
{
    struct posture v[2] = {{.name = "baseline"}, {.name = "strict"}};
    struct policy p = {.postures = v, .n_postures = 2};

    (void)state;
    assert_int_equal(policy_posture(&p, "baseline"), 0);
    assert_int_equal(policy_posture(&p, "strict"), 1);
    assert_int_equal(policy_posture(&p, "stric"), -1);
}

static void dates_ahead(void **state)
{
    const struct condition c = age(FACT_OS_PATCH, OP_LE, DAY), plain = cond(FACT_OS_PATCH, OP_LE, NOW);
    struct facts f = some_facts();

    (void)state;
    know(&f, FACT_OS_PATCH, NOW + DAY);
    assert_int_equal(condition_truth(&c, &f, (struct wall){NOW}), TRUTH_TRUE);
    assert_int_equal(condition_truth(&c, &f, (struct wall){NOW - 1}), TRUTH_UNKNOWN);
    assert_int_equal(condition_changes_at(&plain, &f, (struct wall){NOW}).s, 0);
}

/* ---- assurance, evidence, system ---- */

static void assurance_levels(void **state)
{
    static const struct { uint8_t asked, has; enum refusal_code code; } cases[] = {
        {1, 0, PT601}, {1, 1, CODE_NONE}, {2, 1, PT601}, {2, 2, CODE_NONE},
        {3, 2, PT601}, {1, 3, CODE_NONE}, {0, 0, PT601}, {4, 3, PT601},
    };
    const struct facts f = some_facts();

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct posture p = {.evidence = {3600}, .assurance = cases[i].asked};

        posture_judge(&p, &f, cases[i].has, NULL, (struct wall){NOW}, &report);
        assert_int_equal(report.code, cases[i].code);
        assert_int_equal(report.result, cases[i].code ? POSTURE_QUARANTINE : POSTURE_PASS);
    }
    assert_string_equal(report.rules[0].rule, "assurance >= PA4");
    assert_string_equal(report.rules[0].expected, ">= PA4");
    assert_string_equal(report.rules[0].received, "PA3");
}

static void evidence_ages(void **state)
{
    static const struct { int64_t at; enum refusal_code code; } cases[] = {
        {NOW, CODE_NONE}, {NOW - 3599, CODE_NONE}, {NOW - 3600, CODE_NONE},
        {NOW - 3601, PT311}, {0, PT311}, {NOW + 60, CODE_NONE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct posture p = {.evidence = {3600}, .assurance = 1};
        struct facts f = {.at = {cases[i].at}};

        judge(&p, &f, NULL, NOW);
        assert_int_equal(report.code, cases[i].code);
        assert_int_equal(report.good_until.s, cases[i].code ? 0 : cases[i].at + 3600);
    }
    assert_string_equal(report.rules[1].rule, "evidence <= 1h");
}

static void systems(void **state)
{
    static const struct {
        const char *what, *family, *ver;
        enum posture_result result;
        enum refusal_code code;
        const char *received;
    } cases[] = {
        {"listed, exact", "debian", "12", POSTURE_PASS, CODE_NONE, "debian 12"},
        {"listed, newer", "macos", "15", POSTURE_PASS, CODE_NONE, "macos 15"},
        {"listed, one below", "macos", "14.6.9", POSTURE_QUARANTINE, PL702, "macos 14.6.9"},
        {"listed, version unknown", "debian", NULL, POSTURE_QUARANTINE, PL719,
         "debian of unknown version"},
        {"listed without a version", "arch", NULL, POSTURE_PASS, CODE_NONE,
         "arch of unknown version"},
        {"not listed", "windows", "11", POSTURE_DENY, PL701, "windows"},
        {"unknown", NULL, "12", POSTURE_DENY, PL719, "unknown"},
    };
    struct posture p = {.evidence = {3600}, .assurance = 1, .n_os = 3,
                        .os = {{"debian", "12"}, {"macos", "14.7"}, {"arch", ""}}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct facts f = {.at = {NOW}};

        if (cases[i].family)
            know_text(&f, FACT_OS_FAMILY, cases[i].family);
        if (cases[i].ver)
            know_text(&f, FACT_OS_VER, cases[i].ver);
        judge(&p, &f, NULL, NOW);
        if (report.result != cases[i].result || report.code != cases[i].code)
            fail_msg("%s: %s %s", cases[i].what, posture_result_name(report.result),
                     code_id(report.code));
        assert_string_equal(last()->received, cases[i].received);
    }
    assert_string_equal(last()->rule, "os debian >= 12, macos >= 14.7, arch");
}

/* ---- grace and exceptions ---- */

static void grace_runs_from_the_first_failure(void **state)
{
    static const struct { const char *what; int64_t since; enum posture_result result; } cases[] = {
        {"just failed", NOW, POSTURE_GRACE},
        {"last second", NOW - DAY + 1, POSTURE_GRACE},
        {"over", NOW - DAY, POSTURE_QUARANTINE},
        {"long over", NOW - 9 * DAY, POSTURE_QUARANTINE},
    };
    const struct facts f = some_facts();
    struct posture p = one_rule((struct posture_rule){.require = cond(FACT_FW_ON, OP_TRUE, 0),
                                                      .grace = {DAY}, .code = PL709});

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct grace_state g[2] = {{"require other", {NOW - 99 * DAY}},
                                   {"require fw.on", {cases[i].since}}};
        struct posture_history h = {.grace = g, .n_grace = 2};
        bool in_grace = cases[i].result == POSTURE_GRACE;

        judge(&p, &f, &h, NOW);
        if (report.result != cases[i].result)
            fail_msg("%s: %s", cases[i].what, posture_result_name(report.result));
        assert_int_equal(report.code, PL709);
        assert_int_equal(last()->grace_until.s, in_grace ? cases[i].since + DAY : 0);
    }
    judge(&p, &f, NULL, NOW);
    assert_int_equal(last()->grace_until.s, NOW + DAY);
}

static void exceptions_end(void **state)
{
    static const struct {
        const char *what;
        int64_t until[2];
        enum posture_result result;
        enum refusal_code code;
        bool excepted;
    } cases[] = {
        {"in force", {NOW + 1, 0}, POSTURE_WARN, PL709, true},
        {"ended now", {NOW, 0}, POSTURE_QUARANTINE, PL720, false},
        {"ended long ago", {NOW - DAY, 0}, POSTURE_QUARANTINE, PL720, false},
        {"ended, and a later one", {NOW - DAY, NOW + DAY}, POSTURE_WARN, PL709, true},
        {"a later one first", {NOW + DAY, NOW - DAY}, POSTURE_WARN, PL709, true},
    };
    const struct facts f = some_facts();
    struct posture p = one_rule((struct posture_rule){.require = cond(FACT_FW_ON, OP_TRUE, 0),
                                                      .code = PL709, .action = RULE_QUARANTINE});

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct exception e[2] = {{"require fw.on", {cases[i].until[0]}, "printer room"},
                                 {"require fw.on", {cases[i].until[1]}, "printer room"}};
        struct posture_history h = {.exceptions = e, .n_exceptions = cases[i].until[1] ? 2 : 1};

        judge(&p, &f, &h, NOW);
        if (report.result != cases[i].result || report.code != cases[i].code)
            fail_msg("%s: %s %s", cases[i].what, posture_result_name(report.result),
                     code_id(report.code));
        assert_int_equal(last()->excepted, cases[i].excepted);
    }
}

static void exceptions_are_for_their_rule_only(void **state)
{
    struct facts f = some_facts();
    struct exception e[] = {{"require fw.in", {NOW + DAY}, ""}, {"assurance >= PA1", {NOW + DAY}, ""},
                            {"evidence <= 8h", {NOW + DAY}, ""}, {"os macos >= 14", {NOW + DAY}, ""},
                            {"os debian >= 13", {NOW + DAY}, ""}};
    struct posture_history h = {.exceptions = e, .n_exceptions = 5};
    struct posture p = one_rule(rule_of(cond(FACT_FW_ON, OP_TRUE, 0)));

    (void)state;
    judge(&p, &f, &h, NOW);
    assert_int_equal(report.result, POSTURE_QUARANTINE);
    p.n_rules = 0;
    posture_judge(&p, &f, 0, &h, (struct wall){NOW}, &report);
    assert_int_equal(report.code, PT601);
    f.at.s = NOW - DAY;
    judge(&p, &f, &h, NOW);
    assert_int_equal(report.code, PT311);
    f.at.s = NOW;
    p.n_os = 1;
    strcpy(p.os[0].family, "macos");
    strcpy(p.os[0].version, "14");
    judge(&p, &f, &h, NOW);
    assert_int_equal(report.result, POSTURE_DENY);
    strcpy(p.os[0].family, "debian");
    strcpy(p.os[0].version, "13");
    judge(&p, &f, &h, NOW);
    assert_int_equal(report.result, POSTURE_WARN); /* the version may be excepted */
    assert_true(last()->excepted);
}

/* An exception that ended leaves the rule as it was, grace included. */
static void ended_exception_then_grace(void **state)
{
    const struct facts f = some_facts();
    struct exception e = {"require fw.on", {NOW - 1}, ""};
    struct grace_state g = {"require fw.on", {NOW - DAY + 5}};
    struct posture_history h = {&g, 1, &e, 1};
    struct posture p = one_rule((struct posture_rule){.require = cond(FACT_FW_ON, OP_TRUE, 0),
                                                      .grace = {DAY}, .code = PL709});

    (void)state;
    judge(&p, &f, &h, NOW);
    assert_int_equal(report.result, POSTURE_GRACE);
    assert_int_equal(report.code, PL720);
    judge(&p, &f, &h, NOW + 5);
    assert_int_equal(report.result, POSTURE_QUARANTINE);
    assert_int_equal(report.code, PL720);
}

static void report_only_takes_nothing(void **state)
{
    struct facts f = some_facts();
    struct posture p = one_rule((struct posture_rule){.require = cond(FACT_FW_ON, OP_TRUE, 0),
                                                      .action = RULE_DENY, .code = PL709});

    (void)state;
    p.report_only = true;
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.result, POSTURE_WARN);
    assert_int_equal(report.judged, POSTURE_DENY);
    assert_int_equal(report.code, PL709);
    assert_int_equal(last()->result, POSTURE_DENY);
    assert_int_equal(report.good_until.s, 0);
    know(&f, FACT_FW_ON, 1);
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.result, POSTURE_PASS);
}

static void ends_are_the_earliest(void **state)
{
    const struct facts f = some_facts();
    struct posture p = one_rule(rule_of(age(FACT_OS_PATCH, OP_LE, 30 * DAY + 100)));
    struct exception e = {"require fw.on", {NOW + 70}, ""};
    struct posture_history h = {.exceptions = &e, .n_exceptions = 1};

    (void)state;
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.good_until.s, NOW + 101);
    assert_int_equal(report.changes_at.s, NOW + 101);
    p.rules[0].grace.s = DAY; /* then it only begins its grace */
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.good_until.s, NOW + 8 * 3600);
    assert_int_equal(report.changes_at.s, NOW + 101);
    p.n_rules = 2;
    p.rules[1] = (struct posture_rule){.require = cond(FACT_FW_ON, OP_TRUE, 0), .code = PL709,
                                       .grace = {80}};
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.good_until.s, NOW + 80);
    judge(&p, &f, &h, NOW);
    assert_int_equal(report.good_until.s, NOW + 70);
    assert_int_equal(report.changes_at.s, NOW + 70);
    p.rules[1].has_when = true;
    p.rules[1].when = age(FACT_OS_PATCH, OP_GT, 30 * DAY + 60);
    judge(&p, &f, NULL, NOW);
    assert_int_equal(report.good_until.s, NOW + 8 * 3600);
    assert_int_equal(report.changes_at.s, NOW + 61);
}

static void ages_turn_when_they_say(void **state)
{
    static const enum operator ops[] = {OP_EQ, OP_NE, OP_LT, OP_LE, OP_GT, OP_GE};
    struct facts f = some_facts();

    (void)state;
    for (size_t o = 0; o < sizeof ops / sizeof ops[0]; o++)
        for (int64_t limit = 0; limit < 6; limit++)
            for (int64_t old = -2; old < 8; old++) {
                struct condition c = age(FACT_OS_PATCH, ops[o], limit);
                int64_t turn, t = NOW;

                know(&f, FACT_OS_PATCH, NOW - old);
                turn = condition_changes_at(&c, &f, (struct wall){NOW}).s;
                while (t < NOW + 20 && condition_truth(&c, &f, (struct wall){t}) ==
                                           condition_truth(&c, &f, (struct wall){NOW}))
                    t++;
                assert_int_equal(turn, t == NOW + 20 ? 0 : t);
            }
}

/* ---- text ---- */

static void texts(void **state)
{
    const struct facts f = some_facts();
    const struct { struct posture_rule r; const char *rule, *expected, *received; } cases[] = {
        {rule_of(age(FACT_OS_PATCH, OP_LE, 30 * DAY)), "require age(os.patch) <= 30d",
         "<= 30 days", "30 days"},
        {rule_of(age(FACT_OS_PATCH, OP_LE, 30 * DAY - 1)), "require age(os.patch) <= 2591999s",
         "<= 2591999 seconds", "30 days"},
        {rule_of(age(FACT_OS_PATCH, OP_LE, DAY)), "require age(os.patch) <= 1d", "<= 1 day",
         "30 days"},
        {rule_of(cond(FACT_FDE_SYS, OP_TRUE, 0)), "require fde.sys", "yes", "yes"},
        {rule_of(cond(FACT_FW_ON, OP_FALSE, 0)), "require not fw.on", "no", "no"},
        {rule_of(cond(FACT_FDE_ALL, OP_TRUE, 0)), "require fde.all", "yes", "unknown"},
        {rule_of(cond(FACT_PEND_CRIT, OP_EQ, 0)), "require pend.crit == 0", "== 0", "3"},
        {rule_of(cond(FACT_LIC_UNAUTH, OP_EQ, 0)), "require lic.unauth == 0", "== 0",
         "2 (winrar, teamviewer)"},
        {rule_of(words(FACT_OS_VER, OP_GE, "12.10", NULL)), "require os.ver >= 12.10", ">= 12.10",
         "12.7"},
        {rule_of(words(FACT_OS_FAMILY, OP_IN, "windows", "macos")),
         "require os.family in { windows macos }", "one of windows, macos", "debian"},
        {rule_of(words(FACT_OS_FAMILY, OP_NOT_IN, "windows", NULL)),
         "require os.family not in { windows }", "none of windows", "debian"},
        {rule_of(words(FACT_AV_NAME, OP_EQ, "Big \"AV\"", NULL)),
         "require av.name == \"Big \\\"AV\\\"\"", "== \"Big \\\"AV\\\"\"", "unknown"},
        {rule_of(cond(FACT_OS_PATCH, OP_GE, 1777593600)), "require os.patch >= 2026-05-01",
         ">= 2026-05-01", "1777408000"},
        {{.require = cond(FACT_FW_ON, OP_TRUE, 0), .has_when = true,
          .when = words(FACT_OS_FAMILY, OP_IN, "debian", "macos"), .grace = {DAY},
          .missing_ok = true, .action = RULE_WARN},
         "require fw.on when os.family in { debian macos }", "yes", "no"},
        {{.require = cond(FACT_FW_ON, OP_TRUE, 0), .has_when = true,
          .when = cond(FACT_FDE_SYS, OP_FALSE, 0)},
         "require fw.on when not fde.sys", "yes", "does not apply"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct posture p = one_rule(cases[i].r);

        judge(&p, &f, NULL, NOW);
        assert_string_equal(last()->rule, cases[i].rule);
        assert_string_equal(last()->expected, cases[i].expected);
        assert_string_equal(last()->received, cases[i].received);
    }
}

static void ages_in_words(void **state)
{
    static const struct { int64_t age, limit; const char *text; } cases[] = {
        {0, 9, "0 seconds"},          {1, 9, "1 second"},      {119, 999, "119 seconds"},
        {120, 999, "2 minutes"},      {7200, 9999, "2 hours"}, {172799, 999999, "47 hours"},
        {172800, 999999, "2 days"},   {-5, 9, "0 seconds"},    {30 * DAY + 1, 30 * DAY, "over 30 days"},
        {31 * DAY, 30 * DAY, "31 days"}, {30 * DAY, 30 * DAY, "30 days"},
    };
    char text[SHOWN_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct shown o = shown_start(text, sizeof text);

        shown_age(&o, cases[i].age, cases[i].limit);
        assert_string_equal(text, cases[i].text);
    }
}

/* Two long rules that differ at their end only must not share a key. */
static void long_rules_are_cut_and_differ(void **state)
{
    struct posture_rule r = rule_of((struct condition){.fact = FACT_OS_FAMILY, .op = OP_IN});
    char a[RULE_TEXT], b[RULE_TEXT], expected[SHOWN_TEXT];

    (void)state;
    r.require.n_text = LITERALS_MAX;
    for (int i = 0; i < LITERALS_MAX; i++)
        snprintf(r.require.text[i], FACT_TEXT, "a-rather-long-name-of-a-system-%d", i);
    rule_print(&r, a);
    r.require.text[LITERALS_MAX - 1][0] = 'b';
    rule_print(&r, b);
    assert_int_equal(strlen(a), RULE_TEXT - 1);
    assert_string_not_equal(a, b);
    assert_memory_equal(a, b, RULE_TEXT - 10);
    condition_expected(&r.require, expected);
    assert_string_equal(expected, "one of a-rather-long-name-of-a-system-0, "
                                  "a-rather-long-name-of-a-system-1, ..");
    memset(r.require.text, 0, sizeof r.require.text);
    for (int i = 0; i < LITERALS_MAX; i++)
        memset(r.require.text[i], '"', FACT_TEXT - 1);
    r.has_when = true;
    r.when = r.require;
    rule_print(&r, a);
    assert_int_equal(strlen(a), RULE_TEXT - 1);
}

static void shown_texts_never_overrun(void **state)
{
    (void)state;
    for (size_t size = 1; size < 12; size++) {
        char text[16];
        struct shown o = shown_start(text, size);

        memset(text + 1, 'Z', sizeof text - 1);
        shown_put(&o, "ab\xc3\xa4");
        shown_put(&o, "cd\xc3\xa4");
        shown_put(&o, "e");
        assert_int_equal(o.len, 9);
        assert_true(strlen(text) < size);
        assert_int_equal(text[size], 'Z');
        assert_true(strncmp("ab\xc3\xa4" "cd\xc3\xa4" "e", text, strlen(text)) == 0);
        assert_true(text[0] == '\0' || text[strlen(text) - 1] != '\xc3');
    }
}

static void admitting_results(void **state)
{
    (void)state;
    assert_false(posture_admits(POSTURE_UNJUDGED));
    assert_true(posture_admits(POSTURE_PASS) && posture_admits(POSTURE_WARN) &&
                posture_admits(POSTURE_GRACE));
    assert_false(posture_admits(POSTURE_QUARANTINE) || posture_admits(POSTURE_DENY));
    assert_false(posture_admits((enum posture_result)77));
    assert_string_equal(posture_result_name(POSTURE_QUARANTINE), "quarantine");
    assert_string_equal(posture_result_name((enum posture_result)77), "");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(truths),
        cmocka_unit_test(rules),
        cmocka_unit_test(worst_rule_counts),
        cmocka_unit_test(every_rule_code_arrives),
        cmocka_unit_test(blocks_have_names),
        cmocka_unit_test(dates_ahead),
        cmocka_unit_test(assurance_levels),
        cmocka_unit_test(evidence_ages),
        cmocka_unit_test(systems),
        cmocka_unit_test(grace_runs_from_the_first_failure),
        cmocka_unit_test(exceptions_end),
        cmocka_unit_test(exceptions_are_for_their_rule_only),
        cmocka_unit_test(ended_exception_then_grace),
        cmocka_unit_test(report_only_takes_nothing),
        cmocka_unit_test(ends_are_the_earliest),
        cmocka_unit_test(ages_turn_when_they_say),
        cmocka_unit_test(texts),
        cmocka_unit_test(ages_in_words),
        cmocka_unit_test(long_rules_are_cut_and_differ),
        cmocka_unit_test(shown_texts_never_overrun),
        cmocka_unit_test(admitting_results),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
