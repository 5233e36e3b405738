/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which packets the rules call a knock at the tunnel's port. Real packets through the real rules;
 * needs root, makes its own network namespaces.
 */
#include "tests/unit/nft_lab.h"

#define PORT 51820
#define UDP_AT(v6) ((v6) ? 40u : 20u)
#define PAYLOAD 148

static struct lab lab;

struct knock {
    const char *what, *src, *dst;
    enum side from;
    uint16_t port;
    size_t payload;              /* bytes of it */
    uint8_t type, reserved;      /* its first and fourth byte */
    uint8_t options[2];          /* extension headers of IPv6 before UDP; 0 = none */
    size_t cut;                  /* of the IP payload: where a second fragment begins; 0 = whole */
    uint64_t counts;
};

static const struct knock cases[] = {
    {.what = "an initiation", .src = "198.51.100.7", .dst = "10.20.0.1", .from = OFFICE_SIDE,
     .port = PORT, .payload = PAYLOAD, .type = 1, .counts = 1},
    {.what = "by IPv6", .src = "2001:db8::7", .dst = "fd20::1", .from = OFFICE_SIDE,
     .port = PORT, .payload = PAYLOAD, .type = 1, .counts = 1},
    {.what = "behind extension headers", .src = "2001:db8::7", .dst = "fd20::1",
     .from = OFFICE_SIDE, .port = PORT, .payload = PAYLOAD, .type = 1,
     .options = {IPPROTO_HOPOPTS, IPPROTO_DSTOPTS}, .counts = 1},
    {.what = "in two fragments", .src = "198.51.100.7", .dst = "10.20.0.1", .from = OFFICE_SIDE,
     .port = PORT, .payload = PAYLOAD, .type = 1, .cut = 80, .counts = 1},
    {.what = "another port", .src = "198.51.100.7", .dst = "10.20.0.1", .from = OFFICE_SIDE,
     .port = PORT + 1, .payload = PAYLOAD, .type = 1},
    {.what = "one byte short", .src = "198.51.100.7", .dst = "10.20.0.1", .from = OFFICE_SIDE,
     .port = PORT, .payload = PAYLOAD - 1, .type = 1},
    {.what = "one byte long", .src = "198.51.100.7", .dst = "10.20.0.1", .from = OFFICE_SIDE,
     .port = PORT, .payload = PAYLOAD + 1, .type = 1},
    {.what = "data of that length", .src = "198.51.100.7", .dst = "10.20.0.1",
     .from = OFFICE_SIDE, .port = PORT, .payload = PAYLOAD, .type = 4},
    {.what = "with reserved bytes in use", .src = "198.51.100.7", .dst = "10.20.0.1",
     .from = OFFICE_SIDE, .port = PORT, .payload = PAYLOAD, .type = 1, .reserved = 1},
    {.what = "through the tunnel", .src = "10.77.0.11", .dst = "10.77.0.1", .from = DEVICE_SIDE,
     .port = PORT, .payload = PAYLOAD, .type = 1},
    {.what = "with a forged tunnel address", .src = "10.77.0.11", .dst = "10.20.0.1",
     .from = OFFICE_SIDE, .port = PORT, .payload = PAYLOAD, .type = 1},
};

/* ---- making them ---------------------------------------------------------------------------- */

static void put16(uint8_t *at, size_t v)
{
    at[0] = (uint8_t)(v >> 8);
    at[1] = (uint8_t)v;
}

/* UDP header and payload; returns the length. The checksum is left to the host that receives. */
static size_t put_udp(uint8_t *at, const struct knock *k)
{
    const size_t n = 8 + k->payload;

    memset(at, 0x5a, n);
    put16(at, 40000);
    put16(at + 2, k->port);
    put16(at + 4, n);
    put16(at + 6, 0);
    memset(at + 8, 0, 4);
    at[8] = k->type;
    at[11] = k->reserved;
    return n;
}

static size_t put_options(uint8_t *at, const struct knock *k)
{
    size_t n = 0;

    for (size_t i = 0; i < 2 && k->options[i]; i++, n += 8) {
        memset(at + n, 0, 8);
        at[n] = i + 1 < 2 && k->options[i + 1] ? k->options[i + 1] : IPPROTO_UDP;
        at[n + 2] = 1;
        at[n + 3] = 4;
    }
    return n;
}

static void send_frame(enum side from, bool v6, const uint8_t *packet, size_t n)
{
    uint8_t frame[14 + 512];

    memcpy(frame, lab_gateway_mac[from], 6);
    memcpy(frame + 6, lab_host_mac[from], 6);
    put16(frame + 12, v6 ? 0x86dd : 0x0800);
    memcpy(frame + 14, packet, n);
    assert_int_equal(send(lab.wire[from], frame, 14 + n, 0), (ssize_t)(14 + n));
}

/* One IPv4 packet of `payload`, at `offset` of a datagram. */
static void send_v4(const struct knock *k, const uint8_t *payload, size_t n, size_t offset,
                    bool more)
{
    static uint16_t id;
    const struct ip_addr src = ip(k->src), dst = ip(k->dst);
    uint8_t p[512] = {0x45};

    if (offset == 0)
        id++;
    put16(p + 2, 20 + n);
    put16(p + 4, id);
    put16(p + 6, offset / 8 | (more ? 0x2000u : 0));
    p[8] = 64;
    p[9] = IPPROTO_UDP;
    memcpy(p + 12, src.b, 4);
    memcpy(p + 16, dst.b, 4);
    fold(p + 10, sum(p, 20, 0));
    memcpy(p + 20, payload, n);
    send_frame(k->from, false, p, 20 + n);
}

static void send_v6(const struct knock *k)
{
    const struct ip_addr src = ip(k->src), dst = ip(k->dst);
    uint8_t p[512] = {0x60};
    size_t options = put_options(p + 40, k), n = options + put_udp(p + 40 + options, k);

    put16(p + 4, n);
    p[6] = k->options[0] ? k->options[0] : IPPROTO_UDP;
    p[7] = 64;
    memcpy(p + 8, src.b, 16);
    memcpy(p + 24, dst.b, 16);
    send_frame(k->from, true, p, 40 + n);
}

static void send_knock(const struct knock *k)
{
    uint8_t payload[256];

    if (ip(k->src).family == 6) {
        send_v6(k);
        return;
    }
    size_t n = put_udp(payload, k);
    send_v4(k, payload, k->cut ? k->cut : n, 0, k->cut != 0);
    if (k->cut)
        send_v4(k, payload + k->cut, n - k->cut, k->cut, false);
}

/* ---- tests ---------------------------------------------------------------------------------- */

static int begin(void **state)
{
    struct dataplane dp = {.tunnel = lab_tunnel()};

    (void)state;
    if (lab_up(&lab) != 0)
        return 0;
    dp.tunnel.listen_port = PORT;
    return nft_guard_install(lab.nft, &dp.tunnel) < 0 || nft_install(lab.nft, &dp) < 0 ? -1 : 0;
}

static uint64_t knocks(bool logged)
{
    struct rule_counts c;

    assert_int_equal(nft_counts(lab.nft, &c), 0);
    return logged ? c.knocks_logged : c.knocks;
}

static void an_initiation_is_a_knock_and_nothing_else_is(void **state)
{
    (void)state;
    if (!lab.nft)
        skip();
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t before = knocks(false), logged = knocks(true);
        send_knock(&cases[i]);
        sleep_ms(20);
        if (knocks(false) - before != cases[i].counts)
            fail_msg("%s: counted %d times", cases[i].what, (int)(knocks(false) - before));
        assert_int_equal(knocks(true) - logged, cases[i].counts);
    }
}

/* Beyond the rate they are counted and not logged. */
static void a_flood_is_counted_whole_and_logged_in_part(void **state)
{
    const uint64_t n = 6 * NFT_KNOCK_RATE;
    uint64_t before = knocks(false), logged = knocks(true);
    const time_t start = time(NULL);

    (void)state;
    if (!lab.nft)
        skip();
    for (uint64_t i = 0; i < n; i++)
        send_knock(&cases[0]);
    for (int i = 0; i < 100 && knocks(false) - before < n; i++)
        sleep_ms(20);
    assert_int_equal(knocks(false) - before, n);
    /* A burst of twice the rate, and the rate for as long as it took. */
    const uint64_t most = (uint64_t)(time(NULL) - start + 3) * NFT_KNOCK_RATE;
    assert_in_range(knocks(true) - logged, NFT_KNOCK_RATE, most < n ? most : n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_initiation_is_a_knock_and_nothing_else_is),
        cmocka_unit_test(a_flood_is_counted_whole_and_logged_in_part),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
