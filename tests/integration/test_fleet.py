# SPDX-License-Identifier: GPL-2.0-or-later
"""muster-fleet: simulated hosts with networks, FC storage, volume groups, changes of those, and scans; what a script says
happens to them is in the matrix, explained, and mended again; where something can run, and why not elsewhere. Wrong
scripts and shapes are told."""
import json
import os
import signal
import subprocess

from harness import Lab, check, program

HOSTS, GROUP = 24, 12
SHAPE = f"""# small
group {GROUP}
rack {GROUP}
filesystems 5
dark 0
scan-ms 40
"""


class Fleet:
    def __init__(self, lab, spare=0):
        self.lab = lab
        self.fifo, self.shape, tokens = (os.path.join(lab.dir, n) for n in ("happens", "shape", "tokens"))
        os.mkfifo(self.fifo)
        with open(self.shape, "w", encoding="ascii") as f:
            f.write(SHAPE)
        with open(tokens, "w", encoding="ascii") as f:
            f.write("\n".join(lab.tokens(HOSTS + spare)) + "\n")
        self.command = [program("muster-fleet"), "--connect", lab.listen, "--tokens", tokens, "--nodes",
                        str(HOSTS), "--shape", self.shape]
        self.process = lab.spawn([*self.command, "--script", self.fifo], log="fleet")

    def join(self, hosts):
        """As many more, of a process of its own."""
        tokens = os.path.join(self.lab.dir, "tokens-more")
        with open(tokens, "w", encoding="ascii") as f:
            f.write("\n".join(self.lab.tokens(hosts)) + "\n")
        script = os.path.join(self.lab.dir, "script-more")
        with open(script, "w", encoding="ascii") as f:
            f.write(f"crash {HOSTS + hosts - 1}\n")
        self.lab.spawn([*self.command, "--tokens", tokens, "--nodes", str(hosts), "--first", str(HOSTS), "--script",
                        script], log="fleet-more")

    def say(self, *lines):
        with open(self.fifo, "w", encoding="ascii") as f:
            f.write("".join(line + "\n" for line in lines))

    def fails(self, *args, says):
        r = subprocess.run([*self.command, *args], capture_output=True, text=True, timeout=60)
        check(r.returncode in (1, 2) and says in r.stderr, f"{args}: exit {r.returncode}: {r.stderr}")

    def script_fails(self, text, says):
        path = os.path.join(self.lab.dir, "script")
        with open(path, "w", encoding="ascii") as f:
            f.write(text)
        self.fails("--script", path, says=says)


def host(i):
    return f"sim-r{i // GROUP:02}-{i:05}"


def filesystem(group, i):
    return f"images-g{group:02}-{i}"


def states(lab, *args):
    return {k: e["state"] for k, e in lab.matrix(*args).items()}


def comes_up(lab):
    lab.wait_matrix(lambda m: len(m) == HOSTS * 5 and all(e["state"] == "ok" for e in m.values()),
                    "all filesystems are seen", "--kind", "filesystem")
    lab.wait_matrix(lambda m: len(m) == HOSTS * 7, "and all LUNs", "--kind", "lun")
    lab.wait_matrix(lambda m: len(m) == HOSTS, "and all volume groups", "--kind", "vg")


def is_scanned(lab):
    lab.muster("fs", "admit", "--all")
    doc = lab.muster("scan", "--wait")
    results = [f["result"] for f in doc["filesystems"]]
    check(results == 10 * ["complete"], f"results: {results}")
    jobs = lab.muster("task", "show", "1")["jobs"]
    check([j["result"] for j in jobs].count("proven") == 10 * (GROUP - 1), "all others reach them")
    check(doc["mounts"] == 10, f"each is mounted once: {doc['mounts']}")
    check(sum(f["images"] or 0 for f in doc["filesystems"]) > 50, "images are found")
    doc = lab.muster("scan", "--wait")
    check((doc["mounts"], doc["skipped"]) == (0, 10), f"nothing has changed: {doc}")
    doc = lab.muster("scan", "--wait", "--every-node")
    check(doc["mounts"] == HOSTS * 5 == len(doc["filesystems"]), f"each by each: {doc['mounts']}")


def changes_its_lvs(lab):
    """Each host is told of a change, looks, and has it; what is on the other group's disks stays."""
    vg, other = "vg-g00-0", "vg-g01-0"
    before = lab.muster("vg", "show", other)["vg"]["seqno"]
    lab.muster("vg", "adopt", vg)
    for words in (("create", vg, "new", "1G"), ("extend", vg, "new", "2G"), ("rename", vg, "new", "kept"),
                  ("reduce", vg, "kept", "1G", "--type-name", "kept"), ("create", vg, "more", "1G"),
                  ("remove", vg, "more", "--type-name", "more")):
        lab.muster("lv", *words, "--wait")
    doc = lab.wait(lambda: lab.muster("vg", "show", vg), lambda d: d["vg"]["current"] == GROUP, "all are current")
    sizes = {r["name"]: r["size_bytes"] for r in doc["lvs"]}
    check(sizes.get("kept") == 1 << 30 and len(sizes) == 9, f"LVs: {sizes}")
    r = lab.muster_raw("lv", "create", vg, "huge", "1T", "--wait")
    check(r.returncode == 1 and "There is no room for it" in r.stderr, f"too large: {r}")
    check(lab.muster("vg", "show", other)["vg"]["seqno"] == before, "the other group's is as it was")


def fails_and_is_mended(lab, fleet):
    gone = filesystem(0, 2)
    fleet.say("lun gone 2 0-3,5  # of group 0")
    lost = {(host(i), gone) for i in (0, 1, 2, 3, 5)}
    lab.wait_matrix(lambda m: {k for k, e in m.items() if e["state"] == "lost"} == lost,
                    "the LUN is unmapped", "--kind", "filesystem")
    text = lab.muster_raw("explain", host(5), gone).stdout
    check("LUN mapping or masking" in text, f"explain: {text}")
    fleet.say("lun back 2 all", "port down 0 rack 1")
    lab.wait_matrix(lambda m: {k[0] for k, e in m.items() if e["state"] == "degraded"} ==
                    {host(i) for i in range(GROUP, HOSTS)}, "half of the paths", "--kind", "filesystem")
    fleet.say("port up 0 rack 1", "link down 0 7")
    lab.wait_matrix(lambda m: {k[0] for k, e in m.items() if e["state"] != "ok"} == {host(7)}, "a NIC")
    fleet.say("link up 0 7", "wait 10ms", "flap all")
    lab.wait_matrix(lambda m: all(e["state"] == "ok" for e in m.values()), "all is well again")


def places(lab, *needs, nodes=()):
    """Who is eligible, in order; and of the others the states of their reasons."""
    words = [w for n in needs for w in ("--need", n)] + [w for n in nodes for w in ("--node", n)]
    doc = json.loads(lab.muster_raw("--json", "place", "--all", *words).stdout)
    names = [n["name"] for n in doc["nodes"]]
    ranked = [names[p["node"]] for p in doc["places"] if p["rank"] is not None]
    check([p["rank"] for p in doc["places"]][:len(ranked)] == list(range(1, len(ranked) + 1)), f"ranks: {doc}")
    return ranked, {names[p["node"]]: {r["state"] for r in p["reasons"]} for p in doc["places"] if p["rank"] is None}


def is_placed(lab, fleet):
    """The hosts that see a filesystem of each of two groups, or one and not the other; who drains or has lost it."""
    here, there, gone = filesystem(0, 1), filesystem(1, 1), filesystem(0, 3)
    first = {host(i) for i in range(GROUP)}
    ranked, others = places(lab, here)
    check(set(ranked) == first and set(others) == {host(i) for i in range(GROUP, HOSTS)}, f"{here}: {ranked}, {others}")
    check(all(s == {"missing"} for s in others.values()), f"others do not see it: {others}")
    r = lab.muster_raw("place", "--need", here, "--need", there)
    check(r.returncode == 1 and r.stderr.startswith(f"muster: none of {HOSTS} nodes is eligible\n"), f"both: {r}")
    lab.muster("node", "drain", host(2))
    fleet.say("lun gone 3 4")
    lab.wait(lambda: places(lab, here, gone), lambda p: p[1].get(host(4)) == {"lost"}, "it has lost it")
    ranked, others = places(lab, here, gone)
    check(set(ranked) == first - {host(2), host(4)} and others[host(2)] == {"draining"}, f"{ranked}, {others}")
    fleet.say("port down 0 0")
    lab.wait(lambda: places(lab, here)[0], lambda r: r[-1] == host(0), "who sees it in part comes last")
    lab.muster("node", "drain", host(2), "--end")
    fleet.say("lun back 3 all", "port up 0 0")
    lab.wait(lambda: set(places(lab, here, gone)[0]), lambda r: r == first, "all is well again")


def node(lab, i):
    return lab.muster("node", "show", host(i))["nodes"][0]


def dies_and_lives(lab, fleet):
    boots = {i: node(lab, i)["boot_id"] for i in (3, 4, 5)}
    fleet.say("restart 3", "crash 4", "boot 5", "rubbish", "boot 99")
    lab.wait(lambda: node(lab, 4)["state"], lambda s: s == "down", "it is down")
    ranked, others = places(lab, "vg-g00-0", nodes=[host(4)])
    check((ranked, others) == ([], {host(4): {"down", "unknown"}}), f"nothing is placed on it: {ranked}, {others}")
    lab.wait(lambda: node(lab, 5), lambda n: n["state"] == "up" and n["boot_id"] != boots[5], "a new boot")
    check(node(lab, 3)["boot_id"] == boots[3], "a restart is no boot")
    fleet.say("boot 4", "boot 6")  # one token is left
    lab.wait(lambda: node(lab, 4), lambda n: n["state"] == "up" and n["boot_id"] != boots[4], "it is back")
    lab.wait(lambda: node(lab, 6)["state"], lambda s: s == "down", "without a token none comes back")
    lab.end(fleet.process, signal.SIGTERM)
    check(fleet.process.returncode == 0, f"it ends well: {fleet.process.returncode}")


def protocols(lab):
    return [n["protocol"] for n in sorted(lab.muster("node", "list")["nodes"], key=lambda n: n["name"])]


def refusals(lab, says):
    return [e for e in lab.muster("event", "tail", "--since", "0")["events"] if says in e["text"]]


def is_rolled(lab, fleet):
    """To the next version of the protocol node by node, over a restart of the coordinator and back again: what only
    that version knows is passed over, and no node is worse off. One that is not served says why."""
    check(protocols(lab) == HOSTS * [1], f"all begin with this version: {protocols(lab)}")
    for i in range(4):
        fleet.say(f"roll 2 {i}")
        lab.wait(lambda: protocols(lab), lambda p: p == (i + 1) * [2] + (HOSTS - i - 1) * [1], f"{i + 1} are rolled")
    text = lab.muster_raw("node", "list").stdout
    check("Protocol: 20 nodes of version 1, 4 nodes of version 2" in text, f"the list says so: {text}")
    text = lab.muster_raw("node", "show", host(2)).stdout
    check("version 2" in text, f"so does the node: {text}")
    says = "came with a later version of the protocol"
    lab.wait(lambda: refusals(lab, says), lambda e: len(e) == 4, "each is told once")
    seen = states(lab)
    lab.end(lab.coordinator)
    start(lab)
    lab.wait(lambda: states(lab) == seen, lambda same: same, "the next start has the same of all")
    check(lab.section(host(1), "cpu")["status"] == "ok", "with rows that another digest is told of")
    fleet.say("port down 0 1", "roll 2 4-11")
    lab.wait_matrix(lambda m: {k[0] for k, e in m.items() if e["state"] == "degraded"} == {host(1)},
                    "a node of the next version tells what happens to it", "--kind", "filesystem")
    fleet.say("port up 0 1", "roll 3 20", "roll 0 21")
    for i, v in ((20, 3), (21, 0)):
        says = (f"This node speaks version {v} of the protocol; this coordinator is of version 1 and serves nodes of "
                "versions 1 to 2.")
        lab.wait(lambda: refusals(lab, says), lambda r: [e["node_name"] for e in r] == [host(i)], f"{v} is refused")
    fleet.say("roll 1 all")
    lab.wait(lambda: protocols(lab), lambda p: p == HOSTS * [1], "and back again")
    lab.wait(lambda: states(lab) == seen, lambda same: same, "all is as it was")


def is_joined(lab, fleet):
    """By another process, whose hosts are those that follow. One of them dies, by its number."""
    fleet.join(GROUP)
    new = [host(HOSTS + i) for i in range(GROUP)]
    lab.wait(lambda: {n["name"]: n["state"] for n in lab.muster("node", "list")["nodes"]},
             lambda n: [n.get(name) for name in new] == (GROUP - 1) * ["up"] + ["down"], f"all are there but {new[-1]}")
    lab.wait_matrix(lambda m: {k[0] for k in m if k[1] == filesystem(2, 0)} == set(new),
                    "and see storage of their own", "--kind", "filesystem")


def wrong_input(fleet):
    fleet.fails("--first", "7", says="--first 7 is not a multiple of 12: the hosts of a group share storage")
    fleet.fails("--first", "-1", says="--first -1: it takes a number from 0 to")
    fleet.fails("--group", "0", says="group 0: it takes a number from 1 to 10000 (hosts that see the same")
    fleet.fails("--filesystems", "200", "--vgs", "64", says="328 LUNs, and a group of hosts sees 256")
    fleet.fails("--nodes", "x", says="--nodes x: it takes a number from 1 to")
    fleet.fails("--shape", "/nonexistent", says="/nonexistent cannot be read: No such file")
    fleet.fails("--script", "/nonexistent", says="/nonexistent cannot be read: No such file")
    for text, says in (("wait 1s\nwait 3\n", "line 2: wait takes a time, such as 2.5s or 100ms"),
                       ("lun lost 1 all", "lun is followed by gone or back"),
                       ("lun gone 7 all", "lun gone takes a number below 7"),
                       ("crash 1-", "1-: hosts are all, rack N, or numbers from 0 to 23"),
                       ("crash 24", "24: hosts are all, rack N, or numbers from 0 to 23"),
                       ("crash rack 2", "rack 2: there are racks 0 to 1"),
                       ("crash 3 4", "crash ends with its hosts"), ("crash", "crash ends with its hosts"),
                       ("roll 4 all", "roll takes a number below 4"), ("roll all", "roll takes a number below"),
                       ("explode all", "explode: what happens is wait, link, port, lun, flap, restart")):
        fleet.script_fails(text, says)


def start(lab):
    lab.start_coordinator("--set", "heartbeat_ms=1000", "--set", "suspect_ms=10000", "--set", "down_ms=15000")


def main():
    with Lab() as lab:
        start(lab)
        lab.muster("status")
        fleet = Fleet(lab, spare=2)
        comes_up(lab)
        is_scanned(lab)
        fails_and_is_mended(lab, fleet)
        is_placed(lab, fleet)
        changes_its_lvs(lab)
        is_rolled(lab, fleet)
        wrong_input(fleet)
        dies_and_lives(lab, fleet)
        is_joined(lab, fleet)


main()
