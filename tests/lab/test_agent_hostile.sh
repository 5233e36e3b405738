#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# portcullis-agent enroll against a server that lies: what it answers never becomes a line of a file
# that root's programs read, and a refused enrolment leaves nothing behind.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

TOKEN=ABCDEFGHIJKLMNOPQRSTUVWXY2
SERVER=203.0.113.66
LOG=$LAB_DIR/requests
CONF=/etc/wireguard/portcullis.conf

# A certificate and the pin of its key: new_certificate NAME.
new_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other \
        -keyout "$LAB_DIR/$1.key" -out "$LAB_DIR/$1.pem" 2>/dev/null
    openssl x509 -in "$LAB_DIR/$1.pem" -pubkey -noout | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '='
}
link() { echo "https://$SERVER:8443/enrol#$TOKEN.$1"; }
# enrol CODE [OPTION...]: by root on the laptop; what it said is in $LAB_DIR/said.
enrol() {
    local code=$1
    shift
    lab_on laptop portcullis-agent enroll "$(link "$pin")" --code "$code" "$@" >"$LAB_DIR/said" 2>&1
}
said() { grep -q -- "$1" "$LAB_DIR/said"; }
left() { lab_on laptop sh -c 'ls -A /etc/wireguard /etc/portcullis-agent 2>/dev/null | grep -v :'; }
clean() { lab_on laptop sh -c 'rm -rf /etc/portcullis-agent/* /etc/wireguard/* /etc/wireguard/.[!.]*'; }
requests() { wc -l <"$LOG"; }

lab_begin
net_write_names
net_make_internet
net_internet_host attacker 66
net_internet_host laptop 21
# The machine's own /etc stays as it is.
lab_on laptop sh -c 'mkdir -p /etc/wireguard /etc/portcullis-agent 2>/dev/null
    mount -t tmpfs -o mode=700 tmpfs /etc/wireguard && mount -t tmpfs -o mode=700 tmpfs /etc/portcullis-agent' ||
    lab_die "cannot cover /etc/wireguard"
pin=$(new_certificate server)
other=$(new_certificate impostor)
: >"$LOG"
: >"$LOG.plain"
: >"$LOG.elsewhere"
lab_start attacker server "$LAB_SOURCE/agent_server.py" $SERVER 8443 "$LAB_DIR/server.pem" "$LAB_DIR/server.key" "$LOG"
lab_start attacker impostor "$LAB_SOURCE/agent_server.py" $SERVER 8444 "$LAB_DIR/impostor.pem" "$LAB_DIR/impostor.key" "$LOG"
lab_start attacker plain "$LAB_SOURCE/agent_server.py" $SERVER 8080 - - "$LOG.plain"
lab_start attacker elsewhere "$LAB_SOURCE/agent_server.py" $SERVER 8081 - - "$LOG.elsewhere"
lab_ready attacker server
lab_ready attacker elsewhere
lab_ready attacker impostor
lab_ready attacker plain

# --- whom it believes --------------------------------------------------------------------------
refuse "another key than the link's is refused" lab_on laptop portcullis-agent enroll \
    "https://$SERVER:8444/enrol#$TOKEN.$pin" --code 0000-0000
refuse "without a pin a self-made certificate is refused" lab_on laptop portcullis-agent enroll \
    "https://$SERVER:8443/enrol#$TOKEN" --code 0000-0000
refuse "so is a server without TLS" lab_on laptop portcullis-agent enroll \
    "https://$SERVER:8080/enrol#$TOKEN.$pin" --code 0000-0000
refuse "and a link of plain http" lab_on laptop portcullis-agent enroll \
    "http://$SERVER:8080/enrol#$TOKEN.$pin" --code 0000-0000
same "none of them was told the token" "" "$(cat "$LOG" "$LOG.plain")"
check "control: a pin made of the impostor's key is its own" lab_on laptop portcullis-agent enroll \
    "https://$SERVER:8444/enrol#$TOKEN.$other" --code 0000-0000
clean
code() { "$@" >/dev/null 2>&1; echo $?; }
same "exit codes: no server, an impostor, no link, a refusal" "3 3 2 1" "$(
    code lab_on laptop portcullis-agent enroll "https://$SERVER:9/enrol#$TOKEN.$pin" --code 0000-0000) $(
    code lab_on laptop portcullis-agent enroll "https://$SERVER:8444/enrol#$TOKEN.$pin" --code 0000-0000) $(
    code lab_on laptop portcullis-agent enroll "https://$SERVER/" --code 0000-0000) $(code enrol 9999-9999)"

# --- what it is answered -------------------------------------------------------------------------
for answer in "0001 a newline and PostUp in the endpoint" "0002 a newline in the device's name" \
    "0003 a page instead of JSON" "0004 JSON that is cut" "0005 more than may be" \
    "0006 a redirect" "0007 a refusal" "0008 a 200" "0009 100,000 brackets" "0010 a member twice"; do
    refuse "refused: ${answer#* }" enrol "1111-${answer%% *}"
    same "and nothing is left of it" "" "$(left)"
    refuse "nor did it shut the terminal up" grep -q $'\x1b\|\r' "$LAB_DIR/said"
done
same "nothing came to where the redirect points" "" "$(cat "$LOG.plain")"
refuse "refused: a code that the server does not know" enrol 9999-9999
check "in the server's words" said "no such invitation"
refuse "a code of seven digits is not sent" enrol 1234567
check "no PostUp ran" test ! -e /tmp/pwned

# --- the disk --------------------------------------------------------------------------------------
before=$(requests)
lab_on laptop mount -o remount,size=8k /etc/wireguard
refuse "with a full disk it stops" enrol 0000-0000
check "says so" said "no room"
lab_on laptop mount -o remount,size=10m /etc/wireguard
lab_on laptop ln -s /etc/portcullis-agent/elsewhere "$CONF"
refuse "a link under the configuration's name is refused" enrol 0000-0000 --again
same "both before the invitation is spent" "$before" "$(requests)"
clean
lab_on laptop ip link add other type veth peer name other-end
refuse "an interface of somebody else's is not taken over" enrol 0000-0000 --interface other --up nm
check "it says that there is one" said "other is there already"
refuse "--again or not" enrol 0000-0000 --interface other --again --up nm
same "nor is the invitation spent for it" "$before" "$(requests)"
lab_on laptop ip link del other
clean

lab_on laptop mount -o remount,size=8k /etc/portcullis-agent
refuse "nor when there is no room for the keys" enrol 0000-0000
same "which leaves nothing behind" "" "$(left)"
lab_on laptop mount -o remount,size=10m /etc/portcullis-agent
same "nor is the invitation spent then" "$before" "$(requests)"

lab_start laptop other flock -F /etc/portcullis-agent sh -c 'echo ready; exec sleep 60'
lab_ready laptop other
refuse "two enrolments at once do not meet" enrol 0000-0000
check "the second is told" said "under way"
lab_stop laptop other

# --- and a good answer ---------------------------------------------------------------------------------
check "a good answer is taken" enrol 0000-0000 --up wg-quick
same "configuration and keys are root's alone" "600 0
600 0
600 0
600 0
600 0" "$(lab_on laptop stat -c '%a %u' $CONF /etc/portcullis-agent/{environment,signing.key,ueid,wireguard.key})"
check "wg-quick has brought the tunnel up" lab_on laptop ip link show portcullis
same "with the key that is here" "$(lab_on laptop sh -c 'wg pubkey </etc/portcullis-agent/wireguard.key')" \
    "$(lab_on laptop wg show portcullis public-key)"
same "the server was told that one" "$(lab_on laptop wg show portcullis public-key)" \
    "$(tail -n 1 "$LOG" | cut -d' ' -f2- | jq -r .wireguard_key)"
refuse "and none of the private ones" grep -qF -f <(lab_on laptop sh -c \
    'cat /etc/portcullis-agent/wireguard.key /etc/portcullis-agent/signing.key') "$LOG"
refuse "the gateway's own text is not in the file" lab_on laptop grep -q PostUp $CONF
refuse "a second time is refused" enrol 0000-0000
before=$(lab_on laptop cat /etc/portcullis-agent/wireguard.key /etc/portcullis-agent/ueid)
check "unless the old keys are given up" enrol 0000-0001 --again
check "it says that somebody has to approve" said "has to approve"
after=$(lab_on laptop cat /etc/portcullis-agent/wireguard.key /etc/portcullis-agent/ueid)
refuse "then the key is new" test "${before%%$'\n'*}" = "${after%%$'\n'*}"
same "and the machine's name is not" "${before#*$'\n'}" "${after#*$'\n'}"
check "all traffic by the gateway is said" enrol 0000-0002 --again
check "in words" said "All traffic"
check "the code may come on standard input" lab_on laptop sh -c \
    "echo '0000 0000' | portcullis-agent enroll '$(link "$pin")' --again"
lab_on laptop wg-quick down portcullis >/dev/null 2>&1
mkdir "$LAB_DIR/stubs"
printf '#!/bin/sh\nprintf "%%s\\n" "$*" >>%s\n' "$LAB_DIR/nmcli" >"$LAB_DIR/stubs/nmcli"
chmod 755 "$LAB_DIR/stubs/nmcli"
if lab_on laptop mount -t overlay overlay -o "lowerdir=$LAB_DIR/stubs:/usr/bin" /usr/bin; then
    check "NetworkManager is asked when that is wished" enrol 0000-0000 --again --up nm
    same "to import the file" "connection import type wireguard file $CONF" "$(cat "$LAB_DIR/nmcli")"
else
    skip "NetworkManager" "this kernel has no overlay to put an nmcli into"
fi

# --- a portal that lies ---------------------------------------------------------------------------------
refuse "a portal that sends elsewhere is not followed" lab_on laptop portcullis-agent post --gateway $SERVER:8080 --device x
same "nothing came there" "" "$(cat "$LOG.elsewhere")"
refuse "one that answers without end is left" lab_on laptop portcullis-agent status --gateway $SERVER:8080
refuse "and is not shown" grep -q $'\x1b' <<<"$(lab_on laptop portcullis-agent status --gateway $SERVER:8080 2>&1)"

# --- a person who is not root ----------------------------------------------------------------------------
install -d -o 65534 -m 700 "$LAB_DIR/home"
cp "$(command -v portcullis-agent)" "$LAB_DIR/agent-for-all"    # the sources may lie where only root goes
check "who is not root enrols into a folder of their own" lab_on laptop setpriv --reuid 65534 --regid 65534 \
    --clear-groups env HOME="$LAB_DIR/home" "$LAB_DIR/agent-for-all" enroll "$(link "$pin")" --code 0000-0000
same "with the same rights" "600 65534" \
    "$(stat -c '%a %u' "$LAB_DIR/home/.config/portcullis-agent/portcullis.conf")"
test_end
