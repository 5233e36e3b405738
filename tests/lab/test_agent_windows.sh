#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# portcullis-agent.ps1, as far as it can be tried without Windows: the claims and facts that stand in
# it, signed with ES256 by another library, are what the gateway takes; its TLS with a pinned key is
# C# and runs where a compiler is. The rest of it has not been run.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

SCRIPT=$LAB_TOP/deploy/agent/windows/portcullis-agent.ps1
README=$LAB_TOP/deploy/agent/windows/README.md
maker() { /usr/bin/python3 "$LAB_SOURCE/agent_es256.py" "$@"; }
UEID=$(printf '\001%s' 0123456789abcdef | openssl base64 -A | tr '+/' '-_' | tr -d '=')

# Posts a token of a healthy computer but for the facts named; prints "in" or the code.
post() {
    local nonce
    nonce=$(lab_on pc curl -sS --max-time 10 "http://$GW_TUNNEL4/v1/nonce")
    maker token "$SCRIPT" "$LAB_DIR/key" "$DEVICE" "$(jq -r .nonce <<<"$nonce")" "$(jq -r .audience <<<"$nonce")" \
        "$UEID" "$(staff_key pc)" "$@" >"$LAB_DIR/token" || return 1
    lab_on pc curl -sS --max-time 10 -H 'Content-Type: application/eat+jwt' --data-binary "@$LAB_DIR/token" \
        "http://$GW_TUNNEL4/v1/posture" | jq -r 'if .result == "in" then "in" else .code // .error.code end'
}

lab_begin
net_make
office_start
gw_write_config
sed -i "s|tunnel wg0 {|tunnel wg0 { endpoint $GW_OUTSIDE4  |; s|^    office|    enrol { listen 8443 }\n    office|" \
    "$LAB_DIR/gw/gateway.conf"
sed 's/os debian >= 12/os debian >= 12, windows >= 10.0.19045/; s/require fde.sys/require fde.sys\n    require av.rt\n    require not tamper.devmode/' \
    "$LAB_SOURCE/lab.policy.conf" >"$LAB_DIR/gw/policy.conf"
gw_start
staff_host pc 21
staff_person maria clerk

# --- enrolled as the script asks for it, with a P-256 key -------------------------------------------------
gw_api POST /v1/users/maria/invite '{}' >"$LAB_DIR/invitation"
link=$(jq -r .link "$LAB_DIR/invitation")
jq -n --arg token "$(sed 's/.*#//; s/\..*//' <<<"$link")" --arg code "$(jq -r .code "$LAB_DIR/invitation")" \
    --arg key "$(staff_key pc)" --argjson issuer "$(maker key "$LAB_DIR/key")" \
    '{token: $token, code: $code, wireguard_key: $key, issuer: $issuer}' >"$LAB_DIR/request"
check "the gateway enrols a computer with an ES256 key" lab_on pc curl -sSk --fail-with-body --max-time 10 -o "$LAB_DIR/offer" \
    -H 'Content-Type: application/json' --data-binary "@$LAB_DIR/request" "${link%%/enrol#*}/v1/enrol"
DEVICE=$(jq -r .device "$LAB_DIR/offer")
staff_tunnel pc "$(gw_public_key)" "$(jq -r '.config.address[0]' "$LAB_DIR/offer" | cut -d/ -f1)" \
    "$(jq -r '.config.address[1]' "$LAB_DIR/offer" | cut -d/ -f1)"

# --- its tokens ----------------------------------------------------------------------------------------------
same "every claim and fact of the script, signed with ES256, is taken" in "$(post)"
check "the office is reached" lab_on pc probe -t 3000 tcp 10.20.0.10 80
for bad in 'fde.sys=false PL708' 'av.rt=false PL706' 'tamper.devmode=true PL713' 'os.ver="10.0.10240" PL702' \
    'os.build="22631.4460-x" PT302'; do
    got=$(post "${bad% *}")
    case ${bad##* } in
        PT*) refuse "${bad% *} is refused" test "$got" = in ;;
        *) same "${bad% *} is judged" "${bad##* }" "$got" ;;
    esac
done
same "and healthy it is in again" in "$(post)"
sed -i 's/^\(.\{299\}\)A/\1B/; t; s/^\(.\{299\}\)./\1A/' "$LAB_DIR/token"
same "a signature over something else is none" PT208 "$(lab_on pc curl -sS --max-time 10 -H 'Content-Type: application/eat+jwt' \
    --data-binary "@$LAB_DIR/token" "http://$GW_TUNNEL4/v1/posture" | jq -r '.code // .error.code')"
same "each fact of the script stands in its README" "" "$(maker facts "$SCRIPT" | sed 's/^claim://' |
    while read -r name; do grep -qF "\`$name\`" "$README" || echo "$name"; done)"

# --- its TLS ----------------------------------------------------------------------------------------------------
if ! command -v mcs >/dev/null || ! command -v mono >/dev/null; then
    skip "its TLS with a pinned key" "no C# compiler here (mono-mcs)"
    test_end
    exit
fi
# shellcheck disable=SC2016
sed -n "/^\$TlsSource = @'/,/^'@/p" "$SCRIPT" | sed '1d;$d' >"$LAB_DIR/Tls.cs"
cat >"$LAB_DIR/Main.cs" <<'CS'
public static class Program {
    public static int Main(string[] a) {
        try { System.Console.Write(PortcullisTls.Post(a[0], int.Parse(a[1]), "/v1/enrol", a[3], a[2])); return 0; }
        catch (System.Exception e) { System.Console.Error.WriteLine(e.Message); return 1; }
    }
}
CS
check "it compiles as C# 5" mcs -langversion:5 -out:"$LAB_DIR/tls.exe" "$LAB_DIR/Main.cs" "$LAB_DIR/Tls.cs"
liar() {   # NAME CURVE-OR-RSA PORT: a server, and its pin
    case $2 in rsa) set -- "$1" "-newkey rsa:2048" "$3" ;; *) set -- "$1" "-newkey ec -pkeyopt ec_paramgen_curve:P-256" "$3" ;; esac
    # shellcheck disable=SC2086
    openssl req -x509 $2 -nodes -days 2 -subj /CN=other -keyout "$LAB_DIR/$1.key" -out "$LAB_DIR/$1.pem" 2>/dev/null
    lab_start attacker "$1" "$LAB_SOURCE/agent_server.py" 203.0.113.66 "$3" "$LAB_DIR/$1.pem" "$LAB_DIR/$1.key" "$LAB_DIR/$1.log"
    lab_ready attacker "$1"
    openssl x509 -in "$LAB_DIR/$1.pem" -pubkey -noout | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -binary | openssl base64 -A | tr '+/' '-_' | tr -d '='
}
tls() { lab_on pc env HOME="$LAB_DIR" mono "$LAB_DIR/tls.exe" 203.0.113.66 "$1" "$2" "{\"code\":\"$3\"}"; }
ec=$(liar ec ec 8443) rsa=$(liar rsa rsa 8444)
check "the gateway itself answers it" grep -q '"no_invitation"' <<<"$(lab_on pc env HOME="$LAB_DIR" mono "$LAB_DIR/tls.exe" \
    "$GW_OUTSIDE4" 8443 "${link##*.}" "$(cat "$LAB_DIR/request")")"
check "the server with the pinned key is asked (P-256)" grep -q '^HTTP/1.0 201 ' <<<"$(tls 8443 "$ec" 0000-0000)"
check "and with an RSA key" grep -q '^HTTP/1.0 201 ' <<<"$(tls 8444 "$rsa" 0000-0000)"
rm -f "$LAB_DIR/ec.log"
refuse "another key is not" tls 8443 "$rsa" 0000-0000
refuse "and is told nothing" test -s "$LAB_DIR/ec.log"
refuse "an answer that is too long is refused" tls 8443 "$ec" 1111-0005
test_end
