# SPDX-License-Identifier: GPL-2.0-or-later
"""Who had what mounted, as two witnesses have it that ask muster nothing.

The kernel of each host: probes on the functions that make a superblock of a device and take it away, whoever asks for
it and in whatever namespace. Its trace, by its own CLOCK_BOOTTIME, comes to this machine line by line, so what was told
outlives a host. That clock and this machine's are held together by a marker that this machine asks for several times a
second: the moment of a line lies after each marker before it was asked for, and before each marker after it was
answered, by no less than what the host's clock says of the time in between. That is true of a host that was stopped
too, whose clock stands meanwhile.

The storage: each SCSI command as the emulated hardware of each host gets it, by this machine's clock alone. What is in
files is read by nobody but who has the file system mounted; so their order needs no clock of a host. Nor can a command
that carries data to the device be missed."""
import bisect
import collections
import os
import re
import select
import socket
import threading
import time

RATE = 0.01  # a host's clock is not further from the truth than that; what it really is, is measured
EVERY_S = 0.25
SECTOR = 512
LINE = re.compile(r"-(\d+)\s+\[\d+\].*?\s(\d+\.\d+): (\w+): (.*)")
COMMAND = re.compile(r"@(\d+\.\d+):scsi_req_parsed(_lba)? target \d+ lun (\d+) tag \d+ command (\d+) "
                     r"(?:lba (\d+)|dir (\d+))")
TO_DEVICE = "2"
TEST_UNIT_READY = 0


class Mount:
    """One superblock: moments by the host's clock, None for what has not been seen."""

    def __init__(self, boot, kind, pid, begun):
        self.boot, self.kind, self.pid, self.begun = boot, kind, pid, begun
        self.done = self.put = self.gone = self.worker_over = None
        self.excuse = None

    def __repr__(self):
        return f"{self.kind} on {self.boot.name} at {self.begun}"

    def longest(self):
        """On this machine's clock: while anything of it may have been there."""
        first = self.boot.between(self.begun)[0]
        last = self.gone if self.worker_over is None else min(self.worker_over, self.gone or self.worker_over)
        return first, self.boot.ended() if last is None else self.boot.between(last)[1]

    def shortest(self):
        """While it was certainly there, and whoever made it too."""
        last = min((x for x in (self.put, self.worker_over) if x is not None), default=None)
        end = self.boot.ended() if last is None else self.boot.between(last)[0]
        return (float("inf") if self.done is None else self.boot.between(self.done)[1]), end


class Boot(threading.Thread):
    """One boot of a host, from its power-on: guest/witness starts before the probe does."""

    def __init__(self, host):
        super().__init__(daemon=True)
        self.host, self.number = host, host.doc["boots"]
        self.name = f"{host.name}.{self.number}"
        self.kernel, self.commands = host.log("kernel"), host.log("commands")
        self.asked, self.over, self.off = {}, threading.Event(), None
        self.markers = []  # (the host's clock, asked, answered), in order
        self.start_s = time.monotonic()
        self.start()

    def run(self):
        n, rest = 0, b""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(os.path.join(self.host.folder, "clock.sock"))
            while not self.over.wait(EVERY_S):
                n += 1
                asked = time.monotonic()
                try:
                    s.sendall(b"p%d\n" % n)
                    while b"p%d\n" % n not in rest and not self.over.is_set():
                        if select.select([s], [], [], 0.5)[0]:
                            data = s.recv(4096)
                            if not data:
                                return
                            rest += data
                except OSError:
                    return
                if b"p%d\n" % n in rest:
                    self.asked[f"p{n}"] = (asked, time.monotonic())
                    rest = rest.rpartition(b"\n")[2]

    def end(self, off=False):
        self.off = time.monotonic() if off else self.off
        self.over.set()

    def ended(self):
        return time.monotonic() if self.off is None else self.off

    def lines(self):
        """(thread, the host's clock, what, words)"""
        assert "LAB no witness" not in self.host.console(), f"{self.name} has no witness"
        with open(self.kernel, errors="replace") as f:
            text = f.read()
        assert "LOST" not in text, f"{self.name}: lines of the trace are lost"
        for m in LINE.finditer(text[:text.rfind("\n") + 1]):
            yield int(m[1]), float(m[2]), m[3], m[4]

    def mounts(self):
        """All so far, in order."""
        out, by_sb, making, ending, of = [], {}, {}, {}, {}
        self.markers = []
        for thread, at, what, words in self.lines():
            kind = what.partition("_")[2]
            if what == "tracing_mark_write" and words in self.asked:
                self.markers.append((at, *self.asked[words]))
            elif what.startswith("fill_"):
                m = Mount(self, kind, thread, at)
                by_sb[words.partition("sb=")[2]] = making[thread] = of[thread] = m
                out.append(m)
            elif what.startswith("filled_") and thread in making:
                m = making.pop(thread)
                if words.endswith("rc=0"):
                    m.done = at
                else:
                    ending[thread] = m
            elif what.startswith("put_") and words.partition("sb=")[2] in by_sb:
                m = by_sb.pop(words.partition("sb=")[2])
                m.put, ending[thread] = at, m
            elif what == "gone" and thread in ending:
                ending.pop(thread).gone = at
            elif what == "sched_process_exit" and thread in of:
                of.pop(thread).worker_over = at
        return out

    def between(self, at):
        """(earliest, latest) by this machine's clock of a moment by the host's."""
        n = bisect.bisect_right(self.markers, (at, float("inf"), 0.0))
        lo = max((asked + (at - g) / (1 + RATE) for g, asked, _ in self.markers[max(0, n - 200):n]),
                 default=self.start_s)
        hi = min((answered - (g - at) / (1 + RATE) for g, _, answered in self.markers[n:n + 200]),
                 default=self.ended())
        return lo, hi

    def rate(self, stops):
        """How fast its clock is beside this machine's while it was not stopped: the longest time between two markers,
        and what can be said of it: (seconds, least, most)."""
        best = None
        edges = [0.0, *(x for pair in stops for x in pair), float("inf")]
        for first, last in zip(edges[::2], edges[1::2]):
            inside = [m for m in self.markers if m[1] > first and m[2] < last]
            if len(inside) > 1:
                (g0, a0, b0), (g1, a1, b1) = inside[0], inside[-1]
                found = (b1 - a0, (g1 - g0) / (b1 - a0), (g1 - g0) / max(1e-6, a1 - b0))
                best = max(best or found, found)
        return best


Read = collections.namedtuple("Read", "at boot lun lba")


class Witness:
    """Of all hosts of a test: `files` is {LUN slot: sectors at which what is in files begins}, `kinds` {kind of file
    system: slot}."""

    def __init__(self, t, kinds, files):
        self.t, self.kinds, self.files = t, kinds, files
        self.wall = time.time() - time.monotonic()
        self.boots = {}  # host: its boots
        self.stops = {}  # host: [(stopped, went on)]
        self.excused = {}  # (boot, kind, when it began): why
        for host in t.lab.hosts.values():
            self.watch(host)

    def watch(self, host):
        self.boots.setdefault(host.name, []).append(Boot(host))

    def boot(self, host):
        return self.boots[host.name][-1]

    def end(self):
        for boot in self.all():
            boot.end()

    def all(self):
        return [b for boots in self.boots.values() for b in boots]

    def mounts(self):
        out = [m for b in self.all() for m in b.mounts()]
        for m in out:
            m.excuse = self.excused.get((m.boot.name, m.kind, m.begun))
        return out

    def excuse(self, m, why):
        self.excused[m.boot.name, m.kind, m.begun] = why

    def now(self, host, kind=None):
        """What it has mounted at this moment, as far as it was told: the newest."""
        found = [m for m in self.boot(host).mounts() if m.done is not None and m.put is None and kind in (None, m.kind)]
        return found[-1] if found else None

    # What the kernels say

    def pairs(self):
        """Of one file system on two hosts: (apart, at once, not told apart, least time between two in seconds)"""
        apart, both, unclear, least = 0, [], [], float("inf")
        found = [(m, m.longest(), m.shortest()) for m in self.mounts()]
        for i, (a, a_long, a_short) in enumerate(found):
            for b, b_long, b_short in found[:i]:
                if a.kind != b.kind or a.boot.host is b.boot.host:
                    continue
                between = max(a_long[0] - b_long[1], b_long[0] - a_long[1])
                if between > 0:
                    apart, least = apart + 1, min(least, between)
                elif max(a_short[0], b_short[0]) < min(a_short[1], b_short[1]):
                    both.append((b, a))
                else:
                    unclear.append((b, a))
        return apart, both, unclear, least

    # What the storage says

    def _commands(self, boot):
        with open(boot.commands, errors="replace") as f:
            for line in f:
                m = COMMAND.search(line)
                if m:
                    yield float(m[1]) - self.wall, int(m[3]), int(m[4]), m[5], m[6]

    def heard(self):
        """(reads of what is in files, in order; [(boot, slot, command)] that carry data to a device)"""
        reads, writes = [], []
        for boot in self.all():
            for at, slot, command, lba, way in self._commands(boot):
                if way == TO_DEVICE and command != TEST_UNIT_READY and slot in self.files:
                    writes.append((boot.name, slot, hex(command)))
                elif lba is not None and int(lba) in self.files.get(slot, ()):
                    reads.append(Read(at, boot, slot, int(lba)))
        return sorted(reads, key=lambda r: r.at), writes

    def interleaved(self, reads):
        """([(mount, how many reads of another host's mounts lie between its first and its last)] without what is
        excused, mounts that have read, and reads that lie in no mount of their host)"""
        of_mount, of_read = {}, {}
        for m in self.mounts():
            slot, (first, last) = self.kinds[m.kind], m.longest()
            if m.gone is not None:  # what its worker had asked for may come after its end
                last = max(last, m.boot.between(m.gone)[1])
            for r in (r for r in reads if r.boot is m.boot and r.lun == slot and first <= r.at <= last):
                of_mount.setdefault(m, []).append(r)
                of_read[r] = m
        out = []
        for m, mine in of_mount.items():
            between = sum(mine[0].at < r.at < mine[-1].at and r.lun == mine[0].lun and r.boot.host is not m.boot.host and
                          not x.excuse for r, x in of_read.items())
            if between and not m.excuse:
                out.append((m, between))
        return out, len(of_mount), [r for r in reads if r not in of_read]

    def error_s(self):
        """The largest that the moment of a line is uncertain by, where no stop of its host lies between the markers."""
        widths = []
        for m in self.mounts():
            for at in (m.begun, m.gone):
                if at is not None:
                    lo, hi = m.boot.between(at)
                    if not any(lo < b and a < hi for a, b in self.stops.get(m.boot.host.name, ())):
                        widths.append(hi - lo)
        return max(widths, default=0.0)


def sectors_of(path, mark, block=1024, away=4 << 20):
    """Sectors of the blocks of an image that begin with `mark`; not those that a look at labels may read."""
    out, size = set(), os.path.getsize(path)
    with open(path, "rb") as f:
        f.seek(away)
        at = away
        while at < size - (4 << 20):
            data = f.read(1 << 20)
            for i in range(0, len(data), block):
                if data.startswith(mark, i):
                    out.add((at + i) // SECTOR)
            at += len(data)
    return frozenset(out)
