# SPDX-License-Identifier: GPL-2.0-or-later
"""One real probe of this very host: the matrix agrees with `ip -j link`."""
import json
import os

from harness import Lab, check, need_nic, run, skip


def host_nics():
    """Links with a device behind them, from the kernel by way of ip and sysfs."""
    try:
        links = json.loads(run("ip", "-d", "-j", "link"))
    except FileNotFoundError:
        skip("ip (iproute2) is not installed")
    return {link["ifname"]: link for link in links
            if os.path.exists(f"/sys/class/net/{link['ifname']}/device")}


def main():
    need_nic()
    nics = host_nics()
    with Lab() as lab:
        lab.start_coordinator()
        lab.start_probe("here", lab.tokens()[0])
        uplinks = {n for n, link in nics.items() if link.get("linkinfo", {}).get("info_slave_kind")
                   != "bond"}
        expected = {("here", f"unproven:here/{n}") for n in uplinks}
        matrix = lab.wait_matrix(
            lambda m: expected <= set(m) and all(m[e]["state"] != "unknown" for e in expected),
            f"edges {expected}")
        for name in uplinks:
            edge = matrix["here", f"unproven:here/{name}"]
            up = {"UP", "LOWER_UP"} <= set(nics[name]["flags"])
            check(edge["state"] == ("ok" if up else "lost"), f"{name}: {edge}")
            check(edge["paths_active"] == (1 if up else 0), f"{name}: {edge}")
            check(edge["paths_total"] == 1, f"{name}: {edge}")
        shown = {r["name"]: r for r in
                 lab.muster("node", "show", "here")["sections"]["nics"]["rows"]}
        check(set(shown) == set(nics), f"{set(shown)} != {set(nics)}")
        for name, link in nics.items():
            row = shown[name]
            check(row["mac"] == link["address"], f"{name}: mac {row['mac']}")
            check(row["mtu_bytes"] == link["mtu"], f"{name}: mtu {row}")
            check(row["ifindex"] == link["ifindex"], f"{name}: ifindex {row}")
            check(row["operstate"] == link["operstate"].lower(), f"{name}: operstate {row}")
            check(row["admin_up"] == ("UP" in link["flags"]), f"{name}: admin_up {row}")
        system = lab.muster("node", "show", "here")["sections"]["system"]["rows"][0]
        with open("/proc/sys/kernel/random/boot_id") as f:
            check(system["boot_id"] == f.read().strip(), "boot id")
        check(system["kernel_release"] == os.uname().release, "kernel release")
        print(f"{len(nics)} NICs agree with ip -j link")


main()
