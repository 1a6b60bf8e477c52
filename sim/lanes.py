"""The lanes of a rehearsal: for each node what it was doing when, as a terminal's picture and as an SVG. Pure.

A lane is a list of moments with the state that began then. In the terminal a column shows what a reader must not miss: the first
of `Doing` that came in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from html import escape
from math import inf


class Doing(StrEnum):
    """What a node is doing, the most telling first."""

    FAILED = "failed"
    TRYING = "trying"
    POWERLESS = "without power"
    STAGED = "staged"
    STAGING = "staging"
    AWAY = "away"
    WAITING = "waiting"
    SETTLED = "settled"


SIGNS: Mapping[Doing, str] = {
    Doing.FAILED: "!",
    Doing.TRYING: "#",
    Doing.POWERLESS: "x",
    Doing.STAGED: "+",
    Doing.STAGING: "~",
    Doing.AWAY: ".",
    Doing.WAITING: "-",
    Doing.SETTLED: "=",
}

COLOURS: Mapping[Doing, str] = {
    Doing.FAILED: "#c0392b",
    Doing.TRYING: "#e67e22",
    Doing.POWERLESS: "#34495e",
    Doing.STAGED: "#5dade2",
    Doing.STAGING: "#aed6f1",
    Doing.AWAY: "#d5d8dc",
    Doing.WAITING: "#f7dc6f",
    Doing.SETTLED: "#58b368",
}

LANE_PX, NAME_PX, WIDTH_PX, LEGEND_PX = 14, 90, 900, 28
FONT_PX = 11
TICKS = 8
"""Moments named along the time axis."""


@dataclass(slots=True)
class Lane:
    """One node's moments, in order of time."""

    node: str
    moments: list[tuple[float, Doing]] = field(default_factory=list)

    def say(self, at_s: float, doing: Doing) -> None:
        """Note what the node does now, if that is another thing than before."""
        if not self.moments or self.moments[-1][1] is not doing:
            self.moments.append((at_s, doing))

    def spans(self, end_s: float) -> list[tuple[float, float, Doing]]:
        """From when to when it did what."""
        ends = [at_s for at_s, _ in self.moments[1:]] + [end_s]
        return [(at_s, until_s, doing) for (at_s, doing), until_s in zip(self.moments, ends, strict=True)]


def picture(lanes: Iterable[Lane], end_s: float, columns: int) -> list[str]:
    """A line per node with a sign per column of time, and a legend."""
    lanes = list(lanes)
    width = max((len(lane.node) for lane in lanes), default=0)
    step_s = max(end_s, 1.0) / columns
    lines = [f"{lane.node:<{width}} {_row(lane, end_s, columns, step_s)}" for lane in lanes]
    axis = f"{'':<{width}} 0{clock(end_s):>{columns - 1}}"
    return [*lines, axis, "  ".join(f"{sign} {doing}" for doing, sign in SIGNS.items())]


def _row(lane: Lane, end_s: float, columns: int, step_s: float) -> str:
    rank = {doing: place for place, doing in enumerate(Doing)}
    row: list[Doing | None] = [None] * columns
    for begin_s, until_s, doing in lane.spans(end_s):
        first, last = int(begin_s / step_s), int(max(begin_s, until_s - 1e-9) / step_s)
        for column in range(first, min(last, columns - 1) + 1):
            known = row[column]
            row[column] = doing if known is None or rank[doing] < rank[known] else known
    return "".join(SIGNS[doing] if doing else " " for doing in row)


def svg(title: str, lanes: Iterable[Lane], end_s: float, marks: Iterable[tuple[float, str]] = ()) -> str:
    """The same as a picture for a page, with a line at each of these moments."""
    lanes = list(lanes)
    top, bottom = 2 * LEGEND_PX, 2 * LEGEND_PX + LANE_PX * len(lanes)
    scale = WIDTH_PX / max(end_s, 1.0)
    parts = [_text(4, 18, title), *_legend()]
    for row, lane in enumerate(lanes):
        y = top + row * LANE_PX
        parts.append(_text(4, y + LANE_PX - 3, lane.node))
        parts += [_span(y, begin, until, doing, scale) for begin, until, doing in lane.spans(end_s)]
    parts += [_mark(at_s, said, (top, bottom), scale) for at_s, said in marks]
    for tick in range(TICKS + 1):
        at_s = end_s * tick / TICKS
        parts.append(_text(NAME_PX + at_s * scale, bottom + LANE_PX, clock(at_s), "middle"))
    size = f'width="{NAME_PX + WIDTH_PX + 40}" height="{bottom + LEGEND_PX}"'
    style = f'font-family="sans-serif" font-size="{FONT_PX}"'
    return "\n".join((f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>', *parts, "</svg>", ""))


def clock(seconds: float) -> str:
    """A while as people read it: 1:02:03."""
    whole = round(seconds) if seconds != inf else 0
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"


def _legend() -> list[str]:
    step = (NAME_PX + WIDTH_PX) / len(Doing)
    found = []
    for place, doing in enumerate(Doing):
        x, y = 4 + place * step, LEGEND_PX
        found.append(f'<rect x="{x:.1f}" y="{y}" width="10" height="10" fill="{COLOURS[doing]}"/>')
        found.append(_text(x + 14, y + 9, doing))
    return found


def _span(y: int, begin_s: float, until_s: float, doing: Doing, scale: float) -> str:
    place = f'x="{NAME_PX + begin_s * scale:.1f}" y="{y}" width="{max(0.5, (until_s - begin_s) * scale):.1f}"'
    told = f"<title>{doing} {clock(begin_s)} to {clock(until_s)}</title>"
    return f'<rect {place} height="{LANE_PX - 2}" fill="{COLOURS[doing]}">{told}</rect>'


def _mark(at_s: float, said: str, span: tuple[int, int], scale: float) -> str:
    x, (top, bottom) = NAME_PX + at_s * scale, span
    ends = f'x1="{x:.1f}" x2="{x:.1f}" y1="{top - 4}" y2="{bottom}"'
    return f'<line {ends} stroke="#1b2631" stroke-dasharray="3 2"><title>{escape(said)}</title></line>'


def _text(x: float, y: float, said: str, anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(said)}</text>'
