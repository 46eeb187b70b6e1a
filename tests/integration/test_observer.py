# SPDX-License-Identifier: GPL-2.0-or-later
"""The observer itself: two hosts that have one file mounted at once are caught, one after the other is
none, a write and what is left in the page cache are seen."""
import json
import multiprocessing
import os
import sys

import disks as d
from harness import LIMIT_S, Lab, check
from observer import Observer, block_digests, cached_pages, changed_blocks

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import loops


class Host:
    """A process with mounts of its own."""

    def __init__(self, folder):
        self.folder = folder
        self.ours, theirs = multiprocessing.Pipe()
        self.process = multiprocessing.Process(target=self.live, args=(theirs,), daemon=True)
        self.process.start()

    def live(self, pipe):
        loops.own_mounts()
        while True:
            device = pipe.recv()
            if device is None:
                loops.unmount(self.folder)
            else:
                loops.mount(device, self.folder, "ext4", "noload")
            pipe.send(True)

    def do(self, device):
        """Mounts the device, or unmounts with None."""
        self.ours.send(device)
        check(self.ours.poll(LIMIT_S) and self.ours.recv(), "the host does not answer")

    def end(self):
        self.process.kill()
        self.process.join()


class Bed:
    def __init__(self, lab, disks):
        self.file, self.other = disks.make("ext4", "one"), disks.make("ext4", "two")
        self.devices = [disks.attach(n, self.file) for n in (0, 1)]
        folders = [os.path.join(lab.dir, f"mnt{n}") for n in (0, 1)]
        for f in folders:
            os.mkdir(f)
        self.hosts = [Host(f) for f in folders]
        self.dir = lab.dir


def observed(bed, story):
    with Observer(bed.dir, [bed.file, bed.other]) as o:
        story(o)
        return o


def wait_recorded(o, count):
    d.watch(lambda: d.file_text(o.record).count('"space"'), lambda n: n >= count, "it is on record")


def wait_held(o, holders):
    """Until two looks have found so many at once: there is a time between them in which it was certain."""
    def looks():
        lines = map(json.loads, filter(None, d.file_text(o.record).split("\n")[:-1]))
        return [held for held in (line.get("held", []) for line in lines) if len(held) == holders]
    d.watch(looks, lambda found: len(found) >= 2, f"{holders} holders are seen twice")


def at_once(bed, second):
    def story(o):
        bed.hosts[0].do(bed.devices[0])
        wait_recorded(o, 1)
        bed.hosts[1].do(second)
        wait_held(o, 2)
        bed.hosts[1].do(None)
        bed.hosts[0].do(None)
    return story


def one_after_the_other(bed):
    def story(o):
        for i in range(10):
            bed.hosts[i % 2].do(bed.devices[i % 2])
            wait_recorded(o, i + 1)
            bed.hosts[i % 2].do(None)
    return story


def caught(bed, second, what):
    r = observed(bed, at_once(bed, second)).report()
    check(len(r["violations"]) == 1 and r["violations"][0]["file"] == bed.file, f"{what}: {r}")
    print(f"caught: {what}, {r['violations'][0]['ms']:.1f} ms")


def main():
    d.need_disks("mkfs.ext4")
    with Lab() as lab, d.Disks(lab) as disks:
        bed = Bed(lab, disks)
        try:
            caught(bed, bed.devices[1], "two hosts, each its own device")
            inner = loops.Loop(bed.devices[1])
            caught(bed, inner.path, "a device that lies on another's")
            inner.close()
            r = observed(bed, one_after_the_other(bed)).prove("one after the other")
            check(len(r["holders"]) == 10, f"ten holders: {r}")
        finally:
            for h in bed.hosts:
                h.end()
        before = block_digests(bed.file)
        check(changed_blocks(before, block_digests(bed.file)) == [], "nothing has changed")
        with open(bed.file, "r+b") as f:
            os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            check(cached_pages(bed.file) == 0, "no page is cached after reads past the cache")
            f.seek(5 * d.MIB + 17)
            f.write(b"x")
            f.flush()
            check(cached_pages(bed.file) > 0, "a page that is written is cached")
            os.fsync(f.fileno())
        check(changed_blocks(before, block_digests(bed.file)) == [5], "one byte is seen, and where")


main()
