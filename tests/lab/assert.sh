# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What a lab test says: one line for each thing it looked at, and the count at the end.
#
#   ok WHAT / not_ok WHAT [WHY] / skip WHAT WHY      check WHAT CMD...  ok if CMD succeeds
#   refuse WHAT CMD...  ok if CMD fails              same WHAT EXPECTED GOT
#   at_most WHAT LIMIT GOT (whole numbers)           test_end  the last line, and the exit code
#   within WHAT LIMIT GOT   at_most for a time: on a slow machine the limit is LAB_SLOW times as long

TEST_OK=0
TEST_NOT_OK=0
TEST_SKIPPED=0

ok() { TEST_OK=$((TEST_OK + 1)); printf 'ok - %s\n' "$1"; }

not_ok() {
    TEST_NOT_OK=$((TEST_NOT_OK + 1))
    printf 'not ok - %s\n' "$1"
    [ -z "${2-}" ] || printf '%s\n' "$2" | sed 's/^/#   /'
}

skip() { TEST_SKIPPED=$((TEST_SKIPPED + 1)); printf 'skip - %s: %s\n' "$1" "$2"; }

check() {
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then ok "$what"; else not_ok "$what" "$* failed: $out"; fi
}

refuse() {
    local what=$1 out
    shift
    if out=$("$@" 2>&1); then not_ok "$what" "$* succeeded: $out"; else ok "$what"; fi
}

same() {
    if [ "$2" = "$3" ]; then
        ok "$1"
    else
        not_ok "$1" "$(diff <(printf '%s\n' "$2") <(printf '%s\n' "$3") | sed -n '1,40p')"
    fi
}

at_most() {
    if [ "$3" -le "$2" ]; then ok "$1 ($3)"; else not_ok "$1" "at most $2, got $3"; fi
}

within() { at_most "$1" $(($2 * LAB_SLOW)) "$3"; }

test_end() {
    [ "$LAB_SLOW" -eq 1 ] || printf '# LAB_SLOW=%d: deadlines, pauses and time limits as many times longer, rates lower\n' "$LAB_SLOW"
    printf '# %d passed, %d failed, %d skipped\n' "$TEST_OK" "$TEST_NOT_OK" "$TEST_SKIPPED"
    [ "$TEST_NOT_OK" -eq 0 ] && [ $((TEST_OK + TEST_SKIPPED)) -gt 0 ]
}
