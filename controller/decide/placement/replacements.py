"""What becomes of a task whose node is away: `x-bramble.disconnect`, with Nomad's meaning. Without one it waits for its node.

* `replace: true`: as soon as the node is offline another one takes the task over, under its own id. The original stays in the old
  node's assignment, so its copy goes on there; `lost_after` later it is taken out, and ends when the node returns. A node that
  returns before, and has been steady, gives one of the two copies up: `reconcile` says which.
* `replace: false`: there is never a second copy (S2). After `lost_after` the task is another node's, which starts it when the old
  one has shown that it stopped. With `stop_on_client_after` the node stops it by itself; when that time and a margin for the two
  clocks are over, it has.

Everything is counted from the last sign of life, on our own clock, and only while we hear: a moment is late rather than early. A
suspect node moves nothing. A task of a global service, or a job's that has run to its end, has nothing to be replaced.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

from controller.decide.assignments import release_from
from controller.decide.fleet import Fleet
from controller.decide.placement import absence, copies, scheduler
from controller.decide.placement.reconcile import Stays
from controller.decide.presence import Presence
from controller.decide.records import Original, Task, stack_of

AWAY, STEADY = "away", "steady"

STEADY_S = 60.0
"""A node that has returned may fall again within seconds; so long both copies run, as Nomad lets them."""


def gone(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """A node went offline."""
    fleet.deadlines.drop(STEADY, node)
    look_after(fleet, node, now_mono_s)
    for task in fleet.held.get(node, ()):
        placed = fleet.tasks.get(task)
        if placed is not None and placed.node != node:
            fleet.unsettled.assignments.add(placed.node)


def returned(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """A node is online again: one that was replaced is watched for a while before a copy is given up."""
    fleet.deadlines.drop(AWAY, node)
    fleet.orphans -= fleet.tasks.of("node", node)
    if fleet.originals.of("node", node):
        fleet.deadlines.set(STEADY, node, now_mono_s + STEADY_S)


def link_up(fleet: Fleet, now_mono_s: float) -> None:
    """We hear again, or for the first time: whoever is away is away from now on."""
    for node in sorted(fleet.leases.of("presence", Presence.OFFLINE)):
        look_after(fleet, node, now_mono_s)
    for node in sorted({fleet.originals[task].node for task in fleet.originals}):
        if fleet.presence(node) is Presence.ONLINE:
            fleet.deadlines.set(STEADY, node, now_mono_s + STEADY_S)


def look_after(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """Look at everything that a node which is away may still run: what is over, what may go elsewhere, and when to look again."""
    if not fleet.is_up or fleet.presence(node) is not Presence.OFFLINE:
        return
    away_s = now_mono_s - absence.since_mono_s(fleet, node)
    due_s = inf
    for task in sorted(fleet.originals.of("node", node)):
        due_s = min(due_s, _lose(fleet, task, away_s))
    for task in sorted(fleet.held.get(node, ())):
        due_s = min(due_s, _stopped(fleet, task, node, away_s))
    for task in sorted(fleet.tasks.of("node", node)):
        due_s = min(due_s, _orphan(fleet, fleet.tasks[task], away_s))
    if due_s < inf:
        fleet.deadlines.set(AWAY, node, now_mono_s - away_s + due_s)


def settle(fleet: Fleet, now_mono_s: float) -> None:
    """Give orphans to other nodes, as far as something has changed since none would take them."""
    for key in sorted(fleet.unsettled.services):
        _policy_changed(fleet, key, now_mono_s)
    if not fleet.orphans or (not fleet.unsettled.services and fleet.orphans_seen == _state(fleet)):
        return
    hopeless: set[str] = set()
    left: set[str] = set()
    for task in sorted(fleet.orphans):
        placed = fleet.tasks.get(task)
        if placed is None or not absence.may_go(fleet, placed):
            fleet.orphans.discard(task)
        elif placed.service not in hopeless and _replace(fleet, placed):
            left.add(placed.node)
        else:
            hopeless.add(placed.service)
            fleet.unsettled.reports.add(stack_of(placed.service))
    for node in sorted(left):
        look_after(fleet, node, now_mono_s)
    fleet.orphans_seen = _state(fleet)


def tidy(fleet: Fleet) -> None:
    """Forget originals whose task is gone, or is its old node's again by whatever way."""
    for task in sorted(fleet.unsettled.slots):
        original, placed = fleet.originals.get(task), fleet.tasks.get(task)
        if original is not None and (placed is None or placed.node == original.node):
            _drop(fleet, original)


def steady(fleet: Fleet, node: str, now_mono_s: float) -> None:
    """A node that returned has been steady: of each of its replaced tasks one copy is given up."""
    if not fleet.is_up or fleet.presence(node) is not Presence.ONLINE:
        return
    for task in sorted(fleet.originals.of("node", node)):
        original, placed = fleet.originals[task], fleet.tasks[task]
        match copies.choose(fleet, original, placed):
            case Stays.ORIGINAL:
                _take_back(fleet, original, placed)
            case Stays.REPLACEMENT:
                _drop(fleet, original)
                fleet.tally("reconciled", "replacement")
                fleet.remark(task, f"stays on {placed.node}, and ends on {node}, which has returned")
            case Stays.LATER:
                fleet.deadlines.set(STEADY, node, now_mono_s + STEADY_S)


def _policy_changed(fleet: Fleet, key: str, now_mono_s: float) -> None:
    """A service is new or another: what it asks of nodes that are away already holds from now on."""
    service = fleet.catalogue.services.get(key)
    if service is None or service.disconnect is None:
        return
    nodes = {fleet.tasks[task].node for task in fleet.tasks.of("service", key)}
    for node in sorted(name for name in nodes if fleet.presence(name) is Presence.OFFLINE):
        look_after(fleet, node, now_mono_s)


def _state(fleet: Fleet) -> tuple[int, ...]:
    """What a search for nodes depends on: as long as it is the same, none would be found that was not."""
    return (len(fleet.orphans), fleet.rooms.changed.end, fleet.rooms.carried.end)


def _replace(fleet: Fleet, task: Task) -> bool:
    """Have another node take over a task, or the one that still runs the original; False if there is none."""
    service, before = fleet.catalogue.services[task.service], fleet.originals.get(task.task)
    if before is not None and copies.runs(fleet, before.node, task.task):
        chosen: str | None = before.node
    else:
        chosen = scheduler.best_node(fleet, service, (task.node,))
    if chosen is None:
        return False
    if before is not None:
        _drop(fleet, before)
    shown = fleet.seen.get((task.node, task.task))
    if shown is not None and absence.policy(fleet, task).replace:
        fleet.originals.put(task.task, Original(task.task, task.node, task.revision, shown.container))
    scheduler.place(fleet, replace(task, node=chosen))
    fleet.moves.begin(task.task)
    fleet.orphans.discard(task.task)
    fleet.tally("replaced")
    fleet.remark(task.task, f"goes to {chosen}, because {task.node} is away")
    return True


def _take_back(fleet: Fleet, original: Original, placed: Task) -> None:
    fleet.originals.drop(original.task)
    scheduler.place(fleet, replace(placed, node=original.node))
    fleet.moves.arrive(original.task)
    fleet.tally("reconciled", "original")
    fleet.remark(original.task, f"is {original.node}'s again, which has returned, and ends on {placed.node}")


def _drop(fleet: Fleet, original: Original) -> None:
    """Take the original out of its node's assignment."""
    fleet.originals.drop(original.task)
    fleet.unsettled.assignments.add(original.node)
    fleet.unsettled.reports.add(stack_of(original.task))


def _lose(fleet: Fleet, task: str, away_s: float) -> float:
    """Give an original up whose time is over; else when that will be."""
    lost_s = absence.lost_after_s(fleet, fleet.tasks[task])
    if away_s < lost_s:
        return lost_s
    original = fleet.originals[task]
    _drop(fleet, original)
    fleet.tally("lost")
    fleet.remark(task, f"is lost on {original.node}, and ends there when it returns")
    return inf


def _stopped(fleet: Fleet, task: str, node: str, away_s: float) -> float:
    """Take a task for stopped on a node that has to have stopped it by itself; else when that will be."""
    stopped_s = absence.stopped_after_s(fleet, node, task)
    if away_s < stopped_s:
        return stopped_s
    if task not in fleet.originals:
        release_from(fleet, task, node)
    return inf


def _orphan(fleet: Fleet, task: Task, away_s: float) -> float:
    """Note a task that may go elsewhere; else when it may."""
    goes_s = absence.goes_after_s(fleet, task)
    if away_s < goes_s:
        return goes_s
    fleet.orphans.add(task.task)
    return inf
