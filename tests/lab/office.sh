# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The office: one host with the addresses of all servers, and real servers behind them: PostgreSQL,
# nginx (entry-web, accounting-app, archive, wms, updates), sshd (files); echod answers for the
# tracking service, the printers, and for neighbours that nobody may reach.
#   http://entry-web/big is 4 GiB at 4 MB/s, /bulk the same as fast as it goes.

# NAME ADDRESS..., as in deploy/examples/policy.conf. The names are known on every host.
OFFICE_HOSTS='
customs-db      10.20.0.9
customs-db-v6   fd20::9
entry-web       10.20.0.10  fd20::10
files           10.20.0.11  fd20::11
tracking        10.20.0.12  fd20::12
accounting-app  10.20.0.20  fd20::20
archive         10.20.0.21  fd20::21
wms             10.20.0.22  fd20::22
not-a-printer   10.20.0.29
printer-first   10.20.0.30
printer-middle  10.20.0.35
printer-last    10.20.0.39
updates         10.20.0.40  fd20::40
'

# ADDRESS PORT of nginx, all of which give the same pages.
OFFICE_WEB='
10.20.0.10 80
10.20.0.10 443
fd20::10 80
fd20::10 443
10.20.0.20 8443
fd20::20 8443
10.20.0.21 8080
fd20::21 8080
10.20.0.22 8081
fd20::22 8081
10.20.0.40 80
10.20.0.40 443
fd20::40 80
fd20::40 443
'

# PROTO ADDRESS PORT of what no real server serves.
OFFICE_ECHO='
udp 10.20.0.12 5000
udp fd20::12 5000
tcp 10.20.0.30 631
tcp 10.20.0.30 9100
tcp 10.20.0.35 631
tcp 10.20.0.35 9100
tcp 10.20.0.39 631
tcp 10.20.0.39 9100
tcp 10.20.0.29 9100
tcp 10.20.0.9 22
tcp fd20::9 5432
tcp 10.20.0.12 5000
tcp 10.20.0.40 22
udp 10.20.0.10 443
udp fd20::10 443
'

office_names() {
    local name addresses a
    sed '/^$/d' <<<"$OFFICE_HOSTS" | while read -r name addresses; do
        for a in $addresses; do printf '%s %s\n' "$a" "$name"; done
    done
}

office_addresses() {
    local a
    office_names | while read -r a _; do
        case $a in
            *:*) printf '%s/64\n' "$a" ;;
            *) printf '%s/24\n' "$a" ;;
        esac
    done
}

office_start() {
    mkdir "$LAB_DIR/office"
    office_start_database
    office_start_web
    office_start_ssh
    office_start_echo
    office_wait_database
}

# A PostgreSQL cluster in the lab's directory; without fsync, for it lives as long as the lab.
office_start_database() {
    local bin dir=$LAB_DIR/office/db
    bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
    [ -x "$bin/postgres" ] || lab_die "no PostgreSQL below /usr/lib/postgresql: run deploy/prepare"
    install -d -o postgres -g postgres -m 700 "$dir"
    lab_on office setpriv --reuid postgres --regid postgres --clear-groups \
        "$bin/initdb" --no-sync --auth trust --encoding UTF8 --locale C -D "$dir" \
        >"$LAB_DIR/log/office.initdb" 2>&1 || lab_die "initdb: $(cat "$LAB_DIR/log/office.initdb")"
    printf 'host all all 10.0.0.0/8 trust\n' >>"$dir/pg_hba.conf"
    lab_start office database setpriv --reuid postgres --regid postgres --clear-groups \
        "$bin/postgres" -D "$dir" -c listen_addresses=10.20.0.9 -c "unix_socket_directories=$dir" \
        -c fsync=off -c shared_buffers=16MB -c max_connections=20
}

office_wait_database() {
    lab_wait_for 20 lab_on office pg_isready -q -h 10.20.0.9 ||
        lab_die "PostgreSQL does not answer: $(cat "$LAB_DIR/log/office.database.err")"
}

office_start_web() {
    local dir=$LAB_DIR/office/web
    mkdir "$dir" "$dir/root" "$dir/tmp"
    printf 'Harbor Customs Brokers, entry filing\n' >"$dir/root/index.html"
    truncate -s 4G "$dir/root/big" "$dir/root/bulk"
    office_web_config "$dir" >"$dir/nginx.conf"
    lab_start office web nginx -e "$dir/error.log" -c "$dir/nginx.conf"
    lab_wait_for 10 test -s "$dir/pid" || lab_die "nginx: $(cat "$dir/error.log")"
}

office_web_config() {
    local a port
    printf 'daemon off; pid %s/pid; user www-data; worker_processes 1;\n' "$1"
    printf 'events { worker_connections 256; }\nhttp { access_log off; sendfile on;\n'
    for a in client_body proxy fastcgi uwsgi scgi; do
        printf '%s_temp_path %s/tmp;\n' "$a" "$1"
    done
    printf 'server {\n'
    sed '/^$/d' <<<"$OFFICE_WEB" | while read -r a port; do
        case $a in
            *:*) printf 'listen [%s]:%s;\n' "$a" "$port" ;;
            *) printf 'listen %s:%s;\n' "$a" "$port" ;;
        esac
    done
    printf 'root %s/root; location = /big { limit_rate 4m; } } }\n' "$1"
}

office_start_ssh() {
    local dir=$LAB_DIR/office/ssh
    mkdir -m 700 "$dir"
    ssh-keygen -q -t ed25519 -N '' -f "$dir/host_key"
    printf '%s\n' 'ListenAddress 10.20.0.11' 'ListenAddress fd20::11' "HostKey $dir/host_key" \
        "PidFile $dir/pid" 'UsePAM no' 'PasswordAuthentication no' >"$dir/sshd_config"
    lab_start office ssh /usr/sbin/sshd -D -e -f "$dir/sshd_config"
    lab_ready office ssh 'Server listening'
}

office_start_echo() {
    printf '%s\n' "$OFFICE_ECHO" | sed '/^$/d' >"$LAB_DIR/office/echo"
    # shellcheck disable=SC2016
    lab_start office echo bash -c 'exec echod <"$1"' echo "$LAB_DIR/office/echo"
    lab_ready office echo
}

# PROTO ADDRESS PORT of everything that the office serves.
office_services() {
    printf 'tcp 10.20.0.9 5432\ntcp 10.20.0.11 22\ntcp fd20::11 22\n'
    sed -n 's/^\(.*\) \(.*\)$/tcp \1 \2/p' <<<"$OFFICE_WEB"
    sed '/^$/d' <<<"$OFFICE_ECHO"
}
