# SPDX-License-Identifier: GPL-2.0-or-later
"""What the benchmarks in Python share: programs that they start and end, their processor time, and an
end in good order when they are told to end."""
import json
import os
import select
import signal
import subprocess
import sys


def end_on_signals():
    """SIGTERM and SIGHUP end the benchmark as Ctrl-C does: what it has started and made goes with it."""
    def told(number, _frame):
        sys.exit(128 + number)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, told)


def stat(pid):
    """Parent, and ticks of processor time, those of children that have ended included; None: it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
            words = f.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return int(words[1]), sum(int(w) for w in words[11:15])


def cpu_s(pid):
    """Of a process and all below it."""
    table = {int(name): stat(name) for name in os.listdir("/proc") if name.isdigit()}
    ticks, family = 0, [pid]
    while family:
        at = family.pop()
        if table.get(at) is not None:
            ticks += table[at][1]
        family += [p for p, s in table.items() if s is not None and s[0] == at]
    return ticks / os.sysconf("SC_CLK_TCK")


def end(process, limit_s=20):
    if process is None or process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Turns:
    """A load generator that works for as many seconds as it is told, again and again (turn.h)."""

    def __init__(self, *command, limit_s=120):
        self.limit_s = limit_s
        self.process = subprocess.Popen([str(w) for w in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.name = os.path.basename(str(command[0]))
        try:
            self.server = self.line()["server"]
        except BaseException:
            self.end()
            raise

    def line(self):
        ready = select.select([self.process.stdout], [], [], self.limit_s)[0]
        text = self.process.stdout.readline() if ready else b""
        if text == b"":
            self.process.kill()
            raise RuntimeError(f"{self.name} has ended: {self.process.communicate()[1].decode().strip()}")
        return json.loads(text)

    def turn(self, seconds):
        self.process.stdin.write(f"{seconds}\n".encode())
        self.process.stdin.flush()
        return self.line()

    def end(self):
        """It ends itself when it is asked for no more, and leaves its server in good order."""
        try:
            self.process.stdin.close()
            self.process.wait(20)
        except (subprocess.TimeoutExpired, BrokenPipeError):
            end(self.process)
        for stream in (self.process.stdout, self.process.stderr):
            stream.close()
