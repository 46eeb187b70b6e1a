# SPDX-License-Identifier: GPL-2.0-or-later
"""Baseboard management controllers: an ipmi_sim to a host, out of the Debian tree, at an address of its own. Power is
what it asks this lab for (`lab/lab chassis`), which pulls and puts back the plug."""
import os
import secrets
import subprocess
import sys

from . import network, places, processes
from .errors import LabError

USER = "admin"
PORT = 623
ALLOWED = "none md2 md5 straight"
CONFIGURATION = """\
name "{name}"
set_working_mc 0x20
  startlan 1
    addr {address} {port}
    priv_limit admin
    allowed_auths_callback {allowed}
    allowed_auths_user {allowed}
    allowed_auths_operator {allowed}
    allowed_auths_admin {allowed}
    guid {guid}
  endlan
  chassis_control "{program}"
  user 1 true "" "" user 10 {allowed}
  user 2 true "{user}" "{password}" admin 10 {allowed}
"""
# One management controller, with an event log.
HARDWARE = """\
mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02
sel_enable 0x20 1000 0x0a
mc_enable 0x20
"""


def _secret_file(folder):
    return os.path.join(folder, "bmc-password")


def make_secret(folder):
    places.write_atomically(_secret_file(folder), secrets.token_hex(8).encode())


def start(lab, host):
    """The record of its process is in the host's."""
    folder = os.path.join(lab.folder, host.name)
    os.makedirs(os.path.join(folder, "bmc"), exist_ok=True)
    with open(_secret_file(lab.folder)) as f:
        password = f.read()
    program = f"{sys.executable} -B {os.path.join(places.TOP, 'lab/lab')} --name {lab.name} chassis {host.name}"
    text = CONFIGURATION.format(name=host.name, address=network.bmc_address(host.number), port=PORT, allowed=ALLOWED,
                                guid=host.uuid.replace("-", ""), program=program, user=USER, password=password)
    configuration, hardware = os.path.join(folder, "bmc/lan.conf"), os.path.join(folder, "bmc/hardware.emu")
    places.write_atomically(configuration, text.encode())
    places.write_atomically(hardware, HARDWARE.encode())
    command = lab.tree().command("usr/bin/ipmi_sim", "-n", "-c", configuration, "-f", hardware, "-s",
                                 os.path.join(folder, "bmc"))
    host.doc["bmc"] = processes.start(command, os.path.join(folder, "bmc.log"), namespace=lab.namespace)


def end(host):
    if host.doc["bmc"]:
        processes.end(host.doc["bmc"])
    host.doc["bmc"] = None


def ipmitool(lab, host, *words):
    """Output of ipmitool, as it is used from elsewhere on the network."""
    command = ["nsenter", f"--net=/run/netns/{lab.namespace}",
               *lab.tree().command("usr/bin/ipmitool", "-I", "lanplus", "-C", "3", "-H",
                                   network.bmc_address(host.number), "-U", USER, "-f", _secret_file(lab.folder),
                                   "-N", "5", *words)]
    r = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60)
    if r.returncode != 0:
        raise LabError(f"ipmitool {' '.join(words)} for {host.name}: {r.stderr.strip()}")
    return r.stdout


def is_on(lab, host):
    return ipmitool(lab, host, "chassis", "power", "status").strip().endswith("is on")


def power(lab, host, state):
    """Asks, and waits until the BMC says that it is so."""
    if state not in ("on", "off", "cycle"):
        raise LabError("say on, off or cycle")
    for step in (("off", "on") if state == "cycle" else (state,)):
        ipmitool(lab, host, "chassis", "power", step)
        processes.wait_until(lambda want=step == "on": is_on(lab, host) == want, 60,
                             f"the BMC of {host.name} says that it is {step}", 0.5)
    lab.look_again()


def chassis(lab, name, words):
    """The other side: `get power`, and `set power 0|1`, which is begun and not waited for, as on any BMC."""
    if words[:1] == ["get"]:
        for word in words[1:]:
            print(f"{word}:{int(lab.host(name).on()) if word == 'power' else 0}")
        return 0
    if words[:2] != ["set", "power"] or len(words) != 3:
        return 1
    subprocess.Popen([sys.executable, "-B", sys.argv[0], "--name", lab.name, "fault", "power", name,
                      "on" if words[2] == "1" else "off"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL, start_new_session=True)
    return 0
