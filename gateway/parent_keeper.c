/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The parent's side of the keeper: leaving the table with one, and taking it from one. */
#include "gateway/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/log.h"

#define SOCKET_NAME "keeper.sock"
#define TAKE_WAIT_S 2

/* Through the descriptor: however long the state directory's path is, it fits. */
static struct sockaddr_un keeper_address(const struct parent *p)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "/proc/self/fd/%d/" SOCKET_NAME, p->state_dir);
    return at;
}

/* ---- taking -----------------------------------------------------------------------------------
 */

static int receive_table(int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    char byte;
    int table = -1;
    struct iovec iov = {&byte, 1};
    struct msghdr msg = {.msg_iov = &iov,
                         .msg_iovlen = 1,
                         .msg_control = &control,
                         .msg_controllen = sizeof control};
    const struct timeval limit = {.tv_sec = TAKE_WAIT_S};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) < 0 ||
        recvmsg(fd, &msg, MSG_CMSG_CLOEXEC) != 1)
        return -1;
    struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
    if (cm && cm->cmsg_level == SOL_SOCKET && cm->cmsg_type == SCM_RIGHTS &&
        cm->cmsg_len == CMSG_LEN(sizeof table))
        memcpy(&table, CMSG_DATA(cm), sizeof table);
    return table;
}

int keeper_take(struct parent *p)
{
    struct sockaddr_un at = keeper_address(p);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int table = connect(fd, (struct sockaddr *)&at, sizeof at) == 0 ? receive_table(fd) : -1;
    if (table < 0) {
        close(fd);
        return -1;
    }
    p->keeper = fd;
    log_info("took over the rules that are in force");
    return table;
}

void keeper_dismiss(struct parent *p)
{
    if (p->keeper < 0)
        return;
    (void)!write(p->keeper, "d", 1);
    close(p->keeper);
    p->keeper = -1;
    (void)unlinkat(p->state_dir, SOCKET_NAME, 0);
}

/* ---- leaving -------------------------------------------------------------------------- */

static int listen_for_next(struct parent *p)
{
    struct sockaddr_un at = keeper_address(p);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    (void)unlinkat(p->state_dir, SOCKET_NAME, 0);
    mode_t before = umask(0177);
    int rc = bind(fd, (struct sockaddr *)&at, sizeof at);
    umask(before);
    if (rc == 0 && listen(fd, 4) == 0)
        return fd;
    close(fd);
    return -1;
}

void keeper_leave(struct parent *p)
{
    char life[24];
    int64_t left = wish_last_end(&p->wish) - clock_boot_ms();
    if (!p->nft || left <= 0 || p->keeper >= 0)
        return;
    int fd = listen_for_next(p);
    snprintf(life, sizeof life, "%lld", (long long)left);
    struct spawn s = {.name = "keeper",
                      .argument = life,
                      .uid = p->ids[ROLE_CAPTURE].uid,
                      .gid = p->ids[ROLE_CAPTURE].gid,
                      .fds = {nft_fd(p->nft), fd, -1, -1, -1},
                      .detached = true};
    if (fd < 0 || spawn_role(p, &s) < 0)
        log_warn("cannot leave a keeper: leases end now: %s", strerror(errno));
    else
        log_info("leases stay in force until they end, at most %lld s", (long long)left / 1000);
    if (fd >= 0)
        close(fd);
}
