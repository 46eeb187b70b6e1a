#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Soak: a coordinator under churn for an hour: does anything grow that should not?

A simulated fleet (muster-fleet: the real agent, CURVE on loopback) in which every two seconds something
happens: links and ports flap, LUNs go and come back, probes are restarted, hosts crash and boot anew,
filesystems are scanned, holds are taken and ended. What was taken away comes back some cycles later. Of the
coordinator are noted: memory, descriptors, threads, processor time, the sizes of its database and of the
write-ahead log, and the events that the database keeps. At the end all comes back, and all hosts must be up.

The coordinator keeps memory that it has freed (its messages come and go in large pieces), and touches ever more
of it: what it has in use is seen where gdb is installed, by which it is made to give back the rest, at the
beginning, in the middle and at the end. Without gdb that is not judged.

Met is: from the middle to the end memory in use grows by no more than 3 % and descriptors by no more than a
tenth; the database keeps no more events than it is told to; its write-ahead log stays below 64 MiB; and no
filesystem was ever mounted twice at once."""
import argparse
import json
import os
import random
import re
import select
import shutil
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tests/integration")]

from processes import cpu_s, end_on_signals

CYCLE_S, SAMPLE_S, UNDONE_AFTER = 2.0, 10.0, 5
EVENTS_KEPT, LEASES_KEPT, TASKS_KEPT = 20000, 1000, 100  # so that all bounds are reached in half an hour
MEMORY_GROWTH, DESCRIPTOR_GROWTH, LOG_MIB = 0.03, 0.10, 64
COLUMNS = ("at_s", "memory_kib", "descriptors", "threads", "cpu_s", "database_kib", "log_kib", "events", "event_no",
           "leases", "edges", "nodes_up")


def options():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument("--build", default="build", help="folder with the programs (default: build)")
    p.add_argument("--nodes", type=int, default=1000, help="(default: 1000)")
    p.add_argument("--minutes", type=float, default=60, help="(default: 60)")
    p.add_argument("--seed", type=int, default=1, help="other things happen (default: 1)")
    p.add_argument("--events", type=int, default=EVENTS_KEPT, help=f"that are kept (default: {EVENTS_KEPT})")
    p.add_argument("--json", metavar="FILE", help="figures for a program")
    o = p.parse_args()
    if not 2 <= o.nodes <= 10000 or o.minutes <= 0 or o.events < 1000:
        p.error("--nodes from 2 to 10000, --minutes more than 0, --events at least 1000")
    o.cycles = max(2, round(o.minutes * 60 / CYCLE_S))
    return o


# ---- what is noted

def proc_figure(pid, name):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith(name + ":"))


def in_use_kib(pid):
    """None: gdb is not there, or may not look."""
    if shutil.which("gdb") is None:
        return None
    r = subprocess.run(["gdb", "-p", str(pid), "-batch", "-ex", "call (int)malloc_trim(0)"], capture_output=True,
                       text=True, timeout=600, check=False, stdin=subprocess.DEVNULL)
    return proc_figure(pid, "RssAnon") if re.search(r"^\$1 = [01]$", r.stdout, re.M) else None


def kib(path):
    return os.path.getsize(path) // 1024 if os.path.exists(path) else 0


def stored(path):
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        events, newest = db.execute("SELECT count(*), coalesce(max(no), 0) FROM event").fetchone()
        (leases,) = db.execute("SELECT count(*) FROM lease").fetchone()
    finally:
        db.close()
    return events, newest, leases


def tables(path):
    """{table: rows}"""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        names = [n for (n,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {n: db.execute(f'SELECT count(*) FROM "{n}"').fetchone()[0] for n in names}
    finally:
        db.close()


def state_of(lab):
    """What is in use in memory, and how many rows each table has."""
    return in_use_kib(lab.coordinator.pid), tables(os.path.join(lab.state, "muster.db"))


def sample(lab, began):
    pid, database = lab.coordinator.pid, os.path.join(lab.state, "muster.db")
    status = lab.muster("status")
    values = (time.monotonic() - began, proc_figure(pid, "VmRSS"), len(os.listdir(f"/proc/{pid}/fd")),
              proc_figure(pid, "Threads"), cpu_s(pid), kib(database), kib(database + "-wal"), *stored(database),
              sum(v for k, v in status.items() if k.startswith("edges_")), status["nodes_up"])
    return dict(zip(COLUMNS, values))


# ---- what happens

class Churn:
    def __init__(self, lab, o, script):
        self.lab, self.random, self.nodes = lab, random.Random(o.seed), o.nodes
        self.script, self.undo, self.off, self.cycle = script, [], set(), 0
        self.held, self.done, self.refused = {}, {}, 0
        doc = lab.muster("matrix", "--kind", "filesystem")
        self.seen = [(doc["nodes"][e["node"]]["id"], doc["resources"][e["resource"]]["id"]) for e in doc["edges"]]

    def tell(self, *lines):
        self.script.write("".join(line + "\n" for line in lines))
        self.script.flush()

    def some(self, most):
        hosts = [h for h in range(self.nodes) if h not in self.off]
        return self.random.sample(hosts, min(len(hosts), self.random.randint(1, most)))

    def words(self, hosts):
        return ",".join(str(h) for h in hosts)

    def flap(self):
        self.tell(f"flap {self.words(self.some(20))}")

    def pair(self, what, gone, back, most):
        number, hosts = self.random.randrange(2), self.words(self.some(most))
        self.tell(f"{what} {gone} {number} {hosts}")
        self.later(lambda: self.tell(f"{what} {back} {number} {hosts}"))

    def link(self):
        self.pair("link", "down", "up", 10)

    def port(self):
        self.pair("port", "down", "up", 10)

    def lun(self):
        self.pair("lun", "gone", "back", 10)

    def restart(self):
        self.tell(f"restart {self.words(self.some(5))}")

    def crash(self):
        (host,) = self.some(1)
        self.off.add(host)

        def boot():
            self.tell(f"boot {host}")
            self.off.discard(host)
        self.tell(f"crash {host}")
        self.later(boot)

    def ask(self, *words):
        """Refusals are a part of it: who asked may not know what has just happened."""
        r = self.lab.muster_raw("--json", *words, timeout="60s")
        if r.returncode not in (0, 1):
            raise AssertionError(f"muster {' '.join(words)}: exit {r.returncode}: {r.stderr}")
        self.refused += r.returncode
        return json.loads(r.stdout) if r.returncode == 0 else None

    def scan(self):
        self.ask("scan", *{self.random.choice(self.seen)[1] for _ in range(8)})

    def hold(self):
        node, resource = self.random.choice(self.seen)
        doc = self.ask("hold", "take", resource, "--node", node, "--for", "soak")
        if doc is not None:
            token = doc["hold"]["token"]
            self.later(lambda: self.ask("hold", "end", token))

    def later(self, what):
        self.undo.append((self.cycle + UNDONE_AFTER, what))

    def step(self):
        due = [what for at, what in self.undo if at <= self.cycle]
        self.undo = [(at, what) for at, what in self.undo if at > self.cycle]
        for what in due:
            what()
        kind = self.random.choice((self.flap, self.link, self.port, self.lun, self.restart, self.crash, self.scan,
                                   self.hold))
        self.done[kind.__name__] = self.done.get(kind.__name__, 0) + 1
        kind()
        self.cycle += 1

    def settle(self):
        for _, what in self.undo:
            what()
        self.undo = []


# ---- the run

def start_fleet(lab, o):
    from harness import program
    tokens, script = os.path.join(lab.dir, "tokens"), os.path.join(lab.dir, "happens")
    wanted = o.nodes + o.cycles  # a boot takes one, and a cycle has one at most
    with open(tokens, "w", encoding="ascii") as f:
        for n in range(0, wanted, 1000):
            f.write("\n".join(lab.tokens(min(1000, wanted - n))) + "\n")
    os.mkfifo(script)
    fleet = lab.spawn([program("muster-fleet"), "--connect", lab.listen, "--tokens", tokens, "--nodes",
                       str(o.nodes), "--seed", str(o.seed), "--scan-ms", "500", "--script", script], log="fleet")
    return fleet, open(script, "w", encoding="ascii")


def wait_for_all(lab, o):
    lab.wait(lambda: lab.muster("status")["nodes_up"], lambda n: n == o.nodes, f"{o.nodes} nodes are up", 600)


def rest(until):
    select.select([], [], [], max(0.0, until - time.monotonic()))


def churn(lab, o, fleet, script):
    from harness import check
    happens, began, samples = Churn(lab, o, script), time.monotonic(), []
    next_sample, states = began, [state_of(lab)]
    for cycle in range(o.cycles):
        check(fleet.poll() is None and lab.coordinator.poll() is None, "the fleet or the coordinator has ended")
        if time.monotonic() >= next_sample:
            samples.append(sample(lab, began))
            next_sample += SAMPLE_S
        if cycle == o.cycles // 2:
            states.append(state_of(lab))
        happens.step()
        rest(began + (cycle + 1) * CYCLE_S)
    happens.settle()
    wait_for_all(lab, o)
    samples.append(sample(lab, began))
    states.append(state_of(lab))
    return happens, samples, *zip(*states)


def overlaps(lab):
    for name in os.listdir(lab.dir):
        if name.startswith("fleet"):
            with open(os.path.join(lab.dir, name), errors="replace", encoding="utf-8") as f:
                if "mounted at once" in f.read():
                    return True
    return False


def judge(o, samples, in_use, twice):
    """[what, value, bound, met]"""
    grown = None if None in in_use else in_use[2] / in_use[1] - 1
    middle, last = samples[len(samples) // 2], samples[-1]

    def growth(name):
        return last[name] / max(1, middle[name]) - 1
    memory = [] if grown is None else [["growth of memory in use, second half", grown, MEMORY_GROWTH,
                                        grown <= MEMORY_GROWTH]]
    return memory + [
        ["growth of descriptors, second half", growth("descriptors"), DESCRIPTOR_GROWTH,
         growth("descriptors") <= DESCRIPTOR_GROWTH],
        ["events that are kept, most", max(s["events"] for s in samples), o.events * 1.1,
         max(s["events"] for s in samples) <= o.events * 1.1],
        ["write-ahead log, MiB at most", max(s["log_kib"] for s in samples) / 1024, LOG_MIB,
         max(s["log_kib"] for s in samples) <= LOG_MIB * 1024],
        ["filesystems mounted twice at once", int(twice), 0, not twice],
    ]


def print_grown(rows):
    """What the database has more of: memory follows it."""
    _, middle, last = rows
    grown = [f"{n} {middle.get(n, 0)} to {k}" for n, k in sorted(last.items()) if k > middle.get(n, 0) * 1.01]
    print("rows of the database, from the middle to the end, where they are more: " + (", ".join(grown) or "none"))


def print_text(o, happens, samples, in_use, rows, judged):
    last = samples[-1]
    print(f"soak: {o.nodes} nodes, {last['at_s'] / 60:.1f} minutes, seed {o.seed}, {os.cpu_count()} processors shared "
          f"with the fleet, load {os.getloadavg()[0]:.1f}")
    print("happened: " + ", ".join(f"{n} {k}" for k, n in sorted(happens.done.items())) +
          f"; {happens.refused} requests were refused\n")
    print("  ".join(f"{c:>12}" for c in COLUMNS))
    step = max(1, len(samples) // 20)
    for s in [*samples[:-1:step], last]:
        print("  ".join(f"{s[c]:>12.1f}" if isinstance(s[c], float) else f"{s[c]:>12}" for c in COLUMNS))
    first = samples[0]
    print(f"\nprocessor time: {(last['cpu_s'] - first['cpu_s']) / (last['at_s'] - first['at_s']) * 100:.1f} % of one; "
          f"{last['event_no'] - first['event_no']} events")
    if None not in in_use:
        print("memory in use at the beginning, in the middle, at the end: " + ", ".join(f"{k} KiB" for k in in_use))
    print_grown(rows)
    for what, value, bound, met in judged:
        print(f"{what}: {value:.3f} (at most {bound:g}: {'met' if met else 'missed'})")


def main():
    o = options()
    end_on_signals()
    os.environ["MUSTER_BUILD"] = os.path.abspath(o.build)
    from harness import Lab
    with Lab() as lab:
        lab.start_coordinator("--set", f"event_retention={o.events}", "--set", f"lease_history={LEASES_KEPT}",
                              "--set", f"task_history={TASKS_KEPT}")
        fleet, script = start_fleet(lab, o)
        wait_for_all(lab, o)
        lab.muster("fs", "admit", "--all")
        happens, samples, in_use, rows = churn(lab, o, fleet, script)
        script.close()
        twice = overlaps(lab)
    judged = judge(o, samples, in_use, twice)
    print_text(o, happens, samples, in_use, rows, judged)
    if o.json is not None:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump({"benchmark": "soak", "nodes": o.nodes, "minutes": o.minutes, "seed": o.seed,
                       "happened": happens.done, "refused": happens.refused, "samples": samples, "in_use_kib": in_use,
                       "rows": rows,
                       "judged": [dict(zip(("what", "value", "bound", "met"), j)) for j in judged]}, f, indent=1)
    sys.exit(0 if all(j[3] for j in judged) else 1)


main()
