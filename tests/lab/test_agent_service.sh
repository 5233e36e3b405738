#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The agent as a service, with the capabilities of its unit: it renews, tells the person at the
# screen as that person when something changes, and everybody on the machine may ask how it stands.
# logind and the desktop are small scripts here; they stand in the system's folders of that host.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

UNIT_CAPS=-all,+net_admin,+setuid,+setgid
STUBS=$LAB_DIR/stubs
TOLD=$LAB_DIR/told

stub() { printf '#!/bin/sh\n%s\n' "$2" >"$STUBS/$1" && chmod 755 "$STUBS/$1"; }
desktop() {
    mkdir "$STUBS" && install -d -m 1777 "$TOLD"
    stub loginctl 'case $1 in list-sessions) echo "  2 65534 maria seat0";;
        *) printf "User=65534\nType=wayland\nClass=user\nRemote=no\nActive=yes\nDesktop=GNOME\n";; esac'
    # Who it runs as, and each argument in brackets.
    stub notify-send "{ id -u; id -G; printf '[%s]\\n' \"\$@\"; } >>$TOLD/messages"
    stub gsettings 'case $3 in lock-enabled) echo true;; idle-delay) echo "uint32 240";;
        *) echo "uint32 0";; esac'
    lab_on laptop mount -t overlay overlay -o "lowerdir=$STUBS:/usr/bin" /usr/bin
}
facts() { staff_facts "$1" >"$LAB_DIR/hosts/laptop/facts"; }
me() { lab_on laptop curl -sS --max-time 5 "http://$GW_TUNNEL4/v1/me" | jq -r "$1"; }
is_state() { [ "$(me .state)" = "$1" ]; }
is_told() { grep -qF -- "$1" "$TOLD/messages" 2>/dev/null; }
status() { lab_on laptop setpriv --reuid 1234 --regid 1234 --clear-groups portcullis-agent status; }
as_unit() { lab_on laptop setpriv --bounding-set "$UNIT_CAPS" "$@"; }

sed 's/lease [0-9]*m/lease 6s/' "$LAB_SOURCE/lab.policy.conf" >"/tmp/$LAB_PREFIX.policy"
scenario_begin "/tmp/$LAB_PREFIX.policy"
rm -f "/tmp/$LAB_PREFIX.policy"
staff_join laptop 21 maria clerk none
if ! desktop; then
    skip "the agent as a service" "this kernel has no overlay to put a desktop into"
    test_end
    exit
fi

# --- facts of the person at the screen ---------------------------------------------------------------
same "with the unit's capabilities the firewall and the screen lock are known" "[false,240]" \
    "$(as_unit portcullis-agent facts --json | jq -c '[.pst.fw.on,.pst.lock.max_s]')"

# --- it runs --------------------------------------------------------------------------------------------
dir=$LAB_DIR/hosts/laptop
printf 'GATEWAY=%s\nDEVICE=%s\n' "$GW_TUNNEL4" "$(cat "$dir/device")" >"$dir/agent/environment"
facts true
lab_start laptop agent setpriv --bounding-set "$UNIT_CAPS" \
    portcullis-agent run --dir "$dir/agent" --facts "$dir/facts"
check "told nothing but its folder it reports, and is in" lab_wait_for 10 is_state in
pid=$(lab_on laptop sh -c 'pgrep -o -x portcullis-agen')
hands=$(lab_on laptop pgrep -P "$pid")
same "what speaks to the network has no capability" 0000000000000000 \
    "$(lab_on laptop sed -n 's/^CapEff:\t//p' "/proc/$pid/status")"
same "what looks at the machine has three" 00000000000010c0 \
    "$(lab_on laptop sed -n 's/^CapEff:\t//p' "/proc/$hands/status")"
check "anybody on the machine may ask" status
check "and reads until when" grep -q '^You are in until' <<<"$(status)"
refuse "being in is not told at the screen" is_told Portcullis

# --- something changes -----------------------------------------------------------------------------------
facts false
first=$(me .lease_until)
check "it renews by itself, and the sick report puts it out" lab_wait_for 15 is_state quarantine
check "the person is told" lab_wait_for 5 is_told quarantine
check "what is wrong and what to do" is_told "What to do:"
same "as that person, without other groups" "65534
65534" "$(sed -n 1,2p "$TOLD/messages")"
same "once" 1 "$(grep -c '^65534$' "$TOLD/messages" | awk '{print $1 / 2}')"
refuse "status says it by its exit code" status
check "and in words" grep -q PL708 <<<"$(status)"
facts true
check "mended, it is in again" lab_wait_for 90 is_state in
check "and is told that" lab_wait_for 5 is_told "in again"
same "a lease later than the first" later "$([ "$(me .lease_until)" != "$first" ] && echo later)"

# --- the gateway is gone ------------------------------------------------------------------------------------
gw_stop
lab_on laptop ip link set wg0 down
refuse "without a gateway status fails" status
check "but remembers the last report" grep -q 'The last report was at' <<<"$(status 2>/dev/null)"

# --- its hands are gone --------------------------------------------------------------------------------------
gone() { ! lab_on laptop test -d "/proc/$pid"; }
lab_on laptop kill -KILL "$hands"
check "without its hands it ends, to be started anew" lab_wait_for 70 gone
test_end
