# SPDX-License-Identifier: GPL-2.0-or-later
"""LVM's own volume groups on shared loop devices: VG and LVs are resources with an edge of each node;
a change of the metadata is reported, at once where the kernel announces it and at the next rescan
elsewhere, and both nodes then tell the same version; a PV that goes is told of, a clone of one too. Who
activates LVs by itself is told, and ceases to when the metadata say so."""
import os
import time

from disks import Disks, Fleet, Times, Uevents, as_udev, need_disks
from harness import Events, Lab, check

NODES = ("alpha", "beta")
ROUNDS = 6
TARGET_MS = 1000.0  # LVM itself takes most of it


def versions(lab):
    """[(seqno, digest)] of vg0 for each node."""
    return [[(r["seqno"], r["metadata_digest"]) for r in lab.section(n, "vgs").get("rows", [])
             if r["name"] == "vg0"] for n in NODES]


def agreed(lab, seqno):
    def equal(v):
        return all(len(x) == 1 and x[0][0] >= seqno for x in v) and v[0] == v[1]
    return lab.wait(lambda: versions(lab), equal, f"both tell version {seqno} of vg0")[0][0]


def states(lab, kind):
    return {k: e["state"] for k, e in lab.matrix("--kind", kind).items()}


def lvs_come_and_go(lab, disks, pvs):
    """The node whose kernel announces it first, then the other."""
    kernel, times = Uevents(), Times()
    events = Events(lab, since=lab.muster("status")["event_no"])
    seen = agreed(lab, 1)
    for i in range(ROUNDS):
        disks.lvm(pvs, "lvcreate", "-q", "-y", "-an", "-Zn", "-Wn", "-L", "4M", "-n", f"lv{i}", "vg0",
                  pvs[0])
        started = time.monotonic()
        as_udev(pvs[0])
        came = kernel.first_after(started, pvs[0])
        _, arrived = events.until(lambda e: e["kind"] == "edge.ok" and e["node_name"] == "alpha" and
                                  e["resource_label"] == f"vg0/lv{i}", f"lv{i} on alpha")
        times.add("an LV made", came, arrived)
        now = agreed(lab, seen[0] + 1)
        check(now[1] != seen[1], f"another version has another digest: {seen} {now}")
        seen = now
    lab.end(events.process)
    lvs = {(n, f"vg0/lv{i}"): "ok" for n in NODES for i in range(ROUNDS)}
    check(states(lab, "lv") == lvs, f"LVs: {states(lab, 'lv')}")
    for n in NODES:
        rows = {r["name"]: r for r in lab.section(n, "lvs")["rows"]}
        check(rows["lv0"]["size_bytes"] == 4 << 20 and rows["lv0"]["type"] == "linear", f"lv0: {rows}")
    disks.lvm(pvs, "lvremove", "-q", "-y", "vg0/lv0")
    as_udev(pvs[0])
    lab.wait_matrix(lambda m: all(m.get((n, "vg0/lv0"), {}).get("state") in (None, "lost")
                                  for n in NODES), "lv0 is gone", "--kind", "lv")
    times.tell(TARGET_MS)


def a_pv_goes(lab, disks, pvs, path):
    number = int(pvs[1][9:])
    disks.detach(pvs[1])
    m = lab.wait_matrix(lambda m: m["alpha", "vg0"]["state"] == "degraded", "half a VG", "--kind", "vg")
    check(m["beta", "vg0"]["state"] == "ok", f"beta has both: {m}")
    row = next(r for r in lab.section("alpha", "vgs")["rows"] if r["name"] == "vg0")
    check(row["partial"] and row["pvs_missing"] == 1, f"vg0: {row}")
    agreed(lab, 1)
    chain = lab.muster("explain", "alpha", "vg0")["evidence"]
    check(any(x["what"] == "pv" and x["state"] in ("missing", "lost") for x in chain),
          f"which PV is missing: {chain}")
    disks.attach(0, path, number)
    lab.wait_matrix(lambda m: m["alpha", "vg0"]["state"] == "ok", "the whole VG", "--kind", "vg")


def a_clone_comes(lab, disks):
    """Of a PV, on a node that has the original."""
    clone = disks.attach(1, disks.file("clone", like="pv0"))
    def marked(rows):
        return sum(1 for r in rows if r["duplicate"]) == 2
    lab.wait_section("beta", "pvs", marked, "two PVs with one UUID")
    disks.detach(clone)
    lab.wait_section("beta", "pvs", lambda rows: not any(r["duplicate"] for r in rows), "no clone")


def activators(lab):
    """{node: what activates vg0 there by itself}"""
    found = {}
    for n in NODES:
        for r in lab.section(n, "vgs").get("rows", []):
            if r["name"] == "vg0" and "activated_by" in r:
                found[n] = r["activated_by"]
    return found


def who_activates(lab, disks, fleet, pvs):
    """The one lists nothing in LVM's configuration, the other has that of its distribution."""
    lab.wait(lambda: activators(lab), lambda v: set(v) == set(NODES), "what both do by themselves")
    conf = os.path.join(lab.dir, "lvm.conf")
    with open(conf, "w", encoding="ascii") as f:
        f.write("activation { auto_activation_volume_list = [] }\n")
    fleet.inside("alpha", "mount", "--bind", conf, "/etc/lvm/lvm.conf")
    found = lab.wait(lambda: activators(lab), lambda v: set(v) == {"beta"}, "alpha does not any more")
    check("69-lvm.rules" in found["beta"], f"what does it: {found}")
    check(lab.muster("status")["vgs_activating"] == 0, "it is not muster's to say")
    lab.muster("vg", "adopt", "vg0")
    doc = lab.muster("vg", "show", "vg0")
    does = {doc["nodes"][n["node"]]["name"]: n["activates"] for n in doc["vg_nodes"]}
    check(doc["vg"]["activating"] == 1 and does == {"alpha": False, "beta": True}, f"{doc}")
    check(doc["vgs"][0]["autoactivation"] is True, f"LVM's own property: {doc['vgs']}")
    r = lab.muster_raw("status", "--check")
    check(r.returncode == 1 and "beta activates LVs of volume group vg0 by itself" in r.stdout, f"{r}")
    lab.muster("vg", "autoactivation-off", "vg0", "--wait")
    lab.wait(lambda: activators(lab), lambda v: not v, "nobody does")
    said = disks.lvm(pvs, "vgs", "--noheadings", "--binary", "-o", "vg_autoactivation", "vg0")
    check(said.strip() == "0", f"LVM says {said}")
    r = lab.muster_raw("status", "--check")
    check("by itself" not in r.stdout, f"{r}")
    fleet.inside("alpha", "umount", "/etc/lvm/lvm.conf")
    print("autoactivation: told of the node that would, and off in the metadata")


def main():
    need_disks("lvm")
    with Lab() as lab, Disks(lab) as disks:
        files = [disks.file(f"pv{i}") for i in range(2)]
        pvs = [disks.attach(0, f) for f in files]
        disks.lvm(pvs, "pvcreate", "-q", *pvs)
        disks.lvm(pvs, "vgcreate", "-q", "-s", "1m", "vg0", *pvs)
        for f in files:
            disks.attach(1, f)
        fleet = Fleet(lab, disks, NODES, extra=("--rescan", "2s"))
        lab.wait_matrix(lambda m: m and set(m) == {(n, "vg0") for n in NODES} and
                        all(e["state"] == "ok" for e in m.values()), "vg0 of both", "--kind", "vg")
        check(len(lab.muster("resource", "list", "--kind", "vg")["resources"]) == 1, "one VG")
        who_activates(lab, disks, fleet, pvs)
        lvs_come_and_go(lab, disks, pvs)
        a_pv_goes(lab, disks, pvs, files[1])
        a_clone_comes(lab, disks)
        print("LVM: one VG of two nodes; its changes, a missing PV and a clone are told")


main()
