/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The closed list: complete, unique, and fit to be read by a person. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <ctype.h>
#include <string.h>

#include "policy/codes.h"

static const enum refusal_code all[] = {
#define X(kind, number, name, sentence, fix) kind##number,
    REFUSALS(X)
#undef X
};
#define N_ALL (sizeof all / sizeof all[0])

/* posture.md's numbers, written out again: a code lost or renumbered shows here. */
static const int numbers[] = {
    101, 102, 103, 104, 105, 106, 107, 201, 202, 203, 204, 205, 206, 207, 208, 301, 302, 303,
    304, 305, 306, 307, 308, 309, 310, 311, 401, 402, 403, 404, 405, 406, 501, 502, 503, 504,
    505, 506, 507, 601, 602, 603, 901, 902, 903, 904, 701, 702, 703, 704, 705, 706, 707, 708,
    709, 710, 711, 712, 713, 714, 715, 716, 717, 718, 719, 720, 721, 722, 723,
};

static void list_is_that_of_posture_md(void **state)
{
    (void)state;
    assert_int_equal(N_ALL, sizeof numbers / sizeof numbers[0]);
    for (size_t i = 0; i < N_ALL; i++)
        assert_int_equal(all[i], numbers[i]);
}

static void names_are_stable(void **state)
{
    static const struct { enum refusal_code code; const char *id, *name; } cases[] = {
        {PT101, "PT101", "too_large"},     {PT208, "PT208", "signature_invalid"},
        {PT311, "PT311", "evidence_stale"}, {PT502, "PT502", "wg_key_mismatch"},
        {PT904, "PT904", "internal"},      {PL701, "PL701", "os_unsupported"},
        {PL723, "PL723", "location_not_allowed"},
        {CODE_NONE, "", ""},               {(enum refusal_code)999, "", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_string_equal(code_id(cases[i].code), cases[i].id);
        assert_string_equal(code_name(cases[i].code), cases[i].name);
    }
}

/* A sentence begins with a capital, ends with a full stop and has no second sentence in it. */
static void expect_sentence(const char *id, const char *s)
{
    size_t len = strlen(s);

    if (len < 20 || len > 160 || !isupper((unsigned char)s[0]) || s[len - 1] != '.')
        fail_msg("%s: \"%s\"", id, s);
}

static void every_code_speaks(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_ALL; i++) {
        expect_sentence(code_id(all[i]), code_sentence(all[i]));
        expect_sentence(code_id(all[i]), code_fix(all[i]));
        if (strstr(code_sentence(all[i]), ". "))
            fail_msg("%s: two sentences", code_id(all[i]));
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(code_name(all[i]), code_name(all[k]));
    }
}

static void misuse_is_the_listed_eight(void **state)
{
    static const enum refusal_code misuse[] = {PT208, PT402, PT403, PT404,
                                               PT405, PT502, PT504, PT507};
    size_t found = 0;

    (void)state;
    for (size_t i = 0; i < N_ALL; i++)
        found += code_is_misuse(all[i]);
    assert_int_equal(found, 8);
    for (size_t i = 0; i < 8; i++)
        assert_true(code_is_misuse(misuse[i]));
    assert_false(code_is_misuse(CODE_NONE));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(list_is_that_of_posture_md),
        cmocka_unit_test(names_are_stable),
        cmocka_unit_test(every_code_speaks),
        cmocka_unit_test(misuse_is_the_listed_eight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
