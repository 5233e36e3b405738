/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each pattern at its threshold and not one below, at the edges of its window, once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/patterns.h"

static struct patterns P;
static struct respond R;

static int begin(void **state)
{
    (void)state;
    respond_defaults(&R);
    memset(&P, 0, sizeof P);
    return 0;
}

static int end(void **state)
{
    (void)state;
    patterns_clear(&P);
    return 0;
}

static struct ip_addr addr(const char *s)
{
    struct ip_addr a = {0};

    assert_true(ip_parse(s, strlen(s), &a));
    return a;
}

static struct pattern_event denied(enum deny_reason reason, const char *dst, uint16_t port)
{
    return (struct pattern_event){.kind = SEEN_DENIED, .reason = reason, .dst = addr(dst),
                                  .proto = 6, .port = port, .count = 1};
}

/* The i-th event of a kind that makes this pattern, and no other one before. */
static struct pattern_event nth(enum pattern p, unsigned i)
{
    char host[32];

    snprintf(host, sizeof host, "10.20.1.%u", i % 250);
    switch (p) {
    case PATTERN_PORT_SCAN:
        return denied(DENY_NO_LEASE, "10.20.0.9", (uint16_t)(1000 + i));
    case PATTERN_HOST_SCAN:
        return denied(DENY_NO_LEASE, host, 445);
    case PATTERN_DENIALS:
        return denied(DENY_NOT_PERMITTED, "10.20.0.9", 22);
    case PATTERN_BAD_TOKENS:
        return (struct pattern_event){.kind = SEEN_BAD_TOKEN, .count = 1};
    case PATTERN_TWO_PLACES:
        return (struct pattern_event){.kind = SEEN_TWO_PLACES, .count = 1};
    default:
        return (struct pattern_event){.kind = SEEN_ENDED_KEY, .count = 1};
    }
}

static int see(struct pattern_event ev, int64_t at) { return patterns_see(&P, &R, &ev, at); }

/* ---- thresholds ----------------------------------------------------------------------------- */

static void at_the_threshold_and_not_one_below(void **state)
{
    (void)state;
    for (int p = 0; p < PATTERNS; p++)
        for (unsigned count = 1; count <= PATTERN_COUNT_MAX; count = count * 3 + 1) {
            if (p == PATTERN_HOST_SCAN && count > 250)
                continue;
            for (int i = 0; i < PATTERNS; i++)
                R.rule[i].count = PATTERN_COUNT_MAX;
            R.rule[p].count = (uint16_t)count;
            for (unsigned i = 1; i < count; i++)
                if (see(nth((enum pattern)p, i), 5000 + i) != 0)
                    fail_msg("%s of %u at %u", pattern_name((enum pattern)p), count, i);
            if (see(nth((enum pattern)p, count), 5000 + count) != 1 << p)
                fail_msg("%s of %u not at %u", pattern_name((enum pattern)p), count, count);
            patterns_clear(&P);
        }
}

static void many_at_once(void **state)
{
    struct pattern_event ev = nth(PATTERN_DENIALS, 1);

    (void)state;
    ev.count = 99;
    assert_int_equal(see(ev, 0), 0);
    ev.count = 0;
    assert_int_equal(see(ev, 1), 0);
    ev.count = 1000000;
    assert_int_equal(see(ev, 2), 1 << PATTERN_DENIALS);
    assert_int_equal(P.track[PATTERN_DENIALS].n, 0);
}

/* ---- windows -------------------------------------------------------------------------------- */

static void edges_of_the_window(void **state)
{
    static const struct { const char *what; int64_t last_ms; int complete; } cases[] = {
        {"just inside", 59999, 1},
        {"a whole window later the first is outside", 60000, 0},
        {"the clock went back", -1, 0},
    };

    (void)state;
    for (int p = 0; p < PATTERNS; p++)
        for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
            R.rule[p].count = 3;
            R.rule[p].within.s = 60;
            assert_int_equal(see(nth((enum pattern)p, 1), 100000), 0);
            assert_int_equal(see(nth((enum pattern)p, 2), 100001), 0);
            if (see(nth((enum pattern)p, 3), 100000 + cases[c].last_ms) != cases[c].complete << p)
                fail_msg("%s: %s", pattern_name((enum pattern)p), cases[c].what);
            patterns_clear(&P);
            respond_defaults(&R);
        }
}

/* One a window less than the threshold, for ever: never. */
static void a_slow_scan_stays_below(void **state)
{
    (void)state;
    R.rule[PATTERN_PORT_SCAN].count = 20;
    for (unsigned i = 0; i < 2000; i++)
        assert_int_equal(see(nth(PATTERN_PORT_SCAN, i), i * (60000 / 19 + 1)), 0);
}

/* The clock jumps ahead: what was seen is old, and nothing is recognised by the jump. */
static void a_jump_ahead(void **state)
{
    (void)state;
    for (unsigned i = 1; i < 20; i++)
        assert_int_equal(see(nth(PATTERN_PORT_SCAN, i), i), 0);
    assert_int_equal(see(nth(PATTERN_PORT_SCAN, 20), INT64_MAX / 4), 0);
    assert_int_equal(P.track[PATTERN_PORT_SCAN].n, 1);
}

static void once_a_window(void **state)
{
    unsigned told = 0;

    (void)state;
    for (int64_t ms = 0; ms < 600000; ms += 10)
        told += see(nth(PATTERN_PORT_SCAN, (unsigned)(ms / 10) % 60000), ms) != 0;
    /* Recognised after 190 ms, quiet for a minute, recognised 190 ms later again. */
    assert_int_equal(told, 10);
}

static void cleared_it_counts_from_nothing(void **state)
{
    (void)state;
    for (unsigned i = 1; i <= 20; i++)
        (void)see(nth(PATTERN_PORT_SCAN, i), i);
    patterns_clear(&P);
    for (unsigned i = 1; i < 20; i++)
        assert_int_equal(see(nth(PATTERN_PORT_SCAN, i), 100 + i), 0);
    assert_int_equal(see(nth(PATTERN_PORT_SCAN, 20), 120), 1 << PATTERN_PORT_SCAN);
}

/* ---- against the definition ----------------------------------------------------------------- */

#define HISTORY 4000

/* Everything that was ever seen, and the pattern by its definition: slow and obviously right. */
static struct { int64_t at; unsigned what; } history[HISTORY];

static bool defined(size_t n, int64_t quiet_until, unsigned count, int64_t within_ms, bool distinct)
{
    unsigned seen = 0;
    int64_t now = history[n - 1].at;

    if (now < quiet_until)
        return false;
    for (size_t i = 0; i < n; i++) {
        bool again = false;
        if (history[i].at < quiet_until || now - history[i].at >= within_ms)
            continue;
        for (size_t j = i + 1; distinct && j < n && !again; j++)
            again = history[j].what == history[i].what;
        seen += !again;
    }
    return seen >= count;
}

static void as_defined_for(enum pattern p, unsigned seed)
{
    unsigned count = 2 + (unsigned)rand() % 12, spread = 1 + (unsigned)rand() % 20;
    int64_t within_ms = 1000 * (1 + rand() % 5), quiet_until = 0, at = 0;

    R.rule[p].count = (uint16_t)count;
    R.rule[p].within.s = within_ms / 1000;
    for (size_t n = 1; n <= 600; n++) {
        at += rand() % 3 ? rand() % 300 : rand() % 2 * 1000;
        history[n - 1].at = at;
        history[n - 1].what = (unsigned)rand() % spread;
        bool want = defined(n, quiet_until, count, within_ms, p <= PATTERN_HOST_SCAN);
        int got = see(nth(p, history[n - 1].what), at) & 1 << p;
        if (want != (got != 0))
            fail_msg("%s of %u within %lld ms, seed %u, event %zu: %d", pattern_name(p), count,
                     (long long)within_ms, seed, n, got);
        if (want)
            quiet_until = at + within_ms;
    }
    patterns_clear(&P);
}

static void as_defined(void **state)
{
    (void)state;
    for (unsigned seed = 1; seed <= 100; seed++) {
        srand(seed);
        for (int p = 0; p < PATTERNS; p++)
            as_defined_for((enum pattern)p, seed);
    }
}

/* ---- what counts ---------------------------------------------------------------------------- */

static void what_counts(void **state)
{
    static const struct {
        const char *what;
        enum deny_reason reason;
        const char *dst;
        uint8_t proto;
        uint16_t port;
        unsigned patterns;
    } cases[] = {
        {"beyond the lease", DENY_NOT_PERMITTED, "10.20.0.9", 6, 22, 7},
        {"without a lease", DENY_NO_LEASE, "10.20.0.9", 6, 22, 3},
        {"a colleague's device", DENY_DEVICE_TO_DEVICE, "10.77.0.9", 17, 22, 7},
        {"the gateway", DENY_GATEWAY_INPUT, "10.77.0.1", 6, 22, 7},
        {"no connection", DENY_INVALID, "10.20.0.9", 6, 22, 3},
        {"ping", DENY_NOT_PERMITTED, "10.20.0.9", 1, 0, 6},
        {"by v6", DENY_NOT_PERMITTED, "fd20::9", 6, 22, 7},
        {"somebody forges the address", DENY_SPOOFED, "10.20.0.9", 6, 22, 0},
        {"an address of nobody", DENY_UNKNOWN_SOURCE, "10.20.0.9", 6, 22, 0},
        {"the office knocks at the device", DENY_WRONG_DIRECTION, "10.77.0.2", 6, 22, 0},
        {"multicast", DENY_GATEWAY_INPUT, "224.0.0.251", 17, 5353, 0},
        {"broadcast", DENY_NOT_PERMITTED, "255.255.255.255", 17, 67, 0},
        {"multicast by v6", DENY_GATEWAY_INPUT, "ff02::fb", 17, 5353, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pattern_event ev = denied(cases[i].reason, cases[i].dst, cases[i].port);
        unsigned tracked = 0;
        ev.proto = cases[i].proto;
        assert_int_equal(see(ev, 1), 0);
        for (int p = 0; p < PATTERNS; p++)
            tracked |= P.track[p].n > 0 ? 1u << p : 0;
        if (tracked != cases[i].patterns)
            fail_msg("%s: counts for %x", cases[i].what, tracked);
        patterns_clear(&P);
    }
}

static void the_same_again_is_no_scan(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(see(denied(DENY_NO_LEASE, "10.20.0.9", 22), i), 0);
    assert_int_equal(P.track[PATTERN_PORT_SCAN].n, 1);
    assert_int_equal(P.track[PATTERN_HOST_SCAN].n, 1);
    /* Seen again, a port is as young as its last time. */
    for (unsigned i = 1; i < 19; i++)
        (void)see(nth(PATTERN_PORT_SCAN, i), 1000 + i);
    (void)see(denied(DENY_NO_LEASE, "10.20.0.9", 22), 59000);
    assert_int_equal(see(denied(DENY_NO_LEASE, "10.20.0.9", 23), 60999), 1 << PATTERN_PORT_SCAN);
}

static void ports_of_several_protocols(void **state)
{
    struct pattern_event ev = denied(DENY_NO_LEASE, "10.20.0.9", 53);

    (void)state;
    R.rule[PATTERN_PORT_SCAN].count = 2;
    assert_int_equal(see(ev, 1), 0);
    ev.proto = 17;
    assert_int_equal(see(ev, 2), 1 << PATTERN_PORT_SCAN);
}

/* ---- bounds --------------------------------------------------------------------------------- */

static void memory_is_bounded_and_given_back(void **state)
{
    (void)state;
    for (int i = 0; i < PATTERNS; i++)
        R.rule[i].count = PATTERN_COUNT_MAX;
    assert_true(patterns_idle(&P, &R, 0));
    for (unsigned i = 0; i < 5000; i++)
        for (int p = 0; p < PATTERNS; p++) {
            (void)see(nth((enum pattern)p, i), i);
            assert_in_range(P.track[p].room, 0, 512);
        }
    assert_false(patterns_idle(&P, &R, 5000));
    assert_false(patterns_idle(&P, &R, 3600000));
    assert_true(patterns_idle(&P, &R, 2 * 3600000 + 5000));
}

static void shares(void **state)
{
    static const struct { uint8_t percent; uint32_t devices, share; } cases[] = {
        {10, 0, 1}, {10, 1, 1}, {10, 19, 1}, {10, 20, 2}, {10, 99, 9}, {10, 100, 10},
        {1, 100000, 1000}, {100, 7, 7}, {100, UINT32_MAX, UINT32_MAX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        R.percent = cases[i].percent;
        assert_int_equal(respond_share(&R, cases[i].devices), cases[i].share);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(at_the_threshold_and_not_one_below, begin, end),
        cmocka_unit_test_setup_teardown(many_at_once, begin, end),
        cmocka_unit_test_setup_teardown(edges_of_the_window, begin, end),
        cmocka_unit_test_setup_teardown(a_slow_scan_stays_below, begin, end),
        cmocka_unit_test_setup_teardown(a_jump_ahead, begin, end),
        cmocka_unit_test_setup_teardown(once_a_window, begin, end),
        cmocka_unit_test_setup_teardown(cleared_it_counts_from_nothing, begin, end),
        cmocka_unit_test_setup_teardown(as_defined, begin, end),
        cmocka_unit_test_setup_teardown(what_counts, begin, end),
        cmocka_unit_test_setup_teardown(the_same_again_is_no_scan, begin, end),
        cmocka_unit_test_setup_teardown(ports_of_several_protocols, begin, end),
        cmocka_unit_test_setup_teardown(memory_is_bounded_and_given_back, begin, end),
        cmocka_unit_test_setup_teardown(shares, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
