# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The console in the lab, by TLS from the office: admins with a browser's cookies, without a browser.

CONSOLE_PORT=8443
CONSOLE=https://10.20.0.1:$CONSOLE_PORT
CONSOLE_FROM=10.20.0.30            # where admins sit; of the office's addresses any may connect
CONSOLE_PASS='purple kettle stands alone'

# Adds the console to the gateway.conf that gw_write_config wrote.
console_config() {
    sed -i -e '$d' "$LAB_DIR/gw/gateway.conf"
    cat >>"$LAB_DIR/gw/gateway.conf" <<CONF
    console eth1 { listen 10.20.0.1:$CONSOLE_PORT   from 10.20.0.0/24 }
}
CONF
}

# console WHO METHOD PATH [BODY]: one request with that admin's cookies; the answer, then its status in
# a line of its own. The certificate is the gateway's own: -k. CONSOLE_CURL: more arguments of curl.
console() {
    local jar=$LAB_DIR/$1.cookies type=application/json body=()
    [[ ! $3 =~ ^/v1/policy/(check|diff|apply) ]] || type=application/x-portcullis-policy
    [ $# -lt 4 ] || body=(-H "Content-Type: $type" --data-binary "$4")
    lab_on office curl -sSk --max-time $((10 * LAB_SLOW)) --interface "$CONSOLE_FROM" -b "$jar" -c "$jar" \
        -X "$2" -w '\n%{http_code}\n' "${body[@]}" "${CONSOLE_CURL[@]}" "$CONSOLE$3"
}
CONSOLE_CURL=()
console_status() { tail -n 1 <<<"$1"; }
console_answer() { head -n -1 <<<"$1"; }
# The status alone.
console_is() { console_status "$(console "$@")"; }

# console_admin NAME ROLE: a person who administers, from the link to the first session. The app's
# secret is kept in $LAB_DIR/NAME.totp, one of the recovery codes in NAME.recovery.
console_admin() {
    local link code out
    gw_cli user add "$1" >/dev/null
    gw_cli admin add "$1" --role "$2" >/dev/null
    link=$(gw_cli --json admin link "$1" | jq -r .link)
    code=${link##*#set-up=} code=${code%%&*}
    out=$(console "$1" POST /v1/session/set-up \
        "{\"user\":\"$1\",\"code\":\"$code\",\"passphrase\":\"$CONSOLE_PASS\"}")
    console_answer "$out" | jq -r .secret >"$LAB_DIR/$1.totp"
    out=$(console "$1" POST /v1/session/confirm \
        "{\"user\":\"$1\",\"code\":\"$code\",\"totp\":\"$(lab_totp "$(cat "$LAB_DIR/$1.totp")" -1)\"}")
    console_answer "$out" | jq -r '.recovery[0]' >"$LAB_DIR/$1.recovery"
    [ "$(console_status "$out")" = 200 ] || lab_die "$1 is not signed in: $out"
}

# console_sign_in NAME STEPS: the answer as by console; STEPS is how far from now the app's code is, or
# a recovery code.
console_sign_in() {
    local code=$2
    [ ${#code} -gt 2 ] || code=$(lab_totp "$(cat "$LAB_DIR/$1.totp")" "$2")
    console "$1" POST /v1/session "$(jq -nc --arg user "$1" --arg passphrase "$CONSOLE_PASS" \
        --arg code "$code" '$ARGS.named')"
}
