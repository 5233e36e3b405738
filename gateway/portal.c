/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The portal role: speaks HTTP to staff inside the tunnel, and to nobody else. It knows no key
 * and no database; who asks is the address the connection came from, and the engine decides.
 */
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "gateway/clock.h"
#include "gateway/http_engine.h"
#include "gateway/log.h"
#include "gateway/page.h"
#include "gateway/role.h"

#define TOKEN_MAX 8192

static const struct http_limits LIMITS = {
    .connections = 512,
    .per_address = 16,
    .connection_memory = 16u << 10,
    .body_max = TOKEN_MAX,
    .bodies_max = 4u << 20,
    .answers_max = 8u << 20,
    .idle_s = 10,
    .total_ms = 20 * 1000,
    .engine_ms = 10 * 1000,
};

static const struct http_refusal WRONG_HOST = {
    421,
    "wrong_host",
    "The portal is not called by this name.",
    "Use the gateway's own tunnel address, as in http://10.77.0.1/.",
};
static const struct http_refusal WRONG_ORIGIN = {
    403,
    "wrong_origin",
    "Another web site sent this request.",
    "Send it from the portal itself or from the agent.",
};
static const struct http_refusal WRONG_TYPE = {
    415,
    "wrong_type",
    "A posture report has the type application/eat+jwt.",
    "Send it with portcullis-agent, or with Content-Type: application/eat+jwt.",
};

static const struct route {
    const char *path;
    enum http_method method;
    enum portal_verb verb;
    bool page;
} ROUTES[] = {
    {"/", HTTP_GET, PORTAL_ME, true},
    {"/v1/me", HTTP_GET, PORTAL_ME, false},
    {"/v1/nonce", HTTP_GET, PORTAL_NONCE, false},
    {"/v1/posture", HTTP_POST, PORTAL_POSTURE, false},
};

static const struct route *route_of(const struct http_request *r)
{
    for (size_t i = 0; i < sizeof ROUTES / sizeof *ROUTES; i++)
        if (strcmp(ROUTES[i].path, r->target.path) == 0)
            return &ROUTES[i];
    return NULL;
}

static bool called_by_its_address(const struct http_request *r)
{
    const char *host;
    return http_header(r, "Host", &host) == 1 && http_host_is(host, &r->local, r->local_port);
}

/* Sent by no web page but our own: browsers put Origin on each cross-origin POST. */
static bool same_origin(const struct http_request *r)
{
    const char *value;
    unsigned int n = http_header(r, "Origin", &value);
    if (n > 1 || (n == 1 && !http_origin_is(value, &r->local, r->local_port)))
        return false;
    n = http_header(r, "Sec-Fetch-Site", &value);
    return n == 0 || strcmp(value, "same-origin") == 0 || strcmp(value, "none") == 0;
}

static bool is_token(const struct http_request *r)
{
    const char *type;
    return http_header(r, "Content-Type", &type) == 1 &&
           strcasecmp(type, "application/eat+jwt") == 0;
}

static const struct http_refusal *portal_admit(void *arg, struct http_request *r)
{
    (void)arg;
    if (!called_by_its_address(r))
        return &WRONG_HOST;
    const struct route *route = route_of(r);
    if (!route)
        return &HTTP_NOT_FOUND;
    if (route->method != r->method)
        return &HTTP_BAD_METHOD;
    if (r->method != HTTP_POST)
        return NULL;
    if (!same_origin(r))
        return &WRONG_ORIGIN;
    return is_token(r) ? NULL : &WRONG_TYPE;
}

static void portal_handle(void *arg, struct http_request *r)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u8(&w, (uint8_t)route_of(r)->verb);
    put_addr(&w, &r->peer);
    put_blob(&w, r->body, r->body_len);
    http_engine_ask(arg, r, MSG_PORTAL, &w);
    writer_clear(&w);
}

static struct page_clock clock_of_page(struct tm *tm)
{
    time_t now = (time_t)clock_wall().s;
    if (!localtime_r(&now, tm))
        return (struct page_clock){.now = now, .utc_offset = 0, .zone = "UTC"};
    return (struct page_clock){.now = now, .utc_offset = tm->tm_gmtoff, .zone = tm->tm_zone};
}

static void answer_page(struct http_request *r, unsigned int status, const uint8_t *json,
                        size_t len)
{
    struct tm tm;
    struct page_clock now = clock_of_page(&tm);
    size_t page_len = 0;
    char *page =
        status == 200 ? page_me(json, len, &now, &page_len) : page_error(json, len, &page_len);
    if (page)
        http_answer(r, status, "text/html; charset=utf-8", page, page_len);
    else
        http_refuse(r, &HTTP_INTERNAL);
}

static void portal_reply(struct http_request *r, unsigned int status, const uint8_t *json,
                         size_t len)
{
    if (route_of(r)->page)
        answer_page(r, status, json, len);
    else
        http_engine_pass(r, status, json, len);
}

/* A person at the page reads a page, also when it is a refusal. */
static char *portal_render(void *arg, const struct http_request *r, const struct http_refusal *why,
                           size_t *len, const char **type)
{
    (void)arg;
    const struct route *route = route_of(r);
    if (!route || !route->page || r->method != HTTP_GET)
        return NULL;
    *type = "text/html; charset=utf-8";
    return page_sorry(why->code, why->message, why->hint, len);
}

/* Only our own style sheet, named by its hash. */
static void content_policy(char *out, size_t size)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];
    crypto_hash_sha256(hash, (const unsigned char *)PAGE_STYLE, strlen(PAGE_STYLE));
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    snprintf(out, size,
             "default-src 'none'; style-src 'sha256-%s'; base-uri 'none'; "
             "form-action 'none'; frame-ancestors 'none'",
             text);
}

/* Asked before anything is opened, which might take the number. */
static bool is_listener(int fd)
{
    int yes = 0;
    socklen_t n = sizeof yes;
    return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &yes, &n) == 0 && yes;
}

static void listen_all(struct http_server *s, bool with_v6)
{
    if (http_server_listen(s, FD_LISTEN) < 0)
        fatal("the portal's socket (descriptor %d) cannot be served", FD_LISTEN);
    if (with_v6 && http_server_listen(s, FD_LISTEN6) < 0)
        fatal("the portal's IPv6 socket (descriptor %d) cannot be served", FD_LISTEN6);
}

int portal_main(void)
{
    static char policy[256];
    bool with_v6 = is_listener(FD_LISTEN6);
    struct loop *loop = loop_new();
    struct http_engine engine;
    struct http_ops ops = {
        .admit = portal_admit,
        .handle = portal_handle,
        .render = portal_render,
        .allow = "GET, HEAD, POST",
        .content_policy = policy,
    };
    signal(SIGPIPE, SIG_IGN);
    unsetenv("TZ"); /* people read the box's own time; read once, before the cage */
    tzset();
    content_policy(policy, sizeof policy);
    http_engine_open(&engine, loop, ROLE_PORTAL, portal_reply);
    engine.server = http_server_new(loop, &LIMITS, &ops, &engine);
    listen_all(engine.server, with_v6);
    sandbox_enter(ROLE_PORTAL);
    http_engine_watch(&engine);
    loop_run(loop);
    http_server_free(engine.server);
    http_engine_close(&engine);
    return 0;
}
