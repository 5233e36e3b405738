/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * An authenticator and its browser, made by hand: CBOR byte by byte, ES256 by GnuTLS, Ed25519 by
 * libsodium. What it says can be changed in every place, and is signed as it stands.
 */
#ifndef TESTS_AUTHENTICATOR_H
#define TESTS_AUTHENTICATOR_H

#include <gnutls/abstract.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/webauthn.h"

#define AU_ID 32
enum { AU_PRESENT = 1, AU_VERIFIED = 4, AU_MAY_BACK_UP = 8, AU_BACKED_UP = 16, AU_KEY = 64,
       AU_EXTENSIONS = 128 };

struct au_bytes { uint8_t v[4096]; size_t n; };

static inline void au_must(bool b)
{
    if (!b)
        abort();
}

static inline struct bytes_of au_of(const struct au_bytes *b)
{
    return (struct bytes_of){b->v, b->n};
}

static inline void au_put(struct au_bytes *b, const void *v, size_t n)
{
    au_must(b->n + n <= sizeof b->v);
    memcpy(b->v + b->n, v, n);
    b->n += n;
}

static inline void au_byte(struct au_bytes *b, unsigned v)
{
    uint8_t one = (uint8_t)v;

    au_put(b, &one, 1);
}

/* ---- CBOR ----------------------------------------------------------------------------------- */

static inline void au_head(struct au_bytes *b, unsigned major, size_t n)
{
    if (n >= 24)
        au_byte(b, major << 5 | (n > 255 ? 25u : 24u));
    if (n > 255)
        au_byte(b, (unsigned)(n >> 8));
    au_byte(b, n < 24 ? major << 5 | (unsigned)n : (unsigned)n & 255);
}

static inline void au_string(struct au_bytes *b, unsigned major, const void *v, size_t n)
{
    au_head(b, major, n);
    au_put(b, v, n);
}

static inline void au_text(struct au_bytes *b, const char *s) { au_string(b, 3, s, strlen(s)); }

/* ---- keys ----------------------------------------------------------------------------------- */

struct authenticator {
    enum fido_alg alg;
    gnutls_privkey_t p256;
    uint8_t ed25519[64];
    uint8_t key[FIDO_KEY];
    uint8_t id[AU_ID];
    uint32_t counter;
    uint8_t flags;               /* of assertions */
};

static inline void au_p256(struct authenticator *a)
{
    gnutls_ecc_curve_t curve;
    gnutls_datum_t x, y;

    au_must(gnutls_privkey_init(&a->p256) == 0);
    au_must(gnutls_privkey_generate(a->p256, GNUTLS_PK_ECDSA,
                                    GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0) == 0);
    au_must(gnutls_privkey_export_ecc_raw2(a->p256, &curve, &x, &y, NULL,
                                           GNUTLS_EXPORT_FLAG_NO_LZ) == 0);
    memset(a->key, 0, sizeof a->key);
    memcpy(a->key + 32 - x.size, x.data, x.size);
    memcpy(a->key + 64 - y.size, y.data, y.size);
    gnutls_free(x.data);
    gnutls_free(y.data);
}

static inline void au_new(struct authenticator *a, enum fido_alg alg)
{
    *a = (struct authenticator){.alg = alg, .counter = 1, .flags = AU_PRESENT | AU_VERIFIED};
    randombytes_buf(a->id, sizeof a->id);
    if (alg == FIDO_ES256)
        au_p256(a);
    else
        crypto_sign_keypair(a->key, a->ed25519);
}

static inline void au_free(struct authenticator *a)
{
    if (a->p256)
        gnutls_privkey_deinit(a->p256);
    a->p256 = NULL;
}

static inline void au_sign(const struct authenticator *a, const struct au_bytes *what,
                           struct au_bytes *out)
{
    gnutls_datum_t in = {(unsigned char *)(uintptr_t)what->v, (unsigned)what->n}, signature;

    out->n = 0;
    if (a->alg == FIDO_EDDSA) {
        crypto_sign_detached(out->v, NULL, what->v, what->n, a->ed25519);
        out->n = 64;
        return;
    }
    au_must(gnutls_privkey_sign_data2(a->p256, GNUTLS_SIGN_ECDSA_SHA256, 0, &in, &signature) == 0);
    au_put(out, signature.data, signature.size);
    gnutls_free(signature.data);
}

static inline void au_cose(const struct authenticator *a, struct au_bytes *b)
{
    static const uint8_t es256[] = {0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21};
    static const uint8_t eddsa[] = {0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21};

    if (a->alg == FIDO_EDDSA) {
        au_put(b, eddsa, sizeof eddsa);
        au_string(b, 2, a->key, 32);
        return;
    }
    au_put(b, es256, sizeof es256);
    au_string(b, 2, a->key, 32);
    au_byte(b, 0x22);
    au_string(b, 2, a->key + 32, 32);
}

/* ---- what is said --------------------------------------------------------------------------- */

static inline void au_client(struct au_bytes *b, const char *type, const uint8_t challenge[32],
                             const char *origin, const char *more)
{
    char text[64];

    sodium_bin2base64(text, sizeof text, challenge, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    b->n = (size_t)snprintf((char *)b->v, sizeof b->v,
                            "{\"type\":\"%s\",\"challenge\":\"%s\",\"origin\":\"%s\"%s}", type,
                            text, origin, more);
}

static inline void au_data(const struct authenticator *a, const char *rp, unsigned flags,
                           struct au_bytes *b)
{
    uint8_t hash[32];

    b->n = 0;
    crypto_hash_sha256(hash, (const uint8_t *)rp, strlen(rp));
    au_put(b, hash, sizeof hash);
    au_byte(b, flags);
    for (int shift = 24; shift >= 0; shift -= 8)
        au_byte(b, a->counter >> shift & 255);
    if (flags & AU_KEY) {
        static const uint8_t model[16];
        au_put(b, model, sizeof model);
        au_byte(b, 0);
        au_byte(b, AU_ID);
        au_put(b, a->id, AU_ID);
        au_cose(a, b);
    }
    if (flags & AU_EXTENSIONS) {
        au_head(b, 5, 1);
        au_text(b, "credProtect");
        au_byte(b, 2);
    }
}

/* Data and the hash of what the browser said, signed. */
static inline void au_sign_both(const struct authenticator *a, const struct au_bytes *data,
                                const struct au_bytes *client, struct au_bytes *out)
{
    struct au_bytes both = *data;
    uint8_t hash[32];

    crypto_hash_sha256(hash, client->v, client->n);
    au_put(&both, hash, sizeof hash);
    au_sign(a, &both, out);
}

/* {"fmt", "attStmt", "authData"}; signed by itself when the format is "packed". */
static inline void au_attest(const struct authenticator *a, const char *format,
                             const struct au_bytes *data, const struct au_bytes *client,
                             struct au_bytes *out)
{
    struct au_bytes signature;

    out->n = 0;
    au_head(out, 5, 3);
    au_text(out, "fmt");
    au_text(out, format);
    au_text(out, "attStmt");
    if (strcmp(format, "packed") == 0) {
        au_sign_both(a, data, client, &signature);
        au_head(out, 5, 2);
        au_text(out, "alg");
        au_byte(out, a->alg == FIDO_EDDSA ? 0x27 : 0x26);
        au_text(out, "sig");
        au_string(out, 2, signature.v, signature.n);
    } else {
        au_head(out, 5, 0);
    }
    au_text(out, "authData");
    au_string(out, 2, data->v, data->n);
}

#endif
