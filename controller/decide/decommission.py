"""Letting a node go for good: the order, what is forgotten, and the retained topics that are cleared.

A node that is offline is forgotten at once, and so is its word about tasks that might still run there: whoever orders this says
that it will not come back with them. One that is there is let go only by force: it is told an empty assignment first, and forgotten
when it shows that nothing runs, or goes offline. Its topics are cleared then, and again whenever the link comes up, because a
broker may bring old ones back; the will of its last connection is cleared when it comes. A later hello is that of a new node, which
is told higher numbers than the old one was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from controller.decide import answers, invocations, keeps, leases, steadiness, streams, twins
from controller.decide.assignments import let_go
from controller.decide.fleet import Fleet
from controller.decide.placement import replacements, scheduler
from controller.decide.presence import Presence
from controller.decide.records import Availability, Departed, stack_of
from controller.decide.rollouts import attendance, pins
from protocol.observed import Answer, NodeStatus
from protocol.operator import OperatorOrder
from protocol.topics import AssignmentTopic, OfferTopic, PresenceTopic, StatusTopic, Topic

DEPARTED_KEPT = 1_000
"""Whose topics are cleared again after each connect: 4,000 empty messages at most, and years of a fleet's changes."""


def decommission(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Let a node go."""
    node, is_forced = fleet.nodes.get(asked.target), asked.arguments.get("force", False)
    if node is None:
        return answers.no_node(asked.target)
    if not isinstance(is_forced, bool):
        return answers.refused("`force` is true or false")
    count = len(fleet.tasks.of("node", node.name))
    is_away = fleet.presence(node.name) is Presence.OFFLINE
    if is_away or (is_forced and fleet.presence(node.name) is Presence.QUARANTINED):
        forget(fleet, node.name)
        return Answer("", ok=True, message=f"{node.name} has left the fleet{_moved(count)}")
    if not is_forced:
        said = f"{node.name} is {fleet.presence(node.name)}: stop its agent first, or force it"
        return answers.conflict(said)
    fleet.nodes.put(node.name, replace(node, availability=Availability.DRAIN, is_leaving=True))
    for task in sorted(fleet.originals.of("node", node.name)):
        fleet.originals.drop(task)
    for task in sorted(fleet.tasks.of("node", node.name)):
        scheduler.abandon(fleet, task)
    fleet.look_at(node.name)
    fleet.unsettled.hosts.add(node.name)
    fleet.unsettled.assignments.add(node.name)
    said = f"{node.name} is told to stop everything, and leaves the fleet when it has{_moved(count)}"
    return Answer("", ok=True, message=said)


def shown(fleet: Fleet, status: NodeStatus) -> None:
    """A node says how it stands; one that leaves, and shows that it runs nothing any more, is forgotten in this turn."""
    node = fleet.nodes[status.node]
    told = (fleet.epoch_of(node.name), node.generation)
    holds = status.is_blind and bool(fleet.held.get(node.name))
    if not node.is_leaving or holds or (status.observed_epoch, status.observed_generation) < told:
        return
    if fleet.assignments.get(node.name) is not None and fleet.assignments[node.name].tasks:
        return  # told to leave in this very turn
    if not status.tasks:
        fleet.unsettled.leaving.add(node.name)


def leave(fleet: Fleet) -> None:
    """Forget the nodes that have stopped everything, or are away, and were to leave."""
    leaving, fleet.unsettled.leaving = sorted(fleet.unsettled.leaving), set()
    for name in leaving:
        if name in fleet.nodes and fleet.nodes[name].is_leaving:
            forget(fleet, name)
            fleet.remark(name, "has left the fleet")


def forget(fleet: Fleet, name: str) -> None:
    """Forget a node, with everything that was known of it, and clear its topics."""
    for task in sorted(fleet.slots.of("node", name)):
        slot = fleet.slots[task]
        fleet.slots.drop(task)
        fleet.unsettled.slots.add(task)
        fleet.unsettled.judged.add(slot.service)
    for task in sorted(fleet.tasks.of("node", name)):
        scheduler.abandon(fleet, task)
    for task in sorted(fleet.originals.of("node", name)):
        fleet.originals.drop(task)
    pins.forget_node(fleet, name)
    attendance.forget(fleet, name)
    let_go(fleet, name)
    _forget_devices(fleet, name)
    _forget_words(fleet, name)
    twins.forget(fleet, name)
    node = fleet.nodes.drop(name)
    assert node is not None, "whoever calls this has looked"
    rank, epoch = fleet.count("departed"), node.epoch
    fleet.departed.put(name, Departed(name, rank, node.generation, node.offers_generation, epoch))
    if len(fleet.departed) > DEPARTED_KEPT:
        fleet.departed.drop(min(fleet.departed, key=lambda key: fleet.departed[key].rank))
    clear(fleet, name)


def cleared(fleet: Fleet, name: str) -> Iterator[tuple[Topic, bytes]]:
    """The retained topics of a node that has left, emptied, its own too: nobody else will."""
    for topic in (PresenceTopic, StatusTopic, AssignmentTopic, OfferTopic):
        yield topic(fleet.name, name), b""


def clear(fleet: Fleet, name: str) -> None:
    """Empty the topics of a node that has left."""
    for topic, nothing in cleared(fleet, name):
        fleet.say(topic, nothing)


def _forget_devices(fleet: Fleet, name: str) -> None:
    devices = fleet.devices.pop(name, None)
    fleet.unsettled.scales.update(devices.functions if devices else ())
    for key in devices.functions if devices else ():
        fleet.rosters.pop(key, None)
        fleet.hosts[key].discard(name)
        if not fleet.hosts[key]:
            del fleet.hosts[key]
    for stack in (
        {stack_of(key) for key in (*devices.sensors, *devices.actuators, *devices.functions)} if devices else ()
    ):
        fleet.device_nodes[stack].discard(name)
        if not fleet.device_nodes[stack]:
            del fleet.device_nodes[stack]
        fleet.unsettled.reports.add(stack)


def _forget_words(fleet: Fleet, name: str) -> None:
    """What the node said, what it was told, and what was still to be looked at of it."""
    status = fleet.statuses.drop(name)
    for task in status.tasks if status else ():
        fleet.seen.pop((name, task.task), None)
    streams.forget(fleet, name)
    for shelf in (fleet.leases, fleet.assignments, fleet.offers):
        shelf.drop(name)
    for heard in (
        fleet.heard_mono_s,
        fleet.health,
        fleet.suspect_mono_s,
        fleet.falls_mono_s,
        fleet.unsettled.greeted,
        fleet.unknown,
        fleet.unsaid,
    ):
        heard.pop(name, None)
    for kind in (leases.KIND, replacements.AWAY, replacements.STEADY, steadiness.KIND):
        fleet.deadlines.drop(kind, name)
    unsettled = fleet.unsettled
    for names in (
        fleet.flapping,
        fleet.told,
        unsettled.nodes,
        unsettled.hosts,
        unsettled.assignments,
        unsettled.offers,
    ):
        names.discard(name)
    unsettled.freed.discard(name)
    fleet.requests = [(node, request) for node, request in fleet.requests if node != name]
    invocations.returned(fleet, name)
    keeps.gone(fleet, name)


def _moved(count: int) -> str:
    if not count:
        return ""
    return f"; its {count} {'tasks move or wait' if count > 1 else 'task moves or waits'} for another node"
