# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Enrolment by invitation, as a device without our agent or a browser does it: curl and wg.

# The lab's gateway.conf with a door to enrol by, and the policy in file $1 (lab.policy.conf).
enrol_write_config() {
    gw_write_config
    cp "${1:-$LAB_SOURCE/lab.policy.conf}" "$LAB_DIR/gw/policy.conf"
    sed -i -e '$d' -e 's/tunnel wg0 { /&endpoint access.lab.example   dns 10.20.0.53   /' \
        "$LAB_DIR/gw/gateway.conf"
    printf '    enrol { listen 8443 }\n}\n' >>"$LAB_DIR/gw/gateway.conf"
    printf '%s access.lab.example\n' "$GW_OUTSIDE4" >>"$LAB_DIR/etc/hosts"
}
# shellcheck disable=SC2034  # used by the tests
ENROL_URL=https://access.lab.example:8443

# Sets INVITE_TOKEN, INVITE_PIN, INVITE_CODE, INVITE_ID for person $1.
enrol_invite() {
    local o
    o=$(gw_api POST "/v1/users/$1/invite" '{}') || lab_die "no invitation: $o"
    INVITE_CODE=$(jq -r .code <<<"$o")
    INVITE_ID=$(jq -r .id <<<"$o")
    INVITE_TOKEN=$(jq -r .link <<<"$o" | sed -E 's/.*#([^.]*)\.(.*)/\1/')
    INVITE_PIN=$(jq -r .link <<<"$o" | sed -E 's/.*#([^.]*)\.(.*)/\2/')
}

enrol_new_key() { wg genkey | wg pubkey; }

enrol_question() {
    jq -n --arg token "$1" --arg code "$2" --arg wireguard_key "$3" --arg name "${4-}" \
        --argjson issuer "${ENROL_ISSUER:-null}" '$ARGS.named | with_entries(select(.value != "" and .value != null))'
}

# From host $1 with token, code, key and name (and ENROL_ISSUER, its own signing key): prints the answer, whatever it is.
enrol_redeem() {
    local host=$1
    shift
    lab_on "$host" curl -sSk --max-time 10 -H 'Content-Type: application/json' \
        -d "$(enrol_question "$@")" "$ENROL_URL/v1/enrol"
}

# From host $1, all keys of file $4 (at most 90) at the same moment, each from an address of its own:
# prints the statuses.
enrol_at_once() {
    local host=$1 token=$2 code=$3 key
    # shellcheck disable=SC2046
    net_address "$host" eth0 $(seq -f '203.0.113.%g/24' 101 $((100 + $(wc -l <"$4"))))
    while read -r key; do enrol_question "$token" "$code" "$key" | jq -c .; done <"$4" >"$4.json"
    lab_on "$host" python3 - "$4.json" <<'PY'
import http.client, ssl, sys, threading
bodies = open(sys.argv[1]).read().splitlines()
context = ssl.create_default_context()
context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
ready, said = threading.Barrier(len(bodies)), []
def ask(i, body):
    c = http.client.HTTPSConnection("access.lab.example", 8443, timeout=20, context=context,
                                    source_address=(f"203.0.113.{101 + i}", 0))
    c.connect()
    ready.wait()
    c.request("POST", "/v1/enrol", body, {"Content-Type": "application/json"})
    said.append(c.getresponse().status)
threads = [threading.Thread(target=ask, args=one) for one in enumerate(bodies)]
[t.start() for t in threads]
[t.join() for t in threads]
print("\n".join(map(str, said)))
PY
}

# What a camera reads on a terminal that shows file $1: two modules a character, black on white.
enrol_camera() {
    python3 - "$1" >"$1.pbm" <<'PY'
import re, sys
rows = []
for line in open(sys.argv[1], encoding="utf-8"):
    if not line.startswith("\033[0;30;107m"):
        continue
    cells = re.sub("\033\\[[0-9;]*m", "", line.rstrip("\n"))
    rows += [[c in "▀█" for c in cells], [c in "▄█" for c in cells]]
scale = 4
print("P1", scale * len(rows[0]), scale * len(rows))
for row in rows:
    text = "".join(("1" if dark else "0") * scale for dark in row)
    print("\n".join([text] * scale))
PY
    zbarimg -q --raw -Sdisable -Sqrcode.enable "$1.pbm" 2>/dev/null
}

# Host $1's tunnel from the wg-quick text in file $2, with the host's own key, as WireGuard's apps
# would make it.
enrol_tunnel() {
    local dev=wg0 a
    staff_wireguard "$1"
    sed -n -e '/^\[Peer\]/,$p' "$2" >"$2.peer"
    lab_on "$1" wg setconf "$dev" "$2.peer"
    lab_on "$1" wg set "$dev" private-key "$LAB_DIR/hosts/$1/agent/wireguard.key"
    # shellcheck disable=SC2046
    net_address "$1" "$dev" $(sed -n 's/^Address = //p' "$2" | tr -d ' ' | tr ',' ' ')
    lab_on "$1" ip link set "$dev" mtu "$(sed -n 's/^MTU = //p' "$2")" up
    for a in $(sed -n 's/^AllowedIPs = //p' "$2" | tr -d ' ' | tr ',' ' '); do
        printf 'route replace %s dev %s\n' "$a" "$dev"
    done | lab_on "$1" ip -batch -
}

enrol_database() { find "$LAB_DIR/gw/state" -name portcullis.db | head -n 1; }
