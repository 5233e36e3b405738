/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rules of kernel_rules/nft_table.c decide, said in a few lines: the reference that
 * random packets are compared with, and what `explain` answers from.
 */
#include <netinet/in.h>

#include "policy/address.h"
#include "policy/plan.h"

#define DNS_PORT 53

static bool in_net(const struct ip_addr *a, const struct ip_prefix *p)
{
    return p->addr.family == a->family && a->family != 0 && ip_in_prefix(a, p);
}

static bool in_tunnel(const struct tunnel *t, const struct ip_addr *a)
{
    return in_net(a, &t->net4) || in_net(a, &t->net6);
}

static bool is_gateway(const struct tunnel *t, const struct ip_addr *a)
{
    return a->family != 0 && (ip_cmp(a, &t->net4.addr) == 0 || ip_cmp(a, &t->net6.addr) == 0);
}

/* Portal, DNS and echo requests (of ICMP nothing else opens a connection). */
static bool is_service(const struct tunnel *t, uint8_t family, uint8_t proto, uint16_t port)
{
    if (proto == (family == 6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
        return true;
    if (proto == IPPROTO_UDP)
        return port == DNS_PORT;
    return proto == IPPROTO_TCP && (port == DNS_PORT || port == t->portal_port ||
                                    (t->portal_tls_port != 0 && port == t->portal_tls_port));
}

static enum verdict deny(enum deny_reason reason, enum deny_reason *why)
{
    if (why)
        *why = reason;
    return VERDICT_DENY;
}

static enum verdict at_gateway(const struct dataplane *dp, const struct ip_addr *src,
                               const struct ip_addr *dst, uint8_t proto, uint16_t port,
                               enum deny_reason *why)
{
    if (!in_tunnel(&dp->tunnel, src))
        return deny(DENY_SPOOFED, why);
    if (!dataplane_device_at(dp, src))
        return deny(DENY_UNKNOWN_SOURCE, why);
    return is_service(&dp->tunnel, dst->family, proto, port) ? VERDICT_PERMIT
                                                             : deny(DENY_GATEWAY_INPUT, why);
}

static enum verdict in_quarantine(const struct dataplane *dp, const struct ip_addr *dst,
                                  uint8_t proto, uint16_t port, enum deny_reason *why)
{
    const struct access_class *c = dataplane_class(dp, 0);
    if (c && class_permits(c, dst, proto, port) == VERDICT_PERMIT)
        return VERDICT_PERMIT;
    return deny(DENY_NO_LEASE, why);
}

enum verdict dataplane_verdict(const struct dataplane *dp, const struct ip_addr *src,
                               const struct ip_addr *dst, uint8_t proto, uint16_t port,
                               enum deny_reason *why)
{
    if (is_gateway(&dp->tunnel, dst))
        return at_gateway(dp, src, dst, proto, port, why);
    if (in_tunnel(&dp->tunnel, dst))
        return deny(DENY_DEVICE_TO_DEVICE, why);
    if (!in_tunnel(&dp->tunnel, src))
        return deny(DENY_SPOOFED, why);
    const struct device *d = dataplane_device_at(dp, src);
    if (!d)
        return deny(DENY_UNKNOWN_SOURCE, why);
    const struct lease *l = dataplane_lease(dp, d->index);
    if (!l || l->left_ms <= 0)
        return in_quarantine(dp, dst, proto, port, why);
    const struct access_class *c = dataplane_class(dp, l->class_id);
    if (c && class_permits(c, dst, proto, port) == VERDICT_PERMIT)
        return VERDICT_PERMIT;
    return deny(DENY_NOT_PERMITTED, why);
}
