# SPDX-License-Identifier: GPL-2.0-or-later
"""Killed in the middle of a scan: its worker, its supervisor, the coordinator, a whole node for good. The
scan is done all the same, never by two at once, and nothing is written or left mounted."""
import os
import signal

import disks as d
import scan_fleet as sf
from harness import LIMIT_S, Lab, check

FILES = 1500  # so that a scan takes a moment


def worker(fleet):
    task, name, pid = fleet.begin_and_catch("--every-node", how=signal.SIGKILL)
    print(f"{name}: worker {pid} killed")
    doc = fleet.wait_done(task)
    check_all_complete(doc, len(sf.NODES) * len(fleet.files))
    check(any(j["attempt"] > 1 for j in doc["jobs"]), f"the job of the killed worker came again: {doc['jobs']}")


def check_all_complete(doc, count):
    jobs = [j for j in doc["jobs"] if j["step"] == "read"]
    check(len(jobs) == count and all(j["result"] == "complete" for j in jobs), f"jobs: {jobs}")


def supervisor(fleet):
    """Its worker dies with it; the next one proves that nothing is left before it speaks."""
    task, name, pid = fleet.begin_and_catch("--every-node")
    probe = fleet.fleet.probes[name]
    probe.send_signal(signal.SIGKILL)
    probe.wait(LIMIT_S)
    d.watch(lambda: os.path.exists(f"/proc/{pid}"), lambda there: not there, "its worker dies with it")
    fleet.lab.end(probe)
    fleet.fleet.start(name)
    print(f"{name}: supervisor killed, worker {pid} is dead")
    check_all_complete(fleet.wait_done(task), len(sf.NODES) * len(fleet.files))


def coordinator(fleet):
    """The worker goes on, and its lease; the next start takes its result."""
    task, name, pid = fleet.begin_and_catch("--every-node")
    token = next(v["token"] for v in fleet.leases() if v["node_name"] == name)
    fleet.restart_coordinator(lambda: os.kill(pid, signal.SIGCONT))
    print(f"coordinator killed while {name} scanned under token {token}")
    doc = fleet.wait_done(task)
    check_all_complete(doc, len(sf.NODES) * len(fleet.files))
    check(any(j["token"] == token for j in doc["jobs"]), f"the result under {token} counts: {doc['jobs']}")


def node(fleet):
    """It never comes back: its lease is residue, and others scan what it had."""
    task, name, pid = fleet.begin_and_catch()
    fleet.lab.end(fleet.fleet.probes.pop(name), signal.SIGKILL)
    d.watch(lambda: os.path.exists(f"/proc/{pid}"), lambda there: not there, "its worker dies with it")
    doc = fleet.wait_read(task)
    check_all_complete(doc, len(fleet.files))
    check(all(j["node_name"] != name for j in doc["jobs"] if j["ended"] and j["attempt"] > 1),
          f"{name} is gone: {doc['jobs']}")
    left = fleet.leases()
    check([v["state"] for v in left] == ["residue"] * len(left) and
          {v["node_name"] for v in left} <= {name}, f"what {name} had: {left}")
    print(f"{name} is gone for good: {len(left)} leases are residue, the others have read it all")
    nobody_writes(fleet, name, left[0]["label"])


def nobody_writes(fleet, dead, label):
    """What a silent node may still have mounted is nobody's to write, until an operator says that it is dead."""
    other = next(n for n in sf.NODES if n != dead)
    take = ("hold", "take", label, "--node", other, "--for", "a test")
    r = fleet.lab.muster_raw(*take)
    check(r.returncode == 1 and dead in r.stderr and "may still have it mounted" in r.stderr, r.stderr)
    fleet.lab.muster("node", "declare-dead", dead, "--type-name", dead)
    fleet.wait_no_leases()
    fleet.lab.muster("hold", "end", fleet.lab.muster(*take)["hold"]["token"])
    print(f"a hold of {label} is refused until {dead} is declared dead")


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid")
    with Lab() as lab, d.Disks(lab) as disks:
        with sf.ScanFleet(lab, disks, {"one": "ext4", "two": "ext4"}, more=FILES) as fleet:
            fleet.admit()
            fleet.tell(worker, supervisor, coordinator)
            node(fleet)
            fleet.check_untouched()
            fleet.prove("kills")


main()
