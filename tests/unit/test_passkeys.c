/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passkeys at the engine: who may add one, who signs in with one, and what ends them. */
#include "tests/unit/engine_lab.h"

#include <ctype.h>
#include <liboath/oath.h>

#include "gateway/passkeys.h"
#include "tests/unit/authenticator.h"

#define PASS "purple kettle stands alone"
#define NAME "access.example.com"
#define PORTAL_SITE "https://" NAME
#define CONSOLE_SITE "https://" NAME ":8443"
#define GATEWAY_HEAD "gateway hq { tunnel wg0 { listen 51820 address 10.77.0.1/16 } outside eth0 " \
                     "office eth1 log { group 77 rate 100 } clock host "
#define NAMED GATEWAY_HEAD "tls { name " NAME " } " \
                           "console eth1 { listen 10.20.0.1:8443 from 10.20.0.0/24 } }\n"

static struct lab L;
static struct laptop maria, jo;
static struct authenticator key, other;

static void start(void)
{
    assert_int_equal(lab_try(&L, NAMED, LAB_POLICY, "boot-1"), 0);
}

static void restart(void)
{
    lab_stop(&L);
    dataplane_clear(&L.dp);
    start();
}

static int begin(void **state)
{
    char why[200];

    (void)state;
    assert_int_equal(fido_open(why), 0);
    lab_new(&L);
    start();
    lab_person(&L, "maria", "filing");
    lab_person(&L, "jo", "filing");
    lab_enrol(&L, &maria, "maria-laptop", "maria");
    lab_enrol(&L, &jo, "jo-laptop", "jo");
    au_new(&key, FIDO_ES256);
    au_new(&other, FIDO_EDDSA);
    return 0;
}

static int end(void **state)
{
    (void)state;
    au_free(&key);
    au_free(&other);
    lab_end(&L);
    return 0;
}

/* ---- what the portal is asked ---------------------------------------------------------------- */

static struct dev *dev_of(const struct laptop *t) { return dev_by_name(L.e, t->name); }

static json_t *must(struct reply r, int status)
{
    if (r.status != status)
        fail_msg("%d and not %d: %s", r.status, status, json_dumps(r.body, 0));
    return r.body;
}

static void tries_again(void)
{
    user_by_name(L.e, "maria")->sign_ins = (struct bucket){0};
    user_by_name(L.e, "jo")->sign_ins = (struct bucket){0};
    L.e->sign_ins = (struct bucket){0};
    dev_of(&maria)->challenges = (struct bucket){0};
}

static json_t *typed(const struct laptop *t, unsigned verb, const char *a, const char *b,
                     int status)
{
    struct writer w;

    writer_init(&w, 4096);
    put_text(&w, a);
    put_text(&w, b);
    struct reply r = verb > PORTAL_LOST ? passkeys_ask(L.e, dev_of(t), verb, w.v, w.n)
                                        : secrets_ask(L.e, dev_of(t), verb, w.v, w.n);
    writer_clear(&w);
    return must(r, status);
}

static json_t *says(const struct laptop *t, unsigned verb, const char *body, int status)
{
    return must(passkeys_ask(L.e, dev_of(t), verb, (const uint8_t *)body, strlen(body)), status);
}

static const char *code_of(const json_t *o)
{
    return lab_text(json_object_get(o, "error"), "code");
}

/* Chooses passphrase and app, which is a fresh sign-in. */
static void choose(const struct laptop *t, const char *user)
{
    char path[96], code[CODE_TEXT], app[7], *totp;
    size_t n;

    tries_again();
    snprintf(path, sizeof path, "/v1/users/%s/sign-in-code", user);
    json_t *o = lab_must(&L, CONTROL_POST, path, "{}", 201);
    snprintf(code, sizeof code, "%s", lab_text(o, "code"));
    json_decref(o);
    o = typed(t, PORTAL_SET_UP, code, PASS, 200);
    const char *secret = lab_text(o, "secret");
    assert_int_equal(oath_base32_decode(secret, strlen(secret), &totp, &n), OATH_OK);
    json_decref(o);
    oath_hotp_generate(totp, n, (uint64_t)(clock_wall().s / 30), 6, false,
                       OATH_HOTP_DYNAMIC_TRUNCATION, app);
    free(totp);
    json_decref(typed(t, PORTAL_CONFIRM, code, app, 200));
    tries_again();
}

/* ---- a browser ------------------------------------------------------------------------------- */

static void challenge_of(const json_t *options, uint8_t out[32])
{
    const char *text = lab_text(json_object_get(options, "publicKey"), "challenge");
    size_t n;

    assert_int_equal(sodium_base642bin(out, 32, text, strlen(text), NULL, &n, NULL,
                                       sodium_base64_VARIANT_URLSAFE_NO_PADDING), 0);
    assert_int_equal(n, 32);
}

static json_t *text_of_bytes(const uint8_t *v, size_t n)
{
    char text[8192];

    return json_string(sodium_bin2base64(text, sizeof text, v, n,
                                         sodium_base64_VARIANT_URLSAFE_NO_PADDING));
}

static char *dumped(json_t *o)
{
    char *text = json_dumps(o, 0);

    json_decref(o);
    return text;
}

static char *registration(const struct authenticator *a, const json_t *options, const char *site,
                          const char *name)
{
    struct au_bytes client, data, attestation;
    uint8_t challenge[32];

    challenge_of(options, challenge);
    au_client(&client, "webauthn.create", challenge, site, "");
    au_data(a, NAME, AU_PRESENT | AU_VERIFIED | AU_KEY, &data);
    au_attest(a, "none", &data, &client, &attestation);
    return dumped(json_pack("{s:s,s:o,s:o}", "name", name, "client_data",
                            text_of_bytes(client.v, client.n), "attestation",
                            text_of_bytes(attestation.v, attestation.n)));
}

static char *assertion(struct authenticator *a, const json_t *options, const char *site,
                       const char *user)
{
    struct au_bytes client, data, signature;
    uint8_t challenge[32], handle[4] = {0};

    handle[3] = user ? (uint8_t)user_by_name(L.e, user)->id : 0;
    challenge_of(options, challenge);
    au_client(&client, "webauthn.get", challenge, site, "");
    au_data(a, NAME, a->flags, &data);
    au_sign_both(a, &data, &client, &signature);
    return dumped(json_pack("{s:o,s:o,s:o,s:o,s:o}", "id", text_of_bytes(a->id, AU_ID),
                            "client_data", text_of_bytes(client.v, client.n), "data",
                            text_of_bytes(data.v, data.n), "signature",
                            text_of_bytes(signature.v, signature.n), "user_handle",
                            text_of_bytes(handle, user ? sizeof handle : 0)));
}

static void add(const struct laptop *t, struct authenticator *a, const char *name, int status)
{
    json_t *options = says(t, PORTAL_PASSKEY_NEW, "", 200);
    const json_t *asked = json_object_get(options, "publicKey");
    const json_t *wanted = json_object_get(asked, "authenticatorSelection");
    char *body = registration(a, options, PORTAL_SITE, name);

    assert_string_equal(lab_text(wanted, "userVerification"), "required");
    assert_string_equal(lab_text(wanted, "residentKey"), "required");

    json_decref(says(t, PORTAL_PASSKEY_ADD, body, status));
    free(body);
    json_decref(options);
}

static void sign_in_by(const struct laptop *t, struct authenticator *a, int status)
{
    json_t *options = says(t, PORTAL_PASSKEY_ASK, "", 200);
    const json_t *asked = json_object_get(options, "publicKey");

    assert_string_equal(lab_text(asked, "rpId"), NAME);
    assert_string_equal(lab_text(asked, "userVerification"), "required");
    a->counter++;
    char *body = assertion(a, options, PORTAL_SITE, NULL);
    json_decref(says(t, PORTAL_PASSKEY_SIGN_IN, body, status));
    free(body);
    json_decref(options);
}

static bool audited(const char *text)
{
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/audit", NULL, 200);
    char *all = dumped(o);
    bool there = strstr(all, text) != NULL;

    free(all);
    return there;
}

static size_t count_of(const char *user)
{
    char path[96];

    snprintf(path, sizeof path, "/v1/users/%s/passkeys", user);
    json_t *o = lab_must(&L, CONTROL_GET, path, NULL, 200);
    size_t n = json_array_size(json_object_get(o, "items"));
    json_decref(o);
    return n;
}

/* ---- the portal ------------------------------------------------------------------------------ */

static void one_is_added_and_signs_in(void **state)
{
    (void)state;
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    assert_true(audited("user.passkey-add"));
    user_by_name(L.e, "maria")->signed_in.s = 0;
    sign_in_by(&maria, &key, 200);
    assert_int_not_equal(user_by_name(L.e, "maria")->signed_in.s, 0);
    assert_true(audited("\"factor\": \"passkey\", \"passkey\": \"key ring\""));
    restart();
    sign_in_by(&maria, &key, 200);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/users/maria", NULL, 200);
    json_t *one = json_array_get(json_object_get(o, "passkeys"), 0);
    assert_string_equal(lab_text(one, "name"), "key ring");
    assert_true(json_integer_value(json_object_get(one, "used")) > 0);
    assert_false(json_is_true(json_object_get(one, "stopped")));
    json_decref(o);
}

/* Not by a passkey, not long after, not from another device of the person. */
static void adding_asks_for_a_fresh_sign_in(void **state)
{
    struct laptop phone;

    (void)state;
    json_t *o = says(&maria, PORTAL_PASSKEY_NEW, "", 403);
    assert_string_equal(code_of(o), "sign_in_first");
    json_decref(o);
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    lab_enrol(&L, &phone, "maria-phone", "maria");
    json_decref(says(&phone, PORTAL_PASSKEY_NEW, "", 403));
    o = says(&maria, PORTAL_PASSKEY_NEW, "", 200);
    dev_of(&maria)->proved_boot_ms -= PASSKEY_FRESH_MS;
    char *body = registration(&other, o, PORTAL_SITE, "phone");
    json_decref(says(&maria, PORTAL_PASSKEY_ADD, body, 403));
    free(body);
    json_decref(o);
    json_decref(typed(&maria, PORTAL_PASSKEY_REMOVE, "1", "", 403));
    json_decref(typed(&maria, PORTAL_PASSKEY_RENAME, "1", "x", 403));
    sign_in_by(&maria, &key, 200);
    json_decref(says(&maria, PORTAL_PASSKEY_NEW, "", 403));
    assert_int_equal(count_of("maria"), 1);
}

static void what_was_said_once_is_not_taken_twice(void **state)
{
    (void)state;
    choose(&maria, "maria");
    json_t *options = says(&maria, PORTAL_PASSKEY_NEW, "", 200);
    char *body = registration(&key, options, PORTAL_SITE, "key ring");
    json_decref(says(&maria, PORTAL_PASSKEY_ADD, body, 201));
    json_t *o = says(&maria, PORTAL_PASSKEY_ADD, body, 409);
    assert_string_equal(code_of(o), "no_challenge");
    json_decref(o);
    free(body);
    json_decref(options);
    options = says(&maria, PORTAL_PASSKEY_ASK, "", 200);
    key.counter++;
    body = assertion(&key, options, PORTAL_SITE, NULL);
    json_decref(says(&jo, PORTAL_PASSKEY_SIGN_IN, body, 409));      /* given to another device */
    json_decref(says(&maria, PORTAL_PASSKEY_SIGN_IN, body, 200));
    json_decref(says(&maria, PORTAL_PASSKEY_SIGN_IN, body, 409));
    free(body);
    json_decref(options);
    options = says(&maria, PORTAL_PASSKEY_NEW, "", 200);            /* a challenge to add one */
    key.counter++;
    body = assertion(&key, options, PORTAL_SITE, NULL);
    json_decref(says(&maria, PORTAL_PASSKEY_SIGN_IN, body, 409));
    free(body);
    json_decref(options);
}

static void only_what_is_right_is_added(void **state)
{
    static const char *const sites[] = {CONSOLE_SITE, "https://evil.example", ("http://" NAME)};
    char *body;

    (void)state;
    choose(&maria, "maria");
    for (size_t i = 0; i < 3; i++) {
        json_t *options = says(&maria, PORTAL_PASSKEY_NEW, "", 200);
        body = registration(&key, options, sites[i], "key ring");
        json_t *o = says(&maria, PORTAL_PASSKEY_ADD, body, 403);
        assert_string_equal(code_of(o), "passkey_refused");
        json_decref(o);
        free(body);
        json_decref(options);
        tries_again();
    }
    add(&maria, &key, "", 400);
    add(&maria, &key, "\xe2\x80\xae" "gnir yek", 400);
    add(&maria, &key, "0123456789012345678901234567890123456789012345678901234567890123", 400);
    tries_again();
    add(&maria, &key, "key ring", 201);
    add(&maria, &key, "the same", 409);
    assert_int_equal(count_of("maria"), 1);
}

static void bodies_are_read_strictly(void **state)
{
    static const char *const bodies[] = {
        "", "[]", "{}", "{", "{\"name\":\"x\",\"client_data\":\"e30\",\"attestation\":5}",
        "{\"name\":\"x\",\"client_data\":\"e30=\",\"attestation\":\"oA\"}",
        "{\"name\":\"x\",\"client_data\":\"e30\",\"attestation\":\"oA\",\"more\":\"\"}",
        "{\"name\":\"x\",\"name\":\"y\",\"client_data\":\"e30\",\"attestation\":\"oA\"}",
    };

    (void)state;
    choose(&maria, "maria");
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        json_decref(says(&maria, PORTAL_PASSKEY_ADD, bodies[i], 400));
        json_decref(says(&maria, PORTAL_PASSKEY_SIGN_IN, bodies[i], 400));
    }
    json_decref(says(&maria, PORTAL_PASSKEY_ADD,
                     "{\"name\":\"x\",\"client_data\":\"e30\",\"attestation\":\"oA\"}", 409));
}

static void a_copy_is_noticed_and_stops_both(void **state)
{
    (void)state;
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    struct authenticator copy = key;
    sign_in_by(&maria, &key, 200);
    sign_in_by(&maria, &key, 200);
    sign_in_by(&maria, &copy, 403);
    assert_true(audited("user.passkey-stopped"));
    assert_int_equal(L.e->n_alarms, 1);
    assert_non_null(strstr(L.e->alarms[0].text, "there is a copy"));
    attempts_keep(L.e);
    json_t *o = lab_must(&L, CONTROL_GET, "/v1/attempts", NULL, 200);
    char *all = dumped(o);
    assert_non_null(strstr(all, "passkey-cloned"));
    free(all);
    sign_in_by(&maria, &key, 403);
    restart();
    tries_again();
    sign_in_by(&maria, &key, 403);
    o = lab_must(&L, CONTROL_GET, "/v1/users/maria/passkeys", NULL, 200);
    assert_true(json_is_true(json_object_get(json_array_get(json_object_get(o, "items"), 0),
                                             "stopped")));
    json_decref(o);
    o = says(&maria, PORTAL_PASSKEY_ASK, "", 200);
    assert_int_equal(json_array_size(json_object_get(json_object_get(o, "publicKey"),
                                                     "allowCredentials")), 0);
    json_decref(o);
}

static void nobody_signs_in_with_another_persons(void **state)
{
    (void)state;
    choose(&maria, "maria");
    choose(&jo, "jo");
    add(&maria, &key, "key ring", 201);
    add(&jo, &other, "jo's", 201);
    sign_in_by(&jo, &key, 403);
    sign_in_by(&maria, &other, 403);
    sign_in_by(&maria, &key, 200);
    sign_in_by(&jo, &other, 200);
    json_decref(typed(&jo, PORTAL_PASSKEY_REMOVE, "1", "", 404));
    json_decref(typed(&jo, PORTAL_PASSKEY_RENAME, "1", "mine", 404));
    json_decref(typed(&jo, PORTAL_PASSKEY_REMOVE, "2", "", 200));
    sign_in_by(&jo, &other, 403);
    assert_int_equal(count_of("maria"), 1);
}

static void tries_are_few(void **state)
{
    (void)state;
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    for (unsigned i = 0; i < 5; i++)
        sign_in_by(&maria, &other, 403);
    sign_in_by(&maria, &key, 429);
}

static void eight_are_enough(void **state)
{
    struct authenticator a;

    (void)state;
    choose(&maria, "maria");
    for (unsigned i = 0; i < PASSKEYS_EACH; i++) {
        au_new(&a, FIDO_EDDSA);
        add(&maria, &a, "one of them", 201);
        tries_again();
    }
    json_t *o = says(&maria, PORTAL_PASSKEY_NEW, "", 409);
    assert_string_equal(code_of(o), "too_many_passkeys");
    json_decref(o);
    assert_int_equal(count_of("maria"), PASSKEYS_EACH);
    json_decref(typed(&maria, PORTAL_PASSKEY_RENAME, "3", "phone", 200));
    json_decref(typed(&maria, PORTAL_PASSKEY_REMOVE, "2", "", 200));
    json_decref(says(&maria, PORTAL_PASSKEY_NEW, "", 200));
}

/* ---- what ends them -------------------------------------------------------------------------- */

static void all_of_them_end_with_the_other_secrets(void **state)
{
    (void)state;
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/revoke", "{}", 200);
    json_decref(says(&maria, PORTAL_PASSKEY_ASK, "", 403));
    lab_do(&L, CONTROL_POST, "/v1/users/maria/restore", "{}", 200);
    sign_in_by(&maria, &key, 200);
    choose(&maria, "maria");                       /* new secrets: the old ones are void */
    assert_int_equal(count_of("maria"), 0);
    sign_in_by(&maria, &key, 403);
    add(&maria, &key, "key ring", 201);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/compromised", "{}", 200);
    assert_int_equal(count_of("maria"), 0);
}

/* A sign-in with secrets of before leaves no passkey behind: somebody else may have known them. */
static void a_sign_in_of_before_adds_none(void **state)
{
    struct laptop phone;

    (void)state;
    lab_enrol(&L, &phone, "maria-phone", "maria");
    choose(&phone, "maria");
    choose(&maria, "maria");                       /* new secrets: the phone knew the old ones */
    json_decref(says(&phone, PORTAL_PASSKEY_NEW, "", 403));
    json_decref(says(&maria, PORTAL_PASSKEY_NEW, "", 200));
    lab_do(&L, CONTROL_PUT, "/v1/admins/maria", "{\"role\":\"owner\"}", 201);
    json_decref(says(&maria, PORTAL_PASSKEY_NEW, "", 403));
    assert_int_equal(count_of("maria"), 0);
}

static void an_admin_takes_one_away(void **state)
{
    (void)state;
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    lab_do(&L, CONTROL_POST, "/v1/users/jo/passkeys/remove", "{\"id\":1}", 404);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/passkeys/remove", "{\"id\":2}", 404);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/passkeys/remove", "{}", 404);
    lab_do(&L, CONTROL_POST, "/v1/users/maria/passkeys/remove", "{\"id\":1}", 200);
    assert_true(audited("user.passkey-remove"));
    sign_in_by(&maria, &key, 403);
}

static void without_a_name_there_are_none(void **state)
{
    (void)state;
    choose(&maria, "maria");
    lab_restart(&L, LAB_POLICY);
    json_t *o = says(&maria, PORTAL_PASSKEY_ASK, "", 409);
    assert_string_equal(code_of(o), "no_passkeys");
    json_decref(o);
    o = says(&maria, PORTAL_PASSKEYS, "", 200);
    assert_false(json_is_true(json_object_get(o, "on")));
    assert_non_null(strstr(lab_text(o, "why"), "tls"));
    json_decref(o);
}

/* ---- the console ----------------------------------------------------------------------------- */

static struct browser B = {.from = "10.20.0.50"};

static json_t *browse(enum control_method method, const char *path, const char *body, int want)
{
    return must(lab_browse(&L, &B, method, path, "", body), want);
}

static struct session *current(void)
{
    struct ip_addr from;

    assert_true(ip_parse(B.from, strlen(B.from), &from));
    return session_find(L.e, B.token, &from);
}

/* Somebody's answer to a new challenge of the console. */
static void enter_with(struct authenticator *a, const char *user, const char *site, int want)
{
    json_t *options = browse(CONTROL_POST, "/v1/session/passkey/begin", "{}", 200);

    a->counter++;
    char *body = assertion(a, options, site, user);
    json_decref(browse(CONTROL_POST, "/v1/session/passkey/finish", body, want));
    free(body);
    json_decref(options);
    L.e->tries = (struct tries){0};
}

static void the_console_is_entered_by_passkey(void **state)
{
    (void)state;
    B.token[0] = '\0';
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    enter_with(&key, "maria", CONSOLE_SITE, 403);              /* who is no admin */
    assert_string_equal(B.token, "");
    lab_do(&L, CONTROL_PUT, "/v1/admins/maria", "{\"role\":\"operator\"}", 201);
    assert_int_equal(count_of("maria"), 0);                    /* an admin begins anew */
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    enter_with(&key, "maria", PORTAL_SITE, 403);               /* signed for the other page */
    enter_with(&key, "jo", CONSOLE_SITE, 403);
    enter_with(&key, NULL, CONSOLE_SITE, 403);
    enter_with(&other, "maria", CONSOLE_SITE, 403);
    assert_string_equal(B.token, "");
    enter_with(&key, "maria", CONSOLE_SITE, 200);
    assert_int_equal(strlen(B.token), SESSION_TOKEN - 1);
    assert_true(audited("console.sign-in"));
    json_t *o = browse(CONTROL_GET, "/v1/session", NULL, 200);
    assert_string_equal(lab_text(o, "user"), "maria");
    json_decref(o);
    assert_int_equal(user_by_name(L.e, "maria")->signed_in.s > 0, 1);   /* by the portal, before */
}

static void a_challenge_stays_with_its_place(void **state)
{
    (void)state;
    B.token[0] = '\0';
    lab_do(&L, CONTROL_PUT, "/v1/admins/maria", "{\"role\":\"operator\"}", 201);
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    json_t *options = browse(CONTROL_POST, "/v1/session/passkey/begin", "{}", 200);
    assert_int_equal(json_array_size(json_object_get(json_object_get(options, "publicKey"),
                                                     "allowCredentials")), 0);
    key.counter++;
    char *body = assertion(&key, options, CONSOLE_SITE, "maria");
    B.from = "10.20.0.51";
    json_decref(browse(CONTROL_POST, "/v1/session/passkey/finish", body, 409));
    B.from = "10.20.0.50";
    json_decref(says(&maria, PORTAL_PASSKEY_SIGN_IN, body, 409));
    json_decref(browse(CONTROL_POST, "/v1/session/passkey/finish", body, 200));
    B.token[0] = '\0';
    json_decref(browse(CONTROL_POST, "/v1/session/passkey/finish", body, 409));
    free(body);
    json_decref(options);
}

static void admins_add_their_own_at_the_console(void **state)
{
    (void)state;
    B.token[0] = '\0';
    lab_do(&L, CONTROL_PUT, "/v1/admins/maria", "{\"role\":\"auditor\"}", 201);
    choose(&maria, "maria");
    add(&maria, &key, "key ring", 201);
    json_decref(browse(CONTROL_GET, "/v1/session/passkeys", NULL, 401));
    json_decref(browse(CONTROL_POST, "/v1/session/passkeys/begin", "{}", 401));
    enter_with(&key, "maria", CONSOLE_SITE, 200);
    json_t *o = browse(CONTROL_POST, "/v1/session/passkeys/begin", "{}", 403);
    assert_string_equal(code_of(o), "sign_in_first");          /* a passkey alone adds no other */
    json_decref(o);
    current()->proved_boot_ms = clock_boot_ms();
    o = browse(CONTROL_POST, "/v1/session/passkeys/begin", "{}", 200);
    char *body = registration(&other, o, CONSOLE_SITE, "phone");
    json_decref(browse(CONTROL_POST, "/v1/session/passkeys/finish", body, 201));
    free(body);
    json_decref(o);
    json_decref(browse(CONTROL_POST, "/v1/session/passkeys/rename",
                       "{\"id\":2,\"name\":\"my phone\"}", 200));
    o = browse(CONTROL_GET, "/v1/session/passkeys", NULL, 200);
    const json_t *second = json_array_get(json_object_get(o, "items"), 1);
    assert_string_equal(lab_text(second, "name"), "my phone");
    assert_string_equal(lab_text(o, "site"), CONSOLE_SITE "/");
    json_decref(o);
    enter_with(&other, "maria", CONSOLE_SITE, 200);
    current()->proved_boot_ms = clock_boot_ms();
    json_decref(browse(CONTROL_POST, "/v1/session/passkeys/remove", "{\"id\":1}", 200));
    B.token[0] = '\0';
    enter_with(&key, "maria", CONSOLE_SITE, 403);
    lab_do(&L, CONTROL_GET, "/v1/session/passkeys", NULL, 409);     /* at the socket */
    lab_do(&L, CONTROL_POST, "/v1/session/passkey/begin", "{}", 409);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)
    static const struct CMUnitTest tests[] = {
        TEST(one_is_added_and_signs_in),
        TEST(adding_asks_for_a_fresh_sign_in),
        TEST(what_was_said_once_is_not_taken_twice),
        TEST(only_what_is_right_is_added),
        TEST(bodies_are_read_strictly),
        TEST(a_copy_is_noticed_and_stops_both),
        TEST(nobody_signs_in_with_another_persons),
        TEST(tries_are_few),
        TEST(eight_are_enough),
        TEST(all_of_them_end_with_the_other_secrets),
        TEST(a_sign_in_of_before_adds_none),
        TEST(an_admin_takes_one_away),
        TEST(without_a_name_there_are_none),
        TEST(the_console_is_entered_by_passkey),
        TEST(a_challenge_stays_with_its_place),
        TEST(admins_add_their_own_at_the_console),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
