"""The container of a staged revision is made before its grant, so that whoever is granted only stops and starts.

Made, and not started: it disturbs nothing, takes no place in the budget, and is removed like any leftover when its offer goes. One
is made at a time, and only beside a task that runs as it should, so nobody waits for it. What could not be made now is tried again
later, or after the grant, where it is the trial's failure: here it says nothing.

Not for a strategy that brings the image late, nor for an image that was brought anew for its trial, which one container uses up,
nor where a lock is probed under the same name; jobs are made when they are due.
"""

from __future__ import annotations

from agent.decide import refresh
from agent.decide.effects import Create, Step
from agent.decide.inputs import ContainerSeen, Done, EngineSeen, Phase
from agent.decide.node import Node, Now
from agent.decide.restarts import LONGEST_DELAY_S
from agent.decide.strategies import is_late
from agent.decide.tasks import matches
from agent.decide.trial import Trial
from protocol.observed import OfferState, TaskState


def make(node: Node, now: Now) -> None:
    """Have the next one made, if none is under way."""
    if not isinstance(node.engine, EngineSeen):
        return
    staged = [(key, trial) for key, trial in node.trials.items() if trial.state is OfferState.STAGED]
    if any(key in node.busy for key, _ in staged):
        return
    wanted = (
        (key, trial) for key, trial in staged if _is_wanted(node, node.engine, trial) and _is_time(node, key, now)
    )
    key, trial = next(wanted, ("", None))
    if trial is not None:
        node.busy.add(key)
        node.effects.append(Create(key, trial.offer.task))


def made(node: Node, step: Step, outcome: Done) -> None:
    """It is there; what the engine said beside it is said of the task when it is started."""
    if isinstance(step, Create) and step.key in node.trials:
        node.remarks[step.key] = outcome.warning or ""


def failed(node: Node, step: Step, now: Now) -> None:
    """It could not be made now."""
    if isinstance(step, Create):
        node.waits[step.key] = now.mono_s + LONGEST_DELAY_S


def remark(node: Node, task: str) -> str:
    """What was said of the container that a trial has started; once."""
    trial = node.trying(task)
    if trial is None or trial.key not in node.remarks:
        return ""
    return "; ".join(filter(None, (refresh.used(node, task), node.remarks.pop(trial.key))))


def is_under_way(node: Node, task: str) -> bool:
    """Whether the container of a task's trial is just being made: the trial was granted meanwhile, and waits for it."""
    tried = node.trying(task)
    return tried is not None and (tried.key in node.busy or tried.key in node.unseen)


def is_ready(node: Node, container: ContainerSeen) -> bool:
    """Whether a container waits for the grant of what it was made for."""
    if container.phase is not Phase.CREATED:
        return False
    staged = (trial for trial in node.trials_of(container.task) if trial.state is OfferState.STAGED)
    return any(matches(container, trial.target) for trial in staged)


def _is_wanted(node: Node, engine: EngineSeen, trial: Trial) -> bool:
    spec = trial.offer.task
    here = node.known.shown.by_task(engine.containers).get(spec.task, ())
    if any(container.revision == spec.revision for container in here):
        return False
    task = node.tasks.get(spec.task)
    if task is None or task.state is not TaskState.RUNNING or spec.task in node.busy or spec.task in node.unseen:
        return False
    if spec.job is not None or spec.release is not None or is_late(trial.offer) or not engine.has(spec.container.image):
        return False
    return not refresh.is_wanted(spec.container) and trial.offer.conduct.lock is None


def _is_time(node: Node, key: str, now: Now) -> bool:
    return key not in node.unseen and now.has_come(node.waits.get(key, 0.0))
