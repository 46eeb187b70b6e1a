#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""P5 on real mounts: how long a scan of a whole fleet takes, against the number of servers.

Each server is a real probe in a network namespace, with a loop device of its own over each shared
filesystem; each such device reads so many bytes a second and no more (the kernel's blkio throttle), so
that it is the disks that take the time, as on a slow LUN, and not this machine's processors. Filesystems
have unequal numbers of files.

bound   no schedule is shorter: the longest of one filesystem by all who see it, one server's work by
        slot, one job; a job takes what it took in `serial`
ours    muster scan --every-node --wait, from the command to its end: leases, workers, identity checks
mutex   all servers at once, in the same order; who finds a filesystem taken waits for it
serial  one server after the other
once    muster scan --wait: one server reads each filesystem, the others prove that they reach it

mutex and serial mount and walk with muster's own walk, and have no leases, no checks, no coordinator.
All in turn, round by round; the medians are printed."""
import argparse
import fcntl
import json
import multiprocessing
import os
import random
import signal
import statistics
import subprocess
import sys
import time

from processes import end_on_signals

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "../tests/integration"), os.path.join(HERE, "../tests/support")]
THROTTLE = "/sys/fs/cgroup/blkio"
COLUMNS = {"bound": "#888888", "ours": "#0072b2", "mutex": "#d55e00", "serial": "#cc79a7",
           "once": "#009e73"}
OPTIONS = {"ext4": "noload,errors=continue", "xfs": "norecovery,nouuid"}


def options():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument("--build", default="build", help="folder with the programs (default: build)")
    p.add_argument("--servers", default="1,2,4,8", help="numbers of servers, up to 8 (default: 1,2,4,8)")
    p.add_argument("--filesystems", type=int, default=6, help="(default: 6)")
    p.add_argument("--scans", type=int, default=4, help="that a server reads at once (default: 4)")
    p.add_argument("--files", type=int, default=1500, help="in a filesystem, half as many to half as many "
                   "again (default: 1500)")
    p.add_argument("--bytes", type=int, default=2 << 20, help="that a device reads in a second "
                   "(default: 2 MiB)")
    p.add_argument("--rounds", type=int, default=3, help="(default: 3)")
    p.add_argument("--seed", type=int, default=1, help="of the numbers of files (default: 1)")
    p.add_argument("--json", metavar="FILE", help="figures for a program")
    p.add_argument("--svg", metavar="FILE", help="a plot of the time against the servers")
    o = p.parse_args()
    try:
        o.servers = sorted({int(s) for s in o.servers.split(",")})
    except ValueError:
        p.error(f"--servers {o.servers}: give numbers with commas between them, such as 1,2,4")
    if not 1 <= o.servers[0] <= o.servers[-1] <= 8:
        p.error("--servers: from 1 to 8")
    if min(o.filesystems, o.scans, o.files, o.bytes, o.rounds) < 1:
        p.error("--filesystems, --scans, --files, --bytes and --rounds: at least 1")
    return o


class SlowDisks:
    """What this process and its children read of a block device can be limited."""

    def __init__(self, bytes_a_second):
        self.bytes = bytes_a_second
        self.folder = os.path.join(THROTTLE, f"muster-bench-{os.getpid()}")
        os.mkdir(self.folder)

    def write(self, name, text, folder=None):
        with open(os.path.join(folder or self.folder, name), "w", encoding="ascii") as f:
            f.write(text)

    def __enter__(self):
        self.write("cgroup.procs", str(os.getpid()))
        return self

    def limit(self, devices, slow=True):
        for device in devices:
            number = os.stat(device).st_rdev
            self.write("blkio.throttle.read_bps_device",
                       f"{os.major(number)}:{os.minor(number)} {self.bytes if slow else 0}")

    def __exit__(self, *unused):
        self.write("cgroup.procs", str(os.getpid()), THROTTLE)
        os.rmdir(self.folder)


# ---- who has no coordinator

class Bare:
    """Mounts and walks; the folders of its locks and mounts are in the lab's."""

    def __init__(self, fleet, build):
        self.fleet, self.dump = fleet, os.path.join(build, "tests/unit/scan/scan-dump")
        self.dir = os.path.join(fleet.lab.dir, "bare")
        for name in fleet.names:
            os.makedirs(os.path.join(self.dir, name))

    def read(self, name, label):
        """Seconds."""
        import loops
        device, kind = self.fleet.devices[name, label], self.fleet.kinds[label]
        folder, start = os.path.join(self.dir, name), time.monotonic()
        loops.mount(device, folder, kind, OPTIONS[kind], loops.MS_RDONLY)
        try:
            subprocess.run([self.dump, folder], check=True, stdout=subprocess.DEVNULL)
        finally:
            loops.unmount(folder)
        return time.monotonic() - start

    def serial(self):
        """(seconds, {label: those of each read})"""
        start, took = time.monotonic(), {label: [] for label in self.fleet.files}
        for name in self.fleet.names:
            for label, of in took.items():
                of.append(self.read(name, label))
        return time.monotonic() - start, took

    def in_order(self, name):
        for label in self.fleet.files:
            with open(os.path.join(self.dir, label), "w", encoding="ascii") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self.read(name, label)

    def mutex(self):
        start = time.monotonic()
        servers = [multiprocessing.Process(target=self.in_order, args=(n,)) for n in self.fleet.names]
        for s in servers:
            s.start()
        for s in servers:
            s.join()
        if any(s.exitcode != 0 for s in servers):
            raise AssertionError("a server without a coordinator could not read")
        return time.monotonic() - start


# ---- muster

def prepare(fleet, slow):
    """All has changed, and no probe thinks that somebody has anything mounted still: of mounts in another
    mount table, as `mutex` has them, a probe learns when it looks again."""
    import disks as d
    slow.limit(fleet.devices.values(), slow=False)
    for device in fleet.devices.values():
        d.as_udev(device)
    fleet.wait_unused()
    for label in fleet.files:
        fleet.change(label)
    slow.limit(fleet.devices.values())


def scan(fleet, slow, *args):
    """Seconds of a scan that reads all anew."""
    prepare(fleet, slow)
    start = time.monotonic()
    doc, of = fleet.scan(*args)
    took = time.monotonic() - start
    mounts = len(fleet.files) * (len(fleet.names) if args else 1)
    if doc["mounts"] != mounts or set(of) != set(fleet.files):
        raise AssertionError(f"{doc['mounts']} mounts instead of {mounts}")
    return took


def bound(took, servers, slots):
    """`took`: {label: seconds of one job}"""
    return max(max(took.values()) * servers, sum(took.values()) / slots, max(took.values()))


def measure(o, servers):
    """{column: seconds} of one number of servers"""
    import disks as d
    import scan_fleet as sf
    from harness import Lab
    dice = random.Random(o.seed)
    kinds = {f"fs{i}": ("xfs" if i % 3 == 2 and sf.is_known("xfs") else "ext4")
             for i in range(o.filesystems)}
    files = {label: round(o.files * dice.uniform(0.5, 1.5)) for label in kinds}
    figures = {c: [] for c in COLUMNS}
    with SlowDisks(o.bytes) as slow, Lab() as lab, d.Disks(lab) as disks:
        extra = ("--scans", str(o.scans), "--rescan", "1h")
        with sf.ScanFleet(lab, disks, kinds, more=files, names=[f"n{i}" for i in range(servers)],
                          extra=extra) as fleet:
            fleet.admit()
            slow.limit(fleet.devices.values())
            bare = Bare(fleet, o.build)
            for _ in range(o.rounds):
                seconds, took = bare.serial()
                median = {label: statistics.median(t) for label, t in took.items()}
                figures["serial"].append(seconds)
                figures["bound"].append(bound(median, servers, o.scans))
                figures["mutex"].append(bare.mutex())
                figures["ours"].append(scan(fleet, slow, "--every-node"))
                figures["once"].append(scan(fleet, slow))
                fleet.wait_no_leases()
            fleet.prove(f"{servers} servers")
    return {c: statistics.median(v) for c, v in figures.items()}


# ---- what is told of it

def row_text(servers, r):
    times = "".join(f" {r[c]:8.2f}" for c in COLUMNS)
    return (f"{servers:>8}{times}   " +
            "  ".join(f"{r[c] / r['bound']:6.3f}" for c in ("ours", "mutex", "serial")) +
            f"  {r['bound'] / r['once']:6.2f}")


def svg(rows, title):
    """Both axes are logarithmic."""
    import math
    left, top, wide, high = 70, 40, 480, 300
    least = min(min(r.values()) for r in rows.values()) / 1.2
    most = max(max(r.values()) for r in rows.values()) * 1.2
    first, last = min(rows), max(max(rows), min(rows) + 1)

    def x(n):
        return left + wide * math.log(n / first) / math.log(last / first)

    def y(s):
        return top + high * math.log(most / s) / math.log(most / least)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + wide + 110}" height="{top + high + 60}" '
           'font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="white"/>',
           f'<text x="{left}" y="24" font-size="15">{title}</text>']
    for n in rows:
        out.append(f'<line x1="{x(n):.1f}" y1="{top}" x2="{x(n):.1f}" y2="{top + high}" stroke="#ddd"/>'
                   f'<text x="{x(n):.1f}" y="{top + high + 20}" text-anchor="middle">{n}</text>')
    for s in (v * 10 ** e for e in range(-1, 4) for v in (1, 2, 5)):
        if least <= s <= most:
            out.append(f'<line x1="{left}" y1="{y(s):.1f}" x2="{left + wide}" y2="{y(s):.1f}" stroke="#ddd"/>'
                       f'<text x="{left - 8}" y="{y(s) + 4:.1f}" text-anchor="end">{s:g} s</text>')
    label_at = {}
    for c in sorted(COLUMNS, key=lambda c: y(rows[max(rows)][c])):
        label_at[c] = max(y(rows[max(rows)][c]) + 4, max(label_at.values(), default=0) + 14)
    for c, colour in COLUMNS.items():
        points = " ".join(f"{x(n):.1f},{y(r[c]):.1f}" for n, r in rows.items())
        out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>'
                   f'<text x="{left + wide + 8}" y="{label_at[c]:.1f}" fill="{colour}">{c}</text>')
    out.append(f'<text x="{left + wide / 2}" y="{top + high + 45}" text-anchor="middle">servers</text></svg>')
    return "\n".join(out) + "\n"


def write(name, text):
    if name is not None:
        with open(name, "w", encoding="utf-8") as f:
            f.write(text)


def main():
    o = options()
    end_on_signals()
    o.build = os.environ["MUSTER_BUILD"] = os.path.abspath(o.build)
    if not os.path.exists(os.path.join(o.build, "probe/muster-probe")):
        sys.exit(f"scan_mounts.py: {o.build} has no programs: --build FOLDER says where they are")
    if not os.access(os.path.join(THROTTLE, "cgroup.procs"), os.W_OK):
        print(f"SKIP: devices cannot be slowed down here: {THROTTLE} (cgroup v1, blkio) is not there or "
              "may not be written")
        sys.exit(77)
    import disks as d
    d.need_disks("mkfs.ext4", "qemu-img")
    conditions = (f"{o.filesystems} filesystems of about {o.files} files, {o.bytes / 1e6:.1f} MB/s a device, "
                  f"{o.scans} slots a server, seed {o.seed}, median of {o.rounds} rounds, "
                  f"{os.cpu_count()} processors")
    print(f"scan on real mounts: {conditions}; seconds\n")
    print(f"{'servers':>8}" + "".join(f" {c:>8}" for c in COLUMNS) +
          "   of the bound: ours, mutex, serial; bound to once", flush=True)
    rows = {}
    for n in o.servers:
        rows[n] = measure(o, n)
        print(row_text(n, rows[n]), flush=True)
    met = all(r["ours"] <= 1.05 * r["bound"] for r in rows.values())
    print(f"\nours: target {'met' if met else 'missed'} (at most 1.05 of the bound)")
    write(o.json, json.dumps({"benchmark": "scan-mounts", "conditions": conditions,
                              "seconds": rows}, indent=1) + "\n")
    write(o.svg, svg(rows, "scan of a fleet on real mounts"))
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
