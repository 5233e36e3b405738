#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The logs of a living gateway: verified by the command and by a stranger, remembered, not to be put
# back; receipts that prove a revocation; attempts on record.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"
ENGINE=$LAB_DIR/gw/state/engine
STRANGER=$(realpath "$LAB_SOURCE/../../deploy/verify/portcullis-verify")

# The stranger's own words on a path, with the key that was given to him.
stranger() { "$STRANGER" --key "$LAB_DIR/hq.key" "$@"; }
says() { "${@:2}" 2>&1 | grep -qF -- "$1"; }
# Until the checkpoint on disk has all: it is written each second.
settled() { stranger "$ENGINE/audit" >/dev/null 2>&1; }
acts() { gw_cli audit show --json "$@" | jq '.items | length'; }

scenario_begin
staff_join leaver 23 leaver clerk
check "the key is printed" gw_cli audit key
gw_cli audit key 2>/dev/null >"$LAB_DIR/hq.key"
check "audit verify checks both logs" gw_cli audit verify

# --- what was denied -----------------------------------------------------------------------------
refuse "what a role may not reach is denied" lab_on leaver probe -t 500 tcp 10.20.0.10 9999
batches() { gw_api GET '/v1/audit?log=attempts'; }
has_attempts() { [ "$(batches | jq '[.items[].detail.attempts[]] | length')" -gt 0 ]; }
check "and that is on record a second later" lab_wait_for 4 has_attempts
check "with what was kept in all" test "$(batches | jq '.items[-1].detail.kept | add')" -gt 0
check "audit verify takes the log of attempts" gw_cli audit verify
same "and is one document" "true true" "$(gw_cli audit verify --json 2>/dev/null | jq -r '"\(.audit.ok) \(.attempts.ok)"')"

# --- a receipt ---------------------------------------------------------------------------------
check "a revocation writes its receipt" gw_cli user revoke leaver --reason "left" --receipt "$LAB_DIR/r.json"
refuse "into a new file only" gw_cli user revoke leaver --receipt "$LAB_DIR/r.json"
check "the receipt verifies without a daemon" portcullis receipt verify "$LAB_DIR/r.json" --key "$LAB_DIR/hq.key"
check "and shows what was cut" says "leases 0, connections 0, peers 0" portcullis receipt verify "$LAB_DIR/r.json"
check "the stranger takes it" says '"act": "user.revoke"' stranger "$LAB_DIR/r.json"
number=$(portcullis receipt verify "$LAB_DIR/r.json" --json 2>/dev/null | jq -r .receipt)
check "it can be had again" gw_cli receipt save "$number" "$LAB_DIR/again.json"
check "and is as good" stranger "$LAB_DIR/again.json"
jq '.records[0].record |= (.[0:80] + "B" + .[81:])' "$LAB_DIR/r.json" >"$LAB_DIR/forged.json"
refuse "a changed one is refused" portcullis receipt verify "$LAB_DIR/forged.json"
refuse "by the stranger too" stranger "$LAB_DIR/forged.json"
refuse "so is another key" portcullis receipt verify "$LAB_DIR/r.json" \
    --key "$(gw_cli audit key --log attempts 2>/dev/null)"
refuse "a record of another act is no receipt" gw_cli receipt save R1 "$LAB_DIR/none.json"

# --- keys change, the log goes on ----------------------------------------------------------------
check "new keys" gw_cli audit new-key
check "the person comes back" gw_cli user restore leaver
check "audit verify takes both keys" gw_cli audit verify
check "the receipt of before still verifies" stranger "$LAB_DIR/r.json"
check "the stranger reads the directory" lab_wait_for 3 settled
check "records are found by person" test "$(acts --user leaver)" -ge 4
same "and by act" 1 "$(acts --act user.restore)"
check "records are exported with proofs" gw_cli audit export --user leaver "$LAB_DIR/leaver.json"
check "the stranger takes them" stranger "$LAB_DIR/leaver.json"
check "so does audit verify" portcullis audit verify "$LAB_DIR/leaver.json" --key "$LAB_DIR/hq.key"

# --- the past put back ---------------------------------------------------------------------------
gw_stop
cp -a "$LAB_DIR/gw/state" "$LAB_DIR/before"
gw_start
check "acts go on" gw_cli user revoke leaver
check "and are seen" gw_cli audit show --last 3
gw_stop
rm -rf "$LAB_DIR/gw/state"
mv "$LAB_DIR/before" "$LAB_DIR/gw/state"
gw_start
refuse "yesterday's state, put back: what it shows is refused" gw_cli audit show
check "in plain words" says "a shorter history than it did" gw_cli audit verify
check "in itself it is sound" lab_wait_for 3 settled
for _ in 1 2 3 4 5 6; do gw_cli user add "u$_" >/dev/null; done
check "as long again, it is another history" says "a different history than it did" gw_cli audit checkpoint
check "who knows why forgets it" gw_cli audit forget portcullis/lab-edge-1/audit
check "and sees it as for the first time" says "first visit" gw_cli audit checkpoint

# --- somebody with an editor ---------------------------------------------------------------------
sed -i 's/"cause":"token"/"cause":"tokem"/' "$ENGINE"/audit/records-*
refuse "a record edited while the daemon runs" gw_cli audit verify
check "is named" says "is not the one that was signed" gw_cli audit verify
refuse "the stranger sees it too" stranger "$ENGINE/audit"
test_end
