/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Ending connections: the second line behind the lease cut. linux/netfilter/nfnetlink_conntrack.h
 */
#ifndef KERNEL_RULES_CONNTRACK_H
#define KERNEL_RULES_CONNTRACK_H

#include "policy/model.h"

struct ct;
int ct_open(struct ct **out);
void ct_close(struct ct *c);

/* Deletes every connection whose mark belongs to this device or that it opened or received by
 * one of its addresses, and counts them. Never an unfiltered delete. Then looks for each of them
 * again: *left are those that are still there, or there again. */
int ct_end_device(struct ct *c, const struct device *d, uint32_t *ended, uint32_t *left);
/* The same of those that carry its mark alone, for a device that stays enrolled: its connections to
 * the gateway itself go on, among them the one by which it is told why its lease has ended. */
int ct_end_grants(struct ct *c, const struct device *d, uint32_t *ended);
/* Takes our mark off every connection that was opened from these networks (family 0: none), so that
 * each is judged anew by its next packet. For a table that begins: the grants of another one, which
 * the marks name, are not its own. */
int ct_forget_grants(struct ct *c, const struct ip_prefix *net4, const struct ip_prefix *net6);
/* Ends connections that somebody's flowtable carries past the rules and whose mark names a grant
 * that is not in force; others are judged by the rules with their next packet. */
typedef bool ct_in_force(const void *arg, uint32_t mark);
int ct_end_offloaded(struct ct *c, ct_in_force *in_force, const void *arg, uint32_t *ended);
/* Connections of this device that are left. */
int ct_count_device(struct ct *c, const struct device *d, uint32_t *left);

#endif
