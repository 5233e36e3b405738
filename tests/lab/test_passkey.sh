#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What checks passkeys is where it belongs: OpenSSL comes with it into the engine alone, and only
# where gateway.conf gives the portal a name; the cage holds, and without the library there are no
# passkeys and all else is as it was.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

scenario_begin
passkeys() { gw_api GET /v1/status | jq -r ".passkeys.$1"; }
role_of() { lab_on gw sed -z 's/^portcullisd: //;q' "/proc/$1/cmdline" | tr -d '\0'; }
# The roles that have OpenSSL mapped: names, divided by blanks.
with_openssl() {
    local pid found=()
    for pid in $(gw_daemon_pids); do
        ! lab_on gw grep -q libcrypto "/proc/$pid/maps" || found+=("$(role_of "$pid")")
    done
    echo "${found[*]}"
}
engine_pid() {
    local pid
    for pid in $(gw_daemon_pids); do [ "$(role_of "$pid")" != engine ] || echo "$pid"; done
}
again() { gw_answers && [ "$(engine_pid)" != "$old" ]; }

# --- without a name --------------------------------------------------------------------------------
same "without a name there are no passkeys" false "$(passkeys on)"
check "and status says why" grep -q 'no name in tls' <<<"$(passkeys why)"
same "nobody has OpenSSL then" "" "$(with_openssl)"

# --- with one --------------------------------------------------------------------------------------
gw_stop
sed -i 's/^    clock host/    tls { name access.example.com }\n&/' "$LAB_DIR/gw/gateway.conf"
gw_start
same "with a name there are" true "$(passkeys on)"
same "on a page of this name" https://access.example.com/ "$(passkeys site)"
same "OpenSSL is in the engine alone" engine "$(with_openssl)"
check "the command shows it" grep -q 'passkeys .*https://access.example.com/' <<<"$(gw_cli status)"

old=$(engine_pid)
lab_on gw kill -9 "$old"
lab_wait_for 10 again || lab_die "no engine comes back"
same "an engine that is started anew has them, too" "true engine" "$(passkeys on) $(with_openssl)"

# --- without the library ---------------------------------------------------------------------------
gw_stop
# shellcheck disable=SC2016
gw_start unshare --mount bash -c 'mount --bind /dev/null "$(ldconfig -p | sed -n "s/.*libfido2\.so\.1 .*=> //p" |
    head -n 1 | xargs realpath)" && exec "$@"' without
same "without the library there are none" false "$(passkeys on)"
check "and status says which is missing" grep -q 'libfido2' <<<"$(passkeys why)"
check "people are admitted all the same" gw_api POST /v1/users '{"name":"maria","roles":["clerk"]}'
test_end
