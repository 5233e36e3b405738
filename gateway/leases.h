/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Leases: granted, renewed, narrowed and ended in one place, by asking decide() again.
 */
#ifndef GATEWAY_LEASES_H
#define GATEWAY_LEASES_H

#include "gateway/engine.h"

/* Decides a device anew and enters the outcome in the batch: grace states, the lease in the
 * database, the pending entry. `fresh`: evidence of a token accepted just now, or NULL: what is
 * stored. `cause` goes to the audit log when the lease changes. */
void lease_decide(struct batch *b, struct dev *d, const struct evidence *fresh, const char *cause);
/* Records in the batch that the device's lease ended, when memory has forgotten it already. */
void lease_record_end(struct batch *b, const struct dev *d, const char *cause);
/* decide() for reading: fills e->reports and *out, changes nothing. */
void lease_judge(struct engine *e, struct dev *d, struct decision *out);
/* The roles of its lease that a decision now would leave it. Changes nothing. */
uint64_t lease_roles_left(struct engine *e, const struct dev *d);

/* What is left of it in milliseconds, by whichever clock says less; 0 when it ended. */
int64_t grant_left_ms(const struct grant *g);
bool lease_holds(const struct dev *d);

/* Is the wall clock fit to grant by? */
bool lease_clock(struct engine *e);

/* Once a second: leases that ended, decisions that are due. */
void leases_tick(struct engine *e);
/* At start, inside a transaction: leases from the database that have something left; the rest is
 * dropped. */
void leases_restore(struct engine *e, bool same_boot);
/* Everybody, in one batch. Returns how many devices' rights changed. */
size_t leases_decide_all(struct batch *b, const char *cause);

#endif
