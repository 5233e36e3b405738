/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outlets' queues: in order, bounded, over restarts, and with books that balance. */
#include "tests/unit/engine_lab.h"

#include "gateway/courier.h"

#define TCP "syslog tcp 10.20.0.5:601"
#define HOOK "webhook https://siem.example.com:443 #d116798b"
#define OUTLETS "attempts { syslog tcp 10.20.0.5:601 webhook \"https://siem.example.com/in\" " \
                "{ key-file webhook.key } } }\n"
#define KEY "0123456789abcdef0123456789abcdef"

static struct lab L;
static struct channel *courier;

static void launch(const char *tail)
{
    static char gateway[1024];

    snprintf(gateway, sizeof gateway, "%.*s%s", (int)strlen(LAB_GATEWAY) - 2, LAB_GATEWAY, tail);
    assert_int_equal(lab_try(&L, gateway, LAB_POLICY, "boot-1"), 0);
}

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    L.outlet_file = KEY "\n";
    launch(OUTLETS);
    return 0;
}

static void hire(void)
{
    int sv[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
    channel_free(L.e->peer[ROLE_COURIER]);
    channel_free(courier);
    L.e->peer[ROLE_COURIER] = channel_new(sv[0]);
    loop_watch(L.e->loop, sv[0], 0, NULL, NULL);
    courier = channel_new(sv[1]);
    outlets_courier(L.e);
}

static void dismiss(void)
{
    channel_free(courier);
    courier = NULL;
}

static int end(void **state)
{
    (void)state;
    dismiss();
    lab_end(&L);
    return 0;
}

/* ---- the courier ---------------------------------------------------------------------------- */

struct got { unsigned n; struct item first, last; char text[4096], signature[SIGNATURE_TEXT]; };

/* What has come for this outlet; others are passed over. */
static struct got take(uint8_t outlet)
{
    struct got g = {0};
    struct message m;
    struct reader r;

    while (channel_flush(L.e->peer[ROLE_COURIER]) == 0 && channel_receive(courier, &m) == 1) {
        if (m.type != MSG_DELIVER)
            continue;
        size_t n;
        char signature[SIGNATURE_TEXT];
        reader_init(&r, m.body, m.len);
        struct item i = get_item(&r);
        get_text(&r, signature, sizeof signature);
        const uint8_t *body = get_blob(&r, &n, COURIER_ITEM_MAX);
        assert_true(reader_done(&r));
        if (i.outlet != outlet)
            continue;
        if (g.n++ == 0)
            g.first = i;
        g.last = i;
        snprintf(g.text, sizeof g.text, "%.*s", (int)n, (const char *)body);
        memcpy(g.signature, signature, sizeof signature);
    }
    return g;
}

static int say(struct item i, unsigned outcome)
{
    struct writer w;

    writer_init(&w, 32);
    put_item(&w, &i);
    put_u8(&w, (uint8_t)outcome);
    put_u16(&w, 0);
    struct message m = {.type = MSG_DELIVERED, .body = w.v, .len = w.n, .fd = -1};
    int rc = outlets_message(L.e, &m);
    writer_clear(&w);
    return rc;
}

static struct outlet_state *outlet(size_t i) { return &L.e->outlets.v[i]; }

/* So many different attempts, kept. */
static void attempts(unsigned from, unsigned n)
{
    struct attempt a = {.kind = ATTEMPT_PACKET, .reason = DENY_NOT_PERMITTED, .proto = 6,
                        .count = 1, .first = clock_wall(), .last = clock_wall()};

    for (unsigned i = 0; i < n; i++) {
        a.port = (uint16_t)(from + i);
        attempts_add(&L.e->attempts, &a);
        if (L.e->attempts.n == ATTEMPTS_PENDING || i + 1 == n)
            attempts_keep(L.e);
    }
}

static void balance(size_t i, uint64_t written)
{
    const struct outlet_state *s = outlet(i);

    assert_int_equal(s->books.delivered + s->books.dropped + s->queued, written);
}

/* ---- the cases ------------------------------------------------------------------------------ */

static void in_order_and_by_the_window(void **state)
{
    (void)state;
    hire();
    attempts(1000, 100);
    outlets_tick(L.e);
    struct got g = take(0);
    assert_int_equal(g.n, COURIER_WINDOW);
    assert_int_equal(say(g.last, DELIVERY_DELIVERED), 0);
    g = take(0);
    assert_int_equal(g.n, 100 - COURIER_WINDOW);
    assert_int_equal(say(g.first, DELIVERY_DELIVERED), 0);
    assert_int_equal(outlet(0)->books.delivered, COURIER_WINDOW + 1);
    assert_int_equal(say(g.last, DELIVERY_DELIVERED), 0);
    assert_int_equal(outlet(0)->queued, 0);
    balance(0, 100);
    outlets_tick(L.e);
    assert_int_equal(store_count_deliveries(L.e->store, TCP), 0);
    assert_int_equal(store_get_outlet(L.e->store, TCP).delivered, 100);
}

static void a_post_is_a_signed_document(void **state)
{
    char want[SIGNATURE_TEXT];
    long long t;

    (void)state;
    hire();
    attempts(1000, 2);
    outlets_tick(L.e);
    struct got g = take(1);
    assert_int_equal(g.n, 1);
    json_t *o = json_loads(g.text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(o);
    assert_string_equal(lab_text(o, "gateway"), "hq");
    const json_t *events = json_object_get(o, "events");
    assert_int_equal(json_array_size(events), 2);
    assert_string_equal(lab_text(json_object_get(json_array_get(events, 1), "event"), "id"), "hq-2");
    json_decref(o);
    assert_int_equal(sscanf(g.signature, "t=%lld,", &t), 1);
    outlet_signature((const uint8_t *)KEY, strlen(KEY), t, g.text, strlen(g.text), want);
    assert_string_equal(g.signature, want);
    assert_int_equal(say(g.last, DELIVERY_DELIVERED), 0);
    assert_int_equal(outlet(1)->books.delivered, 2);
}

/* By Python's hmac. */
static void signature_vector(void **state)
{
    char out[SIGNATURE_TEXT];

    (void)state;
    assert_string_equal(outlet_signature((const uint8_t *)KEY, strlen(KEY), 1795330000, "{\"a\":1}", 7, out),
                        "t=1795330000,v1="
                        "5cf4e64b0532b4c75ccf154321080bb9b114fdb6fc0d4dccb78e0ccb4a8a2d84");
}

static void failures_are_repeated_after_a_pause(void **state)
{
    (void)state;
    hire();
    attempts(1000, 10);
    outlets_tick(L.e);
    struct got g = take(0);
    assert_int_equal(g.n, 10);
    assert_int_equal(say(g.first, DELIVERY_DELIVERED), 0);
    struct item second = g.last;
    second.id = (uint64_t)outlet(0)->flying[0];
    assert_int_equal(say(second, DELIVERY_UNREACHABLE), 0);
    assert_int_equal(say(g.last, DELIVERY_DELIVERED), 0);      /* of a round that is over */
    assert_int_equal(outlet(0)->books.delivered, 1);
    assert_int_equal(outlet(0)->failures, 1);
    outlets_tick(L.e);
    assert_int_equal(take(0).n, 0);
    outlet(0)->retry_ms = 0;
    outlets_tick(L.e);
    g = take(0);
    assert_int_equal(g.n, 9);
    assert_int_equal(g.first.id, second.id);
    assert_int_equal(g.first.round, second.round + 1);
    balance(0, 10);
}

static void pauses_grow(void **state)
{
    static const struct { unsigned tries; int64_t s; } cases[] = {
        {0, 0}, {1, 1}, {2, 2}, {3, 4}, {6, 32}, {7, 60}, {20, 60}, {21, 60}, {UINT32_MAX, 60}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(outlet_pause(cases[i].tries, 60), cases[i].s);
}

static void lies_end_the_courier(void **state)
{
    (void)state;
    hire();
    attempts(1000, 3);
    outlets_tick(L.e);
    struct got g = take(0);
    struct item lie = g.last;
    lie.id += 1000;
    assert_int_equal(say(lie, DELIVERY_DELIVERED), -1);
    assert_int_equal(say(g.last, DELIVERY_OUTCOMES), -1);
    lie = g.last;
    lie.outlet = 2;
    assert_int_equal(say(lie, DELIVERY_DELIVERED), -1);
    lie.outlet = OUTLETS_MAX;
    assert_int_equal(say(lie, DELIVERY_DELIVERED), -1);
    assert_int_equal(outlet(0)->books.delivered, 0);
}

static unsigned records(const char *act)
{
    int status;
    unsigned n = 0;
    size_t i;
    json_t *one, *o = lab_ask(&L, CONTROL_GET, "/v1/audit", "last=5000", NULL, &status);

    json_array_foreach(json_object_get(o, "items"), i, one)
        n += strcmp(lab_text(one, "act"), act) == 0;
    json_decref(o);
    return n;
}

/* A receiver that is not there for long: the oldest go, counted and told. */
static void the_queue_is_bounded(void **state)
{
    (void)state;
    attempts(1, OUTLET_QUEUE_MAX + 50);
    assert_int_equal(outlet(0)->queued, OUTLET_QUEUE_MAX);
    assert_int_equal(outlet(0)->books.dropped, 50);
    assert_int_equal(store_count_deliveries(L.e->store, TCP), OUTLET_QUEUE_MAX);
    balance(0, OUTLET_QUEUE_MAX + 50);
    assert_int_equal(records("outlet.dropped"), 0);
    outlets_tick(L.e);
    assert_int_equal(records("outlet.dropped"), 2);           /* one of each outlet */
    hire();
    outlets_tick(L.e);
    struct got g = take(0);
    assert_non_null(strstr(g.text, " seq=\"114\""));          /* 51 is the first that is left */
}

/* What is with the courier when it is dropped is dropped, whatever the courier says later. */
static void dropped_on_the_way(void **state)
{
    (void)state;
    hire();
    attempts(1, 1);
    outlets_tick(L.e);
    struct got g = take(0);
    attempts(2, OUTLET_QUEUE_MAX);
    assert_int_equal(outlet(0)->books.dropped, 1);
    assert_int_equal(say(g.last, DELIVERY_DELIVERED), 0);
    assert_int_equal(outlet(0)->books.delivered, 0);
    balance(0, OUTLET_QUEUE_MAX + 1);
}

static void over_a_restart(void **state)
{
    (void)state;
    hire();
    attempts(1000, 20);
    outlets_tick(L.e);
    struct got g = take(0);
    struct item tenth = g.last;
    tenth.id = (uint64_t)outlet(0)->flying[9];
    assert_int_equal(say(tenth, DELIVERY_DELIVERED), 0);
    outlets_tick(L.e);
    lab_stop(&L);
    dismiss();
    launch(OUTLETS);
    assert_int_equal(outlet(0)->queued, 10);
    assert_int_equal(outlet(0)->books.delivered, 10);
    assert_int_equal(outlet(1)->queued, 20);
    attempts(2000, 1);
    hire();
    outlets_tick(L.e);
    g = take(0);
    assert_int_equal(g.n, 11);
    assert_true(g.first.id > tenth.id);
    assert_non_null(strstr(g.text, " seq=\"21\""));
    balance(0, 21);
}

/* A new courier gets what the last one did not answer for. */
static void over_a_new_courier(void **state)
{
    (void)state;
    hire();
    attempts(1000, 5);
    outlets_tick(L.e);
    struct got g = take(0);
    hire();
    struct got again = take(0);
    assert_int_equal(again.n, 5);
    assert_int_equal(again.first.id, g.first.id);
    assert_true(again.first.round > g.first.round);
}

static void an_outlet_that_is_gone(void **state)
{
    (void)state;
    attempts(1000, 5);
    lab_stop(&L);
    launch("attempts { syslog udp 10.20.0.5:514 } }\n");
    assert_int_equal(store_count_deliveries(L.e->store, TCP), 0);
    assert_int_equal(store_get_outlet(L.e->store, TCP).dropped, 5);
    assert_int_equal(records("outlet.removed"), 2);
    assert_int_equal(outlet(0)->queued, 0);
}

/* Without its key a webhook waits, and says so. */
static void no_key(void **state)
{
    int status;

    (void)state;
    lab_stop(&L);
    L.outlet_file = "too short";
    launch(OUTLETS);
    hire();
    attempts(1000, 5);
    outlets_tick(L.e);
    assert_int_equal(take(1).n, 0);
    assert_int_equal(outlet(1)->queued, 5);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/status", "", NULL, &status);
    const json_t *hook = json_array_get(json_object_get(o, "outlets"), 1);
    assert_string_equal(lab_text(hook, "name"), HOOK);
    assert_true(strlen(lab_text(hook, "fault")) > 0);
    json_decref(o);
}

/* A transaction that does not hold leaves nothing: the attempts come again with the next. */
static void a_transaction_that_fails(void **state)
{
    struct attempt a = {.kind = ATTEMPT_PACKET, .count = 1};

    (void)state;
    attempts(1000, 1);
    store_begin(L.e->store);
    outlets_add(L.e, &a);
    outlets_store(L.e);
    store_rollback(L.e->store);
    outlets_stored(L.e, false);
    assert_int_equal(outlet(0)->queued, 1);
    assert_int_equal(L.e->outlets.seq, 1);
    attempts(1001, 1);
    assert_int_equal(L.e->outlets.seq, 2);
    assert_int_equal(outlet(0)->queued, 2);
    assert_int_equal(store_count_deliveries(L.e->store, TCP), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(in_order_and_by_the_window, begin, end),
        cmocka_unit_test_setup_teardown(a_post_is_a_signed_document, begin, end),
        cmocka_unit_test(signature_vector),
        cmocka_unit_test_setup_teardown(failures_are_repeated_after_a_pause, begin, end),
        cmocka_unit_test(pauses_grow),
        cmocka_unit_test_setup_teardown(lies_end_the_courier, begin, end),
        cmocka_unit_test_setup_teardown(the_queue_is_bounded, begin, end),
        cmocka_unit_test_setup_teardown(dropped_on_the_way, begin, end),
        cmocka_unit_test_setup_teardown(over_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(over_a_new_courier, begin, end),
        cmocka_unit_test_setup_teardown(an_outlet_that_is_gone, begin, end),
        cmocka_unit_test_setup_teardown(no_key, begin, end),
        cmocka_unit_test_setup_teardown(a_transaction_that_fails, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
