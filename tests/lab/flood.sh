# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A flood of what is denied, and that nothing of it arrived: FLOODS has lines HOST ADDRESS PORT, by
# UDP, of which no two have the same host and address; the witness looks at the office's eth0.

flood_start() {
    local host address port
    while read -r host address port; do
        [ -n "$host" ] || continue
        lab_start office "denied-$host-$address" flow udp recv "$address" "$port"
        lab_ready office "denied-$host-$address"
        lab_start "$host" "denied-$address" flow -r 4000 udp send "$address" "$port"
    done <<<"$FLOODS"
}

# After witness_stop.
flood_check() {
    local host address port ports= sent=0
    while read -r host address port; do
        [ -n "$host" ] || continue
        lab_stop "$host" "denied-$address"
        lab_stop office "denied-$host-$address"
        same "$host to $address port $port: the receiver got nothing" 0 \
            "$(lab_output office "denied-$host-$address" | jq .records)"
        sent=$((sent + $(lab_output "$host" "denied-$address" | jq .records)))
        ports="$ports $port"
    done <<<"$FLOODS"
    same "nor did the capture before it see one" "" "$(lab_output office witness-eth0 |
        awk -v ports="$ports " '$1 == "in" && $2 == 17 && index(ports, " " $6 " ")')"
    check "the flood was one ($sent packets)" test "$sent" -ge 10000
}
