#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Who administers, by the console's real door: signing in with both factors, what each role may, what ends a
# session, and what another site, a guesser or a thief of a cookie gets.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/console.sh"

lab_begin
net_make
gw_write_config
cp "$LAB_SOURCE/lab.policy.conf" "$LAB_DIR/gw/policy.conf"
console_config
gw_start
gw_cli user add maria --role "$(gw_api GET /v1/policy | jq -r .text | sed -n 's/^role \([a-z-]*\).*/\1/p' | head -n 1)" >/dev/null

jar() { cat "$LAB_DIR/$1.cookies"; }
token() { awk '/__Host-portcullis/ {print $7}' "$LAB_DIR/$1.cookies"; }
acts() { gw_api GET "/v1/audit?act=$1" | jq -c '.items[-1] | {actor, console, from: .detail.from}'; }

# --- signing in --------------------------------------------------------------------------------------
same "nothing without a session" 401 "$(console_is olga GET /v1/status)"
console_admin olga owner
check "set up by the link, she is signed in" test "$(console_is olga GET /v1/status)" = 200
same "as who she is" '["olga","owner","10.20.0.30"]' \
    "$(console_answer "$(console olga GET /v1/session)" | jq -c '[.user, .role, .from]')"
console olga DELETE /v1/session >/dev/null
same "signed out" 401 "$(console_is olga GET /v1/status)"
CONSOLE_CURL=(-i)
out=$(console_sign_in olga 0)
CONSOLE_CURL=()
same "signed in with passphrase and app" 200 "$(console_status "$out")"
cookie=$(grep -i '^set-cookie:' <<<"$out" | tr -d '\r')
for flag in Secure HttpOnly SameSite=Strict Path=/; do
    check "the cookie is $flag" grep -qiE "; ?$flag(;|$)" <<<"$cookie"
done
check "it is bound to this host" grep -qi '^set-cookie: *__Host-portcullis=' <<<"$cookie"
refuse "it is kept by no disk" grep -qiE 'expires|max-age' <<<"$cookie"
refuse "its token is in no answer" grep -q "$(token olga)" <<<"$(sed '/^[Ss]et-[Cc]ookie/d' <<<"$out")"
same "the same code again is refused" 403 "$(console_status "$(console_sign_in olga 0)")"
same "recorded with name and address" '{"actor":"olga","console":true,"from":"10.20.0.30"}' \
    "$(acts console.sign-in)"
check "status shows her" grep -q 'olga (owner) from 10.20.0.30' <<<"$(gw_cli status)"

# --- roles ---------------------------------------------------------------------------------------------
for one in oskar:operator hela:helpdesk aud:auditor; do console_admin "${one%:*}" "${one#*:}"; done
same "the help desk gives staff a code" 201 "$(console_is hela POST /v1/users/maria/sign-in-code '{}')"
same "but no admin" 403 "$(console_is hela POST /v1/users/olga/sign-in-code '{}')"
same "nor the operator" 403 "$(console_is oskar POST /v1/users/olga/sign-in-code '{}')"
same "the help desk grants nothing" 403 "$(console_is hela PUT /v1/users/maria/roles '{"roles":[]}')"
same "the operator makes no admin" 403 "$(console_is oskar PUT /v1/admins/oskar '{"role":"owner"}')"
check "and where she sat" grep -q "hela .*forbidden .*from 10.20.0.30" <<<"$(sleep 1.2; gw_cli attempts list --kind admin)"
same "an attempt with her name" '["forbidden","hela","10.20.0.30"]' "$(sleep 1.2
    gw_api GET '/v1/attempts?kind=admin&user=hela' | jq -c '.items[0] | [.reason, .user, .source]')"
same "the operator revokes, under his name" true \
    "$(console_answer "$(console oskar POST /v1/users/maria/revoke '{"reason":"left"}')" | jq .verified)"
check "and the audit log shows how" grep -q 'oskar (console) .*user.revoke .*maria' \
    <<<"$(gw_cli audit show --act user.revoke | tr -s ' ')"

# Each operation of the contract that asks for one of these roles, by somebody who has it not: none is allowed.
# Prints those that are.
allowed() {
    local who=$1 method path body
    shift
    jq -r --args '.paths | to_entries[] | .key as $p | .value | to_entries[]
            | select(.value["x-right"] | IN($ARGS.positional[])) | "\(.key | ascii_upcase) \($p)"' "$@" \
        <"$LAB_TOP/admin/openapi.json" >"$LAB_DIR/walk"
    while read -r method path; do
        path=${path/\{NAME\}/maria} path=${path/\{ID\}/1} path=${path/\{KID\}/k}
        body=('{}')
        [ "$method" != DELETE ] || body=()
        [ "$(console_is "$who" "$method" "$path" "${body[@]}")" = 403 ] || echo "$method $path"
    done <"$LAB_DIR/walk"
}
before=$(gw_api GET /v1/policy | jq .version)
same "the auditor is refused every change" "" "$(allowed aud helpdesk operator owner)"
check "which are many" test "$(wc -l <"$LAB_DIR/walk")" -ge 30
same "the help desk all that are not its own" "" "$(allowed hela operator owner)"
same "the operator those of owners" "" "$(allowed oskar owner)"
same "the policy is what it was" "$before" "$(gw_api GET /v1/policy | jq .version)"

# --- what ends a session -----------------------------------------------------------------------------------
same "aud reads" 200 "$(console_is aud GET /v1/audit)"
cp "$LAB_DIR/aud.cookies" "$LAB_DIR/stolen.cookies"
lab_start office stream curl -sSkN --interface $CONSOLE_FROM -b "$LAB_DIR/aud.cookies" -H 'Accept: text/event-stream' \
    "$CONSOLE/v1/events"
streams() { lab_on office kill -0 "$(lab_job_pid office stream)" 2>/dev/null; }
gw_cli user add zoe >/dev/null
check "and hears what happens" lab_wait_for 3 grep -q zoe "$LAB_DIR/log/office.stream"
gw_cli user revoke aud >/dev/null
stream_ended() { ! streams; }
check "revoked, the stream ends" lab_wait_for 3 stream_ended
same "revoked, the next request is refused" 401 "$(console_is aud GET /v1/audit)"
same "a copied cookie, too" 401 "$(console_is stolen GET /v1/audit)"
gw_cli user restore aud >/dev/null
same "and stays so" 401 "$(console_is stolen GET /v1/audit)"
same "hela works" 200 "$(console_is hela GET /v1/users)"
same "signed out by root" "1 ended." "$(gw_cli admin sign-out hela)"
same "she is" 401 "$(console_is hela GET /v1/users)"
gw_cli admin add oskar --role auditor >/dev/null
same "another role, another session" 401 "$(console_is oskar GET /v1/audit)"
gw_signal KILL
gw_start
same "a restart ends all" 401 "$(console_is olga GET /v1/status)"

# --- other sites, other tokens --------------------------------------------------------------------------
same "she signs in again" 200 "$(console_status "$(console_sign_in olga 1)")"
CONSOLE_CURL=(-H 'Origin: https://evil.example')
same "another site's request is refused" 403 "$(console_is olga POST /v1/users/aud/revoke '{}')"
CONSOLE_CURL=(-H 'Sec-Fetch-Site: cross-site')
same "also by what the browser says" 403 "$(console_is olga POST /v1/users/aud/revoke '{}')"
CONSOLE_CURL=(-H 'Origin: null')
same "or of no site" 403 "$(console_is olga DELETE /v1/session)"
CONSOLE_CURL=(-H 'Host: evil.example')
same "or by another name" 421 "$(console_is olga GET /v1/status)"
CONSOLE_CURL=()
same "nothing came of it" active "$(gw_api GET /v1/users/aud | jq -r .state)"
same "a token in the address is none" 401 "$(console_is nobody GET "/v1/status?session=$(token olga)")"
CONSOLE_CURL=(-H "Cookie: __Host-portcullis=$(token olga); __Host-portcullis=$(token olga)")
same "two cookies are none" 401 "$(console_is nobody GET /v1/status)"
CONSOLE_CURL=(-H "Portcullis-Actor: olga" -H "Authorization: Bearer $(token olga)")
same "a header is none" 401 "$(console_is nobody GET /v1/status)"
CONSOLE_CURL=()

# --- guessing -------------------------------------------------------------------------------------------
before=$(token olga)
statuses=$(for i in 1 2 3 4 5 6 7; do console_is guess POST /v1/session \
    '{"user":"olga","passphrase":"correct horse battery","code":"123456"}'; done | sort | uniq -c | tr -s ' \n' ' ')
same "five tries from one place, then none" " 5 403 2 429 " "$statuses"
same "who is signed in works on" 200 "$(console_is olga GET /v1/status)"
same "with the same session" "$before" "$(token olga)"
CONSOLE_FROM=10.20.0.35
same "elsewhere a used code is refused for what it is" 403 "$(console_status "$(console_sign_in olga 1)")"
same "and she signs in with a recovery code" 200 "$(console_status "$(console_sign_in olga "$(cat "$LAB_DIR/olga.recovery")")")"
sleep 1.2
check "the guesser's address is on record" jq -e '.items | map(select(.source == "10.20.0.30" and
    .user == "olga" and .reason == "sign-in-failed")) | length == 1' <<<"$(gw_api GET '/v1/attempts?kind=sign-in')"

# --- the last owner ---------------------------------------------------------------------------------------
same "the only owner cannot be removed" 409 "$(console_is olga DELETE /v1/admins/olga)"
same "nor revoke herself" 409 "$(console_is olga POST /v1/users/olga/revoke '{}')"
check "root can" gw_cli admin remove olga
same "and she is out" 401 "$(console_is olga GET /v1/status)"
check "the log is whole" gw_cli audit verify
test_end
