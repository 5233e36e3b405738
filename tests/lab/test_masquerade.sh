#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# With `masquerade` the office sees the gateway's address, and everything else is as without it:
# lease, permits, revocation of flows that run, both families.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# Source addresses of what the office got for ports of the flows, each once.
office_sources() {
    lab_output office witness-eth0 |
        awk '$1 == "in" && ($6 > 6000 && $6 < 6100 || $6 == 80) { print $3 }' | sort -u | tr '\n' ' '
}

# What came to the device's cable after $1 (nanoseconds). At the office this cannot be asked: for a
# server that goes on sending, the gateway's own TCP answers with a reset, under the same address.
passed_after() { witness_flows leaver eth0 from "$GW_OUTSIDE4" | flows_after "$1"; }

GW_OFFICE_OPTIONS="{ masquerade }"
scenario_begin
staff_join leaver 23 leaver clerk
staff_join sick 22 sick clerk sick
witness_start office eth0
witness_start leaver eth0
lab_start office up flow tcp recv 10.20.0.11 6001
lab_ready office up
lab_start leaver up flow -r "$(lab_rate 500)" tcp send 10.20.0.11 6001
lab_start office push flow -r "$(lab_rate 500)" udp push fd20::11 6002
lab_ready office push
lab_start leaver push flow udp pull fd20::11 6002
lab_start leaver download curl -s -o /dev/null http://entry-web/bulk
lab_pause 1

refuse "a device without a lease does not pass" lab_on sick probe -t 700 tcp 10.20.0.10 80
refuse "nor does what a role may not reach" lab_on leaver probe -t 700 tcp 10.20.0.9 5432
receipt=$(gw_cli user revoke leaver --json)
answered=$(($(jq .answered_us <<<"$receipt") * 1000))
lab_pause 1
lab_stop office up
witness_stop office eth0
witness_stop leaver eth0

same "the office sees the gateway alone" "10.20.0.1 fd20::1 " "$(office_sources)"
check "control: the flows ran until the revocation" \
    test "$(lab_output office up | jq .last_ns)" -gt $((answered - 300000000))
check "not one record reaches the office after the answer" \
    test "$(lab_output office up | jq .last_ns)" -le "$answered"
same "not one packet comes to the device after it" "" "$(passed_after "$answered")"
check "the receipt is verified" jq -e .verified <<<"$receipt"
test_end
