/* SPDX-License-Identifier: GPL-2.0-or-later */
/* See http_role.h. */
#include "gateway/http_role.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "gateway/log.h"

static const struct http_refusal WRONG_HOST = {
    421,
    "wrong_host",
    "This server is not called by this name.",
    "Use the name in gateway.conf (tls, endpoint) or the address that you connect to.",
};
static const struct http_refusal WRONG_ORIGIN = {
    403,
    "wrong_origin",
    "Another web site sent this request.",
    "Send it from a page of this server itself.",
};
static const struct http_refusal NOT_JSON = {
    415,
    "wrong_type",
    "The body is not called JSON.",
    "Send it with Content-Type: application/json.",
};

static const struct http_refusal NOT_POLICY = {
    415,
    "wrong_type",
    "The body is not called a policy.",
    "Send it with Content-Type: application/x-portcullis-policy.",
};

/* ---- doors ---------------------------------------------------------------------------------- */

bool http_role_listener(int fd)
{
    int yes = 0;
    socklen_t n = sizeof yes;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 && yes;
}

static void open_doors(struct http_engine *e, bool first)
{
    for (size_t i = 0; i < 2 && first; i++)
        if (e->doors[i] >= 0 && http_server_listen_tls(e->server, e->doors[i]) < 0)
            fatal("the socket on descriptor %d cannot be served by TLS", e->doors[i]);
}

void http_role_doors(struct http_engine *e, int fd, int fd6)
{
    e->doors[0] = http_role_listener(fd) ? fd : -1;
    e->doors[1] = http_role_listener(fd6) ? fd6 : -1;
    e->secured = open_doors;
}

/* ---- what is demanded of a browser ---------------------------------------------------------- */

static struct http_self self_of(const struct http_engine *e, const struct http_request *r)
{
    return (struct http_self){&r->local, r->local_port, {e->name, e->host}};
}

const struct http_refusal *http_role_host(const struct http_engine *e, const struct http_request *r)
{
    const struct http_self self = self_of(e, r);
    const char *host;
    return http_header(r, "Host", &host) == 1 && https_host_is(host, &self) ? NULL : &WRONG_HOST;
}

const struct http_refusal *http_role_same_origin(const struct http_engine *e,
                                                 const struct http_request *r)
{
    const struct http_self self = self_of(e, r);
    const char *value;
    unsigned int n = http_header(r, "Origin", &value);
    if (n > 1 || (n == 1 && !https_origin_is(value, &self)))
        return &WRONG_ORIGIN;
    return http_role_own_fetch(r) ? NULL : &WRONG_ORIGIN;
}

bool http_role_own_fetch(const struct http_request *r)
{
    const char *value;
    unsigned int n = http_header(r, "Sec-Fetch-Site", &value);
    return n == 0 || strcmp(value, "same-origin") == 0 || strcmp(value, "none") == 0;
}

bool http_role_typed(const struct http_request *r, const char *name)
{
    const char *type;
    return http_header(r, "Content-Type", &type) == 1 && strcasecmp(type, name) == 0;
}

const struct http_refusal *http_role_json(const struct http_request *r)
{
    return http_role_typed(r, "application/json") ? NULL : &NOT_JSON;
}

const struct http_refusal *http_role_policy(const struct http_request *r)
{
    return http_role_typed(r, "application/x-portcullis-policy") ? NULL : &NOT_POLICY;
}

/* ---- from HTTP to TLS ----------------------------------------------------------------------- */

bool http_role_by_name(const struct http_engine *e, const struct http_request *r)
{
    const char *host;
    return !r->tls && e->has_tls && e->doors[0] >= 0 && r->method == HTTP_GET &&
           http_header(r, "Host", &host) == 1 && http_name_is(host, e->name, r->local_port);
}

void http_role_to_tls(const struct http_engine *e, struct http_request *r)
{
    char *where = NULL;
    int n = asprintf(&where, "https://%s%s%s%s", e->name, r->target.path,
                     r->target.query[0] ? "?" : "", r->target.query);
    const struct http_extra extra = {.location = n < 0 ? NULL : where};
    http_answer_constant(r, 308, "text/plain", "", 0, &extra);
    if (n >= 0)
        free(where);
}

/* ---- the session ---------------------------------------------------------------------------- */

/* The value of the cookie in `s`, up to the next ';'; NULL: another cookie. */
static const char *cookie_value(const char *s, size_t n, size_t *len)
{
    const size_t name = sizeof SESSION_COOKIE - 1;
    if (n <= name || strncmp(s, SESSION_COOKIE, name) != 0 || s[name] != '=')
        return NULL;
    *len = n - name - 1;
    return s + name + 1;
}

static bool token_valid(const char *s, size_t n)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";
    return n > 0 && n <= SESSION_MAX && strspn(s, allowed) == n;
}

void http_role_session(const struct http_request *r, char out[SESSION_MAX + 1])
{
    const char *s;
    unsigned int found = 0;
    out[0] = '\0';
    if (http_header(r, "Cookie", &s) != 1)
        return;
    while (*s) {
        size_t n = strcspn(s, ";"), len = 0;
        const char *value = cookie_value(s, n, &len);
        if (value && ++found == 1 && token_valid(value, len)) {
            memcpy(out, value, len);
            out[len] = '\0';
        }
        s += n;
        s += strspn(s, "; ");
    }
    if (found > 1)
        out[0] = '\0';
}

/* ---- to the engine and back ----------------------------------------------------------------- */

enum control_method http_role_method(enum http_method m)
{
    switch (m) {
    case HTTP_POST:
        return CONTROL_POST;
    case HTTP_PUT:
        return CONTROL_PUT;
    case HTTP_DELETE:
        return CONTROL_DELETE;
    case HTTP_GET:
    case HTTP_OTHER:
        break;
    }
    return CONTROL_GET;
}

void http_role_put_console(struct writer *w, const char *session, const struct ip_addr *peer,
                           enum control_method method, const char *path, const char *query)
{
    put_text(w, session);
    put_addr(w, peer);
    put_u8(w, (uint8_t)method);
    put_text(w, path);
    put_text(w, query);
}

bool http_role_packets(const struct http_request *r, unsigned int status)
{
    const char *end = strrchr(r->target.path, '/');
    return status == 200 && strncmp(r->target.path, "/v1/attempts/", 13) == 0 &&
           strcmp(end, "/packets") == 0;
}
