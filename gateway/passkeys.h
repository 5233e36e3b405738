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

#include "gateway/challenges.h"
#include "gateway/control.h"
#include "gateway/secrets.h"
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

#define PORTAL_PORT 443                    /* by TLS */
#define PASSKEY_FRESH_MS (5 * 60 * 1000)   /* of a sign-in by passphrase and code, to change them */

/* Where somebody adds a passkey or shows one: at the portal or at the console. */
struct ceremony {
    struct place place;              /* place.user NULL: not known before the passkey is */
    uint64_t from;                   /* the device's index; a number of the address */
    uint16_t port;                   /* of the page */
};
struct ceremony passkey_at_portal(struct engine *e, struct dev *d);
struct ceremony passkey_at_console(struct engine *e, const struct request *q);

/* What the browser is asked: 200 and {publicKey} in WebAuthn's JSON form. */
struct reply passkey_ask_new(struct engine *e, const struct ceremony *c);
struct reply passkey_ask(struct engine *e, const struct ceremony *c);
/* {name, client_data, attestation}: 201 {user, items}. */
struct reply passkey_add(struct engine *e, const struct ceremony *c, const uint8_t *body,
                         size_t len);
/* {id, client_data, data, signature, user_handle}: 200 as secrets_step(STEP_SIGN_IN), and
 * c->place.user is who it was. */
struct reply passkey_sign_in(struct engine *e, struct ceremony *c, const uint8_t *body, size_t len);
struct reply passkey_rename(struct engine *e, const struct ceremony *c, int64_t id,
                            const char *name);
struct reply passkey_take_away(struct engine *e, const struct ceremony *c, int64_t id);

/* ---- passkeys_portal.c ---------------------------------------------------------------------- */

/* The portal's verbs PORTAL_PASSKEYS .. PORTAL_PASSKEY_REMOVE, from this device. */
struct reply passkeys_ask(struct engine *e, struct dev *d, unsigned verb, const uint8_t *body,
                          size_t len);

/* ---- control_session_passkeys.c ------------------------------------------------------------- */

control_verb control_session_passkey_begin, control_session_passkey_finish,
    control_session_passkeys, control_session_passkeys_begin, control_session_passkeys_finish,
    control_session_passkeys_rename, control_session_passkeys_remove;

/* ---- control_passkeys.c --------------------------------------------------------------------- */

/* NULL, or why there are none here. */
const char *passkeys_off(struct engine *e);
/* {on, site? | why?} */
json_t *passkeys_status(struct engine *e);

/* Into what a person sees of signing in: site, and passkeys, how many may be used. */
void passkeys_mention(struct engine *e, const struct user *u, json_t *sign_in);
/* Were passphrase and code given lately? What changes somebody's passkeys asks for it. */
bool passkey_fresh(int64_t proved_boot_ms);
struct reply passkey_not_fresh(void);
/* {on, site? | why?, user, fresh, items, most} */
json_t *passkeys_own(struct engine *e, const struct ceremony *c, int64_t proved_boot_ms);
/* [{id, name, created, used?, synced, stopped}] */
json_t *passkeys_json(struct engine *e, const struct user *u);
/* The one of this number, if it is this person's. */
bool passkey_of(struct engine *e, const struct user *u, int64_t id, struct passkey *out);
struct reply passkey_remove(struct engine *e, const struct user *u, const struct passkey *k,
                            const char *actor, uint32_t uid);

control_verb control_user_passkeys, control_user_passkey_remove;

#endif
