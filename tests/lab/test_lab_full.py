# SPDX-License-Identifier: GPL-2.0-or-later
"""Virtual Xen hosts with shared SCSI and iSCSI LUNs: each fact of the storage sections held against the hosts'
own tools, through LUNs added, grown, taken away and mapped anew, a portal that dies, a host that freezes; and the
CHAP password nowhere. An hour on a busy machine: run by hand, MUSTER_LAB_FULL=1, with --no-xen for less."""
import os
import subprocess
import sys

from lab_harness import TestLab, check, contain, skip
from truth import agree, look, same_pages

BOOT_S = 900


def added(t, hosts):
    t.fault("add", "shared", "64")
    for host in hosts:
        t.wait_edge(host.name, "s3", ("ok", 2, 2), f"{host.name} sees the new LUN")
    agree(t, hosts)


def grown(t, hosts):
    t.fault("grow", "s3", "96")

    def sizes():
        return [row["size_bytes"] for h in hosts for row in t.muster("node", "show", h.name)["sections"]["luns"]
                ["rows"] if row["key"] == "naa." + t.lab.luns["s3"].naa]
    t.wait(sizes, lambda s: s == [96 << 20] * len(hosts), "the LUN has grown on all hosts")
    agree(t, hosts)


def taken_away(t, host):
    t.fault("lun", host.name, "s1", "off")
    t.wait_edge(host.name, "s1", ("lost",), f"{host.name} has lost s1")
    t.fault("lun", host.name, "s1", "on")
    t.wait_edge(host.name, "s1", ("ok", 2, 2), f"{host.name} has s1 again")
    agree(t, [host])


def mapped_anew(t, host):
    """The new LUN is never taken for the old one that was at its address."""
    t.fault("remap", host.name, "s2")
    new = list(t.lab.luns)[-1]
    t.wait_edge(host.name, "s2", ("lost",), f"{host.name} has lost s2")
    t.wait_edge(host.name, new, ("ok", 2, 2), f"{host.name} sees {new} at the address of s2")
    agree(t, [host])


def portal_dies(t, hosts):
    t.fault("portal", "2", "off")
    for host in hosts:
        t.wait_edge(host.name, "i1", ("degraded", 1), f"{host.name} sees i1 over one portal")
    agree(t, hosts)
    t.fault("portal", "2", "on")
    for host in hosts:
        t.wait_edge(host.name, "i1", ("ok", 2, 2), f"{host.name} sees i1 over both portals")
    agree(t, hosts)


def ghost(t, host):
    """Another LUN behind a live session's LUN number, without a word to the hosts: what is read afresh there
    must not be told of the old LUN as if nothing had happened."""
    t.fault("remap", "all", "i2")
    host.shell("for d in /sys/block/sd*/device/vpd_pg83; do :; done; iscsiadm -m session -R", 90)
    names = [n for n, d in look(host).items() if d["target"] and d["lun"] == "naa." + t.lab.luns["i2"].naa]
    t.say(f"{host.name}'s kernel still calls {names} by the old name")
    old, new = (f"naa.{t.lab.luns[n].naa}" for n in ("i2", list(t.lab.luns)[-1]))

    def told():
        return {e["kind"] for e in t.muster("event", "tail")["events"]
                if old in e["text"] and new in e["text"] and host.name in e["text"]}
    t.wait(told, lambda kinds: kinds >= {"lun.remapped", "lun.ghost"},
           "muster tells that i2 was mapped anew, and that its map's paths contradict it")
    check(t.edge(host.name, "i2")[0] == "lost", "the old LUN is lost, not merged with the new one")


def frozen(t, host, other):
    t.fault("freeze", host.name)
    t.wait_edge(host.name, "s1", ("unknown",), f"what the frozen {host.name} reaches is unknown")
    check(t.edge(other.name, "s1")[0] == "ok", f"{other.name} is as before")
    t.fault("thaw", host.name)
    t.wait_edge(host.name, "s1", ("ok", 2, 2), f"{host.name} is back")


def secret_is_nowhere(t, hosts):
    """The password, on the hosts in the kernel's own sysfs, is in nothing that muster wrote, told or logged."""
    password = t.lab.target.secret()[1]
    known = hosts[0].shell("cat /sys/class/iscsi_session/*/password").stdout
    check(password in known, "the kernel has the password, or this test would prove nothing")
    for host in hosts:
        check(password not in t.lab.muster("--json", "node", "show", host.name).stdout, "node show has it")
        check(host.shell(f"! grep -qs {password} -r /run/lab/probe.log /run/muster-probe").returncode == 0,
              "the probe's log or memory on disk has it")
    check(password not in t.lab.muster("--json", "event", "tail").stdout, "an event has it")
    found = subprocess.run(["grep", "-rlF", password, os.path.join(t.lab.folder, "state"),
                            os.path.join(t.lab.folder, "coordinator.log")], capture_output=True, text=True,
                           check=False).stdout
    check(not found, "the coordinator wrote it: " + found)
    t.say("the CHAP password is nowhere")


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("the full suite of the lab is run by hand: MUSTER_LAB_FULL=1")
    contain()
    with TestLab(2, BOOT_S, storage=["shared", "iscsi"], xen="--no-xen" not in sys.argv,
                 memory_mib=1024) as t:
        hosts = list(t.lab.hosts.values())
        for host in hosts:
            for lun in t.lab.luns:
                t.wait_edge(host.name, lun, ("ok", 2, 2), f"{host.name} sees {lun} over both paths")
        agree(t, hosts)
        same_pages(hosts)
        secret_is_nowhere(t, hosts)
        frozen(t, *hosts)
        added(t, hosts)
        grown(t, hosts)
        taken_away(t, hosts[1])
        mapped_anew(t, hosts[0])
        portal_dies(t, hosts)
        ghost(t, hosts[0])
        secret_is_nowhere(t, hosts)


main()
