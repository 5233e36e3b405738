/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * JWS compact form (RFC 7515 section 7.1) as bytes: cut into its parts, and is the signature
 * right? Nothing here reads JSON.
 */
#ifndef POLICY_JWS_H
#define POLICY_JWS_H

#include "policy/token.h"

#define JWS_PAYLOAD_MAX (TOKEN_SIZE_MAX * 3 / 4)
#define JWS_SIGNATURE 64        /* both algorithms: RFC 8037 section 3.1, RFC 7518 section 3.4 */

struct jws {
    const uint8_t *input;       /* what was signed: "header.payload" within the caller's bytes */
    size_t input_len;
    uint8_t header[TOKEN_HEADER_MAX];    size_t header_len;
    uint8_t payload[JWS_PAYLOAD_MAX];    size_t payload_len;
    uint8_t signature[JWS_SIGNATURE];    size_t signature_len;   /* 0 when it was longer */
};

/* Size, shape and base64url: CODE_NONE, PT101, PT102 or PT103. out->input points into token. */
enum refusal_code jws_split(const uint8_t *token, size_t len, struct jws *out);

/* Does the signature of j hold under this algorithm and key (as in struct token_key)? False for
 * a signature that is not 64 bytes, and for any fault of the library asked. */
bool jws_signature_holds(const struct jws *j, enum token_alg alg, const uint8_t key[64]);

/* A P-256 point x || y that lies on the curve. */
bool jws_es256_key_valid(const uint8_t key[64]);

#endif
