# SPDX-License-Identifier: GPL-2.0-or-later
"""A node is cut off in the middle of a scan: it ends its worker before the coordinator gives the file
system to another, and when it is back it says that all is unmounted. Then the same with the
coordinator's own port: nobody gets anything new, and all goes on afterwards."""
import os
import signal

import disks as d
import scan_fleet as sf
from harness import Lab, check

FILES = 1500


def node(fleet):
    task, name, pid = fleet.begin_and_catch()
    fleet.link(f"m-{name}", "down")
    os.kill(pid, signal.SIGCONT)
    doc = fleet.wait_read(task)
    jobs = [j for j in doc["jobs"] if j["step"] == "read"]
    check(all(j["result"] == "complete" for j in jobs), f"jobs: {jobs}")
    check(all(j["node_name"] != name for j in jobs if j["attempt"] > 1), f"others have read it: {jobs}")
    check(not fleet.scan_workers(name), f"{name} has no worker any more")
    fleet.link(f"m-{name}", "up")
    fleet.wait_no_leases()
    print(f"{name} was cut off; others have read it, and back it says that all is unmounted")
    fleet.wait_done(task)


def everybody(fleet):
    """Workers end in time, whoever they are; what was begun is done once they are heard again."""
    task, name, pid = fleet.begin_and_catch()
    for n in sf.NODES:
        fleet.link(f"m-{n}", "down")
    d.watch(lambda: [p for n in sf.NODES for p in fleet.scan_workers(n)], lambda w: not w,
            "all workers end in time")
    for n in sf.NODES:
        fleet.link(f"m-{n}", "up")
    doc = fleet.wait_done(task)
    check(all(j["result"] == "complete" for j in doc["jobs"] if j["step"] == "read"), f"{doc['jobs']}")
    print("all were cut off; back, they have read it")


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid")
    with Lab() as lab, d.Disks(lab) as disks:
        with sf.ScanFleet(lab, disks, {"one": "ext4", "two": "ext4"}, more=FILES) as fleet:
            fleet.admit()
            fleet.tell(node, everybody)
            fleet.check_untouched()
            fleet.prove("partitions")


main()
