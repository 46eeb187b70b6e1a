#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the numbered migrations as a C table: embed.py OUT.c 0001_x.sql 0002_y.sql ..."""
import os
import sys


def c_lines(path):
    with open(path, encoding="utf-8") as sql:
        for line in sql.read().splitlines():
            text = line.replace("\\", "\\\\").replace('"', '\\"')
            yield f'    "{text}\\n"\n'


out, files = sys.argv[1], sys.argv[2:]
parts = []
for path in files:
    name = os.path.basename(path)
    number = int(name[:4])
    if number <= len(parts):
        sys.exit(f"{name} does not come after migration number {len(parts):04d}")
    while len(parts) < number - 1:  # a number that is not used
        parts.append('    "SELECT 1;\\n"\n')
    parts.append("".join(c_lines(path)))
with open(out, "w", encoding="utf-8") as f:
    f.write('#include "store_schema.h"\n\nconst char *const schema_migrations[] = {\n')
    f.write(",\n".join(parts))
    f.write(f"}};\nconst int schema_version = {len(parts)};\n")
