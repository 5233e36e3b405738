/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who may reach a destination: by role, and who of them can now. */
#include "tests/unit/engine_lab.h"

static struct lab L;
static struct laptop maria;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_person(&L, "jo", "filing");
    lab_person(&L, "nobody", "");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_in(&L, &maria);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

/* "maria:now jo" of those who may. */
static void is(const char *query, const char *people)
{
    char said[256] = "";
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/who", query, NULL, &status), *p;
    size_t i;

    assert_int_equal(status, 200);
    json_array_foreach(json_object_get(o, "items"), i, p) {
        size_t n = strlen(said);
        snprintf(said + n, sizeof said - n, "%s%s%s", i ? " " : "", lab_text(p, "user"),
                 json_is_true(json_object_get(p, "now")) ? ":now" : "");
    }
    assert_string_equal(said, people);
    json_decref(o);
}

static void by_role_and_now(void **state)
{
    (void)state;
    is("to=db", "maria:now jo");
    is("to=10.20.0.9&port=5432", "maria:now jo");
    is("to=10.20.0.9&port=5433", "");
    is("to=10.99.0.1&port=80", "");
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/revoke", "{}", 200);
    is("to=db", "maria jo");
    lab_do(&L, CONTROL_POST, "/v1/users/jo/revoke", "{}", 200);
    is("to=db", "maria");
}

static void of_what(void **state)
{
    int status;

    (void)state;
    json_decref(lab_ask(&L, CONTROL_GET, "/v1/who", "to=bd", NULL, &status));
    assert_int_equal(status, 400);
    json_decref(lab_ask(&L, CONTROL_GET, "/v1/who", "", NULL, &status));
    assert_int_equal(status, 400);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(by_role_and_now, begin, end),
        cmocka_unit_test_setup_teardown(of_what, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
