# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab's tests of scans put into file systems, and what tells that a LUN has changed."""
import hashlib
import os
import struct

QCOW2 = (b"QFI\xfb" + struct.pack(">IQIIQIIQQIIQ", 3, 0, 0, 16, 1 << 30, 0, 16, 65536, 131072, 1, 0, 0) +
         bytes(24) + struct.pack(">II", 4, 104))
# A partition table with one partition.
RAW = bytes(446) + b"\0\0\2\0\x83\0\0\0" + struct.pack("<II", 64, 1000) + bytes(48) + b"\x55\xaa"


def write(path, head, size):
    with open(path, "wb") as f:
        f.write(head)
        f.truncate(size)
        f.flush()
        os.fsync(f.fileno())


def qcow2(path):
    write(path, QCOW2, 1 << 18)


def digests(t):
    """Of each LUN, as this machine has it."""
    out = {}
    for lun in t.lab.luns.values():
        with open(lun.path, "rb") as f:
            out[lun.name] = hashlib.file_digest(f, "sha256").hexdigest()
    return out
