/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that read attempts: what was refused, to whom it belongs, why. */
#include <stdlib.h>
#include <string.h>

#include "gateway/attempts.h"
#include "gateway/cases.h"
#include "gateway/control.h"
#include "gateway/ecs.h"
#include "policy/address.h"

static void set_some(json_t *o, const char *name, const char *text)
{
    if (text && text[0])
        json_object_set_new(o, name, json_string(text));
}

static void set_address(json_t *o, const char *name, const struct ip_addr *a)
{
    char text[ADDR_TEXT];

    if (a->family)
        json_object_set_new(o, name, json_string(ip_print(a, text)));
}

static void set_packet(json_t *o, const struct attempt *a)
{
    char proto[8];

    set_some(o, "proto", proto_name(a->proto, proto));
    json_object_set_new(o, "port", json_integer(a->port));
    set_some(o, "resource", a->resource);
    json_object_set_new(o, "file", json_integer(a->file));
}

json_t *attempt_json(const struct attempt *a)
{
    json_t *o = json_pack("{s:I,s:I,s:I,s:I,s:s,s:s}", "id", (json_int_t)a->id, "first",
                          (json_int_t)a->first.s, "last", (json_int_t)a->last.s, "count",
                          (json_int_t)a->count, "kind", attempt_kind_name(a->kind), "reason",
                          attempt_reason_name(a));

    set_some(o, a->kind == ATTEMPT_KNOCK ? "key" : "actor", a->actor);
    set_some(o, "user", a->user);
    set_some(o, "device", a->device);
    set_some(o, "role", a->role);
    set_address(o, "source", &a->source);
    set_address(o, "destination", &a->destination);
    set_some(o, "code", code_id((enum refusal_code)a->code));
    set_some(o, "why", attempt_why_name(a));
    if (a->ended.s)
        json_object_set_new(o, "ended", time_json(a->ended));
    if (a->kind == ATTEMPT_PACKET)
        set_packet(o, a);
    return o;
}

static void add_case(void *arg, int64_t id) { json_array_append_new(arg, json_integer(id)); }

static json_t *attempt_whole(struct engine *e, const struct attempt *a)
{
    char text[ATTEMPT_TEXT];
    json_t *o = attempt_json(a), *cases = json_array();

    json_object_set_new(o, "sentence", json_string(attempt_text(a, text)));
    store_each_case_of(e->store, a->id, add_case, cases);
    json_object_set_new(o, "cases", cases);
    return o;
}

struct attempt_list {
    struct item_list l;
    const char *gateway;
    bool ecs;
    int64_t last, id;                   /* of the last one listed */
};

/* By time, a number does not say where to go on. */
static void name_next(struct attempt_list *all)
{
    json_decref(all->l.next);
    all->l.next = json_sprintf("%lld-%lld", (long long)all->last, (long long)all->id);
}

static void add_attempt(void *arg, const struct attempt *a)
{
    struct attempt_list *all = arg;

    if (json_array_size(all->l.items) < (size_t)all->l.limit) {
        all->last = a->last.s;
        all->id = a->id;
    }

    json_t *o = all->ecs ? json_pack("{s:I,s:o}", "id", (json_int_t)a->id, "ecs",
                                     ecs_attempt(all->gateway, a))
                         : attempt_json(a);

    list_add(&all->l, o);
}

/* before=TIME-ID: behind that one, which "next" of the answer before named. */
static bool order_read(const struct request *q, struct attempt_filter *f)
{
    const char *before = query_get(q, "before");
    int64_t newest = 0;
    char *end;

    if (!query_int(q, "newest", 0, 1, &newest) || (before && newest != 1))
        return false;
    f->newest = newest == 1;
    f->before_last = f->before_id = INT64_MAX;
    if (!before)
        return true;
    f->before_last = strtoll(before, &end, 10);
    if (end == before || *end != '-')
        return false;
    before = end + 1;
    f->before_id = strtoll(before, &end, 10);
    return end != before && *end == '\0';
}

static bool filter_read(const struct request *q, struct attempt_filter *f)
{
    const char *reason = query_get(q, "reason"), *kind = query_get(q, "kind");
    enum attempt_kind k;

    *f = (struct attempt_filter){.user = query_get(q, "user"), .device = query_get(q, "device"),
                                 .role = query_get(q, "role"), .kind = -1, .reason = -1,
                                 .code = -1, .until = INT64_MAX, .after = f->after};
    if (reason && !attempt_reason_parse(reason, f))
        return false;
    if (kind && (!attempt_kind_parse(kind, &k) || (reason && f->kind != (int)k)))
        return false;
    if (kind)
        f->kind = (int)k;
    f->q = query_get(q, "q");
    return order_read(q, f) && query_int(q, "since", 0, INT64_MAX, &f->since) &&
           query_int(q, "until", 0, INT64_MAX, &f->until);
}

#define ECS_PAGE 1000              /* documents in one answer: less than 4 MiB */

/* "ecs": each item as a document of the Elastic Common Schema. False: another word. */
static bool format_read(const struct request *q, bool *ecs)
{
    const char *format = query_get(q, "format");

    *ecs = format != NULL;
    return !format || strcmp(format, "ecs") == 0;
}

struct reply control_attempts(struct engine *e, struct request *q)
{
    struct attempt_list all = {.l.key = "id", .gateway = e->conf.name};
    struct attempt_filter f = {0};
    struct reply error;

    if (!query_page(q, &all.l.limit, &f.after, &error))
        return error;
    if (!filter_read(q, &f) || !format_read(q, &all.ecs))
        return reply_bad_query();
    if (all.ecs && all.l.limit > ECS_PAGE)
        all.l.limit = ECS_PAGE;
    f.limit = all.l.limit + 1;
    all.l.items = json_array();
    store_each_attempt(e->store, &f, add_attempt, &all);
    if (f.newest && all.l.next)
        name_next(&all);
    return list_reply(&all.l);
}

/* ---- one attempt ---------------------------------------------------------------------------- */

static struct reply no_such_attempt(const char *id)
{
    return reply_errorf(404, "unknown_attempt", "See GET /v1/attempts; the oldest are given up.",
                        "There is no attempt %s.", id);
}

struct reply control_attempt(struct engine *e, struct request *q)
{
    int64_t id = path_number(q);
    struct attempt a;
    bool ecs;

    if (!format_read(q, &ecs))
        return reply_bad_query();
    if (id == 0 || store_get_attempt(e->store, id, &a) != STORE_OK)
        return no_such_attempt(q->name);
    return (struct reply){200, ecs ? ecs_attempt(e->conf.name, &a) : attempt_whole(e, &a)};
}

struct reply control_attempt_packets(struct engine *e, struct request *q)
{
    int64_t id = path_number(q);
    struct attempt a;

    if (id == 0 || store_get_attempt(e->store, id, &a) != STORE_OK)
        return no_such_attempt(q->name);
    return evidence_ask(e, q, &a);
}
