/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy in force: applied, confirmed, rolled back, reloaded; and what it does to leases. */
#include "tests/unit/engine_lab.h"

#define ONLY_WEB "resource db { 10.20.0.9 tcp 5432 }\nresource web { 10.20.0.10 tcp 80, 443 }\n" \
                 "resource wms { 10.20.0.22 tcp 8081 }\nresource updates { 10.20.0.40 tcp 443 }\n" \
                 "remediation { updates }\n" \
                 "posture baseline { lease 15m evidence <= 8h assurance >= PA1\n require fde.sys }\n"\
                 "role warehouse { reach wms posture baseline }\n" \
                 "role filing { reach web posture baseline }\n"

static struct lab L;
static struct laptop maria, otto;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_person(&L, "otto", "warehouse");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &otto, "otto-laptop", "otto");
    lab_in(&L, &maria);
    lab_in(&L, &otto);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static bool maria_has_db(void) { return lab_reaches(&L, &maria, "10.20.0.9", 5432); }

/* ---- applying ------------------------------------------------------------------------------- */

static void takes_away_what_it_takes_away_and_no_more(void **state)
{
    uint16_t before = dev_by_name(L.e, "otto-laptop")->lease.class_id;

    (void)state;
    size_t classes = L.dp.n_classes;
    L.commits = L.lease_puts = 0;
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/policy/apply", ONLY_WEB, 200);
    assert_int_equal(L.commits, 1);                        /* one transaction */
    assert_int_equal(L.lease_puts, 1);                     /* maria's; otto's is as it was */
    assert_int_equal(L.dp.n_classes, classes);             /* the old class went with it */
    assert_int_equal(json_integer_value(json_object_get(o, "changed_devices")), 1);
    assert_non_null(strstr(lab_text(o, "diff"), "filing"));
    json_decref(o);
    assert_false(maria_has_db());
    assert_true(lab_reaches(&L, &maria, "10.20.0.10", 443));
    assert_true(lab_reaches(&L, &maria, "10.20.0.40", 443));
    assert_true(lab_reaches(&L, &otto, "10.20.0.22", 8081));
    assert_int_equal(dev_by_name(L.e, "otto-laptop")->lease.class_id, before);
}

static void what_does_not_apply_leaves_the_old(void **state)
{
    static const struct { const char *what, *text; } cases[] = {
        {"syntax", "role x {"},
        {"unknown resource", LAB_POLICY "role z { reach nothing posture baseline }\n"},
        {"failing test", LAB_POLICY "test \"no\" { role filing cannot reach db }\n"},
        {"unknown zone", "resource a { 10.0.0.1 tcp 1 }\nposture p { lease 1m evidence <= 1h "
                         "assurance >= PA1 }\nrole r { reach a posture p hours Mon-Fri 08:00-17:00 "
                         "Moon/Base }\n"},
        {"empty", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status;
        json_t *o = lab_ask(&L, CONTROL_POST, "/v1/policy/apply", "", cases[i].text, &status);
        print_message("%s\n", cases[i].what);
        if (strcmp(cases[i].what, "empty") != 0) {
            assert_int_equal(status, 422);
            assert_true(json_array_size(json_object_get(o, "diagnostics")) > 0);
            assert_true(maria_has_db());
        } else {
            assert_int_equal(status, 200);   /* a policy that permits nothing is a policy */
            assert_false(maria_has_db());
        }
        json_decref(o);
    }
}

static void check_and_diff_change_nothing(void **state)
{
    (void)state;
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/policy/check", "role x {\n", 200);
    assert_true(json_is_false(json_object_get(o, "ok")));
    assert_int_equal(json_integer_value(json_object_get(
                         json_array_get(json_object_get(o, "diagnostics"), 0), "line")), 2);
    json_decref(o);
    o = lab_must(&L, CONTROL_POST, "/v1/policy/diff", ONLY_WEB, 200);
    assert_non_null(strstr(lab_text(o, "text"), "db"));
    json_decref(o);
    assert_true(maria_has_db());
}

/* ---- confirming ----------------------------------------------------------------------------- */

static void apply_for(const char *seconds)
{
    int status;

    json_decref(lab_ask(&L, CONTROL_POST, "/v1/policy/apply", seconds, ONLY_WEB, &status));
    assert_int_equal(status, 200);
    assert_false(maria_has_db());
}

static void unconfirmed_goes_back(void **state)
{
    (void)state;
    apply_for("confirm=1");
    usleep(1100000);
    policy_tick(L.e);
    assert_true(maria_has_db());
    lab_do(&L, CONTROL_POST, "/v1/policy/confirm", NULL, 409);
}

static void unconfirmed_goes_back_over_a_restart(void **state)
{
    (void)state;
    apply_for("confirm=1");
    usleep(1100000);
    lab_restart(&L, LAB_POLICY);
    assert_true(maria_has_db());
}

static void unconfirmed_runs_on_over_a_restart_until_its_time(void **state)
{
    (void)state;
    apply_for("confirm=60");
    lab_restart(&L, LAB_POLICY);
    assert_false(maria_has_db());
    assert_true(L.e->confirm_boot_ms > clock_boot_ms());
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", LAB_POLICY, 409);
    lab_do(&L, CONTROL_POST, "/v1/policy/rollback", NULL, 200);
    assert_true(maria_has_db());
}

static void confirmed_stays(void **state)
{
    (void)state;
    apply_for("confirm=1");
    lab_do(&L, CONTROL_POST, "/v1/policy/confirm", NULL, 200);
    usleep(1100000);
    policy_tick(L.e);
    assert_false(maria_has_db());
    lab_restart(&L, LAB_POLICY);          /* the file did not change: what was applied stays */
    assert_false(maria_has_db());
}

/* ---- mass removal --------------------------------------------------------------------------- */

#define PARTS "resource db { 10.20.0.9 tcp 5432 }\nresource web { 10.20.0.10 tcp 80, 443 }\n"  \
              "resource wms { 10.20.0.22 tcp 8081 }\nresource updates { 10.20.0.40 tcp 443 }\n" \
              "remediation { updates }\n"                                                        \
              "posture baseline { lease 15m evidence <= 8h assurance >= PA1\n require fde.sys }\n" \
              "posture strict { lease 15m evidence <= 8h assurance >= PA1\n require oemboot }\n"
#define WAREHOUSE "role warehouse { reach wms posture baseline }\n"

static struct laptop carl, dora;

/* Four devices are in: three people file, one is of the warehouse. */
static int begin_four(void **state)
{
    begin(state);
    lab_person(&L, "carl", "filing");
    lab_person(&L, "dora", "filing");
    lab_enrol(&L, &carl, "carl-laptop", "carl");
    lab_enrol(&L, &dora, "dora-laptop", "dora");
    lab_in(&L, &carl);
    lab_in(&L, &dora);
    return 0;
}

static void taking_all_from_most_is_confirmed(void **state)
{
    static const struct {
        const char *what, *text;
        int status;
    } cases[] = {
        {"the role is gone", PARTS WAREHOUSE, 409},
        {"the role reaches nothing", PARTS WAREHOUSE "role filing { posture baseline }\n", 409},
        {"nobody's machine is good enough", PARTS WAREHOUSE "role filing { reach web posture strict }\n",
         409},
        {"nothing is left to anybody", PARTS, 409},
        {"less, but something", PARTS WAREHOUSE "role filing { reach web posture baseline }\n", 200},
        {"all of one in four", PARTS "role filing { reach web posture baseline }\n", 200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int status;
        unsigned commits = L.commits;
        json_t *o = lab_ask(&L, CONTROL_POST, "/v1/policy/apply", "", cases[i].text, &status);
        if (status != cases[i].status)
            fail_msg("%s: %d", cases[i].what, status);
        if (status == 409) {
            assert_string_equal(lab_text(json_object_get(o, "error"), "code"), "mass_removal");
            assert_int_equal(json_integer_value(json_object_get(o, "devices_in")), 4);
            assert_int_equal(L.commits, commits);
            assert_true(maria_has_db());
        }
        json_decref(o);
    }
}

static void confirmed_it_is_done(void **state)
{
    int status;

    (void)state;
    json_decref(lab_ask(&L, CONTROL_POST, "/v1/policy/apply", "mass_removal=1", PARTS, &status));
    assert_int_equal(status, 200);
    assert_false(maria_has_db());
    lab_do(&L, CONTROL_POST, "/v1/policy/rollback", NULL, 200);
    assert_true(maria_has_db());
    lab_do(&L, CONTROL_POST, "/v1/policy/rollback", NULL, 200);   /* was in force: not asked again */
    assert_false(maria_has_db());
}

static void a_file_does_not_take_all_from_most(void **state)
{
    (void)state;
    size_t alarms = L.e->n_alarms;
    policy_reload(L.e, PARTS, strlen(PARTS), "policy.reload");
    assert_true(maria_has_db());
    assert_int_equal(L.e->n_alarms, alarms + 1);
    lab_restart(&L, PARTS WAREHOUSE);
    assert_true(maria_has_db());
    assert_int_equal(L.e->n_alarms, 1);
}

/* ---- the file ------------------------------------------------------------------------------- */

static void a_changed_file_is_applied_at_start(void **state)
{
    (void)state;
    lab_restart(&L, ONLY_WEB);
    assert_false(maria_has_db());
}

static void a_bad_file_at_start_leaves_the_last_good_in_force(void **state)
{
    (void)state;
    lab_restart(&L, "role x {");
    assert_true(maria_has_db());
    assert_true(L.e->n_alarms > 0);
}

static void reload_applies_or_leaves(void **state)
{
    (void)state;
    policy_reload(L.e, "role x {", 8, "policy.reload");
    assert_true(maria_has_db());
    policy_reload(L.e, ONLY_WEB, strlen(ONLY_WEB), "policy.reload");
    assert_false(maria_has_db());
}

static void roles_keep_their_names_when_their_order_changes(void **state)
{
    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", ONLY_WEB, 200);   /* warehouse comes first there */
    lab_restart(&L, LAB_POLICY);
    assert_true(lab_reaches(&L, &otto, "10.20.0.22", 8081));
    assert_false(lab_reaches(&L, &maria, "10.20.0.22", 8081));
}

/* ---- grace, exceptions ---------------------------------------------------------------------- */

static void grace_begins_once(void **state)
{
    struct grace_row row;
    int status;

    (void)state;
    for (int i = 0; i < 2; i++) {
        json_t *o = lab_report(&L, &maria, &(struct report){.encrypted = true, .pending = 2},
                               &status);
        assert_int_equal(status, 200);
        json_decref(o);
        assert_int_equal(store_get_grace(L.e->store, 1, &row, 1), 1);
        if (i == 0) {
            row.since.s -= 2 * 86400;
            store_begin(L.e->store);
            store_put_grace(L.e->store, 1, &row);
            store_commit(L.e->store);
        }
    }
    assert_true(row.since.s <= clock_wall().s - 2 * 86400);
    lab_in(&L, &maria);                                  /* one pass does not restart it */
    assert_int_equal(store_get_grace(L.e->store, 1, &row, 1), 1);
    row.since.s -= 2 * 86400;
    row.passing.s = 0;
    store_begin(L.e->store);
    store_put_grace(L.e->store, 1, &row);
    store_commit(L.e->store);
    json_decref(lab_report(&L, &maria, &(struct report){.encrypted = true, .pending = 2}, &status));
    assert_int_equal(status, 403);                       /* three days are over */
}

static void an_exception_lets_in_until_it_ends(void **state)
{
    char body[256];
    int status;

    (void)state;
    json_decref(lab_report(&L, &maria, &(struct report){.encrypted = false}, &status));
    assert_int_equal(status, 403);
    snprintf(body, sizeof body, "{\"rule\":\"require fde.sys\",\"until\":%lld,\"reason\":\"new disk\"}",
             (long long)clock_wall().s + 3);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/exceptions", body, 200);
    assert_true(maria_has_db());
    assert_in_range(dev_by_name(L.e, "maria-laptop")->lease.until.s, 1, clock_wall().s + 3);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/exceptions",
           "{\"rule\":\"require fde.syz\",\"until\":1,\"reason\":\"x\"}", 400);
}

static void hours_and_sign_in_bound_the_lease(void **state)
{
    static const char text[] =
        "resource db { 10.20.0.9 tcp 5432 }\nresource wms { 10.20.0.22 tcp 8081 }\n"
        "posture baseline { lease 15m evidence <= 8h assurance >= PA1 }\n"
        "role filing { reach db posture baseline sign-in every 1h }\n"
        "role warehouse { reach wms posture baseline hours Mon-Sun 00:00-24:00 America/Chicago }\n";

    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", text, 200);
    assert_false(maria_has_db());
    assert_true(lab_reaches(&L, &otto, "10.20.0.22", 8081));
    lab_do(&L, CONTROL_POST, "/v1/users/maria/sign-in", NULL, 200);
    assert_true(maria_has_db());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(takes_away_what_it_takes_away_and_no_more, begin, end),
        cmocka_unit_test_setup_teardown(what_does_not_apply_leaves_the_old, begin, end),
        cmocka_unit_test_setup_teardown(check_and_diff_change_nothing, begin, end),
        cmocka_unit_test_setup_teardown(unconfirmed_goes_back, begin, end),
        cmocka_unit_test_setup_teardown(unconfirmed_goes_back_over_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(unconfirmed_runs_on_over_a_restart_until_its_time, begin, end),
        cmocka_unit_test_setup_teardown(confirmed_stays, begin, end),
        cmocka_unit_test_setup_teardown(taking_all_from_most_is_confirmed, begin_four, end),
        cmocka_unit_test_setup_teardown(confirmed_it_is_done, begin_four, end),
        cmocka_unit_test_setup_teardown(a_file_does_not_take_all_from_most, begin_four, end),
        cmocka_unit_test_setup_teardown(a_changed_file_is_applied_at_start, begin, end),
        cmocka_unit_test_setup_teardown(a_bad_file_at_start_leaves_the_last_good_in_force, begin, end),
        cmocka_unit_test_setup_teardown(reload_applies_or_leaves, begin, end),
        cmocka_unit_test_setup_teardown(roles_keep_their_names_when_their_order_changes, begin, end),
        cmocka_unit_test_setup_teardown(grace_begins_once, begin, end),
        cmocka_unit_test_setup_teardown(an_exception_lets_in_until_it_ends, begin, end),
        cmocka_unit_test_setup_teardown(hours_and_sign_in_bound_the_lease, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
