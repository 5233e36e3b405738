/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listeners, connections and their time limits. */
#include "gateway/http_server.h"

#include <malloc.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "gateway/clock.h"
#include "gateway/http_exchange.h"
#include "gateway/http_stream.h"
#include "gateway/http_tls.h"
#include "gateway/log.h"

#define TICK_MS 1000
#define IDLE_TICK_MS (3600 * 1000)
#define RUNS_MAX 8      /* of one daemon before the loop's other events get a turn */
#define FAREWELL_MS 200 /* answers on their way when the role ends */

static void tick_soon(struct http_server *s, int64_t ms)
{
    loop_timer_set(s->loop, s->tick, ms, TICK_MS);
}

/* libmicrohttpd keeps ready connections in a list of its own, which epoll does not show; those
 * whose bytes GnuTLS has taken from the socket already are in it. */
static void run(struct http_listener *l)
{
    MHD_UNSIGNED_LONG_LONG ms = 0;
    for (int i = 0; i < RUNS_MAX; i++) {
        MHD_run(l->daemon);
        if (MHD_get_timeout(l->daemon, &ms) != MHD_YES || ms > 0)
            return;
    }
    tick_soon(l->server, 1);
}

static void on_ready(void *arg, uint32_t events)
{
    (void)events;
    run(arg);
}

void http_server_run(struct http_server *s)
{
    for (unsigned int i = 0; i < s->n_listeners; i++)
        run(&s->listeners[i]);
}

static void end_overdue_connections(struct http_server *s, int64_t now)
{
    struct http_connection *c;
    TAILQ_FOREACH(c, &s->connections, next)
    {
        if (c->deadline_ms > now)
            return;
        if (!c->ended)
            shutdown(c->fd, SHUT_RDWR);
        c->ended = true;
    }
}

static void refuse_overdue_waits(struct http_server *s, int64_t now)
{
    struct http_exchange *x;
    while ((x = TAILQ_FIRST(&s->waiting)) && x->deadline_ms <= now)
        http_refuse(&x->request, &HTTP_ENGINE_SILENT);
}

static void on_tick(void *arg, uint32_t events)
{
    (void)events;
    struct http_server *s = arg;
    int64_t now = clock_boot_ms();
    refuse_overdue_waits(s, now);
    end_overdue_connections(s, now);
    http_server_run(s);
    if (s->n_connections > 0)
        return;
    loop_timer_set(s->loop, s->tick, IDLE_TICK_MS, IDLE_TICK_MS);
    malloc_trim(0); /* gives back what a crowd needed */
}

static void net6_of(const struct sockaddr *a, uint8_t out[8])
{
    if (a && a->sa_family == AF_INET6)
        memcpy(out, &((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, 8);
}

static void connection_started(struct http_server *s, struct MHD_Connection *c, void **context)
{
    struct http_connection *k = calloc(1, sizeof *k);
    if (!k)
        fatal("out of memory");
    k->fd = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    k->deadline_ms = clock_boot_ms() + s->limits.total_ms;
    net6_of(MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, k->net6);
    TAILQ_INSERT_TAIL(&s->connections, k, next);
    *context = k;
    if (s->n_connections++ == 0)
        tick_soon(s, TICK_MS);
}

static void on_connection(void *server, struct MHD_Connection *c, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http_server *s = server;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        connection_started(s, c, context);
        return;
    }
    struct http_connection *k = *context;
    TAILQ_REMOVE(k->kept ? &s->kept : &s->connections, k, next);
    free(k);
    s->n_connections--;
}

static struct http_connection *connection_of(const struct http_exchange *x)
{
    return MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
        ->socket_context;
}

void http_connection_keep(struct http_exchange *x)
{
    struct http_connection *k = connection_of(x);
    TAILQ_REMOVE(&x->server->connections, k, next);
    TAILQ_INSERT_TAIL(&x->server->kept, k, next);
    k->kept = true;
    k->stream = x;
}

void http_connection_forget(struct http_exchange *x) { connection_of(x)->stream = NULL; }

void http_connection_asked(struct http_exchange *x) { connection_of(x)->asked = true; }

/* Who says nothing, or says it slowly, makes room for who comes next. */
static void make_room(struct http_server *s)
{
    struct http_connection *k;
    TAILQ_FOREACH(k, &s->connections, next)
    if (!k->ended && !k->asked) {
        shutdown(k->fd, SHUT_RDWR);
        k->ended = true;
        return;
    }
}

/* One subscriber has a whole /64. */
static bool net6_has_room(const struct http_server *s, const struct sockaddr *a)
{
    const struct http_connection *k;
    uint8_t net[8] = {0};
    unsigned int n = 0;
    if (s->limits.per_net6 == 0 || a->sa_family != AF_INET6)
        return true;
    net6_of(a, net);
    TAILQ_FOREACH(k, &s->connections, next)
    n += memcmp(k->net6, net, sizeof net) == 0;
    return n < s->limits.per_net6;
}

static enum MHD_Result on_accept(void *server, const struct sockaddr *a, socklen_t len)
{
    (void)len;
    struct http_server *s = server;
    if (s->n_connections >= s->limits.connections || !net6_has_room(s, a))
        return MHD_NO;
    if (s->limits.crowd > 0 && s->n_connections >= s->limits.crowd)
        make_room(s);
    return MHD_YES;
}

struct http_server *http_server_new(struct loop *l, const struct http_limits *limits,
                                    const struct http_ops *ops, void *arg)
{
    struct http_server *s = calloc(1, sizeof *s);
    if (!s)
        fatal("out of memory");
    s->loop = l;
    s->limits = *limits;
    s->ops = *ops;
    s->arg = arg;
    TAILQ_INIT(&s->connections);
    TAILQ_INIT(&s->kept);
    TAILQ_INIT(&s->waiting);
    s->tick = loop_timer(l, IDLE_TICK_MS, IDLE_TICK_MS, on_tick, s);
    return s;
}

static int listen_on(struct http_server *s, int fd, bool tls)
{
    const struct MHD_OptionItem by_tls[] = {
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)HTTP_TLS_PRIORITIES},
        {MHD_OPTION_HTTPS_CERT_CALLBACK, 0, (void *)(uintptr_t)http_tls_retrieve},
        {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem bare[] = {{MHD_OPTION_END, 0, NULL}};
    if (s->n_listeners == HTTP_LISTENERS_MAX)
        return -1;
    struct http_listener *l = &s->listeners[s->n_listeners];
    l->server = s;
    l->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0u), 0, on_accept, s,
        http_exchange_step, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK, http_exchange_begin, s,
        MHD_OPTION_NOTIFY_COMPLETED, http_exchange_end, s, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, s, MHD_OPTION_CONNECTION_LIMIT, s->limits.connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, s->limits.per_address,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->limits.connection_memory,
        MHD_OPTION_CONNECTION_TIMEOUT, s->limits.idle_s, MHD_OPTION_ARRAY,
        tls ? by_tls : bare, MHD_OPTION_END);
    if (!l->daemon)
        return -1;
    s->n_listeners++;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    loop_watch(s->loop, info->epoll_fd, EPOLLIN, on_ready, l);
    return 0;
}

int http_server_listen(struct http_server *s, int fd) { return listen_on(s, fd, false); }
int http_server_listen_tls(struct http_server *s, int fd) { return listen_on(s, fd, true); }

/* Until every connection is gone or FAREWELL_MS have passed. */
static void say_farewell(struct http_server *s)
{
    int64_t end = clock_boot_ms() + FAREWELL_MS;
    while (s->n_connections > 0 && clock_boot_ms() < end) {
        for (unsigned int i = 0; i < s->n_listeners; i++)
            MHD_run(s->listeners[i].daemon);
        poll(NULL, 0, 5);
    }
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    struct http_exchange *x;
    struct http_connection *k;
    bool waited = !TAILQ_EMPTY(&s->waiting) || !TAILQ_EMPTY(&s->kept);
    while ((x = TAILQ_FIRST(&s->waiting)))
        http_refuse(&x->request, &HTTP_ENGINE_DOWN);
    TAILQ_FOREACH(k, &s->kept, next)
    if (k->stream)
        http_stream_end(&k->stream->request);
    if (waited)
        say_farewell(s);
    for (unsigned int i = 0; i < s->n_listeners; i++) {
        loop_unwatch(
            s->loop,
            MHD_get_daemon_info(s->listeners[i].daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
        MHD_stop_daemon(s->listeners[i].daemon);
    }
    loop_timer_end(s->loop, s->tick);
    free(s);
}
