/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Knocks on their way to the engine: found in what the kernel logs, sieved, counted. */
#include <linux/netfilter/nfnetlink_log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include <blake2.h>

#include "gateway/capture.h"
#include "gateway/capture_knock.h"
#include "policy/address.h"

static const struct wg_key gateway_key = {{7, 7, 7}};

/* ---- messages by hand ----------------------------------------------------------------------- */

struct built { uint8_t v[1024]; size_t n; };

static void put(struct built *b, const void *p, size_t n)
{
    memcpy(b->v + b->n, p, n);
    b->n += n;
}

static void attribute(struct built *b, uint16_t type, const void *value, size_t n)
{
    uint16_t len = (uint16_t)(n + 4);

    put(b, &len, 2);
    put(b, &type, 2);
    put(b, value, n);
    b->n = (b->n + 3) & ~(size_t)3;
}

static const struct {
    const char *what, *prefix;
    uint8_t head[64]; size_t head_len;     /* of IP, with extension headers */
    size_t udp;                            /* bytes behind it that the kernel has copied */
    int rc;
    const char *source;
} cases[] = {
    {"IPv4", "pc:k", "\x45\0\0\xb0\0\0\0\0\x40\x11\0\0\xc6\x33\x64\x07\xcb\0\x71\x01", 20, 156, 1,
     "198.51.100.7"},
    {"IPv4 with options", "pc:k",
     "\x46\0\0\xb4\0\0\0\0\x40\x11\0\0\xc6\x33\x64\x07\xcb\0\x71\x01\1\1\1\0", 24, 156, 1,
     "198.51.100.7"},
    {"IPv6 with a destination option", "pc:k",
     "\x60\0\0\0\0\xa4\x3c\x40\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\7\x20\1\x0d\xb8\0\0\0\0\0\0\0\0"
     "\0\0\0\1\x11\0\1\4\0\0\0\0", 48, 156, 1, "2001:db8::7"},
    {"cut by the kernel", "pc:k",
     "\x45\0\0\xb0\0\0\0\0\x40\x11\0\0\xc6\x33\x64\x07\xcb\0\x71\x01", 20, 155, -1, NULL},
    {"TCP", "pc:k", "\x45\0\0\xb0\0\0\0\0\x40\x06\0\0\xc6\x33\x64\x07\xcb\0\x71\x01", 20, 156, -1,
     NULL},
    {"a later fragment", "pc:k",
     "\x45\0\0\xb0\0\0\0\1\x40\x11\0\0\xc6\x33\x64\x07\xcb\0\x71\x01", 20, 156, -1, NULL},
    {"no packet", "pc:k", "", 0, 0, -1, NULL},
    {"somebody else's rule", "pc:3",
     "\x45\0\0\xb0\0\0\0\0\x40\x11\0\0\xc6\x33\x64\x07\xcb\0\x71\x01", 20, 156, 0, NULL},
    {"a longer prefix", "pc:kk",
     "\x45\0\0\xb0\0\0\0\0\x40\x11\0\0\xc6\x33\x64\x07\xcb\0\x71\x01", 20, 156, 0, NULL},
};

static void build(struct built *b, size_t i)
{
    uint8_t packet[256] = {0};

    memcpy(packet, cases[i].head, cases[i].head_len);
    memcpy(packet + cases[i].head_len, "\x9c\x40\xca\x6c\0\x9c\0\0\1\0\0\0", 12);
    packet[cases[i].head_len + 155] = 0xee;
    *b = (struct built){.v = "\x02\0\0\x4e", .n = 4};
    attribute(b, NFULA_PREFIX, cases[i].prefix, strlen(cases[i].prefix) + 1);
    if (cases[i].head_len)
        attribute(b, NFULA_PAYLOAD, packet, cases[i].head_len + cases[i].udp);
}

static void finds_the_message(void **state)
{
    struct built b;
    struct knock k;
    char text[ADDR_TEXT];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        build(&b, i);
        int rc = knock_decode(b.v, b.n, &k);
        if (rc != cases[i].rc)
            fail_msg("%s: %d", cases[i].what, rc);
        if (rc != 1)
            continue;
        assert_string_equal(ip_print(&k.source, text), cases[i].source);
        assert_int_equal(k.port, 40000);
        assert_int_equal(k.message[0], 1);
        assert_int_equal(k.message[HANDSHAKE_BYTES - 1], 0xee);
    }
}

/* ---- the sieve ------------------------------------------------------------------------------ */

static struct knock knock(const struct knock_sieve *s, bool good)
{
    struct knock k = {.source = {.family = 4, .b = {192, 0, 2, 1}}, .message = {1}};

    if (good)
        blake2s(k.message + 116, k.message, s->gate.mac1_key, 16, 116, 32);
    return k;
}

static unsigned passed(struct knock_sieve *s, bool good, unsigned n, int64_t now_ms)
{
    unsigned yes = 0;

    for (unsigned i = 0; i < n; i++) {
        struct knock k = knock(s, good);
        yes += knock_sieve_pass(s, &k, now_ms);
        assert_int_equal(k.good, good);
    }
    return yes;
}

static void looks_at_so_many_a_second(void **state)
{
    struct knock_sieve s;

    (void)state;
    knock_sieve_set(&s, &gateway_key, 5000);
    assert_int_equal(passed(&s, true, 1000, 5000), KNOCK_BURST);
    assert_int_equal(s.counts.limited, 1000 - KNOCK_BURST);
    assert_int_equal(passed(&s, true, 1000, 5100), KNOCK_RATE / 10);
    assert_int_equal(passed(&s, true, 10, 5101), 0);
    assert_int_equal(passed(&s, true, 10, 5102), 1);
    assert_int_equal(passed(&s, true, 1000, 99000), KNOCK_BURST);
    assert_int_equal(s.counts.bad_mac, 0);
}

/* Every millisecond one more: what comes back in less than one whole is not lost. */
static void the_rate_is_kept_in_small_steps(void **state)
{
    struct knock_sieve s;
    unsigned yes = 0;

    (void)state;
    knock_sieve_set(&s, &gateway_key, 0);
    (void)passed(&s, true, KNOCK_BURST, 0);
    for (int64_t ms = 1; ms <= 1000; ms++)
        yes += passed(&s, true, 1, ms);
    assert_int_equal(yes, KNOCK_RATE);
}

static void scanners_do_not_take_the_place_of_others(void **state)
{
    struct knock_sieve s;

    (void)state;
    knock_sieve_set(&s, &gateway_key, 0);
    assert_int_equal(passed(&s, false, 100000, 0), SCANNER_BURST);
    assert_int_equal(s.counts.bad_mac, 100000);
    assert_int_equal(s.counts.limited, 0);
    assert_int_equal(passed(&s, true, 1, 0), 1);
}

/* ---- the channel ---------------------------------------------------------------------------- */

static void come_through_the_channel(void **state)
{
    struct knock k = {.time_us = 77, .source = {.family = 4, .b = {192, 0, 2, 1}}, .port = 9,
                      .good = true}, got;
    struct knock_counts c = {1, 2, 3, 4}, got_c;
    struct writer w;
    struct reader r;

    (void)state;
    memset(k.message, 0x5a, sizeof k.message);
    writer_init(&w, 4096);
    put_knock(&w, &k);
    put_knock_counts(&w, &c);
    reader_init(&r, w.v, w.n);
    get_knock(&r, &got);
    get_knock_counts(&r, &got_c);
    assert_true(reader_done(&r));
    assert_memory_equal(got.message, k.message, sizeof k.message);
    assert_memory_equal(&got_c, &c, sizeof c);
    assert_int_equal(got.port, 9);
    static const int64_t no_times[] = {-1, INT64_MAX, CAPTURED_US_MAX + 1};
    for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++) {
        k.time_us = no_times[i];
        w.n = 0;
        put_knock(&w, &k);
        reader_init(&r, w.v, w.n);
        get_knock(&r, &got);
        assert_true(r.failed);
    }
    k.time_us = CAPTURED_US_MAX;
    k.source.family = 0;
    w.n = 0;
    put_knock(&w, &k);
    reader_init(&r, w.v, w.n);
    get_knock(&r, &got);
    assert_true(r.failed);
    writer_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_the_message),
        cmocka_unit_test(looks_at_so_many_a_second),
        cmocka_unit_test(the_rate_is_kept_in_small_steps),
        cmocka_unit_test(scanners_do_not_take_the_place_of_others),
        cmocka_unit_test(come_through_the_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
