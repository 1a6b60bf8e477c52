"""`make sim-mutants`: plant every bug in turn, hunt it with the simulator, and print which were found, by which seed and promise.

All hunts go through one copy of the house as it is at the beginning. A seed that breaks a promise without any bug finds nothing: it
is lived through in that copy, too, and passed over if it does; such seeds are told at the end, for each shows a bug that nobody
planted. All are hunted a little first, and only those that got away for longer (`ROUNDS`): most are found at once. A line for each,
as it is found or has got away, says how far the hunt is; the whole table follows in the order of the pages. Exits with 1 if fewer
than `AIM` of the bugs were found.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tests.mutants.plant import Plant, copy_with
from tests.mutants.plants import PLANTS

AIM = 0.95
"""Of the planted bugs; the rest shows what the simulator cannot see yet."""

SEEDS = 1_000
JOBS = 2
NAME_CHARS, SENTENCE_CHARS = 68, 60
HUNT = Path(__file__).with_name("hunt.py")


ROUNDS = (40, 200)
"""After so many seeds the others are hunted first."""


@dataclass(frozen=True, slots=True)
class Catch:
    """What came of one hunt; `seed` is None if the bug got away."""

    plant: Plant
    seed: int | None
    broken: str
    seconds: float


@dataclass(frozen=True, slots=True)
class Find:
    """A history that breaks a promise: its seed, its place in the order of the hunt, and the promise. No seed if there is none."""

    seed: int | None
    place: int
    broken: str


@dataclass(frozen=True, slots=True)
class Ground:
    """Where a hunt goes: the seeds from `first` on, so many; of their order, the part from `begin` to `end`."""

    seeds: int
    first: int = 1
    begin: int = 0
    end: int | None = None

    def arguments(self, themes: str) -> tuple[str, ...]:
        """As `hunt.py` wants them."""
        end = self.seeds if self.end is None else self.end
        return (str(self.first), str(self.seeds), themes, str(self.begin), str(end))


class House:
    """A copy of the house without any bug, that nobody works in, and what is known of the seeds that were lived through in it."""

    def __init__(self, folder: Path) -> None:
        """Take a copy that was made."""
        self.folder = folder
        self.broken: dict[int, str] = {}

    def breaks(self, seed: int) -> bool:
        """Whether a seed breaks a promise without any bug."""
        if seed not in self.broken:
            self.broken[seed] = _find(self.folder, Ground(1, seed), "").broken
        return bool(self.broken[seed])


def hunt(plant: Plant, ground: Ground, clean: House) -> Catch:
    """Plant one bug in a copy of the house and live there."""
    begun_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="bramble-mutant-") as folder:
        copy_with(plant, Path(folder), clean.folder)
        while True:
            find = _find(Path(folder), ground, plant.themes)
            if find.seed is None or not clean.breaks(find.seed):
                return Catch(plant, find.seed, find.broken, time.monotonic() - begun_s)
            ground = replace(ground, begin=find.place + 1)


def _find(house: Path, ground: Ground, themes: str) -> Find:
    """The first seed whose history breaks a promise in a house, and the promise."""
    command = [sys.executable, str(HUNT), *ground.arguments(themes)]
    environment = {**os.environ, "PYTHONPATH": str(house), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, cwd=house, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        return Find(ground.first, ground.begin, done.stderr.strip().splitlines()[-1])
    return Find(**json.loads(done.stdout))


def hunts(plants: Sequence[Plant], seeds: Ground, jobs: int, clean: House) -> Iterator[Catch]:
    """Hunt all, round by round; each is told when it is found, or when it has got away for good."""
    begin, left = 0, list(plants)
    with ThreadPoolExecutor(jobs) as pool:
        for end in (*(most for most in ROUNDS if most < seeds.seeds), seeds.seeds):
            ground = replace(seeds, begin=begin, end=end)
            away = []
            for done in as_completed([pool.submit(hunt, plant, ground, clean) for plant in left]):
                catch = done.result()
                if catch.seed is None and end < seeds.seeds:
                    away.append(catch.plant)
                else:
                    yield catch
            begin, left = end, away


@contextmanager
def house() -> Iterator[House]:
    """A copy of the house as it is now, compiled once for all copies of it."""
    with tempfile.TemporaryDirectory(prefix="bramble-house-") as folder:
        copy_with(None, Path(folder))
        compileall.compile_dir(folder, quiet=2)
        yield House(Path(folder))


def main(arguments: list[str]) -> int:
    """Hunt all, or those whose name, file or theme holds a text; the exit code."""
    asked = _parser().parse_args(arguments)
    chosen = [plant for plant in PLANTS if any(asked.only in told for told in (plant.name, plant.file, plant.themes))]
    begun_s = time.monotonic()
    catches: dict[str, Catch] = {}
    with house() as clean:
        for catch in hunts(chosen, Ground(asked.seeds, asked.seed), asked.jobs, clean):
            catches[catch.plant.name] = catch
            print(f"{len(catches):3} of {len(chosen)}: {row(catch)}", flush=True)
    print("", *(row(catches[plant.name]) for plant in chosen), sep="\n")
    for seed in sorted(seed for seed, why in clean.broken.items() if why):
        print(f"seed {seed} was passed over: {clean.broken[seed]}")
    print(total(catches.values(), asked.seeds, time.monotonic() - begun_s))
    found = sum(catch.seed is not None for catch in catches.values())
    return 0 if found >= AIM * len(catches) else 1


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
    parser.add_argument("--only", default="", metavar="TEXT", help="only bugs whose name, file or theme holds this")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
