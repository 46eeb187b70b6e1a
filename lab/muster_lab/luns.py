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
    def naa(self):
        """NAA 5 of a company id that is no company's, as the kernel's wwid has it."""
        return f"5001405abc{self.number:06x}"

    @property
    def serial(self):
        return f"LAB{self.number:08d}"

    def make(self):
        with open(self.path, "ab") as f:
            f.truncate(self.size)

    def to_json(self):
        return {"name": self.name, "number": self.number, "size": self.size}

    @classmethod
    def from_json(cls, doc, folder):
        return cls(doc["name"], doc["number"], doc["size"], folder)
