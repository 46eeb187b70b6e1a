# SPDX-License-Identifier: GPL-2.0-or-later
"""The peers of leases.py: each is started on loopback in a folder of the benchmark, driven as hard as
something on the same machine can, and ended. `open(clients)`, `turn(seconds)`, `close()` in turn, and
`end()` last."""
import base64
import json
import os
import pwd
import re
import select
import shutil
import sqlite3
import subprocess
import time
import urllib.request

from processes import Turns, cpu_s, end

PG = "/usr/lib/postgresql/15/bin"
ZOOKEEPER_JAR = "/usr/share/java/zookeeper.jar"
UPSERT = """INSERT INTO lease VALUES ({}, {}, 1)
 ON CONFLICT (resource) DO UPDATE SET holder = excluded.holder, token = lease.token + 1"""


def result(operations, seconds, server_cpu_s, p50_us=None):
    return {"ops_s": operations / max(seconds, 1e-9), "p50_us": p50_us,
            "cpu_us": server_cpu_s * 1e6 / max(operations, 1)}


def of_turn(turns, server, seconds):
    """A turn of a load generator, with the processor time of the process that serves."""
    before = cpu_s(server)
    t = turns.turn(seconds)
    return {**result(t["operations"], t["seconds"], cpu_s(server) - before, t["p50_us"]),
            "p99_us": t["p99_us"], "sender_cpu_us": t["sender_cpu_us"]}


def wait_for(answers, what, limit_s=30):
    until = time.monotonic() + limit_s
    while not answers():
        if time.monotonic() > until:
            raise RuntimeError(f"{what} does not answer")
        select.select([], [], [], 0.05)  # nothing tells of it


def program(build, name):
    return os.path.join(build, "bench", name)


class GroupCommit:
    """The limit: a bare ROUTER and SQLite, with group commit."""
    name, lacks = "limit", None

    def __init__(self, folder, build, port):
        self.folder, self.build, self.turns, self.number = folder, build, None, 0

    def open(self, clients):
        self.number += 1
        self.turns = Turns(program(self.build, "bench-group-commit"), clients,
                           os.path.join(self.folder, f"group-{self.number}.db"))

    def turn(self, seconds):
        return of_turn(self.turns, self.turns.server, seconds)

    def close(self):
        if self.turns is not None:
            self.turns.end()
        self.turns = None

    end = close


class Echo:
    """The limit of what need not be durable: the same ROUTER, which answers at once."""
    name = "limit"

    def __init__(self, build, clients):
        self.turns = Turns(program(build, "bench-group-commit"), clients)

    def turn(self, seconds):
        return of_turn(self.turns, self.turns.server, seconds)

    def end(self):
        self.turns.end()


class Sqlite:
    name, lacks = "SQLite", None

    def __init__(self, folder, build, port):
        self.db = sqlite3.connect(os.path.join(folder, "bare.db"), isolation_level=None)
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        self.db.execute("CREATE TABLE lease(resource INTEGER PRIMARY KEY, holder INT, token INT)")
        self.sql, self.next, self.clients = UPSERT.format("?", "?"), 0, 1

    def open(self, clients):
        self.clients = clients

    def turn(self, seconds):
        began, n, cpu = time.monotonic(), 0, time.process_time()
        while time.monotonic() - began < seconds:
            self.db.execute("BEGIN")
            rows = [((self.next + i) % 100000, i) for i in range(self.clients)]
            self.db.executemany(self.sql, rows)
            self.db.execute("COMMIT")
            self.next += self.clients
            n += self.clients
        return result(n, time.monotonic() - began, time.process_time() - cpu)

    def close(self):
        pass

    def end(self):
        self.db.close()


class Postgres:
    name = "PostgreSQL"
    lacks = None if os.path.exists(os.path.join(PG, "pgbench")) else "apt-get install postgresql-15"

    def __init__(self, folder, build, port):
        self.dir, self.started, self.clients = os.path.join(folder, "pg"), False, 1
        os.mkdir(self.dir)
        self.who = {}
        if os.geteuid() == 0:  # it refuses to be root
            user = pwd.getpwnam("postgres")
            os.chown(self.dir, user.pw_uid, user.pw_gid)
            os.chmod(folder, 0o755)
            self.who = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        self.run("initdb", "-D", self.dir, "-A", "trust", "-U", "muster")
        self.started = True  # from here on there may be something to stop
        self.run("pg_ctl", "-D", self.dir, "-w", "-l", os.path.join(self.dir, "log"), "-o",
                 f"-c listen_addresses='' -k {self.dir} -c max_connections=600", "start")
        with open(os.path.join(self.dir, "postmaster.pid"), encoding="ascii") as f:
            self.pid = int(f.readline())
        self.run("psql", "-h", self.dir, "-U", "muster", "-c",
                 "CREATE TABLE lease(resource INT PRIMARY KEY, holder INT, token BIGINT)", "postgres")
        self.script = os.path.join(self.dir, "script")
        with open(self.script, "w", encoding="ascii") as f:
            f.write("\\set r random(1, 100000)\n" + UPSERT.format(":r", ":client_id").replace("\n", "") + ";\n")

    def run(self, name, *args):
        r = subprocess.run([os.path.join(PG, name), *args], capture_output=True, text=True, cwd="/",
                           timeout=900, stdin=subprocess.DEVNULL, **self.who)
        if r.returncode != 0:
            raise RuntimeError(f"{name}: {r.stderr or r.stdout}")
        return r.stdout

    def open(self, clients):
        self.clients = clients

    def turn(self, seconds):
        """By their number, about as long: before 512 clients are connected a time could be over."""
        each, before = max(10, round(500 * seconds / self.clients ** 0.5)), cpu_s(self.pid)
        out = self.run("pgbench", "-n", "-h", self.dir, "-U", "muster", "-M", "prepared", "-c",
                       str(self.clients), "-j", "1", "-t", str(each), "-f", self.script, "postgres")
        tps = re.search(r"tps = ([0-9.]+)", out)
        latency = re.search(r"latency average = ([0-9.]+) ms", out)
        if tps is None or latency is None:
            raise RuntimeError(f"pgbench: {out}")
        n = each * self.clients
        return {**result(n, n / float(tps[1]), cpu_s(self.pid) - before), "mean_us": float(latency[1]) * 1e3}

    def close(self):
        pass

    def end(self):
        if self.started:
            subprocess.run([os.path.join(PG, "pg_ctl"), "-D", self.dir, "-m", "immediate", "-w", "stop"],
                           capture_output=True, cwd="/", timeout=300, check=False, **self.who)
        self.started = False


def varint(n):
    out = b""
    while n > 0x7f:
        out, n = out + bytes([n & 0x7f | 0x80]), n >> 7
    return out + bytes([n])


def field(number, data):
    return varint(number << 3 | 2) + varint(len(data)) + data


def grpc(message):
    return b"\0" + len(message).to_bytes(4, "big") + message


class Etcd:
    """Over gRPC itself, by h2load, which keeps the messages of a request in a file and costs little. One
    transaction: if there is no such key it is put, else deleted, so that each is an acquire or a release
    and each is a revision, which are counted."""
    name = "etcd"
    lacks = ("apt-get install etcd-server nghttp2-client"
             if shutil.which("etcd") is None or shutil.which("h2load") is None else None)
    KEY = b"lease"
    ALIVE, ABOUT = 20, 8000  # keepalives on one stream, and a second

    def __init__(self, folder, build, port):
        self.folder, self.clients = folder, 1
        self.url, peer = f"http://127.0.0.1:{port()}", f"http://127.0.0.1:{port()}"
        self.process = subprocess.Popen(
            ["etcd", "--data-dir", os.path.join(folder, "etcd"), "--listen-client-urls", self.url,
             "--advertise-client-urls", self.url, "--listen-peer-urls", peer, "--initial-advertise-peer-urls",
             peer, "--initial-cluster", f"default={peer}", "--log-level", "error"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(self.answers, "etcd")
            self.toggle = self.message("toggle", grpc(self.transaction()))
            lease = int(self.ask("lease/grant", {"TTL": 3600})["ID"])
            one = grpc(b"\x08" + varint(lease))
            self.alive = self.message("alive", one * self.ALIVE)
            self.alive_one = self.message("alive-one", one)
        except BaseException:
            self.end()
            raise

    def transaction(self):
        absent = field(3, self.KEY) + b"\x20\x00"  # its version is 0
        put = field(2, field(1, self.KEY) + field(2, b"holder"))
        delete = field(3, field(1, self.KEY))
        return field(1, absent) + field(2, put) + field(3, delete)

    def message(self, name, data):
        path = os.path.join(self.folder, name)
        with open(path, "wb") as f:
            f.write(data)
        return path

    def ask(self, what, body):
        request = urllib.request.Request(f"{self.url}/v3/{what}", json.dumps(body).encode())
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.load(answer)

    def revision(self):
        key = base64.b64encode(self.KEY).decode()
        return int(self.ask("kv/range", {"key": key})["header"]["revision"])

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"etcd has ended with {self.process.returncode}")
        try:
            return self.revision() > 0
        except OSError:
            return False

    def load(self, service, path, seconds, requests=None):
        """Requests a second, their number, and their mean time in microseconds. By their number where one takes
        long: those that the end of a time cuts off are not counted."""
        before = cpu_s(self.process.pid)
        how = ["-D", str(max(1, round(seconds)))] if requests is None else ["-n", str(requests)]
        r = subprocess.run(["h2load", "-c", str(self.clients), "-m", "1", "-t", "1", *how, "-d", path, "-H", "content-type: application/grpc", "-H", "te: trailers",
                            f"{self.url}/etcdserverpb.{service}"], capture_output=True, text=True, check=False,
                           timeout=900 + 2 * seconds)
        rate = re.search(r"finished in [0-9.]+m?s, ([0-9.]+) req/s", r.stdout)
        done = re.search(r"(\d+) succeeded, (\d+) failed", r.stdout)
        mean = re.search(r"time for request: +\S+ +\S+ +([0-9.]+)(us|ms|s)", r.stdout)
        if None in (rate, done, mean) or int(done[1]) == 0:
            raise RuntimeError(f"h2load: {r.stdout}{r.stderr}")
        scale = {"us": 1, "ms": 1e3, "s": 1e6}[mean[2]]
        return float(rate[1]), int(done[1]), float(mean[1]) * scale, cpu_s(self.process.pid) - before

    def open(self, clients):
        self.clients = clients

    def turn(self, seconds):
        before = self.revision()
        rate, n, mean, cpu = self.load("KV/Txn", self.toggle, seconds)
        made = self.revision() - before
        if not 0.9 * n <= made <= 1.1 * n + self.clients:
            raise RuntimeError(f"etcd has made {made} revisions of {n} transactions")
        # What the end cuts off h2load does not count, and etcd does: in doubt for etcd.
        return {**result(made, n / rate, cpu), "mean_us": mean}

    def keepalives(self, seconds):
        """The better of many on a stream and one on a stream."""
        best = None
        for path, each in ((self.alive, self.ALIVE), (self.alive_one, 1)):
            requests = self.clients * max(1, round(self.ABOUT * seconds / each / self.clients))
            rate, n, _, cpu = self.load("Lease/LeaseKeepAlive", path, seconds, requests)
            got = {**result(n * each, n / rate, cpu), "on_a_stream": each}
            if best is None or got["ops_s"] > best["ops_s"]:
                best = got
        return best

    def close(self):
        pass

    def end(self):
        end(self.process)


class ZooKeeper:
    name = "ZooKeeper"
    lacks = None if os.path.exists(ZOOKEEPER_JAR) and shutil.which("java") else "apt-get install zookeeper"

    def __init__(self, folder, build, port):
        self.build, self.turns, self.port = build, None, port()
        data, config = os.path.join(folder, "zookeeper"), os.path.join(folder, "zoo.cfg")
        os.mkdir(data)
        with open(config, "w", encoding="ascii") as f:
            f.write(f"tickTime=2000\ndataDir={data}\nclientPort={self.port}\nclientPortAddress=127.0.0.1\n"
                    "maxClientCnxns=0\nadmin.enableServer=false\n4lw.commands.whitelist=ruok\n")
        self.process = subprocess.Popen(
            ["java", "-Xmx1g", "-cp", f"{folder}:{ZOOKEEPER_JAR}", "-Dzookeeper.jmx.log4j.disable=true",
             "org.apache.zookeeper.server.quorum.QuorumPeerMain", config], cwd=folder,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(self.answers, "ZooKeeper")
        except BaseException:
            self.end()
            raise

    def answers(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"ZooKeeper has ended with {self.process.returncode}")
        try:
            Turns(program(self.build, "bench-zookeeper"), self.port, 1, limit_s=5).end()
            return True
        except RuntimeError:
            return False

    def open(self, clients):
        self.turns = Turns(program(self.build, "bench-zookeeper"), self.port, clients)

    def turn(self, seconds):
        return of_turn(self.turns, self.process.pid, seconds)

    def close(self):
        if self.turns is not None:
            self.turns.end()
        self.turns = None

    def end(self):
        self.close()
        end(self.process)


ALL = (GroupCommit, Sqlite, Postgres, Etcd, ZooKeeper)


def start(folder, build, port, without=()):
    """Those that are here; and what is said of the others."""
    found, missing = [], []
    try:
        for kind in ALL:
            if kind.name in without:
                continue
            if kind.lacks is None:
                found.append(kind(folder, build, port))
            else:
                missing.append(f"{kind.name} is not installed: {kind.lacks}")
    except BaseException:
        for peer in found:
            peer.end()
        raise
    return found, missing
