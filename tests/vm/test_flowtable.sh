#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody on the gateway offloads connections into a flowtable, past every forward chain. The
# gateway raises the alarm; who is revoked or loses a role is cut off all the same.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pcvm} LAB_WIREGUARD=${LAB_WIREGUARD:-kernel}
# shellcheck source-path=SCRIPTDIR/../lab
. "$(dirname "$0")/../lab/lab.sh"
. "$LAB_SOURCE/assert.sh"

# JOB PROTO ADDRESS PORT: what each sends, port moved up by its own offset.
FLOWS='
tcp4 tcp 10.20.0.11 6101
tcp6 tcp fd20::11   6102
udp4 udp 10.20.0.11 6103
udp6 udp fd20::11   6104
'
OFFLOAD='table inet fast {
    flowtable f { hook ingress priority 0; devices = { wg0, eth1 }; }
    chain c { type filter hook forward priority 100; meta l4proto { tcp, udp } flow add @f; }
}'

start_flows() {
    local job proto address port
    while read -r job proto address port; do
        [ -n "$job" ] || continue
        port=$((port + $2))
        lab_start office "$1-$job" flow "$proto" recv "$address" "$port"
        lab_ready office "$1-$job"
        lab_start "$1" "$job" flow -r 50 "$proto" send "$address" "$port"
    done <<<"$FLOWS"
}

# How many of host $1's connections are offloaded, by the stock tool.
offloaded() {
    {
        lab_on gw conntrack -L -f ipv4 2>/dev/null | grep -F "src=$(staff_address "$1" 4) "
        lab_on gw conntrack -L -f ipv6 2>/dev/null | grep -F "src=$(staff_address "$1" 6) "
    } | grep -c OFFLOAD
}

# Packets of host $1 that came to the office after $2 (nanoseconds).
passed_after() {
    local a
    for a in "$(staff_address "$1" 4)" "$(staff_address "$1" 6)"; do
        witness_flows office eth0 from "$a"
    done | flows_after "$2"
}

alarm_is_raised() {
    gw_api GET /v1/status | jq -e '.alarms | map(select(.text | test("flowtable"))) | length > 0'
}

scenario_begin
staff_join laptop 21 laptop clerk
staff_join leaver 23 leaver clerk
staff_join mover 24 mover clerk
witness_start office eth0
check "somebody adds a flowtable over our interfaces" lab_on gw nft "$OFFLOAD"
start_flows laptop 0
start_flows leaver 10
start_flows mover 20
sleep 2
for host in laptop leaver mover; do
    same "control: all four connections of the $host are offloaded" 4 "$(offloaded "$host")"
done
check "the alarm names it" lab_wait_for 60 alarm_is_raised

receipt=$(gw_cli user revoke leaver --reason "left the firm" --json)
same "a revocation has its receipt, read back from the kernel" "true 0" \
    "$(jq -r '"\(.verified) \(.connections_left)"' <<<"$receipt")"
check "a role is changed" gw_api PUT /v1/users/mover/roles '{"roles":["guest"]}'
changed=$(lab_now_us)
sleep 2
witness_stop office eth0
same "not one packet of the leaver passes after the answer" "" \
    "$(passed_after leaver $(($(jq .answered_us <<<"$receipt") * 1000)))"
same "nor one of the other who lost the role after that answer" "" \
    "$(passed_after mover $((changed * 1000)))"
check "the colleague's go on" test -n "$(passed_after laptop $(((changed + 1000000) * 1000)))"
[ "$TEST_NOT_OK" -eq 0 ] || sed 's/^/#   /' "$LAB_DIR/log/gw.daemon.err"
test_end
