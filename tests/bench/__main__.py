"""`python -m tests.bench [NAME ...] [--json]`: every speed claim as a ratio against a peer, measured in this very run.

The benches run one after the other, never side by side, and each starts what it needs itself. One table at the end. A figure
that misses its aim is told as missed and is no failure: the exit code is 0 unless a bench itself breaks.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict

from lab import needs
from tests.bench.figure import Figure

BENCHES = {
    "ingest": "how fast node events are taken in",
    "roundtrip": "how soon a command is acknowledged",
    "footprint": "what an idle agent costs",
    "storm": "what a storm of events costs a controller with functions",
    "edges": "what a chattering pin does to a node",
    "nodered": "how soon an event's action is there, beside Node-RED",
    "lamp": "how soon a lamp follows a button, without a broker",
    "function": "how soon an event's function has answered",
    "warm": "how soon an event's warm function has acted",
    "replicas": "how soon a manifest's containers run",
    "rollout": "how soon an update has settled everywhere",
    "turns": "what a turn of a rollout costs in a large fleet",
    "heal": "how soon a killed container runs again",
    "placements": "how fast tasks find their nodes",
    "fleet": "what ten thousand nodes cost their controller",
    "sim": "how fast histories and weeks are lived through",
}
ROOM = {"name": 52, "peer": 24}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and print what was found."""
    options = _options(arguments)
    if lacks := needs.lacks():
        print("\n".join(map(str, lacks)), file=sys.stderr)
        return 2
    found: dict[str, tuple[Figure, ...] | None] = {name: _measured(name) for name in options.names or BENCHES}
    figures = [(name, figure) for name, measured in found.items() for figure in measured or ()]
    print(_document(figures) if options.json else _table([figure for _, figure in figures]))
    return 1 if None in found.values() else 0


def _measured(name: str) -> tuple[Figure, ...] | None:
    """One bench's figures; None, and its traceback on standard error, when it broke: the others still run."""
    begun_mono_s = time.monotonic()
    _say(f"{name}: {BENCHES[name]}")
    try:
        figures: tuple[Figure, ...] = importlib.import_module(f"tests.bench.{name}").measure(
            lambda line: _say(f"  {line}")
        )
    except Exception:
        traceback.print_exc()
        return None
    _say(f"  done in {time.monotonic() - begun_mono_s:.0f} s")
    return figures


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _table(figures: list[Figure]) -> str:
    head = f"{'what':<{ROOM['name']}}{'ours':>12}{'peer':>12} {'unit':<7}{'ratio':>8}  {'aim':<10}{'':<9}{'peer is'}"
    machine = f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}: read the ratios, not the figures"
    return "\n".join(["", head, *map(_row, figures), machine])


def _row(figure: Figure) -> str:
    sign = {"lower": "<=", "higher": ">="}[figure.better]
    aim = "" if figure.aim is None else f"{sign} {figure.aim:g}"
    verdict = {True: "reached", False: "missed", None: ""}[figure.is_reached]
    values = f"{_number(figure.ours):>12}{_number(figure.peer):>12} {figure.unit:<7}{_number(figure.ratio):>8}"
    return f"{figure.name:<{ROOM['name']}}{values}  {aim:<10}{verdict:<9}{figure.peer_name}"


def _number(value: float) -> str:
    """Three figures that count, or whole numbers where there are more."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def _document(figures: list[tuple[str, Figure]]) -> str:
    rows = [{"bench": name, **asdict(one), "ratio": one.ratio, "reached": one.is_reached} for name, one in figures]
    return json.dumps(rows, indent=1)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measure Bramble against its peers.")
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME", help=", ".join(BENCHES))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
