# SPDX-License-Identifier: GPL-2.0-or-later
"""Packets as bytes (RFC 791, 8200, 9293, 768, 9260, 792, 4443). A packet is a dict of plain values, as it
stands in a case file; `tag` goes into IPv4's identification or IPv6's flow label, so that any arrival is
known. "ext": IPv6 extension headers before the transport header; "split": cut into two fragments there."""
import struct
from functools import lru_cache
from ipaddress import ip_address

from model import ICMP, SCTP, TCP, UDP, UDPLITE, DCCP

HOP_BY_HOP, FRAGMENT, DESTINATION = 0, 44, 60
TCP_BITS = {"S": 0x02, "SA": 0x12, "A": 0x10}


@lru_cache(maxsize=65536)
def packed(text):
    return ip_address(text).packed


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return struct.pack("!H", ~s & 0xffff)


def crc32c(data):
    """SCTP's checksum (RFC 9260, appendix A)."""
    crc = 0xffffffff
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82f63b78 if crc & 1 else 0)
    return struct.pack("<I", crc ^ 0xffffffff)


def number(p):
    if p["proto"] != ICMP:
        return p["proto"]
    return 58 if ":" in p["src"] else 1


def pseudo(p, length):
    return packed(p["src"]) + packed(p["dst"]) + struct.pack("!II", length, number(p))


def transport(p):
    proto, v6, body = p["proto"], ":" in p["src"], b"portcullis-model"
    sport, dport = p.get("sport", 0), p.get("dport", 0)
    if proto == TCP:
        t = struct.pack("!HHIIBBHHH", sport, dport, 1000, 1, 5 << 4, TCP_BITS[p["flags"]], 0x4000, 0, 0)
        return t[:16] + checksum(pseudo(p, len(t)) + t) + t[18:]
    if proto in (UDP, UDPLITE):
        t = struct.pack("!HHHH", sport, dport, 8 + len(body), 0) + body
        # A sum of zero is sent as all ones: zero says that there is none (RFC 768, RFC 3828).
        total = checksum(pseudo(p, len(t)) + t)
        return t[:6] + (b"\xff\xff" if total == b"\0\0" else total) + t[8:]
    if proto == SCTP:   # INIT carries no tag; the answer carries the one asked for
        kind = 1 if p["flags"] == "INIT" else 2
        t = struct.pack("!HHIIBBHIIHHI", sport, dport, kind - 1, 0, kind, 0, 20, 1, 65536, 1, 1, 1)
        return t[:8] + crc32c(t) + t[12:]
    if proto == DCCP:   # RFC 4340: a request, long sequence numbers
        return struct.pack("!HHBBHBBHII", sport, dport, 5, 0, 0, 1, 0, 0, 1, 0)
    if proto == ICMP and p["kind"] == "error":
        t = (b"\1\1" if v6 else b"\3\1") + bytes(6) + ip_packet(p["about"], 0)[0]
    elif proto == ICMP:
        ask = p["kind"] == "echo"
        t = bytes([(128 if ask else 129) if v6 else (8 if ask else 0), 0, 0, 0])
        t += struct.pack("!HH", sport, 1) + body
    else:
        return bytes(8) + body
    return t[:2] + checksum((pseudo(p, len(t)) if v6 else b"") + t) + t[4:]


def chained(p, load):
    """(first header's number, bytes) with the extension headers in front; each says nothing."""
    number_next = number(p)
    for kind in reversed(p.get("ext", [])):
        pad = bytes(6) if kind == FRAGMENT else b"\1\4" + bytes(4)
        load = bytes([number_next, 0]) + pad + load
        number_next = kind
    return number_next, load


def ipv6(p, tag, first, load):
    head = struct.pack("!IHBB", 6 << 28 | tag, len(load), first, 64)
    return head + packed(p["src"]) + packed(p["dst"]) + load


def ipv4(p, tag, load, offset=0, more=False):
    head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(load), tag, more << 13 | offset // 8, 64, number(p), 0)
    head += packed(p["src"]) + packed(p["dst"])
    return head[:10] + checksum(head) + head[12:] + load


def fragments(p, tag, load):
    cut = p["split"]
    if ":" not in p["src"]:
        return [ipv4(p, tag, load[:cut], 0, True), ipv4(p, tag, load[cut:], cut)]
    first, load = chained(p, load)
    heads = [struct.pack("!BBHI", first, 0, at | more, tag) for at, more in ((0, 1), (cut, 0))]
    return [ipv6(p, tag, FRAGMENT, heads[0] + load[:cut]), ipv6(p, tag, FRAGMENT, heads[1] + load[cut:])]


def ip_packet(p, tag):
    """The packets on the wire: one, or the fragments in the order in which they are sent."""
    load = transport(p)
    if p.get("split"):
        parts = fragments(p, tag, load)
        return parts[::-1] if p.get("backwards") else parts
    if ":" in p["src"]:
        return [ipv6(p, tag, *chained(p, load))]
    return [ipv4(p, tag, load)]
