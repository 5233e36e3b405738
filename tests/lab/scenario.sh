# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What most tests begin with, and the questions that they ask in the same way.

# A network, an office and a running gateway under the policy file $1 (lab.policy.conf when none).
scenario_begin() {
    lab_begin
    net_make
    office_start
    gw_write_config
    cp "${1:-$LAB_SOURCE/lab.policy.conf}" "$LAB_DIR/gw/policy.conf"
    gw_start
}

# Starts a witness at an interface: witness_start HOST INTERFACE.
witness_start() {
    lab_start "$1" "witness-$2" witness "$2"
    lab_ready "$1" "witness-$2"
}

# Ends it and keeps what it saw; every lost packet makes its word worthless.
witness_stop() {
    lab_stop "$1" "witness-$2"
    [ "$(lab_output "$1" "witness-$2" | tail -n 1)" = "lost 0" ] ||
        lab_die "the witness on $1 missed packets"
}

# The flows which it saw come in from (or, with `to`, for) the address $4, one a line as it wrote
# them: witness_flows HOST INTERFACE from|to ADDRESS.
witness_flows() {
    lab_output "$1" "witness-$2" | awk -v column="$([ "$3" = from ] && echo 3 || echo 5)" \
        -v address="$4" '$1 == "in" && $column == address'
}

# Those of the flows on standard input of which a packet came after $1 (nanoseconds).
flows_after() { awk -v after="$1" '$9 + 0 > after + 0'; }

# The newest time in the flows on standard input, 0 when there are none. (awk counts in doubles and
# must not print such a number: the text of the field is kept.)
flows_newest() { awk '$9 + 0 >= m + 0 { m = $9 } END { print m + 0 ? m : 0 }'; }

# How many packets they had.
flows_packets() { awk '{ n += $7 } END { printf "%.0f\n", n }'; }
