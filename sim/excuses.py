"""What a fleet may wait for when nothing strikes any more: each excuse that somebody has stated, from its begin to its end.

A manifest asks for some (how long a trial is watched, windows, the pauses of functions), the product states others (before a node
knocks again, after a crash or a pull that failed), a busy machine sleeps too long, and an operator has the last word on what is
paused. Each is read from the state in which it stands, with its end: what waits beyond that waits for nothing (`sim.liveness`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from agent.decide.node import Node
from agent.decide.report import AGAIN_S
from agent.decide.trial import Trial
from controller.decide.fleet import Fleet
from controller.decide.invocation import OPEN
from controller.decide.rollouts import precedence
from controller.decide.rollouts.slot import ENDED, HALTED, Rollout
from protocol.observed import OfferState
from sim.broker import Weather
from sim.head import CLIENT
from sim.node import SimNode
from sim.process import Process
from sim.straits import AMPLE

if TYPE_CHECKING:
    from sim.fleet import SimFleet

CALM = Weather()
MINUTE_S = 60.0


@dataclass(frozen=True, slots=True)
class Excuse:
    """Until when something is waited for, and why; whatever has no moment of its own has lasted since somebody looked."""

    why: str
    until_s: float = float("-inf")
    from_s: float = float("-inf")


def uncovered_s(from_s: float, until_s: float, excuses: Iterable[Excuse]) -> float:
    """How much of a time no excuse accounts for."""
    left_s, at_s = 0.0, from_s
    for excuse in sorted(excuses, key=lambda one: one.from_s):
        left_s += max(0.0, min(excuse.from_s, until_s) - at_s)
        at_s = max(at_s, min(excuse.until_s, until_s))
    return left_s + max(0.0, until_s - at_s)


def strikes(fleet: SimFleet) -> str:
    """What is left of the last fault; empty when it is over."""
    broker, now_s = fleet.world.broker, fleet.world.now_s
    if not broker.is_running or broker.partitioned or not fleet.registry.up:
        return "something is away"
    if broker.weather != CALM or broker.swallows or now_s < broker.late_s:
        return "mail is lost, or late"
    for process in _processes(fleet):
        if not process.is_alive or now_s < process.stopped_until_s:
            return f"{process.name} stands still"
    return ""


def of_fleet(fleet: SimFleet, knows: Fleet) -> Iterator[Excuse]:
    """All of them."""
    yield from of_machines(fleet, _processes(fleet))
    yield from of_links(fleet, (CLIENT, *fleet.nodes))
    yield from of_losses(fleet, fleet.nodes)
    for node in fleet.nodes.values():
        yield from _of_node(node)
    for name in (*knows.flapping, *knows.quarantines):
        yield Excuse(f"nothing new is put on {name}", fleet.world.now_s)
    for rollout in map(knows.rollouts.__getitem__, knows.rollouts):
        yield from _of_operator(rollout, fleet.world.now_s)
    if (fleet.invariants.has_forgotten or fleet.straits is not AMPLE) and any(
        knows.ledger[key].state in OPEN for key in knows.ledger
    ):
        yield Excuse("what a lost card had taken up expires, and what a full outbox let go of", fleet.world.now_s)


def of_rollout(fleet: SimFleet, knows: Fleet, rollout: Rollout) -> Iterator[Excuse]:
    """What holds an update up."""
    yield from of_machines(fleet, _processes(fleet))
    yield from of_links(fleet, (CLIENT, *fleet.nodes))
    yield from of_losses(fleet, fleet.nodes)
    for task in knows.slots.of("service", rollout.service):
        node = fleet.nodes[knows.slots[task].node]
        yield from of_task(node, task)
        if node.name in knows.quarantines:
            yield Excuse(f"two devices say that they are {node.name}", fleet.world.now_s)
    if precedence.objection(knows, rollout):
        yield Excuse(f"{rollout.service} waits for what it depends on", fleet.world.now_s)


def of_machines(fleet: SimFleet, processes: Iterable[Process]) -> Iterator[Excuse]:
    """A busy machine sleeps longer than its process has asked for."""
    for process in processes:
        if process.wakes_s > max(process.meant_s, fleet.world.now_s) and process.wakes_s < float("inf"):
            yield Excuse(f"{process.name} sleeps too long", process.wakes_s, process.meant_s)


def of_links(fleet: SimFleet, names: Iterable[str]) -> Iterator[Excuse]:
    """Whose link fell knocks after a pause, so that a whole site does not knock at once (`link.backoff`)."""
    for name in names:
        link = fleet.head.link if name == CLIENT else fleet.nodes[name].link
        if link is not None and link.knocks_s > fleet.world.now_s:
            yield Excuse(f"{name} knocks again", link.knocks_s)


def of_losses(fleet: SimFleet, names: Iterable[str]) -> Iterator[Excuse]:
    """What a full queue has dropped, and nobody was told, is said again after some minutes, with the next sample of health."""
    for (client, topic), lost_s in fleet.world.broker.lost.items():
        until_s = lost_s + AGAIN_S + fleet.world.pace.health_s
        if until_s > fleet.world.now_s and (client in names or any(f"/node/{name}/" in topic for name in names)):
            yield Excuse(f"{client} has not got {topic}", until_s)


def of_task(node: SimNode, key: str) -> Iterator[Excuse]:
    """What ended or could not be made is tried again after a pause; an update is watched."""
    knows, booted_s = node.node, node.process.booted_s
    if knows is None:
        return
    task, now_s = knows.tasks.get(key), node.process.mono_s
    if task is not None and task.due_mono_s is not None and task.due_mono_s > now_s:
        yield Excuse(f"{key} is tried again on {node.name}: {task.reason}", booted_s + task.due_mono_s)
    if knows.waits.get(key, 0.0) > now_s:
        yield Excuse(f"a step for {key} on {node.name} is taken again", booted_s + knows.waits[key])
    for trial in knows.trials_of(key):
        yield from _of_trial(node, trial)


def _of_trial(node: SimNode, trial: Trial) -> Iterator[Excuse]:
    """A revision has its time to be well, and is watched then for as long as its manifest says; its window may be closed."""
    assert node.node is not None
    since, booted_s, now_s = node.node.watching.get(trial.key), node.process.booted_s, node.process.mono_s
    if trial.state is OfferState.TRYING:
        until_s = since[1] + trial.offer.monitor_s if since is not None else trial.until_mono_s
        if until_s > now_s:
            yield Excuse(f"{trial.task} is tried on {node.name}", booted_s + until_s)
    elif trial.state is OfferState.STAGING and trial.due_mono_s > now_s:
        yield Excuse(f"{trial.task} is staged again on {node.name}: {trial.reason}", booted_s + trial.due_mono_s)
    elif trial.state is OfferState.STAGED and trial.offer.conduct.window is not None:
        minute, _ = divmod(node.world.now_s + node.wall_off_s, MINUTE_S)
        if minute % 2:  # see `sim.habits.WINDOW`
            yield Excuse(f"the window of {trial.task} is closed", (minute + 1) * MINUTE_S - node.wall_off_s)


def of_release(node: SimNode) -> Iterator[Excuse]:
    """An agent of another release has its time on trial."""
    if node.launch is not None and node.launch.until_s > node.world.now_s:
        yield Excuse(f"{node.name} tries another agent", node.launch.until_s)


def _of_node(node: SimNode) -> Iterator[Excuse]:
    yield from of_release(node)
    knows, booted_s, now_s = node.node, node.process.booted_s, node.process.mono_s
    if knows is None:
        return
    for key in knows.tasks:
        yield from of_task(node, key)
    for key, due_s in knows.waits.items():
        if due_s > now_s:
            yield Excuse(f"{node.name} tries {key} again", booted_s + due_s)
    yield from _of_runs(node, knows)


def _of_runs(node: SimNode, knows: Node) -> Iterator[Excuse]:
    """A function takes its time, and waits between its attempts."""
    booted_s, now_s = node.process.booted_s, node.process.mono_s
    for run in knows.runs.values():
        if run.id in knows.running:
            yield Excuse(f"{node.name} runs {run.function}", node.world.now_s)
        elif run.due_mono_s > now_s:
            yield Excuse(f"{node.name} tries {run.function} again", booted_s + run.due_mono_s)


def _of_operator(rollout: Rollout, now_s: float) -> Iterator[Excuse]:
    """What only a word of the operator ends."""
    if rollout.state in HALTED and rollout.reason:
        yield Excuse(f"{rollout.service} is paused: {rollout.reason}", now_s)
    elif rollout.state in ENDED and rollout.update.conduct.keeps_previous and not rollout.is_confirmed:
        yield Excuse(f"{rollout.service} keeps what was before until somebody confirms", now_s)


def _processes(fleet: SimFleet) -> list[Process]:
    return [fleet.head.process, *(node.process for node in fleet.nodes.values())]
