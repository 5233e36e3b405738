# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The product in the lab: portcullisd on host gw, spoken to by its CLI and its control socket.
# On gw the socket is where the CLI looks by itself, so `make lab-shell HOST=gw` needs no -s.

GW_SOCKET=/run/portcullis/control.sock

# The lab's gateway.conf and the example policy, made fit for a lab: no working hours (a lab runs
# at any hour) unless the caller writes a policy of its own. GW_OFFICE_OPTIONS, like
# "{ masquerade }", goes behind the office's interface, GW_TUNNEL_OPTIONS, like "flowtable", into the tunnel.
gw_write_config() {
    mkdir -p "$LAB_DIR/gw"
    cat >"$LAB_DIR/gw/gateway.conf" <<CONF
gateway lab-edge-1 {
    tunnel wg0 { listen $GW_PORT   address $GW_TUNNEL4/16, $GW_TUNNEL6/64   ${GW_TUNNEL_OPTIONS-} }
    outside eth0
    office eth1 ${GW_OFFICE_OPTIONS-}
    clock host
}
CONF
    gw_example_policy >"$LAB_DIR/gw/policy.conf"
}

# With `locks` attempts are answered as the example says; otherwise by alarms alone, for most tests
# knock at closed ports themselves.
gw_example_policy() {
    local answers="s/^( +[a-z-]+ +[0-9]+ within [0-9]+[smhd] +)(lock|quarantine .*)$/\1alarm/"
    [ "${1-}" != locks ] || answers=
    sed -E -e "/^[[:space:]]*hours[[:space:]]/d" -e "$answers" \
        "$LAB_TOP/deploy/examples/policy.conf"
}

# Starts the daemon, by the command in front of it if one is given, and waits until it answers, at
# most 10 s on a machine of usual speed.
gw_start() {
    lab_on gw mkdir -p -m 755 /run/portcullis
    lab_start gw daemon "$@" portcullisd --config "$LAB_DIR/gw/gateway.conf" \
        --policy "$LAB_DIR/gw/policy.conf" --state "$LAB_DIR/gw/state" --control "$GW_SOCKET" \
        --foreground
    lab_wait_for "${GW_PATIENCE:-10}" gw_answers ||
        lab_die "portcullisd does not answer: $(tail -n 20 "$LAB_DIR/log/gw.daemon.err")"
}

gw_answers() { gw_api GET /v1/status >/dev/null 2>&1; }

# Orderly stop: SIGTERM to the parent, then wait.
gw_stop() { lab_stop gw daemon TERM; }

gw_cli() { lab_on gw portcullis "$@"; }

# One control request: gw_api METHOD PATH [JSON or text]. Prints the answer; fails on a refusal.
gw_api() {
    lab_on gw curl -sS --fail-with-body --max-time $((30 * LAB_SLOW)) --unix-socket "$GW_SOCKET" -X "$1" \
        -H 'Portcullis-Actor: lab' ${3+--data-binary "$3"} "http://gateway$2"
}

# The host's own numbers of every process that runs our daemon's program (not wireguard-go).
gw_daemon_pids() {
    # shellcheck disable=SC2016
    lab_on gw bash -c 'for p in /proc/[0-9]*; do
            [ "$(readlink "$p/exe")" != "$1" ] || printf "%s\n" "${p#/proc/}"
        done' pids "$(realpath "$LAB_BUILD/portcullisd")"
}

# Sends a signal to every process of the daemon at once.
gw_signal() {
    local pids
    mapfile -t pids < <(gw_daemon_pids)
    [ "${#pids[@]}" -gt 0 ] || return 1
    lab_on gw kill "-$1" "${pids[@]}"
}

gw_public_key() { gw_api GET /v1/status | jq -r .wireguard.public_key; }

# The sum of a deny counter over all reasons: what the gateway says that it denied.
gw_denied() { gw_api GET /v1/status | jq '[.denied[].denied] | add'; }
