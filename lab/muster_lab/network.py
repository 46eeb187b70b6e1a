# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's network: a namespace with a bridge for each segment, to which the hosts' NICs are tapped. The
coordinator, the iSCSI target and the BMCs have their addresses on the bridges themselves."""
import os
import subprocess

from .errors import LabError

# In the order of the hosts' NICs; a host has those that it needs. iSCSI has a segment to a portal (sa, sb), Fibre
# Channel over Ethernet one to a port of the target (fa, fb). A bond with LACP has its partner in another host, with
# a segment to a link (la, lb) for each two hosts; an active-backup bond has both its links on one (ka, kb: k).
SEGMENTS = ("lan", "sa", "sb", "fa", "fb", "la", "lb", "ka", "kb")
FIBRE, LACP, BACKUP = ("fa", "fb"), ("la", "lb"), ("ka", "kb")
FCOE_MTU = 2500
LACP_ALONE = 1 << 2  # of the addresses that a bridge keeps to itself, that of LACP goes through
GATEWAY = {"lan": "10.98.0.1", "sa": "10.98.1.1", "sb": "10.98.2.1"}


def _ip(*args):
    r = subprocess.run(["ip", *args], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if r.returncode != 0:
        raise LabError(f"ip {' '.join(args)}: {r.stderr.strip()}")


def namespace(lab):
    return f"muster-lab-{lab}"


def exists(ns):
    return os.path.exists(f"/run/netns/{ns}")


def address(segment, number):
    """The address of host `number` (from 1) on a segment, with its prefix length."""
    return GATEWAY[segment].rpartition(".")[0] + f".{10 + number}/24"


def bmc_address(number):
    return GATEWAY["lan"].rpartition(".")[0] + f".{100 + number}"


def mac(number, segment):
    return f"52:54:00:98:{SEGMENTS.index(segment):02x}:{number:02x}"


def tap(number, segment):
    return f"n{number}-{segment}"


def _bridge(number, segment):
    """The bridge that a host's NIC on a segment is tapped to."""
    if segment in LACP:
        return f"{segment}{(number + 1) // 2}"
    return "k" if segment in BACKUP else segment


def make(ns):
    """The namespace with its bridges. Frames of VLANs pass; nothing leaves the machine."""
    _ip("netns", "add", ns)
    _ip("-n", ns, "link", "set", "lo", "up")
    for segment, gateway in GATEWAY.items():
        _make_bridge(ns, segment)
        _ip("-n", ns, "addr", "add", gateway + "/24", "dev", segment)


def _make_bridge(ns, name):
    _ip("-n", ns, "link", "add", name, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
    _ip("-n", ns, "link", "set", name, "up")


def _has(ns, name):
    return subprocess.run(["ip", "-n", ns, "link", "show", name], capture_output=True, check=False).returncode == 0


def add_host(ns, number, segments):
    for segment in segments:
        name, bridge = tap(number, segment), _bridge(number, segment)
        if not _has(ns, bridge):
            _make_bridge(ns, bridge)
        _ip("-n", ns, "tuntap", "add", "dev", name, "mode", "tap")
        if segment in FIBRE:
            _ip("-n", ns, "link", "set", name, "mtu", str(FCOE_MTU))
        _ip("-n", ns, "link", "set", name, "master", bridge, "up")
        if segment in LACP:
            _ip("-n", ns, "link", "set", name, "type", "bridge_slave", "group_fwd_mask", str(LACP_ALONE))


def add_bmc(ns, number):
    _ip("-n", ns, "addr", "add", bmc_address(number) + "/24", "dev", "lan")


def set_segment(ns, segment, up):
    """A segment that is down carries nothing, and its hosts' links stay up: as behind a dead switch."""
    _ip("-n", ns, "link", "set", segment, "up" if up else "down")


def remove(ns):
    if exists(ns):
        _ip("netns", "del", ns)
