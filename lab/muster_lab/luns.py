# SPDX-License-Identifier: GPL-2.0-or-later
"""LUNs: sparse files of this machine, with the identity that the hosts shall see."""
import os

MIB = 1 << 20


class Lun:
    """`number` makes its identity: the same number has the same WWN and serial on every host and path."""

    def __init__(self, name, number, size, folder):
        self.name = name
        self.number = number
        self.size = size  # bytes
        self.path = os.path.join(folder, name + ".raw")

    @property
    def wwn(self):
        """NAA 5, 16 digits."""
        return f"5001405abc{self.number:06x}"

    @property
    def naa(self):
        """What the kernel calls it after "naa.". tgtd makes an NAA 6 of the wwn that it is given, the kernel's
        target one of the hexadecimal digits in the serial number."""
        if self.name.startswith("f"):
            return "6001405" + self.serial
        return self.wwn if self.name.startswith("s") else "6" + self.wwn.rjust(31, "0")

    @property
    def serial(self):
        return f"{self.number:025x}" if self.name.startswith("f") else f"LAB{self.number:08d}"

    def make(self):
        with open(self.path, "ab") as f:
            f.truncate(self.size)

    def to_json(self):
        return {"name": self.name, "number": self.number, "size": self.size}

    @classmethod
    def from_json(cls, doc, folder):
        return cls(doc["name"], doc["number"], doc["size"], folder)
