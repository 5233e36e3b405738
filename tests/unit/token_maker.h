/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A good token and the key table that accepts it, for the verifier's tests: keys from fixed seeds,
 * claims that a case may edit by path, and the agent's encoder to sign whatever comes out.
 */
#ifndef TESTS_TOKEN_MAKER_H
#define TESTS_TOKEN_MAKER_H

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "deploy/agent/token_encode.h"
#include "policy/token.h"

#define MAKER_NOW 1780000000
#define MAKER_AUD "hq-edge-1"
#define MAKER_URLSAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define MAKER_MUST(x) do { if (!(x)) { fprintf(stderr, "maker: %s\n", #x); abort(); } } while (0)

enum maker_kid { K_DEVICE, K_MDM, K_P256, K_REVOKED, K_EARLY, K_LATE, K_RETIRING, K_SHORT, K_N };

struct maker {
    struct token_key keys[K_N];
    uint8_t secret[K_N][64];     /* libsodium's secret keys; that of K_P256 is not used */
    struct token_trust trust;
    struct wg_key wg;            /* of the device that the token is about */
    uint8_t nonce[NONCE_BYTES];
};

static const struct token_key maker_keys[K_N] = {
    [K_DEVICE] = {.iss = "devices", .kid = "laptop-7", .kind = ISSUER_DEVICE, .assurance_max = 1,
                  .status = KEY_ACTIVE},
    [K_MDM] = {.iss = "mdm.example", .kid = "mdm-1", .kind = ISSUER_MDM, .assurance_max = 3,
               .status = KEY_ACTIVE},
    [K_P256] = {.iss = "edr.example", .kid = "p256-1", .alg = ALG_ES256, .kind = ISSUER_EDR,
                .assurance_max = 3, .status = KEY_ACTIVE},
    [K_REVOKED] = {.iss = "devices", .kid = "revoked-1", .kind = ISSUER_DEVICE,
                   .assurance_max = 1, .status = KEY_REVOKED},
    [K_EARLY] = {.iss = "devices", .kid = "early-1", .kind = ISSUER_DEVICE, .assurance_max = 1,
                 .status = KEY_ACTIVE, .not_before = {MAKER_NOW + 1}},
    [K_LATE] = {.iss = "devices", .kid = "late-1", .kind = ISSUER_DEVICE, .assurance_max = 1,
                .status = KEY_ACTIVE, .not_after = {MAKER_NOW}},
    [K_RETIRING] = {.iss = "devices", .kid = "retiring-1", .kind = ISSUER_DEVICE,
                    .assurance_max = 1, .status = KEY_RETIRING, .not_before = {MAKER_NOW},
                    .not_after = {MAKER_NOW + 1}},
    [K_SHORT] = {.iss = "mdm.example", .kid = "short-1", .kind = ISSUER_MDM, .assurance_max = 2,
                 .status = KEY_ACTIVE, .nonce_required = true, .life_max = {300}},
};

/* RFC 7515 appendix A.3.1: x, y and d of a P-256 key. */
#define MAKER_P256_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define MAKER_P256_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define MAKER_P256_D "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"

static inline void maker_unbase64(const char *text, uint8_t *out, size_t size)
{
    size_t n = 0;

    MAKER_MUST(sodium_base642bin(out, size, text, strlen(text), NULL, &n, NULL, MAKER_URLSAFE) ==
               0);
    MAKER_MUST(n == size);
}

static inline void maker_start(struct maker *m)
{
    uint8_t seed[32];

    MAKER_MUST(sodium_init() >= 0);
    memset(m, 0, sizeof *m);
    memcpy(m->keys, maker_keys, sizeof m->keys);
    for (int i = 0; i < K_N; i++) {
        memset(seed, 0x40 + i, sizeof seed);
        if (i == K_P256)
            continue;
        m->keys[i].alg = ALG_ED25519;
        crypto_sign_seed_keypair(m->keys[i].key, m->secret[i], seed);
    }
    maker_unbase64(MAKER_P256_X, m->keys[K_P256].key, 32);
    maker_unbase64(MAKER_P256_Y, m->keys[K_P256].key + 32, 32);
    memset(&m->wg, 0x77, sizeof m->wg);
    memset(m->nonce, 0x5a, sizeof m->nonce);
    m->trust = (struct token_trust){.keys = m->keys, .n_keys = K_N, .audience = MAKER_AUD,
                                    .clock_synced = true};
}

static inline json_t *maker_json(const char *text)
{
    json_t *v = json_loads(text, JSON_DECODE_ANY, NULL);

    MAKER_MUST(v);
    return v;
}

/* The claims of a good token of that key: a new reference. */
static inline json_t *maker_claims(const struct maker *m, enum maker_kid kid)
{
    char nonce[64];
    json_t *pst = maker_json("{\"v\":1,\"at\":1779999990,\"own\":\"corp\","
                             "\"os\":{\"family\":\"debian\",\"ver\":\"12.7\"},"
                             "\"fde\":{\"sys\":true},\"pend\":{\"crit\":0}}");
    struct token_fields f = {
        .iss = m->keys[kid].iss, .sub = "laptop-7", .aud = MAKER_AUD, .jti = "0123456789abcdef",
        .ueid = "AQIDBAUGBwgJCgsMDQ4PEBE", .nonce = nonce, .iat = MAKER_NOW,
        .exp = MAKER_NOW + 300, .wg_public = m->wg.b, .pst = pst};
    json_t *claims;

    sodium_bin2base64(nonce, sizeof nonce, m->nonce, sizeof m->nonce, MAKER_URLSAFE);
    claims = token_claims(&f);
    json_decref(pst);
    MAKER_MUST(claims);
    return claims;
}

/* Puts the value (JSON text, any value) at "a.b.c", or deletes it when text is NULL. */
static inline void maker_edit(json_t *claims, const char *path, const char *text)
{
    char part[300];
    const char *dot;

    while ((dot = strchr(path, '.')) != NULL) {
        snprintf(part, sizeof part, "%.*s", (int)(dot - path), path);
        if (!json_object_get(claims, part))
            json_object_set_new(claims, part, json_object());
        claims = json_object_get(claims, part);
        path = dot + 1;
    }
    if (text)
        MAKER_MUST(json_object_set_new(claims, path, maker_json(text)) == 0);
    else
        MAKER_MUST(json_object_del(claims, path) == 0);
}

static inline void maker_es256(const char *input, uint8_t signature[64])
{
    uint8_t xy[64], d[32];
    gnutls_datum_t x = {xy, 32}, y = {xy + 32, 32}, k = {d, 32}, der, r, s;
    gnutls_datum_t data;
    gnutls_privkey_t key;
    char *copy = strdup(input);

    data = (gnutls_datum_t){(uint8_t *)copy, (unsigned)strlen(copy)};
    maker_unbase64(MAKER_P256_X, xy, 32);
    maker_unbase64(MAKER_P256_Y, xy + 32, 32);
    maker_unbase64(MAKER_P256_D, d, 32);
    MAKER_MUST(gnutls_privkey_init(&key) == 0);
    MAKER_MUST(gnutls_privkey_import_ecc_raw(key, GNUTLS_ECC_CURVE_SECP256R1, &x, &y, &k) == 0);
    MAKER_MUST(gnutls_privkey_sign_data2(key, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der) == 0);
    MAKER_MUST(gnutls_decode_rs_value(&der, &r, &s) == 0);
    memset(signature, 0, 64);
    for (unsigned i = 0; i < 32; i++) { /* right-aligned: leading zeros come and go */
        if (i < r.size)
            signature[31 - i] = r.data[r.size - 1 - i];
        if (i < s.size)
            signature[63 - i] = s.data[s.size - 1 - i];
    }
    gnutls_free(der.data);
    gnutls_free(r.data);
    gnutls_free(s.data);
    gnutls_privkey_deinit(key);
    free(copy);
}

/* Header and payload as they stand, signed by the key's own algorithm; malloc'd. */
static inline char *maker_seal_text(const struct maker *m, enum maker_kid kid, const char *header,
                                    const char *payload, size_t payload_len)
{
    uint8_t signature[64];
    char *input;

    if (kid != K_P256)
        return token_seal_text(header, strlen(header), payload, payload_len, m->secret[kid]);
    input = token_signing_input(header, strlen(header), payload, payload_len);
    maker_es256(input, signature);
    return token_append_signature(input, signature, sizeof signature);
}

/* Takes the claims over. */
static inline char *maker_seal(const struct maker *m, enum maker_kid kid, json_t *claims)
{
    char header[128], *payload = json_dumps(claims, JSON_COMPACT), *token;

    snprintf(header, sizeof header, "{\"alg\":\"%s\",\"typ\":\"eat+jwt\",\"kid\":\"%s\"}",
             kid == K_P256 ? "ES256" : "Ed25519", m->keys[kid].kid);
    token = maker_seal_text(m, kid, header, payload, strlen(payload));
    free(payload);
    json_decref(claims);
    return token;
}

/* token_open() of a text at MAKER_NOW. */
static inline enum refusal_code maker_open(const struct maker *m, const char *token,
                                           struct claims *out)
{
    return token_open((const uint8_t *)token, strlen(token), &m->trust,
                      (struct wall){MAKER_NOW}, out);
}

/* The same for claims, which are taken over: sealed, opened, freed. */
static inline enum refusal_code maker_judge(const struct maker *m, enum maker_kid kid,
                                            json_t *claims, struct claims *out)
{
    char *token = maker_seal(m, kid, claims);
    enum refusal_code code = maker_open(m, token, out);

    free(token);
    return code;
}

#endif
