#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# admin/openapi.json is what the daemon does: every operation is called, with success, and each answer and each
# refusal fits its schema, which names all members that may come.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/console.sh"

DOCUMENT=$LAB_TOP/admin/openapi.json

# The lines that openapi.py says are lines of this test.
openapi() {
    local line
    while IFS= read -r line; do
        case $line in
            "ok - "*) ok "${line#ok - }" ;;
            "not ok - "*) not_ok "${line#not ok - }" ;;
            *) printf '%s\n' "$line" ;;
        esac
    done < <(lab_on gw env OPENAPI_SEEN="$LAB_DIR/seen" /usr/bin/python3 "$LAB_SOURCE/openapi.py" "$DOCUMENT" "$@" 2>&1)
}
calls() { openapi call "$GW_SOCKET"; }
# An answer got by the console: asked WHO METHOD PATH [BODY].
asked() {
    local out
    out=$(console "$@")
    openapi given <<<"$2 $3 $(console_status "$out") $(console_answer "$out")"
}
# A new public key of Ed25519 in base64url.
key() {
    openssl genpkey -algorithm ed25519 -outform der | openssl pkey -inform der -pubout -outform der | tail -c 32 |
        base64 -w0 | tr +/ -_ | tr -d =
}

lab_begin
net_make
office_start
gw_write_config
cat "$LAB_SOURCE/lab.policy.conf" - >"$LAB_DIR/gw/policy.conf" <<POLICY
enrolment { at most 5 devices  approve every device  invitation 2h }
acknowledge within 14d
respond { port-scan 10 within 5m lock   at most 10% of devices }
POLICY
CONSOLE_PORT=8444 CONSOLE=https://10.20.0.1:8444
console_config
sed -i -e 's/tunnel wg0 { /&endpoint access.lab.example   /' -e '$d' "$LAB_DIR/gw/gateway.conf"
printf '    enrol { listen 8443 }\n    tls { name access.lab.example }\n}\n' >>"$LAB_DIR/gw/gateway.conf"
gw_start
: >"$LAB_DIR/seen"
staff_join laptop 21 maria clerk healthy
staff_join sick 22 ben clerk healthy
# Two of them scan: the first is locked, the second would be beyond the share.
for host in laptop sick; do
    seq 7001 7012 | sed 's/^/tcp 10.20.0.11 /' | lab_on $host probe -t 100 >/dev/null
    lab_pause 1.2
done
# A device that waits for approval.
invite=$(gw_api POST /v1/users/ben/invite '{"device":"sick-new"}')
token=$(jq -r .link <<<"$invite") token=${token##*#}
lab_on attacker curl -sSk -H 'Content-Type: application/json' "https://$GW_OUTSIDE4:8443/v1/enrol" -d "$(jq -nc \
    --arg token "${token%%.*}" --arg code "$(jq -r .code <<<"$invite")" \
    --arg wireguard_key "$(wg genkey | wg pubkey)" '$ARGS.named')" >"$LAB_DIR/enrolled"

cat "$LAB_DIR/gw/policy.conf" - >"$LAB_DIR/next.conf" <<<'role night { reach web posture baseline }'
echo 'resource' >"$LAB_DIR/broken.conf"
first=$(gw_api GET '/v1/attempts?kind=packet' | jq '.items[0].id')

calls <<CALLS
GET /v1/openapi 200
GET /v1/status 200
POST /v1/users 201 {"name":"otto","roles":["clerk"],"full_name":"Otto Ortega","end":4000000000}
POST /v1/users 409 {"name":"otto","roles":[]}
POST /v1/users 400 {"nam":"otto"}
GET /v1/users?limit=1 200
GET /v1/users?role=clerk&state=active&q=ott&count=1 200
GET /v1/users?after=maria 200
GET /v1/users/maria 200
GET /v1/users/maira 404
PUT /v1/users/otto/roles 200 {"roles":["clerk","guest"]}
POST /v1/users/otto/sign-in 200
POST /v1/users/otto/sign-in-code 201
GET /v1/users/otto/passkeys 200
POST /v1/users/otto/passkeys/remove 404 {"id":9}
POST /v1/users/otto/invite 201 {"device":"otto-phone","valid_s":600}
GET /v1/invites?user=otto&state=open 200
POST /v1/invites/1/withdraw 409
POST /v1/invites/2/withdraw 200
GET /v1/devices/maria/config 200
GET /v1/admins 200
PUT /v1/admins/otto 201 {"role":"auditor"}
PUT /v1/admins/otto 200 {"role":"helpdesk"}
POST /v1/admins/otto/link 201
GET /v1/admins 200
DELETE /v1/admins/otto 200
DELETE /v1/admins/otto 404
GET /v1/session 409
GET /v1/devices?user=maria&state=in&q=maria&count=1&limit=5 200
GET /v1/devices/maria 200
POST /v1/devices 201 {"name":"spare","wireguard_key":"$(wg genkey | wg pubkey)","own":"byod","ueid":"AQIDBAUGBwgJCgsMDQ4PEBE"}
POST /v1/devices 201 {"name":"phone","user":"otto","wireguard_key":"$(wg genkey | wg pubkey)","issuer":{"kid":"phone-1","alg":"Ed25519","key":"$(key)"}}
PUT /v1/devices/spare/user 200 {"user":"otto"}
PUT /v1/devices/spare/user 409 {"user":"maria"}
POST /v1/devices/spare/approve 409
POST /v1/devices/sick-new/approve 200
POST /v1/devices/maria/exceptions 200 {"rule":"require fde.sys","until":$(($(date +%s) + 86400)),"reason":"new disk"}
POST /v1/devices/maria/unlock 200 {"reason":"talked to her"}
POST /v1/devices/maria/unlock 409 {"reason":"no"}
POST /v1/devices/spare/lost 200 {"reason":"left in a train"}
POST /v1/devices/phone/retire 200
GET /v1/devices/phone 200
GET /v1/attempts 200
GET /v1/attempts?user=maria&kind=packet&reason=not-permitted&since=1&until=4000000000&q=10.20&limit=3 200
GET /v1/attempts?newest=1&limit=1&before=4000000000-9 200
GET /v1/attempts?format=ecs&limit=2 200
GET /v1/attempts/$first 200
GET /v1/attempts/$first?format=ecs 200
GET /v1/attempts/$first/packets 200
POST /v1/cases 201 {"user":"maria","attempts":[$first],"note":"asked her"}
GET /v1/cases?user=maria&state=open 200
POST /v1/cases/1/notes 200 {"text":"again","attempts":[$first]}
POST /v1/cases/1/close 200 {"finding":"nothing","outcome":"training"}
POST /v1/cases/1/close 409 {"finding":"nothing","outcome":"training"}
GET /v1/cases/1 200
GET /v1/attempts/$first 200
GET /v1/respond 200
POST /v1/respond/allow 200 {"reason":"all"}
POST /v1/respond/allow 409 {"reason":"all"}
GET /v1/issuers?limit=5 200
POST /v1/issuers 201 {"iss":"mdm.example","kid":"mdm-1","alg":"Ed25519","key":"$(key)","kind":"mdm","assurance":"PA3","not_before":1,"not_after":4000000000,"nonce_required":true,"life_max":600}
GET /v1/issuers 200
POST /v1/issuers/mdm-1/revoke 200
POST /v1/policy/check 200 @$LAB_DIR/next.conf
POST /v1/policy/check 200 @$LAB_DIR/broken.conf
POST /v1/policy/diff 200 @$LAB_DIR/next.conf
POST /v1/policy/apply 422 @$LAB_DIR/broken.conf
POST /v1/policy/apply?confirm=300&mass_removal=1 200 @$LAB_DIR/next.conf
GET /v1/status 200
POST /v1/policy/confirm 200
POST /v1/policy/rollback 200
GET /v1/policy 200
GET /v1/policy?version=1 200
GET /v1/explain?user=maria&to=10.20.0.10&port=80&proto=tcp 200
GET /v1/explain?user=maria&device=maria&to=flows 200
GET /v1/explain?user=maria&to=10.99.0.1&port=1 200
GET /v1/explain?user=maria 400
GET /v1/who?to=web&port=80&proto=tcp 200
GET /v1/who?to=10.20.0.10&port=80 200
GET /v1/events 200
GET /v1/events?after=-1&limit=1 200
GET /v1/history 200
GET /v1/audit 200
GET /v1/audit?after=1&limit=2&about=maria&act=user&actor=lab&since=1&until=4000000000&log=audit 200
GET /v1/audit?last=3&log=attempts 200
GET /v1/audit/proof?limit=2&size=5 200
GET /v1/audit/checkpoint?from=2&log=audit 200
POST /v1/audit/verify?log=attempts 200
POST /v1/audit/new-key 200
POST /v1/users/otto/compromised 200 {"reason":"phished"}
POST /v1/users/maria/revoke 200 {"reason":"left"}
POST /v1/users/maria/revoke 400 {"why":"left"}
GET /v1/users/maria 200
GET /v1/devices/maria 200
POST /v1/users/maria/restore 200
POST /v1/devices/maria/revoke 200
GET /v1/invites 200
CALLS

# --- the console's own ---------------------------------------------------------------------------------
gw_cli user add olga >/dev/null
gw_cli admin add olga --role owner >/dev/null
code=$(gw_cli --json user sign-in-code olga | jq -r .code)
asked olga GET /v1/session
asked olga POST /v1/session/set-up "{\"user\":\"olga\",\"code\":\"x\",\"passphrase\":\"$CONSOLE_PASS\"}"
out=$(console olga POST /v1/session/set-up "{\"user\":\"olga\",\"code\":\"$code\",\"passphrase\":\"$CONSOLE_PASS\"}")
console_answer "$out" | jq -r .secret >"$LAB_DIR/olga.totp"
openapi given <<<"POST /v1/session/set-up $(console_status "$out") $(console_answer "$out")"
secret=$(cat "$LAB_DIR/olga.totp")
asked olga POST /v1/session/confirm "{\"user\":\"olga\",\"code\":\"$code\",\"totp\":\"$(lab_totp "$secret" -1)\"}"
out=$(console_sign_in olga 0)
openapi given <<<"POST /v1/session $(console_status "$out") $(console_answer "$out")"
asked olga GET /v1/session
asked olga GET /v1/sessions
asked olga GET /v1/session/passkeys
asked olga POST /v1/session/passkey/begin '{}'
asked olga POST /v1/session/passkey/finish '{}'
asked olga POST /v1/session/passkeys/begin '{}'
asked olga POST /v1/session/passkeys/remove '{"id":1}'
asked olga GET /v1/status
asked olga POST /v1/sessions/999/end '{}'
CONSOLE_CURL=(-o "$LAB_DIR/evidence")
same "packets are downloaded by the console" 200 "$(console_is olga GET "/v1/attempts/$first/packets")"
CONSOLE_CURL=()
same "as a pcapng file" 0a0d0d0a "$(head -c 4 "$LAB_DIR/evidence" | od -An -tx1 | tr -d ' ')"
same "and it is recorded who has them" '["olga",true]' \
    "$(gw_api GET '/v1/audit?act=attempt.export' | jq -c '.items[-1] | [.actor, .console]')"
console_sign_in olga 1 >/dev/null
asked olga DELETE /v1/session
console_admin second owner
own=$(console_answer "$(console second GET /v1/session)" | jq .id)
asked second POST "/v1/sessions/$own/end" '{}'
asked second GET /v1/status
# Only an authenticator makes a passkey: tests/browser has one.
printf 'POST /v1/%s\n' "users/{NAME}/passkeys/remove" session/passkey/finish session/passkeys/{finish,rename,remove} \
    >>"$LAB_DIR/seen"
openapi seen

# What the daemon reads behind '?', by its sources, and what the document says that it does.
same "every word behind '?' is in the document" "" "$(comm -23 \
    <(grep -rhoE 'query_(get|int)\(q, "[a-z_]+"' "$LAB_TOP/gateway" | cut -d'"' -f2 | sort -u | grep -vx by) \
    <(jq -r '.. | objects | select(.in? == "query") | .name' "$DOCUMENT" | sort -u))"
test_end
