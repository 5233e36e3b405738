/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Invitations redeemed: what a device is told, once and never twice, and what is refused. */
#include "tests/unit/enrol_lab.h"

/* ---- what is handed out --------------------------------------------------------------------- */

static void a_device_is_enrolled_and_told(void **state)
{
    struct given g = invite("maria", "{}");
    json_t *o = redeem(&g, "laptop", ",\"name\":\"laptop\"", 201);
    json_t *c = json_object_get(o, "config");
    char want[1024], *dns = json_dumps(json_object_get(c, "dns"), JSON_COMPACT);
    char *ips = json_dumps(json_object_get(c, "allowed_ips"), JSON_COMPACT);

    (void)state;
    assert_string_equal(lab_text(o, "user"), "maria");
    assert_string_equal(lab_text(o, "full_name"), "Maria Lopez");
    assert_string_equal(lab_text(o, "device"), "maria-laptop");
    assert_string_equal(lab_text(o, "state"), "quarantine");
    assert_string_equal(lab_text(o, "portal"), "10.77.0.1");
    assert_string_equal(lab_text(o, "portal_url"), "http://10.77.0.1/");
    assert_string_equal(dns, "[\"10.20.0.53\"]");
    assert_string_equal(ips, "[\"10.20.0.9/32\",\"10.20.0.10/32\",\"10.20.0.40/32\","
                             "\"10.77.0.1/32\",\"fd77:acc::1/128\"]");
    assert_string_equal(lab_text(c, "endpoint"), "access.example.com:51820");
    assert_int_equal(json_integer_value(json_object_get(c, "mtu")), 1420);
    assert_int_equal(json_integer_value(json_object_get(c, "keepalive")), 25);
    snprintf(want, sizeof want,
             "[Interface]\nPrivateKey = PRIVATE_KEY\nAddress = 10.77.0.2/32, fd77:acc::2/128\n"
             "DNS = 10.20.0.53\nMTU = 1420\n\n[Peer]\nPublicKey = %s\n"
             "Endpoint = access.example.com:51820\nAllowedIPs = 10.20.0.9/32, 10.20.0.10/32, "
             "10.20.0.40/32, 10.77.0.1/32, fd77:acc::1/128\nPersistentKeepalive = 25\n",
             lab_text(c, "gateway_key"));
    assert_string_equal(lab_text(o, "wg_quick"), want);
    json_decref(o);
    free(dns);
    free(ips);
    struct dev *d = dev_by_name(L.e, "maria-laptop");
    assert_true(d && d->enrolled && d->approved && d->k.index == 1 && d->lease.class_id == 0);
    assert_string_equal(state_of(&g), "used");
    o = lab_must(&L, CONTROL_GET, "/v1/devices/maria-laptop/config", NULL, 200);
    assert_string_equal(lab_text(o, "wg_quick"), want);  /* again, for an admin */
    json_decref(o);
    lab_do(&L, CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"warehouse\"]}", 200);
    o = lab_must(&L, CONTROL_GET, "/v1/devices/maria-laptop/config", NULL, 200);
    assert_non_null(strstr(lab_text(o, "wg_quick"), "AllowedIPs = 10.20.0.22/32, 10.20.0.40/32, "));
    json_decref(o);
    must(&g, "another", "", 403, "no_invitation");
    assert_int_equal(attempts_of("invitation-over", "maria"), 1);
    restart(LAB_POLICY, "boot-1");                       /* and it is so for good */
    assert_true(dev_by_name(L.e, "maria-laptop") != NULL);
    must(&g, "another", "", 403, "no_invitation");
}

static void who_invited_is_on_record(void **state)
{
    struct given g = invite("maria", "{\"device\":\"desk-4\"}");
    char id[32];
    bool found = false;
    json_t *one;
    size_t i;

    (void)state;
    must(&g, "laptop", "", 201, "");
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/audit", NULL, 200);
    snprintf(id, sizeof id, "%lld", (long long)g.id);
    json_array_foreach(json_object_get(o, "items"), i, one) {
        json_t *detail = json_object_get(one, "detail");
        if (strcmp(lab_text(one, "act"), "device.enrol") != 0)
            continue;
        found = true;
        assert_string_equal(lab_text(one, "actor"), "maria");
        assert_string_equal(lab_text(one, "object"), "desk-4");
        assert_string_equal(lab_text(detail, "invited_by"), "anna");
        assert_string_equal(lab_text(detail, "from"), "203.0.113.9");
        assert_int_equal(json_integer_value(json_object_get(detail, "invitation")), g.id);
    }
    assert_true(found);
    json_decref(o);
}

/* ---- once ----------------------------------------------------------------------------------- */

/* From 64 places, each with a key of its own, all as they come; half of them after a restart. */
static void one_of_sixty_four(void **state)
{
    struct given g = invite("maria", "{}");
    unsigned in = 0;
    char key[16];

    (void)state;
    for (unsigned i = 0; i < 64; i++) {
        struct ip_addr from = {4, {198, 51, 100, (uint8_t)i}};
        int status;
        snprintf(key, sizeof key, "key-%u", i);
        if (i == 32)
            restart(LAB_POLICY, "boot-1");
        json_t *o = redeem_from(&from, g.token, g.code, key, "", &status);
        in += status == 201;
        assert_true(status == 201 ||
                    strcmp(lab_text(json_object_get(o, "error"), "code"), "no_invitation") == 0);
        json_decref(o);
    }
    assert_int_equal(in, 1);
    assert_int_equal(L.dp.n_devices, 1);
}

/* A disk that is full takes nothing, and the invitation is still there. */
static void nothing_by_halves(void **state)
{
    struct given g = invite("maria", "{}");
    sqlite3 *db;

    (void)state;
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(sqlite3_open("portcullis.db", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "CREATE TRIGGER no BEFORE UPDATE ON invites WHEN "
                                  "new.state = 2 BEGIN SELECT RAISE(ABORT, 'x'); END", NULL, NULL,
                                  NULL), SQLITE_OK);
    sqlite3_close(db);
    start(LAB_POLICY);
    must(&g, "laptop", "", 503, "store_unavailable");
    assert_null(dev_by_name(L.e, "maria-1"));
    assert_int_equal(L.dp.n_devices, 0);
    lab_stop(&L);
    dataplane_clear(&L.dp);
    assert_int_equal(sqlite3_open("portcullis.db", &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "DROP TRIGGER no", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    start(LAB_POLICY);
    must(&g, "laptop", "", 201, "");
}

/* ---- refused -------------------------------------------------------------------------------- */

static void five_wrong_codes_void_it(void **state)
{
    struct given g = invite("maria", "{}"), wrong = g;

    (void)state;
    wrong.code[0] = wrong.code[0] == '9' ? '0' : '9';
    for (int left = 4; left >= 2; left--) {
        json_t *o = redeem(&wrong, "laptop", "", 403);
        assert_string_equal(lab_text(json_object_get(o, "error"), "code"), "wrong_code");
        assert_int_equal(json_integer_value(json_object_get(o, "tries_left")), left);
        json_decref(o);
    }
    attempts_keep(L.e);
    restart(LAB_POLICY, "boot-1");                       /* counted for good */
    must(&wrong, "laptop", "", 403, "wrong_code");
    assert_string_equal(state_of(&g), "open");
    must(&wrong, "laptop", "", 403, "wrong_code");
    assert_string_equal(state_of(&g), "void");
    must(&g, "laptop", "", 403, "no_invitation");        /* the right one is too late */
    assert_int_equal(attempts_of("wrong-code", "maria"), 5);
    assert_int_equal(L.dp.n_devices, 0);
}

/* A stands for the first four digits, B for the others. */
static void type(const char *form, struct given *g)
{
    char out[sizeof g->code];
    size_t n = 0;

    for (; *form; form++)
        n += (size_t)(*form == 'A'   ? sprintf(out + n, "%.4s", g->code)
                      : *form == 'B' ? sprintf(out + n, "%s", g->code + 5)
                                     : sprintf(out + n, "%c", *form));
    out[n] = '\0';
    snprintf(g->code, sizeof g->code, "%s", out);
}

static void codes_as_people_type_them(void **state)
{
    static const struct { const char *form; int status; } cases[] = {
        {"AB", 201}, {"A-B", 201}, {" A - B ", 201}, {"AB0", 403}, {"A", 403}, {"AxB", 403},
        {"", 403}, {"BA", 403},
    };
    char key[32];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct given g = invite("maria", "{}");
        if (memcmp(g.code, g.code + 5, 4) == 0)
            continue;                                    /* then BA is right */
        type(cases[i].form, &g);
        snprintf(key, sizeof key, "k%zu", i);
        must(&g, key, "", cases[i].status, "wrong_code");
    }
}

static void another_invitations_code_is_wrong(void **state)
{
    struct given g = invite("maria", "{}"), other = invite("otto", "{}");

    (void)state;
    memcpy(g.code, other.code, sizeof g.code);
    must(&g, "laptop", "", 403, "wrong_code");
}

static void times_end_by_both_clocks(void **state)
{
    struct given g = invite("maria", "{\"valid_s\":600}");

    (void)state;
    struct invite x;
    assert_true(store_get_invite(L.e->store, g.id, &x));
    assert_true(invite_open(&x));
    struct invite late = x;
    late.until.s = clock_wall().s;                       /* by the wall clock */
    assert_false(invite_open(&late));
    late = x;
    late.end_boot_ms = clock_boot_ms();                  /* which was set back; the other says so */
    assert_false(invite_open(&late));
    late = x;
    late.made.s = late.until.s = clock_wall().s + 3700;  /* before it was made */
    assert_false(invite_open(&late));
    age(601);
    assert_string_equal(state_of(&g), "expired");
    must(&g, "laptop", "", 403, "no_invitation");
    withdraw(&g, 409);
    /* After another boot: what was left by the wall clock, and no more than it ever had. */
    g = invite("maria", "{\"valid_s\":600}");
    restart(LAB_POLICY, "boot-2");
    assert_true(store_get_invite(L.e->store, g.id, &x));
    assert_in_range(x.end_boot_ms, clock_boot_ms() + 590000, clock_boot_ms() + 600000);
    must(&g, "laptop", "", 201, "");
}

static void the_same_words_for_all_that_is_over(void **state)
{
    struct given used = invite("maria", "{}"), gone = invite("maria", "{}"), none = {0};
    char *first = NULL;

    (void)state;
    must(&used, "laptop", "", 201, "");
    withdraw(&gone, 200);
    assert_string_equal(state_of(&gone), "withdrawn");
    withdraw(&gone, 409);
    memset(none.token, 'A', INVITE_TOKEN);
    memcpy(none.code, used.code, sizeof none.code);
    const struct given *all[] = {&used, &gone, &none};
    for (size_t i = 0; i < 3; i++) {
        json_t *o = redeem(all[i], "other", "", 403);
        char *text = json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS);
        if (first)
            assert_string_equal(text, first);
        free(first);
        first = text;
        json_decref(o);
    }
    free(first);
    assert_int_equal(attempts_of("no-invitation", ""), 1);
    assert_int_equal(attempts_of("invitation-over", "maria"), 2);
}

/* What happens to a person between invitation and enrolment. */
static void people_change_in_between(void **state)
{
    struct given g = invite("maria", "{}");

    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/users/maria/revoke", "{}", 200);
    must(&g, "laptop", "", 403, "no_invitation");
    lab_do(&L, CONTROL_POST, "/v1/users/maria/invite", "{}", 409);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/restore", NULL, 200);
    must(&g, "laptop", "", 403, "no_invitation");        /* it does not come back with her */
    assert_string_equal(state_of(&g), "void");
    g = invite("maria", "{}");
    lab_do(&L, CONTROL_POST, "/v1/users/maria/compromised", "{}", 200);
    must(&g, "laptop", "", 403, "no_invitation");
    g = invite("maria", "{}");                           /* the new keys come by a new one */
    user_by_name(L.e, "maria")->compromised.s = clock_wall().s + 1;
    must(&g, "laptop", "", 403, "no_invitation");        /* older, and the disk could not void it */
    user_by_name(L.e, "maria")->compromised.s = 0;
    user_by_name(L.e, "maria")->end.s = clock_wall().s;
    must(&g, "laptop", "", 403, "no_invitation");
    lab_do(&L, CONTROL_POST, "/v1/users/maria/invite", "{}", 409);
    user_by_name(L.e, "maria")->end.s = 0;
    must(&g, "laptop", "", 201, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_device_is_enrolled_and_told),
        CASE(who_invited_is_on_record),
        CASE(one_of_sixty_four),
        CASE(nothing_by_halves),
        CASE(five_wrong_codes_void_it),
        CASE(codes_as_people_type_them),
        CASE(another_invitations_code_is_wrong),
        CASE(times_end_by_both_clocks),
        CASE(the_same_words_for_all_that_is_over),
        CASE(people_change_in_between),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
