/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Verbs that read attempts: what was refused, to whom it belongs, why. */
#include <string.h>

#include "gateway/attempts.h"
#include "gateway/control.h"
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
    if (a->why)
        set_some(o, "why", decide_reason_name((enum decide_reason)a->why));
    json_object_set_new(o, "file", json_integer(a->file));
}

static json_t *attempt_json(const struct attempt *a)
{
    json_t *o = json_pack("{s:I,s:I,s:I,s:I,s:s,s:s}", "id", (json_int_t)a->id, "first",
                          (json_int_t)a->first.s, "last", (json_int_t)a->last.s, "count",
                          (json_int_t)a->count, "kind", attempt_kind_name(a->kind), "reason",
                          attempt_reason_name(a));

    set_some(o, "actor", a->actor);
    set_some(o, "user", a->user);
    set_some(o, "device", a->device);
    set_some(o, "role", a->role);
    set_address(o, "source", &a->source);
    set_address(o, "destination", &a->destination);
    set_some(o, "code", code_id((enum refusal_code)a->code));
    if (a->kind == ATTEMPT_PACKET)
        set_packet(o, a);
    return o;
}

static void add_attempt(void *arg, const struct attempt *a) { list_add(arg, attempt_json(a)); }

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
    return query_int(q, "since", 0, INT64_MAX, &f->since) &&
           query_int(q, "until", 0, INT64_MAX, &f->until);
}

struct reply control_attempts(struct engine *e, struct request *q)
{
    struct item_list l = {.key = "id"};
    struct attempt_filter f = {0};
    struct reply error;

    if (!query_page(q, &l.limit, &f.after, &error))
        return error;
    if (!filter_read(q, &f))
        return reply_bad_query();
    f.limit = l.limit + 1;
    l.items = json_array();
    store_each_attempt(e->store, &f, add_attempt, &l);
    return list_reply(&l);
}
