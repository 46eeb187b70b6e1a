#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the checkers: a small tree without faults passes, and each fault that they know, put into it
alone, is reported, and nothing else. Usage: selftest.py NM AR CC..."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
import style

HERE = os.path.dirname(os.path.abspath(__file__))
NM, AR = sys.argv[1:3]
CC = sys.argv[3:]

SPDX = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
GOOD_C = SPDX + "#include <stdio.h>\n\nint good(int v)\n{\n    return v + 1; /* sleep(1) */\n}\n"


def header(guard, body=""):
    return SPDX + f"#ifndef MUSTER_{guard}_H\n#define MUSTER_{guard}_H\n{body}#endif\n"


def function(lines):
    """One with so many lines."""
    return SPDX + "int f(int v)\n{\n" + "    v++;\n" * (lines - 3) + "    return v;\n}\n"


TREE = {f"lib/base/good{i}.c": GOOD_C for i in range(14)} | {
    "lib/base/text.h": header("TEXT"), "lib/base/log.h": header("LOG"),
    "lib/model/record.h": header("RECORD", '#include "base/text.h"\n'),
    "lib/net/net.h": header("NET"), "coordinator/core/core.h": header("CORE"),
    "coordinator/store.h": header("STORE"), "probe/collect/collect.h": header("COLLECT"),
    "probe/scan/read_x.h": header("READ_X"), "probe/agent.h": header("AGENT"),
    "tests/unit/test_x.c": SPDX + '#include "net/net.h"\n#include <sqlite3.h>\n',
    "tests/integration/test_x.py": "#!/usr/bin/python3\n# SPDX-License-Identifier: GPL-2.0-or-later\n",
    "docs/x.md": "# A page\n", "lib/base/longest.c": function(style.LONGEST_FUNCTION),
}


def including(line):
    return SPDX + f"#include {line}\n"


# Check, file, its content, what must be reported.
FAULTS = [
    ("layers", "lib/base/x.c", including('"model/record.h"'), "base may not include"),
    ("layers", "lib/model/x.c", including('"net/net.h"'), "model may not include"),
    ("layers", "lib/model/x.c", including('"base/log.h"'), "model may not include"),
    ("layers", "lib/net/x.c", including('"core/core.h"'), "net may not include"),
    ("layers", "coordinator/core/x.c", including('"store.h"'), "core may not include"),
    ("layers", "coordinator/core/x.c", including('"net/net.h"'), "core may not include"),
    ("layers", "coordinator/store_x.c", including('"net/net.h"'), "store may not include"),
    ("layers", "probe/agent_x.c", including('"net/net.h"'), "agent may not include"),
    ("layers", "probe/collect/parse_x.c", including('"collect.h"'), "parse may not include"),
    ("layers", "probe/scan/walk_x.c", including('"read_x.h"'), "image may not include"),
    ("layers", "probe/scan/x.c", including('"collect/collect.h"'), "scan may not include"),
    ("layers", "probe/supervisor.c", including('"collect/collect.h"'), "probe may not include"),
    ("layers", "cli/x.c", including('"core/core.h"'), "cli may not include"),
    ("layers", "cli/x.c", including('"no/where.h"'), "cli may not include"),
    ("layers", "other/x.c", GOOD_C, "has no layer"),
    ("layers", "coordinator/x.c", including("<sqlite3.h>"), "includes sqlite3.h"),
    ("layers", "lib/model/x.c", including("<zmq.h>"), "includes zmq.h"),
    ("layers", "coordinator/x.c", including("<jansson.h>"), "includes jansson.h"),
    ("layers", "probe/x.c", including("<netlink/msg.h>"), "includes netlink/msg.h"),
    ("layers", "tests/unit/x.c", including('"node.pb-c.h"'), "includes node.pb-c.h"),
    ("functions", "lib/base/x.c", function(style.LONGEST_FUNCTION + 1), "f has"),
    ("functions", "tests/unit/x.c", function(style.LONGEST_FUNCTION + 1), "f has"),
    ("functions", "lib/base/x.c", SPDX + "\n" * 600, "601 lines"),
    ("prose", "lib/base/x.c", GOOD_C.replace("sleep(1)", "TODO"), "TODO left behind"),
    ("prose", "docs/y.md", "FIXME\n", "FIXME left behind"),
    ("prose", "tools/x", "#!/bin/sh\necho \n", "blanks at the end"),
    ("headers", "lib/base/x.c", "int x;\n", "no 'SPDX"),
    ("headers", "schema/0002.sql", "SELECT 1;\n", "no 'SPDX"),
    ("headers", "proto/x.proto", "syntax;\n", "no 'SPDX"),
    ("headers", "lib/meson.build", "subdir('x')\n", "no 'SPDX"),
    ("headers", "tools/x", "#!/bin/sh\n", "no 'SPDX"),
    ("headers", "tools/x.py", "pass\n", "no 'SPDX"),
    ("headers", "lib/base/x.h", SPDX + "#pragma once\n", "no include guard"),
    ("format", "lib/base/x.c", SPDX + "int  x;\n", "clang-format"),
    ("format", "tests/unit/x.c", SPDX + "int  x;\n", "clang-format"),
]
for call in ("gets(s)", "strcpy(a, b)", "strcat(a, b)", "sprintf(a, b)", "vsprintf(a, b, c)",
             "strtok(a, b)", "atoi(s)", "atol(s)", "atof(s)", "alloca(9)", "tmpnam(s)", "mktemp(s)",
             "gmtime(t)", "localtime(t)", "ctime(t)", "asctime(t)", "rand()", "srand(1)",
             "system(s)", "popen(a, b)"):
    FAULTS.append(("banned", "lib/base/x.c", SPDX + f"int x = {call};\n", "is banned"))
for call in ("sleep(1)", "usleep(1)", "nanosleep(&t, NULL)", "clock_nanosleep(0, 0, &t, NULL)",
             "sched_yield()", "poll(NULL, 0, 100)", "zmq_poll(NULL, 0, 100)",
             "select(0, NULL, NULL, NULL, &t)"):
    for name in ("coordinator/x.c", "tests/unit/x.c", "tests/integration/x.c"):
        FAULTS.append(("banned", name, SPDX + f"int x = {call};\n", "time"))
for line in ("time.sleep(1)", "from time import sleep", "import time; time.sleep(0.1)"):
    for name in ("tests/integration/x.py", "tests/unit/x.py", "tools/x.py", "bench/x.py"):
        FAULTS.append(("banned", name, line + "\n", "a sleep"))
for line in ("sleep 1", "while true; do sleep 1; done", "true && sleep $n", "(sleep 5)"):
    for name in ("tests/fuzz/run-x", "check", "tests/x.sh"):
        FAULTS.append(("banned", name, "#!/bin/sh\n" + line + "\n", "a sleep"))


def put(top, files):
    for name, text in files.items():
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip().split("\n")


def style_run(top, check):
    return run(sys.executable, os.path.join(HERE, "style.py"), top, check)


def expect(good, what, lines):
    if not good:
        sys.exit(f"{what}:\n" + "\n".join(lines))


def check_good_tree(top):
    """Which checks cannot be made here."""
    skipped = set()
    for check in style.CHECKS:
        status, lines = style_run(top, check)
        if status == 77:
            skipped.add(check)
            continue
        expect(status == 0 and lines[-1].endswith(" 0 faults"), f"{check}: a good tree", lines)
    return skipped


def check_one(top, check, name, text, part):
    put(top, {name: text})
    faults = list(style.CHECKS[check](top, style.tracked(top)))
    os.remove(os.path.join(top, name))
    expect(len(faults) == 1 and name in faults[0] and part in faults[0],
           f"{check}: '{part}' is not what is said of {name}: {text}", faults)


def check_style():
    """How many faults were tried."""
    with open(os.path.join(HERE, "../../.clang-format"), encoding="utf-8") as f:
        clang_format = f.read()
    with tempfile.TemporaryDirectory() as top:
        put(top, TREE | {".clang-format": clang_format})
        skipped = check_good_tree(top)
        tried = [f for f in FAULTS if f[0] not in skipped]
        for fault in tried:
            check_one(top, *fault)
        # A fault is a failure of the program.
        put(top, {"lib/base/x.c": "int x;\n"})
        status, lines = style_run(top, "headers")
        expect(status == 1 and lines[-1].endswith(" 1 faults"), "a fault", lines)
    with tempfile.TemporaryDirectory() as top:
        put(top, {"lib/base/x.c": GOOD_C})
        status, lines = style_run(top, "layers")
        expect(status == 1 and "not the checkout" in lines[0], "an empty tree", lines)
    return len(tried)


# ---- purity -------------------------------------------------------------------------------------

PURE = """#include <stdlib.h>
#include <string.h>
static const char *const names[] = { "a", "b" };
const char *f(int i);
const char *f(int i) { return malloc(1) ? names[i] : names[0]; }
"""
IMPURE = {
    "needs time": "#include <time.h>\nlong f(void); long f(void) { return time(NULL); }\n",
    "needs clock_gettime": "#include <time.h>\nint f(struct timespec *t);"
                           "int f(struct timespec *t) { return clock_gettime(0, t); }\n",
    "needs open": "#include <fcntl.h>\nint f(void); int f(void) { return open(\"x\", 0); }\n",
    "needs getenv": "#include <stdlib.h>\nchar *f(void); char *f(void) { return getenv(\"X\"); }\n",
    "needs getrandom": "#include <sys/random.h>\nlong f(void *p);"
                       "long f(void *p) { return getrandom(p, 1, 0); }\n",
    "needs rand": "#include <stdlib.h>\nint f(void); int f(void) { return rand(); }\n",
    "needs socket": "#include <sys/socket.h>\nint f(void); int f(void) { return socket(1, 1, 0); }\n",
    "needs weak": "extern int weak(void) __attribute__((weak)); int f(void);"
                  "int f(void) { return weak ? weak() : 0; }\n",
    "variable: counted": "int f(void); int f(void) { static int counted; return counted++; }\n",
    "variable: started": "int f(void); int f(void) { static int started = 7; return started++; }\n",
    "variable: common": "int common; int f(void); int f(void) { return common++; }\n",
    "variable: own": "_Thread_local int own = 3; int f(void); int f(void) { return own++; }\n",
    "variable: where": "int v[2]; int *where = v; int *f(void); int *f(void) { return where; }\n",
}


def archive(top, name, text):
    """lib/base/libx.a with the file `name`, as meson lays it out."""
    folder = os.path.join(top, "build/lib/base")
    os.makedirs(folder, exist_ok=True)
    put(top, {"lib/base/" + name: text})
    out, member = os.path.join(folder, "libx.a"), os.path.join(folder, name + ".o")
    status, lines = run(*CC, "-O2", "-fPIC", "-c", "-o", member, os.path.join(top, "lib/base", name))
    expect(status == 0, text, lines)
    if os.path.exists(out):
        os.remove(out)
    status, lines = run(AR, "rcs", out, member)
    expect(status == 0, text, lines)
    return out


def purity(top, *archives):
    return run(sys.executable, os.path.join(HERE, "purity.py"), NM, AR, top, *archives)


def check_purity():
    with tempfile.TemporaryDirectory() as top:
        pure = archive(top, "x.c", PURE)
        status, lines = purity(top, pure)
        expect(status == 0, "a pure archive", lines)
        for part, text in IMPURE.items():
            status, lines = purity(top, archive(top, "x.c", text))
            said = any(all(word in line for word in part.split()) for line in lines[:-1])
            expect(status == 1 and said, f"'{part}' is not said of {text}", lines)
        pure = archive(top, "x.c", PURE)
        put(top, {"lib/base/forgotten.c": PURE, "lib/base/log.c": PURE})
        status, lines = purity(top, pure)
        expect(status == 1 and len(lines) == 2 and "lib/base/forgotten.c is in a pure" in lines[0],
               "a file in no archive", lines)
        status, lines = purity(top)
        expect(status == 1, "no archives", lines)
    return len(IMPURE) + 2


def main():
    print(f"{check_style()} faults of style and {check_purity()} of purity, each reported")


main()
