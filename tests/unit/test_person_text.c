/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a person reads and signs: the sentences, what alters them and what does not, the lines. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/person.h"

static struct diags diags;

static struct policy *parse(const char *text)
{
    struct policy *p = policy_parse(text, strlen(text), &diags);

    if (!p)
        fail_msg("line %d: %s in\n%s", diags.v[0].pos.line, diags.v[0].text, text);
    return p;
}

static char *text_of(const char *policy, uint64_t roles)
{
    struct policy *p = parse(policy);
    char *text = policy_person_text(p, roles);

    policy_free(p);
    assert_non_null(text);
    return text;
}

#define RESOURCES \
    "resource db { 10.20.0.9 tcp 5432 sensitive } resource web { 10.20.0.10 tcp 80 } " \
    "resource updates { 10.20.0.40 tcp 443 } remediation { updates } "
#define BASE "posture p { os windows >= 10.0.19045, macos >= 14.7 " \
    "require age(os.patch) <= 30d grace 7d require fw.on when os in { windows macos } }"
#define ROLE "role a { reach web, db posture p sign-in every 12h hours Mon-Fri 06:00-20:00 UTC } "

#define RECORDED \
    "What is recorded about you:\n" \
    "When each of your devices was let in, as what, until when, and when that ended.\n" \
    "Each report of your devices: which of the rules above they met, and which not.\n" \
    "What your devices send to what you may not reach: when, where to, how often, and the " \
    "packets themselves.\n" \
    "Your sign-ins and those that failed, and what you have signed.\n" \
    "What administrators do with your account and your devices.\n" \
    "What you do within what you may reach is not recorded.\n"

static void whole(void **state)
{
    char *text = text_of(RESOURCES BASE ROLE "role b { reach web posture p all traffic } "
                         "respond { port-scan 20 within 1m lock "
                         "repeated-bad-tokens 5 within 10m quarantine 1h }", 3);

    (void)state;
    assert_string_equal(
        text, "What you work as:\n"
              "a and b\n"
              "What you may reach, and nothing else:\n"
              "db (what is in it is sensitive)\n"
              "web\n"
              "updates, with every device, so that it can get well again\n"
              "When, and how you sign in:\n"
              "As a you work Mon-Fri 06:00-20:00 UTC; at their end connections end, too.\n"
              "As a you sign in every 12 hours.\n"
              "As b you work at any time.\n"
              "As b all that your devices send passes the gateway, not only what is for the "
              "office.\n"
              "What your device must be like, for the work as a and b:\n"
              "Its system is windows 10.0.19045 or newer or macos 14.7 or newer.\n"
              "Its last system update is at most 30 days old. You have 7 days to mend it.\n"
              "When its system is windows or macos: its firewall is on.\n"
              "When your device is shut out by itself:\n"
              "Until an administrator unlocks it, when it tried one closed port after another, as "
              "a port scan does.\n"
              "For 1 hour, when it sent reports again and again that were forged, borrowed or used "
              "before.\n" RECORDED);
    free(text);
}

static void nobody(void **state)
{
    char *text = text_of(RESOURCES BASE ROLE, 0), *beyond = text_of(RESOURCES BASE ROLE, 2);

    (void)state;
    assert_string_equal(text, "");
    assert_string_equal(beyond, "");
    free(text);
    free(beyond);
}

static void rules(void **state)
{
    static const struct { const char *rule, *says; } cases[] = {
        {"fde.sys", "Its system disk is encrypted."},
        {"not tamper.rooted deny", "It is not rooted or jailbroken."},
        {"not usb.storage", "It takes no USB storage."},
        {"pend.crit == 0 grace 3d missing ok", "The number of critical updates that wait is 0, or "
         "it cannot tell. You have 3 days to mend it."},
        {"lock.max_s <= 900 warn", "The time after which its screen locks is at most 15 minutes. "
         "Otherwise you are warned, no more."},
        {"age(av.defs_at) < 1d", "The last update of its antivirus program is less than 1 day old."},
        {"os.ver >= 14.7", "The version of its system is 14.7 or newer."},
        {"av.ver != 1.0", "The version of its antivirus program is not 1.0."},
        {"os.build < 9", "The build of its system is older than 9."},
        {"os.patch >= 2026-01-02", "Its last system update is of 2026-01-02 or later."},
        {"os.patch < 2026-01-02", "Its last system update is of before 2026-01-02."},
        {"os.patch != 2026-01-02", "Its last system update is not of 2026-01-02."},
        {"own == corp", "Its kind (corp is the firm's, byod your own) is corp."},
        {"os not in { windows }", "Its system is not windows."},
        {"os not in { windows macos debian }", "Its system is neither windows, macos nor debian."},
        {"hwmodel != x1", "Its hardware model is not x1."},
        {"lic.unauth == 0", "The number of its programs that are not allowed is 0."},
        {"fw.on when not fw.in", "When its firewall lets connections from outside in: its firewall "
         "is on."},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char policy[256], says[PERSON_RULE];

        snprintf(policy, sizeof policy, "posture p { require %s }", cases[i].rule);
        struct policy *p = parse(policy);
        person_rule(&p->postures[0].rules[0], says);
        if (strcmp(says, cases[i].says) != 0)
            fail_msg("%s: %s", cases[i].rule, says);
        policy_free(p);
    }
}

static void every_fact_has_words(void **state)
{
    char says[PERSON_RULE];

    (void)state;
    for (int f = 0; f < FACT_COUNT; f++) {
        bool truth = fact_type((enum fact_id)f) == FACT_BOOL;

        for (int op = truth ? OP_TRUE : OP_EQ; op <= (truth ? OP_FALSE : OP_GE); op++) {
            struct posture_rule r = {.require = {.fact = (enum fact_id)f, .op = (enum operator)op,
                                                 .n_text = 1}};
            strcpy(r.require.text[0], "1");
            person_rule(&r, says);
            if (strlen(says) < 10 || strstr(says, "null"))
                fail_msg("%s: %s", fact_name((enum fact_id)f), says);
        }
    }
}

/* The first is signed: does the second ask for it again? */
static void what_alters_it(void **state)
{
    static const struct { const char *what, *to; bool alters; } cases[] = {
        {"nothing", RESOURCES BASE ROLE, false},
        {"another role", RESOURCES BASE ROLE "role z { reach web posture p }", false},
        {"the order of everything",
         "resource updates { 10.20.0.40 tcp 443 } remediation { updates } "
         "resource web { 10.20.0.10 tcp 80 } resource db { 10.20.0.9 tcp 5432 sensitive } " BASE
         "role a { sign-in every 12h reach db, web hours Mon-Fri 06:00-20:00 UTC posture p }", false},
        {"an address", "resource db { 10.20.0.8 tcp 5432 sensitive } "
         "resource web { 10.20.0.10 tcp 80 } resource updates { 10.20.0.40 tcp 443 } "
         "remediation { updates } " BASE ROLE, false},
        {"an alarm", RESOURCES BASE ROLE "respond { port-scan 9 within 1m alarm }", false},
        {"the time to sign", RESOURCES BASE ROLE "acknowledge within 1d", false},
        {"a lock", RESOURCES BASE ROLE "respond { port-scan 9 within 1m lock }", true},
        {"a resource less", RESOURCES BASE "role a { reach web posture p sign-in every 12h "
         "hours Mon-Fri 06:00-20:00 UTC }", true},
        {"the hours", RESOURCES BASE "role a { reach web, db posture p sign-in every 12h "
         "hours Mon-Fri 06:00-19:00 UTC }", true},
        {"the sign-in", RESOURCES BASE "role a { reach web, db posture p sign-in every 8h "
         "hours Mon-Fri 06:00-20:00 UTC }", true},
        {"a rule", RESOURCES "posture p { os windows >= 10.0.19045, macos >= 14.7 "
         "require age(os.patch) <= 14d grace 7d require fw.on when os in { windows macos } }" ROLE,
         true},
        {"no grace", RESOURCES "posture p { os windows >= 10.0.19045, macos >= 14.7 "
         "require age(os.patch) <= 30d require fw.on when os in { windows macos } }" ROLE, true},
        {"a trial", RESOURCES "posture p { report only os windows >= 10.0.19045, macos >= 14.7 "
         "require age(os.patch) <= 30d grace 7d require fw.on when os in { windows macos } }" ROLE,
         true},
    };
    char *before = text_of(RESOURCES BASE ROLE, 1);

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *after = text_of(cases[i].to, 1);

        if ((strcmp(before, after) != 0) != cases[i].alters)
            fail_msg("%s: %s", cases[i].what, after);
        free(after);
    }
    free(before);
}

static void roles_in_any_order(void **state)
{
    char *one = text_of(RESOURCES BASE ROLE "role b { reach web posture p }", 3);
    char *other = text_of(RESOURCES BASE "role b { reach web posture p }" ROLE, 3);

    (void)state;
    assert_string_equal(one, other);
    free(one);
    free(other);
}

/* A policy of so many resources, all reached. */
static char *long_text(int n, const char *last)
{
    size_t size = (size_t)n * 120 + 200, at = 0;
    char *policy = malloc(size), *text;

    assert_non_null(policy);
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(policy + at, size - at, "resource r-%040d { 10.0.0.1 tcp 1 } ", i);
    at += (size_t)snprintf(policy + at, size - at, "resource %s { 10.0.0.1 tcp 1 } posture p { } "
                           "role a { posture p reach %s", last, last);
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(policy + at, size - at, ", r-%040d", i);
    snprintf(policy + at, size - at, " }");
    text = text_of(policy, 1);
    free(policy);
    return text;
}

static void too_long(void **state)
{
    char *few = long_text(300, "z"), *many = long_text(700, "z"), *other = long_text(700, "zz");
    const char *end = strstr(many, "There is more than fits here (");

    (void)state;
    assert_non_null(strstr(few, "is not recorded.\n"));
    assert_non_null(end);
    assert_true(strlen(many) < PERSON_TEXT_MAX && strlen(many) > PERSON_TEXT_MAX - 300);
    assert_int_equal(end[-1], '\n');
    assert_string_not_equal(many, other);     /* what does not fit counts, too */
    free(few);
    free(many);
    free(other);
}

static void note(void *arg, enum line_change c, const char *s, size_t len)
{
    char *out = arg;

    snprintf(out + strlen(out), 200 - strlen(out), "%c%.*s|", " +-"[c], (int)len, s);
}

static void line_by_line(void **state)
{
    static const struct { const char *from, *to, *says; } cases[] = {
        {"", "", ""},
        {"", "a\nb\n", "+a|+b|"},
        {"a\nb\n", "", "-a|-b|"},
        {"a\nb\n", "a\nb\n", " a| b|"},
        {"a\nb\nc\n", "a\nx\nc\n", " a|+x|-b| c|"},
        {"a\nb\nc\n", "a\nc\n", " a|-b| c|"},
        {"a\nc\n", "a\nb\nc\n", " a|+b| c|"},
        {"a\nb\n", "b\na\n", " b| a|"},
        {"a\nb\nc\n", "c\n", "-a|-b| c|"},
        {"a\na\n", "a\n", " a|"},
        {"a", "a\n", " a|"},
        {"ab\n", "a\n", "+a|-ab|"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char says[200] = "";

        text_diff(cases[i].from, cases[i].to, note, says);
        assert_string_equal(says, cases[i].says);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole),          cmocka_unit_test(nobody),
        cmocka_unit_test(rules),          cmocka_unit_test(every_fact_has_words),
        cmocka_unit_test(what_alters_it), cmocka_unit_test(too_long),
        cmocka_unit_test(roles_in_any_order),
        cmocka_unit_test(line_by_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
