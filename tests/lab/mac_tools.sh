# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Small scripts that answer as macOS's own tools do, for portcullis-agent.sh on a Linux host of the
# lab: mac_tools FOLDER. What they say can be changed by mac_says TOOL TEXT.

MAC_TOOLS=

mac_stub() { printf '#!/bin/sh\n%s\n' "$2" >"$MAC_TOOLS/$1" && chmod 755 "$MAC_TOOLS/$1"; }
mac_says() { mac_stub "$1" "printf '%s\\n' '$2'"; }

mac_tools() {
    MAC_TOOLS=$1
    mkdir "$MAC_TOOLS"
    mac_stub sw_vers 'case $1 in -productVersion) echo 14.7.1;; esac'
    mac_stub uname 'echo 23.6.0'
    mac_stub fdesetup 'echo "FileVault is On."'
    mac_stub socketfilterfw 'echo "Firewall is enabled. (State = 1)"'
    mac_stub spctl 'echo "assessments enabled"'
    mac_stub csrutil 'case $1 in status) echo "System Integrity Protection status: enabled.";;
        *) echo "Authenticated Root status: enabled";; esac'
    mac_stub profiles 'printf "Enrolled via DEP: No\nMDM enrollment: No\n"'
    mac_stub ioreg "printf '    \"IOPlatformSerialNumber\" = \"C02ABC\"\\n'"
    mac_stub sysctl "case \$2 in hw.model) echo MacBookPro18,3;;
        *) echo \"{ sec = \$((\$(/bin/date +%s) - 100)), usec = 0 } Sun\";; esac"
    mac_stub softwareupdate "printf '* Label: a\\n\\tTitle: a, Version: 1, Size: 2KiB, Recommended: YES,\\n* Label: b\\n\\tTitle: b, Version: 1, Size: 2KiB, Recommended: NO,\\n'"
    mac_stub defaults 'case "$*" in *LastSuccessfulDate*) /bin/date -u "+%Y-%m-%d %H:%M:%S +0000";;
        *idleTime*) echo 300;; *) exit 1;; esac'
    # BSD's date and stat, as far as the script asks them.
    mac_stub date 'case "$*" in -j*) /bin/date -u -d "${5% +0000}" +%s;; *) exec /bin/date "$@";; esac'
    mac_stub stat 'case "$1 $2 $3" in "-f %Su /dev/console") echo maria;;
        "-f %m "*) echo $(($(/bin/date +%s) - 86400));; *) exit 1;; esac'
    mac_stub id 'case "$*" in "-u maria") echo 501;; *) exec /usr/bin/id "$@";; esac'
    mac_stub launchctl '[ "$1 $2" != "asuser 501" ] || { shift 2; exec "$@"; }; echo "$@" >>'"$MAC_TOOLS/launchctl.log"
    mac_stub sudo '[ "$1 $2" = "-u maria" ] && shift 2 && exec "$@"'
    mac_stub sysadminctl 'echo "sysadminctl[1:2] screenLock delay is 60 seconds" >&2'
    mac_stub osascript "for a; do printf '[%s]\\n' \"\$a\"; done >>$MAC_TOOLS/osascript.log"
    # plutil -extract KEYPATH raw -o - -- FILE, of JSON.
    cat >"$MAC_TOOLS/plutil" <<'PLUTIL'
#!/usr/bin/python3
import json
import sys
v = json.load(open(sys.argv[7], encoding="utf-8"))
for part in sys.argv[2].split("."):
    try:
        v = v[int(part)] if isinstance(v, list) else v[part]
    except (KeyError, IndexError, TypeError, ValueError):
        sys.exit(1)
print({True: "true", False: "false"}.get(v, v) if isinstance(v, bool) else v)
PLUTIL
    chmod 755 "$MAC_TOOLS/plutil"
}

# The script with its folders in the lab: mac_agent FROM TO. Nothing else of it is changed.
mac_agent() {
    sed -e "s|^PATH=.*|PATH=$MAC_TOOLS:/usr/bin:/bin:/usr/sbin:/sbin|" -e "s|^DIR=.*|DIR=$LAB_DIR/mac|" \
        -e "s|^PLIST=.*|PLIST=$LAB_DIR/agent.plist|" "$1" >"$2"
}
