/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Refused packets: whose they are, added up, counted exactly, kept in bounds. */
#include "tests/unit/engine_lab.h"

static struct lab L;
static struct laptop maria;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static struct ip_addr addr(const char *s)
{
    struct ip_addr a = {0};

    assert_true(ip_parse(s, strlen(s), &a));
    return a;
}

static int deny(const struct denied_packet *p, unsigned n)
{
    struct writer w;

    writer_init(&w, 65536);
    put_u16(&w, (uint16_t)n);
    for (unsigned i = 0; i < n; i++)
        put_denied(&w, p);
    struct message m = {.type = MSG_DENIED, .body = w.v, .len = w.n, .fd = -1};
    int rc = attempts_message(L.e, &m);
    writer_clear(&w);
    return rc;
}

static json_t *only(const char *query)
{
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/attempts", query, NULL, &status);
    json_t *items = json_object_get(o, "items");

    assert_int_equal(status, 200);
    assert_int_equal(json_array_size(items), 1);
    json_t *one = json_incref(json_array_get(items, 0));
    json_decref(o);
    return one;
}

static void names_who_and_what(void **state)
{
    static const struct {
        const char *what, *src, *dst;
        enum deny_reason reason;
        const char *user, *resource, *says, *why;
    } cases[] = {
        {"no lease", "10.77.0.2", "10.20.0.9", DENY_NO_LEASE, "maria", "db", "no-lease", "no-evidence"},
        {"nobody's address", "10.77.9.9", "10.20.0.9", DENY_UNKNOWN_SOURCE, "", "db", "unknown-source", ""},
        {"by v6", "fd77:acc::2", "fd20::9", DENY_NOT_PERMITTED, "maria", "", "not-permitted", ""},
        {"forged", "10.77.0.2", "10.20.0.9", DENY_SPOOFED, "", "db", "spoofed", ""},
        {"from the office", "10.20.0.77", "10.77.0.2", DENY_WRONG_DIRECTION, "maria", "", "wrong-direction", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct denied_packet p = {.time_us = clock_wall_us(), .reason = cases[i].reason,
                                  .src = addr(cases[i].src), .dst = addr(cases[i].dst), .proto = 6,
                                  .sport = 999, .dport = 5432, .file = 3};
        char query[64];
        print_message("%s\n", cases[i].what);
        assert_int_equal(deny(&p, 2), 0);
        attempts_tick(L.e);
        assert_int_equal(deny(&p, 1), 0);
        attempts_tick(L.e);
        snprintf(query, sizeof query, "reason=%s", cases[i].says);
        json_t *a = only(query);
        assert_int_equal(json_integer_value(json_object_get(a, "count")), 3);
        assert_int_equal(json_integer_value(json_object_get(a, "file")), 3);
        assert_string_equal(lab_text(a, "user"), cases[i].user);
        assert_string_equal(lab_text(a, "resource"), cases[i].resource);
        assert_string_equal(lab_text(a, "why"), cases[i].why);
        assert_string_equal(lab_text(a, "kind"), "packet");
        json_decref(a);
    }
}

static void a_misused_token_is_an_attempt(void **state)
{
    int status;
    char *token = lab_token(&L, &maria, &(struct report){.encrypted = true});

    (void)state;
    json_decref(lab_portal(&L, &maria, PORTAL_POSTURE, token, &status));
    json_decref(lab_portal(&L, &maria, PORTAL_POSTURE, token, &status));
    assert_int_equal(status, 403);
    attempts_tick(L.e);
    json_t *a = only("user=maria");
    assert_string_equal(lab_text(a, "kind"), "token");
    assert_string_equal(lab_text(a, "code"), "PT402");
    json_decref(a);
    free(token);
}

/* Healthy, and at an hour at which its role does not work. */
static void outside_working_hours_is_why(void **state)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    struct denied_packet p = {.time_us = clock_wall_us(), .reason = DENY_NO_LEASE,
                              .src = addr("10.77.0.2"), .dst = addr("10.20.0.9"), .proto = 6,
                              .dport = 5432};
    char text[1024];
    time_t now = time(NULL);
    struct tm tm;
    int status;

    (void)state;
    snprintf(text, sizeof text,
             "company \"Lab\"\nresource db { 10.20.0.9 tcp 5432 }\n"
             "posture baseline { lease 15m evidence <= 8h assurance >= PA1 require fde.sys }\n"
             "role filing { reach db posture baseline hours %s 08:00-17:00 UTC }\n"
             "role warehouse { reach db posture baseline }\n",
             days[(gmtime_r(&now, &tm)->tm_wday + 3) % 7]);
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", text, 200);
    json_decref(lab_report(&L, &maria, &(struct report){.encrypted = true}, &status));
    assert_int_equal(deny(&p, 1), 0);
    attempts_tick(L.e);
    json_t *a = only("user=maria");
    assert_string_equal(lab_text(a, "kind"), "packet");
    assert_string_equal(lab_text(a, "why"), "hours");
    json_decref(a);
}

/* As list, as one, as an event: the same attempt. */
static void one_attempt_by_its_id(void **state)
{
    struct denied_packet p = {.time_us = clock_wall_us(), .reason = DENY_NOT_PERMITTED,
                              .src = addr("10.77.0.2"), .dst = addr("10.20.0.9"), .proto = 17,
                              .dport = 53};
    char path[64];
    int status;

    (void)state;
    assert_int_equal(deny(&p, 1), 0);
    attempts_tick(L.e);
    json_t *a = only("reason=not-permitted&role=filing");
    long long id = json_integer_value(json_object_get(a, "id"));
    snprintf(path, sizeof path, "/v1/attempts/%lld", id);
    json_t *same = lab_must(&L, CONTROL_GET, path, NULL, 200);
    assert_string_equal(lab_text(same, "sentence"),
                        "maria-laptop (maria) -> 10.20.0.9:53/udp: not-permitted");
    json_object_del(same, "sentence");
    json_object_del(same, "cases");
    assert_true(json_equal(a, same));
    json_t *events = lab_ask(&L, CONTROL_GET, "/v1/events", "after=0&limit=5000", NULL, &status);
    const json_t *items = json_object_get(events, "items");
    const json_t *last = json_array_get(items, json_array_size(items) - 1);
    assert_true(json_equal(json_object_get(last, "attempt"), a));
    json_t *ecs = lab_ask(&L, CONTROL_GET, path, "format=ecs", NULL, &status);
    assert_true(json_equal(json_object_get(last, "ecs"), ecs));
    json_t *list = only("reason=not-permitted&format=ecs");
    assert_true(json_equal(json_object_get(list, "ecs"), ecs));
    json_decref(list);
    json_decref(ecs);
    json_decref(events);
    json_decref(same);
    json_decref(a);
}

/* Documents are large: so many go into one answer, and the list goes on behind them. */
static void documents_come_by_the_thousand(void **state)
{
    struct attempt a = {.kind = ATTEMPT_PACKET, .count = 1, .first = clock_wall(),
                        .last = clock_wall()};
    int status;

    (void)state;
    for (unsigned i = 0; i < 1500; i++) {
        a.port = (uint16_t)i;
        attempts_add(&L.e->attempts, &a);
    }
    attempts_keep(L.e);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/attempts", "format=ecs&limit=5000", NULL, &status);
    assert_int_equal(json_array_size(json_object_get(o, "items")), 1000);
    assert_int_equal(json_integer_value(json_object_get(o, "next")), 1000);
    json_decref(o);
    o = lab_ask(&L, CONTROL_GET, "/v1/attempts", "format=ecs&limit=5000&after=1000", NULL, &status);
    assert_int_equal(json_array_size(json_object_get(o, "items")), 500);
    assert_null(json_object_get(o, "next"));
    json_decref(o);
}

static void no_such_attempt(void **state)
{
    static const struct { const char *path, *query; int status; } cases[] = {
        {"/v1/attempts/1", "", 404}, {"/v1/attempts/0", "", 404}, {"/v1/attempts/x", "", 404},
        {"/v1/attempts/99999999999999999999", "", 404}, {"/v1/attempts/1", "format=xml", 400},
        {"/v1/attempts", "format=xml", 400}, {"/v1/attempts", "kind=dream", 400}};
    int status;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        print_message("%s?%s\n", cases[i].path, cases[i].query);
        json_decref(lab_ask(&L, CONTROL_GET, cases[i].path, cases[i].query, NULL, &status));
        assert_int_equal(status, cases[i].status);
    }
}

static void bad_messages_are_refused(void **state)
{
    struct denied_packet p = {.reason = DENY_INVALID, .src = addr("10.0.0.1"), .dst = addr("10.0.0.2")};
    struct writer w;

    (void)state;
    writer_init(&w, 65536);
    put_u16(&w, 2);               /* two are promised, one is there */
    put_denied(&w, &p);
    struct message m = {.type = MSG_DENIED, .body = w.v, .len = w.n, .fd = -1};
    assert_int_equal(attempts_message(L.e, &m), -1);
    m.type = MSG_LOST;
    m.len = 7;
    assert_int_equal(attempts_message(L.e, &m), -1);
    writer_clear(&w);
}

static void what_has_no_room_is_counted(void **state)
{
    static struct attempts all;
    struct attempt a = {.count = 1};

    (void)state;
    for (unsigned i = 0; i < ATTEMPTS_PENDING + 5; i++) {
        a.port = (uint16_t)i;
        attempts_add(&all, &a);
    }
    assert_int_equal(all.n, ATTEMPTS_PENDING);
    assert_int_equal(all.overflow, 5);
    a.port = 0;
    attempts_add(&all, &a);       /* a known one still has room */
    assert_int_equal(all.v[0].count, 2);
    attempts_clear(&all);
}

static void counters_may_begin_again(void **state)
{
    uint64_t total[DENY_REASONS] = {0}, last[DENY_REASONS] = {0}, now[DENY_REASONS] = {0};
    static const struct { uint64_t says, total; } steps[] = {{5, 5}, {9, 9}, {9, 9}, {2, 11}, {4, 13}};

    (void)state;
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        now[DENY_SPOOFED] = steps[i].says;
        attempts_count(total, last, now, DENY_REASONS);
        assert_int_equal(total[DENY_SPOOFED], steps[i].total);
    }
}

static void counts_survive_a_restart(void **state)
{
    (void)state;
    L.denied = 40;
    attempts_read_counts(L.e);
    L.e->ticks = 0;                        /* one of those in which counts are kept */
    attempts_tick(L.e);
    lab_stop(&L);
    L.denied = 42;
    lab_start(&L, LAB_POLICY);
    attempts_read_counts(L.e);
    assert_int_equal(L.e->attempts.denied[DENY_NO_LEASE], 42);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_who_and_what, begin, end),
        cmocka_unit_test_setup_teardown(a_misused_token_is_an_attempt, begin, end),
        cmocka_unit_test_setup_teardown(outside_working_hours_is_why, begin, end),
        cmocka_unit_test_setup_teardown(one_attempt_by_its_id, begin, end),
        cmocka_unit_test_setup_teardown(documents_come_by_the_thousand, begin, end),
        cmocka_unit_test_setup_teardown(no_such_attempt, begin, end),
        cmocka_unit_test_setup_teardown(bad_messages_are_refused, begin, end),
        cmocka_unit_test(what_has_no_room_is_counted),
        cmocka_unit_test(counters_may_begin_again),
        cmocka_unit_test_setup_teardown(counts_survive_a_restart, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
