#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing that failed can count as passed: ./check itself, on small projects that fail in every way.
Usage: check_test.py TOP"""
import json
import os
import shutil
import subprocess
import sys
import tempfile

TOP = sys.argv[1]
LIMIT_S = 200

GOOD = "int main(void)\n{\n    return 0;\n}\n"
PROJECT = """project('muster', 'c')
test('one', executable('one', 'one.c'), suite: 'unit')
test('two', executable('two', 'two.c'), suite: 'unit', timeout: 1)
"""
TAP = """#include <stdio.h>
int main(void) {{ printf("TAP version 13\\n1..2\\nok - a::b\\n%s\\n", "{}"); return {}; }}
"""

# What it is, files beside the good ones, the last line, a line that is said.
STORIES = [
    ("good", {}, "2 passed, 0 failed, 0 skipped", ""),
    ("a test fails", {"two.c": "int main(void) { return 1; }\n"},
     "1 passed, 1 failed, 0 skipped", "FAIL gcc / two: FAIL"),
    ("a test crashes", {"two.c": "int main(void) { __builtin_trap(); }\n"},
     "1 passed, 1 failed, 0 skipped", "FAIL gcc / two: FAIL"),
    ("a test hangs", {"two.c": "#include <unistd.h>\nint main(void) { for (;;) pause(); }\n"},
     "1 passed, 1 failed, 0 skipped", "FAIL gcc / two: TIMEOUT"),
    ("a test is skipped",
     {"two.c": '#include <stdio.h>\nint main(void) { puts("SKIP: no disk"); return 77; }\n'},
     "1 passed, 0 failed, 1 skipped", "SKIP gcc / two: no disk"),
    ("a part is skipped",
     {"two.c": TAP.format("ok - a::c  # SKIP only root can", 0),
      "meson.build": PROJECT.replace("timeout: 1", "protocol: 'tap'")},
     "2 passed, 0 failed, 1 skipped", "SKIP gcc / two: a::c: only root can"),
    ("a part fails",
     {"two.c": TAP.format("not ok - a::c", 0),
      "meson.build": PROJECT.replace("timeout: 1", "protocol: 'tap'")},
     "1 passed, 1 failed, 0 skipped", "FAIL gcc / two: FAIL"),
    ("all parts are good and the program is not", # a leak, found at the end
     {"two.c": TAP.format("ok - a::c", 1),
      "meson.build": PROJECT.replace("timeout: 1", "protocol: 'tap'")},
     "1 passed, 1 failed, 0 skipped", "FAIL gcc / two: ERROR"),
    ("it does not compile", {"two.c": "int main(void) { return nothing; }\n"},
     "0 passed, 1 failed, 0 skipped", "FAIL the gcc build"),
    ("it warns", {"two.c": "int main(void) { int unused; return 0; }\n",
                  "meson.build": PROJECT.replace("'c')", "'c', default_options: 'warning_level=2')")},
     "0 passed, 1 failed, 0 skipped", "FAIL the gcc build"),
    ("it does not link", {"two.c": "int other(void); int main(void) { return other(); }\n"},
     "0 passed, 1 failed, 0 skipped", "FAIL the gcc build"),
    ("meson.build is broken", {"meson.build": PROJECT + "nonsense(\n"},
     "0 passed, 1 failed, 0 skipped", "FAIL the gcc build"),
    ("no tests", {"meson.build": "project('muster', 'c')\nexecutable('one', 'one.c')\n"},
     "0 passed, 1 failed, 0 skipped", "FAIL gcc: the tests did not run"),
    ("packages are missing", {"tools/install-packages": "#!/bin/sh\nexit 1\n"},
     "0 passed, 1 failed, 0 skipped", "FAIL packages are missing"),
]


def put(top, files):
    for name, text in files.items():
        path = os.path.join(top, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        if text.startswith("#!"):
            os.chmod(path, 0o755)


def check(top):
    done = subprocess.run(["./check", "--quick"], cwd=top, stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=LIMIT_S)
    return done.returncode, done.stdout.rstrip("\n").split("\n"), done.stderr


def try_story(top, what, files, last, said):
    put(top, {"one.c": GOOD, "two.c": GOOD, "meson.build": PROJECT,
              "tools/install-packages": "#!/bin/sh\n"} | files)
    status, lines, stderr = check(top)
    good = lines[-1] == last and (not said or said in lines) and \
        (status == 0) == (" 0 failed" in last)
    if not good:
        sys.exit(f"{what}: status {status}\n" + "\n".join(lines) + stderr)


def count(log, expected):
    with tempfile.NamedTemporaryFile("w", suffix=".json") as f:
        f.write(log)
        f.flush()
        return subprocess.run([os.path.join(TOP, "tools/count-tests"), f.name, "x", str(expected)],
                              capture_output=True, text=True)


def check_count():
    """Logs that meson does not finish."""
    ok = json.dumps({"name": "a", "result": "OK", "stdout": ""}) + "\n"
    done = count(ok, 3)
    assert done.stdout.endswith("\n1 2 0\n") and "2 of 3 tests have no result" in done.stdout, done
    for broken in ("{", ok + "{\n", json.dumps({"name": "a"})):
        done = count(broken, 1)
        assert done.returncode == 1 and "no usable test log" in done.stderr, done
    for result in ("FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS", "whatever"):
        done = count(json.dumps({"name": "a", "result": result}), 1)
        assert done.stdout == f"FAIL x / a: {result}\n0 1 0\n", done


def main():
    check_count()
    with tempfile.TemporaryDirectory() as top:
        shutil.copy(os.path.join(TOP, "check"), top)
        os.mkdir(os.path.join(top, "tools"))
        shutil.copy(os.path.join(TOP, "tools/count-tests"), os.path.join(top, "tools"))
        # One folder after the other: what an earlier run has left is never counted.
        for what, files, last, said in STORIES:
            try_story(top, what, files, last, said)
        shutil.rmtree(os.path.join(top, "build-check"))
        try_story(top, "nothing built, and broken", {"meson.build": "nonsense(\n"},
                  "0 passed, 1 failed, 0 skipped", "FAIL the gcc build")
    print(f"{len(STORIES) + 1} stories")


main()
