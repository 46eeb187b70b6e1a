#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what the collector says of this machine's disks with what lsblk says, with a loop device of
its own over a file with a GPT and two partitions, and another over the same file. Usage:
live_block.py COLLECT-DUMP. Without root, losetup, sfdisk or partx only the disks that are there are compared."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

DUMP = sys.argv[1]
COLUMNS = "NAME,KNAME,SIZE,TYPE,MAJ:MIN,RO,RM,LOG-SEC,PHY-SEC,ROTA,SERIAL"
LSBLK = ("lsblk", "-J", "-b", "-o", COLUMNS)
LIMIT_S = 60
faults, compared = [], 0


def run(*argv, text=None):
    done = subprocess.run(argv, input=text, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def same(what, ours, theirs):
    global compared
    compared += 1
    if ours != theirs:
        faults.append(f"{what}: collected {ours!r}, expected {theirs!r}")


def names(disks):
    return sorted(d["kname"] for d in disks if d["type"] in ("disk", "loop") and d["size"] > 0)


def take_pair():
    """lsblk's view and ours of one moment: disks of others come and go all the time, so lsblk is asked on
    both sides, and what counts is what has stayed. One that went and came in between is missing in ours
    alone, which is not so each time."""
    end = time.monotonic() + LIMIT_S
    while True:
        before, ours, after = (json.loads(run(*argv)) for argv in (LSBLK, (DUMP, "block"), LSBLK))
        stayed = [d for d in before["blockdevices"] if d in after["blockdevices"]]
        came = set(names(before["blockdevices"] + after["blockdevices"])) - set(names(stayed))
        ours["paths"]["rows"] = [r for r in ours["paths"]["rows"] if r["device"] not in came]
        same_names = names(stayed) == sorted(r["device"] for r in ours["paths"]["rows"])
        if same_names or time.monotonic() > end:
            return stayed, ours


def compare_disk(theirs, path, lun):
    name = theirs["kname"]
    same(f"{name} devnum", path.get("devnum"), theirs["maj:min"])
    same(f"{name} size", path.get("size_bytes"), theirs["size"])
    if theirs["serial"]:  # without udev lsblk does not know virtio's
        same(f"{name} serial", lun.get("serial"), theirs["serial"].strip())
    if lun.get("device") == name:
        same(f"{name} read_only", lun["read_only"], theirs["ro"])
        same(f"{name} removable", lun["removable"], theirs["rm"])
        same(f"{name} logical", lun["logical_block_bytes"], theirs["log-sec"])
        same(f"{name} physical", lun["physical_block_bytes"], theirs["phy-sec"])
        same(f"{name} rotational", lun["rotational"], theirs["rota"])


def compare():
    disks, ours = take_pair()
    paths = {r["device"]: r for r in ours["paths"]["rows"]}
    luns = {r["key"]: r for r in ours["luns"]["rows"]}
    partitions = {r["device"]: r for r in ours["partitions"]["rows"] if "device" in r}
    expected = {d["kname"]: d for d in disks if d["kname"] in names(disks)}
    same("disks", sorted(paths), sorted(expected))
    for name in sorted(set(paths) & set(expected)):
        compare_disk(expected[name], paths[name], luns[paths[name]["lun"]])
        if luns[paths[name]["lun"]].get("device") != name:
            continue
        for part in expected[name].get("children", []):
            if part["type"] != "part":
                continue
            row = partitions.get(part["kname"], {})
            same(f"{part['kname']} devnum", row.get("devnum"), part["maj:min"])
            same(f"{part['kname']} size", row.get("size_bytes"), part["size"])
            same(f"{part['kname']} container", row.get("container"), paths[name]["lun"])
    return paths, luns, partitions


def compare_own(folder):
    image = os.path.join(folder, "disk.img")
    devices = []
    with open(image, "wb") as f:
        f.truncate(16 << 20)
    run("sfdisk", "-q", image, text="label: gpt\nstart=2048, size=4096\nstart=8192, size=8192\n")
    try:
        for _ in range(2):
            devices.append(run("losetup", "-f", "--show", image).strip())
            # Not by the kernel, which may know no GPT.
            run("partx", "-a", devices[-1])
        first, second = (os.path.basename(d) for d in devices)
        paths, luns, partitions = compare()
        key = paths[first]["lun"]
        same("two loop devices over one file", paths[second]["lun"], key)
        same("key", key.startswith("loop."), True)
        same("file", luns[key].get("file"), image)
        same("paths", luns[key]["paths_total"], 2)
        row = partitions.get(f"{luns[key]['device']}p2", {})
        same("partition", (row.get("key"), row.get("start_bytes"), row.get("size_bytes")),
             (f"{key}-part2", 8192 * 512, 8192 * 512))
    finally:
        for device in devices:
            subprocess.run(["partx", "-d", device], capture_output=True, check=False)
            run("losetup", "-d", device)


def main():
    if not shutil.which("lsblk"):
        print("SKIP: there is no lsblk")
        sys.exit(77)
    compare()
    if os.geteuid() != 0 or not shutil.which("losetup") or not shutil.which("sfdisk") or \
            not shutil.which("partx") or not os.path.exists("/dev/loop-control"):
        print("SKIP: a loop device of its own: needs root, losetup, sfdisk, partx and /dev/loop-control")
    else:
        with tempfile.TemporaryDirectory() as folder:
            compare_own(folder)
    for fault in faults:
        print(fault)
    print(f"{compared} values compared, {len(faults)} faults")
    sys.exit(1 if faults or compared == 0 else 0)


main()
