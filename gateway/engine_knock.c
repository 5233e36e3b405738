/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handshakes at the tunnel's port: opened by the parent, judged here. See engine_knock.h. */
#include "gateway/engine_knock.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/capture_knock.h"
#include "gateway/clock.h"
#include "gateway/engine.h"
#include "gateway/log.h"
#include "policy/address.h"

#define DUPLICATE_MS 1000     /* within this the network may have sent one message twice */
#define LISTED_BURST 60       /* knocks of one device, or of nobody we know, that become attempts */
#define LISTED_PER_MINUTE 20  /* at once, and in the long run: the others are counted only */
#define NAME_AT_ONCE_MS 250   /* an ended key is written down and shown without waiting for the
                                 next second, at most this often */

/* ---- whose key it is ------------------------------------------------------------------------ */

const char *key_end_name(enum key_end why)
{
    static const char *const names[KEY_ENDS] = {
        [KEY_END_NONE] = "",
        [KEY_DEVICE_REVOKED] = "device-revoked", [KEY_DEVICE_LOST] = "device-lost",
        [KEY_DEVICE_RETIRED] = "device-retired", [KEY_PERSON_REVOKED] = "person-revoked",
        [KEY_PERSON_ENDED] = "person-ended"};

    return why < KEY_ENDS ? names[why] : "";
}

/* Why a device has no place here any more, and since when; KEY_END_NONE and 0: it has one. */
static enum key_end key_end_of(struct engine *e, const struct dev *d, struct wall *when)
{
    static const enum key_end by_state[] = {[DEV_REVOKED] = KEY_DEVICE_REVOKED,
                                            [DEV_LOST] = KEY_DEVICE_LOST,
                                            [DEV_RETIRED] = KEY_DEVICE_RETIRED};
    const struct user *u = dev_user(e, d);

    *when = d->ended;
    if (d->state != DEV_ACTIVE)
        return by_state[d->state];
    *when = u->revoked;
    if (u->state == USER_REVOKED)
        return KEY_PERSON_REVOKED;
    *when = user_over(u) ? u->end : (struct wall){0};
    return user_over(u) ? KEY_PERSON_ENDED : KEY_END_NONE;
}

static struct knocker *knocker_of(struct engine *e, uint32_t device)
{
    struct knocks *all = &e->knocks;

    if (device >= all->n) {
        size_t n = device + device / 4u + 16u;
        all->v = reallocarray(all->v, n, sizeof *all->v);
        if (!all->v)
            fatal("out of memory");
        memset(all->v + all->n, 0, (n - all->n) * sizeof *all->v);
        all->n = n;
    }
    return &all->v[device];
}

/* ---- attempts ------------------------------------------------------------------------------- */

static struct attempt attempt_of(const struct knock *k, enum handshake_class c)
{
    struct wall at = {k->time_us / 1000000};

    return (struct attempt){.kind = ATTEMPT_KNOCK, .reason = (uint8_t)c, .source = k->source,
                            .first = at, .last = at, .count = 1};
}

/* Whoever forges sources, with a message of his own or one that he recorded, must not push all
 * else out of the list. */
static void add_some(struct engine *e, const struct attempt *a, struct bucket *b)
{
    if (attempts_pending(&e->attempts, a) ||
        bucket_take(b, clock_boot_ms(), LISTED_BURST, LISTED_PER_MINUTE))
        attempts_note(e, a);
}

static void add_nameless(struct engine *e, const struct attempt *a)
{
    add_some(e, a, &e->knocks.nameless);
}

static void add_unknown(struct engine *e, const struct knock *k, const struct wg_key *key)
{
    struct attempt a = attempt_of(k, HANDSHAKE_UNKNOWN_KEY);
    char text[KEY_TEXT];

    snprintf(a.actor, sizeof a.actor, "%s", wg_key_print(key, text));
    add_nameless(e, &a);
}

/* With its device and person, and if the key has ended, why and since when. */
static void add_named(struct engine *e, const struct knock *k, const struct dev *d,
                      enum handshake_class c)
{
    struct attempt a = attempt_of(k, c);

    attempts_name(e, d, &a);
    a.why = (uint8_t)key_end_of(e, d, &a.ended);
    add_some(e, &a, &knocker_of(e, d->k.index)->listed);
}

static void add_ended(struct engine *e, const struct knock *k, const struct dev *d)
{
    int64_t now = clock_boot_ms();

    add_named(e, k, d, HANDSHAKE_ENDED_KEY);
    if (now - e->knocks.kept_ms < NAME_AT_ONCE_MS)
        return;
    e->knocks.kept_ms = now;
    attempts_keep(e);
}

/* The same two places make the same attempt, whichever was seen last. */
static void add_two_places(struct engine *e, const struct knock *k, const struct dev *d,
                           const struct ip_addr *other)
{
    struct attempt a = attempt_of(k, 0);
    bool ordered = ip_cmp(&k->source, other) < 0;

    a.kind = ATTEMPT_TWO_PLACES;
    a.source = ordered ? k->source : *other;
    a.destination = ordered ? *other : k->source;
    attempts_name(e, d, &a);
    attempts_note(e, &a);
}

/* ---- judging -------------------------------------------------------------------------------- */

/* One message that the network brought twice: WireGuard makes a new one for each try. */
static bool is_duplicate(const struct knocker *n, const struct knock *k, const uint8_t *time)
{
    return memcmp(time, n->time, HANDSHAKE_TIME) == 0 && n->at_ms != 0 &&
           clock_boot_ms() - n->at_ms <= DUPLICATE_MS && ip_cmp(&n->source, &k->source) == 0;
}

/* A new one of a device's: what follows depends on whether it has a place here. */
static void judge_new(struct engine *e, const struct knock *k, const struct dev *d, bool ended)
{
    struct knocker *n = knocker_of(e, d->k.index);
    struct ip_addr other;

    n->untold = true;
    n->source = k->source;
    n->at_ms = clock_boot_ms();
    if (ended)
        add_ended(e, k, d);
    else if (places_seen(&n->places, &k->source, n->at_ms, &other))
        add_two_places(e, k, d, &other);
}

/* An old message of a key that has ended says nothing of whoever had it: it is a recording. */
static enum handshake_class judge_opened(struct engine *e, const struct knock *k,
                                         const struct handshake_opened *o)
{
    const struct dev *d = dev_by_key(e, &o->key);
    struct wall when;

    if (!d) {
        add_unknown(e, k, &o->key);
        return HANDSHAKE_UNKNOWN_KEY;
    }
    struct knocker *n = knocker_of(e, d->k.index);
    bool ended = key_end_of(e, d, &when) != KEY_END_NONE;
    if (memcmp(o->time, n->time, HANDSHAKE_TIME) > 0) {
        memcpy(n->time, o->time, HANDSHAKE_TIME);
        judge_new(e, k, d, ended);
    } else if (!is_duplicate(n, k, o->time)) {
        add_named(e, k, d, HANDSHAKE_REPLAYED);
        return HANDSHAKE_REPLAYED;
    }
    return ended ? HANDSHAKE_ENDED_KEY : HANDSHAKE_KNOWN_KEY;
}

/* By the parent's answer. */
static void judge(struct engine *e, const struct knock *k, const struct opened *x)
{
    enum handshake_class c = x->class_;

    if (c == HANDSHAKE_UNKNOWN_KEY) {
        c = judge_opened(e, k, &x->o);
    } else {
        struct attempt a = attempt_of(k, c);
        add_nameless(e, &a);
    }
    e->knocks.books.class_[c]++;
}

/* ---- messages ------------------------------------------------------------------------------- */

/* A parent that cannot read the key answers for none of them. */
static void open_some(struct engine *e, const struct knock *const *v, unsigned n)
{
    struct opened x[OPEN_MAX];

    if (kernel_open(e, v, n, x) < 0) {
        e->knocks.books.limited += n;
        return;
    }
    for (unsigned i = 0; i < n; i++)
        judge(e, v[i], &x[i]);
}

/* The capture role counts those with a bad MAC; here they only show where the scanners are. */
static void judge_all(struct engine *e, const struct knock *v, unsigned n)
{
    const struct knock *good[OPEN_MAX];
    unsigned n_good = 0;

    for (unsigned i = 0; i < n; i++) {
        if (!v[i].good) {
            struct attempt a = attempt_of(&v[i], HANDSHAKE_BAD_MAC);
            add_nameless(e, &a);
            continue;
        }
        good[n_good++] = &v[i];
        if (n_good == OPEN_MAX) {
            open_some(e, good, n_good);
            n_good = 0;
        }
    }
    if (n_good > 0)
        open_some(e, good, n_good);
}

static int take_knocks(struct engine *e, struct reader *r)
{
    static struct knock v[KNOCK_BATCH];
    unsigned n = get_u16(r);

    if (n > KNOCK_BATCH)
        return -1;
    for (unsigned i = 0; i < n; i++)
        get_knock(r, &v[i]);
    if (!reader_done(r))
        return -1;
    judge_all(e, v, n);
    return 0;
}

static int take_counts(struct engine *e, struct reader *r)
{
    struct door_books *b = &e->knocks.books;
    struct knock_counts c;

    get_knock_counts(r, &c);
    if (!reader_done(r))
        return -1;
    b->class_[HANDSHAKE_BAD_MAC] += c.bad_mac;
    b->unread += c.unread;
    b->limited += c.limited;
    b->lost += c.lost;
    return 0;
}

int knocks_message(struct engine *e, const struct message *m)
{
    struct reader r;

    reader_init(&r, m->body, m->len);
    return m->type == MSG_KNOCKS ? take_knocks(e, &r) : take_counts(e, &r);
}

struct door_books knocks_books(const struct engine *e, uint64_t *unheard)
{
    const struct knocks *k = &e->knocks;
    struct door_books b = k->books;
    uint64_t told = b.unread + b.limited + b.lost;

    for (int i = 0; i < HANDSHAKE_CLASSES; i++)
        told += b.class_[i];
    *unheard = k->logged > told ? k->logged - told : 0;
    b.limited += k->seen - k->logged;
    return b;
}

/* ---- keeping -------------------------------------------------------------------------------- */

static void load_one(void *arg, uint32_t device, const uint8_t time[HANDSHAKE_TIME])
{
    if (device <= DEVICE_MAX)
        memcpy(knocker_of(arg, device)->time, time, HANDSHAKE_TIME);
}

void knocks_load(struct engine *e)
{
    struct knocks *k = &e->knocks;
    uint64_t rule[4] = {0};

    (void)store_get_blob(e->store, "knocks", &k->books, sizeof k->books);
    (void)store_get_blob(e->store, "knocks_rule", rule, sizeof rule);
    k->seen = rule[0];
    k->logged = rule[1];
    k->last_seen = rule[2];
    k->last_logged = rule[3];
    store_each_handshake(e->store, load_one, e);
}

void knocks_store(struct engine *e)
{
    const struct knocks *k = &e->knocks;
    const uint64_t rule[4] = {k->seen, k->logged, k->last_seen, k->last_logged};

    store_set_blob(e->store, "knocks", &k->books, sizeof k->books);
    store_set_blob(e->store, "knocks_rule", rule, sizeof rule);
    for (size_t i = 0; i < k->n; i++)
        if (k->v[i].untold)
            store_put_handshake(e->store, (uint32_t)i, k->v[i].time);
}

void knocks_stored(struct engine *e)
{
    for (size_t i = 0; i < e->knocks.n; i++)
        e->knocks.v[i].untold = false;
}

void knocks_clear(struct engine *e) { free(e->knocks.v); }
