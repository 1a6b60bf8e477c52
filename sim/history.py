"""One history: a seed becomes a fleet, a story and its faults; everything heals; the fleet must come to rest and stay undisturbed.

The same seed gives the same trace, byte for byte. A broken promise, or a fleet that does not come to rest, ends the history and
stands in its `Course` with the last lines of the trace.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sim.aftermath import aftermath
from sim.estate import operator_of
from sim.faults import FAULT_EVERY_S, FAULTS, Fault, heal, linger, strike
from sim.fleet import NotConvergedError, SimFleet
from sim.given import GivenStack, labels_of
from sim.head import CLIENT
from sim.honesty import SILENT_S
from sim.steps import Recording, Replay, Steps
from sim.storms import StraitFleet
from sim.themes import STORMS, THEMES, theme_of
from sim.violation import ViolationError
from sim.workload import Workload

WORK_EVERY_S = 20.0

STRETCH = (1.0, 5.0, 10.0, 20.0)
"""How busy the machines of a history are: see `sim.process.Process`."""

LAST_LINES = 60

SWEEP_AFTER = (200_000, 20, 20)
"""When Python looks for rings of garbage: a history makes few, and looking 300 times costs a tenth of its time."""

SILENT_SHARE = 0.5
"""Of the reconnects."""

REST_S = 90.0
"""Longer than any lease: what a reconnect would disturb, it has disturbed by then."""


@dataclass(frozen=True, slots=True)
class Course:
    """How a history went. `broken` is the sentence of the promise that it broke, empty if none; from `begun_s` on things strike."""

    seed: int
    digest: str
    faults: int
    seconds: float
    broken: str
    trace: tuple[str, ...]
    begun_s: float = 0.0

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of the trace."""
        return self.trace[-LAST_LINES:]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a history is like: how many nodes, how long the faults go on, and whose stack it lives with (ours if None).

    `faults` says which faults may come, and how often each compared with the others. On average one strikes every `fault_every_s`,
    and the operator does something every `work_every_s`; a lean one has only some of our services. `reconnects` is the share of the
    histories that end with a reconnect of everybody. With `begins_at_rest` nothing strikes before the first revision of everything
    runs. A `series` of so many histories is lived through by one fleet, each from where the one before came to rest.
    """

    nodes: int = 4
    seconds: float = 300.0
    manifest: bytes | None = None
    faults: Mapping[Fault, int] = field(default_factory=lambda: FAULTS)
    fault_every_s: float = FAULT_EVERY_S
    work_every_s: float = WORK_EVERY_S
    is_lean: bool = False
    reconnects: float = 1.0
    begins_at_rest: bool = False
    series: int = 1


LEAN = Plan(nodes=2, seconds=16.0, fault_every_s=5.0, work_every_s=6.0, is_lean=True, reconnects=0.0625)
"""A short history of its own: it begins with an empty fleet."""

SHORT = replace(LEAN, seconds=8.0, fault_every_s=3.5, work_every_s=4.0, begins_at_rest=True, series=8)
"""A history for tens of thousands of seeds: a fault or two and a deed or two meet on a fleet that is at work. What takes longer
than some seconds (an absence of minutes, a grant that waits for its third node) is the long one's."""


@dataclass(slots=True)
class Life:
    """A fleet and its operator, and how far their histories have come; `broken` is the promise that ended them."""

    fleet: SimFleet
    operator: Workload | GivenStack | None = None
    broken: str = ""
    faults: int = 0
    age_s: float = 0.0

    @property
    def is_over(self) -> bool:
        """Whether another history is to have another fleet: where somebody has lost what only he knew, less can be asked for."""
        return bool(self.broken) or self.fleet.invariants.has_forgotten

    def course(self, seed: int, begun_s: float) -> Course:
        """How the history went that has just ended."""
        world, faults, age_s = self.fleet.world, self.faults, self.age_s
        self.faults, self.age_s = self.fleet.faults, world.age_s
        trace = tuple(world.trace)
        return Course(seed, world.digest(), self.faults - faults, self.age_s - age_s, self.broken, trace, begun_s)


def history(seed: int, plan: Plan | None = None, told: Recording | Replay | None = None) -> Course:
    """Live through one history, and before it through those of its series; a recording is filled, a replay followed."""
    return deque(courses((seed,), plan or Plan(), told), maxlen=1).pop()


def series_of(seed: int, plan: Plan) -> int:
    """The number of the fleet that lives through a history: what the history is about goes by it."""
    return seed // plan.series


def courses(seeds: Sequence[int], plan: Plan, told: Recording | Replay | None = None) -> Iterator[Course]:
    """Live through histories of one series, in order, and through those before them. What is rare has a fleet for each."""
    number, steps, life = series_of(seeds[0], plan), Steps(told), None
    is_usual = plan.manifest is not None or theme_of(number) in THEMES
    first = number * plan.series if is_usual else seeds[0]
    try:
        for seed in range(first, seeds[-1] + 1):
            life = life or begun(number, plan)
            course = _lived(life, seed, plan, steps)
            if life.is_over or not is_usual:
                life.fleet.close()
                life = None
            if seed in seeds:
                yield course
    finally:
        if life is not None:
            life.fleet.close()


def begun(series: int, plan: Plan) -> Life:
    """Begin with a fleet."""
    labels = labels_of(plan.manifest) if plan.manifest else {}
    is_strait = plan.manifest is None and theme_of(series) is STORMS
    life = Life((StraitFleet if is_strait else SimFleet)(plan.nodes, series, labels=labels))
    with _broken_by(life):
        _draw_paces(life.fleet)
        given = plan.manifest
        life.operator = GivenStack(life.fleet, given) if given else operator_of(life.fleet, is_lean=plan.is_lean)
        life.operator.begin()
        if plan.begins_at_rest:
            life.fleet.run_until_converged()
    return life


def _lived(life: Life, seed: int, plan: Plan, steps: Steps) -> Course:
    """One history more."""
    world = life.fleet.world
    begun_s = world.age_s
    if not life.broken:
        if plan.begins_at_rest:
            world.chances.seed(seed)
            _draw_paces(life.fleet)
        with _broken_by(life):
            _go_on(life, plan, steps)
    return life.course(seed, begun_s)


@contextmanager
def _broken_by(life: Life) -> Iterator[None]:
    """Note the promise that is broken meanwhile."""
    try:
        with seldom_swept():
            yield
    except (ViolationError, NotConvergedError) as failure:
        life.broken = str(failure)
        life.fleet.world.say("history", life.broken)
    except BaseException:
        life.fleet.close()
        raise


def _draw_paces(fleet: SimFleet) -> None:
    """Draw how busy each machine is."""
    for process in (fleet.head.process, *(node.process for node in fleet.nodes.values())):
        process.stretch = fleet.world.chances.choice(STRETCH)


@contextmanager
def seldom_swept() -> Iterator[None]:
    """Have memory swept seldom meanwhile."""
    before = gc.get_threshold()
    gc.set_threshold(*SWEEP_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _go_on(life: Life, plan: Plan, steps: Steps) -> None:
    fleet, workload = life.fleet, life.operator
    assert workload is not None, "it has begun"
    fleet.is_healed = False
    chances, until_s = fleet.world.chances, fleet.world.age_s + plan.seconds
    next_fault_s, next_work_s = (
        fleet.world.age_s + chances.expovariate(1 / every_s) for every_s in (plan.fault_every_s, plan.work_every_s)
    )
    while (next_s := min(next_fault_s, next_work_s)) < until_s:
        fleet.run_for(max(0.0, next_s - fleet.world.age_s))
        if next_s == next_fault_s:
            steps.take(chances, lambda: strike(fleet, plan.faults))
            next_fault_s += chances.expovariate(1 / plan.fault_every_s)
        else:
            steps.take(chances, workload.go_on)
            next_work_s += chances.expovariate(1 / plan.work_every_s)
    heal(fleet)
    if not plan.is_lean:
        steps.take(chances, lambda: linger(fleet, plan.faults))
    workload.end()
    fleet.run_until_converged()
    if not plan.is_lean and plan.manifest is None:
        aftermath(fleet, workload)
    if chances.random() < plan.reconnects:
        _reconnect(fleet)


def _reconnect(fleet: SimFleet) -> None:
    """A reconnect disturbs nothing: all links are cut and the broker and the controller lost, and every container stays.

    In half of them one node stays away for longer, and its will went with the broker: only its silence tells that it is not there.
    """
    before = fleet.containers()
    fleet.cut(*fleet.nodes, CLIENT)
    fleet.run_for(REST_S)
    fleet.lose_broker()
    fleet.head.kill()
    fleet.start_broker()
    chances = fleet.world.chances
    silent = chances.choice(sorted(fleet.nodes)) if chances.random() < SILENT_SHARE else ""
    fleet.mend(*(name for name in fleet.nodes if name != silent), CLIENT)
    if silent:
        fleet.run_for(SILENT_S + REST_S)
        fleet.mend(silent)
    fleet.remind()
    fleet.run_until_converged()
    if fleet.containers() != before:
        raise ViolationError("a reconnect disturbs nothing", f"{before} became {fleet.containers()}")
