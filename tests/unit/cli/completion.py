#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Completion for bash: its words are those of the table of commands, no more and no fewer, and it
completes what a user types, with names that the coordinator knows.
Usage: completion.py TOP MUSTER-DOUBLE"""
import json
import os
import re
import subprocess
import sys
import tempfile

import encode
import made_up
import made_up_scans as scans

LIBRARY = "/usr/share/bash-completion/bash_completion"
# What bash does when the cursor stands at the end of a line: breaks the words, calls. Read are
# lines with the line and its words, written are the answers.
SCRIPT = r"""
. "$1" && . "$2" || exit 1
COMP_TYPE=9 COMP_KEY=9
while IFS=$'\x1f' read -r -a given; do
    COMP_LINE=${given[0]} COMP_POINT=${#given[0]}
    COMP_WORDS=("${given[@]:1:${#given[@]}-2}") COMP_CWORD=$((${#given[@]} - 3)) COMPREPLY=()
    _muster "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    echo "${COMPREPLY[*]}"
done
"""
# Options whose help names the values that completion offers.
WORDS = {"--color", "--kind", "--state", "--section", "--role", "--confirm"}

faults = 0


def fault(text):
    global faults
    faults += 1
    print(text)


class Shell:
    def __init__(self, top, program, folder):
        self.program = program
        self.folder = folder
        env = {"PATH": os.environ["PATH"], "MUSTER_DOUBLE": os.path.join(folder, "answers"),
               "MUSTER_DOUBLE_LOG": os.path.join(folder, "log")}
        env.update((k, v) for k, v in os.environ.items() if k.endswith("SAN_OPTIONS"))
        with open(os.path.join(folder, "stderr"), "w", encoding="utf-8") as err:
            self.bash = subprocess.Popen(
                ["bash", "-c", SCRIPT, "bash", LIBRARY, os.path.join(top, "cli/completion/muster")],
                env=env, cwd=os.path.join(folder, "work"), stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=err, text=True)

    def complete(self, line):
        line = line.replace("muster", self.program, 1)
        words = re.findall(r"[:=]+|[^\s:=]+", line) + ([""] if line[-1] == " " else [])
        self.bash.stdin.write("\x1f".join([line, *words, "end"]) + "\n")
        self.bash.stdin.flush()
        return self.bash.stdout.readline().split()

    def end(self):
        self.bash.stdin.close()
        rc = self.bash.wait(60)
        with open(os.path.join(self.folder, "stderr"), encoding="utf-8") as f:
            complaints = f.read()
        if rc != 0 or complaints:
            fault(f"bash: exit {rc}: {complaints}")

    def expect(self, line, words):
        found = self.complete(line)
        if sorted(found) != sorted(words):
            fault(f"'{line}': {' '.join(sorted(found))}; not {' '.join(sorted(words))}")


def title(c):
    return c["noun"] + (" " + c["verb"] if c["verb"] else "")


def names(options):
    return {"--" + o["name"] for o in options}


def hold_against_table(shell, table):
    """Every command, verb and option, and each value's words named in the option's help."""
    commands = table["commands"]
    shell.expect("muster ", {c["noun"] for c in commands} | {"help"})
    everywhere = names(table["options"])
    commands[0]["options"] += table["options"]
    for c in commands:
        if c["verb"]:
            shell.expect(f"muster {c['noun']} ",
                         {x["verb"] for x in commands if x["noun"] == c["noun"]})
        shell.expect(f"muster {title(c)} -", names(c["options"]) | everywhere)
        for o in c["options"]:
            option = "--" + o["name"]
            offered = shell.complete(f"muster {title(c)} {option} ") if o["value"] else []
            if option in WORDS and not all(re.search(rf"\b{w}\b", o["help"] + " " + o["value"])
                                           for w in offered):
                fault(f"{option}: offers {offered}, its help says: {o['help']}")
            if option in WORDS and not offered:
                fault(f"{option}: offers nothing")
            if o["letter"] and o["value"]:
                shell.expect(f"muster {title(c)} -{o['letter']} ", offered)


def as_a_user_types(shell):
    nodes, unproven = {"node1", "node2", "node10"}, {f"node{i}/eth5" for i in (1, 2, 10)}
    labels = {"lab", "mgmt", "storage-a"}
    for line, words in (
            ("muster sta", ["status"]),
            ("muster node", ["node"]),
            ("muster node a", ["approve"]),
            ("muster nod a", []),
            ("muster nothing ", []),
            ("muster node show ", nodes),
            ("muster node show node1", {"node1", "node10"}),
            ("muster --json --timeout 5s node show node2", {"node2"}),
            ("muster node rename node1 ", []),
            ("muster node declare-dead node1 --type-name ", []),
            ("muster explain ", nodes),
            ("muster explain node1 ", labels | {"unproven:" + x for x in unproven}),
            ("muster explain node1 unproven:", unproven),
            ("muster explain node1 unproven:node2/", {"node2/eth5"}),
            ("muster matrix --node node1 --node ", nodes),
            ("muster matrix --node=node2", {"node2"}),
            ("muster matrix --kind=", {"network", "lun", "vg", "lv", "filesystem", "image"}),
            ("muster resource list --kind l", {"lun", "lv"}),
            ("muster fs list mgmt l", {"lab"}),
            ("muster fs admit m", {"mgmt"}),
            ("muster fs retire mgmt s", {"storage-a"}),
            ("muster scan --wait l", {"lab"}),
            ("muster scan lab mgmt l", {"lab"}),
            ("muster task watch ", {"7", "12"}),
            ("muster hold end ", {str(scans.TOKEN + 8)}),
            ("muster hold take m", {"mgmt"}),
            ("muster hold take mgmt --node node1", {"node1", "node10"}),
            ("muster hold take mgmt --for ", []),
            ("muster lease list --resource l", {"lab"}),
            ("muster node show node1 --section p", {"paths", "partitions", "pvs"}),
            ("muster matrix --resource s", {"storage-a"}),
            ("muster network delete ", labels),
            ("muster network define ", []),
            ("muster node list --state d", {"down", "dead"}),
            ("muster backup pla", {"place", "plan"}),
            ("muster enrol --token-file plac", {"place"}),
            ("muster --key-file plac", {"place"})):
        shell.expect(line, words)


def asks_where_the_user_means(shell):
    os.unlink(os.path.join(shell.folder, "log"))
    shell.complete("muster --connect ipc:///tmp/x.sock --key-file=k node show ")
    with open(os.path.join(shell.folder, "log"), encoding="utf-8") as f:
        call = json.loads(f.readline())
    if (call["endpoint"], call["key_file"]) != ("ipc:///tmp/x.sock", "k"):
        fault(f"the options that lead to the coordinator are not kept: {call}")


def main():
    top, program = (os.path.abspath(p) for p in sys.argv[1:])
    if not os.path.exists(LIBRARY):
        print("SKIP: bash-completion is not installed")
        sys.exit(77)
    table = json.loads(subprocess.run([program, "--json", "--help"], capture_output=True,
                                      check=True).stdout)
    with tempfile.TemporaryDirectory() as folder:
        for name in ("answers", "work"):
            os.mkdir(os.path.join(folder, name))
        for name in ("place", "plan"):
            with open(os.path.join(folder, "work", name), "w", encoding="utf-8"):
                pass
        made_up.coordinator(encode.Encoder(top), made_up.three()) \
            .say("TASK_LIST", {"tasks": [scans.task(), scans.task(12)]}) \
            .say("HOLD_LIST", {"leases": [scans.hold()]}) \
            .write(os.path.join(folder, "answers"))
        shell = Shell(top, program, folder)
        hold_against_table(shell, table)
        as_a_user_types(shell)
        asks_where_the_user_means(shell)
        shell.end()
    print(f"{faults} faults")
    sys.exit(1 if faults else 0)


main()
