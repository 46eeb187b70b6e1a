# SPDX-License-Identifier: GPL-2.0-or-later
"""The benchmarks run: each once, small, so that one that has fallen behind what it measures is noticed
here and not on the day when a figure is wanted. No figure is judged: 1, a target that is missed, is as
good as 0."""
import os
import re
import subprocess
import sys
import tempfile

BUILD, SOURCE = sys.argv[1:3]


def path(*names):
    return os.path.join(BUILD, *names)


COORDINATOR, PROBE = path("coordinator", "muster-coordinator"), path("probe", "muster-probe")
RUNS = {
    "bench-ingest": ([path("bench", "bench-ingest"), "-c", COORDINATOR, "-n", "3", "-r", "1"],
                     r"first report, durable +\d+ rows/s +ratio +[0-9.]+"),
    "bench-propagate": ([path("bench", "bench-propagate"), "-c", COORDINATOR, "-r", "1", "--down-ms", "7000"],
                        r"ratio +[0-9.]+(?s:.*)known to be down .*told as behind: 3 of 3\n"),
    "bench-connect": ([path("bench", "bench-connect"), "-c", COORDINATOR, "-n", "5", "-r", "1"],
                      r"registered +[0-9.]+ s +ratio +[0-9.]+(?s:.*)resident in the coordinator +[0-9.]+ KiB a node"),
    "bench-probe": ([path("bench", "bench-probe"), "-c", COORDINATOR, "-p", PROBE, "-s", "1", "-r", "2"],
                    r"resident"),
    "bench-walk": ([path("bench", "bench-walk"), "-n", "10", "-r", "1"], r"ratio|page cache"),
    "bench-place": ([path("bench", "bench-place"), "--nodes", "200", "--rounds", "1"],
                    r"20000 edges(?s:.*)guest +20 (?s:.*)targets"),
    "bench-scan-plan": ([path("bench", "bench-scan-plan"), "--filesystems", "8", "--servers", "4"],
                        r"bound|ours"),
    "leases.py": ([sys.executable, os.path.join(SOURCE, "bench", "leases.py"), "--build", BUILD, "--clients", "1,4",
                   "--jobs", "20", "--rounds", "1", "--seconds", "1"],
                  r" 1 ours +[1-9](?s:.*) 1 scans +[1-9](?s:.*) 4 ours +[1-9](?s:.*) 4 limit +[1-9](?s:.*)P3 (?s:.*)"
                  r" ours +[1-9]"),
    "growth.py": ([sys.executable, os.path.join(SOURCE, "bench", "growth.py"), "--build", BUILD, "--nodes", "3,6",
                   "--rest", "1", "--rounds", "1"], r"edges +\d+ +\d+\n(?s:.*)restart_s +[0-9.]+ +[0-9.]+ +-?[0-9.]+"),
    "soak.py": ([sys.executable, os.path.join(SOURCE, "bench", "soak.py"), "--build", BUILD, "--nodes", "5", "--minutes",
                 "0.1"], r"happened: \d(?s:.*)mounted twice at once: 0.000 "),
    "report.py": ([sys.executable, os.path.join(SOURCE, "bench", "report.py"), "--build", BUILD, "--quick", "--only",
                   "plan,ingest,soak"], r"\d of [1-9]\d* targets met\n(?s:.*)report.html"),
    "restart.py": ([sys.executable, os.path.join(SOURCE, "bench", "restart.py"), "--build", BUILD,
                    "--nodes", "20", "--edges", "2000", "--rounds", "1"], r"target"),
    "scan_mounts.py": ([sys.executable, os.path.join(SOURCE, "bench", "scan_mounts.py"), "--build", BUILD,
                        "--servers", "1,2", "--filesystems", "2", "--files", "20", "--rounds", "1"],
                       r"target"),
}


def main():
    name = sys.argv[3]
    command, says = RUNS[name]
    with tempfile.TemporaryDirectory(prefix="muster-bench-") as folder:
        r = subprocess.run(command, capture_output=True, text=True, cwd=folder)  # meson's own limit is the one that counts
    print(r.stdout + r.stderr)
    if r.returncode == 77:
        sys.exit(77)
    if r.returncode not in (0, 1) or re.search(says, r.stdout) is None:
        sys.exit(f"{name}: exit {r.returncode}, or it does not say {says!r}")


main()
