# SPDX-License-Identifier: GPL-2.0-or-later
"""Commands run inside a host, over a virtio port that needs neither network nor login. guest/agent is the
other end and says what the lines mean."""
import base64
import os
import socket
import subprocess
import time

from . import places
from .errors import LabError

LIMIT_S = 60


class Silent(LabError):
    """The host did not answer in time: it is frozen, off, or still booting."""


def _decode(field):
    return base64.b64decode(field[:-1]).decode(errors="replace")


def run(folder, command, limit_s=LIMIT_S):
    """subprocess.CompletedProcess of a command in the host whose folder of sockets this is. The host itself
    ends the command when `limit_s` is over (status 124)."""
    path = os.path.join(folder, "agent.sock")
    ident = os.urandom(6).hex()
    encoded = base64.b64encode(command.encode()).decode()
    with places.locked(os.path.join(folder, "agent.lock")), socket.socket(socket.AF_UNIX) as s:
        try:
            s.connect(path)
        except OSError as e:
            raise Silent(f"{os.path.basename(folder)} is off") from e
        # A line cut short by an earlier caller's end stays without effect.
        s.sendall(f"\nRUN {ident} {limit_s} {encoded}\n".encode())
        out = _answer(s, f"DONE {ident} ".encode(), time.monotonic() + limit_s + 15)
    if out is None:
        raise Silent(f"{os.path.basename(folder)} does not answer")
    status, stdout, stderr = out.split()
    return subprocess.CompletedProcess(command, int(status), _decode(stdout), _decode(stderr))


def _answer(s, mark, until):
    """The rest of the line that begins with `mark`, or None when the time is up or the host is gone."""
    buffer = b""
    while True:
        for line in buffer.split(b"\n")[:-1]:
            if line.startswith(mark):
                return line[len(mark):].decode("ascii", errors="replace")
        buffer = buffer.rpartition(b"\n")[2] if len(buffer) > (64 << 20) else buffer
        left = until - time.monotonic()
        if left <= 0:
            return None
        s.settimeout(left)
        try:
            data = s.recv(1 << 16)
        except (TimeoutError, ConnectionError):
            return None
        if not data:
            return None
        buffer += data
