/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that read what was recorded: events, the audit log. */
#include <sodium.h>
#include <string.h>

#include "gateway/control.h"
#include "gateway/ecs.h"

/* ---- events --------------------------------------------------------------------------------- */

static json_t *event_json(struct engine *e, const struct event *one)
{
    json_t *o = json_pack("{s:I,s:I,s:s,s:s}", "seq", (json_int_t)one->seq, "time",
                          (json_int_t)one->time.s, "kind", one->kind, "text", one->text);

    if (one->attempt) {
        json_object_set_new(o, "attempt", attempt_json(one->attempt));
        json_object_set_new(o, "ecs", ecs_attempt(e->conf.name, one->attempt));
    }
    return o;
}

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
        json_array_append_new(items, event_json(e, one));
    }
    json_int_t last = after < 0 ? e->event_next - 1 : seq - 1;
    return (struct reply){200, json_pack("{s:o,s:I}", "items", items, "last", last)};
}

/* ---- audit ---------------------------------------------------------------------------------- */

static bool add_record(void *arg, const struct audit_record *r)
{
    struct item_list *l = arg;
    char hash[2 * AUDIT_HASH + 1];
    json_t *detail = json_loads(r->detail, 0, NULL);
    json_t *o = json_pack("{s:I,s:I,s:s,s:s,s:s,s:s}", "seq", (json_int_t)r->seq, "time",
                          (json_int_t)(r->time_us / 1000000), "actor", r->actor, "act", r->act,
                          "object", r->object, "hash",
                          sodium_bin2hex(hash, sizeof hash, r->hash, sizeof r->hash));

    if (r->uid != ENGINE_UID)
        json_object_set_new(o, "uid", json_integer(r->uid));
    json_object_set_new(o, "detail", detail ? detail : json_object());
    list_add(l, o);
    return !l->next;
}

struct reply control_audit(struct engine *e, struct request *q)
{
    struct item_list l = {.key = "seq"};
    int64_t after = 0, newest = 0, last = (int64_t)audit_last(e->audit);
    struct reply error;

    if (!query_page(q, &l.limit, &after, &error))
        return error;
    if (!query_int(q, "last", 1, 5000, &newest))
        return reply_bad_query();
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
