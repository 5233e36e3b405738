#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What follows on attempts: a colleague's port scan, with real packets, is locked at its threshold and not one port below: the
# established flow ends with it, the others notice nothing, nobody is locked beyond the share, and
# the lock stands until an admin ends it, over kill -9 too.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

respond_policy() {
    cat "$LAB_SOURCE/lab.policy.conf"
    cat <<'POLICY'
contact "the lab's desk, extension 100"
respond {
    port-scan 20 within 5m lock
    two-places 1 within 5m lock
    ended-key 2 within 5m alarm
    at most 10% of devices
}
POLICY
}

# Ports $2 to $3 of a server, all closed to a clerk, from host $1.
scan() {
    seq "$2" "$3" | sed 's/^/tcp 10.20.0.11 /' | lab_on "$1" probe -t 150 >/dev/null
}

state() { gw_api GET "/v1/devices/$1" | jq -r .state; }
works() { lab_on "$1" probe -t 1500 tcp 10.20.0.10 80; }
is_locked() { [ "$(state "$1")" = locked ]; }

# A flow of host $1 to the office at port $2, and what of it reaches the office after $3.
start_flow() {
    lab_start office "flow-$1" flow udp recv 10.20.0.11 "$2"
    lab_ready office "flow-$1"
    lab_start "$1" flow flow -r "$(lab_rate 500)" udp send 10.20.0.11 "$2"
}
passed_after() { witness_flows office eth0 from "$(staff_address "$1" 4)" | flows_after "$2"; }

scenario_begin <(respond_policy)
staff_join curious 24 curious clerk
staff_join second 22 second clerk
staff_join laptop 21 laptop clerk
start_flow curious 6001
start_flow laptop 6002
lab_pause 0.5

# --- the threshold -----------------------------------------------------------------------------
scan curious 7001 7019
lab_pause 1.5
same "19 closed ports are no scan yet" in "$(state curious)"
check "and whoever tried them works on" works curious

witness_start office eth0
lab_pause 0.3
before=$(date +%s%N)
scan curious 7020 7020
check "the 20th is one: the device is locked" lab_wait_for 5 is_locked curious
locked=$(date +%s%N)
lab_pause 1.5
witness_stop office eth0
check "its established flow had run until then" test -n "$(passed_after curious "$before")"
same "and ended with it: nothing passes any more" "" "$(passed_after curious "$locked")"
check "a colleague's flow runs on" test -n "$(passed_after laptop $((locked + 1000000000)))"
refuse "the scanner reaches nothing" works curious
check "the portal it reaches" lab_on curious probe -t 1500 tcp "$GW_TUNNEL4" 80

# --- told, and on record -------------------------------------------------------------------------
refuse "a new report lets it in no more" staff_report curious healthy
check "and its agent says why, and whom to call" \
    grep -q "Call the lab's desk, extension 100" <<<"$(staff_answer curious)"
page=$(lab_on curious curl -sS --max-time $((5 * LAB_SLOW)) "http://$GW_TUNNEL4/")
check "the page for a person says that it is locked, since when, and whom to call" \
    grep -Eq 'This device is locked.*Since [0-9]+:.*extension 100' <<<"${page//$'\n'/ }"
check "the alarm names person, pattern and count" \
    jq -e '.alarms | any(.text | contains("curious (curious) is locked") and
        contains("port-scan: 20 ports"))' <<<"$(gw_api GET /v1/status)"
ids=$(gw_api GET "/v1/audit" | jq -r '.items[] | select(.act == "respond.lock") | .detail.attempts[]')
check "the record of the lock names the attempts that led to it" \
    jq -e '.user == "curious" and .reason == "not-permitted" and .port >= 7001' \
    <<<"$(gw_api GET "/v1/attempts/$(head -n 1 <<<"$ids")")"

# --- the share -----------------------------------------------------------------------------------
scan second 7001 7020
lab_pause 1.5
same "of three devices one is held: the second scanner is not" in "$(state second)"
check "but it is told, and waits for an admin" \
    jq -e '.share.most == 1 and (.withheld | map(.device) == ["second"])' \
    <<<"$(gw_cli respond show --json)"

# --- until an admin says otherwise -----------------------------------------------------------------
gw_signal KILL
gw_start
check "after kill -9 and a new start the others work" lab_wait_for 20 works laptop
refuse "and the scanner is locked as before" works curious
same "by its device, too" locked "$(state curious)"
check "an admin allows what was withheld" gw_cli respond allow second --reason "he does it, too"
refuse "then the second is locked as well" works second
check "an admin unlocks the first" gw_cli device unlock curious --reason "talked to him"
check "and it works at once" lab_wait_for 3 works curious
check "the case is opened on its attempts" gw_cli case open --user curious \
    --attempts "$(head -n 5 <<<"$ids" | paste -sd,)" --note "asked him"
check "and closed with an outcome" gw_cli case close 1 --finding "curiosity" --outcome training

# --- other patterns --------------------------------------------------------------------------------
# A new handshake of host $1.
shake() {
    lab_on "$1" wg set wg0 peer "$key" remove
    lab_on "$1" wg set wg0 peer "$key" endpoint "$GW_OUTSIDE4:$GW_PORT" persistent-keepalive 25 \
        allowed-ips "${STAFF_ROUTES// /,}"
}
alarmed() { gw_api GET /v1/status | jq -e --arg text "$1" '.alarms | any(.text | contains($text))'; }

key=$(gw_public_key)
gw_cli device revoke second --reason "left the firm" >/dev/null || not_ok "the device is revoked"
shake second
lab_pause 0.3
shake second
check "a revoked key that knocks again and again is an alarm" \
    lab_wait_for 5 alarmed "second (second): ended-key: 2 handshakes"

staff_host thief 25
cp "$LAB_DIR/hosts/laptop/agent/wireguard.key" "$LAB_DIR/hosts/thief/agent/wireguard.key"
staff_tunnel thief "$key" "$(staff_address laptop 4)" "$(staff_address laptop 6)"
for host in laptop thief laptop; do
    lab_pause 0.4
    shake "$host"
done
check "a copied key locks its device, wherever it is used" lab_wait_for 5 is_locked laptop
refuse "the thief reaches nothing with it" works thief
test_end
