# SPDX-License-Identifier: GPL-2.0-or-later
"""A coordinator that did not run for a while (SIGSTOP, a paused virtual machine) has not heard its
nodes, but they were not silent: nobody is suspected, and no edge becomes unknown for it. Then they are,
and those who ask are told since when."""
import os
import signal
import subprocess
import time

from harness import Events, Lab, check, program

NODES = 60
SUSPECT_S, PAUSE_S = 8, 17  # a fleet that is not run for some seconds on a busy machine is not silent


def main():
    with Lab() as lab:
        lab.start_coordinator("--set", "heartbeat_ms=1500", "--set", f"suspect_ms={SUSPECT_S}000",
                              "--set", f"down_ms={2 * SUSPECT_S}000")
        path = os.path.join(lab.dir, "tokens")
        with open(path, "w") as f:
            f.write("\n".join(lab.tokens(NODES)) + "\n")
        fleet = lab.spawn([program("muster-fleet"), "--connect", lab.listen, "--tokens", path,
                           "--nodes", str(NODES)], log="fleet", stdout=subprocess.DEVNULL)
        lab.wait_matrix(lambda m: lab.muster("status")["nodes_up"] == NODES, "all nodes up")
        since = lab.muster("status")["event_no"]
        lab.coordinator.send_signal(signal.SIGSTOP)
        try:
            fleet.wait(PAUSE_S)
            check(False, "the fleet has ended")
        except subprocess.TimeoutExpired:
            pass
        lab.coordinator.send_signal(signal.SIGCONT)
        events = Events(lab, since)
        until = time.monotonic() + 2 * SUSPECT_S
        while time.monotonic() < until:
            e, _ = events.next(max(0.0, until - time.monotonic())) or ({"kind": ""}, 0)
            check(e["kind"] not in ("node.suspect", "node.down"), f"suspected: {e}")
        check(lab.muster("status")["nodes_up"] == NODES, "some nodes are not up")
        # And who is silent while it listens is still found; before that, who asks is told for how long.
        lab.end(fleet, signal.SIGKILL)
        silent, until = 0, time.monotonic() + 4 * SUSPECT_S
        while silent < SUSPECT_S * 500:
            check(time.monotonic() < until, "its silence is never told to who asks all the time")
            node = lab.muster("node", "list")["nodes"][0]
            check(node["state"] == "up", f"heard {silent} ms ago, it was said, and then: {node}")
            silent = node["heard_ms"]
        events.until(lambda e: e["kind"] == "node.suspect", "a dead node is suspected")


main()
