# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests of coordinated scans share: three real probes and a coordinator, each in a network
namespace, with file systems that all three see and in which images were planted; scans, what they
found, and the workers that are at it. An observer watches from the first mount to the last."""
import json
import os
import shutil
import signal
import sys
import time
import uuid

import disks as d
from harness import LIMIT_S, check, run
from observer import Observer, block_digests, cached_pages, changed_blocks

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../support"))
import loops

NODES = ["alpha", "beta", "gamma"]
KINDS = ("ext4", "xfs", "btrfs", "vfat", "iso9660")
TTL_MS = 15000  # some tests wait for its end, and a worker that is stopped for less goes on
# Of a coordinator in a test in which no lease ends by time and nobody is silent.
PATIENT = ["--set", "lease_ttl_ms=60000", *d.PATIENT]
TRIES = 10
ASK_S = 1.0  # how a scan goes, while it is watched for something else
SPARE = 9      # a node of nobody, for what the test itself does
QEMU = {"guests/web.qcow2": ("qcow2", 64 * d.MIB, ()), "vhd.vhd": ("vpc", 32 * d.MIB, ()),
        "old/flat.vmdk": ("vmdk", 16 * d.MIB, ()),
        "guests/web-2.qcow2": ("qcow2", None, ("-b", "web.qcow2", "-F", "qcow2"))}
# Path: format, bytes that the guest sees, state of the backing file.
PLANTED = {"/guests/web.qcow2": ("qcow2", 64 * d.MIB, None),
           "/guests/web-2.qcow2": ("qcow2", 64 * d.MIB, "found"),
           "/vhd.vhd": ("vhd", 32 * d.MIB, None), "/old/flat.vmdk": ("vmdk", 16 * d.MIB, None),
           "/raw.img": ("raw", 4 * d.MIB, None)}


def is_known(kind):
    """Whether this kernel can mount it, and there is a program that makes one."""
    return kind in {line.split()[-1] for line in d.file_text("/proc/filesystems").splitlines()} and \
        kind in d.MAKE and shutil.which(d.MAKE[kind][0]) is not None


def kinds():
    found = [k for k in KINDS if is_known(k)]
    for k in set(KINDS) - set(found):
        print(f"no {k} here: this kernel cannot mount it, or nothing here makes one")
    return found


def plant(folder, more=0):
    """The images, and so many files that are none."""
    for name, (form, size, options) in QEMU.items():
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        run("qemu-img", "create", "-q", "-f", form, *(("-o", "force_size=on") if form == "vpc" else ()),
            *options, path, *([str(size)] if size else []))
    raw = os.path.join(folder, "raw.img")
    with open(raw, "wb") as f:
        f.truncate(4 * d.MIB)
    run("mkfs.ext4", "-q", "-F", raw)
    os.mkdir(os.path.join(folder, "many"))
    for i in range(more):
        with open(os.path.join(folder, "many", f"f{i}"), "wb") as f:
            f.write(b"no image" * 100)


def inside(disks, device, kind, change):
    """`change` gets the folder at which the device is mounted, for a moment, by the test itself."""
    folder = os.path.join(disks.dir, "inside")
    os.makedirs(folder, exist_ok=True)
    loops.mount(device, folder, kind)
    try:
        return change(folder)
    finally:
        loops.unmount(folder)


class ScanFleet:
    """Use as `with ScanFleet(lab, disks, {label: kind}) as fleet:`; labels are those of the file systems.
    `more`: files without an image in each, so that a scan takes a moment; of all, or {label: how many}.
    `extra`: options of the probes; `settings`: of the coordinator."""

    def __init__(self, lab, disks, filesystems, more=0, prepare=None, names=NODES, extra=(), settings=None):
        self.lab, self.disks, self.kinds, self.names = lab, disks, dict(filesystems), list(names)
        self.files, self.devices = {}, {}  # label: path; (node, label): device
        for label, kind in self.kinds.items():
            path = self.files[label] = disks.make(kind, label, "-n" if kind == "vfat" else "-L", label)
            device = disks.attach(SPARE, path)
            inside(disks, device, kind, lambda folder: plant(folder, more if isinstance(more, int) else more[label]))
            disks.detach(device)
            if prepare is not None:
                prepare(disks, label, path)
        for label, path in self.files.items():
            with open(path, "rb") as f:
                os.fsync(f.fileno())
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
            for i, name in enumerate(self.names):
                device = self.devices[name, label] = disks.attach(i, path)
                loops.ask(device, 0x4C08, 1)  # LOOP_SET_DIRECT_IO: no cache below it, as of a LUN
        self.settings = settings or ["--set", f"lease_ttl_ms={TTL_MS}"]
        self.fleet = d.Fleet(lab, disks, self.names, extra=extra, settings=self.settings)
        self.observer = Observer(lab.dir, list(self.files.values()))

    def __enter__(self):
        self.observer.__enter__()
        self.wait_seen()
        self.before = {label: block_digests(path) for label, path in self.files.items()}
        return self

    def __exit__(self, *trace):
        self.observer.__exit__(*trace)

    def wait_seen(self):
        self.lab.wait_matrix(lambda m: {k for k, e in m.items() if e["state"] == "ok"} >=
                             {(n, f) for n in self.names for f in self.files},
                             "all see all", "--kind", "filesystem")

    # ---- scans

    def admit(self):
        self.lab.muster("fs", "admit", *self.files)

    def begin(self, *args):
        """A scan that nobody waits for: number of its task."""
        return self.lab.muster("scan", *args)["task"]["no"]

    def task(self, no):
        return self.lab.muster("task", "show", str(no))

    def wait_done(self, no, limit_s=2 * LIMIT_S):
        doc = self.lab.wait(lambda: self.task(no), lambda t: t["task"]["state"] != "running",
                            f"task {no} ends", limit_s)
        check(doc["task"]["state"] == "done", f"task {no}: {doc['task']}")
        return doc

    def wait_read(self, no, limit_s=2 * LIMIT_S):
        """Until what is to be read has been; nodes that are silent may still have to prove their reach."""
        return self.lab.wait(lambda: self.task(no), has_read, f"task {no} has read all", limit_s)

    def change(self, label):
        """Another host writes something, so that the next scan must read it again."""
        def write(folder):
            with open(os.path.join(folder, "note"), "ab") as f:
                f.write(b"changed\n")
        device = self.devices[self.names[0], label]
        inside(self.disks, device, self.kinds[label], write)
        d.as_udev(device)  # a probe that has just looked has seen the mount, and is not told of its end
        self.wait_unused()
        self.before[label] = block_digests(self.files[label])

    def scan(self, *args, code=0):
        """`muster --json scan --wait`: (its document, what it says of each label)."""
        r = self.lab.muster_raw("--json", "scan", "--wait", *args, timeout="120s")
        check(r.returncode == code, f"scan {args}: exit {r.returncode}: {r.stderr} {r.stdout}")
        doc = json.loads(r.stdout)
        ids = {x["id"]: x["label"] for x in self.resources("filesystem")["resources"]}
        of = {}
        for f in doc["filesystems"]:
            of.setdefault(ids[f["resource"]], []).append(f)
        return doc, of

    def resources(self, kind):
        return self.lab.muster("resource", "list", "--kind", kind)

    def reach(self, label):
        """{node: what is proven of how it reaches the file system}"""
        doc = self.lab.muster("fs", "list", label)
        check(len(doc["resources"]) == 1, f"{label}: {doc}")
        return {doc["nodes"][x["node"]]["name"]: x for x in doc["reach"]}

    def check_reach(self, label, **how):
        """Each node's word, with its boot and a moment: `muster explain` says the same."""
        got = self.reach(label)
        check({n: x["how"] for n, x in got.items()} == how, f"reach of {label}: {got}")
        for name, x in got.items():
            doc = self.lab.muster("explain", name, label)
            told = {k: v for k, v in x.items() if k not in ("node", "resource")}
            check(doc["reach"] == told and told["at"], f"explain {name} {label}: {doc['reach']} {x}")
            check(x["this_boot"] == (x["boot_id"] == doc["node"]["boot_id"]), f"{label}: {x}")
            words = {"read_here": "Read here at ", "proven": "Reach proven at ",
                     "not_proven": "Reach not proven at "}[x["how"]]
            check(any(e["text"].startswith(words) for e in doc["evidence"]), f"{name}: {doc['evidence']}")
        return got

    def images(self, label):
        """{path: image} of one file system"""
        return {i["path"]: i for i in self.resources("image")["images"] if i["label"] == label}

    def check_planted(self, label, more=()):
        found = self.images(label)
        check(set(found) == set(PLANTED) | set(more), f"images of {label}: {sorted(found)}")
        for path, (form, size, state) in PLANTED.items():
            i = found[path]
            got = (i["format"], i["virtual_bytes"], i["backing_state"])
            check(got == (form, size, state), f"{label}:{path}: {got}")
        check(found["/guests/web-2.qcow2"]["backing_path"] == "/guests/web.qcow2", f"chain: {found}")

    def leases(self):
        return self.lab.muster("lease", "list")["leases"]

    def wait_no_leases(self, limit_s=LIMIT_S):
        self.lab.wait(self.leases, lambda v: not v, "all leases are over", limit_s)

    # ---- faults

    def tell(self, *stories):
        """After each all is found and no lease is left; then there is something new to find."""
        for story in stories:
            story(self)
            self.wait_no_leases()
            for label in self.files:
                self.check_planted(label)
                self.change(label)

    def reboot(self, name):
        """Kills what the node runs, at once, and starts a probe in another boot of it: no power is needed
        for that but another boot id."""
        self.lab.end(self.fleet.probes[name], signal.SIGKILL)
        token = self.lab.muster("token", "create", "--node", name)["tokens"][0]["token"]
        self.fleet.boot(name, uuid.uuid4())
        self.fleet.start(name, token)

    def link(self, port, state):
        run("ip", "-n", self.fleet.hub, "link", "set", port, state)

    def restart_coordinator(self, meanwhile):
        self.lab.end(self.lab.coordinator, signal.SIGKILL)
        meanwhile()
        self.lab.start_coordinator(*self.settings, namespace=self.fleet.hub)

    # ---- workers

    def scan_workers(self, name):
        """Pids of the workers of scans of that node's probe."""
        pid, out = self.fleet.probes[name].pid, []
        try:
            children = d.file_text(f"/proc/{pid}/task/{pid}/children").split()
        except OSError:
            return out
        for child in map(int, children):
            try:
                words = d.file_text(f"/proc/{child}/cmdline").split("\0")
            except OSError:
                continue
            if words[1:2] == ["scan"]:
                out.append(child)
        return out

    def catch_worker(self, no, how, but):
        """Waits for a worker of that scan that has mounted something, and stops it (or what `how` says):
        (node, pid). `but`: not on these nodes. None: all has been read, and none was seen."""
        def mounted():
            for name in set(self.fleet.probes) - set(but):
                for pid in self.scan_workers(name):
                    try:
                        os.kill(pid, signal.SIGSTOP)
                        text = d.file_text(f"/proc/{pid}/mountinfo")
                    except OSError:
                        continue
                    if any(f" - {k} /dev/loop" in text for k in self.kinds.values()):
                        os.kill(pid, how)
                        return name, pid
                    os.kill(pid, signal.SIGCONT)
            return None
        end = time.monotonic() + 2 * LIMIT_S
        ask = time.monotonic() + ASK_S
        while True:
            got = mounted()
            if got is not None:
                return got
            check(time.monotonic() < end, f"no worker mounts: {self.task(no)}")
            if time.monotonic() > ask:
                if has_read(self.task(no)):
                    return None
                ask = time.monotonic() + ASK_S

    def begin_and_catch(self, *args, how=signal.SIGSTOP, but=()):
        """(number of the task, node, pid). Where all was read before we looked, there is something new to
        be read, and it begins again."""
        for _ in range(TRIES):
            no = self.begin(*args)
            got = self.catch_worker(no, how, but)
            if got is not None:
                return no, *got
            for label in set(args) & set(self.files) or self.files:
                self.change(label)
        raise AssertionError(f"no worker was seen in {TRIES} scans")

    def ids(self):
        return {n["id"] for n in self.lab.muster("node", "list")["nodes"]}

    def wait_unused(self):
        self.lab.wait(lambda: self.lab.muster("fs", "list")["uses"], lambda u: not u, "nobody uses any")

    # ---- the end

    def recorded(self, path):
        """Mount tables in which the observer has found the file so far."""
        lines = map(json.loads, d.file_text(self.observer.record).splitlines())
        return {(x["holder"], x["space"]) for x in lines if x.get("file") == path}

    def mounted(self):
        """How often the probes' workers have mounted something (None where the kernel does not tell), and
        {label: in how many mount tables the observer has found it}: a short mount may be in none."""
        count = self.observer.mounts_by({p.pid for p in self.fleet.probes.values()})
        return count, {label: len(self.recorded(path)) for label, path in self.files.items()}

    def check_mounted(self, before, times):
        """Since `before`, which is what mounted() gave: {label: how many times}."""
        (first, seen), (count, found) = before, self.mounted()
        for label, n in times.items():
            check(found[label] - seen[label] <= n, f"{label} is mounted {found[label] - seen[label]} times")
        check(count is None or count - first == sum(times.values()), f"{first}, {count}: {times}")

    def check_untouched(self, labels=None, what="the scans"):
        for label in labels or self.files:
            changed = changed_blocks(self.before[label], block_digests(self.files[label]))
            check(not changed, f"{what} have changed {label}: MiB {changed}")

    def check_nothing_cached(self):
        for (name, label), device in self.devices.items():
            n = cached_pages(device)
            check(n == 0, f"{n} pages of {label} are cached on {name}")

    def check_gone(self):
        """Nothing is left of any scan on any device: each can be had alone."""
        for device in self.devices.values():
            d.watch(lambda: alone(device), bool, f"{device} is free")

    def prove(self, what):
        self.check_gone()
        return self.observer.prove(what)


def has_read(doc):
    return all(j["state"] == "done" for j in doc["jobs"] if j["step"] == "read")


def alone(device):
    try:
        os.close(os.open(device, os.O_RDONLY | os.O_EXCL))
        return True
    except OSError:
        return False
