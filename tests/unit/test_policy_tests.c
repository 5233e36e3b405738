/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tests in a policy: which hold, which fail, and what a failure says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "policy/policy.h"

static struct diags diags;

#define BASE                                                                                       \
    "resource db { 10.20.0.9 tcp 5432 }\n"                                                         \
    "resource web { 10.20.0.10, fd20::10 tcp 80, 443 icmp }\n"                                     \
    "resource half { 10.20.0.10 tcp 443, 444 }\n"                                                  \
    "resource updates { 10.20.0.40 tcp 443 }\nremediation { updates }\n"                           \
    "posture p { }\nrole a { reach web posture p }\nrole b { reach db posture p }\n"

static size_t run(const char *statement)
{
    char text[1024];
    struct policy *p;
    size_t failed;

    snprintf(text, sizeof text, BASE "test \"t\" { %s }", statement);
    p = policy_parse(text, strlen(text), &diags);
    if (!p)
        fail_msg("%s: %s", statement, diags.v[0].text);
    memset(&diags, 0, sizeof diags);
    failed = policy_run_tests(p, &diags);
    assert_int_equal(failed, diags.errors);
    policy_free(p);
    return failed;
}

static void outcomes(void **state)
{
    static const struct {
        const char *what, *statement;
        size_t failed;
    } cases[] = {
        {"can reach what it reaches", "role a can reach web", 0},
        {"can, without the word reach", "role a can web", 0},
        {"cannot reach what it reaches", "role a cannot reach web", 1},
        {"can reach what it does not", "role a can reach db", 1},
        {"cannot reach what it does not", "role a cannot reach db", 0},
        {"a part is not all: can fails", "role a can reach half", 1},
        {"a part is not nothing: cannot fails", "role a cannot reach half", 1},
        {"remediation is everybody's", "role a can reach updates", 0},
        {"a list counts each", "role b can reach db, web, half", 2},
        {"port", "role a can tcp 10.20.0.10:443", 0},
        {"other port", "role a can tcp 10.20.0.10:444", 1},
        {"other port is closed", "role a cannot tcp 10.20.0.10:444", 0},
        {"other protocol is closed", "role a cannot udp 10.20.0.10:443", 0},
        {"v6", "role a can tcp [fd20::10]:80", 0},
        {"v6 neighbour", "role a cannot tcp [fd20::11]:80", 0},
        {"ping", "role a can icmp 10.20.0.10", 0},
        {"ping over v6", "role a can icmp fd20::10", 0},
        {"ping elsewhere", "role a cannot icmp 10.20.0.9", 0},
        {"protocol by name", "role a cannot proto gre 10.20.0.10", 0},
        {"several statements", "role a can reach web role b can reach web role b cannot reach db",
         2},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t failed = run(cases[i].statement);

        if (failed != cases[i].failed)
            fail_msg("%s: %zu failed", cases[i].what, failed);
    }
}

static void says_why(void **state)
{
    (void)state;
    run("role a cannot tcp 10.20.0.10:443");
    assert_string_equal(diags.v[0].text, "test \"t\" fails: role a cannot tcp 10.20.0.10:443");
    assert_string_equal(diags.v[0].hint, "resource 'web' in line 2 permits it");
    assert_int_equal(diags.v[0].pos.line, 9);
    assert_int_equal(diags.v[0].pos.col, 12);
    run("role b can reach web");
    assert_string_equal(diags.v[0].text, "test \"t\" fails: role b can reach web");
    assert_string_equal(diags.v[0].hint, "");
    run("role b can tcp [fd20::10]:80");
    assert_string_equal(diags.v[0].text, "test \"t\" fails: role b can tcp [fd20::10]:80");
}

/* The policy that we ship parses without a warning and passes its own tests. */
static void shipped_policy(void **state)
{
    static char text[65536];
    FILE *f = fopen("deploy/examples/policy.conf", "r");
    struct policy *p;
    size_t n;

    (void)state;
    if (!f)
        fail_msg("cannot open deploy/examples/policy.conf (run me from the top folder)");
    n = fread(text, 1, sizeof text, f);
    fclose(f);
    p = policy_parse(text, n, &diags);
    assert_non_null(p);
    assert_int_equal(diags.warnings, 0);
    assert_int_equal(policy_run_tests(p, &diags), 0);
    for (size_t r = 0; r < p->n_roles; r++) {
        size_t can = 0, cannot = 0;

        for (size_t i = 0; i < p->n_tests; i++)
            for (size_t j = 0; j < p->tests[i].n_cases; j++)
                if (p->tests[i].cases[j].role == (int)r) {
                    can += p->tests[i].cases[j].expect_can;
                    cannot += !p->tests[i].cases[j].expect_can;
                }
        if (can == 0 || cannot == 0)
            fail_msg("role %s: %zu can, %zu cannot", p->roles[r].name, can, cannot);
    }
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(outcomes),
        cmocka_unit_test(says_why),
        cmocka_unit_test(shipped_policy),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
