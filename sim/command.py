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
from multiprocessing import get_context

from sim import rehearsed
from sim.arguments import parsed, plan_of
from sim.forks import Forks
from sim.history import Course, Plan, history
from sim.minimal import Minimal, minimised
from sim.quick import hurry

PROGRESS_EVERY_S = 2.0
BROKEN = 1

CHUNK = 8
"""Histories that a process is given at once, where there are many: to hand out each by itself takes time of the same processors."""


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
    courses: list[Course] = []
    for course in lived(range(asked.seed, asked.seed + asked.seeds), plan, asked.jobs):
        courses.append(course)
        if course.broken:
            print(told(course, _again(arguments, course.seed)))  # noqa: T201 - a command prints
        if time.monotonic() - shown_s >= PROGRESS_EVERY_S:
            shown_s = time.monotonic()
            _progress(f"{len(courses)} of {asked.seeds} histories")
    if asked.trace:
        asked.trace.write_text("\n".join(courses[-1].trace) + "\n")
    _progress("")
    _explain(courses, plan)
    print(summary(courses, time.monotonic() - begun_s))  # noqa: T201 - a command prints
    return BROKEN if any(course.broken for course in courses) else 0


def _explain(courses: Sequence[Course], plan: Plan) -> None:
    """Print how short the first history that broke a promise can be made."""
    broken = next((course for course in courses if course.broken), None)
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
    works = [(seed, seed == seeds[-1]) for seed in seeds]
    if jobs == 1:
        yield from (_kept(history(seed, plan), is_last=is_last) for seed, is_last in works)
        return
    context = get_context("fork")  # what a test has planted goes along
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_begin, initargs=(plan,)) as processes:
        yield from processes.map(_forked, works, chunksize=max(1, min(CHUNK, len(works) // (4 * jobs))))


_forks: list[Forks] = []
# Of a process that does nothing but live through histories.


def _begin(plan: Plan) -> None:
    hurry()
    _forks[:] = [Forks(plan)]


def _forked(work: tuple[int, bool]) -> Course:
    seed, is_last = work
    return _kept(_forks[0].course(seed), is_last=is_last)


def _kept(course: Course, *, is_last: bool) -> Course:
    """What is kept of it: of most only the end of the trace, and that only where something is broken."""
    return course if is_last else replace(course, trace=course.last_lines if course.broken else ())


def told(course: Course, again: str) -> str:
    """What a person needs of a history that broke a promise."""
    said = f"seed {course.seed} broke a promise: {course.broken}\nthe last of its trace ({course.digest}):"
    return "\n".join((said, *course.last_lines, f"once more: {again}"))


def summary(courses: Sequence[Course], seconds: float) -> str:
    """How it went, in one line."""
    injected, broken = sum(course.faults for course in courses), sum(bool(course.broken) for course in courses)
    rate = len(courses) / max(seconds, 0.001)
    return f"{len(courses)} histories, {injected} faults injected, {broken} violations, {rate:.1f} histories/s"


def _again(arguments: Sequence[str], seed: int) -> str:
    """The same command for this seed alone: of two equal options, the last one counts."""
    return " ".join(("bramble sim", *arguments, f"--seed {seed} --seeds 1"))


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
