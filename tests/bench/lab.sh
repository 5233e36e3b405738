# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A gateway of the lab with many devices. To be sourced after bench.sh.

export LAB_PREFIX=${LAB_PREFIX:-pcbench}
# shellcheck source-path=SCRIPTDIR
. "$BENCH_SOURCE/../lab/lab.sh"
export PATH="$BENCH_OUT:$PATH"

# Nothing of the gateway is left but its state: no process, no rule, no tunnel.
many_go_cold() {
    gw_stop
    ! gw_signal KILL || sleep 0.2
    lab_on gw nft flush ruleset
    ! lab_on gw ip link show wg0 >/dev/null 2>&1 || lab_on gw ip link del wg0
    lab_on gw rm -f /run/wireguard/wg0.sock
}

# The lab with one device that is in, laptop, and its gateway stopped and multiplied to $1 devices:
# person-1, person-2 ... each with a lease.
many_begin() {
    local database
    scenario_begin
    lab_on gw sysctl -qw net.netfilter.nf_conntrack_udp_timeout=3600
    staff_join laptop 21 laptop clerk
    many_go_cold
    database=$LAB_DIR/gw/state/engine/portcullis.db
    "$BENCH_SOURCE/fill.py" "$database" "$1"
    chown --reference="$LAB_DIR/gw/state/engine" "$database"*
}

# Starts it, with the patience that many devices need.
many_start() {
    GW_PATIENCE=90 gw_start
}

many_leases() {
    lab_on gw nft -j list map inet portcullis lease4 |
        jq '[.nftables[].map? | select(.) | .elem[]?] | length'
}

# A wire by which frames of host `wire` come out of the tunnel interface of host $1.
many_wire() {
    lab_host wire
    net_cable "$1" wire0 wire eth0
    lab_on wire sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1    # nothing but what we send
    lab_on wire ip link set eth0 up
    lab_on "$1" ip link set wire0 address 02:00:00:00:00:11 up
    many_rewire "$1"
}

# Once more, after the tunnel interface was made anew.
many_rewire() {
    lab_on "$1" tc qdisc replace dev wire0 ingress
    lab_on "$1" tc filter replace dev wire0 parent ffff: protocol all prio 1 u32 match u32 0 0 \
        action mirred ingress redirect dev wg0
}
