#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# portcullis-agent.sh, the agent for macOS, by dash with scripts in the places of macOS's tools: it
# enrols, signs with ES256, and the gateway takes its token; what a lying server says gets into no
# file. It has not been tried on a Mac.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/mac_tools.sh"

SCRIPT=$LAB_TOP/deploy/agent/macos/portcullis-agent.sh
mac() { lab_on mac dash "$LAB_DIR/agent.sh" "$@" >"$LAB_DIR/said" 2>&1; }
said() { grep -q -- "$1" "$LAB_DIR/said"; }
fact() { mac facts && awk -v n="$1" '$1 == n { print $2 }' "$LAB_DIR/said"; }
code_of() { jq -r .code "$LAB_DIR/invitation"; }

check "it is a plain sh script" dash -n "$SCRIPT"
if command -v shellcheck >/dev/null; then
    check "shellcheck has nothing to say" shellcheck -S warning -s sh "$SCRIPT"
else
    skip "shellcheck" "it is not installed"
fi

lab_begin
net_make
office_start
gw_write_config
sed -i "s|tunnel wg0 {|tunnel wg0 { endpoint $GW_OUTSIDE4  |; s|^    office|    enrol { listen 8443 }\n    office|" \
    "$LAB_DIR/gw/gateway.conf"
sed 's/os debian >= 12/os debian >= 12, macos >= 14/; s/require fde.sys/require fde.sys\n    require fw.on\n    require not tamper.rooted/' \
    "$LAB_SOURCE/lab.policy.conf" >"$LAB_DIR/gw/policy.conf"
gw_start
staff_host mac 21
staff_person maria clerk
mac_tools "$LAB_DIR/tools"
mac_agent "$SCRIPT" "$LAB_DIR/agent.sh"

# --- what a lying server says ---------------------------------------------------------------------------
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other \
    -keyout "$LAB_DIR/liar.key" -out "$LAB_DIR/liar.pem" 2>/dev/null
pin=$(openssl x509 -in "$LAB_DIR/liar.pem" -pubkey -noout | openssl pkey -pubin -outform DER |
    openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '=')
: >"$LAB_DIR/requests"
lab_start attacker server "$LAB_SOURCE/agent_server.py" 203.0.113.66 8443 "$LAB_DIR/liar.pem" "$LAB_DIR/liar.key" "$LAB_DIR/requests"
lab_ready attacker server
liar() { mac enroll "https://203.0.113.66:8443/enrol#ABCDEFGHIJKLMNOPQRSTUVWXY2.$1" --code "$2" --wireguard-key "$(staff_key mac)"; }
refuse "another pin is not gone on with" liar "B${pin:1:41}A" 0000-0000
same "nor told the token" 0 "$(wc -l <"$LAB_DIR/requests")"
for answer in "0001 a newline and PostUp in the endpoint" "0002 a newline in the device's name" \
    "0003 a page instead of JSON" "0004 JSON that is cut" "0005 more than may be" "0006 a redirect" "0007 a refusal"; do
    refuse "refused: ${answer#* }" liar "$pin" "1111-${answer%% *}"
    refuse "and nothing is left of it but its own keys" test -e "$LAB_DIR/mac/portcullis.conf" -o -e "$LAB_DIR/mac/settings"
    refuse "nor did it shut the terminal up" grep -q $'\x1b' "$LAB_DIR/said"
done

# --- facts ------------------------------------------------------------------------------------------------
for pair in 'os.family "macos"' 'os.ver "14.7.1"' 'os.build "23.6.0"' 'fde.sys true' 'fw.on true' 'fw.in unknown' \
    'pend.crit 1' 'pend.imp 1' 'av.on true' 'tamper.rooted false' 'tamper.devmode false' 'lock.on true' \
    'lock.max_s 360' 'mdm.enrolled false' 'oemboot unknown' "inv.serial_h \"$(printf C02ABC | sha256sum | cut -c 1-32)\""; do
    same "fact ${pair%% *}" "${pair#* }" "$(fact "${pair%% *}")"
done
mac_says csrutil "System Integrity Protection status: disabled."
same "without system integrity protection it is as good as rooted" true "$(fact tamper.rooted)"
mac_says sw_vers '14"; rm -rf /'
same "an odd answer makes a fact unknown" unknown "$(fact os.ver)"
mac_tools_again() { rm -rf "$LAB_DIR/tools"; mac_tools "$LAB_DIR/tools"; }
mac_tools_again

# --- enrolled, signed, in ---------------------------------------------------------------------------------
gw_api POST /v1/users/maria/invite '{"device":"maria-mac"}' >"$LAB_DIR/invitation"
check "she is enrolled with the key that the WireGuard app shows" mac enroll "$(jq -r .link "$LAB_DIR/invitation")" \
    --code "$(code_of)" --wireguard-key "$(staff_key mac)"
same "its keys are root's alone" "600
600" "$(stat -c %a "$LAB_DIR"/mac/{signing.pem,settings})"
check "the configuration leaves the private key's line to her" grep -qx 'PrivateKey = PRIVATE_KEY' "$LAB_DIR/mac/portcullis.conf"
gw_api GET /v1/devices/maria-mac >"$LAB_DIR/device"
staff_tunnel mac "$(gw_public_key)" "$(jq -r .address4 "$LAB_DIR/device")" "$(jq -r .address6 "$LAB_DIR/device")"
refuse "the office is not reached yet" lab_on mac probe -t 700 tcp 10.20.0.10 80
check "the gateway takes its token" mac post
check "and says so" said "You are in"
check "the office is reached" lab_on mac probe -t 3000 tcp 10.20.0.10 80
# One signature in 128 has a number of fewer than 32 bytes: signed until that happens.
mac_stub openssl 'case "$*" in "dgst -sha256 -sign "*) in=$(mktemp) der=$(mktemp); cat >"$in"
    until /usr/bin/openssl "$@" <"$in" >"$der" && [ "$(wc -c <"$der")" -le 69 ]; do :; done
    cat "$der"; rm -f "$in" "$der";; *) exec /usr/bin/openssl "$@";; esac'
check "a short number of a signature is filled up" mac post
mac_tools_again
mac_says fdesetup "FileVault is Off."
refuse "without FileVault it is put out" mac post
check "and told why" said "disk"
check "at the screen as well, with the text as an argument" grep -q '^\[This Mac is in quarantine\]' "$LAB_DIR/tools/osascript.log"
lines=$(wc -l <"$LAB_DIR/tools/osascript.log")
refuse "again" mac post
same "once" "$lines" "$(wc -l <"$LAB_DIR/tools/osascript.log")"
refuse "status says it" mac status "$GW_TUNNEL4"
check "in words" said quarantine
test_end
