/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Opening a log after whatever happened. What is behind the mark was perhaps never on disk: the
 * outbox has it, so that it may be cut. What is before the mark is kept as it is, damaged or not,
 * and the tree goes on from the hashes that were signed.
 */
#include "gateway/audit_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/log.h"

struct opening {
    const struct audit_mark *from;
    uint64_t hashes;             /* leaves whose hashes are there */
    uint8_t *buf;                /* RECORD_MAX */
    const char *damage;          /* the first; NULL = none */
};

static void damaged(struct opening *o, const char *what)
{
    if (!o->damage)
        o->damage = what;
}

/* ---- hashes --------------------------------------------------------------------------------- */

static uint64_t file_size(int fd)
{
    struct stat st;

    return fstat(fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

/* How many hashes are there. They are not synced with each record, which makes them anew; after a
 * power cut the file may have its length and zeros at its end, and no hash is zero. */
static uint64_t hashes_there(struct audit *a)
{
    uint64_t n = file_size(a->hashes) / MERKLE_HASH;
    struct merkle_hash h;

    while (n > 0 && hashes_read(a, n - 1, &h) == 0 &&
           sodium_is_zero(h.b, sizeof h.b))
        n--;
    return n;
}

/* The largest tree of which all hashes are there. */
static uint64_t leaves_of(uint64_t hashes)
{
    uint64_t n = hashes / 2;

    while (merkle_stored(n + 1) <= hashes)
        n++;
    return n;
}

/* A record that was read: into the tree. Before the mark the stored hash counts, which was signed;
 * behind it, and where there is none, the record's. */
static int take(struct audit *a, struct opening *o, const uint8_t *p, size_t n)
{
    uint64_t at = merkle_stored(a->tree.size);
    struct merkle_hash leaf, stored, made[MERKLE_LEVELS];
    struct merkle_tree grown = a->tree;
    bool old = a->tree.size < o->from->seq && a->tree.size < o->hashes;

    merkle_leaf(p, n, &leaf);
    if (old && hashes_read(a, at, &stored) == 0 && !merkle_same(&stored, &leaf)) {
        damaged(o, "a record is not the one that was signed");
        leaf = stored;
    }
    size_t more = merkle_append(&grown, &leaf, made) * sizeof *made;
    int rc = old ? 0 : file_put(a->hashes, at * MERKLE_HASH, made, more);
    if (rc == 0)
        a->tree = grown;
    return rc;
}

/* ---- records -------------------------------------------------------------------------------- */

/* The records of one segment, as far as they follow; a->size is where that ends. On a full disk
 * that is where their hashes have no room: the outbox has what is behind. */
static int take_segment(struct audit *a, struct opening *o)
{
    uint64_t end = file_size(a->file);
    struct record r;
    long n;
    int rc = 0;

    for (a->size = 0; rc == 0 && (n = record_at(a->file, a->size, end, o->buf)) > 0;) {
        if (record_decode(o->buf, (size_t)n, &r) < 0 || r.number != a->tree.size + 1)
            break;
        rc = take(a, o, o->buf, (size_t)n);
        a->size += rc == 0 ? (uint64_t)n + RECORD_FRAME : 0;
    }
    return rc == -ENOSPC ? 0 : rc;
}

static int use_segment(struct audit *a, size_t i)
{
    if (a->file >= 0)
        close(a->file);
    a->file = segment_open(a, a->segments[i].first, O_RDWR | O_CREAT);
    return a->file < 0 ? a->file : 0;
}

/* From the last segment on whose beginning the hashes know. */
static int take_records(struct audit *a, struct opening *o)
{
    size_t i = a->n_segments - 1;
    int rc = 0;

    while (i > 0 && a->segments[i].first > o->hashes + 1)
        i--;
    if (merkle_load(&a->tree, a->segments[i].first - 1, hashes_read, a) < 0) {
        damaged(o, "hashes are missing");
        a->tree.size = 0;
    }
    for (; i < a->n_segments && rc == 0; i++) {
        rc = use_segment(a, i);
        if (rc == 0 && a->segments[i].first == a->tree.size + 1) {
            rc = take_segment(a, o);
        } else if (rc == 0) {
            damaged(o, "records are missing");
            a->size = file_size(a->file);
        }
    }
    return rc;
}

/* ---- the end -------------------------------------------------------------------------------- */

int segment_turn(struct audit *a)
{
    if (fdatasync(a->hashes) < 0 || fdatasync(a->file) < 0)
        return -errno;
    if (read_back(a) < 0)
        return -EIO;
    int fd = segment_open(a, a->tree.size + 1, O_RDWR | O_CREAT | O_TRUNC);
    if (fd < 0)
        return fd;
    if (fsync(a->dir) < 0 || segments_add(a, a->tree.size + 1, 0) < 0) {
        close(fd);
        return -EIO;
    }
    close(a->file);
    a->file = fd;
    a->size = a->back.offset = 0;
    return 0;
}

/* What was promised is not there: the tree of what was signed goes on in a file of its own. */
static int go_on_behind(struct audit *a, struct opening *o)
{
    uint64_t size = o->hashes < o->from->seq ? o->hashes : o->from->seq;

    damaged(o, "it is shorter than it was");
    if (merkle_load(&a->tree, size, hashes_read, a) < 0)
        return -EIO;
    int fd = segment_open(a, size + 1, O_RDWR | O_CREAT);
    if (fd < 0)
        return fd;
    close(a->file);
    a->file = fd;
    a->size = file_size(fd);
    return a->segments[a->n_segments - 1].first == size + 1 ? 0 : segments_add(a, size + 1, 0);
}

static int cut_tail(struct audit *a, uint64_t *cut)
{
    uint64_t size = file_size(a->file), hashes = merkle_stored(a->tree.size) * MERKLE_HASH;

    *cut = size > a->size ? size - a->size : 0;
    if (*cut > 0 && ftruncate(a->file, (off_t)a->size) < 0)
        return -errno;
    if (file_size(a->hashes) > hashes && ftruncate(a->hashes, (off_t)hashes) < 0)
        return -errno;
    return 0;
}

static int settle(struct audit *a, struct opening *o, uint64_t *cut)
{
    struct merkle_hash root;
    int rc;

    if (a->tree.size < o->from->seq)
        rc = go_on_behind(a, o);
    else
        rc = cut_tail(a, cut);
    if (rc == 0 && o->from->seq > 0 &&
        (audit_root_at(a, o->from->seq, &root) < 0 || !merkle_same(&root, &o->from->root)))
        damaged(o, "its hashes are not those of before");
    return rc;
}

/* ---- back ----------------------------------------------------------------------------------- */

/* Where record number stands in the last segment. */
static int64_t offset_of(const struct audit *a, uint64_t number)
{
    uint64_t end = file_size(a->file), at = 0;
    uint8_t *buf = malloc(RECORD_MAX);
    long n = 1;

    if (!buf)
        fatal("out of memory");
    for (uint64_t i = a->segments[a->n_segments - 1].first; i < number && n > 0; i++) {
        n = record_at(a->file, at, end, buf);
        at += n > 0 ? (uint64_t)n + RECORD_FRAME : 0;
    }
    free(buf);
    return n > 0 ? (int64_t)at : -EIO;
}

int rewind_to(struct audit *a, uint64_t size)
{
    char name[LEDGER_NAME_SIZE];
    uint64_t cut;
    int rc = 0;

    while (rc == 0 && a->n_segments > 1 && a->segments[a->n_segments - 1].first > size + 1) {
        if (unlinkat(a->dir, ledger_segment_name(a->segments[--a->n_segments].first, name), 0) < 0)
            return -errno;
        rc = use_segment(a, a->n_segments - 1);
    }
    int64_t at = rc < 0 ? rc : offset_of(a, size + 1);
    if (at < 0 || merkle_load(&a->tree, size, hashes_read, a) < 0)
        return -EIO;
    a->size = a->back.offset = (uint64_t)at;
    a->back.tree = a->tree;
    a->next = a->kept_next = size + 1;
    a->note_n = 0;
    return cut_tail(a, &cut);
}

/* ---- all of it ------------------------------------------------------------------------------ */

static struct audit *make(const char *name)
{
    struct audit *a = calloc(1, sizeof *a);

    if (!a)
        fatal("out of memory");
    snprintf(a->name, sizeof a->name, "%s", name);
    a->base = a->dir = a->hashes = a->file = -1;
    writer_init(&a->pending, PENDING_MAX);
    return a;
}

static int open_dir(struct audit *a, int dir)
{
    a->base = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (a->base < 0 || (mkdirat(dir, a->name, 0700) < 0 && errno != EEXIST))
        return -errno;
    a->dir = openat(dir, a->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    a->hashes = a->dir < 0 ? -1
              : openat(a->dir, LEDGER_HASHES, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    return a->hashes < 0 ? -errno : 0;
}

int audit_open(struct audit **out, int dir, const char *name, const char *origin,
               const struct audit_mark *from, uint64_t *cut, char why[160])
{
    struct opening o = {.from = from, .buf = malloc(RECORD_MAX)};
    struct audit *a = make(name);

    *cut = 0;
    int rc = o.buf ? open_dir(a, dir) : -ENOMEM;
    if (rc == 0)
        rc = segments_list(a);
    int key = rc < 0 ? -1 : key_open(a, origin, why);
    if (rc == 0 && a->n_segments == 0)
        rc = segments_add(a, 1, 0);
    o.hashes = rc < 0 ? 0 : leaves_of(hashes_there(a));
    if (rc == 0)
        rc = take_records(a, &o);
    if (rc == 0)
        rc = settle(a, &o, cut);
    if (rc == 0 && a->tree.size == 0 && (fsync(a->dir) < 0 || fsync(a->base) < 0))
        rc = -errno;         /* its files are new: their names, too, must be on disk */
    if (rc < 0)
        fatal("the log '%s' cannot be opened: %s", name, strerror(-rc));
    free(o.buf);
    a->next = a->kept_next = a->tree.size + 1;
    a->back.tree = a->tree;
    a->back.offset = a->size;
    if (o.damage)
        snprintf(why, 160, "%s", o.damage);
    *out = a;
    return o.damage || key < 0 ? -1 : 0;
}

void audit_close(struct audit *a)
{
    if (!a)
        return;
    const int fds[] = {a->base, a->dir, a->hashes, a->file};
    for (size_t i = 0; i < sizeof fds / sizeof *fds; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    key_close(a);
    writer_clear(&a->pending);
    writer_clear(&a->record);
    free(a->segments);
    free(a);
}
