/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Access classes: which id stands for which set of permits.
 *
 * Equal permits share an id, also over policy edits and restarts, so that flows whose rights did
 * not change keep their grant. An id is given to other rights only when nothing uses it and every
 * other id was given since: a connection that was judged under its old meaning is long gone.
 * Id 0 is quarantine: what the policy's remediation lets everybody reach.
 */
#ifndef GATEWAY_CLASSES_H
#define GATEWAY_CLASSES_H

#include "policy/policy.h"

struct class_entry {
    struct access_class c;       /* permits owned */
    uint32_t users;              /* leases on it */
    bool known;                  /* in the kernel and in the store */
};

struct classes {
    struct class_entry *v[CLASS_MAX + 1];    /* by id; NULL = free */
    uint16_t next;                           /* where to look for a free id */
    const struct policy *policy;             /* of the masks below; borrowed */
    struct class_mask { uint64_t roles; uint16_t id; } *masks;   /* found so far */
    size_t n_masks;
};

void classes_init(struct classes *c, uint16_t next);
void classes_clear(struct classes *c);

/* The policy that role masks refer to from now on. Class 0 becomes its remediation; *changed says
 * whether that differs from before. 0, or -1: memory. */
int classes_use_policy(struct classes *c, const struct policy *p, bool *changed);

/* The id for these roles, made (not known yet) when no class has these permits. 0 when roles is 0;
 * -1: no id is free, or memory. */
int classes_for(struct classes *c, uint64_t roles);

/* A class as stored: takes permits over. 0, or -1: id taken or out of range (permits freed). */
int classes_restore(struct classes *c, uint16_t id, struct permit *permits, size_t n);
void classes_forget(struct classes *c, uint16_t id);

#endif
