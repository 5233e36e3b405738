/* SPDX-License-Identifier: GPL-2.0-or-later */
/* base64url: RFC 4648's vectors, every byte that does not belong, and libsodium as the oracle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <sodium.h>
#include <string.h>

#include "policy/base64url.h"

#define URLSAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING

static void vectors(void **state)
{
    static const struct { const char *text, *bytes; bool ok; } cases[] = {
        {"", "", true},           {"Zg", "f", true},         {"Zm8", "fo", true},
        {"Zm9v", "foo", true},    {"Zm9vYg", "foob", true},  {"Zm9vYmE", "fooba", true},
        {"Zm9vYmFy", "foobar", true}, {"_-8", "\xff\xef", true},
        {"Zg==", "", false},      {"Zg=", "", false},        {"Zh", "", false},
        {"Zm9", "", false},       {"Z", "", false},          {"Zm9vY", "", false},
        {"Zm9v\n", "", false},    {" Zg", "", false},        {"Z g", "", false},
        {"A", "", false},         {"AAAAA", "", false},
    };
    uint8_t out[16];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = 99;

        if (base64url_decode(cases[i].text, strlen(cases[i].text), out, sizeof out, &n) !=
            cases[i].ok)
            fail_msg("%s", cases[i].text);
        assert_int_equal(n, cases[i].ok ? strlen(cases[i].bytes) : 99);
        if (cases[i].ok)
            assert_memory_equal(out, cases[i].bytes, strlen(cases[i].bytes));
    }
}

/* 64 of the 256 bytes are characters, and no two of them mean the same. */
static void the_alphabet_has_64(void **state)
{
    bool seen[256] = {false};
    int found = 0;

    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[4] = {(char)c, 'A', 'A', 'A'};
        uint8_t out[3];
        size_t n;

        if (!base64url_decode(text, 4, out, sizeof out, &n))
            continue;
        assert_false(seen[out[0]]);
        seen[out[0]] = true;
        found++;
    }
    assert_int_equal(found, 64);
}

static void what_sodium_encodes_is_decoded(void **state)
{
    uint8_t bytes[80], out[80];
    char text[120];

    (void)state;
    for (size_t len = 0; len <= sizeof bytes; len++)
        for (int round = 0; round < 20; round++) {
            size_t n = 99;

            randombytes_buf(bytes, len);
            sodium_bin2base64(text, sizeof text, bytes, len, URLSAFE);
            assert_true(base64url_decode(text, strlen(text), out, len, &n));
            assert_int_equal(n, len);
            assert_true(memcmp(out, bytes, len) == 0);
            if (len > 0)
                assert_false(base64url_decode(text, strlen(text), out, len - 1, &n));
        }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors),
        cmocka_unit_test(the_alphabet_has_64),
        cmocka_unit_test(what_sodium_encodes_is_decoded),
    };

    if (sodium_init() < 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
