# SPDX-License-Identifier: GPL-2.0-or-later
"""Four real probes in four network namespaces, each with its own loop devices, some over files that
others have too: what is shared is one resource with an edge of each, what is private has one edge, a
clone is flagged; explain and impact tell the chain, fs list who has mounted what."""
import os

from disks import MIB, Disks, Fleet, need_disks
from harness import Lab, check, run

NODES = ["alpha", "beta", "gamma", "delta"]
ALPHA, BETA, GAMMA, DELTA = range(4)
TABLE = "label: gpt\nsize=16M,name=first\nname=second\n"
# File and label: how it is made, and who sees it.
MADE = {
    "common": ("ext4", ("-L", "common"), (ALPHA, BETA, GAMMA, DELTA)),
    "duo": ("xfs", ("-L", "duo"), (ALPHA, BETA)),
    "pool": ("btrfs", ("-L", "pool"), (GAMMA, DELTA)),
    "BOOT": ("vfat", ("-n", "BOOT"), (ALPHA, GAMMA)),
    "swapped": ("swap", ("-L", "swapped"), (DELTA,)),
    "own": ("ext4", ("-L", "own"), (ALPHA,)),
    "origin": ("ext4", ("-L", "origin"), (BETA,)),
}


class Machines:
    def __init__(self, lab, disks):
        self.lab, self.disks = lab, disks
        self.files, self.devices = {}, {}  # file and label: path; (node, the same): device

    def place(self, name, nodes, path=None, **how):
        self.files[name] = path or self.disks.file(name)
        for n in nodes:
            self.devices[n, name] = self.disks.attach(n, self.files[name], **how)

    def make_all(self):
        for name, (kind, options, nodes) in MADE.items():
            self.place(name, nodes, self.disks.make(kind, name, *options))
        self.place("clone", (GAMMA,), self.disks.file("clone", like="origin"))
        table = self.disks.file("gpt")
        run("sfdisk", "-q", table, input=TABLE)
        self.place("gpt", (ALPHA, BETA), table, partitions=True)
        run("mkfs.ext4", "-q", "-L", "inside", self.devices[ALPHA, "gpt"] + "p1")
        os.sync()  # as a host does before another may look at it
        self.make_vg()

    def make_vg(self):
        for name in ("pv-shared", "pv-other"):
            self.place(name, (BETA,))
        pvs = [self.devices[BETA, n] for n in ("pv-shared", "pv-other")]
        self.disks.lvm(pvs, "pvcreate", "-q", *pvs)
        self.disks.lvm(pvs, "vgcreate", "-q", "vg0", *pvs)
        for lv, pv in (("near", pvs[0]), ("far", pvs[1])):
            self.disks.lvm(pvs, "lvcreate", "-q", "-y", "-an", "-Zn", "-Wn", "-L", "16M", "-n", lv,
                           "vg0", pv)
        self.place("pv-shared", (DELTA,), self.files["pv-shared"])
        self.devices[BETA, "pv-shared"] = pvs[0]

    def luns(self):
        """{(node, label)} of the LUNs that must be in the matrix."""
        return {(NODES[n], self.files[name]) for n, name in self.devices}


def filesystems():
    expected = {(NODES[n], label) for label, (_, _, nodes) in MADE.items() for n in nodes}
    return expected | {("gamma", "origin"), ("alpha", "inside"), ("beta", "inside")}


def all_ok(matrix, expected):
    return set(matrix) == expected and all(e["state"] == "ok" for e in matrix.values())


def resources(lab, kind):
    return lab.muster("resource", "list", "--kind", kind)["resources"]


def shared_and_private(lab, machines):
    for name, path in machines.files.items():
        found = [r for r in resources(lab, "lun") if r["label"] == path]
        check(len(found) == 1, f"one LUN of {name}: {found}")
        seen = sum(1 for _, f in machines.devices if f == name)
        check(found[0]["nodes_ok"] == seen, f"{name} is seen by {seen}: {found[0]}")
    for r in resources(lab, "filesystem"):
        nodes = {"inside": 2, "origin": 1}.get(r["label"]) or len(MADE[r["label"]][2])
        check(r["nodes_ok"] == nodes, f"{r['label']} is seen by {nodes}: {r}")
    print(f"{len(machines.files)} LUNs and {len(resources(lab, 'filesystem'))} filesystems: shared is "
          "shared, private is private")


def twins(lab):
    return [r for r in resources(lab, "filesystem") if r["label"] == "origin"]


def clone_is_flagged(lab, machines):
    """Beta has the one, gamma the other: they may be one storage under two names."""
    both = twins(lab)
    check(len(both) == 2, f"the clone is a filesystem of its own: {both}")
    check(len({r["key"].split("@")[0] for r in both}) == 1, f"one UUID: {both}")
    check(both[0]["conflict_class"] and both[0]["conflict_class"] == both[1]["conflict_class"],
          f"clones have one conflict class: {both}")
    check(all(r["doubts"] for r in both), f"clones are in doubt: {both}")
    others = [r for r in resources(lab, "filesystem") if r["label"] != "origin"]
    check(not any(r["conflict_class"] or r["doubts"] for r in others), f"the others stand alone: {others}")
    print("the clone is flagged:", both[0]["doubts"][0])
    # A node that has both at once proves that they are two.
    device = machines.disks.attach(BETA, machines.files["clone"])
    both = lab.wait(lambda: twins(lab), lambda t: not any(r["conflict_class"] for r in t),
                    "beta proves that they are two")
    check(all(r["doubts"] for r in both), f"clones stay in doubt: {both}")
    machines.disks.detach(device)
    print("seen by one node at once it is known to be another:", both[0]["doubts"][0])


def words(lab, command, *args):
    doc = lab.muster(command, *args)
    return doc, [(x["what"], x["state"], f"{x['name']}: {x['text']}") for x in doc["evidence"]]


def explained(lab, machines):
    doc, chain = words(lab, "explain", "alpha", "inside")
    whats = [what for what, *_ in chain]
    check(doc["edge"]["state"] == "ok" and whats[0] == "filesystem", f"the chain of inside: {chain}")
    key = next(r["key"] for r in resources(lab, "lun") if r["label"] == machines.files["gpt"])
    for what, name in (("partition", "p1"), ("lun", key),
                       ("path", machines.devices[ALPHA, "gpt"][5:])):
        check(any(w == what and name in text for w, _, text in chain), f"no {what} {name}: {chain}")
    # Never seen there: the chain says which link is missing. (A loop device has no fabric to mend.)
    doc, chain = words(lab, "explain", "gamma", "duo")
    check(doc["edge"] is None and chain, f"gamma never saw duo: {doc}")
    check(any(what == "lun" and state == "missing" for what, state, *_ in chain),
          f"its LUN is what gamma lacks: {chain}")
    _, chain = words(lab, "explain", "delta", "vg0/far")
    check(any(what == "pv" and state in ("missing", "lost") for what, state, *_ in chain),
          f"delta lacks a PV below vg0/far: {chain}")
    print("explain tells the chain, and what is missing in it")


def impacts(lab, machines):
    for name, expected in (("gpt", {"inside"}), ("pv-shared", {"vg0", "vg0/near"}),
                           ("common", {"common"})):
        _, found = words(lab, "impact", machines.files[name])
        for label in expected:
            check(any(label in text for _, _, text in found), f"impact of {name}: no {label} in {found}")
        check(not any("duo" in text for _, _, text in found), f"impact of {name}: {found}")
    print("impact tells what lies on a LUN")


def same_vg(lab):
    m = lab.wait_matrix(lambda m: {("beta", "vg0"), ("delta", "vg0")} <= set(m), "vg0 of two nodes",
                        "--kind", "vg")
    check(m["beta", "vg0"]["state"] == "ok" and m["delta", "vg0"]["state"] == "degraded" and
          (m["delta", "vg0"]["paths_active"], m["delta", "vg0"]["paths_total"]) == (1, 2), f"vg0: {m}")
    check(len([r for r in resources(lab, "vg") if r["label"] == "vg0"]) == 1, "one VG")
    versions = [[(r["seqno"], r["metadata_digest"]) for r in lab.section(n, "vgs")["rows"]]
                for n in ("beta", "delta")]
    check(versions[0] == versions[1] and len(versions[0]) == 1, f"versions of vg0: {versions}")
    m = lab.matrix("--kind", "lv")
    check(m["delta", "vg0/near"]["state"] == "ok" and m["delta", "vg0/far"]["state"] == "lost",
          f"LVs on delta: {m}")
    print("one VG, seen by one node in full and by one in part, with one metadata digest")


def foreign_holds(lab, machines, fleet):
    def uses():
        doc = lab.muster("fs", "list")
        return {(doc["nodes"][u["node"]]["name"], doc["resources"][u["resource"]]["label"],
                 u["kind"]): u for u in doc["uses"]}
    folder = os.path.join(machines.disks.dir, "mnt")
    os.mkdir(folder)
    fleet.inside("beta", "mount", machines.devices[BETA, "common"], folder)
    got = lab.wait(uses, lambda u: ("beta", "common", "mount") in u, "the mount on beta")
    check(got["beta", "common", "mount"]["used_by"] == folder, f"where: {got}")
    check(len(got) == 1, f"nobody else uses anything: {got}")
    _, chain = words(lab, "explain", "beta", "common")
    check(any(what == "use" and folder in text for what, _, text in chain),
          f"beta's chain tells of its mount: {chain}")
    _, chain = words(lab, "explain", "alpha", "common")
    check(any(what == "use" and f"On beta, it is mounted at {folder} (" in text
              for what, _, text in chain), f"alpha's chain tells of beta's mount: {chain}")
    fleet.inside("beta", "umount", folder)
    lab.wait(uses, lambda u: not u, "nobody uses anything")
    print("fs list and explain tell of a mount, and of its end")


def main():
    need_disks("sfdisk", "partx", "lvm", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs", "mkfs.vfat", "mkswap")
    with Lab() as lab, Disks(lab) as disks:
        machines = Machines(lab, disks)
        machines.make_all()
        fleet = Fleet(lab, disks, NODES)
        lab.wait_matrix(lambda m: all_ok(m, machines.luns()), "the LUNs", "--kind", "lun")
        lab.wait(lambda: lab.muster("matrix", "--kind", "filesystem"),
                 lambda d: {(d["nodes"][e["node"]]["name"], d["resources"][e["resource"]]["label"])
                            for e in d["edges"] if e["state"] == "ok"} == filesystems(),
                 "the filesystems")
        shared_and_private(lab, machines)
        same_vg(lab)
        explained(lab, machines)
        impacts(lab, machines)
        foreign_holds(lab, machines, fleet)
        clone_is_flagged(lab, machines)


main()
