/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client for one HTTP/1.1 exchange on a unix socket (RFC 9112). Bounded; bodies with a
 * Content-Length only.
 */
#ifndef ADMIN_CLI_HTTP_H
#define ADMIN_CLI_HTTP_H

#include <stddef.h>

#define HTTP_HEAD_MAX 8192u
#define HTTP_BODY_MAX (8u << 20)

struct http_request {
    const char *method, *target;
    const char *actor;                 /* NULL: no such header */
    const char *type, *body;           /* body NULL: none */
    size_t len;
};
struct http_reply { int status; char *body; size_t len; };   /* body NUL-terminated, free() */

/* 0, or a negative errno: -ENOENT, -ECONNREFUSED, -EACCES when nobody answers; -ETIMEDOUT;
 * -EBADMSG when the reply is not of the form above. The target and actor must not hold spaces or
 * control characters. */
int http_exchange(const char *socket_path, const struct http_request *q, struct http_reply *out);

/* Reads a head: 1 complete, 0 more is needed, -EBADMSG. *head is its length with the empty line. */
int http_parse_head(const char *s, size_t len, int *status, size_t *head, size_t *body);

#endif
