# SPDX-License-Identifier: GPL-2.0-or-later
"""The Debian tree: packages extracted into the cache once, under a key of what they are made from. Hosts'
images, their kernel, Xen, and the targets that run on this machine (tgtd, ipmi_sim) all come out of it."""
import fcntl
import glob
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile

from . import places
from .errors import LabError, Unavailable
from .packages import IN_THE_HOSTS

QEMU = "qemu-system-x86_64"
NEEDED = {QEMU: "qemu-system-x86", "mmdebstrap": "mmdebstrap", "cpio": "cpio",
          "ip": "iproute2", "nsenter": "util-linux", "strip": "binutils"}
MMDEBSTRAP_LIMIT_S = 150


def require_programs(machine="qemu"):
    """Raises Unavailable with the packages that are lacking for hosts that are such machines, or because only root can
    go on."""
    missing = sorted({NEEDED[n] for n in NEEDED if shutil.which(n) is None and (n != QEMU or machine == "qemu")})
    if missing:
        raise Unavailable(f"{', '.join(missing)} not installed: tools/install-packages lab")
    if os.geteuid() != 0:
        raise Unavailable("only root can make network namespaces and an image that belongs to root")


def _sources():
    for path in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"):
        if os.path.exists(path) and os.path.getsize(path):
            return path
    raise Unavailable("this machine has no Debian package sources")


def tree_key():
    """Of the list of packages alone: what is in the cache stays good when Debian's mirror moves on."""
    return hashlib.sha256(" ".join(["bookworm", "1", *IN_THE_HOSTS]).encode()).hexdigest()[:12]


def _only(found):
    if len(found) != 1:
        raise OSError(f"{len(found)} kernels")
    return os.path.basename(found[0])


class Tree:
    """An extracted Debian. Paths in it are relative to `root`."""

    def __init__(self, root):
        self.root = root
        self.key = tree_key()
        # Modules of the kernel for virtual machines, and of the one that is a process of this machine.
        self.kernel_version = _only(glob.glob(os.path.join(root, "lib/modules/*-amd64")))
        self.uml_version = _only(glob.glob(os.path.join(root, "usr/lib/uml/modules/*")))
        self.uml = os.path.join(root, "usr/bin/linux.uml")
        self.kernel = os.path.join(root, "boot", "vmlinuz-" + self.kernel_version)
        self.xen = os.path.join(root, "boot", "xen.bin")

    def command(self, path, *args):
        """A program of the tree, run on this machine with the tree's own libraries."""
        lib = ":".join(os.path.join(self.root, d)
                       for d in ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu"))
        return [os.path.join(self.root, "lib64/ld-linux-x86-64.so.2"), "--library-path", lib,
                os.path.join(self.root, path), *args]

    def chrooted(self, *command):
        """Output of a program that runs with the tree as its root."""
        return subprocess.run(["chroot", self.root, *command], check=True, capture_output=True,
                              text=True, stdin=subprocess.DEVNULL).stdout


def _finish(root):
    """What packages' own scripts would have done, and Xen as QEMU wants it (not compressed)."""
    version = _only(glob.glob(os.path.join(root, "usr/lib/uml/modules/*")))
    os.symlink(f"../../usr/lib/uml/modules/{version}", os.path.join(root, "lib/modules", version))  # where modprobe looks
    for version in os.listdir(os.path.join(root, "lib/modules")):
        subprocess.run(["chroot", root, "/sbin/depmod", version], check=True)
    with gzip.open(glob.glob(os.path.join(root, "boot/xen-*-amd64.gz"))[0]) as packed, \
            open(os.path.join(root, "boot/xen.bin"), "wb") as plain:
        shutil.copyfileobj(packed, plain)
    for useless in ("usr/share/locale", "usr/share/man", "usr/share/doc", "usr/share/perl"):
        shutil.rmtree(os.path.join(root, useless), ignore_errors=True)


def _extract(root, say):
    say("extracting Debian packages (once; about half a minute with a near mirror)")
    command = ["mmdebstrap", "--mode=root", "--variant=extract",
               "--aptopt=APT::Install-Recommends \"false\"",
               "--aptopt=Acquire::http::Timeout \"20\"", "--aptopt=Acquire::Retries \"1\""]
    config = subprocess.run(["apt-config", "dump"], capture_output=True, text=True).stdout
    for line in config.splitlines():
        if line.startswith("Acquire::") and "::Proxy" in line:
            command.append("--aptopt=" + line.rstrip(";"))
    command += ["--include=" + ",".join(IN_THE_HOSTS), "bookworm", root, _sources()]
    try:
        r = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                           timeout=MMDEBSTRAP_LIMIT_S)
    except subprocess.TimeoutExpired as e:
        raise Unavailable(f"Debian packages could not be fetched in {MMDEBSTRAP_LIMIT_S} s") from e
    if r.returncode != 0:
        last = [line for line in r.stderr.splitlines() if line.startswith("E:")][-1:]
        raise Unavailable("Debian packages could not be fetched: " + (last or ["mmdebstrap failed"])[0])


def tree(say=print):
    """The Tree, out of the cache or made now. Raises Unavailable when it cannot be made here."""
    path = os.path.join(places.cache_dir(), "tree-" + tree_key())
    with open(path + ".lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(path):
            require_programs("uml")  # no machine is started
            temporary = tempfile.mkdtemp(dir=places.cache_dir(), prefix="making-")
            try:
                root = os.path.join(temporary, "root")
                _extract(root, say)
                _finish(root)
                os.rename(root, path)
            finally:
                subprocess.run(["rm", "-rf", "--one-file-system", temporary], check=False)
    try:
        return Tree(path)
    except (OSError, IndexError) as e:
        raise LabError(f"{path} is damaged ({e}): remove it, it is made anew") from e
