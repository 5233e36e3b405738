/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates: made, looked at, kept by the engine over restarts, signed anew, read from files. */
#include "tests/unit/engine_lab.h"

#include "gateway/clock.h"
#include "gateway/tls.h"

#include <gnutls/x509.h>

static struct lab L;
#define DAY INT64_C(86400)

/* ---- made and looked at --------------------------------------------------------------------- */

static struct tls_identity made(const char *host, struct wall now)
{
    struct tls_names names = {.addr = {{4, {10, 20, 0, 1}}, {6, {0xfd, 0x20}}}};
    struct tls_identity t = {0};
    snprintf(names.host[0], sizeof names.host[0], "%s", host);
    t.key = tls_make_key(&t.key_len);
    assert_non_null(t.key);
    t.chain = tls_make_certificate(t.key, t.key_len, &names, now, &t.chain_len);
    assert_non_null(t.chain);
    return t;
}

static void names_what_it_is_called(void **state)
{
    static const uint8_t office[4] = {10, 20, 0, 1}, endpoint[4] = {198, 51, 100, 7};
    gnutls_x509_crt_t crt;
    struct wall now = {1800000000};
    struct tls_facts f;
    (void)state;
    struct tls_identity t = made("access.example.com", now), u = made("198.51.100.7", now);
    assert_null(tls_check(&t, "access.example.com", &f));
    assert_int_equal(f.until.s, now.s + TLS_LIFE_S);
    assert_int_equal(f.from.s, now.s - DAY);
    assert_int_equal(strlen(f.pin), 43);
    assert_int_equal(strlen(f.sha256), 64);
    assert_true(f.named);
    assert_true(!tls_check(&t, "", &f) && f.named);
    assert_true(!tls_check(&t, "other.example.com", &f) && !f.named);
    assert_int_equal(gnutls_x509_crt_init(&crt), 0);
    gnutls_datum_t pem = {(unsigned char *)t.chain, (unsigned)t.chain_len};
    assert_int_equal(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM), 0);
    assert_true(gnutls_x509_crt_check_hostname(crt, "access.example.com"));
    assert_true(gnutls_x509_crt_check_ip(crt, office, 4, 0));
    assert_false(gnutls_x509_crt_check_ip(crt, endpoint, 4, 0));
    assert_false(gnutls_x509_crt_check_hostname(crt, "example.com"));
    assert_int_equal(gnutls_x509_crt_get_activation_time(crt), now.s - DAY);
    assert_int_equal(gnutls_x509_crt_get_ca_status(crt, NULL), 0);
    assert_int_equal(gnutls_x509_crt_get_version(crt), 3);
    gnutls_x509_crt_deinit(crt);
    assert_int_equal(gnutls_x509_crt_init(&crt), 0);
    pem = (gnutls_datum_t){(unsigned char *)u.chain, (unsigned)u.chain_len};
    assert_int_equal(gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM), 0);
    assert_true(gnutls_x509_crt_check_ip(crt, endpoint, 4, 0));
    gnutls_x509_crt_deinit(crt);
    tls_identity_clear(&t);
    tls_identity_clear(&u);
}

static void pins_the_key(void **state)
{
    struct tls_facts a, b, c;
    (void)state;
    struct tls_identity t = made("a.example", (struct wall){1800000000});
    struct tls_identity u = made("a.example", (struct wall){1800000000});
    assert_null(tls_check(&t, "", &a));
    assert_null(tls_check(&u, "", &b));
    assert_string_not_equal(a.pin, b.pin);
    free(t.chain);
    const struct tls_names other = {.host = {"b.example"}};
    t.chain = tls_make_certificate(t.key, t.key_len, &other, (struct wall){1900000000}, &t.chain_len);
    assert_null(tls_check(&t, "", &c));
    assert_string_equal(a.pin, c.pin);
    assert_string_not_equal(a.sha256, c.sha256);
    tls_identity_clear(&t);
    tls_identity_clear(&u);
}

static void what_belongs_together(void **state)
{
    struct tls_facts f;
    char text[] = "nonsense", empty[] = "";
    (void)state;
    struct tls_identity t = made("a.example", (struct wall){1800000000});
    struct tls_identity u = made("a.example", (struct wall){1800000000});
    const struct { const char *what; struct tls_identity t; const char *why; } cases[] = {
        {"another's key", {.chain = t.chain, .chain_len = t.chain_len, .key = u.key, .key_len = u.key_len}, "do not belong together"},
        {"no chain", {.chain = text, .chain_len = 8, .key = t.key, .key_len = t.key_len}, "not a chain"},
        {"nothing", {.chain = empty, .chain_len = 0, .key = empty, .key_len = 0}, "not a chain"},
        {"no key", {.chain = t.chain, .chain_len = t.chain_len, .key = text, .key_len = 8}, "not one in PEM"},
        {"the two changed", {.chain = t.key, .chain_len = t.key_len, .key = t.chain, .key_len = t.chain_len}, "not a chain"},
        {"a chain cut short", {.chain = t.chain, .chain_len = t.chain_len / 2, .key = t.key, .key_len = t.key_len}, "not a chain"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *why = tls_check(&cases[i].t, "", &f);
        if (!why || !strstr(why, cases[i].why))
            fail_msg("%s: %s", cases[i].what, why ? why : "taken");
    }
    tls_identity_clear(&t);
    tls_identity_clear(&u);
}

/* A key with which no browser could begin a handshake does not take the place of one that works. */
static void keys_that_can_be_shown(void **state)
{
    static const struct { gnutls_pk_algorithm_t kind; unsigned bits; bool taken; } cases[] = {
        {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), true},
        {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP384R1), true},
        {GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP521R1), false},
        {GNUTLS_PK_RSA, 2048, true},
        {GNUTLS_PK_RSA_PSS, 2048, false},
    };
    struct tls_names names = {0};
    struct tls_facts f;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls_identity t = {0};
        gnutls_x509_privkey_t key;
        gnutls_datum_t pem;
        assert_int_equal(gnutls_x509_privkey_init(&key), 0);
        assert_int_equal(gnutls_x509_privkey_generate(key, cases[i].kind, cases[i].bits, 0), 0);
        assert_int_equal(gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                                           GNUTLS_PKCS_PLAIN, &pem), 0);
        gnutls_x509_privkey_deinit(key);
        t.key = strndup((char *)pem.data, pem.size);
        t.key_len = pem.size;
        gnutls_free(pem.data);
        t.chain = tls_make_certificate(t.key, t.key_len, &names, clock_wall(),
                                       &t.chain_len);
        assert_non_null(t.chain);
        const char *why = tls_check(&t, "", &f);
        if (!why != cases[i].taken || (why && !strstr(why, "neither RSA")))
            fail_msg("case %zu: %s", i, why ? why : "taken");
        tls_identity_clear(&t);
    }
}

static void travels_whole(void **state)
{
    struct tls_identity t = made("a.example", (struct wall){1800000000}), back;
    struct writer w;
    struct reader r;
    (void)state;
    snprintf(t.name, sizeof t.name, "a.example");
    writer_init(&w, 1u << 18);
    put_tls_identity(&w, &t);
    assert_false(w.failed);
    for (size_t cut = 0; cut < w.n; cut += 7) {
        reader_init(&r, w.v, cut);
        get_tls_identity(&r, &back);
        assert_true(r.failed && !back.chain && !back.key);
    }
    reader_init(&r, w.v, w.n);
    get_tls_identity(&r, &back);
    assert_true(reader_done(&r));
    assert_string_equal(back.chain, t.chain);
    assert_string_equal(back.key, t.key);
    assert_string_equal(back.name, "a.example");
    tls_identity_clear(&back);
    tls_identity_clear(&t);
    writer_clear(&w);
}

/* ---- the engine's --------------------------------------------------------------------------- */

static void launch(const char *tail)
{
    static char gateway[2048];
    snprintf(gateway, sizeof gateway, "%.*s%s }\n", (int)strlen(LAB_GATEWAY) - 2, LAB_GATEWAY, tail);
    assert_int_equal(lab_try(&L, gateway, LAB_POLICY, "boot-1"), 0);
}

static int begin(void **state)
{
    (void)state;
    lab_new(&L);
    return 0;
}

static int end(void **state)
{
    (void)state;
    lab_end(&L);
    return 0;
}

static void without_a_door_there_is_none(void **state)
{
    char pin[TLS_PIN];
    (void)state;
    launch("");
    assert_false(tls_pin(L.e, pin));
    assert_null(L.e->tls.id.chain);
}

static void its_own_outlives_it(void **state)
{
    char pin[TLS_PIN], again[TLS_PIN];
    (void)state;
    launch("tls { name access.example.com }");
    assert_true(tls_pin(L.e, pin) && L.e->tls.own);
    char *chain = strdup(L.e->tls.id.chain);
    assert_int_equal(L.e->tls.facts.until.s / 100, (clock_wall().s + TLS_LIFE_S) / 100);
    lab_stop(&L);
    launch("tls { name access.example.com }");
    assert_true(tls_pin(L.e, again));
    assert_string_equal(L.e->tls.id.chain, chain);
    assert_string_equal(again, pin);
    lab_stop(&L);
    launch("tls { name other.example.com }");      /* another certificate for the same key */
    assert_true(tls_pin(L.e, again));
    assert_string_not_equal(L.e->tls.id.chain, chain);
    assert_string_equal(again, pin);
    free(chain);
}

static void is_signed_anew_before_it_ends(void **state)
{
    char pin[TLS_PIN], again[TLS_PIN];
    (void)state;
    launch("tls { name access.example.com }");
    (void)tls_pin(L.e, pin);
    int64_t until = L.e->tls.facts.until.s;
    L.e->tls.looked_s = -4000;
    tls_tick(L.e);
    assert_int_equal(L.e->tls.facts.until.s, until);
    L.e->tls.facts.until.s = clock_wall().s + 29 * DAY;   /* as if it were nearly over */
    tls_tick(L.e);
    assert_int_equal(L.e->tls.facts.until.s, clock_wall().s + 29 * DAY);   /* it looks once an hour */
    L.e->tls.looked_s = -4000;
    uint8_t zero[8192] = {0};
    store_begin(L.e->store);
    store_set_blob(L.e->store, "tls", zero, 1);     /* a row of another size is no certificate */
    (void)store_commit(L.e->store);
    tls_tick(L.e);
    assert_true(L.e->tls.facts.until.s > clock_wall().s + 390 * DAY);
    assert_true(tls_pin(L.e, again));
}

static void files_come_before(void **state)
{
    struct tls_facts f, g;
    char both[8192];
    (void)state;
    struct tls_identity t = made("access.example.com", clock_wall());
    struct tls_identity u = made("access.example.com", clock_wall());
    assert_null(tls_check(&t, "", &f));
    assert_null(tls_check(&u, "", &g));
    snprintf(both, sizeof both, "%s%s", t.chain, t.key);
    L.outlet_file = both;                            /* the lab's parent gives it by every name */
    launch("tls { name access.example.com certificate a.pem key a.key }");
    assert_false(L.e->tls.own);
    assert_string_equal(L.e->tls.facts.pin, f.pin);
    size_t alarms = L.e->n_alarms;
    snprintf(both, sizeof both, "%s%s", u.chain, t.key);  /* only one of the two is there yet */
    tls_reload(L.e);
    assert_int_equal(L.e->n_alarms, alarms + 1);
    assert_string_equal(L.e->tls.facts.pin, f.pin);
    snprintf(both, sizeof both, "%s%s", u.chain, u.key);
    tls_reload(L.e);
    assert_int_equal(L.e->n_alarms, alarms + 1);
    assert_string_equal(L.e->tls.facts.pin, g.pin);
    L.outlet_file = NULL;
    tls_reload(L.e);
    assert_int_equal(L.e->n_alarms, alarms + 2);
    assert_string_equal(L.e->tls.facts.pin, g.pin);
    tls_identity_clear(&t);
    tls_identity_clear(&u);
}

static bool alarmed(const char *text)
{
    for (size_t i = 0; i < L.e->n_alarms; i++)
        if (strstr(L.e->alarms[i].text, text))
            return true;
    return false;
}

/* A certificate that no browser trusts is shown all the same; an alarm says what is wrong with it. */
static void files_with_faults(void **state)
{
    static const struct { const char *name; int64_t at; const char *alarm; } cases[] = {
        {"other.example.com", 0, "does not name access.example.com"},
        {"access.example.com", -398 * DAY, "has ended"},
        {"access.example.com", 5 * DAY, "not good yet"},
        {"access.example.com", -390 * DAY, "ends in "},
    };
    char both[8192];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls_identity t = made(cases[i].name, (struct wall){clock_wall().s + cases[i].at});
        snprintf(both, sizeof both, "%s%s", t.chain, t.key);
        L.outlet_file = both;
        launch("tls { name access.example.com certificate a.pem key a.key }");
        if (!alarmed(cases[i].alarm) || L.e->n_alarms != 1 || L.e->tls.own)
            fail_msg("%s", cases[i].alarm);
        lab_stop(&L);
        tls_identity_clear(&t);
    }
    L.outlet_file = NULL;
    launch("");
}

static void files_that_are_not_there(void **state)
{
    (void)state;
    launch("tls { name access.example.com certificate a.pem key a.key }");
    assert_true(L.e->tls.own && L.e->tls.id.chain);
    assert_true(L.e->n_alarms >= 1);
}

/* The role that comes is told; so are all when there is another. */
static void roles_are_told(void **state)
{
    struct message m;
    struct tls_identity t;
    struct reader r;
    int sv[2];
    (void)state;
    launch("enrol { listen 8443 }");
    assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv), 0);
    L.e->peer[ROLE_ENROL] = channel_new(sv[0]);
    loop_watch(L.e->loop, sv[0], 0, NULL, NULL);
    struct channel *role = channel_new(sv[1]);
    tls_tell(L.e, ROLE_ENROL);
    assert_int_equal(channel_receive(role, &m), 1);
    assert_int_equal(m.type, MSG_TLS_ENROL);
    assert_true(message_allowed(m.type, ROLE_ENGINE, ROLE_ENROL, (uint32_t)m.len));
    reader_init(&r, m.body, m.len);
    get_tls_identity(&r, &t);
    assert_true(reader_done(&r));
    assert_string_equal(t.chain, L.e->tls.id.chain);
    tls_identity_clear(&t);
    tls_tell(L.e, ROLE_CONSOLE);        /* there is none */
    tls_tell(L.e, ROLE_API);            /* it has nothing to show */
    assert_int_equal(channel_receive(role, &m), 0);
    channel_free(role);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_what_it_is_called),
        cmocka_unit_test(pins_the_key),
        cmocka_unit_test(what_belongs_together),
        cmocka_unit_test(keys_that_can_be_shown),
        cmocka_unit_test(travels_whole),
        cmocka_unit_test_setup_teardown(without_a_door_there_is_none, begin, end),
        cmocka_unit_test_setup_teardown(its_own_outlives_it, begin, end),
        cmocka_unit_test_setup_teardown(is_signed_anew_before_it_ends, begin, end),
        cmocka_unit_test_setup_teardown(files_come_before, begin, end),
        cmocka_unit_test_setup_teardown(files_with_faults, begin, end),
        cmocka_unit_test_setup_teardown(files_that_are_not_there, begin, end),
        cmocka_unit_test_setup_teardown(roles_are_told, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
