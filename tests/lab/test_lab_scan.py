# SPDX-License-Identifier: GPL-2.0-or-later
"""Scans on a host that has device-mapper: what was not unmounted is read whole, with what its journal alone knows,
and not a byte of it is written; a journal larger than the memory for its replay makes the scan incomplete; FAT and
ISO 9660, which many kernels lack, are read too; and a worker that is killed, at the worst moments too, leaves
nothing. Run by hand: MUSTER_LAB_FULL=1."""
import base64
import json
import os
import shutil
import subprocess
import sys

from lab_harness import TestLab, check, contain, skip
from planted import QCOW2, RAW, digests, qcow2, write

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import loops  # noqa: E402

BOOT_S = 600
MIB = 1 << 20
# Label: type, LUN, options of mkfs and mount, bytes that go through the journal.
FILESYSTEMS = {
    "extdirty": ("ext4", "s1", ["-q", "-F", "-J", "size=16"], "", 0),
    "xfsdirty": ("xfs", "s2", ["-q", "-f"], "", 0),
    "extfull": ("ext4", "s3", ["-q", "-F", "-J", "size=128"], "data=journal", 80 * MIB),
    "extclean": ("ext4", "s4", ["-q", "-F"], "", 0),
}
# Without a journal, and filled by the host itself, whose kernel has the driver of FAT: label, LUN.
FATS = {"FATCLEAN": "s5", "FATDIRTY": "s6"}
ISO = ("ISO", "s7")
SIZE = 384 * MIB
FILES = 2000  # so that a scan takes a moment
EARLY, LATE = "/early.qcow2", "/late.qcow2"
# In a FAT the two names in other letters would be one, were they not read as UTF-8.
PLAIN = {"/disk.qcow2": (QCOW2, 1 << 18), "/disk.raw": (RAW, MIB), "/deep/\u00e4.qcow2": (QCOW2, 1 << 18),
         "/deep/\u00fc.qcow2": (QCOW2, 1 << 18)}


def copy(source, target):
    subprocess.run(["cp", "--sparse=always", source, target], check=True)


def make(label, lun, folder):
    """The file system as it is on its device while the newest of it is in the journal alone."""
    kind, _, options, mount, journaled = FILESYSTEMS[label]
    subprocess.run([f"mkfs.{kind}", *options, "-L", label, lun.path], check=True)
    for step in (0, 1):
        with loops.Loop(lun.path) as loop:
            loops.mount(loop.path, folder, kind, mount)
            if step == 0:
                qcow2(folder + EARLY)
                for i in range(FILES):
                    with open(f"{folder}/f{i}", "wb") as f:
                        f.write(b"no image" * 100)
            else:
                qcow2(folder + LATE)
                with open(folder + "/journaled", "wb") as f:
                    f.write(os.urandom(journaled))
                    os.fsync(f.fileno())
                copy(lun.path, lun.path + ".dirty")
            loops.unmount(folder)
    if label != "extclean":
        os.replace(lun.path + ".dirty", lun.path)
        check(journaled or not shows(lun, folder, kind, LATE), f"{label}: without its journal the newest image is seen already")


def shows(lun, folder, kind, name):
    """Whether a mount that replays nothing has that file."""
    with loops.Loop(lun.path, read_only=True) as loop:
        loops.mount(loop.path, folder, kind, "norecovery" if kind == "xfs" else "noload", loops.MS_RDONLY)
        try:
            return os.path.exists(folder + name)
        finally:
            loops.unmount(folder)


def make_iso(lab):
    label, lun = ISO
    folder, image = os.path.join(lab.folder, "iso"), os.path.join(lab.folder, "iso.image")
    for name, what in PLAIN.items():
        os.makedirs(os.path.dirname(folder + name), exist_ok=True)
        write(folder + name, *what)
    subprocess.run(lab.tree().command("usr/bin/genisoimage", "-quiet", "-R", "-V", label, "-o", image, folder),
                   check=True)
    with open(image, "rb") as f, open(lab.luns[lun].path, "r+b") as out:
        shutil.copyfileobj(f, out)


def make_all(lab):
    folder = os.path.join(lab.folder, "inside")
    os.mkdir(folder)
    for label, what in FILESYSTEMS.items():
        make(label, lab.luns[what[1]], folder)
    for label, lun in FATS.items():
        subprocess.run(["mkfs.vfat", "-F", "32", "-n", label, lab.luns[lun].path], check=True)
    make_iso(lab)


def fill_fats(t, host):
    """The host writes both, unmounts the one, and loses its power while it has the other mounted."""
    for label, lun in FATS.items():
        for name, (head, size) in PLAIN.items():
            at = f"/mnt/{label}{name}"
            r = host.shell(f"""set -e
                mkdir -p /mnt/{label}
                mountpoint -q /mnt/{label} || {{
                    modprobe vfat; mount -t vfat -o utf8 /dev/mapper/3{t.lab.luns[lun].naa} /mnt/{label}; }}
                mkdir -p '{os.path.dirname(at)}'
                base64 -d <<<{base64.b64encode(head).decode()} >'{at}'
                truncate -s {size} '{at}'; sync""")
            check(r.returncode == 0, f"{at}: {r.stderr}")
    check(host.shell("umount /mnt/FATCLEAN").returncode == 0, "FATCLEAN stays mounted")
    t.fault("power", host.name, "cycle")
    t.wait_booted([host], BOOT_S)


def scan(t, *labels):
    """{label: what came of it}"""
    r = t.lab.muster("--json", "scan", "--wait", *labels, "--timeout", "300s", limit_s=330)
    check(r.returncode in (0, 1), f"scan {labels}: exit {r.returncode}: {r.stderr} {r.stdout}")
    ids = {x["id"]: x["label"] for x in t.muster("resource", "list", "--kind", "filesystem")["resources"]}
    of = {ids[f["resource"]]: f for f in json.loads(r.stdout)["filesystems"]}
    for label in labels:
        t.say(f"{label}: {of[label]['result']}, {of[label].get('reason')}")
    return of


def images(t, label):
    found = t.muster("resource", "list", "--kind", "image")["images"]
    return {i["path"] for i in found if i["label"] == label}


def plain(t, host):
    """Without a journal: what was unmounted is complete, and of what was not is said so."""
    t.say(host.shell("modprobe -a vfat isofs; grep -E 'vfat|iso9660' /proc/filesystems").stdout)
    t.muster("fs", "admit", *FATS, ISO[0])
    of = scan(t, *FATS, ISO[0])
    for label in ("FATCLEAN", ISO[0]):
        check(of[label]["result"] == "complete", f"{label}: {of[label]}")
    check(of["FATDIRTY"]["result"] == "incomplete" and "not unmounted" in of["FATDIRTY"]["reason"],
          f"FATDIRTY: {of['FATDIRTY']}")
    for label in of:
        found = {i["path"]: (i["format"], i["fault"]) for i in t.muster("resource", "list", "--kind", "image")["images"]
                 if i["label"] == label}
        check(found == {name: (name.rpartition(".")[2], None) for name in PLAIN}, f"{label}: {found}")
    nothing_left(t, host, "scans of FAT and ISO 9660")


def nothing_left(t, host, what):
    left = host.shell("cat /sys/block/dm-*/dm/uuid /sys/block/loop*/loop/backing_file 2>/dev/null; "
                      "ls /dev/mapper; cat /proc/*/mountinfo").stdout
    check("muster-scan" not in left and "MUSTER" not in left, f"{what}: left behind: " + left)
    nothing_told(t, what)


def nothing_told(t, what):
    """The scan's own devices are nobody's storage."""
    keys = {r["key"] for r in t.muster("resource", "list")["resources"]}
    check(not any("dm.muster" in k or k.startswith("loop.") for k in keys), f"{what}: reported: {keys}")


def told_as_a_scan(t, what):
    """Of what uses the container, the scan is told, and nothing of what it is made of."""
    def uses():
        return t.muster("node", "show", "n1")["sections"]["uses"]["rows"]
    rows = t.wait(uses, lambda rows: any(r["kind"] == "scan" for r in rows), f"{what}: it is told as a scan")
    check({r["kind"] for r in rows} == {"scan"}, f"{what}: uses: {rows}")
    nothing_told(t, what)


# In the host, beside what it is asked meanwhile: stops the worker that has made a snapshot, and says which it is.
CATCH = r"""
cat >/run/lab/catch <<'END'
shopt -s nullglob
for ((;;)); do
    for f in /sys/block/dm-*/dm/uuid; do
        read -r uuid <$f && [[ $uuid == MUSTER-scan-* ]] && break 2
    done
done 2>/dev/null
for p in /proc/[0-9]*; do
    mapfile -d '' -t words <$p/cmdline
    [[ ${words[0]} == *muster-probe-worker && ${words[1]} == scan ]] && pid=${p#/proc/}
done 2>/dev/null
until %s; do
    [ -d /proc/$pid ] || exit 1
done
kill -STOP $pid && echo $pid >/run/lab/caught
END
rm -f /run/lab/caught
setsid bash /run/lab/catch </dev/null >/run/lab/catch.log 2>&1 &
"""
MADE = "true"
MOUNTED = "[[ $(</proc/$pid/mountinfo) == *' - ext4 /dev/dm-'* ]]"


def catch(t, host, when):
    """(number of its task, pid) of a worker that is stopped. One that was faster than who waits for it is let go."""
    for _ in range(5):
        host.shell(CATCH % when)
        task = t.muster("scan", "extdirty")["task"]["no"]

        def look():
            return host.shell("cat /run/lab/caught").stdout.strip(), t.muster("task", "show", str(task))["task"]["state"]
        pid, _ = t.wait(look, lambda x: x[0].isdigit() or x[1] != "running", "a worker is stopped, or has ended")
        if pid.isdigit():
            return task, pid
    raise AssertionError("no worker was caught: " + host.shell("cat /run/lab/catch.log").stdout)


def killed(t, host, when, before_death, what):
    """Its worker dies; what it left is proven to be gone, and then the scan goes on with another."""
    for _ in range(3):
        task, pid = catch(t, host, when)
        there = host.shell(f"kill -0 {pid} && dmsetup info -c --noheadings -o name,uuid,open && "
                           "cat /sys/block/loop*/loop/backing_file").stdout
        if there:
            break
        # Its time was up before anybody looked, as it is when the machine is busy.
        t.wait(lambda: t.muster("task", "show", str(task)), lambda x: x["task"]["state"] != "running",
               f"{what}: the worker ended itself, and the scan is over")
    check("MUSTER-scan-" in there, f"{what}: it has no snapshot: {there}")
    t.say(f"{what}: " + " ".join(there.split()))
    told_as_a_scan(t, what)
    host.shell(before_death)
    host.shell(f"kill -9 {pid}")
    doc = t.wait(lambda: t.muster("task", "show", str(task)), lambda x: x["task"]["state"] != "running",
                 f"{what}: the scan has ended")
    check(doc["task"]["state"] == "done" and doc["jobs"][0]["result"] == "complete", f"{what}: {doc}")
    nothing_left(t, host, what)


def written_to(t, host):
    """Pages that the kernel has read are no reason not to scan; one that it has not written is."""
    path = host.shell("for d in /sys/block/sd*; do [ $(cat $d/device/wwid) != naa.%s ] || echo ${d##*/}; done"
                      % t.lab.luns["s4"].naa).stdout.split()[0]
    host.shell(f"""echo 100000 >/proc/sys/vm/dirty_expire_centisecs
        setsid bash -c 'exec 9<>/dev/{path}; dd if=/dev/{path} bs=4096 count=1 >&9; read -r <>/run/lab/never' \\
            </dev/null >/dev/null 2>&1 & echo $! >/run/lab/writer""")
    task = t.muster("scan", "extclean")["task"]["no"]
    t.wait(lambda: [e["text"] for e in t.muster("event", "tail")["events"] if "not written back" in e["text"]],
           bool, "what is not written back keeps a scan away")
    host.shell("kill $(</run/lab/writer); sync")
    t.wait(lambda: t.muster("task", "show", str(task)), lambda x: x["task"]["state"] != "running",
           "the scan has ended")


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("the full suite of the lab is run by hand: MUSTER_LAB_FULL=1")
    for program in ("mkfs.ext4", "mkfs.xfs", "mkfs.vfat"):
        if shutil.which(program) is None:
            skip(f"{program} is not installed")
    contain()
    with TestLab(1, BOOT_S, luns=len(FILESYSTEMS) + len(FATS) + 1, lun_size=SIZE, fill=make_all) as t:
        host = t.lab.host("n1")
        for lun in t.lab.luns:
            t.wait_edge("n1", lun, ("ok", 2, 2), f"n1 sees {lun} over both paths")
        fill_fats(t, host)
        for lun in t.lab.luns:
            t.wait_edge("n1", lun, ("ok", 2, 2), f"n1 sees {lun} over both paths after its power loss")
        before = digests(t)
        t.say(host.shell("modprobe -a loop dm_snapshot ext4 xfs; dmsetup targets; free -m").stdout)
        t.muster("fs", "admit", *FILESYSTEMS)
        of = scan(t, *FILESYSTEMS)
        for label in ("extdirty", "xfsdirty", "extclean"):
            check(of[label]["result"] == "complete", f"{label}: {of[label]}")
            check(images(t, label) == {EARLY, LATE}, f"{label}: {images(t, label)}")
        check(of["extfull"]["result"] == "incomplete" and "MiB of memory" in of["extfull"]["reason"],
              f"extfull: {of['extfull']}")
        check(EARLY in images(t, "extfull"), f"extfull: {images(t, 'extfull')}")
        nothing_left(t, host, "scans")
        plain(t, host)
        killed(t, host, MADE, "true", "killed while it is made")
        killed(t, host, MOUNTED, "true", "killed while it is mounted")
        killed(t, host, MOUNTED, "dmsetup message $(dmsetup ls | grep -o '^muster-scan-[0-9]*') 0 "
               "@cancel_deferred_remove", "killed, and the snapshot stays")
        written_to(t, host)
        check(digests(t) == before, f"a LUN has changed: {before}, {digests(t)}")
        t.say("no byte of a LUN has changed")


main()
