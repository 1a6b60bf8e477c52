"""One history: a seed becomes a fleet, a story and its faults; everything heals; the fleet must come to rest and stay undisturbed.

The same seed gives the same trace, byte for byte. A broken promise, or a fleet that does not come to rest, ends the history and
stands in its `Course` with the last lines of the trace.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from sim.aftermath import aftermath
from sim.estate import operator_of
from sim.faults import FAULT_EVERY_S, FAULTS, Fault, heal, linger, strike
from sim.fleet import NotConvergedError, SimFleet
from sim.given import GivenStack, labels_of
from sim.head import CLIENT
from sim.honesty import SILENT_S
from sim.steps import Recording, Replay, Steps
from sim.violation import ViolationError

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
    """How a history went. `broken` is the sentence of the promise that it broke, empty if none."""

    seed: int
    digest: str
    faults: int
    seconds: float
    broken: str
    trace: tuple[str, ...]

    @property
    def last_lines(self) -> tuple[str, ...]:
        """The end of the trace."""
        return self.trace[-LAST_LINES:]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a history is like: how many nodes, how long the faults go on, and whose stack it lives with (ours if None).

    `faults` says which faults may come, and how often each compared with the others. On average one strikes every `fault_every_s`,
    and the operator does something every `work_every_s`; a lean one has only some of our services. `reconnects` is the share of the
    histories that end with a reconnect of everybody.
    """

    nodes: int = 4
    seconds: float = 300.0
    manifest: bytes | None = None
    faults: Mapping[Fault, int] = field(default_factory=lambda: FAULTS)
    fault_every_s: float = FAULT_EVERY_S
    work_every_s: float = WORK_EVERY_S
    is_lean: bool = False
    reconnects: float = 1.0


SHORT = Plan(
    nodes=2, seconds=16.0, fault_every_s=5.0, work_every_s=6.0, is_lean=True, reconnects=0.0625
)  # fmt: skip
"""A history for tens of thousands of seeds: faults meet deeds as often in a fraction of the turns. What takes longer than a
quarter of a minute (an absence of minutes, a grant that waits for its third node) is the long one's."""


def history(seed: int, plan: Plan | None = None, told: Recording | Replay | None = None) -> Course:
    """Live through one history; a recording is filled, a replay followed."""
    plan = plan or Plan()
    labels = labels_of(plan.manifest) if plan.manifest else {}
    fleet = SimFleet(plan.nodes, seed, labels=labels)
    broken = ""
    try:
        with seldom_swept():
            _live(fleet, plan, Steps(fleet.world.chances, told))
    except (ViolationError, NotConvergedError) as failure:
        broken = str(failure)
        fleet.world.say("history", broken)
    finally:
        fleet.close()
    world = fleet.world
    return Course(seed, world.digest(), fleet.faults, world.age_s, broken, tuple(world.trace))


@contextmanager
def seldom_swept() -> Iterator[None]:
    """Have memory swept seldom meanwhile."""
    before = gc.get_threshold()
    gc.set_threshold(*SWEEP_AFTER)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _live(fleet: SimFleet, plan: Plan, steps: Steps) -> None:
    chances = fleet.world.chances
    fleet.head.process.stretch = chances.choice(STRETCH)
    for node in fleet.nodes.values():
        node.process.stretch = chances.choice(STRETCH)
    workload = GivenStack(fleet, plan.manifest) if plan.manifest else operator_of(fleet, is_lean=plan.is_lean)
    workload.begin()
    next_fault_s, next_work_s = (
        chances.expovariate(1 / every_s) for every_s in (plan.fault_every_s, plan.work_every_s)
    )
    while (next_s := min(next_fault_s, next_work_s)) < plan.seconds:
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
