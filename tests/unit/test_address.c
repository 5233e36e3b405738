/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses, prefixes, keys and deny reasons as text and back; the model's reference answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

static void ip_texts(void **state)
{
    static const struct {
        const char *what, *text, *canonical;
    } cases[] = {
        {"v4", "10.20.0.9", "10.20.0.9"},
        {"v4 ends", "255.255.255.255", "255.255.255.255"},
        {"v4 zero", "0.0.0.0", "0.0.0.0"},
        {"v4 part too large", "10.20.0.256", NULL},
        {"v4 part of four digits", "10.20.0.0300", NULL},
        {"v4 leading zero", "10.20.0.09", NULL},
        {"v4 three parts", "10.20.0", NULL},
        {"v4 five parts", "10.20.0.9.1", NULL},
        {"v4 empty part", "10..0.9", NULL},
        {"v4 trailing dot", "10.20.0.9.", NULL},
        {"v4 space before", " 10.20.0.9", NULL},
        {"v4 sign", "+1.2.3.4", NULL},
        {"v4 hex", "0x1.2.3.4", NULL},
        {"nothing", "", NULL},
        {"v6 any", "::", "::"},
        {"v6 loopback", "::1", "::1"},
        {"v6 gap behind", "fd20::", "fd20::"},
        {"v6 capitals", "FD20::AB", "fd20::ab"},
        {"v6 full", "1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
        {"v6 gap of one group is written out", "1:2:3::5:6:7:8", "1:2:3:0:5:6:7:8"},
        {"v6 longest run", "1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"v6 first of equal runs", "1:0:0:2:3:0:0:4", "1::2:3:0:0:4"},
        {"v6 run at the end", "1:2:3:4:5:6:0:0", "1:2:3:4:5:6::"},
        {"v6 leading zeros in a group", "fd20:0000::0010", "fd20::10"},
        {"v6 nine groups", "1:2:3:4:5:6:7:8:9", NULL},
        {"v6 seven groups", "1:2:3:4:5:6:7", NULL},
        {"v6 two gaps", "1::2::3", NULL},
        {"v6 gap for nothing", "1:2:3:4::5:6:7:8", NULL},
        {"v6 three colons", ":::", NULL},
        {"v6 one colon in front", ":1:2:3:4:5:6:7", NULL},
        {"v6 one colon behind", "1:2:3:4:5:6:7:", NULL},
        {"v6 group of five", "12345::", NULL},
        {"v6 not hex", "fd20::g", NULL},
        {"v6 with a scope", "fe80::1%eth0", NULL},
        {"v6 with IPv4 in it", "::ffff:1.2.3.4", NULL},
        {"v6 that maps IPv4", "::ffff:102:304", NULL},
        {"v6 in brackets", "[::1]", NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_addr a = {0}, before = a;
        char text[ADDR_TEXT];
        bool ok = ip_parse(cases[i].text, strlen(cases[i].text), &a);

        if (ok != (cases[i].canonical != NULL))
            fail_msg("%s: '%s' was %s", cases[i].what, cases[i].text, ok ? "taken" : "refused");
        if (!ok) {
            assert_memory_equal(&a, &before, sizeof a);
            continue;
        }
        if (strcmp(ip_print(&a, text), cases[i].canonical) != 0)
            fail_msg("%s: '%s' printed as '%s'", cases[i].what, cases[i].text, text);
    }
}

static void text_need_not_end(void **state)
{
    struct ip_addr a;

    (void)state;
    assert_true(ip_parse("10.20.0.99", 9, &a));
    assert_int_equal(a.b[3], 9);
}

/* What we print, the C library reads as the same address, and its own print is ours. */
static void agrees_with_libc(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (int round = 0; round < 20000; round++) {
        struct ip_addr a = {.family = 6}, back;
        char ours[ADDR_TEXT], theirs[ADDR_TEXT];
        struct in6_addr in6;

        for (int g = 0; g < 16; g++) {
            seed = seed * 1103515245u + 12345u;
            a.b[g] = seed >> 20 & 1 ? 0 : (uint8_t)(seed >> 16);
        }
        a.b[0] = 0xfd;
        ip_print(&a, ours);
        assert_int_equal(inet_pton(AF_INET6, ours, &in6), 1);
        assert_memory_equal(&in6, a.b, 16);
        assert_string_equal(ours, inet_ntop(AF_INET6, &in6, theirs, sizeof theirs));
        assert_true(ip_parse(ours, strlen(ours), &back));
        assert_int_equal(ip_cmp(&a, &back), 0);
    }
}

static void owners(void **state)
{
    static const char *const cases[][2] = {{"10.20.0.9", "10.20.0.9"},
                                           {"fd77:acc:1:2:3:4:5:6", "fd77:acc:1:2::"},
                                           {"fd77:acc:1:2::", "fd77:acc:1:2::"}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_addr a;
        char text[ADDR_TEXT];

        assert_true(ip_parse(cases[i][0], strlen(cases[i][0]), &a));
        a = ip_owner(&a);
        assert_string_equal(ip_print(&a, text), cases[i][1]);
    }
}

static void prefixes(void **state)
{
    static const struct {
        const char *what, *text, *first, *last;
    } cases[] = {
        {"host bits are kept apart", "10.77.0.1/16", "10.77.0.0", "10.77.255.255"},
        {"inside a byte", "10.20.0.77/27", "10.20.0.64", "10.20.0.95"},
        {"all", "0.0.0.0/0", "0.0.0.0", "255.255.255.255"},
        {"one", "10.20.0.9/32", "10.20.0.9", "10.20.0.9"},
        {"v6", "fd77:acc::1/64", "fd77:acc::", "fd77:acc::ffff:ffff:ffff:ffff"},
        {"v6 odd", "fd20::10/125", "fd20::10", "fd20::17"},
        {"v6 one", "fd20::10/128", "fd20::10", "fd20::10"},
        {"v4 too long", "10.0.0.0/33", NULL, NULL},
        {"v6 too long", "fd20::/129", NULL, NULL},
        {"leading zero", "10.0.0.0/08", NULL, NULL},
        {"no length", "10.0.0.0/", NULL, NULL},
        {"no slash", "10.0.0.0", NULL, NULL},
        {"a mask", "10.0.0.0/255.0.0.0", NULL, NULL},
        {"a second slash", "10.0.0.0/8/8", NULL, NULL},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_prefix p;
        char text[ADDR_TEXT];
        bool ok = prefix_parse(cases[i].text, strlen(cases[i].text), &p);

        if (ok != (cases[i].first != NULL))
            fail_msg("%s: '%s' was %s", cases[i].what, cases[i].text, ok ? "taken" : "refused");
        if (!ok)
            continue;
        struct ip_range r = prefix_range(&p);
        assert_string_equal(ip_print(&r.first, text), cases[i].first);
        assert_string_equal(ip_print(&r.last, text), cases[i].last);
        assert_true(ip_in_prefix(&p.addr, &p));
    }
}

static struct ip_addr ip(const char *text)
{
    struct ip_addr a;

    assert_true(ip_parse(text, strlen(text), &a));
    return a;
}

static void order_and_containment(void **state)
{
    struct ip_addr nine = ip("10.20.0.9"), ten = ip("10.20.0.10"), six = ip("::a14:9");
    struct ip_range r = {nine, ten};
    struct ip_addr end = ip("255.255.255.255"), carry = ip("10.20.0.255");

    (void)state;
    assert_true(ip_cmp(&nine, &ten) < 0);
    assert_true(ip_cmp(&end, &six) < 0);
    assert_true(ip_in_range(&nine, &r) && ip_in_range(&ten, &r));
    assert_false(ip_in_range(&six, &r));
    assert_true(ip_next(&nine));
    assert_int_equal(ip_cmp(&nine, &ten), 0);
    assert_true(ip_next(&carry));
    assert_int_equal(carry.b[2], 1);
    assert_false(ip_next(&end));
    assert_int_equal(end.b[0], 255);
}

static void keys(void **state)
{
    static const char good[] = "HIgo9xNzJMWLKASShiTqIybxZ0U3wGLiUeJ1PKf8ykw=";
    char text[KEY_TEXT], bad[KEY_TEXT];
    struct wg_key k, other;

    (void)state;
    assert_true(wg_key_parse(good, 44, &k));
    assert_int_equal(k.b[0], 0x1c);
    assert_int_equal(k.b[31], 0x4c);
    assert_string_equal(wg_key_print(&k, text), good);
    assert_false(wg_key_parse(good, 43, &k));
    for (size_t i = 0; i < 44; i++) {
        memcpy(bad, good, sizeof bad);
        bad[i] = i == 42 ? 'x' : '!'; /* 'x' sets a bit beyond the 256th */
        if (wg_key_parse(bad, 44, &other))
            fail_msg("a wrong byte at %zu was taken", i);
    }
    assert_true(wg_key_parse(good, 44, &other) && wg_key_equal(&k, &other));
    other.b[31] ^= 1;
    assert_false(wg_key_equal(&k, &other));
}

static void deny_reasons(void **state)
{
    (void)state;
    for (unsigned r = 0; r < DENY_REASONS; r++) {
        const char *name = deny_reason_name((enum deny_reason)r);

        assert_non_null(name);
        assert_int_equal(deny_reason_parse(name, strlen(name)), r);
        assert_int_equal(deny_reason_parse(name, strlen(name) - 1), DENY_REASONS);
    }
    assert_null(deny_reason_name(DENY_REASONS));
}

static void class_reference(void **state)
{
    struct permit v[] = {{{ip("10.20.0.9"), ip("10.20.0.11")}, IPPROTO_TCP, 80, 90},
                         {{ip("fd20::1"), ip("fd20::1")}, IPPROTO_ICMPV6, 0, 0}};
    struct access_class c = {1, v, 2}, none = {0};
    static const struct {
        const char *what, *dst;
        uint8_t proto;
        uint16_t port;
        enum verdict verdict;
    } cases[] = {
        {"first address, first port", "10.20.0.9", IPPROTO_TCP, 80, VERDICT_PERMIT},
        {"last address, last port", "10.20.0.11", IPPROTO_TCP, 90, VERDICT_PERMIT},
        {"address before", "10.20.0.8", IPPROTO_TCP, 80, VERDICT_DENY},
        {"address after", "10.20.0.12", IPPROTO_TCP, 80, VERDICT_DENY},
        {"port before", "10.20.0.9", IPPROTO_TCP, 79, VERDICT_DENY},
        {"port after", "10.20.0.9", IPPROTO_TCP, 91, VERDICT_DENY},
        {"protocol", "10.20.0.9", IPPROTO_UDP, 80, VERDICT_DENY},
        {"no ports to compare", "fd20::1", IPPROTO_ICMPV6, 4711, VERDICT_PERMIT},
        {"other family", "10.20.0.9", IPPROTO_ICMPV6, 0, VERDICT_DENY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ip_addr dst = ip(cases[i].dst);

        if (class_permits(&c, &dst, cases[i].proto, cases[i].port) != cases[i].verdict)
            fail_msg("%s", cases[i].what);
        assert_int_equal(class_permits(&none, &dst, cases[i].proto, cases[i].port), VERDICT_DENY);
    }
}

static void clearing(void **state)
{
    struct dataplane dp = {.classes = calloc(1, sizeof(struct access_class)), .n_classes = 1};

    (void)state;
    assert_non_null(dp.classes);
    dp.classes[0].permits = calloc(1, sizeof(struct permit));
    dataplane_clear(&dp);
    assert_null(dp.classes);
    assert_int_equal(dp.n_classes, 0);
    dataplane_clear(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ip_texts),
        cmocka_unit_test(text_need_not_end),
        cmocka_unit_test(agrees_with_libc),
        cmocka_unit_test(owners),
        cmocka_unit_test(prefixes),
        cmocka_unit_test(order_and_containment),
        cmocka_unit_test(keys),
        cmocka_unit_test(deny_reasons),
        cmocka_unit_test(class_reference),
        cmocka_unit_test(clearing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
