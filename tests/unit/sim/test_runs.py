# SPDX-License-Identifier: GPL-2.0-or-later
"""The simulator itself: one seed gives one run, many seeds break nothing, and what is broken on
purpose is found. Under a sanitizer, which makes them several times as slow, there are fewer of them."""
import os
import random
import re
import subprocess
import sys

SIM = sys.argv[1]
LONG = "MUSTER_LONG" in os.environ
SHARE = 16 if "--sanitized" in sys.argv and not LONG else 1


def sim(*args):
    return subprocess.run([SIM, *map(str, args)], capture_output=True, text=True)


def without_speed(text):
    """All but the line that tells how long it took."""
    return [line for line in text.splitlines() if "times as fast" not in line]


def check(condition, text):
    if not condition:
        print(text)
        sys.exit(1)


def main():
    # The same seeds each time: what fails has been changed. The long run looks for what is new.
    first = int(os.environ.get("MUSTER_SEED", random.SystemRandom().randrange(1 << 48) if LONG else 1))
    print(f"seed {first} (MUSTER_SEED={first} replays)")

    one, two = (sim("--seed", first, "--hosts", 8, "--trace") for _ in range(2))
    check(one.returncode == 0, one.stdout[-2000:] + one.stderr)
    check(len(one.stdout) > 1000, "a trace that is too short to say anything")
    check(without_speed(one.stdout) == without_speed(two.stdout), "one seed gave two runs")
    other = sim("--seed", first + 1, "--hosts", 8, "--trace")
    check(without_speed(one.stdout) != without_speed(other.stdout), "two seeds gave one run")

    for hosts, luns, seeds in ((3, 2, 1000), (5, 3, 300), (20, 10, 40), (100, 10, 1)):
        few = max(seeds // SHARE, 1)
        if few < seeds:
            print(f"under the sanitizer: {few} of {seeds} seeds")
        r = sim("--seed", first, "--seeds", seeds * 50 if LONG else few, "--hosts", hosts, "--luns", luns)
        check(r.returncode == 0, r.stdout[-2000:] + r.stderr)
        print(r.stdout)

    # A volume group that is changed, alone and beside filesystems that are scanned.
    for hosts, luns, seeds, how in ((3, 0, 400, "--group"), (6, 2, 60, "--group"), (3, 0, 200, "--active"), (3, 0, 100, "--remade"),
                                   (3, 0, 200, "--mapped"),
                                   (3, 0, 200, "--outside")):
        r = sim("--seed", first, "--seeds", seeds * 50 if LONG else max(seeds // SHARE, 1), "--hosts", hosts,
                "--luns", luns, "--storm", 240, how)
        check(r.returncode == 0, r.stdout[-2000:] + r.stderr)
        print(r.stdout)
        done = re.search(r"LVs activated (\d+), deactivated (\d+)", r.stdout)
        check((int(done[1]) > 0 and int(done[2]) > 0) == (how in ("--active", "--mapped")), "what is active is not what was asked")
    check(int(re.search(r"changes without muster (\d+)", r.stdout)[1]) > 0, "nobody has gone round muster")
    check(int(re.search(r"changes of the volume group (\d+)", r.stdout)[1]) > 0, "nobody has changed anything")

    # Each play in place of the storm.
    plays = [line.split(" ", 1)[0] for line in sim("--plays").stdout.splitlines()]
    check(len(plays) > 10, "hardly any plays")
    for play in plays:
        r = sim("--seed", first, "--seeds", 2000 if LONG else max(20 // SHARE, 1), "--hosts", 4, "--luns", 2,
                "--storm", 240, "--play", play)
        check(r.returncode == 0, r.stdout[-2000:] + r.stderr)
    one, two = (sim("--seed", first, "--hosts", 3, "--play", plays[0], "--trace") for _ in range(2))
    check("the play:" in one.stdout, "a play that is not played")
    check(without_speed(one.stdout) == without_speed(two.stdout), "one seed gave two runs of a play")

    # Each commit of a run fails in turn, in each way.
    for seed in range(first, first + (20 if LONG else 1)):
        r = sim("--seed", seed, "--hosts", 3, "--luns", 2, "--storm", 15 if SHARE > 1 else 60, "--sweep")
        check(r.returncode == 0, r.stdout[-2000:] + r.stderr)
        failed = int(re.search(r"\(failed (\d+)\)", r.stdout)[1])
        check(failed >= 40, f"only {failed} commits have failed")
    print(r.stdout)
    r = sim("--seed", first, "--hosts", 3, "--luns", 0, "--group", "--storm", 15 if SHARE > 1 else 60, "--sweep")
    check(r.returncode == 0, r.stdout[-2000:] + r.stderr)

    r = sim("--seed", first, "--seeds", 50, "--hosts", 40, "--calm", 0)
    check(r.returncode == 1 and "at the end" in r.stdout and "--trace replays it" in r.stdout,
          "a run that ends in the middle of its faults is not found to be bad: " + r.stdout)
    for bad in (("--seed", "x"), ("--hosts", "0"), ("--luns", "65"), ("--play", "x"), ("--hosts", 2, "--play", plays[0]), ("--wrong",)):
        check(sim(*bad).returncode == 2, f"{bad} is taken")


main()
