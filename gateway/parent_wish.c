/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The mirror of what the kernel should hold. A lease is kept with the time at which it ends, so
 * that a repair an hour later grants exactly what is left of it.
 */
#include "gateway/parent.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/log.h"

void wish_prune(struct dataplane *wish, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < wish->n_leases; i++)
        if (wish->leases[i].left_ms > now_ms)
            wish->leases[kept++] = wish->leases[i];
    wish->n_leases = kept;
}

static void prune_one(struct dataplane *wish, uint32_t device, int64_t now_ms)
{
    const struct lease *l = dataplane_lease(wish, device);
    if (!l || l->left_ms > now_ms)
        return;
    size_t at = (size_t)(l - wish->leases);
    wish->n_leases--;
    memmove(wish->leases + at, wish->leases + at + 1, (wish->n_leases - at) * sizeof *wish->leases);
}

static uint32_t touched_device(const struct change *c)
{
    if (c->kind == CHANGE_LEASE_PUT || c->kind == CHANGE_LEASE_DROP)
        return c->u.lease.device;
    return c->kind == CHANGE_DEVICE_DROP ? c->u.device.index : 0;
}

void wish_prune_touched(struct dataplane *wish, const struct changes *c, int64_t now_ms)
{
    bool class_goes = false;
    for (size_t i = 0; i < c->n; i++)
        class_goes = class_goes || c->v[i].kind == CHANGE_CLASS_DROP;
    if (c->n > 16 || class_goes) {
        wish_prune(wish, now_ms);
        return;
    }
    for (size_t i = 0; i < c->n; i++)
        prune_one(wish, touched_device(&c->v[i]), now_ms);
}

int64_t wish_last_end(const struct dataplane *wish)
{
    int64_t last = 0;
    for (size_t i = 0; i < wish->n_leases; i++)
        if (wish->leases[i].left_ms > last)
            last = wish->leases[i].left_ms;
    return last;
}

int wish_view(const struct dataplane *wish, int64_t now_ms, struct dataplane *view)
{
    *view = *wish;
    view->leases = calloc(wish->n_leases + 1, sizeof *view->leases);
    if (!view->leases)
        return -ENOMEM;
    if (wish->n_leases > 0)
        memcpy(view->leases, wish->leases, wish->n_leases * sizeof *view->leases);
    wish_prune(view, now_ms);
    for (size_t i = 0; i < view->n_leases; i++)
        view->leases[i].left_ms -= now_ms;
    return 0;
}

void wish_view_end(struct dataplane *view) { free(view->leases); }

void wish_apply(struct dataplane *wish, struct changes *c, int64_t now_ms)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->v[i].kind == CHANGE_LEASE_PUT)
            c->v[i].u.lease.left_ms += now_ms;
    if (plan_apply(wish, c) != PLAN_OK)
        fatal("out of memory: the kernel holds more than this process can remember");
}

static int copy_array(const void *from, size_t n, size_t size, void *to)
{
    void *v = calloc(n + 1, size);
    if (!v)
        return -ENOMEM;
    if (n > 0)
        memcpy(v, from, n * size);
    memcpy(to, &v, sizeof v);
    return 0;
}

static int copy_classes(const struct dataplane *wish, struct dataplane *out)
{
    if (copy_array(wish->classes, wish->n_classes, sizeof *wish->classes, &out->classes) < 0)
        return -ENOMEM;
    for (; out->n_classes < wish->n_classes; out->n_classes++) {
        struct access_class *c = &out->classes[out->n_classes];
        if (copy_array(c->permits, c->n_permits, sizeof *c->permits, &c->permits) < 0)
            return -ENOMEM;
    }
    return 0;
}

int wish_copy(const struct dataplane *wish, struct dataplane *out)
{
    *out = (struct dataplane){.tunnel = wish->tunnel};
    if (copy_classes(wish, out) == 0 &&
        copy_array(wish->devices, wish->n_devices, sizeof *wish->devices, &out->devices) == 0 &&
        copy_array(wish->leases, wish->n_leases, sizeof *wish->leases, &out->leases) == 0) {
        out->n_devices = wish->n_devices;
        out->n_leases = wish->n_leases;
        return 0;
    }
    dataplane_clear(out);
    return -ENOMEM;
}
