#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An attack that once worked: the disk of the state is full, and then the engine dies. The parent
# gave up, and with it went everybody's access and the means to revoke anybody's.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

engine_pid() {
    gw_daemon_pids | while read -r p; do
        ! lab_on gw grep -qas engine "/proc/$p/cmdline" || echo "$p"
    done
}

# Everything but the engine's own reserve.
fill_disk() {
    lab_on gw dd if=/dev/zero of="$LAB_DIR/gw/state/fill" bs=4k 2>/dev/null
    lab_on gw dd if=/dev/zero of="$LAB_DIR/gw/state/fill2" bs=512 2>/dev/null
}

kill_engine() {
    local pid
    pid=$(engine_pid)
    lab_on gw kill -KILL "$pid"
    lab_wait_for 5 is_dead "$pid"
}
is_dead() { ! lab_on gw test -e "/proc/$1/cmdline"; }

is_in() { lab_on "$1" probe -t 1000 tcp 10.20.0.10 80; }

lab_begin
net_make
office_start
gw_write_config
cp "$LAB_SOURCE/lab.policy.conf" "$LAB_DIR/gw/policy.conf"
mkdir -p "$LAB_DIR/gw/state"
lab_on gw mount -t tmpfs -o size=9m,mode=711 tmpfs "$LAB_DIR/gw/state"
gw_start
staff_join laptop 21 laptop clerk
staff_join leaver 23 leaver clerk
staff_join curious 24 curious clerk
check "a leased device passes" is_in leaver

fill_disk
for _ in 1 2 3; do
    check "full disk: the engine is killed" kill_engine
    check "it starts again, on what was kept for this" lab_wait_for 12 gw_answers
    check "a leased device passes meanwhile" is_in laptop
done
check "an access can be revoked on the full disk" gw_cli user revoke leaver --reason "left"
refuse "and is" is_in leaver

# Now the last byte is gone too: no engine can start, and nothing else changes.
lab_on gw rm -f "$LAB_DIR/gw/state/engine/reserve"
fill_disk
kill_engine
lab_pause 3
check "no engine: the parent goes on" test -n "$(gw_daemon_pids)"
check "a leased device passes" is_in laptop
refuse "a revoked one does not" is_in leaver
lab_on gw rm -f "$LAB_DIR/gw/state/fill" "$LAB_DIR/gw/state/fill2"
check "with space again the engine comes back by itself" lab_wait_for 12 gw_answers
same "and remembers the revocation" revoked "$(gw_api GET /v1/users/leaver | jq -r .state)"
refuse "which holds" is_in leaver
check "the others are in" is_in curious
check "the audit log is whole" gw_cli audit verify
test_end
