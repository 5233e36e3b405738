# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The lab: hosts that are network namespaces, on a network of their own. To be sourced (bash).
#
# A host is a network, mount, uts, ipc and pid namespace together. Its first process is a small
# shell; when that is killed the kernel kills whatever else runs on the host. So the lab has one
# process to record per host, and nothing that a service does can outlive it.
#
#   lab_begin            takes the prefix, clears what a killed run left, makes $LAB_DIR, sets traps
#   lab_host NAME        makes a host             lab_on NAME CMD...       runs a command there
#   lab_start NAME JOB CMD...   starts a job      lab_stop NAME JOB [SIG]  ends it, waits
#   lab_end              takes everything down (also run by the trap on any exit)
#
# LAB_PREFIX names the namespaces (two labs with two prefixes do not meet; two runs with one prefix
# wait for each other), LAB_KEEP=1 makes the exit trap leave the lab standing (lab-up, demo STAY=1).
# LAB_SLOW=N (whole, 1 when not given) says that this machine is N times slower than those for which
# the tests were written: every deadline and pause is N times as long, senders send at a Nth of the
# rate, and a time limit that a test asserts is N times what it says (test_end says so). What was
# leaked, lost or counted is asserted the same everywhere.

LAB_PREFIX=${LAB_PREFIX:-pclab}
LAB_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
LAB_TOP=$(cd "$LAB_SOURCE/../.." && pwd)
LAB_BUILD=$(cd "$LAB_TOP" && realpath -m "${BUILD:-build}")
LAB_DIR=/tmp/$LAB_PREFIX-lab
# What the command remembers of gateways: those of the lab are gone with it.
export XDG_STATE_HOME=$LAB_DIR/state-home
LAB_KEEP=${LAB_KEEP:-}
export LAB_SLOW=${LAB_SLOW:-1}
LAB_TRIES=$((500 * LAB_SLOW))
export PATH="$LAB_BUILD:$LAB_BUILD/lab:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

lab_die() { printf 'lab: %s\n' "$*" >&2; exit 1; }

# --- processes we recorded -------------------------------------------------------------------

# When process $1 started, in clock ticks since boot: with the pid, the name of a process for good.
lab_start_time() {
    local stat
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    # The name in parentheses may hold anything; field 22 is the 20th after it.
    # shellcheck disable=SC2086
    set -- ${stat##*) }
    printf '%s\n' "${20}"
}

# Is this still the process that was recorded, not a later one with its number?
lab_same_process() { [ "$(lab_start_time "$1")" = "$2" ]; }

lab_wait_gone() {
    local tries=0
    while lab_same_process "$1" "$2"; do
        if [ $((tries += 1)) -gt "$LAB_TRIES" ]; then
            printf 'lab: process %s does not end\n' "$1" >&2
            return 1
        fi
        sleep 0.01
    done
}

# --- begin and end ---------------------------------------------------------------------------

lab_check_machine() {
    [[ $LAB_PREFIX =~ ^[a-z][a-z0-9]{0,9}$ ]] ||
        lab_die "LAB_PREFIX must be 1 to 10 small letters and digits: $LAB_PREFIX"
    [ "$(id -u)" -eq 0 ] || lab_die "the lab makes network namespaces: run it as root"
    [ -c /dev/net/tun ] || lab_die "no /dev/net/tun here: wireguard-go needs it"
    local tool
    for tool in probe flow witness rawsend echod; do
        [ -x "$LAB_BUILD/lab/$tool" ] || lab_die "no $LAB_BUILD/lab/$tool: run make first"
    done
}

# One run at a time holds a prefix. The lock dies with this script, not with the hosts.
lab_lock() {
    exec 9>"/run/lock/portcullis-$LAB_PREFIX.lock"
    flock -w "${LAB_WAIT:-300}" 9 || lab_die "another run uses the prefix $LAB_PREFIX"
}

# The directory must be ours before anything in it is believed.
lab_dir_is_ours() {
    [ -d "$LAB_DIR" ] && [ ! -L "$LAB_DIR" ] && [ "$(stat -c %u "$LAB_DIR")" -eq 0 ]
}

lab_make_dir() {
    mkdir -m 755 "$LAB_DIR" 2>/dev/null || lab_die "$LAB_DIR is there and is not ours to remove"
    mkdir "$LAB_DIR/hosts" "$LAB_DIR/log" "$LAB_DIR/etc"
}

lab_begin() {
    lab_check_machine
    lab_lock
    lab_remove
    lab_make_dir
    trap lab_on_exit EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# For a script that uses a lab which stands already (lab-shell, lab-down).
lab_attach() {
    if ! lab_dir_is_ours || [ ! -e "$LAB_DIR/standing" ]; then
        lab_die "no lab stands; make lab-up makes one"
    fi
}

lab_on_exit() {
    local rc=$?
    trap - EXIT HUP INT TERM
    if [ -n "$LAB_KEEP" ]; then
        touch "$LAB_DIR/standing"
    else
        lab_remove
    fi
    exit "$rc"
}

lab_end() { lab_remove; }

# Ends every recorded host, deletes every namespace of the prefix, removes the directory.
lab_remove() {
    local record name
    if lab_dir_is_ours; then
        for record in "$LAB_DIR"/hosts/*/init; do
            [ ! -s "$record" ] || lab_end_host "$record"
        done
    fi
    for name in $(ip netns list | cut -d' ' -f1); do
        [[ $name != "$LAB_PREFIX"-* ]] || ip netns delete "$name"
    done
    ! lab_dir_is_ours || rm -rf --one-file-system "$LAB_DIR"
}

# Killing a host's first process ends all its processes; it is gone once all of them are.
lab_end_host() {
    local pid start
    read -r pid start <"$1" || return 0
    ! lab_same_process "$pid" "$start" || kill -KILL "$pid"
    lab_wait_gone "$pid" "$start"
}

# --- hosts -----------------------------------------------------------------------------------

# What the first process of a host does: record itself (with the machine's numbers, before the
# host has a /proc of its own); a private /run (so that two wireguard-go with one interface name
# do not meet in /run/wireguard); names for the lab's addresses; then wait, while bash reaps the
# orphans of daemons.
# shellcheck disable=SC2016
LAB_INIT='
    set -e
    read -r stat </proc/self/stat
    set -- "$1" "$2" "${stat%% *}" ${stat##*) }
    printf "%s %s\n" "$3" "${23}" >"$2/hosts/$1/init"
    mount -t proc proc /proc
    mount -t tmpfs -o mode=755,size=64m tmpfs /run
    mkdir -p /run/wireguard /run/sshd /run/lock
    mount --bind "$2/etc/hosts" /etc/hosts
    hostname "$1"
    ip link set lo up
    sysctl -qw net.ipv4.ping_group_range="0 0"
    touch "$2/hosts/$1/ready"
    while :; do sleep 86400 & wait $!; done
'

lab_host() {
    local name=$1 tries=0
    mkdir "$LAB_DIR/hosts/$name"
    ip netns add "$LAB_PREFIX-$name"
    ip netns exec "$LAB_PREFIX-$name" unshare --mount --uts --ipc --pid --fork --kill-child \
        bash -c "$LAB_INIT" init "$name" "$LAB_DIR" \
        9>&- </dev/null >"$LAB_DIR/log/$name.init" 2>&1 &
    disown $!
    until [ -e "$LAB_DIR/hosts/$name/ready" ]; do
        [ $((tries += 1)) -le "$LAB_TRIES" ] || lab_die "no host $name: $(cat "$LAB_DIR/log/$name.init")"
        sleep 0.01
    done
}

# The pid, as the machine sees it, of the first process of host $1.
lab_init_pid() {
    local pid rest
    read -r pid rest <"$LAB_DIR/hosts/$1/init" 2>/dev/null || lab_die "no host $1 in this lab"
    printf '%s\n' "$pid"
}

# Runs a command on a host. Its pids are the host's own: end jobs with lab_stop, not with kill.
lab_on() {
    local name=$1 pid
    shift
    pid=$(lab_init_pid "$name") || return 1
    nsenter --target "$pid" --mount --uts --ipc --net --pid -- "$@" 9>&-
}

# Starts a job on a host; its output goes to $LAB_DIR/log/HOST.JOB (see lab_output).
lab_start() {
    local name=$1 job=$2 log=$LAB_DIR/log/$1.$2 tries=0
    shift 2
    rm -f "$LAB_DIR/hosts/$name/$job.job"
    # The job is a child of a shell on the host: nsenter itself would stop when its child stops.
    # shellcheck disable=SC2016
    (
        exec 9>&- </dev/null >"$log" 2>"$log.err"
        lab_on "$name" bash -c '"${@:2}" & echo $! >"$1"; wait $!' job \
            "$LAB_DIR/hosts/$name/$job.job" "$@"
    ) &
    until [ -s "$LAB_DIR/hosts/$name/$job.job" ]; do
        [ $((tries += 1)) -le "$LAB_TRIES" ] || lab_die "job $job on $name does not start"
        sleep 0.01
    done
    printf '%s %s\n' $! "$(lab_start_time $!)" >"$LAB_DIR/hosts/$name/$job.outer"
}

lab_job_pid() { cat "$LAB_DIR/hosts/$1/$2.job"; }
lab_output() { cat "$LAB_DIR/log/$1.$2"; }

# Waits until a job has said a word (default "ready") on its standard output or error.
lab_ready() {
    local tries=0
    until grep -qs -- "${3:-ready}" "$LAB_DIR/log/$1.$2" "$LAB_DIR/log/$1.$2.err"; do
        [ $((tries += 1)) -le "$LAB_TRIES" ] || lab_die "$2 on $1: $(cat "$LAB_DIR/log/$1.$2.err")"
        sleep 0.02
    done
}

lab_stop() {
    local outer start
    read -r outer start <"$LAB_DIR/hosts/$1/$2.outer"
    lab_on "$1" kill "-${3:-TERM}" "$(lab_job_pid "$1" "$2")" 2>/dev/null
    # Only a child can be waited for; a job that a subshell started is watched.
    wait "$outer" 2>/dev/null || lab_wait_gone "$outer" "$start"
}

# Waits up to $1 seconds (more on a slow machine) until the rest of its arguments succeeds as a
# command.
lab_wait_for() {
    local end=$(($(lab_now_ms) + $1 * LAB_SLOW * 1000))
    shift
    until "$@"; do
        [ "$(lab_now_ms)" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# sleep $1, in seconds with or without a fraction, on a slow machine longer.
lab_pause() { sleep "$(awk -v s="$1" -v slow="$LAB_SLOW" 'BEGIN { print s * slow }')"; }

# The rate $1 (records or packets a second), less on a slow machine but at least one.
lab_rate() { echo $((($1 + LAB_SLOW - 1) / LAB_SLOW)); }

# The wall clock, the one that probe, flow and witness use.
lab_now_us() { printf '%s\n' "${EPOCHREALTIME/[.,]/}"; }
lab_now_ms() { printf '%s\n' $((${EPOCHREALTIME/[.,]/} / 1000)); }

# lab_totp SECRET [STEPS]: the code that an authenticator app shows for a secret in base32 (RFC 6238),
# STEPS of half a minute from now.
lab_totp() {
    python3 - "$1" "${2:-0}" <<'PY'
import base64, hmac, struct, sys, time
key = base64.b32decode(sys.argv[1])
step = struct.pack(">Q", int(time.time()) // 30 + int(sys.argv[2]))
mac = hmac.digest(key, step, "sha1")
at = mac[-1] & 15
print("%06d" % ((struct.unpack(">I", mac[at:at + 4])[0] & 0x7fffffff) % 1000000))
PY
}

# shellcheck source-path=SCRIPTDIR
. "$LAB_SOURCE/net.sh"
. "$LAB_SOURCE/office.sh"
. "$LAB_SOURCE/gateway.sh"
. "$LAB_SOURCE/staff.sh"
. "$LAB_SOURCE/scenario.sh"
. "$LAB_SOURCE/rounds.sh"
