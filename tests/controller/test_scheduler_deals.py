"""Many tasks at once go where they would have gone one by one, each under a number of its own."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.decide.numbering import Numbering
from controller.decide.placement.ranking import ranking_of
from controller.decide.records import Availability
from protocol.stack import Resources
from tests.controller.yard import GIBIBYTE, Yard, service


def test_a_number_that_was_given_back_twice_is_taken_once() -> None:
    """A task that moves gives its number back each time, and keeps it."""
    numbering = Numbering([1, 2, 3])
    numbering.give(2)
    numbering.give(2)
    assert [numbering.take(), numbering.take()] == [2, 4]


def test_tasks_that_moved_twice_lose_no_newcomer_its_number() -> None:
    """A service that grows after its tasks moved there and back has as many tasks as it wants."""
    yard = Yard()
    yard.node("pi-1")
    yard.publish(service(replicas=1))
    yard.turn()
    yard.node("pi-2")
    for empty, full in (("pi-1", "pi-2"), ("pi-2", "pi-1")):
        yard.change(full, availability=Availability.ACTIVE)
        yard.change(empty, availability=Availability.DRAIN)
        yard.turn()
        yard.runs(full)
    yard.publish(service(replicas=0))
    yard.turn()
    yard.publish(service(replicas=3))
    yard.turn()
    assert list(yard.placed) == ["shop.web.1", "shop.web.2", "shop.web.3"]


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_a_walk_deals_what_one_task_after_another_would_get(draw: random.Random) -> None:
    """Whatever the nodes carry and hold, the many tasks of a service land as they would in turns of one replica each."""
    wish: dict[str, Any] = {
        "most_per_node": draw.choice((0, 1, 2)),
        "reservations": draw.choice((Resources(), Resources(0.7), Resources(0.1, 150 * 2**20))),
    }
    wanted, yards = draw.randint(1, 30), (Yard(), Yard())
    nodes = [(f"pi-{number}", draw.choice((1, 4)), draw.choice((1, 2))) for number in range(draw.randint(1, 8))]
    others = draw.randint(0, 9)
    for yard in yards:
        for name, cpus, gibibytes in nodes:
            yard.node(name, cpus=cpus, memory_bytes=gibibytes * GIBIBYTE)
        yard.publish(service("other", replicas=others, reservations=Resources(0.3)))
        yard.turn()
    at_once, one_by_one = yards
    other = one_by_one.services["shop.other"]
    at_once.publish(other, service(replicas=wanted, **wish))
    at_once.turn()
    for replicas in range(1, wanted + 1):
        one_by_one.publish(other, service(replicas=replicas, **wish))
        one_by_one.turn()
    assert at_once.placed == one_by_one.placed
    assert at_once.pendings == one_by_one.pendings
    next_ones = [ranking_of(yard.fleet, yard.services["shop.web"]).first(yard.fleet) for yard in yards]
    assert next_ones[0] == next_ones[1]
