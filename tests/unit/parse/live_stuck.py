#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A loop device over a file of a FUSE file system whose server is stopped: the collector says of that
one that it is stuck, and everything of the others, within its time limit. Usage: live_stuck.py
COLLECT-DUMP. Needs root, /dev/fuse and loop devices."""
import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import loops

DUMP = sys.argv[1]
SIZE = 1 << 20
LIMIT_S = 60  # the collector needs 0.6 s; the machine may be busy


def collect():
    start = time.monotonic()
    out = json.loads(subprocess.run([DUMP, "block"], capture_output=True, text=True, check=True,
                                    timeout=LIMIT_S).stdout)
    return {p["device"]: p for p in out["paths"]["rows"]}, \
        {l["key"]: l for l in out["luns"]["rows"]}, time.monotonic() - start


def check(silent, stuck, good):
    paths, luns, _ = collect()
    key = paths[stuck]["lun"]
    assert key.startswith("loop.") and luns[key]["state"] == "ok", luns[key]
    silent.silence()
    try:
        paths, luns, seconds = collect()
    finally:
        silent.speak()
    lun = luns[paths[stuck]["lun"]]
    assert lun["state"] == "stuck" and not paths[stuck]["active"], lun
    assert lun["size_bytes"] == SIZE and lun["file"].endswith("/file"), lun
    assert luns[paths[good]["lun"]]["state"] == "ok", "the others are current"
    paths, luns, _ = collect()
    assert paths[stuck]["lun"] == key and luns[key]["state"] == "ok", luns
    print(f"stuck was told after {seconds:.1f} s, and well again")


def skip(reason):
    print(f"SKIP: {reason}")
    sys.exit(77)


def main():
    if os.geteuid() != 0 or not os.path.exists("/dev/fuse") or not os.path.exists("/dev/loop-control"):
        skip("needs root, /dev/fuse and /dev/loop-control")
    with tempfile.TemporaryDirectory(prefix="muster-stuck-") as folder:
        mounted, plain = os.path.join(folder, "fuse"), os.path.join(folder, "plain")
        os.mkdir(mounted)
        with open(plain, "wb") as f:
            f.truncate(SIZE)
        try:
            loops.own_mounts()
            silent = loops.SilentFile(mounted, SIZE)
        except OSError as e:
            skip(f"FUSE cannot be mounted: {e}")
        with silent, loops.Loop(silent.path, True) as bad, loops.Loop(plain, True) as good:
            silent.answer()
            check(silent, os.path.basename(bad.path), os.path.basename(good.path))


main()
