# SPDX-License-Identifier: GPL-2.0-or-later
"""Disks that change while it runs: detached, attached again, grown, written over, mounted, swapped
on. All of it is in the matrix, and with a client, within 100 ms of the kernel's announcement; and the
same beside a hundred disks that do not change, of which a change makes the probe read none."""
import contextlib
import os
import time

from disks import MIB, Disks, Fleet, Times, Uevents, as_udev, need_disks, statistic, watch
from harness import Events, Lab, check, run

TARGET_MS = 100.0
ROUNDS = 10
MANY = int(os.environ.get("MUSTER_MANY", 100))
HANDFUL = 3  # of bystanders that are read in spite of that, at one change


class Bench:
    def __init__(self, lab, disks, fleet):
        self.lab, self.disks, self.fleet = lab, disks, fleet
        self.kernel, self.times = Uevents(), Times()
        self.events = Events(lab, since=lab.muster("status")["event_no"])
        self.bystanders, self.most = [], 0

    def reads(self):
        """How often each bystander has been read from, by the kernel's own count."""
        return {d: statistic(d)[0] for d in self.bystanders}

    @contextlib.contextmanager
    def change(self):
        """One change and what comes of it; whoever is not concerned is not read."""
        before = self.reads()
        yield
        read = [d for d, n in self.reads().items() if n != before[d]]
        self.most = max(self.most, len(read))
        check(len(read) <= HANDFUL, f"{len(read)} of {len(self.bystanders)} others were read: {read}")

    def until(self, kind, label):
        return self.events.until(
            lambda e: (e["kind"], e.get("resource_label"), e.get("node_name")) == (kind, label, "alpha"),
            f"{kind} of {label}")[1]

    def rows(self, section, test, what):
        return watch(lambda: self.lab.section("alpha", section)["rows"], test, what)


def comes_and_goes(b, path, number):
    """Beta has the same LUN all the time and notices nothing."""
    device = f"/dev/loop{number}"
    for _ in range(ROUNDS):
        with b.change():
            started = time.monotonic()
            b.disks.detach(device)
            b.times.add("detached", b.kernel.first_after(started, device), b.until("edge.lost", path))
        m = b.lab.matrix("--kind", "lun")
        check((m["alpha", path]["state"], m["beta", path]["state"]) == ("lost", "ok"), f"edges: {m}")
        gone = [e for e in b.lab.muster("explain", "alpha", path)["evidence"]
                if (e["what"], e["name"], e["state"]) == ("path", f"loop{number}", "lost")]
        check(len(gone) == 1 and "is gone since" in gone[0]["text"], f"the path is named: {gone}")
        with b.change():
            started = time.monotonic()
            b.disks.attach(0, path, number)
            b.times.add("attached", b.kernel.first_after(started, device), b.until("edge.ok", path))
    m = b.lab.wait_matrix(lambda m: m["alpha", "moving"]["state"] == "ok", "the filesystem is back",
                          "--kind", "filesystem")
    check(m["beta", "moving"]["state"] == "ok", f"edges: {m}")


def grows(b, device, size):
    name = device[5:]
    for _ in range(ROUNDS):
        size += MIB
        with b.change():
            started = time.monotonic()
            b.disks.resize(device, size)
            seen = b.rows("luns", lambda rows: any(r.get("device") == name and
                                                   r["size_bytes"] == size for r in rows),
                          f"{size} bytes")
        b.times.add("grown", b.kernel.first_after(started, device, RESIZE="1"), seen)


def written_over(b, device):
    """The new filesystem is in, the old one is lost."""
    old = "over0"
    for i in range(1, ROUNDS + 1):
        kind, option = (("mkfs.ext4", "-q", "-F"), "-L") if i % 2 else (("mkfs.vfat",), "-n")
        new = f"over{i}" if i % 2 else f"OVER{i}"
        run(*kind, option, new, device)
        with b.change():
            started = time.monotonic()
            as_udev(device)
            came = b.kernel.first_after(started, device)
            b.times.add("written over", came, b.until("edge.ok", new))
        m = b.lab.matrix("--kind", "filesystem")
        check(m["alpha", new]["state"] == "ok", f"{new}: {m}")
        old_edge = m.get(("alpha", old))
        check(old_edge is None or old_edge["state"] == "lost", f"{old} is gone: {m}")
        old = new


def written_over_silently(b, device):
    """Without any announcement (no udev here): at the next rescan."""
    run("mkfs.ext4", "-q", "-F", "-L", "silently", device)
    b.until("edge.ok", "silently")
    # What is no filesystem any more is none.
    with open(device, "r+b") as f:
        f.write(bytes(MIB))
        f.flush()
        os.fsync(f.fileno())
    as_udev(device)
    b.until("edge.lost", "silently")


def mounted(b, device):
    folder = os.path.join(b.disks.dir, "mnt")
    os.mkdir(folder)

    def here(rows):
        return any(r["kind"] == "mount" and r["used_by"] == folder and r["device"] == device[5:]
                   for r in rows)
    for _ in range(ROUNDS):
        with b.change():
            started = time.monotonic()
            b.fleet.inside("alpha", "mount", device, folder)
            b.times.add("mounted", started, b.rows("uses", here, "the mount"))
        with b.change():
            started = time.monotonic()
            b.fleet.inside("alpha", "umount", folder)
            b.times.add("unmounted", started, b.rows("uses", lambda rows: not here(rows), "no mount"))
    check(not b.lab.section("beta", "uses")["rows"], "beta uses nothing")


def swapped(b, device):
    def here(rows):
        return any(r["kind"] == "swap" and r["device"] == device[5:] for r in rows)
    for _ in range(3):
        started = time.monotonic()
        run("swapon", device)
        try:
            b.times.add("swapped on", started, b.rows("uses", here, "the swap"))
        finally:
            started = time.monotonic()
            run("swapoff", device)
        b.times.add("swapped off", started, b.rows("uses", lambda rows: not here(rows), "no swap"))


@contextlib.contextmanager
def world(rescan, more):
    """Alpha has three disks to change, of which beta has one too, and those that `more` attaches."""
    with Lab() as lab, Disks(lab) as disks:
        moving = disks.make("ext4", "moving", "-L", "moving")
        number = disks.reserve(0)[0]
        disks.attach(0, moving, number)
        disks.attach(1, moving)
        growing = disks.attach(0, disks.file("growing"))
        over = disks.attach(0, disks.make("ext4", "over", "-L", "over0"))
        stays = disks.attach(0, disks.make("ext4", "stays", "-L", "stays"))
        others = more(disks)
        fleet = Fleet(lab, disks, ("alpha", "beta"), extra=("--rescan", rescan))
        lab.wait_matrix(lambda m: len(m) == 5 + len(others) and all(e["state"] == "ok" for e in m.values()),
                        "the LUNs", "--kind", "lun")
        expected = {("alpha", n) for n in ("moving", "over0", "stays")} | {("beta", "moving")}
        lab.wait_matrix(lambda m: expected <= {k for k, e in m.items() if e["state"] == "ok"},
                        "the filesystems", "--kind", "filesystem")
        b = Bench(lab, disks, fleet)
        yield b, moving, number, growing, over, stays, others
        lab.end(b.events.process)


def with_few():
    def swap(disks):
        return [disks.attach(0, disks.make("swap", "swap", "-L", "swap"))]
    with world("5s", swap) as (b, moving, number, growing, over, stays, others):
        b.lab.wait_matrix(lambda m: m.get(("alpha", "swap"), {}).get("state") == "ok", "the swap",
                          "--kind", "filesystem")
        comes_and_goes(b, moving, number)
        grows(b, growing, 64 * MIB)
        written_over(b, over)
        written_over_silently(b, over)
        mounted(b, stays)
        swapped(b, others[0])
        b.times.tell(TARGET_MS)


def beside_many():
    """No rescan comes while this lasts."""
    def many(disks):
        return [disks.attach(0, disks.file(f"by{i}", MIB)) for i in range(MANY)]
    with world("1h", many) as (b, moving, number, growing, over, stays, others):
        b.bystanders = others
        check(all(n > 0 for n in b.reads().values()), "each was read, once")
        comes_and_goes(b, moving, number)
        grows(b, growing, 64 * MIB)
        written_over(b, over)
        mounted(b, stays)
        print(f"beside {MANY} others, of which at most {b.most} were read at a change:")
        b.times.tell(TARGET_MS)
        events = b.lab.muster("event", "tail", "--since", "0")["events"]
        lost = [e for e in events if e["kind"] in ("node.suspect", "section.stuck", "section.failed")]
        check(not lost, f"heartbeats and workers: {lost}")


def main():
    need_disks("mkfs.ext4", "mkfs.vfat", "mkswap", "swapon", "swapoff")
    with_few()
    beside_many()


main()
