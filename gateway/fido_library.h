/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libfido2, loaded when it is asked for: it brings OpenSSL along, which no other role is to map.
 * What it checks is what WebAuthn calls the signature, the relying party and the user's presence
 * and verification; everything about the browser is webauthn.h's.
 */
#ifndef GATEWAY_FIDO_LIBRARY_H
#define GATEWAY_FIDO_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FIDO_ID 1023             /* bytes of the longest name of a key: WebAuthn, section 5.1 */
#define FIDO_KEY 64              /* bytes of the longest public key: ES256, x and y */

enum fido_alg { FIDO_NONE = 0, FIDO_ES256, FIDO_EDDSA };     /* as stored */

/* Loads it and tries it: a right signature must hold, a wrong one must not. 0; or -1 and why there
 * are no passkeys. Before the cage: it opens files. A second call answers as the first. */
int fido_open(char why[200]);
bool fido_is_open(void);

struct bytes_of { const uint8_t *v; size_t n; };

/* What an authenticator says of itself when it makes a key. */
struct fido_made {
    enum fido_alg alg;
    uint8_t key[FIDO_KEY];
    uint8_t id[FIDO_ID];
    size_t id_len;
    uint32_t counter;
};
/* Takes authenticator data apart. False: it is none, or the key is neither ES256 nor EdDSA. */
bool fido_read_made(struct bytes_of data, struct fido_made *out);
/* Does the authenticator's own signature over itself hold ("packed", self attestation)? */
bool fido_self_holds(const char *rp, struct bytes_of data, const uint8_t client_hash[32],
                     enum fido_alg alg, struct bytes_of signature);
/* Signed by this key for this relying party, by a person who was there and verified? */
bool fido_assertion_holds(const char *rp, struct bytes_of data, const uint8_t client_hash[32],
                          enum fido_alg alg, const uint8_t key[FIDO_KEY],
                          struct bytes_of signature);

#endif
