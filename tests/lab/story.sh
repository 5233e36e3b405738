# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The people of the demo and of lab-up: a small customs broker under deploy/examples/policy.conf.
#
#   host      person   role           device
#   laptop    maria    entry-filing   healthy
#   sick      ben      import-clerk   its disk is not encrypted
#   leaver    carla    warehouse      leaves the firm during a download
#   curious   dan      accounting     tries what is not his
#   attacker  -        -              on the internet
#
# Who administers the standing lab sits in the office: anna, by a link that is printed.

# shellcheck source-path=SCRIPTDIR
. "$LAB_SOURCE/console.sh"

story_begin() {
    lab_begin
    net_make
    office_start
    gw_write_config
    console_config
    gw_start
}

story_people() {
    local STAFF_DEVICE_SUFFIX=-laptop
    staff_join laptop 21 maria entry-filing "${1-none}"
    staff_join sick 22 ben import-clerk none
    staff_join leaver 23 carla warehouse "${1-none}"
    staff_join curious 24 dan accounting "${1-none}"
}

# Leaves the lab standing when this script ends: the agents that have reported go on doing so.
story_stay() {
    local host
    for host in laptop sick leaver curious; do
        [ ! -e "$LAB_DIR/hosts/$host/facts" ] || staff_keep_reporting "$host"
    done
    LAB_KEEP=1
    story_how_to "$(story_link)"
}

# The one-time link by which anna, the first admin, signs in to the console.
story_link() {
    gw_cli user add anna --full-name "Anna Admin" >/dev/null
    gw_cli admin add anna --role owner >/dev/null
    gw_cli --json admin link anna | jq -r .link
}

# How to go on with a lab that stands, for a person.
story_how_to() {
    cat <<TEXT
The lab stands. Things to try:
  make lab-shell HOST=gw        then: portcullis status; portcullis watch; portcullis user list
  make lab-shell HOST=laptop    then: curl http://entry-web/; psql -h customs-db -U postgres
  make lab-shell HOST=sick      then: curl http://10.77.0.1/v1/me
  make lab-shell HOST=curious   then: curl --max-time 3 http://entry-web/ (attempts on gw)
  make lab-shell HOST=office    then, with a screen: chromium --no-sandbox --user-data-dir=\$(mktemp -d) \\
                                  --ignore-certificate-errors 'THE LINK BELOW'
  hosts: $(cd "$LAB_DIR/hosts" && echo *)
  logs:  $LAB_DIR/log
Take it down with make lab-down.

The console is $CONSOLE/ , for the office's network. anna signs in, once, until tomorrow, by
  $1
TEXT
}
