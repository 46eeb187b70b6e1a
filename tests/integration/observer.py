# SPDX-License-Identifier: GPL-2.0-or-later
"""Who has what mounted, as the kernel tells, by nothing that muster says: a process of its own looks at
the mount tables of all processes and at all loop devices, whenever the kernel's trace tells of a mount
or of the end of one (without tracefs: all the time), and writes what it sees to a record. From that it
is proven that no two had one file mounted at once. What counts is what was certainly so: of each holder
the time between the first look that found it and the last. A holder of a file is a mounted device that
lies on it, or a loop device over another one that does. A mount may be over before it is looked at; how
many there were is therefore counted in the trace, by who made them. Beside that: digests of the blocks
of files, and how much of them is in the page cache."""
import ctypes
import fcntl
import hashlib
import json
import mmap
import os
import re
import select
import struct
import subprocess
import sys
import tempfile
import time

LOOP_GET_STATUS64, BLKGETSIZE64, MNT_DETACH = 0x4C05, 0x80081272, 2
BLOCK, PAGE = 1 << 20, mmap.PAGESIZE
OFTEN_S, SELDOM_S = 0.005, 0.1  # between looks: without the trace, and with it
MOUNT, UNMOUNT = ("mount", "move_mount"), ("umount",)
LINE = re.compile(r"-(\d+)\s.*?\s\d+\.\d+: (?:sys_(\w+) -> (0x[0-9a-f]+)|(sched_process_exit)|"
                  r"sched_process_fork: .* child_pid=(\d+))")
LOST = re.compile(rb"\[LOST \d+ EVENTS\]")


# ---- blocks and pages

def size_of(path):
    with open(path, "rb") as f:
        return f.seek(0, os.SEEK_END)


def block_digests(path):
    """Of each MiB of a file, read past the page cache where that is possible."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECT)
    except OSError:
        fd = os.open(path, os.O_RDONLY)
    out, room = [], mmap.mmap(-1, BLOCK)
    try:
        while True:
            n = os.preadv(fd, [room], len(out) * BLOCK)
            if n == 0:
                return out
            out.append(hashlib.blake2b(room[:n], digest_size=16).hexdigest())
    finally:
        os.close(fd)
        room.close()


def changed_blocks(before, after):
    """Numbers of the MiB that differ."""
    longest = max(len(before), len(after))
    return [i for i in range(longest) if before[i:i + 1] != after[i:i + 1]]


def cached_pages(path):
    """Of a file or a block device."""
    size = size_of(path)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int,
                          ctypes.c_long]
    libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
    libc.mincore.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p]
    seen = ctypes.create_string_buffer((size + PAGE - 1) // PAGE)
    with open(path, "rb") as f:
        at = libc.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, f.fileno(), 0)
    if libc.mincore(at, size, seen) != 0:
        raise OSError(ctypes.get_errno(), "mincore")
    libc.munmap(at, size)
    return sum(b & 1 for b in seen.raw[:-1])


# ---- devices

def read_text(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read().strip()
    except OSError:
        return None


def split_dev(number):
    """As huge_encode_dev of Linux packs it."""
    return (number & 0xfff00) >> 8, number & 0xff | (number >> 12) & 0xfff00


class Devices:
    """What loop devices lie on, as the kernel knows it: a chain of devices down to (device, inode)."""

    def __init__(self, files):
        self.files = {}
        for path in files:
            st = os.stat(path)
            self.files[st.st_dev, st.st_ino] = path
        self.known = {}  # (number, sequence of the disk): what it lies on

    def sequence(self, minor):
        """Another one for each time that the loop device is set up; None: it has no file."""
        if not os.path.exists(f"/sys/block/loop{minor}/loop/backing_file"):
            return None
        return read_text(f"/sys/block/loop{minor}/diskseq")

    def status(self, minor):
        try:
            fd = os.open(f"/dev/loop{minor}", os.O_RDONLY)
        except OSError:
            return None
        try:
            raw = fcntl.ioctl(fd, LOOP_GET_STATUS64, bytes(232))
        except OSError:
            return None
        finally:
            os.close(fd)
        return struct.unpack_from("QQQ", raw)

    def lies_on(self, minor):
        """(sequence, the minor number below it or None, the file or None)"""
        sequence = self.sequence(minor)
        if sequence is None:
            return None
        if (minor, sequence) not in self.known:
            got = self.status(minor)
            if got is None or self.sequence(minor) != sequence:
                return None
            device, inode, below = got
            major, number = split_dev(below)
            self.known[minor, sequence] = (number if major == 7 else None,
                                           self.files.get((os.makedev(*split_dev(device)), inode)))
        return (sequence, *self.known[minor, sequence])

    def file_of(self, minor):
        """(name of this set-up of the loop device, the watched file below it, how deep), or None"""
        top, depth = None, 0
        while minor is not None and depth < 8:
            got = self.lies_on(minor)
            if got is None:
                return None
            sequence, below, path = got
            top = top or f"loop{minor}.{sequence}"
            depth += 1
            if path is not None:
                return top, path, depth
            minor = below
        return None


def loop_minors():
    return [int(n[4:]) for n in os.listdir("/sys/block") if n.startswith("loop")]


def mounted_minors(pid):
    """{minor number: type} of the loop devices in its mount table"""
    text = read_text(f"/proc/{pid}/mountinfo") or ""
    out = {}
    for line in text.splitlines():
        words = line.split()
        if words[2].startswith("7:"):
            out[int(words[2][2:])] = words[words.index("-") + 1]
        elif words[words.index("-") + 2].startswith("/dev/loop"):  # btrfs has no device number
            name = words[words.index("-") + 2][9:]
            out[int(name) if name.isdigit() else -1] = words[words.index("-") + 1]
    out.pop(-1, None)
    return out


# ---- the trace

class Trace:
    """Mounts, unmounts and ends of processes as they happen; None of it where tracefs is missing."""

    def __init__(self):
        self.pipe, self.place, self.rest = None, tempfile.mkdtemp(prefix="muster-trace-"), b""
        self.parents, self.lost = {}, False
        self.folder = os.path.join(self.place, "instances", f"muster-{os.getpid()}")
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.mount(b"none", self.place.encode(), b"tracefs", 0, None) != 0:
            os.rmdir(self.place)
            self.place = None
            return
        try:
            os.mkdir(self.folder)
            self.write("trace_clock", "mono")
            for name in MOUNT + UNMOUNT:
                self.write(f"events/syscalls/sys_exit_{name}/enable", "1")
            for name in ("exit", "fork"):
                self.write(f"events/sched/sched_process_{name}/enable", "1")
            self.write("buffer_percent", "0")
            self.pipe = os.open(os.path.join(self.folder, "trace_pipe"), os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            self.close()

    def write(self, name, value):
        with open(os.path.join(self.folder, name), "w", encoding="ascii") as f:
            f.write(value)

    def take(self):
        """(pid, what, succeeded) of all that has come; who is whose child is remembered."""
        while True:
            try:
                self.rest += os.read(self.pipe, 1 << 16)
            except BlockingIOError:
                return
            *lines, self.rest = self.rest.split(b"\n")
            for line in lines:
                self.lost = self.lost or LOST.search(line) is not None
                m = LINE.search(line.decode(errors="replace"))
                if m and m[5]:
                    self.parents[int(m[5])] = int(m[1])
                elif m:
                    yield int(m[1]), m[2] or "exit", m[3] in (None, "0x0")

    def line_of(self, pid):
        """It, and those whose child it is, as far as that has been seen."""
        out = [pid]
        while out[-1] in self.parents and self.parents[out[-1]] not in out:
            out.append(self.parents[out[-1]])
        return out

    def close(self):
        if self.pipe is not None:
            os.close(self.pipe)
            self.pipe = None
        if self.place is not None:
            try:
                os.rmdir(self.folder)
            except OSError:
                pass
            ctypes.CDLL(None).umount2(self.place.encode(), MNT_DETACH)
            os.rmdir(self.place)
            self.place = None


# ---- the watcher

class Watcher:
    def __init__(self, files, record, trace):
        self.devices, self.record, self.trace = Devices(files), record, trace
        self.open, self.over = {}, []  # holders: by name; and those that are gone
        self.moved = []                # of each move_mount the line of processes that made it
        self.looks = self.mounts = self.unseen = self.others = 0

    def write(self, **what):
        self.record.write(json.dumps(what) + "\n")
        self.record.flush()

    def found(self, began, holder, path, how):
        now = time.monotonic()
        h = self.open.get(holder)
        if h is None:
            h = self.open[holder] = {"holder": holder, "file": path, "first": now, "last": began,
                                     "how": []}
        h["last"] = max(h["last"], began)
        if how is not None and how not in h["how"]:
            h["how"].append(how)
            self.write(at=now, holder=holder, file=path, **how)

    def look_at(self, pid, space):
        """What this process has mounted of what is watched: the names of the holders."""
        began, names = time.monotonic(), set()
        for minor, kind in mounted_minors(pid).items():
            got = self.devices.file_of(minor)
            if got is not None:
                self.found(began, got[0], got[1], {"space": space, "type": kind})
                names.add(got[0])
        return names

    def look(self):
        """All processes and all loop devices."""
        seen, spaces = set(), set()
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                space = os.readlink(f"/proc/{pid}/ns/mnt")
            except OSError:
                continue
            if space not in spaces:
                spaces.add(space)
                seen |= self.look_at(pid, space)
        for minor in loop_minors():
            began, got = time.monotonic(), self.devices.file_of(minor)
            if got is not None and got[2] > 1:
                self.found(began, got[0], got[1], None)
                seen.add(got[0])
        for name in set(self.open) - seen:
            self.over.append(self.open.pop(name))
        self.looks += 1
        if seen:
            self.write(at=time.monotonic(), held=sorted(seen))

    def told(self, pid, what, good):
        """At once, while it lasts; twice, so that there is a time in between."""
        if what not in MOUNT or not good:
            return
        if what == "move_mount":
            self.moved.append(self.trace.line_of(pid))
        try:
            space = os.readlink(f"/proc/{pid}/ns/mnt")
        except OSError:
            self.unseen += 1
            return
        if self.look_at(pid, space):
            self.look_at(pid, space)
            self.mounts += 1
        else:
            self.others += 1

    def violations(self):
        all_of, out = self.over + list(self.open.values()), []
        for i, a in enumerate(all_of):
            for b in all_of[:i]:
                begin, end = max(a["first"], b["first"]), min(a["last"], b["last"])
                if a["file"] == b["file"] and a["holder"] != b["holder"] and begin <= end:
                    out.append({"file": a["file"], "holders": [b, a], "ms": (end - begin) * 1000})
        return out

    def report(self):
        return {"traced": self.trace.pipe is not None, "looks": self.looks, "mounts": self.mounts,
                "unseen": self.unseen, "others": self.others, "lost": self.trace.lost,
                "holders": self.over + list(self.open.values()), "violations": self.violations()}

    def counted(self):
        """What has been mounted until now: nothing of the trace is left unread."""
        good = self.trace.pipe is not None and not self.trace.lost
        return {"moved": self.moved if good else None}

    def step(self, due):
        """Waits for what happens, for an order or until `due`: (when to look again, the order or None)."""
        pipe = self.trace.pipe
        ready = select.select([0] + ([pipe] if pipe is not None else []), [], [],
                              max(0.0, due - time.monotonic()))[0]
        order = os.read(0, 100) if 0 in ready else None
        for pid, what, good in self.trace.take() if pipe is not None else ():
            self.told(pid, what, good)
            due = 0.0
        if order is not None or time.monotonic() >= due:
            self.look()
            due = time.monotonic() + (OFTEN_S if pipe is None else SELDOM_S)
        return due, order


def watch(record_path, files):
    """Until standard input ends; then the report, on standard output. For a line there: what is counted."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    except OSError:
        pass
    trace = Trace()
    try:
        with open(record_path, "w", encoding="utf-8") as record:
            w = Watcher(files, record, trace)
            w.look()
            print("ready", flush=True)
            due, order = 0.0, None
            while order != b"":
                due, order = w.step(due)
                if order:
                    print(json.dumps(w.counted()), flush=True)
            print(json.dumps(w.report()), flush=True)
    finally:
        trace.close()


class Observer:
    """Use as `with Observer(folder, files) as o:`; `o.report()` ends it."""

    def __init__(self, folder, files):
        self.record = os.path.join(folder, "observer.jsonl")
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.record, *files],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.done = None

    def __enter__(self):
        if self.process.stdout.readline() != "ready\n":
            raise AssertionError("the observer does not begin")
        return self

    def __exit__(self, *unused):
        self.report()

    def mounts_by(self, pids):
        """How many times these processes and their children have mounted something by move_mount so far,
        as the kernel's trace tells; None where there is none, or a part of it was lost."""
        self.process.stdin.write("count\n")
        self.process.stdin.flush()
        moved = json.loads(self.process.stdout.readline())["moved"]
        return None if moved is None else sum(not pids.isdisjoint(line) for line in moved)

    def report(self):
        if self.done is None:
            self.process.stdin.close()
            text = self.process.stdout.read()
            self.process.wait()
            self.done = json.loads(text) if text else {}
        return self.done

    def prove(self, what):
        """That nobody had mounted what another had; the report."""
        r = self.report()
        if not r or r["violations"]:
            raise AssertionError(f"{what}: mounted twice at once: {r and r['violations']}")
        print(f"{what}: {len(r['holders'])} holders one after the other, {r['mounts']} mounts traced, "
              f"{r['unseen']} gone before they were looked at, {r['others']} of other things, "
              f"{r['looks']} looks"
              f"{'' if r['traced'] else ', without the trace'}")
        return r


if __name__ == "__main__":
    watch(sys.argv[1], sys.argv[2:])
