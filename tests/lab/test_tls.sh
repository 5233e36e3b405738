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
same "enrolment answers from outside" 503 "$(web attacker "${json[@]}" $ENROL/v1/enrol)"
same "by IPv6 too" 503 "$(web attacker "${json[@]}" "https://[$GW_OUTSIDE6]:8443/v1/enrol")"
same "the console answers its network" 401 "$(web office --interface $ADMIN $CONSOLE/v1/session)"
same "and nobody else of the office" 000 "$(web office --interface 10.20.0.35 $CONSOLE/v1/session)"
same "nor anybody outside" 000 "$(web attacker $CONSOLE/v1/session)"
same "enrolment is not there for the office" 000 "$(web office $ENROL/v1/enrol)"
for url in $ENROL/v1/enrol $CONSOLE/v1/session https://$GW_TUNNEL4:8443/ https://$GW_TUNNEL4:8444/; do
    same "nothing of it answers in the tunnel: $url" 000 "$(web laptop --interface wg0 "$url")"
done

test_end
