/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit log: what is written verifies, what is touched does not, a torn end is cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/audit.h"

static char dir[64];
static int dirfd_;
static struct audit *A;
static const struct audit_mark nothing;

static struct audit *open_log(uint64_t *cut, int want)
{
    struct audit *a;
    char why[128];

    assert_int_equal(audit_open(&a, dirfd_, "log", &nothing, cut, why), want);
    return a;
}

static void add(struct audit *a, const char *object)
{
    struct audit_record r = {.time_us = 5, .actor = "anna", .uid = 7, .act = "user.add",
                             .object = object, .detail = "{}"};
    size_t n;

    assert_non_null(audit_add(a, &r, &n));
    assert_int_equal(audit_write_pending(a), 0);
}

static int begin(void **state)
{
    uint64_t cut;

    (void)state;
    assert_true(sodium_init() >= 0);
    snprintf(dir, sizeof dir, "/tmp/pcengine-audit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
    A = open_log(&cut, 0);
    add(A, "maria");
    add(A, "otto");
    add(A, "zoe");
    return 0;
}

static int end(void **state)
{
    (void)state;
    audit_close(A);
    unlinkat(dirfd_, "log", 0);
    close(dirfd_);
    rmdir(dir);
    return 0;
}

static bool verifies(struct audit *a, uint64_t want)
{
    uint64_t records;
    char text[160];
    bool whole = audit_verify(a, &records, text);

    return whole && records == want;
}

static bool count(void *arg, const struct audit_record *r)
{
    (*(unsigned *)arg)++;
    assert_string_equal(r->actor, "anna");
    assert_int_equal(r->uid, 7);
    return true;
}

static void reads_back_what_was_written(void **state)
{
    unsigned n = 0;

    (void)state;
    assert_true(verifies(A, 3));
    assert_int_equal(audit_read(A, 1, count, &n), 0);
    assert_int_equal(n, 2);
}

static void every_single_bit_counts(void **state)
{
    int fd = openat(dirfd_, "log", O_RDWR);
    struct stat st;

    (void)state;
    fstat(fd, &st);
    for (off_t at = 0; at < st.st_size; at++)
        for (int bit = 0; bit < 8; bit++) {
            uint8_t c, flipped;
            assert_int_equal(pread(fd, &c, 1, at), 1);
            flipped = (uint8_t)(c ^ 1 << bit);
            assert_int_equal(pwrite(fd, &flipped, 1, at), 1);
            assert_false(verifies(A, 3));
            assert_int_equal(pwrite(fd, &c, 1, at), 1);
        }
    assert_true(verifies(A, 3));
    close(fd);
}

static void a_cut_tail_is_seen(void **state)
{
    struct stat st;
    char path[96];

    (void)state;
    snprintf(path, sizeof path, "%s/log", dir);
    stat(path, &st);
    for (off_t n = 0; n < st.st_size; n++) {
        char copy[4096];
        int fd = open(path, O_RDWR);
        assert_int_equal(read(fd, copy, sizeof copy), st.st_size);
        assert_int_equal(ftruncate(fd, n), 0);
        assert_false(verifies(A, 3));
        assert_int_equal(pwrite(fd, copy, (size_t)st.st_size, 0), st.st_size);
        close(fd);
    }
}

static void a_torn_end_is_cut_and_the_chain_goes_on(void **state)
{
    struct audit_mark mark;
    uint64_t cut;
    char path[96];
    struct stat st;

    (void)state;
    assert_int_equal(audit_sync(A, &mark), 0);
    snprintf(path, sizeof path, "%s/log", dir);
    stat(path, &st);
    assert_int_equal(truncate(path, st.st_size - 5), 0);
    audit_close(A);
    A = open_log(&cut, 0);
    assert_true(cut > 0);
    assert_int_equal(audit_last(A), 2);
    add(A, "again");
    assert_true(verifies(A, 3));
    /* The mark remembers that there was more. */
    struct audit *b;
    char why[128];
    assert_int_equal(truncate(path, 10), 0);
    assert_int_equal(audit_open(&b, dirfd_, "log", &mark, &cut, why), -1);
    audit_close(b);
}

static void flip(off_t at)
{
    int fd = openat(dirfd_, "log", O_RDWR);
    uint8_t c;

    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void damage_in_the_middle_is_kept_and_said(void **state)
{
    struct audit *b;
    struct stat st, after;
    uint64_t cut;
    char why[128], path[96];

    (void)state;
    snprintf(path, sizeof path, "%s/log", dir);
    stat(path, &st);
    flip(30);                             /* in the first of three */
    assert_int_equal(audit_open(&b, dirfd_, "log", &nothing, &cut, why), -1);
    assert_int_equal(cut, 0);
    stat(path, &after);
    assert_int_equal(after.st_size, st.st_size);
    audit_close(b);
}

/* A sound first record of another log, of the same length, breaks the second. */
static void a_replaced_record_breaks_the_chain(void **state)
{
    struct audit *b;
    uint8_t bytes[512];
    uint64_t cut;
    char why[128];

    (void)state;
    assert_int_equal(audit_open(&b, dirfd_, "other", &nothing, &cut, why), 0);
    add(b, "peter");
    assert_true(verifies(b, 1));
    audit_close(b);
    int from = openat(dirfd_, "other", O_RDONLY), to = openat(dirfd_, "log", O_WRONLY);
    ssize_t n = read(from, bytes, sizeof bytes);
    assert_true(n > 0 && n < (ssize_t)sizeof bytes);
    assert_int_equal(pwrite(to, bytes, (size_t)n, 0), n);
    close(from);
    close(to);
    unlinkat(dirfd_, "other", 0);
    assert_false(verifies(A, 3));
}

static void the_outbox_fills_what_the_file_lost(void **state)
{
    struct audit_record r = {.time_us = 6, .actor = "anna", .uid = 7, .act = "user.revoke",
                             .object = "maria", .detail = "{}"};
    uint8_t kept[4096];
    uint64_t cut;
    size_t n;

    (void)state;
    const uint8_t *bytes = audit_add(A, &r, &n);
    memcpy(kept, bytes, n);
    audit_close(A);                       /* died before it was written */
    A = open_log(&cut, 0);
    assert_int_equal(audit_last(A), 3);
    assert_int_equal(audit_replay(A, kept, n), 0);
    assert_int_equal(audit_last(A), 4);
    assert_int_equal(audit_replay(A, kept, n), 0);   /* there already */
    assert_true(verifies(A, 4));
    kept[20] ^= 1;
    kept[4] = 9;
    assert_int_equal(audit_replay(A, kept, n), -1);
}

/* Something behind the last record, though it is no record. */
static void a_grown_file_is_seen(void **state)
{
    (void)state;
    int fd = openat(dirfd_, "log", O_WRONLY | O_APPEND);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_false(verifies(A, 3));
}

/* Who knows the form can chain a record of his own; its number must still follow. */
static void a_number_left_out_is_seen(void **state)
{
    static const uint8_t first[AUDIT_HASH];
    struct audit *b;
    struct audit_mark mark;
    uint8_t bytes[512];
    uint64_t cut;
    char why[128];
    crypto_hash_sha256_state h;

    (void)state;
    assert_int_equal(audit_open(&b, dirfd_, "other", &nothing, &cut, why), 0);
    add(b, "peter");
    assert_int_equal(audit_sync(b, &mark), 0);
    int fd = openat(dirfd_, "other", O_RDWR);
    ssize_t n = read(fd, bytes, sizeof bytes);
    assert_true(n > AUDIT_HASH && n < (ssize_t)sizeof bytes);
    for (int step = 1; step >= 0; step--) {              /* 1: made as 3, 0: as it was */
        uint8_t *number = memchr(bytes + 4, step ? 1 : 3, 8);
        assert_non_null(number);
        *number = step ? 3 : 1;
        crypto_hash_sha256_init(&h);
        crypto_hash_sha256_update(&h, first, sizeof first);
        crypto_hash_sha256_update(&h, bytes, (size_t)n - AUDIT_HASH);
        crypto_hash_sha256_final(&h, bytes + n - AUDIT_HASH);
        assert_int_equal(pwrite(fd, bytes, (size_t)n, 0), n);
        uint64_t records;
        char text[160];
        assert_int_equal(audit_verify(b, &records, text), !step);
        assert_int_equal(records, !step);
    }
    close(fd);
    audit_close(b);
    unlinkat(dirfd_, "other", 0);
}

static void what_was_rolled_back_is_not_there(void **state)
{
    struct audit_record r = {.actor = "anna", .uid = 7, .act = "a", .object = "b", .detail = "{}"};
    size_t n;

    (void)state;
    assert_non_null(audit_add(A, &r, &n));
    audit_drop_pending(A);
    add(A, "next");
    assert_true(verifies(A, 4));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(reads_back_what_was_written, begin, end),
        cmocka_unit_test_setup_teardown(every_single_bit_counts, begin, end),
        cmocka_unit_test_setup_teardown(a_cut_tail_is_seen, begin, end),
        cmocka_unit_test_setup_teardown(a_torn_end_is_cut_and_the_chain_goes_on, begin, end),
        cmocka_unit_test_setup_teardown(damage_in_the_middle_is_kept_and_said, begin, end),
        cmocka_unit_test_setup_teardown(a_replaced_record_breaks_the_chain, begin, end),
        cmocka_unit_test_setup_teardown(the_outbox_fills_what_the_file_lost, begin, end),
        cmocka_unit_test_setup_teardown(a_grown_file_is_seen, begin, end),
        cmocka_unit_test_setup_teardown(a_number_left_out_is_seen, begin, end),
        cmocka_unit_test_setup_teardown(what_was_rolled_back_is_not_there, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
