/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handshakes as the engine judges them; the parent here says what it is told (engine_parent.h). */
#include "tests/unit/engine_lab.h"

#include "gateway/capture_knock.h"

static struct lab L;
static struct laptop maria, carla;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_person(&L, "carla", "filing");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &carla, "carla-laptop", "carla");
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

/* From `source`, opened by the parent as class c with this key and that time. */
static struct knock knock(const char *source, enum handshake_class c, const uint8_t key[32],
                          uint8_t time)
{
    struct knock k = {.time_us = clock_wall_us(), .source = addr(source), .port = 40000,
                      .good = c != HANDSHAKE_BAD_MAC};

    k.message[0] = (uint8_t)c;
    if (key)
        memcpy(k.message + 1, key, 32);
    k.message[1 + 32 + HANDSHAKE_TIME - 1] = time;
    return k;
}

static int hear(const struct knock *v, unsigned n)
{
    struct writer w;

    writer_init(&w, 16384);
    put_u16(&w, (uint16_t)n);
    for (unsigned i = 0; i < n; i++)
        put_knock(&w, &v[i]);
    struct message m = {.type = MSG_KNOCKS, .body = w.v, .len = w.n, .fd = -1};
    int rc = w.failed ? -1 : knocks_message(L.e, &m);
    writer_clear(&w);
    return rc;
}

static void hear_one(const char *source, enum handshake_class c, const uint8_t key[32],
                     uint8_t time)
{
    struct knock k = knock(source, c, key, time);

    assert_int_equal(hear(&k, 1), 0);
}

static uint64_t count(enum handshake_class c) { return L.e->knocks.books.class_[c]; }

/* The items of a list of attempts; the caller's. */
static json_t *attempts(const char *query)
{
    int status;

    attempts_keep(L.e);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/attempts", query, NULL, &status);
    json_t *items = json_incref(json_object_get(o, "items"));
    assert_int_equal(status, 200);
    json_decref(o);
    return items;
}

static json_t *only(const char *query)
{
    json_t *items = attempts(query);

    assert_int_equal(json_array_size(items), 1);
    json_t *one = json_incref(json_array_get(items, 0));
    json_decref(items);
    return one;
}

/* ---- classes -------------------------------------------------------------------------------- */

#define OPENED HANDSHAKE_UNKNOWN_KEY

static void of_each_class(void **state)
{
    static const uint8_t nobody[32] = {9};

    (void)state;
    hear_one("198.51.100.7", HANDSHAKE_BAD_MAC, NULL, 0);
    hear_one("198.51.100.7", HANDSHAKE_UNDECRYPTABLE, NULL, 0);
    hear_one("198.51.100.7", OPENED, nobody, 1);
    hear_one("198.51.100.7", OPENED, maria.wg, 1);
    assert_int_equal(count(HANDSHAKE_BAD_MAC), 0);   /* the capture role counts them */
    assert_int_equal(count(HANDSHAKE_UNDECRYPTABLE), 1);
    assert_int_equal(count(HANDSHAKE_UNKNOWN_KEY), 1);
    assert_int_equal(count(HANDSHAKE_KNOWN_KEY), 1);
    json_decref(only("reason=bad-mac"));
    json_decref(only("reason=undecryptable"));
    json_t *a = only("reason=unknown-key");
    assert_string_equal(lab_text(a, "key"), "CQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    assert_string_equal(lab_text(a, "user"), "");
    json_decref(a);
    a = attempts("user=maria");
    assert_int_equal(json_array_size(a), 0);
    json_decref(a);
}

static const struct {
    const char *what, *path, *why;
} ends[] = {
    {"device revoked", "/v1/devices/carla-laptop/revoke", "device-revoked"},
    {"device lost", "/v1/devices/carla-laptop/lost", "device-lost"},
    {"device retired", "/v1/devices/carla-laptop/retire", "device-retired"},
    {"person revoked", "/v1/users/carla/revoke", "person-revoked"},
};

static void an_ended_key_is_named(void **state)
{
    int64_t now = clock_wall().s;

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        print_message("%s\n", ends[i].what);
        if (i > 0)
            begin(state);
        lab_do(&L, CONTROL_POST, ends[i].path, "{}", 200);
        hear_one("198.51.100.7", OPENED, carla.wg, 1);
        hear_one("198.51.100.7", OPENED, carla.wg, 2);
        json_t *a = only("reason=ended-key");
        assert_string_equal(lab_text(a, "user"), "carla");
        assert_string_equal(lab_text(a, "device"), "carla-laptop");
        assert_string_equal(lab_text(a, "why"), ends[i].why);
        assert_in_range(json_integer_value(json_object_get(a, "ended")), now, now + 60);
        assert_int_equal(json_integer_value(json_object_get(a, "count")), 2);
        assert_int_equal(count(HANDSHAKE_ENDED_KEY), 2);
        json_decref(a);
        if (i + 1 < sizeof ends / sizeof ends[0])
            end(state);
    }
}

static void whose_time_is_over_is_named(void **state)
{
    struct user *u = user_by_name(L.e, "carla");

    (void)state;
    u->end.s = clock_wall().s + 100;
    hear_one("198.51.100.7", OPENED, carla.wg, 1);
    assert_int_equal(count(HANDSHAKE_KNOWN_KEY), 1);
    u->end.s = 1700000000;
    hear_one("198.51.100.7", OPENED, carla.wg, 2);
    json_t *a = only("reason=ended-key");
    assert_string_equal(lab_text(a, "why"), "person-ended");
    assert_int_equal(json_integer_value(json_object_get(a, "ended")), 1700000000);
    json_decref(a);
}

/* It does not wait for the next second: the list has it when the message has been heard. */
static void an_ended_key_is_named_at_once(void **state)
{
    int status;

    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/devices/carla-laptop/revoke", "{}", 200);
    hear_one("198.51.100.7", OPENED, carla.wg, 1);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/attempts", "reason=ended-key", NULL, &status);
    assert_int_equal(json_array_size(json_object_get(o, "items")), 1);
    json_decref(o);
}

/* ---- time ----------------------------------------------------------------------------------- */

static void old_ones_are_replays(void **state)
{
    (void)state;
    hear_one("198.51.100.7", OPENED, maria.wg, 5);
    hear_one("198.51.100.7", OPENED, maria.wg, 5);   /* the network brought it twice */
    assert_int_equal(count(HANDSHAKE_REPLAYED), 0);
    hear_one("198.51.100.8", OPENED, maria.wg, 5);   /* from elsewhere */
    hear_one("198.51.100.7", OPENED, maria.wg, 4);   /* older */
    assert_int_equal(count(HANDSHAKE_REPLAYED), 2);
    L.e->knocks.v[1].at_ms -= 1001;                  /* the same, but later */
    hear_one("198.51.100.7", OPENED, maria.wg, 5);
    assert_int_equal(count(HANDSHAKE_REPLAYED), 3);
    hear_one("198.51.100.7", OPENED, maria.wg, 6);
    hear_one("198.51.100.7", OPENED, carla.wg, 1);   /* each device has a time of its own */
    assert_int_equal(count(HANDSHAKE_KNOWN_KEY), 4);
    json_t *a = attempts("reason=replayed");
    assert_int_equal(json_array_size(a), 2);
    assert_string_equal(lab_text(json_array_get(a, 0), "user"), "maria");
    json_decref(a);
}

/* Who recorded a handshake of somebody who has left does not make him knock. */
static void a_recording_of_an_ended_key_is_a_replay(void **state)
{
    (void)state;
    hear_one("198.51.100.7", OPENED, carla.wg, 1);
    lab_do(&L, CONTROL_POST, "/v1/devices/carla-laptop/lost", "{}", 200);
    hear_one("198.51.100.9", OPENED, carla.wg, 1);
    assert_int_equal(count(HANDSHAKE_ENDED_KEY), 0);
    json_t *a = only("reason=replayed");
    assert_string_equal(lab_text(a, "device"), "carla-laptop");
    assert_string_equal(lab_text(a, "why"), "device-lost");
    json_decref(a);
}

static void times_survive_a_restart(void **state)
{
    (void)state;
    hear_one("198.51.100.7", OPENED, maria.wg, 5);
    attempts_keep(L.e);
    lab_stop(&L);
    lab_start(&L, LAB_POLICY);
    hear_one("198.51.100.7", OPENED, maria.wg, 5);
    assert_int_equal(count(HANDSHAKE_REPLAYED), 1);
    hear_one("198.51.100.7", OPENED, maria.wg, 6);
    assert_int_equal(count(HANDSHAKE_KNOWN_KEY), 2);
}

/* ---- places --------------------------------------------------------------------------------- */

static void a_key_in_two_places(void **state)
{
    (void)state;
    for (uint8_t i = 1; i <= 5; i++)
        hear_one(i % 2 ? "203.0.113.9" : "198.51.100.7", OPENED, maria.wg, i);
    json_t *a = only("kind=two-places");
    assert_string_equal(lab_text(a, "device"), "maria-laptop");
    assert_string_equal(lab_text(a, "source"), "198.51.100.7");
    assert_string_equal(lab_text(a, "destination"), "203.0.113.9");
    assert_int_equal(json_integer_value(json_object_get(a, "count")), 1);
    json_decref(a);
    for (uint8_t i = 6; i <= 7; i++)   /* two moves more, in the other order */
        hear_one(i % 2 ? "203.0.113.9" : "198.51.100.7", OPENED, maria.wg, i);
    a = only("kind=two-places");
    assert_int_equal(json_integer_value(json_object_get(a, "count")), 2);
    json_decref(a);
}

/* ---- books and bounds ----------------------------------------------------------------------- */

static void the_books_are_balanced(void **state)
{
    struct knock_counts c = {.bad_mac = 100, .unread = 3, .limited = 50, .lost = 7};
    struct writer w;
    uint64_t unheard;

    (void)state;
    writer_init(&w, 64);
    put_knock_counts(&w, &c);
    struct message m = {.type = MSG_KNOCK_COUNTS, .body = w.v, .len = w.n, .fd = -1};
    assert_int_equal(knocks_message(L.e, &m), 0);
    m.len--;
    assert_int_equal(knocks_message(L.e, &m), -1);
    writer_clear(&w);
    hear_one("198.51.100.7", OPENED, maria.wg, 1);
    L.knocks = 1000;
    L.knocks_logged = 165;
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/status", NULL, 200);
    const json_t *k = json_object_get(o, "knocks");
    assert_int_equal(json_integer_value(json_object_get(k, "seen")), 1000);
    assert_int_equal(json_integer_value(json_object_get(k, "bad-mac")), 100);
    assert_int_equal(json_integer_value(json_object_get(k, "limited")), 50 + 835);
    assert_int_equal(json_integer_value(json_object_get(k, "unheard")), 4);
    json_decref(o);
    L.knocks_logged = 161;   /* a new table: it counts from 0, what was counted stays */
    struct door_books b = knocks_books(L.e, &unheard);
    assert_int_equal(b.class_[HANDSHAKE_KNOWN_KEY] + b.class_[HANDSHAKE_BAD_MAC] + b.unread +
                         b.limited + b.lost + unheard, L.e->knocks.seen);
}

/* Whoever forges sources fills neither the list nor the memory. */
static void strangers_do_not_fill_the_list(void **state)
{
    static struct knock v[KNOCK_BATCH];
    unsigned sent = 0;

    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        for (unsigned j = 0; j < KNOCK_BATCH; j++, sent++) {
            v[j] = knock("198.51.100.7", HANDSHAKE_UNDECRYPTABLE, NULL, 0);
            v[j].source.b[2] = (uint8_t)i;
            v[j].source.b[3] = (uint8_t)j;
        }
        assert_int_equal(hear(v, KNOCK_BATCH), 0);
    }
    assert_int_equal(count(HANDSHAKE_UNDECRYPTABLE), sent);
    json_t *a = attempts("reason=undecryptable");
    assert_in_range(json_array_size(a), 60, 70);
    json_decref(a);
    lab_do(&L, CONTROL_POST, "/v1/devices/carla-laptop/revoke", "{}", 200);
    hear_one("198.51.100.7", OPENED, carla.wg, 1);
    json_decref(only("reason=ended-key"));
}

/* Nor with a recorded message of somebody's. */
static void a_recording_does_not_fill_the_list(void **state)
{
    struct knock k = knock("198.51.100.7", OPENED, maria.wg, 1);

    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        k.source.b[2] = (uint8_t)(i >> 8);
        k.source.b[3] = (uint8_t)i;
        assert_int_equal(hear(&k, 1), 0);
    }
    assert_int_equal(count(HANDSHAKE_REPLAYED), 499);
    json_t *a = attempts("reason=replayed");
    assert_in_range(json_array_size(a), 60, 70);
    json_decref(a);
}

static void bad_messages_are_refused(void **state)
{
    struct knock v[KNOCK_BATCH + 1];
    struct message m = {.type = MSG_KNOCKS, .body = (const uint8_t *)"\1\0\0", .len = 3, .fd = -1};

    (void)state;
    for (unsigned i = 0; i < KNOCK_BATCH + 1; i++)
        v[i] = knock("198.51.100.7", HANDSHAKE_UNDECRYPTABLE, NULL, 0);
    assert_int_equal(hear(v, KNOCK_BATCH + 1), -1);
    assert_int_equal(knocks_message(L.e, &m), -1);
    assert_int_equal(count(HANDSHAKE_UNDECRYPTABLE), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_each_class, begin, end),
        cmocka_unit_test_setup_teardown(an_ended_key_is_named, begin, end),
        cmocka_unit_test_setup_teardown(whose_time_is_over_is_named, begin, end),
        cmocka_unit_test_setup_teardown(an_ended_key_is_named_at_once, begin, end),
        cmocka_unit_test_setup_teardown(old_ones_are_replays, begin, end),
        cmocka_unit_test_setup_teardown(a_recording_of_an_ended_key_is_a_replay, begin, end),
        cmocka_unit_test_setup_teardown(times_survive_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(a_key_in_two_places, begin, end),
        cmocka_unit_test_setup_teardown(the_books_are_balanced, begin, end),
        cmocka_unit_test_setup_teardown(strangers_do_not_fill_the_list, begin, end),
        cmocka_unit_test_setup_teardown(a_recording_does_not_fill_the_list, begin, end),
        cmocka_unit_test_setup_teardown(bad_messages_are_refused, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
