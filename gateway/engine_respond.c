/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From attempt to answer: whose doing it is, which pattern it completes, what follows. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "gateway/respond.h"
#include "policy/address.h"

#define SWEEP_EVERY_S 60

/* ---- whose doing ---------------------------------------------------------------------------- */

static bool to_whole_network(const struct engine *e, const struct ip_addr *a)
{
    const struct ip_prefix *net = &e->conf.tunnel.net4;
    struct ip_addr last = prefix_range(net).last;

    return a->family == net->addr.family && ip_cmp(a, &last) == 0;
}

static bool reaches(const struct policy *p, uint64_t roles, int resource)
{
    for (size_t i = 0; i < p->n_roles; i++)
        for (size_t j = 0; (roles >> i & 1) && j < p->roles[i].n_reach; j++)
            if (p->roles[i].reach[j] == resource)
                return true;
    return false;
}

/* What the person's roles reach is their work, also while no lease permits it: when one ends, all
 * that it carried is refused at once, however many ports that were. */
static bool is_own_work(struct engine *e, const struct dev *d, const struct attempt *a)
{
    uint64_t roles = dev_user(e, d)->role_mask;
    int resource = policy_resource_at(e->policy, roles, &a->destination, a->proto, a->port);

    return resource >= 0 && reaches(e->policy, roles, resource);
}

/* Did the device send it, to where it has no business? */
static bool packet_counts(struct engine *e, const struct dev *d, const struct attempt *a)
{
    return d && d == dev_by_address(e, &a->source) && !to_whole_network(e, &a->destination) &&
           !is_own_work(e, d, a);
}

/* The device that has done it itself, and what: NULL when that is not proven (policy/patterns.h
 * says why for each). The names in an attempt say whom it concerns, which is less. */
static struct dev *doer(struct engine *e, const struct attempt *a, struct pattern_event *ev)
{
    struct dev *named = a->device[0] ? dev_by_name(e, a->device) : NULL;

    *ev = (struct pattern_event){.reason = (enum deny_reason)a->reason, .dst = a->destination,
                                 .proto = a->proto, .port = a->port,
                                 .count = a->count < UINT32_MAX ? (uint32_t)a->count : UINT32_MAX};
    switch (a->kind) {
    case ATTEMPT_PACKET:
        ev->kind = SEEN_DENIED;
        return packet_counts(e, named, a) ? named : NULL;
    case ATTEMPT_TOKEN:
        ev->kind = SEEN_BAD_TOKEN;
        return named;
    case ATTEMPT_TWO_PLACES:
        ev->kind = SEEN_TWO_PLACES;
        return named;
    case ATTEMPT_KNOCK:
        ev->kind = SEEN_ENDED_KEY;
        return a->reason == HANDSHAKE_ENDED_KEY ? named : NULL;
    case ATTEMPT_ADMIN:
    case ATTEMPT_SIGN_IN:
    case ATTEMPT_ENROL:
    case ATTEMPT_KINDS:
        break;
    }
    return NULL;
}

/* What a device does while it is held says nothing new: its programs go on trying. One that has
 * ended is not held by that any more. */
static bool answered_already(struct engine *e, const struct dev *d)
{
    return d->hold != HOLD_NONE && dev_should_enrol(e, d);
}

void respond_note(struct engine *e, const struct attempt *a)
{
    struct pattern_event ev;
    struct dev *d = doer(e, a, &ev);

    if (!d || answered_already(e, d))
        return;
    if (!d->seen && !(d->seen = calloc(1, sizeof *d->seen)))
        fatal("out of memory");
    int complete = patterns_see(d->seen, &e->policy->respond, &ev, clock_boot_ms());
    if (complete < 0)
        fatal("out of memory");
    d->due |= (uint8_t)complete;
    e->answers_due = e->answers_due || complete != 0;
}

void respond_forget(struct dev *d)
{
    if (d->seen)
        patterns_clear(d->seen);
    free(d->seen);
    d->seen = NULL;
    d->due = 0;
}

/* ---- the cause ------------------------------------------------------------------------------ */

/* The attempts of this pattern's kind inside its window, written down first: then they have ids. */
static void find_attempts(struct engine *e, const struct dev *d, struct hold *h)
{
    static const struct { enum attempt_kind kind; int reason; } of[PATTERNS] = {
        [PATTERN_PORT_SCAN] = {ATTEMPT_PACKET, -1},
        [PATTERN_HOST_SCAN] = {ATTEMPT_PACKET, -1},
        [PATTERN_DENIALS] = {ATTEMPT_PACKET, -1},
        [PATTERN_BAD_TOKENS] = {ATTEMPT_TOKEN, -1},
        [PATTERN_TWO_PLACES] = {ATTEMPT_TWO_PLACES, -1},
        [PATTERN_ENDED_KEY] = {ATTEMPT_KNOCK, HANDSHAKE_ENDED_KEY},
    };
    struct wall since = {clock_wall().s - h->rule.within.s};

    attempts_keep(e);
    store_newest_attempts(e->store, d->name, of[h->pattern].kind, of[h->pattern].reason, since,
                          h->attempts);
}

static struct hold make_hold(const struct engine *e, const struct dev *d, enum pattern p)
{
    struct hold h = {.device = d->k.index, .pattern = p, .rule = e->policy->respond.rule[p],
                     .since = clock_wall(), .by = "engine"};

    h.kind = h.rule.action == ACTION_LOCK         ? HOLD_LOCK
             : h.rule.action == ACTION_QUARANTINE ? HOLD_QUARANTINE
                                                  : HOLD_NONE;
    return h;
}

/* "port-scan: 20 ports within 60 s" */
static const char *cause_text(const struct hold *h, char out[96])
{
    snprintf(out, 96, "%s: %u %s within %lld s", pattern_name(h->pattern), h->rule.count,
             pattern_unit(h->pattern), (long long)h->rule.within.s);
    return out;
}

static void record(struct engine *e, const char *actor, uint32_t uid, const char *act,
                   const struct hold *h, const char *reason)
{
    json_t *detail = hold_json(e, h);

    json_object_del(detail, "why");
    if (reason)
        json_object_set_new(detail, "reason", json_string(reason));
    audit_act(e, actor, uid, act, dev_by_index(e, h->device)->name, detail);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void start_hold(struct hold *h)
{
    h->withheld = false;
    h->since = clock_wall();
    if (h->kind != HOLD_QUARANTINE)
        return;
    h->until.s = h->since.s + h->rule.time.s;
    h->end_boot_ms = clock_boot_ms() + h->rule.time.s * 1000;
}

static const char *act_name(const struct hold *h)
{
    return h->kind == HOLD_LOCK ? "respond.lock" : "respond.quarantine";
}

/* In memory, so that it is decided by; then the kernel, then the disk. */
static enum store_result cut(struct engine *e, struct dev *d, const struct hold *h)
{
    struct batch b;

    batch_begin(e, &b);
    store_put_hold(e->store, h);
    lease_decide(&b, d, NULL, act_name(h));
    return batch_commit(&b, CUT_FIRST);
}

/* The record with its cause takes the disk's time: it comes behind the cut. On a full disk the
 * hold stands all the same, and is written as soon as there is room. */
static enum store_result hold_now(struct engine *e, struct dev *d, const struct hold *h,
                                  const char *actor, uint32_t uid, const char *reason)
{
    struct hold *kept = hold_put(e, h);
    enum store_result r = cut(e, d, kept);

    if (kept->attempts[0] == 0)
        find_attempts(e, d, kept);
    store_begin(e->store);
    store_put_hold(e->store, kept);
    record(e, actor, uid, act_name(kept), kept, reason);
    if (audit_commit(e) != STORE_OK)
        r = STORE_FULL;
    kept->unwritten = r != STORE_OK;
    return r;
}

static void tell_held(struct engine *e, const struct dev *d, const struct hold *h, bool written)
{
    char cause[96], how[64] = "is locked until an admin unlocks it";

    if (h->kind == HOLD_QUARANTINE)
        snprintf(how, sizeof how, "is in quarantine for %lld s", (long long)h->rule.time.s);
    alarm_raise(e, "%s (%s) %s: %s%s", d->name, dev_user(e, d)->name, how, cause_text(h, cause),
                written ? "" : " (the disk is full: not written yet)");
}

static void note(struct engine *e, const char *act, const struct hold *h)
{
    store_begin(e->store);
    if (h->withheld)
        store_put_hold(e->store, h);
    record(e, "engine", ENGINE_UID, act, h, NULL);
    if (audit_commit(e) != STORE_OK)
        log_warn("the disk is full: not recorded: %s %s", act,
                 dev_by_index(e, h->device)->name);
}

static void only_alarm(struct engine *e, const struct dev *d, const struct hold *h)
{
    char cause[96];

    note(e, "respond.alarm", h);
    alarm_raise(e, "%s (%s): %s", d->name, dev_user(e, d)->name, cause_text(h, cause));
}

/* The whole firm must not be locked out by a mistake in the policy, or by who provokes it. Of
 * several answers the hardest waits; the first of a device is an alarm. */
static void withhold(struct engine *e, const struct dev *d, struct hold *h, uint32_t most)
{
    const struct hold *before = hold_of(e, d);
    bool first = !before;
    char cause[96];

    h->withheld = true;
    if (before && before->kind > h->kind)
        *h = *before;
    hold_put(e, h);
    note(e, "respond.withheld", h);
    cause_text(h, cause);
    if (first)
        alarm_raise(e, "%s (%s) is NOT held, the policy lets me hold %u: %s; portcullis respond "
                    "allow", d->name, dev_user(e, d)->name, most, cause);
    else
        event_add(e, "act", "%s goes on and is not held: %s", d->name, cause);
}

static void answer(struct engine *e, struct dev *d, enum pattern p)
{
    struct hold h = make_hold(e, d, p);
    uint32_t most;

    if (h.kind == HOLD_NONE || !dev_should_enrol(e, d)) {
        find_attempts(e, d, &h);
        only_alarm(e, d, &h);
    } else if (holds_own(e, &most) >= most) {
        find_attempts(e, d, &h);
        withhold(e, d, &h, most);
    } else {
        start_hold(&h);
        tell_held(e, d, &h, hold_now(e, d, &h, "engine", ENGINE_UID, NULL) == STORE_OK);
        respond_forget(d);
    }
}

/* Of several patterns at once the one with the hardest answer comes first; while the device is
 * held the others add nothing. */
static void answer_all(struct engine *e, struct dev *d)
{
    const struct pattern_rule *rule = e->policy->respond.rule;
    uint8_t due = d->due;

    d->due = 0;
    for (int action = ACTION_LOCK; action >= ACTION_ALARM; action--)
        for (int p = 0; p < PATTERNS; p++)
            if ((due >> p & 1) && (int)rule[p].action == action && !answered_already(e, d))
                answer(e, d, (enum pattern)p);
}

void respond_act(struct engine *e)
{
    if (!e->answers_due)
        return;
    e->answers_due = false;
    for (size_t i = 0; i < e->n_devs; i++)
        if (e->devs[i].due)
            answer_all(e, &e->devs[i]);
}

/* ---- the passing of time -------------------------------------------------------------------- */

static void end_hold(struct engine *e, struct dev *d)
{
    struct hold h = *hold_of(e, d);
    struct batch b;

    batch_begin(e, &b);
    store_drop_hold(e->store, d->k.index);
    record(e, "engine", ENGINE_UID, "respond.end", &h, NULL);
    hold_drop(e, d);
    lease_decide(&b, d, NULL, "respond.end");
    if (batch_commit(&b, DURABLE_FIRST) != STORE_OK) {
        hold_put(e, &h);   /* asked again in a second */
        return;
    }
    event_add(e, "act", "%s (%s) is not held any more: its time is over", d->name,
              dev_user(e, d)->name);
}

static void write_hold(struct engine *e, struct hold *h)
{
    store_begin(e->store);
    store_put_hold(e->store, h);
    record(e, "engine", ENGINE_UID, "respond.written", h, NULL);
    h->unwritten = audit_commit(e) != STORE_OK;
}

static void sweep(struct engine *e)
{
    int64_t now = clock_boot_ms();

    for (size_t i = 0; i < e->n_devs; i++)
        if (e->devs[i].seen && patterns_idle(e->devs[i].seen, &e->policy->respond, now))
            respond_forget(&e->devs[i]);
}

void respond_tick(struct engine *e)
{
    respond_act(e);
    for (size_t i = e->n_holds; i-- > 0;) {
        struct hold *h = &e->holds[i];
        if (h->unwritten)
            write_hold(e, h);
        if (!h->withheld && hold_left_ms(h) == 0)
            end_hold(e, dev_by_index(e, h->device));
    }
    if (e->ticks % SWEEP_EVERY_S == 0)
        sweep(e);
}

/* ---- an admin's word ------------------------------------------------------------------------ */

enum store_result respond_allow(struct engine *e, struct dev *d, const char *actor, uint32_t uid,
                                const char *reason)
{
    struct hold h = *hold_of(e, d);

    snprintf(h.by, sizeof h.by, "%s", actor);
    start_hold(&h);
    enum store_result r = hold_now(e, d, &h, actor, uid, reason);
    respond_forget(d);
    event_add(e, "act", "%s: the answer to %s of %s is in force", actor, pattern_name(h.pattern),
              d->name);
    return r;
}

enum store_result respond_unlock(struct engine *e, struct dev *d, const char *actor, uint32_t uid,
                                 const char *reason)
{
    struct hold h = *hold_of(e, d);
    struct batch b;

    batch_begin(e, &b);
    store_drop_hold(e->store, d->k.index);
    record(e, actor, uid, "device.unlock", &h, reason);
    hold_drop(e, d);
    lease_decide(&b, d, NULL, "device.unlock");
    enum store_result r = batch_commit(&b, DURABLE_FIRST);
    if (r != STORE_OK) {
        hold_put(e, &h);
        return r;
    }
    respond_forget(d);
    event_add(e, "act", "%s: device.unlock %s", actor, d->name);
    return r;
}
