# SPDX-License-Identifier: GPL-2.0-or-later
"""Volume groups changed by intent, on two nodes that share their disks: one of them runs LVM, the other
is current when the task is done; a probe that is killed at it leaves nothing half done."""
import signal
import time

from change_bed import EXTENT, Bed, workers_at_change
from disks import Disks, need_disks
from harness import LIMIT_S, Lab, check


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
        found = workers_at_change(pids)
        if found:
            caught = pids[next(iter(found.values()))]
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
    """LVs lie on PVs in the order of UUIDs, which are random: what was made since may lie on the third."""
    for name in sorted(n for n in bed.lvs("fast") if n.startswith("k")):
        bed.do("lv", "remove", "fast", name, "--type-name", name)
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
