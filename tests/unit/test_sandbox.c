/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The cages hold: in each, what the role needs works, and what it must not do ends it or fails.
 * Needs root, to become a role's user first.
 */
#include <linux/landlock.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "gateway/role.h"

#define ROLE_UID 65534
#define KEEPER ROLES /* no message role, but a cage; behind all of them */

static char dir[] = "/tmp/pc-test-sandbox-XXXXXX";

/* Each returns 0 when it could, an errno when it was refused. */
static int write_own(void)
{
    int fd = openat(FD_DIR, "file", O_RDWR | O_CREAT, 0600);
    return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 ? 0 : errno;
}
static int read_zone(void) { return open("/usr/share/zoneinfo/UTC", O_RDONLY) >= 0 ? 0 : errno; }
static int read_passwd(void) { return open("/etc/passwd", O_RDONLY) >= 0 ? 0 : errno; }
static int write_tmp(void)
{
    return open("/tmp/pc-escaped", O_RDWR | O_CREAT, 0600) >= 0 ? 0 : errno;
}
static int internet(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : errno; }
static int raw_socket(void) { return socket(AF_INET, SOCK_RAW, IPPROTO_ICMP) >= 0 ? 0 : errno; }
static int read_hosts(void) { return open("/etc/hosts", O_RDONLY) >= 0 ? 0 : errno; }
static int listen_tcp(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    return fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 ? 0 : errno;
}
static int netlink(void) { return socket(AF_NETLINK, SOCK_RAW, 12) >= 0 ? 0 : errno; }
static int child(void) { return fork() >= 0 ? 0 : errno; }
/* By its number: to execve() a build with coverage adds writes, which end it sooner. */
static int shell(void)
{
    char path[] = "/bin/true";
    char *argv[] = {path, NULL};
    syscall(SYS_execve, path, argv, argv + 1);
    return errno;
}
static int hit_parent(void) { return kill(1, 0) == 0 ? 0 : errno; }
static int trace(void) { return prctl(PR_SET_DUMPABLE, 1) == 0 ? 0 : errno; }
static int root_again(void) { return setuid(0) == 0 ? 0 : errno; }
static void enter(unsigned r)
{
    if (r == KEEPER)
        sandbox_enter_keeper();
    else
        sandbox_enter((enum gateway_role)r);
}

static void be_role(void)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY);
    if (fd < 0 || (fd != FD_DIR && dup2(fd, FD_DIR) < 0))
        _exit(90);
    if (setgroups(0, NULL) || setresgid(ROLE_UID, ROLE_UID, ROLE_UID) ||
        setresuid(ROLE_UID, ROLE_UID, ROLE_UID))
        _exit(91);
}

/* Wait status of a process that enters the cage of r and does one thing. */
static int in_cage(unsigned r, int (*act)(void))
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        be_role();
        enter(r);
        _exit(act());
    }
    waitpid(pid, &status, 0);
    return status;
}

#define KILLED (-1) /* by SIGSYS */
#define LISTENS (-2) /* landlock's word: EACCES; before Linux 6.7 it has none */
static const struct {
    const char *what;
    int (*act)(void);
    int engine, portal, api, capture, courier, enrol, console, keeper;
} cases[] = {
    {"writes a file of its own", write_own, 0, KILLED, KILLED, 0, EACCES, KILLED, KILLED, KILLED},
    {"reads a time zone", read_zone, 0, KILLED, KILLED, EACCES, EACCES, KILLED, KILLED, KILLED},
    {"reads the users", read_passwd, EACCES, KILLED, KILLED, EACCES, EACCES, KILLED, KILLED, KILLED},
    {"writes elsewhere", write_tmp, EACCES, KILLED, KILLED, EACCES, EACCES, KILLED, KILLED, KILLED},
    {"opens an internet socket", internet, KILLED, KILLED, KILLED, KILLED, 0, KILLED, KILLED, KILLED},
    {"opens a raw socket", raw_socket, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
    {"reads the names of hosts", read_hosts, EACCES, KILLED, KILLED, EACCES, 0, KILLED, KILLED, KILLED},
    {"listens on TCP", listen_tcp, KILLED, KILLED, KILLED, KILLED, LISTENS, KILLED, KILLED, KILLED},
    {"opens a netlink socket", netlink, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
    {"forks", child, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
    {"runs a program", shell, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
    {"signals another process", hit_parent, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
    {"makes itself traceable", trace, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
    {"becomes root", root_again, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED, KILLED},
};

/* Does landlock know TCP? */
static int no_listening(void)
{
    return syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION) >= 4
               ? EACCES
               : 0;
}

static void expect(const char *what, const char *role, int expected, int status)
{
    if (expected == LISTENS)
        expected = no_listening();
    bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
    if (expected == KILLED ? !killed : !WIFEXITED(status) || WEXITSTATUS(status) != expected)
        fail_msg("the %s %s: wait status 0x%x", role, what, (unsigned)status);
}

static void test_cages(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int expected[] = {cases[i].engine, cases[i].portal, cases[i].api, cases[i].capture,
                                cases[i].courier, cases[i].enrol, cases[i].console,
                                cases[i].keeper};
        for (unsigned k = 0; k < 8; k++) {
            unsigned r = ROLE_ENGINE + k;
            expect(cases[i].what, r == KEEPER ? "keeper" : role_name((enum gateway_role)r),
                   expected[k], in_cage(r, cases[i].act));
        }
    }
}

/* How many of its sets are not empty, by the kernel's word. */
static int sets_left(pid_t pid)
{
    static const char *const names[] = {"CapInh:", "CapPrm:", "CapEff:", "CapAmb:"};
    char path[64], line[128];
    int left = 0, found = 0;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
            if (strncmp(line, names[i], 7) != 0)
                continue;
            found++;
            left += strtoull(line + 7, NULL, 16) != 0;
        }
    fclose(f);
    assert_int_equal(found, 4);
    return left;
}

/* Whoever enters a cage with capabilities has none in it. */
static void test_capabilities_are_gone(void **state)
{
    (void)state;
    for (unsigned r = ROLE_ENGINE; r <= KEEPER; r++) {
        int in[2], status;
        char c = 0;
        assert_int_equal(pipe(in), 0);
        pid_t pid = fork();
        if (pid == 0) {
            prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
            be_role();
            enter(r);
            for (ssize_t n = write(in[1], "x", 1); n >= 0;)
                n = read(in[0], &c, 0);
            _exit(0);
        }
        close(in[1]);
        assert_int_equal(read(in[0], &c, 1), 1);
        int left = sets_left(pid);
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        close(in[0]);
        if (left > 0)
            fail_msg("%d set(s) of capabilities are left in cage %u", left, r);
    }
}

static void test_root_is_refused(void **state)
{
    int status = -1;
    (void)state;
    pid_t pid = fork();
    if (pid == 0) {
        close(STDERR_FILENO);
        sandbox_enter(ROLE_PORTAL);
        _exit(0);
    }
    waitpid(pid, &status, 0);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
}

int main(void)
{
#ifdef SANITIZED
    printf("skip - test_sandbox: the sanitizers do not live in a cage\n");
    return 0;
#endif
    if (geteuid() != 0) {
        printf("skip - test_sandbox: needs root, to become a role's user\n");
        return 0;
    }
    if (!mkdtemp(dir) || chown(dir, ROLE_UID, ROLE_UID) < 0)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cages),
        cmocka_unit_test(test_capabilities_are_gone),
        cmocka_unit_test(test_root_is_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    char file[64];
    snprintf(file, sizeof file, "%s/file", dir);
    (void)unlink(file);
    (void)rmdir(dir);
    return failed;
}
