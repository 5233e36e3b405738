/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a device sends into its tunnel: the AllowedIPs of its WireGuard configuration. It is a
 * convenience, not a right: what comes is judged by the gateway.
 */
#ifndef POLICY_ROUTES_H
#define POLICY_ROUTES_H

#include "policy/policy.h"

#define ROUTES_MAX 24       /* the configuration is shown as a code for a camera, which must hold it */

/* The addresses of what these roles and the remediation reach, and the gateway's own in the
 * tunnel: as few prefixes as name exactly them, IPv4 first, sorted. When that would be more than
 * ROUTES_MAX, prefixes grow until it is not. Where a role says "all traffic": everything.
 * Returns their number, at most ROUTES_MAX; -1 when memory is out. */
int policy_routes(const struct policy *p, uint64_t roles, const struct tunnel *t,
                  struct ip_prefix out[ROUTES_MAX]);

#endif
