#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Proves that the pure libraries are pure: every symbol that an archive needs from outside is either
defined in another pure archive or on the allowlist, and no archive has data that can be written
(but for relocated constants). Usage: purity.py NM ARCHIVE..."""
import os
import re
import subprocess
import sys

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
    r"uuid_generate_(sha1|md5)", r"protobuf_c_\w+", r"roaring_\w+",
    r"json_\w+", r"nla_\w+", r"nlmsg_\w+",
    r"__(asan|ubsan|sanitizer|tsan|msan)_\w+", r"_{0,2}gcov_\w+",
]


def symbols(nm, archive, kinds):
    out = subprocess.run([nm, archive], capture_output=True, text=True, check=True).stdout
    for line in out.split("\n"):
        m = re.match(r"^(?:[0-9a-f]+)?\s+([A-Za-z]) (\S+)$", line)
        if m and m.group(1) in kinds:
            yield m.group(1), m.group(2)


def main():
    nm, archives = sys.argv[1], sys.argv[2:]
    defined = {name for a in archives for _, name in symbols(nm, a, "TDRBVWi")}
    faults = 0
    for archive in archives:
        for _, name in sorted(set(symbols(nm, archive, "U"))):
            plain = name.split("@")[0]
            if plain in defined or plain in ALLOWED:
                continue
            if any(re.fullmatch(p, plain) for p in ALLOWED_PATTERNS):
                continue
            print(f"{os.path.basename(archive)} needs {plain}, which is not pure")
            faults += 1
        for kind, name in sorted(set(symbols(nm, archive, "bBcCdDsS"))):
            # Constant tables with addresses in them land in .data.rel.ro, which nm calls d too.
            if kind in "bBcC":
                print(f"{os.path.basename(archive)} has a variable: {name}")
                faults += 1
    print(f"purity: {len(archives)} archives, {faults} faults")
    sys.exit(1 if faults or not archives else 0)


main()
