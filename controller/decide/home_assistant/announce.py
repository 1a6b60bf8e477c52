"""What Home Assistant is told, and when: devices whenever they change, states whenever they do, everything anew on each connect.

Nothing here looks at more than has changed (law 10): `noting` says which devices those are, and a turn looks at a portion of them.
A device that is gone is taken back by an empty message, an entity by naming it with nothing else; both are said again on each
connect, because no broker is believed to have kept anything (law 4). So is all that an earlier process announced, or one with
another prefix, or with none: announcements are durable, and they alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from zlib import crc32

from controller.decide.fleet import Fleet
from controller.decide.home_assistant import controller, functions, node, service
from controller.decide.home_assistant.desk import CONTROLLER, NODE, SERVICE, STACK, Announced, Announcement, Subject
from controller.decide.home_assistant.entity import Document, written
from controller.decide.inputs import HomeAssistantSaid
from protocol.topics import EntityStateTopic, Topic, parse

KIND, BIRTH, EMPTY = "home-assistant", "home-assistant-birth", "home-assistant-empty"
PACE = "home-assistant-pace"

PORTION = 5
"""Devices that one turn looks at: each is a dozen messages, and more than a hundred at once would fill the link's window thrice."""

PORTION_S = 0.25
"""Until the next portion: 20 devices a second are 250 messages, as many as a reconnect says again."""

BIRTH_LEAST_S, BIRTH_SPREAD_S = 0.5, 3.0
"""Home Assistant says that it is there before it hears well, and every fleet of a broker answers: each at a moment of its own."""

QUIET_S = 2.0
"""Between two announcements of one device: Home Assistant drops the rest of one that comes while it still sets up an entity of the
one before (homeassistant/components/mqtt/discovery.py, `async_discovery_message_received`)."""

PACE_S = 0.5
"""Between two words of how a stack's functions stand: Home Assistant keeps each in a database. Their events come at once."""

EMPTY_S = 2.0
"""From taking an entity back to emptying what it said last: Home Assistant must not hear nothing in the place of JSON meanwhile, or
it logs an error for each."""

GONE_KEPT = 100
"""Devices whose removal is said again on each connect. Home Assistant logs a warning for each that it does not know any more."""

GONE_ENTITIES_KEPT = 100
"""Entities of one device that are taken back again; a node has some twenty."""

ONLINE = "online"

_DOCUMENTS = {
    CONTROLLER: controller.document, NODE: node.document, SERVICE: service.document, STACK: functions.document,
}  # fmt: skip
_STATES = {CONTROLLER: controller.states, NODE: node.states, SERVICE: service.states, STACK: functions.states}


def link_up(fleet: Fleet, now_mono_s: float) -> None:
    """A new connection: what the broker has kept is anybody's guess, also of what is gone."""
    born(fleet, now_mono_s)
    for key in fleet.announcements:
        fleet.home_assistant.look_at(fleet.announcements[key].subject, whole=True)


def born(fleet: Fleet, now_mono_s: float) -> None:
    """Home Assistant has begun: all that there is. It logs a warning for each device that is gone and it does not know."""
    desk = fleet.home_assistant
    desk.said.clear()
    desk.quiet_mono_s.clear()
    for subject in _subjects(fleet) if desk.is_on else ():
        desk.look_at(subject, whole=True)
    fleet.deadlines.set(KIND, "", now_mono_s)


def heard(fleet: Fleet, said: HomeAssistantSaid, now_mono_s: float) -> None:
    """Home Assistant says that it is there: it is told everything soon, or that it goes, which is no matter."""
    if said.word == ONLINE and fleet.home_assistant.is_on:
        after_s = BIRTH_LEAST_S + crc32(fleet.name.encode()) % 1000 / 1000 * BIRTH_SPREAD_S
        fleet.deadlines.set(BIRTH, "", now_mono_s + after_s)


def pace(fleet: Fleet, key: str) -> None:
    """Enough time has passed since the last word of a stack's functions."""
    fleet.home_assistant.look_at(Subject(*key.split(" ", 1)))


def wake(fleet: Fleet, key: str) -> None:
    """A portion's time has come, or that of one device."""
    if key:
        fleet.home_assistant.look_at(Subject(*key.split(" ", 1)), whole=True)


def settle(fleet: Fleet, now_mono_s: float) -> None:
    """Say what has changed, as much as a turn may."""
    desk = fleet.home_assistant
    if not desk.waiting or not fleet.is_up:
        return
    for subject in tuple(islice(desk.waiting, PORTION)):
        is_whole = desk.waiting.pop(subject)
        if is_whole and (due_mono_s := desk.quiet_mono_s.get(subject, now_mono_s)) > now_mono_s:
            fleet.deadlines.set(KIND, str(subject), due_mono_s)
            is_whole = False
        if is_whole:
            desk.quiet_mono_s[subject] = now_mono_s + QUIET_S
        _look(fleet, subject, now_mono_s, is_whole=is_whole)
    if desk.waiting:
        fleet.deadlines.set(KIND, "", now_mono_s + PORTION_S)


def say_state(fleet: Fleet, topic: EntityStateTopic, payload: bytes) -> None:
    """Say how a thing stands, if it was announced, and said otherwise."""
    known = fleet.announcements.get(str(Subject(topic.subject, topic.name)))
    if known is not None and str(topic) in known.states:
        _say(fleet, topic, payload)


def _subjects(fleet: Fleet) -> Iterator[Subject]:
    """All that is to be announced; the controller first, because the others are reached by it."""
    yield controller.of(fleet)
    yield from (node.of(name) for name in fleet.nodes)
    yield from (service.of(key) for key in fleet.catalogue.services)
    yield from (functions.of(stack) for stack in fleet.catalogue.stacks if functions.shown(fleet, stack))


def empty(fleet: Fleet, key: str) -> None:
    """Whoever was taken back is no more listened to: nothing that it said stays."""
    known = fleet.announcements.get(key)
    if known is None:
        return
    for text in {one.topic for one in known.entities} - known.states - {""}:
        topic = parse(text)
        assert topic is not None, "it was a topic when it was announced"
        fleet.home_assistant.said.pop(topic, None)
        fleet.say(topic, b"")


def _look(fleet: Fleet, subject: Subject, now_mono_s: float, *, is_whole: bool) -> None:
    desk = fleet.home_assistant
    before = fleet.announcements.get(str(subject))
    if not is_whole:
        if _is_there(fleet, subject) and not _is_paced(fleet, subject, now_mono_s):
            _say_states(fleet, subject)
        return
    document = _DOCUMENTS[subject.what](fleet, subject) if desk.is_on else None
    if document is not None:
        _announce(fleet, subject, document, now_mono_s)
        _say_states(fleet, subject)
    elif before is not None:
        _take_back(fleet, before)
        fleet.deadlines.set(EMPTY, str(subject), now_mono_s + EMPTY_S)


def _is_paced(fleet: Fleet, subject: Subject, now_mono_s: float) -> bool:
    """Whether a stack's functions have been told of just now: a storm of calls is no storm of states."""
    if subject.what != STACK:
        return False
    due_mono_s = fleet.home_assistant.paced_mono_s.get(subject, now_mono_s)
    if due_mono_s > now_mono_s:
        fleet.deadlines.set(PACE, str(subject), due_mono_s)
        return True
    fleet.home_assistant.paced_mono_s[subject] = now_mono_s + PACE_S
    return False


def _is_there(fleet: Fleet, subject: Subject) -> bool:
    if subject.what == NODE:
        return subject.name in fleet.nodes
    if subject.what == STACK:
        return subject.name in fleet.catalogue.stacks
    return subject.what != SERVICE or subject.name in fleet.catalogue.services


def _say_states(fleet: Fleet, subject: Subject) -> None:
    known = fleet.announcements.get(str(subject))
    announced = known.states if known is not None else ()
    for topic, payload in _STATES[subject.what](fleet, subject):
        if str(topic) in announced:
            _say(fleet, topic, payload)


def _announce(fleet: Fleet, subject: Subject, document: Document, now_mono_s: float) -> None:
    prefix, before = fleet.home_assistant.prefix, fleet.announcements.get(str(subject))
    if before is not None and before.prefix != prefix:
        fleet.say(before.topic(fleet.name), b"")
    entities = tuple(Announced(one.id, one.platform, str(one.state or "")) for one in document.entities)
    alive = {one.id for one in entities}
    gone = [replace(one, is_gone=True) for one in (before.entities if before else ()) if one.id not in alive]
    gone = gone[:GONE_ENTITIES_KEPT]  # those that went last come first
    after = Announcement(subject.what, subject.name, prefix, (*entities, *gone))
    fleet.announcements.put(str(subject), after)
    if gone:
        fleet.deadlines.set(EMPTY, str(subject), now_mono_s + EMPTY_S)
    _say(fleet, after.topic(fleet.name), written(document, fleet.name, {one.id: one.platform for one in gone}))


def _take_back(fleet: Fleet, before: Announcement) -> None:
    """Nothing of a device stays: not its announcement, and soon not what its things said last."""
    subject = before.subject
    desk = fleet.home_assistant
    for known in (desk.services, desk.late_of) if subject.what != CONTROLLER else ():
        known.pop(subject.name, None)
    desk.returning.discard(subject.name)
    desk.said.pop(before.topic(fleet.name), None)
    desk.quiet_mono_s.pop(subject, None)
    desk.paced_mono_s.pop(subject, None)
    for key in tuple(fleet.ends.of("stack", subject.name)) if subject.what == STACK else ():
        fleet.ends.drop(key)
    fleet.say(before.topic(fleet.name), b"")
    if before.is_gone:
        return
    fleet.announcements.put(str(subject), replace(before, is_gone=True, rank=fleet.count("taken-back")))
    gone = fleet.announcements.of("gone", value=True)
    if len(gone) > GONE_KEPT:
        fleet.announcements.drop(min(gone, key=lambda key: fleet.announcements[key].rank))


def _say(fleet: Fleet, topic: Topic, payload: bytes) -> None:
    if fleet.is_up and fleet.home_assistant.said.get(topic) != payload:
        fleet.home_assistant.said[topic] = payload
        fleet.say(topic, payload)
