# SPDX-License-Identifier: GPL-2.0-or-later
"""Speaks to the engine in the place of a role that somebody has taken over.

takeover.py PID lawless FROM      what that role (its number) may not say, one at a time: prints the name of
                                  what was sent; ends when the channel does
takeover.py PID list              the numbers of what there is to try
takeover.py PID flood N           N lawful questions of an enrol role, each from another address; their answers are
                                  left to the role itself. Prints how many were sent
takeover.py PID guess TOKEN N     N codes for an invitation of which this role has seen the token
"""
import ctypes
import json
import os
import socket
import struct
import sys
import time

PIDFD_OPEN, PIDFD_GETFD = 434, 438
CHANNEL = 3


def channel_of(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = libc.syscall(PIDFD_OPEN, pid, 0)
    fd = libc.syscall(PIDFD_GETFD, pidfd, CHANNEL, 0)
    if fd < 0:
        sys.exit(f"no channel: {os.strerror(ctypes.get_errno())}")
    return socket.socket(fileno=fd)


def packet(kind, body, seq=7, total=None, offset=0):
    return struct.pack("<IIII", kind, seq, len(body) if total is None else total, offset) + body


def blob(b):
    return struct.pack("<I", len(b)) + b


def address(a):
    raw = socket.inet_pton(socket.AF_INET, a)
    return bytes([4]) + raw


def enrol(source, token, code):
    body = {"token": token, "code": code, "wireguard_key": "A" * 43 + "="}
    return address(source) + bytes([1]) + blob(json.dumps(body).encode())


def console(path, session=b"", method=1, query=b"", body=b""):
    return blob(session) + address("10.20.0.30") + bytes([method]) + blob(path) + blob(query) + blob(body)


# uid 0, gid 0, by name: what the api alone may say
CONTROL = bytes([2]) + struct.pack("<II", 0, 0) + blob(b"root") + blob(b"/v1/users") + blob(b"") + blob(b"{}")

LAWLESS = [
    ("as root to the control verbs", 50, CONTROL),
    ("as a device to the portal's", 40, bytes([3]) + address("10.77.0.2") + blob(b"")),
    ("for the metrics", 73, b""),
    ("denied packets that never were", 60, struct.pack("<H", 0)),
    ("a delivery that never was", 76, bytes(15)),
    ("an order of the parent to stop", 4, b""),
    ("a policy in the parent's name", 3, blob(b"company \"x\"")),
    ("a commit to the parent", 22, b"\1"),
    ("an answer of the engine to itself", 85, struct.pack("<H", 200) + blob(b"{}")),
    ("a certificate", 81, blob(b"") * 4),
    ("a number that nobody has", 4000, b""),
    ("more than a message may hold", None, None),
    ("a fragment beyond its message", None, "offset"),
    ("its own question, cut short", None, "short"),
    ("its own question, with more behind it", None, "more"),
    ("an address of no family", None, "family"),
]


def own(role):
    return (84, enrol("192.0.2.1", "x", "1")) if role == "enrol" else (86, console(b"/v1/session"))


def lawless(sock, role, at):
    name, kind, body = LAWLESS[at]
    mine, question = own(role)
    if kind is not None:
        p = packet(kind, body)
    elif body is None:
        p = packet(mine, b"x" * 100, total=64 << 20)
    elif body == "offset":
        p = packet(mine, b"x" * 100, total=200, offset=4000)
    elif body == "short":
        p = packet(mine, question[:-1])
    elif body == "more":
        p = packet(mine, question + b"x")
    else:
        p = packet(mine, question.replace(address("192.0.2.1"), b"\0").replace(address("10.20.0.30"), b"\7"))
    print(name)
    try:
        sock.send(p)
    except OSError as e:
        sys.exit(f"cannot be sent: {e}")


def flood(sock, n):
    sent = 0
    sock.setblocking(True)
    for i in range(n):
        source = f"198.18.{i >> 8 & 255}.{i & 255}"
        sock.send(packet(84, enrol(source, f"{i:026d}", "12345678"), seq=1 << 30 | i))
        sent += 1
    print(sent)


def guess(sock, token, n):
    for i in range(n):
        sock.send(packet(84, enrol(f"198.19.0.{i % 250 + 1}", token, f"{i:08d}"), seq=1 << 30 | i))
        time.sleep(0.01)
    print(n)


def main():
    if sys.argv[2] == "list":
        print(len(LAWLESS))
        return
    sock = channel_of(int(sys.argv[1]))
    if sys.argv[2] == "lawless":
        lawless(sock, sys.argv[3], int(sys.argv[4]))
    elif sys.argv[2] == "flood":
        flood(sock, int(sys.argv[3]))
    else:
        guess(sock, sys.argv[3], int(sys.argv[4]))


main()
