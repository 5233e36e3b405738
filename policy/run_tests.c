/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tests in a policy. "can" holds when every packet of the destination is permitted, "cannot"
 * when none is. They ask about rights alone: posture and hours come on top.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/lang.h"

/* What the case asks about, as permits. */
static void case_target(struct permits *s, const struct policy *p, const struct test_case *c)
{
    if (c->resource >= 0)
        permits_of_resource(s, &p->resources[c->resource]);
    else
        permits_add(s, (struct permit){{c->dst, c->dst}, c->proto, c->port, c->port});
}

enum holds { HOLDS_NOT = 0, HOLDS, HOLDS_UNKNOWN };

/* can: target without rights is empty. cannot: target without rights is still the target. */
static enum holds case_holds(const struct policy *p, const struct test_case *c)
{
    struct permits rights = {0}, target = {0}, whole = {0}, rest = {0};
    enum holds h = HOLDS_UNKNOWN;

    permits_of_role(&rights, p, (size_t)c->role);
    permits_of_remediation(&rights, p);
    case_target(&target, p, c);
    if (permits_minus(&target, NULL, &whole) == 0 && permits_minus(&target, &rights, &rest) == 0)
        h = (c->expect_can ? rest.n == 0 : permits_equal(&rest, &whole)) ? HOLDS : HOLDS_NOT;
    permits_free(&rights);
    permits_free(&target);
    permits_free(&whole);
    permits_free(&rest);
    return h;
}

/* By which resource is a forbidden destination reached after all? */
static void explain_case(const struct policy *p, const struct test_case *c, char *hint, size_t size)
{
    int by = -1;

    hint[0] = '\0';
    if (c->expect_can)
        return;
    if (c->resource < 0)
        by = policy_resource_at(p, 1ull << c->role, &c->dst, c->proto, c->port);
    if (by >= 0)
        snprintf(hint, size, "resource '%s' in line %d permits it", p->resources[by].name,
                 p->resources[by].pos.line);
}

static void report_case(const struct policy *p, const struct policy_test *t,
                        const struct test_case *c, enum holds h, struct diags *diags)
{
    struct out o = {0};
    char hint[128], title[QUOTED], *text;

    out_case(&o, p, c);
    text = out_take(&o);
    explain_case(p, c, hint, sizeof hint);
    diag_quote(t->title, strlen(t->title), title);
    if (h == HOLDS_UNKNOWN)
        diag_error(diags, c->pos, 4, "", "test \"%s\" could not be run: out of memory", title);
    else
        diag_error(diags, c->pos, 4, hint, "test \"%s\" fails: %s", title, text ? text : "");
    free(text);
}

size_t policy_run_tests(const struct policy *p, struct diags *diags)
{
    size_t failed = 0;

    for (size_t i = 0; i < p->n_tests; i++)
        for (size_t j = 0; j < p->tests[i].n_cases; j++) {
            enum holds h = case_holds(p, &p->tests[i].cases[j]);

            if (h == HOLDS)
                continue;
            report_case(p, &p->tests[i], &p->tests[i].cases[j], h, diags);
            failed++;
        }
    return failed;
}
