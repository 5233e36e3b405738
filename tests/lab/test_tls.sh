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
connections() { lab_on office curl -sk --interface $ADMIN -w '%{num_connects}' -o /dev/null "$CONSOLE$1" -o /dev/null "$CONSOLE$1"; }
same "whose files come by one connection" 10 "$(connections /main.js)"
same "and each question by one of its own" 11 "$(connections /v1/session)"
same "and nobody else of the office" 000 "$(web office --interface 10.20.0.35 $CONSOLE/v1/session)"
same "nor anybody outside" 000 "$(web attacker $CONSOLE/v1/session)"
same "enrolment is not there for the office" 000 "$(web office $ENROL/v1/enrol)"
for url in $ENROL/v1/enrol $CONSOLE/v1/session https://$GW_TUNNEL4:8443/ https://$GW_TUNNEL4:8444/; do
    same "nothing of it answers in the tunnel: $url" 000 "$(web laptop --interface wg0 "$url")"
done
same "the portal is there by TLS and the gateway's name" 200 \
    "$(web laptop --resolve "access.lab.example:443:$GW_TUNNEL4" https://access.lab.example/v1/me)"
same "by its address, too" 200 "$(web laptop "https://[$GW_TUNNEL6]/v1/me")"
same "and without TLS by its address" 200 "$(web laptop "http://$GW_TUNNEL4/v1/me")"
same "by its name it is told where" "308 https://access.lab.example/lost?x=1" \
    "$(web laptop -w '%{http_code} %{redirect_url}' --resolve "access.lab.example:80:$GW_TUNNEL4" 'http://access.lab.example/lost?x=1')"
same "by another's not" 421 "$(web laptop -H 'Host: other.lab.example' "http://$GW_TUNNEL4/v1/me")"
same "and nothing is taken there" 421 "$(web laptop --resolve "access.lab.example:80:$GW_TUNNEL4" -d 'a=b' http://access.lab.example/sign-in)"
same "not for the office" 000 "$(web office "https://$GW_TUNNEL4/v1/me")"
same "nor for anybody outside" 000 "$(web attacker "https://$GW_OUTSIDE4/v1/me")"

# --- by what name ------------------------------------------------------------------------------------
for host in evil.example:8443 access.lab.example $GW_TUNNEL4:8443; do
    same "enrolment is not called $host" 421 "$(web attacker -H "Host: $host" "${json[@]}" $ENROL/v1/enrol)"
done
same "but access.lab.example:8443" 400 "$(web attacker -H "Host: access.lab.example:8443" "${json[@]}" $ENROL/v1/enrol)"

same "who serves strangers stands behind the others" "10 $(ps -o ni= -p $$ | tr -d ' ')" \
    "$(lab_on gw ps -o ni= -p "$(pid_of enrol)" | tr -d ' ') $(lab_on gw ps -o ni= -p "$(pid_of engine)" | tr -d ' ')"

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

lab_on gw kill -KILL "$(pid_of engine)"
for role in enrol console portal; do
    check "after the engine's death the $role is there again" lab_wait_for 10 answers $role
done

# --- interfaces made anew ----------------------------------------------------------------------------
before=$(pid_of console)
index=$(lab_on gw ip -o link show eth1 | cut -d: -f1)
lab_on gw ip link del eth1
lab_on gw ip link add spare type dummy   # takes a number: the new one has another
net_cable gw eth1 office eth0
[ "$index" != "$(lab_on gw ip -o link show eth1 | cut -d: -f1)" ] || lab_die "the interface has its old number"
net_address gw eth1 10.20.0.1/24 fd20::1/64
net_up gw eth1
mapfile -t addresses < <(office_addresses)
net_address office eth0 "${addresses[@]}"
net_up office eth0
check "an office interface made anew: another console" lab_wait_for 10 other_than console "$before"
check "which answers" lab_wait_for 5 answers console
same "and still nobody else" 000 "$(web office --interface 10.20.0.35 $CONSOLE/v1/session)"

before=$(pid_of portal)
lab_on gw ip link del wg0
check "a tunnel made anew: another portal" lab_wait_for 10 other_than portal "$before"
check "which answers by TLS, once the laptop has greeted it again" lab_wait_for 30 answers portal

gw_stop
lab_on gw ip link set eth1 name later
gw_start
same "an interface that is not there yet has no console" 000 "$(web office --interface $ADMIN $CONSOLE/v1/session)"
lab_on gw ip link set later down
lab_on gw ip link set later name eth1
net_up gw eth1
check "when it comes, the console is there" lab_wait_for 10 answers console

# --- the certificate ---------------------------------------------------------------------------------
pin_at() { # URL's host, port, from where
    lab_on "$3" openssl s_client -connect "$1:$2" </dev/null 2>/dev/null | openssl x509 -pubkey -noout |
        openssl pkey -pubin -outform DER | openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '='
}
pin_is() { [ "$(pin_at $GW_OUTSIDE4 8443 attacker)" = "$1" ]; }
pin=$(gw_api GET /v1/status | jq -r .tls.pin)
check "enrolment shows the key that status names" pin_is "$pin"
same "the portal shows the same" "$pin" "$(pin_at $GW_TUNNEL4 443 laptop)"
gw_stop
gw_start
check "and after a restart as well" lab_wait_for 5 pin_is "$pin"

certificate() {
    openssl req -x509 -newkey "$@" -nodes -days 90 -subj "/CN=lab" \
        -addext 'subjectAltName=DNS:access.lab.example' -keyout "$LAB_DIR/gw/access.key" \
        -out "$LAB_DIR/gw/access.pem" 2>/dev/null
    chmod 600 "$LAB_DIR/gw/access.key"
    openssl x509 -in "$LAB_DIR/gw/access.pem" -pubkey -noout | openssl pkey -pubin -outform DER |
        openssl dgst -sha256 -binary | base64 | tr '+/' '-_' | tr -d '='
}
parent_pid() {
    gw_daemon_pids | while read -r p; do
        ! lab_on gw grep -qaz -- --foreground "/proc/$p/cmdline" || echo "$p"
    done
}
of_file=$(certificate rsa:2048)
sed -i 's/tls { name access.lab.example/&  certificate access.pem  key access.key/' "$LAB_DIR/gw/gateway.conf"
gw_stop
gw_start
check "the certificate of the files is shown" lab_wait_for 5 pin_is "$of_file"
same "by TLS that knows this authority" 400 "$(lab_on attacker curl -s -o /dev/null -w '%{http_code}' \
    --cacert "$LAB_DIR/gw/access.pem" --resolve "access.lab.example:8443:$GW_OUTSIDE4" "${json[@]}" \
    https://access.lab.example:8443/v1/enrol)"
of_file=$(certificate ec -pkeyopt ec_paramgen_curve:P-256)
lab_on gw kill -HUP "$(parent_pid)"
check "another one at SIGHUP, without a restart" lab_wait_for 5 pin_is "$of_file"
echo nonsense >"$LAB_DIR/gw/access.key"
lab_on gw kill -HUP "$(parent_pid)"
alarmed() { gw_api GET /v1/status | jq -e '.alarms[] | select(.text | test("not one in PEM"))'; }
check "files that do not belong together are an alarm" lab_wait_for 5 alarmed
check "and change nothing" pin_is "$of_file"

# --- a subscriber with as many addresses as there are ------------------------------------------------
for i in $(seq 20); do printf 'address add 2001:db8:113::bad:%x/64 dev eth0 nodad\n' "$i"; done | lab_on attacker ip -batch -
# Opens 40 connections from 20 addresses and says nothing: how many are left after a second.
held=$(lab_on attacker python3 - "$GW_OUTSIDE6" <<'PY'
import select, socket, sys
held = []
for i in range(40):
    s = socket.socket(socket.AF_INET6)
    s.bind((f"2001:db8:113::bad:{i % 20 + 1:x}", 0))
    s.connect((sys.argv[1], 8443))
    held.append(s)
gone = set()
while True:
    ready, _, _ = select.select([s for s in held if s not in gone], [], [], 1)
    if not ready:
        break
    gone.update(ready)
print(len(held) - len(gone))
PY
)
same "forty silent connections of one /64 are sixteen" 16 "$held"
same "and others are served" 400 "$(web attacker "${json[@]}" $ENROL/v1/enrol)"

# --- what is spoken ----------------------------------------------------------------------------------
spoken() { lab_on attacker openssl s_client -connect $GW_OUTSIDE4:8443 "$@" </dev/null >"$LAB_DIR/spoken" 2>&1; }
check "TLS 1.3" spoken -tls1_3
check "TLS 1.2" spoken -tls1_2
refuse "not TLS 1.1" spoken -tls1_1 -cipher ALL:@SECLEVEL=0
refuse "no cipher without authentication of what is sent" spoken -tls1_2 -cipher AES128-SHA:ECDHE-ECDSA-AES128-SHA
test_end
