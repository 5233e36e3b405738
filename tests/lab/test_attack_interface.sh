#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A defect that an attack showed: wireguard-go dies, or somebody deletes the interface. The tunnel
# came back, but the portal went on listening on the interface that was gone: nobody could report,
# and with the leases everybody's access ended.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# shellcheck disable=SC2016
kill_wireguard() {
    lab_on gw bash -c 'for p in /proc/[0-9]*; do
        [ "$(readlink "$p/exe")" != /usr/bin/wireguard-go ] || kill -KILL "${p#/proc/}"; done'
}

passes() { lab_on "$1" probe -t 500 tcp 10.20.0.10 80; }

# The tunnel of the laptop and its portal are as before the act that $1 names.
check_all() {
    check "$1: the leased device passes again" lab_wait_for 20 passes laptop
    refuse "$1: the other does not" passes sick
    check "$1: the portal answers, IPv4" \
        lab_wait_for 3 lab_on laptop curl -sS --max-time "$LAB_SLOW" "http://$GW_TUNNEL4/v1/me"
    check "$1: the portal answers, IPv6" \
        lab_wait_for 3 lab_on laptop curl -sS --max-time "$LAB_SLOW" "http://[$GW_TUNNEL6]/v1/me"
    check "$1: a device can report" staff_report laptop healthy
    refuse "$1: the portal is not for the internet" \
        lab_on attacker curl -sS --max-time "$LAB_SLOW" "http://$GW_TUNNEL4/v1/me"
}

scenario_begin
staff_join laptop 21 laptop clerk
staff_join sick 22 sick clerk sick
lab_on attacker ip route add 10.77.0.0/16 via "$GW_OUTSIDE4"
kill_wireguard
check_all "wireguard-go killed"
lab_on gw ip link delete wg0
check_all "the interface deleted"
test_end
