/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The little behaviour that the model's values have: names of deny reasons, which protocols have
 * ports, and the reference answer "does this class permit this packet".
 */
#include "policy/model.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "policy/address.h"

static const char *const deny_names[DENY_REASONS] = {
    [DENY_NO_LEASE] = "no-lease",
    [DENY_UNKNOWN_SOURCE] = "unknown-source",
    [DENY_NOT_PERMITTED] = "not-permitted",
    [DENY_SPOOFED] = "spoofed",
    [DENY_WRONG_DIRECTION] = "wrong-direction",
    [DENY_DEVICE_TO_DEVICE] = "device-to-device",
    [DENY_GATEWAY_INPUT] = "gateway-input",
    [DENY_INVALID] = "invalid",
};

const char *deny_reason_name(enum deny_reason r)
{
    return (unsigned)r < DENY_REASONS ? deny_names[r] : NULL;
}

enum deny_reason deny_reason_parse(const char *name, size_t len)
{
    unsigned r = 0;

    while (r < DENY_REASONS &&
           (strlen(deny_names[r]) != len || memcmp(deny_names[r], name, len) != 0))
        r++;
    return (enum deny_reason)r;
}

bool has_ports(uint8_t proto)
{
    return proto == IPPROTO_TCP || proto == IPPROTO_UDP || proto == IPPROTO_SCTP ||
           proto == IPPROTO_DCCP || proto == IPPROTO_UDPLITE;
}

static bool permit_covers(const struct permit *p, const struct ip_addr *dst, uint8_t proto,
                          uint16_t port)
{
    if (p->proto != proto || !ip_in_range(dst, &p->dst))
        return false;
    return !has_ports(proto) || (port >= p->port_first && port <= p->port_last);
}

enum verdict class_permits(const struct access_class *c, const struct ip_addr *dst, uint8_t proto,
                           uint16_t port)
{
    for (size_t i = 0; i < c->n_permits; i++)
        if (permit_covers(&c->permits[i], dst, proto, port))
            return VERDICT_PERMIT;
    return VERDICT_DENY;
}

void dataplane_clear(struct dataplane *dp)
{
    if (!dp)
        return;
    for (size_t i = 0; i < dp->n_classes; i++)
        free(dp->classes[i].permits);
    free(dp->classes);
    free(dp->devices);
    free(dp->leases);
    memset(dp, 0, sizeof *dp);
}
