# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults: what can go wrong with a lab's hardware, by name. Each is undone by the same fault with `on`."""
from . import bmc as bmcs
from . import luns
from .errors import LabError
from .host import CONTROLLERS


def _state(word):
    if word not in ("on", "off"):
        raise LabError(f"say on or off, not {word}")
    return word == "on"


def _slot(host, name):
    """Where a shared LUN is plugged."""
    for slot, plugged in host.doc["plugged"].items():
        if plugged == name:
            return slot
    raise LabError(f"{name} is not a shared LUN of {host.name}")


def _everyone(lab, name):
    return list(lab.hosts.values()) if name == "all" else [lab.host(name)]


def link(lab, name, nic, state):
    """The carrier of one NIC of a host."""
    if not nic.startswith("eth") or nic[3:] not in [str(i) for i in range(len(lab.host(name).segments()))]:
        raise LabError(f"{name} has no {nic}")
    lab.host(name).set_link(int(nic[3:]), _state(state))


def path(lab, name, lun, controller, state):
    """One path to a shared LUN: the disk goes from one controller."""
    if controller not in CONTROLLERS:
        raise LabError(f"controllers are {' and '.join(CONTROLLERS)}")
    for host in _everyone(lab, name):
        slot = _slot(host, lun)
        (host.plug if _state(state) else host.unplug)(slot, controller)


def lun(lab, name, lun_name, state):
    """All paths of a host to a shared LUN; of an iSCSI LUN its mapping on the target (host: all)."""
    if lab.lun(lun_name).name.startswith("i"):
        return _iscsi_lun(lab, name, lun_name, _state(state))
    for controller in CONTROLLERS:
        path(lab, name, lun_name, controller, state)
    return None


def _iscsi_lun(lab, name, lun_name, on):
    if name != "all":
        raise LabError("an iSCSI LUN is mapped for all hosts: say all")
    mapped = {n: number for number, n in lab.target.doc["mapped"].items()}
    if on and lun_name not in mapped:
        lab.target.map(lun_name[1:], lun_name)
    elif not on and lun_name in mapped:
        lab.target.unmap(mapped[lun_name])


def portal(lab, number, state):
    """One portal of the iSCSI target, as behind a dead switch."""
    if lab.target is None or number not in ("1", "2"):
        raise LabError("portals are 1 and 2, in a lab with iSCSI")
    lab.target.set_portal(int(number), _state(state))


def power(lab, name, state):
    """Power of a host: off pulls the plug, on boots it anew, cycle does both."""
    if state not in ("on", "off", "cycle"):
        raise LabError("say on, off or cycle")
    for host in _everyone(lab, name):
        if state != "on":
            host.power_off()
            lab.save()
        if state != "off":
            lab.power_on(host)


def bmc(lab, name, state):
    """The same by way of the host's BMC, as a fence does it: ipmitool, RMCP+."""
    for host in _everyone(lab, name):
        bmcs.power(lab, host, state)


def freeze(lab, name):
    """A host stops between two instructions."""
    for host in _everyone(lab, name):
        host.freeze(True)


def thaw(lab, name):
    """A frozen host goes on."""
    for host in _everyone(lab, name):
        host.freeze(False)


def add(lab, kind, size_mib="256"):
    """A new LUN for all hosts, shared or iscsi."""
    if kind not in ("shared", "iscsi"):
        raise LabError("say shared or iscsi")
    new = lab.new_lun(kind[0], int(size_mib) * luns.MIB)
    if kind == "iscsi":
        lab.target.map(new.name[1:], new.name)
        return
    for host in lab.hosts.values():
        slot = new.name[1:]
        host.doc["plugged"][slot] = new.name
        host.doc["away"] += [f"slot{slot}{c}" for c in CONTROLLERS]
        if host.on():
            host.open_backend(new)
        for controller in CONTROLLERS:
            host.plug(slot, controller)


def grow(lab, name, size_mib):
    """A LUN gets larger; hosts with it on a SCSI controller are told, those with iSCSI are not."""
    what = lab.lun(name)
    size = int(size_mib) * luns.MIB
    if size <= what.size:
        raise LabError(f"{name} has {what.size // luns.MIB} MiB already")
    what.size = size
    what.make()
    if name.startswith("i"):
        number = next(n for n, plugged in lab.target.doc["mapped"].items() if plugged == name)
        lab.target.resize(number)
        return
    for host in lab.hosts.values():
        if host.on():
            with host.qmp() as q:
                q("block_resize", {"node-name": name, "size": size})


def remap(lab, name, lun_name):
    """Another LUN, new and of the same size, at the same address: on the target without a word to the hosts
    (iSCSI, host: all), or on one host's controllers."""
    old = lab.lun(lun_name)
    if lun_name.startswith("i"):
        number = next(n for n, plugged in lab.target.doc["mapped"].items() if plugged == lun_name)
        new = lab.new_lun("i", old.size)
        lab.target.unmap(number)
        lab.target.map(number, new.name)
        return
    new = lab.new_lun("s", old.size)
    for host in _everyone(lab, name):
        slot = _slot(host, lun_name)
        for controller in CONTROLLERS:
            host.unplug(slot, controller)
        host.doc["plugged"][slot] = new.name
        if host.on():
            host.open_backend(new)
        for controller in CONTROLLERS:
            host.plug(slot, controller)


# name: (function, arguments, example)
TABLE = {
    "link": (link, "HOST NIC on|off", "link n1 eth1 off"),
    "path": (path, "HOST|all LUN a|b on|off", "path n1 s1 b off"),
    "lun": (lun, "HOST|all LUN on|off", "lun n2 s1 off"),
    "portal": (portal, "1|2 on|off", "portal 2 off"),
    "power": (power, "HOST|all on|off|cycle", "power n2 cycle"),
    "bmc": (bmc, "HOST|all on|off|cycle", "bmc n2 off"),
    "freeze": (freeze, "HOST|all", "freeze n1"),
    "thaw": (thaw, "HOST|all", "thaw n1"),
    "add": (add, "shared|iscsi [MIB]", "add shared 512"),
    "grow": (grow, "LUN MIB", "grow s1 512"),
    "remap": (remap, "HOST|all LUN", "remap all i1"),
}


def inject(lab, name, args):
    """Runs a fault by name and records what it changed."""
    if name not in TABLE:
        raise LabError(f"there is no fault {name}; there are: {', '.join(TABLE)}")
    function, words, example = TABLE[name]
    fewest = sum(not w.startswith("[") for w in words.split())
    if not fewest <= len(args) <= len(words.split()):
        raise LabError(f"usage: lab fault {name} {words}, as in: lab fault {example}")
    try:
        function(lab, *args)
    finally:
        if name != "bmc":  # what that has changed others have recorded
            lab.save()
