# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# A posture token made by hand, for what the agent would never say: this life, that time. Signed
# by openssl with the device's own key, so it is as genuine as the agent's.

token_base64() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

# Host $1's signing key in the form that openssl reads (RFC 8410: 16 fixed bytes and the seed).
token_key() {
    printf '%s\n' '-----BEGIN PRIVATE KEY-----'
    { printf '\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20'
      openssl base64 -d -A <"$LAB_DIR/hosts/$1/agent/signing.key"; } | openssl base64
    printf '%s\n' '-----END PRIVATE KEY-----'
}

# The claims of host $1 with a life of $2 seconds and the nonce $3.
token_claims() {
    local dir=$LAB_DIR/hosts/$1 now
    now=$(date +%s)
    jq -cn --slurpfile keys "$dir/keys" --slurpfile facts "$dir/facts" --arg nonce "$3" \
        --arg device "$(cat "$dir/device")" --argjson now "$now" --argjson exp $((now + $2)) \
        --arg jti "$(openssl rand -hex 16)" '
        $keys[0] as $k | {iss: $device, sub: $device, aud: "lab-edge-1", iat: $now, exp: $exp,
        jti: $jti, eat_profile: "tag:portcullis,2026:posture-v1", ueid: $k.ueid, eat_nonce: $nonce,
        cnf: {jwk: {kty: "OKP", crv: "X25519", x: ($k.wireguard_key | gsub("[+]"; "-") |
            gsub("/"; "_") | rtrimstr("="))}}, pst: ($facts[0] + {v: 1, at: $now})}'
}

# Host $1 reports with a token that lives $2 seconds; prints the answer, fails on a refusal.
token_post() {
    local dir=$LAB_DIR/hosts/$1 portal="http://$GW_TUNNEL4/v1" nonce signed
    nonce=$(lab_on "$1" curl -sS --fail --max-time 10 "$portal/nonce" | jq -r .nonce)
    signed=$(jq -c '{alg: "Ed25519", typ: "eat+jwt", kid: .issuer.kid}' "$dir/keys" |
        tr -d '\n' | token_base64).$(token_claims "$1" "$2" "$nonce" | tr -d '\n' | token_base64)
    token_key "$1" >"$dir/key.pem"
    printf '%s' "$signed" >"$dir/signed"
    signed+=.$(openssl pkeyutl -sign -rawin -inkey "$dir/key.pem" -in "$dir/signed" | token_base64)
    lab_on "$1" curl -sS --fail-with-body --max-time 10 -H 'Content-Type: application/eat+jwt' \
        --data-binary "$signed" "$portal/posture"
}
