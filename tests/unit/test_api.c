/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The api role: what passes to the engine, what does not, and that it stays small. */
#include "tests/unit/http_peer.h"

#include <sys/syscall.h>

static struct role_under_test T;

/* In the role that is started next the kernel does not say who is at the other end. */
static bool nobody_is_named;

int getsockopt(int fd, int level, int name, void *restrict value, socklen_t *restrict n)
{
    if (nobody_is_named && level == SOL_SOCKET && name == SO_PEERCRED) {
        errno = ENOPROTOOPT;
        return -1;
    }
    return (int)syscall(SYS_getsockopt, fd, level, name, value, n);
}

static int begin(void **state)
{
    (void)state;
    start_role(&T, listen_unix(&T), -1, api_main);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stop_role(&T);
    return 0;
}

struct control {
    uint8_t method;
    uint32_t uid, gid;
    char actor[65], path[513], query[1025];
    const uint8_t *body;
    size_t body_len;
};

static void read_control(const struct message *m, struct control *c)
{
    struct reader r;
    assert_int_equal(m->type, MSG_CONTROL);
    reader_init(&r, m->body, m->len);
    c->method = get_u8(&r);
    c->uid = get_u32(&r);
    c->gid = get_u32(&r);
    get_text(&r, c->actor, sizeof c->actor);
    get_text(&r, c->path, sizeof c->path);
    get_text(&r, c->query, sizeof c->query);
    c->body = get_blob(&r, &c->body_len, 2u << 20);
    assert_true(reader_done(&r));
}

static void carries_a_request_and_its_answer(void **state)
{
    (void)state;
    struct message m;
    struct control c;
    int fd = dial(&T);
    const char *q =
        "POST /v1/users/maria/revoke?a=b%20c HTTP/1.1\r\nHost: x\r\n"
        "Portcullis-Actor: j.doe@example\r\nContent-Length: 13\r\n\r\n{\"reason\":\"\"}";
    say(fd, q, strlen(q));
    assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
    read_control(&m, &c);
    assert_int_equal(c.method, CONTROL_POST);
    assert_int_equal(c.uid, getuid());
    assert_int_equal(c.gid, getgid());
    assert_string_equal(c.actor, "j.doe@example");
    assert_string_equal(c.path, "/v1/users/maria/revoke");
    assert_string_equal(c.query, "a=b%20c");
    assert_int_equal(c.body_len, 13);
    assert_memory_equal(c.body, "{\"reason\":\"\"}", 13);
    engine_says(&T, MSG_CONTROL_REPLY, m.seq, 409, "{\"error\": 1}");
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 409);
    assert_string_equal(body_of(a), "{\"error\": 1}");
    assert_non_null(strstr(a, "Cache-Control: no-store\r\n"));
    assert_non_null(strstr(a, "Content-Type: application/json\r\n"));
    free(a);
    close(fd);
}

static void methods_and_the_unnamed_actor(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        uint8_t method;
    } cases[] = {
        {"GET", CONTROL_GET},  {"PUT", CONTROL_PUT},   {"DELETE", CONTROL_DELETE},
        {"HEAD", CONTROL_GET}, {"POST", CONTROL_POST},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m;
        struct control c;
        char q[128], uid[32];
        int fd = dial(&T);
        int n = snprintf(q, sizeof q, "%s /v1/status HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].line);
        say(fd, q, (size_t)n);
        assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
        read_control(&m, &c);
        assert_int_equal(c.method, cases[i].method);
        snprintf(uid, sizeof uid, "uid:%u", getuid());
        assert_string_equal(c.actor, uid);
        engine_says(&T, MSG_CONTROL_REPLY, m.seq, 200, "{}");
        char *a = hear(fd, WAIT_MS);
        assert_int_equal(status_of(a), 200);
        free(a);
        close(fd);
    }
}

/* Whom the kernel names, whatever the request says. */
static void the_peer_is_whom_the_kernel_names(void **state)
{
    (void)state;
    struct message m;
    struct control c;
    static const char q[] = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    if (getuid() != 0) {
        print_message("needs root, to become somebody else\n");
        skip();
    }
    assert_return_code(setegid(65533), 0);
    assert_return_code(seteuid(65534), 0);
    int fd = dial(&T);
    assert_return_code(seteuid(0), 0);
    assert_return_code(setegid(0), 0);
    say(fd, q, sizeof q - 1);
    assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
    read_control(&m, &c);
    assert_int_equal(c.uid, 65534);
    assert_int_equal(c.gid, 65533);
    assert_string_equal(c.actor, "uid:65534");
    engine_says(&T, MSG_CONTROL_REPLY, m.seq, 200, "{}");
    free(hear(fd, WAIT_MS));
    close(fd);
}

/* ---- the metrics, over TCP --------------------------------------------------------------------- */

static void start_with_metrics(struct role_under_test *t)
{
    struct role_under_test control;
    int unix_socket = listen_unix(&control);
    start_role(t, unix_socket, listen_tcp(t), api_main);
}

/* "127.0.0.1:PORT" of the listener. */
static const char *host_of(const struct role_under_test *t, char out[32])
{
    const struct sockaddr_in *a = (const void *)&t->address;
    snprintf(out, 32, "127.0.0.1:%u", ntohs(a->sin_port));
    return out;
}

static void metrics_are_the_engines_text(void **state)
{
    (void)state;
    struct role_under_test t;
    struct message m;
    char q[200], host[32];
    start_with_metrics(&t);
    int fd = dial(&t);
    int n = snprintf(q, sizeof q, "GET /metrics HTTP/1.1\r\nHost: %s\r\n\r\n", host_of(&t, host));
    say(fd, q, (size_t)n);
    assert_int_equal(engine_hears(&t, &m, WAIT_MS), 1);
    assert_int_equal(m.type, MSG_METRICS);
    assert_int_equal(m.len, 0);
    engine_says(&t, MSG_CONTROL_REPLY, m.seq, 200, "portcullis_leases 1\n");
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    assert_string_equal(body_of(a), "portcullis_leases 1\n");
    assert_non_null(strstr(a, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
    free(a);
    close(fd);
    stop_role(&t);
}

/* The control contract is not there over TCP, whatever is asked. */
static void nothing_else_over_tcp(void **state)
{
    static const struct { const char *what, *line, *host; int status; } cases[] = {
        {"the control contract", "GET /v1/status", "", 404},
        {"a revocation", "POST /v1/users/maria/revoke", "", 404},
        {"a query", "GET /metrics?x=y", "", 404},
        {"another method", "POST /metrics", "", 405},
        {"another host", "GET /metrics", "gateway.example", 421},
        {"a host without its port", "GET /metrics", "127.0.0.1", 421},
    };
    (void)state;
    struct role_under_test t;
    struct message m;
    char q[200], host[32];
    start_with_metrics(&t);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = dial(&t);
        int n = snprintf(q, sizeof q, "%s HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n",
                         cases[i].line, cases[i].host[0] ? cases[i].host : host_of(&t, host));
        print_message("%s\n", cases[i].what);
        say(fd, q, (size_t)n);
        char *a = hear(fd, WAIT_MS);
        assert_int_equal(status_of(a), cases[i].status);
        free(a);
        close(fd);
    }
    assert_int_equal(engine_hears(&t, &m, 0), 0);
    stop_role(&t);
}

/* Each is answered by the role itself, in the agreed form; none reaches the engine. */
static void refusals(void **state)
{
    (void)state;
    static char long_path[700], long_query[1200];
    memset(long_path, 'a', sizeof long_path - 1);
    memset(long_query, 'a', sizeof long_query - 1);
    static const struct {
        const char *what, *line, *headers;
        int status;
        const char *code;
    } cases[] = {
        {"no version", "GET /status", "", 404, "not_found"},
        {"a dotted path", "GET /v1/../etc", "", 400, "bad_path"},
        {"an encoded path", "GET /v1/users/%2e%2e", "", 400, "bad_path"},
        {"two slashes", "GET /v1//users", "", 400, "bad_path"},
        {"another scheme", "GET http://x/v1/status", "", 400, "bad_path"},
        {"unknown method", "PATCH /v1/status", "", 405, "bad_method"},
        {"empty actor", "GET /v1/status", "Portcullis-Actor: \r\n", 400, "bad_actor"},
        {"actor with a space", "GET /v1/status", "Portcullis-Actor: a b\r\n", 400, "bad_actor"},
        {"actor with markup", "GET /v1/status", "Portcullis-Actor: <b>\r\n", 400, "bad_actor"},
        {"a uid of letters", "GET /v1/status", "Portcullis-Actor: uid:x\r\n", 400, "bad_actor"},
        {"two actors", "GET /v1/status", "Portcullis-Actor: a\r\nPortcullis-Actor: b\r\n", 400,
         "bad_actor"},
        {"body on GET", "GET /v1/status", "Content-Length: 1\r\n", 400, "body_unexpected"},
        {"CL and TE", "POST /v1/users", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", 400,
         "bad_length"},
        {"TE and CL", "POST /v1/users", "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", 400,
         "bad_length"},
        {"two CL", "POST /v1/users", "Content-Length: 1\r\nContent-Length: 2\r\n", 400,
         "bad_length"},
        {"two equal CL", "POST /v1/users", "Content-Length: 1\r\nContent-Length: 1\r\n", 400,
         "bad_length"},
        {"two CL of nothing", "POST /v1/users", "Content-Length: 0\r\nContent-Length: 0\r\n", 400,
         "bad_length"},
        {"chunked", "POST /v1/users", "Transfer-Encoding: chunked\r\n", 411, "length_required"},
        {"identity", "POST /v1/users", "Transfer-Encoding: identity\r\n", 411, "length_required"},
        {"too large", "POST /v1/policy/apply", "Content-Length: 1200000\r\n", 413,
         "body_too_large"},
        {"huge", "POST /v1/policy/apply", "Content-Length: 999999999999\r\n", 413,
         "body_too_large"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char q[1024], code[64];
        struct message m;
        int fd = dial(&T);
        int n = snprintf(q, sizeof q, "%s HTTP/1.1\r\nHost: x\r\n%s\r\nx", cases[i].line,
                         cases[i].headers);
        say(fd, q, (size_t)n);
        char *a = hear(fd, WAIT_MS);
        if (status_of(a) != cases[i].status)
            fail_msg("%s: %s", cases[i].what, a);
        snprintf(code, sizeof code, "{\"error\": {\"code\": \"%s\", \"message\": \"",
                 cases[i].code);
        if (strncmp(body_of(a), code, strlen(code)) != 0)
            fail_msg("%s: %s", cases[i].what, a);
        assert_int_equal(engine_hears(&T, &m, 0), 0);
        free(a);
        close(fd);
    }
}

static void targets_too_long(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        int path, query, status;
    } cases[] = {
        {"path", 700, 0, 414},
        {"query", 3, 1025, 414},
        {"both, beyond the header memory", 40000, 0, 414},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *q = NULL;
        int n = asprintf(&q, "GET /v1/%0*d?%0*d HTTP/1.1\r\nHost: x\r\n\r\n", cases[i].path, 0,
                         cases[i].query, 0);
        int fd = dial(&T);
        say(fd, q, (size_t)n);
        char *a = hear(fd, WAIT_MS);
        if (status_of(a) != cases[i].status)
            fail_msg("%s: %.200s", cases[i].what, a);
        free(a);
        free(q);
        close(fd);
    }
}

/* What is not HTTP is refused by libmicrohttpd: 4xx or the end of the connection. */
static void malformed(void **state)
{
    (void)state;
    static const struct {
        const char *what, *text;
        size_t len;
    } cases[] = {
#define T(what, text) {what, text, sizeof text - 1}
        T("nothing", "\r\n\r\n"),
        T("no version", "GET /v1/status\r\n\r\n"),
        T("no host", "GET /v1/status HTTP/1.1\r\n\r\n"),
        T("version 3", "GET /v1/status HTTP/3.0\r\nHost: x\r\n\r\n"),
        T("bytes", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
        T("negative length", "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"),
        T("signed length", "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\nx"),
        T("hex length", "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\nx"),
        T("length list", "POST /v1/users HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\nx"),
        T("length overflow", "POST /v1/users HTTP/1.1\r\nHost: x\r\n"
                             "Content-Length: 18446744073709551617\r\n\r\nx"),
#undef T
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m;
        int fd = dial(&T);
        say(fd, cases[i].text, cases[i].len);
        shutdown(fd, SHUT_WR);
        char *a = hear(fd, 200);
        if (a[0] != '\0' && status_of(a) / 100 != 4 && status_of(a) != 505)
            fail_msg("%s: %s", cases[i].what, a);
        if (engine_hears(&T, &m, 0) != 0)
            fail_msg("%s: reached the engine", cases[i].what);
        free(a);
        close(fd);
    }
}

static void a_second_request_is_not_read(void **state)
{
    (void)state;
    struct message m;
    const char *q = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n"
                    "POST /v1/users/a/revoke HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = dial(&T);
    say(fd, q, strlen(q));
    assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
    engine_says(&T, MSG_CONTROL_REPLY, m.seq, 200, "{}");
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    assert_null(strstr(a + 1, "HTTP/1.1"));
    assert_int_equal(engine_hears(&T, &m, 50), 0);
    free(a);
    close(fd);
}

static void header_flood(void **state)
{
    (void)state;
    long before = resident_kib(&T);
    int fd = dial(&T);
    const char *q = "GET /v1/status HTTP/1.1\r\nHost: x\r\n";
    say(fd, q, strlen(q));
    for (int i = 0; i < 20000; i++)
        say(fd, "X-A: 0123456789012345678901234567890123456789\r\n", 47);
    char *a = hear(fd, WAIT_MS);
    assert_true(a[0] == '\0' || status_of(a) == 431 || status_of(a) == 413);
    assert_true(grown_below(&T, before, 1024));
    free(a);
    close(fd);
}

static void largest_body_passes(void **state)
{
    (void)state;
    const size_t size = 1126u << 10;
    char head[128], *body = malloc(size);
    struct message m;
    struct control c;
    assert_non_null(body);
    memset(body, 'p', size);
    int fd = dial(&T);
    int n =
        snprintf(head, sizeof head,
                 "POST /v1/policy/check HTTP/1.1\r\nHost: x\r\nContent-Length: %zu\r\n\r\n", size);
    say(fd, head, (size_t)n);
    say(fd, body, size);
    assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
    read_control(&m, &c);
    assert_int_equal(c.body_len, size);
    assert_memory_equal(c.body, body, size);
    memset(body, '0', size);
    body[size - 1] = '\0';
    engine_says(&T, MSG_CONTROL_REPLY, m.seq, 200, body);
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    assert_int_equal(strlen(body_of(a)), size - 1);
    free(a);
    free(body);
    close(fd);
}

/* Those that wait are answered in any order; one that left meanwhile harms nobody. */
static void answers_out_of_order(void **state)
{
    (void)state;
    enum { N = 20 };
    int fd[N];
    uint32_t seq[N];
    struct message m;
    struct control c;
    for (int i = 0; i < N; i++) {
        char q[128];
        fd[i] = dial(&T);
        int n = snprintf(q, sizeof q, "GET /v1/users/u%d HTTP/1.1\r\nHost: x\r\n\r\n", i);
        say(fd[i], q, (size_t)n);
        assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
        read_control(&m, &c);
        seq[i] = m.seq;
    }
    close(fd[3]);
    for (int i = N - 1; i >= 0; i--) {
        char json[32];
        snprintf(json, sizeof json, "{\"n\": %d}", i);
        engine_says(&T, MSG_CONTROL_REPLY, seq[i], 200, json);
        engine_says(&T, MSG_CONTROL_REPLY, seq[i], 200, "{\"twice\": 1}");
    }
    for (int i = 0; i < N; i++) {
        char json[32];
        if (i == 3)
            continue;
        snprintf(json, sizeof json, "{\"n\": %d}", i);
        char *a = hear(fd[i], WAIT_MS);
        assert_string_equal(body_of(a), json);
        free(a);
        close(fd[i]);
    }
}

/* 1,000 that say nothing more, and one that must be served meanwhile; then all are let go. */
static void thousand_connections(void **state)
{
    (void)state;
    enum { N = 1000 };
    static int fd[N];
    struct message m;
    long before = resident_kib(&T);
    for (int i = 0; i < N; i++) {
        fd[i] = dial(&T);
        say(fd[i], "GET /v1/status HTTP/1.1\r\nHo", 27);
    }
    int honest = dial(&T);
    const char *q = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    say(honest, q, strlen(q));
    assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
    engine_says(&T, MSG_CONTROL_REPLY, m.seq, 200, "{}");
    char *a = hear(honest, WAIT_MS);
    assert_int_equal(status_of(a), 200);
    free(a);
    close(honest);
    assert_true(grown_below(&T, before, 24 * 1024));
    for (int i = 0; i < N; i++)
        close(fd[i]);
}

/* Bodies at once are bounded in sum: some of these are refused as busy, none is lost silently. */
static void bodies_are_bounded_in_sum(void **state)
{
    (void)state;
    enum { N = 30 };
    const size_t half = 600u << 10;
    char *body = calloc(1, half);
    int fd[N], busy = 0;
    assert_non_null(body);
    long before = resident_kib(&T);
    for (int i = 0; i < N; i++) {
        const char *q = "POST /v1/policy/check HTTP/1.1\r\nHost: x\r\n"
                        "Content-Length: 1100000\r\n\r\n";
        fd[i] = dial(&T);
        say(fd[i], q, strlen(q));
        say(fd[i], body, half);
    }
    assert_true(grown_below(&T, before, 12 * 1024));
    for (int i = 0; i < N; i++) {
        say(fd[i], body, 1100000 - half);
        shutdown(fd[i], SHUT_WR);
    }
    for (int i = 0; i < N; i++) {
        char *a = hear(fd[i], 20);
        busy += status_of(a) == 503;
        free(a);
        close(fd[i]);
    }
    assert_true(busy > 0);
    struct message m;
    while (engine_hears(&T, &m, 100) == 1)
        ;
    free(body);
}

static void waiting_when_the_engine_goes(void **state)
{
    (void)state;
    struct role_under_test t;
    struct message m;
    start_role(&t, listen_unix(&t), -1, api_main);
    int fd = dial(&t);
    const char *q = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";
    say(fd, q, strlen(q));
    assert_int_equal(engine_hears(&t, &m, WAIT_MS), 1);
    stop_role(&t);
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 503);
    assert_non_null(strstr(body_of(a), "\"code\": \"engine_down\""));
    free(a);
    close(fd);
}

static void a_peer_without_a_name_is_refused(void **state)
{
    (void)state;
    struct role_under_test t;
    const char *q = "GET /v1/status HTTP/1.1\r\nHost: x\r\n\r\n";

    nobody_is_named = true;
    start_role(&t, listen_unix(&t), -1, api_main);
    nobody_is_named = false;
    int fd = dial(&t);
    say(fd, q, strlen(q));
    char *a = hear(fd, WAIT_MS);
    assert_int_equal(status_of(a), 403);
    assert_non_null(strstr(body_of(a), "no_peer"));
    free(a);
    close(fd);
    stop_role(&t);
}

static void lawless_engine(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        enum message_type type;
        uint16_t status;
    } cases[] = {
        {"a type for others", MSG_PORTAL_REPLY, 200},
        {"a status that is none", MSG_CONTROL_REPLY, 99},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct role_under_test t;
        int status = -1;
        start_role(&t, listen_unix(&t), -1, api_main);
        engine_says(&t, cases[i].type, 1, cases[i].status, "{}");
        assert_int_equal(waitpid(t.pid, &status, 0), t.pid);
        assert_int_equal(status, 0);
        channel_free(t.channel);
    }
}

int main(void)
{
    allow_descriptors(4096);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(carries_a_request_and_its_answer),
        cmocka_unit_test(methods_and_the_unnamed_actor),
        cmocka_unit_test(the_peer_is_whom_the_kernel_names),
        cmocka_unit_test(metrics_are_the_engines_text),
        cmocka_unit_test(nothing_else_over_tcp),
        cmocka_unit_test(refusals),
        cmocka_unit_test(targets_too_long),
        cmocka_unit_test(malformed),
        cmocka_unit_test(a_second_request_is_not_read),
        cmocka_unit_test(header_flood),
        cmocka_unit_test(largest_body_passes),
        cmocka_unit_test(answers_out_of_order),
        cmocka_unit_test(thousand_connections),
        cmocka_unit_test(bodies_are_bounded_in_sum),
        cmocka_unit_test(waiting_when_the_engine_goes),
        cmocka_unit_test(a_peer_without_a_name_is_refused),
        cmocka_unit_test(lawless_engine),
    };
    return cmocka_run_group_tests_name("api", tests, begin, end);
}
