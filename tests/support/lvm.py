# SPDX-License-Identifier: GPL-2.0-or-later
"""LVM that sees only the devices it is told of, needs no device-mapper, and leaves nothing outside the
folder of the test."""
import os
import subprocess


def lvm(folder, devices, *argv):
    """What the command prints. Its configuration is in `folder`/system."""
    listed = "".join(f'"a|^{d}$|",' for d in devices)
    os.makedirs(f"{folder}/system", exist_ok=True)
    with open(f"{folder}/system/lvm.conf", "w", encoding="ascii") as f:
        f.write(f'devices {{ filter=[{listed}"r|.*|"] global_filter=[{listed}"r|.*|"]'
                ' hints="none" use_devicesfile=0 obtain_device_list_from_udev=0 }\n'
                f'global {{ locking_dir="{folder}/lock" activation=0 use_lvmpolld=0'
                ' event_activation=0 use_lvmlockd=0 }\n'
                "activation { udev_sync=0 udev_rules=0 monitoring=0 }\n"
                "backup { backup=0 archive=0 }\n")
    environment = {"LVM_SYSTEM_DIR": f"{folder}/system", "LVM_SUPPRESS_FD_WARNINGS": "1",
                   "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"}
    done = subprocess.run(["lvm", *argv], capture_output=True, text=True, env=environment, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"lvm {' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout
