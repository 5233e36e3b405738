#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A colleague with a bare Linux machine: invited, enrolled by the agent, tunnel up, reported, in.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# A machine at 203.0.113.$2 whose own /etc is covered where the agent writes.
bare_machine() {
    net_internet_host "$1" "$2"
    lab_on "$1" sh -c 'mkdir -p /etc/wireguard /etc/portcullis-agent &&
        mount -t tmpfs -o mode=700 tmpfs /etc/wireguard &&
        mount -t tmpfs -o mode=700 tmpfs /etc/portcullis-agent' || lab_die "cannot cover /etc"
}
invite() { gw_api POST "/v1/users/$1/invite" "$2" >"$LAB_DIR/invitation"; }
link() { jq -r .link "$LAB_DIR/invitation"; }
code() { jq -r .code "$LAB_DIR/invitation"; }
# agent HOST ARGUMENT...: what it said is in $LAB_DIR/said.
agent() { lab_on "$1" portcullis-agent "${@:2}" >"$LAB_DIR/said" 2>&1; }
said() { grep -q -- "$1" "$LAB_DIR/said"; }
report() { agent "$1" post --gateway "$GW_TUNNEL4" --device "$2" --facts "$LAB_DIR/facts"; }

lab_begin
net_make
office_start
gw_write_config
sed -i "s|tunnel wg0 {|tunnel wg0 { endpoint $GW_OUTSIDE4   dns 10.20.0.53  |; s|^    office|    enrol { listen 8443 }\n    office|" \
    "$LAB_DIR/gw/gateway.conf"
cp "$LAB_SOURCE/lab.policy.conf" "$LAB_DIR/gw/policy.conf"
gw_start
staff_facts true | jq 'del(.own)' >"$LAB_DIR/facts"   # the gateway knows whose a machine is
bare_machine laptop 21
bare_machine other 22
staff_person maria clerk

check "the IT person invites her" invite maria '{"device":"maria-laptop"}'
wrong=$(code | tr 0-9 1-90)
refuse "a wrong code is refused" agent laptop enroll "$(link)" --code "$wrong"
check "in words" said "code is not right"
check "with the number of tries that are left" said "4 more tries"
refuse "a link with another pin is not gone on with" agent laptop enroll \
    "$(link | sed -E 's/\.A(.{42})$/.B\1/; t; s/\..(.{42})$/.A\1/')" --code "$(code)"
check "because somebody may be in between" said "another key than the link says"
check "with the right code she is enrolled, and the tunnel is up" agent laptop enroll "$(link)" \
    --code "$(code)" --up wg-quick
check "she is told the next step" said "systemctl enable --now portcullis-agent"
refuse "the office is not reached yet" lab_on laptop probe -t 700 tcp 10.20.0.10 80
check "the portal is" lab_on laptop curl -sS --max-time 5 "http://$GW_TUNNEL4/v1/me"
check "a healthy report lets her in" report laptop maria-laptop
check "IPv4" lab_on laptop probe -t 3000 tcp 10.20.0.10 80
check "and IPv6" lab_on laptop probe -t 3000 tcp fd20::10 443
same "environment for the unit" "GATEWAY=$GW_TUNNEL4
DEVICE=maria-laptop" "$(lab_on laptop cat /etc/portcullis-agent/environment)"
refuse "the invitation is used up" agent other enroll "$(link)" --code "$(code)"
same "and left nothing on the other machine" "" "$(lab_on other sh -c 'ls -A /etc/wireguard /etc/portcullis-agent | grep -v :')"

# --- anew, on the same machine --------------------------------------------------------------------
check "a second invitation" invite maria '{}'
before=$(lab_on laptop wg show portcullis public-key)
check "gives the machine new keys" agent laptop enroll "$(link)" --code "$(code)" --again --up wg-quick
refuse "and another tunnel" test "$before" = "$(lab_on laptop wg show portcullis public-key)"
check "which reports, and is in" report laptop "$(lab_on laptop sed -n s/DEVICE=//p /etc/portcullis-agent/environment)"
check "the office is reached" lab_on laptop probe -t 3000 tcp 10.20.0.10 80
check "a revocation cuts it" gw_api POST /v1/users/maria/revoke '{"reason":"left"}'
refuse "at once" lab_on laptop probe -t 700 tcp 10.20.0.10 80
refuse "the agent says so" report laptop maria-laptop

# --- where each device is approved ------------------------------------------------------------------------
{ cat "$LAB_SOURCE/lab.policy.conf"; echo "enrolment { approve every device }"; } >"$LAB_DIR/gw/policy.conf"
check "a policy by which each device is approved" gw_cli policy apply "$LAB_DIR/gw/policy.conf"
staff_person jo clerk
invite jo '{"device":"jo-laptop"}'
check "a colleague enrols, over IPv6" agent other enroll "$(link | sed "s|//[^:]*:|//[$GW_OUTSIDE6]:|")" --code "$(code)" --up wg-quick
check "and hears that somebody has to approve it" said "has to approve"
refuse "healthy as it is" report other jo-laptop
check "it waits" said "approv"
refuse "status says so too" agent other status
check "in words" said "approv"
check "it is approved" gw_cli device approve jo-laptop
check "and comes in" report other jo-laptop
check "and reaches the office" lab_on other probe -t 3000 tcp 10.20.0.10 80
check "status says so" agent other status
test_end
