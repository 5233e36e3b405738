#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon's own life: one at a time, killed roles, orderly stop and start, refusals with words.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# portcullisd on host gw with a state directory $1 and further words; what it says goes to stdout.
try_daemon() {
    local state=$1
    shift
    lab_on gw timeout $((5 * LAB_SLOW)) "$@" portcullisd --config "$LAB_DIR/gw/gateway.conf" \
        --policy "$LAB_DIR/gw/policy.conf" --state "$state" --control /run/second.sock \
        --foreground 2>&1
}

# The pids (the host's own numbers) of a role; what a role is called is in its command line.
role_pids() {
    gw_daemon_pids | while read -r p; do
        ! lab_on gw grep -qa -- "$1" "/proc/$p/cmdline" || echo "$p"
    done
}

# Is there one process of role $1 that is not pid $2?
role_is_back() {
    local now
    now=$(role_pids "$1")
    [ -n "$now" ] && [ "$now" != "$2" ] && [ "$(wc -l <<<"$now")" -eq 1 ]
}

scenario_begin
staff_join laptop 21 laptop clerk
lab_start office recv flow udp recv 10.20.0.11 6001
lab_ready office recv

# --- one daemon on one state ---------------------------------------------------------------------
out=$(try_daemon "$LAB_DIR/gw/state")
same "a second daemon on the same state refuses to start" 1 $?
check "and says why" grep -qi 'already\|in use\|another' <<<"$out"
check "the first one does not mind" lab_on laptop probe -t 3000 tcp 10.20.0.10 80

# --- a missing privilege has a name --------------------------------------------------------------
out=$(try_daemon /tmp/none setpriv --bounding-set -net_admin --inh-caps -net_admin)
check "without CAP_NET_ADMIN it names what is missing" grep -qi 'net_admin' <<<"$out"
out=$(try_daemon /tmp/none setpriv --reuid nobody --regid nogroup --clear-groups)
check "without root it says so" grep -qi 'root\|net_admin' <<<"$out"

# --- as systemd starts it: what the unit leaves of root is enough ----------------------------------
kept=$(sed -n 's/^CapabilityBoundingSet=//p' "$LAB_TOP/deploy/systemd/portcullisd.service" |
    tr '[:upper:]' '[:lower:]' | sed 's/cap_/+/g; s/ /,/g')
gw_stop
gw_start setpriv --bounding-set "-all,$kept" --inh-caps -all --no-new-privs
check "with the unit's capabilities alone it starts on a state that is there" \
    lab_wait_for 5 lab_on laptop probe -t 1000 tcp 10.20.0.10 80
gw_signal KILL
mv "$LAB_DIR/gw/state" "$LAB_DIR/gw/state.before"
gw_start setpriv --bounding-set "-all,$kept" --inh-caps -all --no-new-privs
check "and on none" gw_answers
gw_signal KILL
rm -rf "$LAB_DIR/gw/state"
mv "$LAB_DIR/gw/state.before" "$LAB_DIR/gw/state"
gw_start
check "the device passes as before" lab_wait_for 20 lab_on laptop probe -t 500 tcp 10.20.0.10 80

# --- roles die, the data plane does not notice ------------------------------------------------------
lab_start laptop flow flow -r "$(lab_rate 500)" udp send 10.20.0.11 6001
for role in capture api portal engine; do
    mapfile -t pids < <(role_pids "$role")
    if [ "${#pids[@]}" -ne 1 ]; then
        not_ok "the role $role runs as one process" "found: ${pids[*]}"
        continue
    fi
    lab_on gw kill -KILL "${pids[0]}"
    check "the $role role killed: it is back" lab_wait_for 5 role_is_back "$role" "${pids[0]}"
    check "and the control socket answers" lab_wait_for 5 gw_answers
done
check "the portal answers again" \
    lab_wait_for 5 lab_on laptop curl -sS -o /dev/null --max-time $((2 * LAB_SLOW)) "http://$GW_TUNNEL4/v1/me"
lab_stop laptop flow
lab_pause 0.2
lab_stop office recv
same "the leased device lost no packet meanwhile" 0 \
    "$(lab_output office recv | jq '.highest - .records')"

# --- an orderly stop leaves the leases; a start brings them back -----------------------------------
check "the lease is there before the stop" test in = "$(gw_api GET /v1/devices/laptop | jq -r .state)"
gw_stop
same "an orderly stop ends every process of ours but the keeper of the table" \
    "$(role_pids keeper)" "$(gw_daemon_pids)"
check "the keeper is there" test -n "$(role_pids keeper)"
check "the lease stays: the device passes" lab_on laptop probe -t 3000 tcp 10.20.0.10 80
refuse "what it may not it may not" lab_on laptop probe -t 700 tcp 10.20.0.9 5432
gw_start nice -n 15    # who stands back far itself starts all the same
same "after the start the device is in, without a new report" in \
    "$(gw_api GET /v1/devices/laptop | jq -r .state)"
same "the keeper has handed the table over and is gone" "" "$(role_pids keeper)"
check "and the device passes" lab_wait_for 20 lab_on laptop probe -t 500 tcp 10.20.0.10 80
test_end
