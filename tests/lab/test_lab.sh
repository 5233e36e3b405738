#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The lab itself: its servers serve, and the programs that the other tests believe tell the truth.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

lab_begin
net_make
office_start

same "every server of the office serves what it should" \
    "$(office_services | sed 's/^/reached /')" \
    "$(office_services | lab_on gw probe -t 2000)"

same "probe tells reached, refused and not apart" \
    "$(printf '%s\n' 'reached icmp fd20::10 -' 'refused tcp 10.20.0.9 1' 'refused udp 10.20.0.9 1' \
        'not tcp 10.20.0.250 1' 'not icmp fd20::250 -')" \
    "$(printf '%s\n' 'icmp fd20::10 -' 'tcp 10.20.0.9 1' 'udp 10.20.0.9 1' 'tcp 10.20.0.250 1' \
        'icmp fd20::250 -' | lab_on gw probe -t 600)"

# Fifty forged datagrams of each family: the witness at the other end must count each.
lab_start office witness witness eth0
lab_ready office witness
lab_on gw rawsend -n 50 eth1 192.0.2.7 4000 10.20.0.11 4001 >/dev/null
lab_on gw rawsend -n 50 eth1 2001:db8:7::7 4000 fd20::11 4001 >/dev/null
lab_stop office witness
same "witness counts every packet, IPv4 and IPv6" \
    $'in 17 192.0.2.7 4000 10.20.0.11 4001 50\nin 17 2001:db8:7::7 4000 fd20::11 4001 50' \
    "$(lab_output office witness | grep ' 4001 ' | cut -d' ' -f1-7 | sort)"
same "witness lost none" "lost 0" "$(lab_output office witness | grep lost)"

flow_pair() { # PROTO: counts that sender and receiver tell of 500 records, and the newest's age
    lab_start office recv flow "$1" recv 10.20.0.11 6001
    lab_ready office recv
    lab_on gw flow -n 500 -r 2000 "$1" send 10.20.0.11 6001 >/dev/null
    lab_pause 0.2
    lab_stop office recv
    lab_output office recv | jq -r '"\(.records) \(.last_ns - .last_sent_ns < 100000000)"'
}
same "flow receives what flow sends, udp" "500 true" "$(flow_pair udp)"
same "flow receives what flow sends, tcp" "500 true" "$(flow_pair tcp)"

# --- the lab cleans up after itself --------------------------------------------------------------
# A run of its own prefix that is killed in the middle, then one that comes after it.
OTHER=${LAB_PREFIX}b
begin_other() { # CMD: what to do once its lab stands
    LAB_PREFIX=$OTHER bash -c '. "$1"; lab_begin; net_make
        staff_host laptop 21; staff_wireguard laptop; '"$1" \
        other "$LAB_SOURCE/lab.sh" >/dev/null 2>&1
}
other_namespaces() { ip netns list | grep -c "^$OTHER-"; }
other_processes() {
    local init=$1 pid
    for pid in /proc/[0-9]*; do
        [ "$(readlink "$pid/ns/net" 2>/dev/null)" != "$init" ] || echo "${pid#/proc/}"
    done
}
begin_other 'kill -KILL $$'
same "a run killed with SIGKILL leaves its hosts" 5 "$(other_namespaces)"
laptop=$(readlink "/proc/$(cut -d' ' -f1 "/tmp/$OTHER-lab/hosts/laptop/init")/ns/net")
check "and their processes" test -n "$(other_processes "$laptop")"
check "this lab stands beside it" lab_on gw probe tcp 10.20.0.10 80
begin_other 'exit 0'
same "the next run with its prefix removes its hosts, and its own" 0 "$(other_namespaces)"
same "its processes" "" "$(other_processes "$laptop")"
refuse "and its directory" test -e "/tmp/$OTHER-lab"
begin_other 'kill -TERM $$; sleep 5'
same "a run ended with SIGTERM removes its hosts itself" 0 "$(other_namespaces)"

test_end
