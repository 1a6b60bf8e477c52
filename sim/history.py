"""One history: a seed becomes a fleet, a story and its faults; everything heals; the fleet must come to rest and stay undisturbed.

The same seed gives the same trace, byte for byte. A broken promise, or a fleet that does not come to rest, ends the history and
stands in its `Course` with the last lines of the trace.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
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
from sim.themes import THEMES, theme_of
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

BEGINNINGS = 48
"""So many fleets begin for thousands of short histories: eight of each theme, whose habits, services and machines differ."""

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
    runs, and histories of one theme share a few such beginnings (`sim.beginnings`).
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


LEAN = Plan(nodes=2, seconds=16.0, fault_every_s=5.0, work_every_s=6.0, is_lean=True, reconnects=0.0625)
"""A short history of its own: it begins with an empty fleet."""

SHORT = replace(LEAN, seconds=8.0, fault_every_s=3.5, work_every_s=4.0, begins_at_rest=True)
"""A history for tens of thousands of seeds: a fault or two and a deed or two meet on a fleet that is at work. What takes longer
than some seconds (an absence of minutes, a grant that waits for its third node) is the long one's."""


@dataclass(slots=True)
class Begun:
    """A fleet and its operator, right before a history goes on from them; `broken` if they never came so far."""

    fleet: SimFleet
    operator: Workload | GivenStack | None = None
    broken: str = ""


def history(seed: int, plan: Plan | None = None, told: Recording | Replay | None = None) -> Course:
    """Live through one history; a recording is filled, a replay followed."""
    plan = plan or Plan()
    return gone_on(begun(beginning_of(seed, plan), plan), seed, plan, told)


def beginning_of(seed: int, plan: Plan) -> int:
    """The seed by which a history begins: its own, or of those that begin at rest one of few of the same theme."""
    shared = seed % BEGINNINGS
    is_shared = plan.begins_at_rest and plan.manifest is None and theme_of(seed) is theme_of(shared)
    return shared if is_shared and theme_of(seed) in THEMES else seed


def begun(number: int, plan: Plan) -> Begun:
    """Begin a history."""
    labels = labels_of(plan.manifest) if plan.manifest else {}
    beginning = Begun(SimFleet(plan.nodes, number, labels=labels))
    with _broken_by(beginning):
        _draw_paces(beginning.fleet)
        given = plan.manifest
        beginning.operator = (
            GivenStack(beginning.fleet, given) if given else operator_of(beginning.fleet, is_lean=plan.is_lean)
        )
        beginning.operator.begin()
        if plan.begins_at_rest:
            beginning.fleet.run_until_converged()
    return beginning


def gone_on(beginning: Begun, seed: int, plan: Plan, told: Recording | Replay | None = None) -> Course:
    """Live through the rest of it, and let go of the fleet."""
    world, begun_s = beginning.fleet.world, beginning.fleet.world.age_s
    if not beginning.broken and plan.begins_at_rest:
        world.chances.seed(seed)
        _draw_paces(beginning.fleet)
    if not beginning.broken:
        with _broken_by(beginning):
            _live(beginning, plan, Steps(world.chances, told))
    beginning.fleet.close()
    spent_s = world.age_s
    return Course(seed, world.digest(), beginning.fleet.faults, spent_s, beginning.broken, tuple(world.trace), begun_s)


@contextmanager
def _broken_by(beginning: Begun) -> Iterator[None]:
    """Note the promise that is broken meanwhile."""
    try:
        with seldom_swept():
            yield
    except (ViolationError, NotConvergedError) as failure:
        beginning.broken = str(failure)
        beginning.fleet.world.say("history", beginning.broken)
    except BaseException:
        beginning.fleet.close()
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


def _live(beginning: Begun, plan: Plan, steps: Steps) -> None:
    fleet, workload = beginning.fleet, beginning.operator
    assert workload is not None, "it has begun"
    chances, until_s = fleet.world.chances, fleet.world.age_s + plan.seconds
    next_fault_s, next_work_s = (
        fleet.world.age_s + chances.expovariate(1 / every_s) for every_s in (plan.fault_every_s, plan.work_every_s)
    )
    while (next_s := min(next_fault_s, next_work_s)) < until_s:
        fleet.run_for(max(0.0, next_s - fleet.world.age_s))
        if next_s == next_fault_s:
            steps.take(lambda: strike(fleet, plan.faults))
            next_fault_s += chances.expovariate(1 / plan.fault_every_s)
        else:
            steps.take(workload.go_on)
            next_work_s += chances.expovariate(1 / plan.work_every_s)
    heal(fleet)
    if not plan.is_lean:
        steps.take(lambda: linger(fleet, plan.faults))
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
