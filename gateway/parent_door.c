/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The doors that the engine asks for by gateway.conf: the metrics and the console on an office
 * interface, for the named networks alone; enrolment on the outside interface, for everybody; the
 * portal's by TLS on the tunnel addresses. Bound once and handed to each new process of the role.
 * What a door may be is checked here again: an engine that somebody has taken over cannot show
 * the metrics or the console to the world.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "gateway/log.h"

static int get_door(struct reader *r, enum gateway_role *role, struct door_wish *d)
{
    *role = (enum gateway_role)get_u8(r);
    get_text(r, d->iface, sizeof d->iface);
    d->addr = get_addr(r);
    d->port = get_u16(r);
    d->n_from = get_u8(r);
    if (r->failed || d->n_from > SOURCE_FILTER_NETS)
        return -1;
    for (uint32_t i = 0; i < d->n_from; i++) {
        d->from[i].addr = get_addr(r);
        d->from[i].len = get_u8(r);
    }
    return reader_done(r) ? 0 : -1;
}

/* An office interface, and never everybody. */
static bool sound_inside(const struct tunnel *t, const struct door_wish *d)
{
    bool office = false;

    for (uint32_t i = 0; i < t->n_office; i++)
        office = office || strcmp(t->office[i].name, d->iface) == 0;
    for (uint32_t i = 0; i < d->n_from; i++)
        if (d->from[i].addr.family != d->addr.family || d->from[i].len == 0 ||
            d->from[i].len > (d->addr.family == 4 ? 32 : 128))
            return false;
    return office && d->n_from > 0 && (d->addr.family == 4 || d->addr.family == 6);
}

static bool sound(const struct tunnel *t, enum gateway_role r, const struct door_wish *d)
{
    if (d->port == 0 || d->iface[0] == '\0')
        return false;
    if (r == ROLE_API || r == ROLE_CONSOLE)
        return sound_inside(t, d);
    if (r == ROLE_ENROL)
        return strcmp(d->iface, t->outside) == 0 && d->addr.family == 0 && d->n_from == 0;
    return r == ROLE_PORTAL && strcmp(d->iface, t->iface) == 0 && d->addr.family == 0 &&
           d->n_from == 0 && d->port == t->portal_tls_port;
}

/* The one address; or all of the interface: the tunnel's two, or whatever it has. A machine without
 * IPv6 has the first alone. */
static int open_sockets(const struct tunnel *t, enum gateway_role r, const struct door_wish *d,
                        int fd[2])
{
    const struct ip_addr any4 = {.family = 4}, any6 = {.family = 6};
    const struct ip_addr *at[2] = {&d->addr, NULL};

    if (r == ROLE_PORTAL) {
        at[0] = &t->net4.addr;
        at[1] = t->net6.addr.family == 6 ? &t->net6.addr : NULL;
    } else if (d->addr.family == 0) {
        at[0] = &any4;
        at[1] = &any6;
    }
    fd[0] = door_listen(d->iface, at[0], d->port, d->from, d->n_from);
    if (fd[0] < 0)
        return fd[0];
    fd[1] = at[1] ? door_listen(d->iface, at[1], d->port, d->from, d->n_from) : -1;
    if (fd[1] >= 0 || !at[1] || (fd[1] == -EAFNOSUPPORT && at[1] == &any6)) {
        fd[1] = fd[1] < 0 ? -1 : fd[1];
        return 0;
    }
    int rc = fd[1];
    close(fd[0]);
    fd[0] = fd[1] = -1;
    return rc;
}

static int listen_again(struct parent *p, enum gateway_role r, const struct door_wish *d)
{
    int fd[2] = {-1, -1}, rc = open_sockets(&p->tunnel, r, d, fd);

    if (rc < 0)
        log_warn("cannot listen for the %s on %s, port %u: %s", role_name(r), d->iface, d->port,
                 strerror(-rc));
    p->doors[r].fd[0] = fd[0];
    p->doors[r].fd[1] = fd[1];
    return rc;
}

int request_door(struct parent *p, struct reader *r, struct writer *answer)
{
    struct door_wish d = {0};
    enum gateway_role role;

    (void)answer;
    if (get_door(r, &role, &d) < 0 || !sound(&p->tunnel, role, &d))
        return MALFORMED;
    if (p->doors[role].fd[0] >= 0)
        return 0; /* open since an earlier engine */
    int rc = if_nametoindex(d.iface) != 0 ? listen_again(p, role, &d) : 0;
    if (rc == 0)
        p->doors[role].wish = d;
    if (rc == 0 && p->doors[role].fd[0] < 0)
        log_info("the %s waits for the interface %s", role_name(role), d.iface);
    return rc;
}

/* ---- interfaces that come and go ------------------------------------------------------------ */

int door_again(struct parent *p, enum gateway_role r)
{
    const struct door_wish wish = p->doors[r].wish;

    if (wish.port == 0)
        return 0;
    for (size_t i = 0; i < 2; i++)
        if (p->doors[r].fd[i] >= 0)
            close(p->doors[r].fd[i]);
    return listen_again(p, r, &wish) < 0 ? -1 : 0;
}

/* A socket is bound to an interface by its number: one that is made anew has another. */
static bool stranded(const struct door *d)
{
    char name[IFNAMSIZ] = "";
    socklen_t n = sizeof name;

    if (d->wish.port == 0 || if_nametoindex(d->wish.iface) == 0)
        return false;
    return d->fd[0] < 0 || getsockopt(d->fd[0], SOL_SOCKET, SO_BINDTODEVICE, name, &n) < 0 ||
           strcmp(name, d->wish.iface) != 0;
}

/* The role starts anew with the new sockets; or for the first time. */
static void enter_by(struct parent *p, enum gateway_role r)
{
    if (p->role[r].pid != 0)
        roles_kill(p, r, "its interface is another one, and it starts anew");
    else if (p->phase == PHASE_OPEN)
        roles_open_doors(p);
}

int watch_doors(struct parent *p, bool repair, char what[])
{
    int found = 0;

    what[0] = '\0';
    for (unsigned i = ROLE_PORTAL; i < ROLES; i++) {
        enum gateway_role r = (enum gateway_role)i;
        bool was_open = p->doors[r].fd[0] >= 0;
        if (!stranded(&p->doors[r]))
            continue;
        if (was_open)
            snprintf(what, WHAT_SIZE, "the interface %s is another one under the old name",
                     p->doors[r].wish.iface);
        found = found || was_open;
        if (repair && door_again(p, r) < 0)
            return -EADDRNOTAVAIL;
        if (repair)
            enter_by(p, r);
    }
    return found;
}
