#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A flood of denied packets: each is counted, each count is explained, nothing grows, and an honest
# person goes on working. FLOOD_SECONDS=60 for the long run (3 unless said); FLOOD_LOG_RATE is what
# gateway.conf lets the kernel log of each reason per second.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

SECONDS_LONG=${FLOOD_SECONDS:-3}
LOG_RATE=${FLOOD_LOG_RATE:-10000}
SENDERS=2
GROWTH_KB=8192
# shellcheck disable=SC2034  # used by gateway.sh, between `office eth1` and the next statement
GW_OFFICE_OPTIONS="
    log { rate $LOG_RATE }"

status() { gw_api GET /v1/status; }

# The exact counters of the rules, from nft itself: "denied_spoofed 12" for each.
nft_counters() {
    lab_on gw nft -j list counters table inet portcullis |
        jq -r '.nftables[].counter | select(.) | "\(.name) \(.packets)"'
}
of_nft() {
    nft_counters | awk -v what="$1" 'index($1, what "_") == 1 { n += $2 } END { print n + 0 }'
}

# The sum of a member over the reasons of a status.
all() { jq "[.denied[].$2] | add" <<<"$1"; }

# Has everything that the kernel logged come to the engine, or is known to be lost?
arrived() {
    local s
    s=$(status)
    [ "$(all "$s" logged)" -eq $(($(all "$s" kept) + $(jq .lost <<<"$s"))) ]
}

role_pid() {
    local p
    for p in $(gw_daemon_pids); do
        ! lab_on gw grep -qa "^portcullisd: $1" "/proc/$p/cmdline" || printf '%s\n' "$p"
    done
}
resident_kb() { lab_on gw awk '/^VmRSS/ { print $2 }' "/proc/$1/status"; }

# What the office server sends through its interface, packets.
sent_by_office() { lab_on office cat /sys/class/net/eth0/statistics/tx_packets; }

# The office floods a device's tunnel address for $1 seconds: packets in the wrong direction.
flood() {
    local i
    for ((i = 1; i <= SENDERS; i++)); do
        lab_start office "flood$i" rawsend -n 0 -r 0 eth0 10.20.0.9 $((1000 + i)) \
            "$(staff_address laptop 4)" 9
    done
    sleep "$1"
    for ((i = 1; i <= SENDERS; i++)); do lab_stop office "flood$i"; done
}

# Records that the laptop's flow to the office got through in $1 seconds.
honest() {
    lab_start office sink flow udp recv 10.20.0.11 6000
    lab_on laptop timeout "$1" flow -r 500 udp send 10.20.0.11 6000 >/dev/null
    lab_stop office sink
    lab_output office sink | tail -n 1 | jq .records
}

# Is all that the engine has kept in its list, or counted as overflow?
listed() {
    local n s
    s=$(status)
    n=$(gw_api GET '/v1/attempts?kind=packet&limit=5000' | jq '[.items[].count] | add')
    [ "$(all "$s" kept)" -eq $((n + $(jq .overflow <<<"$s"))) ]
}

# The same flood, dropped by a table of somebody else before it meets a rule of ours: what it takes
# by itself, of the link and of this machine.
honest_under_bare_flood() {
    printf 'table inet bare { chain c { type filter hook prerouting priority -350
        iifname eth1 udp dport 9 drop; }; }' | lab_on gw nft -f -
    flood 3 &
    sleep 0.5
    honest 2
    wait $!
    lab_on gw nft delete table inet bare
}

# The balance of a status: denied = kept + sampled + lost for each reason.
balanced() {
    jq -e '[.denied[] | .denied == .kept + .sampled + .lost and .logged == .kept + .lost] | all' \
        <<<"$1" >/dev/null
}

scenario_begin
staff_join laptop 21 maria clerk
engine=$(role_pid engine) capture=$(role_pid capture)
calm=$(honest 2)
check "control: the honest flow runs without a flood ($calm records in 2 s)" test "$calm" -gt 500

bare=$(honest_under_bare_flood)
flood 1     # what is allocated once is allocated
check "everything logged has come to the engine" lab_wait_for 5 arrived
before_kb=$(($(resident_kb "$engine") + $(resident_kb "$capture")))
before=$(status) sent=$(sent_by_office)
flood "$SECONDS_LONG" &
sleep 0.5
busy=$(honest 2)
wait $!
sent=$(($(sent_by_office) - sent))
check "everything logged has come to the engine after the flood" lab_wait_for 10 arrived
after=$(status)
denied=$(($(all "$after" denied) - $(all "$before" denied)))
printf '# %d packets a second denied for %d s\n' $((denied / SECONDS_LONG)) "$SECONDS_LONG"
printf '# honest records in 2 s: %d; under the bare flood %d, in calm %d\n' "$busy" "$bare" "$calm"

check "every packet of the flood was denied and counted ($denied of $sent sent, the rest is ARP)" \
    test "$denied" -le "$sent" -a "$denied" -ge $((sent - 50))
same "as nft itself says" "$(of_nft denied) $(of_nft logged)" \
    "$(all "$(status)" denied) $(all "$(status)" logged)"
check "the books are balanced, reason by reason" balanced "$after"
same "what was lost of each reason is what the sequence numbers say" \
    "$(jq .lost <<<"$after")" "$(all "$after" lost)"
check "what was kept is in the list, or counted as overflow" lab_wait_for 3 listed
at_most "engine and capture grew by, in kB" "$GROWTH_KB" \
    $(($(resident_kb "$engine") + $(resident_kb "$capture") - before_kb))
check "the honest flow kept at least half of what the bare flood leaves it" \
    test "$busy" -ge $((bare / 2))
same "nobody was restarted" 0 "$(jq '[.roles[].restarts] | add' <<<"$after")"

# --- the capture role dies in the middle of it ----------------------------------------------------
flood 2 &
sleep 0.5
lab_on gw kill -KILL "$capture"
wait $!
back() { [ -n "$(role_pid capture)" ]; }
check "the capture role is started again" lab_wait_for 5 back
lab_pause 0.5
after=$(status)
check "what was logged while nobody read is lost, and known exactly" \
    jq -e '[.denied[].lost] | add > 0' <<<"$after"
check "and the books are balanced still" balanced "$after"
same "as nft itself says" "$(of_nft denied)" "$(all "$(status)" denied)"

test_end
