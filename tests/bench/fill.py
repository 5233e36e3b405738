#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Multiplies the one enrolled device of a stopped gateway's database, lease and evidence included.

    fill.py DATABASE COUNT     makes users and devices until there are COUNT devices

Enrolling 10,000 machines one by one would measure the lab, not the start of the daemon.
"""
import os
import sqlite3
import sys


def columns(db, table):
    return [row[1] for row in db.execute(f"PRAGMA table_info({table})")]


def copy_row(db, table, key, old, changes):
    """Inserts row `old` (by column `key`) of a table once more, with some columns changed."""
    names = columns(db, table)
    values = ", ".join("?" if n in changes else n for n in names)
    db.execute(f"INSERT INTO {table} SELECT {values} FROM {table} WHERE {key} = ?",
               [changes[n] for n in names if n in changes] + [old])


def main():
    path, count = sys.argv[1], int(sys.argv[2])
    db = sqlite3.connect(path)
    device, user = db.execute("SELECT idx, user FROM devices").fetchone()
    next_user = db.execute("SELECT max(id) FROM users").fetchone()[0] + 1
    for n in range(1, count):
        person, index = next_user + n - 1, device + n
        copy_row(db, "users", "id", user, {"id": person, "name": f"person-{n}"})
        copy_row(db, "devices", "idx", device,
                 {"idx": index, "user": person, "name": f"laptop-{n}", "key": os.urandom(32)})
        copy_row(db, "leases", "device", device, {"device": index})
        copy_row(db, "evidence", "device", device, {"device": index, "jti": f"filled-in-by-bench-{n}"})
    db.commit()
    db.close()


main()
