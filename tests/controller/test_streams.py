"""Which card speaks under a node's name: what a thrown-away one has said comes late or again, and displaces nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from controller.decide.effects import Say
from controller.decide.greeting import EPOCHS_AHEAD_MOST
from protocol.desired import Ack
from protocol.envelope import FactMark
from protocol.observed import Hello, Inventory, NodeStatus, SensorEvent, TaskState
from protocol.topics import AckTopic, EventTopic, HelloTopic, StatusTopic
from tests.controller.desk import FLEET, Desk, running, web

PI = "pi-1"
OLD, NEW = "card-a", "card-b"


def greets(desk: Desk, stream: str, number: int = 1, epoch: int = 1) -> None:
    """A store says hello on its own stream."""
    said = Hello(PI, epoch, "boot", "1", Inventory(PI, "aarch64", engine="20.10"))
    desk.heard(HelloTopic(FLEET, PI), said, mark=FactMark(stream, number, number))


def says(desk: Desk, stream: str, epoch: int, sequence: int = 1, **more: Any) -> list[Ack]:
    """A store says how its node stands; the acknowledgements that follow."""
    now = desk.assignment(PI)
    status = NodeStatus(PI, epoch, sequence, now.epoch, now.generation, stream=stream, **more)
    effects = desk.heard(StatusTopic(FLEET, PI), status)
    return [effect.message for effect in effects if isinstance(effect, Say) and isinstance(effect.message, Ack)]


def swapped(path: Path | None = None) -> Desk:
    """A node that has connected seven times, and then begun again on a new card; it runs what it was told."""
    desk = Desk(path)
    greets(desk, OLD, epoch=7)
    desk.manifest("shop", web(mode="global"))
    says(desk, OLD, epoch=7)
    greets(desk, NEW)
    says(desk, NEW, epoch=1, tasks=running(desk.assignment(PI)))
    return desk


def known(desk: Desk) -> tuple[str, int, int]:
    """Which status the controller holds."""
    status = desk.fleet.statuses[PI]
    return status.stream, status.epoch, status.sequence


def test_what_a_thrown_away_card_has_said_comes_again_and_displaces_nothing() -> None:
    """It counted further, and is of another store all the same: what runs is what the present card says."""
    desk = swapped()
    says(desk, OLD, epoch=7)
    says(desk, OLD, epoch=7, sequence=9)
    assert known(desk) == (NEW, 1, 1)
    assert desk.fleet.seen[PI, "shop.web.pi-1"].state is TaskState.RUNNING
    assert desk.fleet.counts["stale_statuses",] == 2


def test_it_displaces_nothing_after_a_restart_of_ours_either(tmp_path: Path) -> None:
    """Which card came last is remembered: by their names alone nobody could tell."""
    for old, new in ((OLD, NEW), (NEW, OLD)):
        desk = Desk(tmp_path / old)
        for number, stream in enumerate((old, new)):
            greets(desk, stream)
            says(desk, stream, epoch=7 - number)
        desk.restart()
        says(desk, old, epoch=9)
        assert known(desk)[0] == new


def test_whoever_speaks_on_another_stream_is_asked_for_a_hello() -> None:
    """The card before may have been put back: then it answers, and is the present one. One that was thrown away is silent."""
    desk = swapped()
    assert [(ack.stream, ack.asks) for ack in says(desk, OLD, epoch=8)] == [(OLD, True)]
    greets(desk, OLD, number=2, epoch=8)
    assert PI not in desk.fleet.statuses
    says(desk, OLD, epoch=8)
    assert known(desk) == (OLD, 8, 1)
    assert [ack.asks for ack in says(desk, OLD, epoch=8, sequence=2)] == []


def test_a_hello_that_comes_late_from_a_thrown_away_card_has_the_present_one_asked() -> None:
    """It looks as if the card had been put back; the present one says hello once more, and has its place again."""
    desk = swapped()
    greets(desk, OLD, number=2, epoch=8)
    asked = [
        effect.message for effect in desk.effects if isinstance(effect, Say) and effect.topic == AckTopic(FLEET, PI)
    ]
    assert [ack.stream for ack in asked if ack.asks][-1] == NEW
    greets(desk, NEW, number=2)
    says(desk, NEW, epoch=1, sequence=2)
    assert known(desk) == (NEW, 1, 2)


def test_a_hello_that_is_repeated_changes_nothing() -> None:
    """At least once is more than once: the same fact of the card before brings nobody back."""
    desk = swapped()
    greets(desk, OLD, number=1, epoch=7)
    assert known(desk) == (NEW, 1, 1)


def test_an_agent_that_names_no_stream_is_heard_by_its_numbers() -> None:
    """One of the release before: what it says is ordered as it always was."""
    desk = swapped()
    says(desk, "", epoch=2)
    assert known(desk) == ("", 2, 1)
    says(desk, "", epoch=1, sequence=9)
    assert known(desk) == ("", 2, 1)


def test_a_stream_that_nobody_knows_is_asked_and_not_believed(tmp_path: Path) -> None:
    """A store of ours that was put back knows nothing of the newest card; whoever is there answers."""
    desk = swapped(tmp_path)
    assert [(ack.stream, ack.upto, ack.asks) for ack in says(desk, "card-c", epoch=99)] == [("card-c", 0, True)]
    assert known(desk) == (NEW, 1, 1)
    greets(desk, "card-c")
    says(desk, "card-c", epoch=99)
    assert known(desk) == ("card-c", 99, 1)


def test_a_store_that_nobody_knows_is_asked_for_a_hello_until_it_said_one() -> None:
    """A controller whose copy is older than the node: it stays connected, and would say no hello by itself."""
    desk = Desk()
    event = SensorEvent(OLD, 3, PI, "bell", "pressed", "2026-11-22T00:00:00Z", "boot", 0)
    for topic, message, mark in (
        (StatusTopic(FLEET, PI), NodeStatus(PI, 1, 5, 1, 1, stream=OLD), None),
        (EventTopic(FLEET, PI, "bell"), event, FactMark(OLD, 3, 3)),
    ):
        desk.said.clear()
        desk.heard(topic, message, mark=mark)
        ack = desk.said[str(AckTopic(FLEET, PI))]
        assert (ack.stream, ack.asks, ack.upto) == (OLD, True, 0)
    desk.heard(HelloTopic(FLEET, PI), beyond_belief(), mark=FactMark(OLD, 4, 3))
    assert PI not in desk.fleet.nodes
    desk.said.clear()
    desk.heard(StatusTopic(FLEET, PI), NodeStatus(PI, 1, 6, 1, 1, stream=OLD))
    assert desk.said == {}


def beyond_belief() -> Hello:
    """A hello that is counted in, and not believed: to ask for it again would go on for ever."""
    return Hello(PI, 1, "boot", "1", Inventory(PI, "aarch64"), assignment_epoch=EPOCHS_AHEAD_MOST + 10)
