/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A log in files: what is written verifies, what is touched does not, what a crash leaves is mended
 * where the outbox can mend it, kept and said where it cannot.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/audit.h"

#define FIRST "audit/records-00000000000000000001"

static char dir[64];
static int dirfd_;
static struct audit *A;
static const struct audit_mark nothing;
static char why[160];
static uint64_t cut;

/* ---- a log ---------------------------------------------------------------------------------- */

static struct audit *open_log(const struct audit_mark *from, int want)
{
    struct audit *a;

    if (audit_open(&a, dirfd_, "audit", "portcullis/hq/audit", from, &cut, why) != want)
        fail_msg("opened with %d: %s", -1 - want, why);
    return a;
}

static void add_at(struct audit *a, const char *object, int64_t time_us)
{
    struct record r = {.type = RECORD_ACT, .time_us = time_us, .actor = "anna", .uid = 7,
                       .act = "user.add", .object = object, .detail = "{}"};
    size_t n;

    assert_non_null(audit_add(a, &r, &n));
    assert_int_equal(audit_write_pending(a), 0);
}

static void add(struct audit *a, const char *object) { add_at(a, object, 5); }

static struct audit_mark sync_log(struct audit *a)
{
    struct audit_mark mark = {0};

    assert_int_equal(audit_sync(a, &mark), 0);
    assert_int_equal(mark.seq, audit_last(a));
    return mark;
}

static int begin(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    snprintf(dir, sizeof dir, "/tmp/pcengine-audit-XXXXXX");
    assert_non_null(mkdtemp(dir));
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
    A = open_log(&nothing, 0);
    add(A, "maria");
    add(A, "otto");
    add(A, "zoe");
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
    (void)st, (void)flag, (void)f;
    return remove(path);
}

static int end(void **state)
{
    (void)state;
    audit_close(A);
    close(dirfd_);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    return 0;
}

static void assert_verifies(struct audit *a, uint64_t want)
{
    uint64_t records;
    char text[400];

    if (!audit_verify(a, &records, text) || records != want)
        fail_msg("%llu records: %s", (unsigned long long)records, text);
}

static void assert_does_not(struct audit *a, const char *part)
{
    uint64_t records;
    char text[400];

    if (audit_verify(a, &records, text) || !strstr(text, part))
        fail_msg("%llu records: %s", (unsigned long long)records, text);
}

/* ---- files ---------------------------------------------------------------------------------- */

static off_t size_of(const char *file)
{
    struct stat st;

    return fstatat(dirfd_, file, &st, 0) < 0 ? -1 : st.st_size;
}

static void flip(const char *file, off_t at)
{
    int fd = openat(dirfd_, file, O_RDWR);
    uint8_t c;

    assert_int_equal(pread(fd, &c, 1, at), 1);
    c ^= 1;
    assert_int_equal(pwrite(fd, &c, 1, at), 1);
    close(fd);
}

static void shorten(const char *file, off_t to)
{
    int fd = openat(dirfd_, file, O_RDWR);

    assert_int_equal(ftruncate(fd, to), 0);
    close(fd);
}

static void lengthen(const char *file)
{
    int fd = openat(dirfd_, file, O_WRONLY | O_APPEND);

    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
}

static off_t offset_in(const char *file, const char *text)
{
    char v[4096];
    int fd = openat(dirfd_, file, O_RDONLY);
    ssize_t n = read(fd, v, sizeof v);
    const char *at = n > 0 ? memmem(v, (size_t)n, text, strlen(text)) : NULL;

    close(fd);
    assert_non_null(at);
    return at - v;
}

/* ---- what is there -------------------------------------------------------------------------- */

static bool count(void *arg, const struct record *r, const uint8_t *bytes, size_t n)
{
    (*(unsigned *)arg)++;
    assert_string_equal(r->actor, "anna");
    assert_int_equal(r->uid, 7);
    assert_true(bytes && n > 20);
    return true;
}

static void reads_back_what_was_written(void **state)
{
    unsigned n = 0;

    (void)state;
    assert_verifies(A, 3);
    assert_int_equal(audit_read(A, 1, count, &n), 0);
    assert_int_equal(n, 2);
}

static void what_was_rolled_back_is_not_there(void **state)
{
    struct record r = {.type = RECORD_ACT, .actor = "anna", .uid = 7, .act = "a", .object = "b",
                       .detail = "{}"};
    size_t n;

    (void)state;
    assert_non_null(audit_add(A, &r, &n));
    audit_drop_pending(A);
    add(A, "next");
    assert_verifies(A, 4);
}

/* No room for it: given up, and the next takes its number. */
static void what_cannot_be_written_may_be_forgotten(void **state)
{
    struct record r = {.type = RECORD_ATTEMPTS, .actor = "anna", .uid = 7, .act = "a",
                       .object = "b", .detail = "{}"};
    struct rlimit was, none;
    size_t n;

    (void)state;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
    none = (struct rlimit){(rlim_t)size_of(FIRST), was.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_non_null(audit_add(A, &r, &n));
        assert_int_equal(r.number, 4);
        assert_int_equal(audit_write_pending(A), -EFBIG);
        audit_forget_pending(A);
    }
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
    add(A, "next");
    assert_verifies(A, 4);
}

static void a_log_goes_on_after_a_restart(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++) {
        struct audit_mark mark = sync_log(A);
        audit_close(A);
        A = open_log(&mark, 0);
        assert_int_equal(audit_compare(A, why), 0);
        add(A, "again");
    }
    assert_verifies(A, 8);
}

/* What cannot be read at this moment is no other record: the next try signs. */
static void a_failed_read_is_tried_again(void **state)
{
    uint8_t hashes[1024];
    struct checkpoint at;
    size_t n;

    (void)state;
    add(A, "one");
    sync_log(A);
    add(A, "two");
    add(A, "three");
    int fd = openat(dirfd_, "audit/hashes", O_RDWR);
    ssize_t size = pread(fd, hashes, sizeof hashes, 0);
    assert_true(size > MERKLE_HASH);
    assert_int_equal(ftruncate(fd, size - MERKLE_HASH), 0);   /* the last of three */
    assert_null(audit_checkpoint(A, &at, &n));
    assert_int_equal(pwrite(fd, hashes, (size_t)size, 0), size);
    assert_non_null(audit_checkpoint(A, &at, &n));
    assert_int_equal(at.size, 6);   /* with the three of before */
    close(fd);
}

static void large_records_are_read_back(void **state)
{
    char *text = malloc(RECORD_BATCH_MAX + 1);
    unsigned n = 0;

    (void)state;
    memset(text, ' ', RECORD_BATCH_MAX);
    for (size_t size = 60000; size <= RECORD_BATCH_MAX; size += 60000) {
        struct record r = {.type = RECORD_ATTEMPTS, .uid = 7, .actor = "anna", .act = "attempts",
                           .object = "", .detail = text + RECORD_BATCH_MAX - size};
        size_t len;
        text[RECORD_BATCH_MAX] = '\0';
        assert_non_null(audit_add(A, &r, &len));
        assert_int_equal(audit_write_pending(A), 0);
        n++;
    }
    assert_verifies(A, 3 + n);
    assert_true(size_of("audit/records-00000000000000000001") > (off_t)AUDIT_SEGMENT_BYTES);
    unsigned seen = 0;
    assert_int_equal(audit_read(A, 0, count, &seen), 0);
    assert_int_equal(seen, n + 3);
    free(text);
}

/* ---- what a running log notices ------------------------------------------------------------- */

static void every_single_bit_counts(void **state)
{
    static const char *const files[] = {FIRST, "audit/hashes", "audit/origin"};

    (void)state;
    sync_log(A);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        for (off_t at = 0; at < size_of(files[i]); at++) {
            flip(files[i], at);
            assert_does_not(A, "");
            flip(files[i], at);
        }
    assert_verifies(A, 3);
}

static void a_cut_tail_is_seen(void **state)
{
    (void)state;
    off_t size = size_of(FIRST);
    shorten(FIRST, size - 1);
    assert_does_not(A, "not what was written");
}

static void a_grown_file_is_seen(void **state)
{
    (void)state;
    lengthen(FIRST);
    assert_does_not(A, "record 4");
    shorten(FIRST, size_of(FIRST) - 1);
    assert_verifies(A, 3);
    lengthen("audit/hashes");
    assert_does_not(A, "hashes goes on");
}

/* Between writing and signing somebody changed the file: that is not signed. */
static void what_is_not_as_written_is_not_signed(void **state)
{
    struct checkpoint at;
    size_t n;

    (void)state;
    flip(FIRST, 60);
    assert_null(audit_checkpoint(A, &at, &n));
}

static void a_hash_not_as_written_is_not_signed(void **state)
{
    struct checkpoint at;
    size_t n;

    (void)state;
    flip("audit/hashes", 70);
    assert_null(audit_checkpoint(A, &at, &n));
}

/* ---- after a crash -------------------------------------------------------------------------- */

static void a_torn_end_is_cut_and_the_log_goes_on(void **state)
{
    struct audit_mark mark = sync_log(A);
    off_t size;

    (void)state;
    add(A, "late");
    size = size_of(FIRST);
    shorten(FIRST, size - 5);
    audit_close(A);
    A = open_log(&mark, 0);
    assert_true(cut > 0);
    assert_int_equal(audit_last(A), 3);
    add(A, "again");
    assert_verifies(A, 4);
}

/* The mark remembers that there was more: what is left is kept, and a check says what is missing. */
static void records_lost_before_the_mark_are_said(void **state)
{
    struct audit_mark mark = sync_log(A);

    (void)state;
    shorten(FIRST, size_of(FIRST) - 5);
    audit_close(A);
    A = open_log(&mark, -1);
    assert_int_equal(cut, 0);
    add(A, "again");
    assert_int_equal(audit_last(A), 4);
    assert_does_not(A, "record 3, at byte ");
}

static void damage_before_the_mark_is_kept_and_said(void **state)
{
    struct audit_mark mark = sync_log(A);
    off_t size = size_of(FIRST);

    (void)state;
    flip(FIRST, 33);                      /* a letter of the first record's actor */
    audit_close(A);
    A = open_log(&mark, -1);
    assert_string_equal(why, "a record is not the one that was signed");
    assert_int_equal(cut, 0);
    assert_int_equal(size_of(FIRST), size);
    add(A, "again");
    assert_does_not(A, "record 1 is not the one that was signed");
}

static void lost_hashes_are_made_anew(void **state)
{
    struct audit_mark mark = sync_log(A);

    (void)state;
    shorten("audit/hashes", 40);
    audit_close(A);
    A = open_log(&mark, 0);
    assert_int_equal(audit_compare(A, why), 0);
    assert_verifies(A, 3);
}

/* A power cut between the records' sync and that of the hashes: the file has its length, not its
 * end. */
static void hashes_that_are_zero_are_made_anew(void **state)
{
    struct audit_mark mark = sync_log(A);
    off_t size = size_of("audit/hashes");

    (void)state;
    shorten("audit/hashes", size - 64);
    shorten("audit/hashes", size);
    audit_close(A);
    A = open_log(&mark, 0);
    assert_int_equal(audit_compare(A, why), 0);
    assert_verifies(A, 3);
}

static void changed_hashes_are_said(void **state)
{
    struct audit_mark mark = sync_log(A);

    (void)state;
    flip("audit/hashes", 64);             /* a node, not a leaf */
    audit_close(A);
    A = open_log(&mark, -1);
    assert_string_equal(why, "its hashes are not those of before");
}

static void a_replaced_log_is_said(void **state)
{
    struct audit_mark mark = sync_log(A);

    (void)state;
    audit_close(A);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    assert_int_equal(mkdir(dir, 0700), 0);
    close(dirfd_);
    dirfd_ = open(dir, O_RDONLY | O_DIRECTORY);
    A = open_log(&nothing, 0);
    add(A, "mallory");
    add(A, "mallory");
    add(A, "mallory");
    audit_close(A);
    A = open_log(&mark, -1);
}

static void a_checkpoint_of_something_else_is_said(void **state)
{
    struct audit_mark mark = sync_log(A);

    (void)state;
    add(A, "late");
    sync_log(A);
    shorten(FIRST, size_of(FIRST) - 5);
    audit_close(A);
    A = open_log(&mark, 0);
    assert_int_equal(audit_compare(A, why), -1);
    assert_string_equal(why, "it holds 3 records, and 4 were signed");
    flip("audit/checkpoint", 3);
    assert_int_equal(audit_compare(A, why), -1);
    assert_string_equal(why, "its checkpoint is missing or damaged");
}

static void the_outbox_fills_what_the_files_lost(void **state)
{
    struct record r = {.type = RECORD_ACT, .time_us = 6, .actor = "anna", .uid = 7,
                       .act = "user.revoke", .object = "maria", .detail = "{}"};
    uint8_t kept[4096];
    size_t n;

    (void)state;
    const uint8_t *bytes = audit_add(A, &r, &n);
    memcpy(kept, bytes, n);
    audit_close(A);                       /* died before it was written */
    A = open_log(&nothing, 0);
    assert_int_equal(audit_last(A), 3);
    assert_int_equal(audit_replay(A, kept, n), 0);
    assert_int_equal(audit_last(A), 4);
    assert_int_equal(audit_replay(A, kept, n), 0);   /* there already */
    assert_verifies(A, 4);
    kept[9] = 9;
    assert_int_equal(audit_replay(A, kept, n), -1);  /* does not follow */
    assert_verifies(A, 4);
}

/* What the outbox has is what was written: another record in its place is said, and goes. */
static void the_outbox_puts_right_what_was_changed(void **state)
{
    struct record r = {.type = RECORD_ACT, .time_us = 5, .actor = "anna", .uid = 7,
                       .act = "user.add", .object = "otto", .detail = "{}"};
    uint8_t two[256], three[256];

    (void)state;
    r.number = 2;
    size_t n2 = record_encode(&r, two, sizeof two);
    r.number = 3;
    r.object = "zoe";
    size_t n3 = record_encode(&r, three, sizeof three);
    audit_segment_age(A, 1);
    add_at(A, "later", 90 * INT64_C(1000000));          /* in a file of its own */
    sync_log(A);
    audit_close(A);
    flip(FIRST, offset_in(FIRST, "otto"));
    A = open_log(&nothing, 0);
    assert_int_equal(audit_last(A), 4);
    assert_int_equal(audit_replay(A, two, n2), -1);
    assert_int_equal(audit_last(A), 2);
    assert_int_equal(size_of("audit/records-00000000000000000004"), -1);
    assert_int_equal(audit_replay(A, three, n3), 0);
    assert_verifies(A, 3);
    add(A, "more");
    assert_verifies(A, 4);
}

/* ---- keys ----------------------------------------------------------------------------------- */

static int64_t epoch;

static void keys_follow_each_other(void **state)
{
    struct audit_mark mark;

    (void)state;
    for (epoch = 1; epoch < 5; epoch++) {
        assert_int_equal(audit_new_key(A, 1000 * epoch), 0);
        assert_int_equal(audit_epochs(A), epoch + 1);
        assert_int_equal(audit_key_began(A), 1000 * epoch);
        add(A, "more");
        assert_verifies(A, 3 + (uint64_t)epoch);
        mark = sync_log(A);
        audit_close(A);
        A = open_log(&mark, 0);
        assert_int_equal(audit_key_began(A), 1000 * epoch);
        assert_verifies(A, 3 + (uint64_t)epoch);
    }
}

/* Nothing on disk holds the seed of an epoch that is over. */
static void an_old_key_is_gone(void **state)
{
    uint8_t before[48], after[512];
    int fd = openat(dirfd_, "audit.secret", O_RDONLY);

    (void)state;
    assert_int_equal(pread(fd, before, 32, 16), 32);
    assert_int_equal(audit_new_key(A, 7), 0);
    ssize_t n = pread(fd, after, sizeof after, 0);   /* the same file: overwritten, not replaced */
    close(fd);
    assert_true(n > 48 && !memmem(after, (size_t)n, before, 32));
    struct stat st;
    assert_int_equal(fstatat(dirfd_, "audit.secret", &st, 0), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void copy_file(const char *from, const char *to)
{
    uint8_t v[4096];
    int in = openat(dirfd_, from, O_RDONLY), out = openat(dirfd_, to, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ssize_t n = read(in, v, sizeof v);

    assert_int_equal(write(out, v, (size_t)n), n);
    close(in);
    close(out);
}

/* The three moments at which a handover may be cut off. */
static void a_handover_that_was_cut_off_is_settled(void **state)
{
    static const struct { const char *what; bool keys; off_t cut; size_t epochs; } cases[] = {
        {"only the secret file", false, 0, 1},
        {"half of the note", true, 30, 1},
        {"all of the note", true, 0, 2}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint8_t both[112], seed[32];
        if (i > 0)
            begin(NULL);
        struct audit_mark mark = sync_log(A);
        copy_file("audit.secret", "before");
        copy_file("audit/keys", "keys");
        assert_int_equal(audit_new_key(A, 7), 0);
        off_t keys = size_of("audit/keys");
        audit_close(A);
        /* As it was while both seeds were in the file. */
        int fd = openat(dirfd_, "audit.secret", O_RDWR);
        assert_int_equal(pread(fd, seed, 32, 16), 32);
        int old = openat(dirfd_, "before", O_RDONLY);
        assert_int_equal(pread(old, both, sizeof both, 0), sizeof both);
        memcpy(both + 48, seed, 32);
        crypto_hash_sha256(both + 80, both, 80);
        assert_int_equal(pwrite(fd, both, sizeof both, 0), sizeof both);
        close(fd);
        close(old);
        if (!cases[i].keys)
            copy_file("keys", "audit/keys");
        else if (cases[i].cut)
            shorten("audit/keys", keys - cases[i].cut);
        A = open_log(&mark, 0);
        if (audit_epochs(A) != cases[i].epochs)
            fail_msg("%s: %zu epochs", cases[i].what, audit_epochs(A));
        add(A, "again");
        assert_verifies(A, 4);
        assert_int_equal(audit_new_key(A, 8), 0);
        assert_verifies(A, 4);
        if (i + 1 < sizeof cases / sizeof *cases)
            end(NULL);
    }
}

static void without_its_key_a_log_goes_on_unsigned(void **state)
{
    struct audit_mark mark = sync_log(A);
    struct checkpoint at;
    size_t n;

    (void)state;
    audit_close(A);
    assert_int_equal(unlinkat(dirfd_, "audit.secret", 0), 0);
    A = open_log(&mark, -1);
    assert_non_null(strstr(why, "not signed any more"));
    add(A, "unsigned");
    assert_null(audit_checkpoint(A, &at, &n));
    assert_int_equal(audit_new_key(A, 8), -ENOKEY);
    assert_does_not(A, "has no key");
}

/* ---- proofs and retention ------------------------------------------------------------------- */

static void proofs_hold(void **state)
{
    struct merkle_hash leaf, root, before;
    struct merkle_proof p;
    struct checkpoint at;
    size_t n;
    struct record r = {.type = RECORD_ACT, .number = 2, .time_us = 5, .actor = "anna", .uid = 7,
                       .act = "user.add", .object = "otto", .detail = "{}"};
    uint8_t bytes[256];

    (void)state;
    merkle_leaf(bytes, record_encode(&r, bytes, sizeof bytes), &leaf);
    assert_int_equal(audit_root_at(A, 2, &before), 0);
    assert_non_null(audit_checkpoint(A, &at, &n));
    assert_int_equal(audit_root_at(A, 3, &root), 0);
    assert_true(merkle_same(&root, &at.root));
    assert_int_equal(audit_inclusion(A, 2, 3, &p), 0);
    assert_true(merkle_included(&leaf, 1, 3, &root, &p));
    assert_int_equal(audit_consistency(A, 2, 3, &p), 0);
    assert_true(merkle_consistent(2, &before, 3, &root, &p));
    assert_int_equal(audit_inclusion(A, 0, 3, &p), -1);
    assert_int_equal(audit_inclusion(A, 1, 4, &p), -1);
    assert_int_equal(audit_consistency(A, 1, 4, &p), -1);
    assert_int_equal(audit_root_at(A, 4, &root), -1);
}

#define DAY_US (86400 * INT64_C(1000000))

static void old_files_go_and_proofs_stay(void **state)
{
    struct record r = {.type = RECORD_REMOVED, .time_us = 40 * DAY_US, .actor = "engine", .uid = 0,
                       .act = "audit.remove", .object = "4", .detail = "{}"};
    struct merkle_proof p;
    size_t n;

    (void)state;
    audit_segment_age(A, 86400);
    add_at(A, "a", DAY_US / 2);           /* the first file's last */
    add_at(A, "b", 2 * DAY_US);
    add_at(A, "c", 2 * DAY_US + 1);
    add_at(A, "d", 4 * DAY_US);
    assert_int_equal(audit_old(A, 2 * DAY_US), 0);
    assert_int_equal(audit_old(A, 2 * DAY_US + 1), 4);
    assert_int_equal(audit_old(A, 100 * DAY_US), 6);
    assert_non_null(audit_add(A, &r, &n));
    assert_int_equal(audit_write_pending(A), 0);
    struct audit_mark mark = sync_log(A);
    audit_remove(A, 4);
    assert_int_equal(size_of(FIRST), -1);
    assert_verifies(A, 8);
    assert_int_equal(audit_inclusion(A, 2, 8, &p), 0);
    audit_close(A);
    A = open_log(&mark, 0);
    assert_verifies(A, 8);
    assert_int_equal(audit_old(A, 100 * DAY_US), 7);
    /* More than was told. */
    assert_int_equal(unlinkat(dirfd_, "audit/records-00000000000000000005", 0), 0);
    audit_close(A);
    A = open_log(&mark, 0);
    assert_does_not(A, "record 5 and others are missing");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(reads_back_what_was_written),
        CASE(what_was_rolled_back_is_not_there),
        CASE(what_cannot_be_written_may_be_forgotten),
        CASE(a_log_goes_on_after_a_restart),
        CASE(a_failed_read_is_tried_again),
        CASE(large_records_are_read_back),
        CASE(every_single_bit_counts),
        CASE(a_cut_tail_is_seen),
        CASE(a_grown_file_is_seen),
        CASE(what_is_not_as_written_is_not_signed),
        CASE(a_hash_not_as_written_is_not_signed),
        CASE(a_torn_end_is_cut_and_the_log_goes_on),
        CASE(records_lost_before_the_mark_are_said),
        CASE(damage_before_the_mark_is_kept_and_said),
        CASE(lost_hashes_are_made_anew),
        CASE(hashes_that_are_zero_are_made_anew),
        CASE(changed_hashes_are_said),
        CASE(a_replaced_log_is_said),
        CASE(a_checkpoint_of_something_else_is_said),
        CASE(the_outbox_fills_what_the_files_lost),
        CASE(the_outbox_puts_right_what_was_changed),
        CASE(keys_follow_each_other),
        CASE(an_old_key_is_gone),
        CASE(a_handover_that_was_cut_off_is_settled),
        CASE(without_its_key_a_log_goes_on_unsigned),
        CASE(proofs_hold),
        CASE(old_files_go_and_proofs_stay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
