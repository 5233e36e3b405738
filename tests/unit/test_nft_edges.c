/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What faults left in the rules on purpose showed to be untested: marks that somebody else set
 * before us, the first and last address of the tunnel's network, the guard alone against
 * addresses of other networks, drops and puts of one device in one list, expected connections.
 * Needs root; makes its own network namespaces.
 */
#include "tests/unit/nft_lab.h"

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nf_conntrack_common.h>

#include "kernel_rules/nft_parts.h"

static struct lab lab;
static struct dataplane dp;
static struct permit permits[2];
static struct access_class classes[2];
static struct device devices[2];
static struct lease leases[1];

#define SKIP_WITHOUT_LAB()                                                                         \
    do {                                                                                           \
        if (!lab.nft)                                                                              \
            skip();                                                                                \
    } while (0)

/* Device 1 holds a lease of class 1, device 2 is enrolled only. */
static void install(void)
{
    permits[0] = permit("10.20.0.9", "10.20.0.9", IPPROTO_UDP, 53, 53);
    permits[1] = permit("fd20::9", "fd20::9", IPPROTO_UDP, 53, 53);
    classes[0] = (struct access_class){.id = 0};
    classes[1] = (struct access_class){.id = 1, .permits = permits, .n_permits = 2};
    devices[0] = (struct device){
        .index = 1, .addr4 = ip("10.77.0.11"), .addr6 = ip("fd77:acc::11")};
    devices[1] = (struct device){
        .index = 2, .addr4 = ip("10.77.0.12"), .addr6 = ip("fd77:acc::12")};
    leases[0] = (struct lease){1, 1, 600000};
    dp = (struct dataplane){.tunnel = lab_tunnel(), .classes = classes, .n_classes = 2,
                            .devices = devices, .n_devices = 2, .leases = leases, .n_leases = 1};
    assert_int_equal(nft_guard_install(lab.nft, &dp.tunnel), 0);
    assert_int_equal(nft_install(lab.nft, &dp), 0);
}

/* ---- marks of others ----------------------------------------------------------------- */

/* A mark that names a class is not a lease: not for a device without one, not for a stranger. */
static void test_marks_set_before(void **state)
{
    static const struct { const char *what, *src, *dst; int fate; } cases[] = {
        {"with a lease", "10.77.0.11", "10.20.0.9", ARRIVED},
        {"without a lease", "10.77.0.12", "10.20.0.9", DENY_NO_LEASE},
        {"without a lease, IPv6", "fd77:acc::12", "fd20::9", DENY_NO_LEASE},
        {"not enrolled", "10.77.0.99", "10.20.0.9", DENY_UNKNOWN_SOURCE},
        {"not enrolled, IPv6", "fd77:acc::99", "fd20::9", DENY_UNKNOWN_SOURCE},
    };
    char command[256];
    const uint32_t marks[] = {1, grant_mark(1, 1), grant_mark(2, 1), 0xc0000000u | grant_mark(2, 1)};
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    for (size_t m = 0; m < sizeof marks / sizeof marks[0]; m++) {
        snprintf(command, sizeof command,
                 "nft 'table inet other { chain pre { type filter hook prerouting priority -300; "
                 "meta mark set %u; }; }'", marks[m]);
        shell(command);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            const struct pkt p = udp(cases[i].src, (uint16_t)(4000 + 100 * m + i), cases[i].dst, 53);
            expect_fate(&lab, DEVICE_SIDE, &p, cases[i].fate, cases[i].what);
        }
        shell("nft delete table inet other");
    }
}

/* ---- the edges of the network -------------------------------------------------------- */

/* 10.77.0.0/22 and fd77:acc::/64: one address further is another network. */
static void test_edges_of_the_network(void **state)
{
    static const struct { const char *what, *src, *dst; int fate; } cases[] = {
        {"first", "10.77.0.0", "10.20.0.9", DENY_UNKNOWN_SOURCE},
        {"last", "10.77.3.254", "10.20.0.9", DENY_UNKNOWN_SOURCE},
        {"behind the last", "10.77.4.1", "10.20.0.9", DENY_SPOOFED},
        {"before the first", "10.76.255.254", "10.20.0.9", DENY_SPOOFED},
        {"last, IPv6", "fd77:acc::ffff:ffff:ffff:ffff", "fd20::9", DENY_UNKNOWN_SOURCE},
        {"behind the last, IPv6", "fd77:acc:0:1::1", "fd20::9", DENY_SPOOFED},
        {"before the first, IPv6", "fd77:acb:ffff:ffff:ffff:ffff:ffff:ffff", "fd20::9",
         DENY_SPOOFED},
    };
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct pkt p = udp(cases[i].src, (uint16_t)(5000 + i), cases[i].dst, 53);
        expect_fate(&lab, DEVICE_SIDE, &p, cases[i].fate, cases[i].what);
    }
}

/* ---- the guard alone ----------------------------------------------------------------- */

static bool arrives(enum side from, enum side to, const struct pkt *p)
{
    const uint32_t tag = put_on_wire(&lab, from, p);
    for (int i = 0; i < 20; i++) {
        if (arrived(&lab, to, tag))
            return true;
        sleep_ms(1);
    }
    return false;
}

/* Without the main table: by interface and by address; what is not the tunnel's goes on. */
static void test_guard_of_an_empty_house(void **state)
{
    static const struct { const char *what; enum side from, to; const char *src, *dst; } dropped[] = {
        {"another source out of the tunnel", DEVICE_SIDE, OFFICE_SIDE, "192.0.2.5", "10.20.0.9"},
        {"another source out of the tunnel, IPv6", DEVICE_SIDE, OFFICE_SIDE, "2001:db8::5", "fd20::9"},
        {"another address into the tunnel", OFFICE_SIDE, DEVICE_SIDE, "10.20.0.9", "10.77.8.8"},
        {"a device's address from the office", OFFICE_SIDE, OFFICE_SIDE, "10.77.0.11", "192.0.2.1"},
        {"to a device's address that leaves by the office", OFFICE_SIDE, OFFICE_SIDE, "10.20.0.9",
         "10.77.3.9"},
        {"likewise, IPv6", OFFICE_SIDE, OFFICE_SIDE, "fd20::9", "fd77:acc::39"},
        {"another source to the gateway", DEVICE_SIDE, OFFICE_SIDE, "192.0.2.5", "10.20.0.1"},
        {"a device's address from the office to the gateway", OFFICE_SIDE, DEVICE_SIDE,
         "10.77.0.11", "10.20.0.1"},
    };
    (void)state;
    SKIP_WITHOUT_LAB();
    install();
    nft_close(lab.nft);
    lab.nft = NULL;
    for (size_t i = 0; i < sizeof dropped / sizeof dropped[0]; i++) {
        const bool v6 = strchr(dropped[i].src, ':');
        const struct pkt p = {.src = ip(dropped[i].src), .dst = ip(dropped[i].dst),
                              .proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
                              .sport = (uint16_t)(600 + i)};
        if (arrives(dropped[i].from, dropped[i].to, &p))
            fail_msg("%s passes", dropped[i].what);
    }
    const struct pkt other = udp("10.20.0.9", 700, "192.0.2.1", 53);
    assert_true(arrives(OFFICE_SIDE, OFFICE_SIDE, &other));
    assert_int_equal(nft_open(&lab.nft, -1), 0);
}

/* ---- one list ------------------------------------------------------------------------ */

/* Drops win, whatever the order: a device that goes takes with it the lease that is being put. */
static void test_drops_win(void **state)
{
    struct change v[2] = {
        {.kind = CHANGE_LEASE_PUT, .u.lease = {1, 1, 500000}},
        {.kind = CHANGE_DEVICE_DROP, .u.device = {.index = 1}},
    };
    (void)state;
    SKIP_WITHOUT_LAB();
    for (int turned = 0; turned < 2; turned++) {
        struct changes list = {.v = v, .n = 2};
        struct nft_device_state s;
        install();
        const struct pkt p = udp("10.77.0.11", (uint16_t)(7000 + turned), "10.20.0.9", 53);
        expect_fate(&lab, DEVICE_SIDE, &p, ARRIVED, "before");
        assert_int_equal(nft_apply(lab.nft, &dp, &list), 0);
        expect_fate(&lab, DEVICE_SIDE, &p, DENY_UNKNOWN_SOURCE, "the device is dropped");
        assert_int_equal(nft_device_read(lab.nft, &devices[0], &s), 0);
        assert_false(s.lease4 || s.lease6 || s.live);
        const struct change first = v[0];
        v[0] = v[1];
        v[1] = first;
    }
}

/* ---- expected connections ------------------------------------------------------------ */

struct seen { const char *set; bool status, expected_masked, before; };

static int look(struct nftnl_expr *e, void *arg)
{
    struct seen *s = arg;
    const char *name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
    uint32_t len = 0;
    if (strcmp(name, "ct") == 0 && nftnl_expr_get_u32(e, NFTNL_EXPR_CT_KEY) == NFT_CT_STATUS)
        s->status = true;
    if (strcmp(name, "bitwise") == 0 && s->status && !s->set) {
        const uint32_t *mask = nftnl_expr_get(e, NFTNL_EXPR_BITWISE_MASK, &len);
        s->expected_masked = s->expected_masked || (len == 4 && *mask == IPS_EXPECTED);
    }
    if (strcmp(name, "lookup") == 0)
        s->set = nftnl_expr_get_str(e, NFTNL_EXPR_LOOKUP_SET);
    return 0;
}

static unsigned live_rules;

static int one_rule(struct nftnl_rule *r, void *arg)
{
    struct seen s = {0};
    (void)arg;
    nftnl_expr_foreach(r, look, &s);
    if (!s.set || strcmp(s.set, "live") != 0)
        return 0;
    live_rules++;
    return s.expected_masked ? 0 : -EINVAL;
}

/* A connection that a helper expected carries its master's mark: no rule may pass it by that mark.
 * (No helper is to be had in a kernel without modules, so the rules as built are asked.) */
static void test_expected_connections_are_judged(void **state)
{
    struct batch b;
    const struct tunnel t = lab_tunnel();
    const struct dataplane plane = {.tunnel = t};
    (void)state;
    nft_batch_open(&b);
    b.watch_rule = one_rule;
    put_chains_and_rules(&b, &plane, 'a');
    assert_int_equal(b.err, 0);
    assert_int_equal(live_rules, 2);
    nft_batch_free(&b);
}

static int begin(void **state)
{
    (void)state;
    return lab_up(&lab) < 0 ? -1 : 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marks_set_before),
        cmocka_unit_test(test_edges_of_the_network),
        cmocka_unit_test(test_guard_of_an_empty_house),
        cmocka_unit_test(test_drops_win),
        cmocka_unit_test(test_expected_connections_are_judged),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
