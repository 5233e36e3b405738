#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The knock on the door: handshakes of every class at the WireGuard port, from real wireguard-go
# clients and from a scanner, each named for what it is; and a flood of them, counted to the last.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

FLOOD=200000

knock() { lab_on "$1" "$LAB_SOURCE/knock.py" "${@:2}"; }

knocks() { gw_api GET /v1/status | jq -c .knocks; }
count_of() { knocks | jq --arg class "$1" '.[$class]'; }

# The one attempt with this reason as JSON; nothing when there is none, or more.
attempt() {
    gw_api GET "/v1/attempts?kind=knock&reason=$1" | jq -c 'select(.items | length == 1).items[0]'
}
is_named() { [ -n "$(attempt "$1")" ]; }
field() { attempt "$1" | jq -r ".$2"; }

# Does what has been seen add up, with nothing on its way?
balanced() { jq -e '.unheard == 0 and .seen == ([.[]] | add) - .seen' <<<"$1" >/dev/null; }
settled() { balanced "$(knocks)"; }

capture_pid() {
    local p
    for p in $(gw_daemon_pids); do
        ! lab_on gw grep -qa '^portcullisd: capture' "/proc/$p/cmdline" || printf '%s\n' "$p"
    done
}
resident_kb() { lab_on gw awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

scenario_begin
staff_join laptop 21 maria clerk
staff_join leaver 22 carla clerk
staff_host stranger 23
key=$(gw_public_key)

# --- who is known ------------------------------------------------------------------------------
check "an enrolled device's handshake is a known key" jq -e '.["known-key"] >= 2' <<<"$(knocks)"
same "and no attempt" 0 "$(gw_api GET '/v1/attempts?kind=knock' | jq '.items | length')"

# --- scanners ----------------------------------------------------------------------------------
knock attacker scan "$GW_OUTSIDE4" "$GW_PORT" 3 >/dev/null
knock attacker scan "$GW_OUTSIDE6" "$GW_PORT" 2 >/dev/null
knock attacker garbage "$GW_OUTSIDE4" "$GW_PORT" 2 "$key" >/dev/null
check "who knows the public key and nothing else is named" lab_wait_for 3 is_named undecryptable
same "from where, how often" "203.0.113.66 2" \
    "$(field undecryptable 'source + " " + (.count | tostring)')"
same "a scanner does not know it: counted" 5 "$(count_of bad-mac)"
same "and shown by its addresses, both families" '["2001:db8:113::66","203.0.113.66"]' \
    "$(gw_api GET '/v1/attempts?reason=bad-mac' | jq -c '[.items[].source] | sort')"

# --- a key that nobody enrolled, by a real client ------------------------------------------------
staff_tunnel stranger "$key" 10.77.9.9 fd77:acc::909
check "a key that was never known is told by itself" lab_wait_for 5 is_named unknown-key
same "with the key" "$(staff_key stranger)" "$(field unknown-key key)"

# --- an old handshake, sent again by somebody else -----------------------------------------------
lab_start laptop record "$LAB_SOURCE/knock.py" record eth0 "$LAB_DIR/initiation"
lab_ready laptop record
known=$(count_of known-key)
staff_shake laptop "$key"
lab_wait_for 5 test -s "$LAB_DIR/initiation" || not_ok "an initiation of the laptop was recorded"
newer() { [ "$(count_of known-key)" -gt "$known" ]; }
check "the laptop's new handshake is a known key" lab_wait_for 3 newer
knock attacker send "$GW_OUTSIDE4" "$GW_PORT" "$LAB_DIR/initiation" >/dev/null
check "the same message from elsewhere is a replay" lab_wait_for 3 is_named replayed
same "of whose device, from where" "maria 203.0.113.66" "$(field replayed 'device + " " + .source')"

# --- the revoked laptop --------------------------------------------------------------------------
gw_cli device revoke carla --reason "left the firm" >/dev/null || not_ok "the device is revoked"
sent=$(lab_now_ms)
staff_shake leaver "$key"
until is_named ended-key || [ $(($(lab_now_ms) - sent)) -gt 5000 ]; do sleep 0.02; done
at_most "a revoked device that knocks is named within a second, in ms" $((1000 * LAB_SLOW)) \
    $(($(lab_now_ms) - sent))
same "with person, device, why and since which day" "carla carla device-revoked $(date -u +%F)" \
    "$(field ended-key '| "\(.user) \(.device) \(.why) \(.ended | strftime("%Y-%m-%d"))"')"
check "the event says it in words" \
    grep -q "carla (carla) knocks from 203.0.113.22: ended-key, \
device-revoked on $(date -u +%F)" <<<"$(gw_api GET /v1/events | jq -r '.items[].text')"

# --- one key in two places -----------------------------------------------------------------------
cp "$LAB_DIR/hosts/laptop/agent/wireguard.key" "$LAB_DIR/hosts/stranger/agent/wireguard.key"
staff_tunnel stranger "$key" "$(staff_address laptop 4)" "$(staff_address laptop 6)"
two_places() { gw_api GET '/v1/attempts?kind=two-places' | jq -ce '.items[0]'; }
for host in stranger laptop stranger laptop; do
    staff_shake "$host" "$key"
    lab_pause 0.5
done
check "a key used from two places in turn" lab_wait_for 5 two_places
same "whose it is and both places" "maria 203.0.113.21 203.0.113.23" \
    "$(two_places | jq -r '"\(.device) \(.source) \(.destination)"')"
lab_on stranger ip link delete wg0

# --- a flood -----------------------------------------------------------------------------------
check "the books are balanced" lab_wait_for 3 settled
pid=$(capture_pid)
before=$(knocks) rss=$(resident_kb "$pid")
knock attacker garbage "$GW_OUTSIDE4" "$GW_PORT" $((FLOOD / 4)) "$key" >"$LAB_DIR/good" &
good=$!
knock attacker scan "$GW_OUTSIDE4" "$GW_PORT" $((FLOOD * 3 / 4)) >"$LAB_DIR/bad" &
bad=$!
staff_shake laptop "$key"
# WireGuard answers a flood with cookies, and tries again after 5 s.
check "an honest handshake that begins during the flood succeeds" \
    lab_wait_for 15 lab_on laptop ping -c 1 -W 1 "$GW_TUNNEL4"
wait "$good" "$bad"
knock attacker scan "$GW_OUTSIDE4" "$GW_PORT" 1 >/dev/null  # shows how many were lost before it
check "and the books are balanced after it" lab_wait_for 5 settled
after=$(knocks)
sent=$(($(cat "$LAB_DIR/good") + $(cat "$LAB_DIR/bad") + 1))
seen=$(($(jq .seen <<<"$after") - $(jq .seen <<<"$before")))
check "every one of $sent was seen ($seen), the honest ones beside them" \
    test "$seen" -ge "$sent" -a "$seen" -le $((sent + 10))
check "of the good ones most were not opened" jq -e --argjson before "$before" \
    '.limited - $before.limited > 10000' <<<"$after"
at_most "the capture role's memory grew by, in kB" 4096 $(($(resident_kb "$pid") - rss))
same "the capture role holds no capability" "0000000000000000" \
    "$(lab_on gw awk '/^CapEff/ { print $2 }' "/proc/$pid/status")"
same "nobody was restarted" 0 "$(gw_api GET /v1/status | jq '[.roles[].restarts] | add')"

# --- restarts ----------------------------------------------------------------------------------
gw_stop
gw_start
knock attacker send "$GW_OUTSIDE4" "$GW_PORT" "$LAB_DIR/initiation" >/dev/null
twice() { [ "$(field replayed count)" = 2 ]; }
check "after a restart an old handshake is still a replay" lab_wait_for 3 twice

test_end
