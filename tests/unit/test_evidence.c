/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The packets of an attempt: found in the ring, written as pcapng, and no others. The bytes are
 * read here by a parser of the draft's own words; tests/lab/outlets.py has another.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "gateway/evidence.h"
#include "gateway/records.h"
#include "gateway/ring.h"
#include "policy/address.h"

#define SECOND 1795330000

static char dir[] = "/tmp/pc-test-evidence-XXXXXX";
static int dir_fd;

static struct ip_addr addr(const char *s)
{
    struct ip_addr a = {0};

    assert_true(ip_parse(s, strlen(s), &a));
    return a;
}

/* ---- one logged packet ---------------------------------------------------------------------- */

static size_t attribute(uint8_t *out, uint16_t type, const void *p, uint16_t n)
{
    uint16_t head[2] = {(uint16_t)(n + 4), type};

    memset(out, 0, (n + 7u) & ~3u);
    memcpy(out, head, 4);
    memcpy(out + 4, p, n);
    return (n + 7u) & ~3u;
}

/* UDP from 10.77.0.HOST to 10.20.0.9:PORT, denied for this reason, as nfnetlink_log says it. */
static size_t logged(uint8_t *out, unsigned host, uint16_t port, enum deny_reason why, size_t pad)
{
    uint8_t ip[1500] = {0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 77, 0, (uint8_t)host, 10, 20, 0,
                        9, 0x13, 0x88, (uint8_t)(port >> 8), (uint8_t)port, 0, 8};
    char prefix[6] = "pc:0";
    size_t n = 4, whole = 28 + pad;

    ip[2] = (uint8_t)(whole >> 8);
    ip[3] = (uint8_t)whole;
    prefix[3] = (char)('0' + why);
    memcpy(out, "\x02\x00\x00\x4d", 4);
    n += attribute(out + n, 10, prefix, 5);
    return n + attribute(out + n, 9, ip, (uint16_t)whole);
}

static void put(struct ring *r, int64_t second, unsigned host, uint16_t port, enum deny_reason why,
                size_t pad)
{
    uint8_t bytes[2048];
    size_t n = logged(bytes, host, port, why, pad);

    assert_true(ring_put(r, 0, second * 1000000 + 123456, bytes, n) > 0);
}

/* ---- reading pcapng ------------------------------------------------------------------------- */

static uint32_t u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, 4);
    return v;
}

static uint16_t u16(const uint8_t *p)
{
    uint16_t v;

    memcpy(&v, p, 2);
    return v;
}

/* The option of this code in p[0..n), cut to out; the list must end where the block does. */
static const char *option(const uint8_t *p, size_t n, uint16_t code, char out[600])
{
    out[0] = '\0';
    while (n >= 4 && u16(p) != 0) {
        size_t len = u16(p + 2), whole = 4 + ((len + 3) & ~3u);
        assert_true(whole <= n);
        if (u16(p) == code)
            snprintf(out, 600, "%.*s", (int)len, (const char *)p + 4);
        p += whole;
        n -= whole;
    }
    assert_int_equal(n, 4);
    assert_int_equal(u32(p), 0);
    return out;
}

struct seen { unsigned packets; uint64_t first_ns, last_ns; char comment[600], title[600]; uint16_t port; };

static void read_packet(const uint8_t *p, size_t n, struct seen *s)
{
    uint32_t kept = u32(p + 12);

    assert_int_equal(u32(p), 0);
    assert_int_equal(kept, u32(p + 16));
    s->last_ns = (uint64_t)u32(p + 4) << 32 | u32(p + 8);
    s->first_ns = s->packets++ ? s->first_ns : s->last_ns;
    option(p + 20 + ((kept + 3) & ~3u), n - 20 - ((kept + 3) & ~3u), 1, s->comment);
    struct denied_packet d;
    assert_int_equal(denied_decode(p + 20, kept, &d), 0);
    s->port = d.dport;
}

static void read_file(const struct writer *w, struct seen *s)
{
    char text[600];
    unsigned number = 0;

    *s = (struct seen){0};
    for (size_t at = 0, n; at < w->n; at += n, number++) {
        const uint8_t *b = w->v + at;
        n = u32(b + 4);
        assert_true(n % 4 == 0 && n >= 12 && n <= w->n - at);
        assert_int_equal(u32(b + n - 4), n);
        if (number == 0) {
            assert_int_equal(u32(b), 0x0a0d0d0a);
            assert_int_equal(u32(b + 8), 0x1a2b3c4d);
            option(b + 24, n - 28, 1, s->title);
            assert_string_equal(option(b + 24, n - 28, 4, text), "Portcullis " VERSION);
        } else if (number == 1) {
            assert_int_equal(u32(b), 1);
            assert_int_equal(u16(b + 8), 239);
            assert_string_equal(option(b + 16, n - 20, 9, text), "\x09");
        } else {
            assert_int_equal(u32(b), 6);
            read_packet(b + 8, n - 12, s);
        }
    }
    assert_true(number >= 2);
}

/* ---- the cases ------------------------------------------------------------------------------ */

static struct evidence_query query(void)
{
    struct evidence_query q = {.reason = DENY_NOT_PERMITTED, .src = addr("10.77.0.2"),
                               .dst = addr("10.20.0.9"), .proto = 17, .port = 4010,
                               .first = SECOND, .last = SECOND + 9};

    snprintf(q.comment, sizeof q.comment, "attempt 7 of hq: maria");
    return q;
}

static uint32_t collect(struct ring *r, const struct evidence_query *q, struct seen *s, bool *more)
{
    struct writer w;

    assert_int_equal(ring_flush(r, 0), 0);
    writer_init(&w, EVIDENCE_BYTES);
    uint32_t n = evidence_collect(r, q, &w, more);
    assert_false(w.failed);
    assert_true(w.n <= EVIDENCE_BYTES);
    read_file(&w, s);
    writer_clear(&w);
    assert_int_equal(s->packets, n);
    return n;
}

static struct ring *new_ring(size_t file_bytes)
{
    struct dirent *e;
    DIR *d = opendir(dir);

    while ((e = readdir(d)))
        if (e->d_name[0] != '.')
            unlinkat(dir_fd, e->d_name, 0);
    closedir(d);
    struct ring *r = ring_open(dir_fd, 3, file_bytes);
    assert_non_null(r);
    return r;
}

static void only_its_own_packets(void **state)
{
    static const struct { const char *what; int64_t at; unsigned host; uint16_t port; enum deny_reason why; bool in; } cases[] = {
        {"its own", 0, 2, 4010, DENY_NOT_PERMITTED, true},
        {"in its last second", 9, 2, 4010, DENY_NOT_PERMITTED, true},
        {"before", -1, 2, 4010, DENY_NOT_PERMITTED, false},
        {"after", 10, 2, 4010, DENY_NOT_PERMITTED, false},
        {"another device", 1, 3, 4010, DENY_NOT_PERMITTED, false},
        {"another port", 1, 2, 4011, DENY_NOT_PERMITTED, false},
        {"another reason", 1, 2, 4010, DENY_SPOOFED, false},
    };
    struct evidence_query q = query();
    struct seen s;
    bool more;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct ring *r = new_ring(1 << 16);
        print_message("%s\n", cases[i].what);
        put(r, SECOND + cases[i].at, cases[i].host, cases[i].port, cases[i].why, 5);
        assert_int_equal(collect(r, &q, &s, &more), cases[i].in);
        assert_false(more);
        assert_string_equal(s.title, "attempt 7 of hq: maria");
        if (cases[i].in) {
            assert_string_equal(s.comment, "attempt 7 of hq: maria");
            assert_int_equal(s.port, 4010);
            assert_true(s.first_ns == (uint64_t)(SECOND + cases[i].at) * 1000000000 + 123456000);
        }
        ring_close(r);
    }
}

/* Over files that have taken each other's places, oldest first. */
static void through_the_whole_ring(void **state)
{
    struct evidence_query q = query();
    struct ring *r = new_ring(4096);
    struct seen s;
    bool more;

    (void)state;
    q.last = SECOND + 1000;
    for (int i = 0; i < 100; i++)
        put(r, SECOND + i, 2, 4010, DENY_NOT_PERMITTED, 100);
    uint32_t n = collect(r, &q, &s, &more);
    assert_true(n > 30 && n < 100);
    assert_true(s.last_ns / 1000000000 == SECOND + 99);
    assert_true(s.first_ns / 1000000000 == SECOND + 100 - n);
    ring_close(r);
}

static void the_file_is_bounded(void **state)
{
    struct evidence_query q = query();
    struct ring *r = new_ring(RING_FILE_BYTES);
    struct seen s;
    bool more;

    (void)state;
    for (int i = 0; i < EVIDENCE_PACKETS + 1; i++)
        put(r, SECOND, 2, 4010, DENY_NOT_PERMITTED, 0);
    assert_int_equal(collect(r, &q, &s, &more), EVIDENCE_PACKETS);
    assert_true(more);
    ring_close(r);
    r = new_ring(RING_FILE_BYTES);
    for (int i = 0; i < 900; i++)
        put(r, SECOND, 2, 4010, DENY_NOT_PERMITTED, 1400);
    assert_in_range(collect(r, &q, &s, &more), 600, 750);
    assert_true(more);
    ring_close(r);
}

/* A comment with all that a text may hold is one comment. */
static void hostile_comments(void **state)
{
    struct evidence_query q = query();
    struct ring *r = new_ring(1 << 16);
    struct seen s;
    bool more;

    (void)state;
    put(r, SECOND, 2, 4010, DENY_NOT_PERMITTED, 0);
    snprintf(q.comment, sizeof q.comment, "a\r\n\x1b[2J\xe2\x80\xa8\xff" "b");
    assert_int_equal(collect(r, &q, &s, &more), 1);
    assert_string_equal(s.comment, "a\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd[2J\xef\xbf\xbd\xef\xbf\xbd" "b");
    memset(q.comment, 0xff, sizeof q.comment - 1);
    q.comment[sizeof q.comment - 1] = '\0';
    assert_int_equal(collect(r, &q, &s, &more), 1);
    ring_close(r);
}

/* A damaged file is read as far as it is whole. */
static void damaged_files(void **state)
{
    struct evidence_query q = query();
    struct ring *r = new_ring(1 << 16);
    struct seen s;
    bool more;

    (void)state;
    for (int i = 0; i < 3; i++)
        put(r, SECOND + i, 2, 4010, DENY_NOT_PERMITTED, 20);
    assert_int_equal(ring_flush(r, 0), 0);
    int fd = openat(dir_fd, "denied-0000000001.pcap", O_RDWR);
    off_t size = lseek(fd, 0, SEEK_END);
    uint32_t huge = UINT32_MAX;
    off_t one = (size - 24) / 3;
    assert_int_equal(ftruncate(fd, size - 5), 0);
    assert_int_equal(collect(r, &q, &s, &more), 2);
    assert_int_equal(pwrite(fd, &huge, 4, 24 + one + 8), 4);
    assert_int_equal(collect(r, &q, &s, &more), 1);
    assert_int_equal(ftruncate(fd, 24 + one / 2), 0);
    assert_int_equal(collect(r, &q, &s, &more), 0);
    assert_int_equal(ftruncate(fd, 10), 0);
    assert_int_equal(collect(r, &q, &s, &more), 0);
    close(fd);
    ring_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_its_own_packets), cmocka_unit_test(through_the_whole_ring),
        cmocka_unit_test(the_file_is_bounded),  cmocka_unit_test(hostile_comments),
        cmocka_unit_test(damaged_files),
    };

    if (!mkdtemp(dir) || (dir_fd = open(dir, O_RDONLY | O_DIRECTORY)) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    ring_close(new_ring(4096));
    for (int i = 0; i < 3; i++) {
        char name[32];
        snprintf(name, sizeof name, "spare-%d", i);
        unlinkat(dir_fd, name, 0);
    }
    rmdir(dir);
    return failed;
}
