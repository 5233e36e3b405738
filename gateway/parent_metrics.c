/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The door to the metrics: a TCP socket on an office interface that answers the named networks
 * alone. Bound once and handed to each new api role.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/log.h"
#include "gateway/source_filter.h"
#include "policy/outlets.h"

#define BACKLOG 16

static int get_door(struct reader *r, struct door_conf *m)
{
    get_text(r, m->iface, sizeof m->iface);
    m->addr = get_addr(r);
    m->port = get_u16(r);
    m->n_from = get_u8(r);
    if (r->failed || m->n_from > DOOR_FROM_MAX)
        return -1;
    for (uint32_t i = 0; i < m->n_from; i++) {
        m->from[i].addr = get_addr(r);
        m->from[i].len = get_u8(r);
    }
    return reader_done(r) ? 0 : -1;
}

/* An office interface, and never everybody. */
static bool sound(const struct parent *p, const struct door_conf *m)
{
    bool office = false;

    for (uint32_t i = 0; i < p->tunnel.n_office; i++)
        office = office || strcmp(p->tunnel.office[i].name, m->iface) == 0;
    for (uint32_t i = 0; i < m->n_from; i++)
        if (m->from[i].addr.family != m->addr.family || m->from[i].len == 0 ||
            m->from[i].len > (m->addr.family == 4 ? 32 : 128))
            return false;
    return office && m->port != 0 && m->n_from > 0 && (m->addr.family == 4 || m->addr.family == 6);
}

static socklen_t address_of(const struct door_conf *m, struct sockaddr_storage *out)
{
    memset(out, 0, sizeof *out);
    if (m->addr.family == 4) {
        struct sockaddr_in *in = (struct sockaddr_in *)out;
        in->sin_family = AF_INET;
        in->sin_port = htons(m->port);
        memcpy(&in->sin_addr, m->addr.b, 4);
        return sizeof *in;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(m->port);
    memcpy(&in6->sin6_addr, m->addr.b, 16);
    return sizeof *in6;
}

/* The filter comes before the socket listens, and cannot be taken off by who gets the socket. */
static bool filter(int fd, const struct door_conf *m)
{
    struct sock_filter code[SOURCE_FILTER_MAX];
    struct sock_fprog program = {.filter = code};
    const int on = 1;

    program.len = (unsigned short)source_filter(m->addr.family, m->from, m->n_from, code);
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0 &&
           setsockopt(fd, SOL_SOCKET, SO_LOCK_FILTER, &on, sizeof on) == 0;
}

static int listen_for(const struct door_conf *m)
{
    struct sockaddr_storage address;
    socklen_t len = address_of(m, &address);
    const int on = 1;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return -errno;
    if (filter(fd, m) && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &on, sizeof on) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, m->iface, (socklen_t)strlen(m->iface)) == 0 &&
        bind(fd, (struct sockaddr *)&address, len) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int rc = -errno;
    close(fd);
    return rc;
}

int request_metrics_door(struct parent *p, struct reader *r, struct writer *answer)
{
    struct door_conf m = {0};

    (void)answer;
    if (get_door(r, &m) < 0 || !sound(p, &m))
        return MALFORMED;
    if (p->metrics >= 0)
        return 0; /* open since an earlier engine */
    int fd = listen_for(&m);
    if (fd < 0) {
        log_warn("cannot listen for metrics on %s, port %u: %s", m.iface, m.port, strerror(-fd));
        return fd;
    }
    p->metrics = fd;
    return 0;
}
