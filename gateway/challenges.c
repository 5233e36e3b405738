/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A table of challenges, walked from end to end: it is small, and a guess costs nothing more. */
#include "gateway/challenges.h"

#include <sodium.h>
#include <string.h>

static bool is_open(const struct challenge *c, int64_t now) { return c->end_boot_ms > now; }

static bool is_of(const struct challenge *c, const struct asker *a)
{
    return c->asker.purpose == a->purpose && c->asker.user == a->user && c->asker.from == a->from;
}

/* A free place; or, when this asker has its share, the place of its oldest. */
static struct challenge *place_for(struct challenges *t, const struct asker *a, int64_t now)
{
    struct challenge *oldest = NULL, *free_place = NULL;
    unsigned own = 0;

    for (size_t i = 0; i < CHALLENGES_MAX; i++) {
        struct challenge *c = &t->v[i];
        if (!is_open(c, now)) {
            free_place = free_place ? free_place : c;
        } else if (is_of(c, a)) {
            own++;
            if (!oldest || c->end_boot_ms < oldest->end_boot_ms)
                oldest = c;
        }
    }
    return own >= CHALLENGES_EACH ? oldest : free_place;
}

bool challenge_new(struct challenges *t, const struct asker *a, int64_t now_ms,
                   uint8_t out[WEBAUTHN_CHALLENGE])
{
    struct challenge *c = place_for(t, a, now_ms);

    if (!c)
        return false;
    c->asker = *a;
    c->end_boot_ms = now_ms + CHALLENGE_LIFE_MS;
    randombytes_buf(c->v, sizeof c->v);
    memcpy(out, c->v, sizeof c->v);
    return true;
}

bool challenge_take(struct challenges *t, const struct asker *a, int64_t now_ms,
                    const uint8_t v[WEBAUTHN_CHALLENGE])
{
    for (size_t i = 0; i < CHALLENGES_MAX; i++) {
        struct challenge *c = &t->v[i];
        if (!is_open(c, now_ms) || !is_of(c, a) || sodium_memcmp(c->v, v, sizeof c->v) != 0)
            continue;
        *c = (struct challenge){0};
        return true;
    }
    return false;
}

void challenges_drop(struct challenges *t, uint32_t user)
{
    for (size_t i = 0; i < CHALLENGES_MAX; i++)
        if (t->v[i].asker.user == user)
            t->v[i] = (struct challenge){0};
}
