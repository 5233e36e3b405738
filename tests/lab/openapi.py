#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real answers of a running gateway beside admin/openapi.json.

openapi.py DOCUMENT call SOCKET < CALLS      makes each call, and checks its answer
openapi.py DOCUMENT given < ANSWERS          checks answers that somebody else got

A call is a line `METHOD PATH STATUS [BODY]`; STATUS is what must come. An answer is `METHOD PATH STATUS JSON`.
Each line of output is a line of a lab test; the operations that were answered well are appended to the
file $OPENAPI_SEEN, which `openapi.py DOCUMENT seen` compares with all that there are."""
import http.client, json, os, re, socket, sys
from jsonschema import Draft202012Validator, RefResolver
from urllib.parse import urlsplit, parse_qsl

doc = json.load(open(sys.argv[1]))
failed = 0


def say(good, what, why=""):
    global failed
    failed += not good
    print(("ok - " if good else "not ok - ") + what)
    for line in str(why).splitlines()[:12] if not good else []:
        print("#   " + line)


def resolved(v):
    while "$ref" in v:
        at = doc
        for part in v["$ref"][2:].split("/"):
            at = at[part]
        v = at
    return v


def operation(method, path):
    """The operation for a path, and the template that it fits."""
    fits = []
    for template, item in doc["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and method.lower() in item:
            fits.append((template.count("{"), template, item[method.lower()]))
    return min(fits, key=lambda f: f[0])[1:] if fits else (None, None)


def errors_of(schema, value):
    check = Draft202012Validator(schema, resolver=RefResolver("", doc))
    return [f"{'/'.join(map(str, e.absolute_path))}: {e.message[:300]}" for e in check.iter_errors(value)]


def check_query(op, query):
    known = {resolved(p)["name"] for p in op.get("parameters", []) if resolved(p)["in"] == "query"}
    return [f"{name}= is not in the document" for name, _ in parse_qsl(query) if name not in known]


def check_request(op, body, kind):
    """What the daemon took must be what the document says that it takes."""
    content = op.get("requestBody", {}).get("content", {})
    if not body or not content:
        return [] if content or not body or body == "{}" else ["the document has no body here"]
    if kind not in content:
        return [f"a body of {kind} is not in the document"]
    return errors_of(content[kind]["schema"], json.loads(body)) if kind == "application/json" else []


def check_answer(op, status, type_, text):
    answers = op["responses"]
    answer = resolved(answers[str(status)] if str(status) in answers else answers["default"])
    if status < 300 and str(status) not in answers:
        return [f"{status} is not in the document"]
    if type_ not in answer["content"]:
        return [f"an answer of {type_} is not in the document"]
    if type_ != "application/json":
        return []
    return errors_of(answer["content"][type_]["schema"], json.loads(text))


def judge(method, target, status, want, type_, text, body="", kind=""):
    url = urlsplit(target)
    template, op = operation(method, url.path)
    what = f"{method} {target[:70]}: {status}"
    if op is None:
        return say(False, what, "no such operation in the document")
    wrong = [] if want in ("", str(status)) else [f"{want} was to come: {text[:300]}"]
    wrong += check_answer(op, status, type_, text)
    if status < 300:
        wrong += check_query(op, url.query) + check_request(op, body, kind)
    say(not wrong, what, "\n".join(wrong))
    if status < 300:
        with open(os.environ["OPENAPI_SEEN"], "a") as f:
            f.write(f"{method} {template}\n")
    return None


class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("gateway")
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(60)
        self.sock.connect(self.path)


def call(path, method, target, body, kind):
    c = Unix(path)
    c.request(method, target, body.encode() if body else None,
              {"Portcullis-Actor": "lab", **({"Content-Type": kind} if body else {})})
    r = c.getresponse()
    return r.status, r.getheader("Content-Type"), r.read()


def calls(path):
    for line in sys.stdin:
        if not line.strip() or line.startswith("#"):
            continue
        method, target, want, *rest = line.rstrip("\n").split(" ", 3)
        body = rest[0] if rest else ""
        kind = "application/json"
        if body.startswith("@"):
            body, kind = open(body[1:]).read(), "text/plain"
        status, type_, raw = call(path, method, target, body, kind)
        text = raw.decode() if type_ == "application/json" else ""
        judge(method, target, status, want, type_, text, body, kind)


def given():
    for line in sys.stdin:
        method, target, status, text = line.rstrip("\n").split(" ", 3)
        judge(method, target, int(status), status, "application/json", text)


def seen():
    done = set(open(os.environ["OPENAPI_SEEN"]).read().splitlines())
    for path, item in doc["paths"].items():
        for method in item:
            one = f"{method.upper()} {path}"
            if one not in done:
                say(False, f"{one} was answered", "no call of the test had success")
    say(not failed, f"all {sum(map(len, doc['paths'].values()))} operations were answered")


errors = Draft202012Validator.check_schema
for name, schema in doc["components"]["schemas"].items():
    errors(schema)
{"call": lambda: calls(sys.argv[3]), "given": given, "seen": seen}[sys.argv[2]]()
sys.exit(failed > 0)
