#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody else's table on the gateway accepts, marks, redirects, untracks or offloads what is denied,
# under a flood of it: none passes, by the receivers' count and a capture. The foreign rules that come
# before ours count, which shows that the flood went through them. (Flushed and deleted rules:
# test_foreign.)
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/flood.sh"

# Denied, HOST ADDRESS PORT: without a lease, and beyond the role.
FLOODS='
sick   10.20.0.11 6001
sick   fd20::11   6001
laptop 10.20.0.11 6101
laptop fd20::11   6101
'
# WHAT | THE CHAIN'S HOOK | ITS RULES. $grant is a grant that lives, $stamp the mark by which the
# guard knows what the rules have passed; port 6050 is permitted, 10.20.0.9 and fd20::9 are not.
FOREIGN='
accepts before the rules          | filter hook forward priority -500     | udp dport { 6001, 6101 } counter accept
accepts between rules and guard   | filter hook forward priority 5        | accept
accepts on the way in             | filter hook prerouting priority -400  | udp dport { 6001, 6101 } counter accept
accepts on the way out            | filter hook postrouting priority -400 | accept
stamps before the scrubbing       | filter hook prerouting priority -150  | udp dport { 6001, 6101 } meta mark set $stamp counter
stamps between scrubbing and rules| filter hook forward priority -5       | udp dport { 6001, 6101 } meta mark set $stamp counter
marks connections with a grant    | filter hook prerouting priority -150  | udp dport { 6001, 6101 } ct mark set $grant counter
marks packets with a grant        | filter hook prerouting priority -150  | udp dport { 6001, 6101 } meta mark set $grant counter
untracks                          | filter hook prerouting priority -300  | udp dport { 6001, 6101 } counter notrack
redirects the denied              | nat hook prerouting priority -100     | meta nfproto ipv4 udp dport 6101 counter dnat ip to 10.20.0.9; meta nfproto ipv6 udp dport 6101 counter dnat ip6 to fd20::9
redirects the permitted           | nat hook prerouting priority -100     | meta nfproto ipv4 udp dport 6050 counter dnat ip to 10.20.0.9; meta nfproto ipv6 udp dport 6050 counter dnat ip6 to fd20::9
'

# Connections of a moment to a port that is permitted: nothing of them may arrive elsewhere.
send_permitted() {
    lab_on laptop flow -n 20 -r 1000 udp send 10.20.0.11 6050 >/dev/null
    lab_on laptop flow -n 20 -r 1000 udp send fd20::11 6050 >/dev/null
}

# Have all counters of the foreign chain counted?
all_counted() {
    ! lab_on gw nft list table inet foreign | grep -q 'counter packets 0 '
}

each_foreign() {
    local what hook rules
    while IFS='|' read -r what hook rules; do
        [ -n "$rules" ] || continue
        rules=${rules//\$grant/$grant}
        rules=${rules//\$stamp/$stamp}
        lab_on gw nft "table inet foreign { chain c { type $hook; $rules; }; }" ||
            lab_die "nft does not take: $rules"
        sleep 0.3
        send_permitted
        check "somebody's table $(sed 's/ *$//' <<<"$what"), and is gone through" \
            lab_wait_for 5 all_counted
        lab_on gw nft delete table inet foreign
    done <<<"$FOREIGN"
}

# Our own tables: nobody else can write into the one; the other, alone, opens nothing.
own_tables() {
    refuse "nobody else adds a rule to our table" \
        lab_on gw nft insert rule inet portcullis forward accept
    refuse "nor an element to its leases" lab_on gw nft add element inet portcullis lease4 \
        "{ $(staff_address sick 4) timeout 1h : $grant }"
    check "somebody opens the guard" lab_on gw nft insert rule inet portcullis_guard verify_forward accept
    check "that is put back" lab_wait_for 5 guard_is_back
}
guard_is_back() {
    lab_on gw nft list chain inet portcullis_guard verify_forward | grep -q . &&
        ! lab_on gw nft list chain inet portcullis_guard verify_forward | grep -qx '[[:space:]]*accept'
}

offload() {
    local out
    if out=$(lab_on gw nft 'table inet foreign {
            flowtable f { hook ingress priority 0; devices = { wg0, eth1 }; }
            chain c { type filter hook forward priority -500; meta l4proto udp flow add @f; }; }' 2>&1); then
        sleep 1
        check "somebody offloads: the alarm is raised" grep -q flowtable \
            <<<"$(gw_api GET /v1/status | jq -r '.alarms[].text')"
        lab_on gw nft delete table inet foreign
    else
        skip "somebody offloads" "this kernel has no flowtables: tests/vm/test_flowtable.sh (${out%%$'\n'*})"
    fi
}

scenario_begin
staff_join laptop 21 laptop guest
staff_join sick 22 sick guest sick
grant=$(lab_on gw nft list set inet portcullis live | grep -o '0x[0-9a-f]\{8\}' | head -n 1)
stamp=0x3ffffac7
check "control: there is a grant that lives ($grant)" test -n "$grant"
witness_start office eth0
flood_start
send_permitted
each_foreign
own_tables
offload
since=$(lab_now_us)000
lab_on laptop flow -n 20 -r 1000 udp send 10.20.0.11 6050 >/dev/null
sleep 0.5
witness_stop office eth0
flood_check
same "nor did the capture before it see what was redirected" "" "$(lab_output office witness-eth0 |
    awk '$1 == "in" && $2 == 17 && ($5 == "10.20.0.9" || $5 == "fd20::9")')"
check "what is permitted passes at the end as before" test "$(lab_output office witness-eth0 |
    awk '$1 == "in" && $6 == 6050 && $5 == "10.20.0.11"' | flows_newest)" -gt "$since"
same "and the gateway finds the kernel as it should be" "" "$(gw_api GET /v1/status | jq -r .kernel.drift)"
test_end
