"""The whole decision core over histories of nodes that come, go and change: counts, reasons, and turns that have nothing to say."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from controller.decide.cycle import cycle
from protocol.observed import Link
from protocol.operator import OrderVerb
from tests.controller.desk import Desk, web

NODES = tuple(f"pi-{number}" for number in range(4))
PLACED = "{constraints: [node.labels.place == porch]}"


def churn(draw: random.Random, desk: Desk, turn: int) -> None:
    """A node joins or is relabelled, goes, is drained or taken back, reports; or another number of tasks is wanted."""
    name = draw.choice(NODES)
    match draw.randrange(6):
        case 0 | 1:
            desk.hello(name, labels={"place": draw.choice(("porch", "attic"))}, epoch=turn)
        case 2:
            desk.presence(name, draw.choice((Link.ONLINE, Link.OFFLINE)), epoch=turn)
        case 3 if name in desk.fleet.nodes:
            desk.order(draw.choice((OrderVerb.DRAIN, OrderVerb.ACTIVATE, OrderVerb.PAUSE)), name, key=f"o{turn}")
        case 4 if name in desk.fleet.nodes:
            desk.runs(name)
        case _:
            desk.manifest("shop", web(replicas=str(draw.randint(0, 5)), placement=PLACED))


def check(desk: Desk) -> None:
    """As many tasks as are wanted, or the number that is missing and why; and nothing left to say."""
    fleet = desk.fleet
    for key, service in fleet.catalogue.services.items():
        placed, pending = len(fleet.tasks.of("service", key)), fleet.pendings.get(key)
        assert placed + (pending.missing if pending else 0) == service.replicas
        assert pending is None or (pending.missing > 0 and pending.reasons)
    assert cycle(fleet, desk.now) == ()


@given(st.randoms(use_true_random=False))
@settings(max_examples=40, deadline=None)
def test_counts_and_reasons_hold_under_churn_and_a_turn_without_input_is_silent(draw: random.Random) -> None:
    """After every change each task has a node or a reason, and the same turn again has no effect."""
    desk = Desk()
    desk.manifest("shop", web(replicas="3", placement=PLACED))
    for turn in range(1, draw.randint(2, 20)):
        churn(draw, desk, turn)
        check(desk)
        desk.turn(draw.choice((0.0, 5.0, 120.0)))
        check(desk)
