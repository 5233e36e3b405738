/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs about devices: enrolment, exceptions, and the ways in which they end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/admins.h"
#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/enrolment.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "policy/address.h"

struct reply no_such_device(struct engine *e, const char *name)
{
    char best[NAME_SIZE] = "", hint[NAME_SIZE + 32] = "";
    unsigned distance = UINT32_MAX;

    for (size_t i = 0; i < e->n_devs; i++)
        if (e->devs[i].state)
            nearest_name(name, e->devs[i].name, best, &distance);
    if (best[0])
        snprintf(hint, sizeof hint, "Did you mean '%s'?", best);
    return reply_errorf(404, "unknown_device", hint, "There is no device '%s'.", name);
}

/* ---- reading -------------------------------------------------------------------------------- */

struct reply control_device(struct engine *e, struct request *q)
{
    struct dev *d = dev_by_name(e, q->name);

    return d ? (struct reply){200, dev_json(e, d, true)} : no_such_device(e, q->name);
}

struct dev_wanted { const struct user *owner; const char *state, *q; };   /* NULL: any */

static bool in_state(struct engine *e, const struct dev *d, const char *state)
{
    return !state || strcmp(dev_state_name(e, d), state) == 0 ||
           (strcmp(state, "ended") == 0 && !dev_should_enrol(e, d));
}

static bool dev_listed(struct engine *e, const struct dev *d, const struct dev_wanted *w)
{
    return d->state && (!w->owner || d->user == w->owner->id) && in_state(e, d, w->state) &&
           dev_found(e, d, w->q);
}

static int64_t count_devices(struct engine *e, const struct dev_wanted *w)
{
    int64_t n = 0;

    for (size_t i = 0; i < e->n_devs; i++)
        n += dev_listed(e, &e->devs[i], w);
    return n;
}

static void list_devices(struct engine *e, const struct dev_wanted *w, size_t from, size_t limit,
                         json_t *o)
{
    json_t *items = json_object_get(o, "items");

    for (size_t i = from; i < e->n_devs; i++) {
        if (!dev_listed(e, &e->devs[i], w))
            continue;
        if (json_array_size(items) == limit) {
            json_object_set(o, "next", json_object_get(json_array_get(items, limit - 1), "name"));
            return;
        }
        json_array_append_new(items, dev_json(e, &e->devs[i], false));
    }
}

struct reply control_devices(struct engine *e, struct request *q)
{
    const char *after = query_get(q, "after"), *user = query_get(q, "user");
    struct dev *last = after ? dev_by_name(e, after) : NULL;
    struct dev_wanted w = {user ? user_by_name(e, user) : NULL, query_get(q, "state"),
                           query_get(q, "q")};
    int64_t limit = 1000, count = 0;

    if (user && !w.owner)
        return no_such_user(e, user);
    if (!query_int(q, "limit", 1, 5000, &limit) || !query_int(q, "count", 0, 1, &count) ||
        (after && !last))
        return reply_error(400, "bad_query", "limit is 1 to 5000, count is 1, after is the name of "
                           "a device.", NULL);
    json_t *o = json_pack("{s:[]}", "items");
    list_devices(e, &w, last ? last->k.index + 1 : 0, (size_t)limit, o);
    if (count == 1)
        json_object_set_new(o, "total", json_integer(count_devices(e, &w)));
    return (struct reply){200, o};
}

/* ---- enrolling ------------------------------------------------------------------------------ */

/* An address that the device has already, from a configuration older than this gateway. */
static uint32_t index_of(struct engine *e, struct body *b, const char *address)
{
    struct ip_addr a;
    uint32_t index = ip_parse(address, strlen(address), &a) ? dev_index_at(&e->conf, &a) : 0;
    const struct dev *holder = dev_by_index(e, index);

    if (index == 0)
        body_fail(b, reply_errorf(400, "bad_address", "It is one of the tunnel networks, and not the "
                                  "gateway's own.", "'%s' is no address for a device.", address));
    else if (holder)
        body_fail(b, reply_errorf(409, "address_exists", "Addresses are never used twice.",
                                  "This address belongs to the device '%s'.", holder->name));
    return index;
}

static struct reply user_revoked(const struct user *u)
{
    return reply_errorf(409, "user_revoked", "portcullis user restore brings them back.",
                        "'%s' is revoked.", u->name);
}

static void read_names(struct engine *e, struct body *b, struct enrolment *n)
{
    const char *name = body_text(b, "name", NAME_SIZE - 1, true);
    const char *user = body_text(b, "user", NAME_SIZE - 1, false);

    if (b->failed)
        return;
    struct user *u = user ? user_by_name(e, user) : NULL;
    struct dev *same = dev_by_name(e, name);
    if (!name_valid(name))
        body_fail(b, reply_errorf(400, "bad_name", "Names are a-z, 0-9, '.', '_', '-', and begin "
                                  "with a letter or digit.", "'%s' is no name.", name));
    else if (user && !u)
        body_fail(b, no_such_user(e, user));
    else if (same)
        body_fail(b, reply_errorf(409, "device_exists", "Names are not used twice, also of devices "
                                  "that ended.", "There is a device '%s' already.", name));
    else if (u && u->state != USER_ACTIVE)
        body_fail(b, user_revoked(u));
    if (b->failed)
        return;
    snprintf(n->d.name, sizeof n->d.name, "%s", name);
    n->d.user = u ? u->id : 0;
}

static void read_tunnel_key(struct engine *e, struct body *b, struct enrolment *n)
{
    const char *key = body_text(b, "wireguard_key", KEY_TEXT, true);

    if (!key)
        return;
    if (!wg_key_parse(key, strlen(key), &n->d.k.key)) {
        body_fail(b, reply_error(400, "bad_key", "'wireguard_key' is not a WireGuard public key.",
                                 "It has 44 characters, the last is '=': see wg pubkey."));
        return;
    }
    const struct dev *holder = dev_by_key(e, &n->d.k.key);
    if (holder)
        body_fail(b, reply_errorf(409, "key_exists", "Every device has a key of its own; keys of "
                                  "devices that ended do not come back.",
                                  "This key belongs to the device '%s'.", holder->name));
    if (wg_key_equal(&n->d.k.key, &e->public_key))
        body_fail(b, reply_error(409, "key_exists", "This is the gateway's own key.", NULL));
}

static void read_enrolment(struct engine *e, struct body *b, struct enrolment *n)
{
    read_names(e, b, n);
    read_tunnel_key(e, b, n);
    const char *own = body_text(b, "own", 4, false);
    const char *ueid = body_text(b, "ueid", CLAIM_TEXT - 1, false);
    const char *address = body_text(b, "address4", ADDR_TEXT - 1, false);
    if (own && strcmp(own, "corp") != 0 && strcmp(own, "byod") != 0)
        body_fail(b, reply_error(400, "bad_member", "'own' is \"corp\" or \"byod\".", NULL));
    n->d.corp = !own || strcmp(own, "corp") == 0;
    snprintf(n->ueid, sizeof n->ueid, "%s", ueid ? ueid : "");
    enrolment_own_key(e, b, n);
    if (!body_done(b))
        return;
    n->placed = address != NULL;
    n->d.k.index = address ? index_of(e, b, address) : enrolment_index(e);
    if (n->d.k.index == 0)
        body_fail(b, reply_error(409, "network_full", "The tunnel network has no address left.",
                                 "Indexes are never used twice: widen the tunnel networks."));
}

static json_t *enrolled_json(struct engine *e, struct dev *d)
{
    json_t *o = dev_json(e, d, false);
    char text[ADDR_TEXT], key[KEY_TEXT];

    json_object_set_new(o, "endpoint_port", json_integer(e->conf.tunnel.listen_port));
    json_object_set_new(o, "gateway_key", json_string(wg_key_print(&e->public_key, key)));
    json_object_set_new(o, "gateway_address4",
                        json_string(ip_print(&e->conf.tunnel.net4.addr, text)));
    if (e->conf.tunnel.net6.addr.family)
        json_object_set_new(o, "gateway_address6",
                            json_string(ip_print(&e->conf.tunnel.net6.addr, text)));
    return o;
}

/* A device of an admin is somebody's who has their rights. */
static void check_owner(struct engine *e, const struct request *q, struct body *b,
                        const struct enrolment *n)
{
    struct reply no;

    if (!b->failed && n->d.user && !may_act_on(q, &e->users[n->d.user - 1], false, &no))
        body_fail(b, no);
    if (!b->failed && n->d.user && enrolment_at_limit(e, &e->users[n->d.user - 1]))
        body_fail(b, enrolment_limit(e, &e->users[n->d.user - 1]));
}

/* Memory has the device before the batch, so that the batch can find it. */
static struct reply enrol(struct engine *e, struct request *q, const struct enrolment *n)
{
    char key[KEY_TEXT];
    struct batch b;

    batch_begin(e, &b);
    struct dev *d = enrolment_add(&b, n);
    audit_act(e, q->actor, q->uid, "device.add", d->name,
              json_pack("{s:s,s:s,s:s,s:s,s:s}", "user", dev_user(e, d)->name, "key",
                        wg_key_print(&d->k.key, key), "own", d->corp ? "corp" : "byod", "ueid",
                        n->ueid, "kid", n->has_key ? n->key.kid : ""));
    lease_decide(&b, d, NULL, "device.add");
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        dev_forget(e, d);
        return reply_full();
    }
    if (n->has_key)
        key_add(e, &n->key);
    event_add(e, "act", "%s enrolled %s for %s", q->actor, d->name,
              d->user ? dev_user(e, d)->name : "nobody yet");
    return (struct reply){201, enrolled_json(e, d)};
}

struct reply control_device_add(struct engine *e, struct request *q)
{
    static struct enrolment n;
    struct body b;

    n = (struct enrolment){.d = {.state = DEV_ACTIVE, .approved = true, .created = clock_wall()}};
    body_open(&b, q, false);
    if (!b.failed)
        read_enrolment(e, &b, &n);
    check_owner(e, q, &b, &n);
    struct reply r = b.failed ? b.error : enrol(e, q, &n);
    body_close(&b);
    return r;
}

/* ---- whose it is ---------------------------------------------------------------------------- */

static struct reply assign(struct engine *e, struct request *q, struct dev *d,
                           const struct enrolment *n)
{
    const char *user = e->users[n->d.user - 1].name;
    struct batch b;

    batch_begin(e, &b);
    d->user = n->d.user;
    store_put_dev(e->store, d);
    if (n->has_key)
        store_put_key(e->store, &n->key);
    audit_act(e, q->actor, q->uid, "device.assign", d->name,
              json_pack("{s:s,s:s}", "user", user, "kid", n->has_key ? n->key.kid : ""));
    lease_decide(&b, d, NULL, "device.assign");
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        d->user = 0;
        return reply_full();
    }
    if (n->has_key)
        key_add(e, &n->key);
    event_add(e, "act", "%s gave the device %s to %s", q->actor, d->name, user);
    return (struct reply){200, dev_json(e, d, true)};
}

/* Once, and never again: whoever had a device has had its keys. */
static void read_assignment(struct engine *e, struct body *b, const struct dev *d,
                            struct enrolment *n)
{
    const char *name = body_text(b, "user", NAME_SIZE - 1, true);

    snprintf(n->d.name, sizeof n->d.name, "%s", d->name);
    enrolment_own_key(e, b, n);
    if (!body_done(b))
        return;
    const struct user *u = user_by_name(e, name);
    if (!u)
        body_fail(b, no_such_user(e, name));
    else if (u->state != USER_ACTIVE)
        body_fail(b, user_revoked(u));
    else if (d->user || d->state != DEV_ACTIVE)
        body_fail(b, reply_errorf(409, "device_owned", "Retire it, and enrol it for the other person "
                                  "with a new key.", "'%s' %s.", d->name,
                                  d->user ? "belongs to somebody already" : "has ended"));
    else
        n->d.user = u->id;
}

struct reply control_device_assign(struct engine *e, struct request *q)
{
    static struct enrolment n;
    struct dev *d = dev_by_name(e, q->name);
    struct body b;

    if (!d)
        return no_such_device(e, q->name);
    n = (struct enrolment){0};
    body_open(&b, q, false);
    if (!b.failed)
        read_assignment(e, &b, d, &n);
    check_owner(e, q, &b, &n);
    struct reply r = b.failed ? b.error : assign(e, q, d, &n);
    body_close(&b);
    return r;
}

/* ---- ending --------------------------------------------------------------------------------- */

static struct reply end_device(struct engine *e, struct request *q, enum dev_state state)
{
    struct dev *d = dev_by_name(e, q->name);
    struct body b;

    if (!d)
        return no_such_device(e, q->name);
    body_open(&b, q, true);
    const char *reason = b.failed ? NULL : body_text(&b, "reason", REASON_SIZE - 1, false);
    struct reply r;
    if (!body_done(&b)) {
        r = b.error;
    } else {
        d->state = state;
        d->ended = clock_wall();
        r = cut_off(e, q, &(struct cut){.kind = "device", .object = d->name, .dev = d,
                                        .state = state, .reason = reason ? reason : ""});
    }
    body_close(&b);
    return r;
}

struct reply control_device_revoke(struct engine *e, struct request *q)
{
    return end_device(e, q, DEV_REVOKED);
}

struct reply control_device_lost(struct engine *e, struct request *q)
{
    return end_device(e, q, DEV_LOST);
}

struct reply control_device_retire(struct engine *e, struct request *q)
{
    return end_device(e, q, DEV_RETIRED);
}

/* ---- exceptions ----------------------------------------------------------------------------- */

static bool rule_exists(struct engine *e, const char *rule)
{
    char text[RULE_TEXT];

    for (size_t p = 0; p < e->policy->n_postures; p++) {
        const struct posture *block = &e->policy->postures[p];
        for (unsigned i = 0; i < block->n_rules; i++) {
            rule_print(&block->rules[i], text);
            if (strcmp(text, rule) == 0)
                return true;
        }
    }
    return strncmp(rule, "os ", 3) == 0;
}

static void read_exception(struct engine *e, struct body *b, struct exception *x)
{
    const char *rule = body_text(b, "rule", RULE_TEXT - 1, true);
    const char *reason = body_text(b, "reason", TEXT_SIZE - 1, true);
    int64_t now = clock_wall().s;

    if (!body_member(b, "until", JSON_INTEGER, true))
        return;
    b->taken--;   /* read again, with its bounds */
    x->until.s = body_int(b, "until", now + 1, now + 366 * 86400, 0);
    if (!body_done(b))
        return;
    if (!rule_exists(e, rule))
        body_fail(b, reply_errorf(400, "unknown_rule", "Give it as the device's posture shows it.",
                                  "The policy in force has no rule '%s'.", rule));
    snprintf(x->rule, sizeof x->rule, "%s", rule);
    snprintf(x->reason, sizeof x->reason, "%s", reason);
}

static struct reply except(struct engine *e, struct request *q, struct dev *d,
                           const struct exception *x)
{
    struct batch b;

    batch_begin(e, &b);
    store_put_exception(e->store, d->k.index, x, q->actor, clock_wall());
    audit_act(e, q->actor, q->uid, "device.exception", d->name,
              json_pack("{s:s,s:I,s:s}", "rule", x->rule, "until", (json_int_t)x->until.s,
                        "reason", x->reason));
    lease_decide(&b, d, NULL, "device.exception");
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK)
        return reply_full();
    event_add(e, "act", "%s made an exception for %s: %s", q->actor, d->name, x->rule);
    return (struct reply){200, dev_json(e, d, true)};
}

struct reply control_device_exception(struct engine *e, struct request *q)
{
    struct dev *d = dev_by_name(e, q->name);
    struct exception x = {0};
    struct body b;

    if (!d)
        return no_such_device(e, q->name);
    body_open(&b, q, false);
    if (!b.failed)
        read_exception(e, &b, &x);
    struct reply r = b.failed ? b.error : except(e, q, d, &x);
    body_close(&b);
    return r;
}
