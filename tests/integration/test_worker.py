# SPDX-License-Identifier: GPL-2.0-or-later
"""A worker of a running probe that hangs, crashes, floods or lies costs only its own sections, which
are shown as stuck or failed with since when; heartbeats and the other sections go on, and it recovers
alone. The worker is the real one behind a wrapper that misbehaves when it is told to."""
import os
import shutil
import stat

from harness import BUILD, Events, Lab, check, need_nic

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


def main():
    need_nic()
    with Lab() as lab:
        folder = install(lab)
        lab.start_coordinator()
        token = os.path.join(lab.dir, "token")
        with open(os.open(token, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(lab.tokens()[0] + "\n")
        lab.spawn([os.path.join(folder, "muster-probe"), "--connect", lab.listen, "--token-file",
                   token, "--run-dir", os.path.join(lab.dir, "run"), "--node-name", "here",
                   "--rescan", "1s", "--worker-timeout", "2s"], log="probe")
        lab.wait_matrix(lambda m: m and all(e["state"] != "unknown" for e in m.values()), "edges")
        good = sections(lab)["nics"]["rows"]
        for how, status in (("hang", "stuck"), ("crash", "failed"), ("exit", "failed"),
                            ("flood", "stuck"), ("shout", "failed"), ("rubbish", "failed")):
            events = Events(lab, since=lab.muster("status")["event_no"])
            misbehave(folder, "net", how)
            events.until(lambda e: e["kind"] == f"section.{status}" and "nics" in e["text"],
                         f"{how}: nics {status}")
            now = sections(lab)
            check(now["nics"]["status"] == status, f"{how}: {now['nics']['status']}")
            check(now["nics"]["status_age_ms"] is not None, f"{how}: since when is not told")
            check(now["nics"]["status_text"], f"{how}: why is not told")
            check([r["name"] for r in now["nics"]["rows"]] == [r["name"] for r in good],
                  f"{how}: the last good rows are gone")
            check(now["system"]["status"] == "ok", f"{how}: system {now['system']['status']}")
            check(lab.muster("status")["nodes_up"] == 1, f"{how}: heartbeats do not go on")
            if status == "stuck":
                check(all(e["state"] == "stuck" for e in lab.matrix().values()), f"{how}: edges")
            misbehave(folder, "net", None)
            events.until(lambda e: e["kind"] == "section.ok" and "nics" in e["text"],
                         f"{how}: nics recover")
            lab.end(events.process)
            print(f"{how}: nics {status}, then ok again")


main()
