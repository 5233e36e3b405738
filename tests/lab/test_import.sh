#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The staff list from a spreadsheet: shown first, all errors at once, done when asked, done again without harm.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

scenario_begin
list=$LAB_DIR/gw/staff.csv
import() { gw_cli user import "$@" 2>&1; }
people() { gw_api GET /v1/users | jq -r '.items | length'; }
of() { gw_api GET "/v1/users/$1" | jq -r "$2"; }

# --- a good list ---------------------------------------------------------------------------------
printf '\xef\xbb\xbfname;full_name;roles;end\r\nmaria;"Lopez, Maria";clerk guest;\r\njo;;"guest";2040-01-31\r\n\r\n' >"$list"
out=$(import "$list")
same "a list is shown and not done" 0 "$(people)"
check "it says what it would do" grep -q 'Would be: 2 added' <<<"$out"
out=$(import --apply "$list")
check "with --apply it is done" grep -q '^2 added, 0 with other roles, 0 unchanged' <<<"$out"
same "with the full name" "Lopez, Maria" "$(of maria .full_name)"
same "and the roles" "clerk,guest" "$(of maria '.roles | join(",")')"
same "and the end" 2040-01-31 "$(date -d "@$(of jo .end)" +%F)"
out=$(import --apply "$list")
check "done again it changes nothing" grep -q '^0 added, 0 with other roles, 2 unchanged' <<<"$out"

# --- a newer one -----------------------------------------------------------------------------------
gw_cli user revoke jo >/dev/null
printf 'roles,name\nguest,maria\nguest,jo\n' >"$list"
out=$(import --apply "$list")
check "roles follow the list, who is revoked stays so" \
    grep -q '^0 added, 1 with other roles, 0 unchanged, 1 revoked' <<<"$out"
same "roles are those of the list" guest "$(of maria '.roles | join(",")')"
same "revoked" revoked "$(of jo .state)"
printf 'name,roles\nnew,guest\n' >"$list"
same "who is not in the list is named" maria \
    "$(gw_cli --json user import --apply "$list" | jq -r '.not_in_file | join(",")')"
same "and stays" active "$(of maria .state)"

# --- errors ----------------------------------------------------------------------------------------
printf 'name,roles,end\nMaria,guest,\nzoe,gest,\nmax,guest,2001-01-01\nann,guest,\nann,guest,\n' >"$list"
out=$(import --apply "$list")
same "a list with errors is refused" 1 $?
same "each error has its line" "2 3 4 6" "$(sed -n 's/.*staff.csv:\([0-9]*\):.*/\1/p' <<<"$out" | paste -sd' ')"
same "and nothing of it is done" 3 "$(people)"
printf 'name,roles,colour\nmax,guest,red\n' >"$list"
check "an unknown column is named" grep -q "no column 'colour'" <<<"$(import --apply "$list")"
printf 'name,roles\n\x1b[2Jmax,guest\n' >"$list"
refuse "nothing of it steers the terminal" grep -q $'\x1b' <<<"$(import "$list")"
printf 'name,full_name,roles\nmax,M\xfcller,guest\n' >"$list"
out=$(import --apply "$list")
same "a full name in another character set is refused" 1 $?
check "and said" grep -q "staff.csv:2: a full name is not UTF-8" <<<"$out"
test_end
