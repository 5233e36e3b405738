/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Answers to attempts: a pattern recognised in what a device did (policy/patterns.h) raises an
 * alarm and, when the policy says so, takes the device's lease: for a time, or until an admin
 * unlocks it. A hold is the reason of a missing lease and nothing else: it is decided by decide(),
 * enforced by the batch that every cut goes through, and outlives the engine in the database.
 *
 * The guard. Answers of the engine alone never hold more than the policy's share of the enrolled
 * devices at once. What goes beyond is withheld: an alarm once for each device, recorded each
 * time, listed by GET /v1/respond, and done when an admin allows it. Devices that an admin has
 * allowed to be held do not count.
 */
#ifndef GATEWAY_RESPOND_H
#define GATEWAY_RESPOND_H

#include "gateway/engine.h"

/* Looks at an attempt; what it completes is answered by the next respond_act(). Safe anywhere. */
void respond_note(struct engine *e, const struct attempt *a);
/* Answers what is due. Not while a batch is open. */
void respond_act(struct engine *e);
/* Once a second: the same; holds whose time is over end; what the disk had no room for is
 * written. */
void respond_tick(struct engine *e);
/* What was seen of a device is forgotten. */
void respond_forget(struct dev *d);

/* ---- holds.c: what is in force or withheld -------------------------------------------------- */

/* NULL when there is none. Valid until the next one is added or dropped. */
struct hold *hold_of(struct engine *e, const struct dev *d);
/* Takes the place of the device's hold; memory alone. */
struct hold *hold_put(struct engine *e, const struct hold *h);
void hold_drop(struct engine *e, struct dev *d);
/* Milliseconds left; INT64_MAX when no time ends it. */
int64_t hold_left_ms(const struct hold *h);
/* The wall-clock time until which the device is held back for a time; 0 = it is not. */
struct wall hold_until(struct engine *e, const struct dev *d);
/* At start, once devices are loaded: those of the database. */
void holds_restore(struct engine *e);
/* Devices that the engine holds by itself, and how many it may. */
uint32_t holds_own(struct engine *e, uint32_t *most);
void holds_clear(struct engine *e);
json_t *hold_json(struct engine *e, const struct hold *h);

/* ---- for the verbs -------------------------------------------------------------------------- */

/* Puts a withheld answer in force: an admin has said so. */
enum store_result respond_allow(struct engine *e, struct dev *d, const char *actor, uint32_t uid,
                                const char *reason);
/* Ends a hold, or drops a withheld one. The lease is decided anew. */
enum store_result respond_unlock(struct engine *e, struct dev *d, const char *actor, uint32_t uid,
                                 const char *reason);

#endif
