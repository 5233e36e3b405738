/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard's text protocol: replies good and hostile; and, where root and wireguard-go are at
 * hand, the whole back end against Debian's wireguard-go in namespaces of its own, with the stock
 * `wg` tool as the witness.
 */
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "kernel_rules/link.h"
#include "kernel_rules/wireguard_parts.h"
#include "policy/address.h"

#define K0 "0000000000000000000000000000000000000000000000000000000000000000"
#define K1 "1111111111111111111111111111111111111111111111111111111111111111"
#define K2 "2222222222222222222222222222222222222222222222222222222222222222"
#define OK "errno=0\n\n"

static void replies(void **state)
{
    static const struct { const char *what, *text; int rc; } cases[] = {
        {"empty interface", OK, 0},
        {"device", "private_key=" K1 "\nlisten_port=51820\nfwmark=0\n" OK, 0},
        {"peer", "public_key=" K1 "\npreshared_key=" K2 "\nprotocol_version=1\n"
                 "endpoint=192.0.2.1:51820\nlast_handshake_time_sec=1700000000\n"
                 "last_handshake_time_nsec=1\ntx_bytes=1\nrx_bytes=2\n"
                 "persistent_keepalive_interval=0\nallowed_ip=10.77.0.2/32\n"
                 "allowed_ip=fd77::2/128\n" OK, 0},
        {"two peers", "public_key=" K1 "\npublic_key=" K2 "\n" OK, 0},
        {"IPv6 endpoint with zone", "public_key=" K1 "\nendpoint=[fe80::1%eth0]:1\n" OK, 0},
        {"mapped endpoint", "public_key=" K1 "\nendpoint=[::ffff:192.0.2.1]:1\n" OK, 0},
        {"error of wireguard-go", "errno=-22\n\n", -EINVAL},
        {"error of the specification", "errno=22\n\n", -EINVAL},
        {"nothing", "", -EBADMSG},
        {"no errno", "listen_port=1\n\n", -EBADMSG},
        {"no empty line", "errno=0\n", -EBADMSG},
        {"something after the end", OK "x", -EBADMSG},
        {"two ends", OK OK, -EBADMSG},
        {"errno too large", "errno=4096\n\n", -EBADMSG},
        {"errno minus zero", "errno=-0\n\n", -EBADMSG},
        {"errno with space", "errno= 0\n\n", -EBADMSG},
        {"CR", "listen_port=1\r\n" OK, -EBADMSG},
        {"unknown key", "colour=red\n" OK, -EBADMSG},
        {"no equals sign", "listen_port\n" OK, -EBADMSG},
        {"peer's key before a peer", "allowed_ip=10.0.0.1/32\n" OK, -EBADMSG},
        {"device's key after a peer", "public_key=" K1 "\nlisten_port=1\n" OK, -EBADMSG},
        {"port twice", "listen_port=1\nlisten_port=1\n" OK, -EBADMSG},
        {"port too large", "listen_port=65536\n" OK, -EBADMSG},
        {"port with leading zero", "listen_port=01\n" OK, -EBADMSG},
        {"port empty", "listen_port=\n" OK, -EBADMSG},
        {"port with sign", "listen_port=+1\n" OK, -EBADMSG},
        {"key too short", "public_key=11\n" OK, -EBADMSG},
        {"key in capitals", "public_key=AAAA111111111111111111111111111111111111111111111111111111"
                            "111111\n" OK, -EBADMSG},
        {"same peer twice", "public_key=" K1 "\npublic_key=" K2 "\npublic_key=" K1 "\n" OK,
         -EBADMSG},
        {"prefix too long", "public_key=" K1 "\nallowed_ip=10.0.0.1/33\n" OK, -EBADMSG},
        {"no prefix", "public_key=" K1 "\nallowed_ip=10.0.0.1\n" OK, -EBADMSG},
        {"endpoint without port", "public_key=" K1 "\nendpoint=192.0.2.1\n" OK, -EBADMSG},
        {"bare IPv6 endpoint", "public_key=" K1 "\nendpoint=2001:db8::1:80\n" OK, -EBADMSG},
        {"v4 in brackets with zone", "public_key=" K1 "\nendpoint=[10.0.0.1%a]:1\n" OK, -EBADMSG},
        {"counter overflows", "public_key=" K1 "\nrx_bytes=18446744073709551616\n" OK, -EBADMSG},
        {"protocol version 2", "public_key=" K1 "\nprotocol_version=2\n" OK, -EBADMSG},
        {"nanoseconds too many", "public_key=" K1 "\nlast_handshake_time_nsec=1000000000\n" OK,
         -EBADMSG},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct wg_state s;
        int rc = wg_uapi_parse(cases[i].text, strlen(cases[i].text), NULL, &s);
        if (rc != cases[i].rc)
            fail_msg("%s: %d", cases[i].what, rc);
        wg_state_clear(&s);
    }
}

static void values(void **state)
{
    static const char text[] =
        "private_key=" K1 "\nlisten_port=51820\nfwmark=4660\npublic_key=" K2 "\nendpoint=[2001:db8::1]:7\n"
        "public_key=" K1 "\nallowed_ip=10.77.0.2/32\nallowed_ip=10.77.0.3/32\n"
        "allowed_ip=fd77::2/128\nallowed_ip=fd77::/64\nrx_bytes=18446744073709551615\n" OK;
    struct wg_state s;
    uint8_t private_key[32], public_key[32];
    (void)state;
    memset(private_key, 0x11, sizeof private_key);
    crypto_scalarmult_curve25519_base(public_key, private_key);
    assert_int_equal(wg_uapi_parse(text, sizeof text - 1, NULL, &s), 0);
    assert_memory_equal(s.public_key.b, public_key, 32);
    assert_int_equal(s.listen_port, 51820);
    assert_int_equal(s.fwmark, 0x1234);
    assert_int_equal(s.n_peers, 2);
    assert_int_equal(s.peers[0].key.b[0], 0x11);            /* sorted */
    assert_int_equal(s.peers[0].addr4.b[3], 2);
    assert_int_equal(s.peers[0].addr6.b[15], 2);
    assert_int_equal(s.peers[0].other_allowed, 2);
    assert_true(s.peers[0].rx_bytes == UINT64_MAX);
    assert_int_equal(s.peers[1].endpoint.family, 6);
    assert_int_equal(s.peers[1].endpoint_port, 7);
    wg_state_clear(&s);
}

static void a_set_answers_with_its_status_only(void **state)
{
    static const char with_key[] = "private_key=" K1 "\n" OK;
    (void)state;
    assert_int_equal(wg_uapi_parse_status(OK, 9), 0);
    assert_int_equal(wg_uapi_parse_status("errno=-17\n\n", 11), -EEXIST);
    assert_int_equal(wg_uapi_parse_status(with_key, sizeof with_key - 1), -EBADMSG);
}

/* A key counts as a peer's own and in no other place; a reply that is not whole counts for nothing. */
static void keys_in_a_reply(void **state)
{
#define HEX "0707070707070707070707070707070707070707070707070707070707070707"
    static const struct { const char *text; int rc; uint32_t there; } cases[] = {
        {"listen_port=1\npublic_key=" HEX "\nrx_bytes=0\nerrno=0\n\n", 0, 1},
        {"public_key=" HEX "\nerrno=0\n\n", 0, 1},
        {"listen_port=1\nerrno=0\n\n", 0, 0},
        {"errno=0\n\n", 0, 0},
        {"listen_port=1\npreshared_key=" HEX "\nerrno=0\n\n", 0, 0},
        {"listen_port=1\npublic_key=" HEX "0\nerrno=0\n\n", 0, 0},
        {"listen_port=1\nerrno=-5\n\n", -5, 0},
        {"listen_port=1\npublic_key=", -EBADMSG, 0},
        {"listen_port=1\nerrno=0\n", -EBADMSG, 0},
        {"listen_port=1\nerrno=0\n\n\n", -EBADMSG, 0},
        {"", -EBADMSG, 0},
    };
    struct wg_key key;
    (void)state;
    memset(key.b, 7, sizeof key.b);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t there = 9;
        assert_int_equal(wg_uapi_count(cases[i].text, strlen(cases[i].text), &key, 1, &there),
                         cases[i].rc);
        assert_int_equal(there, cases[i].there);
    }
}

static void nul_bytes_are_refused(void **state)
{
    static const char text[] = "listen_port=1\0\n" OK;
    struct wg_state s;
    (void)state;
    assert_int_equal(wg_uapi_parse(text, sizeof text - 1, NULL, &s), -EBADMSG);
}

static const struct wg_preshared_keys no_keys;

static void requests_fit(void **state)
{
    static char text[WG_REQUEST_SIZE];
    struct device d[WG_CHUNK];
    struct wg_key keys[WG_CHUNK];
    (void)state;
    memset(d, 0xff, sizeof d);
    memset(keys, 0xff, sizeof keys);
    for (size_t i = 0; i < WG_CHUNK; i++) {
        d[i].addr4.family = 4;
        d[i].addr6.family = 6;
    }
    assert_true(wg_uapi_build_put(text, d, WG_CHUNK, &no_keys) > 0);
    assert_true(wg_uapi_build_end(text, keys, WG_CHUNK, WG_EMPTY) > 0);
    assert_true(wg_uapi_build_end(text, keys, WG_CHUNK, WG_REMOVE) > 0);
}

static void requests_say_this(void **state)
{
    static char text[WG_REQUEST_SIZE];
    struct device d = {.addr4 = {.family = 4, .b = {10, 77, 0, 2}}};
    const uint16_t port = 7;
    (void)state;
    memset(d.key.b, 0x11, sizeof d.key.b);
    int len = wg_uapi_build_put(text, &d, 1, &no_keys);
    assert_int_equal(len, strlen(text));
    assert_string_equal(text, "set=1\npublic_key=" K1 "\npreshared_key=" K0 "\n"
                              "replace_allowed_ips=true\nallowed_ip=10.77.0.2/32\n\n");
    struct wg_preshared one = {.peer = d.key};
    memset(one.key.b, 0x22, sizeof one.key.b);
    wg_uapi_build_put(text, &d, 1, &(struct wg_preshared_keys){&one, 1});
    assert_non_null(strstr(text, "\npreshared_key=" K2 "\n"));
    wg_uapi_build_end(text, &d.key, 1, WG_EMPTY);
    assert_string_equal(text, "set=1\npublic_key=" K1 "\nupdate_only=true\n"
                              "replace_allowed_ips=true\n\n");
    wg_uapi_build_end(text, &d.key, 1, WG_REMOVE);
    assert_string_equal(text, "set=1\npublic_key=" K1 "\nupdate_only=true\nremove=true\n\n");
    wg_uapi_build_device(text, &d.key, &port);
    assert_string_equal(text, "set=1\nprivate_key=" K1 "\nlisten_port=7\nfwmark=0\n\n");
    wg_uapi_build_device(text, NULL, &port);
    assert_string_equal(text, "set=1\nlisten_port=7\nfwmark=0\n\n");
}

/* ---- against the real wireguard-go ------------------------------------------------------- */

#define IFACE "pcwire0"

static void nap(void)
{
    const struct timespec t = {.tv_nsec = 20000000};
    nanosleep(&t, NULL);
}

/* Namespaces of our own; /run/wireguard is a private tmpfs, so that no socket is seen outside. */
static int private_namespaces(void)
{
    if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
        mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", "/run", "tmpfs", 0, "mode=755") != 0)
        return -errno;
    return 0;
}

static pid_t start_wireguard_go(void)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(126);
        execl("/usr/bin/wireguard-go", "wireguard-go", "-f", IFACE, (char *)NULL);
        _exit(127);
    }
    return pid;
}

/* The stock tool's answer to `wg show IFACE what`. */
static void witness(const char *what, char *out, size_t size)
{
    int p[2];
    size_t len = 0;
    assert_int_equal(pipe(p), 0);
    pid_t pid = fork();
    if (pid == 0) {
        dup2(p[1], STDOUT_FILENO);
        close(p[0]);
        execl("/usr/bin/wg", "wg", "show", IFACE, what, (char *)NULL);
        _exit(127);
    }
    close(p[1]);
    for (ssize_t n; len < size - 1 && (n = read(p[0], out + len, size - 1 - len)) > 0;)
        len += (size_t)n;
    out[len] = 0;
    close(p[0]);
    int status;
    waitpid(pid, &status, 0);
    assert_int_equal(status, 0);
}

static size_t lines(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += *s == '\n';
    return n;
}

static struct device lab_device(uint32_t i)
{
    struct device d = {.index = i, .addr4 = {.family = 4, .b = {10, 77}},
                       .addr6 = {.family = 6, .b = {0xfd, 0x77}}};
    d.addr4.b[2] = d.addr6.b[14] = (uint8_t)(i >> 8);
    d.addr4.b[3] = d.addr6.b[15] = (uint8_t)i;
    randombytes_buf(d.key.b, sizeof d.key.b);
    d.key.b[31] &= 0x7f;
    return d;
}

static void key_and_port(struct wg *w)
{
    struct wg_key k;
    char said[8192], port[16];
    randombytes_buf(k.b, sizeof k.b);
    k.b[0] &= 248;
    k.b[31] = (uint8_t)((k.b[31] & 127) | 64);
    assert_int_equal(wg_set_device(w, &k, 51999), 0);
    witness("listen-port", port, sizeof port);
    assert_string_equal(port, "51999\n");
    struct wg_state s;
    char text[KEY_TEXT];
    assert_int_equal(wg_read(w, &s), 0);
    witness("public-key", said, sizeof said);
    assert_memory_equal(said, wg_key_print(&s.public_key, text), 44);
    wg_state_clear(&s);
    assert_int_equal(wg_set_device(w, &k, 51999), 0);
}

static void peers_come_and_go(struct wg *w)
{
    enum { N = 600 };
    static struct device d[N];
    static char said[200000];
    struct wg_state s;
    struct wg_diff diff;
    char text[KEY_TEXT];

    for (uint32_t i = 0; i < N; i++)
        d[i] = lab_device(i + 1);
    assert_int_equal(wg_put_peers(w, d, N), 0);
    witness("allowed-ips", said, sizeof said);
    assert_int_equal(lines(said), N);
    const char *line = strstr(said, wg_key_print(&d[0].key, text));
    assert_non_null(line);
    assert_non_null(strstr(line, "\t10.77.0.1/32 fd77::1/128\n"));
    assert_int_equal(wg_read(w, &s), 0);
    assert_int_equal(wg_diff(&s, d, N, &diff), 0);
    assert_int_equal(diff.n_put + diff.n_drop, 0);
    wg_diff_clear(&diff);
    assert_int_equal(wg_diff(&s, d, N - 1, &diff), 0);
    assert_int_equal(diff.n_drop, 1);
    assert_int_equal(wg_drop_peers(w, diff.drop, diff.n_drop), 0);
    assert_int_equal(wg_drop_peers(w, diff.drop, diff.n_drop), 0);   /* absent is no error */
    wg_diff_clear(&diff);
    wg_state_clear(&s);
    witness("peers", said, sizeof said);
    assert_int_equal(lines(said), N - 1);
    assert_null(strstr(said, wg_key_print(&d[N - 1].key, text)));
}

/* Some of many, none, and more than are asked for by themselves. */
static void peers_are_counted(struct wg *w)
{
    struct device d[WG_ASK_MAX + 2];
    struct wg_key keys[WG_ASK_MAX + 2];
    uint32_t there = 7;

    for (uint32_t i = 0; i < WG_ASK_MAX + 2; i++) {
        d[i] = lab_device(800 + i);
        keys[i] = d[i].key;
    }
    assert_int_equal(wg_count_peers(w, keys, 2, &there), 0);
    assert_int_equal(there, 0);
    assert_int_equal(wg_put_peers(w, d, WG_ASK_MAX + 1), 0);
    assert_int_equal(wg_count_peers(w, keys, 2, &there), 0);
    assert_int_equal(there, 2);
    assert_int_equal(wg_count_peers(w, keys, WG_ASK_MAX + 2, &there), 0);
    assert_int_equal(there, WG_ASK_MAX + 1);
    assert_int_equal(wg_drop_peers(w, keys, 1), 0);
    assert_int_equal(wg_count_peers(w, keys, 2, &there), 0);
    assert_int_equal(there, 1);
    assert_int_equal(wg_drop_peers(w, keys, WG_ASK_MAX + 2), 0);
}

/* What wg(8) was told by hand is seen, and put right by the next put. */
static void preshared_keys(struct wg *w)
{
    struct device d = lab_device(700);
    struct wg_preshared one = {.peer = d.key};
    static char said[100000];
    struct wg_state s;
    char text[KEY_TEXT];

    randombytes_buf(one.key.b, sizeof one.key.b);
    assert_int_equal(wg_use_preshared(w, &one, 1), 0);
    assert_int_equal(wg_put_peers(w, &d, 1), 0);
    witness("preshared-keys", said, sizeof said);
    assert_non_null(strstr(said, wg_key_print(&one.key, text)));
    for (int differs = 0; differs < 2; differs++) {
        assert_int_equal(wg_read(w, &s), 0);
        size_t others = 0;
        for (size_t i = 0; i < s.n_peers; i++)
            others += s.peers[i].other_preshared;
        assert_int_equal(others, differs);
        wg_state_clear(&s);
        assert_int_equal(wg_use_preshared(w, NULL, 0), 0);
    }
    assert_int_equal(wg_put_peers(w, &d, 1), 0);
    witness("preshared-keys", said, sizeof said);
    assert_null(strstr(said, wg_key_print(&one.key, text)));
    assert_int_equal(wg_drop_peers(w, &d.key, 1), 0);
}

static void with_wireguard_go(void **state)
{
    struct wg *w = NULL;
    int rc = -1;
    (void)state;
    if (geteuid() != 0 || access("/usr/bin/wireguard-go", X_OK) != 0 ||
        access("/usr/bin/wg", X_OK) != 0 || access("/dev/net/tun", R_OK) != 0) {
        print_message("needs root, wireguard-go, wg and /dev/net/tun\n");
        skip();
    }
    assert_int_equal(private_namespaces(), 0);
    assert_int_equal(wg_open(&w, IFACE, WG_USERSPACE), -ENOENT);
    assert_int_equal(wg_open(&w, "../wg0", WG_USERSPACE), -EINVAL);
    assert_int_equal(wg_open(&w, "lo", WG_KERNEL), -ENODEV);
    pid_t pid = start_wireguard_go();
    for (int i = 0; rc < 0 && i < 250; i++, nap())
        rc = wg_open(&w, IFACE, WG_USERSPACE);
    assert_int_equal(rc, 0);
    key_and_port(w);
    peers_come_and_go(w);
    peers_are_counted(w);
    preshared_keys(w);
    char kind[IFACE_SIZE];
    assert_int_equal(link_kind(IFACE, kind), 0);
    assert_string_equal(kind, "tun");
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    struct wg_state s;
    assert_int_equal(wg_read(w, &s), -ECONNREFUSED);
    wg_close(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(replies),
        cmocka_unit_test(values),
        cmocka_unit_test(a_set_answers_with_its_status_only),
        cmocka_unit_test(keys_in_a_reply),
        cmocka_unit_test(nul_bytes_are_refused),
        cmocka_unit_test(requests_fit),
        cmocka_unit_test(requests_say_this),
        cmocka_unit_test(with_wireguard_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
