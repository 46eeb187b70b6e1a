# SPDX-License-Identifier: GPL-2.0-or-later
"""Two nodes that share three disks, with a volume group on two of them."""
import os

from disks import MIB, PATIENT, Fleet
from harness import check

NODES = ("alpha", "beta")
EXTENT = 4 * MIB


class Bed:
    def __init__(self, lab, disks, settings=PATIENT):
        self.lab, self.disks = lab, disks
        self.files = [disks.file(f"disk{i}", 64 * MIB) for i in range(3)]
        self.own = [disks.attach(0, f) for f in self.files]
        disks.lvm(self.own, "pvcreate", "-q", *self.own[:2])
        disks.lvm(self.own, "vgcreate", "-q", "-s", "4m", "fast", *self.own[:2])
        for f in self.files:
            disks.attach(1, f)
        self.fleet = Fleet(lab, disks, NODES, settings=settings)
        lab.wait_matrix(lambda m: len(m) == 6 and all(e["state"] == "ok" for e in m.values()),
                        "both see three disks", "--kind", "lun")
        lab.wait_matrix(lambda m: len(m) == 2 and all(e["state"] == "ok" for e in m.values()),
                        "both see the volume group", "--kind", "vg")
        doc = lab.muster("resource", "list", "--kind", "lun")
        self.luns = {r["label"]: r["id"] for r in doc["resources"]}

    def do(self, *args, code=0):
        r = self.lab.muster_raw("--json", *args, "--wait", timeout="120s")
        check(r.returncode == code, f"muster {' '.join(args)}: exit {r.returncode}: {r.stderr} {r.stdout}")
        return r.stderr

    def lvs(self, name):
        out = self.disks.lvm(self.own, "lvs", "--noheadings", "--units", "b", "--nosuffix", "-o",
                             "lv_name,lv_size", name)
        return dict((w[0], int(w[1])) for w in map(str.split, out.splitlines()) if w)

    def pvs(self):
        return int(self.disks.lvm(self.own, "vgs", "--noheadings", "-o", "pv_count", "fast"))

    def check_equal(self):
        """Both nodes tell the same version, and it is what is on the disks."""
        seqno = int(self.disks.lvm(self.own, "vgs", "--noheadings", "-o", "vg_seqno", "fast"))
        seen = [[(r["seqno"], r["metadata_digest"]) for r in self.lab.section(n, "vgs")["rows"]
                 if r["name"] == "fast"] for n in NODES]
        check(seen[0] == seen[1] and [s for s, _ in seen[0]] == [seqno], f"{seen}, not {seqno}")
        said = self.disks.lvm(self.own, "vgck", "fast")
        check(not said.strip(), f"vgck: {said}")


def workers_at_change(probes):
    """{pid of a worker of a change at this moment: pid of its probe}, of these probes. What is told of a
    worker is read once: it may be gone at the next look."""
    found = {}
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as f:
                words = f.read().split(b"\0")
            with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                parent = f.read().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if words[:2] == [b"muster-probe-worker", b"change"] and int(parent) in probes:
            found[int(pid)] = int(parent)
    return found
