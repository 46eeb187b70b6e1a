#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Uses loop devices in every way that this machine can and compares what the collector of uses says:
mounted read-write, read-only, in another place, in a mount namespace of its own, as two devices of one btrfs, as swap, by a
loop device over a file inside, open by a process, through the second of two paths. Usage: live_uses.py USES-DUMP
COLLECT-DUMP. Needs root, losetup and mkfs.ext4."""
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

DUMP, COLLECT = sys.argv[1:3]
LIMIT_S = 60  # the machine may be busy
AGE_S = 2  # of a process that counts
TRIES = 20
faults, compared = [], 0


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout.strip()


def same(what, ours, theirs):
    global compared
    compared += 1
    if ours != theirs:
        faults.append(f"{what}: collected {ours!r}, expected {theirs!r}")


class Host:
    """A folder, and what must be undone."""

    def __init__(self, folder):
        self.folder, self.undo, self.devices = folder, [], {}

    def loop(self, name, size=None, path=None):
        if path is None:
            path = os.path.join(self.folder, name + ".img")
        if not os.path.exists(path):
            with open(path, "wb") as f:
                f.truncate(size)
        device = run("losetup", "-f", "--show", path)
        self.undo.append(("losetup", "-d", device))
        self.devices[name] = os.path.basename(device)
        return device

    def mount(self, device, name, *options):
        point = os.path.join(self.folder, name)
        os.makedirs(point, exist_ok=True)
        run("mount", *options, device, point)
        self.undo.append(("umount", point))
        return point

    def uses(self, *names):
        devices = [f"{n}={self.devices[n]}" for n in names or self.devices]
        out = json.loads(run(DUMP, *devices))["uses"]
        same("status", out["status"], "ok")
        rows = {}
        for row in out["rows"]:
            same(row["key"] + " once", row["key"] in rows, False)
            rows[row["key"]] = row
        return [rows[k] for k in sorted(rows)]

    def devnum(self, name):
        with open(f"/sys/class/block/{self.devices[name]}/dev", encoding="ascii") as f:
            return f.read().strip()

    def end(self):
        for argv in reversed(self.undo):
            subprocess.run(argv, capture_output=True)
        # A loop device is let go when its last user is gone: a probe of another test may look at it.
        deadline = time.monotonic() + LIMIT_S
        for name, device in self.devices.items():
            while self.has(device) and time.monotonic() < deadline:
                threading.Event().wait(0.05)
            if self.has(device):
                faults.append(f"{device} of {name} is still there")

    def has(self, device):
        try:
            with open(f"/sys/class/block/{device}/loop/backing_file", encoding="utf-8") as f:
                return self.folder in f.read()
        except OSError:
            return False


def row(host, name, kind, where, **fields):
    out = {"key": f"{kind}/{host.devnum(name)}/{where}", "kind": kind, "container": name,
           "device": host.devices[name], "used_by": where}
    out.update(fields)
    return out


def but(rows, *fields):
    return [{k: v for k, v in r.items() if k not in fields} for r in rows]


def try_mounts(host):
    device = host.loop("ext", 16 << 20)
    run("mkfs.ext4", "-q", device)
    same("not used", host.uses("ext"), [])
    here = host.mount(device, "mnt with blank")
    again = host.mount(here, "bound", "--bind")
    want = [row(host, "ext", "mount", p, type="ext4", read_only=False) for p in (again, here)]
    have = host.uses("ext")
    same("mounted", but(have, "options"), want)
    same("options", [r["options"].split(",")[:2] for r in have], [["rw", "relatime"]] * 2)
    run("mount", "-o", "remount,bind,ro", again)
    want[0]["read_only"] = True
    same("bound read-only", but(host.uses("ext"), "options"), want)
    run("umount", again)
    host.undo.pop()
    run("mount", "-o", "remount,ro", here)
    same("read-only", [(r["read_only"], r["options"].split(",")[0]) for r in host.uses("ext")],
         [(True, "ro")])
    run("mount", "-o", "remount,rw", here)
    return here


def try_inside(host, here):
    os.makedirs(os.path.join(here, "images"))
    image = os.path.join(here, "images", "a b.img")
    device = host.loop("inside", 1 << 20, image)
    name = os.path.basename(device)
    want = row(host, "ext", "loop", name, read_only=False, file="/images/a b.img")
    same("loop inside", [r for r in host.uses("ext") if r["kind"] == "loop"], [want])
    device = host.loop("over", 1 << 20, device)
    want = row(host, "inside", "loop", os.path.basename(device), read_only=False)
    same("loop over a device", host.uses("inside"), [want])


def try_namespace(host, here):
    device = host.loop("hidden", 16 << 20)
    run("mkfs.ext4", "-q", device)
    point = os.path.join(host.folder, "hidden")
    os.makedirs(point)
    script = 'mount "$0" "$1" && echo done && read x'
    with subprocess.Popen(["unshare", "-m", "sh", "-c", script, device, point], text=True,
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        same("mounted elsewhere", child.stdout.readline(), "done\n")
        space = os.readlink(f"/proc/{child.pid}/ns/mnt")
        want = row(host, "hidden", "mount", space + point, type="ext4", read_only=False)
        want["used_by"] = f"{point} (sh[{child.pid}])"
        same("elsewhere", but(host.uses("hidden"), "options"), [want])
        copies = [r for r in host.uses("ext") if r["kind"] == "mount" and "mnt:" in r["key"]]
        same("copies of what is mounted here", copies, [])
        child.stdin.close()
    same("namespace gone", host.uses("hidden"), [])


def try_btrfs(host):
    devices = [host.loop(f"btrfs{i}", 128 << 20) for i in (1, 2)]
    run("mkfs.btrfs", "-q", "-m", "single", "-d", "single", *devices)
    run("btrfs", "device", "scan", *devices)
    here = host.mount(devices[1], "btrfs")
    want = [row(host, f"btrfs{i}", "mount", here, type="btrfs", read_only=False) for i in (1, 2)]
    same("btrfs", sorted(but(host.uses("btrfs1", "btrfs2"), "options"), key=str),
         sorted(want, key=str))
    device = host.loop("deep", 1 << 20, os.path.join(here, "deep.img"))
    want = [row(host, f"btrfs{i}", "loop", os.path.basename(device), read_only=False,
                file="/deep.img") for i in (1, 2)]
    have = [r for r in host.uses("btrfs1", "btrfs2") if r["kind"] == "loop"]
    same("loop inside btrfs", sorted(have, key=str), sorted(want, key=str))


def try_swap(host, here):
    device = host.loop("swap", 1 << 20)
    run("mkswap", device)
    if subprocess.run(["swapon", device], capture_output=True).returncode != 0:
        print("not tried: this machine does not let us swap")
        return
    host.undo.append(("swapoff", device))
    same("swap", host.uses("swap"), [row(host, "swap", "swap", device, type="partition")])
    path = os.path.join(here, "swap file")
    with open(path, "wb") as f:
        f.write(bytes(1 << 20))
    os.chmod(path, 0o600)
    run("mkswap", path)
    run("swapon", path)
    host.undo.append(("swapoff", path))
    want = row(host, "ext", "swap", path, type="file", file="/swap file")
    same("swap file", [r for r in host.uses("ext") if r["kind"] == "swap"], [want])


def try_open(host):
    device = host.loop("open", 1 << 20)
    script = "exec 7<> \"$0\" 8< \"$1\" && echo done && read x"
    for i in range(TRIES):
        began = time.monotonic()
        child = subprocess.Popen(["sh", "-c", script, device, host.folder + "/open.img"], text=True,
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        child.stdout.readline()
        found = host.uses("open")
        if time.monotonic() - began < AGE_S or i == TRIES - 1:
            break
        child.stdin.close()  # it is too old to say anything about young ones
        child.wait()
        child.stdout.close()
    with child:
        same("open for a moment", found, [])
        want, deadline = row(host, "open", "open", f"sh[{child.pid}]", read_only=False), \
            time.monotonic() + LIMIT_S
        while host.uses("open") == [] and time.monotonic() < deadline:
            try:
                child.wait(0.2)
            except subprocess.TimeoutExpired:
                pass
        same("open", host.uses("open"), [want])
        child.stdin.close()
    same("closed", host.uses("open"), [])


def try_second_path(host):
    """All of the worker's collection: the LUN is known by its first device."""
    device = host.loop("path1", 16 << 20)
    run("mkfs.ext4", "-q", device)
    second = host.loop("path2", path=os.path.join(host.folder, "path1.img"))
    out = json.loads(run(COLLECT, "storage"))
    lun = [r for r in out["luns"]["rows"] if os.path.basename(second) in r["devices"]][0]
    same("paths", lun["paths_total"], 2)
    other = [d for d in lun["devices"] if d != lun["device"]][0]
    point = host.mount("/dev/" + other, "second")
    rows = json.loads(run(COLLECT, "storage"))["uses"]["rows"]
    same("mounted through the second path",
         [(r["container"], r["device"]) for r in rows if r["used_by"] == point],
         [(lun["key"], other)])


def main():
    if os.geteuid() != 0 or not shutil.which("losetup") or not shutil.which("mkfs.ext4"):
        print("SKIP: needs root, losetup and mkfs.ext4")
        sys.exit(77)
    folder = tempfile.mkdtemp(prefix="muster-uses-")
    host = Host(folder)
    try:
        here = try_mounts(host)
        try_inside(host, here)
        try_namespace(host, here)
        if shutil.which("mkfs.btrfs"):
            try_btrfs(host)
        try_swap(host, here)
        try_open(host)
        try_second_path(host)
    finally:
        host.end()
        shutil.rmtree(folder)
    for fault in faults:
        print(fault)
    print(f"{compared} compared, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
