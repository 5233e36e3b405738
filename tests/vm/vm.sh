# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
#
# A Debian kernel in qemu over this machine's own files, read only. To be sourced (bash).
#
#   vm_tools             installs what it needs; fails, with $VM_WHY, when that cannot be had
#   vm_packages          the kernel packages to test, by name: Debian 12's own and its newest
#   vm_kernel PACKAGE    downloads and unpacks one below $VM_DIR; nothing is installed; may fail
#   vm_empty_share PACKAGE
#   vm_boot PACKAGE LIMIT COMMAND...   boots it, runs COMMAND in it as root; succeeds if that did
#
# Everything of a package is in $VM_DIR/PACKAGE: what COMMAND prints goes to share/output (the
# guest's /share), what the kernel says to console. The verdict comes by a serial port of its own:
# a guest that hangs, panics or warns has written nothing there and has failed.

VM_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
VM_TOP=$(cd "$VM_SOURCE/../.." && pwd)
VM_BUILD=$(cd "$VM_TOP" && realpath -m "${BUILD:-build}")
VM_DIR=$VM_BUILD/vm
VM_MEMORY=2048
# One processor: in software emulation a second one costs more than it does, and the two kernels
# run beside each other.
VM_CPUS=1
VM_TOOLS="qemu-system-x86 busybox-static kmod cpio xz-utils systemd"
# What the guest cannot see its root without.
VM_MODULES="9p virtio_pci 9pnet_virtio overlay"
# Parts of the kernel package that no test needs: three quarters of it.
VM_LEAVE_OUT="gpu media sound iio infiniband usb staging scsi wireless input ethernet hwmon"
# A warning is a failure. Without address randomisation the emulator translates a program once.
VM_APPEND="console=ttyS0 quiet panic=-1 panic_on_warn=1 oops=panic norandmaps"
VM_WHY=""

vm_die() { printf 'vm: %s\n' "$*" >&2; exit 1; }

# --- what it needs ----------------------------------------------------------------------------

# apt-get with words; what it says is kept, the end of it in $VM_WHY if it fails.
vm_apt() {
    DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" >"$VM_DIR/apt.log" 2>&1 && return
    VM_WHY="apt-get $1: $(tail -n 1 "$VM_DIR/apt.log")"
    return 1
}

vm_tools() {
    local tool missing=""
    mkdir -p "$VM_DIR"
    for tool in $VM_TOOLS; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$tool" 2>/dev/null)" = installed ] ||
            missing="$missing $tool"
    done
    [ -n "$missing" ] || return 0
    [ "$(id -u)" -eq 0 ] || vm_die "must install$missing: run me as root"
    printf 'vm: installing%s\n' "$missing"
    # shellcheck disable=SC2086
    vm_apt update && vm_apt install --no-install-recommends $missing
}

vm_known() { apt-cache show --no-all-versions "$1" >/dev/null 2>&1; }

# The image that linux-image-amd64 stands for, and the newest image of any version on offer.
vm_packages() {
    local stock newest
    vm_known linux-image-amd64 || vm_apt update || return
    stock=$(apt-cache depends linux-image-amd64 | awk '/Depends: linux-image-[0-9]/ { print $2; exit }')
    newest=$(apt-cache pkgnames linux-image- | grep -E '^linux-image-[0-9][^-]*(-[0-9]+)?-amd64$' |
        sort -Vr | while read -r p; do
            [ -z "$(apt-cache madison "$p")" ] || { printf '%s\n' "$p"; break; }
        done)
    [ -n "$stock" ] || return
    printf '%s\n' "$stock"
    [ "$newest" = "$stock" ] || printf '%s\n' "$newest"
}

vm_version() { printf '%s\n' "${1#linux-image-}"; }

vm_kernel() {
    local dir=$VM_DIR/$1 skip
    [ ! -e "$dir/complete" ] || return 0
    rm -rf "$dir"
    mkdir -p "$dir/root"
    (cd "$dir" && { vm_apt download "$1" || { vm_apt update && vm_apt download "$1"; }; }) || {
        VM_WHY="cannot download $1: $(tail -n 1 "$VM_DIR/apt.log")"
        return 1
    }
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
    local dir=$VM_DIR/$1 root=$VM_DIR/$1/initramfs n=10 file
    rm -rf "$root"
    mkdir -p "$root/bin" "$root/modules" "$root/proc" "$root/host" "$root/vm" "$root/newroot"
    cp /bin/busybox "$root/bin/"
    install -m 755 "$VM_SOURCE/init" "$root/init"
    vm_module_files "$1" | while read -r file; do
        cp "$file" "$root/modules/$((n += 1))-${file##*/}"
    done
    find "$root/modules" -name '*.xz' -exec unxz {} +
    printf '%s\n' "$VM_TOP" >"$root/top"
    printf '%s\n' "$VM_BUILD" >"$root/build"
    printf '%s\n' "$dir/root/lib/modules" >"$root/modules-from"
    shift
    printf '%s\0' "$@" >"$root/command"
    (cd "$root" && find . | cpio -o -H newc --quiet | gzip -1) >"$dir/initramfs.gz"
    rm -rf "$root"
}

# qemu with what all guests have; its further words are the caller's. No network device.
vm_qemu() {
    local dir=$VM_DIR/$1 version limit=$2
    version=$(vm_version "$1")
    shift 2
    timeout --foreground -k 5 "$limit" qemu-system-x86_64 \
        -machine q35 -accel tcg,thread=multi -cpu max -smp "$VM_CPUS" -m "$VM_MEMORY" \
        -nodefaults -display none -no-reboot \
        -kernel "$dir/root/boot/vmlinuz-$version" -initrd "$dir/initramfs.gz" \
        -append "$VM_APPEND" \
        -fsdev local,id=host,path=/,security_model=none,readonly=on,multidevs=remap \
        -device virtio-9p-pci,fsdev=host,mount_tag=host \
        -fsdev local,id=share,path="$dir/share",security_model=none \
        -device virtio-9p-pci,fsdev=share,mount_tag=share \
        -device virtio-rng-pci "$@"
}

vm_empty_share() {
    local dir=$VM_DIR/$1
    rm -rf "$dir/share" "$dir/console" "$dir/verdict"
    mkdir -p "$dir/share"
    touch "$dir/share/output"
}

# After vm_empty_share.
vm_boot() {
    local dir=$VM_DIR/$1 package=$1 limit=$2
    shift 2
    vm_initramfs "$package" "$@"
    vm_qemu "$package" "$limit" -serial "file:$dir/console" -serial "file:$dir/verdict" \
        </dev/null >"$dir/qemu.log" 2>&1
    [ "$(cat "$dir/verdict" 2>/dev/null)" = 0 ]
}

# The same with a terminal, for a person.
vm_boot_shell() {
    vm_empty_share "$1"
    vm_initramfs "$1" shell
    vm_qemu "$1" 86400 -serial mon:stdio -serial "file:$VM_DIR/$1/verdict"
}
