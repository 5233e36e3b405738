/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One flow of numbered, time-stamped records, to see when exactly it stops.
 *
 *   flow [options] udp|tcp send ADDRESS PORT    to a receiver           (client sends)
 *   flow [options] udp|tcp recv ADDRESS PORT    bind there and count    (server receives)
 *   flow [options] udp|tcp push ADDRESS PORT    bind, wait for a client, stream to it
 *   flow [options] udp|tcp pull ADDRESS PORT    say hello there and count what comes
 *     -r N  records a second (0: as fast as possible; default 1000)   -l BYTES  record size
 *     -n N  stop after N records                                      -b ADDR   bind the client
 *     -p PORT  bind the client to this port     -i  after the first record say nothing until SIGUSR2
 *
 * On SIGTERM, SIGINT or the end of the flow it prints one line of JSON and ends; on SIGUSR1 it
 * prints the line and goes on. Times are CLOCK_REALTIME nanoseconds; `last_sent_ns` is the time
 * at which the sender sent the newest record that was received, `last_ns` when that came.
 */
#include "tool.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#define MIN_RECORD 16
#define MAX_RECORD 65000
#define POLL_MS 100
#define HELLO_AGAIN_MS 200

struct record {
    uint64_t seq;
    int64_t sent_ns;
};

struct options {
    unsigned long rate, size, limit;
    const char *bind_addr;
    uint16_t bind_port;
    bool tcp, idle;
};

static struct {
    uint64_t records, bytes, highest;
    int64_t first_ns, last_ns, last_sent_ns;
} stats;

static struct options opts = {.rate = 1000, .size = 64};
static volatile sig_atomic_t stop_asked, print_asked, speak_asked;

static void on_signal(int sig)
{
    if (sig == SIGUSR1)
        print_asked = 1;
    else if (sig == SIGUSR2)
        speak_asked = 1;
    else
        stop_asked = 1;
}

static void print_stats(void)
{
    printf("{\"records\":%llu,\"bytes\":%llu,\"highest\":%llu,\"first_ns\":%lld,\"last_ns\":%lld,"
           "\"last_sent_ns\":%lld}\n",
           (unsigned long long)stats.records, (unsigned long long)stats.bytes,
           (unsigned long long)stats.highest, (long long)stats.first_ns, (long long)stats.last_ns,
           (long long)stats.last_sent_ns);
    fflush(stdout);
    print_asked = 0;
}

static void count_record(const struct record *r, size_t bytes)
{
    stats.last_ns = now_ns();
    if (stats.records++ == 0)
        stats.first_ns = stats.last_ns;
    stats.bytes += bytes;
    stats.last_sent_ns = (int64_t)be64toh((uint64_t)r->sent_ns);
    if (be64toh(r->seq) > stats.highest)
        stats.highest = be64toh(r->seq);
}

/* Waits until fd is ready, at most about limit_ms (-1: for ever), or a signal asks for something;
 * false when it is not ready: look at stop_asked. */
static bool wait_for(int fd, short events, int limit_ms)
{
    struct pollfd p = {.fd = fd, .events = events};

    for (int waited = 0; limit_ms < 0 || waited < limit_ms; waited += POLL_MS) {
        int n = poll(&p, 1, POLL_MS);

        if (print_asked)
            print_stats();
        if (stop_asked)
            return false;
        if (n > 0)
            return true;
    }
    return false;
}

static int open_bound(struct endpoint *at)
{
    int fd, on = 1;

    fd = socket(at->sa.ss_family, opts.tcp ? SOCK_STREAM : SOCK_DGRAM, 0);
    if (fd < 0)
        die("socket: %s", strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, endpoint_sa(at), at->len) != 0)
        die("bind: %s", strerror(errno));
    return fd;
}

/* A client's socket, connected. */
static int open_client(struct endpoint *to)
{
    const char *any = to->sa.ss_family == AF_INET ? "0.0.0.0" : "::";
    struct endpoint from;
    int fd;

    if (!endpoint_parse(opts.bind_addr != NULL ? opts.bind_addr : any, opts.bind_port, &from))
        die("not an address: %s", opts.bind_addr);
    fd = open_bound(&from);
    if (connect(fd, endpoint_sa(to), to->len) != 0)
        die("connect: %s", strerror(errno));
    return fd;
}

/* A server's socket once its first client is there, connected to it; -1 when told to stop. */
static int open_server(struct endpoint *at, bool wait_hello)
{
    struct endpoint peer = {.len = sizeof(peer.sa)};
    char hello[64];
    int fd = open_bound(at);

    if (opts.tcp && listen(fd, 1) != 0)
        die("listen: %s", strerror(errno));
    fprintf(stderr, "ready\n");
    if (!opts.tcp && !wait_hello)
        return fd;
    if (!wait_for(fd, POLLIN, -1))
        return -1;
    if (opts.tcp)
        return accept(fd, NULL, NULL);
    if (recvfrom(fd, hello, sizeof(hello), 0, endpoint_sa(&peer), &peer.len) < 0 ||
        connect(fd, endpoint_sa(&peer), peer.len) != 0)
        die("hello: %s", strerror(errno));
    return fd;
}

/* Writes one whole record; false when the flow has ended. */
static bool write_record(int fd, const char *data, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = send(fd, data + done, size - done, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n >= 0) {
            done += (size_t)n;
        } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
            if (!wait_for(fd, POLLOUT, -1))
                return false;
        } else if (opts.tcp) {
            return false;
        } else {
            return !stop_asked; /* datagrams may be refused or lost; the flow goes on */
        }
    }
    return true;
}

static void be_silent(void)
{
    while (!speak_asked && !stop_asked) {
        sleep_ns(POLL_MS / 5 * NS_PER_MS);
        if (print_asked)
            print_stats();
    }
}

static void send_all(int fd)
{
    static char data[MAX_RECORD];
    int64_t start = now_ns();

    for (uint64_t seq = 1; !stop_asked && (opts.limit == 0 || seq <= opts.limit); seq++) {
        struct record r = {.seq = htobe64(seq), .sent_ns = (int64_t)htobe64((uint64_t)now_ns())};

        memcpy(data, &r, sizeof(r));
        if (!write_record(fd, data, opts.size))
            break;
        count_record(&r, opts.size);
        if (print_asked)
            print_stats();
        if (opts.idle && seq == 1) {
            be_silent();
            start = now_ns();
        }
        if (opts.rate != 0)
            sleep_ns(start + (int64_t)seq * NS_PER_SEC / (int64_t)opts.rate - now_ns());
    }
}

/* A pull says hello again until the first record comes: one datagram may be lost. */
static void receive_datagrams(int fd, bool hello)
{
    static char data[65536];
    struct record r;

    for (;;) {
        if (hello && stats.records == 0)
            (void)!send(fd, "hello", 5, 0);
        if (!wait_for(fd, POLLIN, hello && stats.records == 0 ? HELLO_AGAIN_MS : -1)) {
            if (stop_asked)
                return;
            continue;
        }
        ssize_t n = recv(fd, data, sizeof(data), 0);

        if (n < (ssize_t)sizeof(r))
            continue;
        memcpy(&r, data, sizeof(r));
        count_record(&r, (size_t)n);
    }
}

/* TCP has no record borders: records of opts.size bytes are cut from the stream. */
static void receive_stream(int fd)
{
    static char data[MAX_RECORD];
    struct record r;
    size_t have = 0;

    while (wait_for(fd, POLLIN, -1)) {
        ssize_t n = recv(fd, data + have, opts.size - have, 0);

        if (n <= 0)
            return;
        have += (size_t)n;
        if (have < opts.size)
            continue;
        memcpy(&r, data, sizeof(r));
        count_record(&r, opts.size);
        have = 0;
    }
}

static void receive_all(int fd, bool hello)
{
    if (opts.tcp)
        receive_stream(fd);
    else
        receive_datagrams(fd, hello);
}

static void run(const char *role, struct endpoint *e)
{
    bool push = strcmp(role, "push") == 0, recv_here = strcmp(role, "recv") == 0;
    bool pull = strcmp(role, "pull") == 0;
    int fd;

    if (!push && !recv_here && !pull && strcmp(role, "send") != 0)
        die("not send, recv, push or pull: %s", role);
    fd = push || recv_here ? open_server(e, push) : open_client(e);
    if (fd < 0)
        return;
    if (pull || recv_here)
        receive_all(fd, pull);
    else
        send_all(fd);
}

static void read_options(int argc, char **argv)
{
    int opt;

    while ((opt = getopt(argc, argv, "ir:l:n:b:p:")) != -1) {
        if (opt == 'r')
            opts.rate = number(optarg, 10000000);
        else if (opt == 'l')
            opts.size = number(optarg, MAX_RECORD);
        else if (opt == 'n')
            opts.limit = number(optarg, 1000000000);
        else if (opt == 'b')
            opts.bind_addr = optarg;
        else if (opt == 'i')
            opts.idle = true;
        else if (opt == 'p')
            opts.bind_port = (uint16_t)number(optarg, 65535);
        else
            exit(2);
    }
    if (opts.size < MIN_RECORD)
        die("a record has at least %d bytes", MIN_RECORD);
}

int main(int argc, char **argv)
{
    struct sigaction act = {.sa_handler = on_signal};
    struct endpoint e;

    read_options(argc, argv);
    if (argc - optind != 4)
        die("usage: flow [options] udp|tcp send|recv|push|pull ADDRESS PORT");
    opts.tcp = strcmp(argv[optind], "tcp") == 0;
    if (!opts.tcp && strcmp(argv[optind], "udp") != 0)
        die("not udp or tcp: %s", argv[optind]);
    if (!endpoint_parse(argv[optind + 2], (uint16_t)number(argv[optind + 3], 65535), &e))
        die("not an address: %s", argv[optind + 2]);
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    sigaction(SIGUSR1, &act, NULL);
    sigaction(SIGUSR2, &act, NULL);
    run(argv[optind + 1], &e);
    print_stats();
    return 0;
}
