/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names of facts, and versions number by number. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "policy/facts.h"

static void names_and_ids(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FACT_COUNT; i++) {
        const char *name = fact_name((enum fact_id)i);

        assert_int_equal(fact_by_name(name, strlen(name)), i);
    }
    assert_int_equal(fact_by_name("os.ver", 6), FACT_OS_VER);
    assert_int_equal(fact_by_name("os.ve", 5), FACT_COUNT);
    assert_int_equal(fact_by_name("os.version", 10), FACT_COUNT);
    assert_int_equal(fact_by_name("OS.VER", 6), FACT_COUNT);
    assert_int_equal(fact_by_name("", 0), FACT_COUNT);
    assert_int_equal(fact_by_name("os.ver = 1", 6), FACT_OS_VER);
    assert_string_equal(fact_name(FACT_COUNT), "");
    assert_int_equal(fact_type(FACT_OS_PATCH), FACT_DATE);
    assert_int_equal(fact_type(FACT_LIC_UNAUTH), FACT_LIST);
    assert_int_equal(fact_type(FACT_FDE_SYS), FACT_BOOL);
}

static void versions_compare(void **state)
{
    static const struct { const char *a, *b; int cmp; } cases[] = {
        {"1", "1", 0},           {"1", "2", -1},        {"9", "10", -1},
        {"1.9", "1.10", -1},     {"1.0", "1", 0},       {"1", "1.0.0", 0},
        {"1", "1.0.1", -1},      {"14.7", "14.6.9", 1}, {"22.04", "22.4", 0},
        {"22.04", "22.10", -1},  {"007", "7", 0},       {"0", "0.0", 0},
        {"10.0.19045", "10.0.9999", 1},
        {"1.18446744073709551616", "1.1", 1},   /* 2^64 does not wrap to 0 */
        {"1.99999999999999999999", "1.100000000000000000000", -1},
        {"", "", 0},             {"", "1", -1},         {"", "0", 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (version_cmp(cases[i].a, cases[i].b) != cases[i].cmp)
            fail_msg("%s against %s", cases[i].a, cases[i].b);
        if (version_cmp(cases[i].b, cases[i].a) != -cases[i].cmp)
            fail_msg("%s against %s, turned", cases[i].a, cases[i].b);
    }
}

static void versions_are_digits_and_dots(void **state)
{
    static const char *const good[] = {"1", "0", "12.7", "10.0.19045.3803", "22.04"},
                      *const bad[] = {"", ".", "1.", ".1", "1..2", "1a", "v1", "1-2", " 1", "1 "};

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(version_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (version_valid(bad[i]))
            fail_msg("\"%s\" taken for a version", bad[i]);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_ids),
        cmocka_unit_test(versions_compare),
        cmocka_unit_test(versions_are_digits_and_dots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
