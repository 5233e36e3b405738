/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One request from its first line to its answer. */
#include "gateway/http_exchange.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "gateway/clock.h"
#include "gateway/socket_address.h"

static void learn_peer(struct http_request *r, int fd)
{
    struct sockaddr_storage a = {0};
    socklen_t n = sizeof a;
    uint16_t peer_port = 0;
    if (getsockname(fd, (struct sockaddr *)&a, &n) == 0)
        r->local = socket_ip(&a, &r->local_port);
    n = sizeof a;
    memset(&a, 0, sizeof a);
    if (getpeername(fd, (struct sockaddr *)&a, &n) == 0)
        r->peer = socket_ip(&a, &peer_port);

    struct ucred cred;
    n = sizeof cred;
    r->uid = r->gid = UINT32_MAX;
    if (r->local.family == 0 && getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &n) == 0) {
        r->uid = cred.uid;
        r->gid = cred.gid;
    }
}

void *http_exchange_begin(void *server, const char *target, struct MHD_Connection *c)
{
    struct http_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->server = server;
    x->connection = c;
    x->request.exchange = x;
    x->target_error = http_target_split(target, &x->request.target);
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
    learn_peer(&x->request, info->connect_fd);
    info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    x->request.tls = info && info->tls_session;
    return x;
}

/* What was typed, or signs somebody in, does not stay behind. */
static void drop_body(struct http_request *r)
{
    if (r->body)
        explicit_bzero(r->body, r->body_len);
    free(r->body);
}

void http_exchange_end(void *server, struct MHD_Connection *c, void **exchange,
                       enum MHD_RequestTerminationCode why)
{
    (void)server, (void)c, (void)why;
    struct http_exchange *x = *exchange;
    if (!x)
        return;
    if (x->stage == STAGE_WAITING)
        TAILQ_REMOVE(&x->server->waiting, x, waiting);
    if (x->stream)
        http_connection_forget(x);
    if (x->stream && x->server->ops.ended)
        x->server->ops.ended(x->server->arg, &x->request);
    if (x->response)
        MHD_destroy_response(x->response);
    http_stream_free(x->stream);
    x->server->bodies -= x->body_size;
    x->server->answers -= x->answer_len;
    drop_body(&x->request);
    free(x);
    *exchange = NULL;
}

struct header_search {
    const char *name, *value;
    unsigned int n;
};

static enum MHD_Result on_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                 const char *value)
{
    (void)kind;
    struct header_search *s = arg;
    if (strcasecmp(name, s->name) == 0) {
        s->value = value ? value : "";
        s->n++;
    }
    return MHD_YES;
}

unsigned int http_header(const struct http_request *r, const char *name, const char **value)
{
    struct header_search s = {.name = name, .value = NULL};
    MHD_get_connection_values(r->exchange->connection, MHD_HEADER_KIND, on_header, &s);
    *value = s.value;
    return s.n;
}

/* Exactly one way to say how long the body is, or none. */
static const struct http_refusal *check_length(struct http_exchange *x)
{
    const char *value;
    uint64_t length = 0;
    if (http_header(&x->request, "Transfer-Encoding", &value) > 0) {
        bool both = http_header(&x->request, "Content-Length", &value) > 0;
        return both ? &HTTP_TWO_LENGTHS : &HTTP_CHUNKED;
    }
    unsigned int n = http_header(&x->request, "Content-Length", &value);
    if (n > 1 || (n == 1 && !http_length_parse(value, &length)))
        return &HTTP_TWO_LENGTHS;
    x->body_declared = length;
    if (length > 0 && (x->request.method == HTTP_GET || x->request.method == HTTP_DELETE))
        return &HTTP_BODY_UNEXPECTED;
    return length > x->server->limits.body_max ? &HTTP_BODY_TOO_LARGE : NULL;
}

static const struct http_refusal *check_target(const struct http_exchange *x)
{
    if (x->target_error == HTTP_TARGET_TOO_LONG)
        return &HTTP_LONG_TARGET;
    return x->target_error == HTTP_TARGET_OK ? NULL : &HTTP_BAD_TARGET;
}

static enum http_method method_of(const char *name)
{
    static const struct {
        const char *name;
        enum http_method method;
    } known[] = {
        {"GET", HTTP_GET}, {"HEAD", HTTP_GET},      {"POST", HTTP_POST},
        {"PUT", HTTP_PUT}, {"DELETE", HTTP_DELETE},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(name, known[i].name) == 0)
            return known[i].method;
    return HTTP_OTHER;
}

static const struct http_refusal *admit(struct http_exchange *x)
{
    const struct http_refusal *why = check_length(x);
    if (!why)
        why = check_target(x);
    if (!why && x->request.method == HTTP_OTHER)
        why = &HTTP_BAD_METHOD;
    return why ? why : x->server->ops.admit(x->server->arg, &x->request);
}

static bool add_headers(struct MHD_Response *m, const char *const headers[][2], size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (headers[i][1] && MHD_add_response_header(m, headers[i][0], headers[i][1]) != MHD_YES)
            return false;
    return true;
}

static bool dress(const struct http_exchange *x, struct MHD_Response *m, const char *type,
                  const struct http_extra *extra)
{
    static const struct http_extra none = {0};
    const struct http_extra *e = extra ? extra : &none;
    const bool tls = x->request.tls;
    const char *const headers[][2] = {
        {"Content-Type", type},
        {"Cache-Control", e->cache ? e->cache : "no-store"},
        {"Connection", x->server->ops.keeps && e->etag ? NULL : "close"},
        {"Content-Security-Policy",
         e->content_policy ? e->content_policy : x->server->ops.content_policy},
        {"Referrer-Policy", x->server->ops.secretive ? "no-referrer" : "same-origin"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"ETag", e->etag},
        {"Set-Cookie", e->cookie},
        {"Content-Disposition", e->disposition},
        {"Location", e->location},
        {"Strict-Transport-Security", tls ? "max-age=31536000" : NULL},
        {"Cross-Origin-Opener-Policy", tls ? "same-origin" : NULL},
        {"Cross-Origin-Resource-Policy", tls ? "same-origin" : NULL},
    };
    return add_headers(m, headers, sizeof headers / sizeof *headers);
}

/* From here on x has its answer; one that waited goes back to libmicrohttpd. */
static void set_response(struct http_exchange *x, unsigned int status, struct MHD_Response *m)
{
    bool waited = x->stage == STAGE_WAITING;
    x->response = m;
    x->status = status;
    x->stage = STAGE_ANSWERED;
    if (!waited)
        return;
    TAILQ_REMOVE(&x->server->waiting, x, waiting);
    MHD_resume_connection(x->connection);
}

void http_exchange_respond(struct http_exchange *x, unsigned int status, struct MHD_Response *m,
                           const char *type, const struct http_extra *extra)
{
    if (m && !dress(x, m, type, extra)) {
        MHD_destroy_response(m);
        m = NULL;
    }
    if (m && status == 405)
        MHD_add_response_header(m, "Allow", x->server->ops.allow);
    set_response(x, status, m);
}

void http_answer_with(struct http_request *r, unsigned int status, const char *type, char *text,
                      size_t len, const struct http_extra *extra)
{
    struct http_exchange *x = r->exchange;
    struct http_server *s = x->server;
    if (len > s->limits.answers_max - s->answers) {
        free(text);
        http_refuse(r, &HTTP_BUSY);
        return;
    }
    s->answers += len;
    x->answer_len = len;
    struct MHD_Response *m = MHD_create_response_from_buffer(len, text, MHD_RESPMEM_MUST_FREE);
    if (!m)
        free(text);
    http_exchange_respond(x, status, m, type, extra);
}

void http_answer(struct http_request *r, unsigned int status, const char *type, char *text,
                 size_t len)
{
    http_answer_with(r, status, type, text, len, NULL);
}

void http_answer_constant(struct http_request *r, unsigned int status, const char *type,
                          const void *bytes, size_t len, const struct http_extra *extra)
{
    struct MHD_Response *m = MHD_create_response_from_buffer(len, (void *)(uintptr_t)bytes,
                                                             MHD_RESPMEM_PERSISTENT);
    http_exchange_respond(r->exchange, status, m, type, extra);
}

void http_refuse(struct http_request *r, const struct http_refusal *why)
{
    const struct http_server *s = r->exchange->server;
    const char *type = "application/json";
    size_t len = 0;
    char *text = s->ops.render ? s->ops.render(s->arg, r, why, &len, &type) : NULL;
    if (!text) {
        type = "application/json";
        text = http_refusal_json(why, &len);
    }
    if (!text || len > s->limits.answers_max - s->answers) {
        free(text);
        set_response(r->exchange, why->status, NULL);
        return;
    }
    http_answer(r, why->status, type, text, len);
}

uint32_t http_next_seq(struct http_server *s)
{
    if (++s->last_seq == 0)
        s->last_seq = 1;
    return s->last_seq;
}

uint32_t http_wait(struct http_request *r)
{
    struct http_exchange *x = r->exchange;
    struct http_server *s = x->server;
    x->seq = http_next_seq(s);
    x->deadline_ms = clock_boot_ms() + s->limits.engine_ms;
    x->stage = STAGE_WAITING;
    TAILQ_INSERT_TAIL(&s->waiting, x, waiting);
    MHD_suspend_connection(x->connection);
    return x->seq;
}

struct http_request *http_waiting(struct http_server *s, uint32_t seq)
{
    struct http_exchange *x;
    TAILQ_FOREACH(x, &s->waiting, waiting)
    if (x->seq == seq)
        return &x->request;
    return NULL;
}

/* Makes room for n more bytes of body; the sizes of all bodies together stay bounded. */
static const struct http_refusal *body_grow(struct http_exchange *x, size_t n)
{
    struct http_server *s = x->server;
    size_t need = x->request.body_len + n;
    if (need > x->body_declared)
        return &HTTP_TWO_LENGTHS;
    if (need <= x->body_size)
        return NULL;
    size_t size = need * 2 < x->body_declared ? need * 2 : x->body_declared;
    if (size - x->body_size > s->limits.bodies_max - s->bodies)
        return &HTTP_BUSY;
    uint8_t *bigger = malloc(size);
    if (!bigger)
        return &HTTP_BUSY;
    if (x->request.body_len > 0)
        memcpy(bigger, x->request.body, x->request.body_len);
    drop_body(&x->request);
    s->bodies += size - x->body_size;
    x->request.body = bigger;
    x->body_size = size;
    return NULL;
}

static void take_body(struct http_exchange *x, const char *data, size_t n)
{
    if (x->stage != STAGE_BODY)
        return;
    const struct http_refusal *why = body_grow(x, n);
    if (why) {
        x->refusal = why;
        x->stage = STAGE_DRAIN;
        return;
    }
    memcpy(x->request.body + x->request.body_len, data, n);
    x->request.body_len += n;
}

static enum MHD_Result send_response(struct http_exchange *x)
{
    return x->response ? MHD_queue_response(x->connection, x->status, x->response) : MHD_NO;
}

static enum MHD_Result first_step(struct http_exchange *x, const char *method)
{
    x->request.method = method_of(method);
    x->request.head = strcmp(method, "HEAD") == 0;
    x->refusal = admit(x);
    if (!x->refusal) {
        x->stage = STAGE_BODY;
        return MHD_YES;
    }
    if (x->body_declared > 0 && x->body_declared <= HTTP_DRAIN_MAX) {
        x->stage = STAGE_DRAIN;
        return MHD_YES;
    }
    http_refuse(&x->request, x->refusal);
    return send_response(x);
}

static void last_step(struct http_exchange *x)
{
    if (x->stage == STAGE_DRAIN)
        http_refuse(&x->request, x->refusal);
    else if (x->stage == STAGE_BODY && x->request.body_len != x->body_declared)
        http_refuse(&x->request, &HTTP_TWO_LENGTHS);
    else if (x->stage == STAGE_BODY) {
        http_connection_asked(x);
        x->server->ops.handle(x->server->arg, &x->request);
    }
    if (x->stage != STAGE_WAITING && x->stage != STAGE_ANSWERED)
        http_refuse(&x->request, &HTTP_INTERNAL);
}

enum MHD_Result http_exchange_step(void *server, struct MHD_Connection *c, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_len, void **exchange)
{
    (void)server, (void)c, (void)url, (void)version;
    struct http_exchange *x = *exchange;
    if (!x)
        return MHD_NO;
    if (x->stage == STAGE_NEW)
        return first_step(x, method);
    if (*data_len > 0) {
        take_body(x, data, *data_len);
        *data_len = 0;
        return MHD_YES;
    }
    if (x->stage != STAGE_ANSWERED)
        last_step(x);
    return x->stage == STAGE_WAITING ? MHD_YES : send_response(x);
}
