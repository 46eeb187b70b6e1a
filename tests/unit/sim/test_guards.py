# SPDX-License-Identifier: GPL-2.0-or-later
"""The oracle is tested: each guard of the protocol of leases is taken away in turn, and the simulator
must find what it was for: in a storm, or in a play (muster-sim --plays). Where guards stand behind each
other, a row of the table names them all: they are taken away together, and with any one of them put back
the same run must be without fault. With nothing taken away it finds nothing in as many runs.

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
# Where the table names no play but the volume group, or that somebody changes it without muster, that
# its LVs are activated, that it is removed and made again, or that hosts have device-mapper.
GROUPS = {how: ("--" + how, "--luns", "0") for how in ("group", "outside", "active", "remade", "mapped")}
NEAR = 50     # seeds after the one in the table
MOST = 20000  # seeds at all
PLAYED = 500  # of a play, whose storm has nothing but the play


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
    """(Guards that are taken away together, play or None, the seed that showed it) by rows."""
    with open(DOC) as f:
        rows = re.finditer(r"^\| ([A-Z_]+(?:, [A-Z_]+)*) \|.*\| (?:([a-z-]+) )?(\d+) \|$", f.read(), re.M)
        return [(m[1].split(", "), m[2], int(m[3])) for m in rows]


def listed(option):
    out = subprocess.run([SIM, option], capture_output=True, text=True, check=True).stdout
    return dict(line.split(" ", 1) for line in out.splitlines())


def needless(names, played, seed):
    """Of guards that stand behind each other, those without which nothing happens at this seed."""
    others = [",".join(n for n in names if n != name) for name in names]
    return [name for name, rest in zip(names, others) if rest and search(seed, 1, *played, "--without", rest)]


def options_of(play):
    return () if play is None else GROUPS.get(play, ("--play", play))


def try_row(names, play, seed, guards):
    """True: they are missed."""
    played = options_of(play)
    most = PLAYED if play and play not in GROUPS else MOST
    without = ",".join(names)
    near = None if LONG else search(seed, NEAR, *played, "--without", without)
    found = near or search(1, most, *played, "--without", without)
    if found is None:
        print(f"{without} is not missed in {most} seeds")
        return False
    text = guards.get(names[0], "?")
    print(f"| {', '.join(names)} | {text} | {found[1]} | {play + ' ' if play else ''}{found[0]} |", flush=True)
    for name in needless(names, played, found[0]):
        print(f"with {name} put back, seed {found[0]} is found to be bad all the same")
        return False
    return True


def main():
    guards, plays = listed("--guards"), listed("--plays")
    rows, bad = table(), 0
    named = {name for names, _, _ in rows for name in names}
    if named != set(guards):
        print(f"{DOC} does not list the guards of {SIM} --guards: {named ^ set(guards)}")
        bad = 1
    unused = set(plays) - {play for _, play, _ in rows}
    if unused:
        print(f"no row of {DOC} has the plays {unused}")
        bad = 1
    for row in rows:
        bad |= not try_row(*row, guards)
    for play in (None, *GROUPS, *plays):
        found = search(1, (3000 if LONG else 200) if play in (None, *GROUPS) else PLAYED if LONG else NEAR,
                       *options_of(play))
        if found is not None:
            print(f"with nothing taken away, {play or 'storm'}, seed {found[0]}: {found[1]}")
            bad = 1
    sys.exit(bad)


main()
