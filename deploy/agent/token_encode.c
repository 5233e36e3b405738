/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Claims to JSON, JSON to bytes, bytes to a signed token. */
#include "deploy/agent/token_encode.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define PROFILE "tag:portcullis,2026:posture-v1"
#define URLSAFE sodium_base64_VARIANT_URLSAFE_NO_PADDING
#define X25519_TEXT sodium_base64_ENCODED_LEN(32, URLSAFE)

static json_t *claims_required(const struct token_fields *f)
{
    char x[X25519_TEXT];

    sodium_bin2base64(x, sizeof x, f->wg_public, 32, URLSAFE);
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:s, s:s, s:{s:{s:s, s:s, s:s}}, s:O}",
                     "iss", f->iss, "sub", f->sub, "aud", f->aud, "iat", (json_int_t)f->iat,
                     "exp", (json_int_t)f->exp, "jti", f->jti, "eat_profile", PROFILE, "ueid",
                     f->ueid, "cnf", "jwk", "kty", "OKP", "crv", "X25519", "x", x, "pst", f->pst);
}

json_t *token_claims(const struct token_fields *f)
{
    json_t *claims = claims_required(f);

    if (!claims)
        return NULL;
    if (f->device && json_object_update_missing(claims, f->device) != 0)
        goto fail;
    if (f->nonce && json_object_set_new(claims, "eat_nonce", json_string(f->nonce)) != 0)
        goto fail;
    return claims;
fail:
    json_decref(claims);
    return NULL;
}

char *token_signing_input(const char *header, size_t header_len, const char *payload,
                          size_t payload_len)
{
    size_t h = sodium_base64_encoded_len(header_len, URLSAFE),
           p = sodium_base64_encoded_len(payload_len, URLSAFE);
    char *input = malloc(h + p); /* each counts a NUL: one becomes the dot */

    if (!input)
        return NULL;
    sodium_bin2base64(input, h, (const uint8_t *)header, header_len, URLSAFE);
    input[h - 1] = '.';
    sodium_bin2base64(input + h, p, (const uint8_t *)payload, payload_len, URLSAFE);
    return input;
}

char *token_append_signature(char *input, const uint8_t *signature, size_t len)
{
    size_t used = strlen(input), more = sodium_base64_encoded_len(len, URLSAFE);
    char *token = realloc(input, used + 1 + more);

    if (!token) {
        free(input);
        return NULL;
    }
    token[used] = '.';
    sodium_bin2base64(token + used + 1, more, signature, len, URLSAFE);
    return token;
}

char *token_seal_text(const char *header, size_t header_len, const char *payload,
                      size_t payload_len, const uint8_t secret[64])
{
    uint8_t signature[crypto_sign_BYTES];
    char *input = token_signing_input(header, header_len, payload, payload_len);

    if (!input)
        return NULL;
    crypto_sign_detached(signature, NULL, (const uint8_t *)input, strlen(input), secret);
    return token_append_signature(input, signature, sizeof signature);
}

char *token_seal(const char *kid, const json_t *claims, const uint8_t secret[64])
{
    json_t *head = json_pack("{s:s, s:s, s:s}", "alg", "Ed25519", "typ", "eat+jwt", "kid", kid);
    char *header = json_dumps(head, JSON_COMPACT), *payload = json_dumps(claims, JSON_COMPACT);
    char *token = NULL;

    if (header && payload)
        token = token_seal_text(header, strlen(header), payload, strlen(payload), secret);
    free(header);
    free(payload);
    json_decref(head);
    return token;
}

void token_jti(char out[TOKEN_JTI_TEXT])
{
    uint8_t random[16];

    randombytes_buf(random, sizeof random);
    sodium_bin2base64(out, TOKEN_JTI_TEXT, random, sizeof random, URLSAFE);
}
