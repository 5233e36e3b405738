/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sliding windows: of each pattern the sightings that are inside its window, and no others. */
#include "policy/patterns.h"

#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name, *unit, *sentence;
    struct pattern_rule rule;
} patterns[PATTERNS] = {
    [PATTERN_PORT_SCAN] = {"port-scan", "ports",
                           "it tried one closed port after another, as a port scan does",
                           {20, {60}, ACTION_ALARM, {0}}},
    [PATTERN_HOST_SCAN] = {"host-scan", "destinations",
                           "it tried one address after another, as a scan of the network does",
                           {20, {60}, ACTION_ALARM, {0}}},
    [PATTERN_DENIALS] = {"repeated-denials", "denied packets",
                         "it tried again and again to reach what its roles do not permit",
                         {100, {300}, ACTION_ALARM, {0}}},
    [PATTERN_BAD_TOKENS] = {"repeated-bad-tokens", "misused tokens",
                            "it sent reports again and again that were forged, borrowed or used "
                            "before",
                            {5, {600}, ACTION_ALARM, {0}}},
    [PATTERN_TWO_PLACES] = {"two-places", "sightings",
                            "its key is in use at two places at once, as if it had been copied",
                            {2, {600}, ACTION_ALARM, {0}}},
    [PATTERN_ENDED_KEY] = {"ended-key", "handshakes", "it knocks although it was shut out",
                           {3, {3600}, ACTION_ALARM, {0}}},
};

const char *pattern_name(enum pattern p) { return p < PATTERNS ? patterns[p].name : ""; }
const char *pattern_unit(enum pattern p) { return p < PATTERNS ? patterns[p].unit : ""; }
const char *pattern_sentence(enum pattern p) { return p < PATTERNS ? patterns[p].sentence : ""; }

/* One sighting of a key at two places is several handshakes already. */
unsigned pattern_least(enum pattern p) { return p == PATTERN_TWO_PLACES ? 1 : 2; }

const char *pattern_action_name(enum pattern_action a)
{
    return a == ACTION_LOCK ? "lock" : a == ACTION_QUARANTINE ? "quarantine" : "alarm";
}

void respond_defaults(struct respond *r)
{
    *r = (struct respond){.percent = 10};
    for (int i = 0; i < PATTERNS; i++)
        r->rule[i] = patterns[i].rule;
}

uint32_t respond_share(const struct respond *r, uint32_t devices)
{
    uint32_t share = (uint32_t)((uint64_t)devices * r->percent / 100);

    return share > 0 ? share : 1;
}

/* ---- what counts ---------------------------------------------------------------------------- */

/* What a system says to everybody on its link by itself: no sign of anything. */
static bool to_everybody(const struct ip_addr *a)
{
    return a->family == 4 ? a->b[0] >= 224 : a->b[0] == 0xff;
}

/* Refusals of what the device itself has sent. */
static bool own_doing(enum deny_reason r)
{
    switch (r) {
    case DENY_NO_LEASE:
    case DENY_NOT_PERMITTED:
    case DENY_DEVICE_TO_DEVICE:
    case DENY_GATEWAY_INPUT:
    case DENY_INVALID:
        return true;
    case DENY_UNKNOWN_SOURCE:
    case DENY_SPOOFED:
    case DENY_WRONG_DIRECTION:
    case DENY_REASONS:
        break;
    }
    return false;
}

static bool denial_counts(enum pattern p, const struct pattern_event *ev)
{
    if (!own_doing(ev->reason) || to_everybody(&ev->dst))
        return false;
    if (p == PATTERN_PORT_SCAN)
        return has_ports(ev->proto) && ev->port != 0;
    /* In quarantine every program is refused all the time, and packets without a connection are
     * what is left of one that ended: neither says anything by its number. */
    return p == PATTERN_HOST_SCAN ||
           (p == PATTERN_DENIALS && ev->reason != DENY_NO_LEASE && ev->reason != DENY_INVALID);
}

static bool event_counts(enum pattern p, const struct pattern_event *ev)
{
    switch (ev->kind) {
    case SEEN_DENIED:
        return denial_counts(p, ev);
    case SEEN_BAD_TOKEN:
        return p == PATTERN_BAD_TOKENS;
    case SEEN_TWO_PLACES:
        return p == PATTERN_TWO_PLACES;
    case SEEN_ENDED_KEY:
        return p == PATTERN_ENDED_KEY;
    }
    return false;
}

static bool counts_distinct(enum pattern p)
{
    return p == PATTERN_PORT_SCAN || p == PATTERN_HOST_SCAN;
}

static void name_sight(enum pattern p, const struct pattern_event *ev, uint8_t what[17])
{
    memset(what, 0, 17);
    if (p == PATTERN_PORT_SCAN) {
        what[0] = ev->proto;
        what[1] = (uint8_t)(ev->port >> 8);
        what[2] = (uint8_t)ev->port;
    } else if (p == PATTERN_HOST_SCAN) {
        what[0] = ev->dst.family;
        memcpy(what + 1, ev->dst.b, 16);
    }
}

/* ---- the window ----------------------------------------------------------------------------- */

static void drop_sights(struct pattern_track *t, uint16_t first, uint16_t n)
{
    memmove(t->v + first, t->v + first + n, (size_t)(t->n - first - n) * sizeof *t->v);
    t->n = (uint16_t)(t->n - n);
}

/* A sighting as old as the window is outside it. */
static void drop_old(struct pattern_track *t, struct span within, int64_t now_ms)
{
    uint16_t old = 0;

    while (old < t->n && now_ms - t->v[old].at_ms >= within.s * 1000)
        old++;
    if (old > 0)
        drop_sights(t, 0, old);
}

static void drop_same(struct pattern_track *t, const uint8_t what[17])
{
    for (uint16_t i = 0; i < t->n; i++)
        if (memcmp(t->v[i].what, what, 17) == 0) {
            drop_sights(t, i, 1);
            return;
        }
}

static int add_sight(struct pattern_track *t, const uint8_t what[17], int64_t now_ms)
{
    if (t->n == t->room) {
        uint16_t room = t->room ? (uint16_t)(2 * t->room) : 4;
        struct pattern_sight *v = reallocarray(t->v, room, sizeof *v);
        if (!v)
            return -1;
        t->v = v;
        t->room = room;
    }
    t->v[t->n].at_ms = now_ms;
    memcpy(t->v[t->n++].what, what, 17);
    return 0;
}

static void start_quiet(struct pattern_track *t, int64_t until_ms)
{
    free(t->v);
    *t = (struct pattern_track){.quiet_ms = until_ms};
}

/* 1: this completes the pattern. */
static int track(struct pattern_track *t, enum pattern p, const struct pattern_rule *rule,
                 const struct pattern_event *ev, int64_t now_ms)
{
    uint8_t what[17];

    if (now_ms < t->quiet_ms)
        return 0;
    t->quiet_ms = 0;
    name_sight(p, ev, what);
    drop_old(t, rule->within, now_ms);
    if (counts_distinct(p))
        drop_same(t, what);
    for (uint32_t i = 0; i < ev->count && t->n < rule->count; i++) {
        if (add_sight(t, what, now_ms) < 0)
            return -1;
        if (counts_distinct(p))
            break;
    }
    if (t->n < rule->count)
        return 0;
    start_quiet(t, now_ms + rule->within.s * 1000);
    return 1;
}

int patterns_see(struct patterns *p, const struct respond *r, const struct pattern_event *ev,
                 int64_t now_ms)
{
    int complete = 0;

    if (now_ms < p->now_ms)
        patterns_clear(p);
    p->now_ms = now_ms;
    for (int i = 0; i < PATTERNS; i++) {
        if (!event_counts((enum pattern)i, ev))
            continue;
        int rc = track(&p->track[i], (enum pattern)i, &r->rule[i], ev, now_ms);
        if (rc < 0)
            return -1;
        complete |= rc << i;
    }
    return complete;
}

bool patterns_idle(const struct patterns *p, const struct respond *r, int64_t now_ms)
{
    for (int i = 0; i < PATTERNS; i++) {
        const struct pattern_track *t = &p->track[i];
        int64_t newest = t->n > 0 ? t->v[t->n - 1].at_ms : INT64_MIN / 2;
        if (now_ms < t->quiet_ms || now_ms - newest < r->rule[i].within.s * 1000)
            return false;
    }
    return true;
}

void patterns_clear(struct patterns *p)
{
    for (int i = 0; i < PATTERNS; i++)
        free(p->track[i].v);
    memset(p, 0, sizeof *p);
}
