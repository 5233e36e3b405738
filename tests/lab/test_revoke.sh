#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# After `user revoke` has answered not one more packet passes, whatever was running; nobody else
# notices anything.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# JOB PROTO ROLE ADDRESS PORT RATE: who sends what. `push` flows run from the office to the staff.
FLOWS='
tcp-up4    tcp send 10.20.0.11 6001 500
tcp-up6    tcp send fd20::11   6002 500
tcp-idle   tcp push 10.20.0.11 6003 2
tcp-push   tcp push fd20::11   6004 500
udp-up4    udp send 10.20.0.11 6005 1000
udp-up6    udp send fd20::11   6006 1000
udp-push4  udp push 10.20.0.11 6007 1000
udp-push6  udp push fd20::11   6008 1000
'
PING_EVERY=$(awk -v slow="$LAB_SLOW" 'BEGIN { print 0.02 * slow }')

# Starts every flow of the table between the office and host $1, ports moved up by $2, and a
# download at $3 bytes a second (on a slow machine far less: it must not starve the others).
start_flows() {
    local job proto role address port rate
    while read -r job proto role address port rate; do
        [ -n "$job" ] || continue
        port=$((port + $2)) rate=$(lab_rate "$rate")
        if [ "$role" = send ]; then
            lab_start office "$1-$job" flow "$proto" recv "$address" "$port"
            lab_ready office "$1-$job"
            lab_start "$1" "$job" flow -r "$rate" "$proto" send "$address" "$port"
        else
            lab_start office "$1-$job" flow -r "$rate" "$proto" push "$address" "$port"
            lab_ready office "$1-$job"
            lab_start "$1" "$job" flow "$proto" pull "$address" "$port"
        fi
    done <<<"$FLOWS"
    lab_start "$1" download curl -s -o /dev/null --limit-rate "$(lab_rate "$(lab_rate "$3")")" http://entry-web/bulk
    lab_start "$1" ping ping -q -i "$PING_EVERY" 10.20.0.11
    lab_start "$1" ping6 ping -q -i "$PING_EVERY" fd20::11
}

# Which of host $1's 11 flows, ports moved up by $2, were alive after $3 (nanoseconds): those of
# which a packet came out of the gateway, on whichever side.
flows_alive() {
    local a
    for a in "$(staff_address "$1" 4)" "$(staff_address "$1" 6)"; do
        witness_flows office eth0 from "$a" | awk '{ print $2, $6, $9 }'
        witness_flows "$1" wg0 to "$a" | awk '{ print $2, $4, $9 }'
    done | awk -v since="$3" -v base="$2" '
        $3 + 0 < since + 0 { next }
        $1 == 1 || $1 == 58 { seen["ping" ($1 == 58 ? 6 : 4)] = 1 }
        $1 == 6 && $2 == 80 { seen["download"] = 1 }
        $2 > base + 6000 && $2 < base + 6009 { seen["flow" $2 - base] = 1 }
        END { for (f in seen) print f }' | sort | tr '\n' ' '
}
ALL="download flow6001 flow6002 flow6003 flow6004 flow6005 flow6006 flow6007 flow6008 ping4 ping6 "

# Everything of device $1 that came out of the gateway after $2 (nanoseconds): at the office, and at
# the far end of its cable to the internet, still encrypted, for the machine at $3. What is on its
# way across the internet then, and what that machine takes out of its own tunnel a moment later, is
# not the gateway's any more.
passed_after() {
    {
        witness_flows office eth0 from "$(staff_address "$1" 4)"
        witness_flows office eth0 from "$(staff_address "$1" 6)"
        witness_flows inet to-gw to "$3"
    } | flows_after "$2"
}

# And from the inside of the machine's tunnel.
delivered_after() {
    {
        witness_flows "$1" wg0 to "$(staff_address "$1" 4)"
        witness_flows "$1" wg0 to "$(staff_address "$1" 6)"
    } | flows_after "$2"
}

start_witnesses() {
    witness_start office eth0
    witness_start inet to-gw
    witness_start leaver wg0
    witness_start laptop wg0
}

stop_witnesses() {
    witness_stop office eth0
    witness_stop inet to-gw
    witness_stop leaver wg0
    witness_stop laptop wg0
}

# A look of a second: are all flows of both running?
all_run() {
    start_witnesses
    lab_pause 1
    stop_witnesses
    [ "$(flows_alive leaver 0 0)" = "$ALL" ] && [ "$(flows_alive laptop 20 0)" = "$ALL" ]
}

scenario_begin
staff_join leaver 23 leaver clerk
staff_join laptop 21 laptop clerk
start_flows leaver 0 20000000
start_flows laptop 20 2000000
check "all flows of both get going" lab_wait_for 20 all_run
start_witnesses
lab_pause 2.5

receipt=$(gw_cli user revoke leaver --reason "left the firm" --json)
check "revoke answers" test -n "$receipt"
answered=$(($(jq .answered_us <<<"$receipt") * 1000))
requested=$(($(jq .requested_us <<<"$receipt") * 1000))
lab_pause 2.5

stop_witnesses

same "all 11 flows of the leaver ran until then" "$ALL" "$(flows_alive leaver 0 $((requested - LAB_SLOW * 2000000000)))"
same "not one packet of the leaver passes after the answer, either way" "" \
    "$(passed_after leaver "$answered" 203.0.113.23)"
same "and its own queue is empty a moment later" "" "$(delivered_after leaver $((answered + LAB_SLOW * 250000000)))"
same "all 11 flows of the colleague run on" "$ALL" \
    "$(flows_alive laptop 20 $((answered + LAB_SLOW * 300000000)))"
same "the receipt: read back from the kernel, nothing is left" "true 0 0 0" \
    "$(jq -r '"\(.verified) \(.leases_left) \(.connections_left) \(.peers_left)"' <<<"$receipt")"
check "the receipt counts the connections that ended" \
    jq -e '.connections_ended >= 9' <<<"$receipt"

same "the peer is gone from WireGuard, by the stock tool" "" \
    "$(lab_on gw wg show wg0 peers | grep -F "$(staff_key leaver)")"
same "no lease of the leaver is left in the kernel, by the stock tool" "" \
    "$(lab_on gw nft list ruleset | grep -F "$(staff_address leaver 4)")"
same "no connection of the leaver is left, by the stock tool" "" \
    "$(lab_on gw conntrack -L 2>/dev/null | grep -F "src=$(staff_address leaver 4) ")"
same "the leaver reaches not even the portal" "not tcp $GW_TUNNEL4 80" \
    "$(lab_on leaver probe -t 800 tcp "$GW_TUNNEL4" 80)"
refuse "the leaver cannot report for a new lease" staff_report leaver healthy

# The machine restarts its own tunnel; its key is nobody's now.
lab_on leaver ip link set wg0 down
lab_on leaver ip link set wg0 up
refuse "nor after the tunnel is set up again" lab_on leaver probe -t 800 tcp 10.20.0.10 80

test_end
