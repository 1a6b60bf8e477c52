"""What operators order of updates, and what they are told."""

from __future__ import annotations

import pytest

from controller.decide.rollouts import progress
from controller.decide.terms import Terms
from protocol.operator import Denial, OrderVerb
from tests.controller.desk import Desk, web
from tests.controller.pi import Pi


@pytest.mark.parametrize("verb", [verb for verb in OrderVerb if verb is not OrderVerb.COMMAND])
def test_every_order_is_answered(verb: OrderVerb) -> None:
    """Whatever is asked of whatever is there or not, an operator gets one answer, and a no has a sentence."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    for number, target in enumerate(("shop.web", "nobody", "")):
        answer = desk.order(verb, target, key=f"o{number}")
        assert answer is not None
        assert answer.id == f"o{number}"
        assert answer.ok or answer.message


def updating(count: int = 3, **update: str) -> tuple[Desk, list[Pi]]:
    """A service on some nodes, in the middle of an update one at a time."""
    desk = Desk()
    config = {"parallelism": "1", "monitor": "1s"} | update
    told = f"{{{', '.join(f'{key}: {value}' for key, value in config.items())}}}"
    desk.manifest("shop", web(mode="global", update_config=told))
    nodes = [Pi(desk, f"pi-{number}").join() for number in range(1, count + 1)]
    for node in nodes:
        node.read()
        node.report()
    desk.manifest("shop", web("web:2", mode="global", update_config=told))
    return desk, nodes


def lanes(desk: Desk, key: str) -> dict[str, tuple[str, str]]:
    """The lanes of the one rollout there is, by node."""
    answer = desk.order(OrderVerb.ROLLOUT_STATUS, "shop.web", key=key)
    assert answer is not None
    assert answer.ok
    (row,) = answer.result
    return {lane["node"]: (lane["state"], lane["reason"]) for lane in row["lanes"]}


def test_a_rollout_has_a_lane_per_node_with_the_reason_for_every_wait() -> None:
    """Who is away, who has the image, who is trying, who is done: each says what it waits for."""
    desk, (first, second, third) = updating()
    third.gone()
    for node in (first, second):
        node.read()
        node.ask("nonce000")
        node.go()
        node.report()
    assert lanes(desk, "s1") == {
        "pi-1": ("granted", "its node is trying it"),
        "pi-2": ("staged", "waits for room: 1 of 1 are changing"),
        "pi-3": ("waiting", "its node is away; it is updated when it returns"),
    }
    first.end(well=True)
    first.recover()
    first.report()
    assert lanes(desk, "s2")["pi-1"] == ("settled", "")


def test_the_troubled_lanes_come_first_and_what_does_not_fit_is_counted() -> None:
    """An answer fits into a packet, however many nodes there are."""
    desk, (first, *_) = updating(count=4)
    first.update("nonce0000", well=False)
    rollout = desk.fleet.rollouts["shop.web"]
    short = progress.with_lanes(desk.fleet, rollout, desk.now, room_bytes=600)
    assert short.lanes[0].state == "failed"
    assert 0 < len(short.lanes) < 4
    assert short.reasons[-1] == f"{4 - len(short.lanes)} more lanes are not shown"


def test_a_service_that_was_never_updated_has_no_rollout() -> None:
    """A stack, a service or all may be asked for; what is not there is denied by a word."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    for number, (target, ok) in enumerate((("shop.web", True), ("shop", True), ("", True), ("shop.no", False))):
        answer = desk.order(OrderVerb.ROLLOUT_STATUS, target, key=f"o{number}")
        assert answer is not None
        assert (answer.ok, answer.result) == (ok, [] if ok else {"denial": "not-found"})


def told(desk: Desk, verb: OrderVerb, key: str, target: str = "shop.web", **arguments: str) -> tuple[bool, str]:
    """Whether an order was done, and what was said."""
    answer = desk.order(verb, target, key=key, **arguments)
    assert answer is not None
    return answer.ok, answer.message


def test_a_rollout_is_steered_by_orders() -> None:
    """Paused, resumed and aborted by name; each verb given twice changes nothing more, and the status says by whom."""
    desk, _ = updating()
    for number, (verb, states) in enumerate((
        (OrderVerb.ROLLOUT_PAUSE, ("paused", "hand")), (OrderVerb.ROLLOUT_PAUSE, ("paused", "hand")),
        (OrderVerb.ROLLOUT_RESUME, ("rolling", "")), (OrderVerb.ROLLOUT_RESUME, ("rolling", "")),
        (OrderVerb.ROLLOUT_ABORT, ("rolled_back", "")), (OrderVerb.ROLLOUT_ABORT, ("rolled_back", "")),
    )):  # fmt: skip
        done, sentence = told(desk, verb, f"o{number}")
        assert done, sentence
        status = desk.order(OrderVerb.ROLLOUT_STATUS, "shop.web", key=f"s{number}")
        assert status is not None
        assert (status.result[0]["state"], status.result[0]["paused_by"]) == states


@pytest.mark.parametrize(
    "verb",
    [OrderVerb.ROLLOUT_PAUSE, OrderVerb.ROLLOUT_RESUME, OrderVerb.ROLLOUT_CONFIRM, OrderVerb.ROLLOUT_ABORT],
)
def test_steering_what_is_not_there_is_denied_by_a_word(verb: OrderVerb) -> None:
    """No such service, or no rollout of it: two words, one sentence each."""
    desk = Desk()
    desk.hello("pi-1")
    desk.manifest("shop", web())
    for key, target, denial in (("o1", "shop.no", Denial.NOT_FOUND), ("o2", "shop.web", Denial.CONFLICT)):
        answer = desk.order(verb, target, key=key)
        assert answer is not None
        assert (answer.ok, answer.result) == (False, {"denial": denial.value})


def test_an_override_names_a_node_and_an_update_that_waits_there() -> None:
    """Its offer then minds no lock; said twice it is so already."""
    desk, _ = updating()
    assert told(desk, OrderVerb.OVERRIDE, "o1", node="pi-9")[0] is False
    assert told(desk, OrderVerb.OVERRIDE, "o2", node="pi-1") == (True, "the update of shop.web on pi-1 minds no lock")
    assert told(desk, OrderVerb.OVERRIDE, "o3", node="pi-1")[0]


def test_an_update_whose_images_are_still_looked_up_is_awaited() -> None:
    """Whoever watches right after publishing waits for it, instead of being told that nothing is going on."""
    desk = Desk(terms=Terms(image_lookup_s=10.0))
    desk.hello("pi-1")
    desk.manifest("shop", web())
    for key, target, state in (("o1", "shop.web", "awaited"), ("o2", "shop", "awaited"), ("o3", "", "awaited")):
        answer = desk.order(OrderVerb.ROLLOUT_STATUS, target, key=key)
        assert answer is not None
        assert [(row["service"], row["state"]) for row in answer.result] == [("shop.web", state)]
    desk.turn(30.0)
    answer = desk.order(OrderVerb.ROLLOUT_STATUS, "shop.web", key="o4")
    assert answer is not None
    assert answer.result == []
