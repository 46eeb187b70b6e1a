# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the coordinator at any moment, again and again, while real probes scan real file systems
without a pause: no two have one mounted at once, and every token that the kernel shows in the name of a
scan's loop device is in the history of each later start, for the node and file system of that device.
The account is tried at last: an old database lacks what was seen since. MUSTER_LONG: 300 kills."""
import os
import re
import select
import shutil
import signal
import socket
import threading
import time

import disks as d
import scan_fleet as sf
from harness import LIMIT_S, Lab, check, seed

KILLS = 300 if "MUSTER_LONG" in os.environ else 14
FILES = 400   # so that a scan takes a moment
SETTINGS = ["--set", "heartbeat_ms=300", "--set", "suspect_ms=20000"]  # back soon after each kill
NAME = re.compile(r"/muster-scan-(\d+)-(\d+):(\d+)$")
UEVENTS = 15  # NETLINK_KOBJECT_UEVENT
LOOK_S = 0.2  # at the latest
DRY_S = 20.0  # after which a coordinator is killed in which nothing was scanned


class Tokens(threading.Thread):
    """Looks at the names of all loop devices whenever the kernel announces a device's change:
    {token: where it was used}."""

    def __init__(self, fleet):
        super().__init__(daemon=True)
        self.places = {os.stat(device).st_rdev: key for key, device in fleet.devices.items()}
        self.seen, self.stop, self.change = {}, False, threading.Condition()
        self.uevents = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK,
                                     UEVENTS)
        self.uevents.bind((0, 1))

    def look(self):
        for name in os.listdir("/sys/block"):
            if not name.startswith("loop"):
                continue
            try:
                with open(f"/sys/block/{name}/loop/backing_file", encoding="utf-8") as f:
                    m = NAME.search(f.read().strip())
            except OSError:
                continue
            place = m and self.places.get(os.makedev(int(m[2]), int(m[3])))
            if place is None:  # of another fleet
                continue
            with self.change:
                if place not in self.seen.setdefault(int(m[1]), set()):
                    self.seen[int(m[1])].add(place)
                    self.change.notify_all()

    def run(self):
        while not self.stop:
            if select.select([self.uevents], [], [], LOOK_S)[0]:
                try:
                    self.uevents.recv(65536)
                except OSError:  # too many to be kept
                    pass
            self.look()
        self.uevents.close()

    def wait_for(self, count, limit_s):
        with self.change:
            return self.change.wait_for(lambda: len(self.seen) >= count, limit_s)

    def now(self):
        with self.change:
            return {t: set(v) for t, v in self.seen.items()}


def faults(fleet, seen):
    """What is wrong with what the coordinator says of the tokens that were seen before it was asked."""
    rows = {int(v["token"]): v for v in fleet.lab.muster("lease", "list", "--history")["leases"]}
    out = []
    for token, where in sorted(seen.items()):
        row = rows.get(token)
        if row is None:
            out.append(f"{token} is lost, which {where} had")
        elif where != {(row["node_name"], row["label"])}:
            out.append(f"{token} of {where} is for {row['node_name']} and {row['label']}")
    return out


class Tasks:
    """There is always a scan to be done."""

    def __init__(self, fleet):
        self.fleet, self.begun = fleet, 0

    def go_on(self):
        running = self.fleet.lab.muster("status")["tasks_running"]
        if running == 0:
            self.fleet.begin("--every-node")
            self.begun += 1


def kill(fleet, rng, tokens):
    """After a new token or two were seen, or a moment of any kind: False where nothing was scanned."""
    had = len(tokens.now())
    scanned = tokens.wait_for(had + rng.randrange(0, 3), DRY_S)
    until = time.monotonic() + rng.random() * rng.choice((0.03, 0.3))
    while time.monotonic() < until:  # busy: the moment itself is what is random
        pass
    fleet.restart_coordinator(lambda: None)
    return scanned


def crash(fleet, rng, tokens):
    tasks, dry = Tasks(fleet), 0
    tasks.go_on()
    for number in range(KILLS):
        dry += not kill(fleet, rng, tokens)
        seen = tokens.now()
        check(fleet.lab.muster("status")["mode"] == "normal", "it only was restarted")
        wrong = faults(fleet, seen)
        check(not wrong, f"after {number + 1} kills: {wrong}")
        tasks.go_on()
    check(dry < KILLS // 2 and len(tokens.now()) >= KILLS // 2, f"{dry} times nothing was scanned")
    return tasks.begun, dry


def finish(fleet):
    """What is left is done, by all, and nothing is left of it."""
    status = fleet.lab.muster("status")
    if status["tasks_running"] > 0:
        fleet.wait_done(max(t["no"] for t in fleet.lab.muster("task", "list")["tasks"]), 4 * LIMIT_S)
    fleet.wait_no_leases()
    for label in fleet.files:
        fleet.check_planted(label)
    fleet.check_untouched()


def old_database_is_noticed(fleet, tokens):
    """Whatever nodes say of it, the account does."""
    lab = fleet.lab
    lab.end(lab.coordinator, signal.SIGKILL)
    copy = shutil.copytree(lab.state, os.path.join(lab.dir, "older"))
    lab.start_coordinator(*fleet.settings, namespace=fleet.fleet.hub)
    had = len(tokens.now())
    fleet.begin("--every-node")
    check(tokens.wait_for(had + 1, LIMIT_S), "a scan begins")
    seen = tokens.now()
    check(not faults(fleet, seen), "and is in the history")
    lab.end(lab.coordinator, signal.SIGKILL)
    shutil.rmtree(lab.state)
    shutil.copytree(copy, lab.state)
    lab.start_coordinator(*fleet.settings, namespace=fleet.fleet.hub)
    wrong = faults(fleet, seen)
    check(any("is lost" in w for w in wrong), f"an old database is not noticed: {wrong}")
    print(f"an old database lacks {len(wrong)} of {len(seen)} tokens, as it must")


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid")
    rng = seed()
    with Lab() as lab, d.Disks(lab) as disks:
        with sf.ScanFleet(lab, disks, {"one": "ext4", "two": "ext4"}, more=FILES) as fleet:
            fleet.admit()
            fleet.settings += SETTINGS
            fleet.restart_coordinator(lambda: None)
            tokens = Tokens(fleet)
            tokens.start()
            begun, dry = crash(fleet, rng, tokens)
            finish(fleet)
            old_database_is_noticed(fleet, tokens)
            tokens.stop = True
            tokens.join()
            fleet.prove("kills")
            print(f"{KILLS} kills, {begun} scans begun, {dry} times nothing was scanned; "
                  f"{len(tokens.now())} tokens seen in loop devices, 0 lost")


main()
