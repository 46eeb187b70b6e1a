# SPDX-License-Identifier: GPL-2.0-or-later
"""QEMU's machine protocol: one command, one connection."""
import json
import socket

from .errors import LabError

LIMIT_S = 30.0


class Qmp:
    """Use as `with Qmp(path) as q: q("stop")`. Events that come in between are kept in `events`."""

    def __init__(self, path):
        self.path = path
        self.events = []

    def __enter__(self):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT_S)
        try:
            self.socket.connect(self.path)
            self.file = self.socket.makefile("rb")
            self._line()
            self("qmp_capabilities")
        except OSError as e:
            self.socket.close()
            raise LabError(f"the virtual machine does not answer on {self.path}: {e}") from e
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def _line(self):
        line = self.file.readline()
        if not line:
            raise LabError("the virtual machine has ended")
        return json.loads(line)

    def __call__(self, command, arguments=None):
        """The command's result; a refusal raises LabError."""
        request = {"execute": command, "arguments": arguments or {}}
        self.socket.sendall(json.dumps(request).encode() + b"\n")
        while True:
            answer = self._line()
            if "event" in answer:
                self.events.append(answer)
            elif "error" in answer:
                raise LabError(f"{command}: {answer['error']['desc']}")
            else:
                return answer["return"]

    def wait_event(self, name, test=lambda data: True):
        """Waits for an event; of those that have come since the connection was made the first that passes."""
        seen = 0
        while True:
            for event in self.events[seen:]:
                if event["event"] == name and test(event.get("data", {})):
                    return event
            seen = len(self.events)
            answer = self._line()
            if "event" in answer:
                self.events.append(answer)
