/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to attempts: who is held, whom nobody can get held, for how long, and how many at once. */
#include "tests/unit/engine_lab.h"

#include "gateway/respond.h"

#define RESPOND_POLICY LAB_POLICY                    \
    "resource rpc { 10.20.0.50-10.20.0.59 tcp 49152-65535 }\n" \
    "role office { reach rpc posture baseline }\n"   \
    "contact \"the IT desk, extension 100\"\n"       \
    "respond { port-scan 5 within 1m lock\n"         \
    " host-scan 4 within 1m quarantine 1m\n"         \
    " repeated-denials 50 within 1m alarm\n"         \
    " repeated-bad-tokens 3 within 1m lock\n"        \
    " two-places 3 within 1m lock\n"                 \
    " ended-key 3 within 1m alarm }\n"

static struct lab L;
static struct laptop maria, otto;

static void enrol_two(void)
{
    lab_person(&L, "maria", "filing");
    lab_person(&L, "otto", "warehouse");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &otto, "otto-laptop", "otto");
    lab_in(&L, &maria);
    lab_in(&L, &otto);
}

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, RESPOND_POLICY);
    enrol_two();
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static void restart(const char *boot)
{
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(lab_try(&L, LAB_GATEWAY, RESPOND_POLICY, boot), 0);
}

/* ---- attempts ------------------------------------------------------------------------------- */

static struct dev *dev(const struct laptop *t) { return dev_by_name(L.e, t->name); }

static void deny(struct ip_addr src, const char *dst, uint16_t port, enum deny_reason reason)
{
    struct denied_packet p = {.time_us = clock_wall_us(), .reason = reason, .src = src, .proto = 6,
                              .sport = 999, .dport = port, .file = 1};
    struct writer w;

    assert_true(ip_parse(dst, strlen(dst), &p.dst));
    writer_init(&w, 65536);
    put_u16(&w, 1);
    put_denied(&w, &p);
    struct message m = {.type = MSG_DENIED, .body = w.v, .len = w.n, .fd = -1};
    assert_int_equal(attempts_message(L.e, &m), 0);
    writer_clear(&w);
    respond_act(L.e);
}

static void scan_ports(const struct laptop *t, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        deny(dev(t)->k.addr4, "10.20.0.9", (uint16_t)(1000 + i), DENY_NOT_PERMITTED);
}

static void scan_hosts(const struct laptop *t, unsigned n)
{
    char host[32];

    for (unsigned i = 0; i < n; i++) {
        snprintf(host, sizeof host, "10.20.1.%u", i);
        deny(dev(t)->k.addr4, host, 445, DENY_NOT_PERMITTED);
    }
}

static void attempt(const struct laptop *t, enum attempt_kind kind, uint8_t reason, unsigned n)
{
    struct attempt a = {.kind = kind, .reason = reason, .count = 1, .first = clock_wall(),
                        .last = clock_wall()};

    snprintf(a.device, sizeof a.device, "%s", t->name);
    snprintf(a.user, sizeof a.user, "%s", dev_user(L.e, dev(t))->name);
    for (unsigned i = 0; i < n; i++)
        attempts_note(L.e, &a);
    respond_act(L.e);
}

/* ---- what one sees -------------------------------------------------------------------------- */

static bool maria_works(void) { return lab_reaches(&L, &maria, "10.20.0.9", 5432); }
static bool otto_works(void) { return lab_reaches(&L, &otto, "10.20.0.22", 8081); }

/* How many records of this act the audit log has. */
static unsigned acts(const char *act)
{
    int status;
    unsigned n = 0;
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/audit", "", NULL, &status), *one;
    size_t i;

    json_array_foreach(json_object_get(o, "items"), i, one)
        n += strcmp(lab_text(one, "act"), act) == 0;
    json_decref(o);
    return n;
}

static json_t *device(const struct laptop *t)
{
    char path[128];

    snprintf(path, sizeof path, "/v1/devices/%s", t->name);
    return lab_must(&L, CONTROL_GET, path, NULL, 200);
}

static size_t listed(const char *name)
{
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/respond", NULL, 200);
    size_t n = json_array_size(json_object_get(o, name));

    json_decref(o);
    return n;
}

/* ---- locks ---------------------------------------------------------------------------------- */

static void a_scan_is_locked_at_once(void **state)
{
    (void)state;
    scan_ports(&maria, 4);
    assert_true(maria_works());
    deny(dev(&maria)->k.addr4, "10.20.0.9", 2000, DENY_NOT_PERMITTED);
    assert_false(maria_works());
    assert_true(otto_works());
    assert_int_equal(acts("respond.lock"), 1);
    assert_int_equal(acts("lease.end"), 1);

    json_t *o = device(&maria), *hold = json_object_get(o, "hold");
    assert_string_equal(lab_text(o, "state"), "locked");
    assert_string_equal(lab_text(o, "reason"), "locked");
    assert_string_equal(lab_text(hold, "pattern"), "port-scan");
    assert_int_equal(json_array_size(json_object_get(hold, "attempts")), 5);
    assert_null(json_object_get(hold, "until"));
    json_decref(o);
}

static void a_token_opens_no_lock(void **state)
{
    int status;

    (void)state;
    scan_ports(&maria, 5);
    json_t *o = lab_report(&L, &maria, &(struct report){.encrypted = true}, &status);
    assert_int_equal(status, 403);
    assert_string_equal(lab_text(o, "sentence"), "This device is locked until an administrator "
                        "unlocks it: it tried one closed port after another, as a port scan does.");
    assert_string_equal(lab_text(o, "fix"), "Call the IT desk, extension 100.");
    json_decref(o);
    assert_false(maria_works());

    o = lab_portal(&L, &maria, PORTAL_ME, "", &status);
    assert_int_equal(status, 200);
    assert_string_equal(lab_text(o, "state"), "locked");
    assert_string_equal(lab_text(o, "contact"), "the IT desk, extension 100");
    assert_non_null(json_object_get(o, "hold"));
    json_decref(o);
}

static void a_lock_outlives_restarts(void **state)
{
    (void)state;
    scan_ports(&maria, 5);
    restart("boot-1");
    assert_false(maria_works());
    assert_true(otto_works());
    restart("boot-2");
    assert_false(maria_works());
    lab_do(&L, CONTROL_POST, "/v1/policy/rollback", NULL, 409);
    leases_tick(L.e);
    respond_tick(L.e);
    assert_false(maria_works());
    assert_int_equal(listed("held"), 1);
}

static void an_admin_unlocks(void **state)
{
    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/unlock", "{\"reason\":\"none\"}", 409);
    scan_ports(&maria, 5);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/unlock", "{}", 400);
    lab_do(&L, CONTROL_POST, "/v1/devices/nobody/unlock", "{\"reason\":\"x\"}", 404);
    assert_false(maria_works());
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/unlock", "{\"reason\":\"talked to her\"}", 200);
    assert_true(maria_works());
    assert_int_equal(acts("device.unlock"), 1);
    /* And counts from nothing again. */
    scan_ports(&maria, 4);
    assert_true(maria_works());
    restart("boot-1");
    assert_true(maria_works());
}

/* ---- quarantine for a time ------------------------------------------------------------------ */

static void pass_time(struct hold *h, int64_t ms) { h->end_boot_ms -= ms; }

static void a_quarantine_ends_by_itself(void **state)
{
    (void)state;
    scan_hosts(&maria, 3);
    assert_true(maria_works());
    scan_hosts(&maria, 4);
    assert_false(maria_works());
    json_t *o = device(&maria);
    assert_string_equal(lab_text(o, "state"), "quarantine");
    assert_string_equal(lab_text(o, "reason"), "held");
    json_decref(o);

    pass_time(hold_of(L.e, dev(&maria)), 59000);
    respond_tick(L.e);
    assert_false(maria_works());
    pass_time(hold_of(L.e, dev(&maria)), 1000);
    respond_tick(L.e);
    assert_true(maria_works());
    assert_int_equal(listed("held"), 0);
    assert_int_equal(acts("respond.end"), 1);
}

/* What the wall clock says of a hold from before the machine's start, at most the whole of it. */
static void a_quarantine_outlives_restarts(void **state)
{
    static const struct { const char *what; const char *boot; int64_t gone_s; int64_t least, most; }
    cases[] = {
        {"the same boot: by the boot clock", "boot-1", 30, 55, 60},
        {"another boot: by the wall clock", "boot-2", 30, 25, 30},
        {"the wall clock went back a day", "boot-3", -86400, 55, 60},
        {"its time is over", "boot-4", 61, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scan_hosts(&maria, 4);
        struct hold h = *hold_of(L.e, dev(&maria));
        h.until.s -= cases[i].gone_s;
        store_begin(L.e->store);
        store_put_hold(L.e->store, &h);
        assert_int_equal(store_commit(L.e->store), STORE_OK);
        restart(cases[i].boot);
        print_message("%s\n", cases[i].what);
        assert_in_range(hold_left_ms(hold_of(L.e, dev(&maria))) / 1000, cases[i].least,
                        cases[i].most);
        hold_of(L.e, dev(&maria))->end_boot_ms = 1;
        respond_tick(L.e);
        assert_int_equal(listed("held"), 0);
        lab_in(&L, &maria);
    }
}

/* ---- who cannot be made to pay -------------------------------------------------------------- */

static void nobody_is_held_for_others(void **state)
{
    (void)state;
    /* Somebody forges her address; the office knocks at her device; her address as destination. */
    for (uint16_t port = 1; port < 100; port++) {
        deny(dev(&maria)->k.addr4, "10.20.0.9", port, DENY_SPOOFED);
        deny((struct ip_addr){4, {10, 20, 0, 77}}, "10.77.0.2", port, DENY_WRONG_DIRECTION);
    }
    /* Handshakes that replay hers, and others. */
    attempt(&maria, ATTEMPT_KNOCK, HANDSHAKE_REPLAYED, 100);
    attempt(&maria, ATTEMPT_KNOCK, HANDSHAKE_UNKNOWN_KEY, 100);
    attempt(&maria, ATTEMPT_ADMIN, 0, 100);
    /* The packet names her and comes from elsewhere. */
    attempt(&maria, ATTEMPT_PACKET, DENY_NOT_PERMITTED, 100);
    /* What her system says to all of the tunnel network. */
    for (uint16_t port = 1; port < 100; port++)
        deny(dev(&maria)->k.addr4, "10.77.255.255", port, DENY_DEVICE_TO_DEVICE);
    assert_true(maria_works());
    assert_int_equal(listed("held"), 0);
    assert_int_equal(L.e->n_alarms, 0);
}

/* Her lease has ended, or the hours of one role, and all that her programs do is refused. */
static void work_without_a_lease_is_no_scan(void **state)
{
    (void)state;
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"filing\",\"office\"]}", 200);
    for (uint16_t i = 0; i < 200; i++) {
        char host[32];
        snprintf(host, sizeof host, "10.20.0.5%u", i % 10);
        deny(dev(&maria)->k.addr4, host, (uint16_t)(50000 + i), DENY_NO_LEASE);
        deny(dev(&maria)->k.addr4, host, (uint16_t)(51000 + i), DENY_NOT_PERMITTED);
        deny(dev(&maria)->k.addr4, host, (uint16_t)(52000 + i), DENY_INVALID);
    }
    assert_int_equal(L.e->n_alarms, 0);
    for (uint16_t i = 0; i < 5; i++)
        deny(dev(&maria)->k.addr4, "10.20.0.50", (uint16_t)(100 + i), DENY_NO_LEASE);
    assert_string_equal(dev_state_name(L.e, dev(&maria)), "locked");
}

static void explain_says_so(void **state)
{
    int status;

    (void)state;
    scan_ports(&maria, 5);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/explain", "user=maria&to=db", NULL, &status);
    assert_int_equal(status, 200);
    assert_non_null(strstr(lab_text(o, "sentence"), "the device is locked: This device is locked "
                           "until an administrator unlocks it: it tried one closed port"));
    json_decref(o);
}

static void a_borrowed_token_hurts_the_borrower(void **state)
{
    int status;

    (void)state;
    for (int i = 0; i < 3; i++) {
        char *token = lab_token(&L, &maria, &(struct report){.encrypted = true});
        json_decref(lab_portal(&L, &otto, PORTAL_POSTURE, token, &status));
        free(token);
        assert_int_equal(status, 403);
        respond_act(L.e);
    }
    assert_true(maria_works());
    assert_false(otto_works());
}

static void a_copied_key_is_locked(void **state)
{
    (void)state;
    attempt(&maria, ATTEMPT_TWO_PLACES, 0, 2);
    assert_true(maria_works());
    attempt(&maria, ATTEMPT_TWO_PLACES, 0, 1);
    assert_false(maria_works());
}

static void an_ended_key_that_knocks_is_told(void **state)
{
    (void)state;
    scan_ports(&maria, 5);     /* locked before, that says nothing any more */
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/revoke", "{}", 200);
    attempt(&maria, ATTEMPT_KNOCK, HANDSHAKE_ENDED_KEY, 2);
    assert_int_equal(L.e->n_alarms, 1);
    attempt(&maria, ATTEMPT_KNOCK, HANDSHAKE_ENDED_KEY, 1);
    assert_int_equal(L.e->n_alarms, 2);
    assert_non_null(strstr(L.e->alarms[1].text, "maria-laptop (maria): ended-key: 3 handshakes"));
    attempt(&maria, ATTEMPT_KNOCK, HANDSHAKE_ENDED_KEY, 500);
    assert_int_equal(L.e->n_alarms, 2);
    assert_int_equal(acts("respond.alarm"), 1);
}

/* ---- the share ------------------------------------------------------------------------------ */

static void the_share_is_not_exceeded(void **state)
{
    (void)state;
    scan_ports(&maria, 5);     /* of two devices 10% is none, and one is the least */
    assert_false(maria_works());
    assert_int_equal(L.e->n_alarms, 1);
    scan_hosts(&otto, 4);
    assert_true(otto_works());
    assert_int_equal(L.e->n_alarms, 2);
    assert_non_null(strstr(L.e->alarms[1].text, "otto-laptop (otto) is NOT held, the policy lets me hold 1: host-scan"));
    respond_forget(dev(&otto));
    scan_ports(&otto, 5);
    assert_true(otto_works());
    assert_int_equal(L.e->n_alarms, 2);   /* once */
    assert_int_equal(acts("respond.withheld"), 2);
    assert_int_equal(listed("held"), 1);
    assert_int_equal(listed("withheld"), 1);

    lab_do(&L, CONTROL_POST, "/v1/respond/allow", "{\"reason\":\"x\",\"device\":\"nobody\"}", 404);
    lab_do(&L, CONTROL_POST, "/v1/respond/allow", "{\"reason\":\"x\",\"device\":\"maria-laptop\"}",
           409);
    assert_true(otto_works());
    restart("boot-1");
    lab_do(&L, CONTROL_POST, "/v1/respond/allow", "{\"reason\":\"both do it\"}", 200);
    assert_false(otto_works());
    assert_int_equal(listed("withheld"), 0);
    json_t *o = device(&otto);
    assert_string_equal(lab_text(json_object_get(o, "hold"), "by"), "anna");
    assert_string_equal(lab_text(o, "state"), "locked");   /* the harder of the two answers */
    json_decref(o);
}

/* Whom an admin has said to hold is outside the share; whom an admin lets go is, too. */
static void the_share_is_free_again(void **state)
{
    (void)state;
    scan_ports(&maria, 5);
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/unlock", "{\"reason\":\"x\"}", 200);
    scan_ports(&otto, 5);
    assert_false(otto_works());
    scan_ports(&maria, 5);
    assert_true(maria_works());
    lab_do(&L, CONTROL_POST, "/v1/devices/maria-laptop/unlock", "{\"reason\":\"pardoned\"}", 200);
    assert_int_equal(listed("withheld"), 0);
    lab_do(&L, CONTROL_POST, "/v1/devices/otto-laptop/revoke", "{}", 200);
    respond_tick(L.e);
    respond_forget(dev(&maria));
    scan_ports(&maria, 5);
    assert_false(maria_works());   /* who is revoked is not counted among the held */
}

static void what_is_idle_is_forgotten(void **state)
{
    (void)state;
    scan_ports(&maria, 2);
    assert_non_null(dev(&maria)->seen);
    L.e->ticks = 60;
    respond_tick(L.e);
    assert_non_null(dev(&maria)->seen);
    for (int p = 0; p < PATTERNS; p++)
        for (unsigned i = 0; i < dev(&maria)->seen->track[p].n; i++)
            dev(&maria)->seen->track[p].v[i].at_ms -= 7200000;
    respond_tick(L.e);
    assert_null(dev(&maria)->seen);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_scan_is_locked_at_once, begin, end),
        cmocka_unit_test_setup_teardown(a_token_opens_no_lock, begin, end),
        cmocka_unit_test_setup_teardown(a_lock_outlives_restarts, begin, end),
        cmocka_unit_test_setup_teardown(an_admin_unlocks, begin, end),
        cmocka_unit_test_setup_teardown(a_quarantine_ends_by_itself, begin, end),
        cmocka_unit_test_setup_teardown(a_quarantine_outlives_restarts, begin, end),
        cmocka_unit_test_setup_teardown(nobody_is_held_for_others, begin, end),
        cmocka_unit_test_setup_teardown(work_without_a_lease_is_no_scan, begin, end),
        cmocka_unit_test_setup_teardown(explain_says_so, begin, end),
        cmocka_unit_test_setup_teardown(a_borrowed_token_hurts_the_borrower, begin, end),
        cmocka_unit_test_setup_teardown(a_copied_key_is_locked, begin, end),
        cmocka_unit_test_setup_teardown(an_ended_key_that_knocks_is_told, begin, end),
        cmocka_unit_test_setup_teardown(the_share_is_not_exceeded, begin, end),
        cmocka_unit_test_setup_teardown(the_share_is_free_again, begin, end),
        cmocka_unit_test_setup_teardown(what_is_idle_is_forgotten, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
