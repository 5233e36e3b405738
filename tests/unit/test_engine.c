/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The engine as a whole: people, tokens, leases, revocation, policy; restarts between them. */
#include "tests/unit/engine_lab.h"

static struct lab L;

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_person(&L, "otto", "warehouse");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

/* ---- starting ------------------------------------------------------------------------------- */

static void refuses_a_bad_start(void **state)
{
    static const struct { const char *what, *gateway, *policy, *says; } cases[] = {
        {"no gateway", "gatway x {}", LAB_POLICY, "gateway.conf:1:1: error"},
        {"bad policy, none before", LAB_GATEWAY, "resource db { 10.0.0.1 tcp 99999 }", "policy.conf:1"},
        {"failing test", LAB_GATEWAY, LAB_POLICY "test \"no\" { role filing cannot reach db }\n",
         "policy.conf:14"},
        {"no such zone", LAB_GATEWAY,
         "role r { reach d posture p hours Mon-Fri 08:00-17:00 Moon/Base }\n"
         "resource d { 10.0.0.1 tcp 1 }\nposture p { lease 1m evidence <= 1h assurance >= PA1 }\n",
         "unknown time zone 'Moon/Base'"},
    };
    struct lab other;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        lab_new(&other);
        print_message("%s\n", cases[i].what);
        assert_int_equal(lab_try(&other, cases[i].gateway, cases[i].policy, "b"), -1);
        lab_stop(&other);   /* joins the parent, which has read it by then */
        assert_non_null(strstr(other.failed, cases[i].says));
        lab_end(&other);
    }
}

static void refuses_a_second_daemon(void **state)
{
    struct lab other;

    (void)state;
    lab_new(&other);
    rmdir(other.dir);
    memcpy(other.dir, L.dir, sizeof other.dir);
    assert_int_equal(lab_try(&other, LAB_GATEWAY, LAB_POLICY, "b"), -1);
    lab_stop(&other);
    assert_non_null(strstr(other.failed, "in use by another portcullisd"));
}

/* ---- tokens and leases ---------------------------------------------------------------------- */

static void healthy_is_in(void **state)
{
    struct laptop t;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    assert_false(lab_reaches(&L, &t, "10.20.0.9", 5432));
    assert_true(lab_reaches(&L, &t, "10.20.0.40", 443));
    lab_in(&L, &t);
    assert_true(lab_reaches(&L, &t, "10.20.0.9", 5432));
    assert_false(lab_reaches(&L, &t, "10.20.0.22", 8081));
}

static void unhealthy_stays_out_and_is_told(void **state)
{
    struct laptop t;
    int status;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    json_t *o = lab_report(&L, &t, &(struct report){.encrypted = false}, &status);
    assert_int_equal(status, 403);
    assert_string_equal(lab_text(o, "code"), "PL708");
    assert_string_equal(lab_text(o, "result"), "quarantine");
    json_decref(o);
    assert_false(lab_reaches(&L, &t, "10.20.0.9", 5432));
}

static void worse_evidence_ends_the_lease(void **state)
{
    struct laptop t;
    int status;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    lab_in(&L, &t);
    json_decref(lab_report(&L, &t, &(struct report){.encrypted = false}, &status));
    assert_int_equal(status, 403);
    assert_false(lab_reaches(&L, &t, "10.20.0.9", 5432));
}

static void refuses_misuse(void **state)
{
    static const struct { const char *what, *code; struct report say; bool twice; } cases[] = {
        {"another device", "PT503", {.encrypted = true, .sub = "nobody"}, false},
        {"another tunnel key", "PT502",
         {.encrypted = true, .wg = (const uint8_t *)"01234567890123456789012345678901"}, false},
        {"the same token again", "PT402", {.encrypted = true}, true},
        {"the same jti again", "PT404", {.encrypted = true, .jti = "0123456789abcdef"}, false},
    };
    struct laptop t;
    int status;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    json_decref(lab_report(&L, &t, &(struct report){.encrypted = true, .jti = "0123456789abcdef"},
                           &status));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char *token = lab_token(&L, &t, &cases[i].say);
        if (cases[i].twice)
            json_decref(lab_portal(&L, &t, PORTAL_POSTURE, token, &status));
        json_t *o = lab_portal(&L, &t, PORTAL_POSTURE, token, &status);
        print_message("%s\n", cases[i].what);
        assert_string_equal(lab_text(o, "code"), cases[i].code);
        json_decref(o);
        free(token);
    }
}

static void replay_is_known_after_a_restart(void **state)
{
    struct laptop t;
    int status;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    json_decref(lab_report(&L, &t, &(struct report){.encrypted = true, .jti = "0123456789abcdef"},
                           &status));
    assert_int_equal(status, 200);
    lab_restart(&L, LAB_POLICY);
    json_t *o = lab_report(&L, &t, &(struct report){.encrypted = true, .jti = "0123456789abcdef"},
                           &status);
    assert_string_equal(lab_text(o, "code"), "PT404");
    json_decref(o);
}

/* Of each kind of question a burst is answered, the next is not, and the other kinds still are. */
static void limits_the_rate(void **state)
{
    static const struct { enum portal_verb verb; const char *body; int burst, status; } cases[] = {
        {PORTAL_POSTURE, "x", 10, 403}, {PORTAL_NONCE, "", 10, 200}, {PORTAL_ME, "", 60, 200},
        {PORTAL_DENIALS, "", 20, 200},
    };
    struct laptop t;
    int status = 0;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        for (int i = 0; i < cases[c].burst; i++) {
            json_decref(lab_portal(&L, &t, cases[c].verb, cases[c].body, &status));
            assert_int_equal(status, cases[c].status);
        }
        json_decref(lab_portal(&L, &t, cases[c].verb, cases[c].body, &status));
        assert_int_equal(status, 429);
    }
}

static void leases_survive_a_restart_with_what_is_left(void **state)
{
    struct laptop t;
    int status;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    json_decref(lab_report(&L, &t, &(struct report){.encrypted = true, .life = 60}, &status));
    lab_restart(&L, LAB_POLICY);
    assert_true(lab_reaches(&L, &t, "10.20.0.9", 5432));
    assert_in_range(L.dp.leases[0].left_ms, 1, 60000);
}

static void a_lease_that_ran_out_does_not_come_back(void **state)
{
    struct laptop t;
    int status;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    json_decref(lab_report(&L, &t, &(struct report){.encrypted = true, .life = 2}, &status));
    assert_int_equal(status, 200);
    assert_in_range(L.dp.leases[0].left_ms, 1, 2000);
    usleep(2100000);
    leases_tick(L.e);
    assert_false(lab_reaches(&L, &t, "10.20.0.9", 5432));
    lab_restart(&L, LAB_POLICY);
    assert_false(lab_reaches(&L, &t, "10.20.0.9", 5432));
    assert_int_equal(L.dp.n_leases, 0);
}

static void the_audit_log_fills_up_what_it_lost(void **state)
{
    uint64_t before, after;
    char text[400];

    (void)state;
    before = audit_last(L.e->audit);
    lab_stop(&L);
    assert_int_equal(truncate("audit/records-00000000000000000001", 40), 0);   /* within the first */
    dataplane_clear(&L.dp);
    lab_start(&L, LAB_POLICY);
    assert_true(audit_verify(L.e->audit, &after, text));
    assert_int_equal(after, before + 1);                  /* the start itself */
    assert_true(L.e->n_alarms > 0);
}

static void addresses_follow_from_the_index(void **state)
{
    static const struct { uint32_t index; const char *net, *gateway, *want; } cases[] = {
        {1, "10.77.0.0/16", "10.77.0.1", "10.77.0.2"},
        {254, "10.77.0.0/16", "10.77.0.1", "10.77.0.255"},
        {255, "10.77.0.0/16", "10.77.0.1", "10.77.1.0"},
        {65533, "10.77.0.0/16", "10.77.0.1", "10.77.255.254"},
        {65534, "10.77.0.0/16", "10.77.0.1", NULL},        /* broadcast */
        {65535, "10.77.0.0/16", "10.77.0.1", NULL},        /* outside */
        {4, "10.77.0.0/16", "10.77.0.5", NULL},            /* the gateway's own */
        {DEVICE_MAX, "10.0.0.0/8", "10.0.0.1", "10.3.255.255"},
        {254, "fd77:acc::/64", "fd77:acc::1", "fd77:acc::ff"},
        {65535, "fd77:acc::/64", "fd77:acc::1", "fd77:acc::1:0"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct gateway_conf c = {0};
        struct device d = {.index = cases[i].index};
        struct ip_prefix p, wide;
        char text[ADDR_TEXT];
        assert_true(prefix_parse(cases[i].net, strlen(cases[i].net), &p));
        assert_true(ip_parse(cases[i].gateway, strlen(cases[i].gateway), &p.addr));
        assert_true(prefix_parse("10.0.0.1/8", 10, &wide));
        bool v6 = p.addr.family == 6;
        c.tunnel.net4 = v6 ? wide : p;
        if (v6)
            c.tunnel.net6 = p;
        assert_int_equal(dev_address(&c, &d), cases[i].want != NULL);
        if (cases[i].want)
            assert_string_equal(ip_print(v6 ? &d.addr6 : &d.addr4, text), cases[i].want);
    }
}

/* ---- the clock ------------------------------------------------------------------------------ */

static void a_wall_clock_that_jumps_back_gives_nothing(void **state)
{
    struct wall now = clock_wall();
    struct grant g = {.class_id = 1, .granted = {now.s + 3600}, .until = {now.s + 4200},
                      .end_boot_ms = clock_boot_ms() + 5000};

    (void)state;
    assert_in_range(grant_left_ms(&g), 4000, 5000);     /* by CLOCK_BOOTTIME */
    g.end_boot_ms = 0;
    assert_in_range(grant_left_ms(&g), 1, 600000);      /* never longer than granted */
    g.until = now;
    g.granted.s = now.s - 600;
    assert_int_equal(grant_left_ms(&g), 0);
}

/* Where the kernel calls its clock unsynchronised: nothing new, and what runs goes on or shrinks. */
static void an_unsynchronised_clock_grants_nothing_new(void **state)
{
    static const char ntp[] = "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16, "
                              "fd77:acc::1/64 } outside eth0 office eth1 }\n";
    struct laptop in, out;
    int status;

    (void)state;
    if (clock_synchronised()) {
        print_message("skip - this machine's clock is synchronised\n");
        skip();
    }
    lab_enrol(&L, &in, "maria-laptop", "maria");
    lab_enrol(&L, &out, "otto-laptop", "otto");
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"filing\",\"warehouse\"]}", 200);
    lab_in(&L, &in);
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(lab_try(&L, ntp, LAB_POLICY, "boot-1"), 0);
    json_t *o = lab_report(&L, &out, &(struct report){.encrypted = true}, &status);
    assert_string_equal(lab_text(o, "code"), "PT901");
    assert_int_equal(status, 503);
    json_decref(o);
    assert_true(lab_reaches(&L, &in, "10.20.0.9", 5432));
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"warehouse\"]}", 200);
    assert_false(lab_reaches(&L, &in, "10.20.0.9", 5432));
    assert_true(lab_reaches(&L, &in, "10.20.0.22", 8081));
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"filing\",\"warehouse\"]}", 200);
    assert_false(lab_reaches(&L, &in, "10.20.0.9", 5432));
    lab_stop(&L);                                         /* and another boot believes no time */
    dataplane_clear(&L.dp);
    assert_int_equal(lab_try(&L, ntp, LAB_POLICY, "boot-2"), 0);
    assert_int_equal(L.dp.n_leases, 0);
}

/* ---- revocation ----------------------------------------------------------------------------- */

static void revoking_cuts_and_gives_a_receipt(void **state)
{
    static struct evidence ev;
    struct laptop t;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    lab_in(&L, &t);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/sign-in", NULL, 200);
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/users/maria/revoke", "{\"reason\":\"left\"}", 200);
    assert_false(lab_reaches(&L, &t, "10.20.0.40", 443));
    assert_int_equal(L.dp.n_devices, 0);
    assert_true(json_is_true(json_object_get(o, "verified")));
    assert_int_equal(json_array_size(json_object_get(o, "devices")), 1);
    assert_int_equal(json_integer_value(json_object_get(o, "tokens_revoked")), 1);
    json_int_t asked = json_integer_value(json_object_get(o, "requested_us"));
    json_int_t cut = json_integer_value(json_object_get(o, "kernel_cut_us"));
    json_int_t durable = json_integer_value(json_object_get(o, "durable_us"));
    json_int_t answered = json_integer_value(json_object_get(o, "answered_us"));
    assert_true(asked <= cut && cut <= durable && durable <= answered);
    json_decref(o);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/revoke", NULL, 200);
    lab_restart(&L, LAB_POLICY);
    assert_int_equal(L.dp.n_devices, 0);
    assert_int_equal(store_get_evidence(L.e->store, 1, &ev), STORE_NONE);
    o = lab_must(&L, CONTROL_POST, "/v1/users/maria/restore", NULL, 200);
    assert_null(json_object_get(o, "signed_in"));
    json_decref(o);
    assert_int_equal(L.dp.n_devices, 1);
    assert_false(lab_reaches(&L, &t, "10.20.0.9", 5432));
}

static void a_lost_device_does_not_return(void **state)
{
    struct laptop t;
    char body[256], wg[64];

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    lab_in(&L, &t);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/lost", NULL, 200);
    assert_int_equal(L.dp.n_devices, 0);
    sodium_bin2base64(wg, sizeof wg, t.wg, 32, sodium_base64_VARIANT_ORIGINAL);
    snprintf(body, sizeof body, "{\"name\":\"new\",\"user\":\"maria\",\"wireguard_key\":\"%s\"}", wg);
    lab_do(&L, CONTROL_POST, "/v1/devices", body, 409);
    lab_restart(&L, LAB_POLICY);
    assert_int_equal(L.dp.n_devices, 0);
    lab_enrol(&L, &t, "next", "maria");
    assert_int_equal(dev_by_name(L.e, "next")->k.index, 2);   /* 1 is never given again */
}

static void a_revoked_issuer_takes_its_leases(void **state)
{
    struct laptop t;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    lab_in(&L, &t);
    lab_do(&L, CONTROL_POST, "/v1/issuers/maria-laptop/revoke", NULL, 200);
    assert_false(lab_reaches(&L, &t, "10.20.0.9", 5432));
}

static void roles_change_at_once(void **state)
{
    struct laptop t;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    lab_in(&L, &t);
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"warehouse\"]}", 200);
    assert_false(lab_reaches(&L, &t, "10.20.0.9", 5432));
    assert_true(lab_reaches(&L, &t, "10.20.0.22", 8081));
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[]}", 200);
    assert_false(lab_reaches(&L, &t, "10.20.0.22", 8081));
}

static void a_refused_change_brings_everything(void **state)
{
    struct laptop t;

    (void)state;
    lab_enrol(&L, &t, "maria-laptop", "maria");
    L.refuse = -ENOBUFS;
    lab_in(&L, &t);
    assert_true(lab_reaches(&L, &t, "10.20.0.9", 5432));
    assert_int_equal(L.wholes, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(refuses_a_bad_start, begin, end),
        cmocka_unit_test_setup_teardown(refuses_a_second_daemon, begin, end),
        cmocka_unit_test_setup_teardown(healthy_is_in, begin, end),
        cmocka_unit_test_setup_teardown(unhealthy_stays_out_and_is_told, begin, end),
        cmocka_unit_test_setup_teardown(worse_evidence_ends_the_lease, begin, end),
        cmocka_unit_test_setup_teardown(refuses_misuse, begin, end),
        cmocka_unit_test_setup_teardown(replay_is_known_after_a_restart, begin, end),
        cmocka_unit_test_setup_teardown(limits_the_rate, begin, end),
        cmocka_unit_test_setup_teardown(leases_survive_a_restart_with_what_is_left, begin, end),
        cmocka_unit_test_setup_teardown(a_lease_that_ran_out_does_not_come_back, begin, end),
        cmocka_unit_test_setup_teardown(the_audit_log_fills_up_what_it_lost, begin, end),
        cmocka_unit_test(addresses_follow_from_the_index),
        cmocka_unit_test(a_wall_clock_that_jumps_back_gives_nothing),
        cmocka_unit_test_setup_teardown(an_unsynchronised_clock_grants_nothing_new, begin, end),
        cmocka_unit_test_setup_teardown(revoking_cuts_and_gives_a_receipt, begin, end),
        cmocka_unit_test_setup_teardown(a_lost_device_does_not_return, begin, end),
        cmocka_unit_test_setup_teardown(a_revoked_issuer_takes_its_leases, begin, end),
        cmocka_unit_test_setup_teardown(roles_change_at_once, begin, end),
        cmocka_unit_test_setup_teardown(a_refused_change_brings_everything, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
