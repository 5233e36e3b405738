#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A key that was copied: two machines with one WireGuard key and one address send from two places at
# once. When the person or the device is revoked, nothing of either copy passes any more, and
# neither of them gets a new session.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# HOST PORT: each machine sends to a port of its own, IPv4, and to the next, IPv6; the one after
# that pushes to it. The first two are one device, the other two another.
COPIES='
laptop 6000
twin   6010
leaver 6020
double 6030
'

# Host $1 at 203.0.113.$2 is a copy of host $3: its keys, its addresses, its tunnel.
copy_machine() {
    staff_host "$1" "$2"
    rm -r "$LAB_DIR/hosts/$1/agent"
    cp -r "$LAB_DIR/hosts/$3/agent" "$LAB_DIR/hosts/$3/keys" "$LAB_DIR/hosts/$3/device" \
        "$LAB_DIR/hosts/$3/facts" "$LAB_DIR/hosts/$1/"
    staff_tunnel "$1" "$(gw_public_key)" "$(staff_address "$3" 4)" "$(staff_address "$3" 6)"
}

start_flows() {
    lab_start office "$1-4" flow udp recv 10.20.0.11 "$2"
    lab_start office "$1-6" flow udp recv fd20::11 $(($2 + 1))
    lab_start office "$1-push" flow -r 200 udp push 10.20.0.11 $(($2 + 2))
    lab_ready office "$1-4"
    lab_ready office "$1-6"
    lab_ready office "$1-push"
    lab_start "$1" up4 flow -r 500 udp send 10.20.0.11 "$2"
    lab_start "$1" up6 flow -r 500 udp send fd20::11 $(($2 + 1))
    lab_start "$1" down flow udp pull 10.20.0.11 $(($2 + 2))
}

# Has the office something from each copy? Each has a session of its own; the gateway keeps the
# newest and the one before it.
both_send() {
    local host port
    while read -r host port; do
        [ -z "$host" ] || lab_on gw conntrack -L -p udp --dport "$port" 2>/dev/null | grep -q . ||
            return 1
    done <<<"$COPIES"
}

each() {
    local host port
    while read -r host port; do [ -z "$host" ] || "$1" "$host" "$port"; done <<<"$COPIES"
}

stop_receivers() { lab_stop office "$1-4"; lab_stop office "$1-6"; }

# What the office's capture saw of machine $2 (its ports from $3 on) after $1, and what came to its
# own cable from the gateway, whatever it was.
passed_after() {
    lab_output office witness-eth0 | awk -v p="$3" '$1 == "in" && ($6 == p || $6 == p + 1)' |
        flows_after "$1"
    witness_flows "$2" eth0 from "$GW_OUTSIDE4" | flows_after "$1"
}

# The machine sets its tunnel up again and sends on.
knock_again() {
    lab_on "$1" ip link set wg0 down
    lab_on "$1" ip link set wg0 up
    lab_on "$1" ip route replace 10.20.0.0/16 dev wg0
}

# newest min|max HOST: of the two receivers, when the one's newest record came, nanoseconds.
newest() { jq -s "map(.last_ns) | $1" "$LAB_DIR/log/office.$2-4" "$LAB_DIR/log/office.$2-6"; }

check_copy() {
    local host=$1 port=$2 requested=$3 answered=$4
    check "$host sends until the revocation" \
        test "$(newest min "$host")" -gt $((requested - 1000000000))
    check "$host: its receivers get nothing after the answer" \
        test "$(newest max "$host")" -le "$answered"
    same "$host: not a packet is seen after it, either way" "" \
        "$(passed_after "$answered" "$host" "$port")"
}

# revoke WHAT NAME: sets REQUESTED and ANSWERED.
revoke() {
    local receipt
    receipt=$(gw_cli "$1" revoke "$2" --reason "the key was copied" --json) || lab_die "$receipt"
    REQUESTED=$(($(jq .requested_us <<<"$receipt") * 1000))
    ANSWERED=$(($(jq .answered_us <<<"$receipt") * 1000))
}

scenario_begin
staff_join laptop 21 laptop clerk
staff_join leaver 23 leaver clerk
copy_machine twin 31 laptop
copy_machine double 33 leaver
witness_start office eth0
each start_flows
for host in laptop twin leaver double; do witness_start "$host" eth0; done
check "both copies of both keys send" lab_wait_for 30 both_send
sleep 1.5

revoke device laptop
device_requested=$REQUESTED device_answered=$ANSWERED
revoke user leaver
sleep 0.5
each knock_again
sleep 1.5
each stop_receivers
witness_stop office eth0
for host in laptop twin leaver double; do witness_stop "$host" eth0; done

for pair in "laptop 6000" "twin 6010"; do
    # shellcheck disable=SC2086
    check_copy $pair "$device_requested" "$device_answered"
done
for pair in "leaver 6020" "double 6030"; do
    # shellcheck disable=SC2086
    check_copy $pair "$REQUESTED" "$ANSWERED"
done
test_end
