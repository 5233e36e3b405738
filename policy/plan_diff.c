/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The difference of two data planes as changes. Keys are not compared: the kernel's tables do not
 * hold them. A device whose address differs, or a class whose permits differ (but class 0), gives
 * a list that plan_check() refuses: no sequence of permitted changes leads there, the caller has
 * to write the whole anew.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/plan.h"

static bool same_permit(const struct permit *a, const struct permit *b)
{
    return ip_cmp(&a->dst.first, &b->dst.first) == 0 && ip_cmp(&a->dst.last, &b->dst.last) == 0 &&
           a->proto == b->proto && a->port_first == b->port_first && a->port_last == b->port_last;
}

static bool same_class(const struct access_class *a, const struct access_class *b)
{
    if (a->n_permits != b->n_permits)
        return false;
    for (size_t i = 0; i < a->n_permits; i++)
        if (!same_permit(&a->permits[i], &b->permits[i]))
            return false;
    return true;
}

static bool same_device(const struct device *a, const struct device *b)
{
    return ip_cmp(&a->addr4, &b->addr4) == 0 && ip_cmp(&a->addr6, &b->addr6) == 0;
}

static bool same_lease(const struct lease *a, const struct lease *b, int64_t slack_ms)
{
    const int64_t d = a->left_ms > b->left_ms ? a->left_ms - b->left_ms : b->left_ms - a->left_ms;
    return a->class_id == b->class_id && d < slack_ms;
}

/* ---- one change each ----------------------------------------------------------------- */

static int add_class(struct changes *out, const struct access_class *c)
{
    struct change one = {.kind = CHANGE_CLASS_PUT, .u.class_ = *c};
    one.u.class_.permits = NULL;
    if (c->n_permits > 0) {
        one.u.class_.permits = reallocarray(NULL, c->n_permits, sizeof(struct permit));
        if (!one.u.class_.permits)
            return -1;
        memcpy(one.u.class_.permits, c->permits, c->n_permits * sizeof(struct permit));
    }
    if (changes_add(out, &one) < 0) {
        free(one.u.class_.permits);
        return -1;
    }
    return 0;
}

static int drop_class(struct changes *out, uint16_t id)
{
    const struct change one = {.kind = CHANGE_CLASS_DROP, .u.class_ = {.id = id}};
    return changes_add(out, &one);
}

static int add_device(struct changes *out, enum change_kind kind, const struct device *d)
{
    const struct change one = {.kind = kind, .u.device = *d};
    return changes_add(out, &one);
}

static int add_lease(struct changes *out, enum change_kind kind, const struct lease *l)
{
    const struct change one = {.kind = kind, .u.lease = *l};
    return changes_add(out, &one);
}

/* ---- three merges -------------------------------------------------------------------- */

static int diff_devices(const struct dataplane *have, const struct dataplane *want,
                        struct changes *out)
{
    size_t h = 0, w = 0;
    int rc = 0;
    while (rc == 0 && (h < have->n_devices || w < want->n_devices)) {
        const struct device *a = h < have->n_devices ? &have->devices[h] : NULL;
        const struct device *b = w < want->n_devices ? &want->devices[w] : NULL;
        if (!b || (a && a->index < b->index)) {
            rc = add_device(out, CHANGE_DEVICE_DROP, a);
            h++;
        } else if (!a || b->index < a->index) {
            rc = add_device(out, CHANGE_DEVICE_PUT, b);
            w++;
        } else {
            if (!same_device(a, b))
                rc = add_device(out, CHANGE_DEVICE_PUT, b);
            h++;
            w++;
        }
    }
    return rc;
}

static const struct access_class no_quarantine = {.id = 0};

static int diff_quarantine(const struct dataplane *have, const struct dataplane *want,
                           struct changes *out)
{
    const struct access_class *a = dataplane_class(have, 0), *b = dataplane_class(want, 0);
    a = a ? a : &no_quarantine;
    b = b ? b : &no_quarantine;
    return same_class(a, b) ? 0 : add_class(out, b);
}

static int diff_classes(const struct dataplane *have, const struct dataplane *want,
                        struct changes *out)
{
    int rc = diff_quarantine(have, want, out);
    for (size_t i = 0; i < want->n_classes && rc == 0; i++) {
        const struct access_class *b = &want->classes[i], *a = dataplane_class(have, b->id);
        if (b->id != 0 && (!a || !same_class(a, b)))
            rc = add_class(out, b);
    }
    for (size_t i = 0; i < have->n_classes && rc == 0; i++)
        if (have->classes[i].id != 0 && !dataplane_class(want, have->classes[i].id))
            rc = drop_class(out, have->classes[i].id);
    return rc;
}

static int diff_leases(const struct dataplane *have, const struct dataplane *want, int64_t slack,
                       struct changes *out)
{
    size_t h = 0, w = 0;
    int rc = 0;
    while (rc == 0 && (h < have->n_leases || w < want->n_leases)) {
        const struct lease *a = h < have->n_leases ? &have->leases[h] : NULL;
        const struct lease *b = w < want->n_leases ? &want->leases[w] : NULL;
        if (!b || (a && a->device < b->device)) {
            rc = add_lease(out, CHANGE_LEASE_DROP, a);
            h++;
        } else if (!a || b->device < a->device) {
            rc = add_lease(out, CHANGE_LEASE_PUT, b);
            w++;
        } else {
            if (!same_lease(a, b, slack))
                rc = add_lease(out, CHANGE_LEASE_PUT, b);
            h++;
            w++;
        }
    }
    return rc;
}

enum plan_error plan_diff(const struct dataplane *have, const struct dataplane *want,
                          int64_t slack_ms, struct changes *out)
{
    *out = (struct changes){0};
    if (diff_devices(have, want, out) == 0 && diff_classes(have, want, out) == 0 &&
        diff_leases(have, want, slack_ms, out) == 0)
        return PLAN_OK;
    changes_clear(out);
    return PLAN_MEMORY;
}
