"""Functions that nodes call by coming and going: once for each time, wherever the controller ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from controller.decide.effects import Remark
from controller.decide.presence import Presence
from protocol.observed import Link
from tests.controller.desk import Desk
from tests.controller.test_invocations import RUNS, dispatched

STACK = """
functions:
  tell:
    image: tell:1
    nodes: ["node.labels.runs == yes"]
    triggers:
      - {node: offline, when: [{exact: {data.labels.site: home}}]}
      - {node: online, when: [{prefix: {node: pi-}}]}
"""
HOME = {"site": "home"}
GRACE_S = 11.0


def desk_with(path: Path | None = None) -> Desk:
    """One node that runs the function, one at home, and one elsewhere."""
    desk = Desk(path)
    desk.hello("hub", labels=RUNS)
    desk.manifest("watch", STACK)
    desk.effects.clear()
    desk.hello("pi-1", labels=HOME)
    desk.hello("shed-1")
    return desk


def go(desk: Desk, node: str, epoch: int = 1) -> tuple[Any, ...]:
    """A node's connection breaks, and it does not come back in time."""
    desk.presence(node, Link.OFFLINE, epoch)
    effects = desk.turn(GRACE_S)
    assert desk.fleet.presence(node) is Presence.OFFLINE
    return effects


def causes(desk: Desk) -> list[tuple[str, str]]:
    """What called, as the ledger has it: node and word."""
    entries = sorted((desk.fleet.ledger[key] for key in desk.fleet.ledger), key=lambda entry: entry.number)
    asked = [entry.invocation.attributes for entry in entries]
    return [(said["node"], said["type"].rpartition(".")[2]) for said in asked]


def test_a_node_that_goes_and_comes_calls_each_time() -> None:
    """The function runs on a node that has it, and reads who it was; others that go call nothing here."""
    desk = desk_with()
    assert causes(desk) == [("pi-1", "online")]
    gone = dispatched(go(desk, "pi-1"))
    assert [node for node, _ in gone] == ["hub"]
    asked = desk.fleet.ledger[gone[0][1]].invocation
    said = '{"event_type":"offline","labels":{"site":"home"},"reason":"its connection broke"}'
    assert (asked.body, asked.attributes["subject"]) == (said, "pi-1")
    assert dispatched(go(desk, "shed-1")) == []
    back = dispatched(desk.presence("pi-1", Link.ONLINE, 2))
    assert len({key for _, key in [*gone, *back]}) == 2
    assert dispatched(go(desk, "pi-1", 2)) != []
    assert causes(desk) == [("pi-1", word) for word in ("online", "offline", "online", "offline")]


def test_a_short_break_calls_nothing() -> None:
    """A node that was only doubted has not gone, and does not come."""
    desk = desk_with()
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(GRACE_S / 2)
    desk.presence("pi-1", Link.ONLINE, 2)
    desk.turn(GRACE_S * 2)
    assert causes(desk) == [("pi-1", "online")]


def test_the_same_connection_may_fall_silent_twice() -> None:
    """A half-open connection has one epoch, and each silence is one of its own."""
    desk = desk_with()
    for _ in range(2):
        desk.turn(200.0)
        desk.turn(GRACE_S)
        assert desk.fleet.presence("pi-1") is Presence.OFFLINE
        desk.presence("pi-1", Link.ONLINE)
    assert causes(desk).count(("pi-1", "offline")) == 2


def test_a_restart_repeats_no_call_and_loses_none(tmp_path: Path) -> None:
    """Belief and call are one commit: what was called stays called, and what was not yet believed is called later."""
    desk = desk_with(tmp_path)
    go(desk, "pi-1")
    before = causes(desk)
    desk.restart()
    desk.presence("pi-1", Link.OFFLINE)
    desk.turn(GRACE_S)
    assert causes(desk) == before
    desk.presence("pi-1", Link.ONLINE, 2)
    desk.presence("pi-1", Link.OFFLINE, 2)
    desk.restart()
    desk.presence("pi-1", Link.OFFLINE, 2)
    desk.turn(GRACE_S)
    assert causes(desk) == [*before, ("pi-1", "online"), ("pi-1", "offline")]
    assert len(desk.fleet.ledger) == 4


def test_a_stack_that_is_gone_is_called_no_more() -> None:
    """Without such triggers nothing is counted and nothing is asked."""
    desk = desk_with()
    desk.manifest("watch", "")
    before = causes(desk)
    go(desk, "pi-1")
    assert (causes(desk), desk.fleet.catalogue.watching) == (before, set())


def test_a_condition_that_cannot_be_told_calls_nothing_and_is_told_once() -> None:
    """A node without the label that it asks for; every other one calls."""
    desk = Desk(None)
    desk.hello("hub", labels=RUNS)
    desk.manifest(
        "watch", STACK.replace("{exact: {data.labels.site: home}}", "{cel: event.data.labels.site == 'home'}")
    )
    for name, labels in (("pi-1", HOME), ("shed-1", {}), ("shed-2", {})):
        desk.hello(name, labels=labels)
    found = [go(desk, name) for name in ("shed-1", "shed-2", "pi-1")]
    assert causes(desk) == [("pi-1", "online"), ("pi-1", "offline")]
    said = [effect.sentence for effects in found for effect in effects if isinstance(effect, Remark)]
    assert [one for one in said if "cannot be told" in one] == [
        "trigger 0 of watch.tell calls nothing: its condition cannot be told: there is no key 'site'"
    ]
    assert desk.fleet.counts["conditions_unclear", "watch.tell"] == 2
