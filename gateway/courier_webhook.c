/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A webhook: one POST on a connection of its own, over TLS by GnuTLS; of the answer the status line
 * alone is read. Written out here rather than taken from libcurl: that would bring some thirty
 * libraries into every role of this program, into the one with CAP_NET_ADMIN too.
 *
 * A name is looked up before each try, by the system's resolver, which blocks: for that long the
 * other outlets wait. The gateway does not.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "gateway/courier_parts.h"
#include "gateway/log.h"

#define POST_WAIT_MS 30000
#define STATUS_LINE 12           /* "HTTP/1.1 200" */

enum post_step { POST_CONNECT = 0, POST_HANDSHAKE, POST_SEND, POST_READ };

struct post {
    struct door *d;
    uint64_t id;
    enum post_step step;
    struct addrinfo *found, *next;   /* addresses to try */
    gnutls_session_t tls;            /* NULL: plain */
    int fd, timer;                   /* -1 */
    char *request;
    size_t len, sent, got;
    char head[STATUS_LINE];
};

int webhook_trust(struct door *d, const uint8_t *ca, size_t ca_len)
{
    gnutls_certificate_credentials_t trust;
    gnutls_datum_t pem = {(unsigned char *)(uintptr_t)ca, (unsigned)ca_len};

    if (gnutls_certificate_allocate_credentials(&trust) < 0)
        fatal("out of memory");
    d->trust = trust;
    int n = ca_len ? gnutls_certificate_set_x509_trust_mem(trust, &pem, GNUTLS_X509_FMT_PEM)
                   : gnutls_certificate_set_x509_system_trust(trust);
    return n > 0 ? 0 : -1;
}

/* ---- ending --------------------------------------------------------------------------------- */

static void drop_connection(struct post *p)
{
    if (p->tls)
        gnutls_deinit(p->tls);
    p->tls = NULL;
    if (p->fd >= 0) {
        loop_unwatch(p->d->c->loop, p->fd);
        close(p->fd);
    }
    p->fd = -1;
}

void webhook_close(struct door *d)
{
    struct post *p = d->post;

    if (!p)
        return;
    drop_connection(p);
    loop_timer_end(d->c->loop, p->timer);
    if (p->found)
        freeaddrinfo(p->found);
    free(p->request);
    free(p);
    d->post = NULL;
}

static void end(struct post *p, enum delivery what, uint16_t status)
{
    struct door *d = p->d;
    uint64_t id = p->id;

    webhook_close(d);
    courier_tell(d, id, what, status);
}

static void on_time(void *arg, uint32_t events)
{
    (void)events;
    end(arg, DELIVERY_TIMEOUT, 0);
}

/* ---- the exchange --------------------------------------------------------------------------- */

static ssize_t put(struct post *p)
{
    const char *from = p->request + p->sent;
    size_t n = p->len - p->sent;

    if (p->tls)
        return gnutls_record_send(p->tls, from, n);
    ssize_t sent = send(p->fd, from, n, MSG_NOSIGNAL);
    return sent < 0 && errno == EAGAIN ? GNUTLS_E_AGAIN : sent;
}

static ssize_t take(struct post *p)
{
    char *to = p->head + p->got;
    size_t n = sizeof p->head - p->got;

    if (p->tls)
        return gnutls_record_recv(p->tls, to, n);
    ssize_t got = recv(p->fd, to, n, 0);
    return got < 0 && errno == EAGAIN ? GNUTLS_E_AGAIN : got;
}

static bool again(ssize_t rc) { return rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED; }

/* The three digits behind "HTTP/1.x "; 0: that is no status line. */
static uint16_t status_of(const char head[STATUS_LINE])
{
    unsigned status = 0;

    if (memcmp(head, "HTTP/1.", 7) != 0 || (head[7] != '0' && head[7] != '1') || head[8] != ' ')
        return 0;
    for (size_t i = 9; i < STATUS_LINE; i++) {
        if (head[i] < '0' || head[i] > '9')
            return 0;
        status = status * 10 + (unsigned)(head[i] - '0');
    }
    return (uint16_t)status;
}

static void answered(struct post *p)
{
    uint16_t status = status_of(p->head);

    enum delivery what = status / 100 == 2 ? DELIVERY_DELIVERED : DELIVERY_REFUSED;

    end(p, status == 0 ? DELIVERY_BROKEN : what, status);
}

/* Each step: 1 done, 0 later, -1 ended. */
static int handshake(struct post *p)
{
    int rc;

    do
        rc = gnutls_handshake(p->tls);
    while (rc < 0 && !again(rc) && gnutls_error_is_fatal(rc) == 0);
    if (again(rc))
        return 0;
    if (rc == 0)
        return 1;
    end(p, DELIVERY_NOT_TRUSTED, 0);
    return -1;
}

static int send_request(struct post *p)
{
    while (p->sent < p->len) {
        ssize_t n = put(p);
        if (again(n))
            return 0;
        if (n <= 0) {
            end(p, DELIVERY_BROKEN, 0);
            return -1;
        }
        p->sent += (size_t)n;
    }
    return 1;
}

static int read_status(struct post *p)
{
    while (p->got < sizeof p->head) {
        ssize_t n = take(p);
        if (again(n))
            return 0;
        if (n <= 0) {
            end(p, DELIVERY_BROKEN, 0);
            return -1;
        }
        p->got += (size_t)n;
    }
    answered(p);
    return -1;
}

static void watch(struct post *p)
{
    bool writes = p->step == POST_SEND || p->step == POST_CONNECT;

    if (p->step == POST_HANDSHAKE)
        writes = gnutls_record_get_direction(p->tls) == 1;
    loop_events(p->d->c->loop, p->fd, writes ? EPOLLOUT : EPOLLIN);
}

static void go_on(struct post *p)
{
    int rc = 1;

    while (rc == 1) {
        if (p->step == POST_HANDSHAKE)
            rc = handshake(p);
        else if (p->step == POST_SEND)
            rc = send_request(p);
        else
            rc = read_status(p);
        if (rc == 1)
            p->step++;
    }
    if (rc == 0)
        watch(p);
}

/* ---- connecting ----------------------------------------------------------------------------- */

static void begin_tls(struct post *p)
{
    const struct outlet *o = &p->d->o;

    if (gnutls_init(&p->tls, GNUTLS_CLIENT | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) < 0 ||
        gnutls_set_default_priority(p->tls) < 0 ||
        gnutls_credentials_set(p->tls, GNUTLS_CRD_CERTIFICATE, p->d->trust) < 0 ||
        (o->addr.family == 0 &&
         gnutls_server_name_set(p->tls, GNUTLS_NAME_DNS, o->host, strlen(o->host)) < 0))
        fatal("out of memory");
    gnutls_session_set_verify_cert(p->tls, o->host, 0);
    gnutls_transport_set_int(p->tls, p->fd);
}

static void try_next(struct post *p);

static void on_ready(void *arg, uint32_t events)
{
    struct post *p = arg;
    int error = 0;
    socklen_t n = sizeof error;

    (void)events;
    if (p->step != POST_CONNECT) {
        go_on(p);
        return;
    }
    if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error != 0) {
        drop_connection(p);
        try_next(p);
        return;
    }
    p->step = p->d->o.tls ? POST_HANDSHAKE : POST_SEND;
    if (p->d->o.tls)
        begin_tls(p);
    go_on(p);
}

static bool begin_connection(struct post *p, const struct addrinfo *to)
{
    p->fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (p->fd >= 0 && (connect(p->fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS)) {
        loop_watch(p->d->c->loop, p->fd, EPOLLOUT, on_ready, p);
        return true;
    }
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    return false;
}

static void try_next(struct post *p)
{
    while (p->next) {
        const struct addrinfo *to = p->next;
        p->next = to->ai_next;
        if (begin_connection(p, to))
            return;
    }
    end(p, DELIVERY_UNREACHABLE, 0);
}

/* ---- the request ---------------------------------------------------------------------------- */

static void write_request(struct post *p, const char *signature, const uint8_t *body, size_t n)
{
    const struct outlet *o = &p->d->o;
    bool six = o->addr.family == 6, usual = o->port == (o->tls ? 443 : 80);
    char port[8] = "", *head;

    if (!usual)
        snprintf(port, sizeof port, ":%u", o->port);
    int h = asprintf(&head,
                     "POST %s HTTP/1.1\r\nHost: %s%s%s%s\r\nUser-Agent: portcullis/" VERSION "\r\n"
                     "Content-Type: application/json\r\nContent-Length: %zu\r\n"
                     "Portcullis-Signature: %s\r\nConnection: close\r\n\r\n",
                     o->target, six ? "[" : "", o->host, six ? "]" : "", port, n, signature);
    p->request = h < 0 ? NULL : realloc(head, (size_t)h + n);
    if (!p->request)
        fatal("out of memory");
    memcpy(p->request + h, body, n);
    p->len = (size_t)h + n;
}

void webhook_send(struct door *d, uint64_t id, const char *signature, const uint8_t *body, size_t n)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    char port[8];

    webhook_close(d);
    struct post *p = calloc(1, sizeof *p);
    if (!p)
        fatal("out of memory");
    *p = (struct post){.d = d, .id = id, .fd = -1};
    d->post = p;
    p->timer = loop_timer(d->c->loop, POST_WAIT_MS, 0, on_time, p);
    write_request(p, signature, body, n);
    snprintf(port, sizeof port, "%u", d->o.port);
    if (getaddrinfo(d->o.host, port, &hints, &p->found) != 0)
        p->found = NULL;
    p->next = p->found;
    try_next(p);
}
