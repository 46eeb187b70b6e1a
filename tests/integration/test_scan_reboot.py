# SPDX-License-Identifier: GPL-2.0-or-later
"""A node is rebooted in the middle of a scan: its new boot, which was let in by a token of its own, proves
that the one before is over, and with it the lease. (Loop devices are other ones after a boot: here the
node comes back with other containers, of the same file systems.)"""
import os

import disks as d
import scan_fleet as sf
from harness import Lab, check

FILES = 1500


def reboot(fleet):
    """A new boot proves that the one before is over, and its lease with it."""
    task, name, pid = fleet.begin_and_catch()
    token = next(v["token"] for v in fleet.leases() if v["node_name"] == name)
    fleet.reboot(name)
    d.watch(lambda: os.path.exists(f"/proc/{pid}"), lambda there: not there, "its worker dies with it")
    doc = fleet.wait_done(task)
    check(all(j["result"] == "complete" for j in doc["jobs"] if j["step"] == "read"), f"{doc['jobs']}")
    fleet.wait_no_leases()
    over = next(v for v in fleet.lab.muster("lease", "list", "--history")["leases"] if v["token"] == token)
    check(over["end"] == "fenced", f"the lease of the boot that is over: {over}")
    print(f"{name}: rebooted, and its lease is {over['end']}")


def proofs_end(fleet):
    """What was proven is of the boot in which it was, and is said to be."""
    keys = [r["key"] for r in fleet.resources("filesystem")["resources"] if r["label"] == "one"]
    key, name = next((k, n) for k in keys for n, x in fleet.reach(k).items()
                     if x["this_boot"] and x["how"] != "not_proven")
    fleet.reboot(name)
    fleet.lab.wait(lambda: fleet.reach(key)[name], lambda x: not x["this_boot"],
                   f"{name} has proven nothing in its new boot")
    chain = fleet.lab.muster("explain", name, key)["evidence"]
    check(any("in an earlier boot" in x["text"] for x in chain), f"{chain}")
    print(f"{name}: what it has proven was in an earlier boot")


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid")
    with Lab() as lab, d.Disks(lab) as disks:
        with sf.ScanFleet(lab, disks, {"one": "ext4", "two": "ext4"}, more=FILES) as fleet:
            fleet.admit()
            reboot(fleet)
            proofs_end(fleet)
            fleet.check_untouched()
            fleet.prove("a reboot")


main()
