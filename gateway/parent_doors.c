/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The listening sockets, bound once and handed to each new process of their role: who connects
 * while it is being restarted waits in the queue.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "gateway/log.h"
#include "gateway/socket_address.h"

#define BACKLOG 256

/* ---- TCP -------------------------------------------------------------------------------- */

/* The filter comes before the socket listens, and cannot be taken off by who gets the socket. */
static bool filter(int fd, uint8_t family, const struct ip_prefix *from, uint32_t n)
{
    struct sock_filter code[SOURCE_FILTER_MAX];
    struct sock_fprog program = {.filter = code};
    const int on = 1;

    if (n == 0)
        return true;
    program.len = (unsigned short)source_filter(family, from, n, code);
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) == 0;
}

/* Bound to the interface as well: a packet for this address from elsewhere finds no listener. */
int door_listen(const char *iface, const struct ip_addr *a, uint16_t port,
                const struct ip_prefix *from, uint32_t n_from)
{
    struct sockaddr_storage address;
    socklen_t len = socket_address(a, port, &address);
    const int on = 1;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (filter(fd, a->family, from, n_from) &&
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) == 0 &&
        (a->family == 4 || setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) == 0) &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, iface, (socklen_t)strlen(iface)) == 0 &&
        bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int rc = -errno;
    close(fd);
    return rc;
}

/* ---- the portal's, on the tunnel addresses -------------------------------------------- */

static int open_portal(struct parent *p)
{
    const struct tunnel *t = &p->tunnel;
    p->listen4 = door_listen(t->iface, &t->net4.addr, t->portal_port, NULL, 0);
    if (p->listen4 >= 0 && t->net6.addr.family == 6)
        p->listen6 = door_listen(t->iface, &t->net6.addr, t->portal_port, NULL, 0);
    if (p->listen4 >= 0 && (p->listen6 >= 0 || t->net6.addr.family == 0))
        return 0;
    log_warn("cannot listen on port %u of the tunnel address: %s", t->portal_port,
             strerror(p->listen4 < 0 ? -p->listen4 : -p->listen6));
    return -1;
}

/* ---- the control socket ------------------------------------------------------------------------
 */

static int set_path(const char *path, struct sockaddr_un *out)
{
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof out->sun_path)
        return -1;
    memcpy(out->sun_path, path, strlen(path));
    return 0;
}

/* Does anybody answer there? */
static bool answered(const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool yes =
        fd >= 0 && (connect(fd, (const struct sockaddr *)at, sizeof *at) == 0 || errno == EAGAIN);
    if (fd >= 0)
        close(fd);
    return yes;
}

static int make_parent_dir(const char *path)
{
    char dir[sizeof((struct sockaddr_un *)0)->sun_path];
    const char *slash = strrchr(path, '/');
    if (!slash || slash == path)
        return 0;
    memcpy(dir, path, (size_t)(slash - path));
    dir[slash - path] = '\0';
    return mkdir(dir, 0755) < 0 && errno != EEXIST ? -1 : 0;
}

static int remove_stale(const char *path, const struct sockaddr_un *at)
{
    struct stat st;
    if (lstat(path, &st) < 0)
        return errno == ENOENT ? 0 : -1;
    if (!S_ISSOCK(st.st_mode) || answered(at)) {
        errno = EADDRINUSE;
        return -1;
    }
    return unlink(path);
}

/* Closed to everybody until owner and mode are right. */
static int bind_control(struct parent *p, const struct sockaddr_un *at)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0777);
    int rc = fd >= 0 ? bind(fd, (const struct sockaddr *)at, sizeof *at) : -1;
    umask(before);
    if (rc == 0 && chown(at->sun_path, 0, p->admin_gid) == 0 && chmod(at->sun_path, 0660) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}

static int open_control(struct parent *p)
{
    struct sockaddr_un at;
    if (set_path(p->opt.control, &at) < 0) {
        log_warn("the control socket's path %s is too long", p->opt.control);
        return -1;
    }
    if (make_parent_dir(p->opt.control) == 0 && remove_stale(p->opt.control, &at) == 0)
        p->control = bind_control(p, &at);
    if (p->control >= 0)
        return 0;
    log_warn("cannot make the control socket %s: %s", p->opt.control, strerror(errno));
    return -1;
}

static void close_one(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int doors_open(struct parent *p)
{
    if (p->control >= 0)
        return 0; /* open since an earlier engine */
    return open_portal(p) < 0 || open_control(p) < 0 ? -1 : 0;
}

int doors_portal_again(struct parent *p)
{
    if (p->control < 0)
        return 0;
    close_one(&p->listen4);
    close_one(&p->listen6);
    return open_portal(p) < 0 || door_again(p, ROLE_PORTAL) < 0 ? -1 : 0;
}

void doors_close(struct parent *p)
{
    int *all[] = {&p->listen4, &p->listen6, &p->control};
    if (p->control >= 0)
        (void)unlink(p->opt.control);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        close_one(all[i]);
    for (size_t r = 0; r < ROLES; r++) {
        close_one(&p->doors[r].fd[0]);
        close_one(&p->doors[r].fd[1]);
    }
}
