/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A growing text, and how the values of the language look in it: what print.c and diff.c share. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"
#include "policy/lang.h"

/* ---- the text ----------------------------------------------------------------------------- */

static bool out_room(struct out *o, size_t more)
{
    size_t need = o->len + more + 1, room = o->room ? o->room : 256;
    char *bigger;

    if (o->oom)
        return false;
    while (room < need)
        room *= 2;
    if (room == o->room)
        return true;
    bigger = realloc(o->s, room);
    o->oom = !bigger;
    if (!bigger)
        return false;
    o->s = bigger;
    o->room = room;
    return true;
}

void out_put(struct out *o, const char *s)
{
    size_t n = strlen(s);

    if (!out_room(o, n))
        return;
    memcpy(o->s + o->len, s, n + 1);
    o->len += n;
}

void out_fmt(struct out *o, const char *fmt, ...)
{
    char piece[512];
    va_list args;

    va_start(args, fmt);
    vsnprintf(piece, sizeof piece, fmt, args);
    va_end(args);
    out_put(o, piece);
}

char *out_take(struct out *o)
{
    char *s;

    out_put(o, "");
    if (o->oom) {
        free(o->s);
        o->s = NULL;
    }
    s = o->s;
    *o = (struct out){0};
    return s;
}

/* ---- values ------------------------------------------------------------------------------- */

/* The prefix that is exactly this range, when there is one. */
static bool range_prefix(const struct ip_range *r, struct ip_prefix *out)
{
    int bits = r->first.family == 4 ? 32 : 128;

    for (int len = 0; len < bits; len++) {
        struct ip_prefix p = {r->first, (uint8_t)len};
        struct ip_range whole = prefix_range(&p);

        if (ip_cmp(&whole.first, &r->first) == 0 && ip_cmp(&whole.last, &r->last) == 0) {
            *out = p;
            return true;
        }
    }
    return false;
}

void out_range(struct out *o, const struct ip_range *r)
{
    char first[ADDR_TEXT], last[ADDR_TEXT];
    struct ip_prefix prefix;

    out_put(o, ip_print(&r->first, first));
    if (ip_cmp(&r->first, &r->last) == 0)
        return;
    if (range_prefix(r, &prefix))
        out_fmt(o, "/%u", prefix.len);
    else
        out_fmt(o, "-%s", ip_print(&r->last, last));
}

void out_duration(struct out *o, struct span d)
{
    static const struct {
        int64_t seconds;
        char unit;
    } units[] = {{86400, 'd'}, {3600, 'h'}, {60, 'm'}, {1, 's'}};
    size_t i = 0;

    while (d.s % units[i].seconds != 0)
        i++;
    out_fmt(o, "%lld%c", (long long)(d.s / units[i].seconds), units[i].unit);
}

static void out_protocol(struct out *o, uint8_t proto)
{
    const char *name = proto == 58 ? "icmp" : protocol_name(proto);

    if (proto != 1 && proto != 58 && !has_ports(proto))
        out_put(o, "proto ");
    if (name)
        out_put(o, name);
    else
        out_fmt(o, "%u", proto);
}

void out_services(struct out *o, const struct service *v, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            out_put(o, ", ");
        if (i == 0 || v[i].proto != v[i - 1].proto || !has_ports(v[i].proto)) {
            out_protocol(o, v[i].proto);
            out_put(o, has_ports(v[i].proto) ? " " : "");
        }
        if (has_ports(v[i].proto))
            out_fmt(o, v[i].port_first == v[i].port_last ? "%u" : "%u-%u", v[i].port_first,
                    v[i].port_last);
    }
}

/* ---- hours -------------------------------------------------------------------------------- */

/* The part of a slot that lies on a day; false when none does. */
static bool slot_on_day(const struct hours_slot *s, int day, int *from, int *to)
{
    int start = day * 1440, end = start + 1440;

    *from = s->from > start ? s->from - start : 0;
    *to = (s->to < end ? s->to : end) - start;
    return s->from < end && s->to > start;
}

static bool day_has(const struct hours *h, int day, int from, int to)
{
    int f, t;

    for (size_t i = 0; i < h->n_slots; i++)
        if (slot_on_day(&h->slots[i], day, &f, &t) && f == from && t == to)
            return true;
    return false;
}

/* Each piece is printed at the first day that has it, for the run of days that have it. */
static void out_day_piece(struct out *o, const struct hours *h, int day, int from, int to,
                          bool *first)
{
    int last = day;

    if (day_has(h, day - 1, from, to))
        return;
    while (last < 6 && day_has(h, last + 1, from, to))
        last++;
    out_fmt(o, "%s%s", *first ? "" : ", ", day_names[day]);
    if (last > day)
        out_fmt(o, "-%s", day_names[last]);
    out_fmt(o, " %02d:%02d-%02d:%02d", from / 60, from % 60, to / 60, to % 60);
    *first = false;
}

void out_hours(struct out *o, const struct hours *h)
{
    bool first = true;
    int from, to;

    for (int day = 0; day < 7; day++)
        for (size_t i = 0; i < h->n_slots; i++)
            if (slot_on_day(&h->slots[i], day, &from, &to))
                out_day_piece(o, h, day, from, to, &first);
    out_fmt(o, " %s", h->zone[0] ? h->zone : "UTC");
}
