/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * require CONDITION [when CONDITION] [missing ok] [warn|quarantine|deny] [grace DURATION].
 * Rules are typed: the fact decides which operators and literals may follow, and which code a
 * failure carries.
 */
#include <stdio.h>
#include <string.h>

#include "policy/lang.h"

#define GRACE_MAX_S (365 * 86400)
#define AGE_MAX_S (3650LL * 86400)
#define RULE_WRITTEN_MAX (RULE_TEXT - 5) /* above it rule_print() may cut */
#define INT_FACT_MAX 999999999999999LL

/* ---- facts -------------------------------------------------------------------------------- */

/* The code that a rule on a fact carries when it fails (posture.md's closed list). */
static const enum refusal_code fact_codes[FACT_COUNT] = {
    [FACT_OS_FAMILY] = PL701,
    [FACT_OS_VER] = PL702,
    [FACT_OS_BUILD] = PL702,
    [FACT_OS_PATCH] = PL703,
    [FACT_PEND_CRIT] = PL704,
    [FACT_PEND_IMP] = PL704,
    [FACT_AV_NAME] = PL705,
    [FACT_AV_VER] = PL705,
    [FACT_AV_ON] = PL706,
    [FACT_AV_RT] = PL706,
    [FACT_AV_DEFS_AT] = PL707,
    [FACT_FDE_SYS] = PL708,
    [FACT_FDE_ALL] = PL708,
    [FACT_FW_ON] = PL709,
    [FACT_FW_IN] = PL709,
    [FACT_LOCK_ON] = PL710,
    [FACT_LOCK_MAX_S] = PL710,
    [FACT_OEMBOOT] = PL711,
    [FACT_DBGSTAT] = PL712,
    [FACT_TAMPER_ROOTED] = PL713,
    [FACT_TAMPER_DEVMODE] = PL713,
    [FACT_INV_ASSET] = PL714,
    [FACT_INV_SERIAL_H] = PL714,
    [FACT_LIC_GENUINE] = PL715,
    [FACT_LIC_UNLISTED] = PL716,
    [FACT_LIC_UNAUTH] = PL716,
    [FACT_OWN] = PL717,
    [FACT_MDM_ENROLLED] = PL717,
    [FACT_MDM_ID] = PL717,
    [FACT_USB_STORAGE] = PL718,
    [FACT_EDR_NAME] = PL721,
    [FACT_EDR_ON] = PL721,
    [FACT_EDR_RISK] = PL721,
    [FACT_HWMODEL] = PL722,
};

static const char *fact_word(const void *unused, size_t i)
{
    (void)unused;
    return i < FACT_COUNT ? fact_name((enum fact_id)i) : NULL;
}

/* `os` alone is the family, as in "when os in { windows macos }". */
static bool parse_fact(struct parser *p, enum fact_id *fact)
{
    struct token t = p->tok;
    char shown[QUOTED], hint[128];

    if (t.kind != TOK_WORD)
        return parse_fail(p, "", "a fact expected");
    *fact = token_is(&t, "os") ? FACT_OS_FAMILY : fact_by_name(t.s, t.len);
    if (*fact == FACT_COUNT) {
        diag_quote(t.s, t.len, shown);
        diag_suggest(shown, fact_word, NULL, hint, sizeof hint);
        return parse_fail_at(p, &t, hint, "unknown fact '%s'", shown);
    }
    parse_advance(p);
    return true;
}

/* ---- conditions --------------------------------------------------------------------------- */

static const struct {
    const char *sign;
    enum operator op;
} signs[] = {{"==", OP_EQ}, {"!=", OP_NE}, {"<", OP_LT},
             {"<=", OP_LE}, {">", OP_GT},  {">=", OP_GE}};

static bool parse_sign(struct parser *p, enum operator* op)
{
    for (size_t i = 0; i < sizeof signs / sizeof signs[0]; i++)
        if (take_sign(p, signs[i].sign)) {
            *op = signs[i].op;
            return true;
        }
    return parse_fail(p, "", "a comparison (== != < <= > >=) expected");
}

/* A word or a quoted text that fits a fact. */
static bool parse_text_literal(struct parser *p, struct condition *c)
{
    char *out = c->text[c->n_text];
    struct token t = p->tok;

    if (t.kind == TOK_STRING) {
        if (!parse_string(p, "a literal", out, FACT_TEXT))
            return false;
    } else if (t.kind != TOK_WORD) {
        return parse_fail(p, "", "a word or a quoted text expected");
    } else if (t.len >= FACT_TEXT) {
        return parse_fail_at(p, &t, "", "a literal has at most %d bytes", FACT_TEXT - 1);
    } else {
        memcpy(out, t.s, t.len);
        parse_advance(p);
    }
    if (out[0] == '\0')
        return parse_fail_at(p, &t, "", "this text is empty");
    c->n_text++;
    return true;
}

bool parse_version(struct parser *p, char out[FACT_TEXT])
{
    struct token t = p->tok;
    char shown[QUOTED];

    if (t.kind != TOK_WORD)
        return parse_fail(p, "", "a version expected");
    if (t.len < FACT_TEXT) {
        memcpy(out, t.s, t.len);
        out[t.len] = '\0';
    }
    if (t.len >= FACT_TEXT || !version_valid(out))
        return parse_fail_at(p, &t, "digits and dots: 14.7, 10.0.19045", "'%s' is not a version",
                             diag_quote(t.s, t.len, shown));
    parse_advance(p);
    return true;
}

/* "in { a b c }" or "in { a, b, c }". */
static bool parse_members(struct parser *p, struct condition *c)
{
    if (!expect_sign(p, "{", "after 'in'"))
        return false;
    while (!at_sign(p, "}")) {
        if (c->n_text >= LITERALS_MAX)
            return parse_fail(p, "", "at most %d members expected", LITERALS_MAX);
        if (!parse_text_literal(p, c))
            return false;
        take_sign(p, ",");
    }
    if (c->n_text == 0)
        return parse_fail(p, "", "at least one member expected");
    parse_advance(p);
    return true;
}

static bool parse_text_test(struct parser *p, struct condition *c)
{
    if (take_word(p, "not")) {
        c->op = OP_NOT_IN;
        return take_word(p, "in") ? parse_members(p, c) : parse_fail(p, "", "'in' expected");
    }
    if (take_word(p, "in")) {
        c->op = OP_IN;
        return parse_members(p, c);
    }
    if (!parse_sign(p, &c->op))
        return false;
    if (c->op != OP_EQ && c->op != OP_NE)
        return parse_fail_at(p, &p->last, "== != in not in", "a text is not compared by size");
    return parse_text_literal(p, c);
}

static bool parse_typed_test(struct parser *p, struct condition *c, const struct token *fact)
{
    struct span d;

    switch (fact_type(c->fact)) {
    case FACT_BOOL:
        c->op = OP_TRUE;
        return true;
    case FACT_INT:
    case FACT_LIST:
        return parse_sign(p, &c->op) && parse_number(p, "a number", 0, INT_FACT_MAX, &c->n);
    case FACT_STRING:
        return parse_text_test(p, c);
    case FACT_VERSION:
        c->n_text = 1;
        return parse_sign(p, &c->op) && parse_version(p, c->text[0]);
    case FACT_DATE:
        if (!parse_sign(p, &c->op))
            return false;
        if (!c->age)
            return parse_date(p, &c->n);
        if (!parse_duration(p, "an age", 0, AGE_MAX_S, &d))
            return false;
        c->n = d.s;
        return true;
    }
    return parse_fail_at(p, fact, "", "this fact cannot be compared");
}

static bool parse_aged_fact(struct parser *p, struct condition *c)
{
    struct token t;

    c->age = true;
    if (!expect_sign(p, "(", "after 'age'"))
        return false;
    t = p->tok;
    if (!parse_fact(p, &c->fact))
        return false;
    if (fact_type(c->fact) != FACT_DATE)
        return parse_fail_at(p, &t, "os.patch and av.defs_at are dates", "'%s' is not a date",
                             fact_name(c->fact));
    return expect_sign(p, ")", "after the fact");
}

static bool parse_condition(struct parser *p, struct condition *c)
{
    bool negated = take_word(p, "not");
    struct token t = p->tok;

    if (!negated && take_word(p, "age"))
        return parse_aged_fact(p, c) && parse_typed_test(p, c, &t);
    if (!parse_fact(p, &c->fact))
        return false;
    if (negated && fact_type(c->fact) != FACT_BOOL)
        return parse_fail_at(p, &t, "use != or 'not in'",
                             "'not' is for facts that are true or false");
    if (!parse_typed_test(p, c, &t))
        return false;
    if (negated)
        c->op = OP_FALSE;
    return true;
}

/* ---- rules -------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    enum rule_action action;
} actions[] = {{"warn", RULE_WARN}, {"deny", RULE_DENY}, {"quarantine", RULE_QUARANTINE}};

static bool take_action(struct parser *p, enum rule_action *action)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (take_word(p, actions[i].word)) {
            *action = actions[i].action;
            return true;
        }
    return false;
}

struct seen {
    bool when, missing, action, grace;
};

/* One of the words that may follow a condition, in any order; false at anything else. */
static bool rule_option(struct parser *p, struct posture_rule *r, struct seen *seen)
{
    if (take_action(p, &r->action))
        return parse_once(p, &seen->action, "warn, deny or quarantine");
    if (take_word(p, "grace"))
        return parse_once(p, &seen->grace, "grace") &&
               parse_duration(p, "a grace", 60, GRACE_MAX_S, &r->grace);
    if (take_word(p, "missing")) {
        r->missing_ok = true;
        return parse_once(p, &seen->missing, "missing ok") &&
               (take_word(p, "ok") || parse_fail(p, "", "'ok' expected after 'missing'"));
    }
    if (take_word(p, "when")) {
        r->has_when = true;
        return parse_once(p, &seen->when, "when") && parse_condition(p, &r->when);
    }
    return false;
}

/* A rule's text is its key in a device's history: two alike could not be told apart. */
static bool rule_repeated(const struct posture *post, const char *text)
{
    char other[RULE_TEXT];

    for (int i = 0; i < post->n_rules; i++) {
        rule_print(&post->rules[i], other);
        if (strcmp(other, text) == 0)
            return true;
    }
    return false;
}

void parse_rule(struct parser *p)
{
    struct posture *post = &p->policy->postures[p->policy->n_postures - 1];
    struct posture_rule r = {.pos = p->last.pos};
    struct token t = p->last;
    struct seen seen = {false, false, false, false};
    char text[RULE_TEXT];

    if (!parse_condition(p, &r.require))
        return;
    while (rule_option(p, &r, &seen))
        continue;
    if (p->lost)
        return;
    r.code = fact_codes[r.require.fact];
    rule_print(&r, text);
    if (strlen(text) > RULE_WRITTEN_MAX)
        parse_fail_at(p, &t, "make two rules of it", "a rule has at most %d bytes",
                      RULE_WRITTEN_MAX);
    else if (r.grace.s > 0 && r.action == RULE_WARN)
        parse_fail_at(p, &t, "remove one of the two", "a rule that only warns needs no grace");
    else if (rule_repeated(post, text))
        parse_fail_at(p, &t, "remove one of the two", "this rule is in the block already");
    else if (post->n_rules >= POSTURE_RULES_MAX)
        parse_fail_at(p, &t, "", "more than %d rules in one posture", POSTURE_RULES_MAX);
    else
        post->rules[post->n_rules++] = r;
}
