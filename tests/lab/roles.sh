# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Who must reach what under deploy/examples/policy.conf: written by hand, from reading it, and not
# asked of the product. test_roles.sh and the demo hold the product against this.

# ROLE and what it may reach, in the order of RESOURCES (x = yes).
RESOURCES="customs-db entry-web files tracking accounting-app archive wms printers updates
    neighbours"
MATRIX='
entry-filing  x x . . . . . x x .
import-clerk  . x x x . . . x x .
warehouse     . . . x . . x x x .
accounting    . . . . x x . x x .
it            x x x x x x x x x .
auditor       . . . . . x . . x .
vendor        . . . . . . x . x .
'

# RESOURCE PROTO ADDRESS PORT: every service of each; `neighbours` are one step beside a permit.
SERVICES='
customs-db tcp 10.20.0.9 5432
entry-web tcp 10.20.0.10 80
entry-web tcp 10.20.0.10 443
entry-web icmp 10.20.0.10 -
entry-web tcp fd20::10 80
entry-web tcp fd20::10 443
entry-web icmp fd20::10 -
files tcp 10.20.0.11 22
files icmp 10.20.0.11 -
files tcp fd20::11 22
files icmp fd20::11 -
tracking udp 10.20.0.12 5000
tracking icmp 10.20.0.12 -
tracking udp fd20::12 5000
tracking icmp fd20::12 -
accounting-app tcp 10.20.0.20 8443
accounting-app tcp fd20::20 8443
archive tcp 10.20.0.21 8080
archive tcp fd20::21 8080
wms tcp 10.20.0.22 8081
wms tcp fd20::22 8081
printers tcp 10.20.0.30 631
printers tcp 10.20.0.30 9100
printers tcp 10.20.0.35 631
printers tcp 10.20.0.35 9100
printers tcp 10.20.0.39 631
printers tcp 10.20.0.39 9100
updates tcp 10.20.0.40 80
updates tcp 10.20.0.40 443
updates tcp fd20::40 80
updates tcp fd20::40 443
neighbours tcp 10.20.0.9 22
neighbours tcp fd20::9 5432
neighbours icmp 10.20.0.9 -
neighbours icmp fd20::9 -
neighbours udp 10.20.0.10 443
neighbours udp fd20::10 443
neighbours tcp 10.20.0.12 5000
neighbours icmp 10.20.0.20 -
neighbours icmp 10.20.0.22 -
neighbours tcp 10.20.0.29 9100
neighbours tcp 10.20.0.40 22
neighbours icmp fd20::40 -
'

matrix_roles() { awk 'NF { print $1 }' <<<"$MATRIX"; }

# What the table says of a cell: reached or not.
expected() {
    awk -v role="$1" -v resource="$2" -v names="$RESOURCES" '
        BEGIN { n = split(names, name, " ") }
        $1 != role { next }
        {
            for (i = 1; i <= n; i++)
                if (name[i] == resource)
                    print $(i + 1) == "x" ? "reached" : "not"
        }
        ' <<<"$MATRIX"
}

# The services of a resource in one family (4 or 6), as "PROTO ADDRESS PORT".
services_of() {
    awk -v resource="$1" -v family="$2" \
        '$1 == resource && (index($3, ":") ? 6 : 4) == family { print $2, $3, $4 }' <<<"$SERVICES"
}

# Tries every service from host $1; the verdicts go to $LAB_DIR/log/HOST.probe.
probe_all() {
    awk 'NF { print $2, $3, $4 }' <<<"$SERVICES" | lab_on "$1" probe -t 3000 >"$LAB_DIR/log/$1.probe"
}
