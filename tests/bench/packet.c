/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a forwarded packet costs under several forms of rules.
 *
 *   packet DEVICES PERMITS RUNS MILLISECONDS [hot]        hot: of 256 flows alone
 *   packet DEVICES PERMITS RUNS MILLISECONDS steps        what lies between conntrack and our rules
 *   packet DEVICES PERMITS RUNS MILLISECONDS steps NAME   one of them alone, to be profiled
 *
 * Each form has three network namespaces of its own, loaded once; the runs go round among them, so
 * that what else happens on the machine happens to all. veth sends, forwards and receives in the
 * sender's context, so its processor time is the cost of a packet, and all rates are per second of
 * processor time. What arrived is what the receiving interface counted. A JSON line for each run.
 */
#include "tests/bench/steps.h"
#include "tests/unit/nft_lab.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <signal.h>
#include <sys/resource.h>

#define FLOWS_HOT 256
#define FLOWS_COLD 65536
#define FLOWS_NEW FLOWS_COLD     /* the connection table holds 262,144 */
#define BATCH 64
#define FRAME 64
#define TCP_CHUNK 131072
#define PLACES 16                /* more than there are forms, or steps */

static size_t n_devices, n_permits;
static unsigned run_ms;

struct place { struct lab lab; int sender[2]; enum form form; const char *name; bool used; };
static struct place places[PLACES];

/* ---- building ------------------------------------------------------------------------------- */

static int enter(int ns)
{
    return setns(ns, CLONE_NEWNET);
}

static int open_sender(const struct lab *l, enum side s)
{
    const int one = 1;
    struct sockaddr_ll at = {.sll_family = AF_PACKET};

    need(enter(l->ns[s]) == 0, "namespace");
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    at.sll_ifindex = (int)if_nametoindex(lab_iface[s]);
    need(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof at) == 0 &&
             setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) == 0,
         "packet socket");
    return fd;
}

/* The two ends get an address for TCP; datagrams are counted and thrown away as they come in. */
static void make_ends(const struct lab *l)
{
    char command[512];
    const struct permit tcp = class_permit(device_class(1), 0);
    const struct device d = bench_device(1);

    need(enter(l->ns[DEVICE_SIDE]) == 0, "namespace");
    snprintf(command, sizeof command,
             "ip addr add %s/32 dev tun0; ip neigh add 169.254.7.1 lladdr 02:00:00:00:00:01 dev tun0;"
             "ip route add default via 169.254.7.1 dev tun0 onlink", text_of(&d.addr4));
    shell(command);
    need(enter(l->ns[OFFICE_SIDE]) == 0, "namespace");
    snprintf(command, sizeof command,
             "ip addr add %s/32 dev eth0; ip neigh add 169.254.7.3 lladdr 02:00:00:00:00:03 dev eth0;"
             "ip route add default via 169.254.7.3 dev eth0 onlink;"
             "nft 'table netdev sink { chain in { type filter hook ingress device eth0 priority 0;"
             " meta l4proto udp drop; }; }'", text_of(&tcp.dst.first));
    shell(command);
    need(enter(l->gateway) == 0, "namespace");
    shell("ip route add 10.64.0.0/10 via 169.254.7.2 dev wg0 onlink");
}

static void build_place(struct place *p, const char *name)
{
    p->name = name;
    p->used = true;
    need(lab_up(&p->lab) == 0, "network namespaces");
    close(p->lab.wire[0]);
    close(p->lab.wire[1]);
    make_ends(&p->lab);
}

static void open_senders(struct place *p)
{
    for (int s = 0; s < 2; s++)
        p->sender[s] = open_sender(&p->lab, (enum side)s);
}

static void install(const struct place *p, const struct dataplane *dp, bool guard)
{
    need((!guard || nft_guard_install(p->lab.nft, &dp->tunnel) == 0) &&
             nft_install(p->lab.nft, dp) == 0, "the product's rules");
}

/* False: this kernel has none. */
static bool install_flowtable(const struct place *p, const struct dataplane *dp)
{
    struct dataplane with = *dp;

    with.tunnel.flowtable = true;
    install(p, &with, true);
    need(enter(p->lab.gateway) == 0, "namespace");
    return nft_flowtable_keep(p->lab.nft, &with.tunnel) == 0;
}

static void build(enum form f, const struct dataplane *dp)
{
    struct place *p = &places[f];

    p->form = f;
    if (!form_fits(f, dp))
        return;
    build_place(p, form_names[f]);
    if (f == PORTCULLIS)
        install(p, dp, true);
    else if (f == FLOWTABLE)
        p->used = install_flowtable(p, dp);
    else if (f != NONE)
        load_form(dp, f);
    open_senders(p);
}

static void build_step(enum step s, const struct dataplane *dp)
{
    struct place *p = &places[s];

    p->form = CONNTRACK;
    build_place(p, step_names[s]);
    if (step_is_product(s)) {
        install(p, dp, s == STEP_PRODUCT);
    } else {
        FILE *text = tmpfile();
        need(text != NULL, "temporary file");
        print_step(text, dp, s);
        load_text(text, step_names[s]);
    }
    open_senders(p);
}

/* ---- frames --------------------------------------------------------------------------------- */

/* Frame i of each side belongs to flow i: device i mod n, one of its class's udp services, a port
 * that tells it from the others. */
static uint8_t (*frames[2])[FRAME];

static void make_frame(uint8_t f[FRAME], enum side from, size_t i)
{
    const uint32_t index = 1 + (uint32_t)(i % n_devices);
    const size_t round = i / n_devices, service = 1 + round % (n_permits - 1);
    const struct permit to = class_permit(device_class(index), service);
    const struct pkt there = {.src = device_addr4(index), .dst = to.dst.first,
                              .proto = IPPROTO_UDP, .sport = (uint16_t)(1024 + round % 60000),
                              .dport = to.port_first};
    const struct pkt p = from == DEVICE_SIDE ? there : answer(&there);
    uint8_t packet[IP_MAX];

    memset(f, 0, FRAME);
    memcpy(f, lab_gateway_mac[from], 6);
    memcpy(f + 6, lab_host_mac[from], 6);
    f[12] = 0x08;
    f[13] = 0x00;
    const size_t len = build_ip(packet, &p, (uint32_t)i);
    memcpy(f + 14, packet, len < FRAME - 14 ? len : FRAME - 14);
}

static void make_frames(enum side from, size_t n)
{
    frames[from] = calloc(n, FRAME);
    need(frames[from] != NULL, "memory");
    for (size_t i = 0; i < n; i++)
        make_frame(frames[from][i], from, i);
}

/* Sends BATCH frames from number `at` on, round n; returns how many the kernel took. */
static size_t send_batch(const struct place *p, enum side from, size_t at, size_t n)
{
    struct mmsghdr m[BATCH];
    struct iovec v[BATCH];

    memset(m, 0, sizeof m);
    for (size_t i = 0; i < BATCH; i++) {
        v[i] = (struct iovec){frames[from][(at + i) % n], FRAME};
        m[i].msg_hdr = (struct msghdr){.msg_iov = &v[i], .msg_iovlen = 1};
    }
    const int sent = sendmmsg(p->sender[from], m, BATCH, 0);
    need(sent > 0, "sendmmsg");
    return (size_t)sent;
}

/* ---- counting ------------------------------------------------------------------------------- */

static unsigned long long received(const struct place *p)
{
    char line[512];
    unsigned long long bytes, packets = 0;

    need(enter(p->lab.ns[OFFICE_SIDE]) == 0, "namespace");
    FILE *f = fopen("/proc/thread-self/net/dev", "r");
    need(f != NULL, "/proc/net/dev");
    while (fgets(line, sizeof line, f))
        if (sscanf(line, " eth0: %llu %llu", &bytes, &packets) == 2)
            break;
    fclose(f);
    return packets;
}

static void forget_connections(const struct place *p)
{
    struct { struct nlmsghdr h; struct nfgenmsg g; } msg = {
        .h = {.nlmsg_len = sizeof msg,
              .nlmsg_type = NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE,
              .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK}};
    char ack[512];

    need(enter(p->lab.gateway) == 0, "namespace");
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
    need(fd >= 0 && send(fd, &msg, sizeof msg, 0) > 0 && recv(fd, ack, sizeof ack, 0) > 0,
         "connections");
    close(fd);
}

/* One packet of each of n flows, and an answer. */
static void open_flows(const struct place *p, size_t n)
{
    for (size_t at = 0; at < n;)
        at += send_batch(p, DEVICE_SIDE, at, n);
    for (size_t at = 0; at < n;)
        at += send_batch(p, OFFICE_SIDE, at, n);
}

/* Packets a second over n flows that are established already. */
static double measure_flows(const struct place *p, size_t n)
{
    size_t at = 0;

    open_flows(p, n);
    const unsigned long long before = received(p);
    const int64_t start = cpu_ns(), until = start + (int64_t)run_ms * 1000000;
    int64_t end;
    do {
        for (int i = 0; i < 16; i++)
            at = (at + send_batch(p, DEVICE_SIDE, at, n)) % n;
        end = cpu_ns();
    } while (end < until);
    return (double)(received(p) - before) * 1e9 / (double)(end - start);
}

/* Connections a second: every packet opens one. */
static double measure_new(const struct place *p)
{
    size_t sent = 0;

    if (p->form != NONE)
        forget_connections(p);
    const unsigned long long before = received(p);
    const int64_t start = cpu_ns();
    while (sent < FLOWS_NEW)
        sent += send_batch(p, DEVICE_SIDE, sent, FLOWS_NEW);
    const int64_t end = cpu_ns();
    const unsigned long long got = received(p) - before;
    if (p->form != NONE)
        forget_connections(p);
    return (double)got * 1e9 / (double)(end - start);
}

/* ---- tcp ------------------------------------------------------------------------------------ */

static void tcp_send(const struct place *p, const struct sockaddr_in *to)
{
    static char chunk[TCP_CHUNK];

    stay_on_processor(1);
    need(enter(p->lab.ns[DEVICE_SIDE]) == 0, "namespace");
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (const struct sockaddr *)to, sizeof *to) == 0)
        while (send(fd, chunk, sizeof chunk, MSG_NOSIGNAL) > 0)
            ;
    _exit(0);
}

/* The bytes of run_ms. */
static double tcp_receive(int listener)
{
    static char chunk[TCP_CHUNK];
    struct pollfd wait = {.fd = listener, .events = POLLIN};
    double bytes = 0;

    need(poll(&wait, 1, 3000) == 1, "a TCP connection");
    const int fd = accept(listener, NULL, NULL);
    const int64_t until = now_ns() + (int64_t)run_ms * 1000000;
    while (now_ns() < until) {
        const ssize_t n = recv(fd, chunk, sizeof chunk, MSG_TRUNC);
        need(n > 0, "TCP");
        bytes += (double)n;
    }
    close(fd);
    return bytes;
}

static int64_t usage_ns(const struct rusage *u)
{
    return (u->ru_utime.tv_sec + u->ru_stime.tv_sec) * INT64_C(1000000000) +
           (u->ru_utime.tv_usec + u->ru_stime.tv_usec) * INT64_C(1000);
}

/* Bits of one stream a second of both ends' processor time; segments: at most so many in what is
 * forwarded at once. */
static double measure_tcp(const struct place *p, unsigned segments)
{
    const struct permit server = class_permit(device_class(1), 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(BENCH_TCP_PORT)};
    struct rusage used;
    const int one = 1;
    char command[80];

    need(enter(p->lab.ns[DEVICE_SIDE]) == 0, "namespace");
    snprintf(command, sizeof command, "ip link set tun0 gso_max_segs %u", segments);
    shell(command);
    memcpy(&at.sin_addr, server.dst.first.b, 4);
    need(enter(p->lab.ns[OFFICE_SIDE]) == 0, "namespace");
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    need(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 &&
             bind(listener, (const struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 1) == 0,
         "listen");
    const pid_t pid = fork();
    need(pid >= 0, "fork");
    if (pid == 0)
        tcp_send(p, &at);
    const int64_t start = cpu_ns();
    const double bytes = tcp_receive(listener);
    const int64_t receiver = cpu_ns() - start;
    kill(pid, SIGKILL);
    need(wait4(pid, NULL, 0, &used) == pid, "wait");
    close(listener);
    return bytes * 8e9 / (double)(receiver + usage_ns(&used));
}

/* ---- all of it ------------------------------------------------------------------------------ */

static void report(const struct place *p, const char *what, unsigned run, double value,
                   const char *unit)
{
    char labels[200];

    snprintf(labels, sizeof labels,
             "\"what\":\"%s\",\"form\":\"%s\",\"devices\":%zu,\"permits\":%zu", what,
             p->name, n_devices, n_permits);
    tell("packet", labels, run, value, unit);
}

/* The forms in another order each run: none is always the one behind the slowest. */
static void one_run(unsigned run, void measure(const struct place *p, unsigned run))
{
    for (unsigned i = 0; i < PLACES; i++) {
        const struct place *p = &places[(i + run) % PLACES];

        if (p->used)
            measure(p, run);
    }
}

static void run_hot(const struct place *p, unsigned run)
{
    report(p, "256 flows", run, measure_flows(p, FLOWS_HOT), "packets/s");
}

static void run_cold(const struct place *p, unsigned run)
{
    if (p->form != RULE_EACH && p->form != ROLE_SETS)
        report(p, "65,536 flows", run, measure_flows(p, FLOWS_COLD), "packets/s");
}

static void run_new(const struct place *p, unsigned run)
{
    if (p->form != RULE_EACH)
        report(p, "new connections", run, measure_new(p), "connections/s");
}

static void run_tcp(const struct place *p, unsigned run)
{
    report(p, "tcp, with GSO", run, measure_tcp(p, 65535), "bit/s");
    report(p, "tcp, without GSO", run, measure_tcp(p, 1), "bit/s");
}

static void compare_forms(const struct dataplane *dp, unsigned runs, bool hot)
{
    for (int f = 0; f < FORMS; f++)
        build((enum form)f, dp);
    stay_on_processor(0);
    for (unsigned run = 0; run < runs; run++) {
        one_run(run, run_hot);
        if (hot)
            continue;
        one_run(run, run_cold);
        one_run(run, run_new);
        one_run(run, run_tcp);
    }
}

/* `only`: NULL for all. */
static void compare_steps(const struct dataplane *dp, unsigned runs, const char *only)
{
    for (int s = 0; s < STEPS; s++)
        if (!only || strcmp(only, step_names[s]) == 0)
            build_step((enum step)s, dp);
    stay_on_processor(0);
    for (unsigned run = 0; run < runs; run++)
        one_run(run, run_hot);
}

int main(int argc, char **argv)
{
    const bool steps = argc >= 6 && strcmp(argv[5], "steps") == 0;
    const bool hot = argc == 6 && strcmp(argv[5], "hot") == 0;

    need(argc == 5 || hot || (steps && argc <= 7),
         "usage: packet DEVICES PERMITS RUNS MILLISECONDS [hot | steps [NAME]]");
    n_devices = number(argv[1], 200000);
    n_permits = number(argv[2], 4000);
    const unsigned runs = (unsigned)number(argv[3], 1000);
    run_ms = (unsigned)number(argv[4], 10000);
    need(n_devices > 0 && n_permits > 1, "numbers");

    struct dataplane dp = bench_dataplane(n_devices, n_permits);
    make_frames(DEVICE_SIDE, FLOWS_NEW);
    make_frames(OFFICE_SIDE, FLOWS_COLD);
    if (steps)
        compare_steps(&dp, runs, argc == 7 ? argv[6] : NULL);
    else
        compare_forms(&dp, runs, hot);
    dataplane_clear(&dp);
    return 0;
}
