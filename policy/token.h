/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The posture token verifier: an EAT (RFC 9711) as a JWT (RFC 7519, RFC 8725) in JWS compact
 * form (RFC 7515), Ed25519 (RFC 8032, RFC 8037, RFC 9864) or ES256.
 *
 * Two pure steps, in posture.md's order of checks. token_open() needs only bytes, keys and the
 * time: size, shape, base64url, header, key, SIGNATURE, then payload JSON, claims, profile,
 * audience, times. token_bind() needs what the caller looked up for the claims: peer, device,
 * user, nonce, replay state. Nothing is consumed here: the caller commits nonce and jti in the
 * same transaction as the lease. Both return 0 = CODE_NONE only when every check held.
 *
 * Library state: the program calls sodium_init() before the first call (libsodium then picks its
 * code for the CPU) and json_object_seed() if it wants to choose jansson's hash seed; GnuTLS sets
 * itself up when it is loaded. Nothing here keeps state of its own.
 */
#ifndef POLICY_TOKEN_H
#define POLICY_TOKEN_H

#include "policy/codes.h"
#include "policy/facts.h"
#include "policy/model.h"

#define TOKEN_SIZE_MAX 8192
#define TOKEN_HEADER_MAX 512
#define TOKEN_LIFE_MAX 900          /* exp - iat, seconds */
#define TOKEN_SKEW 60               /* iat may be this far ahead */
#define KID_SIZE 65                 /* 1..64 of [A-Za-z0-9._-] and a NUL */
#define JTI_SIZE 65                 /* 16..64 and a NUL */
#define CLAIM_TEXT 257              /* any other string claim with its NUL */
#define NONCE_BYTES 32
#define TOKEN_PROFILE "tag:portcullis,2026:posture-v1"

enum token_alg { ALG_NONE = 0, ALG_ED25519, ALG_ES256 };
enum issuer_kind { ISSUER_NONE = 0, ISSUER_DEVICE, ISSUER_MDM, ISSUER_EDR };
enum key_status { KEY_REVOKED = 0, KEY_ACTIVE, KEY_RETIRING };

struct token_key {
    char iss[CLAIM_TEXT];
    char kid[KID_SIZE];
    enum token_alg alg;
    uint8_t key[64];                /* Ed25519: 32 bytes; ES256: x || y */
    enum issuer_kind kind;
    uint8_t assurance_max;          /* ceiling PA1..PA4 */
    struct wall not_before, not_after;   /* not_after 0 = no end */
    enum key_status status;
    bool nonce_required;
    struct span life_max;           /* 0 = TOKEN_LIFE_MAX */
};

/* True when the key may enter the table: a valid point, not of small order; names well formed;
 * ceiling 1..4. Otherwise *why says what is wrong in a few words. */
bool token_key_valid(const struct token_key *k, const char **why);

struct token_trust {
    const struct token_key *keys;  size_t n_keys;   /* kid unique */
    bool sorted;                                    /* by token_keys_sort(): found by halving */
    const char *audience;                           /* this gateway's id */
    bool accept_eddsa;
    bool clock_synced;                              /* false: PT901 */
};

/* Puts keys in the order of their kid, for a table of thousands (set trust.sorted after it). */
void token_keys_sort(struct token_key *keys, size_t n);
/* The key of that name, or NULL. Borrowed from trust. */
const struct token_key *token_key_find(const struct token_trust *trust, const char *kid);

struct claims {
    char iss[CLAIM_TEXT], sub[CLAIM_TEXT], jti[JTI_SIZE], ueid[CLAIM_TEXT];
    struct wall iat, exp, nbf;      /* nbf 0 = absent */
    struct wg_key cnf;
    bool has_nonce;
    uint8_t nonce[NONCE_BYTES];
    bool has_tpm;                   /* submods.tpm present (not evaluated yet: no PA4) */
    struct facts facts;
    struct token_key key;           /* a copy of the key that signed it */
    uint8_t sha256[32];             /* of the compact form */
};

/* *out is complete only when CODE_NONE is returned; on a refusal after the signature held,
 * out->key, out->sub and out->jti are filled as far as they were read, for the record. */
enum refusal_code token_open(const uint8_t *token, size_t len, const struct token_trust *trust,
                             struct wall now, struct claims *out);

enum nonce_state { NONCE_UNKNOWN = 0, NONCE_VALID, NONCE_OTHER_PEER };
enum device_state { DEVICE_UNKNOWN = 0, DEVICE_ACTIVE, DEVICE_RETIRED };

struct token_binding {
    struct wg_key peer;             /* the key of the peer that delivered it */
    enum device_state device;       /* by claims.sub */
    struct wg_key device_key;
    const char *device_owner;       /* "corp" or "byod", as enrolled; "" = not recorded */
    const char *device_ueid;        /* "" = not fixed yet */
    const char *device_iss;         /* the issuer whose device keys may speak for it; "" = any */
    bool user_enabled;
    enum nonce_state nonce;         /* of claims.nonce */
    bool jti_seen;
    bool replay_cache_full;
    struct wall last_iat;           /* newest iat accepted from this device; 0 = none */
};
/* A token without nonce must have been issued later than the last; one with a nonce, not before. */
enum refusal_code token_bind(const struct claims *c, const struct token_binding *b);

/* PA1..PA4 as computed by the gateway: the key kind capped by the issuer's ceiling. */
uint8_t token_assurance(const struct claims *c);

#endif
