# SPDX-License-Identifier: GPL-2.0-or-later
"""A scan's worker that is stopped, and a supervisor that is: both longer than the lease. The worker is
dead in time by its own timer, another node does the scan, and what comes to life again does no harm."""
import os
import signal

import disks as d
import scan_fleet as sf
from harness import Lab, check

FILES = 1500


def dead(pid):
    """Or it has ended and nobody has taken notice, as of a supervisor that is stopped."""
    try:
        return d.file_text(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


def worker(fleet):
    task, name, pid = fleet.begin_and_catch()
    d.watch(lambda: dead(pid), bool, "its own timer ends it, stopped as it is")
    doc = fleet.wait_read(task)
    check(all(j["result"] == "complete" for j in doc["jobs"] if j["step"] == "read"), f"{doc['jobs']}")
    print(f"{name}: worker {pid} was stopped and died in time")
    fleet.wait_done(task)


def supervisor(fleet):
    """Nobody renews: the worker dies in time, and the lease is residue until the node speaks again."""
    task, name, pid = fleet.begin_and_catch()
    probe = fleet.fleet.probes[name]
    probe.send_signal(signal.SIGSTOP)
    d.watch(lambda: dead(pid), bool, "its own timer ends it")
    doc = fleet.wait_read(task)
    jobs = [j for j in doc["jobs"] if j["step"] == "read"]
    check(all(j["result"] == "complete" for j in jobs), f"jobs: {jobs}")
    check({v["node_name"] for v in fleet.leases() if v["state"] == "residue"} == {name},
          f"what {name} had is residue: {fleet.leases()}")
    probe.send_signal(signal.SIGCONT)
    fleet.wait_no_leases()
    print(f"{name}: supervisor was stopped; others have read it, and awake it says that all is unmounted")
    fleet.wait_done(task)


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid")
    with Lab() as lab, d.Disks(lab) as disks:
        with sf.ScanFleet(lab, disks, {"one": "ext4", "two": "ext4"}, more=FILES) as fleet:
            fleet.admit()
            fleet.tell(worker, supervisor)
            fleet.check_untouched()
            fleet.prove("pauses")


main()
