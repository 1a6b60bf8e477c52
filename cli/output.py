"""What a command prints: tables for people, JSON for programs, always to standard output; chatter goes to standard error.

A table never wraps or cuts when its reader is a pipe or a file; on a screen the last column folds. Colours follow NO_COLOR.
JSON is the message of the conversation as it is (`protocol.operator`), one document, or one per line where it is a stream.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, is_dataclass
from typing import Any, TypeVar

from rich.console import Console, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from protocol.operator import ManifestFault

Row = TypeVar("Row")

PIPE_COLUMNS = 16_384
"""As wide as any row of ours: what reads a pipe must find one row on one line."""

FOLDED_COLUMNS = 24
"""Below this a folded sentence is a column of single words."""

NOTHING = "-"

GOOD = frozenset({"running", "online", "active", "accepted", "done", "yes", "settled"})
BAD = frozenset({"failed", "rejected", "offline", "refused", "rolled_back", "dead-lettered", "quarantined"})
UNSURE = frozenset({"suspect", "drained", "paused", "rolling_back", "pending", "no"})

MINUTE_S, HOUR_S, DAY_S = 60, 3600, 86_400


def print_json(value: object, *, in_line: bool = False) -> None:
    """Print one JSON document, on one line where it is part of a stream."""
    print(json.dumps(_plain(value), ensure_ascii=False, indent=None if in_line else 2), flush=True)


def print_table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print aligned columns."""
    show(table(headings, rows))


def print_rows(
    headings: Sequence[str], rows: Sequence[Row], cells: Callable[[Row], Sequence[object]], *, as_json: bool
) -> None:
    """Print an answer's rows: as they are for programs, a line of cells for each for people."""
    if as_json:
        print_json(rows)
    else:
        print_table(headings, map(cells, rows))


def show(picture: RenderableType) -> None:
    """Print a picture; what is wider than the screen at its narrowest is left to the screen to break."""
    paper = console()
    paper.width = max(
        paper.width, Measurement.get(paper, paper.options.update(max_width=PIPE_COLUMNS), picture).minimum
    )
    paper.print(picture)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Build a table; the last column may fold. On a screen, a column without any content takes no place."""
    lines = [[_cell(value) for value in row] for row in rows]
    shown = [i for i in range(len(headings)) if not _is_screen() or any(line[i].plain != NOTHING for line in lines)]
    grid = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="bold")
    for i in shown:
        longest = max(cell.cell_len for cell in (Text(headings[i]), *(line[i] for line in lines)))
        width = min(longest, max(FOLDED_COLUMNS, len(headings[i])))
        grid.add_column(headings[i].upper(), overflow="fold", no_wrap=i != shown[-1], min_width=width)
    for line in lines:
        grid.add_row(*(line[i] for i in shown))
    return grid


def console() -> Console:
    """Standard output as rich sees it: the screen's width, or no limit."""
    return Console(width=None if _is_screen() else PIPE_COLUMNS, highlight=False, markup=False, emoji=False)


def ago(seconds: float | None) -> str:
    """How long since, in the largest whole unit that people use."""
    if seconds is None:
        return "never"
    for unit_s, letter in ((DAY_S, "d"), (HOUR_S, "h"), (MINUTE_S, "m")):
        if seconds >= 2 * unit_s:
            return f"{int(seconds // unit_s)}{letter} ago"
    return f"{int(seconds)}s ago"


def mebibytes(size: int | None) -> str:
    """Memory as `docker` shows it."""
    return NOTHING if size is None else f"{size // 2**20} MiB"


def fault_line(file: str, fault: ManifestFault) -> str:
    """`porch.yaml:12:7: services.web.ports: what is wrong; what to do`, with what is known."""
    place = ":".join(str(part) for part in (file, fault.line, fault.column) if part is not None)
    sentence = f"{fault.reason}; {fault.remedy}" if fault.remedy else fault.reason
    return ": ".join(filter(None, (place, fault.path, sentence)))


def _is_screen() -> bool:
    return sys.stdout.isatty()


def _cell(value: object) -> Text:
    text = NOTHING if value is None or value == "" else str(value)
    style = "green" if text in GOOD else "red" if text in BAD else "yellow" if text in UNSURE else ""
    return Text(text, style=style)


def _plain(value: object) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value
