#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# People sign their part of the policy: who has not in time reaches the portal and what puts things right, and
# nothing else, live connections included; who signs is in at once; a policy that says the same to a person
# asks nothing of them, one that does not shows what is new.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

WITHIN=$((12 * LAB_SLOW))
policy=$(mktemp)
# write_policy [SED]: the lab's policy with the statement, altered.
write_policy() {
    { sed -E "${1-}" "$LAB_SOURCE/lab.policy.conf"; echo "acknowledge within ${2-$WITHIN}s"; } >"$policy"
}
write_policy
scenario_begin "$policy"
staff_host laptop 21
staff_host desk 22
gw_api POST /v1/users '{"name":"maria","roles":["clerk"]}' >/dev/null
gw_api POST /v1/users '{"name":"otto","roles":["guest"]}' >/dev/null
staff_enrol laptop maria
staff_enrol desk otto

page() { lab_on laptop curl -sS --max-time 10 "http://$GW_TUNNEL4$1"; }
# sign HASH [HEADER]: the answer, its status is the last line.
sign() {
    lab_on laptop curl -sS --max-time 10 -w '\n%{http_code}\n' ${2+-H "$2"} \
        --data-urlencode "sha256=$1" "http://$GW_TUNNEL4/policy"
}
hash_of() { page /policy | sed -n 's/.*name="sha256" value="\([0-9a-f]*\)".*/\1/p'; }
standing() { gw_api GET "/v1/users/$1" | jq -r .acknowledgement.state; }
reach() { lab_on "$1" probe -t 2000 tcp "${2-10.20.0.10}" 80; }
apply() { gw_cli policy apply "$1"; }

# --- the time to sign ---------------------------------------------------------------------------------
staff_report laptop healthy >/dev/null
staff_report desk healthy >/dev/null
lab_start office server flow udp recv 10.20.0.11 6001
lab_ready office server
lab_start laptop sender flow -r "$(lab_rate 200)" udp send 10.20.0.11 6001
by=$(gw_api GET /v1/users/maria | jq .acknowledgement.by)
check "who has not signed yet is in" grep -q in <<<"$(gw_api GET /v1/devices/maria | jq -r .state)"
same "the lease ends when the time does" "$by" "$(gw_api GET /v1/devices/maria | jq .lease.until)"
check "their page says so, and until when" grep -q 'Read your part of the policy and sign it</b></a> by' <<<"$(page /)"
same "both are asked" "due due" "$(standing maria) $(standing otto)"
text=$(page /policy)
check "the text says what they may reach" grep -q '<span>web</span>' <<<"$text"
check "and what their device must be like" grep -q 'Its system disk is encrypted' <<<"$text"
check "and what is recorded" grep -q 'What you do within what you may reach is not recorded' <<<"$text"
refuse "and nothing of others" grep -qi guest <<<"$text"
old=$(hash_of)

# --- it is over -----------------------------------------------------------------------------------------
sleep $((by + 2 - $(date +%s)))
lab_pause 1
lab_stop office server
last=$(($(lab_output office server | jq .last_ns) / 1000000000))
check "the connection that was open went on until then ($last, $by)" test "$last" -ge $((by - 2))
check "and ended with it" test "$last" -le "$by"
same "the reason is that" acknowledge "$(gw_api GET /v1/devices/maria | jq -r .reason)"
refuse "no new one opens" reach laptop
check "what puts things right is open" lab_on laptop probe -t 2000 tcp 10.20.0.40 443
check "the portal is, and says what to do" grep -q 'The time to sign is over' <<<"$(page /policy)"
check "explain says it" grep -q 'sign the policy' <<<"$(gw_cli explain maria 10.20.0.10:443)"
staff_report laptop healthy >/dev/null 2>&1
refuse "another good report does not help" reach laptop

# --- signing --------------------------------------------------------------------------------------------
same "another site cannot sign for them" 403 "$(sign "$old" 'Origin: http://evil.example' | tail -n 1)"
same "nor does a text that they were not shown count" 409 "$(sign "${old//[0-9]/0}" | tail -n 1)"
refuse "nothing of that has let them in" reach laptop
out=$(sign "$old")
same "they sign" 200 "$(tail -n 1 <<<"$out")"
check "which is said" grep -q 'You have signed' <<<"$out"
check "and are in at once" reach laptop
same "once is enough" 409 "$(sign "$old" | tail -n 1)"
list=$(gw_cli user acknowledgements)
check "the list has who has not first" grep -qE '^otto +overdue' <<<"$(sed -n 2p <<<"$list")"
check "and counts" grep -q '1 of 2 have signed; 0 may still do so, 1 are overdue' <<<"$list"
same "the same as JSON" "overdue signed" \
    "$(gw_cli --json user acknowledgements | jq -r '[.items[] | .acknowledgement.state] | sort | join(" ")')"
refuse "the other one is still out" lab_on desk probe -t 2000 tcp 10.20.0.11 6002

# --- another policy -------------------------------------------------------------------------------------
write_policy 's/^(role guest \{ reach flows) /\1, web /' 3600
check "one that touches the other alone is applied" apply "$policy"
same "and asks nothing of who has signed" signed "$(standing maria)"
check "who stays in" reach laptop
check "with an hour to sign the other is in meanwhile" reach desk
write_policy 's/^(role clerk \{ reach web, flows, more), ping /\1 /' 3600
check "one that touches them says so" grep -q '1 person has to sign' <<<"$(apply "$policy")"
same "they are asked" due "$(standing maria)"
check "and in meanwhile" reach laptop
text=$(page /policy)
check "what is gone is marked" grep -q '<del>ping</del>' <<<"$text"
check "what is as it was is not" grep -q '<span>flows</span>' <<<"$text"
same "the button is for the new text" 409 "$(sign "$old" | tail -n 1)"
same "they sign it" 200 "$(sign "$(hash_of)" | tail -n 1)"
gw_stop
gw_start
same "a restart does not forget it" signed "$(standing maria)"
same "each signature is in the audit log" 2 "$(gw_cli audit show | grep -c 'policy.acknowledge ')"
rm -f "$policy"
test_end
