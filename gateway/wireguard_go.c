/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * wireguard-go, where the kernel has no WireGuard: started, or adopted from an earlier daemon,
 * watched, and started again with all its peers when it dies. It outlives the daemon as a kernel
 * interface would, so that the data plane does not notice a restart.
 */
#include "gateway/parent.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "gateway/log.h"
#include "kernel_rules/link.h"

#define PROGRAM "/usr/bin/wireguard-go"
#define SOCKET_DIR "/var/run/wireguard"
#define STEP_MS 20
#define STEPS_MAX 250 /* 5 s for it to answer */
#define AGAIN_MS 1000

/* ---- is there one? --------------------------------------------------------------------------- */

/* The process that serves the interface's socket, 0 when nobody does. Only root's counts. */
static pid_t served_by(const char *iface)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct ucred peer = {0};
    socklen_t len = sizeof peer;
    snprintf(at.sun_path, sizeof at.sun_path, SOCKET_DIR "/%s.sock", iface);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return 0;
    if (connect(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 || peer.uid != 0)
        peer.pid = 0;
    close(fd);
    return peer.pid;
}

static bool is_tun(const char *iface)
{
    char kind[IFACE_SIZE];
    return link_kind(iface, kind) == 0 && strcmp(kind, "tun") == 0;
}

/* ---- starting -----------------------------------------------------------------------------------
 */

/* Root with CAP_NET_ADMIN alone, no descriptor of ours, nothing in its environment but this. */
static void exec_wireguard_go(const char *iface)
{
    char name[] = "wireguard-go", flag[] = "-f", arg[IFACE_SIZE], level[] = "LOG_LEVEL=silent";
    char *argv[] = {name, flag, arg, NULL}, *env[] = {level, NULL};
    sigset_t none;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    snprintf(arg, sizeof arg, "%s", iface);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    capng_clear(CAPNG_SELECT_BOTH);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0 || dup2(null, 2) < 0 || setsid() < 0 ||
        close_range(3, ~0u, 0) < 0 ||
        capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET,
                      CAP_NET_ADMIN, -1) < 0 ||
        capng_apply(CAPNG_SELECT_BOTH) < 0)
        return;
    execve(PROGRAM, argv, env);
}

static void died(void *arg, uint32_t events);

static int watch_process(struct parent *p, pid_t pid)
{
    int fd = pidfd_open(pid, 0);
    if (fd < 0)
        return -errno;
    p->wgo.pid = pid;
    p->wgo.pidfd = fd;
    loop_watch(p->loop, fd, EPOLLIN, died, p);
    return 0;
}

static int start(struct parent *p)
{
    if (access(PROGRAM, X_OK) < 0) {
        log_warn("the kernel has no WireGuard and " PROGRAM " is not there: "
                 "apt install wireguard-go");
        return -ENOENT;
    }
    pid_t pid = fork();
    if (pid < 0)
        return -errno;
    if (pid == 0) {
        exec_wireguard_go(p->tunnel.iface);
        _exit(127);
    }
    return watch_process(p, pid);
}

static bool ready(const struct parent *p)
{
    return is_tun(p->tunnel.iface) && served_by(p->tunnel.iface) == p->wgo.pid;
}

static bool has_ended(const struct parent *p)
{
    siginfo_t info = {0};
    return waitid(P_PIDFD, (id_t)p->wgo.pidfd, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
           info.si_pid != 0;
}

static int wait_until_ready(struct parent *p)
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
    for (int i = 0; i < STEPS_MAX && !has_ended(p); i++) {
        if (ready(p))
            return 0;
        nanosleep(&step, NULL);
    }
    log_warn("wireguard-go does not come up on %s: is /dev/net/tun there?", p->tunnel.iface);
    return -ENODEV;
}

int wireguard_go_run(struct parent *p)
{
    const char *iface = p->tunnel.iface;
    pid_t pid = served_by(iface);
    if (pid > 0 && is_tun(iface)) {
        log_info("adopted wireguard-go, process %d, on %s", (int)pid, iface);
        return watch_process(p, pid);
    }
    if (pid > 0 || is_tun(iface)) {
        log_warn("%s is in use by somebody else", iface);
        return -EADDRINUSE;
    }
    int rc = start(p);
    return rc < 0 ? rc : wait_until_ready(p);
}

/* ---- dying and coming back
 * ------------------------------------------------------------------------ */

static void come_back(void *arg, uint32_t events);

static void in(struct parent *p, int64_t ms)
{
    if (p->wgo.timer < 0)
        p->wgo.timer = loop_timer(p->loop, ms, 0, come_back, p);
    else
        loop_timer_set(p->loop, p->wgo.timer, ms, 0);
}

static void forget(struct parent *p)
{
    loop_unwatch(p->loop, p->wgo.pidfd);
    close(p->wgo.pidfd);
    (void)waitpid(p->wgo.pid, NULL, WNOHANG); /* an adopted one is not our child */
    p->wgo.pid = 0;
    p->wgo.pidfd = -1;
}

static void died(void *arg, uint32_t events)
{
    struct parent *p = arg;
    (void)events;
    forget(p);
    if (p->stopping)
        return;
    log_alarm("wireguard-go has ended: starting it again");
    in(p, 0);
}

static void fill(struct parent *p)
{
    char what[WHAT_SIZE];
    if (tunnel_configure(p) < 0 || watch_peers(p, true, what) < 0 || doors_portal_again(p) < 0) {
        in(p, AGAIN_MS);
        return;
    }
    log_info("%s is back with %zu peers", p->tunnel.iface, p->wish.n_devices);
    roles_kill(p, ROLE_PORTAL, "it listens on the interface that is gone, and starts anew");
}

/* Starts it when it is gone, and looks every few milliseconds whether it answers. */
static void come_back(void *arg, uint32_t events)
{
    struct parent *p = arg;
    (void)events;
    if (p->wgo.pid == 0) {
        p->wgo.attempts = 0;
        in(p, start(p) < 0 ? AGAIN_MS : STEP_MS);
    } else if (ready(p)) {
        fill(p);
    } else if (++p->wgo.attempts > STEPS_MAX) {
        log_alarm("wireguard-go does not answer on %s", p->tunnel.iface);
        (void)pidfd_send_signal(p->wgo.pidfd, SIGKILL, NULL, 0);
        in(p, AGAIN_MS);
    } else {
        in(p, STEP_MS);
    }
}

void wireguard_go_release(struct parent *p)
{
    if (p->wgo.pid == 0)
        return;
    loop_unwatch(p->loop, p->wgo.pidfd);
    close(p->wgo.pidfd);
    p->wgo.pid = 0;
}
