/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The courier against receivers of this test: what arrives, what it says of what does not, and that
 * a receiver that hangs costs nothing. TLS and real syslog daemons: tests/lab/test_outlets.sh.
 */
#include "tests/unit/http_peer.h"

#include "gateway/courier.h"

static struct role_under_test T;

static int begin(void **state)
{
    (void)state;
    start_role(&T, open("/dev/null", O_RDONLY), -1, courier_main);
    return 0;
}

static int end(void **state)
{
    (void)state;
    stop_role(&T);
    return 0;
}

/* ---- as the engine -------------------------------------------------------------------------- */

static void use(const struct outlet *o)
{
    struct writer w;

    writer_init(&w, 1u << 17);
    put_u8(&w, 0);
    put_outlet(&w, o, "");
    assert_int_equal(channel_send(T.channel, MSG_OUTLET, 0, &w, -1), 0);
    writer_clear(&w);
}

static void give(uint32_t round, uint64_t id, const char *signature, const char *text)
{
    const struct item i = {0, round, id};
    struct writer w;

    writer_init(&w, 1u << 19);
    put_item(&w, &i);
    put_text(&w, signature);
    put_blob(&w, text, strlen(text));
    assert_int_equal(channel_send(T.channel, MSG_DELIVER, 0, &w, -1), 0);
    assert_int_equal(channel_drain(T.channel, WAIT_MS), 0);
    writer_clear(&w);
}

struct told { struct item i; unsigned what, status; };

/* False: nothing within ms. */
static bool hears(struct told *t, int ms)
{
    struct message m;
    struct reader r;

    if (engine_hears(&T, &m, ms) != 1)
        return false;
    assert_int_equal(m.type, MSG_DELIVERED);
    reader_init(&r, m.body, m.len);
    t->i = get_item(&r);
    t->what = get_u8(&r);
    t->status = get_u16(&r);
    assert_true(reader_done(&r));
    return true;
}

static void expect(uint32_t round, uint64_t id, enum delivery what, unsigned status)
{
    struct told t = {.what = 99};

    assert_true(hears(&t, WAIT_MS));
    if (t.i.round != round || t.i.id != id || t.what != what || t.status != status)
        fail_msg("told: round %u, item %llu, %s, status %u", t.i.round, (unsigned long long)t.i.id,
                 delivery_text((enum delivery)t.what), t.status);
}

static int reads(int fd, char *out, size_t size)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    assert_int_equal(poll(&p, 1, WAIT_MS), 1);
    ssize_t n = recv(fd, out, size - 1, 0);
    assert_true(n >= 0);
    out[n] = '\0';
    return (int)n;
}

/* An outlet at a socket of ours on 127.0.0.1; its descriptor. */
static int receiver(struct outlet *o, enum outlet_kind kind, int receive_bytes)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof a;
    bool datagrams = kind == OUTLET_UDP;
    int fd = socket(AF_INET, datagrams ? SOCK_DGRAM : SOCK_STREAM, 0);

    if (receive_bytes)
        assert_return_code(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(int)), 0);
    assert_return_code(bind(fd, (const void *)&a, sizeof a), 0);
    assert_return_code(getsockname(fd, (void *)&a, &n), 0);
    if (!datagrams)
        assert_return_code(listen(fd, 8), 0);
    *o = (struct outlet){.kind = kind, .addr = {.family = 4, .b = {127, 0, 0, 1}},
                         .port = ntohs(a.sin_port), .host = "127.0.0.1", .target = "/in?a=b"};
    return fd;
}

/* ---- datagrams ------------------------------------------------------------------------------ */

static void datagrams(void **state)
{
    struct outlet o;
    char got[100];

    (void)state;
    int fd = receiver(&o, OUTLET_UDP, 0);
    use(&o);
    give(1, 7, "", "<84>1 line");
    expect(1, 7, DELIVERY_DELIVERED, 0);
    reads(fd, got, sizeof got);
    assert_string_equal(got, "<84>1 line");
    close(fd);
}

/* A socket that is made anew in between is found; one that is not there is said. */
static void unix_datagrams(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct outlet o = {.kind = OUTLET_UNIX};
    char got[100];

    (void)state;
    snprintf(o.path, sizeof o.path, "/tmp/pc-test-courier-%d", getpid());
    memcpy(a.sun_path, o.path, sizeof a.sun_path);
    use(&o);
    give(1, 1, "", "early");
    expect(1, 1, DELIVERY_UNREACHABLE, 0);
    for (uint32_t round = 2; round < 4; round++) {
        int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
        assert_return_code(bind(fd, (const void *)&a, sizeof a), 0);
        give(round, round, "", "line");
        expect(round, round, DELIVERY_DELIVERED, 0);
        reads(fd, got, sizeof got);
        assert_string_equal(got, "line");
        close(fd);
        unlink(o.path);
    }
}

/* ---- streams -------------------------------------------------------------------------------- */

static void octets_are_counted(void **state)
{
    struct outlet o;
    char got[100];

    (void)state;
    int l = receiver(&o, OUTLET_TCP, 0);
    use(&o);
    give(1, 1, "", "first");
    give(1, 2, "", "second line");
    int fd = accept(l, NULL, NULL);
    struct told t = {0};
    while (t.i.id != 2) {
        assert_true(hears(&t, WAIT_MS));
        assert_int_equal(t.what, DELIVERY_DELIVERED);
    }
    reads(fd, got, sizeof got);
    assert_string_equal(got, "5 first11 second line");
    give(1, 3, "", "x");
    expect(1, 3, DELIVERY_DELIVERED, 0);
    reads(fd, got, sizeof got);
    assert_string_equal(got, "1 x");
    close(fd);
    close(l);
}

static void nobody_listens(void **state)
{
    struct outlet o;

    (void)state;
    close(receiver(&o, OUTLET_TCP, 0));
    use(&o);
    give(1, 5, "", "line");
    expect(1, 5, DELIVERY_UNREACHABLE, 0);
}

/* What comes behind a failure is forgotten until the next round. */
static void a_failure_ends_its_round(void **state)
{
    struct outlet o;
    struct told t;
    char got[100];

    (void)state;
    int l = receiver(&o, OUTLET_TCP, 0);
    use(&o);
    give(1, 1, "", "one");
    int fd = accept(l, NULL, NULL);
    expect(1, 1, DELIVERY_DELIVERED, 0);
    reads(fd, got, sizeof got);
    close(l);
    struct linger at_once = {1, 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(fd);
    usleep(50000);
    give(1, 2, "", "two");
    assert_true(hears(&t, WAIT_MS));
    assert_true(t.i.id == 2 && t.what != DELIVERY_DELIVERED);
    give(1, 3, "", "three");
    assert_false(hears(&t, 200));
    give(2, 2, "", "two");
    assert_true(hears(&t, WAIT_MS));
    assert_true(t.i.round == 2 && t.i.id == 2);
}

/* Kilobytes of resident memory. */
static long resident(void)
{
    char path[64], line[256];
    long kb = 0;

    snprintf(path, sizeof path, "/proc/%d/status", (int)T.pid);
    FILE *f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (strncmp(line, "VmRSS:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    fclose(f);
    return kb;
}

/* A sanitizer keeps freed memory: not asked. */
static bool stays_below(long most)
{
#ifdef SANITIZED
    (void)most;
    return true;
#else
    return resident() < most;
#endif
}

/* It accepts and never reads: lines that its TCP has no room for are not called delivered, the
 * window bounds what waits, and when it goes the first of them is said to be lost. */
static void a_receiver_that_hangs(void **state)
{
    struct outlet o;
    static char line[8000];
    struct told t = {0};
    uint64_t last = 0;

    (void)state;
    memset(line, 'x', sizeof line - 1);
    int l = receiver(&o, OUTLET_TCP, 4096);
    use(&o);
    give(1, 1, "", "x");
    int fd = accept(l, NULL, NULL);
    expect(1, 1, DELIVERY_DELIVERED, 0);
    long before = resident();
    for (uint64_t id = 2; id < 2 + COURIER_WINDOW; id++)
        give(1, id, "", line);
    while (hears(&t, 300)) {
        assert_int_equal(t.what, DELIVERY_DELIVERED);
        last = t.i.id;
    }
    assert_true(last < 1 + COURIER_WINDOW);
    assert_true(stays_below(before + 2048));
    close(l);
    close(fd);
    assert_true(hears(&t, WAIT_MS));
    assert_true(t.i.id == (last ? last + 1 : 2) && t.what == DELIVERY_BROKEN);
}

/* It reads, but never so fast that all is written: what it has read must not stay in memory. */
static void a_receiver_that_is_slow(void **state)
{
    static char line[100000];
    struct outlet o;
    struct told t = {0};
    uint64_t given = COURIER_WINDOW, last = 0;

    (void)state;
    memset(line, 'x', sizeof line - 1);
    int l = receiver(&o, OUTLET_TCP, 65536);
    use(&o);
    for (uint64_t id = 1; id <= given; id++)
        give(1, id, "", line);
    long before = resident();
    int fd = accept(l, NULL, NULL);
    pid_t reader = fork();
    if (reader == 0) {
        while (read(fd, line, sizeof line) > 0)
            usleep(1000);
        _exit(0);
    }
    for (; last < 500; last = t.i.id) {
        assert_true(hears(&t, WAIT_MS));
        assert_int_equal(t.what, DELIVERY_DELIVERED);
        while (given < t.i.id + COURIER_WINDOW)
            give(1, ++given, "", line);
    }
    assert_true(stays_below(before + 12288));
    close(l);
    close(fd);
    kill(reader, SIGKILL);
    waitpid(reader, NULL, 0);
}

/* ---- webhooks ------------------------------------------------------------------------------- */

static void webhooks(void **state)
{
    static const struct { const char *what, *answer; enum delivery says; unsigned status; } cases[] = {
        {"taken", "HTTP/1.1 204 No Content\r\n\r\n", DELIVERY_DELIVERED, 204},
        {"taken, by 1.0", "HTTP/1.0 200 OK\r\n\r\nthanks", DELIVERY_DELIVERED, 200},
        {"refused", "HTTP/1.1 401 Unauthorized\r\n\r\n", DELIVERY_REFUSED, 401},
        {"sent elsewhere", "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\n\r\n", DELIVERY_REFUSED, 302},
        {"not now", "HTTP/1.1 503 Busy\r\n\r\n", DELIVERY_REFUSED, 503},
        {"not HTTP", "220 mail.example ESMTP\r\n", DELIVERY_BROKEN, 0},
        {"another version", "HTTP/2.0 200 OK\r\n\r\n", DELIVERY_BROKEN, 0},
        {"no digits", "HTTP/1.1 2x0 OK\r\n\r\n", DELIVERY_BROKEN, 0},
        {"cut", "HTTP/1.1 20", DELIVERY_BROKEN, 0},
        {"silent", "", DELIVERY_BROKEN, 0},
    };
    struct outlet o;
    char got[1000], want[1000];

    (void)state;
    int l = receiver(&o, OUTLET_WEBHOOK, 0);
    use(&o);
    snprintf(want, sizeof want,
             "POST /in?a=b HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nUser-Agent: portcullis/" VERSION "\r\n"
             "Content-Type: application/json\r\nContent-Length: 13\r\n"
             "Portcullis-Signature: t=1,v1=ab\r\nConnection: close\r\n\r\n{\"events\":[]}", o.port);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("%s\n", cases[i].what);
        give((uint32_t)i + 1, i, "t=1,v1=ab", "{\"events\":[]}");
        int fd = accept(l, NULL, NULL);
        reads(fd, got, sizeof got);
        assert_string_equal(got, want);
        say(fd, cases[i].answer, strlen(cases[i].answer));
        close(fd);
        expect((uint32_t)i + 1, i, cases[i].says, cases[i].status);
    }
    close(l);
    give(99, 99, "t=1,v1=ab", "{}");
    expect(99, 99, DELIVERY_UNREACHABLE, 0);
}

/* ---- the engine ----------------------------------------------------------------------------- */

/* A message that is not of the agreed form ends the courier. */
static void malformed_messages(void **state)
{
    static const struct { const char *what; enum message_type type; uint8_t body[4]; uint8_t n; } cases[] = {
        {"an item of no outlet", MSG_DELIVER, {0}, 1},
        {"an outlet of no kind", MSG_OUTLET, {0, 9}, 2},
        {"another role's message", MSG_STOP, {0}, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct message m;
        struct writer w;
        print_message("%s\n", cases[i].what);
        begin(NULL);
        writer_init(&w, 100);
        put_raw(&w, cases[i].body, cases[i].n);
        assert_int_equal(channel_send(T.channel, cases[i].type, 0, &w, -1), 0);
        writer_clear(&w);
        assert_int_equal(engine_hears(&T, &m, WAIT_MS), -1);
        end(NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(datagrams, begin, end),
        cmocka_unit_test_setup_teardown(unix_datagrams, begin, end),
        cmocka_unit_test_setup_teardown(octets_are_counted, begin, end),
        cmocka_unit_test_setup_teardown(nobody_listens, begin, end),
        cmocka_unit_test_setup_teardown(a_failure_ends_its_round, begin, end),
        cmocka_unit_test_setup_teardown(a_receiver_that_hangs, begin, end),
        cmocka_unit_test_setup_teardown(a_receiver_that_is_slow, begin, end),
        cmocka_unit_test_setup_teardown(webhooks, begin, end),
        cmocka_unit_test(malformed_messages),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
