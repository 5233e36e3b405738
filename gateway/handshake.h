/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard's first message as its receiver may judge it: who knocks at the tunnel's port.
 *
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as in the WireGuard paper (J. Donenfeld, "WireGuard: Next
 * Generation Kernel Network Tunnel", sections 5.4.2 and 5.4.4); the layout is that of struct
 * message_handshake_initiation in Linux, drivers/net/wireguard/messages.h. Pure: bytes in, a
 * class out. Only the parent has the private key that opens a message.
 *
 * A preshared key is mixed into the response only (section 5.4.3), so it does not matter here.
 * The second MAC answers a cookie that WireGuard itself has sent: only WireGuard can judge it.
 */
#ifndef GATEWAY_HANDSHAKE_H
#define GATEWAY_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/model.h"

#define HANDSHAKE_BYTES 148        /* on the wire, as UDP payload */
#define HANDSHAKE_TIME 12          /* TAI64N: 8 bytes of seconds, 4 of nanoseconds, big-endian */

/* Stored and shown: a number never changes its meaning. */
enum handshake_class {
    HANDSHAKE_BAD_MAC = 0,     /* does not know the gateway's public key: a scanner */
    HANDSHAKE_UNDECRYPTABLE,   /* knows it, and sends what cannot be opened */
    HANDSHAKE_UNKNOWN_KEY,     /* opened: a key that was never enrolled */
    HANDSHAKE_ENDED_KEY,       /* of a device that was revoked, lost or retired, or its person */
    HANDSHAKE_REPLAYED,        /* a known key with a time that is not newer than its last one */
    HANDSHAKE_KNOWN_KEY,       /* of an enrolled device: no attempt */
    HANDSHAKE_CLASSES
};
/* "bad-mac", "undecryptable", "unknown-key", "ended-key", "replayed", "known-key"; "" outside. */
const char *handshake_class_name(enum handshake_class c);

/* What follows from the gateway's public key alone. */
struct handshake_gate {
    uint8_t mac1_key[32];      /* HASH(LABEL_MAC1 || public key) */
    uint8_t hash[32];          /* HASH(HASH(HASH(CONSTRUCTION) || IDENTIFIER) || public key) */
};
void handshake_gate_set(struct handshake_gate *g, const struct wg_key *public_key);

/* Is its first MAC the one that only somebody who knows the public key can make? About one
 * microsecond, so a flood of anything else costs no curve operation. */
bool handshake_mac1_good(const struct handshake_gate *g, const uint8_t message[HANDSHAKE_BYTES]);

struct handshake_opened { struct wg_key key; uint8_t time[HANDSHAKE_TIME]; };
/* Opens it with the private key that belongs to g: two X25519. HANDSHAKE_BAD_MAC, _UNDECRYPTABLE,
 * or _UNKNOWN_KEY and *out (zero otherwise): opened, and the caller knows whose key it is. Leaves
 * nothing of the private key or of what was derived from it on the stack. */
enum handshake_class handshake_open(const struct handshake_gate *g,
                                    const struct wg_key *private_key,
                                    const uint8_t message[HANDSHAKE_BYTES],
                                    struct handshake_opened *out);

#endif
