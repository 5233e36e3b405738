/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passphrases that may be used, and those that may not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "policy/passphrase.h"

#define LONG "It is too long"
#define SHORT "It is too short"
#define TYPED "It holds a character"
#define RUNS "It repeats itself"
#define COMMON "It is among those"
#define NEAR "It is made of names"

static void faults(void **state)
{
    static const char *const near[] = {"maria.lopez", "Maria Lopez", "Harbor Customs Brokers", "portcullis", NULL};
    static const struct { const char *s, *why; } cases[] = {
        {"purple kettle stands alone", NULL},
        {"Xk9#vvQ2!mmZ7$p", NULL},
        {"\xc3\xa4rger mit dem Gartenzaun", NULL},
        {"maria eats seven green pickles", NULL},
        {"", SHORT},
        {"fourteen chars", SHORT},
        {"fifteen chars!!", NULL},
        {"\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xc3\xa4\xc3\xb6\xc3\xbc", SHORT},   /* 14 bytes, 7 characters */
        {"line\nbreak and more of it", TYPED},
        {"escape \x1b[2J and more of it", TYPED},
        {"not utf-8 \xff at all, is it", TYPED},
        {"aaaaaaaaaaaaaaaaaaaa", RUNS},
        {"ababababababababab", RUNS},
        {"tulip9tulip9tulip9", RUNS},
        {"tulip9 Tulip9 tuLip9", RUNS},
        {"123456789012345", RUNS},
        {"abcdefghijklmnop", RUNS},
        {"qwertyuiopasdfgh", RUNS},
        {"poiuytrewqlkjhg", RUNS},
        {"passwordpassword", RUNS},
        {"Password2026!!!!!", COMMON},
        {"I love you 2026 !!!", COMMON},
        {"password password 1", COMMON},
        {"my password is welcome", COMMON},
        {"Correct Horse Battery Staple", COMMON},
        {"thequickbrownfox jumps", COMMON},
        {"i love you more than the harbour at night", NULL},
        {"Maria Lopez 2026 !", NEAR},
        {"Harbor.Customs.Brokers", NEAR},
        {"portcullis-portculli", NULL},
        {"maria-portcullis-1", NEAR},
    };
    char much[258];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *why = passphrase_fault(cases[i].s, strlen(cases[i].s), near);
        if (!why != !cases[i].why || (why && strncmp(why, cases[i].why, strlen(cases[i].why)) != 0))
            fail_msg("'%s': %s", cases[i].s, why ? why : "good");
    }
    for (size_t i = 0; i < sizeof much; i++)
        much[i] = (char)('!' + i * 7 % 90);
    assert_null(passphrase_fault(much, 256, near));
    assert_non_null(passphrase_fault(much, 257, near));
    assert_non_null(passphrase_fault("purple kettle\0stands alone", 26, near));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {cmocka_unit_test(faults)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
