/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patterns in what a device is refused: a closed list, each recognised at its threshold and not
 * one below, inside its window. Pure: events in, the patterns that they complete out; time is the
 * caller's monotonic clock.
 *
 * What counts, and why nobody can make it count against somebody else. An automatic answer to
 * an attempt is a weapon for who can make attempts in another's name; so an event counts against
 * a device only when that device has sent it:
 *
 *   port-scan         Denied packets whose source is the device's own tunnel address. They came by
 *   host-scan         the tunnel and were sealed with the device's key (cryptokey routing), and the
 *   repeated-denials  rules check it again; what claims the address elsewhere is `spoofed` and
 *                     counts for nobody. `wrong-direction` names the device that was knocked at:
 *                     it does not count. Nor does what the person's roles reach: when a lease ends,
 *                     all that it carried is refused at once, on however many ports. What remains:
 *                     a web page can make the browser of who opens it send packets. They are the
 *                     device's, and only the share of devices that may be held (struct respond)
 *                     bounds what comes of it.
 *   repeated-bad-tokens  Misused posture tokens, against the device that delivered them inside the
 *                     tunnel, never against the one they speak of: borrowing another's token
 *                     hurts the borrower.
 *   two-places        New handshakes of one key that alternate between addresses. Only the key
 *                     makes them, and old ones do not count; but who sees them on their way and
 *                     sends copies on from elsewhere, sooner than they come, can make them seem to
 *                     alternate. Such a neighbour can also drop them. Who does not want to answer
 *                     that by a lock leaves it at `alarm`.
 *   ended-key         New handshakes of a key that was revoked. Its device holds nothing that could
 *                     be taken, so an alarm is all the language allows. Old ones, which a stranger
 *                     may have recorded, are replays: they count nowhere, and no more do handshakes
 *                     of keys in force.
 *
 * Denied packets count as far as they are logged: the rules log a limited number a second for
 * each reason (`log { rate }` in gateway.conf), so a scan below somebody's flood can stay unseen;
 * never is one seen that was not there.
 */
#ifndef POLICY_PATTERNS_H
#define POLICY_PATTERNS_H

#include "policy/model.h"

#define PATTERN_COUNT_MAX 500          /* the largest threshold: bounds memory per device */
#define PATTERN_WITHIN_MAX 86400

/* Stored: a number never changes its meaning. */
enum pattern {
    PATTERN_PORT_SCAN = 0,   /* distinct ports, of one destination or of several */
    PATTERN_HOST_SCAN,       /* distinct destinations */
    PATTERN_DENIALS,         /* packets to what the device's lease does not permit */
    PATTERN_BAD_TOKENS,
    PATTERN_TWO_PLACES,      /* one key at two places, each time several moves between the two */
    PATTERN_ENDED_KEY,       /* handshakes */
    PATTERNS
};
const char *pattern_name(enum pattern p);       /* "port-scan"; "" outside */
unsigned pattern_least(enum pattern p);         /* the smallest threshold that makes sense */
const char *pattern_unit(enum pattern p);       /* what is counted: "ports" */
const char *pattern_sentence(enum pattern p);   /* for the person whose device it is */

enum pattern_action { ACTION_ALARM = 0, ACTION_QUARANTINE, ACTION_LOCK };
const char *pattern_action_name(enum pattern_action a);

struct pattern_rule {
    uint16_t count;              /* pattern_least()..PATTERN_COUNT_MAX */
    struct span within;
    enum pattern_action action;
    struct span time;            /* of ACTION_QUARANTINE */
};

/* "respond { ... }". A pattern that the policy does not name has the default: an alarm. */
struct respond {
    bool written;                /* there was a block */
    bool named[PATTERNS];
    struct pattern_rule rule[PATTERNS];
    uint8_t percent;             /* of all devices that may be held at once without an admin */
};
void respond_defaults(struct respond *r);
/* How many of `devices` that is: at least one. */
uint32_t respond_share(const struct respond *r, uint32_t devices);

/* ---- recognising ---------------------------------------------------------------------------- */

enum sighting { SEEN_DENIED, SEEN_BAD_TOKEN, SEEN_TWO_PLACES, SEEN_ENDED_KEY };
struct pattern_event {
    enum sighting kind;
    enum deny_reason reason;     /* of SEEN_DENIED, and what follows too */
    struct ip_addr dst;
    uint8_t proto;
    uint16_t port;
    uint32_t count;              /* of its like, at this time; 0 is none */
};

/* What is remembered of one device: of each pattern at most `count` sightings. Zero = nothing. */
struct patterns {
    struct pattern_track {
        struct pattern_sight { int64_t at_ms; uint8_t what[17]; } *v;   /* by age, oldest first */
        uint16_t n, room;
        int64_t quiet_ms;        /* counts nothing until then; 0 = counts */
    } track[PATTERNS];
    int64_t now_ms;              /* of the newest event */
};

/* Enters an event at this monotonic time; were it earlier than the last one, all before would be
 * forgotten: a broken clock accuses nobody. Returns the patterns that it completes, as bits; each
 * then counts nothing for its own window: a scan that goes on is told once a window. -1 when
 * memory is out: what was known stays. */
int patterns_see(struct patterns *p, const struct respond *r, const struct pattern_event *ev,
                 int64_t now_ms);
/* True when nothing is remembered that could still count. */
bool patterns_idle(const struct patterns *p, const struct respond *r, int64_t now_ms);
void patterns_clear(struct patterns *p);

#endif
