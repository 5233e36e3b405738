# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The lab's network. Documentation addresses outside, the example policy's addresses inside:
#
#   laptop .21  sick .22  leaver .23  curious .24  attacker .66      staff at home and an enemy
#        \         |         |          |           /
#         inet: bridge, 203.0.113.0/24 and 2001:db8:113::/64
#                            |
#         gw:   eth0 203.0.113.1, 2001:db8:113::1    wg0 10.77.0.1/16, fd77:acc::1/64 (the daemon's)
#               eth1 10.20.0.1/24, fd20::1/64
#                            |
#         office: eth0 with the address of every server

# shellcheck disable=SC2034  # used by the other files
GW_OUTSIDE4=203.0.113.1
GW_OUTSIDE6=2001:db8:113::1
GW_TUNNEL4=10.77.0.1
GW_TUNNEL6=fd77:acc::1
GW_PORT=51820

# A cable: interface $2 of host $1 to interface $4 of host $3.
net_cable() {
    ip link add "$2" netns "$LAB_PREFIX-$1" type veth peer name "$4" netns "$LAB_PREFIX-$3"
}

# Gives host $1's interface $2 the addresses that follow, without duplicate address detection.
net_address() {
    local name=$1 dev=$2 a
    shift 2
    for a in "$@"; do
        case $a in
            *:*) printf 'address add %s dev %s nodad\n' "$a" "$dev" ;;
            *) printf 'address add %s dev %s\n' "$a" "$dev" ;;
        esac
    done | lab_on "$name" ip -batch -
}

# Brings an interface up; its link-local address is usable at once.
net_up() {
    lab_on "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0"
    lab_on "$1" ip link set "$2" up
}

# Host $1 on the internet at 203.0.113.$2 and 2001:db8:113::$2.
net_internet_host() {
    lab_host "$1"
    net_cable "$1" eth0 inet "to-$1"
    net_address "$1" eth0 "203.0.113.$2/24" "2001:db8:113::$2/64"
    net_up "$1" eth0
    lab_on inet ip link set "to-$1" master br0 up
}

net_make_internet() {
    lab_host inet
    lab_on inet ip link add br0 type bridge
    lab_on inet ip link set br0 up
}

net_make_gateway() {
    net_internet_host gw 1
    lab_on gw sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
}

# The office's server has every address of the office; it sends all else by the gateway.
net_make_office() {
    lab_host office
    net_cable gw eth1 office eth0
    net_address gw eth1 10.20.0.1/24 fd20::1/64
    net_up gw eth1
    mapfile -t addresses < <(office_addresses)
    net_address office eth0 "${addresses[@]}"
    net_up office eth0
    lab_on office ip route add default via 10.20.0.1
    lab_on office ip -6 route add default via fd20::1
}

# The whole network, without staff: they come by staff_host.
net_make() {
    net_write_names
    net_make_internet
    net_make_gateway
    net_make_office
    net_internet_host attacker 66
}

net_write_names() {
    {
        printf '127.0.0.1 localhost\n::1 localhost\n'
        office_names
    } >"$LAB_DIR/etc/hosts"
}
