# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker of a change of a volume group, on real devices without device-mapper: what it makes, what
it refuses with nothing changed, that it touches no other device, and that a killed one leaves a
volume group that is before or after, which the next attempt finds out."""
import hashlib
import mmap
import os
import sys

from disks import MIB, Disks, need_disks
from harness import BUILD, Lab, check, run

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import change_worker as cw

PROGRAM = os.path.join(BUILD, "probe", "muster-probe-worker")
STEP = 1 if os.environ.get("MUSTER_LONG") else 4  # of the writes that it is killed before
PRELOAD = os.path.join(BUILD, "tests", "integration", "libkill_at.so")
SIZE, EXTENT = 24 * MIB, 4 * MIB
MOST_WRITES = 200  # of one change
CHUNK = 65536
NO_UUID = "aaaaaa-aaaa-aaaa-aaaa-aaaa-aaaa-aaaaaa"


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


class Group:
    """A volume group that the worker makes and changes; what is known of it is what it has told."""

    def __init__(self, bed, name, disks):
        self.bed, self.name, self.marks = bed, name, 0
        self.disks, self.pvs = list(disks), {}  # numbers of disks; number -> UUID of its PV
        self.uuid = self.seqno = self.version = None
        self.lvs = {}  # name -> UUID

    def devices(self, fresh=()):
        known = [cw.device(self.bed.paths[i], f"c{i}", u) for i, u in self.pvs.items()]
        return known + [cw.device(self.bed.paths[i], f"c{i}") for i in fresh]

    def order(self, op, **more):
        known = {"vg_uuid": self.uuid, "seqno": self.seqno, "version": self.version,
                 "pvs": self.pvs.values(), "tag": f"mark.{self.marks}"}
        return cw.order(op, self.name, **{**known, **more})

    def change(self, op, fresh=(), devices=None, lv=None, **more):
        """The result of one attempt, which counts if it is done."""
        if op not in (cw.LV_CREATE, cw.VG_CREATE):
            more.setdefault("lv_uuid", self.lvs.get(lv))
        if lv is not None:
            more["lv"] = lv
        what = self.order(op, **more)
        r = self.bed.work(what, devices if devices is not None else self.devices(fresh))
        if r.outcome == "done":
            self.took(op, r, fresh, lv, more)
        return r

    def took(self, op, r, fresh, lv, more):
        self.uuid, self.seqno, self.version = r.vg_uuid, r.seqno, r.version
        self.marks += 1
        for i in fresh:
            self.pvs[i] = self.bed.pv_uuid(i)
        if op == cw.VG_REDUCE:
            for c in more["containers"]:
                del self.pvs[int(c[1:])]
        if op in (cw.LV_CREATE, cw.LV_SNAPSHOT):
            self.lvs[more.get("new_name", lv)] = r.lv_uuid
        if op == cw.LV_REMOVE:
            del self.lvs[lv]
        if op == cw.LV_RENAME:
            self.lvs[more["new_name"]] = self.lvs.pop(lv)

    def done(self, op, text, **more):
        r = self.change(op, **more)
        check(r.outcome == "done", f"{text}: {r}")
        return r

    def refused(self, op, text, **more):
        before = self.bed.contents()
        r = self.change(op, **more)
        check(r.outcome == "refused" and text in r.reason, f"should be refused ({text}): {r}")
        check(self.bed.contents() == before, f"refused, and something has changed: {r}")


class Bed:
    def __init__(self, disks, count):
        self.disks = disks
        self.files = [disks.file(f"disk{i}", SIZE) for i in range(count)]
        self.paths = [disks.attach(0, f) for f in self.files]

    def work(self, what, devices, **more):
        w = cw.Worker(PROGRAM, what, devices, PRELOAD, **more)
        try:
            r = w.result()
        finally:
            w.close()
        check(not w.stderr, f"the worker says {w.stderr}")
        check(r is not None or "kill_at" in more,
              f"no result, and the worker's end is {w.process.returncode}, {w.reset and 'reset'}")
        return r

    def contents(self):
        return [digest(f) for f in self.files]

    def pv_uuid(self, i):
        return self.report("pvs", "pv_uuid", self.paths[i])

    def report(self, program, field, *what):
        return self.disks.lvm(self.paths, program, "--noheadings", "-o", field, *what).strip()

    def lvs(self, name, fields="lv_name,lv_size,lv_tags"):
        out = self.disks.lvm(self.paths, "lvs", "--noheadings", "--units", "b", "--nosuffix",
                             "--separator", "|", "-o", fields, name)
        return sorted(tuple(line.strip().split("|")) for line in out.splitlines() if line.strip())

    def check_sound(self, name):
        said = self.disks.lvm(self.paths, "vgck", name)
        check(not said.strip(), f"vgck {name}: {said}")


def bytes_of(path, at, n):
    fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    try:
        os.lseek(fd, at, os.SEEK_SET)
        with mmap.mmap(-1, n) as m:
            os.readv(fd, [m])
            return m[:]
    finally:
        os.close(fd)


def test_each_op(bed):
    """By LVM's own programs it is what was asked for. The last disk is nobody's and stays as it is."""
    neighbour = digest(bed.files[3])
    g = Group(bed, "vg0", [0, 1, 2])
    g.done(cw.VG_CREATE, "a VG", fresh=[0, 1], containers=["c0", "c1"], tags=["one", "two"])
    check(bed.report("vgs", "vg_tags", "vg0") == "mark.0,one,two" and g.seqno == 1, "tags, version")
    check(bed.report("vgs", "vg_autoactivation", "vg0") == "", "no LVM activates it by itself")
    check(all(u.startswith("muster-") for u in g.pvs.values()), f"PVs: {g.pvs}")
    g.done(cw.VG_EXTEND, "a third PV", fresh=[2], containers=["c2"])
    check(bed.report("vgs", "pv_count", "vg0") == "3" and g.seqno == 2, f"three PVs: {g.seqno}")

    with open(bed.files[1], "r+b") as f:  # what the extents held before
        f.seek(MIB)
        f.write(b"\x5a" * (SIZE - MIB))
    g.done(cw.LV_CREATE, "an LV", lv="lv0", size=3 * EXTENT, containers=["c1"], tags=["disk"])
    check(bed.lvs("vg0") == [("lv0", str(3 * EXTENT), "disk,mark.2")], f"LVs: {bed.lvs('vg0')}")
    check(bed.lvs("vg0", "seg_pe_ranges") == [(f"{bed.paths[1]}:0-2",)], "where it lies")
    for at in (MIB, MIB + 3 * EXTENT - MIB):
        check(not any(bytes_of(bed.paths[1], at, MIB)), f"the LV shows what was there, at {at}")
    check(any(bytes_of(bed.paths[1], MIB + 3 * EXTENT, MIB)), "what is not in the LV is wiped too")

    g.done(cw.LV_CREATE, "one on two PVs", lv="big", size=6 * EXTENT, containers=["c0", "c2"])
    check(bed.lvs("vg0", "seg_pe_ranges")[:2] == [(f"{bed.paths[0]}:0-4",), (f"{bed.paths[1]}:0-2",)],
          f"where they lie: {bed.lvs('vg0', 'seg_pe_ranges')}")
    g.done(cw.LV_EXTEND, "extended", lv="lv0", size=5 * EXTENT, containers=["c1"])
    g.done(cw.LV_REDUCE, "reduced", lv="lv0", size=2 * EXTENT)
    g.done(cw.LV_RENAME, "renamed", lv="lv0", new_name="lv1")
    check([x[:2] for x in bed.lvs("vg0")] == [("big", str(6 * EXTENT)), ("lv1", str(2 * EXTENT))],
          f"LVs: {bed.lvs('vg0')}")
    g.done(cw.LV_REMOVE, "removed", lv="big")
    g.done(cw.VG_REDUCE, "without the third", containers=["c2"])
    check(not run("wipefs", bed.paths[2]).strip(), "what is no PV has no label")
    g.refused(cw.VG_REDUCE, "in use", containers=["c1"])
    g.refused(cw.VG_REMOVE, "has 1 logical volumes")
    g.done(cw.LV_REMOVE, "removed", lv="lv1")
    check(g.seqno == 10, f"one version for each change: {g.seqno}")
    bed.check_sound("vg0")
    r = g.done(cw.VG_REMOVE, "no VG")
    check(r.seqno is None and not any(run("wipefs", p).strip() for p in bed.paths[:3]), "no PVs")
    check(digest(bed.files[3]) == neighbour, "the neighbour's device has changed")
    print("each change is what LVM's own programs say, at one version each; a neighbour is as it was")


def test_second_attempt(bed, g):
    """What cannot be looked at again says nothing of what an earlier attempt has done."""
    for what, text in (({"devnum": "7:1"}, "another device now"), ({"size": 4096}, "bytes now, not 4096")):
        devices = [cw.device(bed.paths[0], "c0", g.pvs[0], **what), cw.device(bed.paths[1], "c1", g.pvs[1])]
        ends = [g.change(cw.LV_CREATE, lv="x", size=EXTENT, containers=["c0"], devices=devices,
                         attempt=attempt) for attempt in (1, 2)]
        check([r.outcome for r in ends] == ["refused", "failed"] and all(text in r.reason for r in ends),
              f"{text}: {' '.join(map(str, ends))}")
    r = g.change(cw.LV_CREATE, lv="lv0", size=EXTENT, containers=["c0"], attempt=2, tag="other")
    check(r.outcome == "refused" and "already" in r.reason, f"who has read the metadata knows: {r}")


def test_refusals(bed):
    g = Group(bed, "vg0", [0, 1])
    bad = Group(bed, "a b", [0])
    odd = Group(bed, "odd", [0])
    odd.refused(cw.VG_CREATE, "3145000 bytes for an extent", fresh=[0], containers=["c0"], extent=3145000)
    bad.refused(cw.VG_CREATE, "the name of a volume group, a b, has other characters", fresh=[0], containers=["c0"])
    g.done(cw.VG_CREATE, "a VG", fresh=[0, 1], containers=["c0", "c1"])
    g.done(cw.LV_CREATE, "an LV", lv="lv0", size=EXTENT, containers=["c0"])
    run("mkfs.ext4", "-q", "-F", bed.paths[2])
    g.refused(cw.VG_EXTEND, "is not empty: there is ext4 on it", fresh=[2], containers=["c2"])
    run("wipefs", "-a", bed.paths[2])
    run("sfdisk", "-q", bed.paths[2], input=",4M\n")
    g.refused(cw.VG_EXTEND, "a partition table", fresh=[2], containers=["c2"])
    run("wipefs", "-a", bed.paths[2])
    fd = os.open(bed.paths[2], os.O_RDONLY | os.O_EXCL)
    g.refused(cw.VG_EXTEND, "is in use on this node", fresh=[2], containers=["c2"])
    os.close(fd)
    bed.disks.lvm(bed.paths, "pvcreate", "-q", bed.paths[2])
    g.refused(cw.VG_EXTEND, "is a PV already", fresh=[2], containers=["c2"])
    g.refused(cw.LV_CREATE, "version 2, not 1 as when it was decided", lv="x", size=EXTENT,
              containers=["c0"], seqno=1)
    g.refused(cw.LV_CREATE, "another version 2", lv="x", size=EXTENT, containers=["c0"], version=1)
    devices = [cw.device(bed.paths[0], "c0", NO_UUID), cw.device(bed.paths[1], "c1", g.pvs[1])]
    g.refused(cw.LV_CREATE, f"not {NO_UUID}", lv="x", size=EXTENT, containers=["c0"], devices=devices)
    for what, text in (({"devnum": "7:1"}, "another device now"), ({"size": 4096}, "bytes now, not 4096")):
        devices = [cw.device(bed.paths[0], "c0", g.pvs[0], **what), cw.device(bed.paths[1], "c1", g.pvs[1])]
        g.refused(cw.LV_CREATE, text, lv="x", size=EXTENT, containers=["c0"], devices=devices)
    test_second_attempt(bed, g)
    one = [cw.device(bed.paths[0], "c0", g.pvs[0])]
    r = g.change(cw.LV_CREATE, lv="x", size=EXTENT, containers=["c0"], devices=one)
    check(r.outcome in ("refused", "failed") and r.reason, f"without one of its PVs: {r}")
    g.refused(cw.LV_CREATE, "is too large: 99 extents", lv="x", size=99 * EXTENT, containers=["c0", "c1"])
    g.refused(cw.LV_CREATE, "has a logical volume lv0 already", lv="lv0", size=EXTENT, containers=["c0"])
    for name in ("-x", "a b", "..", "snapshot1", "x_tdata", "x" * 128, "pvmove0", "é"):
        g.refused(cw.LV_CREATE, "the name of a logical volume", lv=name, size=EXTENT, containers=["c0"])
    for tag in ("a b", "-a", "a'b", "x" * 1025):
        g.refused(cw.LV_CREATE, "is no tag", lv="x", size=EXTENT, containers=["c0"], tags=[tag])
    g.refused(cw.LV_EXTEND, "LVM refused", lv="lv0", size=99 * EXTENT, containers=["c0", "c1"])
    g.refused(cw.LV_REDUCE, "any more", lv="gone", lv_uuid=NO_UUID, size=EXTENT)
    g.refused(cw.LV_SNAPSHOT, "no device-mapper", lv="lv0", new_name="s", size=EXTENT, containers=["c0"])
    r = bed.work(cw.order(cw.VG_CREATE, "vg0", "m", containers=["c0"]), [cw.device(bed.paths[0], "c0")])
    check(r.outcome == "refused" and "is a PV already" in r.reason, f"its name is taken: {r}")
    bed.check_sound("vg0")
    g.done(cw.LV_REMOVE, "removed", lv="lv0")
    g.done(cw.VG_REMOVE, "no VG")
    run("wipefs", "-a", bed.paths[2])
    print("what is not as it was when it was decided, or cannot be, is refused, and nothing changes")


def save(bed):
    out = []
    for f in bed.files[:3]:
        with open(f, "rb") as x:
            out.append(x.read())
    return out


def restore(bed, contents):
    """What differs, so that little has to reach the disk below."""
    for f, path, c in zip(bed.files, bed.paths, contents):
        with open(f, "r+b") as x:
            for at in range(0, len(c), CHUNK):
                x.seek(at)
                if x.read(CHUNK) != c[at:at + CHUNK]:
                    x.seek(at)
                    x.write(c[at:at + CHUNK])
        run("blockdev", "--flushbufs", path)


def state(bed):
    """What LVM says now, for comparison: a killed worker's is one of two. The version first."""
    out = bed.disks.lvm(bed.paths[:3], "vgs", "--noheadings", "-o", "vg_seqno,pv_count,lv_count,vg_tags")
    lvs = bed.disks.lvm(bed.paths[:3], "lvs", "--noheadings", "--units", "b", "-o",
                        "lv_name,lv_size,lv_tags,seg_pe_ranges")
    return sorted(out.split()), sorted(lvs.split())


def test_killed(bed, name, op, group, **what):
    """Before each of its writes: the next attempt finishes it, and one more changes nothing."""
    fresh, before, begin = what.pop("fresh", ()), save(bed), state(bed)
    lv = what.get("lv")
    if op not in (cw.LV_CREATE, cw.VG_CREATE):
        what["lv_uuid"] = group.lvs.get(lv)
    order, devices = group.order(op, **what), group.devices(fresh)
    result = bed.work(order, devices)
    check(result.outcome == "done", f"{name}: {result}")
    end, kills = state(bed), 0
    check(begin != end, f"{name} changes something: {begin}")
    for n in range(1, MOST_WRITES, STEP):
        restore(bed, before)
        killed = bed.work(order, devices, kill_at=n)
        if killed is not None:
            check(killed.outcome == "done", f"{name}, {n} writes: {killed}")
            break
        kills += 1
        check(state(bed) in (begin, end), f"{name}, killed at write {n}: {begin} {state(bed)} {end}")
        r = bed.work(order, devices)
        check(r.outcome == "done", f"{name}, again after a kill at write {n}: {r}")
        check(state(bed)[1] == end[1], f"{name}, again after a kill at write {n}: {state(bed)}")
        if r.seqno is not None:
            check(bed.report("vgs", "vg_seqno", group.name) == str(r.seqno), "its version")
            bed.check_sound(group.name)
        again = bed.work(order, devices)
        check((again.outcome, again.seqno, again.version, again.lv_uuid) ==
              (r.outcome, r.seqno, r.version, r.lv_uuid), f"{name}, once more: {again}, not {r}")
    check(kills > 0, f"{name} was never killed")
    group.took(op, bed.work(order, devices), fresh, lv, what)
    print(f"{name}: killed before {kills} of its writes; each time the next attempt was done")


def test_kills(bed):
    g = Group(bed, "vg1", [0, 1, 2])
    g.pvs = {}
    test_killed(bed, "VG create", cw.VG_CREATE, g, fresh=[0, 1], containers=["c0", "c1"])
    test_killed(bed, "VG extend", cw.VG_EXTEND, g, fresh=[2], containers=["c2"])
    test_killed(bed, "LV create", cw.LV_CREATE, g, lv="a", size=2 * EXTENT, containers=["c0", "c1"])
    test_killed(bed, "LV extend", cw.LV_EXTEND, g, lv="a", size=4 * EXTENT, containers=["c0", "c1"])
    test_killed(bed, "LV reduce", cw.LV_REDUCE, g, lv="a", size=EXTENT)
    test_killed(bed, "LV rename", cw.LV_RENAME, g, lv="a", new_name="b")
    test_killed(bed, "LV remove", cw.LV_REMOVE, g, lv="b")
    test_killed(bed, "VG reduce", cw.VG_REDUCE, g, containers=["c2"])
    test_killed(bed, "VG remove", cw.VG_REMOVE, g)


def main():
    need_disks("lvm", "mkfs.ext4", "wipefs", "sfdisk")
    with Lab() as lab, Disks(lab) as disks:
        bed = Bed(disks, 4)
        with open(bed.files[3], "r+b") as f:
            f.write(os.urandom(SIZE))
        test_each_op(bed)
        test_refusals(bed)
        if "asan" in BUILD:
            print("kills are not tried: nothing can be preloaded here")
        else:
            test_kills(bed)


main()
