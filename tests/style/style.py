#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of docs/STYLE.md that a program can check, over the files that git tracks (or, outside a
git checkout, all files). Usage: style.py TOP CHECK, where CHECK is one of: layers, functions,
banned, headers, format, prose."""
import os
import re
import subprocess
import sys

LONGEST_FUNCTION = 70  # lines; a ratchet: lower it, never raise it
LONGEST_FILE = 600     # lines of one .c or .h

# Folder prefix -> first components of the project headers it may include. Longest prefix wins.
LAYERS = {
    "lib/base": {"base"},
    "lib/model": {"base", "model"},
    "lib/wire": {"base", "model", "wire", "pb-c"},
    "lib/net": {"base", "net"},
    "lib/client": {"base", "model", "wire", "net", "client"},
    "coordinator/core/": {"base", "model", "wire", "core"},
    "coordinator/store": {"base", "model", "wire", "core", "store", "schema"},
    "coordinator": {"base", "model", "wire", "net", "core", "store", "shell"},
    "probe/agent": {"base", "model", "wire", "agent"},
    "probe/collect/parse_": {"base", "model", "collect-pure"},
    "probe/collect": {"base", "model", "agent", "collect", "collect-pure"},
    "probe": {"base", "model", "wire", "net", "agent", "collect", "probe"},
    "cli": {"base", "model", "wire", "client", "cli"},
}
# Libraries' headers that one place alone may include.
OWNED = {
    r"sqlite3\.h": r"coordinator/store|tests/|bench/",
    r".*\.pb-c\.h": r"lib/wire/|tests/unit/wire/|tests/fuzz/wire/|bench/",
    r"zmq\.h": r"lib/net/|lib/client/|coordinator/|probe/|tests/|bench/",
    r"netlink/.*": r"probe/collect/|tests/unit/parse|tests/fuzz/parse",
    r"jansson\.h": r"probe/collect/|tests/|bench/",
}
# Never, anywhere: no bound, not reentrant, or a second way to do what something here does already.
BANNED = r"\b(gets|strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|alloca|tmpnam|mktemp|gmtime|localtime|ctime|asctime|rand|srand|system|popen)\s*\("
SLEEP = r"\b(sleep|usleep|nanosleep)\s*\("


def tracked(top):
    git = subprocess.run(["git", "-C", top, "ls-files"], capture_output=True, text=True)
    if git.returncode == 0 and git.stdout:
        return [f for f in git.stdout.split("\n") if f and os.path.isfile(os.path.join(top, f))]
    found = []
    for folder, dirs, files in os.walk(top):
        dirs[:] = [d for d in dirs if not d.startswith((".", "build")) and d != "var"]
        found += [os.path.relpath(os.path.join(folder, f), top) for f in files]
    return found


def read(top, name):
    with open(os.path.join(top, name), encoding="utf-8", errors="replace") as f:
        return f.read()


def code_only(text):
    """The text with comments and string contents blanked, line structure kept."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.S)


def component(header, name):
    """Which layer a quoted include belongs to."""
    if header.endswith(".pb-c.h"):
        return "pb-c"
    if header == "store.h" or header.startswith("store_"):
        return "store"
    if header == "agent.h" or header.startswith("agent_"):
        return "agent"
    first = header.split("/")[0] if "/" in header else ""
    if first == "collect":
        first = ""
        name = "probe/collect/x"
    if first in {"base", "model", "wire", "net", "client", "core"}:
        return first
    for prefix, layer in (("lib/base", "base"), ("lib/model", "model"), ("lib/wire", "wire"),
                          ("lib/net", "net"), ("lib/client", "client"),
                          ("coordinator/core/", "core"), ("coordinator/store", "store"),
                          ("coordinator", "shell"), ("probe/collect", "collect"),
                          ("probe", "probe"), ("cli", "cli")):
        if name.startswith(prefix):
            if layer == "collect" and os.path.basename(header).startswith(("parse_", "rows")):
                return "collect-pure"
            return layer
    return "?"


def check_layers(top, files):
    for name in files:
        if not name.endswith((".c", ".h")):
            continue
        text = read(top, name)
        layer = max((p for p in LAYERS if name.startswith(p)), key=len, default=None)
        for n, line in enumerate(text.split("\n"), 1):
            m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            header = m.group(2)
            for pattern, owners in OWNED.items():
                if re.fullmatch(pattern, header) and not re.match(owners, name):
                    yield f"{name}:{n}: includes {header}, which only {owners} may"
            if m.group(1) == '"' and layer and component(header, name) not in LAYERS[layer]:
                yield (f"{name}:{n}: {layer} may not include \"{header}\" "
                       f"(layer {component(header, name)})")


def functions(text):
    """(first line, last line, name) of each function body: a '{' at the start of a line that closes
    with a '}' there, as the formatter leaves them."""
    lines = code_only(text).split("\n")
    start = None
    for i, line in enumerate(lines):
        if line.startswith("{") and i and not lines[i - 1].rstrip().endswith(("=", ";")):
            start = i
        elif line.startswith("}") and start is not None:
            name = "?"
            for back in range(start - 1, max(start - 8, -1), -1):
                m = re.search(r"(\w+)\s*\(", lines[back])
                if m and not lines[back].startswith((" ", "\t")):
                    name = m.group(1)
                    break
            yield start + 1, i + 1, name
            start = None


def check_functions(top, files):
    for name in files:
        if not name.endswith((".c", ".h")):
            continue
        text = read(top, name)
        count = text.count("\n")
        if count > LONGEST_FILE and not name.startswith("tests/"):
            yield f"{name}: {count} lines; the longest allowed is {LONGEST_FILE}"
        for first, last, function in functions(text):
            if last - first + 1 > LONGEST_FUNCTION:
                yield (f"{name}:{first}: {function} has {last - first + 1} lines; the longest "
                       f"allowed is {LONGEST_FUNCTION}")


def check_banned(top, files):
    for name in files:
        if not name.endswith((".c", ".h")):
            continue
        for n, line in enumerate(code_only(read(top, name)).split("\n"), 1):
            m = re.search(BANNED, line)
            if m:
                yield f"{name}:{n}: {m.group(1)} is banned"
            m = re.search(SLEEP, line)
            if m:
                yield f"{name}:{n}: {m.group(1)}: wait for an event with a limit, never a time"
    for name in files:
        if name.startswith("tests/") and name.endswith((".py", ".sh")) and "style" not in name:
            for n, line in enumerate(read(top, name).split("\n"), 1):
                if re.search(r"\b(time\.sleep|sleep)\s*[( ]\d*", line.split("#")[0]):
                    yield f"{name}:{n}: a test may not sleep"


def check_headers(top, files):
    spdx = "SPDX-License-Identifier: GPL-2.0-or-later"
    for name in files:
        text = None
        if name.endswith((".c", ".h", ".proto", ".sql", ".py", ".sh", "meson.build")):
            text = read(top, name)
        elif "." not in os.path.basename(name):
            body = read(top, name)
            text = body if body.startswith("#!") else None
        if text is not None and spdx not in text[:400]:
            yield f"{name}: no '{spdx}' in its first lines"
        if name.endswith(".h") and text is not None and "#ifndef MUSTER_" not in text:
            yield f"{name}: no include guard MUSTER_..."


def check_format(top, files):
    sources = [f for f in files if f.endswith((".c", ".h"))]
    try:
        version = subprocess.run(["clang-format", "--version"], capture_output=True, text=True)
    except FileNotFoundError:
        print("SKIP: clang-format is not installed")
        sys.exit(77)
    if "version 14" not in version.stdout:
        print("SKIP: clang-format 14 is the judge; this is", version.stdout.strip())
        sys.exit(77)
    for i in range(0, len(sources), 50):
        run = subprocess.run(["clang-format", "--dry-run", "--Werror", *sources[i:i + 50]],
                             cwd=top, capture_output=True, text=True)
        for line in run.stderr.split("\n"):
            if "error:" in line:
                yield line


def check_prose(top, files):
    words = r"\b(TODO|FIXME|XXX|HACK)\b"
    for name in files:
        if name.startswith("tests/style/") or name.endswith((".tar", ".bin", ".png")):
            continue
        if not name.endswith((".c", ".h", ".md", ".py", ".proto", ".sql", ".build", ".1", ".5",
                              ".8", ".conf", ".service")) and "." in os.path.basename(name):
            continue
        for n, line in enumerate(read(top, name).split("\n"), 1):
            m = re.search(words, line)
            if m:
                yield f"{name}:{n}: {m.group(1)} left behind"
            if line != line.rstrip():
                yield f"{name}:{n}: blanks at the end of the line"


CHECKS = {"layers": check_layers, "functions": check_functions, "banned": check_banned,
          "headers": check_headers, "format": check_format, "prose": check_prose}


def main():
    top, check = sys.argv[1:3]
    files = tracked(top)
    if len(files) < 20:
        sys.exit(f"only {len(files)} files to check: this is not the checkout")
    faults = list(CHECKS[check](top, files))
    for fault in faults:
        print(fault)
    print(f"{check}: {len(files)} files, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
