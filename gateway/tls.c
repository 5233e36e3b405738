/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Certificates by GnuTLS: made, looked at, carried in messages. */
#include "gateway/tls.h"

#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

#define BACKDATE_S 86400       /* for clocks that are behind */

/* ---- carried -------------------------------------------------------------------------------- */

void tls_identity_clear(struct tls_identity *t)
{
    if (t->key)
        sodium_memzero(t->key, t->key_len);
    free(t->key);
    free(t->chain);
    *t = (struct tls_identity){0};
}

void put_tls_identity(struct writer *w, const struct tls_identity *t)
{
    put_blob(w, t->chain, t->chain_len);
    put_blob(w, t->key, t->key_len);
    put_text(w, t->name);
    put_text(w, t->host);
}

static char *copy(struct reader *r, const uint8_t *from, size_t n)
{
    char *text = r->failed ? NULL : malloc(n + 1);

    if (!text) {
        r->failed = true;
        return NULL;
    }
    memcpy(text, from, n);
    text[n] = '\0';
    return text;
}

void get_tls_identity(struct reader *r, struct tls_identity *t)
{
    *t = (struct tls_identity){0};
    const uint8_t *chain = get_blob(r, &t->chain_len, TLS_PEM_MAX);
    const uint8_t *key = get_blob(r, &t->key_len, TLS_PEM_MAX);
    get_text(r, t->name, sizeof t->name);
    get_text(r, t->host, sizeof t->host);
    t->chain = copy(r, chain, t->chain_len);
    t->key = copy(r, key, t->key_len);
    if (r->failed)
        tls_identity_clear(t);
}

/* ---- made ----------------------------------------------------------------------------------- */

/* A datum of GnuTLS as text of our own. */
static char *take(int rc, gnutls_datum_t *d, size_t *len)
{
    char *text = rc == 0 ? malloc(d->size + 1u) : NULL;

    if (text) {
        memcpy(text, d->data, d->size);
        text[d->size] = '\0';
        *len = d->size;
    }
    if (rc == 0) {
        sodium_memzero(d->data, d->size);
        gnutls_free(d->data);
    }
    return text;
}

char *tls_make_key(size_t *len)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_datum_t pem = {0};
    const unsigned curve = GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);
    int rc = gnutls_x509_privkey_init(&key);

    if (rc == 0)
        rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA, curve, 0);
    if (rc == 0)
        rc = gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL, GNUTLS_PKCS_PLAIN,
                                               &pem);
    char *text = take(rc, &pem, len);
    gnutls_x509_privkey_deinit(key);
    return text;
}

static int add_address(gnutls_x509_crt_t crt, const struct ip_addr *a)
{
    return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, a->b,
                                                a->family == 4 ? 4 : 16, GNUTLS_FSAN_APPEND);
}

static int add_names(gnutls_x509_crt_t crt, const struct tls_names *names)
{
    struct ip_addr a;
    int rc = 0;

    for (size_t i = 0; i < 2 && rc == 0; i++) {
        const char *host = names->host[i];
        if (host[0] && ip_parse(host, strlen(host), &a))
            rc = add_address(crt, &a);
        else if (host[0])
            rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, host,
                                                      (unsigned)strlen(host), GNUTLS_FSAN_APPEND);
    }
    for (size_t i = 0; i < sizeof names->addr / sizeof *names->addr && rc == 0; i++)
        if (names->addr[i].family != 0)
            rc = add_address(crt, &names->addr[i]);
    return rc;
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const struct tls_names *names,
                struct wall now)
{
    static const char common[] = "Portcullis";
    uint8_t serial[16];
    int rc;

    randombytes_buf(serial, sizeof serial);
    serial[0] = (uint8_t)((serial[0] & 0x7f) | 0x40);
    if ((rc = gnutls_x509_crt_set_version(crt, 3)) == 0 &&
        (rc = gnutls_x509_crt_set_serial(crt, serial, sizeof serial)) == 0 &&
        (rc = gnutls_x509_crt_set_activation_time(crt, (time_t)(now.s - BACKDATE_S))) == 0 &&
        (rc = gnutls_x509_crt_set_expiration_time(crt, (time_t)(now.s + TLS_LIFE_S))) == 0 &&
        (rc = gnutls_x509_crt_set_key(crt, key)) == 0 &&
        (rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, common,
                                            sizeof common - 1)) == 0 &&
        (rc = gnutls_x509_crt_set_basic_constraints(crt, 0, -1)) == 0 &&
        (rc = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE)) == 0 &&
        (rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0)) == 0)
        rc = add_names(crt, names);
    return rc != 0 ? rc : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static gnutls_datum_t datum(const char *text, size_t len)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)text, (unsigned)len};
}

char *tls_make_certificate(const char *key, size_t key_len, const struct tls_names *names,
                           struct wall now, size_t *len)
{
    gnutls_x509_privkey_t k = NULL;
    gnutls_x509_crt_t crt = NULL;
    gnutls_datum_t pem = datum(key, key_len), out = {0};
    int rc = gnutls_x509_privkey_init(&k);

    if (rc == 0)
        rc = gnutls_x509_privkey_import(k, &pem, GNUTLS_X509_FMT_PEM);
    if (rc == 0)
        rc = gnutls_x509_crt_init(&crt);
    if (rc == 0)
        rc = fill(crt, k, names, now);
    if (rc == 0)
        rc = gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &out);
    char *text = take(rc, &out, len);
    gnutls_x509_crt_deinit(crt);
    gnutls_x509_privkey_deinit(k);
    return text;
}

/* ---- looked at ------------------------------------------------------------------------------ */

/* SHA-256 of the SubjectPublicKeyInfo, as agents pin it. */
static int pin_of(gnutls_x509_crt_t crt, uint8_t id[32])
{
    size_t n = 32;

    return gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, id, &n) == 0 && n == 32 ? 0
                                                                                           : -1;
}

static const char *check_key(const gnutls_datum_t *pem, const uint8_t id[32])
{
    gnutls_x509_privkey_t key;
    uint8_t own[32];
    size_t n = sizeof own;
    const char *why = NULL;

    if (gnutls_x509_privkey_init(&key) < 0)
        return "memory is out";
    if (gnutls_x509_privkey_import2(key, pem, GNUTLS_X509_FMT_PEM, NULL, 0) < 0)
        why = "the key is not one in PEM without a passphrase";
    else if (gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, own, &n) < 0 ||
             memcmp(own, id, sizeof own) != 0)
        why = "key and certificate do not belong together";
    gnutls_x509_privkey_deinit(key);
    return why;
}

/* With HTTP_TLS_PRIORITIES no handshake succeeds by a key of another kind. */
static bool kind_shown(gnutls_x509_crt_t crt)
{
    gnutls_ecc_curve_t curve;
    int kind = gnutls_x509_crt_get_pk_algorithm(crt, NULL);

    if (kind == GNUTLS_PK_ECDSA)
        return gnutls_x509_crt_get_pk_ecc_raw(crt, &curve, NULL, NULL) == 0 &&
               (curve == GNUTLS_ECC_CURVE_SECP256R1 || curve == GNUTLS_ECC_CURVE_SECP384R1);
    return kind == GNUTLS_PK_RSA || kind == GNUTLS_PK_EDDSA_ED25519;
}

static const char *facts_of(gnutls_x509_crt_t crt, const char *host, uint8_t id[32],
                            struct tls_facts *f)
{
    uint8_t whole[32];
    size_t n = sizeof whole;

    if (pin_of(crt, id) < 0 ||
        gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, whole, &n) < 0)
        return "the certificate's key cannot be read";
    if (!kind_shown(crt))
        return "the key is neither RSA nor P-256, P-384 or Ed25519";
    f->from = (struct wall){gnutls_x509_crt_get_activation_time(crt)};
    f->until = (struct wall){gnutls_x509_crt_get_expiration_time(crt)};
    f->named = host[0] == '\0' || gnutls_x509_crt_check_hostname(crt, host) != 0;
    sodium_bin2hex(f->sha256, sizeof f->sha256, whole, sizeof whole);
    sodium_bin2base64(f->pin, TLS_PIN, id, 32, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    return NULL;
}

const char *tls_check(const struct tls_identity *t, const char *host, struct tls_facts *f)
{
    gnutls_x509_crt_t crt[TLS_CHAIN_MAX];
    unsigned n = TLS_CHAIN_MAX;
    gnutls_datum_t chain = datum(t->chain, t->chain_len), key = datum(t->key, t->key_len);
    struct tls_facts facts = {0};
    uint8_t id[32];

    if (gnutls_x509_crt_list_import(crt, &n, &chain, GNUTLS_X509_FMT_PEM,
                                    GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED |
                                        GNUTLS_X509_CRT_LIST_FAIL_IF_UNSORTED) < 0 ||
        n == 0)
        return "the certificates are not a chain in PEM, the gateway's first";
    const char *why = facts_of(crt[0], host, id, &facts);
    if (!why)
        why = check_key(&key, id);
    if (!why)
        *f = facts;
    for (unsigned i = 0; i < n; i++)
        gnutls_x509_crt_deinit(crt[i]);
    return why;
}
