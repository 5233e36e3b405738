#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What portcullis-agent.ps1 makes, made by another JOSE library: its claims and facts, by the names
that stand in the script, signed with ES256.

  agent_es256.py key FILE                  makes a P-256 key, prints what enrolment is told of it
  agent_es256.py facts SCRIPT              the names of the facts, a line each
  agent_es256.py token SCRIPT FILE DEVICE NONCE AUDIENCE UEID WGKEY [FACT=JSON...]
"""
import hashlib
import json
import re
import secrets
import sys
import time

from jwcrypto import jwk, jws
from jwcrypto.common import base64url_decode, base64url_encode

# A healthy computer. A fact of the script that is missing here ends the test.
HEALTHY = {
    "os.family": "windows", "os.ver": "10.0.22631", "os.build": "22631.4460", "os.patch": None,
    "claim:uptime": 5000, "pend.crit": 0, "pend.imp": 2, "av.name": "defender",
    "av.ver": "4.18.24090.11", "av.on": True, "av.rt": True, "av.defs_at": None, "fw.on": True,
    "fw.in": True, "fde.sys": True, "fde.all": True, "lock.on": True, "lock.max_s": 900,
    "claim:oemboot": True, "tamper.devmode": False, "mdm.enrolled": False,
    "inv.serial_h": "0123456789abcdef0123456789abcdef", "claim:hwmodel": "TGF0aXR1ZGU",
    "lic.genuine": True, "usb.storage": True,
}


def load(path):
    with open(path, encoding="utf-8") as f:
        return jwk.JWK.from_json(f.read())


def public(key):
    """x and y, and the key's name made of them."""
    v = json.loads(key.export_public())
    xy = base64url_decode(v["x"]) + base64url_decode(v["y"])
    return base64url_encode(xy), "dev-" + hashlib.sha256(xy).hexdigest()[:16]


def make_key(path):
    key = jwk.JWK.generate(kty="EC", crv="P-256")
    with open(path, "w", encoding="utf-8") as f:
        f.write(key.export())
    xy, kid = public(key)
    print(json.dumps({"kid": kid, "alg": "ES256", "key": xy}))


def fact_names(script):
    with open(script, encoding="utf-8") as f:
        return list(dict.fromkeys(re.findall(r"\bPut(?:-Version|-Time)? '([a-z_:.]+)'", f.read())))


def claim_names(script):
    with open(script, encoding="utf-8") as f:
        block = re.search(r"\$claims = @\{(.*?)\n    \}", f.read(), re.S).group(1)
    block = re.sub(r"@\{.*?\}\s*\}|'[^']*'|\([^)]*\)", "", block)
    return set(re.findall(r"\b([a-z_]+) =", block))


def claims_of(script, device, nonce, audience, ueid, wg_key, changes):
    now = int(time.time())
    x = wg_key.rstrip("=").replace("+", "-").replace("/", "_")
    pst = {"v": 1, "at": now}
    claims = {
        "iss": device, "sub": device, "aud": audience, "iat": now, "exp": now + 600,
        "jti": base64url_encode(secrets.token_bytes(16)),
        "eat_profile": "tag:portcullis,2026:posture-v1", "ueid": ueid, "eat_nonce": nonce,
        "cnf": {"jwk": {"kty": "OKP", "crv": "X25519", "x": x}}, "pst": pst,
        "swname": "portcullis-agent.ps1", "swversion": ["0.1"],
    }
    if claim_names(script) != set(claims):
        sys.exit(f"the script's claims are others: {sorted(claim_names(script) ^ set(claims))}")
    facts = {**HEALTHY, "os.patch": now - 86400,
             "av.defs_at": now - 3600, **changes}
    for name in fact_names(script):
        group, _, member = name.partition(".")
        if name.startswith("claim:"):
            claims[name[6:]] = facts[name]
        else:
            pst.setdefault(group, {})[member] = facts[name]
    return claims


def token(script, path, *rest):
    key, changes = load(path), dict(c.split("=", 1) for c in rest[5:])
    claims = claims_of(script, *rest[:5], {n: json.loads(v) for n, v in changes.items()})
    signed = jws.JWS(json.dumps(claims).encode())
    signed.add_signature(key, None, json.dumps(
        {"alg": "ES256", "typ": "eat+jwt", "kid": public(key)[1]}), None)
    print(signed.serialize(compact=True), end="")


if sys.argv[1] == "key":
    make_key(sys.argv[2])
elif sys.argv[1] == "facts":
    print("\n".join(fact_names(sys.argv[2])))
else:
    token(*sys.argv[2:])
