#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
#
# portcullis-agent for macOS, of nothing but what macOS 12 and later ship: sh, curl, openssl
# (LibreSSL), plutil, xxd and the system's own commands. README.md beside it says what it reports,
# what it cannot do, and that it has not been tried on a Mac.
#
#   sudo sh portcullis-agent.sh enroll LINK [--code CODE] [--wireguard-key PUBLIC]
#   sudo sh portcullis-agent.sh install | uninstall      report every four minutes, or stop that
#   sudo sh portcullis-agent.sh post                     report once
#   sh portcullis-agent.sh facts | status
#
# Exit: 0 in, 1 refused or in quarantine, 2 usage, 3 the gateway cannot be reached.
set -u
umask 077
PATH=/usr/bin:/bin:/usr/sbin:/sbin:/usr/libexec/ApplicationFirewall
LC_ALL=C
export PATH LC_ALL

DIR="/Library/Application Support/Portcullis"
LABEL=org.portcullis.agent
PLIST=/Library/LaunchDaemons/$LABEL.plist
SELF=/usr/local/libexec/portcullis-agent.sh
LIFE=600
WEEK=604800
NETWORKS_MAX=256

say() { printf '%s\n' "$*"; }
die() { printf 'portcullis-agent: %s\n' "$2" >&2; exit "$1"; }
need_root() { [ "$(id -u)" -eq 0 ] || die 2 "this needs root: sudo sh $0"; }

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# --- texts ---------------------------------------------------------------------------------------

b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '=\n'; }
# What came over the network, on a terminal: plain ASCII, at most 400 characters.
shown() { tr -cd '\040-\176' | cut -c 1-400; }
sha256_hex() { openssl dgst -sha256 | sed 's/^.*= *//'; }

# A value is looked at as a whole, so that no line of it can hide behind a good one.
is_name() { case $1 in '' | [!a-z0-9]* | *[!a-z0-9._-]*) return 1 ;; esac; [ "${#1}" -le 63 ]; }
is_number() { case $1 in '' | *[!0-9]*) return 1 ;; esac; [ "${#1}" -le 10 ]; }
is_version() { case $1 in '' | [!0-9]* | *[!0-9.]* | *. | *..*) return 1 ;; esac; [ "${#1}" -le 63 ]; }
is_b64url() { case $1 in '' | *[!A-Za-z0-9_-]*) return 1 ;; esac; [ "${#1}" -eq "$2" ]; }
is_wg_key() { case $1 in *[!A-Za-z0-9+/=]* | *=?*) return 1 ;; *=) ;; *) return 1 ;; esac; [ "${#1}" -eq 44 ]; }
is_plain() { case $1 in '' | *[!A-Za-z0-9._\ ,:/-]*) return 1 ;; esac; [ "${#1}" -le 127 ]; }
is_address() {
    case $1 in
        *:*) case $1 in *[!0-9a-fA-F:.]*) return 1 ;; esac ;;
        *.*.*.*) case $1 in *[!0-9.]*) return 1 ;; esac ;;
        *) return 1 ;;
    esac
    [ "${#1}" -le 45 ]
}
is_network() { case $1 in */*) is_address "${1%%/*}" && is_number "${1#*/}" && [ "${1#*/}" -le 128 ] ;; *) is_address "$1" ;; esac; }
is_endpoint() {
    is_number "${1##*:}" && [ "${1##*:}" -le 65535 ] || return 1
    case ${1%:*} in
        \[*\]) is_address "$(printf '%s' "${1%:*}" | tr -d '[]')" ;;
        '' | -* | .* | *[!A-Za-z0-9.-]*) return 1 ;;
    esac
}

# A member of a JSON file: "error.code", "config.address.0". Fails when it is not there.
member() { plutil -extract "$2" raw -o - -- "$1" 2>/dev/null; }

# --- keys ----------------------------------------------------------------------------------------

# A key that hardware keeps cannot be made or used by what macOS ships for a shell: this one is a
# file that root alone reads.
make_keys() {
    [ -s "$DIR/signing.pem" ] || {
        openssl ecparam -name prime256v1 -genkey -noout >"$work/key" || return 1
        mv "$work/key" "$DIR/signing.pem" || return 1
    }
    [ -s "$DIR/ueid" ] || {
        { printf '\001'; openssl rand 16; } | b64url >"$work/ueid" && mv "$work/ueid" "$DIR/ueid"
    }
}
# x and y, 64 bytes: the end of the public key's DER.
public_xy() { openssl ec -in "$DIR/signing.pem" -pubout -outform DER 2>/dev/null | tail -c 64; }
kid() { printf 'dev-%s' "$(public_xy | sha256_hex | cut -c 1-16)"; }

# openssl signs as DER; JWS wants the two numbers, 32 bytes each.
sign() {
    openssl dgst -sha256 -sign "$DIR/signing.pem" >"$work/der" || return 1
    openssl asn1parse -inform DER -in "$work/der" |
        sed -n 's/.*INTEGER *:\([0-9A-F]*\).*/\1/p' |
        while read -r n; do
            n=0000000000000000000000000000000000000000000000000000000000000000$n
            printf '%s' "${n#"${n%????????????????????????????????????????????????????????????????}"}"
        done | xxd -r -p | b64url
}

# --- facts ---------------------------------------------------------------------------------------

# A line a fact: name, JSON value, source; or name, "-", why it is not known.
put() { printf '%s\t%s\t%s\n' "$1" "$2" "$3"; }
unknown() { printf '%s\t-\t%s\n' "$1" "$2"; }
put_text() { if is_plain "$2"; then put "$1" "\"$2\"" "$3"; else unknown "$1" "$3 says nothing plain"; fi; }
put_answer() {   # NAME SOURCE TEXT WORDS-OF-YES WORDS-OF-NO
    case $3 in
        *"$4"*) put "$1" true "$2" ;;
        *"$5"*) put "$1" false "$2" ;;
        *) unknown "$1" "$2 does not say" ;;
    esac
}

fact_os() {
    v=$(sw_vers -productVersion 2>/dev/null)
    put os.family '"macos"' "this program"
    if is_version "$v"; then put os.ver "\"$v\"" "sw_vers -productVersion"; else unknown os.ver "sw_vers does not say"; fi
    v=$(uname -r)
    ! is_version "$v" || put os.build "\"$v\"" "uname -r"
    v=$(stat -f %m /Library/Receipts/InstallHistory.plist 2>/dev/null)
    if is_number "$v"; then put os.patch "$v" "/Library/Receipts/InstallHistory.plist"; else unknown os.patch "there is no InstallHistory.plist"; fi
}

# What the last look of the system's own found; no look is made. Apple does not say which updates
# are of security: all that are recommended count as such.
fact_updates() {
    at=$(defaults read /Library/Preferences/com.apple.SoftwareUpdate LastSuccessfulDate 2>/dev/null)
    at=$(date -j -u -f '%Y-%m-%d %H:%M:%S +0000' "$at" +%s 2>/dev/null)
    if ! is_number "$at" || [ "$at" -lt $(($(date +%s) - WEEK)) ]; then
        unknown pend.crit "the system has not looked for updates within a week"
        unknown pend.imp "the system has not looked for updates within a week"
        return
    fi
    list=$(softwareupdate --list --no-scan 2>/dev/null)
    all=$(printf '%s\n' "$list" | grep -c 'Title:')
    crit=$(printf '%s\n' "$list" | grep -c 'Recommended: YES')
    put pend.crit "$crit" "softwareupdate --list --no-scan"
    put pend.imp $((all - crit)) "softwareupdate --list --no-scan"
}

fact_protections() {
    put_answer fde.sys "fdesetup status" "$(fdesetup status 2>/dev/null)" "FileVault is On" "FileVault is Off"
    state=$(socketfilterfw --getglobalstate 2>/dev/null)
    put_answer fw.on "socketfilterfw --getglobalstate" "$state" "is enabled" "is disabled"
    case $state in
        *"State = 2"*) put fw.in true "socketfilterfw --getglobalstate" ;;
        *"is disabled"*) put fw.in false "socketfilterfw --getglobalstate" ;;
        *) unknown fw.in "the application firewall lets signed programs in: it is no rule for all" ;;
    esac
    plist=/Library/Apple/System/Library/CoreServices/XProtect.bundle/Contents/Info.plist
    v=$(stat -f %m "$plist" 2>/dev/null)
    if is_number "$v"; then
        put av.name '"xprotect"' "$plist"
        put av.defs_at "$v" "$plist"
        put_answer av.on "spctl --status" "$(spctl --status 2>&1)" "assessments enabled" "assessments disabled"
    else
        unknown av.on "there is no XProtect.bundle; other products are not known"
    fi
}

fact_tamper() {
    sip=$(csrutil status 2>/dev/null) root=$(csrutil authenticated-root status 2>/dev/null)
    case "$sip|$root" in
        *disabled*) put tamper.rooted true "csrutil status, csrutil authenticated-root status" ;;
        *enabled*"|"*enabled*) put tamper.rooted false "csrutil status, csrutil authenticated-root status" ;;
        *) unknown tamper.rooted "csrutil does not say" ;;
    esac
    put_answer tamper.devmode "spctl --status" "$(spctl --status 2>&1)" "assessments disabled" "assessments enabled"
}

# Runs a command as the person at the screen. Who is not root asks for themselves.
console_user() { stat -f %Su /dev/console 2>/dev/null; }
as_person() {
    person=$(console_user)
    if [ "$(id -u)" -ne 0 ]; then
        "$@"
    elif [ -n "$person" ] && [ "$person" != root ]; then
        launchctl asuser "$(id -u "$person")" sudo -u "$person" "$@"
    else
        return 1
    fi
}

fact_lock() {
    lock=$(as_person sysadminctl -screenLock status 2>&1)
    idle=$(as_person defaults -currentHost read com.apple.screensaver idleTime 2>/dev/null)
    case $lock in
        *"screenLock is off"*) put lock.on false "sysadminctl -screenLock status"; return ;;
        *"screenLock delay is immediate"*) delay=0 ;;
        *"screenLock delay is "*) delay=${lock##*screenLock delay is }; delay=${delay%% *} ;;
        *) delay= ;;
    esac
    if is_number "$delay" && is_number "$idle" && [ "$idle" -gt 0 ]; then
        put lock.on true "sysadminctl -screenLock status"
        put lock.max_s $((delay + idle)) "sysadminctl, com.apple.screensaver idleTime"
    else
        unknown lock.on "nobody is at the screen, or the screen saver's time is the default"
    fi
}

fact_machine() {
    put_answer mdm.enrolled "profiles status -type enrollment" "$(profiles status -type enrollment 2>/dev/null)" \
        "MDM enrollment: Yes" "MDM enrollment: No"
    v=$(ioreg -rd1 -c IOPlatformExpertDevice 2>/dev/null | sed -n 's/.*"IOPlatformSerialNumber" = "\(.*\)".*/\1/p')
    if [ -n "$v" ]; then
        put inv.serial_h "\"$(printf '%s' "$v" | sha256_hex | cut -c 1-32)\"" "ioreg, hashed"
    else
        unknown inv.serial_h "ioreg does not say"
    fi
    v=$(sysctl -n hw.model 2>/dev/null)
    [ -z "$v" ] || put claim:hwmodel "\"$(printf '%s' "$v" | cut -c 1-32 | tr -d '\n' | b64url)\"" "sysctl hw.model"
    v=$(sysctl -n kern.boottime 2>/dev/null | sed -n 's/^{ sec = \([0-9]*\),.*/\1/p')
    ! is_number "$v" || put claim:uptime $(($(date +%s) - v)) "sysctl kern.boottime"
    unknown claim:oemboot "what macOS ships does not say it without changing anything"
}

facts() { fact_os; fact_updates; fact_protections; fact_tamper; fact_lock; fact_machine; }

show_facts() {
    facts | sed 's/^claim://' | awk -F '\t' '
        { printf "%-15s %-24s %s\n", $1, $2 == "-" ? "unknown" : $2, $3 }'
}

# The facts of standard input as the pst claim and what stands beside it: ,"pst":{...},"hwmodel":...
claims_of() {
    awk -F '\t' -v at="$1" '
        $2 == "-" { next }
        sub(/^claim:/, "", $1) { beside = beside ",\"" $1 "\":" $2; next }
        { split($1, n, "."); if (!(n[1] in group)) order[++groups] = n[1]
          group[n[1]] = group[n[1]] (group[n[1]] == "" ? "" : ",") "\"" n[2] "\":" $2 }
        END { printf ",\"pst\":{\"v\":1,\"at\":%s", at
              for (i = 1; i <= groups; i++) printf ",\"%s\":{%s}", order[i], group[order[i]]
              printf "}%s", beside }'
}

# --- reporting -----------------------------------------------------------------------------------

setting() { sed -n "s/^$1=//p" "$DIR/settings" 2>/dev/null; }

# URL [curl's options]: the answer in $work/answer; prints the status.
portal() {
    url=$1
    shift
    curl -sS --proto '=http' --noproxy '*' --max-time 20 --max-filesize 262144 -o "$work/answer" \
        -w '%{http_code}' "$@" "$url" 2>"$work/fault"
}

token() {   # NONCE AUDIENCE
    now=$(date +%s) device=$(setting DEVICE)
    header=$(printf '{"alg":"ES256","typ":"eat+jwt","kid":"%s"}' "$(kid)" | b64url)
    payload=$({
        printf '{"iss":"%s","sub":"%s","aud":"%s","iat":%s,"exp":%s,"jti":"%s",' "$device" "$device" \
            "$2" "$now" $((now + LIFE)) "$(openssl rand 16 | b64url)"
        printf '"eat_profile":"tag:portcullis,2026:posture-v1","ueid":"%s","eat_nonce":"%s",' \
            "$(cat "$DIR/ueid")" "$1"
        printf '"cnf":{"jwk":{"kty":"OKP","crv":"X25519","x":"%s"}}' \
            "$(setting WIREGUARD_KEY | tr '+/' '-_' | tr -d '=')"
        facts | claims_of "$now"
        printf ',"swname":"portcullis-agent.sh","swversion":["0.1"]}'
    } | b64url)
    printf '%s.%s.%s' "$header" "$payload" "$(printf '%s.%s' "$header" "$payload" | sign)"
}

text_of() { member "$work/answer" "$1" | shown; }

# Prints the answer; sets `result` and `sentence`.
read_answer() {
    result=$(member "$work/answer" result) sentence=$(text_of sentence)
    fix=$(text_of fix)
    if member "$work/answer" error.code >/dev/null; then
        result=refused sentence="$(text_of error.message) ($(text_of error.code))" fix=$(text_of error.hint)
    fi
    if [ "$result" = in ]; then
        say "You are in for $(text_of lease_seconds) seconds."
    else
        say "You are in quarantine, or refused: $sentence"
        [ -z "$fix" ] || say "What to do: $fix"
    fi
}

# The person at the screen hears of a change; the texts are arguments, never part of the script.
tell() {
    [ "$(cat "$DIR/last" 2>/dev/null)" != "$1" ] || return 0
    printf '%s' "$1" >"$DIR/last"
    as_person osascript -e 'on run argv' \
        -e 'display notification (item 2 of argv) with title (item 1 of argv)' -e 'end run' \
        "$2" "$3" >/dev/null 2>&1
    return 0
}

post() {
    need_root
    gateway=$(setting GATEWAY) result='' sentence=''
    [ -n "$gateway" ] && is_name "$(setting DEVICE)" || die 2 "this Mac is not enrolled"
    status=$(portal "http://$gateway/v1/nonce") || die 3 "cannot reach the gateway: is the tunnel up? ($(shown <"$work/fault"))"
    nonce=$(member "$work/answer" nonce) audience=$(member "$work/answer" audience)
    if [ "$status" = 200 ] && is_b64url "$nonce" 43 && is_plain "$audience"; then
        token "$nonce" "$audience" >"$work/token"
        portal "http://$gateway/v1/posture" -H 'Content-Type: application/eat+jwt' -H 'Expect:' \
            --data-binary "@$work/token" >/dev/null || die 3 "cannot reach the gateway: is the tunnel up?"
    fi
    read_answer
    if [ "$result" = in ]; then
        tell in Portcullis "This Mac may use the office's network."
        return 0
    fi
    tell "$sentence" "This Mac is in quarantine" "$sentence"
    return 1
}

status() {
    gateway=${1:-$(setting GATEWAY)}
    is_endpoint "$gateway" || is_address "$gateway" || die 2 "status takes the gateway's address: its settings are root's"
    portal "http://$gateway/v1/me" >/dev/null || die 3 "cannot reach the gateway: is the tunnel up?"
    state=$(text_of state)
    say "$state: $(text_of sentence)"
    fix=$(text_of fix)
    [ -z "$fix" ] || say "What to do: $fix"
    [ "$state" = in ]
}

# --- enrolling -----------------------------------------------------------------------------------

# https://WHERE/enrol#TOKEN.PIN to $where, $invitation, $pin.
take_link() {
    case $1 in https://*/enrol#*.*) ;; *) return 1 ;; esac
    where=${1#https://} where=${where%%/enrol#*} invitation=${1#*/enrol#}
    pin=${invitation#*.} invitation=${invitation%%.*}
    case $invitation in *[!A-Za-z0-9]*) return 1 ;; esac
    [ "${#invitation}" -eq 26 ] && is_b64url "$pin" 43 || return 1
    is_endpoint "$where" || is_endpoint "$where:443"
}

# "NAME = a, b" of a list in the answer, each entry checked by $3; nothing for an empty list.
conf_list() {
    i=0 line=
    while [ "$i" -le "$NETWORKS_MAX" ] && v=$(member "$work/answer" "config.$2.$i"); do
        "$3" "$v" || return 1
        line=$line${line:+, }$v i=$((i + 1))
    done
    [ "$i" -le "$NETWORKS_MAX" ] || return 1
    [ -z "$line" ] || say "$1 = $line"
}

# The tunnel's configuration, each value looked at; the private key's line is the person's to fill in.
configuration() {
    say "[Interface]" && say "PrivateKey = $1" &&
        conf_list Address address is_network && conf_list DNS dns is_address || return 1
    v=$(member "$work/answer" config.mtu) && is_number "$v" && say "MTU = $v"
    say "" && say "[Peer]"
    v=$(member "$work/answer" config.gateway_key) && is_wg_key "$v" && say "PublicKey = $v" || return 1
    v=$(member "$work/answer" config.endpoint) && is_endpoint "$v" && say "Endpoint = $v" || return 1
    conf_list AllowedIPs allowed_ips is_network || return 1
    v=$(member "$work/answer" config.keepalive) && is_number "$v" && say "PersistentKeepalive = $v"
    return 0
}

redeem() {
    printf '{"token":"%s","code":"%s","wireguard_key":"%s","issuer":{"kid":"%s","alg":"ES256","key":"%s"}}' \
        "$invitation" "$code" "$public" "$(kid)" "$(public_xy | b64url)" |
        curl -sS --proto '=https' --tlsv1.2 --noproxy '*' --max-time 20 --max-filesize 262144 \
            -k --pinnedpubkey "sha256//$(printf '%s=' "$pin" | tr '_-' '/+')" -o "$work/answer" \
            -w '%{http_code}' -H 'Content-Type: application/json' -H 'Expect:' --data-binary @- \
            "https://$where/v1/enrol" 2>"$work/fault"
}

keep() {
    device=$(member "$work/answer" device) portal=$(member "$work/answer" portal)
    is_name "$device" && is_address "$portal" && configuration "${private:-PRIVATE_KEY}" >"$work/conf" ||
        die 1 "the gateway's answer cannot be used"
    printf 'GATEWAY=%s\nDEVICE=%s\nWIREGUARD_KEY=%s\n' "$portal" "$device" "$public" >"$work/settings"
    mv "$work/conf" "$DIR/portcullis.conf" && mv "$work/settings" "$DIR/settings" ||
        die 1 "cannot write in $DIR: the invitation is used, ask for another"
}

# Standard input, unless --code gives it: eight digits, however they are grouped.
take_code() {
    [ -n "$code" ] || { printf 'The code of eight digits that you were told: ' >&2; read -r code; }
    code=$(printf '%s' "$code" | tr -d ' -')
    is_number "$code" && [ "${#code}" -eq 8 ] || die 2 "a code has eight digits"
    code=$(printf '%s' "$code" | cut -c 1-4)-$(printf '%s' "$code" | cut -c 5-8)
}

enrol() {
    need_root
    link=${1-} code='' public='' private=''
    [ $# -eq 0 ] || shift
    while [ $# -ge 2 ]; do
        case $1 in --code) code=$2 ;; --wireguard-key) public=$2 ;; *) die 2 "there is no option $1" ;; esac
        shift 2
    done
    take_link "$link" || die 2 "this is no invitation with a pin; quote the link"
    [ ! -e "$DIR/settings" ] || die 1 "this Mac is enrolled; remove $DIR to begin anew"
    [ -n "$public" ] || take_wireguard_key
    is_wg_key "$public" || die 2 "--wireguard-key takes the public key that the WireGuard app shows"
    take_code
    mkdir -p "$DIR" && chmod 700 "$DIR" && make_keys || die 1 "cannot make keys in $DIR"
    status=$(redeem) || die 3 "cannot reach $where, or its key is not the link's: $(shown <"$work/fault")"
    [ "$status" = 201 ] || { read_answer >&2; exit 1; }
    keep
    say "This Mac is $(setting DEVICE). Its tunnel is in $DIR/portcullis.conf."
    [ -n "$private" ] || say "Paste it into the WireGuard app's tunnel, and leave the app's own PrivateKey line as it is."
    say "Next: turn the tunnel on, then: sudo sh $0 install"
}

# macOS ships nothing that makes such a key: wireguard-tools does, or the WireGuard app.
take_wireguard_key() {
    for wg in /opt/homebrew/bin/wg /usr/local/bin/wg; do
        [ -x "$wg" ] || continue
        private=$("$wg" genkey) && public=$(printf '%s\n' "$private" | "$wg" pubkey) && return 0
    done
    die 2 "in the WireGuard app choose 'Add Empty Tunnel', then give its public key: --wireguard-key KEY"
}

# --- launchd -------------------------------------------------------------------------------------

install_service() {
    need_root
    [ -s "$DIR/settings" ] || die 1 "this Mac is not enrolled"
    mkdir -p "${SELF%/*}" && cp "$0" "$SELF" && chmod 755 "$SELF" && chown root:wheel "$SELF" || exit 1
    cat >"$PLIST" <<XML
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0"><dict>
<key>Label</key><string>$LABEL</string>
<key>ProgramArguments</key><array><string>/bin/sh</string><string>$SELF</string><string>post</string></array>
<key>RunAtLoad</key><true/>
<key>StartInterval</key><integer>240</integer>
<key>Umask</key><integer>63</integer>
</dict></plist>
XML
    chmod 644 "$PLIST" && launchctl bootstrap system "$PLIST"
}

uninstall_service() {
    need_root
    launchctl bootout "system/$LABEL"
    rm -f "$PLIST" "$SELF"
}

verb=${1-}
[ $# -eq 0 ] || shift
case $verb in
    enroll | enrol) enrol "$@" ;;
    facts) show_facts ;;
    post) post ;;
    status) status "$@" ;;
    install) install_service ;;
    uninstall) uninstall_service ;;
    *) sed -n '7,13s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
