"""What follows from the end of a step, and from a look at the engine.

An outcome never changes what should be done next, only when: the next step comes from the next look, or from a glance at what
the step has changed. What cannot work makes its task `rejected`, with the reason, until its assignment changes or the longest delay
is over.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import glances, leftovers, ready, refresh
from agent.decide.effects import Create, Look, Pull, Start, Step
from agent.decide.fetch import KEY_PREFIX
from agent.decide.inputs import Done, EngineLost, EngineSeen, GiveUp, Retry, StepEnded
from agent.decide.node import Node, Now
from agent.decide.pulls import pull
from agent.decide.restarts import LONGEST_DELAY_S
from agent.decide.task import Seen, Task, advance

LOOK_LOST_S = 45.0
# A look costs milliseconds, on a Pi Zero that swaps some seconds; what makes no progress is told within 60 s (S12).
WARNING_CHARS = 300
# Two of Docker's sentences. The status is whole every time, and others have reasons, too.


def ended(node: Node, seen: StepEnded, now: Now) -> None:
    """Take in what came of a step."""
    seen = refresh.weighed(node, seen)
    step = seen.step
    node.busy.discard(step.key)
    node.pulling.pop(step.key, None)
    if not glances.take(node, seen, now):
        node.unseen[step.key] = now.mono_s
    node.tally("steps", type(step).__name__.lower(), type(seen.outcome).__name__.lower())
    if isinstance(seen.outcome, Done):
        node.unfetched.pop(step.key, None)
        node.waits.pop(step.key, None)
        _warned(node, step, seen.outcome)
        ready.made(node, step, seen.outcome)
    elif step.key in node.trials:
        ready.failed(node, step, now)  # what was staged is the trial's business: see `trials.staged`
    else:
        _failed(node, step, seen.outcome, now)


def _failed(node: Node, step: Step, outcome: Retry | GiveUp, now: Now) -> None:
    """Wait before the next attempt: the task, or whatever else the step was for."""
    if step.key.startswith(KEY_PREFIX):
        node.unfetched[step.key] = outcome.reason
    task = node.tasks.get(step.key)
    if isinstance(step, Pull | Create | Start) and task is not None:
        if _is_wanted(node, step):
            _delay(node, task, outcome, now)
    else:
        node.waits[step.key] = now.mono_s + (outcome.after_s if isinstance(outcome, Retry) else LONGEST_DELAY_S)


def looked(node: Node, seen: EngineSeen | EngineLost) -> None:
    """Take in a look. After a time without one, ends that nobody watched are no failures."""
    if isinstance(seen, EngineLost) or not isinstance(node.engine, EngineSeen):
        node.interrupted = set(node.tasks)
    began_mono_s, node.looking_mono_s = node.looking_mono_s, None
    if isinstance(seen, EngineSeen):
        seen = glances.kept(node, leftovers.without(seen), began_mono_s)
    node.engine, node.has_looked = seen, node.has_looked or isinstance(seen, EngineSeen)
    node.looked_mono_s = began_mono_s
    node.unseen = {key: at for key, at in node.unseen.items() if began_mono_s is None or at > began_mono_s}


def look(node: Node, now: Now) -> None:
    """Look again after every step that was not glanced at, on every hint, and from time to time; one look at a time.

    A look without an answer means an engine that hangs: that is told (S12), and ends with the answer.
    """
    if node.looking_mono_s is not None and now.has_come(node.looking_mono_s + LOOK_LOST_S):
        if not isinstance(node.engine, EngineLost):
            node.engine = EngineLost(f"it has not answered for {LOOK_LOST_S:.0f} s")
        return
    is_time = node.looked_mono_s is None or now.has_come(node.looked_mono_s + node.look_every_s)
    if node.looking_mono_s is None and (node.unseen or node.hinted or is_time):
        node.looking_mono_s, node.hinted = now.mono_s, False
        node.waits = {key: due_mono_s for key, due_mono_s in node.waits.items() if not now.has_come(due_mono_s)}
        node.effects.append(Look())


def _is_wanted(node: Node, step: Pull | Create | Start) -> bool:
    """Whether the step was for what its task is now; what an earlier content could not do says nothing of this one."""
    target, task = node.targets().get(step.key), node.tasks.get(step.key)
    if target is None or task is None or task.content != target.content:
        return False
    match step:
        case Pull():
            return step == pull(node, step.key, target.spec.stack, target.spec.container)
        case Create():
            return step.task == target.spec
        case Start():
            return step.container == task.container


def _warned(node: Node, step: Step, outcome: Done) -> None:
    """Keep what is to be said of a new container with its task. One that was there already says nothing new."""
    task = node.tasks.get(step.key)
    if isinstance(step, Start) and task is not None and (remark := ready.remark(node, step.key)):
        node.tasks.put(step.key, replace(task, warning=remark[:WARNING_CHARS]))
    if not isinstance(step, Create) or task is None or not _is_wanted(node, step):
        return
    said = refresh.used(node, step.key)
    if outcome.warning is not None:
        warning = "; ".join(filter(None, (said, outcome.warning)))
        node.tasks.put(step.key, replace(task, warning=warning[:WARNING_CHARS]))


def _delay(node: Node, task: Task, outcome: Retry | GiveUp, now: Now) -> None:
    if isinstance(outcome, GiveUp):
        state = advance(task.state, Seen.CANNOT)
        due, wait = now.mono_s + LONGEST_DELAY_S, LONGEST_DELAY_S
    else:
        state, due, wait = task.state, now.mono_s + outcome.after_s, outcome.after_s
    node.tasks.put(task.task, replace(task, state=state, reason=outcome.reason, due_mono_s=due, retry_s=wait))
