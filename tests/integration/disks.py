# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks for the integration tests: each node has loop devices of its own over files of the test. Two
loop devices over one file are two hosts on one LUN: they have separate page caches, and the key of
the LUN is made of the file. All of it goes when the test ends, even when it is killed."""
import errno
import os
import random
import select
import shutil
import socket
import statistics
import sys
import threading
import time
import uuid

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import loops
from lvm import lvm

from harness import LIMIT_S, check, need_root, run, skip

MIB = 1 << 20
KOBJECT_UEVENT = 15
EACH = 1000  # numbers of loop devices for each node
MAKE = {"ext4": ("mkfs.ext4", "-q", "-F"), "xfs": ("mkfs.xfs", "-q", "-f"),
        "btrfs": ("mkfs.btrfs", "-q", "-f"), "vfat": ("mkfs.vfat",), "swap": ("mkswap", "-q", "-f")}
SIZE = {"xfs": 320 * MIB, "btrfs": 128 * MIB}  # the least that they can be made on
# Of a coordinator in a test that is not about silence: a probe that is not run for a while is not silent.
BOOT_ID = "/proc/sys/kernel/random/boot_id"
PATIENT = ("--set", "suspect_ms=20000", "--set", "down_ms=60000")


def need_disks(*programs):
    need_root()
    if not os.access("/dev/loop-control", os.R_OK | os.W_OK):
        skip("no /dev/loop-control: loop devices cannot be made")
    for p in ("nsenter", *programs):
        if shutil.which(p) is None:
            skip(f"{p} is not installed")
    try:
        loops.own_mounts()
    except OSError as e:
        skip(f"no mount namespace of the test's own ({e})")
    if in_chroot():
        skip("in a chroot the kernel calls the files below loop devices otherwise than we do")


def in_chroot():
    """Our root is no file system's own: from another mount namespace its files have longer names."""
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        return not any(line.split()[3:5] == ["/", "/"] for line in f)


def backing_file(number):
    """None: the loop device has none."""
    try:
        with open(f"/sys/block/loop{number}/loop/backing_file", encoding="utf-8") as f:
            return f.read().strip()
    except OSError:
        return None


def loop_numbers():
    return sorted(int(n[4:]) for n in os.listdir("/sys/block") if n.startswith("loop"))


def claim_base():
    """The first digits of the numbers of a test's loop devices: whose they are says the last of them, which
    the kernel makes but once. (Who only looks which are free is not alone at it.)"""
    taken = {n // 10000 for n in loop_numbers()}
    free = [n for n in range(10, 100) if n not in taken]
    for base in random.sample(free, len(free)):
        try:
            loops.control(loops.LOOP_CTL_ADD, base * 10000 + 9999)
            return base
        except OSError as e:
            if e.errno != errno.EEXIST:
                raise
    raise AssertionError("no numbers of loop devices are free")


class Busy:
    """For what the kernel has not finished: waits until it announces something, or a moment."""

    def __init__(self, what, limit_s=LIMIT_S):
        self.what, self.end = what, time.monotonic() + limit_s
        self.events = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, KOBJECT_UEVENT)
        self.events.bind((0, 1))

    def wait(self):
        check(time.monotonic() < self.end, f"{self.what} stays busy")
        if select.select([self.events], [], [], 0.02)[0]:
            self.events.recv(65536)


def remove_devices(numbers):
    """One that is still held by somebody who is about to end is tried again."""
    for n in numbers:
        busy = Busy(f"loop{n}")
        while os.path.exists(f"/sys/block/loop{n}"):
            try:
                if backing_file(n) is not None:
                    loops.ask(f"/dev/loop{n}", loops.LOOP_CLR_FD)
                loops.control(loops.LOOP_CTL_REMOVE, n)
            except OSError:
                busy.wait()


class Disks:
    """Use as `with Disks(lab) as disks:`. Nodes are numbered from 0 to 9."""

    def __init__(self, lab):
        self.lab, self.dir = lab, os.path.join(lab.dir, "disks")
        os.mkdir(self.dir)
        self.attached, self.made, self.silent = {}, {}, []
        self.base = claim_base()
        self.told, self.tell = os.pipe()
        self.guard = os.fork()
        if self.guard == 0:
            self.watch()

    def watch(self):
        """A process of its own that takes the loop devices away when this one has ended."""
        try:
            os.setsid()
            loops.keep_open(self.told)
            os.read(self.told, 1)
            remove_devices([n for n in loop_numbers() if n // 10000 == self.base])
        finally:
            os._exit(0)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        for p in reversed(list(self.lab.processes)):  # their mounts hold devices
            self.lab.end(p)
        for s in self.silent:  # what waits for them gets an error
            s.close()
        os.close(self.tell)
        os.waitpid(self.guard, 0)
        os.close(self.told)

    def globs(self, node):
        """What limits a probe to the node's devices."""
        return ["--device", f"loop{self.base}{node}???*"]

    def file(self, name, size=64 * MIB, like=None):
        path = os.path.join(self.dir, name)
        if like is not None:
            shutil.copyfile(os.path.join(self.dir, like), path)
        with open(path, "ab") as f:
            f.truncate(max(size, f.tell()))
        return path

    def make(self, kind, name, *options):
        """A file with a new file system; its path."""
        path = self.file(name, SIZE.get(kind, 64 * MIB))
        run(*MAKE[kind], *options, path)
        return path

    def silent_file(self, name, content=None, size=64 * MIB):
        """One that can fall silent, with the content of another file."""
        folder = os.path.join(self.dir, name)
        os.mkdir(folder)
        try:
            s = loops.SilentFile(folder, size, content)
        except OSError as e:
            skip(f"FUSE cannot be mounted ({e})")
        self.silent.append(s)
        s.answer()
        return s

    def reserve(self, node, count=1):
        """Numbers of loop devices without a file, new to the kernel."""
        first = self.base * 10000 + node * EACH + self.made.get(node, 0)
        self.made[node] = self.made.get(node, 0) + count
        for n in range(first, first + count):
            loops.control(loops.LOOP_CTL_ADD, n)
        return range(first, first + count)

    def attach(self, node, path, number=None, partitions=False, read_only=False):
        """The new device's path. Partitions are told to the kernel, which may know no tables."""
        if number is None:
            number = self.reserve(node)[0]
        busy = Busy(f"loop{number}")
        while f"/dev/loop{number}" not in self.attached:
            try:
                loop = loops.NumberedLoop(number, path, read_only, partitions)
                self.attached[loop.path] = loop
            except OSError as e:
                if e.errno != errno.EBUSY:  # the kernel announces a detached one before it is free
                    raise
                busy.wait()
        if partitions:
            run("partx", "-u", loop.path)
        return loop.path

    def detach(self, device):
        """When a worker is looking at it just now, at the end of that."""
        self.attached.pop(device).close()

    def resize(self, device, size):
        loop = self.attached[device]
        os.truncate(backing_file(device[9:]), size)
        loop.resize()

    def lvm(self, devices, *argv):
        return lvm(self.dir, devices, *argv)


class Uevents(threading.Thread):
    """Notes when the kernel announces something about a block device."""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, KOBJECT_UEVENT)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * MIB)
        self.socket.bind((0, 1))
        self.seen, self.change = [], threading.Condition()
        self.start()

    def run(self):
        while True:
            data = self.socket.recv(65536)
            now = time.monotonic()
            facts = dict(f.split("=", 1) for f in data.decode(errors="replace").split("\0") if "=" in f)
            if facts.get("SUBSYSTEM") == "block":
                with self.change:
                    self.seen.append((now, facts))
                    self.change.notify_all()

    def first_after(self, since, device, **facts):
        """When; `device` as /dev/NAME."""
        def look():
            return next((t for t, f in self.seen if t >= since and f.get("DEVNAME") == device[5:] and
                         all(f.get(k) == v for k, v in facts.items())), None)
        with self.change:
            check(self.change.wait_for(lambda: look() is not None, LIMIT_S),
                  f"the kernel announces nothing of {device}: {facts}")
            return look()


class Fleet:
    """A coordinator, and a probe in a network namespace for each name, each with its own devices.
    A probe has a mount table of its own."""

    def __init__(self, lab, disks, names, extra=(), settings=PATIENT):
        self.lab, self.disks, self.names, self.probes = lab, disks, list(names), {}
        # Not this machine's: a supervisor ends the workers of its boot that an earlier one has left, and would
        # end those of another test. The nodes have one, of which the keys of LUNs are made that they share.
        self.boot_id = uuid.uuid4()
        self.hub = hub = lab.namespace("hub")
        run("ip", "-n", hub, "link", "add", "br0", "type", "bridge")
        run("ip", "-n", hub, "addr", "add", "10.72.0.1/24", "dev", "br0")
        run("ip", "-n", hub, "link", "set", "br0", "up")
        lab.listen = f"tcp://10.72.0.1:{lab.port}"
        lab.start_coordinator(*settings, namespace=hub)
        self.spaces = {name: self.join(hub, i, name) for i, name in enumerate(self.names)}
        self.extra = extra
        for name, token in zip(self.names, lab.tokens(len(self.names))):
            self.start(name, token)

    def join(self, hub, i, name):
        ns = self.lab.namespace(name)
        run("ip", "-n", hub, "link", "add", f"m-{name}", "type", "veth", "peer", "name", "mgmt0",
            "netns", ns)
        run("ip", "-n", hub, "link", "set", f"m-{name}", "master", "br0", "up")
        run("ip", "-n", ns, "link", "set", "mgmt0", "up")
        run("ip", "-n", ns, "addr", "add", f"10.72.0.{10 + i}/24", "dev", "mgmt0")
        return ns

    def boot_file(self, name):
        return os.path.join(self.lab.dir, "boot-" + name)

    def boot(self, name, boot_id):
        """From now on the node is in that boot."""
        with open(self.boot_file(name), "w", encoding="ascii") as f:
            f.write(f"{boot_id}\n")

    def start(self, name, token=None):
        i = self.names.index(name)
        if not os.path.exists(self.boot_file(name)):
            self.boot(name, self.boot_id)
        self.probes[name] = self.lab.start_probe(
            name, token, namespace=self.spaces[name],
            by=["sh", "-c", 'mount --bind "$0" ' + BOOT_ID + ' && exec "$@"', self.boot_file(name)],
            extra=["--node-id", f"00000000-0000-4000-8000-{i + 1:012x}", "--interface", "mgmt*",
                   *self.disks.globs(i), *self.extra])

    def inside(self, name, *command):
        """Runs it with the mount table of that node's probe."""
        return run("nsenter", "--target", str(self.probes[name].pid), "--mount", *command)


class Times:
    """Milliseconds from the kernel's announcement until a client knows, of several kinds of change."""

    def __init__(self):
        self.took = {}

    def add(self, kind, since, until):
        self.took.setdefault(kind, []).append((until - since) * 1000)

    def tell(self, target_ms):
        """For people: how fast a machine that does other things too is proves nothing either way."""
        for kind, took in self.took.items():
            print(f"{kind}: median {statistics.median(took):.1f} ms, worst {max(took):.1f} ms of "
                  f"{len(took)}; target {target_ms:.0f} ms")


def watch(look, test, what, limit_s=LIMIT_S):
    """Looks without a pause until what it sees passes `test`: the time at which that look began. For
    what no event tells of."""
    end = time.monotonic() + limit_s
    while True:
        began = time.monotonic()
        seen = look()
        if test(seen):
            return began
        check(began < end, f"not within {limit_s} s: {what}; is {seen}")


def file_text(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def as_udev(device):
    """Where udev runs, it makes the kernel announce a device that was written to, once it is closed."""
    name = os.path.basename(device)
    with open(f"/sys/class/block/{name}/uevent", "w", encoding="ascii") as f:
        f.write("change")


def statistic(device):
    """The kernel's counts of a block device: the first is of reads (Documentation/block/stat.rst)."""
    with open(f"/sys/class/block/{os.path.basename(device)}/stat", encoding="ascii") as f:
        return [int(word) for word in f.read().split()]
