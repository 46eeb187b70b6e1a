# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the storage worker, and of the probe, in the middle of reading a device that does not
answer: it comes back alone, and once the device answers no process and no open device is left."""
import os
import signal
import time

from disks import Disks, Fleet, Uevents, as_udev, backing_file, need_disks
from harness import LIMIT_S, Lab, check, run


def processes(namespace):
    """{pid: command line} of that network namespace. Zombies have none."""
    out = {}
    for pid in map(int, run("ip", "netns", "pids", namespace).split()):
        try:
            with open(f"/proc/{pid}/cmdline", encoding="utf-8") as f:
                out[pid] = f.read().replace("\0", " ").strip()
        except OSError:
            pass
    return {pid: line for pid, line in out.items() if line}


def storage_worker(namespace, not_this=None, limit_s=LIMIT_S):
    """The one that collects just now; its children have its command line too, and are younger."""
    end = time.monotonic() + limit_s
    while True:
        found = [pid for pid, line in processes(namespace).items()
                 if "muster-probe-worker storage" in line and pid != not_this]
        if found:
            return min(found)
        check(time.monotonic() < end, f"no worker of storage within {limit_s} s")


def gone(namespace, limit_s=LIMIT_S):
    end = time.monotonic() + limit_s
    while processes(namespace):
        check(time.monotonic() < end, f"left behind: {processes(namespace)}")


def kill_worker(lab, fleet, silent, good):
    """One that waits for the silent device: it is in the middle."""
    space = fleet.spaces["alpha"]
    silent.silence()
    killed = False
    while not killed:  # one that has ended before we are there is followed by another at the next rescan
        as_udev(good)
        try:
            os.kill(storage_worker(space), signal.SIGKILL)
            killed = True
        except ProcessLookupError:
            pass
    lab.wait(lambda: lab.section("alpha", "luns"), lambda s: s["status"] in ("failed", "ok"), "told")
    check(lab.section("alpha", "luns")["rows"], "the last good rows stay")
    check(lab.section("alpha", "nics")["status"] == "ok", "the network goes on")
    check(lab.muster("status")["nodes_up"] == 1, "heartbeats go on")
    lab.wait(lambda: (lab.section("alpha", "luns")["status"],
                      lab.matrix("--kind", "lun")["alpha", silent.path]["state"]),
             lambda x: x == ("ok", "stuck"), "the next worker tells what is stuck")
    silent.speak()
    lab.wait_matrix(lambda m: all(e["state"] == "ok" for e in m.values()), "all is well", "--kind", "lun")
    print("kill -9 of the worker: the next one tells everything")


def kill_probe(lab, fleet, silent, good):
    files = (silent.path, backing_file(good[9:]))
    space, probe = fleet.spaces["alpha"], fleet.probes["alpha"]
    silent.silence()
    as_udev(good)
    storage_worker(space)
    lab.end(probe, signal.SIGKILL)
    fleet.start("alpha")
    # It has no memory of which file that loop device is on, and the file system does not tell it.
    lab.wait_section("alpha", "luns", lambda rows: any(
        r.get("file") == silent.path and r["state"] == "stuck" for r in rows), "what is stuck")
    silent.speak()
    lab.wait_matrix(lambda m: all(m["alpha", f]["state"] == "ok" for f in files), "all is well",
                    "--kind", "lun")
    print("kill -9 of the probe: the new one tells everything")


def nothing_is_left(lab, disks, fleet, devices):
    kernel, started = Uevents(), time.monotonic()
    lab.end(fleet.probes["alpha"])
    gone(fleet.spaces["alpha"])
    for device in devices:
        disks.detach(device)
        kernel.first_after(started, device)
        check(backing_file(device[9:]) is None, f"{device} is held open by somebody")
    print("no process and no open device is left")


def main():
    need_disks("mkfs.ext4")
    with Lab() as lab, Disks(lab) as disks:
        silent = disks.silent_file("fuse", disks.make("ext4", "quiet", "-L", "quiet"))
        bad = disks.attach(0, silent.path, read_only=True)
        good = disks.attach(0, disks.make("ext4", "good", "-L", "good"))
        fleet = Fleet(lab, disks, ("alpha",), extra=("--rescan", "2s"))
        lab.wait_matrix(lambda m: len(m) == 2 and all(e["state"] == "ok" for e in m.values()), "two LUNs",
                        "--kind", "lun")
        for _ in range(2):
            kill_worker(lab, fleet, silent, good)
        for _ in range(2):
            kill_probe(lab, fleet, silent, good)
        nothing_is_left(lab, disks, fleet, (bad, good))


main()
