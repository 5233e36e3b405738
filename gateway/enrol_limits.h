/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How often somebody outside may try to enrol: each address (of IPv6 its /64), and all together.
 */
#ifndef GATEWAY_ENROL_LIMITS_H
#define GATEWAY_ENROL_LIMITS_H

#include "gateway/records.h"

#define ENROL_BURST 20
#define ENROL_PER_MINUTE 10
#define ENROL_ALL_BURST 200
#define ENROL_ALL_PER_MINUTE 600
#define ENROL_PLACES 256           /* addresses remembered; who was silent longest gives way */

struct enrol_limits {
    struct bucket all;
    struct enrol_place { struct ip_addr who; struct bucket tries; } v[ENROL_PLACES];
};

/* One try from there. False: too many. */
bool enrol_limits_take(struct enrol_limits *l, const struct ip_addr *from, int64_t now_ms);

#endif
