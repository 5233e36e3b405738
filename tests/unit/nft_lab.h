/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small laboratory inside one process: three network namespaces (device side, gateway, office)
 * and frames put on their wires by hand. `wg0` is one end of a veth pair here: to the rules it
 * is a name. Every packet carries a tag, so that its arrival on the other side is certain.
 */
#ifndef TESTS_NFT_LAB_H
#define TESTS_NFT_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include "kernel_rules/nft.h"
#include "policy/address.h"

#define MAYBE __attribute__((unused))

enum side { DEVICE_SIDE, OFFICE_SIDE };
static const char *const lab_iface[2] = {"tun0", "eth0"};
static const uint8_t lab_gateway_mac[2][6] = {{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 3}};
static const uint8_t lab_host_mac[2][6] = {{2, 0, 0, 0, 0, 2}, {2, 0, 0, 0, 0, 4}};

struct lab {
    int ns[2], gateway;       /* namespaces */
    int wire[2];              /* AF_PACKET sockets on both hosts */
    uint32_t tag;
    struct nft *nft;
};

/* ---- values -------------------------------------------------------------------------- */

static struct ip_addr MAYBE ip(const char *text)
{
    struct ip_addr a = {0};
    if (!ip_parse(text, strlen(text), &a))
        abort();
    return a;
}

static struct ip_prefix MAYBE net(const char *text, uint8_t len)
{
    return (struct ip_prefix){ip(text), len};
}

static struct permit MAYBE permit(const char *first, const char *last, uint8_t proto, uint16_t from,
                                  uint16_t to)
{
    return (struct permit){{ip(first), ip(last)}, proto, from, to};
}

static struct tunnel MAYBE lab_tunnel(void)
{
    struct tunnel t = {.iface = "wg0", .mtu = 1420, .portal_port = 8080, .portal_tls_port = 443, .nflog_group = 77,
                       .log_rate = 100};
    t.net4 = net("10.77.0.1", 22);
    t.net6 = net("fd77:acc::1", 64);
    snprintf(t.office[0].name, sizeof t.office[0].name, "eth1");
    t.n_office = 1;
    return t;
}

/* ---- building ------------------------------------------------------------------------ */

static int MAYBE try_shell(const char *command)
{
    pid_t pid = fork();
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    int status = 0;
    return pid < 0 || waitpid(pid, &status, 0) != pid ? -1 : status;
}

static void MAYBE shell(const char *command)
{
    if (try_shell(command) != 0)
        fail_msg("failed: %s", command);
}

static int MAYBE new_namespace(void)
{
    if (unshare(CLONE_NEWNET) != 0)
        fail_msg("unshare: %s", strerror(errno));
    return open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

static int MAYBE open_wire(const struct lab *l, enum side s)
{
    if (setns(l->ns[s], CLONE_NEWNET) != 0)
        fail_msg("setns");
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL));
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL),
                             .sll_ifindex = (int)if_nametoindex(lab_iface[s])};
    int room = 8 << 20;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&at, sizeof at) != 0)
        fail_msg("packet socket: %s", strerror(errno));
    if (setns(l->gateway, CLONE_NEWNET) != 0)
        fail_msg("setns");
    return fd;
}

static const char lab_setup[] =
    "set -e\n"
    "ip link set lo up\n"
    "ip link set wg0 address 02:00:00:00:00:01 up; ip link set eth1 address 02:00:00:00:00:03 up\n"
    "echo 1 >/proc/sys/net/ipv4/ip_forward\n"
    "echo 0 >/proc/sys/net/ipv4/conf/all/rp_filter\n"
    "for i in wg0 eth1; do echo 0 >/proc/sys/net/ipv4/conf/$i/rp_filter; done\n"
    "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n"
    "ip addr add 10.77.0.1/32 dev wg0; ip addr add 10.20.0.1/32 dev eth1\n"
    "ip addr add fd77:acc::1/128 dev wg0 nodad; ip addr add fd20::1/128 dev eth1 nodad\n"
    "ip neigh add 169.254.7.2 lladdr 02:00:00:00:00:02 dev wg0\n"
    "ip neigh add 169.254.7.4 lladdr 02:00:00:00:00:04 dev eth1\n"
    "ip neigh add fe80::7:2 lladdr 02:00:00:00:00:02 dev wg0\n"
    "ip neigh add fe80::7:4 lladdr 02:00:00:00:00:04 dev eth1\n"
    "ip route add 10.77.0.0/16 via 169.254.7.2 dev wg0 onlink\n"
    "ip route add default via 169.254.7.4 dev eth1 onlink\n"
    "ip route add 10.77.3.9/32 via 169.254.7.4 dev eth1 onlink\n"
    "ip -6 route add fd77:acc::39/128 via fe80::7:4 dev eth1 onlink\n"
    "ip -6 route add fd77:acc::/64 via fe80::7:2 dev wg0 onlink\n"
    "ip -6 route add default via fe80::7:4 dev eth1 onlink\n";

/* 0, or 1 when this machine does not let us (the reason has been printed). */
static int MAYBE lab_up(struct lab *l)
{
    char command[512];
    if (geteuid() != 0) {
        print_message("skipped: needs root for network namespaces\n");
        return 1;
    }
    memset(l, 0, sizeof *l);
    l->tag = (uint32_t)getpid() << 12;
    l->ns[0] = new_namespace();
    shell("ip link set lo up");
    l->ns[1] = new_namespace();
    l->gateway = new_namespace();
    for (int s = 0; s < 2; s++) {
        snprintf(command, sizeof command,
                 "ip link add %s type veth peer name %s address 02:00:00:00:00:0%d netns "
                 "/proc/%d/fd/%d",
                 s ? "eth1" : "wg0", lab_iface[s], s ? 4 : 2, (int)getpid(), l->ns[s]);
        shell(command);
        if (setns(l->ns[s], CLONE_NEWNET) != 0)
            fail_msg("setns");
        /* Nothing but our own frames: no neighbour discovery of these ends. */
        snprintf(command, sizeof command,
                 "echo 1 >/proc/sys/net/ipv6/conf/%s/disable_ipv6; ip link set %s up",
                 lab_iface[s], lab_iface[s]);
        shell(command);
        if (setns(l->gateway, CLONE_NEWNET) != 0)
            fail_msg("setns");
    }
    shell(lab_setup);
    for (int s = 0; s < 2; s++)
        l->wire[s] = open_wire(l, (enum side)s);
    assert_int_equal(nft_open(&l->nft, -1), 0);
    return 0;
}

/* ---- packets ------------------------------------------------------------------------- */

struct pkt {
    struct ip_addr src, dst;
    uint8_t proto;
    uint16_t sport, dport;          /* ICMP: sport is the id */
    uint8_t tcp_flags;              /* 0 = SYN */
    uint16_t mss;                   /* 0 = without the option */
    bool icmp_reply;
    uint8_t n_options, options[3];  /* IPv6 extension headers before it, each 8 bytes */
    const uint8_t *inner;           /* an ICMP error about this packet */
    size_t inner_len;
};

static uint32_t MAYBE sum(const uint8_t *p, size_t n, uint32_t s)
{
    for (size_t i = 0; i < n; i++)
        s += (uint32_t)p[i] << (i % 2 ? 0 : 8);
    return s;
}

static void MAYBE fold(uint8_t *at, uint32_t s)
{
    while (s >> 16)
        s = (s & 0xffff) + (s >> 16);
    s = ~s & 0xffff;
    at[0] = (uint8_t)(s >> 8);
    at[1] = (uint8_t)s;
}

static size_t MAYBE build_transport(uint8_t *t, const struct pkt *p, uint32_t tag)
{
    const uint16_t sport = htons(p->sport), dport = htons(p->dport);
    if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
        const bool v6 = p->proto == IPPROTO_ICMPV6;
        t[0] = v6 ? (p->icmp_reply ? 129 : 128) : (p->icmp_reply ? 0 : 8);
        if (p->inner) {
            t[0] = v6 ? 1 : 3;
            t[1] = 1;
            memcpy(t + 8, p->inner, p->inner_len);
            return 8 + p->inner_len;
        }
        memcpy(t + 4, &sport, 2);
        memcpy(t + 8, &tag, 4);
        return 12;
    }
    if (p->proto == IPPROTO_TCP) {
        memcpy(t, &sport, 2);
        memcpy(t + 2, &dport, 2);
        memcpy(t + 4, &tag, 4);
        t[12] = 5 << 4;
        t[13] = p->tcp_flags ? p->tcp_flags : 2;
        t[14] = 0x40;
        if (p->mss == 0)
            return 20;
        t[12] = 6 << 4;
        t[20] = 2;
        t[21] = 4;
        t[22] = (uint8_t)(p->mss >> 8);
        t[23] = (uint8_t)p->mss;
        return 24;
    }
    if (p->proto == IPPROTO_UDP) {
        memcpy(t, &sport, 2);
        memcpy(t + 2, &dport, 2);
        t[5] = 12;
        memcpy(t + 8, &tag, 4);
        return 12;
    }
    memcpy(t, &tag, 4);
    return 8;
}

static int MAYBE checksum_at(uint8_t proto)
{
    switch (proto) {
    case IPPROTO_TCP: return 16;
    case IPPROTO_UDP: return 6;
    case IPPROTO_ICMP: case IPPROTO_ICMPV6: return 2;
    default: return -1;
    }
}

/* Extension headers of IPv6 (RFC 8200) that say nothing: padding, or the only fragment. */
static size_t MAYBE build_options(uint8_t *at, const struct pkt *p)
{
    for (size_t i = 0; i < p->n_options; i++) {
        at[8 * i] = i + 1u < p->n_options ? p->options[i + 1] : p->proto;
        if (p->options[i] != IPPROTO_FRAGMENT) {
            at[8 * i + 2] = 1;
            at[8 * i + 3] = 4;
        }
    }
    return 8u * p->n_options;
}

#define IP_MAX 160
/* The IP packet; returns its length. */
static size_t MAYBE build_ip(uint8_t h[IP_MAX], const struct pkt *p, uint32_t tag)
{
    const bool v6 = p->src.family == 6;
    const size_t addr = v6 ? 16 : 4;
    memset(h, 0, IP_MAX);
    const size_t head = v6 ? 40 + build_options(h + 40, p) : 20;
    const size_t len = build_transport(h + head, p, tag), total = head + len - (v6 ? 40 : 0);
    if (v6) {
        h[0] = 0x60;
        h[4] = (uint8_t)(total >> 8);
        h[5] = (uint8_t)total;
        h[6] = p->n_options ? p->options[0] : p->proto;
        h[7] = 64;
    } else {
        h[0] = 0x45;
        h[2] = (uint8_t)(total >> 8);
        h[3] = (uint8_t)total;
        h[8] = 64;
        h[9] = p->proto;
    }
    memcpy(h + (v6 ? 8 : 12), p->src.b, addr);
    memcpy(h + (v6 ? 24 : 16), p->dst.b, addr);
    if (!v6)
        fold(h + 10, sum(h, 20, 0));
    const int at = checksum_at(p->proto);
    uint32_t s = sum(h + head, len, 0);
    if (p->proto != IPPROTO_ICMP)
        s += sum(p->src.b, addr, 0) + sum(p->dst.b, addr, 0) + p->proto + (uint32_t)len;
    if (at >= 0)
        fold(h + head + at, s);
    return head + len;
}

static uint32_t MAYBE put_on_wire(struct lab *l, enum side from, const struct pkt *p)
{
    uint8_t frame[14 + IP_MAX];
    const uint32_t tag = ++l->tag;
    memcpy(frame, lab_gateway_mac[from], 6);
    memcpy(frame + 6, lab_host_mac[from], 6);
    frame[12] = p->src.family == 6 ? 0x86 : 0x08;
    frame[13] = p->src.family == 6 ? 0xdd : 0x00;
    const size_t len = 14 + build_ip(frame + 14, p, tag);
    struct pollfd room = {.fd = l->wire[from], .events = POLLOUT};
    while (send(l->wire[from], frame, len, 0) != (ssize_t)len)
        if (errno != EAGAIN || poll(&room, 1, 5000) != 1)
            fail_msg("send: %s", strerror(errno));
    return tag;
}

#define FRAME_MAX 2048
/* Looks for the packet with this tag among those that have arrived; reads away the others.
 * Returns the length of its frame, 0 when it is not there. */
static size_t MAYBE take_frame(const struct lab *l, enum side at, uint32_t tag,
                               uint8_t frame[FRAME_MAX])
{
    struct sockaddr_ll from;
    socklen_t n = sizeof from;
    ssize_t len;
    while ((len = recvfrom(l->wire[at], frame, FRAME_MAX, 0, (struct sockaddr *)&from, &n)) > 0)
        if (from.sll_pkttype != PACKET_OUTGOING && memmem(frame, (size_t)len, &tag, sizeof tag))
            return (size_t)len;
    return 0;
}

static bool MAYBE arrived(const struct lab *l, enum side at, uint32_t tag)
{
    uint8_t frame[FRAME_MAX];
    return take_frame(l, at, tag, frame) > 0;
}

/* ---- what became of it --------------------------------------------------------------- */

#define ARRIVED (-1)
#define VANISHED 100          /* neither arrived nor counted by a deny chain within 100 ms */

static int MAYBE counted(const struct rule_counts *before, const struct rule_counts *now)
{
    for (int i = 0; i < DENY_REASONS; i++)
        if (now->denied[i] != before->denied[i])
            return i;
    return VANISHED;
}

/* ARRIVED on the other side, the deny_reason that counted it, or VANISHED. */
static int MAYBE fate(struct lab *l, enum side from, const struct pkt *p)
{
    struct rule_counts before, now;
    const enum side to = from == DEVICE_SIDE ? OFFICE_SIDE : DEVICE_SIDE;
    assert_int_equal(nft_counts(l->nft, &before), 0);
    const uint32_t tag = put_on_wire(l, from, p);
    for (int i = 0; i < 100; i++) {
        if (arrived(l, to, tag))
            return ARRIVED;
        assert_int_equal(nft_counts(l->nft, &now), 0);
        const int why = counted(&before, &now);
        if (why != VANISHED)
            return arrived(l, to, tag) ? ARRIVED : why;
        usleep(i < 10 ? 50 : 1000);
    }
    return VANISHED;
}

static const char *MAYBE fate_name(int f)
{
    if (f == ARRIVED || f == VANISHED)
        return f == ARRIVED ? "arrived" : "vanished";
    return deny_reason_name((enum deny_reason)f);
}

static void MAYBE expect_fate(struct lab *l, enum side from, const struct pkt *p, int want,
                              const char *what)
{
    const int got = fate(l, from, p);
    if (got != want)
        fail_msg("%s: %s instead of %s", what, fate_name(got), fate_name(want));
}

static struct pkt MAYBE udp(const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
    return (struct pkt){.src = ip(src), .dst = ip(dst), .proto = IPPROTO_UDP, .sport = sport,
                        .dport = dport};
}

static struct pkt MAYBE answer(const struct pkt *p)
{
    struct pkt a = *p;
    a.src = p->dst;
    a.dst = p->src;
    a.sport = p->dport;
    a.dport = p->sport;
    a.icmp_reply = !p->icmp_reply;
    if (p->proto == IPPROTO_ICMP || p->proto == IPPROTO_ICMPV6) {
        a.sport = p->sport;
        a.dport = p->dport;
    }
    return a;
}

static void MAYBE sleep_ms(long ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    nanosleep(&t, NULL);
}

#endif
