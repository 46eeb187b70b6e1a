# SPDX-License-Identifier: GPL-2.0-or-later
"""Two hosts on the same LUNs, scans of them again and again, each by both, and what can happen to a host in the middle
of one: frozen, without power, cut off from the coordinator, a worker that is stopped, a mount that the kernel does not
let go of. Two witnesses that ask muster nothing (witness.py), the hosts' kernels and the storage itself, judge whether
two had one file system mounted at once, and that nothing was ever written. Then what one host has written another one
finds whose caches are old. At last both mount one by hand, and both witnesses must say so. Run by hand:
MUSTER_LAB_FULL=1; words on the command line choose parts."""
import base64
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import traceback

from lab_harness import LabError, TestLab, check, contain, limit, skip
from planted import QCOW2, digests, qcow2
from witness import Witness, sectors_of

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import loops  # noqa: E402

BOOT_S = 600
WHOLE_S = 3300
MIB = 1 << 20
SIZE = 384 * MIB
KINDS = {"ext4": 1, "xfs": 2}  # on s1 and s2
FILES = 2000
MARK = b"no image "
TTL_S = 15.0
SLOW = 80  # requests a second over each path: a scan takes longer than a lease
LIMIT_S = 240.0


def fill(lab):
    folder = os.path.join(lab.folder, "inside")
    os.mkdir(folder)
    for kind, slot in KINDS.items():
        path = lab.luns[f"s{slot}"].path
        subprocess.run([f"mkfs.{kind}", "-q", "-F" if kind == "ext4" else "-f", "-L", kind, path], check=True)
        with loops.Loop(path) as loop:
            loops.mount(loop.path, folder, kind, "")
            qcow2(folder + "/one.qcow2")
            for i in range(FILES):
                os.makedirs(f"{folder}/d{i % 25}", exist_ok=True)
                with open(f"{folder}/d{i % 25}/f{i}", "wb") as f:
                    f.write((MARK + b"%d " % i).ljust(4096, b"."))
            loops.unmount(folder)


class World:
    def __init__(self, t):
        self.t = t
        self.hosts = [t.lab.host(n) for n in ("n1", "n2")]
        self.witness = Witness(t, KINDS, {slot: sectors_of(t.lab.luns[f"s{slot}"].path, MARK) for slot in KINDS.values()})
        self.over, self.tasks, self.scans = threading.Event(), [], None

    def other(self, host):
        return next(h for h in self.hosts if h is not host)

    def run(self, host, command, limit_s=120):
        r = host.shell(command, limit_s)
        check(r.returncode == 0, f"{host.name}: {command}: {r.returncode} {r.stdout} {r.stderr}")
        return r.stdout

    def slow(self, per_second):
        for host in self.hosts:
            for slot in KINDS.values():
                host.slow_down(slot, per_second)

    # Scans, again and again

    def start(self):
        self.over.clear()
        self.scans = threading.Thread(target=self.scan_on)
        self.scans.start()

    def scan_on(self):
        while not self.over.is_set():
            r = self.t.lab.muster("--json", "scan", "--every-node", *KINDS)
            if r.returncode != 0:
                self.over.wait(1.0)
                continue
            no = str(json.loads(r.stdout)["task"]["no"])
            self.tasks.append(no)
            while not self.over.wait(1.0) and self.t.muster("task", "show", no)["task"]["state"] == "running":
                pass

    def stop(self):
        """No more of them; and nobody has anything mounted."""
        self.over.set()
        self.scans.join()
        for no in self.tasks:
            self.t.lab.muster("task", "cancel", no)
        self.wait(lambda: self.leases() or any(self.witness.now(h) for h in self.hosts if h.on()), lambda v: not v,
                  "no scan is left")

    def leases(self):
        return self.t.muster("lease", "list")["leases"]

    def lease(self, host, kind):
        return next((v for v in self.leases() if (v["node_name"], v["label"]) == (host.name, kind)), None)

    def wait(self, look, test, what, limit_s=LIMIT_S):
        return self.t.wait(look, test, what, limit_s)

    def up(self, host):
        self.wait(lambda: {n["name"]: n["state"] for n in self.t.muster("node", "list")["nodes"]}[host.name],
                  lambda state: state == "up", f"{host.name} is up")

    def ended_as(self, token):
        """How a lease ended, or None."""
        leases = self.t.muster("lease", "list", "--history")["leases"]
        return next((v["end"] for v in leases if v["token"] == token), None)

    def mounted(self, hosts, kind=None, what=None):
        """The mount of one of these hosts, soon after it has come."""
        until, known = time.monotonic() + LIMIT_S, {(m.boot, m.begun) for h in hosts for m in self.witness.boot(h).mounts()}
        while time.monotonic() < until:
            for host in hosts:
                m = self.witness.now(host, kind)
                if m is not None and (m.boot, m.begun) not in known:
                    self.t.say(f"{host.name} has mounted {m.kind}{what or ''}")
                    return m
            self.over.wait(0.1)
        raise AssertionError(f"none of {[h.name for h in hosts]} has mounted {kind or 'anything'}{what or ''}")

    def taken(self):
        """The mount of a scan after which the other host is to read the same, so that it waits for the lease."""
        for _ in range(20):
            m = self.mounted(self.hosts)
            jobs = self.t.muster("task", "show", self.tasks[-1])["jobs"]
            other = self.other(m.boot.host).name
            if any(j["step"] == "read" and j["state"] not in ("done", "taken") and (j["label"], j["node_name"]) == (m.kind, other)
                   for j in jobs):
                return m
        raise AssertionError("nobody waits for what another one has mounted")

    def free_at(self, host, kind):
        """When its lease is over if nobody renews it, at the earliest."""
        asked = time.monotonic()
        lease = self.lease(host, kind)
        check(lease is not None and lease["state"] == "live", f"{host.name} has no lease of {kind}: {lease}")
        return asked + lease["remaining_ms"] / 1000

    def not_before(self, m, moment, what):
        """The mount was not there before; all that is uncertain is to its favour."""
        latest = m.boot.between(m.begun)[1]
        check(latest >= moment, f"{what}: mounted {moment - latest:.2f} s too early")
        self.t.say(f"{what}: {m.boot.host.name} has it {latest - moment:.2f} s after the lease was over")

    def ends(self, m, what, limit_s=LIMIT_S):
        """Waits until the kernel has let go of it."""
        def look():
            return next(x for x in m.boot.mounts() if x.begun == m.begun)
        until = time.monotonic() + limit_s
        while (now := look()).gone is None:
            check(time.monotonic() < until, f"{what}: still mounted after {limit_s:.0f} s")
            self.over.wait(0.2)
        return now


def frozen(w):
    """A host that is stopped has its clock stopped: no timer of its own can end its mount in time. What is promised of it
    is that it is not alive meanwhile, gets no renewal afterwards, and that nothing it says is taken."""
    m = w.taken()
    host, other = m.boot.host, w.other(m.boot.host)
    began = time.monotonic()
    w.t.fault("freeze", host.name)
    free = w.free_at(host, m.kind)
    token = w.lease(host, m.kind)["token"]
    theirs = w.mounted([other], m.kind, " while the other host is stopped with it")
    w.not_before(theirs, free, "frozen")
    w.witness.excuse(m, "its host was stopped, and its clock with it")
    w.t.fault("thaw", host.name)
    thawed = time.monotonic()
    w.witness.stops.setdefault(host.name, []).append((began, thawed))
    ended = w.ends(m, "thawed")
    last = ended.boot.between(ended.gone)[1]
    own = ended.gone - max(g for g, asked, _ in ended.boot.markers if asked < began)
    w.t.say(f"{host.name} stood for {thawed - began:.1f} s with {m.kind} mounted; after that it had it for "
            f"{last - thawed:.2f} s more, beside {other.name}'s; by its own clock {own:.2f} s after the stop")
    check(own <= TTL_S, "a host that was stopped keeps its mount for longer than its lease by its own clock")
    end = w.wait(lambda: w.ended_as(token), bool, "the lease that it had is over")
    check(end == "expired", f"it ended as {end}")
    kinds = [e["kind"] for e in w.t.muster("event", "tail", "--since", "0")["events"]]
    check("lease.residue" in kinds, f"no residue was told: {set(kinds)}")


def power(w):
    """Nobody gets it before the whole lease has passed, or the next boot has proven that the one before is over."""
    m = w.taken()
    host, other = m.boot.host, w.other(m.boot.host)
    w.t.fault("power", host.name, "off")
    m.boot.end(off=True)
    free = w.free_at(host, m.kind)
    token = w.lease(host, m.kind)["token"]
    theirs = w.mounted([other], m.kind, " after the other host has lost its power")
    w.not_before(theirs, free, "without power")
    residue = w.lease(host, m.kind)
    check(residue is not None and residue["state"] == "residue", f"what it had is not residue: {residue}")
    w.t.fault("power", host.name, "on")
    w.witness.watch(host)
    w.t.wait_booted([host], BOOT_S)
    for slot in KINDS.values():
        host.slow_down(slot, SLOW)
    w.up(host)
    end = w.wait(lambda: w.ended_as(token), bool, "the lease of the boot before is over")
    check(end == "fenced", f"it ended as {end}")


def partition(w):
    """Cut off from the coordinator, with its storage: its worker is over before another one begins."""
    m = w.taken()
    host, other = m.boot.host, w.other(m.boot.host)
    w.t.fault("link", host.name, "eth0", "off")
    free = w.free_at(host, m.kind)
    theirs = w.mounted([other], m.kind, " while the other host is cut off")
    w.not_before(theirs, free, "cut off")
    ended = w.ends(m, "cut off")
    gap = theirs.boot.between(theirs.begun)[0] - ended.longest()[1]
    check(gap > 0, f"cut off: it had it for {-gap:.2f} s beside the other one")
    w.t.say(f"{host.name} was without {m.kind} {gap:.2f} s before {other.name} had it")
    w.t.fault("link", host.name, "eth0", "on")
    w.up(host)


WORKER = """
for p in /proc/[0-9]*; do
    mapfile -d '' -t words <$p/cmdline
    [[ ${words[0]} == *muster-probe-worker && ${words[1]} == scan ]] || continue
    [[ $(<$p/mountinfo) != *" - %s /dev/"* ]] || echo ${p#/proc/}
done 2>/dev/null
"""


def caught(w, command):
    """A worker that has something mounted, by its pid, and what `command` did with it first."""
    for _ in range(5):
        m = w.mounted(w.hosts)
        pid = m.boot.host.shell(WORKER % m.kind).stdout.strip()
        if pid.isdigit() and m.boot.host.shell(command.replace("PID", pid)).returncode == 0:
            return m, pid
    raise AssertionError("no worker was caught")


def stopped(w):
    """The worker alone is stopped, and its supervisor lives on: its own timer kills it all the same."""
    m, pid = caught(w, "kill -STOP PID")
    host = m.boot.host
    since = time.monotonic()
    w.t.say(f"{host.name}: worker {pid} is stopped")
    ended = w.ends(m, "a stopped worker", 3 * TTL_S)
    lasted = ended.boot.between(ended.gone)[1] - since
    check(lasted <= TTL_S + 1, f"a stopped worker had it for {lasted:.2f} s")
    w.t.say(f"{host.name}: it was over {lasted:.2f} s later")
    w.wait(lambda: w.lease(host, m.kind), lambda v: v is None or v["state"] == "live", "nothing of it is left as residue")


KEEP = """
setsid bash -c 'exec 9</proc/PID/ns/mnt; read -r <>/run/lab/never' >/dev/null 2>&1 &
echo $! >/run/lab/keeper
until [ -e /proc/$!/fd/9 ] || [ ! -d /proc/$! ]; do :; done
kill -STOP PID || { kill $!; false; }
"""


def residue(w):
    """A mount that outlives its worker, since something else keeps its mount namespace: it is residue, told as such; no
    right to write is given there until it is proven that it is gone."""
    m, pid = caught(w, KEEP)
    host, other = m.boot.host, w.other(m.boot.host)
    w.t.say(f"{host.name}: worker {pid} is stopped, and its mounts are kept")
    w.wait(lambda: w.lease(host, m.kind), lambda v: v is not None and v["state"] == "residue", "it is residue")
    now = next(x for x in m.boot.mounts() if x.begun == m.begun)
    check(now.put is None and now.worker_over is not None, "the kernel has it mounted, and its worker is over")
    print(w.t.lab.muster("lease", "list").stdout, flush=True)
    hold = w.t.lab.muster("hold", "take", m.kind, "--node", other.name, "--for", "a test")
    w.t.say(f"muster hold take {m.kind} --node {other.name}: exit {hold.returncode}: {hold.stderr.strip()}")
    check(hold.returncode == 1 and host.name in hold.stderr, "a right to write is refused for it")
    w.mounted([other], m.kind, " to read, beside what is left on the other host")
    w.run(host, "kill $(</run/lab/keeper)")
    w.ends(m, "without its keeper")
    w.wait(lambda: w.lease(host, m.kind), lambda v: v is None or v["state"] == "live", "it is proven to be gone")


def again(w):
    """Nothing is broken: they have it in turn."""
    for host in w.hosts:
        w.mounted([host])


PARTS = {f.__name__: f for f in (again, frozen, partition, stopped, residue, power)}


def judge(w, before):
    """What both witnesses say; (pairs of mounts at once, mounts with another's reads in between) that nobody excused."""
    apart, both, unclear, least = w.witness.pairs()
    reads, writes = w.witness.heard()
    mixed, had, left = w.witness.interleaved(reads)
    mounts = w.witness.mounts()
    for m in mounts:
        if m.excuse:
            w.t.say(f"excused: {m}: {m.excuse}")
    for boot in w.witness.all():
        rate = boot.rate(w.witness.stops.get(boot.host.name, []))
        if rate:
            w.t.say(f"{boot.name}: its clock ran {rate[1]:.5f} to {rate[2]:.5f} as fast as this machine's for {rate[0]:.0f} s")
    w.t.say(f"kernels: {len(mounts)} mounts; {apart} pairs on two hosts were one after the other, the nearest {least:.3f} s "
            f"apart; a moment is known to {w.witness.error_s() * 1000:.0f} ms")
    w.t.say(f"storage: {len(reads)} reads of files by {had} mounts, {len(left)} by none; {len(writes)} writes")
    check(not writes, f"written: {writes[:5]}")
    check(had >= len(mounts) / 2, "the storage has seen too little of what the kernels tell")
    check(not left, f"files were read without a mount that the kernel tells of: {left[:5]}")
    check(not before or digests(w.t) == before, "a LUN has changed")
    return [p for p in both + unclear if not any(m.excuse for m in p)], mixed


def by_hand(w):
    """What no host may do: both have it mounted and read it in turn. Both witnesses tell."""
    device = "/dev/mapper/3" + w.t.lab.luns["s1"].naa
    for host in w.hosts:
        w.run(host, f"mkdir -p /mnt/both && mount -t ext4 -o ro,noload {device} /mnt/both")
    for host, folders in ((w.hosts[0], "[1-5]"), (w.hosts[1], "[1-5]"), (w.hosts[0], "[6-9]"), (w.hosts[1], "[6-9]")):
        w.run(host, f"cat /mnt/both/d{folders}/* >/dev/null")
    for host in w.hosts:
        w.run(host, "umount /mnt/both")
    pairs, mixed = judge(w, None)
    check(len(pairs) == 1 and {m.kind for m in pairs[0]} == {"ext4"}, f"the kernels did not tell: {pairs}")
    check(len(mixed) == 2, f"the storage did not tell: {mixed}")
    w.t.say(f"mounted by hand on both: told by the kernels, and by the storage ({mixed})")


HOST_WRITES = """set -e
mkdir -p /mnt/write
mount -t ext4 {device} /mnt/write
base64 -d <<<{qcow2} >/mnt/write/{name}
truncate -s 262144 /mnt/write/{name}
umount /mnt/write
"""
# What is read through the cache, and past it.
OLD = "cmp <(dd if={device} bs=1M count=24 status=none) <(dd if={device} bs=1M count=24 iflag=direct status=none) || echo old"


def host_writes(w, host, device, name):
    w.run(host, HOST_WRITES.format(device=device, name=name, qcow2=base64.b64encode(QCOW2).decode()))


def disks_of(w, host, lun):
    out = w.run(host, "for d in /sys/block/sd*; do [ $(cat $d/device/wwid) != naa.%s ] || echo /dev/${d##*/}; done"
                % w.t.lab.luns[lun].naa)
    return out.split()


def make_lv(w, host, device):
    """By hand on one host; the other one's LVM has hints from before."""
    other = w.other(host)
    w.run(other, "vgs >/dev/null 2>&1 || true")
    w.run(host, f"vgcreate -q lab {device} && lvcreate -q -y -Wn -Zn -L 200M -n inner lab && udevadm settle && "
                "mkfs.ext4 -q -L inner /dev/mapper/lab-inner")
    hints = other.shell("grep -v '^#' /run/lvm/hints | tr '\\n' ' '; vgs lab 2>&1 | tail -n 1").stdout
    w.t.say(f"{other.name}: hints, and what vgs says with them: {hints.strip()}")
    w.run(other, f"d=$(readlink -f {device}); echo change >/sys/block/${{d##*/}}/uevent")
    for h in w.hosts:
        w.wait(lambda n=h.name: [r["name"] for r in w.t.muster("node", "show", n)["sections"]["vgs"]["rows"]],
               lambda names: "lab" in names, f"muster knows of the volume group on {h.name}")
    w.run(other, "vgchange -ay --config 'devices/hints=\"none\"' lab; udevadm settle; [ -e /dev/mapper/lab-inner ]")


def filesystems(w):
    """{(host, label): state}"""
    doc = w.t.muster("matrix", "--kind", "filesystem")
    return {(doc["nodes"][e["node"]]["name"], doc["resources"][e["resource"]]["label"]): e["state"] for e in doc["edges"]}


def caches(w):
    """Caches of a host that are old do not show in its scans: of paths that a map has open, and of a map that an LV has
    open."""
    a, b = w.hosts
    whole, lv_on = ("/dev/mapper/3" + w.t.lab.luns[n].naa for n in ("s1", "s3"))
    make_lv(w, a, lv_on)
    w.wait(lambda: {(n, f) for (n, f), e in filesystems(w).items() if e == "ok"},
           lambda seen: {(a.name, "inner"), (b.name, "inner")} <= seen, "both see the file system in the LV")
    w.t.muster("fs", "admit", "inner")
    cached = [lv_on, *disks_of(w, b, "s3"), *disks_of(w, b, "s1")]
    w.run(b, "for d in %s; do dd if=$d of=/dev/null bs=1M count=24 status=none; done" % " ".join(cached))
    host_writes(w, a, whole, "two.qcow2")
    host_writes(w, a, "/dev/mapper/lab-inner", "two.qcow2")
    w.run(a, "vgchange -an lab")
    for d in cached:
        check("old" in w.run(b, OLD.format(device=d)), f"the cache of {d} on {b.name} is not old: nothing is shown")
    w.t.say(f"{b.name}: what it has cached of {' '.join(cached)} is old")
    w.wait(lambda: w.t.muster("fs", "list")["uses"], lambda uses: not uses, "nobody is known to use any")
    w.t.fault("link", a.name, "eth0", "off")
    w.wait(lambda: {n["name"]: n["state"] for n in w.t.muster("node", "list")["nodes"]}[a.name],
           lambda state: state != "up", f"{a.name} is silent")
    r = w.t.lab.muster("scan", "--wait", "ext4", "inner", "--timeout", "200s", limit_s=230)
    w.t.say(f"scan: exit {r.returncode}: {r.stdout} {r.stderr}")
    found = {(i["label"], i["path"]) for i in w.t.muster("resource", "list", "--kind", "image")["images"]}
    for label in ("ext4", "inner"):
        check((label, "/two.qcow2") in found, f"what was written to {label} is not found: {found}")
    w.t.fault("link", a.name, "eth0", "on")
    w.t.say("both were found by the host whose caches are old")


LATER = {f.__name__: f for f in (by_hand, caches)}


def done(w, part, function):
    """One part that fails does not keep the others from being tried."""
    w.t.say(f"--- {part}")
    try:
        function(w)
    except (AssertionError, LabError):
        traceback.print_exc()
        return [part]
    return []


def tell(w, parts, before):
    bad = []
    w.slow(SLOW)
    w.start()
    try:
        for part in [p for p in PARTS if p in parts]:
            bad += done(w, part, PARTS[part])
    finally:
        w.stop()
    pairs, mixed = judge(w, before)
    check(not pairs, f"mounted twice at once: {pairs}")
    check(not mixed, f"read in turn: {mixed}")
    w.t.say("no two had one file system mounted at once, and no byte was written")
    w.slow(0)
    for part in [p for p in LATER if p in parts]:
        bad += done(w, part, LATER[part])
    check(not bad, f"failed: {bad}")


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("this test of the lab is run by hand: MUSTER_LAB_FULL=1")
    for kind in KINDS:
        if shutil.which(f"mkfs.{kind}") is None:
            skip(f"mkfs.{kind} is not installed")
    parts = sys.argv[1:] or [*PARTS, *LATER]
    limit(WHOLE_S)
    contain()
    with TestLab(2, BOOT_S, luns=3, lun_size=SIZE, fill=fill, memory_mib=768, witness=True,
                 settings=[f"lease_ttl_ms={int(TTL_S * 1000)}"]) as t:
        for lun in t.lab.luns:
            for host in t.lab.hosts:
                t.wait_edge(host, lun, ("ok", 2, 2), f"{host} sees {lun} over both paths")
        before = digests(t)
        w = World(t)
        try:
            t.muster("fs", "admit", *KINDS)
            tell(w, parts, before)
        finally:
            w.over.set()
            w.witness.end()


main()
