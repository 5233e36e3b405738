/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The claims of a posture token, one reader each (RFC 7519 section 4, RFC 9711 section 4). A
 * claim that is not in this table is refused; above all there is none that names a role.
 */
#include <string.h>

#include "policy/base64url.h"
#include "policy/json_bounds.h"
#include "policy/token_parts.h"

#define UEID_MIN 7      /* RFC 9711 section 4.2.1: 7 to 33 bytes */
#define UEID_MAX 33
#define HWMODEL_MAX 32  /* section 4.2.4 */
#define JTI_MIN 16

struct reading { struct claims *c; struct claims_addressed *to; };

static enum refusal_code read_text(const json_t *v, char *out, size_t size)
{
    if (!json_is_string(v))
        return PT302;

    size_t len = json_string_length(v);

    if (len == 0 || len >= size || !text_printable(json_string_value(v), len))
        return PT303;
    memcpy(out, json_string_value(v), len + 1);
    return CODE_NONE;
}

static enum refusal_code read_time(const json_t *v, struct wall *out)
{
    if (!json_is_integer(v))
        return PT302;
    out->s = json_integer_value(v);
    return out->s < 1 || out->s > TIME_CLAIM_MAX ? PT303 : CODE_NONE;
}

/* A base64url text of min..max bytes. */
static enum refusal_code read_bytes(const json_t *v, size_t min, size_t max, uint8_t *out)
{
    size_t n = 0;

    if (!json_is_string(v))
        return PT302;
    if (!base64url_decode(json_string_value(v), json_string_length(v), out, max, &n) || n < min)
        return PT303;
    return CODE_NONE;
}

static enum refusal_code read_iss(const json_t *v, struct reading *r)
{
    return read_text(v, r->c->iss, sizeof r->c->iss);
}

static enum refusal_code read_sub(const json_t *v, struct reading *r)
{
    return read_text(v, r->c->sub, sizeof r->c->sub);
}

static enum refusal_code read_iat(const json_t *v, struct reading *r)
{
    return read_time(v, &r->c->iat);
}

static enum refusal_code read_exp(const json_t *v, struct reading *r)
{
    return read_time(v, &r->c->exp);
}

static enum refusal_code read_nbf(const json_t *v, struct reading *r)
{
    return read_time(v, &r->c->nbf);
}

static enum refusal_code read_aud(const json_t *v, struct reading *r)
{
    r->to->aud = json_string_value(v);
    return r->to->aud ? CODE_NONE : PT302;
}

static enum refusal_code read_profile(const json_t *v, struct reading *r)
{
    r->to->profile = json_string_value(v);
    return r->to->profile ? CODE_NONE : PT302;
}

static enum refusal_code read_jti(const json_t *v, struct reading *r)
{
    if (!json_is_string(v))
        return PT302;

    size_t len = json_string_length(v);

    if (len < JTI_MIN || !kid_valid(json_string_value(v), len))
        return PT303;
    memcpy(r->c->jti, json_string_value(v), len + 1);
    return CODE_NONE;
}

static enum refusal_code read_ueid(const json_t *v, struct reading *r)
{
    uint8_t bytes[UEID_MAX];
    enum refusal_code code = read_bytes(v, UEID_MIN, sizeof bytes, bytes);

    return code != CODE_NONE ? code : read_text(v, r->c->ueid, sizeof r->c->ueid);
}

static enum refusal_code read_nonce(const json_t *v, struct reading *r)
{
    enum refusal_code code = read_bytes(v, NONCE_BYTES, NONCE_BYTES, r->c->nonce);

    r->c->has_nonce = code == CODE_NONE;
    return code;
}

static enum refusal_code read_oemboot(const json_t *v, struct reading *r)
{
    return token_fact_read(v, FACT_BOOL, &r->c->facts.v[FACT_OEMBOOT]);
}

/* RFC 9711 section 4.2.9: in JSON a word, in CBOR (and in our facts) its number. */
static enum refusal_code read_dbgstat(const json_t *v, struct reading *r)
{
    static const char *const word[] = {"enabled", "disabled", "disabled-since-boot",
                                       "disabled-permanently", "disabled-fully-and-permanently"};

    if (!json_is_string(v))
        return PT302;
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        if (strcmp(json_string_value(v), word[i]) == 0) {
            r->c->facts.v[FACT_DBGSTAT] = (struct fact){.known = true, .n = (int64_t)i};
            return CODE_NONE;
        }
    return PT303;
}

static enum refusal_code read_hwmodel(const json_t *v, struct reading *r)
{
    uint8_t bytes[HWMODEL_MAX];
    enum refusal_code code = read_bytes(v, 1, sizeof bytes, bytes);

    if (code != CODE_NONE)
        return code;
    return token_fact_read(v, FACT_STRING, &r->c->facts.v[FACT_HWMODEL]);
}

/* The claims that are recorded with the token but not judged have their form checked. */
static enum refusal_code read_any_text(const json_t *v, struct reading *r)
{
    char text[CLAIM_TEXT];

    (void)r;
    return read_text(v, text, sizeof text);
}

static enum refusal_code read_count(const json_t *v, struct reading *r)
{
    (void)r;
    if (!json_is_integer(v))
        return PT302;
    return json_integer_value(v) < 0 ? PT303 : CODE_NONE;
}

static enum refusal_code read_oemid(const json_t *v, struct reading *r)
{
    return json_is_integer(v) ? read_count(v, r) : read_any_text(v, r);
}

/* [text] or [text, scheme]: hwversion and swversion. */
static enum refusal_code read_version(const json_t *v, struct reading *r)
{
    if (!json_is_array(v))
        return PT302;
    if (json_array_size(v) < 1 || json_array_size(v) > 2)
        return PT303;
    return read_any_text(json_array_get(v, 0), r);
}

static enum refusal_code read_array(const json_t *v, struct reading *r)
{
    (void)r;
    return json_is_array(v) ? CODE_NONE : PT302;
}

/* A TPM's statement is not evaluated yet and lifts no assurance, but it must look like one. */
static enum refusal_code read_tpm(const json_t *tpm, struct reading *r)
{
    const char *name;
    json_t *v;

    if (!json_is_object(tpm) || json_object_size(tpm) == 0)
        return PT602;
    json_object_foreach((json_t *)(uintptr_t)tpm, name, v)
        if (!json_is_string(v))
            return PT602;
    r->c->has_tpm = true;
    return CODE_NONE;
}

static enum refusal_code read_submods(const json_t *v, struct reading *r)
{
    const json_t *tpm = json_object_get(v, "tpm");

    if (!json_is_object(v))
        return PT302;
    if (json_object_size(v) != (tpm ? 1u : 0u))
        return PT304;
    return tpm ? read_tpm(tpm, r) : PT303;
}

static enum refusal_code read_later(const json_t *v, struct reading *r)
{
    (void)v;
    (void)r;
    return CODE_NONE;
}

static const struct claim {
    const char *name;
    bool required;
    enum refusal_code (*read)(const json_t *v, struct reading *r);
} table[] = {
    {"iss", true, read_iss},
    {"sub", true, read_sub},
    {"aud", true, read_aud},
    {"iat", true, read_iat},
    {"exp", true, read_exp},
    {"nbf", false, read_nbf},
    {"jti", true, read_jti},
    {"eat_profile", true, read_profile},
    {"eat_nonce", false, read_nonce},
    {"ueid", true, read_ueid},
    {"cnf", true, read_later},
    {"pst", true, read_later},
    {"oemid", false, read_oemid},
    {"hwmodel", false, read_hwmodel},
    {"hwversion", false, read_version},
    {"oemboot", false, read_oemboot},
    {"dbgstat", false, read_dbgstat},
    {"swname", false, read_any_text},
    {"swversion", false, read_version},
    {"uptime", false, read_count},
    {"bootcount", false, read_count},
    {"measres", false, read_array},
    {"submods", false, read_submods},
};
#define N_CLAIMS (sizeof table / sizeof table[0])

static bool claim_known(const char *name)
{
    for (size_t i = 0; i < N_CLAIMS; i++)
        if (strcmp(table[i].name, name) == 0)
            return true;
    return false;
}

static enum refusal_code claims_known(const json_t *payload)
{
    const char *name;
    json_t *v;

    json_object_foreach((json_t *)(uintptr_t)payload, name, v)
        if (!claim_known(name))
            return PT304;
    return CODE_NONE;
}

static enum refusal_code claims_present(const json_t *payload)
{
    for (size_t i = 0; i < N_CLAIMS; i++)
        if (table[i].required && !json_object_get(payload, table[i].name))
            return PT301;
    return CODE_NONE;
}

/* Who it speaks of, as far as that can be read: a refusal is recorded with it. */
static void claims_note(const json_t *payload, struct reading *r)
{
    read_sub(json_object_get(payload, "sub"), r);
    read_jti(json_object_get(payload, "jti"), r);
}

enum refusal_code token_claims_read(const json_t *payload, struct claims *out,
                                    struct claims_addressed *to)
{
    struct reading r = {out, to};
    enum refusal_code code;

    claims_note(payload, &r);
    code = claims_known(payload);
    if (code == CODE_NONE)
        code = claims_present(payload);
    for (size_t i = 0; i < N_CLAIMS && code == CODE_NONE; i++) {
        const json_t *v = json_object_get(payload, table[i].name);

        if (v)
            code = table[i].read(v, &r);
    }
    return code;
}

static bool is_text(const json_t *v, const char *text)
{
    return json_is_string(v) && strcmp(json_string_value(v), text) == 0;
}

enum refusal_code token_cnf_read(const json_t *cnf, struct wg_key *out)
{
    static const struct wg_key zero;
    const json_t *jwk = json_object_get(cnf, "jwk"), *x = json_object_get(jwk, "x");

    if (json_object_size(cnf) != 1 || json_object_size(jwk) != 3)
        return PT501;
    if (!is_text(json_object_get(jwk, "kty"), "OKP") ||
        !is_text(json_object_get(jwk, "crv"), "X25519"))
        return PT501;
    if (read_bytes(x, sizeof out->b, sizeof out->b, out->b) != CODE_NONE)
        return PT501;
    return memcmp(out, &zero, sizeof zero) == 0 ? PT501 : CODE_NONE;
}
