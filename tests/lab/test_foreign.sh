#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody else on the gateway flushes the rules under a flood of denied packets: none gets
# through, the alarm is raised, the rules come back, and permitted traffic goes on.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# Denied packets 20,000 a second each: a device without a lease, and one with a lease towards what
# its role may not reach, IPv4 and IPv6. On a slow machine far fewer: the gateway runs on it, too.
FLOOD=$(lab_rate "$(lab_rate 20000)")
start_flood() {
    lab_start sick flood4 flow -r "$FLOOD" udp send 10.20.0.11 6001
    lab_start sick flood6 flow -r "$FLOOD" udp send fd20::11 6001
    lab_start laptop flood4 flow -r "$FLOOD" udp send 10.20.0.11 6101
    lab_start laptop flood6 flow -r "$FLOOD" udp send fd20::11 6101
}

stop_flood() {
    local job
    for job in "sick flood4" "sick flood6" "laptop flood4" "laptop flood6"; do
        # shellcheck disable=SC2086
        lab_stop $job
    done
}

flood_sent() {
    local n=0 job
    for job in sick.flood4 sick.flood6 laptop.flood4 laptop.flood6; do
        n=$((n + $(jq .records <"$LAB_DIR/log/$job")))
    done
    echo "$n"
}

# What came through at the office of the flood.
leaked() {
    lab_output office witness-eth0 | awk '$1 == "in" && $2 == 17 && ($6 == 6001 || $6 == 6101)'
}

both_tables() {
    lab_on gw nft list table inet portcullis >/dev/null 2>&1 &&
        lab_on gw nft list table inet portcullis_guard >/dev/null 2>&1
}

# nft on the gateway, then: how long until both tables stand, in milliseconds.
foreign_act() {
    local start
    lab_on gw nft "$@" >/dev/null 2>&1
    start=$(lab_now_ms)
    lab_wait_for 2 both_tables || { echo 99999; return; }
    echo $(($(lab_now_ms) - start))
}

worst() { [ "$1" -gt "$2" ] && echo "$1" || echo "$2"; }

scenario_begin
staff_join laptop 21 laptop guest
staff_join sick 22 sick guest sick
witness_start office eth0
lab_start office honest flow udp recv 10.20.0.11 6005
lab_ready office honest
lab_start laptop honest flow -r "$(lab_rate 200)" udp send 10.20.0.11 6005
start_flood
lab_pause 1

repaired=0
for _ in 1 2 3 4 5 6 7 8 9 10; do
    repaired=$(worst "$repaired" "$(foreign_act flush ruleset)")
    repaired=$(worst "$repaired" "$(foreign_act delete table inet portcullis_guard)")
    foreign_act delete table inet portcullis >/dev/null
    foreign_act flush chain inet portcullis forward >/dev/null
done
lab_on gw nft 'table inet foreign { chain f { type filter hook forward priority -500; accept; }; }'
repaired=$(worst "$repaired" "$(foreign_act flush ruleset)")
lab_pause 0.5
resumed_since=$(lab_now_us)
lab_pause 1

stop_flood
lab_stop laptop honest
lab_stop office honest
witness_stop office eth0
same "no packet of the flood came through" "" "$(leaked)"
check "the flood was one ($(flood_sent) packets)" test "$(flood_sent)" -ge 20000
within "the tables stood again after each act, ms" 1000 "$repaired"
check "permitted traffic goes on" \
    test "$(lab_output office honest | jq .last_ns)" -gt "$((resumed_since * 1000))"
check "the alarm is raised" jq -e '.alarms | length > 0' <<<"$(gw_api GET /v1/status)"
same "and the gateway finds the kernel as it should be" "" \
    "$(gw_api GET /v1/status | jq -r .kernel.drift)"
test_end
