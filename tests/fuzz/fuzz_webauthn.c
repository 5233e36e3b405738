/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a browser sends for a passkey, under a challenge and a key that the harness knows. The
 * first byte picks what the rest is: CBOR; client data and an attestation; edits of a good
 * registration or of a good assertion (part, place, value); an assertion's three parts. What is
 * registered keeps the promises of webauthn.h, and without the key nothing but the good assertion
 * itself may hold.
 */
#include <stddef.h>
#include <stdint.h>

#include "gateway/cbor.h"
#include "policy/jws.h"
#include "tests/unit/authenticator.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct webauthn_rp rp = {"access.example.com", 443};
static const uint8_t challenge[32] = "one challenge of thirty-two byte";
static struct authenticator a;
static struct credential known;
static struct {
    struct au_bytes client, data, attestation, signature;
} made, shown;
static bool ready;

static void must(bool b)
{
    if (!b)
        abort();
}

/* ---- a good one ------------------------------------------------------------------------------ */

static void start(void)
{
    static const uint8_t seed[32] = "the same key in each run of it.";
    uint32_t counter;
    char why[200];

    if (ready)
        return;
    must(sodium_init() >= 0 && fido_open(why) == 0);
    au_new(&a, FIDO_EDDSA);
    crypto_sign_seed_keypair(a.key, a.ed25519, seed);
    memset(a.id, 7, sizeof a.id);
    au_client(&made.client, "webauthn.create", challenge, "https://access.example.com", "");
    au_data(&a, rp.name, AU_PRESENT | AU_VERIFIED | AU_KEY, &made.data);
    au_attest(&a, "packed", &made.data, &made.client, &made.attestation);
    must(webauthn_register(&rp, challenge, au_of(&made.client), au_of(&made.attestation), &known) ==
         WEBAUTHN_HOLDS);
    a.counter++;
    au_client(&shown.client, "webauthn.get", challenge, "https://access.example.com", "");
    au_data(&a, rp.name, a.flags, &shown.data);
    au_sign_both(&a, &shown.data, &shown.client, &shown.signature);
    must(webauthn_assert(&rp, challenge, au_of(&shown.client), au_of(&shown.data),
                         au_of(&shown.signature), &known, &counter) == WEBAUTHN_HOLDS &&
         counter == a.counter);
    ready = true;
}

/* ---- what is promised ------------------------------------------------------------------------ */

static void registered(struct bytes_of client, struct bytes_of attestation)
{
    struct credential c;

    if (webauthn_register(&rp, challenge, client, attestation, &c) != WEBAUTHN_HOLDS)
        return;
    must(c.id_len >= CREDENTIAL_MIN && c.id_len <= CREDENTIAL_MAX);
    must(c.alg == FIDO_ES256 ? jws_es256_key_valid(c.key)
                             : c.alg == FIDO_EDDSA && crypto_core_ed25519_is_valid_point(c.key));
    must(memmem(client.v, client.n, "access.example.com", 18) != NULL);
}

static bool same(struct bytes_of b, const struct au_bytes *good)
{
    return b.n == good->n && memcmp(b.v, good->v, b.n) == 0;
}

static void asserted(struct bytes_of client, struct bytes_of data, struct bytes_of signature)
{
    uint32_t counter;
    bool good = same(client, &shown.client) && same(data, &shown.data) &&
                same(signature, &shown.signature);

    must((webauthn_assert(&rp, challenge, client, data, signature, &known, &counter) ==
          WEBAUTHN_HOLDS) == good);
}

/* ---- what the bytes are ---------------------------------------------------------------------- */

static void cbor(const uint8_t *data, size_t size)
{
    struct cbor c = {data, data + size}, d = c, e = c;
    const uint8_t *v;
    size_t n;

    bool whole = cbor_skip(&c);
    must(c.at >= data && c.at <= data + size && (!whole || c.at > data));
    if (cbor_string(&d, CBOR_BYTES, &v, &n))
        must(v >= data && n <= size && v + n == d.at && whole);
    if (cbor_members(&e, CBOR_MAP, &n))
        must(n <= size);
}

/* Two bytes of length, then so many; what is left when there are fewer. */
static struct bytes_of part(const uint8_t **data, size_t *size)
{
    size_t n = *size < 2 ? 0 : (size_t)(*data)[0] << 8 | (*data)[1];
    size_t head = *size < 2 ? *size : 2;

    *data += head;
    *size -= head;
    n = n > *size ? *size : n;
    struct bytes_of b = {*data, n};
    *data += n;
    *size -= n;
    return b;
}

/* Each four bytes: which part, where (two), what; behind the end, how long it is then. */
static void edit(struct au_bytes *const parts[], size_t n, const uint8_t *data, size_t size)
{
    for (; size >= 4; data += 4, size -= 4) {
        struct au_bytes *p = parts[data[0] % n];
        size_t at = ((size_t)data[1] << 8 | data[2]) % (p->n + 1);
        if (at == p->n && data[0] & 0x80)
            p->n = data[3] % (p->n + 1);
        else if (at < p->n)
            p->v[at] = data[3];
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    start();
    if (size == 0)
        return 0;
    unsigned kind = *data++ % 5;
    size--;
    if (kind == 0) {
        cbor(data, size);
    } else if (kind == 1) {
        struct bytes_of client = part(&data, &size);
        registered(client, (struct bytes_of){data, size});
    } else if (kind == 2) {
        struct au_bytes client = made.client, attestation = made.attestation;
        edit((struct au_bytes *[]){&client, &attestation}, 2, data, size);
        registered(au_of(&client), au_of(&attestation));
    } else if (kind == 3) {
        struct au_bytes client = shown.client, said = shown.data, signature = shown.signature;
        edit((struct au_bytes *[]){&client, &said, &signature}, 3, data, size);
        asserted(au_of(&client), au_of(&said), au_of(&signature));
    } else {
        struct bytes_of client = part(&data, &size), said = part(&data, &size);
        asserted(client, said, (struct bytes_of){data, size});
    }
    return 0;
}
