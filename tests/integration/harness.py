# SPDX-License-Identifier: GPL-2.0-or-later
"""What the integration tests share: a coordinator, probes and network namespaces that end with the
test, whatever happens; and waiting for events instead of times."""
import json
import os
import random
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ["MUSTER_BUILD"]  # the build folder under test
LIMIT_S = 120.0 if "asan" in BUILD else 60.0  # for what must happen, on a machine with ten times the work


def program(name):
    folder = {"muster-coordinator": "coordinator", "muster-probe": "probe", "muster": "cli",
              "muster-fleet": "bench"}[name]
    return os.path.join(BUILD, folder, name)


def skip(reason):
    print("SKIP:", reason)
    sys.exit(77)


def need_root():
    if os.geteuid() != 0:
        skip("network namespaces need root")
    if shutil.which("ip") is None:
        skip("ip (iproute2) is not installed")


def need_nic():
    """For tests whose probe is that of this very host: it reports what the kernel has."""
    if not any(os.path.exists(f"/sys/class/net/{name}/device") for _, name in socket.if_nameindex()):
        skip("this machine has no physical NIC: its probe has nothing to be known by or to report")


def check(condition, text):
    if not condition:
        raise AssertionError(text)


def run(*args, **kwargs):
    return subprocess.run(args, check=True, capture_output=True, text=True, **kwargs).stdout


def seed():
    value = int(os.environ.get("MUSTER_SEED", random.SystemRandom().randrange(1 << 32)))
    print(f"seed {value} (MUSTER_SEED={value} replays)")
    return random.Random(value)


claims = []  # names that this process holds until it ends


def free_port():
    """A port of loopback that no other test takes, nor the kernel for an outgoing connection."""
    first, count = 20000, 12000  # below net.ipv4.ip_local_port_range
    for i in range(count):
        port = first + (7 * os.getpid() + i) % count
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0muster-port-{port}")
            with socket.socket() as s:
                s.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        claims.append(claim)
        return port
    raise AssertionError("no port of loopback is free")


class Events:
    """`muster event tail -f` as a stream of events with a limit on waiting."""

    def __init__(self, lab, since=0):
        # Without a limit it gives up after two seconds where nobody listens yet.
        self.process = lab.spawn([program("muster"), "--connect", lab.client, "--timeout", "60s", "--json",
                                  "event", "tail", "--since", str(since), "-f"], stdout=subprocess.PIPE)
        self.pending = b""

    def next(self, limit_s=LIMIT_S):
        """(event, monotonic time of its arrival), or None when the time is up."""
        until = time.monotonic() + limit_s
        while b"\n" not in self.pending:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            data = os.read(self.process.stdout.fileno(), 65536)
            check(data, "event tail ended: " + str(self.process.poll()))
            self.pending += data
        line, self.pending = self.pending.split(b"\n", 1)
        return json.loads(line), time.monotonic()

    def until(self, test, what, limit_s=LIMIT_S):
        """The first event that passes `test`, with its arrival time."""
        end = time.monotonic() + limit_s
        while True:
            got = self.next(max(0.0, end - time.monotonic()))
            check(got is not None, f"no event within {limit_s} s: {what}")
            if test(got[0]):
                return got


class Lab:
    """Use as `with Lab() as lab:`."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="muster-it-")
        self.port = free_port()
        self.listen = f"tcp://127.0.0.1:{self.port}"
        self.client = f"ipc://{self.dir}/client.sock"
        self.state = os.path.join(self.dir, "state")
        self.processes = []
        self.namespaces = []
        self.coordinator = None
        self.log_number = 0

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for p in reversed(self.processes):
            self.end(p)
        for ns in self.namespaces:
            subprocess.run(["ip", "netns", "del", ns], capture_output=True)
        if kind is not None and kind is not SystemExit:
            for name in sorted(os.listdir(self.dir)):
                if name.endswith(".log"):
                    with open(os.path.join(self.dir, name), errors="replace") as f:
                        print(f"--- {name} (last lines)", "".join(f.readlines()[-25:]), sep="\n")
        shutil.rmtree(self.dir, ignore_errors=True)

    def spawn(self, command, log=None, **kwargs):
        if log is not None:
            self.log_number += 1
            kwargs["stderr"] = open(os.path.join(self.dir, f"{log}-{self.log_number}.log"), "wb")
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, **kwargs)
        self.processes.append(p)
        return p

    def end(self, p, how=signal.SIGTERM):
        if p.poll() is None:
            p.send_signal(how)
            try:
                p.wait(LIMIT_S)
            except subprocess.TimeoutExpired:
                p.kill()
                p.wait()
        if p in self.processes:
            self.processes.remove(p)

    def start_coordinator(self, *extra, namespace=None):
        """In a network namespace its clients come from here all the same: their socket is a file."""
        command = [program("muster-coordinator"), "--state-dir", self.state, "--listen", self.listen,
                   "--client-ipc", self.client, *extra]
        if namespace is not None:
            command = ["ip", "netns", "exec", namespace, *command]
        self.coordinator = self.spawn(command, log="coordinator")
        return self.coordinator

    def muster_raw(self, *args, timeout="60s"):
        return subprocess.run([program("muster"), "--connect", self.client, "--timeout", timeout,
                               *args], capture_output=True, text=True)

    def muster(self, *args):
        """A command's JSON document; the command must succeed."""
        r = self.muster_raw("--json", *args)
        check(r.returncode == 0, f"muster {' '.join(args)}: exit {r.returncode}: {r.stderr}")
        return json.loads(r.stdout)

    def tokens(self, count=1):
        return [t["token"] for t in self.muster("token", "create", "--count", str(count))["tokens"]]

    def start_probe(self, name, token=None, namespace=None, connect=None, extra=(), by=()):
        """Without this machine's disks, unless `extra` says which: most tests are not about them. `by`: a
        command that becomes it."""
        run_dir = os.path.join(self.dir, "probe-" + name)
        command = [program("muster-probe"), "--connect", connect or self.listen, "--run-dir",
                   run_dir, "--node-name", name, *extra]
        if "--device" not in extra:
            command += ["--device", "none"]
        if token is not None:
            path = os.path.join(self.dir, "token-" + name)
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
                f.write(token + "\n")
            command += ["--token-file", path]
        command = [*by, *command]
        if namespace is not None:
            command = ["ip", "netns", "exec", namespace, *command]
        return self.spawn(command, log="probe-" + name)

    def namespace(self, name):
        ns = f"muster-{os.getpid()}-{name}"
        run("ip", "netns", "add", ns)
        self.namespaces.append(ns)
        run("ip", "-n", ns, "link", "set", "lo", "up")
        return ns

    def matrix(self, *args):
        """{(node name, resource label): edge}"""
        doc = self.muster("matrix", *args)
        return {(doc["nodes"][e["node"]]["name"], doc["resources"][e["resource"]]["label"]): e
                for e in doc["edges"]}

    def wait(self, look, test, what, limit_s=LIMIT_S):
        """Looks again after each event until what it sees passes `test`; returns that."""
        events = Events(self, since=0)
        end = time.monotonic() + limit_s
        try:
            while True:
                seen = look()
                if test(seen):
                    return seen
                # Ages and confirmations come without events, so look again after a heartbeat too.
                events.next(min(1.0, max(0.0, end - time.monotonic())))
                check(time.monotonic() < end, f"not within {limit_s} s: {what}; is {seen}")
        finally:
            self.end(events.process)

    def wait_known(self, what):
        """Until there are edges, and each is known. A node is up before its first report has come: then there
        are none."""
        return self.wait_matrix(lambda m: m and all(e["state"] != "unknown" for e in m.values()) and
                                self.muster("status")["nodes_up"] == 1, what)

    def wait_matrix(self, test, what, *filters, limit_s=LIMIT_S):
        return self.wait(lambda: self.matrix(*filters), test, what, limit_s)

    def section(self, node, name):
        """One of a node that is not known yet has never been collected either."""
        r = self.muster_raw("--json", "node", "show", node, "--section", name)
        check(r.returncode in (0, 1), f"node show {node}: exit {r.returncode}: {r.stderr}")
        sections = json.loads(r.stdout)["sections"] if r.returncode == 0 else {}
        return sections.get(name, {"status": "never"})

    def wait_section(self, node, name, test, what, limit_s=LIMIT_S):
        """Its rows, once the section is ok and they pass `test`."""
        got = self.wait(lambda: self.section(node, name),
                        lambda s: s["status"] == "ok" and test(s["rows"]),
                        f"{name} of {node}: {what}", limit_s)
        return got["rows"]
