/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the Nth system call of a kind fail, or kills the process there. Attached from outside
 * (ptrace), so that the program under test is the one that ships, with its seccomp filters.
 *
 *   faultat FAULT N PID               a process that runs
 *   faultat FAULT N ROLE CMD...       from its first instruction: ROLE is `parent` (CMD itself) or
 *                                     a role of portcullisd that it starts
 *
 * It says "ready" when it counts, and at its end (SIGTERM, or no process is left) "reached N CALL"
 * or "passed COUNT": how many calls of the kind there were without the Nth. `N+` means that one
 * and all after it. x86-64; the caller must be root.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACED_MAX 64
#define ANY_CALL (-1)

enum target { ON_ANY, ON_FILE, ON_NETLINK };
enum effect { KILL, FAIL, LOSE, HALVE }; /* LOSE: the call is made and then reported as failed */

struct fault {
    const char *name;
    enum target target;
    enum effect effect;
    int error;
    long calls[8];
};

#define WRITES {SYS_write, SYS_pwrite64, SYS_writev, SYS_pwritev, SYS_ftruncate, SYS_fallocate}
#define SYNCS {SYS_fsync, SYS_fdatasync, SYS_sync_file_range}
#define READS {SYS_read, SYS_pread64}
#define SENDS {SYS_sendto, SYS_sendmsg}
#define RECEIVES {SYS_recvmsg, SYS_recvfrom}
#define OPENS {SYS_openat, SYS_open, SYS_unlink, SYS_unlinkat, SYS_rename}

static const struct fault faults[] = {
    {"kill", ON_ANY, KILL, 0, {ANY_CALL}},
    {"kill-write", ON_FILE, KILL, 0, WRITES},
    {"write-eio", ON_FILE, FAIL, EIO, WRITES},
    {"write-enospc", ON_FILE, FAIL, ENOSPC, WRITES},
    {"write-short", ON_FILE, HALVE, 0, {SYS_write, SYS_pwrite64}},
    {"sync-eio", ON_FILE, FAIL, EIO, SYNCS},
    {"read-eio", ON_FILE, FAIL, EIO, READS},
    {"read-short", ON_FILE, HALVE, 0, READS},
    {"open-emfile", ON_ANY, FAIL, EMFILE, OPENS},
    {"nlsend-enobufs", ON_NETLINK, FAIL, ENOBUFS, SENDS},
    {"nlsend-eintr", ON_NETLINK, FAIL, EINTR, SENDS},
    {"nlsend-emsgsize", ON_NETLINK, FAIL, EMSGSIZE, SENDS},
    {"nlrecv-enobufs", ON_NETLINK, FAIL, ENOBUFS, RECEIVES},
    {"nlrecv-lost", ON_NETLINK, LOSE, ENOBUFS, RECEIVES},
    {"nlrecv-eintr", ON_NETLINK, FAIL, EINTR, RECEIVES},
};

struct traced {
    pid_t pid;
    bool counted;              /* it is the process that the fault is for */
    bool inside;               /* between the entry and the exit of a call */
    bool pending;              /* the call it is in is the one */
    unsigned long long saved;  /* the register that was changed at the entry */
};

static const struct fault *fault;
static unsigned long nth, count;
static bool and_after, reached;
static unsigned long long reached_call;
static const char *role;
static struct traced traced[TRACED_MAX];
static volatile sig_atomic_t stop; /* the process goes on when the one that traces it ends */

static void on_term(int sig)
{
    (void)sig;
    stop = 1;
}

static void die(const char *what)
{
    fprintf(stderr, "faultat: %s: %s\n", what, strerror(errno));
    exit(2);
}

static struct traced *find(pid_t pid)
{
    struct traced *unused = NULL;
    for (size_t i = 0; i < TRACED_MAX; i++) {
        if (traced[i].pid == pid)
            return &traced[i];
        if (traced[i].pid == 0 && !unused)
            unused = &traced[i];
    }
    if (!unused)
        die("too many processes");
    *unused = (struct traced){.pid = pid};
    return unused;
}

/* ---- is this call one of the kind? ---------------------------------------------------- */

static bool call_listed(unsigned long long nr)
{
    for (size_t i = 0; i < sizeof fault->calls / sizeof fault->calls[0]; i++) {
        if (fault->calls[i] == ANY_CALL)
            return true;
        if ((i == 0 || fault->calls[i] != 0) && (unsigned long long)fault->calls[i] == nr)
            return true;
    }
    return false;
}

static bool fd_is(int fd, enum target target)
{
    struct stat st;
    int domain = 0;
    socklen_t len = sizeof domain;
    if (target == ON_FILE)
        return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    return getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 && domain == AF_NETLINK;
}

static bool on_target(pid_t pid, int theirs)
{
    if (fault->target == ON_ANY)
        return true;
    int process = pidfd_open(pid, 0);
    int fd = process < 0 ? -1 : pidfd_getfd(process, theirs, 0);
    bool is = fd >= 0 && fd_is(fd, fault->target);
    if (fd >= 0)
        close(fd);
    if (process >= 0)
        close(process);
    return is;
}

/* ---- the fault ------------------------------------------------------------------------ */

static void note_reached(unsigned long long nr)
{
    if (!reached)
        reached_call = nr;
    reached = true;
}

/* A call that must not happen is made on a descriptor that is none (a file name: nowhere): the
 * filters of the process see a call that it may make. */
static void spoil(struct traced *t, struct user_regs_struct *r)
{
    bool halve = fault->effect == HALVE;
    t->saved = halve ? r->rdx : r->rdi;
    t->pending = true;
    if (halve)
        r->rdx = (r->rdx + 1) / 2;
    else if (fault->effect == FAIL)
        r->rdi = fault->target == ON_ANY && r->orig_rax != SYS_openat ? 0 : (unsigned long long)-1;
    if (ptrace(PTRACE_SETREGS, t->pid, NULL, r) < 0)
        die("PTRACE_SETREGS");
}

static void enter_call(struct traced *t)
{
    struct user_regs_struct r;
    t->inside = true;
    if (!t->counted || (reached && !and_after) || ptrace(PTRACE_GETREGS, t->pid, NULL, &r) < 0)
        return;
    if (!call_listed(r.orig_rax) || !on_target(t->pid, (int)r.rdi))
        return;
    count++;
    if (count != nth && !(and_after && count > nth))
        return;
    note_reached(r.orig_rax);
    if (fault->effect == KILL)
        kill(t->pid, SIGKILL);
    else
        spoil(t, &r);
}

static void leave_call(struct traced *t)
{
    struct user_regs_struct r;
    t->inside = false;
    if (!t->pending || ptrace(PTRACE_GETREGS, t->pid, NULL, &r) < 0)
        return;
    t->pending = false;
    if (fault->effect == HALVE) {
        r.rdx = t->saved;
    } else {
        r.rdi = t->saved;
        r.rax = (unsigned long long)-(long long)fault->error;
    }
    if (ptrace(PTRACE_SETREGS, t->pid, NULL, &r) < 0)
        die("PTRACE_SETREGS");
    stop = stop || !and_after;
}

/* ---- following ------------------------------------------------------------------------ */

static bool is_role(pid_t pid)
{
    char path[64], line[256] = "";
    snprintf(path, sizeof path, "/proc/%d/cmdline", (int)pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : read(fd, line, sizeof line - 1);
    if (fd >= 0)
        close(fd);
    for (char *p = line; n > 0 && p < line + n; p += strlen(p) + 1)
        if (strcmp(p, "--role") == 0)
            return strcmp(p + sizeof "--role", role) == 0;
    return strcmp(role, "parent") == 0;
}

static void seize(pid_t pid, long more)
{
    if (ptrace(PTRACE_SEIZE, pid, NULL, PTRACE_O_TRACESYSGOOD | more) < 0)
        die("PTRACE_SEIZE");
}

static void on_stop(struct traced *t, int status)
{
    int sig = WSTOPSIG(status), event = status >> 16, pass = 0;
    if (sig == (SIGTRAP | 0x80)) {
        if (t->inside)
            leave_call(t);
        else
            enter_call(t);
    } else if (event == PTRACE_EVENT_EXEC) {
        t->counted = t->counted || (role && is_role(t->pid));
    } else if (event == PTRACE_EVENT_STOP && (sig == SIGSTOP || sig == SIGTSTP)) {
        ptrace(PTRACE_LISTEN, t->pid, NULL, 0);
        return;
    } else if (event == 0) {
        pass = sig;
    }
    (void)ptrace(PTRACE_SYSCALL, t->pid, NULL, pass);
}

static void follow(void)
{
    int status;
    while (!stop && !(reached && !and_after && fault->effect == KILL)) {
        pid_t pid = waitpid(-1, &status, __WALL);
        if (pid < 0 && errno == ECHILD)
            return;
        if (pid < 0)
            continue;
        struct traced *t = find(pid);
        if (WIFSTOPPED(status))
            on_stop(t, status);
        else
            t->pid = 0;
    }
}

/* ---- beginning ------------------------------------------------------------------------ */

static void attach(pid_t pid)
{
    find(pid)->counted = true;
    seize(pid, 0);
    if (ptrace(PTRACE_INTERRUPT, pid, NULL, 0) < 0)
        die("PTRACE_INTERRUPT");
}

static void launch(char **argv)
{
    pid_t pid = fork();
    int status;
    if (pid == 0) {
        (void)dup2(STDERR_FILENO, STDOUT_FILENO); /* the report alone is on ours */
        raise(SIGSTOP);
        execvp(argv[0], argv);
        die(argv[0]);
    }
    if (pid < 0 || waitpid(pid, &status, WUNTRACED) != pid)
        die("fork");
    find(pid);
    seize(pid, PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC);
    kill(pid, SIGCONT);
}

int main(int argc, char **argv)
{
    struct sigaction sa = {.sa_handler = on_term};
    char *end = NULL;
    for (size_t i = 0; argc > 3 && i < sizeof faults / sizeof faults[0]; i++)
        if (strcmp(faults[i].name, argv[1]) == 0)
            fault = &faults[i];
    if (fault)
        nth = strtoul(argv[2], &end, 10);
    if (!fault || nth == 0 || (*end && strcmp(end, "+") != 0)) {
        fprintf(stderr, "usage: faultat FAULT N[+] PID | FAULT N[+] ROLE CMD...\n");
        return 2;
    }
    and_after = *end == '+';
    sigaction(SIGTERM, &sa, NULL);
    role = argc > 4 ? argv[3] : NULL;
    if (role)
        launch(argv + 4);
    else
        attach((pid_t)atoi(argv[3]));
    setlinebuf(stdout);
    puts("ready");
    follow();
    if (reached)
        printf("reached %lu call %llu\n", nth, reached_call);
    else
        printf("passed %lu\n", count);
    return 0;
}
