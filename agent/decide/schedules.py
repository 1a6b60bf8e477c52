"""When a job with a schedule runs: at each time of its cron expression, by the node's wall clock and in its zone.

The mark of how far the schedule was followed is committed together with the call of the run, so a power cut between neither doubles
a run nor loses one. Times that were missed (the node was off, its engine away, its clock behind) are made good by one run, if the
last of them is younger than `CATCH_UP_S`; older ones are let go. A time that finds the run before still going is skipped. Both are
counted.

The clock is used as it is, but never goes back behind the mark: a Pi that boots in the past waits until time has caught up, and a
jump of a year forward makes one run. Only a clock that a time server has set overrules a mark that was reckoned by a guess.
"""

from __future__ import annotations

from dataclasses import replace

from agent.decide import daytime, silence
from agent.decide.inputs import ContainerSeen, EngineSeen, Phase
from agent.decide.marks import Mark
from agent.decide.node import Node, Now
from agent.decide.restarts import instance
from agent.decide.task import Seen, Task, advance
from agent.decide.tasks import wanted
from protocol.desired import TaskSpec
from protocol.observed import Clock, TaskState

CATCH_UP_S = 86_400.0
# Whoever plans something for each day wants it today rather than not at all; last week's run helps nobody.
GOING = frozenset({TaskState.PREPARING, TaskState.RUNNING})


def has_schedules(node: Node) -> bool:
    """Whether any task or function runs, any sensor shows, or any update waits, by the clock on the wall."""
    assignment, sections, offers, known = node.assignment, node.sections(), node.offers, node.known.timed
    if known is None or known[0] is not assignment or known[1] is not sections or known[2] is not offers:
        has_jobs = any(spec.job is not None and spec.job.schedule for spec in assignment.tasks)
        has_times = any(spec.kind == daytime.KIND for spec in sections.sensors)
        has_calls = any(trigger.schedule for function in sections.functions for trigger in function.triggers)
        has_windows = any(offer.conduct.window is not None for offer in offers.offers)
        is_timed = has_jobs or has_times or has_calls or has_windows
        known = node.known.timed = (assignment, sections, offers, is_timed)
    return known[3]


def call(node: Node, now: Now) -> None:
    """Run what is due, and say of the rest when it is due."""
    node.planned.clear()
    if not isinstance(node.engine, EngineSeen):
        return
    targets = {key: target for key, target in node.targets().items() if target.spec.job and target.spec.job.schedule}
    for key in node.marks:
        if key not in targets:
            node.marks.drop(key)
    here = wanted(node, node.targets()) if targets else {}
    for key, target in targets.items():
        task = node.tasks.get(key)
        if task is not None:
            _follow(node, task, target.spec, here.get(key), now)


def _follow(node: Node, task: Task, spec: TaskSpec, container: ContainerSeen | None, now: Now) -> None:
    assert spec.job is not None, "`call` has looked"
    mark = marked(node.marks.get(task.task), spec.job.schedule, now)
    if task.state is TaskState.ASSIGNED:
        task = replace(task, state=advance(task.state, Seen.RESTS), due_mono_s=None)
    if now.is_past(mark.due_epoch_s) and not silence.is_too_long(node, spec, now):
        mark, task = _reached(node, mark, task, container, now)
    node.marks.put(task.task, mark)
    node.tasks.put(task.task, task)
    if task.state not in GOING:
        node.planned[task.task] = _words(mark, now)


def marked(mark: Mark | None, schedule: str, now: Now) -> Mark:
    """The mark of before, unless the schedule is new, the zone another one, or its clock proved wrong."""
    zone = str(now.zone)
    if mark is None or mark.schedule != schedule:
        return reckoned(schedule, now.epoch_s, now)
    was_wrong = mark.clock is Clock.GUESS and now.clock.is_right and not now.is_past(mark.upto_epoch_s)
    if was_wrong or mark.zone != zone:
        upto_epoch_s = now.epoch_s if was_wrong else mark.upto_epoch_s
        return replace(reckoned(schedule, upto_epoch_s, now), skipped=mark.skipped)
    return mark


def _reached(node: Node, mark: Mark, task: Task, container: ContainerSeen | None, now: Now) -> tuple[Mark, Task]:
    """One or more planned times have come: one run for all of them, or none."""
    is_going, is_old = task.state in GOING, not _is_young(mark, now)
    node.tally("planned_runs", task.task, "missed" if is_old else "skipped" if is_going else "called")
    moved = replace(reckoned(mark.schedule, now.epoch_s, now), skipped=mark.skipped + (is_going and not is_old))
    return moved, task if is_going or is_old else _called(task, container)


def _called(task: Task, container: ContainerSeen | None) -> Task:
    """Begin a run: what is left of the one before says nothing of this one."""
    is_left = container is not None and container.phase is not Phase.RUNNING
    accounted = instance(container) if container is not None and is_left else task.accounted
    fresh = Task(task.task, task.revision, task.content, advance(task.state, Seen.CALLED))
    return replace(fresh, accounted=accounted, container=task.container, image=task.image)


def _is_young(mark: Mark, now: Now) -> bool:
    """Whether the last of the planned times that have come is younger than what is made good."""
    oldest_epoch_s = now.epoch_s - CATCH_UP_S
    return mark.due_epoch_s >= oldest_epoch_s or now.is_past(next_time(mark.schedule, oldest_epoch_s, now))


def reckoned(schedule: str, upto_epoch_s: float, now: Now) -> Mark:
    """The mark of a schedule that was followed up to a moment."""
    return Mark(schedule, str(now.zone), now.clock, upto_epoch_s, next_time(schedule, upto_epoch_s, now))


def next_time(schedule: str, after_epoch_s: float, now: Now) -> float:
    """When a schedule comes next after a moment, in the node's own zone."""
    from protocol.cron import next_after  # noqa: PLC0415 - 0.4 MB that a node without schedules does without

    return next_after(schedule, after_epoch_s, now.zone)


def _words(mark: Mark, now: Now) -> str:
    guess = "" if now.clock.is_right else ", by a clock that nobody has set"
    skipped = f"; {mark.skipped} times the run before was still going" if mark.skipped else ""
    return f"next run at {now.local(mark.due_epoch_s)}{guess}{skipped}"
