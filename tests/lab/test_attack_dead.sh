#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An attack that once worked: with all of the daemon killed, and its owned table gone with it, a
# host of the internet sends as a device, and what the office sends to a device leaves in clear
# when the tunnel's interface is gone too. The guard alone must hold both.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

seen() { lab_output "$1" "witness-eth0" | awk -v p="$2" '$1 == "in" && $6 == p { n += $7 } END { print n + 0 }'; }

# From the attacker: as a device to the office and the gateway, and as itself. Ports from $1 on.
send_forged() {
    lab_on attacker rawsend -n 10 eth0 "$mine4" 4000 10.20.0.11 "$1" >/dev/null
    lab_on attacker rawsend -n 10 eth0 "$mine6" 4000 fd20::11 $(($1 + 1)) >/dev/null
    lab_on attacker rawsend -n 10 eth0 203.0.113.66 4000 10.20.0.11 $(($1 + 2)) >/dev/null
    lab_on attacker rawsend -n 10 eth0 "$mine4" 4000 "$GW_OUTSIDE4" 7001 >/dev/null
    lab_on attacker rawsend -n 10 eth0 "$mine6" 4000 "$GW_OUTSIDE6" 7002 >/dev/null
}

scenario_begin
staff_join laptop 21 laptop clerk
mine4=$(staff_address laptop 4) mine6=$(staff_address laptop 6)
lab_on attacker ip route add 10.20.0.0/24 via "$GW_OUTSIDE4"
lab_on attacker ip -6 route add fd20::/64 via "$GW_OUTSIDE6"
lab_on gw ip route add default via 203.0.113.66
lab_on gw ip -6 route add default via 2001:db8:113::66
witness_start office eth0
witness_start attacker eth0

gw_signal KILL
lab_pause 0.3
same "the owned table is gone, the guard is there" "table inet portcullis_guard" \
    "$(lab_on gw nft list tables)"
lab_start gw v4 flow udp recv "$GW_OUTSIDE4" 7001
lab_start gw v6 flow udp recv "$GW_OUTSIDE6" 7002
lab_ready gw v4
lab_ready gw v6
lab_on office rawsend -n 1 eth0 10.20.0.11 4003 203.0.113.66 6043 >/dev/null
lab_on attacker rawsend -n 10 eth0 203.0.113.66 6043 10.20.0.11 4003 >/dev/null
send_forged 6040

lab_on gw ip link delete wg0
lab_on office rawsend -n 10 eth0 10.20.0.11 4000 "$mine4" 6050 >/dev/null
lab_on office rawsend -n 10 eth0 fd20::11 4000 "$mine6" 6051 >/dev/null
lab_on office rawsend -n 10 eth0 10.20.0.11 4000 198.51.100.7 6052 >/dev/null
lab_pause 0.5
lab_stop gw v4
lab_stop gw v6
witness_stop office eth0
witness_stop attacker eth0

same "control: what the office asked the attacker for" 10 "$(seen office 4003)"
same "the attacker as itself, unasked" 0 "$(seen office 6042)"
same "the attacker as a device, IPv4" 0 "$(seen office 6040)"
same "the attacker as a device, IPv6" 0 "$(seen office 6041)"
same "the attacker as a device, to the gateway, IPv4" 0 "$(lab_output gw v4 | jq .records)"
same "the attacker as a device, to the gateway, IPv6" 0 "$(lab_output gw v6 | jq .records)"
same "control: the office towards the internet" 10 "$(seen attacker 6052)"
same "the office to a device without a tunnel, in clear, IPv4" 0 "$(seen attacker 6050)"
same "the office to a device without a tunnel, in clear, IPv6" 0 "$(seen attacker 6051)"

gw_start
check "started again, all is as before" \
    lab_wait_for 20 lab_on laptop probe -t 500 tcp 10.20.0.10 80
test_end
