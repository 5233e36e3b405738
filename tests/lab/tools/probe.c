/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Asks whether addresses can be reached from here, all at once within one timeout.
 *
 *   probe [-t MS] [-s SOURCE4] [-S SOURCE6] PROTO ADDRESS PORT    one
 *   probe [-t MS] [-s SOURCE4] [-S SOURCE6] < lines "PROTO ADDRESS PORT"
 *
 * The timeout is LAB_SLOW times as long when the environment has that (see lab.sh).
 *
 * PROTO is tcp, udp, icmp or a protocol number; the port of icmp and of a number is "-".
 * For each it prints "VERDICT PROTO ADDRESS PORT": `reached` (connected, or an answer came),
 * `refused` (the far side said no, so the packet arrived) or `not`. Exits 0 when all are reached.
 */
#include "tool.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <unistd.h>

#define MAX_PROBES 2048
#define RESEND_NS (250 * NS_PER_MS)

enum verdict { NOT = 0, REFUSED, REACHED };

struct target {
    char proto[8];
    char addr[INET6_ADDRSTRLEN];
    char port[8];
    struct endpoint to;
    enum verdict verdict;
};

static struct target targets[MAX_PROBES];
static struct pollfd fds[MAX_PROBES];
static size_t count;
static struct endpoint source4, source6;

static bool is_tcp(const struct target *t)
{
    return strcmp(t->proto, "tcp") == 0;
}

static bool is_icmp(const struct target *t)
{
    return strcmp(t->proto, "icmp") == 0;
}

static bool is_udp(const struct target *t)
{
    return strcmp(t->proto, "udp") == 0;
}

static void add_target(const char *proto, const char *addr, const char *port)
{
    struct target *t = &targets[count];
    bool has_port = strcmp(port, "-") != 0;

    if (count == MAX_PROBES)
        die("more than %d probes", MAX_PROBES);
    if (snprintf(t->proto, sizeof(t->proto), "%s", proto) >= (int)sizeof(t->proto) ||
        snprintf(t->addr, sizeof(t->addr), "%s", addr) >= (int)sizeof(t->addr) ||
        snprintf(t->port, sizeof(t->port), "%s", port) >= (int)sizeof(t->port))
        die("too long: %s %s %s", proto, addr, port);
    if (!endpoint_parse(addr, has_port ? (uint16_t)number(port, 65535) : 0, &t->to))
        die("not an address: %s", addr);
    count++;
}

static void read_targets(void)
{
    char line[256], proto[64], addr[64], port[64];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "%63s %63s %63s", proto, addr, port) != 3)
            die("not \"PROTO ADDRESS PORT\": %s", line);
        add_target(proto, addr, port);
    }
}

static int open_socket(const struct target *t)
{
    int family = t->to.sa.ss_family;

    if (is_tcp(t))
        return socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (is_udp(t))
        return socket(family, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    if (is_icmp(t))
        return socket(family, SOCK_DGRAM | SOCK_NONBLOCK,
                      family == AF_INET ? IPPROTO_ICMP : IPPROTO_ICMPV6);
    return socket(family, SOCK_RAW | SOCK_NONBLOCK, (int)number(t->proto, 254));
}

static void send_datagram(const struct target *t, int fd)
{
    static const char text[] = "portcullis lab probe";
    struct icmphdr echo4 = {.type = ICMP_ECHO, .un.echo.sequence = htons(1)};
    struct icmp6_hdr echo6 = {.icmp6_type = ICMP6_ECHO_REQUEST};
    const void *data = text;
    size_t len = sizeof(text);

    if (is_icmp(t)) {
        data = t->to.sa.ss_family == AF_INET ? (const void *)&echo4 : (const void *)&echo6;
        len = t->to.sa.ss_family == AF_INET ? sizeof(echo4) : sizeof(echo6);
    }
    /* An error here shows in the poll that follows, or the probe stays "not". */
    (void)!send(fd, data, len, MSG_NOSIGNAL);
}

/* The verdict that an errno of a connect or receive means. */
static enum verdict of_errno(int err)
{
    return err == ECONNREFUSED || err == ENOPROTOOPT ? REFUSED : NOT;
}

static void start(size_t i)
{
    struct target *t = &targets[i];
    struct endpoint *from = t->to.sa.ss_family == AF_INET ? &source4 : &source6;
    int fd = open_socket(t);

    fds[i] = (struct pollfd){.fd = fd, .events = is_tcp(t) ? POLLOUT : POLLIN};
    if (fd < 0)
        die("socket for %s: %s", t->proto, strerror(errno));
    if (from->len != 0 && bind(fd, endpoint_sa(from), from->len) != 0)
        die("bind to the source: %s", strerror(errno));
    if (connect(fd, endpoint_sa(&t->to), t->to.len) != 0 && errno != EINPROGRESS) {
        t->verdict = of_errno(errno);
        fds[i].fd = -1 - fd;
        return;
    }
    if (!is_tcp(t))
        send_datagram(t, fd);
}

static void finish(size_t i, enum verdict verdict)
{
    targets[i].verdict = verdict;
    fds[i].fd = -1 - fds[i].fd; /* poll skips negative descriptors; the socket stays open */
}

static void look(size_t i)
{
    char reply[2048];
    int err = 0;
    socklen_t len = sizeof(err);

    if (is_tcp(&targets[i])) {
        getsockopt(fds[i].fd, SOL_SOCKET, SO_ERROR, &err, &len);
        finish(i, err == 0 ? REACHED : of_errno(err));
        return;
    }
    if (recv(fds[i].fd, reply, sizeof(reply), 0) >= 0)
        finish(i, REACHED);
    else if (errno != EAGAIN && of_errno(errno) == REFUSED)
        finish(i, REFUSED);
}

static size_t resend(void)
{
    size_t waiting = 0;

    for (size_t i = 0; i < count; i++) {
        if (fds[i].fd < 0)
            continue;
        waiting++;
        if (!is_tcp(&targets[i]))
            send_datagram(&targets[i], fds[i].fd);
    }
    return waiting;
}

static void run(int64_t timeout)
{
    int64_t end = now_ns() + timeout, next = now_ns() + RESEND_NS;
    size_t waiting = count;

    for (size_t i = 0; i < count; i++)
        start(i);
    while (waiting > 0 && now_ns() < end) {
        if (poll(fds, (nfds_t)count, 20) > 0)
            for (size_t i = 0; i < count; i++)
                if (fds[i].fd >= 0 && fds[i].revents != 0)
                    look(i);
        if (now_ns() >= next) {
            waiting = resend();
            next += RESEND_NS;
        }
    }
}

static int report(void)
{
    static const char *const names[] = {"not", "refused", "reached"};
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        const struct target *t = &targets[i];

        printf("%s %s %s %s\n", names[t->verdict], t->proto, t->addr, t->port);
        if (t->verdict != REACHED)
            rc = 1;
    }
    return rc;
}

static int64_t slowness(void)
{
    const char *slow = getenv("LAB_SLOW");

    return slow == NULL ? 1 : (int64_t)number(slow, 1000);
}

int main(int argc, char **argv)
{
    int64_t timeout = 2000 * NS_PER_MS;
    int opt;

    while ((opt = getopt(argc, argv, "t:s:S:")) != -1) {
        if (opt == 't')
            timeout = (int64_t)number(optarg, 600000) * NS_PER_MS;
        else if (opt != 's' && opt != 'S')
            return 2;
        else if (!endpoint_parse(optarg, 0, opt == 's' ? &source4 : &source6))
            die("not an address: %s", optarg);
    }
    if (argc - optind == 3)
        add_target(argv[optind], argv[optind + 1], argv[optind + 2]);
    else if (argc == optind)
        read_targets();
    else
        die("usage: probe [-t MS] [-s SOURCE4] [-S SOURCE6] [PROTO ADDRESS PORT]");
    run(timeout * slowness());
    return report();
}
