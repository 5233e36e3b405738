/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside http_server*.c only: one exchange and the server it belongs to.
 */
#ifndef GATEWAY_HTTP_EXCHANGE_H
#define GATEWAY_HTTP_EXCHANGE_H

#include <microhttpd.h>
#include <sys/queue.h>

#include "gateway/http_server.h"

#define HTTP_LISTENERS_MAX 4
/* A body too large is still read up to this, so that its sender hears why; beyond it is cut. */
#define HTTP_DRAIN_MAX (64u << 10)

enum http_stage {
    STAGE_NEW = 0, /* request line read */
    STAGE_BODY,    /* admitted, body is coming */
    STAGE_DRAIN,   /* refused, body is read and forgotten */
    STAGE_WAITING, /* suspended, the engine has it */
    STAGE_ANSWERED /* response made, to be queued */
};

struct http_exchange {
    struct http_request request;
    struct http_server *server;
    struct MHD_Connection *connection;
    enum http_stage stage;
    enum http_target_error target_error;
    const struct http_refusal *refusal; /* STAGE_DRAIN: why */
    size_t body_size, body_declared;
    struct MHD_Response *response;
    unsigned int status;
    size_t answer_len;
    struct http_stream *stream; /* its answer, if it has no end */
    uint32_t seq;
    int64_t deadline_ms; /* STAGE_WAITING, CLOCK_BOOTTIME */
    TAILQ_ENTRY(http_exchange) waiting;
};

struct http_connection {
    int fd;
    int64_t deadline_ms;
    bool ended, kept;
    bool asked;                   /* its request is there, whole */
    uint8_t net6[8];              /* of its peer; 0 for IPv4 */
    struct http_exchange *stream; /* the answer without an end, while there is one */
    TAILQ_ENTRY(http_connection) next;
};

struct http_listener {
    struct http_server *server;
    struct MHD_Daemon *daemon;
};

TAILQ_HEAD(http_waiting_list, http_exchange);
TAILQ_HEAD(http_connection_list, http_connection);

struct http_server {
    struct loop *loop;
    struct http_limits limits;
    struct http_ops ops;
    void *arg;
    struct http_listener listeners[HTTP_LISTENERS_MAX];
    unsigned int n_listeners, n_connections;
    struct http_connection_list connections; /* oldest first */
    struct http_connection_list kept;        /* those without a limit */
    struct http_waiting_list waiting;        /* oldest first */
    size_t bodies, answers;                  /* bytes held at this moment */
    uint32_t last_seq;
    int tick; /* timer */
};

/* The callbacks of libmicrohttpd (http_exchange.c). */
void *http_exchange_begin(void *server, const char *target, struct MHD_Connection *c);
enum MHD_Result http_exchange_step(void *server, struct MHD_Connection *c, const char *url,
                                   const char *method, const char *version, const char *data,
                                   size_t *data_len, void **exchange);
void http_exchange_end(void *server, struct MHD_Connection *c, void **exchange,
                       enum MHD_RequestTerminationCode why);

/* Of the connection of x (http_server.c): its request is whole; */
void http_connection_asked(struct http_exchange *x);
/* no time limit holds for it any more; */
void http_connection_keep(struct http_exchange *x);
void http_connection_forget(struct http_exchange *x); /* its stream is over */
/* Takes m as the answer, with the headers of every one (http_exchange.c). */
void http_exchange_respond(struct http_exchange *x, unsigned int status, struct MHD_Response *m,
                           const char *type, const struct http_extra *extra);
void http_stream_free(struct http_stream *s); /* NULL-safe */

#endif
