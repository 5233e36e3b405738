#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The gateway on the kernel's own WireGuard: staff of either kind, and somebody else's hand on the
# interface, with the stock tools, under a stream of denied packets.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pcvm}
# shellcheck source-path=SCRIPTDIR/../lab
. "$(dirname "$0")/../lab/lab.sh"
. "$LAB_SOURCE/assert.sh"

REPAIR=60    # seconds: the gateway compares every 10 to 12, and less often where that is slow

peers() { lab_on gw wg show wg0 allowed-ips | sort; }
port() { lab_on gw wg show wg0 listen-port; }
public_key() { lab_on gw wg show wg0 public-key; }
tunnel() { peers && port && public_key && lab_on gw ip -brief address show wg0; }
tunnel_is() { [ "$1" = "$(tunnel 2>/dev/null)" ]; }
reaches() { lab_on "$1" probe -t 1000 tcp 10.20.0.10 80; }
drift() { gw_api GET /v1/status | jq -r .kernel.drift; }
n_alarms() { gw_api GET /v1/status | jq '.alarms | length'; }

# Host $1 sends to the gateway's own port, whatever it followed in the meantime.
aim() { lab_on "$1" wg set wg0 peer "$(gw_public_key)" endpoint "$GW_OUTSIDE4:$GW_PORT"; }

# What somebody does to the interface ($2...) is undone, and an alarm tells of it.
undone() {
    local what=$1 before alarms
    shift
    before=$(tunnel) alarms=$(n_alarms)
    check "$what" lab_on gw "$@"
    refuse "$what: it is another tunnel then" tunnel_is "$before"
    check "$what: undone" lab_wait_for "$REPAIR" tunnel_is "$before"
    check "$what: the alarm is raised" test "$(n_alarms)" -gt "$alarms"
    aim laptop
    aim curious
    check "$what: traffic goes on, the kernel's WireGuard" lab_wait_for "$REPAIR" reaches laptop
    check "$what: traffic goes on, wireguard-go" lab_wait_for "$REPAIR" reaches curious
}

scenario_begin
same "the gateway uses the kernel's WireGuard" kernel "$(gw_api GET /v1/status | jq -r .kernel.backend)"
check "and the stock tool says so" grep -q wireguard <<<"$(lab_on gw ip -details link show wg0)"
LAB_WIREGUARD=kernel staff_join laptop 21 laptop clerk
LAB_WIREGUARD=go staff_join curious 24 curious clerk
LAB_WIREGUARD=kernel staff_join sick 22 sick clerk sick
check "a machine on the kernel's WireGuard is in" reaches laptop
check "a machine on wireguard-go is in" reaches curious
refuse "a sick one is not" reaches sick
same "the gateway finds the kernel as it should be" "" "$(drift)"

witness_start office eth0
lab_start sick flood flow -r 200 udp send 10.20.0.11 6001
lab_start laptop flood flow -r 200 udp send 10.20.0.11 6201

stranger=$(lab_on gw sh -c 'wg genkey | wg pubkey')
undone "a stranger's peer with an address of the office" \
    wg set wg0 peer "$stranger" allowed-ips 10.20.0.9/32
undone "the sick one's peer with the healthy one's address" \
    wg set wg0 peer "$(staff_key sick)" allowed-ips "$(staff_address laptop 4)/32"
undone "a peer taken away" wg set wg0 peer "$(staff_key laptop)" remove
undone "another port" wg set wg0 listen-port 51999
undone "another key" sh -c 'wg genkey >/run/other && wg set wg0 private-key /run/other'
undone "the interface deleted" ip link delete wg0

lab_stop sick flood
lab_stop laptop flood
witness_stop office eth0
same "no packet of the floods came through" "" \
    "$(lab_output office witness-eth0 | awk '$1 == "in" && ($6 == 6001 || $6 == 6201)')"
check "they were floods" test "$(jq .records <"$LAB_DIR/log/sick.flood")" -gt 1000
[ "$TEST_NOT_OK" -eq 0 ] || sed 's/^/#   /' "$LAB_DIR/log/gw.daemon.err"
test_end
