#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The walk through real file systems on loop devices: links, mounts, FIFOs and devices, deep trees,
odd names, every bound, and a page cache that stays empty. Usage: walks.py SCAN-DUMP. What this
machine cannot do is skipped with the reason."""
import ctypes
import json
import mmap
import os
import shutil
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import loops
from compare import Account, run

DUMP = os.path.abspath(sys.argv[1])
MIB = 1 << 20
PAGE = mmap.PAGESIZE
IN_OPEN, IN_NONBLOCK = 0x20, 0x800
MAKE = {"ext4": ["mke2fs", "-q", "-F", "-t", "ext4"], "xfs": ["mkfs.xfs", "-q", "-f"],
        "btrfs": ["mkfs.btrfs", "-q", "-f"], "vfat": ["mkfs.vfat"]}
SIZE = {"ext4": 256 * MIB, "xfs": 320 * MIB, "btrfs": 128 * MIB}
MS_REMOUNT, MS_BIND, MS_STRICTATIME = 1 << 5, 1 << 12, 1 << 24
account = Account("walks", "scanned")
same, skip = account.same, account.skip


def scan(folder, *options):
    """What was found, by path, and the tally."""
    lines = run(DUMP, *options, folder).splitlines()
    return {f["path"]: f for f in map(json.loads, lines[:-1])}, json.loads(lines[-1])


def image(path, size=64 << 10, backing=b""):
    """A qcow2 of 1 MiB, by hand, for a scan needs no more of one."""
    head = bytearray(size)
    struct.pack_into(">4sIQIIQIIQQIIQ", head, 0, b"QFI\xfb", 2, 80 if backing else 0, len(backing), 16,
                     MIB, 0, 0, 0, 0, 0, 0, 0)
    head[80:80 + len(backing)] = backing
    with open(path, "wb") as f:
        f.write(head)
    return path


class Mounted:
    """A new file system, mounted at a folder of its own until the end: its path."""

    def __init__(self, kind, *options, mount_options=""):
        self.folder, self.kind, self.options = tempfile.mkdtemp(dir="."), kind, mount_options
        self.file = self.folder + ".img"
        with open(self.file, "wb") as f:
            f.truncate(SIZE.get(kind, 64 * MIB))
        run(*MAKE[kind], *options, self.file)
        self.loop = loops.Loop(self.file)
        loops.mount(self.loop.path, self.folder, kind, mount_options)

    def again(self, *flags):
        """As another host sees it: nothing of it is cached."""
        loops.unmount(self.folder)
        loops.mount(self.loop.path, self.folder, self.kind, ",".join([self.options, *flags]).strip(","))

    def __enter__(self):
        return self.folder

    def __exit__(self, *unused):
        loops.unmount(self.folder)
        self.loop.close()
        os.unlink(self.file)


def have(kind):
    with open("/proc/filesystems", encoding="ascii") as f:
        if kind not in f.read().split():
            skip(f"this kernel has no {kind}")
            return False
    if shutil.which(MAKE[kind][0]) is None:
        skip(f"{MAKE[kind][0]} is not installed")
        return False
    return True


def cached_pages(path):
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        if size == 0:
            return 0
        pages = (size + PAGE - 1) // PAGE
        loops.libc.mmap.restype = ctypes.c_void_p
        loops.libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int,
                                    ctypes.c_int, ctypes.c_long]
        at = loops.libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, f.fileno(), 0)
        vector = (ctypes.c_ubyte * pages)()
        if loops.libc.mincore(ctypes.c_void_p(at), ctypes.c_size_t(size), vector) != 0:
            raise OSError(ctypes.get_errno(), "mincore")
        loops.libc.munmap(ctypes.c_void_p(at), ctypes.c_size_t(size))
    return sum(v & 1 for v in vector)


def cached_in(folder):
    return sum(cached_pages(os.path.join(top, name)) for top, _, names in os.walk(folder)
               for name in names)


def try_links(folder):
    os.makedirs(f"{folder}/a/b")
    image(f"{folder}/a/real.img")
    image("outside.img")
    links = {"relative": "a/real.img", "absolute": os.path.abspath(f"{folder}/a/real.img"),
             "outside": os.path.abspath("outside.img"), "up": "../outside.img", "folder": "a",
             "root": "/", "loop": "loop", "dangling": "nowhere", "a/b/back": "../..",
             "proc": "/proc/self/fd"}
    for name, target in links.items():
        os.symlink(target, f"{folder}/{name}")
    image(f"{folder}/over-link.img", backing=b"relative")
    image(f"{folder}/through-link.img", backing=b"folder/real.img")
    image(f"{folder}/up.img", backing=b"../outside.img")
    image(f"{folder}/good.img", backing=b"./a//b/../real.img")
    image(f"{folder}/gone.img", backing=b"a/gone.img")
    image(f"{folder}/not-a-file.img", backing=b"a/b")
    found, tally = scan(folder)
    same("files behind links", sorted(found),
         ["a/real.img", "gone.img", "good.img", "not-a-file.img", "over-link.img", "through-link.img",
          "up.img"])
    same("links", tally["links"], len(links))
    same("links leave it complete", tally["complete"], True)
    same("backings", {n: f["backing"]["state"] for n, f in found.items() if "backing" in f},
         {"over-link.img": "unclear", "through-link.img": "unclear", "up.img": "outside",
          "good.img": "found", "gone.img": "missing", "not-a-file.img": "unclear"})
    same("why a link is unclear", "symbolic link" in found["over-link.img"]["backing"]["why"], True)
    same("path of a backing file", found["good.img"]["backing"]["path"], "a/real.img")


def try_mounts(folder):
    os.mkdir(f"{folder}/inner")
    image(f"{folder}/inner/hidden.img")
    image(f"{folder}/file.img")
    image(f"{folder}/seen.img", backing=b"inner/other.img")
    loops.mount("none", f"{folder}/inner", "tmpfs")
    try:
        image(f"{folder}/inner/other.img")
        loops.call("mount", os.path.abspath("outside.img").encode(), f"{folder}/file.img".encode(), None,
                   MS_BIND, None)
        try:
            found, tally = scan(folder)
            same("other mounts are not entered", [n for n in sorted(found) if "fault" not in found[n]],
                 ["seen.img"])
            same("mounts are counted", (tally["mounts"], tally["complete"]), (2, False))
            same("backing on another mount", found["seen.img"]["backing"]["state"], "outside")
        finally:
            loops.unmount(f"{folder}/file.img")
        found, tally = scan(os.path.join(folder, "inner"))
        same("a file system is its own top", sorted(found), ["other.img"])
        same("which has no mounts below", (tally["mounts"], tally["complete"]), (0, True))
    finally:
        loops.unmount(f"{folder}/inner")


def try_specials(folder):
    """FIFOs, sockets and devices are counted, and never opened: the kernel would tell."""
    os.mkfifo(f"{folder}/fifo")
    os.mknod(f"{folder}/character", stat.S_IFCHR | 0o600, os.makedev(1, 5))
    os.mknod(f"{folder}/block", stat.S_IFBLK | 0o600, os.makedev(7, 0))
    with socket.socket(socket.AF_UNIX) as s:
        s.bind(f"{folder}/socket")
    image(f"{folder}/file.img")
    image(f"{folder}/child.img", backing=b"fifo")
    watch = loops.libc.inotify_init1(IN_NONBLOCK)
    try:
        for name in ("fifo", "character", "block", "socket"):
            if loops.libc.inotify_add_watch(watch, f"{folder}/{name}".encode(), IN_OPEN) < 0:
                raise OSError(ctypes.get_errno(), f"inotify of {name}")
        found, tally = scan(folder)
        same("special files", (tally["others"], sorted(found)), (4, ["child.img", "file.img"]))
        same("a FIFO is no backing file", found["child.img"]["backing"]["state"], "unclear")
        same("nothing of them was opened", opened(watch), False)
        os.close(os.open(f"{folder}/fifo", os.O_RDONLY | os.O_NONBLOCK))
        same("which would have been seen", opened(watch), True)
    finally:
        os.close(watch)


def opened(watch):
    try:
        return len(os.read(watch, 4096)) > 0
    except BlockingIOError:
        return False


def try_deep(folder):
    here = os.getcwd()
    os.chdir(folder)
    try:
        for i in range(80):
            os.mkdir("d")
            os.chdir("d")
            image(f"{i}.img", 4096)
        os.chdir(os.path.join(here, folder))
        for i in range(20):
            os.mkdir("n" * 255)
            os.chdir("n" * 255)
            image("long.img", 4096)
    finally:
        os.chdir(here)
    found, tally = scan(folder)
    same("images to the depth of 64", len([n for n in found if n.startswith("d/")]), 64)
    # 15 folders and the name of the image fit; the 16th folder can be opened, and its image not.
    same("images whose path can be opened", len([n for n in found if n.startswith("n")]), 15)
    same("bounds of a deep tree", tally["hit"], {"depth": 1, "path": 2})
    same("a deep tree is not complete", tally["complete"], False)
    found, tally = scan(folder, "--depth", "3")
    same("to the depth of 3", (sorted(n for n in found if n.startswith("d")), tally["hit"]),
         (["d/0.img", "d/d/1.img", "d/d/d/2.img"], {"depth": 2}))
    shutil.rmtree(os.path.join(folder, "d"))
    run("rm", "-rf", os.path.join(folder, "n" * 255))


def try_names(folder):
    names = {b"new\nline": "new\\x0aline", b"bad\xff\xfe": "bad\\xff\\xfe", b"back\\slash": "back\\x5cslash",
             b"new\\x0aline": "new\\x5cx0aline", " blank ".encode(): " blank ",
             "\u00e4\u4e16.img".encode(): "\u00e4\u4e16.img", b"\x1b[31m": "\\x1b[31m", b"-n": "-n"}
    for name in names:
        image(os.path.join(folder.encode(), name))
    image(os.path.join(folder, "child"), backing=b"bad\xff\xfe")
    found, tally = scan(folder)
    same("odd names", sorted(found), sorted([*names.values(), "child"]))
    same("a backing file of an odd name", found["child"]["backing"]["state"], "found")
    same("odd names are complete", tally["complete"], True)


def try_bounds(folder):
    for i in range(4):
        os.mkdir(f"{folder}/{i}")
        for k in range(10):
            image(f"{folder}/{i}/{k}.img")
    whole, tally = scan(folder)
    same("no bound", (len(whole), tally["hit"], tally["complete"]), (40, {}, True))
    for option, value, bound in (("--entries", 15, "entries"), ("--files", 7, "files"),
                                 ("--bytes", 1, "bytes"), ("--time-ms", 0, "time"),
                                 ("--memory", 8, "memory"), ("--depth", 0, "depth")):
        found, tally = scan(folder, option, str(value))
        same(f"{option} is hit and said", (bound in tally["hit"], tally["complete"]), (True, False))
        same(f"{option} leaves something out", len(found) < 40, True)
    same("files bound", len(scan(folder, "--files", "7")[0]), 7)
    same("one thread finds the same", sorted(scan(folder, "--threads", "1")[0]), sorted(whole))


def try_times(folder):
    """Nothing is written: times of access stay, though the mount keeps them."""
    loops.call("mount", None, folder.encode(), None, MS_REMOUNT | MS_STRICTATIME, None)
    os.mkdir(f"{folder}/sub")
    image(f"{folder}/sub/x.img")
    paths = [folder, f"{folder}/sub", f"{folder}/sub/x.img"]
    for path in paths:
        os.utime(path, (1000, 2000))
    scan(folder)
    same("times of access", [os.stat(p).st_atime for p in paths], [1000] * 3)
    os.listdir(f"{folder}/sub")
    same("which are kept", os.stat(f"{folder}/sub").st_atime > 1000, True)


def try_fresh():
    """What is on the device counts, and not what the cache still has of it."""
    with Mounted("ext4") as folder:
        image(f"{folder}/x.img")
        with open(f"{folder}/x.img", "r+b") as f:
            f.seek(512)
            f.write(b"a mark by which the place is found")
            f.flush()
            os.fsync(f.fileno())
        with open(f"{folder}/x.img", "rb") as f:
            old = f.read(512)
        with open(folder + ".img", "r+b") as f:
            with mmap.mmap(f.fileno(), 0, prot=mmap.PROT_READ) as disk:
                at = disk.find(b"a mark by which the place is found") - 512
            f.seek(at + 24)
            f.write(struct.pack(">Q", 5 * MIB))
            f.flush()
            os.fsync(f.fileno())
        with open(f"{folder}/x.img", "rb") as f:
            same("a header that the cache still has", f.read(512), old)
        found, _ = scan(folder)
        same("a header from the device", found["x.img"]["virtual_bytes"], 5 * MIB)


def try_cache(kind, count, *options):
    """Images of a mount that nobody has read anything of: no page is left, however it reads them."""
    fs = Mounted(kind, mount_options=",".join(options))
    with fs as folder:
        first = image(f"{folder}/0.img", 96 << 10)
        for i in range(1, count):
            shutil.copyfile(first, f"{folder}/{i}.img")
        with open(f"{folder}/small.vmdk", "w", encoding="ascii") as f:
            f.write('# Disk DescriptorFile\nversion=1\ncreateType="custom"\nRW 8 ZERO\n' + "#" * 100)
        with open(f"{folder}/disk.raw", "wb") as f:
            f.write(bytes(510) + b"\x55\xaa")
            f.truncate(8 * MIB)
        fs.again("ro")
        found, tally = scan(folder)
        what = f"{kind} {' '.join(options)}"
        same(f"{what}: images", sum(f["format"] == "qcow2" for f in found.values()), count)
        same(f"{what}: complete", tally["complete"], True)
        same(f"{what}: pages left in the cache", cached_in(folder), 0)
        with open(f"{folder}/1.img", "rb") as f:
            f.read()
        same(f"{what}: pages can be seen", cached_in(folder) > 0, True)
        print(f"{what}: {count} images, {tally['bytes'] >> 10} KiB read, "
              f"{sum(f['buffered'] for f in found.values())} through the cache")


def try_part(part):
    with Mounted("ext4") as folder:
        shutil.rmtree(os.path.join(folder, "lost+found"))
        part(folder)


def attempt(part, *args):
    try:
        part(*args)
    except (OSError, RuntimeError, KeyError) as e:
        account.faults.append("".join(traceback.format_exception(e)))


def main():
    if os.geteuid() != 0 or not os.access("/dev/loop-control", os.R_OK | os.W_OK):
        print("SKIP: only root makes loop devices, and only where there is /dev/loop-control")
        sys.exit(77)
    try:
        loops.own_mounts()
    except OSError as e:
        print(f"SKIP: no mount namespace of the test's own ({e})")
        sys.exit(77)
    home = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="muster-walks-") as folder:
        os.chdir(folder)
        try:
            if have("ext4"):
                for part in (try_links, try_mounts, try_specials, try_deep, try_names, try_bounds,
                             try_times):
                    attempt(try_part, part)
                attempt(try_fresh)
                attempt(try_cache, "ext4", 1000)
            for kind, *options in (("xfs",), ("btrfs",), ("btrfs", "compress-force=zstd"), ("vfat",)):
                if have(kind):
                    attempt(try_cache, kind, 50, *options)
        finally:
            os.chdir(home)
    account.end()


main()
