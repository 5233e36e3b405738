/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A channel over SOCK_SEQPACKET. Each packet is a header (type, seq, total length, offset) and a
 * fragment of the body; the fragments of a message follow each other without a gap. What a
 * message held is wiped when it is sent or read: it may be a key or a passphrase.
 */
#include "gateway/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/clock.h"

#define FRAGMENT_MAX 32768u
#define KEEP_BUFFER 65536u /* a larger receive buffer is given back after its message */

struct header {
    uint32_t type, seq, total, offset;
};

/* A packet on its way out, or a message that came while another was awaited. */
struct item {
    struct item *next;
    struct header h;
    int fd;
    size_t len;
    uint8_t bytes[];
};
struct queue {
    struct item *first, **last;
    size_t bytes;
};

struct channel {
    int fd;
    uint32_t seq; /* of the last call */
    bool broken;
    struct queue out, kept;
    struct item *current; /* a kept message that the caller reads now */
    uint8_t *body;        /* the message being received */
    size_t body_size, body_len;
    struct header partial; /* its header; body_len < partial.total: more is to come */
    bool receiving;
};

/* ---- queues ------------------------------------------------------------------------------ */

static void queue_init(struct queue *q) { *q = (struct queue){.last = &q->first}; }

static void item_free(struct item *i)
{
    if (!i)
        return;
    if (i->fd >= 0)
        close(i->fd);
    explicit_bzero(i->bytes, i->len);
    free(i);
}

/* Takes over fd, also when it fails. */
static int queue_add(struct queue *q, const struct header *h, const void *bytes, size_t len, int fd)
{
    struct item *i = q->bytes + len <= CHANNEL_QUEUE_MAX ? malloc(sizeof *i + len) : NULL;
    if (!i) {
        if (fd >= 0)
            close(fd);
        return -1;
    }
    *i = (struct item){.h = *h, .fd = fd, .len = len};
    if (len > 0)
        memcpy(i->bytes, bytes, len);
    *q->last = i;
    q->last = &i->next;
    q->bytes += len;
    return 0;
}

static struct item *queue_take(struct queue *q)
{
    struct item *i = q->first;
    if (!i)
        return NULL;
    q->first = i->next;
    if (!q->first)
        q->last = &q->first;
    q->bytes -= i->len;
    return i;
}

static void queue_clear(struct queue *q)
{
    for (struct item *i; (i = queue_take(q));)
        item_free(i);
}

/* ---- life --------------------------------------------------------------------------------- */

struct channel *channel_new(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    struct channel *c = calloc(1, sizeof *c);
    if (!c || flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0) {
        free(c);
        return NULL;
    }
    c->fd = fd;
    queue_init(&c->out);
    queue_init(&c->kept);
    return c;
}

/* The message that was read last. */
static void wipe_body(struct channel *c)
{
    if (c->body)
        explicit_bzero(c->body, c->body_len);
    c->body_len = 0;
}

void channel_free(struct channel *c)
{
    if (!c)
        return;
    queue_clear(&c->out);
    queue_clear(&c->kept);
    item_free(c->current);
    wipe_body(c);
    free(c->body);
    close(c->fd);
    free(c);
}

int channel_fd(const struct channel *c) { return c->fd; }
bool channel_wants_write(const struct channel *c) { return c->out.first != NULL && !c->broken; }

static int broken(struct channel *c)
{
    c->broken = true;
    return -1;
}

/* ---- sending ------------------------------------------------------------------------------ */

/* One packet: 1 sent, 0 not now, -1 broken. */
static int send_packet(struct channel *c, struct item *i)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control;
    struct iovec iov[2] = {{.iov_base = &i->h, .iov_len = sizeof i->h},
                           {.iov_base = i->bytes, .iov_len = i->len}};
    struct msghdr msg = {.msg_iov = iov, .msg_iovlen = 2};
    if (i->fd >= 0) {
        memset(&control, 0, sizeof control);
        msg.msg_control = &control;
        msg.msg_controllen = sizeof control;
        struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
        *cm = (struct cmsghdr){
            .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(cm), &i->fd, sizeof i->fd);
    }
    for (;;) {
        if (sendmsg(c->fd, &msg, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
            return 1;
        if (errno != EINTR)
            return errno == EAGAIN ? 0 : -1;
    }
}

int channel_flush(struct channel *c)
{
    while (!c->broken && c->out.first) {
        int rc = send_packet(c, c->out.first);
        if (rc < 0)
            return broken(c);
        if (rc == 0)
            break;
        item_free(queue_take(&c->out));
    }
    return c->broken ? -1 : 0;
}

int channel_send(struct channel *c, enum message_type type, uint32_t seq, const struct writer *w,
                 int fd)
{
    size_t total = w ? w->n : 0;
    if (c->broken || (w && w->failed) || total > CHANNEL_MESSAGE_MAX)
        return -1;
    int copy = -1;
    if (fd >= 0 && (copy = fcntl(fd, F_DUPFD_CLOEXEC, 3)) < 0)
        return -1;
    size_t at = 0;
    do {
        size_t len = total - at < FRAGMENT_MAX ? total - at : FRAGMENT_MAX;
        struct header h = {type, seq, (uint32_t)total, (uint32_t)at};
        bool last = at + len == total;
        if (queue_add(&c->out, &h, len > 0 ? w->v + at : NULL, len, last ? copy : -1) < 0) {
            if (!last && copy >= 0)
                close(copy);
            return broken(c);
        }
        at += len;
    } while (at < total);
    return channel_flush(c);
}

/* ---- receiving ---------------------------------------------------------------------------- */

/* The descriptors in a packet: keeps one in *fd, 0; more than one, or any other ancillary data,
 * is refused and everything closed, -1. */
static int take_descriptor(struct msghdr *msg, int *fd)
{
    int rc = msg->msg_flags & (MSG_CTRUNC | MSG_TRUNC) ? -1 : 0;
    *fd = -1;
    for (struct cmsghdr *cm = CMSG_FIRSTHDR(msg); cm; cm = CMSG_NXTHDR(msg, cm)) {
        if (cm->cmsg_level != SOL_SOCKET || cm->cmsg_type != SCM_RIGHTS) {
            rc = -1;
            continue;
        }
        for (size_t at = CMSG_LEN(0); at + sizeof(int) <= cm->cmsg_len; at += sizeof(int)) {
            int one;
            memcpy(&one, (const uint8_t *)cm + at, sizeof one);
            if (*fd >= 0) {
                close(one);
                rc = -1;
            } else {
                *fd = one;
            }
        }
    }
    if (rc < 0 && *fd >= 0) {
        close(*fd);
        *fd = -1;
    }
    return rc;
}

/* Room for a message that begins, or the check that a fragment continues the one begun. */
static int begin_or_continue(struct channel *c, const struct header *h, size_t len)
{
    if (!c->receiving) {
        if (h->offset != 0 || h->total > CHANNEL_MESSAGE_MAX)
            return -1;
        if (c->body_size < h->total || c->body_size > KEEP_BUFFER) {
            free(c->body);
            c->body_size = h->total > KEEP_BUFFER ? h->total : KEEP_BUFFER;
            c->body = malloc(c->body_size);
            if (!c->body) {
                c->body_size = 0;
                return -1;
            }
        }
        c->partial = *h;
        c->body_len = 0;
        c->receiving = true;
    }
    if (h->type != c->partial.type || h->seq != c->partial.seq || h->total != c->partial.total ||
        h->offset != c->body_len || len > h->total - h->offset)
        return -1;
    return len > 0 || h->total == 0 ? 0 : -1;
}

/* One packet: 1 read, 0 none there, -1 closed or malformed. *fd is the caller's from here on. */
static int receive_packet(struct channel *c, int *fd)
{
    static uint8_t bytes[FRAGMENT_MAX];
    union {
        char room[CMSG_SPACE(4 * sizeof(int))];
        struct cmsghdr align;
    } control;
    struct header h;
    struct iovec iov[2] = {{.iov_base = &h, .iov_len = sizeof h},
                           {.iov_base = bytes, .iov_len = sizeof bytes}};
    struct msghdr msg = {
        .msg_iov = iov, .msg_iovlen = 2, .msg_control = &control, .msg_controllen = sizeof control};
    ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    if (take_descriptor(&msg, fd) < 0 || (size_t)n < sizeof h)
        return -1;
    size_t len = (size_t)n - sizeof h;
    if (begin_or_continue(c, &h, len) < 0)
        return -1;
    if (len > 0)
        memcpy(c->body + c->body_len, bytes, len);
    explicit_bzero(bytes, len);
    c->body_len += len;
    return 1;
}

/* Packets until a message is whole. */
static int receive_message(struct channel *c, struct message *m)
{
    int fd = -1;
    if (!c->receiving)
        wipe_body(c);
    while (!c->broken) {
        int rc = receive_packet(c, &fd);
        if (rc == 0)
            return 0;
        bool whole = rc > 0 && c->body_len == c->partial.total;
        if (rc < 0 || (!whole && fd >= 0)) {
            if (fd >= 0)
                close(fd);
            break;
        }
        if (whole) {
            c->receiving = false;
            *m = (struct message){.type = (enum message_type)c->partial.type,
                                  .seq = c->partial.seq,
                                  .body = c->body,
                                  .len = c->body_len,
                                  .fd = fd};
            return 1;
        }
    }
    return broken(c);
}

int channel_receive(struct channel *c, struct message *m)
{
    item_free(c->current);
    c->current = queue_take(&c->kept);
    if (!c->current)
        return receive_message(c, m);
    struct item *i = c->current;
    *m = (struct message){.type = (enum message_type)i->h.type,
                          .seq = i->h.seq,
                          .body = i->bytes,
                          .len = i->len,
                          .fd = i->fd};
    i->fd = -1;
    return 1;
}

/* ---- waiting ------------------------------------------------------------------------------ */

static int wait_for(struct channel *c, short events, int64_t deadline)
{
    struct pollfd p = {.fd = c->fd, .events = events};
    if (channel_wants_write(c))
        p.events |= POLLOUT;
    int64_t left = deadline - clock_boot_ms();
    if (left < 0)
        return -1;
    int rc = poll(&p, 1, (int)left);
    if (rc < 0)
        return errno == EINTR ? 0 : -1;
    return 0;
}

int channel_drain(struct channel *c, int timeout_ms)
{
    int64_t deadline = clock_boot_ms() + timeout_ms;
    while (channel_flush(c) == 0) {
        if (!channel_wants_write(c))
            return 0;
        if (wait_for(c, 0, deadline) < 0)
            break;
    }
    return -1;
}

static int keep(struct channel *c, const struct message *m)
{
    struct header h = {.type = m->type, .seq = m->seq};
    return queue_add(&c->kept, &h, m->body, m->len, m->fd);
}

int channel_call(struct channel *c, enum message_type type, const struct writer *w,
                 struct message *answer, int timeout_ms)
{
    int64_t deadline = clock_boot_ms() + timeout_ms;
    uint32_t seq = ++c->seq ? c->seq : ++c->seq;
    if (channel_send(c, type, seq, w, -1) < 0)
        return -1;
    for (;;) {
        int rc = receive_message(c, answer);
        if (rc < 0)
            return -1;
        if (rc > 0 && answer->seq == seq)
            return 1;
        if (rc > 0 && keep(c, answer) < 0)
            return broken(c);
        if (rc == 0 && wait_for(c, POLLIN, deadline) < 0)
            return broken(c);
        if (channel_flush(c) < 0)
            return -1;
    }
}
