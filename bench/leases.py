#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""P2: how many durable lease operations a second: a grant, and the end of one.

ours        a real coordinator and a simulated fleet (muster-fleet: the real agent, CURVE on loopback);
            each node scans filesystems that it alone sees, and a scan takes no time: order, request,
            grant (durable), result, end (durable), and what schedules them. The second scan of a round
            counts, in which nothing is new. A grant and an end are two operations
SQLite      one row upserted for each operation, as many to a commit as there are clients, nothing else:
            no reply, no network (WAL, synchronous=FULL)
PostgreSQL  as many clients of pgbench, one upsert by primary key each time, prepared (fsync on)
fdatasync   of 4 KiB, one after the other: the limit of one client that waits for each

Peers are started for this and ended. Sender and server share the processors of this machine. etcd and
ZooKeeper are not measured: no load generator of theirs comes with Debian, and this has none either.
Rounds take turns; medians are printed."""
import argparse
import json
import os
import pwd
import re
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tests/integration")]
JOBS, MOST, LEAST = 8192, 200, 4  # filesystems of all nodes, and of one
PG = "/usr/lib/postgresql/15/bin"
UPSERT = """INSERT INTO lease VALUES ({}, {}, 1)
 ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, token = lease.token + 1"""


def options():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument("--build", default="build", help="folder with the programs (default: build)")
    p.add_argument("--clients", default="1,64,512", help="(default: 1,64,512)")
    p.add_argument("--jobs", type=int, default=JOBS, help=f"leases of a scan, about (default: {JOBS})")
    p.add_argument("--rounds", type=int, default=5, help="(default: 5)")
    p.add_argument("--seconds", type=float, default=2, help="of a peer's turn (default: 2)")
    p.add_argument("--json", metavar="FILE", help="figures for a program")
    o = p.parse_args()
    o.clients = [int(n) for n in o.clients.split(",")]
    if o.rounds < 1 or min(o.clients) < 1 or max(o.clients) > 512:
        p.error("--rounds at least 1, and --clients from 1 to 512")
    return o


# ---- peers

class Sqlite:
    name = "SQLite"

    def __init__(self, folder):
        self.db = sqlite3.connect(os.path.join(folder, "bare.db"), isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE lease(resource INTEGER PRIMARY KEY, holder INT, token INT)")
        self.sql, self.next = UPSERT.format("?", "?"), 0

    def rate(self, clients, seconds):
        began, n = time.monotonic(), 0
        while time.monotonic() - began < seconds:
            self.db.execute("BEGIN")
            rows = [((self.next + i) % 100000, i) for i in range(clients)]
            self.db.executemany(self.sql, rows)
            self.db.execute("COMMIT")
            self.next += clients
            n += clients
        return n / (time.monotonic() - began)

    def end(self):
        self.db.close()


class Postgres:
    name = "PostgreSQL"

    def __init__(self, folder):
        self.dir, self.started = os.path.join(folder, "pg"), False
        os.mkdir(self.dir)
        self.who = {}
        if os.geteuid() == 0:  # it refuses to be root
            user = pwd.getpwnam("postgres")
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            os.chmod(folder, 0o755)
            self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.run("initdb", "-D", self.dir, "-A", "trust", "-U", "muster")
        self.run("pg_ctl", "-D", self.dir, "-w", "-l", os.path.join(self.dir, "log"), "-o",
                 f"-c listen_addresses='' -k {self.dir} -c max_connections=600", "start")
        self.started = True
        self.sql("CREATE TABLE lease(resource INT PRIMARY KEY, holder INT, token BIGINT)")
        self.script = os.path.join(self.dir, "script")
        with open(self.script, "w", encoding="ascii") as f:
            f.write("\\set r random(1, 100000)\n" + UPSERT.format(":r", ":client_id").replace("\n", "") + ";\n")

    def run(self, name, *args):
        r = subprocess.run([os.path.join(PG, name), *args], capture_output=True, text=True, cwd="/",
                           timeout=120, stdin=subprocess.DEVNULL, **self.who)
        if r.returncode != 0:
            raise RuntimeError(f"{name}: {r.stderr or r.stdout}")
        return r.stdout

    def sql(self, text):
        self.run("psql", "-h", self.dir, "-U", "muster", "-c", text, "postgres")

    def rate(self, clients, seconds):
        """By their number, about as long: before 512 clients are connected a time could be over."""
        out = self.run("pgbench", "-n", "-h", self.dir, "-U", "muster", "-M", "prepared", "-c", str(clients),
                       "-j", "1", "-t", str(max(10, round(500 * seconds / clients ** 0.5))), "-f", self.script,
                       "postgres")
        tps = re.search(r"tps = ([0-9.]+)", out)
        if tps is None:
            raise RuntimeError(f"pgbench: {out}")
        return float(tps[1])

    def end(self):
        if self.started:
            self.run("pg_ctl", "-D", self.dir, "-m", "immediate", "-w", "stop")


def peers(folder):
    """Those that are here; and what is said of the others."""
    found, missing = [Sqlite(folder)], []
    if os.path.exists(os.path.join(PG, "pgbench")):
        found.append(Postgres(folder))
    else:
        missing.append("PostgreSQL is not installed: apt-get install postgresql-15")
    return found, missing


def fdatasync_us(folder):
    took = []
    fd = os.open(os.path.join(folder, "sync"), os.O_WRONLY | os.O_CREAT, 0o600)
    for i in range(200):
        began = time.monotonic()
        os.pwrite(fd, b"x" * 4096, i % 16 * 4096)
        os.fdatasync(fd)
        took.append(time.monotonic() - began)
    os.close(fd)
    return statistics.median(took) * 1e6


# ---- ours

class Ours:
    """A coordinator with as many simulated nodes."""

    def __init__(self, clients, jobs):
        from harness import Lab, program
        self.each = min(MOST, max(LEAST, jobs // clients))
        self.lab = Lab()
        self.lab.__enter__()
        try:
            self.lab.start_coordinator()
            tokens = os.path.join(self.lab.dir, "tokens")
            with open(tokens, "w", encoding="ascii") as f:
                f.write("\n".join(self.lab.tokens(clients)) + "\n")
            shape = {"group": 1, "filesystems": self.each, "vgs": 0, "nics": 1, "vlans": 0, "ports": 1,
                     "paths": 1, "images": 0, "scan-ms": 1}
            figures = [word for k, v in shape.items() for word in (f"--{k}", str(v))]
            self.lab.spawn([program("muster-fleet"), "--connect", self.lab.listen, "--tokens", tokens,
                            "--nodes", str(clients), *figures], log="fleet")
            wanted = clients * self.each
            self.lab.wait(lambda: len(self.lab.muster("fs", "list")["filesystems"]), lambda n: n == wanted,
                          f"{wanted} filesystems", 120)
            self.lab.muster("fs", "admit", "--all")
            self.lab.muster("scan", "--wait")
        except BaseException:
            self.end()
            raise

    def cpu_s(self):
        with open(f"/proc/{self.lab.coordinator.pid}/stat", encoding="ascii") as f:
            words = f.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")

    def rate(self):
        """Operations a second, and microseconds of the coordinator's processor time for each."""
        cpu = self.cpu_s()
        doc = self.lab.muster("scan", "--wait")
        done = [f for f in doc["filesystems"] if f["token"] is not None]
        return 2000 * len(done) / max(doc["makespan_ms"], 1), (self.cpu_s() - cpu) * 1e6 / (2 * max(len(done), 1))

    def end(self):
        self.lab.__exit__(None, None, None)


def measure(clients, o, others):
    got = {"ours": [], "cpu_us": [], **{p.name: [] for p in others}}
    ours = Ours(clients, o.jobs)
    try:
        for _ in range(o.rounds):
            rate, cpu = ours.rate()
            got["ours"].append(rate)
            got["cpu_us"].append(cpu)
            for p in others:
                got[p.name].append(p.rate(clients, o.seconds))
    finally:
        ours.end()
    row = {k: statistics.median(v) for k, v in got.items()}
    row["ratio"] = {p.name: statistics.median(a / b for a, b in zip(got["ours"], got[p.name])) for p in others}
    return row


def main():
    o = options()
    os.environ["MUSTER_BUILD"] = os.path.abspath(o.build)
    folder = tempfile.mkdtemp(prefix="muster-leases-")
    others = []
    try:
        others, missing = peers(folder)
        sync = fdatasync_us(folder)
        rows = {n: measure(n, o, others) for n in o.clients}
    finally:
        for p in others:
            p.end()
        shutil.rmtree(folder, ignore_errors=True)
    print(f"P2 durable lease operations a second: {o.rounds} rounds, {os.cpu_count()} processors shared with the "
          f"clients, load {os.getloadavg()[0]:.1f}, fdatasync of 4 KiB {sync:.0f} us; medians\n")
    print(f"{'clients':>8} {'ours':>9} {'us of cpu':>10}" + "".join(f" {p.name:>11} {'ratio':>6}" for p in others))
    for n, row in rows.items():
        print(f"{n:>8} {row['ours']:>9.0f} {row['cpu_us']:>10.1f}" +
              "".join(f" {row[p.name]:>11.0f} {row['ratio'][p.name]:>6.2f}" for p in others))
    print("\n" + "\n".join([*missing, "etcd and ZooKeeper are not measured (--help says why)"]))
    if o.json is not None:
        with open(o.json, "w", encoding="utf-8") as f:
            json.dump({"benchmark": "leases", "fdatasync_us": sync, "load": os.getloadavg()[0], "clients": rows}, f,
                      indent=1)


main()
