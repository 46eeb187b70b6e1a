#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Instructions of the hot paths, against those that counts.json has: a gate that is the same on every
machine, since callgrind runs the program and only muster's own code is counted (what the C library
does depends on the processor). Another compiler makes other instructions: then it says so and is
skipped.

Usage: count.py PROGRAM COMPILER [--update | PATH...]
PROGRAM: hot-paths; COMPILER: "gcc 12.2.0 x86_64 -O2"; PATH: only these"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

KEPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "counts.json")
TOLERANCE_PERCENT = 3.0
SKIP = 77


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(SKIP)


def own_cost(text, program):
    """Sum of what functions of the program have cost themselves, calls left out."""
    cost, own, is_call = 0, False, False
    for line in text.split("\n"):
        if line.startswith("ob="):
            own = os.path.basename(line[3:]) == os.path.basename(program)
        elif line.startswith("calls="):
            is_call = True
        elif re.match(r"[0-9+*-]", line):
            if own and not is_call:
                cost += int(line.split()[1])
            is_call = False
    return cost


def count(program, path, folder):
    out = os.path.join(folder, path)
    command = ["valgrind", "--tool=callgrind", "--toggle-collect=hot_*", "--compress-strings=no",
               "--compress-pos=no", f"--callgrind-out-file={out}", program, path]
    r = subprocess.run(command, capture_output=True, text=True, timeout=550,
                       env={"PATH": os.environ["PATH"], "LC_ALL": "C"})
    if r.returncode != 0:
        sys.exit(f"{path}: exit {r.returncode}: {r.stderr[-2000:]}")
    with open(out, encoding="utf-8", errors="replace") as f:
        return own_cost(f.read(), program)


def compare(kept, now):
    """Whether each is within the tolerance. What has become much cheaper is to be recorded too: else
    it could get lost again unseen."""
    good = True
    for path, n in now.items():
        before = kept.get(path)
        percent = 100.0 * (n - before) / before if before else None
        wrong = percent is None or abs(percent) > TOLERANCE_PERCENT
        good = good and not wrong
        change = "not recorded" if percent is None else f"{percent:+.2f} %"
        print(f"{path:>16} {n:>12} instructions  {change}{'  OUT OF TOLERANCE' if wrong else ''}")
    for path in set(kept) - set(now):
        print(f"{path:>16} is recorded, and there is no such path")
        good = False
    return good


def main():
    args = [a for a in sys.argv[1:] if a != "--update"]
    update = "--update" in sys.argv
    if len(args) < 2 or (update and len(args) > 2):
        sys.exit(__doc__)
    program, compiler, *only = args
    if shutil.which("valgrind") is None:
        skip("valgrind is not installed: tools/install-packages test")
    with open(KEPT, encoding="utf-8") as f:
        kept = json.load(f)
    if not update and kept["compiler"] != compiler:
        skip(f"the counts are those of {kept['compiler']}, and this is built by {compiler}")
    everything = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    names = only or everything
    with tempfile.TemporaryDirectory(prefix="muster-counts-") as folder:
        now = {path: count(program, path, folder) for path in names}
    good = compare({k: n for k, n in kept["instructions"].items() if k in names or not only}, now)
    if update:
        with open(KEPT, "w", encoding="utf-8") as f:
            json.dump({"compiler": compiler, "instructions": now}, f, indent=1)
            f.write("\n")
    elif not good:
        sys.exit(f"more than {TOLERANCE_PERCENT:g} % away from {os.path.basename(KEPT)}: mend it, or, when it "
                 f"is meant to be so, record it with\n  {sys.argv[0]} {program} '{compiler}' --update")


main()
