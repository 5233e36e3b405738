#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device enrols itself from outside: invited, redeemed with a key that the device made, its tunnel
# up with what it was handed, waiting, approved, in. Invitations that are used, withdrawn, expired,
# guessed at; 64 at once; and that nothing else answers there, nor any of it inside.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/enrol.sh"

lab_begin
net_make
office_start
enrol_write_config
cat >>"$LAB_DIR/gw/policy.conf" <<'POLICY'
enrolment { at most 12 devices   approve every device   invitation 2h }
POLICY
gw_start
staff_host laptop 21
staff_person maria clerk
laptop=$LAB_DIR/hosts/laptop

# The `code` of an answer's error, or the status.
answer() { jq -r '.error.code // .state' "$LAB_DIR/answer"; }
redeem() { enrol_redeem laptop "$@" >"$LAB_DIR/answer"; }

# --- inviting ---------------------------------------------------------------------------------------
gw_cli device invite maria --device maria-desk --valid 24h >"$LAB_DIR/words"
check "the command tells the code, and how it is to be told" grep -q 'telephone' "$LAB_DIR/words"
check "and prints the link" grep -qE '^  https://access\.lab\.example:8443/enrol#[A-Z2-9]{26}\.[A-Za-z0-9_-]{43}$' "$LAB_DIR/words"
lab_on gw script -qec 'portcullis device invite maria' /dev/null </dev/null | tr -d '\r' >"$LAB_DIR/screen"
link=$(sed -n 's/^  \(https:[^ ]*\)$/\1/p' "$LAB_DIR/screen")
same "at a terminal it draws the link, and a camera reads it" "$link" "$(enrol_camera "$LAB_DIR/screen")"
gw_cli invite withdraw 2 >/dev/null
enrol_invite maria
pin=$(lab_on laptop curl -sk -o /dev/null -w '%{certs}' "$ENROL_URL/enrol" |
    openssl x509 -pubkey -noout | openssl pkey -pubin -outform der |
    openssl dgst -sha256 -binary | basenc --base64url | tr -d =)
same "the link pins the certificate that is shown" "$pin" "$INVITE_PIN"
same "one who has no certificate pinned may pin by it" 200 "$(lab_on laptop curl -sk -o /dev/null -w '%{http_code}' \
    --pinnedpubkey "sha256//$(tr -- -_ +/ <<<"$INVITE_PIN")=" "$ENROL_URL/enrol")"

# --- redeeming --------------------------------------------------------------------------------------
wrong=$(( (${INVITE_CODE:0:1} + 1) % 10 ))${INVITE_CODE:1}
redeem "$INVITE_TOKEN" "$wrong" "$(staff_key laptop)"
same "a wrong code" "wrong_code 4" "$(answer) $(jq .tries_left "$LAB_DIR/answer")"
ENROL_ISSUER=$(jq .issuer "$laptop/keys") redeem "$INVITE_TOKEN" "$INVITE_CODE" "$(staff_key laptop)" laptop
same "the right one enrols the device, which waits" "waiting maria-laptop" "$(answer) $(jq -r .device "$LAB_DIR/answer")"
cp "$LAB_DIR/answer" "$LAB_DIR/handout"
redeem "$INVITE_TOKEN" "$INVITE_CODE" "$(enrol_new_key)"
same "a second time it is over" no_invitation "$(answer)"
same "the gateway knows the device" "waiting maria" \
    "$(gw_api GET /v1/devices/maria-laptop | jq -r '[.state, .user] | join(" ")')"
same "who did it, who invited and from where are on record" "maria lab 203.0.113.21" \
    "$(gw_api GET "/v1/audit?act=device.enrol" | jq -r '.items[0] | [.actor, .detail.invited_by, .detail.from] | join(" ")')"

# --- the tunnel that was handed out ------------------------------------------------------------------
jq -r .wg_quick "$LAB_DIR/handout" >"$laptop/handout.conf"
check "the configuration has every part" awk '
    /^PrivateKey = PRIVATE_KEY$/ || /^Address = 10\.77\..*\/32, fd77:acc::.*\/128$/ || /^MTU = 1420$/ ||
    /^Endpoint = access\.lab\.example:51820$/ || /^PersistentKeepalive = 25$/ || /^DNS = 10\.20\.0\.53$/ ||
    /^AllowedIPs = 10\.20\./ { n++ } END { exit n != 7 }' "$laptop/handout.conf"
enrol_tunnel laptop "$laptop/handout.conf"
check "the tunnel made of it carries" lab_wait_for 10 lab_on laptop curl -sS -o /dev/null "http://$GW_TUNNEL4/v1/me"
me() { lab_on laptop curl -sS --max-time 5 "http://$GW_TUNNEL4/v1/me"; }
same "the portal says that it waits" approval "$(me | jq -r .reason)"
reach() { lab_on laptop probe -t 2000 tcp 10.20.0.10 80; }
echo maria-laptop >"$laptop/device"
refuse "healthy and not approved is not in" staff_report laptop healthy
refuse "and reaches nothing" reach
check "approved by the command" gw_cli device approve maria-laptop
refuse "once" gw_cli device approve maria-laptop
same "what it was handed can be had again" "$(cat "$laptop/handout.conf")" "$(gw_cli device config maria-laptop 2>/dev/null)"
same "it is in" "" "$(staff_report laptop healthy || staff_answer laptop)"
check "and reaches what its role does" reach
probe_ip=$(lab_on laptop ip route get 10.20.0.10)
check "by the tunnel" grep -q 'dev wg0' <<<"$probe_ip"
refuse "the internet not by it" grep -q 'dev wg0' <<<"$(lab_on laptop ip route get 203.0.113.66)"

# --- invitations that are over ------------------------------------------------------------------------
enrol_invite maria
check "withdrawn by the command" gw_cli invite withdraw "$INVITE_ID"
redeem "$INVITE_TOKEN" "$INVITE_CODE" "$(enrol_new_key)"
same "withdrawn" no_invitation "$(answer)"
refuse "not twice" gw_cli invite withdraw "$INVITE_ID"
enrol_invite maria
for _ in 1 2 3 4 5; do redeem "$INVITE_TOKEN" 00000000x "$(enrol_new_key)"; done
redeem "$INVITE_TOKEN" "$INVITE_CODE" "$(enrol_new_key)"
same "void after five wrong codes" no_invitation "$(answer)"
same "the list says it all" "open withdrawn used withdrawn void" \
    "$(gw_cli --json invite list | jq -r '[.items[].state] | join(" ")')"
refuse "an invitation for seconds is refused" gw_cli device invite maria --valid 5s
enrol_invite maria
gw_stop
python3 - "$(enrol_database)" "$INVITE_ID" <<'PY'
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
db.execute("UPDATE invites SET until = until - 7200 WHERE id = ?", (sys.argv[2],))
db.commit()
PY
gw_start
redeem "$INVITE_TOKEN" "$INVITE_CODE" "$(enrol_new_key)"
same "expired" no_invitation "$(answer)"
same "who tried is on record" "invitation-over key-known no-invitation wrong-code" \
    "$(enrol_invite maria; redeem "$INVITE_TOKEN" "$INVITE_CODE" "$(staff_key laptop)"
       redeem AAAAAAAAAAAAAAAAAAAAAAAAAA "$INVITE_CODE" "$(enrol_new_key)"; sleep 1.5
       gw_api GET "/v1/attempts?kind=enrol" | jq -r '[.items[].reason] | unique | join(" ")')"

# --- 64 at once ----------------------------------------------------------------------------------------
enrol_invite maria
before=$(gw_api GET /v1/devices | jq '.items | length')
for i in $(seq 64); do enrol_new_key; done >"$LAB_DIR/keys64"
statuses=$(enrol_at_once laptop "$INVITE_TOKEN" "$INVITE_CODE" "$LAB_DIR/keys64" | sort | uniq -c | tr -s ' ' | tr '\n' ';')
same "of 64 at once, each from another place, one enrols" " 1 201; 63 403;" "$statuses"
same "and one device has come of it" $((before + 1)) "$(gw_api GET /v1/devices | jq '.items | length')"

# --- what answers there ----------------------------------------------------------------------------------
web() { lab_on "$1" curl -sk -o /dev/null -w '%{http_code}' --max-time $((2 * LAB_SLOW)) "${@:2}" || true; }
for path in /%2e%2e/etc/passwd /../etc/passwd /enrol/; do
    same "nor at $path" 400 "$(web attacker --path-as-is "$ENROL_URL$path")"
done
for path in / /v1/me /v1/status /v1/users /v1/nonce /v1/session /sign-in /metrics /enrol.html; do
    same "nothing at $path" 404 "$(web attacker --path-as-is "$ENROL_URL$path")"
done
for path in /enrol /enrol.js /qr.js /style.css; do
    same "the page's $path" 200 "$(web attacker "$ENROL_URL$path")"
done
same "a form from elsewhere is no question" 415 "$(web attacker -d 'token=x' "$ENROL_URL/v1/enrol")"
same "nor one from another site" 403 "$(web attacker -H 'Origin: https://evil.example' -H 'Content-Type: application/json' -d '{}' "$ENROL_URL/v1/enrol")"
same "nor one of 9 kB" 413 "$(web attacker -H 'Content-Type: application/json' -d "$(head -c 9000 /dev/zero | tr '\0' a)" "$ENROL_URL/v1/enrol")"
for path in /enrol /v1/enrol; do
    same "inside the tunnel there is no $path" 000 "$(web laptop --interface wg0 "https://$GW_TUNNEL4:8443$path")"
    same "nor on the portal" 404 "$(web laptop --interface wg0 "http://$GW_TUNNEL4$path")"
done

test_end
