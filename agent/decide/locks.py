"""The lock of an update: a file in the running container, which is not stopped while it is there, up to a limit.

Asked for only when a staged trial would otherwise ask for its grant, every few seconds at most; and once more by the engine's side,
right before the stop. The limit counts from when this node first saw the lock held for this offer, over restarts and boots, however
often the application let go of it in between. A lock that cannot be seen counts as held. After the limit, or on an operator's
word, it is overridden, and the trial tells so for as long as it is known.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide.durations import over
from agent.decide.effects import Probe, Stop
from agent.decide.inputs import ContainerSeen, Done, Phase, Retry, StepEnded
from agent.decide.node import Node, Now
from agent.decide.trial import LockSeen, Seen, Trial, advance
from protocol.durations import said
from protocol.observed import OfferState, TaskState

PROBE_EVERY_S = 5.0
# An application that lets go is asked for its update within two probes; a probe is one small request to the engine.


def hindrance(node: Node, trial: Trial, now: Now) -> str:
    """Why a trial may not begin because of its lock; nothing if there is none, it is free, or it is overridden."""
    lock, holder = trial.offer.conduct.lock, holder_of(node, trial)
    if lock is None or holder is None or is_overridden(trial, now):
        return ""
    known = node.locks.get(trial.key)
    if known is None or known.container != holder.id:
        return f"waits to hear whether {trial.offer.task.service} holds {lock.path}"
    return _words(trial, known, now) if known.reason else ""


def probe(node: Node, trial: Trial, now: Now) -> bool:
    """Have the lock looked at, if what is known of it is too old; whether there is an answer to wait for."""
    lock, holder = trial.offer.conduct.lock, holder_of(node, trial)
    if lock is None or holder is None or is_overridden(trial, now):
        return False
    known = node.locks.get(trial.key)
    if known is not None and known.container == holder.id and not now.has_come(known.at_mono_s + PROBE_EVERY_S):
        return False
    if trial.key not in node.busy:
        node.busy.add(trial.key)
        node.effects.append(Probe(trial.key, holder.id, lock.path))
    return True


def probed(node: Node, seen: StepEnded, now: Now) -> None:
    """Take in what the engine says of a lock."""
    node.busy.discard(seen.step.key)
    trial = node.trials.get(seen.step.key)
    if trial is None or not isinstance(seen.step, Probe):
        return
    _learn(node, trial, seen, now)


def stopped(node: Node, seen: StepEnded, now: Now) -> None:
    """A stop that a lock has prevented: a trial that has disturbed nothing yet gives its grant back, any other waits."""
    trial = node.trying(seen.step.key)
    if not isinstance(seen.step, Stop) or not seen.step.lock or trial is None:
        return
    if not isinstance(seen.outcome, Retry) or not seen.outcome.locked:
        return
    trial, known = _learn(node, trial, seen, now)
    task = node.tasks.get(trial.task)
    has_begun = task is not None and task.content == trial.content and task.state is TaskState.RUNNING
    state = trial.state if has_begun else advance(trial.state, Seen.LOCKED)
    node.trials.put(trial.key, replace(trial, state=state, reason=_words(trial, known, now)))
    if state is OfferState.STAGED:
        node.watching.pop(trial.key, None)
        node.tally("grants_returned")


def path_of(trial: Trial | None, now: Now) -> str:
    """What must not be there when a trial stops the container of the settled revision."""
    if trial is None or trial.offer.conduct.lock is None or is_overridden(trial, now):
        return ""
    return trial.offer.conduct.lock.path


def holds_up(node: Node, trial: Trial, now: Now) -> bool:
    """Whether a trial that runs already waits to stop the container before it."""
    return bool(path_of(trial, now)) and holder_of(node, trial) is not None


def is_overridden(trial: Trial, now: Now) -> bool:
    """Whether the lock holds up nothing any more."""
    return trial.offer.overrides_lock or _is_over(trial, now)


def notice(trial: Trial, now: Now) -> str:
    """What is to be said of a trial that begins although its lock may be held; it is the audit's."""
    lock = trial.offer.conduct.lock
    if lock is None or not is_overridden(trial, now):
        return ""
    held = (
        f"{trial.offer.task.service} held {lock.path}" if trial.locked_mono_s is not None else f"the lock {lock.path}"
    )
    if trial.offer.overrides_lock:
        return f"{held}, which an operator has overridden"
    return f"{held} for longer than {said(lock.most_s)} (at_most), and was updated all the same"


def outlasted(node: Node, trial: Trial, now: Now) -> Trial:
    """A trial under way with what is to be said of it, if it stops a container now whose lock held it up until now."""
    if trial.notice or trial.locked_mono_s is None or holder_of(node, trial) is None:
        return trial
    said_now = notice(trial, now)
    if not said_now:
        return trial
    trial = replace(trial, reason="", notice=said_now)
    node.trials.put(trial.key, trial)
    node.tally("locks_overridden")
    return trial


def holder_of(node: Node, trial: Trial) -> ContainerSeen | None:
    """The container that would be stopped."""
    others = (c for c in node.containers() if c.task == trial.task and c.phase is Phase.RUNNING)
    return next((c for c in others if f"{c.revision} {c.spec_hash}" != trial.content), None)


def _learn(node: Node, trial: Trial, seen: StepEnded, now: Now) -> tuple[Trial, LockSeen]:
    """Remember what was said, and begin to count if this is the first time that it is held."""
    assert isinstance(seen.step, Probe | Stop), "nothing else asks"
    outcome = seen.outcome
    is_held = isinstance(outcome, Retry) and outcome.locked
    known = LockSeen(seen.step.container, now.mono_s, "" if isinstance(outcome, Done) else outcome.reason, is_held)
    node.locks[trial.key] = known
    if is_held and trial.locked_mono_s is None:
        trial = replace(trial, locked_mono_s=now.mono_s)
        node.trials.put(trial.key, trial)
    return trial, known


def _is_over(trial: Trial, now: Now) -> bool:
    lock, since_mono_s = trial.offer.conduct.lock, trial.locked_mono_s
    return lock is not None and since_mono_s is not None and now.has_come(since_mono_s + lock.most_s)


def _words(trial: Trial, known: LockSeen, now: Now) -> str:
    """A sentence that holds still for minutes."""
    lock, since_mono_s = trial.offer.conduct.lock, trial.locked_mono_s
    if lock is None or not known.is_held or since_mono_s is None:
        return known.reason
    long = over(now.mono_s - since_mono_s)
    since = f" since over {long}" if long else ""
    return f"{trial.offer.task.service} {known.reason}{since}, at most {said(lock.most_s)}"
