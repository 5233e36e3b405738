/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit log's file: building, appending, reading back and checking its records. */
#include "gateway/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/log.h"

#define BODY_MAX (AUDIT_DETAIL_MAX + 4096)
#define RECORD_MAX (4 + BODY_MAX + AUDIT_HASH)

struct head { uint64_t seq; uint8_t hash[AUDIT_HASH]; };

struct audit {
    int fd;
    uint64_t size;               /* of the whole records in the file */
    struct head head;            /* the last record, pending ones included */
    struct head written;         /* the last in the file */
    struct writer pending;
    size_t kept;                 /* bytes of pending that are committed, but not in the file yet */
    struct head kept_head;
    struct writer record;        /* the bytes audit_add() gave last */
};

struct walk {                    /* a position in the file, and the record there */
    struct audit *a;
    uint64_t offset;
    struct head head;
    uint8_t *buf;                /* RECORD_MAX */
    char *detail;                /* AUDIT_DETAIL_MAX */
    char actor[128], act[64], object[256];
    struct audit_record r;
};

enum step { STEP_RECORD, STEP_END, STEP_TORN, STEP_BAD };

/* ---- records -------------------------------------------------------------------------------- */

static void record_hash(const uint8_t before[AUDIT_HASH], const uint8_t *bytes, size_t n,
                        uint8_t out[AUDIT_HASH])
{
    crypto_hash_sha256_state h;

    crypto_hash_sha256_init(&h);
    crypto_hash_sha256_update(&h, before, AUDIT_HASH);
    crypto_hash_sha256_update(&h, bytes, n);
    crypto_hash_sha256_final(&h, out);
}

static void put_body(struct writer *w, const struct audit_record *r)
{
    put_u64(w, r->seq);
    put_i64(w, r->time_us);
    put_text(w, r->actor);
    put_u32(w, r->uid);
    put_text(w, r->act);
    put_text(w, r->object);
    put_text(w, r->detail);
}

const uint8_t *audit_add(struct audit *a, struct audit_record *r, size_t *n)
{
    struct writer body;

    writer_init(&body, BODY_MAX);
    r->seq = a->head.seq + 1;
    put_body(&body, r);
    writer_clear(&a->record);
    writer_init(&a->record, RECORD_MAX);
    put_blob(&a->record, body.v, body.n);
    if (body.failed || a->record.failed)
        fatal("an audit record is too large: %s %s", r->act, r->object);
    record_hash(a->head.hash, a->record.v, a->record.n, r->hash);
    put_raw(&a->record, r->hash, AUDIT_HASH);
    put_raw(&a->pending, a->record.v, a->record.n);
    if (a->record.failed || a->pending.failed)
        fatal("out of memory");
    a->head.seq = r->seq;
    memcpy(a->head.hash, r->hash, AUDIT_HASH);
    writer_clear(&body);
    *n = a->record.n;
    return a->record.v;
}

static void clear_pending(struct audit *a)
{
    writer_clear(&a->pending);
    writer_init(&a->pending, 64u << 20);
    a->kept = 0;
    a->kept_head = a->written;
}

static int append(struct audit *a, const uint8_t *bytes, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t w = pwrite(a->fd, bytes + done, n - done, (off_t)(a->size + done));
        if (w < 0 && errno != EINTR)
            return -errno;
        done += w > 0 ? (size_t)w : 0;
    }
    a->size += n;
    return 0;
}

int audit_write_pending(struct audit *a)
{
    a->kept = a->pending.n;
    a->kept_head = a->head;

    int rc = append(a, a->pending.v, a->kept);
    if (rc < 0)
        return rc;
    a->written = a->head;
    clear_pending(a);
    return 0;
}

void audit_drop_pending(struct audit *a)
{
    a->head = a->kept_head;
    a->pending.n = a->kept;
}

int audit_sync(struct audit *a, struct audit_mark *out)
{
    if (fdatasync(a->fd) < 0)
        return -errno;
    *out = (struct audit_mark){.seq = a->written.seq, .offset = a->size};
    memcpy(out->hash, a->written.hash, AUDIT_HASH);
    return 0;
}

uint64_t audit_last(const struct audit *a) { return a->written.seq; }

/* ---- reading -------------------------------------------------------------------------------- */

static bool read_exact(struct audit *a, uint64_t offset, uint8_t *out, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = pread(a->fd, out + done, n - done, (off_t)(offset + done));
        if (r == 0 || (r < 0 && errno != EINTR))
            return false;
        done += r > 0 ? (size_t)r : 0;
    }
    return true;
}

static bool parse_body(struct walk *w, const uint8_t *body, size_t n)
{
    struct reader r;

    reader_init(&r, body, n);
    memset(&w->r, 0, sizeof w->r);
    w->r.seq = get_u64(&r);
    w->r.time_us = get_i64(&r);
    get_text(&r, w->actor, sizeof w->actor);
    w->r.uid = get_u32(&r);
    get_text(&r, w->act, sizeof w->act);
    get_text(&r, w->object, sizeof w->object);
    get_text(&r, w->detail, AUDIT_DETAIL_MAX);
    w->r.actor = w->actor;
    w->r.act = w->act;
    w->r.object = w->object;
    w->r.detail = w->detail;
    return reader_done(&r);
}

/* The record in buf (n bytes of it are there): does it follow on `before`? */
static enum step check_record(struct walk *w, size_t body, const struct head *before)
{
    uint8_t hash[AUDIT_HASH];

    record_hash(before->hash, w->buf, 4 + body, hash);
    if (memcmp(hash, w->buf + 4 + body, AUDIT_HASH) != 0)
        return STEP_BAD;
    if (!parse_body(w, w->buf + 4, body) || w->r.seq != before->seq + 1)
        return STEP_BAD;
    memcpy(w->r.hash, hash, AUDIT_HASH);
    return STEP_RECORD;
}

static size_t body_length(const uint8_t *p)
{
    struct reader r;

    reader_init(&r, p, 4);
    return get_u32(&r);
}

/* The next record, at most up to `end`. TORN: the file ends within it. */
static enum step walk_next(struct walk *w, uint64_t end)
{
    if (w->offset == end)
        return STEP_END;
    if (end - w->offset < 4 || !read_exact(w->a, w->offset, w->buf, 4))
        return STEP_TORN;

    size_t body = body_length(w->buf), whole = 4 + body + AUDIT_HASH;
    if (body > BODY_MAX)
        return STEP_BAD;
    if (whole > end - w->offset || !read_exact(w->a, w->offset + 4, w->buf + 4, whole - 4))
        return STEP_TORN;
    enum step s = check_record(w, body, &w->head);
    if (s != STEP_RECORD)
        return w->offset + whole == end ? STEP_TORN : s;
    w->offset += whole;
    w->head.seq = w->r.seq;
    memcpy(w->head.hash, w->r.hash, AUDIT_HASH);
    return STEP_RECORD;
}

static struct walk *walk_new(struct audit *a)
{
    struct walk *w = calloc(1, sizeof *w);

    if (!w || !(w->buf = malloc(RECORD_MAX)) || !(w->detail = malloc(AUDIT_DETAIL_MAX)))
        fatal("out of memory");
    w->a = a;
    return w;
}

static void walk_free(struct walk *w)
{
    free(w->buf);
    free(w->detail);
    free(w);
}

int audit_read(struct audit *a, uint64_t after,
               bool (*each)(void *arg, const struct audit_record *r), void *arg)
{
    struct walk *w = walk_new(a);
    enum step s;

    while ((s = walk_next(w, a->size)) == STEP_RECORD)
        if (w->r.seq > after && !each(arg, &w->r))
            break;
    walk_free(w);
    return s == STEP_END || s == STEP_RECORD ? 0 : -1;
}

static bool ends_as_written(struct audit *a, const struct walk *w, enum step s, char text[160])
{
    if (s != STEP_END)
        snprintf(text, 160, "record %llu, at byte %llu, is damaged or does not follow on the one "
                 "before", (unsigned long long)w->head.seq + 1, (unsigned long long)w->offset);
    else if (w->head.seq != a->written.seq ||
             memcmp(w->head.hash, a->written.hash, AUDIT_HASH) != 0)
        snprintf(text, 160, "the file ends with record %llu and not with %llu, which was written "
                 "last", (unsigned long long)w->head.seq, (unsigned long long)a->written.seq);
    else
        return true;
    return false;
}

bool audit_verify(struct audit *a, uint64_t *records, char text[160])
{
    struct walk *w = walk_new(a);
    struct stat st;
    enum step s;

    while ((s = walk_next(w, a->size)) == STEP_RECORD)
        ;
    *records = w->head.seq;
    bool whole = ends_as_written(a, w, s, text);
    if (whole && (fstat(a->fd, &st) < 0 || (uint64_t)st.st_size != a->size)) {
        snprintf(text, 160, "the file is longer than what was written");
        whole = false;
    }
    if (whole)
        snprintf(text, 160, "%llu records, each follows on the one before",
                 (unsigned long long)*records);
    walk_free(w);
    return whole;
}

/* ---- opening -------------------------------------------------------------------------------- */

/* What is there stays, and the chain goes on from its last byte as if that were whole. */
static int damaged(struct audit *a, const struct audit_mark *from, uint64_t size, char why[128],
                   const char *what)
{
    a->size = size;
    a->head = (struct head){.seq = from->seq};
    memcpy(a->head.hash, from->hash, AUDIT_HASH);
    snprintf(why, 128, "%s", what);
    return -1;
}

static int read_on(struct audit *a, const struct audit_mark *from, uint64_t size, uint64_t *cut,
                   char why[128])
{
    struct walk *w = walk_new(a);
    enum step s;
    int rc = 0;

    w->offset = from->offset;
    w->head.seq = from->seq;
    memcpy(w->head.hash, from->hash, AUDIT_HASH);
    while ((s = walk_next(w, size)) == STEP_RECORD)
        ;
    a->size = w->offset;
    a->head = w->head;
    *cut = s == STEP_TORN ? size - w->offset : 0;
    if (*cut > 0 && ftruncate(a->fd, (off_t)w->offset) < 0)
        rc = damaged(a, from, size, why, "its torn end cannot be cut off");
    if (s == STEP_BAD)
        rc = damaged(a, from, size, why, "a record in the middle is damaged");
    walk_free(w);
    return rc;
}

int audit_open(struct audit **out, int dir, const char *file, const struct audit_mark *from,
               uint64_t *cut, char why[128])
{
    struct audit *a = calloc(1, sizeof *a);
    struct stat st;

    *cut = 0;
    if (!a)
        fatal("out of memory");
    a->fd = openat(dir, file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (a->fd < 0 || fstat(a->fd, &st) < 0 || !S_ISREG(st.st_mode))
        fatal("the audit log '%s' cannot be opened: %s", file, strerror(errno));
    clear_pending(a);

    uint64_t size = (uint64_t)st.st_size;
    int rc = size < from->offset ? damaged(a, from, size, why, "it is shorter than it was")
                                 : read_on(a, from, size, cut, why);
    a->written = a->kept_head = a->head;
    *out = a;
    return rc;
}

void audit_close(struct audit *a)
{
    if (!a)
        return;
    close(a->fd);
    writer_clear(&a->pending);
    writer_clear(&a->record);
    free(a);
}

int audit_replay(struct audit *a, const uint8_t *bytes, size_t n)
{
    struct walk *w = walk_new(a);
    int rc = -1;

    if (n >= 4 + AUDIT_HASH && n <= RECORD_MAX && body_length(bytes) == n - 4 - AUDIT_HASH) {
        memcpy(w->buf, bytes, n);
        bool parsed = parse_body(w, w->buf + 4, n - 4 - AUDIT_HASH);
        if (parsed && w->r.seq <= a->written.seq)
            rc = 0;
        else if (parsed && check_record(w, n - 4 - AUDIT_HASH, &a->head) == STEP_RECORD)
            rc = append(a, bytes, n);
        if (rc == 0 && w->r.seq > a->written.seq) {
            a->head.seq = w->r.seq;
            memcpy(a->head.hash, w->r.hash, AUDIT_HASH);
            a->written = a->kept_head = a->head;
        }
    }
    walk_free(w);
    return rc;
}
