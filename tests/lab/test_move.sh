#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# An office moves over from wg-quick: setup takes the server's key, port, networks and preshared keys, import its
# peers; a laptop whose tunnel nobody touches is known, waits in quarantine, and works once it belongs to somebody.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

lab_begin
net_make
office_start
staff_host laptop 21
staff_host router 22
dir=$LAB_DIR/gw
mkdir -p "$dir"
server=$(wg genkey)
shared=$(wg genpsk)

# The laptop as the old server knows it: at 10.77.0.9, with a preshared key.
laptop_tunnel() {
    staff_tunnel laptop "$(wg pubkey <<<"$server")" 10.77.0.9 fd77:acc::9
    lab_on laptop wg set wg0 peer "$(wg pubkey <<<"$server")" preshared-key /dev/stdin <<<"$1"
}
setup() {
    lab_on gw portcullis setup --name lab-edge --office eth1 --etc "$dir" --state "$dir/state" "$@" 2>&1
}
device() { gw_api GET /v1/devices/maria-s-laptop | jq -r "$1"; }
reach() { lab_on laptop probe -t 2000 tcp "$1" "$2"; }
handshake() { lab_on gw wg show wg0 latest-handshakes | grep -q "$(staff_key laptop).*[1-9]"; }

cat >"$dir/wg0.conf" <<CONF
[Interface]
Address = $GW_TUNNEL4/16, $GW_TUNNEL6/64
ListenPort = $GW_PORT
PrivateKey = $server
PostUp = iptables -A FORWARD -i wg0 -j ACCEPT

# Client Maria's laptop
[Peer]
PublicKey = $(staff_key laptop)
PresharedKey = $shared
AllowedIPs = 10.77.0.9/32, fd77:acc::9/128

# the warehouse's router
[Peer]
PublicKey = $(staff_key router)
AllowedIPs = 10.77.0.10/32, 192.168.7.0/24
CONF

# --- setup ------------------------------------------------------------------------------------------
out=$(setup --from "$dir/wg0.conf" --outside eth0 --company 'a "b"')
same "a bad answer is refused" 1 $?
refuse "and nothing is written" test -e "$dir/gateway.conf"
out=$(setup --from "$dir/wg0.conf" --outside eth7 --company Old)
check "an interface that is not there: those that are" grep -q 'eth1 *10.20.0.1' <<<"$out"
out=$(setup --from "$dir/wg0.conf" --outside eth0 --company "Old and New" --yes)
same "setup takes the old server over" 0 $?
check "what it cannot take over is named" grep -q 'Not taken over from .*PostUp' <<<"$out"
same "secrets are root's alone" "600 600" "$(stat -c %a "$dir"/state/wireguard.{key,preshared} | xargs)"
check "the policy that it wrote is well formed" gw_cli policy check "$dir/policy.conf"
before=$(cat "$dir"/*.conf "$dir"/state/* | sha256sum)
setup --yes --outside eth0 --network 10.99.0.1/16 --company Other >/dev/null
same "a second time it changes nothing" "$before" "$(cat "$dir"/*.conf "$dir"/state/* | sha256sum)"
printf 'clock host\n' >"$dir/clock"
sed -i '/^}/e cat '"$dir/clock" "$dir/gateway.conf"
cp "$LAB_SOURCE/lab.policy.conf" "$dir/policy.conf"
gw_start
same "the daemon has the old key" "$(wg pubkey <<<"$server")" "$(gw_public_key)"

# --- a new office ------------------------------------------------------------------------------------
new=$LAB_DIR/new
fresh() {
    lab_on gw portcullis setup --yes --company New --name new --outside eth0 --office eth1 --etc "$new" \
        --state "$new/state" "$@" 2>&1
}
opened() { sed -En 's/#.*//; /^ *(endpoint|tls|enrol|console)/p' "$new/gateway.conf" | xargs; }
out=$(fresh --endpoint 'Access Point')
check "an endpoint that is none is refused" grep -q 'no host that devices can connect to' <<<"$out"
out=$(fresh --endpoint access.example.com --enrol 8443 --console eth0)
check "the console is for the office" grep -q "the console is on the office's interface: eth1" <<<"$out"
refuse "and nothing is written" test -e "$new/gateway.conf"
fresh >/dev/null
same "doors that nobody asked for are comments; the address is one that the internet reaches" \
    "endpoint $GW_OUTSIDE4" "$(opened)"
same "a new office has a key of its own, for root alone" "32 600" "$(stat -c '%s %a' "$new/state/wireguard.key")"
key=$(sha256sum <"$new/state/wireguard.key")
rm "$new/gateway.conf"
fresh >/dev/null
same "which stays when it is set up again" "$key" "$(sha256sum <"$new/state/wireguard.key")"
rm -r "$new"
out=$(fresh --endpoint access.example.com --enrol 8443 --console eth1)
same "the doors that were asked for" "endpoint access.example.com tls { name access.example.com } enrol { listen 8443 } \
console eth1 { listen 10.20.0.1:8443 from 10.20.0.0/24 }" "$(opened)"
check "and the next commands for them" grep -q 'portcullis device invite NAME' <<<"$out"

# --- import -----------------------------------------------------------------------------------------
out=$(gw_cli import "$dir/wg0.conf")
check "import shows first" grep -q '^1 to add, 0 there already, 1 not taken over' <<<"$out"
check "networks behind a peer are not taken over" grep -q 'the-warehouse-s-router.*networks behind it' <<<"$out"
same "nothing is changed by that" 0 "$(gw_api GET /v1/devices | jq '.items | length')"
laptop_tunnel "$shared"
check "imported" gw_cli import --apply "$dir/wg0.conf"
same "the laptop keeps its address" "10.77.0.9 fd77:acc::9" "$(device '.address4 + " " + .address6')"
check "its tunnel comes up untouched, with the preshared key" lab_wait_for 15 handshake
same "it waits in quarantine" "quarantine no-role" "$(device '.state + " " + .reason')"
check "where it reaches the portal" reach "$GW_TUNNEL4" 80
refuse "and no server" reach 10.20.0.10 80
check "imported again, nothing is added" grep -q '^0 to add, 1 there' <<<"$(gw_cli import "$dir/wg0.conf")"

# --- it belongs to somebody -----------------------------------------------------------------------------
staff_person maria clerk
line=$(jq -r '.issuer | "\(.kid):\(.alg):\(.key)"' "$LAB_DIR/hosts/laptop/keys")
check "assigned, with its signing key" gw_cli device assign maria-s-laptop maria --issuer-key "$line"
printf 'maria-s-laptop\n' >"$LAB_DIR/hosts/laptop/device"
check "it reports and is in" staff_report laptop healthy
check "and reaches its servers" reach 10.20.0.10 80

# --- the shared key is kept up, also against somebody's hand, and over a restart -----------------------------
lab_on gw wg set wg0 peer "$(staff_key laptop)" preshared-key /dev/null
same_key() { [ "$(lab_on gw wg show wg0 preshared-keys | awk -v k="$(staff_key laptop)" '$1 == k { print $2 }')" = "$shared" ]; }
check "a preshared key taken away by hand comes back" lab_wait_for 30 same_key
gw_stop
gw_start
check "and is there after a restart" same_key
test_end
