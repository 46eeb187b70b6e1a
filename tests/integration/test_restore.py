# SPDX-License-Identifier: GPL-2.0-or-later
"""A backup says that it is one, a copied file is known as a copy, and another old database is
recognised by what the nodes remember: each grants nothing until `muster recover`, and then everything
comes back."""
import os
import shutil
import stat

from harness import Events, Lab, check, need_nic


def put_back(lab, copy, in_place=False):
    """With the coordinator ended. In place: over the file that there is, which stays the same."""
    for name in os.listdir(lab.state):
        if name.startswith("muster.db") and not (in_place and name == "muster.db"):
            os.unlink(os.path.join(lab.state, name))
    shutil.copy(copy, os.path.join(lab.state, "muster.db"))
    lab.start_coordinator()


def nothing_changes(lab):
    check(lab.muster("status")["mode"] == "recover", "mode")
    check(lab.muster("status")["nodes_up"] == 0, "a node does not follow an old database")
    refused = lab.muster_raw("network", "define", "x", "--match", "*/y")
    check(refused.returncode == 1 and "recover" in refused.stderr, refused.stderr)
    check(lab.muster_raw("recover").returncode != 0, "recover wants a confirmation")


def recover(lab, probe, before):
    events = Events(lab, since=lab.muster("status")["event_no"])
    lab.muster("recover", "--confirm", "recover")
    events.until(lambda e: e["kind"] == "node.up", "node up after recover")
    lab.end(events.process)
    after = lab.muster("status")
    check(after["mode"] == "normal", f"mode {after['mode']}")
    check(after["epoch"] > before["epoch"], "the epoch jumps")
    check(after["generation"] > before["generation"], "the generation jumps above all seen")
    lab.wait_known("edges known")
    check(probe.poll() is None, "the probe lived through it all")


def main():
    need_nic()
    with Lab() as lab:
        lab.start_coordinator()
        probe = lab.start_probe("here", lab.tokens()[0])
        events = Events(lab)
        events.until(lambda e: e["kind"] == "node.up", "node up")
        lab.end(events.process)
        copy = os.path.join(lab.dir, "copy.db")
        lab.muster("backup", copy)
        check(stat.S_IMODE(os.stat(copy).st_mode) == 0o600, "a backup is for its owner alone")
        check(lab.muster_raw("backup", copy).returncode == 1, "a backup never overwrites")
        lab.muster("network", "define", "after-the-backup", "--match", "*/nothing0")
        before = lab.muster("status")
        # A restart is no restore.
        lab.end(lab.coordinator)
        lab.start_coordinator()
        lab.wait_matrix(lambda m: lab.muster("status")["nodes_up"] == 1, "node back after a restart")
        check(lab.muster("status")["mode"] == "normal", "a restart is no restore")

        lab.end(lab.coordinator)
        file = os.path.join(lab.dir, "file.db")  # of which nobody has made a backup
        put_back(lab, copy)
        nothing_changes(lab)
        recover(lab, probe, before)
        print("a backup is in recover from its start")

        before = lab.muster("status")
        lab.end(lab.coordinator)
        shutil.copy(os.path.join(lab.state, "muster.db"), file)
        put_back(lab, file)
        nothing_changes(lab)
        recover(lab, probe, before)
        print("a copy of the file, as young as it may be, is in recover from its start")

        lab.end(lab.coordinator)
        shutil.copy(os.path.join(lab.state, "muster.db"), file)
        lab.start_coordinator()
        lab.wait_matrix(lambda m: lab.muster("status")["nodes_up"] == 1, "node back after a restart")
        lab.muster("network", "define", "after-the-copy", "--match", "*/nothing1")
        before = lab.muster("status")
        lab.end(lab.coordinator)
        put_back(lab, file, in_place=True)
        events = Events(lab)
        events.until(lambda e: e["kind"] == "node.restore-detected", "restore detected")
        lab.end(events.process)
        nothing_changes(lab)
        recover(lab, probe, before)
        print("another old database is recognised by what a node has seen")


main()
