#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules of docs/STYLE.md that a program can check, over the files that git tracks (or, outside a
git checkout, all files). Usage: style.py TOP CHECK, where CHECK is one of: layers, functions,
banned, headers, format, prose."""
import os
import re
import subprocess
import sys

LONGEST_FUNCTION = 60  # lines; a ratchet: lower it, never raise it
LONGEST_FILE = 600     # lines of one .c or .h

# Path prefix -> layer; the longest prefix wins.
PLACES = {
    "lib/base/": "base", "lib/base/log": "log", "lib/model/": "model", "lib/wire/": "wire",
    "lib/net/": "net", "lib/client/": "client",
    "coordinator/": "coordinator", "coordinator/core/": "core", "coordinator/store": "store",
    "probe/": "probe", "probe/agent": "agent", "probe/worker.c": "worker",
    "probe/worker_scan.c": "worker", "probe/worker_rescan.c": "worker",
    "probe/collect/": "collect", "probe/collect/parse_": "parse", "probe/collect/rows": "parse",
    "probe/collect/tree": "parse", "probe/collect/dm_driver": "dm",
    "probe/scan/": "scan", "probe/scan/parse_": "image", "probe/scan/walk": "image",
    "probe/scan/limits": "image", "probe/scan/scan_": "scanner",
    "probe/change/": "change", "probe/change/parse_": "plan", "probe/worker_change.c": "worker",
    "probe/worker_refresh.c": "worker",
    "cli/": "cli",
}
# Layer -> layers whose headers it may include.
LAYERS = {
    "base": {"base"},
    "log": {"base", "log"},
    "model": {"base", "model"},
    "wire": {"base", "model", "wire", "pb-c"},
    "net": {"base", "log", "net"},
    "client": {"base", "model", "wire", "net", "client"},
    "core": {"base", "model", "wire", "core"},
    "store": {"base", "model", "wire", "core", "store"},
    "coordinator": {"base", "log", "model", "wire", "net", "core", "store", "coordinator"},
    "agent": {"base", "log", "model", "wire", "agent"},  # of the log its levels: it returns lines
    "parse": {"base", "model", "parse"},
    "dm": {"dm"},
    "collect": {"base", "model", "parse", "dm", "collect", "agent"},
    "image": {"base", "model", "parse", "image"},
    "scan": {"base", "model", "parse", "image", "dm", "scan"},
    "scanner": {"base", "model", "wire", "parse", "image", "scan", "scanner"},
    "plan": {"base", "model", "wire", "parse", "plan"},
    "change": {"base", "model", "wire", "parse", "plan", "dm", "collect", "scan", "change"},
    "probe": {"base", "log", "model", "wire", "net", "agent", "probe"},
    "worker": {"base", "log", "model", "wire", "agent", "probe", "collect", "scanner", "change"},
    "cli": {"base", "model", "wire", "client", "cli"},
}
ANYTHING = ("tests/", "bench/", "sim/")  # may include whatever they try, measure or simulate
INCLUDE_FOLDERS = ("lib", "coordinator", "probe", "")
# Libraries' headers that one place alone may include.
OWNED = {
    r"sqlite3\.h": r"coordinator/store|tests/|bench/",
    r".*\.pb-c\.h": r"lib/wire/|tests/unit/wire/|tests/fuzz/wire/|bench/",
    r"zmq\.h": r"lib/net/|lib/client/|coordinator/|probe/|tests/|bench/",
    r"netlink/.*": r"probe/collect/|tests/unit/parse|tests/fuzz/parse",
    r"jansson\.h": r"probe/collect/|tests/|bench/",
    r"blkid/.*": r"probe/collect/probe_blkid",
    r"libdevmapper\.h": r"probe/collect/(dm_driver|read_dm)|probe/scan/snapshot|probe/change/mapped|tests/",
}
# Never, anywhere: no bound, not reentrant, or a second way to do what something here does already.
BANNED = r"\b(gets|strcpy|strcat|sprintf|vsprintf|strtok|atoi|atol|atof|alloca|tmpnam|mktemp|gmtime|localtime|ctime|asctime|rand|srand|system|popen)\s*\("
SLEEP = r"\b(sleep|usleep|nanosleep|clock_nanosleep|sched_yield)\s*\("
# Sleeping by another name; a benchmark may wait for its time to be over.
WAIT_FOR_NOTHING = r"\b(poll|ppoll|zmq_poll)\s*\(\s*NULL|\bselect\s*\(\s*0\s*,\s*NULL"
SLEEP_IN_SCRIPTS = r"\btime\.sleep\b|\bimport\s+sleep\b|(^|[;&|(]|\bdo|\bthen)\s*sleep\s+[\d$]"


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


def is_script(top, name):
    return name.endswith((".py", ".sh")) or (
        "." not in os.path.basename(name) and read(top, name).startswith("#!"))


def code_only(text):
    """The text with comments and string contents blanked, line structure kept."""
    def blank(m):
        return re.sub(r"[^\n]", " ", m.group(0))
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text,
                  flags=re.S)


def layer_of(path):
    return PLACES.get(max((p for p in PLACES if path.startswith(p)), key=len, default=None))


def layer_of_header(top, header, name):
    """The layer of the file that a quoted include means, as the compiler would find it."""
    if header.endswith(".pb-c.h"):
        return "pb-c"
    for folder in (os.path.dirname(name), *INCLUDE_FOLDERS):
        path = os.path.normpath(os.path.join(folder, header))
        if os.path.isfile(os.path.join(top, path)):
            return layer_of(path)
    return None


def check_layers(top, files):
    for name in files:
        if not name.endswith((".c", ".h")):
            continue
        layer, free = layer_of(name), name.startswith(ANYTHING)
        if layer is None and not free:
            yield f"{name}: its folder has no layer; give it one in PLACES"
            continue
        for n, line in enumerate(read(top, name).split("\n"), 1):
            m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            header = m.group(2)
            for pattern, owners in OWNED.items():
                if re.fullmatch(pattern, header) and not re.match(owners, name):
                    yield f"{name}:{n}: includes {header}, which only {owners} may"
            if m.group(1) == '"' and not free:
                other = layer_of_header(top, header, name)
                if other not in LAYERS[layer]:
                    yield f"{name}:{n}: {layer} may not include \"{header}\" (layer {other})"


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
            if re.search(WAIT_FOR_NOTHING, line) and not name.startswith("bench/"):
                yield f"{name}:{n}: a wait for nothing but time"
    for name in files:
        if not is_script(top, name) or name.startswith("tests/style/"):
            continue
        for n, line in enumerate(read(top, name).split("\n"), 1):
            if re.search(SLEEP_IN_SCRIPTS, line):
                yield f"{name}:{n}: a sleep: wait for an event with a limit, never a time"


def check_headers(top, files):
    spdx = "SPDX-License-Identifier: GPL-2.0-or-later"
    for name in files:
        if not name.endswith((".c", ".h", ".proto", ".sql", "meson.build")) and \
                not is_script(top, name):
            continue
        text = read(top, name)
        if spdx not in text[:400]:
            yield f"{name}: no '{spdx}' in its first lines"
        if name.endswith(".h") and "#ifndef MUSTER_" not in text:
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


if __name__ == "__main__":
    main()
