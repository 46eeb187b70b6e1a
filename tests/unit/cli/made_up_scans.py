# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up leases, holds, tasks and images of the hosts of made_up_storage.py."""
import made_up_storage as storage
from made_up import WALL, an_id
from made_up_storage import GIB

TOKEN = (3 << 40) + 4  # of epoch 3
DATA = f"{storage.FS_DATA}@lv.{storage.LV_DATA}"
CLONE = f"{storage.FS_CLONE}@{storage.LUN_C}"
HELD = "xen1 has it mounted at /srv/data, ext4, read-write."


def fs_id(key):
    return an_id("filesystem/" + key)


def scanned(things):
    """The same resources with what is known of scans."""
    told = {DATA: {"admitted": True, "scan": "incomplete", "scan_node": "xen3", "images": 12,
                   "scan_reason": "Its journal is not empty, and there is no device-mapper on xen3 "
                                  "to replay a copy of it.", "scanned_ms": WALL - 86400000},
            CLONE: {"admitted": True, "scan": "complete", "scan_node": "xen2", "images": 300,
                    "scanned_ms": WALL - 60000},
            f"{storage.FS_CLONE}@{storage.LUN_D}": {"admitted": True}}
    return [{**x, **told.get(x["key"], {})} for x in things]


def reach(n, r, how, ms, **more):
    """What is proven of how a node reaches a filesystem: in this boot, unless told otherwise."""
    return {"node": n["index"], "resource": r["index"], "how": how, "at_ms": WALL + ms,
            "boot_id": an_id(n["name"] + " boot"), "this_boot": True, **more}


def reaches(nodes, r):
    """One of each kind, out of order."""
    n = {x["name"]: x for x in nodes}
    return [reach(n["xen3"], r, "read_here", -86400000), reach(n["xen1"], r, "proven", -86399000),
            reach(n["xen2"], r, "not_proven", -86398000, reason="The LUN under dm-8 answers with "
                  "another WWID."),
            reach(n["xen10"], r, "proven", -172800000, boot_id=an_id("before"), this_boot=False)]


def reach_evidence():
    return [{"depth": 0, "what": "filesystem", "name": "data", "state": "ok",
             "text": "xen1 sees data in full: 4 of 4 paths."},
            {"depth": 1, "what": "scan", "name": "data", "state": "ok",
             "text": "Reach proven at 2026-11-23T15:11:52.123Z, by xen1 in this boot."}]


def lease(i, key, label, node, state="live", **more):
    fields = {"resource": fs_id(key), "kind": "filesystem", "label": label, "node": an_id(node),
              "node_name": node, "boot_id": an_id(node + " boot"), "token": str(TOKEN + i),
              "state": state, "granted_ms": WALL + 1000 * i,
              "right": "hold" if state == "held" else "lease"}
    if state != "held":
        fields.update(ttl_ms=15000, task=7)
    if state == "live":
        fields.update(remaining_ms=12400)
    fields.update(more)
    return fields


def leases():
    return [lease(9, CLONE, "images", "xen10", "residue"), lease(11, DATA, "data", "xen3")]


def hold(**more):
    return lease(8, DATA, "data", "xen1", "held", text="restore of guest web-01", **more)


def history():
    over = [("released", 2300), ("expired", 640000), ("fenced", 31000)]
    return leases() + [lease(i, (DATA, CLONE)[i % 2], ("data", "images")[i % 2], f"xen{i + 1}",
                             "over", ended_ms=WALL + 1000 * i + ms, end=end)
                       for i, (end, ms) in enumerate(over)]


def activation():
    return {**lease(7, "lv", "fast/vm7-root", "xen2", "held", text="activation", task=12), "kind": "lv",
            "right": "activation"}


def holds_history():
    return [hold(), activation(),
            lease(2, CLONE, "images", "xen2", "over", text="resize", ttl_ms=0, end="broken",
                  ended_ms=WALL + 90000, right="hold")]


def task(no=7, state="running", **more):
    fields = {"no": no, "kind": "scan", "state": state, "created_ms": WALL, "jobs": 5,
              "jobs_done": 1, "jobs_running": 2, "jobs_held": 1, "images": 12, "mounts": 1,
              "skipped": 0, "every_node": False}
    if state == "running":
        fields.update(step="read", remaining_ms=125000)
    else:
        fields.update(ended_ms=WALL + 12300, jobs_running=0, jobs_held=0, jobs_done=5)
    fields.update(more)
    return fields


def job(no, label, node, result, **more):
    fields = {"no": no, "step": "read", "resource": fs_id(label), "label": label, "state": "done",
              "attempt": 1, "result": result, "token": str(TOKEN + no), "images": 0, "mounts": 1,
              "ms": 1000 + 100 * no, "ended_ms": WALL + 5000 + no}
    if node:
        fields.update(node=an_id(node), node_name=node)
    fields.update(more)
    return fields


def without(fields, *names):
    return {k: v for k, v in fields.items() if k not in names}


def jobs():
    """Out of order. One of each end, and nodes that prove reach or do not."""
    reach = {"step": "reach", "mounts": 0}
    return [
        without(job(6, "images", "xen4", "proven", **reach), "token", "images"),
        without(job(7, "images", "xen1", "not_proven", reason="The LUN under dm-8 answers with "
                    "another WWID.", **reach), "token", "images"),
        job(2, "images", "xen2", "complete", images=300),
        job(3, "templates", "xen4", "complete", images=7, unchanged=True, mounts=0, ms=40),
        job(1, "data", "xen3", "incomplete", images=12, reason="Its journal is not empty, and there "
            "is no device-mapper on xen3 to replay a copy of it."),
        without(job(4, "backup", None, "not_read", reason="xen10 may have it mounted: silent since "
                    "2026-11-24 15:59:11 +0100."), "token", "ms"),
        without(job(5, "scratch", None, "not_read", reason=HELD.replace("data", "scratch")),
                "token", "ms"),
    ]


def good_jobs():
    return [job(1, "data", "xen3", "complete", images=12), job(2, "images", "xen2", "complete",
                                                               images=300)]


def rescan(state="running", **more):
    fields = task(8, state, kind="rescan", text="target iqn.2026-11.lab:a, on 3 nodes.", jobs=3,
                  jobs_done=1, jobs_running=0, jobs_held=0)
    fields.update(step="look") if state == "running" else fields.update(jobs_done=3)
    fields.update(more)
    return without(fields, "images", "mounts", "skipped", "remaining_ms", "every_node")


def rescan_job(no, node, state, result, **more):
    fields = {"no": no, "step": "look", "label": "target iqn.2026-11.lab:a", "node": an_id(node),
              "node_name": node, "state": state, "attempt": 1}
    if result:
        fields.update(result=result, ms=40 * no, ended_ms=WALL + 5000 + no, images=0, mounts=0)
    fields.update(more)
    return fields


def rescan_jobs(bad=True):
    added = "2 LUNs added: 6:0:0:3, 6:0:0:4. 1 LUN gone from the target: 6:0:0:2."
    jobs = [rescan_job(1, "xen1", "done", "done", reason=added),
            rescan_job(2, "xen2", "done", "done", reason="No LUN is new.")]
    return jobs + [rescan_job(3, "xen3", "done", "failed", attempt=3,
                              reason="It has not answered in time.")] if bad else jobs


def running_jobs():
    """Of a task of many: most are done."""
    done = [job(i, f"fs-{i:02d}", f"xen{i % 4 + 1}", "complete", images=i) for i in range(1, 40)]
    return done + [
        without(job(40, "images", "xen2", None, state="running"), "result", "ended_ms", "ms",
                "images"),
        without(job(41, "data", None, None, state="held", reason=HELD), "result", "token", "ms",
                "ended_ms", "images"),
        without(job(42, "spare", None, None, state="waiting"), "result", "token", "ms", "ended_ms",
                "images")]


def image(path, fs="data", **more):
    key = {"data": DATA, "images": CLONE}[fs]
    fields = {"path": path, "format": "qcow2", "subformat": "v3", "virtual_bytes": 20 * GIB,
              "size_bytes": 1288490189, "allocated_bytes": 1181116007, "mtime_ms": WALL - 3600000,
              "cluster_bytes": 65536}
    fields.update(more)
    return {"resource": an_id(f"image/{key}:{path}"), "filesystem": fs_id(key), "label": fs,
            "seen_ms": WALL - 60000, "image": fields}


def images():
    raw = {"format": "raw", "subformat": "", "cluster_bytes": 0}
    web = image("/guests/web-01.qcow2", backing="../templates/deb12.qcow2", backing_format="qcow2",
                backing_path="/templates/deb12.qcow2", backing_state="found", flags=["dirty"],
                snapshots=2)
    middle = image("/templates/deb12.qcow2", backing="/templates/deb.raw", backing_format="raw",
                   backing_path="/templates/deb.raw", backing_state="missing", virtual_bytes=10 * GIB)
    plain = image("/guests/db.raw", contents="gpt", size_bytes=20 * GIB, **raw)
    plain["image"] = without(plain["image"], "subformat", "cluster_bytes")
    split = image("/vmware/old.vmdk", "images", format="vmdk", subformat="twoGbMaxExtentSparse",
                  extents=["old-s001.vmdk SPARSE 2147483648 found",
                           "old-s002.vmdk SPARSE 2147483648 missing"])
    bad = image("/guests/broken.vhdx", "images", format="vhdx", subformat="dynamic",
                fault="Both of its headers have a wrong checksum.")
    bad["image"] = without(bad["image"], "virtual_bytes", "cluster_bytes")
    outside = image("/guests/a.qcow2", "images", backing="/mnt/x/base", backing_state="outside")
    nbd = image("/guests/b.qcow2", "images", backing="nbd:unix:/run/x", backing_state="unresolved")
    return [plain, web, middle, outside, nbd, bad, split]


def circle():
    """Two that stand on each other."""
    a = image("/a", backing="b", backing_path="/b", backing_state="found")
    b = image("/b", backing="a", backing_path="/a", backing_state="found")
    return [a, b]


def image_resource(i, index=900):
    """As a resource: seen by whoever sees its filesystem."""
    key = {"data": DATA, "images": CLONE}[i["label"]]
    path = i["image"]["path"]
    return storage.thing("image", f"{key}:{path}", f"{i['label']}:{path}", index)
