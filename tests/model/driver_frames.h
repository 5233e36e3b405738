/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Frames put on the wires as check.py wrote them, and what arrived of them, unaltered or not. */
#ifndef TESTS_MODEL_DRIVER_FRAMES_H
#define TESTS_MODEL_DRIVER_FRAMES_H

#include "tests/model/driver_plane.h"

#define FRAMES 4096
#define FRAME_BYTES 512
#define FENCE_TAG 0xffffu

static struct {
    uint8_t frames[FRAMES][FRAME_BYTES];
    size_t lens[FRAMES];
    enum side sides[FRAMES];
    uint16_t tags[FRAMES];
    uint16_t frame_of[65536]; /* tag -> frame + 1 */
    size_t n;
} wire;

static void forget_frames(void)
{
    memset(wire.frame_of, 0, sizeof wire.frame_of);
    wire.n = 0;
}

/* ---- packets -------------------------------------------------------------------------------- */

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

static void add_frame(enum side from, unsigned tag, const char *hex)
{
    const size_t len = strlen(hex) / 2;
    uint8_t *f = wire.frames[wire.n];

    if (wire.n == FRAMES || len + 14 > FRAME_BYTES)
        exit(1);
    memcpy(f, lab_gateway_mac[from], 6);
    memcpy(f + 6, lab_host_mac[from], 6);
    for (size_t i = 0; i < len; i++)
        f[14 + i] = (uint8_t)(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1]));
    f[12] = f[14] >> 4 == 6 ? 0x86 : 0x08;
    f[13] = f[14] >> 4 == 6 ? 0xdd : 0x00;
    wire.lens[wire.n] = len + 14;
    wire.sides[wire.n] = from;
    wire.tags[wire.n] = (uint16_t)tag;
    wire.frame_of[tag & 0xffff] = (uint16_t)++wire.n;
}

/* ---- arriving ------------------------------------------------------------------------------ */

/* The sender's mark on the packet: IPv4's identification, IPv6's flow label. */
static uint16_t tag_of(const uint8_t *f)
{
    const uint8_t *at = f + (f[14] >> 4 == 6 ? 16 : 18);
    const unsigned tag = (unsigned)at[0] << 8 | at[1];

    return (uint16_t)tag;
}

/* Ours, or one of the gateway's own (an error, a reset) that happens to have the same number? A
 * sent packet in the gateway's own name is told apart from those by where it goes. */
static bool is_ours(const uint8_t *f, uint16_t tag)
{
    const bool v6 = f[14] >> 4 == 6;
    const size_t addresses = v6 ? 22 : 26;

    return wire.frame_of[tag] != 0 && f[14] >> 4 == wire.frames[wire.frame_of[tag] - 1][14] >> 4 &&
           memcmp(wire.frames[wire.frame_of[tag] - 1] + addresses, f + addresses, v6 ? 32 : 8) == 0;
}

/* As sent, but for the hop count (and IPv4's checksum with it)? */
static bool intact(const uint8_t *f, size_t len, uint16_t tag)
{
    const bool v6 = f[14] >> 4 == 6;
    const size_t hop = 14 + (v6 ? 7u : 8u), rest = v6 ? hop + 1 : hop + 4;
    const uint8_t *sent = wire.frames[wire.frame_of[tag] - 1];

    return wire.lens[wire.frame_of[tag] - 1] == len && memcmp(sent + 14, f + 14, hop - 14) == 0 &&
           (v6 || sent[hop + 1] == f[hop + 1]) && memcmp(sent + rest, f + rest, len - rest) == 0;
}

/* True when the fence was among what has arrived. */
static bool report_arrivals(enum side at)
{
    uint8_t f[FRAME_MAX];
    bool fence = false;
    ssize_t len;

    while ((len = recv(lab.wire[at], f, sizeof f, 0)) > 34) {
        const uint16_t tag = tag_of(f);

        if (tag == FENCE_TAG)
            fence = true;
        else if (is_ours(f, tag))
            printf(" %d %u %s", (int)at, tag, intact(f, (size_t)len, tag) ? "=" : "!");
    }
    return fence;
}

/* From the office and back to the office, past the tunnel: it arrives last. */
static void send_fence(void)
{
    const struct pkt p = udp("10.20.255.250", 9, "192.0.2.250", 9);
    uint8_t frame[14 + IP_MAX];

    memcpy(frame, lab_gateway_mac[1], 6);
    memcpy(frame + 6, lab_host_mac[1], 6);
    frame[12] = 0x08;
    frame[13] = 0x00;
    const size_t len = build_ip(frame + 14, &p, 0);
    frame[18] = frame[19] = 0xff;
    frame[24] = frame[25] = 0;
    fold(frame + 24, sum(frame + 14, 20, 0));
    (void)!send(lab.wire[1], frame, 14 + len, 0);
}

static void report_counts(void)
{
    struct rule_counts now;
    const int rc = nft_counts(lab.nft, &now);

    if (rc != 0)
        printf("failed: counts: %d", rc);
    for (int i = 0; i < DENY_REASONS; i++)
        printf("%s%llu", i ? " " : "", (unsigned long long)(now.denied[i] - plane.counts.denied[i]));
    plane.counts = now;
}

static void go(void)
{
    bool fence = false;

    for (size_t i = 0; i < wire.n; i++)
        if (send(lab.wire[wire.sides[i]], wire.frames[i], wire.lens[i], 0) != (ssize_t)wire.lens[i])
            printf("failed: send: %s ", strerror(errno));
    send_fence();
    struct pollfd p = {.fd = lab.wire[1], .events = POLLIN};
    fputs("arrived", stdout);
    for (int tries = 0; !fence && tries < FRAMES && poll(&p, 1, 2000) == 1; tries++)
        fence = report_arrivals(OFFICE_SIDE);
    report_arrivals(DEVICE_SIDE);
    fputs(fence ? " denied " : " failed: no fence ", stdout);
    report_counts();
    putchar('\n');
    for (size_t i = 0; i < wire.n; i++)
        wire.frame_of[wire.tags[i]] = 0;
    wire.n = 0;
}

#endif
