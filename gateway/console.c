/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console role: carries what admins ask from their browsers, by TLS on an office address. Who
 * asks is what the engine finds by the session's token; this role can name nobody, so that one who
 * takes it over has the sessions that pass through it, and no others.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/console_events.h"
#include "gateway/http_role.h"
#include "gateway/http_static.h"
#include "gateway/log.h"
#include "gateway/role.h"

#define COOKIE_MAX 160

static const struct http_limits LIMITS = {
    .connections = 256,
    .per_address = 64,
    .crowd = 224,
    .connection_memory = 16u << 10,
    HTTP_CONTROL_LIMITS,
};

static const struct http_refusal *admit_file(const struct http_request *r)
{
    if (!http_static_find(console_files, r->target.path))
        return &HTTP_NOT_FOUND;
    return r->method == HTTP_GET ? NULL : &HTTP_BAD_METHOD;
}

static bool takes_policy(const struct http_request *r)
{
    return strcmp(r->target.path, "/v1/policy/check") == 0 ||
           strcmp(r->target.path, "/v1/policy/diff") == 0 ||
           strcmp(r->target.path, "/v1/policy/apply") == 0;
}

/* Reading is no more other sites' business than writing: nothing but our own pages asks for /v1. */
static const struct http_refusal *console_admit(void *arg, struct http_request *r)
{
    const struct http_refusal *why = http_role_host(arg, r);
    if (!why && strncmp(r->target.path, "/v1/", 4) != 0)
        return admit_file(r);
    if (!why)
        why = http_role_same_origin(arg, r);
    if (!why && (r->method == HTTP_POST || r->method == HTTP_PUT))
        why = takes_policy(r) ? http_role_policy(r) : http_role_json(r);
    return why;
}

static void console_handle(void *arg, struct http_request *r)
{
    const struct http_static *file = http_static_find(console_files, r->target.path);
    char session[SESSION_MAX + 1], query[32];
    struct writer w;
    if (file) {
        http_static_answer(r, file);
        return;
    }
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    http_role_session(r, session);
    http_role_put_console(&w, session, &r->peer, http_role_method(r->method), r->target.path,
                          console_events_query(r, query));
    put_blob(&w, r->body, r->body_len);
    http_engine_ask(arg, r, MSG_CONSOLE, &w);
    writer_clear(&w);
}

/* What the engine says of the session, as a cookie: a new one, none any more, or NULL. */
static const char *cookie_for(const struct http_engine *e, char out[COOKIE_MAX])
{
    static const char how[] = "Path=/; Secure; HttpOnly; SameSite=Strict";
    if (e->session[0] == '\0')
        return NULL;
    bool drop = strcmp(e->session, "-") == 0;
    snprintf(out, COOKIE_MAX, SESSION_COOKIE "=%s; %s%s", drop ? "" : e->session, how,
             drop ? "; Max-Age=0" : "");
    return out;
}

static void pass(struct http_request *r, unsigned int status, const struct http_extra *extra,
                 const uint8_t *body, size_t len)
{
    bool packets = http_role_packets(r, status);
    char *bytes = malloc(len + 1);
    if (!bytes) {
        http_refuse(r, &HTTP_BUSY);
        return;
    }
    memcpy(bytes, body, len);
    http_answer_with(r, status, packets ? "application/octet-stream" : "application/json", bytes,
                     len, extra);
}

static void console_reply(struct http_engine *e, struct http_request *r, unsigned int status,
                          const uint8_t *body, size_t len)
{
    char cookie[COOKIE_MAX], session[SESSION_MAX + 1];
    const struct http_extra extra = {
        .cookie = cookie_for(e, cookie),
        .disposition = http_role_packets(r, status) ? "attachment; filename=packets.pcapng" : NULL};
    if (status != 200 || !console_events_asked(r)) {
        pass(r, status, &extra, body, len);
        return;
    }
    http_role_session(r, session);
    console_events_begin(r, session, body, len);
}

static const struct http_ops OPS = {
    .admit = console_admit,
    .handle = console_handle,
    .ended = console_events_ended,
    .secretive = true,
    .keeps = true, /* 27 files, each of which would want a handshake of its own */
    .allow = "GET, HEAD, POST, PUT, DELETE",
    .content_policy = "default-src 'none'; script-src 'self'; style-src 'self'; "
                      "img-src 'self' data:; connect-src 'self'; form-action 'none'; "
                      "frame-ancestors 'none'; base-uri 'none'",
};

int console_main(void)
{
    struct loop *loop = loop_new();
    struct http_engine engine;
    signal(SIGPIPE, SIG_IGN);
    http_engine_open(&engine, loop, ROLE_CONSOLE, console_reply);
    engine.other = console_events_other;
    http_role_doors(&engine, FD_LISTEN, FD_LISTEN6);
    engine.server = http_server_new(loop, &LIMITS, &OPS, &engine);
    sandbox_enter(ROLE_CONSOLE);
    http_engine_watch(&engine);
    console_events_start(&engine);
    loop_run(loop);
    http_server_free(engine.server);
    http_engine_close(&engine);
    return 0;
}
