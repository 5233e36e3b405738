/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine needs of the parent for its outlets: a courier, and the files that gateway.conf
 * names. Only files beside gateway.conf are read, only by a plain name, and only with an ending
 * that says what they are for: whoever holds the engine gets no other file by this.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gateway/courier.h"
#include "gateway/log.h"

#define FILE_MAX (64u << 10)

int request_courier(struct parent *p, struct reader *r, struct writer *answer)
{
    (void)answer;
    if (!reader_done(r))
        return MALFORMED;
    p->courier = true;
    return 0;
}

static bool ends_in(const char *name, const char *ending)
{
    size_t n = strlen(name), e = strlen(ending);

    return n > e && strcmp(name + n - e, ending) == 0;
}

static bool name_sound(const char *name)
{
    return name[0] != '.' &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == strlen(name) &&
           (ends_in(name, ".key") || ends_in(name, ".pem"));
}

static int open_beside(const struct parent *p, const char *name)
{
    const char *slash = strrchr(p->opt.config, '/');
    char *dir = slash ? strndup(p->opt.config, (size_t)(slash - p->opt.config) + 1) : strdup(".");

    if (!dir)
        fatal("out of memory");
    int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int how = O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
    int fd = at < 0 ? -1 : openat(at, name, how);
    int rc = fd < 0 ? -errno : fd;
    if (at >= 0)
        close(at);
    free(dir);
    return rc;
}

/* A key is nobody's but root's to read; nothing of it is anybody's but root's to write. */
static int check(int fd, const char *name)
{
    mode_t forbidden = ends_in(name, ".key") ? 077 : 022;
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & forbidden)) {
        log_warn("%s beside gateway.conf must be a file of root, %s", name,
                 forbidden == 077 ? "that nobody else can read (chmod 600)"
                                  : "that nobody else can write");
        return -EPERM;
    }
    return st.st_size > (off_t)FILE_MAX ? -EFBIG : 0;
}

static int read_all(int fd, struct writer *answer)
{
    static uint8_t bytes[FILE_MAX];
    size_t n = 0;
    ssize_t got;

    while (n < sizeof bytes && (got = read(fd, bytes + n, sizeof bytes - n)) != 0) {
        if (got < 0 && errno != EINTR)
            return -errno;
        n += got > 0 ? (size_t)got : 0;
    }
    put_blob(answer, bytes, n);
    explicit_bzero(bytes, sizeof bytes);
    return 0;
}

int request_outlet_file(struct parent *p, struct reader *r, struct writer *answer)
{
    char name[NAME_SIZE];

    get_text(r, name, sizeof name);
    if (!reader_done(r) || !name_sound(name))
        return MALFORMED;
    int fd = open_beside(p, name);
    int rc = fd < 0 ? fd : check(fd, name);
    if (rc == 0)
        rc = read_all(fd, answer);
    if (fd >= 0)
        close(fd);
    return rc;
}
