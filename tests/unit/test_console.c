/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console role over TLS: files, sessions by cookie, what it demands of browsers, and events. */
#include "tests/unit/tls_peer.h"

#include "gateway/http_static.h"

static const uint8_t PAGE[] = "<!doctype html><title>Console</title>";
/* In place of the real ones. */
const struct http_static console_files[] = {
    {"/", "text/html; charset=utf-8", "\"abc\"", PAGE, PAGE + sizeof PAGE - 1},
    {"/app.js", "text/javascript; charset=utf-8", "\"def\"", PAGE, PAGE},
    {0}};

static struct role_under_test T;
static struct tls_identity ID;
static char HOST[64];

static int begin(void **state)
{
    (void)state;
    start_role(&T, listen_tcp(&T), -1, console_main);
    tls_show(&T, MSG_TLS_CONSOLE, &ID);
    snprintf(HOST, sizeof HOST, "127.0.0.1:%u",
             ntohs(((struct sockaddr_in *)&T.address)->sin_port));
    return 0;
}

static int end(void **state)
{
    (void)state;
    stop_role(&T);
    return 0;
}

struct asked {
    char session[SESSION_MAX + 1], path[513], query[1025];
    struct ip_addr peer;
    unsigned method;
    const uint8_t *body;
    size_t body_len;
    uint32_t seq;
};

static void hear_question(struct asked *a)
{
    struct message m;
    struct reader r;
    assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
    assert_int_equal(m.type, MSG_CONSOLE);
    reader_init(&r, m.body, m.len);
    get_text(&r, a->session, sizeof a->session);
    a->peer = get_addr(&r);
    a->method = get_u8(&r);
    get_text(&r, a->path, sizeof a->path);
    get_text(&r, a->query, sizeof a->query);
    a->body = get_blob(&r, &a->body_len, 2u << 20);
    assert_true(reader_done(&r));
    a->seq = m.seq;
}

static void say_answer(uint32_t seq, uint16_t status, const char *session, const char *json)
{
    struct writer w;
    writer_init(&w, CHANNEL_MESSAGE_MAX);
    put_u16(&w, status);
    put_text(&w, session);
    put_blob(&w, json, strlen(json));
    assert_return_code(channel_send(T.channel, MSG_CONSOLE_REPLY, seq, &w, -1), 0);
    writer_clear(&w);
}

/* A request line and headers behind it, with the right Host. */
static char *ask(const char *line, const char *headers)
{
    char q[4096];
    snprintf(q, sizeof q, "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", line, HOST, headers);
    return tls_ask(&T, q);
}

static void expect(const char *what, const char *line, const char *headers, int status)
{
    char *a = ask(line, headers);
    if (status_of(a) != status)
        fail_msg("%s: %s", what, a);
    free(a);
}

static void gives_its_files(void **state)
{
    (void)state;
    char *a = ask("GET /", "");
    assert_int_equal(status_of(a), 200);
    assert_string_equal(body_of(a), (const char *)PAGE);
    assert_non_null(strstr(a, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(a, "ETag: \"abc\"\r\n"));
    assert_non_null(strstr(a, "Cache-Control: no-cache\r\n"));
    assert_non_null(strstr(a, "Content-Security-Policy: default-src 'none'; script-src 'self';"));
    assert_non_null(strstr(a, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(a, "Referrer-Policy: no-referrer\r\n"));
    assert_non_null(strstr(a, "Strict-Transport-Security: max-age="));
    free(a);
    a = ask("GET /", "If-None-Match: \"abc\"\r\n");
    assert_int_equal(status_of(a), 304);
    assert_string_equal(body_of(a), "");
    free(a);
    expect("another ETag", "GET /", "If-None-Match: \"abd\"\r\n", 200);
    expect("an empty file", "GET /app.js", "", 200);
    expect("no such file", "GET /app.css", "", 404);
    expect("not by its own name", "GET /index.html", "", 404);
    expect("a file takes nothing", "POST /", "Content-Length: 0\r\n", 405);
    expect("no way up", "GET /../etc/passwd", "", 400);
}

static void carries_a_request_with_its_session(void **state)
{
    (void)state;
    struct tls_client c;
    struct asked a;
    char q[512];
    tls_dial(&c, &T);
    snprintf(q, sizeof q,
             "POST /v1/users/maria/revoke?x=1 HTTP/1.1\r\nHost: %s\r\nOrigin: https://%s\r\n"
             "Cookie: other=1; __Host-portcullis=abc-_9; last=2\r\nSec-Fetch-Site: same-origin\r\n"
             "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
             HOST, HOST);
    tls_say(&c, q, strlen(q));
    hear_question(&a);
    assert_string_equal(a.session, "abc-_9");
    assert_int_equal(a.method, CONTROL_POST);
    assert_string_equal(a.path, "/v1/users/maria/revoke");
    assert_string_equal(a.query, "x=1");
    assert_memory_equal(a.body, "{}", 2);
    assert_int_equal(a.peer.family, 4);
    say_answer(a.seq, 200, "", "{\"ok\":true}");
    char *answer = tls_hear_until(&c, "");
    assert_int_equal(status_of(answer), 200);
    assert_string_equal(body_of(answer), "{\"ok\":true}");
    assert_null(strstr(answer, "Set-Cookie"));
    assert_non_null(strstr(answer, "Cache-Control: no-store\r\n"));
    free(answer);
    tls_client_end(&c);
}

static char *answered(const char *session)
{
    struct tls_client c;
    struct asked a;
    char q[512];
    tls_dial(&c, &T);
    snprintf(q, sizeof q,
             "POST /v1/session HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\n"
             "Content-Length: 0\r\n\r\n",
             HOST);
    tls_say(&c, q, strlen(q));
    hear_question(&a);
    assert_string_equal(a.session, "");
    say_answer(a.seq, 200, session, "{}");
    char *answer = tls_hear_until(&c, "");
    tls_client_end(&c);
    return answer;
}

static void sets_and_drops_the_cookie(void **state)
{
    (void)state;
    char *a = answered("tok-EN_1");
    assert_non_null(strstr(a, "Set-Cookie: __Host-portcullis=tok-EN_1; Path=/; Secure; HttpOnly; "
                              "SameSite=Strict\r\n"));
    free(a);
    a = answered("-");
    assert_non_null(strstr(a, "Set-Cookie: __Host-portcullis=; Path=/; Secure; HttpOnly; "
                              "SameSite=Strict; Max-Age=0\r\n"));
    free(a);
}

static void a_cookie_that_is_none(void **state)
{
    static const char *const headers[] = {
        "Cookie: __Host-portcullis=a b\r\n",
        "Cookie: __Host-portcullis=\r\n",
        "Cookie: __Host-portcullis=one; __Host-portcullis=two\r\n",
        "Cookie: __Host-portcullis=one\r\nCookie: a=b\r\n",
        "Cookie: x__Host-portcullis=one\r\n",
        "Cookie: __Host-portcullisx=one\r\n",
        "Cookie: __Host-portcullis=0123456789012345678901234567890123456789012345678901234567890123x\r\n",
    };
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        struct tls_client c;
        struct asked a;
        char q[512];
        tls_dial(&c, &T);
        snprintf(q, sizeof q, "GET /v1/session HTTP/1.1\r\nHost: %s\r\n%s\r\n", HOST, headers[i]);
        tls_say(&c, q, strlen(q));
        hear_question(&a);
        if (a.session[0])
            fail_msg("%s: %s", headers[i], a.session);
        say_answer(a.seq, 401, "", "{}");
        free(tls_hear_until(&c, ""));
        tls_client_end(&c);
    }
}

static void demands_of_browsers(void **state)
{
    static const struct { const char *what, *line, *headers; int status; } cases[] = {
        {"another site", "POST /v1/x", "Origin: https://evil.example\r\nContent-Type: application/json\r\nContent-Length: 0\r\n", 403},
        {"the same name without TLS", "POST /v1/x", "Origin: http://access.example.com\r\nContent-Type: application/json\r\nContent-Length: 0\r\n", 403},
        {"no origin at all", "POST /v1/x", "Origin: null\r\nContent-Type: application/json\r\nContent-Length: 0\r\n", 403},
        {"two origins", "POST /v1/x", "Origin: null\r\nOrigin: null\r\nContent-Type: application/json\r\nContent-Length: 0\r\n", 403},
        {"the browser says cross-site", "DELETE /v1/x", "Sec-Fetch-Site: cross-site\r\n", 403},
        {"and same-site", "PUT /v1/x", "Sec-Fetch-Site: same-site\r\nContent-Type: application/json\r\nContent-Length: 0\r\n", 403},
        {"reading from elsewhere", "GET /v1/users", "Sec-Fetch-Site: cross-site\r\n", 403},
        {"a form", "POST /v1/x", "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 3\r\n\r\na=b", 415},
        {"text", "PUT /v1/x", "Content-Type: text/plain\r\nContent-Length: 0\r\n", 415},
        {"JSON as a policy", "POST /v1/policy/apply", "Content-Type: application/json\r\nContent-Length: 0\r\n", 415},
        {"text as a policy", "POST /v1/policy/check", "Content-Type: text/plain\r\nContent-Length: 0\r\n", 415},
        {"a policy as JSON", "POST /v1/x", "Content-Type: application/x-portcullis-policy\r\nContent-Length: 0\r\n", 415},
        {"without a type", "POST /v1/x", "Content-Length: 0\r\n", 415},
        {"a method of others", "PATCH /v1/x", "", 405},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        expect(cases[i].what, cases[i].line, cases[i].headers, cases[i].status);
}

static void is_called_by_its_names(void **state)
{
    static const struct { const char *host; int status; } cases[] = {
        {"access.example.com", 421}, {"evil.example", 421}, {"127.0.0.1", 421}, {"", 421},
    };
    char q[256];
    unsigned port = ntohs(((struct sockaddr_in *)&T.address)->sin_port);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        snprintf(q, sizeof q, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", cases[i].host);
        char *a = tls_ask(&T, q);
        if (status_of(a) != cases[i].status)
            fail_msg("%s: %s", cases[i].host, a);
        free(a);
    }
    static const char *const good[] = {"access.example.com", "ACCESS.Example.com", TLS_HOST, "127.0.0.1"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        snprintf(q, sizeof q, "GET / HTTP/1.1\r\nHost: %s:%u\r\n\r\n", good[i], port);
        char *a = tls_ask(&T, q);
        if (status_of(a) != 200)
            fail_msg("%s: %s", good[i], a);
        free(a);
    }
    char *a = tls_ask(&T, "GET / HTTP/1.1\r\nHost: access.example.com:443\r\n\r\n");
    assert_int_equal(status_of(a), 421);
    free(a);
}

/* ---- events --------------------------------------------------------------------------------- */

static void stream_begin(struct tls_client *c, const char *headers)
{
    char q[512];
    tls_dial(c, &T);
    snprintf(q, sizeof q,
             "GET /v1/events?after=7 HTTP/1.1\r\nHost: %s\r\nCookie: __Host-portcullis=s1\r\n"
             "Accept: text/event-stream\r\n%s\r\n", HOST, headers);
    tls_say(c, q, strlen(q));
}

static void streams_events(void **state)
{
    (void)state;
    struct tls_client c;
    struct asked a;
    stream_begin(&c, "");
    hear_question(&a);
    assert_string_equal(a.path, "/v1/events");
    assert_string_equal(a.query, "after=7");
    assert_string_equal(a.session, "s1");
    say_answer(a.seq, 200, "", "{\"items\":[{\"seq\":8,\"text\":\"a\\nb\"}],\"last\":8}");
    char *t = tls_hear_until(&c, "data: {\"seq\":8,\"text\":\"a\\nb\"}\n\n");
    assert_int_equal(status_of(t), 200);
    assert_non_null(strstr(t, "Content-Type: text/event-stream\r\n"));
    assert_non_null(strstr(t, "id: 8\ndata: "));
    free(t);
    hear_question(&a);          /* a second later, by itself */
    assert_string_equal(a.query, "after=8&limit=200");
    assert_string_equal(a.session, "s1");
    say_answer(a.seq, 200, "", "{\"items\":[],\"last\":8}");
    hear_question(&a);
    assert_string_equal(a.query, "after=8&limit=200");
    say_answer(a.seq, 200, "", "{\"items\":[{\"seq\":9},{\"seq\":10}],\"last\":10}");
    free(tls_hear_until(&c, "id: 10\n"));
    hear_question(&a);
    assert_string_equal(a.query, "after=10&limit=200");
    say_answer(a.seq, 401, "", "{}");
    free(tls_hear_until(&c, ""));   /* the end */
    tls_client_end(&c);
    struct message m;
    assert_int_equal(engine_hears(&T, &m, 1500), 0);
}

static void a_stream_goes_on_where_it_was(void **state)
{
    (void)state;
    struct tls_client c;
    struct asked a;
    stream_begin(&c, "Last-Event-ID: 41\r\n");
    hear_question(&a);
    assert_string_equal(a.query, "after=41");
    say_answer(a.seq, 401, "", "{\"error\":{}}");
    char *t = tls_hear_until(&c, "");
    assert_int_equal(status_of(t), 401);
    free(t);
    tls_client_end(&c);
    stream_begin(&c, "Last-Event-ID: 41&limit=5000\r\n");
    hear_question(&a);
    assert_string_equal(a.query, "after=7");
    say_answer(a.seq, 401, "", "{\"error\":{}}");
    free(tls_hear_until(&c, ""));
    tls_client_end(&c);
}

#define STREAMS 32
static void streams_are_bounded_and_end_with_their_readers(void **state)
{
    (void)state;
    static struct tls_client c[STREAMS + 1];
    struct asked a;
    struct message m;
    for (size_t i = 0; i <= STREAMS; i++) {
        stream_begin(&c[i], "");
        do
            hear_question(&a);
        while (strcmp(a.query, "after=7") != 0 &&
               (say_answer(a.seq, 200, "", "{\"items\":[],\"last\":7}"), true));
        say_answer(a.seq, 200, "", "{\"items\":[],\"last\":7}");
        char *t = tls_hear_until(&c[i], "retry: 3000\n\n");
        if (status_of(t) != (i < STREAMS ? 200 : 503))
            fail_msg("stream %zu: %s", i, t);
        free(t);
        if (i == STREAMS)
            break;
    }
    for (size_t i = 0; i <= STREAMS; i++)
        tls_client_end(&c[i]);
    /* The comments find nobody there. */
    int64_t until = clock_boot_ms() + 15000;
    size_t heard = 1;
    while (clock_boot_ms() < until && heard > 0) {
        int64_t second = clock_boot_ms() + 1500;
        for (heard = 0; clock_boot_ms() < second && engine_hears(&T, &m, 1500) == 1; heard++)
            say_answer(m.seq, 200, "", "{\"items\":[],\"last\":7}");
    }
    assert_int_equal(heard, 0);
}

/* Who asks for the headers alone gets them, and is no reader. */
static void headers_of_a_stream(void **state)
{
    (void)state;
    struct tls_client c;
    struct asked a;
    struct message m;
    char q[256];
    tls_dial(&c, &T);
    snprintf(q, sizeof q, "HEAD /v1/events HTTP/1.1\r\nHost: %s\r\nAccept: text/event-stream\r\n\r\n", HOST);
    tls_say(&c, q, strlen(q));
    hear_question(&a);
    say_answer(a.seq, 200, "", "{\"items\":[],\"last\":7}");
    char *t = tls_hear_until(&c, "");
    assert_int_equal(status_of(t), 200);
    assert_string_equal(body_of(t), "");
    free(t);
    tls_client_end(&c);
    assert_int_equal(engine_hears(&T, &m, 2500), 0);
}

/* The role ends in order, as begin and end ask, while a stream sleeps; its reader hears the end. */
static void ends_with_a_stream_open(void **state)
{
    (void)state;
    struct tls_client c;
    struct asked a;
    stream_begin(&c, "");
    hear_question(&a);
    say_answer(a.seq, 200, "", "{\"items\":[],\"last\":7}");
    free(tls_hear_until(&c, "retry: 3000\n\n"));
    usleep(100000);
    stop_role(&T);
    free(tls_hear_until(&c, ""));
    tls_client_end(&c);
    begin(NULL);
}

/* A reader that takes nothing is not waited for. */
static void a_reader_that_takes_nothing(void **state)
{
    (void)state;
    enum { LONG = 600000 };
    static char items[LONG + 1000];
    struct tls_client c;
    struct asked a;
    struct message m;
    int64_t began;
    size_t n = (size_t)snprintf(items, sizeof items, "{\"items\":[{\"seq\":8,\"text\":\"");
    memset(items + n, 'x', LONG);
    snprintf(items + n + LONG, 100, "\"}],\"last\":8}");
    const int small = 4096;
    stream_begin(&c, "");
    setsockopt(c.fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    hear_question(&a);
    long before = resident_kib(&T);
    say_answer(a.seq, 200, "", items);
    for (began = clock_boot_ms(); clock_boot_ms() - began < 20000;) {
        if (engine_hears(&T, &m, 2500) != 1)
            break;
        say_answer(m.seq, 200, "", items);
    }
    assert_true(clock_boot_ms() - began < 20000);
    assert_true(grown_below(&T, before, 8 << 10));
    tls_client_end(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(gives_its_files, begin, end),
        cmocka_unit_test_setup_teardown(carries_a_request_with_its_session, begin, end),
        cmocka_unit_test_setup_teardown(sets_and_drops_the_cookie, begin, end),
        cmocka_unit_test_setup_teardown(a_cookie_that_is_none, begin, end),
        cmocka_unit_test_setup_teardown(demands_of_browsers, begin, end),
        cmocka_unit_test_setup_teardown(is_called_by_its_names, begin, end),
        cmocka_unit_test_setup_teardown(streams_events, begin, end),
        cmocka_unit_test_setup_teardown(a_stream_goes_on_where_it_was, begin, end),
        cmocka_unit_test_setup_teardown(streams_are_bounded_and_end_with_their_readers, begin, end),
        cmocka_unit_test_setup_teardown(headers_of_a_stream, begin, end),
        cmocka_unit_test_setup_teardown(ends_with_a_stream_open, begin, end),
        cmocka_unit_test_setup_teardown(a_reader_that_takes_nothing, begin, end),
    };
    signal(SIGPIPE, SIG_IGN);
    tls_identity_for_tests(&ID);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tls_identity_clear(&ID);
    return failed;
}
