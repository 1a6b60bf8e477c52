"""What a node answers to words that it cannot take: it has them, or newer ones, or others under the same number."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from link.inputs import Arrived
from protocol.desired import Assignment, Offers
from protocol.envelope import Packet, pack
from protocol.observed import Hello, NodeStatus
from protocol.topics import AssignmentTopic, OfferTopic, Topic
from tests.fakes.agent import FLEET, NAME, Rig, offer, task

ASSIGNED = (AssignmentTopic(FLEET, NAME), Assignment(NAME, 1, 3, (task("a"),)))
OFFERED = (OfferTopic(FLEET, NAME), Offers(NAME, 1, 3, (offer(task("b")),)))


@pytest.fixture
def rig(tmp_path: Path) -> Rig:
    """A node that has the third assignment and the third offers."""
    rig = Rig(tmp_path)
    for image in ("web:a", "web:b"):
        rig.registry.push(image)
    rig.run(2)
    for topic, message in (ASSIGNED, OFFERED):
        rig.send(topic, message)
    rig.run(10)
    return rig


def answers(rig: Rig, topic: Topic, message: Any, *, retained: bool = False) -> tuple[int, int]:
    """How many hellos and how many statuses a word brings about."""
    before = len(rig.messages(Hello)), len(rig.messages(NodeStatus))
    packet = pack(topic, message)
    assert isinstance(packet, Packet)
    rig.loop.inbox.put(Arrived(rig.node.epoch, (replace(packet, retain=retained),)))
    rig.run(5)
    assert (rig.node.assignment, rig.node.offers) == (ASSIGNED[1], OFFERED[1])
    return len(rig.messages(Hello)) - before[0], len(rig.messages(NodeStatus)) - before[1]


@pytest.mark.parametrize("word", [ASSIGNED, OFFERED], ids=["assignment", "offers"])
def test_what_a_node_has_already_is_answered_by_its_status(rig: Rig, word: tuple[Topic, Any]) -> None:
    """Whoever says it once more, or something older, has not heard how the node stands. What the broker kept is nobody's word."""
    topic, message = word
    assert answers(rig, topic, message) == (0, 1)
    assert answers(rig, topic, replace(message, generation=2)) == (0, 1)
    assert answers(rig, topic, message, retained=True) == (0, 0)


@pytest.mark.parametrize("word", [ASSIGNED, OFFERED], ids=["assignment", "offers"])
def test_another_word_under_a_number_that_a_node_has_is_answered_by_a_hello(rig: Rig, word: tuple[Topic, Any]) -> None:
    """It is of a store that does not know what it said, an older copy: the hashes of what the node has tell it."""
    topic, message = word
    other = replace(message, **{"tasks" if isinstance(message, Assignment) else "offers": ()})
    for _ in range(2):
        assert answers(rig, topic, other) == (1, 0)
        hello = rig.messages(Hello)[-1]
        assert (hello.assignment_hash, hello.offers_hash) == (ASSIGNED[1].content_hash, OFFERED[1].content_hash)


def test_what_the_broker_kept_ends_no_doubt(rig: Rig) -> None:
    """A word that is said again, and one that was kept, come in one turn: the first is answered all the same."""
    (topic, assignment), (other_topic, offers) = ASSIGNED, OFFERED
    said, kept = pack(topic, assignment), pack(other_topic, offers)
    assert isinstance(said, Packet)
    assert isinstance(kept, Packet)
    before = len(rig.messages(NodeStatus))
    rig.loop.inbox.put(Arrived(rig.node.epoch, (replace(said, retain=False), replace(kept, retain=True))))
    rig.run(5)
    assert len(rig.messages(NodeStatus)) == before + 1
