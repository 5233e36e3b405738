# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs scenarios on the product and the model and compares. See ../README.md, "check-model"."""
import json
import multiprocessing
import os
import random
import subprocess
import sys
import time
from collections import Counter
from glob import glob

import draw
from frames import FRAGMENT
from model import DENY, PASS, REASONS, Unmodelled, World, leaves_by
from scenario import addr, apply, commands

HERE = os.path.dirname(os.path.abspath(__file__))
CASES = os.environ.get("CASES", os.path.join(HERE, "cases"))
DRIVER = os.path.join(os.environ.get("BUILD", "build"), "model", "driver")
READ_BACK = 130         # policies of each worker; with eight of them, a thousand
SKIPPED = 77            # the driver's status where it may not make namespaces
TOGETHER = 1 << 12      # packets between two looks at the counters, at most; every eighth scenario has 1
TIGHT = 0.1             # seconds before a short lease's end in which nothing is to be sent


class Differs(Exception):
    def __init__(self, what):
        super().__init__(what)
        self.what = what


class TooSlow(Exception):
    """The machine was so slow that a short lease ended before the packets were through."""


class NoLab(Exception):
    """No namespaces for us here."""


# ---- the product ------------------------------------------------------------------------------------

class Product:
    def __init__(self, worker):
        self.worker = worker
        self.start()

    def start(self):
        self.child = subprocess.Popen([DRIVER, str(self.worker)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      text=True, bufsize=1 << 16)
        first = self.child.stdout.readline()
        if first != "ready\n":
            status = self.child.wait(10)
            raise (NoLab if status == SKIPPED else RuntimeError)("%s (%d)" % (first.strip(), status))

    def close(self):
        self.child.stdin.close()
        self.child.wait(10)

    def tell(self, lines):
        self.child.stdin.write(lines)

    def ask(self, lines):
        self.tell(lines)
        self.child.stdin.flush()
        answer = self.child.stdout.readline().strip()
        if not answer:
            self.child.wait(10)
            self.start()
            raise Differs("the driver died at: " + lines[:60])
        return answer

    def order(self, lines):
        answer = self.ask(lines)
        if answer != "ok":
            raise Differs("%s: %s" % (lines.split("\n")[0][:40], answer))


# ---- one scenario -----------------------------------------------------------------------------------

class Run:
    """Executes operations; compares after every `most` packets and before every other operation."""

    def __init__(self, product, most):
        self.product, self.most, self.world = product, most, World()
        self.batch, self.tally, self.ends = [], Counter(), []
        product.order("begin\n")

    def run(self, ops):
        for op in ops:
            if op[0] != "packet":
                self.compare()
            self.one(op)
        self.compare()
        return self.tally

    def one(self, op):
        expected = apply(self.world, op)
        if op[0] == "wait":
            time.sleep(op[1] / 1000)
            return
        if op[0] == "lease" and op[2] <= draw.SHORT:
            self.ends.append((self.world.now + op[2], time.monotonic() + op[2] / 1000))
        lines, answers = commands(op, len(self.batch) + 1)
        if answers:
            self.product.order(lines)
            return
        self.product.tell(lines)
        if op[0] == "packet":
            self.batch.append((op, expected))
            self.tally[expected[1] or expected[0]] += 1
            if len(self.batch) == self.most:
                self.compare()

    def compare(self):
        if not self.batch:
            return
        batch, self.batch = self.batch, []
        answer = self.product.ask("go\n")
        self.in_time()
        if "failed" in answer:
            raise Differs(answer)
        arrived, denied = answer.removeprefix("arrived").split(" denied ")
        self.compare_arrivals(batch, arrived.split(), denied)
        want = Counter(e[1] for _, e in batch if e[0] == DENY)
        got = Counter({r: int(n) for r, n in zip(REASONS, denied.split()) if int(n)})
        if want != got:
            raise Differs("denied %s instead of %s%s" % (dict(got), dict(want), last(batch)))

    def compare_arrivals(self, batch, words, denied):
        got = {}
        for side, tag, same in zip(words[0::3], words[1::3], words[2::3]):
            got.setdefault(int(tag), set()).add((int(side), same))
        for tag, (op, expected) in enumerate(batch, 1):
            arrivals = got.get(tag, set())
            want = {leaves_by(addr(op[2]["dst"]))} if expected[0] == PASS else set()
            if {side for side, _ in arrivals} != want:
                raise Differs("%s, but %s: %s" % (" ".join(x for x in expected if x),
                              "it arrived" if arrivals else "it did not arrive",
                              "%s; %s; denied %s" % (json.dumps(op), sorted(arrivals), denied)))
            loose = op[2].get("split") or FRAGMENT in op[2].get("ext", [])     # may be put together
            if not loose and any(same == "!" for _, same in arrivals):
                raise Differs("arrived altered: %s" % json.dumps(op))

    def in_time(self):
        now = time.monotonic()
        if any(until > self.world.now and now > end - TIGHT for until, end in self.ends):
            raise TooSlow


def last(batch):
    return ": " + json.dumps(batch[0][0]) if len(batch) == 1 else " (of %d packets)" % len(batch)


def drawn(seed, k):
    """Scenario k of a seed."""
    r = random.Random("%s:%d" % (seed, k))
    shape = r.choice([(2, 8), (4, 20), (6, 40), (6, 80), (10, 40)])
    return draw.Drawer(r, World()).scenario(*shape, lapses=r.random() < 0.15)


def read_back(seed, worker):
    """Policies without packets: compiled, written, dumped, equal."""
    return draw.Drawer(random.Random("%s:policies:%d" % (seed, worker)), World()).policies(READ_BACK)


# ---- shrinking --------------------------------------------------------------------------------------

def differs(product, ops, most=1):
    """What differs, or None; TooSlow after three tries."""
    for left in (2, 1, 0):
        try:
            Run(product, most).run(ops)
            return None
        except Differs as e:
            return e.what
        except TooSlow:
            if not left:
                raise
    return None


def difference(product, ops):
    """While shrinking: what makes no sense with operations missing differs in nothing."""
    try:
        return differs(product, ops)
    except (TooSlow, Unmodelled, KeyError, AttributeError):
        return None


def without(ops, bad):
    """Fewer operations that still differ."""
    size = max(1, len(ops) // 2)
    while size:
        at = 0
        while at < len(ops):
            fewer = ops[:at] + ops[at + size:]
            if bad(fewer):
                ops = fewer
            else:
                at += size
        size //= 2
    return ops


def smaller_policies(op):
    p = op[1]
    for name in list(p["resources"]):
        yield ["policy", {"resources": {k: v for k, v in p["resources"].items() if k != name},
                          "roles": [[x for x in r if x != name] for r in p["roles"]],
                          "remediation": [x for x in p["remediation"] if x != name]}]
    for i, reach in enumerate(p["roles"]):
        for name in reach:
            roles = [list(r) for r in p["roles"]]
            roles[i].remove(name)
            yield ["policy", p | {"roles": roles}]
    for name in p["remediation"]:
        yield ["policy", p | {"remediation": [x for x in p["remediation"] if x != name]}]
    for name, entries in p["resources"].items():
        for fewer in smaller_entries(entries):
            yield ["policy", p | {"resources": p["resources"] | {name: fewer}}]


def smaller_entries(entries):
    for e, entry in enumerate(entries):
        if len(entries) > 1:
            yield entries[:e] + entries[e + 1:]
        for part in (0, 1):
            for i in range(len(entry[part]) if len(entry[part]) > 1 else 0):
                new = list(entry)
                new[part] = entry[part][:i] + entry[part][i + 1:]
                yield entries[:e] + [new] + entries[e + 1:]


def with_smaller_policies(ops, bad):
    again = True
    while again:
        again = False
        for i, op in enumerate(ops):
            for smaller in smaller_policies(op) if op[0] == "policy" else ():
                fewer = ops[:i] + [smaller] + ops[i + 1:]
                if bad(fewer):
                    ops, again = fewer, True
                    break
    return ops


def shrink(product, ops, seconds=60):
    end = time.monotonic() + seconds

    def bad(candidate):
        return time.monotonic() < end and difference(product, candidate) is not None

    if not bad(ops):
        return ops
    return without(with_smaller_policies(without(ops, bad), bad), bad)


def keep(name, what, ops):
    path = os.path.join(CASES, name + ".json")
    os.makedirs(CASES, exist_ok=True)
    with open(path, "w") as f:
        f.write('{"what": %s,\n "ops": [\n  ' % json.dumps(what))
        f.write(",\n  ".join(json.dumps(op) for op in ops) + "\n]}\n")
    return path


# ---- many -------------------------------------------------------------------------------------------

def work(worker, workers, seed, share, out):
    """Scenarios worker, worker + workers, ... until `share` verdicts have been compared."""
    tally, k, slow = Counter(), worker, 0
    try:
        product = Product(worker)
        ops = read_back(seed, worker)
        Run(product, 1).run(ops)
        while sum(tally.values()) < share:
            ops = drawn(seed, k)
            try:
                tally += Run(product, 1 if k % 8 == 0 else TOGETHER).run(ops)
            except TooSlow:
                slow += 1
            k += workers
        product.close()
        out.put(("done", tally, (k - worker) // workers, slow))
    except Differs as e:
        out.put(("failed", *report(product, seed, k, ops, e)))
    except NoLab as e:
        out.put(("nolab", str(e), ""))
    except Exception as e:      # a worker that dies is a failure, not silence
        out.put(("failed", "seed %s scenario %d: %r" % (seed, k, e), "nothing"))


def report(product, seed, k, ops, e):
    """(what, where it was kept); shrunk."""
    print("# model: scenario %d differs: %s; shrinking" % (k, e.what), flush=True)
    small = shrink(product, ops)
    what = difference(product, small) or e.what
    return "seed %s scenario %d: %s" % (seed, k, what), keep("seed-%s-%d" % (seed, k), what, small)


def many(n, seed, workers):
    """(lines for the tests' tally, whether all is well)"""
    out, began = multiprocessing.Queue(), time.monotonic()
    crew = [multiprocessing.Process(target=work, args=(w, workers, seed, -(-n // workers), out))
            for w in range(workers)]
    for c in crew:
        c.start()
    answers = [out.get() for _ in range(workers)]
    for c in crew:
        c.join()
    if any(a[0] == "nolab" for a in answers):
        return ["skip - model: no network namespaces here: %s" % answers[0][1]], True
    bad = ["not ok - model: %s (kept as %s)" % a[1:] for a in answers if a[0] == "failed"]
    done = [a for a in answers if a[0] == "done"]
    tally, seconds = sum((a[1] for a in done), Counter()), time.monotonic() - began
    total, scenarios, slow = sum(tally.values()), sum(a[2] for a in done), sum(a[3] for a in done)
    lines = bad or ["ok - model: %d verdicts in %d scenarios equal the model's, seed %s" % (total, scenarios, seed)]
    if not bad:
        lines.append("ok - model: %d policies read back from the kernel as they were compiled" % (READ_BACK * workers))
    lines.append("# %.0f s, %.0f verdicts a second; %s; %d scenarios given up for slowness"
                 % (seconds, total / seconds, ", ".join("%s %d" % x for x in tally.most_common()), slow))
    return lines, not bad


def replay(paths):
    """The kept cases."""
    lines, product = [], Product(0)
    for path in paths:
        name = os.path.basename(path).removesuffix(".json")
        with open(path) as f:
            case = json.load(f)
        try:
            what = differs(product, case["ops"])
            lines.append("not ok - model case %s: %s" % (name, what) if what else "ok - model case %s" % name)
        except TooSlow:
            lines.append("skip - model case %s: the machine was too slow for its short lease" % name)
    product.close()
    return lines, not any(line.startswith("not") for line in lines)


def main():
    """check.py N [SEED], or check.py replay FILE..."""
    if sys.argv[1] == "replay":
        lines, well = replay(sys.argv[2:])
        print("\n".join(lines))
        return 0 if well else 1
    n, seed = int(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else str(int(time.time()))
    print("# model: seed %s" % seed, flush=True)
    workers = int(os.environ.get("WORKERS", 8))    # they wait for the kernel half the time
    lines, well = many(n, seed, workers)
    print("\n".join(lines), flush=True)
    kept = sorted(glob(os.path.join(CASES, "*.json"))) if not lines[0].startswith("skip") else []
    if kept and well:
        lines, well = replay(kept)
        print("\n".join(lines))
    return 0 if well else 1


if __name__ == "__main__":
    sys.exit(main())
