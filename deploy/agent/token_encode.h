/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes posture tokens: an EAT (RFC 9711) as a JWT in JWS compact form, signed with Ed25519. The
 * verifier's tests use it too; it shares no line with the verifier.
 */
#ifndef AGENT_TOKEN_ENCODE_H
#define AGENT_TOKEN_ENCODE_H

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define TOKEN_LIFE 600          /* seconds from iat to exp */
#define TOKEN_JTI_TEXT 23       /* 16 random bytes as base64url, with its NUL */

struct token_fields {
    const char *iss, *sub, *aud, *ueid, *jti;
    const char *nonce;          /* as the gateway gave it, NULL = none */
    int64_t iat, exp;
    const uint8_t *wg_public;   /* 32 bytes: the tunnel key this is about */
    json_t *pst;                /* borrowed */
    json_t *device;             /* borrowed: further claims (oemboot, swname ...), NULL = none */
};

/* The claims set, a new reference; NULL when memory is out or a text is not UTF-8. */
json_t *token_claims(const struct token_fields *f);

/* base64url(header) "." base64url(payload) "." base64url(signature), malloc'd, NULL when memory
 * is out. `secret` is libsodium's 64-byte Ed25519 secret key. */
char *token_seal(const char *kid, const json_t *claims, const uint8_t secret[64]);
/* The same over any two texts, whatever they hold. */
char *token_seal_text(const char *header, size_t header_len, const char *payload,
                      size_t payload_len, const uint8_t secret[64]);
/* "base64url(header).base64url(payload)", malloc'd: what is signed. */
char *token_signing_input(const char *header, size_t header_len, const char *payload,
                          size_t payload_len);
/* Appends "." and the base64url of a signature to a malloc'd text; frees it on failure. */
char *token_append_signature(char *input, const uint8_t *signature, size_t len);

void token_jti(char out[TOKEN_JTI_TEXT]);

#endif
