#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# portcullisd.service by a real systemd, with all that stands in it: it starts before the network,
# says that it is ready, lets people in and cuts them off, and a restart leaves running leases alone.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/systemd.sh"

on() { systemd_on gw "$@"; }
# The lab's words about the gateway, said where systemd runs.
gw_cli() { on portcullis "$@"; }
gw_api() {
    on curl -sS --fail-with-body --max-time 30 --unix-socket "$GW_SOCKET" -X "$1" -H 'Portcullis-Actor: lab' \
        ${3+--data-binary "$3"} "http://gateway$2"
}
install_it() {
    on install -m 755 "$LAB_BUILD/portcullisd" /usr/sbin/portcullisd
    on install -m 755 "$LAB_BUILD/portcullis" /usr/bin/portcullis
    on install -m 644 "$LAB_TOP/deploy/systemd/portcullisd.service" /usr/lib/systemd/system/
    on install -m 644 "$LAB_TOP/deploy/systemd/portcullis.sysusers" /usr/lib/sysusers.d/portcullis.conf
    on install -m 644 "$LAB_TOP/deploy/systemd/portcullis.tmpfiles" /usr/lib/tmpfiles.d/portcullis.conf
    on sh -c 'systemd-sysusers && systemd-tmpfiles --create portcullis.conf && systemctl daemon-reload'
    on install -m 644 "$LAB_DIR/gw/gateway.conf" "$LAB_DIR/gw/policy.conf" /etc/portcullis/
}
main_pid() { on systemctl show -p MainPID --value portcullisd; }
reaches() { lab_on laptop probe -t 2000 tcp 10.20.0.10 80; }

lab_begin
net_make
office_start
gw_write_config
cp "$LAB_SOURCE/lab.policy.conf" "$LAB_DIR/gw/policy.conf"
if ! systemd_boot gw; then
    skip "the unit by a real systemd" "systemd does not start in a namespace here"
    test_end
    exit
fi
install_it
check "the unit is well formed" on systemd-analyze verify --man=no /usr/lib/systemd/system/portcullisd.service
check "it starts, and says that it is ready" on systemctl start portcullisd
check "the command speaks to it" gw_cli status
staff_join laptop 21 maria clerk
check "a colleague is in" reaches
same "each of its processes is under the unit's filter, without new privileges" "2 1" "$(on sh -c '
    for p in $(cat /sys/fs/cgroup/system.slice/portcullisd.service/cgroup.procs); do
        sed -n "s/^\(Seccomp\|NoNewPrivs\):[[:space:]]*//p" /proc/$p/status; done' | sort -ru | tr '\n' ' ' | sed 's/ $//')"
before=$(main_pid)
check "a restart" on systemctl restart portcullisd
check "leaves a running lease alone" reaches
refuse "and is another process" test "$before" = "$(main_pid)"
on kill -KILL "$(main_pid)"
is_up() { on systemctl -q is-active portcullisd && gw_cli status >/dev/null 2>&1; }
check "killed, it is started anew" lab_wait_for 15 is_up
check "and the colleague is in" lab_wait_for 10 reaches
check "reload reads the files again" on systemctl reload portcullisd
check "revoked by the command" gw_cli user revoke maria --reason "left"
refuse "the colleague is out" lab_on laptop probe -t 700 tcp 10.20.0.10 80
check "stopped in order" on systemctl stop portcullisd
refuse "nothing is open then" lab_on laptop probe -t 700 tcp 10.20.0.10 80
test_end
