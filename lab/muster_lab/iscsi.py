# SPDX-License-Identifier: GPL-2.0-or-later
"""The iSCSI target: tgtd out of the Debian tree, in the lab's namespace, with a portal on each storage segment
and CHAP."""
import os
import secrets
import subprocess

from . import network, processes
from .errors import LabError

TARGET = "iqn.2010-01.test.muster:lab"
PORTALS = (network.GATEWAY["sa"], network.GATEWAY["sb"])
CONTROL = 7  # tgtd's control port; its socket's name has it at the end
FIRST_TID = 1


class Target:
    """`doc` is its part of the lab's record: the process, and which LUN is at which LUN number."""

    def __init__(self, lab, doc):
        self.lab = lab
        self.doc = doc

    @classmethod
    def new(cls, lab, names):
        return cls(lab, {"process": None, "mapped": {str(i): n for i, n in enumerate(names, 1)},
                         "portals_off": []})

    def chap_file(self):
        return os.path.join(self.lab.folder, "chap")

    def make_secret(self):
        """User and password, for tgtd and, through the firmware, for the hosts."""
        fd = os.open(self.chap_file(), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(fd, "w") as f:
            f.write(f"labuser {secrets.token_hex(8)}\n")

    def secret(self):
        with open(self.chap_file()) as f:
            return f.read().split()

    def _environment(self):
        return {"TGT_IPC_SOCKET": os.path.join(self.lab.folder, "tgtd")}

    def admin(self, *args):
        """Output of tgtadm."""
        command = self.lab.tree().command("usr/sbin/tgtadm", "-C", str(CONTROL), "--lld", "iscsi", *args)
        r = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                           env={**os.environ, **self._environment()}, timeout=30)
        if r.returncode != 0:
            raise LabError(f"tgtadm {' '.join(args[:4])}: {(r.stderr or r.stdout).strip()}")
        return r.stdout

    def start(self):
        command = self.lab.tree().command("usr/sbin/tgtd", "-f", "-C", str(CONTROL), "--iscsi",
                                          f"portal={PORTALS[0]}:3260")
        self.doc["process"] = processes.start(command, os.path.join(self.lab.folder, "tgtd.log"),
                                              namespace=self.lab.namespace, env=self._environment())
        processes.wait_until(self._answers, 10, "tgtd answers")
        for portal in PORTALS[1:]:
            self.admin("--op", "new", "--mode", "portal", "--param", f"portal={portal}:3260")
        self.admin("--op", "new", "--mode", "target", "--tid", str(FIRST_TID), "-T", TARGET)
        for number, name in self.doc["mapped"].items():
            self.map(number, name)
        self.admin("--op", "bind", "--mode", "target", "--tid", str(FIRST_TID), "-I", "ALL")
        user, password = self.secret()
        self.admin("--op", "new", "--mode", "account", "--user", user, "--password", password)
        self.admin("--op", "bind", "--mode", "account", "--tid", str(FIRST_TID), "--user", user)

    def _answers(self):
        if not processes.alive(self.doc["process"]):
            raise LabError("tgtd ended: see tgtd.log in " + self.lab.folder)
        try:
            return self.admin("--op", "show", "--mode", "sys") or True
        except LabError:
            return None

    def map(self, number, name):
        """Presents a LUN at a LUN number."""
        lun = self.lab.luns[name]
        unit = ("--mode", "logicalunit", "--tid", str(FIRST_TID), "--lun", str(number))
        self.admin("--op", "new", *unit, "-b", lun.path)
        self.admin("--op", "update", *unit, "--params",
                   "vendor_id=LABVEND,product_id=LABARRAY,product_rev=0001,"
                   f"scsi_id={lun.wwn},scsi_sn={lun.serial}")
        self.doc["mapped"][str(number)] = name

    def unmap(self, number):
        """Takes a LUN away, also from sessions that use it."""
        self.admin("--op", "delete", "--mode", "logicalunit", "--tid", str(FIRST_TID), "--lun", str(number))
        self.doc["mapped"].pop(str(number), None)

    def resize(self, number):
        """tgtd looks at a LUN's size when it is opened: it goes and comes back, as the same LUN."""
        name = self.doc["mapped"][str(number)]
        self.unmap(number)
        self.map(number, name)

    def set_portal(self, number, up):
        """A portal that is off answers nothing, as behind a dead switch: hosts' links stay up."""
        network.set_segment(self.lab.namespace, ("sa", "sb")[number - 1], up)
        self.doc["portals_off"] = sorted({*self.doc["portals_off"], number} - ({number} if up else set()))

    def end(self):
        if self.doc["process"]:
            processes.end(self.doc["process"])
        self.doc["process"] = None
