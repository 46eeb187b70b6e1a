# SPDX-License-Identifier: GPL-2.0-or-later
"""muster changes a volume group: two real probes on shared loop devices, LVM's own programs as the
judge. One change runs at a time, in the order in which they were asked for; 16 creates at once over two
nodes end as 16 LVs; what is refused changes nothing; a worker, a probe and the coordinator that are
killed at it leave the volume group as it was before or after, and nothing of the neighbour."""
import hashlib
import os
import signal
import time

from change_bed import workers_at_change
from disks import Disks, Fleet, need_disks
from harness import Lab, check, run

NODES = ("alpha", "beta")
AT_ONCE = 16
TRIES = 10


class World:
    def __init__(self, lab, disks):
        self.lab, self.disks = lab, disks
        self.files = [disks.file(f"pv{i}") for i in range(2)] + [disks.file("neighbour")]
        self.devices = [disks.attach(0, f) for f in self.files]
        for f in self.files:
            disks.attach(1, f)
        self.parted = disks.file("parted")
        run("sfdisk", "-q", self.parted, input=",24M\n,24M\n")
        self.parts = [disks.attach(i, self.parted, partitions=True) for i in range(2)]
        self.pvs = self.devices[:2]
        disks.lvm(self.pvs, "pvcreate", "-q", *self.pvs)
        disks.lvm(self.pvs, "vgcreate", "-q", "-s", "1m", "vg0", *self.pvs)
        self.fleet = Fleet(lab, disks, NODES, extra=("--rescan", "5s"))
        lab.wait_matrix(lambda m: m and set(m) == {(n, "vg0") for n in NODES} and
                        all(e["state"] == "ok" for e in m.values()), "vg0 of both", "--kind", "vg")
        self.neighbour = self.sum()

    def sum(self):
        with open(self.files[2], "rb") as f:
            return hashlib.sha256(f.read()).hexdigest()

    def lvs(self):
        """{name: MiB}, as LVM itself reads it."""
        out = self.disks.lvm(self.pvs, "lvs", "--noheadings", "--nosuffix", "--units", "m", "-o",
                             "lv_name,lv_size", "vg0")
        return {line.split()[0]: float(line.split()[1]) for line in out.splitlines() if line.strip()}

    def vgs(self, devices, name):
        """Name, bytes of an extent, autoactivation, as LVM itself reads them."""
        return self.disks.lvm(devices, "vgs", "--noheadings", "--nosuffix", "--units", "b", "--binary", "-o",
                              "vg_name,vg_extent_size,vg_autoactivation", name).split()

    def change(self, *words):
        return self.lab.muster(*words, "--wait")

    def refused(self, text, *words):
        before = self.lvs()
        r = self.lab.muster_raw(*words, "--wait")
        check(r.returncode == 1 and text in r.stderr, f"{words}: {r}")
        check(self.lvs() == before, f"{words}: changed all the same: {self.lvs()}")

    def signal_probes(self, how):
        for p in self.fleet.probes.values():
            p.send_signal(how)

    def current(self):
        def look():
            return self.lab.muster("vg", "show", "vg0")
        def good(doc):
            return doc["vg"]["current"] == len(NODES) and doc["vg"]["task"] is None
        return self.lab.wait(look, good, "both are current")

    def intact(self):
        self.disks.lvm(self.pvs, "vgck", "vg0")
        check(self.sum() == self.neighbour, "the neighbour was written")


def each_change(w):
    w.refused("muster vg adopt", "lv", "create", "vg0", "a", "8M")
    w.lab.muster("vg", "adopt", "vg0")
    w.change("lv", "create", "vg0", "a", "8M")
    check(w.lvs() == {"a": 8.0}, f"made: {w.lvs()}")
    w.change("lv", "extend", "vg0", "a", "12M")
    check(w.lvs() == {"a": 12.0}, f"extended: {w.lvs()}")
    w.change("lv", "rename", "vg0", "a", "b")
    check(w.lvs() == {"b": 12.0}, f"renamed: {w.lvs()}")
    w.change("lv", "reduce", "vg0", "b", "4M", "--type-name", "b")
    check(w.lvs() == {"b": 4.0}, f"reduced: {w.lvs()}")
    w.refused("already", "lv", "create", "vg0", "b", "4M")
    w.refused("", "lv", "create", "vg0", "huge", "1T")
    if not os.path.exists("/dev/mapper/control"):
        w.refused("no device-mapper", "lv", "snapshot", "vg0", "b", "s", "4M")
    doc = w.current()
    check({n["state"] for n in doc["vg_nodes"]} == {"current"}, f"show: {doc['vg_nodes']}")
    check([r["name"] for r in doc["lvs"]] == ["b"], f"LVs: {doc['lvs']}")
    w.change("lv", "remove", "vg0", "b", "--type-name", "b")
    check(w.lvs() == {}, f"removed: {w.lvs()}")
    w.intact()
    print("made, extended, renamed, reduced, removed; refused without a trace: taken, too large")


def activation(w):
    """This kernel has no device-mapper: LVM's own `lvchange -ay` says 0 and does nothing; muster says so."""
    if os.path.exists("/sys/class/misc/device-mapper"):
        print("there is device-mapper: activation is the lab's to test")
        return
    w.change("lv", "create", "vg0", "act", "4M")
    w.refused("this node has no device-mapper", "lv", "activate", "vg0", "act", NODES[0])
    check(w.lab.muster("hold", "list")["holds"] == [], "no right is left of what was not begun")
    w.refused("No node has the right", "lv", "deactivate", "vg0", "act")
    check(w.lab.muster("vg", "show", "vg0")["active"] == [], "it is active nowhere")
    w.change("lv", "remove", "vg0", "act", "--type-name", "act")
    w.intact()
    print("activation without device-mapper: refused, and no right is left")


def at_once(w):
    """LAB.md: two hosts that create at once without a lock lose LVs silently."""
    began = time.monotonic()
    w.signal_probes(signal.SIGSTOP)  # so that they are not done before they are looked at
    try:
        for i in range(AT_ONCE):
            w.lab.muster("lv", "create", "vg0", f"lv{i:02}", "1M")
        listed = w.lab.muster("vg", "list")["vgs"][0]
    finally:
        w.signal_probes(signal.SIGCONT)
    check(listed["task"] is not None and listed["waiting"] > 0, f"their waiting is shown: {listed}")
    w.lab.wait(lambda: w.lab.muster("task", "list")["tasks"], lambda t: not t, "all are over", 120)
    check(sorted(w.lvs()) == [f"lv{i:02}" for i in range(AT_ONCE)], f"all are there: {sorted(w.lvs())}")
    w.current()
    w.intact()
    print(f"{AT_ONCE} creates at once: {AT_ONCE} LVs in {time.monotonic() - began:.1f} s")


def kill_one(w):
    """A worker of a change as soon as one is seen. False: all changes were over before."""
    probes = {p.pid: name for name, p in w.fleet.probes.items()}
    while True:
        for victim in workers_at_change(probes):
            try:
                os.kill(victim, signal.SIGKILL)
                return True
            except ProcessLookupError:
                pass
        if not w.lab.muster("task", "list")["tasks"]:
            return False


def killed(w):
    """Whoever is killed while changes wait and run, in the end each has happened once."""
    for i in range(TRIES):
        names = [f"k{i}-{k}" for k in range(6)]
        for n in names:
            w.lab.muster("lv", "create", "vg0", n, "1M")
        caught = kill_one(w)
        w.lab.wait(lambda: w.lab.muster("task", "list")["tasks"], lambda t: not t, "all are over", 120)
        check(set(names) <= set(w.lvs()), f"a worker was killed: {sorted(w.lvs())}")
        w.intact()
        if caught:
            print("a worker killed: all are done")
            return
    raise AssertionError(f"no worker was seen in {TRIES} times {len(names)} changes")


def anew(w):
    """A volume group of what was the neighbour, and both together again."""
    luns = {r["label"]: r["id"] for r in w.lab.muster("resource", "list", "--kind", "lun")["resources"]}
    third = luns[w.files[2]]
    w.lab.muster("vg", "create", "new", third, "--wait")
    w.lab.wait(lambda: [v["nodes"] for v in w.lab.muster("vg", "list")["vgs"]], lambda v: v == [2, 2], "both see it")
    check(all(v["adopted"] for v in w.lab.muster("vg", "list")["vgs"]), "what muster has made is its own")
    w.lab.muster("vg", "remove", "new", "--type-name", "new", "--wait")
    w.lab.muster("vg", "extend", "vg0", third, "--wait")
    w.lab.muster("vg", "reduce", "vg0", third, "--wait")
    w.lab.muster("lv", "create", "vg0", "after", "1M", "--wait")
    check("after" in w.lvs(), "a volume group that was reduced is whole")
    w.disks.lvm(w.pvs, "vgck", "vg0")
    odd = w.lab.muster_raw("vg", "create", "odd", third, "--extent-size", "3000b")
    check(odd.returncode == 2 and "3000 bytes for an extent is neither" in odd.stderr, f"no size of an extent: {odd}")
    w.lab.muster("vg", "create", "sized", third, "--extent-size", "2M", "--wait")
    check(w.vgs(w.devices[2:], "sized") == ["sized", "2097152", "0"], "its extents, and no autoactivation")
    w.lab.muster("lv", "create", "sized", "part", "3M", "--wait")
    sizes = [r["size_bytes"] for r in w.lab.muster("vg", "show", "sized")["lvs"]]
    check(sizes == [4 << 20], f"a size is whole extents: {sizes}")
    w.lab.muster("lv", "remove", "sized", "part", "--type-name", "part", "--wait")
    w.lab.muster("vg", "remove", "sized", "--type-name", "sized", "--wait")
    print("a volume group made and removed; another extended, reduced, and changed again")


def on_partitions(w):
    """Of one LUN, whose other partition is in use first."""
    w.refused("No node sees a partition", "vg", "create", "parts", f"{w.parted}-part7")
    w.lab.muster("vg", "create", "parts", f"{w.parted}-part1", "--wait")
    check(w.vgs([w.parts[0] + "p1"], "parts")[0] == "parts", "LVM sees it on the partition")
    w.refused("cannot become a PV", "vg", "create", "more", f"{w.parted}-part1")
    w.refused("cannot become a PV", "vg", "create", "more", w.parted)
    w.lab.muster("vg", "extend", "parts", f"{w.parted}-part2", "--wait")
    containers = {p["container"][-6:] for p in w.lab.muster("vg", "show", "parts")["pvs"]}
    check(containers == {"-part1", "-part2"}, f"PVs: {containers}")
    w.lab.muster("lv", "create", "parts", "both", "36M", "--wait")
    w.lab.muster("lv", "remove", "parts", "both", "--type-name", "both", "--wait")
    w.lab.muster("vg", "reduce", "parts", f"{w.parted}-part1", "--wait")
    w.lab.muster("vg", "remove", "parts", "--type-name", "parts", "--wait")
    print("partitions: a volume group of them made, extended, reduced, removed")


def main():
    need_disks("lvm", "sfdisk", "partx")
    with Lab() as lab, Disks(lab) as disks:
        w = World(lab, disks)
        each_change(w)
        activation(w)
        at_once(w)
        killed(w)
        anew(w)
        on_partitions(w)


main()
