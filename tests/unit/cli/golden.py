#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What each command prints for made-up replies, held against tests/golden/cli; with --schema every
JSON document against docs/json/muster.schema.json instead.
Usage: golden.py TOP MUSTER-DOUBLE [--update|--schema] [NAME...]"""
import datetime
import difflib
import json
import os
import subprocess
import sys
import tempfile
import time
import unicodedata

import encode
import made_up
import made_up_lvm as lvm
import made_up_place as place
import made_up_scans as scans
import made_up_storage as storage
from made_up import Script, coordinator, fails, status

WIDTH = 80


def scripts(e):
    """Name -> script. Built once; each run copies its answers to a folder of its own."""
    three, fleet = made_up.three(), made_up.fleet()
    nodes, resources, edges = three
    by_name = {n["name"]: n for n in nodes}
    by_label = {r["label"]: r for r in resources}

    def of(n=None, r=None):
        picked = [x for x in edges if (n is None or x["node"] == by_name[n]["index"]) and
                  (r is None or x["resource"] == by_label[r]["index"])]
        return {"nodes": [x for x in nodes if n in (None, x["name"])],
                "resources": [x for x in resources if r in (None, x["label"]) and
                              any(k["resource"] == x["index"] for k in picked)],
                "edges": picked}

    def small():
        return coordinator(e, three)

    def all_states():
        states = ("up", "suspect", "down", "never", "pending", "quarantined", "dead")
        listed = [made_up.node(f"n-{s}", i, s, text={
            "pending": "Waits for an operator.",
            "quarantined": "Two machines claim to be this node."}.get(s, "")) for i, s in
            enumerate(states)]
        listed[0].update(draining=True, edges_ok=3)
        return Script(e).say("NODE_LIST", {"nodes": listed})

    def backup(total=600000):
        parts = [262144, 262144, total - 524288]
        return small().say("BACKUP_BEGIN", {"handle": 77, "total_bytes": 600000}) \
            .say("BACKUP_READ", *({"chunk": bytes(n)} for n in parts), {}).say("BACKUP_END", {})

    show = {**of("node2"), "nodes": [by_name["node2"]], "sections": made_up.sections()}
    explain = {"nodes": [by_name["node2"]], "resources": [by_label["storage-a"]],
               "edges": of("node2", "storage-a")["edges"], "evidence": made_up.evidence()}
    more = [dict(x, no=x["no"] + 100, kind="x.y" * 9) for x in made_up.events()]
    recover = status(mode="recover", nodes_up=0, mode_text="This database is older than what nodes "
                     "have seen of it, or a copy of it; nothing changes until an operator decides: "
                     "muster recover --confirm recover")
    ports = {"nodes": [by_name["node2"]], "resources": [by_label["storage-a"], by_label["mgmt"]],
             "edges": [*of("node2", "storage-a")["edges"], *of("node2", "mgmt")["edges"]]}
    return {
        "three": small(),
        "fleet": coordinator(e, fleet, nodes_up=294, nodes_suspect=1, nodes_down=4,
                             nodes_quarantined=1, resources=605, edges_ok=1700, edges_lost=33,
                             edges_degraded=12, edges_unknown=30, edges_stuck=6, sections_stuck=1),
        "empty": coordinator(e, ([], [], [])).say("NETWORK_LIST", {}).say("EVENTS", {})
            .say("TOKEN_LIST", {}).say("CLIENT_LIST", {}).say("STATUS", status(
                nodes_up=0, nodes_down=0, resources=0, edges_ok=0, edges_degraded=0, edges_lost=0,
                edges_unknown=0, edges_stuck=0, sections_stuck=0, messages_dropped=0, drops=[])),
        "ready": Script(e).say("NODE_LIST", {"nodes": [
            made_up.node("node1", 1, edges_ok=3), made_up.node("node2", 2)]})
            .say("NODE_SHOW", {"nodes": [made_up.node("node2", 2)],
                               "sections": [{"section": 2, "status": 2}]})
            .say("wait", fails("timeout", "nothing changed within 1 s")),
        "well": Script(e).say("STATUS", status(
            nodes_down=0, nodes_up=3, edges_degraded=0, edges_lost=0, edges_unknown=0,
            edges_stuck=0, edges_ok=9, sections_stuck=0)),
        "activating": Script(e).say("STATUS", status(
            nodes_down=0, nodes_up=3, edges_degraded=0, edges_lost=0, edges_unknown=0,
            edges_stuck=0, edges_ok=9, sections_stuck=0, vgs_activating=4, vgs_activating_text=(
                "xen1 activates LVs of volume group fast by itself, one of 4 such: muster vg "
                "autoactivation-off fast, or 'auto_activation_volume_list = []' in its lvm.conf."))),
        "one": Script(e).say("STATUS", status(
            nodes_down=0, nodes_up=1, edges_degraded=0, edges_lost=0, edges_unknown=0,
            edges_stuck=0, edges_ok=1, sections_stuck=0)),
        "silent": Script(e).say("STATUS", status(nodes_down=0, nodes_up=2, nodes_suspect=1)),
        "conflict": Script(e).say("STATUS", status(nodes_pending=1, nodes_quarantined=1)),
        "states": all_states(),
        "show": small().say("NODE_SHOW", show),
        "one-node": small().say("SNAPSHOT", {**of("node2"), "nodes": [by_name["node2"]]}),
        "one-resource": small().say("SNAPSHOT", of(r="storage-a"))
            .say("RESOURCE_SHOW", of(r="storage-a")),
        "unseen": small().say("SNAPSHOT", {"nodes": [by_name["node2"]],
                                           "resources": [by_label["lab"]]}),
        "unseen-all": small().say("SNAPSHOT", {"resources": [by_label["lab"]]}),
        "unseen-half": small().say("SNAPSHOT", {**of(r="storage-a"), "resources": [
            by_label["storage-a"], by_label["lab"]]}),
        "seeing-none": small().say("SNAPSHOT", {"nodes": [by_name["node2"]]}),
        "full": Script(e).say("STATUS", status(mode="read-only", mode_text="the disk that holds "
                                               "/var/lib/muster/muster.db is full: free some "
                                               "space")),
        "dropped": Script(e).say("STATUS", status(
            messages_dropped=12, drops=["malformed 5", "not-registered 7"])),
        "early": Script(e).say("STATUS", status(messages_dropped=1, drops=["not-registered 1"])),
        "explain": small().say("EXPLAIN", explain),
        # The answers by turns: there is no such resource, then the one that the port leads to.
        "explain-port": small().say("EXPLAIN", e.refusal(
            "NOT_FOUND", "There is no resource 'bond0.100'."), explain).say("SNAPSHOT", ports),
        "explain-ports": small().refuse("EXPLAIN", "NOT_FOUND", "There is no resource 'eth0'.")
            .say("SNAPSHOT", {**ports, "edges": [dict(x, ports=["eth0"]) for x in ports["edges"]]}),
        "explain-no-port": small().refuse("EXPLAIN", "NOT_FOUND", "There is no resource 'eth9'.")
            .say("SNAPSHOT", ports),
        "explain-not": small().say("EXPLAIN", {
            **explain, "resources": [by_label["lab"]], "edges": [], "evidence": [
            {"depth": 0, "what": "network", "name": "lab", "state": "missing",
             "text": "No port of node2 matches 'rack7-*/eth0', untagged.",
             "mend": "Add a VLAN 7 to eth0 of node2, or declare another port: muster network "
                     "define lab --vlan 7 --match 'node2/eth1'"}]}),
        "impact": small().say("IMPACT", {**of(r="storage-a"), "evidence": [
            {"depth": 0, "what": "network", "name": "storage-a", "state": "info",
             "text": "34 nodes see it now, 31 of them with all paths."},
            *({"depth": 1, "what": "node", "name": f"rack5-{i}", "state": "degraded" if i < 4
               else "ok", "text": "Through bond0.100; it sees 2 other networks."}
              for i in range(1, 33)),
            {"depth": 1, "what": "node", "name": "node1", "state": "ok",
             "text": "Through bond0.100; it is the only network that this node sees now."},
            {"depth": 1, "what": "node", "name": "rack5-40", "state": "ok",
             "text": "Through bond0.100; it sees 2 other networks."}]}),
        "change": small().say("NODE_APPROVE", {"nodes": [by_name["node1"]]})
            .say("NODE_RENAME", {"nodes": [by_name["node1"]]}).say("NODE_FORGET", {})
            .say("NODE_DECLARE_DEAD", {}).say("NODE_DRAIN", {"nodes": [by_name["node1"]]})
            .say("NETWORK_DEFINE", {"networks": [made_up.networks()[0]]})
            .say("NETWORK_DELETE", {}).say("RECOVER", {}),
        "tokens": small().say("TOKEN_CREATE", {"tokens": [
            dict(t, token=f"m1.{'ab' * 32}.{i:032x}") for i, t in enumerate(made_up.tokens(3))]})
            .say("TOKEN_LIST", {"tokens": [
                *made_up.tokens(1), *made_up.tokens(1, state="used", id="0badcafe"),
                *made_up.tokens(1, role="operator", state="expired", id="deadbeef"),
                *made_up.tokens(1, node=made_up.an_id("node1"), id="1234abcd")]}),
        "revoke": small().say("TOKEN_REVOKE", {}).say("CLIENT_REVOKE", {}).say("CLIENT_LIST", {
            "clients": [made_up.client("grafana", 7), made_up.client("ops", 8, role="operator"),
                        made_up.client("laptop", 9, state="revoked")]}),
        "revoke-not": small().refuse("TOKEN_REVOKE", "NOT_FOUND", "There is no token '1234abcd'; "
                                     "muster token list shows their ids.")
            .refuse("CLIENT_REVOKE", "REFUSED", "2 clients are called 'ops'; give the beginning "
                    "of one's key, as muster client list shows it."),
        "define-again": small().say("NETWORK_DEFINE", {"networks": [dict(
            made_up.networks()[0], ports=3, ambiguous=1, overlaps=["lab"],
            was="VLAN 20, rack7-*/bond0")]}),
        "define-shared": small().say("NETWORK_DEFINE", {"networks": [dict(
            made_up.networks()[0], ports=0, ambiguous=2, overlaps=["lab", "mgmt"])]}),
        "starting": Script(e).say("STATUS", status(
            nodes_up=3, nodes_never=5, nodes_down=0, edges_degraded=0, edges_lost=0,
            edges_unknown=40, edges_stuck=0, edges_ok=9, sections_stuck=0)),
        "enrol": small(),
        "backup": backup(), "backup-short": backup(590000),
        "backup-full": small().refuse("BACKUP_BEGIN", "FAILED", "the backup "
                                      "/var/lib/muster/backup-00000000000004d2.tmp cannot be "
                                      "written: database or disk is full"),
        "invalid": small().refuse("NETWORK_DEFINE", "INVALID", "'a b' is no name for a network.")
            .refuse("TOKEN_CREATE", "INVALID", "A token lives from 1 s to 366 d."),
        "bad-endpoint": Script(e).say("connect", fails(
            "usage", "7412 is not an endpoint; write ipc://PATH or tcp://HOST:PORT")),
        "events-paged": small().say("EVENTS", {"events": made_up.events(), "more": True},
                                    {"events": more}),
        "follow": small().say("EVENTS", {"events": made_up.events()}, {"events": more[:1]})
            .say("wait", {"generation": 5000, "event_no": 201}, fails("local", "the script ends")),
        "follow-lost": small().say("EVENTS", {"events": made_up.events()}, {"events": more[:1]})
            .say("wait", fails("unreachable", "the coordinator at ipc:///x has stopped answering"),
                 fails("unreachable", "the coordinator at ipc:///x has stopped answering"),
                 {"generation": 20, "event_no": 30}, fails("local", "the script ends")),
        "recover": small().say("STATUS", recover),
        "recover-refused": small().refuse("NETWORK_DEFINE", "REFUSED", "This database is older "
                                          "than what node1 has seen; see muster status."),
        "not-found": small().refuse("NODE_SHOW", "NOT_FOUND", "There is no node 'nodex'.")
            .refuse("EXPLAIN", "NOT_FOUND", "There is no node 'nodex'.")
            .refuse("RESOURCE_SHOW", "NOT_FOUND", "There is no resource 'x'."),
        "ambiguous": small().refuse("NODE_SHOW", "AMBIGUOUS", "The ids of 2 nodes begin with "
                                    "'4c4c'.", candidates=["node1", "node10"]),
        "forbidden": small().refuse("TOKEN_CREATE", "FORBIDDEN", "Only an operator may do this; "
                                    "this key is an observer's."),
        "read-only": small().refuse("NODE_DRAIN", "READ_ONLY", "Nothing can be stored just now: "
                                    "the disk is full."),
        "too-large": small().refuse("SNAPSHOT", "TOO_LARGE", "20000 nodes, 9 resources and 900000 "
                                    "edges are more than one answer of 64 MiB holds."),
        "unreachable": Script(e).say("connect", {}).say("HELLO", fails("unreachable", UNREACHABLE))
            .say("STATUS", fails("unreachable", UNREACHABLE))
            .say("SNAPSHOT", fails("unreachable", UNREACHABLE)),
        "no-key": Script(e).say("connect", fails(
            "local", "there is no key file /root/.config/muster/client.key; a connection over tcp "
            "needs one, which 'muster enrol' makes")),
        "enrol-refused": small().say("enrol", fails("reply", "The token is used already.")),
        "hostile": coordinator(e, ([made_up.node("evil\u202enode\u200b", 1),
                                    made_up.node("n\u00e4me-" + "long" * 20, 2)],
                                   [made_up.network("ne\u0301t", 1)],
                                   [made_up.edge({"index": 1}, {"index": 1}),
                                    made_up.edge({"index": 1}, {"index": 77}),
                                    made_up.edge({"index": 3}, {"index": 1}),
                                    made_up.edge({"index": 2}, {"index": 1}, state=99)])),
        "old": Script(e).say("STATUS", {}),
        **storage_scripts(e),
        **scan_scripts(e),
    }


def scan_scripts(e):
    nodes, things, edges = storage.rack()
    things = scans.scanned(things)
    filesystems = [r for r in things if r["kind"] == "filesystem"]
    seen = [x for x in edges if any(r["index"] == x["resource"] for r in filesystems)]
    listed = {"nodes": nodes, "resources": filesystems, "edges": seen, "uses": storage.uses(
        nodes, things), "leases": scans.leases()[:1] + [scans.hold()],
        "filesystems": storage.told(things)}
    one = [r for r in filesystems if r["key"] == scans.DATA]
    xen1 = [n for n in nodes if n["name"] == "xen1"]
    swap = [r for r in filesystems if r["label"] == storage.FS_SWAP]
    admit = [dict(one[0], changed=True), dict(swap[0], changed=False)]
    hint = {"generation": 5000, "event_no": 200}
    running = [{"tasks": [scans.task(6), scans.task()]},
               {"tasks": [scans.task(jobs_done=2, jobs_running=1)]},
               {"tasks": [scans.task(jobs_done=3, jobs_running=0, images=319, step="reach")]}, {}]
    done = scans.task(state="done", images=319, mounts=3, skipped=1)
    good = scans.task(state="done", images=312, mounts=2, jobs=2, jobs_done=2)
    images = scans.images()
    resources = [scans.image_resource(x, 900 + i) for i, x in enumerate(images)]

    def scan(end, jobs):
        return Script(e).say("SCAN", {"tasks": [scans.task(jobs_done=0)]}) \
            .say("TASK_LIST", *running).say("wait", hint) \
            .say("TASK_SHOW", {"tasks": [end], "jobs": jobs})

    def one_image(x, all_of_it):
        r = scans.image_resource(x)
        return Script(e).say("RESOURCE_SHOW", {"nodes": nodes[1:3], "resources": [
            dict(r, nodes_ok=2)], "edges": [made_up.edge(n, r) for n in nodes[1:3]]}) \
            .say("IMAGE_LIST", {"images": [x]}, {"images": all_of_it})

    lost = fails("unreachable", "the coordinator at ipc:///x has stopped answering")
    return {
        "fs-scanned": Script(e).say("FS_LIST", listed),
        "fs-scanned-one": Script(e).say("FS_LIST", {**listed, "resources": one, "edges": [
            x for x in seen if x["resource"] == one[0]["index"]], "uses": [],
            "reaches": scans.reaches(nodes, one[0])}),
        "fs-unasked": Script(e).say("FS_LIST", {**listed, "resources": one, "edges": [
            x for x in seen if x["resource"] == one[0]["index"]], "uses": []}),
        "explain-reach": Script(e).say("EXPLAIN", {
            "nodes": xen1, "resources": one, "edges": [
                x for x in seen if (x["node"], x["resource"]) == (xen1[0]["index"], one[0]["index"])],
            "reaches": scans.reaches(nodes, one[0])[1:2], "evidence": scans.reach_evidence()}),
        "fs-show": Script(e).say("RESOURCE_SHOW", {
            "nodes": nodes, "resources": one, "edges": [x for x in seen
                                                        if x["resource"] == one[0]["index"]]}),
        "admit": Script(e).say("FS_ADMIT", {"resources": admit}),
        "admit-none": Script(e).say("FS_ADMIT", {}),
        "admit-refused": Script(e).refuse("FS_ADMIT", "REFUSED", "'guests/swap' is swap, which has "
                                          "no files to look through."),
        "scan": scan(done, scans.jobs()),
        "scan-good": scan(good, scans.good_jobs()),
        "scan-cancelled": scan(scans.task(state="cancelled", text="An operator cancelled it."), [
            *scans.good_jobs(), scans.without(scans.job(3, "spare", None, None, state="done"),
                                              "result", "token", "ms", "images")]),
        "scan-every": scan(dict(good, every_node=True), scans.good_jobs()).say(
            "SCAN", {"tasks": [scans.task(jobs_done=0, every_node=True)]}),
        "scan-none": scan(dict(good, jobs=0, jobs_done=0), []).say(
            "SCAN", {"tasks": [scans.task(state="done", jobs=0)]}),
        "rescan": Script(e).say("RESCAN", {"tasks": [scans.rescan()]}).say("TASK_LIST", {}).say(
            "TASK_SHOW", {"tasks": [scans.rescan("done", text="2 done, 1 failed.")],
                          "jobs": scans.rescan_jobs()}),
        "rescan-good": Script(e).say("RESCAN", {"tasks": [scans.rescan()]}).say(
            "TASK_LIST", {}).say("TASK_SHOW", {
                "tasks": [scans.rescan("done", text="2 done, 0 failed.", jobs=2, jobs_done=2)],
                "jobs": scans.rescan_jobs(False)}),
        "rescan-waits": Script(e).say("TASK_SHOW", {"tasks": [scans.rescan()], "jobs": [
            *scans.rescan_jobs(False)[:1], scans.rescan_job(2, "xen2", "waiting", None),
            scans.rescan_job(3, "xen3", "offered", None)]}),
        "rescan-refused": Script(e).refuse("RESCAN", "REFUSED",
                                           "xen3 cannot be asked now: it is down."),
        "vg-all": Script(e).say("VG_LIST", lvm.listed()),
        "vg-one": Script(e).say("VG_LIST", lvm.shown()),
        "vg-activating": Script(e).say("VG_LIST", lvm.activating(0, 2)),
        "vg-none": Script(e).say("VG_LIST", {}),
        "vg-adopt": Script(e).say("VG_ADOPT", {}),
        "vg-change": Script(e).say("VG_CHANGE", {"tasks": [lvm.task()]}).say("TASK_LIST", {}).say(
            "TASK_SHOW", {"tasks": [lvm.ended("done", "LV fast/vm7-root is changed; 4 nodes are "
                                              "current, 0 behind.")]}),
        "vg-change-failed": Script(e).say("VG_CHANGE", {"tasks": [lvm.task()]}).say(
            "TASK_LIST", {}).say("TASK_SHOW", {"tasks": [lvm.ended(
                "failed", "LV fast/vm7-root is not changed: there is no room for it.")]}),
        "vg-refused": Script(e).refuse("VG_CHANGE", "REFUSED",
                                       "Volume group fast has an LV 'vm7-root' already."),
        "lv-activate": Script(e).say("LV_ACTIVATE", {"tasks": [lvm.activation()]}).say(
            "TASK_LIST", {}).say("TASK_SHOW", {"tasks": [lvm.activation(
                state="done", ended_ms=1)]}),
        "lv-activate-refused": Script(e).refuse(
            "LV_ACTIVATE", "REFUSED",
            "fast/vm7-root: xen1 has it active (token 3298534883341)."),
        "scan-refused": Script(e).refuse("SCAN", "REFUSED", "No filesystem is admitted; muster fs "
                                         "admit lets one be scanned."),
        "scan-lost": Script(e).say("SCAN", {"tasks": [scans.task(jobs_done=0)]}).say(
            "TASK_LIST", running[0], lost, *running[2:]).say("wait", hint).say(
            "TASK_SHOW", {"tasks": [good], "jobs": scans.good_jobs()}),
        # The list was too long to have it: it is asked for again.
        "scan-long": Script(e).say("SCAN", {"tasks": [scans.task(jobs_done=0)]}).say(
            "TASK_LIST", {"tasks": [scans.task(6)], "more": True}, *running[1:]).say(
            "wait", hint).say("TASK_SHOW", {"tasks": [scans.task()]},
                              {"tasks": [good], "jobs": scans.good_jobs()}),
        "tasks": Script(e).say("TASK_LIST", {"tasks": [
            scans.task(12, jobs=4000, jobs_done=17, text="every filesystem that is admitted"), done,
            scans.task(8, "cancelled"), scans.task(9, "failed", text="The node that it is about "
                                                   "was forgotten.")]}),
        "tasks-none": Script(e).say("TASK_LIST", {}),
        "task-running": Script(e).say("TASK_SHOW", {"tasks": [scans.task(
            jobs=42, jobs_done=39, jobs_running=1, images=780)], "jobs": scans.running_jobs()}),
        "task-done": Script(e).say("TASK_SHOW", {"tasks": [done], "jobs": scans.jobs()}),
        "task-not-found": Script(e).refuse("TASK_SHOW", "NOT_FOUND", "There is no task 7."),
        "task-cancel": Script(e).say("TASK_CANCEL", {"tasks": [scans.task()]}),
        "task-cancelled": Script(e).say("TASK_CANCEL", {"tasks": [scans.task(state="cancelled")]}),
        "leases": Script(e).say("LEASE_LIST", {"leases": scans.leases()}),
        "leases-history": Script(e).say("LEASE_LIST", {"leases": scans.history(), "more": True}),
        "leases-none": Script(e).say("LEASE_LIST", {}).say("HOLD_LIST", {}),
        "holds": Script(e).say("HOLD_LIST", {"leases": [scans.hold()]})
            .say("HOLD_TAKE", {"leases": [scans.hold()]}).say("HOLD_END", {}).say("HOLD_BREAK", {}),
        "holds-history": Script(e).say("HOLD_LIST", {"leases": scans.holds_history()}),
        "hold-refused": Script(e).refuse("HOLD_TAKE", "REFUSED", "data is in use: " + scans.HELD)
            .refuse("HOLD_END", "NOT_FOUND", "There is no hold 3298534883339.")
            .refuse("HOLD_BREAK", "NOT_FOUND", "There is no resource 'dat'."),
        "images": Script(e).say("RESOURCE_LIST", {"resources": resources}).say(
            "IMAGE_LIST", {"images": images[:3], "more": True}, {"images": images[3:]}),
        "images-none": Script(e).say("RESOURCE_LIST", {}).say("IMAGE_LIST", {}),
        "images-matrix": coordinator(e, (nodes, resources, [
            made_up.edge(n, r) for n in nodes[1:] for r in resources])),
        "image": one_image(images[1], images),
        "image-raw": one_image(images[0], images),
        "image-split": one_image(images[6], images),
        "image-broken": one_image(images[5], images),
        "image-outside": one_image(images[3], images),
        "image-unresolved": one_image(images[4], images),
        "image-circle": one_image(scans.circle()[0], scans.circle()),
        "image-gone": one_image(images[0], []).say("IMAGE_LIST", {}),
        "scanning": Script(e).say("STATUS", status(
            nodes_down=0, nodes_up=3, edges_degraded=0, edges_lost=0, edges_unknown=0, edges_stuck=0,
            sections_stuck=0, leases_live=12, leases_residue=1, holds=2, tasks_running=1,
            jobs_running=12, jobs_held=3)),
    }


def storage_scripts(e):
    nodes, things, edges = rack = storage.rack()
    by_name = {n["name"]: n for n in nodes}

    def only(kind):
        some = [r for r in things if r["kind"] == kind]
        some_edges = [x for x in edges if any(r["index"] == x["resource"] for r in some)]
        return coordinator(e, (nodes, some, some_edges))

    def of(node=None, key=None):
        picked = [x for x in edges if (node is None or x["node"] == by_name[node]["index"]) and
                  (key is None or any(r["key"] == key and r["index"] == x["resource"]
                                      for r in things))]
        return {"nodes": [n for n in nodes if any(x["node"] == n["index"] for x in picked)],
                "resources": [r for r in things if any(x["resource"] == r["index"]
                                                       for x in picked)],
                "edges": picked}

    def show(sections):
        xen3 = of("xen3")
        return Script(e).say("NODE_SHOW", {**xen3, "sections": sections}).say("SNAPSHOT", xen3)

    filesystems = [r for r in things if r["kind"] == "filesystem"]
    seen = [x for x in edges if any(r["index"] == x["resource"] for r in filesystems)]
    uses = storage.uses(nodes, things)
    data = of(key=f"{storage.FS_DATA}@lv.{storage.LV_DATA}")
    clone = of(key=f"{storage.FS_CLONE}@{storage.LUN_C}")
    one = data["resources"][0]["index"]
    three = made_up.three()
    fleet = storage.fleet()
    wrong = disbelieved(rack, f"{storage.FS_CLONE}@{storage.LUN_C}")
    listed = {"nodes": wrong[0], "resources": [r for r in wrong[1] if r["kind"] == "filesystem"],
              "edges": [x for x in wrong[2] if any(r["index"] == x["resource"]
                                                   for r in filesystems)]}
    return {
        "distrust": coordinator(e, wrong, edges_quarantined=1, edges_lost=0, nodes_down=0,
                                edges_stuck=0, edges_degraded=0, edges_unknown=0).say(
                                    "FS_LIST", listed),
        "distrust-fleet": coordinator(e, disbelieved(fleet)),
        "storage": coordinator(e, tuple(a + b for a, b in zip(three, numbered(rack)))),
        "storage-fleet": coordinator(e, fleet),
        **{kind: only(kind) for kind in ("lun", "vg", "lv", "filesystem")},
        "xen2": Script(e).say("SNAPSHOT", of("xen2")),
        "xen3": show(storage.sections()),
        "xen3-many": show(storage.many()),
        "lun-c": Script(e).say("RESOURCE_SHOW", of(key=storage.LUN_C)),
        "fs-clone": Script(e).say("RESOURCE_SHOW", clone),
        "two-called": Script(e).refuse(
            "RESOURCE_SHOW", "AMBIGUOUS", "2 resources are called 'images': 2 filesystems; name one "
            "by its key.", candidates=sorted(r["key"] for r in things if r["label"] == "images")),
        "fs": Script(e).say("FS_LIST", {"nodes": nodes, "resources": filesystems, "edges": seen,
                                        "uses": uses, "filesystems": storage.told(things)}),
        "fs-one": Script(e).say("FS_LIST", {**data, "filesystems": storage.told(things),
                                            "uses": [u for u in uses if u["resource"] == one]}),
        "fs-none": Script(e).say("FS_LIST", {"nodes": nodes}),
        "chain": Script(e).say("EXPLAIN", {
            "nodes": [by_name["xen2"]], "resources": data["resources"],
            "edges": [x for x in data["edges"] if x["node"] == by_name["xen2"]["index"]],
            "evidence": storage.evidence()}),
        "places": Script(e).say("PLACE", place.some()),
        "places-none": Script(e).say("PLACE", place.none()),
        "places-one": Script(e).say("PLACE", place.one()),
        "places-everybody": Script(e).say("PLACE", place.everybody()),
        "places-no-node": Script(e).say("PLACE", {"resources": [], "placement": {
            "eligible": 0, "not_eligible": 0, "order": place.ORDER}}),
        "places-unknown": Script(e).refuse("PLACE", "NOT_FOUND", "There is no resource 'storage-z'."),
        "hit": Script(e).say("IMPACT", {**of(key=storage.LUN_A), "evidence": storage.impact(),
                                         "dependents": storage.dependents()}),
        "storage-events": coordinator(e, three).say("EVENTS", {"events": storage.events(made_up.event)}),
    }


def disbelieved(parts, key=None):
    """The same, but that the second node that sees it well (the first resource, or the one of this
    key) is not believed."""
    nodes, things, edges = parts
    found = "identity changed: its superblock has the UUID 0b1d6f6e-2c7e-4d5e-9a3c-5d6b8a1f0c11"
    x = next(r for r in things if key in (None, r["key"]))
    seen = [e for e in edges if e["resource"] == x["index"] and e["state"] == made_up.OK]
    n = next(n for n in nodes if n["index"] == seen[1]["node"])
    bad = dict(seen[1], state=made_up.QUARANTINED, distrust=found,
               distrusted_ms=made_up.WALL - 90000)
    return ([dict(m, edges_ok=m["edges_ok"] - 1, edges_quarantined=1) if m is n else m
             for m in nodes],
            [dict(r, nodes_ok=r["nodes_ok"] - 1, nodes_quarantined=1) if r is x else r
             for r in things], [bad if e is seen[1] else e for e in edges])


def numbered(parts):
    """The same with numbers that no other part of a reply has."""
    nodes, things, edges = parts
    return ([{**n, "index": n["index"] + 5000} for n in nodes],
            [{**r, "index": r["index"] + 5000} for r in things],
            [{**x, "node": x["node"] + 5000, "resource": x["resource"] + 5000} for x in edges])


UNREACHABLE = "the coordinator cannot be reached: there is no socket /run/muster/client.sock"

# Name of the golden file, script, arguments; JSON documents are kept for those that begin so.
CASES = [
    ("status", "three", "status"),
    ("status-fleet", "fleet", "status"),
    ("status-empty", "empty", "status"),
    ("status-recover", "recover", "status"),
    ("status-unreachable", "unreachable", "status"),
    ("status-old", "old", "status"),
    ("status-suspect", "silent", "status"),
    ("status-conflict", "conflict", "status"),
    ("status-read-only", "full", "status"),
    ("status-dropped", "dropped", "status"),
    ("status-early", "early", "status"),
    ("check-ok", "well", "status --check"),
    ("check-one", "one", "status --check"),
    ("check-critical", "fleet", "status --check"),
    ("check-unknown", "unreachable", "status --check"),
    ("status-starting", "starting", "status"),
    ("check-starting", "starting", "status --check"),
    ("matrix-three", "three", "matrix"),
    ("matrix-three-kind", "three", "matrix --kind network"),
    ("matrix-fleet", "fleet", "matrix"),
    ("matrix-empty", "empty", "matrix"),
    ("matrix-one-node", "one-node", "matrix --node node2"),
    ("matrix-one-resource", "one-resource", "matrix --resource storage-a"),
    ("matrix-unseen", "unseen", "matrix --node node2 --resource lab"),
    ("matrix-unseen-all", "unseen-all", "matrix --resource lab"),
    ("matrix-unseen-half", "unseen-half", "matrix --resource storage-a --resource lab"),
    ("matrix-seeing-none", "seeing-none", "matrix --node node2"),
    ("matrix-luns", "lun", "matrix --kind lun"),
    ("matrix-vgs", "vg", "matrix --kind vg"),
    ("matrix-lvs", "lv", "matrix --kind lv"),
    ("matrix-filesystems", "filesystem", "matrix --kind filesystem"),
    ("matrix-storage", "storage", "matrix"),
    ("matrix-storage-node", "xen2", "matrix --node xen2"),
    ("matrix-storage-fleet", "storage-fleet", "matrix"),
    ("matrix-luns-fleet", "storage-fleet", "matrix --kind lun"),
    ("matrix-quarantined", "distrust", "matrix --kind filesystem"),
    ("matrix-quarantined-fleet", "distrust-fleet", "matrix"),
    ("resource-list-quarantined", "distrust", "resource list --kind filesystem"),
    ("fs-list-quarantined", "distrust", "fs list"),
    ("check-activating", "activating", "status --check"),
    ("status-activating", "activating", "status"),
    ("check-quarantined", "distrust", "status --check"),
    ("matrix-luns-none", "empty", "matrix --kind lun"),
    ("matrix-no-kind", "three", "matrix --kind rack"),
    ("matrix-too-large", "too-large", "matrix"),
    ("matrix-hostile", "hostile", "matrix"),
    ("node-list-three", "three", "node list"),
    ("node-list-states", "states", "node list"),
    ("node-list-quarantined", "states", "node list --state quarantined"),
    ("node-list-down", "states", "node list --state down"),
    ("node-list-no-state", "states", "node list --state dwon"),
    ("node-list-empty", "empty", "node list"),
    ("node-list-hostile", "hostile", "node list"),
    ("node-show", "show", "node show node2"),
    ("node-show-nics", "show", "node show node2 --section nics"),
    ("node-show-vlans", "show", "node show node2 --section vlans"),
    ("node-show-bridges", "show", "node show node2 --section bridges"),
    ("node-show-xen", "show", "node show node2 --section xen"),
    ("node-show-domains", "show", "node show node2 --section domains"),
    ("node-show-domains-short", "show", "node show node2 --section domains --short"),
    ("node-show-storage", "xen3", "node show xen3"),
    ("node-show-many", "xen3-many", "node show xen3"),
    ("node-show-luns", "xen3", "node show xen3 --section luns"),
    ("node-show-short", "xen3", "node show xen3 --section paths --short"),
    ("node-show-no-section", "show", "node show node2 --section disks"),
    ("node-show-not-found", "not-found", "node show nodex"),
    ("node-show-ambiguous", "ambiguous", "node show 4c4c"),
    ("node-approve", "change", "node approve node1"),
    ("node-rename", "change", "node rename 4c4c4544 node1"),
    ("node-drain", "change", "node drain node1"),
    ("node-drain-end", "change", "node drain node1 --end"),
    ("node-drain-read-only", "read-only", "node drain node1"),
    ("node-forget", "change", "node forget node1"),
    ("node-declare-dead", "change", "node declare-dead node1 --type-name node1"),
    ("node-declare-dead-unsure", "change", "node declare-dead node1"),
    ("node-declare-dead-other", "change", "node declare-dead node1 --type-name node2"),
    ("resource-list", "three", "resource list"),
    ("resource-list-fleet", "fleet", "resource list"),
    ("resource-list-storage", "storage", "resource list"),
    ("resource-list-luns", "lun", "resource list --kind lun"),
    ("resource-show-lun", "lun-c", f"resource show {storage.LUN_C}"),
    ("resource-show-clone", "fs-clone", f"resource show {storage.FS_CLONE}@{storage.LUN_C}"),
    ("resource-show-two", "two-called", "resource show images"),
    ("resource-show", "one-resource", "resource show storage-a"),
    ("resource-show-not-found", "not-found", "resource show x"),
    ("explain", "explain", "explain node2 storage-a"),
    ("explain-port", "explain-port", "explain node2 bond0.100"),
    ("explain-ports", "explain-ports", "explain node2 eth0"),
    ("explain-no-port", "explain-no-port", "explain node2 eth9"),
    ("explain-not", "explain-not", "explain node2 lab"),
    ("explain-storage", "chain", "explain xen2 data"),
    ("explain-not-found", "not-found", "explain nodex storage-a"),
    ("impact", "impact", "impact storage-a"),
    ("impact-node", "impact", "impact --node node1"),
    ("impact-storage", "hit", f"impact {storage.LUN_A}"),
    ("impact-two", "impact", "impact storage-a --node node1"),
    ("impact-none", "impact", "impact"),
    ("place", "places", f"place --need storage-a --need {place.LUN} --need guests/vm7-root"),
    ("place-all", "places", "place --need storage-a --all"),
    ("place-none", "places-none", "place --need storage-a"),
    ("place-one", "places-one", "place --need storage-a --node xen2"),
    ("place-everybody", "places-everybody", "place --need storage-a"),
    ("place-no-node", "places-no-node", "place --need storage-a"),
    ("place-unknown", "places-unknown", "place --need storage-z"),
    ("place-nothing", "places", "place"),
    ("help-place", "places", "place --help"),
    ("fs-list", "fs", "fs list"),
    ("fs-list-one", "fs-one", "fs list data"),
    ("fs-list-none", "fs-none", "fs list"),
    ("fs-list-node", "fs-none", "fs list --node xen1 --node xen2"),
    ("fs-list-scanned", "fs-scanned", "fs list"),
    ("fs-list-scanned-one", "fs-scanned-one", "fs list data"),
    ("fs-list-unasked", "fs-unasked", "fs list data"),
    ("explain-reach", "explain-reach", "explain xen1 data"),
    ("resource-show-fs", "fs-show", "resource show data"),
    ("fs-admit", "admit", "fs admit data swap"),
    ("fs-admit-all", "admit", "fs admit --all"),
    ("fs-admit-all-none", "admit-none", "fs admit --all"),
    ("fs-admit-nothing", "admit", "fs admit"),
    ("fs-admit-both", "admit", "fs admit data --all"),
    ("fs-admit-refused", "admit-refused", "fs admit guests/swap"),
    ("fs-retire", "admit", "fs retire data swap"),
    ("fs-retire-all-none", "admit-none", "fs retire --all"),
    ("scan", "scan", "scan data images"),
    ("scan-every", "scan-every", "scan --every-node"),
    ("scan-every-wait", "scan-every", "scan --wait --every-node"),
    ("scan-wait", "scan", "scan --wait"),
    ("scan-wait-good", "scan-good", "scan --wait"),
    ("scan-wait-cancelled", "scan-cancelled", "scan --wait"),
    ("scan-wait-none", "scan-none", "scan --wait"),
    ("scan-none", "scan-none", "scan"),
    ("scan-refused", "scan-refused", "scan"),
    ("rescan", "rescan", "rescan --all-nodes --target iqn.2026-11.lab:a"),
    ("rescan-wait", "rescan", "rescan --wait --all-nodes --target iqn.2026-11.lab:a"),
    ("rescan-wait-good", "rescan-good", "rescan --wait xen1 xen2"),
    ("rescan-refused", "rescan-refused", "rescan xen3"),
    ("rescan-usage", "rescan", "rescan"),
    ("rescan-usage-both", "rescan", "rescan xen1 --all-nodes"),
    ("rescan-usage-what", "rescan", "rescan xen1 --target 6:0:0 --lun naa.1"),
    ("rescan-show", "rescan-waits", "task show 8"),
    ("rescan-watch", "rescan", "task watch 8"),
    ("vg-list", "vg-all", "vg list"),
    ("vg-list-none", "vg-none", "vg list"),
    ("vg-show", "vg-one", "vg show fast"),
    ("vg-show-activating", "vg-activating", "vg show fast"),
    ("vg-adopt", "vg-adopt", "vg adopt fast"),
    ("vg-release", "vg-adopt", "vg release fast"),
    ("vg-create", "vg-change", "vg create fast naa.60014051"),
    ("vg-create-extent", "vg-change", "vg create fast naa.60014051-part2 --extent-size 64M"),
    ("vg-create-extent-usage", "vg-change", "vg create fast naa.60014051 --extent-size 64Q"),
    ("vg-autoactivation-off", "vg-change", "vg autoactivation-off fast"),
    ("vg-extend", "vg-change", "vg extend fast naa.60014052"),
    ("vg-reduce", "vg-change", "vg reduce fast naa.60014052"),
    ("vg-remove", "vg-change", "vg remove fast --type-name fast"),
    ("vg-remove-usage", "vg-change", "vg remove fast"),
    ("lv-create", "vg-change", "lv create fast vm7-root 20G"),
    ("lv-create-wait", "vg-change", "lv create fast vm7-root 20G --wait"),
    ("lv-create-failed", "vg-change-failed", "lv create fast vm7-root 20G --wait"),
    ("lv-create-refused", "vg-refused", "lv create fast vm7-root 20G"),
    ("lv-create-usage", "vg-change", "lv create fast vm7-root 20Q"),
    ("lv-extend", "vg-change", "lv extend fast vm7-root 30G"),
    ("lv-reduce", "vg-change", "lv reduce fast vm7-root 10G --type-name vm7-root"),
    ("lv-remove", "vg-change", "lv remove fast vm7-root --type-name vm7-root"),
    ("lv-remove-usage", "vg-change", "lv remove fast vm7-root"),
    ("lv-rename", "vg-change", "lv rename fast vm7-root vm8-root"),
    ("lv-snapshot", "vg-change", "lv snapshot fast vm7-root vm7-before 2G"),
    ("lv-activate", "lv-activate", "lv activate fast vm7-root xen2"),
    ("lv-activate-wait", "lv-activate", "lv activate fast vm7-root xen2 --wait"),
    ("lv-activate-refused", "lv-activate-refused", "lv activate fast vm7-root xen2"),
    ("lv-activate-usage", "lv-activate", "lv activate fast vm7-root"),
    ("lv-deactivate", "lv-activate", "lv deactivate fast vm7-root"),
    ("scan-wait-lost", "scan-lost", "scan --wait"),
    ("scan-wait-long", "scan-long", "scan --wait"),
    ("task-list", "tasks", "task list --all"),
    ("task-list-none", "tasks-none", "task list"),
    ("task-list-never", "tasks-none", "task list --all"),
    ("task-show-running", "task-running", "task show 7"),
    ("task-show", "task-done", "task show 7"),
    ("task-show-not-found", "task-not-found", "task show 7"),
    ("task-show-no-number", "task-done", "task show seven"),
    ("task-show-zero", "task-done", "task show 0"),
    ("task-watch", "scan", "task watch 7"),
    ("task-watch-good", "scan-good", "task watch 7"),
    ("task-cancel", "task-cancel", "task cancel 7"),
    ("task-cancel-done", "task-cancelled", "task cancel 7"),
    ("lease-list", "leases", "lease list"),
    ("lease-list-history", "leases-history", "lease list --history"),
    ("lease-list-of", "leases", "lease list --node xen3 --node xen10 --resource data"),
    ("lease-list-none", "leases-none", "lease list"),
    ("lease-list-never", "leases-none", "lease list --history"),
    ("hold-list", "holds", "hold list"),
    ("hold-list-history", "holds-history", "hold list --history"),
    ("hold-list-none", "leases-none", "hold list"),
    ("hold-take", "holds", "hold take data --node xen1 --for restore"),
    ("hold-take-no-node", "holds", "hold take data --for restore"),
    ("hold-take-no-reason", "holds", "hold take data --node xen1"),
    ("hold-take-refused", "hold-refused", "hold take data --node xen1 --for restore"),
    ("hold-end", "holds", "hold end 3298534883336"),
    ("hold-end-no-number", "holds", "hold end data"),
    ("hold-end-not-found", "hold-refused", "hold end 3298534883339"),
    ("hold-break", "holds", "hold break data --type-name data"),
    ("hold-break-unsure", "holds", "hold break data"),
    ("hold-break-other", "holds", "hold break data --type-name dato"),
    ("hold-break-not-found", "hold-refused", "hold break dat --type-name dat"),
    ("image-list", "images", "resource list --kind image"),
    ("image-list-none", "images-none", "resource list --kind image"),
    ("image-show", "image", "resource show data:/guests/web-01.qcow2"),
    ("image-show-raw", "image-raw", "resource show data:/guests/db.raw"),
    ("image-show-split", "image-split", "resource show images:/vmware/old.vmdk"),
    ("image-show-broken", "image-broken", "resource show images:/guests/broken.vhdx"),
    ("image-show-outside", "image-outside", "resource show images:/guests/a.qcow2"),
    ("image-show-unresolved", "image-unresolved", "resource show images:/guests/b.qcow2"),
    ("image-show-circle", "image-circle", "resource show data:/a"),
    ("image-show-gone", "image-gone", "resource show data:/guests/db.raw"),
    ("matrix-images", "images-matrix", "matrix --kind image"),
    ("status-scanning", "scanning", "status"),
    ("check-residue", "scanning", "status --check"),
    ("network-list", "three", "network list"),
    ("network-list-empty", "empty", "network list"),
    ("network-define", "change", "network define storage-a --vlan 100 --match */bond0"),
    ("network-define-unmatched", "change", "network define storage-a --vlan 100"),
    ("network-define-no-slash", "change", "network define storage-a --match bond0"),
    ("network-define-vlan", "change", "network define storage-a --vlan 5000 --match */bond0"),
    ("network-define-recover", "recover-refused", "network define x --match */y"),
    ("network-define-again", "define-again", "network define storage-a --match */bond0"),
    ("network-define-shared", "define-shared", "network define storage-a --match */bond0"),
    ("network-delete", "change", "network delete lab"),
    ("event-tail", "three", "event tail"),
    ("event-tail-storage", "storage-events", "event tail"),
    ("event-tail-empty", "empty", "event tail"),
    ("event-tail-paged", "events-paged", "event tail --since 0"),
    ("event-tail-wrong", "three", "event tail --since yesterday"),
    ("event-tail-both", "three", "event tail --since 5 -n 5"),
    ("event-follow", "follow", "event tail -f"),
    ("event-follow-lost", "follow-lost", "event tail --follow --since 100"),
    ("token-create", "tokens", "token create --count 3"),
    ("token-create-role", "tokens", "token create --role admin"),
    ("token-create-node", "tokens", "token create --role observer --node node1"),
    ("token-create-ttl", "tokens", "token create --ttl 5"),
    ("token-create-zero", "tokens", "token create --ttl 0s"),
    ("token-create-too-long", "invalid", "token create --ttl 900d"),
    ("token-create-count", "tokens", "token create --count 0"),
    ("token-create-forbidden", "forbidden", "token create"),
    ("token-list", "tokens", "token list"),
    ("token-list-empty", "empty", "token list"),
    ("token-revoke", "revoke", "token revoke 1234abcd"),
    ("token-revoke-not", "revoke-not", "token revoke 1234abcd"),
    ("client-list", "revoke", "client list"),
    ("client-list-empty", "empty", "client list"),
    ("client-revoke", "revoke", "client revoke ops"),
    ("client-revoke-two", "revoke-not", "client revoke ops"),
    ("enrol", "enrol", "--connect tcp://10.0.0.5:7412 enrol --token-file token"),
    ("enrol-key", "enrol", "--connect tcp://10.0.0.5:7412 --key-file=k enrol --token-file token"),
    ("enrol-open", "enrol", "--connect tcp://10.0.0.5:7412 enrol --token-file open"),
    ("enrol-missing", "enrol", "--connect tcp://10.0.0.5:7412 enrol --token-file missing"),
    ("enrol-nothing", "enrol", "--connect tcp://10.0.0.5:7412 enrol"),
    ("enrol-refused", "enrol-refused", "--connect tcp://10.0.0.5:7412 enrol --token-file token"),
    ("backup", "backup", "backup copy.db"),
    ("backup-there", "backup", "backup token"),
    ("backup-short", "backup-short", "backup copy.db"),
    ("backup-full", "backup-full", "backup copy.db"),
    ("backup-no-folder", "backup", "backup nowhere/copy.db"),
    ("backup-unreachable", "unreachable", "backup copy.db"),
    ("recover", "change", "recover --confirm recover"),
    ("recover-unsure", "change", "recover"),
    ("recover-wrong", "change", "recover --confirm yes"),
    ("wait", "ready", "wait --nodes 2"),
    ("wait-not", "ready", "wait --nodes 3 --timeout 1ms"),
    ("wait-none", "ready", "wait --nodes 0"),
    ("no-key", "no-key", "--connect tcp://10.0.0.5:7412 status"),
    ("usage-nothing", "three", ""),
    ("usage-noun", "three", "stauts"),
    ("usage-far", "three", "frobnicate"),
    ("usage-verb", "three", "node lst"),
    ("usage-verb-far", "three", "node frobnicate"),
    ("usage-verb-missing", "three", "node"),
    ("usage-option", "three", "status --chek"),
    ("usage-option-far", "three", "status --frobnicate"),
    ("usage-option-other", "three", "status --match x"),
    ("usage-letter", "three", "status -x"),
    ("usage-value", "three", "matrix --node"),
    ("usage-no-value", "three", "status --check=yes"),
    ("usage-twice", "three", "matrix --kind network --kind network"),
    ("usage-argument", "three", "node show"),
    ("usage-argument-second", "three", "explain vm"),
    ("usage-arguments-both", "three", "explain"),
    ("usage-endpoint", "bad-endpoint", "--connect 7412 status"),
    ("usage-check", "three", "status --check --timeout 5"),
    ("usage-arguments", "three", "node show a b"),
    ("usage-color", "three", "status --color pink"),
    ("usage-timeout", "three", "status --timeout 5"),
    ("help", "three", "--help"),
    ("help-noun", "three", "node --help"),
    ("help-command", "three", "network define --help"),
    ("help-word", "three", "help event tail"),
    ("help-status", "three", "status -h"),
    ("version", "three", "--version"),
]
# Their JSON documents are kept too.
KEPT = {"status", "check-critical", "check-unknown", "matrix-three", "node-list-states", "node-show",
        "node-approve", "node-forget", "resource-list", "resource-show", "explain", "impact",
        "network-list", "network-define", "network-delete", "event-tail", "event-follow",
        "token-create", "token-list", "enrol", "backup", "recover", "node-show-ambiguous",
        "usage-noun", "version", "status-unreachable", "matrix-luns", "fs-list",
        "resource-show-clone", "explain-storage", "explain-reach", "fs-list-scanned", "fs-list-scanned-one", "fs-admit", "scan", "scan-wait",
        "scan-wait-none", "task-list", "task-show", "task-watch", "lease-list", "lease-list-history",
        "hold-list", "hold-take", "hold-end", "image-list", "image-show", "resource-show-fs",
        "impact-storage", "place", "place-none"}
LINES = {"event-follow", "event-follow-lost"}  # a document a line
WIDE = ("event-", "token-create", "check-")    # lines as long as they are


class Golden:
    def __init__(self, top, program, update):
        self.top, self.program, self.update = top, os.path.abspath(program), update
        self.folder = os.path.join(top, "tests/golden/cli")
        self.encoder = encode.Encoder(top)
        self.scripts = scripts(self.encoder)
        self.faults = 0
        self.validator = None
        self.definitions = None

    def fault(self, name, text):
        self.faults += 1
        print(f"{name}: {text}")

    def run(self, script, args, columns=WIDTH, json_too=False):
        with tempfile.TemporaryDirectory(prefix="muster-cli-") as folder:
            answers, work = os.path.join(folder, "answers"), os.path.join(folder, "work")
            os.mkdir(answers)
            os.mkdir(work)
            self.scripts[script].write(answers)
            for file, mode in (("token", 0o600), ("open", 0o644)):
                with open(os.open(os.path.join(work, file), os.O_CREAT | os.O_WRONLY, mode),
                          "w", encoding="utf-8") as f:
                    f.write(f"m1.{'cd' * 32}.{'ef' * 16}\n")
            log = os.path.join(folder, "log")
            env = {"PATH": os.environ["PATH"], "TZ": "CET-1", "COLUMNS": str(columns),
                   "MUSTER_DOUBLE": answers, "MUSTER_DOUBLE_LOG": log}
            env.update((k, v) for k, v in os.environ.items() if k.endswith("SAN_OPTIONS"))
            p = subprocess.run([self.program, *(["--json"] if json_too else []), *args.split()],
                               env=env, cwd=work, capture_output=True, stdin=subprocess.DEVNULL,
                               timeout=60, check=False)
            left = sorted(os.listdir(work))
            calls = []
            if os.path.exists(log):
                with open(log, encoding="utf-8") as f:
                    calls = [json.loads(line) for line in f]
        return p.returncode, p.stdout.decode(), p.stderr.decode(), left, calls

    def compare(self, name, text):
        path = os.path.join(self.folder, name)
        if self.update:
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            return
        old = ""
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                old = f.read()
        if old != text:
            self.fault(name, "is not as it was (golden.py ... --update keeps the new one):\n" +
                       "".join(difflib.unified_diff(old.splitlines(True), text.splitlines(True),
                                                    "golden", "now")))

    def check_text(self, name, out, err):
        for line in out.split("\n"):
            # A command is not broken: it is there to be copied.
            if sum(not unicodedata.combining(c) for c in line) > WIDTH and \
                    not name.startswith(WIDE) and not line.lstrip().startswith("muster "):
                self.fault(name, f"a line of {len(line)} columns: {line}")
            if line != line.rstrip():
                self.fault(name, f"blanks at the end: {line!r}")
        if not (out + err).isascii() and "hostile" not in name:
            self.fault(name, "is not ASCII")
        if any(c in out + err for c in "\x1b\u202e\u200b"):
            self.fault(name, "colours or harmful characters")

    def text(self, name, script, args):
        rc, out, err, left, calls = self.run(script, args)
        self.check_text(name, out, err)
        if rc != 0 and "check" not in name and not err.startswith("muster: "):
            self.fault(name, f"exit {rc} without a sentence: {err!r}")
        if "copy.db" in left and rc != 0:
            self.fault(name, "a file is left behind")
        whole = f"$ muster {args}".rstrip() + "\n" + out
        if err:
            whole += "--- stderr\n" + err
        if rc:
            whole += f"--- exit {rc}\n"
        for call in calls:
            if call["call"] == "request" and name != "wait-not":  # which asks until the time is up
                call.pop("call")
                whole += "--- request " + json.dumps(call) + "\n"
        self.compare(name + ".txt", whole)
        return rc

    def helps(self):
        """Every command's help fits; some of them are kept."""
        table = json.loads(self.run("three", "--json --help")[1])
        for c in table["commands"]:
            words = f"{c['noun']} {c['verb'] or ''}".split()
            for line in self.run("three", " ".join(words) + " --help")[1].splitlines():
                if len(line) > WIDTH:
                    self.fault(" ".join(words) + " --help", f"a line of {len(line)} columns: {line}")

    def json(self, name, script, args, rc_text):
        rc, out, err, _, _ = self.run(script, args, json_too=True)
        if rc_text not in (None, rc):
            self.fault(name, f"exit {rc} with --json, {rc_text} without")
        try:
            docs = [json.loads(line) for line in (out.splitlines() if name in LINES else [out])]
        except ValueError as e:
            self.fault(name, f"--json is no document: {e}: {out[:200]!r} {err!r}")
            return
        for doc in docs:
            self.validate(name, args, doc)
            self.steady(name, doc)
        if name in KEPT and self.validator is None:
            self.compare(name + ".json",
                         "".join(json.dumps(d, indent=1) + "\n" for d in docs))

    def steady(self, name, doc):
        """Moments reckoned from this one: right to the minute, and left out of the golden file."""
        for section, s in doc.get("sections", {}).items():
            if s["since"] is None:
                continue
            at = datetime.datetime.fromisoformat(s["since"].replace("Z", "+00:00")).timestamp()
            if abs(time.time() - s["status_age_ms"] / 1000 - at) > 60:
                self.fault(name, f"{section}: since {s['since']}, {s['status_age_ms']} ms ago")
            s["since"] = "now - status_age_ms"

    def load_schema(self):
        try:
            import jsonschema
        except ImportError:
            print("SKIP: python3-jsonschema is not installed")
            sys.exit(77)
        path = os.path.join(self.top, "docs/json/muster.schema.json")
        with open(path, encoding="utf-8") as f:
            schema = json.load(f)
        jsonschema.Draft202012Validator.check_schema(schema)
        self.definitions = schema["$defs"]
        self.validator = lambda part: jsonschema.Draft202012Validator(
            {"$defs": schema["$defs"], "$ref": f"#/$defs/{part}"})

    def validate(self, name, args, doc):
        if self.validator is None:
            return
        words = args.split()
        named = [p for i in range(len(words)) for p in (" ".join(words[i:i + 2]), words[i])
                 if p in self.definitions]
        part = ("help" if "commands" in doc else "version" if "version" in doc and len(doc) == 1
                else "error" if "error" in doc else "event" if name in LINES
                else named[0] if named else None)
        if part not in self.definitions:
            self.fault(name, f"the schema has no definition for '{args}'")
            return
        for e in self.validator(part).iter_errors(doc):
            self.fault(name, f"against {part}: {'/'.join(map(str, e.path))}: {e.message[:300]}")


def main():
    top, program, *rest = sys.argv[1:]
    g = Golden(top, program, "--update" in rest)
    only = [a for a in rest if not a.startswith("-")]
    schema = "--schema" in rest
    if schema:
        g.load_schema()
    for name, script, args in CASES:
        if only and name not in only:
            continue
        g.json(name, script, args, None if schema else g.text(name, script, args))
    if not only and not schema:
        g.helps()
        known = {n + ".txt" for n, _, _ in CASES} | {n + ".json" for n in KEPT}
        for stray in sorted(set(os.listdir(g.folder)) - known):
            if g.update:
                os.unlink(os.path.join(g.folder, stray))
            else:
                g.fault(stray, "is of no case any more")
    print(f"{len(CASES)} cases, {g.faults} faults")
    sys.exit(1 if g.faults else 0)


main()
