/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The initiator's half of the handshake, read by its receiver: see handshake.h. */
#include "gateway/handshake.h"

#include <blake2.h>
#include <sodium.h>
#include <string.h>

#define HASH 32
#define BLOCK 64 /* of BLAKE2s, for HMAC (RFC 2104) */
#define TAG 16

/* Where things stand in the message. */
#define AT_EPHEMERAL 8
#define AT_STATIC 40
#define AT_TIME 88
#define AT_MAC1 116
#define MAC1_BYTES 16

static const char construction[] = "Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s";
static const char identifier[] = "WireGuard v1 zx2c4 Jason@zx2c4.com";
static const char label_mac1[] = "mac1----";

const char *handshake_class_name(enum handshake_class c)
{
    static const char *const names[HANDSHAKE_CLASSES] = {
        [HANDSHAKE_BAD_MAC] = "bad-mac",         [HANDSHAKE_UNDECRYPTABLE] = "undecryptable",
        [HANDSHAKE_UNKNOWN_KEY] = "unknown-key", [HANDSHAKE_ENDED_KEY] = "ended-key",
        [HANDSHAKE_REPLAYED] = "replayed",       [HANDSHAKE_KNOWN_KEY] = "known-key"};

    return c < HANDSHAKE_CLASSES ? names[c] : "";
}

/* ---- hashes --------------------------------------------------------------------------------- */

/* HASH(a || b) */
static void hash2(uint8_t out[HASH], const void *a, size_t a_len, const void *b, size_t b_len)
{
    blake2s_state s;

    (void)blake2s_init(&s, HASH);
    (void)blake2s_update(&s, a, a_len);
    (void)blake2s_update(&s, b, b_len);
    (void)blake2s_final(&s, out, HASH);
    sodium_memzero(&s, sizeof s);
}

/* HMAC over BLAKE2s, RFC 2104; the key has 32 bytes. */
static void hmac(uint8_t out[HASH], const uint8_t key[HASH], const void *text, size_t len)
{
    uint8_t pad[BLOCK], inner[HASH];

    memset(pad, 0x36, sizeof pad);
    for (int i = 0; i < HASH; i++)
        pad[i] = key[i] ^ 0x36;
    hash2(inner, pad, sizeof pad, text, len);
    for (int i = 0; i < BLOCK; i++)
        pad[i] ^= 0x36 ^ 0x5c;
    hash2(out, pad, sizeof pad, inner, sizeof inner);
    sodium_memzero(pad, sizeof pad);
    sodium_memzero(inner, sizeof inner);
}

/* The paper's KDF: HKDF (RFC 5869) without info. KDF1 when there is no key. */
static void kdf(uint8_t chain[HASH], uint8_t *key, const void *input, size_t len)
{
    uint8_t secret[HASH], second[HASH + 1];

    hmac(secret, chain, input, len);
    hmac(chain, secret, "\x01", 1);
    memcpy(second, chain, HASH);
    second[HASH] = 2;
    if (key)
        hmac(key, secret, second, sizeof second);
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(second, sizeof second);
}

void handshake_gate_set(struct handshake_gate *g, const struct wg_key *public_key)
{
    uint8_t start[HASH], named[HASH];

    hash2(g->mac1_key, label_mac1, sizeof label_mac1 - 1, public_key->b, sizeof public_key->b);
    hash2(start, construction, sizeof construction - 1, "", 0);
    hash2(named, start, sizeof start, identifier, sizeof identifier - 1);
    hash2(g->hash, named, sizeof named, public_key->b, sizeof public_key->b);
}

bool handshake_mac1_good(const struct handshake_gate *g, const uint8_t message[HANDSHAKE_BYTES])
{
    static const uint8_t type[4] = {1, 0, 0, 0};
    uint8_t mac[MAC1_BYTES];

    if (memcmp(message, type, sizeof type) != 0)
        return false;
    (void)blake2s(mac, message, g->mac1_key, sizeof mac, AT_MAC1, sizeof g->mac1_key);
    return sodium_memcmp(mac, message + AT_MAC1, sizeof mac) == 0;
}

/* ---- opening -------------------------------------------------------------------------------- */

struct noise { uint8_t chain[HASH], hash[HASH], key[HASH], shared[HASH]; };

/* Mixes in a shared secret and opens what was sealed under it. */
static bool open_next(struct noise *n, const struct wg_key *private_key, const uint8_t point[32],
                      const uint8_t *sealed, size_t sealed_len, uint8_t *out)
{
    static const uint8_t nonce[crypto_aead_chacha20poly1305_IETF_NPUBBYTES];

    if (crypto_scalarmult(n->shared, private_key->b, point) < 0)
        return false;   /* a point of small order */
    kdf(n->chain, n->key, n->shared, sizeof n->shared);
    if (crypto_aead_chacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed, sealed_len, n->hash,
                                                  sizeof n->hash, nonce, n->key) < 0)
        return false;
    hash2(n->hash, n->hash, sizeof n->hash, sealed, sealed_len);
    return true;
}

enum handshake_class handshake_open(const struct handshake_gate *g,
                                    const struct wg_key *private_key,
                                    const uint8_t message[HANDSHAKE_BYTES],
                                    struct handshake_opened *out)
{
    const uint8_t *ephemeral = message + AT_EPHEMERAL;
    struct noise n;

    *out = (struct handshake_opened){0};
    if (!handshake_mac1_good(g, message))
        return HANDSHAKE_BAD_MAC;
    memcpy(n.hash, g->hash, sizeof n.hash);
    hash2(n.chain, construction, sizeof construction - 1, "", 0);
    kdf(n.chain, NULL, ephemeral, 32);
    hash2(n.hash, n.hash, sizeof n.hash, ephemeral, 32);
    bool opened = open_next(&n, private_key, ephemeral, message + AT_STATIC, 32 + TAG,
                            out->key.b) &&
                  open_next(&n, private_key, out->key.b, message + AT_TIME, HANDSHAKE_TIME + TAG,
                            out->time);
    sodium_memzero(&n, sizeof n);
    if (opened)
        return HANDSHAKE_UNKNOWN_KEY;
    *out = (struct handshake_opened){0};
    return HANDSHAKE_UNDECRYPTABLE;
}
