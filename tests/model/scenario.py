# SPDX-License-Identifier: GPL-2.0-or-later
"""A scenario is a list of operations, plain values that JSON can hold. apply() tells the model; the texts
below tell the product: policy.conf, and the driver's commands."""
from functools import lru_cache

from model import ICMP, Device, Packet, Policy, Unmodelled, addr
from frames import ip_packet

NAMES = {6: "tcp", 17: "udp", 132: "sctp", 33: "dccp", 136: "udplite", 47: "proto gre", 50: "proto esp",
         89: "proto ospf", 2: "proto igmp", 103: "proto pim", 112: "proto vrrp", 115: "proto l2tp"}
addr = lru_cache(maxsize=65536)(addr)


# ---- to the model -----------------------------------------------------------------------------------

def to_policy(p):
    resources = {}
    for name, entries in p["resources"].items():
        resources[name] = [([(addr(a)[0], addr(a)[1], addr(b)[1]) for a, b in ranges],
                            [tuple(s) for s in services]) for ranges, services in entries]
    return Policy(resources, p["roles"], p["remediation"])


def to_packet(p):
    return Packet(p["kind"], addr(p["src"]), addr(p["dst"]), p["proto"], p.get("sport", 0), p.get("dport", 0),
                  p.get("flags", ""), to_packet(p["about"]) if "about" in p else None)


def apply(world, op):
    """The verdict of a packet; nothing else answers anything that matters."""
    what = op[0]
    if what in ("commit", "install"):
        if not world.policy:
            raise Unmodelled
        world.ready = True
    elif what in ("packet", "snapshot", "verify"):
        if not world.ready:
            raise Unmodelled         # changes that nobody has committed
    elif what != "wait":
        world.ready = False
    if what == "packet":
        return world.packet(op[1], to_packet(op[2]))
    if what == "policy":
        world.policy = to_policy(op[1])
    elif what == "device":
        world.devices[op[1]] = Device(addr(op[2]), addr(op[3]) if op[3] else None, op[4])
    elif what == "wait":
        world.now += op[1]
    elif what == "drop":
        world.devices.pop(op[1], None)
    elif what in ("roles", "lease", "unlease") and op[1] in world.devices:
        d = world.devices[op[1]]
        if what == "roles":
            d.roles = op[2]
        else:
            d.lease_until = world.now + op[2] if what == "lease" else None
    return None


# ---- to the product ---------------------------------------------------------------------------------

def range_text(first, last):
    return first if first == last else "%s-%s" % (first, last)


def service_text(proto, first, last):
    if proto == ICMP:
        return "icmp"
    name = NAMES.get(proto, "proto %s" % proto)
    if not first:
        return name
    return "%s %d" % (name, first) if first == last else "%s %d-%d" % (name, first, last)


def entry_text(ranges, services):
    return "%s %s" % (", ".join(range_text(*r) for r in ranges), ", ".join(service_text(*s) for s in services))


def policy_text(p):
    lines = ['company "Model"', "posture any { lease 15m }"]
    for name, entries in p["resources"].items():
        lines.append("resource %s { %s }" % (name, "  ".join(entry_text(*e) for e in entries)))
    if p["remediation"]:
        lines.append("remediation { %s }" % ", ".join(p["remediation"]))
    for i, reach in enumerate(p["roles"]):
        lines.append("role r%d { %s posture any }" % (i, "reach " + ", ".join(reach) if reach else ""))
    return "\n".join(lines) + "\n"


def commands(op, tag):
    """(lines, waits for an answer)"""
    what = op[0]
    if what == "policy":
        text = policy_text(op[1])
        return "policy %d\n%s" % (len(text), text), True
    if what == "device":
        return "device %d %s %s %x\n" % (op[1], op[2], op[3] or "-", op[4]), False
    if what == "roles":
        return "roles %d %x\n" % (op[1], op[2]), False
    if what == "packet":
        return "".join("p %d %d %s\n" % (op[1], tag, b.hex()) for b in ip_packet(op[2], tag)), False
    if what in ("commit", "snapshot", "verify", "install"):
        return what + "\n", True
    return " ".join(str(x) for x in op) + "\n", False
