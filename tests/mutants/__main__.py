"""`make sim-mutants`: plant every bug in turn, hunt it with the simulator, and print which were found, by which seed and promise.

All hunts go through one copy of the house as it is at the beginning. A seed that breaks a promise without any bug finds nothing: it
is lived through in that copy, too, and passed over if it does. Exits with 1 if fewer than `AIM` of the bugs were found.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.plant import ROOT, Plant, copy_with
from tests.mutants.plants import PLANTS

AIM = 0.95
"""Of the planted bugs; the rest shows what the simulator cannot see yet."""

SEEDS = 1_000
JOBS = 2
NAME_CHARS, SENTENCE_CHARS = 68, 60
HUNT = Path(__file__).with_name("hunt.py")


@dataclass(frozen=True, slots=True)
class Catch:
    """What came of one hunt; `seed` is None if the bug got away."""

    plant: Plant
    seed: int | None
    broken: str
    seconds: float


def hunt(plant: Plant, seeds: int, first: int = 1, clean: Path = ROOT) -> Catch:
    """Plant one bug in a copy of the house and live there."""
    begun_s = time.monotonic()
    passed: list[int] = []
    with tempfile.TemporaryDirectory(prefix="bramble-mutant-") as folder:
        copy_with(plant, Path(folder), clean)
        while True:
            seed, broken = _find(Path(folder), first, seeds, plant.theme, passed)
            if seed is None or not _find(clean, seed, 1, "", [])[1]:
                return Catch(plant, seed, broken, time.monotonic() - begun_s)
            passed.append(seed)


def _find(house: Path, first: int, seeds: int, theme: str, passed: Iterable[int]) -> tuple[int | None, str]:
    """The first seed whose history breaks a promise in a house, and the promise."""
    command = [sys.executable, str(HUNT), str(first), str(seeds), theme, *map(str, passed)]
    environment = {**os.environ, "PYTHONPATH": str(house), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return first, done.stderr.strip().splitlines()[-1]
    found = json.loads(done.stdout)
    return found["seed"], found["broken"]


@contextmanager
def _house() -> Iterator[Path]:
    """A copy of the house that nobody works in."""
    with tempfile.TemporaryDirectory(prefix="bramble-house-") as folder:
        copy_with(None, Path(folder))
        yield Path(folder)


def main(arguments: list[str]) -> int:
    """Hunt all, or those whose name or file holds a text; the exit code."""
    asked = _parser().parse_args(arguments)
    chosen = [plant for plant in PLANTS if asked.only in plant.name or asked.only in plant.file]
    begun_s = time.monotonic()
    catches = []
    with _house() as clean, ThreadPoolExecutor(asked.jobs) as pool:
        for catch in pool.map(lambda plant: hunt(plant, asked.seeds, asked.seed, clean), chosen):
            catches.append(catch)
            print(row(catch), flush=True)
    print(total(catches, asked.seeds, time.monotonic() - begun_s))
    return 0 if sum(catch.seed is not None for catch in catches) >= AIM * len(catches) else 1


def row(catch: Catch) -> str:
    """One line of the table: found where, how long it took, in which room, which bug, by which promise."""
    place = "escaped" if catch.seed is None else f"seed {catch.seed}"
    room, name = catch.plant.file.partition("/")[0], catch.plant.name[:NAME_CHARS]
    return (
        f"{place:>9} {catch.seconds:5.0f} s  {room:<10} {name:<{NAME_CHARS}} {catch.broken[:SENTENCE_CHARS]}".rstrip()
    )


def total(catches: Iterable[Catch], seeds: int, seconds: float) -> str:
    """The last line."""
    found = [catch.seed is not None for catch in catches]
    share = sum(found) / max(1, len(found))
    return f"{sum(found)} of {len(found)} planted bugs ({share:.0%}) found within {seeds} seeds, {seconds:.0f} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make sim-mutants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="histories per bug at most")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--jobs", type=int, default=JOBS, help="how many hunt at once")
    parser.add_argument("--only", default="", metavar="TEXT", help="only bugs whose name or file holds this")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
