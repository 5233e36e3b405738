/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of the roles that speak HTTP to the engine: a request goes out under a seq, the answer
 * comes back under the same. A lost or lawless channel ends the loop, and with it the role.
 */
#ifndef GATEWAY_HTTP_ENGINE_H
#define GATEWAY_HTTP_ENGINE_H

#include "gateway/channel.h"
#include "gateway/http_server.h"
#include "gateway/tls.h"

struct http_engine;
/* Called when the role has something to show by TLS; the first time it starts its listeners. */
typedef void http_engine_secured(struct http_engine *e, bool first);

/* Called with the engine's answer while the request still waits; must answer it. */
typedef void http_engine_reply(struct http_engine *e, struct http_request *r, unsigned int status,
                               const uint8_t *json, size_t len);

/* Called with an answer that no request waits for (any more). */
typedef void http_engine_other(struct http_engine *e, uint32_t seq, unsigned int status,
                               const uint8_t *json, size_t len);

struct http_engine {
    struct loop *loop;
    struct http_server *server;
    struct channel *channel;
    enum gateway_role self; /* ROLE_PORTAL, ROLE_API, ROLE_ENROL or ROLE_CONSOLE */
    http_engine_reply *reply;
    http_engine_secured *secured; /* NULL: a role without TLS. Set by the caller */
    int doors[2];                  /* for TLS; -1 = none (http_role.h) */
    http_engine_other *other;      /* may be NULL. Set by the caller */
    bool has_tls;
    char name[HOST_SIZE], host[HOST_SIZE]; /* by which it may be called there, "" = none */
    char session[SESSION_MAX + 1]; /* ROLE_CONSOLE, during reply(): what the session becomes */
    size_t queued; /* bytes sent since the channel was last empty */
};

/* Takes FD_PARENT as the channel; dies without memory. server is set by the caller. */
void http_engine_open(struct http_engine *e, struct loop *l, enum gateway_role self,
                      http_engine_reply *reply);
/* After the cage: begins to listen to the engine. */
void http_engine_watch(struct http_engine *e);
void http_engine_close(struct http_engine *e);
/* Sends w as the question of r, which waits from here on or is refused. */
void http_engine_ask(struct http_engine *e, struct http_request *r, enum message_type type,
                     const struct writer *w);
/* Likewise without a request: 0 and its seq is passed to other(), or -1: it is not sent. */
int http_engine_ask_aside(struct http_engine *e, enum message_type type, const struct writer *w,
                          uint32_t *seq);
/* Answers with the engine's own JSON; the reply of a role that adds nothing. */
http_engine_reply http_engine_pass;

#endif
