# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives the worker of a scan alone, as the supervisor does: an order in, a result out."""
import os
import select
import signal
import socket
import subprocess
import time

SCAN, REACH, PROVE = 1, 2, 3
OUTCOMES = {1: "complete", 2: "incomplete", 3: "not_read"}


def varint(n):
    out = b""
    while n > 127:
        out += bytes([n & 127 | 128])
        n >>= 7
    return out + bytes([n])


def encode(fields):
    """{number: int, str, bytes or a list of them}"""
    out = b""
    for tag, value in fields.items():
        for v in value if isinstance(value, list) else [value]:
            if isinstance(v, int):
                out += varint(tag << 3) + varint(v)
            else:
                v = v.encode() if isinstance(v, str) else v
                out += varint(tag << 3 | 2) + varint(len(v)) + v
    return out


def decode(data):
    """{number: [value, ...]}"""
    at, out = 0, {}

    def number():
        nonlocal at
        n = shift = 0
        while True:
            b = data[at]
            at += 1
            n |= (b & 127) << shift
            shift += 7
            if b < 128:
                return n

    while at < len(data):
        key = number()
        v = number()
        if key & 7 == 2:
            v, at = data[at:at + v], at + v
        out.setdefault(key >> 3, []).append(v)
    return out


def boottime_ms():
    return int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)


class Result:
    def __init__(self, message, record):
        self.error = message.get(3, [b""])[0].decode()
        self.clean = message.get(5, [0])[0] == 1
        self.stale = message.get(6, [0])[0] == 1
        one = lambda n, other=0: record.get(n, [other])[0]
        self.outcome = OUTCOMES.get(one(3), "")
        self.proven = one(2) == 1
        self.text = one(4 if self.outcome else 3, b"")
        self.text = self.text.decode() if isinstance(self.text, bytes) else ""
        self.unchanged = self.outcome != "" and one(5) == 1
        self.fingerprint = one(6, b"").decode() if self.outcome else ""
        self.mounts = one(7)
        self.again = one(10) == 1
        self.mismatch = one(13 if self.outcome else 5) == 1
        images = [decode(i) for i in record.get(11, [])]
        self.images = {i[1][0].decode(): i.get(2, [b""])[0].decode() for i in images}

    def __str__(self):
        return f"{self.outcome} {self.text!r} clean={self.clean} images={self.images} {self.error}"


class Worker:
    """Started with its order; `deadline_ms` counts from now."""

    def __init__(self, program, device, kind, uuid, order=SCAN, deadline_ms=60000, token=77,
                 mount_at="/mnt", fingerprint=None, own_mount=False, devnum=None, size=None):
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket = ours
        scan = {1: order, 2: 1234, 3: token, 4: boottime_ms() + deadline_ms,
                5: encode({1: 7, 2: 3, 3: 1}), 6: os.path.basename(device), 9: kind, 10: uuid,
                14: mount_at}
        scan.update({n: v for n, v in ((7, devnum), (8, size), (12, fingerprint)) if v is not None})
        if own_mount:
            scan[13] = 1
        ours.send(encode({1: 1, 2: "scan", 8: encode(dict(sorted(scan.items())))}))
        fd = theirs.fileno()

        def scene():
            os.setpgid(0, 0)
            os.dup2(fd, 3)

        # A thread of this process is its parent, and the worker dies with it.
        self.process = subprocess.Popen([program, "scan", "1234"], preexec_fn=scene, pass_fds=(3,),
                                        stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
        theirs.close()

    def extend(self, deadline_ms):
        self.socket.send(encode({1: boottime_ms() + deadline_ms}))

    def result(self, limit_s=60):
        """None: it has ended without one."""
        if not select.select([self.socket], [], [], limit_s)[0]:
            raise AssertionError("the worker brings nothing")
        data, fds, _, _ = socket.recv_fds(self.socket, 1 << 17, 4)
        if not data:
            return None
        record = b""
        for fd in fds:
            with open(fd, "rb") as f:
                f.seek(0)
                record = f.read()
        self.process.wait(limit_s)
        return Result(decode(data), decode(record))

    def ended_by(self, limit_s=60):
        self.process.wait(limit_s)
        return -self.process.returncode

    def mounts(self):
        with open(f"/proc/{self.process.pid}/mountinfo", encoding="utf-8") as f:
            return f.read().splitlines()

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.process.stderr.close()
        self.socket.close()


def everywhere(what):
    """Lines of mountinfo of all processes that have the text in them."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/mountinfo", encoding="utf-8") as f:
                found += [line for line in f if what in line]
        except OSError:
            pass
    return found
