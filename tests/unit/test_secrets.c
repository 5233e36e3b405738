/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signing in at the engine: choosing, both factors, recovery, limits, restarts. */
#include "tests/unit/engine_lab.h"

#include <ctype.h>
#include <liboath/oath.h>

#include "gateway/secrets.h"

#define PASS "purple kettle stands alone"

static struct lab L;
static struct laptop maria, jo;
static uint8_t totp[TOTP_SECRET];

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "filing");
    lab_person(&L, "jo", "filing");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &jo, "jo-laptop", "jo");
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

/* The engine's answer to a form of two fields from a laptop. */
static json_t *ask(const struct laptop *t, unsigned verb, const char *a, const char *b, int status)
{
    struct dev *d = dev_by_name(L.e, t->name);
    struct writer w;

    writer_init(&w, 4096);
    put_text(&w, a);
    put_text(&w, b);
    struct reply r = secrets_ask(L.e, d, verb, w.v, w.n);
    writer_clear(&w);
    if (r.status != status) {
        char *text = json_dumps(r.body, 0);
        fail_msg("%d and not %d: %s", r.status, status, text);
    }
    return r.body;
}

static void is(const struct laptop *t, unsigned verb, const char *a, const char *b, int status)
{
    json_decref(ask(t, verb, a, b, status));
}

/* The app's code, so many steps from now. */
static const char *app(int steps)
{
    static char code[7];

    oath_hotp_generate((const char *)totp, TOTP_SECRET, (uint64_t)(clock_wall().s / 30 + steps), 6,
                       false, OATH_HOTP_DYNAMIC_TRUNCATION, code);
    return code;
}

static void code_for(const char *user, char out[CODE_TEXT])
{
    char path[128];

    snprintf(path, sizeof path, "/v1/users/%s/sign-in-code", user);
    json_t *o = lab_must(&L, CONTROL_POST, path, "{}", 201);
    snprintf(out, CODE_TEXT, "%s", lab_text(o, "code"));
    json_decref(o);
}

static void tries_again(void)
{
    user_by_name(L.e, "maria")->sign_ins = (struct bucket){0};
    L.e->sign_ins = (struct bucket){0};
}

static void take_secret(const json_t *o)
{
    char *bin;
    size_t n;
    const char *text = lab_text(o, "secret");

    assert_int_equal(oath_base32_decode(text, strlen(text), &bin, &n), OATH_OK);
    assert_int_equal(n, TOTP_SECRET);
    memcpy(totp, bin, n);
    free(bin);
}

/* Maria has chosen; the first of her recovery codes. */
static void choose(char recovery[CODE_TEXT])
{
    char code[CODE_TEXT];

    code_for("maria", code);
    json_t *o = ask(&maria, PORTAL_SET_UP, code, PASS, 200);
    take_secret(o);
    json_decref(o);
    o = ask(&maria, PORTAL_CONFIRM, code, app(-1), 200);
    json_t *list = json_object_get(o, "recovery");
    assert_int_equal(json_array_size(list), RECOVERY_CODES);
    snprintf(recovery, CODE_TEXT, "%s", json_string_value(json_array_get(list, 0)));
    json_decref(o);
    tries_again();
}

static void both_factors_are_needed(void **state)
{
    char recovery[CODE_TEXT];

    (void)state;
    choose(recovery);
    is(&maria, PORTAL_SIGN_IN, PASS, "000000", 403);
    is(&maria, PORTAL_SIGN_IN, "purple kettle stands along", app(0), 403);
    is(&maria, PORTAL_SIGN_IN, PASS, app(0), 200);        /* not used up by the wrong passphrase */
    is(&maria, PORTAL_SIGN_IN, PASS, app(0), 403);        /* but by the right one */
    tries_again();
    lab_restart(&L, LAB_POLICY);
    is(&maria, PORTAL_SIGN_IN, PASS, app(0), 403);        /* for ever */
    is(&maria, PORTAL_SIGN_IN, PASS, app(1), 200);
    is(&jo, PORTAL_SIGN_IN, PASS, app(1), 403);           /* who has chosen nothing */
}

static void recovery_codes_work_once(void **state)
{
    char recovery[CODE_TEXT], small[CODE_TEXT];

    (void)state;
    choose(recovery);
    size_t n = 0;
    for (const char *s = recovery; *s; s++)
        if (*s != '-')
            small[n++] = (char)tolower((unsigned char)*s);
    small[n] = '\0';
    json_t *o = ask(&maria, PORTAL_SIGN_IN, PASS, small, 200);
    assert_int_equal(json_integer_value(json_object_get(o, "recovery_left")), RECOVERY_CODES - 1);
    json_decref(o);
    is(&maria, PORTAL_SIGN_IN, PASS, recovery, 403);
}

static void codes_are_personal_and_end(void **state)
{
    char code[CODE_TEXT], newer[CODE_TEXT];

    (void)state;
    code_for("maria", code);
    is(&jo, PORTAL_SET_UP, code, PASS, 403);              /* from another person's device */
    is(&maria, PORTAL_CONFIRM, code, "123456", 403);      /* nothing was chosen yet */
    is(&maria, PORTAL_SET_UP, code, "maria maria maria", 422);
    code_for("maria", newer);
    is(&maria, PORTAL_SET_UP, code, PASS, 403);           /* a newer one replaces it */
    tries_again();
    json_t *o = ask(&maria, PORTAL_SET_UP, newer, PASS, 200);
    take_secret(o);
    json_decref(o);
    is(&maria, PORTAL_SIGN_IN, PASS, app(0), 403);        /* does not hold yet */
    is(&maria, PORTAL_CONFIRM, newer, "000000", 403);
    is(&maria, PORTAL_CONFIRM, newer, app(0), 200);
    tries_again();
    is(&maria, PORTAL_CONFIRM, newer, app(1), 403);       /* used up */
    is(&maria, PORTAL_SET_UP, newer, PASS, 403);
}

/* As if it had so many seconds left. */
static void code_ends_in(int64_t s)
{
    const uint32_t id = user_by_name(L.e, "maria")->id;
    struct sign_in_setup x;

    assert_true(store_get_setup(L.e->store, id, &x));
    x.ends.s = clock_wall().s + s;
    store_begin(L.e->store);
    store_put_setup(L.e->store, id, &x);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
    tries_again();
}

static void codes_hold_for_a_day(void **state)
{
    char code[CODE_TEXT];

    (void)state;
    code_for("maria", code);
    code_ends_in(0);
    is(&maria, PORTAL_SET_UP, code, PASS, 403);
    code_ends_in(3 * 86400);                              /* the clock was set back since */
    is(&maria, PORTAL_SET_UP, code, PASS, 403);
    code_ends_in(86400);
    is(&maria, PORTAL_SET_UP, code, PASS, 200);
}

static void tries_are_few(void **state)
{
    char recovery[CODE_TEXT];

    (void)state;
    choose(recovery);
    for (unsigned i = 0; i < 5; i++)
        is(&maria, PORTAL_SIGN_IN, "wrong", "000000", 403);
    is(&maria, PORTAL_SIGN_IN, PASS, app(0), 429);
    attempts_keep(L.e);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/attempts", NULL, 200);
    json_t *one = json_array_get(json_object_get(o, "items"), 0);
    assert_string_equal(lab_text(one, "kind"), "sign-in");
    assert_string_equal(lab_text(one, "reason"), "sign-in-failed");
    assert_string_equal(lab_text(one, "user"), "maria");
    assert_int_equal(json_integer_value(json_object_get(one, "count")), 5);
    json_decref(o);
}

static void secrets_stay_inside(void **state)
{
    char recovery[CODE_TEXT];
    char *all;

    (void)state;
    choose(recovery);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/audit", NULL, 200);
    all = json_dumps(o, 0);
    assert_non_null(strstr(all, "user.secrets"));
    assert_null(strstr(all, PASS));
    assert_null(strstr(all, recovery));
    assert_null(strstr(all, "argon2"));
    free(all);
    json_decref(o);
}

/* A person ends a device of their own, with the passphrase, and no other's. */
static void a_lost_device_is_cut_off(void **state)
{
    char recovery[CODE_TEXT];
    struct laptop phone;

    (void)state;
    lab_enrol(&L, &phone, "maria-phone", "maria");
    lab_in(&L, &phone);
    is(&maria, PORTAL_LOST, "jo-laptop", "", 404);
    is(&maria, PORTAL_LOST, "maria-laptop", "", 409);
    choose(recovery);
    is(&maria, PORTAL_LOST, "maria-phone", "", 403);
    assert_true(lab_reaches(&L, &phone, "10.20.0.9", 5432));
    is(&maria, PORTAL_LOST, "maria-phone", PASS, 200);
    assert_false(lab_reaches(&L, &phone, "10.20.0.9", 5432));
    is(&maria, PORTAL_LOST, "maria-phone", PASS, 404);
    lab_restart(&L, LAB_POLICY);
    assert_int_equal(dev_by_name(L.e, "maria-phone")->state, DEV_LOST);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/audit", NULL, 200);
    char *all = json_dumps(o, 0);
    assert_non_null(strstr(all, "reported on the portal"));
    free(all);
    json_decref(o);
}

/* A copied key, a passphrase that somebody saw: all of it ends, and nothing opens before the new. */
static void what_others_know_ends(void **state)
{
    char recovery[CODE_TEXT], code[CODE_TEXT];

    (void)state;
    choose(recovery);
    lab_in(&L, &maria);
    json_t *o = lab_must(&L, CONTROL_POST, "/v1/users/maria/compromised", "{}", 200);
    assert_true(json_is_true(json_object_get(o, "verified")));
    assert_int_equal(json_array_size(json_object_get(o, "devices")), 1);
    json_decref(o);
    assert_false(lab_reaches(&L, &maria, "10.20.0.9", 5432));
    lab_do(&L, CONTROL_POST, "/v1/users/maria/sign-in", "{}", 409);
    lab_restart(&L, LAB_POLICY);
    struct laptop newer;
    lab_enrol(&L, &newer, "maria-new", "maria");
    int status;
    json_decref(lab_report(&L, &newer, &(struct report){.encrypted = true}, &status));
    assert_int_equal(status, 403);                        /* healthy, and still not in */
    is(&newer, PORTAL_SIGN_IN, PASS, app(1), 403);
    is(&newer, PORTAL_SIGN_IN, PASS, recovery, 403);
    tries_again();
    code_for("maria", code);
    o = ask(&newer, PORTAL_SET_UP, code, "orange lantern under water", 200);
    take_secret(o);
    json_decref(o);
    is(&newer, PORTAL_CONFIRM, code, app(0), 200);
    assert_true(lab_reaches(&L, &newer, "10.20.0.9", 5432));
    lab_restart(&L, LAB_POLICY);
    assert_int_equal(user_by_name(L.e, "maria")->compromised.s, 0);
    assert_int_equal(dev_by_name(L.e, "maria-laptop")->state, DEV_REVOKED);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(both_factors_are_needed, begin, end),
        cmocka_unit_test_setup_teardown(recovery_codes_work_once, begin, end),
        cmocka_unit_test_setup_teardown(codes_are_personal_and_end, begin, end),
        cmocka_unit_test_setup_teardown(codes_hold_for_a_day, begin, end),
        cmocka_unit_test_setup_teardown(tries_are_few, begin, end),
        cmocka_unit_test_setup_teardown(secrets_stay_inside, begin, end),
        cmocka_unit_test_setup_teardown(what_others_know_ends, begin, end),
        cmocka_unit_test_setup_teardown(a_lost_device_is_cut_off, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
