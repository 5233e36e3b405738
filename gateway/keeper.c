/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between an orderly stop and the next start: holds the socket that owns the table, so that leases
 * stay until the kernel ends them, and hands it to the next daemon. It has no capability and could
 * change nothing through that socket; it ends itself with the last lease.
 */
#include "gateway/role.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/log.h"

#define FD_TABLE FD_PARENT

static bool from_root(int fd)
{
    struct ucred peer;
    socklen_t len = sizeof peer;
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 && peer.uid == 0;
}

static int send_table(int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    char byte = 'k';
    const int table = FD_TABLE;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
    *cm = (struct cmsghdr){CMSG_LEN(sizeof table), SOL_SOCKET, SCM_RIGHTS};
    memcpy(CMSG_DATA(cm), &table, sizeof table);
    return sendmsg(fd, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

/* Waits for events on fd until the end: false when that has come. */
static bool wait_on(int fd, int64_t end_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    for (;;) {
        int64_t left = end_ms - clock_boot_ms();
        if (left <= 0)
            return false;
        int rc = poll(&p, 1, left < 60000 ? (int)left : 60000);
        if (rc > 0)
            return true;
        if (rc < 0 && errno != EINTR)
            fatal("cannot wait: %s", strerror(errno));
    }
}

/* True when the next daemon says that it has filled the table: our copy is no longer needed. */
static bool hand_over(int fd, int64_t end_ms)
{
    char byte;
    return from_root(fd) && send_table(fd) == 0 && wait_on(fd, end_ms) && read(fd, &byte, 1) == 1;
}

int keeper_main(int64_t life_ms)
{
    int64_t now = clock_boot_ms();
    int64_t end = life_ms < INT64_MAX - now ? now + life_ms : INT64_MAX;
    sandbox_enter_keeper();
    while (wait_on(FD_LISTEN, end)) {
        int fd = accept4(FD_LISTEN, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            continue;
        bool done = hand_over(fd, end);
        close(fd);
        if (done)
            return 0;
    }
    return 0;
}
