#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever is wrong with a command line, every command ends with 2 and one sentence, before anything
is asked or done; a check, for which 2 would mean "critical", with 3. What the coordinator finds wrong
with an argument is wrong usage too. Usage: exits.py TOP MUSTER-DOUBLE"""
import json
import os
import subprocess
import sys
import tempfile

import encode
from made_up import Script

USAGE, UNKNOWN = 2, 3
# Values that an option cannot take, by what stands for them in its help.
WRONG = {"N": ["x", "0", "-1", "99999999"], "TIME": ["0s", "5", "-1s", "soon"], "KIND": ["rack"],
         "STATE": ["dwon"], "NAME": [], "ROLE": ["admin"], "WHEN": ["pink"], "recover": ["yes"],
         "NUMBER|TIME|DURATION": ["yesterday"], "NODE-GLOB/PORT-GLOB": ["bond0"]}
# Options that a command cannot do without, and a good line of each command that has arguments.
NEEDED = {"network define": ["--match", "*/eth0"], "enrol": ["--token-file", "token"],
          "recover": ["--confirm", "recover"], "node declare-dead": ["--type-name", "a"],
          "impact": ["a"], "hold take": ["--node", "a", "--for", "a"],
          "place": ["--need", "a"], "hold break": ["--type-name", "a"], "fs admit": ["a"], "fs retire": ["a"]}
# Commands whose argument is a number.
NUMBERED = {"task show", "task watch", "task cancel", "hold end"}

MOST_ARGUMENTS = 64

faults = 0


def fault(text):
    global faults
    faults += 1
    print(text)


class Double:
    def __init__(self, program, folder):
        self.program, self.folder = program, folder
        self.env = {"PATH": os.environ["PATH"], "MUSTER_DOUBLE": os.path.join(folder, "answers"),
                    "MUSTER_DOUBLE_LOG": os.path.join(folder, "log")}
        self.env.update((k, v) for k, v in os.environ.items() if k.endswith("SAN_OPTIONS"))

    def expect(self, code, args, asked=False):
        p = subprocess.run([self.program, *args], env=self.env, capture_output=True, text=True,
                           cwd=self.folder, stdin=subprocess.DEVNULL, timeout=60, check=False)
        line = "muster " + " ".join(repr(a) if a == "" or " " in a else a for a in args)
        if p.returncode != code:
            fault(f"{line}: exit {p.returncode}, not {code}: {p.stdout}{p.stderr}")
        if not p.stderr.startswith("muster: ") or "\n" not in p.stderr:
            fault(f"{line}: no sentence: {p.stderr!r}")
        if os.path.exists(self.env["MUSTER_DOUBLE_LOG"]):
            os.unlink(self.env["MUSTER_DOUBLE_LOG"])
            if not asked:
                fault(f"{line}: the coordinator was asked")


def good(c):
    """A line that is right."""
    words = [c["noun"]] + ([c["verb"]] if c["verb"] else [])
    title, names = " ".join(words), (c["arguments"] or "").split()
    if title not in ("impact", "fs admit", "fs retire"):
        words += ["1" if title in NUMBERED else "a"] * len([n for n in names if n[0] != "["])
    return words + NEEDED.get(title, [])


def wrong_lines(c, everywhere):
    words = [c["noun"]] + ([c["verb"]] if c["verb"] else [])
    title, line = " ".join(words), good(c)
    many = "..." in (c["arguments"] or "")
    yield line + (["many"] * MOST_ARGUMENTS if many else []) + ["one", "too", "many"]
    yield line + ["--frobnicate"]
    yield line + ["-x"]
    if (c["arguments"] and c["arguments"][0] != "[") or title in NEEDED:
        yield words
    if c["arguments"]:
        yield words + [""]
    if title in NUMBERED:
        for number in ("a", "0", "-1", "1x", "9223372036854775808", "99999999999999999999"):
            yield words + ["--", number]
    for o in c["options"] + everywhere:
        option = "--" + o["name"]
        if o["value"] is None:
            yield line + [option + "=yes"]
            continue
        rest = line
        if option in line:
            rest = line[:line.index(option)]
        yield rest + [option]
        if title == "impact" and o["name"] == "node":
            continue
        for value in WRONG.get(o["value"], []):
            yield rest + [option, value]
        if not o["repeats"] and o["value"] in WRONG:
            yield rest + [option, "a", option, "a"]


def main():
    top, program = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    table = json.loads(subprocess.run([program, "--json", "--help"], capture_output=True,
                                      check=True).stdout)
    lines = 0
    with tempfile.TemporaryDirectory(prefix="muster-cli-") as folder:
        os.mkdir(os.path.join(folder, "answers"))
        with open(os.open(os.path.join(folder, "token"), os.O_CREAT | os.O_WRONLY, 0o600), "w",
                  encoding="utf-8") as f:
            f.write("m1\n")
        e = encode.Encoder(top)
        s = Script(e)
        for op in ("NODE_RENAME", "NETWORK_DEFINE", "TOKEN_CREATE", "NODE_DECLARE_DEAD", "RECOVER",
                   "FS_ADMIT", "SCAN", "HOLD_TAKE", "HOLD_BREAK", "TASK_SHOW"):
            s.refuse(op, "INVALID", "It is not right.")
        s.write(os.path.join(folder, "answers"))
        double = Double(program, folder)
        for line in (["frobnicate"], [], ["node"], ["node", "frobnicate"], ["help", "frobnicate"]):
            double.expect(USAGE, line)
        for c in table["commands"]:
            for line in wrong_lines(c, table["options"]):
                double.expect(USAGE, line)
                lines += 1
        for wrong in (["--timeout", "5"], ["--frobnicate"], ["surplus"], ["--color", "pink"]):
            double.expect(UNKNOWN, ["status", "--check", *wrong])
        for line in (["node", "rename", "a", "b c"], ["network", "define", "a b", "--match", "*/x"],
                     ["token", "create", "--ttl", "900d"], ["recover", "--confirm", "recover"],
                     ["node", "declare-dead", "a", "--type-name", "a"],
                     ["fs", "admit", "a"], ["fs", "retire", "--all"], ["scan", "a", "--wait"],
                     ["hold", "take", "a", "--node", "b", "--for", "c"], ["task", "watch", "1"],
                     ["hold", "break", "a", "--type-name", "a"]):
            double.expect(USAGE, line, asked=True)
    print(f"{lines} wrong lines, {faults} faults")
    sys.exit(1 if faults else 0)


main()
