# SPDX-License-Identifier: GPL-2.0-or-later
"""Times from a host's kernel to the coordinator's matrix. The kernel's word is taken where it is made (a probe on
dev_uevent, which fills an announcement), on the host's clock; the coordinator's is the time of its event. What lies
between the two clocks is measured."""
import datetime
import os
import re
import select
import threading
import time

from muster_lab.errors import LabError

STAMPS = 40
TRACE = "/sys/kernel/tracing"
# 540: of struct kobj_uevent_env, where its text begins, with the action.
START = f"""
mountpoint -q {TRACE} || mount -t tracefs tracefs {TRACE}
cd {TRACE} &&
echo 'p:uevent dev_uevent name=+0(+0(%di)):string action=+540(%si):string' >kprobe_events &&
echo tai >trace_clock && echo 1 >events/kprobes/uevent/enable
"""
# To the console, since that reaches this machine at once; a tick between them, without a process.
TELL = "for ((i = 0; i < %d; i++)); do echo \"CLOCK $EPOCHREALTIME\" >/dev/console; read -rt 0.05 <>/run/lab/never; done"
LINE = re.compile(r"(\d+\.\d+): uevent: \(.*\) name=\"(.*)\" action=\"ACTION=(.*)\"")


class Kernel:
    """What the kernel of a host announces, and when by this machine's clock."""

    def __init__(self, host):
        self.host = host
        r = host.shell(START)
        if r.returncode != 0:
            raise LabError(f"{host.name}'s kernel cannot be traced: {r.stderr}")
        self.ahead_s = self._ahead()

    def _ahead(self):
        """How far this machine's clock is ahead of the host's: of many stamps the one that came fastest."""
        path = os.path.join(self.host.folder, "console.log")
        teller = threading.Thread(target=self.host.shell, args=(TELL % STAMPS,))
        seen, text = [], ""
        with open(path, errors="replace") as f:
            f.seek(0, os.SEEK_END)
            teller.start()
            while teller.is_alive():
                new = f.read()
                now = time.time()
                text += new
                *lines, text = text.split("\n")
                seen += [now - float(m.group(1)) for m in re.finditer(r"CLOCK (\S+)", " ".join(lines))]
                if not new:
                    select.select([], [], [], 0.0005)
        if len(seen) < STAMPS // 2:
            raise LabError(f"{self.host.name} told its time {len(seen)} times")
        return min(seen)

    def forget(self):
        self.host.shell(f"echo >{TRACE}/trace")

    def told(self):
        """[(time, name, action)] since the last `forget`, by this machine's clock."""
        text = self.host.shell(f"cat {TRACE}/trace").stdout
        return [(float(at) + self.ahead_s, name, action) for at, name, action in LINE.findall(text)]


def seconds(moment):
    """Of a moment as --json tells it."""
    return datetime.datetime.fromisoformat(moment.replace("Z", "+00:00")).timestamp()
