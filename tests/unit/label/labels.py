#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Labels of real file systems, made here and now: compared with blkid and with the file systems' own
tools, clean and while mounted, behind a stale page cache, and beside a device that never answers.
Usage: labels.py LABEL-DUMP. What this machine cannot do is skipped with the reason."""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../support"))
import loops
from compare import Account, run

DUMP = os.path.abspath(sys.argv[1])
MIB = 1 << 20
LIMIT_MS = 5000  # generous: a busy machine is no silent device
account = Account("labels", "collected")
same, skip = account.same, account.skip
mounts_are_own = False


def have(*programs):
    missing = [p for p in programs if shutil.which(p) is None]
    for p in missing:
        skip(f"{p} is not installed")
    return not missing


def can_loop():
    """Loop devices, and mounts of this process's own."""
    if os.geteuid() != 0:
        skip("only root can make a loop device and mount it")
    elif not os.access("/dev/loop-control", os.R_OK | os.W_OK):
        skip("no /dev/loop-control")
    elif not mounts_are_own:
        skip("no mount namespace of its own")
    else:
        try:
            with loops.Loop(image("loop.tmp", MIB)):
                return True
        except OSError as e:
            skip(f"no loop device can be made: {e}")
    return False


def dump(*paths, options=()):
    return json.loads(run(DUMP, "--limit-ms", str(LIMIT_MS), *options, *paths))


def label(path):
    answer = dump(path)["answers"][0]
    same(f"{path} is read", answer["status"], "read")
    return answer


def row(path):
    return label(path).get("filesystem", {})


def image(name, size):
    with open(name, "wb") as f:
        f.truncate(size)
    return name


def blkid(path):
    done = subprocess.run(["blkid", "-p", "-o", "export", path], capture_output=True, text=True)
    return {name: re.sub(r"\\(.)", r"\1", value) for name, value in
            (line.split("=", 1) for line in done.stdout.split("\n") if "=" in line)}


def compare_blkid(path):
    """All that blkid says of it; what it says only of the device is not in a row."""
    ours, theirs = row(path), blkid(path)
    same(f"{path} has a signature", bool(theirs.get("TYPE")), True)
    for field, name in (("type", "TYPE"), ("usage", "USAGE"), ("uuid", "UUID"), ("label", "LABEL"),
                        ("sub_uuid", "UUID_SUB"), ("version", "VERSION")):
        same(f"{path} {field}", ours.get(field),
             theirs.get(name) or (theirs.get("LOGUUID") if field == "uuid" else None))
    return ours


def fields(text):
    """NAME: VALUE lines of dumpe2fs, NAME<tab>VALUE of btrfs, NAME = VALUE of xfs_db."""
    out = {}
    for line in text.split("\n"):
        for separator in (":", "=", "\t"):
            name, found, value = line.partition(separator)
            if found:
                out.setdefault(name.strip(), value.strip())
                break
    return out


def compare_ext(path, journal="internal", mmp=False):
    ours, theirs = compare_blkid(path), fields(run("dumpe2fs", "-h", path))
    block = int(theirs["Block size"])
    same(f"{path} block", ours.get("block_bytes"), block)
    same(f"{path} size", ours.get("size_bytes"), int(theirs["Block count"]) * block)
    same(f"{path} free", ours.get("free_bytes"), int(theirs["Free blocks"]) * block)
    same(f"{path} state", ours.get("state"), theirs["Filesystem state"])
    same(f"{path} journal", ours.get("journal"), journal)
    same(f"{path} journal UUID", ours.get("journal_uuid"), theirs.get("Journal UUID"))
    same(f"{path} mmp", ours.get("mmp"), mmp)


def try_ext():
    if not have("mke2fs", "dumpe2fs", "blkid"):
        return
    for kind, options in (("ext2", []), ("ext3", []), ("ext4", []), ("ext4", ["-b", "4096"]),
                          ("ext4", ["-O", "^64bit", "-b", "2048"]), ("ext4", ["-L", "a  label"])):
        name = image(f"{kind}{len(options)}{options[-1:]}.img", 64 * MIB)
        run("mke2fs", "-q", "-t", kind, *options, name)
        compare_ext(name, "none" if kind == "ext2" else "internal")
    name = image("ext4-mmp.img", 64 * MIB)
    run("mke2fs", "-q", "-t", "ext4", "-O", "mmp", name)
    compare_ext(name, mmp=True)
    name = image("journal.img", 16 * MIB)
    run("mke2fs", "-q", "-O", "journal_dev", "-b", "4096", name)
    ours = compare_blkid(name)
    same("external journal", (ours["type"], ours["size_bytes"]), ("jbd", 16 * MIB))
    same("external journal state", ours.get("state"), None)


def try_xfs():
    if not have("mkfs.xfs", "xfs_db", "blkid"):
        return
    for name, options in (("xfs.img", []), ("xfs-v4.img", ["-m", "crc=0"]),
                          ("xfs-1k.img", ["-b", "size=1024", "-L", "one"]),
                          ("xfs-log.img", ["-l", f"logdev={image('log.img', 128 * MIB)},size=100m"])):
        run("mkfs.xfs", "-q", "-f", *options, image(name, 320 * MIB))
        ours = compare_blkid(name)
        log = ["-l", "log.img"] if "log" in name else []
        theirs = fields(run("xfs_db", "-r", *log, "-c", "sb 0",
                            "-c", "p blocksize dblocks fdblocks", name))
        block = int(theirs["blocksize"])
        same(f"{name} block", ours["block_bytes"], block)
        same(f"{name} size", ours["size_bytes"], int(theirs["dblocks"]) * block)
        same(f"{name} free", ours["free_bytes"], int(theirs["fdblocks"]) * block)
        same(f"{name} state", ours.get("state"), None)
        same(f"{name} journal", ours["journal"], "external" if log else "internal")
    compare_blkid("log.img")


def try_btrfs():
    if not have("mkfs.btrfs", "btrfs", "blkid"):
        return
    pair = [image("btrfs1.img", 128 * MIB), image("btrfs2.img", 128 * MIB)]
    run("mkfs.btrfs", "-q", "-L", "pair", *pair)
    run("mkfs.btrfs", "-q", image("btrfs.img", 128 * MIB))
    for name in (*pair, "btrfs.img"):
        ours = compare_blkid(name)
        theirs = fields(run("btrfs", "inspect-internal", "dump-super", name))
        for field, value in (("size_bytes", "total_bytes"), ("block_bytes", "sectorsize"),
                             ("members", "num_devices"), ("member_id", "dev_item.devid")):
            same(f"{name} {field}", ours[field], int(theirs[value]))
        same(f"{name} free", ours["free_bytes"],
             int(theirs["total_bytes"]) - int(theirs["bytes_used"]))
        same(f"{name} state", ours.get("state"), None)
    ids = sorted(row(name)["member_id"] for name in pair)
    same("members of one file system", ids, [1, 2])


def try_fat():
    if not have("mkfs.vfat", "fsck.vfat", "blkid"):
        return
    for bits, size in (("12", 4 * MIB), ("16", 32 * MIB), ("32", 128 * MIB)):
        name = image(f"fat{bits}.img", size)
        run("mkfs.vfat", "-F", bits, "-n", "FAT", name)
        ours = compare_blkid(name)
        same(f"{name} version", ours["version"], f"FAT{bits}")
        same(f"{name} state", ours["state"], "clean")
        same(f"{name} size", ours["size_bytes"], size)
        clusters = run("fsck.vfat", "-nv", name)
        block = int(clusters.split(" bytes per cluster")[0].split()[-1])
        same(f"{name} block", ours["block_bytes"], block)
        used, count = clusters.strip().split("\n")[-1].split(", ")[1].split()[0].split("/")
        free = (int(count) - int(used)) * block
        same(f"{name} free", ours.get("free_bytes"), free if bits == "32" else None)
        with open(name, "r+b") as f:  # as Linux marks it while mounted
            f.seek(0x41 if bits == "32" else 0x25)
            f.write(b"\x01")
        same(f"{name} state when mounted", row(name)["state"], "dirty")


def try_swap():
    if not have("mkswap", "blkid"):
        return
    name = image("swap.img", 16 * MIB)
    for page in (4096, 65536):
        run("mkswap", "-p", str(page), "-L", "swap", name)
        ours = compare_blkid(name)
        same("swap", (ours["size_bytes"], ours["block_bytes"]), (16 * MIB, page))


def compare_table(name):
    theirs = json.loads(run("sfdisk", "-J", name))["partitiontable"]
    ours = label(name)
    sector = theirs.get("sectorsize", 512)
    same(f"{name} table", ours["table_type"], theirs["label"])
    same(f"{name} no file system", ours.get("filesystem"), None)
    numbers = [int(p["node"].rpartition(".img")[2]) for p in theirs["partitions"]]
    same(f"{name} partitions", [p["number"] for p in ours["partitions"]], numbers)
    for a, b in zip(ours["partitions"], theirs["partitions"]):
        what = f"{name}{a['number']}"
        same(f"{what} start", a["start_bytes"], b["start"] * sector)
        extended = b["type"] in ("5", "f", "85")  # of these libblkid shows what the kernel does
        if not extended:
            same(f"{what} size", a["size_bytes"], b["size"] * sector)
        gpt = theirs["label"] == "gpt"
        same(f"{what} type", a["type"], b["type"].lower() if gpt else "0x" + b["type"])
        same(f"{what} label", a.get("label"), b.get("name"))
        if gpt:
            same(f"{what} UUID", a["uuid"], b["uuid"].lower())


def try_tables():
    if not have("sfdisk"):
        return
    tables = {
        "gpt.img": "label: gpt\nsize=8M, name=one\nsize=16M, type=swap, name=\"the second\"\n",
        "dos.img": "label: dos\nsize=8M, type=83\nsize=8M, type=82\nsize=60M, type=5\n"
                   "start=40960, size=4M, type=83\nsize=4M, type=8e\nsize=4M\n",
    }
    for name, script in tables.items():
        image(name, 128 * MIB)
        subprocess.run(["sfdisk", "-q", name], input=script, text=True, check=True)
        compare_table(name)
    with open("gpt.img", "r+b") as f:  # the first copy is lost: the one in the tail counts
        f.seek(512)
        f.write(bytes(33 * 512))
    ours = label("gpt.img")
    same("GPT of the tail", [p.get("label") for p in ours["partitions"]], ["one", "the second"])


def try_contradiction():
    if not have("mkfs.ext4", "mkfs.xfs"):
        return
    name = image("both.img", 320 * MIB)
    run("mke2fs", "-q", "-t", "ext4", name)
    with open(name, "rb") as f:
        f.seek(1024)
        ext = f.read(1024)
    run("mkfs.xfs", "-q", "-f", name)
    with open(name, "r+b") as f:
        f.seek(1024)
        f.write(ext)
    ours = row(name)
    same("two signatures", ours.get("signatures"), ["ext4", "xfs"])
    same("two signatures have no type", ours.get("type"), None)


def try_hostile(seed):
    """Cut and broken images: an answer, and blkid's, whatever they hold."""
    if not have("blkid"):
        return
    dice = random.Random(seed)
    names = sorted(n for n in os.listdir(".") if n.endswith(".img"))
    broken = []
    for i in range(200):
        name, size = dice.choice(names), dice.choice([512, 1024, 1536, 4096, 65536, 68 << 10, MIB])
        with open(name, "rb") as f:
            content = bytearray(f.read(size))
        for _ in range(dice.choice([0, 1, 8, 64])):
            at = dice.choice([0, 1024, 65536]) + dice.randrange(1024)
            if at < len(content):
                content[at] = dice.choice([0, 1, 127, 128, 255, dice.randrange(256)])
        broken.append(f"broken{i}.img")
        with open(broken[-1], "wb") as f:
            f.write(content)
    for answer in dump(*broken)["answers"]:
        same(f"{answer['path']} is read", answer["status"], "read")
        ours, theirs = answer.get("filesystem", {}), blkid(answer["path"])
        if "pv_uuid" in answer:
            continue
        for field, name in (("type", "TYPE"), ("uuid", "UUID")):
            same(f"{answer['path']} {field}", ours.get(field),
                 theirs.get(name) or (theirs.get("LOGUUID") if field == "uuid" else None))


def try_mounted():
    if not can_loop():
        return
    makers = {"ext4": ["mke2fs", "-q", "-t", "ext4"], "xfs": ["mkfs.xfs", "-q", "-f"],
              "btrfs": ["mkfs.btrfs", "-q", "-f"], "ext2": ["mke2fs", "-q", "-t", "ext2"]}
    after = {"ext4": "clean", "ext2": "clean"}
    during = {"ext4": "dirty", "ext2": "dirty", "btrfs": "dirty"}
    os.mkdir("mnt")
    with open("/proc/filesystems", encoding="ascii") as f:
        known = f.read().split()
    for kind, maker in makers.items():
        if not have(maker[0]):
            continue
        if kind not in known:
            skip(f"this kernel has no {kind}")
            continue
        name = image(f"mounted-{kind}.img", 320 * MIB)
        run(*maker, name)
        with loops.Loop(name) as loop:
            loops.mount(loop.path, "mnt", kind)
            try:
                with open("mnt/file", "wb") as f:
                    f.write(bytes(100000))
                    f.flush()
                    os.fsync(f.fileno())
                same(f"{kind} while mounted", row(loop.path).get("state"), during.get(kind))
                shutil.copyfile(name, "copy.img")
                same(f"copy of a mounted {kind}", row("copy.img").get("state"), during.get(kind))
            finally:
                loops.unmount("mnt")
            same(f"{kind} after", row(loop.path).get("state"), after.get(kind))
            same(f"{kind} as blkid says", row(loop.path)["uuid"], blkid(name)["UUID"])


def try_external_journal():
    if not can_loop():
        return
    if not have("mke2fs", "dumpe2fs"):
        return
    run("mke2fs", "-q", "-O", "journal_dev", "-b", "4096", image("journal2.img", 16 * MIB))
    with loops.Loop("journal2.img") as journal:
        run("mke2fs", "-q", "-t", "ext4", "-b", "4096", "-J", f"device={journal.path}",
            image("ext4-journal.img", 64 * MIB))
    compare_ext("ext4-journal.img", "external")
    same("the journal that is meant", row("ext4-journal.img")["journal_uuid"],
         row("journal2.img")["uuid"])


def try_stale():
    """Two loop devices over one file are like two hosts on one LUN."""
    if not can_loop():
        return
    if not have("mke2fs"):
        return
    name = image("shared.img", 64 * MIB)
    run("mke2fs", "-q", "-t", "ext4", "-L", "before", name)
    with loops.Loop(name) as here, loops.Loop(name) as there:
        with open(here.path, "rb") as f:
            f.read(MIB)
        run("mke2fs", "-q", "-F", "-t", "ext4", "-L", "after", there.path)
        same("label that a page cache still has", b"before" in os.pread(here.fd, 4096, 0), True)
        same("label on the device", row(here.path)["label"], "after")


def try_pv():
    if not can_loop():
        return
    if not have("pvcreate", "pvs"):
        return
    with loops.Loop(image("pv.img", 64 * MIB)) as loop:
        config = ["--driverloaded", "n", "--config",
                  'devices { hints="none" use_devicesfile=0 filter=["a|^%s$|","r|.*|"] }' % loop.path]
        run("pvcreate", "-q", *config, loop.path)
        uuid = run("pvs", "--noheadings", "-o", "pv_uuid", *config, loop.path).strip()
        ours = label(loop.path)
    same("PV", ours.get("pv_uuid"), uuid)
    same("PV is no file system", ours.get("filesystem"), None)


def sparse_copy(path, to):
    """With holes, and on the disk: what is read past the cache waits for what is not written yet."""
    with open(path, "rb") as f, open(to, "wb") as out:
        out.truncate(os.path.getsize(path))
        for block in iter(lambda: f.read(4096), b""):
            if any(block):
                out.seek(f.tell() - len(block))
                out.write(block)
        out.flush()
        os.fsync(out.fileno())
    return to


def try_silent():
    """One device never answers; 500 others do, and are not held up."""
    if not can_loop():
        return
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        return skip("no /dev/fuse")
    if not have("mke2fs"):
        return
    os.mkdir("silent")
    first = image("good0.img", 4 * MIB)
    run("mke2fs", "-q", first)
    good = [first] + [sparse_copy(first, f"good{i}.img") for i in range(1, 500)]
    with loops.SilentFile("silent", 4 * MIB) as silent, loops.Loop(silent.path, True) as loop:
        one = dump(loop.path, *good)
        twice = dump(loop.path, *good, options=("--times", "2"))
        for what, out in (("once", one), ("twice", twice)):
            stuck, *others = out["answers"]
            same(f"silent device, read {what}", (stuck["status"], "since_ms" in stuck),
                 ("stuck", True))
            same(f"500 others, read {what}",
                 [a for a in others if a.get("filesystem", {}).get("type") != "ext2"], [])
            same(f"others, read {what}", len(others), 500)
        plain = dump(*good)["took_ms"]
        same("the silent one holds up nobody", one["took_ms"] < 3 * plain + 2 * LIMIT_MS, True)
        print(f"501 devices in {one['took_ms']} ms, without the silent one in {plain} ms")
        alone = dump(loop.path, options=("--times", "2"))
        same("nobody waits for it twice", alone["took_ms"] < LIMIT_MS, True)
        silent.answer()
        same("it answers again", dump(loop.path)["answers"][0]["status"], "read")


def attempt(part):
    try:
        part()
    except (OSError, RuntimeError, KeyError) as e:
        account.faults.append("".join(traceback.format_exception(e)))


def main():
    global mounts_are_own
    seed = int(os.environ.get("MUSTER_SEED", random.randrange(1 << 32)))
    print(f"seed {seed} (MUSTER_SEED)")
    home = os.getcwd()
    with tempfile.TemporaryDirectory(prefix="muster-labels-") as folder:
        os.chdir(folder)
        try:
            loops.own_mounts()
            mounts_are_own = True
        except OSError:
            pass  # said by who needs it
        try:
            for part in (try_ext, try_xfs, try_btrfs, try_fat, try_swap, try_tables,
                         try_contradiction, try_mounted, try_external_journal, try_stale, try_pv):
                attempt(part)
            attempt(lambda: try_hostile(seed))
            attempt(try_silent)
        finally:
            os.chdir(home)
    account.end()


main()
