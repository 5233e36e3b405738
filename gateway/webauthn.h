/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Passkeys: what a relying party checks of them (W3C Web Authentication, Level 3, sections 7.1 and
 * 7.2), in its order. Values in, verdict out: no clock, no store. Signatures are libfido2's.
 *
 * Always asked for: a person who was there and who was verified by the authenticator (PIN,
 * fingerprint, face). Attestation is not: "none", and "packed" by the key itself, are taken.
 */
#ifndef GATEWAY_WEBAUTHN_H
#define GATEWAY_WEBAUTHN_H

#include "gateway/fido_library.h"

#define WEBAUTHN_CHALLENGE 32
#define CREDENTIAL_MIN 16        /* bytes of an id: section 5.1 */
#define CREDENTIAL_MAX FIDO_ID
#define RP_SIZE 256

/* Who asks: the name in the browser's address line, and the port behind it. */
struct webauthn_rp { char name[RP_SIZE]; uint16_t port; };

struct credential {
    uint8_t id[CREDENTIAL_MAX];
    uint16_t id_len;
    enum fido_alg alg;
    uint8_t key[FIDO_KEY];       /* of EdDSA, the first 32 */
    uint32_t counter;            /* of signatures; 0 for ever: its authenticator does not count */
    bool synced;                 /* its vendor may copy it to the person's other devices */
};

enum webauthn_verdict {
    WEBAUTHN_REFUSED = 0,        /* libfido2 is not there */
    WEBAUTHN_HOLDS,
    WEBAUTHN_MALFORMED,          /* not of its form: JSON, CBOR, lengths */
    WEBAUTHN_TYPE,               /* made for something else */
    WEBAUTHN_CHALLENGE_OTHER,    /* not the one that was given */
    WEBAUTHN_ORIGIN,             /* on another site */
    WEBAUTHN_FRAMED,             /* in another site's page */
    WEBAUTHN_RP,                 /* for another name */
    WEBAUTHN_ABSENT,             /* nobody was there */
    WEBAUTHN_UNVERIFIED,         /* somebody was, and it is not known who */
    WEBAUTHN_KEY,                /* neither ES256 nor EdDSA, or no point of its curve */
    WEBAUTHN_ATTESTATION,        /* of a form that was not asked for, or not its own */
    WEBAUTHN_SIGNATURE,
    WEBAUTHN_CLONED,             /* signed rightly, with a counter that has been before */
    WEBAUTHN_VERDICTS
};
/* "wrong_origin": for records and tests. */
const char *webauthn_verdict_name(enum webauthn_verdict v);

/* The challenge that client data name; false: they are not of their form. Nothing is checked. */
bool webauthn_challenge(struct bytes_of client_data, uint8_t out[WEBAUTHN_CHALLENGE]);
/* A new key: WEBAUTHN_HOLDS and *out. */
enum webauthn_verdict webauthn_register(const struct webauthn_rp *rp,
                                        const uint8_t challenge[WEBAUTHN_CHALLENGE],
                                        struct bytes_of client_data, struct bytes_of attestation,
                                        struct credential *out);
/* A signature by a known one: WEBAUTHN_HOLDS, and its counter from now on. */
enum webauthn_verdict webauthn_assert(const struct webauthn_rp *rp,
                                      const uint8_t challenge[WEBAUTHN_CHALLENGE],
                                      struct bytes_of client_data, struct bytes_of data,
                                      struct bytes_of signature, const struct credential *c,
                                      uint32_t *counter);

#endif
