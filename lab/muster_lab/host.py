# SPDX-License-Identifier: GPL-2.0-or-later
"""One virtual host: the QEMU that is its hardware, and what is plugged into it.

What a fault took away is written in the host's record (`away`), so it stays away over a power cycle."""
import os
import signal
import uuid

from . import agent, network, processes
from .errors import LabError
from .qmp import Qmp

CONTROLLERS = ("a", "b")
# Xen's dom0 dies early under an emulated processor with SMAP or SMEP, its guests with RDTSCP.
XEN_CPU = "max,-smap,-smep,-rdtscp"
# So that a lab's hosts are the same ones each time.
NAMESPACE = uuid.UUID("5b1a8c0e-5f0e-4c69-8d4b-6d0d5e7c1ab5")


class Host:
    """`doc` is its part of the lab's record and is changed in place; `lab` gives folders, LUNs and namespace."""

    # An emulated processor on a busy machine takes many times what a worker has on a real one.
    probe_words = ("muster.worker-timeout=60s",)

    def __init__(self, lab, doc):
        self.lab = lab
        self.doc = doc
        self.name = doc["name"]
        self.number = doc["number"]
        self.folder = os.path.join(lab.folder, self.name)

    @classmethod
    def new(cls, lab, number, options):
        """Plugged: {slot: LUN} of the shared disks; a slot is a LUN number on both controllers. The processor is one
        model for all, or {host: model}."""
        cpu = options["cpu"]
        if isinstance(cpu, dict):
            options = {**options, "cpu": cpu.get(f"n{number}") or cpu.get("")}
        plugged = {str(i): name for i, name in enumerate(lab.shared_names(), 1)}
        return cls(lab, {"name": f"n{number}", "number": number, "process": None, "frozen": False,
                         "boots": 0, "bmc": None, "plugged": plugged, "away": [], "links_down": [], **options})

    @property
    def uuid(self):
        return str(uuid.uuid5(NAMESPACE, f"{self.lab.name}/{self.name}"))

    def on(self):
        return processes.alive(self.doc["process"])

    def console(self):
        """What the host has printed in all its boots."""
        try:
            with open(os.path.join(self.folder, "console.log"), errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def qmp(self):
        return Qmp(os.path.join(self.folder, "qmp.sock"))

    def shell(self, command, limit_s=agent.LIMIT_S):
        """CompletedProcess of a command in the host; raises agent.Silent when it does not answer."""
        return agent.run(self.folder, command, limit_s)

    # Hardware

    def segments(self):
        """Of the network, in the order of its NICs."""
        return ["lan", *(("sa", "sb") if "iscsi" in self.doc["storage"] else ()),
                *(network.FIBRE if "fc" in self.doc["storage"] else ()),
                *((*network.LACP, *network.BACKUP) if self.doc["bonds"] else ())]

    def nic_words(self, key, segments):
        """For the kernel's command line: the NICs on these segments, if it has them."""
        mine = self.segments()
        names = [f"eth{mine.index(s)}" for s in segments if s in mine]
        return [f"{key}={'+'.join(names)}"] if names else []

    def _kernel_words(self, token):
        do = "+".join([*(["bonds"] if self.doc["bonds"] else []), *self.doc["storage"],
                       *(["multipath"] if self.doc["multipath"] else []),
                       *(["witness"] if self.doc.get("witness") else [])])
        words = ["quiet", "net.ifnames=0", "panic=-1", "mitigations=off", "apparmor=0", "audit=0", "nokaslr",
                 f"lab.name={self.name}", f"lab.do={do}",
                 f"muster.connect={self.lab.listen}", f"muster.token={token}", f"muster.name={self.name}",
                 *self.probe_words]
        for nic, segment in enumerate(self.segments()):
            if segment in network.GATEWAY:
                words.append(f"lab.address=eth{nic}:{network.address(segment, self.number)}")
        words += [*self.nic_words("lab.fc", network.FIBRE), *self.nic_words("lab.lacp", network.LACP),
                  *self.nic_words("lab.backup", network.BACKUP)]
        return words + self.doc["append"]

    def _boot(self, token):
        tree, image = self.lab.tree(), self.lab.image_path
        words = " ".join(self._kernel_words(token))
        if not self.doc["xen"]:
            return ["-cpu", "max", "-kernel", tree.kernel, "-initrd", image,
                    "-append", "console=ttyS0 " + words]
        assert "," not in words, "QEMU divides modules by commas"
        return ["-cpu", self.doc["cpu"] or XEN_CPU, "-kernel", tree.xen,
                "-initrd", f"{tree.kernel} console=hvc0 {words},{image}",
                "-append", f"console=com1 dom0_mem={self.doc['memory_mib'] - 256 - self.doc['guest_mib']}M "
                "sched=credit loglvl=warning"]

    def _network(self):
        args = []
        for nic, segment in enumerate(self.segments()):
            name, mac = network.tap(self.number, segment), network.mac(self.number, segment)
            # LACP joins no link that has no speed.
            speed = "" if segment in network.GATEWAY else ",speed=10000,duplex=full"
            args += ["-netdev", f"tap,id=net{nic},ifname={name},script=no,downscript=no", "-device",
                     f"virtio-net-pci,id=nic{nic},netdev=net{nic},mac={mac},romfile={speed}"]
        return args

    def _backend(self, lun):
        return (f"driver=file,filename={lun.path},node-name={lun.name},cache.direct=on,"
                "cache.no-flush=off,locking=off,aio=threads")

    def disk(self, slot, controller):
        """QEMU's options of one path: the LUN that is plugged in `slot`, on one controller."""
        lun = self.lab.luns[self.doc["plugged"][slot]]
        return {"driver": "scsi-hd", "id": f"slot{slot}{controller}", "bus": f"hba{controller}.0",
                "channel": 0, "scsi-id": 0, "lun": int(slot), "drive": lun.name, "share-rw": True,
                "vendor": "LABVEND", "product": "LABARRAY", "ver": "0001", "serial": lun.serial,
                "device_id": lun.serial, "wwn": int(lun.wwn, 16),
                "port_wwn": 0x5001405ABC00AA00 + CONTROLLERS.index(controller) + 1,
                "port_index": CONTROLLERS.index(controller) + 1}

    def _storage(self):
        if "shared" not in self.doc["storage"]:
            return []
        args = []
        for controller in CONTROLLERS:
            args += ["-device", f"virtio-scsi-pci,id=hba{controller}"]
        for name in sorted({*self.lab.shared_names(), *self.doc["plugged"].values()}):
            args += ["-blockdev", self._backend(self.lab.luns[name])]
        for slot in self.doc["plugged"]:
            for controller in CONTROLLERS:
                disk = self.disk(slot, controller)
                if disk["id"] not in self.doc["away"]:
                    words = {**disk, "share-rw": "on", "wwn": hex(disk["wwn"]), "port_wwn": hex(disk["port_wwn"])}
                    driver = words.pop("driver")
                    args += ["-device", ",".join([driver, *(f"{k}={v}" for k, v in words.items())])]
        return args

    def _secrets(self):
        path = self.lab.chap_file()
        return ["-fw_cfg", f"name=opt/lab/chap,file={path}"] if path else []

    def log(self, what):
        """Path of a log of this boot alone."""
        return os.path.join(self.folder, f"{what}-{self.doc['boots']}.log")

    def _witness(self):
        """For who judges from outside: each SCSI command as the hardware gets it, with this machine's clock; and two
        ports of the host's own, one that is written to this machine as it comes, one that answers."""
        if not self.doc.get("witness"):
            return []
        return ["-msg", "timestamp=on", "-trace", "enable=scsi_req_parsed", "-trace", "enable=scsi_req_parsed_lba",
                "-D", self.log("commands"),
                "-chardev", f"file,id=kernel,path={self.log('kernel')}",
                "-device", "virtserialport,chardev=kernel,name=kernel",
                "-chardev", f"socket,id=clock,path={self.folder}/clock.sock,server=on,wait=off",
                "-device", "virtserialport,chardev=clock,name=clock"]

    def slow_down(self, slot, per_second):
        """Each path to what is plugged in `slot` takes no more requests than so many a second; 0: as many as come."""
        with self.qmp() as q:
            for controller in CONTROLLERS:
                q("block_set_io_throttle", {"id": f"slot{slot}{controller}", "iops": per_second, "iops_rd": 0, "iops_wr": 0,
                                            "bps": 0, "bps_rd": 0, "bps_wr": 0})

    def command(self, token):
        """QEMU's command line."""
        at = self.folder
        return ["qemu-system-x86_64", "-name", f"{self.lab.name}-{self.name}",
                "-accel", "tcg,thread=multi,tb-size=256", "-smp", str(self.doc["cpus"]),
                "-m", str(self.doc["memory_mib"]), "-display", "none", "-nodefaults", "-no-user-config",
                "-no-reboot", "-uuid", self.uuid,
                "-smbios", f"type=1,manufacturer=Lab,product=Virtual host,serial={self.name}",
                "-chardev", f"file,id=console,path={at}/console.log,append=on", "-serial", "chardev:console",
                "-qmp", f"unix:{at}/qmp.sock,server=on,wait=off", "-device", "virtio-serial-pci",
                "-chardev", f"socket,id=agent,path={at}/agent.sock,server=on,wait=off",
                "-device", "virtserialport,chardev=agent,name=lab",
                *self._witness(), *self._boot(token), *self._network(), *self._storage(), *self._secrets()]

    # Power

    def power_on(self, token):
        if self.on():
            raise LabError(f"{self.name} is on")
        os.makedirs(self.folder, exist_ok=True)
        self.doc["boots"] += 1
        self.doc["frozen"] = False
        self.doc["process"] = processes.start(self.command(token), os.path.join(self.folder, "qemu.log"),
                                              namespace=self.lab.namespace)
        processes.wait_until(self._answers, 20, f"{self.name}'s QEMU answers")
        for nic in self.doc["links_down"]:
            self.set_link(nic, False)

    def _answers(self):
        if not self.on():
            with open(os.path.join(self.folder, "qemu.log"), errors="replace") as f:
                raise LabError(f"{self.name}'s QEMU ended: {f.read().strip()[-500:]}")
        try:
            with self.qmp() as q:
                return q("query-status")
        except LabError:
            return None

    def power_off(self):
        """As by pulling the plug: the host gets no chance to do anything."""
        if self.doc["process"]:
            processes.end(self.doc["process"], signal.SIGKILL)
        self.doc["process"] = None
        for name in ("qmp.sock", "agent.sock", "clock.sock"):
            if os.path.exists(os.path.join(self.folder, name)):
                os.unlink(os.path.join(self.folder, name))

    def freeze(self, frozen):
        """A frozen host runs no instruction; its clocks stop too, as QEMU's do."""
        with self.qmp() as q:
            q("stop" if frozen else "cont")
        self.doc["frozen"] = frozen

    # Plugs

    def set_link(self, nic, up):
        """The carrier of one NIC."""
        with self.qmp() as q:
            q("set_link", {"name": f"nic{nic}", "up": up})
        self.doc["links_down"] = sorted({*self.doc["links_down"], nic} - ({nic} if up else set()))

    def unplug(self, slot, controller):
        ident = f"slot{slot}{controller}"
        if ident in self.doc["away"]:
            return
        if self.on():
            with self.qmp() as q:
                q("device_del", {"id": ident})
                q.wait_event("DEVICE_DELETED", lambda data: data.get("device") == ident)
        self.doc["away"] = sorted({*self.doc["away"], ident})

    def plug(self, slot, controller):
        disk = self.disk(slot, controller)
        if self.on() and (disk["id"] in self.doc["away"]):
            with self.qmp() as q:
                q("device_add", disk)
        self.doc["away"] = sorted({*self.doc["away"]} - {disk["id"]})

    def open_backend(self, lun):
        """Makes a LUN of this machine known to the running QEMU."""
        with self.qmp() as q:
            if lun.name not in {n["node-name"] for n in q("query-named-block-nodes")}:
                q("blockdev-add", {"driver": "file", "filename": lun.path, "node-name": lun.name,
                                   "locking": "off", "aio": "threads",
                                   "cache": {"direct": True, "no-flush": False}})
