/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Is one key used from two places? Told from the addresses that its handshakes come from. Pure.
 *
 * A device that roams keeps its session: its handshakes are at least REKEY_AFTER_TIME (120 s, the
 * paper, section 6.1) apart and come from wherever it is by then. To be found at A, B, A and B by
 * four of them in a row takes it twice that, from the first move to the third. Two copies of a key
 * make handshakes each for itself: the same moves take one REKEY_AFTER_TIME when both are idle,
 * and half a minute when both are in use, for the gateway answers the one that spoke last, and the
 * other makes a new handshake after 15 s without an answer. So a key that goes back and forth
 * between the same two places within PLACES_WINDOW_MS is used from both.
 *
 * A place is an IPv4 address, or the /64 of an IPv6 one (RFC 8981 changes the rest); ports, which
 * NAT changes, do not matter. Going from one family to the other and back is one machine with two
 * ways out. Not seen: two copies behind one address, two that are never used at the same time,
 * and one with IPv4 beside one with IPv6.
 */
#ifndef GATEWAY_PLACES_H
#define GATEWAY_PLACES_H

#include "policy/model.h"

#define PLACES_WINDOW_MS 200000
#define PLACES_MOVES 3             /* A to B, back, and to B again */

struct places {
    struct ip_addr here, before;   /* family 0 = none yet */
    int64_t moved_ms[PLACES_MOVES];    /* between these two: the latest moves, newest first */
    unsigned moves;
};

/* A new handshake of this key came from `from`. True, once for every PLACES_MOVES moves: it is used
 * from there and from *other. now_ms: CLOCK_BOOTTIME. */
bool places_seen(struct places *p, const struct ip_addr *from, int64_t now_ms,
                 struct ip_addr *other);

#endif
