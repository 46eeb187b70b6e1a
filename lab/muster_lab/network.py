# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's network: a namespace with a bridge for each segment, to which the hosts' NICs are tapped. The
coordinator and the iSCSI target have their addresses on the bridges themselves."""
import os
import subprocess

from .errors import LabError

# In the order of the hosts' NICs. The storage segments are one to a portal.
SEGMENTS = ("lan", "sa", "sb")
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


def mac(number, nic):
    return f"52:54:00:98:{nic:02x}:{number:02x}"


def tap(number, nic):
    return f"n{number}-{SEGMENTS[nic]}"


def make(ns):
    """The namespace with its bridges. Frames of VLANs pass; nothing leaves the machine."""
    _ip("netns", "add", ns)
    _ip("-n", ns, "link", "set", "lo", "up")
    for segment in SEGMENTS:
        _ip("-n", ns, "link", "add", segment, "type", "bridge", "stp_state", "0", "mcast_snooping", "0")
        _ip("-n", ns, "addr", "add", GATEWAY[segment] + "/24", "dev", segment)
        _ip("-n", ns, "link", "set", segment, "up")


def add_host(ns, number, nics):
    for nic in range(nics):
        name = tap(number, nic)
        _ip("-n", ns, "tuntap", "add", "dev", name, "mode", "tap")
        _ip("-n", ns, "link", "set", name, "master", SEGMENTS[nic], "up")


def set_segment(ns, segment, up):
    """A segment that is down carries nothing, and its hosts' links stay up: as behind a dead switch."""
    _ip("-n", ns, "link", "set", segment, "up" if up else "down")


def remove(ns):
    if exists(ns):
        _ip("netns", "del", ns)
