/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The system calls of each process: what is not in a table kills. The kernel names the call in its
 * log (audit type 1326); built with -DSECCOMP_LOG it names and permits, to find what is missing.
 */
#include "gateway/sandbox_parts.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/log.h"

#define S(name) SCMP_SYS(name)

/* The loop, channels, clocks, memory, logging and the C library. */
static const int base[] = {S(read),
                           S(write),
                           S(readv),
                           S(writev),
                           S(close),
                           S(fcntl),
                           S(fstat),
                           S(newfstatat),
                           S(lseek),
                           S(recvmsg),
                           S(sendmsg),
                           S(recvfrom),
                           S(sendto),
                           S(poll),
                           S(ppoll),
                           S(epoll_create1),
                           S(epoll_ctl),
                           S(epoll_wait),
                           S(epoll_pwait),
                           S(timerfd_create),
                           S(timerfd_settime),
                           S(signalfd4),
                           S(clock_gettime),
                           S(clock_nanosleep),
                           S(nanosleep),
                           S(gettimeofday),
                           S(time),
                           S(getrandom),
                           S(futex),
                           S(mmap),
                           S(munmap),
                           S(mremap),
                           S(mprotect),
                           S(madvise),
                           S(brk),
                           S(rt_sigaction),
                           S(rt_sigprocmask),
                           S(rt_sigreturn),
                           S(restart_syscall),
                           S(getpid),
                           S(gettid),
                           S(tgkill),
                           S(getuid),
                           S(geteuid),
                           S(getgid),
                           S(getegid),
                           S(exit),
                           S(exit_group),
                           S(sched_yield),
                           S(dup),
                           S(rseq),
                           S(set_robust_list)};

/* HTTP on accepted sockets. */
static const int serve[] = {S(accept4),     S(getsockopt),  S(setsockopt),
                            S(getsockname), S(getpeername), S(shutdown),
                            S(ioctl),       S(eventfd2),    S(pipe2)};

/* A database, logs and capture files beneath its own directory. */
static const int files[] = {
    S(openat),     S(open),      S(pread64),    S(pwrite64),  S(pwritev),         S(preadv),
    S(ftruncate),  S(fallocate), S(fsync),      S(fdatasync), S(sync_file_range), S(rename),
    S(renameat),   S(renameat2), S(unlink),     S(unlinkat),  S(mkdir),           S(mkdirat),
    S(stat),       S(lstat),     S(statx),      S(fstatfs),   S(access),          S(faccessat),
    S(faccessat2), S(readlink),  S(readlinkat), S(getcwd),    S(getdents64),      S(fchmod),
    S(fchmodat),   S(umask),     S(utimensat),  S(flock),     S(fadvise64)};

static const int engine_more[] = {
    S(getsockopt), S(adjtimex),  S(clock_adjtime), S(uname), S(sysinfo), S(getrusage),
    S(prlimit64),  S(getrlimit), S(setrlimit),     S(mlock), S(munlock), S(sched_getaffinity)};

static const int capture_more[] = {S(getsockopt), S(setsockopt), S(getsockname),
                                   S(ioctl),      S(uname),      S(sched_setaffinity)};

/* Connections to others, and what the C library looks names up with. */
static const int courier_more[] = {S(connect),    S(bind),        S(getsockopt), S(setsockopt),
                                   S(getsockname), S(getpeername), S(shutdown),   S(ioctl),
                                   S(openat),     S(access),      S(statx),      S(sendmmsg),
                                   S(recvmmsg),   S(uname)};

static const int keeper_more[] = {S(accept4), S(getsockopt)};

/* Netlink, starting and watching roles, listening, the two files it reads again. */
static const int parent_more[] = {S(socket),
                                  S(socketpair),
                                  S(bind),
                                  S(listen),
                                  S(connect),
                                  S(getsockopt),
                                  S(setsockopt),
                                  S(getsockname),
                                  S(clone),
                                  S(clone3),
                                  S(fork),
                                  S(vfork),
                                  S(execve),
                                  S(execveat),
                                  S(wait4),
                                  S(waitid),
                                  S(pidfd_open),
                                  S(pidfd_send_signal),
                                  S(kill),
                                  S(prctl),
                                  S(setsid),
                                  S(setgroups),
                                  S(setresuid),
                                  S(setresgid),
                                  S(setuid),
                                  S(setgid),
                                  S(capget),
                                  S(capset),
                                  S(dup2),
                                  S(dup3),
                                  S(close_range),
                                  S(chmod),
                                  S(chown),
                                  S(fchown),
                                  S(fchownat),
                                  S(prlimit64),
                                  S(setrlimit),
                                  S(getrlimit),
                                  S(setpriority),
                                  S(mlock),
                                  S(munlock),
                                  S(ioctl),
                                  S(getppid),
                                  S(landlock_create_ruleset),
                                  S(landlock_add_rule),
                                  S(landlock_restrict_self),
                                  S(seccomp)};

/* Loading a program, and what the roles may after it: a filter is inherited. */
static const int started_more[] = {
    S(arch_prctl),        S(set_tid_address), S(pread64), S(sched_getaffinity),
    S(sched_setaffinity), S(uname),           S(sysinfo), S(getrusage),
    S(adjtimex),          S(clock_adjtime),   S(fchdir)};

/* The run time of Go, for wireguard-go. */
static const int go_more[] = {S(sigaltstack),
                              S(mincore),
                              S(pipe2),
                              S(eventfd2),
                              S(tkill),
                              S(setitimer),
                              S(getsockname),
                              S(accept4),
                              S(inotify_init1),
                              S(inotify_add_watch),
                              S(inotify_rm_watch),
                              S(recvmmsg),
                              S(sendmmsg),
                              S(timer_create),
                              S(timer_settime),
                              S(timer_delete),
                              S(getpeername),
                              S(shutdown),
                              S(epoll_pwait2),
                              S(linkat),
                              S(chdir)};

#define TABLE(t)                                                                                   \
    {                                                                                              \
        t, sizeof t / sizeof *t                                                                    \
    }
#define TABLES_MAX 7
struct table {
    const int *calls;
    size_t n;
};

static const struct table tables[][TABLES_MAX] = {
    [SYSCALLS_PARENT] = {TABLE(base), TABLE(serve), TABLE(files), TABLE(parent_more),
                         TABLE(started_more), TABLE(go_more)},
    [SYSCALLS_ENGINE] = {TABLE(base), TABLE(files), TABLE(engine_more)},
    [SYSCALLS_PORTAL] = {TABLE(base), TABLE(serve)},
    [SYSCALLS_API] = {TABLE(base), TABLE(serve)},
    [SYSCALLS_CAPTURE] = {TABLE(base), TABLE(files), TABLE(capture_more)},
    [SYSCALLS_COURIER] = {TABLE(base), TABLE(courier_more)},
    [SYSCALLS_ENROL] = {TABLE(base), TABLE(serve)},
    [SYSCALLS_CONSOLE] = {TABLE(base), TABLE(serve)},
    [SYSCALLS_KEEPER] = {TABLE(base), TABLE(keeper_more)},
};

#ifdef SECCOMP_LOG
#define OTHERWISE SCMP_ACT_LOG
#else
#define OTHERWISE SCMP_ACT_KILL_PROCESS
#endif

static void allow(scmp_filter_ctx ctx, const struct table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, t->calls[i], 0);
        if (rc < 0 && rc != -EEXIST)
            fatal("cannot make the filter of system calls: %s", strerror(-rc));
    }
}

#define SOCKET_TYPE 0xf /* without SOCK_CLOEXEC and SOCK_NONBLOCK */

/* The courier's sockets: to the internet and to this machine, and the one by which the C library
 * asks for this machine's addresses (NETLINK_ROUTE); no other netlink, no raw packets. */
static void allow_sockets(scmp_filter_ctx ctx)
{
    static const struct {
        scmp_datum_t family, type, last_protocol;
    } kinds[] = {{AF_UNIX, SOCK_DGRAM, 0},          {AF_UNIX, SOCK_STREAM, 0},
                 {AF_INET, SOCK_DGRAM, IPPROTO_UDP}, {AF_INET, SOCK_STREAM, IPPROTO_TCP},
                 {AF_INET6, SOCK_DGRAM, IPPROTO_UDP}, {AF_INET6, SOCK_STREAM, IPPROTO_TCP},
                 {AF_NETLINK, SOCK_RAW, NETLINK_ROUTE}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        int rc = seccomp_rule_add(ctx, SCMP_ACT_ALLOW, S(socket), 3,
                                  SCMP_A0(SCMP_CMP_EQ, kinds[i].family, 0),
                                  SCMP_A1(SCMP_CMP_MASKED_EQ, SOCKET_TYPE, kinds[i].type),
                                  SCMP_A2(SCMP_CMP_LE, kinds[i].last_protocol, 0));
        if (rc < 0)
            fatal("cannot make the filter of system calls: %s", strerror(-rc));
    }
}

#ifndef SANITIZED
void seccomp_enter(enum syscalls which)
{
    scmp_filter_ctx ctx = seccomp_init(OTHERWISE);
    if (!ctx)
        fatal("cannot make the filter of system calls");
    for (size_t i = 0; i < TABLES_MAX; i++)
        allow(ctx, &tables[which][i]);
    if (which == SYSCALLS_COURIER)
        allow_sockets(ctx);
    int rc = seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree, not a list */
    if (rc == 0)
        rc = seccomp_load(ctx);
    if (rc < 0)
        fatal("cannot load the filter of system calls: %s", strerror(-rc));
    seccomp_release(ctx);
}
#else
/* The sanitizers' run time makes calls of its own. It cannot trace us to look for leaks either. */
const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_leaks=0"; }
void seccomp_enter(enum syscalls which)
{
    (void)which, (void)tables, (void)allow, (void)allow_sockets;
}
#endif
