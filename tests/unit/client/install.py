#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Installs the client library alone, builds the example with what is installed and nothing else, as
a management server would, and runs it. Usage: install.py MESON BUILD-FOLDER EXAMPLE PLAY CC..."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile

MESON, BUILD, EXAMPLE, PLAY = sys.argv[1:5]
CC = sys.argv[5:]
LIMIT_S = 180


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}:\n{done.stdout}{done.stderr}")
    return done.stdout


def installed(root):
    """All that is there: name -> path."""
    found = {}
    for folder, _, files in os.walk(root):
        for f in files:
            found[f] = os.path.join(folder, f)
    return found


def check_files(files):
    wanted = {"muster.h", "messages.h", "messages_scan.h", "messages_lvm.h", "messages_answers.h", "sections.h", "sections_storage.h", "sections_xen.h",
              "record.h", "arena.h", "types.h", "muster-client.pc", "libmuster-client.so", "libmuster-client.so.0"}
    versioned = {f for f in files if re.fullmatch(r"libmuster-client\.so\.\d+\.\d+\.\d+", f)}
    assert len(versioned) == 1, sorted(files)
    assert set(files) == wanted | versioned, sorted(files)
    for name, path in files.items():
        if name.endswith(".h"):
            with open(path, encoding="utf-8") as f:
                for include in re.findall(r'#include\s+(.*)', f.read()):
                    assert re.fullmatch(r"<(muster/)?\w+\.h>", include), f"{name}: {include}"


def check_symbols(library):
    """What others may link to, and nothing of what is inside."""
    out = run("nm", "-D", "--defined-only", library)
    names = {line.split()[-1].split("@")[0] for line in out.splitlines()}
    stray = {n for n in names if not re.match(
        r"muster_|MUSTER_|arena_|record_|section_|edge_state_|resource_kind_|role_|\w+_desc(s)?$"
        r"|evidence_desc$", n)}
    assert not stray, sorted(stray)
    assert "muster_call" in names and "arena_new" in names


def build(root, files, work):
    source = os.path.join(work, os.path.basename(EXAMPLE))
    shutil.copy(EXAMPLE, source)
    environment = {"PATH": os.environ["PATH"], "PKG_CONFIG_SYSROOT_DIR": root,
                   "PKG_CONFIG_LIBDIR": os.path.dirname(files["muster-client.pc"])}
    flags = run("pkg-config", "--cflags", "--libs", "muster-client", env=environment).split()
    for flag in flags:
        if flag.startswith(("-I", "-L")):
            assert flag[2:].startswith(root), f"{flag} is not in the installation"
    program = os.path.join(work, "topology")
    run(*CC, "-std=c11", "-Wall", "-Wextra", "-Werror", "-o", program, source, *flags, cwd=work)
    return program


def expect_line(process, wanted):
    line = process.stdout.readline().rstrip("\n")
    assert line == wanted, f"{line!r}, not {wanted!r}"


def use(program, library, work):
    endpoint = f"ipc://{work}/client.sock"
    environment = dict(os.environ, LD_LIBRARY_PATH=os.path.dirname(library))
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([PLAY, endpoint], **options) as play:
        expect_line(play, "listening")
        with subprocess.Popen([program, endpoint], env=environment, **options) as topology:
            try:
                expect_line(topology, "generation 1")
                for generation in (2, 3):
                    print(generation, file=play.stdin, flush=True)
                    expect_line(topology, f"generation {generation}")
            finally:
                topology.kill()
                play.stdin.close()


def main():
    signal.alarm(3 * LIMIT_S)
    with tempfile.TemporaryDirectory() as top:
        root, work = os.path.join(top, "root"), os.path.join(top, "work")
        os.mkdir(work)
        run(MESON, "install", "-C", BUILD, "--no-rebuild", "--tags", "client", "--destdir", root)
        files = installed(root)
        check_files(files)
        library = os.path.realpath(files["libmuster-client.so"])
        check_symbols(library)
        use(build(root, files, work), library, work)
    print(f"{len(files)} files installed; the example works with them")


main()
