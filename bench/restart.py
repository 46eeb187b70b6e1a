#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""P8: how long a coordinator with a large matrix takes from its start until it serves.

A simulated fleet's reports make the matrix, through the real core and store (bench-restart). Then, round by
round:

ours    a new coordinator on that database: from its start until `muster status` has been answered, once
        after it was stopped in good order and once after SIGKILL
limit   the same tables read by bare SQLite, every column of every row, from the same file
packs   what is packed of the nodes read by bare SQLite: what a start reads of them

All nodes are down meanwhile: what is measured is the start, not what nodes say then. Medians are printed."""
import argparse
import json
import os
import signal
import sqlite3
import statistics
import subprocess
import sys
import time

from processes import end_on_signals

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tests/integration")]
TARGET_S, PORTS = 1.0, 10  # a host's edges beside storage: 2 bonds, 8 VLANs
TABLES = ("node", "key", "resource", "sighting", "edge", "section", "nic", "bond", "vlan", "hba", "lun", "path", "filesystem")


def options():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument("--build", default="build", help="folder with the programs (default: build)")
    p.add_argument("--nodes", type=int, default=8000, help="(default: 8000)")
    p.add_argument("--edges", type=int, default=2000000, help="about (default: 2000000)")
    p.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    p.add_argument("--json", metavar="FILE", help="figures for a program")
    o = p.parse_args()
    o.filesystems = (o.edges // max(o.nodes, 1) - PORTS) // 2
    if o.rounds < 1 or not 1 <= o.nodes <= 10000 or not 1 <= o.filesystems <= 256:
        p.error("--nodes from 1 to 10000, and so many --edges that a node has from 12 to 522; --rounds at "
                "least 1")
    return o


def fill(lab, o):
    """Edges that there are then."""
    subprocess.run([os.path.join(o.build, "bench", "bench-restart"), "-d", lab.state, "-n", str(o.nodes), "-f",
                    str(o.filesystems), "fill"], check=True, timeout=1800)
    return o.nodes * (2 * o.filesystems + PORTS)


def edges_of(status):
    return sum(v for k, v in status.items() if k.startswith("edges_"))


def start(lab):
    """Seconds from the start until it serves."""
    began = time.monotonic()
    lab.start_coordinator()
    r = lab.muster_raw("status", timeout="120s")
    took = time.monotonic() - began
    if r.returncode != 0:
        raise AssertionError(f"it does not serve: {r.stderr}")
    return took


def packs(path):
    """Seconds."""
    began = time.monotonic()
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    for (body,) in db.execute("SELECT body FROM node_pack ORDER BY node_no"):
        assert body
    db.close()
    return time.monotonic() - began


def bare(path):
    """Seconds, and rows."""
    began, rows = time.monotonic(), 0
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    have = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    for table in TABLES:
        if table in have:
            columns = [c[1] for c in db.execute(f"PRAGMA table_info({table})")]
            touch = " + ".join(f"length(coalesce({c}, 0))" for c in columns)
            rows += db.execute(f"SELECT count(*), sum({touch}) FROM {table}").fetchone()[0]
    db.close()
    return time.monotonic() - began, rows


def memory_mb(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) / 1024 for line in f if line.startswith("VmRSS:"))


def main():
    o = options()
    end_on_signals()
    os.environ["MUSTER_BUILD"] = os.path.abspath(o.build)
    from harness import Lab
    took = {"stopped": [], "killed": [], "limit": [], "packs": []}
    with Lab() as lab:
        edges = fill(lab, o)
        lab.start_coordinator()
        if (seen := edges_of(lab.muster("status"))) != edges:
            raise AssertionError(f"it has {seen} edges, not {edges}")
        database = os.path.join(lab.state, "muster.db")
        for _ in range(o.rounds):
            for how, number in (("stopped", signal.SIGTERM), ("killed", signal.SIGKILL)):
                lab.end(lab.coordinator, number)
                seconds, rows = bare(database)
                took["limit"].append(seconds)
                took["packs"].append(packs(database))
                took[how].append(start(lab))
        memory = memory_mb(lab.coordinator.pid)
    median = {k: statistics.median(v) for k, v in took.items()}
    print(f"restart with {edges} edges of {o.nodes} nodes, {rows} rows read by the limit, "
          f"{o.rounds} rounds, {os.cpu_count()} processors\n")
    for k in ("limit", "packs", "stopped", "killed"):
        print(f"{k:>8} {median[k]:7.3f} s  {median[k] / median['limit']:6.2f} of the limit  "
              f"({min(took[k]):.3f} to {max(took[k]):.3f})")
    print(f"\nmemory   {memory:.0f} MiB, {memory * 1048576 / edges:.0f} bytes an edge")
    met = max(median["stopped"], median["killed"]) <= TARGET_S
    print(f"ours: target {'met' if met else 'missed'} (at most {TARGET_S:g} s)")
    if o.json is not None:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump({"benchmark": "restart", "edges": edges, "nodes": o.nodes, "seconds": median,
                       "memory_mib": memory}, f, indent=1)
    sys.exit(0 if met else 1)


main()
