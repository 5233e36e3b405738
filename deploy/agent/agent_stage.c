/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Drafts beside their names, then renamed. */
#include "deploy/agent/agent_stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WHY 160

static int because(char why[WHY], const char *what, const char *name)
{
    snprintf(why, WHY, "%s %.90s: %.40s", what, name, strerror(errno));
    return -1;
}

/* A folder in which nobody else can put a link in our way. */
static int folder_open(const char *path, char why[WHY])
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0)
        return because(why, "cannot open the folder", path);
    if (fstat(fd, &st) == 0 && st.st_uid == geteuid() && (st.st_mode & 022) == 0)
        return fd;
    snprintf(why, WHY, "others may write in %.90s: it must be yours alone", path);
    close(fd);
    return -1;
}

/* Nothing, or a plain file, stands under the name. */
static bool name_free(int folder, const char *name)
{
    struct stat st;

    return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ? errno == ENOENT
                                                                : S_ISREG(st.st_mode);
}

/* A draft of an earlier run that was killed gives way. */
static int draft_open(int folder, const char *draft)
{
    int flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        fd = openat(folder, draft, flags, 0600);

    if (fd < 0 && errno == EEXIST && unlinkat(folder, draft, 0) == 0)
        fd = openat(folder, draft, flags, 0600);
    return fd;
}

int agent_stage_add(struct agent_stage *s, const char *folder, const char *name, size_t size,
                    char why[WHY])
{
    struct agent_staged *f = &s->file[s->n];
    int rc;

    if (s->n == AGENT_STAGE_FILES ||
        snprintf(f->name, sizeof f->name, "%s", name) >= (int)sizeof f->name ||
        snprintf(f->draft, sizeof f->draft, ".%.200s.new", name) >= (int)sizeof f->draft) {
        snprintf(why, WHY, "the name %.60s is too long", name);
        return -1;
    }
    f->folder = folder_open(folder, why);
    if (f->folder < 0)
        return -1;
    f->fd = -1;
    s->n++;
    if (!name_free(f->folder, name)) {
        snprintf(why, WHY, "%.80s/%.40s is a link or no plain file", folder, name);
        return -1;
    }
    f->fd = draft_open(f->folder, f->draft);
    if (f->fd < 0)
        return because(why, "cannot write in", folder);
    rc = posix_fallocate(f->fd, 0, (off_t)size);
    errno = rc;
    return rc == 0 ? 0 : because(why, "no room in", folder);
}

static int write_all(int fd, const char *text, size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(fd, text + done, len - done, (off_t)done);

        if (n < 0 && errno != EINTR)
            return -1;
        done += n > 0 ? (size_t)n : 0;
    }
    return ftruncate(fd, (off_t)len) == 0 ? fsync(fd) : -1;
}

int agent_stage_put(struct agent_stage *s, size_t i, const char *text, size_t len, char why[WHY])
{
    struct agent_staged *f = &s->file[i];

    return write_all(f->fd, text, len) == 0 ? 0 : because(why, "cannot write", f->name);
}

int agent_stage_commit(struct agent_stage *s, char why[WHY])
{
    for (size_t i = 0; i < s->n; i++) {
        struct agent_staged *f = &s->file[i];

        if (renameat(f->folder, f->draft, f->folder, f->name) != 0 || fsync(f->folder) != 0)
            return because(why, "cannot put in place", f->name);
    }
    return 0;
}

void agent_stage_drop(struct agent_stage *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct agent_staged *f = &s->file[i];

        if (f->fd >= 0) {
            unlinkat(f->folder, f->draft, 0);
            close(f->fd);
        }
        close(f->folder);
    }
    s->n = 0;
}
