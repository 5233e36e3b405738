#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs what README.md shows between its newcomer marks, and compares what comes with what is shown.

    run.py [--update] README.md gateway=PID laptop=PID office=PID

In the marked part, lines that are indented by four blanks and begin with `gateway$ `, `laptop$ ` or
`office$ ` are typed on that machine, whose first process is PID (a here-document goes on to its END); the
indented lines below are what it prints; `...` stands for any lines. What differs from run to run is
not compared: keys, times, addresses, links, codes, numbers of the kernel. Where a link or a code is
shown, the one that came is typed in its place from then on. --update writes what came into the file.
"""
import os
import re
import subprocess
import sys

BEGIN, END = "<!-- newcomer: begin -->", "<!-- newcomer: end -->"
PROMPT = re.compile(r"    (gateway|laptop|office)\$ (.*)")
MADE = re.compile(r"https://\S+/enrol#[A-Z0-9]+\.[A-Za-z0-9_-]+|https://\S+#set-up=\S+|\b\d{4} \d{4}\b")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SLOW = int(os.environ.get("LAB_SLOW", "1"))

# What is not compared, and what stands for it.
VARIES = [
    (MADE, "MADE"),
    (re.compile(r"[A-Za-z0-9+/]{43}=?"), "KEY"),
    (re.compile(r"\b[0-9a-f]{12,64}\b"), "HASH"),
    (re.compile(r"\bR\d{6}\b"), "RECEIPT"),
    (re.compile(r"\d+ (connection\(s\)|ended)"), "CONNECTIONS"),
    (re.compile(r"\d{4}-\d\d-\d\d"), "DATE"),
    (re.compile(r"(?<![\w:])\d\d:\d\d(:\d\d(\.\d+)?)?(?![\w:])( [A-Z]{3,4}\b)?"), "TIME"),
    (re.compile(r"\d+(\.\d+)? (ms|milliseconds|s|seconds?|minutes?|hours?)\b( \d+ \w+)?|\b\d+s\b"), "SPAN"),
    (re.compile(r"\b[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}(/\d+)?\b"), "ADDRESS"),
    (re.compile(r"\b\d+\.\d+\.\d+\.\d+(/\d+)?\b"), "ADDRESS"),
    (re.compile(r"\d+\.\d+\.\d+[-.\w]*"), "VERSION"),
    (re.compile(r" {2,}"), "  "),
]


class Step:
    def __init__(self, machine, command, first):
        self.machine, self.command, self.first = machine, command, first
        self.shown, self.end = [], first


def steps_of(lines):
    steps, inside, i = [], False, 0
    while i < len(lines):
        line = lines[i]
        inside = line == BEGIN or (inside and line != END)
        typed = PROMPT.match(line) if inside else None
        i += 1
        if not typed:
            continue
        step = Step(typed[1], typed[2], i)
        here = re.search(r"<<'(\w+)'", step.command)
        while here and i < len(lines):
            step.command += "\n" + lines[i][4:]
            i += 1
            if lines[i - 1][4:] == here[1]:
                break
        step.first = i
        while i < len(lines) and not PROMPT.match(lines[i]) and \
                (lines[i].startswith("    ") or lines[i] == ""):
            step.shown.append(lines[i][4:])
            i += 1
        while step.shown and step.shown[-1] == "":   # the end of the block, not of what is printed
            step.shown.pop()
        step.end = step.first + len(step.shown)
        steps.append(step)
    return steps


def same_for_all(line):
    for pattern, stands in VARIES:
        line = pattern.sub(stands, line)
    return line.rstrip()


def agrees(shown, came):
    """Lines against lines; `...` is any number of them."""
    if not shown:
        return not came
    if shown[0] == "...":
        return any(agrees(shown[1:], came[n:]) for n in range(len(came) + 1))
    return bool(came) and shown[0] == came[0] and agrees(shown[1:], came[1:])


def on(pid, command):
    where = ["nsenter", "--target", pid, "--mount", "--uts", "--ipc", "--net", "--pid", "--"]
    env = {k: v for k, v in os.environ.items() if k in ("BUILD", "LAB_SLOW", "CC", "SAN")}
    env.update(PATH=PATH, HOME="/root", LANG="C.UTF-8", TZ="UTC")
    typed = ["bash", "-c", 'cd "$0" && eval "$1"', os.getcwd(), command]
    r = subprocess.run(where + typed, stdin=subprocess.DEVNULL, text=True, env=env,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300 * SLOW)
    return r.returncode, r.stdout.rstrip().splitlines()


def learn(made, shown, came):
    for example, real in zip(MADE.findall("\n".join(shown)), MADE.findall("\n".join(came))):
        made[example] = real


def say(step, status, came):
    what = "%s: %s" % (step.machine, step.command.split("\n")[0])
    shown = [same_for_all(line) for line in step.shown]
    if status == 0 and agrees(shown, [same_for_all(line) for line in came]):
        print("ok - " + what, flush=True)
        return True
    print("not ok - %s\n#   status %d; it printed" % (what, status))
    for line in came[:60]:
        print("#     " + line)
    print("#   and the README shows")
    for line in step.shown:
        print("#     " + line, flush=True)
    return False


def updated(lines, steps, outputs, made):
    """The lines with what came in place of what is shown, and what is typed to fit."""
    for step, came in reversed(list(zip(steps, outputs))):
        if "..." not in step.shown:
            lines[step.first:step.end] = ["    " + line if line else "" for line in came]
    text = "\n".join(lines)
    for example, real in made.items():
        text = text.replace(example, real)
    return text


def main():
    args = [a for a in sys.argv[1:] if a != "--update"]
    pids = dict(a.split("=") for a in args[1:])
    with open(args[0], encoding="utf-8") as f:
        lines = f.read().split("\n")
    steps, made, outputs, good = steps_of(lines), {}, [], True
    if not steps:
        sys.exit("no newcomer's path in %s" % args[0])
    for step in steps:
        command = step.command
        for example, real in made.items():
            command = command.replace(example, real)
        status, came = on(pids[step.machine], command)
        learn(made, step.shown, came)
        outputs.append(came)
        good = say(step, status, came) and good
    if "--update" in sys.argv:
        with open(args[0], "w", encoding="utf-8") as f:
            f.write(updated(lines, steps, outputs, made))
    sys.exit(0 if good else 1)


main()
