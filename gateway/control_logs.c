/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that read what was recorded: attempts, events, the audit log. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "gateway/attempts.h"
#include "gateway/control.h"
#include "policy/address.h"

static struct reply bad_query(void)
{
    return reply_error(400, "bad_query", "A value behind '?' is not of its form.",
                       "limit and last are 1 to 5000; after and since are numbers; reason is one of those "
                       "that portcullis status shows.");
}

/* ---- attempts ------------------------------------------------------------------------------- */

static void set_some(json_t *o, const char *name, const char *text)
{
    if (text && text[0])
        json_object_set_new(o, name, json_string(text));
}

static json_t *attempt_json(const struct attempt *a)
{
    char text[ADDR_TEXT], proto[8];
    json_t *o = json_pack("{s:I,s:I,s:I,s:I,s:s}", "id", (json_int_t)a->id, "first",
                          (json_int_t)a->first.s, "last", (json_int_t)a->last.s, "count",
                          (json_int_t)a->count, "kind", a->token ? "token" : "packet");

    set_some(o, "user", a->user);
    set_some(o, "device", a->device);
    set_some(o, "role", a->role);
    if (a->source.family)
        set_some(o, "source", ip_print(&a->source, text));
    set_some(o, "code", code_id((enum refusal_code)a->code));
    if (a->token) {
        set_some(o, "reason", code_name((enum refusal_code)a->code));
        return o;
    }
    set_some(o, "destination", ip_print(&a->destination, text));
    set_some(o, "proto", proto_name(a->proto, proto));
    json_object_set_new(o, "port", json_integer(a->port));
    set_some(o, "resource", a->resource);
    set_some(o, "reason", deny_reason_name((enum deny_reason)a->reason));
    if (a->why)
        set_some(o, "why", decide_reason_name((enum decide_reason)a->why));
    json_object_set_new(o, "file", json_integer(a->file));
    return o;
}

struct list { json_t *items; int64_t limit; const char *key; json_t *next; };

static void add_item(struct list *l, json_t *item)
{
    size_t n = json_array_size(l->items);

    if (n < (size_t)l->limit) {
        json_array_append_new(l->items, item);
        return;
    }
    if (!l->next && n > 0)
        l->next = json_incref(json_object_get(json_array_get(l->items, n - 1), l->key));
    json_decref(item);
}

static void add_attempt(void *arg, const struct attempt *a) { add_item(arg, attempt_json(a)); }

static struct reply list_reply(struct list *l)
{
    json_t *o = json_pack("{s:o}", "items", l->items);

    if (l->next)
        json_object_set_new(o, "next", l->next);
    return (struct reply){200, o};
}

struct reply control_attempts(struct engine *e, struct request *q)
{
    struct attempt_filter f = {.user = query_get(q, "user"), .device = query_get(q, "device"),
                               .reason = -1};
    const char *reason = query_get(q, "reason");
    struct list l = {.key = "id"};
    struct reply error;

    if (!query_page(q, &l.limit, &f.after, &error))
        return error;
    if (reason)
        f.reason = (int)deny_reason_parse(reason, strlen(reason));
    if (f.reason == DENY_REASONS || !query_int(q, "since", 0, INT64_MAX, &f.since))
        return bad_query();
    f.limit = l.limit + 1;
    l.items = json_array();
    store_each_attempt(e->store, &f, add_attempt, &l);
    return list_reply(&l);
}

/* ---- events --------------------------------------------------------------------------------- */

struct reply control_events(struct engine *e, struct request *q)
{
    int64_t limit, after = 0, oldest = e->event_next - EVENTS_MAX;
    json_t *items;
    struct reply error;

    if (!query_page(q, &limit, &after, &error))
        return error;
    items = json_array();
    int64_t seq = after + 1 > e->event_first ? after + 1 : e->event_first;
    if (seq < oldest)
        seq = oldest;
    for (; after >= 0 && seq < e->event_next && (int64_t)json_array_size(items) < limit; seq++) {
        const struct event *one = &e->events[seq % EVENTS_MAX];
        json_array_append_new(items, json_pack("{s:I,s:I,s:s,s:s}", "seq", (json_int_t)one->seq,
                                               "time", (json_int_t)one->time.s, "kind", one->kind,
                                               "text", one->text));
    }
    json_int_t last = after < 0 ? e->event_next - 1 : seq - 1;
    return (struct reply){200, json_pack("{s:o,s:I}", "items", items, "last", last)};
}

/* ---- audit ---------------------------------------------------------------------------------- */

static bool add_record(void *arg, const struct audit_record *r)
{
    struct list *l = arg;
    char hash[2 * AUDIT_HASH + 1];
    json_t *detail = json_loads(r->detail, 0, NULL);
    json_t *o = json_pack("{s:I,s:I,s:s,s:s,s:s,s:s}", "seq", (json_int_t)r->seq, "time",
                          (json_int_t)(r->time_us / 1000000), "actor", r->actor, "act", r->act,
                          "object", r->object, "hash",
                          sodium_bin2hex(hash, sizeof hash, r->hash, sizeof r->hash));

    if (r->uid != ENGINE_UID)
        json_object_set_new(o, "uid", json_integer(r->uid));
    json_object_set_new(o, "detail", detail ? detail : json_object());
    add_item(l, o);
    return !l->next;
}

struct reply control_audit(struct engine *e, struct request *q)
{
    struct list l = {.key = "seq"};
    int64_t after = 0, newest = 0, last = (int64_t)audit_last(e->audit);
    struct reply error;

    if (!query_page(q, &l.limit, &after, &error))
        return error;
    if (!query_int(q, "last", 1, 5000, &newest))
        return bad_query();
    if (newest > 0 && last - newest > after)
        after = last - newest;
    l.items = json_array();
    (void)audit_read(e->audit, after > 0 ? (uint64_t)after : 0, add_record, &l);
    return list_reply(&l);
}

struct reply control_audit_verify(struct engine *e, struct request *q)
{
    uint64_t records;
    char text[160];

    (void)q;
    bool whole = audit_verify(e->audit, &records, text);
    if (!whole)
        alarm_raise(e, "the audit log does not verify: %s", text);
    return (struct reply){200, json_pack("{s:b,s:I,s:s}", "ok", whole, "records",
                                         (json_int_t)records, "text", text)};
}
