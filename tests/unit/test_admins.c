/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who administers: roles, what each may, and whom they may not touch. */
#include "tests/unit/engine_lab.h"

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/secrets.h"

static struct lab L;

static void admin(const char *name, const char *role, int status)
{
    char path[96], body[64];

    snprintf(path, sizeof path, "/v1/admins/%s", name);
    snprintf(body, sizeof body, "{\"role\":\"%s\"}", role);
    lab_do(&L, CONTROL_PUT, path, body, status);
}

static int begin(void **state)
{
    static const char *const admins[][2] = {{"olga", "owner"}, {"oskar", "operator"},
                                            {"hela", "helpdesk"}, {"aud", "auditor"}};

    (void)state;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    lab_person(&L, "maria", "");
    for (size_t i = 0; i < 4; i++) {
        lab_person(&L, admins[i][0], "");
        admin(admins[i][0], admins[i][1], 201);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static enum right right_of(const char *name) { return user_by_name(L.e, name)->admin.right; }

static void roles_are_kept(void **state)
{
    (void)state;
    admin("oskar", "auditor", 200);
    lab_do(&L, CONTROL_DELETE, "/v1/admins/hela", NULL, 200);
    lab_restart(&L, LAB_POLICY);
    assert_int_equal(right_of("olga"), RIGHT_OWN);
    assert_int_equal(right_of("oskar"), RIGHT_READ);
    assert_int_equal(right_of("hela"), RIGHT_NONE);
    assert_int_equal(right_of("maria"), RIGHT_NONE);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/admins", NULL, 200);
    json_t *one = json_array_get(json_object_get(o, "items"), 0);
    assert_int_equal(json_array_size(json_object_get(o, "items")), 3);
    assert_string_equal(lab_text(one, "name"), "olga");
    assert_string_equal(lab_text(one, "role"), "owner");
    assert_string_equal(lab_text(one, "by"), "anna");
    assert_true(json_is_false(json_object_get(one, "set_up")));
    json_decref(o);
}

static void what_is_no_admin_is_refused(void **state)
{
    (void)state;
    admin("maria", "boss", 400);
    admin("maira", "owner", 404);
    lab_do(&L, CONTROL_DELETE, "/v1/admins/maria", NULL, 404);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/revoke", NULL, 200);
    admin("maria", "owner", 409);
    assert_int_equal(right_of("maria"), RIGHT_NONE);
}

/* As the console will bring it, once this person is signed in. */
static struct request asks(const char *name)
{
    const struct user *u = user_by_name(L.e, name);
    struct request q = {.user = u->id, .right = u->admin.right, .console = true};

    snprintf(q.actor, sizeof q.actor, "%s", name);
    return q;
}

static bool may(const char *who, const char *whom, bool cut)
{
    struct request q = asks(who);
    struct reply no = {0};
    bool yes = may_act_on(&q, user_by_name(L.e, whom), cut, &no);

    assert_int_equal(no.status, yes ? 0 : 403);
    json_decref(no.body);
    return yes;
}

static void nobody_takes_over_an_admin(void **state)
{
    (void)state;
    assert_true(may("hela", "maria", false));
    assert_false(may("hela", "olga", false));
    assert_false(may("hela", "aud", false));
    assert_false(may("oskar", "olga", false));
    assert_false(may("oskar", "olga", true));
    assert_false(may("oskar", "oskar", false));     /* a stolen session does not become theirs */
    assert_true(may("oskar", "oskar", true));
    assert_true(may("olga", "oskar", false));
    assert_true(may("olga", "olga", false));
}

static void has_chosen(const char *name)
{
    struct secret x = {.hash = "$argon2id$", .made = clock_wall()};

    store_begin(L.e->store);
    store_put_secret(L.e->store, user_by_name(L.e, name)->id, &x);
    assert_int_equal(store_commit(L.e->store), STORE_OK);
}

static void an_owner_is_left(void **state)
{
    struct request q = asks("olga"), root = {0};
    struct user *olga = user_by_name(L.e, "olga"), *oskar = user_by_name(L.e, "oskar");
    struct reply no;

    (void)state;
    assert_false(admin_spares(L.e, &q, olga, &no));
    assert_int_equal(no.status, 409);
    json_decref(no.body);
    assert_true(admin_spares(L.e, &root, olga, &no));
    assert_true(admin_spares(L.e, &q, oskar, &no));
    admin("oskar", "owner", 200);
    olga = user_by_name(L.e, "olga");
    assert_false(admin_spares(L.e, &q, olga, &no));       /* he has not chosen a passphrase yet */
    json_decref(no.body);
    has_chosen("oskar");
    assert_true(admin_spares(L.e, &q, olga, &no));
    lab_do(&L, CONTROL_POST, "/v1/users/oskar/revoke", NULL, 200);   /* who could not sign in */
    assert_false(admin_spares(L.e, &q, olga, &no));
    json_decref(no.body);
    lab_do(&L, CONTROL_DELETE, "/v1/admins/olga", NULL, 200);        /* root may */
}

static void link_is(const char *role_path, const char *start)
{
    json_t *o = lab_must(&L, CONTROL_POST, role_path, "{}", 201);
    char want[256];

    snprintf(want, sizeof want, "%s/#set-up=%s&user=olga", start, lab_text(o, "code"));
    assert_string_equal(lab_text(o, "link"), want);
    json_decref(o);
}

static void links_lead_to_the_console(void **state)
{
    struct door_conf *c = &L.e->conf.console;

    (void)state;
    lab_do(&L, CONTROL_POST, "/v1/admins/olga/link", "{}", 409);
    snprintf(c->iface, sizeof c->iface, "eth1");
    c->port = 8443;
    assert_true(ip_parse("10.20.0.1", 9, &c->addr));
    link_is("/v1/admins/olga/link", "https://10.20.0.1:8443");
    assert_true(ip_parse("fd20::1", 7, &c->addr));
    link_is("/v1/admins/olga/link", "https://[fd20::1]:8443");
    snprintf(L.e->conf.tls.name, sizeof L.e->conf.tls.name, "access.example.com");
    c->port = 443;
    link_is("/v1/admins/olga/link", "https://access.example.com");
    lab_do(&L, CONTROL_POST, "/v1/admins/maria/link", "{}", 404);
    lab_do(&L, CONTROL_POST, "/v1/users/olga/revoke", "{}", 200);
    lab_do(&L, CONTROL_POST, "/v1/admins/olga/link", "{}", 409);
}

/* The answer's status when this admin has a policy judged at the console. */
static int judged(const char *who, const char *path, const char *text)
{
    struct request q = asks(who);

    q.method = CONTROL_POST;
    snprintf(q.path, sizeof q.path, "%s", path);
    q.body = (const uint8_t *)text;
    q.body_len = strlen(text);
    struct reply r = control_act(L.e, &q, "");
    json_decref(r.body);
    return r.status;
}

/* One can be written that holds the engine for minutes. */
static void who_may_not_apply_tries_none(void **state)
{
    static const char *const paths[] = {"/v1/policy/check", "/v1/policy/diff"};
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/policy", NULL, 200);
    const char *in_force = lab_text(o, "text");
    const char *other = "company \"Another\"\n";

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(judged("aud", paths[i], other), 403);
        assert_int_equal(judged("hela", paths[i], other), 403);
        assert_int_equal(judged("oskar", paths[i], other), 200);
        assert_int_equal(judged("aud", paths[i], in_force), 200);
    }
    json_decref(o);
    lab_do(&L, CONTROL_POST, "/v1/policy/apply", LAB_POLICY "# later\n", 200);
    assert_int_equal(judged("aud", "/v1/policy/diff", LAB_POLICY), 200);
    lab_do(&L, CONTROL_POST, "/v1/policy/check", other, 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(roles_are_kept, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_admin_is_refused, begin, end),
        cmocka_unit_test_setup_teardown(nobody_takes_over_an_admin, begin, end),
        cmocka_unit_test_setup_teardown(an_owner_is_left, begin, end),
        cmocka_unit_test_setup_teardown(who_may_not_apply_tries_none, begin, end),
        cmocka_unit_test_setup_teardown(links_lead_to_the_console, begin, end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
