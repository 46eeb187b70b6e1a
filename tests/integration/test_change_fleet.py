# SPDX-License-Identifier: GPL-2.0-or-later
"""Volume groups changed by intent, on two nodes that share their disks: one of them runs LVM, the other
is current when the task is done; a probe that is killed at it leaves nothing half done."""
import os
import signal
import time

from disks import MIB, Disks, Fleet, need_disks
from harness import LIMIT_S, Lab, check

NODES = ("alpha", "beta")
EXTENT = 4 * MIB


class Bed:
    def __init__(self, lab, disks):
        self.lab, self.disks = lab, disks
        self.files = [disks.file(f"disk{i}", 64 * MIB) for i in range(3)]
        self.own = [disks.attach(0, f) for f in self.files]
        disks.lvm(self.own, "pvcreate", "-q", *self.own[:2])
        disks.lvm(self.own, "vgcreate", "-q", "-s", "4m", "fast", *self.own[:2])
        for f in self.files:
            disks.attach(1, f)
        self.fleet = Fleet(lab, disks, NODES)
        lab.wait_matrix(lambda m: len(m) == 6 and all(e["state"] == "ok" for e in m.values()),
                        "both see three disks", "--kind", "lun")
        lab.wait_matrix(lambda m: len(m) == 2 and all(e["state"] == "ok" for e in m.values()),
                        "both see the volume group", "--kind", "vg")
        doc = lab.muster("resource", "list", "--kind", "lun")
        self.luns = {r["label"]: r["id"] for r in doc["resources"]}

    def do(self, *args, code=0):
        r = self.lab.muster_raw("--json", *args, "--wait", timeout="120s")
        check(r.returncode == code, f"muster {' '.join(args)}: exit {r.returncode}: {r.stderr} {r.stdout}")
        return r.stderr

    def lvs(self, name):
        out = self.disks.lvm(self.own, "lvs", "--noheadings", "--units", "b", "--nosuffix", "-o",
                             "lv_name,lv_size", name)
        return dict((w[0], int(w[1])) for w in map(str.split, out.splitlines()) if w)

    def pvs(self):
        return int(self.disks.lvm(self.own, "vgs", "--noheadings", "-o", "pv_count", "fast"))

    def check_equal(self):
        """Both nodes tell the same version, and it is what is on the disks."""
        seqno = int(self.disks.lvm(self.own, "vgs", "--noheadings", "-o", "vg_seqno", "fast"))
        seen = [[(r["seqno"], r["metadata_digest"]) for r in self.lab.section(n, "vgs")["rows"]
                 if r["name"] == "fast"] for n in NODES]
        check(seen[0] == seen[1] and [s for s, _ in seen[0]] == [seqno], f"{seen}, not {seqno}")
        said = self.disks.lvm(self.own, "vgck", "fast")
        check(not said.strip(), f"vgck: {said}")


def at_change(probes):
    """The probes of this test, by pid, that have a worker of a change at this moment. What is told of a
    worker is read once: it may be gone at the next look."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                parent = f.read().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if words[:2] == [b"muster-probe-worker", b"change"] and int(parent) in probes:
            found.append(int(parent))
    return found


def test_intents(bed):
    bed.lab.muster("vg", "adopt", "fast")
    bed.do("lv", "create", "fast", "root", "16M")
    bed.do("lv", "create", "fast", "data", "8M")
    bed.do("lv", "extend", "fast", "root", "24M")
    bed.do("lv", "rename", "fast", "data", "swap")
    check(bed.lvs("fast") == {"root": 6 * EXTENT, "swap": 2 * EXTENT}, f"LVs: {bed.lvs('fast')}")
    bed.do("lv", "reduce", "fast", "root", "8M", "--type-name", "root")
    bed.do("lv", "remove", "fast", "swap", "--type-name", "swap")
    check(bed.lvs("fast") == {"root": 2 * EXTENT}, f"LVs: {bed.lvs('fast')}")
    bed.check_equal()
    third = bed.luns[bed.files[2]]
    bed.do("vg", "extend", "fast", third)
    check(bed.pvs() == 3, f"{bed.pvs()} PVs")
    bed.check_equal()
    print("what was asked for is so, and both nodes are current")


def killed_probe(bed, n):
    """As soon as its worker is seen, wherever that is by then. The other node, or the same one when it
    is back, finishes it."""
    name = f"k{n}"
    task = bed.lab.muster("lv", "create", "fast", name, "4M")["task"]["no"]
    end, caught = time.monotonic() + LIMIT_S, None
    while caught is None:
        check(time.monotonic() < end, "no worker of the change is seen: "
              f"{bed.lab.muster('task', 'show', str(task))}")
        pids = {p.pid: node for node, p in bed.fleet.probes.items()}
        found = at_change(pids)
        if found:
            caught = pids[found[0]]
        elif bed.lab.muster("task", "show", str(task))["task"]["state"] == "done":
            return False
    bed.lab.end(bed.fleet.probes[caught], signal.SIGKILL)
    bed.fleet.start(caught)
    done = bed.lab.wait(lambda: bed.lab.muster("task", "show", str(task))["task"],
                        lambda t: t["state"] in ("done", "failed"), f"task {task} ends", 3 * LIMIT_S)
    check(done["state"] == "done", f"{done}")
    check(name in bed.lvs("fast"), f"LVs: {bed.lvs('fast')}")
    bed.disks.lvm(bed.own, "vgck", "fast")
    return True


def test_reduce(bed):
    bed.do("vg", "reduce", "fast", bed.luns[bed.files[2]])
    check(bed.pvs() == 2, f"{bed.pvs()} PVs")
    bed.check_equal()


def main():
    need_disks("lvm")
    with Lab() as lab, Disks(lab) as disks:
        bed = Bed(lab, disks)
        test_intents(bed)
        killed = sum(killed_probe(bed, n) for n in range(3))
        bed.check_equal()
        test_reduce(bed)
        print(f"{killed} probes killed at a change: each was done once")


main()
