/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ending a device's connections among real flows in a network namespace of our own: its marked
 * ones, its unmarked ones, those opened towards it; everybody else's stay. conntrack(8) is the
 * witness.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel_rules/conntrack.h"
#include "kernel_rules/link.h"
#include "policy/address.h"

static int run(const char *const *argv, char *out, size_t size)
{
    int p[2], status;
    size_t len = 0;
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(p[1], STDOUT_FILENO);
        close(p[0]);
        if (!freopen("/dev/null", "w", stderr))
            _exit(126);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(127);
    }
    close(p[1]);
    for (ssize_t n; len < size - 1 && (n = read(p[0], out + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    out[len] = 0;
    close(p[0]);
    waitpid(pid, &status, 0);
    return status;
}

/* How many entries conntrack(8) lists whose line has this text. */
static int listed(const char *needle)
{
    static char out[262144];
    int n = 0;
    for (int v6 = 0; v6 < 2; v6++) {
        const char *argv[] = {"/usr/sbin/conntrack", "-L", "-f", v6 ? "ipv6" : "ipv4", NULL};
        run(argv, out, sizeof out);
        for (char *line = strtok(out, "\n"); line; line = strtok(NULL, "\n"))
            n += strstr(line, needle) != NULL;
    }
    return n;
}

static struct ip_addr ip(const char *s)
{
    struct ip_addr a = {0};
    assert_true(ip_parse(s, strlen(s), &a));
    return a;
}

/* One UDP datagram from an address to an address: a connection for conntrack. */
static void flow(const char *from, const char *to, uint16_t port)
{
    const int on = 1;
    bool v6 = strchr(from, ':') != NULL;
    struct sockaddr_in a4 = {.sin_family = AF_INET}, b4 = {.sin_family = AF_INET};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6}, b6 = {.sin6_family = AF_INET6};
    int fd = socket(v6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_IP, IP_FREEBIND, &on, sizeof on);
    setsockopt(fd, SOL_IPV6, IPV6_FREEBIND, &on, sizeof on);
    b4.sin_port = b6.sin6_port = htons(port);
    inet_pton(v6 ? AF_INET6 : AF_INET, from, v6 ? (void *)&a6.sin6_addr : (void *)&a4.sin_addr);
    inet_pton(v6 ? AF_INET6 : AF_INET, to, v6 ? (void *)&b6.sin6_addr : (void *)&b4.sin_addr);
    const struct sockaddr *a = v6 ? (const void *)&a6 : (const void *)&a4;
    const struct sockaddr *b = v6 ? (const void *)&b6 : (const void *)&b4;
    socklen_t len = v6 ? sizeof a6 : sizeof a4;
    assert_int_equal(bind(fd, a, len), 0);
    assert_int_equal(sendto(fd, "x", 1, 0, b, len), 1);
    close(fd);
}

static int namespace_of_ours(void **state)
{
    static const struct tunnel lo = {.iface = "lo", .mtu = 1500,
        .net4 = {.addr = {.family = 4, .b = {10, 77, 0, 1}}, .len = 8},
        .net6 = {.addr = {.family = 6, .b = {0xfd, 0x77, [15] = 1}}, .len = 64}};
    char out[64], rules[1024];
    (void)state;
    if (geteuid() != 0 || access("/usr/sbin/nft", X_OK) || access("/usr/sbin/conntrack", X_OK))
        return 0;
    if (unshare(CLONE_NEWNET) != 0 || link_configure(&lo) != 0)
        return -1;
    snprintf(rules, sizeof rules,
             "add table inet t; add chain inet t o { type filter hook output priority 0; }; "
             "add rule inet t o udp dport 1000 ip saddr 10.77.0.2 ct mark set %u; "
             "add rule inet t o udp dport 1001 ip saddr 10.77.0.2 ct mark set %u; "
             "add rule inet t o udp dport 1000 ip saddr 10.77.0.3 ct mark set %u; "
             "add rule inet t o udp dport 1000 ip saddr 10.77.2.2 ct mark set %u; "
             "add rule inet t o udp dport 1000 ip6 saddr fd77::2 ct mark set %u; "
             "add rule inet t o ct state new accept",
             grant_mark(2, 5), 0x80000000u | grant_mark(2, 7), grant_mark(3, 5),
             grant_mark(0x202, 5), grant_mark(2, 5));
    const char *nft[] = {"/usr/sbin/nft", rules, NULL};
    const char *route[] = {"/sbin/ip", "-6", "route", "add", "local", "fd77::/64", "dev", "lo",
                           NULL};
    return run(nft, out, sizeof out) || run(route, out, sizeof out) ? -1 : 0;
}

static bool cannot(void)
{
    if (geteuid() == 0 && !access("/usr/sbin/nft", X_OK) && !access("/usr/sbin/conntrack", X_OK))
        return false;
    print_message("needs root, nft and conntrack\n");
    return true;
}

static void only_the_device_ends(void **state)
{
    const struct device d = {.index = 2, .addr4 = ip("10.77.0.2"), .addr6 = ip("fd77::2")};
    struct ct *c;
    uint32_t n = 99, left = 99;
    (void)state;
    if (cannot())
        skip();
    flow("10.77.0.2", "10.20.0.9", 1000);      /* marked */
    flow("10.77.0.2", "10.20.0.9", 1001);      /* marked, another class, a top bit of others' */
    flow("fd77::2", "fd77::20", 1000);         /* marked, IPv6 */
    flow("10.77.0.2", "10.20.0.9", 2000);      /* not marked, opened by it */
    flow("fd77::2", "fd77::20", 2000);
    flow("10.20.0.9", "10.77.0.2", 2001);      /* not marked, opened towards it */
    flow("10.77.0.3", "10.20.0.9", 1000);      /* others': next index, same low bits, unmarked */
    flow("10.77.2.2", "10.20.0.9", 1000);
    flow("10.77.0.20", "10.20.0.9", 2000);
    flow("fd77::22", "fd77::20", 2000);
    assert_int_equal(listed("udp"), 10);

    assert_int_equal(ct_open(&c), 0);
    assert_int_equal(ct_count_device(c, &d, &n), 0);
    assert_int_equal(n, 6);
    assert_int_equal(ct_end_grants(c, &d, &n), 0);      /* what it opened to the portal stays */
    assert_int_equal(n, 3);
    assert_int_equal(ct_count_device(c, &d, &n), 0);
    assert_int_equal(n, 3);
    assert_int_equal(listed("udp"), 7);
    assert_int_equal(ct_end_device(c, &d, &n, &left), 0);
    assert_int_equal(n, 3);
    assert_int_equal(left, 0);
    assert_int_equal(ct_count_device(c, &d, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(listed("src=10.77.0.2 "), 0);
    assert_int_equal(listed("udp"), 4);
    assert_int_equal(listed("src=10.77.0.3 "), 1);
    assert_int_equal(listed("src=10.77.2.2 "), 1);
    assert_int_equal(listed("src=10.77.0.20 "), 1);
    assert_int_equal(listed("src=fd77::22 "), 1);
    assert_int_equal(ct_end_device(c, &d, &n, &left), 0);
    assert_int_equal(n, 0);
    ct_close(c);
}

/* Index 0 would name every unmarked connection of the host, as would one beyond its bits. */
static void an_index_that_names_everybody(void **state)
{
    static const uint32_t indexes[] = {0, DEVICE_MAX + 1, 0x40000, 0xfffff};
    struct ct *c;
    uint32_t n, left;
    (void)state;
    if (cannot())
        skip();
    flow("10.20.0.1", "10.20.0.9", 3000);
    int before = listed("udp");
    assert_true(before > 0);
    assert_int_equal(ct_open(&c), 0);
    for (size_t i = 0; i < sizeof indexes / sizeof indexes[0]; i++) {
        const struct device d = {.index = indexes[i], .addr4 = ip("10.77.0.200")};
        assert_int_equal(ct_end_device(c, &d, &n, &left), -EINVAL);
        assert_int_equal(n, 0);
        assert_int_equal(ct_end_grants(c, &d, &n), -EINVAL);
    }
    assert_int_equal(listed("udp"), before);
    ct_close(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_device_ends),
        cmocka_unit_test(an_index_that_names_everybody),
    };
    return cmocka_run_group_tests(tests, namespace_of_ours, NULL);
}
