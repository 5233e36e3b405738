# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A Debian kernel in qemu over this machine's own files, read only. To be sourced (bash).
#
#   vm_packages          the kernel packages to test, by name: Debian 12's own and its newest
#   vm_kernel PACKAGE    downloads and unpacks one below $VM_DIR; nothing is installed
#   vm_boot PACKAGE LIMIT COMMAND...   boots it, runs COMMAND in it as root; succeeds if that did
#
# What COMMAND prints goes to $VM_DIR/share/output (the guest's /share), what the kernel says to
# $VM_DIR/console. The verdict comes by a serial port of its own: a guest that hangs, panics or
# warns has written nothing there and has failed.

VM_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VM_TOP=$(cd "$VM_SOURCE/../.." && pwd)
VM_BUILD=$(cd "$VM_TOP" && realpath -m "${BUILD:-build}")
VM_DIR=$VM_BUILD/vm
VM_MEMORY=2048
VM_CPUS=2
VM_TOOLS="qemu-system-x86 busybox-static kmod cpio"
# What the guest cannot see its root without.
VM_MODULES="9p virtio_pci 9pnet_virtio overlay"
# Parts of the kernel package that no test needs: three quarters of it.
VM_LEAVE_OUT="gpu media sound iio infiniband usb staging scsi wireless input ethernet hwmon"

vm_die() { printf 'vm: %s\n' "$*" >&2; exit 1; }

# --- what it needs ----------------------------------------------------------------------------

vm_tools() {
    local tool missing=""
    for tool in $VM_TOOLS; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$tool" 2>/dev/null)" = installed ] ||
            missing="$missing $tool"
    done
    [ -n "$missing" ] || return 0
    [ "$(id -u)" -eq 0 ] || vm_die "must install$missing: run me as root"
    printf 'vm: installing%s\n' "$missing"
    # shellcheck disable=SC2086
    { apt-get -q update && DEBIAN_FRONTEND=noninteractive \
        apt-get -q -y --no-install-recommends install $missing; } >"$VM_DIR/apt.log" 2>&1 ||
        vm_die "cannot install$missing: $(tail -n 3 "$VM_DIR/apt.log")"
}

# The image that linux-image-amd64 stands for, and the newest image of any version on offer.
vm_packages() {
    local stock newest
    stock=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
    newest=$(apt-cache pkgnames linux-image- | grep -E '^linux-image-[0-9][^-]*(-[0-9]+)?-amd64$' |
        while read -r p; do
            [ -z "$(apt-cache madison "$p")" ] || printf '%s\n' "$p"
        done | sort -V | tail -n 1)
    [ -n "$stock" ] || vm_die "apt knows no linux-image-amd64: apt-get update"
    printf '%s\n' "$stock"
    [ "$newest" = "$stock" ] || printf '%s\n' "$newest"
}

vm_version() { printf '%s\n' "${1#linux-image-}"; }

vm_kernel() {
    local dir=$VM_DIR/$1 skip
    [ ! -e "$dir/complete" ] || return 0
    rm -rf "$dir"
    mkdir -p "$dir/root"
    (cd "$dir" && apt-get -q download "$1") >"$dir/log" 2>&1 ||
        vm_die "cannot download $1: $(tail -n 3 "$dir/log")"
    # shellcheck disable=SC2086
    mapfile -t skip < <(printf -- '--exclude=drivers/%s\n' $VM_LEAVE_OUT)
    dpkg-deb --fsys-tarfile "$dir/$1"_*.deb |
        tar -x -C "$dir/root" "${skip[@]}" ./boot ./lib/modules || vm_die "cannot unpack $1"
    depmod -b "$dir/root" "$(vm_version "$1")" || vm_die "no modules in $1"
    rm -f "$dir/$1"_*.deb
    touch "$dir/complete"
}

# --- booting ----------------------------------------------------------------------------------

# The modules of $VM_MODULES and what they depend on, in the order in which they are inserted.
vm_module_files() {
    local m
    for m in $VM_MODULES; do
        modprobe -S "$(vm_version "$1")" -d "$VM_DIR/$1/root" --show-depends "$m"
    done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }'
}

# An initramfs of busybox, those modules, and our init with the command to run.
vm_initramfs() {
    local package=$1 root=$VM_DIR/initramfs n=10 file
    shift
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/modules" "$root/proc" "$root/host" "$root/vm" "$root/newroot"
    cp /bin/busybox "$root/bin/"
    install -m 755 "$VM_SOURCE/init" "$root/init"
    vm_module_files "$package" | while read -r file; do
        cp "$file" "$root/modules/$((n += 1))-${file##*/}"
    done
    find "$root/modules" -name '*.xz' -exec unxz {} +
    printf '%s\n' "$VM_TOP" >"$root/top"
    printf '%s\n' "$VM_BUILD" >"$root/build"
    printf '%s\n' "$VM_DIR/$package/root/lib/modules" >"$root/modules-from"
    printf '%s\0' "$@" >"$root/command"
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$VM_DIR/initramfs.gz"
}

# qemu with what all guests have; its further words are the caller's. No network device.
vm_qemu() {
    local package=$1 limit=$2
    shift 2
    timeout --foreground -k 5 "$limit" qemu-system-x86_64 \
        -machine q35 -accel tcg,thread=multi -cpu max -smp "$VM_CPUS" -m "$VM_MEMORY" \
        -nodefaults -display none -no-reboot -pidfile "$VM_DIR/qemu.pid" \
        -kernel "$VM_DIR/$package/root/boot/vmlinuz-$(vm_version "$package")" \
        -initrd "$VM_DIR/initramfs.gz" \
        -append "console=ttyS0 quiet panic=-1 panic_on_warn=1 oops=panic" \
        -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
        -device virtio-9p-pci,fsdev=host,mount_tag=host \
        -fsdev local,id=share,path="$VM_DIR/share",security_model=none \
        -device virtio-9p-pci,fsdev=share,mount_tag=share \
        -device virtio-rng-pci "$@"
}

# Ends a guest that still runs: its qemu has recorded itself, and removes the record when it ends.
vm_kill() {
    local pid
    read -r pid 2>/dev/null <"$VM_DIR/qemu.pid" || return 0
    [[ $(readlink "/proc/$pid/exe") != */qemu-system-x86_64 ]] || kill "$pid"
}

vm_empty_share() {
    rm -rf "$VM_DIR/share" "$VM_DIR/console" "$VM_DIR/verdict"
    mkdir -p "$VM_DIR/share"
    touch "$VM_DIR/share/output"
}

# After vm_empty_share.
vm_boot() {
    local package=$1 limit=$2
    shift 2
    vm_initramfs "$package" "$@"
    vm_qemu "$package" "$limit" -serial "file:$VM_DIR/console" -serial "file:$VM_DIR/verdict" \
        </dev/null >"$VM_DIR/qemu.log" 2>&1
    [ "$(cat "$VM_DIR/verdict" 2>/dev/null)" = 0 ]
}

# The same with a terminal, for a person.
vm_boot_shell() {
    mkdir -p "$VM_DIR/share"
    vm_initramfs "$1" shell
    vm_qemu "$1" 86400 -serial mon:stdio -serial "file:$VM_DIR/verdict"
}
