# SPDX-License-Identifier: GPL-2.0-or-later
"""Drives the worker of a change of a volume group alone, as the supervisor does."""
import os
import select
import signal
import socket
import subprocess

from scan_worker import decode, encode

VG_CREATE, VG_EXTEND, VG_REDUCE, VG_REMOVE = 1, 2, 3, 4
LV_CREATE, LV_EXTEND, LV_REDUCE, LV_REMOVE, LV_RENAME, LV_SNAPSHOT = 5, 6, 7, 8, 9, 10
VG_AUTOACTIVATION_OFF = 11
OUTCOMES = {1: "started", 2: "done", 3: "refused", 4: "failed"}
BOOT = "00000000-0000-4000-8000-00000000b007"


def device(path, container, pv_uuid=None, **other):
    """A change_device of a block device as it is now."""
    number = os.stat(path).st_rdev
    fd = os.open(path, os.O_RDONLY)
    size = os.lseek(fd, 0, os.SEEK_END)
    os.close(fd)
    d = {1: container, 2: os.path.basename(path), 3: f"{os.major(number)}:{os.minor(number)}", 4: size}
    if pv_uuid is not None:
        d[5] = pv_uuid
    d.update({{"devnum": 3, "size": 4, "paths": 6}[k]: v for k, v in other.items()})
    return encode(dict(sorted(d.items())))


def order(op, vg, tag, token=9, attempt=1, vg_uuid=None, seqno=None, version=None, pvs=(),
          containers=(), lv=None, lv_uuid=None, new_name=None, size=None, tags=(), extent=None):
    fields = {1: encode({1: 7, 2: 3, 3: attempt}), 2: token, 3: op, 4: vg, 5: vg_uuid, 6: seqno,
              7: version, 8: sorted(pvs), 9: list(containers), 10: lv, 11: lv_uuid, 12: new_name,
              13: size, 14: list(tags), 15: tag, 16: extent}
    return encode({k: v for k, v in fields.items() if v is not None})


class Result:
    def __init__(self, message, record):
        self.error = message.get(3, [b""])[0].decode()
        text = lambda n: record.get(n, [b""])[0].decode()
        self.outcome = OUTCOMES.get(record.get(3, [0])[0], "")
        self.reason, self.vg_uuid, self.lv_uuid = text(4), text(5), text(8)
        self.seqno, self.version = record.get(6, [None])[0], record.get(7, [None])[0]

    def __str__(self):
        return f"{self.outcome} {self.reason!r} version {self.seqno} {self.version} {self.error}"


class Worker:
    """Started with its order. `kill_at`: it dies before its nth write to a device."""

    def __init__(self, program, what, devices, preload=None, kill_at=None):
        self.reset = False  # it has ended without reading its order
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.send(encode({1: 1, 2: "change", 10: encode({1: what, 2: list(devices)})}))
        fd = theirs.fileno()
        environment = {"LC_ALL": "C"}
        if kill_at is not None:
            environment.update(LD_PRELOAD=preload, MUSTER_KILL_AT=str(kill_at))

        def scene():
            os.setpgid(0, 0)
            os.dup2(fd, 3)

        self.process = subprocess.Popen([program, "change", BOOT, "7-3-1"], preexec_fn=scene,
                                        pass_fds=(3,), stdin=subprocess.DEVNULL, env=environment,
                                        stderr=subprocess.PIPE)
        theirs.close()

    def result(self, limit_s=60):
        """None: it has ended without one."""
        if not select.select([self.socket], [], [], limit_s)[0]:
            raise AssertionError("the worker brings nothing")
        try:
            data, fds, _, _ = socket.recv_fds(self.socket, 1 << 17, 4)
        except ConnectionResetError:
            data, fds, self.reset = b"", [], True
        record = b""
        for fd in fds:
            with open(fd, "rb") as f:
                f.seek(0)
                record = f.read()
        self.process.wait(limit_s)
        return Result(decode(data), decode(record)) if data else None

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        self.stderr = self.process.stderr.read().decode(errors="replace")
        self.process.stderr.close()
        self.socket.close()
