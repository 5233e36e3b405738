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
#include <time.h>

#include "gateway/clock.h"
#include "gateway/form.h"
#include "gateway/http_engine.h"
#include "gateway/http_role.h"
#include "gateway/http_static.h"
#include "gateway/log.h"
#include "gateway/page.h"
#include "gateway/page_history.h"
#include "gateway/page_passkeys.h"
#include "gateway/page_policy.h"
#include "gateway/page_sign_in.h"
#include "gateway/role.h"
#include "gateway/text.h"

#define TOKEN_MAX 8192
#define FIELD_MAX 1024           /* bytes of one field of a form */
#define BEFORE_MAX 48            /* bytes that say where a page of a list ended */

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
static const struct http_refusal WRONG_FORM_TYPE = {
    415,
    "wrong_type",
    "A form has the type application/x-www-form-urlencoded.",
    "Send it with the page's own button.",
};
/* Content-Security-Policy of pages without a script, and with one. */
static char policy[256], script_policy[320];

/* What a person may see of these is in words of the catalogue: refusals_in_words(). */
static struct http_refusal BAD_FORM = {400, "bad_form", NULL, NULL};
static struct http_refusal NOT_THE_SAME = {422, "not_the_same", NULL, NULL};

static void refusals_in_words(void)
{
    BAD_FORM.message = text_of(TEXT_BAD_FORM);
    BAD_FORM.hint = text_of(TEXT_BAD_FORM_HINT);
    NOT_THE_SAME.message = text_of(TEXT_NOT_THE_SAME);
    NOT_THE_SAME.hint = text_of(TEXT_NOT_THE_SAME_HINT);
}

enum page_kind { PAGE_NONE = 0, PAGE_ME, PAGE_SIGN_IN, PAGE_SIGNED_IN, PAGE_SET_UP, PAGE_FACTOR,
                 PAGE_RECOVERY, PAGE_LOST, PAGE_GONE, PAGE_POLICY, PAGE_ACKNOWLEDGED,
                 PAGE_SESSIONS, PAGE_DENIALS, PAGE_PASSKEYS };

/* A form's fields, one or two, go to the engine as typed; `again` must be the same as the second.
 * Of a list with pages, where the page before ended. */
static const struct route {
    const char *path;
    enum http_method method;
    enum portal_verb verb;
    enum page_kind page;
    const char *field[2], *again;
    const char *form;            /* where the form, or the list, is */
    bool paged;
    bool json;                   /* what comes is JSON of our own script */
} ROUTES[] = {
    {"/", HTTP_GET, PORTAL_ME, .page = PAGE_ME},
    {"/v1/me", HTTP_GET, PORTAL_ME, .page = PAGE_NONE},
    {"/v1/nonce", HTTP_GET, PORTAL_NONCE, .page = PAGE_NONE},
    {"/v1/posture", HTTP_POST, PORTAL_POSTURE, .page = PAGE_NONE},
    {"/sign-in", HTTP_GET, PORTAL_ME, .page = PAGE_SIGN_IN},
    {"/sign-in", HTTP_POST, PORTAL_SIGN_IN, .page = PAGE_SIGNED_IN,
     .field = {"passphrase", "code"}, .form = "/sign-in"},
    {"/v1/sign-in", HTTP_POST, PORTAL_SIGN_IN, .page = PAGE_NONE, .field = {"passphrase", "code"}},
    {"/set-up", HTTP_GET, PORTAL_ME, .page = PAGE_SET_UP},
    {"/set-up", HTTP_POST, PORTAL_SET_UP, .page = PAGE_FACTOR,
     .field = {"code", "passphrase"}, .again = "again", .form = "/set-up"},
    {"/set-up/confirm", HTTP_POST, PORTAL_CONFIRM, .page = PAGE_RECOVERY,
     .field = {"code", "totp"}, .form = "/set-up"},
    {"/sessions", HTTP_GET, PORTAL_SESSIONS, .page = PAGE_SESSIONS, .form = "/sessions",
     .paged = true},
    {"/denials", HTTP_GET, PORTAL_DENIALS, .page = PAGE_DENIALS, .form = "/denials", .paged = true},
    {"/lost", HTTP_GET, PORTAL_ME, .page = PAGE_LOST},
    {"/lost", HTTP_POST, PORTAL_LOST, .page = PAGE_GONE,
     .field = {"device", "passphrase"}, .form = "/lost"},
    {"/policy", HTTP_GET, PORTAL_POLICY, .page = PAGE_POLICY},
    {"/policy", HTTP_POST, PORTAL_ACKNOWLEDGE, .page = PAGE_ACKNOWLEDGED,
     .field = {"sha256"}, .form = "/policy"},
    {"/passkeys", HTTP_GET, PORTAL_PASSKEYS, .page = PAGE_PASSKEYS},
    {"/v1/passkeys", HTTP_GET, PORTAL_PASSKEYS, .page = PAGE_NONE},
    {"/v1/passkeys/new", HTTP_POST, PORTAL_PASSKEY_NEW, .json = true},
    {"/v1/passkeys/add", HTTP_POST, PORTAL_PASSKEY_ADD, .json = true},
    {"/v1/passkeys/ask", HTTP_POST, PORTAL_PASSKEY_ASK, .json = true},
    {"/v1/passkeys/sign-in", HTTP_POST, PORTAL_PASSKEY_SIGN_IN, .json = true},
    {"/passkeys/rename", HTTP_POST, PORTAL_PASSKEY_RENAME, .page = PAGE_PASSKEYS,
     .field = {"id", "name"}, .form = "/passkeys"},
    {"/passkeys/remove", HTTP_POST, PORTAL_PASSKEY_REMOVE, .page = PAGE_PASSKEYS,
     .field = {"id", "name"}, .form = "/passkeys"},
};

/* The route of path and method; with HTTP_OTHER for the method, the first of the path. */
static const struct route *find_route(const struct http_request *r, enum http_method m)
{
    for (size_t i = 0; i < sizeof ROUTES / sizeof *ROUTES; i++)
        if (strcmp(ROUTES[i].path, r->target.path) == 0 &&
            (m == HTTP_OTHER || ROUTES[i].method == m))
            return &ROUTES[i];
    return NULL;
}

static const struct route *route_of(const struct http_request *r)
{
    return find_route(r, r->method);
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
    return http_role_own_fetch(r);
}

static const struct http_refusal *portal_admit(void *arg, struct http_request *r)
{
    const struct http_engine *engine = arg;
    const struct http_refusal *why = r->tls ? http_role_host(engine, r) : NULL;
    if (http_role_by_name(engine, r))
        return NULL;
    if (why || (!r->tls && !called_by_its_address(r)))
        return why ? why : &WRONG_HOST;
    const struct route *route = route_of(r);
    if (!route && http_static_find(portal_files, r->target.path))
        return r->method == HTTP_GET ? NULL : &HTTP_BAD_METHOD;
    if (!route)
        return find_route(r, HTTP_OTHER) ? &HTTP_BAD_METHOD : &HTTP_NOT_FOUND;
    if (r->method != HTTP_POST)
        return NULL;
    why = r->tls ? http_role_same_origin(engine, r) : NULL;
    if (why || (!r->tls && !same_origin(r)))
        return why ? why : &WRONG_ORIGIN;
    if (route->json)
        return http_role_json(r);
    if (route->field[0])
        return http_role_typed(r, "application/x-www-form-urlencoded") ? NULL : &WRONG_FORM_TYPE;
    return http_role_typed(r, "application/eat+jwt") ? NULL : &WRONG_TYPE;
}

/* The typed fields of a form, as the engine wants them; NULL, or why they are refused. */
static const struct http_refusal *put_fields(const struct http_request *r, const struct route *route,
                                             struct writer *w)
{
    char typed[2][FIELD_MAX];
    const struct http_refusal *why = NULL;
    size_t n = 0, again;
    for (size_t i = 0; i < 2 && route->field[i] && !why; i++) {
        if (form_get(r->body, r->body_len, route->field[i], typed[i], FIELD_MAX, &n))
            put_blob(w, typed[i], n);
        else
            why = &BAD_FORM;
    }
    if (!why && route->again &&
        (!form_get(r->body, r->body_len, route->again, typed[0], FIELD_MAX, &again) ||
         again != n || sodium_memcmp(typed[0], typed[1], n) != 0))
        why = &NOT_THE_SAME;
    sodium_memzero(typed, sizeof typed);
    return why;
}

/* Where the page before ended, from the query; nothing at the beginning. */
static const struct http_refusal *put_before(const struct http_request *r, struct writer *w)
{
    char before[BEFORE_MAX];
    const char *query = r->target.query;
    size_t n = 0;

    if (query[0] != '\0' &&
        !form_get((const uint8_t *)query, strlen(query), "before", before, sizeof before, &n))
        return &BAD_FORM;
    put_blob(w, before, n);
    return NULL;
}

static void portal_handle(void *arg, struct http_request *r)
{
    const struct route *route = route_of(r);
    const struct http_refusal *why = NULL;
    struct writer w, fields;
    if (http_role_by_name(arg, r)) {
        http_role_to_tls(arg, r);
        return;
    }
    if (!route) {
        http_static_answer(r, http_static_find(portal_files, r->target.path));
        return;
    }
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    writer_init(&fields, 4 * FIELD_MAX);
    put_u8(&w, (uint8_t)route->verb);
    put_addr(&w, &r->peer);
    if (route->field[0]) {
        why = put_fields(r, route, &fields);
        put_blob(&w, fields.v, fields.n);
    } else if (route->paged) {
        why = put_before(r, &w);
    } else {
        put_blob(&w, r->body, r->body_len);
    }
    if (why)
        http_refuse(r, why);
    else
        http_engine_ask(arg, r, MSG_PORTAL, &w);
    writer_clear(&fields);
    writer_clear(&w);
}

static struct page_clock clock_of_page(struct tm *tm)
{
    time_t now = (time_t)clock_wall().s;
    if (!localtime_r(&now, tm))
        return (struct page_clock){.now = now, .utc_offset = 0, .zone = "UTC"};
    return (struct page_clock){.now = now, .utc_offset = tm->tm_gmtoff, .zone = tm->tm_zone};
}

/* Opened by the gateway's name: where passkeys are. */
static bool called_by_its_name(const struct http_engine *e, const struct http_request *r)
{
    const char *host;
    size_t n = strlen(e->name);
    return r->tls && n > 0 && http_header(r, "Host", &host) == 1 &&
           strncasecmp(host, e->name, n) == 0 && (host[n] == '\0' || host[n] == ':');
}

static char *page_of_passkeys(const struct http_engine *e, const struct http_request *r,
                              const uint8_t *json, size_t len, size_t *page_len)
{
    struct tm tm;
    struct page_clock now = clock_of_page(&tm);
    return page_passkeys(json, len, &now, called_by_its_name(e, r), page_len);
}

/* The pages that say times. */
static char *page_of_time(enum page_kind kind, const uint8_t *json, size_t len, size_t *page_len)
{
    struct tm tm;
    struct page_clock now = clock_of_page(&tm);
    if (kind == PAGE_SESSIONS)
        return page_sessions(json, len, &now, page_len);
    if (kind == PAGE_DENIALS)
        return page_denials(json, len, &now, page_len);
    return page_me(json, len, &now, page_len);
}

static char *page_of_policy(const uint8_t *json, size_t len, size_t *page_len)
{
    struct tm tm;
    struct page_clock now = clock_of_page(&tm);
    return page_policy(json, len, &now, page_len);
}

static char *page_of_factor(const struct http_request *r, const uint8_t *json, size_t len,
                            size_t *page_len)
{
    char code[FIELD_MAX + 1];
    size_t n;
    if (!form_get(r->body, r->body_len, "code", code, FIELD_MAX, &n))
        return NULL;
    code[n] = '\0';
    char *page = page_factor(json, len, code, page_len);
    sodium_memzero(code, sizeof code);
    return page;
}

static char *make_page(const struct http_engine *e, const struct http_request *r,
                       const uint8_t *json, size_t len, size_t *page_len)
{
    switch (route_of(r)->page) {
    case PAGE_SIGN_IN:
        return page_sign_in(json, len, called_by_its_name(e, r), page_len);
    case PAGE_SIGNED_IN:
        return page_signed_in(json, len, page_len);
    case PAGE_SET_UP:
        return page_set_up(json, len, page_len);
    case PAGE_FACTOR:
        return page_of_factor(r, json, len, page_len);
    case PAGE_RECOVERY:
        return page_recovery(json, len, page_len);
    case PAGE_LOST:
        return page_lost(json, len, page_len);
    case PAGE_GONE:
        return page_gone(json, len, page_len);
    case PAGE_POLICY:
        return page_of_policy(json, len, page_len);
    case PAGE_ACKNOWLEDGED:
        return page_acknowledged(json, len, page_len);
    case PAGE_PASSKEYS:
        return page_of_passkeys(e, r, json, len, page_len);
    case PAGE_ME:
    case PAGE_SESSIONS:
    case PAGE_DENIALS:
    case PAGE_NONE:
        break;
    }
    return page_of_time(route_of(r)->page, json, len, page_len);
}

static bool has_script(enum page_kind p) { return p == PAGE_SIGN_IN || p == PAGE_PASSKEYS; }

static void answer_page(const struct http_engine *e, struct http_request *r, unsigned int status,
                        const uint8_t *json, size_t len)
{
    size_t page_len = 0;
    const struct http_extra with_script = {.content_policy = script_policy};
    char *page = status == 200 ? make_page(e, r, json, len, &page_len)
                               : page_error(json, len, route_of(r)->form, &page_len);
    if (page)
        http_answer_with(r, status, "text/html; charset=utf-8", page, page_len,
                         r->tls && has_script(route_of(r)->page) ? &with_script : NULL);
    else
        http_refuse(r, &HTTP_INTERNAL);
}

static void portal_reply(struct http_engine *e, struct http_request *r, unsigned int status,
                         const uint8_t *json, size_t len)
{
    if (route_of(r)->page)
        answer_page(e, r, status, json, len);
    else
        http_engine_pass(e, r, status, json, len);
}

/* A person at the page reads a page, also when it is a refusal. */
static char *portal_render(void *arg, const struct http_request *r, const struct http_refusal *why,
                           size_t *len, const char **type)
{
    (void)arg;
    const struct route *route = route_of(r);
    if (!route || !route->page)
        return NULL;
    *type = "text/html; charset=utf-8";
    return page_sorry(why->code, why->message, why->hint, route->form, len);
}

/* Only our own style sheet, named by its hash; on some pages our script, which asks us alone. */
static void content_policy(char *out, size_t size, const char *scripts)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)];
    crypto_hash_sha256(hash, (const unsigned char *)PAGE_STYLE, strlen(PAGE_STYLE));
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    snprintf(out, size,
             "default-src 'none'; %sstyle-src 'sha256-%s'; base-uri 'none'; "
             "form-action 'self'; frame-ancestors 'none'",
             scripts, text);
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
    bool with_v6 = http_role_listener(FD_LISTEN6); /* before something else takes the numbers */
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
    refusals_in_words();
    unsetenv("TZ"); /* people read the box's own time; read once, before the cage */
    tzset();
    content_policy(policy, sizeof policy, "");
    content_policy(script_policy, sizeof script_policy, "script-src 'self'; connect-src 'self'; ");
    http_engine_open(&engine, loop, ROLE_PORTAL, portal_reply);
    http_role_doors(&engine, FD_TLS, FD_TLS6);
    engine.server = http_server_new(loop, &LIMITS, &ops, &engine);
    listen_all(engine.server, with_v6);
    sandbox_enter(ROLE_PORTAL);
    http_engine_watch(&engine);
    loop_run(loop);
    http_server_free(engine.server);
    http_engine_close(&engine);
    return 0;
}
