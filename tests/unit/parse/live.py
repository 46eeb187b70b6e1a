#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Compares what the collectors say of this very machine with what ip, ethtool and lscpu say, here and
in a network namespace of its own with veth pairs, a bridge and a macvlan. Usage: live.py
COLLECT-DUMP. Parts that this machine cannot do are skipped with the reason."""
import json
import os
import re
import shutil
import subprocess
import sys
import time

DUMP = sys.argv[1]
faults, compared = [], 0


def run(*argv, prefix=()):
    done = subprocess.run([*prefix, *argv], capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


def same(what, ours, theirs):
    global compared
    compared += 1
    if ours != theirs:
        faults.append(f"{what}: collected {ours!r}, expected {theirs!r}")


def take_pair(prefix, globs):
    """ip's view and ours of one moment: links may change between the two, so ip is asked on both
    sides until its answers agree (but for a bridge's running timers)."""
    def steady(text):
        return re.sub(r'"\w*_timer":[\d.]+', "", text)

    for _ in range(20):
        before = run("ip", "-d", "-j", "link", prefix=prefix)
        args = [a for g in globs for a in ("--interface", g)]
        ours = run(DUMP, "net", *args, prefix=prefix)
        if steady(run("ip", "-d", "-j", "link", prefix=prefix)) == steady(before):
            return json.loads(before), json.loads(ours)
    raise RuntimeError("links change all the time")


def compare_common(row, link):
    name = row["name"]
    same(f"{name} ifindex", row["ifindex"], link["ifindex"])
    same(f"{name} mac", row.get("mac"), link.get("address"))
    same(f"{name} mtu", row["mtu_bytes"], link["mtu"])
    same(f"{name} admin_up", row["admin_up"], "UP" in link["flags"])
    same(f"{name} carrier", row.get("carrier"),
         "LOWER_UP" in link["flags"] if "UP" in link["flags"] else None)
    same(f"{name} operstate", row["operstate"], link["operstate"].lower())
    same(f"{name} alias", row.get("alias"), link.get("ifalias"))
    same(f"{name} master", row.get("master"), link.get("master"))


def compare_nic(row, link, prefix):
    compare_common(row, link)
    name = row["name"]
    same(f"{name} altnames", row.get("altnames", []), sorted(link.get("altnames", [])))
    same(f"{name} bus", row.get("bus_address"), link.get("parentdev"))
    if "permaddr" in link:
        same(f"{name} permanent", row.get("permanent_mac"), link["permaddr"])
    same(f"{name} kind", row["kind"],
         "physical" if "parentdev" in link else link["linkinfo"]["info_kind"])
    info = run("ethtool", "-i", name, prefix=prefix)
    for ours, theirs in (("driver", "driver"), ("driver_version", "version"),
                         ("firmware", "firmware-version")):
        value = re.search(rf"^{theirs}: *(.*)$", info, re.M).group(1).strip()
        same(f"{name} {ours}", row.get(ours), None if value in ("", "N/A") else value)
    text = run("ethtool", name, prefix=prefix)
    speed = re.search(r"Speed: (\d+)Mb/s", text)
    same(f"{name} speed", row.get("speed_mbps"), int(speed.group(1)) if speed else None)
    duplex = re.search(r"Duplex: (Full|Half)", text)
    same(f"{name} duplex", row.get("duplex"), duplex.group(1).lower() if duplex else None)
    autoneg = re.search(r"Auto-negotiation: (on|off)", text)
    if autoneg:
        same(f"{name} autoneg", row.get("autoneg"), autoneg.group(1) == "on")
    permanent = run("ethtool", "-P", name, prefix=prefix).split()[-1]
    if re.fullmatch(r"[0-9a-f:]{17}", permanent) and permanent != "00:00:00:00:00:00":
        same(f"{name} permanent (ethtool)", row.get("permanent_mac"), permanent)


def compare_bridge(row, link, reported):
    compare_common(row, link)
    data = link["linkinfo"]["info_data"]
    same(f"{row['name']} ageing", row["ageing_ms"], data["ageing_time"] * 10)
    same(f"{row['name']} forward delay", row["forward_delay_ms"], data["forward_delay"] * 10)
    same(f"{row['name']} stp", row["stp"], data["stp_state"] != 0)
    same(f"{row['name']} ports", row["ports"],
         sorted(n for n, l in reported.items() if l.get("master") == row["name"]))


def compare_net(prefix, globs):
    links, ours = take_pair(prefix, globs)
    by_name = {l["ifname"]: l for l in links}
    rows = {r["name"]: r for s in ours.values() for r in s["rows"]}
    expected = {l["ifname"] for l in links
                if l.get("parentbus") not in (None, "xen-backend") or
                l.get("linkinfo", {}).get("info_kind") in ("bond", "bridge") or
                any(l["ifname"].startswith(g.rstrip("*")) for g in globs)}
    named_vlans = {n for n in rows if n in {r["name"] for r in ours["vlans"]["rows"]}}
    same("reported links", sorted(set(rows) - named_vlans), sorted(expected))
    for row in ours["nics"]["rows"]:
        compare_nic(row, by_name[row["name"]], prefix)
    for kind in ("bonds", "vlans"):
        for row in ours[kind]["rows"]:
            compare_common(row, by_name[row["name"]])
    for row in ours["bridges"]["rows"]:
        compare_bridge(row, by_name[row["name"]], {n: by_name[n] for n in rows})
    return ours


def compare_namespace():
    name = f"muster-live-{os.getpid()}"
    prefix = ("ip", "netns", "exec", name)
    run("ip", "netns", "add", name)
    try:
        for line in ("link add uplink0 type veth peer name far0",
                     "link add uplink1 type veth peer name far1",
                     "link set far0 up", "link set uplink0 up", "link set uplink1 mtu 9000 up",
                     "link set uplink0 alias muster-test", "link add br0 type bridge",
                     "link property add dev uplink0 altname second-name altname a-name",
                     "link set uplink0 master br0", "link set br0 up",
                     "link add mv0 link uplink1 type macvlan mode bridge"):
            run("ip", "-n", name, *line.split())
        ours = compare_net(prefix, ["uplink*"])
        nics = {r["name"]: r for r in ours["nics"]["rows"]}
        same("uplink0 paths", nics["uplink0"]["paths_active"], 1)
        same("uplink1 paths", nics["uplink1"]["paths_active"], 0)
        run("ip", "-n", name, "link", "set", "far0", "down")
        ours = compare_net(prefix, ["uplink*"])
        nics = {r["name"]: r for r in ours["nics"]["rows"]}
        same("uplink0 paths without a carrier", nics["uplink0"]["paths_active"], 0)
        # /sys of another namespace has an eth0 too: it must not be taken for this one's.
        run("ip", "-n", name, "link", "set", "uplink1", "name", "eth0")
        plain = ("nsenter", f"--net=/run/netns/{name}")
        rows = json.loads(run(DUMP, "net", "--interface", "eth0", prefix=plain))["nics"]["rows"]
        same("NIC behind a foreign /sys", [r["kind"] for r in rows], ["veth"])
    finally:
        subprocess.run(["ip", "netns", "del", name], check=False)


def number(text):
    return int(text) if text is not None and text.isdigit() else None


def compare_system():
    clock = lambda: int(time.clock_gettime(time.CLOCK_BOOTTIME) * 1000)
    before = clock()
    ours = json.loads(run(DUMP, "system"))
    after = clock()
    system, cpu = ours["system"]["rows"][0], ours["cpu"]["rows"][0]
    uptime = system["uptime_ms"]
    same("uptime", uptime, min(max(uptime, before), after))
    uname = os.uname()
    same("hostname", system["hostname"], uname.nodename)
    same("kernel release", system["kernel_release"], uname.release)
    same("kernel version", system["kernel_version"], uname.version)
    same("machine", system["machine"], uname.machine)
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as f:
        same("boot id", system["boot_id"], f.read().strip())
    page = os.sysconf("SC_PAGE_SIZE")
    same("memory", system["memory_total_bytes"], os.sysconf("SC_PHYS_PAGES") * page)
    if shutil.which("lscpu") is None:
        print("SKIP: lscpu is not installed")
        return
    theirs = {e["field"]: e["data"] for e in flat(json.loads(run("lscpu", "-J"))["lscpu"])}
    same("vendor", cpu.get("vendor"), theirs.get("Vendor ID:"))
    same("model name", cpu.get("model_name"), theirs.get("Model name:"))
    same("family", cpu.get("family"), number(theirs.get("CPU family:")))
    same("model", cpu.get("model"), number(theirs.get("Model:")))
    same("stepping", cpu.get("stepping"), number(theirs.get("Stepping:")))
    same("flags", cpu.get("flags", []), sorted(theirs.get("Flags:", "").split()))
    if system["hypervisor"] != "xen":
        sockets = number(theirs.get("Socket(s):"))
        same("sockets", cpu.get("sockets"), sockets)
        same("cores", cpu.get("cores"), sockets * number(theirs["Core(s) per socket:"]))
        same("threads", cpu.get("threads"), number(theirs["CPU(s):"]))
        same("numa nodes", cpu.get("numa_nodes"), number(theirs.get("NUMA node(s):")))


def flat(entries):
    for e in entries:
        yield e
        yield from flat(e.get("children", []))


def main():
    if shutil.which("ip") is None or shutil.which("ethtool") is None:
        print("SKIP: ip or ethtool is not installed")
    else:
        compare_net((), [])
        if os.geteuid() != 0:
            print("SKIP: only root can make a network namespace")
        else:
            compare_namespace()
    compare_system()
    for fault in faults:
        print(fault)
    print(f"live: {compared} values compared, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
