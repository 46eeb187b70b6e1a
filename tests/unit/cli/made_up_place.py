# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up answers to where something can run, as the coordinator would give them."""
from made_up import an_id, node

LUN = "naa.600a098038304437415d4b6a59676d33"
ORDER = ["fewest needed resources that it sees in part", "fewest orders and scans under way on it",
         "known to the coordinator for longest"]


def resource(label, kind, index, **more):
    return {"id": an_id(f"{kind} {label}"), "kind": kind, "key": label, "label": label, "index": index, **more}


def reason(state, text, mend, resource_index=None):
    return {"state": state, "text": text, "mend": mend,
            **({} if resource_index is None else {"resource": resource_index})}


def explain(name, label):
    return f"muster explain {name} {label}"


def base(count):
    return {"nodes": [node(f"xen{i + 1}", i, "down" if i == 4 else "up") for i in range(count)],
            "resources": [resource("storage-a", "network", 0, declared=True), resource(LUN, "lun", 1),
                          resource("guests/vm7-root", "lv", 2)]}


def some():
    """Two are eligible, three are not; of these one is not listed."""
    return {**base(5), "more": True,
            "placement": {"eligible": 2, "not_eligible": 4, "order": ORDER},
            "place_nodes": [
                {"node": 2, "rank": 1, "degraded": 0, "under_way": 0},
                {"node": 0, "rank": 2, "degraded": 1, "under_way": 2, "reasons": [
                    reason("degraded", f"xen1 sees {LUN} in part: 2 of 4 paths, had 4 until "
                           "2026-11-24T15:10:51.000Z.", explain("xen1", LUN), 1)]},
                {"node": 3, "degraded": 0, "reasons": [
                    reason("draining", "xen4 is draining: nothing new is placed on it.",
                           "muster node drain xen4 --end")]},
                {"node": 1, "degraded": 0, "reasons": [
                    reason("lost", f"xen2 has lost {LUN}: 0 of 4 paths, had 4 until 2026-11-24T15:10:51.000Z.",
                           explain("xen2", LUN), 1),
                    reason("taken", "guests/vm7-root: xen3 has it active (token 3298534883341).",
                           "Place it on xen3, or end that: muster lv deactivate", 2)]},
                {"node": 4, "degraded": 0, "reasons": [
                    reason("down", "xen5 is down.", "Is it up, and does it reach the coordinator?"),
                    reason("unknown", "Whether xen5 sees storage-a is unknown now; last known: 2 of 2 paths.",
                           explain("xen5", "storage-a"), 0)]}]}


def none():
    listed = some()
    return {**listed, "more": False, "placement": {"eligible": 0, "not_eligible": 3, "order": ORDER},
            "place_nodes": listed["place_nodes"][2:]}


def one():
    listed = some()
    return {**listed, "nodes": listed["nodes"][1:2], "more": False,
            "placement": {"eligible": 0, "not_eligible": 1, "order": ORDER},
            "place_nodes": listed["place_nodes"][3:4]}


def everybody():
    listed = some()
    return {**base(1), "more": False, "placement": {"eligible": 1, "not_eligible": 0, "order": ORDER},
            "place_nodes": [dict(listed["place_nodes"][0], node=0)]}
