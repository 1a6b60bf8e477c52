"""What others have: letting go of it waits for the next commit, a moment at most, and is lost or said again without harm."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.decide.publication import Publication
from agent.loop import RECEIPTS_S, SAFETY_S
from link.courier import WINDOW
from link.inputs import Sent
from protocol.desired import Ack
from protocol.observed import SensorEvent
from protocol.topics import AckTopic
from tests.fakes.agent import DOORBELL, FLEET, NAME, Rig


@dataclass(slots=True)
class CountedRig(Rig):
    """Counts its commits."""

    commits: int = 0

    def spark(self, where: str) -> None:
        self.commits += where == "after a commit"
        Rig.spark(self, where)


@pytest.fixture
def rig(tmp_path: Path) -> CountedRig:
    rig = CountedRig(tmp_path)
    rig.run(2)
    rig.assign(1, sensors=(DOORBELL,))
    rig.run(3)
    rig.acknowledging = False
    return rig


def press(rig: CountedRig) -> int:
    """Press and let go, until both events are stored; the sequence of the last one."""
    for on in (True, False):
        rig.read("doorbell", on=on)
        rig.run(0.2)
    return rig.node.sequence


def acknowledge(rig: CountedRig, upto: int) -> None:
    rig.send(AckTopic(FLEET, NAME), Ack(rig.node.stream, upto, said_epoch=rig.node.epoch))


def test_a_receipt_alone_is_no_commit_at_once(rig: CountedRig) -> None:
    """It is taken with what is committed next, or after a moment; no receipt is forgotten."""
    upto = press(rig)
    before = rig.commits
    acknowledge(rig, upto)
    rig.run(RECEIPTS_S / 2)
    assert (rig.commits, rig.store.outbox.size) == (before, 2)
    rig.run(RECEIPTS_S)
    assert (rig.commits, rig.store.outbox.size) == (before + 1, 0)


def test_what_is_committed_next_takes_receipts_along(rig: CountedRig) -> None:
    """An event and the receipts of the last ones are one commit."""
    upto = press(rig)
    before = rig.commits
    acknowledge(rig, upto)
    rig.run(RECEIPTS_S / 2)
    rig.read("doorbell", on=True)
    rig.turn()
    rig.run(0.1)
    assert (rig.commits, rig.store.outbox.size) == (before + 1, 1)


def test_receipts_make_room_at_once_where_more_waits(rig: CountedRig) -> None:
    """With more facts than may be on their way, an acknowledgement is taken in its own turn, and the next facts go out."""
    for _ in range(WINDOW):
        upto = press(rig)
    assert rig.store.outbox.size == 2 * WINDOW
    acknowledge(rig, upto - 1)
    rig.turn()
    assert rig.store.outbox.size == 1


def test_a_receipt_that_died_with_its_process_costs_a_repetition(rig: CountedRig) -> None:
    """The facts are sent once more after the start, acknowledged again, and gone; none has another number."""
    upto = press(rig)
    acknowledge(rig, upto)
    rig.turn()
    told = [event.sequence for event in rig.messages(SensorEvent)]
    rig.crash()
    rig.acknowledging = True
    rig.run(SAFETY_S)
    assert [event.sequence for event in rig.messages(SensorEvent)][-2:] == told[-2:]
    assert rig.store.outbox.size == 0


def test_an_acknowledgement_that_asks_is_decided_upon_at_once(rig: CountedRig) -> None:
    """It is no receipt: the hello goes out in its own turn."""
    before = rig.node.sequence
    rig.send(AckTopic(FLEET, NAME), Ack(rig.node.stream, 0, asks=True))
    rig.turn()
    assert rig.node.sequence == before + 1


def test_a_publication_that_the_broker_has_is_let_go_of_in_passing(rig: CountedRig) -> None:
    """Neither the broker's word nor a repetition of it is a commit of its own."""
    rig.node.publications.put("p-1", Publication("p-1", "hall/lamp", "on"))
    rig.loop._next_mono_s = 0.0
    rig.turn()
    before = rig.commits
    rig.run(RECEIPTS_S / 2)
    assert (rig.commits, len(rig.posted), len(rig.node.publications)) == (before, 1, 1)
    rig.loop.inbox.put(Sent(rig.node.epoch, (rig.tokens,)))
    rig.run(RECEIPTS_S)
    assert (rig.commits, len(rig.posted), len(rig.node.publications)) == (before + 1, 1, 0)
