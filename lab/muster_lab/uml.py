# SPDX-License-Identifier: GPL-2.0-or-later
"""A host whose kernel is a process of this machine (User-mode Linux): programs run at this machine's own speed, system
calls a few times slower, and device-mapper, iSCSI and multipath are the kernel's own. It has no Xen, no PCI, no firmware
and one processor; its storage is iSCSI. Its clock does not stand while it is frozen.

It lives in a namespace of processes of its own, with its parent in the record: when that ends, all of it does."""
import os
import shutil
import signal
import subprocess
import tempfile

from . import agent, network, processes
from .errors import LabError, Unavailable
from .host import Host

# Its memory is files there.
MEMORY = "/dev/shm"
BEGUN = "Linux version"
TRIAL_S = 30


def require(tree, bytes_of_memory):
    """Raises Unavailable where such a kernel does not run: without ptrace(2), or without memory for it."""
    room = os.statvfs(MEMORY)
    if room.f_bavail * room.f_frsize < bytes_of_memory:
        raise Unavailable(f"{MEMORY} has no room for {bytes_of_memory >> 20} MiB, the memory of the hosts")
    with tempfile.TemporaryDirectory() as folder:  # it ends by itself, since it has no root
        try:
            out = subprocess.run([tree.uml, "mem=64M", "con=null", "con0=null,fd:1", "root=none", f"uml_dir={folder}/"],
                                 check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, timeout=TRIAL_S, start_new_session=True).stdout
        except subprocess.TimeoutExpired as e:
            raise Unavailable(f"a kernel that is a process does not get to an end here in {TRIAL_S} s") from e
    lines = out.decode(errors="replace").strip().splitlines()
    if not any(line.startswith(BEGUN) for line in lines):
        raise Unavailable("a kernel cannot be a process here: " + (lines or ["it says nothing"])[-1])


class UmlHost(Host):
    probe_words = ()

    def shell(self, command, limit_s=agent.LIMIT_S):
        if not self.on():
            raise agent.Silent(f"{self.name} is off")
        return super().shell(command, limit_s)

    def _secrets(self):
        path = self.lab.chap_file()
        return [f"lab.chap={path}"] if path else []

    def _network(self):
        return [f"eth{nic}=tuntap,{network.tap(self.number, segment)},{network.mac(self.number, segment)}"
                for nic, segment in enumerate(self.segments())]

    def command(self, token):
        kernel = [self.lab.tree().uml, f"mem={self.doc['memory_mib']}M", f"initrd={self.lab.image_path}",
                  f"umid={self.lab.name}-{self.name}", f"uml_dir={self.folder}/", "con=null", "con0=null,fd:1",
                  "ssl=null", "ssl0=fd:8,fd:9", *self._network(), "lab.agent=/dev/ttyS0", *self._secrets(),
                  f"muster.node_id={self.uuid}", *self._kernel_words(token)]
        # The lines stay open on both sides, so that nobody waits for the other to open them.
        return ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c",
                f'exec 8<>"$0/{agent.LINE_IN}" 9<>"$0/{agent.LINE_OUT}"; exec "$@"', self.folder, *kernel]

    def power_on(self, token):
        if self.on():
            raise LabError(f"{self.name} is on")
        os.makedirs(self.folder, exist_ok=True)
        # What the kernel of an earlier boot has said of itself is taken for another one that runs.
        shutil.rmtree(os.path.join(self.folder, f"{self.lab.name}-{self.name}"), ignore_errors=True)
        for name in (agent.LINE_IN, agent.LINE_OUT):
            path = os.path.join(self.folder, name)
            if os.path.exists(path):
                os.unlink(path)
            os.mkfifo(path, 0o600)
        self.doc["boots"] += 1
        self.doc["frozen"] = False
        self.doc["process"] = processes.start(self.command(token), os.path.join(self.folder, "console.log"),
                                              namespace=self.lab.namespace)
        for nic in self.doc["links_down"]:
            self.set_link(nic, False)

    def power_off(self):
        if self.doc["process"]:
            processes.end(self.doc["process"], signal.SIGKILL)
        self.doc["process"] = None

    def _kernel_pid(self):
        """The first process of its namespace, which traces all others."""
        with open(f"/proc/{self.doc['process']['pid']}/task/{self.doc['process']['pid']}/children") as f:
            return int(f.read().split()[0])

    def freeze(self, frozen):
        os.kill(self._kernel_pid(), signal.SIGSTOP if frozen else signal.SIGCONT)
        self.doc["frozen"] = frozen

    def set_link(self, nic, up):
        """Nothing goes through; the host's own link stays up, as behind a dead switch."""
        tap = network.tap(self.number, self.segments()[nic])
        subprocess.run(["ip", "-n", self.lab.namespace, "link", "set", tap, "up" if up else "down"], check=True)
        self.doc["links_down"] = sorted({*self.doc["links_down"], nic} - ({nic} if up else set()))

    def _has_no(self, *_):
        raise LabError(f"{self.name} has no SCSI controllers: its LUNs are the target's")

    plug = unplug = open_backend = qmp = slow_down = _has_no
