# SPDX-License-Identifier: GPL-2.0-or-later
"""Stopped for three times a lease in the middle of a change of a volume group: the worker, its probe, the coordinator.
Nobody else gets the volume group meanwhile, and what is awake again ends what it began."""
import os
import select
import signal
import time

from change_bed import Bed, workers_at_change
from disks import Disks, file_text, need_disks
from harness import LIMIT_S, Lab, check

TTL_S = 6  # the least that there is
TRIES = 20


def is_stopped(pid):
    try:
        return file_text(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] == "T"
    except OSError:
        return False


def stop(pid):
    """False: it has ended before."""
    try:
        os.kill(pid, signal.SIGSTOP)
    except ProcessLookupError:
        return False
    end = time.monotonic() + LIMIT_S
    while not is_stopped(pid):
        if not os.path.exists(f"/proc/{pid}") or file_text(f"/proc/{pid}/stat").rsplit(")", 1)[1].split()[0] == "Z":
            return False
        check(time.monotonic() < end, f"{pid} does not stop")
    return True


def go_on(pid):
    try:
        os.kill(pid, signal.SIGCONT)
    except ProcessLookupError:
        pass


class Frozen:
    def __init__(self, bed):
        self.bed, self.count = bed, 0

    def probes(self):
        return {p.pid: name for name, p in self.bed.fleet.probes.items()}

    def state(self, task):
        return self.bed.lab.muster("task", "show", str(task))["task"]["state"]

    def create(self):
        self.count += 1
        name = f"f{self.count}"
        return name, self.bed.lab.muster("lv", "create", "fast", name, "4M")["task"]["no"]

    def wait_heard(self, node):
        """Twice since now: what its probe knew has come before that."""
        for _ in range(2):
            since = time.monotonic()
            def heard():
                asked = time.monotonic()
                found = next(n for n in self.bed.lab.muster("node", "list")["nodes"] if n["name"] == node)
                return asked - found["heard_ms"] / 1000
            self.bed.lab.wait(heard, lambda at: at > since, f"{node} is heard")

    def is_at_it(self, task, node):
        """The worker that was stopped had not told its result before, which is known only a little later."""
        self.wait_heard(node)
        jobs = self.bed.lab.muster("task", "show", str(task))["jobs"]
        return self.state(task) == "running" and not any(j["state"] == "done" for j in jobs)

    def catch(self):
        """(name of the LV, its task, pid of the worker, name of the node), and the worker is stopped."""
        for _ in range(TRIES):
            name, task = self.create()
            end = time.monotonic() + LIMIT_S
            while self.state(task) == "running":
                for worker, probe in workers_at_change(self.probes()).items():
                    node = self.probes()[probe]
                    if stop(worker):
                        if self.is_at_it(task, node):
                            return name, task, worker, node
                        go_on(worker)
                check(time.monotonic() < end, f"no worker of task {task} is seen")
        raise AssertionError(f"no worker was caught in {TRIES} changes")

    def nobody_else(self, node, frozen):
        """For three leases no other worker is at a change. What is waited for is the end of the frozen one, which
        does not come."""
        fd = os.pidfd_open(frozen)
        try:
            p = select.poll()
            p.register(fd, select.POLLIN)
            end = time.monotonic() + 3 * TTL_S
            while time.monotonic() < end:
                check(not p.poll(100), f"{frozen}, which is stopped, has ended")
                at = {self.probes()[probe] for probe in workers_at_change(self.probes()).values()}
                check(at <= {node}, f"{at} change it while {node} does")
        finally:
            os.close(fd)

    def all_done(self, lvs, tasks):
        lab = self.bed.lab
        lab.wait(lambda: [self.state(t) for t in tasks], lambda s: set(s) == {"done"}, f"tasks {tasks} end", 2 * LIMIT_S)
        check(set(lvs) <= set(self.bed.lvs("fast")), f"LVs: {self.bed.lvs('fast')}")
        # Who was taken for silent, since it was stopped or not run, becomes current a little later.
        lab.wait(lambda: lab.muster("vg", "show", "fast")["vg"]["current"], lambda n: n == 2, "both are current")
        self.bed.check_equal()

    def worker(self):
        name, task, pid, node = self.catch()
        after, waiting = self.create()
        self.nobody_else(node, pid)
        check(self.state(task) == self.state(waiting) == "running", "both wait for it")
        check(after not in self.bed.lvs("fast"), "the other's turn has not come")
        os.kill(pid, signal.SIGCONT)
        self.all_done((name, after), (task, waiting))
        print(f"the worker on {node} was stopped: nobody else changed it, then both were done")

    def probe(self):
        """Its worker goes on, and nobody hears of it."""
        name, task, pid, node = self.catch()
        probe = self.bed.fleet.probes[node]
        check(stop(probe.pid), f"the probe of {node} has ended")
        os.kill(pid, signal.SIGCONT)
        after, waiting = self.create()
        self.nobody_else(node, probe.pid)
        check(self.state(task) == self.state(waiting) == "running", "what it has done is not known")
        probe.send_signal(signal.SIGCONT)
        self.all_done((name, after), (task, waiting))
        print(f"the probe of {node} was stopped: nobody else changed it, then both were done")

    def coordinator(self):
        name, task, pid, node = self.catch()
        after, waiting = self.create()
        check(stop(self.bed.lab.coordinator.pid), "the coordinator has ended")
        os.kill(pid, signal.SIGCONT)
        self.nobody_else(node, self.bed.lab.coordinator.pid)
        self.bed.lab.coordinator.send_signal(signal.SIGCONT)
        self.all_done((name, after), (task, waiting))
        print("the coordinator was stopped: both were done")


def main():
    need_disks("lvm")
    with Lab() as lab, Disks(lab) as disks:
        bed = Bed(lab, disks, ["--set", f"lease_ttl_ms={TTL_S * 1000}"])
        lab.muster("vg", "adopt", "fast")
        f = Frozen(bed)
        for part in (f.worker, f.probe, f.coordinator):
            part()


main()
