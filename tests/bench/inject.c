/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Datagrams in a device's name, put on a wire as frames; what is behind the wire hands them to the
 * gateway's tunnel interface as if WireGuard had decrypted them.
 *
 *   inject IFACE SOURCE DESTINATION PORT rate N     N a second until it is ended
 *   inject IFACE SOURCE DESTINATION PORT flows N    one packet of each of N connections
 */
#include "tests/bench/bench.h"
#include "tests/unit/nft_lab.h"

static int wire;
static uint8_t frame[14 + IP_MAX];
static size_t frame_len;

static void make_frame(const struct pkt *p)
{
    static const uint8_t to[6] = {2, 0, 0, 0, 0, 0x11}, from[6] = {2, 0, 0, 0, 0, 0x12};

    memcpy(frame, to, 6);
    memcpy(frame + 6, from, 6);
    frame[12] = 0x08;
    frame[13] = 0x00;
    frame_len = 14 + build_ip(frame + 14, p, 0);
}

static void open_wire_at(const char *iface)
{
    const int one = 1;
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(iface)};

    wire = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    need(wire >= 0 && bind(wire, (const struct sockaddr *)&at, sizeof at) == 0 &&
             setsockopt(wire, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) == 0,
         "packet socket");
}

/* Evenly spaced; behind time by more than a millisecond it does not catch up. */
static void send_rate(int64_t rate)
{
    const int64_t interval = 1000000000 / rate;
    int64_t next = now_ns();

    for (;;) {
        (void)!send(wire, frame, frame_len, 0);
        next += interval;
        while (now_ns() < next)
            ;
        if (now_ns() > next + 1000000)
            next = now_ns();
    }
}

static void send_flows(struct pkt p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        p.sport = (uint16_t)(1024 + i % 60000);
        p.dport = (uint16_t)(6010 + i / 60000);
        make_frame(&p);
        need(send(wire, frame, frame_len, 0) == (ssize_t)frame_len, "send");
    }
}

int main(int argc, char **argv)
{
    need(argc == 7, "usage: inject IFACE SOURCE DESTINATION PORT rate|flows N");
    const size_t n = number(argv[6], 10000000);
    const struct pkt p = udp(argv[2], 999, argv[3], (uint16_t)number(argv[4], 65535));

    open_wire_at(argv[1]);
    make_frame(&p);
    if (strcmp(argv[5], "flows") == 0)
        send_flows(p, n);
    else
        send_rate((int64_t)n);
    return 0;
}
