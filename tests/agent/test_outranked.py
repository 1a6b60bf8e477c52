"""A controller that another one has replaced is obeyed in nothing, and told about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agent.decide.wants import OUTRANKED_S
from link.inputs import Arrived
from protocol.desired import Ack, Assignment, Command, Grant, Invocation, Offers, Verb
from protocol.envelope import Packet, pack
from protocol.observed import Answer, Hello, Link, OfferState, Request
from protocol.operator import ControllerPresence
from protocol.topics import (
    AckTopic,
    AssignmentTopic,
    CommandTopic,
    ControllerPresenceTopic,
    GrantTopic,
    InvocationTopic,
    OfferTopic,
    Topic,
)
from tests.fakes.agent import DOORBELL, FLEET, NAME, Rig, function, offer, task

WEB = "porch.web.1"


def rig_of(tmp_path: Path) -> Rig:
    """A node that obeys a controller of epoch 2, and has an update staged."""
    rig = Rig(tmp_path)
    rig.registry.push("web:a")
    rig.registry.push("web:b")
    rig.registry.push("greet:1")
    rig.run(2)
    told = Assignment(NAME, 2, 1, (task("a"),), sensors=(DOORBELL,), functions=(function(),))
    rig.send(AssignmentTopic(FLEET, NAME), told)
    rig.run(5)
    rig.send(OfferTopic(FLEET, NAME), Offers(NAME, 2, 1, (offer(task("b")),)))
    rig.run(5)
    assert [one.state for one in rig.status().offers] == [OfferState.STAGED]
    return rig


def words(rig: Rig, epoch: int) -> list[tuple[Topic, Any]]:
    """One of each kind that a controller says to a node, as it would say it now."""
    asked = rig.messages(Request)[-1]
    grant = Grant(asked.task, asked.revision, asked.nonce, epoch=epoch)
    return [
        (AssignmentTopic(FLEET, NAME), Assignment(NAME, epoch, 99)),
        (OfferTopic(FLEET, NAME), Offers(NAME, epoch, 99)),
        (InvocationTopic(FLEET, NAME, "i1"), Invocation("i1", "porch", "greet", epoch=epoch)),
        (CommandTopic(FLEET, NAME, "c1"), Command("c1", Verb.PINS, epoch=epoch)),
        (AckTopic(FLEET, NAME), Ack(rig.node.stream, rig.node.sequence, epoch=epoch)),
        (GrantTopic(FLEET, NAME), grant),
    ]


def hear(rig: Rig, word: tuple[Topic, Any], *, retained: bool = False) -> None:
    """A word comes: it was said just now, or the broker had kept it."""
    packet = pack(*word)
    assert isinstance(packet, Packet)
    rig.loop.inbox.put(Arrived(rig.node.epoch, (replace(packet, retain=retained),)))


def done(rig: Rig) -> tuple[object, ...]:
    """Everything that one of these words would change."""
    rig.run(3)
    return (
        (rig.node.assignment, rig.node.offers, rig.running(), rig.store.outbox.size),
        [one.state for one in rig.status().offers],
        sorted({*rig.node.runs, *rig.node.ended}),
        len(rig.messages(Answer)),
    )


@pytest.mark.parametrize("number", range(6))
def test_nothing_of_a_lower_epoch_is_taken_and_that_is_told(tmp_path: Path, number: int) -> None:
    """Not its assignment, offers, invocation, command, acknowledgement or grant; the same word of the one in charge is."""
    rig = rig_of(tmp_path)
    rig.acknowledging = False
    rig.read("doorbell", on=True)
    before = done(rig)
    hear(rig, words(rig, epoch=1)[number])
    assert done(rig) == before
    assert "refused: a controller of epoch 1 speaks, and one of epoch 2 is obeyed" in rig.status().reasons
    assert rig.node.counts["outranked",] == 1
    hear(rig, words(rig, epoch=2)[number])
    assert done(rig) != before


def test_a_replaced_controller_that_fell_silent_is_told_no_more(tmp_path: Path) -> None:
    """One late word is no trouble that somebody must look after for ever."""
    rig = rig_of(tmp_path)
    hear(rig, words(rig, epoch=1)[0])
    rig.run(OUTRANKED_S - 10)
    assert rig.status().reasons
    rig.run(20)
    assert rig.status().reasons == ()


def test_what_the_broker_had_kept_of_it_is_old_mail(tmp_path: Path) -> None:
    """Its retained words stay until they are overwritten: they change nothing, and nobody is alarmed."""
    rig = rig_of(tmp_path)
    before = done(rig)
    hear(rig, words(rig, epoch=1)[0], retained=True)
    assert done(rig) == before
    assert rig.status().reasons == ()


def test_a_hello_says_whom_the_node_obeys(tmp_path: Path) -> None:
    """Also where only its offers came under the higher epoch: a controller that was rebuilt must know what to exceed."""
    rig = rig_of(tmp_path)
    rig.send(OfferTopic(FLEET, NAME), Offers(NAME, 5, 1))
    rig.run(2)
    rig.cut()
    rig.run(1)
    rig.online = True
    rig.crash()
    rig.run(3)
    hello = rig.messages(Hello)[-1]
    assert (hello.assignment_epoch, hello.obeyed_epoch) == (2, 5)


def says_hello_for(tmp_path: Path, before: ControllerPresence, after: ControllerPresence) -> bool:
    """Whether a node that has met one controller says hello to the next."""
    rig = Rig(tmp_path)
    rig.run(2)
    hear(rig, (ControllerPresenceTopic(FLEET), before), retained=True)
    rig.run(2)
    count = len(rig.messages(Hello))
    for presence in (replace(before, state=Link.OFFLINE), after):
        hear(rig, (ControllerPresenceTopic(FLEET), presence))
    rig.run(2)
    return len(rig.messages(Hello)) > count


FIRST = ControllerPresence(Link.ONLINE, 2, "1", "store", 3, "one")


@pytest.mark.parametrize(
    ("after", "says_hello"),
    [
        (replace(FIRST, starts=4, instance="two"), False),
        (replace(FIRST, starts=3, instance="two"), True),
        (replace(FIRST, starts=4, instance="two", epoch=3), True),
        (replace(FIRST, store="other", starts=9, instance="two"), True),
        (FIRST, False),
    ],
)
def test_a_controller_that_cannot_know_the_node_is_told_everything(
    tmp_path: Path, after: ControllerPresence, *, says_hello: bool
) -> None:
    """A restart of the same store knows what it committed; another store, or an older copy, does not."""
    assert says_hello_for(tmp_path, FIRST, after) is says_hello
