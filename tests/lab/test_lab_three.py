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
# LUN: the label of its filesystem, and what is planted in it: name: (format, size in MiB, what it stands on).
PLANTED = {
    "i1": ("vm-web", {"web1.qcow2": ("qcow2", 2048, None), "web2.raw": ("raw", 64, None)}),
    "i2": ("vm-db", {"base.qcow2": ("qcow2", 4096, None), "db1.qcow2": ("qcow2", 4096, "base.qcow2")}),
    "f1": ("vm-mail", {"mail.vmdk": ("vmdk", 1024, None)}),
    "f2": ("vm-build", {"build.vhd": ("vpc", 512, None), "cache.vhdx": ("vhdx", 512, None)}),
}


class Session:
    """What was typed and printed."""

    def __init__(self, t):
        self.t, self.lines = t, []

    def keep(self, command, printed):
        self.lines += [f"$ {command}"] + [line.rstrip() for line in printed.strip("\n").splitlines()]

    def ask(self, *words, limit_s=60):
        r = self.t.lab.muster(*words, limit_s=limit_s)
        print(r.stdout, r.stderr, flush=True)
        check(r.returncode == 0, f"muster {' '.join(words)}: exit {r.returncode}: {r.stderr}")
        self.keep("muster " + " ".join(words), r.stdout)
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
        with open(path, "w", encoding="utf-8") as f:
            f.write("# Three hosts of the lab\n\nWritten by `tests/lab/test_lab_three.py`, on emulated processors: "
                    "its times say nothing of real hosts.\n\n"
                    "| | |\n|---|---|\n" + "".join(f"| {k} | {v} |\n" for k, v in facts) +
                    "\n```\n" + "\n".join(self.lines) + "\n```\n")


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


def pulled(t, s, host):
    """The NIC of one segment of Fibre Channel; what explain calls the dead path is what the kernel calls it."""
    nic = f"eth{host.segments().index('fb')}"
    port = host.shell(f"cat /sys/class/net/{nic}/address").stdout.strip().replace(":", "")
    s.fault("link", host.name, nic, "off")
    t.wait_edge(host.name, "f1", ("degraded", 1), f"{host.name} sees f1 over one path")
    s.ask("matrix", "--kind", "lun")
    text = s.ask("explain", host.name, "naa." + t.lab.luns["f1"].naa)
    dead = [p for p in re.findall(r"path (sd[a-z]+) +(?!ok)\w+", text)]
    check(len(dead) == 1, f"explain names one dead path: {dead}")
    ways = host.shell(f"basename $(readlink -f /sys/block/{dead[0]}/device); cd /sys/class/fc_host && "
                      "for h in *; do echo $h $(cat $h/port_name); done").stdout.splitlines()
    number = ways[0].split(":")[0]
    check(any(line.startswith(f"host{number} ") and line.endswith(port) for line in ways[1:]),
          f"{dead[0]} is not at the port {port}: {ways}")
    return nic


def scanned(t, s):
    s.ask("fs", "admit", "--all")
    s.ask("scan", "--wait", "--timeout", "300s", limit_s=330)
    s.ask("resource", "list", "--kind", "image")
    found = {os.path.basename(r["label"].split(":")[-1]) for r in
             t.muster("resource", "list", "--kind", "image")["resources"]}
    planted = {name for _, images in PLANTED.values() for name in images}
    check(found == planted, f"found {sorted(found)}, planted {sorted(planted)}")


def power(t, host):
    """Seconds from its power to all of its LUNs in the matrix, and to its kernel's first line of them."""
    t.fault("power", host.name, "off")
    t.wait_edge(host.name, "i1", ("unknown",), f"what {host.name} reaches is unknown")
    began = time.monotonic()
    t.fault("power", host.name, "on")
    t.wait_booted([host], BOOT_S)
    booted = time.monotonic() - began
    all_seen(t, [host], BOOT_S)
    return booted, time.monotonic() - began


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
    with TestLab(3, BOOT_S, fill=plant, xen=True, memory_mib=1024, storage=["iscsi", "fc"]) as t:
        hosts = list(t.lab.hosts.values())
        s = Session(t)
        all_seen(t, hosts, BOOT_S)
        s.ask("node", "list")
        s.shell(hosts[0], "cat /proc/xen/capabilities; xl info | grep -E \"xen_version|nr_cpus\"")
        s.ask("matrix", "--kind", "lun")
        nic = pulled(t, s, hosts[0])
        scanned(t, s)
        s.fault("link", hosts[0].name, nic, "on")
        all_seen(t, hosts, 300)
        resident = [int(h.shell("ps -o rss= -C muster-probe").stdout) / 1024 for h in hosts]
        booted, there = power(t, hosts[2])
        facts = [("hosts", "3 on Xen 4.17, one emulated processor each, this machine's two processors for all"),
                 ("probe in dom0, resident", ", ".join(f"{r:.1f} MiB" for r in resident)),
                 ("power on to booted", f"{booted:.0f} s"),
                 ("power on to all LUNs in the matrix", f"{there:.0f} s")]
        facts += [(f"image: {name}", f"{mib:.1f} MiB") for name, mib in parts()]
        for k, v in facts:
            print(f"{k}: {v}", flush=True)
        if os.environ.get("MUSTER_LAB_SESSION"):
            s.write(os.environ["MUSTER_LAB_SESSION"], facts)


main()
