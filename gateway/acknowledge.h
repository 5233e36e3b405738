/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * `acknowledge within TIME`: people read their part of the policy (policy/person.h) on the portal
 * and sign it. When a policy or their roles make it say something else than what they signed, a
 * clock begins; what changes before they sign does not start it anew. Past its end they have no
 * lease, and the portal is always there to sign at.
 */
#ifndef GATEWAY_ACKNOWLEDGE_H
#define GATEWAY_ACKNOWLEDGE_H

#include "gateway/control.h"

/* ---- store_acknowledge.c -------------------------------------------------------------------- */

void store_put_asked(struct store *s, uint32_t user, struct wall asked);
/* The row as it is to be; the text that was signed is owned by the caller. */
void store_put_signed(struct store *s, uint32_t user, const struct acknowledgement *a,
                      const char *device, const char *text, size_t len);
void store_each_signed(struct store *s, void (*each)(void *arg, uint32_t user,
                                                     const struct acknowledgement *a), void *arg);
/* What was signed last, malloc'd; NULL: nothing was. */
char *store_get_signed(struct store *s, uint32_t user);

/* ---- engine_acknowledge.c ------------------------------------------------------------------- */

/* Until when this person has to sign; 0 = nothing is due. */
struct wall acknowledge_by(const struct engine *e, const struct user *u);

/* Inside an open transaction: begins or ends the clock of one, or of everybody by the policy that
 * is in force in memory. How many are asked anew. */
void acknowledge_review(struct engine *e, struct user *u);
size_t acknowledge_review_all(struct engine *e);
/* Memory as the database has it: at start, and after a transaction that was lost. */
void acknowledge_load(struct engine *e);

/* {state: "not-asked"|"signed"|"due"|"overdue", by?, signed_at?, version?, sha256?} */
json_t *acknowledge_json(const struct engine *e, const struct user *u);
/* The portal's verbs: the text with what is new in it, and a signature under the text whose SHA-256
 * the body names. */
struct reply acknowledge_show(struct engine *e, struct dev *d);
struct reply acknowledge_sign(struct engine *e, struct dev *d, const uint8_t *body, size_t len);

#endif
