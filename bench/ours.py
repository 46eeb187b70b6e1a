# SPDX-License-Identifier: GPL-2.0-or-later
"""Our side of leases.py: a real coordinator, and what asks it. `turn(seconds)` and `end()`."""
import os

from harness import Lab, free_port, program
from peers import of_turn, program as program_of, result
from processes import Turns, cpu_s

JOBS, MOST, LEAST = 8192, 200, 4  # filesystems of all nodes of a scan: about; and of one
HOSTS = 8  # that see what clients take holds of
TTL_MS = 60000  # of a lease that is renewed: the peer's turns are shorter
UNLIMITED = ("--set", "peer_messages_per_s=1000000", "--set", "peer_messages_burst=1000000")


class Fleet:
    """A coordinator with a simulated fleet, in which each filesystem is seen by one node alone."""

    def __init__(self, nodes, each, *words):
        self.lab = Lab()
        self.lab.__enter__()
        try:
            self.lab.start_coordinator(*words)
            tokens = self.file("tokens", self.lab.tokens(nodes))
            shape = {"group": 1, "filesystems": each, "vgs": 0, "nics": 1, "vlans": 0, "ports": 1, "paths": 1,
                     "images": 0, "scan-ms": 1}
            figures = [word for k, v in shape.items() for word in (f"--{k}", str(v))]
            self.lab.spawn([program("muster-fleet"), "--connect", self.lab.listen, "--tokens", tokens,
                            "--nodes", str(nodes), *figures], log="fleet")
            self.lab.wait(lambda: len(self.lab.muster("fs", "list")["filesystems"]),
                          lambda n: n == nodes * each, f"{nodes * each} filesystems", 120)
        except BaseException:
            self.end()
            raise

    def file(self, name, lines):
        path = os.path.join(self.lab.dir, name)
        with open(path, "w", encoding="ascii") as f:
            f.write("\n".join(lines) + "\n")
        return path

    def pid(self):
        return self.lab.coordinator.pid

    def end(self):
        self.lab.__exit__(None, None, None)


class Scans:
    name = "scans"

    def __init__(self, clients, jobs):
        self.fleet = Fleet(clients, min(MOST, max(LEAST, jobs // clients)))
        try:
            self.fleet.lab.muster("fs", "admit", "--all")
            self.fleet.lab.muster("scan", "--wait")
        except BaseException:
            self.fleet.end()
            raise

    def turn(self, _seconds):
        """The second scan of all, in which nothing is new."""
        cpu = cpu_s(self.fleet.pid())
        doc = self.fleet.lab.muster("scan", "--wait")
        done = 2 * len([f for f in doc["filesystems"] if f["token"] is not None])
        return result(done, max(doc["makespan_ms"], 1) / 1e3, cpu_s(self.fleet.pid()) - cpu)

    def end(self):
        self.fleet.end()


class Holds:
    """Clients over TCP with CURVE, and as many over the local socket, which is plain as the peers are."""

    def __init__(self, build, clients):
        listen, self.sides = f"tcp://127.0.0.1:{free_port()}", []
        self.fleet = Fleet(min(HOSTS, clients), -(-2 * clients // min(HOSTS, clients)), "--client-listen", listen, *UNLIMITED)
        try:
            pairs, lab = self.pairs(), self.fleet.lab
            halves = pairs[:clients], pairs[clients:2 * clients]  # what one side has is refused to the other
            tokens = lab.muster("token", "create", "--role", "operator", "--count", str(clients))["tokens"]
            for name, endpoint, words, half in (("ours", listen, [t["token"] for t in tokens], halves[0]),
                                                ("ours ipc", lab.client, ["-"] * clients, halves[1])):
                path = self.fleet.file(name.replace(" ", "-"), [" ".join((w, *p)) for w, p in zip(words, half)])
                self.sides.append(Side(name, Turns(program_of(build, "bench-holds"), endpoint, path),
                                       self.fleet.pid()))
        except BaseException:
            self.end()
            raise

    def pairs(self):
        doc = self.fleet.lab.muster("matrix", "--kind", "filesystem")
        return [(doc["nodes"][e["node"]]["id"], doc["resources"][e["resource"]]["id"]) for e in doc["edges"]]

    def end(self):
        for side in self.sides:
            side.turns.end()
        self.fleet.end()


class Side:
    def __init__(self, name, turns, server):
        self.name, self.turns, self.server = name, turns, server

    def turn(self, seconds):
        return of_turn(self.turns, self.server, seconds)


class Renewals:
    """Nodes of their own (bench-renewals), each with a lease for a scan that does not end."""
    name = "ours"

    def __init__(self, build, nodes):
        self.lab, self.turns = Lab(), None
        self.lab.__enter__()
        try:
            self.lab.start_coordinator("--set", f"lease_ttl_ms={TTL_MS}", *UNLIMITED)
            tokens = os.path.join(self.lab.dir, "tokens")
            with open(tokens, "w", encoding="ascii") as f:
                f.write("\n".join(self.lab.tokens(nodes)) + "\n")
            self.turns = Turns(program_of(build, "bench-renewals"), self.lab.listen, tokens)
            self.lab.muster("fs", "admit", "--all")
            self.lab.muster("scan")
        except BaseException:
            self.end()
            raise

    def turn(self, seconds):
        """In the first they ask for their leases too."""
        return of_turn(self.turns, self.lab.coordinator.pid, seconds)

    def end(self):
        if self.turns is not None:
            self.turns.end()
        self.lab.__exit__(None, None, None)
