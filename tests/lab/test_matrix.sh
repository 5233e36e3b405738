#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The revocation matrix: six kinds of flow, in both directions and both families, under six causes
# for which access ends. After the answer (or the token's end) not one packet more, counted at the
# receivers: by their programs, by a capture before each of them, and by one where the gateway
# hands packets to the tunnel. Each cause strikes a device of its own; one device nothing happens
# to, and its flows run through all six.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/token.sh"

# HOST (also the person and the device), ROLE, and the cause that ends its access.
DEVICES='
uservoke  clerk  user revoke
devvoke   clerk  device revoke
rolechg   clerk  role change
policy    edited policy edit
expiry    clerk  token expiry
posture   clerk  posture failure
colleague clerk  none
'
# JOB KIND PROTO ROLE ADDRESS PORT OPTIONS: ports are moved up by 20 for each device. `push` runs
# from the office to the device. An idle flow says one record and then nothing until it is asked to.
FLOWS='
tcp-up    tcp  tcp send 10.20.0.11 6000 -r 200
tcp-down  tcp  tcp push fd20::11   6001 -r 200
udp-up    udp  udp send fd20::11   6002 -r 200
udp-down  udp  udp push 10.20.0.11 6003 -r 200
idle-up   idle tcp send 10.20.0.11 6004 -i -r 200
idle-down idle tcp push fd20::11   6005 -i -r 200
'
# KIND, the same in words, and how long before the cause its newest packet may have been, ms.
KINDS='
tcp  established TCP       2000
udp  established UDP       2000
half half-open TCP         2500
idle long idle             60000
bulk bulk download         2000
icmp ICMP                  2000
'
TUNNEL_DRAIN_MS=${TUNNEL_DRAIN_MS:-250} # what the gateway's WireGuard had in hand at the answer

declare -A REQUESTED ANSWERED # of each host, nanoseconds

hosts() { awk 'NF { print $1 }' <<<"$DEVICES"; }
role_of() { awk -v h="$1" '$1 == h { print $2 }' <<<"$DEVICES"; }
cause_of() { awk -v h="$1" '$1 == h { $1 = $2 = ""; sub("^ *", ""); print }' <<<"$DEVICES"; }
base_of() { awk -v h="$1" '$1 == h { print 20 * n } NF { n++ }' <<<"$DEVICES"; }
now_ns() { echo "$(lab_now_us)000"; }

# --- the flows -------------------------------------------------------------------------------------

start_pairs() {
    local host=$1 base job kind proto role address port options
    base=$(base_of "$host")
    while read -r job kind proto role address port options; do
        [ -n "$job" ] || continue
        port=$((port + base))
        # shellcheck disable=SC2086
        if [ "$role" = send ]; then
            lab_start office "$host-$job" flow "$proto" recv "$address" "$port"
            lab_ready office "$host-$job"
            lab_start "$host" "$job" flow $options "$proto" send "$address" "$port"
        else
            lab_start office "$host-$job" flow $options "$proto" push "$address" "$port"
            lab_ready office "$host-$job"
            lab_start "$host" "$job" flow "$proto" pull "$address" "$port"
        fi
    done <<<"$FLOWS"
}

# A connection that stays half open: the server listens, and its answer is never answered.
start_half() {
    local port=$((6006 + $(base_of "$1")))
    lab_on "$1" nft 'table inet quiet { chain o { type filter hook output priority 0;
        tcp dport 6000-6199 tcp flags & rst == rst drop; }; }'
    lab_start office "$1-half4" flow tcp recv 10.20.0.11 "$port"
    lab_start office "$1-half6" flow tcp recv fd20::11 $((port + 1))
    lab_ready office "$1-half4"
    lab_ready office "$1-half6"
    lab_start "$1" half4 rawsend -S -n 0 -r 10 wg0 "$(staff_address "$1" 4)" 4000 10.20.0.11 "$port"
    lab_start "$1" half6 rawsend -S -n 0 -r 10 wg0 "$(staff_address "$1" 6)" 4000 fd20::11 \
        $((port + 1))
}

start_flows() {
    start_pairs "$1"
    start_half "$1"
    lab_start "$1" bulk4 curl -s -o /dev/null --limit-rate 500k http://10.20.0.10/bulk
    lab_start "$1" bulk6 curl -s -o /dev/null --limit-rate 500k 'http://[fd20::10]/bulk'
    lab_start "$1" ping4 ping -q -i 0.02 10.20.0.11
    lab_start "$1" ping6 ping -q -i 0.02 fd20::11
}

# Has the gateway's kernel seen all twelve connections of each device?
all_run() {
    local host list
    list=$(lab_on gw sh -c 'conntrack -L; conntrack -L -f ipv6' 2>/dev/null |
        grep -E ' dst=(10\.20\.|fd20:)')
    for host in $(hosts); do
        [ "$(grep -cE "src=($(staff_address "$host" 4)|$(staff_address "$host" 6)) dst=(10\.20|fd20)" \
            <<<"$list")" -ge 12 ] || return 1
    done
}

# Every idle flow speaks.
idle_speak() {
    local host
    for host in $(hosts); do
        lab_on "$host" kill -USR2 "$(lab_job_pid "$host" idle-up)"
        lab_on office kill -USR2 "$(lab_job_pid office "$host-idle-down")" 2>/dev/null
    done
}

# Ends the programs that count, all of a host at once, and waits for their words.
stop_receivers() {
    local host job pids=()
    for host in $(hosts); do
        lab_on "$host" kill -TERM "$(lab_job_pid "$host" tcp-down)" \
            "$(lab_job_pid "$host" udp-down)" "$(lab_job_pid "$host" idle-down)" 2>/dev/null
        for job in tcp-up udp-up idle-up; do pids+=("$(lab_job_pid office "$host-$job")"); done
    done
    lab_on office kill -TERM "${pids[@]}" 2>/dev/null
    lab_wait_for 10 all_told || lab_die "a receiver does not say what it got"
}

receivers_of() {
    local job
    for job in tcp-up udp-up idle-up; do echo "office.$1-$job"; done
    for job in tcp-down udp-down idle-down; do echo "$1.$job"; done
}

all_told() {
    local host log
    for host in $(hosts); do
        for log in $(receivers_of "$host"); do [ -s "$LAB_DIR/log/$log" ] || return 1; done
    done
}

# --- the causes ------------------------------------------------------------------------------------

# strike HOST COMMAND...: asks for it and notes when it was asked and answered.
strike() {
    local host=$1
    shift
    REQUESTED[$host]=$(now_ns)
    "$@" >"$LAB_DIR/answer.$host" 2>&1 || lab_die "$host: $(cat "$LAB_DIR/answer.$host")"
    ANSWERED[$host]=$(now_ns)
}

edit_policy() {
    sed '/^role edited/s/web, flows, ping/updates/' "$LAB_SOURCE/matrix.policy.conf" \
        >"$LAB_DIR/gw/edited.conf"
    gw_cli policy apply "$LAB_DIR/gw/edited.conf"
}

is_past() { [ "$(date +%s)" -gt "$1" ]; }
fail_posture() { ! staff_report posture sick; }

strike_all() {
    local until
    until=$(token_post expiry 6 | jq .lease_until)
    check "the lease of a token that lives for 6 s is no longer" \
        test "$until" -gt 0 -a "$until" -le $(($(date +%s) + 6))
    strike uservoke gw_cli user revoke uservoke --reason left
    strike devvoke gw_cli device revoke devvoke --reason lost
    strike rolechg gw_api PUT /v1/users/rolechg/roles '{"roles":["other"]}'
    strike policy edit_policy
    strike posture fail_posture
    REQUESTED[expiry]=$((until * 1000000000))
    ANSWERED[expiry]=$((until * 1000000000))
    lab_wait_for 10 is_past "$until"
}

# --- what was seen ---------------------------------------------------------------------------------

# "PLACE KIND PROTO PORT COUNT FIRST LAST" of each flow of host $1 that a witness saw on its way to
# a receiver: at the office, where the gateway hands it to the tunnel, and inside the device's tunnel.
seen_of() {
    local a base
    base=$(base_of "$1")
    for a in "$(staff_address "$1" 4)" "$(staff_address "$1" 6)"; do
        lab_output office witness-eth0 | awk -v a="$a" '$1 == "in" && $3 == a { print "office", $2, $6, $7, $8, $9 }'
        lab_output gw witness-wg0 | awk -v a="$a" \
            '$1 == "out" && $5 == a && $3 ~ /^(10\.20\.|fd20:)/ { print "gateway", $2, $4, $7, $8, $9 }'
        lab_output "$1" witness-wg0 | awk -v a="$a" \
            '$1 == "in" && $5 == a && $3 ~ /^(10\.20\.|fd20:)/ { print "device", $2, $4, $7, $8, $9 }'
    done | awk -v base=$((6000 + base)) '
        function kind(proto, port) {
            if (proto == 1 || proto == 58) return "icmp"
            if (port == 80) return "bulk"
            if (port == base || port == base + 1) return "tcp"
            if (port == base + 2 || port == base + 3) return "udp"
            if (port == base + 4 || port == base + 5) return "idle"
            if (port == base + 6 || port == base + 7) return "half"
            return "none"
        }
        { print $1, kind($2, $3), $2, $3, $4, $5, $6 }'
}

# How many flows of kind $2 each place must have seen for host $1: two of each, one of them each way
# (a TCP flow is heard at both ends).
places_of() { if [ "$1" = udp ]; then echo 1; else echo 2; fi; }

# Of the flows on standard input, those that were not running at $1 (ns), $2 ms allowed.
not_running() {
    awk -v at="$1" -v ms="$2" -v want="$3" '
        $7 + 0 >= at - ms * 1e6 { n[$1]++ }
        END {
            split("office gateway device", place, " ")
            for (i = 1; i <= 3; i++)
                if (n[place[i]] + 0 < want) print place[i] ": " n[place[i]] + 0 " of " want " flows ran"
        }'
}

# Of the same, those of which a packet came after the answer $1; inside the device's tunnel after
# what the gateway had handed over before it.
came_after() {
    awk -v at="$1" -v drain="$TUNNEL_DRAIN_MS" '
        $7 + 0 > at + ($1 == "device" ? drain * 1e6 : 0) {
            printf "%s: port %s, %.1f ms after the answer\n", $1, $4, ($7 - at) / 1e6 }'
}

# Records of kind $2 that host $1's receivers, or the office's for it, got although they were sent
# after $3.
sent_after() {
    local log
    for log in $(receivers_of "$1" | grep "$2-"); do
        jq -r --argjson at "$3" --arg log "$log" 'select(.last_sent_ns > $at) |
            "\($log): a record sent \((.last_sent_ns - $at) / 1e6) ms after it"' "$LAB_DIR/log/$log"
    done
}

check_cell() {
    local host=$1 kind=$2 words=$3 allowed=$4 seen bad
    seen=$(awk -v k="$kind" '$2 == k' "$LAB_DIR/seen.$host")
    bad=$(not_running "${REQUESTED[$host]}" "$allowed" "$(places_of "$kind")" <<<"$seen"
        came_after "${ANSWERED[$host]}" <<<"$seen"
        sent_after "$host" "$kind" "${ANSWERED[$host]}")
    if [ -z "$bad" ]; then
        ok "$(cause_of "$host") x $words: ran until then, not one packet after"
    else
        not_ok "$(cause_of "$host") x $words: ran until then, not one packet after" "$bad"
    fi
}

# The colleague's flows of a kind ran after the last cause.
check_control() {
    local bad
    bad=$(awk -v k="$1" '$2 == k' "$LAB_DIR/seen.colleague" |
        not_running $((LAST + 300000000)) 0 "$(places_of "$1")")
    same "control x $2: a colleague's runs on through all six" "" "$bad"
}

each_kind() {
    local command=$1 host=${2-} kind rest
    while read -r kind rest; do
        [ -n "$kind" ] || continue
        # shellcheck disable=SC2086
        "$command" $host "$kind" "${rest% *}" "${rest##* }"
    done < <(tr -s ' ' <<<"$KINDS")
}

# --- the test --------------------------------------------------------------------------------------

in_parallel() {
    local command=$1 pids=() n=0 host
    for host in $(hosts); do
        n=$((n + 1))
        "$command" "$host" "$n" &
        pids+=($!)
    done
    for n in "${pids[@]}"; do wait "$n" || lab_die "$command failed"; done
}
knock() { lab_on "$1" probe -t 1000 tcp 10.20.0.10 80 >"$LAB_DIR/new.$1" || true; }
join() { staff_join "$1" $((30 + $2)) "$1" "$(role_of "$1")"; }

scenario_begin "$LAB_SOURCE/matrix.policy.conf"
in_parallel join
witness_start office eth0
witness_start gw wg0
for host in $(hosts); do witness_start "$host" wg0; done
in_parallel start_flows
check "all 84 connections stand" lab_wait_for 60 all_run
sleep 1.5

strike_all
LAST=${ANSWERED[expiry]}
idle_speak
sleep 2

stop_receivers
witness_stop office eth0
witness_stop gw wg0
for host in $(hosts); do witness_stop "$host" wg0; done

for host in $(hosts); do
    seen_of "$host" >"$LAB_DIR/seen.$host"
    [ "$host" = colleague ] || each_kind check_cell "$host"
done
each_kind check_control
for host in rolechg policy expiry posture; do
    check "$(cause_of "$host"): it is the access that ended, not the tunnel" \
        lab_on "$host" probe -t 5000 icmp "$GW_TUNNEL4" -
done
in_parallel knock
for host in $(hosts); do
    same "$(cause_of "$host") x new connection" \
        "$([ "$host" = colleague ] && echo reached || echo not) tcp 10.20.0.10 80" \
        "$(cat "$LAB_DIR/new.$host")"
done
test_end
