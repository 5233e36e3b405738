/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The portal role: who may ask what, in which form, and that slow or hostile clients stay small. */
#include "tests/unit/http_peer.h"

#include <sodium.h>
#include <time.h>

#include "gateway/page.h"

static struct role_under_test T;
static char HOST[64]; /* the portal's own address with its port */

static int begin(void **state)
{
    (void)state;
    struct sockaddr_in a;
    start_role(&T, listen_tcp(&T), -1, portal_main);
    memcpy(&a, &T.address, sizeof a);
    snprintf(HOST, sizeof HOST, "127.0.0.1:%u", ntohs(a.sin_port));
    return 0;
}

static int end(void **state)
{
    (void)state;
    stop_role(&T);
    return 0;
}

struct question {
    uint8_t verb;
    struct ip_addr peer;
    const uint8_t *body;
    size_t body_len;
};

static uint32_t hear_question(struct question *q)
{
    struct message m;
    struct reader r;
    assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
    assert_int_equal(m.type, MSG_PORTAL);
    reader_init(&r, m.body, m.len);
    q->verb = get_u8(&r);
    q->peer = get_addr(&r);
    q->body = get_blob(&r, &q->body_len, 8193);
    assert_true(reader_done(&r));
    return m.seq;
}

static int ask(const char *line, const char *headers, const char *body, size_t len)
{
    char q[2048];
    int fd = dial(&T);
    int n = snprintf(q, sizeof q, "%s HTTP/1.1\r\nHost: %s\r\n%s\r\n", line, HOST, headers);
    say(fd, q, (size_t)n);
    if (len > 0)
        say(fd, body, len);
    return fd;
}

static void carries_each_verb(void **state)
{
    (void)state;
    static const struct {
        const char *line, *headers;
        uint8_t verb;
    } cases[] = {
        {"GET /v1/nonce", "", PORTAL_NONCE},
        {"GET /v1/me", "", PORTAL_ME},
        {"HEAD /v1/me", "", PORTAL_ME},
        {"POST /v1/posture", "Content-Type: application/eat+jwt\r\nContent-Length: 5\r\n",
         PORTAL_POSTURE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct question q;
        bool head = cases[i].line[0] == 'H';
        int fd =
            ask(cases[i].line, cases[i].headers, "a.b.c", cases[i].verb == PORTAL_POSTURE ? 5 : 0);
        uint32_t seq = hear_question(&q);
        assert_int_equal(q.verb, cases[i].verb);
        assert_int_equal(q.peer.family, 4);
        assert_memory_equal(q.peer.b, "\x7f\0\0\1", 4);
        assert_int_equal(q.body_len, q.verb == PORTAL_POSTURE ? 5 : 0);
        assert_memory_equal(q.body, "a.b.c", q.body_len);
        engine_says(&T, MSG_PORTAL_REPLY, seq, 403, "{\"result\": \"quarantine\"}");
        char *a = hear(fd, WAIT_MS);
        assert_int_equal(status_of(a), 403);
        assert_string_equal(body_of(a), head ? "" : "{\"result\": \"quarantine\"}");
        free(a);
        close(fd);
    }
}

/* A form of one field: the engine gets what was typed, as a blob in the blob. */
static void a_signature(void **state)
{
    (void)state;
    static const struct { const char *line, *type, *body; int status; } cases[] = {
        {"POST /policy", "application/x-www-form-urlencoded", "sha256=ab%30c", 200},
        {"POST /policy", "application/x-www-form-urlencoded", "sha512=ab0c", 400},
        {"POST /policy", "text/plain", "sha256=ab%30c", 415},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char headers[128];
        struct question q;
        snprintf(headers, sizeof headers, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                 cases[i].type, strlen(cases[i].body));
        int fd = ask(cases[i].line, headers, cases[i].body, strlen(cases[i].body));
        if (cases[i].status == 200) {
            uint32_t seq = hear_question(&q);
            assert_int_equal(q.verb, PORTAL_ACKNOWLEDGE);
            struct reader r;
            size_t n;
            reader_init(&r, q.body, q.body_len);
            const uint8_t *typed = get_blob(&r, &n, 64);
            assert_true(reader_done(&r));
            assert_int_equal(n, 4);
            assert_memory_equal(typed, "ab0c", 4);
            engine_says(&T, MSG_PORTAL_REPLY, seq, 200, "{\"user\": \"maria\", \"version\": 7}");
        }
        char *a = hear(fd, WAIT_MS);
        assert_int_equal(status_of(a), cases[i].status);
        assert_non_null(strstr(a, "text/html"));
        assert_non_null(strstr(a, cases[i].status == 200 ? "as maria" : "href=\"/policy\""));
        free(a);
        close(fd);
    }
}

/* What the page's script sends comes as JSON and from this page, and goes on as it is. */
static void a_script_s_questions(void **state)
{
    (void)state;
    static const struct { const char *line, *type, *more; int verb, status; } cases[] = {
        {"POST /v1/passkeys/new", "application/json", "", PORTAL_PASSKEY_NEW, 200},
        {"POST /v1/passkeys/add", "application/json", "", PORTAL_PASSKEY_ADD, 200},
        {"POST /v1/passkeys/ask", "application/json", "", PORTAL_PASSKEY_ASK, 200},
        {"POST /v1/passkeys/sign-in", "application/json", "", PORTAL_PASSKEY_SIGN_IN, 200},
        {"POST /v1/passkeys/sign-in", "application/x-www-form-urlencoded", "", 0, 415},
        {"POST /v1/passkeys/sign-in", "text/plain", "", 0, 415},
        {"POST /v1/passkeys/sign-in", "application/json", "Origin: https://evil.example\r\n", 0, 403},
        {"POST /v1/passkeys/add", "application/json", "Sec-Fetch-Site: cross-site\r\n", 0, 403},
        {"POST /v1/passkeys", "application/json", "", 0, 405},
        {"POST /passkey.js", "application/json", "", 0, 405},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char headers[192];
        struct question q;
        snprintf(headers, sizeof headers, "Content-Type: %s\r\nContent-Length: 8\r\n%s", cases[i].type,
                 cases[i].more);
        int fd = ask(cases[i].line, headers, "{\"a\":17}", 8);
        if (cases[i].status == 200) {
            uint32_t seq = hear_question(&q);
            assert_int_equal(q.verb, cases[i].verb);
            assert_int_equal(q.body_len, 8);
            assert_memory_equal(q.body, "{\"a\":17}", 8);
            engine_says(&T, MSG_PORTAL_REPLY, seq, 200, "{}");
        }
        char *a = hear(fd, WAIT_MS);
        if (status_of(a) != cases[i].status)
            fail_msg("%s (%s): %.40s", cases[i].line, cases[i].type, a);
        free(a);
        close(fd);
    }
}

/* Its script is there for the asking; no page that was opened by address may run one. */
static void the_script_itself(void **state)
{
    (void)state;
    struct question q;
    int fd = ask("GET /passkey.js", "", "", 0);
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    assert_non_null(strstr(a, "text/javascript"));
    assert_non_null(strstr(body_of(a), "navigator.credentials.get"));
    free(a);
    close(fd);
    fd = ask("GET /passkeys", "", "", 0);
    uint32_t seq = hear_question(&q);
    assert_int_equal(q.verb, PORTAL_PASSKEYS);
    engine_says(&T, MSG_PORTAL_REPLY, seq, 200, "{\"on\": true, \"site\": \"https://n/\", \"fresh\": true, "
                "\"user\": \"maria\", \"items\": [], \"most\": 8}");
    a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    assert_null(strstr(a, "script-src"));
    assert_null(strstr(a, "<script"));
    assert_non_null(strstr(a, "https://n/passkeys"));
    free(a);
    close(fd);
}

static void page_for_a_person(void **state)
{
    (void)state;
    struct question q;
    int fd = ask("GET /", "", "", 0);
    uint32_t seq = hear_question(&q);
    assert_int_equal(q.verb, PORTAL_ME);
    engine_says(&T, MSG_PORTAL_REPLY, seq, 200, "{\"state\": \"in\", \"user\": \"<maria>\"}");
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    assert_non_null(strstr(a, "Content-Type: text/html; charset=utf-8\r\n"));
    assert_non_null(strstr(a, "X-Content-Type-Options: nosniff\r\n"));
    assert_non_null(strstr(a, "Referrer-Policy: same-origin\r\n"));
    assert_non_null(strstr(a, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(a, "frame-ancestors 'none'"));
    assert_non_null(strstr(a, "<b>&lt;maria&gt;</b>"));

    /* The policy's hash is the hash of the style sheet that the page holds. */
    const char *style = strstr(a, "<style>");
    const char *style_end = strstr(a, "</style>");
    unsigned char hash[crypto_hash_sha256_BYTES];
    char text[64], want[128];
    assert_non_null(style);
    style += strlen("<style>");
    crypto_hash_sha256(hash, (const unsigned char *)style, (size_t)(style_end - style));
    sodium_bin2base64(text, sizeof text, hash, sizeof hash, sodium_base64_VARIANT_ORIGINAL);
    snprintf(want, sizeof want, "default-src 'none'; style-src 'sha256-%s';", text);
    assert_non_null(strstr(a, want));
    free(a);
    close(fd);
}

static void page_when_the_engine_refuses(void **state)
{
    (void)state;
    static const struct {
        uint16_t status;
        const char *json;
        int want;
        const char *has;
    } cases[] = {
        {404, "{\"error\":{\"code\":\"unknown\",\"message\":\"Who?\",\"hint\":\"Ask.\"}}", 404,
         "<p>Who?</p>"},
        {200, "[]", 500, "could not make an answer"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct question q;
        int fd = ask("GET /", "", "", 0);
        uint32_t seq = hear_question(&q);
        engine_says(&T, MSG_PORTAL_REPLY, seq, cases[i].status, cases[i].json);
        char *a = hear(fd, WAIT_MS);
        assert_int_equal(status_of(a), cases[i].want);
        assert_non_null(strstr(a, cases[i].has));
        free(a);
        close(fd);
    }
}

#define TOKEN "Content-Type: application/eat+jwt\r\n"

static void refusals(void **state)
{
    (void)state;
    static const struct {
        const char *what, *line, *headers;
        int status;
        const char *code;
    } cases[] = {
        {"unknown path", "GET /v1/users", "", 404, "not_found"},
        {"favicon", "GET /favicon.ico", "", 404, "not_found"},
        {"an admin's path", "POST /v1/users/a/revoke", "", 404, "not_found"},
        {"PUT", "PUT /v1/posture", "", 405, "bad_method"},
        {"DELETE", "DELETE /v1/me", "", 405, "bad_method"},
        {"OPTIONS", "OPTIONS /v1/posture", "", 405, "bad_method"},
        {"POST to a page", "POST /v1/me", "", 405, "bad_method"},
        {"GET of posture", "GET /v1/posture", "", 405, "bad_method"},
        {"cross-origin", "POST /v1/posture", TOKEN "Origin: http://evil.example\r\n", 403,
         "wrong_origin"},
        {"null origin", "POST /v1/posture", TOKEN "Origin: null\r\n", 403, "wrong_origin"},
        {"two origins", "POST /v1/posture",
         TOKEN "Origin: http://127.0.0.1\r\nOrigin: http://127.0.0.1\r\n", 403, "wrong_origin"},
        {"cross-site", "POST /v1/posture", TOKEN "Sec-Fetch-Site: cross-site\r\n", 403,
         "wrong_origin"},
        {"another type", "POST /v1/posture", "Content-Type: text/plain\r\n", 415, "wrong_type"},
        {"no type", "POST /v1/posture", "", 415, "wrong_type"},
        {"two hosts", "GET /v1/me", "Host: 127.0.0.1\r\n", 421, "wrong_host"},
        {"chunked", "POST /v1/posture", TOKEN "Transfer-Encoding: chunked\r\n", 411,
         "length_required"},
        {"CL and TE", "POST /v1/posture",
         TOKEN "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400, "bad_length"},
        {"TE and CL", "POST /v1/posture",
         TOKEN "Transfer-Encoding: xchunked\r\nContent-Length: 3\r\n", 400, "bad_length"},
        {"two CL", "POST /v1/posture", TOKEN "Content-Length: 3\r\nContent-Length: 4\r\n", 400,
         "bad_length"},
        {"too large", "POST /v1/posture", TOKEN "Content-Length: 8193\r\n", 413, "body_too_large"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char code[64];
        struct message m;
        static const char body[8193];
        bool large = strstr(cases[i].headers, "8193") != NULL;
        int fd = ask(cases[i].line, cases[i].headers, body, large ? sizeof body : 0);
        if (strstr(cases[i].headers, "Length") && !large)
            say(fd, "0\r\n\r\n", 5);
        char *a = hear(fd, WAIT_MS);
        snprintf(code, sizeof code, "{\"error\": {\"code\": \"%s\", \"message\": \"",
                 cases[i].code);
        if (status_of(a) != cases[i].status || strncmp(body_of(a), code, strlen(code)) != 0)
            fail_msg("%s: %s", cases[i].what, a);
        if (cases[i].status == 405)
            assert_non_null(strstr(a, "Allow: GET, HEAD, POST\r\n"));
        assert_int_equal(engine_hears(&T, &m, 0), 0);
        free(a);
        close(fd);
    }
}

static void wrong_hosts(void **state)
{
    (void)state;
    static const char *const hosts[] = {"evil.example", "127.0.0.1", "127.0.0.2:80",
                                        "localhost",    "[::1]",     "127.0.0.1:1"};
    for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
        char q[256];
        struct message m;
        int fd = dial(&T);
        int n = snprintf(q, sizeof q, "GET /v1/nonce HTTP/1.1\r\nHost: %s\r\n\r\n", hosts[i]);
        say(fd, q, (size_t)n);
        char *a = hear(fd, WAIT_MS);
        assert_int_equal(status_of(a), 421);
        assert_int_equal(engine_hears(&T, &m, 0), 0);
        free(a);
        close(fd);
    }
}

static void one_host_said_twice(void **state)
{
    (void)state;
    char again[128];
    struct message m;
    snprintf(again, sizeof again, "Host: %s\r\n", HOST);
    int fd = ask("GET /v1/nonce", again, "", 0);
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 421);
    assert_int_equal(engine_hears(&T, &m, 0), 0);
    free(a);
    close(fd);
}

static void own_origin_and_largest_token_pass(void **state)
{
    (void)state;
    char headers[256], body[8192];
    struct question q;
    memset(body, 't', sizeof body);
    snprintf(headers, sizeof headers, TOKEN "Origin: http://%s\r\nContent-Length: 8192\r\n", HOST);
    int fd = ask("POST /v1/posture", headers, body, sizeof body);
    uint32_t seq = hear_question(&q);
    assert_int_equal(q.body_len, sizeof body);
    assert_memory_equal(q.body, body, sizeof body);
    engine_says(&T, MSG_PORTAL_REPLY, seq, 200, "{}");
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    free(a);
    close(fd);
}

static void pipelined_requests_are_not_read(void **state)
{
    (void)state;
    char q[512];
    struct question one;
    struct message m;
    int fd = dial(&T);
    int n = snprintf(q, sizeof q,
                     "POST /v1/posture HTTP/1.1\r\nHost: %s\r\n" TOKEN
                     "Content-Length: 3\r\n\r\na.bGET /v1/nonce HTTP/1.1\r\nHost: %s\r\n\r\n",
                     HOST, HOST);
    say(fd, q, (size_t)n);
    uint32_t seq = hear_question(&one);
    assert_int_equal(one.body_len, 3);
    engine_says(&T, MSG_PORTAL_REPLY, seq, 200, "{}");
    char *a = hear(fd, WAIT_MS);
    assert_null(strstr(a + 1, "HTTP/1.1"));
    assert_int_equal(engine_hears(&T, &m, 50), 0);
    free(a);
    close(fd);
}

/* Binds the client to 127.0.0.x: another address for the portal. */
static int dial_from(uint32_t host)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + host)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_return_code(bind(fd, (const void *)&a, sizeof a), 0);
    assert_return_code(connect(fd, (const void *)&T.address, T.address_len), 0);
    return fd;
}

/* One address holds at most its share; another is served meanwhile. */
static void one_address_cannot_take_all(void **state)
{
    (void)state;
    enum { N = 600 };
    static int fd[N];
    int closed = 0;
    struct question q;
    char text[256], c;
    long before = resident_kib(&T);
    for (int i = 0; i < N; i++) {
        fd[i] = dial_from(2);
        say(fd[i], "GET / HTTP/1.1\r\nX: ", 19);
    }
    usleep(200000);
    for (int i = 0; i < N; i++)
        closed += recv(fd[i], &c, 1, MSG_DONTWAIT) != -1 || errno == ECONNRESET;
    assert_int_equal(closed, N - 16);
    int honest = dial_from(3);
    int n = snprintf(text, sizeof text, "GET /v1/me HTTP/1.1\r\nHost: %s\r\n\r\n", HOST);
    say(honest, text, (size_t)n);
    uint32_t seq = hear_question(&q);
    assert_int_equal(q.peer.b[3], 3);
    engine_says(&T, MSG_PORTAL_REPLY, seq, 200, "{}");
    char *a = hear(honest, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    assert_true(grown_below(&T, before, 2048));
    free(a);
    close(honest);
    for (int i = 0; i < N; i++)
        close(fd[i]);
}

/* 1,000 from many addresses: memory stays bounded, and when they go the portal serves again. */
static void thousand_connections(void **state)
{
    (void)state;
    enum { N = 1000 };
    static int fd[N];
    struct question q;
    long before = resident_kib(&T);
    for (int i = 0; i < N; i++) {
        fd[i] = dial_from(10 + (uint32_t)i % 100);
        say(fd[i], "GET / HTTP/1.1\r\nX: ", 19);
    }
    usleep(200000);
    assert_true(grown_below(&T, before, 12 * 1024));
    for (int i = 0; i < N; i++)
        close(fd[i]);
    usleep(100000);
    int honest = ask("GET /v1/me", "", "", 0);
    engine_says(&T, MSG_PORTAL_REPLY, hear_question(&q), 200, "{}");
    char *a = hear(honest, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    free(a);
    close(honest);
}

/* Both families on one loop; the peer's address goes to the engine as it is. */
static void v6_beside_v4(void **state)
{
    (void)state;
    struct role_under_test four, six;
    struct sockaddr_in6 a;
    struct message m;
    int l6 = listen_tcp6(&six);
    if (l6 < 0) {
        print_message("SKIP: no IPv6 on this machine\n");
        skip();
    }
    start_role(&four, listen_tcp(&four), l6, portal_main);
    memcpy(&a, &six.address, sizeof a);
    static const struct {
        const char *host;
        int status;
    } cases[] = {
        {"[::1]", 200},
        {"[::2]", 421},
        {"127.0.0.1", 421},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char q[256];
        int fd = dial(&six);
        int n = snprintf(q, sizeof q, "GET /v1/me HTTP/1.1\r\nHost: %s:%u\r\n\r\n", cases[i].host,
                         ntohs(a.sin6_port));
        say(fd, q, (size_t)n);
        if (cases[i].status == 200) {
            struct reader r;
            assert_int_equal(engine_hears(&four, &m, WAIT_MS), 1);
            reader_init(&r, m.body, m.len);
            assert_int_equal(get_u8(&r), PORTAL_ME);
            struct ip_addr peer = get_addr(&r);
            assert_int_equal(peer.family, 6);
            assert_memory_equal(peer.b, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16);
            engine_says(&four, MSG_PORTAL_REPLY, m.seq, 200, "{}");
        }
        char *answer = hear(fd, WAIT_MS);
        assert_int_equal(status_of(answer), cases[i].status);
        free(answer);
        close(fd);
    }
    int fd = dial(&four);
    close(fd);
    stop_role(&four);
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Until the portal ends this connection, while a byte goes out every period (0: none). */
static int64_t lasts(int fd, int period_ms)
{
    int64_t begin_ms = now_ms();
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (poll(&p, 1, period_ms ? period_ms : 60000) == 0)
        send(fd, "x", 1, MSG_NOSIGNAL);
    close(fd);
    return now_ms() - begin_ms;
}

/* The three clocks at once: silence, a header that never ends, an engine that never answers. */
static void slow_ones_are_let_go(void **state)
{
    (void)state;
    pid_t child[2];
    struct question q;
    static const struct {
        int period_ms;
        int64_t least, most;
    } cases[] = {
        {0, 8000, 13000},
        {1000, 18000, 23000},
    };
    int waits = ask("GET /v1/me", "", "", 0);
    hear_question(&q);
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        child[i] = fork();
        if (child[i] == 0) {
            int fd = dial(&T);
            say(fd, "GET / HTTP/1.1\r\nX: ", 19);
            int64_t ms = lasts(fd, cases[i].period_ms);
            _exit(ms >= cases[i].least && ms <= cases[i].most ? 0 : 1);
        }
    }
    char *a = hear(waits, 20000);
    assert_int_equal(status_of(a), 503);
    assert_non_null(strstr(a, "\"code\": \"engine_silent\""));
    free(a);
    close(waits);
    for (int i = 0; i < 2; i++) {
        int status = -1;
        assert_int_equal(waitpid(child[i], &status, 0), child[i]);
        assert_int_equal(status, 0);
    }
}

int main(void)
{
    allow_descriptors(4096);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_each_verb),
        cmocka_unit_test(a_signature),
        cmocka_unit_test(a_script_s_questions),
        cmocka_unit_test(the_script_itself),
        cmocka_unit_test(page_for_a_person),
        cmocka_unit_test(page_when_the_engine_refuses),
        cmocka_unit_test(refusals),
        cmocka_unit_test(wrong_hosts),
        cmocka_unit_test(one_host_said_twice),
        cmocka_unit_test(own_origin_and_largest_token_pass),
        cmocka_unit_test(pipelined_requests_are_not_read),
        cmocka_unit_test(one_address_cannot_take_all),
        cmocka_unit_test(thousand_connections),
        cmocka_unit_test(v6_beside_v4),
        cmocka_unit_test(slow_ones_are_let_go),
    };
    return cmocka_run_group_tests_name("portal", tests, begin, end);
}
