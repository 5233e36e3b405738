/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The office's remaining services: answers what it gets, on each "PROTO ADDRESS PORT" line of its
 * standard input (PROTO tcp, udp or a protocol number with port "-"). Says "ready" on standard
 * output once all of them are bound, then serves until it is killed.
 */
#include "tool.h"

#include <errno.h>
#include <netinet/ip.h>
#include <signal.h>
#include <sys/epoll.h>
#include <unistd.h>

#define MAX_EVENTS 64

enum kind { LISTENER, STREAM, DATAGRAM, RAW4 };

struct service {
    int fd;
    enum kind kind;
};

static int epoll;

static void watch(int fd, enum kind kind)
{
    struct service *s = malloc(sizeof(*s));
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = s};

    if (s == NULL)
        die("out of memory");
    *s = (struct service){.fd = fd, .kind = kind};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        die("epoll: %s", strerror(errno));
}

static void serve_line(const char *proto, const char *addr, const char *port)
{
    bool tcp = strcmp(proto, "tcp") == 0, udp = strcmp(proto, "udp") == 0, raw = !tcp && !udp;
    struct endpoint at;
    int fd, on = 1;

    if (!endpoint_parse(addr, raw ? 0 : (uint16_t)number(port, 65535), &at))
        die("not an address: %s", addr);
    fd = socket(at.sa.ss_family, tcp ? SOCK_STREAM : udp ? SOCK_DGRAM : SOCK_RAW,
                raw ? (int)number(proto, 254) : 0);
    if (fd < 0)
        die("socket for %s: %s", proto, strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, endpoint_sa(&at), at.len) != 0 || (tcp && listen(fd, 64) != 0))
        die("%s %s %s: %s", proto, addr, port, strerror(errno));
    watch(fd, tcp ? LISTENER : raw && at.sa.ss_family == AF_INET ? RAW4 : DATAGRAM);
}

static void read_services(void)
{
    char line[256], proto[64], addr[64], port[64];

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (sscanf(line, "%63s %63s %63s", proto, addr, port) != 3)
            die("not \"PROTO ADDRESS PORT\": %s", line);
        serve_line(proto, addr, port);
    }
}

static void echo_stream(struct service *s)
{
    char data[16384];
    ssize_t got = recv(s->fd, data, sizeof(data), 0);

    if (got > 0 && send(s->fd, data, (size_t)got, MSG_NOSIGNAL) == got)
        return;
    close(s->fd);
    free(s);
}

static void echo_datagram(const struct service *s)
{
    char data[65536];
    struct endpoint from = {.len = sizeof(from.sa)};
    ssize_t got = recvfrom(s->fd, data, sizeof(data), 0, endpoint_sa(&from), &from.len);
    size_t skip = 0;

    if (got < 0)
        return;
    if (s->kind == RAW4) /* a raw IPv4 socket hands over the IP header as well */
        skip = (size_t)(data[0] & 0x0f) * 4;
    if ((size_t)got >= skip)
        (void)!sendto(s->fd, data + skip, (size_t)got - skip, 0, endpoint_sa(&from), from.len);
}

static void handle(struct service *s)
{
    int fd;

    if (s->kind == LISTENER) {
        fd = accept(s->fd, NULL, NULL);
        if (fd >= 0)
            watch(fd, STREAM);
    } else if (s->kind == STREAM) {
        echo_stream(s);
    } else {
        echo_datagram(s);
    }
}

int main(void)
{
    struct epoll_event events[MAX_EVENTS];

    signal(SIGPIPE, SIG_IGN);
    epoll = epoll_create1(0);
    read_services();
    puts("ready");
    fflush(stdout);
    for (;;) {
        int n = epoll_wait(epoll, events, MAX_EVENTS, -1);

        for (int i = 0; i < n; i++)
            handle(events[i].data.ptr);
    }
}
