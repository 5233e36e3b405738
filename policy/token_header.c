/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The protected header: exactly alg, typ and kid. Everything by which a token could choose its
 * own key or its own processing (jwk, jku, x5c, crit, b64, zip ...) is a member too many.
 */
#include <string.h>

#include "policy/token_parts.h"

#define TYP "eat+jwt"

static bool is_kid_char(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '.' || c == '_' || c == '-';
}

bool kid_valid(const char *s, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!is_kid_char(s[i]))
            return false;
    return len >= 1 && len < KID_SIZE;
}

static enum token_alg alg_parse(const char *alg, bool accept_eddsa)
{
    if (strcmp(alg, "Ed25519") == 0 || (accept_eddsa && strcmp(alg, "EdDSA") == 0))
        return ALG_ED25519;
    return strcmp(alg, "ES256") == 0 ? ALG_ES256 : ALG_NONE;
}

static enum refusal_code header_members(const json_t *header, bool accept_eddsa,
                                        struct token_header *out)
{
    const json_t *alg = json_object_get(header, "alg"), *typ = json_object_get(header, "typ"),
                 *kid = json_object_get(header, "kid");

    if (json_object_size(header) != 3 || !json_is_string(alg) || !json_is_string(typ) ||
        !json_is_string(kid))
        return PT105;
    if (strcmp(json_string_value(typ), TYP) != 0)
        return PT106;
    out->alg = alg_parse(json_string_value(alg), accept_eddsa);
    if (out->alg == ALG_NONE)
        return PT201;
    if (!kid_valid(json_string_value(kid), json_string_length(kid)))
        return PT203;
    memcpy(out->kid, json_string_value(kid), json_string_length(kid) + 1);
    return CODE_NONE;
}

enum refusal_code token_header_read(const uint8_t *json, size_t len, bool accept_eddsa,
                                    struct token_header *out)
{
    json_t *header = json_loadb((const char *)json, len, JSON_REJECT_DUPLICATES, NULL);
    enum refusal_code code = PT104;

    if (json_is_object(header))
        code = header_members(header, accept_eddsa, out);
    json_decref(header);
    return code;
}
