#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""LVM for real, on loop devices over files of this test: what lvm-dump (the collector) says is compared
with pvs, vgs and lvs. The metadata of thin pools, snapshots, RAID and a shared VG is restored from a
text, for the kernel may have no device-mapper to make them. Usage: lvm_live.py LVM-DUMP. Skipped (77)
with the reason where it cannot be done."""
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from lvm import lvm

DUMP = sys.argv[1]
faults, compared = [], 0
TAGS = ("a+b/c=d!e:f&g#h", "-dash", "x.y_z", "UPPER", "0")

# A PV each of `loops`, by UUID; the other UUIDs are made up.
METADATA = """
contents = "Text Format Volume Group"
version = 1
made {{
id = "MADEvg-0000-0000-0000-0000-0000-000000"
seqno = 7
format = "lvm2"
status = ["RESIZEABLE", "READ", "WRITE"]
flags = []
{extra}
extent_size = 2048
max_lv = 0
max_pv = 0
physical_volumes {{
pv0 {{ id = "{pv0}" status = ["ALLOCATABLE"] flags = [] dev_size = 65536 pe_start = 2048 pe_count = 31 }}
pv1 {{ id = "{pv1}" status = ["ALLOCATABLE"] flags = [] dev_size = 65536 pe_start = 2048 pe_count = 31 }}
}}
logical_volumes {{
{lvs}
}}
}}
"""


def lv(name, flags, *segment):
    uuid = (name.replace("_", "") + "0" * 32)[:32]
    uuid = "-".join((uuid[:6], *(uuid[i:i + 4] for i in range(6, 26, 4)), uuid[26:]))
    return (f'{name} {{ id = "{uuid}" status = [{flags}] flags = [] segment_count = 1\n'
            f'segment1 {{ start_extent = 0 {" ".join(segment)} }} }}')


def linear(extents, pv, start):
    return (f"extent_count = {extents}", 'type = "striped" stripe_count = 1',
            f'stripes = [ "{pv}", {start} ]')


RW, SHOWN = '"READ", "WRITE"', '"READ", "WRITE", "VISIBLE"'
MADE_LVS = "\n".join((
    lv("pool", RW, 'extent_count = 4 type = "thin-pool" metadata = "pool_tmeta" pool = "pool_tdata"',
       'transaction_id = 2 chunk_size = 128 discards = "passdown" zero_new_blocks = 1'),
    lv("pool_tmeta", RW, *linear(1, "pv0", 0)),
    lv("pool_tdata", RW, *linear(4, "pv1", 1)),
    lv("lvol0_pmspare", RW, *linear(1, "pv0", 1)),
    lv("thin1", SHOWN, 'extent_count = 32 type = "thin" thin_pool = "pool" transaction_id = 0',
       "device_id = 1"),
    lv("thin2", '"READ", "VISIBLE"', 'extent_count = 32 type = "thin" thin_pool = "pool"',
       'transaction_id = 1 device_id = 2 origin = "thin1"'),
    lv("orig", SHOWN, *linear(2, "pv0", 10)),
    lv("cow", SHOWN, *linear(1, "pv1", 10)),
    lv("snapshot0", RW, 'extent_count = 2 type = "snapshot" chunk_size = 8 origin = "orig"',
       'cow_store = "cow"'),
    lv("r1", SHOWN, 'extent_count = 2 type = "raid1" device_count = 2 region_size = 1024',
       'raids = [ "r1_rmeta_0", "r1_rimage_0", "r1_rmeta_1", "r1_rimage_1" ]'),
    *(lv(f"r1_rmeta_{i}", RW, *linear(1, f"pv{i}", 20)) for i in range(2)),
    *(lv(f"r1_rimage_{i}", RW, *linear(2, f"pv{i}", 21)) for i in range(2))))


class Skip(Exception):
    pass


def same(what, ours, theirs):
    global compared
    compared += 1
    if ours != theirs:
        faults.append(f"{what}: collected {ours!r}, expected {theirs!r}")


class Lab:
    """Loop devices and a private LVM; all of it goes with close(). A loop device is marked to go with
    its last user, who is this process: it does so even when this is killed."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="muster-lvm-")
        self.loops, self.users = [], {}

    def close(self):
        try:
            for d in list(self.loops):
                self.detach(d)
        finally:
            shutil.rmtree(self.dir)

    def file(self, name, like=None):
        path = f"{self.dir}/{name}"
        if like is not None:
            shutil.copyfile(f"{self.dir}/{like}", path)
        with open(path, "ab") as f:
            f.truncate(32 << 20)
        return path

    def attach(self, path):
        device = run("losetup", "-f", "--show", path, may_fail=True)
        if device is None:
            raise Skip("a loop device cannot be attached")
        device = device.strip()
        self.users[device] = os.open(device, os.O_RDONLY)
        run("losetup", "-d", device)
        self.loops.append(device)
        return device

    def detach(self, device):
        os.close(self.users.pop(device))
        self.loops.remove(device)
        backing = f"/sys/block/{device[5:]}/loop/backing_file"
        limit = time.monotonic() + 10
        while self.dir in text_of(backing):
            if time.monotonic() > limit:
                raise RuntimeError(f"{device} is not detached after 10 s")

    def lvm(self, *argv):
        """A command of LVM that sees only loop devices of this test, and leaves nothing outside."""
        return lvm(self.dir, self.loops, *argv)

    def report(self, command, kind, fields, *more):
        text = self.lvm(command, "-a", "--foreign", "--shared", "--units", "b", "--nosuffix",
                        "--reportformat", "json", "-o", fields, *more,
                        "--config", "report{mark_hidden_devices=0}")
        return json.loads(text)["report"][0][kind]

    def collect(self, *devices):
        """Our sections, each by the rows' keys."""
        # LVM's library loses some bytes of its own, which matters to AddressSanitizer alone.
        with open(f"{self.dir}/leaks", "w", encoding="ascii") as f:
            f.write("leak:liblvm2cmd\n")
        text = run(DUMP, *(f"{d}=container.{d[5:]}" for d in devices or self.loops),
                   env={**os.environ, "LSAN_OPTIONS":
                        f"suppressions={self.dir}/leaks:print_suppressions=0"})
        sections = json.loads(text)
        for name, s in sections.items():
            same(f"status of {name}", (s["status"], s.get("status_text")), ("ok", None))
        return {name: {next(iter(r.values())): r for r in s["rows"]}
                for name, s in sections.items()}


def run(*argv, may_fail=False, env=None):
    done = subprocess.run(argv, capture_output=True, text=True, env=env, check=False)
    if done.returncode != 0 and not may_fail:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout if done.returncode == 0 else None


def text_of(path):
    try:
        with open(path, encoding="utf-8") as f:
            return f.read()
    except OSError:
        return ""


def listed(text):
    return sorted(text.split(",")) if text else []


def short(name):
    return name[5:] if name.startswith("/dev/") else name


def compare_pvs(lab, ours):
    rows = lab.report("pvs", "pv", "pv_uuid,pv_name,pv_fmt,pv_attr,pv_size,pv_free,dev_size,"
                      "pv_pe_count,pv_pe_alloc_count,pv_mda_used_count,pv_tags,pv_missing,"
                      "pv_duplicate,vg_uuid,vg_name")
    rows = [r for r in rows if r["pv_uuid"]]
    keys = set()
    for t in rows:
        duplicate = bool(t["pv_duplicate"])
        key = f"{t['pv_uuid']}/{short(t['pv_name'])}" if duplicate else t["pv_uuid"]
        keys.add(key)
        o = ours["pvs"].get(key, {})
        here = t["pv_name"].startswith("/dev/")
        same(f"{key} device", o.get("device"), short(t["pv_name"]) if here else None)
        same(f"{key} container", o.get("container"),
             f"container.{short(t['pv_name'])}" if here else None)
        same(f"{key} missing", o.get("missing"), bool(t["pv_missing"]))
        same(f"{key} vg", (o.get("vg_uuid"), o.get("vg_name")),
             (t["vg_uuid"] or None, t["vg_name"] or None))
        same(f"{key} attr", o.get("attr"), t["pv_attr"])
        same(f"{key} device size", o.get("device_bytes", 0), int(t["dev_size"]))
        if duplicate:
            continue
        same(f"{key} format", o.get("format"), t["pv_fmt"])
        for name, theirs in (("size_bytes", "pv_size"), ("free_bytes", "pv_free"),
                             ("extents", "pv_pe_count"), ("extents_allocated", "pv_pe_alloc_count")):
            same(f"{key} {name}", o.get(name), int(t[theirs]))
        same(f"{key} metadata areas", o.get("metadata_areas", 0), int(t["pv_mda_used_count"]))
        same(f"{key} tags", o.get("tags", []), listed(t["pv_tags"]))
        same(f"{key} duplicate", o.get("duplicate"),
             any(r["pv_duplicate"] and r["pv_uuid"] == t["pv_uuid"] for r in rows))
    same("PVs", set(ours["pvs"]), keys)


def compare_vgs(lab, ours):
    rows = lab.report("vgs", "vg", "vg_uuid,vg_name,vg_attr,vg_size,vg_free,vg_extent_size,"
                      "vg_extent_count,vg_free_count,pv_count,vg_missing_pv_count,lv_count,"
                      "snap_count,vg_seqno,vg_systemid,vg_lock_type,vg_exported,vg_partial,vg_tags")
    for t in rows:
        o, name = ours["vgs"].get(t["vg_uuid"], {}), t["vg_name"]
        for field, theirs in (("size_bytes", "vg_size"), ("free_bytes", "vg_free"),
                              ("extent_bytes", "vg_extent_size"), ("extents", "vg_extent_count"),
                              ("extents_free", "vg_free_count"), ("pvs", "pv_count"),
                              ("pvs_missing", "vg_missing_pv_count"), ("lvs", "lv_count"),
                              ("snapshots", "snap_count"), ("seqno", "vg_seqno"),
                              ("paths_total", "pv_count")):
            same(f"{name} {field}", o.get(field), int(t[theirs]))
        for field, theirs in (("name", "vg_name"), ("attr", "vg_attr"), ("system_id", "vg_systemid"),
                              ("lock_type", "vg_lock_type")):
            same(f"{name} {field}", o.get(field), t[theirs] or None)
        same(f"{name} paths", o.get("paths_active"),
             int(t["pv_count"]) - int(t["vg_missing_pv_count"]))
        same(f"{name} exported", o.get("exported"), bool(t["vg_exported"]))
        same(f"{name} partial", o.get("partial"), bool(t["vg_partial"]))
        same(f"{name} tags", o.get("tags", []), listed(t["vg_tags"]))
    same("VGs", set(ours["vgs"]), {t["vg_uuid"] for t in rows})


def compare_lvs(lab, ours):
    segments = {}
    for s in lab.report("lvs", "seg", "lv_uuid,segtype,seg_start_pe,seg_size_pe,devices",
                        "--segments"):
        segments.setdefault(s["lv_uuid"], []).append(s)
    rows = lab.report("lvs", "lv", "lv_uuid,lv_name,lv_attr,lv_size,lv_layout,lv_role,origin,"
                      "pool_lv,lv_tags,lv_health_status,vg_uuid,vg_name")
    rows = {t["lv_uuid"]: t for t in rows}
    for uuid, t in rows.items():
        o, name = ours["lvs"].get(uuid, {}), t["lv_name"]
        for field, theirs in (("name", "lv_name"), ("attr", "lv_attr"), ("vg_uuid", "vg_uuid"),
                              ("vg_name", "vg_name"), ("origin", "origin"), ("pool", "pool_lv")):
            same(f"{name} {field}", o.get(field), t[theirs] or None)
        same(f"{name} size", o.get("size_bytes"), int(t["lv_size"]))
        same(f"{name} layout", o.get("layout"), listed(t["lv_layout"]))
        same(f"{name} role", o.get("role"), listed(t["lv_role"]))
        same(f"{name} tags", o.get("tags", []), listed(t["lv_tags"]))
        health = t["lv_health_status"]
        same(f"{name} health", o.get("health"), None if health in ("", "unknown") else health)
        same(f"{name} read only", o.get("read_only"), t["lv_attr"][1] in "rR")
        same(f"{name} active", o.get("active"), False)
        mine = sorted(segments[uuid], key=lambda s: int(s["seg_start_pe"]))
        same(f"{name} type", o.get("type"), mine[0]["segtype"])
        same(f"{name} segments", o.get("segments"),
             [" ".join(filter(None, (f"{s['seg_start_pe']}+{s['seg_size_pe']}", s["segtype"],
                                     s["devices"].replace("/dev/", "")))) for s in mine])
    same("LVs", set(ours["lvs"]), set(rows))


def compare(lab, exported=False):
    ours = lab.collect()
    compare_pvs(lab, ours)
    compare_vgs(lab, ours)
    if not exported:  # lvs passes over exported VGs
        compare_lvs(lab, ours)
    return ours


def vg_of(ours, name):
    return next((v for v in ours["vgs"].values() if v["name"] == name), {})


def lv_of(ours, name):
    return next((v for v in ours["lvs"].values() if v["name"] == name), {})


def identity(ours, name):
    vg = vg_of(ours, name)
    return vg.get("seqno"), vg.get("metadata_digest")


def plain_vg(lab):
    """Linear, striped, two segments, tags; growing; a second node; a PV that is gone; a clone."""
    one, two = lab.attach(lab.file("one")), lab.attach(lab.file("two"))
    lab.attach(lab.file("spare"))
    lab.lvm("pvcreate", "-q", *lab.loops)
    lab.lvm("vgcreate", "-q", "-s", "1m", "plain", one, two)
    for argv in (("-L", "4M", "-n", "lin"), ("-i2", "-I64k", "-L", "4M", "-n", "str"),
                 ("-L", "40M", "-n", "span"), ("-L", "1M", "-pr", "-n", "ro")):
        lab.lvm("lvcreate", "-q", "-y", "-an", "-Zn", "-Wn", *argv, "plain")
    for tag in TAGS:
        lab.lvm("lvchange", "-q", "--addtag", tag, "plain/lin")
        lab.lvm("vgchange", "-q", "--addtag", tag, "plain")
    lab.lvm("pvchange", "-q", "--addtag", TAGS[0], one)
    ours = compare(lab)
    uuids = {p["device"]: p["uuid"] for p in ours["pvs"].values()}
    both = sorted((uuids[short(one)], uuids[short(two)]))
    same("tags", lv_of(ours, "lin").get("tags"), sorted(TAGS))
    same("a PV in no VG", len([p for p in ours["pvs"].values() if "vg_uuid" not in p]), 1)
    same("PVs below str", lv_of(ours, "str").get("pvs"), both)
    same("PVs below lin", lv_of(ours, "lin").get("pvs"), [uuids[short(one)]])

    before = identity(ours, "plain")
    same("asked again", identity(lab.collect(), "plain"), before)
    lab.lvm("lvextend", "-q", "-L", "+1M", "plain/lin")
    after = identity(compare(lab), "plain")
    same("seqno after growing", after[0], before[0] + 1)
    same("the digest changes with the metadata", after[1] != before[1], True)

    # A node of its own: other loop devices over the same files, in the other order.
    mine = list(lab.loops)
    twins = [lab.attach(f"{lab.dir}/two"), lab.attach(f"{lab.dir}/one")]
    same("a second node", identity(lab.collect(*twins), "plain"), after)
    same("a node with one PV", identity(lab.collect(twins[1]), "plain"), after)
    same("a node with the other", identity(lab.collect(twins[0]), "plain"), after)
    for d in twins:
        lab.detach(d)
    same("the first node's devices", lab.loops, mine)

    lab.detach(two)
    ours = compare(lab)
    gone = ours["pvs"][uuids[short(two)]]
    same("missing", (gone["missing"], gone.get("container")), (True, None))
    same("partial", vg_of(ours, "plain").get("partial"), True)
    same("paths of str", (lv_of(ours, "str")["paths_active"], lv_of(ours, "str")["paths_total"]),
         (1, 2))
    same("paths of lin", lv_of(ours, "lin")["paths_active"], 1)
    two = lab.attach(f"{lab.dir}/two")

    clone = lab.attach(lab.file("clone", like="one"))
    ours = compare(lab)
    clones = {p["device"] for p in ours["pvs"].values() if p["duplicate"]}
    same("clones", clones, {short(one), short(clone)})
    same("paths with a clone", vg_of(ours, "plain").get("paths_total"), 2)
    lab.detach(clone)

    lab.lvm("vgexport", "-q", "plain")
    ours = compare(lab, exported=True)
    same("exported", vg_of(ours, "plain").get("exported"), True)
    same("LVs of an exported VG", {v["name"] for v in ours["lvs"].values()},
         {"lin", "str", "span", "ro"})
    lab.lvm("vgimport", "-q", "plain")
    lab.lvm("vgchange", "-q", "-y", "--systemid", "some.other-host", "plain")
    same("foreign", vg_of(compare(lab), "plain").get("system_id"), "some.other-host")
    for d in list(lab.loops):
        lab.detach(d)


def made_vg(lab, extra, lvs):
    """Metadata that only a kernel with device-mapper could make, restored from a text."""
    loops = [lab.attach(lab.file(f"made{i}")) for i in range(2)]
    lab.lvm("pvcreate", "-q", "-ff", "-y", *loops)
    uuids = [r["pv_uuid"] for r in sorted(lab.report("pvs", "pv", "pv_uuid,pv_name"),
                                          key=lambda r: loops.index(r["pv_name"]))]
    with open(f"{lab.dir}/made.cfg", "w", encoding="ascii") as f:
        f.write(METADATA.format(pv0=uuids[0], pv1=uuids[1], extra=extra, lvs=lvs))
    lab.lvm("vgcfgrestore", "-q", "-y", "--force", "-f", f"{lab.dir}/made.cfg", "made")
    return loops, uuids


def thin_snapshot_raid(lab):
    loops, uuids = made_vg(lab, "", MADE_LVS)
    ours = compare(lab)
    both = sorted(uuids)
    for name, pvs in (("thin2", both), ("pool", both), ("cow", both), ("orig", [uuids[0]]),
                      ("r1", both), ("r1_rimage_1", [uuids[1]]), ("pool_tmeta", [uuids[0]])):
        same(f"PVs below {name}", lv_of(ours, name).get("pvs"), pvs)
    same("origin of thin2", lv_of(ours, "thin2").get("origin"), "thin1")
    same("pool of thin2", lv_of(ours, "thin2").get("pool"), "pool")
    same("origin of cow", lv_of(ours, "cow").get("origin"), "orig")
    whole = identity(ours, "made")
    lab.detach(loops[1])
    ours = compare(lab)
    same("digest of the partial VG", identity(ours, "made"), whole)
    same("paths of orig", lv_of(ours, "orig")["paths_active"], 1)
    same("paths of thin1", lv_of(ours, "thin1")["paths_active"], 1)
    lab.detach(loops[0])


def shared_vg(lab):
    made_vg(lab, 'lock_type = "sanlock"\nlock_args = "1.0.0:lvmlock"',
            lv("lvmlock", RW, *linear(1, "pv0", 0)))
    same("lock type", vg_of(compare(lab), "made").get("lock_type"), "sanlock")


def main():
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    if os.geteuid() != 0:
        raise Skip("only root can attach loop devices")
    for program in ("lvm", "losetup"):
        if shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin") is None:
            raise Skip(f"{program} is not installed")
    for part in (plain_vg, thin_snapshot_raid, shared_vg):
        lab = Lab()
        try:
            part(lab)
        finally:
            lab.close()
    for fault in faults:
        print(fault)
    print(f"lvm live: {compared} values compared, {len(faults)} faults")
    sys.exit(1 if faults or compared < 500 else 0)


try:
    main()
except Skip as reason:
    print(f"SKIP: {reason}")
    sys.exit(77)
