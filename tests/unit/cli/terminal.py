#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What is different on a terminal: colours, the width of lines, progress bars, Ctrl-C, the warning
about tokens. Usage: terminal.py TOP MUSTER-DOUBLE"""
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

import encode
import made_up
import made_up_scans as scans
import made_up_storage as storage

faults = 0


def check(condition, text):
    global faults
    if not condition:
        faults += 1
        print(text)


class Terminal:
    def __init__(self, program, answers, work):
        self.program, self.answers, self.work = program, answers, work
        self.exit = None

    def run(self, *args, columns=80, stdout_is_terminal=True, interrupt_at=None, **env):
        """What comes out of the terminal, and of a pipe for stdout where it is none. Ctrl-C is
        pressed as soon as `interrupt_at` is seen."""
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        p = subprocess.Popen(
            [self.program, *args], stdin=subprocess.DEVNULL, stderr=side, cwd=self.work,
            stdout=side if stdout_is_terminal else subprocess.PIPE,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            env={"PATH": os.environ["PATH"], "TERM": "xterm", "TZ": "CET-1",
                 "MUSTER_DOUBLE": self.answers, **env})
        os.close(side)
        shown = b""
        while True:
            try:
                data = os.read(main, 65536)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            shown += data
            if interrupt_at is not None and interrupt_at in shown:
                p.send_signal(signal.SIGINT)
                interrupt_at = None
        piped = p.stdout.read().decode() if p.stdout else ""
        self.exit = p.wait(30)
        if p.stdout:
            p.stdout.close()
        os.close(main)
        return shown.decode().replace("\r\n", "\n"), piped


def colours(t):
    red, green = "\033[31m", "\033[32m"
    shown, _ = t.run("matrix")
    check(green in shown and red in shown, f"no colours on a terminal: {shown!r}")
    for line in shown.split("\n"):
        check(line.count("\033[0m") * 2 == line.count("\033["), f"a colour goes on: {line!r}")
    for what, env in (("NO_COLOR", {"NO_COLOR": "1"}), ("TERM=dumb", {"TERM": "dumb"})):
        shown, _ = t.run("matrix", **env)
        check("\033" not in shown, f"colours in spite of {what}")
    shown, _ = t.run("matrix", NO_COLOR="")
    check(green in shown, "an empty NO_COLOR is none")
    shown, _ = t.run("matrix", "--color", "never")
    check("\033" not in shown, "colours in spite of --color never")
    shown, _ = t.run("matrix", "--color=always", NO_COLOR="1")
    check(green in shown, "no colours in spite of --color always")
    shown, piped = t.run("matrix", stdout_is_terminal=False)
    check("\033" not in piped and "node1" in piped, "colours in a pipe")
    shown, piped = t.run("matrix", "--color", "always", stdout_is_terminal=False)
    check(green in piped, "no colours in a pipe that were asked for")
    shown, _ = t.run("--json", "matrix")
    check("\033" not in shown, "colours in JSON")
    # stderr is a terminal, stdout is none: the sentence is coloured, and only it.
    shown, piped = t.run("stauts", stdout_is_terminal=False)
    check(red in shown and piped == "", f"a failure: {shown!r} {piped!r}")


def colours_add_nothing(t):
    """What is coloured is the same text."""
    for args in (["fs", "list"], ["scan", "--wait"], ["task", "show", "7"], ["task", "list"],
                 ["lease", "list"], ["hold", "list"], ["resource", "list", "--kind", "image"],
                 ["status"]):
        _, plain = t.run(*args, stdout_is_terminal=False)
        _, coloured = t.run(*args, "--color=always", stdout_is_terminal=False)
        check("\033" in coloured or args[0] == "hold", f"{' '.join(args)}: no colours")
        bare = re.sub(r"\033\[\d*m", "", coloured)
        check(bare == plain, f"{' '.join(args)}: colours change the text: {bare!r} {plain!r}")


def width(t):
    for columns in (40, 60, 80, 132):
        for args in (["matrix"], ["node", "list"], ["event", "tail"], ["status"], ["--help"],
                     ["node", "show", "node2"], ["fs", "list"], ["network", "define", "--help"],
                     ["task", "show", "7"], ["lease", "list"], ["hold", "list"],
                     ["resource", "list", "--kind", "image"]):
            shown, _ = t.run(*args, columns=columns, NO_COLOR="1")
            longest = max(shown.split("\n"), key=len)
            # Examples and a grid's columns are not broken.
            if len(longest) > columns and not longest.startswith("  muster") and columns > 60:
                check(False, f"{' '.join(args)}: {len(longest)} columns of {columns}: {longest}")
    shown, _ = t.run("event", "tail", columns=80, NO_COLOR="1")
    check("   103  2026-11-24 16:12:56 +0100  warning  edge.degraded\n        node2 half-sees" in shown,
          f"an event at 80 columns: {shown}")
    narrow, _ = t.run("event", "tail", columns=60, NO_COLOR="1")
    _, piped = t.run("event", "tail", stdout_is_terminal=False)
    check(len(narrow.split("\n")) > len(piped.split("\n")) == 6,
          f"events are lines in a pipe and wrapped on a terminal: {piped}")


def token(t):
    shown, piped = t.run("token", "create", stdout_is_terminal=False)
    check(shown == "" and piped.startswith("m1.") and piped.count("\n") == 1,
          f"a token into a file: {shown!r} {piped!r}")
    shown, _ = t.run("token", "create", NO_COLOR="1")
    check(shown.startswith("m1.") and "muster: a token admits" in shown,
          f"no warning about a token on a terminal: {shown!r}")


def progress(t):
    copy = os.path.join(t.work, "copy.db")
    shown, _ = t.run("backup", "copy.db", NO_COLOR="1")
    check("backup [" in shown and "100 %" in shown, f"no bar: {shown!r}")
    check("\r\033[K" in shown, f"the bar stays: {shown!r}")
    mode = os.stat(copy).st_mode & 0o7777
    check(mode == 0o600, f"the backup has mode {mode:o}")
    with open(copy, "rb") as f:
        check(f.read() == bytes(600000), "the backup's content")
    os.unlink(copy)
    p = subprocess.run([t.program, "backup", "copy.db"], capture_output=True, cwd=t.work,
                       env={"MUSTER_DOUBLE": t.answers}, check=False)
    check(p.returncode == 0 and p.stderr == b"", f"a bar without a terminal: {p.stderr!r}")


FRAME = re.compile(r"\r(?:\033\[32m#*\033\[0m|[^\r\n\033])*\033\[K")


def scan(t):
    began = time.monotonic()
    shown, piped = t.run("scan", "--wait", stdout_is_terminal=False, columns=100)
    took = time.monotonic() - began
    frames = [f for f in FRAME.findall(shown) if len(f) > 4]
    check(len(frames) == 3 and all("[" in f for f in frames), f"not a frame for each look: {shown!r}")
    check("\033[32m#" in frames[-1] and "3/5 done" in frames[-1], f"the last frame: {frames[-1]!r}")
    check(took > 0.3, f"three looks in {took} s")
    # The bar goes before the sentence comes, and never into a pipe.
    check("\r\033[K\033[31mmuster: " in shown, f"the bar stays: {shown!r}")
    check(piped.startswith("FILESYSTEM ") and "\033" not in piped, f"the table: {piped!r}")
    check(t.exit == 1, f"exit {t.exit} of a scan that is not complete")
    for columns in (10, 40, 59, 80, 200):
        shown, _ = t.run("scan", "--wait", columns=columns, stdout_is_terminal=False, NO_COLOR="1")
        for frame in FRAME.findall(shown):
            check(len(frame) - len("\r\033[K") < columns, f"{columns} columns: {frame!r}")
        check("\033[3" not in shown, f"colours in spite of NO_COLOR: {shown!r}")
    shown, piped = t.run("--json", "scan", "--wait", stdout_is_terminal=False)
    check(list(json.loads(piped)) == ["task", "filesystems", "makespan_ms", "mounts", "skipped"],
          f"the document: {piped!r}")
    p = subprocess.run([t.program, "--json", "scan", "--wait"], capture_output=True, text=True,
                       env={"MUSTER_DOUBLE": t.answers}, check=False)
    check(p.stdout.startswith("{") and p.stderr.startswith("muster: 3 of 5") and
          p.stderr.count("\n") == 1, f"lines on the way with --json: {p.stdout!r} {p.stderr!r}")


def ctrl_c(t):
    """It ends the waiting and nothing else."""
    log = os.path.join(t.work, "log")
    endless = Terminal(t.program, t.answers + "-endless", t.work)
    for args in (["scan", "--wait"], ["task", "watch", "7"], ["--json", "scan", "--wait"]):
        shown, piped = endless.run(*args, stdout_is_terminal=False, interrupt_at=b"1/5 done",
                                   NO_COLOR="1", MUSTER_DOUBLE_LOG=log)
        check(endless.exit == 1, f"exit {endless.exit} after Ctrl-C")
        check("\r\033[Kmuster: interrupted; task 7 goes on\n" in shown, f"the sentence: {shown!r}")
        check("'muster task watch 7'" in shown and "'muster task cancel 7'" in shown,
              f"what can be done: {shown!r}")
        if args[0] == "--json":
            check(json.loads(piped)["error"]["code"] == "failed", f"the document: {piped!r}")
        else:
            check(piped == "", f"something on stdout: {piped!r}")
        with open(log, encoding="utf-8") as f:
            ops = {json.loads(line).get("op") for line in f}
        check(36 not in ops, "the task was cancelled")
        os.unlink(log)


def main():
    top, program = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="muster-cli-") as folder:
        s = made_up.coordinator(encode.Encoder(top), made_up.three())
        s.say("TOKEN_CREATE", {"tokens": [dict(made_up.tokens(1)[0], token="m1." + "0" * 97)]})
        s.say("BACKUP_BEGIN", {"handle": 1, "total_bytes": 600000}).say("BACKUP_END", {})
        s.say("BACKUP_READ", {"chunk": bytes(262144)}, {"chunk": bytes(262144)},
              {"chunk": bytes(600000 - 524288)}, {})
        nodes, resources, edges = made_up.three()
        s.say("NODE_SHOW", {"nodes": nodes[2:], "sections": made_up.sections(),
                            "resources": resources, "edges": []})
        nodes, resources, edges = storage.rack()
        s.say("FS_LIST", {"nodes": nodes, "edges": edges, "uses": storage.uses(nodes, resources),
                          "resources": [r for r in resources if r["kind"] == "filesystem"]})
        s.say("SCAN", {"tasks": [scans.task(jobs_done=0)]}).say(
            "TASK_LIST", *({"tasks": [scans.task(jobs_done=i)]} for i in (1, 2, 3)), {})
        s.say("TASK_SHOW", {"tasks": [scans.task(state="done", images=319)], "jobs": scans.jobs()})
        s.say("wait", {"generation": 5000, "event_no": 200})
        s.say("LEASE_LIST", {"leases": scans.leases()}).say("HOLD_LIST", {"leases": [scans.hold()]})
        s.say("IMAGE_LIST", {"images": scans.images()})
        folder = os.path.join(folder, "answers")
        for name in (folder, folder + "-endless"):
            os.mkdir(name)
            s.write(name)
        os.unlink(os.path.join(folder + "-endless", f"{s.encoder.ops['TASK_LIST']}.3"))
        for i in (1, 2):
            os.unlink(os.path.join(folder + "-endless", f"{s.encoder.ops['TASK_LIST']}.{i}"))
        work = folder + "-work"
        os.mkdir(work)
        t = Terminal(os.path.abspath(program), folder, work)
        for part in (colours, colours_add_nothing, width, token, progress, scan, ctrl_c):
            part(t)
    print(f"{faults} faults")
    sys.exit(1 if faults else 0)


main()
