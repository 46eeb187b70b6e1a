# SPDX-License-Identifier: GPL-2.0-or-later
"""A rescan's worker writes to the files of the targets and devices that it is told, one LUN or one
target at a time, and to nothing else (on a tree that is made up); and an operator's rescan goes from
the command line through coordinator and probe to a worker of this very host, and back."""
import os
import socket
import subprocess
import tempfile

from harness import BUILD, LIMIT_S, Lab, check, need_nic, run

WORKER = os.path.join(BUILD, "probe", "muster-probe-worker")


# ---- one request and one result, as the supervisor would (proto/worker.proto) --------------------

def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def number(tag, n):
    return varint(tag << 3) + varint(n)


def blob(tag, b):
    return varint(tag << 3 | 2) + varint(len(b)) + b


def fields(b):
    """[(tag, value)] of a message."""
    out, at = [], 0

    def take():
        nonlocal at
        n = shift = 0
        while True:
            n |= (b[at] & 127) << shift
            shift += 7
            at += 1
            if b[at - 1] < 128:
                return n

    while at < len(b):
        key = take()
        value = take()
        if key & 7 == 2:
            at += value
            value = b[at - value:at]
        out.append((key >> 3, value))
    return out


def ask(root, targets=(), devices=(), everything=False):
    """(done, reason, added, gone) of a worker that looks at these under `root`."""
    work = b"".join(blob(1, t.encode()) for t in targets) + \
        b"".join(blob(2, d.encode()) for d in devices)
    work += (number(3, 1) if everything else b"") + number(4, 10000)
    request = number(1, 1) + blob(2, b"rescan") + blob(4, root.encode()) + blob(9, work)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.send(request)
    process = subprocess.Popen([WORKER, "rescan"], preexec_fn=lambda: os.dup2(theirs.fileno(), 3),
                               pass_fds=(3, theirs.fileno()), stderr=subprocess.PIPE, text=True)
    theirs.close()
    _, err = process.communicate(timeout=LIMIT_S)
    check(process.returncode == 0, f"the worker ended with {process.returncode}: {err}")
    head, fds, _, _ = socket.recv_fds(ours, 65536, 4)
    ours.close()
    check(len(fds) == 1, f"{len(fds)} files came: {fields(head)}")
    size = dict(fields(head))[2]
    result = fields(os.pread(fds[0], size, 0))
    os.close(fds[0])
    texts = {tag: [v.decode() for t, v in result if t == tag] for tag in (3, 7, 8)}
    return bool(dict(result)[2]), (texts[3] or [None])[0], texts[7], texts[8]


# ---- a tree that is made up ----------------------------------------------------------------------

def make(root, *devices):
    for d in devices:
        os.makedirs(os.path.join(root, "sys/class/scsi_device", d, "device"))
        open(os.path.join(root, "sys/class/scsi_device", d, "device/rescan"), "w").close()
        host = os.path.join(root, "sys/class/scsi_host/host" + d.split(":")[0])
        os.makedirs(host, exist_ok=True)
        open(os.path.join(host, "scan"), "w").close()


def written(root):
    """What each file has that has anything."""
    out = {}
    for folder, _, names in os.walk(root):
        for name in names:
            path = os.path.join(folder, name)
            text = open(path).read()
            if text:
                out[os.path.relpath(path, os.path.join(root, "sys/class"))] = text
                os.truncate(path, 0)
    return out


def look_at_a_tree(root):
    make(root, "6:0:0:1", "6:0:0:2", "6:0:1:1", "7:0:0:1")
    check(ask(root, targets=["6:0:1"]) == (True, None, [], []), "one target")
    check(written(root) == {"scsi_host/host6/scan": "0 1 -\n"}, "one target")
    check(ask(root, targets=["7:0:5"])[0], "a target that has shown no LUN yet")
    check(written(root) == {"scsi_host/host7/scan": "0 5 -\n"}, "a target without a LUN")
    check(ask(root, devices=["6:0:0:2", "7:0:0:1"])[0], "two devices")
    check(written(root) == {"scsi_device/6:0:0:2/device/rescan": "1\n",
                            "scsi_device/7:0:0:1/device/rescan": "1\n"}, "two devices")
    check(ask(root, everything=True)[0], "all")
    got = written(root)
    check(sorted(got) == ["scsi_host/host6/scan", "scsi_host/host7/scan"], str(got))
    check(sorted(got["scsi_host/host6/scan"]) == sorted("0 0 -\n0 1 -\n") or
          len(got["scsi_host/host6/scan"]) == 6, str(got))
    with open(os.path.join(root, "sys/class/scsi_device/7:0:0:1/device/state"), "w") as f:
        f.write("transport-offline\n")
    done, reason, _, _ = ask(root, targets=["7:0:0"])
    os.unlink(os.path.join(root, "sys/class/scsi_device/7:0:0:1/device/state"))
    check(not done and "Host is down" in reason, str(reason))
    check(written(root) == {}, "a target of which no path runs is not scanned")
    for bad in ({"targets": ["9:0:0"]}, {"devices": ["6:0:0:9"]}, {"targets": ["- - -"]},
                {"targets": ["6:0:-"]}, {"devices": ["6:0:0:1/../.."]}, {"devices": ["6:0:0"]}):
        done, reason, _, _ = ask(root, **bad)
        check(not done and reason, str(bad))
        check(written(root) == {}, str(bad))
    print("a tree that is made up: only what was asked for was written")


def ask_through_all():
    with Lab() as lab:
        lab.start_coordinator()
        token = os.path.join(lab.dir, "token")
        with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(lab.tokens()[0] + "\n")
        lab.spawn([os.path.join(BUILD, "probe", "muster-probe"), "--connect", lab.listen,
                   "--token-file", token, "--run-dir", os.path.join(lab.dir, "run"), "--node-name",
                   "here", "--device", "vd*"], log="probe")
        lab.wait_matrix(lambda m: m and all(e["state"] != "unknown" for e in m.values()), "edges")
        got = lab.muster("rescan", "here", "--target", "4000000000:0:0")
        check(got["task"]["kind"] == "rescan", str(got))
        no = str(got["task"]["no"])
        shown = lab.wait(lambda: lab.muster("task", "show", no),
                         lambda d: d["task"]["state"] == "done", "the task's end")
        job = shown["jobs"][0]
        check(job["result"] == "failed" and job["attempt"] == 1, str(job))
        check(job["reason"] == "the kernel has no 4000000000:0:0", str(job))
        print("an order for a target that is not there:", job["reason"])


def main():
    with tempfile.TemporaryDirectory(prefix="muster-rescan-") as root:
        os.chmod(root, 0o755)
        look_at_a_tree(root)
    need_nic()
    ask_through_all()


main()
