/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Back and forth between two places: see places.h. */
#include "gateway/places.h"

#include <string.h>

#define PLACE6_BYTES 8   /* a /64 */

static bool same_place(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->family == b->family && memcmp(a->b, b->b, a->family == 6 ? PLACE6_BYTES : 4) == 0;
}

static void settle(struct places *p, const struct ip_addr *from)
{
    *p = (struct places){.here = *from};
}

/* To the place that it came from, or to another one: then the moves before say nothing. */
static void move(struct places *p, const struct ip_addr *from, int64_t now_ms)
{
    if (!same_place(from, &p->before))
        p->moves = 0;
    p->before = p->here;
    p->here = *from;
    memmove(p->moved_ms + 1, p->moved_ms, sizeof p->moved_ms - sizeof p->moved_ms[0]);
    p->moved_ms[0] = now_ms;
    if (p->moves < PLACES_MOVES)
        p->moves++;
}

bool places_seen(struct places *p, const struct ip_addr *from, int64_t now_ms,
                 struct ip_addr *other)
{
    if (p->here.family != from->family) {
        settle(p, from);
        return false;
    }
    if (same_place(from, &p->here)) {
        p->here = *from;
        return false;
    }
    move(p, from, now_ms);
    if (p->moves < PLACES_MOVES || now_ms - p->moved_ms[PLACES_MOVES - 1] > PLACES_WINDOW_MS)
        return false;
    *other = p->before;
    p->moves = 0;
    return true;
}
