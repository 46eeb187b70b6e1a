#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""P2: how many durable lease operations a second. P3: how many renewals.

ours        a real coordinator and clients of it (bench-holds: CURVE on loopback, in one thread), each of
            which takes a hold of a filesystem, ends it, and so on: rights of nodes, arbitrated over the
            storage of a simulated fleet, durable before they are answered, with an event for each
ours ipc    the same over the coordinator's local socket: not encrypted, as no peer is
scans       the same for whole scans of a simulated fleet (muster-fleet, the real agent) with as many
            nodes: order, request, grant (durable), result, end (durable), and what schedules them. A
            grant and an end are two operations
limit       a bare ROUTER (CURVE) and SQLite (WAL, synchronous=FULL) with group commit, one upsert for
            each message, as many clients in one thread
SQLite      as many upserts to a commit as there are clients, nothing else: no reply, no network
PostgreSQL  as many clients of pgbench, one upsert by primary key each time, prepared (fsync on)
etcd        one member; as many connections of h2load, plain gRPC: a transaction that puts a key if there
            is none and else deletes it
ZooKeeper   one server; as many sessions (bench-zookeeper, in one thread), which create an ephemeral node
            and delete it
fdatasync   of 4 KiB, one after the other: the limit of one client that waits for each

renewals    nodes that hold a lease and renew it as fast as they are answered (bench-renewals: the real
            protocol, CURVE), against etcd's keepalives: on one stream one or 20, the better of the two; the
            limit is the bare ROUTER, which answers at once

Peers are started for this and ended; what is not installed is named. Sender and server share the
processors of this machine, so of each server its processor time for an operation is told too. Nothing
here is replicated. Rounds take turns; medians are printed, ratios are taken within a round."""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time

from processes import end_on_signals

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tests/integration")]
TARGETS = {"etcd": 10.0, "ZooKeeper": 3.0}  # times the peer, with 64 clients and more
TARGET_SYNC, TARGET_KEEPALIVE = 2.0, 5.0


def options():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument("--build", default="build", help="folder with the programs (default: build)")
    p.add_argument("--clients", default="1,64,512", help="(default: 1,64,512)")
    p.add_argument("--jobs", type=int, default=8192, help="leases of a scan, about (default: 8192)")
    p.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    p.add_argument("--seconds", type=float, default=2, help="of a turn (default: 2)")
    p.add_argument("--without", default="", help="peers that are left out, with commas between them")
    p.add_argument("--json", metavar="FILE", help="figures for a program")
    o = p.parse_args()
    o.build = os.path.abspath(o.build)
    o.clients = [int(n) for n in o.clients.split(",")]
    if o.rounds < 1 or min(o.clients) < 1 or max(o.clients) > 512:
        p.error("--rounds at least 1, and --clients from 1 to 512")
    return o


def fdatasync_us(folder):
    took = []
    fd = os.open(os.path.join(folder, "sync"), os.O_WRONLY | os.O_CREAT, 0o600)
    for i in range(100):
        began = time.monotonic()
        os.pwrite(fd, b"x" * 4096, i % 16 * 4096)
        os.fdatasync(fd)
        took.append(time.monotonic() - began)
    os.close(fd)
    return statistics.median(took) * 1e6


# ---- rounds

def in_turns(o, folder, clients, ours, peers):
    """{name: a result for each round}; and of fdatasync the microseconds, as `sync`."""
    got = {"sync": [], **{one.name: [] for one in (*ours, *peers)}}
    for peer in peers:
        peer.open(clients)
    for _ in range(o.rounds):
        got["sync"].append(fdatasync_us(folder))
        for one in (*ours, *peers):
            got[one.name].append(one.turn(o.seconds))
    return got


def middle(results, key):
    values = [r[key] for r in results if r.get(key) is not None]
    return statistics.median(values) if values else None


def ratio(got, a, b):
    return statistics.median(x["ops_s"] / y["ops_s"] for x, y in zip(got[a], got[b]))


def row_of(got):
    names = [n for n in got if n != "sync"]
    return {
        "fdatasync_us": statistics.median(got["sync"]),
        "sides": {n: {k: middle(got[n], k) for k in ("ops_s", "cpu_us", "sender_cpu_us", "p50_us", "p99_us",
                                                     "mean_us")} for n in names},
        "ratio": {n: ratio(got, "ours", n) for n in names if n != "ours"},
        "p50_of_fdatasync": statistics.median(r["p50_us"] / us for r, us in zip(got["ours"], got["sync"])),
    }


def measure(o, folder, clients, found):
    from ours import Holds, Scans
    begun = []
    try:
        begun.append(Holds(o.build, clients))
        begun.append(Scans(clients, o.jobs))
        return row_of(in_turns(o, folder, clients, [*begun[0].sides, begun[1]], found))
    finally:
        for one in begun:
            one.end()
        for peer in found:
            peer.close()


def measure_renewals(o, clients, found):
    from ours import Renewals
    from peers import Echo
    etcd, sides = next((p for p in found if p.name == "etcd"), None), []
    got = {"ours": [], "limit": [], "etcd": []}
    try:
        sides.append(Renewals(o.build, clients))
        sides.append(Echo(o.build, clients))
        sides[0].turn(o.seconds)  # in which the leases are asked for
        for _ in range(o.rounds):
            for side in sides:
                got[side.name].append(side.turn(o.seconds))
            if etcd is not None:
                etcd.open(clients)
                got["etcd"].append(etcd.keepalives(o.seconds))
    finally:
        for side in sides:
            side.end()
    return {"clients": clients,
            "sides": {n: {k: middle(v, k) for k in ("ops_s", "cpu_us")} for n, v in got.items()},
            "ratio": {n: ratio(got, "ours", n) for n in ("limit", "etcd") if got[n]}}


# ---- what is said

def word(met):
    return "met" if met else "missed"


def targets(rows, renewals):
    """[what, value, target, met]"""
    said = []
    for n, row in rows.items():
        if n == 1:
            value = row["p50_of_fdatasync"]
            said.append(["1 client, p50 to fdatasync", value, f"at most {TARGET_SYNC:g}", value <= TARGET_SYNC])
        for name, target in TARGETS.items():
            if n >= 64 and name in row["ratio"]:
                value = row["ratio"][name]
                said.append([f"{n} clients, times {name}", value, f"at least {target:g}", value >= target])
    if "etcd" in renewals["ratio"]:
        value = renewals["ratio"]["etcd"]
        said.append([f"renewals, {renewals['clients']} nodes, times etcd's keepalives", value,
                     f"at least {TARGET_KEEPALIVE:g}", value >= TARGET_KEEPALIVE])
    return said


def figure(value, digits=0):
    return "-" if value is None else f"{value:.{digits}f}"


def print_text(o, rows, renewals, missing):
    print(f"P2 durable lease operations a second: {o.rounds} rounds of {o.seconds:g} s, {os.cpu_count()} processors "
          f"shared with the clients, load {os.getloadavg()[0]:.1f}; medians\n")
    print(f"{'clients':>8} {'':<11} {'a second':>9} {'ours is':>8} {'us of cpu':>10} {'us p50':>8} {'us mean':>8}")
    for n, row in rows.items():
        for name, side in row["sides"].items():
            times = f"{row['ratio'][name]:.2f} x" if name in row["ratio"] else ""
            print(f"{n:>8} {name:<11} {side['ops_s']:>9.0f} {times:>8} {side['cpu_us']:>10.1f} "
                  f"{figure(side['p50_us']):>8} {figure(side['mean_us']):>8}")
        print(f"{n:>8} {'fdatasync':<11} {'':>9} {'':>8} {'':>10} {row['fdatasync_us']:>8.0f}\n")
    print(f"P3 renewals a second, {renewals['clients']} nodes or streams")
    for name, side in renewals["sides"].items():
        if side["ops_s"] is not None:
            times = f"{renewals['ratio'][name]:.2f} x" if name in renewals["ratio"] else ""
            print(f"{'':>8} {name:<11} {side['ops_s']:>9.0f} {times:>8} {side['cpu_us']:>10.1f}")
    print()
    for what, value, target, met in targets(rows, renewals):
        print(f"target {what}: {value:.2f} ({target}: {word(met)})")
    print("\n".join(missing))


def main():
    o = options()
    end_on_signals()
    os.environ["MUSTER_BUILD"] = o.build
    from harness import free_port
    from peers import start
    folder, found = tempfile.mkdtemp(prefix="muster-leases-"), []
    try:
        found, missing = start(folder, o.build, free_port, o.without.split(","))
        rows = {n: measure(o, folder, n, found) for n in o.clients}
        renewals = measure_renewals(o, max(n for n in o.clients), found)
    finally:
        for p in found:
            p.end()
        shutil.rmtree(folder, ignore_errors=True)
    print_text(o, rows, renewals, missing)
    said = targets(rows, renewals)
    if o.json is not None:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump({"benchmark": "leases", "rounds": o.rounds, "seconds": o.seconds, "load": os.getloadavg()[0],
                       "clients": rows, "renewals": renewals, "missing": missing,
                       "targets": [dict(zip(("what", "value", "target", "met"), t)) for t in said]}, f, indent=1)
    sys.exit(0 if all(t[3] for t in said) else 1)


main()
