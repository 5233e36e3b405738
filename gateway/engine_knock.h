/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who knocks at the tunnel's port, as the engine judges it: by the parent's answer which key a
 * handshake was made with, by the people and devices that it knows, and by what came before.
 */
#ifndef GATEWAY_ENGINE_KNOCK_H
#define GATEWAY_ENGINE_KNOCK_H

#include <stddef.h>

#include "gateway/handshake.h"
#include "gateway/places.h"
#include "gateway/records.h"

struct engine;
struct message;

/* What a device's handshakes were like. */
struct knocker {
    uint8_t time[HANDSHAKE_TIME];  /* the greatest; all zero = none yet */
    bool untold;                   /* the database has an older one */
    struct ip_addr source;         /* of the one with that time */
    int64_t at_ms;                 /* when it came, CLOCK_BOOTTIME; 0 = in an earlier run */
    struct places places;
    struct bucket listed;          /* its knocks that become attempts */
};

/*
 * The books: seen = the classes + unread + limited + lost + unheard.
 * seen is the rule's own counter. limited: by the rule (seen - logged) and by the capture role.
 * lost: gaps in the sequence of what the kernel logged. unheard is what remains: on its way at
 * this moment, logged while the capture role was being started again, or reported to an engine
 * that ended before it had written it down.
 */
struct door_books {
    uint64_t class_[HANDSHAKE_CLASSES], unread, limited, lost;
};
struct knocks {
    uint64_t seen, logged, last_seen, last_logged;   /* by the rule; see attempts_count() */
    struct door_books books;                         /* limited: by the capture role */
    struct knocker *v;  size_t n;                    /* [device index] */
    struct bucket nameless;
    int64_t kept_ms;
};

/* MSG_KNOCKS, MSG_KNOCK_COUNTS. -1: malformed. */
int knocks_message(struct engine *e, const struct message *m);
/* Everything added up, as above; *unheard is 0 when all is told. */
struct door_books knocks_books(const struct engine *e, uint64_t *unheard);

const char *key_end_name(enum key_end why);        /* "device-revoked" */

void knocks_load(struct engine *e);
void knocks_store(struct engine *e);               /* into the open transaction */
void knocks_stored(struct engine *e);              /* it holds */
void knocks_clear(struct engine *e);

#endif
