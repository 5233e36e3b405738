/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An attack that once worked: a device sends ICMP errors about a connection of somebody else. To
 * conntrack they belong to that connection, whose grant lives; but they are the sender's packets,
 * and the sender's rights decide. Needs root; makes its own network namespaces.
 */
#include "tests/unit/nft_lab.h"

#define TAG 0x5a5a5a5au

static struct lab lab;
static struct dataplane dp;

/* 1 may reach the server, 2 another one, 3 the same server, 4 has no lease, 5 is nobody. */
static const char *const addr4[] = {"10.77.0.11", "10.77.0.12", "10.77.0.13", "10.77.0.14"};
static const char *const addr6[] = {"fd77:acc::11", "fd77:acc::12", "fd77:acc::13", "fd77:acc::14"};

static struct access_class class_of(uint16_t id, const struct permit *v, size_t n)
{
    struct access_class c = {.id = id, .permits = calloc(n + 1, sizeof *v), .n_permits = n};
    for (size_t i = 0; i < n; i++)
        c.permits[i] = v[i];
    return c;
}

static void wish(void)
{
    const struct permit one[] = {permit("10.20.0.9", "10.20.0.9", IPPROTO_UDP, 53, 53),
                                 permit("fd20::9", "fd20::9", IPPROTO_UDP, 53, 53)};
    const struct permit two[] = {permit("10.20.0.8", "10.20.0.8", IPPROTO_UDP, 53, 53)};
    dataplane_clear(&dp);
    dp.tunnel = lab_tunnel();
    dp.classes = calloc(3, sizeof *dp.classes);
    dp.classes[dp.n_classes++] = class_of(0, NULL, 0);
    dp.classes[dp.n_classes++] = class_of(1, one, 2);
    dp.classes[dp.n_classes++] = class_of(2, two, 1);
    dp.devices = calloc(4, sizeof *dp.devices);
    for (uint32_t i = 0; i < 4; i++)
        dp.devices[dp.n_devices++] =
            (struct device){.index = i + 1, .addr4 = ip(addr4[i]), .addr6 = ip(addr6[i])};
    dp.leases = calloc(3, sizeof *dp.leases);
    for (uint32_t i = 0; i < 3; i++)
        dp.leases[dp.n_leases++] = (struct lease){i + 1, i == 1 ? 2 : 1, 600000};
    assert_int_equal(nft_guard_install(lab.nft, &dp.tunnel), 0);
    assert_int_equal(nft_install(lab.nft, &dp), 0);
}

/* A flow of device 1 with the server, going on in both directions. */
static struct pkt flow_of_another(bool v6)
{
    static uint16_t port = 30000;
    struct pkt p = udp(v6 ? addr6[0] : addr4[0], ++port, v6 ? "fd20::9" : "10.20.0.9", 53);
    struct pkt back = answer(&p);
    expect_fate(&lab, DEVICE_SIDE, &p, ARRIVED, "the flow");
    expect_fate(&lab, OFFICE_SIDE, &back, ARRIVED, "the flow's answer");
    return p;
}

/* What becomes of an error from `sender` to the server about what the server sent. */
static int error_from(const char *sender, const struct pkt *flow)
{
    uint8_t inner[256];
    struct rule_counts before, now;
    const struct pkt back = answer(flow);
    const bool v6 = flow->src.family == 6;
    const size_t len = build_ip(inner, &back, TAG);
    const struct pkt error = {.src = ip(sender), .dst = flow->dst,
                              .proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, .inner = inner,
                              .inner_len = len};
    assert_int_equal(nft_counts(lab.nft, &before), 0);
    put_on_wire(&lab, DEVICE_SIDE, &error);
    for (int i = 0; i < 100; i++) {
        if (arrived(&lab, OFFICE_SIDE, TAG))
            return ARRIVED;
        assert_int_equal(nft_counts(lab.nft, &now), 0);
        if (counted(&before, &now) != VANISHED)
            return counted(&before, &now);
        usleep(1000);
    }
    return VANISHED;
}

static const struct {
    const char *what;
    unsigned sender;
    int fate;
} senders[] = {
    {"the device whose flow it is", 0, ARRIVED},
    {"one that may reach another server only", 1, DENY_NOT_PERMITTED},
    {"one that may reach that server too", 2, ARRIVED},
    {"one without a lease", 3, DENY_NO_LEASE},
};

static void test_sender_decides(void **state)
{
    (void)state;
    if (!lab.nft)
        skip();
    wish();
    for (int v6 = 0; v6 < 2; v6++) {
        const struct pkt flow = flow_of_another(v6);
        for (size_t i = 0; i < sizeof senders / sizeof senders[0]; i++) {
            const unsigned s = senders[i].sender;
            const int got = error_from(v6 ? addr6[s] : addr4[s], &flow);
            if (got != senders[i].fate)
                fail_msg("%s, %s: %s instead of %s", v6 ? "IPv6" : "IPv4", senders[i].what,
                         fate_name(got), fate_name(senders[i].fate));
        }
        assert_int_equal(error_from(v6 ? "fd77:acc::99" : "10.77.0.99", &flow),
                         DENY_UNKNOWN_SOURCE);
    }
}

/* Nor does such an error give the connection the sender's grant. */
static void test_grant_stays(void **state)
{
    (void)state;
    if (!lab.nft)
        skip();
    wish();
    struct pkt flow = flow_of_another(false);
    assert_int_equal(error_from(addr4[2], &flow), ARRIVED);
    struct change drop = {.kind = CHANGE_LEASE_DROP, .u.lease = {.device = 1}};
    struct changes list = {.v = &drop, .n = 1, .size = 1};
    assert_int_equal(nft_apply(lab.nft, &dp, &list), 0);
    expect_fate(&lab, DEVICE_SIDE, &flow, DENY_NO_LEASE, "revoked flow after another's error");
    struct pkt back = answer(&flow);
    expect_fate(&lab, OFFICE_SIDE, &back, DENY_NO_LEASE, "and its answer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sender_decides),
        cmocka_unit_test(test_grant_stays),
    };
    const int rc = lab_up(&lab) < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
    nft_close(lab.nft);
    dataplane_clear(&dp);
    return rc;
}
