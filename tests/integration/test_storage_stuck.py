# SPDX-License-Identifier: GPL-2.0-or-later
"""A device that never answers, among a hundred that do: it is stuck, since when; everything else of
its host stays current, LVM too, and heartbeats go on; when it answers again it is well again, also for
a probe that was started meanwhile. And a hundred devices that appear at once cost few updates of a
section, not a hundred."""
import os
import time

from disks import MIB, Disks, Fleet, Times, Uevents, as_udev, need_disks
from harness import Events, LIMIT_S, Lab, check

MANY = int(os.environ.get("MUSTER_MANY", 100))
# Until a device is called stuck: 3 s for its label, the worker's start, and a busy machine.
STUCK_S = LIMIT_S / 3
TARGET_MS = 100.0
UPDATES = 10  # of a section, for MANY devices


class Host:
    def __init__(self, lab, disks):
        self.lab, self.disks = lab, disks
        self.kernel = Uevents()

    def lun(self, path):
        return next((r for r in self.lab.section("alpha", "luns")["rows"] if r.get("file") == path), {})

    def edge(self, path):
        return self.lab.matrix("--kind", "lun").get(("alpha", path), {"state": "none"})["state"]

    def current(self, times, kind, path, number, rounds):
        """The rest of the host: a device goes and comes."""
        device = f"/dev/loop{number}"
        events = Events(self.lab, since=self.lab.muster("status")["event_no"])
        for _ in range(rounds):
            for change in ("edge.lost", "edge.ok"):
                started = time.monotonic()
                if change == "edge.lost":
                    self.disks.detach(device)
                else:
                    self.disks.attach(0, path, number)
                _, arrived = events.until(
                    lambda e: e["kind"] == change and e.get("resource_label") == path, change)
                times.add(kind, self.kernel.first_after(started, device), arrived)
        self.lab.end(events.process)

    def lvm_is_current(self, device, name):
        before = self.lab.section("alpha", "vgs")["rows"][0]["seqno"]
        self.disks.lvm([device], "lvcreate", "-q", "-y", "-an", "-Zn", "-Wn", "-L", "4M", "-n", name,
                       "vg0")
        as_udev(device)
        self.lab.wait(lambda: self.lab.section("alpha", "vgs"),
                      lambda s: s["status"] == "ok" and s["rows"][0]["seqno"] > before,
                      f"the metadata of {name}", STUCK_S)
        self.lab.wait_matrix(lambda m: m.get(("alpha", f"vg0/{name}"), {}).get("state") == "ok", name,
                             "--kind", "lv", limit_s=STUCK_S)


def silence(host, silent, moving, number, vg_device):
    times, path = Times(), silent.path
    host.current(times, "before", moving, number, 5)
    silent.silence()
    as_udev(vg_device)  # any announcement: it is looked at again
    host.lab.wait(lambda: (host.edge(path), host.lun(path)),
                  lambda x: x[0] == "stuck" and x[1].get("state") == "stuck", "it is stuck", STUCK_S)
    row = host.lun(path)
    check(row.get("stuck_ms") is not None and row.get("state_text"), f"since when, and why: {row}")
    bad = {label: e for (_, label), e in host.lab.matrix("--kind", "lun").items()
           if label != path and e["state"] != "ok"}
    check(not bad, f"the others: {bad}")
    host.current(times, "beside a stuck one", moving, number, 5)
    host.lvm_is_current(vg_device, "meanwhile")
    later = host.lun(path)
    check(later["state"] == "stuck", f"it is still stuck: {later}")
    # What was heard after all that is a heartbeat.
    node = host.lab.wait(lambda: host.lab.muster("node", "list")["nodes"][0], lambda n: n["heard_ms"] < 1000,
                         "heartbeats")
    check(node["state"] == "up", f"heartbeats: {node}")
    lost = [e for e in host.lab.muster("event", "tail", "--since", "0")["events"]
            if e["kind"] in ("node.suspect", "section.stuck", "section.failed")]
    check(not lost, f"what the silent device cost: {lost}")
    silent.speak()
    host.lab.wait(lambda: (host.edge(path), host.lun(path)),
                  lambda x: x[0] == "ok" and x[1].get("state") == "ok", "it is well again")
    host.lab.wait_matrix(lambda m: m["alpha", "quiet"]["state"] == "ok", "and what it holds",
                         "--kind", "filesystem")
    told = [e["kind"] for e in host.lab.muster("event", "tail", "--since", "0")["events"]
            if e["resource_label"] == path and e["kind"] in ("edge.stuck", "edge.answers")]
    check(told == ["edge.stuck", "edge.answers"], f"events of it: {told}")
    times.tell(TARGET_MS)


def restart_beside(host, fleet, silent):
    """A probe that is started while the file does not answer cannot know which it is. When it does, what
    it was called meanwhile does not stay behind as lost."""
    silent.silence()
    host.lab.end(fleet.probes["alpha"])
    fleet.start("alpha")
    host.lab.wait(lambda: [r["key"] for r in host.lab.section("alpha", "luns")["rows"]
                           if r["state"] == "stuck"],
                  lambda keys: len(keys) == 1 and keys[0].startswith("local.loop"),
                  "it has no identity", STUCK_S)
    silent.speak()
    host.lab.wait(lambda: host.edge(silent.path), lambda state: state == "ok", "it has its own again")
    local = [r for r in host.lab.muster("resource", "list", "--kind", "lun")["resources"]
             if r["key"].startswith("local.loop")]
    check(not local, f"what it was called meanwhile: {local}")


def storm(host):
    numbers = host.disks.reserve(0, MANY)
    files = [host.disks.file(f"storm{i}", MIB) for i in range(MANY)]
    host.lab.wait(lambda: host.lab.section("alpha", "luns")["age_ms"], lambda age: age > 200, "quiet")
    before = host.lab.section("alpha", "luns")
    started = time.monotonic()
    for path, number in zip(files, numbers):
        host.disks.attach(0, path, number)
    attached = time.monotonic() - started
    after = host.lab.wait(lambda: host.lab.section("alpha", "luns"),
                          lambda s: len(s["rows"]) == len(before["rows"]) + MANY, f"{MANY} more LUNs")
    updates = after["generation"] - before["generation"]
    print(f"{MANY} devices attached in {attached * 1000:.0f} ms: {updates} updates of luns")
    check(updates <= UPDATES, f"{updates} updates of the section, allowed {UPDATES}")
    m = host.lab.wait_matrix(lambda m: all(m.get(("alpha", f), {}).get("state") == "ok" for f in files),
                             "their edges", "--kind", "lun")
    check(len(m) == len(after["rows"]), f"{len(m)} edges of {len(after['rows'])} LUNs")


def main():
    need_disks("lvm", "mkfs.ext4")
    with Lab() as lab, Disks(lab) as disks:
        silent = disks.silent_file("fuse", disks.make("ext4", "quiet", "-L", "quiet"))
        disks.attach(0, silent.path, read_only=True)
        moving = disks.make("ext4", "moving", "-L", "moving")
        number = disks.reserve(0)[0]
        disks.attach(0, moving, number)
        vg_device = disks.attach(0, disks.file("pv"))
        disks.lvm([vg_device], "pvcreate", "-q", vg_device)
        disks.lvm([vg_device], "vgcreate", "-q", "vg0", vg_device)
        fleet = Fleet(lab, disks, ("alpha",), extra=("--rescan", "2s"))
        lab.wait_matrix(lambda m: len(m) == 3 and all(e["state"] == "ok" for e in m.values()),
                        "three LUNs", "--kind", "lun")
        host = Host(lab, disks)
        storm(host)
        lab.wait_matrix(lambda m: all(m.get(k, {}).get("state") == "ok" for k in
                                      (("alpha", "quiet"), ("alpha", "moving"))), "filesystems",
                        "--kind", "filesystem")
        lab.wait_matrix(lambda m: m.get(("alpha", "vg0"), {}).get("state") == "ok", "the VG", "--kind",
                        "vg")
        silence(host, silent, moving, number, vg_device)
        restart_beside(host, fleet, silent)


main()
