/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine's logs: what gets into them, what is proved of them, what goes with time. */
#include "tests/unit/engine_lab.h"

#include "policy/bundle.h"

static struct lab L;
static struct laptop maria;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_in(&L, &maria);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static json_t *ask(const char *path, const char *query)
{
    int status;
    json_t *o = lab_ask(&L, CONTROL_GET, path, query, NULL, &status);

    assert_int_equal(status, 200);
    return o;
}

static void assert_verifies(struct audit *a, uint64_t want)
{
    uint64_t records;
    char text[400];

    if (!audit_verify(a, &records, text) || records != want)
        fail_msg("%llu records: %s", (unsigned long long)records, text);
}

/* ---- texts from outside --------------------------------------------------------------------- */

struct last { unsigned n; char actor[200], act[100], object[300]; };

static bool keep_last(void *arg, const struct record *r, const uint8_t *bytes, size_t n)
{
    struct last *l = arg;

    (void)bytes, (void)n;
    l->n++;
    snprintf(l->actor, sizeof l->actor, "%s", r->actor);
    snprintf(l->act, sizeof l->act, "%s", r->act);
    snprintf(l->object, sizeof l->object, "%s", r->object);
    return true;
}

/* One event, one record, whatever is in it; and the answer to an admin is JSON all the same. */
static void hostile_texts_are_one_record(void **state)
{
    static char large[65537];
    static const char *const texts[] = {
        "a\r\nb: forged", "\x1b]0;x\x07\x1b[2J", "\xe2\x80\xa8line", "\xff\xfe\xc3", "\xed\xa0\x80",
        "\",\"act\":\"user.revoke", "", "\xe2\x80\xae" "abc", large};
    char *answer;

    (void)state;
    memset(large, 'x', sizeof large - 1);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        uint64_t before = audit_last(L.e->audit);
        struct last l = {0};
        audit_note(L.e, texts[i], 7, texts[i], texts[i],
                   json_pack("{s:o}", "text", json_stringn_nocheck(texts[i], strlen(texts[i]))));
        assert_int_equal(audit_read(L.e->audit, before, keep_last, &l), 0);
        assert_int_equal(l.n, 1);
        assert_int_equal(audit_last(L.e->audit), before + 1);
        json_t *o = ask("/v1/audit", "last=1");
        assert_int_equal(json_array_size(json_object_get(o, "items")), 1);
        assert_non_null(answer = json_dumps(o, 0));
        assert_null(strpbrk(answer, "\r\n\x1b\x07"));
        free(answer);
        json_decref(o);
    }
    assert_verifies(L.e->audit, audit_last(L.e->audit));
}

/* ---- finding -------------------------------------------------------------------------------- */

static void records_are_found(void **state)
{
    static const struct { const char *query; unsigned items; } cases[] = {
        {"", 5}, {"about=maria", 4}, {"about=maria-laptop", 3}, {"act=user", 1}, {"act=user.add", 1},
        {"act=use", 0}, {"act=lease&about=maria", 1}, {"actor=anna", 2}, {"actor=engine", 3},
        {"since=1", 5}, {"until=1", 0}, {"since=99999999999", 0}, {"last=2", 2},
        {"last=2&act=user", 0}, {"after=3", 2}, {"log=attempts", 0}, {"log=audit", 5}};
    static const char *const bad[] = {"log=other", "since=x", "until=-1", "last=0", "limit=0"};
    int status;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        json_t *o = ask("/v1/audit", cases[i].query);
        if (json_array_size(json_object_get(o, "items")) != cases[i].items)
            fail_msg("%s: %s", cases[i].query, json_dumps(o, 0));
        json_decref(o);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        json_decref(lab_ask(&L, CONTROL_GET, "/v1/audit", bad[i], NULL, &status));
        if (status != 400)
            fail_msg("%s: %d", bad[i], status);
    }
}

static void pages_join(void **state)
{
    json_int_t after = 0;
    unsigned n = 0;

    (void)state;
    for (bool more = true; more; n++) {
        char query[64];
        snprintf(query, sizeof query, "limit=1&after=%lld", (long long)after);
        json_t *o = ask("/v1/audit", query);
        assert_int_equal(json_array_size(json_object_get(o, "items")), 1);
        more = json_object_get(o, "next") != NULL;
        after = json_integer_value(json_object_get(o, "next"));
        json_decref(o);
    }
    assert_int_equal(n, 5);
}

/* ---- proofs --------------------------------------------------------------------------------- */

static bool check(const json_t *doc, struct bundle_report *r)
{
    return bundle_check(doc, audit_origin(L.e->audit), NULL, NULL, r);
}

static void a_revocation_is_answered_with_a_signed_document(void **state)
{
    struct bundle_report r;

    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/audit/new-key", NULL, 200);
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/users/maria/revoke", "{\"reason\":\"left\"}", 200);
    json_t *doc = json_object_get(o, "document");
    assert_non_null(doc);
    if (!check(doc, &r))
        fail_msg("%s", r.text);
    assert_int_equal(r.records, 1);
    assert_int_equal(r.epochs, 2);
    char name[32];
    snprintf(name, sizeof name, "R%06llu", (unsigned long long)r.first);
    assert_string_equal(lab_text(o, "receipt"), name);
    json_decref(o);
}

/* The record of a cut says what the kernel said, before anybody is answered. */
static void the_record_of_a_cut_holds_what_the_kernel_said(void **state)
{
    (void)state;
    L.left.leases = 1;
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/users/maria/revoke", NULL, 200);
    json_decref(o);
    o = ask("/v1/audit", "act=user.revoke");
    json_t *detail = json_object_get(json_array_get(json_object_get(o, "items"), 0), "detail");
    assert_true(json_is_false(json_object_get(detail, "verified")));
    assert_int_equal(json_integer_value(json_object_get(detail, "leases_left")), 1);
    json_decref(o);
}

static json_t *bundle_of(const char *query)
{
    json_t *doc = ask("/v1/audit/checkpoint", ""), *page = ask("/v1/audit/proof", query);

    json_object_del(doc, "directory");
    json_object_del(doc, "size");
    json_object_set_new(doc, "portcullis", json_string(BUNDLE_FORM));
    json_object_set(doc, "records", json_object_get(page, "items"));
    json_decref(page);
    return doc;
}

static void each_record_is_proved(void **state)
{
    struct bundle_report r;

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        json_t *doc = bundle_of("");
        if (!check(doc, &r))
            fail_msg("%s", r.text);
        assert_int_equal(r.records, audit_last(L.e->audit));
        json_decref(doc);
        lab_do(&L, CONTROL_POST, "/v1/audit/new-key", NULL, 200);
    }
    json_t *doc = bundle_of("about=maria");
    assert_true(check(doc, &r));
    assert_true(r.records >= 4 && r.records < audit_last(L.e->audit));
    json_decref(doc);
}

static void replace(json_t *doc, const char *member, const char *text)
{
    json_object_set_new(doc, member, json_string(text));
}

/* Each part of a bundle counts. */
static void an_altered_bundle_is_refused(void **state)
{
    struct bundle_report r;
    static const char *const members[] = {"origin", "keys", "checkpoint", "consistency", "records",
                                          "portcullis"};

    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/audit/new-key", NULL, 200);
    lab_person(&L, "otto", "");
    json_t *doc = bundle_of(""), *copy, *one;
    assert_true(check(doc, &r));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        copy = json_deep_copy(doc);
        replace(copy, members[i], "x");
        assert_false(check(copy, &r));
        json_object_del(copy, members[i]);
        assert_false(check(copy, &r));
        json_decref(copy);
    }
    copy = json_deep_copy(doc);
    json_array_clear(json_object_get(copy, "consistency"));
    assert_false(check(copy, &r));
    json_decref(copy);
    for (unsigned k = 0; k < 4; k++) {
        copy = json_deep_copy(doc);
        json_t *list = json_object_get(copy, "records");
        one = json_array_get(list, 1);
        if (k == 0)                                   /* another's proof */
            json_object_set(one, "proof", json_object_get(json_array_get(list, 2), "proof"));
        else if (k == 1)                              /* another's place */
            json_object_set(one, "record", json_object_get(json_array_get(list, 2), "record"));
        else if (k == 2)                              /* twice */
            json_array_append(list, one);
        else
            replace(one, "record", "AQEAAAAAAAAAAgAAAAA=");
        assert_false(check(copy, &r));
        json_decref(copy);
    }
    json_decref(doc);
}

static void a_later_history_continues_an_earlier_one(void **state)
{
    struct merkle_proof p;
    struct checkpoint before, now;
    char query[64];
    size_t n;

    (void)state;
    assert_non_null(audit_checkpoint(L.e->audit, &before, &n));
    lab_person(&L, "otto", "");
    assert_non_null(audit_checkpoint(L.e->audit, &now, &n));
    snprintf(query, sizeof query, "from=%llu", (unsigned long long)before.size);
    json_t *o = ask("/v1/audit/checkpoint", query);
    assert_true(bundle_proof(json_object_get(o, "since"), &p));
    assert_true(merkle_consistent(before.size, &before.root, now.size, &now.root, &p));
    json_decref(o);
    o = ask("/v1/audit/checkpoint", "from=999999");
    assert_null(json_object_get(o, "since"));
    json_decref(o);
}

/* ---- attempts ------------------------------------------------------------------------------- */

static struct attempt some_attempt(uint16_t port)
{
    return (struct attempt){.source = {4, {10, 77, 0, 2}}, .destination = {4, {10, 20, 0, 9}},
                            .proto = 6, .port = port, .reason = DENY_NOT_PERMITTED, .count = 3,
                            .first = {5}, .last = {6}};
}

static bool see_batch(void *arg, const struct record *r, const uint8_t *bytes, size_t n)
{
    (void)bytes, (void)n;
    assert_int_equal(r->type, RECORD_ATTEMPTS);
    *(json_t **)arg = json_loads(r->detail, 0, NULL);
    return false;
}

static void a_second_of_attempts_is_one_record(void **state)
{
    struct attempt a = some_attempt(22), b = some_attempt(23);
    json_t *detail = NULL;

    (void)state;
    L.e->attempts.denied[DENY_NOT_PERMITTED] = 100;
    L.e->attempts.logged[DENY_NOT_PERMITTED] = 60;
    L.e->attempts.kept[DENY_NOT_PERMITTED] = 50;
    L.e->attempts.lost = 10;
    attempts_add(&L.e->attempts, &a);
    attempts_add(&L.e->attempts, &b);
    attempts_keep(L.e);
    attempts_keep(L.e);                                /* nothing: no record */
    assert_verifies(L.e->batches, 1);
    assert_int_equal(audit_read(L.e->batches, 0, see_batch, &detail), 0);
    json_t *list = json_object_get(detail, "attempts");
    assert_int_equal(json_array_size(list), 2);
    assert_int_equal(json_integer_value(json_object_get(json_array_get(list, 0), "count")), 3);
    static const struct { const char *name; int want; } counts[] = {
        {"denied", 100}, {"logged", 60}, {"kept", 50}};
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++)
        assert_int_equal(json_integer_value(json_object_get(json_object_get(detail, counts[i].name),
                                                            "not-permitted")), counts[i].want);
    assert_int_equal(json_integer_value(json_object_get(detail, "lost")), 10);
    assert_int_equal(json_integer_value(json_object_get(detail, "more")), 0);
    json_decref(detail);
}

static void a_flood_fits_into_its_record(void **state)
{
    json_t *detail = NULL;

    (void)state;
    for (unsigned i = 0; i < ATTEMPTS_PENDING + 9; i++) {
        struct attempt a = some_attempt((uint16_t)i);
        memset(a.user, 'u', sizeof a.user - 1);
        memset(a.device, 'd', sizeof a.device - 1);
        memset(a.role, 'r', sizeof a.role - 1);
        memset(a.resource, 's', sizeof a.resource - 1);
        attempts_add(&L.e->attempts, &a);
    }
    attempts_keep(L.e);
    assert_verifies(L.e->batches, 1);
    assert_int_equal(audit_read(L.e->batches, 0, see_batch, &detail), 0);
    size_t listed = json_array_size(json_object_get(detail, "attempts"));
    assert_int_equal(listed + (size_t)json_integer_value(json_object_get(detail, "more")),
                     ATTEMPTS_PENDING);
    assert_true(listed > ATTEMPTS_PENDING / 2);
    assert_int_equal(json_integer_value(json_object_get(detail, "only_counted")), 27);
    json_decref(detail);
}

/* ---- time ----------------------------------------------------------------------------------- */

/* A machine may start with its clock years ahead, until the first answer of a time server. */
static void an_untrusted_clock_removes_nothing(void **state)
{
    struct last l = {0};

    (void)state;
    if (clock_synchronised()) {
        print_message("skip - this machine's clock is synchronised\n");
        skip();
    }
    uint64_t before = audit_last(L.e->audit);
    audit_segment_age(L.e->audit, 1);
    usleep(1100000);
    audit_note(L.e, "engine", ENGINE_UID, "later", "", NULL);
    L.e->conf.keep_acts.s = 0;
    usleep(1000);
    L.e->conf.clock_host = false;
    L.e->ticks = 0;
    audit_tick(L.e);
    assert_int_equal(audit_read(L.e->audit, before, keep_last, &l), 0);
    assert_string_equal(l.act, "later");
    assert_int_equal(access("audit/records-00000000000000000001", F_OK), 0);
}

static void old_records_go_by_a_record(void **state)
{
    struct last l = {0};

    (void)state;
    uint64_t before = audit_last(L.e->audit);
    audit_segment_age(L.e->audit, 1);
    usleep(1100000);
    audit_note(L.e, "engine", ENGINE_UID, "later", "", NULL);
    L.e->conf.keep_acts.s = 0;
    usleep(1000);
    /* As if the wall clock had been set two days on meanwhile. */
    unsigned alarms = (unsigned)L.e->n_alarms;
    L.e->ticks = 0;
    L.e->clock_start_s -= 2 * 86400;
    audit_tick(L.e);
    assert_int_equal(audit_read(L.e->audit, before, keep_last, &l), 0);
    assert_string_equal(l.act, "later");
    assert_int_equal(L.e->n_alarms, alarms + 1);
    L.e->clock_start_s += 2 * 86400;
    audit_tick(L.e);
    assert_int_equal(audit_read(L.e->audit, before, keep_last, &l), 0);
    assert_string_equal(l.act, "audit.remove");
    char number[24];
    snprintf(number, sizeof number, "%llu", (unsigned long long)before);
    assert_string_equal(l.object, number);
    assert_int_equal(access("audit/records-00000000000000000001", F_OK), -1);
    assert_verifies(L.e->audit, before + 2);
    lab_restart(&L, LAB_POLICY);
    assert_int_equal(L.e->n_alarms, 0);
    assert_verifies(L.e->audit, audit_last(L.e->audit));
}

/* It goes on without a signature, says so, and does not try again each second. */
static void without_its_key_the_log_is_still_written(void **state)
{
    int status;

    (void)state;
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(unlink("audit.secret"), 0);
    lab_start(&L, LAB_POLICY);
    assert_true(L.e->n_alarms > 0);
    for (L.e->ticks = 1; L.e->ticks < 5; L.e->ticks++)
        audit_tick(L.e);
    json_t *o = ask("/v1/audit", "act=audit.key");
    assert_int_equal(json_array_size(json_object_get(o, "items")), 0);
    json_decref(o);
    o = lab_must(&L, CONTROL_POST, "/v1/users/maria/revoke", NULL, 200);
    assert_null(json_object_get(o, "document"));
    json_decref(o);
    json_decref(lab_ask(&L, CONTROL_GET, "/v1/audit/checkpoint", "", NULL, &status));
    assert_int_equal(status, 503);
    lab_do(&L, CONTROL_POST, "/v1/audit/new-key", NULL, 503);
}

static void a_new_key_is_on_record(void **state)
{
    (void)state;
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/audit/new-key", NULL, 200);
    assert_int_equal(json_integer_value(json_object_get(o, "epoch")), 1);
    json_decref(o);
    o = ask("/v1/audit", "act=audit.key&actor=anna");
    assert_int_equal(json_array_size(json_object_get(o, "items")), 1);
    json_decref(o);
    assert_int_equal(audit_epochs(L.e->batches), 2);
    assert_verifies(L.e->audit, audit_last(L.e->audit));
    assert_verifies(L.e->batches, 0);
}

static void change_a_record(void)
{
    lab_stop(&L);
    dataplane_clear(&L.dp);
    FILE *f = fopen("audit/records-00000000000000000001", "r+");
    assert_non_null(f);
    fseek(f, 33, SEEK_SET);
    fputc('X', f);
    fclose(f);
    lab_start(&L, LAB_POLICY);
    assert_true(L.e->n_alarms > 0);
}

/* Somebody put other bytes there while nobody looked. What the database still has is put back. */
static void a_fresh_record_that_was_changed_is_put_right(void **state)
{
    (void)state;
    change_a_record();
    assert_verifies(L.e->audit, audit_last(L.e->audit));
}

/* What it has not is an alarm, and never verifies again. */
static void an_old_record_that_was_changed_is_an_alarm(void **state)
{
    (void)state;
    L.e->stopping = L.e->audit_unsynced = true;
    audit_flush(L.e);
    change_a_record();
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/audit/verify", NULL, 200);
    assert_true(json_is_false(json_object_get(o, "ok")));
    assert_string_equal(lab_text(o, "text"), "record 1 is not the one that was signed");
    json_decref(o);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)
int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(hostile_texts_are_one_record),
        CASE(records_are_found),
        CASE(pages_join),
        CASE(a_revocation_is_answered_with_a_signed_document),
        CASE(the_record_of_a_cut_holds_what_the_kernel_said),
        CASE(each_record_is_proved),
        CASE(an_altered_bundle_is_refused),
        CASE(a_later_history_continues_an_earlier_one),
        CASE(a_second_of_attempts_is_one_record),
        CASE(a_flood_fits_into_its_record),
        CASE(an_untrusted_clock_removes_nothing),
        CASE(old_records_go_by_a_record),
        CASE(without_its_key_the_log_is_still_written),
        CASE(a_new_key_is_on_record),
        CASE(a_fresh_record_that_was_changed_is_put_right),
        CASE(an_old_record_that_was_changed_is_an_alarm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
