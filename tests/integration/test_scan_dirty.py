# SPDX-License-Identifier: GPL-2.0-or-later
"""File systems in bad order: one that was not unmounted is incomplete, and not a byte of it is written;
one whose superblock says "panic" and that makes the driver do so costs a scan and no host; one that
another host has mounted is not read, and says by whom, until it is unmounted."""
import os
import shutil

import disks as d
import scan_fleet as sf
from harness import Lab, check, run


def spoil(disks, label, path):
    if label == "panic":
        run("tune2fs", "-e", "panic", path)
        run("debugfs", "-w", "-R", "clri old", path)
    if label == "dirty":
        device = disks.attach(sf.SPARE, path)
        dirty = sf.inside(disks, device, "ext4", lambda folder: copy_dirty(folder, path))
        disks.detach(device)
        shutil.copyfile(dirty, path)


def copy_dirty(folder, path):
    """Of the file as it is while its journal has something."""
    with open(os.path.join(folder, "written"), "wb") as f:
        f.write(b"x" * 65536)
        os.fsync(f.fileno())
    return shutil.copyfile(path, path + ".dirty")


def bad_order(fleet):
    doc, of = fleet.scan(code=1)
    for label, text in (("dirty", "has not been replayed"), ("panic", "could not be read")):
        r = of[label][0]
        check(r["result"] == "incomplete" and text in r["reason"], f"{label}: {r}")
    check(of["good"][0]["result"] == "complete", f"good: {of}")
    check("/raw.img" in fleet.images("dirty") and "/raw.img" in fleet.images("panic"), "the rest is told")
    fleet.check_untouched()
    print(f"dirty and panic are incomplete, {doc['mounts']} mounts, no byte is written")


def in_use(fleet):
    folder = os.path.join(fleet.disks.dir, "used")
    os.mkdir(folder)
    fleet.fleet.inside("beta", "mount", "-o", "ro,noload", fleet.devices["beta", "good"], folder)
    fleet.lab.wait(lambda: fleet.lab.muster("fs", "list")["uses"], bool, "beta's mount is known")
    task = fleet.begin("good")
    held = fleet.lab.wait(lambda: fleet.task(task)["jobs"], lambda j: j[0]["state"] == "held", "it waits")
    check("beta has it mounted" in held[0]["reason"], f"who is in the way: {held}")
    fleet.fleet.inside("beta", "umount", folder)
    doc = fleet.wait_done(task)
    check(doc["jobs"][0]["result"] == "complete", f"once it is unmounted: {doc}")
    print(f"in use: {held[0]['reason']}")


def own_mount(fleet):
    """Who has the hold scans what it has mounted to write; nobody else may."""
    lab, folder = fleet.lab, os.path.join(fleet.disks.dir, "held")
    os.mkdir(folder)
    hold = lab.muster("hold", "take", "good", "--node", "gamma", "--for", "a test")["hold"]
    fleet.fleet.inside("gamma", "mount", fleet.devices["gamma", "good"], folder)
    lab.wait(lambda: lab.muster("fs", "list")["uses"], bool, "gamma's mount is known")
    _, of = fleet.scan("good", code=1)
    r = of["good"][0]
    check(r["result"] == "incomplete" and "mounted for writing" in r["reason"], f"its own mount: {r}")
    check(r["node"] == hold["node"] and r["images"] == len(sf.PLANTED), f"read where it is held: {r}")
    fleet.fleet.inside("gamma", "umount", folder)
    fleet.wait_unused()
    lab.muster("hold", "end", hold["token"])
    print(f"own mount: {r['reason']}")


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid", "tune2fs", "debugfs")
    with Lab() as lab, d.Disks(lab) as disks:
        with sf.ScanFleet(lab, disks, {"good": "ext4", "dirty": "ext4", "panic": "ext4"},
                          prepare=spoil, settings=sf.PATIENT) as fleet:
            fleet.admit()
            bad_order(fleet)
            fleet.wait_no_leases()
            in_use(fleet)
            fleet.wait_no_leases()
            own_mount(fleet)
            fleet.wait_no_leases()
            fleet.prove("file systems in bad order")


main()
