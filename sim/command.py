"""`bramble sim`: live through many histories, show how it goes, and say at the end whether every promise held.

With absence or power cuts asked for it rehearses one rollout instead: see `sim.rehearsed`.
Exits with 1 when one did not; its seed, its sentence, the last lines of its trace and the command that lives through it again are
printed then, and how short the first such history can be made. Nothing here touches the network or any file but a temporary one.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import chain, groupby
from multiprocessing import get_context

from sim import rehearsed
from sim.arguments import parsed, plan_of
from sim.history import Course, Plan, courses, series_of
from sim.minimal import Minimal, minimised
from sim.quick import hurry

PROGRESS_EVERY_S = 2.0
BROKEN = 1


def run(arguments: Sequence[str]) -> int:
    """Carry out the command; the exit code."""
    asked = parsed(arguments)
    logging.disable(logging.CRITICAL)  # thousands of lost links are the point here, and no news
    try:
        return rehearsed.run(asked) if asked.rehearses else _live(asked, arguments)
    finally:
        logging.disable(logging.NOTSET)


def _live(asked: argparse.Namespace, arguments: Sequence[str]) -> int:
    plan = plan_of(asked)
    begun_s = shown_s = time.monotonic()
    done: list[Course] = []
    for course in lived(range(asked.seed, asked.seed + asked.seeds), plan, asked.jobs):
        done.append(course)
        if course.broken:
            print(told(course, _again(arguments, course.seed)))  # noqa: T201 - a command prints
        if time.monotonic() - shown_s >= PROGRESS_EVERY_S:
            shown_s = time.monotonic()
            _progress(f"{len(done)} of {asked.seeds} histories")
    if asked.trace:
        asked.trace.write_text("\n".join(done[-1].trace) + "\n")
    _progress("")
    _explain(done, plan)
    print(summary(done, time.monotonic() - begun_s))  # noqa: T201 - a command prints
    return BROKEN if any(course.broken for course in done) else 0


def _explain(done: Sequence[Course], plan: Plan) -> None:
    """Print how short the first history that broke a promise can be made."""
    broken = next((course for course in done if course.broken), None)
    if broken is None:
        return
    _progress(f"making seed {broken.seed} short")
    short = minimised(broken.seed, plan)
    _progress("")
    if short is not None:
        print(shortened(short))  # noqa: T201 - a command prints


def shortened(short: Minimal) -> str:
    """The short story of a history that broke a promise."""
    about = f"{short.kept} of its {short.steps} faults and deeds are enough ({short.trials} trials)"
    return "\n".join((f"seed {short.course.seed}, made short: {about}: {short.course.broken}", *short.story))


def lived(seeds: Sequence[int], plan: Plan, jobs: int) -> Iterator[Course]:
    """The histories of these seeds, in order, lived through by so many processes; only the last keeps its whole trace."""
    series = [tuple(some) for _, some in groupby(seeds, lambda seed: series_of(seed, plan))]
    if jobs == 1:
        yield from (_kept(course, seeds[-1]) for some in series for course in courses(some, plan))
        return
    context = get_context("fork")  # what a test has planted goes along
    live = partial(_series, plan=plan, last=seeds[-1])
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=hurry) as processes:
        yield from chain.from_iterable(processes.map(live, series))


def _series(seeds: Sequence[int], plan: Plan, last: int) -> list[Course]:
    return [_kept(course, last) for course in courses(seeds, plan)]


def _kept(course: Course, last: int) -> Course:
    """What is kept of it: of most only the end of the trace, and that only where something is broken."""
    return course if course.seed == last else replace(course, trace=course.last_lines if course.broken else ())


def told(course: Course, again: str) -> str:
    """What a person needs of a history that broke a promise."""
    said = f"seed {course.seed} broke a promise: {course.broken}\nthe last of its trace ({course.digest}):"
    return "\n".join((said, *course.last_lines, f"once more: {again}"))


def summary(done: Sequence[Course], seconds: float) -> str:
    """How it went, in one line."""
    injected, broken = sum(course.faults for course in done), sum(bool(course.broken) for course in done)
    rate = len(done) / max(seconds, 0.001)
    return f"{len(done)} histories, {injected} faults injected, {broken} violations, {rate:.1f} histories/s"


def _again(arguments: Sequence[str], seed: int) -> str:
    """The same command for this seed alone: of two equal options, the last one counts."""
    return " ".join(("bramble sim", *arguments, f"--seed {seed} --seeds 1"))


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
