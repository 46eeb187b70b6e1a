# SPDX-License-Identifier: GPL-2.0-or-later
"""How long what a kernel announces takes to be in the matrix: a loop device attached, a path lost and back, a path
that fails in its map and is in use again, a map that is loaded anew. An emulated processor is slow, so each is told as a ratio to the first, in the
same run on the same host. Run by hand: MUSTER_LAB_FULL=1."""
import os
import statistics

from lab_harness import TestLab, check, contain, skip
from latency import Kernel, seconds

BOOT_S = 600
ROUNDS = 5
ATTACHED = "loop device attached"
MOST_TIMES = 3.0  # what a path may take, of what a loop device takes


class Bench:
    def __init__(self, t, host):
        self.t, self.host = t, host
        self.kernel = Kernel(host)
        self.lun = "naa." + t.lab.luns["s1"].naa
        self.took = {}

    def shell(self, command):
        r = self.host.shell(command)
        check(r.returncode == 0, f"{command}: {r.stderr}")
        return r.stdout.strip()

    def events(self):
        return self.t.muster("event", "tail")["events"]

    def measure(self, what, command, label, kind, first, last=None):
        """From the kernel's first announcement that is `first` to the event; with a name of its own also from the
        last one before it that is `last`."""
        self.t.rest(self.host)
        before = self.events()[-1]["no"]
        self.kernel.forget()
        self.shell(command)

        def look():
            return [e for e in self.events() if e["no"] > before and e["kind"] == kind and e["resource_label"] == label]
        at = seconds(self.t.wait(look, bool, what)[0]["time"])
        told = [x for x in self.kernel.told() if x[0] < at]
        self.keep(what, at, [x for x in told if first(*x[1:])][:1])
        if last is not None:
            self.keep(last[0], at, [x for x in told if last[1](*x[1:])][-1:])

    def keep(self, what, at, told):
        check(told, f"{what}: the kernel has not told of it: {self.kernel.told()}")
        ms = 1000 * (at - told[0][0])
        self.took.setdefault(what, []).append(ms)
        self.t.say(f"  {ms:.0f} ms  {what}")

    def attach(self, number):
        file = f"/run/file{number}"
        self.shell(f"truncate -s 8M {file}")
        self.measure(ATTACHED, f"losetup -f {file}", file, "edge.ok",
                     lambda name, action: name.startswith("loop") and action == "change")
        self.shell(f"losetup -d $(losetup -n -O NAME -j {file})")

    def disk(self):
        """(name, host number, address on it, map) of a path to the LUN."""
        out = self.shell("for d in /sys/block/sd*; do [ $(<$d/device/wwid) != %s ] || echo ${d##*/} "
                         "$(basename $(readlink -f $d/device)) $(basename $d/holders/dm-*); done" % self.lun)
        name, address, dm = out.splitlines()[-1].split()
        host, *rest = address.split(":")
        return name, host, " ".join(rest), dm

    def path(self):
        """A disk goes, and comes back; its map is loaded anew both times."""
        name, number, address, dm = self.disk()
        self.measure("path lost", f"echo 1 >/sys/block/{name}/device/delete", self.lun, "edge.degraded",
                     lambda n, action: n == name and action == "remove")
        self.measure("path back", f"echo {address} >/sys/class/scsi_host/host{number}/scan", self.lun, "edge.ok",
                     lambda n, action: n.startswith("sd") and action == "add",
                     ("map loaded with it", lambda n, action: n == dm and action == "change"))

    def fail(self):
        """A disk stays, and answers nothing; the map gives the path up when its daemon has seen that."""
        name, _, _, dm = self.disk()

        def is_map(n, action):
            return n == dm and action == "change"
        self.measure("path failed", f"echo offline >/sys/block/{name}/device/state", self.lun, "edge.degraded", is_map)
        self.measure("path in use again", f"echo running >/sys/block/{name}/device/state", self.lun, "edge.ok", is_map)


def tell(took):
    base = statistics.median(took[ATTACHED])
    print(f"{'':28} {'median':>8} {'least':>8} {'most':>8}  of a loop device's")
    for what, ms in took.items():
        print(f"{what:28} {statistics.median(ms):5.0f} ms {min(ms):5.0f} ms {max(ms):5.0f} ms  "
              f"{statistics.median(ms) / base:.2f}", flush=True)
    return base


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("the full suite of the lab is run by hand: MUSTER_LAB_FULL=1")
    contain()
    with TestLab(1, BOOT_S) as t:
        host = t.lab.host("n1")
        for lun in t.lab.luns:
            t.wait_edge("n1", lun, ("ok", 2, 2), f"n1 sees {lun} over both paths")
        host.shell("modprobe loop")
        b = Bench(t, host)
        t.say(f"this machine's clock is {1000 * b.kernel.ahead_s:.1f} ms ahead of the host's")
        try:
            for i in range(ROUNDS):
                b.attach(i)
                b.path()
                b.fail()
        finally:
            base = tell(b.took)
        for what, ms in b.took.items():
            if what == "path back":  # of which the most is the daemon's, until it has loaded the map
                continue
            check(statistics.median(ms) <= MOST_TIMES * base, f"{what} takes more than {MOST_TIMES} times as long")


main()
