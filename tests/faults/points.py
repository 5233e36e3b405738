#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One management operation, failed at every point. Started by tests/faults/one, which has made the lab.

points.py OPERATION all|smoke SEED [ROLE:FAULT [N]]      (ROLE:FAULT without N may be a pattern: engine:*)

For each fault (see faultat.c) and N = 1, 2, 3 ... until the operation completes without reaching it:
the state of before is put back and the daemon started; the operation is done with the fault; then

  the state is that of before or of after, and that of after when the operation was acknowledged,
      the audit log's acts included: once as the engine has it, once more after kill -9 of all
  the kernel equals the state: drift empty, leases, live grants and WireGuard peers one by one
  the audit log verifies
  nothing that is denied has passed: counted by the office's and the staff's own kernels, all the time

What is put together here is read from the control socket and from `nft` and `wg`.
"""
import fnmatch, http.client, json, os, random, shutil, signal, socket, subprocess, sys, time

LAB = os.environ["LAB_DIR"]
BUILD = os.environ["LAB_BUILD"]
STATE = f"{LAB}/gw/state"
SAVED = f"{LAB}/gw/saved"
FAULTAT = f"{BUILD}/faults/faultat"
DAEMON = os.path.realpath(f"{BUILD}/portcullisd")

ENGINE_FAULTS = ["kill", "write-eio", "write-enospc", "write-enospc+", "write-short", "sync-eio",
                 "read-eio", "read-short", "open-emfile"]
PARENT_FAULTS = ["kill", "nlsend-enobufs", "nlsend-eintr", "nlsend-emsgsize", "nlrecv-enobufs",
                 "nlrecv-lost", "nlrecv-eintr"]
FAULTS = [("engine", f) for f in ENGINE_FAULTS] + [("parent", f) for f in PARENT_FAULTS]
SLOW = int(os.environ.get("LAB_SLOW", "1"))
SETTLE_S = 3 * SLOW # within this a fault of netlink must be mended (1 s is asked of an idle machine)
START_S = 15 * SLOW
AFTER_S = 1.3       # what is done each second (the audit log's fsync, a watch) belongs to the operation
FAILURES_MAX = 8    # of one fault; then the rest of its points is left out
SMOKE_MAX = {"kill": 16, "sync-eio": 3, "read-eio": 1, "read-short": 1, "open-emfile": 1}


def init_pid(host):
    with open(f"{LAB}/hosts/{host}/init") as f:
        return int(f.read().split()[0])


def entering(host):
    return ["nsenter", "--target", str(init_pid(host)), "--mount", "--uts", "--ipc", "--net", "--pid", "--"]


def on(host, *words, **more):
    """The words as a command on a host of the lab."""
    return subprocess.run(entering(host) + list(words), capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, **more)


# ---- the daemon ---------------------------------------------------------------------------------

def processes(exe, word=""):
    """Processes of the gateway (its pid namespace and no other) that run a program."""
    space = os.readlink(f"/proc/{init_pid('gw')}/ns/pid")
    found = []
    for name in os.listdir("/proc"):
        try:
            if name.isdigit() and os.readlink(f"/proc/{name}/ns/pid") == space \
                    and os.readlink(f"/proc/{name}/exe") == exe:
                with open(f"/proc/{name}/cmdline") as f:
                    if word in f.read().replace("\0", " "):
                        found.append(int(name))
        except OSError:
            pass
    return found


def role_pid(role):
    for p in processes(DAEMON):
        try:
            with open(f"/proc/{p}/cmdline") as f:
                words = f.read().split("\0")
        except OSError:
            continue
        if ("--role" not in words) if role == "parent" else (f"{role}" in words):
            return p
    return None


def kill_all():
    """kill -9 of every process of the daemon at once, the keeper too."""
    dying = set()
    for _ in range(1000):
        pids = processes(DAEMON)
        for p in pids:
            try:
                os.kill(p, signal.SIGKILL)
                dying.add(p)
            except ProcessLookupError:
                pass
        dying = {p for p in dying if not is_dead(p)}
        if not pids and not dying:
            return
        time.sleep(0.005)
    raise RuntimeError("the daemon does not die")


def is_dead(pid):
    """Gone, or a zombie: one that is dying has no program any more and its files still open."""
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def start(wrapper=()):
    conf = f"{LAB}/gw"
    log = open(f"{LAB}/log/faults.daemon", "a")
    words = [DAEMON, "--config", f"{conf}/gateway.conf", "--policy", f"{conf}/policy.conf", "--state", STATE,
             "--control", "/run/portcullis/control.sock", "--foreground"]
    return subprocess.Popen(entering("gw") + list(wrapper) + words, stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE if wrapper else log, stderr=log, text=True)


class Socket(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(f"/proc/{init_pid('gw')}/root/run/portcullis/control.sock")


def ask(method, path, body=None, timeout=6):
    """(status, answer); (0, why) when there was no answer."""
    c = Socket("gateway", timeout=timeout)
    try:
        c.request(method, path, body, {"Portcullis-Actor": "faults"})
        r = c.getresponse()
        return r.status, json.loads(r.read() or b"{}")
    except (OSError, http.client.HTTPException, ValueError) as e:
        return 0, repr(e)
    finally:
        c.close()


def wait_answer(running=False):
    """Whether it answers in time. `running`: it was started before; when all is gone, it never will."""
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if ask("GET", "/v1/status", timeout=2)[0] == 200:
            return True
        if running and role_pid("parent") is None:
            return False
        time.sleep(0.02)
    return False


def start_clean():
    start()
    if not wait_answer():
        raise RuntimeError("the daemon does not start without a fault")


# ---- the state ----------------------------------------------------------------------------------

def save():
    kill_all()
    shutil.rmtree(SAVED, ignore_errors=True)
    subprocess.run(["cp", "-a", STATE, SAVED], check=True)


def put_back():
    kill_all()
    shutil.rmtree(STATE)
    subprocess.run(["cp", "-a", SAVED, STATE], check=True)


TIMES = {"created", "signed_in", "until", "granted", "at", "time", "applied_at", "rx", "tx", "endpoint",
         "last_handshake", "class", "grace_until", "sentence", "made", "ended", "since"}
OTHER_ACTS = {"engine.start", "receipt", "policy.start", "posture.refuse", "respond.alarm"}


def without_times(x):
    if isinstance(x, dict):
        return {k: without_times(v) for k, v in x.items() if k not in TIMES}
    return [without_times(v) for v in x] if isinstance(x, list) else x


def get(path):
    status, body = ask("GET", path)
    if status != 200:
        raise RuntimeError(f"GET {path}: {status} {body}")
    return body


def state():
    """What the engine has: people, devices, keys, the policy, and the acts of the audit log."""
    acts, after = [], 0
    while True:
        items = get(f"/v1/audit?after={after}&limit=1000")["items"]
        acts += [(i["act"], i.get("object", "")) for i in items if i["act"] not in OTHER_ACTS]
        if len(items) < 1000:
            break
        after = items[-1]["seq"]
    policy = get("/v1/policy")
    return json.dumps([without_times([get(f"/v1/{what}")["items"] for what in ("users", "devices", "issuers", "invites", "admins")]),
                       policy["sha256"], sorted(acts)], sort_keys=True)


# ---- the kernel ---------------------------------------------------------------------------------

def elements(kind, name):
    out = on("gw", "nft", "-j", "list", kind, "inet", "portcullis", name).stdout
    try:
        for one in json.loads(out)["nftables"]:
            if kind in one:
                return one[kind].get("elem", [])
    except ValueError:
        pass
    return None


def lease_map(name):
    got = elements("map", name)
    return None if got is None else {e[0]["elem"]["val"]: e[1] for e in got}


def kernel_differs():
    """How the kernel differs from what the database says, in words; empty when it does not."""
    status, s = ask("GET", "/v1/status")
    if status != 200:
        return f"no status: {s}"
    if s["kernel"]["drift"] or s["kernel"]["table"] != "ours":
        return f"drift: {s['kernel']}"
    devices = get("/v1/devices")["items"]
    leased = [d for d in devices if d["state"] == "in"]
    enrolled = {d["wireguard_key"] for d in devices if d["state"] in ("in", "quarantine")}
    four, six, live = lease_map("lease4"), lease_map("lease6"), elements("set", "live")
    if four is None or six is None or live is None:
        return "the tables are not there"
    if set(four) != {d["address4"] for d in leased} or set(six) != {d["address6"] for d in leased}:
        return f"leases: kernel {sorted(four)} {sorted(six)}, state {[d['name'] for d in leased]}"
    if {e["elem"]["val"] for e in live} != set(four.values()) or four.values() and \
            set(four.values()) != set(six.values()):
        return f"grants: {four} {six} live {live}"
    peers = {line.split()[0] for line in on("gw", "wg", "show", "wg0", "allowed-ips").stdout.splitlines()}
    return "" if peers == enrolled else f"peers: kernel {peers}, state {enrolled}"


def until_kernel_equals():
    end = time.monotonic() + SETTLE_S
    while True:
        try:
            why = kernel_differs()
        except RuntimeError as e:
            why = str(e)
        if not why or time.monotonic() > end:
            return why
        time.sleep(0.05)


def counted(host, name):
    """Packets of a counter which a receiver keeps for itself."""
    out = on(host, "nft", "-j", "list", "counters", "table", "inet", "faults").stdout
    return sum(o["counter"]["packets"] for o in json.loads(out)["nftables"]
               if "counter" in o and o["counter"]["name"] == name)


def passed():
    return {"office": counted("office", "denied"), "staff": counted("laptop", "denied")}


# ---- the operations -----------------------------------------------------------------------------

def post(path, body):
    status, answer = ask("POST", path, body if isinstance(body, str) else json.dumps(body))
    return status, answer


def keys(host):
    with open(f"{LAB}/hosts/{host}/keys") as f:
        k = json.load(f)
    return {n: k[n] for n in ("wireguard_key", "ueid", "issuer")}


def user_add():
    return post("/v1/users", {"name": "newcomer", "full_name": "New Comer", "roles": ["clerk", "guest"]})


def admin_add():
    return ask("PUT", "/v1/admins/laptop", json.dumps({"role": "operator"}))


def device_add():
    return post("/v1/devices", {"name": "second", "user": "laptop", "own": "corp", **keys("spare")})


def enrol():
    d = f"{LAB}/hosts/spare"
    r = on("spare", "curl", "-sk", "--max-time", "6", "-H", "Content-Type: application/json", "-d", f"@{d}/question",
           "-w", "\\n%{http_code}", "https://access.lab.example:8443/v1/enrol")
    answer, _, status = r.stdout.rpartition("\n")
    return int(status or 0), answer


def token():
    d = f"{LAB}/hosts/curious"
    r = on("curious", "timeout", "4", "portcullis-agent", "post", "--gateway", "10.77.0.1", "--device", "curious",
           "--dir", f"{d}/agent", "--facts", f"{d}/facts")
    return (200 if r.returncode == 0 else 500), r.stdout + r.stderr


def revoke():
    return post("/v1/users/leaver/revoke", {"reason": "left"})


def policy_apply():
    with open(f"{LAB}/gw/next.conf") as f:
        return post("/v1/policy/apply", f.read())


def leaver_speaks():
    """The tunnel of the leaver anew (its peer is new, too), until a packet has come to the office."""
    with open(f"{LAB}/hosts/leaver/enrolled") as f:
        gateway = json.load(f)["gateway_key"]
    routes = "10.20.0.0/16,10.77.0.0/16,fd20::/64,fd77:acc::/64"
    on("leaver", "wg", "set", "wg0", "peer", gateway, "remove")
    on("leaver", "wg", "set", "wg0", "peer", gateway, "endpoint", "203.0.113.1:51820", "allowed-ips", routes)
    before, end = counted("office", "leaver"), time.monotonic() + 8
    while counted("office", "leaver") == before:
        if time.monotonic() > end:
            raise RuntimeError("the leaver's permitted flow does not pass before the operation")
        time.sleep(0.02)


OPERATIONS = {"user-add": user_add, "admin-add": admin_add, "device-add": device_add, "enrol": enrol,
              "token": token, "revoke": revoke, "policy-apply": policy_apply, "start": None}


class Fault:
    """faultat on a process, from with to end; or around the daemon's start."""

    def __init__(self, name, n, pid):
        plus = name.endswith("+")
        words = [FAULTAT, name.rstrip("+"), f"{n}{'+' if plus else ''}", str(pid)]
        self.process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL)
        if self.process.stdout.readline() != "ready\n":
            raise RuntimeError("faultat does not attach")

    def end(self, wait):
        """faultat ends by itself when the fault was reached once and was to be once."""
        end = time.monotonic() + wait
        while self.process.poll() is None and time.monotonic() < end:
            time.sleep(0.01)
        self.process.terminate()
        said = self.process.stdout.read().strip()
        self.process.wait(timeout=10)
        return said


class Point:
    def __init__(self, operation, where, fault, n):
        self.op, self.where, self.fault, self.n = operation, where, fault, n
        self.wrong = []
        self.cut_unwritten = False

    def bad(self, what):
        self.wrong.append(what)

    def run(self, before, after):
        """True when the fault was reached. The wrong things are in self.wrong."""
        denied = passed()
        put_back()
        if self.op == "start":
            reached = self.faulty_start()
            status = 0
        else:
            start_clean()
            status, reached = self.faulty_operation()
        if self.cut_unwritten and OPERATIONS[self.op]()[0] != 200:
            self.bad("with room again the revocation that was told unwritten cannot be repeated")
        cut = counted("office", "leaver")
        if not wait_answer(running=True) and not self.started_again():
            return True
        self.look(before, after, status, "")
        if self.op == "revoke" and (status == 200 or self.cut_unwritten) and counted("office", "leaver") > cut:
            self.bad("the leaver's packets passed after the receipt")
        first = self.now
        kill_all()
        start_clean()
        self.look([first] if first else before, [first] if first else after, status, " after a restart")
        if passed() != denied:
            self.bad(f"denied packets passed: {denied} became {passed()}")
        return reached

    def faulty_operation(self):
        if self.op == "revoke":
            leaver_speaks()
        engine = role_pid("engine")
        f = Fault(self.fault, self.n, role_pid(self.where))
        status, answer = OPERATIONS[self.op]()
        if self.op == "revoke" and self.fault.startswith("write-enospc"):
            self.revocation_on_full_disk(status, answer)
        said = f.end(AFTER_S)
        reached = said.startswith("reached")
        if not reached and status not in (200, 201):
            self.bad(f"without a fault it answers {status} {answer}")
        if reached and self.fault == "sync-eio":
            time.sleep(0.05)
            if role_pid("engine") == engine:
                self.bad("a failed fsync did not end the engine")
        self.said = said
        return status, reached

    def revocation_on_full_disk(self, status, answer):
        with open(f"{LAB}/hosts/leaver/enrolled") as f:
            address = json.load(f)["address4"]
        self.cut_unwritten = status == 503
        told = status == 200 or (self.cut_unwritten and "is cut" in json.dumps(answer))
        if not told or (status != 200 and self.fault == "write-enospc"):
            self.bad(f"a full disk: the revocation answers {status} {answer}")
        if address in (lease_map("lease4") or {}):
            self.bad("a full disk: revoked, and the lease is in the kernel")

    def faulty_start(self):
        plus = self.fault.endswith("+")
        p = start([FAULTAT, self.fault.rstrip("+"), f"{self.n}{'+' if plus else ''}", self.where])
        end = time.monotonic() + (2 if plus else START_S)
        while time.monotonic() < end and p.poll() is None and ask("GET", "/v1/status", timeout=1)[0] != 200:
            time.sleep(0.02)
        for pid in processes(os.path.realpath(FAULTAT)):
            os.kill(pid, signal.SIGTERM)
        try:
            self.said = p.communicate(timeout=5)[0]
        except subprocess.TimeoutExpired:
            self.bad("the first process does not let go")
            self.said = "reached"
        return "reached" in self.said

    def started_again(self):
        """What ended the parent ended all: then the supervisor starts it again."""
        if self.op != "start" and not (self.where == "parent" and self.fault == "kill"):
            self.bad("no answer any more")
        kill_all()
        start()
        if wait_answer():
            return True
        self.bad("the daemon does not start again")
        return False

    def look(self, before, after, status, when):
        self.now = None
        why = until_kernel_equals()
        if why:
            self.bad(f"the kernel{when}: {why}")
        try:
            self.now = until_known(before + after)
            verified = until_verified()
        except RuntimeError as e:
            self.bad(f"the state{when}: {e}")
            return
        if self.now not in before + after:
            what = differences(self.now, before + after)
            self.bad(f"the state{when} is neither that of before nor of after: {what}")
        elif status in (200, 201) and self.now not in after:
            self.bad(f"acknowledged, and not there{when}")
        if not is_whole(verified):
            self.bad(f"the audit log{when}: {verified}")


def until_known(known):
    """The state; what waits for the audit log's file (the database has it) is written in a second."""
    end = time.monotonic() + SETTLE_S
    while True:
        now = state()
        if now in known or time.monotonic() > end:
            return now
        time.sleep(0.1)


def is_whole(verified):
    return isinstance(verified, dict) and verified.get("ok")


def until_verified():
    """What audit verify says; a record whose write failed is written in a second."""
    end = time.monotonic() + SETTLE_S
    while True:
        said = ask("POST", "/v1/audit/verify", "")[1]
        if is_whole(said) or time.monotonic() > end:
            return said
        time.sleep(0.1)


def beyond(x, y):
    """What x has more of than y, as often as it has."""
    rest = list(y)
    return [i for i in x if i not in rest or rest.remove(i)]


def differences(now, known):
    """In words, from the one that is nearest."""
    return min((differences_of(json.loads(now), json.loads(k)) for k in known), key=len)


def differences_of(a, b):
    out = []

    def walk(x, y, path):
        if type(x) is type(y) and isinstance(x, dict):
            for k in sorted(set(x) | set(y)):
                walk(x.get(k), y.get(k), f"{path}.{k}")
        elif type(x) is type(y) and isinstance(x, list) and len(x) == len(y):
            for i, (p, q) in enumerate(zip(x, y)):
                walk(p, q, f"{path}[{i}]")
        elif isinstance(x, list) and isinstance(y, list):
            out.append(f"{path}: more {beyond(x, y)}, less {beyond(y, x)}")
        elif x != y:
            out.append(f"{path}: {json.dumps(x)[:200]} / {json.dumps(y)[:200]}")
    walk(a, b, "")
    return "; ".join(out[:6])


# ---- all points ---------------------------------------------------------------------------------

class Run:
    def __init__(self, operation, smoke, seed):
        self.op, self.smoke = operation, smoke
        self.rng = random.Random(f"{seed} {operation}")
        self.points = 0
        self.saved_at = 0

    def refresh(self):
        """Leases end after ten minutes: new ones, and what before and after look like with them."""
        if self.saved_at and time.monotonic() - self.saved_at < 240:
            return
        if self.saved_at:
            put_back()
            start_clean()
        else:
            kill_all()
            start_clean()
        for host in ("laptop", "leaver", "sick"):
            d = f"{LAB}/hosts/{host}"
            for _ in range(10):
                r = on(host, "timeout", "8", "portcullis-agent", "post", "--gateway", "10.77.0.1", "--device", host,
                       "--dir", f"{d}/agent", "--facts", f"{d}/facts")
                if r.returncode == 0 or (host == "sick" and "encrypt" in (r.stdout + r.stderr).lower()):
                    break
                time.sleep(0.5)
            else:
                raise RuntimeError(f"{host} gets no lease: {r.stdout} {r.stderr}")
        time.sleep(1.2)
        save()
        start_clean()
        self.before = [state()]
        self.after = self.before
        if OPERATIONS[self.op]:
            status, answer = OPERATIONS[self.op]()
            if status not in (200, 201):
                raise RuntimeError(f"the operation fails without a fault: {status} {answer}")
            self.after = [state()]
            if self.after == self.before:
                raise RuntimeError("before and after look alike")
        self.saved_at = time.monotonic()

    def point(self, where, fault, n):
        self.refresh()
        p = Point(self.op, where, fault, n)
        try:
            reached = p.run(self.before, self.after)
        except (RuntimeError, OSError, subprocess.SubprocessError) as e:
            p.bad(f"{type(e).__name__}: {e}")
            reached = True
        self.points += 1
        said = getattr(p, "said", "").replace("\n", " ")
        for w in p.wrong:
            print(f"# {self.op}, {where}, {fault} at {n} ({said}): {w}", flush=True)
        return reached, not p.wrong

    def every(self, where, fault):
        n, reached, failed = int(os.environ.get("FIRST", "1")) - 1, True, []
        while reached and len(failed) < FAILURES_MAX:
            n += 1
            reached, good = self.point(where, fault, n)
            if not good:
                failed.append(n)
        return failed

    def some(self, where, fault):
        """One point, drawn by the seed, where the shortest operations have one."""
        n = self.rng.randint(1, SMOKE_MAX.get(fault, 3 if where == "parent" else 8))
        return [] if self.point(where, fault, n)[1] else [n]

    def fault(self, where, fault):
        before = self.points
        if self.smoke:
            failed = self.some(where, fault)
        else:
            failed = self.every(where, fault)
        what = f"{self.op}: {fault} in the {where}, {self.points - before} points"
        if failed:
            print(f"not ok - {what}: N = {' '.join(map(str, failed))}", flush=True)
        else:
            print(f"ok - {what}", flush=True)


def main():
    operation, mode, seed = sys.argv[1:4]
    run = Run(operation, mode == "smoke", seed)
    if len(sys.argv) > 5:
        where, fault = sys.argv[4].split(":")
        good = run.point(where, fault, int(sys.argv[5]))[1]
        print(f"{'ok' if good else 'not ok'} - {operation}: {fault} in the {where} at {sys.argv[5]}", flush=True)
        return 0
    wanted = sys.argv[4] if len(sys.argv) > 4 else "*"
    chosen = [f for f in FAULTS if fnmatch.fnmatch(":".join(f), wanted)]
    if not chosen:
        sys.exit(f"no fault is called {wanted}")
    for where, fault in chosen:
        run.fault(where, fault)
    kill_all()
    print(f"# {operation} {wanted}: {run.points} points", flush=True)
    return 0


sys.exit(main())
