# SPDX-License-Identifier: GPL-2.0-or-later
"""One real probe of this very host, with some more loop devices: LUNs, partitions, filesystems and
mounts agree with lsblk, blkid and findmnt."""
import json
import os
import subprocess

from disks import Disks, need_disks
from harness import Lab, check, need_nic, run

LSBLK = ("KNAME,TYPE,SIZE,MAJ:MIN,LOG-SEC,PHY-SEC,ROTA,RO,RM,DISC-MAX,START,MODEL,SERIAL,PKNAME")
TABLE = "label: gpt\nsize=8M,name=first\nsize=16M,type=linux\nname=rest,type=swap\n"
compared = 0


class Row(dict):
    def __missing__(self, key):
        return None  # what is not known is not there


def same(what, ours, theirs):
    global compared
    compared += 1
    check(ours == theirs, f"{what}: reported {ours!r}, expected {theirs!r}")


def block_devices():
    """All that the kernel has, each with `below`: the disk that a partition is of."""
    rows = json.loads(run("lsblk", "-J", "-b", "-a", "-l", "-o", LSBLK))["blockdevices"]
    for row in rows:
        try:
            with open(f"/sys/block/{row['kname']}/loop/backing_file", encoding="utf-8") as f:
                row["file"] = f.read().strip()
        except OSError:
            row["file"] = None
    return {row["kname"]: row for row in rows}


def is_path(row):
    """What docs/inventory.md says of what counts: no RAM disk, floppy or CD-ROM, nothing on top of
    others, no loop device without a file, no drive without a medium."""
    return (row["type"] in ("disk", "loop") and row["size"] > 0 and
            not row["kname"].startswith(("ram", "fd", "md", "dm-", "drbd", "bcache", "nbd")) and
            (row["type"] != "loop" or row["file"] is not None))


def signature(device):
    """What blkid finds on it, reading it anew; None when it may not be read."""
    done = subprocess.run(["blkid", "-p", "-o", "export", f"/dev/{device}"], capture_output=True,
                          text=True)
    if done.returncode not in (0, 2) or "error" in done.stderr:
        return None
    return dict(line.split("=", 1) for line in done.stdout.splitlines() if "=" in line)


def children(theirs, device):
    return sorted(d for d, row in theirs.items() if row["pkname"] == device and row["type"] == "part")


def compare_unread(device, lun):
    """What nobody may open is not said to be empty."""
    try:
        os.close(os.open(f"/dev/{device}", os.O_RDONLY | os.O_NONBLOCK | os.O_DIRECT))
        why = None
    except OSError as e:
        why = f"/dev/{device} cannot be opened and read: {os.strerror(e.errno)}"
    same(f"{device} unread", lun["unread"], why)
    if why is not None and not lun["key"].startswith("local."):
        print(f"{lun['key']}: {why}")


def compare_luns(lab, rows, theirs):
    """{device: key of its LUN}"""
    paths = {p["device"]: p for p in rows["paths"]}
    same("paths", sorted(d for d in paths if d in theirs),
         sorted(d for d, row in theirs.items() if is_path(row)))
    luns = {r["key"]: r for r in rows["luns"]}
    for device, path in paths.items():
        row, lun = theirs.get(device), luns[path["lun"]]
        if row is None:
            continue
        check(device in lun["devices"], f"{device} is no path of {lun}")
        same(f"{device} devnum", path["devnum"], row["maj:min"])
        same(f"{device} size", path["size_bytes"], row["size"])
        if lun["device"] != device:
            continue
        for ours, name in (("logical_block_bytes", "log-sec"), ("physical_block_bytes", "phy-sec"),
                           ("rotational", "rota"), ("read_only", "ro"), ("removable", "rm")):
            same(f"{device} {ours}", lun[ours], row[name])
        same(f"{device} discard", lun["discard"], row["disc-max"] > 0)
        same(f"{device} size", lun["size_bytes"], row["size"])
        same(f"{device} file", lun["file"], row["file"])
        if row["serial"]:
            same(f"{device} serial", lun["serial"], row["serial"])
        if row["model"]:
            same(f"{device} model", lun["model"], row["model"])
        holders = os.listdir(f"/sys/block/{device}/holders")
        same(f"{device} holders", lun["holders"] or [], sorted(holders))
        if lun["state"] == "ok":
            compare_unread(device, lun)
    doc = lab.muster("matrix", "--kind", "lun")
    edges = {doc["resources"][e["resource"]]["key"]: e for e in doc["edges"]}
    here = {k: r for k, r in luns.items() if not k.startswith("local.")}
    check(set(here) <= set(edges), f"LUNs without an edge: {set(here) - set(edges)}")
    same("LUNs in the matrix", len(edges), len(luns))
    for key, row in here.items():
        state = {"ok": "ok", "stuck": "stuck", "failed": "lost"}.get(row["state"])
        if state is not None:
            same(f"edge to {key}", (edges[key]["state"], edges[key]["paths_total"]),
                 (state, row["paths_total"]))
    return {d: p["lun"] for d, p in paths.items() if d in theirs}


def compare_partitions(rows, theirs, luns):
    """{device: key}"""
    ours = {r["device"]: r for r in rows["partitions"] if r.get("device")}
    expected = {c: d for d in luns for c in children(theirs, d)}
    same("partitions", sorted(d for d in ours if d in theirs), sorted(expected))
    for device, disk in expected.items():
        row, label = ours[device], signature(device)
        same(f"{device} container", row["container"], luns[disk])
        same(f"{device} devnum", row["devnum"], theirs[device]["maj:min"])
        same(f"{device} size", row["size_bytes"], theirs[device]["size"])
        same(f"{device} start", row["start_bytes"], theirs[device]["start"] * 512)
        same(f"{device} read only", row["read_only"], theirs[device]["ro"])
        if label is None:
            continue
        for field, name in (("table_type", "SCHEME"), ("type", "TYPE"), ("uuid", "UUID"),
                            ("label", "NAME")):
            same(f"{device} {field}", row[field], label.get("PART_ENTRY_" + name))
        same(f"{device} number", row["number"], int(label["PART_ENTRY_NUMBER"]))
    return {d: ours[d]["key"] for d in expected}


def compare_filesystems(lab, rows, theirs, containers):
    ours = {r["container"]: r for r in rows["filesystems"]}
    doc = lab.muster("matrix", "--kind", "filesystem")
    edges = {doc["resources"][e["resource"]]["key"]: e for e in doc["edges"]}
    kinds = set()
    for device, container in containers.items():
        label = signature(device)
        if label is None:  # nor may the probe
            continue
        holds = label.get("TYPE") not in (None, "LVM2_member")
        same(f"a filesystem on {device}", container in ours, holds)
        if not holds:
            continue
        row = ours[container]
        kinds.add(row["type"])
        for field, name in (("type", "TYPE"), ("usage", "USAGE"), ("uuid", "UUID"), ("label", "LABEL"),
                            ("sub_uuid", "UUID_SUB"), ("version", "VERSION")):
            same(f"{device} {field}", row[field], label.get(name))
        check(row["size_bytes"] is None or row["size_bytes"] <= theirs[device]["size"],
              f"{device} has {theirs[device]['size']} bytes, its filesystem {row['size_bytes']}")
        same(f"edge to the filesystem on {device}",
             edges[f"{row['uuid'] or ''}@{container}"]["state"], "ok")
    return kinds


def compare_uses(rows, containers, probe):
    """Mounts in the mount table that the probe has, and swap."""
    text = run("nsenter", "--target", str(probe.pid), "--mount", "findmnt", "-J", "-l", "-o",
               "MAJ:MIN,TARGET,FSTYPE,SOURCE")
    devnums = {r["devnum"]: r["lun"] for r in rows["paths"]}
    devnums.update({r["devnum"]: r["key"] for r in rows["partitions"]})
    expected = {(m["target"], m["fstype"], devnums[m["maj:min"]])
                for m in json.loads(text)["filesystems"] if m["maj:min"] in devnums}
    ours = {(u["used_by"], u["type"], u["container"]) for u in rows["uses"] if u["kind"] == "mount"}
    check(expected <= ours, f"mounts that are not reported: {expected - ours}")
    return expected


def main():
    need_nic()
    need_disks("lsblk", "blkid", "findmnt", "sfdisk", "partx", "mkfs.ext4", "mkfs.xfs", "mkfs.btrfs",
               "mkfs.vfat", "mkswap")
    with Lab() as lab, Disks(lab) as disks:
        for kind, options in (("ext4", ("-L", "home")), ("xfs", ("-L", "space")), ("btrfs", ()),
                              ("vfat", ("-n", "BOOT")), ("swap", ("-L", "swap"))):
            disks.attach(0, disks.make(kind, kind, *options))
        disks.attach(0, disks.make("ext4", "read-only"), read_only=True)
        disks.attach(0, disks.file("empty"))
        whole = disks.file("gpt")
        run("sfdisk", "-q", whole, input=TABLE)
        device = disks.attach(0, whole, partitions=True)
        run("mkfs.ext4", "-q", "-L", "inside", device + "p1")
        run("mkswap", "-q", device + "p3")
        own = {d[5:] for d in disks.attached} | {f"{device[5:]}p{n}" for n in (1, 2, 3)}
        disks.reserve(0)  # without a file: it is none
        before = block_devices()
        lab.start_coordinator()
        probe = lab.start_probe("here", lab.tokens()[0], extra=["--device", "*"])
        lab.wait_section("here", "filesystems", lambda rows: rows, "any")
        sections = lab.muster("node", "show", "here")["sections"]
        rows = {s: [Row(r) for r in v["rows"]] for s, v in sections.items()}
        # Others may attach and detach meanwhile: compared is what has stayed.
        theirs = {d: row for d, row in block_devices().items()
                  if row == before.get(d) and (d in own or not d.startswith("loop"))}
        check(own <= set(theirs), f"devices of the test that are not there: {own - set(theirs)}")
        luns = compare_luns(lab, rows, theirs)
        partitions = compare_partitions(rows, theirs, luns)
        kinds = compare_filesystems(lab, rows, theirs, {**luns, **partitions})
        check({"ext4", "xfs", "btrfs", "vfat", "swap"} <= kinds, f"only {kinds}")
        mounts = compare_uses(rows, {**luns, **partitions}, probe)
        print(f"{len(luns)} LUNs, {len(partitions)} partitions, {len(kinds)} types of filesystems, "
              f"{len(mounts)} mounts: {compared} facts agree with lsblk, blkid and findmnt")


main()
