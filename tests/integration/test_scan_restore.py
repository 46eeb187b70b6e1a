# SPDX-License-Identifier: GPL-2.0-or-later
"""A backup that was made while leases and holds lived is put back, while a lease that it does not know of
lives. Nothing is granted before an operator says so, nor for two minutes after it, since any lease of
the lost time may live so long; nor then what the silent node sees that had one. No result is taken under
a token of the lost time. In the end all is scanned, in a new epoch, and no two ever had it mounted."""
import os
import shutil
import signal
import time

import disks as d
import scan_fleet as sf
from harness import Events, Lab, check

FILES = 1500
WAIT_S = 120  # the longest lease that there is
EPOCH_SHIFT = 40


def holds(fleet):
    return fleet.lab.muster("hold", "list")["holds"]


def epoch(token):
    return int(token) >> EPOCH_SHIFT


def result_of(fleet, label):
    return next(r["scan"] for r in fleet.resources("filesystem")["resources"] if r["label"] == label)


def back_up(fleet):
    """While a worker has one mounted under a lease, and beta has a hold of another: (the copy, the lease's
    token). Then the worker goes on, and the hold is ended: of that the copy knows nothing."""
    fleet.lab.muster("hold", "take", "held", "--node", "beta", "--for", "what it writes")
    no, name, pid = fleet.begin_and_catch("one")
    live = [v for v in fleet.leases() if v["state"] == "live"]
    check([v["node_name"] for v in live] == [name] and len(holds(fleet)) == 1, f"{live} {holds(fleet)}")
    copy = os.path.join(fleet.lab.dir, "copy.db")
    fleet.lab.muster("backup", copy)
    os.kill(pid, signal.SIGCONT)
    fleet.wait_done(no)
    fleet.lab.muster("hold", "end", holds(fleet)[0]["token"])
    check(result_of(fleet, "one") == "complete" and not holds(fleet), "after the backup")
    return copy, live[0]["token"]


def lost_time(fleet):
    """What the copy knows nothing of: a node that is silent and has a lease, and another, whose worker will
    have a result: (both, that worker's pid, the highest token)."""
    _, silent, _ = fleet.begin_and_catch("two")
    fleet.fleet.probes[silent].send_signal(signal.SIGSTOP)
    fleet.lab.muster("node", "drain", silent)  # so that no other scan is offered to it
    _, teller, second = fleet.begin_and_catch("three", but=[silent])
    tokens = [v["token"] for v in fleet.leases()]
    check(len(tokens) == 2, f"two leases: {fleet.leases()}")
    return (silent, teller), second, max(map(int, tokens))


def put_back(fleet, copy, worker):
    """The worker goes on and ends its scan when there is nobody to tell."""
    def meanwhile():
        os.kill(worker, signal.SIGCONT)
        for name in os.listdir(fleet.lab.state):
            if name.startswith("muster.db"):
                os.unlink(os.path.join(fleet.lab.state, name))
        shutil.copy(copy, os.path.join(fleet.lab.state, "muster.db"))
    fleet.restart_coordinator(meanwhile)


def grants_nothing(fleet):
    """Until an operator decides."""
    check(fleet.lab.muster("status")["mode"] == "recover", "it is in recover from its start")
    for args in (["scan", "one"], ["hold", "take", "one", "--node", "alpha", "--for", "a test"]):
        r = fleet.lab.muster_raw(*args)
        check(r.returncode == 1 and "recover" in r.stderr, f"{args}: {r}")
    check(len(holds(fleet)) == 1, f"what the copy has: {holds(fleet)}")


def refused_on_the_wire(fleet, teller):
    """The node that ended its scan has told of it, under its old token, and was answered."""
    def told():
        logs = [n for n in os.listdir(fleet.lab.dir) if n.startswith(f"probe-{teller}-")]
        return "".join(d.file_text(os.path.join(fleet.lab.dir, n)) for n in logs)
    fleet.lab.wait(told, lambda text: "a result was not taken: Its lease is over" in text,
                   f"the result of {teller} is refused")


def recover(fleet, silent, teller):
    """The moment before it. Then all but the silent node are in again, and one had a result."""
    events = Events(fleet.lab, since=fleet.lab.muster("status")["event_no"])
    before = time.monotonic()
    fleet.lab.muster("recover", "--confirm", "recover")
    up = set()
    while up < set(fleet.names) - {silent}:
        up.add(events.until(lambda e: e["kind"] == "node.up", "they follow it")[0]["node_name"])
    fleet.lab.end(events.process)
    check(fleet.lab.muster("status")["mode"] == "normal", "mode")
    refused_on_the_wire(fleet, teller)
    return before


def waits(fleet, before, silent):
    """Nothing is granted for as long as any lease may last; then the silent node is in the way of what it
    sees."""
    no = fleet.begin("one", "two", "three")
    def held(text):
        return lambda t: all(j["state"] == "held" and text in j["reason"] for j in t["jobs"])
    fleet.lab.wait(lambda: fleet.task(no), held("after the recovery"), "nothing is granted")
    other = next(n for n in fleet.names if n != silent)
    r = fleet.lab.muster_raw("hold", "take", "one", "--node", other, "--for", "a test")
    check(r.returncode == 1 and "after the recovery" in r.stderr, f"a hold: {r}")
    def look():
        doc = fleet.task(no)
        check(not any(j["token"] for j in doc["jobs"]),
              f"granted {time.monotonic() - before:.1f} s after the recovery: {doc['jobs']}")
        return doc
    fleet.lab.wait(look, held(f"what rights {silent} has is not known"), f"{silent} is waited for",
                   WAIT_S + 60)
    took = time.monotonic() - before
    check(took >= WAIT_S, f"nothing is granted for {WAIT_S} s: {took:.1f} s")
    for label in ("one", "two", "three"):
        check(result_of(fleet, label) is None, f"{label}: a result under a token of the lost time")
    print(f"nothing was granted for {took:.0f} s after the recovery, nor then beside {silent}")
    return no


def goes_on(fleet, no, silent, highest):
    """The silent node speaks."""
    fleet.fleet.probes[silent].send_signal(signal.SIGCONT)
    doc = fleet.wait_done(no)
    for j in doc["jobs"]:
        if j["step"] == "read":
            check(j["result"] == "complete" and int(j["token"]) > highest, f"{j}")
            check(epoch(j["token"]) > epoch(highest), f"another epoch: {j}")
    held = holds(fleet)
    check([h["node_name"] for h in held] == ["beta"], f"the hold of the copy: {held}")
    fleet.lab.muster("hold", "end", held[0]["token"])
    fleet.wait_done(fleet.begin("held"))
    for label in fleet.files:
        fleet.check_planted(label)
    print("then all is scanned, in a new epoch")


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid")
    with Lab() as lab, d.Disks(lab) as disks:
        labels = ("one", "two", "three", "held")
        with sf.ScanFleet(lab, disks, {label: "ext4" for label in labels}, more=FILES) as fleet:
            fleet.admit()
            before = lab.muster("status")["epoch"]
            copy, known = back_up(fleet)
            (silent, teller), worker, highest = lost_time(fleet)
            check(highest > int(known), f"{highest} {known}")
            put_back(fleet, copy, worker)
            grants_nothing(fleet)
            moment = recover(fleet, silent, teller)
            check(lab.muster("status")["epoch"] > before, "the epoch is another")
            no = waits(fleet, moment, silent)
            goes_on(fleet, no, silent, highest)
            fleet.wait_no_leases()
            fleet.check_untouched()
            fleet.prove("a restored backup")


main()
