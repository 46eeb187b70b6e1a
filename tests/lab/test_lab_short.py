# SPDX-License-Identifier: GPL-2.0-or-later
"""Two hosts with the same two LUNs, over two paths each: what muster says is what each host's own tools say; a path
goes and comes back; a host loses its power and comes back as another boot."""
from lab_harness import TestLab, check, contain, limit, machine
from truth import agree, same_pages

BOOT_S = 120
WHOLE_S = 320


def path_loss(t, first, second):
    """Of one LUN where the disks are the host's own; else of both, by the link to a portal."""
    own = machine() == "qemu"
    fault = ("path", "n1", first, "b") if own else ("link", "n1", "eth2")
    t.fault(*fault, "off")
    t.wait_edge("n1", first, ("degraded", 1), f"n1 sees {first} over the other path alone")
    check(t.known_edge("n2", first) == ("ok", 2, 2), "the other host has both paths as before")
    if own:
        check(t.known_edge("n1", second) == ("ok", 2, 2), "the other LUN has both paths as before")
    else:
        t.wait_edge("n1", second, ("degraded", 1), f"n1 sees {second} over the other path alone")
    t.fault(*fault, "on")
    for lun in (first, second):
        t.wait_edge("n1", lun, ("ok", 2, 2), f"n1 sees {lun} over both paths again")


def power_cycle(t, lun):
    n2 = t.lab.host("n2")
    before = t.muster("node", "show", "n2")["node"]
    t.fault("power", "n2", "off")
    t.wait_edge("n2", lun, ("unknown",), "what n2 reaches is unknown")
    check(t.known_edge("n1", lun) == ("ok", 2, 2), "n1 is as before")
    t.fault("power", "n2", "on")
    t.wait_booted([n2], BOOT_S)
    t.wait_edge("n2", lun, ("ok", 2, 2), "n2 is back with both paths")
    after = t.muster("node", "show", "n2")["node"]
    check(after["id"] == before["id"], "it is the same node")
    check(after["boot_id"] != before["boot_id"], "it is another boot")


def main():
    limit(WHOLE_S)
    contain(machine())
    with TestLab(2, BOOT_S, machine=machine(), storage=["iscsi" if machine() == "uml" else "shared"]) as t:
        hosts = list(t.lab.hosts.values())
        for host in hosts:
            for lun in t.lab.luns:
                t.wait_edge(host.name, lun, ("ok", 2, 2), f"{host.name} sees {lun} over both paths")
        agree(t, hosts)
        pages = same_pages(hosts)
        check(pages == {"naa." + lun.naa: 4 for lun in t.lab.luns.values()}, f"paths by LUN: {pages}")
        path_loss(t, *t.lab.luns)
        power_cycle(t, next(iter(t.lab.luns)))
        agree(t, hosts)


main()
