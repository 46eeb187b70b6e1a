# SPDX-License-Identifier: GPL-2.0-or-later
"""Three Xen hosts on LUNs of iSCSI and of Fibre Channel: a path is pulled and muster names it, a coordinated scan
finds every disk image that was planted, and a host whose power comes back is in the matrix again. Run by hand:
MUSTER_LAB_FULL=1. MUSTER_LAB_SESSION=FILE writes what was asked and answered there: docs/lab-session.md is that."""
import os
import re
import shutil
import subprocess
import time

from lab_harness import TestLab, check, contain, image, limit, skip

BOOT_S = 1200
WHOLE_S = 2400
MIB = 1 << 20
RESIDENT_MIB = 8
IMAGE_PARTS = {"vmlinuz": "Linux", "xen.bin": "Xen", "base": "Debian's programs and modules, not compressed",
               "overlay": "probe, workers and scripts, not compressed"}
# Three workers on an emulated processor may open a device for longer than the 15 s that a lease has elsewhere.
LEASE_S = 60
# LUN: the label of its filesystem, and what is planted in it: name: (format, size in MiB, what it stands on).
PLANTED = {
    "i1": ("vm-web", {"web1.qcow2": ("qcow2", 2048, None), "web2.raw": ("raw", 64, None)}),
    "i2": ("vm-db", {"base.qcow2": ("qcow2", 4096, None), "db1.qcow2": ("qcow2", 4096, "base.qcow2")}),
    "f1": ("vm-mail", {"mail.vmdk": ("vmdk", 1024, None)}),
    "f2": ("vm-build", {"build.vhd": ("vpc", 512, None), "cache.vhdx": ("vhdx", 512, None)}),
}


ABOUT = """# A session with three Xen hosts

What is typed at three Xen hosts that share LUNs of iSCSI and Fibre Channel,
and what is printed: a path is pulled, muster names it, and the three look for
disk images together. `tests/lab/test_lab_three.py` has written this down as it
ran, and held it against what the hosts' own kernels say.

The hosts are virtual (QEMU) and **their processors are emulated**, one each, on
the two processors of one machine that had other work too: the times here say
nothing of real hosts, which are many times as fast. All else is what a real
host has: Xen 4.17, Debian's kernel, dm-multipath, open-iscsi with CHAP, Fibre
Channel (over Ethernet) with its ports. `lab/lab up --nodes 3 --storage
iscsi,fc` makes such hosts; the file systems on their LUNs, with seven disk
images in them, are the test's. A lease of a scan lasts {lease} s here, not 15:
three workers on one emulated processor may need longer to open a device.

| measured | |
|---|---|
"""


class Session:
    """What was typed and printed, with a word before each step."""

    def __init__(self, t):
        self.t, self.text, self.open = t, "", False

    def step(self, title, words):
        self.close()
        self.text += f"\n## {title}\n\n{words}\n\n"

    def close(self):
        self.text += "```\n" if self.open else ""
        self.open = False

    def keep(self, command, printed):
        self.text += "" if self.open else "```\n"
        self.open = True
        self.text += "".join(line.rstrip() + "\n" for line in [f"$ {command}", *printed.strip("\n").splitlines()])

    def ask(self, *words, limit_s=60):
        r = self.t.lab.muster(*words, limit_s=limit_s)
        print(r.stdout, r.stderr, flush=True)
        check(r.returncode == 0, f"muster {' '.join(words)}: exit {r.returncode}: {r.stderr}")
        self.keep("lab/lab muster " + " ".join(words), r.stdout)
        return r.stdout

    def shell(self, host, command):
        r = host.shell(command, 120)
        check(r.returncode == 0, f"{command}: exit {r.returncode}: {r.stderr}")
        self.keep(f"lab/lab shell {host.name} '{command}'", r.stdout)
        return r.stdout

    def fault(self, *words):
        self.t.fault(*words)
        self.keep("lab/lab fault " + " ".join(words), "")

    def write(self, path, facts):
        self.close()
        with open(path, "w", encoding="utf-8") as f:
            f.write(ABOUT.format(lease=LEASE_S) + "".join(f"| {k} | {v} |\n" for k, v in facts) + self.text)


def plant(lab):
    for name, (label, images) in PLANTED.items():
        folder = os.path.join(lab.folder, "content")
        os.makedirs(folder)
        for file, (kind, mib, backing) in images.items():
            path = os.path.join(folder, file)
            stand = ["-b", backing, "-F", "qcow2"] if backing is not None else []
            subprocess.run(["qemu-img", "create", "-q", "-f", kind, *stand, path, f"{mib}M"], check=True, cwd=folder)
            if kind == "raw":  # by what is in it: a partition table
                subprocess.run(["sfdisk", "-q", path], input=b",,L\n", check=True)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-L", label, "-d", folder, lab.luns[name].path], check=True)
        shutil.rmtree(folder)


def all_seen(t, hosts, limit_s):
    def whole():
        edges = t.edges()
        return [e for h in hosts for name in t.lab.luns
                if (e := edges.get((h.name, "naa." + t.lab.luns[name].naa))) != ("ok", 2, 2)]
    t.wait(whole, lambda left: not left, "all see four LUNs over two paths each", limit_s)


def behind(host, port):
    """The disks that the host's kernel reaches through its port of Fibre Channel with that name."""
    return host.shell("cd /sys/class/fc_host && for h in *; do "
                      f"[[ $(<$h/port_name) != *{port} ]] || ls -d $h/device/rport-*/target*/*/block/*; done"
                      " | sed 's|.*/||'").stdout.split()


def pulled(t, s, host):
    """The NIC of one segment of Fibre Channel; what explain calls the dead path is what the kernel calls it."""
    nic = f"eth{host.segments().index('fb')}"
    port = host.shell(f"cat /sys/class/net/{nic}/address").stdout.strip().replace(":", "")
    disks = behind(host, port)
    check(len(disks) == 2, f"two disks are at the port {port}: {disks}")
    s.step("A path is pulled", f"Of {host.name} the cable of one port of Fibre Channel. The LUNs behind it are "
           "degraded,\nor stuck until the kernel gives up what it has sent over that path; `explain`\n"
           "says which path is dead, down to the cable, and what would mend it.")
    s.fault("link", host.name, nic, "off")
    t.wait_edge(host.name, "f1", ("degraded", 1), f"{host.name} sees f1 over one path")
    s.ask("matrix", "--kind", "lun")
    text = s.ask("explain", host.name, "naa." + t.lab.luns["f1"].naa)
    dead = [p for p in re.findall(r"path (sd[a-z]+) +(?!ok)\w+", text)]
    check(len(dead) == 1, f"explain names one dead path: {dead}")
    check(dead[0] in disks, f"{dead[0]} is not one of the disks at the port {port}: {disks}")
    return nic


def scanned(t, s):
    for host in t.lab.hosts.values():  # nothing in the hosts loads what only scans have need of
        host.shell("modprobe -a loop dm_snapshot ext4", 120)
    s.step("The three look for disk images", "Each file system is read by one host, read-only, under a lease that no "
           "two have\nat once; then the others prove that they reach it too.")
    s.ask("fs", "admit", "--all")
    s.ask("scan", "--wait", "--timeout", "300s", limit_s=330)
    s.ask("resource", "list", "--kind", "image")
    found = {os.path.basename(r["label"].split(":")[-1]) for r in
             t.muster("resource", "list", "--kind", "image")["resources"]}
    planted = {name for _, images in PLANTED.values() for name in images}
    check(found == planted, f"found {sorted(found)}, planted {sorted(planted)}")


def power(t, s, host):
    """Seconds from its power to its probe's start, and to all of its LUNs in the matrix."""
    s.step("A host without power", "What it reached is unknown from then on, not lost. It boots again from nothing,\n"
           "and is enrolled anew.")
    s.fault("power", host.name, "off")
    t.wait_edge(host.name, "i1", ("unknown",), f"what {host.name} reaches is unknown")
    s.ask("matrix", "--kind", "lun")
    began = time.monotonic()
    s.fault("power", host.name, "on")
    t.wait_booted([host], BOOT_S)
    booted = time.monotonic() - began
    all_seen(t, [host], BOOT_S)
    there = time.monotonic() - began
    s.ask("matrix", "--kind", "lun")
    return booted, there


def parts():
    """(part, MiB) of what a host boots."""
    sizes = image.build(lambda text: None).sizes()
    return [(name.split("-")[0], size / MIB) for name, size in sizes.items()]


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("the full suite of the lab is run by hand: MUSTER_LAB_FULL=1")
    for program in ("mkfs.ext4", "qemu-img", "sfdisk"):
        if shutil.which(program) is None:
            skip(f"{program} is not installed")
    limit(WHOLE_S)
    contain()
    with TestLab(3, BOOT_S, fill=plant, xen=True, memory_mib=1024, storage=["iscsi", "fc"],
                 settings=[f"lease_ttl_ms={LEASE_S}s"]) as t:
        hosts = list(t.lab.hosts.values())
        s = Session(t)
        all_seen(t, hosts, BOOT_S)
        s.step("Three hosts", "Each with four LUNs over two paths: two of iSCSI, two of Fibre Channel.")
        s.ask("node", "list")
        s.shell(hosts[0], "cat /proc/xen/capabilities; xl info | grep xen_version")
        s.ask("matrix", "--kind", "lun")
        nic = pulled(t, s, hosts[0])
        scanned(t, s)
        s.step("The path is back", "With its cable.")
        s.fault("link", hosts[0].name, nic, "on")
        all_seen(t, hosts, 300)
        s.ask("matrix", "--kind", "lun")
        resident = [int(h.shell("ps -o rss= -C muster-probe").stdout) / 1024 for h in hosts]
        check(max(resident) < RESIDENT_MIB, f"the probe is to stay below {RESIDENT_MIB} MiB: {resident}")
        booted, there = power(t, s, hosts[2])
        facts = [("resident memory of the probe in dom0",
                  ", ".join(f"{r:.1f}" for r in resident) + f" MiB (limit {RESIDENT_MIB})"),
                 ("power on until the probe starts", f"{booted:.0f} s"),
                 ("power on until all LUNs are in the matrix", f"{there:.0f} s"),
                 *((f"image: {IMAGE_PARTS[name]}", f"{mib:.1f} MiB") for name, mib in parts())]
        for k, v in facts:
            print(f"{k}: {v}", flush=True)
        if os.environ.get("MUSTER_LAB_SESSION"):
            s.write(os.environ["MUSTER_LAB_SESSION"], facts)


main()
