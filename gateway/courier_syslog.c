/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Syslog: datagrams (RFC 5426, and unix sockets) and streams with octet counting (RFC 6587).
 *
 * A stream has no answers. A line counts as delivered when the other side's TCP has acknowledged
 * its last byte; what was written and not acknowledged when a connection breaks is sent again, so
 * that a line may come twice but is not lost unnoticed on the way.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/un.h>
#include <linux/sockios.h>
#include <unistd.h>

#include "gateway/clock.h"
#include "gateway/courier_parts.h"
#include "gateway/log.h"
#include "gateway/syslog_format.h"

#define DATAGRAM_WAIT_MS 50      /* for room in a unix socket's queue */
#define STREAM_WAIT_MS 15000     /* without a line acknowledged */
#define LOOK_MS 20               /* between two looks at what is acknowledged */

/* ---- datagrams ------------------------------------------------------------------------------ */

static int connect_datagram(const struct outlet *o)
{
    struct sockaddr_storage to;
    struct sockaddr_un path = {.sun_family = AF_UNIX};
    bool local = o->kind == OUTLET_UNIX;
    socklen_t len = local ? sizeof path : socket_address(&o->addr, o->port, &to);
    int fd = socket(local ? AF_UNIX : to.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    memcpy(path.sun_path, o->path, sizeof path.sun_path);
    if (fd < 0 || connect(fd, local ? (const struct sockaddr *)&path
                                    : (const struct sockaddr *)&to, len) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_once(const struct door *d, const uint8_t *line, size_t n)
{
    struct pollfd room = {.fd = d->fd, .events = POLLOUT};

    if (send(d->fd, line, n, MSG_NOSIGNAL) == (ssize_t)n)
        return true;
    return errno == EAGAIN && poll(&room, 1, DATAGRAM_WAIT_MS) == 1 &&
           send(d->fd, line, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Once more by a new socket: who listens may have been started anew, and an error that a datagram
 * before this one met is told at this one. */
void datagram_send(struct door *d, uint64_t id, const uint8_t *line, size_t n)
{
    bool sent = false;

    for (int i = 0; i < 2 && !sent; i++) {
        if (d->fd < 0)
            d->fd = connect_datagram(&d->o);
        sent = d->fd >= 0 && send_once(d, line, n);
        if (!sent && d->fd >= 0) {
            close(d->fd);
            d->fd = -1;
        }
    }
    courier_tell(d, id, sent ? DELIVERY_DELIVERED : DELIVERY_UNREACHABLE, 0);
}

/* ---- a stream's end ------------------------------------------------------------------------- */

void stream_close(struct door *d)
{
    if (d->o.kind != OUTLET_TCP)
        return;
    if (d->fd >= 0) {
        loop_unwatch(d->c->loop, d->fd);
        close(d->fd);
    }
    free(d->out);
    d->fd = -1;
    d->out = NULL;
    d->out_len = d->out_sent = d->out_room = d->n_lines = 0;
    d->written = 0;
}

/* The first line that did not go through speaks for those behind it. */
static void give_up(struct door *d, enum delivery why)
{
    bool waited = d->n_lines > 0;
    uint64_t id = waited ? d->lines[0].id : 0;

    stream_close(d);
    if (waited)
        courier_tell(d, id, why, 0);
}

/* ---- a stream's way ------------------------------------------------------------------------- */

static void watch(struct door *d)
{
    bool more = d->connecting || d->out_sent < d->out_len;

    loop_events(d->c->loop, d->fd, EPOLLIN | EPOLLRDHUP | (more ? EPOLLOUT : 0u));
}

static void look_again(struct door *d, int64_t ms);

/* Lines whose last byte is acknowledged, by SIOCOUTQ: what is written and not yet acknowledged. */
static void count_acknowledged(struct door *d)
{
    int unacknowledged = 0;
    size_t through = 0;

    if (d->fd < 0 || d->connecting || ioctl(d->fd, SIOCOUTQ, &unacknowledged) < 0)
        return;
    while (through < d->n_lines &&
           d->lines[through].end <= d->written - (uint64_t)unacknowledged)
        through++;
    if (through == 0)
        return;
    courier_tell(d, d->lines[through - 1].id, DELIVERY_DELIVERED, 0);
    d->n_lines -= through;
    memmove(d->lines, d->lines + through, d->n_lines * sizeof *d->lines);
    d->deadline_ms = clock_boot_ms() + STREAM_WAIT_MS;
}

static void on_look(void *arg, uint32_t events)
{
    struct door *d = arg;

    (void)events;
    count_acknowledged(d);
    if (d->n_lines == 0)
        return;
    if (clock_boot_ms() >= d->deadline_ms)
        give_up(d, DELIVERY_TIMEOUT);
    else
        look_again(d, LOOK_MS);
}

static void look_again(struct door *d, int64_t ms)
{
    if (d->timer < 0)
        d->timer = loop_timer(d->c->loop, ms, 0, on_look, d);
    else
        loop_timer_set(d->c->loop, d->timer, ms, 0);
}

static int write_out(struct door *d)
{
    while (d->out_sent < d->out_len) {
        ssize_t n = send(d->fd, d->out + d->out_sent, d->out_len - d->out_sent, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN)
            return 0;
        if (n < 0)
            return -1;
        d->out_sent += (size_t)n;
        d->written += (uint64_t)n;
    }
    d->out_len = d->out_sent = 0;
    return 0;
}

/* They send nothing: what comes is forgotten, an end is an end. */
static int read_end(struct door *d)
{
    uint8_t nothing[512];

    for (;;) {
        ssize_t n = recv(d->fd, nothing, sizeof nothing, 0);
        if (n == 0 || (n < 0 && errno != EAGAIN))
            return -1;
        if (n < 0)
            return 0;
    }
}

static int finish_connecting(struct door *d)
{
    int error = 0;
    socklen_t n = sizeof error;

    d->connecting = false;
    return getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error != 0 ? -1 : 0;
}

static void on_stream(void *arg, uint32_t events)
{
    struct door *d = arg;

    if (d->connecting && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) && finish_connecting(d) < 0) {
        give_up(d, DELIVERY_UNREACHABLE);
        return;
    }
    if (d->connecting)
        return;
    bool over = (events & (EPOLLIN | EPOLLRDHUP | EPOLLERR | EPOLLHUP)) && read_end(d) < 0;
    if (over || write_out(d) < 0) {
        count_acknowledged(d);
        give_up(d, DELIVERY_BROKEN);
        return;
    }
    watch(d);
}

static int begin_stream(struct door *d)
{
    struct sockaddr_storage to;
    socklen_t len = socket_address(&d->o.addr, d->o.port, &to);

    d->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (d->fd < 0)
        return -1;
    d->connecting = true;
    d->written = 0;
    if (connect(d->fd, (const struct sockaddr *)&to, len) < 0 && errno != EINPROGRESS) {
        close(d->fd);
        d->fd = -1;
        return -1;
    }
    loop_watch(d->c->loop, d->fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP, on_stream, d);
    return 0;
}

/* Room for so much more: first where what was written stood, which a receiver that is slow for ever
 * never leaves empty. */
static void make_room(struct door *d, size_t more)
{
    if (more > d->out_room - d->out_len && d->out_sent > 0) {
        d->out_len -= d->out_sent;
        memmove(d->out, d->out + d->out_sent, d->out_len);
        d->out_sent = 0;
    }
    if (more <= d->out_room - d->out_len)
        return;
    d->out_room = (d->out_len + more) * 2;
    d->out = realloc(d->out, d->out_room);
    if (!d->out)
        fatal("out of memory");
}

/* "N " and the line behind what waits. */
static void append(struct door *d, const uint8_t *line, size_t n)
{
    char head[24];
    size_t h = syslog_frame(n, head);

    make_room(d, h + n);
    memcpy(d->out + d->out_len, head, h);
    memcpy(d->out + d->out_len + h, line, n);
    d->out_len += h + n;
}

void stream_send(struct door *d, uint64_t id, const uint8_t *line, size_t n)
{
    if (d->n_lines == COURIER_WINDOW || (d->fd < 0 && begin_stream(d) < 0)) {
        courier_tell(d, id, DELIVERY_UNREACHABLE, 0);
        return;
    }
    append(d, line, n);
    if (d->n_lines == 0) {
        d->deadline_ms = clock_boot_ms() + STREAM_WAIT_MS;
        look_again(d, LOOK_MS);
    }
    d->lines[d->n_lines++] = (struct line){id, d->written + (d->out_len - d->out_sent)};
    if (!d->connecting && write_out(d) < 0)
        give_up(d, DELIVERY_BROKEN);
    else
        watch(d);
}
