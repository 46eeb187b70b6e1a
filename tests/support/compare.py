# SPDX-License-Identifier: GPL-2.0-or-later
"""What tests that hold our facts against another program's share: the account of what was compared.
`collected` is what ours did, for the words of a fault."""
import subprocess
import sys


class Account:
    def __init__(self, name, collected):
        self.name, self.collected = name, collected
        self.faults, self.skips, self.compared = [], [], 0

    def same(self, what, ours, theirs):
        self.compared += 1
        if ours != theirs:
            self.faults.append(f"{what}: {self.collected} {ours!r}, expected {theirs!r}")

    def skip(self, reason):
        self.skips.append(reason)
        print(f"SKIP: {reason}")

    def end(self):
        """Tells the faults and ends the test: 77 when there was nothing to compare."""
        for fault in self.faults:
            print(fault)
        print(f"{self.name}: {self.compared} compared, {len(self.faults)} faults, "
              f"{len(self.skips)} skips")
        sys.exit(1 if self.faults else 0 if self.compared else 77)


def run(*argv, **more):
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, **more)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
