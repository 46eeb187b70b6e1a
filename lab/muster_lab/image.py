# SPDX-License-Identifier: GPL-2.0-or-later
"""The hosts' RAM root: a large base archive made of the Debian tree once, and a small overlay with the
programs under test and the hosts' own scripts. The kernel unpacks one after the other."""
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile

from . import places
from .debian import tree as debian_tree
from .errors import LabError
from .packages import LEFT_OUT, LVM_CONF, MODULES, RULES

PROGRAMS = ("probe/muster-probe", "probe/muster-probe-worker")
FOLDERS = ("proc", "sys", "dev", "run", "tmp", "mnt", "etc/iscsi", "root", "var/lib/xen",
           "var/lib/xenstored", "var/log/xen/console", "var/lib/lvm", "sys/kernel/config")
ACCOUNTS = {
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/group": "".join(f"{name}:x:{gid}:\n" for name, gid in (
        ("root", 0), ("tty", 5), ("disk", 6), ("lp", 7), ("kmem", 15), ("dialout", 20), ("cdrom", 24),
        ("tape", 26), ("audio", 29), ("video", 44), ("input", 101), ("sgx", 102), ("kvm", 103),
        ("render", 104))),
    "etc/hosts": "127.0.0.1 localhost\n",
    "etc/mtab": "",
}


def _digest(*parts):
    h = hashlib.sha256()
    for part in parts:
        h.update(part if isinstance(part, bytes) else str(part).encode())
        h.update(b"\0")
    return h.hexdigest()[:12]


def _archive(folder, path):
    """`folder` as an uncompressed newc archive that belongs to root. To unpack a compressed one takes an
    emulated processor longer than to load this."""
    with open(path, "wb") as out:
        names = subprocess.run(["find", ".", "-print0"], cwd=folder, check=True, capture_output=True).stdout
        names = b"\0".join(sorted(names.rstrip(b"\0").split(b"\0"))) + b"\0"
        subprocess.run(["cpio", "-o", "-0", "-H", "newc", "-R", "0:0", "--quiet"], cwd=folder,
                       input=names, stdout=out, check=True)


def _module_files(tree, version, module):
    """Paths in the tree of what has to be inserted for a module."""
    listed = tree.chrooted("/sbin/modprobe", "-S", version, "--show-depends", module)
    return {line.split()[1] for line in listed.splitlines() if line.startswith("insmod")}


def _copy_modules(tree, root, version):
    """The modules of packages.MODULES with what they need, without debug symbols. The kernel that is a process has no
    drivers of hardware."""
    files = set()
    for module in MODULES:
        try:
            files |= _module_files(tree, version, module)
        except subprocess.CalledProcessError:
            if version != tree.uml_version:
                raise
    for f in files:
        target = root + f
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(tree.root + f, target)
    subprocess.run(["strip", "--strip-debug", *(root + f for f in sorted(files))], check=True)
    folder = f"/lib/modules/{version}"
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        shutil.copyfile(tree.root + folder + "/" + name, root + folder + "/" + name)
    subprocess.run(["chroot", root, "/sbin/depmod", version], check=True)


def _link_applets(root):
    """busybox for each command that no package brings."""
    for applet in subprocess.run(["chroot", root, "/bin/busybox", "--list"], check=True,
                                 capture_output=True, text=True).stdout.split():
        if not any(os.path.lexists(os.path.join(root, d, applet))
                   for d in ("bin", "sbin", "usr/bin", "usr/sbin")):
            os.symlink("/bin/busybox", os.path.join(root, "bin", applet))


def _stage_base(tree, root, version):
    subprocess.run(["cp", "-al", tree.root, root], check=True)  # links: the tree itself stays whole
    for pattern in LEFT_OUT:
        for path in glob.glob(os.path.join(root, pattern)):
            subprocess.run(["rm", "-rf", path], check=True)
    subprocess.run(["find", root, "-name", "*.a", "-delete"], check=True)
    for name in os.listdir(os.path.join(root, "lib/udev/rules.d")):
        if name.removesuffix(".rules") not in RULES:
            os.unlink(os.path.join(root, "lib/udev/rules.d", name))
    _copy_modules(tree, root, version)
    for folder in FOLDERS:
        os.makedirs(os.path.join(root, folder), exist_ok=True)
    for name, text in {**ACCOUNTS, "etc/lvm/lvmlocal.conf": LVM_CONF}.items():
        path = os.path.join(root, name)
        if os.path.lexists(path):
            os.unlink(path)
        with open(path, "w") as f:
            f.write(text)
    if not os.path.lexists(os.path.join(root, "bin/sh")):
        os.symlink("bash", os.path.join(root, "bin/sh"))
    _link_applets(root)


def _recipe():
    with open(__file__, "rb") as a, open(os.path.join(os.path.dirname(__file__), "packages.py"), "rb") as b:
        return a.read() + b.read()


def _cached(name, make):
    """The path of a file in the cache, by `make(temporary folder, temporary file)` when it is not there."""
    path = os.path.join(places.cache_dir(), name)
    with places.locked(path + ".lock"):
        if not os.path.exists(path):
            with tempfile.TemporaryDirectory(dir=places.cache_dir(), prefix="making-") as work:
                make(work, os.path.join(work, "file"))
                os.rename(os.path.join(work, "file"), path)
    return path


def base(tree, version, say=print):
    """Path of the base archive, with the modules of that kernel."""
    def make(work, path):
        say("making the base image")
        _stage_base(tree, os.path.join(work, "root"), version)
        _archive(os.path.join(work, "root"), path)
    return _cached(f"base-{_digest(tree.key, version, _recipe())}.cpio", make)


def _libraries(program, have):
    """Libraries of this machine that `program` wants and the base image lacks."""
    listed = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    for line in listed.splitlines():
        if "=> /" in line:
            path = line.split("=> ")[1].split(" ")[0]
            if not any(os.path.lexists(os.path.join(have, d, "x86_64-linux-gnu", os.path.basename(path)))
                       for d in ("lib", "usr/lib")):
                yield path


def _overlay_files(tree, build):
    """{path in the image: (file here, mode)}"""
    files = {}
    for program in PROGRAMS:
        path = os.path.join(build, program)
        if not os.path.exists(path):
            raise LabError(f"there is no {path}: build muster first, or set MUSTER_BUILD")
        files["usr/sbin/" + os.path.basename(program)] = (path, 0o755)
        for library in _libraries(path, tree.root):
            files["usr/lib/x86_64-linux-gnu/" + os.path.basename(library)] = (library, 0o755)
    for name in sorted(os.listdir(places.GUEST)):
        target = "init" if name == "init" else "lab/" + name
        files[target] = (os.path.join(places.GUEST, name), 0o755)
    return files


def overlay(tree, build):
    """Path of the overlay archive for the programs as they are now."""
    files = _overlay_files(tree, build)
    contents = []
    for target, (path, mode) in sorted(files.items()):
        with open(path, "rb") as f:
            contents += [target, mode, f.read()]

    def make(work, archive):
        for target, (path, mode) in files.items():
            place = os.path.join(work, "root", target)
            os.makedirs(os.path.dirname(place), exist_ok=True)
            shutil.copyfile(path, place)
            os.chmod(place, mode)
        if not os.environ.get("MUSTER_LAB_SYMBOLS"):
            subprocess.run(["strip", "--strip-debug", *(os.path.join(work, "root/usr/sbin",
                           os.path.basename(p)) for p in PROGRAMS)], check=True)
        _archive(os.path.join(work, "root"), archive)
    return _cached(f"overlay-{_digest(*contents)}.cpio", make)


def guest(tree):
    """Path of an archive with what a Xen guest of a host boots: the hosts' kernel, and a root of its own."""
    init = os.path.join(places.DOMU, "init")
    module = f"lib/modules/{tree.kernel_version}/kernel/drivers/block/xen-blkfront.ko"
    with open(init, "rb") as f:
        name = f"guest-{_digest(tree.key, _recipe(), f.read())}.cpio"

    def make(work, archive):
        inner, outer = os.path.join(work, "inner"), os.path.join(work, "root/lab/guest")
        for folder in ("bin", "dev", "proc", "sys"):
            os.makedirs(os.path.join(inner, folder))
        os.makedirs(outer)
        shutil.copy(os.path.join(tree.root, "bin/busybox"), os.path.join(inner, "bin"))
        shutil.copy(init, inner)
        shutil.copy(os.path.join(tree.root, module), inner)
        _archive(inner, os.path.join(outer, "initramfs"))
        shutil.copy(tree.kernel, os.path.join(outer, "vmlinuz"))
        _archive(os.path.join(work, "root"), archive)
    return _cached(name, make)


def _prune(keep):
    """Overlays and bases that are not of use any more, but the newest few: other checkouts share the cache."""
    for pattern, count in (("overlay-*.cpio", 6), ("base-*.cpio", 4), ("guest-*.cpio", 3), ("tree-*[0-9a-f]", 2)):
        found = sorted(glob.glob(os.path.join(places.cache_dir(), pattern)), key=os.path.getmtime)
        for path in found[:-count]:
            if path not in keep:
                subprocess.run(["rm", "-rf", "--one-file-system", path, path + ".lock"], check=False)


class Image:
    """What a host boots from. The parts are files of the cache; a lab makes its own copy of the whole."""

    def __init__(self, tree, parts):
        self.tree = tree
        self.parts = parts

    def write(self, path):
        with open(path, "wb") as out:
            for part in self.parts:
                with open(part, "rb") as f:
                    shutil.copyfileobj(f, out, 1 << 20)

    def sizes(self):
        return {os.path.basename(p): os.path.getsize(p) for p in (self.tree.kernel, self.tree.xen, *self.parts)}


def build(say=print, guests=False, machine="qemu"):
    """The Image of the programs in the build folder, out of the cache as far as it can be; for hosts that shall
    have Xen guests, with those."""
    tree = debian_tree(say)
    version = tree.uml_version if machine == "uml" else tree.kernel_version
    parts = [base(tree, version, say), overlay(tree, places.build_dir()), *([guest(tree)] if guests else [])]
    _prune({tree.root, *parts})
    return Image(tree, parts)
