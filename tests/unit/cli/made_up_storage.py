# SPDX-License-Identifier: GPL-2.0-or-later
"""Made-up storage of four hosts: two FC LUNs with four paths each, a volume group over both with an
ext4 on a logical volume, an iSCSI LUN with an xfs, a snapshot of it with the same UUID, a file
behind a loop device. The names are of the length that arrays and LVM make them."""
from made_up import DEGRADED, LOST, OK, STUCK, UNKNOWN, WALL, an_id, count, edge, node

GIB = 1 << 30
LUN_A = "naa.600a098038304437415d4b6a59676d33"
LUN_B = "naa.600a098038304437415d4b6a59676d34"
LUN_C = "naa.6001405f5a3c1b2d9e84c7ab0f6e2d10"
LUN_D = "naa.60014057be2a9c4d1f03d8e6a57b9c21"
FILE = "/srv/images/scratch.img"
LOOP = "loop.8:2:1835021:" + FILE
VG = "6fLlvO-kwLk-Rm9z-OWlU-oGIq-ZK36-cSmrjj"
LV_DATA = "BpLzTH-1jSz-m0ml-sRzJ-QAnz-HxXd-cWRhFK"
LV_SWAP = "uQ0dnd-Fvr2-cQF0-eR0s-vJ2B-wKYO-0rUKoX"
PV_A = "dG7VbN-zZcJ-x4Cq-Ux3T-3bTj-yYpM-Z1u0aQ"
PV_B = "hX0aQe-7sLw-PzQ2-Rk1d-cWvN-8uJm-fT5yKb"
FS_DATA = "3f1b7c62-95a4-4e0d-8f0e-2c7b1de0a915"
FS_CLONE = "a7d04c11-6f5e-43b2-9c8a-0d1e2f3a4b5c"
FS_SWAP = "0c9e5d7a-1b2c-4d3e-8f90-a1b2c3d4e5f6"
IQN = "iqn.2004-08.com.example.array:sn.0123456789abcdef:vol7"


def thing(kind, key, label, index, **more):
    return {"id": an_id(f"{kind}/{key}"), "kind": kind, "key": key, "label": label, "vlan": 0,
            "declared": False, "nodes_ok": 0, "nodes_degraded": 0, "nodes_lost": 0,
            "nodes_unknown": 0, "index": index, **more}


def resources():
    copies = {"conflict_class": an_id("class " + FS_CLONE)}

    def doubt(one, other):
        return f"clone: the same filesystem UUID is in {one} and in {other}, both seen at once by xen2."

    return {
        "a": thing("lun", LUN_A, LUN_A, 40),
        "b": thing("lun", LUN_B, LUN_B, 11),
        "c": thing("lun", LUN_C, LUN_C, 7, doubts=[
            "disputed: nodes see different sizes since 2026-11-24T15:02:11.000Z (500 GiB at xen1, "
            "xen2; 512 GiB at xen4), and there is no serial number to compare: that they share one "
            "LUN is not proven."]),
        "d": thing("lun", LUN_D, LUN_D, 8),
        "loop": thing("lun", LOOP, FILE, 12),
        "vg": thing("vg", VG, "guests", 13),
        "data": thing("lv", LV_DATA, "guests/data", 14),
        "swap": thing("lv", LV_SWAP, "guests/swap", 15),
        "fs-data": thing("filesystem", f"{FS_DATA}@lv.{LV_DATA}", "data", 16),
        "fs-swap": thing("filesystem", f"{FS_SWAP}@lv.{LV_SWAP}", FS_SWAP, 19),
        "fs-c": thing("filesystem", f"{FS_CLONE}@{LUN_C}", "images", 17, **copies,
                      doubts=[doubt("LUN " + LUN_C, "LUN " + LUN_D)]),
        "fs-d": thing("filesystem", f"{FS_CLONE}@{LUN_D}", "images", 18, **copies,
                      doubts=[doubt("LUN " + LUN_D, "LUN " + LUN_C)]),
    }


def rack():
    """Nodes, resources, edges; every state among them. xen3 has a LUN that does not answer, xen4 is
    zoned to one of two LUNs, xen10 is silent."""
    n = {name: node(name, i, "down" if name == "xen10" else "up")
         for i, name in enumerate(("xen10", "xen3", "xen1", "xen4", "xen2"), 3)}
    r = resources()
    edges = []

    def sees(names, things, state=OK, paths=(1, 1), had=None, ports=()):
        for name in names.split():
            for x in things.split():
                edges.append(edge(n[name], r[x], state, paths, had, ports,
                                  754000 if name == "xen10" else 1200))

    sees("xen1 xen3", "a", paths=(4, 4), ports=["mpatha"])
    sees("xen2", "a", DEGRADED, (2, 4), 4, ["mpatha"])
    sees("xen4", "a", paths=(4, 4), ports=["mpathc"])
    sees("xen10", "a b", UNKNOWN, (4, 4), ports=["mpatha"])
    sees("xen1 xen2", "b", paths=(4, 4), ports=["mpathb"])
    sees("xen3", "b", STUCK, (4, 4), ports=["mpathb"])
    sees("xen1 xen2 xen4", "c", paths=(2, 2), ports=["mpathi"])
    sees("xen2", "d", LOST, (0, 2), 2, ["mpathj"])
    sees("xen1", "loop", ports=["loop0"])
    sees("xen1 xen2 xen3", "vg data swap", paths=(2, 2))
    sees("xen4", "vg", DEGRADED, (1, 2))
    sees("xen4", "data", LOST, (0, 1))
    sees("xen10", "vg data swap", UNKNOWN, (2, 2))
    sees("xen1 xen3", "fs-data fs-swap", paths=(4, 4), ports=["dm-5"])
    sees("xen2", "fs-data fs-swap", DEGRADED, (2, 4), 4, ["dm-5"])
    sees("xen10", "fs-data fs-swap", UNKNOWN, (4, 4), ports=["dm-5"])
    sees("xen1 xen2 xen4", "fs-c", paths=(2, 2), ports=["dm-8"])
    sees("xen2", "fs-d", LOST, (0, 2), 2, ["dm-9"])
    parts = list(n.values()), list(r.values()), edges
    count(*parts)
    return parts


def use(n, resource, kind, container, used_by, **more):
    return {"node": n["index"], "resource": resource["index"], "kind": kind,
            "container": container, "used_by": used_by, "age_ms": 1200, **more}


def uses(nodes, things):
    n = {x["name"]: x for x in nodes}
    r = {x["key"]: x for x in things}
    data, clone = r[f"{FS_DATA}@lv.{LV_DATA}"], r[f"{FS_CLONE}@{LUN_C}"]
    swap = r[f"{FS_SWAP}@lv.{LV_SWAP}"]
    return [
        use(n["xen1"], data, "mount", "lv." + LV_DATA, "/srv/data", type="ext4", device="dm-5",
            read_only=False),
        use(n["xen1"], data, "loop", "lv." + LV_DATA, "loop3", file="/guests/web-01.img",
            device="dm-5", read_only=False),
        use(n["xen1"], data, "xen", "lv." + LV_DATA, "7/xvda", file="/guests/web-01.img",
            read_only=False),
        use(n["xen2"], clone, "xen", LUN_C, "12/xvdb", device="dm-8", read_only=True),
        use(n["xen4"], clone, "open", LUN_C, "dd[4711]", device="dm-8", read_only=True,
            age_ms=67000),
        use(n["xen1"], swap, "swap", "lv." + LV_SWAP, "swap", type="swap", device="dm-6"),
        use({"index": 999}, swap, "swap", "nowhere", "a node that is not in the reply"),
    ]


def told(things):
    """What the filesystems are; of the lost one nobody tells."""
    r = {x["key"]: x for x in things}
    return [
        {"resource": r[f"{FS_CLONE}@{LUN_C}"]["index"], "type": "xfs", "label": "images",
         "size_bytes": 500 * GIB},
        {"resource": r[f"{FS_SWAP}@lv.{LV_SWAP}"]["index"], "type": "swap",
         "size_bytes": 16 * GIB},
        {"resource": r[f"{FS_DATA}@lv.{LV_DATA}"]["index"], "type": "ext4", "label": "data",
         "size_bytes": 1484 * GIB},
        {"resource": 999, "type": "not in the reply"},
    ]


# ---- the inventory of one of them ----------------------------------------------------------------


def fc_path(device, lun, host, target, group, state="running", map_state="active", **more):
    active = state == "running" and map_state == "active"
    return {"device": device, "lun": lun, "devnum": "8:0", "address": f"{host}:0:{target}:1",
            "transport": "fc", "hba": f"host{host}",
            "initiator_port": f"0x21000024ff{host:06x}", "target": "0x5006016046e00ad1",
            "target_port": f"0x50060161{target:02x}e00ad1", "target_port_state": "Online",
            "state": state, "map_state": map_state, "path_group": group,
            "group_state": "active" if group == 1 else "enabled",
            "access_state": "active/optimized" if group == 1 else "active/non-optimized",
            "active": active, "size_bytes": 2048 * GIB, **more}


def lun(key, size, active, total, transport="fc", **more):
    return {"key": key, "wwid": key, "identified_by": "naa", "designators": [key],
            "transport": transport, "vendor": "NETAPP", "model": "LUN C-Mode", "size_bytes": size,
            "map": "mpath" + str(more.pop("letter", "a")), "device": "dm-0", "state": "ok",
            "paths_active": active, "paths_total": total, **more}


def rows():
    """Section name -> rows of xen3: one path lost, one LUN stuck."""
    a = [fc_path(d, LUN_A, h, t, g) for d, h, t, g in
         (("sda", 3, 0, 1), ("sdb", 4, 0, 1), ("sdc", 3, 1, 2))]
    a.append(fc_path("sdd", LUN_A, 4, 1, 2, "transport-offline", "failed", failures=3))
    b = [fc_path(d, LUN_B, h, t, g) for d, h, t, g in
         (("sde", 3, 0, 1), ("sdf", 4, 0, 1), ("sdg", 3, 1, 2), ("sdh", 4, 1, 2))]
    iscsi = {"device": "sdi", "lun": LUN_C, "devnum": "8:128", "address": "6:0:0:1",
             "transport": "iscsi", "hba": "host6", "target": IQN, "portal": "10.77.0.1:3260",
             "portal_group": 1, "initiator_port": "iqn.1993-08.org.debian:01:8e9d5b3e77a",
             "target_port_state": "LOGGED_IN", "state": "running", "active": True}
    return {
        "hbas": [
            {"name": "host3", "transport": "fc", "driver": "qla2xxx", "model": "QLE2692",
             "port_name": "0x21000024ff000003", "port_state": "Online", "speed": "16 Gbit",
             "paths_active": 4, "paths_total": 4},
            {"name": "host4", "transport": "fc", "driver": "qla2xxx", "model": "QLE2692",
             "port_name": "0x21000024ff000004", "port_state": "Linkdown", "speed": "unknown",
             "paths_active": 3, "paths_total": 4},
            {"name": "host6", "transport": "iscsi", "driver": "iscsi_tcp",
             "port_name": "iqn.1993-08.org.debian:01:8e9d5b3e77a", "port_state": "running",
             "address": "10.77.0.15", "interface": "eth2", "paths_active": 1, "paths_total": 1}],
        "luns": [
            lun(LUN_A, 2048 * GIB, 3, 4),
            lun(LUN_B, 2048 * GIB, 4, 4, letter="b", device="dm-1", state="stuck",
                state_text="it has not answered a read since 2026-11-24 16:02:11 +0100",
                stuck_ms=580000),
            {**lun(LUN_C, 500 * GIB, 1, 1, "iscsi", vendor="LIO-ORG", model="vol7", device="sdi"),
             "map": ""},
            {"key": LOOP, "identified_by": "loop", "transport": "loop", "device": "loop0",
             "file": FILE, "size_bytes": 10 * GIB, "state": "ok", "paths_active": 1,
             "paths_total": 1},
            {"key": "serial.virtio::175663357602453", "identified_by": "serial",
             "serial": "175663357602453", "transport": "virtio", "device": "vda",
             "size_bytes": 40 * GIB, "state": "ok", "paths_active": 1, "paths_total": 1,
             "unread": "/dev/vda cannot be opened and read: Operation not permitted"}],
        "paths": a + b + [iscsi, {"device": "loop0", "lun": LOOP, "transport": "loop",
                                  "state": "running", "active": True}],
        "partitions": [
            {"key": LOOP + "-part1", "container": LOOP, "number": 1, "device": "loop0p1",
             "table_type": "gpt", "type": "c12a7328-f81f-11d2-ba4b-00a0c93ec93b",
             "uuid": "7f8c1f6e-45cb-4a0e-9f0c-5e0f4d3b2a19", "label": "EFI system",
             "start_bytes": 1048576, "size_bytes": 536870912},
            {"key": LOOP + "-part2", "container": LOOP, "number": 2, "device": "loop0p2",
             "table_type": "gpt", "type": "0fc63daf-8483-4772-8e79-3d69d8477de4",
             "uuid": "9b7d3a51-02ff-4c6e-8d1a-71c2b6a4e0d8", "size_bytes": 9 * GIB}],
        "pvs": [
            {"uuid": PV_A, "container": LUN_A, "device": "dm-0", "vg_uuid": VG,
             "vg_name": "guests", "size_bytes": 2048 * GIB, "free_bytes": 548 * GIB,
             "attr": "a--"},
            {"uuid": PV_B, "vg_uuid": VG, "vg_name": "guests", "size_bytes": 2048 * GIB,
             "free_bytes": 2048 * GIB, "attr": "a-m", "missing": True}],
        "vgs": [{"uuid": VG, "name": "guests", "attr": "wz-pn-", "size_bytes": 4096 * GIB,
                 "free_bytes": 2596 * GIB, "pvs": 2, "pvs_missing": 1, "lvs": 2, "seqno": 17,
                 "metadata_digest": "156f85fe90a0808859accad25b5dcb1f", "partial": True,
                 "paths_active": 1, "paths_total": 2}],
        "lvs": [
            {"uuid": LV_DATA, "name": "data", "vg_uuid": VG, "vg_name": "guests",
             "size_bytes": 1484 * GIB, "type": "linear", "active": True, "open": False,
             "device": "dm-5", "paths_active": 1, "paths_total": 1},
            {"uuid": LV_SWAP, "name": "swap", "vg_uuid": VG, "vg_name": "guests",
             "size_bytes": 16 * GIB, "type": "linear", "active": False, "health": "partial",
             "paths_active": 0, "paths_total": 1}],
        "filesystems": [
            {"container": "lv." + LV_DATA, "device": "dm-5", "type": "ext4", "uuid": FS_DATA,
             "label": "data", "size_bytes": 1484 * GIB, "state": "dirty", "journal": "internal",
             "paths_active": 3, "paths_total": 4},
            {"container": LUN_C, "device": "sdi", "type": "xfs", "uuid": FS_CLONE,
             "label": "images", "size_bytes": 500 * GIB, "paths_active": 1, "paths_total": 1},
            {"container": LOOP + "-part2", "device": "loop0p2", "type": "btrfs",
             "uuid": FS_SWAP, "size_bytes": 9 * GIB, "state": "clean", "paths_active": 1,
             "paths_total": 1}],
        "uses": [
            {"key": "mount/253:5//srv/data", "kind": "mount", "container": "lv." + LV_DATA,
             "device": "dm-5", "used_by": "/srv/data", "type": "ext4", "read_only": False,
             "options": "rw,relatime"},
            {"key": "loop/253:5/loop3", "kind": "loop", "container": "lv." + LV_DATA,
             "device": "dm-5", "used_by": "loop3", "file": "/guests/web-01.img"},
            {"key": "xen/253:8/12/xvdb", "kind": "xen", "container": LUN_C, "device": "sdi",
             "used_by": "12/xvdb", "read_only": True}],
    }


NAMES = ("hbas", "luns", "paths", "partitions", "pvs", "vgs", "lvs", "filesystems", "uses")
FIRST = 7  # number of the section hbas


def sections(**changed):
    return [{"section": FIRST + i, "status": 1, "generation": 5, "age_ms": 1200,
             "status_age_ms": 90000, name: {**rows(), **changed}[name]}
            for i, name in enumerate(NAMES)]


def many(luns=500):
    """500 LUNs with four paths each; three of them are not well."""
    keys = [f"naa.600a0980383044374{i:015x}" for i in range(luns)]
    paths = [fc_path(f"sd{i}{'abcd'[h]}", k, 3 + h % 2, h // 2, 1 + h // 2)
             for i, k in enumerate(keys) for h in range(4)]
    paths[41].update(state="transport-offline", map_state="failed", active=False)
    rows_ = [lun(k, 64 * GIB, 4, 4, letter=i, device=f"dm-{i}") for i, k in enumerate(keys)]
    rows_[10].update(paths_active=3)
    rows_[77].update(state="stuck", state_text="it does not answer a read")
    rows_[400].update(state="failed", state_text="a read of its first block fails: I/O error")
    return sections(luns=rows_, paths=paths)


def fleet(nodes=40, luns=200):
    """Many hosts that see many LUNs: most of them all of these."""
    hosts = [node(f"xen{i:02d}", i, "down" if i == 17 else "up") for i in range(1, nodes + 1)]
    things = [thing("lun", f"naa.600a0980383044374{i:015x}", f"naa.600a0980383044374{i:015x}", i)
              for i in range(luns)]
    edges = []
    for n in hosts:
        for x in things:
            i = x["index"]
            if n["name"] == "xen09" and i in (5, 6):
                continue
            state, paths = OK, (4, 4)
            if n["name"] == "xen17":
                state = UNKNOWN
            elif i == 77 and n["name"] != "xen01":
                state, paths = LOST, (0, 4)
            elif n["name"] in ("xen20", "xen21") and i < 150:
                state, paths = DEGRADED, (2, 4)
            elif n["name"] == "xen33" and i == 12:
                state = STUCK
            edges.append(edge(n, x, state, paths, 4))
    count(hosts, things, edges)
    return hosts, things, edges


def evidence():
    """Of xen2 and the filesystem data: the whole chain."""
    lost = "The map has given it up; the port of the array is not there since 2026-11-24 16:10:51."
    return [
        {"depth": 0, "what": "filesystem", "name": "data", "state": "degraded",
         "text": f"ext4 {FS_DATA}, 1484.0 GiB, dirty; through 2 of 4 paths, had 4 until 2026-11-24 "
                 "16:10:51."},
        {"depth": 1, "what": "use", "name": "mount /srv/data on xen1", "state": "info",
         "text": "xen1 has it mounted at /srv/data, ext4, read-write."},
        {"depth": 1, "what": "lv", "name": "guests/data", "state": "ok",
         "text": f"{LV_DATA}, 1484.0 GiB, linear; active as dm-5."},
        {"depth": 2, "what": "vg", "name": "guests", "state": "ok",
         "text": f"{VG}, version 17; all 2 PVs are here."},
        {"depth": 3, "what": "pv", "name": PV_A, "state": "ok", "text": f"On {LUN_A}."},
        {"depth": 4, "what": "lun", "name": LUN_A, "state": "degraded",
         "text": "NETAPP LUN C-Mode, 2048.0 GiB, map mpatha; 2 of 4 paths.",
         "mend": "See the paths below."},
        {"depth": 5, "what": "path", "name": "sda 3:0:0:1", "state": "ok",
         "text": "fc 0x21000024ff000003 to 0x5006016100e00ad1, active/optimized."},
        {"depth": 5, "what": "path", "name": "sdb 4:0:0:1", "state": "lost", "text": lost},
        {"depth": 6, "what": "hba", "name": "host4 0x21000024ff000004", "state": "lost",
         "text": "Linkdown.",
         "mend": "Look at the cable and at the switch's port of 0x21000024ff000004; it was online "
                 "until 2026-11-24 16:10:51."},
        {"depth": 3, "what": "pv", "name": PV_B, "state": "ok", "text": f"On {LUN_C}."},
        {"depth": 4, "what": "partition", "name": LUN_C + "-part1", "state": "ok",
         "text": "500.0 GiB, gpt."},
        {"depth": 5, "what": "lun", "name": LUN_C, "state": "ok",
         "text": "LIO-ORG vol7, 500.0 GiB; 1 of 1 path."},
        {"depth": 6, "what": "path", "name": f"sdi {IQN} 10.77.0.1:3260", "state": "ok",
         "text": f"iscsi to {IQN} at 10.77.0.1:3260, logged in."},
        {"depth": 1, "what": "section", "name": "uses", "state": "stuck",
         "text": "The worker does not answer since 9 min."},
    ]


def impact():
    return [
        {"depth": 0, "what": "lun", "name": LUN_A, "state": "info",
         "text": "5 nodes see it; 1 volume group, 2 logical volumes and 2 filesystems lie on it."},
        {"depth": 1, "what": "pv", "name": PV_A, "state": "info", "text": "Of the volume group "
         "guests."},
        {"depth": 2, "what": "vg", "name": "guests", "state": "info", "text": "It is one of 2 PVs."},
        {"depth": 3, "what": "lv", "name": "guests/data", "state": "info",
         "text": "All of its extents are on it."},
        {"depth": 4, "what": "filesystem", "name": "data", "state": "info", "text": "ext4."},
        {"depth": 5, "what": "use", "name": "/srv/data", "state": "info",
         "text": "xen1 has it mounted, read-write."},
        {"depth": 3, "what": "lv", "name": "guests/swap", "state": "info",
         "text": "All of its extents are on it."},
        *({"depth": 1, "what": "node", "name": f"xen{i}", "state": "ok", "text": "4 of 4 paths."}
          for i in (1, 3, 4)),
        {"depth": 1, "what": "node", "name": "xen2", "state": "degraded",
         "text": "2 of 4 paths."},
    ]


def dependents():
    def of(kind, key, label, depth, parent, lost, degraded, resource=None):
        more = {} if parent is None else {"parent": parent}
        more |= {"id": an_id(resource)} if resource else {}
        return {"kind": kind, "key": key, "label": label, "depth": depth, "nodes_lost": lost,
                "nodes_degraded": degraded, **more}
    nodes = ["xen1", "xen2", "xen3"]
    return [
        of("pv", PV_A, PV_A, 1, None, nodes, []),
        of("vg", VG, "guests", 2, 0, ["xen4"], nodes, "vg/" + VG),
        of("lv", LV_DATA, "guests/data", 3, 1, nodes, [], "lv/" + LV_DATA),
        of("filesystem", f"{FS_DATA}@lv.{LV_DATA}", "data", 4, 2, nodes, [],
           f"filesystem/{FS_DATA}@lv.{LV_DATA}"),
        of("use", "xen1/mount/253:5/srv/data", "/srv/data", 5, 2, ["xen1"], []),
        of("lv", LV_SWAP, "guests/swap", 3, 1, nodes, [], "lv/" + LV_SWAP),
    ]


def events(event):
    def of(no, kind, severity, n, key, label, text):
        return {**event(no, kind, severity, text, n), "resource": an_id(key),
                "resource_label": label}
    return [
        of(201, "edge.degraded", "warning", "xen2", "lun/" + LUN_A, LUN_A,
           f"xen2 half-sees {LUN_A}: 2 of 4 paths, had 4; through mpatha."),
        of(202, "lun.remapped", "warning", "xen3", "lun/" + LUN_B, LUN_B,
           f"xen3: device sde at address 3:0:0:1 led to LUN {LUN_B} and leads to {LUN_D} now: it "
           "was mapped anew under a device that is in use."),
        of(203, "edge.lost", "error", "xen2", "lun/" + LUN_D, LUN_D, f"xen2 has lost {LUN_D}."),
        of(204, "edge.stuck", "error", "xen3", "lun/" + LUN_B, LUN_B,
           f"xen3 has no answer from LUN {LUN_B}: it is stuck."),
    ]
