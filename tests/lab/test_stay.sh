#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What `make demo STAY=1` says when it leaves the lab standing: the console's address, and a link by which the first
# admin signs in, once.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
. "$LAB_SOURCE/story.sh"

story_begin
# In a shell of its own, so that this lab does not stay.
said=$(story_stay)
check "the lab stands, it says" grep -q '^The lab stands' <<<"$said"
check "and how to take it down" grep -q 'make lab-down' <<<"$said"
check "where the console is" grep -qF "$CONSOLE/ " <<<"$said"
link=$(grep -o 'https://[^ ]*#set-up=.*' <<<"$said")
same "one link" 1 "$(wc -l <<<"$link")"
check "to the console" test "${link%%#*}" = "$CONSOLE/"
same "the page is there" 200 "$(console_is anna GET /)"
check "and is the console's" grep -qi '<title>' <<<"$(console anna GET /)"

fields=${link#*#}
code=$(tr '&' '\n' <<<"$fields" | sed -n 's/^set-up=//p')
user=$(tr '&' '\n' <<<"$fields" | sed -n 's/^user=//p')
same "for whom" anna "$user"
set_up() { console anna POST /v1/session/set-up "{\"user\":\"$user\",\"code\":\"$code\",\"passphrase\":\"$CONSOLE_PASS\"}"; }
secret=$(console_answer "$(set_up)" | jq -r .secret)
same "a passphrase and the app, and she is in" 200 "$(console_is anna POST /v1/session/confirm \
    "{\"user\":\"$user\",\"code\":\"$code\",\"totp\":\"$(lab_totp "$secret")\"}")"
same "as owner" owner "$(console_answer "$(console anna GET /v1/session)" | jq -r .role)"
same "the link is used up" 403 "$(console_status "$(set_up)")"
test_end
