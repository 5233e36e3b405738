/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How a device comes to be, whoever asks for it: an admin at the control socket, a person with an
 * invitation. Indexes, and with them addresses, are given once and never again.
 */
#ifndef GATEWAY_ENROLMENT_H
#define GATEWAY_ENROLMENT_H

#include "gateway/control.h"

struct enrolment {
    struct dev d;                /* d.k.index 0: there is no address for it */
    char ueid[CLAIM_TEXT];
    bool placed;                 /* at an address that the request names */
    bool has_key;
    struct token_key key;        /* its own signing key */
};

/* The next index that has addresses and was never given; 0: the networks are full. */
uint32_t enrolment_index(struct engine *e);
/* Has this person as many devices that have not ended as the policy permits? 409 for an admin. */
bool enrolment_at_limit(struct engine *e, const struct user *u);
struct reply enrolment_limit(struct engine *e, const struct user *u);
/* The member "issuer" of the body: the device's own signing key, for n->d.name. */
void enrolment_own_key(struct engine *e, struct body *b, struct enrolment *n);
/* In memory and, inside the open batch, in the database. When the batch fails: dev_forget(). */
struct dev *enrolment_add(struct batch *b, const struct enrolment *n);

#endif
