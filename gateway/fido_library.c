/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The few functions of libfido2 that are needed, found at run time. */
#include "gateway/fido_library.h"

#include <dlfcn.h>
#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libfido2.so.1"

#define CALLS(X)                                                                                  \
    X(fido_init) X(fido_cred_new) X(fido_cred_free) X(fido_cred_set_type)                         \
    X(fido_cred_set_authdata_raw) X(fido_cred_set_clientdata_hash) X(fido_cred_set_rp)            \
    X(fido_cred_set_fmt) X(fido_cred_set_sig) X(fido_cred_set_uv) X(fido_cred_verify_self)        \
    X(fido_cred_pubkey_ptr) X(fido_cred_pubkey_len) X(fido_cred_id_ptr) X(fido_cred_id_len)       \
    X(fido_cred_sigcount) X(fido_assert_new) X(fido_assert_free) X(fido_assert_set_count)         \
    X(fido_assert_set_clientdata_hash) X(fido_assert_set_rp) X(fido_assert_set_authdata_raw)      \
    X(fido_assert_set_sig) X(fido_assert_set_up) X(fido_assert_set_uv) X(fido_assert_verify)      \
    X(es256_pk_new) X(es256_pk_free) X(es256_pk_from_ptr) X(eddsa_pk_new) X(eddsa_pk_free)        \
    X(eddsa_pk_from_ptr)

static struct {
#define X(name) __typeof__(&name) name;
    CALLS(X)
#undef X
} f;
static bool is_open;

bool fido_is_open(void) { return is_open; }

/* ---- what it checks -------------------------------------------------------------------------- */

static int cose_of(enum fido_alg alg) { return alg == FIDO_EDDSA ? COSE_EDDSA : COSE_ES256; }
static size_t key_size(enum fido_alg alg) { return alg == FIDO_EDDSA ? 32 : FIDO_KEY; }

static fido_cred_t *new_cred(struct bytes_of data, enum fido_alg alg)
{
    fido_cred_t *c = f.fido_cred_new();

    if (c && f.fido_cred_set_type(c, cose_of(alg)) == FIDO_OK &&
        f.fido_cred_set_authdata_raw(c, data.v, data.n) == FIDO_OK)
        return c;
    f.fido_cred_free(&c);
    return NULL;
}

static bool read_as(struct bytes_of data, enum fido_alg alg, struct fido_made *out)
{
    fido_cred_t *c = new_cred(data, alg);
    bool read = c && f.fido_cred_pubkey_len(c) == key_size(alg) && f.fido_cred_id_len(c) > 0 &&
                f.fido_cred_id_len(c) <= sizeof out->id;

    if (read) {
        *out = (struct fido_made){.alg = alg, .id_len = f.fido_cred_id_len(c),
                                  .counter = f.fido_cred_sigcount(c)};
        memcpy(out->key, f.fido_cred_pubkey_ptr(c), key_size(alg));
        memcpy(out->id, f.fido_cred_id_ptr(c), out->id_len);
    }
    f.fido_cred_free(&c);
    return read;
}

/* The library wants to be told which algorithm it will find. */
bool fido_read_made(struct bytes_of data, struct fido_made *out)
{
    return read_as(data, FIDO_ES256, out) || read_as(data, FIDO_EDDSA, out);
}

bool fido_self_holds(const char *rp, struct bytes_of data, const uint8_t client_hash[32],
                     enum fido_alg alg, struct bytes_of signature)
{
    fido_cred_t *c = new_cred(data, alg);
    bool holds = c && f.fido_cred_set_clientdata_hash(c, client_hash, 32) == FIDO_OK &&
                 f.fido_cred_set_rp(c, rp, NULL) == FIDO_OK &&
                 f.fido_cred_set_uv(c, FIDO_OPT_TRUE) == FIDO_OK &&
                 f.fido_cred_set_fmt(c, "packed") == FIDO_OK &&
                 f.fido_cred_set_sig(c, signature.v, signature.n) == FIDO_OK &&
                 f.fido_cred_verify_self(c) == FIDO_OK;

    f.fido_cred_free(&c);
    return holds;
}

static bool verify_es256(const fido_assert_t *a, const uint8_t *key)
{
    es256_pk_t *pk = f.es256_pk_new();
    bool holds = pk && f.es256_pk_from_ptr(pk, key, FIDO_KEY) == FIDO_OK &&
                 f.fido_assert_verify(a, 0, COSE_ES256, pk) == FIDO_OK;

    f.es256_pk_free(&pk);
    return holds;
}

static bool verify_eddsa(const fido_assert_t *a, const uint8_t *key)
{
    eddsa_pk_t *pk = f.eddsa_pk_new();
    bool holds = pk && f.eddsa_pk_from_ptr(pk, key, 32) == FIDO_OK &&
                 f.fido_assert_verify(a, 0, COSE_EDDSA, pk) == FIDO_OK;

    f.eddsa_pk_free(&pk);
    return holds;
}

bool fido_assertion_holds(const char *rp, struct bytes_of data, const uint8_t client_hash[32],
                          enum fido_alg alg, const uint8_t key[FIDO_KEY],
                          struct bytes_of signature)
{
    fido_assert_t *a = f.fido_assert_new();
    bool holds = a && f.fido_assert_set_count(a, 1) == FIDO_OK &&
                 f.fido_assert_set_clientdata_hash(a, client_hash, 32) == FIDO_OK &&
                 f.fido_assert_set_rp(a, rp) == FIDO_OK &&
                 f.fido_assert_set_authdata_raw(a, 0, data.v, data.n) == FIDO_OK &&
                 f.fido_assert_set_up(a, FIDO_OPT_TRUE) == FIDO_OK &&
                 f.fido_assert_set_uv(a, FIDO_OPT_TRUE) == FIDO_OK &&
                 f.fido_assert_set_sig(a, 0, signature.v, signature.n) == FIDO_OK &&
                 (alg == FIDO_ES256 ? verify_es256(a, key) : verify_eddsa(a, key));

    f.fido_assert_free(&a);
    return holds;
}

/* ---- trying it ------------------------------------------------------------------------------- */

#define TRIED_RP "portcullis.invalid"

/* Signatures of two keys made for this, over the data below and a hash of zeros. */
static const uint8_t tried_p256[] = {
    0xa3, 0x50, 0xf5, 0x9e, 0x67, 0xf3, 0x21, 0xf5, 0x4d, 0xf7, 0x6b, 0xbf, 0x34, 0x7a,
    0xda, 0xc3, 0x72, 0x8a, 0x22, 0xab, 0x90, 0x93, 0x02, 0xa5, 0x26, 0xc0, 0xce, 0xab,
    0x92, 0x5f, 0x03, 0x3b, 0x41, 0x7d, 0xbe, 0x7e, 0x96, 0xac, 0x9b, 0x6f, 0x5d, 0xda,
    0xad, 0xdb, 0xba, 0xf6, 0x8d, 0x0f, 0xaf, 0x2b, 0xd7, 0x15, 0xa4, 0x64, 0x1f, 0x87,
    0x51, 0xed, 0x53, 0x93, 0x87, 0x4e, 0x11, 0xe4,};
static const uint8_t tried_p256_signature[] = {
    0x30, 0x44, 0x02, 0x20, 0x6d, 0x47, 0xf4, 0x11, 0x41, 0x06, 0xed, 0xa8, 0x0f, 0x37,
    0x3d, 0xc7, 0x6f, 0x73, 0x55, 0xed, 0xd9, 0xf6, 0x55, 0x74, 0x9f, 0xa9, 0x74, 0xf9,
    0xee, 0xd1, 0xcd, 0xbc, 0xd0, 0x1b, 0x20, 0x33, 0x02, 0x20, 0x0f, 0x6b, 0xf5, 0x36,
    0x15, 0x67, 0x4f, 0xfe, 0xbe, 0xca, 0xde, 0xa2, 0x9f, 0x81, 0x29, 0x59, 0x66, 0xb6,
    0x3f, 0xbf, 0x88, 0x82, 0x64, 0x77, 0xd5, 0x3e, 0xb0, 0x95, 0x10, 0x2d, 0x81, 0x16,};
static const uint8_t tried_ed25519[] = {
    0x6b, 0xf6, 0xd4, 0xba, 0x24, 0x2a, 0xa4, 0xbd, 0x10, 0x59, 0x85, 0x77, 0x7b, 0xf1,
    0x4f, 0x7d, 0xe9, 0xf2, 0xa1, 0x14, 0xa7, 0x1d, 0xaf, 0xcc, 0x8f, 0xc2, 0xbc, 0x82,
    0xbd, 0x85, 0xfb, 0xa2,};
static const uint8_t tried_ed25519_signature[] = {
    0xbe, 0x93, 0x97, 0x46, 0xe7, 0x2a, 0xc0, 0x95, 0xc8, 0x82, 0x4d, 0x0d, 0x27, 0x12,
    0x86, 0x93, 0x83, 0x01, 0xcc, 0xc8, 0x8c, 0xae, 0xe1, 0xb3, 0x02, 0x88, 0x19, 0x30,
    0x60, 0x9e, 0xae, 0xb3, 0x5e, 0x92, 0x21, 0xca, 0x8f, 0x35, 0x23, 0xd1, 0xe8, 0x0b,
    0x97, 0x5f, 0x15, 0x3f, 0xd3, 0x0a, 0x91, 0xec, 0x18, 0xeb, 0x5d, 0x93, 0x7e, 0x88,
    0x73, 0x30, 0x98, 0x12, 0x80, 0x62, 0x80, 0x0c,};

/* It reads its configuration and makes its tables at the first use, which is now. */
static bool tells_right_from_wrong(enum fido_alg alg, const uint8_t *key, struct bytes_of signature)
{
    static const uint8_t nothing[32];
    uint8_t whole_key[FIDO_KEY] = {0}, data[37] = {0};
    struct bytes_of d = {data, sizeof data};

    memcpy(whole_key, key, key_size(alg));
    crypto_hash_sha256(data, (const uint8_t *)TRIED_RP, strlen(TRIED_RP));
    data[32] = 5;                                /* present, verified */
    data[36] = 1;
    bool right = fido_assertion_holds(TRIED_RP, d, nothing, alg, whole_key, signature);
    data[36] = 2;
    return right && !fido_assertion_holds(TRIED_RP, d, nothing, alg, whole_key, signature);
}

#define SIGNED(v) ((struct bytes_of){v, sizeof v})

static bool works(void)
{
    return tells_right_from_wrong(FIDO_ES256, tried_p256, SIGNED(tried_p256_signature)) &&
           tells_right_from_wrong(FIDO_EDDSA, tried_ed25519, SIGNED(tried_ed25519_signature));
}

/* ---- loading --------------------------------------------------------------------------------- */

static int load(char why[200])
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    const char *missing = NULL;

    if (!library) {
        snprintf(why, 200, "%s", dlerror());
        return -1;
    }
#define X(name)                                                                                   \
    {                                                                                             \
        void *found = dlsym(library, #name);                                                      \
        missing = found ? missing : #name;                                                        \
        memcpy(&f.name, &found, sizeof f.name);                                                   \
    }
    CALLS(X)
#undef X
    if (missing)
        snprintf(why, 200, LIBRARY " has no %s", missing);
    return missing ? -1 : 0;
}

int fido_open(char why[200])
{
    static char kept[200];
    static bool tried;

    if (!tried) {
        tried = true;
        if (load(kept) == 0) {
            f.fido_init(FIDO_DISABLE_U2F_FALLBACK);
            is_open = works();
            if (!is_open)
                snprintf(kept, sizeof kept, "%s",
                         LIBRARY " does not tell a right signature from a wrong one");
        }
    }
    snprintf(why, 200, "%s", is_open ? "" : kept);
    return is_open ? 0 : -1;
}
