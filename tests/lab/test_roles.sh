#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Each cell of role x resource of the example policy, with real packets, IPv4 and IPv6, every
# service of the resource. What must come out is written here by hand, not asked of the product.
# Two witnesses have to agree: the staff machine (it got an answer) and the office (it saw packets).
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/roles.sh"

# Did the office see a packet of role $1's device for service $2 $3 $4?
office_saw() {
    local source number
    if [[ $3 == *:* ]]; then source=$(staff_address "$1" 6); else source=$(staff_address "$1" 4); fi
    case $2 in
        tcp) number=6 ;;
        udp) number=17 ;;
        icmp) if [[ $3 == *:* ]]; then number=58; else number=1; fi ;;
    esac
    grep -q "^in $number $source [0-9]* $3 ${4/-/0} " "$LAB_DIR/log/office.witness-eth0"
}

# What both witnesses say of one service: reached, not, or the contradiction.
observed() {
    local verdict saw=not
    verdict=$(grep -x -- "[a-z]* $2 $3 $4" "$LAB_DIR/log/$1.probe")
    ! office_saw "$@" || saw=reached
    if [ "${verdict%% *}" = "$saw" ]; then echo "$saw"; else echo "client: ${verdict%% *}, office: $saw"; fi
}

check_cell() {
    local service want got bad=""
    want=$(expected "$1" "$2")
    while read -r service; do
        # shellcheck disable=SC2086
        got=$(observed "$1" $service)
        [ "$got" = "$want" ] || bad+="$service: expected $want, is $got"$'\n'
    done < <(services_of "$2" "$3")
    if [ -z "$bad" ]; then ok "$1 x $2, IPv$3: $want"; else not_ok "$1 x $2, IPv$3: $want" "$bad"; fi
}

lab_begin
net_make
office_start
gw_write_config
gw_start
n=30
for role in $(matrix_roles); do
    staff_join "$role" $((n += 1)) "$role" "$role"
done
witness_start office eth0
for role in $(matrix_roles); do
    probe_all "$role" &
    probes+=($!)
done
wait "${probes[@]}"
witness_stop office eth0

for role in $(matrix_roles); do
    for resource in $RESOURCES; do
        for family in 4 6; do
            [ -z "$(services_of "$resource" "$family")" ] || check_cell "$role" "$resource" "$family"
        done
    done
done
test_end
