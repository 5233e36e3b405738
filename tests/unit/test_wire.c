/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Fields of messages: round trips, sticky failures, leftovers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "gateway/wire.h"

static struct ip_addr v4(uint8_t last) { return (struct ip_addr){4, {10, 77, 0, last}}; }
static struct ip_addr v6(uint8_t last)
{
    struct ip_addr a = {6, {0xfd, 0x77}};
    a.b[15] = last;
    return a;
}

static void test_numbers(void **state)
{
    struct writer w;
    struct reader r;
    (void)state;
    writer_init(&w, 64);
    put_u8(&w, 0xfe);
    put_u16(&w, 0x1234);
    put_u32(&w, 0xdeadbeef);
    put_u64(&w, 0x0102030405060708);
    put_i64(&w, -2);
    assert_false(w.failed);
    assert_int_equal(w.n, 23);
    assert_int_equal(w.v[1], 0x34); /* little-endian */
    reader_init(&r, w.v, w.n);
    assert_int_equal(get_u8(&r), 0xfe);
    assert_int_equal(get_u16(&r), 0x1234);
    assert_int_equal(get_u32(&r), 0xdeadbeef);
    assert_true(get_u64(&r) == 0x0102030405060708);
    assert_false(reader_done(&r));
    assert_true(get_i64(&r) == -2);
    assert_true(reader_done(&r));
    assert_int_equal(get_u8(&r), 0);
    assert_false(reader_done(&r));
    writer_clear(&w);
}

static void test_bounds(void **state)
{
    struct writer w;
    (void)state;
    writer_init(&w, 5);
    put_u32(&w, 1);
    put_u16(&w, 1);
    assert_true(w.failed);
    put_u8(&w, 1); /* would fit, but the failure sticks */
    assert_int_equal(w.n, 4);
    writer_clear(&w);
    assert_false(w.failed);
    put_raw(&w, "12345", 5);
    assert_false(w.failed);
    writer_clear(&w);
}

static void test_texts(void **state)
{
    static const struct {
        const char *what, *bytes;
        size_t n;
        bool good;
    } cases[] = {
        {"plain", "ab", 2, true},
        {"empty", "", 0, true},
        {"just fits", "1234567", 7, true},
        {"one too long", "12345678", 8, false},
        {"a NUL inside", "a\0b", 3, false},
        {"two-byte letter", "\xc3\xa9", 2, true},
        {"overlong", "\xc0\xaf", 2, false},
        {"overlong of three", "\xe0\x80\xaf", 3, false},
        {"surrogate", "\xed\xa0\x80", 3, false},
        {"above U+10FFFF", "\xf4\x90\x80\x80", 4, false},
        {"cut off", "\xe2\x82", 2, false},
        {"continuation alone", "\x80", 1, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct writer w;
        struct reader r;
        char out[8] = "unset";
        writer_init(&w, 64);
        put_blob(&w, cases[i].bytes, cases[i].n);
        reader_init(&r, w.v, w.n);
        get_text(&r, out, sizeof out);
        if (reader_done(&r) != cases[i].good)
            fail_msg("%s", cases[i].what);
        assert_memory_equal(out, cases[i].good ? cases[i].bytes : "",
                            cases[i].good ? cases[i].n + 1 : 1);
        writer_clear(&w);
    }
}

static void test_blob_lies(void **state)
{
    static const uint8_t bytes[] = {200, 0, 0, 0, 1, 2, 3};
    struct reader r;
    size_t n;
    (void)state;
    reader_init(&r, bytes, sizeof bytes);
    assert_non_null(get_blob(&r, &n, 1000));
    assert_int_equal(n, 0);
    assert_true(r.failed);
    reader_init(&r, "\3\0\0\0abc", 7);
    get_blob(&r, &n, 2);
    assert_true(r.failed);
}

static void test_bool_is_one_or_nothing(void **state)
{
    struct reader r;
    (void)state;
    reader_init(&r, "\1\0\2", 3);
    assert_true(get_bool(&r));
    assert_false(get_bool(&r));
    assert_false(r.failed);
    (void)get_bool(&r);
    assert_true(r.failed);
}

static void test_addresses(void **state)
{
    struct ip_addr all[] = {{0}, v4(7), v6(9)}, wrong = {5, {0}};
    struct writer w;
    struct reader r;
    (void)state;
    writer_init(&w, 64);
    for (size_t i = 0; i < 3; i++)
        put_addr(&w, &all[i]);
    assert_int_equal(w.n, 1 + 5 + 17);
    reader_init(&r, w.v, w.n);
    for (size_t i = 0; i < 3; i++) {
        struct ip_addr a = get_addr(&r);
        assert_memory_equal(&a, &all[i], sizeof a);
    }
    assert_true(reader_done(&r));
    put_addr(&w, &wrong);
    assert_true(w.failed);
    reader_init(&r, "\5abcd", 5);
    assert_int_equal(get_addr(&r).family, 0);
    assert_true(r.failed);
    writer_clear(&w);
}

static struct tunnel a_tunnel(void)
{
    struct tunnel t = {.iface = "wg0",
                       .listen_port = 51820,
                       .mtu = 1420,
                       .outside = "eth0",
                       .n_office = 2,
                       .portal_port = 80,
                       .portal_tls_port = 443,
                       .nflog_group = 7,
                       .log_rate = 100,
                       .flowtable = true};
    t.net4 = (struct ip_prefix){v4(1), 16};
    t.net6 = (struct ip_prefix){v6(1), 64};
    memcpy(t.office[0].name, "eth1", 5);
    memcpy(t.office[1].name, "eth2", 5);
    t.office[1].masquerade = true;
    return t;
}

static void test_tunnel(void **state)
{
    struct tunnel t = a_tunnel(), back;
    struct writer w;
    struct reader r;
    (void)state;
    writer_init(&w, 1024);
    put_tunnel(&w, &t);
    assert_false(w.failed);
    reader_init(&r, w.v, w.n);
    get_tunnel(&r, &back);
    assert_true(reader_done(&r));
    assert_memory_equal(&t, &back, sizeof t);
    for (size_t cut = 0; cut < w.n; cut++) {
        reader_init(&r, w.v, cut);
        get_tunnel(&r, &back);
        assert_true(r.failed);
    }
    t.n_office = OFFICE_MAX + 1;
    writer_clear(&w);
    put_tunnel(&w, &t);
    assert_true(w.failed);
    writer_clear(&w);
}

static void test_rest_of_the_model(void **state)
{
    struct device d = {77, v4(2), v6(2), {{1, 2, 3}}}, d2 = {0};
    struct lease l = {77, 4095, 900000}, l2 = {0};
    struct permit p = {{v4(1), v4(9)}, 6, 80, 443}, p2 = {0};
    struct writer w;
    struct reader r;
    (void)state;
    writer_init(&w, 1024);
    put_device(&w, &d);
    put_lease(&w, &l);
    put_permit(&w, &p);
    reader_init(&r, w.v, w.n);
    get_device(&r, &d2);
    get_lease(&r, &l2);
    get_permit(&r, &p2);
    assert_true(reader_done(&r));
    assert_memory_equal(&d, &d2, sizeof d);
    assert_true(l2.device == 77 && l2.class_id == 4095 && l2.left_ms == 900000);
    assert_memory_equal(&p.dst, &p2.dst, sizeof p.dst);
    assert_true(p2.proto == 6 && p2.port_first == 80 && p2.port_last == 443);
    writer_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_blob_lies),
        cmocka_unit_test(test_bool_is_one_or_nothing),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_tunnel),
        cmocka_unit_test(test_rest_of_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
