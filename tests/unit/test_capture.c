/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding of logged packets: a table of messages built by hand, cuts and mutations of them. */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "gateway/capture.h"
#include "gateway/capture_nflog.h"
#include "policy/address.h"

/* A message as the kernel makes it: header, prefix, payload, whatever else. */
struct built {
    uint8_t v[1024];
    size_t n;
};

static void tlv(struct built *b, uint16_t type, const void *value, size_t n)
{
    uint16_t len = (uint16_t)(n + 4);
    memcpy(b->v + b->n, &len, 2);
    memcpy(b->v + b->n + 2, &type, 2);
    if (n > 0)
        memcpy(b->v + b->n + 4, value, n);
    b->n += (len + 3u) & ~3u;
}

static void begin(struct built *b)
{
    memset(b, 0, sizeof *b);
    memcpy(b->v, "\x02\x00\x00\x4d", 4);
    b->n = 4;
}

#define B(text) (const uint8_t *)text, sizeof text - 1
#define SRC4 "\x0a\x4d\x00\x05"
#define DST4 "\x0a\x14\x00\x09"
#define SRC6 "\xfd\x77\x0a\xcc\0\0\0\0\0\0\0\0\0\0\0\x05"
#define DST6 "\xfd\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\x09"
#define V4(total, frag, proto) "\x45\0\0" total "\x12\x34" frag "\x40" proto "\0\0" SRC4 DST4
#define V6(len, next) "\x60\0\0\0\0" len next "\x40" SRC6 DST6
#define PORTS "\xc0\x01\x15\x38\0\x08\0\0" /* 49153 -> 5432 */

static const struct {
    const char *what, *prefix;
    const uint8_t *packet;
    size_t len;
    int rc;
    enum deny_reason reason;
    uint8_t family, proto;
    uint16_t sport, dport, length;
} CASES[] = {
    {"v4 udp", "pc:2", B(V4("\x1c", "\0\0", "\x11") PORTS), 0, DENY_NOT_PERMITTED, 4, 17, 49153,
     5432, 28},
    {"v4 tcp", "pc:0", B(V4("\x28", "\x40\0", "\x06") PORTS), 0, DENY_NO_LEASE, 4, 6, 49153, 5432,
     40},
    {"v4 sctp", "pc:7", B(V4("\x20", "\0\0", "\x84") PORTS), 0, DENY_INVALID, 4, 132, 49153, 5432,
     32},
    {"v4 icmp echo", "pc:1", B(V4("\x1c", "\0\0", "\x01") "\x08\x00\xf7\xff\0\0\0\0"), 0,
     DENY_UNKNOWN_SOURCE, 4, 1, 8, 0, 28},
    {"v4 icmp unreachable", "pc:3", B(V4("\x1c", "\0\0", "\x01") "\x03\x04\0\0\0\0\0\0"), 0,
     DENY_SPOOFED, 4, 1, 3, 4, 28},
    {"v4 gre has no ports", "pc:2", B(V4("\x1c", "\0\0", "\x2f") PORTS), 0, DENY_NOT_PERMITTED, 4,
     47, 0, 0, 28},
    {"v4 esp has no ports", "pc:2", B(V4("\x1c", "\0\0", "\x32") PORTS), 0, DENY_NOT_PERMITTED, 4,
     50, 0, 0, 28},
    {"v4 first fragment", "pc:2", B(V4("\x1c", "\x20\0", "\x11") PORTS), 0, DENY_NOT_PERMITTED, 4,
     17, 49153, 5432, 28},
    {"v4 second fragment has no ports", "pc:2", B(V4("\x1c", "\x20\x01", "\x11") PORTS), 0,
     DENY_NOT_PERMITTED, 4, 17, 0, 0, 28},
    {"v4 last fragment has no ports", "pc:2", B(V4("\x1c", "\x1f\xff", "\x06") PORTS), 0,
     DENY_NOT_PERMITTED, 4, 6, 0, 0, 28},
    {"v4 options", "pc:2",
     B("\x46\0\0\x20\x12\x34\0\0\x40\x11\0\0" SRC4 DST4 "\x01\x01\x01\x00" PORTS), 0,
     DENY_NOT_PERMITTED, 4, 17, 49153, 5432, 32},
    {"v4 options cut off", "pc:2", B("\x4f\0\0\x40\x12\x34\0\0\x40\x11\0\0" SRC4 DST4), 0,
     DENY_NOT_PERMITTED, 4, 17, 0, 0, 64},
    {"v4 ports cut off", "pc:2", B(V4("\x1c", "\0\0", "\x11") "\xc0\x01\x15"), 0,
     DENY_NOT_PERMITTED, 4, 17, 0, 0, 28},
    {"v4 header only", "pc:2", B(V4("\x14", "\0\0", "\x11")), 0, DENY_NOT_PERMITTED, 4, 17, 0, 0,
     20},
    {"v4 header cut", "pc:2", (const uint8_t *)V4("\x14", "\0\0", "\x11"), 19, -1, 0, 0, 0, 0, 0,
     0},
    {"v4 header length 4", "pc:2", B("\x44\0\0\x1c\x12\x34\0\0\x40\x11\0\0" SRC4 DST4 PORTS), -1, 0,
     0, 0, 0, 0, 0},
    {"v4 total below header", "pc:2", B(V4("\x13", "\0\0", "\x11") PORTS), -1, 0, 0, 0, 0, 0, 0},
    {"v6 udp", "pc:2", B(V6("\x08", "\x11") PORTS), 0, DENY_NOT_PERMITTED, 6, 17, 49153, 5432, 48},
    {"v6 icmp", "pc:6", B(V6("\x08", "\x3a") "\x80\x01\0\0\0\0\0\0"), 0, DENY_GATEWAY_INPUT, 6, 58,
     128, 1, 48},
    {"v6 hop-by-hop, destination, routing, then tcp", "pc:2",
     B(V6("\x28", "\0") "\x3c\0\1\4\0\0\0\0"
                        "\x2b\0\1\4\0\0\0\0"
                        "\x06\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0" PORTS),
     0, DENY_NOT_PERMITTED, 6, 6, 49153, 5432, 80},
    {"v6 authentication header counts in fours", "pc:2",
     B(V6("\x20", "\x33") "\x11\4\0\0\0\0\0\1\0\0\0\1\0\0\0\0\0\0\0\0\0\0\0\0" PORTS), 0,
     DENY_NOT_PERMITTED, 6, 17, 49153, 5432, 72},
    {"v6 first fragment", "pc:2", B(V6("\x10", "\x2c") "\x11\0\0\1\0\0\0\1" PORTS), 0,
     DENY_NOT_PERMITTED, 6, 17, 49153, 5432, 56},
    {"v6 later fragment has no ports", "pc:2", B(V6("\x10", "\x2c") "\x11\0\0\x08\0\0\0\1" PORTS),
     0, DENY_NOT_PERMITTED, 6, 17, 0, 0, 56},
    {"v6 later fragment of extension headers", "pc:2",
     B(V6("\x10", "\x2c") "\x3c\0\0\x09\0\0\0\1" PORTS), 0, DENY_NOT_PERMITTED, 6, 60, 0, 0, 56},
    {"v6 no next header", "pc:2", B(V6("\x00", "\x3b")), 0, DENY_NOT_PERMITTED, 6, 59, 0, 0, 40},
    {"v6 esp", "pc:2", B(V6("\x08", "\x32") PORTS), 0, DENY_NOT_PERMITTED, 6, 50, 0, 0, 48},
    {"v6 extension longer than the packet", "pc:2", B(V6("\x08", "\x3c") "\x11\xff\0\0\0\0\0\0"), 0,
     DENY_NOT_PERMITTED, 6, 60, 0, 0, 48},
    {"v6 extension cut", "pc:2", B(V6("\x04", "\x3c") "\x11\0\0\0"), 0, DENY_NOT_PERMITTED, 6, 60,
     0, 0, 44},
    {"v6 header cut", "pc:2", (const uint8_t *)V6("\0", "\x11"), 39, -1, 0, 0, 0, 0, 0, 0},
    {"version 5", "pc:2", B("\x55\0\0\x1c\x12\x34\0\0\x40\x11\0\0" SRC4 DST4 PORTS), -1, 0, 0, 0, 0,
     0, 0},
    {"version 0", "pc:2", B("\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"), -1, 0, 0, 0, 0, 0,
     0},
    {"no packet", "pc:2", B(""), -1, 0, 0, 0, 0, 0, 0},
    {"another's prefix", "drop: ", B(V4("\x1c", "\0\0", "\x11") PORTS), 0, DENY_REASONS, 4, 17,
     49153, 5432, 28},
    {"a reason that is none", "pc:8", B(V4("\x1c", "\0\0", "\x11") PORTS), 0, DENY_REASONS, 4, 17,
     49153, 5432, 28},
    {"a longer number", "pc:22", B(V4("\x1c", "\0\0", "\x11") PORTS), 0, DENY_REASONS, 4, 17, 49153,
     5432, 28},
    {"a letter", "pc:x", B(V4("\x1c", "\0\0", "\x11") PORTS), 0, DENY_REASONS, 4, 17, 49153, 5432,
     28},
    {"prefix cut", "pc:", B(V4("\x1c", "\0\0", "\x11") PORTS), 0, DENY_REASONS, 4, 17, 49153, 5432,
     28},
    {"no prefix", NULL, B(V4("\x1c", "\0\0", "\x11") PORTS), 0, DENY_REASONS, 4, 17, 49153, 5432,
     28},
};

#define N_CASES (sizeof CASES / sizeof *CASES)

static void build(struct built *b, size_t i)
{
    static const uint8_t hook[4] = {8, 0, 2, 0};
    uint64_t time[2] = {htobe64(1795322000), htobe64(250001)};
    uint32_t seq = htonl(0x01020304);
    begin(b);
    tlv(b, NFULA_PACKET_HDR, hook, sizeof hook);
    if (CASES[i].prefix)
        tlv(b, NFULA_PREFIX, CASES[i].prefix, strlen(CASES[i].prefix) + 1);
    tlv(b, NFULA_TIMESTAMP, time, sizeof time);
    tlv(b, NFULA_SEQ, &seq, sizeof seq);
    tlv(b, NFULA_PAYLOAD, CASES[i].packet, CASES[i].len);
}

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < N_CASES; i++) {
        struct built b;
        struct denied_packet p;
        struct ip_addr src = {.family = CASES[i].family}, dst = src;
        build(&b, i);
        memcpy(src.b, src.family == 4 ? SRC4 : SRC6, src.family == 4 ? 4 : src.family ? 16 : 0);
        memcpy(dst.b, src.family == 4 ? DST4 : DST6, src.family == 4 ? 4 : src.family ? 16 : 0);
        if (denied_decode(b.v, b.n, &p) != CASES[i].rc)
            fail_msg("%s: another result", CASES[i].what);
        if (CASES[i].rc < 0)
            continue;
        if (p.reason != CASES[i].reason || p.proto != CASES[i].proto || p.sport != CASES[i].sport ||
            p.dport != CASES[i].dport || p.length != CASES[i].length || ip_cmp(&p.src, &src) != 0 ||
            ip_cmp(&p.dst, &dst) != 0)
            fail_msg("%s: reason %u proto %u ports %u %u length %u", CASES[i].what,
                     (unsigned)p.reason, p.proto, p.sport, p.dport, p.length);
        assert_true(p.time_us == 1795322000250001);
        assert_int_equal(p.file, 0);
    }
}

static void attributes(void **state)
{
    (void)state;
    struct built b;
    struct nflog m;
    build(&b, 0);
    assert_int_equal(nflog_parse(b.v, b.n, &m), 0);
    assert_true(m.has_seq);
    assert_int_equal(m.seq, 0x01020304);
    assert_int_equal(m.prefix_len, 4);

    static const struct {
        const char *what;
        uint64_t s, us;
        int64_t time;
    } times[] = {
        {"an hour", 3600, 1, 3600000001},
        {"no microseconds these", 1, 1000000, 0},
        {"beyond the range", UINT64_MAX, 0, 0},
        {"beyond it in microseconds", INT64_MAX / 1000, 0, 0},
    };
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        uint64_t t[2] = {htobe64(times[i].s), htobe64(times[i].us)};
        begin(&b);
        tlv(&b, NFULA_TIMESTAMP, t, sizeof t);
        assert_int_equal(nflog_parse(b.v, b.n, &m), 0);
        assert_true(m.time_us == times[i].time);
    }

    begin(&b);
    tlv(&b, NFULA_SEQ, "ab", 2);
    tlv(&b, NFULA_TIMESTAMP, "ab", 2);
    assert_int_equal(nflog_parse(b.v, b.n, &m), 0);
    assert_false(m.has_seq);
    assert_true(m.time_us == 0);
}

static void malformed_attributes(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        const uint8_t *v;
        size_t n;
        int rc;
    } cases[] = {
        {"nothing", B(""), -1},
        {"header cut", B("\x02\0\0"), -1},
        {"header only", B("\x02\0\0\0"), 0},
        {"three bytes more", B("\x02\0\0\0\x08\0\x09"), 0},
        {"length 0", B("\x02\0\0\0\0\0\x09\0abcd"), -1},
        {"length 3", B("\x02\0\0\0\x03\0\x09\0abcd"), -1},
        {"longer than the message", B("\x02\0\0\0\x09\0\x09\0abcd"), -1},
        {"65535", B("\x02\0\0\0\xff\xff\x09\0abcd"), -1},
        {"padding missing at the end", B("\x02\0\0\0\x05\0\x0a\0a"), 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct nflog m;
        if (nflog_parse(cases[i].v, cases[i].n, &m) != cases[i].rc)
            fail_msg("%s", cases[i].what);
    }
}

/* In an allocation of exactly its size, so that a sanitizer sees one byte too far. */
static void decode_exactly(const uint8_t *v, size_t n)
{
    struct denied_packet p;
    uint8_t *copy = malloc(n ? n : 1);
    assert_non_null(copy);
    memcpy(copy, v, n);
    if (denied_decode(copy, n, &p) == 0) {
        assert_true(p.src.family == 4 || p.src.family == 6);
        assert_int_equal(p.src.family, p.dst.family);
        assert_true((unsigned)p.reason <= DENY_REASONS);
    }
    free(copy);
}

static void cuts_and_mutations(void **state)
{
    (void)state;
    unsigned int seed = (unsigned int)time(NULL);
    print_message("seed %u\n", seed);
    srand(seed);
    for (size_t i = 0; i < N_CASES; i++) {
        struct built b, m;
        build(&b, i);
        for (size_t n = 0; n <= b.n; n++)
            decode_exactly(b.v, n);
        for (int k = 0; k < 5000; k++) {
            m = b;
            for (int flips = 1 + rand() % 4; flips > 0; flips--)
                m.v[(size_t)rand() % m.n] = (uint8_t)rand();
            decode_exactly(m.v, m.n);
        }
    }
}

static void goes_over_the_channel(void **state)
{
    (void)state;
    struct writer w;
    struct reader r;
    struct built b;
    struct denied_packet in, out;
    build(&b, 0);
    assert_int_equal(denied_decode(b.v, b.n, &in), 0);
    in.file = 7;
    writer_init(&w, 4096);
    put_denied(&w, &in);
    reader_init(&r, w.v, w.n);
    get_denied(&r, &out);
    assert_true(reader_done(&r));
    assert_true(out.time_us == in.time_us && out.reason == in.reason && out.proto == in.proto &&
                out.sport == in.sport && out.dport == in.dport && out.length == in.length &&
                out.file == 7 && ip_cmp(&out.src, &in.src) == 0 && ip_cmp(&out.dst, &in.dst) == 0);

    for (size_t n = 0; n < w.n; n++) {
        reader_init(&r, w.v, n);
        get_denied(&r, &out);
        assert_false(reader_done(&r));
    }
    w.v[8] = DENY_REASONS + 1;
    reader_init(&r, w.v, w.n);
    get_denied(&r, &out);
    assert_false(reader_done(&r));
    writer_clear(&w);

    static const int64_t no_times[] = {-1, INT64_MIN, INT64_MAX, CAPTURED_US_MAX + 1};
    for (size_t i = 0; i < sizeof no_times / sizeof *no_times; i++) {
        in.time_us = no_times[i];
        writer_init(&w, 4096);
        put_denied(&w, &in);
        reader_init(&r, w.v, w.n);
        get_denied(&r, &out);
        assert_false(reader_done(&r));
        writer_clear(&w);
    }
    in.time_us = CAPTURED_US_MAX;

    in.dst.family = 6;
    writer_init(&w, 4096);
    put_denied(&w, &in);
    reader_init(&r, w.v, w.n);
    get_denied(&r, &out);
    assert_false(reader_done(&r));
    writer_clear(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(attributes),
        cmocka_unit_test(malformed_attributes),
        cmocka_unit_test(cuts_and_mutations),
        cmocka_unit_test(goes_over_the_channel),
    };
    return cmocka_run_group_tests_name("capture", tests, NULL, NULL);
}
