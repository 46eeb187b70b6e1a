# SPDX-License-Identifier: GPL-2.0-or-later
"""The Fibre Channel target: a virtual host whose kernel offers disks (LIO, tcm_fc) by FCoE, port to port (VN2VN),
on two segments. FCoE is Fibre Channel to the kernel: fc_host, fc_remote_ports, link loss."""
from . import network
from .host import Host

NUMBER = 90  # beyond those of the hosts
MEMORY_MIB = 448


def port_name(mac):
    """The WWPN that fcoe makes of a NIC's address (fcoe_wwn_from_mac, scheme 2)."""
    return "20:00:" + mac


class Target(Host):
    """A host without probe and address."""

    @classmethod
    def new(cls, lab, names, hosts):
        """Offers LUNs to the first so many hosts."""
        return cls(lab, {"name": "t1", "number": NUMBER, "process": None, "frozen": False, "boots": 0, "plugged": {},
                         "away": [], "links_down": [], "storage": [], "bonds": False, "xen": False, "cpus": 1,
                         "memory_mib": MEMORY_MIB, "names": names, "hosts": hosts})

    def segments(self):
        return list(network.FIBRE)

    def _kernel_words(self, token):
        ports = [port_name(network.mac(number, segment)) for number in range(1, self.doc["hosts"] + 1)
                 for segment in network.FIBRE]
        return ["quiet", "net.ifnames=0", "panic=-1", "mitigations=off", "apparmor=0", "audit=0", "nokaslr",
                f"lab.name={self.name}", "lab.do=fc-target", f"lab.ports={'+'.join(ports)}",
                *self.nic_words("lab.fc", network.FIBRE)]

    def _storage(self):
        """A disk to a LUN, by whose serial number it is found."""
        args = []
        for name in self.doc["names"]:
            lun = self.lab.luns[name]
            # Of the 25 characters of its serial number virtio has room for 20; the others are zeros.
            args += ["-blockdev", self._backend(lun),
                     "-device", f"virtio-blk-pci,drive={lun.name},serial={lun.serial[-20:]}"]
        return args

    def _secrets(self):
        return []
