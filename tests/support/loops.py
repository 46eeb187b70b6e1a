# SPDX-License-Identifier: GPL-2.0-or-later
"""Loop devices, mounts and a file that never answers, for tests. All of it goes when the process
ends, however it ends: loop devices detach at their last close, and mounts are in a namespace of the
process's own."""
import ctypes
import errno
import fcntl
import os
import select
import signal
import struct

LOOP_CTL_ADD, LOOP_CTL_REMOVE, LOOP_CTL_GET_FREE = 0x4C80, 0x4C81, 0x4C82
LOOP_CLR_FD, LOOP_SET_CAPACITY, LOOP_CONFIGURE = 0x4C01, 0x4C07, 0x4C0A
READ_ONLY, AUTOCLEAR, PARTSCAN = 1, 4, 8
CLONE_NEWNS, MS_PRIVATE, MS_REC, MS_RDONLY, MNT_DETACH = 0x20000, 1 << 18, 1 << 14, 1, 2
LOOKUP, FORGET, GETATTR, OPEN, READ, INIT, BATCH_FORGET = 1, 2, 3, 14, 15, 26, 42
FOPEN_DIRECT_IO = 1

libc = ctypes.CDLL(None, use_errno=True)


def call(name, *args):
    if getattr(libc, name)(*args) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


def own_mounts():
    call("unshare", CLONE_NEWNS)
    call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def mount(device, folder, kind, options="", flags=0):
    call("mount", device.encode(), folder.encode(), kind.encode(), flags, options.encode())


def unmount(folder, lazily=False):
    call("umount2", folder.encode(), MNT_DETACH if lazily else 0)


def ask(path, request, number=0):
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return fcntl.ioctl(fd, request, number)
    finally:
        os.close(fd)


def control(request, number=0):
    return ask("/dev/loop-control", request, number)


def configure(fd, name, flags):
    backing = os.open(name, os.O_RDONLY if flags & READ_ONLY else os.O_RDWR)
    config = bytearray(304)
    struct.pack_into("=II", config, 0, backing, 0)
    struct.pack_into("=I", config, 8 + 52, flags)
    try:
        fcntl.ioctl(fd, LOOP_CONFIGURE, bytes(config))
    finally:
        os.close(backing)


class Loop:
    """A loop device over a file, until it is closed: path, fd."""

    def __init__(self, name, read_only=False):
        while True:
            self.path = f"/dev/loop{control(LOOP_CTL_GET_FREE)}"
            self.fd = os.open(self.path, os.O_RDONLY if read_only else os.O_RDWR)
            try:
                configure(self.fd, name, AUTOCLEAR | (READ_ONLY if read_only else 0))
                return
            except OSError as e:
                os.close(self.fd)
                if e.errno != errno.EBUSY:  # somebody else was faster
                    raise

    def close(self):
        os.close(self.fd)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


class NumberedLoop:
    """The loop device of that number over a file, until it is closed: path. Nobody holds it open. With
    partitions, the kernel looks for them."""

    def __init__(self, number, name, read_only=False, partitions=False):
        self.path = f"/dev/loop{number}"
        fd = os.open(self.path, os.O_RDONLY if read_only else os.O_RDWR)
        try:
            configure(fd, name, (READ_ONLY if read_only else 0) | (PARTSCAN if partitions else 0))
        finally:
            os.close(fd)

    def resize(self):
        """To the size that its file has now."""
        ask(self.path, LOOP_SET_CAPACITY)

    def close(self):
        ask(self.path, LOOP_CLR_FD)


class SilentFile:
    """A file in a FUSE file system that does not answer reads until `answer` is called, and from
    `silence` on nothing at all until `speak`: path. It has the content of another file, or is all
    zeros. Nothing of it is cached."""

    def __init__(self, folder, size, content=None):
        self.folder, self.path = folder, os.path.join(folder, "file")
        fuse = os.open("/dev/fuse", os.O_RDWR)
        call("mount", b"silent", folder.encode(), b"fuse", 0,
             f"fd={fuse},rootmode=40000,user_id=0,group_id=0".encode())
        told, self.tell = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            try:
                data = os.open(content or "/dev/zero", os.O_RDONLY)
                keep_open(fuse, told, data)
                libc.prctl(1, signal.SIGKILL, 0, 0, 0)  # PR_SET_PDEATHSIG
                serve(fuse, told, size, data)
            finally:
                os._exit(1)
        os.close(told)
        os.close(fuse)

    def answer(self):
        os.write(self.tell, b"x")

    def silence(self):
        os.kill(self.pid, signal.SIGSTOP)

    def speak(self):
        os.kill(self.pid, signal.SIGCONT)

    def close(self):
        """Whoever still waits for it gets an error."""
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.tell)
        unmount(self.folder, lazily=True)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()


def keep_open(*fds):
    """Others are the parent's affair: an open loop device would stay for ever."""
    last = 2
    for fd in sorted(fds):
        os.closerange(last + 1, fd)
        last = fd
    os.closerange(last + 1, 1 << 16)


def serve(fuse, told, size, data):
    def attr(node):
        mode = 0o40755 if node == 1 else 0o100644
        return struct.pack("=6Q10I", node, size, 0, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def reply(unique, body=b"", code=0):
        os.write(fuse, struct.pack("=IiQ", 16 + len(body), -code, unique) + body)

    def read(offset, count):
        return os.pread(data, max(0, min(count, size - offset)), offset)

    silent, waiting = True, []
    while True:
        ready, _, _ = select.select([fuse, told] if silent else [fuse], [], [])
        if told in ready and silent:
            silent = False
            for unique, *where in waiting:
                reply(unique, read(*where))
        if fuse not in ready:
            continue
        request = os.read(fuse, 1 << 20)
        _, code, unique, node = struct.unpack_from("=IIQQ", request)
        body = request[40:]
        if code == INIT:
            reply(unique, struct.pack("=4I2H2I2H8I", 7, 31, 0, 0, 16, 12, 1 << 16, 1, 0, 0, *[0] * 8))
        elif code == LOOKUP:
            reply(unique, struct.pack("=4Q2I", 2, 0, 3600, 0, 0, 0) + attr(2))
        elif code == GETATTR:
            reply(unique, struct.pack("=Q2I", 0, 0, 0) + attr(node))
        elif code == OPEN:
            reply(unique, struct.pack("=Q2I", 0, FOPEN_DIRECT_IO, 0))
        elif code == READ:
            _, offset, count = struct.unpack_from("=QQI", body)
            if silent:
                waiting.append((unique, offset, count))
            else:
                reply(unique, read(offset, count))
        elif code not in (FORGET, BATCH_FORGET):
            reply(unique, code=errno.ENOSYS)
