"""An event of a sensor, as Home Assistant is told of it: at once, and once.

An event that waited on its node for a link that was away tells how things stand, and rings no bell: nobody wants to hear of a door
bell of last night. Which those are, the hello says: whatever its node noted before it.
"""

from __future__ import annotations

from controller.decide.fleet import Fleet
from controller.decide.home_assistant import announce, node, sensing
from controller.decide.home_assistant.desk import Sort
from protocol.envelope import FactMark
from protocol.observed import SensorEvent

LATE_S = 30.0
"""A node that was away for less had a roaming Wi-Fi or a restarted broker, and what it noted meanwhile is still news."""


def sensed(fleet: Fleet, event: SensorEvent) -> None:
    """Tell of an event."""
    if not fleet.home_assistant.is_on or event.node in fleet.quarantines:
        return
    spec = next((one for one in node.sensors(fleet, event.node) if one.name == event.sensor), None)
    if spec is None:
        return
    subject, name = node.of(event.node), sensing.name_of(spec)
    stated = sensing.said(spec, event)
    if stated is not None:
        announce.say_state(fleet, subject.state(fleet.name, Sort.SENSOR, name), stated.payload)
    told = sensing.happened(spec, event)
    if told is None:
        return
    if fleet.home_assistant.is_history(event.node):
        fleet.tally("home_assistant_late_events")
    else:
        fleet.say(subject.event(fleet.name, Sort.EVENT, name), told)


def came(fleet: Fleet, name: str, mark: FactMark | None, now_mono_s: float, *, is_hello: bool) -> None:
    """A node speaks: what it noted before its hello, and nobody has heard, is history if it was away for long."""
    desk = fleet.home_assistant
    if not desk.is_on:
        return
    desk.mark = (mark.stream, mark.sequence) if mark is not None else ("", 0)
    heard_mono_s = fleet.heard_mono_s.get(name)
    if heard_mono_s is None or now_mono_s - heard_mono_s > LATE_S:
        desk.returning.add(name)
    if is_hello and mark is not None and name in desk.returning:
        desk.late_of[name] = desk.mark
        desk.returning.discard(name)
