/* SPDX-License-Identifier: GPL-2.0-or-later */
/* token_open() up to the signature: size, shape, base64url, header, key; and RFC vectors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "policy/jws.h"
#include "tests/unit/token_maker.h"

static struct maker m;

static void expect(const char *what, const char *token, size_t len, enum refusal_code code)
{
    struct claims c;
    enum refusal_code got =
        token_open((const uint8_t *)token, len, &m.trust, (struct wall){MAKER_NOW}, &c);

    if (got != code)
        fail_msg("%s: %s instead of %s", what, code_id(got), code_id(code));
}

static void expect_text(const char *what, char *token, enum refusal_code code)
{
    expect(what, token, strlen(token), code);
    free(token);
}

static char *good(enum maker_kid kid) { return maker_seal(&m, kid, maker_claims(&m, kid)); }

static void good_tokens_are_accepted(void **state)
{
    static const struct { const char *what; enum maker_kid kid; } cases[] = {
        {"device key", K_DEVICE}, {"mdm key", K_MDM}, {"P-256 key", K_P256},
        {"retiring key in its last second", K_RETIRING}, {"key for short tokens", K_SHORT},
    };
    struct claims c;

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_text(cases[i].what, good(cases[i].kid), CODE_NONE);

    char *token = good(K_DEVICE);
    uint8_t sha[32];

    assert_int_equal(maker_open(&m, token, &c), CODE_NONE);
    assert_string_equal(c.iss, "devices");
    assert_string_equal(c.sub, "laptop-7");
    assert_string_equal(c.jti, "0123456789abcdef");
    assert_string_equal(c.key.kid, "laptop-7");
    assert_memory_equal(c.cnf.b, m.wg.b, 32);
    assert_true(c.has_nonce);
    assert_memory_equal(c.nonce, m.nonce, NONCE_BYTES);
    assert_int_equal(c.exp.s - c.iat.s, 300);
    crypto_hash_sha256(sha, (const uint8_t *)token, strlen(token));
    assert_memory_equal(c.sha256, sha, 32);
    free(token);
}

static void shapes(void **state)
{
    static const struct { const char *what, *token; enum refusal_code code; } cases[] = {
        {"nothing", "", PT102},
        {"no dot", "abcd", PT102},
        {"one dot", "abcd.abcd", PT102},
        {"three dots", "abcd.abcd.abcd.abcd", PT102},
        {"JWE, five parts", "a.b.c.d.e", PT102},
        {"empty header", ".abcd.abcd", PT102},
        {"empty payload", "abcd..abcd", PT102},
        {"empty signature", "abcd.abcd.", PT102},
        {"padding", "YWI=.abcd.abcd", PT103},
        {"standard alphabet +", "ab+d.abcd.abcd", PT103},
        {"standard alphabet /", "abcd.ab/d.abcd", PT103},
        {"space in the payload", "abcd.ab d.abcd", PT103},
        {"newline at the end", "abcd.abcd.abcd\n", PT103},
        {"one character over", "abcda.abcd.abcd", PT103},
        {"unused bits set", "YWJ.abcd.abcd", PT103},
        {"dirty signature", "abcd.abcd.ab*d", PT103},
        {"_ with the eighth bit, which libsodium 1.0.18 reads as _", "abcd.abcd.abc\xdf", PT103},
        {"- with the eighth bit", "abcd.abcd.abc\xad", PT103},
        {"JSON serialisation", "{\"payload\":\"abcd\",\"signature\":\"abcd\"}", PT102},
        {"header that is no JSON", "abcd.abcd.abcd", PT104},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect(cases[i].what, cases[i].token, strlen(cases[i].token), cases[i].code);
    expect("NUL within", "abcd.ab\0d.abcd", 14, PT103);
}

static void sizes(void **state)
{
    char *big = malloc(TOKEN_SIZE_MAX + 2), header[600];

    (void)state;
    memset(big, 'A', TOKEN_SIZE_MAX + 2);
    big[4] = big[9] = '.';
    expect("as long as may be", big, TOKEN_SIZE_MAX, PT104);
    expect("one byte longer", big, TOKEN_SIZE_MAX + 1, PT101);
    free(big);

    int used = snprintf(header, sizeof header, "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\","
                                               "\"kid\":\"laptop-7\"");
    memset(header + used, ' ', sizeof header - (size_t)used);
    header[511] = '}';
    header[512] = '\0';
    expect_text("header of 512 bytes", maker_seal_text(&m, K_DEVICE, header, "x", 1), PT107);
    header[511] = ' ';
    header[512] = '}';
    header[513] = '\0';
    expect_text("header of 513 bytes", maker_seal_text(&m, K_DEVICE, header, "x", 1), PT101);
}

#define GOOD_KID ",\"kid\":\"laptop-7\"}"
#define HEAD "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"laptop-7\""
static void headers(void **state)
{
    static const struct { const char *what, *header; enum refusal_code code; } cases[] = {
        {"array", "[1]", PT104},
        {"string", "\"x\"", PT104},
        {"cut", "{\"alg\":\"Ed25519\"", PT104},
        {"something behind", HEAD "} x", PT104},
        {"duplicate alg", "{\"alg\":\"Ed25519\",\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\"" GOOD_KID,
         PT104},
        {"NUL in kid", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"laptop-7\\u0000\"}",
         PT104},
        {"not UTF-8", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"\xff\"}", PT104},
        {"nothing", "{}", PT105},
        {"no kid", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\"}", PT105},
        {"no typ", "{\"alg\":\"Ed25519\"" GOOD_KID, PT105},
        {"no alg", "{\"typ\":\"eat+jwt\"" GOOD_KID, PT105},
        {"another name for kid", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"Kid\":\"x\"}", PT105},
        {"alg a number", "{\"alg\":1,\"typ\":\"eat+jwt\"" GOOD_KID, PT105},
        {"kid null", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":null}", PT105},
        {"jwk", HEAD ",\"jwk\":{}}", PT105},
        {"jku", HEAD ",\"jku\":\"https://example.net\"}", PT105},
        {"x5c", HEAD ",\"x5c\":[]}", PT105},
        {"x5u", HEAD ",\"x5u\":\"x\"}", PT105},
        {"crit", HEAD ",\"crit\":[]}", PT105},
        {"b64", HEAD ",\"b64\":false}", PT105},
        {"zip", HEAD ",\"zip\":\"DEF\"}", PT105},
        {"cty", HEAD ",\"cty\":\"JWT\"}", PT105},
        {"typ JWT", "{\"alg\":\"Ed25519\",\"typ\":\"JWT\"" GOOD_KID, PT106},
        {"typ in capitals", "{\"alg\":\"Ed25519\",\"typ\":\"EAT+JWT\"" GOOD_KID, PT106},
        {"alg none", "{\"alg\":\"none\",\"typ\":\"eat+jwt\"" GOOD_KID, PT201},
        {"alg NoNe", "{\"alg\":\"NoNe\",\"typ\":\"eat+jwt\"" GOOD_KID, PT201},
        {"alg empty", "{\"alg\":\"\",\"typ\":\"eat+jwt\"" GOOD_KID, PT201},
        {"alg HS256", "{\"alg\":\"HS256\",\"typ\":\"eat+jwt\"" GOOD_KID, PT201},
        {"alg RS256", "{\"alg\":\"RS256\",\"typ\":\"eat+jwt\"" GOOD_KID, PT201},
        {"alg ES384", "{\"alg\":\"ES384\",\"typ\":\"eat+jwt\"" GOOD_KID, PT201},
        {"alg Ed448", "{\"alg\":\"Ed448\",\"typ\":\"eat+jwt\"" GOOD_KID, PT201},
        {"alg EdDSA unless allowed", "{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\"" GOOD_KID, PT201},
        {"kid empty", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"\"}", PT203},
        {"kid a path", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"../key\"}", PT203},
        {"kid with a quote", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"a'b\"}", PT203},
        {"kid of 65", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"aaaaaaaaaaaaaaaaaaaaaaaa"
                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", PT203},
        {"kid of 64", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"aaaaaaaaaaaaaaaaaaaaaaaa"
                      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}", PT204},
        {"kid unknown", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"laptop-8\"}", PT204},
        {"kid revoked", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"revoked-1\"}", PT205},
        {"kid a second early", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"early-1\"}",
         PT206},
        {"kid at its end", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"late-1\"}", PT206},
        {"ES256 for an Ed25519 key", "{\"alg\":\"ES256\",\"typ\":\"eat+jwt\"" GOOD_KID, PT207},
        {"Ed25519 for a P-256 key", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"p256-1\"}",
         PT207},
        {"another's kid", "{\"alg\":\"Ed25519\",\"typ\":\"eat+jwt\",\"kid\":\"mdm-1\"}", PT208},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        expect_text(cases[i].what,
                    maker_seal_text(&m, K_DEVICE, cases[i].header, "{}", 2), cases[i].code);
}

static void eddsa_is_a_matter_of_policy(void **state)
{
    json_t *claims = maker_claims(&m, K_DEVICE);
    char *payload = json_dumps(claims, 0);
    const char *header = "{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\",\"kid\":\"laptop-7\"}";

    (void)state;
    expect_text("EdDSA refused", maker_seal_text(&m, K_DEVICE, header, payload, strlen(payload)),
                PT201);
    m.trust.accept_eddsa = true;
    expect_text("EdDSA accepted", maker_seal_text(&m, K_DEVICE, header, payload, strlen(payload)),
                CODE_NONE);
    expect_text("EdDSA with a P-256 key",
                maker_seal_text(&m, K_DEVICE,
                                "{\"alg\":\"EdDSA\",\"typ\":\"eat+jwt\",\"kid\":\"p256-1\"}", "{}",
                                2),
                PT207);
    m.trust.accept_eddsa = false;
    free(payload);
    json_decref(claims);
}

/* Replaces the signature part by the base64url of these bytes. */
static char *with_signature(enum maker_kid kid, const uint8_t *sig, size_t len)
{
    char *token = good(kid);

    *strrchr(token, '.') = '\0';
    return token_append_signature(token, sig, len);
}

/* s of an Ed25519 signature plus the group order L: the same point, another text. */
static void add_order(uint8_t s[32])
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      [31] = 0x10};
    unsigned carry = 0;

    for (int i = 0; i < 32; i++) {
        carry += (unsigned)s[i] + order[i];
        s[i] = (uint8_t)carry;
        carry >>= 8;
    }
}

static void signatures(void **state)
{
    uint8_t zero[65] = {0}, sig[64];
    char *token = good(K_DEVICE);

    (void)state;
    maker_unbase64(strrchr(token, '.') + 1, sig, 64);
    free(token);
    expect_text("63 bytes", with_signature(K_DEVICE, sig, 63), PT208);
    expect_text("65 bytes", with_signature(K_DEVICE, zero, 65), PT208);
    expect_text("zeros", with_signature(K_DEVICE, zero, 64), PT208);
    expect_text("64 bytes, right", with_signature(K_DEVICE, sig, 64), CODE_NONE);
    add_order(sig + 32);
    expect_text("S + L", with_signature(K_DEVICE, sig, 64), PT208);
    memset(zero, 0, sizeof zero);
    zero[0] = 1; /* R the identity, S zero */
    expect_text("identity point", with_signature(K_DEVICE, zero, 64), PT208);
    memset(zero, 0, sizeof zero);
    expect_text("ES256 r = s = 0", with_signature(K_P256, zero, 64), PT208);
    expect_text("ES256 of 63 bytes", with_signature(K_P256, sig, 63), PT208);
    expect_text("another key's", maker_seal_text(&m, K_MDM, HEAD "}", "{}", 2), PT208);
}

/* ES256 must be r || s: the DER form of the same signature is not it. */
static void es256_in_der_is_refused(void **state)
{
    uint8_t raw[64], bytes[80];
    gnutls_datum_t r = {raw, 32}, s = {raw + 32, 32}, der;
    char *token = good(K_P256);

    (void)state;
    maker_unbase64(strrchr(token, '.') + 1, raw, 64);
    free(token);
    assert_int_equal(gnutls_encode_rs_value(&der, &r, &s), 0);
    memcpy(bytes, der.data, der.size);
    expect_text("DER", with_signature(K_P256, bytes, der.size), PT208);
    gnutls_free(der.data);
}

/* Broken JSON is found only by somebody who looks; nobody looks before the signature holds. */
static void payload_is_not_parsed_before_the_signature(void **state)
{
    static const char *const broken[] = {"{", "[[[[[[[[[[[[[[", "{\"a\":1,\"a\":1}", "nothing", "\xff"};

    (void)state;
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        char *token = maker_seal_text(&m, K_DEVICE, HEAD "}", broken[i], strlen(broken[i]));
        char *end = strrchr(token, '.') + 1;

        expect(broken[i], token, strlen(token), PT107);
        *end = *end == 'A' ? 'B' : 'A';
        expect(broken[i], token, strlen(token), PT208);
        free(token);
    }
}

static void refusals_keep_what_was_read(void **state)
{
    json_t *claims = maker_claims(&m, K_DEVICE);
    struct claims c;

    (void)state;
    maker_edit(claims, "role", "\"it\"");
    assert_int_equal(maker_judge(&m, K_DEVICE, claims, &c), PT304);
    assert_string_equal(c.sub, "laptop-7");
    assert_string_equal(c.jti, "0123456789abcdef");
    assert_string_equal(c.key.kid, "laptop-7");
}

static void unsynchronised_clock(void **state)
{
    char *token;

    (void)state;
    m.trust.clock_synced = false;
    expect_text("good token", good(K_DEVICE), PT901);
    expect_text("key that may be out of time", good(K_EARLY), PT901);
    token = good(K_DEVICE);
    token[strlen(token) - 10] ^= 1;
    expect_text("forged token is still named", token, PT208);
    m.trust.clock_synced = true;
}

static void sorted_table_finds_the_same(void **state)
{
    struct maker n = m;
    struct claims c;

    (void)state;
    n.trust.keys = n.keys;
    token_keys_sort(n.keys, K_N);
    n.trust.sorted = true;
    for (int i = 0; i < K_N; i++) {
        const struct token_key *k = token_key_find(&n.trust, m.keys[i].kid);

        assert_non_null(k);
        assert_string_equal(k->kid, m.keys[i].kid);
    }
    assert_null(token_key_find(&n.trust, "laptop-8"));
    assert_null(token_key_find(&n.trust, "a"));
    assert_null(token_key_find(&n.trust, "zz"));

    char *token = good(K_MDM);

    assert_int_equal(maker_open(&n, token, &c), CODE_NONE);
    n.trust.n_keys = 0;
    assert_int_equal(maker_open(&n, token, &c), PT204);
    free(token);
}

/* RFC 8037 appendix A.1 and A.4: the key, the signing input and the signature. */
static void rfc8037_appendix_a(void **state)
{
    static const char jws[] =
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc."
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg";
    uint8_t seed[32], secret[64], public[64] = {0}, x[32];
    struct jws j;

    (void)state;
    maker_unbase64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", seed, 32);
    maker_unbase64("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo", x, 32);
    crypto_sign_seed_keypair(public, secret, seed);
    assert_memory_equal(public, x, 32);
    assert_int_equal(jws_split((const uint8_t *)jws, strlen(jws), &j), CODE_NONE);
    assert_int_equal(j.payload_len, 26);
    assert_memory_equal(j.payload, "Example of Ed25519 signing", 26);
    assert_true(jws_signature_holds(&j, ALG_ED25519, public));
    j.signature[5] ^= 1;
    assert_false(jws_signature_holds(&j, ALG_ED25519, public));

    char *made = token_seal_text("{\"alg\":\"EdDSA\"}", 15, "Example of Ed25519 signing", 26,
                                 secret);
    assert_string_equal(made, jws);
    free(made);
}

/* RFC 7515 appendix A.3: ES256. */
static void rfc7515_appendix_a3(void **state)
{
    static const char jws[] =
        "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFt"
        "cGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5d"
        "jxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    struct jws j;

    (void)state;
    assert_int_equal(jws_split((const uint8_t *)jws, strlen(jws), &j), CODE_NONE);
    assert_true(jws_signature_holds(&j, ALG_ES256, m.keys[K_P256].key));
    assert_false(jws_signature_holds(&j, ALG_ED25519, m.keys[K_P256].key));
    assert_false(jws_signature_holds(&j, ALG_NONE, m.keys[K_P256].key));
    j.signature[40] ^= 1;
    assert_false(jws_signature_holds(&j, ALG_ES256, m.keys[K_P256].key));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_tokens_are_accepted),
        cmocka_unit_test(shapes),
        cmocka_unit_test(sizes),
        cmocka_unit_test(headers),
        cmocka_unit_test(eddsa_is_a_matter_of_policy),
        cmocka_unit_test(signatures),
        cmocka_unit_test(es256_in_der_is_refused),
        cmocka_unit_test(payload_is_not_parsed_before_the_signature),
        cmocka_unit_test(refusals_keep_what_was_read),
        cmocka_unit_test(unsynchronised_clock),
        cmocka_unit_test(sorted_table_finds_the_same),
        cmocka_unit_test(rfc8037_appendix_a),
        cmocka_unit_test(rfc7515_appendix_a3),
    };

    maker_start(&m);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
