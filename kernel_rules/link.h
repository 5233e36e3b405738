/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Interfaces and addresses by rtnetlink.
 */
#ifndef KERNEL_RULES_LINK_H
#define KERNEL_RULES_LINK_H

#include "policy/model.h"

int link_index(const char *iface);                       /* > 0, or -ENODEV */
/* A WireGuard interface in the kernel. -EOPNOTSUPP: the kernel has none. -EEXIST. */
int link_add_wireguard(const char *iface);
/* Is it one ("wireguard"), a tun ("tun"), something else? kind gets its IFLA_INFO_KIND or "". */
int link_kind(const char *iface, char kind[IFACE_SIZE]);
/* MTU and addresses as the tunnel says (others are removed), then up. */
int link_configure(const struct tunnel *t);
/* Is it still as link_configure() makes it? 1: no, `what` says what; 0 yes. */
int link_verify(const struct tunnel *t, char what[128]);
int link_delete(const char *iface);

/* net.ipv4.ip_forward and net.ipv6.conf.all.forwarding of this network namespace. */
int link_forwarding(bool *v4, bool *v6);
int link_set_forwarding(bool v6);                        /* switches v4 on, and v6 when asked */

/* What this kernel has, each asked by trying in a table or socket that vanishes again. */
struct kernel_features { bool nf_tables, owner_tables, conntrack, nflog, wireguard; };
int kernel_features(struct kernel_features *out);

#endif
