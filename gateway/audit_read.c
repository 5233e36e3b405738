/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a log: record by record, as a stranger who checks it, and what has become too old. */
#include "gateway/audit_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/log.h"

#define WINDOW (RECORD_MAX + RECORD_FRAME)

/* ---- records -------------------------------------------------------------------------------- */

struct walk {
    struct audit *a;
    uint64_t after;
    bool (*each)(void *arg, const struct record *r, const uint8_t *bytes, size_t n);
    void *arg;
    uint8_t *buf;                /* WINDOW */
    uint64_t number;             /* of the record to come */
    bool stopped;
};

/* The records in n bytes that are whole; how many bytes those are, or -1. */
static long give(struct walk *w, const uint8_t *p, size_t n)
{
    size_t at = 0;
    struct record r;

    while (n - at >= RECORD_FRAME && !w->stopped) {
        uint32_t len = record_length(p + at);
        if (len > RECORD_MAX)
            return -1;
        if (n - at - RECORD_FRAME < len)
            break;
        if (w->number > w->after) {
            if (record_decode(p + at + RECORD_FRAME, len, &r) < 0 || r.number != w->number)
                return -1;
            w->stopped = !w->each(w->arg, &r, p + at + RECORD_FRAME, len);
        }
        w->number++;
        at += RECORD_FRAME + len;
    }
    return (long)at;
}

static uint64_t segment_end(const struct audit *a, size_t i, int fd)
{
    struct stat st;

    if (i + 1 == a->n_segments)
        return a->size;
    return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

static int walk_segment(struct walk *w, size_t i)
{
    int fd = segment_open(w->a, w->a->segments[i].first, O_RDONLY);
    uint64_t end = fd < 0 ? 0 : segment_end(w->a, i, fd), at = 0;
    /* Most reads want little, the window is for the largest record. */
    size_t step = 65536;
    long taken = 1;

    w->number = w->a->segments[i].first;
    while (at < end && !w->stopped && taken >= 0) {
        size_t n = end - at < step ? (size_t)(end - at) : step;
        taken = file_get(fd, at, w->buf, n) < 0 ? -1 : give(w, w->buf, n);
        if (taken == 0 && step == WINDOW)
            taken = -1;
        step = taken == 0 ? WINDOW : 65536;
        at += taken > 0 ? (uint64_t)taken : 0;
    }
    if (fd >= 0)
        close(fd);
    return fd < 0 || taken < 0 ? -1 : 0;
}

int audit_read(struct audit *a, uint64_t after,
               bool (*each)(void *arg, const struct record *r, const uint8_t *bytes, size_t n),
               void *arg)
{
    struct walk w = {.a = a, .after = after, .each = each, .arg = arg, .buf = malloc(WINDOW)};
    int rc = 0;

    if (!w.buf)
        fatal("out of memory");
    for (size_t i = 0; i < a->n_segments && !w.stopped && rc == 0; i++)
        if (i + 1 == a->n_segments || a->segments[i + 1].first > after + 1)
            rc = walk_segment(&w, i);
    free(w.buf);
    return rc;
}

/* ---- checking all of it --------------------------------------------------------------------- */

static long read_file(void *arg, const char *file, uint64_t offset, void *out, size_t n)
{
    const struct audit *a = arg;
    int fd = openat(a->dir, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    size_t done = 0;
    ssize_t r = fd < 0 ? -1 : 1;

    while (r > 0 && done < n) {
        r = pread(fd, (uint8_t *)out + done, n - done, (off_t)(offset + done));
        if (r < 0 && errno == EINTR)
            r = 1;
        else if (r > 0)
            done += (size_t)r;
    }
    if (fd >= 0)
        close(fd);
    return r < 0 ? -1 : (long)done;
}

static uint64_t next_segment(void *arg, uint64_t after)
{
    const struct audit *a = arg;

    for (size_t i = 0; i < a->n_segments; i++)
        if (a->segments[i].first > after)
            return a->segments[i].first;
    return 0;
}

size_t audit_files(const struct audit *a) { return a->n_segments; }

bool audit_verify(struct audit *a, uint64_t *records, char text[400])
{
    struct ledger_files files = {a, read_file, next_segment};
    struct ledger_report r;
    struct checkpoint at;
    size_t n;
    const char *note = audit_checkpoint(a, &at, &n);

    *records = 0;
    if (!note || file_replace(a->dir, LEDGER_CHECKPOINT, note, n, false) < 0) {
        snprintf(text, 400, a->has_key ? "what is in the files is not what was written"
                                       : "the log has no key and is not signed");
        return false;
    }
    (void)ledger_verify(&files, audit_origin(a), NULL, NULL, &r);
    *records = r.records;
    memcpy(text, r.text, sizeof r.text);
    return r.sound;
}

/* ---- what is too old ------------------------------------------------------------------------ */

/* A record is older than the first one of the next segment. */
uint64_t audit_old(const struct audit *a, int64_t before_us)
{
    uint64_t through = 0;

    for (size_t i = 0; i + 1 < a->n_segments && a->segments[i + 1].time_us > 0 &&
                       a->segments[i + 1].time_us < before_us; i++)
        through = a->segments[i + 1].first - 1;
    return through;
}

void audit_remove(struct audit *a, uint64_t through)
{
    char name[LEDGER_NAME_SIZE];
    size_t n = 0;

    while (n + 1 < a->n_segments && a->segments[n + 1].first <= through + 1 &&
           unlinkat(a->dir, ledger_segment_name(a->segments[n].first, name), 0) == 0)
        n++;
    a->n_segments -= n;
    memmove(a->segments, a->segments + n, a->n_segments * sizeof *a->segments);
}
