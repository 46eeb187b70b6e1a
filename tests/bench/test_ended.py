# SPDX-License-Identifier: GPL-2.0-or-later
"""A benchmark that is ended before its time, or killed, leaves nothing: no folder, no coordinator."""
import glob
import os
import select
import signal
import subprocess
import sys
import time

BUILD = sys.argv[1]
COORDINATOR = os.path.join(BUILD, "coordinator", "muster-coordinator")
LIMIT_S = 60


def folders():
    return set(glob.glob("/tmp/muster-bench-*"))


def works_in(folder):
    """Processes that name it on their command lines."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        try:
            with open(path, "rb") as f:
                if folder.encode() in f.read():
                    found.append(int(path.split("/")[2]))
        except OSError:
            pass
    return found


def until(look, what):
    end = time.monotonic() + LIMIT_S
    while not look():
        if time.monotonic() > end:
            sys.exit(f"not within {LIMIT_S} s: {what}")
        select.select([], [], [], 0.02)  # nothing tells of it


def try_with(number):
    before = folders()
    bench = subprocess.Popen([os.path.join(BUILD, "bench", "bench-ingest"), "-c", COORDINATOR, "-n", "50", "-r",
                              "90"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    mine = set()
    try:
        def started():
            # Another test's benchmark may run beside this one.
            mine.update(f for f in folders() - before if any(of(pid) == bench.pid for pid in works_in(f)))
            return mine
        until(started, "a coordinator in a folder")
    finally:
        bench.send_signal(number)
        bench.wait()
    for folder in mine:
        until(lambda: not os.path.exists(folder), f"{folder} is gone after signal {number}")
        until(lambda: not works_in(folder), f"the coordinator in {folder} is gone after signal {number}")


def of(pid):
    """Its parent."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            return int(f.read().rsplit(")", 1)[1].split()[1])
    except OSError:
        return 0


for one in (signal.SIGTERM, signal.SIGINT, signal.SIGKILL):
    try_with(one)
