"""Who is there, by the controller's own ears and clock."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.decide.effects import Remark
from controller.decide.presence import NEXT, Presence, Seen, advance
from controller.decide.terms import Terms
from protocol.envelope import FactMark
from protocol.observed import Health, Hello, Inventory, Link, NodeStatus, SensorEvent
from protocol.topics import EventTopic, HealthTopic, HelloTopic, StatusTopic
from tests.controller.desk import FLEET, Desk, running, web

HEALTH = Health(1.0, 0.1, 1, 1)


@pytest.mark.parametrize("presence", Presence)
@pytest.mark.parametrize("seen", Seen)
def test_a_pair_that_is_not_in_the_table_changes_nothing(presence: Presence, seen: Seen) -> None:
    """A late observation is weather."""
    assert advance(presence, seen) is NEXT.get((presence, seen), presence)


def test_a_will_makes_a_node_suspect_and_the_grace_makes_it_offline() -> None:
    """A short break is no news; a longer one is."""
    desk = Desk()
    desk.hello("pi-1")
    assert desk.fleet.presence("pi-1") is Presence.ONLINE
    desk.presence("pi-1", Link.OFFLINE)
    assert desk.fleet.presence("pi-1") is Presence.SUSPECT
    desk.turn(9.9)
    assert desk.fleet.presence("pi-1") is Presence.SUSPECT
    desk.turn(0.2)
    assert desk.fleet.presence("pi-1") is Presence.OFFLINE


def test_a_will_of_an_older_connection_ends_nothing() -> None:
    """The broker may tell the death of the old session after the birth of the new one."""
    desk = Desk()
    desk.hello("pi-1")
    desk.presence("pi-1", Link.ONLINE, epoch=7)
    desk.presence("pi-1", Link.OFFLINE, epoch=6)
    assert desk.fleet.presence("pi-1") is Presence.ONLINE
    assert desk.fleet.counts["late_wills",] == 1
    desk.presence("pi-1", Link.OFFLINE, epoch=7)
    assert desk.fleet.presence("pi-1") is Presence.SUSPECT


def test_silence_for_a_lease_and_a_grace_is_absence() -> None:
    """A half-open connection has no will; any live word renews the lease."""
    desk = Desk()
    desk.hello("pi-1")
    desk.turn(60.0)
    desk.heard(HealthTopic(FLEET, "pi-1"), HEALTH)
    desk.turn(89.0)
    assert desk.fleet.presence("pi-1") is Presence.ONLINE
    desk.turn(2.0)
    assert desk.fleet.presence("pi-1") is Presence.SUSPECT
    desk.turn(11.0)
    assert desk.fleet.presence("pi-1") is Presence.OFFLINE
    desk.heard(HealthTopic(FLEET, "pi-1"), HEALTH)
    assert desk.fleet.presence("pi-1") is Presence.ONLINE


def test_what_the_broker_remembered_is_no_sign_of_life() -> None:
    """A retained status is old mail."""
    desk = Desk()
    desk.hello("pi-1")
    desk.turn(200.0)
    desk.turn(20.0)
    assert desk.fleet.presence("pi-1") is Presence.OFFLINE
    status = desk.fleet.statuses.get("pi-1")
    assert status is None
    desk.heard(HealthTopic(FLEET, "pi-1"), HEALTH, retained=True)
    assert desk.fleet.presence("pi-1") is Presence.OFFLINE


def test_nobody_is_silent_while_we_are_deaf() -> None:
    """While our own link is down leases stand still; they begin anew when it is back."""
    desk = Desk()
    desk.hello("pi-1")
    desk.link_down()
    desk.turn(10_000.0)
    assert desk.fleet.presence("pi-1") is Presence.ONLINE
    desk.link_up()
    desk.turn(89.0)
    assert desk.fleet.presence("pi-1") is Presence.ONLINE
    desk.turn(2.0)
    assert desk.fleet.presence("pi-1") is Presence.SUSPECT


def test_an_unknown_node_is_counted_and_told_about_once() -> None:
    """A node that never said hello cannot fill the log."""
    desk = Desk()
    told = []
    for _ in range(5):
        told += desk.heard(HealthTopic(FLEET, "pi-9"), HEALTH)
        told += desk.turn(10.0)
    assert told == [Remark("pi-9", "is no node of this fleet: it speaks, and has not said hello")]
    assert desk.fleet.counts["refusals", "unknown_node"] == 5


def test_whoever_makes_up_names_is_told_of_once_and_counted_for_ever() -> None:
    """As many are told of as are remembered; then it is said that there are more, and what to look at."""
    desk = Desk(terms=Terms(answers_kept=3))
    for number in range(10):
        desk.heard(HealthTopic(FLEET, f"pi-{number}"), HEALTH)
    desk.turn(100.0)
    told = [effect for effect in desk.effects if isinstance(effect, Remark)]
    (last,) = [remark for remark in told if remark.subject == "broker"]
    assert len(told) == 4
    assert "more than 3 names speak here" in last.sentence
    assert desk.fleet.counts["refusals", "unknown_node"] == 10


def test_a_sample_before_the_hello_is_no_news() -> None:
    """A node that has just connected may say its health first."""
    desk = Desk()
    desk.heard(HealthTopic(FLEET, "pi-1"), HEALTH)
    desk.hello("pi-1")
    assert [effect for effect in desk.turn(60.0) if isinstance(effect, Remark)] == []


def test_a_node_speaks_for_itself_only() -> None:
    """S10: what pi-1 sends about pi-2 is refused."""
    desk = Desk()
    desk.hello("pi-1")
    desk.hello("pi-2")
    desk.runs("pi-2")
    stolen = desk.fleet.statuses["pi-2"]
    desk.heard(StatusTopic(FLEET, "pi-1"), stolen)
    assert "pi-1" not in desk.fleet.statuses
    assert desk.fleet.counts["refusals", "other_node"] == 1


def test_another_fleets_messages_change_nothing() -> None:
    """Two fleets may share a broker."""
    desk = Desk()
    assert desk.heard(HealthTopic("other", "pi-1"), HEALTH) == ()
    assert desk.fleet.counts["refusals", "other_fleet"] == 1


def test_a_node_with_a_fresh_card_is_heard_although_its_epochs_begin_again(tmp_path: Path) -> None:
    """A new stream is a new store: what was remembered by higher epochs does not silence it."""
    desk = Desk(tmp_path)
    desk.hello("pi-1", epoch=57)
    desk.presence("pi-1", Link.ONLINE, 57)
    desk.manifest("shop", web())
    told = desk.assignment("pi-1")
    desk.heard(StatusTopic(FLEET, "pi-1"), NodeStatus("pi-1", 57, 9, told.epoch, told.generation, 0, running(told)))
    assert desk.stack("shop").services[0].running == 1
    hello = Hello("pi-1", 1, "b2", "1", Inventory("pi-1", "aarch64", engine="20.10"))
    desk.heard(HelloTopic(FLEET, "pi-1"), hello, mark=FactMark("fresh", 1, 1))
    assert desk.stack("shop").services[0].running == 0
    desk.heard(StatusTopic(FLEET, "pi-1"), NodeStatus("pi-1", 1, 1, told.epoch, told.generation, 0, running(told)))
    assert desk.stack("shop").services[0].running == 1
    desk.presence("pi-1", Link.ONLINE, 1)
    desk.presence("pi-1", Link.OFFLINE, 1)
    assert desk.fleet.presence("pi-1") is Presence.SUSPECT
    desk.restart()
    assert desk.fleet.statuses["pi-1"].epoch == 1


def test_a_birth_before_the_first_hello_counts_with_it() -> None:
    """A node that nobody knows yet is born first: a late will of an older connection does not end the one that said hello."""
    desk = Desk()
    desk.presence("pi-1", Link.ONLINE, 5)
    desk.hello("pi-1", epoch=5)
    assert desk.fleet.leases["pi-1"].epoch == 5
    desk.presence("pi-1", Link.OFFLINE, 4)
    assert desk.fleet.presence("pi-1") is Presence.ONLINE


@pytest.mark.parametrize(("base", "raised"), [(7, 1), (1, 0)])
def test_a_stream_that_was_begun_with_another_store_has_its_node_told_everything_anew(base: int, raised: int) -> None:
    """Its hello was acknowledged by nobody we know: under our own numbers the node may have heard other things."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    before = desk.assignment("pi-1")
    event = SensorEvent("fresh", 7, "pi-1", "bell", "pressed", "2026-01-01T00:00:00Z", "b", 1)
    desk.heard(EventTopic(FLEET, "pi-1", "bell"), event, mark=FactMark("fresh", 7, base))
    assert desk.assignment("pi-1").epoch - before.epoch == raised
    assert desk.assignment("pi-1").tasks == before.tasks
