# SPDX-License-Identifier: GPL-2.0-or-later
"""Changes of volume groups on two hosts that have device-mapper: what one host has extended the other, where it is
active, has at its new size; what is removed leaves no device anywhere; and hosts and workers that end or stop in the
middle leave the volume group as it was before or after. LVM's own programs and dmsetup are the judges. All of it with
MUSTER_LAB_FULL=1, else two parts; words on the command line choose others."""
import os
import re
import subprocess
import sys
import time
import traceback
from datetime import datetime

from lab_harness import LabError, TestLab, check, contain, limit, machine

BOOT_S = 600
WHOLE_S, SHORT_S = 3000, 400
SHORT = ["extended", "killed"]
AT_ONCE = 16
TRIES = 5
VG = "fast"
MIB = 1 << 20
LIMIT_S = 300.0  # of one change: each look of LVM takes an emulated processor seconds


class World:
    def __init__(self, t):
        self.t = t
        self.a, self.b = (t.lab.host(n) for n in ("n1", "n2"))
        self.luns = ["naa." + lun.naa for lun in t.lab.luns.values()]
        self.change("vg", "create", VG, *self.luns)
        self.current()

    # muster

    def ask(self, *words):
        return self.t.lab.muster("--json", *words, "--wait", limit_s=LIMIT_S)

    def change(self, *words):
        began = time.monotonic()
        r = self.ask(*words)
        check(r.returncode == 0, f"muster {' '.join(words)}: exit {r.returncode}: {r.stderr} {r.stdout}")
        self.t.say(f"muster {' '.join(words)}: {time.monotonic() - began:.1f} s")

    def refused(self, pattern, *words):
        before = self.lvs(self.a)
        r = self.ask(*words)
        check(r.returncode == 1 and re.search(pattern, r.stderr + r.stdout), f"{words}: {r.returncode} {r.stderr} {r.stdout}")
        check(self.lvs(self.a) == before, f"{words}: changed all the same")
        self.t.say(f"muster {' '.join(words)}: {r.stderr.strip().splitlines()[0]}")

    def show(self):
        return self.t.muster("vg", "show", VG)

    def current(self, count=2):
        return self.t.wait(self.show, lambda d: d["vg"]["current"] == count and d["vg"]["task"] is None,
                           f"{count} nodes are current", LIMIT_S)

    def told(self, host, pattern, what):
        def text():
            return [n["text"] or "" for n in self.show()["vg_nodes"] if n["state"] == "behind"]
        return self.t.wait(text, lambda v: any(re.search(pattern, x) for x in v), f"{host.name} {what}", LIMIT_S)

    def last_task(self):
        tasks = [k for k in self.t.muster("task", "list", "--all")["tasks"] if k["kind"] == "lvm"]
        return self.t.muster("task", "show", str(max(k["no"] for k in tasks)))

    # the hosts

    def run(self, host, command, limit_s=120):
        r = host.shell(command, limit_s)
        check(r.returncode == 0, f"{host.name}: {command}: {r.returncode} {r.stdout} {r.stderr}")
        return r.stdout

    def lvs(self, host):
        """{name: MiB}, as LVM reads it there."""
        out = self.run(host, f"lvs --noheadings --nosuffix --units m -o lv_name,lv_size {VG} 2>/dev/null")
        return {line.split()[0]: float(line.split()[1]) for line in out.splitlines() if line.strip()}

    def tables(self, host):
        """{name: table} of the devices of LVs."""
        out = self.run(host, "dmsetup table --target linear; dmsetup info -c --noheadings -o name,suspended")
        return {line.split(":")[0]: line.split(":", 1)[1].strip() for line in out.splitlines()
                if line.startswith(VG + "-")}

    def sectors(self, host, name):
        out = self.run(host, f"dmsetup table {name}")
        return sum(int(line.split()[1]) for line in out.splitlines())


def device(name):
    return f"/dev/mapper/{VG}-{name}"


def timed(w, host, command):
    """Seconds by the host's own clock."""
    out = w.run(host, f"a=$(cut -d' ' -f1 /proc/uptime); {command} >/dev/null; b=$(cut -d' ' -f1 /proc/uptime); echo $a $b")
    first, last = out.split()[-2:]
    return float(last) - float(first)


def ahead(w, host):
    """(seconds by which this machine's clock is ahead of the host's, by how many that may be wrong)"""
    best = None
    for _ in range(5):
        before = time.time()
        there = float(w.run(host, "echo $EPOCHREALTIME"))
        after = time.time()
        if best is None or (after - before) / 2 < best[1]:
            best = (before + after) / 2 - there, (after - before) / 2
    return best


def usable(w, host, name, mib):
    """Table, size and last MiB; and what is written comes through."""
    check(w.sectors(host, f"{VG}-{name}") == mib * MIB // 512, f"{name} has a table of {mib} MiB on {host.name}")
    w.run(host, f"[ $(blockdev --getsize64 {device(name)}) = {mib * MIB} ]")
    w.run(host, f"timeout 20 dd if={device(name)} of=/dev/null bs=1M skip={mib - 1} count=1 iflag=direct 2>&1")
    check("Suspended" not in w.run(host, f"dmsetup info -c --noheadings -o suspended {VG}-{name}"),
          f"{name} is suspended on {host.name}")


def none_left(w, name):
    for host in (w.a, w.b):
        out = w.run(host, "dmsetup ls")
        check(f"{VG}-{name}" not in out, f"{host.name} has a device of {name}: {out}")


def known(w, host, where, there):
    """Waits until muster knows that it is used there, or is not any more."""
    w.t.wait(lambda: w.t.muster("node", "show", host.name)["sections"]["uses"]["rows"],
             lambda rows: any(where in (r.get("used_by") or "") for r in rows) == there,
             f"{where} is {'known' if there else 'gone'}")


def make(w, name, size="16M", active=True):
    w.change("lv", "create", VG, name, size)
    if active:
        w.run(w.b, f"lvchange -ay {VG}/{name}; udevadm settle; [ -e {device(name)} ]")


def remove(w, name):
    w.change("lv", "remove", VG, name, "--type-name", name)
    none_left(w, name)


def extended(w):
    """Active on one host, extended by another or the same: usable at its new size, also while it is mounted."""
    make(w, "data")
    w.change("lv", "extend", VG, "data", "48M")
    usable(w, w.b, "data", 48)
    w.run(w.b, f"mkfs.ext4 -q -F {device('data')} && mkdir -p /mnt/data && mount {device('data')} /mnt/data")
    known(w, w.b, "/mnt/data", True)
    asked = subprocess.Popen([os.path.join(w.t.lab.build, "cli/muster"), "--connect", w.t.client, "lv", "extend", VG,
                              "data", "64M", "--wait"], stdout=subprocess.DEVNULL)
    # A host may have one processor alone; the moment is the host's, since the answer waits for that too.
    there = w.run(w.b, f"m=$(readlink -f {device('data')}); m=${{m##*/}}; "
                       f"until read n </sys/block/$m/size && [ $n = {64 * 2048} ]; do "
                       "read -rt 0.02 <>/run/lab/never; done; echo $EPOCHREALTIME")
    distance, wrong = ahead(w, w.b)
    seen = float(there) + distance
    check(asked.wait(120) == 0, "extended while it is mounted")
    usable(w, w.b, "data", 64)
    w.run(w.b, "timeout 20 dd if=/dev/zero of=/mnt/data/file bs=1M count=1 oflag=direct 2>&1")
    ended = {(j["step"], j["node_name"]): datetime.fromisoformat(j["ended"]).timestamp()
             for j in w.last_task()["jobs"]}
    changed = next(at for (step, _), at in ended.items() if step == "change")
    refresh = timed(w, w.b, f"lvchange --refresh {VG}/data")
    w.t.say(f"from the end of the change until it is usable {seen - changed:.1f} s (known to {wrong:.1f} s), until that is acknowledged "
            f"{ended['spread', w.b.name] - changed:.1f} s; lvchange --refresh there takes {refresh:.1f} s")
    w.current()
    w.run(w.b, "umount /mnt/data")
    known(w, w.b, "/mnt/data", False)
    remove(w, "data")


def in_use(w):
    """What is taken away is unmapped everywhere first; one that is used is told, with its user."""
    make(w, "used")
    w.run(w.b, f"mkfs.ext4 -q -F {device('used')} && mkdir -p /mnt/used && mount {device('used')} /mnt/used")
    known(w, w.b, "/mnt/used", True)
    w.refused("mounted", "lv", "remove", VG, "used", "--type-name", "used")
    w.refused("mounted", "lv", "reduce", VG, "used", "8M", "--type-name", "used")
    w.run(w.b, "umount /mnt/used")
    known(w, w.b, "/mnt/used", False)
    w.run(w.b, f"setsid tail -f /dev/null <{device('used')} >/dev/null 2>&1 & echo $! >/run/lab/holder")
    w.refused("in use|tail|open", "lv", "remove", VG, "used", "--type-name", "used")
    w.run(w.b, "kill $(cat /run/lab/holder)")
    known(w, w.b, "tail", False)
    w.change("lv", "reduce", VG, "used", "8M", "--type-name", "used")
    none_left(w, "used")
    w.run(w.b, f"lvchange -ay {VG}/used")
    remove(w, "used")


# Starts no program: the worker is over soon, goes before others, and the next makes the device go on. Ends without a kill
# when the worker was not seen and the device has its new size.
KILL = """
m=$(readlink -f {device}); m=${{m##*/}}
q=$(cat /run/lab/probe.pid)
find_worker() {{
    for p in /proc/[0-9]*; do
        p=${{p##*/}} a= b=
        [ $p -gt $BASHPID ] || continue
        {{ read -rd '' a; read -rd '' b; }} </proc/$p/cmdline
        [ "$a $b" != 'muster-probe-worker refresh' ] || return 0
    done 2>/dev/null
    read n </sys/block/$m/size
    [ $n = {sectors} ]
}}
until find_worker; do read -rt 0.02 <>/run/lab/never; done
while [ -d /proc/$p ]; do
    read s </sys/block/$m/dm/suspended
    [ $s = 0 ] || {{ kill -9 {whom}; break; }}
    read n </sys/block/$m/size
    [ $n != {sectors} ] || break
done
read s </sys/block/$m/dm/suspended
echo $s
"""


def spread(w, host):
    """Who has said that it has the new table has it now. A slow host is not waited for, and goes on by itself."""
    job = next(j for j in w.last_task()["jobs"] if j["step"] == "spread" and j["node_name"] == host.name)
    if job["result"] != "done":
        w.t.say(f"{host.name} was not waited for: {job['reason']}")
        w.current()


def killed(w):
    """A worker, or the probe with it, that is killed while a device is suspended: it goes on, and gets its table."""
    make(w, "torn")
    size = 16
    for whom, name in (("$p", "the worker"), ("$p $q", "the worker and the probe")):
        for _ in range(4):
            size += 4
            asked = subprocess.Popen([os.path.join(w.t.lab.build, "cli/muster"), "--connect", w.t.client, "lv",
                                      "extend", VG, "torn", f"{size}M", "--wait"], stdout=subprocess.DEVNULL)
            out = w.run(w.b, KILL.format(device=device("torn"), whom=whom, sectors=size * MIB // 512)).strip()
            check(asked.wait(300) == 0, "it is done all the same")
            spread(w, w.b)
            usable(w, w.b, "torn", size)
            w.t.say(f"killed {name}: suspended {out}")
            if out == "1":
                break
        w.current()
    remove(w, "torn")


def old(w):
    """The metadata change without a task: the node whose table stays old is told, and the next task mends it."""
    make(w, "alt")
    w.run(w.a, f"lvextend -q -L 24M {VG}/alt", 60)
    w.told(w.b, "not as that says", "is told to have an old table")
    text = w.t.lab.muster("explain", "n2", VG).stdout
    check(re.search(r"the table of\s+fast/alt", text), f"and which: {text}")
    w.change("lv", "create", VG, "other", "4M")
    usable(w, w.b, "alt", 24)
    w.current()
    remove(w, "other")
    remove(w, "alt")


def gone(w):
    """Devices of LVs that are no more are told, and go with the next change unless something uses them."""
    make(w, "ghost")
    w.run(w.a, f"lvremove -q -f {VG}/ghost", 60)
    w.told(w.b, "not as that says", "is told to have a device of no LV")
    text = " ".join(w.t.lab.muster("explain", "n2", VG).stdout.split())
    check("fast-ghost is a device of a logical volume of fast that is no more" in text, f"and which: {text}")
    w.run(w.b, f"setsid tail -f /dev/null <{device('ghost')} >/dev/null 2>&1 & echo $! >/run/lab/holder")
    w.change("lv", "create", VG, "other", "4M")
    check(f"{VG}-ghost" in w.run(w.b, "dmsetup ls"), "what is used stays")
    w.told(w.b, "not as that says", "is behind still")
    reasons = [j.get("reason") or "" for j in w.last_task()["jobs"]]
    check(any("fast-ghost" in r and "in use" in r for r in reasons), f"the task says so: {reasons}")
    w.t.say("told: " + "; ".join(r for r in reasons if r))
    w.run(w.b, "kill $(cat /run/lab/holder)")
    uuid = w.run(w.a, f"vgs --noheadings -o uuid {VG} 2>/dev/null").strip().replace("-", "")
    w.run(w.a, f"dmsetup create {VG}-made --uuid LVM-{uuid}{'x' * 32} --table '0 8192 error'")
    remove(w, "other")
    for name in ("ghost", "made"):
        none_left(w, name)
    w.current()


STOP = """
until p=$(pgrep -f 'muster-probe-worker [c]hange'); do :; done
while [ -d /proc/$p ]; do
    n=0; while read k v; do [ $k != write_bytes: ] || n=$v; done </proc/$p/io
    [ $n -lt {bytes} ] || {{ kill -STOP $p && echo $p $n; break; }}
done 2>/dev/null
"""


def try_to_stop(w, name, size, begun):
    """The worker's pid is \"\" when it was over before."""
    asked = subprocess.Popen([os.path.join(w.t.lab.build, "cli/muster"), "--connect", w.t.client, "lv", "create", VG,
                              name, size, "--wait"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    def jobs():
        return [j for j in w.last_task()["jobs"] if j["step"] == "change" and j.get("node_name")]
    job = w.t.wait(jobs, bool, f"{name} is ordered")[0]
    host, other = (w.a, w.b) if job["node_name"] == "n1" else (w.b, w.a)
    pid = w.run(host, "timeout 30 bash -c '" + STOP.format(bytes=begun).replace("'", "'\\''") + "' || true").strip()
    w.t.say(f"{host.name} makes {name}; worker and bytes written when it was stopped: {pid or 'it was over'}")
    return asked, host, other, pid.split(" ")[0]


def stopped(w, name, size, begun):
    """An LV is asked for; its worker is stopped when it has written so many bytes. Its name, what was asked, the host that
    it is on, the other one, and the worker's pid there. A worker that is faster than who watches is let go."""
    for n in range(TRIES):
        asked, host, other, pid = try_to_stop(w, f"{name}{n}", size, begun)
        if pid:
            return f"{name}{n}", asked, host, other, pid
        check(asked.wait(300) == 0, "it is made")
        w.current()
    raise AssertionError(f"no worker of {TRIES} was stopped in the middle")


# As soon as there is a device of what becomes the snapshot; says whether it was there when the worker was gone.
KILL_STORE = """
until p=$(pgrep -f 'muster-probe-worker [c]hange'); do :; done
there() {{
    for f in /sys/block/dm-*/dm/name; do
        read n <$f
        [[ $n != {device}* ]] || return 0
    done
    return 1
}}
while [ -d /proc/$p ]; do
    ! there || {{ kill -9 $p; break; }}
done
while [ -d /proc/$p ]; do read -rt 0.02 <>/run/lab/never; done
there && echo 1 || echo 0
"""
KILL_SNAPSHOT = """
m=$(readlink -f {device}); m=${{m##*/}}
until p=$(pgrep -f 'muster-probe-worker [c]hange'); do :; done
while [ -d /proc/$p ]; do
    read s </sys/block/$m/dm/suspended
    [ $s = 0 ] || {{ kill -9 $p; break; }}
done
cat /sys/block/$m/dm/suspended
"""


def snapshot(w):
    """A snapshot of a mounted LV is made where it is mounted, and keeps what is overwritten there; the other host
    knows of it and has no device; of an LV that is active twice there is none."""
    make(w, "orig", "32M")
    w.run(w.b, f"mkfs.ext4 -q -F {device('orig')} && mkdir -p /mnt/orig /mnt/before && mount {device('orig')} /mnt/orig")
    w.run(w.b, "echo before >/mnt/orig/file")
    known(w, w.b, "/mnt/orig", True)
    w.change("lv", "snapshot", VG, "orig", "orig_before", "8M")
    check(w.lvs(w.a)["orig_before"] == 8.0, "the other host reads it in the metadata")
    check("snapshot-origin" in w.run(w.b, f"dmsetup table {VG}-orig"), "orig writes past its snapshot")
    check(" snapshot " in w.run(w.b, f"dmsetup table {VG}-orig_before"), "the snapshot has a device where its origin is")
    check(f"{VG}-orig" not in w.run(w.a, "dmsetup ls"), "the other host has a device of it")
    w.run(w.b, "echo after >/mnt/orig/file; sync")
    w.run(w.b, f"udevadm settle; mount -o ro {device('orig_before')} /mnt/before")
    check(w.run(w.b, "cat /mnt/before/file").strip() == "before" and w.run(w.b, "cat /mnt/orig/file").strip() == "after",
          "the snapshot has what was, the origin what is")
    w.current()
    w.refused("has snapshots|mounted|in use", "lv", "remove", VG, "orig", "--type-name", "orig")
    w.run(w.b, "umount /mnt/before")
    known(w, w.b, "/mnt/before", False)
    remove(w, "orig_before")
    check(" linear " in w.run(w.b, f"dmsetup table {VG}-orig"), "the origin is as it was before")
    check(f"{VG}-orig-" not in w.run(w.b, "dmsetup ls"), "and nothing is below it")
    w.run(w.b, "echo more >>/mnt/orig/file; sync")
    killed_snapshot(w, KILL_SNAPSHOT, lambda _: device("orig"), "suspended")
    killed_snapshot(w, KILL_STORE, lambda name: f"{VG}-{name}", "a device of it")
    w.run(w.b, "umount /mnt/orig")
    known(w, w.b, "/mnt/orig", False)
    full(w)
    w.change("lv", "snapshot", VG, "orig", "kept", "4M")
    w.refused("has snapshots", "lv", "remove", VG, "orig", "--type-name", "orig")
    check("snapshot-origin" in w.run(w.b, f"dmsetup table {VG}-orig"), "what was refused has taken nothing away")
    remove(w, "kept")
    w.run(w.a, f"lvchange -ay {VG}/orig; udevadm settle")
    w.t.wait(lambda: active_on(w).get("orig", []), lambda v: len(v) == 2, "two are known to have it active", LIMIT_S)
    w.refused("on (n1 and n2|n2 and n1)", "lv", "snapshot", VG, "orig", "twice", "4M")
    w.run(w.a, f"lvchange -an {VG}/orig")
    remove(w, "orig")


def killed_snapshot(w, script, device_of, what):
    """A worker that is killed in the middle: the origin goes on, and the snapshot is made."""
    for n in range(4):
        name = f"torn{n}"
        asked = subprocess.Popen([os.path.join(w.t.lab.build, "cli/muster"), "--connect", w.t.client, "lv", "snapshot",
                                  VG, "orig", name, "4M", "--wait"], stdout=subprocess.DEVNULL)
        out = w.run(w.b, script.format(device=device_of(name))).strip()
        check(asked.wait(300) == 0, "it is made all the same")
        w.t.say(f"killed the worker of a snapshot: {what} {out}")
        w.run(w.b, "timeout 20 dd if=/dev/zero of=/mnt/orig/torn bs=64k count=1 oflag=direct 2>&1")
        check("snapshot-origin" in w.run(w.b, f"dmsetup table {VG}-orig"), "orig writes through it")
        w.current()
        remove(w, name)
        if out == "1":
            return


def full(w):
    """A snapshot that was full is told."""
    w.change("lv", "snapshot", VG, "orig", "tiny", "4M")
    w.run(w.b, f"timeout 60 dd if=/dev/urandom of={device('orig')} bs=1M seek=8 count=8 oflag=direct 2>&1")
    w.t.wait(lambda: w.t.lab.muster("explain", "n2", f"{VG}/tiny").stdout, lambda text: "was full" in text.replace("\n", " "),
             "that the snapshot was full is told", LIMIT_S)
    w.current()
    remove(w, "tiny")


def state(w, host):
    return {x["name"]: x["state"] for x in w.t.muster("node", "list")["nodes"]}[host.name]


def whole(w, host, name):
    """Before or after: LVM finds nothing to complain of."""
    w.run(host, f"vgck {VG}")
    return name in w.lvs(host)


def frozen(w):
    """A host stops in the middle of a change: nobody else gets the volume group, and nothing is lost."""
    for n, begun in enumerate((1, 2 * MIB + 1)):
        later = f"later{n}"
        name, asked, host, other, pid = stopped(w, f"cold{n}", "8M", begun)
        w.t.fault("freeze", host.name)
        w.t.muster("lv", "create", VG, later, "4M")
        w.t.wait(lambda h=host: state(w, h), lambda is_: is_ == "down", f"{host.name} is down")
        was = whole(w, other, name)
        check(not whole(w, other, later), "the next one waits")
        w.t.say(f"{host.name} is frozen; the LV is {'there' if was else 'not there yet'}")
        w.t.fault("thaw", host.name)
        w.run(host, f"kill -CONT {pid}")
        check(asked.wait(300) == 0, "it is done when the host goes on")
        w.t.wait(lambda o=other, x=later: whole(w, o, x), bool, "then the next one is", LIMIT_S)
        check(whole(w, other, name), "and nothing is lost")
        w.current()


def power(w):
    """A host loses its power in the middle of a change: after its fence the other ends it."""
    dark, asked, host, other, _ = stopped(w, "dark", "8M", 2 * MIB + 1)
    w.t.fault("bmc", host.name, "off")
    w.t.wait(lambda: state(w, host), lambda is_: is_ == "down", f"{host.name} is down")
    was = whole(w, other, dark)
    w.t.say(f"{host.name} is off; the LV is {'there' if was else 'not there yet'}")
    check(asked.poll() is None, "nobody else gets it before the fence")
    w.t.muster("node", "declare-dead", host.name, "--type-name", host.name)
    check(asked.wait(300) == 0, "it is done after the fence")
    check(whole(w, other, dark), "and is there")
    w.t.fault("power", host.name, "on")
    w.t.wait_booted([host], BOOT_S)
    w.t.lab.wait(120)
    w.current()
    check(whole(w, host, dark), "and the host that is back sees it")
    remove(w, dark)


def active_on(w):
    """{name: [(host, right)]} of the LVs that muster shows as active."""
    on = {}
    for x in w.show()["active"]:
        on.setdefault(x["label"].split("/")[1], []).append((x["node_name"], x["right"]))
    return on


def has(w, host, name):
    return f"{VG}-{name}" in w.run(host, "dmsetup ls")


def activate(w):
    """Active where the right says and nowhere else; by no boot."""
    name = "one"
    make(w, name, active=False)
    w.change("lv", "activate", VG, name, w.a.name)
    check(has(w, w.a, name) and not has(w, w.b, name), "active on the first alone")
    usable(w, w.a, name, 16)
    w.run(w.a, f"udevadm settle; [ -e {device(name)} ]")
    w.refused(rf"{w.a.name} has it active", "lv", "activate", VG, name, w.b.name)
    w.refused(rf"{w.a.name} has it active", "lv", "remove", VG, name, "--type-name", name)
    w.change("lv", "extend", VG, name, "32M")
    usable(w, w.a, name, 32)
    change = next(j for j in w.last_task()["jobs"] if j["step"] == "change")
    check(change["node_name"] == w.a.name, f"the active node extends it: {change}")
    w.run(w.a, f"setsid tail -f /dev/null <{device(name)} >/dev/null 2>&1 & echo $! >/run/lab/holder")
    w.refused("in use here", "lv", "deactivate", VG, name)
    check(has(w, w.a, name), "it is left alone while it is open")
    w.run(w.a, "kill $(cat /run/lab/holder)")
    w.change("lv", "deactivate", VG, name)
    none_left(w, name)
    w.change("lv", "activate", VG, name, w.b.name)
    check(has(w, w.b, name) and not has(w, w.a, name), "and then on the second alone")
    outside(w, name)
    booted(w, name)
    remove(w, name)


def outside(w, name):
    """By hand on a host without the right: shown, left alone, and in the way."""
    w.run(w.a, f"lvchange -ay {VG}/{name}")
    w.t.wait(lambda: active_on(w).get(name, []), lambda v: (w.a.name, "outside") in v, "it is shown", LIMIT_S)
    w.change("lv", "deactivate", VG, name)
    w.refused(f"{w.a.name} has it active, outside muster", "lv", "activate", VG, name, w.b.name)
    check(has(w, w.a, name), "it is left alone")
    w.run(w.a, f"lvchange -an {VG}/{name}")
    w.t.wait(lambda: active_on(w).get(name, []), lambda v: not v, "it is gone", LIMIT_S)


def booted(w, name):
    """A boot has nothing active, and its right has ended."""
    w.change("lv", "activate", VG, name, w.a.name)
    w.t.fault("power", w.a.name, "off")
    w.t.wait(lambda: state(w, w.a), lambda is_: is_ == "down", f"{w.a.name} is down")
    r = w.ask("lv", "activate", VG, name, w.b.name)
    check(r.returncode == 1 and f"{w.a.name} has it active" in r.stderr + r.stdout, f"it may still be: {r}")
    w.t.fault("power", w.a.name, "on")
    w.t.wait_booted([w.a], BOOT_S)
    w.t.wait(lambda: state(w, w.a), lambda is_: is_ == "up", f"{w.a.name} is up", BOOT_S)
    w.current()
    check(not has(w, w.a, name), "nothing is active after a boot")
    w.t.wait(lambda: active_on(w).get(name, []), lambda v: not v, "its right has ended", LIMIT_S)
    w.change("lv", "activate", VG, name, w.b.name)
    w.change("lv", "deactivate", VG, name)


def storm(w):
    """As many at once as there may be: none is lost."""
    began = time.monotonic()
    base = len(w.lvs(w.a))
    before = max(k["no"] for k in w.t.muster("task", "list", "--all")["tasks"])
    asked = [subprocess.Popen([os.path.join(w.t.lab.build, "cli/muster"), "--connect", w.t.client, "lv", "create", VG,
                               f"s{i}", "4M"], stdout=subprocess.DEVNULL) for i in range(AT_ONCE)]
    check([p.wait(60) for p in asked] == [0] * AT_ONCE, "all are taken")
    w.t.wait(lambda: sum(k["no"] > before and k["state"] == "done"
                         for k in w.t.muster("task", "list", "--all")["tasks"]),
             lambda n: n >= AT_ONCE, f"{AT_ONCE} changes are over", 1500)
    for host in (w.a, w.b):
        check(len(w.lvs(host)) == base + AT_ONCE, f"{host.name} has {len(w.lvs(host))} LVs")
    w.t.say(f"{AT_ONCE} creates at once: {time.monotonic() - began:.0f} s")


PARTS = {f.__name__: f for f in (extended, in_use, killed, snapshot, old, gone, activate, storm, frozen, power)}


def done(w, part):
    """One part that fails does not keep the others from being tried."""
    w.t.say(f"--- {part}")
    try:
        PARTS[part](w)
    except (AssertionError, LabError):
        traceback.print_exc()
        return False
    return True


def main():
    full = bool(os.environ.get("MUSTER_LAB_FULL"))
    parts = sys.argv[1:] or (list(PARTS) if full else SHORT)
    limit(WHOLE_S if full else SHORT_S)
    contain(machine())
    storage = ["iscsi" if machine() == "uml" else "shared"]
    with TestLab(2, BOOT_S, machine=machine(), storage=storage, cpus=2, memory_mib=768) as t:
        for lun in list(t.lab.luns):
            for host in t.lab.hosts:
                t.wait_edge(host, lun, ("ok", 2, 2), f"{host} sees {lun} over both paths")
        w = World(t)
        bad = [part for part in parts if not done(w, part)]
        check(not bad, f"failed: {bad}")


main()
