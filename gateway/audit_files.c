/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log's files: bytes in and out, the list of its segments, its hashes. */
#include "gateway/audit_parts.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

int file_put(int fd, uint64_t offset, const void *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t w = pwrite(fd, (const uint8_t *)p + done, n - done, (off_t)(offset + done));
        if (w < 0 && errno != EINTR)
            return -errno;
        done += w > 0 ? (size_t)w : 0;
    }
    return 0;
}

int file_get(int fd, uint64_t offset, void *p, size_t n)
{
    size_t done = 0;

    while (done < n) {
        ssize_t r = pread(fd, (uint8_t *)p + done, n - done, (off_t)(offset + done));
        if (r == 0)
            return -EIO;
        if (r < 0 && errno != EINTR)
            return -errno;
        done += r > 0 ? (size_t)r : 0;
    }
    return 0;
}

int file_replace(int dir, const char *name, const void *p, size_t n, bool durable)
{
    char new[64];

    snprintf(new, sizeof new, "%s.new", name);
    int fd = openat(dir, new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return -errno;
    int rc = file_put(fd, 0, p, n);
    if (rc == 0 && durable && fdatasync(fd) < 0)
        rc = -errno;
    close(fd);
    if (rc == 0 && renameat(dir, new, dir, name) < 0)
        rc = -errno;
    if (rc == 0 && durable && fsync(dir) < 0)
        rc = -errno;
    return rc;
}

/* ---- segments ------------------------------------------------------------------------------- */

int segment_open(const struct audit *a, uint64_t first, int flags)
{
    char name[LEDGER_NAME_SIZE];
    int fd = openat(a->dir, ledger_segment_name(first, name), flags | O_CLOEXEC | O_NOFOLLOW, 0600);

    return fd < 0 ? -errno : fd;
}

int segments_add(struct audit *a, uint64_t first, int64_t time_us)
{
    struct segment *v = reallocarray(a->segments, a->n_segments + 1, sizeof *v);

    if (!v)
        return -ENOMEM;
    a->segments = v;
    v[a->n_segments++] = (struct segment){first, time_us};
    return 0;
}

static int by_number(const void *x, const void *y)
{
    uint64_t a = ((const struct segment *)x)->first, b = ((const struct segment *)y)->first;

    return a < b ? -1 : a > b;
}

/* When its first record was written; 0 when there is none. */
static int64_t segment_time(const struct audit *a, uint64_t first)
{
    uint8_t *buf = malloc(RECORD_MAX);
    int fd = segment_open(a, first, O_RDONLY);
    struct record r;
    struct stat st;
    int64_t time = 0;

    if (fd >= 0 && buf && fstat(fd, &st) == 0) {
        long n = record_at(fd, 0, (uint64_t)st.st_size, buf);
        if (n > 0 && record_decode(buf, (size_t)n, &r) == 0)
            time = r.time_us;
    }
    if (fd >= 0)
        close(fd);
    free(buf);
    return time;
}

int segments_list(struct audit *a)
{
    int rc = 0, fd = openat(a->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *d = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *one;

    if (!d && fd >= 0)
        close(fd);
    if (!d)
        return -errno;
    while (rc == 0 && (one = readdir(d)) != NULL) {
        uint64_t first = ledger_segment_first(one->d_name);
        if (first > 0)
            rc = segments_add(a, first, segment_time(a, first));
    }
    closedir(d);
    if (a->n_segments > 1)
        qsort(a->segments, a->n_segments, sizeof *a->segments, by_number);
    return rc;
}

long record_at(int fd, uint64_t offset, uint64_t end, uint8_t *buf)
{
    uint8_t frame[RECORD_FRAME];

    if (offset >= end)
        return 0;
    if (end - offset < RECORD_FRAME || file_get(fd, offset, frame, sizeof frame) < 0)
        return -1;
    uint32_t n = record_length(frame);
    if (n == 0 || n > RECORD_MAX || n > end - offset - RECORD_FRAME ||
        file_get(fd, offset + RECORD_FRAME, buf, n) < 0)
        return -1;
    return (long)n;
}

int hashes_read(void *arg, uint64_t position, struct merkle_hash *out)
{
    const struct audit *a = arg;

    return file_get(a->hashes, position * MERKLE_HASH, out->b, MERKLE_HASH) < 0 ? -1 : 0;
}

/* ---- space ---------------------------------------------------------------------------------- */

int audit_space(const struct audit *a, uint64_t *available, uint64_t *whole)
{
    struct statfs s;

    if (fstatfs(a->dir, &s) < 0)
        return -errno;
    *available = (uint64_t)s.f_bavail * (uint64_t)s.f_bsize;
    *whole = (uint64_t)s.f_blocks * (uint64_t)s.f_bsize;
    return 0;
}
