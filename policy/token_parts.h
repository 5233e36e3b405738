/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The steps that token_open() is made of, shared by its files and by nobody else.
 */
#ifndef POLICY_TOKEN_PARTS_H
#define POLICY_TOKEN_PARTS_H

#include <jansson.h>

#include "policy/token.h"

/* Header bytes to alg and kid: CODE_NONE, PT104, PT105, PT106, PT201 or PT203. */
struct token_header { enum token_alg alg; char kid[KID_SIZE]; };
enum refusal_code token_header_read(const uint8_t *json, size_t len, bool accept_eddsa,
                                    struct token_header *out);

/* 1..64 of [A-Za-z0-9._-]. */
bool kid_valid(const char *s, size_t len);

/* The claims of the payload object into *out but for pst and cnf; *aud and *profile borrow from
 * payload and go on to token_open()'s own checks. PT301..PT304, PT602. */
struct claims_addressed { const char *aud, *profile; };
enum refusal_code token_claims_read(const json_t *payload, struct claims *out,
                                    struct claims_addressed *to);

/* cnf.jwk, an X25519 key (RFC 7800, RFC 8037): CODE_NONE or PT501. */
enum refusal_code token_cnf_read(const json_t *cnf, struct wg_key *out);

/* pst v1 into facts: CODE_NONE, PT301..PT304. */
enum refusal_code token_facts_read(const json_t *pst, struct facts *out);

/* One JSON value into a fact of this type: CODE_NONE, PT302 or PT303. */
enum refusal_code token_fact_read(const json_t *v, enum fact_type type, struct fact *out);

#define TIME_CLAIM_MAX 253402300799   /* 9999-12-31: no sum of times overflows */

#endif
