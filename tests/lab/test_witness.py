# SPDX-License-Identifier: GPL-2.0-or-later
"""The two witnesses of the lab's test of exclusion, on records that are made here: what was one after the other, at once,
or too near to tell; a host whose clock stood; reads in turn, and a write."""
import os
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "integration"))
os.environ.setdefault("MUSTER_BUILD", HERE)
from harness import check  # noqa: E402
from witness import Boot, Witness  # noqa: E402

READ, WRITE = 0x28, 0x2a
FILE, OTHER = 4096, 8


class Host:
    def __init__(self, name):
        self.name = name

    def console(self):
        return ""


class Made(Boot):
    """A boot as its logs tell it. Its clock is behind this machine's by `behind` seconds; `answer_s` is what a marker takes;
    from `stands` on, of this machine's clock, it stands for so long."""

    def __init__(self, folder, name, behind, answer_s=0.02, stands=None):
        threading.Thread.__init__(self)
        self.host, self.name, self.off, self.start_s = Host(name), name + ".1", None, 0.0
        self.kernel, self.commands = (os.path.join(folder, f"{name}.{what}") for what in ("kernel", "commands"))
        self.behind, self.stands, self.lines_made, self.asked = behind, stands, [], {}
        for n in range(1, 100):
            at = n * 1.0
            if stands is None or not stands[0] <= at < sum(stands):
                self.line(at + answer_s / 2, "tracing_mark_write", f"p{n}", 1)
                self.asked[f"p{n}"] = (at, at + answer_s)

    def ended(self):
        return 100.0

    def clock(self, at):
        """Its own, at a moment of this machine's."""
        stood = 0.0 if self.stands is None else min(max(0.0, at - self.stands[0]), self.stands[1])
        return at - self.behind - stood + 1000.0

    def line(self, at, what, words, thread):
        self.lines_made.append((self.clock(at), f"  a-{thread} [000] ..... {self.clock(at):.6f}: {what}: {words}\n"))

    def mount(self, first, last, sb):
        thread = 10 + sb
        self.line(first, "fill_ext4", f"(ext4_fill_super+0x0/0x1) sb={sb:#x}", thread)
        self.line(first + 0.001, "filled_ext4", "(a <- ext4_fill_super) rc=0", thread)
        self.line(last - 0.001, "put_ext4", f"(ext4_put_super+0x0/0x1) sb={sb:#x}", thread)
        self.line(last, "gone", "(a <- kill_block_super)", thread)

    def command(self, at, code, lba):
        with open(self.commands, "a", encoding="ascii") as f:
            f.write(f"7@{at:.6f}:scsi_req_parsed target 0 lun 1 tag 5 command {code} dir {2 if code == WRITE else 1} length 1\n"
                    f"7@{at:.6f}:scsi_req_parsed_lba target 0 lun 1 tag 5 command {code} lba {lba}\n")

    def write(self):
        with open(self.kernel, "w", encoding="ascii") as f:
            f.writelines(text for _, text in sorted(self.lines_made))
        with open(self.commands, "a", encoding="ascii"):
            pass
        return self


class MadeWitness(Witness):
    def __init__(self, *boots):
        self.kinds, self.files, self.wall = {"ext4": 1}, {1: {FILE}}, 0.0
        self.boots, self.stops, self.excused = {b.host.name: [b.write()] for b in boots}, {}, {}


def told(second, **how):
    """(apart, at once, unclear) where one has it from 10 to 20, the other from `second` for ten seconds."""
    with tempfile.TemporaryDirectory() as folder:
        a, b = Made(folder, "n1", 3.0), Made(folder, "n2", -40.0, **how)
        a.mount(10.1, 20.1, 1)
        b.mount(second, second + 10, 2)
        apart, both, unclear, _ = MadeWitness(a, b).pairs()
        return apart, len(both), len(unclear)


def stood():
    """Its clock stands from 12 to 42: what comes after it by its own clock comes after that by this machine's."""
    with tempfile.TemporaryDirectory() as folder:
        a, b = Made(folder, "n1", 3.0, stands=(12.0, 30.0)), Made(folder, "n2", 0.0)
        a.mount(10.1, 44.1, 1)
        b.mount(25.0, 35.0, 2)
        w = MadeWitness(a, b)
        first, last = w.mounts()[0].longest()
        check(first <= 10.1 <= first + 0.1 and last - 0.1 <= 44.1 <= last, f"{first}, {last}")
        apart, both, _, _ = w.pairs()
        check((apart, len(both)) == (0, 1), "a host that stands has what it has mounted")


def in_turn():
    with tempfile.TemporaryDirectory() as folder:
        a, b = Made(folder, "n1", 3.0), Made(folder, "n2", 0.0)
        a.mount(10.1, 30.1, 1)
        b.mount(15.0, 35.0, 2)
        for boot, at in ((a, 11.0), (b, 16.0), (a, 17.0), (b, 18.0)):
            boot.command(at, READ, FILE)
            boot.command(at + 0.1, READ, OTHER)
        w = MadeWitness(a, b)
        reads, writes = w.heard()
        check(len(reads) == 4 and not writes, f"{reads}, {writes}")
        mixed, had, left = w.interleaved(reads)
        check([n for _, n in mixed] == [1, 1] and had == 2 and not left, f"{mixed}")
        w.excuse(w.mounts()[0], "for a test")
        check(not w.interleaved(reads)[0], "what is excused is told")
        a.command(50.0, READ, FILE)
        a.command(51.0, WRITE, OTHER)
        reads, writes = w.heard()
        check(len(w.interleaved(reads)[2]) == 1, "a read without a mount is not told")
        check(writes == [("n1.1", 1, hex(WRITE))], f"{writes}")


def main():
    check(told(20.5) == (1, 0, 0), "one after the other")
    check(told(19.0) == (0, 1, 0), "at once for a second")
    check(told(20.11) == (0, 0, 1), "too near to tell")
    check(told(20.5, answer_s=0.9) == (0, 0, 1), "a clock that is hardly known")
    stood()
    in_turn()


main()
