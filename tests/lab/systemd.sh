# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A host of the lab with a real systemd on it, so that units run with all that stands in them. It is
# job `systemd` of the host: a pid, mount and cgroup namespace within the host's, on a root that is
# this machine's with a layer of memory over it, so that nothing of it stays. To be sourced after
# lab.sh.
#
#   systemd_boot HOST       boots it (1: this kernel cannot)       systemd_on HOST CMD...  runs there

SYSTEMD_CGROUPS=$(findmnt -n -t cgroup2 -o TARGET | head -n 1)

# What belongs to the machine and not to a host of the lab is masked.
# shellcheck disable=SC2016
SYSTEMD_INIT='
    set -e
    mount --make-rprivate /
    mount -t tmpfs -o mode=755 tmpfs /mnt
    mkdir /mnt/upper /mnt/work /mnt/root
    r=/mnt/root
    mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work $r
    mount -t proc proc $r/proc
    mount -t sysfs sysfs $r/sys
    mount -t cgroup2 cgroup2 $r/sys/fs/cgroup
    mount -t tmpfs -o mode=755 tmpfs $r/run
    mount -t tmpfs -o mode=755 tmpfs $r/dev
    for n in null zero full random urandom tty; do cp -a /dev/$n $r/dev/; done
    mkdir $r/dev/pts $r/dev/shm $r/dev/net
    cp -a /dev/net/tun $r/dev/net/
    mount -t devpts -o newinstance,ptmxmode=666 devpts $r/dev/pts
    ln -s pts/ptmx $r/dev/ptmx
    for u in systemd-udevd systemd-udev-trigger systemd-modules-load systemd-sysctl systemd-remount-fs \
        systemd-random-seed systemd-networkd systemd-timesyncd systemd-resolved networking ifupdown-pre chrony; do
        ln -sf /dev/null $r/etc/systemd/system/$u.service
    done
    printf "[Unit]\nDefaultDependencies=no\n" >$r/etc/systemd/system/lab.target
    rm -f $r/etc/machine-id
    echo 0123456789abcdef0123456789abcdef >$r/etc/machine-id
    rm -rf $r/etc/portcullis $r/etc/portcullis-agent $r/etc/wireguard $r/var/lib/portcullis
    export container=other
    exec chroot $r /lib/systemd/systemd --unit=lab.target --show-status=false --log-target=null
'

systemd_cgroup() { printf '%s/%s-%s\n' "$SYSTEMD_CGROUPS" "$LAB_PREFIX" "$1"; }

systemd_boot() {
    local group
    group=$(systemd_cgroup "$1")
    if [ -z "$SYSTEMD_CGROUPS" ] || ! mkdir -p "$group"; then return 1; fi
    # shellcheck disable=SC2016
    lab_start "$1" systemd bash -c 'mount -t cgroup2 cgroup2 /mnt && echo $$ >"/mnt/$1/cgroup.procs" &&
        umount /mnt && exec unshare --pid --fork --mount --cgroup --kill-child bash -c "$2"' boot \
        "${group##*/}" "$SYSTEMD_INIT"
    lab_wait_for 20 systemd_runs "$1"
}

# The pid of the systemd of host $1, as that host sees it: the one child of its job.
systemd_pid() {
    local job
    job=$(lab_job_pid "$1" systemd) || return 1
    # shellcheck disable=SC2016
    lab_on "$1" sh -c 'read -r pid <"/proc/$1/task/$1/children"; [ -n "$pid" ] && echo "${pid% }"' pid "$job"
}

systemd_on() {
    local name=$1 pid
    shift
    pid=$(systemd_pid "$name") || return 1
    lab_on "$name" nsenter --target "$pid" --mount --pid --cgroup --root --wd -- "$@"
}

systemd_runs() { systemd_on "$1" systemctl is-system-running 2>/dev/null | grep -qE 'running|degraded|starting'; }

# The lab's hosts are gone by then, and so is whatever was in the groups.
systemd_forget() {
    local group
    for group in "$SYSTEMD_CGROUPS/$LAB_PREFIX"-*; do
        [ ! -d "$group" ] || find "$group" -depth -type d -exec rmdir {} + 2>/dev/null
    done
}
eval "lab_remove_hosts() $(declare -f lab_remove | sed 1d)"
lab_remove() { lab_remove_hosts; [ -z "$SYSTEMD_CGROUPS" ] || systemd_forget; }
