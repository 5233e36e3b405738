/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which id stands for which permits, over policy edits and when ids run short. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/classes.h"

#define HEAD "resource a { 10.0.0.1 tcp 1 }\nresource b { 10.0.0.2 tcp 2 }\n"                       \
             "resource c { 10.0.0.3 tcp 3 }\nposture p { lease 1m evidence <= 1h assurance >= PA1 }\n"

static struct policy *parse(const char *text)
{
    static struct diags d;
    struct policy *p;

    memset(&d, 0, sizeof d);
    p = policy_parse(text, strlen(text), &d);
    if (!p)
        fail_msg("%s", d.v[0].text);
    return p;
}

static struct classes C;
static struct policy *P;
static bool changed;

static int begin(void **state)
{
    (void)state;
    P = parse(HEAD "role x { reach a posture p }\nrole y { reach b posture p }\n"
                   "role x2 { reach a posture p }\n");
    classes_init(&C, 1);
    assert_int_equal(classes_use_policy(&C, P, &changed), 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    classes_clear(&C);
    policy_free(P);
    return 0;
}

static void equal_rights_share_an_id(void **state)
{
    (void)state;
    assert_true(changed);
    assert_int_equal(classes_for(&C, 0), 0);
    int x = classes_for(&C, 1), y = classes_for(&C, 2);
    assert_true(x > 0 && y > 0 && x != y);
    assert_int_equal(classes_for(&C, 4), x);     /* another role, the same permits */
    assert_int_equal(classes_for(&C, 5), x);
    assert_int_not_equal(classes_for(&C, 3), x);
    assert_int_not_equal(classes_for(&C, 3), y);
}

static void unchanged_rights_keep_their_id(void **state)
{
    (void)state;
    struct policy *q = parse(HEAD "role y { reach b, c posture p }\nrole x { reach a posture p }\n");
    int x = classes_for(&C, 1), y = classes_for(&C, 2);

    assert_int_equal(classes_use_policy(&C, q, &changed), 0);
    assert_false(changed);
    assert_int_equal(classes_for(&C, 2), x);     /* x is the second role now */
    int more = classes_for(&C, 1);
    assert_int_not_equal(more, y);
    assert_int_not_equal(more, x);
    classes_use_policy(&C, P, &changed);
    policy_free(q);
}

/* Rights that differ in one bound of one permit are other rights. */
static void nearly_equal_is_not_equal(void **state)
{
    static const struct { const char *what, *resource; } others[] = {
        {"last port", "10.0.0.1-10.0.0.5 tcp 10-21"},
        {"first port", "10.0.0.1-10.0.0.5 tcp 9-20"},
        {"last address", "10.0.0.1-10.0.0.6 tcp 10-20"},
        {"first address", "10.0.0.0-10.0.0.5 tcp 10-20"},
        {"protocol", "10.0.0.1-10.0.0.5 udp 10-20"},
    };
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        snprintf(text, sizeof text, HEAD "resource d { 10.0.0.1-10.0.0.5 tcp 10-20 }\n"
                 "resource e { %s }\nrole x { reach d posture p }\nrole y { reach e posture p }\n",
                 others[i].resource);
        struct policy *q = parse(text);
        assert_int_equal(classes_use_policy(&C, q, &changed), 0);
        if (classes_for(&C, 1) == classes_for(&C, 2))
            fail_msg("another %s, and the same class", others[i].what);
        classes_use_policy(&C, P, &changed);
        policy_free(q);
    }
}

static void remediation_is_class_zero(void **state)
{
    (void)state;
    struct policy *q = parse(HEAD "remediation { c }\nrole x { reach a posture p }\n");

    assert_int_equal(classes_use_policy(&C, q, &changed), 0);
    assert_true(changed);
    assert_int_equal(C.v[0]->c.n_permits, 1);
    classes_use_policy(&C, P, &changed);
    policy_free(q);
}

static void an_id_comes_back_last(void **state)
{
    (void)state;
    int x = classes_for(&C, 1);

    classes_forget(&C, (uint16_t)x);
    int y = classes_for(&C, 2);
    assert_int_not_equal(y, x);
    for (unsigned id = 1; id <= CLASS_MAX; id++)
        if (!C.v[id] && id != (unsigned)x)
            assert_int_equal(classes_restore(&C, (uint16_t)id, calloc(1, sizeof(struct permit)), 1),
                             0);
    assert_int_equal(classes_for(&C, 1), x);     /* all the others are taken */
    assert_int_equal(classes_for(&C, 3), -1);    /* and now none is left */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_rights_share_an_id, begin, end),
        cmocka_unit_test_setup_teardown(unchanged_rights_keep_their_id, begin, end),
        cmocka_unit_test_setup_teardown(nearly_equal_is_not_equal, begin, end),
        cmocka_unit_test_setup_teardown(remediation_is_class_zero, begin, end),
        cmocka_unit_test_setup_teardown(an_id_comes_back_last, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
