#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Ways around: forged sources from every side, device to device, the gateway itself, the office
# towards the staff. Each has a control that shows that the packet would have been seen.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# How many packets for port $3 the witness on host $1's interface $2 saw come in.
seen() {
    lab_output "$1" "witness-$2" |
        awk -v p="$3" '$1 == "in" && $6 == p { n += $7 } END { print n + 0 }'
}

# A UDP listener on the gateway: gateway_listener JOB ADDRESS PORT; its count: gateway_heard JOB.
gateway_listener() {
    lab_start gw "$1" flow udp recv "$2" "$3"
    lab_ready gw "$1"
}
gateway_heard() {
    lab_stop gw "$1"
    lab_output gw "$1" | jq .records
}

# The tunnel of host $1 lets through any destination, as a person may configure it.
open_client() {
    lab_on "$1" wg set wg0 peer "$(gw_public_key)" allowed-ips 0.0.0.0/0,::/0
    lab_on "$1" ip -6 route add "$GW_OUTSIDE6/128" dev wg0
}

scenario_begin
staff_join laptop 21 laptop clerk
staff_join curious 24 curious clerk
open_client laptop
witness_start office eth0
witness_start curious wg0
mine4=$(staff_address laptop 4) mine6=$(staff_address laptop 6)
his4=$(staff_address curious 4) his6=$(staff_address curious 6)

# --- forged inner sources, from a device ------------------------------------------------------
forge() { lab_on "$1" rawsend -n 20 "$2" "$3" 4000 "$4" "$5" >/dev/null; }
forge laptop wg0 "$mine4" 10.20.0.11 6001
forge laptop wg0 "$mine6" fd20::11 6001
forge laptop wg0 "$his4" 10.20.0.11 6002
forge laptop wg0 "$his6" fd20::11 6002
forge laptop wg0 203.0.113.66 10.20.0.11 6003
forge laptop wg0 10.20.0.9 10.20.0.11 6004
forge laptop wg0 fd20::9 fd20::11 6004
forge laptop wg0 "$GW_TUNNEL4" 10.20.0.11 6005
forge laptop wg0 127.0.0.1 10.20.0.11 6006
forge laptop wg0 10.77.99.99 10.20.0.11 6007

# --- forged tunnel sources, from the internet and from the office -----------------------------
# An established tuple of the laptop, 6020: the forgers use exactly it.
lab_start office established flow udp recv 10.20.0.11 6020
lab_ready office established
lab_on laptop flow -n 5 -p 4020 udp send 10.20.0.11 6020 >/dev/null
lab_on attacker ip route add 10.20.0.0/24 via "$GW_OUTSIDE4"
lab_on attacker ip route add 10.77.0.0/16 via "$GW_OUTSIDE4"
lab_on attacker ip -6 route add fd20::/64 via "$GW_OUTSIDE6"
lab_on attacker ip -6 route add fd77:acc::/64 via "$GW_OUTSIDE6"
lab_on attacker rawsend -n 20 eth0 "$mine4" 4020 10.20.0.11 6020 >/dev/null
forge attacker eth0 "$mine4" 10.20.0.11 6021
forge attacker eth0 "$mine6" fd20::11 6021
forge attacker eth0 "$mine4" "$his4" 6022
forge attacker eth0 203.0.113.66 "$his4" 6023
forge attacker eth0 2001:db8:113::66 "$his6" 6023
forge office eth0 "$mine4" "$his4" 6024
forge office eth0 "$mine6" "$his6" 6024

# --- device to device, office to device -------------------------------------------------------
forge laptop wg0 "$mine4" "$his4" 6030
forge laptop wg0 "$mine6" "$his6" 6030
forge office eth0 10.20.0.11 "$his4" 6031
forge office eth0 fd20::11 "$his6" 6031

# --- the box is no router for who is outside --------------------------------------------------
witness_start attacker eth0
forge attacker eth0 203.0.113.66 10.20.0.11 6040
forge attacker eth0 2001:db8:113::66 fd20::11 6040
forge office eth0 10.20.0.11 203.0.113.66 6041
forge office eth0 fd20::11 2001:db8:113::66 6041
lab_on office rawsend -n 5 eth0 10.20.0.11 4042 203.0.113.66 6042 >/dev/null
lab_on attacker rawsend -n 20 eth0 203.0.113.66 6042 10.20.0.11 4042 >/dev/null

# --- the gateway itself -----------------------------------------------------------------------
gateway_listener outer4 "$GW_OUTSIDE4" 7001
gateway_listener outer6 "$GW_OUTSIDE6" 7002
gateway_listener inner4 "$GW_TUNNEL4" 7003
gateway_listener inner6 "$GW_TUNNEL6" 7004
gateway_listener office4 10.20.0.1 7005
gateway_listener control "$GW_OUTSIDE4" 7006
forge laptop wg0 "$mine4" "$GW_OUTSIDE4" 7001
forge laptop wg0 "$mine6" "$GW_OUTSIDE6" 7002
forge laptop wg0 "$mine4" "$GW_TUNNEL4" 7003
forge laptop wg0 "$mine6" "$GW_TUNNEL6" 7004
forge laptop wg0 "$mine4" 10.20.0.1 7005
forge attacker eth0 203.0.113.66 "$GW_OUTSIDE4" 7006

lab_pause 0.7
lab_stop office established
witness_stop attacker eth0
witness_stop office eth0
witness_stop curious wg0

same "control: the laptop's own packets arrive, IPv4 and IPv6" 40 "$(seen office eth0 6001)"
same "control: a listener on the gateway hears the internet" 20 "$(gateway_heard control)"
same "a device as its neighbour" 0 "$(seen office eth0 6002)"
same "a device as a host of the internet" 0 "$(seen office eth0 6003)"
same "a device as a host of the office" 0 "$(seen office eth0 6004)"
same "a device as the gateway" 0 "$(seen office eth0 6005)"
same "a device as loopback" 0 "$(seen office eth0 6006)"
same "a device as an address nobody has" 0 "$(seen office eth0 6007)"
same "the internet riding an established connection" 5 "$(seen office eth0 6020)"
same "the internet as a device, towards the office" 0 "$(seen office eth0 6021)"
same "the internet as a device, towards a device" 0 "$(seen curious wg0 6022)"
same "the internet towards a device" 0 "$(seen curious wg0 6023)"
same "the office as a device, towards a device" 0 "$(seen curious wg0 6024)"
same "device to device" 0 "$(seen curious wg0 6030)"
same "the office towards a device" 0 "$(seen curious wg0 6031)"
same "the internet into the office" 0 "$(seen office eth0 6040)"
same "control: the office towards the internet" 40 "$(seen attacker eth0 6041)"
same "control: and what the internet answers" 20 "$(seen office eth0 4042)"
same "a device to the gateway's outer address, IPv4" 0 "$(gateway_heard outer4)"
same "a device to the gateway's outer address, IPv6" 0 "$(gateway_heard outer6)"
same "a device to another port of the gateway's tunnel address, IPv4" 0 "$(gateway_heard inner4)"
same "a device to another port of the gateway's tunnel address, IPv6" 0 "$(gateway_heard inner6)"
same "a device to the gateway's office address" 0 "$(gateway_heard office4)"
check "what a device may ask of the gateway still works: ping" lab_on laptop probe icmp "$GW_TUNNEL4" -
check "and the portal" lab_on laptop probe tcp "$GW_TUNNEL4" 80
test_end
