# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The office: one host with the addresses of all servers, and real servers behind them.
#
#   customs-db PostgreSQL, entry-web and updates nginx, files sshd; echod answers for the rest.
#   http://entry-web/big is 4 GiB at 4 MB/s, /bulk the same as fast as it goes.

# NAME ADDRESS..., as in deploy/examples/policy.conf. The names are known on every host.
OFFICE_HOSTS='
customs-db   10.20.0.9
entry-web    10.20.0.10 fd20::10
files        10.20.0.11 fd20::11
printer-30   10.20.0.30
printer-39   10.20.0.39
updates      10.20.0.40 fd20::40
'

# PROTO ADDRESS PORT of what no real server serves.
OFFICE_ECHO='
tcp 10.20.0.30 631
tcp 10.20.0.30 9100
tcp 10.20.0.39 631
tcp 10.20.0.39 9100
udp 10.20.0.11 5001
udp fd20::11 5001
'

office_names() {
    local name addresses a
    while read -r name addresses; do
        for a in $addresses; do printf '%s %s\n' "$a" "$name"; done
    done <<<"$OFFICE_HOSTS"
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
    for a in 10.20.0.10 10.20.0.40 '[fd20::10]' '[fd20::40]'; do
        for port in 80 443; do printf 'listen %s:%s;\n' "$a" "$port"; done
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
    local a port
    printf 'tcp 10.20.0.9 5432\n'
    for a in 10.20.0.10 fd20::10 10.20.0.40 fd20::40; do
        for port in 80 443; do printf 'tcp %s %s\n' "$a" "$port"; done
    done
    printf 'tcp 10.20.0.11 22\ntcp fd20::11 22\n'
    sed '/^$/d' <<<"$OFFICE_ECHO"
}
