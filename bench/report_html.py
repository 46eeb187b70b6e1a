# SPDX-License-Identifier: GPL-2.0-or-later
"""The report of the benchmarks as one page: tables, and plots of those that have something to plot."""
import html

import charts

STYLE = """body{font:15px/1.45 sans-serif;color:#1f2328;max-width:1100px;margin:24px auto;padding:0 16px}
table{border-collapse:collapse;width:100%;margin:12px 0}td,th{padding:3px 8px;border-bottom:1px solid #d8dee4;
text-align:left;vertical-align:top}td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.met{color:#1a7f37;font-weight:bold}.missed{color:#d1242f;font-weight:bold}
pre{background:#f6f8fa;padding:10px;overflow-x:auto;font-size:12px}svg{margin:6px 10px 6px 0}
h2{margin-top:32px}.plots{display:flex;flex-wrap:wrap}"""


def cell(value, kind=""):
    return f"<td{kind}>{html.escape(str(value))}</td>"


def summary(parts, figure, verdict):
    number = ' class="n"'
    out = ["<table><tr><th></th><th>what</th><th>against</th><th class='n'>that is</th><th class='n'>ours is</th>"
           "<th class='n'>ratio</th><th>target</th><th></th></tr>"]
    for part in parts:
        for r in part["rows"]:
            unit = " " + r["unit"] if r["unit"] else ""
            kind = {None: "", True: ' class="met"', False: ' class="missed"'}[r["met"]]
            out.append("<tr>" + cell(r["target"]) + cell(r["what"]) + cell(r["against"]) +
                       cell(figure(r["peer"]) + (unit if r["peer"] is not None else ""), number) +
                       cell(figure(r["ours"]) + unit, number) + cell(figure(r["ratio"]), number) +
                       cell(r["wanted"]) + cell(verdict(r["met"]).lower(), kind) + "</tr>")
        if part["fault"]:
            out.append(f"<tr>{cell(part['name'])}<td colspan='7'>{html.escape(part['fault'])}</td></tr>")
    return "".join(out) + "</table>"


def plots_of_leases(doc):
    out = []
    for n, group in doc["clients"].items():
        rows = []
        for name, side in group["sides"].items():
            times = f"(ours is {group['ratio'][name]:.2f} x)" if name in group["ratio"] else ""
            rows.append((name, side["ops_s"], f"{times} {side['cpu_us']:.0f} us of cpu"))
        out.append(charts.bars(f"{n} client{'s' if n != '1' else ''}: durable operations a second", rows, "/s"))
    sides = doc["renewals"]["sides"]
    out.append(charts.bars(f"{doc['renewals']['clients']} nodes: renewals a second",
                           [(n, s["ops_s"], f"{s['cpu_us']:.0f} us of cpu") for n, s in sides.items()
                            if s["ops_s"] is not None], "/s"))
    return out


def plots_of_growth(doc):
    out = []
    for cost, fit in doc["fits"].items():
        points = [(r["nodes"], r[cost]) for r in doc["rows"]]
        out.append(charts.lines(f"{cost}: exponent {fit['exponent']:.2f}", {cost: points}, "hosts", log=True, wide=340,
                                high=210))
    return out


def plots_of_soak(doc):
    def over(*names):
        return {n: [(s["at_s"] / 60, s[n]) for s in doc["samples"]] for n in names}
    return [charts.lines("memory, KiB", over("memory_kib"), "minutes"),
            charts.lines("database and log, KiB", over("database_kib", "log_kib"), "minutes"),
            charts.lines("events that are kept", over("events"), "minutes"),
            charts.lines("descriptors and threads", over("descriptors", "threads"), "minutes")]


def plots_of_plan(doc):
    names = ("bound_ms", "ours_ms", "mutex_ms", "serial_ms", "once_ms")
    return [charts.lines("time until a scan is done, s of virtual time",
                         {n[:-3]: [(r["servers"], r[n] / 1e3) for r in doc["rows"]] for n in names
                          if all(n in r for r in doc["rows"])}, "servers", log=True, wide=560, high=320)]


PLOTS = {"leases": plots_of_leases, "growth": plots_of_growth, "soak": plots_of_soak, "plan": plots_of_plan}


def page(parts, where, figure, verdict):
    judged = [r["met"] for part in parts for r in part["rows"] if r["met"] is not None]
    out = ["<!DOCTYPE html><html lang='en'><head><meta charset='utf-8'><title>Benchmarks of muster</title>",
           f"<style>{STYLE}</style></head><body><h1>Benchmarks of muster</h1>",
           f"<p>{sum(judged)} of {len(judged)} targets met. Every ratio is to a limit or a peer that was measured in "
           "the same run, on the same processors, which what asks shares with what serves. Nothing here is "
           "replicated.</p>", summary(parts, figure, verdict), "<h2>Conditions</h2><table>"]
    out += [f"<tr>{cell(k)}{cell(v)}</tr>" for k, v in where.items()] + ["</table>"]
    for part in parts:
        out.append(f"<h2>{html.escape(part['name'])}</h2>")
        if part["doc"] is not None and part["name"] in PLOTS:
            out += ["<div class='plots'>", *PLOTS[part["name"]](part["doc"]), "</div>"]
        out.append(f"<details><summary>what it said</summary><pre>{html.escape(part['text'])}</pre></details>")
    return "\n".join(out) + "</body></html>\n"
