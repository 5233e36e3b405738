#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Knocks at a WireGuard port, and what can be heard of others' knocks.

  knock.py scan    ADDRESS PORT COUNT          type 1, then 144 random bytes
  knock.py garbage ADDRESS PORT COUNT KEY      the same with a good first MAC for the gateway's KEY
  knock.py send    ADDRESS PORT FILE           what `record` wrote
  knock.py record  INTERFACE FILE              waits for an initiation, at most 20 s, and keeps it

COUNT datagrams, as fast as they go; prints how many the kernel took. KEY: base64.
"""
import base64
import hashlib
import os
import socket
import sys
import time

INITIATION = 148
MAC1 = slice(116, 132)


def connected(address, port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.connect((address, int(port)))
    return s


def random_messages(n):
    pool = [b"\1\0\0\0" + os.urandom(INITIATION - 4) for _ in range(min(n, 512))]
    return (pool[i % len(pool)] for i in range(n))


def with_mac1(message, key):
    named = hashlib.blake2s(b"mac1----" + base64.b64decode(key)).digest()
    mac = hashlib.blake2s(message[: MAC1.start], key=named, digest_size=16).digest()
    return message[: MAC1.start] + mac + message[MAC1.stop :]


def send_all(s, messages):
    taken = 0
    for m in messages:
        try:
            s.send(m)
            taken += 1
        except (ConnectionRefusedError, BlockingIOError):
            continue
    print(taken)


def record(interface, path):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3))
    s.bind((interface, 0))
    print("ready", flush=True)
    end = time.monotonic() + 20
    while time.monotonic() < end:
        s.settimeout(end - time.monotonic())
        packet = s.recv(65535)
        message = packet[-INITIATION:]
        if len(packet) >= INITIATION + 28 and message[:4] == b"\1\0\0\0":
            with open(path, "wb") as f:
                f.write(message)
            return
    sys.exit("no initiation was heard")


def main(argv):
    if argv[0] == "record":
        record(argv[1], argv[2])
        return
    s = connected(argv[1], argv[2])
    if argv[0] == "scan":
        send_all(s, random_messages(int(argv[3])))
    elif argv[0] == "garbage":
        send_all(s, (with_mac1(m, argv[4]) for m in random_messages(int(argv[3]))))
    elif argv[0] == "send":
        with open(argv[3], "rb") as f:
            send_all(s, [f.read()])
    else:
        sys.exit(__doc__)


main(sys.argv[1:])
