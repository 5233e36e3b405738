/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Does a rule set keep strangers out? Pure: what nft and iptables print goes in. */
#ifndef AGENT_FIREWALL_H
#define AGENT_FIREWALL_H

#include <jansson.h>
#include <stdbool.h>

struct agent_firewall {
    bool filters;     /* something that comes in is dropped or refused */
    bool in4, in6;    /* what no rule permits is, for IPv4 and for IPv6 */
};

/* `nft -j list ruleset`. A chain at the hook input refuses the rest by its policy, or by a last
 * rule that asks nothing; a rule that asks nothing and accepts opens it. */
struct agent_firewall agent_firewall_nft(const json_t *ruleset);

/* `iptables -S INPUT`, the same question. */
bool agent_firewall_iptables(const char *text);

#endif
