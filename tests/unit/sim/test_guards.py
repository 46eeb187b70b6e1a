# SPDX-License-Identifier: GPL-2.0-or-later
"""The oracle is tested: each guard of the protocol of leases is taken away in turn, and the simulator
must find what it was for. With nothing taken away it finds nothing in as many runs.

Each search begins where the last one that went into docs/SIMULATION.md ended, so that it is short as long
as the runs are what they were; after that it begins at seed 1. MUSTER_LONG: from seed 1 at once, which
makes the table of that document."""
import os
import re
import subprocess
import sys

SIM, DOC = sys.argv[1:3]
LONG = "MUSTER_LONG" in os.environ
OPTIONS = ("--hosts", "3", "--luns", "2", "--storm", "240", "--calm", "0", "--unjudged")
NEAR = 50     # seeds after the one in the table
MOST = 20000  # seeds at all


def search(first, seeds, *args):
    """The seed that shows it and the sentence, or None."""
    r = subprocess.run([SIM, "--seed", str(first), "--seeds", str(seeds), *OPTIONS, *args],
                       capture_output=True, text=True)
    found = re.match(r"seed (\d+): after \d+ ms: (.*) \(muster-sim", r.stdout)
    if (r.returncode, found is None) not in ((0, True), (1, False)):
        print(r.stdout[-2000:] + r.stderr)
        sys.exit(1)
    return found and (int(found[1]), found[2])


def table():
    """Guard -> the seed that showed it, 0: none has yet."""
    with open(DOC) as f:
        rows = re.finditer(r"^\| ([A-Z_]+) \|.*\| (\d+|none) \|$", f.read(), re.M)
        return {m[1]: 0 if m[2] == "none" else int(m[2]) for m in rows}


def main():
    guards = [line.split(" ", 1) for line in
              subprocess.run([SIM, "--guards"], capture_output=True, text=True).stdout.splitlines()]
    known, bad = table(), 0
    if set(known) != {name for name, _ in guards}:
        print(f"{DOC} does not list the guards of {SIM} --guards: {set(known) ^ {name for name, _ in guards}}")
        bad = 1
    for name, text in guards:
        if known.get(name) == 0 and not LONG:
            print(f"{name} is not looked for: {DOC} knows of no seed that shows it")
            continue
        near = None if LONG or name not in known else search(known[name], NEAR, "--without", name)
        found = near or search(1, MOST, "--without", name)
        if found is None:
            print(f"{name} is not missed in {MOST} seeds: {text}")
            bad = 1
        else:
            print(f"| {name} | {text} | {found[1]} | {found[0]} |", flush=True)
    seeds = 3000 if LONG else 200
    found = search(1, seeds)
    if found is not None:
        print(f"with nothing taken away, seed {found[0]}: {found[1]}")
        bad = 1
    sys.exit(bad)


main()
