#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Real images, made here and now by qemu-img and mkfs: what the scan says of them is compared with
`qemu-img info`, field by field. Usage: images.py SCAN-DUMP. What this machine cannot do is skipped
with the reason."""
import json
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
from compare import Account, run

DUMP = os.path.abspath(sys.argv[1])
MIB = 1 << 20
FORMATS = {"vpc": "vhd", "qcow2": "qcow2", "vhdx": "vhdx", "vmdk": "vmdk"}
account = Account("images", "scanned")
same = account.same


def create(kind, name, size, *options):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    run("qemu-img", "create", "-q", "-f", kind, *options, name, *([str(size)] if size else []))
    return name


def make_encrypted(name):
    """qemu-img measures first how fast its key derivation is, by the processor time of its thread; the
    kernel may say that it took none, and qemu-img gives up then."""
    for left in range(9, -1, -1):
        try:
            return create("qcow2", name, 8 * MIB, "--object", "secret,id=s,data=x", "-o",
                          "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10")
        except RuntimeError as e:
            if left == 0 or "accurate CPU usage" not in str(e):
                raise
    return None


def scan(*options):
    lines = run(DUMP, *options, ".").splitlines()
    return {found["path"]: found for found in map(json.loads, lines[:-1])}


def info(name, *options):
    done = subprocess.run(["qemu-img", "info", "-U", "--output=json", *options, name],
                          capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    return json.loads(done.stdout) if done.returncode == 0 else None


def make_qcow2(dice):
    create("qcow2", "v3.qcow2", dice.randrange(1, 1 << 40))
    create("qcow2", "v2.qcow2", dice.randrange(1, 1 << 40), "-o", "compat=0.10")
    for bits in (9, 12, 16, 21):
        size = dice.randrange(1, 1 << (bits + 20))
        create("qcow2", f"cluster{bits}.qcow2", size, "-o", f"cluster_size={1 << bits}")
        create("qcow2", f"cluster{bits}-child.qcow2", None, "-b", f"cluster{bits}.qcow2", "-F",
               "qcow2", "-o", f"cluster_size={1 << bits}")
    create("qcow2", "chain/base.qcow2", 64 * MIB)
    create("qcow2", "chain/deeper/middle.qcow2", None, "-b", "../base.qcow2", "-F", "qcow2")
    create("qcow2", "chain/deeper/top.qcow2", None, "-b", "middle.qcow2", "-F", "qcow2")
    create("qcow2", "absolute.qcow2", None, "-b", os.path.abspath("v3.qcow2"), "-F", "qcow2")
    create("qcow2", "file.qcow2", None, "-b", "file:chain/base.qcow2", "-F", "qcow2")
    create("qcow2", "v2child.qcow2", None, "-o", "compat=0.10", "-b", "v2.qcow2", "-F", "qcow2")
    create("qcow2", "newline.qcow2", None, "-b", create("qcow2", "a\nb \\ .qcow2", MIB), "-F", "qcow2")
    create("qcow2", "data.qcow2", 32 * MIB, "-o", "data_file=data.raw,data_file_raw=on")
    create("qcow2", "lazy.qcow2", 32 * MIB, "-o", "lazy_refcounts=on,extended_l2=on")
    create("qcow2", "zstd.qcow2", 32 * MIB, "-o", "compression_type=zstd,preallocation=metadata")
    make_encrypted("luks.qcow2")
    create("qcow2", "snapshots.qcow2", 8 * MIB)
    for i in range(3):
        run("qemu-img", "snapshot", "-c", f"s{i}", "snapshots.qcow2")
    for bit, name in ((1, "dirty"), (2, "corrupt")):
        shutil.copy("lazy.qcow2", f"{name}.qcow2")
        with open(f"{name}.qcow2", "r+b") as f:
            f.seek(72)
            features = struct.unpack(">Q", f.read(8))[0]
            f.seek(72)
            f.write(struct.pack(">Q", features | bit))
    create("raw", "plain.raw", 32 * MIB)
    create("qcow2", "on-raw.qcow2", None, "-b", "plain.raw", "-F", "raw")
    create("qcow2", "json.qcow2", None, "-F", "raw", "-b",
           'json:{"driver":"raw","offset":0,"file":{"driver":"file","filename":"plain.raw"}}')


def make_vhd(dice):
    for i in range(4):
        size = dice.randrange(1, 300 * MIB)
        create("vpc", f"fixed{i}.vhd", size, "-o", "subformat=fixed")
        create("vpc", f"dynamic{i}.vhd", size, "-o", "subformat=dynamic")
        create("vpc", f"exact{i}.vhd", size // 512 * 512 + 512, "-o", "force_size=on")
    create("vpc", "large.vhd", 2000 << 30)


def make_vhdx(dice):
    for i, options in enumerate(("subformat=fixed", "subformat=dynamic",
                                 "subformat=dynamic,block_size=1M", "block_size=256M,log_size=8M")):
        create("vhdx", f"{i}.vhdx", dice.randrange(1, 256) * MIB, "-o", options)


def make_vmdk(dice):
    for kind in ("monolithicSparse", "monolithicFlat", "twoGbMaxExtentSparse", "twoGbMaxExtentFlat",
                 "streamOptimized"):
        create("vmdk", f"{kind}.vmdk", dice.randrange(1, 5000) * MIB, "-o", f"subformat={kind}")
    create("vmdk", "base.vmdk", 64 * MIB)
    create("vmdk", "child.vmdk", None, "-b", "base.vmdk", "-F", "vmdk")
    create("vmdk", "esx/zero.vmdk", 64 * MIB, "-o", "zeroed_grain=on,compat6=on")
    run("qemu-io", "-f", "vmdk", "-c", "write -P 7 1M 3M", "base.vmdk")
    run("qemu-img", "convert", "-O", "vmdk", "-o", "subformat=streamOptimized", "base.vmdk",
        "stream.vmdk")


def make_raw():
    """Name -> content."""
    made = {}
    tables = {"gpt": "label: gpt\nsize=8M\n", "mbr": "label: dos\nsize=8M, type=83\n"}
    for kind, script in tables.items():
        create("raw", f"{kind}.raw", 32 * MIB)
        subprocess.run(["sfdisk", "-q", f"{kind}.raw"], input=script, text=True, check=True)
        made[f"{kind}.raw"] = kind
        run("qemu-img", "convert", "-O", "vpc", "-o", "subformat=fixed,force_size=on", f"{kind}.raw",
            f"{kind}.vhd")
    for kind, maker in {"ext2": ["mke2fs", "-q"], "ext3": ["mke2fs", "-q", "-t", "ext3"],
                        "ext4": ["mke2fs", "-q", "-t", "ext4"], "xfs": ["mkfs.xfs", "-q"],
                        "btrfs": ["mkfs.btrfs", "-q"], "vfat": ["mkfs.vfat"], "swap": ["mkswap"]}.items():
        if shutil.which(maker[0]) is None:
            print(f"SKIP: {maker[0]} is not installed")
            continue
        run(*maker, create("raw", f"{kind}.raw", 320 * MIB))
        made[f"{kind}.raw"] = kind
    return made


def compare_qcow2(name, ours, theirs):
    more = theirs["format-specific"]["data"]
    same(f"{name}: compat", {2: "0.10", 3: "1.1"}[ours["version"]], more["compat"])
    same(f"{name}: dirty", "dirty" in ours["flags"], theirs["dirty-flag"])
    same(f"{name}: corrupt", "corrupt" in ours["flags"], more.get("corrupt", False))
    same(f"{name}: encrypted", "encrypted" in ours["flags"], theirs.get("encrypted", False))
    same(f"{name}: data file", ours.get("data_file", {}).get("name"), more.get("data-file"))
    same(f"{name}: snapshots", ours["snapshots"], len(theirs.get("snapshots", [])))


def compare_vmdk(name, ours, theirs):
    more = theirs["format-specific"]["data"]
    if ours["subformat"] == "extent":
        return same(f"{name}: part", "part" in ours["flags"], True)
    same(f"{name}: type", ours["subformat"], more["create-type"])
    same(f"{name}: id", int(ours["uuid"], 16), more["cid"])
    same(f"{name}: parent's id", int(ours.get("backing_uuid", "ffffffff"), 16), more["parent-cid"])
    same(f"{name}: extents' sizes", [e["bytes"] for e in ours["extents"]],
         [e["virtual-size"] for e in more["extents"]])
    same(f"{name}: extents' names", [e.get("path", name) for e in ours["extents"]],
         [os.path.normpath(e["filename"]) for e in more["extents"]])


def compare(name, ours, theirs):
    kind = theirs["format"]
    if kind == "raw":
        same(f"{name}: format", ours["format"] in ("raw", "none"), True)
        if ours["format"] == "raw":
            same(f"{name}: virtual size", ours["virtual_bytes"], theirs["virtual-size"])
    else:
        same(f"{name}: format", ours["format"], FORMATS[kind])
        same(f"{name}: virtual size", ours.get("virtual_bytes"), theirs["virtual-size"])
    same(f"{name}: fault", (ours.get("fault"), ours.get("why")), (None, None))
    if "data_elsewhere" not in ours["flags"]:  # qemu-img adds the extents up
        same(f"{name}: allocated", ours["allocated_bytes"], theirs["actual-size"])
    backing = ours.get("backing", {}).get("name")
    if backing is not None:  # as text, which qemu-img does not make
        backing = backing.replace("\\x0a", "\n").replace("\\x5c", "\\")
    theirs_backing = theirs.get("backing-filename")
    if backing is not None and backing.startswith("json:"):
        theirs_backing = backing
    same(f"{name}: backing", backing, theirs_backing)
    if kind == "qcow2":
        same(f"{name}: backing format", ours.get("backing_format"), theirs.get("backing-filename-format"))
        compare_qcow2(name, ours, theirs)
    if kind in ("qcow2", "vhdx", "vpc") and ours.get("subformat") != "fixed" and "cluster-size" in theirs:
        same(f"{name}: cluster", ours["block_bytes"], theirs["cluster-size"])
    if kind == "vmdk":
        compare_vmdk(name, ours, theirs)


def file_name(text):
    return text.replace("\\x0a", "\n").replace("\\x5c", "\\")


def compare_all(content):
    found = scan("--mounted", os.getcwd())
    for text, ours in found.items():
        fixed = ours["format"] == "vhd" and ours["subformat"] == "fixed"
        theirs = info(file_name(text), *(["-f", "vpc"] if fixed else []))  # which it does not probe
        if ours.get("subformat") != "extent":
            same(f"{text}: qemu-img reads it", theirs is not None, True)
        if theirs is not None:
            compare(text, ours, theirs)
    for name, kind in content.items():
        same(f"{name}: content", (found[name]["format"], found[name].get("content")), ("raw", kind))
    for kind in ("gpt", "mbr"):
        same(f"{kind}.vhd: content", found[f"{kind}.vhd"].get("content"), kind)
    return found


def compare_chain(found):
    """Our links, followed from image to image, are the chain that qemu-img opens."""
    for top in [n for n, f in found.items() if f.get("backing")]:
        chain, path = [], top
        while path is not None:
            chain.append(os.path.normpath(file_name(path)))
            path = found[path].get("backing", {}).get("path")
        out = subprocess.run(["qemu-img", "info", "-U", "--output=json", "--backing-chain",
                              file_name(top)], capture_output=True, text=True, errors="replace").stdout
        theirs = [os.path.relpath(i["filename"].removeprefix("file:")) for i in json.loads(out)
                  if not i["filename"].startswith("json:")]
        same(f"{top}: chain", chain, theirs)


def compare_missing():
    os.remove("chain/base.qcow2")
    os.remove("data.raw")
    os.remove("monolithicFlat-flat.vmdk")
    with open("twoGbMaxExtentFlat-f001.vmdk", "r+b") as f:
        f.truncate(os.stat(f.fileno()).st_size - 1)
    found = scan()
    state = {n: (f["all_found"], f.get("backing", f.get("data_file", {})).get("state"))
             for n, f in found.items()}
    same("backing that is gone", state["chain/deeper/middle.qcow2"], (False, "missing"))
    same("backing that is there", state["chain/deeper/top.qcow2"], (True, "found"))
    same("data that is gone", state["data.qcow2"], (False, "missing"))
    same("absolute backing", state["absolute.qcow2"], (False, "unclear"))
    same("JSON", state["json.qcow2"], (False, "unclear"))
    same("extent that is gone", [e["state"] for e in found["monolithicFlat.vmdk"]["extents"]],
         ["missing"])
    same("extent that was cut", found["twoGbMaxExtentFlat.vmdk"]["extents"][0]["state"], "short")


def compare_broken(dice):
    """Cut and changed images: where both of us say that they can read it, we say the same."""
    names = sorted(n for n in os.listdir(".") if os.path.isfile(n) and os.stat(n).st_size < 32 * MIB
                   and not n.endswith(".raw"))
    os.mkdir("broken")
    for i in range(60):
        name = dice.choice(names)
        with open(name, "rb") as f:
            content = bytearray(f.read())
        for _ in range(dice.choice([0, 1, 1, 4])):
            at = dice.choice([0, 512, 65536, 196608, MIB]) + dice.randrange(128)
            if at < len(content):
                content[at] = dice.choice([0, 1, 127, 255, dice.randrange(256)])
        if dice.randrange(4) == 0:
            del content[dice.randrange(len(content)):]
        with open(f"broken/{i}-{name.replace(chr(10), '')}", "wb") as f:
            f.write(content)
    both = 0
    for name, ours in scan().items():
        theirs = info(file_name(name)) if name.startswith("broken/") else None
        if theirs is None or theirs["format"] == "raw" or "fault" in ours or ours["format"] == "none":
            continue
        both += 1
        same(f"{name}: format", ours["format"], FORMATS[theirs["format"]])
        same(f"{name}: virtual size", ours["virtual_bytes"], theirs["virtual-size"])
    same("broken images that both read", both > 5, True)


def main():
    seed = int(os.environ.get("MUSTER_SEED", random.randrange(1 << 32)))
    print(f"seed {seed} (MUSTER_SEED)")
    for program in ("qemu-img", "qemu-io", "sfdisk"):
        if shutil.which(program) is None:
            print(f"SKIP: {program} is not installed")
            sys.exit(77)
    dice = random.Random(seed)
    home = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="muster-images-") as folder:
        os.chdir(folder)
        try:
            for make in (make_qcow2, make_vhd, make_vhdx, make_vmdk):
                make(dice)
            found = compare_all(make_raw())
            compare_chain(found)
            compare_missing()
            compare_broken(dice)
        finally:
            os.chdir(home)
    account.end()


main()
