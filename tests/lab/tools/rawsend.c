/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sends UDP datagrams whose source is whatever it is told, as an attacker would.
 *
 *   rawsend [-n COUNT] [-r RATE] INTERFACE SOURCE SPORT DESTINATION DPORT
 *
 * COUNT datagrams (default 1; 0: until SIGTERM), RATE a second (0: as fast as possible; default
 * 1000). Prints how many the kernel took.
 */
#include "tool.h"

#include <errno.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <signal.h>
#include <unistd.h>

struct packet4 {
    struct iphdr ip;
    struct udphdr udp;
    char text[16];
};

struct packet6 {
    struct ip6_hdr ip;
    struct udphdr udp;
    char text[16];
};

struct packet {
    union {
        struct packet4 v4;
        struct packet6 v6;
        uint8_t bytes[sizeof(struct packet6)];
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

static struct udphdr make_udp(uint16_t sport, uint16_t dport)
{
    return (struct udphdr){.source = htons(sport), .dest = htons(dport),
                           .len = htons(sizeof(struct udphdr) + 16)};
}

static uint32_t add_bytes(uint32_t sum, const void *data, size_t len)
{
    const uint8_t *b = data;

    for (size_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)(b[i] << 8 | b[i + 1]);
    return sum;
}

/* UDP over IPv6 needs a checksum (RFC 8200 section 8.1); over IPv4 zero means none. */
static void checksum6(struct packet6 *p)
{
    uint32_t sum = IPPROTO_UDP + sizeof(p->udp) + sizeof(p->text);

    sum = add_bytes(sum, &p->ip.ip6_src, 32);
    sum = add_bytes(sum, &p->udp, sizeof(p->udp));
    sum = add_bytes(sum, p->text, sizeof(p->text));
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    p->udp.check = htons((uint16_t)~sum);
}

static void build4(struct packet *p, const struct endpoint *from, struct udphdr udp)
{
    p->u.v4.ip = (struct iphdr){.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP};
    p->u.v4.ip.tot_len = htons(sizeof(p->u.v4));
    p->u.v4.ip.saddr = ((const struct sockaddr_in *)&from->sa)->sin_addr.s_addr;
    p->u.v4.ip.daddr = ((const struct sockaddr_in *)&p->to.sa)->sin_addr.s_addr;
    p->u.v4.udp = udp;
    p->len = sizeof(p->u.v4);
}

static void build6(struct packet *p, const struct endpoint *from, struct udphdr udp)
{
    p->u.v6.ip.ip6_flow = htonl(6u << 28);
    p->u.v6.ip.ip6_plen = htons(sizeof(udp) + sizeof(p->u.v6.text));
    p->u.v6.ip.ip6_nxt = IPPROTO_UDP;
    p->u.v6.ip.ip6_hlim = 64;
    p->u.v6.ip.ip6_src = ((const struct sockaddr_in6 *)&from->sa)->sin6_addr;
    p->u.v6.ip.ip6_dst = ((const struct sockaddr_in6 *)&p->to.sa)->sin6_addr;
    p->u.v6.udp = udp;
    p->len = sizeof(p->u.v6);
    checksum6(&p->u.v6);
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
    struct udphdr udp;
    int opt;

    while ((opt = getopt(argc, argv, "n:r:")) != -1) {
        if (opt != 'n' && opt != 'r')
            return 2;
        *(opt == 'n' ? &count : &rate) = number(optarg, 1000000000);
    }
    argv += optind;
    if (argc - optind != 5)
        die("usage: rawsend [-n COUNT] [-r RATE] INTERFACE SOURCE SPORT DESTINATION DPORT");
    udp = make_udp((uint16_t)number(argv[2], 65535), (uint16_t)number(argv[4], 65535));
    if (!endpoint_parse(argv[1], 0, &from) || !endpoint_parse(argv[3], 0, &p.to) ||
        from.sa.ss_family != p.to.sa.ss_family)
        die("not two addresses of one family: %s %s", argv[1], argv[3]);
    if (from.sa.ss_family == AF_INET)
        build4(&p, &from, udp);
    else
        build6(&p, &from, udp);
    sigaction(SIGTERM, &act, NULL);
    printf("%lu\n", send_all(open_raw(from.sa.ss_family, argv[0]), &p, count, rate));
    return 0;
}
