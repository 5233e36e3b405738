/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How a device comes to be. */
#include "gateway/enrolment.h"

#include <stdio.h>

#include "gateway/admins.h"
#include "gateway/leases.h"

uint32_t enrolment_index(struct engine *e)
{
    struct device probe = {.index = (uint32_t)store_get(e->store, "device_next", 1)};

    for (unsigned tries = 0; probe.index <= DEVICE_MAX && tries < 4; probe.index++) {
        if (dev_by_index(e, probe.index))
            continue;
        if (dev_address(&e->conf, &probe))
            return probe.index;
        tries++;
    }
    return 0;
}

bool enrolment_at_limit(struct engine *e, const struct user *u)
{
    uint32_t n = 0;

    for (size_t i = 0; i < e->n_devs; i++)
        n += e->devs[i].state == DEV_ACTIVE && e->devs[i].user == u->id;
    return e->policy->enrol_devices && n >= e->policy->enrol_devices;
}

struct reply enrolment_limit(struct engine *e, const struct user *u)
{
    return reply_errorf(409, "device_limit", "Retire a device that is not used any more, or say "
                        "\"at most\" more in the policy's enrolment.",
                        "'%s' has %u devices, as many as the policy permits.", u->name,
                        e->policy->enrol_devices);
}

void enrolment_own_key(struct engine *e, struct body *b, struct enrolment *n)
{
    json_t *issuer = body_member(b, "issuer", JSON_OBJECT, false);
    struct body inner = {.o = json_incref(issuer)};
    const char *why = "";

    if (!issuer)
        return;
    n->has_key = issuer_read(e, &inner, &n->key);
    if (inner.failed)
        body_fail(b, inner.error);
    body_close(&inner);
    if (!n->has_key)
        return;
    snprintf(n->key.iss, sizeof n->key.iss, "%s", n->d.name);
    n->key.kind = ISSUER_DEVICE;
    n->key.assurance_max = 1;
    n->key.nonce_required = true;
    if (!token_key_valid(&n->key, &why))
        body_fail(b, reply_errorf(400, "bad_key", NULL, "The signing key is refused: %s.", why));
}

struct dev *enrolment_add(struct batch *b, const struct enrolment *n)
{
    struct engine *e = b->e;
    struct dev *d = dev_add(e, &n->d);

    store_put_dev(e->store, d);
    if (d->k.index >= store_get(e->store, "device_next", 1) && !n->placed)
        store_set(e->store, "device_next", (int64_t)d->k.index + 1);
    if (n->ueid[0])
        store_set_ueid(e->store, d->k.index, n->ueid);
    if (n->has_key)
        store_put_key(e->store, &n->key);
    return d;
}

/* ---- approval ------------------------------------------------------------------------------- */

static struct reply approve(struct engine *e, struct request *q, struct dev *d)
{
    struct batch b;

    batch_begin(e, &b);
    d->approved = true;
    store_put_dev(e->store, d);
    audit_act(e, q->actor, q->uid, "device.approve", d->name,
              json_pack("{s:s}", "user", dev_user(e, d)->name));
    lease_decide(&b, d, NULL, "device.approve");
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        d->approved = false;
        return reply_full();
    }
    event_add(e, "act", "%s approved the device %s of %s", q->actor, d->name,
              dev_user(e, d)->name);
    return (struct reply){200, dev_json(e, d, true)};
}

struct reply control_device_approve(struct engine *e, struct request *q)
{
    struct dev *d = dev_by_name(e, q->name);
    struct reply no;

    if (!d)
        return no_such_device(e, q->name);
    if (!may_act_on(q, dev_user(e, d), false, &no))
        return no;
    if (d->state != DEV_ACTIVE || d->approved)
        return reply_errorf(409, "not_waiting", NULL, "'%s' %s.", d->name,
                            d->approved ? "is approved" : "has ended");
    return approve(e, q, d);
}
