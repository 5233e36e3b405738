/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Telling the gateway: nonce, facts, token, answer; once, or for ever.
 */
#ifndef AGENT_RUN_H
#define AGENT_RUN_H

#include <stdbool.h>
#include <stdint.h>

#include "deploy/agent/agent_portal.h"

enum agent_exit { AGENT_IN = 0, AGENT_REFUSED = 1, AGENT_USAGE = 2, AGENT_UNREACHABLE = 3 };

struct agent_options {
    char gateway[AGENT_GATEWAY_TEXT];
    const char *device;       /* the name it was enrolled by: sub and iss of its tokens */
    const char *audience;     /* NULL: as the gateway says with the nonce */
    const char *facts;        /* a file to take them from, NULL: this machine's own */
    const char *dir;          /* of the keys */
    bool json;
    /* of enroll alone */
    const char *link, *code;  /* NULL code: ask */
    const char *interface;    /* the tunnel's name */
    const char *up;           /* NULL: leave the tunnel down */
    bool again;               /* give up the keys that are there */
};

struct agent_report {
    enum agent_exit code;
    int64_t lease_seconds;    /* what the gateway granted, 0 when nothing */
    json_t *answer;           /* the gateway's, NULL when there is none */
    char why[160];            /* the fault, "" when there is none */
};

struct agent_hands;

/* One report, with the facts that the hands gather. Prints the answer on standard output, faults on
 * standard error. The report is the caller's to clear. */
void agent_post(const struct agent_options *o, const struct agent_hands *h, struct agent_report *r);
void agent_report_clear(struct agent_report *r);

/* Reports again at a third of each lease; after a refusal, or when the gateway cannot be reached,
 * with growing pauses. Leaves the last state in a file and tells the person at the screen when it
 * changes. A signal ends it: there is nothing to put in order. Returns when its hands are gone. */
void agent_run(const struct agent_options *o);

/* Seconds until the next report: a third of a lease; otherwise 5, 10, 20, 40, then 60. */
int64_t agent_pause(enum agent_exit last, int64_t lease_seconds, unsigned failures);

#endif
