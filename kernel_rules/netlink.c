/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One netlink socket. Requests are answered in the order of sending; an answer that carries
 * another sequence number belongs to a request that was given up and is skipped.
 */
#include "kernel_rules/netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <linux/netlink.h>

#define RECEIVE_SIZE 65536u        /* one datagram; the kernel dumps at most 32 KiB at a time */
#define RECEIVE_QUEUE (4 << 20)
#define ANSWER_TIMEOUT_S 10        /* the kernel answers at once; this only bounds a lost answer */

struct nl {
    int fd;
    uint32_t portid;
    uint32_t seq;
    size_t send_room;
    uint8_t *buf;
};

/* What has been heard of one request or batch so far. */
struct answer {
    uint32_t first, last;          /* the sequence numbers that are ours */
    uint32_t ack;                  /* the one that ends it */
    bool done, interrupted, lost;
    int err;                       /* first error of the kernel or of the callback */
    uint32_t err_seq;
    nl_cb *cb;
    void *arg;
};

/* ---- opening -------------------------------------------------------------------------- */

static void set_buffer(int fd, int force, int plain, int bytes)
{
    if (setsockopt(fd, SOL_SOCKET, force, &bytes, sizeof bytes) != 0)
        (void)setsockopt(fd, SOL_SOCKET, plain, &bytes, sizeof bytes);
}

static size_t send_room(int fd)
{
    int room = 0;
    socklen_t len = sizeof room;
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, &len) != 0 || room < 0)
        return 0;
    return (size_t)room;
}

static int set_options(int fd)
{
    const int on = 1;
    const struct timeval limit = {.tv_sec = ANSWER_TIMEOUT_S};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit) != 0)
        return -errno;
    /* Errors without a copy of the request: one that failed may be megabytes long. */
    if (setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on) != 0)
        return -errno;
    set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, RECEIVE_QUEUE);
    return 0;
}

int nl_adopt(struct nl **out, int fd)
{
    struct sockaddr_nl self;
    socklen_t len = sizeof self;
    struct nl *nl = calloc(1, sizeof *nl);
    int rc = -ENOMEM;

    if (!nl || !(nl->buf = malloc(RECEIVE_SIZE)))
        goto out;
    rc = -EBADF;
    if (getsockname(fd, (struct sockaddr *)&self, &len) != 0 || self.nl_family != AF_NETLINK)
        goto out;
    rc = set_options(fd);
    if (rc < 0)
        goto out;
    nl->fd = fd;
    nl->portid = self.nl_pid;
    nl->send_room = send_room(fd);
    *out = nl;
    return 0;
out:
    if (nl)
        free(nl->buf);
    free(nl);
    return rc;
}

static int open_bound(int bus)
{
    const struct sockaddr_nl self = {.nl_family = AF_NETLINK};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, bus);
    if (fd < 0)
        return -errno;
    if (bind(fd, (const struct sockaddr *)&self, sizeof self) != 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    return fd;
}

int nl_open(struct nl **out, int bus)
{
    int fd = open_bound(bus);
    if (fd < 0)
        return fd;
    int rc = nl_adopt(out, fd);
    if (rc < 0)
        close(fd);
    return rc;
}

void nl_close(struct nl *nl)
{
    if (!nl)
        return;
    close(nl->fd);
    free(nl->buf);
    free(nl);
}

int nl_fd(const struct nl *nl) { return nl->fd; }
uint32_t nl_portid(const struct nl *nl) { return nl->portid; }

/* ---- sending -------------------------------------------------------------------------- */

/* The kernel refuses a datagram above its send buffer less 32 bytes (EMSGSIZE); the value that is
 * set is doubled, so that the length itself is enough. */
static void make_room(struct nl *nl, size_t len)
{
    if (len + 32 <= nl->send_room || len > INT32_MAX / 2)
        return;
    set_buffer(nl->fd, SO_SNDBUFFORCE, SO_SNDBUF, (int)len + 4096);
    nl->send_room = send_room(nl->fd);
}

static int send_all(struct nl *nl, const void *bytes, size_t len)
{
    const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    make_room(nl, len);
    for (;;) {
        ssize_t n = sendto(nl->fd, bytes, len, 0, (const struct sockaddr *)&kernel, sizeof kernel);
        if (n >= 0)
            return (size_t)n == len ? 0 : -EMSGSIZE;
        if (errno != EINTR)
            return -errno;
    }
}

/* ---- receiving ------------------------------------------------------------------------ */

static void note_error(struct answer *a, int err, uint32_t seq)
{
    if (err != 0 && a->err == 0) {
        a->err = err;
        a->err_seq = seq;
    }
}

static int status_of(const struct nlmsghdr *nlh)
{
    int32_t status;
    if (mnl_nlmsg_get_payload_len(nlh) < sizeof status)
        return nlh->nlmsg_type == NLMSG_DONE ? 0 : -EBADMSG;
    memcpy(&status, mnl_nlmsg_get_payload(nlh), sizeof status);
    return status > 0 ? -EBADMSG : status;
}

static void hear_message(struct answer *a, const struct nlmsghdr *nlh)
{
    if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
        a->interrupted = true;
    switch (nlh->nlmsg_type) {
    case NLMSG_NOOP:
        break;
    case NLMSG_OVERRUN:
        a->lost = true;
        break;
    case NLMSG_ERROR:
    case NLMSG_DONE:
        note_error(a, status_of(nlh), nlh->nlmsg_seq);
        if (nlh->nlmsg_seq == a->ack)
            a->done = true;
        break;
    default:
        if (a->cb && a->err == 0)
            note_error(a, a->cb(nlh, a->arg), nlh->nlmsg_seq);
    }
}

static bool is_ours(const struct nl *nl, const struct answer *a, const struct nlmsghdr *nlh)
{
    return nlh->nlmsg_pid == nl->portid && nlh->nlmsg_seq - a->first <= a->last - a->first;
}

/* The kernel ends a datagram at a message boundary; anything else is not to be guessed at. */
static void hear_datagram(const struct nl *nl, struct answer *a, size_t len)
{
    const struct nlmsghdr *nlh = (const void *)nl->buf;
    int left = (int)len;
    for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
        if (is_ours(nl, a, nlh))
            hear_message(a, nlh);
    if (left > 0)
        note_error(a, -EBADMSG, a->first);
}

/* One datagram: 1 heard, 0 nothing there (or not from the kernel), or a negative errno. */
static int receive(const struct nl *nl, struct answer *a, int flags)
{
    struct sockaddr_nl from;
    struct iovec iov = {.iov_base = nl->buf, .iov_len = RECEIVE_SIZE};
    struct msghdr msg = {.msg_name = &from, .msg_namelen = sizeof from,
                         .msg_iov = &iov, .msg_iovlen = 1};
    ssize_t n = recvmsg(nl->fd, &msg, flags);
    if (n < 0)
        return errno == EINTR ? 1 : -errno;
    if (msg.msg_namelen != sizeof from || from.nl_pid != 0)
        return 1;
    if (msg.msg_flags & MSG_TRUNC)
        return -EMSGSIZE;
    hear_datagram(nl, a, (size_t)n);
    return 1;
}

/* Reads until the end of the answer. After the kernel said that something was lost, or an error
 * for one message of a batch, the rest is what is queued now: never a wait for what won't come. */
static void receive_answer(const struct nl *nl, struct answer *a, bool batch)
{
    while (!a->done) {
        bool drain = a->lost || (batch && a->err != 0);
        int rc = receive(nl, a, drain ? MSG_DONTWAIT : 0);
        if (rc == -ENOBUFS) {
            a->lost = true;
        } else if (rc == -EAGAIN) {
            if (!drain)
                note_error(a, -ETIMEDOUT, a->first);
            return;
        } else if (rc < 0) {
            note_error(a, rc, a->first);
            return;
        }
    }
}

static int outcome(const struct answer *a)
{
    if (a->err != 0)
        return a->err;
    if (a->lost)
        return -ENOBUFS;
    return a->interrupted ? -EINTR : 0;
}

int nl_request(struct nl *nl, struct nlmsghdr *nlh, nl_cb *cb, void *arg)
{
    bool dump = (nlh->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
    struct answer a = {.cb = cb, .arg = arg};

    a.first = a.last = a.ack = ++nl->seq;
    nlh->nlmsg_seq = a.first;
    nlh->nlmsg_pid = nl->portid;
    nlh->nlmsg_flags = (uint16_t)(nlh->nlmsg_flags | NLM_F_REQUEST | (dump ? 0 : NLM_F_ACK));
    int rc = send_all(nl, nlh, nlh->nlmsg_len);
    if (rc < 0)
        return rc;
    receive_answer(nl, &a, false);
    return outcome(&a);
}

/* Numbers the messages and finds the one that will be acknowledged. */
static int number_batch(struct nl *nl, void *msgs, size_t len, struct answer *a)
{
    struct nlmsghdr *nlh = msgs;
    int left = (int)len;
    size_t acks = 0;

    a->first = nl->seq + 1;
    for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
        nlh->nlmsg_seq = ++nl->seq;
        nlh->nlmsg_pid = nl->portid;
        if (nlh->nlmsg_flags & NLM_F_ACK) {
            a->ack = nlh->nlmsg_seq;
            acks++;
        }
    }
    a->last = nl->seq;
    return left == 0 && acks == 1 ? 0 : -EINVAL;
}

int nl_batch(struct nl *nl, void *msgs, size_t len, size_t *bad)
{
    struct answer a = {0};
    if (len > INT32_MAX / 2)
        return -EMSGSIZE;
    int rc = number_batch(nl, msgs, len, &a);
    if (rc == 0)
        rc = send_all(nl, msgs, len);
    if (rc < 0)
        return rc;
    receive_answer(nl, &a, true);
    if (a.err != 0 && bad)
        *bad = a.err_seq - a.first;
    return outcome(&a);
}

/* ---- attributes ----------------------------------------------------------------------- */

static size_t align4(size_t n) { return (n + 3u) & ~(size_t)3u; }

/* Walks whole attributes only: a length that does not fit is an error, never a stop. */
static int walk_attrs(const uint8_t *bytes, size_t len, nl_attr_cb *cb, void *arg)
{
    while (len > 0) {
        const struct nlattr *a = (const void *)bytes;
        if (len < sizeof *a || a->nla_len < sizeof *a || a->nla_len > len)
            return -EINVAL;
        int rc = cb(a, arg);
        if (rc < 0)
            return rc;
        size_t step = align4(a->nla_len);
        if (step > len)
            step = len;
        bytes += step;
        len -= step;
    }
    return 0;
}

struct attr_table { const struct nlattr **tb; uint16_t max; };

static int note_attr(const struct nlattr *one, void *arg)
{
    const struct attr_table *t = arg;
    if (mnl_attr_get_type(one) <= t->max)
        t->tb[mnl_attr_get_type(one)] = one;
    return 0;
}

static int fill_table(const uint8_t *bytes, size_t len, const struct nlattr **tb, uint16_t max)
{
    struct attr_table t = {.tb = tb, .max = max};
    memset(tb, 0, (max + (size_t)1) * sizeof(const struct nlattr *));
    return walk_attrs(bytes, len, note_attr, &t);
}

int nl_attrs(const struct nlmsghdr *nlh, size_t offset, const struct nlattr **tb, uint16_t max)
{
    offset = align4(offset);
    if (nlh->nlmsg_len < sizeof *nlh + offset)
        return -EINVAL;
    return fill_table((const uint8_t *)mnl_nlmsg_get_payload(nlh) + offset,
                      nlh->nlmsg_len - sizeof *nlh - offset, tb, max);
}

int nl_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
    return fill_table(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), tb, max);
}

int nl_each(const struct nlattr *nest, nl_attr_cb *cb, void *arg)
{
    return walk_attrs(mnl_attr_get_payload(nest), mnl_attr_get_payload_len(nest), cb, arg);
}
