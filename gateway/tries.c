/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How often somebody may try to sign in from outside the tunnel: by place and by name. */
#include <sodium.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/engine.h"
#include "policy/address.h"

#define PLACE_BURST 5
#define PLACE_PER_MINUTE 1
#define NAME_BURST 20
#define NAME_PER_MINUTE 10
#define QUIET_MS (10 * 60 * 1000)

static struct bucket *place(struct tries *t, const struct ip_addr *from)
{
    struct ip_addr a = ip_owner(from);

    for (size_t i = 0; i < TRY_PLACES; i++)
        if (t->places[i].from.family && ip_cmp(&t->places[i].from, &a) == 0)
            return &t->places[i].b;
    size_t at = t->next_place;
    t->next_place = (at + 1) % TRY_PLACES;
    t->places[at].from = a;
    t->places[at].b = (struct bucket){0};
    return &t->places[at].b;
}

static struct bucket *name_bucket(struct tries *t, const char *name)
{
    uint64_t h;

    if (!t->keyed)
        randombytes_buf(t->key, sizeof t->key);
    t->keyed = true;
    crypto_shorthash((uint8_t *)&h, (const uint8_t *)name, strlen(name), t->key);
    return &t->names[h % TRY_NAMES];
}

bool try_take(struct tries *t, const struct ip_addr *from, const char *name, int64_t now_ms)
{
    return bucket_take(place(t, from), now_ms, PLACE_BURST, PLACE_PER_MINUTE) &&
           bucket_take(name_bucket(t, name), now_ms, NAME_BURST, NAME_PER_MINUTE);
}

void try_give_back(struct tries *t, const struct ip_addr *from, const char *name)
{
    *place(t, from) = (struct bucket){0};
    *name_bucket(t, name) = (struct bucket){0};
}

void try_alarm(struct engine *e, const struct ip_addr *from)
{
    int64_t now = clock_boot_ms();
    char text[ADDR_TEXT];

    if (now < e->tries.quiet_until_ms)
        return;
    e->tries.quiet_until_ms = now + QUIET_MS;
    alarm_raise(e, "somebody at %s tries again and again to sign in to the console",
                ip_print(from, text));
}
