#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A role that asks for a sign-in: a code from the admin, a passphrase and an authenticator app chosen on the portal,
# access by it, recovery without the app; what guesses or comes from another site is refused and recorded.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

PASS='purple kettle stands alone'
policy=$(mktemp)
{ cat "$LAB_SOURCE/lab.policy.conf"
  echo 'role careful { reach web  posture baseline  sign-in every 12h }'; } >"$policy"
scenario_begin "$policy"
rm -f "$policy"
staff_host laptop 21
gw_api POST /v1/users '{"name":"maria","roles":["careful"]}' >/dev/null
staff_enrol laptop maria

# The portal's answer to a form: form PATH NAME=VALUE ...; its status is the last line.
form() {
    local path=$1 args=()
    shift
    for f in "$@"; do args+=(--data-urlencode "$f"); done
    lab_on laptop curl -sS --max-time 10 -w '\n%{http_code}\n' ${FORM_HEADER+-H "$FORM_HEADER"} \
        "${args[@]}" "http://$GW_TUNNEL4$path"
}
status() { tail -n 1 <<<"$1"; }
page() { lab_on laptop curl -sS --max-time 10 "http://$GW_TUNNEL4$1"; }
reach() { lab_on laptop probe -t 2000 tcp 10.20.0.10 80; }

# --- before ----------------------------------------------------------------------------------------
refuse "a healthy device alone does not let a role in that asks for a sign-in" staff_report laptop healthy
same "and the reason is that" sign-in "$(gw_api GET /v1/devices/maria | jq -r .reason)"
check "the page leads to it" grep -q 'href="/sign-in"' <<<"$(page /)"
check "there it says how one begins" grep -q 'You have no passphrase yet' <<<"$(page /sign-in)"
check "forms go to the portal itself only" grep -qi "form-action 'self'" \
    <<<"$(lab_on laptop curl -sSI "http://$GW_TUNNEL4/set-up")"
refuse "no form renews itself under the hand that types" grep -q 'http-equiv="refresh"' <<<"$(page /set-up)"

# --- choosing --------------------------------------------------------------------------------------
code=$(gw_cli --json user sign-in-code maria | jq -r .code)
check "the code has 130 bits" test "$(tr -d - <<<"$code" | wc -c)" -eq 27
out=$(form /set-up "code=$code" "passphrase=$PASS" "again=another passphrase here")
same "typed differently the second time" 422 "$(status "$out")"
out=$(form /set-up "code=$code" "passphrase=password password 1" "again=password password 1")
same "a common passphrase is refused" 422 "$(status "$out")"
check "in words" grep -q 'among those that are tried first' <<<"$out"
out=$(form /set-up "code=AAAAA-$code" "passphrase=$PASS" "again=$PASS")
same "a wrong code is refused" 403 "$(status "$out")"
out=$(FORM_HEADER='Origin: http://evil.example' form /set-up "code=$code" "passphrase=$PASS" "again=$PASS")
same "another site's form is refused" 403 "$(status "$out")"
out=$(form /set-up "code=$code" "passphrase=$PASS" "again=$PASS")
same "then it is taken" 200 "$(status "$out")"
secret=$(sed -n 's/.*this secret: <code>\([A-Z2-7]*\)<.*/\1/p' <<<"$out")
check "there is a QR code and the secret" test "$(grep -c '<svg' <<<"$out")" -eq 1 -a ${#secret} -eq 32
out=$(form /set-up/confirm "code=$code" "totp=$(lab_totp "$secret" -1)")
same "the app's code makes it hold" 200 "$(status "$out")"
recovery=$(grep -o '<li><code>[A-Z2-9-]*' <<<"$out" | sed 's/.*>//' | head -n 1)
same "eight recovery codes are shown" 8 "$(grep -o '<li><code>' <<<"$out" | wc -l)"
same "the person is signed in" in "$(gw_api GET /v1/devices/maria | jq -r .state)"
check "and gets to work" reach
check "the page says until when" grep -q 'Signed in until' <<<"$(page /)"

# --- signing in ------------------------------------------------------------------------------------
out=$(form /sign-in "passphrase=$PASS" "code=$(lab_totp "$secret")")
same "signed in again with both" 200 "$(status "$out")"
out=$(form /sign-in "passphrase=$PASS" "code=$(lab_totp "$secret")")
same "the same code again is refused" 403 "$(status "$out")"
out=$(form /v1/sign-in "passphrase=$PASS" "code=$recovery")
same "without the app, by a recovery code" 200 "$(status "$out")"
# --- a lost device ---------------------------------------------------------------------------------
staff_host phone 22
STAFF_DEVICE_SUFFIX=-phone staff_enrol phone maria
staff_report phone healthy >/dev/null
check "the phone is in as well" lab_on phone probe -t 2000 tcp 10.20.0.10 80
check "the page lists both" grep -q 'maria-phone' <<<"$(page /)"
check "the form asks for the passphrase" grep -q 'name="passphrase"' <<<"$(page /lost)"
out=$(form /lost device=maria-phone "passphrase=$PASS")
same "reported lost" 200 "$(status "$out")"
refuse "it reaches nothing any more" lab_on phone probe -t 1000 tcp 10.20.0.10 80
same "and is on record as lost" lost "$(gw_api GET /v1/devices/maria-phone | jq -r .state)"

# --- guessing --------------------------------------------------------------------------------------
for _ in 1 2 3 4 5 6; do out=$(form /sign-in "passphrase=guess" "code=000000"); done
same "guessing ends" 429 "$(status "$out")"
sleep 1.2
check "who guessed is on record" grep -q 'sign-in-failed' <<<"$(gw_cli attempts list --kind sign-in)"
check "each act is in the audit log" grep -q 'user.sign-in ' <<<"$(gw_cli audit show)"
refuse "and no passphrase is anywhere in the state" grep -rqa "$PASS" "$LAB_DIR/gw/state"
test_end
