/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Working hours: is a moment inside them, and until when does the answer stay?
 *
 * Slots are minutes of the local week. The clock of the wall jumps twice a year in most zones, so
 * the answer is built piece by piece: within a piece the zone's offset is constant, and a piece
 * ends at the next slot border or at the next change of offset, whichever is first.
 */
#include <stdlib.h>
#include <string.h>

#include "policy/lang.h"

#define HORIZON_S (8 * 86400)

/* ---- slots -------------------------------------------------------------------------------- */

static int slot_cmp(const void *a, const void *b)
{
    const struct hours_slot *x = a, *y = b;

    return x->from != y->from ? (x->from < y->from ? -1 : 1) : (x->to > y->to) - (x->to < y->to);
}

void hours_normalise(struct hours *h)
{
    size_t n = 0;

    qsort(h->slots, h->n_slots, sizeof *h->slots, slot_cmp);
    for (size_t i = 0; i < h->n_slots; i++) {
        if (n == 0 || h->slots[i].from > h->slots[n - 1].to)
            h->slots[n++] = h->slots[i];
        else if (h->slots[i].to > h->slots[n - 1].to)
            h->slots[n - 1].to = h->slots[i].to;
    }
    h->n_slots = n;
}

/* Each part begins with a letter: the name is used as a path below the zone directory. */
bool zone_name_valid(const char *s, size_t len)
{
    if (len == 0 || len >= NAME_SIZE)
        return false;
    for (size_t i = 0; i < len; i++) {
        bool letter = (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z');
        bool other = (s[i] >= '0' && s[i] <= '9') || s[i] == '_' || s[i] == '-' || s[i] == '+' ||
                     s[i] == '/';

        if (!letter && (!other || i == 0 || s[i - 1] == '/'))
            return false;
    }
    return s[len - 1] != '/';
}

/* ---- the answer --------------------------------------------------------------------------- */

/* Seconds of the local week, Monday 00:00 = 0. 1970-01-01 was a Thursday. */
static int64_t week_second(int64_t local)
{
    int64_t s = (local + 3 * 86400) % (7 * 86400);

    return s < 0 ? s + 7 * 86400 : s;
}

static bool in_slot(const struct hours *h, int64_t second)
{
    for (size_t i = 0; i < h->n_slots; i++)
        if (second >= h->slots[i].from * 60 && second < h->slots[i].to * 60)
            return true;
    return false;
}

/* Seconds from this second of the week to the next border of a slot, or the week's end. */
static int64_t to_border(const struct hours *h, int64_t second)
{
    int64_t next = 7 * 86400;

    for (size_t i = 0; i < h->n_slots; i++) {
        int64_t from = h->slots[i].from * 60, to = h->slots[i].to * 60;

        if (from > second && from < next)
            next = from;
        if (to > second && to < next)
            next = to;
    }
    return next - second;
}

static bool open_at(const struct hours *h, int64_t t)
{
    return in_slot(h, week_second(t + zone_offset(h->tz, (struct wall){t}).s));
}

/* The end of the piece that begins at t. */
static int64_t piece_end(const struct hours *h, int64_t t)
{
    int64_t border = t + to_border(h, week_second(t + zone_offset(h->tz, (struct wall){t}).s));
    int64_t change = zone_next_change(h->tz, (struct wall){t}).s;

    return change < border ? change : border;
}

bool hours_open(const struct hours *h, struct wall now, struct wall *until)
{
    bool always = h->n_slots == 0, unknown_zone = h->zone[0] != '\0' && !h->tz;
    int64_t end = now.s + HORIZON_S, t = now.s;
    bool open;

    until->s = end;
    if (always || unknown_zone)
        return always;
    open = open_at(h, t);
    while (t < end && open_at(h, t) == open)
        t = piece_end(h, t);
    until->s = t < end ? t : end;
    return open;
}
