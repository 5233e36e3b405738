/* SPDX-License-Identifier: GPL-2.0-or-later */
/* TZif zones against the C library, over Debian's own files; and files that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/zone.h"

#define ZONE_DIR "/usr/share/zoneinfo/"
#define FILE_MAX 65536

static size_t read_zone(const char *name, uint8_t *out)
{
    char path[256];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, ZONE_DIR "%s", name);
    f = fopen(path, "rb");
    if (!f)
        return 0;
    n = fread(out, 1, FILE_MAX, f);
    fclose(f);
    return n;
}

/* The C library reads ":NAME" from the zone directory, and POSIX strings as they are. */
static struct tm libc_time(time_t t)
{
    struct tm tm;

    assert_non_null(localtime_r(&t, &tm));
    return tm;
}

static void set_libc_zone(const char *tz)
{
    assert_int_equal(setenv("TZ", tz, 1), 0);
    tzset();
}

static void compare_at(const char *name, const struct zone *z, int64_t t)
{
    struct tm tm = libc_time((time_t)t);
    struct local_time l = local_time(z, (struct wall){t});

    if (zone_offset(z, (struct wall){t}).s != tm.tm_gmtoff)
        fail_msg("%s at %lld: offset %lld, the C library says %ld", name, (long long)t,
                 (long long)zone_offset(z, (struct wall){t}).s, tm.tm_gmtoff);
    if (l.year != tm.tm_year + 1900 || l.month != tm.tm_mon + 1 || l.day != tm.tm_mday ||
        l.hour != tm.tm_hour || l.minute != tm.tm_min || l.second != tm.tm_sec ||
        l.weekday != (tm.tm_wday + 6) % 7)
        fail_msg("%s at %lld: %d-%02d-%02d %02d:%02d:%02d is not what the C library says", name,
                 (long long)t, l.year, l.month, l.day, l.hour, l.minute, l.second);
}

/* Many moments, and around each change: one second before it and at it. */
static void compare_zone(const char *name, const struct zone *z)
{
    static const int64_t from = -2500000000, to = 4200000000;

    for (int64_t t = from; t < to; t += 1234567)
        compare_at(name, z, t);
    for (int64_t t = from;;) {
        struct wall next = zone_next_change(z, (struct wall){t});

        if (next.s > to)
            break;
        assert_true(next.s > t);
        for (int64_t i = 1; i <= 16; i++)
            if (zone_offset(z, (struct wall){t + (next.s - 1 - t) / 16 * i}).s !=
                zone_offset(z, (struct wall){t}).s)
                fail_msg("%s: the offset changes between %lld and %lld", name, (long long)t,
                         (long long)next.s);
        compare_at(name, z, next.s - 1);
        compare_at(name, z, next.s);
        t = next.s;
    }
}

static void agrees_with_libc(void **state)
{
    static const char *const names[] = {
        "America/Chicago",  "America/New_York", "America/Puerto_Rico", "America/Anchorage",
        "Pacific/Honolulu", "Pacific/Guam",     "America/St_Johns",    "America/Sao_Paulo",
        "America/Nuuk",     "Europe/Berlin",    "Europe/Dublin",       "Africa/Casablanca",
        "Asia/Kolkata",     "Asia/Gaza",        "Asia/Tehran",         "Australia/Lord_Howe",
        "Pacific/Apia",     "Pacific/Chatham",  "Pacific/Kiritimati",  "Antarctica/Troll",
        "Etc/GMT+5",        "Asia/Istanbul"};
    uint8_t *bytes = malloc(FILE_MAX);
    size_t compared = 0;

    (void)state;
    assert_non_null(bytes);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t n = read_zone(names[i], bytes);
        char tz[64];
        struct zone *z;

        if (n == 0)
            continue;
        z = zone_parse(bytes, n);
        if (!z)
            fail_msg("%s was refused", names[i]);
        snprintf(tz, sizeof tz, ":%s", names[i]);
        set_libc_zone(tz);
        compare_zone(names[i], z);
        zone_free(z);
        compared++;
    }
    free(bytes);
    assert_true(compared >= 15); /* tzdata is one of the packages that `make check` installs */
}

/* ---- footers: a file without changes, whose footer says all -------------------------------- */

static size_t put_header(uint8_t *out, char version)
{
    memset(out, 0, 44);
    memcpy(out, "TZif", 4);
    out[4] = (uint8_t)version;
    out[39] = 1; /* one type */
    out[43] = 1; /* one character */
    return 44;
}

/* One type: UTC offset 0, standard time, the name "". */
static size_t put_body(uint8_t *out)
{
    memset(out, 0, 7);
    return 7;
}

static size_t zone_with_footer(uint8_t *out, char version, const char *footer)
{
    size_t n = put_header(out, version);

    n += put_body(out + n);
    n += put_header(out + n, version);
    n += put_body(out + n);
    n += (size_t)sprintf((char *)out + n, "\n%s\n", footer);
    return n;
}

static void footers(void **state)
{
    static const struct {
        const char *what, *footer;
    } cases[] = {
        {"no summer time", "UTC0"},
        {"north", "CST6CDT,M3.2.0,M11.1.0"},
        {"south", "AEST-10AEDT,M10.1.0,M4.1.0/3"},
        {"quoted names", "<+03>-3"},
        {"quoted names, both", "<-03>3<-02>,M3.5.0/-2,M10.5.0/-1"},
        {"half an hour", "<+1030>-10:30<+11>-11,M10.1.0,M4.1.0"},
        {"negative summer time", "IST-1GMT0,M10.5.0,M3.5.0/1"},
        {"seconds", "LMT0:20:08"},
        {"Julian days, no leap day", "AAA5BBB,J60/0,J300"},
        {"the last day before the leap day", "AAA5BBB,J59/0,J300"},
        {"days from zero, leap day counted", "AAA5BBB,59/0,299/23:30:15"},
        {"the fifth week is the last", "EET-2EEST,M3.5.5/0,M10.5.5/0"},
        {"hours beyond a day", "AAA3BBB,M3.4.4/50,M10.4.4/50"},
    };
    uint8_t bytes[512];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct zone *z = zone_parse(bytes, zone_with_footer(bytes, '3', cases[i].footer));

        if (!z)
            fail_msg("%s: '%s' was refused", cases[i].what, cases[i].footer);
        set_libc_zone(cases[i].footer);
        for (int64_t t = 0; t < 4000000000; t += 7919 * 60)
            compare_at(cases[i].footer, z, t);
        zone_free(z);
    }
}

static void bad_footers(void **state)
{
    static const char *const bad[] = {"C6",
                                      "CS6",
                                      "CST",
                                      "CST6CDT",
                                      "CST6CDT,M3.2.0",
                                      "CST6CDT,M3.2.0,M11.1.0,",
                                      "CST6CDT,M13.1.0,M1.1.0",
                                      "CST6CDT,M3.6.0,M11.1.0",
                                      "CST6CDT,M3.2.7,M11.1.0",
                                      "CST6CDT,J0,J300",
                                      "CST6CDT,366,1",
                                      "CST6CDT,M3.2.0/168,M11.1.0",
                                      "CST25",
                                      "CST6:60",
                                      "<+0",
                                      "<a>3",
                                      "CST6 ",
                                      "CST6CDT,X1,1"};
    uint8_t bytes[512];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        if (zone_parse(bytes, zone_with_footer(bytes, '3', bad[i])))
            fail_msg("'%s' was taken", bad[i]);
}

/* ---- files that are none -------------------------------------------------------------------- */

static void truncated(void **state)
{
    uint8_t *bytes = malloc(FILE_MAX), *exact;
    size_t n = read_zone("America/Chicago", bytes);

    (void)state;
    assert_true(n > 100);
    for (size_t cut = 0; cut < n; cut++) {
        exact = malloc(cut + 1); /* its own block, so that the sanitizer sees a read too far */
        assert_non_null(exact);
        memcpy(exact, bytes, cut);
        if (zone_parse(exact, cut))
            fail_msg("the first %zu of %zu bytes were taken", cut, n);
        free(exact);
    }
    free(bytes);
}

static void broken(void **state)
{
    static const struct {
        const char *what;
        size_t at;
        uint8_t value;
    } cases[] = {
        {"magic", 0, 'X'},
        {"version", 4, '9'},
        {"no types", 39, 0},
        {"no characters", 43, 0},
        {"types and isut differ", 51 + 23, 2},
        {"second magic", 51, 'X'},
        {"offset of five days", 51 + 44 + 1, 0x7f},
        {"no footer", 51 + 44 + 7, ' '},
    };
    uint8_t bytes[512];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t n = zone_with_footer(bytes, '2', "UTC0");
        struct zone *z = zone_parse(bytes, n);

        assert_non_null(z);
        zone_free(z);
        bytes[cases[i].at] = cases[i].value;
        if (zone_parse(bytes, n))
            fail_msg("%s: was taken", cases[i].what);
    }
}

static void leap_seconds(void **state)
{
    uint8_t bytes[64];
    size_t n = put_header(bytes, 0);
    struct zone *z;

    (void)state;
    n += put_body(bytes + n);
    memset(bytes + n, 0, 8);
    z = zone_parse(bytes, n);
    assert_non_null(z);
    zone_free(z);
    bytes[31] = 1; /* one leap second: 4 bytes of time, 4 of correction */
    assert_null(zone_parse(bytes, n + 8));
}

static void changes_must_ascend(void **state)
{
    static const uint8_t times[3][10] = {
        {0, 0, 0, 1, 0, 0, 0, 2}, {0, 0, 0, 2, 0, 0, 0, 2}, {0, 0, 0, 2, 0, 0, 0, 1}};
    uint8_t bytes[96];

    (void)state;
    for (int i = 0; i < 3; i++) {
        struct zone *z;

        put_header(bytes, 0);
        bytes[35] = 2; /* two changes: their times, then their types */
        memcpy(bytes + 44, times[i], 10);
        put_body(bytes + 54);
        z = zone_parse(bytes, 61);
        if ((z != NULL) != (i == 0))
            fail_msg("case %d was %s", i, z ? "taken" : "refused");
        zone_free(z);
    }
}

static void version_one(void **state)
{
    uint8_t bytes[64];
    size_t n = put_header(bytes, 0);
    struct zone *z;

    (void)state;
    n += put_body(bytes + n);
    bytes[44 + 2] = 0x0e; /* 0x0e10 = 3600 */
    bytes[44 + 3] = 0x10;
    z = zone_parse(bytes, n);
    assert_non_null(z);
    assert_int_equal(zone_offset(z, (struct wall){0}).s, 3600);
    assert_true(zone_next_change(z, (struct wall){0}).s == INT64_MAX);
    zone_free(z);
    assert_int_equal(zone_offset(NULL, (struct wall){0}).s, 0);
}

static void dates(void **state)
{
    (void)state;
    assert_int_equal(civil_days(1970, 1, 1), 0);
    assert_int_equal(civil_days(2000, 3, 1), 11017);
    assert_int_equal(civil_days(1969, 12, 31), -1);
    assert_true(civil_valid(2024, 2, 29));
    assert_false(civil_valid(2023, 2, 29));
    assert_false(civil_valid(1900, 2, 29));
    assert_true(civil_valid(2000, 2, 29));
    assert_false(civil_valid(2026, 4, 31));
    assert_false(civil_valid(2026, 0, 1));
    assert_false(civil_valid(2026, 13, 1));
    assert_false(civil_valid(2026, 1, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agrees_with_libc),
        cmocka_unit_test(footers),
        cmocka_unit_test(bad_footers),
        cmocka_unit_test(truncated),
        cmocka_unit_test(broken),
        cmocka_unit_test(leap_seconds),
        cmocka_unit_test(changes_must_ascend),
        cmocka_unit_test(version_one),
        cmocka_unit_test(dates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
