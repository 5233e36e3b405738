/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Challenges for passkeys: 32 random bytes, given for one purpose to one asker, good for one use
 * and two minutes of CLOCK_BOOTTIME. They live in memory: a restart voids them.
 */
#ifndef GATEWAY_CHALLENGES_H
#define GATEWAY_CHALLENGES_H

#include "gateway/webauthn.h"

#define CHALLENGES_MAX 1024
#define CHALLENGES_EACH 4        /* open ones of one asker and purpose; the oldest gives way */
#define CHALLENGE_LIFE_MS 120000

enum challenge_purpose { FOR_NOTHING = 0, FOR_REGISTRATION, FOR_SIGN_IN, FOR_CONSOLE };

/* Who asks: a device and its person; or an address, at the console, of somebody not known yet. */
struct asker { enum challenge_purpose purpose; uint32_t user; uint64_t from; };

struct challenges {
    struct challenge {
        uint8_t v[WEBAUTHN_CHALLENGE];
        struct asker asker;
        int64_t end_boot_ms;     /* 0 = free */
    } v[CHALLENGES_MAX];
};

/* False: no room. */
bool challenge_new(struct challenges *t, const struct asker *a, int64_t now_ms,
                   uint8_t out[WEBAUTHN_CHALLENGE]);
/* True once: it was given to this asker, and is still good. */
bool challenge_take(struct challenges *t, const struct asker *a, int64_t now_ms,
                    const uint8_t v[WEBAUTHN_CHALLENGE]);
void challenges_drop(struct challenges *t, uint32_t user);

#endif
