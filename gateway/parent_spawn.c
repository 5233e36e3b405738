/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting this program once more as a role: a fresh address space, the role's own uid, no
 * environment, no capability (but one, for capture), no descriptor beyond the ones it is given.
 */
#include "gateway/parent.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "gateway/log.h"

#define FIRST_FD 3
#define SAFE_FD 64 /* above every target, so that no move overwrites a source */
#define CHILD_FAILED 127

/* fds[i] to 3 + i and the program's own to the number behind them; all else is closed. */
static int place_descriptors(const struct parent *p, const struct spawn *s, int *exe)
{
    int moved[SPAWN_FDS], n = FIRST_FD;
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
        return -1;
    *exe = fcntl(p->exe, F_DUPFD_CLOEXEC, SAFE_FD);
    for (size_t i = 0; i < SPAWN_FDS; i++)
        if (s->fds[i] >= 0 && (moved[i] = fcntl(s->fds[i], F_DUPFD_CLOEXEC, SAFE_FD)) < 0)
            return -1;
    for (size_t i = 0; i < SPAWN_FDS; i++, n++)
        if (s->fds[i] >= 0 ? dup2(moved[i], n) < 0 : (close(n) < 0 && errno != EBADF))
            return -1;
    if (*exe < 0 || dup3(*exe, n, O_CLOEXEC) < 0)
        return -1;
    *exe = n;
    return close_range((unsigned)n + 1, ~0u, 0);
}

/* The uid change takes every capability but an ambient one; the bounding set goes before it. */
static int become(const struct spawn *s)
{
    capng_clear(CAPNG_SELECT_BOTH);
    if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_SETUID, CAP_SETGID,
                      CAP_SETPCAP, CAP_NET_ADMIN, -1) < 0)
        return -1;
    if (s->keep_net_admin &&
        capng_updatev(CAPNG_ADD, CAPNG_BOUNDING_SET | CAPNG_INHERITABLE, CAP_NET_ADMIN, -1) < 0)
        return -1;
    if (capng_apply(CAPNG_SELECT_BOTH) < 0 ||
        prctl(PR_SET_KEEPCAPS, s->keep_net_admin, 0, 0, 0) < 0)
        return -1;
    if (setgroups(0, NULL) < 0 || setresgid(s->gid, s->gid, s->gid) < 0 ||
        setresuid(s->uid, s->uid, s->uid) < 0)
        return -1;
    if (!s->keep_net_admin)
        return 0;
    capng_clear(CAPNG_SELECT_CAPS);
    if (capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_INHERITABLE,
                      CAP_NET_ADMIN, -1) < 0 ||
        capng_apply(CAPNG_SELECT_CAPS) < 0)
        return -1;
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0);
}

static void exec_role(const struct spawn *s, int exe)
{
    char title[32], flag[] = "--role", name[16], argument[64];
    char lang[] = "LANG=C.UTF-8", zone[] = "TZ=UTC";
    char *argv[] = {title, flag, name, argument, NULL}, *env[] = {lang, zone, NULL};
    snprintf(title, sizeof title, "portcullisd: %s", s->name);
    snprintf(name, sizeof name, "%s", s->name);
    snprintf(argument, sizeof argument, "%s", s->argument ? s->argument : "");
    if (!s->argument)
        argv[3] = NULL;
    fexecve(exe, argv, env);
}

pid_t spawn_role(const struct parent *p, const struct spawn *s)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    int exe;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (s->detached)
        (void)setsid();
    if (s->nice > 0) /* a daemon that has less itself gives no more */
        (void)setpriority(PRIO_PROCESS, 0, s->nice);
    if (place_descriptors(p, s, &exe) == 0 && become(s) == 0) {
        if (!s->detached)
            (void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0); /* once more after exec, by the role */
        exec_role(s, exe);
    }
    log_warn("cannot start the %s: %s", s->name, strerror(errno));
    _exit(CHILD_FAILED);
}
