# SPDX-License-Identifier: GPL-2.0-or-later
"""The reference model of the data plane: policy + devices + leases + time + packet -> verdict, reason.

Written from the design and the manual page, slow and plain, and shares no line with the product.
Addresses are (family, number) pairs; a protocol is its number, with "icmp" for ping in both families.

The lab around it: the tunnel is 10.77.0.1/22 and fd77:acc::1/64 on wg0, the office is everything else.
10.77.0.0/16 and fd77:acc::/64 lead into the tunnel, 10.77.3.9 and fd77:acc::39 to the office.
"""
from ipaddress import ip_address, ip_network
from os.path import exists

DEVICE, OFFICE = 0, 1
REASONS = ["no-lease", "unknown-source", "not-permitted", "spoofed", "wrong-direction",
           "device-to-device", "gateway-input", "invalid"]
PASS, INPUT, DENY, LOST = "pass", "input", "deny", "lost"   # lost: no route, a martian: never judged
TCP, UDP, SCTP, DCCP, UDPLITE = 6, 17, 132, 33, 136
ICMP = "icmp"
WITH_PORTS = (TCP, UDP, SCTP, DCCP, UDPLITE)
PORTAL, DNS = 8080, 53
# Protocols whose ports this kernel's connection tracking reads. What it does not read is no port 0 to 65535
# of anybody: such a packet has no port, and no permit for a port covers it. (DCCP left Linux with 6.17.)
TRACKED = (TCP, UDP, SCTP, UDPLITE)
if exists("/proc/sys/net/netfilter/nf_conntrack_dccp_timeout_request"):
    TRACKED += (DCCP,)


class Unmodelled(Exception):
    """The model has no opinion: such a packet is not to be sent."""


def addr(text):
    a = ip_address(text)
    return (a.version, int(a))


def net(text):
    n = ip_network(text)
    return (n.version, int(n.network_address), int(n.broadcast_address))


def within(a, n):
    return a[0] == n[0] and n[1] <= a[1] <= n[2]


TUNNEL = [net("10.77.0.0/22"), net("fd77:acc::/64")]
ROUTED_TO_TUNNEL = [net("10.77.0.0/16"), net("fd77:acc::/64")]
ROUTED_ELSEWHERE = [addr("10.77.3.9"), addr("fd77:acc::39")]
TUNNEL_OWN = [addr("10.77.0.1"), addr("fd77:acc::1")]
OFFICE_OWN = [addr("10.20.0.1"), addr("fd20::1")]


def in_tunnel_net(a):
    return any(within(a, n) for n in TUNNEL)


def is_gateway(a):
    return a in TUNNEL_OWN or a in OFFICE_OWN


def leaves_by(a):
    if a in ROUTED_ELSEWHERE:
        return OFFICE
    return DEVICE if any(within(a, n) for n in ROUTED_TO_TUNNEL) else OFFICE


class Policy:
    """resources: name -> [(ranges, services)]; ranges: (family, first, last); services: (protocol,
    first port, last port). roles: a list of lists of resource names. remediation: resource names."""

    def __init__(self, resources, roles, remediation):
        self.resources, self.roles, self.remediation = resources, roles, remediation

    def offered(self, names, dst, proto, port):
        for name in names:
            for ranges, services in self.resources[name]:
                if not any(within(dst, r) for r in ranges):
                    continue
                for p, first, last in services:
                    if p == proto and (p not in WITH_PORTS or first <= port <= last):
                        return True
        return False

    def in_remediation(self, dst, proto, port):
        return self.offered(self.remediation, dst, proto, port)

    def permits(self, roles, dst, proto, port):
        for i, reach in enumerate(self.roles):
            if roles >> i & 1 and self.offered(reach, dst, proto, port):
                return True
        return self.in_remediation(dst, proto, port)


class Device:
    def __init__(self, addr4, addr6, roles):
        self.addrs = [a for a in (addr4, addr6) if a]
        self.roles = roles
        self.lease_until = None      # None: no lease


class Packet:
    """kind: "plain", "echo", "echo-reply", or "error" (an ICMP error about `about`, a Packet)."""

    def __init__(self, kind, src, dst, proto, sport=0, dport=0, flags="", about=None):
        self.kind, self.src, self.dst, self.proto = kind, src, dst, proto
        self.sport, self.dport, self.flags, self.about = sport, dport, flags, about


class Flow:
    """A connection that the kernel knows: who opened it, to what; how far TCP and SCTP have come."""

    def __init__(self, opener, server, proto, port, stage):
        self.opener, self.server, self.proto, self.port, self.stage = opener, server, proto, port, stage


def key_of(p):
    """The tuple by which the kernel finds a packet's connection: ports, or the ping's id."""
    if p.proto == ICMP:
        return (p.src, p.dst, ICMP, p.sport, p.kind == "echo-reply")
    if p.proto in TRACKED:
        return (p.src, p.dst, p.proto, p.sport, p.dport)
    return (p.src, p.dst, p.proto, 0, 0)


def key_back(p):
    if p.proto == ICMP:
        return (p.dst, p.src, ICMP, p.sport, p.kind != "echo-reply")
    if p.proto in TRACKED:
        return (p.dst, p.src, p.proto, p.dport, p.sport)
    return (p.dst, p.src, p.proto, 0, 0)


class World:
    def __init__(self):
        self.policy = None
        self.devices = {}
        self.flows = {}              # by key_of() the opening packet
        self.now = 0                 # milliseconds
        self.ready = False           # is all that was said in force?

    # ---- who and what ---------------------------------------------------------------------------

    def owner(self, a):
        for d in self.devices.values():
            if a in d.addrs:
                return d
        return None

    def has_lease(self, d):
        return d.lease_until is not None and self.now < d.lease_until

    def judge(self, who, server, proto, port):
        """May `who` (an address) use this service now?"""
        d = self.owner(who)
        if d is None:
            return DENY, "unknown-source"
        if self.has_lease(d):
            if self.policy.permits(d.roles, server, proto, port):
                return PASS, None
            return DENY, "not-permitted"
        if self.policy.in_remediation(server, proto, port):
            return PASS, None
        return DENY, "no-lease"

    # ---- connections ----------------------------------------------------------------------------

    def find(self, p):
        """(state, flow) as connection tracking sees the packet."""
        if p.kind == "error":
            inner = p.about
            flow = self.flows.get(key_of(inner)) or self.flows.get(key_back(inner))
            if flow is None or p.dst != inner.src:
                return "invalid", None
            return "related", flow
        if key_of(p) in self.flows:
            return self.step(p, self.flows[key_of(p)], True)
        if key_back(p) in self.flows:
            return self.step(p, self.flows[key_back(p)], False)
        if p.kind == "echo-reply" or (p.proto in (TCP, SCTP) and p.flags in ("SA", "INIT-ACK")):
            return "invalid", None
        return "new", Flow(p.src, p.dst, p.proto, p.dport if p.proto in TRACKED else 0,
                           {"S": "asked", "INIT": "asked", "A": "open"}.get(p.flags))

    def step(self, p, flow, forth):
        if flow.proto in (TCP, SCTP):
            path = {("asked", True, "S"): "asked", ("asked", False, "SA"): "answered",
                    ("answered", False, "SA"): "answered", ("answered", True, "A"): "open",
                    ("open", True, "A"): "open", ("open", False, "A"): "open",
                    ("asked", True, "INIT"): "asked", ("asked", False, "INIT-ACK"): "answered"}
            if (flow.stage, forth, p.flags) not in path:
                raise Unmodelled
            flow.stage = path[flow.stage, forth, p.flags]
        return "known" if forth else "reply", flow

    # ---- the packet -----------------------------------------------------------------------------

    def packet(self, side, p):
        if p.src[0] == 4 and is_gateway(p.src):
            return LOST, None
        state, flow = self.find(p)
        if is_gateway(p.dst):
            return self.to_gateway(side, p, state)
        verdict, reason = self.forward(side, p, state, flow)
        if verdict == PASS and state == "new":
            self.flows[key_of(p)] = flow
        return verdict, reason

    def to_gateway(self, side, p, state):
        if side == OFFICE:
            if in_tunnel_net(p.src):
                return DENY, "spoofed"
            if leaves_by(p.src) == DEVICE:
                raise Unmodelled     # the gateway's answer would be a packet of its own
            return INPUT, None
        if not in_tunnel_net(p.src):
            return DENY, "spoofed"
        if self.owner(p.src) is None:
            return DENY, "unknown-source"
        if state == "invalid":
            return DENY, "invalid"
        served = p.kind == "echo" or (p.proto, p.dport) in ((TCP, PORTAL), (TCP, DNS), (UDP, DNS))
        if p.dst in TUNNEL_OWN and served and p.kind != "error":
            return INPUT, None
        if p.kind == "error" and state == "related":
            raise Unmodelled
        return DENY, "gateway-input"

    def forward(self, side, p, state, flow):
        into_tunnel = leaves_by(p.dst) == DEVICE
        if side == DEVICE:
            if into_tunnel:
                return DENY, "device-to-device"
            if not in_tunnel_net(p.src):
                return DENY, "spoofed"
            if state == "invalid":
                return DENY, "invalid"
            # An error about a connection is its sender's packet; else the opener's rights decide.
            who = p.src if state == "related" else flow.opener
            return self.judge(who, flow.server, flow.proto, flow.port)
        if in_tunnel_net(p.src):
            return DENY, "spoofed"
        if into_tunnel:
            if state == "invalid":
                return DENY, "invalid"
            if state in ("reply", "related"):
                return self.judge(flow.opener, flow.server, flow.proto, flow.port)
            return DENY, "wrong-direction"
        if in_tunnel_net(p.dst):
            return DENY, "wrong-direction"
        return PASS, None
