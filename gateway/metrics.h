/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The gateway in numbers, in the text exposition format of Prometheus, version 0.0.4. No name of
 * a person or device is in them. Rendering is pure: what there is to say comes in one struct.
 */
#ifndef GATEWAY_METRICS_H
#define GATEWAY_METRICS_H

#include "gateway/handshake.h"
#include "gateway/messages.h"
#include "policy/decide.h"

#define METRICS_TYPE "text/plain; version=0.0.4; charset=utf-8"
#define METRIC_BUCKETS 10        /* 100 us to 1 s; beyond: +Inf alone */
#define METRIC_CODES 1000        /* numbers of refusal codes are smaller */

struct histogram { uint64_t bucket[METRIC_BUCKETS], count, sum_us; };   /* buckets not added up */
void histogram_add(struct histogram *h, uint64_t us);

/* What the engine counts for this alone. */
struct metric_counts {
    struct histogram cut, durable;          /* of revocations, from the request */
    uint64_t in, quarantine[METRIC_CODES];      /* posture tokens, by what they led to */
    uint64_t alarms;
};
/* in: it led to a lease; else the code of why not, which may be CODE_NONE (out of hours ...). */
void metrics_posture(struct metric_counts *m, bool in, enum refusal_code code);

enum metric_device { METRIC_IN, METRIC_QUARANTINE, METRIC_LOCKED, METRIC_REVOKED, METRIC_LOST,
                     METRIC_RETIRED, METRIC_DEVICE_STATES };

struct metric_outlet {
    const char *name;
    uint64_t queued, delivered, failures, dropped;
};

struct metrics {
    const char *gateway;
    int64_t started;                        /* wall clock, seconds */
    bool clock_synchronised;
    int64_t policy_version, policy_applied;
    const char *policy_sha256;              /* hexadecimal */
    uint64_t leases, devices[METRIC_DEVICE_STATES], users_active, users_revoked;
    uint64_t denied[DENY_REASONS], logged[DENY_REASONS], kept[DENY_REASONS];
    uint64_t lost, overflow;                /* as in struct attempts */
    uint64_t handshakes[HANDSHAKE_CLASSES];
    uint64_t unread, limited, unheard;      /* handshakes without a class: struct door_books */
    uint64_t restarts[ROLES];
    uint64_t audit_records;
    const struct metric_counts *counts;
    const struct metric_outlet *outlets;  size_t n_outlets;
};

/* malloc'd text; dies without memory. */
char *metrics_text(const struct metrics *m, size_t *len);

#endif
