/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passkeys: every refusal of a registration and of an assertion, and what is not one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "gateway/cbor.h"
#include "gateway/challenges.h"
#include "tests/unit/authenticator.h"

#define NAME "access.example.com"
#define ORIGIN "https://" NAME
#define FRAME_NO ",\"crossOrigin\":false"

static const struct webauthn_rp rp = {NAME, 443};
static uint8_t challenge[32];

static int start(void **state)
{
    char why[200];

    (void)state;
    if (sodium_init() < 0 || fido_open(why) < 0) {
        print_error("%s\n", why);
        return -1;
    }
    randombytes_buf(challenge, sizeof challenge);
    return 0;
}

/* ---- one case: what is said otherwise -------------------------------------------------------- */

struct spoken {
    struct authenticator *a;
    const char *type, *origin, *more, *name, *format;
    unsigned flags;
    const uint8_t *challenge;
    struct au_bytes client, data, attestation, signature;
};

static void speak_registration(struct spoken *s)
{
    au_client(&s->client, s->type ? s->type : "webauthn.create",
              s->challenge ? s->challenge : challenge, s->origin ? s->origin : ORIGIN,
              s->more ? s->more : FRAME_NO);
    au_data(s->a, s->name ? s->name : NAME,
            s->flags ? s->flags : AU_PRESENT | AU_VERIFIED | AU_KEY, &s->data);
    au_attest(s->a, s->format ? s->format : "none", &s->data, &s->client, &s->attestation);
}

static enum webauthn_verdict registration(struct spoken *s, struct credential *out)
{
    struct credential made;

    return webauthn_register(&rp, challenge, au_of(&s->client), au_of(&s->attestation),
                             out ? out : &made);
}

static void speak_assertion(struct spoken *s)
{
    au_client(&s->client, s->type ? s->type : "webauthn.get",
              s->challenge ? s->challenge : challenge, s->origin ? s->origin : ORIGIN,
              s->more ? s->more : FRAME_NO);
    au_data(s->a, s->name ? s->name : NAME, s->flags ? s->flags : s->a->flags, &s->data);
    au_sign_both(s->a, &s->data, &s->client, &s->signature);
}

static enum webauthn_verdict assertion(struct spoken *s, const struct credential *c)
{
    uint32_t counter;

    return webauthn_assert(&rp, challenge, au_of(&s->client), au_of(&s->data),
                           au_of(&s->signature), c, &counter);
}

static void expect(enum webauthn_verdict got, enum webauthn_verdict want, const char *what)
{
    if (got != want)
        fail_msg("%s: %s, not %s", what, webauthn_verdict_name(got), webauthn_verdict_name(want));
}

static struct credential known(struct authenticator *a)
{
    struct spoken s = {.a = a};
    struct credential c;

    speak_registration(&s);
    expect(registration(&s, &c), WEBAUTHN_HOLDS, "a registration");
    return c;
}

/* ---- what holds ------------------------------------------------------------------------------ */

static void both_algorithms_hold(void **state)
{
    static const enum fido_alg algs[] = {FIDO_ES256, FIDO_EDDSA};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct authenticator a;
        au_new(&a, algs[i]);
        for (unsigned form = 0; form < 3; form++) {
            struct spoken s = {.a = &a, .format = form == 1 ? "packed" : "none",
                               .flags = AU_PRESENT | AU_VERIFIED | AU_KEY |
                                        (form == 2 ? AU_EXTENSIONS : 0)};
            struct credential c;
            speak_registration(&s);
            expect(registration(&s, &c), WEBAUTHN_HOLDS, "a registration");
            assert_int_equal(c.alg, algs[i]);
            assert_int_equal(c.id_len, AU_ID);
            assert_memory_equal(c.id, a.id, AU_ID);
            assert_memory_equal(c.key, a.key, algs[i] == FIDO_ES256 ? 64 : 32);
            assert_int_equal(c.counter, a.counter);
            assert_false(c.synced);
        }
        struct credential c = known(&a);
        struct spoken s = {.a = &a};
        a.counter++;
        speak_assertion(&s);
        expect(assertion(&s, &c), WEBAUTHN_HOLDS, "an assertion");
        s = (struct spoken){.a = &a, .flags = AU_PRESENT | AU_VERIFIED | AU_EXTENSIONS, .more = ""};
        speak_assertion(&s);
        expect(assertion(&s, &c), WEBAUTHN_HOLDS, "an assertion with extensions");
        au_free(&a);
    }
}

static void a_port_belongs_to_the_origin(void **state)
{
    static const struct webauthn_rp other = {NAME, 8443};
    struct authenticator a;
    struct credential c;

    (void)state;
    au_new(&a, FIDO_EDDSA);
    struct spoken s = {.a = &a, .origin = ORIGIN ":8443"};
    speak_registration(&s);
    expect(registration(&s, NULL), WEBAUTHN_ORIGIN, "another port");
    expect(webauthn_register(&other, challenge, au_of(&s.client), au_of(&s.attestation), &c),
           WEBAUTHN_HOLDS, "its own port");
}

/* ---- what does not --------------------------------------------------------------------------- */

static const struct refusal {
    const char *what;
    struct spoken said;
    enum webauthn_verdict want;
} both[] = {
    {"another site", {.origin = "https://access.example.org"}, WEBAUTHN_ORIGIN},
    {"without TLS", {.origin = "http://" NAME}, WEBAUTHN_ORIGIN},
    {"a name that begins so", {.origin = ORIGIN ".evil.example"}, WEBAUTHN_ORIGIN},
    {"another port", {.origin = ORIGIN ":444"}, WEBAUTHN_ORIGIN},
    {"in a frame", {.more = ",\"crossOrigin\":true"}, WEBAUTHN_FRAMED},
    {"in a frame, said otherwise", {.more = ",\"topOrigin\":\"https://x\""}, WEBAUTHN_FRAMED},
    {"a frame that is no boolean", {.more = ",\"crossOrigin\":0"}, WEBAUTHN_MALFORMED},
    {"a member twice", {.more = ",\"type\":\"webauthn.get\""}, WEBAUTHN_MALFORMED},
    {"a member twice, escaped", {.more = ",\"\\u006frigin\":\"" ORIGIN "\""}, WEBAUTHN_MALFORMED},
    {"deep", {.more = ",\"x\":[[[[[[[[]]]]]]]]"}, WEBAUTHN_MALFORMED},
    {"something behind it", {.more = "} {\"a\":1"}, WEBAUTHN_MALFORMED},
    {"another type", {.type = "webauthn.other"}, WEBAUTHN_TYPE},
    {"another challenge", {.challenge = (const uint8_t *)"01234567890123456789012345678901"},
     WEBAUTHN_CHALLENGE_OTHER},
    {"another name", {.name = "example.com"}, WEBAUTHN_RP},
};

static const struct refusal registrations[] = {
    {"an assertion's type", {.type = "webauthn.get"}, WEBAUTHN_TYPE},
    {"nobody there", {.flags = AU_VERIFIED | AU_KEY}, WEBAUTHN_ABSENT},
    {"not verified", {.flags = AU_PRESENT | AU_KEY}, WEBAUTHN_UNVERIFIED},
    {"no key", {.flags = AU_PRESENT | AU_VERIFIED}, WEBAUTHN_MALFORMED},
    {"a copy that must not be", {.flags = AU_PRESENT | AU_VERIFIED | AU_KEY | AU_BACKED_UP},
     WEBAUTHN_MALFORMED},
    {"another format", {.format = "fido-u2f"}, WEBAUTHN_ATTESTATION},
    {"an unknown format", {.format = "android-key"}, WEBAUTHN_ATTESTATION},
};

static const struct refusal assertions[] = {
    {"a registration's type", {.type = "webauthn.create"}, WEBAUTHN_TYPE},
    {"nobody there", {.flags = AU_VERIFIED}, WEBAUTHN_ABSENT},
    {"not verified", {.flags = AU_PRESENT}, WEBAUTHN_UNVERIFIED},
    {"a key along", {.flags = AU_PRESENT | AU_VERIFIED | AU_KEY}, WEBAUTHN_MALFORMED},
    {"it may be copied now", {.flags = AU_PRESENT | AU_VERIFIED | AU_MAY_BACK_UP},
     WEBAUTHN_MALFORMED},
};

#define EACH(v) for (size_t i = 0; i < sizeof v / sizeof *v; i++)

static void refuse_registration(const struct refusal *r, struct authenticator *a)
{
    struct spoken s = r->said;

    s.a = a;
    speak_registration(&s);
    expect(registration(&s, NULL), r->want, r->what);
}

static void refuse_assertion(const struct refusal *r, struct authenticator *a,
                             const struct credential *c)
{
    struct spoken s = r->said;

    s.a = a;
    speak_assertion(&s);
    expect(assertion(&s, c), r->want, r->what);
}

static void refusals(void **state)
{
    static const enum fido_alg algs[] = {FIDO_ES256, FIDO_EDDSA};

    (void)state;
    for (size_t k = 0; k < 2; k++) {
        struct authenticator a;
        au_new(&a, algs[k]);
        struct credential c = known(&a);
        a.counter++;
        EACH(both)
            refuse_registration(&both[i], &a);
        EACH(registrations)
            refuse_registration(&registrations[i], &a);
        EACH(both)
            refuse_assertion(&both[i], &a, &c);
        EACH(assertions)
            refuse_assertion(&assertions[i], &a, &c);
        au_free(&a);
    }
}

static void a_counter_never_goes_back(void **state)
{
    static const struct { uint32_t had, says; enum webauthn_verdict want; } cases[] = {
        {5, 6, WEBAUTHN_HOLDS},          {5, 5, WEBAUTHN_CLONED},
        {5, 4, WEBAUTHN_CLONED},         {5, 0, WEBAUTHN_CLONED},
        {0, 0, WEBAUTHN_HOLDS},          {0, 1, WEBAUTHN_HOLDS},
        {0x7fffffff, 0x80000000, WEBAUTHN_HOLDS}, {UINT32_MAX, 0, WEBAUTHN_CLONED},
    };
    struct authenticator a;

    (void)state;
    au_new(&a, FIDO_ES256);
    struct credential c = known(&a);
    EACH(cases) {
        struct spoken s = {.a = &a};
        c.counter = cases[i].had;
        a.counter = cases[i].says;
        speak_assertion(&s);
        expect(assertion(&s, &c), cases[i].want, "a counter");
    }
    /* A counter is not looked at before the signature. */
    struct spoken s = {.a = &a};
    c.counter = 9;
    speak_assertion(&s);
    s.signature.v[10] ^= 1;
    expect(assertion(&s, &c), WEBAUTHN_SIGNATURE, "a clone's counter without its key");
    au_free(&a);
}

static void another_key_is_another_person(void **state)
{
    struct authenticator a, b, e;

    (void)state;
    au_new(&a, FIDO_ES256);
    au_new(&b, FIDO_ES256);
    au_new(&e, FIDO_EDDSA);
    struct credential c = known(&a), d = known(&e);
    struct spoken s = {.a = &b};
    b.counter = e.counter = 9;
    speak_assertion(&s);
    expect(assertion(&s, &c), WEBAUTHN_SIGNATURE, "another P-256 key");
    s.a = &e;
    speak_assertion(&s);
    expect(assertion(&s, &c), WEBAUTHN_SIGNATURE, "an Ed25519 key for a P-256 one");
    expect(assertion(&s, &d), WEBAUTHN_HOLDS, "its own");
    s.signature.n = 63;
    expect(assertion(&s, &d), WEBAUTHN_SIGNATURE, "cut short");
    s.signature.n = 0;
    expect(assertion(&s, &d), WEBAUTHN_MALFORMED, "none");
    au_free(&a);
    au_free(&b);
}

static void a_key_is_a_point_of_its_curve(void **state)
{
    struct authenticator a;

    (void)state;
    au_new(&a, FIDO_ES256);
    a.key[40] ^= 1;
    struct spoken s = {.a = &a};
    speak_registration(&s);
    expect(registration(&s, NULL), WEBAUTHN_KEY, "no point");
    au_free(&a);
    au_new(&a, FIDO_EDDSA);
    memset(a.key, 0, 32);
    a.key[0] = 1;                                   /* of small order: anybody signs for it */
    speak_registration(&s);
    expect(registration(&s, NULL), WEBAUTHN_KEY, "a point of small order");
}

static void packed_is_by_the_key_itself(void **state)
{
    struct authenticator a;

    (void)state;
    au_new(&a, FIDO_ES256);
    struct spoken s = {.a = &a, .format = "packed"};
    speak_registration(&s);
    struct au_bytes signed_by_itself = s.attestation;
    uint8_t *sig = memmem(s.attestation.v, s.attestation.n, "csig", 4);
    assert_non_null(sig);
    sig[20] ^= 1;
    expect(registration(&s, NULL), WEBAUTHN_SIGNATURE, "another signature");
    s.attestation = signed_by_itself;
    uint8_t *alg = memmem(s.attestation.v, s.attestation.n, "calg", 4);
    alg[4] = 0x27;
    expect(registration(&s, NULL), WEBAUTHN_ATTESTATION, "another algorithm");
    s.attestation = signed_by_itself;
    sig = memmem(s.attestation.v, s.attestation.n, "csig", 4);
    memcpy(sig, "cx5c", 4);
    expect(registration(&s, NULL), WEBAUTHN_ATTESTATION, "a certificate");
    s.flags = AU_PRESENT | AU_VERIFIED | AU_KEY | AU_EXTENSIONS;
    speak_registration(&s);
    expect(registration(&s, NULL), WEBAUTHN_ATTESTATION, "extensions that were not asked for");
    au_free(&a);
}

/* ---- CBOR that is cut, added to, or changed -------------------------------------------------- */

static void every_cut_is_refused(void **state)
{
    struct authenticator a;

    (void)state;
    au_new(&a, FIDO_ES256);
    struct credential c = known(&a);
    struct spoken s = {.a = &a};
    speak_registration(&s);
    size_t whole = s.attestation.n;
    for (s.attestation.n = 0; s.attestation.n < whole; s.attestation.n++)
        expect(registration(&s, NULL), WEBAUTHN_MALFORMED, "a cut");
    s.attestation.n = whole;
    au_byte(&s.attestation, 0);
    expect(registration(&s, NULL), WEBAUTHN_MALFORMED, "a byte more");
    speak_registration(&s);
    au_byte(&s.data, 0xa0);
    au_attest(&a, "none", &s.data, &s.client, &s.attestation);
    expect(registration(&s, NULL), WEBAUTHN_MALFORMED, "a map behind the key");
    a.counter++;
    speak_assertion(&s);
    whole = s.data.n;
    for (s.data.n = 0; s.data.n < whole; s.data.n++)
        expect(assertion(&s, &c), WEBAUTHN_MALFORMED, "a cut");
    s.data.n = whole;
    au_byte(&s.data, 0);
    expect(assertion(&s, &c), WEBAUTHN_MALFORMED, "a byte more");
    au_free(&a);
}

static void id_lengths_are_bounded(void **state)
{
    static const struct { unsigned said; enum webauthn_verdict want; } cases[] = {
        {0, WEBAUTHN_MALFORMED}, {15, WEBAUTHN_MALFORMED}, {1024, WEBAUTHN_MALFORMED},
        {65535, WEBAUTHN_MALFORMED},
    };
    struct authenticator a;

    (void)state;
    au_new(&a, FIDO_EDDSA);
    EACH(cases) {
        struct spoken s = {.a = &a};
        speak_registration(&s);
        s.data.v[53] = (uint8_t)(cases[i].said >> 8);
        s.data.v[54] = (uint8_t)cases[i].said;
        au_attest(&a, "none", &s.data, &s.client, &s.attestation);
        expect(registration(&s, NULL), cases[i].want, "a length");
    }
}

#define MUTANTS 10000

static uint32_t draw(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

static void mutate(struct au_bytes *b, uint32_t *seed)
{
    size_t at = draw(seed) % b->n;

    switch (draw(seed) % 4) {
    case 0:
        b->v[at] ^= (uint8_t)(1u << draw(seed) % 8);
        return;
    case 1:
        b->v[at] = (uint8_t)draw(seed);
        return;
    case 2:
        memmove(b->v + at, b->v + at + 1, b->n - at - 1);
        b->n--;
        return;
    default:
        memmove(b->v + at + 1, b->v + at, b->n - at);
        b->v[at] = (uint8_t)draw(seed);
        b->n++;
    }
}

/* None of them signs anybody in, or is registered under a signature of its own. */
static void no_mutant_is_accepted(void **state)
{
    struct authenticator a;
    uint32_t seed = 20261122;
    unsigned done = 0;

    (void)state;
    au_new(&a, FIDO_ES256);
    struct credential c = known(&a);
    a.counter++;
    while (done < MUTANTS) {
        struct spoken s = {.a = &a}, was;
        speak_assertion(&s);
        was = s;
        struct au_bytes *parts[] = {&s.client, &s.data, &s.signature};
        mutate(parts[draw(&seed) % 3], &seed);
        if (memcmp(&s, &was, sizeof s) == 0)
            continue;
        if (assertion(&s, &c) == WEBAUTHN_HOLDS)
            fail_msg("mutant %u of seed 20261122 signs in", done);
        done++;
    }
    for (done = 0; done < MUTANTS; done++) {
        struct spoken s = {.a = &a, .format = "packed"}, was;
        struct credential made;
        speak_registration(&s);
        was = s;
        mutate(done & 1 ? &s.attestation : &s.client, &seed);
        if (memcmp(&s, &was, sizeof s) != 0 && registration(&s, &made) == WEBAUTHN_HOLDS)
            fail_msg("mutant %u of seed 20261122 is registered", done);
    }
    au_free(&a);
}

/* ---- challenges ------------------------------------------------------------------------------ */

static void a_challenge_is_good_once(void **state)
{
    static struct challenges t;
    struct asker maria = {FOR_SIGN_IN, 1, 7}, same_person = {FOR_SIGN_IN, 1, 8},
                 jo = {FOR_SIGN_IN, 2, 7}, otherwise = {FOR_REGISTRATION, 1, 7};
    uint8_t v[32], w[32];

    (void)state;
    assert_true(challenge_new(&t, &maria, 1000, v));
    assert_false(challenge_take(&t, &jo, 1000, v));
    assert_false(challenge_take(&t, &same_person, 1000, v));
    assert_false(challenge_take(&t, &otherwise, 1000, v));
    assert_true(challenge_take(&t, &maria, 1000 + CHALLENGE_LIFE_MS - 1, v));
    assert_false(challenge_take(&t, &maria, 1000, v));
    assert_true(challenge_new(&t, &maria, 1000, v));
    assert_false(challenge_take(&t, &maria, 1000 + CHALLENGE_LIFE_MS, v));
    assert_true(challenge_new(&t, &maria, 1000, v));
    for (unsigned i = 0; i < CHALLENGES_EACH; i++)
        assert_true(challenge_new(&t, &maria, 2000 + i, w));
    assert_false(challenge_take(&t, &maria, 2000, v));          /* the oldest gave way */
    challenges_drop(&t, 1);
    assert_false(challenge_take(&t, &maria, 2000, w));
}

static void the_table_is_bounded(void **state)
{
    static struct challenges t;
    uint8_t v[32];

    (void)state;
    for (uint32_t i = 0; i < CHALLENGES_MAX; i++)
        assert_true(challenge_new(&t, &(struct asker){FOR_CONSOLE, 0, i}, 1000, v));
    assert_false(challenge_new(&t, &(struct asker){FOR_CONSOLE, 0, CHALLENGES_MAX}, 1000, v));
    assert_true(challenge_new(&t, &(struct asker){FOR_CONSOLE, 0, CHALLENGES_MAX},
                              1000 + CHALLENGE_LIFE_MS, v));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_algorithms_hold),
        cmocka_unit_test(a_port_belongs_to_the_origin),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_counter_never_goes_back),
        cmocka_unit_test(another_key_is_another_person),
        cmocka_unit_test(a_key_is_a_point_of_its_curve),
        cmocka_unit_test(packed_is_by_the_key_itself),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(id_lengths_are_bounded),
        cmocka_unit_test(no_mutant_is_accepted),
        cmocka_unit_test(a_challenge_is_good_once),
        cmocka_unit_test(the_table_is_bounded),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
