/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * landlock(7) by its three system calls: libc has no wrappers. The kernel is asked for its ABI and
 * given every right that it knows; constants newer than Debian 12's headers are written out.
 */
#include "gateway/sandbox_parts.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "gateway/log.h"

#define FS_TRUNCATE (1ull << 14)  /* ABI 3, Linux 6.2 */
#define FS_IOCTL_DEV (1ull << 15) /* ABI 5, Linux 6.10 */
#define NET_BIND 1ull             /* TCP: ABI 4, Linux 6.7 */
#define NET_CONNECT 2ull
#define SCOPED_ALL 3ull           /* abstract sockets and signals: ABI 6, Linux 6.12 */

#define FS_FILE_READ LANDLOCK_ACCESS_FS_READ_FILE
#define FS_FILE_WRITE (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define FS_DIR_WRITE                                                                               \
    (LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_DIR |    \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REFER)

struct ruleset_attr {
    uint64_t fs, net, scoped;
};

static uint64_t known_fs(long abi)
{
    uint64_t all = (1ull << 13) - 1;
    if (abi >= 2)
        all |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= 3)
        all |= FS_TRUNCATE;
    return abi >= 5 ? all | FS_IOCTL_DEV : all;
}

static uint64_t wanted(const struct opening *o, bool directory)
{
    uint64_t access = FS_FILE_READ;
    if (o->write)
        access |= FS_FILE_WRITE;
    if (o->execute)
        access |= LANDLOCK_ACCESS_FS_EXECUTE;
    if (directory)
        access |= LANDLOCK_ACCESS_FS_READ_DIR | (o->write ? FS_DIR_WRITE : 0);
    return access;
}

static void allow(int ruleset, const struct opening *o, uint64_t known)
{
    struct stat st;
    int fd = o->path ? open(o->path, O_PATH | O_CLOEXEC) : o->fd;
    if (fd < 0 && errno == ENOENT)
        return;
    if (fd < 0 || fstat(fd, &st) < 0)
        fatal("cannot look at %s for the cage: %s", o->path ? o->path : "a directory",
              strerror(errno));
    struct landlock_path_beneath_attr rule = {
        .allowed_access = wanted(o, S_ISDIR(st.st_mode)) & known, .parent_fd = fd};
    if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0)
        fatal("cannot leave %s open in the cage: %s", o->path ? o->path : "a directory",
              strerror(errno));
    if (o->path)
        close(fd);
}

static uint64_t denied_net(enum reach reach)
{
    return reach == REACH_ALL ? 0 : NET_BIND | (reach == REACH_NOTHING ? NET_CONNECT : 0);
}

#ifndef SANITIZED
void landlock_enter(const struct opening *o, size_t n, enum reach reach)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (abi < 1)
        fatal(
            "the kernel has no landlock: boot with landlock among the security modules (lsm=...)");
    struct ruleset_attr attr = {.fs = known_fs(abi),
                                .net = abi >= 4 ? denied_net(reach) : 0,
                                .scoped = reach != REACH_ALL && abi >= 6 ? SCOPED_ALL : 0};
    size_t size = abi >= 6 ? sizeof attr : abi >= 4 ? 16 : 8;
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, size, 0);
    if (ruleset < 0)
        fatal("cannot make the cage: landlock: %s", strerror(errno));
    for (size_t i = 0; i < n; i++)
        allow(ruleset, &o[i], attr.fs);
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        fatal("cannot close the cage: landlock: %s", strerror(errno));
    close(ruleset);
}
#else
/* The sanitizers' run time reads /proc and loads a symbolizer at any time. */
void landlock_enter(const struct opening *o, size_t n, enum reach reach)
{
    (void)o, (void)n, (void)reach, (void)allow, (void)known_fs, (void)denied_net;
}
#endif
