/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What may enter the key table, and in which order it is searched. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "policy/json_bounds.h"
#include "policy/jws.h"
#include "policy/token_parts.h"

/* A point that is not canonical, not on the curve, of small order or outside the main subgroup
 * would let somebody sign without the secret. */
static bool key_point_valid(const struct token_key *k)
{
    switch (k->alg) {
    case ALG_ED25519:
        return crypto_core_ed25519_is_valid_point(k->key) == 1;
    case ALG_ES256:
        return jws_es256_key_valid(k->key);
    case ALG_NONE:
        break;
    }
    return false;
}

static bool key_iss_valid(const struct token_key *k)
{
    size_t len = strnlen(k->iss, sizeof k->iss);

    return len > 0 && len < sizeof k->iss && text_printable(k->iss, len);
}

static bool key_times_valid(const struct token_key *k)
{
    return k->not_before.s >= 0 && (k->not_after.s == 0 || k->not_after.s > k->not_before.s);
}

static const char *key_fault(const struct token_key *k)
{
    if (!key_iss_valid(k))
        return "the issuer is empty, too long or not printable";
    if (!kid_valid(k->kid, strnlen(k->kid, sizeof k->kid)))
        return "the key name is not 1 to 64 of A-Z a-z 0-9 . _ -";
    if (k->alg != ALG_ED25519 && k->alg != ALG_ES256)
        return "the algorithm is neither Ed25519 nor ES256";
    if (!key_point_valid(k))
        return "the key is not a valid point of its curve";
    if (k->kind != ISSUER_DEVICE && k->kind != ISSUER_MDM && k->kind != ISSUER_EDR)
        return "the kind is neither device, mdm nor edr";
    if (k->assurance_max < 1 || k->assurance_max > 4)
        return "the assurance ceiling is not PA1 to PA4";
    if (k->status != KEY_ACTIVE && k->status != KEY_RETIRING && k->status != KEY_REVOKED)
        return "the status is neither active, retiring nor revoked";
    if (!key_times_valid(k))
        return "the key ends before it begins";
    if (k->life_max.s < 0 || k->life_max.s > TOKEN_LIFE_MAX)
        return "the longest life of a token is not 0 to 900 seconds";
    return NULL;
}

bool token_key_valid(const struct token_key *k, const char **why)
{
    *why = key_fault(k);
    return *why == NULL;
}

static int key_cmp(const void *a, const void *b)
{
    const struct token_key *x = a, *y = b;

    return strcmp(x->kid, y->kid);
}

void token_keys_sort(struct token_key *keys, size_t n)
{
    if (n > 0)
        qsort(keys, n, sizeof *keys, key_cmp);
}

const struct token_key *token_key_find(const struct token_trust *trust, const char *kid)
{
    struct token_key wanted;

    if (trust->n_keys == 0)
        return NULL;
    if (!trust->sorted) {
        for (size_t i = 0; i < trust->n_keys; i++)
            if (strcmp(trust->keys[i].kid, kid) == 0)
                return &trust->keys[i];
        return NULL;
    }
    memcpy(wanted.kid, kid, strlen(kid) + 1);
    return bsearch(&wanted, trust->keys, trust->n_keys, sizeof wanted, key_cmp);
}
