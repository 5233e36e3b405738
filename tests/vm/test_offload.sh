#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The gateway's own flowtable: granted connections pass by the rules, and end all the same with the
# reason for them; where no rule ends them, within the bound that gateway.conf(5) states.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pcvm} LAB_WIREGUARD=${LAB_WIREGUARD:-kernel}
export GW_TUNNEL_OPTIONS=flowtable
# shellcheck source-path=SCRIPTDIR/../lab
. "$(dirname "$0")/../lab/lab.sh"
. "$LAB_SOURCE/assert.sh"

BOUND_MS=1500    # gateway.conf(5): 1 s; and half of one for clocks that are read apart

# JOB PROTO ADDRESS PORT: what each sends, port moved up by its own offset.
FLOWS='
tcp4 tcp 10.20.0.11 6101
tcp6 tcp fd20::11   6102
udp4 udp 10.20.0.11 6103
udp6 udp fd20::11   6104
'

# UDP both ways: one that is never answered is not established, and stays with the rules.
start_udp() {
    local host=$1 job=$2 address=$3 port=$4 family=4
    [[ $address != *:* ]] || family=6
    lab_start "$host" "$job" flow -r 50 -p "$port" udp send "$address" "$port"
    lab_start office "$host-$job" flow -r 50 -p "$port" udp send "$(staff_address "$host" "$family")" "$port"
}

start_flows() {
    local job proto address port
    while read -r job proto address port; do
        [ -n "$job" ] || continue
        port=$((port + $2))
        if [ "$proto" = udp ]; then
            start_udp "$1" "$job" "$address" "$port"
            continue
        fi
        lab_start office "$1-$job" flow tcp recv "$address" "$port"
        lab_ready office "$1-$job"
        lab_start "$1" "$job" flow -r 50 tcp send "$address" "$port"
    done <<<"$FLOWS"
}

# How many of host $1's connections are offloaded, by the stock tool.
offloaded() {
    {
        lab_on gw conntrack -L -f ipv4 2>/dev/null | grep -F "src=$(staff_address "$1" 4) "
        lab_on gw conntrack -L -f ipv6 2>/dev/null | grep -F "src=$(staff_address "$1" 6) "
    } | grep -c OFFLOAD
}
all_offloaded() { [ "$(offloaded "$1")" -ge 4 ]; }

# Packets of host $1 that came to the office after $2 (nanoseconds).
passed_after() {
    local a
    for a in "$(staff_address "$1" 4)" "$(staff_address "$1" 6)"; do
        witness_flows office eth0 from "$a"
    done | flows_after "$2"
}

# A guest whose account ends in $2 seconds, at 203.0.113.$3, with flows at $4; the end goes to $ends.
guest() {
    ends=$(($(date +%s) + $2 * LAB_SLOW))
    gw_api POST /v1/users "{\"name\":\"$1\",\"roles\":[\"clerk\"],\"end\":$ends}" >/dev/null &&
        gw_api POST "/v1/users/$1/sign-in" >/dev/null || lab_die "no user $1"
    staff_host "$1" "$3"
    staff_enrol "$1" "$1"
    check "$1 is in" staff_report "$1" healthy
    start_flows "$1" "$4"
    check "control: all four connections of $1 are offloaded" lab_wait_for 5 all_offloaded "$1"
}

engine_pid() {
    for p in $(gw_daemon_pids); do
        ! lab_on gw grep -qa -- '--role.engine' "/proc/$p/cmdline" || echo "$p"
    done
}

scenario_begin
staff_join laptop 21 laptop clerk
staff_join leaver 23 leaver clerk
staff_join mover 24 mover clerk
witness_start office eth0
start_flows laptop 0
start_flows leaver 10
start_flows mover 20
for host in laptop leaver mover; do
    check "all four connections of the $host are offloaded" lab_wait_for 5 all_offloaded "$host"
done
same "the rules are as they should be" "" "$(gw_api GET /v1/status | jq -r .kernel.drift)"
same "and our own flowtable is no alarm" 0 "$(gw_api GET /v1/status | jq '.alarms | length')"

# --- an answer --------------------------------------------------------------------------------
receipt=$(gw_cli user revoke leaver --reason "left the firm" --json)
same "a revocation has its receipt, read back from the kernel" "true 0" \
    "$(jq -r '"\(.verified) \(.connections_left)"' <<<"$receipt")"
check "a role is changed" gw_api PUT /v1/users/mover/roles '{"roles":["guest"]}'
changed=$(lab_now_us)

# --- an end without an act --------------------------------------------------------------------
guest visitor 4 25 40
visitor_ends=$ends
sleep $((ends + 2 - $(date +%s)))
guest lapser 6 26 50
lapser_ends=$ends
sleep $((ends - 1 - $(date +%s)))
lab_on gw kill -STOP "$(engine_pid)"    # nobody decides anything; the parent notices in two seconds
sleep $((ends + 3 - $(date +%s)))
check "the engine is there again" lab_wait_for 20 gw_answers

# --- the interface is another one under its name -----------------------------------------------
check "the colleague's connections are offloaded still" all_offloaded laptop
covers_tunnel() { lab_on gw nft list flowtable inet portcullis fast | grep -q wg0; }
lab_on gw ip link del wg0
check "wg0 deleted by hand: made again, and covered" lab_wait_for 20 covers_tunnel

# --- an orderly stop: another process holds the table then ------------------------------------
gw_stop
refuse "after an orderly stop there is no flowtable" covers_tunnel
gw_start
check "after a start there is one" lab_wait_for 5 covers_tunnel
start_flows laptop 60
check "with connections in it" lab_wait_for 10 all_offloaded laptop

# --- all of the daemon dies --------------------------------------------------------------------
gw_signal KILL
died=$(lab_now_us)
sleep 2
witness_stop office eth0
same "not one packet of the leaver passes after the answer" "" \
    "$(passed_after leaver $(($(jq .answered_us <<<"$receipt") * 1000)))"
same "nor one of the other who lost the role after that answer" "" \
    "$(passed_after mover $((changed * 1000)))"
same "an account that ends ends its connections within the bound" "" \
    "$(passed_after visitor $((visitor_ends * 1000000000 + BOUND_MS * 1000000)))"
same "also when the engine does not go on" "" \
    "$(passed_after lapser $((lapser_ends * 1000000000 + BOUND_MS * 1000000)))"
check "the colleague's went on" test -n "$(passed_after laptop $(((changed + 1000000) * 1000)))"
same "with the daemon dead nothing passes" "" "$(passed_after laptop $((died * 1000 + 100000000)))"
[ "$TEST_NOT_OK" -eq 0 ] || sed 's/^/#   /' "$LAB_DIR/log/gw.daemon.err"
test_end
