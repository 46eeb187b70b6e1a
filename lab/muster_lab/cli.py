# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of the lab."""
import argparse
import json
import os
import re
import subprocess
import sys
import time

from . import agent, bmc, faults, image, luns, places, suite
from .debian import require_programs
from .errors import LabError
from .fleet import MACHINES, STORAGE, Lab

TOUR = """\
A lab is a handful of virtual Xen hosts with this tree's probe in them, real storage
behind them, and a coordinator outside. Nothing of it touches this machine's network
or disks; it needs root, no KVM, and about a gigabyte of memory for each host.

  lab/lab up --nodes 2                    two hosts, two shared LUNs on two controllers
  lab/lab status                          what runs, and what the coordinator says
  lab/lab muster matrix --kind lun        muster itself, with any arguments
  lab/lab shell n1 'multipath -ll'        a command inside a host
  lab/lab fault path n1 s1 b off          one path goes
  lab/lab muster explain n1 dm-0          what muster makes of it
  lab/lab fault power n2 cycle            the plug, pulled and put back
  lab/lab down                            ends all of it and leaves nothing behind
  lab/lab test                            the full suite, one test after the other
"""


def _fault_help():
    return "faults:\n" + "".join(f"  {name:<7} {words:<26} {function.__doc__.split('. ')[0].split(chr(10))[0]}\n"
                                 for name, (function, words, _) in faults.TABLE.items())


def say(text):
    print(text, file=sys.stderr)


def cmd_build(args):
    require_programs()
    started = time.monotonic()
    for name, size in image.build(say).sizes().items():
        print(f"{size / 1e6:8.1f} MB  {name}")
    say(f"in {time.monotonic() - started:.1f} s; the cache is {places.cache_dir()}")


def cmd_up(args):
    storage = args.storage.split(",")
    unknown = [s for s in storage if s not in STORAGE]
    if unknown:
        raise LabError(f"there is no storage {unknown[0]}; there are: {', '.join(STORAGE)}")
    # HOST=MODEL, or a model for all the others; a model may have a "=" in its flags.
    cpu = {m[1] or "": m[2] for m in (re.fullmatch(r"(?:(n[0-9]+)=)?(.+)", c) for c in args.cpu)}
    if args.machine == "uml" and (args.xen or storage != ["iscsi"] or args.bonds or cpu):
        raise LabError("a host that is a process of this machine has neither Xen nor disks of its own: say --machine uml "
                       "--no-xen --storage iscsi")
    options = {"machine": args.machine, "storage": [s for s in STORAGE if s in storage], "xen": args.xen, "cpu": cpu,
               "cpus": args.cpus, "memory_mib": args.memory or (1024 if args.xen else 640),
               "multipath": args.multipath, "bonds": args.bonds, "guest_mib": args.guests, "append": args.append.split() if args.append else []}
    lab = Lab(args.name)
    started = time.monotonic()
    lab.up(args.nodes, options, args.luns, args.lun_size * luns.MIB, say)
    if args.wait:
        lab.wait(args.timeout)
        say(f"{args.nodes} hosts are up after {time.monotonic() - started:.1f} s; next: lab/lab status")


def cmd_status(args):
    lab = Lab.load(args.name)
    rows = []
    for h in lab.hosts.values():
        state = "frozen" if h.doc["frozen"] and h.on() else "on" if h.on() else "off"
        rows.append({"name": h.name, "state": state, "boots": h.doc["boots"], "uuid": h.uuid,
                     "away": h.doc["away"], "links_down": [f"eth{n}" for n in h.doc["links_down"]]})
    doc = {"lab": lab.name, "folder": lab.folder, "connect": lab.client, "hosts": rows,
           "luns": [{**lun.to_json(), "naa": lun.naa} for lun in lab.luns.values()],
           "portals_off": lab.target.doc["portals_off"] if lab.target else []}
    if args.json:
        print(json.dumps(doc))
        return
    print(f"lab {lab.name} in {lab.folder}; MUSTER_CONNECT={lab.client}")
    for r in rows:
        faulty = [*r["away"], *(f"{n} has no link" for n in r["links_down"])]
        print(f"{r['name']:<4} {r['state']:<6} boot {r['boots']}  {r['uuid']}  {', '.join(faulty)}")
    for lun in doc["luns"]:
        print(f"{lun['name']:<4} {lun['size'] // luns.MIB} MiB  naa.{lun['naa']}")
    for number in doc["portals_off"]:
        print(f"portal {number} is off")
    print(lab.muster("status").stdout, end="")


def cmd_shell(args):
    r = Lab.load(args.name).host(args.host).shell(args.command, args.timeout)
    sys.stdout.write(r.stdout)
    sys.stderr.write(r.stderr)
    return r.returncode


def cmd_muster(args):
    lab = Lab.load(args.name)
    return subprocess.run([os.path.join(lab.build, "cli/muster"), "--connect", lab.client, *args.words],
                          check=False).returncode


def cmd_console(args):
    print(Lab.load(args.name).host(args.host).console(), end="")


def cmd_fault(args):
    lab = Lab.load(args.name)
    if args.fault == "bmc":  # which asks for another fault
        faults.inject(lab, args.fault, args.words)
        return
    with places.locked(os.path.join(lab.folder, "change.lock")):
        faults.inject(Lab.load(args.name), args.fault, args.words)


def cmd_chassis(args):
    """What a BMC runs to ask for the power of its host, and to change it."""
    return bmc.chassis(Lab.load(args.name), args.host, args.words)


def cmd_test(args):
    return 0 if suite.run(args.tests, args.limit) else 1


def cmd_down(args):
    if not os.path.exists(places.run_dir(args.name)):
        say(f"lab {args.name} is not up")
        return
    try:
        lab = Lab.load(args.name)
    except LabError:
        lab = Lab(args.name)
    lab.down()


def _up_options(p):
    p.add_argument("--nodes", type=int, default=2, metavar="N", help="how many hosts (default 2)")
    p.add_argument("--machine", choices=sorted(MACHINES), default="qemu",
                   help="qemu: virtual machines (the default); uml: Linux as a process of this machine, much faster, "
                   "with --no-xen --storage iscsi")
    p.add_argument("--storage", default="shared", metavar="KIND,...", help="of: " + ", ".join(STORAGE))
    p.add_argument("--luns", type=int, default=2, metavar="N", help="LUNs of each kind (default 2)")
    p.add_argument("--lun-size", type=int, default=256, metavar="MIB", help="default 256")
    p.add_argument("--no-xen", dest="xen", action="store_false", help="Linux alone: boots faster")
    p.add_argument("--no-multipath", dest="multipath", action="store_false", help="paths without maps")
    p.add_argument("--bonds", action="store_true", help="LACP and active-backup bonds, VLANs and bridges on them")
    p.add_argument("--cpu", metavar="[HOST=]MODEL", action="append", default=[],
                   help="QEMU's processor model for Xen hosts, or for one of them; may be repeated")
    p.add_argument("--cpus", type=int, default=1, metavar="N", help="processors of a host (default 1)")
    p.add_argument("--memory", type=int, metavar="MIB", help="of a host (default 1024, without Xen 640)")
    p.add_argument("--guests", type=int, default=0, metavar="MIB",
                   help="memory of a Xen host that is left for its guests, and a kernel for them in /lab/guest")
    p.add_argument("--append", metavar="WORDS", help="more words for the hosts' kernel command line")
    p.add_argument("--no-wait", dest="wait", action="store_false", help="return while the hosts boot")
    p.add_argument("--timeout", type=float, default=300, metavar="S", help="longest wait (default 300)")


def parser():
    top = argparse.ArgumentParser(prog="lab/lab", description=TOUR,
                                  formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--name", default="lab", help="which lab, when several run (default: lab)")
    sub = top.add_subparsers(dest="verb", metavar="COMMAND", required=True)

    def add(name, function, text, **kwargs):
        p = sub.add_parser(name, help=text, description=text, **kwargs)
        p.set_defaults(function=function)
        return p

    add("build", cmd_build, "make the hosts' image, or find it in the cache")
    _up_options(add("up", cmd_up, "start a lab and wait until all hosts have reported"))
    add("status", cmd_status, "what runs").add_argument("--json", action="store_true")
    p = add("shell", cmd_shell, "run a command inside a host")
    p.add_argument("host")
    p.add_argument("command")
    p.add_argument("--timeout", type=int, default=agent.LIMIT_S, metavar="S")
    p = add("muster", cmd_muster, "muster, talking to the lab's coordinator")
    p.add_argument("words", nargs=argparse.REMAINDER)
    add("console", cmd_console, "what a host has printed").add_argument("host")
    p = add("fault", cmd_fault, "break something, or mend it", epilog=_fault_help(),
            formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("fault", metavar="FAULT")
    p.add_argument("words", nargs="*", metavar="ARGUMENT")
    p = sub.add_parser("chassis")
    p.set_defaults(function=cmd_chassis)
    p.add_argument("host")
    p.add_argument("words", nargs="*")
    p = add("test", cmd_test, "run the full suite, or some of its tests, one after the other")
    p.add_argument("tests", nargs="*", metavar="TEST", help="of: " + ", ".join(suite.names()))
    p.add_argument("--limit", type=int, default=5400, metavar="S", help="longest time of one test (default 5400)")
    add("down", cmd_down, "end what the lab has started and remove what it has made")
    return top


def main(argv=None):
    args = parser().parse_args(argv)
    try:
        return args.function(args) or 0
    except LabError as e:
        say(f"lab: {e}")
        return 1
    except KeyboardInterrupt:
        return 130
