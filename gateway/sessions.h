/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who is signed in to the console. A session is a token that the admin's browser shows with each
 * request; the engine keeps its hash, in memory alone: a restart ends all of them.
 *
 * It ends after 15 minutes without a request of a person, after 12 hours, and with whatever made it
 * possible: the person is revoked, compromised, ended, chooses new secrets, or has another role.
 */
#ifndef GATEWAY_SESSIONS_H
#define GATEWAY_SESSIONS_H

#include "gateway/records.h"

#define SESSIONS_MAX 256
#define SESSIONS_EACH 8          /* of one person: the oldest gives way */
#define SESSION_TOKEN 44         /* 32 random bytes in base64url, with a NUL */
#define SESSION_IDLE_MS (15 * 60 * 1000)
#define SESSION_LIFE_MS (12 * 60 * 60 * 1000)

struct engine;
struct session {
    uint32_t id;                 /* how an admin names it; 0 = free */
    uint8_t hash[32];            /* SHA-256 of the token */
    uint32_t user;
    struct admin as;             /* as it was at the start: another one ends the session */
    struct wall began;
    int64_t began_boot_ms, seen_boot_ms;
    int64_t proved_boot_ms;      /* when passphrase and code were given; 0 = by passkey */
    struct ip_addr peer;         /* where they signed in */
};

/* A new one for this admin; its token is told once. */
struct session *session_new(struct engine *e, const struct user *u, const struct ip_addr *peer,
                            char token[SESSION_TOKEN]);
/* The one with this token, that holds now and from there; NULL: there is none. What is no more is
 * ended. A browser shows its cookie to every port of a name, the enrol door's included: what somebody
 * got hold of there is worth nothing from another address. */
struct session *session_find(struct engine *e, const char *token, const struct ip_addr *peer);
struct session *session_by_id(struct engine *e, int64_t id);
/* Somebody did something in it. */
void session_seen(struct session *s);
/* Milliseconds until it ends by being idle, and until it ends at all. */
int64_t session_idle_left(const struct session *s);
int64_t session_life_left(const struct session *s);
/* Without a record. */
void session_drop(struct session *s);
/* All of this person, each with its record that says why: "revoked", "new-secrets". */
void sessions_end(struct engine *e, uint32_t user, const char *why);
void sessions_tick(struct engine *e);              /* once a second */

/* ---- tries ----------------------------------------------------------------------------------- */

/*
 * Before anybody is known to be who they say: so few tries from one place, so few for one name,
 * whether it is somebody's or not. A place has less of them than a name, so that one place
 * cannot keep a person out.
 */
#define TRY_PLACES 1024
#define TRY_NAMES 256
struct tries {
    struct { struct ip_addr from; struct bucket b; } places[TRY_PLACES];   /* family 0 = free */
    size_t next_place;
    struct bucket names[TRY_NAMES];                /* by a keyed hash */
    uint8_t key[16];
    bool keyed;
    int64_t quiet_until_ms;                        /* the alarm was given */
};
bool try_take(struct tries *t, const struct ip_addr *from, const char *name, int64_t now_ms);
/* Somebody guesses at the door of those who may everything: told, once in ten minutes. */
void try_alarm(struct engine *e, const struct ip_addr *from);
/* It was who they said. */
void try_give_back(struct tries *t, const struct ip_addr *from, const char *name);

#endif
