/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing one's part of the policy: who is asked when, what they see, what it opens and shuts. */
#include "tests/unit/engine_lab.h"

#include "gateway/acknowledge.h"

#define WITHIN "acknowledge within 14d\n"
#define DAY 86400
/* Another rule for everybody; another resource for the warehouse alone. */
#define RULE "posture strict { lease 15m require fde.sys require fw.on missing ok }\n"

static struct lab L;
static struct laptop maria, wim;

static void apply(const char *policy)
{
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", policy, 200);
}

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY WITHIN);
    lab_person(&L, "maria", "filing");
    lab_person(&L, "wim", "warehouse");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &wim, "wim-laptop", "wim");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static struct user *user(const char *name) { return user_by_name(L.e, name); }

static void is_state(const char *name, const char *state)
{
    json_t *o = acknowledge_json(L.e, user(name));

    if (strcmp(lab_text(o, "state"), state) != 0)
        fail_msg("%s: %s and not %s", name, lab_text(o, "state"), state);
    json_decref(o);
}

/* The hash under which the laptop's person may sign now. */
static void shown(const struct laptop *t, char out[65])
{
    struct reply r = acknowledge_show(L.e, dev_by_name(L.e, t->name));

    assert_int_equal(r.status, 200);
    snprintf(out, 65, "%s", lab_text(r.body, "sha256"));
    json_decref(r.body);
}

static void sign_under(const struct laptop *t, const char *hash, int status)
{
    struct writer w;

    writer_init(&w, 4096);
    put_text(&w, hash);
    struct reply r = acknowledge_sign(L.e, dev_by_name(L.e, t->name), w.v, w.n);
    writer_clear(&w);
    if (r.status != status)
        fail_msg("%d and not %d: %s", r.status, status, json_dumps(r.body, 0));
    json_decref(r.body);
}

static void sign(const struct laptop *t)
{
    char hash[65];

    shown(t, hash);
    sign_under(t, hash, 200);
}

/* As if the person had been asked so long ago. */
static void asked_ago(const char *name, int64_t seconds)
{
    struct wall asked = {clock_wall().s - seconds};

    store_begin(L.e->store);
    store_put_asked(L.e->store, user(name)->id, asked);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
    acknowledge_load(L.e);
}

static enum decide_reason reason(const struct laptop *t)
{
    return dev_by_name(L.e, t->name)->reason;
}

/* ---- the cases ------------------------------------------------------------------------------ */

static void nobody_is_asked_without_the_statement(void **state)
{
    (void)state;
    apply(LAB_POLICY);
    is_state("maria", "not-asked");
    assert_int_equal(acknowledge_by(L.e, user("maria")).s, 0);
    asked_ago("maria", 100 * DAY);
    lab_in(&L, &maria);
    assert_true(lab_reaches(&L, &maria, "10.20.0.9", 5432));
}

static void a_new_person_is_asked_and_let_in_meanwhile(void **state)
{
    (void)state;
    is_state("maria", "due");
    assert_in_range(acknowledge_by(L.e, user("maria")).s, clock_wall().s + 14 * DAY - 5,
                    clock_wall().s + 14 * DAY);
    lab_in(&L, &maria);
    assert_true(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    sign(&maria);
    is_state("maria", "signed");
    is_state("wim", "due");
}

static void who_does_not_sign_in_time_has_the_portal_alone(void **state)
{
    (void)state;
    lab_in(&L, &maria);
    asked_ago("maria", 14 * DAY);
    lab_restart(&L, LAB_POLICY WITHIN);
    is_state("maria", "overdue");
    assert_int_equal(reason(&maria), DECIDE_ACKNOWLEDGE);
    assert_false(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    assert_true(lab_reaches(&L, &maria, "10.20.0.40", 443));
    sign(&maria);
    assert_true(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    lab_restart(&L, LAB_POLICY WITHIN);
    is_state("maria", "signed");
    assert_int_equal(reason(&maria), DECIDE_GRANTED);
}

static void a_lease_ends_when_the_time_to_sign_does(void **state)
{
    (void)state;
    asked_ago("maria", 14 * DAY - 60);
    lab_in(&L, &maria);
    assert_in_range(dev_by_name(L.e, "maria-laptop")->lease.until.s, clock_wall().s + 55,
                    clock_wall().s + 60);
}

static void what_does_not_touch_me_asks_nothing_of_me(void **state)
{
    (void)state;
    sign(&maria);
    sign(&wim);
    apply(LAB_POLICY WITHIN "# a comment\n");
    is_state("maria", "signed");
    is_state("wim", "signed");
    apply(LAB_POLICY WITHIN "role guest { reach wms posture baseline }\n");
    is_state("maria", "signed");
    is_state("wim", "signed");
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/policy/apply",
                         LAB_POLICY RULE WITHIN "role guest { reach wms posture strict }\n", 200);
    assert_int_equal(json_integer_value(json_object_get(o, "asked")), 0);
    json_decref(o);
}

/* LAB_POLICY with one sentence altered for the warehouse. */
#define FOR_WIM "company \"Lab\"\n" \
    "resource db { 10.20.0.9 tcp 5432 }\nresource web { 10.20.0.10 tcp 80, 443 }\n" \
    "resource wms { 10.20.0.22 tcp 8081 sensitive }\nresource updates { 10.20.0.40 tcp 443 }\n" \
    "remediation { updates }\nposture baseline { lease 15m evidence <= 8h assurance >= PA1\n" \
    "require fde.sys\n require pend.crit == 0 grace 3d }\n" \
    "role filing { reach db, web posture baseline }\nrole warehouse { reach wms posture baseline }\n"

static void a_change_asks_those_whom_it_touches(void **state)
{
    char hash[65];

    (void)state;
    sign(&maria);
    sign(&wim);
    shown(&wim, hash);
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/policy/apply", FOR_WIM WITHIN, 200);
    assert_int_equal(json_integer_value(json_object_get(o, "asked")), 1);
    json_decref(o);
    is_state("maria", "signed");
    is_state("wim", "due");
    sign_under(&wim, hash, 409);    /* the text that was shown before */
    is_state("wim", "due");
    lab_do(&L, CONTROL_POST, "/v1/policy/rollback", "{}", 200);
    is_state("wim", "signed");
    apply(FOR_WIM WITHIN);
    sign(&wim);
    is_state("wim", "signed");
    assert_int_equal(user("wim")->ack.version, L.e->version.version);
}

static void the_clock_is_not_started_anew(void **state)
{
    struct wall by;

    (void)state;
    asked_ago("wim", 3 * DAY);
    by = acknowledge_by(L.e, user("wim"));
    apply(FOR_WIM WITHIN);
    assert_int_equal(acknowledge_by(L.e, user("wim")).s, by.s);
    apply(FOR_WIM "acknowledge within 15d\n");
    assert_int_equal(acknowledge_by(L.e, user("wim")).s, by.s + DAY);
}

static void asked_by_a_clock_that_was_ahead(void **state)
{
    (void)state;
    asked_ago("wim", -700 * DAY);
    apply(FOR_WIM WITHIN);
    assert_in_range(acknowledge_by(L.e, user("wim")).s, clock_wall().s + 14 * DAY - 5,
                    clock_wall().s + 14 * DAY);
}

static void other_roles_are_another_text(void **state)
{
    (void)state;
    sign(&maria);
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"filing\",\"warehouse\"]}", 200);
    is_state("maria", "due");
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"filing\"]}", 200);
    is_state("maria", "signed");
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[]}", 200);
    is_state("maria", "not-asked");
    sign_under(&maria, "", 409);    /* nothing is due */
}

static bool has_line(const json_t *o, const char *line)
{
    const json_t *lines = json_object_get(o, "lines");

    for (size_t i = 0; i < json_array_size(lines); i++)
        if (strcmp(json_string_value(json_array_get(lines, i)), line) == 0)
            return true;
    return false;
}

static void the_page_marks_what_is_new(void **state)
{
    struct dev *d = dev_by_name(L.e, "wim-laptop");
    struct reply r = acknowledge_show(L.e, d);

    (void)state;
    assert_true(has_line(r.body, " wms"));      /* the first time nothing is */
    json_decref(r.body);
    sign(&wim);
    apply(FOR_WIM WITHIN);
    r = acknowledge_show(L.e, d);
    assert_true(has_line(r.body, "-wms"));
    assert_true(has_line(r.body, "+wms (what is in it is sensitive)"));
    assert_true(has_line(r.body, " As warehouse you work at any time."));
    json_t *ack = json_object_get(r.body, "acknowledgement");
    assert_string_equal(lab_text(ack, "state"), "due");
    assert_int_equal(json_integer_value(json_object_get(ack, "version")), 1);
    json_decref(r.body);
}

static void who_signs_has_signed_in(void **state)
{
    struct user *u = user("maria");
    char hash[65];

    (void)state;
    apply("resource db { 10.20.0.9 tcp 5432 } posture p { require fde.sys } role filing { reach db "
          "posture p sign-in every 1h }\n" WITHIN);
    shown(&maria, hash);
    sign_under(&maria, hash, 403);
    u->signed_in.s = clock_wall().s - 3600;
    sign_under(&maria, hash, 403);
    u->signed_in = clock_wall();
    dev_by_name(L.e, "maria-laptop")->approved = false;
    sign_under(&maria, hash, 403);
    dev_by_name(L.e, "maria-laptop")->approved = true;
    sign_under(&maria, hash, 200);
}

static void it_is_on_record(void **state)
{
    (void)state;
    sign(&maria);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/audit", NULL, 200);
    char *all = json_dumps(o, 0);
    assert_non_null(strstr(all, "policy.acknowledge"));
    free(all);
    json_decref(o);
    o = lab_must(&L, CONTROL_GET, "/v1/users/maria", NULL, 200);
    json_t *ack = json_object_get(o, "acknowledgement");
    assert_string_equal(lab_text(ack, "state"), "signed");
    assert_int_equal(strlen(lab_text(ack, "sha256")), 64);
    json_decref(o);
}

static void bad_forms(void **state)
{
    static const char long_one[] = "0123456789012345678901234567890123456789012345678901234567890123x";
    struct dev *d = dev_by_name(L.e, "maria-laptop");
    struct reply r = acknowledge_sign(L.e, d, (const uint8_t *)"\0\0\0", 3);
    struct writer w;

    (void)state;
    assert_int_equal(r.status, 400);
    json_decref(r.body);
    writer_init(&w, 64);
    put_blob(&w, "a\0b", 3);
    r = acknowledge_sign(L.e, d, w.v, w.n);
    assert_int_equal(r.status, 400);
    json_decref(r.body);
    writer_clear(&w);
    sign_under(&maria, long_one, 400);
    sign_under(&maria, "", 409);
    is_state("maria", "due");
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(nobody_is_asked_without_the_statement),
        CASE(a_new_person_is_asked_and_let_in_meanwhile),
        CASE(who_does_not_sign_in_time_has_the_portal_alone),
        CASE(a_lease_ends_when_the_time_to_sign_does),
        CASE(what_does_not_touch_me_asks_nothing_of_me),
        CASE(a_change_asks_those_whom_it_touches),
        CASE(the_clock_is_not_started_anew),
        CASE(asked_by_a_clock_that_was_ahead),
        CASE(other_roles_are_another_text),
        CASE(the_page_marks_what_is_new),
        CASE(who_signs_has_signed_in),
        CASE(it_is_on_record),
        CASE(bad_forms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
