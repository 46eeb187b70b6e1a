# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of the lab share: a lab that ends with its test whatever happens to it, waiting for the
matrix, and plain reasons to skip."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "..", "lab"), os.path.join(HERE, "..", "integration")]
from harness import Events, check, skip  # noqa: E402
from muster_lab import bmc, debian, faults, image, processes  # noqa: E402
from muster_lab.errors import LabError, Unavailable  # noqa: E402
from muster_lab.fleet import Lab  # noqa: E402

OPTIONS = {"machine": "qemu", "storage": ["shared"], "xen": False, "cpu": None, "cpus": 1, "memory_mib": 640,
           "multipath": True, "bonds": False, "guest_mib": 0, "append": [], "witness": False}
WAIT_S = 120.0  # for one change to arrive in the matrix: emulated processors on a busy machine


def busy():
    """Whether others want so much of this machine that a time limit proves nothing. The limits leave room for
    the load that ./check makes: under that they are faults."""
    return os.getloadavg()[0] > 8 * os.cpu_count()


def out_of_time(text):
    """A limit on time was hit: a fault, unless the machine is too busy to tell."""
    if busy():
        skip(f"this machine is too busy (load {os.getloadavg()[0]:.0f}): {text}")
    raise AssertionError(text)


def limit(seconds):
    """The test ends after so long, whatever it is at. Counts from the first call, also in what contain()
    starts; that ends 15 s earlier, to have time to end in good order."""
    def end(*_):
        out_of_time(f"the whole test was not over in {seconds} s")
    until = float(os.environ.setdefault("MUSTER_LAB_UNTIL", str(time.monotonic() + seconds)))
    early = 15 if os.environ.get("MUSTER_LAB_CONTAINED") else 0
    signal.signal(signal.SIGALRM, end)
    signal.alarm(max(1, int(until - time.monotonic()) - early))


def reap():
    """The first process of the namespace inherits what others have started, as a BMC does its host."""
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def machine():
    """What the hosts are in tests that run on both: MUSTER_LAB_MACHINE, else processes, which are the faster ones."""
    return os.environ.get("MUSTER_LAB_MACHINE", "uml")


def contain(kind="qemu"):
    """Goes on in namespaces of processes, mounts and network of its own, with a folder of its own: nothing that
    the test starts outlives it, even when it is killed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if os.environ.get("MUSTER_LAB_CONTAINED"):
        subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run"], check=True)
        os.makedirs("/run/netns")
        return
    try:
        debian.require_programs(kind)
    except Unavailable as e:
        skip(str(e))
    if subprocess.run(["unshare", "--mount", "--pid", "--net", "--fork", "true"], check=False,
                      capture_output=True).returncode != 0:
        skip("this machine does not let root make namespaces")
    if not os.path.exists("/dev/net/tun"):
        skip("this machine has no /dev/net/tun")
    try:
        image.build(lambda text: print(text, flush=True), machine=kind)  # here, where the network is
    except Unavailable as e:
        skip(str(e))
    with tempfile.TemporaryDirectory(prefix="muster-lab-", dir="/var/tmp") as folder:
        command = ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--net", "--fork",
                   "--kill-child", "--mount-proc", sys.executable, "-B", *sys.argv]
        sys.exit(subprocess.run(command, check=False, env={
            **os.environ, "MUSTER_LAB_CONTAINED": "1", "MUSTER_LAB_RUN": folder}).returncode)


class TestLab:
    """Use as `with TestLab(2, storage=[...]) as t`: hosts are up inside. A machine too busy to boot them in
    `boot_s` skips."""
    __test__ = False

    def __init__(self, count, boot_s, luns=2, lun_size=256 << 20, fill=None, settings=(), **options):
        self.lab = Lab("t")
        self.count, self.boot_s = count, boot_s
        self.made = {"lun_count": luns, "lun_size": lun_size, "fill": fill, "settings": settings}
        self.options = {**OPTIONS, **options}

    def __enter__(self):
        self.started = time.monotonic()
        try:
            self.lab.up(self.count, self.options, **self.made)
            self.wait_booted(self.lab.hosts.values(), self.boot_s)
            self.lab.wait(WAIT_S)
        except Unavailable as e:
            skip(str(e))
        except BaseException as e:
            self.__exit__(type(e), e, None)
            raise
        self.say(f"{self.count} hosts are up")
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None and kind is not SystemExit:
            self.print_logs()
        self.lab.down()
        check(not os.path.exists(self.lab.folder), "the lab's folder is left behind")
        reap()
        left = subprocess.run(["pgrep", "-a", "."], capture_output=True, text=True, check=False).stdout
        check(not any(p in left for p in ("qemu-system", "linux.uml", "tgtd", "ipmi_sim", "muster-coordinator")),
              "processes are left behind: " + left)

    def print_logs(self):
        for host in self.lab.hosts.values():
            print(f"--- console of {host.name}", host.console()[-2000:], sep="\n")
            try:
                print(host.shell("tail -n 25 /run/lab/probe.log", 20).stdout)
            except LabError as e:
                print(e)
        print(self.lab.muster("event", "tail").stdout[-3000:])

    def say(self, text):
        print(f"{time.monotonic() - self.started:7.1f} s  {text}", flush=True)

    def wait_booted(self, hosts, limit_s):
        def booted():
            for host in hosts:
                check(host.on(), f"{host.name} ended while booting")
            return all(h.console().count("LAB ready") >= h.doc["boots"] for h in hosts)
        try:
            processes.wait_until(booted, limit_s, "all hosts have booted")
        except LabError as e:
            out_of_time(str(e))

    def fault(self, *words):
        faults.inject(self.lab, words[0], words[1:])
        self.say("fault " + " ".join(words))

    def muster(self, *args):
        r = self.lab.muster("--json", *args)
        check(r.returncode == 0, f"muster {' '.join(args)}: exit {r.returncode}: {r.stderr}")
        return json.loads(r.stdout)

    def edges(self):
        """{(node name, LUN key): (state, active paths, all paths)}"""
        doc = self.muster("matrix", "--kind", "lun")
        return {(doc["nodes"][e["node"]]["name"], doc["resources"][e["resource"]]["key"]):
                (e["state"], e["paths_active"], e["paths_total"]) for e in doc["edges"]}

    def edge(self, host, lun):
        return self.edges().get((host, "naa." + self.lab.luns[lun].naa))

    def known_edge(self, host, lun):
        """The same, once it is known: a host that was not run for some seconds is taken for silent meanwhile."""
        return self.wait(lambda: self.edge(host, lun), lambda e: e is not None and e[0] != "unknown",
                         f"{host} is heard")

    # As harness.Events wants them.

    @property
    def client(self):
        return self.lab.client

    def spawn(self, command, **kwargs):
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, **kwargs)

    def wait(self, look, test, what, limit_s=WAIT_S):
        """Looks again after each event, and each second, until what it sees passes `test`; returns that."""
        until = time.monotonic() + limit_s
        events = Events(self, since=self.muster("status")["event_no"])
        try:
            while True:
                seen = look()
                if test(seen):
                    self.say(what)
                    return seen
                if time.monotonic() > until:
                    out_of_time(f"not within {limit_s:.0f} s: {what}; is {seen}")
                events.next(1.0)
        finally:
            events.process.kill()
            events.process.wait()
            events.process.stdout.close()

    def rest(self, host):
        """Until nothing of what was before is under way: its probe has no worker."""
        self.wait(lambda: host.shell("pgrep -c muster-probe-wo").stdout.strip(), lambda n: n == "0",
                  f"{host.name} is quiet")

    def wait_edge(self, host, lun, wanted, what):
        return self.wait(lambda: self.edge(host, lun), lambda e: e is not None and e[:len(wanted)] == wanted,
                         what)
