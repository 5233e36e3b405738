/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Visits: from a device's lease to its end, however often it was renewed or changed between. Kept
 * so that a person, and whoever looks after them, can see when which device was in.
 */
#ifndef GATEWAY_VISITS_H
#define GATEWAY_VISITS_H

#include "gateway/records.h"
#include "gateway/store.h"
#include "policy/decide.h"

#define VISITS_KEPT 100000           /* the oldest go; ... */
#define VISITS_KEPT_S (30 * 86400)   /* ... those that ended before that, as well */

struct visit {
    int64_t id;
    uint32_t device, user;           /* user 0: nobody's yet */
    char roles[ROLE_LIST_SIZE];      /* of the last lease; names, by comma */
    struct wall began, ended;        /* ended 0: it goes on */
    enum decide_reason why;          /* it ended */
};

/* The device has a lease: begins a visit, or goes on with the one that has not ended. In the
 * caller's transaction, as the next one. */
void store_begin_visit(struct store *s, uint32_t device, uint32_t user, const char *roles,
                       struct wall now);
/* It has none any more: ends what goes on, if anything does. */
void store_end_visit(struct store *s, uint32_t device, struct wall now, enum decide_reason why);
/* Of a person, the newest first: with an id below `before`, going on or ended since then. */
void store_each_visit(struct store *s, uint32_t user, int64_t before, struct wall since,
                      int64_t limit, void (*each)(void *arg, const struct visit *v), void *arg);
/* Looks at the oldest 1,000, so that it never takes long. */
void store_prune_visits(struct store *s, struct wall before, int64_t keep);

#endif
