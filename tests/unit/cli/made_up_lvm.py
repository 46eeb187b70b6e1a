# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up volume groups, as the coordinator would tell of them."""
from made_up import WALL, an_id, node

GIB = 1 << 30
UUID = "f7BLUt-3d2R-bzQF-Vmjv-3uRb-Yc1p-mX8kQe"


def resource(label, key, index):
    return {"id": an_id("vg " + label), "kind": "vg", "key": key, "label": label, "index": index}


def fast():
    return resource("fast", UUID, 0)


def info(index, **more):
    fields = {"resource": index, "adopted": True, "seqno": 41, "nodes": 4, "current": 4, "behind": 0,
              "silent": 0, "waiting": 0, "activating": 0}
    fields.update(more)
    return fields


def listed():
    return {"resources": [fast(), resource("VG_XenStorage-7c1f", "XIMvkj-1", 1)],
            "vgs": [info(0, current=2, behind=1, silent=1, differ_ms=WALL - 4000, task=12, waiting=3),
                    info(1, adopted=False, seqno=7)]}


def active(name, node_name, right, **more):
    return {"resource": an_id("lv " + name), "kind": "lv", "label": "fast/" + name, "node": an_id(node_name),
            "node_name": node_name, "right": right, **more}


def activation(**more):
    return task(kind="activation", step="activate", text="activate fast/vm7-root on xen2.", **more)


def activating(*indexes):
    """The same, of which these nodes activate LVs by themselves."""
    reply = shown()
    return {**reply, "vgs": [dict(reply["vgs"][0], activating=len(indexes))],
            "vg_nodes": [dict(n, activates=n["node"] in indexes) for n in reply["vg_nodes"]]}


def shown():
    nodes = [node(f"xen{i + 1}", i, "down" if i == 3 else "up") for i in range(4)]
    states = [(41, "current", None), (41, "current", None),
              (40, "behind", "It has version 40, and another node has 41."),
              (39, "silent", "It is not up; it had version 39 when it was heard.")]
    return {**{k: v for k, v in listed().items() if k == "vgs"}, "resources": [fast()], "nodes": nodes,
            "vgs": listed()["vgs"][:1],
            "vg_nodes": [{"node": i, "resource": 0, "seqno": s, "state": state,
                          **({"text": text} if text else {})}
                         for i, (s, state, text) in enumerate(states)],
            "leases": [active("vm7-root", "xen2", "activation", token="3298534883341", state="held"),
                       active("vm8-root", "xen1", "activation", token="3298534883342", state="held"),
                       active("vm8-root", "xen3", "outside")],
            "sections": [
                {"section": 11, "status": 1, "generation": 3, "pvs": [
                    {"uuid": "PV1", "container": "naa.60014051", "vg_uuid": UUID, "vg_name": "fast",
                     "size_bytes": 512 * GIB, "free_bytes": 100 * GIB},
                    {"uuid": "PV9", "container": "naa.60014059", "vg_uuid": "other",
                     "size_bytes": GIB}]},
                {"section": 12, "status": 1, "generation": 3, "vgs": [
                    {"uuid": UUID, "name": "fast", "size_bytes": 512 * GIB, "free_bytes": 100 * GIB,
                     "extent_bytes": 4 << 20, "seqno": 41, "autoactivation": True}]},
                {"section": 13, "status": 1, "generation": 3, "lvs": [
                    {"uuid": "LV1", "name": "vm7-root", "vg_uuid": UUID, "vg_name": "fast",
                     "size_bytes": 20 * GIB, "type": "linear"},
                    {"uuid": "LV2", "name": "vm8-root", "vg_uuid": UUID, "vg_name": "fast",
                     "size_bytes": 40 * GIB, "type": "striped"}]}]}


def task(state="running", **more):
    fields = {"no": 12, "kind": "lvm", "state": state, "step": "change",
              "text": "lv create fast/vm7-root, 20.0 GiB.", "created_ms": WALL, "jobs": 1,
              "jobs_done": 0, "jobs_running": 0, "jobs_held": 0}
    fields.update(more)
    return fields


def ended(state, text):
    return task(state, text=text, ended_ms=WALL + 2100, jobs=5, jobs_done=5)
