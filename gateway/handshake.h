/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * WireGuard's first message as its receiver may judge it: who knocks at the tunnel's port.
 *
 * Noise_IKpsk2_25519_ChaChaPoly_BLAKE2s as in the WireGuard paper (J. Donenfeld, "WireGuard: Next
 * Generation Kernel Network Tunnel", section 5.4.2 and 5.4.4); the layout is that of struct
 * message_handshake_initiation in Linux, drivers/net/wireguard/messages.h. Pure: bytes in, a
 * class out. Only the parent has the private key that opens a message.
 */
#ifndef GATEWAY_HANDSHAKE_H
#define GATEWAY_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/model.h"

#define HANDSHAKE_BYTES 148        /* on the wire, as UDP payload */
#define HANDSHAKE_TIME 12          /* TAI64N */

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

#endif
