# SPDX-License-Identifier: GPL-2.0-or-later
"""Coordinated scans by three real probes: every planted image is found on every kind of file system, one
mount of each in mode once and one by each node in mode every, nothing is written and nothing stays
cached; what has not changed is not mounted again, and what another host has written is seen."""
import os

import disks as d
import scan_fleet as sf
from harness import Lab, check


def refused_unless_admitted(fleet):
    before = fleet.mounted()
    r = fleet.lab.muster_raw("--json", "scan", "--wait", *fleet.files, timeout="60s")
    check(r.returncode != 0, f"nothing is scanned that is not admitted: {r.stdout}")
    fleet.check_mounted(before, dict.fromkeys(fleet.files, 0))
    fleet.admit()


def check_reach(fleet, label, of, how):
    """Who has read it, and that all others have proven that they reach it, by all who tell it."""
    names = {n["id"]: n["name"] for n in fleet.lab.muster("node", "list")["nodes"]}
    reader = names[of["node"]]
    others = {n: "proven" for n in fleet.names if n != reader}
    told = {x["node_name"]: x for x in of["reach"]}
    check({n: x["result"] for n, x in told.items()} == others, f"{label}: {of['reach']}")
    check(all(x["at"] and x["reason"] is None for x in told.values()), f"{label}: {of['reach']}")
    got = fleet.check_reach(label, **{reader: how}, **others)
    check(all(x["this_boot"] for x in got.values()), f"{label}: {got}")


def once(fleet):
    check(not fleet.reach(next(iter(fleet.files))), "nothing is proven yet")
    before = fleet.mounted()
    doc, of = fleet.scan()
    check(fleet.task(doc["task"])["task"]["state"] == "done", f"its number: {doc['task']}")
    check(set(of) == set(fleet.files), f"all are scanned: {of}")
    for label, results in of.items():
        check(len(results) == 1 and results[0]["result"] == "complete", f"{label}: {results}")
        check(results[0]["images"] == len(sf.PLANTED), f"{label}: {results}")
        check(results[0]["node"] and int(results[0]["token"]) > 0, f"{label}: {results}")
        fleet.check_planted(label)
        check_reach(fleet, label, results[0], "read_here")
    fleet.check_mounted(before, dict.fromkeys(fleet.files, 1))
    check(doc["mounts"] == len(fleet.files) and doc["skipped"] == 0, f"one mount of each: {doc}")
    fleet.check_untouched()
    fleet.check_nothing_cached()
    print(f"once: {len(fleet.files)} file systems in {doc['makespan_ms']} ms")


def again(fleet):
    """Types that have a fingerprint are not mounted again."""
    before = fleet.mounted()
    doc, of = fleet.scan()
    kept = [label for label, kind in fleet.kinds.items() if kind in ("ext4", "xfs", "btrfs")]
    check(doc["skipped"] == len(kept), f"what has not changed: {doc}")
    for label in kept:
        check(of[label][0]["result"] == "complete", f"{label}: {of[label]}")
        check_reach(fleet, label, of[label][0], "proven")  # it has read nothing but what tells it apart
        fleet.check_planted(label)
    fleet.check_mounted(before, {label: label not in kept for label in fleet.files})
    print(f"again: {doc['skipped']} unchanged, {doc['makespan_ms']} ms")


def written_by_another(fleet):
    """A host mounts one, writes and unmounts it."""
    label = next(iter(fleet.files))
    sf.inside(fleet.disks, fleet.devices["beta", label], fleet.kinds[label], write_one)
    fleet.wait_unused()
    before = fleet.mounted()
    _, of = fleet.scan(label)
    check(of[label][0]["result"] == "complete", f"{label}: {of}")
    fleet.check_planted(label, more=["/new.qcow2"])
    fleet.check_mounted(before, {label: 1})
    fleet.before[label] = sf.block_digests(fleet.files[label])
    print("what another host has written is seen")


def write_one(folder):
    sf.run("qemu-img", "create", "-q", "-f", "qcow2", os.path.join(folder, "new.qcow2"), "8M")


def every(fleet):
    before = fleet.mounted()
    doc, of = fleet.scan("--every-node")
    for label, results in of.items():
        check({r["node"] for r in results} == fleet.ids(), f"{label} by each node: {results}")
        check(all(r["result"] == "complete" for r in results), f"{label}: {results}")
        check(len({r["token"] for r in results}) == len(sf.NODES), f"{label}: {results}")
        check(not any(r["reach"] for r in results), f"{label}: {results}")
        fleet.check_reach(label, **{n: "read_here" for n in fleet.names})
    fleet.check_mounted(before, dict.fromkeys(fleet.files, len(sf.NODES)))
    check(doc["mounts"] == len(sf.NODES) * len(fleet.files), f"mounts: {doc}")
    print(f"every: {doc['mounts']} mounts in {doc['makespan_ms']} ms")


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid")
    with Lab() as lab, d.Disks(lab) as disks:
        with sf.ScanFleet(lab, disks, {f"fs-{k}": k for k in sf.kinds()}, settings=sf.PATIENT) as fleet:
            refused_unless_admitted(fleet)
            once(fleet)
            again(fleet)
            written_by_another(fleet)
            every(fleet)
            fleet.wait_no_leases()
            fleet.check_untouched()
            fleet.check_nothing_cached()
            fleet.prove("scans of a fleet")


main()
