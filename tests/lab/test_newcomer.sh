#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# README's path from a bare machine to the first colleague, connected: exactly its commands, on two
# hosts whose /etc, /usr and /var are their own, and what they print is what it shows. In place of
# systemctl and sudo stand the two scripts in tests/lab/newcomer. `UPDATE=1` writes what they print
# into the README.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

# Host $1's own system: what it writes below these is gone with it.
own_system() {
    # shellcheck disable=SC2016
    lab_on "$1" bash -c 'set -e
        mkdir /run/own
        mount -t tmpfs -o mode=755,size=512m tmpfs /run/own
        for d in etc usr var; do
            mkdir "/run/own/$d" "/run/own/$d.work"
            mount -t overlay overlay -o "lowerdir=/$d,upperdir=/run/own/$d,workdir=/run/own/$d.work" "/$d"
        done
        rm -rf /etc/portcullis /etc/portcullis-agent /etc/wireguard /var/lib/portcullis*
        install -m 755 "$1/newcomer/systemctl" "$1/newcomer/sudo" /usr/local/sbin
        cp "$2" /etc/hosts' own "$LAB_SOURCE" "$LAB_DIR/etc/hosts"
}

lab_begin
net_make
office_start
net_internet_host laptop 21
printf '%s access.example.com\n' "$GW_OUTSIDE4" >>"$LAB_DIR/etc/hosts"
if ! own_system gw || ! own_system laptop; then
    skip "the newcomer's path" "this kernel has no overlay for a system of the hosts' own"
    test_end
    exit
fi
cd "$LAB_TOP" || exit 1
export BUILD=$LAB_BUILD
"$LAB_SOURCE/newcomer/run.py" ${UPDATE:+--update} README.md \
    gateway="$(lab_init_pid gw)" laptop="$(lab_init_pid laptop)" office="$(lab_init_pid office)"
