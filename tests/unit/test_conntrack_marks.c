/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Connections by their marks, in a network namespace of our own: a device's marked ones end though
 * nothing else of it is there; marks of another table are taken off tunnel connections and off no
 * others, and bits that are not ours stay. conntrack(8) makes them and is the witness.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_rules/conntrack.h"
#include "policy/address.h"

#define OTHERS 0x40000000u

static const struct ip_prefix net4 = {{4, {10, 77}}, 16}, net6 = {{6, {0xfd, 0x77}}, 64};

static bool cannot(void)
{
    if (geteuid() == 0 && access("/usr/sbin/conntrack", X_OK) == 0)
        return false;
    print_message("needs root and conntrack\n");
    return true;
}

static int begin(void **state)
{
    (void)state;
    return cannot() || unshare(CLONE_NEWNET) == 0 ? 0 : -1;
}

/* Runs conntrack(8); its output, as far as it fits, and its exit status. */
static int run(const char *const argv[], char *out, size_t size)
{
    int p[2], status = -1;
    size_t len = 0;
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(p[1], STDOUT_FILENO);
        close(p[0]);
        close(STDERR_FILENO);
        execv("/usr/sbin/conntrack", (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(p[1]);
    for (ssize_t n; len < size - 1 && (n = read(p[0], out + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    out[len] = '\0';
    close(p[0]);
    waitpid(pid, &status, 0);
    return status;
}

static void connection(const char *from, const char *to, unsigned port, uint32_t mark)
{
    char out[1024], sport[16], value[16];
    const char *argv[] = {"conntrack", "-I", "-p", "udp", "-s", from, "-d", to, "--sport", sport,
                          "--dport", "53", "-t", "600", "-m", value, NULL};
    snprintf(sport, sizeof sport, "%u", port);
    snprintf(value, sizeof value, "%u", mark);
    if (run(argv, out, sizeof out) != 0)
        fail_msg("conntrack does not insert %s port %u", from, port);
}

/* Its mark as conntrack(8) lists it; -1 when it is not there. */
static int64_t mark_of(unsigned port)
{
    static char out[65536];
    char needle[32];
    int64_t mark = -1;
    snprintf(needle, sizeof needle, " sport=%u ", port);
    for (int v6 = 0; v6 < 2; v6++) {
        const char *argv[] = {"conntrack", "-L", "-f", v6 ? "ipv6" : "ipv4", NULL};
        assert_int_equal(run(argv, out, sizeof out), 0);
        for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n")) {
            const char *m = strstr(line, "mark=");
            if (strstr(line, needle) && m)
                mark = (int64_t)strtoul(m + 5, NULL, 10);
        }
    }
    return mark;
}

static void marked_connections_end(void **state)
{
    const struct device d = {.index = 2, .addr4 = {4, {10, 77, 0, 2}}};
    struct ct *c;
    uint32_t n = 0, left = 99;
    (void)state;
    if (cannot())
        skip();
    connection("10.77.0.2", "10.20.0.9", 101, grant_mark(2, 5));
    connection("fd77::2", "fd20::9", 102, OTHERS | grant_mark(2, 7));
    connection("10.77.0.2", "10.20.0.9", 103, 0);
    connection("10.77.0.3", "10.20.0.9", 104, grant_mark(3, 5));
    connection("10.77.2.2", "10.20.0.9", 105, grant_mark(0x202, 5));
    assert_int_equal(ct_open(&c), 0);
    assert_int_equal(ct_end_device(c, &d, &n, &left), 0);
    assert_int_equal(n, 3);
    assert_int_equal(left, 0);
    for (unsigned port = 101; port <= 103; port++)
        assert_int_equal(mark_of(port), -1);
    assert_int_equal(mark_of(104), grant_mark(3, 5));
    assert_int_equal(mark_of(105), grant_mark(0x202, 5));
    ct_close(c);
}

static void marks_of_another_table_are_taken_off(void **state)
{
    static const struct { const char *what, *from; unsigned port; uint32_t mark, left; } cases[] = {
        {"of the tunnel", "10.77.0.9", 201, 0x1005, 0},
        {"of the tunnel, with a bit of others", "10.77.255.9", 202, OTHERS | 0x2007, OTHERS},
        {"of the tunnel, with a bit of others alone", "10.77.0.9", 203, OTHERS, OTHERS},
        {"of the tunnel, IPv6", "fd77::9", 204, 0x3001, 0},
        {"of another network", "10.78.0.9", 205, 0x1005, 0x1005},
        {"of another network, IPv6", "fd78::9", 206, 0x1005, 0x1005},
    };
    struct ct *c;
    (void)state;
    if (cannot())
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        connection(cases[i].from, strchr(cases[i].from, ':') ? "fd20::9" : "10.20.0.9",
                   cases[i].port, cases[i].mark);
    assert_int_equal(ct_open(&c), 0);
    assert_int_equal(ct_forget_grants(c, &net4, &net6), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        if (mark_of(cases[i].port) != cases[i].left)
            fail_msg("%s: mark 0x%llx", cases[i].what, (unsigned long long)mark_of(cases[i].port));
    ct_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(marked_connections_end),
        cmocka_unit_test(marks_of_another_table_are_taken_off),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
