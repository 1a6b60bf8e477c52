"""What is worth telling: the whole status when it differs from the last one said, and samples of health.

A status is ordered by (epoch, sequence). Reasons are sentences that hold still: no counters and no remaining seconds, or each
second would be news; how far a pull is comes every ten seconds. A sensor's present value alone is told at most every few seconds:
its events say it already.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import attest, fetch, instances, invocations, pulls, releases, storage, unclear
from agent.decide.inputs import EngineLost, EngineSeen, HostSeen
from agent.decide.known import still
from agent.decide.node import Node, Now
from agent.decide.task import Task
from agent.decide.trial import Trial
from protocol.observed import DeviceStatus, NodeStatus, OfferState, OfferStatus, TaskState, TaskStatus
from protocol.topics import HealthTopic, StatusTopic

VALUES_EVERY_S = 5.0
# What a person looking at a list of pins takes for "now".
AGAIN_S = 300.0
# A broker's full queue drops the newest and tells nobody: what the controller has missed it learns within five minutes.
NO_MEMORY_LIMITS = (
    "memory limits are ignored by this kernel; "
    "add cgroup_enable=memory cgroup_memory=1 to /boot/firmware/cmdline.txt and reboot"
)


def report(node: Node, now: Now) -> None:
    """Say the status, if it is news. Before the first look it would be what was so before we died, and may be so no longer."""
    if not node.is_up or node.engine is None:
        return
    said = node.said
    status = _status(node, said.sequence if said is not None else 0)
    if not _is_news(node, status, now):
        return
    node.said = replace(status, sequence=said.sequence + 1 if said is not None else 1)
    node.said_mono_s = now.mono_s
    node.say(StatusTopic(node.fleet, node.name), node.said)


def _status(node: Node, sequence: int) -> NodeStatus:
    """The status; the one of before, where nothing that it follows from is another, as in most turns about an event or a call."""
    beside = (node.pulling, node.held, node.planned, node.strays, node.unfetched, node.hindered, node.unclear)
    if any(beside):  # these change in place
        return status_of(node, sequence)
    of = (
        sequence, node.epoch, node.stream, node.assignment, node.offers, node.tasks.version, node.trials.version, node.sensors,
        node.actuators, node.engine, node.has_looked, node.stored, node.inventory, node.refusal, node.outranked,
        node.release, node.releasing, instances.reasons(node),
    )  # fmt: skip
    known = node.known.status
    if known is None or not still(known[0], of):
        known = node.known.status = (of, status_of(node, sequence))
    return known[1]


def _is_news(node: Node, status: NodeStatus, now: Now) -> bool:
    """Whether a status is to be said: it is another, somebody seems not to have it, or it has not been said for long."""
    said, is_doubted, was_hosted = node.said, node.is_doubted, node.was_hosted
    node.is_doubted = node.was_hosted = False
    if said is None:
        return True
    if is_doubted or (was_hosted and now.mono_s - node.said_mono_s >= AGAIN_S):  # nobody wakes for it alone
        return True
    return status != said and (_calm(status) != _calm(said) or now.has_come(node.said_mono_s + VALUES_EVERY_S))


def hosted(node: Node, seen: HostSeen) -> None:
    """Take in a reading of the host, and say its health."""
    node.inventory, node.health, node.was_hosted = seen.inventory, seen.health, True
    node.say(HealthTopic(node.fleet, node.name), seen.health)


def tell_unwritable(node: Node, committed: NodeStatus | None, reason: str) -> None:
    """Say, beside what is committed, that nothing can be: the last status that was, and why there is no newer one."""
    if node.is_up and node.said is not None and committed is not None:
        reasons_too = (*committed.reasons, f"the agent's store cannot be written: {reason}")
        node.said = replace(committed, sequence=node.said.sequence + 1, reasons=reasons_too)
        node.say(StatusTopic(node.fleet, node.name), node.said)


def status_of(node: Node, sequence: int = 0) -> NodeStatus:
    """Everything this node runs, as it stands, under the sequence of the last word.

    A process that has never seen its engine may have lost its card, and know of nothing that runs: it says so, and nobody takes
    what it does not list for stopped.
    """
    assignment = node.assignment
    return NodeStatus(
        node=node.name,
        epoch=node.epoch,
        sequence=sequence,
        observed_epoch=assignment.epoch,
        observed_generation=assignment.generation,
        offers_generation=node.offers.generation,
        tasks=(*_tasks(node), *releases.tasks(node)),
        offers=(*_offers(node), *releases.offers(node)),
        sensors=node.sensors,
        actuators=node.actuators,
        reasons=reasons(node),
        images=node.stored,
        is_blind=not node.has_looked,
        stream=node.stream,
    )


def reasons(node: Node) -> tuple[str, ...]:
    """What keeps this node from doing all that it was asked for."""
    said = []
    if isinstance(node.engine, EngineLost):
        said.append(f"no container engine: {node.engine.reason}")
    if node.refusal:
        said.append(f"refused: {node.refusal}")
    if node.outranked:
        said.append(f"refused: {node.outranked}")
    if isinstance(node.engine, EngineSeen) and node.inventory is not None and not node.inventory.memory_limits:
        said.append(NO_MEMORY_LIMITS)
    said += [*storage.reasons(node), *fetch.unfetched(node), *instances.reasons(node), *invocations.reasons(node)]
    return (*said, *unclear.reasons(node))


def _tasks(node: Node) -> list[TaskStatus]:
    """Each task as it stands; one that is what it was, and of which nothing else is to be said, is told as it was told."""
    known, plain = node.known.tasks, {}
    said, beside = [], {*node.pulling, *node.held, *node.planned, *(stray.task for stray in node.strays.values())}
    for key, task in node.tasks.items():
        told = known.get(key)
        if told is None or told[0] is not task or key in beside:
            told = (task, _task(node, task))
        if key not in beside:
            plain[key] = told
        said.append(told[1])
    node.known.tasks = plain
    return said


def _offers(node: Node) -> list[OfferStatus]:
    """Each offer that stands, or that was kept and is not yet in the assignment; withdrawn failures are only remembered."""
    known, plain = node.known.offers, {}
    said, standing = [], node.standing()
    for key, trial in node.trials.items():
        if trial.state is OfferState.FAILED and key not in standing:
            continue
        told = known.get(key)
        if told is None or told[0] is not trial or key in node.pulling:
            told = (trial, _offer(node, trial))
        if key not in node.pulling:
            plain[key] = told
        said.append(told[1])
    node.known.offers = plain
    return said


def _task(node: Node, task: Task) -> TaskStatus:
    reason = task.reason
    if task.retry_s is not None:
        reason = f"{reason}; next attempt after {task.retry_s:.0f} s"
    reason = pulls.progress(node, task.task) or reason
    warning = task.warning if task.container else ""
    stray = attest.reason(node, task.task)
    reason = "; ".join(filter(None, [stray, node.held.get(task.task), reason, node.planned.get(task.task), warning]))
    # To the controller a stopped job is a job that is done; one that it silenced only waits for its word.
    state = TaskState.ASSIGNED if task.silenced else task.state
    return TaskStatus(task.task, task.revision, state, task.attempt, task.image, task.container, task.health, reason)


def _offer(node: Node, trial: Trial) -> OfferStatus:
    # The nonce that was granted; one that is only asked for changes every ten seconds, and the request itself says it.
    task = trial.offer.task
    reason = "; ".join(filter(None, (pulls.progress(node, trial.key) or trial.reason, trial.notice)))
    return OfferStatus(
        trial.offer.rollout,
        task.task,
        task.revision,
        trial.state,
        trial.nonce,
        reason,
        trial.was_staging,
        trial.notice,
    )


def _calm(status: NodeStatus) -> NodeStatus:
    """A status without the values that change with every touch."""
    sensors = tuple(DeviceStatus(s.name, s.kind, s.place, fault=s.fault) for s in status.sensors)
    return replace(status, sequence=0, sensors=sensors)
