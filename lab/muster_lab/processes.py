# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes that a lab has started: known by pid *and* start time, so that no other is ever signalled."""
import os
import select
import signal
import subprocess
import time

from .errors import LabError


def _stat(pid):
    """(state, start time in ticks since boot) as in proc(5), or None when there is no such process."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            fields = f.read().rpartition(")")[2].split()
        return fields[0], int(fields[19])
    except (FileNotFoundError, ProcessLookupError):
        return None


def start(command, log, namespace=None, env=None):
    """Starts it apart from this process, with its priority; returns the record to keep."""
    if namespace is not None:
        command = ["nsenter", f"--net=/run/netns/{namespace}", *command]
    with open(log, "ab") as out:
        p = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out,
                             stderr=subprocess.STDOUT, start_new_session=True,
                             env={**os.environ, **(env or {})})
    p.returncode = 0  # it outlives this object; who ends it waits by its pid
    stat = _stat(p.pid)
    return {"pid": p.pid, "start": stat[1] if stat else 0}


def alive(record):
    """Whether it runs. One that has ended and only waits for its parent does not."""
    stat = _stat(record["pid"]) if record else None
    return stat is not None and stat[1] == record["start"] and stat[0] not in "ZX"


def signal_it(record, number):
    """Sends a signal; False when it is gone. The pidfd is of the process that was looked at."""
    try:
        fd = os.pidfd_open(record["pid"])
    except ProcessLookupError:
        return False
    try:
        if not alive(record):
            return False
        signal.pidfd_send_signal(fd, number)
        return True
    finally:
        os.close(fd)


def end(record, number=signal.SIGTERM, limit_s=15.0):
    """Ends it, in the end by SIGKILL, and waits until it has ended."""
    if not alive(record):
        return
    fd = os.pidfd_open(record["pid"])
    try:
        for n in (number, signal.SIGKILL):
            if not alive(record):
                break
            signal.pidfd_send_signal(fd, signal.SIGCONT)
            signal.pidfd_send_signal(fd, n)
            if select.select([fd], [], [], limit_s)[0]:
                break
        else:
            raise LabError(f"process {record['pid']} does not end")
        reap(record)
    finally:
        os.close(fd)


def reap(record):
    """Takes the exit status when it is a child of this process."""
    try:
        os.waitpid(record["pid"], os.WNOHANG)
    except ChildProcessError:
        pass


def wait_until(test, limit_s, what, every_s=0.1):
    """The first true value of `test()`; for what gives no event to wait on."""
    until = time.monotonic() + limit_s
    while True:
        value = test()
        if value:
            return value
        if time.monotonic() >= until:
            raise LabError(f"not within {limit_s:.0f} s: {what}")
        select.select([], [], [], every_s)
