# SPDX-License-Identifier: GPL-2.0-or-later
"""The worker of a scan, on real file systems: what it finds, what it refuses, that it changes no byte
and leaves nothing behind, and that it is dead and unmounted in time, whatever is done to it."""
import fcntl
import hashlib
import os
import shutil
import signal
import struct
import sys
import time

import disks as d
from harness import BUILD, LIMIT_S, Lab, check, run
from observer import cached_pages

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import loops
import scan_worker as sw

PROGRAM = os.path.join(BUILD, "probe", "muster-probe-worker")
SOON_MS = 10000  # a deadline that is waited for, and before which a busy machine has begun
TRIES = 10
LOOP_SET_DIRECT_IO, SIOCOUTQ = 0x4C08, 0x5411


def digest(path):
    with open(path, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def is_known(kind):
    with open("/proc/filesystems", encoding="utf-8") as f:
        return any(line.split()[-1] == kind for line in f)


def uuid_of(path):
    return run("blkid", "-p", "-o", "value", "-s", "UUID", path).strip()


class Bed:
    """A folder for file systems, and loop devices over them."""

    def __init__(self, lab, disks):
        self.lab, self.disks = lab, disks
        self.folder = os.path.join(lab.dir, "mnt")
        os.mkdir(self.folder)
        self.mount_at = os.path.join(lab.dir, "run")
        os.mkdir(self.mount_at)

    def fill(self, folder, name):
        with open(os.path.join(folder, name), "wb") as f:
            f.write(b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQ", 3, 0, 0, 16, 1 << 30, 0, 16, 65536,
                                             131072, 1, 0, 0) + bytes(24) + struct.pack(">II", 4, 104))
            f.truncate(262144)

    def make(self, kind, *options):
        """A file system with an image in it; and what it is when it was not unmounted."""
        path = self.disks.make(kind, kind, *options)
        device = self.disks.attach(0, path)
        loops.mount(device, self.folder, kind)
        self.fill(self.folder, "disk.qcow2")
        with open(os.path.join(self.folder, "notes"), "wb") as f:
            f.write(b"no image" * 1000)
        os.sync()
        dirty = path + ".dirty"
        with open(os.path.join(self.folder, "new"), "wb") as f:
            f.write(b"x" * 65536)
            os.fsync(f.fileno())
        shutil.copyfile(path, dirty)
        loops.unmount(self.folder)
        self.disks.detach(device)
        return path, dirty

    def scan(self, device, kind, uuid, **more):
        w = sw.Worker(PROGRAM, device, kind, uuid, mount_at=self.mount_at, **more)
        try:
            return w.result()
        finally:
            w.close()

    def check_gone(self, device, what):
        check(not sw.everywhere(self.mount_at), f"{what}: something is still mounted")
        fd = os.open(device, os.O_RDONLY | os.O_EXCL)
        os.close(fd)


def look(bed, path, kind, test, **more):
    """Scans it, and checks what must always be true."""
    device = bed.disks.attach(0, path)
    loops.ask(device, LOOP_SET_DIRECT_IO, 1)
    before = digest(path)
    with open(path, "rb") as f:
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    r = bed.scan(device, kind, more.pop("uuid", None) or uuid_of(path), **more)
    check(r is not None and r.clean, f"{kind}: not clean: {r}")
    pages = cached_pages(path)
    bed.check_gone(device, kind)
    check(digest(path) == before, f"{kind}: the scan has changed the file")
    test(r)
    bed.disks.detach(device)
    return r, pages


def test_kind(bed, kind):
    path, dirty = bed.make(kind)
    uuid = uuid_of(path)

    def complete(r):
        check(r.outcome == "complete" and r.images == {"/disk.qcow2": "qcow2"} and r.mounts == 1,
              f"{kind}: {r}")

    def unchanged(r):
        check(r.outcome == "complete" and r.unchanged and r.mounts == 0, f"{kind}, again: {r}")

    def incomplete(r):
        check(r.outcome == "incomplete" and r.mounts == 1 and not r.fingerprint, f"{kind}, dirty: {r}")
        check("has not been replayed" in r.text, f"{kind}, dirty: {r}")

    r, pages = look(bed, path, kind, complete, uuid=uuid)
    check(r.fingerprint.startswith(f"{kind} uuid={uuid} "), f"{kind}: fingerprint {r.fingerprint}")
    check(pages == 0, f"{kind}: {pages} pages of the file are cached")
    print(f"{kind}: complete, {r.fingerprint}")
    look(bed, path, kind, unchanged, uuid=uuid, fingerprint=r.fingerprint)
    look(bed, dirty, kind, incomplete, uuid=uuid)


def make_iso(bed, program):
    folder = os.path.join(bed.lab.dir, "iso")
    os.mkdir(folder)
    bed.fill(folder, "disk.img")
    path = os.path.join(bed.disks.dir, "iso9660")
    run(program, *(["-as", "mkisofs"] if program == "xorriso" else []), "-quiet", "-R", "-o", path, folder)
    return path


def test_plain(bed, kind, path):
    """One without a journal, which has nothing that it could be known again by."""
    def complete(r):
        check(r.outcome == "complete" and list(r.images.values()) == ["qcow2"] and r.mounts == 1 and
              not r.fingerprint, f"{kind}: {r}")

    _, pages = look(bed, path, kind, complete)
    check(pages == 0, f"{kind}: {pages} pages of the file are cached")
    print(f"{kind}: complete")


def test_plain_kinds(bed):
    isos = [p for p in ("genisoimage", "mkisofs", "xorriso") if shutil.which(p)]
    for kind, can in (("vfat", shutil.which("mkfs.vfat")), ("iso9660", isos)):
        if not is_known(kind):
            print(f"{kind} is not tried: this kernel cannot mount it")
        elif not can:
            print(f"{kind} is not tried: no program here makes one")
        else:
            test_plain(bed, kind, make_iso(bed, isos[0]) if kind == "iso9660" else bed.make(kind)[0])


def test_refusals(bed):
    path, _ = bed.make("ext4")
    uuid = uuid_of(path)
    device = bed.disks.attach(0, path)
    size = os.path.getsize(path)
    number = os.stat(device).st_rdev
    devnum = f"{os.major(number)}:{os.minor(number)}"

    def refused(text, why, **more):
        r = bed.scan(device, more.pop("kind", "ext4"), more.pop("uuid", uuid), **more)
        check(r.outcome == "not_read" and text in r.text and r.clean and r.mounts == 0, f"{why}: {r}")
        return r

    check(bed.scan(device, "ext4", uuid, devnum=devnum, size=size).outcome == "complete", "as it is")
    r = refused("identity changed", "another UUID", uuid="00000000-0000-4000-8000-000000000001")
    check(r.again and r.mismatch and r.stale, "another node may have the right one")
    for r in (refused("is another device now", "another number", devnum="7:65000"),
              refused("bytes now, not", "another size", size=size + 512)):
        check(r.stale and not r.mismatch, f"the same may be there: {r}")
    check(not refused("not scanned", "a type", kind="swap").stale, "a type that is not scanned")
    r = refused("identity changed: there is no superblock of xfs", "another type", kind="xfs")
    check(r.again and r.mismatch and r.stale, f"another type: {r}")
    with open(device, "rb") as f:
        f.read(1 << 16)
        check(bed.scan(device, "ext4", uuid).outcome == "complete", "somebody looks at it")
    fd = os.open(device, os.O_RDWR)
    at = os.lseek(fd, 0, os.SEEK_END) - 4096
    tail = os.pread(fd, 4096, at)
    os.pwrite(fd, tail, at)
    refused("not written back", "dirty pages")
    os.fsync(fd)
    os.close(fd)
    loops.mount(device, bed.folder, "ext4")
    check(refused("is in use on this node", "mounted here").again, "it may be unmounted")
    r = bed.scan(device, "ext4", uuid, own_mount=True)
    check(r.outcome == "incomplete" and r.images and r.clean, f"its own mount: {r}")
    check("may change" in r.text and not r.fingerprint, f"its own mount: {r}")
    loops.unmount(bed.folder)
    r = bed.scan(device, "ext4", uuid, order=sw.REACH)
    check(r.proven and not r.mismatch and not r.stale, f"reach: {r}")
    r = bed.scan(device, "ext4", "other", order=sw.REACH)
    check(not r.proven and r.mismatch and r.stale, f"reach of another: {r}")
    r = bed.scan(device, "ext4", uuid, order=sw.REACH, size=size + 512)
    check(not r.proven and r.stale and not r.mismatch, f"reach of another size: {r}")
    bed.check_gone(device, "refusals")


def test_panic(bed):
    """A superblock that says "panic", and a folder that makes the driver do as it says."""
    path, _ = bed.make("ext4")
    device = bed.disks.attach(0, path)
    loops.mount(device, bed.folder, "ext4")
    os.mkdir(os.path.join(bed.folder, "rotten"))
    loops.unmount(bed.folder)
    bed.disks.detach(device)
    run("tune2fs", "-e", "panic", path)
    run("debugfs", "-w", "-R", "clri rotten", path)
    device = bed.disks.attach(0, path)
    r = bed.scan(device, "ext4", uuid_of(path))
    check(r.outcome == "incomplete" and "could not be read" in r.text and r.clean, f"rotten: {r}")
    check(r.images, "the rest is told")
    bed.check_gone(device, "panic")


def has_mounted(w, at):
    """The filesystem itself, over the folder in which it has its node."""
    try:
        return any(f" {at} " in line and " - ext4 " in line for line in w.mounts())
    except OSError:  # it has ended
        return False


def stopped_in_the_middle(w, at):
    """False: it was at its end before we were there."""
    d.watch(lambda: w.process.poll() is not None or has_mounted(w, at), bool, "it mounts")
    if w.process.poll() is not None:
        return False
    w.process.send_signal(signal.SIGSTOP)
    d.watch(lambda: d.file_text(f"/proc/{w.process.pid}/stat").rsplit(")", 1)[1].split()[0], lambda s: s in "TZ",
            "it stops")
    return has_mounted(w, at)


def unread(sock):
    """Bytes that the other side has not taken."""
    return struct.unpack("i", fcntl.ioctl(sock.fileno(), SIOCOUTQ, bytes(4)))[0]


def many_files(bed):
    """One that takes a while: its device is stopped below it."""
    path, _ = bed.make("ext4")
    uuid = uuid_of(path)
    device = bed.disks.attach(0, path)
    loops.mount(device, bed.folder, "ext4", "")
    for i in range(3000):
        with open(os.path.join(bed.folder, f"f{i}"), "wb") as f:
            f.write(b"x" * 1024)
    loops.unmount(bed.folder)
    return device, uuid


def test_ends_in_time(bed):
    device, uuid = many_files(bed)

    def start(**more):
        for _ in range(TRIES):
            w = sw.Worker(PROGRAM, device, "ext4", uuid, mount_at=bed.mount_at, **more)
            if stopped_in_the_middle(w, bed.mount_at):
                return w
            w.close()
        raise AssertionError(f"{TRIES} workers were at their end before they were stopped")

    def proven(what):
        r = bed.scan(device, "ext4", uuid, order=sw.PROVE)
        check(r.clean, f"{what}: {r}")
        bed.check_gone(device, what)

    w = start(deadline_ms=SOON_MS)
    began = time.monotonic()
    check(w.ended_by() == signal.SIGKILL, "stopped, it is dead in time")
    check(time.monotonic() - began < SOON_MS / 1000 + LIMIT_S, "it took too long")
    w.close()
    proven("stopped")

    w = start(deadline_ms=60000)
    number = os.stat(device).st_rdev
    name = f"/muster-scan-77-{os.major(number)}:{os.minor(number)}"
    seen = [d.backing_file(n) for n in d.loop_numbers() if d.backing_file(n)]
    check(sum(f.endswith(name) for f in seen) == 1, f"its loop device says whose it is: {seen}")
    check(bed.scan(device, "ext4", uuid, deadline_ms=20000).text.endswith("in use on this node"),
          "while it is scanned, nobody else has it")
    w.process.send_signal(signal.SIGKILL)
    check(w.ended_by() == signal.SIGKILL, "killed")
    w.close()
    proven("killed")

    w = start(deadline_ms=SOON_MS)
    until = sw.boottime_ms() + SOON_MS
    w.extend(60000)
    w.extend(60000)  # the second is taken when the first is in force
    w.process.send_signal(signal.SIGCONT)
    d.watch(lambda: unread(w.socket), lambda n: n == 0, "it takes the extensions")
    w.process.send_signal(signal.SIGSTOP)
    d.watch(sw.boottime_ms, lambda now: now > until, "its first deadline is over")
    check(w.process.poll() in (None, 0), "it lives on, or has brought its result meanwhile")
    w.process.send_signal(signal.SIGCONT)
    r = w.result()
    check(r is not None and r.outcome == "complete" and r.clean, f"extended: {r}")
    w.close()
    proven("extended")

    w = start(deadline_ms=60000)
    w.socket.close()
    w.process.send_signal(signal.SIGCONT)
    w.process.wait(LIMIT_S)
    w.close()
    proven("without a supervisor")

    w = sw.Worker(PROGRAM, device, "ext4", uuid, mount_at=bed.mount_at, deadline_ms=-5)
    check(w.ended_by() == signal.SIGKILL, "with a deadline that is over it does nothing")
    w.close()
    proven("too late")


def main():
    d.need_disks("blkid", "mkfs.ext4", "tune2fs", "debugfs")
    with Lab() as lab, d.Disks(lab) as disks:
        bed = Bed(lab, disks)
        for kind in ("ext4", "xfs", "btrfs"):
            if is_known(kind) and shutil.which(d.MAKE[kind][0]):
                test_kind(bed, kind)
            else:
                print(f"no {kind} here")
        test_plain_kinds(bed)
        test_refusals(bed)
        test_panic(bed)
        test_ends_in_time(bed)


main()
