/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The steps of a registration and of an assertion: see webauthn.h. */
#include "gateway/webauthn.h"

#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/cbor.h"
#include "policy/base64url.h"
#include "policy/json_bounds.h"
#include "policy/jws.h"

#define CLIENT_DATA_MAX 2048
#define ATTESTATION_MAX 4096
#define DATA_MAX 4096
#define SIGNATURE_MAX 128        /* DER, P-256: 72 */

/* Authenticator data, section 6.1: hash of the name, flags, counter; then the key, extensions. */
#define DATA_FLAGS 32
#define DATA_COUNTER 33
#define DATA_KEY 37
#define KEY_ID 55                /* behind 16 bytes of model and 2 of length */
#define FLAG_PRESENT 0x01
#define FLAG_VERIFIED 0x04
#define FLAG_MAY_BACK_UP 0x08
#define FLAG_BACKED_UP 0x10
#define FLAG_KEY 0x40
#define FLAG_EXTENSIONS 0x80

static const char *const names[WEBAUTHN_VERDICTS] = {
    [WEBAUTHN_REFUSED] = "no_library",       [WEBAUTHN_HOLDS] = "holds",
    [WEBAUTHN_MALFORMED] = "malformed",      [WEBAUTHN_TYPE] = "wrong_type",
    [WEBAUTHN_CHALLENGE_OTHER] = "wrong_challenge",
    [WEBAUTHN_ORIGIN] = "wrong_origin",      [WEBAUTHN_FRAMED] = "framed",
    [WEBAUTHN_RP] = "wrong_name",            [WEBAUTHN_ABSENT] = "nobody_present",
    [WEBAUTHN_UNVERIFIED] = "not_verified",  [WEBAUTHN_KEY] = "wrong_key",
    [WEBAUTHN_ATTESTATION] = "wrong_attestation",
    [WEBAUTHN_SIGNATURE] = "wrong_signature", [WEBAUTHN_CLONED] = "cloned",
};

const char *webauthn_verdict_name(enum webauthn_verdict v)
{
    return v < WEBAUTHN_VERDICTS ? names[v] : "";
}

/* ---- what the browser says ------------------------------------------------------------------- */

static json_t *read_client_data(struct bytes_of b)
{
    if (b.n > CLIENT_DATA_MAX || !json_bounded(b.v, b.n))
        return NULL;
    json_t *o = json_loadb((const char *)b.v, b.n, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(o))
        return o;
    json_decref(o);
    return NULL;
}

static bool read_challenge(const json_t *o, uint8_t out[WEBAUTHN_CHALLENGE])
{
    const char *text = json_string_value(json_object_get(o, "challenge"));
    size_t n = 0;

    return text && base64url_decode(text, strlen(text), out, WEBAUTHN_CHALLENGE, &n) &&
           n == WEBAUTHN_CHALLENGE;
}

bool webauthn_challenge(struct bytes_of client_data, uint8_t out[WEBAUTHN_CHALLENGE])
{
    json_t *o = read_client_data(client_data);
    bool found = read_challenge(o, out);

    json_decref(o);
    return found;
}

static bool is_origin(const char *said, const struct webauthn_rp *rp)
{
    char own[RP_SIZE + 16];

    if (rp->port == 443)
        snprintf(own, sizeof own, "https://%s", rp->name);
    else
        snprintf(own, sizeof own, "https://%s:%u", rp->name, rp->port);
    return said && strcmp(said, own) == 0;
}

static enum webauthn_verdict check_client(const json_t *o, const struct webauthn_rp *rp,
                                          const uint8_t challenge[WEBAUTHN_CHALLENGE],
                                          const char *type)
{
    const char *said = json_string_value(json_object_get(o, "type"));
    const json_t *cross = json_object_get(o, "crossOrigin");
    uint8_t answered[WEBAUTHN_CHALLENGE];

    if (!said || !read_challenge(o, answered) || (cross && !json_is_boolean(cross)))
        return WEBAUTHN_MALFORMED;
    if (strcmp(said, type) != 0)
        return WEBAUTHN_TYPE;
    if (sodium_memcmp(answered, challenge, WEBAUTHN_CHALLENGE) != 0)
        return WEBAUTHN_CHALLENGE_OTHER;
    if (!is_origin(json_string_value(json_object_get(o, "origin")), rp))
        return WEBAUTHN_ORIGIN;
    return json_is_true(cross) || json_object_get(o, "topOrigin") ? WEBAUTHN_FRAMED
                                                                  : WEBAUTHN_HOLDS;
}

static enum webauthn_verdict client_data(struct bytes_of b, const struct webauthn_rp *rp,
                                         const uint8_t challenge[WEBAUTHN_CHALLENGE],
                                         const char *type, uint8_t hash[32])
{
    json_t *o = read_client_data(b);
    enum webauthn_verdict v = o ? check_client(o, rp, challenge, type) : WEBAUTHN_MALFORMED;

    json_decref(o);
    crypto_hash_sha256(hash, b.v, b.n);
    return v;
}

/* ---- what the authenticator says ------------------------------------------------------------- */

/* Behind the fixed part: a key and extensions as the flags say, whole, and nothing more. */
static bool rest_whole(struct bytes_of d)
{
    uint8_t flags = d.v[DATA_FLAGS];
    struct cbor rest = {d.v + DATA_KEY, d.v + d.n};
    size_t n;

    if (flags & FLAG_KEY) {
        if (d.n < KEY_ID)
            return false;
        size_t id = (size_t)d.v[KEY_ID - 2] << 8 | d.v[KEY_ID - 1];
        if (id < CREDENTIAL_MIN || id > CREDENTIAL_MAX || id > d.n - KEY_ID)
            return false;
        rest.at += KEY_ID - DATA_KEY + id;
        struct cbor key = rest;
        if (!cbor_members(&key, CBOR_MAP, &n) || !cbor_skip(&rest))
            return false;
    }
    if (flags & FLAG_EXTENSIONS) {
        struct cbor extensions = rest;
        if (!cbor_members(&extensions, CBOR_MAP, &n) || !cbor_skip(&rest))
            return false;
    }
    return cbor_done(&rest);
}

static enum webauthn_verdict authenticator_data(struct bytes_of d, const struct webauthn_rp *rp)
{
    uint8_t name[32];

    if (d.n < DATA_KEY || d.n > DATA_MAX || !rest_whole(d))
        return WEBAUTHN_MALFORMED;
    uint8_t flags = d.v[DATA_FLAGS];
    if ((flags & FLAG_BACKED_UP) && !(flags & FLAG_MAY_BACK_UP))
        return WEBAUTHN_MALFORMED;
    crypto_hash_sha256(name, (const uint8_t *)rp->name, strlen(rp->name));
    if (memcmp(d.v, name, sizeof name) != 0)
        return WEBAUTHN_RP;
    if (!(flags & FLAG_PRESENT))
        return WEBAUTHN_ABSENT;
    return flags & FLAG_VERIFIED ? WEBAUTHN_HOLDS : WEBAUTHN_UNVERIFIED;
}

/* ---- registration ---------------------------------------------------------------------------- */

struct attestation { struct bytes_of format, statement, data; };

static bool is_text(struct bytes_of b, const char *s)
{
    return b.n == strlen(s) && memcmp(b.v, s, b.n) == 0;
}

/* {"fmt": text, "attStmt": map, "authData": bytes}, each once, in any order. */
static bool open_attestation(struct bytes_of b, struct attestation *out)
{
    struct cbor c = {b.v, b.v + b.n};
    struct bytes_of key;
    size_t n;

    *out = (struct attestation){0};
    if (b.n > ATTESTATION_MAX || !cbor_members(&c, CBOR_MAP, &n) || n != 3)
        return false;
    for (size_t i = 0; i < 3; i++) {
        if (!cbor_string(&c, CBOR_TEXT, &key.v, &key.n))
            return false;
        const uint8_t *from = c.at;
        bool read = false;
        if (is_text(key, "fmt") && !out->format.v)
            read = cbor_string(&c, CBOR_TEXT, &out->format.v, &out->format.n);
        else if (is_text(key, "authData") && !out->data.v)
            read = cbor_string(&c, CBOR_BYTES, &out->data.v, &out->data.n);
        else if (is_text(key, "attStmt") && !out->statement.v && (read = cbor_skip(&c)))
            out->statement = (struct bytes_of){from, (size_t)(c.at - from)};
        if (!read)
            return false;
    }
    return cbor_done(&c);
}

/* {"alg": the key's, "sig": bytes}: with a certificate ("x5c") it is somebody else's word. */
static bool open_self(struct bytes_of statement, int64_t alg, struct bytes_of *signature)
{
    struct cbor c = {statement.v, statement.v + statement.n};
    struct bytes_of key;
    int64_t said = 0;
    size_t n;

    *signature = (struct bytes_of){0};
    if (!cbor_members(&c, CBOR_MAP, &n) || n != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        if (!cbor_string(&c, CBOR_TEXT, &key.v, &key.n))
            return false;
        if (!(is_text(key, "alg") && cbor_negative(&c, &said)) &&
            !(is_text(key, "sig") && cbor_string(&c, CBOR_BYTES, &signature->v, &signature->n)))
            return false;
    }
    return said == alg && signature->n > 0 && signature->n <= SIGNATURE_MAX;
}

static bool is_empty_map(struct bytes_of statement)
{
    return statement.n == 1 && statement.v[0] == 0xa0;
}

#define COSE_NAME_ES256 (-7)
#define COSE_NAME_EDDSA (-8)

static enum webauthn_verdict check_attestation(const struct webauthn_rp *rp,
                                               const struct attestation *a, const uint8_t hash[32],
                                               enum fido_alg alg)
{
    struct bytes_of signature;

    if (is_text(a->format, "none"))
        return is_empty_map(a->statement) ? WEBAUTHN_HOLDS : WEBAUTHN_ATTESTATION;
    /* libfido2 wants to have asked for extensions beside a self attestation; we ask for none. */
    if (!is_text(a->format, "packed") || (a->data.v[DATA_FLAGS] & FLAG_EXTENSIONS) ||
        !open_self(a->statement, alg == FIDO_ES256 ? COSE_NAME_ES256 : COSE_NAME_EDDSA, &signature))
        return WEBAUTHN_ATTESTATION;
    return fido_self_holds(rp->name, a->data, hash, alg, signature) ? WEBAUTHN_HOLDS
                                                                    : WEBAUTHN_SIGNATURE;
}

static bool is_point(const struct fido_made *m)
{
    return m->alg == FIDO_ES256 ? jws_es256_key_valid(m->key)
                                : crypto_core_ed25519_is_valid_point(m->key) == 1;
}

static enum webauthn_verdict read_key(struct bytes_of data, struct credential *out)
{
    struct fido_made m;

    if (!(data.v[DATA_FLAGS] & FLAG_KEY))
        return WEBAUTHN_MALFORMED;
    if (!fido_read_made(data, &m) || !is_point(&m))
        return WEBAUTHN_KEY;
    *out = (struct credential){.alg = m.alg, .id_len = (uint16_t)m.id_len, .counter = m.counter,
                               .synced = (data.v[DATA_FLAGS] & FLAG_MAY_BACK_UP) != 0};
    memcpy(out->id, m.id, m.id_len);
    memcpy(out->key, m.key, sizeof out->key);
    return WEBAUTHN_HOLDS;
}

enum webauthn_verdict webauthn_register(const struct webauthn_rp *rp,
                                        const uint8_t challenge[WEBAUTHN_CHALLENGE],
                                        struct bytes_of client, struct bytes_of attestation,
                                        struct credential *out)
{
    struct attestation a;
    uint8_t hash[32];

    if (!fido_is_open())
        return WEBAUTHN_REFUSED;
    enum webauthn_verdict v = client_data(client, rp, challenge, "webauthn.create", hash);
    if (v == WEBAUTHN_HOLDS && !open_attestation(attestation, &a))
        v = WEBAUTHN_MALFORMED;
    if (v == WEBAUTHN_HOLDS)
        v = authenticator_data(a.data, rp);
    if (v == WEBAUTHN_HOLDS)
        v = read_key(a.data, out);
    return v == WEBAUTHN_HOLDS ? check_attestation(rp, &a, hash, out->alg) : v;
}

/* ---- assertion ------------------------------------------------------------------------------- */

static uint32_t counter_of(struct bytes_of d)
{
    const uint8_t *v = d.v + DATA_COUNTER;

    return (uint32_t)v[0] << 24 | (uint32_t)v[1] << 16 | (uint32_t)v[2] << 8 | v[3];
}

/* Of the same kind as it was made: a key that never left its authenticator cannot begin to. */
static bool same_kind(struct bytes_of d, const struct credential *c)
{
    return ((d.v[DATA_FLAGS] & FLAG_MAY_BACK_UP) != 0) == c->synced;
}

enum webauthn_verdict webauthn_assert(const struct webauthn_rp *rp,
                                      const uint8_t challenge[WEBAUTHN_CHALLENGE],
                                      struct bytes_of client, struct bytes_of data,
                                      struct bytes_of signature, const struct credential *c,
                                      uint32_t *counter)
{
    uint8_t hash[32];

    if (!fido_is_open())
        return WEBAUTHN_REFUSED;
    enum webauthn_verdict v = client_data(client, rp, challenge, "webauthn.get", hash);
    if (v == WEBAUTHN_HOLDS)
        v = authenticator_data(data, rp);
    if (v != WEBAUTHN_HOLDS)
        return v;
    if (signature.n == 0 || signature.n > SIGNATURE_MAX || (data.v[DATA_FLAGS] & FLAG_KEY) ||
        !same_kind(data, c))
        return WEBAUTHN_MALFORMED;
    if (!fido_assertion_holds(rp->name, data, hash, c->alg, c->key, signature))
        return WEBAUTHN_SIGNATURE;
    *counter = counter_of(data);
    return *counter > c->counter || (*counter == 0 && c->counter == 0) ? WEBAUTHN_HOLDS
                                                                       : WEBAUTHN_CLONED;
}
