/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who roams and who is in two places at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "gateway/places.h"
#include "policy/address.h"

#define HOME "203.0.113.21"
#define TRAIN "198.51.100.9"
#define CAFE "192.0.2.4"

struct seen { const char *from; int64_t at_s; bool both; };

static const struct {
    const char *what;
    struct seen v[10];
} cases[] = {
    {"always at home", {{HOME, 0, 0}, {HOME, 15, 0}, {HOME, 30, 0}, {HOME, 45, 0}}},
    {"roams once", {{HOME, 0, 0}, {TRAIN, 15, 0}, {TRAIN, 30, 0}}},
    {"roams and comes back", {{HOME, 0, 0}, {TRAIN, 15, 0}, {HOME, 30, 0}, {HOME, 45, 0}}},
    {"two copies", {{HOME, 0, 0}, {TRAIN, 15, 0}, {HOME, 30, 0}, {TRAIN, 45, true}}},
    {"two copies go on", {{HOME, 0, 0}, {TRAIN, 15, 0}, {HOME, 30, 0}, {TRAIN, 45, true},
                          {HOME, 60, 0}, {TRAIN, 75, 0}, {HOME, 90, true}}},
    {"one of them twice in a row", {{HOME, 0, 0}, {TRAIN, 15, 0}, {TRAIN, 30, 0}, {HOME, 45, 0},
                                    {TRAIN, 60, true}}},
    {"the last moment", {{HOME, 0, 0}, {TRAIN, 10, 0}, {HOME, 70, 0}, {TRAIN, 210, true}}},
    {"one second later", {{HOME, 0, 0}, {TRAIN, 10, 0}, {HOME, 70, 0}, {TRAIN, 211, 0}}},
    {"roams with every handshake", {{HOME, 0, 0}, {TRAIN, 120, 0}, {HOME, 240, 0},
                                    {TRAIN, 360, 0}, {HOME, 480, 0}}},
    {"two idle copies", {{HOME, 0, 0}, {TRAIN, 20, 0}, {HOME, 125, 0}, {TRAIN, 145, true}}},
    {"slow, then fast", {{HOME, 0, 0}, {TRAIN, 10, 0}, {HOME, 240, 0}, {TRAIN, 250, 0},
                         {HOME, 260, true}}},
    {"three places are a journey", {{HOME, 0, 0}, {TRAIN, 10, 0}, {CAFE, 20, 0}, {HOME, 30, 0},
                                    {TRAIN, 40, 0}, {CAFE, 50, 0}}},
    {"back and forth after a journey", {{CAFE, 0, 0}, {HOME, 10, 0}, {TRAIN, 20, 0},
                                        {HOME, 30, 0}, {TRAIN, 40, true}}},
    {"two families are one machine", {{HOME, 0, 0}, {"2001:db8::1", 10, 0}, {HOME, 20, 0},
                                      {"2001:db8::1", 30, 0}, {HOME, 40, 0}}},
    {"addresses of one /64 are one place", {{"2001:db8::1", 0, 0}, {"2001:db8::2", 10, 0},
                                            {"2001:db8::1", 20, 0}, {"2001:db8::2", 30, 0}}},
    {"two /64 are two", {{"2001:db8::1", 0, 0}, {"2001:db8:0:1::1", 10, 0},
                         {"2001:db8::9", 20, 0}, {"2001:db8:0:1::7", 30, true}}},
};

static struct ip_addr ip(const char *text)
{
    struct ip_addr a;

    assert_true(ip_parse(text, strlen(text), &a));
    return a;
}

static void who_is_in_two_places(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct places p = {0};
        for (const struct seen *s = cases[i].v; s->from; s++) {
            struct ip_addr from = ip(s->from), other;
            if (places_seen(&p, &from, 1000000 + s->at_s * 1000, &other) != s->both)
                fail_msg("%s: %s at %d s", cases[i].what, s->from, (int)s->at_s);
        }
    }
}

static void both_places_are_told(void **state)
{
    const char *const from[] = {HOME, TRAIN, HOME, TRAIN};
    struct ip_addr at, other = {0}, home = ip(HOME);
    struct places p = {0};
    bool both = false;

    (void)state;
    for (int i = 0; i < 4; i++) {
        at = ip(from[i]);
        both = places_seen(&p, &at, 1000 * (i + 1), &other);
    }
    assert_true(both);
    assert_int_equal(ip_cmp(&other, &home), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_in_two_places),
        cmocka_unit_test(both_places_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
