#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Proves that docs/inventory.md has a complete row for every field of every section, in the order of
lib/model/sections.h, sections_storage.h and sections_xen.h, and none for a field that does not exist; and that the captures it names are
there. Usage: inventory.py TOP."""
import os
import re
import sys

# Sections that no collector fills yet. A table for one of them is checked all the same.
NOT_COLLECTED = {"filesystem"}


def sections(top):
    text, lists = "", {}
    for name in ("sections.h", "sections_storage.h", "sections_xen.h"):
        with open(os.path.join(top, "lib/model", name), encoding="utf-8") as f:
            text += f.read()
    for m in re.finditer(r"#define (\w+)_LIST\(X, XREC, XRECS\)(.*?)\n\n", text, re.S):
        lists[m.group(1).lower()] = re.findall(r"X\(\w+,\s+(\w+),", m.group(2))
    return lists


def tables(top):
    """Section -> [(field, [cells])] of the tables below headings '## NAME: ...'."""
    out, current = {}, None
    with open(os.path.join(top, "docs/inventory.md"), encoding="utf-8") as f:
        for line in f:
            m = re.match(r"## (\w+):", line)
            if line.startswith("## "):
                current = m.group(1) if m else None
            m = re.match(r"\| `(\w+)` \|(.*)\|\s*$", line)
            if m and current:
                cells = [c.strip() for c in m.group(2).split(" | ")]
                out.setdefault(current, []).append((m.group(1), cells))
    return out


def main():
    top = sys.argv[1]
    lists, doc, faults = sections(top), tables(top), []
    if len(lists) < 16 or any(len(v) < 9 for v in lists.values()):
        sys.exit(f"sections.h was not understood: {lists}")
    for name in sorted((set(lists) - NOT_COLLECTED) | set(doc)):
        want, have = lists.get(name, []), [field for field, _ in doc.get(name, [])]
        if want != have:
            missing = [f for f in want if f not in have]
            unknown = [f for f in have if f not in want]
            faults.append(f"{name}: missing {missing}, unknown {unknown}, or another order")
        for field, cells in doc.get(name, []):
            if len(cells) != 3 or not all(cells):
                faults.append(f"{name}.{field}: needs source, capture and value when absent")
            for path in re.findall(r"`((?:net|system|lldp|block|lvm|use)/[\w./-]+)`", " ".join(cells)):
                if not os.path.exists(os.path.join(top, "tests/captures", path)):
                    faults.append(f"{name}.{field}: there is no capture {path}")
    for fault in faults:
        print(fault)
    print(f"inventory.md: {sum(map(len, lists.values()))} fields, {len(faults)} faults")
    sys.exit(1 if faults else 0)


main()
