/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The enrol role: speaks TLS to the internet for one purpose, that an invited person's device makes
 * itself known. It holds the certificate's key and nothing else: whoever takes this process over
 * may try invitations, which the engine counts, and ask for nothing more.
 */
#include <signal.h>
#include <string.h>

#include "gateway/http_role.h"
#include "gateway/http_static.h"
#include "gateway/log.h"
#include "gateway/role.h"

static const struct http_limits LIMITS = {
    .connections = 256,
    .per_address = 16,
    .crowd = 224,
    .per_net6 = 16,
    .connection_memory = 8u << 10,
    .body_max = ENROL_BODY_MAX,
    .bodies_max = 1u << 20,
    .answers_max = 8u << 20,
    .idle_s = 5,
    .total_ms = 15 * 1000,
    .engine_ms = 10 * 1000,
};

static const struct http_refusal *enrol_admit(void *arg, struct http_request *r)
{
    const struct http_refusal *why = http_role_host(arg, r);
    if (why)
        return why;
    if (http_static_find(enrol_files, r->target.path))
        return r->method == HTTP_GET ? NULL : &HTTP_BAD_METHOD;
    if (strcmp(r->target.path, "/v1/enrol") != 0)
        return &HTTP_NOT_FOUND;
    if (r->method != HTTP_POST)
        return &HTTP_BAD_METHOD;
    why = http_role_same_origin(arg, r);
    return why ? why : http_role_json(r);
}

static void enrol_handle(void *arg, struct http_request *r)
{
    const struct http_static *file = http_static_find(enrol_files, r->target.path);
    struct writer w;
    if (file) {
        http_static_answer(r, file);
        return;
    }
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_addr(&w, &r->peer);
    put_u8(&w, ENROL_REDEEM);
    put_blob(&w, r->body, r->body_len);
    http_engine_ask(arg, r, MSG_ENROL, &w);
    writer_clear(&w);
}

static const struct http_ops OPS = {
    .admit = enrol_admit,
    .handle = enrol_handle,
    .secretive = true,
    .allow = "GET, HEAD, POST",
    .content_policy = "default-src 'none'; script-src 'self'; style-src 'self'; "
                      "img-src data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
                      "frame-ancestors 'none'",
};

int enrol_main(void)
{
    struct loop *loop = loop_new();
    struct http_engine engine;
    signal(SIGPIPE, SIG_IGN);
    http_engine_open(&engine, loop, ROLE_ENROL, http_engine_pass);
    http_role_doors(&engine, FD_LISTEN, FD_LISTEN6);
    engine.server = http_server_new(loop, &LIMITS, &OPS, &engine);
    sandbox_enter(ROLE_ENROL);
    http_engine_watch(&engine);
    loop_run(loop);
    http_server_free(engine.server);
    http_engine_close(&engine);
    return 0;
}
