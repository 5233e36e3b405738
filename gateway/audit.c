/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Records on their way into the files. */
#include "gateway/audit_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "gateway/log.h"

/* ---- pending -------------------------------------------------------------------------------- */

const uint8_t *audit_add(struct audit *a, struct record *r, size_t *n)
{
    static uint8_t bytes[RECORD_MAX];
    uint8_t frame[RECORD_FRAME];

    r->number = a->next;
    *n = record_encode(r, bytes, sizeof bytes);
    if (*n == 0)
        fatal("a record does not fit into the log: %s %s", r->act, r->object);
    record_frame((uint32_t)*n, frame);
    writer_clear(&a->record);
    writer_init(&a->record, RECORD_MAX);
    put_raw(&a->record, bytes, *n);
    put_raw(&a->pending, frame, sizeof frame);
    put_raw(&a->pending, bytes, *n);
    if (a->record.failed || a->pending.failed)
        fatal("out of memory");
    a->next++;
    return a->record.v;
}

static void clear_pending(struct audit *a)
{
    writer_clear(&a->pending);
    writer_init(&a->pending, PENDING_MAX);
    a->kept = 0;
    a->kept_next = a->next;
}

void audit_drop_pending(struct audit *a)
{
    a->next = a->kept_next;
    a->pending.n = a->kept;
}

void audit_forget_pending(struct audit *a)
{
    a->next = a->tree.size + 1;
    clear_pending(a);
}

/* ---- into the files ------------------------------------------------------------------------- */

/* The tree with these frames, and the hashes they complete. */
static void grow(struct merkle_tree *t, const uint8_t *frames, size_t n, struct writer *hashes)
{
    struct merkle_hash leaf, made[MERKLE_LEVELS];

    for (size_t at = 0; at < n;) {
        uint32_t len = record_length(frames + at);
        merkle_leaf(frames + at + RECORD_FRAME, len, &leaf);
        put_raw(hashes, made, merkle_append(t, &leaf, made) * sizeof *made);
        at += RECORD_FRAME + len;
    }
    if (hashes->failed)
        fatal("out of memory");
}

/* Both files or, for the caller, neither: what a failure leaves is overwritten next time. */
static int append(struct audit *a, const uint8_t *frames, size_t n)
{
    uint64_t at = merkle_stored(a->tree.size) * MERKLE_HASH;
    struct merkle_tree grown = a->tree;
    struct writer hashes;

    writer_init(&hashes, PENDING_MAX);
    grow(&grown, frames, n, &hashes);
    int rc = file_put(a->file, a->size, frames, n);
    if (rc == 0)
        rc = file_put(a->hashes, at, hashes.v, hashes.n);
    writer_clear(&hashes);
    if (rc == 0) {
        a->tree = grown;
        a->size += n;
    }
    return rc;
}

static int64_t time_of(const uint8_t *frame)
{
    struct record r;

    return record_decode(frame + RECORD_FRAME, record_length(frame), &r) == 0 ? r.time_us : 0;
}

static bool segment_full(const struct audit *a, int64_t now_us)
{
    const struct segment *s = &a->segments[a->n_segments - 1];

    return a->size > 0 && (a->size >= AUDIT_SEGMENT_BYTES ||
                           (a->segment_age_us > 0 && now_us - s->time_us >= a->segment_age_us));
}

void audit_segment_age(struct audit *a, int64_t seconds) { a->segment_age_us = seconds * 1000000; }

int audit_write_pending(struct audit *a)
{
    a->kept = a->pending.n;
    a->kept_next = a->next;
    if (a->kept == 0)
        return 0;
    int64_t first_us = time_of(a->pending.v);
    /* Where no new file can be made the old one goes on. */
    if (segment_full(a, first_us))
        (void)segment_turn(a);
    int rc = append(a, a->pending.v, a->kept);
    if (rc < 0)
        return rc;
    struct segment *s = &a->segments[a->n_segments - 1];
    if (s->time_us == 0)
        s->time_us = first_us;
    clear_pending(a);
    return 0;
}

uint64_t audit_last(const struct audit *a) { return a->tree.size; }

/* ---- from the outbox ------------------------------------------------------------------------ */

struct look { const uint8_t *bytes; size_t n; bool same; };

static bool compare(void *arg, const struct record *r, const uint8_t *bytes, size_t n)
{
    struct look *l = arg;

    (void)r;
    l->same = n == l->n && memcmp(bytes, l->bytes, n) == 0;
    return false;
}

static bool is_there(struct audit *a, uint64_t number, const uint8_t *bytes, size_t n)
{
    struct look l = {bytes, n, false};

    return audit_read(a, number - 1, compare, &l) == 0 && l.same;
}

int audit_replay(struct audit *a, const uint8_t *bytes, size_t n)
{
    struct record r;
    uint8_t frame[RECORD_FRAME];
    int rc = 0;

    if (n > RECORD_MAX || record_decode(bytes, n, &r) < 0 || r.number > a->next)
        return -1;
    if (r.number < a->segments[0].first || (r.number < a->next && is_there(a, r.number, bytes, n)))
        return 0;
    if (r.number < a->next && (rc = -1, rewind_to(a, r.number - 1) < 0))
        return -1;
    record_frame((uint32_t)n, frame);
    put_raw(&a->pending, frame, sizeof frame);
    put_raw(&a->pending, bytes, n);
    if (a->pending.failed)
        fatal("out of memory");
    a->next++;
    (void)audit_write_pending(a);        /* on a full disk it waits */
    return rc;
}

/* ---- on disk -------------------------------------------------------------------------------- */

int audit_sync(struct audit *a, struct audit_mark *out)
{
    struct audit_mark mark = {.seq = a->tree.size};
    struct checkpoint at;
    size_t n;

    if (fdatasync(a->file) < 0)
        return -errno;
    merkle_root(&a->tree, &mark.root);
    const char *note = audit_checkpoint(a, &at, &n);
    if (note)
        (void)file_replace(a->dir, LEDGER_CHECKPOINT, note, n, false);
    *out = mark;
    return 0;
}
