#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""An installed header: the project's own includes become <muster/NAME.h>. Usage: header.py IN OUT"""
import re
import sys

with open(sys.argv[1], encoding="utf-8") as f:
    text = f.read()
text = re.sub(r'#include "(?:base|model|wire|client)/(\w+\.h)"', r"#include <muster/\1>", text)
with open(sys.argv[2], "w", encoding="utf-8") as f:
    f.write(text)
