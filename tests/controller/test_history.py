"""What a service was updated to, and the way back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from protocol.observed import Answer
from protocol.operator import Denial, OrderVerb
from tests.controller.desk import Desk, web
from tests.controller.pi import Pi

CONFIG = "{parallelism: 1, monitor: 1s}"


def publish(desk: Desk, image: str, **deploy: str) -> None:
    """Another revision comes into force."""
    desk.manifest("shop", web(image, replicas="2", **({"update_config": CONFIG} | deploy)))


def fleet(path: Path | None = None) -> tuple[Desk, list[Pi]]:
    """A service with two tasks that run, at its first revision."""
    desk = Desk(path)
    nodes = [Pi(desk, f"pi-{number}").join() for number in (1, 2)]
    publish(desk, "web:1")
    for node in nodes:
        node.read()
        node.report()
    return desk, nodes


def update(nodes: list[Pi], key: str, *, well: bool = True) -> None:
    """Every node goes through the update, or as many as may."""
    for number, node in enumerate(nodes):
        node.update(f"{key}nonce{number}000", well=well)


def ask(desk: Desk, verb: OrderVerb, key: str, /, target: str = "shop.web", **arguments: Any) -> Answer:
    """Order something of the service."""
    answer = desk.order(verb, target, key=key, **arguments)
    assert answer is not None
    return answer


def history(desk: Desk, key: str) -> list[tuple[int, str, str]]:
    """Numbers, images and states, the newest first."""
    answer = ask(desk, OrderVerb.ROLLOUT_HISTORY, key)
    assert answer.ok
    return [(row["number"], row["image"], row["state"]) for row in answer.result]


def images(desk: Desk) -> set[str]:
    """What the nodes were told to run."""
    return {image for node in desk.fleet.nodes for image in desk.tasks(node).values()}


def test_every_revision_has_a_row_with_what_became_of_it(tmp_path: Path) -> None:
    """Done, replaced in the middle, under way, present: numbers count up, the newest comes first; a restart forgets nothing."""
    desk, nodes = fleet(tmp_path)
    assert history(desk, "h1") == [(1, "web:1", "present")]
    publish(desk, "web:2")
    assert history(desk, "h2") == [(2, "web:2", "rolling"), (1, "web:1", "done")]
    desk.restart()
    publish(desk, "web:3")
    update(nodes, "a")
    assert history(desk, "h3") == [(3, "web:3", "present"), (2, "web:2", "replaced"), (1, "web:1", "done")]
    desk.restart()
    assert history(desk, "h4") == [(3, "web:3", "present"), (2, "web:2", "replaced"), (1, "web:1", "done")]


def test_after_a_rollback_what_was_before_is_present() -> None:
    """The row of the revision that failed says so, with the reason, also when the next one has come."""
    desk, nodes = fleet()
    publish(desk, "web:2", update_config="{parallelism: 1, monitor: 1s, failure_action: rollback}")
    update(nodes, "a", well=False)
    for node in nodes:
        node.report()
    assert history(desk, "h1") == [(2, "web:2", "rolled_back"), (1, "web:1", "present")]
    publish(desk, "web:3")
    rows = ask(desk, OrderVerb.ROLLOUT_HISTORY, "h2").result
    assert [(row["number"], row["state"]) for row in rows] == [(3, "rolling"), (2, "rolled_back"), (1, "done")]
    assert rows[1]["reason"]


@pytest.mark.parametrize("number", range(2, 12))
def test_ten_rows_are_kept_and_each_of_them_can_be_gone_back_to(number: int) -> None:
    """The eleventh pushes the first out."""
    desk, _ = fleet()
    for image in range(2, 12):
        publish(desk, f"web:{image}")
    assert [row for row, *_ in history(desk, "h1")] == list(range(11, 1, -1))
    assert ask(desk, OrderVerb.ROLLOUT_UNDO, "u1", number=number).ok
    assert desk.fleet.catalogue.services["shop.web"].container.image == f"web:{number}"
    refused = ask(desk, OrderVerb.ROLLOUT_UNDO, "u2", number=1)
    assert (refused.ok, refused.result) == (False, {"denial": Denial.NOT_FOUND.value})


def test_to_go_back_is_an_ordinary_update(tmp_path: Path) -> None:
    """Nothing is taken down at once; each node goes in its turn, and the same revision as then runs again."""
    desk, nodes = fleet(tmp_path)
    first = nodes[0].revision("shop.web.1") if "shop.web.1" in desk.tasks("pi-1") else nodes[1].revision("shop.web.1")
    publish(desk, "web:2")
    update(nodes, "a")
    assert images(desk) == {"web:2"}
    done = ask(desk, OrderVerb.ROLLOUT_UNDO, "u1")
    assert done.message == f"shop.web goes back to number 1, revision {first}, as an update, until its manifest changes"
    assert images(desk) == {"web:2"}
    desk.restart()
    update(nodes, "b")
    assert images(desk) == {"web:1"}
    assert desk.fleet.rollouts["shop.web"].state == "done"
    assert history(desk, "h1") == [(3, "web:1", "present"), (2, "web:2", "done"), (1, "web:1", "done")]
    assert desk.stack("shop").converged


def test_ordered_twice_it_changes_nothing() -> None:
    """Without a number it does not go forth again; with one it is there already."""
    desk, nodes = fleet()
    publish(desk, "web:2")
    update(nodes, "a")
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u1")
    rollout = desk.fleet.rollouts["shop.web"].id
    again = [ask(desk, OrderVerb.ROLLOUT_UNDO, "u2"), ask(desk, OrderVerb.ROLLOUT_UNDO, "u3", number=1)]
    assert [answer.ok for answer in again] == [True, True]
    assert "already" in again[0].message
    assert "already" in again[1].message
    assert desk.fleet.rollouts["shop.web"].id == rollout
    assert len(history(desk, "h1")) == 3


def test_a_manifest_that_changes_the_service_outdates_it() -> None:
    """The same one again does not, nor a remark in it, nor what it says of others."""
    desk, nodes = fleet()
    text = web("web:2", replicas="2", update_config=CONFIG)
    desk.manifest("shop", text)
    update(nodes, "a")
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u1")
    update(nodes, "b")
    for same in (text, text + "# a remark\n", text + "  other: {image: o}\n"):
        desk.manifest("shop", same)
        assert desk.fleet.catalogue.services["shop.web"].container.image == "web:1"
    publish(desk, "web:3")
    assert desk.fleet.catalogue.services["shop.web"].container.image == "web:3"
    assert len(desk.fleet.undos) == 0


def test_an_update_that_is_undone_in_the_middle_turns_round() -> None:
    """Who was updated goes back, who was not stays as it is; it is the same with one that has paused because it failed."""
    desk, nodes = fleet()
    publish(desk, "web:2")
    assert nodes[0].update("nonce0000")
    nodes[1].update("nonce1000", well=False)
    assert desk.fleet.rollouts["shop.web"].state == "paused"
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u1")
    update(nodes, "b")
    assert images(desk) == {"web:1"}
    assert history(desk, "h1")[0] == (3, "web:1", "present")


def test_replicas_stay_as_they_are_wanted_now_and_restarts_still_count() -> None:
    """How many is not part of a revision; what was gone back to can be begun anew."""
    desk, nodes = fleet()
    publish(desk, "web:2")
    update(nodes, "a")
    ask(desk, OrderVerb.SCALE, "s1", replicas=1)
    ask(desk, OrderVerb.RESTART, "r1")
    update(nodes, "b")
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u1", number=1)
    service = desk.fleet.catalogue.services["shop.web"]
    assert (service.container.image, service.replicas, service.restarts) == ("web:1", 1, 0)
    ask(desk, OrderVerb.SCALE, "s2", replicas=2)
    ask(desk, OrderVerb.RESTART, "r2")
    service = desk.fleet.catalogue.services["shop.web"]
    assert (service.container.image, service.replicas, service.restarts) == ("web:1", 2, 1)


def test_back_to_what_the_manifest_says_leaves_no_order_behind() -> None:
    """There and back again."""
    desk, nodes = fleet()
    publish(desk, "web:2")
    update(nodes, "a")
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u1")
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u2", number=2)
    assert len(desk.fleet.undos) == 0
    assert desk.fleet.catalogue.services["shop.web"].container.image == "web:2"


def test_what_was_taken_back_is_no_place_to_go_back_to_unless_it_is_named() -> None:
    """Without a number the last one that was not rolled back is meant."""
    desk, nodes = fleet()
    publish(desk, "web:2", update_config="{parallelism: 1, monitor: 1s, failure_action: rollback}")
    update(nodes, "a", well=False)
    for node in nodes:
        node.report()
    publish(desk, "web:3")
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u1")
    assert desk.fleet.catalogue.services["shop.web"].container.image == "web:1"
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u2", number=2)
    assert desk.fleet.catalogue.services["shop.web"].container.image == "web:2"


@pytest.mark.parametrize(
    ("target", "arguments", "denial"),
    [
        ("shop.no", {}, Denial.NOT_FOUND), ("shop.web", {"number": 7}, Denial.NOT_FOUND), ("shop.web", {}, Denial.CONFLICT),
        ("shop.web", {"number": "1"}, None), ("shop.web", {"number": True}, None),
    ],
)  # fmt: skip
def test_an_undo_that_makes_no_sense_is_refused(target: str, arguments: dict[str, Any], denial: Denial | None) -> None:
    """In a sentence, and nothing changes."""
    desk, _ = fleet()
    answer = ask(desk, OrderVerb.ROLLOUT_UNDO, "u1", target, **arguments)
    assert (answer.ok, answer.result) == (False, {"denial": denial.value} if denial else None)
    assert answer.message
    assert len(desk.fleet.undos) == 0


def test_going_back_takes_nothing_that_another_stack_has_claimed_since() -> None:
    """A port that was given up and taken by somebody else is theirs; the same with a service that is gone."""
    desk = Desk()
    desk.hello("pi-1")
    ports = "services:\n  web: {image: 'web:1', ports: ['80:80'], depends_on: [db]}\n  db: {image: db}\n"
    desk.manifest("shop", ports)
    desk.manifest("shop", ports.replace("['80:80']", "[]").replace("web:1", "web:2"))
    desk.manifest("rival", "services: {web: {image: a, ports: ['80:80']}}")
    refused = ask(desk, OrderVerb.ROLLOUT_UNDO, "u1")
    assert (refused.ok, "port 80/tcp" in refused.message) == (False, True)
    desk.manifest("rival", "")
    desk.manifest("shop", "services: {web: {image: 'web:3'}}")
    refused = ask(desk, OrderVerb.ROLLOUT_UNDO, "u2")
    assert (refused.ok, "depends on 'db'" in refused.message) == (False, True)
    assert desk.fleet.catalogue.services["shop.web"].container.image == "web:3"


def test_a_removed_stack_leaves_no_history() -> None:
    """Whoever comes under its name begins with number 1."""
    desk, _ = fleet()
    publish(desk, "web:2")
    ask(desk, OrderVerb.ROLLOUT_UNDO, "u1")
    desk.manifest("shop", "")
    assert (len(desk.fleet.histories), len(desk.fleet.undos)) == (0, 0)


def test_a_row_says_when_by_peoples_clock() -> None:
    """For people; nothing is decided by it."""
    desk = Desk()
    desk.fleet.wall = "2026-11-21T10:00:00+00:00"
    desk.manifest("shop", web())
    assert ask(desk, OrderVerb.ROLLOUT_HISTORY, "h1").result[0]["at"] == "2026-11-21T10:00:00+00:00"
