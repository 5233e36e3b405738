#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# portcullis-agent.service by a real systemd, with all that stands in it: enrolled and enabled as the
# README says, it reports, finds out what it may, tells the person at the screen, and starts anew.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/systemd.sh"

on() { systemd_on laptop "$@"; }
stub() { on sh -c "printf '#!/bin/sh\n%s\n' '$2' >/usr/bin/$1 && chmod 755 /usr/bin/$1"; }
# logind and a desktop in which nobody (65534) sits.
desktop() {
    stub loginctl 'case $1 in list-sessions) echo "2 65534 maria seat0";;
        *) echo User=65534; echo Type=wayland; echo Class=user; echo Remote=no; echo Active=yes; echo Desktop=GNOME;; esac'
    stub gsettings 'case $3 in lock-enabled) echo true;; *) echo "uint32 120";; esac'
    stub notify-send '{ id -u; echo "$@"; } >>/tmp/told'
}
told() { on sh -c 'cat /tmp/systemd-private-*/tmp/told' 2>/dev/null; }
is_told() { told | grep -q -- "$1"; }
is_in() { on portcullis-agent status >/dev/null 2>&1; }
is_out() { ! is_in; }
# Members of the status of the processes of the unit, each value once.
of_processes() {
    on sh -c 'for p in $(cat /sys/fs/cgroup/system.slice/portcullis-agent.service/cgroup.procs); do
        sed -n "s/^'"$1"':[[:space:]]*//p" /proc/$p/status; done' | sort -u
}

lab_begin
net_make
office_start
gw_write_config
sed -i "s|tunnel wg0 {|tunnel wg0 { endpoint $GW_OUTSIDE4  |; s|^    office|    enrol { listen 8443 }\n    office|" \
    "$LAB_DIR/gw/gateway.conf"
sed 's/require fde.sys/require not tamper.rooted\n    require lock.on/; s/lease 15m/lease 9s/' \
    "$LAB_SOURCE/lab.policy.conf" >"$LAB_DIR/gw/policy.conf"
gw_start
net_internet_host laptop 21
if ! systemd_boot laptop; then
    skip "the unit by a real systemd" "systemd does not start in a namespace here"
    test_end
    exit
fi
on install -m 755 "$LAB_BUILD/portcullis-agent" /usr/bin/portcullis-agent
on install -m 644 "$LAB_TOP/deploy/systemd/portcullis-agent.service" /usr/lib/systemd/system/
desktop
staff_person maria clerk
gw_api POST /v1/users/maria/invite '{"device":"maria-laptop"}' >"$LAB_DIR/invitation"

check "enrolled, with the tunnel up" on portcullis-agent enroll "$(jq -r .link "$LAB_DIR/invitation")" \
    --code "$(jq -r .code "$LAB_DIR/invitation")" --up wg-quick
check "the unit is enabled and started" on systemctl enable --now portcullis-agent
check "and the device is in" lab_wait_for 15 is_in
check "so that the office is reached" lab_on laptop probe -t 3000 tcp 10.20.0.10 80
same "a process without capabilities, and one with three" "0000000000000000
00000000000010c0" "$(of_processes CapEff)"
same "both under the unit's filter of system calls, without new privileges" "2 1" \
    "$(of_processes Seccomp) $(of_processes NoNewPrivs)"
facts=$(gw_api GET /v1/devices/maria-laptop | jq -c '[.posture.rules[] | select(.rule | test("lock.on|tamper")) | .result]')
same "it finds out about the screen as the person there" '["pass","pass"]' "$facts"
same "the state is there for everybody to read" "644 755" \
    "$(on stat -c %a /run/portcullis-agent/state.json /run/portcullis-agent | tr '\n' ' ' | sed 's/ $//')"
on sh -c 'echo LD_PRELOAD=/tmp/x.so >/etc/environment'
check "a sign of tampering puts it out" lab_wait_for 20 is_out
check "the person is told by the unit" lab_wait_for 10 is_told quarantine
same "as that person" 65534 "$(told | head -n 1)"
on rm /etc/environment
check "mended it is in again" lab_wait_for 75 is_in
before=$(on systemctl show -p MainPID --value portcullis-agent)
on sh -c "kill -KILL \$(cat /proc/$before/task/$before/children)"
starts_anew() { [ "$(on systemctl show -p NRestarts --value portcullis-agent)" -ge 1 ] && on systemctl -q is-active portcullis-agent; }
check "when a part of it dies, it is started anew" lab_wait_for 30 starts_anew
check "stopped, the last state stays" on sh -c 'systemctl stop portcullis-agent && test -s /run/portcullis-agent/state.json'
test_end
