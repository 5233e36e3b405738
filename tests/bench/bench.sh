# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What the bench scripts share. To be sourced (bash). BUILD names the build folder; QUICK=1 takes
# few sizes and runs, to see that a bench works: its figures are worth nothing.

BENCH_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
BENCH_TOP=$(cd "$BENCH_SOURCE/../.." && pwd)
BENCH_BUILD=$(cd "$BENCH_TOP" && realpath -m "${BUILD:-build}")
BENCH_OUT=$BENCH_BUILD/bench
QUICK=${QUICK:-}

# bench_size FULL QUICK: one of the two.
bench_size() { if [ -n "$QUICK" ]; then echo "$2"; else echo "$1"; fi; }

# Table and JSON lines of the runs in $BENCH_OUT/NAME.runs: bench_report NAME [--against LABEL=VALUE]
bench_report() {
    "$BENCH_SOURCE/report.py" "$1" "$BENCH_OUT/$1.jsonl" "${@:2}" <"$BENCH_OUT/$1.runs"
}

mkdir -p "$BENCH_OUT"
