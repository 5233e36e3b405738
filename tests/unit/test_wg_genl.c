/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard's netlink messages, built and parsed without a kernel: what is built parses back,
 * a peer that continues in the next message is one peer, malformed attributes are refused; and
 * the difference between an interface and the devices that should be on it.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <linux/genetlink.h>
#include <linux/wireguard.h>

#include "kernel_rules/wireguard_parts.h"
#include "policy/address.h"

static struct ip_addr ip(const char *s)
{
    struct ip_addr a = {0};
    assert_true(ip_parse(s, strlen(s), &a));
    return a;
}

static struct device device(uint32_t i)
{
    struct device d = {.index = i, .addr4 = ip("10.77.0.0"), .addr6 = ip("fd77::")};
    d.addr4.b[2] = (uint8_t)(i >> 8);
    d.addr4.b[3] = d.addr6.b[15] = (uint8_t)i;
    d.addr6.b[14] = (uint8_t)(i >> 8);
    d.key.b[0] = (uint8_t)i;
    d.key.b[1] = (uint8_t)(i >> 8);
    return d;
}

static const struct wg_preshared_keys no_keys;

static void what_is_put_parses_back(void **state)
{
    struct device d[WG_CHUNK];
    struct wg_state s = {0};
    struct wg_collect c = {.state = &s};
    void *buf = malloc(WG_REQUEST_SIZE);
    (void)state;
    for (uint32_t i = 0; i < WG_CHUNK; i++)
        d[i] = device(i + 1);
    struct nlmsghdr *nlh = wg_genl_build_put(buf, 27, "wg0", d, WG_CHUNK, &no_keys);
    assert_true(nlh->nlmsg_len < WG_REQUEST_SIZE);
    assert_int_equal(wg_genl_parse(nlh, &c), 0);
    assert_int_equal(wg_collect_finish(&c), 0);
    assert_int_equal(s.n_peers, WG_CHUNK);
    struct wg_diff diff;
    assert_int_equal(wg_diff(&s, d, WG_CHUNK, &diff), 0);
    assert_int_equal(diff.n_put + diff.n_drop, 0);
    wg_diff_clear(&diff);
    wg_state_clear(&s);
    free(buf);
}

/* Peers 1 and 2 share a key with us; the interface has that of 1 and another one of 2 and 3. */
static void other_preshared_keys_differ(void **state)
{
    struct device d[3] = {device(1), device(2), device(3)};
    struct wg_preshared ours[2] = {{d[0].key, {{1}}}, {d[1].key, {{2}}}};
    struct wg_preshared theirs[3] = {{d[0].key, {{1}}}, {d[1].key, {{9}}}, {d[2].key, {{9}}}};
    const struct wg_preshared_keys have = {theirs, 3}, want = {ours, 2};
    struct wg_state s = {0};
    struct wg_collect c = {.state = &s, .preshared = &want};
    struct wg_diff diff;
    void *buf = malloc(WG_REQUEST_SIZE);
    (void)state;
    assert_int_equal(wg_genl_parse(wg_genl_build_put(buf, 27, "wg0", d, 3, &have), &c), 0);
    assert_int_equal(wg_collect_finish(&c), 0);
    assert_int_equal(wg_diff(&s, d, 3, &diff), 0);
    assert_int_equal(diff.n_drop, 0);
    assert_int_equal(diff.n_put, 2);
    assert_int_equal(diff.put[0]->index, 2);
    assert_int_equal(diff.put[1]->index, 3);
    wg_diff_clear(&diff);
    wg_state_clear(&s);
    free(buf);
}

static void ending_is_update_only(void **state)
{
    static const struct { enum wg_end how; uint32_t flags; } cases[] = {
        {WG_EMPTY, WGPEER_F_UPDATE_ONLY | WGPEER_F_REPLACE_ALLOWEDIPS},
        {WG_REMOVE, WGPEER_F_UPDATE_ONLY | WGPEER_F_REMOVE_ME},
    };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        _Alignas(8) char buf[512];
        struct device d = device(7);
        const struct nlattr *tb[WGDEVICE_A_MAX + 1], *peer[WGPEER_A_MAX + 1];
        struct nlmsghdr *nlh = wg_genl_build_end(buf, 27, "wg0", &d.key, 1, cases[i].how);
        assert_int_equal(nl_attrs(nlh, sizeof(struct genlmsghdr), tb, WGDEVICE_A_MAX), 0);
        assert_non_null(tb[WGDEVICE_A_PEERS]);
        assert_null(tb[WGDEVICE_A_FLAGS]);
        assert_int_equal(nl_nested(mnl_attr_get_payload(tb[WGDEVICE_A_PEERS]), peer,
                                   WGPEER_A_MAX), 0);
        assert_int_equal(mnl_attr_get_u32(peer[WGPEER_A_FLAGS]), cases[i].flags);
        assert_memory_equal(mnl_attr_get_payload(peer[WGPEER_A_PUBLIC_KEY]), &d.key, 32);
    }
}

/* The question for one peer: absent stays absent, and nothing of one that is there is touched. The
 * allowed-ip names its family alone, for which the kernel refuses the whole. */
static void asking_changes_nothing(void **state)
{
    _Alignas(8) char buf[512];
    const struct device d = device(7);
    const struct nlattr *tb[WGDEVICE_A_MAX + 1], *peer[WGPEER_A_MAX + 1], *one[WGALLOWEDIP_A_MAX + 1];
    (void)state;
    struct nlmsghdr *nlh = wg_genl_build_ask(buf, 27, "wg0", &d.key);
    assert_true(nlh->nlmsg_len < 256);
    assert_int_equal(nl_attrs(nlh, sizeof(struct genlmsghdr), tb, WGDEVICE_A_MAX), 0);
    for (int i = WGDEVICE_A_UNSPEC; i <= WGDEVICE_A_MAX; i++)
        assert_int_equal(tb[i] != NULL, i == WGDEVICE_A_IFNAME || i == WGDEVICE_A_PEERS);
    assert_int_equal(nl_nested(mnl_attr_get_payload(tb[WGDEVICE_A_PEERS]), peer, WGPEER_A_MAX), 0);
    assert_memory_equal(mnl_attr_get_payload(peer[WGPEER_A_PUBLIC_KEY]), &d.key, 32);
    assert_int_equal(mnl_attr_get_u32(peer[WGPEER_A_FLAGS]), WGPEER_F_UPDATE_ONLY);
    for (int i = 0; i <= WGPEER_A_MAX; i++)
        assert_int_equal(peer[i] != NULL, i == WGPEER_A_PUBLIC_KEY || i == WGPEER_A_FLAGS ||
                                              i == WGPEER_A_ALLOWEDIPS);
    assert_int_equal(nl_nested(mnl_attr_get_payload(peer[WGPEER_A_ALLOWEDIPS]), one,
                               WGALLOWEDIP_A_MAX), 0);
    for (int i = 0; i <= WGALLOWEDIP_A_MAX; i++)
        assert_int_equal(one[i] != NULL, i == WGALLOWEDIP_A_FAMILY);
}

static void the_device_takes_only_what_is_given(void **state)
{
    _Alignas(8) char buf[512];
    const struct nlattr *tb[WGDEVICE_A_MAX + 1];
    const struct wg_key key = {{1}};
    const uint16_t port = 51820;
    (void)state;
    struct nlmsghdr *nlh = wg_genl_build_device(buf, 27, "wg0", NULL, &port);
    assert_int_equal(nl_attrs(nlh, sizeof(struct genlmsghdr), tb, WGDEVICE_A_MAX), 0);
    assert_null(tb[WGDEVICE_A_PRIVATE_KEY]);
    assert_int_equal(mnl_attr_get_u16(tb[WGDEVICE_A_LISTEN_PORT]), port);
    assert_int_equal(mnl_attr_get_u32(tb[WGDEVICE_A_FWMARK]), 0);
    nlh = wg_genl_build_device(buf, 27, "wg0", &key, NULL);
    assert_int_equal(nl_attrs(nlh, sizeof(struct genlmsghdr), tb, WGDEVICE_A_MAX), 0);
    assert_null(tb[WGDEVICE_A_LISTEN_PORT]);
    assert_int_equal(mnl_attr_get_payload_len(tb[WGDEVICE_A_PRIVATE_KEY]), 32);
}

/* A message as the kernel would send it: one peer, its parts chosen by the caller. */
struct sent { const char *allowed4[3]; size_t n_allowed; bool counters; size_t ip_size, key_size; };

static struct nlmsghdr *from_kernel(void *buf, const struct wg_key *key, const struct sent *p)
{
    struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
    mnl_nlmsg_put_extra_header(nlh, sizeof(struct genlmsghdr));
    struct nlattr *peers = mnl_attr_nest_start(nlh, WGDEVICE_A_PEERS);
    struct nlattr *peer = mnl_attr_nest_start(nlh, 0);
    mnl_attr_put(nlh, WGPEER_A_PUBLIC_KEY, p->key_size ? p->key_size : 32, key->b);
    if (p->counters) {
        const struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(4500),
                                       .sin_addr.s_addr = htonl(0xc0000201)};
        const int64_t seen[2] = {1700000000, 5};
        mnl_attr_put(nlh, WGPEER_A_ENDPOINT, sizeof at, &at);
        mnl_attr_put(nlh, WGPEER_A_LAST_HANDSHAKE_TIME, sizeof seen, seen);
        mnl_attr_put_u64(nlh, WGPEER_A_RX_BYTES, 11);
        mnl_attr_put_u64(nlh, WGPEER_A_TX_BYTES, 22);
    }
    struct nlattr *list = mnl_attr_nest_start(nlh, WGPEER_A_ALLOWEDIPS);
    for (size_t i = 0; i < p->n_allowed; i++) {
        struct ip_addr a = ip(p->allowed4[i]);
        struct nlattr *one = mnl_attr_nest_start(nlh, 0);
        mnl_attr_put_u16(nlh, WGALLOWEDIP_A_FAMILY, AF_INET);
        mnl_attr_put(nlh, WGALLOWEDIP_A_IPADDR, p->ip_size ? p->ip_size : 4, a.b);
        mnl_attr_put_u8(nlh, WGALLOWEDIP_A_CIDR_MASK, 32);
        mnl_attr_nest_end(nlh, one);
    }
    mnl_attr_nest_end(nlh, list);
    mnl_attr_nest_end(nlh, peer);
    mnl_attr_nest_end(nlh, peers);
    return nlh;
}

static void a_peer_goes_on_in_the_next_message(void **state)
{
    _Alignas(8) char buf[1024];
    const struct wg_key a = {{1}}, b = {{2}};
    struct wg_state s = {0};
    struct wg_collect c = {.state = &s};
    (void)state;
    assert_int_equal(wg_genl_parse(from_kernel(buf, &a, &(struct sent){
        .allowed4 = {"10.77.0.1"}, .n_allowed = 1, .counters = true}), &c), 0);
    assert_int_equal(wg_genl_parse(from_kernel(buf, &a, &(struct sent){
        .allowed4 = {"10.77.0.9", "10.77.0.8"}, .n_allowed = 2}), &c), 0);
    assert_int_equal(wg_genl_parse(from_kernel(buf, &b, &(struct sent){0}), &c), 0);
    assert_int_equal(wg_collect_finish(&c), 0);
    assert_int_equal(s.n_peers, 2);
    assert_int_equal(s.peers[0].other_allowed, 2);
    assert_int_equal(s.peers[0].endpoint_port, 4500);
    assert_int_equal(s.peers[0].last_handshake.s, 1700000000);
    assert_int_equal(s.peers[0].rx_bytes, 11);
    assert_int_equal(s.peers[0].tx_bytes, 22);
    assert_int_equal(s.peers[1].addr4.family, 0);
    assert_int_equal(wg_genl_parse(from_kernel(buf, &a, &(struct sent){0}), &c), 0);
    assert_int_equal(wg_collect_finish(&c), -EBADMSG);      /* a again, not adjacent */
    wg_state_clear(&s);
}

static void wrong_sizes_are_refused(void **state)
{
    static const struct { const char *what; struct sent p; } cases[] = {
        {"key of 31 bytes", {.key_size = 31}},
        {"IPv4 address of 3 bytes", {.allowed4 = {"10.0.0.1"}, .n_allowed = 1, .ip_size = 3}},
        {"IPv4 address of 16 bytes", {.allowed4 = {"10.0.0.1"}, .n_allowed = 1, .ip_size = 16}},
    };
    const struct wg_key a = {{1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        _Alignas(8) char buf[1024];
        struct wg_state s = {0};
        struct wg_collect c = {.state = &s};
        if (wg_genl_parse(from_kernel(buf, &a, &cases[i].p), &c) != -EBADMSG)
            fail_msg("%s", cases[i].what);
        wg_state_clear(&s);
    }
}

/* Every truncation and many random bytes: any answer but a wrong access (run under SAN=1). */
static void damaged_messages(void **state)
{
    struct device d[3] = {device(1), device(2), device(3)};
    _Alignas(8) char good[2048];
    size_t len = wg_genl_build_put(good, 27, "wg0", d, 3, &no_keys)->nlmsg_len;
    (void)state;
    srand(1);
    for (size_t i = 0; i < 20000; i++) {
        struct nlmsghdr *nlh = malloc(len);
        struct wg_state s = {0};
        struct wg_collect c = {.state = &s};
        memcpy(nlh, good, len);
        if (i < len - 16)
            nlh->nlmsg_len = (uint32_t)(16 + i);
        else
            ((uint8_t *)nlh)[16 + (size_t)rand() % (len - 16)] = (uint8_t)rand();
        int rc = wg_genl_parse(nlh, &c);
        assert_true(rc == 0 || rc == -EBADMSG);
        wg_state_clear(&s);
        free(nlh);
    }
}

static void the_difference(void **state)
{
    struct device want[4] = {device(4), device(1), device(3), device(5)};
    struct wg_peer have[] = {
        {.key = device(1).key, .addr4 = device(1).addr4, .addr6 = device(1).addr6},   /* equal */
        {.key = device(2).key, .addr4 = device(2).addr4},                       /* not wanted */
        {.key = device(3).key, .addr4 = device(9).addr4, .addr6 = device(3).addr6},  /* moved */
        {.key = device(4).key, .addr4 = device(4).addr4, .addr6 = device(4).addr6,
         .other_allowed = 1},                                              /* has one too many */
    };
    struct wg_state s = {.peers = have, .n_peers = 4};
    struct wg_diff d;
    (void)state;
    assert_int_equal(wg_diff(&s, want, 4, &d), 0);
    assert_int_equal(d.n_drop, 1);
    assert_memory_equal(&d.drop[0], &have[1].key, 32);
    assert_int_equal(d.n_put, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(d.put[i]->index, i + 3);
    wg_diff_clear(&d);
    assert_int_equal(wg_diff(&(struct wg_state){0}, NULL, 0, &d), 0);
    assert_int_equal(d.n_put + d.n_drop, 0);
    wg_diff_clear(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_put_parses_back),
        cmocka_unit_test(other_preshared_keys_differ),
        cmocka_unit_test(ending_is_update_only),
        cmocka_unit_test(asking_changes_nothing),
        cmocka_unit_test(the_device_takes_only_what_is_given),
        cmocka_unit_test(a_peer_goes_on_in_the_next_message),
        cmocka_unit_test(wrong_sizes_are_refused),
        cmocka_unit_test(damaged_messages),
        cmocka_unit_test(the_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
