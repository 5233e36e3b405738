/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Challenges: 32 random bytes given to one device, good for 120 s and one use. They live in
 * memory: a restart voids them, and the agent asks again.
 */
#include <sodium.h>
#include <string.h>

#include "gateway/clock.h"
#include "gateway/engine.h"

#define NONCE_LIFE_MS 120000
#define NONCES_EACH 8              /* open ones of one device; the oldest gives way */

static bool is_open(const struct nonce *n, int64_t now)
{
    return n->device != 0 && n->end_boot_ms > now;
}

/* A free place; or, when the device has its share, the place of its oldest. */
static struct nonce *place_for(struct engine *e, uint32_t device, int64_t now)
{
    struct nonce *oldest = NULL, *free_place = NULL;
    unsigned own = 0;

    for (size_t i = 0; i < NONCES_MAX; i++) {
        struct nonce *n = &e->nonces[i];
        if (!is_open(n, now)) {
            free_place = free_place ? free_place : n;
        } else if (n->device == device) {
            own++;
            if (!oldest || n->end_boot_ms < oldest->end_boot_ms)
                oldest = n;
        }
    }
    return own >= NONCES_EACH ? oldest : free_place;
}

bool nonce_new(struct engine *e, uint32_t device, uint8_t out[NONCE_BYTES])
{
    int64_t now = clock_boot_ms();
    struct nonce *n = place_for(e, device, now);

    if (!n)
        return false;
    n->device = device;
    n->end_boot_ms = now + NONCE_LIFE_MS;
    randombytes_buf(n->v, sizeof n->v);
    memcpy(out, n->v, sizeof n->v);
    return true;
}

enum nonce_state nonce_find(const struct engine *e, uint32_t device, const uint8_t v[NONCE_BYTES])
{
    int64_t now = clock_boot_ms();

    for (size_t i = 0; i < NONCES_MAX; i++)
        if (is_open(&e->nonces[i], now) && memcmp(e->nonces[i].v, v, NONCE_BYTES) == 0)
            return e->nonces[i].device == device ? NONCE_VALID : NONCE_OTHER_PEER;
    return NONCE_UNKNOWN;
}

void nonce_use(struct engine *e, const uint8_t v[NONCE_BYTES])
{
    for (size_t i = 0; i < NONCES_MAX; i++)
        if (memcmp(e->nonces[i].v, v, NONCE_BYTES) == 0)
            e->nonces[i] = (struct nonce){0};
}

size_t nonces_drop(struct engine *e, uint32_t device)
{
    size_t n = 0;

    for (size_t i = 0; i < NONCES_MAX; i++)
        if (e->nonces[i].device == device) {
            e->nonces[i] = (struct nonce){0};
            n++;
        }
    return n;
}

bool bucket_take(struct bucket *b, int64_t now_ms, unsigned burst, unsigned per_minute)
{
    int64_t gained = b->at_ms ? (now_ms - b->at_ms) * per_minute / 60000 : burst;

    if (gained > 0) {
        int64_t left = b->left + gained;
        b->left = (uint16_t)(left > burst ? burst : left);
        b->at_ms = left >= burst ? now_ms : b->at_ms + gained * 60000 / per_minute;
    }
    if (b->left == 0)
        return false;
    b->left--;
    return true;
}
