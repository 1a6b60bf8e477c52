"""Saying again what a broker may have forgotten: everything retained, in small portions, after each connect.

A node that says hello gets what differs at once; this is for a broker that lost its state (0 of 500 acknowledged retained messages
survived a killed Mosquitto), so that the next reader of a topic finds it. The portion grows with the time since the last one.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from controller.decide import decommission
from controller.decide.fleet import Fleet
from protocol.topics import AssignmentTopic, OfferTopic, Topic

KIND = "resay"
PORTION = 20
"""What goes out at once: the in-flight window of a stock Mosquitto."""


def begin(fleet: Fleet, now_mono_s: float) -> None:
    """A new connection: begin at the beginning."""
    fleet.unsettled.reports |= set(fleet.stacks)
    for stack in fleet.stacks:
        fleet.reported.pop(stack, None)
    fleet.resaying = _everything(fleet)
    fleet.deadlines.set(KIND, "", now_mono_s)


def go_on(fleet: Fleet, now_mono_s: float) -> None:
    """Say the next portion."""
    portion = tuple(islice(fleet.resaying, PORTION))
    for topic, message in portion:
        fleet.say(topic, message)
    if len(portion) == PORTION:
        fleet.deadlines.set(KIND, "", now_mono_s + PORTION / fleet.terms.republish_per_s)


def hello_answered(fleet: Fleet) -> None:
    """Tell nodes that said hello what differs from what they have."""
    greeted, fleet.unsettled.greeted = fleet.unsettled.greeted, {}
    for node, hello in sorted(greeted.items()):
        if node in fleet.quarantines:
            continue
        told, offered = fleet.assignments.get(node), fleet.offers.get(node)
        has = (hello.assignment_epoch, hello.assignment_generation)
        # A node that says no hash is believed by its numbers.
        is_other = hello.assignment_hash and told is not None and hello.assignment_hash != told.content_hash
        if told is not None and (has != (told.epoch, told.generation) or is_other):
            fleet.say(AssignmentTopic(fleet.name, node), told)
        is_other = hello.offers_hash and offered is not None and hello.offers_hash != offered.content_hash
        if offered is not None and (hello.offers_generation != offered.generation or is_other):
            fleet.say(OfferTopic(fleet.name, node), offered)


def lagging(fleet: Fleet, node: str) -> None:
    """Tell a node that speaks, and does not show what it was told: a broker's full queue drops the newest, and tells nobody."""
    status, told, offered = fleet.statuses.get(node), fleet.assignments.get(node), fleet.offers.get(node)
    shows = (status.observed_epoch, status.observed_generation) if status is not None else (0, 0)
    if told is not None and shows < (told.epoch, told.generation):
        fleet.say(AssignmentTopic(fleet.name, node), told)
    if offered is not None and (status is None or status.offers_generation != offered.generation):
        fleet.say(OfferTopic(fleet.name, node), offered)


def _everything(fleet: Fleet) -> Iterator[tuple[Topic, object]]:
    """Lazily, and by what each says when its turn comes."""
    for node in tuple(fleet.nodes):
        if node in fleet.quarantines:
            continue
        if (told := fleet.assignments.get(node)) is not None:
            yield AssignmentTopic(fleet.name, node), told
        if (offered := fleet.offers.get(node)) is not None:
            yield OfferTopic(fleet.name, node), offered
    for node in tuple(fleet.departed):
        if node in fleet.departed:
            yield from decommission.cleared(fleet, node)
