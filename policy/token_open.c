/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * token_open(): posture.md's order of checks as far as bytes, keys and the time decide.
 * The payload is opaque bytes until the signature over it holds.
 */
#include <gnutls/crypto.h>
#include <string.h>

#include "policy/json_bounds.h"
#include "policy/jws.h"
#include "policy/token_parts.h"

/* With a clock that is not set nothing can be said of a key's time; PT901 follows anyhow. */
static bool key_in_time(const struct token_key *k, const struct token_trust *trust,
                        struct wall now)
{
    if (!trust->clock_synced)
        return true;
    return now.s >= k->not_before.s && (k->not_after.s == 0 || now.s < k->not_after.s);
}

static enum refusal_code choose_key(const struct token_header *h, const struct token_trust *trust,
                                    struct wall now, const struct token_key **out)
{
    const struct token_key *k = token_key_find(trust, h->kid);

    if (!k)
        return PT204;
    if (k->status != KEY_ACTIVE && k->status != KEY_RETIRING)
        return PT205;
    if (!key_in_time(k, trust, now))
        return PT206;
    if (k->alg != h->alg)
        return PT207;
    *out = k;
    return CODE_NONE;
}

/* Everything up to and with the signature. */
static enum refusal_code open_signed(const uint8_t *token, size_t len,
                                     const struct token_trust *trust, struct wall now,
                                     struct jws *j, const struct token_key **key)
{
    struct token_header h;
    enum refusal_code code = jws_split(token, len, j);

    if (code == CODE_NONE)
        code = token_header_read(j->header, j->header_len, trust->accept_eddsa, &h);
    if (code == CODE_NONE)
        code = choose_key(&h, trust, now, key);
    if (code != CODE_NONE)
        return code;
    return jws_signature_holds(j, (*key)->alg, (*key)->key) ? CODE_NONE : PT208;
}

static enum refusal_code check_addressed(const struct claims *c, const struct claims_addressed *to,
                                         const struct token_trust *trust)
{
    if (strcmp(c->iss, c->key.iss) != 0)
        return PT202;
    if (strcmp(to->profile, TOKEN_PROFILE) != 0)
        return PT305;
    return strcmp(to->aud, trust->audience) != 0 ? PT306 : CODE_NONE;
}

static int64_t life_max(const struct token_key *k)
{
    return k->life_max.s > 0 && k->life_max.s < TOKEN_LIFE_MAX ? k->life_max.s : TOKEN_LIFE_MAX;
}

static enum refusal_code check_times(const struct claims *c, bool clock_synced, struct wall now)
{
    if (!clock_synced)
        return PT901;
    if (c->exp.s <= c->iat.s)
        return PT303;
    if (c->exp.s - c->iat.s > life_max(&c->key))
        return PT307;
    if (c->iat.s > now.s + TOKEN_SKEW)
        return PT308;
    if (c->nbf.s > now.s)
        return PT309;
    if (now.s >= c->exp.s)
        return PT310;
    return c->facts.at.s > now.s + TOKEN_SKEW ? PT308 : CODE_NONE;
}

static enum refusal_code open_payload(const json_t *payload, const struct token_trust *trust,
                                      struct wall now, struct claims *out)
{
    struct claims_addressed to = {NULL, NULL};
    enum refusal_code code = token_claims_read(payload, out, &to);

    if (code == CODE_NONE)
        code = token_facts_read(json_object_get(payload, "pst"), &out->facts);
    if (code == CODE_NONE)
        code = check_addressed(out, &to, trust);
    if (code == CODE_NONE)
        code = check_times(out, trust->clock_synced, now);
    if (code == CODE_NONE)
        code = token_cnf_read(json_object_get(payload, "cnf"), &out->cnf);
    return code;
}

/* NULL when it is no JSON object, or more of it than a token needs. */
static json_t *parse_payload(const struct jws *j)
{
    json_t *payload;

    if (!json_bounded(j->payload, j->payload_len))
        return NULL;
    payload = json_loadb((const char *)j->payload, j->payload_len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(payload))
        return payload;
    json_decref(payload);
    return NULL;
}

enum refusal_code token_open(const uint8_t *token, size_t len, const struct token_trust *trust,
                             struct wall now, struct claims *out)
{
    const struct token_key *key = NULL;
    struct jws j;
    enum refusal_code code;
    json_t *payload;

    memset(out, 0, sizeof *out);
    if (gnutls_hash_fast(GNUTLS_DIG_SHA256, token, len, out->sha256) != 0)
        return PT904;
    code = open_signed(token, len, trust, now, &j, &key);
    if (code != CODE_NONE)
        return code;
    out->key = *key;
    payload = parse_payload(&j);
    if (!payload)
        return PT107;
    code = open_payload(payload, trust, now, out);
    json_decref(payload);
    return code;
}
