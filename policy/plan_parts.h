/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the files of plan.h share: a list of changes, sorted and cut by kind. */
#ifndef POLICY_PLAN_PARTS_H
#define POLICY_PLAN_PARTS_H

#include "policy/plan.h"

#define KINDS 7                           /* enum change_kind begins at 1 */

/* The changes of one kind, by id (device index or class id), equal ids in order of arrival. */
struct slice { const struct change **v; size_t n; };
struct order {
    const struct change **all;
    struct slice of[KINDS];
};

/* 0 or -1: memory, or a kind that does not exist. */
int order_make(struct order *o, const struct changes *c);
void order_free(struct order *o);

uint32_t change_id(const struct change *c);
/* The last change of this kind for this id; NULL. */
const struct change *slice_find(const struct slice *s, uint32_t id);

#endif
