/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading a log's files. */
#include "admin/cli/ledger_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TRIES 7
#define PAUSE_MS 300

struct dir { int fd, file; char open[LEDGER_NAME_SIZE]; };   /* the file read last stays open */

static long read_file(void *arg, const char *file, uint64_t offset, void *out, size_t n)
{
    struct dir *d = arg;
    size_t done = 0;
    ssize_t r = 1;

    if (strcmp(d->open, file) != 0) {
        if (d->file >= 0)
            close(d->file);
        d->file = openat(d->fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
        snprintf(d->open, sizeof d->open, "%s", d->file < 0 ? "" : file);
    }
    while (d->file >= 0 && r > 0 && done < n) {
        r = pread(d->file, (uint8_t *)out + done, n - done, (off_t)(offset + done));
        done += r > 0 ? (size_t)r : 0;
    }
    return d->file < 0 || r < 0 ? -1 : (long)done;
}

static uint64_t next_segment(void *arg, uint64_t after)
{
    struct dir *d = arg;
    int fd = openat(d->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd < 0 ? NULL : fdopendir(fd);
    const struct dirent *one;
    uint64_t next = 0;

    while (list && (one = readdir(list)) != NULL) {
        uint64_t first = ledger_segment_first(one->d_name);
        if (first > after && (next == 0 || first < next))
            next = first;
    }
    if (list)
        closedir(list);
    else if (fd >= 0)
        close(fd);
    return next;
}

bool ledger_dir_verify(const char *path, const struct note_key *origin,
                       const struct checkpoint *known, struct ledger_report *out, int *err)
{
    struct dir d = {.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    struct ledger_files files = {&d, read_file, next_segment};

    memset(out, 0, sizeof *out);
    *err = d.fd < 0 ? errno : 0;
    if (d.fd < 0)
        return false;
    for (int i = 0; i < TRIES; i++) {
        const struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000L};
        if (i > 0)
            nanosleep(&pause, NULL);
        d.file = -1;
        d.open[0] = '\0';
        (void)ledger_verify(&files, origin, known, NULL, out);
        if (d.file >= 0)
            close(d.file);
        if (!out->unsigned_tail)
            break;
    }
    close(d.fd);
    return out->sound;
}
