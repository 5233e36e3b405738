/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Revocation and its receipt. The kernel is cut first, then it is written down, then answered:
 * what the receipt says left is what was read back from the kernel.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/invites.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "gateway/passkeys.h"
#include "gateway/secrets.h"
#include "policy/address.h"

struct cutting {
    struct engine *e;
    struct request *q;
    const struct cut *c;
    struct batch b;
    uint64_t seq;              /* of the audit record: the receipt's number */
    json_t *devices;
    unsigned tokens;
    bool dropped;              /* something was in the kernel */
    bool again;                /* the disk was full the first time; the kernel's part is done */
    bool verified;
    struct commit_answer told; /* what the kernel said to the cut */
};

static bool concerned(const struct cut *c, const struct dev *d)
{
    if (!c->user)
        return d == c->dev;
    return d->user == c->user->id && (c->compromised ? d->state == c->state && d->ended.s == c->at.s
                                                     : d->state == DEV_ACTIVE);
}

static void list_device(struct cutting *x, const struct dev *d)
{
    char a4[ADDR_TEXT], key[KEY_TEXT];
    json_t *o = json_pack("{s:s,s:s,s:s}", "name", d->name, "address4",
                          ip_print(&d->k.addr4, a4), "key", wg_key_print(&d->k.key, key));

    if (d->k.addr6.family)
        json_object_set_new(o, "address6", json_string(ip_print(&d->k.addr6, a4)));
    json_array_append_new(x->devices, o);
}

/* Its lease, its evidence and what it may still answer with are void. */
static void cut_device(struct cutting *x, struct dev *d)
{
    struct engine *e = x->e;

    list_device(x, d);
    x->dropped = x->dropped || d->enrolled;
    x->tokens += d->token_exp.s > clock_wall().s;
    d->token_exp.s = 0;
    d->proved_boot_ms = 0;
    (void)nonces_drop(e, d->k.index);
    store_drop_evidence(e->store, d->k.index);
    store_drop_lease(e->store, d->k.index);
    d->end_untold = d->end_untold || d->lease.class_id != 0;
    lease_decide(&x->b, d, NULL, x->c->kind);
    if (d->end_untold && d->lease.class_id == 0)
        lease_record_end(&x->b, d, x->c->kind);
}

/* A device's own signing key goes with the device. */
static void revoke_key(struct cutting *x, const struct dev *d)
{
    for (size_t i = 0; i < x->e->n_keys; i++) {
        struct token_key *k = &x->e->keys[i];
        if (k->kind != ISSUER_DEVICE || strcmp(k->iss, d->name) != 0)
            continue;
        k->status = KEY_REVOKED;
        store_put_key(x->e->store, k);
    }
}

/* For good: it does not come back with its person. */
static void end_device(struct cutting *x, const struct dev *d)
{
    store_put_dev(x->e->store, d);
    revoke_key(x, d);
}

static const char *act_name(const struct cut *c)
{
    if (c->user)
        return c->compromised ? "user.compromised" : "user.revoke";
    if (c->state == DEV_LOST)
        return "device.lost";
    return c->state == DEV_RETIRED ? "device.retire" : "device.revoke";
}

/* When nothing was there to drop: does the kernel hold what we think, which is nothing of them? */
static bool kernel_agrees(struct cutting *x)
{
    const struct commit_answer *a = &x->told;
    char what[128];

    if (x->dropped)
        return a->kernel_ns != 0 && a->leases_left == 0 && a->connections_left == 0 &&
               a->peers_left == 0;
    return kernel_verify(x->e, what) == 0 && what[0] == '\0';
}

static uint64_t us_since(const struct cutting *x, uint64_t ns)
{
    return ns > x->q->arrived_ns ? (ns - x->q->arrived_ns) / 1000 : 0;
}

static double ms_since(const struct cutting *x, uint64_t ns)
{
    return (double)us_since(x, ns) / 1000.0;
}

static json_int_t wall_at(const struct cutting *x, uint64_t ns)
{
    return x->q->arrived_us + (json_int_t)us_since(x, ns);
}

/* What the kernel did, as it goes into the audit log and into the receipt. */
static json_t *facts(const struct cutting *x)
{
    const struct commit_answer *a = &x->told;
    uint64_t cut_ns = a->kernel_ns ? a->kernel_ns : x->q->arrived_ns;

    return json_pack("{s:I,s:I,s:f,s:O,s:I,s:I,s:I,s:I,s:i,s:b}", "requested_us",
                     (json_int_t)x->q->arrived_us, "kernel_cut_us", wall_at(x, cut_ns), "cut_ms",
                     ms_since(x, cut_ns), "devices", x->devices, "connections_ended",
                     (json_int_t)a->connections, "leases_left", (json_int_t)a->leases_left,
                     "connections_left", (json_int_t)a->connections_left, "peers_left",
                     (json_int_t)a->peers_left, "tokens_revoked", (int)x->tokens, "verified",
                     x->verified);
}

/* The kernel has it, the disk not yet: what is recorded, and signed, is what was read back. */
static void record_cut(struct batch *b, void *arg)
{
    struct cutting *x = arg;

    if (!x->again) {
        x->told = b->answer;
        x->verified = kernel_agrees(x);
    }
    json_t *detail = facts(x);
    json_object_set_new(detail, "reason", json_string(x->c->reason));
    json_object_set_new(detail, "kind", json_string(x->c->kind));
    x->seq = audit_act(x->e, x->q->actor, x->q->uid, act_name(x->c), x->c->object, detail);
}

/* Into the database: all but the record of it, which waits for what the kernel says. */
static void enter(struct cutting *x)
{
    struct engine *e = x->e;

    x->devices = json_array();
    batch_begin(e, &x->b);
    x->b.before_disk = record_cut;
    x->b.arg = x;
    if (x->c->user) {
        store_put_user(e->store, x->c->user);
        store_void_invites(e->store, x->c->user->id, clock_wall());
        challenges_drop(&e->challenges[0], x->c->user->id);
        challenges_drop(&e->challenges[1], x->c->user->id);
    }
    if (x->c->compromised) {
        store_drop_secret(e->store, x->c->user->id);
        store_drop_setup(e->store, x->c->user->id);
        store_drop_passkeys(e->store, x->c->user->id);
    }
    for (size_t i = 0; i < e->n_devs; i++) {
        struct dev *d = &e->devs[i];
        if (!concerned(x->c, d))
            continue;
        if (d->state != DEV_ACTIVE)
            end_device(x, d);
        cut_device(x, d);
    }
}

static enum store_result write_cut(struct cutting *x)
{
    enter(x);
    enum store_result r = batch_commit(&x->b, CUT_FIRST);
    for (size_t i = 0; r == STORE_OK && i < x->e->n_devs; i++)
        if (concerned(x->c, &x->e->devs[i]))
            x->e->devs[i].end_untold = false;
    return r;
}

/* Once more with the space that was kept for this. The kernel holds the cut already. */
static enum store_result cut(struct cutting *x)
{
    enum store_result r = write_cut(x);
    if (r != STORE_FULL || !store_release_reserve(x->e->store))
        return r;
    x->again = true;
    json_decref(x->devices);
    return write_cut(x);
}

static json_t *receipt(struct cutting *x)
{
    const struct commit_answer *a = &x->told;
    char name[32];

    snprintf(name, sizeof name, "R%06llu", (unsigned long long)x->seq);
    json_t *o = json_pack("{s:s,s:s,s:s,s:s,s:I,s:I,s:f}", "receipt", name, "kind", x->c->kind,
                          "object", x->c->object, "actor", x->q->actor, "durable_us",
                          wall_at(x, x->b.durable_ns), "answered_us", wall_at(x, clock_mono_ns()),
                          "durable_ms", ms_since(x, x->b.durable_ns));
    json_object_update_new(o, facts(x));
    if (a->kernel_ns)
        histogram_add(&x->e->metrics.cut, us_since(x, a->kernel_ns));
    histogram_add(&x->e->metrics.durable, us_since(x, x->b.durable_ns));
    if (!x->verified)
        alarm_raise(x->e, "receipt %s is not verified: %u lease(s), %u connection(s), %u peer(s) "
                    "left", name, a->leases_left, a->connections_left, a->peers_left);
    return o;
}

/* The answer: the receipt, and the signed document that proves its record. */
static json_t *with_document(struct cutting *x, json_t *receipt)
{
    json_t *document = audit_document(x->e, x->seq), *o = document ? json_copy(receipt) : NULL;

    if (!o)
        return json_incref(receipt);
    json_object_set_new(o, "document", document);
    return o;
}

/* The record of the receipt itself waits until it is given: who asked waits for nothing else. */
static void keep_receipt(struct engine *e, const struct request *q, const struct cut *c,
                         json_t *body)
{
    if (!e->receipts)
        e->receipts = json_array();
    json_array_append_new(e->receipts, json_pack("{s:s,s:I,s:s,s:O}", "actor", q->actor, "uid",
                                                 (json_int_t)q->uid, "object", c->object,
                                                 "receipt", body));
}

void control_after(struct engine *e)
{
    json_t *one;
    size_t i;

    json_array_foreach(e->receipts, i, one)
        audit_note(e, json_string_value(json_object_get(one, "actor")),
                   (uint32_t)json_integer_value(json_object_get(one, "uid")), "receipt",
                   json_string_value(json_object_get(one, "object")),
                   json_incref(json_object_get(one, "receipt")));
    json_decref(e->receipts);
    e->receipts = NULL;
}

struct reply cut_off(struct engine *e, struct request *q, const struct cut *c)
{
    struct cutting x = {.e = e, .q = q, .c = c};
    struct reply r;

    if (cut(&x) == STORE_OK) {
        event_add(e, "act", "%s: %s %s", q->actor, act_name(c), c->object);
        json_t *given = receipt(&x);
        keep_receipt(e, q, c, given);
        r = (struct reply){200, with_document(&x, given)};
        json_decref(given);
    } else {
        alarm_raise(e, "%s %s is cut in the kernel, but the disk is full and it is not written",
                    act_name(c), c->object);
        r = reply_error(503, "store_unavailable", "The access is cut, but the disk is full: it is "
                        "not written down and would be open again after a restart.",
                        "Make room on the file system of the state directory and repeat this.");
    }
    json_decref(x.devices);
    return r;
}
