"""Nodes that an operator keeps at what they run."""

from __future__ import annotations

from pathlib import Path

from controller.decide.records import Pin
from protocol.observed import Answer
from protocol.operator import Denial, OrderVerb
from tests.controller.desk import Desk, web
from tests.controller.pi import Pi

CONFIG = "{parallelism: 1, monitor: 1s}"


def fleet(path: Path | None = None, count: int = 3) -> tuple[Desk, list[Pi]]:
    """A service that runs on every node."""
    desk = Desk(path)
    desk.manifest("shop", web(mode="global", update_config=CONFIG))
    nodes = [Pi(desk, f"pi-{number}").join() for number in range(1, count + 1)]
    for node in nodes:
        node.read()
        node.report()
    return desk, nodes


def publish(desk: Desk, image: str) -> None:
    """Another revision comes into force."""
    desk.manifest("shop", web(image, mode="global", update_config=CONFIG))


def ordered(desk: Desk, verb: OrderVerb, key: str, node: str = "pi-1", target: str = "shop.web") -> Answer:
    """Pin, or unpin."""
    answer = desk.order(verb, target, key=key, node=node)
    assert answer is not None
    return answer


def lanes(desk: Desk, key: str) -> dict[str, tuple[str, str]]:
    """The lanes of the one rollout, by node."""
    answer = desk.order(OrderVerb.ROLLOUT_STATUS, "shop.web", key=key)
    assert answer is not None
    return {lane["node"]: (lane["state"], lane["reason"]) for lane in answer.result[0]["lanes"]}


def test_a_pinned_node_is_passed_by_with_the_reason(tmp_path: Path) -> None:
    """It is offered nothing and counted as nothing; the update is done without it, also over our restart."""
    desk, (first, second, third) = fleet(tmp_path)
    old = first.revision("shop.web.pi-1")
    assert ordered(desk, OrderVerb.PIN, "p1").ok
    publish(desk, "web:2")
    desk.restart()
    assert desk.offers("pi-1").offers == ()
    assert not first.update("nonce0000")
    assert second.update("nonce1000")
    assert third.update("nonce2000")
    status = desk.stack("shop")
    rollout = status.services[0].rollout
    assert rollout is not None
    assert (rollout.state, rollout.updated, rollout.unseen, rollout.failed) == ("done", 2, 0, 0)
    assert rollout.reasons == (f"pi-1: pinned to {old} by an operator",)
    assert status.converged
    assert lanes(desk, "s1")["pi-1"] == ("pinned", f"pinned to {old} by an operator")
    assert first.revision("shop.web.pi-1") == old != second.revision("shop.web.pi-2")


def test_an_unpinned_node_is_updated_late() -> None:
    """The rollout that was done goes on with it, and is done again."""
    desk, nodes = fleet()
    first, others = nodes[0], nodes[1:]
    ordered(desk, OrderVerb.PIN, "p1")
    publish(desk, "web:2")
    assert all(node.update(f"nonce{number}000") for number, node in enumerate(others))
    assert ordered(desk, OrderVerb.UNPIN, "p2").ok
    assert desk.fleet.rollouts["shop.web"].state == "rolling"
    assert first.update("nonce9000")
    assert desk.fleet.rollouts["shop.web"].state == "done"
    assert lanes(desk, "s1")["pi-1"][0] == "settled"


def test_a_pin_in_the_middle_of_an_update_takes_its_offer_back() -> None:
    """What was staged there is not tried any more; what failed there counts no more."""
    desk, (first, second, third) = fleet()
    publish(desk, "web:2")
    first.read()
    assert len(desk.offers("pi-1").offers) == 1
    ordered(desk, OrderVerb.PIN, "p1")
    assert desk.offers("pi-1").offers == ()
    assert not first.update("nonce0000")
    second.update("nonce1000", well=False)
    assert desk.fleet.rollouts["shop.web"].state == "paused"
    ordered(desk, OrderVerb.PIN, "p2", "pi-2")
    assert {node: state for node, (state, _) in lanes(desk, "s1").items()} == {
        "pi-1": "pinned", "pi-2": "pinned", "pi-3": "waiting",
    }  # fmt: skip
    desk.order(OrderVerb.ROLLOUT_RESUME, "shop.web", key="r1")
    assert third.update("nonce2000")
    assert desk.fleet.rollouts["shop.web"].state == "done"


def test_while_a_node_is_trying_nothing_is_pinned_there() -> None:
    """Nobody knows what it will run; afterwards the pin keeps what it runs then, also through a rollback."""
    desk, (first, second, _) = fleet()
    publish(desk, "web:2")
    first.read()
    first.ask("nonce000")
    first.go()
    refused = ordered(desk, OrderVerb.PIN, "p1")
    assert (refused.ok, refused.result) == (False, {"denial": Denial.CONFLICT.value})
    first.report()
    first.end(well=True)
    first.recover()
    first.report()
    first.report()
    new = first.revision("shop.web.pi-1")
    assert ordered(desk, OrderVerb.PIN, "p2").ok
    desk.order(OrderVerb.ROLLOUT_ABORT, "shop.web", key="a1")
    second.report()
    assert desk.fleet.rollouts["shop.web"].state == "rolled_back"
    assert desk.fleet.tasks["shop.web.pi-1"].revision == new == first.revision("shop.web.pi-1")


def test_pinning_twice_changes_nothing_and_so_does_unpinning() -> None:
    """Each verb may be given in each state; what is not there is denied by a word."""
    desk, _ = fleet()
    first, again = ordered(desk, OrderVerb.PIN, "p1"), ordered(desk, OrderVerb.PIN, "p2")
    assert (first.ok, first.message) == (again.ok, again.message)
    assert [ordered(desk, OrderVerb.UNPIN, key).ok for key in ("u1", "u2")] == [True, True]
    for node, target in (("pi-9", "shop.web"), ("pi-1", "shop.no")):
        for verb in (OrderVerb.PIN, OrderVerb.UNPIN):
            refused = ordered(desk, verb, f"{verb}{node}{target}", node, target)
            assert (refused.ok, refused.result) == (False, {"denial": Denial.NOT_FOUND.value})


def test_a_node_that_carries_nothing_of_a_service_cannot_be_pinned() -> None:
    """There is nothing to be kept."""
    desk = Desk()
    desk.hello("pi-1")
    desk.hello("pi-2")
    desk.manifest("shop", web())
    (empty,) = {"pi-1", "pi-2"} - {desk.fleet.tasks["shop.web.1"].node}
    refused = ordered(desk, OrderVerb.PIN, "p1", empty)
    assert (refused.ok, refused.result) == (False, {"denial": Denial.CONFLICT.value})


def test_pins_go_with_their_node_and_with_their_service() -> None:
    """Nothing is left of them that could surprise whoever comes under the same name."""
    desk, _ = fleet()
    ordered(desk, OrderVerb.PIN, "p1", "pi-1")
    ordered(desk, OrderVerb.PIN, "p2", "pi-2")
    desk.order(OrderVerb.DECOMMISSION, "pi-1", key="d1", force=True)
    desk.status("pi-1")
    assert set(desk.fleet.pins) == {"shop.web@pi-2"}
    desk.manifest("shop", "services: {other: {image: a}}")
    assert set(desk.fleet.pins) == set()


def test_a_pinned_node_that_is_still_trying_an_older_update_holds_its_place() -> None:
    """A pin that outlives a service's change of mind takes no held slot away: its node has not reported yet."""
    desk, (first, *_) = fleet()
    publish(desk, "web:2")
    first.read()
    first.ask("nonce000")
    first.go()
    first.report()
    desk.fleet.pins.put("shop.web@pi-1", Pin("shop.web", "pi-1"))
    publish(desk, "web:3")
    assert desk.fleet.slots["shop.web.pi-1"].state == "granted"
    first.read()
    first.report()
    first.recover()
    first.report()
    assert "shop.web.pi-1" not in desk.fleet.slots


def test_what_nobody_has_tried_is_not_what_a_new_node_begins_with() -> None:
    """Every node is pinned, so the update is done at once, and proved by nobody: whoever joins is offered it like any other."""
    desk, nodes = fleet()
    old = nodes[0].revision("shop.web.pi-1")
    for number in (1, 2, 3):
        ordered(desk, OrderVerb.PIN, f"p{number}", f"pi-{number}")
    publish(desk, "web:2")
    assert desk.fleet.rollouts["shop.web"].state == "done"
    late = Pi(desk, "pi-4").join()
    late.read()
    late.report()
    assert late.revision("shop.web.pi-4") == old
    assert late.update("nonce0000", well=False)
    assert late.revision("shop.web.pi-4") == old
    publish(desk, "web:3")
    assert desk.fleet.rollouts["shop.web"].previous == old
