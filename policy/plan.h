/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changes of the data plane as values: checked, applied to a model, and computed as the
 * difference of two models. The engine sends changes, the parent checks them here, kernel_rules
 * turns them into netlink, and a repair is nothing but the changes from report to wish.
 */
#ifndef POLICY_PLAN_H
#define POLICY_PLAN_H

#include "policy/model.h"

/* Applied in this order whatever the order of arrival, so that one transaction can move every
 * device of a class to a new class and drop the old. */
enum change_kind {
    CHANGE_DEVICE_PUT = 1,   /* enrolled: may be in quarantine */
    CHANGE_CLASS_PUT,        /* a class that is not there yet, or (class 0) replaced */
    CHANGE_LEASE_PUT,        /* granted, renewed or moved to another class */
    CHANGE_LEASE_DROP,
    CHANGE_CLASS_DROP,       /* no lease may be left on it */
    CHANGE_DEVICE_DROP,      /* its lease goes with it */
};

struct change {
    enum change_kind kind;
    union {
        struct device device;            /* DEVICE_PUT; DEVICE_DROP uses .index alone */
        struct lease lease;              /* LEASE_PUT; LEASE_DROP uses .device alone */
        struct access_class class_;      /* CLASS_PUT (the list owns permits), CLASS_DROP: .id */
    } u;
};

struct changes { struct change *v; size_t n, size; };

/* Appends a copy (the permits of a class are taken over). 0 or -1: memory. */
int changes_add(struct changes *c, const struct change *one);
void changes_clear(struct changes *c);   /* frees all; the list can be used again */

enum plan_error {
    PLAN_OK = 0,
    PLAN_MEMORY,
    PLAN_DEVICE_INDEX,       /* 0 or above DEVICE_MAX */
    PLAN_DEVICE_ADDRESS,     /* outside the tunnel networks, the gateway's own, network/broadcast */
    PLAN_DEVICE_DUPLICATE,   /* index, address or key already belongs to another device */
    PLAN_DEVICE_UNKNOWN,
    PLAN_CLASS_ID,
    PLAN_CLASS_EXISTS,       /* classes are never edited in place, except class 0 */
    PLAN_CLASS_UNKNOWN,
    PLAN_CLASS_IN_USE,
    PLAN_CLASS_PERMIT,       /* reversed range, mixed families, ports where there are none */
    PLAN_LEASE_TIME,         /* not in 1 ms .. LEASE_MAX_MS */
    PLAN_TOO_MANY
};
#define LEASE_MAX_MS 86400000
const char *plan_error_text(enum plan_error e);

/* Checks every change against *dp without altering it; *at is the index of the first bad one.
 * O((n + changes) log n). */
enum plan_error plan_check(const struct dataplane *dp, const struct changes *c, size_t *at);
/* Applies a checked list. PLAN_OK or PLAN_MEMORY (then *dp is as before). */
enum plan_error plan_apply(struct dataplane *dp, const struct changes *c);

/* The changes that bring `have` to `want`. Leases that agree in class and differ in time left by
 * less than slack_ms count as equal. Keys are not compared: the kernel's tables hold none. Where a
 * device's address or a class's permits (but class 0's) differ, the list is one that plan_check()
 * refuses: the whole has to be written anew. PLAN_OK or PLAN_MEMORY. */
enum plan_error plan_diff(const struct dataplane *have, const struct dataplane *want,
                          int64_t slack_ms, struct changes *out);

/* Lookups; NULL when absent. */
const struct device *dataplane_device(const struct dataplane *dp, uint32_t index);
const struct device *dataplane_device_at(const struct dataplane *dp, const struct ip_addr *a);
const struct lease *dataplane_lease(const struct dataplane *dp, uint32_t device);
const struct access_class *dataplane_class(const struct dataplane *dp, uint16_t id);

/* The verdict of the model for a new packet from `src` (a tunnel address) and why it is denied. */
enum verdict dataplane_verdict(const struct dataplane *dp, const struct ip_addr *src,
                               const struct ip_addr *dst, uint8_t proto, uint16_t port,
                               enum deny_reason *why);

#endif
