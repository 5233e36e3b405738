/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the roles that serve by TLS (enrol, console, and the portal by its name) have in common:
 * doors that open when the engine has sent a certificate, and what they demand of a browser.
 */
#ifndef GATEWAY_HTTP_ROLE_H
#define GATEWAY_HTTP_ROLE_H

#include "gateway/http_engine.h"

/* What api and console bound alike: they carry the same requests. */
#define HTTP_CONTROL_LIMITS                                                                        \
    .body_max = CONTROL_BODY_MAX, .bodies_max = 8u << 20, .answers_max = 32u << 20, .idle_s = 10,  \
    .total_ms = 60 * 1000, .engine_ms = 30 * 1000

/* The cookie of the console's session; browsers take it by TLS alone, for this host alone. */
#define SESSION_COOKIE "__Host-portcullis"

/* Is this one a listening socket? Asked before anything else takes the number. */
bool http_role_listener(int fd);
/* Those of these descriptors that are listening sockets are served by TLS from the first
 * certificate on. */
void http_role_doors(struct http_engine *e, int fd, int fd6);
/* NULL, or why this request is refused: its Host is none of ours; */
const struct http_refusal *http_role_host(const struct http_engine *e,
                                          const struct http_request *r);
/* be sent by no web page but one of ours; */
const struct http_refusal *http_role_same_origin(const struct http_engine *e,
                                                 const struct http_request *r);
/* and call its body JSON, or a policy: no form of another site can send either type. */
const struct http_refusal *http_role_json(const struct http_request *r);
const struct http_refusal *http_role_policy(const struct http_request *r);
/* Does no browser say that another site asked for this? */
bool http_role_own_fetch(const struct http_request *r);
/* Is this its one Content-Type? */
bool http_role_typed(const struct http_request *r, const char *type);
/* Is it asked without TLS by the name that is there with it? http_role_to_tls() says where. */
bool http_role_by_name(const struct http_engine *e, const struct http_request *r);
void http_role_to_tls(const struct http_engine *e, struct http_request *r);
/* The session's token in the cookie, "" when there is none or more than one. */
void http_role_session(const struct http_request *r, char out[SESSION_MAX + 1]);

/* Does its answer hold packets, which are not JSON? */
bool http_role_packets(const struct http_request *r, unsigned int status);
/* The beginning of a MSG_CONSOLE, all but its body. */
void http_role_put_console(struct writer *w, const char *session, const struct ip_addr *peer,
                           enum control_method method, const char *path, const char *query);
enum control_method http_role_method(enum http_method m);

#endif
