# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands run inside a host, over a line that needs neither network nor login: a virtio port, or a serial one.
guest/agent is the other end and says what the lines of text mean."""
import base64
import contextlib
import os
import select
import socket
import subprocess
import time

from . import places
from .errors import LabError

LIMIT_S = 60
LINE_IN, LINE_OUT = "agent.in", "agent.out"  # of a host that is no virtual machine: named pipes


class Silent(LabError):
    """The host did not answer in time: it is frozen, off, or still booting."""


def _decode(field):
    return base64.b64decode(field[:-1]).decode(errors="replace")


@contextlib.contextmanager
def _line(folder):
    """Descriptors to write to and to read from."""
    if os.path.exists(os.path.join(folder, LINE_IN)):
        ends = [os.open(os.path.join(folder, name), os.O_RDWR) for name in (LINE_IN, LINE_OUT)]
        try:
            yield ends
        finally:
            for fd in ends:
                os.close(fd)
        return
    with socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(os.path.join(folder, "agent.sock"))
        except OSError as e:
            raise Silent(f"{os.path.basename(folder)} is off") from e
        yield s.fileno(), s.fileno()


def run(folder, command, limit_s=LIMIT_S):
    """subprocess.CompletedProcess of a command in the host whose folder of sockets this is. The host itself
    ends the command when `limit_s` is over (status 124)."""
    ident = os.urandom(6).hex()
    encoded = base64.b64encode(command.encode()).decode()
    with places.locked(os.path.join(folder, "agent.lock")), _line(folder) as (write, read):
        until = time.monotonic() + limit_s + 15
        # A line cut short by an earlier caller's end stays without effect.
        out = (_answer(read, f"DONE {ident} ".encode(), until)
               if _say(write, f"\nRUN {ident} {limit_s} {encoded}\n".encode(), until) else None)
    if out is None:
        raise Silent(f"{os.path.basename(folder)} does not answer")
    status, stdout, stderr = out.split()
    return subprocess.CompletedProcess(command, int(status), _decode(stdout), _decode(stderr))


def _say(fd, text, until):
    """False: nobody takes it."""
    while text:
        if not select.select([], [fd], [], max(0, until - time.monotonic()))[1]:
            return False
        try:
            text = text[os.write(fd, text[:select.PIPE_BUF]):]
        except OSError:
            return False
    return True


def _answer(fd, mark, until):
    """The rest of the line that begins with `mark`, or None when the time is up or the host is gone."""
    buffer = b""
    while True:
        for line in buffer.split(b"\n")[:-1]:
            if line.startswith(mark):
                return line[len(mark):].decode("ascii", errors="replace")
        buffer = buffer.rpartition(b"\n")[2] if len(buffer) > (64 << 20) else buffer
        if not select.select([fd], [], [], max(0, until - time.monotonic()))[0]:
            return None
        try:
            data = os.read(fd, 1 << 16)
        except ConnectionError:
            return None
        if not data:
            return None
        buffer += data
