# SPDX-License-Identifier: GPL-2.0-or-later
"""The oracle is tested: each guard of the protocol of leases is taken away in turn, and the simulator
must find what it was for. Where two stand behind each other, a row of the table names both, and they
are taken away together. With nothing taken away it finds nothing in as many runs.

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
    """Guards that are taken away together -> the seed that showed it, 0: none does."""
    with open(DOC) as f:
        rows = re.finditer(r"^\| ([A-Z_]+(?:, [A-Z_]+)*) \|.*\| (\d+|none) \|$", f.read(), re.M)
        return {tuple(m[1].split(", ")): 0 if m[2] == "none" else int(m[2]) for m in rows}


def main():
    listed = subprocess.run([SIM, "--guards"], capture_output=True, text=True).stdout
    guards = dict(line.split(" ", 1) for line in listed.splitlines())
    known, bad = table(), 0
    named = {name for names in known for name in names}
    if named != set(guards):
        print(f"{DOC} does not list the guards of {SIM} --guards: {named ^ set(guards)}")
        bad = 1
    for names, seed in known.items():
        text, without = "; ".join(guards.get(n, "?") for n in names), ",".join(names)
        if seed == 0:
            print(f"{without} is not looked for: {DOC} knows of no seed that shows it")
            continue
        near = None if LONG else search(seed, NEAR, "--without", without)
        found = near or search(1, MOST, "--without", without)
        if found is None:
            print(f"{without} is not missed in {MOST} seeds: {text}")
            bad = 1
        else:
            print(f"| {', '.join(names)} | {text} | {found[1]} | {found[0]} |", flush=True)
    seeds = 3000 if LONG else 200
    found = search(1, seeds)
    if found is not None:
        print(f"with nothing taken away, seed {found[0]}: {found[1]}")
        bad = 1
    sys.exit(bad)


main()
