#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One report of all benchmarks: runs each, one after the other, and writes into a folder

report.html   limit or peer, ours, ratio, target, met or missed; the conditions; plots. It needs nothing else
report.txt    the same as text
report.json   the same for a program
NAME.txt, NAME.json   what each benchmark has said

With --reuse a benchmark whose NAME.txt is there already is not run again. With --quick all is so small that
it takes some minutes, and no figure means much; that it all works is what it shows."""
import argparse
import json
import os
import re
import subprocess
import sys
import time

from processes import end_on_signals
from report_html import page

HERE = os.path.dirname(os.path.abspath(__file__))
LIMIT_S = 7200
PEERS = ("limit", "SQLite", "PostgreSQL", "etcd", "ZooKeeper")
PACKAGES = ("libzmq5", "libsqlite3-0", "libprotobuf-c1", "libsodium23", "etcd-server", "zookeeper", "postgresql-15",
            "nghttp2-client")


# ---- what each benchmark says: rows of what, peer, its figure, ours, unit, ratio, target, met

def row(target, what, against, peer, ours, unit, ratio, wanted, met):
    return dict(zip(("target", "what", "against", "peer", "ours", "unit", "ratio", "wanted", "met"),
                    (target, what, against, peer, ours, unit, ratio, wanted, met)))


def of_ingest(text, _doc):
    found = {m[1].strip(): (float(m[2]), float(m[3])) for m in
             re.finditer(r"^ +(?:ours|limit) +(.+?) +(\d+) rows/s +ratio +([0-9.]+)", text, re.M)}
    limit = next(v for k, v in found.items() if k.startswith("bare insert"))
    rows = []
    for name, wanted in (("first report, durable", 0.65), ("unchanged, by its digests", 10)):
        rate, ratio = found[name]
        rows.append(row("P1", "inventory rows a second: " + name, "bare insert", limit[0], rate, "/s", ratio,
                        f"at least {wanted:g}", ratio >= wanted))
    return rows


def of_leases(_text, doc):
    rows = []
    for n, group in doc["clients"].items():
        ours = group["sides"]["ours"]
        if n == "1":
            value = group["p50_of_fdatasync"]
            rows.append(row("P2", "1 client: median of a hold", "fdatasync of 4 KiB", group["fdatasync_us"],
                            ours["p50_us"], "us", value, "at most 2", value <= 2))
        plural = "" if n == "1" else "s"
        for name, ratio in group["ratio"].items():
            if name not in PEERS:
                continue
            wanted = {"etcd": 10, "ZooKeeper": 3}.get(name) if int(n) >= 64 else None
            rows.append(row("P2", f"{n} client{plural}: durable operations a second", name, group["sides"][name]["ops_s"],
                            ours["ops_s"], "/s", ratio, "" if wanted is None else f"at least {wanted}",
                            None if wanted is None else ratio >= wanted))
    renewals = doc["renewals"]
    for name, against in (("limit", "bare ROUTER"), ("etcd", "etcd keepalive")):
        ratio = renewals["ratio"].get(name)
        if ratio is not None:
            judged = name == "etcd"
            rows.append(row("P3", f"{renewals['clients']} nodes: renewals a second", against,
                            renewals["sides"][name]["ops_s"], renewals["sides"]["ours"]["ops_s"], "/s", ratio,
                            "at least 5" if judged else "", ratio >= 5 if judged else None))
    return rows


def of_place(_text, doc):
    """The question that is hardest for each."""
    least, masks = min(doc["questions"], key=lambda q: q["ratio"]), max(doc["questions"], key=lambda q: q["masks_us"])
    size = f"{doc['edges']} edges of {doc['nodes']} nodes"
    return [row("P4", f"nodes that see all of eight ({least['question']}), {size}", f"SQLite ({least['sql']})",
                least["sql_us"], least["ours_us"], "us", least["ratio"], "at least 300", least["ratio"] >= 300),
            row("P4", f"what is against each node ({masks['question']}), {size}", "what it may take", 100,
                masks["masks_us"], "us", masks["masks_us"] / 100, "at most 1", masks["masks_us"] <= 100)]


def of_plan(_text, doc):
    rows = []
    for r in doc["rows"]:
        wanted = 1.02 if r["servers"] >= 100 and doc["filesystems"] >= 100 else 1.05
        rows.append(row("P5", f"scan, virtual time, servers: {r['servers']}", "lower bound", r["bound_ms"] / 1e3,
                        r["ours_ms"] / 1e3, "s", r["ratio"], f"at most {wanted:g}", r["ratio"] <= wanted))
    return rows


def of_walk(text, _doc):
    m = re.search(r"time +limit +([0-9.]+) ms +ours +([0-9.]+) ms +ratio +([0-9.]+)", text)
    left = re.search(r"page cache left +limit +\d+ KiB +ours +(\d+) KiB", text)
    ratio, cached = float(m[3]), float(left[1])
    return [row("P6", "scan of images", "the device", float(m[1]), float(m[2]), "ms", ratio, "at most 1.5",
                ratio <= 1.5),
            row("P6", "page cache that it leaves", "nothing", 0, cached, "KiB", None, "0", cached == 0)]


def of_propagate(_text, doc):
    return [row("P7", f"a change comes to {doc['nodes']} nodes", "bare ROUTER", doc["limit_ms"], doc["ours_ms"], "ms",
                doc["ratio"], "at most 1.3", doc["ratio"] <= 1.3),
            row("P7", "the same, all have looked, durable", "bare ROUTER, answers", doc["limit_acked_ms"],
                doc["acked_ms"], "ms", doc["ratio_acked"], "", None)]


def of_connect(_text, doc):
    n = doc["nodes"]
    return [row("P7", f"{n} nodes connected, enrolled, registered", "bare ROUTER, connected", doc["limit_s"], doc["ours_s"],
                "s", doc["ratio"], f"ours at most {doc['target_s']:.1f} s", doc["ours_s"] <= doc["target_s"]),
            row("P7", "memory of the coordinator for each", "what it may be", doc["target_kib"], doc["kib_a_node"], "KiB",
                doc["kib_a_node"] / doc["target_kib"], "at most 1", doc["kib_a_node"] <= doc["target_kib"])]


def of_restart(_text, doc):
    took = max(doc["seconds"]["stopped"], doc["seconds"]["killed"])
    return [row("P8", f"restart with {doc['edges']} edges", "bare SQLite reads it", doc["seconds"]["limit"], took, "s",
                took / doc["seconds"]["limit"], "ours at most 1 s", took <= 1)]


def of_probe(text, _doc):
    rows = []
    for m in re.finditer(r"^  (.+?) +limit +([0-9.]+) (MiB|%|ms) +ours +([0-9.]+) \S+ +ratio +([0-9.]+)", text, re.M):
        rows.append(row("P9", "probe: " + m[1].strip(), "what it may be", float(m[2]), float(m[4]), m[3], float(m[5]),
                        "at most 1", float(m[5]) <= 1))
    return rows


def of_growth(_text, doc):
    last = doc["rows"][-1]
    return [row("growth", f"{cost}, to {last['nodes']} hosts", "", None, last[cost], "", None,
                f"exponent {fit['exponent']:.2f}", None) for cost, fit in doc["fits"].items()]


def of_soak(_text, doc):
    return [row("soak", j["what"], "", None, j["value"], "", None, f"at most {j['bound']:g}", j["met"])
            for j in doc["judged"]]


# name: (program, words, words of --quick, writes JSON, how it is read)
BENCHMARKS = {
    "ingest": ("bench-ingest", ["-c", "{coordinator}"], ["-n", "5", "-r", "1"], False, of_ingest),
    "leases": ("leases.py", ["--build", "{build}"], ["--clients", "1,4", "--jobs", "20", "--rounds", "1", "--seconds",
                                                     "0.2"], True, of_leases),
    "place": ("bench-place", [], ["--nodes", "200", "--rounds", "1"], True, of_place),
    "plan": ("bench-scan-plan", [], ["--filesystems", "8", "--servers", "4,8"], True, of_plan),
    "walk": ("bench-walk", [], ["-n", "10", "-r", "1"], False, of_walk),
    "propagate": ("bench-propagate", ["-c", "{coordinator}", "-n", "5000"], ["-n", "5", "-r", "1", "--down-ms", "7000"], True,
                  of_propagate),
    "connect": ("bench-connect", ["-c", "{coordinator}"], ["-n", "5", "-r", "1"], True, of_connect),
    "restart": ("restart.py", ["--build", "{build}"], ["--nodes", "20", "--edges", "2000", "--rounds", "1"], True,
                of_restart),
    "probe": ("bench-probe", ["-c", "{coordinator}", "-p", "{probe}"], ["-s", "1", "-r", "2"], False, of_probe),
    "growth": ("growth.py", ["--build", "{build}"], ["--nodes", "5,10", "--rest", "1", "--rounds", "1"], True,
               of_growth),
    "soak": ("soak.py", ["--build", "{build}"], ["--nodes", "10", "--minutes", "0.2"], True, of_soak),
}


def options():
    p = argparse.ArgumentParser(formatter_class=argparse.RawDescriptionHelpFormatter, description=__doc__)
    p.add_argument("--build", default="build", help="folder with the programs (default: build)")
    p.add_argument("--out", default="bench-report", help="folder of the report (default: bench-report)")
    names = ",".join(BENCHMARKS)
    p.add_argument("--only", default=names, help=f"with commas between them (default: {names})")
    p.add_argument("--quick", action="store_true", help="small")
    p.add_argument("--reuse", action="store_true", help="what is there already is not run again")
    o = p.parse_args()
    o.build, o.only = os.path.abspath(o.build), o.only.split(",")
    unknown = [n for n in o.only if n not in BENCHMARKS]
    if unknown:
        p.error(f"there is no benchmark {unknown[0]}: {names}")
    return o


def command(o, name):
    program, words, quick, has_json, _ = BENCHMARKS[name]
    places = {"build": o.build, "coordinator": os.path.join(o.build, "coordinator/muster-coordinator"),
              "probe": os.path.join(o.build, "probe/muster-probe")}
    first = ([sys.executable, os.path.join(HERE, program)] if program.endswith(".py") else
             [os.path.join(o.build, "bench", program)])
    return (first + [w.format(**places) for w in words] + (quick if o.quick else []) +
            (["--json", os.path.join(o.out, name + ".json")] if has_json else []))


def run(o, name):
    """What it said; None: it could not be run, and why is its text."""
    path = os.path.join(o.out, name + ".txt")
    if not (o.reuse and os.path.exists(path)):
        began = time.monotonic()
        process = subprocess.Popen(command(o, name), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            text = process.communicate(timeout=LIMIT_S)[0]
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
        with open(path, "w", encoding="utf-8") as f:
            f.write(text)
        print(f"{name}: exit {process.returncode}, {time.monotonic() - began:.0f} s", flush=True)
    with open(path, encoding="utf-8") as f:
        return f.read()


def read(o, name, text):
    path = os.path.join(o.out, name + ".json")
    try:
        doc = None
        if BENCHMARKS[name][3]:
            with open(path, encoding="utf-8") as f:
                doc = json.load(f)
        return {"name": name, "text": text, "doc": doc, "rows": BENCHMARKS[name][4](text, doc), "fault": None}
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as e:
        last = (text.strip().splitlines() or ["it said nothing"])[-1]
        return {"name": name, "text": text, "doc": None, "rows": [],
                "fault": f"not measured: {last} ({type(e).__name__})"}


# ---- conditions and text

def processor():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as f:
        return next((line.split(":", 1)[1].strip() for line in f if line.startswith("model name")), "unknown")


def version(package):
    r = subprocess.run(["dpkg-query", "-W", "-f=${Version}", package], capture_output=True, text=True, check=False)
    return r.stdout if r.returncode == 0 else "not installed"


def conditions(o):
    muster = subprocess.run([os.path.join(o.build, "cli/muster"), "--version"], capture_output=True, text=True,
                            check=False).stdout.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2 ** 30
    return {"muster": muster, "kernel": f"{os.uname().sysname} {os.uname().release}",
            "processors": f"{os.cpu_count()} x {processor()}, shared by what serves and what asks",
            "memory": f"{memory:.0f} GiB", "load average at the end": "%.1f %.1f %.1f" % os.getloadavg(),
            "size": "quick: no figure means much" if o.quick else "as the benchmarks have it by default",
            "at": time.strftime("%Y-%m-%d %H:%M %z"), **{p: version(p) for p in PACKAGES}}


def figure(v):
    return "" if v is None else f"{v:.0f}" if abs(v) >= 1000 else f"{v:.3g}"


def verdict(met):
    return {None: "", True: "met", False: "MISSED"}[met]


def as_text(parts, where):
    lines = ["Benchmarks of muster", ""] + [f"  {k}: {v}" for k, v in where.items()] + [""]
    form = "{:<7} {:<46} {:<22} {:>10} {:>10} {:<4} {:>8}  {:<18} {}"
    lines.append(form.format("", "", "against", "that is", "ours is", "", "ratio", "target", ""))
    for part in parts:
        for r in part["rows"]:
            lines.append(form.format(r["target"], r["what"], r["against"], figure(r["peer"]), figure(r["ours"]),
                                     r["unit"], figure(r["ratio"]), r["wanted"], verdict(r["met"])).rstrip())
        if part["fault"]:
            lines.append(f"{part['name']}: {part['fault']}")
    judged = [r["met"] for part in parts for r in part["rows"] if r["met"] is not None]
    return "\n".join([*lines, "", f"{sum(judged)} of {len(judged)} targets met"]) + "\n"


def main():
    o = options()
    end_on_signals()
    os.makedirs(o.out, exist_ok=True)
    parts = [read(o, name, run(o, name)) for name in o.only]
    where = conditions(o)
    text = as_text(parts, where)
    for name, content in (("report.txt", text), ("report.html", page(parts, where, figure, verdict)),
                          ("report.json", json.dumps({"conditions": where, "benchmarks": [
                              {k: part[k] for k in ("name", "rows", "fault")} for part in parts]}, indent=1) + "\n")):
        with open(os.path.join(o.out, name), "w", encoding="utf-8") as f:
            f.write(content)
    print(text)
    print(f"{os.path.join(o.out, 'report.html')} has the plots")
    sys.exit(0 if not any(part["fault"] for part in parts) else 1)


main()
