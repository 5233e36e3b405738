#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The daemon is started on a state that is damaged, missing, full, read-only or somebody else's,
# under a flood of denied packets: none passes, it says what is wrong and ends with 1, and what was
# leased before ends with its lease. With the state put right all is as before.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/token.sh"

# WHAT | DAMAGE | WORDS: what has happened to the state, the commands that do it (on gw, in the state
# directory, with the functions below), and what the daemon must say of it.
# shellcheck disable=SC2016
DAMAGES='
the database: no header               | garbage $db 0 100                | portcullis.db is damaged (file is not a database): put
the database: no schema               | garbage $db 100 3996             | portcullis.db is damaged
the database: a page in the middle    | garbage $db $middle 4096         | portcullis.db is damaged
the database: all pages but the first | garbage $db 4096 $rest           | portcullis.db is damaged
the database: its second half missing | truncate -s $middle $db          | portcullis.db is damaged
the database: of a newer version      | sql "pragma user_version=9999"   | written by a newer portcullisd
the database: a class that is none    | sql "insert into classes values(9,1)" | the database is damaged
the database: a directory             | swap_for mkdir $db               | portcullis.db cannot be opened
the database: a link                  | swap_for "ln -s elsewhere" $db   | portcullis.db cannot be opened
the database: of root                 | chown root:root $db              | portcullis.db cannot be opened
the private key: cut                  | truncate -s 20 wireguard.key     | wireguard.key is damaged: 20 bytes
the private key: open to all          | chmod 644 wireguard.key          | wireguard.key must be a file of root
the private key: of somebody          | chown nobody wireguard.key       | wireguard.key must be a file of root
the private key: a link               | swap_for "ln -s lock" wireguard.key | cannot read .*wireguard.key
the lock: a link                      | swap_for "ln -s elsewhere" lock  | cannot open .*lock
the directory: of somebody            | chown nobody .                   | must belong to root
the engine: a file for its directory  | swap_for touch engine            | cannot make .*engine
the engine: a link for its directory  | swap_for "ln -s capture" engine  | cannot make .*engine
read-only                             | mount -o remount,ro .            | Read-only file system
full                                  | fill                             | full
'
# shellcheck disable=SC2016
IN_STATE='
    cd "$1" || exit 1
    db=engine/portcullis.db
    size=$(stat -c %s "$db" 2>/dev/null)
    middle=$((size / 8192 * 4096)) rest=$((size - 4096))
    garbage() { # FILE OFFSET COUNT
        head -c "$3" /dev/zero | tr "\0" "\245" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
    }
    sql() {
        python3 -c "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2])
c.commit(); c.close()" "$db" "$1"
    }
    swap_for() { rm -r "$2"; $1 "$2"; } # COMMAND NAME
    fill() { # to the last byte
        rm -f engine/reserve
        dd if=/dev/zero of=fill bs=4k 2>/dev/null
        dd if=/dev/zero of=fill2 bs=1 2>/dev/null
        true
    }
    put_right() { # all but the socket of the keeper, who lives through this
        mount -o remount,rw .
        chown root .
        find . -mindepth 1 ! -name keeper.sock -delete
        tar -xpf "$1" --exclude=./keeper.sock
    }
'
# shellcheck disable=SC2016
in_state() { lab_on gw bash -c "$IN_STATE $1" state "$STATE" "${@:2}"; }

# What it says goes to a file: a keeper that it leaves would hold a pipe open.
try_daemon() {
    lab_on gw timeout 20 portcullisd --config "$LAB_DIR/gw/gateway.conf" \
        --policy "$LAB_DIR/gw/policy.conf" --state "${1-$STATE}" --control "$GW_SOCKET" \
        --foreground >"$LAB_DIR/said" 2>&1
}

# refuses WHAT WORDS [STATE]: it ends by itself, with 1, and says WORDS.
refuses() {
    local code
    try_daemon "${@:3}"
    code=$?
    if [ "$code" = 1 ] && grep -q "$2" "$LAB_DIR/said"; then
        ok "$1: refused"
    else
        not_ok "$1: refused" "status $code, expected 1 and '$2': $(cat "$LAB_DIR/said")"
    fi
}

# --- refused ---------------------------------------------------------------------------------------

each_damage() {
    local what damage words
    while IFS='|' read -r what damage words; do
        [ -n "$words" ] || continue
        in_state "$damage" || lab_die "cannot do: $damage"
        refuses "$(sed 's/ *$//' <<<"$what")" "$(sed 's/^ *//' <<<"$words")"
        in_state 'put_right "$2"' "$GOOD" || lab_die "the state cannot be put right"
    done <<<"$DAMAGES"
}

# Another --state altogether.
other_places() {
    refuses "a directory below one that is not there" "cannot make the state directory" \
        "$LAB_DIR/none/state"
    ln -s state "$LAB_DIR/gw/link"
    refuses "a link to the directory" "nor may it be a link" "$LAB_DIR/gw/link"
    mkdir "$LAB_DIR/gw/tiny"
    lab_on gw mount -t tmpfs -o size=4k,mode=711 tmpfs "$LAB_DIR/gw/tiny"
    refuses "a disk that is full from the start" "No space left on device" "$LAB_DIR/gw/tiny"
    mkdir "$LAB_DIR/gw/other"
    refuses "another state while leases of the first one run" "leases that have not ended" \
        "$LAB_DIR/gw/other"
}

# --- the packets -----------------------------------------------------------------------------------

# Denied, 4 x 2,000 a second, from before the first start to after the last.
start_flood() {
    local host port
    for host in sick laptop; do
        port=$([ "$host" = sick ] && echo 6001 || echo 6101)
        lab_start office "$host-4" flow udp recv 10.20.0.11 "$port"
        lab_start office "$host-6" flow udp recv fd20::11 "$port"
        lab_ready office "$host-4"
        lab_ready office "$host-6"
        lab_start "$host" flood4 flow -r 2000 udp send 10.20.0.11 "$port"
        lab_start "$host" flood6 flow -r 2000 udp send fd20::11 "$port"
    done
}

check_flood() {
    local host n sent=0
    for host in sick laptop; do
        for n in 4 6; do
            lab_stop "$host" "flood$n"
            lab_stop office "$host-$n"
            same "$host, IPv$n: the receiver of what is denied got nothing" 0 \
                "$(lab_output office "$host-$n" | jq .records)"
            sent=$((sent + $(lab_output "$host" "flood$n" | jq .records)))
        done
    done
    witness_stop office eth0
    same "nor did the capture before it see one" "" \
        "$(lab_output office witness-eth0 | awk '$1 == "in" && ($6 == 6001 || $6 == 6101)')"
    check "the flood was one ($sent packets)" test "$sent" -ge 10000
}

# When the newest packet of host $1 to port $2 came to the office, milliseconds.
newest_ms() {
    lab_on office kill -USR1 "$(lab_job_pid office "$1-$2")"
    sleep 0.3
    echo $(($(tail -n 1 "$LAB_DIR/log/office.$1-$2" | jq .last_ns) / 1000000))
}

start_permitted() { # HOST PORT
    lab_start office "$1-$2" flow udp recv 10.20.0.11 "$2"
    lab_ready office "$1-$2"
    lab_start "$1" "$2" flow -r 200 udp send 10.20.0.11 "$2"
}

is_past() { [ "$(date +%s)" -gt "$1" ]; }
flows_now() { [ "$(newest_ms "$1" "$2")" -gt $(($(lab_now_ms) - 600)) ]; }

# --- the test --------------------------------------------------------------------------------------

STATE=$LAB_DIR/gw/state
GOOD=$LAB_DIR/gw/good.tar
lab_begin
net_make
office_start
gw_write_config
cp "$LAB_SOURCE/lab.policy.conf" "$LAB_DIR/gw/policy.conf"
mkdir -p "$STATE"
lab_on gw mount -t tmpfs -o size=32m,mode=711 tmpfs "$STATE"
gw_start
staff_join laptop 21 laptop guest
staff_join leaver 23 leaver guest
staff_join sick 22 sick guest sick
witness_start office eth0
start_flood
start_permitted laptop 6010
start_permitted leaver 6011
until=$(token_post leaver 5 | jq .lease_until)
gw_stop
in_state 'tar -cf "$2" . 2>/dev/null' "$GOOD"

each_damage
check "none of these starts ended the leases that run" flows_now laptop 6010
lab_wait_for 10 is_past "$until"
at_most "and a lease ended at its time, ms after it" 20 $(($(newest_ms leaver 6011) - until * 1000))
check "control: it ran until then" test "$(newest_ms leaver 6011)" -gt $((until * 1000 - 500))
other_places

# What is no reason to refuse: it starts, and says so.
# shellcheck disable=SC2016
in_state 'truncate -s 700 "$(find engine/audit -type f -printf "%s %p\n" | sort -n | tail -n 1 | cut -d" " -f2)"'
in_state 'chmod 777 .'
gw_start
check "the audit log: cut: it starts, and the alarm is raised" \
    jq -e '[.alarms[].text | select(test("audit"))] | length > 0' <<<"$(gw_api GET /v1/status)"
refuse "and the log does not verify" gw_cli audit verify
same "the directory open to all: it is not any more" 711 "$(lab_on gw stat -c %a "$STATE")"
check "who has a lease passes" lab_wait_for 20 flows_now laptop 6010
refuse "whose lease has ended does not" flows_now leaver 6011

# Nothing is left of it: nobody is known, nobody passes.
gw_signal KILL
in_state 'find . -mindepth 1 -delete'
gone=$(lab_now_ms)
gw_start
same "the state: missing: it starts without users and devices" "0 0" \
    "$(gw_api GET /v1/status | jq -r '"\(.users.active) \(.devices.enrolled)"')"
sleep 1
at_most "nothing passed of who had a lease, ms after it" 0 $(($(newest_ms laptop 6010) - gone))
gw_signal KILL
in_state 'put_right "$2"' "$GOOD"
gw_start
check "with the state put right who has a lease passes" lab_wait_for 20 flows_now laptop 6010
refuse "whose lease has ended does not" flows_now leaver 6011
check "the log is whole" jq -e .ok <<<"$(gw_api POST /v1/audit/verify)"
check_flood
test_end
