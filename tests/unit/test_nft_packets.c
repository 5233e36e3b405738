/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Real packets through the real rules: what a lease opens, how it ends, and that every verdict
 * agrees with the model. Needs root; makes its own network namespaces.
 */
#include "tests/unit/nft_lab.h"

#include "kernel_rules/nft_parts.h"

static struct lab lab;
static struct dataplane dp;

/* Device 1 and 2 hold leases of class 1 and 2, device 3 is enrolled only. */
static const struct device devices[] = {
    {.index = 1},
    {.index = 2},
    {.index = 3},
    {.index = 700},
};
static const char *const addr4[] = {"10.77.0.11", "10.77.0.12", "10.77.0.13", "10.77.1.188"};
static const char *const addr6[] = {"fd77:acc::11", "fd77:acc::12", "fd77:acc::13", NULL};

static void add_class(uint16_t id, const struct permit *v, size_t n)
{
    struct access_class *c = &dp.classes[dp.n_classes++];
    *c = (struct access_class){.id = id, .permits = calloc(n + 1, sizeof *v), .n_permits = n};
    for (size_t i = 0; i < n; i++)
        c->permits[i] = v[i];
}

static void make_classes(void)
{
    const struct permit quarantine[] = {
        permit("10.20.0.40", "10.20.0.40", IPPROTO_UDP, 443, 443),
        permit("fd20::40", "fd20::40", IPPROTO_UDP, 443, 443),
    };
    const struct permit one[] = {
        permit("10.20.0.9", "10.20.0.9", IPPROTO_ICMP, 0, 0),
        permit("10.20.0.9", "10.20.0.9", IPPROTO_UDP, 53, 53),
        permit("10.20.0.30", "10.20.0.39", IPPROTO_TCP, 631, 640),
        permit("10.20.0.30", "10.20.0.39", IPPROTO_UDP, 1000, 2000),
        permit("10.20.1.0", "10.20.1.255", 99, 0, 0),
        permit("fd20::9", "fd20::9", IPPROTO_UDP, 53, 53),
        permit("fd20::9", "fd20::9", IPPROTO_ICMPV6, 0, 0),
        permit("fd20::30", "fd20::3f", IPPROTO_UDP, 1, 65535),
    };
    const struct permit two[] = {
        permit("10.20.0.9", "10.20.0.9", IPPROTO_UDP, 53, 53),
    };
    dp.classes = calloc(8, sizeof *dp.classes);
    add_class(0, quarantine, 2);
    add_class(1, one, sizeof one / sizeof one[0]);
    add_class(2, two, 1);
    add_class(3, NULL, 0);
}

static void wish(int64_t lease_ms)
{
    dataplane_clear(&dp);
    dp.tunnel = lab_tunnel();
    make_classes();
    dp.n_devices = sizeof devices / sizeof devices[0];
    dp.devices = calloc(dp.n_devices, sizeof *dp.devices);
    for (size_t i = 0; i < dp.n_devices; i++) {
        dp.devices[i] = devices[i];
        dp.devices[i].addr4 = ip(addr4[i]);
        if (addr6[i])
            dp.devices[i].addr6 = ip(addr6[i]);
    }
    dp.leases = calloc(8, sizeof *dp.leases);
    dp.leases[0] = (struct lease){1, 1, lease_ms};
    dp.leases[1] = (struct lease){2, 2, lease_ms};
    dp.leases[2] = (struct lease){700, 1, lease_ms};
    dp.n_leases = 3;
    assert_int_equal(nft_guard_install(lab.nft, &dp.tunnel), 0);
    assert_int_equal(nft_install(lab.nft, &dp), 0);
}

static void apply_one(struct change one)
{
    struct changes list = {.v = &one, .n = 1, .size = 1};
    size_t at;
    assert_int_equal(plan_check(&dp, &list, &at), PLAN_OK);
    assert_int_equal(nft_apply(lab.nft, &dp, &list), 0);
    assert_int_equal(plan_apply(&dp, &list), PLAN_OK);
}

static void put_lease(uint32_t device, uint16_t class_id, int64_t ms)
{
    apply_one((struct change){.kind = CHANGE_LEASE_PUT, .u.lease = {device, class_id, ms}});
}

static void drop_lease(uint32_t device)
{
    apply_one((struct change){.kind = CHANGE_LEASE_DROP, .u.lease = {.device = device}});
}

static uint16_t next_port(void)
{
    static uint16_t port = 20000;
    return ++port;
}

#define SKIP_WITHOUT_LAB()                                                                         \
    do {                                                                                           \
        if (!lab.nft)                                                                              \
            skip();                                                                                \
    } while (0)

/* ---- single packets ------------------------------------------------------------------ */

static const struct {
    const char *what;
    enum side from;
    const char *src, *dst;
    uint8_t proto;
    uint16_t dport;
    int fate;
} packets[] = {
    {"exact permit", DEVICE_SIDE, "10.77.0.11", "10.20.0.9", IPPROTO_UDP, 53, ARRIVED},
    {"exact permit, IPv6", DEVICE_SIDE, "fd77:acc::11", "fd20::9", IPPROTO_UDP, 53, ARRIVED},
    {"port beside it", DEVICE_SIDE, "10.77.0.11", "10.20.0.9", IPPROTO_UDP, 54, DENY_NOT_PERMITTED},
    {"protocol beside it", DEVICE_SIDE, "10.77.0.11", "10.20.0.9", IPPROTO_TCP, 53,
     DENY_NOT_PERMITTED},
    {"address beside it", DEVICE_SIDE, "10.77.0.11", "10.20.0.10", IPPROTO_UDP, 53,
     DENY_NOT_PERMITTED},
    {"first of a range", DEVICE_SIDE, "10.77.0.11", "10.20.0.30", IPPROTO_TCP, 631, ARRIVED},
    {"last of a range", DEVICE_SIDE, "10.77.0.11", "10.20.0.39", IPPROTO_TCP, 640, ARRIVED},
    {"beyond the range's addresses", DEVICE_SIDE, "10.77.0.11", "10.20.0.40", IPPROTO_TCP, 640,
     DENY_NOT_PERMITTED},
    {"beyond the range's ports", DEVICE_SIDE, "10.77.0.11", "10.20.0.39", IPPROTO_TCP, 641,
     DENY_NOT_PERMITTED},
    {"ping", DEVICE_SIDE, "10.77.0.11", "10.20.0.9", IPPROTO_ICMP, 0, ARRIVED},
    {"ping, IPv6", DEVICE_SIDE, "fd77:acc::11", "fd20::9", IPPROTO_ICMPV6, 0, ARRIVED},
    {"ping elsewhere", DEVICE_SIDE, "10.77.0.11", "10.20.0.8", IPPROTO_ICMP, 0, DENY_NOT_PERMITTED},
    {"another protocol, range", DEVICE_SIDE, "10.77.0.11", "10.20.1.7", 99, 0, ARRIVED},
    {"another protocol, elsewhere", DEVICE_SIDE, "10.77.0.11", "10.20.2.7", 99, 0,
     DENY_NOT_PERMITTED},
    {"another class", DEVICE_SIDE, "10.77.0.12", "10.20.0.9", IPPROTO_ICMP, 0, DENY_NOT_PERMITTED},
    {"no lease", DEVICE_SIDE, "10.77.0.13", "10.20.0.9", IPPROTO_UDP, 53, DENY_NO_LEASE},
    {"no lease, IPv6", DEVICE_SIDE, "fd77:acc::13", "fd20::9", IPPROTO_UDP, 53, DENY_NO_LEASE},
    {"no lease, remediation", DEVICE_SIDE, "10.77.0.13", "10.20.0.40", IPPROTO_UDP, 443, ARRIVED},
    {"no lease, remediation, IPv6", DEVICE_SIDE, "fd77:acc::13", "fd20::40", IPPROTO_UDP, 443,
     ARRIVED},
    {"not enrolled", DEVICE_SIDE, "10.77.0.99", "10.20.0.9", IPPROTO_UDP, 53, DENY_UNKNOWN_SOURCE},
    {"not enrolled, remediation", DEVICE_SIDE, "10.77.0.99", "10.20.0.40", IPPROTO_UDP, 443,
     DENY_UNKNOWN_SOURCE},
    {"not enrolled, IPv6", DEVICE_SIDE, "fd77:acc::99", "fd20::40", IPPROTO_UDP, 443,
     DENY_UNKNOWN_SOURCE},
    {"foreign source by the tunnel", DEVICE_SIDE, "10.20.0.9", "10.20.0.40", IPPROTO_UDP, 443,
     DENY_SPOOFED},
    {"foreign source by the tunnel, IPv6", DEVICE_SIDE, "fd20::9", "fd20::40", IPPROTO_UDP, 443,
     DENY_SPOOFED},
    {"link-local source by the tunnel", DEVICE_SIDE, "169.254.1.1", "10.20.0.40", IPPROTO_UDP, 443,
     DENY_SPOOFED},
    {"tunnel source from the office", OFFICE_SIDE, "10.77.0.12", "10.77.0.11", IPPROTO_UDP, 53,
     DENY_SPOOFED},
    {"tunnel source from the office, IPv6", OFFICE_SIDE, "fd77:acc::12", "fd77:acc::11",
     IPPROTO_UDP, 53, DENY_SPOOFED},
    {"tunnel source from the office to the gateway", OFFICE_SIDE, "10.77.0.12", "10.20.0.1",
     IPPROTO_UDP, 53, DENY_SPOOFED},
    {"tunnel source past the tunnel", OFFICE_SIDE, "10.77.0.12", "192.0.2.1", IPPROTO_UDP, 53,
     DENY_SPOOFED},
    {"tunnel source past the tunnel, IPv6", OFFICE_SIDE, "fd77:acc::12", "2001:db8::1", IPPROTO_UDP,
     53, DENY_SPOOFED},
    {"to the tunnel's network, routed elsewhere", OFFICE_SIDE, "10.20.0.9", "10.77.3.9",
     IPPROTO_UDP, 53, DENY_WRONG_DIRECTION},
    {"to the tunnel's network, routed elsewhere, IPv6", OFFICE_SIDE, "fd20::9", "fd77:acc::39",
     IPPROTO_UDP, 53, DENY_WRONG_DIRECTION},
    {"office opens", OFFICE_SIDE, "10.20.0.9", "10.77.0.11", IPPROTO_UDP, 53, DENY_WRONG_DIRECTION},
    {"office opens, IPv6", OFFICE_SIDE, "fd20::9", "fd77:acc::11", IPPROTO_UDP, 53,
     DENY_WRONG_DIRECTION},
    {"device to device", DEVICE_SIDE, "10.77.0.11", "10.77.0.12", IPPROTO_UDP, 53,
     DENY_DEVICE_TO_DEVICE},
    {"device to device, IPv6", DEVICE_SIDE, "fd77:acc::11", "fd77:acc::12", IPPROTO_UDP, 53,
     DENY_DEVICE_TO_DEVICE},
    {"gateway, ssh", DEVICE_SIDE, "10.77.0.11", "10.77.0.1", IPPROTO_TCP, 22, DENY_GATEWAY_INPUT},
    {"gateway's office address", DEVICE_SIDE, "10.77.0.11", "10.20.0.1", IPPROTO_TCP, 8080,
     DENY_GATEWAY_INPUT},
    {"gateway, udp portal port", DEVICE_SIDE, "fd77:acc::11", "fd77:acc::1", IPPROTO_UDP, 8080,
     DENY_GATEWAY_INPUT},
    {"gateway, udp port of TLS", DEVICE_SIDE, "10.77.0.11", "10.77.0.1", IPPROTO_UDP, 443,
     DENY_GATEWAY_INPUT},
    {"gateway, portal, not enrolled", DEVICE_SIDE, "10.77.0.99", "10.77.0.1", IPPROTO_TCP, 8080,
     DENY_UNKNOWN_SOURCE},
    {"gateway, foreign source", DEVICE_SIDE, "10.20.0.9", "10.77.0.1", IPPROTO_TCP, 8080,
     DENY_SPOOFED},
};

static void test_single_packets(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    for (size_t i = 0; i < sizeof packets / sizeof packets[0]; i++) {
        const struct pkt p = {.src = ip(packets[i].src),
                              .dst = ip(packets[i].dst),
                              .proto = packets[i].proto,
                              .sport = next_port(),
                              .dport = packets[i].dport};
        expect_fate(&lab, packets[i].from, &p, packets[i].fate, packets[i].what);
    }
}

/* The gateway answers: an echo reply, a RST of a closed portal port (nobody listens here). */
static void test_gateway_services(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    const struct pkt ping = {.src = ip("10.77.0.13"),
                             .dst = ip("10.77.0.1"),
                             .proto = IPPROTO_ICMP,
                             .sport = next_port()};
    const uint32_t tag = put_on_wire(&lab, DEVICE_SIDE, &ping);
    sleep_ms(20);
    assert_true(arrived(&lab, DEVICE_SIDE, tag));
    static const uint16_t ports[] = {8080, 443, 53};
    for (size_t i = 0; i < 3; i++) {
        struct rule_counts before, now;
        const struct pkt syn = {.src = ip("10.77.0.13"),
                                .dst = ip("10.77.0.1"),
                                .proto = IPPROTO_TCP,
                                .sport = next_port(),
                                .dport = ports[i]};
        assert_int_equal(nft_counts(lab.nft, &before), 0);
        const uint32_t seq = put_on_wire(&lab, DEVICE_SIDE, &syn);
        sleep_ms(20);
        assert_int_equal(nft_counts(lab.nft, &now), 0);
        assert_int_equal(counted(&before, &now), VANISHED);
        assert_true(arrived(&lab, DEVICE_SIDE, htonl(ntohl(seq) + 1)));
    }
}

/* A process of the gateway opens nothing towards a device; pings are for finding faults. */
static void test_gateway_opens(void **state)
{
    struct rule_counts before, now;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(5353)};
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    static const char *const targets[] = {"10.77.0.11", "10.77.0.99"};
    for (size_t i = 0; i < 2; i++) {
        inet_pton(AF_INET, targets[i], &to.sin_addr);
        assert_int_equal(nft_counts(lab.nft, &before), 0);
        assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof to), -1);
        assert_int_equal(errno, EPERM);
        assert_int_equal(nft_counts(lab.nft, &now), 0);
        assert_int_equal(counted(&before, &now), DENY_WRONG_DIRECTION);
    }
    inet_pton(AF_INET, "10.20.0.9", &to.sin_addr);
    assert_int_equal(sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof to), 1);
    close(fd);
}

/* ---- how a lease ends ---------------------------------------------------------------- */

static void expect_both(struct pkt *p, int out, int back, const char *what)
{
    const struct pkt a = answer(p);
    char text[128];
    snprintf(text, sizeof text, "%s (server to device)", what);
    expect_fate(&lab, OFFICE_SIDE, &a, back, text);
    snprintf(text, sizeof text, "%s (device to server)", what);
    expect_fate(&lab, DEVICE_SIDE, p, out, text);
}

static struct pkt open_flow(const char *src, const char *dst, uint8_t proto, uint16_t dport)
{
    struct pkt p = {
        .src = ip(src), .dst = ip(dst), .proto = proto, .sport = next_port(), .dport = dport};
    expect_fate(&lab, DEVICE_SIDE, &p, ARRIVED, "flow opens");
    const struct pkt a = answer(&p);
    expect_fate(&lab, OFFICE_SIDE, &a, ARRIVED, "flow is answered");
    return p;
}

static void test_lapse(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(700);
    struct pkt v4 = open_flow("10.77.0.11", "10.20.0.9", IPPROTO_UDP, 53);
    struct pkt v6 = open_flow("fd77:acc::11", "fd20::9", IPPROTO_UDP, 53);
    sleep_ms(900);
    expect_both(&v4, DENY_NO_LEASE, DENY_NO_LEASE, "lapsed lease");
    expect_both(&v6, DENY_NO_LEASE, DENY_NO_LEASE, "lapsed lease, IPv6");
}

static void test_renew(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(700);
    struct pkt flow = open_flow("10.77.0.11", "10.20.0.9", IPPROTO_UDP, 53);
    put_lease(1, 1, 60000);
    sleep_ms(900);
    expect_both(&flow, ARRIVED, ARRIVED, "renewed lease");
    struct pkt other = {.src = ip("10.77.0.12"),
                        .dst = ip("10.20.0.9"),
                        .proto = IPPROTO_UDP,
                        .sport = next_port(),
                        .dport = 53};
    expect_fate(&lab, DEVICE_SIDE, &other, DENY_NO_LEASE, "lease that was not renewed");
    put_lease(2, 2, 60000);
    expect_fate(&lab, DEVICE_SIDE, &other, ARRIVED, "renewed after it had expired");
    sleep_ms(100);
    put_lease(2, 2, 50);
    sleep_ms(150);
    expect_fate(&lab, DEVICE_SIDE, &other, DENY_NO_LEASE, "shortened lease");
    drop_lease(2);
    expect_fate(&lab, DEVICE_SIDE, &other, DENY_NO_LEASE, "dropped after it had expired");
}

static void test_revoke(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    struct pkt a = open_flow("10.77.0.11", "10.20.0.9", IPPROTO_UDP, 53);
    struct pkt b = open_flow("fd77:acc::11", "fd20::9", IPPROTO_ICMPV6, 0);
    struct pkt other = open_flow("10.77.0.12", "10.20.0.9", IPPROTO_UDP, 53);
    drop_lease(1);
    expect_both(&a, DENY_NO_LEASE, DENY_NO_LEASE, "dropped lease");
    expect_both(&b, DENY_NO_LEASE, DENY_NO_LEASE, "dropped lease, ICMPv6");
    put_lease(1, 1, 60000);
    expect_both(&a, ARRIVED, ARRIVED, "granted again");
    apply_one((struct change){.kind = CHANGE_DEVICE_DROP, .u.device = {.index = 1}});
    expect_both(&a, DENY_UNKNOWN_SOURCE, DENY_UNKNOWN_SOURCE, "revoked device");
    expect_both(&b, DENY_UNKNOWN_SOURCE, DENY_UNKNOWN_SOURCE, "revoked device, ICMPv6");
    struct pkt portal = {.src = ip("10.77.0.11"),
                         .dst = ip("10.77.0.1"),
                         .proto = IPPROTO_TCP,
                         .sport = next_port(),
                         .dport = 8080};
    expect_fate(&lab, DEVICE_SIDE, &portal, DENY_UNKNOWN_SOURCE, "portal after revocation");
    expect_both(&other, ARRIVED, ARRIVED, "somebody else's flow");
    struct nft_device_state s;
    struct device gone = {.index = 1, .addr4 = ip("10.77.0.11"), .addr6 = ip("fd77:acc::11")};
    assert_int_equal(nft_device_read(lab.nft, &gone, &s), 0);
    assert_false(s.enrolled4 || s.enrolled6 || s.lease4 || s.lease6 || s.live);
}

/* A server that pushes on an idle connection is judged by its own packet. */
static void test_class_change(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    struct pkt kept = open_flow("10.77.0.11", "10.20.0.9", IPPROTO_UDP, 53);
    struct pkt lost = open_flow("10.77.0.11", "10.20.0.30", IPPROTO_UDP, 1000);
    struct pkt other = open_flow("10.77.1.188", "10.20.0.30", IPPROTO_UDP, 1000);
    put_lease(1, 2, 60000);
    expect_both(&kept, ARRIVED, ARRIVED, "still permitted");
    expect_both(&lost, DENY_NOT_PERMITTED, DENY_NOT_PERMITTED, "permit gone");
    expect_both(&other, ARRIVED, ARRIVED, "another device of the old class");
    put_lease(1, 1, 60000);
    expect_both(&lost, ARRIVED, ARRIVED, "permit back");
    put_lease(1, 3, 60000);
    expect_both(&kept, DENY_NOT_PERMITTED, DENY_NOT_PERMITTED, "class without permits");
}

static void test_quarantine_change(void **state)
{
    const struct permit now[] = {permit("10.20.0.41", "10.20.0.49", IPPROTO_UDP, 443, 443)};
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    struct pkt old = open_flow("10.77.0.13", "10.20.0.40", IPPROTO_UDP, 443);
    struct change put = {.kind = CHANGE_CLASS_PUT, .u.class_ = {.id = 0, .n_permits = 1}};
    for (int i = 0; i < 3; i++) {
        struct permit copy = now[0];
        put.u.class_.permits = &copy;
        apply_one(put);
        char what[128];
        assert_int_equal(nft_verify_static(lab.nft, &dp, what), 0);
    }
    expect_both(&old, DENY_NO_LEASE, DENY_NO_LEASE, "old remediation");
    struct pkt new = open_flow("10.77.0.13", "10.20.0.45", IPPROTO_UDP, 443);
    put_lease(3, 2, 60000);
    expect_both(&new, DENY_NOT_PERMITTED, DENY_NOT_PERMITTED, "quarantine's flow under a lease");
}

/* ---- what is not a decision ---------------------------------------------------------- */

/* The frame that reaches the other side; fails when none does. */
static size_t through(enum side from, const struct pkt *p, uint8_t frame[FRAME_MAX])
{
    const uint32_t tag = put_on_wire(&lab, from, p);
    for (int i = 0; i < 100; i++) {
        const size_t len =
            take_frame(&lab, from == DEVICE_SIDE ? OFFICE_SIDE : DEVICE_SIDE, tag, frame);
        if (len > 0)
            return len;
        sleep_ms(1);
    }
    fail_msg("packet did not come through");
    return 0;
}

static void test_masquerade(void **state)
{
    uint8_t frame[FRAME_MAX];
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    dp.tunnel.office[0].masquerade = true;
    assert_int_equal(nft_install(lab.nft, &dp), 0);
    struct pkt v4 = udp("10.77.0.11", next_port(), "10.20.0.9", 53);
    struct pkt v6 = udp("fd77:acc::11", next_port(), "fd20::9", 53);
    const struct ip_addr gate4 = ip("10.20.0.1"), gate6 = ip("fd20::1");
    through(DEVICE_SIDE, &v4, frame);
    assert_memory_equal(frame + 14 + 12, gate4.b, 4);
    through(DEVICE_SIDE, &v6, frame);
    assert_memory_equal(frame + 14 + 8, gate6.b, 16);
    struct pkt back = answer(&v4);
    back.dst = gate4;
    through(OFFICE_SIDE, &back, frame);
    assert_memory_equal(frame + 14 + 16, v4.src.b, 4);
    drop_lease(1);
    expect_fate(&lab, OFFICE_SIDE, &back, DENY_NO_LEASE, "translated answer after the lease");
}

/* A device answers itself in the name of a server, while its address leads to the office. */
static void test_answer_out_of_the_tunnel(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    struct pkt flow = open_flow("10.77.0.11", "10.20.0.9", IPPROTO_UDP, 53);
    struct pkt back = answer(&flow);
    expect_fate(&lab, DEVICE_SIDE, &back, DENY_DEVICE_TO_DEVICE, "to the tunnel");
    shell("ip route add 10.77.0.11/32 via 169.254.7.4 dev eth1 onlink");
    expect_fate(&lab, DEVICE_SIDE, &back, DENY_SPOOFED, "to the office");
    shell("ip route del 10.77.0.11/32 dev eth1");
}

static void test_mss(void **state)
{
    uint8_t frame[FRAME_MAX];
    (void)state;
    SKIP_WITHOUT_LAB();
    shell("ip link set wg0 mtu 1420");
    wish(600000);
    struct pkt syn = {.src = ip("10.77.0.11"),
                      .dst = ip("10.20.0.30"),
                      .proto = IPPROTO_TCP,
                      .sport = next_port(),
                      .dport = 631,
                      .mss = 1400};
    struct pkt big = syn;
    through(DEVICE_SIDE, &syn, frame);
    assert_int_equal(frame[14 + 20 + 22] << 8 | frame[14 + 20 + 23], 1380);
    big.mss = 1200;
    big.sport = next_port();
    through(DEVICE_SIDE, &big, frame);
    assert_int_equal(frame[14 + 20 + 22] << 8 | frame[14 + 20 + 23], 1200);
    struct pkt synack = answer(&syn);
    synack.tcp_flags = 0x12;
    synack.mss = 1460;
    through(OFFICE_SIDE, &synack, frame);
    assert_int_equal(frame[14 + 20 + 22] << 8 | frame[14 + 20 + 23], 1380);
    shell("ip link set wg0 mtu 1500");
}

/* Somebody outside answers in the name of a server that lives behind another interface. */
static void test_spoofed_answer(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    shell("ip link add dum0 type veth peer name dum1; ip link set dum1 up; ip link set dum0 up; "
          "ip neigh add 10.20.0.30 lladdr 02:00:00:00:00:09 dev dum0; "
          "ip neigh add fd20::30 lladdr 02:00:00:00:00:09 dev dum0; "
          "ip route add 10.20.0.30/32 dev dum0; ip -6 route add fd20::30/128 dev dum0");
    wish(600000);
    snprintf(dp.tunnel.outside, sizeof dp.tunnel.outside, "eth1");
    assert_int_equal(nft_install(lab.nft, &dp), 0);
    struct pkt v4 = udp("10.77.0.11", next_port(), "10.20.0.30", 1000);
    struct pkt v6 = udp("fd77:acc::11", next_port(), "fd20::30", 1000);
    expect_fate(&lab, DEVICE_SIDE, &v4, VANISHED, "to the server behind the other interface");
    expect_fate(&lab, DEVICE_SIDE, &v6, VANISHED, "to the server behind the other interface, IPv6");
    v4 = answer(&v4);
    v6 = answer(&v6);
    expect_fate(&lab, OFFICE_SIDE, &v4, DENY_SPOOFED, "answer in its name");
    expect_fate(&lab, OFFICE_SIDE, &v6, DENY_SPOOFED, "answer in its name, IPv6");
    struct pkt honest = open_flow("10.77.0.11", "10.20.0.9", IPPROTO_UDP, 53);
    expect_both(&honest, ARRIVED, ARRIVED, "a server that is outside");
    shell("ip link del dum0");
}

/* The box forwards, and yet is no router for who is outside. */
static void test_outside_to_office(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    shell("ip link add dum0 type veth peer name dum1; ip link set dum1 up; ip link set dum0 up; "
          "ip neigh add 10.20.7.30 lladdr 02:00:00:00:00:09 dev dum0; "
          "ip neigh add fd20::7:30 lladdr 02:00:00:00:00:09 dev dum0; "
          "ip route add 10.20.7.30/32 dev dum0; ip -6 route add fd20::7:30/128 dev dum0");
    wish(600000);
    snprintf(dp.tunnel.outside, sizeof dp.tunnel.outside, "eth1");
    snprintf(dp.tunnel.office[0].name, IFACE_SIZE, "dum0");
    dp.tunnel.n_office = 1;
    assert_int_equal(nft_install(lab.nft, &dp), 0);
    struct pkt v4 = udp("10.20.0.9", next_port(), "10.20.7.30", 1000);
    struct pkt v6 = udp("fd20::9", next_port(), "fd20::7:30", 1000);
    expect_fate(&lab, OFFICE_SIDE, &v4, DENY_WRONG_DIRECTION, "from outside into the office");
    expect_fate(&lab, OFFICE_SIDE, &v6, DENY_WRONG_DIRECTION, "the same, IPv6");
    struct pkt ack = v4;
    ack.proto = IPPROTO_TCP;
    ack.tcp_flags = 0x10;
    expect_fate(&lab, OFFICE_SIDE, &ack, DENY_WRONG_DIRECTION, "in the middle of a connection");
    shell("nft 'add table ip shift; add chain ip shift pre { type nat hook prerouting priority "
          "-100; }; add rule ip shift pre udp dport 7 dnat to 10.20.7.30:1000'");
    struct pkt forwarded = udp("10.20.0.9", next_port(), "10.20.7.31", 7);
    expect_fate(&lab, OFFICE_SIDE, &forwarded, VANISHED, "what somebody here has redirected");
    shell("nft delete table ip shift; ip link del dum0");
}

/* ---- what the connection remembers --------------------------------------------------- */

static void element(const char *set, const struct element *e, uint16_t type)
{
    struct batch b;
    struct element_writer w;
    nft_batch_open(&b);
    elements_open(&w, &b, set, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0);
    elements_put(&w, e);
    elements_close(&w);
    assert_int_equal(nft_batch_commit(&b, lab.nft->nl), 0);
}

/* A judged connection passes by the set of live grants alone; a new one is judged by the lease. */
static void test_remembered(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    struct pkt flow = open_flow("10.77.0.11", "10.20.0.9", IPPROTO_UDP, 53), new = flow;
    struct element e = element_of_addr(&flow.src);
    element("lease4", &e, NFT_MSG_DELSETELEM);
    expect_both(&flow, ARRIVED, ARRIVED, "judged before");
    new.sport = next_port();
    expect_fate(&lab, DEVICE_SIDE, &new, DENY_NO_LEASE, "not judged yet");
    e = element_of_mark(grant_mark(1, 1));
    element("live", &e, NFT_MSG_DELSETELEM);
    expect_both(&flow, DENY_NO_LEASE, DENY_NO_LEASE, "grant no longer live");
}

/* What quarantine lets through is remembered as nothing, even if a grant of that number lived. */
static void test_quarantine_is_not_remembered(void **state)
{
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    struct element e = element_of_mark(grant_mark(3, 0));
    e.timeout_ms = 60000;
    element("live", &e, NFT_MSG_NEWSETELEM);
    struct pkt flow = open_flow("10.77.0.13", "10.20.0.40", IPPROTO_UDP, 443);
    apply_one((struct change){.kind = CHANGE_CLASS_PUT, .u.class_ = {.id = 0}});
    expect_both(&flow, DENY_NO_LEASE, DENY_NO_LEASE, "remediation gone");
}

/* Somebody marks every connection with a grant that lives, before our chains. What is not permitted
 * never gets further than its first packet, and that is judged. */
static void test_foreign_mark(void **state)
{
    static const struct {
        const char *what;
        enum side from;
        const char *src, *dst;
        uint16_t dport;
        int fate;
    } cases[] = {
        {"no lease", DEVICE_SIDE, "10.77.0.13", "10.20.0.9", 53, DENY_NO_LEASE},
        {"no lease, IPv6", DEVICE_SIDE, "fd77:acc::13", "fd20::9", 53, DENY_NO_LEASE},
        {"another's permit", DEVICE_SIDE, "10.77.0.12", "10.20.0.30", 1500, DENY_NOT_PERMITTED},
        {"an address nobody has", DEVICE_SIDE, "10.77.0.99", "10.20.0.9", 53, DENY_UNKNOWN_SOURCE},
        {"spoofed", DEVICE_SIDE, "10.20.0.8", "10.20.0.9", 53, DENY_SPOOFED},
        {"spoofed, IPv6", DEVICE_SIDE, "fd20::8", "fd20::9", 53, DENY_SPOOFED},
        {"the office opens", OFFICE_SIDE, "10.20.0.9", "10.77.0.13", 53, DENY_WRONG_DIRECTION},
        {"the office opens, IPv6", OFFICE_SIDE, "fd20::9", "fd77:acc::13", 53,
         DENY_WRONG_DIRECTION},
        {"control: whose grant it is", DEVICE_SIDE, "10.77.0.11", "10.20.0.9", 53, ARRIVED},
        {"control: who has one, too", DEVICE_SIDE, "10.77.0.12", "10.20.0.9", 53, ARRIVED},
    };
    char rule[128];

    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    snprintf(rule, sizeof rule, "nft 'table inet foreign { chain c { type filter hook prerouting "
             "priority -150; ct mark set %u; }; }'", grant_mark(1, 1));
    shell(rule);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct pkt p = {.src = ip(cases[i].src), .dst = ip(cases[i].dst), .proto = IPPROTO_UDP,
                        .sport = next_port(), .dport = cases[i].dport};
        expect_fate(&lab, cases[i].from, &p, cases[i].fate, cases[i].what);
        expect_fate(&lab, cases[i].from, &p, cases[i].fate, cases[i].what); /* and once more */
    }
    shell("nft delete table inet foreign");
}

/* ---- ICMP errors --------------------------------------------------------------------- */

static void test_icmp_errors(void **state)
{
    uint8_t inner[IP_MAX];
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    struct pkt flow = open_flow("10.77.0.11", "10.20.0.30", IPPROTO_UDP, 1000);
    const size_t len = build_ip(inner, &flow, 0x5a5a5a5a);
    const struct pkt error = {.src = ip("10.20.0.9"),
                              .dst = ip("10.77.0.11"),
                              .proto = IPPROTO_ICMP,
                              .inner = inner,
                              .inner_len = len};
    put_on_wire(&lab, OFFICE_SIDE, &error);
    sleep_ms(20);
    assert_true(arrived(&lab, DEVICE_SIDE, 0x5a5a5a5a));
    put_lease(1, 2, 60000);
    expect_fate(&lab, OFFICE_SIDE, &error, DENY_NOT_PERMITTED,
                "error about a flow that may not be");
    expect_both(&flow, DENY_NOT_PERMITTED, DENY_NOT_PERMITTED, "the flow after the error");
    drop_lease(1);
    expect_fate(&lab, OFFICE_SIDE, &error, DENY_NO_LEASE, "error about a revoked flow");
    flow.sport = 9;
    build_ip(inner, &flow, 0x5a5a5a5a);
    expect_fate(&lab, OFFICE_SIDE, &error, DENY_INVALID, "error about a flow that never was");
}

/* ---- headers in between -------------------------------------------------------------- */

static const struct {
    const char *what;
    uint8_t n, options[3];
} headers[] = {
    {"destination options", 1, {IPPROTO_DSTOPTS}},
    {"hop-by-hop", 1, {IPPROTO_HOPOPTS}},
    {"hop-by-hop, destination options", 2, {IPPROTO_HOPOPTS, IPPROTO_DSTOPTS}},
    {"destination options twice", 2, {IPPROTO_DSTOPTS, IPPROTO_DSTOPTS}},
    {"the only fragment", 1, {IPPROTO_FRAGMENT}},
    {"options, the only fragment", 2, {IPPROTO_DSTOPTS, IPPROTO_FRAGMENT}},
    {"the only fragment, options", 3, {IPPROTO_HOPOPTS, IPPROTO_FRAGMENT, IPPROTO_DSTOPTS}},
};

/* Whatever stands before the transport header, the packet is judged by what it carries. */
static void test_extension_headers(void **state)
{
    static const struct {
        const char *src, *dst;
        uint16_t port;
        int fate;
    } to[] = {
        {"fd77:acc::11", "fd20::9", 53, ARRIVED},
        {"fd77:acc::11", "fd20::9", 54, DENY_NOT_PERMITTED},
        {"fd77:acc::13", "fd20::9", 53, DENY_NO_LEASE},
        {"fd77:acc::13", "fd20::40", 443, ARRIVED},
        {"fd77:acc::99", "fd20::9", 53, DENY_UNKNOWN_SOURCE},
        {"fd20::9", "fd20::40", 443, DENY_SPOOFED},
        {"fd77:acc::11", "fd77:acc::12", 53, DENY_DEVICE_TO_DEVICE},
        {"fd77:acc::11", "fd77:acc::1", 8080, DENY_GATEWAY_INPUT},
    };
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        for (size_t k = 0; k < sizeof to / sizeof to[0]; k++) {
            struct pkt p = udp(to[k].src, next_port(), to[k].dst, to[k].port);
            char what[128];
            p.n_options = headers[i].n;
            memcpy(p.options, headers[i].options, sizeof p.options);
            snprintf(what, sizeof what, "%s, case %zu", headers[i].what, k);
            expect_fate(&lab, DEVICE_SIDE, &p, to[k].fate, what);
        }
    }
}

/* ---- random packets against the model ------------------------------------------------ */

static uint32_t rnd(uint32_t below)
{
    static uint64_t s = 0x9e3779b97f4a7c15u;
    s ^= s << 13;
    s ^= s >> 7;
    s ^= s << 17;
    return (uint32_t)((s >> 16) % below);
}

static struct ip_addr random_target(bool v6)
{
    struct ip_addr a = ip(v6 ? "fd20::" : "10.20.0.0");
    static const uint8_t last4[] = {8, 9, 10, 29, 30, 31, 38, 39, 40, 41};
    static const uint8_t last6[] = {8, 9, 0x0a, 0x2f, 0x30, 0x3f, 0x40, 0x41};
    if (v6) {
        a.b[15] = last6[rnd(sizeof last6)];
    } else {
        a.b[2] = (uint8_t)(rnd(4) == 0 ? 1 : 0);
        a.b[3] = last4[rnd(sizeof last4)];
    }
    return a;
}

static void test_random_packets(void **state)
{
    static const uint16_t ports[] = {52,  53,  54,   443,  630,  631,  640,
                                     641, 999, 1000, 2000, 2001, 65535};
    static const uint8_t protos[] = {IPPROTO_UDP, IPPROTO_TCP, 0, 99};
    (void)state;
    SKIP_WITHOUT_LAB();
    wish(600000);
    for (int i = 0; i < 1500; i++) {
        const bool v6 = rnd(2);
        const uint32_t d = rnd(v6 ? 3 : 4);
        struct pkt p = {.src = ip(v6 ? addr6[d] : addr4[d]),
                        .dst = random_target(v6),
                        .proto = protos[rnd(4)],
                        .sport = next_port(),
                        .dport = ports[rnd(sizeof ports / sizeof ports[0])]};
        if (rnd(20) == 0)
            p.src.b[v6 ? 15 : 3] = 200;
        if (p.proto == 0)
            p.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
        enum deny_reason why = DENY_REASONS;
        const enum verdict v = dataplane_verdict(&dp, &p.src, &p.dst, p.proto, p.dport, &why);
        char what[160], s[ADDR_TEXT], t[ADDR_TEXT];
        snprintf(what, sizeof what, "packet %d: %s to %s proto %u port %u", i, ip_print(&p.src, s),
                 ip_print(&p.dst, t), p.proto, p.dport);
        expect_fate(&lab, DEVICE_SIDE, &p, v == VERDICT_PERMIT ? ARRIVED : (int)why, what);
    }
}

static int up(void **state)
{
    (void)state;
    lab_up(&lab);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_single_packets),
        cmocka_unit_test(test_gateway_services),
        cmocka_unit_test(test_gateway_opens),
        cmocka_unit_test(test_lapse),
        cmocka_unit_test(test_renew),
        cmocka_unit_test(test_revoke),
        cmocka_unit_test(test_class_change),
        cmocka_unit_test(test_quarantine_change),
        cmocka_unit_test(test_masquerade),
        cmocka_unit_test(test_answer_out_of_the_tunnel),
        cmocka_unit_test(test_mss),
        cmocka_unit_test(test_spoofed_answer),
        cmocka_unit_test(test_outside_to_office),
        cmocka_unit_test(test_remembered),
        cmocka_unit_test(test_quarantine_is_not_remembered),
        cmocka_unit_test(test_foreign_mark),
        cmocka_unit_test(test_extension_headers),
        cmocka_unit_test(test_icmp_errors),
        cmocka_unit_test(test_random_packets),
    };
    return cmocka_run_group_tests_name("nft_packets", tests, up, NULL);
}
