/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the portal tells a person of the last days: their own sessions and denials, by pages. */
#include "tests/unit/engine_lab.h"

#include "gateway/attempts.h"
#include "gateway/page_history.h"
#include "gateway/visits.h"

static struct lab L;
static struct laptop maria, phone, jo;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_person(&L, "jo", "filing");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &phone, "maria-phone", "maria");
    lab_enrol(&L, &jo, "jo-laptop", "jo");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static json_t *ask(const struct laptop *t, enum portal_verb verb, const char *before)
{
    int status;
    json_t *o = lab_portal(&L, t, verb, before, &status);

    assert_int_equal(status, 200);
    return o;
}

static json_t *item(const json_t *o, size_t i)
{
    return json_array_get(json_object_get(o, "items"), i);
}

static size_t items(const json_t *o) { return json_array_size(json_object_get(o, "items")); }

/* ---- sessions --------------------------------------------------------------------------------- */

static void from_lease_to_end(void **state)
{
    (void)state;
    int status;
    json_t *o = ask(&maria, PORTAL_SESSIONS, "");
    assert_int_equal(items(o), 0);
    json_decref(o);

    lab_in(&L, &maria);
    lab_in(&L, &jo);
    o = ask(&maria, PORTAL_SESSIONS, "");
    assert_int_equal(items(o), 1);
    assert_string_equal(lab_text(item(o, 0), "device"), "maria-laptop");
    assert_string_equal(lab_text(item(o, 0), "roles"), "filing");
    assert_null(json_object_get(item(o, 0), "ended"));
    json_decref(o);

    lab_in(&L, &maria);
    json_decref(lab_report(&L, &maria, &(struct report){.encrypted = false}, &status));
    o = ask(&maria, PORTAL_SESSIONS, "");
    assert_int_equal(items(o), 1);
    assert_string_equal(lab_text(item(o, 0), "reason"), "posture");
    assert_true(lab_text(item(o, 0), "sentence")[0] != '\0');
    json_decref(o);

    lab_in(&L, &maria);
    o = ask(&phone, PORTAL_SESSIONS, "");
    assert_int_equal(items(o), 2);
    assert_null(json_object_get(item(o, 0), "ended"));
    assert_non_null(json_object_get(item(o, 1), "ended"));
    json_decref(o);
}

static void what_ends_them(void **state)
{
    (void)state;
    lab_in(&L, &maria);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/lost", "{}", 200);
    json_t *o = ask(&phone, PORTAL_SESSIONS, "");
    assert_int_equal(items(o), 1);
    assert_string_equal(lab_text(item(o, 0), "reason"), "device-ended");
    json_decref(o);

    lab_in(&L, &jo);
    struct dev *d = dev_by_name(L.e, "jo-laptop");
    store_begin(L.e->store);
    store_put_lease(L.e->store, d->k.index, &(struct grant){.class_id = d->lease.class_id,
                    .granted = d->lease.granted, .until = d->lease.granted, .end_boot_ms = 1},
                    "filing");
    assert_int_equal(store_commit(L.e->store), STORE_OK);
    lab_restart(&L, LAB_POLICY);
    o = ask(&jo, PORTAL_SESSIONS, "");
    assert_int_equal(items(o), 2);      /* the evidence held: a new lease */
    assert_null(json_object_get(item(o, 0), "ended"));
    assert_non_null(json_object_get(item(o, 1), "ended"));
    json_decref(o);
}

/* It may be anybody's who got hold of an invitation. */
static void a_device_that_waits_learns_nothing(void **state)
{
    static const enum portal_verb refused[] = {PORTAL_SESSIONS, PORTAL_DENIALS, PORTAL_LOST};
    int status;

    (void)state;
    lab_in(&L, &maria);
    dev_by_name(L.e, "maria-phone")->approved = false;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        json_t *o = lab_portal(&L, &phone, refused[i], "", &status);
        assert_int_equal(status, 403);
        assert_string_equal(lab_text(json_object_get(o, "error"), "code"), "not_approved");
        json_decref(o);
    }
    json_t *me = lab_portal(&L, &phone, PORTAL_ME, "", &status);
    assert_int_equal(json_array_size(json_object_get(me, "devices")), 1);
    json_decref(me);
    me = lab_portal(&L, &maria, PORTAL_ME, "", &status);
    assert_int_equal(json_array_size(json_object_get(me, "devices")), 2);
    json_decref(me);
}

/* Walks all pages; how many items they have together. Each is older than the one before it. */
static size_t walk(const struct laptop *t, enum portal_verb verb, const char *time)
{
    json_int_t last = INT64_MAX;
    char before[64] = "";
    size_t n = 0;

    for (int pages = 0; pages < 10; pages++) {
        json_t *o = ask(t, verb, before);
        assert_int_equal(json_is_true(json_object_get(o, "first")), pages == 0);
        for (size_t i = 0; i < items(o); i++, n++) {
            json_int_t at = json_integer_value(json_object_get(item(o, i), time));
            assert_true(at <= last);
            last = at;
        }
        snprintf(before, sizeof before, "%s", lab_text(o, "next"));
        assert_true(items(o) <= 25);
        json_decref(o);
        if (before[0] == '\0')
            return n;
    }
    fail_msg("the pages do not end");
    return 0;
}

static void sessions_by_pages(void **state)
{
    (void)state;
    uint32_t index = dev_by_name(L.e, "maria-laptop")->k.index;
    uint32_t user = dev_by_name(L.e, "maria-laptop")->user;
    int64_t now = clock_wall().s;

    store_begin(L.e->store);
    for (int64_t i = 0; i < 60; i++) {
        struct wall at = {now - 5000 + i * 10};
        store_begin_visit(L.e->store, index, user, "filing", at);
        store_end_visit(L.e->store, index, (struct wall){at.s + 5}, DECIDE_HOURS);
    }
    store_begin_visit(L.e->store, index, user, "old", (struct wall){now - 40 * 86400});
    store_end_visit(L.e->store, index, (struct wall){now - 39 * 86400}, DECIDE_HOURS);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
    assert_int_equal(walk(&maria, PORTAL_SESSIONS, "began"), 60);
    assert_int_equal(walk(&jo, PORTAL_SESSIONS, "began"), 0);
    store_begin(L.e->store);
    store_prune_visits(L.e->store, (struct wall){now - 30 * 86400}, 31);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
    assert_int_equal(walk(&maria, PORTAL_SESSIONS, "began"), 30);
}

/* ---- denials ---------------------------------------------------------------------------------- */

static void note_of(const char *user, const struct laptop *t, const char *to, uint16_t port,
                    enum deny_reason reason, int64_t ago)
{
    struct wall at = {clock_wall().s - ago};
    struct attempt a = {.kind = ATTEMPT_PACKET, .reason = (uint8_t)reason, .proto = 6, .port = port,
                        .why = DECIDE_NO_EVIDENCE, .count = 2, .first = at, .last = at};

    assert_true(ip_parse(to, strlen(to), &a.destination));
    snprintf(a.device, sizeof a.device, "%s", t->name);
    snprintf(a.user, sizeof a.user, "%s", user);
    assert_int_not_equal(store_add_attempt(L.e->store, &a), 0);
}

static void note(const struct laptop *t, const char *to, uint16_t port, enum deny_reason reason,
                 int64_t ago)
{
    note_of(dev_user(L.e, dev_by_name(L.e, t->name))->name, t, to, port, reason, ago);
}

static void one_s_own_denials(void **state)
{
    (void)state;
    note(&maria, "10.20.0.9", 5432, DENY_NOT_PERMITTED, 50);
    note(&phone, "10.20.0.10", 80, DENY_NO_LEASE, 20);
    note(&jo, "10.20.0.11", 22, DENY_NOT_PERMITTED, 10);
    note(&maria, "10.20.0.12", 22, DENY_NOT_PERMITTED, 8 * 86400);
    note_of("otto", &maria, "10.20.0.13", 22, DENY_NOT_PERMITTED, 30);   /* who had it before */
    json_t *o = ask(&maria, PORTAL_DENIALS, "");
    assert_int_equal(items(o), 2);
    assert_string_equal(lab_text(item(o, 0), "device"), "maria-phone");
    assert_string_equal(lab_text(item(o, 0), "sentence"),
                        decide_reason_sentence(DECIDE_NO_EVIDENCE));
    assert_string_equal(lab_text(item(o, 1), "destination"), "10.20.0.9");
    assert_string_equal(lab_text(item(o, 1), "reason"), "not-permitted");
    json_decref(o);
}

static void denials_by_pages(void **state)
{
    (void)state;
    for (uint16_t i = 0; i < 70; i++)
        note(i % 3 ? &maria : &phone, "10.20.0.9", (uint16_t)(1000 + i), DENY_NOT_PERMITTED, i / 4);
    note(&jo, "10.20.0.9", 1, DENY_NOT_PERMITTED, 0);
    assert_int_equal(walk(&phone, PORTAL_DENIALS, "last"), 70);
}

static void no_such_page(void **state)
{
    (void)state;
    static const char *const cases[] = {"x", "1x", "-1", "1-2-3", "--", "1 2", "'",
                                        "99999999999999999999999999999999999999999999999999"};
    int status;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *o = lab_portal(&L, &maria, i % 2 ? PORTAL_SESSIONS : PORTAL_DENIALS, cases[i], &status);
        if (status != 400)
            fail_msg("%s: %d", cases[i], status);
        assert_string_equal(lab_text(o, "gateway"), "hq");
        json_decref(o);
    }
}

/* ---- the pages -------------------------------------------------------------------------------- */

static void in_words(void **state)
{
    (void)state;
    static const struct {
        const char *what, *json, *has, *lacks;
        char *(*page)(const uint8_t *, size_t, const struct page_clock *, size_t *);
    } cases[] = {
        {"no session", "{\"days\":7,\"first\":true,\"items\":[]}", "None of your devices was in.", "<ul>\n",
         page_sessions},
        {"one that goes on", "{\"items\":[{\"device\":\"<b>\",\"began\":1795318400}]}",
         "<h2>&lt;b&gt;</h2><dl><dt>From</dt><dd>21:33 CST</dd><dt>To</dt><dd>still in</dd><dt>How "
         "long</dt><dd>1 hour</dd></dl>", "Ended", page_sessions},
        {"one that ended", "{\"items\":[{\"device\":\"m\",\"roles\":\"a,b\",\"began\":1795318400,\"ended\":"
         "1795318520,\"sentence\":\"<i>\"}]}", "<dt>Roles</dt><dd>a,b</dd><dt>Ended "
         "because</dt><dd>&lt;i&gt;</dd>", "still", page_sessions},
        {"the next page", "{\"items\":[],\"next\":\"7\\\">\"}", "href=\"/sessions?before=7&quot;&gt;\">Older",
         "?before=\"", page_sessions},
        {"nothing refused", "{\"items\":[],\"first\":true}", "Nothing was refused.", "newest ones</a>",
         page_denials},
        {"what and why", "{\"items\":[{\"kind\":\"packet\",\"reason\":\"not-permitted\",\"destination\":"
         "\"10.20.0.9\",\"proto\":\"tcp\",\"port\":22,\"count\":1,\"last\":1795322000,\"device\":\"m\"}]}",
         "<h2>10.20.0.9, tcp 22</h2><dl><dt>Why</dt><dd>No role of yours reaches this.</dd><dt>When"
         "</dt><dd>22:33 CST</dd><dt>Device</dt><dd>m</dd>", "times", page_denials},
        {"the engine knows why", "{\"items\":[{\"kind\":\"packet\",\"reason\":\"no-lease\",\"sentence\":\"S<\","
         "\"destination\":\"d\",\"resource\":\"db<\",\"proto\":\"icmp\",\"port\":0,\"count\":3}]}",
         "<h2>db&lt; (d, icmp)</h2><dl><dt>Why</dt><dd>S&lt;</dd>", "was not in", page_denials},
        {"another kind", "{\"items\":[{\"kind\":\"sign-in\",\"reason\":\"sign-in-too-often\",\"count\":2}]}",
         "<h2>A sign-in</h2><dl><dt>Why</dt><dd>There were too many tries.", "not right", page_denials},
        {"an unknown kind", "{\"items\":[{\"kind\":\"<x>\"},7]}", "<h2>&lt;x&gt;</h2>", "<x>", page_denials},
    };
    const struct page_clock now = {.now = 1795322000, .utc_offset = -21600, .zone = "CST"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t n;
        char *html = cases[i].page((const uint8_t *)cases[i].json, strlen(cases[i].json), &now, &n);
        assert_non_null(html);
        if (!strstr(html, cases[i].has) || strstr(html, cases[i].lacks))
            fail_msg("%s: %s", cases[i].what, strstr(html, "<main"));
        free(html);
    }
    size_t n;
    assert_null(page_sessions((const uint8_t *)"{}", 2, &now, &n));
    assert_null(page_denials((const uint8_t *)"[]", 2, &now, &n));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_lease_to_end, begin, end),
        cmocka_unit_test_setup_teardown(what_ends_them, begin, end),
        cmocka_unit_test_setup_teardown(a_device_that_waits_learns_nothing, begin, end),
        cmocka_unit_test_setup_teardown(sessions_by_pages, begin, end),
        cmocka_unit_test_setup_teardown(one_s_own_denials, begin, end),
        cmocka_unit_test_setup_teardown(denials_by_pages, begin, end),
        cmocka_unit_test_setup_teardown(no_such_page, begin, end),
        cmocka_unit_test(in_words),
    };
    return cmocka_run_group_tests_name("person", tests, NULL, NULL);
}
