/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The outlets' queues: what goes into them, what leaves them, and what is said of it. */
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/ecs.h"
#include "gateway/engine.h"
#include "gateway/engine_outlets_parts.h"
#include "gateway/log.h"
#include "gateway/syslog_format.h"

#define TELL_EVERY_MS 60000          /* of what was dropped */

/* ---- starting ------------------------------------------------------------------------------- */

static bool read_key(struct engine *e, struct outlet_state *s, const char *file)
{
    size_t n = 0;
    char *text = kernel_outlet_file(e, file, &n);

    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        n--;
    bool good = text && n >= OUTLET_KEY_MIN && n <= OUTLET_KEY_MAX;
    if (good) {
        (void)sodium_mlock(s->key, sizeof s->key);
        memcpy(s->key, text, n);
        s->key_len = n;
    } else {
        alarm_raise(e, "%s: a key of %d to %d bytes cannot be read; webhooks of it wait", file,
                    OUTLET_KEY_MIN, OUTLET_KEY_MAX);
    }
    if (text)
        sodium_memzero(text, n);
    free(text);
    return good;
}

static bool read_ca(struct engine *e, struct outlet_state *s, const char *file)
{
    size_t n;

    s->ca = file[0] ? kernel_outlet_file(e, file, &n) : strdup("");
    if (!s->ca)
        alarm_raise(e, "%s cannot be read; webhooks that need it wait", file);
    return s->ca != NULL;
}

static void start_one(struct engine *e, struct outlet_state *s, const struct outlet *o)
{
    outlet_name(o, s->name);
    s->books = store_get_outlet(e->store, s->name);
    s->queued = store_count_deliveries(e->store, s->name);
    if (o->kind == OUTLET_WEBHOOK)
        s->mute = !read_key(e, s, o->key_file) || !read_ca(e, s, o->ca_file);
}

struct names_left { char names[OUTLETS_MAX][OUTLET_NAME]; size_t n; struct engine *e; };

static void find_left(void *arg, const char *name)
{
    struct names_left *left = arg;

    for (size_t i = 0; i < left->e->outlets.n; i++)
        if (strcmp(left->e->outlets.v[i].name, name) == 0)
            return;
    if (left->n < OUTLETS_MAX)
        snprintf(left->names[left->n++], OUTLET_NAME, "%s", name);
}

/* What waited for an outlet that gateway.conf does not name any more goes nowhere. */
static void forget_left(struct engine *e)
{
    struct names_left left = {.e = e};

    store_each_outlet(e->store, find_left, &left);
    for (size_t i = 0; i < left.n; i++) {
        struct outlet_books b = store_get_outlet(e->store, left.names[i]);
        uint64_t n = store_count_deliveries(e->store, left.names[i]);
        b.dropped += n;
        store_begin(e->store);
        store_drop_deliveries(e->store, left.names[i], INT64_MAX);
        store_put_outlet(e->store, left.names[i], &b);
        (void)audit_act(e, "engine", ENGINE_UID, "outlet.removed", left.names[i],
                        json_pack("{s:I}", "dropped", (json_int_t)n));
        (void)audit_commit(e);
    }
}

void outlets_start(struct engine *e)
{
    struct outlets *all = &e->outlets;

    all->n = e->conf.n_outlets;
    all->seq = all->next_seq = (uint64_t)store_get(e->store, "outlet_seq", 0);
    all->v = calloc(all->n + 1, sizeof *all->v);
    if (!all->v)
        fatal("out of memory");
    for (size_t i = 0; i < all->n; i++)
        start_one(e, &all->v[i], &e->conf.outlets[i]);
    forget_left(e);
    if (all->n > 0)
        kernel_courier(e);
}

void outlets_clear(struct engine *e)
{
    for (size_t i = 0; i < e->outlets.n; i++) {
        sodium_munlock(e->outlets.v[i].key, sizeof e->outlets.v[i].key);
        free(e->outlets.v[i].ca);
    }
    free(e->outlets.v);
}

/* ---- the transaction ------------------------------------------------------------------------ */

static char *document(const char *gateway, const struct attempt *a, uint64_t seq)
{
    json_t *o = ecs_event(gateway, a, seq);
    char *text = ecs_line(o);

    json_decref(o);
    return text;
}

/* Each form is made once, for the first outlet that asks for it. */
void outlets_add(struct engine *e, const struct attempt *a)
{
    uint64_t seq = ++e->outlets.next_seq;
    char line[SYSLOG_LINE], *text = NULL;
    size_t n = 0;

    for (size_t i = 0; i < e->outlets.n; i++) {
        struct outlet_state *s = &e->outlets.v[i];
        bool webhook = e->conf.outlets[i].kind == OUTLET_WEBHOOK;
        if (webhook && !text)
            text = document(e->conf.name, a, seq);
        else if (!webhook && n == 0)
            n = syslog_attempt(e->conf.name, a, seq, line);
        store_add_delivery(e->store, s->name, webhook ? text : line, webhook ? strlen(text) : n);
        s->added++;
    }
    free(text);
}

/* The oldest go, after those that are delivered. */
static void make_room(struct engine *e, struct outlet_state *s)
{
    uint64_t waiting = s->queued + s->added;

    s->dropping = waiting > OUTLET_QUEUE_MAX ? waiting - OUTLET_QUEUE_MAX : 0;
    s->drop_to = store_nth_delivery(e->store, s->name, s->dropping);
    if (s->drop_to)
        store_drop_deliveries(e->store, s->name, s->drop_to);
}

void outlets_store(struct engine *e)
{
    for (size_t i = 0; i < e->outlets.n; i++) {
        struct outlet_state *s = &e->outlets.v[i];
        if (s->added == 0 && s->done == s->stored)
            continue;
        if (s->done > s->stored)
            store_drop_deliveries(e->store, s->name, s->done);
        make_room(e, s);
        const struct outlet_books b = {s->books.delivered, s->books.dropped + s->dropping};
        store_put_outlet(e->store, s->name, &b);
    }
    if (e->outlets.next_seq != e->outlets.seq)
        store_set(e->store, "outlet_seq", (int64_t)e->outlets.next_seq);
}

static void hold(struct outlet_state *s)
{
    s->stored = s->done;
    s->queued += s->added - s->dropping;
    s->books.dropped += s->dropping;
    s->untold += s->dropping;
    if (s->drop_to > s->sent)
        s->sent = s->drop_to;
    if (s->n_flying > 0 && s->drop_to >= s->flying[0])
        outlet_call_back(s);             /* what is on its way does not count any more */
}

void outlets_stored(struct engine *e, bool held)
{
    for (size_t i = 0; i < e->outlets.n; i++) {
        struct outlet_state *s = &e->outlets.v[i];
        if (held)
            hold(s);
        s->added = s->dropping = 0;
        s->drop_to = 0;
    }
    if (held)
        e->outlets.seq = e->outlets.next_seq;
    else
        e->outlets.next_seq = e->outlets.seq;
}

/* ---- each second ---------------------------------------------------------------------------- */

static void store_done(struct engine *e)
{
    bool some = false;

    for (size_t i = 0; i < e->outlets.n; i++)
        some = some || e->outlets.v[i].done != e->outlets.v[i].stored;
    if (!some)
        return;
    store_begin(e->store);
    outlets_store(e);
    outlets_stored(e, store_commit(e->store) == STORE_OK);
}

static void tell_dropped(struct engine *e)
{
    int64_t now = clock_boot_ms();

    if (now < e->outlets.told_ms)
        return;
    for (size_t i = 0; i < e->outlets.n; i++) {
        struct outlet_state *s = &e->outlets.v[i];
        if (s->untold == 0)
            continue;
        alarm_raise(e, "%llu attempts were not sent to %.120s: too many waited",
                    (unsigned long long)s->untold, s->name);
        audit_note(e, "engine", ENGINE_UID, "outlet.dropped", s->name,
                   json_pack("{s:I}", "dropped", (json_int_t)s->untold));
        s->untold = 0;
        e->outlets.told_ms = now + TELL_EVERY_MS;
    }
}

void outlets_tick(struct engine *e)
{
    if (e->outlets.n == 0)
        return;
    store_done(e);
    tell_dropped(e);
    for (size_t i = 0; i < e->outlets.n; i++)
        outlet_pump(e, i);
}

/* ---- what others are told ------------------------------------------------------------------- */

json_t *outlets_json(const struct engine *e)
{
    json_t *list = json_array();

    for (size_t i = 0; i < e->outlets.n; i++) {
        const struct outlet_state *s = &e->outlets.v[i];
        json_t *o = json_pack("{s:s,s:I,s:I,s:I,s:I}", "name", s->name, "queued",
                              (json_int_t)s->queued, "delivered", (json_int_t)s->books.delivered,
                              "dropped", (json_int_t)s->books.dropped, "failures",
                              (json_int_t)s->failures);
        if (s->mute)
            json_object_set_new(o, "fault", json_string("its key or certificates cannot be read"));
        else if (s->tries > 0)
            json_object_set_new(o, "fault", json_string(delivery_text(s->last)));
        json_array_append_new(list, o);
    }
    return list;
}

size_t outlets_metrics(const struct engine *e, struct metric_outlet *out)
{
    for (size_t i = 0; i < e->outlets.n; i++) {
        const struct outlet_state *s = &e->outlets.v[i];
        out[i] = (struct metric_outlet){s->name, s->queued, s->books.delivered, s->failures,
                                        s->books.dropped};
    }
    return e->outlets.n;
}
