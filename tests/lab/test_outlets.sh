#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Where attempts go: rsyslog over a unix socket, UDP and TCP reads back the values of the store; a
# webhook that is down, then up, over a restart of the gateway; metrics for one address alone.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

PRINTER=10.20.0.30   # may read the metrics; 10.20.0.35 may not
LOGS=10.20.0.12
RECEIVER=$LAB_SOURCE/outlets.py

# rsyslogd on host $1 with the inputs $2; each line as one JSON object to /run/FILE by its input.
start_rsyslog() {
    cat >"$LAB_DIR/rsyslog.$1.conf" <<CONF
global(workDirectory="/run" maxMessageSize="16k" net.enableDNS="off")
template(name="parsed" type="list" option.jsonf="on") {
    property(outname="pri" name="pri" format="jsonf")
    property(outname="hostname" name="hostname" format="jsonf")
    property(outname="app-name" name="app-name" format="jsonf")
    property(outname="msgid" name="msgid" format="jsonf")
    property(outname="structured-data" name="structured-data" format="jsonf")
    property(outname="msg" name="msg" format="jsonf")
}
$2
CONF
    lab_start "$1" rsyslog rsyslogd -n -f "$LAB_DIR/rsyslog.$1.conf" -i /run/rsyslog.pid
}

to_file() {
    printf 'ruleset(name="%s") { action(type="omfile" file="%s" template="parsed") }\n' "$1" \
        "$LAB_DIR/$1.lines"
}

start_office_rsyslog() {
    start_rsyslog office "
module(load=\"imudp\")
module(load=\"imtcp\")
$(to_file udp)
$(to_file tcp)
input(type=\"imudp\" address=\"$LOGS\" port=\"514\" ruleset=\"udp\")
input(type=\"imtcp\" address=\"$LOGS\" port=\"601\" ruleset=\"tcp\")"
}

start_own_rsyslog() {
    start_rsyslog gw "
module(load=\"imuxsock\" SysSock.Use=\"off\")
$(to_file unix)
input(type=\"imuxsock\" Socket=\"/run/log.sock\" UseSpecialParser=\"off\" ParseHostname=\"on\"
      RateLimit.Interval=\"0\" ruleset=\"unix\")"
}

write_config() {
    gw_write_config
    cp "$LAB_SOURCE/lab.policy.conf" "$LAB_DIR/gw/policy.conf"
    head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$LAB_DIR/gw/webhook.key"
    chmod 600 "$LAB_DIR/gw/webhook.key"
    cp "$LAB_DIR/gw/webhook.key" "$LAB_DIR/receiver.key"
    make_certificates
    sed -i '$d' "$LAB_DIR/gw/gateway.conf"
    cat >>"$LAB_DIR/gw/gateway.conf" <<CONF
    attempts {
        syslog unix /run/log.sock
        syslog udp $LOGS:514
        syslog tcp $LOGS:601
        webhook "http://$LOGS:8080/plain?a=b" { key-file webhook.key }
        webhook "https://siem.lab.example:8443/tls" { key-file webhook.key  ca-file lab-ca.pem }
        webhook "https://$LOGS:8443/wrong-name" { key-file webhook.key  ca-file lab-ca.pem }
    }
    metrics eth1 { listen 10.20.0.1:9100  from $PRINTER }
}
CONF
}

# An authority of the lab's own, and a certificate for the name siem.lab.example.
make_certificates() {
    local d=$LAB_DIR/tls
    mkdir "$d"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=Lab CA" \
        -keyout "$d/ca.key" -out "$LAB_DIR/gw/lab-ca.pem" 2>/dev/null
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=siem" \
        -keyout "$d/key" -out "$d/csr" 2>/dev/null
    openssl x509 -req -in "$d/csr" -CA "$LAB_DIR/gw/lab-ca.pem" -CAkey "$d/ca.key" -days 1 \
        -extfile <(echo "subjectAltName=DNS:siem.lab.example") -out "$d/cert" 2>/dev/null ||
        lab_die "no certificate"
}

start_receivers() {
    lab_start office plain python3 "$RECEIVER" receive 8080 "$LAB_DIR/receiver.key" \
        "$LAB_DIR/plain.events" refuse 1
    lab_start office tls python3 "$RECEIVER" receive 8443 "$LAB_DIR/receiver.key" \
        "$LAB_DIR/tls.events" tls "$LAB_DIR/tls/cert" "$LAB_DIR/tls/key"
    lab_ready office plain
    lab_ready office tls
}

# Packets that nobody permits, to ports $1..$2.
knock_at() {
    # shellcheck disable=SC2016
    lab_on laptop bash -c 'for ((p = $1; p <= $2; p++)); do echo x >/dev/udp/10.20.0.9/$p; done' \
        x "$1" "$2"
}

# A number that status says of the outlet whose name begins so.
outlet() { gw_api GET /v1/status | jq ".outlets[] | select(.name | startswith(\"$1\")) | .$2"; }
delivered_all() { [ "$(outlet "$1" queued)" = 0 ] && [ "$(outlet "$1" delivered)" -gt 0 ]; }
known() { [ "$(gw_api GET '/v1/attempts?limit=5000' | jq '.items | length')" -ge "$1" ]; }
metrics() { lab_on office curl -sS --max-time "$LAB_SLOW" --interface "$1" http://10.20.0.1:9100/metrics; }

# The store and what came by $1 (syslog or webhook) to the file $2 say the same; more lines than
# one second's.
agree() {
    gw_api GET '/v1/attempts?limit=5000' >"$LAB_DIR/attempts"
    python3 "$RECEIVER" "$1" "$LAB_DIR/attempts" "$LAB_DIR/$2"
}

# A name server in the office, and gw's resolver pointed at it: the courier asks it from its cage.
start_dns() {
    lab_start office dns python3 "$RECEIVER" dns "$LOGS" siem.lab.example "$LOGS"
    lab_ready office dns
    echo "nameserver $LOGS" >"$LAB_DIR/resolv.conf"
    lab_on gw mount --bind "$LAB_DIR/resolv.conf" /etc/resolv.conf
}

courier_pid() {
    gw_daemon_pids | while read -r p; do
        ! lab_on gw grep -qa -- courier "/proc/$p/cmdline" || echo "$p"
    done
}
courier_other_than() { local p; p=$(courier_pid); [ -n "$p" ] && [ "$p" != "$1" ]; }
# The user of a process on gw.
user_of() { lab_on gw ps -o user:32= -p "$1"; }

lab_begin
net_make
write_config
start_own_rsyslog
start_office_rsyslog
start_dns
lab_wait_for 5 lab_on gw test -S /run/log.sock || lab_die "rsyslog: $(cat "$LAB_DIR/log/gw.rsyslog.err")"
gw_start
staff_join laptop 21 laptop clerk

# --- syslog ------------------------------------------------------------------------------------------
knock_at 4001 4060
lab_wait_for 10 known 60
for way in unix udp tcp; do
    check "syslog over $way: everything is sent" lab_wait_for 10 delivered_all "syslog $way"
    check "rsyslog has read back from $way what the store holds" lab_wait_for 5 agree syslog "$way.lines"
done

# --- the TCP receiver is down, then up -----------------------------------------------------------------
lab_stop office rsyslog
knock_at 4101 4150
lab_wait_for 10 known 110
check "without a receiver they wait" lab_wait_for 10 test "$(outlet 'syslog tcp' queued)" -ge 1
start_office_rsyslog
check "with it back they are sent" lab_wait_for 20 delivered_all "syslog tcp"
check "none is missing, none came twice" lab_wait_for 5 agree syslog tcp.lines

# --- the courier is killed ------------------------------------------------------------------------------
courier=$(courier_pid)
same "the courier runs as its own user" _portcullis-courier "$(user_of "$courier")"
lab_on gw kill -KILL "$courier"
knock_at 4201 4210
lab_wait_for 10 known 120
check "another takes its place" lab_wait_for 5 courier_other_than "$courier"
check "and sends what waits" lab_wait_for 20 delivered_all "syslog tcp"
check "all of it, once" lab_wait_for 5 agree syslog tcp.lines

# --- webhooks: down until now; the gateway starts anew in between ---------------------------------------
same "the webhooks' events wait" "$(outlet 'webhook http:' queued)" "$(outlet 'webhook https://siem' queued)"
check "all of them" test "$(outlet 'webhook http:' queued)" -ge 120
gw_stop
start_receivers
gw_start
check "after a restart they are sent, once the receiver takes them" lab_wait_for 20 delivered_all "webhook http:"
check "signed, and equal to the store" agree webhook plain.events
check "over TLS, by the lab's own authority, to a name that DNS knows" lab_wait_for 20 delivered_all "webhook https://siem"
check "equal as well" agree webhook tls.events
refuse "no signature was wrong" grep -q bad "$LAB_DIR/log/office.plain" "$LAB_DIR/log/office.tls"
check "a certificate for another name is not trusted" lab_wait_for 20 \
    grep -q 'TLS failed' <(outlet "webhook https://$LOGS" fault)
same "and gets nothing" 0 "$(outlet "webhook https://$LOGS" delivered)"

# --- the CLI ---------------------------------------------------------------------------------------------
gw_cli attempts list --role clerk --kind packet --reason not-permitted --ecs >"$LAB_DIR/ecs"
check "attempts list --ecs: a document a line, equal to the store" agree webhook ecs
same "filters that nothing passes give nothing" "" "$(gw_cli attempts list --role warehouse --ecs)"
check "attempts list as a table" grep -q '10.20.0.9:4001/udp' <(gw_cli attempts list --user laptop)

# --- the packets -----------------------------------------------------------------------------------------
id=$(gw_api GET '/v1/attempts?limit=5000' | jq '.items[] | select(.port == 4010) | .id')
check "an attempt's packets are exported" gw_cli attempts export "$id" "$LAB_DIR/evidence.pcapng"
check "as a pcapng file" python3 "$RECEIVER" packets "$LAB_DIR/evidence.pcapng"
python3 "$RECEIVER" packets "$LAB_DIR/evidence.pcapng" >"$LAB_DIR/evidence"
same "the packet itself, with attempt, person and reason as comment" \
    "$(staff_address laptop 4) 10.20.0.9 4010 attempt $id of lab-edge-1: $(gw_api GET "/v1/attempts/$id" | jq -r .sentence)" \
    "$(cut -d' ' -f2- "$LAB_DIR/evidence")"
same "at its time" "$(gw_api GET "/v1/attempts/$id" | jq .first)" "$(cut -c1-10 "$LAB_DIR/evidence")"
same "for nobody else to read" 600 "$(stat -c %a "$LAB_DIR/evidence.pcapng")"
refuse "over no file that is there" gw_cli attempts export "$id" "$LAB_DIR/evidence.pcapng"
refuse "nothing where no attempt is" gw_cli attempts export 999999 "$LAB_DIR/none"
same "who exported is on record" "root $id" "$(gw_api GET '/v1/audit?last=50' |
    jq -r '[.items[] | select(.act == "attempt.export")][0] | "\(.actor) \(.detail.attempt)"')"

# --- metrics ---------------------------------------------------------------------------------------------
check "the metrics are read from the named address" metrics "$PRINTER"
metrics "$PRINTER" >"$LAB_DIR/metrics"
check "promtool finds nothing to mend" promtool check metrics <"$LAB_DIR/metrics"
check "a lease is counted" grep -qx 'portcullis_leases 1' "$LAB_DIR/metrics"
same "what is delivered is the same as in status" "$(outlet 'syslog tcp' delivered)" \
    "$(sed -n "s/^portcullis_deliveries_total{outlet=\"syslog tcp .*} //p" "$LAB_DIR/metrics")"
refuse "not from another address of the office" metrics 10.20.0.35
refuse "not from the tunnel" lab_on laptop curl -sS --max-time "$LAB_SLOW" http://10.20.0.1:9100/metrics
refuse "not from the internet" lab_on attacker curl -sS --max-time "$LAB_SLOW" "http://$GW_OUTSIDE4:9100/metrics"
test_end
