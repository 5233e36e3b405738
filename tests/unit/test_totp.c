/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One-time codes: the RFC's own values, one step around now, none twice; form fields; the URI. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/form.h"
#include "gateway/totp.h"

static const uint8_t secret[TOTP_SECRET + 1] = "12345678901234567890";   /* RFC 6238, appendix B */

static void values_of_the_rfc(void **state)
{
    static const struct { int64_t now; const char *code; } cases[] = {   /* the last six digits */
        {59, "287082"}, {1111111109, "081804"}, {1111111111, "050471"},
        {1234567890, "005924"}, {2000000000, "279037"}, {20000000000, "353130"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t last = 0;
        assert_true(totp_accept(secret, cases[i].code, cases[i].now, &last));
        assert_int_equal(last, cases[i].now / 30);
        assert_false(totp_accept(secret, cases[i].code, cases[i].now, &last));   /* once */
    }
}

static void one_step_around_now(void **state)
{
    int64_t last;

    (void)state;
    for (int64_t off = -3; off <= 3; off++) {
        last = 0;
        assert_int_equal(totp_accept(secret, "050471", 1111111111 + 30 * off, &last),
                         off >= -1 && off <= 1);
    }
    last = 1111111111 / 30;       /* an older one is void when a newer was taken */
    assert_false(totp_accept(secret, "081804", 1111111111, &last));
    last = 0;
    assert_false(totp_accept(secret, "", 1111111111, &last));
    assert_false(totp_accept(secret, "05047", 1111111111, &last));
    assert_false(totp_accept(secret, "0504711", 1111111111, &last));
}

static void for_the_app(void **state)
{
    char text[TOTP_TEXT], uri[TOTP_URI];

    (void)state;
    assert_string_equal(totp_text(secret, text), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_string_equal(totp_uri(secret, "hq edge/1", "maria", uri),
                        "otpauth://totp/hq%20edge%2F1:maria?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                        "&issuer=hq%20edge%2F1");
}

static void fields(void **state)
{
    static const struct { const char *body, *value; } cases[] = {
        {"code=123456", "123456"}, {"a=b&code=1+2%2b3&c=d", "1 2+3"}, {"code=", ""},
        {"code=%C3%A4&", "\xc3\xa4"}, {"", NULL}, {"cod=1", NULL}, {"codes=1", NULL}, {"code", NULL},
        {"xcode=1", NULL}, {"code=1&code=1", NULL}, {"code=%", NULL}, {"code=%4", NULL},
        {"code=%4g", NULL}, {"code=12345678901", NULL}, {"code=1234567890", "1234567890"},
    };
    char out[10];
    size_t n;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool found = form_get((const uint8_t *)cases[i].body, strlen(cases[i].body), "code", out,
                              sizeof out, &n);
        if (found != (cases[i].value != NULL))
            fail_msg("'%s': %d", cases[i].body, found);
        if (found) {
            assert_int_equal(n, strlen(cases[i].value));
            assert_memory_equal(out, cases[i].value, n);
        }
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_of_the_rfc),
        cmocka_unit_test(one_step_around_now),
        cmocka_unit_test(for_the_app),
        cmocka_unit_test(fields),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
