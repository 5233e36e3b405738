/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A destination as a question names it: an address or a resource, with port and protocol.
 */
#ifndef GATEWAY_CONTROL_TARGET_H
#define GATEWAY_CONTROL_TARGET_H

#include "gateway/control.h"
#include "policy/address.h"

struct target {
    struct ip_addr dst;
    uint8_t proto;
    uint16_t port;
    char shown[ADDR_TEXT + 24];       /* "10.20.0.9:5432/tcp" */
    int resource;                     /* -1: none contains it */
};

/* to=, port=, proto= of a request; false: *error says why. A resource stands for its first address
 * and service. */
bool target_read(struct engine *e, const struct request *q, struct target *t, struct reply *error);
/* The line of the policy by which this role reaches it, 0 = it does not. */
int target_line(struct engine *e, size_t role, const struct target *t);

#endif
