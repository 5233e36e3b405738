/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who administers: people with an admin role, and what each role may do.
 *
 * One order of rights: who holds more may do all that less may. A verb of control.c names the least
 * that it asks for; what acts on a person who administers asks for all of it (may_act_on()), so
 * that nobody takes over somebody who may do more.
 */
#ifndef GATEWAY_ADMINS_H
#define GATEWAY_ADMINS_H

#include "gateway/control.h"

/* ---- pure ----------------------------------------------------------------------------------- */

const char *right_name(enum right r);                     /* "operator"; "" of who is no admin */

/* ---- control_admins.c ----------------------------------------------------------------------- */

/* With a role of an admin, neither revoked nor ended: may choose secrets. And may sign in: is not
 * waiting for new ones. */
bool admin_stands(const struct user *u);
bool admin_active(const struct user *u);
/* May who asks do this to this person, as far as that one administers? False: *no says why not. A
 * `cut` one may do to oneself; what gives access, or new secrets, not. */
bool may_act_on(const struct request *q, const struct user *u, bool cut, struct reply *no);
/* The person whom the path names, on whom who asks may act. NULL: *no says why not. */
struct user *person_asked(struct engine *e, const struct request *q, bool cut, struct reply *no);
/* Would an owner be left without this one? Only at the socket it does not matter. */
bool admin_spares(struct engine *e, const struct request *q, const struct user *u, struct reply *no);

control_verb control_admins, control_admin_put, control_admin_drop, control_admin_link;

#endif
