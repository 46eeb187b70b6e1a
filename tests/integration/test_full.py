# SPDX-License-Identifier: GPL-2.0-or-later
"""The coordinator's disk is really full, with a probe that reports and an operator who changes things:
nothing is acknowledged that is not there later, questions are answered, and it recovers by itself."""
import os
import time

from harness import LIMIT_S, Lab, check, need_nic, need_root, program

SIZE = 8 << 20


class Disk:
    """The state directory as a small file system in the coordinator's own mount namespace."""

    def __init__(self, lab):
        os.mkdir(lab.state, 0o700)
        lab.coordinator = lab.spawn(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c",
             'mount -t tmpfs -o size=$0,mode=0700 tmpfs "$1" && shift && exec "$@"', str(SIZE),
             lab.state, program("muster-coordinator"), "--state-dir", lab.state, "--listen",
             lab.listen, "--client-ipc", lab.client], log="coordinator")
        check(lab.muster("status")["mode"] == "normal", "it starts")
        self.ballast = f"/proc/{lab.coordinator.pid}/root{lab.state}/ballast"

    def fill(self, leave):
        with open(self.ballast, "wb", buffering=0) as f:
            try:
                while f.write(b"x" * 4096) == 4096:
                    pass
            except OSError:
                pass
            f.truncate(max(0, f.tell() - leave))

    def free(self):
        os.unlink(self.ballast)


def define(lab, name):
    return lab.muster_raw("network", "define", name, "--match", f"*/{name}")


def wait_for_mode(lab, mode):
    end = time.monotonic() + LIMIT_S
    while lab.muster("status")["mode"] != mode:
        check(time.monotonic() < end, f"not {mode} within {LIMIT_S} s")


def define_until_refused(lab, prefix):
    """Names that were acknowledged, and the refusal."""
    done = []
    while True:
        name = f"{prefix}-{len(done)}"
        r = define(lab, name)
        if r.returncode != 0:
            return done, r
        done.append(name)
        check(len(done) < 5000, "the disk never fills")


def main():
    need_root()
    need_nic()
    with Lab() as lab:
        disk = Disk(lab)
        lab.start_probe("here", lab.tokens()[0])
        lab.wait_known("node up")
        acknowledged = []
        for n in range(3):
            disk.fill(n * 500000)
            done, refusal = define_until_refused(lab, f"round{n}")
            acknowledged += done
            check(refusal.returncode == 1 and "full" in refusal.stderr, refusal.stderr)
            status = lab.muster("status")
            check(status["mode"] == "read-only" and "full" in status["mode_text"], f"{status}")
            have = {x["name"] for x in lab.muster("network", "list")["networks"]}
            check(have == set(acknowledged), f"{have ^ set(acknowledged)}")
            check(lab.muster("node", "show", "here")["sections"], "the database is read")
            check(lab.muster_raw("event", "tail").returncode == 0, "events are read")
            disk.free()
            wait_for_mode(lab, "normal")
            check(define(lab, f"after{n}").returncode == 0, "it goes on by itself")
            acknowledged.append(f"after{n}")
            lab.wait_known("node known again")
        print(f"{len(acknowledged)} networks acknowledged, all there; none that was refused")


main()
