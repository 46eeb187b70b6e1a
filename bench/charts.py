# SPDX-License-Identifier: GPL-2.0-or-later
"""Plots of the benchmarks' report: SVG to stand in a page, without scripts and without files beside it."""
import html
import math

COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a", "#bf3989")
FONT = 'font-family="sans-serif" font-size="12"'


def short(v):
    """A figure as an axis has it: 1500 is 1.5k."""
    for unit, name in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(v) >= unit:
            return f"{v / unit:.3g}{name}"
    return f"{v:.3g}"


def text(x, y, what, anchor="start", **more):
    extra = "".join(f' {k.replace("_", "-")}="{v}"' for k, v in more.items())
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{extra}>{html.escape(str(what))}</text>'


def frame(wide, high, title, parts):
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}" {FONT} role="img">'
            f'<title>{html.escape(title)}</title>' + text(8, 18, title, font_size=14, font_weight="bold") +
            "".join(parts) + "</svg>")


def bars(title, rows, unit):
    """rows: (name, value, what stands behind the bar). Ours, the first, is in a colour of its own."""
    most, left, wide, step = max((v for _, v, _ in rows), default=1), 100, 380, 24
    parts = []
    for i, (name, value, note) in enumerate(rows):
        y, length = 34 + i * step, wide * value / most
        parts += [text(left - 8, y + 13, name, "end"),
                  f'<rect x="{left}" y="{y}" width="{max(1, length):.1f}" height="17" '
                  f'fill="{COLOURS[0] if i == 0 else "#afb8c1"}"/>',
                  text(left + length + 6, y + 13, f"{short(value)}{unit} {note}")]
    return frame(left + wide + 290, 40 + step * len(rows), title, parts)


def ticks(low, high, log):
    if log:
        return [10 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]
    span = high - low or 1
    step = 10 ** math.floor(math.log10(span))
    step *= next(f for f in (0.2, 0.5, 1, 2) if span / (step * f) <= 6)
    return [step * k for k in range(math.floor(low / step), math.ceil(high / step) + 1)]


class Axis:
    def __init__(self, values, start, end, log):
        good = [v for v in values if v > 0] if log else list(values)
        self.log, self.start, self.end = log, start, end
        self.marks = ticks(min(good, default=1), max(good, default=1), log) if log else ticks(
            min(0, *good) if good else 0, max(good, default=1), log)
        self.low, self.high = self.marks[0], self.marks[-1]

    def at(self, v):
        if self.log:
            share = (math.log10(max(v, self.low)) - math.log10(self.low)) / (
                math.log10(self.high) - math.log10(self.low) or 1)
        else:
            share = (v - self.low) / (self.high - self.low or 1)
        return self.start + share * (self.end - self.start)


def lines(title, series, x_name, log=False, wide=420, high=250):
    """series: {name: [(x, y)]}; with `log` both axes are logarithmic, and x has a mark at each point."""
    left, right, top, bottom = 58, 16, 30 if len(series) == 1 else 46, 40
    xs = [x for points in series.values() for x, _ in points]
    across = Axis(xs, left, wide - right, log)
    up = Axis([y for points in series.values() for _, y in points], high - bottom, top, log)
    parts = []
    for mark in up.marks:
        parts += [f'<line x1="{left}" x2="{wide - right}" y1="{up.at(mark):.1f}" y2="{up.at(mark):.1f}" '
                  'stroke="#d8dee4"/>', text(left - 6, up.at(mark) + 4, short(mark), "end")]
    for mark in sorted(set(xs)) if log else across.marks:
        parts.append(text(across.at(mark), high - bottom + 16, short(mark), "middle"))
    parts.append(text((left + wide - right) / 2, high - 6, x_name, "middle", fill="#57606a"))
    for i, (name, points) in enumerate(series.items()):
        colour = COLOURS[i % len(COLOURS)]
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in points)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        if log:
            parts += [f'<circle cx="{across.at(x):.1f}" cy="{up.at(y):.1f}" r="3" fill="{colour}"/>'
                      for x, y in points]
        if len(series) > 1:
            parts.append(text(left + i * 90, 34, name, fill=colour))
    return frame(wide, high, title, parts)
