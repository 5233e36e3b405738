#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each role, then all of them, is stopped (SIGSTOP) and killed under a flood of denied packets: none
# passes, by the receivers' count and a capture, and what is permitted goes on. A role that is stopped
# is noticed, ended and started anew.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/flood.sh"

# Denied, HOST ADDRESS PORT: without a lease, and beyond the role.
FLOODS='
sick   10.20.0.11 6001
sick   fd20::11   6002
laptop 10.20.0.11 6101
laptop fd20::11   6102
'

# The pids (the host's own numbers) of a role; what a role is called is in its command line.
role_pids() {
    gw_daemon_pids | while read -r p; do
        ! lab_on gw grep -qa -- "$1" "/proc/$p/cmdline" || echo "$p"
    done
}

# Is there one process of role $1 that is not pid $2, and does everything answer?
is_back() {
    local now
    now=$(role_pids "$1")
    [ -n "$now" ] && [ "$now" != "$2" ] && [ "$(wc -l <<<"$now")" -eq 1 ] && gw_answers &&
        lab_on laptop curl -sS -o /dev/null --max-time 1 "http://$GW_TUNNEL4/v1/me" 2>/dev/null
}

# strike_role SIGNAL ROLE LIMIT_S
strike_role() {
    local pid
    pid=$(role_pids "$2")
    lab_on gw kill "-$1" "$pid" || lab_die "no role $2"
    check "SIG$1 to the $2: what is permitted goes on" goes_on
    check "SIG$1 to the $2: all is back within $3 s" lab_wait_for "$3" is_back "$2" "$pid"
}

# Does the permitted flow reach the office now?
goes_on() {
    local since
    since=$(lab_now_us)000
    sleep 0.3
    lab_on office kill -USR1 "$(lab_job_pid office honest)"
    sleep 0.2
    [ "$(tail -n 1 "$LAB_DIR/log/office.honest" | jq .last_ns)" -gt "$since" ]
}

scenario_begin
staff_join laptop 21 laptop guest
staff_join sick 22 sick guest sick
witness_start office eth0
lab_start office honest flow udp recv 10.20.0.11 6005
lab_ready office honest
lab_start laptop honest flow -r 500 udp send 10.20.0.11 6005
flood_start

for role in capture api portal engine; do strike_role STOP "$role" 15; done
for role in capture api portal engine; do strike_role KILL "$role" 10; done
check "a role that was stopped is told of" grep -q 'the engine is ended: somebody has stopped it' \
    "$LAB_DIR/log/gw.daemon.err"

gw_signal STOP
sleep 3
check "all stopped: what is permitted goes on" goes_on
engine=$(role_pids engine)
gw_signal CONT
check "all let go on: they answer" lab_wait_for 10 gw_answers
sleep 2.5
same "and none was ended for it" "$engine" "$(role_pids engine)"

gw_signal KILL
sleep 1
gw_start
check "all killed and started again: what is permitted goes on" lab_wait_for 20 goes_on
witness_stop office eth0
flood_check
test_end
