# SPDX-License-Identifier: GPL-2.0-or-later
"""Two virtual hosts with Fibre Channel (FCoE, port to port) to a target, bonds with and without LACP, VLANs, bridges,
and a BMC each: every path's ports, every HBA and every link held against the host's own kernel and ip; a path is
pulled, and muster names it; a link of a bond is pulled; a host is switched off and on by its BMC. Run by hand:
MUSTER_LAB_FULL=1."""
import os

from lab_harness import TestLab, bmc, check, contain, skip
import truth
import truth_net

BOOT_S = 900


def nic_on(host, segment):
    return f"eth{host.segments().index(segment)}"


def ways(host, lun):
    """{disk: (initiator port, target port)} of a LUN's paths, as the host's kernel has it."""
    return {name: (d["ports"][0], d["ports"][1]) for name, d in truth.look(host).items()
            if d.get("ports") and d["lun"] == lun}


def same_fabric(t, hosts):
    """The ports are those that the lab has made, each LUN is at both of the target's, and its identity is one."""
    for host in hosts:
        for name in t.lab.luns:
            found = ways(host, "naa." + t.lab.luns[name].naa)
            check(len(found) == 2 and len({w[0] for w in found.values()}) == 2 and
                  len({w[1] for w in found.values()}) == 2, f"{host.name}: {name} by {found}")
    truth.agree(t, hosts)
    truth.same_pages(hosts)


def path_pulled(t, host):
    lun = "naa." + t.lab.luns["f1"].naa
    port = host.shell(f"cat /sys/class/net/{nic_on(host, 'fb')}/address").stdout.strip().replace(":", "")
    dead = {name: way for name, way in ways(host, lun).items() if way[0].endswith(port)}
    check(len(dead) == 1, f"paths by the NIC that is pulled: {dead}")
    (name, (initiator, target)), = dead.items()
    t.fault("link", host.name, nic_on(host, "fb"), "off")
    rows = t.wait(lambda: [r for r in t.muster("node", "show", host.name)["sections"]["paths"]["rows"]
                           if r["device"] == name and r["state"] != "running"], bool, f"{name} carries nothing")
    t.say(f"  and it was told first as {rows[0]['state']}, target port {rows[0]['target_port_state']}")
    for other in t.lab.luns:
        t.wait_edge(host.name, other, ("degraded", 1), f"{host.name} sees {other} over one path")
    text = t.lab.muster("explain", host.name, lun).stdout
    print(text, flush=True)
    check(name in text, f"explain does not name {name}: {text}")
    check(target in text and initiator in text, f"explain does not name the ports {dead}: {text}")
    truth.agree(t, [host])
    t.fault("link", host.name, nic_on(host, "fb"), "on")
    for other in t.lab.luns:
        t.wait_edge(host.name, other, ("ok", 2, 2), f"{host.name} sees {other} over both paths again")
    truth.agree(t, [host])


def bond(t, host):
    return {row["name"]: row for row in t.muster("node", "show", host.name)["sections"]["bonds"]["rows"]}


def link_pulled(t, hosts):
    """One of LACP's, and the active one of the other bond."""
    for host in hosts:
        t.wait(lambda h=host: bond(t, h)["bond0"]["aggregator_ports"], lambda n: n == 2,
               f"{host.name}: LACP has both links")
    truth_net.agree(t, hosts)
    host = hosts[0]
    other = {row["mac"] for row in bond(t, hosts[1]).values()}
    check(bond(t, host)["bond0"]["partner_mac"] in other, "the LACP partner is the other host")
    active = bond(t, host)["bond1"]["active_slave"]
    for nic in (nic_on(host, "lb"), active):
        t.fault("link", host.name, nic, "off")
    t.wait(lambda: {n: b["paths_active"] for n, b in bond(t, host).items()}, lambda n: n == {"bond0": 1, "bond1": 1},
           "one link is left of each bond")
    check(bond(t, host)["bond1"]["active_slave"] not in (None, active), "the other link is the active one")
    truth_net.agree(t, hosts)
    for nic in (nic_on(host, "lb"), active):
        t.fault("link", host.name, nic, "on")
    t.wait(lambda: {n: b["paths_active"] for n, b in bond(t, host).items()}, lambda n: n == {"bond0": 2, "bond1": 2},
           "both bonds have both links")
    truth_net.agree(t, hosts)


def power_by_bmc(t, host, other):
    check(bmc.is_on(t.lab, host), "the BMC says that it is off")
    t.fault("bmc", host.name, "off")
    check(not host.on() and not bmc.is_on(t.lab, host) and bmc.is_on(t.lab, other), "it is off, and the other is on")
    t.wait_edge(host.name, "f1", ("unknown",), f"what {host.name} reaches is unknown")
    t.fault("bmc", host.name, "on")
    t.wait_booted([host], BOOT_S)
    t.wait_edge(host.name, "f1", ("ok", 2, 2), f"{host.name} is back with both paths")


def main():
    if not os.environ.get("MUSTER_LAB_FULL"):
        skip("the full suite of the lab is run by hand: MUSTER_LAB_FULL=1")
    contain()
    with TestLab(2, BOOT_S, storage=["fc"], bonds=True) as t:
        hosts = list(t.lab.hosts.values())
        for host in hosts:
            for lun in t.lab.luns:
                t.wait_edge(host.name, lun, ("ok", 2, 2), f"{host.name} sees {lun} over both paths")
        same_fabric(t, hosts)
        truth_net.agree(t, hosts)
        path_pulled(t, hosts[0])
        link_pulled(t, hosts)
        power_by_bmc(t, hosts[1], hosts[0])
        same_fabric(t, hosts)


main()
