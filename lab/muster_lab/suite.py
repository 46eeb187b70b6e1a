# SPDX-License-Identifier: GPL-2.0-or-later
"""The full suite of the lab: each of its tests, one after the other, since each wants the machine for itself."""
import glob
import os
import subprocess
import sys
import time

from . import places
from .errors import LabError

SKIPPED = 77
FIRST = "short"  # what is broken for all is seen there soonest
LAST = "latency"


def _folder():
    return os.path.join(places.TOP, "tests", "lab")


def names():
    found = {os.path.basename(p)[len("test_lab_"):-len(".py")] for p in glob.glob(_folder() + "/test_lab_*.py")}
    return sorted(found, key=lambda name: (name == LAST, name != FIRST, name))


def _last_words(log, code):
    """Of a skip its reason, of a failure what was raised."""
    with open(log, errors="replace") as f:
        lines = [line.strip() for line in f if line.strip()]
    if code == SKIPPED:
        lines = [line for line in lines if line.startswith("SKIP:")] or lines
    return lines[-1][:160] if lines else ""


def _one(name, folder, limit_s):
    log = os.path.join(folder, name + ".log")
    began = time.monotonic()
    print(f"{name:<10} ", end="", flush=True)
    with open(log, "wb") as out:
        # SIGTERM, so that it ends what it has started.
        code = subprocess.run(["timeout", "--kill-after=60", str(limit_s), sys.executable, "-B",
                               os.path.join(_folder(), f"test_lab_{name}.py")], check=False, stdin=subprocess.DEVNULL,
                              stdout=out, stderr=subprocess.STDOUT,
                              env={**os.environ, "MUSTER_LAB_FULL": "1", "MUSTER_BUILD": places.build_dir()}).returncode
    word = {0: "passed", SKIPPED: "skipped"}.get(code, "failed")
    print(f"{word:<8} {time.monotonic() - began:5.0f} s  {'' if code == 0 else _last_words(log, code)}", flush=True)
    return word


def run(chosen, limit_s):
    """Runs these tests, or all; whether none has failed. Their output is in the build folder."""
    known = names()
    for name in chosen:
        if name not in known:
            raise LabError(f"there is no test {name}; there are: {', '.join(known)}")
    if not os.path.isdir(places.build_dir()):
        raise LabError(f"there is no {places.build_dir()}: build muster first, or set MUSTER_BUILD")
    folder = os.path.join(places.build_dir(), "lab-logs")
    os.makedirs(folder, exist_ok=True)
    words = [_one(name, folder, limit_s) for name in chosen or known]
    print(f"{words.count('passed')} passed, {words.count('failed')} failed, {words.count('skipped')} skipped; "
          f"the logs are in {folder}")
    return "failed" not in words
