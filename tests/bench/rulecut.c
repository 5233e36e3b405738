/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How long after the order to cut a device off its last packet arrives, by the product's rules
 * alone (no daemon, no WireGuard), while it sends 100,000 packets a second.
 *
 *   rulecut DEVICES CONNECTIONS ROUNDS
 *
 * One thread sends for the device of the round, from a processor of its own; the other orders the
 * change by nft_apply() and reads what the kernel stamped at the receiving end. Before the first
 * round the other devices open so many connections. Prints JSON lines: last packet and
 * acknowledgement, each after the order.
 */
#include "tests/bench/bench.h"
#include "tests/unit/nft_lab.h"

#include <pthread.h>
#include <stdatomic.h>

#define INTERVAL_NS 10000        /* 100,000 a second */
#define BEFORE_MS 10
#define AFTER_MS 3

static struct lab lab;
static int sender;
static atomic_uint sending;      /* device index; 0 = nobody */
static atomic_bool over;

static int64_t wall_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* ---- sending -------------------------------------------------------------------------------- */

static size_t make_frame(uint8_t f[14 + IP_MAX], uint32_t index, uint16_t port)
{
    const struct permit to = class_permit(device_class(index), 1);
    const struct pkt p = {.src = device_addr4(index), .dst = to.dst.first, .proto = IPPROTO_UDP,
                          .sport = port, .dport = to.port_first};

    memcpy(f, lab_gateway_mac[DEVICE_SIDE], 6);
    memcpy(f + 6, lab_host_mac[DEVICE_SIDE], 6);
    f[12] = 0x08;
    f[13] = 0x00;
    return 14 + build_ip(f + 14, &p, index);
}

static void *send_all(void *unused)
{
    uint8_t f[14 + IP_MAX];
    unsigned index = 0;
    size_t len = 0;
    int64_t next = now_ns();

    stay_on_processor(1);
    while (!over) {
        if (sending != index) {
            index = sending;
            len = index ? make_frame(f, index, 999) : 0;
        }
        if (len > 0)
            (void)!send(sender, f, len, 0);
        next += INTERVAL_NS;
        while (now_ns() < next)
            ;
        if (now_ns() > next + 1000000) /* somebody else had this processor */
            next = now_ns();
    }
    return unused;
}

/* Round the devices but the first, which the rounds use. */
static void open_connections(size_t n, size_t devices)
{
    uint8_t f[14 + IP_MAX];

    for (size_t i = 0; i < n; i++) {
        const uint32_t index = (uint32_t)(devices - i % ((devices + 1) / 2));
        const size_t len = make_frame(f, index, (uint16_t)(1000 + i / ((devices + 1) / 2)));
        need(send(sender, f, len, 0) == (ssize_t)len, "send");
    }
}

/* ---- receiving ------------------------------------------------------------------------------ */

static int open_receiver(void)
{
    const int one = 1, room = 32 << 20;
    struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};

    need(setns(lab.ns[OFFICE_SIDE], CLONE_NEWNET) == 0, "namespace");
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_IP));
    at.sll_ifindex = (int)if_nametoindex(lab_iface[OFFICE_SIDE]);
    need(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) == 0 &&
             setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) == 0,
         "receiver");
    need(setns(lab.gateway, CLONE_NEWNET) == 0, "namespace");
    return fd;
}

static int64_t stamp_of(struct msghdr *m)
{
    struct timespec t = {0};

    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS)
            memcpy(&t, CMSG_DATA(c), sizeof t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Reads all that has come; when the last packet of this address did, by the wall clock. */
static int64_t last_arrival(int fd, const struct ip_addr *from, unsigned *count)
{
    uint8_t f[256], control[128];
    int64_t last = 0;

    *count = 0;
    for (;;) {
        struct iovec v = {f, sizeof f};
        struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = control,
                           .msg_controllen = sizeof control};
        if (recvmsg(fd, &m, 0) < 34)
            return last;
        if (memcmp(f + 26, from->b, 4) == 0) {
            last = stamp_of(&m);
            ++*count;
        }
    }
}

/* ---- rounds --------------------------------------------------------------------------------- */

/* When the kernel had acknowledged it. */
static int64_t change(struct dataplane *dp, struct change *v, size_t n)
{
    struct changes list = {.v = v, .n = n, .size = n};

    need(nft_apply(lab.nft, dp, &list) == 0, "nft_apply");
    const int64_t acked = wall_ns();
    need(plan_apply(dp, &list) == PLAN_OK, "plan_apply");
    return acked;
}

static void put_back(struct dataplane *dp, uint32_t index)
{
    struct change v[] = {
        {.kind = CHANGE_DEVICE_PUT, .u.device = bench_device(index)},
        {.kind = CHANGE_LEASE_PUT, .u.lease = {index, device_class(index), 3600000}},
    };

    (void)change(dp, v, 2);
}

/* False: the sender had no processor for too long, nothing can be said. */
static bool one_round(struct dataplane *dp, int receiver, uint32_t index, const char *labels[2],
                      unsigned run)
{
    struct change drop = {.kind = CHANGE_DEVICE_DROP, .u.device = {.index = index}};
    const struct ip_addr from = device_addr4(index);
    unsigned count;

    sending = index;
    sleep_ms(BEFORE_MS);
    const int64_t issued = wall_ns();
    const int64_t acked = change(dp, &drop, 1);
    sleep_ms(AFTER_MS);
    sending = 0;
    const int64_t last = last_arrival(receiver, &from, &count);
    put_back(dp, index);
    if (last < issued - 2 * INTERVAL_NS)
        return false;
    tell("revoke", labels[0], run, (double)(last - issued) / 1e6, "ms");
    tell("revoke", labels[1], run, (double)(acked - issued) / 1e6, "ms");
    return true;
}

static void build(struct dataplane *dp)
{
    const int one = 1;
    struct sockaddr_ll at = {.sll_family = AF_PACKET};

    need(lab_up(&lab) == 0, "network namespaces");
    close(lab.wire[0]);
    close(lab.wire[1]);
    shell("ip route add 10.64.0.0/10 via 169.254.7.2 dev wg0 onlink");
    need(nft_guard_install(lab.nft, &dp->tunnel) == 0 && nft_install(lab.nft, dp) == 0, "the rules");
    need(setns(lab.ns[DEVICE_SIDE], CLONE_NEWNET) == 0, "namespace");
    sender = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    at.sll_ifindex = (int)if_nametoindex(lab_iface[DEVICE_SIDE]);
    need(sender >= 0 && bind(sender, (const struct sockaddr *)&at, sizeof at) == 0 &&
             setsockopt(sender, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) == 0,
         "sender");
    need(setns(lab.gateway, CLONE_NEWNET) == 0, "namespace");
}

int main(int argc, char **argv)
{
    char last[160], ack[160];
    const char *labels[] = {last, ack};
    pthread_t thread;

    need(argc == 4, "usage: rulecut DEVICES CONNECTIONS ROUNDS");
    const size_t devices = number(argv[1], 200000), connections = number(argv[2], 240000);
    const unsigned rounds = (unsigned)number(argv[3], 100000);
    snprintf(last, sizeof last, "\"way\":\"rules alone\",\"what\":\"last packet\",\"devices\":%zu,\"connections\":%zu",
             devices, connections);
    snprintf(ack, sizeof ack, "\"way\":\"rules alone\",\"what\":\"acknowledged\",\"devices\":%zu,\"connections\":%zu",
             devices, connections);
    struct dataplane dp = bench_dataplane(devices, 25);
    build(&dp);
    open_connections(connections, devices);
    const int receiver = open_receiver();
    stay_on_processor(0);
    need(pthread_create(&thread, NULL, send_all, NULL) == 0, "thread");
    for (unsigned run = 0, tries = 0; run < rounds && tries < 10 * rounds; tries++)
        run += one_round(&dp, receiver, 1 + tries % (uint32_t)((devices + 1) / 2), labels, run);
    over = true;
    pthread_join(thread, NULL);
    dataplane_clear(&dp);
    return 0;
}
