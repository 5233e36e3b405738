#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody has taken over the enrol or the console role: what can they make the engine do? They speak
# by the role's own channel (takeover.py). What is not theirs to say ends the role and nothing else;
# what is theirs is bounded.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

write_config() {
    gw_write_config
    cp "$LAB_SOURCE/lab.policy.conf" "$LAB_DIR/gw/policy.conf"
    sed -i -e '$d' -e 's/tunnel wg0 { /&endpoint access.lab.example   /' "$LAB_DIR/gw/gateway.conf"
    cat >>"$LAB_DIR/gw/gateway.conf" <<CONF
    enrol { listen 8443 }
    console eth1 { listen 10.20.0.1:8444   from 10.20.0.30 }
}
CONF
}

pid_of() {
    gw_daemon_pids | while read -r p; do
        ! lab_on gw grep -qaz -- "^portcullisd: $1" "/proc/$p/cmdline" || echo "$p"
    done
}
other_than() { local p; p=$(pid_of "$1"); [ -n "$p" ] && [ "$p" != "$2" ]; }
takeover() { lab_on gw python3 "$LAB_SOURCE/takeover.py" "$@"; }
acts() { gw_api GET '/v1/audit?last=500' | jq -r '.items[].act' | sort | uniq -c; }

lab_begin
net_make
write_config
gw_start
gw_api POST /v1/users '{"name":"maria","roles":["clerk"]}' >/dev/null
engine=$(pid_of engine) portal=$(pid_of portal)
before=$(acts)

# --- what is not theirs to say -------------------------------------------------------------------------
# The pause before the next start grows while a role keeps dying: some of them for each.
declare -A tries=([enrol]="0 3 6 9 11 13" [console]="0 1 11 12 14 15")
for role in enrol console; do
    for at in ${tries[$role]}; do
        pid=$(pid_of $role)
        what=$(takeover "$pid" lawless $role $at) || not_ok "$role speaks" "$what"
        check "$role ends when it speaks $what" lab_wait_for 8 other_than $role "$pid"
    done
done
# One that does not go by itself when its channel closes, as somebody's own program would not.
pid=$(pid_of enrol)
lab_on gw kill -STOP "$pid"
takeover "$pid" lawless enrol 0 >/dev/null
check "one that stays is ended" lab_wait_for 5 \
    grep -q 'the enrol is ended: it said to the engine what it may not' "$LAB_DIR/log/gw.daemon.err"
check "and another begins" lab_wait_for 8 other_than enrol "$pid"
same "nothing was done by it" "$before" "$(acts)"
same "the engine went on" "$engine" "$(pid_of engine)"
same "and the portal" "$portal" "$(pid_of portal)"

# --- what is theirs: invitations -----------------------------------------------------------------------
invitation=$(gw_api POST /v1/users/maria/invite '{}')
token=$(jq -r .link <<<"$invitation" | sed 's/.*#\(.*\)\..*/\1/')
id=$(jq -r .id <<<"$invitation")
takeover "$(pid_of enrol)" guess "$token" 40 >/dev/null
void() { gw_api GET /v1/invites | jq -e ".items[] | select(.id == $id) | .state == \"void\""; }
check "codes guessed from forty addresses void the invitation" lab_wait_for 5 void
same "and no device came of it" 0 "$(gw_api GET /v1/users/maria | jq '.devices | length')"

# --- a flood of it ---------------------------------------------------------------------------------------
enrol=$(pid_of enrol)
takeover "$enrol" flood 30000 >"$LAB_DIR/flood" &
flood=$!
worst=0
for _ in 1 2 3 4 5 6 7 8; do
    began=$(lab_now_ms)
    gw_api GET /v1/status >/dev/null
    took=$(($(lab_now_ms) - began))
    [ $took -le $worst ] || worst=$took
done
wait $flood
within "the slowest answer to an admin meanwhile, in ms" 1000 "$worst"
same "all of it was said" 30000 "$(cat "$LAB_DIR/flood")"
same "the engine is the same" "$engine" "$(pid_of engine)"
listed() { gw_api GET '/v1/attempts?limit=5000' | jq '[.items[] | select(.kind == "enrol")] | length'; }
many() { [ "$(listed)" -ge 200 ]; }
check "it is listed" lab_wait_for 5 many
at_most "but does not push all else out of the list of attempts" 500 "$(listed)"
check "what is not listed is counted" test "$(gw_api GET /v1/status | jq .overflow)" -gt 20000
test_end
