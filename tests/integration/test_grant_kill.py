# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of the coordinator under leases that nodes are granted (tests/kill): each grant that a node
has received is in the history of every later start, for that node and resource, and not over before its
node says so; tokens only grow; no two have one resource. The same with the power cut at each kill, so
that what was not synced is lost. Then the account itself is tried: it finds what a lying disk, an old
database and a coordinator without one of its guards do. MUSTER_LONG: 10,000 kills, of ten
coordinators at a time."""
import json
import os
import subprocess
from concurrent.futures import ThreadPoolExecutor

from harness import BUILD, Lab, check, program, seed

LONG = "MUSTER_LONG" in os.environ
FAULTY = os.path.join(BUILD, "tests/kill/coordinator-faulty")
LIMIT_S = 60 + 2 * 10000  # meson's own limit is the one that counts


def loop(number, *args, coordinator=FAULTY, **env):
    """(exit code, what it has counted, what it has said); `number` is its seed."""
    with Lab() as lab:
        r = subprocess.run([os.path.join(BUILD, "tests/kill/kill-loop"), "--coordinator", coordinator,
                            "--listen", lab.listen, "--dir", lab.dir, "--seed", str(number),
                            *map(str, args)], capture_output=True, text=True,
                           env={**os.environ, **env}, timeout=LIMIT_S)
        check(r.returncode in (0, 1) and r.stdout,
              f"seed {number} {args} {env}: exit {r.returncode}: {r.stderr}")
        return r.returncode, json.loads(r.stdout), r.stderr


def number(rng):
    return rng.randrange(1 << 32)


def judge(what, cycles, code, doc, said):
    text = f"{what}: {json.dumps(doc)}\n{said}"
    check(code == 0 and not any(doc["faults"].values()), text)
    check(doc["cycles"] == cycles and doc["kills"] >= cycles, f"it has ended early: {text}")
    check(doc["found"] + doc["beyond_lists"] == doc["granted"] >= cycles // 2, text)
    check(doc["ended"] > 0 and (doc["silences"] == 0 or doc["expired"] > 0),
          f"leases are over by word, and by time: {text}")


def holds(rng, what, cycles, *args, **env):
    """Shared out between so many loops at once."""
    loops = 10 if LONG else 1
    each = cycles // loops
    command = ("--cycles", each, *args)
    with ThreadPoolExecutor(loops) as pool:
        futures = [pool.submit(loop, number(rng), *command, **env) for _ in range(loops)]
        results = [f.result() for f in futures]
    total = {}
    for code, doc, said in results:
        judge(what, each, code, doc, said)
        for key in doc.keys() - {"faults", "seed", "highest_token", "us_a_cycle"}:
            total[key] = total.get(key, 0) + doc[key]
    total["ms"] //= loops  # they ran at once
    print(f"{what}: 0 faults; {json.dumps(total)}", flush=True)


def is_found(rng, what, fault, *args, cycles=100, **env):
    code, doc, said = loop(number(rng), "--cycles", cycles, *args, **env)
    print(f"{what}: {doc['faults']} after {doc['cycles']} cycles", flush=True)
    check(code == 1 and doc["faults"][fault] > 0, f"{what} is not noticed: {doc}\n{said}")


def main():
    rng = seed()
    holds(rng, "kill -9", 10000 if LONG else 200, "--silent-every", 500 if LONG else 200,
          coordinator=program("muster-coordinator"))
    holds(rng, "kill -9 and power cut", 2000 if LONG else 100, "--power",
          "--silent-every", 100 if LONG else 0, MUSTER_TEST_DISK="shadow")
    is_found(rng, "a disk that lies", "lost", "--power", "--keep-none", "--forget",
             MUSTER_TEST_DISK="lies")
    is_found(rng, "an old database", "lost", "--put-back", 12)
    is_found(rng, "an old database, which its nodes cannot tell", "token", "--put-back", 12, "--forget")
    # A silent node's lease; without TOLD_FOR_SCAN nothing else is in the way of others. Most fleets show it in
    # the second cycle. Where nobody else is to scan what the silent node has, a cycle waits for 25 s in vain.
    for guard in ("LEASE_BLOCKS", "FULL_TTL"):
        is_found(rng, f"a coordinator without {guard}", "two", "--silent-every", 2, cycles=10,
                 MUSTER_TEST_WITHOUT=f"{guard},TOLD_FOR_SCAN")


main()
