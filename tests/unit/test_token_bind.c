/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token_bind(), token_assurance() and token_key_valid(). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/token_maker.h"

static struct maker m;

/* What a case may change in a claim set and a record that agree. */
struct scene { struct claims c; struct token_binding b; };

static struct scene agreeing(void)
{
    struct scene s;

    memset(&s, 0, sizeof s);
    strcpy(s.c.iss, "devices");
    strcpy(s.c.ueid, "AQIDBAUGBw");
    s.c.key = m.keys[K_DEVICE];
    s.c.cnf = m.wg;
    s.c.iat.s = MAKER_NOW;
    s.c.has_nonce = true;
    s.c.facts.v[FACT_OWN].known = true;
    strcpy(s.c.facts.v[FACT_OWN].text, "corp");
    s.b = (struct token_binding){.peer = m.wg, .device = DEVICE_ACTIVE, .device_key = m.wg,
                                 .device_owner = "corp", .device_ueid = "AQIDBAUGBw",
                                 .device_iss = "devices", .user_enabled = true,
                                 .nonce = NONCE_VALID, .last_iat = {MAKER_NOW}};
    return s;
}

static void nothing(struct scene *s) { (void)s; }
static void other_peer(struct scene *s) { s->b.peer.b[31] ^= 1; }
static void other_cnf(struct scene *s) { s->c.cnf.b[0] ^= 1; }
static void other_device_key(struct scene *s) { s->b.device_key.b[0] ^= 1; }
static void unknown(struct scene *s) { s->b.device = DEVICE_UNKNOWN; }
static void retired(struct scene *s) { s->b.device = DEVICE_RETIRED; }
static void bad_state(struct scene *s) { s->b.device = (enum device_state)7; }
static void byod_record(struct scene *s) { s->b.device_owner = "byod"; }
static void no_owner_record(struct scene *s) { s->b.device_owner = ""; }
static void null_owner_record(struct scene *s) { s->b.device_owner = NULL; }
static void own_not_said(struct scene *s)
{
    s->c.facts.v[FACT_OWN].known = false;
    s->b.device_owner = "byod";
}
static void user_off(struct scene *s) { s->b.user_enabled = false; }
static void other_machine(struct scene *s) { strcpy(s->c.ueid, "AQIDBAUGBx"); }
static void no_ueid_yet(struct scene *s) { s->b.device_ueid = ""; }
static void other_issuer(struct scene *s) { s->b.device_iss = "others"; }
static void any_issuer(struct scene *s) { s->b.device_iss = ""; }
static void by_mdm(struct scene *s)
{
    s->c.key = m.keys[K_MDM];
    strcpy(s->c.iss, "mdm.example");
}
static void no_nonce(struct scene *s) { s->c.has_nonce = false; }
static void mdm_no_nonce(struct scene *s) { by_mdm(s); no_nonce(s); }
static void mdm_later(struct scene *s) { mdm_no_nonce(s); s->b.last_iat.s = MAKER_NOW - 1; }
static void mdm_first(struct scene *s) { mdm_no_nonce(s); s->b.last_iat.s = 0; }
static void mdm_nonce_asked(struct scene *s) { mdm_no_nonce(s); s->c.key.nonce_required = true; }
static void mdm_bad_nonce(struct scene *s) { by_mdm(s); s->b.nonce = NONCE_UNKNOWN; }
static void nonce_gone(struct scene *s) { s->b.nonce = NONCE_UNKNOWN; }
static void nonce_of_other(struct scene *s) { s->b.nonce = NONCE_OTHER_PEER; }
static void bad_nonce_state(struct scene *s) { s->b.nonce = (enum nonce_state)9; }
static void replay(struct scene *s) { s->b.jti_seen = true; }
static void rollback(struct scene *s) { s->b.last_iat.s = MAKER_NOW + 1; }
static void first_ever(struct scene *s) { s->b.last_iat.s = 0; }
static void full(struct scene *s) { s->b.replay_cache_full = true; }
static void replay_when_full(struct scene *s) { replay(s); full(s); }
static void all_wrong_but_peer(struct scene *s)
{
    retired(s); user_off(s); nonce_gone(s); replay(s); full(s); other_machine(s);
}
static void user_and_ueid(struct scene *s) { user_off(s); other_machine(s); nonce_gone(s); }
static void ueid_and_nonce(struct scene *s) { other_machine(s); nonce_gone(s); }
static void nonce_and_jti(struct scene *s) { nonce_gone(s); replay(s); }
static void jti_and_iat(struct scene *s) { replay(s); rollback(s); }
static void iat_and_full(struct scene *s) { rollback(s); full(s); }

static void binding(void **state)
{
    static const struct {
        const char *what;
        void (*change)(struct scene *s);
        enum refusal_code code;
    } cases[] = {
        {"all agrees", nothing, CODE_NONE},
        {"through another peer", other_peer, PT502},
        {"about another key", other_cnf, PT502},
        {"peer is not the device's", other_device_key, PT502},
        {"unknown device", unknown, PT503},
        {"retired device", retired, PT504},
        {"device state out of range", bad_state, PT503},
        {"corp says byod", byod_record, PT505},
        {"owner not recorded", no_owner_record, CODE_NONE},
        {"owner record absent", null_owner_record, CODE_NONE},
        {"owner not stated", own_not_said, CODE_NONE},
        {"user disabled", user_off, PT506},
        {"another machine", other_machine, PT507},
        {"machine not fixed yet", no_ueid_yet, CODE_NONE},
        {"device key of another issuer", other_issuer, PT202},
        {"any issuer", any_issuer, CODE_NONE},
        {"an mdm speaks for every device", by_mdm, CODE_NONE},
        {"device token without nonce", no_nonce, PT401},
        {"mdm token without nonce, a second later", mdm_later, CODE_NONE},
        {"mdm token without nonce, the first", mdm_first, CODE_NONE},
        {"mdm token without nonce, of the same second: the same, its jti forgotten?", mdm_no_nonce,
         PT405},
        {"mdm key of which a nonce is asked", mdm_nonce_asked, PT401},
        {"mdm token with a bad nonce", mdm_bad_nonce, PT402},
        {"nonce used up", nonce_gone, PT402},
        {"nonce of another peer", nonce_of_other, PT403},
        {"nonce state out of range", bad_nonce_state, PT402},
        {"replayed", replay, PT404},
        {"older than the last", rollback, PT405},
        {"first of this device", first_ever, CODE_NONE},
        {"cache full", full, PT406},
        {"replay while the cache is full", replay_when_full, PT404},
        {"order: retired before all else", all_wrong_but_peer, PT504},
        {"order: user before ueid", user_and_ueid, PT506},
        {"order: ueid before nonce", ueid_and_nonce, PT507},
        {"order: nonce before jti", nonce_and_jti, PT402},
        {"order: jti before iat", jti_and_iat, PT404},
        {"order: iat before cache", iat_and_full, PT405},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct scene s = agreeing();
        enum refusal_code got;

        cases[i].change(&s);
        got = token_bind(&s.c, &s.b);
        if (got != cases[i].code)
            fail_msg("%s: %s instead of %s", cases[i].what, code_id(got), code_id(cases[i].code));
    }
}

static void assurance(void **state)
{
    static const struct { enum issuer_kind kind; uint8_t ceiling, level; } cases[] = {
        {ISSUER_NONE, 4, 0},   {ISSUER_DEVICE, 1, 1}, {ISSUER_DEVICE, 2, 2},
        {ISSUER_DEVICE, 4, 2}, {ISSUER_MDM, 1, 1},    {ISSUER_MDM, 3, 3},
        {ISSUER_MDM, 4, 3},    {ISSUER_EDR, 2, 2},    {ISSUER_EDR, 4, 3},
    };
    struct claims c;

    (void)state;
    memset(&c, 0, sizeof c);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        c.key.kind = cases[i].kind;
        c.key.assurance_max = cases[i].ceiling;
        c.has_tpm = true; /* a quote that nobody verified lifts nothing */
        assert_int_equal(token_assurance(&c), cases[i].level);
    }
}

static void expect_key(const char *what, const struct token_key *k, bool valid)
{
    const char *why = "untouched";

    if (token_key_valid(k, &why) != valid)
        fail_msg("%s: %s", what, valid ? why : "accepted");
    assert_true(valid ? why == NULL : why != NULL && strlen(why) > 10);
}

static void good_keys_enter(void **state)
{
    (void)state;
    for (int i = 0; i < K_N; i++)
        expect_key(m.keys[i].kid, &m.keys[i], true);

    struct token_key k = m.keys[K_MDM];

    k.assurance_max = 4;
    k.life_max.s = TOKEN_LIFE_MAX;
    strcpy(k.kid, "x");
    expect_key("at its limits", &k, true);
}

/* The points of small order (their y, little endian), two of them in a second, not canonical
 * spelling, and others that are no point or not canonical. */
static void weak_points_do_not_enter(void **state)
{
    static const struct { const char *what, *hex; } cases[] = {
        {"order 4, y = 0", "0000000000000000000000000000000000000000000000000000000000000000"},
        {"the other sign of it", "0000000000000000000000000000000000000000000000000000000000000080"},
        {"identity", "0100000000000000000000000000000000000000000000000000000000000000"},
        {"identity, sign bit set",
         "0100000000000000000000000000000000000000000000000000000000000080"},
        {"order 2", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {"order 8", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"},
        {"order 8, other sign",
         "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85"},
        {"order 8, other y", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"},
        {"order 8, both other",
         "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa"},
        {"p for 0", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {"p + 1 for 1", "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"},
        {"all ones", "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"},
        {"no point: y = 2", "0200000000000000000000000000000000000000000000000000000000000000"},
    };
    struct token_key k = m.keys[K_DEVICE];

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(sodium_hex2bin(k.key, 32, cases[i].hex, 64, NULL, NULL, NULL), 0);
        expect_key(cases[i].what, &k, false);
    }
}

static void bad_p256_points_do_not_enter(void **state)
{
    struct token_key k = m.keys[K_P256];

    (void)state;
    k.key[63] ^= 1;
    expect_key("not on the curve", &k, false);
    memset(k.key, 0, sizeof k.key);
    expect_key("zero", &k, false);
    memset(k.key, 0xff, sizeof k.key);
    expect_key("not below p", &k, false);
}

#define BAD_KEY(what, change)                                \
    do {                                                     \
        struct token_key k = m.keys[K_DEVICE];               \
        change;                                              \
        expect_key(what, &k, false);                         \
    } while (0)

static void odd_records_do_not_enter(void **state)
{
    (void)state;
    BAD_KEY("no issuer", k.iss[0] = '\0');
    BAD_KEY("issuer with a control", k.iss[0] = '\n');
    BAD_KEY("issuer without an end", memset(k.iss, 'a', sizeof k.iss));
    BAD_KEY("no kid", k.kid[0] = '\0');
    BAD_KEY("kid with a slash", k.kid[0] = '/');
    BAD_KEY("kid without an end", memset(k.kid, 'a', sizeof k.kid));
    BAD_KEY("no alg", k.alg = ALG_NONE);
    BAD_KEY("alg out of range", k.alg = (enum token_alg)9);
    BAD_KEY("no kind", k.kind = ISSUER_NONE);
    BAD_KEY("kind out of range", k.kind = (enum issuer_kind)9);
    BAD_KEY("ceiling 0", k.assurance_max = 0);
    BAD_KEY("ceiling 5", k.assurance_max = 5);
    BAD_KEY("status out of range", k.status = (enum key_status)9);
    BAD_KEY("ends as it begins", k.not_before.s = k.not_after.s = 5);
    BAD_KEY("begins before 1970", k.not_before.s = -1);
    BAD_KEY("life of 901 s", k.life_max.s = 901);
    BAD_KEY("negative life", k.life_max.s = -1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(binding),
        cmocka_unit_test(assurance),
        cmocka_unit_test(good_keys_enter),
        cmocka_unit_test(weak_points_do_not_enter),
        cmocka_unit_test(bad_p256_points_do_not_enter),
        cmocka_unit_test(odd_records_do_not_enter),
    };

    maker_start(&m);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
