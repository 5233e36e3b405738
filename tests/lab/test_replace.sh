#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The policy is replaced again and again through the control socket, alternately by two, under a
# flood of denied packets: none gets through, and of what both policies permit none is dropped. By
# the receivers' count and by captures before and behind the gateway.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

ROUNDS=${ROUNDS:-1000}

# Denied under both policies, HOST JOB ADDRESS PORT: without a lease, and beyond the role.
FLOODS='
sick   flood4 10.20.0.11 6001
sick   flood6 fd20::11   6001
laptop flood4 10.20.0.11 6101
laptop flood6 fd20::11   6101
'
# Permitted under both, JOB ROLE ADDRESS PORT; each policy gives the clerk other rights beside, so
# that each replacement makes every one of these connections be judged again.
HONEST='
up4   send 10.20.0.11 6005
up6   send fd20::11   6006
push4 push 10.20.0.11 6007
push6 push fd20::11   6008
'

write_policies() {
    sed '/^role clerk/s/ more,//' "$LAB_SOURCE/lab.policy.conf" >"$LAB_DIR/gw/a.conf"
    sed '/^role clerk/s/ more, ping//; /^role clerk/s/flows,/flows/' "$LAB_SOURCE/lab.policy.conf" \
        >"$LAB_DIR/gw/b.conf"
}

start_floods() {
    local host job address port
    while read -r host job address port; do
        [ -n "$host" ] || continue
        lab_start office "$host-$job" flow udp recv "$address" "$port"
        lab_ready office "$host-$job"
        lab_start "$host" "$job" flow -r 5000 udp send "$address" "$port"
    done <<<"$FLOODS"
}

start_honest() {
    local job role address port
    while read -r job role address port; do
        [ -n "$job" ] || continue
        if [ "$role" = send ]; then
            lab_start office "$job" flow udp recv "$address" "$port"
            lab_ready office "$job"
            lab_start laptop "$job" flow -r 500 udp send "$address" "$port"
        else
            lab_start office "$job" flow -r 500 udp push "$address" "$port"
            lab_ready office "$job"
            lab_start laptop "$job" flow udp pull "$address" "$port"
        fi
    done <<<"$HONEST"
}

# Ends the senders, gives what is under way time to come, then ends the receivers.
stop_all() {
    local host job address port role
    while read -r host job address port; do [ -z "$host" ] || lab_stop "$host" "$job"; done <<<"$FLOODS"
    while read -r job role address port; do
        [ -z "$job" ] || lab_stop "$([ "$role" = send ] && echo laptop || echo office)" "$job"
    done <<<"$HONEST"
    sleep 0.5
    while read -r host job address port; do
        [ -z "$host" ] || lab_stop office "$host-$job"
    done <<<"$FLOODS"
}

# One curl that applies the two policies by turns $1 times; prints the answers.
apply_by_turns() {
    local n
    for n in $(seq "$1"); do
        [ "$n" = 1 ] || echo next
        cat <<CONF
url = "http://gateway/v1/policy/apply"
unix-socket = "$GW_SOCKET"
header = "Portcullis-Actor: lab"
data-binary = "@$LAB_DIR/gw/$([ $((n % 2)) = 1 ] && echo a || echo b).conf"
silent
CONF
    done >"$LAB_DIR/curl.conf"
    lab_on gw curl -K "$LAB_DIR/curl.conf"
}

# Packets that the witness on host $1's interface $2 saw go $3 (in, out) with port $5 in column $4.
count() {
    lab_output "$1" "witness-$2" | awk -v way="$3" -v column="$4" -v port="$5" \
        '$1 == way && $2 == 17 && $column == port' | flows_packets
}

# What of connection $1 (role $2, port $3) came into the gateway and what left it.
before_and_behind() {
    if [ "$2" = send ]; then
        echo "$(count gw wg0 in 6 "$3") $(count office eth0 in 6 "$3")"
    else
        echo "$(count office eth0 out 4 "$3") $(count gw wg0 out 4 "$3")"
    fi
}

scenario_begin
write_policies
staff_join laptop 21 laptop clerk
staff_join sick 22 sick guest sick
gw_cli policy apply "$LAB_DIR/gw/b.conf" >/dev/null || lab_die "the second policy does not apply"
witness_start office eth0
witness_start gw wg0
start_floods
start_honest
sleep 1
version=$(gw_api GET /v1/policy | jq .version)
began=$(lab_now_ms)
apply_by_turns "$ROUNDS" >"$LAB_DIR/answers"
took=$(($(lab_now_ms) - began))
applied=$(lab_now_us)000
sleep 0.5
stop_all
witness_stop office eth0
witness_stop gw wg0

same "the policy was replaced $ROUNDS times, each time with other rights for one device" "$ROUNDS $ROUNDS" \
    "$(jq -rs '"\(map(select(.applied)) | length) \(map(.changed_devices) | add)"' "$LAB_DIR/answers")"
same "and each is a version of its own" $((version + ROUNDS)) "$(gw_api GET /v1/policy | jq .version)"
sent=0
while read -r host job address port; do
    [ -n "$host" ] || continue
    same "$host to $address port $port: the receiver got nothing" 0 \
        "$(lab_output office "$host-$job" | jq .records)"
    sent=$((sent + $(count gw wg0 in 6 "$port") / 2))
done <<<"$FLOODS"
same "nor did the capture before it see one" 0 \
    $(($(count office eth0 in 6 6001) + $(count office eth0 in 6 6101)))
check "the flood was one: $sent packets came out of the tunnel in $took ms" \
    test "$sent" -ge 5000
while read -r job role address port; do
    [ -n "$job" ] || continue
    read -r before behind < <(before_and_behind "$job" "$role" "$port")
    same "$job: of $before permitted packets not one is dropped" "$before" "$behind"
    check "$job: it was a flow" test "$before" -ge 500
done <<<"$HONEST"
check "and on after the last" \
    test "$(witness_flows office eth0 from "$(staff_address laptop 4)" | flows_newest)" -gt "$applied"
same "the gateway finds the kernel as it should be" "" "$(gw_api GET /v1/status | jq -r .kernel.drift)"
echo "# $ROUNDS replacements in $took ms, $sent denied packets"
test_end
