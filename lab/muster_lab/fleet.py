# SPDX-License-Identifier: GPL-2.0-or-later
"""A lab as a whole: its hosts, coordinator, LUNs and network, and the record of what it has started."""
import json
import os
import shutil
import subprocess

from . import image as images
from . import bmc, fc, iscsi, luns, network, places, processes, uml
from .debian import require_programs
from .errors import LabError
from .host import Host

STORAGE = ("shared", "iscsi", "fc")
MACHINES = {"qemu": Host, "uml": uml.UmlHost}
PORT = 7411


class Lab:
    """One lab, by name. `load` for one that runs, `up` for a new one; each change is recorded at once, so that
    `down` finds everything even when the maker was killed half way."""

    def __init__(self, name="lab"):
        self.name = name
        self.folder = places.run_dir(name)
        self.namespace = network.namespace(name)
        self.record = os.path.join(self.folder, "lab.json")
        self.image_path = os.path.join(self.folder, "image.cpio")
        self.listen = f"tcp://{network.GATEWAY['lan']}:{PORT}"
        self.client = f"ipc://{self.folder}/client.sock"
        self.hosts = {}
        self.luns = {}
        self.target = None
        self.fc_target = None
        self.coordinator = None
        self.build = places.build_dir()
        self._tree = None

    # The record

    @classmethod
    def load(cls, name="lab"):
        lab = cls(name)
        try:
            with open(lab.record) as f:
                doc = json.load(f)
        except FileNotFoundError:
            raise LabError(f"no lab {name} is up: start one with lab/lab up") from None
        lab.build = doc["build"]
        lab.coordinator = doc["coordinator"]
        lab.luns = {d["name"]: luns.Lun.from_json(d, lab.folder) for d in doc["luns"]}
        lab.target = iscsi.Target(lab, doc["target"]) if doc["target"] else None
        lab.fc_target = fc.Target(lab, doc["fc_target"]) if doc["fc_target"] else None
        lab.hosts = {d["name"]: MACHINES[d.get("machine", "qemu")](lab, d) for d in doc["hosts"]}
        return lab

    def look_again(self):
        """What another process has changed of the hosts: their BMCs are processes of their own."""
        with open(self.record) as f:
            for doc in json.load(f)["hosts"]:
                self.hosts[doc["name"]].doc.update(doc)

    def save(self):
        doc = {"name": self.name, "build": self.build, "coordinator": self.coordinator,
               "luns": [lun.to_json() for lun in self.luns.values()],
               "target": self.target.doc if self.target else None,
               "fc_target": self.fc_target.doc if self.fc_target else None,
               "hosts": [h.doc for h in self.hosts.values()]}
        places.write_atomically(self.record, json.dumps(doc, indent=1).encode())

    def tree(self):
        if self._tree is None:
            self._tree = images.debian_tree()
        return self._tree

    def chap_file(self):
        return self.target.chap_file() if self.target else None

    def host(self, name):
        if name not in self.hosts:
            raise LabError(f"there is no host {name}; there are: {', '.join(self.hosts)}")
        return self.hosts[name]

    def lun(self, name):
        if name not in self.luns:
            raise LabError(f"there is no LUN {name}; there are: {', '.join(self.luns)}")
        return self.luns[name]

    # LUNs

    def shared_names(self):
        return [name for name in self.luns if name.startswith("s")]

    def new_lun(self, kind, size):
        """Makes the next LUN of a kind, "s" (shared), "i" (iSCSI) or "f" (Fibre Channel). It is not plugged anywhere yet."""
        count = sum(name.startswith(kind) for name in self.luns) + 1
        lun = luns.Lun(f"{kind}{count}", "sif".index(kind) * 0x1000 + count, size, self.folder)
        lun.make()
        self.luns[lun.name] = lun
        self.save()
        return lun

    # Up and down

    def up(self, count, options, lun_count=2, lun_size=256 * luns.MIB, say=print, fill=None, settings=()):
        """Starts everything and returns while the hosts boot; `wait` waits for them. `fill` gets the lab when
        its LUNs are there and before anybody sees them. `settings` are the coordinator's: KEY=VALUE."""
        require_programs(options["machine"])
        image = images.build(say, options["guest_mib"] > 0, options["machine"])
        if options["machine"] == "uml":
            uml.require(image.tree, count * options["memory_mib"] << 20)
        if os.path.exists(self.folder) or network.exists(self.namespace):
            raise LabError(f"lab {self.name} is up, or was not ended: end it with lab/lab down")
        os.makedirs(self.folder, mode=0o700)
        self._tree = image.tree
        self.save()
        image.write(self.image_path)
        network.make(self.namespace)
        for kind in [k for k in STORAGE if k in options["storage"]]:
            for _ in range(lun_count):
                self.new_lun(kind[0], lun_size)
        if fill is not None:
            fill(self)
        if "iscsi" in options["storage"]:
            self.target = iscsi.Target.new(self, [n for n in self.luns if n.startswith("i")])
            self.target.make_secret()
            self.target.start()
            self.save()
        if "fc" in options["storage"]:
            self.start_fc(count)
        self.start_coordinator(settings)
        bmc.make_secret(self.folder)
        for number in range(1, count + 1):
            host = MACHINES[options["machine"]].new(self, number, options)
            self.hosts[host.name] = host
            network.add_host(self.namespace, number, host.segments())
            network.add_bmc(self.namespace, number)
            bmc.start(self, host)
        self.save()
        for host in self.hosts.values():
            self.power_on(host)

    def start_fc(self, count):
        """The target is a host of its own, since this machine's kernel need know nothing of it."""
        self.fc_target = fc.Target.new(self, [n for n in self.luns if n.startswith("f")], count)
        network.add_host(self.namespace, self.fc_target.number, self.fc_target.segments())
        try:
            self.fc_target.power_on(None)
        finally:
            self.save()

    def start_coordinator(self, settings=()):
        command = [os.path.join(self.build, "coordinator/muster-coordinator"), "--state-dir",
                   os.path.join(self.folder, "state"), "--listen", self.listen, "--client-ipc", self.client,
                   *(word for setting in settings for word in ("--set", setting))]
        self.coordinator = processes.start(command, os.path.join(self.folder, "coordinator.log"),
                                           namespace=self.namespace)
        self.save()
        processes.wait_until(lambda: self.muster("status").returncode == 0, 20, "the coordinator answers")

    def power_on(self, host):
        """With a fresh token that only it may use: each boot enrols anew, and ends what the one before had."""
        r = self.muster("token", "create", "--ttl", "1h", "--node", host.uuid)
        if r.returncode != 0:
            raise LabError(f"no token for {host.name}: {r.stderr.strip()}")
        try:
            host.power_on(r.stdout.strip())
        finally:
            self.save()

    def muster(self, *args, limit_s=60):
        """The command line, as it is used outside the hosts."""
        return subprocess.run([os.path.join(self.build, "cli/muster"), "--connect", self.client, *args],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=limit_s)

    def wait(self, limit_s=300):
        """Until every host that is on is up in the matrix. Raises when one ends before that."""
        def all_up():
            for h in self.hosts.values():
                if h.doc["process"] and not h.on():
                    raise LabError(f"{h.name} ended while booting: see {h.folder}/console.log")
            count = sum(h.on() for h in self.hosts.values())
            return self.muster("wait", "--nodes", str(count), "--timeout", "5s").returncode == 0
        processes.wait_until(all_up, limit_s, "all hosts are up and have reported")

    def down(self):
        """Ends what the lab has started, by its record, and removes what it has made."""
        for host in self.hosts.values():
            bmc.end(host)
            host.power_off()
        if self.fc_target:
            self.fc_target.power_off()
        if self.target:
            self.target.end()
        if self.coordinator:
            processes.end(self.coordinator)
        network.remove(self.namespace)
        shutil.rmtree(self.folder, ignore_errors=True)
