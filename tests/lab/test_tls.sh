#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The doors by TLS: enrolment from outside, the console from the office's named network alone, the
# portal by its name; none of them from where it is not meant to be, and all of them there again
# after their process was killed.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

ADMIN=10.20.0.30     # may reach the console; 10.20.0.35 may not
ENROL=https://$GW_OUTSIDE4:8443
CONSOLE=https://10.20.0.1:8444

write_config() {
    gw_write_config
    cp "$LAB_SOURCE/lab.policy.conf" "$LAB_DIR/gw/policy.conf"
    sed -i -e '$d' -e 's/tunnel wg0 { /&endpoint access.lab.example   /' "$LAB_DIR/gw/gateway.conf"
    cat >>"$LAB_DIR/gw/gateway.conf" <<CONF
    tls { name access.lab.example }
    enrol { listen 8443 }
    console eth1 { listen 10.20.0.1:8444   from $ADMIN }
}
CONF
}

# web HOST ARGUMENTS...: the status of one request, 000 when nothing answers.
web() {
    local from=$1
    shift
    lab_on "$from" curl -sk -o /dev/null -w '%{http_code}' --max-time $((2 * LAB_SLOW)) "$@" || true
}

pid_of() {
    gw_daemon_pids | while read -r p; do
        ! lab_on gw grep -qaz -- "^portcullisd: $1" "/proc/$p/cmdline" || echo "$p"
    done
}
other_than() { local p; p=$(pid_of "$1"); [ -n "$p" ] && [ "$p" != "$2" ]; }
user_of() { lab_on gw ps -o user:32= -p "$1"; }

lab_begin
net_make
write_config
gw_start
staff_join laptop 21 laptop clerk

# --- who reaches which door --------------------------------------------------------------------------
json=(-H 'Content-Type: application/json' -d '{}')
same "enrolment answers from outside" 400 "$(web attacker "${json[@]}" $ENROL/v1/enrol)"
same "by IPv6 too" 400 "$(web attacker "${json[@]}" "https://[$GW_OUTSIDE6]:8443/v1/enrol")"
same "the console answers its network" 401 "$(web office --interface $ADMIN $CONSOLE/v1/session)"
same "with its pages" 200 "$(web office --interface $ADMIN $CONSOLE/)"
same "and nobody else of the office" 000 "$(web office --interface 10.20.0.35 $CONSOLE/v1/session)"
same "nor anybody outside" 000 "$(web attacker $CONSOLE/v1/session)"
same "enrolment is not there for the office" 000 "$(web office $ENROL/v1/enrol)"
for url in $ENROL/v1/enrol $CONSOLE/v1/session https://$GW_TUNNEL4:8443/ https://$GW_TUNNEL4:8444/; do
    same "nothing of it answers in the tunnel: $url" 000 "$(web laptop --interface wg0 "$url")"
done
same "the portal is there by TLS and the gateway's name" 200 \
    "$(web laptop --resolve "access.lab.example:443:$GW_TUNNEL4" https://access.lab.example/v1/me)"
same "by its address, too" 200 "$(web laptop "https://[$GW_TUNNEL6]/v1/me")"
same "and without TLS by its address alone" "200 421" \
    "$(web laptop "http://$GW_TUNNEL4/v1/me") $(web laptop -H 'Host: access.lab.example' "http://$GW_TUNNEL4/v1/me")"
same "not for the office" 000 "$(web office "https://$GW_TUNNEL4/v1/me")"
same "nor for anybody outside" 000 "$(web attacker "https://$GW_OUTSIDE4/v1/me")"

# --- by what name ------------------------------------------------------------------------------------
for host in evil.example:8443 access.lab.example $GW_TUNNEL4:8443; do
    same "enrolment is not called $host" 421 "$(web attacker -H "Host: $host" "${json[@]}" $ENROL/v1/enrol)"
done
same "but access.lab.example:8443" 400 "$(web attacker -H "Host: access.lab.example:8443" "${json[@]}" $ENROL/v1/enrol)"

# --- killed, and there again -------------------------------------------------------------------------
declare -A url=([enrol]=$ENROL/v1/x [console]=$CONSOLE/v1/session [portal]=https://$GW_TUNNEL4/v1/me)
declare -A from=([enrol]=attacker [console]=office [portal]=laptop) answer=([enrol]=404 [console]=401 [portal]=200)
declare -A by=([console]="--interface $ADMIN" [enrol]= [portal]=)
answers() { [ "$(web "${from[$1]}" ${by[$1]} "${url[$1]}")" = "${answer[$1]}" ]; }
for role in enrol console portal; do
    before=$(pid_of $role)
    same "the $role runs as its own user" _portcullis-$role "$(user_of "$before")"
    lab_on gw kill -KILL "$before"
    check "another $role takes its place" lab_wait_for 5 other_than $role "$before"
    check "and serves by TLS" lab_wait_for 5 answers $role
done

# --- interfaces made anew ----------------------------------------------------------------------------
before=$(pid_of console)
lab_on gw ip link del eth1
net_cable gw eth1 office eth0
net_address gw eth1 10.20.0.1/24 fd20::1/64
net_up gw eth1
mapfile -t addresses < <(office_addresses)
net_address office eth0 "${addresses[@]}"
net_up office eth0
check "an office interface made anew: another console" lab_wait_for 10 other_than console "$before"
check "which answers" lab_wait_for 5 answers console
same "and still nobody else" 000 "$(web office --interface 10.20.0.35 $CONSOLE/v1/session)"

test_end
