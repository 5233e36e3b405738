/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Working hours: open or not, and until when the answer stays, over midnight, weeks and DST. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"
#include "policy/zone.h"

#define FILE_MAX 65536
#define DAY 86400

static struct policy *policy_with_hours(const char *hours)
{
    static struct diags d;
    char text[512];
    struct policy *p;

    snprintf(text, sizeof text,
             "resource r { 10.0.0.1 tcp 1 } posture p { }\nrole a { reach r posture p hours %s }",
             hours);
    p = policy_parse(text, strlen(text), &d);
    if (!p)
        fail_msg("'%s': %s", hours, d.v[0].text);
    return p;
}

static void give_zone(struct policy *p, const char *name)
{
    uint8_t *bytes = malloc(FILE_MAX);
    char path[128];
    FILE *f;
    size_t n;

    snprintf(path, sizeof path, "/usr/share/zoneinfo/%s", name);
    f = fopen(path, "rb");
    assert_non_null(bytes);
    assert_non_null(f);
    n = fread(bytes, 1, FILE_MAX, f);
    fclose(f);
    assert_int_equal(policy_zone_set(p, name, bytes, n), 0);
    free(bytes);
}

static int64_t utc(int y, int mo, int d, int h, int mi)
{
    return civil_days(y, mo, d) * DAY + h * 3600 + mi * 60;
}

/* 2026-11-23 is a Monday. */
static void in_utc(void **state)
{
    static const struct {
        const char *what, *hours;
        int day, hour, minute;
        bool open;
        int64_t for_s;
    } cases[] = {
        {"a working day", "Mon-Fri 06:00-20:00 UTC", 23, 12, 0, true, 8 * 3600},
        {"the first minute", "Mon-Fri 06:00-20:00 UTC", 23, 6, 0, true, 14 * 3600},
        {"the minute before", "Mon-Fri 06:00-20:00 UTC", 23, 5, 59, false, 60},
        {"the end is outside", "Mon-Fri 06:00-20:00 UTC", 23, 20, 0, false, 10 * 3600},
        {"the weekend", "Mon-Fri 06:00-20:00 UTC", 28, 12, 0, false, 42 * 3600},
        {"two slots", "Mon-Fri 06:00-20:00, Sat 08:00-12:00 UTC", 28, 9, 0, true, 3 * 3600},
        {"over midnight, evening", "Mon 22:00-06:00 UTC", 23, 23, 0, true, 7 * 3600},
        {"over midnight, morning", "Mon 22:00-06:00 UTC", 24, 5, 0, true, 3600},
        {"over midnight, the day before has none", "Mon 22:00-06:00 UTC", 23, 5, 0, false,
         17 * 3600},
        {"over the week's end", "Sun 22:00-06:00 UTC", 23, 5, 0, true, 3600},
        {"over the week's end, evening", "Sun 22:00-06:00 UTC", 29, 23, 0, true, 7 * 3600},
        {"days over the week's end", "Sat-Mon 08:00-10:00 UTC", 29, 9, 0, true, 3600},
        {"days over the week's end, Monday", "Sat-Mon 08:00-10:00 UTC", 23, 9, 0, true, 3600},
        {"touching slots are one", "Mon 08:00-12:00, Mon 12:00-14:00 UTC", 23, 9, 0, true,
         5 * 3600},
        {"touching days are one", "Mon-Tue 00:00-24:00 UTC", 23, 9, 0, true, 39 * 3600},
        {"the whole week has no end", "Mon-Sun 00:00-24:00 UTC", 23, 9, 0, true, 8 * DAY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy *p = policy_with_hours(cases[i].hours);
        int64_t now = utc(2026, 11, cases[i].day, cases[i].hour, cases[i].minute);
        struct wall until;
        bool open = hours_open(&p->roles[0].hours, (struct wall){now}, &until);

        if (open != cases[i].open || until.s - now != cases[i].for_s)
            fail_msg("%s: %s for %lld s", cases[i].what, open ? "open" : "closed",
                     (long long)(until.s - now));
        policy_free(p);
    }
}

static void in_a_zone(void **state)
{
    static const struct {
        const char *what;
        int y, mo, d, h, mi;
        bool open;
        int64_t for_s;
    } cases[] = {
        /* America/Chicago: UTC-6, from 2026-03-08 02:00 UTC-5, from 2026-11-01 02:00 UTC-6 */
        {"winter morning", 2026, 11, 23, 12, 0, true, 14 * 3600},
        {"winter, an hour too early", 2026, 11, 23, 11, 0, false, 3600},
        {"summer morning", 2026, 7, 6, 11, 0, true, 14 * 3600},
        {"closed over the spring change", 2026, 3, 7, 12, 0, false, 47 * 3600},
        {"closed over the autumn change", 2026, 10, 31, 12, 0, false, 48 * 3600},
    };
    struct policy *p = policy_with_hours("Mon-Fri 06:00-20:00 America/Chicago");

    (void)state;
    give_zone(p, "America/Chicago");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t now = utc(cases[i].y, cases[i].mo, cases[i].d, cases[i].h, cases[i].mi);
        struct wall until;
        bool open = hours_open(&p->roles[0].hours, (struct wall){now}, &until);

        if (open != cases[i].open || until.s - now != cases[i].for_s)
            fail_msg("%s: %s for %lld s", cases[i].what, open ? "open" : "closed",
                     (long long)(until.s - now));
    }
    policy_free(p);
}

/* Nights of DST changes: 01:30-02:30 local does not exist in spring and lasts twice in autumn. */
static void nights_of_change(void **state)
{
    struct policy *p = policy_with_hours("Sun 01:30-02:30 America/Chicago");
    struct hours *h = &p->roles[0].hours;
    struct wall until;

    (void)state;
    give_zone(p, "America/Chicago");
    /* 2026-03-08: 01:59:59 CST is followed by 03:00 CDT: half an hour of the slot. */
    assert_true(hours_open(h, (struct wall){utc(2026, 3, 8, 7, 30)}, &until));
    assert_int_equal(until.s, utc(2026, 3, 8, 8, 0));
    /* 2026-11-01: 01:30 CDT opens; at 02:00 CDT it is 01:00 CST: closed until 01:30 CST. */
    assert_true(hours_open(h, (struct wall){utc(2026, 11, 1, 6, 30)}, &until));
    assert_int_equal(until.s, utc(2026, 11, 1, 7, 0));
    assert_false(hours_open(h, until, &until));
    assert_int_equal(until.s, utc(2026, 11, 1, 7, 30));
    assert_true(hours_open(h, until, &until));
    assert_int_equal(until.s, utc(2026, 11, 1, 8, 30));
    policy_free(p);
}

/* The answer at each minute, taken by itself, is the answer that `until` promised. */
static void until_is_exact(void **state)
{
    struct policy *p = policy_with_hours("Mon-Fri 06:00-20:00, Sat 22:00-03:00 Europe/Berlin");
    struct hours *h = &p->roles[0].hours;
    int64_t start = utc(2026, 3, 20, 0, 0), end = utc(2026, 4, 5, 0, 0), t = start;
    struct wall until, other;

    (void)state;
    give_zone(p, "Europe/Berlin");
    while (t < end) {
        bool open = hours_open(h, (struct wall){t}, &until);

        for (int64_t m = t; m < until.s; m += 60)
            assert_int_equal(hours_open(h, (struct wall){m}, &other), open);
        assert_int_equal(hours_open(h, (struct wall){until.s - 1}, &other), open);
        assert_int_equal(hours_open(h, until, &other), !open);
        t = until.s;
    }
    policy_free(p);
}

static void without_hours_or_zone(void **state)
{
    struct hours none = {0};
    struct policy *p = policy_with_hours("Mon-Sun 00:00-24:00 America/Chicago");
    struct wall now = {utc(2026, 11, 23, 12, 0)}, until;

    (void)state;
    assert_true(hours_open(&none, now, &until));
    assert_int_equal(until.s, now.s + 8 * DAY);
    assert_false(hours_open(&p->roles[0].hours, now, &until)); /* zone never given */
    assert_int_equal(policy_zone_set(p, "America/Chicago", (const uint8_t *)"TZif", 4), -1);
    assert_false(hours_open(&p->roles[0].hours, now, &until));
    give_zone(p, "Europe/Berlin"); /* not the one that is named */
    assert_false(hours_open(&p->roles[0].hours, now, &until));
    give_zone(p, "America/Chicago");
    assert_true(hours_open(&p->roles[0].hours, now, &until));
    policy_free(p);
}

static void zone_names(void **state)
{
    static const char text[] =
        "resource r { 10.0.0.1 tcp 1 } posture p { }\n"
        "role a { reach r posture p hours Mon 08:00-10:00 America/Chicago }\n"
        "role b { reach r posture p hours Mon 08:00-10:00 UTC }\n"
        "role c { reach r posture p hours Mon 08:00-10:00 America/Chicago }\n"
        "role d { reach r posture p hours Mon 08:00-10:00 Europe/Berlin }\n";
    static struct diags d;
    struct policy *p = policy_parse(text, sizeof text - 1, &d);

    (void)state;
    assert_non_null(p);
    assert_string_equal(policy_zone_name(p, 0), "America/Chicago");
    assert_string_equal(policy_zone_name(p, 1), "Europe/Berlin");
    assert_null(policy_zone_name(p, 2));
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(in_utc),
        cmocka_unit_test(in_a_zone),
        cmocka_unit_test(nights_of_change),
        cmocka_unit_test(until_is_exact),
        cmocka_unit_test(without_hours_or_zone),
        cmocka_unit_test(zone_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
