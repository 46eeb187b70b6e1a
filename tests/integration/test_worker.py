# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker of a running probe that hangs, crashes, floods or lies costs only its own sections, which
are shown as stuck or failed with since when; heartbeats and the other sections go on, and it recovers
alone. The worker is the real one behind a wrapper that misbehaves when it is told to."""
import os
import shutil
import stat

from disks import PATIENT
from harness import BUILD, Events, Lab, check, need_nic

WORKER_TIMEOUT = "4s"  # (storage: four times that)
WRAPPER = """#!/bin/bash
# $1 is the kind of worker. The real one, unless the test has said how to misbehave.
how=$(cat "$(dirname "$0")/how-$1" 2>/dev/null)
case $how in
hang) kill -STOP $$ ;;
crash) kill -SEGV $$ ;;
exit) exit 3 ;;
flood) cat /dev/zero >&3 ;;
shout) head -c 50000000 /dev/zero >&2; exit 1 ;;
rubbish) printf 'rubbish' >&3; exit 0 ;;
esac
exec "$(dirname "$0")/real-worker" "$@"
"""


def install(lab):
    """muster-probe with the wrapper where it looks for its worker."""
    folder = os.path.join(lab.dir, "bin")
    os.mkdir(folder)
    shutil.copy(os.path.join(BUILD, "probe", "muster-probe"), folder)
    shutil.copy(os.path.join(BUILD, "probe", "muster-probe-worker"),
                os.path.join(folder, "real-worker"))
    path = os.path.join(folder, "muster-probe-worker")
    with open(path, "w") as f:
        f.write(WRAPPER)
    os.chmod(path, stat.S_IRWXU)
    return folder


def misbehave(folder, kind, how):
    path = os.path.join(folder, f"how-{kind}")
    if how is None:
        os.unlink(path)
        return
    with open(path + ".new", "w") as f:
        f.write(how)
    os.rename(path + ".new", path)


def sections(lab):
    return lab.muster("node", "show", "here")["sections"]


def edges(lab, kind):
    return lab.matrix("--kind", kind).values()


def go_wrong(lab, folder, worker, section, key, edge_kind, how, status):
    good = sections(lab)[section]["rows"]
    events = Events(lab, since=lab.muster("status")["event_no"])
    misbehave(folder, worker, how)
    events.until(lambda e: e["kind"] == f"section.{status}" and section in e["text"],
                 f"{how}: {section} {status}")
    # On a busy machine one that does nothing wrong, and one that is to fail, may be called stuck for a moment.
    now = lab.wait(lambda: sections(lab), lambda s: (s[section]["status"], s["system"]["status"]) == (status, "ok"),
                   f"{how}: {section} {status}, and system ok")
    got = now[section]
    check(got["status_age_ms"] is not None, f"{how}: since when is not told")
    check(got["status_text"], f"{how}: why is not told")
    check([r[key] for r in got["rows"]] == [r[key] for r in good],
          f"{how}: the last good rows are gone")
    check(lab.muster("status")["nodes_up"] == 1, f"{how}: heartbeats do not go on")
    if status == "stuck":
        lab.wait(lambda: edges(lab, edge_kind), lambda v: all(e["state"] == "stuck" for e in v), f"{how}: edges")
    misbehave(folder, worker, None)
    events.until(lambda e: e["kind"] == "section.ok" and section in e["text"],
                 f"{how}: {section} recover")
    lab.end(events.process)
    print(f"{how}: {section} {status}, then ok again")


def main():
    need_nic()
    with Lab() as lab:
        folder = install(lab)
        lab.start_coordinator(*PATIENT)
        token = os.path.join(lab.dir, "token")
        with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(lab.tokens()[0] + "\n")
        lab.spawn([os.path.join(folder, "muster-probe"), "--connect", lab.listen, "--token-file",
                   token, "--run-dir", os.path.join(lab.dir, "run"), "--node-name", "here",
                   "--rescan", "1s", "--worker-timeout", WORKER_TIMEOUT,
                   # No loop devices, which other tests make and remove.
                   "--device", "vd*", "--device", "sd*", "--device", "nvme*"], log="probe")
        lab.wait_matrix(lambda m: m and all(e["state"] != "unknown" for e in m.values()), "edges")
        for how, status in (("hang", "stuck"), ("crash", "failed"), ("exit", "failed"),
                            ("flood", "stuck"), ("shout", "failed"), ("rubbish", "failed")):
            go_wrong(lab, folder, "net", "nics", "name", "network", how, status)
        lab.wait(lambda: sections(lab)["luns"], lambda s: s["status"] == "ok", "luns")
        for how, status in (("hang", "stuck"), ("crash", "failed")):
            go_wrong(lab, folder, "storage", "luns", "key", "lun", how, status)


main()
