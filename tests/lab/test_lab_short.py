# SPDX-License-Identifier: GPL-2.0-or-later
"""Two virtual hosts with the same two LUNs on two controllers each: what muster says is what each host's own
tools say; a path goes and comes back; a host loses its power and comes back as another boot."""
from lab_harness import TestLab, check, contain, limit
from truth import agree, same_pages

BOOT_S = 120
WHOLE_S = 320


def path_loss(t):
    t.fault("path", "n1", "s1", "b", "off")
    t.wait_edge("n1", "s1", ("degraded", 1), "n1 sees s1 over the other path alone")
    check(t.edge("n2", "s1") == ("ok", 2, 2), "the other host has both paths as before")
    check(t.edge("n1", "s2") == ("ok", 2, 2), "the other LUN has both paths as before")
    t.fault("path", "n1", "s1", "b", "on")
    t.wait_edge("n1", "s1", ("ok", 2, 2), "n1 sees s1 over both paths again")


def power_cycle(t):
    n2 = t.lab.host("n2")
    before = t.muster("node", "show", "n2")["node"]
    t.fault("power", "n2", "off")
    t.wait_edge("n2", "s1", ("unknown",), "what n2 reaches is unknown")
    check(t.edge("n1", "s1") == ("ok", 2, 2), "n1 is as before")
    t.fault("power", "n2", "on")
    t.wait_booted([n2], BOOT_S)
    t.wait_edge("n2", "s1", ("ok", 2, 2), "n2 is back with both paths")
    after = t.muster("node", "show", "n2")["node"]
    check(after["id"] == before["id"], "it is the same node")
    check(after["boot_id"] != before["boot_id"], "it is another boot")


def main():
    limit(WHOLE_S)
    contain()
    with TestLab(2, BOOT_S) as t:
        hosts = list(t.lab.hosts.values())
        for host in hosts:
            for lun in t.lab.luns:
                t.wait_edge(host.name, lun, ("ok", 2, 2), f"{host.name} sees {lun} over both paths")
        agree(t, hosts)
        pages = same_pages(hosts)
        check(pages == {"naa." + lun.naa: 4 for lun in t.lab.luns.values()}, f"paths by LUN: {pages}")
        path_loss(t)
        power_cycle(t)
        agree(t, hosts)


main()
