/* SPDX-License-Identifier: GPL-2.0-or-later */
/* JWS compact form: the parts and the signature. */
#include "policy/jws.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <sodium.h>
#include <string.h>

#include "policy/base64url.h"

struct part { const char *s; size_t len; };

/* Three parts between exactly two dots, none of them empty. */
static bool jws_cut(const char *s, size_t len, struct part part[3])
{
    const char *end = s + len;

    for (size_t n = 0; n < 3; n++) {
        const char *dot = memchr(s, '.', (size_t)(end - s));
        const char *stop = dot ? dot : end;

        if (stop == s || (n < 2) != (dot != NULL))
            return false;
        part[n] = (struct part){s, (size_t)(stop - s)};
        s = stop + (dot != NULL);
    }
    return true;
}

/* The signature may be of any length here, so that dirty characters are told from a wrong
 * length: the first is PT103, the second a signature that does not hold. */
static bool jws_signature_decode(const struct part *p, struct jws *out)
{
    uint8_t any[JWS_PAYLOAD_MAX];
    size_t n = 0;

    if (!base64url_decode(p->s, p->len, any, sizeof any, &n))
        return false;
    out->signature_len = n <= sizeof out->signature ? n : 0;
    memcpy(out->signature, any, out->signature_len);
    return true;
}

enum refusal_code jws_split(const uint8_t *token, size_t len, struct jws *out)
{
    struct part part[3];
    uint8_t header[JWS_PAYLOAD_MAX];

    if (len > TOKEN_SIZE_MAX)
        return PT101;
    if (!jws_cut((const char *)token, len, part))
        return PT102;
    if (!base64url_decode(part[0].s, part[0].len, header, sizeof header, &out->header_len) ||
        !base64url_decode(part[1].s, part[1].len, out->payload, sizeof out->payload,
                          &out->payload_len) ||
        !jws_signature_decode(&part[2], out))
        return PT103;
    if (out->header_len > sizeof out->header)
        return PT101;
    memcpy(out->header, header, out->header_len);
    out->input = token;
    out->input_len = part[0].len + 1 + part[1].len;
    return CODE_NONE;
}

/* The caller frees *out with gnutls_pubkey_deinit() when this is true. */
static bool es256_key(const uint8_t key[64], gnutls_pubkey_t *out)
{
    uint8_t xy[64];
    gnutls_datum_t x = {xy, 32}, y = {xy + 32, 32};

    memcpy(xy, key, sizeof xy);
    if (gnutls_pubkey_init(out) != 0)
        return false;
    if (gnutls_pubkey_import_ecc_raw(*out, GNUTLS_ECC_CURVE_SECP256R1, &x, &y) == 0)
        return true;
    gnutls_pubkey_deinit(*out);
    return false;
}

static bool es256_holds(const struct jws *j, const uint8_t key[64])
{
    uint8_t rs[JWS_SIGNATURE], input[TOKEN_SIZE_MAX];
    gnutls_datum_t r = {rs, 32}, s = {rs + 32, 32}, der = {NULL, 0};
    gnutls_datum_t data = {input, (unsigned)j->input_len};
    gnutls_pubkey_t pub;
    bool holds = false;

    memcpy(rs, j->signature, sizeof rs);
    memcpy(input, j->input, j->input_len);
    if (!es256_key(key, &pub))
        return false;
    if (gnutls_encode_rs_value(&der, &r, &s) == 0)
        holds = gnutls_pubkey_verify_data2(pub, GNUTLS_SIGN_ECDSA_SHA256, 0, &data, &der) >= 0;
    gnutls_free(der.data);
    gnutls_pubkey_deinit(pub);
    return holds;
}

bool jws_signature_holds(const struct jws *j, enum token_alg alg, const uint8_t key[64])
{
    if (j->signature_len != JWS_SIGNATURE || j->input_len > TOKEN_SIZE_MAX)
        return false;
    switch (alg) {
    case ALG_ED25519:
        return crypto_sign_verify_detached(j->signature, j->input, j->input_len, key) == 0;
    case ALG_ES256:
        return es256_holds(j, key);
    case ALG_NONE:
        break;
    }
    return false;
}

/* The import takes any two coordinates; whether they lie on the curve is asked for apart. */
bool jws_es256_key_valid(const uint8_t key[64])
{
    gnutls_pubkey_t pub;

    if (!es256_key(key, &pub))
        return false;
    int rc = gnutls_pubkey_verify_params(pub);
    gnutls_pubkey_deinit(pub);
    return rc == 0;
}
