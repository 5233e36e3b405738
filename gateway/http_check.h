/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the portal and the api demand of a request before anything acts on it. Pure: text in,
 * verdict out. Predicates are true for what may pass.
 */
#ifndef GATEWAY_HTTP_CHECK_H
#define GATEWAY_HTTP_CHECK_H

#include "policy/model.h"

#define HTTP_PATH_MAX 512
#define HTTP_QUERY_MAX 1024
#define HTTP_ACTOR_MAX 64

struct http_target {
    char path[HTTP_PATH_MAX + 1];
    char query[HTTP_QUERY_MAX + 1]; /* without '?'; still percent-encoded */
};

enum http_target_error {
    HTTP_TARGET_OK = 0,
    HTTP_TARGET_TOO_LONG,
    HTTP_TARGET_FORM /* not an absolute path, or a byte that no path of ours holds */
};

/* Divides a request target (RFC 9112 3.2.1, origin-form). A path is a list of `/name`, name of
 * [A-Za-z0-9._~@:-] and neither "." nor ".."; a query is printable ASCII. *out is whole, or empty
 * after an error. */
enum http_target_error http_target_split(const char *target, struct http_target *out);

/* Is this Host the very address (and port, when it names one) the connection came in on? An IPv6
 * address stands in brackets. Without a port it means 80. */
bool http_host_is(const char *host, const struct ip_addr *local, uint16_t port);

/* Is this Host the name, and the port, when it says one? Without a port it means 80. */
bool http_name_is(const char *host, const char *name, uint16_t port);

/* Is this Origin "http://" and such a Host? */
bool http_origin_is(const char *origin, const struct ip_addr *local, uint16_t port);

/* What a server by TLS is called: the address the connection came in on, and its names. */
struct http_self {
    const struct ip_addr *local;
    uint16_t port;
    const char *names[2];    /* lower case; "" or NULL = none; an address as text likewise */
};
/* Likewise for https: without a port it means 443. */
bool https_host_is(const char *host, const struct http_self *self);
bool https_origin_is(const char *origin, const struct http_self *self);

/* 1..64 of [A-Za-z0-9._@-]. */
bool http_actor_valid(const char *actor);

/* A Content-Length of digits only (RFC 9110 8.6), at most 12 of them. */
bool http_length_parse(const char *text, uint64_t *out);

#endif
