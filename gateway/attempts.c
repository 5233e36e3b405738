/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Denied packets and misused tokens: to whom they belong, added up, written once a second. */
#include "gateway/attempts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/leases.h"
#include "gateway/log.h"
#include "gateway/respond.h"
#include "policy/address.h"

#define COUNTS_EVERY_S 10
#define PRUNE_EVERY_S 3600
#define EVENTS_EACH_SECOND 16      /* of attempts, shown live; the rest is in the list */

/* ---- adding up ------------------------------------------------------------------------------ */

static bool same_attempt(const struct attempt *a, const struct attempt *b)
{
    return a->kind == b->kind && a->reason == b->reason && a->code == b->code &&
           a->why == b->why && a->proto == b->proto && a->port == b->port &&
           ip_cmp(&a->source, &b->source) == 0 && ip_cmp(&a->destination, &b->destination) == 0 &&
           strcmp(a->device, b->device) == 0 && strcmp(a->actor, b->actor) == 0;
}

static struct attempt *find(const struct attempts *all, const struct attempt *a)
{
    for (size_t i = 0; i < all->n; i++)
        if (same_attempt(&all->v[i], a))
            return &all->v[i];
    return NULL;
}

bool attempts_pending(const struct attempts *all, const struct attempt *a)
{
    return find(all, a) != NULL;
}

void attempts_add(struct attempts *all, const struct attempt *a)
{
    struct attempt *same = find(all, a);

    if (same) {
        same->count += a->count;
        same->last = a->last;
        same->file = a->file;
        return;
    }
    if (all->n == ATTEMPTS_PENDING) {
        all->overflow += a->count;
        return;
    }
    if (!all->v && !(all->v = calloc(ATTEMPTS_PENDING, sizeof *all->v)))
        fatal("out of memory");
    all->v[all->n++] = *a;
}

void attempts_count(uint64_t *total, uint64_t *last, const uint64_t *now, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        total[i] += now[i] >= last[i] ? now[i] - last[i] : now[i];
        last[i] = now[i];
    }
}

/* ---- whose it is ---------------------------------------------------------------------------- */

void attempts_name(struct engine *e, const struct dev *d, struct attempt *a)
{
    uint64_t roles = d->lease.roles ? d->lease.roles : dev_user(e, d)->role_mask;

    snprintf(a->device, sizeof a->device, "%s", d->name);
    snprintf(a->user, sizeof a->user, "%s", dev_user(e, d)->name);
    for (size_t i = 0; i < e->policy->n_roles && !a->role[0]; i++)
        if (roles >> i & 1)
            snprintf(a->role, sizeof a->role, "%s", e->policy->roles[i].name);
}

/* The device it came from; for what came from outside, the one it went to. */
static const struct dev *whose(struct engine *e, const struct denied_packet *p)
{
    const struct dev *d = p->reason == DENY_SPOOFED ? NULL : dev_by_address(e, &p->src);

    return d || p->reason != DENY_WRONG_DIRECTION ? d : dev_by_address(e, &p->dst);
}

static void add_packet(struct engine *e, const struct denied_packet *p)
{
    struct attempt a = {.source = p->src, .destination = p->dst, .proto = p->proto,
                        .port = p->dport, .reason = (uint8_t)p->reason,
                        .first = {p->time_us / 1000000}, .last = {p->time_us / 1000000},
                        .count = 1, .file = p->file};
    const struct dev *d = whose(e, p);

    if (d)
        attempts_name(e, d, &a);
    if (d && p->reason == DENY_NO_LEASE) {
        a.why = (uint8_t)d->reason;
        a.code = (uint16_t)d->code;
    }
    int resource = policy_resource_at(e->policy, d ? d->lease.roles : 0, &p->dst, p->proto,
                                      p->dport);
    if (resource >= 0)
        snprintf(a.resource, sizeof a.resource, "%s", e->policy->resources[resource].name);
    attempts_note(e, &a);
}

void attempts_token(struct engine *e, const struct dev *d, enum refusal_code code)
{
    struct wall now = clock_wall();
    struct attempt a = {.kind = ATTEMPT_TOKEN, .source = d->k.addr4, .code = (uint16_t)code, .first = now,
                        .last = now, .count = 1};

    attempts_name(e, d, &a);
    attempts_note(e, &a);
}

void attempts_admin(struct engine *e, const struct request *q)
{
    struct wall now = clock_wall();
    struct attempt a = {.kind = ATTEMPT_ADMIN, .reason = ADMIN_FORBIDDEN, .first = now,
                        .last = now, .count = 1};

    if (q->console) {
        snprintf(a.actor, sizeof a.actor, "%s", q->actor);
        snprintf(a.user, sizeof a.user, "%s", e->users[q->user - 1].name);
        a.source = q->peer;
    } else {
        snprintf(a.actor, sizeof a.actor, "uid:%u", q->uid);
    }
    attempts_note(e, &a);
}

void attempts_sign_in(struct engine *e, const struct dev *d, enum sign_in_refusal why)
{
    struct wall now = clock_wall();
    struct attempt a = {.kind = ATTEMPT_SIGN_IN, .source = d->k.addr4, .reason = (uint8_t)why,
                        .first = now, .last = now, .count = 1};

    attempts_name(e, d, &a);
    attempts_note(e, &a);
}

/* Attempts at the doors that are listed singly, at once and in the long run: who has many addresses
 * must not push all else out of the list. The others are counted only. */
#define DOOR_BURST 200
#define DOOR_PER_MINUTE 60

static void note_some(struct engine *e, const struct attempt *a, bool named)
{
    if (attempts_pending(&e->attempts, a) ||
        bucket_take(&e->door_listed[named], clock_boot_ms(), DOOR_BURST, DOOR_PER_MINUTE))
        attempts_note(e, a);
    else
        e->attempts.overflow++;
}

/* Somebody at a door, with no device: u is whom they say they are, NULL a name that nobody has. */
static void at_the_door(struct engine *e, enum attempt_kind kind, const struct user *u,
                        const struct ip_addr *from, unsigned why)
{
    struct wall now = clock_wall();
    struct attempt a = {.kind = kind, .source = *from, .reason = (uint8_t)why, .first = now,
                        .last = now, .count = 1};

    if (u) {   /* as actor, too: by that one person's attempts are told from another's */
        snprintf(a.user, sizeof a.user, "%s", u->name);
        snprintf(a.actor, sizeof a.actor, "%s", u->name);
    }
    note_some(e, &a, u != NULL);
}

void attempts_console(struct engine *e, const struct user *u, const struct ip_addr *from,
                      enum sign_in_refusal why)
{
    at_the_door(e, ATTEMPT_SIGN_IN, u, from, why);
}

void attempts_enrol(struct engine *e, const struct user *u, const struct ip_addr *from,
                    enum enrol_refusal why)
{
    at_the_door(e, ATTEMPT_ENROL, u, from, why);
}

static int add_packets(struct engine *e, struct reader *r)
{
    unsigned n = get_u16(r);
    struct denied_packet p;

    for (unsigned i = 0; i < n && !r->failed; i++) {
        get_denied(r, &p);
        if (r->failed || p.reason >= DENY_REASONS)
            continue;
        e->attempts.kept[p.reason]++;
        add_packet(e, &p);
    }
    return reader_done(r) ? 0 : -1;
}

int attempts_message(struct engine *e, const struct message *m)
{
    struct reader r;

    reader_init(&r, m->body, m->len);
    if (m->type == MSG_DENIED)
        return add_packets(e, &r);
    uint64_t lost = get_u64(&r);
    if (!reader_done(&r))
        return -1;
    e->attempts.lost += lost;
    return 0;
}

/* ---- names ---------------------------------------------------------------------------------- */

static const char *const kind_names[ATTEMPT_KINDS] = {
    [ATTEMPT_PACKET] = "packet", [ATTEMPT_TOKEN] = "token", [ATTEMPT_KNOCK] = "knock",
    [ATTEMPT_ADMIN] = "admin", [ATTEMPT_TWO_PLACES] = "two-places",
    [ATTEMPT_SIGN_IN] = "sign-in", [ATTEMPT_ENROL] = "enrol",
};
static const char *const admin_names[ADMIN_REFUSALS] = {[ADMIN_FORBIDDEN] = "forbidden"};
static const char *const sign_in_names[SIGN_IN_REFUSALS] = {
    [SIGN_IN_FAILED] = "sign-in-failed", [SIGN_IN_TOO_OFTEN] = "sign-in-too-often",
    [SIGN_IN_CLONED] = "passkey-cloned"};
static const char *const enrol_names[ENROL_REFUSALS] = {
    [ENROL_NO_INVITATION] = "no-invitation", [ENROL_OVER] = "invitation-over",
    [ENROL_WRONG_CODE] = "wrong-code", [ENROL_TOO_OFTEN] = "enrol-too-often",
    [ENROL_KEY_KNOWN] = "key-known"};

const char *attempt_kind_name(enum attempt_kind k)
{
    return k < ATTEMPT_KINDS ? kind_names[k] : "";
}

bool attempt_kind_parse(const char *name, enum attempt_kind *out)
{
    for (unsigned k = 0; k < ATTEMPT_KINDS; k++)
        if (strcmp(kind_names[k], name) == 0) {
            *out = (enum attempt_kind)k;
            return true;
        }
    return false;
}

const char *attempt_reason_name(const struct attempt *a)
{
    switch (a->kind) {
    case ATTEMPT_PACKET:
        return a->reason < DENY_REASONS ? deny_reason_name((enum deny_reason)a->reason) : "";
    case ATTEMPT_TOKEN:
        return code_name((enum refusal_code)a->code);
    case ATTEMPT_KNOCK:
        return handshake_class_name((enum handshake_class)a->reason);
    case ATTEMPT_ADMIN:
        return a->reason < ADMIN_REFUSALS ? admin_names[a->reason] : "";
    case ATTEMPT_TWO_PLACES:
        return "two-places";
    case ATTEMPT_SIGN_IN:
        return a->reason < SIGN_IN_REFUSALS ? sign_in_names[a->reason] : "";
    case ATTEMPT_ENROL:
        return a->reason < ENROL_REFUSALS ? enrol_names[a->reason] : "";
    case ATTEMPT_KINDS:
        break;
    }
    return "";
}

const char *attempt_why_name(const struct attempt *a)
{
    if (a->kind == ATTEMPT_KNOCK)
        return key_end_name((enum key_end)a->why);
    return a->why ? decide_reason_name((enum decide_reason)a->why) : "";
}

/* Is this, of kind and reason alone, what is called so? Then the filter asks for it. */
static bool reason_is(enum attempt_kind k, unsigned reason, const char *name,
                      struct attempt_filter *f)
{
    struct attempt a = {.kind = k, .reason = (uint8_t)reason, .code = (uint16_t)reason};

    if (strcmp(attempt_reason_name(&a), name) != 0)
        return false;
    f->kind = (int)k;
    if (k == ATTEMPT_TOKEN)
        f->code = (int)reason;
    else
        f->reason = (int)reason;
    return true;
}

bool attempt_reason_parse(const char *name, struct attempt_filter *f)
{
    if (!name[0])
        return false;
    for (unsigned k = 0; k < ATTEMPT_KINDS; k++)
        for (unsigned r = 0; r < (k == ATTEMPT_TOKEN ? 1000 : 32); r++)
            if (reason_is((enum attempt_kind)k, r, name, f))
                return true;
    return false;
}

const char *proto_name(uint8_t proto, char other[8])
{
    static const struct { uint8_t n; const char *name; } known[] = {
        {1, "icmp"}, {6, "tcp"}, {17, "udp"}, {58, "icmpv6"}, {132, "sctp"}};

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (known[i].n == proto)
            return known[i].name;
    snprintf(other, 8, "%u", proto);
    return other;
}

/* ---- keeping -------------------------------------------------------------------------------- */

static void store_counts(struct engine *e)
{
    const struct attempts *a = &e->attempts;

    store_set_blob(e->store, "denied", a->denied, sizeof a->denied);
    store_set_blob(e->store, "logged", a->logged, sizeof a->logged);
    store_set_blob(e->store, "kept", a->kept, sizeof a->kept);
    store_set_blob(e->store, "last_denied", a->last_denied, sizeof a->last_denied);
    store_set_blob(e->store, "last_logged", a->last_logged, sizeof a->last_logged);
    store_set(e->store, "attempts_lost", (int64_t)a->lost);
    store_set(e->store, "attempts_overflow", (int64_t)a->overflow);
    knocks_store(e);
}

void attempts_load(struct engine *e)
{
    struct attempts *a = &e->attempts;

    (void)store_get_blob(e->store, "denied", a->denied, sizeof a->denied);
    (void)store_get_blob(e->store, "logged", a->logged, sizeof a->logged);
    (void)store_get_blob(e->store, "kept", a->kept, sizeof a->kept);
    (void)store_get_blob(e->store, "last_denied", a->last_denied, sizeof a->last_denied);
    (void)store_get_blob(e->store, "last_logged", a->last_logged, sizeof a->last_logged);
    a->lost = (uint64_t)store_get(e->store, "attempts_lost", 0);
    a->overflow = (uint64_t)store_get(e->store, "attempts_overflow", 0);
}

void attempts_read_counts(struct engine *e)
{
    struct attempts *a = &e->attempts;
    struct knocks *k = &e->knocks;
    struct rule_counts now;

    if (kernel_counts(e, &now) < 0)
        return;
    attempts_count(a->denied, a->last_denied, now.denied, DENY_REASONS);
    attempts_count(a->logged, a->last_logged, now.logged, DENY_REASONS);
    attempts_count(&k->seen, &k->last_seen, &now.knocks, 1);
    attempts_count(&k->logged, &k->last_logged, &now.knocks_logged, 1);
}

static void show(struct engine *e, const struct attempt *a)
{
    char text[ATTEMPT_TEXT];

    event_attempt(e, a, attempt_text(a, text));
}

static void prune(struct engine *e)
{
    struct wall before = {clock_wall().s - e->conf.keep_packets.s};

    store_prune_attempts(e->store, ATTEMPTS_KEPT);
    if (audit_may_remove(e))
        store_prune_old_attempts(e->store, before);
}

/* A disk that is nearly full is for acts: attempts are only counted. */
static void drop(struct attempts *a)
{
    for (size_t i = 0; i < a->n; i++)
        a->overflow += a->v[i].count;
    a->n = 0;
}

void attempts_keep(struct engine *e)
{
    struct attempts *a = &e->attempts;

    if (!audit_room(e)) {
        drop(a);
        return;
    }
    store_begin(e->store);
    for (size_t i = 0; i < a->n; i++) {
        a->v[i].id = store_add_attempt(e->store, &a->v[i]);
        outlets_add(e, &a->v[i]);
    }
    outlets_store(e);
    store_counts(e);
    if (e->ticks % PRUNE_EVERY_S == 0)
        prune(e);
    bool held = store_commit(e->store) == STORE_OK;
    outlets_stored(e, held);
    if (!held)
        return;   /* a full disk: they wait, and what has no room is counted */
    knocks_stored(e);
    if (a->n > 0)
        audit_batch(e, attempts_batch(a));
    for (size_t i = 0; i < a->n && i < EVENTS_EACH_SECOND; i++)
        show(e, &a->v[i]);
    a->n = 0;
}

void attempts_tick(struct engine *e)
{
    bool counts = e->ticks % COUNTS_EVERY_S == 0;

    if (counts)
        attempts_read_counts(e);
    if (counts || e->attempts.n > 0)
        attempts_keep(e);
}

void attempts_note(struct engine *e, const struct attempt *a)
{
    attempts_add(&e->attempts, a);
    respond_note(e, a);
}

void attempts_clear(struct attempts *all) { free(all->v); }
