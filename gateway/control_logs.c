/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that read what was recorded: events, the audit log. */
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
