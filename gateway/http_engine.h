/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The way of the portal and the api to the engine: a request goes out under a seq, the answer
 * comes back under the same. A lost or lawless channel ends the loop, and with it the role.
 */
#ifndef GATEWAY_HTTP_ENGINE_H
#define GATEWAY_HTTP_ENGINE_H

#include "gateway/channel.h"
#include "gateway/http_server.h"

/* Called with the engine's answer while the request still waits; must answer it. */
typedef void http_engine_reply(struct http_request *r, unsigned int status, const uint8_t *json,
                               size_t len);

struct http_engine {
    struct loop *loop;
    struct http_server *server;
    struct channel *channel;
    enum gateway_role self; /* ROLE_PORTAL or ROLE_API */
    http_engine_reply *reply;
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
/* Answers with the engine's own JSON; the reply of a role that adds nothing. */
void http_engine_pass(struct http_request *r, unsigned int status, const uint8_t *json, size_t len);

#endif
