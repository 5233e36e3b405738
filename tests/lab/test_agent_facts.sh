#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the agent says of a host firewall is what the firewall does: rules of the real kernel, as
# root and as somebody else. Facts that need root are unknown to who is not, and it says so.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

rules() { lab_on laptop sh -c 'nft flush ruleset; nft -f -' <<<"$1"; }
fact() { lab_on laptop portcullis-agent facts --json | jq -c "$1"; }
# What the attacker reaches of a port that no rule permits, beside what the agent says of it.
open_port() { lab_on attacker probe -t 500 tcp "$1" 2222 >/dev/null && echo true || echo false; }
firewall() {
    rules "$2"
    same "$1: the agent says on and in" "[$3,$4]" "$(fact '[.pst.fw.on,.pst.fw["in"]]')"
    same "and a stranger reaches a port over IPv4 ($5) and IPv6 ($6)" "$5 $6" \
        "$(open_port 203.0.113.21) $(open_port 2001:db8:113::21)"
}

lab_begin
net_write_names
net_make_internet
net_internet_host attacker 66
net_internet_host laptop 21
printf 'tcp %s 2222\n' 203.0.113.21 2001:db8:113::21 >"$LAB_DIR/services"
lab_start laptop echo sh -c "exec echod <$LAB_DIR/services"
lab_ready laptop echo

hook='type filter hook input priority 0'
icmp6='meta l4proto ipv6-icmp accept'
firewall "no rules" "" false false true true
firewall "a policy of drop for both" "table inet t {
    chain c { $hook; policy drop; $icmp6
    }
}" true true false false
firewall "for IPv4 alone" "table ip t {
    chain c { $hook; policy drop;
    }
}" true false false true
firewall "a last rule that rejects" "table inet t {
    chain c { $hook; policy accept; ct state established accept; $icmp6
        iif lo accept
        counter reject with icmpx admin-prohibited
    }
}" true true false false
firewall "a policy of drop that a rule opens" "table inet t {
    chain c { $hook; policy drop; counter accept
    }
}" false false true true

as_nobody() { lab_on laptop setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
same "who is not root does not know" "null" "$(as_nobody portcullis-agent facts --json | jq -c .pst.fw)"
check "and is told why" grep -q '^fw.in .* unknown .*only root' <<<"$(as_nobody portcullis-agent facts)"
test_end
