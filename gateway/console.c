/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console role: carries what admins ask from their browsers, by TLS on an office address. Who
 * asks is what the engine finds by the session's token; this role can name nobody, so that one who
 * takes it over has the sessions that pass through it, and no others.
 */
#include <signal.h>
#include <string.h>

#include "gateway/http_engine.h"
#include "gateway/http_role.h"
#include "gateway/log.h"
#include "gateway/role.h"

static const struct http_limits LIMITS = {
    .connections = 256,
    .per_address = 64,
    .connection_memory = 16u << 10,
    .body_max = 1126u << 10, /* 1.1 MiB */
    .bodies_max = 8u << 20,
    .answers_max = 32u << 20,
    .idle_s = 10,
    .total_ms = 60 * 1000,
    .engine_ms = 30 * 1000,
};

static const struct http_refusal *console_admit(void *arg, struct http_request *r)
{
    const struct http_refusal *why = http_role_host(arg, r);
    if (!why && strncmp(r->target.path, "/v1/", 4) != 0)
        why = &HTTP_NOT_FOUND;
    if (!why && r->method != HTTP_GET)
        why = http_role_same_origin(arg, r);
    if (!why && (r->method == HTTP_POST || r->method == HTTP_PUT))
        why = http_role_json(r);
    return why;
}

static enum control_method control_method_of(enum http_method m)
{
    return m == HTTP_POST     ? CONTROL_POST
           : m == HTTP_PUT    ? CONTROL_PUT
           : m == HTTP_DELETE ? CONTROL_DELETE
                              : CONTROL_GET;
}

static void console_handle(void *arg, struct http_request *r)
{
    char session[SESSION_MAX + 1];
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    http_role_session(r, session);
    put_text(&w, session);
    put_addr(&w, &r->peer);
    put_u8(&w, (uint8_t)control_method_of(r->method));
    put_text(&w, r->target.path);
    put_text(&w, r->target.query);
    put_blob(&w, r->body, r->body_len);
    http_engine_ask(arg, r, MSG_CONSOLE, &w);
    writer_clear(&w);
}

static const struct http_ops OPS = {
    .admit = console_admit,
    .handle = console_handle,
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
    http_engine_open(&engine, loop, ROLE_CONSOLE, http_engine_pass);
    http_role_doors(&engine, FD_LISTEN, FD_LISTEN6);
    engine.server = http_server_new(loop, &LIMITS, &OPS, &engine);
    sandbox_enter(ROLE_CONSOLE);
    http_engine_watch(&engine);
    loop_run(loop);
    http_server_free(engine.server);
    http_engine_close(&engine);
    return 0;
}
