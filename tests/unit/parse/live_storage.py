#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The workers of storage and of LVM on loop devices of this test alone: file systems, swap, a GPT whose
partitions the kernel does not have, a PV, copies of a file system and of a PV, a device that does not
answer, one that fails. Usage: live_storage.py COLLECT-DUMP. Skipped (77) with the reason where it
cannot be done."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import loops
from lvm import lvm

DUMP = sys.argv[1]
MIB = 1 << 20
LIMIT_S = 60  # a worker needs some tenths of a second; the machine may be busy
MAKERS = {"ext4": ["mke2fs", "-q", "-t", "ext4", "-L", "data"], "xfs": ["mkfs.xfs", "-q", "-f"],
          "btrfs": ["mkfs.btrfs", "-q"], "vfat": ["mkfs.vfat"], "swap": ["mkswap", "-q"]}


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


def run(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def image(folder, name, size):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.truncate(size)
    return path


def collect(kind, devices, memory):
    globs = [word for d in devices for word in ("--device", os.path.basename(d.path))]
    leaks = os.path.join(os.path.dirname(memory), "leaks")  # LVM loses some of its own memory
    with open(leaks, "w", encoding="ascii") as f:
        f.write("leak:liblvm2cmd\n")
    out = subprocess.run([DUMP, kind, *globs, "--memory", memory], capture_output=True, text=True,
                         check=True, timeout=LIMIT_S, env={
                             **os.environ,
                             "LSAN_OPTIONS": f"suppressions={leaks}:print_suppressions=0"}).stdout
    return {name: section["rows"] for name, section in json.loads(out).items()
            if section["status"] in ("ok", "absent")}


def by(rows, field):
    return {row[field]: row for row in rows if field in row}


class Sight:
    """What the worker of storage sees of these devices, by name of the device."""

    def __init__(self, devices, memory):
        start = time.monotonic()
        found = collect("storage", devices, memory)
        self.seconds = time.monotonic() - start
        self.luns = by(found["luns"], "device")
        self.partitions = by(found["partitions"], "key")
        self.filesystems = by(found["filesystems"], "container")
        names = {os.path.basename(d.path) for d in devices}
        assert set(self.luns) == names, (set(self.luns), names)
        assert {p["device"] for p in found["paths"]} == names, "of others there is no row"

    def lun(self, device):
        return self.luns[os.path.basename(device.path)]

    def on(self, device, part=None):
        return self.filesystems.get(self.lun(device)["key"] + (f"-part{part}" if part else ""))


def make_images(folder):
    images = {}
    for kind, maker in MAKERS.items():
        images[kind] = image(folder, kind, 320 * MIB if kind == "xfs" else 128 * MIB)
        run(*maker, images[kind])
    images["copy"] = os.path.join(folder, "copy")
    shutil.copy(images["ext4"], images["copy"])
    images["gpt"] = image(folder, "gpt", 64 * MIB)
    subprocess.run(["sfdisk", "-q", images["gpt"]], input="label: gpt\n"
                   "size=20M, name=first\nsize=20M, name=second\n", text=True, check=True)
    inside = image(folder, "inside", 20 * MIB)
    run(*MAKERS["ext4"][:-1], "inside", inside)
    run("dd", f"if={inside}", f"of={images['gpt']}", "bs=1M", "seek=1", "conv=notrunc", "status=none")
    images["pv"] = image(folder, "pv", 64 * MIB)
    return images


def check_kinds(sight, device):
    for kind in MAKERS:
        row = sight.on(device[kind])
        assert row["type"] == kind and row["device"] == os.path.basename(device[kind].path), row
        assert row["paths_active"] == row["paths_total"] == 1, row
        assert sight.lun(device[kind])["state"] == "ok" and "unread" not in sight.lun(device[kind])
    assert sight.on(device["copy"])["uuid"] == sight.on(device["ext4"])["uuid"]
    assert sight.on(device["pv"]) is None and sight.on(device["gpt"]) is None


def check_table(sight, device):
    key = sight.lun(device["gpt"])["key"]
    first, second = sight.partitions[f"{key}-part1"], sight.partitions[f"{key}-part2"]
    assert first["container"] == key and first["table_type"] == "gpt", first
    assert (first["label"], second["label"]) == ("first", "second")
    assert first["start_bytes"] == MIB and first["size_bytes"] == 20 * MIB, first
    assert len(first["uuid"]) == 36 and len(first["type"]) == 36, first
    assert "device" not in first, "the kernel has none"
    assert sight.on(device["gpt"], 1)["label"] == "inside", "it is read through the disk"
    assert sight.on(device["gpt"], 2) is None


def check_volumes(device, images, folder, memory):
    lvm(folder, [device["pv"].path], "vgcreate", "-y", "live_storage_vg", device["pv"].path)
    found = collect("lvm", device.values(), memory)
    pv, = found["pvs"]
    assert pv["device"] == os.path.basename(device["pv"].path) and not pv["duplicate"], pv
    assert pv["container"].startswith("loop.") and found["vgs"][0]["name"] == "live_storage_vg"
    shutil.copy(images["pv"], os.path.join(folder, "pv-copy"))
    with loops.Loop(os.path.join(folder, "pv-copy")) as copy:
        pvs = collect("lvm", [*device.values(), copy], memory)["pvs"]
        assert len(pvs) == 2 and all(pv["duplicate"] for pv in pvs), pvs
    assert not collect("lvm", [device["ext4"]], memory)["pvs"], "LVM is told of no other device"


def check_garbage(device, memory):
    for bad in (b"", b"muster storage 1" + b"\xff" * 100, os.urandom(60 << 10)):
        with open(memory, "wb") as f:
            f.write(bad)
        Sight(device.values(), memory)


def sight_with(devices, answers, memory):
    """Until that one answers. On a busy machine the server of the file has little time, as a child that reads."""
    end = time.monotonic() + LIMIT_S
    while True:
        sight = Sight(devices, memory)
        if sight.lun(answers)["state"] == "ok":
            return sight
        assert time.monotonic() < end, sight.lun(answers)


def check_silent(folder, images, kind, part, memory):
    """One that ceases to answer, and does again."""
    mounted = os.path.join(folder, "fuse-" + kind)
    os.mkdir(mounted)
    size = os.path.getsize(images[kind])
    with loops.SilentFile(mounted, size, images[kind]) as silent:
        silent.answer()
        with loops.Loop(silent.path, True) as bad, loops.Loop(images["vfat"], True) as good:
            before = sight_with([bad, good], bad, memory)
            known = before.on(bad, part)
            silent.silence()
            try:
                first, second = (sight_with([bad, good], good, memory) for _ in range(2))
            finally:
                silent.speak()
            after = sight_with([bad, good], bad, memory)
        assert before.lun(bad)["state"] == "ok", before.lun(bad)
        for sight in (first, second):
            lun, row = sight.lun(bad), sight.on(bad, part)
            assert lun["key"] == before.lun(bad)["key"], "its identity is remembered"
            assert lun["state"] == "stuck" and "does not answer" in lun["state_text"], lun
            for field in ("type", "usage", "uuid", "sub_uuid", "label"):
                assert row.get(field) == known.get(field), (field, row, known)
            assert row["state"] == "stuck", row
            assert set(sight.partitions) == set(before.partitions), "nor is its table lost"
            assert sight.on(good) and sight.lun(good)["state"] == "ok", "the other is current"
        assert second.lun(bad)["stuck_ms"] > first.lun(bad)["stuck_ms"], "since the first time"
        assert after.on(bad, part) == known, after.on(bad, part)
        print(f"{kind}: stuck after {first.seconds:.1f} s, then {second.seconds:.1f} s")


def check_silent_pv(folder, images, memory):
    """LVM would wait for it, and for ever: it is not told of it."""
    mounted = os.path.join(folder, "fuse-pv")
    os.mkdir(mounted)
    with loops.SilentFile(mounted, os.path.getsize(images["pv"]), images["pv"]) as silent:
        silent.answer()
        with loops.Loop(silent.path, True) as bad:
            assert len(collect("lvm", [bad], memory)["pvs"]) == 1
            silent.silence()
            try:
                assert not collect("lvm", [bad], memory)["pvs"]
            finally:
                silent.speak()


def check_failing(folder, memory):
    """It is shorter than it was: reads beyond the end of the file fail."""
    name = image(folder, "cut", 8 * MIB)
    with loops.Loop(name) as device:
        os.truncate(name, 64 << 10)
        lun = Sight([device], memory).lun(device)
        assert lun["state"] == "failed" and "failed" in lun["state_text"], lun
        assert lun["unread"].endswith("failed: Input/output error"), lun


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/loop-control"):
        skip("needs root and /dev/loop-control")
    missing = [m[0] for m in (*MAKERS.values(), ["sfdisk"], ["lvm"]) if not shutil.which(m[0])]
    if missing:
        skip(f"needs {', '.join(missing)}")
    with tempfile.TemporaryDirectory(prefix="muster-storage-") as folder:
        images, memory = make_images(folder), os.path.join(folder, "memory")
        device = {kind: loops.Loop(path) for kind, path in images.items()}
        try:
            sight = Sight(device.values(), memory)
            check_kinds(sight, device)
            check_table(sight, device)
            check_volumes(device, images, folder, memory + "-lvm")
            check_garbage(device, memory)
            check_failing(folder, memory)
        finally:
            for d in device.values():
                d.close()
        print(f"{len(device)} devices in {sight.seconds:.1f} s")
        if not os.path.exists("/dev/fuse"):
            skip("needs /dev/fuse for devices that do not answer")
        loops.own_mounts()
        check_silent(folder, images, "btrfs", None, memory)
        check_silent(folder, images, "gpt", 1, memory)
        check_silent_pv(folder, images, memory + "-lvm")


main()
