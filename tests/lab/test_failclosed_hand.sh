#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Somebody changes the tunnel by hand, all of it at once: a device's address is given to another's
# key, the interface gets a firewall mark, other addresses and another MTU, forwarding is switched
# off. Within one comparison (10 to 12 s) all of it is as before, with alarms.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# What of the tunnel is as it should be, one line for each thing, by stock tools alone.
tunnel_as_it_is() {
    lab_on gw wg show wg0 allowed-ips | sort
    lab_on gw wg show wg0 fwmark
    lab_on gw ip -o address show dev wg0 | awk '{ print $4 }' | sort
    lab_on gw cat /sys/class/net/wg0/mtu /proc/sys/net/ipv4/ip_forward \
        /proc/sys/net/ipv6/conf/all/forwarding
}

by_hand() {
    lab_on gw wg set wg0 fwmark 0x77
    lab_on gw wg set wg0 peer "$(staff_key sick)" \
        allowed-ips "$(staff_address sick 4)/32,$(staff_address laptop 4)/32"
    lab_on gw ip address del "$GW_TUNNEL4/16" dev wg0
    lab_on gw ip address add 192.0.2.1/24 dev wg0
    lab_on gw ip link set wg0 mtu 1300
    lab_on gw sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
}

is_repaired() { [ "$(tunnel_as_it_is)" = "$before" ]; }
alarms() { gw_api GET /v1/status | jq -r '.alarms[].text'; }

scenario_begin
staff_join laptop 21 laptop clerk
staff_join sick 22 sick clerk sick
before=$(tunnel_as_it_is)
check "control: the laptop passes" lab_on laptop probe tcp 10.20.0.10 80
refuse "control: the other does not" lab_on sick probe -t 700 tcp 10.20.0.10 80
by_hand
refuse "it was changed" is_repaired
check "the gateway says so when it is asked" \
    grep -q . <<<"$(gw_api GET /v1/status | jq -r .kernel.drift)"
start=$(lab_now_ms)
check "within one comparison all of it is as before" lab_wait_for 20 is_repaired
echo "# after $(($(lab_now_ms) - start)) ms"
same "as the stock tools show it" "$before" "$(tunnel_as_it_is)"
check "the laptop passes again" lab_wait_for 20 lab_on laptop probe -t 500 tcp 10.20.0.10 80
check "its portal answers" lab_wait_for 5 lab_on laptop curl -sS -o /dev/null --max-time 1 \
    "http://$GW_TUNNEL4/v1/me"
refuse "the other does not" lab_on sick probe -t 700 tcp 10.20.0.10 80
told=$(alarms)
for word in 'WireGuard peer' 'MTU\|address' 'forwarding'; do
    check "an alarm tells of: $word" grep -q "$word" <<<"$told"
done
[ "$TEST_NOT_OK" -eq 0 ] || sed 's/^/#   /' "$LAB_DIR/log/gw.daemon.err"
test_end
