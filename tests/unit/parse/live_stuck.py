#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A loop device over a file of a FUSE file system whose server is stopped: the collector says of that
one that it is stuck, and everything of the others, within its time limit. Usage: live_stuck.py
COLLECT-DUMP. Needs root, /dev/fuse and losetup."""
import ctypes
import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

DUMP = sys.argv[1]
SIZE = 1 << 20
LIMIT_S = 10  # the collector needs 0.6 s; the machine may be busy

# linux/fuse.h, protocol 7.31
LOOKUP, FORGET, GETATTR, OPEN, READ, STATFS, RELEASE, FLUSH, INIT = 1, 2, 3, 14, 15, 17, 18, 25, 26
ENOENT, ENOSYS = 2, 38


def attributes(node):
    mode, size = (0o40755, 0) if node == 1 else (0o100644, SIZE)
    return struct.pack("<6Q10I", node, size, size // 512, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)


def answer(opcode, node, body):
    """(error, bytes) for one request."""
    if opcode == INIT:
        return 0, struct.pack("<4I2H2I", 7, 31, 65536, 0, 12, 9, 131072, 1) + bytes(36)
    if opcode == LOOKUP:
        if body.rstrip(b"\0") != b"file":
            return ENOENT, b""
        return 0, struct.pack("<4Q2I", 2, 0, 3600, 0, 0, 0) + attributes(2)
    if opcode == GETATTR:
        return 0, struct.pack("<Q2I", 0, 0, 0) + attributes(node)
    if opcode == OPEN:
        return 0, struct.pack("<Q2I", 1, 0, 0)
    if opcode == READ:
        offset, size = struct.unpack_from("<QI", body, 8)
        return 0, bytes(max(0, min(size, SIZE - offset)))
    if opcode in (RELEASE, FLUSH):
        return 0, b""
    return ENOSYS, b""


def serve(fd):
    while True:
        try:
            request = os.read(fd, 1 << 18)
        except OSError:
            os._exit(0)  # unmounted
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        if opcode == FORGET:
            continue
        error, out = answer(opcode, node, request[40:])
        os.write(fd, struct.pack("<IiQ", 16 + len(out), -error, unique) + out)


def run(*argv):
    done = subprocess.run(argv, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def collect():
    start = time.monotonic()
    out = json.loads(subprocess.run([DUMP, "block"], capture_output=True, text=True, check=True,
                                    timeout=LIMIT_S).stdout)
    return {p["device"]: p for p in out["paths"]["rows"]}, \
        {l["key"]: l for l in out["luns"]["rows"]}, time.monotonic() - start


def check(server, stuck, good):
    paths, luns, _ = collect()
    key = paths[stuck]["lun"]
    assert key.startswith("loop.") and luns[key]["state"] == "ok", luns[key]
    os.kill(server, signal.SIGSTOP)
    try:
        paths, luns, seconds = collect()
    finally:
        os.kill(server, signal.SIGCONT)
    lun = luns[paths[stuck]["lun"]]
    assert lun["state"] == "stuck" and not paths[stuck]["active"], lun
    assert lun["size_bytes"] == SIZE and lun["file"].endswith("/file"), lun
    assert luns[paths[good]["lun"]]["state"] == "ok", "the others are current"
    paths, luns, _ = collect()
    assert paths[stuck]["lun"] == key and luns[key]["state"] == "ok", luns
    print(f"stuck was told after {seconds:.1f} s, and well again")


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not shutil.which("losetup") or \
            not os.path.exists("/dev/loop-control"):
        print("SKIP: needs root, /dev/fuse, /dev/loop-control and losetup")
        sys.exit(77)
    libc = ctypes.CDLL(None, use_errno=True)
    folder, devices, fd = tempfile.mkdtemp(), [], os.open("/dev/fuse", os.O_RDWR)
    options = f"fd={fd},rootmode=40000,user_id=0,group_id=0".encode()
    mounted = os.path.join(folder, "fuse")
    os.mkdir(mounted)
    if libc.mount(b"muster-test", mounted.encode(), b"fuse", 0, options) != 0:
        os.rmdir(mounted)
        os.rmdir(folder)
        print(f"SKIP: FUSE cannot be mounted: {os.strerror(ctypes.get_errno())}")
        sys.exit(77)
    server = os.fork()
    if server == 0:
        serve(fd)
    os.close(fd)
    plain = os.path.join(folder, "plain")
    try:
        with open(plain, "wb") as f:
            f.truncate(SIZE)
        for file in (os.path.join(mounted, "file"), plain):
            devices.append(run("losetup", "-r", "-f", "--show", file).strip())
        check(server, *(os.path.basename(d) for d in devices))
    finally:
        os.kill(server, signal.SIGCONT)
        for device in devices:
            run("losetup", "-d", device)
        libc.umount2(mounted.encode(), 2)
        os.kill(server, signal.SIGKILL)
        os.waitpid(server, 0)
        shutil.rmtree(folder)


main()
