/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bounded reading, and the one kind of writing: a new file that only its owner reads. */
#include "deploy/agent/agent_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

bool agent_path(const char *root, const char *path, char out[AGENT_PATH])
{
    int n = snprintf(out, AGENT_PATH, "%s%s", root, path);

    return n > 0 && n < AGENT_PATH;
}

/* Up to `room` bytes from fd; -1 on error, room when there may be more. */
static ssize_t read_all(int fd, char *out, size_t room)
{
    size_t used = 0;

    while (used < room) {
        ssize_t n = read(fd, out + used, room - used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return -1;
        if (n == 0)
            break;
        used += (size_t)n;
    }
    return (ssize_t)used;
}

static char *read_fd(int fd, size_t max, size_t *len)
{
    char *text = malloc(max + 2), *fit;
    ssize_t n = text ? read_all(fd, text, max + 1) : -1;

    if (n < 0 || (size_t)n > max) {
        free(text);
        return NULL;
    }
    text[n] = '\0';
    if (len)
        *len = (size_t)n;
    fit = realloc(text, (size_t)n + 1);
    return fit ? fit : text;
}

char *agent_file_read(const char *root, const char *path, size_t max, size_t *len)
{
    char whole[AGENT_PATH], *text;
    int fd;

    if (!agent_path(root, path, whole))
        return NULL;
    fd = open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    text = read_fd(fd, max, len);
    close(fd);
    return text;
}

size_t agent_file_head(const char *root, const char *path, char *out, size_t size)
{
    char whole[AGENT_PATH];
    int fd = agent_path(root, path, whole)
                 ? open(whole, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
                 : -1;
    ssize_t n = fd >= 0 ? read_all(fd, out, size - 1) : 0;

    if (fd >= 0)
        close(fd);
    n = n > 0 ? n : 0;
    out[n] = '\0';
    return (size_t)n;
}

bool agent_file_exists(const char *root, const char *path)
{
    char whole[AGENT_PATH];

    return agent_path(root, path, whole) && access(whole, F_OK) == 0;
}

int64_t agent_file_changed(const char *root, const char *path)
{
    char whole[AGENT_PATH];
    struct stat st;

    if (!agent_path(root, path, whole) || stat(whole, &st) != 0)
        return -1;
    return st.st_mtime;
}

int agent_file_create(const char *path, const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600), saved;

    if (fd < 0)
        return -1;
    if (write(fd, text, len) == (ssize_t)len && fsync(fd) == 0)
        return close(fd);
    saved = errno ? errno : EIO;
    close(fd);
    unlink(path);
    errno = saved;
    return -1;
}
