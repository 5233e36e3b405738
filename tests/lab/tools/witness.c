/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Stands at an interface and writes down who passed: for each flow (direction, protocol,
 * addresses, ports) how many packets and the kernel's time of the first and the last.
 *
 *   witness INTERFACE
 *
 * Says "ready" on standard error when it listens. On SIGTERM it prints one line for each flow,
 * "in|out PROTO SOURCE SPORT DESTINATION DPORT COUNT FIRST_NS LAST_NS", then "lost COUNT" (what
 * the kernel could not hand over), and ends. Times are CLOCK_REALTIME nanoseconds.
 */
#include "tool.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#define MAX_FLOWS 65536
#define RECEIVE_BUFFER (64 << 20)

struct flow_key {
    uint8_t family, proto, out, pad;
    uint16_t sport, dport;
    struct in6_addr src, dst;
};

struct flow {
    struct flow_key key;
    uint64_t count;
    int64_t first_ns, last_ns;
};

static struct flow flows[MAX_FLOWS];
static volatile sig_atomic_t stop_asked;

static void on_signal(int sig)
{
    (void)sig;
    stop_asked = 1;
}

static int open_interface(const char *name)
{
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_ALL)), size = RECEIVE_BUFFER, on = 1;

    at.sll_ifindex = (int)if_nametoindex(name);
    if (fd < 0 || at.sll_ifindex == 0)
        die("%s: %s", name, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
    setpriority(PRIO_PROCESS, 0, -15); /* who is watched does not get ahead of the one who watches */
    if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0 ||
        bind(fd, (struct sockaddr *)&at, sizeof(at)) != 0)
        die("%s: %s", name, strerror(errno));
    return fd;
}

static void take_ports(struct flow_key *key, const uint8_t *l4, size_t len)
{
    if ((key->proto != IPPROTO_TCP && key->proto != IPPROTO_UDP) || len < 4)
        return;
    key->sport = (uint16_t)(l4[0] << 8 | l4[1]);
    key->dport = (uint16_t)(l4[2] << 8 | l4[3]);
}

/* Reads the addresses and ports of a packet; false for what is neither IPv4 nor IPv6. */
static bool take_key(const uint8_t *data, size_t len, struct flow_key *key)
{
    struct iphdr ip4;
    struct ip6_hdr ip6;

    if (len >= sizeof(ip4) && data[0] >> 4 == 4) {
        memcpy(&ip4, data, sizeof(ip4));
        key->family = AF_INET;
        key->proto = ip4.protocol;
        memcpy(&key->src, &ip4.saddr, 4);
        memcpy(&key->dst, &ip4.daddr, 4);
        if ((size_t)ip4.ihl * 4 <= len && (ntohs(ip4.frag_off) & 0x1fff) == 0)
            take_ports(key, data + ip4.ihl * 4, len - (size_t)ip4.ihl * 4);
        return true;
    }
    if (len >= sizeof(ip6) && data[0] >> 4 == 6) {
        memcpy(&ip6, data, sizeof(ip6));
        key->family = AF_INET6;
        key->proto = ip6.ip6_nxt;
        key->src = ip6.ip6_src;
        key->dst = ip6.ip6_dst;
        take_ports(key, data + sizeof(ip6), len - sizeof(ip6));
        return true;
    }
    return false;
}

static struct flow *find_flow(const struct flow_key *key)
{
    const uint8_t *bytes = (const uint8_t *)key;
    uint32_t hash = 2166136261u;

    for (size_t i = 0; i < sizeof(*key); i++)
        hash = (hash ^ bytes[i]) * 16777619u;
    for (uint32_t n = 0; n < MAX_FLOWS; n++) {
        struct flow *f = &flows[(hash + n) % MAX_FLOWS];

        if (f->count == 0)
            f->key = *key;
        if (memcmp(&f->key, key, sizeof(*key)) == 0)
            return f;
    }
    die("more than %d flows", MAX_FLOWS);
}

static int64_t kernel_time(struct msghdr *msg)
{
    struct timespec ts;

    for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&ts, CMSG_DATA(c), sizeof(ts));
        return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
    }
    return now_ns();
}

static void take_packet(int fd)
{
    uint8_t data[256], control[128];
    struct sockaddr_ll from = {0};
    struct iovec iov = {.iov_base = data, .iov_len = sizeof(data)};
    struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof(from), .msg_iov = &iov,
                         .msg_iovlen = 1, .msg_control = control,
                         .msg_controllen = sizeof(control)};
    struct flow_key key = {0};
    ssize_t len = recvmsg(fd, &msg, MSG_DONTWAIT);
    struct flow *f;

    if (len <= 0 || !take_key(data, (size_t)len, &key))
        return;
    key.out = from.sll_pkttype == PACKET_OUTGOING;
    f = find_flow(&key);
    f->last_ns = kernel_time(&msg);
    if (f->count++ == 0)
        f->first_ns = f->last_ns;
}

static void print_flows(int fd)
{
    struct tpacket_stats lost = {0};
    socklen_t len = sizeof(lost);
    char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN];

    for (size_t i = 0; i < MAX_FLOWS; i++) {
        const struct flow *f = &flows[i];

        if (f->count == 0)
            continue;
        inet_ntop(f->key.family, &f->key.src, src, sizeof(src));
        inet_ntop(f->key.family, &f->key.dst, dst, sizeof(dst));
        printf("%s %u %s %u %s %u %llu %lld %lld\n", f->key.out ? "out" : "in", f->key.proto, src,
               f->key.sport, dst, f->key.dport, (unsigned long long)f->count,
               (long long)f->first_ns, (long long)f->last_ns);
    }
    getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &lost, &len);
    printf("lost %u\n", lost.tp_drops);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal};
    struct pollfd p = {.events = POLLIN};

    if (argc != 2)
        die("usage: witness INTERFACE");
    p.fd = open_interface(argv[1]);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    fprintf(stderr, "ready\n");
    while (!stop_asked)
        if (poll(&p, 1, 100) > 0)
            take_packet(p.fd);
    while (poll(&p, 1, 0) > 0 && (p.revents & POLLIN) != 0)
        take_packet(p.fd);
    print_flows(p.fd);
    return 0;
}
