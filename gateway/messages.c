/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of messages as a question, and the bodies that both sides must agree on. */
#include "gateway/messages.h"

#include <stdlib.h>
#include <string.h>

#include "gateway/channel.h"

#define X(name, number, from, to, max)                                                             \
    _Static_assert((max) <= CHANNEL_MESSAGE_MAX, #name " fits a channel");                         \
    _Static_assert((from) != (to), #name " has two ends");
MESSAGES(X)
#undef X

const char *role_name(enum gateway_role r)
{
    static const char *const names[ROLES] = {"parent", "engine", "portal", "api", "capture",
                                             "courier", "enrol", "console"};
    return (unsigned)r < ROLES ? names[r] : "unknown";
}

bool message_allowed(enum message_type t, enum gateway_role from, enum gateway_role to,
                     uint32_t len)
{
    switch (t) {
#define X(name, number, sender, receiver, max)                                                     \
    case name:                                                                                     \
        return from == (sender) && to == (receiver) && len <= (max);
        MESSAGES(X)
#undef X
    case MSG_NONE:
        break;
    }
    return false;
}

void put_commit_answer(struct writer *w, const struct commit_answer *a)
{
    put_u32(w, a->at);
    put_u64(w, a->kernel_ns);
    put_u64(w, a->done_ns);
    put_u32(w, a->connections);
    put_u32(w, a->leases_left);
    put_u32(w, a->connections_left);
    put_u32(w, a->peers_left);
}

void get_commit_answer(struct reader *r, struct commit_answer *a)
{
    a->at = get_u32(r);
    a->kernel_ns = get_u64(r);
    a->done_ns = get_u64(r);
    a->connections = get_u32(r);
    a->leases_left = get_u32(r);
    a->connections_left = get_u32(r);
    a->peers_left = get_u32(r);
}

void put_inspect_answer(struct writer *w, const struct inspect_answer *a)
{
    put_u8(w, a->enrolled);
    put_u8(w, a->lease);
    put_u8(w, a->live);
    put_u8(w, a->peer);
    put_u32(w, a->mark);
    put_i64(w, a->left_ms);
    put_u32(w, a->connections);
    put_u8(w, a->permitted);
}

void get_inspect_answer(struct reader *r, struct inspect_answer *a)
{
    a->enrolled = get_bool(r);
    a->lease = get_bool(r);
    a->live = get_bool(r);
    a->peer = get_bool(r);
    a->mark = get_u32(r);
    a->left_ms = get_i64(r);
    a->connections = get_u32(r);
    a->permitted = get_bool(r);
}

/* ---- changes ---------------------------------------------------------------------------- */

#define PERMIT_BYTES_MIN 7u /* two empty addresses, protocol, two ports */

static void put_class(struct writer *w, const struct access_class *c)
{
    put_u16(w, c->id);
    if (c->n_permits > UINT32_MAX)
        w->failed = true;
    put_u32(w, (uint32_t)c->n_permits);
    for (size_t i = 0; i < c->n_permits && !w->failed; i++)
        put_permit(w, &c->permits[i]);
}

/* The count is believed only as far as bytes are there for it. */
static void get_class(struct reader *r, struct access_class *c)
{
    c->id = get_u16(r);
    size_t n = get_u32(r);
    if (r->failed || n == 0)
        return;
    if (n > r->n / PERMIT_BYTES_MIN || !(c->permits = calloc(n, sizeof *c->permits))) {
        r->failed = true;
        return;
    }
    c->n_permits = n;
    for (size_t i = 0; i < n && !r->failed; i++)
        get_permit(r, &c->permits[i]);
    if (!r->failed)
        return;
    free(c->permits);
    c->permits = NULL;
    c->n_permits = 0;
}

void put_change(struct writer *w, const struct change *c)
{
    put_u8(w, (uint8_t)c->kind);
    switch (c->kind) {
    case CHANGE_DEVICE_PUT:
        put_device(w, &c->u.device);
        return;
    case CHANGE_DEVICE_DROP:
        put_u32(w, c->u.device.index);
        return;
    case CHANGE_LEASE_PUT:
        put_lease(w, &c->u.lease);
        return;
    case CHANGE_LEASE_DROP:
        put_u32(w, c->u.lease.device);
        return;
    case CHANGE_CLASS_PUT:
        put_class(w, &c->u.class_);
        return;
    case CHANGE_CLASS_DROP:
        put_u16(w, c->u.class_.id);
        return;
    }
    w->failed = true;
}

void get_change(struct reader *r, struct change *c)
{
    memset(c, 0, sizeof *c);
    c->kind = (enum change_kind)get_u8(r);
    switch (c->kind) {
    case CHANGE_DEVICE_PUT:
        get_device(r, &c->u.device);
        return;
    case CHANGE_DEVICE_DROP:
        c->u.device.index = get_u32(r);
        return;
    case CHANGE_LEASE_PUT:
        get_lease(r, &c->u.lease);
        return;
    case CHANGE_LEASE_DROP:
        c->u.lease.device = get_u32(r);
        return;
    case CHANGE_CLASS_PUT:
        get_class(r, &c->u.class_);
        return;
    case CHANGE_CLASS_DROP:
        c->u.class_.id = get_u16(r);
        return;
    }
    r->failed = true;
}
