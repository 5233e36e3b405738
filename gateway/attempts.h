/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Refused packets and tokens: who stood behind them, aggregated, in memory until the next second
 * and in the database from then on; and the exact counts of what was refused.
 */
#ifndef GATEWAY_ATTEMPTS_H
#define GATEWAY_ATTEMPTS_H

#include <jansson.h>

#include "gateway/capture.h"
#include "gateway/handshake.h"
#include "gateway/records.h"

#define ATTEMPTS_PENDING 2048      /* distinct ones within a second; beyond, only counted */
#define ATTEMPTS_KEPT 100000       /* in the database; the oldest go */

struct engine;
struct channel;
struct message;

struct attempts {
    struct attempt *v;  size_t n;            /* not yet in the database */
    uint64_t overflow;                       /* not kept singly: beyond ATTEMPTS_PENDING; at a door */
    uint64_t lost;                           /* between kernel and capture */
    /* Of those that the kernel logged, how many came to the engine. logged - kept were lost:
     * `lost` of all reasons together, the others while the capture role was being restarted. */
    uint64_t kept[DENY_REASONS];
    /* Exact counts: those of earlier tables, and what this one said last. */
    uint64_t denied[DENY_REASONS], logged[DENY_REASONS];
    uint64_t last_denied[DENY_REASONS], last_logged[DENY_REASONS];
};

/* MSG_DENIED, MSG_LOST. -1: malformed. */
int attempts_message(struct engine *e, const struct message *m);
/* A posture token that was misused. */
void attempts_token(struct engine *e, const struct dev *d, enum refusal_code code);
/* A request of an admin that was forbidden: at the control socket, or by this person. */
struct request;
void attempts_admin(struct engine *e, const struct request *q);
/* Every attempt comes by here: added up, and looked at for patterns (gateway/respond.h). */
void attempts_note(struct engine *e, const struct attempt *a);
/* Somebody at this device could not sign in. */
void attempts_sign_in(struct engine *e, const struct dev *d, enum sign_in_refusal why);
/* At the console, from there; u NULL: under a name that no admin has. */
void attempts_console(struct engine *e, const struct user *u, const struct ip_addr *from,
                      enum sign_in_refusal why);
/* Somebody outside could not enrol; u: whose invitation it was, NULL = nobody's. */
void attempts_enrol(struct engine *e, const struct user *u, const struct ip_addr *from,
                    enum enrol_refusal why);
void attempts_add(struct attempts *all, const struct attempt *a);      /* aggregates */
/* Is there one like it that is not yet in the database? */
bool attempts_pending(const struct attempts *all, const struct attempt *a);
/* Fills in whose device it was: its name, its person, a role. */
void attempts_name(struct engine *e, const struct dev *d, struct attempt *a);
/* Adds what n counters of the table say now; they may have begun again from 0. Pure. */
void attempts_count(uint64_t *total, uint64_t *last, const uint64_t *now, size_t n);
void attempts_load(struct engine *e);
void attempts_tick(struct engine *e);     /* once a second: asks the kernel now and then, keeps */
void attempts_keep(struct engine *e);     /* what is in memory goes to the database */
void attempts_read_counts(struct engine *e);
/* What is in memory, and all counts, for a record of the log of attempts; owned by the caller. */
json_t *attempts_batch(const struct attempts *all);
void attempts_clear(struct attempts *all);

const char *attempt_kind_name(enum attempt_kind k);      /* "packet"; "" for an unknown number */
bool attempt_kind_parse(const char *name, enum attempt_kind *out);
/* "not-permitted", "replayed_jti", "retired-key": what one calls it, by its kind. */
const char *attempt_reason_name(const struct attempt *a);
/* Why, where the kind of attempt knows more: "no-evidence", "device-revoked"; or "". */
const char *attempt_why_name(const struct attempt *a);
/* A name of that list, as the kind and reason (or code) to ask the store for. */
bool attempt_reason_parse(const char *name, struct attempt_filter *f);

#define ATTEMPT_TEXT 512
/* "maria-laptop (maria) -> 10.20.0.9:5432/tcp (customs-db): not-permitted, 3 times". Pure. */
const char *attempt_text(const struct attempt *a, char out[ATTEMPT_TEXT]);

/* "tcp"; a number, written into other, when the protocol has no name here. */
const char *proto_name(uint8_t proto, char other[8]);

#endif
