/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The generic netlink back end against a kernel that has WireGuard, in network namespaces of our
 * own. The witness is the stock `wg`: what we say to the kernel it reads, what it says we read.
 * Runs in the guest of tests/vm; there, a kernel without WireGuard is a failure.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "kernel_rules/link.h"
#include "kernel_rules/wireguard_parts.h"
#include "policy/address.h"

#define IFACE "pcwg0"
#define MANY 1000u             /* several requests, and several messages of a dump */
#define SAID_SIZE (1u << 20)

static char said[SAID_SIZE];   /* what a witness printed */
static int home = -1;          /* the namespace of the interface under test */

/* ---- the witness ------------------------------------------------------------------------ */

static pid_t start(const char *command, const int out[2])
{
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(out[1], 1);
        close(out[0]);
        close(out[1]);
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* What a command prints; that it succeeds is asserted. */
static const char *witness(const char *command)
{
    int out[2], status;
    size_t len = 0;
    ssize_t n;
    assert_int_equal(pipe(out), 0);
    pid_t pid = start(command, out);
    close(out[1]);
    while ((n = read(out[0], said + len, sizeof said - 1 - len)) > 0)
        len += (size_t)n;
    close(out[0]);
    said[len] = '\0';
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (status != 0)
        fail_msg("%s: status %d: %s", command, status, said);
    return said;
}

static void says(const char *command, const char *expected)
{
    assert_string_equal(witness(command), expected);
}

/* ---- devices ------------------------------------------------------------------------------- */

static struct ip_addr ip(const char *s)
{
    struct ip_addr a = {0};
    assert_true(ip_parse(s, strlen(s), &a));
    return a;
}

/* Device i has 10.77.(i>>8).(i&255) and the IPv6 address that ends alike. */
static struct device device(uint32_t i)
{
    struct device d = {.index = i, .addr4 = ip("10.77.0.0"), .addr6 = ip("fd77::")};
    d.addr4.b[2] = d.addr6.b[14] = (uint8_t)(i >> 8);
    d.addr4.b[3] = d.addr6.b[15] = (uint8_t)i;
    crypto_generichash(d.key.b, sizeof d.key.b, (const uint8_t *)&i, sizeof i, NULL, 0);
    return d;
}

static const char *base64(const struct wg_key *key)
{
    static char text[4][64];
    static unsigned turn;
    char *to = text[turn++ % 4];
    return sodium_bin2base64(to, 64, key->b, sizeof key->b, sodium_base64_VARIANT_ORIGINAL);
}

static struct wg_key key_of(const char *text)
{
    struct wg_key key;
    size_t len;
    assert_int_equal(sodium_base642bin(key.b, sizeof key.b, text, strlen(text), "\n", &len, NULL,
                                       sodium_base64_VARIANT_ORIGINAL), 0);
    assert_int_equal(len, sizeof key.b);
    return key;
}

/* ---- the interface -------------------------------------------------------------------------- */

static int fresh_interface(void **state)
{
    struct wg *w;
    if (setns(home, CLONE_NEWNET) != 0)
        return -1;
    int rc = link_delete(IFACE);
    if (rc < 0 && rc != -ENODEV)
        return rc;
    if (link_add_wireguard(IFACE) != 0 || wg_open(&w, IFACE, WG_KERNEL) != 0)
        return -1;
    *state = w;
    return 0;
}

static int end_interface(void **state)
{
    wg_close(*state);
    return 0;
}

static int namespace_of_ours(void **state)
{
    (void)state;
    if (sodium_init() < 0 || unshare(CLONE_NEWNET) != 0)
        return -1;
    home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    return home < 0 ? -1 : 0;
}

static size_t n_differences(struct wg *w, const struct device *want, size_t n)
{
    struct wg_state s;
    struct wg_diff d;
    assert_int_equal(wg_read(w, &s), 0);
    assert_int_equal(wg_diff(&s, want, n, &d), 0);
    size_t count = d.n_put + d.n_drop;
    wg_diff_clear(&d);
    wg_state_clear(&s);
    return count;
}

/* ---- the tests ------------------------------------------------------------------------------- */

static void what_may_be_opened(void **state)
{
    struct kernel_features f;
    struct wg *w = NULL;
    char kind[IFACE_SIZE];
    (void)state;
    assert_int_equal(kernel_features(&f), 0);
    assert_true(f.wireguard);
    assert_int_equal(link_kind(IFACE, kind), 0);
    assert_string_equal(kind, "wireguard");
    assert_int_equal(link_add_wireguard(IFACE), -EEXIST);
    assert_int_equal(wg_open(&w, "lo", WG_KERNEL), -ENODEV);
    assert_int_equal(wg_open(&w, "absent0", WG_KERNEL), -ENODEV);
    assert_null(w);
}

static void key_and_port(void **state)
{
    struct wg *w = *state;
    struct wg_key key, public_key;
    struct wg_state s;
    char line[64];
    randombytes_buf(key.b, sizeof key.b);
    key.b[0] &= 248;
    key.b[31] = (uint8_t)((key.b[31] & 127) | 64);   /* as wg prints it: clamped */
    crypto_scalarmult_curve25519_base(public_key.b, key.b);
    assert_int_equal(wg_set_device(w, &key, 51820), 0);
    snprintf(line, sizeof line, "%s\n", base64(&key));
    says("wg show " IFACE " private-key", line);
    says("wg show " IFACE " listen-port", "51820\n");
    assert_int_equal(wg_set_device(w, &key, 51821), 0);
    says("wg show " IFACE " private-key", line);
    says("wg show " IFACE " listen-port", "51821\n");
    assert_int_equal(wg_set_device(w, &key, 51821), 0);
    assert_int_equal(wg_read(w, &s), 0);
    assert_memory_equal(&s.public_key, &public_key, sizeof public_key);
    assert_int_equal(s.listen_port, 51821);
    assert_int_equal(s.n_peers, 0);
    wg_state_clear(&s);
}

static void a_port_that_is_taken(void **state)
{
    struct wg *w = *state, *other;
    const struct wg_key key = {{8, [31] = 64}};
    assert_int_equal(wg_set_device(w, &key, 51820), 0);
    assert_int_equal(link_configure(&(struct tunnel){.iface = IFACE, .mtu = 1420,
        .net4 = {.addr = ip("10.77.0.1"), .len = 16}}), 0);
    assert_int_equal(link_add_wireguard("pcwg1"), 0);
    assert_int_equal(link_configure(&(struct tunnel){.iface = "pcwg1", .mtu = 1420,
        .net4 = {.addr = ip("10.78.0.1"), .len = 16}}), 0);
    assert_int_equal(wg_open(&other, "pcwg1", WG_KERNEL), 0);
    assert_int_equal(wg_set_device(other, &key, 51820), -EADDRINUSE);
    wg_close(other);
    assert_int_equal(link_delete("pcwg1"), 0);
}

static void peers_come_move_and_go(void **state)
{
    struct wg *w = *state;
    struct device d[3] = {device(1), device(2), device(3)};
    char expected[512];
    d[2].addr6 = (struct ip_addr){0};
    assert_int_equal(wg_put_peers(w, d, 3), 0);
    snprintf(expected, sizeof expected,
             "%s\t10.77.0.1/32 fd77::1/128\n%s\t10.77.0.2/32 fd77::2/128\n%s\t10.77.0.3/32\n",
             base64(&d[0].key), base64(&d[1].key), base64(&d[2].key));
    says("wg show " IFACE " allowed-ips", expected);
    assert_int_equal(n_differences(w, d, 3), 0);

    d[0].addr4 = ip("10.77.9.9");                   /* moved */
    assert_int_equal(n_differences(w, d, 3), 1);
    assert_int_equal(wg_put_peers(w, d, 1), 0);
    assert_int_equal(n_differences(w, d, 3), 0);

    struct wg_key gone[3] = {d[1].key, device(99).key, d[2].key};   /* 99 never was there */
    assert_int_equal(wg_drop_peers(w, gone, 3), 0);
    snprintf(expected, sizeof expected, "%s\t10.77.9.9/32 fd77::1/128\n", base64(&d[0].key));
    says("wg show " IFACE " allowed-ips", expected);
    assert_int_equal(n_differences(w, d, 1), 0);
}

/* What somebody else does with the stock tool is seen and undone. */
static void a_foreign_hand(void **state)
{
    static const struct { const char *what, *command; } cases[] = {
        {"a network more", "wg set " IFACE " peer %s allowed-ips 10.77.0.1/32,fd77::1/128,10.9.0.0/16"},
        {"an address more", "wg set " IFACE " peer %s allowed-ips 10.77.0.1/32,10.77.0.8/32,fd77::1/128"},
        {"all of them", "wg set " IFACE " peer %s allowed-ips 0.0.0.0/0,::/0"},
        {"none", "wg set " IFACE " peer %s allowed-ips ''"},
        {"its address as a network", "wg set " IFACE " peer %s allowed-ips 10.77.0.0/31,fd77::1/128"},
        {"removed", "wg set " IFACE " peer %s remove"},
    };
    struct wg *w = *state;
    struct device d = device(1);
    char command[256], expected[256];
    snprintf(expected, sizeof expected, "%s\t10.77.0.1/32 fd77::1/128\n", base64(&d.key));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(wg_put_peers(w, &d, 1), 0);
        says("wg show " IFACE " allowed-ips", expected);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(command, sizeof command, cases[i].command, base64(&d.key));
#pragma GCC diagnostic pop
        witness(command);
        if (n_differences(w, &d, 1) != 1)
            fail_msg("not seen: %s", cases[i].what);
    }
}

static size_t lines(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == '\n';
    return n;
}

static void many_peers(void **state)
{
    struct wg *w = *state;
    struct device *d = calloc(MANY, sizeof *d);
    struct wg_key *keys = calloc(MANY, sizeof *keys);
    for (uint32_t i = 0; i < MANY; i++) {
        d[i] = device(i + 1);
        keys[i] = d[i].key;
    }
    assert_int_equal(wg_put_peers(w, d, MANY), 0);
    assert_int_equal(n_differences(w, d, MANY), 0);
    assert_int_equal(lines(witness("wg show " IFACE " peers")), MANY);
    assert_int_equal(wg_drop_peers(w, keys + 1, MANY - 1), 0);
    assert_int_equal(n_differences(w, d, 1), 0);
    assert_int_equal(lines(witness("wg show " IFACE " peers")), 1);
    free(keys);
    free(d);
}

/* One peer is asked for by itself once the kernel has told of one that it was there; asking adds none
 * and takes nothing off. */
static void one_peer_is_asked_for(void **state)
{
    struct wg *w = *state;
    struct device d[3] = {device(1), device(2), device(3)};
    const struct wg_key absent = device(9).key;
    uint32_t there = 7;
    assert_int_equal(wg_put_peers(w, d, 3), 0);
    for (int asked = 0; asked < 2; asked++) {
        assert_int_equal(w->tells_apart, asked);
        assert_int_equal(wg_count_peers(w, &absent, 1, &there), 0);
        assert_int_equal(there, 0);
        assert_int_equal(wg_count_peers(w, &d[1].key, 1, &there), 0);
        assert_int_equal(there, 1);
        assert_int_equal(n_differences(w, d, 3), 0);
        assert_int_equal(wg_drop_peers(w, &d[2].key, 1), 0);
        assert_int_equal(wg_count_peers(w, &d[2].key, 1, &there), 0);
        assert_int_equal(there, 0);
        assert_int_equal(wg_put_peers(w, &d[2], 1), 0);
    }
    assert_int_equal(wg_drop_peers(w, &absent, 1), 0);
    assert_int_equal(n_differences(w, d, 3), 0);
}

/* One peer with more allowed-ips than a message holds goes on in the next: still one peer. */
static void a_peer_over_several_messages(void **state)
{
    struct wg *w = *state;
    struct device d[3] = {device(1), device(2), device(3)};
    struct wg_state s;
    char path[] = "/tmp/pcwg-conf-XXXXXX", command[128];
    int fd = mkstemp(path);
    assert_int_equal(wg_put_peers(w, d, 3), 0);
    dprintf(fd, "[Peer]\nPublicKey = %s\nAllowedIPs = 10.77.0.2/32", base64(&d[1].key));
    for (unsigned i = 0; i < 5000; i++)
        dprintf(fd, ", 10.99.%u.%u/32", i >> 8, i & 255);
    dprintf(fd, "\n");
    close(fd);
    snprintf(command, sizeof command, "wg addconf " IFACE " %s", path);
    witness(command);
    unlink(path);
    assert_int_equal(wg_read(w, &s), 0);
    assert_int_equal(s.n_peers, 3);
    uint32_t others = 0;
    for (size_t i = 0; i < 3; i++)
        others += s.peers[i].other_allowed;
    wg_state_clear(&s);
    assert_int_equal(others, 5000);
    assert_int_equal(n_differences(w, d, 3), 1);
    assert_int_equal(wg_put_peers(w, d, 3), 0);
    assert_int_equal(n_differences(w, d, 3), 0);
}

/* Another process adds and removes peers without end while we read, with a pause now and then, so
 * that a slow machine finishes a dump, too. */
static pid_t start_churn(void)
{
    pid_t pid = fork();
    struct wg *w;
    if (pid != 0)
        return pid;
    if (wg_open(&w, IFACE, WG_KERNEL) != 0)
        _exit(1);
    for (uint32_t i = 0;; i++) {
        struct device d = device(10000 + i % 500);
        if (wg_put_peers(w, &d, 1) != 0 || wg_drop_peers(w, &d.key, 1) != 0)
            _exit(1);
        usleep(i % 50 == 49 ? 500000 : 2000);
    }
}

/* A dump that others interrupt is whole or refused: never peers missing that were there all along. */
static void reading_while_others_write(void **state)
{
    struct wg *w = *state;
    struct device *d = calloc(MANY, sizeof *d);
    unsigned n = 0, whole = 0;
    int status;
    for (uint32_t i = 0; i < MANY; i++)
        d[i] = device(i + 1);
    assert_int_equal(wg_put_peers(w, d, MANY), 0);
    pid_t pid = start_churn();
    assert_true(pid > 0);
    for (; n < 20 || (n < 200 && whole == 0); n++) {
        struct wg_state s;
        struct wg_diff diff;
        int rc = wg_read(w, &s);
        if (rc == -EAGAIN)
            continue;
        assert_int_equal(rc, 0);
        assert_int_equal(wg_diff(&s, d, MANY, &diff), 0);
        assert_int_equal(diff.n_put, 0);
        assert_true(diff.n_drop <= 1);
        wg_diff_clear(&diff);
        wg_state_clear(&s);
        whole++;
    }
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);   /* it was busy to the end */
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    print_message("%u of %u reads were whole\n", whole, n);
    assert_true(whole > 0);
    free(d);
}

/* ---- a real handshake ----------------------------------------------------------------------------- */

static const char far_side[] =
    "set -e; ip link add pcv0 type veth peer name pcv1;"
    "ip addr add 192.0.2.1/24 dev pcv0; ip addr add 2001:db8::1/64 dev pcv0 nodad;"
    "ip link set pcv0 up; ip netns add pcwgfar; ip link set pcv1 netns pcwgfar;"
    "far() { ip netns exec pcwgfar \"$@\"; };"
    "far ip addr add 192.0.2.2/24 dev pcv1; far ip addr add 2001:db8::2/64 dev pcv1 nodad;"
    "far ip link set pcv1 up; far ip link add wg0 type wireguard;"
    "wg genkey >/tmp/pcwg-far; far wg set wg0 private-key /tmp/pcwg-far listen-port 4500;"
    "far ip addr add 10.77.0.1/16 dev wg0; far ip link set wg0 up;"
    "wg pubkey </tmp/pcwg-far";
static const char far_end[] =
    "ip netns del pcwgfar; rm -f /tmp/pcwg-far; ip link del pcv0 2>/dev/null; true";

static void shake(const struct wg_key *ours, const char *endpoint)
{
    char command[512];
    snprintf(command, sizeof command,
             "ip netns exec pcwgfar wg set wg0 peer %s endpoint '%s' allowed-ips 10.77.255.254/32; "
             "ip netns exec pcwgfar ping -c 3 -i 0.3 -W 5 10.77.255.254 >/dev/null",
             base64(ours), endpoint);
    witness(command);
}

/* Endpoint, counters and the time of the handshake, as `wg show dump` has them. */
static void agrees_with_dump(const struct wg_peer *p)
{
    char endpoint[80], text[64];
    unsigned long long seen, rx, tx;
    witness("wg show " IFACE " dump | tail -n 1 | cut -f3,5,6,7");
    assert_int_equal(sscanf(said, "%79s %llu %llu %llu", endpoint, &seen, &rx, &tx), 4);
    inet_ntop(p->endpoint.family == 4 ? AF_INET : AF_INET6, p->endpoint.b, text, sizeof text);
    snprintf(said, sizeof said, p->endpoint.family == 4 ? "%s:%u" : "[%s]:%u", text,
             p->endpoint_port);
    assert_string_equal(said, endpoint);
    assert_int_equal(p->endpoint_port, 4500);
    assert_true(p->last_handshake.s > 1600000000);
    assert_int_equal((unsigned long long)p->last_handshake.s, seen);
    assert_int_equal(p->rx_bytes, rx);
    assert_int_equal(p->tx_bytes, tx);
    assert_true(rx > 0 && tx > 0);
}

static void a_peer_that_speaks(void **state)
{
    static const char *const endpoints[] = {"192.0.2.1:51820", "[2001:db8::1]:51820"};
    struct wg *w = *state;
    const struct wg_key key = {{8, [31] = 64}};
    struct device d = device(1);
    struct wg_state s;
    d.key = key_of(witness(far_side));
    assert_int_equal(wg_set_device(w, &key, 51820), 0);
    assert_int_equal(link_configure(&(struct tunnel){.iface = IFACE, .mtu = 1420,
        .net4 = {.addr = ip("10.77.255.254"), .len = 16}}), 0);
    assert_int_equal(wg_put_peers(w, &d, 1), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(wg_read(w, &s), 0);
        assert_int_equal(s.peers[0].last_handshake.s != 0, i != 0);
        struct wg_key ours = s.public_key;
        wg_state_clear(&s);
        shake(&ours, endpoints[i]);
        assert_int_equal(wg_read(w, &s), 0);
        assert_int_equal(s.n_peers, 1);
        agrees_with_dump(&s.peers[0]);
        wg_state_clear(&s);
    }
    assert_int_equal(wg_drop_peers(w, &d.key, 1), 0);
    witness("! ip netns exec pcwgfar ping -c 1 -W 1 10.77.255.254 >/dev/null");
    witness(far_end);
}

static void an_interface_that_goes(void **state)
{
    struct wg *w = *state;
    struct wg_state s;
    struct device d = device(1);
    assert_int_equal(link_delete(IFACE), 0);
    assert_int_equal(wg_read(w, &s), -ENODEV);
    assert_int_equal(wg_put_peers(w, &d, 1), -ENODEV);
    assert_int_equal(wg_drop_peers(w, &d.key, 1), -ENODEV);
}

#define ON_FRESH(f) cmocka_unit_test_setup_teardown(f, fresh_interface, end_interface)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_FRESH(what_may_be_opened),
        ON_FRESH(key_and_port),
        ON_FRESH(a_port_that_is_taken),
        ON_FRESH(peers_come_move_and_go),
        ON_FRESH(a_foreign_hand),
        ON_FRESH(many_peers),
        ON_FRESH(one_peer_is_asked_for),
        ON_FRESH(a_peer_over_several_messages),
        ON_FRESH(reading_while_others_write),
        ON_FRESH(a_peer_that_speaks),
        ON_FRESH(an_interface_that_goes),
    };
    return cmocka_run_group_tests(tests, namespace_of_ours, NULL);
}
