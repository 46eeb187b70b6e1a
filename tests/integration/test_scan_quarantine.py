# SPDX-License-Identifier: GPL-2.0-or-later
"""Edges that are quarantined, by three real probes. One node's LUN is shorter than the file system that
it reports there, which no look at labels tells: it is not believed, another node reads it, and it is
believed again once it has proven that the whole is there, before it reads where nobody else may. Then the file system is another one on all
nodes, and nobody was told: each that is to read it finds out, looks again at once, and says so."""
import os

import disks as d
import scan_fleet as sf
from harness import Events, Lab, check, run

LABEL = "data"
TAIL = 16 * d.MIB


def set_size(fleet, name, cut):
    """That node's device has so many bytes less than the file; no other device is told."""
    path = fleet.files[LABEL]
    size = os.path.getsize(path)
    with open(path, "r+b") as f:
        f.seek(size - TAIL)
        tail = f.read()
        f.truncate(size - cut)
        sf.loops.ask(fleet.devices[name, LABEL], sf.loops.LOOP_SET_CAPACITY)
        f.truncate(size)
        f.seek(size - TAIL)
        f.write(tail)
        f.flush()
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    fleet.lab.wait(lambda: lun_bytes(fleet, name), lambda n: n == size - cut, f"{name} sees its size")


def lun_bytes(fleet, name):
    device = os.path.basename(fleet.devices[name, LABEL])
    doc = fleet.lab.muster("node", "show", name, "--section", "luns")
    return next(x["size_bytes"] for x in doc["sections"]["luns"]["rows"] if x["device"] == device)


def edges(fleet):
    """{(node, key of a file system): edge}"""
    doc = fleet.lab.muster("matrix", "--kind", "filesystem")
    name, key = [n["name"] for n in doc["nodes"]], [r["key"] for r in doc["resources"]]
    return {(name[e["node"]], key[e["resource"]]): e for e in doc["edges"]}


def wait_state(fleet, name, key, state):
    return fleet.lab.wait(lambda: edges(fleet).get((name, key)),
                          lambda e: e is not None and e["state"] == state, f"{name} is {state}")


def drain(fleet, names, *end):
    for name in names:
        fleet.lab.muster("node", "drain", *end, name)


def is_not_believed(fleet, key):
    """Beta alone may read it, and finds it shorter than it should be; then alpha may."""
    set_size(fleet, "beta", TAIL)
    drain(fleet, ["alpha", "gamma"])
    events = Events(fleet.lab, since=fleet.lab.muster("status")["event_no"])
    no = fleet.begin(LABEL)
    told, _ = events.until(lambda e: e["kind"] == "edge.quarantined",
                            "the edge is quarantined")
    check("beta" in told["text"] and "larger than its container" in told["text"], f"{told}")
    wait_state(fleet, "beta", key, "quarantined")
    check(fleet.lab.muster("status")["edges_quarantined"] == 1, "status counts it")
    held = fleet.lab.wait(lambda: fleet.task(no), lambda t: t["jobs"][0]["state"] == "held",
                          "nobody is left to read it")["jobs"][0]
    check("beta is not believed to, since it found something else" in held["reason"], f"{held}")
    chain = fleet.lab.muster("explain", "beta", LABEL)["evidence"]
    check(any(x["what"] == "scan" and "larger than its container" in x["text"] for x in chain), f"{chain}")
    taken = fleet.lab.muster_raw("hold", "take", LABEL, "--node", "beta", "--for", "a test")
    check(taken.returncode == 1 and "not believed" in taken.stderr, f"a hold: {taken}")
    drain(fleet, ["alpha"], "--end")
    doc = fleet.wait_done(no)
    read = next(j for j in doc["jobs"] if j["step"] == "read")
    check(read["node_name"] == "alpha" and read["result"] == "complete", f"{read}")
    reach = {j["node_name"]: j["result"] for j in doc["jobs"] if j["step"] == "reach"}
    check(reach == {"beta": "not_proven", "gamma": "proven"}, f"{reach}")
    got = fleet.check_reach(LABEL, alpha="read_here", beta="not_proven", gamma="proven")
    check("larger than its container" in got["beta"]["reason"], f"{got}")
    wait_state(fleet, "beta", key, "quarantined")
    fleet.check_planted(LABEL)
    fleet.lab.end(events.process)
    print("a node whose LUN is too short is not believed, and another reads it")


def lasts_over_a_restart(fleet, key):
    fleet.restart_coordinator(lambda: None)
    wait_state(fleet, "beta", key, "quarantined")
    wait_state(fleet, "alpha", key, "ok")
    print("which a restart of the coordinator does not change")


def cancel(fleet, no):
    fleet.lab.muster("task", "cancel", str(no))
    fleet.lab.wait(lambda: fleet.task(no)["task"]["state"], lambda s: s == "cancelled", "it is cancelled")


def proves_it_first(fleet, key):
    """Nobody else may read it: it is asked for a proof, which it cannot give yet; then it can, and reads."""
    drain(fleet, ["alpha"])
    no = fleet.begin(LABEL)
    jobs = fleet.lab.wait(lambda: fleet.task(no)["jobs"],
                          lambda v: {("reach", "done"), ("read", "held")} <= {(j["step"], j["state"]) for j in v},
                          "it was asked")
    check([j["result"] for j in jobs if j["step"] == "reach"] == ["not_proven"], f"{jobs}")
    check([j["state"] for j in jobs if j["step"] == "read"] == ["held"], f"{jobs}")
    cancel(fleet, no)
    set_size(fleet, "beta", 0)
    wait_state(fleet, "beta", key, "quarantined")  # what it says is what it said
    fleet.change(LABEL)
    doc = fleet.wait_done(fleet.begin(LABEL))
    results = {(j["step"], j["node_name"]): j["result"] for j in doc["jobs"]}
    check(results == {("read", "beta"): "complete", **{("reach", n): "proven" for n in fleet.names}},
          f"{doc['jobs']}")
    wait_state(fleet, "beta", key, "ok")
    check(fleet.reach(LABEL)["beta"]["how"] == "read_here", f"{fleet.reach(LABEL)}")
    fleet.check_planted(LABEL)
    print("who alone may read it proves that it is there first, and then reads it")


def is_short_again(fleet, key):
    set_size(fleet, "beta", TAIL)
    fleet.change(LABEL)
    no = fleet.begin(LABEL)
    wait_state(fleet, "beta", key, "quarantined")
    cancel(fleet, no)
    drain(fleet, ["alpha"], "--end")


def is_believed_again(fleet, key):
    set_size(fleet, "beta", 0)
    wait_state(fleet, "beta", key, "quarantined")
    events = Events(fleet.lab, since=fleet.lab.muster("status")["event_no"])
    fleet.wait_done(fleet.begin(LABEL))
    told, _ = events.until(lambda e: e["kind"] == "edge.believed",
                            "it has proven it")
    check("beta" in told["text"] and "proven" in told["text"], f"{told}")
    check(edges(fleet)["beta", key]["state"] == "ok", "ok again")
    check(fleet.reach(LABEL)["beta"]["how"] == "proven", f"{fleet.reach(LABEL)}")
    fleet.lab.end(events.process)
    print("it is believed again when it has proven that all is there")


def becomes_another(fleet, key):
    """Nothing announces that."""
    drain(fleet, ["gamma"], "--end")
    path = fleet.files[LABEL]
    run("e2fsck", "-fp", path)  # it has been mounted, and tune2fs wants it checked
    run("tune2fs", "-U", "random", path)
    with open(path, "rb") as f:
        os.fsync(f.fileno())
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    new = run("blkid", "-p", "-o", "value", "-s", "UUID", path).strip() + key[key.index("@"):]
    first = fleet.lab.muster("status")["event_no"]
    doc = fleet.wait_done(fleet.begin(LABEL), limit_s=120)
    read = next(j for j in doc["jobs"] if j["step"] == "read")
    check(read["result"] == "not_read", f"{read}")
    seen = set()
    for e in fleet.lab.muster("event", "tail", "--since", str(first))["events"]:
        if e["kind"] == "edge.quarantined" and "its superblock has the UUID" in e["text"]:
            seen.add(e["node_name"])
    check(seen, "whoever was to read it has found another")
    for name in seen:
        wait_state(fleet, name, key, "lost")
        wait_state(fleet, name, new, "ok")
    print(f"another file system: {', '.join(sorted(seen))} found it, and reported it at once")


def main():
    d.need_disks("qemu-img", "mkfs.ext4", "blkid", "e2fsck", "tune2fs")
    with Lab() as lab, d.Disks(lab) as disks:
        with sf.ScanFleet(lab, disks, {LABEL: "ext4"}, settings=sf.PATIENT) as fleet:
            fleet.admit()
            key = next(r["key"] for r in fleet.resources("filesystem")["resources"])
            is_not_believed(fleet, key)
            lasts_over_a_restart(fleet, key)
            proves_it_first(fleet, key)
            is_short_again(fleet, key)
            is_believed_again(fleet, key)
            fleet.check_untouched()
            becomes_another(fleet, key)
            fleet.wait_no_leases()
            fleet.prove("quarantined edges")


main()
