/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The control contract: strict bodies, hints, lists, what is recorded of an act. */
#include "tests/unit/engine_lab.h"

static struct lab L;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_do(&L, CONTROL_POST, "/v1/users",
           "{\"name\":\"maria\",\"full_name\":\"Maria Ortíz\",\"roles\":[\"filing\"]}", 201);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

#define KEY "\"wireguard_key\":\"Nlrd1XLgu9sRzHFqf32ELyYv9W4PF2JBdlFcTJz6WnQ=\""

static void refuses_what_is_not_in_the_contract(void **state)
{
    static const struct {
        const char *what;
        enum control_method method;
        const char *path, *query, *body;
        int status;
        const char *code, *hint;
    } cases[] = {
        {"no such path", CONTROL_GET, "/v1/nothing", "", NULL, 404, "unknown_path", ""},
        {"other method", CONTROL_DELETE, "/v1/users", "", NULL, 405, "method_not_allowed", ""},
        {"a path of no characters", CONTROL_GET, "/v1/\xff", "", NULL, 400, "bad_path", ""},
        {"a slash more", CONTROL_GET, "/v1/users/maria/", "", NULL, 404, "unknown_path", ""},
        {"not JSON", CONTROL_POST, "/v1/users", "", "{", 400, "bad_json", ""},
        {"an array", CONTROL_POST, "/v1/users", "", "[]", 400, "bad_json", ""},
        {"duplicate", CONTROL_POST, "/v1/users", "", "{\"name\":\"a\",\"name\":\"b\"}", 400, "bad_json", ""},
        {"unknown member", CONTROL_POST, "/v1/users", "",
         "{\"name\":\"otto\",\"roles\":[],\"rolls\":1}", 400, "unknown_member", "name, full_name, roles, end"},
        {"member within another's name", CONTROL_POST, "/v1/users", "",
         "{\"name\":\"otto\",\"roles\":[],\"full\":1}", 400, "unknown_member", ""},
        {"missing", CONTROL_POST, "/v1/users", "", "{\"name\":\"otto\"}", 400, "missing_member", ""},
        {"null is not absent", CONTROL_POST, "/v1/users", "",
         "{\"name\":\"otto\",\"roles\":[],\"end\":null}", 400, "bad_member", ""},
        {"wrong type", CONTROL_POST, "/v1/users", "", "{\"name\":7,\"roles\":[]}", 400, "bad_member", ""},
        {"NUL in a text", CONTROL_POST, "/v1/users", "", "{\"name\":\"a\\u0000b\",\"roles\":[]}", 400, "bad_json", ""},
        {"newline in a text", CONTROL_POST, "/v1/users", "",
         "{\"name\":\"otto\",\"full_name\":\"a\\nb\",\"roles\":[]}", 400, "bad_member", ""},
        {"upper case", CONTROL_POST, "/v1/users", "", "{\"name\":\"Otto\",\"roles\":[]}", 400, "bad_name", ""},
        {"taken", CONTROL_POST, "/v1/users", "", "{\"name\":\"maria\",\"roles\":[]}", 409, "user_exists", ""},
        {"unknown role", CONTROL_POST, "/v1/users", "", "{\"name\":\"otto\",\"roles\":[\"filling\"]}",
         400, "unknown_role", "'filing'"},
        {"mistyped user", CONTROL_GET, "/v1/users/maira", "", NULL, 404, "unknown_user", "'maria'"},
        {"restore of an active one", CONTROL_POST, "/v1/users/maria/restore", "", NULL, 409, "not_revoked", ""},
        {"device of nobody", CONTROL_POST, "/v1/devices", "", "{\"name\":\"d\",\"user\":\"mario\"," KEY "}",
         404, "unknown_user", "'maria'"},
        {"short key", CONTROL_POST, "/v1/devices", "",
         "{\"name\":\"d\",\"user\":\"maria\",\"wireguard_key\":\"AAAA\"}", 400, "bad_key", ""},
        {"low order signing key", CONTROL_POST, "/v1/devices", "",
         "{\"name\":\"d\",\"user\":\"maria\"," KEY ",\"issuer\":{\"kid\":\"k\",\"alg\":\"Ed25519\","
         "\"key\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}}", 400, "bad_key", ""},
        {"other owner", CONTROL_POST, "/v1/devices", "",
         "{\"name\":\"d\",\"user\":\"maria\",\"own\":\"mine\"," KEY "}", 400, "bad_member", ""},
        {"issuer without kind", CONTROL_POST, "/v1/issuers", "", "{\"iss\":\"x\"}", 400, "missing_member", ""},
        {"unknown issuer", CONTROL_POST, "/v1/issuers/none/revoke", "", NULL, 404, "unknown_issuer", ""},
        {"limit of nothing", CONTROL_GET, "/v1/users", "limit=0", NULL, 400, "bad_query", ""},
        {"a query without value", CONTROL_GET, "/v1/users", "limit", NULL, 400, "bad_query", ""},
        {"a query twice", CONTROL_GET, "/v1/users", "limit=1&limit=2", NULL, 400, "bad_query", ""},
        {"bad escape", CONTROL_GET, "/v1/users", "after=%zz", NULL, 400, "bad_query", ""},
        {"escaped control", CONTROL_GET, "/v1/users", "after=%0a", NULL, 400, "bad_query", ""},
        {"unknown reason", CONTROL_GET, "/v1/attempts", "reason=none", NULL, 400, "bad_query", ""},
        {"nothing to explain", CONTROL_GET, "/v1/explain", "user=maria", NULL, 400, "bad_query", ""},
        {"mistyped resource", CONTROL_GET, "/v1/explain", "user=maria&to=dbb", NULL, 400,
         "unknown_destination", "'db'"},
        {"no such version", CONTROL_GET, "/v1/policy", "version=9", NULL, 404, "unknown_version", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status;
        json_t *o = lab_ask(&L, cases[i].method, cases[i].path, cases[i].query, cases[i].body, &status);
        json_t *error = json_object_get(o, "error");
        print_message("%s\n", cases[i].what);
        assert_string_equal(lab_text(error, "code"), cases[i].code);
        assert_int_equal(status, cases[i].status);
        assert_true(lab_text(error, "message")[0]);
        assert_non_null(strstr(lab_text(error, "hint"), cases[i].hint));
        json_decref(o);
    }
    assert_int_equal(L.e->n_users, 1);
    assert_null(dev_by_name(L.e, "d"));
}

static void lists_by_pages(void **state)
{
    int status;
    char body[64];
    unsigned seen = 0;
    char query[96] = "limit=2";

    (void)state;
    for (int i = 0; i < 4; i++) {
        snprintf(body, sizeof body, "{\"name\":\"u%d\",\"roles\":[]}", i);
        lab_do(&L, CONTROL_POST, "/v1/users", body, 201);
    }
    for (;;) {
        json_t *o = lab_ask(&L, CONTROL_GET, "/v1/users", query, NULL, &status);
        seen += (unsigned)json_array_size(json_object_get(o, "items"));
        const char *next = lab_text(o, "next");
        bool more = next[0];
        snprintf(query, sizeof query, "limit=2&after=%s", next);
        json_decref(o);
        if (!more)
            break;
    }
    assert_int_equal(seen, 5);
}

static void found(const char *path, const char *query, const char *name)
{
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, path, query, NULL, &status);
    json_t *items = json_object_get(o, "items");

    assert_int_equal(status, 200);
    if (json_array_size(items) != (name[0] != '\0') ||
        strcmp(lab_text(json_array_get(items, 0), "name"), name) != 0)
        fail_msg("%s?%s does not find '%s' alone", path, query, name);
    json_decref(o);
}

static void people_and_devices_are_searched(void **state)
{
    static const struct { const char *path, *query, *name; } cases[] = {
        {"/v1/users", "q=ORT", "maria"},          {"/v1/users", "q=ort%C3%ADz", "maria"},
        {"/v1/users", "q=filing", "maria"},       {"/v1/users", "q=ware", "otto"},
        {"/v1/users", "q=none", ""},              {"/v1/users", "q=otto&state=revoked", ""},
        {"/v1/devices", "q=LAP", "maria-laptop"}, {"/v1/devices", "q=ort", "maria-laptop"},
        {"/v1/devices", "q=10.77.0.2", "maria-laptop"},
        {"/v1/devices", "q=Nlrd1XLgu9sRzHFqf32ELyYv9W4PF2JBdlFcTJz6WnQ=", "maria-laptop"},
        {"/v1/devices", "q=Nlrd1XLgu9sRz", ""},   {"/v1/devices", "q=10.77.0.9", ""},
        {"/v1/devices", "q=lap&user=otto", ""},   {"/v1/devices", "q=lap&state=in", ""},
    };
    int status;

    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/users",
           "{\"name\":\"otto\",\"full_name\":\"Otto\",\"roles\":[\"warehouse\"]}", 201);
    lab_do(&L, CONTROL_POST, "/v1/devices", "{\"name\":\"maria-laptop\",\"user\":\"maria\"," KEY "}",
           201);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        found(cases[i].path, cases[i].query, cases[i].name);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/users", "limit=1&count=1&q=t", NULL, &status);
    assert_int_equal(json_integer_value(json_object_get(o, "total")), 2);
    assert_string_equal(lab_text(o, "next"), "maria");
    json_decref(o);
    o = lab_ask(&L, CONTROL_GET, "/v1/devices", "count=1&q=none", NULL, &status);
    assert_int_equal(json_integer_value(json_object_get(o, "total")), 0);
    json_decref(o);
    o = lab_ask(&L, CONTROL_GET, "/v1/users", "q=%C3%28", NULL, &status);
    assert_int_equal(status, 400);
    json_decref(o);
}

static void attempt_at(const char *device, const char *resource, int64_t last)
{
    struct attempt a = {.kind = ATTEMPT_PACKET, .proto = 6, .port = (uint16_t)last, .count = 1,
                        .first = {last}, .last = {last}};

    assert_true(ip_parse("10.20.0.9", 9, &a.destination));
    snprintf(a.device, sizeof a.device, "%s", device);
    snprintf(a.resource, sizeof a.resource, "%s", resource);
    store_begin(L.e->store);
    store_add_attempt(L.e->store, &a);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
}

/* The ports of the attempts listed, "7 9 " */
static const char *ports(const char *query, char next[48])
{
    static char text[64];
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/attempts", query, NULL, &status), *a;
    size_t i, n = 0;

    assert_int_equal(status, 200);
    text[0] = '\0';
    json_array_foreach(json_object_get(o, "items"), i, a)
        n += (size_t)snprintf(text + n, sizeof text - n, "%d ",
                              (int)json_integer_value(json_object_get(a, "port")));
    snprintf(next, 48, "%s", lab_text(o, "next"));
    json_decref(o);
    return text;
}

static void attempts_are_searched_and_the_newest_first(void **state)
{
    char next[48], query[96];
    int status;

    (void)state;
    attempt_at("laptop-a", "db", 7);
    attempt_at("laptop-b", "web", 9);
    attempt_at("laptop-c", "DB", 8);
    attempt_at("laptop-d", "web", 9);
    assert_string_equal(ports("", next), "7 9 8 9 ");
    assert_string_equal(ports("newest=1", next), "9 9 8 7 ");
    assert_string_equal(ports("newest=1&limit=1", next), "9 ");
    snprintf(query, sizeof query, "newest=1&limit=2&before=%s", next);
    assert_string_equal(ports(query, next), "9 8 ");
    snprintf(query, sizeof query, "newest=1&limit=2&before=%s", next);
    assert_string_equal(ports(query, next), "7 ");
    assert_string_equal(next, "");
    assert_string_equal(ports("q=Db", next), "7 8 ");
    assert_string_equal(ports("q=P-B", next), "9 ");
    assert_string_equal(ports("q=10.20.0.9", next), "7 9 8 9 ");
    assert_string_equal(ports("q=10.20.0.8", next), "");
    assert_string_equal(ports("q=%25", next), "");
    static const char *const bad[] = {"before=1-2", "newest=1&before=1", "newest=1&before=-",
                                      "newest=1&before=1-2-", "newest=2"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        json_decref(lab_ask(&L, CONTROL_GET, "/v1/attempts", bad[i], NULL, &status));
        assert_int_equal(status, 400);
    }
}

static json_int_t in_sample(size_t i, const char *name, size_t n)
{
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/history", "", NULL, &status);
    json_t *items = json_object_get(o, "items");

    assert_int_equal(json_array_size(items), n);
    json_int_t v = json_integer_value(json_object_get(json_array_get(items, i), name));
    json_decref(o);
    return v;
}

static void a_day_is_remembered_minute_by_minute(void **state)
{
    static struct laptop t;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    for (L.e->ticks = 1; L.e->ticks <= 121; L.e->ticks++) {
        if (L.e->ticks == 30)
            L.e->attempts.denied[DENY_SPOOFED] += 5;
        history_tick(L.e);
    }
    assert_int_equal(in_sample(0, "denied", 3), 0);
    assert_int_equal(in_sample(1, "denied", 3), 5);
    assert_int_equal(in_sample(2, "denied", 3), 0);
    assert_int_equal(in_sample(1, "quarantine", 3), 1);
    lab_in(&L, &t);
    for (int i = 0; i < HISTORY_SAMPLES; i++)
        history_sample(L.e);
    assert_int_equal(in_sample(0, "leases", HISTORY_SAMPLES), 1);
    assert_int_equal(in_sample(HISTORY_SAMPLES - 1, "quarantine", HISTORY_SAMPLES), 0);
}

static void every_act_is_recorded_with_who_did_it(void **state)
{
    static const char *const acts[] = {"engine.start", "user.add", "user.revoke", "receipt",
                                       "user.restore"};
    int status;

    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/users/maria/revoke", NULL, 200);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/restore", NULL, 200);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/audit", "", NULL, &status);
    json_t *items = json_object_get(o, "items");
    assert_int_equal(json_array_size(items), 5);
    for (size_t i = 0; i < 5; i++) {
        json_t *r = json_array_get(items, i);
        assert_string_equal(lab_text(r, "act"), acts[i]);
        assert_string_equal(lab_text(r, "actor"), i ? "anna" : "engine");
        assert_int_equal(json_integer_value(json_object_get(r, "uid")), i ? 1000 : 0);
    }
    json_decref(o);
    o = lab_must(&L, CONTROL_POST, "/v1/audit/verify", NULL, 200);
    assert_true(json_is_true(json_object_get(o, "ok")));
    json_decref(o);
}

/* A body may hold a passphrase: when it is closed, its texts are gone. */
static void a_closed_body_is_wiped(void **state)
{
    static const char body[] = "{\"passphrase\":\"correct horse\"}";
    struct request q = {.body = (const uint8_t *)body, .body_len = sizeof body - 1};
    struct body b;

    (void)state;
    body_open(&b, &q, false);
    const char *typed = body_text(&b, "passphrase", 64, true);
    json_t *kept = json_incref(json_object_get(b.o, "passphrase"));
    assert_string_equal(typed, "correct horse");
    assert_true(body_done(&b));
    body_close(&b);
    assert_string_equal(json_string_value(kept), "");
    json_decref(kept);
}

static void nobody_acts_by_anothers_uid(void **state)
{
    static const struct { const char *actor; int status; const char *recorded; } cases[] = {
        {"uid:1000", 200, "uid:1000"}, {"uid:0", 403, ""}, {"", 200, "uid:1000"},
        {"anna@firm", 200, "anna@firm"}, {"an na", 400, ""}, {"a\xc3\xad", 400, ""},
    };
    struct request q;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(&q, 0, sizeof q);
        q.method = CONTROL_GET;
        q.uid = 1000;
        snprintf(q.path, sizeof q.path, "/v1/users");
        snprintf(q.actor, sizeof q.actor, "%s", cases[i].actor);
        struct reply r = control_answer(L.e, &q, "");
        assert_int_equal(r.status, cases[i].status);
        if (r.status == 200)
            assert_string_equal(q.actor, cases[i].recorded);
        json_decref(r.body);
    }
    assert_int_equal(L.e->attempts.n, 1);   /* it is on record, under the uid that it was */
    assert_int_equal(L.e->attempts.v[0].kind, ATTEMPT_ADMIN);
    assert_string_equal(L.e->attempts.v[0].actor, "uid:1000");
}

static void events_go_on_over_a_restart(void **state)
{
    int status;

    (void)state;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/events", "after=-1", NULL, &status);
    json_int_t last = json_integer_value(json_object_get(o, "last"));
    assert_int_equal(json_array_size(json_object_get(o, "items")), 0);
    json_decref(o);
    lab_stop(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "otto", "");
    char query[64];
    snprintf(query, sizeof query, "after=%lld", (long long)last);
    o = lab_ask(&L, CONTROL_GET, "/v1/events", query, NULL, &status);
    json_t *items = json_object_get(o, "items");
    assert_int_equal(json_array_size(items), 1);
    assert_true(json_integer_value(json_object_get(json_array_get(items, 0), "seq")) > last);
    assert_string_equal(lab_text(json_array_get(items, 0), "kind"), "act");
    json_decref(o);
}

static void explains_in_one_sentence(void **state)
{
    static const struct { const char *what, *query, *says; bool permitted; } cases[] = {
        {"in, by address", "user=maria&to=10.20.0.9&port=5432&proto=tcp",
         "maria may reach 10.20.0.9:5432/tcp (db) from maria-laptop: role filing, policy.conf line 11",
         true},
        {"in, by name", "user=maria&to=web", "10.20.0.10:80/tcp (web)", true},
        {"remediation", "user=otto&to=updates", "every enrolled device may (remediation)", true},
        {"quarantine", "user=otto&to=wms", "the device is in quarantine: The device has not reported",
         false},
        {"another role", "user=maria&to=wms", "none of their roles reaches it (role warehouse does)",
         false},
        {"ICMP of the address's own family", "user=maria&to=fd20::10&proto=icmp",
         "maria may not reach fd20::10/icmpv6 from maria-laptop", false},
        {"nothing there", "user=maria&to=10.9.9.9&port=1", "it belongs to no resource", false},
        {"no device", "user=zoe&to=db", "zoe may not reach 10.20.0.9:5432/tcp: they have no device",
         false},
    };
    struct laptop maria, otto;

    (void)state;
    lab_person(&L, "otto", "warehouse");
    lab_person(&L, "zoe", "filing");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &otto, "otto-laptop", "otto");
    lab_in(&L, &maria);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status;
        json_t *o = lab_ask(&L, CONTROL_GET, "/v1/explain", cases[i].query, NULL, &status);
        print_message("%s: %s\n", cases[i].what, lab_text(o, "sentence"));
        assert_int_equal(status, 200);
        assert_non_null(strstr(lab_text(o, "sentence"), cases[i].says));
        assert_int_equal(json_is_true(json_object_get(o, "permitted")), cases[i].permitted);
        json_t *d = json_array_get(json_object_get(o, "devices"), 0);
        if (d)
            assert_true(json_is_true(json_object_get(json_object_get(d, "kernel"), "agrees")));
        json_decref(o);
    }
}

static void status_has_what_the_contract_says(void **state)
{
    static const char *const members[] = {"gateway", "version", "uptime_s", "policy", "clock",
                                          "kernel", "wireguard", "users", "devices", "leases",
                                          "denied", "lost", "alarms", "roles"};

    (void)state;
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/status", NULL, 200);
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++)
        if (!json_object_get(o, members[i]))
            fail_msg("status lacks %s", members[i]);
    json_decref(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_what_is_not_in_the_contract, begin, end),
        cmocka_unit_test_setup_teardown(lists_by_pages, begin, end),
        cmocka_unit_test_setup_teardown(people_and_devices_are_searched, begin, end),
        cmocka_unit_test_setup_teardown(attempts_are_searched_and_the_newest_first, begin, end),
        cmocka_unit_test_setup_teardown(a_day_is_remembered_minute_by_minute, begin, end),
        cmocka_unit_test_setup_teardown(every_act_is_recorded_with_who_did_it, begin, end),
        cmocka_unit_test(a_closed_body_is_wiped),
        cmocka_unit_test_setup_teardown(nobody_acts_by_anothers_uid, begin, end),
        cmocka_unit_test_setup_teardown(events_go_on_over_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(explains_in_one_sentence, begin, end),
        cmocka_unit_test_setup_teardown(status_has_what_the_contract_says, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
