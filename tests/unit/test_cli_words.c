/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The words of the CLI: dates, durations, destinations, zone names, targets; and text from
 * outside made harmless for a terminal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "admin/cli/call.h"
#include "admin/cli/policy_file.h"
#include "admin/cli/term.h"

#define CST (6 * 3600)

/* Without Z by the clock of this machine, which is in Chicago here. */
static void dates(void **state)
{
    static const struct { const char *text; bool ok; int64_t value; } cases[] = {
        {"1970-01-02", true, 86400 + CST},
        {"2026-11-22", true, 1795305600 + CST},
        {"2026-11-22T04:36Z", true, 1795305600 + 16560},
        {"2026-11-22T04:36:12Z", true, 1795305600 + 16572},
        {"2028-02-29", true, 1835395200 + CST},
        {"+30d", true, 1000 + 30 * 86400},
        {"-2m", true, 1000 - 120},
        {"2026-02-29", false, 0},
        {"2026-13-01", false, 0},
        {"2026-1-01", false, 0},
        {"2026-11-22 04:36", false, 0},
        {"2026-11-22T04:36", true, 1795305600 + 16560 + CST},
        {"2026-11-22T24:00Z", false, 0},
        {"2026-11-22Z", false, 0},
        {"2026-11-22x", false, 0},
        {"+30", true, 1030},
        {"+", false, 0},
        {"+0d", false, 0},
        {"30d", false, 0},
        {"tomorrow", false, 0},
        {"", false, 0},
    };
    (void)state;
    setenv("TZ", "CST6", 1);
    tzset();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t v = 0;
        bool ok = word_date(cases[i].text, 1000, &v);
        if (ok != cases[i].ok || (ok && v != cases[i].value))
            fail_msg("'%s': %d %lld", cases[i].text, ok, (long long)v);
    }
}

static void durations(void **state)
{
    static const struct { const char *text; int64_t value; } cases[] = {
        {"60s", 60}, {"90", 90}, {"5m", 300}, {"12h", 43200}, {"1d", 86400}, {"0", 0}, {"0s", 0},
        {"5mm", 0}, {"m", 0}, {"-5m", 0}, {" 5m", 0}, {"5 m", 0}, {"1.5h", 0}, {"2147483648", 0},
        {"99999999999999999999", 0}, {"", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t v = 0;
        bool ok = word_duration(cases[i].text, &v);
        if (ok != (cases[i].value > 0) || (ok && v != cases[i].value))
            fail_msg("'%s': %lld", cases[i].text, (long long)v);
    }
}

static void destinations(void **state)
{
    static const struct { const char *text, *to, *port, *proto; } cases[] = {
        {"10.20.0.9:5432/tcp", "10.20.0.9", "5432", "tcp"},
        {"10.20.0.9:5432", "10.20.0.9", "5432", ""},
        {"10.20.0.9/icmp", "10.20.0.9", "", "icmp"},
        {"[fd20::9]:443/tcp", "fd20::9", "443", "tcp"},
        {"[fd20::9]:443", "fd20::9", "443", ""},
        {"fd20::9/icmpv6", "fd20::9", "", "icmpv6"},
        {"customs-db", "customs-db", "", ""},
        {"customs-db:5432/tcp", "customs-db", "5432", "tcp"},
        {"customs-db/udp", "customs-db", "", "udp"},
        {"10.20.0.9", NULL, NULL, NULL},            /* which port? */
        {"10.20.0.9/tcp", NULL, NULL, NULL},
        {"10.20.0.9.1:80", NULL, NULL, NULL},
        {"10.20.0:80", NULL, NULL, NULL},
        {"10.20.0.9:65536", NULL, NULL, NULL},
        {"10.20.0.9:080", NULL, NULL, NULL},
        {"10.20.0.9:", NULL, NULL, NULL},
        {"10.20.0.9:80/", NULL, NULL, NULL},
        {"10.20.0.9:80/TCP", NULL, NULL, NULL},
        {"10.20.0.9:80/tcp/udp", NULL, NULL, NULL},
        {"[10.20.0.9]:80", NULL, NULL, NULL},
        {"[fd20::9", NULL, NULL, NULL},
        {"[fd20::9]80", NULL, NULL, NULL},
        {"Customs", NULL, NULL, NULL},
        {"a b", NULL, NULL, NULL},
        {"-x", NULL, NULL, NULL},
        {"", NULL, NULL, NULL},
        {":80", NULL, NULL, NULL},
        {"x&user=bob", NULL, NULL, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct destination d;
        bool ok = word_destination(cases[i].text, &d);
        if (ok != (cases[i].to != NULL) ||
            (ok && (strcmp(d.to, cases[i].to) || strcmp(d.port, cases[i].port) ||
                    strcmp(d.proto, cases[i].proto))))
            fail_msg("'%s': %d %s %s %s", cases[i].text, ok, d.to, d.port, d.proto);
    }
}

static void zone_names(void **state)
{
    static const struct { const char *name; bool ok; } cases[] = {
        {"America/Chicago", true}, {"UTC", true}, {"Etc/GMT+5", true},
        {"America/Argentina/Buenos_Aires", true}, {"../../etc/passwd", false},
        {"/etc/passwd", false}, {"America/../UTC", false}, {"America/", false}, {"", false},
        {"America//Chicago", false}, {"America/Chi cago", false}, {".", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (zone_name_ok(cases[i].name) != cases[i].ok)
            fail_msg("'%s'", cases[i].name);
}

static void targets(void **state)
{
    struct target t;
    (void)state;
    target_begin(&t, "/v1/explain");
    target_query(&t, "user", "a b&c=d%\r\n\xc3\xa4");
    target_query(&t, "port", NULL);
    target_query(&t, "to", "fd20::9");
    assert_string_equal(t.s, "/v1/explain?user=a%20b%26c%3Dd%25%0D%0A%C3%A4&to=fd20%3A%3A9");
    assert_false(t.bad);
    static const char *const bad[] = {"../status", "a/b", "a?b", "a b", "", ".", "a\r\nX: y", "a%2e"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        target_begin(&t, "/v1/users");
        target_name(&t, bad[i]);
        if (!t.bad)
            fail_msg("'%s'", bad[i]);
    }
    char name[1600];
    memset(name, 'a', sizeof name - 1);
    name[sizeof name - 1] = 0;
    target_begin(&t, "/v1/users");
    target_name(&t, name);
    assert_true(t.bad);
}

static void harmless(void **state)
{
    static const struct { const char *what, *in, *out; } cases[] = {
        {"plain", "maria", "maria"},
        {"letters beyond ASCII", "Jos\xc3\xa9 \xe6\x9d\xb1", "Jos\xc3\xa9 \xe6\x9d\xb1"},
        {"ESC", "\x1b[31mred", "\\x1b[31mred"},
        {"CR LF", "a\r\nb", "a\\x0d\\x0ab"},
        {"tab and bell", "\t\a", "\\x09\\x07"},
        {"DEL", "\x7f", "\\x7f"},
        {"C1 as UTF-8", "\xc2\x9b" "31m", "\\u{9b}31m"},
        {"C1 as a byte", "\x9b" "31m", "\\x9b" "31m"},
        {"right to left", "a\xe2\x80\xae" "b", "a\\u{202e}b"},
        {"isolate", "\xe2\x81\xa6", "\\u{2066}"},
        {"line separator", "\xe2\x80\xa8", "\\u{2028}"},
        {"zero width", "\xe2\x80\x8b", "\\u{200b}"},
        {"byte order mark", "\xef\xbb\xbf", "\\u{feff}"},
        {"tag characters", "\xf3\xa0\x81\x81", "\\u{e0041}"},
        {"overlong slash", "\xc0\xaf", "\\xc0\\xaf"},
        {"overlong in three bytes", "\xe0\x80\xaf", "\\xe0\\x80\\xaf"},
        {"overlong in four bytes", "\xf0\x80\x80\xaf", "\\xf0\\x80\\x80\\xaf"},
        {"surrogate", "\xed\xa0\x80", "\\xed\\xa0\\x80"},
        {"cut off", "a\xe2\x80", "a\\xe2\\x80"},
        {"above Unicode", "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80"},
    };
    char out[TERM_SAFE], small[10];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (strcmp(term_safe(cases[i].in, out), cases[i].out) != 0)
            fail_msg("%s: %s", cases[i].what, out);
    assert_string_equal(term_escape("abcdefghijkl", 12, small, sizeof small), "abcdefg..");
    assert_string_equal(term_escape("abcdef\x1b", 7, small, sizeof small), "abcdef..");
    assert_string_equal(term_escape("a\0b", 3, out, sizeof out), "a\\x00b");
    assert_string_equal(term_safe(NULL, out), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dates),        cmocka_unit_test(durations),
        cmocka_unit_test(destinations), cmocka_unit_test(zone_names),
        cmocka_unit_test(targets),      cmocka_unit_test(harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
