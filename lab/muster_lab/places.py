# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are: the checkout, the cache of images, and the folder of one running lab."""
import contextlib
import fcntl
import os
import tempfile

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GUEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "guest")
DOMU = os.path.join(os.path.dirname(os.path.abspath(__file__)), "domu")


def cache_dir():
    """MUSTER_LAB_CACHE, else muster-lab in the user's cache; made when missing."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    path = os.environ.get("MUSTER_LAB_CACHE") or os.path.join(base, "muster-lab")
    os.makedirs(path, exist_ok=True)
    return path


def run_dir(name):
    """A lab's own folder: sockets, logs, LUNs. Short, because paths of sockets are at most 107 bytes."""
    return os.path.join(os.environ.get("MUSTER_LAB_RUN") or "/var/tmp", f"muster-lab-{name}")


def build_dir():
    """The build folder whose programs the hosts run: MUSTER_BUILD, else the newest below the checkout."""
    given = os.environ.get("MUSTER_BUILD")
    if given:
        return os.path.abspath(given)
    found = [os.path.join(TOP, d) for d in os.listdir(TOP)
             if os.path.exists(os.path.join(TOP, d, "probe", "muster-probe"))]
    return max(found, key=lambda d: os.stat(os.path.join(d, "probe", "muster-probe")).st_mtime,
               default=os.path.join(TOP, "build"))


@contextlib.contextmanager
def locked(path):
    """One process at a time; the kernel lets go when the holder ends, however it ends."""
    with open(path, "w") as f:
        fcntl.flock(f, fcntl.LOCK_EX)
        yield


def write_atomically(path, data, mode=0o600):
    """Whoever reads sees the old bytes or the new ones."""
    fd, temporary = tempfile.mkstemp(dir=os.path.dirname(path))
    try:
        with os.fdopen(fd, "wb") as f:
            f.write(data)
        os.chmod(temporary, mode)
        os.rename(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
