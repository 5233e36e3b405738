#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The other side of the outlets: a webhook's receiver, and what arrived compared with the store.

  outlets.py receive PORT KEYFILE OUT [refuse N] [tls CERT KEY]
      verifies each POST and writes its events to OUT, one a line; says "ready"; refuse: the first
      N are answered 503
  outlets.py dns ADDRESS NAME IP       a name server that knows one name
  outlets.py syslog ATTEMPTS LINES     LINES as rsyslog parsed them, one JSON object a line
  outlets.py packets FILE              a pcapng file: for each packet its time in nanoseconds, source,
      destination, port and comment
  outlets.py webhook ATTEMPTS EVENTS   both: every attempt is there with all its counts, no event
      twice, every value equal; says how many
"""
import hashlib
import hmac
import http.server
import json
import re
import socket
import socketserver
import ssl
import struct
import sys
import time

WINDOW = 300  # seconds that a signature may be old


def signed_by(key, header, body, now):
    """The documented check: t within the window, v1 = HMAC-SHA256(key, t "." body)."""
    m = re.fullmatch(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})", header or "")
    if not m or abs(now - int(m[1])) > WINDOW:
        return False
    want = hmac.new(key, m[1].encode() + b"." + body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(want, m[2])


def receive(port, keyfile, out, *options):
    options = list(options)
    refuse = int(options[options.index("refuse") + 1]) if "refuse" in options else 0
    key = open(keyfile, "rb").read().rstrip()

    class Handler(http.server.BaseHTTPRequestHandler):
        left = refuse

        def answer(self, status):
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if Handler.left > 0:
                Handler.left -= 1
                return self.answer(503)
            if not signed_by(key, self.headers["Portcullis-Signature"], body, time.time()):
                print("bad signature", flush=True)
                return self.answer(401)
            with open(out, "a") as f:
                for event in json.loads(body)["events"]:
                    f.write(json.dumps(event) + "\n")
            self.answer(204)

        def log_message(self, *args):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def server_bind(self):  # the library's own looks the machine's name up
            socketserver.TCPServer.server_bind(self)
            self.server_name, self.server_port = "receiver", int(port)

    server = Server(("", int(port)), Handler)
    if "tls" in options:
        at = options.index("tls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(options[at + 1], options[at + 2])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


def dns(address, name, ip):
    """Answers each question (RFC 1035, 4.1): A of NAME with IP, anything else with nothing."""
    wire = b"".join(bytes([len(part)]) + part.encode() for part in name.split(".")) + b"\0"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind((address, 53))
        print("ready", flush=True)
        while True:
            query, peer = s.recvfrom(512)
            end = query.index(b"\0", 12) + 5
            known = query[12:end - 4].lower() == wire and query[end - 4:end - 2] == b"\0\1"
            answer = b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + socket.inet_aton(ip) if known else b""
            s.sendto(query[:2] + b"\x81\x80\0\1" + (b"\0\1" if known else b"\0\0") + b"\0\0\0\0" +
                     query[12:end] + answer, peer)


def elements(text):
    """RFC 5424, 6.3: structured data to {name: value}, unescaped."""
    found = {}
    for name, value in re.findall(r' ([^=\s]+)="((?:[^"\\\]]|\\.)*)"', text):
        found[name] = re.sub(r'\\(["\\\]])', r"\1", value)
    return found


def of_syslog(line):
    sd = elements(line["structured-data"])
    assert line["structured-data"].startswith("[attempt@32473 "), line
    assert line["pri"] == "84" and line["app-name"] == "portcullisd", line
    return {"id": int(sd["id"]), "seq": int(sd["seq"]), "count": int(sd["count"]),
            "kind": sd["kind"], "reason": line["msgid"], "user": sd.get("user"),
            "device": sd.get("device"), "role": sd.get("role"), "source": sd.get("src"),
            "destination": sd.get("dst"), "proto": sd.get("proto"), "resource": sd.get("resource"),
            "port": int(sd["port"]) if "port" in sd else None, "gateway": line["hostname"],
            "text": line["msg"].strip()}


def of_ecs(e):
    own = e["portcullis"]
    return {"id": own["attempt"], "seq": e["event"].get("sequence", own["attempt"]), "count": own["count"],
            "kind": own["kind"], "reason": e["event"]["reason"],
            "user": e.get("user", {}).get("name"), "device": e.get("host", {}).get("name"),
            "role": (e.get("user", {}).get("roles") or [None])[0],
            "source": e.get("source", {}).get("ip"),
            "destination": e.get("destination", {}).get("ip"),
            "proto": e.get("network", {}).get("transport"), "resource": own.get("resource"),
            "port": e.get("destination", {}).get("port"), "gateway": e["observer"]["hostname"],
            "text": e["message"]}


SAME = ("kind", "reason", "user", "device", "role", "source", "destination", "proto", "port",
        "resource")


def compare(attempts, lines, read):
    items = {a["id"]: a for a in json.load(open(attempts))["items"]}
    counts, seen = dict.fromkeys(items, 0), set()
    for line in open(lines):
        event = read(json.loads(line))
        assert event["seq"] not in seen, f"event {event['seq']} came twice"
        seen.add(event["seq"])
        attempt = items[event["id"]]
        for name in SAME:
            assert event[name] == attempt.get(name) or (name == "port" and not event[name]), \
                (name, event, attempt)
        assert event["gateway"] == "lab-edge-1" and event["reason"] in event["text"], event
        counts[event["id"]] += event["count"]
    for number, attempt in items.items():
        assert counts[number] == attempt["count"], (counts[number], attempt)
    print(len(items), len(seen))


def options(data):
    """Options of a block: (code, value), up to the end of them."""
    at = 0
    while at < len(data):
        code, n = struct.unpack_from("<HH", data, at)
        if code == 0:
            assert n == 0 and at + 4 == len(data), "bytes behind the last option"
            return
        yield code, data[at + 4:at + 4 + n]
        at += 4 + (n + 3) // 4 * 4
    assert not data, "options without an end"


def blocks(data):
    at = 0
    while at < len(data):
        kind, n = struct.unpack_from("<II", data, at)
        assert n % 4 == 0 and struct.unpack_from("<I", data, at + n - 4)[0] == n, "block lengths"
        yield kind, data[at + 8:at + n - 4]
        at += n


def payload(nflog):
    """The packet in a message of nfnetlink_log: attribute 9."""
    at = 4
    while at < len(nflog):
        n, kind = struct.unpack_from("<HH", nflog, at)
        if kind == 9:
            return nflog[at + 4:at + n]
        at += (n + 3) // 4 * 4
    return b""


def packets(path):
    found = list(blocks(open(path, "rb").read()))
    assert [k for k, _ in found[:2]] == [0x0A0D0D0A, 1] and {k for k, _ in found[2:]} == {6}
    assert struct.unpack_from("<I", found[0][1])[0] == 0x1A2B3C4D
    section, interface = dict(options(found[0][1][16:])), dict(options(found[1][1][8:]))
    assert section[4].startswith(b"Portcullis ") and interface[9] == b"\x09", "names, resolution"
    assert struct.unpack_from("<H", found[1][1])[0] == 239, "link type"
    for _, body in found[2:]:
        _, high, low, kept, length = struct.unpack_from("<IIIII", body)
        assert kept == length
        ip = payload(body[20:20 + kept])
        comment = dict(options(body[20 + (kept + 3) // 4 * 4:]))[1].decode()
        assert ip[0] >> 4 == 4
        at = (ip[0] & 15) * 4
        print((high << 32) + low, ".".join(map(str, ip[12:16])), ".".join(map(str, ip[16:20])),
              struct.unpack_from(">H", ip, at + 2)[0], comment)


if __name__ == "__main__":
    verb, *words = sys.argv[1:]
    if verb == "receive":
        receive(*words)
    elif verb == "dns":
        dns(*words)
    elif verb == "packets":
        packets(*words)
    else:
        compare(*words, of_syslog if verb == "syslog" else of_ecs)
