# SPDX-License-Identifier: GPL-2.0-or-later
"""LUNs that are added and grown on an iSCSI target behind live sessions: in the matrix soon after the target has
announced it to the host, or after an operator's word, by a scan of that LUN alone. By hand, MUSTER_LAB_FULL=1."""
import os
import time

from lab_harness import TestLab, check, contain, limit, machine, out_of_time, skip

BOOT_S = 600
WHOLE_S = 1500
SOON_S = 3.0
# By an announcement it takes longer than by an order, since a disk must be read first; on a quiet machine three times.
MOST = 5.0


def rescans(t):
    """[(what, reason)] of all jobs of rescans that are over, the newest last."""
    out = []
    for task in sorted(t.muster("task", "list", "--all")["tasks"], key=lambda k: k["no"]):
        if task["kind"] == "rescan" and task["state"] == "done":
            out += [(j["label"], j["reason"]) for j in t.muster("task", "show", str(task["no"]))["jobs"]]
    return out


def add(t):
    """A LUN on the target, without a word to the host; its name and when it was there."""
    t.fault("add", "iscsi", "64")
    return list(t.lab.luns)[-1], time.monotonic()


def seen(t, host, lun, since, how, limit_s):
    t.wait_edge(host.name, lun, (), f"{host.name} sees {lun}")
    took = time.monotonic() - since
    t.say(f"{lun} was in the matrix {took:.2f} s after {how}")
    t.wait_edge(host.name, lun, ("ok", 2, 2), f"{host.name} sees {lun} over both portals")
    if took > limit_s:
        print(f"more than {limit_s} s; load {os.getloadavg()[0]:.0f}")
    return took


def spoken_to(t, host):
    """With I/O on the paths, as on a host that is in use, the announcement comes at once."""
    t.rest(host)
    lun, at = add(t)
    host.shell("for d in /sys/block/sd*; do dd if=/dev/${d##*/} of=/dev/null bs=512 count=1 iflag=direct; done", 60)
    return seen(t, host, lun, at, "it was added to a target that is in use", SOON_S)


def told_to(t, host):
    """An operator's word needs no announcement."""
    t.rest(host)
    lun, at = add(t)
    got = t.muster("rescan", host.name, "--target", "iqn.2010-01.test.muster:lab", "--wait")
    t.say("muster rescan: " + "; ".join(j["reason"] for j in got["jobs"]))
    return seen(t, host, lun, at, "it was added, by muster rescan", SOON_S)


def grown(t, host):
    t.fault("grow", "i1", "320")
    t.muster("rescan", host.name, "--lun", "naa." + t.lab.luns["i1"].naa, "--wait")

    def sizes():
        return {row["size_bytes"] for row in t.muster("node", "show", host.name)["sections"]["paths"]["rows"]
                if row["lun"] == "naa." + t.lab.luns["i1"].naa}
    t.wait(sizes, lambda s: s == {320 << 20}, "both paths of i1 have grown")


def taken_away(t, host):
    lun = list(t.lab.luns)[-1]
    t.lab.target.unmap(lun[1:])
    got = t.muster("rescan", host.name, "--target", "iqn.2010-01.test.muster:lab", "--wait")
    reasons = "; ".join(j["reason"] for j in got["jobs"])
    t.say("muster rescan: " + reasons)
    check("gone from the target" in reasons, "the LUN that is gone is told")
    check(t.edge(host.name, lun) is not None, "and stays known")


def judge(announced, ordered):
    """Each way by itself; an emulated processor that takes longer than a real one may shows the ratio alone."""
    print(f"by an announcement {announced:.1f} s, by muster rescan {ordered:.1f} s: {announced / ordered:.1f} times as long")
    if announced > max(SOON_S, MOST * ordered):
        out_of_time(f"by an announcement it takes {announced:.1f} s, by an order {ordered:.1f} s")
    slow = [f"{way} ({s:.1f} s)" for way, s in (("an announcement", announced), ("muster rescan", ordered)) if s > SOON_S]
    if slow:
        skip(f"this machine is too slow to show {SOON_S:.0f} s by " + " and by ".join(slow))


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("this test of the lab is run by hand: MUSTER_LAB_FULL=1")
    limit(WHOLE_S)
    contain(machine())
    with TestLab(1, BOOT_S, machine=machine(), storage=["iscsi"], memory_mib=768) as t:
        host = t.lab.host("n1")
        for lun in list(t.lab.luns):
            t.wait_edge("n1", lun, ("ok", 2, 2), f"n1 sees {lun} over both portals")
        announced, ordered = spoken_to(t, host), told_to(t, host)
        grown(t, host)
        taken_away(t, host)
        for what, reason in rescans(t):
            t.say(f"rescan of {what}: {reason}")
            check(what.startswith(("target ", "device ", "lun ")), "no wildcard")
        judge(announced, ordered)


main()
