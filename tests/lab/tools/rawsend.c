/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends UDP datagrams whose source is whatever it is told, as an attacker would; with -S the first
 * packet of a TCP connection instead, again and again the same one.
 *
 *   rawsend [-S] [-n COUNT] [-r RATE] INTERFACE SOURCE SPORT DESTINATION DPORT
 *
 * COUNT packets (default 1; 0: until SIGTERM), RATE a second (0: as fast as possible; default
 * 1000). Prints how many the kernel took.
 */
#include "tool.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <signal.h>
#include <unistd.h>

#define TEXT 16             /* bytes of a datagram's payload */

/* A datagram or a SYN: what follows the IP header. */
struct segment {
    uint8_t proto;
    uint16_t len;
    union {
        struct udphdr udp;
        struct tcphdr tcp;
        uint8_t bytes[sizeof(struct udphdr) + TEXT];
    } u;
};

struct packet {
    union {
        struct iphdr v4;
        struct ip6_hdr v6;
        uint8_t bytes[sizeof(struct ip6_hdr) + sizeof(struct udphdr) + TEXT];
    } u;
    size_t len;
    struct endpoint to;
};

static volatile sig_atomic_t stop_asked;

static void on_signal(int sig)
{
    (void)sig;
    stop_asked = 1;
}

static struct segment make_udp(uint16_t sport, uint16_t dport)
{
    struct segment g = {.proto = IPPROTO_UDP, .len = sizeof(struct udphdr) + TEXT};

    g.u.udp = (struct udphdr){.source = htons(sport), .dest = htons(dport), .len = htons(g.len)};
    return g;
}

static struct segment make_syn(uint16_t sport, uint16_t dport)
{
    struct segment g = {.proto = IPPROTO_TCP, .len = sizeof(struct tcphdr)};

    g.u.tcp = (struct tcphdr){.source = htons(sport), .dest = htons(dport), .seq = htonl(1),
                              .doff = sizeof(struct tcphdr) / 4, .syn = 1, .window = htons(1024)};
    return g;
}

static uint32_t add_bytes(uint32_t sum, const void *data, size_t len)
{
    const uint8_t *b = data;

    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)(b[i] << 8 | b[i + 1]);
    return sum;
}

/* Over the addresses (2 * size bytes), as UDP and TCP have it: RFC 768, RFC 9293, RFC 8200. */
static void checksum(struct segment *g, const void *addresses, size_t size)
{
    uint32_t sum = add_bytes((uint32_t)g->proto + g->len, addresses, 2 * size);
    uint16_t check;

    sum = add_bytes(sum, g->u.bytes, g->len);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    check = htons((uint16_t)~sum);
    if (g->proto == IPPROTO_TCP)
        g->u.tcp.check = check;
    else
        g->u.udp.check = check == 0 ? 0xffff : check;
}

static void build4(struct packet *p, const struct endpoint *from, struct segment *g)
{
    struct iphdr *ip = &p->u.v4;

    *ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = g->proto};
    p->len = sizeof(*ip) + g->len;
    ip->tot_len = htons((uint16_t)p->len);
    ip->saddr = ((const struct sockaddr_in *)&from->sa)->sin_addr.s_addr;
    ip->daddr = ((const struct sockaddr_in *)&p->to.sa)->sin_addr.s_addr;
    checksum(g, &ip->saddr, 4);
    memcpy(p->u.bytes + sizeof(*ip), g->u.bytes, g->len);
}

static void build6(struct packet *p, const struct endpoint *from, struct segment *g)
{
    struct ip6_hdr *ip = &p->u.v6;

    ip->ip6_flow = htonl(6u << 28);
    ip->ip6_plen = htons(g->len);
    ip->ip6_nxt = g->proto;
    ip->ip6_hlim = 64;
    ip->ip6_src = ((const struct sockaddr_in6 *)&from->sa)->sin6_addr;
    ip->ip6_dst = ((const struct sockaddr_in6 *)&p->to.sa)->sin6_addr;
    checksum(g, &ip->ip6_src, 16);
    p->len = sizeof(*ip) + g->len;
    memcpy(p->u.bytes + sizeof(*ip), g->u.bytes, g->len);
    ((struct sockaddr_in6 *)&p->to.sa)->sin6_port = 0; /* a raw socket takes no port */
}

static int open_raw(int family, const char *interface)
{
    int fd = socket(family, SOCK_RAW, IPPROTO_RAW);

    if (fd < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, interface, (socklen_t)strlen(interface)) != 0)
        die("%s: %s", interface, strerror(errno));
    return fd;
}

static unsigned long send_all(int fd, struct packet *p, unsigned long count, unsigned long rate)
{
    int64_t start = now_ns();
    unsigned long sent = 0;

    for (unsigned long n = 1; !stop_asked && (count == 0 || n <= count); n++) {
        if (sendto(fd, p->u.bytes, p->len, 0, endpoint_sa(&p->to), p->to.len) >= 0)
            sent++;
        if (rate != 0)
            sleep_ns(start + (int64_t)n * NS_PER_SEC / (int64_t)rate - now_ns());
    }
    return sent;
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal};
    unsigned long count = 1, rate = 1000;
    struct packet p = {0};
    struct endpoint from;
    struct segment g;
    bool syn = false;
    uint16_t sport, dport;
    int opt;

    while ((opt = getopt(argc, argv, "Sn:r:")) != -1) {
        if (opt == 'S')
            syn = true;
        else if (opt == 'n' || opt == 'r')
            *(opt == 'n' ? &count : &rate) = number(optarg, 1000000000);
        else
            return 2;
    }
    argv += optind;
    if (argc - optind != 5)
        die("usage: rawsend [-S] [-n COUNT] [-r RATE] INTERFACE SOURCE SPORT DESTINATION DPORT");
    sport = (uint16_t)number(argv[2], 65535);
    dport = (uint16_t)number(argv[4], 65535);
    g = syn ? make_syn(sport, dport) : make_udp(sport, dport);
    if (!endpoint_parse(argv[1], 0, &from) || !endpoint_parse(argv[3], 0, &p.to) ||
        from.sa.ss_family != p.to.sa.ss_family)
        die("not two addresses of one family: %s %s", argv[1], argv[3]);
    if (from.sa.ss_family == AF_INET)
        build4(&p, &from, &g);
    else
        build6(&p, &from, &g);
    sigaction(SIGTERM, &act, NULL);
    printf("%lu\n", send_all(open_raw(from.sa.ss_family, argv[0]), &p, count, rate));
    return 0;
}
