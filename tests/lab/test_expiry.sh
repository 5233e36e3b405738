#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Access ends when its reason ends, daemon alive, stopped or dead.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"


# Established connections between host $1 and the office: the host sends by TCP over IPv4 to port
# $2, the office pushes by UDP over IPv6 from port $2 + 1.
start_steady() {
    lab_start office "$1-v4" flow tcp recv 10.20.0.11 "$2"
    lab_start office "$1-v6" flow -r "$(lab_rate 500)" udp push fd20::11 $(($2 + 1))
    lab_ready office "$1-v4"
    lab_ready office "$1-v6"
    lab_start "$1" v4 flow -r "$(lab_rate 500)" tcp send 10.20.0.11 "$2"
    lab_start "$1" v6 flow udp pull fd20::11 $(($2 + 1))
}

# When the newest record of host $1's flow over family $2 came, in milliseconds.
last_record_ms() {
    local where
    where=$([ "$2" = v4 ] && echo "office $1-v4" || echo "$1 v6")
    # shellcheck disable=SC2086
    lab_stop $where
    # shellcheck disable=SC2086
    echo $(($(lab_output $where | jq .last_ns) / 1000000))
}

# Ends what is left of host $1's flows.
stop_steady() {
    lab_stop "$1" v4
    lab_stop office "$1-v6"
}

# $1: the newest record came at $2, and that was the end, $3 (milliseconds).
ends_at() {
    at_most "$1, at most 1 s late, ms" 1000 $(($2 - $3))
    within "$1, at most 1 s early, ms" 1000 $(($3 - $2))
}

lease_end_ms() { gw_api GET "/v1/devices/$1" | jq '.lease.until * 1000'; }

# All of the daemon's processes are stopped; the lease ends in the kernel, on its time.
stopped_daemon() {
    local end
    staff_report laptop healthy >/dev/null || lab_die "no lease: $(staff_answer laptop)"
    end=$(lease_end_ms laptop)
    start_steady laptop 6010
    lab_pause 0.5
    gw_signal STOP
    same "every process of ours is stopped" "" \
        "$(gw_daemon_pids | while read -r p; do
            lab_on gw sed -n 's/^State:[[:space:]]*//p' "/proc/$p/status"
        done | grep -v '^T')"
    sleep $(((end - $(lab_now_ms)) / 1000 + 3))
    ends_at "stopped daemon: the IPv4 flow ends with the lease" "$(last_record_ms laptop v4)" "$end"
    ends_at "stopped daemon: the IPv6 flow ends with the lease" "$(last_record_ms laptop v6)" "$end"
    gw_signal CONT
    stop_steady laptop
    check "the daemon goes on when it is let" lab_wait_for 5 gw_answers
}

# The daemon runs, and the person's account ends by its date.
ended_account() {
    local end
    end=$(($(date +%s) + 5 * LAB_SLOW))
    gw_api POST /v1/users "{\"name\":\"guest\",\"roles\":[\"clerk\"],\"end\":$end}" >/dev/null &&
        gw_api POST /v1/users/guest/sign-in >/dev/null || lab_die "no user guest"
    staff_host guest 25
    staff_enrol guest guest
    check "a guest until $(date -u -d "@$end" +%T) is in" staff_report guest healthy
    start_steady guest 6012
    sleep $((end + 1 - $(date +%s)))
    lab_pause 1
    ends_at "the guest's IPv4 flow ends with the account" "$(last_record_ms guest v4)" $((end * 1000))
    ends_at "the guest's IPv6 flow ends with the account" "$(last_record_ms guest v6)" $((end * 1000))
    stop_steady guest
    refuse "a new report does not let the guest in again" staff_report guest healthy
}

# wg0 as it was before, by stock tools alone, after the daemon has gone and taken its own with it.
revive_tunnel() {
    ! lab_on gw wg show wg0 >/dev/null 2>&1 || return 0
    lab_on gw rm -f /run/wireguard/wg0.sock
    staff_wireguard gw
    lab_on gw wg setconf wg0 "$LAB_DIR/gw/wg.conf"
    net_address gw wg0 "$GW_TUNNEL4/16" "$GW_TUNNEL6/64"
    net_up gw wg0
}

# Does the gateway's wg0 give the host's packets to the kernel?
tunnel_delivers() {
    local before
    before=$(lab_on gw cat /sys/class/net/wg0/statistics/rx_packets)
    lab_pause 0.3
    [ "$(lab_on gw cat /sys/class/net/wg0/statistics/rx_packets)" -gt $((before + 50)) ]
}

# With all of ours killed nothing of the tunnel passes, not even for a device with a lease, and
# not even if somebody brings the tunnel itself up again.
killed_daemon() {
    local killed
    check "a device with a long lease" staff_report curious healthy
    lab_on gw wg showconf wg0 >"$LAB_DIR/gw/wg.conf"
    start_steady curious 6020
    lab_pause 0.5
    gw_signal KILL
    lab_pause 0.3
    same "no process of ours is left" "" "$(gw_daemon_pids)"
    killed=$(lab_now_ms)
    revive_tunnel
    lab_start office knock flow udp recv 10.20.0.11 6030
    lab_ready office knock
    lab_start curious knock flow -r "$(lab_rate 500)" udp send 10.20.0.11 6030
    lab_on gw wg set wg0 peer "$(staff_key curious)" persistent-keepalive 1
    check "the tunnel itself works again, by stock tools: packets come out of it" \
        lab_wait_for 15 tunnel_delivers
    lab_pause 1
    lab_stop curious knock
    lab_stop office knock
    same "killed daemon: none of them reaches the office" 0 "$(lab_output office knock | jq .records)"
    at_most "the last IPv4 record of the flow came before that, ms" 0 \
        $(($(last_record_ms curious v4) - killed))
    at_most "the last IPv6 record likewise, ms" 0 $(($(last_record_ms curious v6) - killed))
    stop_steady curious
    refuse "nor does a new connection pass" lab_on curious probe -t 800 tcp 10.20.0.10 80
    refuse "nor to remediation" lab_on curious probe -t 800 tcp 10.20.0.40 443
}

# Started again it goes on where it was: the lease that it had granted holds.
started_again() {
    [ ! -e "$LAB_DIR/hosts/gw/wireguard.job" ] || lab_stop gw wireguard
    gw_start
    check "after the start the lease that was granted before holds" \
        lab_wait_for 20 lab_on curious probe -t 500 tcp 10.20.0.10 80
}

# Eight seconds are too short for a slow machine to start a flow in.
sed "s/lease 8s/lease $((8 * LAB_SLOW))s/" "$LAB_SOURCE/lab.policy.conf" >"/tmp/$LAB_PREFIX-policy.conf"
scenario_begin "/tmp/$LAB_PREFIX-policy.conf"
rm -f "/tmp/$LAB_PREFIX-policy.conf"
staff_join laptop 21 laptop short
staff_join curious 24 curious clerk
ended_account
stopped_daemon
killed_daemon
started_again
test_end
