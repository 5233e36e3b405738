# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Many revocations, one after the other, each of a person who is sending: how long from the CLI's
# start to its answer with the receipt, and when the last packet reached the office. For the demo
# and for bench-revoke; both print, neither asserts.

ROUNDS_RATE=5000    # datagrams a second of the one who is revoked

# Host $1 becomes the machine of a new person $2 with role $3: new key, enrolled, in.
rounds_newcomer() {
    staff_new_key "$1"
    staff_person "$2" "$3"
    staff_enrol "$1" "$2"
    staff_report "$1" healthy >/dev/null || lab_die "$2: $(staff_answer "$1")"
}

# Revokes person $1 on the gateway itself, so that nothing but the CLI is timed. Prints
# "START END" in microseconds, then the receipt.
# shellcheck disable=SC2016
rounds_revoke() {
    lab_on gw bash -c '
        start=$EPOCHREALTIME
        receipt=$(portcullis user revoke "$1" --reason bench --json) || exit 1
        end=$EPOCHREALTIME
        printf "%s %s\n%s\n" "${start/[.,]/}" "${end/[.,]/}" "$receipt"' revoke "$1"
}

# $1 rounds on host $2 with role $3 towards $4 (udp), $5 (port). Writes one line for each to
# $LAB_DIR/rounds: START END REQUESTED KERNEL_CUT LAST_PACKET ANSWERED, in microseconds.
rounds_run() {
    local n name address out start end last
    witness_start office eth0
    for n in $(seq "$1"); do
        name="round-$n"
        rounds_newcomer "$2" "$name" "$3"
        staff_address "$2" 4 >>"$LAB_DIR/rounds.who"
        lab_start "$2" round flow -r "$ROUNDS_RATE" -l 200 udp send "$4" "$5"
        sleep 0.1
        out=$(rounds_revoke "$name") || lab_die "the revocation of $name failed: $out"
        sleep 0.05
        lab_stop "$2" round
        read -r start end <<<"$out"
        printf '%s %s %s\n' "$start" "$end" \
            "$(tail -n +2 <<<"$out" | jq -r '"\(.requested_us) \(.kernel_cut_us) \(.answered_us)"')" \
            >>"$LAB_DIR/rounds.times"
    done
    witness_stop office eth0
    while read -r address; do
        last=$(witness_flows office eth0 from "$address" | flows_newest)
        echo $((last / 1000))
    done <"$LAB_DIR/rounds.who" | paste -d' ' "$LAB_DIR/rounds.times" - >"$LAB_DIR/rounds"
}

# p50, p99 and the largest of the numbers (microseconds) on standard input, as milliseconds.
rounds_percentiles() {
    sort -n | awk '{ v[NR] = $1 } END {
        printf "p50 %.2f ms, p99 %.2f ms, largest %.2f ms\n",
            v[int((NR + 1) / 2)] / 1000, v[int(NR * 0.99 + 0.5)] / 1000, v[NR] / 1000 }'
}

rounds_print() {
    printf 'revocations                              %d\n' "$(wc -l <"$LAB_DIR/rounds")"
    printf 'CLI start to its answer with the receipt %s\n' \
        "$(awk '{ print $2 - $1 }' "$LAB_DIR/rounds" | rounds_percentiles)"
    printf 'request to the last packet at the office %s\n' \
        "$(awk '{ print $6 - $3 }' "$LAB_DIR/rounds" | rounds_percentiles)"
    printf 'kernel had cut to the last packet        %s\n' \
        "$(awk '{ print $6 - $4 }' "$LAB_DIR/rounds" | rounds_percentiles)"
    printf 'packets after the answer in              %d of them\n' \
        "$(awk '$6 > $5 { n++ } END { print n + 0 }' "$LAB_DIR/rounds")"
    printf 'on %d processors at a load of            %s\n' "$(nproc)" "$(cut -d' ' -f1-3 /proc/loadavg)"
}
