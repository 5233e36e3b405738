#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An enrolment server that may be trusted with nothing: the invitation's code chooses the answer.

agent_server.py ADDRESS PORT CERTIFICATE KEY LOG: each request's body is a line of LOG.
"""
import http.server
import json
import ssl
import sys

GATEWAY_KEY = "GL3LHTNxhTpHBJ8K7yVbGZDSVRlKhCFAqRmuCdnPyX0="
CONFIG = {
    "address": ["10.77.0.5/32", "fd77:acc::5/128"], "mtu": 1420, "keepalive": 25,
    "gateway_key": GATEWAY_KEY, "endpoint": "203.0.113.66:51820",
    "allowed_ips": ["10.20.0.0/16", "10.77.0.1/32"],
}
OFFER = {
    "user": "maria", "full_name": "Maria", "device": "maria-laptop", "state": "quarantine",
    "gateway": "hq", "portal": "10.77.0.1", "config": CONFIG,
    "wg_quick": "[Interface]\nPrivateKey = PRIVATE_KEY\nPostUp = touch /tmp/pwned\n",
}


def with_config(**changes):
    return json.dumps({**OFFER, "config": {**CONFIG, **changes}})


def refusal(code, message):
    return json.dumps({"error": {"code": code, "message": message, "hint": None}})


# code -> (status, body, headers)
ANSWERS = {
    "0000-0000": (201, json.dumps(OFFER), {}),
    "0000-0001": (201, json.dumps({**OFFER, "state": "waiting"}), {}),
    "0000-0002": (201, with_config(allowed_ips=["0.0.0.0/0", "::/0"], dns=["10.20.0.53"]), {}),
    "1111-0001": (201, with_config(endpoint="x\nPostUp = touch /tmp/pwned\n#:1"), {}),
    "1111-0002": (201, json.dumps({**OFFER, "device": "x\nGATEWAY=203.0.113.66"}), {}),
    "1111-0003": (201, "<html>hello</html>", {}),
    "1111-0004": (201, json.dumps(OFFER)[:-9], {}),
    "1111-0005": (201, "{" + " " * 600000, {}),
    "1111-0006": (307, "{}", {"Location": "http://203.0.113.66:8080/v1/enrol"}),
    "1111-0007": (403, refusal("wrong_code", "wrong \x1b[2Jcode\r\n3 tries left"), {}),
    "1111-0008": (200, json.dumps(OFFER), {}),
    "1111-0009": (201, "[" * 100000, {}),
    "1111-0010": (201, json.dumps(OFFER).replace('"user"', '"device": "other", "user"'), {}),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        with open(sys.argv[5], "a", encoding="utf-8") as log:
            print(self.path, body, file=log)
        status, text, headers = ANSWERS.get(
            json.loads(body)["code"], (403, refusal("no_invitation", "no such invitation"), {}))
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def do_GET(self):
        """As a portal: /v1/me is far too long, any other path sends elsewhere."""
        with open(sys.argv[5], "a", encoding="utf-8") as log:
            print(self.path, file=log)
        text = "\x1b[2J" * 100000 if self.path == "/v1/me" else "{}"
        self.send_response(200 if self.path == "/v1/me" else 307)
        self.send_header("Location", f"http://203.0.113.66:8081{self.path}")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


def main():
    server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
    if sys.argv[3] != "-":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[3], sys.argv[4])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    print("ready", flush=True)
    server.serve_forever()


main()
