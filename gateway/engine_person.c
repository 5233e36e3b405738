/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the portal tells a person of the last days: when which device was in, and what was refused. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/attempts.h"
#include "gateway/clock.h"
#include "gateway/control.h"
#include "gateway/visits.h"
#include "policy/address.h"

#define DAYS 7
#define ITEMS 25             /* of one page */
#define DEVICES 32           /* of one person, that are looked through */
#define ROLES_SHOWN 400      /* bytes of the roles' names */

static struct wall since(void) { return (struct wall){clock_wall().s - DAYS * 86400}; }

/* "12" or "1795322000-7": where the page before ended. "" is the beginning. */
static bool read_before(const uint8_t *body, size_t len, int64_t *first, int64_t *second)
{
    char text[48], *end;

    *first = *second = INT64_MAX;
    if (len == 0)
        return true;
    if (len >= sizeof text || memchr(body, 0, len))
        return false;
    memcpy(text, body, len);
    text[len] = '\0';
    if (text[strspn(text, "0123456789-")] != '\0' || text[0] == '-')
        return false;
    *first = strtoll(text, &end, 10);
    if (*end == '-')
        *second = strtoll(end + 1, &end, 10);
    return *end == '\0';
}

/* ---- sessions -------------------------------------------------------------------------------- */

struct visit_list { struct engine *e; json_t *items; int64_t last; bool more; };

static const char *device_name(struct engine *e, uint32_t index)
{
    return index < e->n_devs && e->devs[index].state ? e->devs[index].name : "";
}

static void add_visit(void *arg, const struct visit *v)
{
    struct visit_list *all = arg;

    if (json_array_size(all->items) >= ITEMS) {
        all->more = true;
        return;
    }
    char roles[ROLES_SHOWN];
    snprintf(roles, sizeof roles, "%.*s", ROLES_SHOWN - 1, v->roles);
    json_t *o = json_pack("{s:s,s:s,s:I}", "device", device_name(all->e, v->device), "roles",
                          roles, "began", (json_int_t)v->began.s);
    if (v->ended.s) {
        json_object_set_new(o, "ended", time_json(v->ended));
        json_object_set_new(o, "reason", json_string(decide_reason_name(v->why)));
        json_object_set_new(o, "sentence", json_string(decide_reason_sentence(v->why)));
    }
    json_array_append_new(all->items, o);
    all->last = v->id;
}

static struct reply sessions(struct engine *e, const struct user *u, int64_t before)
{
    struct visit_list all = {.e = e, .items = json_array()};
    json_t *o = json_pack("{s:s,s:i,s:b,s:o}", "user", u->name, "days", DAYS, "first",
                          before == INT64_MAX, "items", all.items);

    store_each_visit(e->store, u->id, before, since(), ITEMS + 1, add_visit, &all);
    if (all.more)
        json_object_set_new(o, "next", json_sprintf("%lld", (long long)all.last));
    return (struct reply){200, o};
}

/* ---- denials --------------------------------------------------------------------------------- */

struct found { struct attempt v[DEVICES * (ITEMS + 1)]; size_t n; };

static void find(void *arg, const struct attempt *a)
{
    struct found *f = arg;

    if (f->n < sizeof f->v / sizeof *f->v)
        f->v[f->n++] = *a;
}

static int newest_first(const void *a, const void *b)
{
    const struct attempt *x = a, *y = b;

    if (x->last.s != y->last.s)
        return x->last.s < y->last.s ? 1 : -1;
    return x->id < y->id ? 1 : -1;
}

static void set_words(json_t *o, const char *name, const char *words)
{
    if (words && words[0])
        json_object_set_new(o, name, json_string(words));
}

static json_t *denial_json(const struct attempt *a)
{
    char dst[ADDR_TEXT], proto[8];
    json_t *o = json_pack("{s:I,s:I,s:I,s:s,s:s,s:s}", "first", (json_int_t)a->first.s, "last",
                          (json_int_t)a->last.s, "count", (json_int_t)a->count, "device", a->device,
                          "kind", attempt_kind_name(a->kind), "reason", attempt_reason_name(a));

    set_words(o, "resource", a->resource);
    if (a->code)
        set_words(o, "sentence", code_sentence((enum refusal_code)a->code));
    else if (a->kind == ATTEMPT_PACKET && a->reason == DENY_NO_LEASE)
        set_words(o, "sentence", decide_reason_sentence((enum decide_reason)a->why));
    if (a->kind != ATTEMPT_PACKET)
        return o;
    set_words(o, "destination", ip_print(&a->destination, dst));
    set_words(o, "proto", proto_name(a->proto, proto));
    json_object_set_new(o, "port", json_integer(a->port));
    return o;
}

static struct reply denials(struct engine *e, const struct user *u, int64_t last, int64_t id)
{
    static struct found all;
    json_t *items = json_array();
    size_t devices = 0;

    all.n = 0;
    for (size_t i = 0; i < e->n_devs && devices < DEVICES; i++)
        if (e->devs[i].state && e->devs[i].user == u->id) {
            devices++;
            store_each_attempt_of(e->store, e->devs[i].name, u->name, since(), last, id, ITEMS + 1,
                                  find, &all);
        }
    qsort(all.v, all.n, sizeof *all.v, newest_first);
    for (size_t i = 0; i < all.n && i < ITEMS; i++)
        json_array_append_new(items, denial_json(&all.v[i]));
    json_t *o = json_pack("{s:s,s:i,s:b,s:o}", "user", u->name, "days", DAYS, "first",
                          last == INT64_MAX, "items", items);
    if (all.n > ITEMS)
        json_object_set_new(o, "next", json_sprintf("%lld-%lld", (long long)all.v[ITEMS - 1].last.s,
                                                    (long long)all.v[ITEMS - 1].id));
    return (struct reply){200, o};
}

struct reply person_ask(struct engine *e, const struct dev *d, enum portal_verb verb,
                        const uint8_t *body, size_t len)
{
    const struct user *u = dev_user(e, d);
    int64_t first, second;

    if (!d->user)
        return reply_error(403, "no_person", "This device belongs to nobody yet.",
                           "Ask your administrator to give it to you.");
    if (!read_before(body, len, &first, &second))
        return reply_error(400, "bad_form", "There is no such page.", "Begin at the first one.");
    return verb == PORTAL_SESSIONS ? sessions(e, u, first) : denials(e, u, first, second);
}
