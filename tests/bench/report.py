#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Medians of what the bench programs measured, as a table and as JSON lines.

    report.py NAME OUTPUT [--against LABEL=VALUE] < runs

Each line of the input is one run: {"bench", labels ..., "run", "value", "unit"}; other lines pass
through to standard error. For every set of labels: the median, the smallest and the largest of its
runs, the 99th of 100 where there are enough of them, and the ratio to the form named by --against, taken run by run and then the median of that:
what the machine did meanwhile, it did to both. OUTPUT gets a JSON line for each.
"""
import argparse
import json
import os
import statistics
import sys

PLAIN = ("bench", "run", "value", "unit")


def labels_of(line):
    return tuple((k, v) for k, v in line.items() if k not in PLAIN)


def read_runs(stream):
    """{labels: {run: value}}, {labels: unit}, in order of appearance."""
    runs, units = {}, {}
    for text in stream:
        if not text.startswith("{"):
            sys.stderr.write(text)
            continue
        line = json.loads(text)
        key = labels_of(line)
        runs.setdefault(key, {})[line["run"]] = line["value"]
        units[key] = line["unit"]
    return runs, units


def other_form(key, name, value):
    return tuple((k, value if k == name else v) for k, v in key)


def ratio(runs, key, against):
    """Median of the ratios of the runs that both have; None without them."""
    if not against:
        return None
    name, value = against.split("=", 1)
    if not any(k == name for k, _ in key):
        return None
    base = runs.get(other_form(key, name, value), {})
    both = [runs[key][r] / base[r] for r in runs[key] if base.get(r)]
    return statistics.median(both) if both else None


def summary(bench, runs, units, against):
    for key, values in runs.items():
        of = list(values.values())
        line = {"bench": bench, **dict(key), "unit": units[key], "runs": len(of),
                "median": statistics.median(of), "min": min(of), "max": max(of)}
        if len(of) >= 20:
            line["p99"] = sorted(of)[min(len(of) - 1, round(len(of) * 0.99))]
        r = ratio(runs, key, against)
        if r is not None:
            line["ratio"] = round(r, 3)
        yield line


def short(v):
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(v) >= size * 10:
            return f"{v / size:.0f}{letter}"
        if abs(v) >= size:
            return f"{v / size:.2f}{letter}"
    return f"{v:.0f}" if abs(v) >= 100 else f"{v:.3g}"


def table(lines):
    rows = []
    for line in lines:
        of = [str(v) for k, v in line.items()
              if k not in ("bench", "unit", "runs", "median", "min", "max", "p99", "ratio")]
        rows.append([" · ".join(of), short(line["median"]),
                     f"{short(line['min'])}..{short(line['max'])}",
                     short(line["p99"]) if "p99" in line else "", line["unit"],
                     str(line.get("ratio", ""))])
    head = ["what", "median", "spread", "p99", "unit", "ratio"]
    widths = [max(len(r[i]) for r in rows + [head]) for i in range(len(head))]
    for row in [head] + rows:
        print("  ".join(c.ljust(w) if i in (0, 4) else c.rjust(w)
                        for i, (c, w) in enumerate(zip(row, widths))).rstrip())


def main():
    p = argparse.ArgumentParser()
    p.add_argument("name")
    p.add_argument("output")
    p.add_argument("--against")
    a = p.parse_args()
    runs, units = read_runs(sys.stdin)
    if not runs:
        sys.exit(f"{a.name}: nothing was measured")
    lines = list(summary(a.name, runs, units, a.against))
    os.makedirs(os.path.dirname(a.output) or ".", exist_ok=True)
    with open(a.output, "w", encoding="utf-8") as f:
        for line in lines:
            f.write(json.dumps(line) + "\n")
    print(f"\n{a.name}" + (f" (ratio: to {a.against.split('=', 1)[1]})" if a.against else ""))
    table(lines)
    print(f"{os.cpu_count()} processors, load {' '.join(f'{v:.1f}' for v in os.getloadavg())}")


main()
