# SPDX-License-Identifier: GPL-2.0-or-later
"""Random policies, populations, changes and packets; half of the values at boundaries."""
from ipaddress import IPv4Address, IPv6Address, ip_address

from model import DCCP, DEVICE, ICMP, OFFICE, PASS, SCTP, TCP, UDP, UDPLITE, WITH_PORTS, Unmodelled
from frames import DESTINATION, FRAGMENT, HOP_BY_HOP
from scenario import apply

ROLES = 4
SHORT, LONG = 500, 600000
OTHERS = [2, 47, 50, 89, 99, 103, 112, 115, 253]
PORTS = [1, 2, 22, 53, 80, 443, 1023, 1024, 8080, 32768, 65534, 65535]
POOL4 = ["10.20.0.0", "10.20.0.1", "10.20.0.9", "10.20.0.255", "10.20.1.0", "10.20.255.255", "1.0.0.0",
         "192.0.2.1", "223.255.255.255", "203.0.113.128", "10.76.255.255", "10.78.0.0", "10.77.3.9",
         "240.0.0.1", "128.0.0.0", "127.255.255.255", "10.77.0.0", "10.77.0.9"]
POOL6 = ["fd20::", "fd20::1", "fd20::9", "fd20::ffff", "fd20::1:0", "fd20:0:0:1::", "2001:db8::1",
         "fd77:acb:ffff:ffff:ffff:ffff:ffff:ffff", "fd77:acc:0:1::", "fd77:acc::39", "fd77:acc::9",
         "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "fd20::8000:0:0:0", "2000::"]


def text_of(family, n):
    return str(IPv4Address(n) if family == 4 else IPv6Address(n))


# ---- policies -------------------------------------------------------------------------------------

def an_address(r, family):
    if r.random() < 0.5:
        return r.choice(POOL4 if family == 4 else POOL6)
    if family == 4:
        return text_of(4, (10 << 24 | 20 << 16) + r.choice([r.randrange(64), r.randrange(65536)]))
    return text_of(6, (0xfd20 << 112) + r.choice([r.randrange(64), r.randrange(1 << 64)]))


def a_range(r):
    """[first, last] as texts."""
    family = r.choice([4, 6])
    bits = 32 if family == 4 else 128
    first = an_address(r, family)
    n, kind = int(ip_address(first)), r.random()
    if kind < 0.45:
        return [first, first]
    if kind < 0.8:
        last = min(n + r.choice([1, 2, 7, 15, 255, 256, r.randrange(1, 70000)]), (1 << bits) - 1)
        return [first, text_of(family, last)]
    size = 1 << r.choice([0, 1, 3, 4, 8, 16, bits - 8, bits - 1, bits])
    base = n // size * size
    return [text_of(family, base), text_of(family, base + size - 1)]


def a_port_range(r):
    first = r.choice(PORTS) if r.random() < 0.5 else r.randrange(1, 65536)
    if r.random() < 0.6:
        return first, first
    return first, min(65535, r.choice([first + 1, first + 10, 65535, r.randrange(first, 65536)]))


def a_service(r):
    proto = r.choice([TCP] * 5 + [UDP] * 5 + [ICMP] * 3 + [SCTP, DCCP, UDPLITE] + [r.choice(OTHERS)] * 3)
    if proto in WITH_PORTS:
        return [proto, *a_port_range(r)]
    return [proto, 0, 0]


def neighbours(r, n, least, most):
    """Intervals that overlap, touch, or leave one value between them: where merging goes wrong."""
    at, out = n, []
    for _ in range(r.choice([2, 3])):
        last = min(most, at + r.choice([0, 0, 1, 5]))
        out.append((at, last))
        at = max(least, min(most, last + r.choice([0, 1, 2, 2, 3])))
    r.shuffle(out)
    return out


def a_crowd(r):
    """An entry whose addresses and ports are neighbours of each other."""
    proto, family = r.choice([TCP, UDP]), r.choice([4, 6])
    ports = [[proto, a, b] for a, b in neighbours(r, r.choice(PORTS), 1, 65535)]
    start, most = int(ip_address(an_address(r, family))), (1 << (32 if family == 4 else 128)) - 1
    return [[[text_of(family, a), text_of(family, b)] for a, b in neighbours(r, start, 0, most)], ports]


def a_resource(r):
    if r.random() < 0.25:
        return [a_crowd(r)]
    return [[[a_range(r) for _ in range(r.randint(1, 3))], [a_service(r) for _ in range(r.randint(1, 3))]]
            for _ in range(r.randint(1, 2))]


def a_policy(r):
    names = ["res%d" % i for i in range(r.choice([0, 1, 2, 4, 8, 16]))]
    some = lambda most: r.sample(names, r.randint(0, min(most, len(names))))
    return {"resources": {n: a_resource(r) for n in names}, "roles": [some(4) for _ in range(ROLES)],
            "remediation": some(2)}


def an_edit(r, policy):
    """Another policy, near the one in force: most flows go on, some do not."""
    if r.random() < 0.25 or not policy["resources"]:
        return a_policy(r)
    new = {"resources": dict(policy["resources"]), "roles": [list(x) for x in policy["roles"]],
           "remediation": list(policy["remediation"])}
    names = list(new["resources"])
    what = r.random()
    if what < 0.4:
        new["resources"][r.choice(names)] = a_resource(r)
    elif what < 0.8:
        new["roles"][r.randrange(ROLES)] = r.sample(names, r.randint(0, min(4, len(names))))
    else:
        new["remediation"] = r.sample(names, r.randint(0, min(2, len(names))))
    return new


# ---- packets --------------------------------------------------------------------------------------

def near(r, first, last):
    """An address or port in a range, at its ends, or one beyond."""
    if r.random() < 0.5:
        return r.choice([first, last, first - 1, last + 1])
    return r.randint(first, last)


SAFE4 = [(1 << 24, (127 << 24) - 1), (128 << 24, (224 << 24) - 1), (240 << 24, (1 << 32) - 2)]
SAFE6 = [(0x2000 << 112, (0x4000 << 112) - 1), (0xfc00 << 112, (0xfe00 << 112) - 1)]


def routable(family, n):
    return any(a <= n <= b for a, b in (SAFE4 if family == 4 else SAFE6))


def a_target(r, resources, family):
    """(address, protocol, port) around what a policy names."""
    entries = [(rg, sv) for e in resources.values() for rgs, svs in e for rg in rgs for sv in svs
               if (":" in rg[0]) == (family == 6)]
    proto, port, dst = r.choice([TCP, UDP, ICMP, SCTP] + [r.choice(OTHERS)]), r.choice([0] + PORTS), None
    if entries and r.random() < 0.9:
        (first, last), (p, lo, hi) = r.choice(entries)
        n = near(r, int(ip_address(first)), int(ip_address(last)))
        if r.random() < 0.4:
            n = int(ip_address(first))
        if routable(family, n):
            dst = text_of(family, n)
        if r.random() < 0.9:
            proto = p
            port = max(0, min(65535, near(r, lo, hi) if r.random() < 0.5 else r.choice([lo, hi])))
    return dst or an_address_to_send(r, family), proto, port


def an_address_to_send(r, family):
    while True:
        a = an_address(r, family)
        if routable(family, int(ip_address(a))):
            return a


class Drawer:
    """Draws one scenario as a list of operations; a World goes along, so that flows make sense."""

    def __init__(self, r, world):
        self.r, self.world, self.ops = r, world, []
        self.policy, self.members, self.flows, self.next_device = None, {}, [], 0
        self.port = 20000

    def do(self, *op):
        op = list(op)
        try:
            outcome = apply(self.world, op)
        except Unmodelled:
            return None
        self.ops.append(op)
        return outcome

    # ---- population and changes ---------------------------------------------------------------

    def enrol(self):
        r, i = self.r, self.next_device
        if i >= 40:
            return
        self.next_device += 1
        edge = {0: 2, 1: 1022}.get(i, 16 + i * 3)
        addr4 = text_of(4, (10 << 24 | 77 << 16) + edge)
        addr6 = text_of(6, (0xfd77 << 112 | 0xacc << 96) + (edge if i != 1 else (1 << 64) - 1))
        m = {"addr4": addr4, "addr6": addr6 if r.random() < 0.85 else None}
        self.members[i] = m
        self.do("device", i, m["addr4"], m["addr6"], self.some_roles())
        if r.random() < 0.75:
            self.do("lease", i, LONG)

    def some_roles(self):
        return self.r.choice([1, 2, 4, 8, 3, 6, 15, self.r.randrange(1, 1 << ROLES)])

    def population(self):
        self.policy = a_policy(self.r)
        self.do("policy", self.policy)
        for _ in range(self.r.choice([1, 2, 4, 8])):
            self.enrol()
        self.do("commit")

    def change(self):
        r = self.r
        for _ in range(r.choice([1, 1, 1, 2, 4])):
            i = r.choice(list(self.members) or [None])
            what = r.random()
            if i is None or what < 0.1:
                self.enrol()
            elif what < 0.4:
                self.policy = an_edit(r, self.policy)
                self.do("policy", self.policy)
            elif what < 0.6:
                self.do("lease", i, LONG)
            elif what < 0.75:
                self.do("unlease", i)
            elif what < 0.92:
                self.do("roles", i, self.some_roles())
            else:
                self.do("drop", i)
                del self.members[i]
        self.do("commit")

    def lapse(self):
        """A lease that ends by itself between two packets of its flows; or is renewed before."""
        r, i = self.r, self.r.choice(list(self.members))
        self.do("lease", i, SHORT)
        self.do("commit")
        self.burst(10, only=i)
        if r.random() < 0.3:
            self.do("lease", i, LONG)
            self.do("commit")
        self.do("wait", SHORT + 100)
        self.burst(10, only=i)

    # ---- traffic ------------------------------------------------------------------------------

    def fresh_port(self):
        self.port += 1
        return self.port if self.r.random() < 0.95 else (self.port * 7919) % 65536

    def a_device(self, only=None):
        """(address, member) of an enrolled device; of nobody when there is none."""
        i = only if only in self.members else self.r.choice(list(self.members) or [None])
        if i is None:
            return self.r.choice(["10.77.0.200", "fd77:acc::200"])
        return self.r.choice([a for a in self.members[i].values() if a])

    def fresh(self, src, dst, proto, port):
        p = {"kind": "plain", "src": src, "dst": dst, "proto": proto}
        if proto == ICMP:
            return p | {"kind": "echo", "sport": self.fresh_port()}
        if proto in WITH_PORTS:
            p |= {"sport": self.fresh_port(), "dport": port}
        if proto == TCP:
            p["flags"] = self.r.choice(["S", "S", "S", "S", "S", "A", "SA"])
        if proto == SCTP:
            p["flags"] = "INIT"
        return p

    def dress(self, p):
        """What must not matter: extension headers, fragments."""
        r = self.r
        if r.random() > 0.12 or p["kind"] == "error":
            return p
        if ":" in p["src"] and r.random() < 0.6:
            return p | {"ext": r.choice([[DESTINATION], [HOP_BY_HOP], [HOP_BY_HOP, DESTINATION],
                                         [FRAGMENT], [DESTINATION, FRAGMENT],
                                         [HOP_BY_HOP, FRAGMENT, DESTINATION]])}
        if p["proto"] == TCP and ":" in p["src"]:
            return p                 # the kernel refuses a first fragment without all of TCP's header (RFC 7112)
        return p | {"split": r.choice([8, 16]), "backwards": r.random() < 0.5}

    def send(self, side, p):
        return self.do("packet", side, self.dress(p))

    def opening(self, only=None):
        src = self.a_device(only)
        dst, proto, port = a_target(self.r, self.policy["resources"], 6 if ":" in src else 4)
        p = self.fresh(src, dst, proto, port)
        outcome = self.send(DEVICE, p)
        if outcome and outcome[0] == PASS:
            self.flows.append(p)
            if self.r.random() < 0.6:
                self.going_on(p)

    def answer(self, p):
        a = {"kind": p["kind"], "src": p["dst"], "dst": p["src"], "proto": p["proto"]}
        if p["proto"] == ICMP:
            return a | {"kind": "echo-reply", "sport": p["sport"]}
        if p["proto"] in WITH_PORTS:
            a |= {"sport": p["dport"], "dport": p["sport"]}
        return a

    def going_on(self, p=None):
        r = self.r
        p = p or r.choice(self.flows)
        a, what = self.answer(p), r.random()
        if what < 0.1:
            return self.error_about(p, a)
        if what < 0.2:
            return self.wrong_wire(p, a)
        forth = what < 0.55
        options = {TCP: ["S", "A"] if forth else ["SA", "A"], SCTP: ["INIT" if forth else "INIT-ACK"]}
        flags = options.get(p["proto"], [None])
        for f in r.sample(flags, len(flags)):
            q = dict(p if forth else a)
            if f:
                q["flags"] = f
            if self.send(DEVICE if forth else OFFICE, q):
                return None

    def error_about(self, p, a):
        """An ICMP error by the device, by another one, by the office; of this flow or of none."""
        r, about = self.r, dict(self.r.choice([p, a]))
        if about["proto"] == TCP:
            about["flags"] = "A"
        if about["proto"] == SCTP:
            about["flags"] = "INIT"
        if r.random() < 0.2 and "sport" in about:
            about["sport"] = 9
        by_device = about["src"] == a["src"]
        sender = p["src"] if by_device else p["dst"]
        if r.random() < 0.4:
            sender = self.a_device() if by_device else an_address_to_send(r, 6 if ":" in sender else 4)
        if (":" in sender) != (":" in about["src"]):
            return
        self.do("packet", DEVICE if by_device else OFFICE,
                {"kind": "error", "src": sender, "dst": about["src"], "proto": ICMP, "about": about})

    def wrong_wire(self, p, a):
        """The tuple of a known flow on the side where it does not belong."""
        q, side = self.r.choice([(p, OFFICE), (a, DEVICE)])
        self.send(side, dict(q))

    def stray(self):
        """Spoofed sources, other devices, the gateway, the office opening something."""
        r = self.r
        family = r.choice([4, 6])
        side = r.choice([DEVICE, OFFICE])
        inside = [a for m in self.members.values() for a in m.values() if a and (":" in a) == (family == 6)]
        inside += ["10.77.0.200", "10.77.3.255", "10.77.0.1"] if family == 4 else ["fd77:acc::200", "fd77:acc::1"]
        outside = [an_address_to_send(r, family)]
        outside += ["10.77.4.0", "10.76.255.255"] if family == 4 else ["fd77:acc:0:1::", "fd77:acb:ffff::9"]
        gateway = ["10.77.0.1", "10.20.0.1"] if family == 4 else ["fd77:acc::1", "fd20::1"]
        src = r.choice(inside if r.random() < (0.7 if side == DEVICE else 0.3) else outside)
        dst = r.choice(r.choice([inside, inside, outside, gateway]))
        _, proto, port = a_target(r, self.policy["resources"], family)
        if dst in gateway:
            port = r.choice([port, 53, 8080, 80, 52, 54, 8079, 8081])
        if dst not in gateway and not routable(family, int(ip_address(dst))) or src == dst:
            return
        self.send(side, self.fresh(src, dst, proto, port))

    def burst(self, n, only=None):
        for _ in range(n):
            what = self.r.random()
            if self.flows and what < 0.5:
                self.going_on()
            elif what < 0.85 or only is not None:
                self.opening(only)
            else:
                self.stray()

    def policies(self, n):
        """No packets: n policies, one after another, under every set of roles; each is read back."""
        for roles in range(1, 1 << ROLES):
            self.do("device", roles, text_of(4, (10 << 24 | 77 << 16) + 1 + roles), "fd77:acc::1%x" % roles, roles)
            self.do("lease", roles, LONG)
        for i in range(n):
            self.do("policy", a_policy(self.r))
            self.do("install" if i % 5 == 0 else "commit")
            self.do("snapshot")
        self.do("verify")
        return self.ops

    def scenario(self, bursts, size, lapses):
        self.population()
        for _ in range(bursts):
            self.burst(size)
            if lapses and self.members and self.r.random() < 0.3:
                self.lapse()
            else:
                self.change()
            if self.r.random() < 0.1:
                self.do("install")
            if self.r.random() < 0.3:
                self.do("snapshot")
        self.burst(size)
        self.do("snapshot")
        self.do("verify")
        return self.ops
