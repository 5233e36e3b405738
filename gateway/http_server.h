/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HTTP/1.1 for the roles that speak it, bare or by TLS: libmicrohttpd on the role's loop,
 * everything bounded.
 *
 * A connection carries one request and is closed after its answer, so that nothing which two
 * parsers might read differently ever follows a request; but one for a file of ours, which has no
 * body, may be followed by others where a role says so (`keeps`). A request whose answer comes from the
 * engine waits, suspended, under a seq; it is answered by then or refused when time is up.
 */
#ifndef GATEWAY_HTTP_SERVER_H
#define GATEWAY_HTTP_SERVER_H

#include "gateway/http_answer.h"
#include "gateway/http_check.h"
#include "gateway/loop.h"

struct http_limits {
    unsigned int connections; /* at once, over all listeners; beyond: closed unheard */
    unsigned int per_address; /* of one peer address and listener; 0 = unbounded */
    unsigned int crowd;       /* from so many on a new one ends the oldest that asked nothing; 0: never */
    unsigned int per_net6;    /* of one IPv6 /64; 0 = unbounded */
    size_t connection_memory; /* request line, headers and read buffer of one */
    size_t body_max;          /* bytes of one body */
    size_t bodies_max;        /* bytes of all bodies at once; beyond: 503 */
    size_t answers_max;       /* bytes of all answers not yet taken; beyond: 503 */
    unsigned int idle_s;      /* without a byte */
    int64_t total_ms;         /* of a connection's life, whatever it does */
    int64_t engine_ms;        /* of waiting for the engine */
};

enum http_method { HTTP_OTHER = 0, HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE }; /* HEAD is GET */

struct http_server; /* opaque */

/* One request. It lives from its first line until its connection is done with it. */
struct http_request {
    enum http_method method;
    struct http_target target;
    struct ip_addr peer, local; /* TCP; family 0 otherwise */
    uint16_t local_port;
    bool tls, head;  /* head: GET, of which only the headers are wanted */
    uint32_t uid, gid; /* unix socket, SO_PEERCRED; UINT32_MAX otherwise */
    uint8_t *body;     /* whole when handle() is called */
    size_t body_len;
    struct http_exchange *exchange; /* the server's side of it */
};

struct http_ops {
    /* Headers are there, the body is not: NULL, or why it is refused. */
    const struct http_refusal *(*admit)(void *arg, struct http_request *r);
    /* All is there: calls http_answer(), http_refuse() or http_wait(). */
    void (*handle)(void *arg, struct http_request *r);
    /* Says a refusal in another form than JSON: malloc'd text and its *type, or NULL for JSON.
     * May be NULL. */
    char *(*render)(void *arg, const struct http_request *r, const struct http_refusal *why,
                    size_t *len, const char **type);
    /* A stream (http_stream.h) is over: its request is gone after this. May be NULL. */
    void (*ended)(void *arg, struct http_request *r);
    bool secretive;             /* no Referer, not even to itself: then a form has no Origin */
    bool keeps;                 /* a connection goes on after a request for a file (an ETag) */
    const char *allow;          /* value of Allow */
    const char *content_policy; /* value of Content-Security-Policy */
};

/* Dies without memory. ops, limits are copied; content_policy and allow are kept. */
struct http_server *http_server_new(struct loop *l, const struct http_limits *limits,
                                    const struct http_ops *ops, void *arg);
/* Serves a listening socket (TCP or unix), which it takes. 0, or -1. At most four. */
int http_server_listen(struct http_server *s, int fd);
/* Likewise by TLS, showing what http_tls_use() was told last. */
int http_server_listen_tls(struct http_server *s, int fd);
/* Refuses those who wait, gives answers on their way a moment to leave, closes all. NULL-safe. */
void http_server_free(struct http_server *s);

/* Number of headers of this name; *value is the last of them. */
unsigned int http_header(const struct http_request *r, const char *name, const char **value);

/* Answers with text, which must be malloc'd and is taken. type is a constant. */
void http_answer(struct http_request *r, unsigned int status, const char *type, char *text,
                 size_t len);
/* Headers beyond those of every answer; NULL = as always. */
struct http_extra {
    const char *cache;  /* Cache-Control instead of no-store */
    const char *etag, *cookie, *disposition, *location;
    const char *content_policy; /* instead of the server's */
};
void http_answer_with(struct http_request *r, unsigned int status, const char *type, char *text,
                      size_t len, const struct http_extra *extra);
/* Likewise with bytes that stay where they are. */
void http_answer_constant(struct http_request *r, unsigned int status, const char *type,
                          const void *bytes, size_t len, const struct http_extra *extra);
void http_refuse(struct http_request *r, const struct http_refusal *why);
/* Suspends r until it is answered; returns its seq, never 0. */
uint32_t http_wait(struct http_request *r);
/* A seq for a question that no request waits for. */
uint32_t http_next_seq(struct http_server *s);
/* The request that waits under seq, or NULL: answered already, or gone. */
struct http_request *http_waiting(struct http_server *s, uint32_t seq);
/* After answers to those that waited: sends them now. Not from within ops. */
void http_server_run(struct http_server *s);

#endif
