"""What operators read: one retained status per stack, and how far each rollout is, in one sentence.

Said when it differs from what was said last, and no more often than people read. Numbers count all tasks; names are given for as
many as a person reads and a packet holds, the troubled ones first.
"""

from __future__ import annotations

from controller.decide import brief, images, twins, unsaid
from controller.decide.assignments import holders
from controller.decide.fleet import Fleet
from controller.decide.placement import absence, hosts
from controller.decide.presence import Presence
from controller.decide.records import StackRecord, Task
from controller.decide.rollouts import budget, phases, pins, precedence
from controller.decide.rollouts.census import Census, census
from controller.decide.rollouts.slot import Rollout, RolloutState, Slot, SlotState, Standing
from protocol.ids import service_key
from protocol.observed import TaskState
from protocol.operator import FunctionStatus, ServiceStatus, StackStatus, TaskPlace
from protocol.rollouts import RolloutStatus
from protocol.stack import Service, Stack
from protocol.topics import StackStatusTopic

KIND = "report"

NAMES_SHOWN = 100
"""Tasks of a service and nodes of a function by name: 1,000 of them fill a packet, and a person reads a screen."""

REASONS_SHOWN = 10

TASK_PAUSE_S = 0.001
"""A status of 10,000 tasks, or of devices on as many nodes, costs tens of milliseconds to make: the next waits ten seconds."""

BUSY = (Standing.LOST, Standing.FORGIVEN, Standing.TRYING, Standing.OPEN)
"""Neither updated nor failed nor unseen; the troubled ones first."""

UNSEEN = "unseen"
"""The state of a task whose node is away: it may well be running."""


def report(fleet: Fleet, now_mono_s: float) -> None:
    """Say the status of every stack that changed, or set a time for it."""
    stacks, fleet.unsettled.reports = sorted(fleet.unsettled.reports), set()
    for name in stacks:
        record = fleet.stacks.get(name)
        if record is None:
            continue
        due_mono_s = fleet.reported_mono_s.get(name, now_mono_s)
        if now_mono_s < due_mono_s and not _is_verdict(fleet, record):
            fleet.deadlines.set(KIND, name, due_mono_s)
            continue
        _say(fleet, record, now_mono_s)


def _is_verdict(fleet: Fleet, record: StackRecord) -> bool:
    """Whoever published a manifest is told at once."""
    said = fleet.reported.get(record.name)
    return said is None or (said.manifest, said.verdict) != (record.manifest, record.verdict)


def _say(fleet: Fleet, record: StackRecord, now_mono_s: float) -> None:
    status = stack_status(fleet, record)
    fleet.home_assistant.stack_shown(status)
    status = brief.shortened(status)
    if status == fleet.reported.get(record.name) or not fleet.is_up:
        return
    size = sum(service.desired for service in status.services) + len(fleet.device_nodes.get(record.name, ()))
    fleet.reported[record.name] = status
    fleet.reported_mono_s[record.name] = now_mono_s + fleet.terms.status_every_s + size * TASK_PAUSE_S
    fleet.say(StackStatusTopic(fleet.name, record.name), status)


def stack_status(fleet: Fleet, record: StackRecord) -> StackStatus:
    """How a stack stands; a pure function of the fleet."""
    stack = fleet.catalogue.stacks.get(record.name) or record.awaited or Stack(record.name)
    services = tuple(service_status(fleet, service) for _, service in sorted(stack.services.items()))
    functions = tuple(_function_status(fleet, stack, name) for name in sorted(stack.functions))
    return StackStatus(
        record.name,
        record.verdict,
        record.manifest,
        record.revision,
        record.faults,
        bool(record.stack) and not record.awaited and _is_converged(fleet, stack, services),
        services,
        functions,
        _devices(fleet, stack),
        record.awaited is not None,
    )


def service_status(fleet: Fleet, service: Service) -> ServiceStatus:
    """How a service stands."""
    key = service_key(service.stack, service.name)
    rollout = fleet.rollouts.get(key)
    tasks = [fleet.tasks[task] for task in fleet.tasks.of("service", key)]
    places = sorted((place(fleet, task) for task in tasks), key=lambda p: (p.state == TaskState.RUNNING, p.task))
    running = sum(p.state == TaskState.RUNNING for p in places)
    completed = sum(task.is_completed for task in tasks)
    pending = fleet.pendings.get(key)
    desired = len(tasks) if service.mode.is_global else service.replicas
    reasons = [f"{pending.missing} of {desired} tasks have no node", *pending.reasons] if pending else []
    reasons += [said] if (said := images.reason(fleet, service)) else []
    reasons += unsaid.of_service(fleet, key)[:REASONS_SHOWN]
    if service.mode.is_global and not tasks:
        reasons.append("no node that is online may carry it")
    reasons += [f"{p.task} on {p.node}: {p.reason}" for p in places[:REASONS_SHOWN] if p.reason]
    return ServiceStatus(
        key,
        service.container.image,
        fleet.catalogue.revisions.get(key, ""),
        desired,
        running,
        tuple(reasons),
        tuple(places[:NAMES_SHOWN]),
        rollout_status(fleet, rollout) if rollout else None,
        service.mode,
        completed,
    )


def place(fleet: Fleet, task: Task) -> TaskPlace:
    """Where a task is, and how it stands as far as is known."""
    shown = fleet.seen.get((task.node, task.task))
    waits_for = holders(fleet, task.task)
    if task.is_completed:
        return TaskPlace(task.task, task.node, TaskState.STOPPED, task.revision, shown.image if shown else "")
    if fleet.presence(task.node) is Presence.OFFLINE:
        last = f"; it was {shown.state} when it was last heard" if shown else ""
        return TaskPlace(task.task, task.node, UNSEEN, task.revision, "", f"{absence.reason(fleet, task)}{last}")
    if twinned := twins.sentence(fleet, task.node):
        return TaskPlace(task.task, task.node, UNSEEN, task.revision, "", twinned)
    if shown is None:
        reason = f"waits until {', '.join(waits_for)} has stopped it" if waits_for else ""
        return TaskPlace(task.task, task.node, TaskState.ASSIGNED, task.revision, "", reason)
    is_running = shown.state is TaskState.RUNNING
    reason = (is_running and (_turn(fleet, task) or absence.stands_in(fleet, task))) or shown.reason
    return TaskPlace(task.task, task.node, shown.state, shown.revision, shown.image, reason)


def _turn(fleet: Fleet, task: Task) -> str:
    """For whom a task waits that must leave its node, and runs until it is its turn; empty for any other."""
    if not fleet.moves.is_waiting(task.task):
        return ""
    others = ", ".join(sorted(fleet.moves.under_way(task.service))[:REASONS_SHOWN])
    return f"must leave, and waits its turn: {others} must run first"


def rollout_status(fleet: Fleet, rollout: Rollout) -> RolloutStatus:
    """How far an update is, counted in four and said in one sentence."""
    counts, service = census(fleet, rollout.service), rollout.service
    failed, *busy = (_some(fleet, service, standing) for standing in (Standing.FAILED, *BUSY))
    named = [slot for slots in busy for slot in slots][:REASONS_SHOWN]
    reasons = [rollout.reason, precedence.objection(fleet, rollout), phases.held_up(fleet, rollout)]
    reasons.append(budget.held_up(fleet, rollout))
    reasons += unsaid.of_service(fleet, service)[:REASONS_SHOWN]
    reasons += [f"{slot.node}: {slot.reason}" for slot in (*failed, *named)[:REASONS_SHOWN] if slot.reason]
    reasons += [f"{task.node}: {pins.reason(task)}" for task in pins.tasks(fleet, service)[:REASONS_SHOWN]]
    return RolloutStatus(
        rollout.id,
        service,
        rollout.revision,
        rollout.state,
        counts.settled,
        counts.failed,
        counts.away,
        counts.open + counts.held,
        _sentence(rollout, counts, named),
        tuple(reason for reason in reasons if reason),
        rollout.previous,
        phases.title(rollout),
        paused_by=rollout.paused_by,
    )


def _some(fleet: Fleet, service: str, standing: Standing) -> list[Slot]:
    """The first slots of a standing, as many as are named."""
    return [fleet.slots[task] for task in sorted(fleet.slots.of("standing", (service, standing)))[:REASONS_SHOWN]]


def _sentence(rollout: Rollout, counts: Census, busy: list[Slot]) -> str:
    """`2 updated, 1 unseen`; who is under way is named."""
    parts = [f"{counts.settled} {'back' if rollout.is_back else 'updated'}"]
    parts += [f"{counts.failed} failed"] if counts.failed else []
    parts += [f"{counts.away} unseen"] if counts.away else []
    if busy:
        named = ", ".join(f"{slot.node}: {_WORDS[slot.state]}" for slot in busy)
        parts.append(f"{counts.open + counts.held} in progress ({named})")
    prefix = "" if rollout.state in (RolloutState.ROLLING, RolloutState.DONE) else f"{_STATES[rollout.state]}: "
    return prefix + ", ".join(parts)


_WORDS = {
    SlotState.WAITING: "waiting",
    SlotState.STAGED: "staged",
    SlotState.GRANTED: "trying",
    SlotState.LOST: "lost while it was trying",
}

_STATES = {
    RolloutState.PAUSED: "paused",
    RolloutState.ROLLING_BACK: "rolling back",
    RolloutState.ROLLBACK_PAUSED: "paused while rolling back",
    RolloutState.ROLLED_BACK: "rolled back",
}


def _is_converged(fleet: Fleet, stack: Stack, services: tuple[ServiceStatus, ...]) -> bool:
    """Whether everything that is wanted runs, at the wanted revision, and every node knows what it should know."""
    for service in services:
        if not _is_fulfilled(fleet, service) or (service.rollout and service.rollout.state != RolloutState.DONE):
            return False
        keys = fleet.tasks.of("service", service.service)
        if not keys or any(_is_behind(fleet, fleet.tasks[task], service.revision) for task in keys):
            return False
    nodes = fleet.device_nodes.get(stack.name, ())
    return all(_knows(fleet, node) for node in nodes if fleet.presence(node) is not Presence.OFFLINE)


def _is_behind(fleet: Fleet, task: Task, revision: str) -> bool:
    """Whether an update has still to reach a task; none is meant to reach a pinned one."""
    return task.revision != revision and not pins.is_pinned(fleet, task.service, task.node)


def _is_fulfilled(fleet: Fleet, service: ServiceStatus) -> bool:
    """Whether all its tasks run, or have run to their end; those of a job with a schedule need only be where they belong."""
    job = fleet.catalogue.services[service.service].job
    if job is not None and job.schedule:
        return all(not holders(fleet, task) for task in fleet.tasks.of("service", service.service))
    return service.running + service.completed == service.desired


def _knows(fleet: Fleet, node: str) -> bool:
    status, told = fleet.statuses.get(node), fleet.assignments.get(node)
    if status is None or told is None:
        return False
    return (status.observed_epoch, status.observed_generation) >= (told.epoch, told.generation)


def _function_status(fleet: Fleet, stack: Stack, name: str) -> FunctionStatus:
    key = service_key(stack.name, name)
    nodes = tuple(sorted(fleet.hosts.get(key, ())))
    reasons: tuple[str, ...] = ()
    if not nodes:
        known = sorted(fleet.nodes)[:REASONS_SHOWN]
        against = {node: hosts.objections(fleet.nodes[node], stack.functions[name]) for node in known}
        reasons = tuple(f"{node}: {', '.join(said)}" for node, said in against.items()) or ("there is no node yet",)
    return FunctionStatus(key, stack.functions[name].spec.container.image, nodes[:NAMES_SHOWN], reasons)


def _devices(fleet: Fleet, stack: Stack) -> tuple[str, ...]:
    """`doorbell on pi-1`, with what is wrong with it."""
    said = []
    for node in sorted(fleet.device_nodes.get(stack.name, ()))[:NAMES_SHOWN]:
        devices, status = fleet.devices[node], fleet.statuses.get(node)
        shown = (*status.sensors, *status.actuators) if status else ()
        faults = {device.name: device.fault for device in shown if device.fault}
        for key in (*devices.sensors, *devices.actuators):
            owner, name = key.split(".")
            if owner == stack.name:
                said.append(f"{name} on {node}: {faults[name]}" if name in faults else f"{name} on {node}")
    return tuple(said)
