# SPDX-License-Identifier: GPL-2.0-or-later
"""A Xen host with a paravirtual guest on a shared LUN: what Xen's toolstack and kernel say of the guest's disk is
told as a use of the LUN, and a scan of the filesystem on it is refused with the guest named, until the guest is gone.
Run by hand: MUSTER_LAB_FULL=1."""
import os
import shutil
import subprocess

from lab_harness import TestLab, check, contain, skip

BOOT_S = 900
LABEL = "GUESTFS"
CONFIG = """name="g1"
type="pv"
kernel="/lab/guest/vmlinuz"
ramdisk="/lab/guest/initramfs"
memory=96
vcpus=1
extra="console=hvc0 quiet"
disk=["phy:/dev/mapper/{map},xvda,w"]
"""


def make_fs(lab):
    subprocess.run(["mkfs.ext4", "-q", "-F", "-L", LABEL, lab.luns["s1"].path], check=True)


def shell(host, command, limit_s=60):
    r = host.shell(command, limit_s)
    check(r.returncode == 0, f"{command}: exit {r.returncode}: {r.stdout} {r.stderr}")
    return r.stdout


def start_guest(t, host):
    """Its number."""
    text = CONFIG.format(map="3" + t.lab.luns["s1"].naa)
    # Xen's toolstack gives its script for disks 40 s, which on a busy machine is little.
    shell(host, "modprobe -a xen-blkback loop dm_snapshot ext4")
    shell(host, f"cat >/run/g1 <<'END'\n{text}END\n"
          "for i in 1 2 3; do ! xl create /run/g1 || exit 0; done; exit 1", 400)
    number = shell(host, "xl domid g1").strip()
    t.say(f"guest {number}: " + shell(host, "xl list").replace("\n", "; "))
    return number


def uses(t, host):
    return [(r["kind"], r["used_by"]) for r in t.muster("node", "show", host.name)["sections"]["uses"]["rows"]]


def told_as_use(t, host, number):
    """It is what sysfs and xenstore have."""
    backends = shell(host, "basename -a /sys/bus/xen-backend/devices/vbd-*").split()
    stored = shell(host, f"xenstore-list /local/domain/0/backend/vbd/{number}").split()
    check(backends == [f"vbd-{number}-{stored[0]}"], f"sysfs {backends}, xenstore {stored}")
    wanted = ("xen", f"{number}/{stored[0]}")
    t.wait(lambda: uses(t, host), lambda rows: wanted in rows, f"the LUN is told as used by {wanted[1]}")


def refused(t, host, number):
    """All that tell of the filesystem name the guest, and a scan does not touch it."""
    for words in (("fs", "list"), ("explain", host.name, LABEL)):
        text = t.lab.muster(*words).stdout
        print(text, flush=True)
        check(f" {number}/" in text, f"{' '.join(words)} does not name guest {number}")
    t.muster("fs", "admit", LABEL)
    r = t.lab.muster("scan", "--wait", LABEL, "--timeout", "200s", limit_s=230)
    print(r.stdout, r.stderr, flush=True)
    said = " ".join((r.stdout + r.stderr).split())  # its lines are broken anywhere
    check(r.returncode != 0 and f"{host.name} gives it to guest {number} (disk " in said,
          "the scan does not say that a guest has it")


def gone(t, host):
    shell(host, "xl destroy g1", 120)
    t.wait(lambda: uses(t, host), lambda rows: not any(kind == "xen" for kind, _ in rows), "nobody uses the LUN")
    r = t.lab.muster("scan", "--wait", LABEL, "--timeout", "200s", limit_s=230)
    check(r.returncode == 0, f"the scan: {r.stdout} {r.stderr}")
    t.say("with the guest gone the scan is complete")


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("the full suite of the lab is run by hand: MUSTER_LAB_FULL=1")
    if shutil.which("mkfs.ext4") is None:
        skip("mkfs.ext4 is not installed")
    contain()
    with TestLab(1, BOOT_S, fill=make_fs, xen=True, memory_mib=1280, guest_mib=192) as t:
        host = t.lab.host("n1")
        t.wait_edge("n1", "s1", ("ok", 2, 2), "n1 sees s1 over both paths")
        number = start_guest(t, host)
        told_as_use(t, host, number)
        refused(t, host, number)
        gone(t, host)


main()
