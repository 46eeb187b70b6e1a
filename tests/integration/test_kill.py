# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the coordinator at any moment, again and again: nothing acknowledged is lost, probes come
back alone, edges are unknown and then confirmed within a heartbeat."""
import json
import os
import signal
import subprocess
import threading
import time

from harness import LIMIT_S, Lab, check, need_nic, program, seed

ROUNDS = 2000 if "MUSTER_LONG" in os.environ else 150
HEARTBEAT_S = 2.0


class Writer(threading.Thread):
    """Defines networks one after the other and remembers which were acknowledged."""

    def __init__(self, lab, start):
        super().__init__(daemon=True)
        self.lab = lab
        self.number = start
        self.acknowledged = []
        self.generation = 0
        self.stop = False
        self.change = threading.Condition()

    def run(self):
        while not self.stop:
            name = f"net-{self.number}"
            self.number += 1
            r = subprocess.run([program("muster"), "--connect", self.lab.client, "--timeout", "5s",
                                "--json", "network", "define", name, "--match", f"*/{name}"],
                               capture_output=True, text=True)
            if r.returncode == 0:
                with self.change:
                    self.acknowledged.append(name)
                    self.generation = json.loads(r.stdout).get("generation", self.generation)
                    self.change.notify_all()
            elif self.stop:
                return

    def wait_for(self, count):
        with self.change:
            return self.change.wait_for(lambda: len(self.acknowledged) >= count, LIMIT_S)


def main():
    need_nic()
    rng = seed()
    with Lab() as lab:
        lab.start_coordinator()
        lab.start_probe("here", lab.tokens()[0])
        lab.wait_known("node up")
        acknowledged, number, generation, confirmed = set(), 0, 0, 0
        for round_number in range(ROUNDS):
            writer = Writer(lab, number)
            writer.start()
            check(writer.wait_for(rng.randrange(0, 4)), "the writer gets nowhere")
            until = time.monotonic() + rng.random() * 0.02
            while time.monotonic() < until:  # busy: the moment itself is what is random
                pass
            writer.stop = True
            lab.end(lab.coordinator, signal.SIGKILL)
            lab.start_coordinator()
            writer.join(LIMIT_S)
            check(not writer.is_alive(), "the writer hangs")
            acknowledged |= set(writer.acknowledged)
            generation = max(generation, writer.generation)
            number = writer.number
            if round_number % 10 == 9 or round_number == ROUNDS - 1:
                have = {n["name"] for n in lab.muster("network", "list")["networks"]}
                lost = acknowledged - have
                check(not lost, f"acknowledged and lost: {sorted(lost)}")
                status = lab.muster("status")
                check(status["generation"] >= generation, "the generation went back")
            if round_number % 50 == 49:
                started = time.monotonic()
                lab.wait_known("edges confirmed after a restart")
                confirmed = max(confirmed, time.monotonic() - started)
        print(f"{ROUNDS} kills, {len(acknowledged)} networks acknowledged, 0 lost; edges confirmed "
              f"at the latest {confirmed:.1f} s after the restart was ready")


main()
