#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual page knows every command and option, docs/json.md every command, member, state, code
and kind of event; and neither knows more. Every page is headed by this program and its version.
Usage: pages.py TOP MUSTER-DOUBLE"""
import json
import pathlib
import re
import shutil
import subprocess
import sys

faults = 0


def fault(text):
    global faults
    faults += 1
    print(text)


def same(what, there, right):
    for x in sorted(right - there):
        fault(f"{what}: {x} is missing")
    for x in sorted(there - right):
        fault(f"{what}: {x} is too much")


def title(c):
    return " ".join(w for w in (c["noun"], c["verb"]) if w)


def manual(page, table):
    """Commands are items `.It Ic NOUN VERB ...`, their options the items in them."""
    options_of = {}
    command = ""  # the options of every command stand before the first
    for line in page.splitlines():
        m = re.match(r"\.It (?:Xo )?Ic ([a-z]+(?: [a-z-]+)?)", line)
        if m:
            command = m[1]
        options = re.findall(r"Fl (-?[a-z-]+|[a-zA-Z])\b", line) if line.startswith(".It Fl") else []
        options_of.setdefault(command, set()).update("-" + o for o in options)
    right = {title(c): c["options"] for c in table["commands"]} | {"": table["options"]}
    same("muster.1", set(options_of), set(right))
    for name, options in right.items():
        names = {"--" + o["name"] for o in options} | {"-" + o["letter"] for o in options
                                                       if o["letter"]}
        same(f"muster.1, {name or 'options of every command'}", options_of.get(name, set()), names)


def members(text, heading):
    """First column of the tables under a heading."""
    part = text.split(f"\n### {heading}\n", 1)[1].split("\n### ", 1)[0]
    columns = [line.split("|")[1] for line in part.splitlines() if line.startswith("|")]
    return {w for c in columns for w in re.findall(r"`([^`]+)`", c)}


def documents(text, table, definitions):
    """One heading for each command, one for each kind of record with all its members."""
    titles = {t for t in re.findall(r"^### muster (.*)", text, re.M)}
    same("json.md", titles, {title(c) for c in table["commands"]})
    for record in ("node", "resource", "edge", "event", "network", "evidence", "use", "token", "lease",
                   "job", "image", "link"):
        there = {m for m in members(text, record.capitalize()) if "." not in m}
        same(f"json.md, {record}", there, set(definitions[record]["properties"]))
    same("json.md, section", members(text, "Section"),
         set(definitions["section nics"]["properties"]))
    same("json.md, task", members(text, "Task"), set(definitions["task record"]["properties"]))
    same("json.md, status", members(text, "Status"),
         set(definitions["status record"]["properties"]))
    for c in table["commands"]:
        part = text.partition(f"\n### muster {title(c)}\n")[2]
        while part.startswith("### muster "):  # several commands share a description
            part = part.split("\n", 1)[1]
        part = part.split("\n### ", 1)[0]
        own = set(definitions[title(c)]["properties"]) - {"generation", "event_no"}
        if "](#status)" in part:
            own -= set(definitions["status record"]["properties"])
        for m in own:
            if f"`{m}`" not in part and f'"{m}"' not in part:
                fault(f"json.md, muster {title(c)}: `{m}` is missing")
    codes = text.split("\n## What fails\n", 1)[1].split("\n## ", 1)[0]
    same("json.md, codes", set(re.findall(r"^\| `([a-z-]+)`", codes, re.M)),
         set(definitions["error"]["properties"]["error"]["properties"]["code"]["enum"]))


def events(text, core):
    """Kinds of events, as the core's sources name them."""
    named = set()
    for path in core.glob("*.c"):
        named |= set(re.findall(r'"((?:coordinator|node|edge|section|network|lun|vg|lv|pv|fs|lease|hold|task|scan'
                                r'|token|client|message|event)\.[a-z-]+)"', path.read_text(encoding="utf-8")))
    same("json.md, kinds of events", {m for m in members(text, "Event") if "." in m}, named)


def kernel_command_line(top):
    """What muster-probe takes there, in its source, its help and its page."""
    source = (top / "probe/probe_options.c").read_text(encoding="utf-8")
    table = source.split("} settings[] = {", 1)[1].split("};", 1)[0]
    right = set(re.findall(r'(?:"[a-z-]+"|NULL), "([a-z_-]+)", set_', table))
    for what, text in (("muster-probe --help", source.split("settings[]", 1)[0]),
                       ("muster-probe.8", (top / "docs/muster-probe.8").read_text())):
        same(what, set(re.findall(r"\bmuster\.([a-z_-]+)=", text)), right)


def headings(folder, version):
    """mdoc would name BSD as the system."""
    for path in sorted(folder.glob("*.[1-8]")):
        page = path.read_text(encoding="utf-8")
        for line in (f".Os muster {version}", ".ds doc-volume-operating-system muster"):
            if f"\n{line}\n" not in page:
                fault(f"{path.name}: {line} is missing")
        if shutil.which("groff"):
            shown = subprocess.run(["groff", "-mandoc", "-Tascii", path], capture_output=True,
                                   text=True, check=True).stdout.strip().splitlines()
            if "BSD" in shown[0] + shown[-1] or f"muster {version}" not in shown[-1]:
                fault(f"{path.name}: is headed {shown[0]!r}, ends with {shown[-1]!r}")


def main():
    top, program = pathlib.Path(sys.argv[1]), sys.argv[2]
    table = json.loads(subprocess.run([program, "--json", "--help"], capture_output=True,
                                      check=True).stdout)
    definitions = json.loads((top / "docs/json/muster.schema.json").read_text())["$defs"]
    text = (top / "docs/json.md").read_text(encoding="utf-8")
    manual((top / "docs/muster.1").read_text(encoding="utf-8"), table)
    documents(text, table, definitions)
    events(text, top / "coordinator/core")
    kernel_command_line(top)
    version = json.loads(subprocess.run([program, "--json", "--version"], capture_output=True,
                                        check=True).stdout)["version"]
    headings(top / "docs", version)
    print(f"{faults} faults")
    sys.exit(1 if faults else 0)


main()
