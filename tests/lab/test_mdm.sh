#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The MDM's way: tokens made by another JOSE library than ours (Debian's python3-jwcrypto), as deploy/examples/mdm-tokens.md
# says. A genuine one lets a device in; one for another device, gateway or key does not.
set -u
export LAB_PREFIX=${LAB_PREFIX:-pctest}
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/lab.sh"
. "$LAB_SOURCE/assert.sh"

policy=$(mktemp)
{ cat "$LAB_SOURCE/lab.policy.conf"; echo "tokens { accept EdDSA }"; } >"$policy"
scenario_begin "$policy"
rm -f "$policy"
dir=$LAB_DIR/gw/mdm
mkdir -p "$dir"
staff_host laptop 21
staff_host other 22
for host in laptop other; do
    name=$([ "$host" = laptop ] && echo maria || echo jo)
    staff_person "$name" clerk
    gw_api POST /v1/devices "{\"name\":\"$name-$host\",\"user\":\"$name\",\"own\":\"corp\",
        \"wireguard_key\":\"$(staff_key "$host")\",\"ueid\":\"$(/usr/bin/python3 "$LAB_TOP/deploy/examples/mdm-issue" ueid "SN-$host")\"}" >"$LAB_DIR/hosts/$host/enrolled"
    staff_tunnel "$host" "$(gw_public_key)" "$(jq -r .address4 "$LAB_DIR/hosts/$host/enrolled")" \
        "$(jq -r .address6 "$LAB_DIR/hosts/$host/enrolled")"
done
staff_facts true >"$dir/healthy"
staff_facts false >"$dir/sick"

# A token of the MDM: token FACTS [OPTION VALUE]...; later options win.
token() {
    local facts=$1
    shift
    (cd "$dir" && /usr/bin/python3 "$LAB_TOP/deploy/examples/mdm-issue" token --device maria-laptop \
        --peer "$(staff_key laptop)" --gateway lab-edge-1 --serial SN-laptop "$@" "$facts")
}
# Host $1 posts a token; prints the code of the answer, or its result.
post() {
    lab_on "$1" curl -sS --max-time 10 -H 'Content-Type: application/eat+jwt' --data-binary "$2" \
        "http://$GW_TUNNEL4/v1/posture" | jq -r 'if .result == "in" then "in" else .code // .error.code end'
}
register() { (cd "$dir" && /usr/bin/python3 "$LAB_TOP/deploy/examples/mdm-issue" key "$@"); }

# shellcheck disable=SC2046  # the line is words, as a person would paste it
check "the line that the example prints registers its key" lab_on gw $(register mdm-2026)
same "an unknown issuer's token" PT204 "$(cd "$dir" && sed 's/mdm-2026/mdm-2027/' mdm-key.json >k2 &&
    mv mdm-key.json k1 && mv k2 mdm-key.json && post laptop "$(token healthy)"; mv k1 mdm-key.json)"
good=$(token healthy)
same "the other device cannot use it" PT502 "$(post other "$good")"
same "a healthy device gets in" in "$(post laptop "$good")"
check "and reaches its servers" lab_on laptop probe -t 2000 tcp 10.20.0.10 80
same "the same token again" PT404 "$(post laptop "$good")"
same "assurance is that of an MDM" 3 "$(gw_api GET /v1/devices/maria-laptop | jq -r .posture.assurance)"
sleep 1.1   # the next token is later by a second at least
same "one for another gateway" PT306 "$(post laptop "$(token healthy --gateway elsewhere)")"
same "one of another machine" PT507 "$(post laptop "$(token healthy --serial SN-stolen)")"
same "one that was signed and changed" PT208 "$(t=$(token healthy); post laptop "${t%%.*}.$(cut -d. -f2 <<<"$t" |
    tr 'A-Za-z' 'B-ZAb-za').${t##*.}")"
same "a sick one puts it out" PL708 "$(post laptop "$(token sick)")"
refuse "and its servers are shut" lab_on laptop probe -t 1000 tcp 10.20.0.10 80
rm "$dir/mdm-key.json"
# shellcheck disable=SC2046
check "an Ed25519 key of the example is registered as well" lab_on gw $(register mdm-ed --alg Ed25519)
sleep 1.1
same "its tokens are taken while the policy takes the older spelling" in "$(post laptop "$(token healthy)")"
test_end
