# SPDX-License-Identifier: GPL-2.0-or-later
"""Two Xen hosts with processors of different models: what each tells of them is what Xen's own xen-cpuid and xl say
in its dom0, and they differ as the models do; with a xenstored that does not answer only the names of domains are
lacking. Run by hand: MUSTER_LAB_FULL=1."""
import os
import re

from lab_harness import TestLab, check, contain, skip

BOOT_S = 900
MIB = 1 << 20
LESS = {"aesni": "aes", "avx2": "avx2", "bmi2": "bmi2", "rdrand": "rdrand"}  # what the second has not: QEMU's names
SETS = ("raw", "host", "pv_max", "hvm_max")
BASE = "max,-smap,-smep,-rdtscp"


def shell(host, command, limit_s=120):
    r = host.shell(command, limit_s)
    check(r.returncode == 0, f"{command}: exit {r.returncode}: {r.stdout} {r.stderr}")
    return r.stdout


def section(t, host, name):
    sections = t.muster("node", "show", host.name, "--section", name)["sections"]
    return sections.get(name, {"status": "never", "status_text": None, "rows": []})  # not reported yet


def told(t, host):
    """The row of the section xen, once it is there."""
    s = t.wait(lambda: section(t, host, "xen"), lambda s: s["status"] == "ok", f"{host.name} tells of its Xen")
    check(len(s["rows"]) == 1, f"rows: {s['rows']}")
    return s["rows"][0]


def cpuid(host):
    """{set: words} by xen-cpuid, a program of Xen's that muster does not use."""
    text = shell(host, "/usr/lib/xen-4.17/bin/xen-cpuid")
    print(text, flush=True)
    found = dict(re.findall(r"^(Raw|Host|PV Max|HVM Max|PV Default|HVM Default)\s+([0-9a-f:]+)$", text, re.M))
    return {"raw": found["Raw"], "host": found["Host"], "pv": found["PV Default"], "hvm": found["HVM Default"],
            "pv_max": found["PV Max"], "hvm_max": found["HVM Max"]}


def check_words(t, host, row):
    for name, words in cpuid(host).items():
        check(row[f"featureset_{name}"] == words, f"{host.name} {name}: {row[f'featureset_{name}']}, xen-cpuid {words}")
    t.say(f"{host.name}: its six featuresets are those of xen-cpuid")


def check_machine(t, host, row):
    """Against xl info, and what QEMU was told to be."""
    info = dict(re.findall(r"^(\w+)\s*: (.*)$", shell(host, "xl info"), re.M))
    check(row["memory_physical_bytes"] // MIB == int(info["total_memory"]), f"{row} {info}")
    check(row["threads"] == int(info["nr_cpus"]) == host.doc["cpus"], f"{row} {info}")
    check(row["numa_nodes"] == int(info["nr_nodes"]), f"{row} {info}")
    check(row["guest_kinds"] == sorted(info["xen_caps"].split()), f"{row} {info}")
    check(row["hvm"] == ("hvm" in info["virt_caps"].split()), f"{row} {info}")
    check(row["hap"] == ("hap" in info["virt_caps"].split()), f"{row} {info}")
    t.say(f"{host.name}: memory, processors and kinds of guests are those of xl info")


def check_domains(t, host):
    # xenstored may not have answered in time just after its start: the names come with the next look then.
    rows = t.wait(lambda: section(t, host, "domains"), lambda s: s["status"] == "ok" and s["status_text"] is None,
                  "names of domains are known")["rows"]
    listed = [line.split() for line in shell(host, "xl list").splitlines()[1:]]
    check([(r["domid"], r["name"], r["vcpus"]) for r in rows] == [(w[1], w[0], int(w[3])) for w in listed],
          f"{rows}, xl list {listed}")
    t.say(f"{host.name}: its domains are those of xl list")


def check_difference(t, rows):
    """Exactly what was taken from the second processor, and what Xen makes of that, is lacking."""
    a, b = rows
    for name in SETS:
        has, lacks = set(a[f"features_{name}"]), set(b[f"features_{name}"])
        check(not lacks - has, f"{name}: the second host has more: {sorted(lacks - has)}")
        t.say(f"{name}: the second host lacks {', '.join(sorted(has - lacks))}")
        check(name in ("pv_max", "hvm_max") or set(LESS) <= has - lacks, f"{name}: {sorted(has - lacks)}")
    check(set(a["features_raw"]) - set(b["features_raw"]) == set(LESS), "raw differs in something else")


def without_xenstored(t, host):
    """Neither the heartbeat nor what the hypervisor tells waits for it."""
    for signal in ("STOP", "KILL"):
        before = section(t, host, "xen")["generation"]
        shell(host, f"kill -{signal} $(cat /run/xen/xenstored.pid); kill $(cat /run/lab/probe.pid)")
        s = t.wait(lambda: section(t, host, "domains"),
                   lambda s: s["status"] == "ok" and "xenstore" in (s["status_text"] or ""),
                   f"xenstored {signal}: names of domains are not known")
        check([(r["domid"], r.get("name")) for r in s["rows"]] == [("0", None)], f"rows: {s['rows']}")
        shown = t.lab.muster("node", "show", host.name).stdout
        check("\ndomains\nnames of domains are not known: " in shown, f"node show says nothing of it: {shown}")
        x = section(t, host, "xen")
        check(x["status"] == "ok" and x["status_text"] is None and x["rows"], f"xen: {x} (was {before})")
        if signal == "STOP":
            shell(host, "kill -CONT $(cat /run/xen/xenstored.pid); kill $(cat /run/lab/probe.pid)")
            t.wait(lambda: section(t, host, "domains"), lambda s: s["status_text"] is None, "names are known again")
    nodes = {n["name"]: n["state"] for n in t.muster("node", "list")["nodes"]}
    check(nodes[host.name] == "up", f"{nodes}")
    t.wait(lambda: t.muster("node", "show", host.name)["sections"],
           lambda all_: {s["status"] for s in all_.values()} <= {"ok", "absent"}, "no section is stuck")


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("the full suite of the lab is run by hand: MUSTER_LAB_FULL=1")
    contain()
    less = ",".join(f"-{name}" for name in LESS.values())
    with TestLab(2, BOOT_S, luns=1, xen=True, memory_mib=1024,
                 cpu={"n1": BASE, "n2": f"{BASE},{less}"}) as t:
        hosts = [t.lab.host("n1"), t.lab.host("n2")]
        rows = [told(t, h) for h in hosts]
        for host, row in zip(hosts, rows):
            check_words(t, host, row)
            check_machine(t, host, row)
            check_domains(t, host)
        check_difference(t, rows)
        without_xenstored(t, hosts[1])


main()
