/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the engine must remember, and of whom: challenges, the time of the last token, the first
 * ueid, the beginning of a grace, whose roles a lease meant; and that a receipt says only what was
 * read back.
 */
#include "tests/unit/engine_lab.h"

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
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static void expect_code(struct laptop *t, const char *token, const char *code)
{
    int status;
    json_t *o = lab_portal(&L, t, PORTAL_POSTURE, token, &status);
    assert_string_equal(lab_text(o, "code"), code);
    assert_int_equal(status, 403);
    json_decref(o);
}

/* ---- challenges ----------------------------------------------------------------------------- */

static void a_challenge_ends(void **state)
{
    (void)state;
    char *token = lab_token(&L, &maria, &(struct report){.encrypted = true});
    for (size_t i = 0; i < NONCES_MAX; i++)
        if (L.e->nonces[i].device != 0) {
            assert_in_range(L.e->nonces[i].end_boot_ms - clock_boot_ms(), 100000, 120000);
            L.e->nonces[i].end_boot_ms = clock_boot_ms();
        }
    expect_code(&maria, token, "PT402");
    assert_false(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    free(token);
}

/* The device's own token with a challenge that the gateway gave to somebody else. */
static void a_challenge_of_another_device(void **state)
{
    (void)state;
    char *token = lab_token(&L, &maria, &(struct report){.encrypted = true});
    for (size_t i = 0; i < NONCES_MAX; i++)
        if (L.e->nonces[i].device != 0)
            L.e->nonces[i].device = dev_by_name(L.e, "otto-laptop")->k.index;
    expect_code(&maria, token, "PT403");
    free(token);
}

/* ---- over a restart ------------------------------------------------------------------------- */

static void the_last_token_of_a_device(void **state)
{
    (void)state;
    int64_t before = clock_wall().s;
    lab_in(&L, &maria);
    lab_restart(&L, LAB_POLICY);
    struct dev *d = dev_by_name(L.e, "maria-laptop");
    assert_true(d->last_iat.s >= before);
    d->last_iat.s = clock_wall().s + 30;                 /* as if a later one had come */
    char *token = lab_token(&L, &maria, &(struct report){.encrypted = true});
    expect_code(&maria, token, "PT405");
    free(token);
}

static void the_first_ueid_is_the_devices(void **state)
{
    char ueid[CLAIM_TEXT];
    (void)state;
    lab_in(&L, &maria);
    store_get_ueid(L.e->store, dev_by_name(L.e, "maria-laptop")->k.index, ueid);
    assert_string_equal(ueid, "AQIDBAUGBwgJCgsMDQ4PEBE");
    store_begin(L.e->store);
    store_set_ueid(L.e->store, dev_by_name(L.e, "otto-laptop")->k.index, "another-machine");
    assert_int_equal(store_commit(L.e->store), STORE_OK);
    lab_restart(&L, LAB_POLICY);
    char *token = lab_token(&L, &otto, &(struct report){.encrypted = true});
    expect_code(&otto, token, "PT507");
    free(token);
}

/* Fails, passes once, fails: the three days began with the first failure. */
static void a_single_pass_does_not_begin_grace_anew(void **state)
{
    struct grace_row row;
    int status;
    (void)state;
    const struct report failing = {.encrypted = true, .pending = 2};
    json_decref(lab_report(&L, &maria, &failing, &status));
    assert_int_equal(status, 200);
    uint32_t index = dev_by_name(L.e, "maria-laptop")->k.index;
    assert_int_equal(store_get_grace(L.e->store, index, &row, 1), 1);
    row.since.s -= 2 * 86400;
    store_begin(L.e->store);
    store_put_grace(L.e->store, index, &row);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
    lab_in(&L, &maria);
    json_decref(lab_report(&L, &maria, &failing, &status));
    assert_int_equal(status, 200);
    struct wall since = row.since;
    assert_int_equal(store_get_grace(L.e->store, index, &row, 1), 1);
    assert_int_equal(row.since.s, since.s);
    assert_int_equal(row.passing.s, 0);
}

/* What the device signed with is void with the device, here and after a restart. */
static void a_device_takes_its_signing_key_with_it(void **state)
{
    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/revoke", NULL, 200);
    for (int i = 0; i < 2; i++) {
        struct token_key *gone = key_by_kid(L.e, "maria-laptop"), *kept = key_by_kid(L.e, "otto-laptop");
        assert_true(gone && gone->status == KEY_REVOKED);
        assert_true(kept && kept->status == KEY_ACTIVE);
        lab_restart(&L, LAB_POLICY);
    }
}

/* ---- policies ------------------------------------------------------------------------------- */

/* Without a clock a lease may only shrink: to what its roles are called, not to their places. */
static void a_lease_means_names_of_roles(void **state)
{
    static const char ntp[] = "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16, "
                              "fd77:acc::1/64 } outside eth0 office eth1 }\n";
    static const char turned[] =
        "company \"Lab\"\nresource db { 10.20.0.9 tcp 5432 }\nresource wms { 10.20.0.22 tcp 8081 }\n"
        "posture baseline { lease 15m evidence <= 8h assurance >= PA1 require fde.sys }\n"
        "role warehouse { reach wms posture baseline }\nrole filing { reach db posture baseline }\n";
    (void)state;
    if (clock_synchronised()) {
        print_message("skip - this machine's clock is synchronised\n");
        skip();
    }
    lab_in(&L, &maria);
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(lab_try(&L, ntp, LAB_POLICY, "boot-1"), 0);
    assert_true(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", turned, 200);
    assert_true(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    assert_false(lab_reaches(&L, &maria, "10.20.0.22", 8081));
}

/* ---- the receipt ---------------------------------------------------------------------------- */

static void a_receipt_says_what_was_read_back(void **state)
{
    static const struct { const char *what; uint32_t leases, connections, peers; } cases[] = {
        {"a lease", 1, 0, 0}, {"a connection", 0, 1, 0}, {"a peer", 0, 0, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lab_in(&L, &maria);
        L.left.leases = cases[i].leases;
        L.left.connections = cases[i].connections;
        L.left.peers = cases[i].peers;
        size_t alarms = L.e->n_alarms;
        json_t *o = lab_must(&L, CONTROL_POST, "/v1/users/maria/revoke", NULL, 200);
        if (!json_is_false(json_object_get(o, "verified")) || L.e->n_alarms == alarms)
            fail_msg("%s left, and the receipt is verified", cases[i].what);
        assert_int_equal(json_integer_value(json_object_get(o, "leases_left")), cases[i].leases);
        assert_int_equal(json_integer_value(json_object_get(o, "peers_left")), cases[i].peers);
        json_decref(o);
        memset(&L.left, 0, sizeof L.left);
        lab_do(&L, CONTROL_POST, "/v1/users/maria/restore", NULL, 200);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_challenge_ends, begin, end),
        cmocka_unit_test_setup_teardown(a_challenge_of_another_device, begin, end),
        cmocka_unit_test_setup_teardown(the_last_token_of_a_device, begin, end),
        cmocka_unit_test_setup_teardown(the_first_ueid_is_the_devices, begin, end),
        cmocka_unit_test_setup_teardown(a_single_pass_does_not_begin_grace_anew, begin, end),
        cmocka_unit_test_setup_teardown(a_device_takes_its_signing_key_with_it, begin, end),
        cmocka_unit_test_setup_teardown(a_lease_means_names_of_roles, begin, end),
        cmocka_unit_test_setup_teardown(a_receipt_says_what_was_read_back, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
