#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How costs grow with the fleet: each at 100, 300, 1,000, 3,000 and 10,000 simulated hosts.

A real coordinator and a fleet of the real agent (muster-fleet, CURVE on loopback, the usual shape: 40 hosts
see the same LUNs), on the same processors. For each size:

join_s          from the start of the fleet until every host is up and every edge is known
join_cpu_us     the coordinator's processor time for that, for each host
memory_kib      the coordinator's memory then, less that of an empty one, for each host
edge_bytes      the same for each edge
database_kib    database and write-ahead log, for each host
rest_percent    of one processor, while hosts only send heartbeats
beat_us         the coordinator's processor time for each heartbeat
status_ms       `muster status`, the program's start included
explain_ms      `muster explain` of a host and a resource
matrix_ms       `muster matrix`, all of it, as JSON
restart_s       from the start of the coordinator on that database until it has answered

Of each the exponent e of the fit cost ~ hosts^e is printed (least squares of the logarithms), and where the
curve bends: between which two sizes it is steeper than the fit by a quarter or more. Costs for each host or
heartbeat should have exponent 0, those of the whole at most 1."""
import argparse
import itertools
import json
import math
import os
import resource
import select
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tests/integration")]

from processes import cpu_s, end_on_signals

SIZES, HEARTBEAT_S, BEND = "100,300,1000,3000,10000", 2.0, 0.25
SPARE_DESCRIPTORS, GROUP = 100, 40
# On a busy machine thousands of hosts in one process are late now and then, and none is to be down for it.
PATIENT = ("--set", "suspect_ms=60000", "--set", "down_ms=120000")
COSTS = ("join_s", "join_cpu_us", "memory_kib", "edge_bytes", "database_kib", "rest_percent",
         "fleet_percent", "beat_us", "status_ms", "explain_ms", "matrix_ms", "matrix_cpu_us", "restart_s")


def options():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument("--build", default="build", help="folder with the programs (default: build)")
    p.add_argument("--nodes", default=SIZES, help=f"(default: {SIZES})")
    p.add_argument("--rest", type=float, default=6, help="seconds for which hosts only beat (default: 6)")
    p.add_argument("--rounds", type=int, default=5, help="of each question (default: 5)")
    p.add_argument("--limit", type=float, default=600, help="seconds in which all hosts must be there (default: 600)")
    p.add_argument("--json", metavar="FILE", help="figures for a program")
    o = p.parse_args()
    o.nodes = [int(n) for n in o.nodes.split(",")]
    if min(o.nodes) < 2 or max(o.nodes) > 10000 or o.rounds < 1 or o.rest <= 0:
        p.error("--nodes from 2 to 10000, --rounds at least 1, --rest more than 0")
    return o


def raise_limits(hosts):
    """A host takes two descriptors of the fleet and one of the coordinator. Returns how many hosts one process of the
    fleet can have: whole groups."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * hosts + SPARE_DESCRIPTORS
    for limits in ((max(soft, wanted), max(hard, wanted)), (max(soft, min(wanted, hard)), hard)):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            break
        except (ValueError, PermissionError):  # only root may have more, and not everywhere
            pass
    most = (resource.getrlimit(resource.RLIMIT_NOFILE)[0] - SPARE_DESCRIPTORS) // 2
    return most if most >= hosts else most // GROUP * GROUP


# ---- one size

def edges(lab):
    """Known ones, and all; and hosts that are up."""
    r = lab.muster_raw("--json", "status", timeout="120s")  # in a storm of boots it may have to wait
    if r.returncode != 0:
        raise AssertionError(f"muster status: {r.stderr}")
    s = json.loads(r.stdout)
    every = sum(v for k, v in s.items() if k.startswith("edges_"))
    return every - s["edges_unknown"], every, s["nodes_up"]


def start_fleet(lab, o, n):
    """Its processes: of as many hosts as each may have."""
    from harness import program
    tokens = os.path.join(lab.dir, "tokens")
    with open(tokens, "w", encoding="ascii") as f:
        for k in range(0, n, 1000):
            f.write("\n".join(lab.tokens(min(1000, n - k))) + "\n")
    fleet = []
    for first in range(0, n, o.most):
        part = f"{tokens}-{first}"
        with open(tokens, encoding="ascii") as f, open(part, "w", encoding="ascii") as out:
            out.writelines(itertools.islice(f, first, first + o.most))
        fleet.append(lab.spawn([program("muster-fleet"), "--connect", lab.listen, "--tokens", part, "--nodes",
                                str(min(o.most, n - first)), "--first", str(first)], log=f"fleet-{first}"))
    return fleet


def settled(lab, n, limit_s):
    """All are up, and for a while no edge has come."""
    seen, since, end = None, 0, time.monotonic() + limit_s
    while time.monotonic() < end:
        known, every, up = edges(lab)
        now = time.monotonic()
        if (known, every) != seen:
            seen, since = (known, every), now
        if up == n and known == every and now - since > HEARTBEAT_S:
            return every, since
        select.select([], [], [], 0.2)
    raise AssertionError(f"{n} hosts are not all there within {limit_s:g} s: {up} are up, {known} of {every} edges known")


def took_ms(lab, rounds, *words):
    took = []
    for _ in range(rounds):
        began = time.monotonic()
        r = lab.muster_raw("--json", *words, timeout="120s")
        took.append((time.monotonic() - began) * 1e3)
        if r.returncode != 0:
            raise AssertionError(f"muster {' '.join(words)}: {r.stderr}")
    return statistics.median(took)


def rest(lab, fleet, o, n):
    """Percent of one processor: the coordinator's and the fleet's; and microseconds of the first a heartbeat."""
    def used():
        return cpu_s(lab.coordinator.pid), sum(cpu_s(p.pid) for p in fleet)
    began, before = time.monotonic(), used()
    select.select([], [], [], o.rest)
    seconds = time.monotonic() - began
    ours, theirs = (now - was for now, was in zip(used(), before))
    return ours / seconds * 100, theirs / seconds * 100, ours * 1e6 / (n * seconds / HEARTBEAT_S)


def whole_matrix(lab, o, row):
    """The whole matrix asked for: milliseconds, and microseconds of processor time an edge, the client's included, and
    without what the coordinator needs at rest."""
    pid, own = lab.coordinator.pid, resource.getrusage(resource.RUSAGE_CHILDREN)
    began, before = time.monotonic(), cpu_s(pid)
    row["matrix_ms"] = took_ms(lab, o.rounds, "matrix")
    seconds, used = time.monotonic() - began, cpu_s(pid) - before
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    used += now.ru_utime + now.ru_stime - own.ru_utime - own.ru_stime - seconds * row["rest_percent"] / 100
    row["matrix_cpu_us"] = used * 1e6 / o.rounds / row["edges"]


def memory_kib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmRSS:"))


def database_kib(lab):
    path = os.path.join(lab.state, "muster.db")
    return sum(os.path.getsize(path + s) for s in ("", "-wal") if os.path.exists(path + s)) / 1024


def restart_s(lab):
    lab.end(lab.coordinator)
    began = time.monotonic()
    lab.start_coordinator()
    r = lab.muster_raw("status", timeout="120s")
    if r.returncode != 0:
        raise AssertionError(f"it does not serve: {r.stderr}")
    return time.monotonic() - began


def measure(o, n):
    from harness import Lab
    with Lab() as lab:
        lab.start_coordinator(*PATIENT)
        lab.muster("status")
        began, before, empty = time.monotonic(), cpu_s(lab.coordinator.pid), memory_kib(lab.coordinator.pid)
        fleet = start_fleet(lab, o, n)
        every, since = settled(lab, n, o.limit)
        row = {"nodes": n, "edges": every, "join_s": since - began,
               "join_cpu_us": (cpu_s(lab.coordinator.pid) - before) * 1e6 / n}
        row["rest_percent"], row["fleet_percent"], row["beat_us"] = rest(lab, fleet, o, n)
        memory = memory_kib(lab.coordinator.pid) - empty
        row["memory_kib"], row["edge_bytes"] = memory / n, memory * 1024 / every
        row["database_kib"] = database_kib(lab) / n
        row["status_ms"] = took_ms(lab, o.rounds, "status")
        doc = lab.muster("matrix", "--kind", "filesystem")
        edge = doc["edges"][0]
        row["explain_ms"] = took_ms(lab, o.rounds, "explain", doc["nodes"][edge["node"]]["id"],
                                    doc["resources"][edge["resource"]]["id"])
        whole_matrix(lab, o, row)
        for process in fleet:
            lab.end(process)
        row["restart_s"] = restart_s(lab)
    return row


# ---- the curve

def exponent(points):
    """Of the least squares line through the logarithms."""
    xs, ys = [math.log(x) for x, _ in points], [math.log(max(y, 1e-9)) for _, y in points]
    mx, my = statistics.mean(xs), statistics.mean(ys)
    square = sum((x - mx) ** 2 for x in xs)
    return sum((x - mx) * (y - my) for x, y in zip(xs, ys)) / square if square > 0 else 0.0


def fit(rows, cost):
    points = [(r["nodes"], r[cost]) for r in rows]
    e = exponent(points)
    bends = [[a[0], b[0], exponent([a, b])] for a, b in zip(points, points[1:]) if exponent([a, b]) > max(e, 0) + BEND]
    return {"exponent": e, "bends": bends}


def measure_all(o):
    """Those that could be measured, and why the others could not."""
    rows, faults = [], []
    for n in o.nodes:
        try:
            rows.append(measure(o, n))
            print(f"{n} hosts are measured", file=sys.stderr, flush=True)
        except AssertionError as e:
            faults.append(f"{n} hosts could not be measured: {e}")
    return rows, faults


def print_text(rows, fits):
    print(f"growth: {os.cpu_count()} processors shared with the fleet, load {os.getloadavg()[0]:.1f}\n")
    print(f"{'':<13}" + "".join(f"{r['nodes']:>10}" for r in rows) + "  exponent")
    print(f"{'edges':<13}" + "".join(f"{r['edges']:>10}" for r in rows))
    for cost in COSTS:
        bends = "; ".join(f"from {a} to {b}: {e:.2f}" for a, b, e in fits[cost]["bends"])
        print(f"{cost:<13}" + "".join(f"{r[cost]:>10.2f}" for r in rows) + f"  {fits[cost]['exponent']:>8.2f}" +
              (f"   steeper {bends}" if bends else ""))


def main():
    o = options()
    end_on_signals()
    os.environ["MUSTER_BUILD"] = os.path.abspath(o.build)
    o.most = raise_limits(max(o.nodes))
    if o.most < max(o.nodes):
        print(f"a process may have no more descriptors here than {o.most} simulated hosts need: larger fleets have several")
    rows, faults = measure_all(o)
    if not rows:
        sys.exit("\n".join(faults))
    fits = {cost: fit(rows, cost) for cost in COSTS}
    print_text(rows, fits)
    print("\n".join(faults))
    if o.json is not None:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump({"benchmark": "growth", "load": os.getloadavg()[0], "rows": rows, "fits": fits,
                       "faults": faults}, f, indent=1)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
