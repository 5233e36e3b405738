/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where attempts go beyond the database: for each outlet of gateway.conf a queue in it, a bounded
 * number of items with the courier, and books that balance:
 *
 *     written = delivered + dropped + queued
 *
 * An item leaves the queue when it is delivered, or as the oldest when there is no more room; it
 * is delivered at least once, and twice when the engine ends between the delivery and the next
 * second. Each event has a number that no other has, so that a receiver can tell.
 */
#ifndef GATEWAY_ENGINE_OUTLETS_H
#define GATEWAY_ENGINE_OUTLETS_H

#include <jansson.h>

#include "gateway/courier.h"
#include "gateway/metrics.h"
#include "gateway/store.h"

#define OUTLET_QUEUE_MAX 10000       /* events of one outlet; beyond, the oldest go */
#define OUTLET_KEY_MIN 16            /* bytes of a webhook's key */
#define OUTLET_KEY_MAX 256
#define OUTLET_BATCH 100             /* events in one POST */
#define OUTLET_FLYING 128            /* more than a window and a batch */

struct engine;
struct message;

struct outlet_state {
    char name[OUTLET_NAME];
    char *ca;                        /* PEM, "" = the system's */
    uint8_t key[OUTLET_KEY_MAX];
    size_t key_len;
    bool mute;                       /* its files cannot be had: it waits */
    struct outlet_books books;
    uint64_t queued, failures;
    uint64_t untold;                 /* dropped, and not yet in the audit log */
    int64_t done, stored;            /* delivered up to this id; and gone from the queue */
    /* in the open transaction: */
    uint64_t added, dropping;
    int64_t drop_to;
    /* with the courier: */
    uint32_t round;
    int64_t flying[OUTLET_FLYING];   /* ids, in order */
    size_t n_flying;
    int64_t sent;                    /* up to this id */
    unsigned tries;                  /* that failed, one after another */
    enum delivery last;               /* why */
    int64_t retry_ms;                /* not before; CLOCK_BOOTTIME */
};
struct outlets { struct outlet_state *v; size_t n; uint64_t seq, next_seq; int64_t told_ms; };

void outlets_start(struct engine *e);            /* keys and queues; a courier, if need be */
void outlets_courier(struct engine *e);          /* there is a new one */
/* Into the open transaction: one event for this attempt; then what has changed. */
void outlets_add(struct engine *e, const struct attempt *a);
void outlets_store(struct engine *e);
void outlets_stored(struct engine *e, bool held);    /* the transaction did, or did not */
void outlets_tick(struct engine *e);
int outlets_message(struct engine *e, const struct message *m);     /* MSG_DELIVERED */
json_t *outlets_json(const struct engine *e);
/* n of them into out, which has room for OUTLETS_MAX. */
size_t outlets_metrics(const struct engine *e, struct metric_outlet *out);
void outlets_clear(struct engine *e);

/* "t=1795330000,v1=<hex>" over "1795330000.<body>". Pure. */
const char *outlet_signature(const uint8_t *key, size_t key_len, int64_t now, const void *body,
                             size_t n, char out[SIGNATURE_TEXT]);
/* Seconds to wait after so many failures in a row, from 1: 1, 2, 4 ... most. Pure. */
int64_t outlet_pause(unsigned tries, int64_t most);

#endif
