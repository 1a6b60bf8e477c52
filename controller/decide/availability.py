"""The orders that set a node's availability: drain, pause, activate. Also while it is away: the wish is kept for its return."""

from __future__ import annotations

from dataclasses import replace

from controller.decide import answers, keeps, leases, twins
from controller.decide.fleet import Fleet
from controller.decide.presence import Presence
from controller.decide.records import Availability
from protocol.observed import Answer
from protocol.operator import OperatorOrder

_SAID = {Availability.ACTIVE: "active", Availability.PAUSE: "paused", Availability.DRAIN: "drained"}


def drain(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have what may move moved away from a node, and nothing put on it."""
    return _avail(fleet, asked.target, Availability.DRAIN)


def pause(fleet: Fleet, asked: OperatorOrder, _: float) -> Answer:
    """Have nothing more put on a node."""
    return _avail(fleet, asked.target, Availability.PAUSE)


def activate(fleet: Fleet, asked: OperatorOrder, now_mono_s: float) -> Answer:
    """Have a node take tasks again, and believe again that it is one device."""
    if twins.is_quarantined(fleet, asked.target):
        apart_s = now_mono_s - twins.alone(fleet, asked.target).since_mono_s
        if apart_s < twins.APART_S:
            rest = f"ask again in {twins.APART_S - apart_s:.0f} s, if only one is left by then"
            return answers.conflict(f"{twins.sentence(fleet, asked.target)}; {rest}")
        leases.release(fleet, asked.target, now_mono_s)
    return _avail(fleet, asked.target, Availability.ACTIVE)


def _avail(fleet: Fleet, name: str, availability: Availability) -> Answer:
    node = fleet.nodes.get(name)
    if node is None:
        return answers.no_node(name)
    if node.is_leaving:
        return answers.conflict(f"{name} is leaving the fleet")
    if node.availability is availability:
        return Answer("", ok=True, message=f"{name} is {_SAID[availability]} already")
    fleet.nodes.put(name, replace(node, availability=availability))
    fleet.look_at(name)
    keeps.look_at(fleet, name)
    return Answer("", ok=True, message=f"{name} is {_SAID[availability]}{_consequence(fleet, name, availability)}")


def _consequence(fleet: Fleet, name: str, availability: Availability) -> str:
    """What that means for its tasks, where it means something."""
    count = len(fleet.tasks.of("node", name))
    if availability is not Availability.DRAIN or not count:
        return ""
    is_away = fleet.presence(name) is Presence.OFFLINE
    later = ", those that may have one copy only when it has returned and stopped them" if is_away else ""
    return f"; its {count} {'tasks move or end' if count > 1 else 'task moves or ends'}{later}"
