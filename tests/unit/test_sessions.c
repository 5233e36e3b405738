/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The console at the engine: signing in, what a session may, and everything that ends one. */
#include "tests/unit/engine_lab.h"

#include <liboath/oath.h>

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/secrets.h"

#define PASS "purple kettle stands alone"
#define PLACE "10.20.0.50"

static struct lab L;
static struct browser B = {.from = PLACE};

/* ---- a browser ------------------------------------------------------------------------------- */

static json_t *browse_query(enum control_method method, const char *path, const char *query,
                            const char *body, int want)
{
    struct reply r = lab_browse(&L, &B, method, path, query, body);

    if (want && r.status != want)
        fail_msg("%s: %d and not %d: %s", path, r.status, want, json_dumps(r.body, 0));
    return r.body;
}

static json_t *browse(enum control_method method, const char *path, const char *body, int want)
{
    return browse_query(method, path, "", body, want);
}

static void asks(const char *path, const char *query, int want)
{
    json_decref(browse_query(CONTROL_GET, path, query, NULL, want));
}

static void does(enum control_method method, const char *path, const char *body, int want)
{
    json_decref(browse(method, path, body, want));
}

/* ---- people ----------------------------------------------------------------------------------- */

struct person { const char *name, *role; uint8_t totp[TOTP_SECRET]; int step; };
static struct person olga = {.name = "olga", .role = "owner"},
                     oskar = {.name = "oskar", .role = "operator"},
                     hela = {.name = "hela", .role = "helpdesk"},
                     aud = {.name = "aud", .role = "auditor"},
                     maria = {.name = "maria"};
static struct person *const people[] = {&olga, &oskar, &hela, &aud, &maria};

/* A code of the app that was not used yet. */
static const char *app(struct person *p)
{
    static char code[7];

    oath_hotp_generate((const char *)p->totp, TOTP_SECRET,
                       (uint64_t)(clock_wall().s / 30 + p->step++), 6, false,
                       OATH_HOTP_DYNAMIC_TRUNCATION, code);
    return code;
}

static void tries_again(void)
{
    for (size_t i = 0; i < L.e->n_users; i++)
        L.e->users[i].sign_ins = (struct bucket){0};
    L.e->sign_ins = (struct bucket){0};
    memset(&L.e->tries, 0, sizeof L.e->tries);
}

static void code_of(const char *name, char out[CODE_TEXT])
{
    char path[96];

    snprintf(path, sizeof path, "/v1/users/%s/sign-in-code", name);
    json_t *o = lab_must(&L, CONTROL_POST, path, "{}", 201);
    snprintf(out, CODE_TEXT, "%s", lab_text(o, "code"));
    json_decref(o);
}

static void take_secret(struct person *p, const json_t *o)
{
    char *bin;
    size_t n;
    const char *text = lab_text(o, "secret");

    assert_int_equal(oath_base32_decode(text, strlen(text), &bin, &n), OATH_OK);
    memcpy(p->totp, bin, sizeof p->totp);
    free(bin);
    p->step = -1;
}

static char *set_up_body(const struct person *p, const char *code, const char *name, const char *v)
{
    static char body[512];

    snprintf(body, sizeof body, "{\"user\":\"%s\",\"code\":\"%s\",\"%s\":\"%s\"}", p->name, code, name, v);
    return body;
}

/* From a code to the first session. */
static void choose(struct person *p)
{
    char code[CODE_TEXT];

    tries_again();
    B.token[0] = '\0';
    code_of(p->name, code);
    json_t *o = browse(CONTROL_POST, "/v1/session/set-up", set_up_body(p, code, "passphrase", PASS), 200);
    take_secret(p, o);
    json_decref(o);
    assert_string_equal(B.token, "");
    does(CONTROL_POST, "/v1/session/confirm", set_up_body(p, code, "totp", app(p)), 200);
    assert_int_equal(strlen(B.token), SESSION_TOKEN - 1);
}

static json_t *sign_in(const char *name, const char *pass, const char *code, int want)
{
    char body[256];

    snprintf(body, sizeof body, "{\"user\":\"%s\",\"passphrase\":\"%s\",\"code\":\"%s\"}", name, pass,
             code);
    return browse(CONTROL_POST, "/v1/session", body, want);
}

static int begin(void **state)
{
    (void)state;
    B.token[0] = '\0';
    B.from = PLACE;
    lab_new(&L);
    lab_start(&L, LAB_POLICY);
    for (size_t i = 0; i < 5; i++) {
        char path[96], body[96];
        snprintf(body, sizeof body, "{\"name\":\"%s\",\"full_name\":\"The %s\",\"roles\":[]}",
                 people[i]->name, people[i]->name);
        lab_do(&L, CONTROL_POST, "/v1/users", body, 201);
        snprintf(path, sizeof path, "/v1/admins/%s", people[i]->name);
        snprintf(body, sizeof body, "{\"role\":\"%s\"}", people[i]->role);
        if (people[i]->role)
            lab_do(&L, CONTROL_PUT, path, body, 201);
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

/* Time passes for the session at hand. */
static void later(int64_t ms)
{
    for (size_t i = 0; i < SESSIONS_MAX; i++)
        if (L.e->sessions[i].id) {
            L.e->sessions[i].began_boot_ms -= ms;
            L.e->sessions[i].seen_boot_ms -= ms;
        }
}

/* The newest record of this act; owned by the caller. */
static json_t *newest(const char *act)
{
    char query[64];
    int status;

    snprintf(query, sizeof query, "act=%s", act);
    json_t *o = lab_ask(&L, CONTROL_GET, "/v1/audit", query, NULL, &status);
    json_t *items = json_object_get(o, "items"), *r = NULL;
    if (json_array_size(items) > 0)
        r = json_incref(json_array_get(items, json_array_size(items) - 1));
    json_decref(o);
    return r;
}

static void ended_because(const char *why)
{
    json_t *r = newest("console.end");

    assert_non_null(r);
    assert_string_equal(lab_text(json_object_get(r, "detail"), "why"), why);
    json_decref(r);
}

/* ---- signing in ------------------------------------------------------------------------------- */

static void who_is_signed_in_acts_under_their_name(void **state)
{
    (void)state;
    choose(&olga);
    B.token[0] = '\0';
    json_t *o = sign_in("olga", PASS, app(&olga), 200);
    assert_string_equal(lab_text(o, "user"), "olga");
    assert_string_equal(lab_text(o, "role"), "owner");
    assert_string_equal(lab_text(o, "from"), PLACE);
    assert_int_equal(json_integer_value(json_object_get(o, "recovery_left")), RECOVERY_CODES);
    assert_null(json_object_get(o, "signed_in"));
    json_decref(o);
    json_t *r = newest("console.sign-in");
    assert_string_equal(lab_text(r, "actor"), "olga");
    assert_true(json_is_true(json_object_get(r, "console")));
    assert_string_equal(lab_text(json_object_get(r, "detail"), "from"), PLACE);
    json_decref(r);
    does(CONTROL_POST, "/v1/users/maria/revoke", "{}", 200);
    r = newest("user.revoke");
    assert_string_equal(lab_text(r, "actor"), "olga");
    assert_true(json_is_true(json_object_get(r, "console")));
    assert_null(json_object_get(r, "uid"));
    json_decref(r);
    assert_int_equal(user_by_name(L.e, "olga")->signed_in.s, 0);   /* opens no role of hers */
}

static void everything_else_needs_a_session(void **state)
{
    static const char *const paths[] = {"/v1/status", "/v1/users", "/v1/session", "/v1/nothing",
                                        "/v1/audit/checkpoint", "/v1/sessions"};

    (void)state;
    choose(&olga);
    char good[SESSION_MAX + 1];
    memcpy(good, B.token, sizeof good);
    const char *const bad[] = {"", "x", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    for (size_t t = 0; t < 3; t++)
        for (size_t i = 0; i < 6; i++) {
            snprintf(B.token, sizeof B.token, "%s", bad[t]);
            json_t *o = browse(CONTROL_GET, paths[i], NULL, 401);
            assert_string_equal(lab_text(json_object_get(o, "error"), "code"), "not_signed_in");
            json_decref(o);
            assert_string_equal(B.token, "");     /* a dead cookie is dropped */
        }
    does(CONTROL_POST, "/v1/users/maria/revoke", "{}", 401);
    assert_int_equal(user_by_name(L.e, "maria")->state, USER_ACTIVE);
    memcpy(B.token, good, sizeof B.token);
    does(CONTROL_GET, "/v1/status", NULL, 200);
}

/* Nobody learns by the answer who administers, or who has chosen a passphrase. */
static void refusals_look_the_same(void **state)
{
    static const char *const names[] = {"olga", "oskar", "maria", "nobody", ""};

    (void)state;
    choose(&olga);
    lab_do(&L, CONTROL_PUT, "/v1/admins/maria", "{\"role\":\"auditor\"}", 201);
    choose(&maria);
    lab_do(&L, CONTROL_DELETE, "/v1/admins/maria", NULL, 200);   /* a passphrase, but no admin */
    json_t *first = NULL;
    for (size_t i = 0; i < 5; i++) {
        tries_again();
        B.token[0] = '\0';
        json_t *o = sign_in(names[i], i == 2 ? PASS : "no such passphrase at all", "123456", 403);
        if (first)
            assert_true(json_equal(o, first));
        else
            first = json_incref(o);
        json_decref(o);
    }
    json_decref(first);
}

static void a_code_is_taken_once(void **state)
{
    char code[7];

    (void)state;
    choose(&olga);
    snprintf(code, sizeof code, "%s", app(&olga));
    json_decref(sign_in("olga", PASS, "000000", 403));
    json_decref(sign_in("olga", PASS, code, 200));
    json_decref(sign_in("olga", PASS, code, 403));
}

/* ---- tries ------------------------------------------------------------------------------------ */

static void tries_are_few_from_one_place(void **state)
{
    (void)state;
    choose(&olga);
    tries_again();
    size_t alarms = L.e->n_alarms;
    for (int i = 0; i < 5; i++)
        json_decref(sign_in(i % 2 ? "olga" : "nobody", "wrong", "000000", 403));
    assert_int_equal(L.e->n_alarms, alarms);
    json_decref(sign_in("nobody", "wrong", "000000", 429));
    assert_int_equal(L.e->n_alarms, alarms + 1);   /* once, however often */
    json_decref(sign_in("olga", PASS, "000000", 429));
    assert_int_equal(L.e->n_alarms, alarms + 1);
    B.from = "10.20.0.51";                         /* elsewhere she gets in all the same */
    json_decref(sign_in("olga", PASS, app(&olga), 200));
    attempts_keep(L.e);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/attempts", NULL, 200), *a;
    unsigned named = 0, unnamed = 0;
    size_t i;
    json_array_foreach(json_object_get(o, "items"), i, a) {
        assert_string_equal(lab_text(a, "kind"), "sign-in");
        assert_string_equal(lab_text(a, "source"), PLACE);
        named += strcmp(lab_text(a, "user"), "olga") == 0;
        unnamed += lab_text(a, "user")[0] == '\0';
    }
    assert_int_equal(named, 2);                    /* failed, and too often */
    assert_int_equal(unnamed, 2);
    json_decref(o);
}

/* With the passphrase known, the app's code is guessed as seldom as at the portal. */
static void codes_are_not_guessed_from_many_places(void **state)
{
    char place[24];

    (void)state;
    choose(&olga);
    tries_again();
    for (int i = 0; i < 5; i++) {
        snprintf(place, sizeof place, "10.20.1.%d", i);
        B.from = place;
        json_decref(sign_in("olga", PASS, "000000", 403));
    }
    B.from = PLACE;
    json_decref(sign_in("olga", PASS, app(&olga), 403));
}

/* Who it was that failed is not in the time it took: the hash is worked out for everybody. */
static void refusals_take_as_long(void **state)
{
    static const char *const names[] = {"olga", "oskar", "nobody"};
    uint64_t best[3] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};

    (void)state;
    choose(&olga);                                 /* oskar has chosen nothing */
    for (int round = 0; round < 8; round++)
        for (size_t i = 0; i < 3; i++) {
            tries_again();
            uint64_t start = clock_mono_ns();
            json_decref(sign_in(names[i], "no such passphrase at all", "123456", 403));
            uint64_t took = clock_mono_ns() - start;
            best[i] = took < best[i] ? took : best[i];
        }
    print_message("%lu %lu %lu us\n", best[0] / 1000, best[1] / 1000, best[2] / 1000);
    assert_true(best[0] < best[2] + best[2] / 4 && best[2] < best[0] + best[0] / 4);
    assert_true(best[1] < best[2] + best[2] / 4 && best[2] < best[1] + best[1] / 4);
}

/* From as many places, under as many names: few are looked at, and the engine has time for others. */
static void ten_thousand_tries(void **state)
{
    unsigned by_status[600] = {0};
    char place[24], name[16];
    int status;

    (void)state;
    choose(&olga);
    tries_again();
    uint64_t start = clock_mono_ns();
    for (int i = 0; i < 10000; i++) {
        snprintf(place, sizeof place, "10.20.%d.%d", i / 250, i % 250 + 1);
        snprintf(name, sizeof name, "name%d", i % 500);
        B.from = place;
        static struct request q;
        char body[128];
        memset(&q, 0, sizeof q);
        q.method = CONTROL_POST;
        snprintf(q.path, sizeof q.path, "/v1/session");
        snprintf(body, sizeof body, "{\"user\":\"%s\",\"passphrase\":\"%s\",\"code\":\"000000\"}",
                 i % 2 ? "olga" : name, PASS);
        assert_true(ip_parse(B.from, strlen(B.from), &q.peer));
        q.body = (const uint8_t *)body;
        q.body_len = strlen(body);
        struct reply r = console_answer(L.e, &q, "", "");
        status = r.status;
        by_status[status]++;
        json_decref(r.body);
    }
    uint64_t ms = (clock_mono_ns() - start) / 1000000;
    print_message("10000 tries in %lu ms: %u refused, %u too often, %u busy\n", ms, by_status[403],
                  by_status[429], by_status[503]);
    assert_int_equal(by_status[403] + by_status[429] + by_status[503], 10000);
    assert_true(by_status[403] <= 10 + 1 + ms * 300 / 60000);
    assert_true(L.e->attempts.n <= ATTEMPTS_PENDING);
    B.from = PLACE;
    does(CONTROL_GET, "/v1/status", NULL, 200);    /* who is in works on */
}

/* What a browser shows to another door of the same name, or a copy of it, is of use to nobody else. */
static void a_session_belongs_to_its_place(void **state)
{
    char token[sizeof B.token];

    (void)state;
    choose(&olga);
    memcpy(token, B.token, sizeof token);
    B.from = "10.20.0.99";
    does(CONTROL_GET, "/v1/users", NULL, 401);
    memcpy(B.token, token, sizeof token);
    B.from = PLACE;
    does(CONTROL_GET, "/v1/users", NULL, 200);     /* and the thief has not ended it */
}

/* ---- ending ----------------------------------------------------------------------------------- */

static void idle_sessions_end(void **state)
{
    (void)state;
    choose(&olga);
    later(SESSION_IDLE_MS - 1000);
    does(CONTROL_GET, "/v1/users", NULL, 200);
    later(SESSION_IDLE_MS - 1000);
    does(CONTROL_GET, "/v1/events", NULL, 200);    /* the page by itself: holds nothing open */
    does(CONTROL_GET, "/v1/session", NULL, 200);
    asks("/v1/users", "limit=5&by=page", 200);
    asks("/v1/users", "by=page", 200);
    later(2000);
    does(CONTROL_GET, "/v1/users", NULL, 401);
    assert_string_equal(B.token, "");
    ended_because("idle");
}

static void a_person_at_the_page_keeps_it_open(void **state)
{
    static const char *const queries[] = {"", "q=by", "q=by=page", "q=x&by=pages", "near_by=page"};

    (void)state;
    choose(&olga);
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++) {
        later(SESSION_IDLE_MS - 1000);
        asks("/v1/users", queries[i], 200);
    }
}

/* With many devices a comparison takes its time; a page asks for the status again and again. */
static void a_console_does_not_compare_the_kernel_each_time(void **state)
{
    (void)state;
    choose(&olga);
    unsigned before = L.verified;
    asks("/v1/status", "", 200);
    asks("/v1/status", "", 200);
    assert_int_equal(L.verified, before + 1);
    lab_do(&L, CONTROL_GET, "/v1/status", NULL, 200);
    assert_int_equal(L.verified, before + 2);
    L.e->well_until_ms = clock_boot_ms();
    L.drift = "a rule more";
    for (int i = 0; i < 2; i++) {
        json_t *o = browse(CONTROL_GET, "/v1/status", NULL, 200);
        assert_string_equal(lab_text(json_object_get(o, "kernel"), "drift"), "a rule more");
        json_decref(o);
    }
    L.drift = NULL;
    asks("/v1/status", "", 200);
    assert_int_equal(L.verified, before + 5);
}

static void no_session_is_longer_than_a_day_of_work(void **state)
{
    (void)state;
    choose(&olga);
    for (int i = 0; i < 71; i++) {
        later(10 * 60 * 1000);
        does(CONTROL_GET, "/v1/users", NULL, 200);
    }
    later(10 * 60 * 1000);
    does(CONTROL_GET, "/v1/users", NULL, 401);
    ended_because("12 hours");
}

static void they_end_with_the_admin(void **state)
{
    static const struct { enum control_method m; const char *path, *body, *why; int status; } ends[] = {
        {CONTROL_POST, "/v1/users/oskar/revoke", "{}", "revoked", 200},
        {CONTROL_POST, "/v1/users/oskar/compromised", "{}", "compromised", 200},
        {CONTROL_PUT, "/v1/admins/oskar", "{\"role\":\"owner\"}", "role", 200},
        {CONTROL_DELETE, "/v1/admins/oskar", NULL, "role", 200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        choose(&oskar);
        does(CONTROL_GET, "/v1/users", NULL, 200);
        lab_do(&L, ends[i].m, ends[i].path, ends[i].body, ends[i].status);
        does(CONTROL_GET, "/v1/users", NULL, 401);
        ended_because(ends[i].why);
        if (i == 0)
            lab_do(&L, CONTROL_POST, "/v1/users/oskar/restore", "{}", 200);
        lab_do(&L, CONTROL_PUT, "/v1/admins/oskar", "{\"role\":\"operator\"}", i < 3 ? 200 : 201);
    }
}

/* Without anybody's act: their account's last day is over. */
static void they_end_with_the_account(void **state)
{
    (void)state;
    choose(&oskar);
    user_by_name(L.e, "oskar")->end.s = clock_wall().s;
    sessions_tick(L.e);
    ended_because("revoked");
    does(CONTROL_GET, "/v1/users", NULL, 401);
}

/* Taken away and given back within the same second: the session is not what it was. */
static void a_role_given_back_is_another(void **state)
{
    (void)state;
    choose(&oskar);
    user_by_name(L.e, "oskar")->admin.since.s -= 100;
    L.e->sessions[0].as.since.s -= 100;
    does(CONTROL_GET, "/v1/users", NULL, 200);
    lab_do(&L, CONTROL_DELETE, "/v1/admins/oskar", NULL, 200);
    lab_do(&L, CONTROL_PUT, "/v1/admins/oskar", "{\"role\":\"operator\"}", 201);
    does(CONTROL_GET, "/v1/users", NULL, 401);
}

static void new_secrets_end_the_old_sessions(void **state)
{
    char old[SESSION_MAX + 1];

    (void)state;
    choose(&olga);
    memcpy(old, B.token, sizeof old);
    choose(&olga);
    does(CONTROL_GET, "/v1/users", NULL, 200);
    memcpy(B.token, old, sizeof old);
    does(CONTROL_GET, "/v1/users", NULL, 401);
    ended_because("new secrets");
}

static void a_restart_ends_all(void **state)
{
    char old[SESSION_MAX + 1];

    (void)state;
    choose(&olga);
    memcpy(old, B.token, sizeof old);
    lab_restart(&L, LAB_POLICY);
    does(CONTROL_GET, "/v1/users", NULL, 401);
    memcpy(B.token, old, sizeof old);
    json_decref(sign_in("olga", PASS, app(&olga), 200));
    assert_string_not_equal(B.token, old);
}

static void signing_out_ends_it(void **state)
{
    char old[SESSION_MAX + 1];

    (void)state;
    choose(&olga);
    memcpy(old, B.token, sizeof old);
    does(CONTROL_DELETE, "/v1/session", NULL, 200);
    assert_string_equal(B.token, "");
    memcpy(B.token, old, sizeof old);
    does(CONTROL_GET, "/v1/users", NULL, 401);
    json_t *r = newest("console.sign-out");
    assert_string_equal(lab_text(r, "actor"), "olga");
    json_decref(r);
}

/* ---- fixation, crowds --------------------------------------------------------------------------- */

/* A token that came from elsewhere is never taken over. */
static void signing_in_makes_a_new_token(void **state)
{
    char planted[SESSION_MAX + 1], own[SESSION_MAX + 1];

    (void)state;
    choose(&aud);
    memcpy(planted, B.token, sizeof planted);
    choose(&olga);
    tries_again();
    memcpy(B.token, planted, sizeof planted);      /* the auditor's, put into her browser */
    json_decref(sign_in("olga", PASS, app(&olga), 200));
    memcpy(own, B.token, sizeof own);
    assert_string_not_equal(own, planted);
    memcpy(B.token, planted, sizeof planted);
    does(CONTROL_GET, "/v1/users", NULL, 401);
}

static void one_person_has_eight(void **state)
{
    static char seen[SESSIONS_EACH + 1][SESSION_MAX + 1];
    struct ip_addr a;

    (void)state;
    choose(&oskar);
    choose(&olga);
    memcpy(seen[0], B.token, sizeof B.token);
    assert_true(ip_parse(PLACE, strlen(PLACE), &a));
    for (int i = 1; i <= SESSIONS_EACH; i++) {
        later(1000);
        session_new(L.e, user_by_name(L.e, "olga"), &a, seen[i]);
    }
    memcpy(B.token, seen[0], sizeof B.token);
    does(CONTROL_GET, "/v1/users", NULL, 401);
    ended_because("too many");
    for (int i = 1; i <= SESSIONS_EACH; i++) {
        memcpy(B.token, seen[i], sizeof B.token);
        does(CONTROL_GET, "/v1/users", NULL, 200);
    }
}

/* ---- rights ------------------------------------------------------------------------------------- */

static void each_role_may_its_part(void **state)
{
    static const struct { const char *what; enum control_method m; const char *path, *body;
                          int aud, hela, oskar, olga; } cases[] = {
        {"read", CONTROL_GET, "/v1/users", NULL, 200, 200, 200, 200},
        {"a code for staff", CONTROL_POST, "/v1/users/maria/sign-in-code", "{}", 403, 201, 201, 201},
        {"a code for an admin", CONTROL_POST, "/v1/users/olga/sign-in-code", "{}", 403, 403, 403, 201},
        {"a code for oneself", CONTROL_POST, "/v1/users/oskar/sign-in-code", "{}", 403, 403, 403, 201},
        {"restore of an admin", CONTROL_POST, "/v1/users/aud/restore", "{}", 403, 403, 403, 409},
        {"roles", CONTROL_PUT, "/v1/users/maria/roles", "{\"roles\":[\"filing\"]}", 403, 403, 200, 200},
        {"roles of an admin", CONTROL_PUT, "/v1/users/aud/roles", "{\"roles\":[\"filing\"]}", 403, 403,
         403, 200},
        {"vouching for an admin", CONTROL_POST, "/v1/users/olga/sign-in", "{}", 403, 403, 403, 200},
        {"revoke of an owner", CONTROL_POST, "/v1/users/olga/revoke", "{}", 403, 403, 403, 409},
        {"an owner", CONTROL_PUT, "/v1/admins/maria", "{\"role\":\"owner\"}", 403, 403, 403, 201},
        {"an issuer", CONTROL_POST, "/v1/issuers", "{}", 403, 403, 403, 400},
        {"a device of an admin", CONTROL_POST, "/v1/devices",
         "{\"name\":\"d\",\"user\":\"olga\",\"wireguard_key\":\"Nlrd1XLgu9sRzHFqf32ELyYv9W4PF2JBdlFcTJz6WnQ=\"}",
         403, 403, 403, 201},
        {"another's session", CONTROL_POST, "/v1/sessions/999/end", "{}", 404, 404, 404, 404},
    };
    static char tokens[4][SESSION_MAX + 1];
    struct person *const all[] = {&aud, &hela, &oskar, &olga};

    (void)state;
    for (size_t p = 0; p < 4; p++) {
        choose(all[p]);
        memcpy(tokens[p], B.token, sizeof B.token);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int want[] = {cases[i].aud, cases[i].hela, cases[i].oskar, cases[i].olga};
        for (size_t p = 0; p < 4; p++) {
            print_message("%s: %s\n", all[p]->name, cases[i].what);
            memcpy(B.token, tokens[p], sizeof B.token);
            does(cases[i].m, cases[i].path, cases[i].body, want[p]);
        }
    }
    attempts_keep(L.e);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/attempts", NULL, 200);
    json_t *first = json_array_get(json_object_get(o, "items"), 0);
    assert_string_equal(lab_text(first, "kind"), "admin");
    assert_string_equal(lab_text(first, "user"), "aud");
    assert_string_equal(lab_text(first, "source"), PLACE);
    json_decref(o);
}

/* Of what the help desk could give, or did, to somebody of the staff nothing leads to the console. */
static void who_becomes_an_admin_begins_anew(void **state)
{
    char code[CODE_TEXT], before[CODE_TEXT];
    struct person *p = &maria;

    (void)state;
    lab_do(&L, CONTROL_PUT, "/v1/admins/maria", "{\"role\":\"auditor\"}", 201);
    choose(p);
    lab_do(&L, CONTROL_DELETE, "/v1/admins/maria", NULL, 200);
    code_of("maria", before);
    lab_do(&L, CONTROL_PUT, "/v1/admins/maria", "{\"role\":\"owner\"}", 201);
    tries_again();
    B.token[0] = '\0';
    json_decref(sign_in("maria", PASS, app(p), 403));
    does(CONTROL_POST, "/v1/session/set-up", set_up_body(p, before, "passphrase", PASS), 403);
    code_of("maria", code);
    does(CONTROL_POST, "/v1/session/set-up", set_up_body(p, code, "passphrase", PASS), 200);
}

static void who_has_ended_chooses_nothing(void **state)
{
    char code[CODE_TEXT];

    (void)state;
    code_of("olga", code);
    user_by_name(L.e, "olga")->compromised.s = 1;
    user_by_name(L.e, "olga")->end.s = clock_wall().s;
    does(CONTROL_POST, "/v1/session/set-up", set_up_body(&olga, code, "passphrase", PASS), 403);
}

static void two_owners_remove_each_other(void **state)
{
    char olgas[SESSION_MAX + 1];

    (void)state;
    lab_do(&L, CONTROL_PUT, "/v1/admins/oskar", "{\"role\":\"owner\"}", 200);
    choose(&olga);
    memcpy(olgas, B.token, sizeof B.token);
    choose(&oskar);
    does(CONTROL_DELETE, "/v1/admins/olga", NULL, 200);
    char oskars[SESSION_MAX + 1];
    memcpy(oskars, B.token, sizeof B.token);
    memcpy(B.token, olgas, sizeof B.token);
    does(CONTROL_DELETE, "/v1/admins/oskar", NULL, 401);
    memcpy(B.token, oskars, sizeof B.token);
    does(CONTROL_DELETE, "/v1/admins/oskar", NULL, 409);
    does(CONTROL_PUT, "/v1/admins/oskar", "{\"role\":\"auditor\"}", 409);
    does(CONTROL_POST, "/v1/users/oskar/revoke", "{}", 409);
}

static void who_revokes_themselves_is_out(void **state)
{
    (void)state;
    choose(&oskar);
    does(CONTROL_POST, "/v1/users/oskar/revoke", "{}", 200);
    does(CONTROL_POST, "/v1/users/oskar/restore", "{}", 401);
    tries_again();
    json_decref(sign_in("oskar", PASS, app(&oskar), 403));
}

static void sessions_are_listed_and_ended(void **state)
{
    char path[64], auds[SESSION_MAX + 1];

    (void)state;
    choose(&olga);
    char olgas[SESSION_MAX + 1];
    memcpy(olgas, B.token, sizeof B.token);
    choose(&aud);
    memcpy(auds, B.token, sizeof B.token);
    json_t *o = browse(CONTROL_GET, "/v1/sessions", NULL, 200);
    json_t *items = json_object_get(o, "items");
    assert_int_equal(json_array_size(items), 2);
    json_int_t first = json_integer_value(json_object_get(json_array_get(items, 0), "id"));
    json_int_t second = json_integer_value(json_object_get(json_array_get(items, 1), "id"));
    json_decref(o);
    o = lab_must(&L, CONTROL_GET, "/v1/status", NULL, 200);
    assert_int_equal(json_array_size(json_object_get(o, "admins")), 2);
    json_decref(o);
    snprintf(path, sizeof path, "/v1/sessions/%lld/end", (long long)first);
    does(CONTROL_POST, path, "{}", 403);           /* hers, by the auditor */
    memcpy(B.token, olgas, sizeof B.token);
    snprintf(path, sizeof path, "/v1/sessions/%lld/end", (long long)second);
    does(CONTROL_POST, path, "{}", 200);
    memcpy(B.token, auds, sizeof B.token);
    does(CONTROL_GET, "/v1/status", NULL, 401);
    lab_do(&L, CONTROL_GET, "/v1/session", NULL, 409);
    lab_do(&L, CONTROL_POST, "/v1/session", "{}", 409);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(who_is_signed_in_acts_under_their_name), TEST(everything_else_needs_a_session),
        TEST(refusals_look_the_same), TEST(a_code_is_taken_once),
        TEST(tries_are_few_from_one_place), TEST(codes_are_not_guessed_from_many_places),
        TEST(refusals_take_as_long), TEST(ten_thousand_tries),
        TEST(a_session_belongs_to_its_place),
        TEST(idle_sessions_end), TEST(a_person_at_the_page_keeps_it_open),
        TEST(a_console_does_not_compare_the_kernel_each_time), TEST(no_session_is_longer_than_a_day_of_work),
        TEST(they_end_with_the_admin), TEST(they_end_with_the_account), TEST(a_role_given_back_is_another),
        TEST(new_secrets_end_the_old_sessions), TEST(a_restart_ends_all),
        TEST(signing_out_ends_it), TEST(signing_in_makes_a_new_token), TEST(one_person_has_eight),
        TEST(who_becomes_an_admin_begins_anew), TEST(who_has_ended_chooses_nothing),
        TEST(each_role_may_its_part), TEST(two_owners_remove_each_other),
        TEST(who_revokes_themselves_is_out), TEST(sessions_are_listed_and_ended),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
