# SPDX-License-Identifier: GPL-2.0-or-later
"""A host with 500 LUNs over four paths each (the kernel's scsi_debug: four hosts, one store): every LUN is one
resource with four paths, a path that is lost is told, and no heartbeat is missed meanwhile. Run by hand:
MUSTER_LAB_FULL=1. MUSTER_LAB_LUNS takes another number of LUNs, MUSTER_LAB_MAPS=1 has dm-multipath above them."""
import os
import threading

from lab_harness import TestLab, check, contain, skip

BOOT_S = 300
LUNS = int(os.environ.get("MUSTER_LAB_LUNS", "500"))
MAPS = bool(os.environ.get("MUSTER_LAB_MAPS"))
PATHS = 4
WAIT_S = 900 if MAPS else 480
VENDOR = "Linux"  # of scsi_debug; the lab's own LUNs have another


def shell(host, command, limit_s=120):
    r = host.shell(command, limit_s)
    check(r.returncode == 0, f"{command}: exit {r.returncode}: {r.stdout} {r.stderr}")
    return r.stdout


class Heartbeats:
    """Looks each second how long ago the coordinator has heard of the host."""

    def __init__(self, t):
        self.t, self.over, self.longest = t, threading.Event(), 0
        self.thread = threading.Thread(target=self.run)

    def run(self):
        while not self.over.wait(1.0):
            self.longest = max(self.longest, self.t.muster("node", "list")["nodes"][0]["heard_ms"])

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()


def many(t):
    """{LUN key: (state, active paths, all paths)} but for the lab's own."""
    own = {"naa." + lun.naa for lun in t.lab.luns.values()}
    return {key: edge for (_, key), edge in t.edges().items() if key not in own}


def a_path(t, key):
    rows = t.muster("node", "show", "n1", "--section", "paths")["sections"]["paths"]["rows"]
    mine = [r for r in rows if r["lun"] == key]
    check(len(mine) == PATHS, f"paths of {key}: {mine}")
    return mine[0]["device"]


def wait_for(t, key, wanted, what):
    t.wait(lambda: many(t)[key], lambda e: e == wanted, what, WAIT_S)


def lose(t, host, key):
    """By name, without an event (the next look tells), and taken away (at once)."""
    name = a_path(t, key)
    shell(host, f"echo offline >/sys/block/{name}/device/state")
    t.say(f"{name} is offline")
    wait_for(t, key, ("degraded", PATHS - 1, PATHS), f"{key} has lost a path")
    text = t.lab.muster("explain", "n1", key).stdout
    check(name in text and "offline" in text, text)
    shell(host, f"echo running >/sys/block/{name}/device/state")
    t.say(f"{name} runs")
    wait_for(t, key, ("ok", PATHS, PATHS), f"{key} has four paths again")
    shell(host, f"echo 1 >/sys/block/{name}/device/delete")
    t.say(f"{name} is taken away")
    wait_for(t, key, ("degraded", PATHS - 1, PATHS - 1), f"{key} has three paths, and had four")


def map_all(t, host):
    shell(host, "udevadm settle --timeout=300", 310)
    t.say("udev has taken them up")
    shell(host, "multipathd", 300)
    t.wait(lambda: int(shell(host, "cat /sys/block/dm-*/dm/uuid | grep -c ^mpath- || :")), lambda n: n == LUNS,
           f"the kernel has {LUNS} maps", WAIT_S)
    t.wait(lambda: {r.get("map") for r in t.muster("node", "show", "n1", "--section", "luns")["sections"]["luns"]["rows"]
                    if r["vendor"] == VENDOR}, lambda maps: len(maps - {None}) == LUNS,
           f"{LUNS} LUNs have maps", WAIT_S)


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("the full suite of the lab is run by hand: MUSTER_LAB_FULL=1")
    contain()
    with TestLab(1, BOOT_S, luns=1, cpus=2, memory_mib=3072 if MAPS else 2048, multipath=False) as t:
        host = t.lab.host("n1")
        since = t.muster("status")["event_no"]
        with Heartbeats(t) as beats:
            # Of udev only maps have need: Debian's rules are seconds of an emulated processor for each disk.
            shell(host, "bash /lab/maps" if MAPS else "udevadm control --stop-exec-queue")
            shell(host, f"modprobe scsi_debug max_luns={LUNS} add_host={PATHS} vpd_use_hostno=0 dev_size_mb=8", 300)
            t.say(f"the kernel has {shell(host, 'ls -d /sys/block/sd* | wc -l').strip()} disks")
            if MAPS:
                map_all(t, host)
            whole = ("ok", PATHS, PATHS)
            edges = t.wait(lambda: many(t), lambda e: len(e) == LUNS and set(e.values()) == {whole},
                           f"{LUNS} LUNs are {LUNS} resources with {PATHS} paths each", WAIT_S)
            t.say("the probe's memory is " + shell(host, "ps -o rss= -C muster-probe").strip() + " KiB")
            lose(t, host, sorted(edges)[LUNS // 2])
        kinds = [e["kind"] for e in t.muster("event", "tail", "--since", str(since))["events"]]
        check("node.suspect" not in kinds and "node.down" not in kinds, f"{kinds}")
        check(beats.longest > 0, "nobody has looked how long the host was silent")
        t.say(f"no heartbeat was missed; the longest that nothing was heard is {beats.longest} ms")


main()
