"""What `bramble sim` may be asked: many histories, or one rollout rehearsed. What belongs to the other of the two is refused."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from protocol.measures import seconds
from sim.absence import HOUR_S, SPELL_S, Absence
from sim.history import SHORT, Plan

SEEDS = 300
NODES = 4
HOURS = 1 / 12
"""Five minutes of faults; rare meetings of faults come from more seeds rather than from longer histories."""

REHEARSED_HOURS = 24.0
HOURS_HELP = "how long faults go on (default a twelfth), or how long a rollout is looked at (default 24)"
PERCENT = 100.0

_OF_REHEARSALS = ("partition", "power_cut", "spell", "faults", "svg")
_OF_HISTORIES = ("seeds", "jobs", "short")


def parsed(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the arguments; ends the process, with a sentence, where they make no sense."""
    parser = _parser()
    asked = parser.parse_args(arguments)
    asked.rehearses = any(getattr(asked, name) for name in _OF_REHEARSALS)
    if asked.rehearses:
        if asked.manifest is None:
            parser.error("a rollout is rehearsed with your own stack: give --manifest FILE")
        wrong = next((name for name in _OF_HISTORIES if getattr(asked, name)), "")
        if wrong:
            parser.error(f"--{wrong} is about many histories, and this rehearses one rollout")
    if asked.nodes is not None and asked.nodes < 2:
        parser.error("a fleet has at least 2 nodes")
    asked.nodes = asked.nodes or (SHORT.nodes if asked.short else NODES)
    asked.seeds, asked.jobs = asked.seeds or SEEDS, asked.jobs or 1
    asked.hours = asked.hours or (REHEARSED_HOURS if asked.rehearses else _hours(asked))
    return asked


def _hours(asked: argparse.Namespace) -> float:
    return SHORT.seconds / HOUR_S if asked.short else HOURS


def plan_of(asked: argparse.Namespace) -> Plan:
    """What each of many histories is like."""
    manifest = asked.manifest.read_bytes() if asked.manifest else None
    like = SHORT if asked.short else Plan()
    return replace(like, nodes=asked.nodes, seconds=asked.hours * HOUR_S, manifest=manifest)


def absence_of(asked: argparse.Namespace) -> Absence:
    """How the nodes come and go."""
    return Absence(asked.partition or 0.0, asked.spell or SPELL_S, asked.power_cut or 0.0)


def _share(text: str) -> float:
    share = float(text.removesuffix("%")) / PERCENT if text.endswith("%") else float(text)
    if not 0 <= share < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no share of the time below all of it; write it like 30%")
    return share


def _per_hour(text: str) -> float:
    try:
        rate = float(text.removesuffix("/h"))
    except ValueError:
        rate = -1.0
    if rate < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no rate; write it like 5/h")
    return rate


def _spell(text: str) -> float:
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _parser() -> argparse.ArgumentParser:
    about = (
        "Live through histories of a whole fleet in virtual time, with faults, and hold it to the promises S1 to S9, L1, L2 "
        "and L4; or, with any of the second group, rehearse the rollout of your own stack over a fleet that comes and goes."
    )
    parser = argparse.ArgumentParser("bramble sim", description=about)
    parser.add_argument("--seed", type=int, default=1, metavar="S", help="the (first) seed (default 1)")
    parser.add_argument("--nodes", type=int, metavar="N", help=f"nodes (default {NODES}, at least 2)")
    parser.add_argument("--hours", type=float, metavar="H", help=HOURS_HELP)
    parser.add_argument("--manifest", type=Path, metavar="FILE", help="live with this stack instead of our own")
    parser.add_argument("--trace", type=Path, metavar="FILE", help="write the whole trace of the last history")
    many = parser.add_argument_group("many histories")
    many.add_argument("--seeds", type=int, metavar="N", help=f"how many histories (default {SEEDS})")
    many.add_argument("--short", action="store_true", help="a few dense faults each: for tens of thousands of seeds")
    many.add_argument("--jobs", type=int, metavar="N", help="how many processes share them (default 1)")
    one = parser.add_argument_group("one rollout, rehearsed")
    one.add_argument("--partition", type=_share, metavar="SHARE", help="share of the time that each node is away: 30%%")
    one.add_argument("--spell", type=_spell, metavar="TIME", help="average length of an absence (default 30m)")
    one.add_argument("--power-cut", type=_per_hour, metavar="RATE", help="power cuts an hour over the fleet: 5/h")
    one.add_argument("--faults", action="store_true", help="let everything else go wrong, too, as in the histories")
    one.add_argument("--svg", type=Path, metavar="FILE", help="draw the lanes of the nodes into this file")
    return parser
