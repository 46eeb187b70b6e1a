# SPDX-License-Identifier: GPL-2.0-or-later
"""Replies as the coordinator would encode them, from dictionaries, by the definitions in proto/."""
import re


class Encoder:
    def __init__(self, top):
        self.messages = {}  # name -> {field: (tag, type, repeated)}
        for name in ("inventory", "node", "client"):
            with open(f"{top}/proto/{name}.proto", encoding="utf-8") as f:
                text = f.read()
            for message, body in re.findall(r"^message (\w+) \{(.*?)^\}", text, re.M | re.S):
                self.messages[message] = {
                    field: (int(tag), kind, label == "repeated")
                    for label, kind, field, tag in re.findall(
                        r"(required|optional|repeated) (\w+) (\w+) = (\d+);", body)}
        with open(f"{top}/lib/wire/messages.h", encoding="utf-8") as f:
            header = f.read()
        self.ops = {n: int(v) for n, v in re.findall(r"\bOP_(\w+) = (\d+)", header)}
        self.codes = {n: int(v) for n, v in re.findall(r"\bREPLY_(\w+) = (\d+)", header)}

    @staticmethod
    def varint(value):
        value &= (1 << 64) - 1
        out = bytearray()
        while value > 0x7f:
            out.append(value & 0x7f | 0x80)
            value >>= 7
        out.append(value)
        return bytes(out)

    def field(self, tag, kind, value):
        if kind in ("uint64", "int64", "bool"):
            return self.varint(tag << 3) + self.varint(int(value))
        data = (value.encode() if kind == "string" else value if kind == "bytes"
                else self.encode(kind, value))
        return self.varint(tag << 3 | 2) + self.varint(len(data)) + data

    def encode(self, message, values):
        fields = self.messages[message]
        out = bytearray()
        for name, value in values.items():
            tag, kind, repeated = fields[name]
            for one in value if repeated else [value]:
                out += self.field(tag, kind, one)
        return bytes(out)

    def reply(self, **values):
        return self.encode("Reply", {"version": 1, "code": 0, **values})

    def refusal(self, code, text, **values):
        return self.reply(code=self.codes[code], text=text, **values)
