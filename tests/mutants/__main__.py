"""`make sim-mutants`: plant every bug in turn, hunt it with the simulator, and print which were found, by which seed and promise.

Exits with 1 if fewer than `AIM` of them were found.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.plant import Plant, copy_with
from tests.mutants.plants import PLANTS

AIM = 0.95
"""Of the planted bugs; the rest shows what the simulator cannot see yet."""

SEEDS = 1_000
SENTENCE_CHARS = 72


@dataclass(frozen=True, slots=True)
class Catch:
    """What came of one hunt; `seed` is None if the bug got away."""

    plant: Plant
    seed: int | None
    broken: str
    seconds: float


def hunt(plant: Plant, seeds: int, first: int = 1) -> Catch:
    """Plant one bug in a copy of the house and live there."""
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bramble-mutant-") as folder:
        copy_with(plant, Path(folder))
        script = Path(__file__).with_name("hunt.py")
        command = [sys.executable, str(script), str(first), str(seeds)]
        environment = {**os.environ, "PYTHONPATH": folder, "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - begun_s
    if done.returncode:
        return Catch(plant, first, done.stderr.strip().splitlines()[-1], seconds)
    found = json.loads(done.stdout)
    return Catch(plant, found["seed"], found["broken"], seconds)


def main(arguments: list[str]) -> int:
    """Hunt all, or those whose name or file holds a text; the exit code."""
    asked = _parser().parse_args(arguments)
    chosen = [plant for plant in PLANTS if asked.only in plant.name or asked.only in plant.file]
    begun_s = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        catches = []
        for catch in pool.map(lambda plant: hunt(plant, asked.seeds, asked.seed), chosen):
            catches.append(catch)
            print(row(catch), flush=True)
    print(total(catches, asked.seeds, time.monotonic() - begun_s))
    return 0 if sum(catch.seed is not None for catch in catches) >= AIM * len(catches) else 1


def row(catch: Catch) -> str:
    """One line of the table."""
    place = "escaped" if catch.seed is None else f"seed {catch.seed}"
    return f"{place:>10}  {catch.seconds:6.0f} s  {catch.plant.name}: {catch.broken[:SENTENCE_CHARS]}"


def total(catches: Iterable[Catch], seeds: int, seconds: float) -> str:
    """The last line."""
    found = [catch.seed is not None for catch in catches]
    return f"{sum(found)} of {len(found)} planted bugs found within {seeds} seeds, {seconds:.0f} s"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make sim-mutants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=SEEDS, help="histories per bug at most")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    parser.add_argument("--only", default="", metavar="TEXT", help="only bugs whose name or file holds this")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
