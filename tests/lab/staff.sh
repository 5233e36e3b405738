# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Staff machines: hosts on the lab's internet with the stock `wg` tool and wireguard-go, or with
# LAB_WIREGUARD=kernel the kernel's own WireGuard. What a staff member's own WireGuard would be told
# (addresses, the gateway's key) comes from the caller.

STAFF_ROUTES="10.20.0.0/16 10.77.0.0/16 fd20::/64 fd77:acc::/64"
STAFF_MTU=1420

# A machine at 203.0.113.$2, with keys of its own.
staff_host() {
    net_internet_host "$1" "$2"
    printf '203.0.113.%s %s\n' "$2" "$1" >>"$LAB_DIR/etc/hosts"
    staff_new_key "$1"
}

# New keys for host $1, made by the agent: WireGuard's and the one that signs reports.
staff_new_key() {
    local dir=$LAB_DIR/hosts/$1
    rm -rf "$dir/agent"
    lab_on "$1" portcullis-agent keygen --dir "$dir/agent" --json >"$dir/keys" ||
        lab_die "no keys for $1"
}

staff_key() { jq -r .wireguard_key "$LAB_DIR/hosts/$1/keys"; }

# An interface wg0 on host $1: the kernel's, or made by wireguard-go, which is job `wireguard`.
staff_wireguard() {
    if [ "${LAB_WIREGUARD:-go}" = kernel ]; then
        lab_on "$1" ip link add wg0 type wireguard || lab_die "no WireGuard in this kernel"
        return
    fi
    lab_start "$1" wireguard env LOG_LEVEL=error wireguard-go -f wg0
    lab_wait_for 5 lab_on "$1" test -S /run/wireguard/wg0.sock ||
        lab_die "wireguard-go on $1: $(cat "$LAB_DIR/log/$1.wireguard.err")"
}

# Host $1's tunnel to the gateway with public key $2, under the tunnel addresses $3 and $4; a
# tunnel that is there already is changed. It sends a keepalive every 25 s, as behind a home router.
staff_tunnel() {
    local r
    lab_on "$1" test -e /sys/class/net/wg0 || staff_wireguard "$1"
    lab_on "$1" wg set wg0 private-key "$LAB_DIR/hosts/$1/agent/wireguard.key" peer "$2" \
        endpoint "$GW_OUTSIDE4:$GW_PORT" persistent-keepalive 25 \
        allowed-ips "${STAFF_ROUTES// /,}"
    lab_on "$1" ip address flush dev wg0 scope global
    net_address "$1" wg0 "$3/32" "$4/128"
    lab_on "$1" ip link set wg0 mtu "$STAFF_MTU" up
    for r in $STAFF_ROUTES; do printf 'route replace %s dev wg0\n' "$r"; done |
        lab_on "$1" ip -batch -
    printf '%s %s\n' "$3" "$4" >"$LAB_DIR/hosts/$1/tunnel"
}

# Host $1 forgets the gateway with public key $2 and knocks anew.
staff_shake() {
    lab_on "$1" wg set wg0 peer "$2" remove
    lab_on "$1" wg set wg0 peer "$2" endpoint "$GW_OUTSIDE4:$GW_PORT" persistent-keepalive 25 \
        allowed-ips "${STAFF_ROUTES// /,}"
}

# The tunnel address of host $1: staff_address laptop 4, staff_address laptop 6.
staff_address() {
    local four six
    read -r four six <"$LAB_DIR/hosts/$1/tunnel"
    if [ "$2" = 4 ]; then printf '%s\n' "$four"; else printf '%s\n' "$six"; fi
}

# --- with the product -------------------------------------------------------------------------

# Host $1 at 203.0.113.$2, person $3 with role $4, enrolled, tunnel up, reported as $5: healthy
# (the default), sick or none.
staff_join() {
    staff_host "$1" "$2"
    staff_person "$3" "$4"
    staff_enrol "$1" "$3"
    case ${5-healthy} in
        none) ;;
        sick) ! staff_report "$1" sick || lab_die "$1 got in although sick" ;;
        healthy) staff_report "$1" healthy >/dev/null || lab_die "$1: $(staff_answer "$1")" ;;
    esac
}

# A person with a role, just signed in.
staff_person() {
    gw_api POST /v1/users "{\"name\":\"$1\",\"full_name\":\"$1 of the lab\",\"roles\":[\"$2\"]}" \
        >/dev/null && gw_api POST "/v1/users/$1/sign-in" >/dev/null || lab_die "no user $1"
}

# Host $1 becomes a device of person $2, named after the person: registered, and its tunnel up.
staff_enrol() {
    local dir=$LAB_DIR/hosts/$1 device=$2${STAFF_DEVICE_SUFFIX-}
    printf '%s\n' "$device" >"$dir/device"
    gw_api POST /v1/devices "$(jq --arg name "$device" --arg user "$2" \
        '{name: $name, user: $user, own: "corp", wireguard_key, ueid, issuer}' "$dir/keys")" \
        >"$dir/enrolled" || lab_die "$device is not enrolled: $(cat "$dir/enrolled")"
    staff_tunnel "$1" "$(jq -r .gateway_key "$dir/enrolled")" \
        "$(jq -r .address4 "$dir/enrolled")" "$(jq -r .address6 "$dir/enrolled")"
}

# The facts of a machine whose disk is encrypted (true) or not (false).
staff_facts() {
    cat <<FACTS
{"own": "corp", "os": {"family": "debian", "ver": "12.8", "patch": "$(date -u +%F)"},
 "pend": {"crit": 0, "imp": 0}, "fw": {"on": true, "in": true}, "fde": {"sys": $1, "all": $1},
 "lock": {"on": true, "max_s": 300}, "tamper": {"rooted": false, "devmode": false},
 "av": {"on": true, "rt": true}, "lic": {"genuine": true, "unlisted": 0, "unauth": []},
 "usb": {"storage": false}}
FACTS
}

# Host $1's agent reports once, as healthy or sick. Succeeds when that lets it in; what the agent
# printed is kept for staff_answer.
staff_report() {
    local dir=$LAB_DIR/hosts/$1
    staff_facts "$([ "$2" = healthy ] && echo true || echo false)" >"$dir/facts"
    lab_on "$1" portcullis-agent post --gateway "$GW_TUNNEL4" --device "$(cat "$dir/device")" \
        --dir "$dir/agent" --facts "$dir/facts" >"$dir/answer" 2>&1
}

staff_answer() { cat "$LAB_DIR/hosts/$1/answer"; }

# Host $1's agent goes on reporting, with the facts of its last report, by job `agent`.
staff_keep_reporting() {
    local dir=$LAB_DIR/hosts/$1
    lab_start "$1" agent portcullis-agent run --gateway "$GW_TUNNEL4" \
        --device "$(cat "$dir/device")" --dir "$dir/agent" --facts "$dir/facts"
}
