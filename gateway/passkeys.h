/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whose passkeys there are. A person adds one on a page that was opened by the gateway's name
 * (gateway.conf: tls), after they have just signed in with passphrase and code, and from then on
 * signs in with it alone: the authenticator proves that it is there and that it has verified the
 * person by PIN, fingerprint or face, which are two factors that no other site can ask for.
 *
 * A counter of signatures that goes back means that there is a copy: the passkey is stopped, since
 * nobody knows which of the two is the person's.
 */
#ifndef GATEWAY_PASSKEYS_H
#define GATEWAY_PASSKEYS_H

#include <jansson.h>

#include "gateway/control.h"
#include "gateway/webauthn.h"

#define PASSKEYS_EACH 8

struct passkey {
    int64_t id;
    uint32_t user;
    struct credential c;
    bool stopped;                /* a copy of it was used */
    char name[NAME_SIZE];        /* as its owner calls it */
    struct wall made, used;      /* used 0 = never */
};

/* ---- store_passkeys.c ----------------------------------------------------------------------- */

/* At most `max` of this person, the oldest first. */
size_t store_get_passkeys(struct store *s, uint32_t user, struct passkey *out, size_t max);
bool store_find_passkey(struct store *s, const uint8_t *credential, size_t n, struct passkey *out);
void store_add_passkey(struct store *s, const struct passkey *k);       /* but its id */
/* What of one may change: counter, stopped, name, used. */
void store_put_passkey(struct store *s, const struct passkey *k);
void store_drop_passkey(struct store *s, int64_t id);
void store_drop_passkeys(struct store *s, uint32_t user);

/* ---- passkeys.c ----------------------------------------------------------------------------- */

/* NULL, or why there are none here. */
const char *passkeys_off(struct engine *e);
/* {on, site? | why?} */
json_t *passkeys_status(struct engine *e);

/* ---- control_passkeys.c --------------------------------------------------------------------- */

/* [{id, name, created, used?, synced, stopped}] */
json_t *passkeys_json(struct engine *e, const struct user *u);
/* The one of this number, if it is this person's. */
bool passkey_of(struct engine *e, const struct user *u, int64_t id, struct passkey *out);
struct reply passkey_remove(struct engine *e, const struct user *u, const struct passkey *k,
                            const char *actor, uint32_t uid);

control_verb control_user_passkeys, control_user_passkey_remove;

#endif
