#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Proves that the pure libraries are pure: every symbol that an archive needs from outside is either
defined in another pure archive or on the allowlist, no archive has data that can be written (but for
relocated constants), and every source file of a pure folder is in one of the archives.
Usage: purity.py NM AR TOP ARCHIVE..."""
import glob
import os
import re
import subprocess
import sys

# Where all files are pure, and the exceptions.
PURE = ["lib/base/*.c", "lib/model/*.c", "lib/wire/*.c", "coordinator/core/*.c", "probe/agent*.c",
        "probe/collect/parse_*.c", "probe/collect/rows.c", "probe/collect/tree.c",
        "probe/scan/parse_*.c", "probe/scan/walk.c", "probe/change/parse_*.c"]
SHELL = ["lib/base/io.c", "lib/base/log.c"]

ALLOWED = set("""
memcpy memmove memset memcmp memchr memrchr memmem strlen strnlen strcmp strncmp strcasecmp strncasecmp strchr
strrchr strstr strpbrk strspn strcspn strtoul strtoull strtol strtoll strtod bsearch qsort qsort_r
__isoc99_sscanf
malloc calloc realloc free strdup strndup snprintf vsnprintf __snprintf_chk __vsnprintf_chk __memcpy_chk
__memmove_chk __memset_chk __strcpy_chk abort __assert_fail __stack_chk_fail __errno_location
_GLOBAL_OFFSET_TABLE_ __ctype_b_loc __ctype_tolower_loc tolower timegm gmtime_r
""".split())
ALLOWED_PATTERNS = [
    r"crypto_(generichash|shorthash|verify)\w*", r"sodium_(bin2hex|hex2bin|memzero|memcmp)",
    r"randombytes_buf_deterministic",  # a function of its seed alone
    r"uuid_generate_(sha1|md5)", r"protobuf_c_\w+",
    r"json_\w+", r"nla_\w+", r"nlmsg_\w+",
    r"_{0,2}gcov_\w+",
]


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def symbols(nm, archive):
    """(name, class as nm has it, section) of each symbol of each member."""
    for line in output(nm, "--format=sysv", archive).split("\n"):
        columns = [c.strip() for c in line.split("|")]
        if len(columns) == 7:
            yield columns[0].split("@")[0], columns[2], columns[6]


def is_variable(section):
    """Constants with addresses in them are relocated into .data.rel.ro, which is read-only then."""
    return bool(re.match(r"\.(data|bss|tdata|tbss)|\*COM\*", section)) and \
        not section.startswith(".data.rel.ro")


def check_symbols(nm, archives):
    table = {a: list(symbols(nm, a)) for a in archives}
    defined = {name for rows in table.values() for name, kind, _ in rows if kind not in "Uwv"}
    for archive, rows in table.items():
        base = os.path.basename(archive)
        if not rows:
            yield f"{base} has no symbols: it was not looked at"
        for name in sorted({name for name, kind, _ in rows if kind in "Uwv"}):
            if name not in defined and name not in ALLOWED and \
                    not any(re.fullmatch(p, name) for p in ALLOWED_PATTERNS):
                yield f"{base} needs {name}, which is not pure"
        for name, section in sorted({(n, s) for n, _, s in rows if is_variable(s)}):
            yield f"{base} has a variable: {name} ({section})"


def check_members(ar, top, archives):
    """An archive is in the folder of its sources, or rather in that folder's double of the build; what it has of
    another folder is named by the way there."""
    elsewhere = {os.path.basename(m) for a in archives for m in output(ar, "t", a).split()}
    sources = {os.path.relpath(path, top) for p in PURE for path in glob.glob(os.path.join(top, p))}
    for path in sorted(sources - set(SHELL)):
        folder, name = os.path.split(path)
        members = {os.path.basename(m) for a in archives
                   if os.path.dirname(os.path.abspath(a)).endswith(os.sep + folder)
                   for m in output(ar, "t", a).split()}
        if name + ".o" not in members and f"../{path}.o".replace("/", "_") not in elsewhere:
            yield f"{path} is in a pure folder and in none of the archives"


def main():
    nm, ar, top = sys.argv[1:4]
    archives = sys.argv[4:]
    faults = [*check_symbols(nm, archives), *check_members(ar, top, archives)]
    for fault in faults:
        print(fault)
    print(f"purity: {len(archives)} archives, {len(faults)} faults")
    sys.exit(1 if faults or not archives else 0)


main()
