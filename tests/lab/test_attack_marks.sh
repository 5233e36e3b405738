#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An attack that once worked: the daemon is killed and starts on another state (made anew, or an
# older copy), where the same numbers name other devices and rights. The connections of before
# still bear those numbers: whoever has the address now rides on them.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# Host $1 sends 20 datagrams to what only a clerk may reach, from always the same ports; prints how
# many of them the office hears, IPv4 and IPv6.
heard_from() {
    lab_start office v4 flow udp recv 10.20.0.11 6101
    lab_start office v6 flow udp recv fd20::11 6102
    lab_ready office v4
    lab_ready office v6
    lab_on "$1" flow -n 20 -r 100 -p 4101 udp send 10.20.0.11 6101 >/dev/null
    lab_on "$1" flow -n 20 -r 100 -p 4102 udp send fd20::11 6102 >/dev/null
    lab_pause 0.2
    lab_stop office v4
    lab_stop office v6
    echo "$(lab_output office v4 | jq .records) $(lab_output office v6 | jq .records)"
}

scenario_begin
staff_join laptop 21 laptop clerk
same "control: a clerk is heard" "20 20" "$(heard_from laptop)"
gw_signal KILL
lab_pause 0.3
mv "$LAB_DIR/gw/state" "$LAB_DIR/gw/state.before"
gw_start
staff_join curious 24 curious guest
same "another person has the address and the numbers now" \
    "$(staff_address laptop 4)" "$(staff_address curious 4)"
same "but not the connections" "0 0" "$(heard_from curious)"

# On the same state the permitted connection goes on, by whichever side speaks first.
lab_start office push flow -r "$(lab_rate 50)" udp push 10.20.0.11 6010
lab_ready office push
lab_start curious pull flow udp pull 10.20.0.11 6010
lab_pause 0.5
gw_signal KILL
lab_pause 0.3
gw_start
since=$(lab_now_us)
check "the tunnel is back" lab_wait_for 20 lab_on curious probe -t 500 tcp "$GW_TUNNEL4" 80
lab_pause 1
lab_stop curious pull
check "a permitted flow from the office goes on after a start on the same state" \
    test "$(lab_output curious pull | jq .last_ns)" -gt $((since * 1000))
test_end
