/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a device sends into its tunnel: named cases, and random ones address by address. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/routes.h"

static struct diags diags;

static struct policy *parse(const char *text)
{
    struct policy *p = policy_parse(text, strlen(text), &diags);

    if (!p)
        fail_msg("line %d: %s in\n%s", diags.v[0].pos.line, diags.v[0].text, text);
    return p;
}

static struct ip_prefix prefix(const char *s)
{
    struct ip_prefix p = {0};

    assert_true(s[0] == '\0' || prefix_parse(s, strlen(s), &p));
    return p;
}

static struct tunnel tunnel(const char *net4, const char *net6)
{
    return (struct tunnel){.net4 = prefix(net4), .net6 = prefix(net6)};
}

static const char *text_of(const struct ip_prefix *v, int n)
{
    static char out[8192];
    char one[ADDR_TEXT];
    size_t at = 0;

    out[0] = '\0';
    for (int i = 0; i < n; i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s/%u", i ? " " : "",
                               ip_print(&v[i].addr, one), v[i].len);
    return out;
}

/* ---- named ---------------------------------------------------------------------------------- */

#define POLICY "company \"x\"\n"                                                                   \
    "resource db { 10.20.0.9 tcp 5432 }\n"                                                         \
    "resource web { 10.20.0.8 tcp 80, 443 fd20::8 tcp 443 }\n"                                     \
    "resource floor { 10.20.1.0-10.20.1.9 tcp 9100 10.20.1.2 udp 161 }\n"                       \
    "resource half { 10.20.2.0/25, 10.20.2.128/25 tcp 1 }\n"                                       \
    "resource updates { 10.20.0.40 tcp 443 }\n"                                                    \
    "remediation { updates }\n"                                                                    \
    "posture b { lease 15m evidence <= 8h assurance >= PA1 }\n"                                    \
    "role a { reach db posture b }\n"                                                              \
    "role b { reach web posture b }\n"                                                             \
    "role c { reach floor, half posture b }\n"                                                     \
    "role d { reach db posture b all traffic }\n"

static const struct { const char *what; uint64_t roles; const char *net6, *want; } cases[] = {
    {"no role: gateway and remediation", 0, "", "10.20.0.40/32 10.77.0.1/32"},
    {"one address", 1, "fd77::1/64", "10.20.0.9/32 10.20.0.40/32 10.77.0.1/32 fd77::1/128"},
    {"neighbours become one prefix", 3, "fd77::1/64",
     "10.20.0.8/31 10.20.0.40/32 10.77.0.1/32 fd20::8/128 fd77::1/128"},
    {"a range is cut into prefixes, halves are joined", 4, "",
     "10.20.0.40/32 10.20.1.0/29 10.20.1.8/31 10.20.2.0/24 10.77.0.1/32"},
    {"one role sends everything", 1 | 8, "", "0.0.0.0/0 ::/0"},
    {"another's role does not", 1 | 2, "",
     "10.20.0.8/31 10.20.0.40/32 10.77.0.1/32 fd20::8/128"},
};

static void named(void **state)
{
    struct policy *p = parse(POLICY);
    struct ip_prefix v[ROUTES_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct tunnel t = tunnel("10.77.0.1/16", cases[i].net6);
        int n = policy_routes(p, cases[i].roles, &t, v);
        if (strcmp(text_of(v, n), cases[i].want) != 0)
            fail_msg("%s: %s", cases[i].what, text_of(v, n));
    }
    policy_free(p);
}

/* ---- random, address by address ------------------------------------------------------------- */

static uint32_t seed = 20261122;

static unsigned pick(unsigned n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 16) % n;
}

static bool covered(const struct ip_prefix *v, int n, const struct ip_addr *a)
{
    for (int i = 0; i < n; i++)
        if (ip_in_prefix(a, &v[i]))
            return true;
    return false;
}

static bool meant(const struct permit *v, size_t n, const struct ip_addr *a)
{
    for (size_t i = 0; i < n; i++)
        if (ip_in_range(a, &v[i].dst))
            return true;
    return false;
}

/* Sorted, apart from each other, and no two that could be one. */
static void assert_minimal(const struct ip_prefix *v, int n)
{
    for (int i = 1; i < n; i++) {
        struct ip_range before = prefix_range(&v[i - 1]);
        assert_true(ip_cmp(&before.last, &v[i].addr) < 0);
        struct ip_prefix both = {before.first, (uint8_t)(v[i].len - 1)};
        struct ip_range wide = prefix_range(&both);
        assert_false(v[i - 1].len == v[i].len && ip_cmp(&wide.first, &before.first) == 0 &&
                     ip_in_range(&v[i].addr, &wide));
    }
}

/* One range at most, of 14 prefixes at most, and eight addresses: never more than ROUTES_MAX. */
static void exact_for_few(void **state)
{
    struct tunnel t = tunnel("10.0.1.1/24", "");
    struct ip_prefix v[ROUTES_MAX];
    char text[4096];

    (void)state;
    for (unsigned round = 0; round < 500; round++) {
        int at = snprintf(text, sizeof text, "company \"x\"\nresource r {");
        for (unsigned i = 0, ranges = pick(2), n = ranges + 1 + pick(8); i < n; i++) {
            unsigned a = pick(256), b = a + pick(256 - a);
            at += snprintf(text + at, sizeof text - (size_t)at, "%s 10.0.0.%u-10.0.0.%u",
                           i ? "," : "", a, i < ranges ? b : a);
        }
        snprintf(text + at, sizeof text - (size_t)at, " tcp 1 }\nremediation { r }\n");
        struct policy *p = parse(text);
        struct permit *permits;
        size_t n_permits;
        assert_int_equal(policy_permits(p, 0, &permits, &n_permits), 0);
        int n = policy_routes(p, 0, &t, v);
        assert_in_range(n, 1, ROUTES_MAX);
        assert_minimal(v, n);
        for (unsigned i = 0; i < 512; i++) {
            struct ip_addr a = {4, {10, 0, (uint8_t)(i >> 8), (uint8_t)i}};
            bool want = meant(permits, n_permits, &a) || i == 256 + 1;
            if (covered(v, n, &a) != want)
                fail_msg("%u: %s\n%s", i, text_of(v, n), text);
        }
        free(permits);
        policy_free(p);
    }
}

/* More addresses than an app takes: prefixes grow, nothing is left out. */
static void many_grow(void **state)
{
    static char text[200000];
    struct tunnel t = tunnel("10.77.0.1/16", "fd77::1/64");
    struct ip_prefix v[ROUTES_MAX];
    int at = snprintf(text, sizeof text, "company \"x\"\nresource r {");

    (void)state;
    for (unsigned i = 0; i < 500; i++)
        at += snprintf(text + at, sizeof text - (size_t)at, "%s 10.20.%u.%u, fd20::%x",
                       i ? "," : "", i * 9 / 256, i * 9 % 256, i * 9);
    snprintf(text + at, sizeof text - (size_t)at, " tcp 1 }\nremediation { r }\n");
    struct policy *p = parse(text);
    struct permit *permits;
    size_t n_permits;
    assert_int_equal(policy_permits(p, 0, &permits, &n_permits), 0);
    int n = policy_routes(p, 0, &t, v);
    assert_in_range(n, 2, ROUTES_MAX);
    assert_minimal(v, n);
    for (size_t i = 0; i < n_permits; i++)
        assert_true(covered(v, n, &permits[i].dst.first) && covered(v, n, &permits[i].dst.last));
    assert_true(covered(v, n, &t.net4.addr) && covered(v, n, &t.net6.addr));
    assert_true(v[0].len >= 8 && v[n - 1].len >= 16);   /* and not to everything */
    free(permits);
    policy_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(named),
        cmocka_unit_test(exact_for_few),
        cmocka_unit_test(many_grow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
