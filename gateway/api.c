/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The api role: carries requests of admins from the unix socket to the engine and answers back.
 * It checks form and says who asked (SO_PEERCRED and the named human); it authorises nothing.
 * Where gateway.conf says so it also carries GET /metrics from the office (who may connect is
 * settled in the kernel, see parent_door.c).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/http_engine.h"
#include "gateway/http_role.h"
#include "gateway/log.h"
#include "gateway/metrics.h"
#include "gateway/role.h"

static const struct http_limits LIMITS = {
    .connections = 1024,
    .per_address = 0,
    .connection_memory = 8u << 10,
    HTTP_CONTROL_LIMITS,
};

static const struct http_refusal NOT_VERSION_1 = {
    404,
    "not_found",
    "There is nothing under this path.",
    "Paths begin with /v1/.",
};
static const struct http_refusal BAD_ACTOR = {
    400,
    "bad_actor",
    "The header Portcullis-Actor does not hold a name.",
    "1 to 64 of letters, digits, dot, dash, underscore and @; once, or not at all.",
};
static const struct http_refusal WRONG_HOST = {
    421,
    "wrong_host",
    "The Host header does not name the address that was connected to.",
    "Ask for http://ADDRESS:PORT/metrics by the gateway's address.",
};
static const struct http_refusal NO_PEER = {
    403,
    "no_peer",
    "The kernel does not say who is at the other end.",
    "Connect to the control socket directly.",
};

/* "uid:0": for the engine to compare with whose it is, and to remember when it is not. */
static bool is_uid(const char *name)
{
    return strncmp(name, "uid:", 4) == 0 && name[4] != '\0' && strlen(name) <= 14 &&
           strspn(name + 4, "0123456789") == strlen(name + 4);
}

/* The name of the human who acts, or "uid:N" when none is given. 0, or -1: malformed. */
static int actor_of(const struct http_request *r, char out[HTTP_ACTOR_MAX + 1])
{
    const char *name;
    unsigned int n = http_header(r, "Portcullis-Actor", &name);
    if (n == 0) {
        snprintf(out, HTTP_ACTOR_MAX + 1, "uid:%u", r->uid);
        return 0;
    }
    if (n > 1 || !(http_actor_valid(name) || is_uid(name)))
        return -1;
    memcpy(out, name, strlen(name) + 1);
    return 0;
}

/* Over TCP there is one path, and it only says numbers. */
static const struct http_refusal *metrics_admit(const struct http_request *r)
{
    const char *host = NULL;
    if (http_header(r, "Host", &host) != 1 || !http_host_is(host, &r->local, r->local_port))
        return &WRONG_HOST;
    if (strcmp(r->target.path, "/metrics") != 0 || r->target.query[0])
        return &HTTP_NOT_FOUND;
    return r->method == HTTP_GET ? NULL : &HTTP_BAD_METHOD;
}

static const struct http_refusal *api_admit(void *arg, struct http_request *r)
{
    (void)arg;
    char actor[HTTP_ACTOR_MAX + 1];
    if (r->peer.family != 0)
        return metrics_admit(r);
    if (r->uid == UINT32_MAX)
        return &NO_PEER;
    if (strncmp(r->target.path, "/v1/", 4) != 0)
        return &NOT_VERSION_1;
    return actor_of(r, actor) < 0 ? &BAD_ACTOR : NULL;
}

/* What is not JSON: the metrics, the only thing over TCP; and packets. NULL: it is JSON. */
static const char *type_of(const struct http_request *r, unsigned int status)
{
    if (r->peer.family != 0)
        return status == 200 ? METRICS_TYPE : NULL;
    return http_role_packets(r, status) ? "application/octet-stream" : NULL;
}

static void api_reply(struct http_engine *e, struct http_request *r, unsigned int status,
                      const uint8_t *body, size_t len)
{
    const char *type = type_of(r, status);
    char *bytes = type ? malloc(len + 1) : NULL;
    if (!bytes) {
        http_engine_pass(e, r, status, body, len);
        return;
    }
    memcpy(bytes, body, len);
    http_answer(r, status, type, bytes, len);
}

static void put_control(struct writer *w, const struct http_request *r)
{
    char actor[HTTP_ACTOR_MAX + 1] = "";
    if (actor_of(r, actor) < 0)
        w->failed = true;
    put_u8(w, (uint8_t)http_role_method(r->method));
    put_u32(w, r->uid);
    put_u32(w, r->gid);
    put_text(w, actor);
    put_text(w, r->target.path);
    put_text(w, r->target.query);
    put_blob(w, r->body, r->body_len);
}

static void api_handle(void *arg, struct http_request *r)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    if (r->peer.family == 0)
        put_control(&w, r);
    http_engine_ask(arg, r, r->peer.family == 0 ? MSG_CONTROL : MSG_METRICS, &w);
    writer_clear(&w);
}

static const struct http_ops OPS = {
    .admit = api_admit,
    .handle = api_handle,
    .allow = "GET, HEAD, POST, PUT, DELETE",
    .content_policy = "default-src 'none'; frame-ancestors 'none'",
};

int api_main(void)
{
    bool with_metrics = http_role_listener(FD_LISTEN6); /* before something else takes the number */
    struct loop *loop = loop_new();
    struct http_engine engine;
    signal(SIGPIPE, SIG_IGN);
    http_engine_open(&engine, loop, ROLE_API, api_reply);
    engine.server = http_server_new(loop, &LIMITS, &OPS, &engine);
    if (http_server_listen(engine.server, FD_LISTEN) < 0)
        fatal("the control socket (descriptor %d) cannot be served", FD_LISTEN);
    if (with_metrics && http_server_listen(engine.server, FD_LISTEN6) < 0)
        fatal("the socket of the metrics (descriptor %d) cannot be served", FD_LISTEN6);
    sandbox_enter(ROLE_API);
    http_engine_watch(&engine);
    loop_run(loop);
    http_server_free(engine.server);
    http_engine_close(&engine);
    return 0;
}
