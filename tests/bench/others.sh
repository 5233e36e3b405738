# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# What bench-revoke compares with: an administrator's gateway of wireguard-go and nft, and ocserv.

SCRIPT_NET=10.77

# The address of device $1 of the administrator's gateway.
script_address() { printf '%s.%d.%d\n' "$SCRIPT_NET" $((($1 + 256) / 256)) $(($1 % 256)); }

# `wg setconf` text of $1 peers; their public keys go to $LAB_DIR/script.keys.
script_peers() {
    python3 - "$1" "$SCRIPT_NET" "$LAB_DIR/script.keys" <<'PY'
import base64, os, sys
count, net, keys = int(sys.argv[1]), sys.argv[2], open(sys.argv[3], "w", encoding="ascii")
print("[Interface]\nListenPort = 51821\nPrivateKey = " + base64.b64encode(os.urandom(32)).decode())
for n in range(1, count + 1):
    key = base64.b64encode(os.urandom(32)).decode()
    keys.write(key + "\n")
    print(f"[Peer]\nPublicKey = {key}\nAllowedIPs = {net}.{(n + 256) // 256}.{n % 256}/32")
PY
}

script_rules() {
    printf 'table inet fw {\n set staff { type ipv4_addr; size 262144; elements = { '
    awk -v n="$1" -v net="$SCRIPT_NET" 'BEGIN {
        for (i = 1; i <= n; i++)
            printf "%s.%d.%d, ", net, int((i + 256) / 256), i % 256
    }'
    cat <<'NFT'
 } }
 chain forward {
  type filter hook forward priority 0; policy drop;
  ct state established,related accept
  ip saddr @staff ip daddr 10.20.0.11 udp dport 6000-6099 accept
 }
}
NFT
}

# shellcheck disable=SC2016
script_cut() {
    lab_on gw bash -c '
        start=$EPOCHREALTIME
        wg set wg0 peer "$1" remove && nft delete element inet fw staff "{ $2 }" &&
            conntrack -D -s "$2" >/dev/null 2>&1
        end=$EPOCHREALTIME
        printf "%s %s\n" "${start/[.,]/}" "${end/[.,]/}"' cut "$1" "$2"
}

script() {
    local devices=$1 connections n k=0 key
    lab_begin
    net_make
    lab_on gw sysctl -qw net.netfilter.nf_conntrack_udp_timeout=3600
    lab_start gw wireguard env LOG_LEVEL=error wireguard-go -f wg0
    lab_wait_for 5 lab_on gw test -S /run/wireguard/wg0.sock || lab_die "no wireguard-go"
    script_peers "$devices" >"$LAB_DIR/script.conf"
    lab_on gw wg setconf wg0 "$LAB_DIR/script.conf"
    lab_on gw ip address add "$SCRIPT_NET.0.1/16" dev wg0
    lab_on gw ip link set wg0 up
    script_rules "$devices" >"$LAB_DIR/script.nft"
    lab_on gw nft -f "$LAB_DIR/script.nft"
    many_wire gw
    for connections in "${@:2}"; do
        open_connections "$(script_address "$devices")" "$connections"
        begin_rounds
        for n in $(seq "$(( ROUNDS < (devices - 1) / $# ? ROUNDS : (devices - 1) / $# ))"); do
            k=$((k + 1))
            key=$(sed -n "${k}p" "$LAB_DIR/script.keys")
            cut_round "$(script_address "$k")" script_cut "$key" "$(script_address "$k")"
        done
        join_rounds script "$devices" "$connections"
    done
    lab_end
}

# --- ocserv -----------------------------------------------------------------------------------

# A gateway with one user, `leaver`, whose address is always the same.
ocserv_start() {
    local dir=$LAB_DIR/ocserv
    mkdir -p "$dir"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=gw -days 2 \
        -keyout "$dir/key.pem" -out "$dir/cert.pem" 2>/dev/null
    printf 'word\nword\n' | lab_on gw ocpasswd -c "$dir/passwd" leaver
    cat >"$dir/conf" <<CONF
auth = "plain[passwd=$dir/passwd]"
tcp-port = 443
udp-port = 443
run-as-user = nobody
run-as-group = nogroup
socket-file = /run/ocserv.socket
use-occtl = true
occtl-socket-file = /run/occtl.socket
server-cert = $dir/cert.pem
server-key = $dir/key.pem
isolate-workers = false
device = vpns
ipv4-network = 10.99.0.0/24
predictable-ips = true
route = 10.20.0.0/16
keepalive = 300
try-mtu-discovery = false
max-same-clients = 0
auth-timeout = 40
min-reauth-time = 0
max-ban-score = 0
CONF
    lab_start gw ocserv ocserv -f -c "$dir/conf"
    lab_wait_for 5 lab_on gw test -S /run/occtl.socket || lab_die "ocserv: $(cat "$LAB_DIR/log/gw.ocserv.err")"
    lab_on gw sysctl -qw net.ipv4.ip_forward=1
}

ocserv_connect() {
    local pin
    pin=$(openssl x509 -in "$LAB_DIR/ocserv/cert.pem" -noout -pubkey |
        openssl pkey -pubin -outform der | openssl dgst -sha256 -binary | base64)
    printf 'word\n' >"$LAB_DIR/ocserv/word"
    lab_start laptop vpn bash -c "exec openconnect --non-inter --protocol=anyconnect -u leaver --passwd-on-stdin \
        --servercert pin-sha256:$pin --interface tun7 --script '$LAB_DIR/ocserv/up' $GW_OUTSIDE4 <$LAB_DIR/ocserv/word"
    lab_wait_for 10 lab_on laptop test -e "$LAB_DIR/ocserv/is-up" ||
        lab_die "openconnect: $(tail -n 5 "$LAB_DIR/log/laptop.vpn" "$LAB_DIR/log/laptop.vpn.err")"
}

# shellcheck disable=SC2016
ocserv_cut() {
    lab_on gw bash -c '
        start=$EPOCHREALTIME
        occtl -s /run/occtl.socket disconnect user leaver >/dev/null || exit 1
        end=$EPOCHREALTIME
        printf "%s %s\n" "${start/[.,]/}" "${end/[.,]/}"'
}

ocserv_rounds() {
    local n out
    if ! command -v ocserv >/dev/null || ! command -v openconnect >/dev/null; then
        echo "no ocserv or openconnect here (deploy/prepare --bench): left out"
        return
    fi
    lab_begin
    net_make
    net_internet_host laptop 21
    ocserv_start
    cat >"$LAB_DIR/ocserv/up" <<UP
#!/bin/sh
[ "\$reason" = connect ] || exit 0
ip link set "\$TUNDEV" mtu 1300 up
ip address add "\$INTERNAL_IP4_ADDRESS/32" dev "\$TUNDEV"
ip route replace 10.20.0.0/16 dev "\$TUNDEV"
echo "\$INTERNAL_IP4_ADDRESS" >$LAB_DIR/ocserv/is-up
UP
    chmod +x "$LAB_DIR/ocserv/up"
    for n in $(seq "$(bench_size 10 3)"); do
        rm -f "$LAB_DIR/ocserv/is-up"
        ocserv_connect
        begin_rounds
        lab_start laptop round flow -r 2000 -l 200 udp send "$OFFICE" "$PORT"
        sleep 0.5
        out=$(ocserv_cut)
        sleep 0.2
        lab_stop laptop round
        printf '%s %s\n' "$(cat "$LAB_DIR/ocserv/is-up")" "$out" >"$LAB_DIR/cuts"
        join_rounds ocserv 1 0 "$n"
        lab_stop laptop vpn 2>/dev/null || true
    done
    lab_end
}
