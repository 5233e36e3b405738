#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# A device without a lease reaches portal and remediation, nothing else; it is told why; each
# denied attempt is on record with the person behind it, and counted.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# What quarantine may reach: remediation (updates, https) and of the gateway portal and ping.
ALLOWED="tcp 10.20.0.40 443
tcp fd20::40 443
tcp $GW_TUNNEL4 80
tcp $GW_TUNNEL6 80
icmp $GW_TUNNEL4 -
icmp $GW_TUNNEL6 -"

# Everything that could answer: the office's services, pings, and the gateway's own.
everything() {
    local a
    office_services
    for a in 10.20.0.9 10.20.0.10 10.20.0.11 10.20.0.40 fd20::10 fd20::11 fd20::40 10.20.0.1 fd20::1; do
        printf 'icmp %s -\n' "$a"
    done
    printf 'tcp 10.20.0.1 %s\n' 22 80
    printf '%s\n' "$ALLOWED"
}

# Which of everything host $1 reaches, sorted.
reaches() { everything | sort -u | lab_on "$1" probe -t 2500 | sed -n 's/^reached //p' | sort; }

# The attempts of a device, one line each: user device destination proto port reason.
attempts() {
    gw_api GET "/v1/attempts?device=$1&limit=5000" |
        jq -r '.items[] | "\(.user) \(.device) \(.destination) \(.proto) \(.port) \(.reason)"'
}

scenario_begin
staff_join fresh 21 fresh clerk none
staff_join sick 22 sick clerk sick
staff_join laptop 24 laptop clerk
allowed=$(sort <<<"$ALLOWED")
before=$(gw_api GET /v1/status | jq '.denied["no-lease"].denied')

same "a device that has never reported reaches portal and remediation alone" "$allowed" "$(reaches fresh)"
same "a device that reported bad health likewise" "$allowed" "$(reaches sick)"
check "control: a healthy one reaches the office" lab_on laptop probe tcp 10.20.0.10 80

# --- told why ---------------------------------------------------------------------------------
me=$(lab_on sick curl -sS --max-time $((5 * LAB_SLOW)) "http://$GW_TUNNEL4/v1/me")
same "the portal says who it is and that it is in quarantine" "sick quarantine" \
    "$(jq -r '"\(.user) \(.state)"' <<<"$me")"
check "which rule failed, what was expected and received, and how to fix it" \
    jq -e '[.posture.rules[] | select(.rule | test("fde.sys"))][0] |
        .expected and .received and .fix and (.result != "pass")' <<<"$me"
same "with its code" PL708 "$(jq -r .code <<<"$me")"
page=$(lab_on sick curl -sS --max-time $((5 * LAB_SLOW)) "http://$GW_TUNNEL4/")
check "the page for a person says it too" grep -q PL708 <<<"$page"
refuse "and holds no script" grep -qi '<script' <<<"$page"
check "the portal speaks IPv6 as well" lab_on sick curl -sS --max-time $((5 * LAB_SLOW)) "http://[$GW_TUNNEL6]/v1/me"

# --- on record ---------------------------------------------------------------------------------
lab_pause 1
check "a denied attempt is on record with person, device, destination and reason" \
    grep -qx "sick sick 10.20.0.9 tcp 5432 no-lease" <<<"$(attempts sick)"
check "an IPv6 one as well" grep -qx "sick sick fd20::10 tcp 443 no-lease" <<<"$(attempts sick)"
check "and the other person's under their own name" \
    grep -qx "fresh fresh 10.20.0.9 tcp 5432 no-lease" <<<"$(attempts fresh)"
same "nothing is on record against the one who may" "" "$(attempts laptop | grep no-lease)"
lab_on laptop probe -t 300 tcp 10.20.0.9 5432 >/dev/null
lab_pause 1
check "a destination outside the role is recorded as not permitted" \
    grep -qx "laptop laptop 10.20.0.9 tcp 5432 not-permitted" <<<"$(attempts laptop)"

# --- counted -----------------------------------------------------------------------------------
# 3,000 datagrams at once: far more than the log takes; the counter must have each.
middle=$(gw_api GET /v1/status | jq '.denied["no-lease"].denied')
check "the probes were counted" test "$middle" -gt "$before"
lab_on sick rawsend -n 3000 -r "$(lab_rate 3000)" wg0 "$(staff_address sick 4)" 4000 10.20.0.9 9 >/dev/null
lab_pause 1
after=$(gw_api GET /v1/status | jq '.denied["no-lease"].denied')
check "a burst of 3,000 is counted exactly ($((after - middle)))" \
    test $((after - middle)) -ge 3000 -a $((after - middle)) -le 3003

# --- out again ---------------------------------------------------------------------------------
check "repaired and reported, it is in" staff_report sick healthy
check "and reaches what its role may" lab_on sick probe -t 3000 tcp fd20::10 443
refuse "falling sick again puts it out" staff_report sick sick
check "and it hears the answer to the very report that does" \
    grep -q "You are in quarantine" <<<"$(staff_answer sick)"
test_end
