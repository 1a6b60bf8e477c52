"""Whatever the controller's topics carry in good form, an agent goes on; what is nonsense is refused with a reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.desired import Ack, Assignment, Command, Grant, Invocation, Offers, Verb
from protocol.observed import Answer, Result, SensorEvent
from protocol.shapes import INT_LIMIT
from protocol.topics import (
    AckTopic,
    AssignmentTopic,
    CommandTopic,
    GrantTopic,
    InvocationTopic,
    OfferTopic,
    Topic,
)
from tests.fakes.agent import DOORBELL, FLEET, NAME, Rig, function, offer, task

LONG = "x" * 100_000

NONSENSE: list[tuple[Topic, Any]] = [
    (AckTopic(FLEET, NAME), Ack("", -INT_LIMIT, (-1, 0, INT_LIMIT) * 1000)),
    (AckTopic(FLEET, NAME), Ack("not-mine", INT_LIMIT)),
    (GrantTopic(FLEET, NAME), Grant("", "", "")),
    (GrantTopic(FLEET, NAME), Grant("porch.web.1", "a", LONG, 0.0)),
    (AssignmentTopic(FLEET, NAME), Assignment(NAME, -1, -1)),
    (AssignmentTopic(FLEET, NAME), Assignment(NAME, 0, INT_LIMIT, (task("b"),))),
    (OfferTopic(FLEET, NAME), Offers(NAME, 1, 7, (offer(task("b", "no.such.task")), offer(task("b", "no.such.task"))))),
    (InvocationTopic(FLEET, NAME, "i1"), Invocation("i1", "porch", "no-such-function", {"id": LONG})),
    (InvocationTopic(FLEET, NAME, "i1"), Invocation("i/#", "porch", "greet")),
    (InvocationTopic(FLEET, NAME, "i1"), Invocation("", "porch", "greet", valid_s=0.0)),
    (CommandTopic(FLEET, NAME, "c1"), Command("c1", Verb.SET, LONG, LONG)),
    (CommandTopic(FLEET, NAME, "c1"), Command("c1", Verb.DRIVE, "²", "high")),
    (CommandTopic(FLEET, NAME, "c1"), Command("c1", Verb.DRIVE, "99", "high")),
    (CommandTopic(FLEET, NAME, "c1"), Command("c/+", Verb.PINS)),
    (CommandTopic(FLEET, "pi-9", "c1"), Command("c1", Verb.DRIVE, "17", "high")),
]


@pytest.mark.parametrize("number", range(len(NONSENSE)))
def test_nonsense_ends_nothing(tmp_path: Path, number: int) -> None:
    """The service goes on, the next event is told, a restart loads everything."""
    topic, message = NONSENSE[number]
    rig = Rig(tmp_path)
    rig.registry.push("web:a")
    rig.run(2)
    rig.assign(1, task("a"), sensors=(DOORBELL,), functions=(function(),))
    rig.run(5)
    before = rig.running()
    rig.send(topic, message)
    rig.run(5)
    rig.crash()
    rig.run(5)
    rig.read("doorbell", on=True)
    rig.run(2)
    assert before
    assert rig.running() == before
    assert rig.messages(SensorEvent)


@pytest.mark.parametrize(
    ("topic", "message"),
    [
        (InvocationTopic(FLEET, NAME, "i1"), Invocation("i2", "porch", "greet")),
        (CommandTopic(FLEET, NAME, "c1"), Command("c2", Verb.PINS)),
        (CommandTopic(FLEET, "pi-9", "c1"), Command("c1", Verb.PINS)),
    ],
)
def test_the_topic_is_the_authority(tmp_path: Path, topic: Topic, message: Any) -> None:
    """Ids become topics and names of containers, and those of a topic have been checked; the node says what it refused."""
    rig = Rig(tmp_path)
    rig.run(2)
    rig.assign(1, functions=(function(),))
    rig.run(5)
    rig.send(topic, message)
    rig.run(5)
    assert rig.messages(Answer) == rig.messages(Result) == []
    assert any("its topic" in reason for reason in rig.status().reasons)
