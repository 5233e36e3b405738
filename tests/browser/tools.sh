# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What tests in a browser do with the lab and tests in a shell do not. To be sourced after lab.sh.

. "$LAB_SOURCE/enrol.sh"
. "$LAB_SOURCE/story.sh"

# Host $1's tunnel wg0, up as the wg-quick configuration in file $2 says it: what a person gets who
# gives that file to WireGuard. Names are left alone: the lab's are in /etc/hosts.
browser_tunnel() {
    local file=$LAB_DIR/hosts/$1/wg0.conf
    [ ! -e "$file" ] || lab_on "$1" wg-quick down "$file"
    (umask 077; sed '/^ *DNS *=/d' "$2" >"$file")
    lab_on "$1" env WG_QUICK_USERSPACE_IMPLEMENTATION=wireguard-go LOG_LEVEL=error \
        wg-quick up "$file"
}

# Where a browser on host $1 keeps what it must.
browser_home() {
    mkdir -p -m 700 "$LAB_DIR/hosts/$1/home"
    printf '%s\n' "$LAB_DIR/hosts/$1/home"
}

# Another device of person $2, on host $1; its name is the person's with $3 behind it.
staff_enrol_second() { STAFF_DEVICE_SUFFIX=$3 staff_enrol "$1" "$2"; }

# The gateway is called $1 from now on, by its certificate and on every host, and starts anew.
browser_name() {
    gw_stop
    sed -i "s/^    clock host/    tls { name $1 }\n&/" "$LAB_DIR/gw/gateway.conf"
    printf '%s %s\n' "$GW_TUNNEL4" "$1" >>"$LAB_DIR/etc/hosts"
    gw_start
}

# The hash of the key that the server at $2 (host:port) shows to host $1, as Chromium's option
# --ignore-certificate-errors-spki-list wants it: to that browser its certificate is a good one.
browser_pin() {
    # shellcheck disable=SC2016
    lab_on "$1" bash -c 'openssl s_client -connect "$1" </dev/null 2>/dev/null | openssl x509 -pubkey -noout |
        openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64' pin "$2"
}

# What came to host $1 by its tunnel, in bytes.
came_by_tunnel() { lab_on "$1" cat /sys/class/net/wg0/statistics/rx_bytes; }

# The one enrolled device multiplied to $1, each another person's and in; all but one were never there.
browser_many() {
    local state=$LAB_DIR/gw/state/engine
    gw_stop
    "$LAB_TOP/tests/bench/fill.py" "$state/portcullis.db" "$1" || return 1
    chown --reference="$state" "$state"/portcullis.db*
    GW_PATIENCE=90 gw_start
}

# A gateway with a console and $1 such devices.
console_many() {
    story_begin
    staff_join laptop 21 maria accounting
    browser_many "$1"
}

# Host $1's device of the same name, as `import` makes it: it has a key and an address, and no owner.
browser_enrol_nobody() {
    local dir=$LAB_DIR/hosts/$1
    printf '%s\n' "$1" >"$dir/device"
    gw_api POST /v1/devices "$(jq --arg name "$1" '{name: $name, wireguard_key, own: "corp"}' "$dir/keys")" \
        >"$dir/enrolled" || lab_die "$1 is not enrolled: $(cat "$dir/enrolled")"
    staff_tunnel "$1" "$(jq -r .gateway_key "$dir/enrolled")" \
        "$(jq -r .address4 "$dir/enrolled")" "$(jq -r .address6 "$dir/enrolled")"
}

# Host $1 knocks at $2 ports of a server that are none of its business.
browser_scan() { seq 7001 $((7000 + $2)) | sed 's/^/tcp 10.20.0.11 /' | lab_on "$1" probe -t 150 >/dev/null; true; }

# A gateway with the policy in file $1, a console, and a door to enrol by.
console_and_door() {
    lab_begin
    net_make
    office_start
    enrol_write_config "$1"
    console_config
    gw_start
}

# Host $1 redeems the invitation of link $2 and code $3 for a device called $4, with the keys of its
# agent, and puts its tunnel up. Prints the state that the device is in.
browser_redeem() {
    local dir=$LAB_DIR/hosts/$1 token=${2#*#} answer=$LAB_DIR/hosts/$1/enrolled
    ENROL_ISSUER=$(jq -c .issuer "$dir/keys") \
        enrol_redeem "$1" "${token%%.*}" "$3" "$(staff_key "$1")" "$4" >"$answer"
    jq -er .device "$answer" >"$dir/device" || lab_die "not enrolled: $(cat "$answer")"
    staff_tunnel "$1" "$(jq -r .config.gateway_key "$answer")" \
        "$(jq -r '.config.address[0]' "$answer" | sed 's|/.*||')" \
        "$(jq -r '.config.address[1]' "$answer" | sed 's|/.*||')"
    jq -r .state "$answer"
}
