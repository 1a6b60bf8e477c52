"""Two devices under one name: how that is seen, what it stops, and how it ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from controller.decide.effects import Remark, Say
from controller.decide.presence import Presence
from controller.decide.rollouts.slot import SlotState
from controller.decide.twins import ALONE_S, APART_S, LOOK_EVERY_S, RETURNS
from protocol.desired import Ack
from protocol.envelope import FactMark
from protocol.observed import Health, Hello, Inventory, Link, NodeStatus, SensorEvent, TaskState
from protocol.observed import Presence as Said
from protocol.operator import OrderVerb
from protocol.topics import AckTopic, AssignmentTopic, EventTopic, HealthTopic, HelloTopic, PresenceTopic, StatusTopic
from tests.controller.desk import FLEET, Desk, running, web

PI = "pi-1"


def born(desk: Desk, instance: str, epoch: int, boot: str = "") -> tuple[Any, ...]:
    """A process connects."""
    return desk.heard(PresenceTopic(FLEET, PI), Said(Link.ONLINE, epoch, boot, "1", instance))


def greets(desk: Desk, instance: str, number: int, epoch: int = 1, **more: Any) -> tuple[Any, ...]:
    """It says what it is made of, on the stream of its own card."""
    device = {"a": ("10a1", "192.0.2.7"), "b": ("10b2", "192.0.2.9")}[instance[0]]
    inventory = Inventory(PI, "aarch64", engine="20.10", address=device[1], serial=device[0])
    said = Hello(PI, epoch, "boot", "1", inventory, instance=instance, **more)
    return desk.heard(HelloTopic(FLEET, PI), said, mark=FactMark(f"s-{instance[0]}", number, 1))


def copied(path: Path | None = None) -> Desk:
    """A fleet in which somebody has copied the card of pi-1, and switched the copy on."""
    desk = Desk(path)
    desk.hello("pi-2")
    born(desk, "a", 7)
    greets(desk, "a", 1, epoch=7)
    desk.manifest("shop", web(mode="global"))
    for node in (PI, "pi-2"):
        desk.runs(node)
    born(desk, "b", 8)
    greets(desk, "b", 1, epoch=8)
    assert desk.fleet.presence(PI) is Presence.ONLINE
    born(desk, "a", 8)
    return desk


def test_a_process_that_returns_after_another_is_on_another_device(tmp_path: Path) -> None:
    """The store of a reboot counts on: a connection of the first process after one of the second has no place in it."""
    desk = copied(tmp_path)
    assert desk.fleet.presence(PI) is Presence.QUARANTINED
    assert desk.fleet.counts["presence", "quarantined"] == 1
    assert desk.fleet.presence("pi-2") is Presence.ONLINE
    desk.restart()
    assert desk.fleet.presence(PI) is Presence.QUARANTINED


ONE_STORE = [
    [("a", 1), ("a", 2), ("a", 3)],
    [("a", 1), ("a", 2), ("b", 3), ("b", 4), ("c", 5)],
    [("a", 1), ("b", 3), ("a", 2), ("b", 4)],
    [("a", 1), ("b", 3), ("a", 2), ("b", 3), ("a", 1)],
    [("a", 9), ("b", 3), ("b", 4), ("b", 9), ("b", 10)],
    [("", 1), ("b", 2), ("", 3), ("b", 4)],
]


@pytest.mark.parametrize("births", ONE_STORE)
def test_neither_a_restart_nor_a_late_birth_nor_a_restored_card_looks_like_it(births: list[tuple[str, int]]) -> None:
    """Processes of one store follow each other, however late and however often the broker tells it."""
    desk = Desk()
    desk.hello(PI)
    for instance, epoch in births:
        born(desk, instance, epoch)
    assert desk.fleet.presence(PI) is Presence.ONLINE


def test_a_copy_that_counts_far_ahead_is_found_all_the_same() -> None:
    """It was alone for a day without a network: no connection of the one lies between two of the other, but both return."""
    desk = Desk()
    desk.hello(PI)
    for number in range(RETURNS):
        born(desk, "a", 10 + number)
        born(desk, "b", 900 + number)
        assert desk.fleet.presence(PI) is Presence.ONLINE
    born(desk, "a", 50)
    assert desk.fleet.presence(PI) is Presence.QUARANTINED


def test_agents_that_do_not_name_themselves_are_known_by_their_boots() -> None:
    """An agent of an older release; its boot does not return either."""
    desk = Desk()
    desk.hello(PI)
    for boot, epoch in (("x", 3), ("y", 4), ("x", 4)):
        born(desk, "", epoch, boot)
    assert desk.fleet.presence(PI) is Presence.QUARANTINED


def told(effects: tuple[Any, ...]) -> list[str]:
    """The topics of what pi-1 was told, without acknowledgements."""
    topics = [str(effect.topic) for effect in effects if isinstance(effect, Say)]
    return [topic for topic in topics if f"/{PI}/down/" in topic and not topic.endswith("/ack")]


def test_it_is_told_nothing_and_nothing_of_it_moves() -> None:
    """A new image, a drain, a hello, a new connection of ours: its tasks may run on either device."""
    desk = copied()
    effects = list(desk.manifest("shop", web("web:2", mode="global")))
    desk.order(OrderVerb.DRAIN, PI, key="o2")
    effects += [*greets(desk, "b", 2), *born(desk, "b", 9), *desk.turn(100.0)]
    desk.link_down()
    desk.link_up()
    effects += desk.turn(10.0)
    assert told(tuple(effects)) == []
    assert desk.fleet.holds["shop.web.pi-1"].nodes == (PI,)
    assert AssignmentTopic(FLEET, "pi-2") in [effect.topic for effect in desk.effects if isinstance(effect, Say)]


def test_neither_of_them_can_show_that_a_task_has_stopped() -> None:
    """The copy runs nothing: a task that moved away waits, for it may still run on the other (S2)."""
    desk = Desk()
    born(desk, "a", 7)
    greets(desk, "a", 1, epoch=7)
    desk.manifest("shop", web())
    desk.runs(PI)
    desk.hello("pi-2")
    born(desk, "b", 8)
    born(desk, "a", 8)
    desk.order(OrderVerb.DRAIN, PI)
    now = desk.assignment(PI)
    desk.heard(StatusTopic(FLEET, PI), NodeStatus(PI, 99, 1, now.epoch, now.generation + 5))
    assert desk.tasks("pi-2") == {}
    assert desk.fleet.holds["shop.web.1"].nodes == (PI,)


def test_a_place_in_a_budget_stays_taken_while_nobody_knows_who_tries() -> None:
    """What it was granted is lost until one device is left; an update goes on with the others as if it were away."""
    desk = copied()
    desk.manifest("shop", web("web:2", mode="global"))
    slot = desk.fleet.slots["shop.web.pi-1"]
    assert (slot.is_away, slot.state) == (True, SlotState.WAITING)


def test_events_of_both_are_taken_and_kept_apart() -> None:
    """Each card has a stream of its own: the seventh event of one is not that of the other."""
    desk = copied()
    for stream in ("s-a", "s-b"):
        event = SensorEvent(stream, 7, PI, "bell", "pressed", "2026-01-01T00:00:00Z", "b", 1)
        desk.heard(EventTopic(FLEET, PI, "bell"), event, mark=FactMark(stream, 7, 7))
        assert desk.said[str(AckTopic(FLEET, PI))] == Ack(stream, 7, epoch=1)
    assert desk.fleet.counts["events",] == 2


def test_people_are_told_what_happened_and_what_to_do() -> None:
    """In the list of nodes, in the stack's report, in `explain`, in the log, and to whoever gives it a command."""
    desk = copied()
    greets(desk, "b", 2)
    wanted = (
        "two devices speak under the name pi-1 (serial 10a1 at 192.0.2.7, and serial 10b2 at 192.0.2.9), so it is told nothing"
        " new: give one of them another name (`node` in its agent.toml), then `bramble node activate pi-1`"
    )
    answers = [desk.order(verb, target) for verb, target in ((OrderVerb.NODES, ""), (OrderVerb.INSPECT, PI))]
    answers.append(desk.order(OrderVerb.EXPLAIN, "shop.web"))
    assert all(answer is not None and wanted in str(answer.result) for answer in answers)
    assert any(wanted in reason for reason in desk.stack("shop").services[0].reasons)
    assert not desk.stack("shop").converged
    command = desk.order(OrderVerb.COMMAND, PI, verb="pins")
    assert command is not None
    assert (command.ok, command.message) == (False, wanted)
    said = [effect.sentence for effect in desk.effects if isinstance(effect, Remark) and effect.subject == PI]
    assert any(sentence.startswith("two devices speak under the name pi-1") for sentence in said)


def test_it_is_released_when_one_device_alone_was_heard_for_long_enough() -> None:
    """Two that are there both connect within a minute; then it is told what it missed."""
    desk = copied()
    desk.manifest("shop", web("web:2", mode="global"))
    for _ in range(10):
        assert desk.fleet.presence(PI) is Presence.QUARANTINED
        desk.heard(HealthTopic(FLEET, PI), Health(1.0, 0.1, 1, 1))
        desk.turn(ALONE_S / 10)
    assert desk.fleet.presence(PI) is Presence.ONLINE
    assert desk.fleet.slots["shop.web.pi-1"].is_away is False
    assert [offer.task.container.image for offer in desk.offers(PI).offers] == ["web:2"]


def test_a_name_under_which_nobody_speaks_stays_quarantined() -> None:
    """Silence of both says nothing of who is left."""
    desk = copied()
    desk.turn(10 * ALONE_S)
    desk.turn(10 * ALONE_S)
    assert desk.fleet.presence(PI) is Presence.QUARANTINED


def test_an_operator_may_release_it_when_one_has_fallen_silent() -> None:
    """Not while both were heard a moment ago; what the one that is left said last is taken in."""
    desk = copied()
    early = desk.order(OrderVerb.ACTIVATE, PI)
    assert early is not None
    assert not early.ok
    assert f"ask again in {APART_S:.0f} s" in early.message
    desk.turn(APART_S)
    greets(desk, "a", 2, epoch=8, assignment_epoch=1, assignment_generation=1)
    now = desk.assignment(PI)
    desk.heard(StatusTopic(FLEET, PI), NodeStatus(PI, 8, 1, now.epoch, now.generation, 0, running(now)))
    late = desk.order(OrderVerb.ACTIVATE, PI, key="o2")
    assert late is not None
    assert late.ok
    assert desk.fleet.presence(PI) is Presence.ONLINE
    assert (desk.fleet.statuses[PI].epoch, desk.fleet.nodes[PI].inventory.serial) == (8, "10a1")
    assert desk.fleet.seen[PI, "shop.web.pi-1"].state is TaskState.RUNNING


def test_what_was_said_before_our_restart_is_asked_for_again(tmp_path: Path) -> None:
    """Nobody remembers what the one that is left said: it is told everything under a higher epoch, and answers that."""
    desk = copied(tmp_path)
    desk.restart()
    born(desk, "a", 9)
    desk.turn(ALONE_S)
    desk.heard(HealthTopic(FLEET, PI), Health(1.0, 0.1, 1, 1))
    desk.turn(LOOK_EVERY_S)
    assert desk.fleet.presence(PI) is Presence.ONLINE
    assert (desk.assignment(PI).epoch, len(desk.tasks(PI))) == (2, 1)


def test_a_quarantined_node_can_be_let_go(tmp_path: Path) -> None:
    """Both devices are thrown away: by force, at once, and nothing of it is remembered."""
    desk = copied(tmp_path)
    answer = desk.order(OrderVerb.DECOMMISSION, PI, force=True)
    assert answer is not None
    assert answer.ok
    desk.restart()
    assert PI not in desk.fleet.nodes
    assert len(desk.fleet.quarantines) == 0
