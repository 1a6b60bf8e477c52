"""`bramble sim` with a rollout to rehearse: lives through it, and prints its lanes, its timeline and its report.

Exits with 1 when a promise was broken, with 2 when the file is no stack.
"""

from __future__ import annotations

import argparse
import shutil

from sim.arguments import absence_of
from sim.faults import FAULTS
from sim.given import UnreadableStackError
from sim.lanes import clock, picture, svg
from sim.rehearsal import Rehearsal, Script, rehearse

BROKEN, UNREADABLE = 1, 2
NAME_COLUMNS = 12
"""Room for a node's name beside its lane."""

LEAST_COLUMNS = 40


def run(asked: argparse.Namespace) -> int:
    """Rehearse and tell; the exit code."""
    faults = FAULTS if asked.faults else {}
    manifest, seconds = asked.manifest.read_bytes(), asked.hours * 3600.0
    try:
        told = rehearse(asked.seed, Script(asked.nodes, seconds, manifest, absence_of(asked), faults))
    except UnreadableStackError as error:
        print(f"{asked.manifest}: {error}")  # noqa: T201 - a command prints
        return UNREADABLE
    columns = max(LEAST_COLUMNS, shutil.get_terminal_size().columns - NAME_COLUMNS)
    print("\n".join(page(told, columns)))  # noqa: T201 - a command prints
    if asked.svg:
        title = f"{asked.manifest.name} over {asked.nodes} nodes, seed {asked.seed}"
        asked.svg.write_text(svg(title, told.lanes, told.seconds, told.timeline))
    if asked.trace:
        asked.trace.write_text("\n".join(told.trace) + "\n")
    return BROKEN if told.broken else 0


def page(told: Rehearsal, columns: int) -> list[str]:
    """Everything a person wants to know of it."""
    lines = [*picture(told.lanes, told.seconds, columns), ""]
    lines += [f"{clock(at_s):>9}  {said}" for at_s, said in told.timeline]
    lines += ["", *told.reports]
    lines.append(f"{told.updated} of {told.tasks} tasks run the new revision after {clock(told.seconds)}")
    if told.broken:
        lines.append(f"a promise was broken: {told.broken}")
    return lines
