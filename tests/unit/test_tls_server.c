/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The enrol role before the internet: what is no TLS, what is slow, what is too much. */
#include "tests/unit/tls_peer.h"

#include "gateway/http_static.h"

static const uint8_t PAGE[] = "<!doctype html><title>Enrol</title>";
/* In place of the real ones. */
const struct http_static enrol_files[] = {
    {"/enrol", "text/html; charset=utf-8", "\"abc\"", PAGE, PAGE + sizeof PAGE - 1}, {0}};

static struct role_under_test T;
static struct tls_identity ID;

static int begin(void **state)
{
    (void)state;
    start_role(&T, listen_tcp(&T), -1, enrol_main);
    tls_show(&T, MSG_TLS_ENROL, &ID);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stop_role(&T);
    return 0;
}

static char *head(const char *line, const char *headers)
{
    static char q[8192];
    snprintf(q, sizeof q, "%s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n%s\r\n", line,
             ntohs(((struct sockaddr_in *)&T.address)->sin_port), headers);
    return q;
}

static void serves(const char *what)
{
    char *a = tls_ask(&T, head("GET /enrol", ""));
    if (status_of(a) != 200)
        fail_msg("%s: %s", what, a);
    free(a);
}

/* How long until the other side ends this connection; -1: not within ms. */
static int64_t ends_within(int fd, int ms)
{
    char bytes[4096];
    int64_t began = clock_boot_ms();
    struct pollfd p = {.fd = fd, .events = POLLIN};
    while (clock_boot_ms() - began < ms) {
        if (poll(&p, 1, 100) == 1 && recv(fd, bytes, sizeof bytes, 0) <= 0)
            return clock_boot_ms() - began;
    }
    return -1;
}

/* From another address of this machine: dials from 127.0.X.Y. */
static int dial_from(unsigned host)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000000u + host)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_return_code(fd, 0);
    assert_return_code(bind(fd, (const void *)&a, sizeof a), 0);
    assert_return_code(connect(fd, (const void *)&T.address, T.address_len), 0);
    return fd;
}

static void carries_an_invitation(void **state)
{
    static const char body[] = "{\"token\":\"x\"}";
    struct tls_client c;
    struct message m;
    struct reader r;
    size_t n;
    (void)state;
    tls_dial(&c, &T);
    const char *q = head("POST /v1/enrol", "Content-Type: application/json\r\nContent-Length: 13\r\n");
    tls_say(&c, q, strlen(q));
    tls_say(&c, body, 13);
    assert_int_equal(engine_hears(&T, &m, WAIT_MS), 1);
    assert_int_equal(m.type, MSG_ENROL);
    reader_init(&r, m.body, m.len);
    struct ip_addr peer = get_addr(&r);
    assert_true(peer.family == 4 && peer.b[0] == 127);
    assert_int_equal(get_u8(&r), ENROL_REDEEM);
    const uint8_t *got = get_blob(&r, &n, ENROL_BODY_MAX);
    assert_true(n == 13 && memcmp(got, body, 13) == 0);
    assert_true(reader_done(&r));
    engine_says(&T, MSG_ENROL_REPLY, m.seq, 201, "{\"ok\":1}");
    char *a = tls_hear_until(&c, "");
    assert_int_equal(status_of(a), 201);
    assert_string_equal(body_of(a), "{\"ok\":1}");
    assert_non_null(strstr(a, "Cache-Control: no-store\r\n"));
    free(a);
    tls_client_end(&c);
}

/* Nothing but enrolment is there, and none of it reaches the engine. */
static void there_is_nothing_else(void **state)
{
    static const struct { const char *what, *line, *headers; int status; } cases[] = {
        {"the console", "GET /v1/session", "", 404},
        {"the portal", "GET /v1/me", "", 404},
        {"the metrics", "GET /metrics", "", 404},
        {"the control verbs", "POST /v1/users", "Content-Type: application/json\r\nContent-Length: 0\r\n", 404},
        {"another method", "PUT /v1/enrol", "Content-Type: application/json\r\nContent-Length: 0\r\n", 405},
        {"no JSON", "POST /v1/enrol", "Content-Type: text/plain\r\nContent-Length: 0\r\n", 415},
        {"from another site", "POST /v1/enrol", "Origin: https://evil.example\r\nContent-Type: application/json\r\nContent-Length: 0\r\n", 403},
        {"cross-site", "POST /v1/enrol", "Sec-Fetch-Site: cross-site\r\nContent-Type: application/json\r\nContent-Length: 0\r\n", 403},
        {"too long a body", "POST /v1/enrol", "Content-Type: application/json\r\nContent-Length: 8193\r\n", 413},
        {"far too long a body", "POST /v1/enrol", "Content-Type: application/json\r\nContent-Length: 999999999999\r\n", 413},
        {"a body of two lengths", "POST /v1/enrol", "Content-Type: application/json\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n", 400},
        {"the page by POST", "POST /enrol", "Content-Length: 0\r\n", 405},
    };
    struct message m;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls_client c;
        tls_dial(&c, &T);
        const char *q = head(cases[i].line, cases[i].headers);
        tls_say(&c, q, strlen(q));
        if (cases[i].status == 413 && !strstr(q, "9999"))
            for (int k = 0; k < 8193; k++)
                tls_say(&c, "x", 1);
        char *a = tls_hear_until(&c, "");
        if (status_of(a) != cases[i].status)
            fail_msg("%s: %s", cases[i].what, a);
        free(a);
        tls_client_end(&c);
    }
    assert_int_equal(engine_hears(&T, &m, 100), 0);
}

static void headers_without_end(void **state)
{
    static char long_one[40000];
    (void)state;
    struct tls_client c;
    tls_dial(&c, &T);
    memset(long_one, 'a', sizeof long_one);
    memcpy(long_one, "GET /enrol HTTP/1.1\r\nX: ", 24);
    tls_say(&c, long_one, sizeof long_one);
    char *a = tls_hear_until(&c, "");
    int status = status_of(a);
    if (status != 0 && status != 431 && status != 414 && status != 413 && status != 400)
        fail_msg("%s", a);
    free(a);
    tls_client_end(&c);
    serves("after it");
}

/* What is not a ClientHello is ended, most of it at once, and never answered with a page. */
static void what_is_no_tls(void **state)
{
    static const struct { const char *what, *bytes; size_t n; } cases[] = {
        {"HTTP", "GET /enrol HTTP/1.1\r\nHost: x\r\n\r\n", 33},
        {"a TLS record of no length", "\x16\x03\x01\x00\x00", 5},
        {"a record that is too long", "\x16\x03\x01\xff\xff\x01\x00\x00", 8},
        {"a hello that says more than it holds", "\x16\x03\x01\x00\x05\x01\xff\xff\xff\x03", 10},
        {"an alert", "\x15\x03\x01\x00\x02\x02\x28", 7},
        {"application data first", "\x17\x03\x03\x00\x02hi", 7},
        {"SSL 2", "\x80\x2e\x01\x00\x02\x00\x15\x00\x00\x00\x10\x01\x00\x80", 14},
        {"WireGuard", "\x01\x00\x00\x00\x01\x02\x03\x04\x05\x06", 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int fd = dial(&T);
        say(fd, cases[i].bytes, cases[i].n);
        shutdown(fd, SHUT_WR);
        char *a = hear(fd, 8000);
        if (strstr(a, "HTTP/1") || strstr(a, "doctype"))
            fail_msg("%s: %s", cases[i].what, a);
        free(a);
        close(fd);
    }
    serves("after all of it");
}

/* One address has few places: until the server has seen that those before are gone, it is full. */
static bool lets_in(void)
{
    struct tls_client c;
    tls_client_new(&c, dial(&T), "NORMAL");
    bool in = tls_handshake(&c) == 0;
    tls_client_end(&c);
    return in;
}

static void random_bytes(void **state)
{
    (void)state;
    srand(7);
    for (int i = 0; i < 300; i++) {
        uint8_t bytes[600] = {0x16, 0x03, (uint8_t)(rand() % 5), 0x02, 0x00, 0x01, 0x00};
        size_t n = 7 + (size_t)(rand() % 590);
        for (size_t k = 7; k < n; k++)
            bytes[k] = (uint8_t)rand();
        int fd = dial(&T);
        say(fd, bytes, n);
        close(fd);
    }
    for (int i = 0; i < 50 && !lets_in(); i++)
        usleep(100000);
    serves("after them");
}

static void old_versions_are_refused(void **state)
{
    static const struct { const char *what, *priorities; bool good; } cases[] = {
        {"TLS 1.3", "NORMAL:-VERS-ALL:+VERS-TLS1.3", true},
        {"TLS 1.2", "NORMAL:-VERS-ALL:+VERS-TLS1.2", true},
        {"TLS 1.1", "NORMAL:-VERS-ALL:+VERS-TLS1.1:%COMPAT", false},
        {"TLS 1.0", "NORMAL:-VERS-ALL:+VERS-TLS1.0:%COMPAT", false},
        {"CBC", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC:+AES-256-CBC", false},
        {"no forward secrecy", "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA", false},
        {"a group of 192 bits", "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-FFDHE2048", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls_client c;
        tls_client_new(&c, dial(&T), cases[i].priorities);
        int rc = tls_handshake(&c);
        if ((rc == 0) != cases[i].good)
            fail_msg("%s: %s", cases[i].what, gnutls_strerror(rc));
        tls_client_end(&c);
    }
    serves("after them");
}

static void renegotiation_ends_it(void **state)
{
    (void)state;
    struct tls_client c;
    tls_client_new(&c, dial(&T), "NORMAL:-VERS-ALL:+VERS-TLS1.2");
    assert_int_equal(tls_handshake(&c), 0);
    gnutls_handshake_set_timeout(c.s, 3000);
    assert_true(tls_handshake(&c) < 0);
    tls_client_end(&c);
    serves("after it");
}

/* A handshake that never ends, a byte now and then: what it may take is one connection, for seconds. */
static void slow_handshakes_are_let_go(void **state)
{
    static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03};
    (void)state;
    int silent = dial(&T), slow = dial(&T);
    int64_t began = clock_boot_ms(), gone = 0;
    for (size_t i = 0; clock_boot_ms() - began < 20000 && gone == 0; i++) {
        say(slow, i < sizeof hello ? &hello[i] : hello + 1, 1);
        if (ends_within(slow, 1000) >= 0)
            gone = clock_boot_ms() - began;
    }
    assert_true(gone > 0 && gone < 17000);
    assert_true(ends_within(silent, 100) >= 0);
    close(silent);
    close(slow);
}

#define CROWD 1000
/* Many that say nothing, from many addresses: an honest one is served meanwhile, and memory stays. */
static void a_silent_crowd(void **state)
{
    static int fd[CROWD];
    (void)state;
    allow_descriptors(CROWD + 100);
    serves("before");
    long before = resident_kib(&T);
    for (int i = 0; i < CROWD; i++)
        fd[i] = dial_from(256u + (unsigned)i);
    int64_t began = clock_boot_ms();
    serves("in the crowd");
    int64_t took = clock_boot_ms() - began;
    if (took > 3000)
        fail_msg("it took %lld ms", (long long)took);
    assert_true(grown_below(&T, before, 32 << 10));
    for (int i = 0; i < CROWD; i++)
        close(fd[i]);
    serves("after it");
}

/* One address holds no more than its share, also of connections that went as far as a handshake. */
static void one_address_cannot_take_all(void **state)
{
    static struct tls_client c[40];
    unsigned held = 0;
    (void)state;
    for (size_t i = 0; i < 40; i++) {
        tls_client_new(&c[i], dial_from(99), "NORMAL");
        gnutls_handshake_set_timeout(c[i].s, 500);
        held += tls_handshake(&c[i]) == 0;
    }
    assert_int_equal(held, 16);
    serves("for another address");
    for (size_t i = 0; i < 40; i++)
        tls_client_end(&c[i]);
}

/* Processor time of the role, in ms. */
static long spent_ms(void)
{
    char name[64], text[1024];
    unsigned long user = 0, system = 0;
    snprintf(name, sizeof name, "/proc/%d/stat", T.pid);
    FILE *f = fopen(name, "re");
    assert_non_null(f);
    size_t n = fread(text, 1, sizeof text - 1, f);
    text[n] = '\0';
    fclose(f);
    const char *rest = strrchr(text, ')');
    assert_true(rest && sscanf(rest, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                               &system) == 2);
    return (long)(user + system) * 1000 / sysconf(_SC_CLK_TCK);
}

enum oddity { BARE_FIN, SHAKEN, SHAKEN_FIN, HALF_A_LINE, HALF_A_LINE_FIN, HALF_A_RECORD, BODY_MISSING,
              WAITS, WAITS_FIN, ODDITIES };

static void behave(struct tls_client *c, enum oddity how)
{
    const char *post = head("POST /v1/enrol", "Content-Type: application/json\r\nContent-Length: 2\r\n");
    if (how == BARE_FIN) {
        tls_client_new(c, dial(&T), "NORMAL");
        shutdown(c->fd, SHUT_WR);
        return;
    }
    tls_dial(c, &T);
    if (how == HALF_A_LINE || how == HALF_A_LINE_FIN)
        tls_say(c, "GET /en", 7);
    if (how == HALF_A_RECORD)
        say(c->fd, "\x17\x03\x03\x10\x00half", 9);
    if (how >= BODY_MISSING)
        tls_say(c, post, strlen(post));
    if (how == WAITS || how == WAITS_FIN)
        tls_say(c, "{}", 2);
    if (how == SHAKEN_FIN || how == HALF_A_LINE_FIN || how == WAITS_FIN)
        shutdown(c->fd, SHUT_WR);
}

/* Whatever state a client leaves its connection in, the role sleeps while nothing comes. */
static void nobody_makes_it_spin(void **state)
{
    static struct tls_client c[ODDITIES];
    (void)state;
    for (enum oddity how = BARE_FIN; how < ODDITIES; how++) {
        behave(&c[how], how);
        usleep(200000);
        long before = spent_ms();
        usleep(700000);
        if (spent_ms() - before > 100)
            fail_msg("case %d: %ld ms of 700", (int)how, spent_ms() - before);
    }
    for (size_t i = 0; i < ODDITIES; i++)
        tls_client_end(&c[i]);
    serves("after all of it");
}

/* The certificate changes while somebody is connected: they go on, the next one sees the new one. */
static void another_certificate(void **state)
{
    struct tls_identity other;
    struct tls_client c;
    unsigned n;
    (void)state;
    tls_dial(&c, &T);
    tls_identity_for_tests(&other);
    tls_show(&T, MSG_TLS_ENROL, &other);
    usleep(100000);
    const char *q = head("GET /enrol", "");
    tls_say(&c, q, strlen(q));
    char *a = tls_hear_until(&c, "");
    assert_int_equal(status_of(a), 200);
    free(a);
    const gnutls_datum_t *before = gnutls_certificate_get_peers(c.s, &n);
    assert_non_null(before);
    struct tls_client d;
    tls_dial(&d, &T);
    const gnutls_datum_t *now = gnutls_certificate_get_peers(d.s, &n);
    assert_non_null(now);
    assert_false(now->size == before->size && memcmp(now->data, before->data, now->size) == 0);
    tls_client_end(&c);
    tls_client_end(&d);
    tls_identity_clear(&other);
}

/* Before the engine has sent one there is no answer; then there is, to those who waited. */
static void waits_for_its_certificate(void **state)
{
    struct tls_client c;
    (void)state;
    start_role(&T, listen_tcp(&T), -1, enrol_main);
    tls_client_new(&c, dial(&T), "NORMAL");
    gnutls_handshake_set_timeout(c.s, 300);
    assert_int_equal(tls_handshake(&c), GNUTLS_E_TIMEDOUT);
    tls_client_end(&c);
    tls_client_new(&c, dial(&T), "NORMAL");
    tls_show(&T, MSG_TLS_ENROL, &ID);
    assert_int_equal(tls_handshake(&c), 0);
    tls_client_end(&c);
    stop_role(&T);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(carries_an_invitation, begin, end),
        cmocka_unit_test_setup_teardown(there_is_nothing_else, begin, end),
        cmocka_unit_test_setup_teardown(headers_without_end, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_tls, begin, end),
        cmocka_unit_test_setup_teardown(random_bytes, begin, end),
        cmocka_unit_test_setup_teardown(old_versions_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(renegotiation_ends_it, begin, end),
        cmocka_unit_test_setup_teardown(slow_handshakes_are_let_go, begin, end),
        cmocka_unit_test_setup_teardown(a_silent_crowd, begin, end),
        cmocka_unit_test_setup_teardown(one_address_cannot_take_all, begin, end),
        cmocka_unit_test_setup_teardown(nobody_makes_it_spin, begin, end),
        cmocka_unit_test_setup_teardown(another_certificate, begin, end),
        cmocka_unit_test(waits_for_its_certificate),
    };
    signal(SIGPIPE, SIG_IGN);
    tls_identity_for_tests(&ID);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    tls_identity_clear(&ID);
    return failed;
}
