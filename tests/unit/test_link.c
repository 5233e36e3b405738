/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Links, addresses and forwarding in a network namespace of our own; getifaddrs(3) is the witness.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <linux/if_tun.h>

#include "kernel_rules/link.h"

static int tun_fd = -1;

static int namespace_of_ours(void **state)
{
    struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    (void)state;
    if (geteuid() != 0 || access("/dev/net/tun", R_OK) != 0)
        return 0;
    if (unshare(CLONE_NEWNET) != 0)
        return -1;
    memcpy(ifr.ifr_name, "pctun0", 7);
    tun_fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    return tun_fd < 0 ? -1 : ioctl(tun_fd, TUNSETIFF, &ifr);
}

static bool cannot(void)
{
    if (tun_fd >= 0)
        return false;
    print_message("needs root and /dev/net/tun\n");
    return true;
}

/* The addresses of pctun0, in the order of the kernel: "10.77.0.1 fd77::1 " */
static void addresses(char *out, size_t size)
{
    struct ifaddrs *all;
    size_t len = 0;
    assert_int_equal(getifaddrs(&all), 0);
    out[0] = 0;
    for (const struct ifaddrs *a = all; a; a = a->ifa_next) {
        char s[INET6_ADDRSTRLEN];
        const struct sockaddr_in6 *v6 = (const void *)a->ifa_addr;
        const struct sockaddr_in *v4 = (const void *)a->ifa_addr;
        if (strcmp(a->ifa_name, "pctun0") != 0 || !a->ifa_addr ||
            (a->ifa_addr->sa_family != AF_INET && a->ifa_addr->sa_family != AF_INET6))
            continue;
        bool is4 = a->ifa_addr->sa_family == AF_INET;
        inet_ntop(a->ifa_addr->sa_family,
                  is4 ? (const void *)&v4->sin_addr : (const void *)&v6->sin6_addr, s, sizeof s);
        len += (size_t)snprintf(out + len, size - len, "%s ", s);
    }
    freeifaddrs(all);
}

static void names_and_kinds(void **state)
{
    char kind[IFACE_SIZE];
    (void)state;
    if (cannot())
        skip();
    assert_int_equal(link_index("lo"), 1);
    assert_int_equal(link_index("absent0"), -ENODEV);
    assert_int_equal(link_kind("absent0", kind), -ENODEV);
    assert_int_equal(link_kind("lo", kind), 0);
    assert_string_equal(kind, "");
    assert_int_equal(link_kind("pctun0", kind), 0);
    assert_string_equal(kind, "tun");
}

static void configured_as_the_tunnel_says(void **state)
{
    struct tunnel t = {.iface = "pctun0", .mtu = 1420,
        .net4 = {.addr = {.family = 4, .b = {10, 77, 0, 1}}, .len = 16},
        .net6 = {.addr = {.family = 6, .b = {0xfd, 0x77, [15] = 1}}, .len = 64}};
    char held[512];
    struct ifreq ifr = {0};
    (void)state;
    if (cannot())
        skip();
    assert_int_equal(link_configure(&t), 0);
    addresses(held, sizeof held);
    assert_string_equal(held, "10.77.0.1 fd77::1 ");
    assert_int_equal(link_configure(&t), 0);
    t.net4.addr.b[3] = 2;                        /* another address; no IPv6 any more */
    t.net6 = (struct ip_prefix){0};
    t.mtu = 1380;
    assert_int_equal(link_configure(&t), 0);
    addresses(held, sizeof held);
    assert_string_equal(held, "10.77.0.2 ");
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    memcpy(ifr.ifr_name, "pctun0", 7);
    assert_int_equal(ioctl(fd, SIOCGIFMTU, &ifr), 0);
    assert_int_equal(ifr.ifr_mtu, 1380);
    assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
    assert_true(ifr.ifr_flags & IFF_UP);
    close(fd);
    memcpy(t.iface, "absent0", 8);
    assert_int_equal(link_configure(&t), -ENODEV);
}

static void ip_program(const char *const args[8])
{
    int status = -1;
    pid_t pid = fork();
    if (pid == 0) {
        execv("/sbin/ip", (char *const *)(uintptr_t)args);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void what_others_change_is_seen(void **state)
{
    static const struct {
        const char *args[8], *says;
    } cases[] = {
        {{"ip", "link", "set", "pctun0", "down"}, "pctun0 is down"},
        {{"ip", "link", "set", "pctun0", "mtu", "1300"}, "pctun0 has another MTU"},
        {{"ip", "addr", "del", "10.77.0.1/16", "dev", "pctun0"}, "pctun0 has lost its address"},
        {{"ip", "addr", "del", "fd77::1/64", "dev", "pctun0"}, "pctun0 has lost its address"},
        {{"ip", "addr", "add", "192.0.2.1/32", "dev", "pctun0"},
         "pctun0 has another address beside ours"},
    };
    struct tunnel t = {.iface = "pctun0", .mtu = 1420,
        .net4 = {.addr = {.family = 4, .b = {10, 77, 0, 1}}, .len = 16},
        .net6 = {.addr = {.family = 6, .b = {0xfd, 0x77, [15] = 1}}, .len = 64}};
    char what[128];
    (void)state;
    if (cannot())
        skip();
    assert_int_equal(link_configure(&t), 0);
    assert_int_equal(link_verify(&t, what), 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        ip_program(cases[i].args);
        assert_int_equal(link_verify(&t, what), 1);
        assert_string_equal(what, cases[i].says);
        assert_int_equal(link_configure(&t), 0);
        assert_int_equal(link_verify(&t, what), 0);
    }
    t.net6 = (struct ip_prefix){0};
    assert_int_equal(link_verify(&t, what), 1);  /* ours of before is one beside ours now */
    memcpy(t.iface, "absent0", 8);
    assert_int_equal(link_verify(&t, what), -ENODEV);
}

static void forwarding(void **state)
{
    bool v4 = true, v6 = true;
    (void)state;
    if (cannot())
        skip();
    assert_int_equal(link_forwarding(&v4, &v6), 0);
    assert_false(v6);
    assert_int_equal(link_set_forwarding(false), 0);
    assert_int_equal(link_forwarding(&v4, &v6), 0);
    assert_true(v4);
    assert_false(v6);
    assert_int_equal(link_set_forwarding(true), 0);
    assert_int_equal(link_forwarding(&v4, &v6), 0);
    assert_true(v4 && v6);
}

static void features(void **state)
{
    struct kernel_features f;
    (void)state;
    if (cannot())
        skip();
    for (int i = 0; i < 2; i++) {                /* twice: the first left nothing behind */
        assert_int_equal(kernel_features(&f), 0);
        assert_true(f.nf_tables && f.owner_tables && f.conntrack && f.nflog);
    }
    assert_int_equal(link_add_wireguard("pcwg0"), f.wireguard ? 0 : -EOPNOTSUPP);
    if (f.wireguard)
        assert_int_equal(link_add_wireguard("pcwg0"), -EEXIST);
    assert_int_equal(link_delete("pctun0"), 0);
    assert_int_equal(link_delete("pctun0"), -ENODEV);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_and_kinds),
        cmocka_unit_test(configured_as_the_tunnel_says),
        cmocka_unit_test(what_others_change_is_seen),
        cmocka_unit_test(forwarding),
        cmocka_unit_test(features),
    };
    return cmocka_run_group_tests(tests, namespace_of_ours, NULL);
}
